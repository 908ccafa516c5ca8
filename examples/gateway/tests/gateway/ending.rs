//! The end of the server, and clients that stay connected through it.

use std::time::{Duration, Instant};

use sse_wire::client::EventSource as Source;

use super::support::{Gateway, Seen, event_source, reconnecting, request};

fn publish(number: usize) -> String {
    format!(r#"{{"topic":"a","data":"{number}"}}"#)
}

#[tokio::test]
async fn a_shutdown_turns_readiness_says_farewell_and_ends_within_the_window() {
    let mut gateway = Gateway::start(&["--drain", "3s"]);
    let mut streams = Vec::new();
    for _ in 0..20 {
        let mut events = gateway.events("topic=a", None).await;
        events.begin().await;
        streams.push(events);
    }
    assert_eq!(
        (
            gateway.status("/healthz").await,
            gateway.status("/readyz").await
        ),
        (200, 200)
    );
    gateway.publish(&publish(7)).await;
    let begin = Instant::now();
    gateway.signal("TERM");
    // Before the first farewell.
    while gateway.status("/readyz").await != 503 {
        assert!(begin.elapsed() < Duration::from_secs(1));
    }
    assert_eq!(gateway.metric("gateway_streams").await, 20.0);
    assert_eq!(gateway.status("/healthz").await, 200);
    // An event that is published now would be lost for the clients that have left.
    let json = [("content-type", "application/json")];
    let refused = request(gateway.address, "POST", "/publish", &json, &publish(8)).await;
    assert_eq!(refused.status().as_u16(), 503);
    assert_eq!(refused.headers()["retry-after"], "1");
    let farewells = streams.into_iter().map(async |mut events| {
        assert_eq!(events.data(1).await, ["7"]);
        let Some(Seen::Retry(retry)) = events.next().await else {
            panic!("no farewell")
        };
        assert!(retry <= Duration::from_secs(3));
        assert!(matches!(events.next().await, Some(Seen::Checkpoint(_))));
        assert_eq!(events.next().await, None);
        (retry, begin.elapsed())
    });
    let farewells = futures_util::future::join_all(farewells).await;
    let (mut retries, mut ends): (Vec<_>, Vec<_>) = farewells.into_iter().unzip();
    ends.sort_unstable();
    let spread = ends[ends.len() - 1] - ends[0];
    assert!(spread > Duration::from_millis(200), "{spread:?}");
    retries.sort_unstable();
    retries.dedup();
    assert!(retries.len() > 10, "they come back at once: {retries:?}");
    assert!(gateway.end().await.success());
    assert!(begin.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn a_shutdown_cuts_clients_that_take_no_bytes_and_new_ones_are_served_until_then() {
    let mut gateway = Gateway::start(&["--drain", "2s", "--write-timeout", "1h"]);
    let slow = tokio::net::TcpSocket::new_v4().expect("a socket");
    slow.set_recv_buffer_size(4096).expect("a size");
    let mut slow = slow.connect(gateway.address).await.expect("it listens");
    let subscribe = b"GET /events?topic=a HTTP/1.1\r\nhost: x\r\n\r\n";
    tokio::io::AsyncWriteExt::write_all(&mut slow, subscribe)
        .await
        .expect("it is read");
    gateway.wait_for("gateway_streams", 1.0).await;
    let large = format!(r#"{{"topic":"a","data":"{}"}}"#, "x".repeat(60_000));
    for _ in 0..20 {
        gateway.publish(&large).await;
    }
    let begin = Instant::now();
    gateway.signal("INT");
    while gateway.status("/readyz").await != 503 {}
    let mut late = gateway.events("topic=b", None).await;
    let start = late.begin().await;
    assert!(matches!(late.next().await, Some(Seen::Retry(_))));
    assert_eq!(late.next().await, Some(Seen::Checkpoint(start)));
    assert_eq!(late.next().await, None);
    assert!(gateway.end().await.success());
    assert!(begin.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn a_server_without_connections_ends_at_once_and_a_second_signal_ends_any() {
    for (connected, signals) in [(false, 1), (true, 2)] {
        let mut gateway = Gateway::start(&["--drain", "10m"]);
        let events = if connected {
            Some(gateway.events("topic=a", None).await)
        } else {
            None
        };
        let begin = Instant::now();
        for _ in 0..signals {
            gateway.signal("TERM");
            // Two signals at once are one.
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert!(gateway.end().await.success());
        assert!(begin.elapsed() < Duration::from_secs(10));
        drop(events);
    }
}

/// A browser and a native client, while a server ends and another one takes its place.
#[tokio::test]
async fn clients_stay_connected_through_drain_restart_and_crash() {
    let options = ["--retry", "100ms", "--drain", "1s", "--max-lifetime", "2s"];
    let mut gateway = Gateway::start(&options);
    let address = gateway.address.to_string();
    let browser = event_source::connect(gateway.address, "/events?topic=a");
    let native = reconnecting::connect(gateway.address, "/events?topic=a", Source::new(7));
    let (mut number, mut published) = (0, Vec::new());
    for round in 1..=4 {
        browser.wait_for(|state| state.connections >= round).await;
        native.wait_for(|state| state.connections >= round).await;
        gateway.wait_for("gateway_streams", 2.0).await;
        for _ in 0..5 {
            gateway.publish(&publish(number)).await;
            published.push(number.to_string());
            number += 1;
        }
        browser
            .wait_for(|state| state.data.len() == published.len())
            .await;
        native
            .wait_for(|state| state.data.len() == published.len())
            .await;
        gateway.signal(if round % 2 == 0 { "KILL" } else { "TERM" });
        gateway.end().await;
        gateway = Gateway::start_at(&address, &options);
    }
    for state in [
        browser.wait_for(|state| state.connections > 4).await,
        native.state(),
    ] {
        assert_eq!(state.data, published);
        assert_eq!(state.closed, None);
        // Every restart is another epoch: a client knows that it may have missed something.
        assert!(state.gaps.len() >= 3, "{:?}", state.gaps);
        assert!(
            state
                .gaps
                .iter()
                .all(|gap| gap == r#"{"reason":"other-epoch"}"#)
        );
    }
}

/// Connections that end again and again, while events are published: none is lost, none doubled.
#[tokio::test]
async fn clients_miss_nothing_when_their_connections_end() {
    let gateway = Gateway::start(&["--retry", "50ms", "--max-lifetime", "300ms"]);
    let browser = event_source::connect(gateway.address, "/events?topic=a");
    let native = reconnecting::connect(gateway.address, "/events?topic=a", Source::new(7));
    gateway.wait_for("gateway_streams", 2.0).await;
    let mut published = Vec::new();
    for number in 0..200 {
        gateway.publish(&publish(number)).await;
        published.push(number.to_string());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let all = published.len();
    for state in [
        browser.wait_for(|state| state.data.len() >= all).await,
        native.wait_for(|state| state.data.len() >= all).await,
    ] {
        assert_eq!(state.data, published);
        assert!(state.connections > 3 && state.gaps.is_empty());
    }
}

#[tokio::test]
async fn a_browser_ends_for_good_when_its_topic_has_ended() {
    let gateway = Gateway::start(&["--retry", "50ms"]);
    let browser = event_source::connect(gateway.address, "/events?topic=a");
    let native = reconnecting::connect(gateway.address, "/events?topic=a", Source::new(7));
    gateway.wait_for("gateway_streams", 2.0).await;
    gateway.publish(&publish(1)).await;
    gateway
        .publish(r#"{"topic":"a","type":"done","data":""}"#)
        .await;
    for state in [
        browser.wait_for(|state| state.closed.is_some()).await,
        native.wait_for(|state| state.closed.is_some()).await,
    ] {
        assert_eq!(
            (state.closed, state.data.len(), state.connections),
            (Some(204), 2, 1)
        );
    }
}
