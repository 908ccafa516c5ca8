//! The modes of the load: users, a storm, slow subscribers, a search, the baseline, and idle ones.

use std::time::Duration;

use crate::stand_in::{Fault, TOKEN};
use crate::{LOST_AND_DOUBLED, command, load};

#[test]
fn events_of_users_reach_their_user_alone() {
    let run = load(Fault::None, &["--users"]);
    assert_eq!(
        run.counts(["/deliveries/received", "/deliveries/misdelivered"]),
        [50.0, 0.0]
    );
    assert_eq!((run.number("/deliveries/lost"), run.code), (0.0, 0));

    let run = load(Fault::Misdeliver, &["--users"]);
    assert_eq!(
        run.counts(["/deliveries/received", "/deliveries/misdelivered"]),
        [50.0, 200.0]
    );
    assert_eq!(run.code, 1);
}

#[test]
fn after_a_storm_all_are_back_without_loss() {
    for arguments in [&["--storm"][..], &["--storm", "--no-jitter"]] {
        let run = load(Fault::None, arguments);
        assert_eq!(run.counts(LOST_AND_DOUBLED), [0.0, 0.0]);
        let paths = [
            "/storm/reconnected",
            "/storm/reconnect/count",
            "/connections/reconnects",
        ];
        assert_eq!(run.counts(paths), [5.0, 5.0, 5.0]);
        if !arguments.contains(&"--no-jitter") {
            // The server's `retry`; the jitter adds as much at most.
            assert!(run.number("/storm/all_back_ms") >= 200.0, "{}", run.report);
            // The old connections are closed before the new ones open.
            assert_eq!(run.most_open, 5);
        }
        assert_eq!(run.code, 0);
    }
}

#[test]
fn slow_subscribers_are_apart() {
    let run = load(Fault::None, &["--slow", "20%"]);
    let paths = [
        "/slow/subscribers",
        "/slow/open",
        "/readers",
        "/deliveries/received",
    ];
    assert_eq!(run.counts(paths), [1.0, 1.0, 4.0, 200.0]);
    // Each event is larger than its data.
    assert!(run.number("/slow/unread_bytes") > 50.0 * 200.0);
    assert_eq!(run.code, 0);
}

#[test]
fn a_search_finds_the_limit() {
    // One event each 20 ms: at more than 50 events/s, the latency grows without end.
    let limited = Fault::Delay(Duration::from_millis(20));
    let arguments = [
        "--search",
        "--rate",
        "20",
        "--max-p99",
        "200ms",
        "--subscribers",
        "1",
    ];
    let run = load(limited, &arguments);
    let rate = run.number("/highest_rate");
    assert!((25.0..70.0).contains(&rate), "{}", run.report);
    assert!(run.number("/at_half/deliveries/latency/p99_ms") <= 200.0);
    assert_eq!(
        (run.number("/at_half/rate"), run.code),
        ((rate / 2.0).floor(), 0)
    );
}

#[test]
fn the_baseline_is_measured_beside_the_server() {
    let run = load(Fault::None, &["--baseline"]);
    assert_eq!(run.report.as_array().unwrap().len(), 2);
    for path in ["/0/gateway", "/0/baseline", "/1/gateway", "/1/baseline"] {
        let received = run.number(&format!("{path}/deliveries/received"));
        let lost = run.number(&format!("{path}/deliveries/lost"));
        assert_eq!((received, lost), (250.0, 0.0), "{path}");
    }
    assert_eq!(run.code, 0);
    let run = load(Fault::Lose(20), &["--baseline", "--rounds", "1", "--users"]);
    assert_eq!(run.number("/0/baseline/deliveries/received"), 50.0);
}

#[test]
fn idle_connections_are_counted() {
    let run = load(Fault::None, &["--idle"]);
    assert_eq!(
        run.counts(["/connections", "/open", "/bytes_per_connection"]),
        [5.0, 5.0, 4_096.0]
    );
    assert_eq!(run.code, 0);
}

#[test]
fn idle_connections_receive_events_first() {
    let arguments = ["--idle", "--events", "7", "--gzip"];
    let run = load(Fault::None, &arguments);
    let paths = ["/open", "/events", "/compressed"];
    assert_eq!(run.counts(paths), [5.0, 7.0, 5.0]);
    assert_eq!(run.code, 0);
}

#[test]
fn headers_are_sent_with_streams_and_publishes() {
    let header = format!("Authorization: {TOKEN}");
    for arguments in [&[][..], &["--slow", "20%"]] {
        let arguments = [&["--header", &header], arguments].concat();
        let run = load(Fault::NeedsToken, &arguments);
        assert_eq!(run.counts(LOST_AND_DOUBLED), [0.0, 0.0]);
        assert_eq!(run.number("/publishing/failed"), 0.0);
        if run.report["slow"].is_object() {
            // Without its token it would have received the error alone.
            assert!(run.number("/slow/unread_bytes") > 50.0 * 200.0);
        }
        assert_eq!(run.code, 0);
    }
}

#[test]
fn compressed_events_are_counted_while_the_stream_runs() {
    let run = load(Fault::None, &["--gzip", "--storm", "--no-jitter"]);
    assert_eq!(run.counts(LOST_AND_DOUBLED), [0.0, 0.0]);
    let paths = [
        "/connections/compressed",
        "/connections/reconnects",
        "/deliveries/received",
    ];
    assert_eq!(run.counts(paths), [5.0, 5.0, 250.0]);
    assert_eq!(run.code, 0);
    for (fault, arguments) in [(Fault::Plain, &["--gzip"][..]), (Fault::None, &[])] {
        let run = load(fault, arguments);
        let paths = ["/connections/compressed", "/deliveries/received"];
        assert_eq!(run.counts(paths), [0.0, 250.0]);
        assert_eq!(run.code, 0);
    }
}

#[test]
fn logins_are_counted_by_status() {
    let run = load(Fault::None, &["--logins"]);
    let [connections, failed, limited] = run.counts([
        "/logins/connections",
        "/logins/count/401",
        "/logins/count/429",
    ]);
    assert_eq!(connections, 8.0);
    // It answers two of them in turn, and then the third; those under way at the end are not counted.
    assert!(limited >= 1.0, "{}", run.report);
    assert!((failed - 2.0 * limited).abs() <= 24.0, "{}", run.report);
    // It is measured for one second.
    assert_eq!(run.number("/logins/per_second/401"), failed);
    assert_eq!(run.counts(LOST_AND_DOUBLED), [0.0, 0.0]);
    assert_eq!(run.code, 0);
}

#[test]
fn an_impossible_run_has_another_code() {
    let cases: [(&[&str], &str); 13] = [
        (&["http://127.0.0.1:1"], "cannot connect"),
        (&["http://192.0.2.1"], "--remote"),
        (
            &["http://127.0.0.1:1", "--subscribers", "4000000000"],
            "4000000128 open files are needed",
        ),
        (&["http://127.0.0.1:1", "--slow", "1"], "1%"),
        (&["http://127.0.0.1:1", "--header", "none"], "no colon"),
        (&["http://127.0.0.1:1", "--events", "1"], "--idle"),
        (
            &["http://127.0.0.1:1", "--logins", "--baseline"],
            "--baseline",
        ),
        (&["http://127.0.0.1:1", "http://192.0.2.1"], "--remote"),
        (
            &["http://127.0.0.1:1", "http://127.0.0.1:2/events"],
            "the URL has a path: /events",
        ),
        (
            &[
                "http://[::1]:1",
                "http://[::1]:2",
                "--metrics",
                "http://[::1]:3",
            ],
            "--metrics is given 1 times for 2 URLs",
        ),
        (
            &["http://127.0.0.1:1", "--redis-pid", "4000000000"],
            "there is no process 4000000000",
        ),
        (
            &["http://127.0.0.1:1", "--ingest", "--subscribers", "5"],
            "--subscribers",
        ),
        (&[], "<URL>"),
    ];
    for (arguments, message) in cases {
        let output = command(arguments);
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(errors.contains(message), "{arguments:?}: {errors}");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {errors}");
    }
}
