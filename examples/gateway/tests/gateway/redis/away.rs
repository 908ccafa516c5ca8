//! Redis is away, or does not take events, under a gateway that stays.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::bench::wait_until_ready;
use crate::support::proxy::Proxy;
use crate::support::redis::{Redis, Value, free_address};
use crate::support::{Events, Gateway, PATIENCE, Seen, request, text, try_request};

const JSON: (&str, &str) = ("content-type", "application/json");
const ALWAYS: &[(&str, &str)] = &[("appendonly", "yes"), ("appendfsync", "always")];

async fn node(url: &str) -> Gateway {
    let options = ["--redis", url, "--keep-alive", "200ms"];
    let gateway = Gateway::start(&[&options[..], &["--log-level", "error"]].concat());
    wait_until_ready(&gateway).await;
    gateway
}

fn event(data: &str) -> String {
    format!(r#"{{"topic":"a","data":"{data}"}}"#)
}

/// Publishes, and expects that it is not possible now.
async fn is_refused(gateway: &Gateway, data: &str) {
    let headers = [JSON, ("idempotency-key", data)];
    let response = request(gateway.address, "POST", "/publish", &headers, &event(data)).await;
    assert_eq!(response.status(), 503);
    let retry = response.headers().get("retry-after").expect("a time");
    let seconds: u64 = retry.to_str().expect("text").parse().expect("a number");
    assert!(seconds > 0);
    let body = text(response).await;
    assert!(body.contains("error"), "{body}");
}

/// Publishes again and again until it is possible.
async fn publish(gateway: &Gateway, data: &str) {
    let begin = Instant::now();
    loop {
        let (status, answer) = gateway
            .post(&event(data), &[("idempotency-key", data)])
            .await;
        if status == 201 {
            return;
        }
        assert!(
            status == 503 && begin.elapsed() < PATIENCE,
            "{status} {answer}"
        );
        sleep(Duration::from_millis(50)).await;
    }
}

/// Reads past keep-alives, and expects this event.
async fn expect(events: &mut Events, data: &str) {
    loop {
        match events.next().await.expect("the stream continues") {
            Seen::Checkpoint(_) => {}
            Seen::Event {
                event_type,
                data: is,
                ..
            } => {
                assert_eq!((&*event_type, &*is), ("message", data));
                return;
            }
            seen => panic!("{seen:?}"),
        }
    }
}

/// Expects that the stream stays, with nothing but keep-alives.
async fn is_kept_alive(events: &mut Events) {
    for _ in 0..3 {
        let seen = events.next().await.expect("the stream continues");
        assert!(matches!(seen, Seen::Checkpoint(_)), "{seen:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server"]
async fn a_node_waits_for_redis_at_its_start() {
    let address = free_address();
    let url = format!("redis://{address}");
    let gateway = Gateway::start(&["--redis", &url, "--log-level", "error"]);
    assert_eq!(gateway.status("/healthz").await, 200);
    assert_eq!(gateway.status("/readyz").await, 503);
    assert_eq!(gateway.metric("gateway_redis_up").await, 0.0);
    let response = gateway.get_events("topic=a", None).await;
    assert_eq!(response.status(), 503);
    assert!(response.headers().contains_key("retry-after"));
    let browser = [("sec-fetch-mode", "cors")];
    let path = "/events?topic=a";
    let response = request(gateway.address, "GET", path, &browser, "").await;
    assert_eq!(response.status(), 200);
    let mut events = Events::new(response);
    let mut seen = Vec::new();
    while let Some(next) = events.next().await {
        seen.push(next);
    }
    let is_busy = |it: &Seen| matches!(it, Seen::Event { event_type, .. } if event_type == "busy");
    assert!(seen.iter().any(is_busy), "{seen:?}");
    is_refused(&gateway, "0").await;
    let _redis = Redis::start_at(address, &[]);
    wait_until_ready(&gateway).await;
    gateway.wait_for("gateway_redis_up", 1.0).await;
    let mut events = gateway.events("topic=a", None).await;
    events.begin().await;
    publish(&gateway, "0").await;
    expect(&mut events, "0").await;
}

/// Does not let Redis take events for a while: streams stay, and nothing is lost.
async fn outage(config: &[(&str, &str)], begin: impl Fn(&mut Redis), end: impl Fn(&mut Redis)) {
    let mut redis = Redis::start(config);
    let gateway = node(&redis.url()).await;
    let mut events = gateway.events("topic=a", None).await;
    events.begin().await;
    for round in 0..2 {
        let data = |number| format!("{round}-{number}");
        publish(&gateway, &data(0)).await;
        expect(&mut events, &data(0)).await;
        begin(&mut redis);
        is_refused(&gateway, &data(1)).await;
        is_kept_alive(&mut events).await;
        is_refused(&gateway, &data(1)).await;
        end(&mut redis);
        for number in [1, 2] {
            publish(&gateway, &data(number)).await;
            expect(&mut events, &data(number)).await;
        }
    }
    assert_eq!(gateway.metric("gateway_redis_up").await, 1.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server"]
async fn streams_stay_while_redis_is_away() {
    outage(ALWAYS, Redis::kill, Redis::restart).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server"]
async fn streams_stay_while_redis_is_out_of_memory() {
    let limit = |redis: &mut Redis, bytes: &str| {
        redis.command(&["CONFIG", "SET", "maxmemory", bytes]);
    };
    let config = [("maxmemory-policy", "noeviction")];
    outage(
        &config,
        |redis| limit(redis, "1"),
        |redis| limit(redis, "0"),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server"]
async fn streams_stay_while_the_password_is_another_one() {
    let begin = |redis: &mut Redis| {
        redis.set_password("another");
        redis.command(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
    };
    outage(&[], begin, |redis| redis.set_password("")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server"]
async fn publishers_are_refused_while_redis_is_read_only() {
    let redis = Redis::start(&[]);
    let gateway = node(&redis.url()).await;
    let mut events = gateway.events("topic=a", None).await;
    events.begin().await;
    publish(&gateway, "0").await;
    expect(&mut events, "0").await;
    let nobody = free_address().port().to_string();
    redis.command(&["REPLICAOF", "127.0.0.1", &nobody]);
    is_refused(&gateway, "1").await;
    is_kept_alive(&mut events).await;
    redis.command(&["REPLICAOF", "NO", "ONE"]);
    publish(&gateway, "1").await;
    // It may have been another server meanwhile, which is reported; the event comes in any case.
    loop {
        match events.next().await.expect("the stream continues") {
            Seen::Event {
                event_type, data, ..
            } if event_type == "message" => {
                assert_eq!(data, "1");
                break;
            }
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server"]
async fn a_key_that_becomes_of_a_wrong_type_is_survived() {
    let redis = Redis::start(&[]);
    let gateway = node(&redis.url()).await;
    for key in ["{gateway}:log", "{gateway}:state"] {
        let mut events = gateway.events("topic=a", None).await;
        events.begin().await;
        publish(&gateway, &format!("{key}-0")).await;
        expect(&mut events, &format!("{key}-0")).await;
        redis.command(&["SET", key, "x"]);
        is_refused(&gateway, &format!("{key}-1")).await;
        redis.command(&["DEL", key]);
        publish(&gateway, &format!("{key}-2")).await;
        let mut seen = Vec::new();
        while !seen.contains(&format!("{key}-2")) {
            seen.extend(events.data(1).await);
        }
        if key == "{gateway}:log" {
            assert!(
                seen.contains(&r#"{"reason":"deleted"}"#.to_owned()),
                "{seen:?}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server"]
async fn a_shutdown_does_not_wait_for_redis() {
    let redis = Redis::start(&[]);
    let url = redis.url();
    let options = ["--redis", &url, "--drain", "1s", "--log-level", "error"];
    let mut gateway = Gateway::start(&options);
    wait_until_ready(&gateway).await;
    let mut events = gateway.events("topic=a", None).await;
    events.begin().await;
    publish(&gateway, "0").await;
    redis.stop();
    let address = gateway.address;
    let waits = tokio::spawn(async move {
        let _ = try_request(address, "POST", "/publish", &[JSON], &event("1")).await;
    });
    gateway.wait_for("gateway_redis_up", 1.0).await;
    gateway.signal("TERM");
    assert!(gateway.end().await.success());
    redis.cont();
    waits.await.expect("an end");
    assert_eq!(events.data(1).await, ["0"]);
}

/// Returns how many connections the node has opened, and its CPU time, in two seconds.
async fn costs(gateway: &Gateway, proxy: &Proxy) -> (usize, f64) {
    let cpu = "process_cpu_seconds_total";
    let before = (proxy.connections(), gateway.metric(cpu).await);
    sleep(Duration::from_secs(2)).await;
    let connections = proxy.connections() - before.0;
    (connections, gateway.metric(cpu).await - before.1)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server"]
async fn a_node_without_redis_hardly_works() {
    let redis = Redis::start(&[]);
    let proxy = Proxy::start(redis.address).await;
    proxy.close(true);
    let url = format!("redis://{}", proxy.address);
    let gateway = Gateway::start(&["--redis", &url, "--log-level", "error"]);
    let mut all = vec![costs(&gateway, &proxy).await];
    proxy.close(false);
    wait_until_ready(&gateway).await;
    proxy.close(true);
    all.push(costs(&gateway, &proxy).await);
    proxy.close(false);
    publish(&gateway, "0").await;
    // What cannot be read is no reason to be busy either.
    redis.command(&["DEL", "{gateway}:log"]);
    redis.command(&["SET", "{gateway}:log", "x"]);
    gateway.wait_for("gateway_redis_up", 0.0).await;
    all.push(costs(&gateway, &proxy).await);
    println!("redis-costs of connections and seconds: {all:?}");
    for (connections, cpu) in all {
        assert!(connections < 100, "{connections} connections");
        // A loop without pauses takes 2 seconds, or a half of it beside others.
        assert!(cpu < 0.7, "{cpu} seconds");
    }
    assert_eq!(redis.command(&["DEL", "{gateway}:log"]), Value::Integer(1));
}
