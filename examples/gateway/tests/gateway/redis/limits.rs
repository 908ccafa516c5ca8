//! What large, many or strange things do to Redis and to the gateways.

use super::bench::wait_until_ready;
use crate::support::redis::{Redis, Value};
use crate::support::{Gateway, Seen};

const LOG: &str = "{gateway}:log";
const ALWAYS: &[(&str, &str)] = &[("appendonly", "yes"), ("appendfsync", "always")];

async fn node(redis: &Redis, options: &[&str]) -> Gateway {
    let url = redis.url();
    let common = ["--redis", &url, "--log-level", "error"];
    let gateway = Gateway::start(&[&common, options].concat());
    wait_until_ready(&gateway).await;
    gateway
}

fn integer(value: Value) -> i64 {
    match value {
        Value::Integer(number) => number,
        other => panic!("{other:?}"),
    }
}

/// The longest that a script has taken, in microseconds of Redis' own clock, may differ from machine to
/// machine; how much it has read does not.
#[tokio::test]
#[ignore = "needs redis-server"]
async fn many_topics_that_have_ended_are_read_in_pages_and_only_by_who_needs_them() {
    let redis = Redis::start(&[]);
    let first = node(&redis, &[]).await;
    first
        .publish(r#"{"topic":"a","type":"done","data":1}"#)
        .await;
    let script = "for i = 1, 20000 do redis.call('HSET', KEYS[1], 'topic' .. i, ARGV[1]) end";
    let newest = redis.command(&["HGET", "{gateway}:state", "last"]).text();
    redis.command(&["EVAL", script, "1", "{gateway}:ended", &newest]);
    let before = redis.calls("hscan");
    let second = node(&redis, &[]).await;
    assert!(redis.calls("hscan") - before >= 20);
    assert_eq!(redis.calls("hgetall") as i64, 2, "the state, at each start");
    for gateway in [&first, &second] {
        assert_eq!(gateway.get_events("topic=a", None).await.status(), 204);
    }
    assert_eq!(
        second.get_events("topic=topic20000", None).await.status(),
        204
    );
    // A gateway that continues needs none.
    let (scans, connections) = (redis.calls("hscan"), "gateway_redis_connections_total");
    redis.command(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
    for gateway in [&first, &second] {
        gateway.wait_until(connections, |count| count > 1.0).await;
    }
    assert_eq!(redis.calls("hscan"), scans);
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_redis_that_restarts_out_of_memory_is_attached_to_and_trimmed() {
    let mut redis = Redis::start(ALWAYS);
    let gateway = node(&redis, &["--redis-events", "10", "--redis-age", "24h"]).await;
    gateway.wait_for("gateway_redis_up", 1.0).await;
    let body = format!(r#"{{"topic":"a","data":"{}"}}"#, "x".repeat(10_000));
    for _ in 0..5 {
        gateway.publish(&body).await;
    }
    // As many as the gateway would have trimmed in the next second.
    let script = "for i = 1, 500 do redis.call('XADD', KEYS[1], '*', 't', 'a', 'd', 'x') end";
    redis.kill();
    redis.restart();
    redis.command(&["EVAL", script, "1", LOG]);
    redis.kill();
    redis.set_option("maxmemory", "100kb");
    redis.restart();
    gateway.wait_for("gateway_redis_up", 1.0).await;
    let begin = std::time::Instant::now();
    while integer(redis.command(&["XLEN", LOG])) > 11 {
        assert!(
            begin.elapsed() < crate::support::PATIENCE,
            "nothing is trimmed"
        );
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn large_events_below_the_log_of_a_node_are_read_a_few_at_a_time() {
    let redis = Redis::start(&[]);
    let gateway = node(&redis, &["--log-events", "1"]).await;
    let start = gateway.events("topic=a", None).await.begin().await;
    for number in 0..60 {
        let data = format!("{number} {}", "x".repeat(60_000));
        gateway
            .publish(&format!(r#"{{"topic":"a","data":"{data}"}}"#))
            .await;
    }
    let sent = || {
        let stats = redis.info("stats");
        let line = stats
            .lines()
            .find_map(|line| line.strip_prefix("total_net_output_bytes:"));
        line.and_then(|bytes| bytes.trim().parse::<u64>().ok())
            .expect("a number")
    };
    let before = sent();
    let mut events = gateway.events("topic=a", Some(&start)).await;
    assert_eq!(events.begin().await, start);
    for number in 0..60 {
        let data = events.data(1).await.remove(0);
        assert!(data.starts_with(&format!("{number} ")), "{}", &data[..10]);
    }
    // Each event once as what follows a position, and once as the position itself.
    assert!(sent() - before < 3 * 60 * 60_000, "{}", sent() - before);
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn an_id_without_a_time_is_reported_and_the_stream_continues() {
    let redis = Redis::start(&[]);
    let gateway = node(&redis, &[]).await;
    let start = gateway.events("topic=a", None).await.begin().await;
    let epoch = start.split('.').next().expect("an epoch");
    for position in ["5", "0", "1-0"] {
        let id = format!("{epoch}.{position}");
        let mut events = gateway.events("topic=a", Some(&id)).await;
        loop {
            match events.next().await.expect("the stream continues") {
                Seen::Event { event_type, .. } if event_type == "gap" => break,
                Seen::Checkpoint(_) | Seen::Retry(_) => {}
                seen => panic!("{seen:?}"),
            }
        }
        gateway.publish(r#"{"topic":"a","data":"x"}"#).await;
        while events.data(1).await != ["x"] {}
    }
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_script_that_is_gone_is_loaded_again_and_nobody_notices() {
    let redis = Redis::start(&[]);
    let gateway = node(&redis, &[]).await;
    let mut events = gateway.events("topic=a", None).await;
    events.begin().await;
    for number in 0..20 {
        redis.command(&["SCRIPT", "FLUSH"]);
        let data = number.to_string();
        gateway
            .publish(&format!(r#"{{"topic":"a","data":"{data}"}}"#))
            .await;
        assert_eq!(events.data(1).await, [data]);
    }
    assert_eq!(gateway.metric("gateway_redis_connections_total").await, 1.0);
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn an_event_that_is_sent_again_after_a_gap_is_published_again() {
    let redis = Redis::start(&[]);
    let gateway = node(&redis, &[]).await;
    let mut events = gateway.events("topic=a", None).await;
    events.begin().await;
    let body = r#"{"topic":"a","data":"x"}"#;
    let publish = async || {
        let (status, answer) = gateway.post(body, &[("idempotency-key", "k")]).await;
        assert_eq!(status, 201, "{answer}");
        answer["id"].as_str().expect("an ID").to_owned()
    };
    let first = publish().await;
    assert_eq!(publish().await, first);
    assert_eq!(events.data(1).await, ["x"]);
    // The keys stay.
    redis.command(&["DEL", LOG]);
    assert_eq!(events.data(1).await, [r#"{"reason":"deleted"}"#]);
    let second = publish().await;
    assert_ne!(second, first);
    assert_eq!(publish().await, second);
    assert_eq!(events.data(1).await, ["x"]);
    assert!(events.is_silent().await);
}
