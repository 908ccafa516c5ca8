//! Several servers with the same events, and Redis beside them.

use std::process;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use tokio::runtime::Runtime;

use crate::stand_in::{self, Counts, Fault};
use crate::{LOST_AND_DOUBLED, Run, command, run};

/// Runs the load against two servers, and returns what each of them counts.
fn load_two(fault: Fault, arguments: &[&str]) -> (Run, Vec<Arc<Counts>>) {
    let runtime = Runtime::new().unwrap();
    let servers = runtime.block_on(stand_in::start(fault, 2));
    let mut all = Vec::new();
    for (address, _) in &servers {
        let url = format!("http://{address}");
        all.extend(["--metrics".to_owned(), format!("{url}/metrics"), url]);
    }
    all.extend(arguments.iter().map(|&argument| argument.to_owned()));
    let all: Vec<_> = all.iter().map(String::as_str).collect();
    let counts = servers.into_iter().map(|(_, counts)| counts);
    (run(&all), counts.collect())
}

fn streams(counts: &[Arc<Counts>]) -> Vec<u64> {
    let counts = counts.iter();
    counts.map(|counts| counts.streams.load(Relaxed)).collect()
}

#[test]
fn subscribers_and_publishers_are_spread() {
    let (run, counts) = load_two(Fault::None, &[]);
    assert_eq!(run.counts(LOST_AND_DOUBLED), [0.0, 0.0]);
    let paths = [
        "/publishing/acknowledged",
        "/deliveries/received",
        "/deliveries/descending_ids",
        "/connections/reconnects",
    ];
    assert_eq!(run.counts(paths), [50.0, 250.0, 0.0, 0.0]);
    // Four publishers take turns, so that each event is read at the other server, too.
    let published = counts.iter().map(|it| it.publications.load(Relaxed));
    assert_eq!(published.collect::<Vec<_>>(), [25, 25]);
    assert_eq!(streams(&counts), [3, 2]);
    assert_eq!(run.code, 0);
}

#[test]
fn figures_are_of_each_server_and_of_all() {
    let (run, _) = load_two(Fault::None, &[]);
    assert_eq!(run.report["servers"].as_array().unwrap().len(), 2);
    let idle = "resident_bytes_idle";
    let paths = [
        &format!("/servers/0/{idle}"),
        &format!("/servers/1/{idle}"),
        &format!("/server/{idle}"),
    ];
    let expected = [1_012_288.0, 1_008_192.0, 2_020_480.0];
    assert_eq!(run.counts(paths.map(String::as_str)), expected);
    for server in ["/servers/0", "/servers/1", "/server"] {
        let path = format!("{server}/bytes_per_idle_connection");
        assert_eq!(run.number(&path), 4_096.0, "{path}");
    }
    // Each event wakes three subscribers of each server.
    let wakeups = ["/servers/0", "/servers/1", "/server"];
    let wakeups = wakeups.map(|server| run.number(&format!("{server}/wakeups_per_event")));
    assert_eq!(wakeups, [3.0, 3.0, 6.0]);
    let cpu = ["/servers/0", "/servers/1", "/server"];
    let [first, second, all] = cpu.map(|server| run.number(&format!("{server}/cpu_seconds")));
    assert!(first > 0.0 && (first + second - all).abs() < 0.001);
    // These servers have no Redis.
    assert!(run.report["server"]["redis_lag_seconds"].is_null());
    assert!(run.report["redis"].is_null());
}

#[test]
fn a_subscriber_that_reconnects_takes_the_next_server() {
    let (run, counts) = load_two(Fault::End(20), &[]);
    assert_eq!(run.counts(LOST_AND_DOUBLED), [0.0, 0.0]);
    let paths = ["/connections/reconnects", "/deliveries/received"];
    assert_eq!(run.counts(paths), [1.0, 250.0]);
    let streams_now = streams(&counts);
    assert_eq!(streams_now.iter().sum::<u64>(), 6);
    // The first stream was at either of them.
    assert!([[3, 3], [4, 2]].contains(&[streams_now[0], streams_now[1]]));

    let (run, counts) = load_two(Fault::None, &["--storm", "--no-jitter"]);
    let paths = [
        "/storm/reconnected",
        "/deliveries/received",
        "/deliveries/lost",
        "/deliveries/descending_ids",
    ];
    assert_eq!(run.counts(paths), [5.0, 250.0, 0.0, 0.0]);
    assert_eq!((streams(&counts), run.code), (vec![5, 5], 0));
}

#[test]
fn a_server_that_is_away_is_passed_over() {
    let runtime = Runtime::new().unwrap();
    let servers = runtime.block_on(stand_in::start(Fault::None, 1));
    let url = format!("http://{}", servers[0].0);
    let arguments = ["http://127.0.0.1:1", &url, "--publishers", "1"];
    let output = command(&arguments);
    assert_eq!(output.status.code(), Some(2), "a subscriber cannot begin");
    let arguments = [&url, "http://127.0.0.1:1", "--subscribers", "1"];
    let run = run(&[&arguments[..], &["--publishers", "2"]].concat());
    // The second publisher fails once, and goes on with the first server.
    assert_eq!(
        run.counts(["/publishing/acknowledged", "/publishing/failed"]),
        [49.0, 1.0]
    );
    assert_eq!(run.counts(LOST_AND_DOUBLED), [0.0, 0.0]);
}

#[test]
fn an_id_that_does_not_ascend_is_detected() {
    let (run, _) = load_two(Fault::SameId(20), &[]);
    // By each subscriber.
    assert_eq!(run.number("/deliveries/descending_ids"), 5.0);
    assert_eq!(run.counts(LOST_AND_DOUBLED), [0.0, 0.0]);
    assert_eq!(run.code, 1);
    assert!(run.errors.contains("higher ID"), "{}", run.errors);
}

#[test]
fn redis_is_reported_apart() {
    let id = process::id().to_string();
    let (run, _) = load_two(Fault::Lag(10), &["--redis-pid", &id]);
    assert!(run.number("/redis/resident_bytes") > 100_000.0);
    assert!(run.number("/redis/cpu_seconds") >= 0.0);
    assert!(run.number("/redis/cpu_share") >= 0.0);
    let paths = [
        "/servers/0/redis_lag_seconds",
        "/servers/1/redis_lag_seconds",
        "/server/redis_lag_seconds",
    ];
    assert_eq!(run.counts(paths), [0.5, 3.0, 3.0]);
    // It is a figure, unless it is what the run searches for.
    assert_eq!(run.code, 0);
}

#[test]
fn the_rate_that_servers_can_follow_is_limited_by_their_lag() {
    let (run, counts) = load_two(Fault::Lag(50), &["--ingest", "--rate", "20"]);
    assert_eq!(run.number("/highest_rate"), 50.0, "{}", run.report);
    let paths = [
        "/max_p99_ms",
        "/at_half/subscribers",
        "/at_half/publishing/publishers",
        "/at_half/server/redis_lag_seconds",
    ];
    assert_eq!(run.counts(paths), [1_000.0, 2.0, 128.0, 0.5]);
    let streams = streams(&counts);
    assert!(streams[0] > 3 && streams[0] == streams[1], "{streams:?}");
    assert_eq!(run.code, 0);
    // All of them are too high for a limit below the lag of every server.
    let arguments = ["--ingest", "--rate", "1", "--max-p99", "400ms"];
    let (run, _) = load_two(Fault::Lag(50), &arguments);
    assert!(run.report["highest_rate"].is_null(), "{}", run.report);
    assert_eq!(run.code, 1);
}
