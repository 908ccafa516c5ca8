//! Two nodes are one server: positions, keys, users and ends are the same on both.

use futures_util::future::join_all;

use super::bench::wait_until_ready;
use crate::support::proxy::Proxy;
use crate::support::redis::Redis;
use crate::support::{Events, Gateway, Seen};

async fn node(url: &str) -> Gateway {
    let gateway = Gateway::start(&["--redis", url, "--log-level", "error"]);
    wait_until_ready(&gateway).await;
    gateway
}

/// Starts two nodes, of which the second is behind a proxy.
async fn nodes(redis: &Redis) -> (Gateway, Gateway, Proxy) {
    let proxy = Proxy::start(redis.address).await;
    let second = node(&format!("redis://{}", proxy.address)).await;
    (node(&redis.url()).await, second, proxy)
}

fn event(data: &str) -> String {
    format!(r#"{{"topic":"a","data":"{data}"}}"#)
}

async fn next(events: &mut Events) -> Seen {
    loop {
        match events.next().await.expect("the stream continues") {
            Seen::Checkpoint(_) => {}
            seen => return seen,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server"]
async fn a_client_that_is_ahead_of_its_node_sees_no_gap() {
    let redis = Redis::start(&[]);
    let (first, second, proxy) = nodes(&redis).await;
    for round in 0..10 {
        let is_away = round >= 8;
        if is_away {
            proxy.close(true);
        } else {
            proxy.delay(std::time::Duration::from_millis(10 * round));
        }
        let id = first.publish(&event("before")).await;
        let response = second.get_events("topic=a", Some(&id)).await;
        // A node that cannot know the position may send the client to another one.
        assert!(is_away || response.status() == 200, "{}", response.status());
        let is_served = response.status() == 200;
        let mut events = Events::new(response);
        let after = first.publish(&event("after")).await;
        proxy.close(false);
        if is_served {
            events.begin().await;
            let expected = Seen::event("message", "after", &after);
            assert_eq!(next(&mut events).await, expected, "round {round}");
        }
        // Else the next round would begin while it reconnects.
        second.wait_for("gateway_redis_up", 1.0).await;
        second.publish(&event("last")).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server"]
async fn a_key_counts_on_all_nodes() {
    let redis = Redis::start(&[]);
    let (first, second, _proxy) = nodes(&redis).await;
    let mut events = first.events("topic=a", None).await;
    events.begin().await;
    let mut ids = Vec::new();
    for number in 0..20 {
        let (body, key) = (event(&number.to_string()), format!("k{number}"));
        let headers = [("idempotency-key", &*key)];
        let all = [&first, &second, &first, &second].map(|node| node.post(&body, &headers));
        let answers = join_all(all).await;
        let id = answers[0].1["id"].as_str().expect("an ID").to_owned();
        for (status, answer) in answers {
            assert_eq!((status, answer["id"].as_str()), (201, Some(&*id)));
        }
        let other = event("other");
        for node in [&first, &second] {
            assert_eq!(node.post(&other, &headers).await.0, 409);
        }
        ids.push(id);
    }
    for (number, id) in ids.iter().enumerate() {
        let expected = Seen::event("message", &number.to_string(), id);
        assert_eq!(next(&mut events).await, expected);
    }
    second.publish(&event("end")).await;
    assert_eq!(events.data(1).await, ["end"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server"]
async fn private_events_and_ends_of_topics_pass_between_nodes() {
    let redis = Redis::start(&[]);
    let (first, second, _proxy) = nodes(&redis).await;
    let mut ann = second.events("topic=a&user=ann", None).await;
    let mut bob = second.events("topic=a&user=bob", None).await;
    let start = ann.begin().await;
    bob.begin().await;
    for (user, data) in [("bob", "1"), ("ann", "2")] {
        let body = format!(r#"{{"topic":"a","user":"{user}","type":"t","data":"{data}"}}"#);
        first.publish(&body).await;
    }
    let done = r#"{"topic":"a","type":"done","data":"\u00e4\r\n3"}"#;
    let id = first.publish(done).await;
    let expected = Seen::event("done", "\u{e4}\n3", &id);
    for (events, data) in [(&mut ann, "2"), (&mut bob, "1")] {
        assert_eq!(events.data(1).await, [data]);
        assert_eq!(next(events).await, expected);
        assert_eq!(events.next().await, None);
    }
    for node in [&second, &first] {
        assert_eq!(node.post(&event("4"), &[]).await.0, 409);
        assert_eq!(node.get_events("topic=a", None).await.status(), 204);
        let mut events = node.events("topic=a&user=ann", Some(&start)).await;
        events.begin().await;
        assert_eq!(events.data(2).await, ["2", "\u{e4}\n3"]);
    }
    // A node that starts later learns of it.
    let third = node(&redis.url()).await;
    assert_eq!(third.post(&event("4"), &[]).await.0, 409);
    assert_eq!(third.get_events("topic=a", None).await.status(), 204);
}
