//! How many streams there may be, and what one too many is told.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

use super::support::authentication::{bearer, start_with_secret, token};
use super::support::{Events, Gateway, Seen, request, text};

const BROWSER: (&str, &str) = ("sec-fetch-mode", "cors");

/// What a browser sees of a stream that is one too many: the limit, and when it returns.
async fn busy(gateway: &Gateway, query: &str, headers: &[(&str, &str)]) -> (String, Duration) {
    let mut events = gateway.stream(query, headers).await;
    let (mut limit, mut retry) = (None, None);
    while let Some(seen) = events.next().await {
        match seen {
            Seen::Event {
                event_type,
                data,
                id,
            } => {
                assert_eq!((&*event_type, &*id), ("busy", ""));
                limit = Some(data);
            }
            Seen::Retry(time) => retry = Some(time),
            Seen::Checkpoint(id) => panic!("{id}"),
        }
    }
    (limit.expect("an event"), retry.expect("a time"))
}

async fn begin(gateway: &Gateway, query: &str, headers: &[(&str, &str)]) -> Events {
    let mut events = gateway.stream(query, headers).await;
    events.begin().await;
    events
}

#[tokio::test]
async fn each_limit_refuses_the_newest_and_evicts_nobody() {
    for (options, name, others) in [
        (&["--max-streams", "2"][..], "server", 0),
        (&["--max-streams-per-user", "2"], "user", 1),
        (
            &[
                "--max-streams-per-address",
                "2",
                "--trusted-proxy",
                "127.0.0.1",
            ],
            "address",
            1,
        ),
    ] {
        let gateway = Gateway::start(options);
        let forwarded = ("x-forwarded-for", "192.0.2.1");
        let mut first = begin(&gateway, "topic=a&user=ann", &[forwarded]).await;
        let second = begin(&gateway, "topic=b&user=ann", &[forwarded]).await;
        for _ in 0..3 {
            let answer = gateway.refused("topic=a&user=ann", &[forwarded]).await;
            assert_eq!(answer.status, 503);
            let reason = format!("too many streams: the limit of the {name} is reached");
            assert_eq!(answer.json()["error"], reason);
            let wait: u32 = answer.header("retry-after").parse().expect("seconds");
            assert!((10..=60).contains(&wait));
        }
        let (limit, retry) = busy(&gateway, "topic=a&user=ann", &[forwarded, BROWSER]).await;
        assert_eq!(limit, format!(r#"{{"limit":"{name}"}}"#));
        assert!((10..=60).contains(&retry.as_secs()), "{retry:?}");
        let metric = format!(r#"gateway_busy_streams_total{{reason="{name}"}}"#);
        assert_eq!(gateway.metric(&metric).await, 4.0);
        // Another user from another address has limits of its own.
        let path = "/events?topic=a&user=bob";
        let other = [("x-forwarded-for", "192.0.2.2")];
        let response = request(gateway.address, "GET", path, &other, "").await;
        assert_eq!(response.status(), [503, 200][others]);
        drop(response);
        gateway.publish(r#"{"topic":"a","data":"x"}"#).await;
        assert_eq!(first.data(1).await, ["x"]);
        // A place is free as soon as its stream has ended.
        drop(second);
        gateway.wait_for("gateway_streams", 1.0).await;
        begin(&gateway, "topic=a&user=ann", &[forwarded]).await;
    }
}

#[tokio::test]
async fn the_client_may_choose_how_it_learns_that_there_are_too_many() {
    let gateway = Gateway::start(&["--max-streams", "1"]);
    let _stream = begin(&gateway, "topic=a", &[]).await;
    let answer = gateway.refused("topic=a&busy=503", &[BROWSER]).await;
    assert_eq!(answer.status, 503);
    busy(&gateway, "topic=a&busy=event", &[]).await;
    for query in [
        "topic=a&busy=200",
        "topic=a&busy=",
        "topic=a&checkpoint=yes",
    ] {
        let answer = gateway.refused(query, &[]).await;
        assert!(
            answer.status == 400 && answer.text.contains("is not"),
            "{answer:?}"
        );
    }
}

/// Beyond the limits of connections, requests are hardly read.
#[tokio::test]
async fn a_browser_returns_though_there_are_too_many_connections() {
    for (option, name) in [
        ("--max-connections", "server"),
        ("--max-connections-per-address", "address"),
    ] {
        let gateway = Gateway::start(&[option, "1"]);
        let stream = begin(&gateway, "topic=a", &[]).await;
        for (query, headers) in [("topic=a", &[BROWSER][..]), ("topic=a&busy=event", &[])] {
            let (limit, retry) = busy(&gateway, query, headers).await;
            assert_eq!(limit, format!(r#"{{"limit":"{name}"}}"#));
            assert!((10..=60).contains(&retry.as_secs()), "{retry:?}");
        }
        for (query, headers) in [("topic=a", &[][..]), ("topic=a&busy=503", &[BROWSER])] {
            let answer = gateway.refused(query, headers).await;
            assert_eq!(answer.status, 503);
            let error = format!("too many connections: the limit of the {name} is reached");
            assert_eq!(answer.json()["error"], error);
            assert!(answer.header("retry-after").parse::<u32>().is_ok());
        }
        drop(stream);
        gateway.wait_for("gateway_connections", 0.0).await;
        begin(&gateway, "topic=a", &[]).await;
    }
}

/// Whose connections are many clients', has no limit of one; and another address has its own.
#[tokio::test]
async fn connections_of_a_trusted_proxy_or_of_others_are_not_those_of_an_address() {
    let limit = ["--max-connections-per-address", "1"];
    let trusted = [&limit[..], &["--trusted-proxy", "127.0.0.1"]].concat();
    let gateway = Gateway::start(&trusted);
    let _first = begin(&gateway, "topic=a", &[]).await;
    begin(&gateway, "topic=a", &[]).await;
    let gateway = Gateway::start(&limit);
    let _first = begin(&gateway, "topic=a", &[]).await;
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(([127, 0, 0, 2], 0).into()).expect("an address");
    let mut stream = socket.connect(gateway.address).await.expect("a connection");
    let request = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n";
    stream.write_all(request).await.expect("it is sent");
    let mut head = [0; 15];
    stream.read_exact(&mut head).await.expect("a response");
    assert_eq!(&head, b"HTTP/1.1 200 OK");
}

/// An event without an ID would be one with an empty ID, on a connection that has had none.
#[tokio::test]
async fn a_client_at_the_limit_keeps_its_position() {
    let gateway = Gateway::start(&["--max-streams", "1"]);
    let _stream = begin(&gateway, "topic=a", &[]).await;
    for (query, headers) in [
        ("topic=a", &[BROWSER, ("last-event-id", "e.1")][..]),
        ("topic=a&last_event_id=e.1", &[BROWSER]),
    ] {
        let mut events = gateway.stream(query, headers).await;
        let mut ids = Vec::new();
        while let Some(seen) = events.next().await {
            if let Seen::Event { id, .. } = seen {
                ids.push(id);
            }
        }
        assert_eq!(ids, ["e.1"]);
    }
}

/// A page whose times of return differ does not meet a thousand others.
#[tokio::test]
async fn the_times_of_return_are_spread() {
    let gateway = Gateway::start(&["--max-streams", "1"]);
    let _stream = begin(&gateway, "topic=a", &[]).await;
    let mut times = std::collections::BTreeSet::new();
    for _ in 0..20 {
        times.insert(busy(&gateway, "topic=a", &[BROWSER]).await.1);
    }
    assert!(times.len() > 5, "{times:?}");
}

/// The browser returns with the ticket that it has sent already.
#[tokio::test]
async fn a_ticket_outlives_that_there_were_too_many_streams() {
    let (gateway, _folder) = start_with_secret(&["--max-streams-per-user", "1"]);
    let ann = token("ann", &["a"], 60.0);
    let stream = begin(&gateway, "topic=a", &[("authorization", &bearer(&ann))]).await;
    let query = format!("topic=a&ticket={}", gateway.ticket(&ann).await);
    let response = request(
        gateway.address,
        "GET",
        &format!("/events?{query}"),
        &[BROWSER],
        "",
    )
    .await;
    assert_eq!(response.status(), 200);
    let cookie = super::support::authentication::cookie(response.headers(), "stream");
    let cookie = format!("stream={cookie}");
    assert!(text(response).await.contains("event: busy"));
    busy(&gateway, &query, &[BROWSER, ("cookie", &cookie)]).await;
    drop(stream);
    gateway.wait_for("gateway_streams", 0.0).await;
    begin(&gateway, &query, &[BROWSER, ("cookie", &cookie)]).await;
}

#[tokio::test]
async fn a_page_can_see_checkpoints() {
    let gateway = Gateway::start(&["--keep-alive", "100ms"]);
    let mut events = gateway.stream("topic=a&checkpoint=event", &[]).await;
    let (mut seen, mut retries) = (Vec::new(), 0);
    while seen.len() < 3 {
        match events.next().await.expect("it goes on") {
            Seen::Event {
                event_type,
                data,
                id,
            } => {
                assert_eq!((&*event_type, &*data), ("checkpoint", ""));
                seen.push(id);
            }
            Seen::Retry(_) => retries += 1,
            Seen::Checkpoint(id) => panic!("{id}"),
        }
    }
    assert_eq!(retries, 1);
    assert!(
        seen.iter().all(|id| *id == seen[0] && id.ends_with(".0")),
        "{seen:?}"
    );
}

#[tokio::test]
async fn what_streams_took_is_given_back() {
    let (gateway, _folder) = start_with_secret(&[
        "--max-streams-per-user",
        "5",
        "--max-streams-per-address",
        "5",
    ]);
    let ann = bearer(&token("ann", &["a"], 60.0));
    for _ in 0..30 {
        begin(&gateway, "topic=a", &[("authorization", &ann)]).await;
        gateway.wait_for("gateway_streams", 0.0).await;
    }
    // Those that were refused, or had nothing to come, took nothing.
    gateway
        .post(
            r#"{"topic":"a","type":"done","data":1}"#,
            &[("authorization", &ann)],
        )
        .await;
    for _ in 0..10 {
        assert_eq!(
            gateway
                .refused("topic=a", &[("authorization", &ann)])
                .await
                .status,
            204
        );
        assert_eq!(
            gateway
                .refused("topic=b", &[("authorization", &ann)])
                .await
                .status,
            403
        );
    }
    let busy = gateway.metrics_text().await;
    assert!(!busy.contains("busy_streams_total{"), "{busy}");
}
