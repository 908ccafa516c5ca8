//! `gateway load`, as a user runs it, against a server with faults: each of them is detected.

mod stand_in;

use std::process::{Command, Output};
use std::time::Duration;

use serde_json::Value;
use stand_in::Fault;
use tokio::runtime::Runtime;

/// What a run reported.
struct Run {
    code: i32,
    report: Value,
    errors: String,
}

impl Run {
    /// The number at a path such as `/deliveries/lost`.
    fn number(&self, path: &str) -> f64 {
        let value = self.report.pointer(path).and_then(Value::as_f64);
        value.unwrap_or_else(|| panic!("no number at {path}: {}\n{}", self.report, self.errors))
    }

    /// The numbers at several paths.
    fn counts<const N: usize>(&self, paths: [&str; N]) -> [f64; N] {
        paths.map(|path| self.number(path))
    }
}

fn command(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gateway"));
    command.arg("load").args(arguments).output().unwrap()
}

/// Runs the load with 5 subscribers and 50 events, unless the arguments say otherwise.
fn load(fault: Fault, arguments: &[&str]) -> Run {
    let runtime = Runtime::new().unwrap();
    let address = runtime.block_on(stand_in::start(fault));
    let url = format!("http://{address}");
    let metrics = format!("http://{address}/metrics");
    let mut all = vec![&url, "--json", "--metrics", &metrics];
    for (name, value) in [
        ("--subscribers", "5"),
        ("--seconds", "1"),
        ("--warm-up", "0"),
    ] {
        if !arguments.contains(&name) {
            all.extend([name, value]);
        }
    }
    all.extend(arguments);
    let output = command(&all);
    let errors = String::from_utf8(output.stderr).unwrap();
    let report = serde_json::from_slice(&output.stdout);
    let report = report.unwrap_or_else(|error| panic!("{error}: {errors}"));
    Run {
        code: output.status.code().unwrap(),
        report,
        errors,
    }
}

const LOST_AND_DOUBLED: [&str; 2] = ["/deliveries/lost", "/deliveries/doubled"];

#[test]
fn a_good_server_passes() {
    let run = load(Fault::None, &[]);
    assert_eq!(run.counts(LOST_AND_DOUBLED), [0.0, 0.0]);
    let paths = [
        "/publishing/acknowledged",
        "/publishing/failed",
        "/deliveries/received",
    ];
    assert_eq!(run.counts(paths), [50.0, 0.0, 250.0]);
    let paths = [
        "/deliveries/latency/count",
        "/deliveries/reordered",
        "/deliveries/unexpected",
    ];
    assert_eq!(run.counts(paths), [250.0, 0.0, 0.0]);
    assert!(run.number("/deliveries/latency/p50_ms") > 0.0);
    let paths = [
        "/server/wakeups_per_event",
        "/server/encoded_frames_per_event",
    ];
    assert_eq!(run.counts(paths), [3.0, 1.0]);
    assert_eq!(run.number("/server/bytes_per_idle_connection"), 4_096.0);
    assert!((run.number("/server/cpu_seconds") - 0.05).abs() < 0.01);
    assert_eq!(run.code, 0);
}

#[test]
fn the_warm_up_is_published_and_not_measured() {
    let run = load(Fault::None, &["--warm-up", "1"]);
    let paths = [
        "/deliveries/received",
        "/deliveries/latency/count",
        "/deliveries/lost",
    ];
    assert_eq!(run.counts(paths), [500.0, 250.0, 0.0]);
    assert_eq!(run.code, 0);
}

#[test]
fn a_lost_event_is_detected() {
    let run = load(Fault::Lose(20), &[]);
    assert_eq!(run.counts(LOST_AND_DOUBLED), [1.0, 0.0]);
    assert_eq!(run.number("/deliveries/lost_with_gap"), 0.0);
    assert_eq!(run.code, 1);
}

#[test]
fn the_last_event_counts_as_lost_too() {
    let run = load(Fault::Lose(49), &[]);
    assert_eq!(run.counts(LOST_AND_DOUBLED), [1.0, 0.0]);
    assert_eq!(run.code, 1);
}

#[test]
fn a_doubled_event_is_detected() {
    let run = load(Fault::Double(20), &[]);
    assert_eq!(run.counts(LOST_AND_DOUBLED), [0.0, 1.0]);
    assert_eq!(run.code, 1);
    let run = load(Fault::Double(49), &[]);
    assert_eq!(run.counts(LOST_AND_DOUBLED), [0.0, 1.0]);
}

#[test]
fn a_gap_is_loss_that_was_reported() {
    let run = load(Fault::Gap(20), &[]);
    assert_eq!(run.counts(LOST_AND_DOUBLED), [1.0, 0.0]);
    assert_eq!(
        run.counts(["/deliveries/lost_with_gap", "/deliveries/gaps/expired"]),
        [1.0, 1.0]
    );
    assert_eq!(run.code, 1);
}

#[test]
fn a_server_that_delivers_nothing_fails() {
    let run = load(Fault::Discard, &[]);
    assert_eq!(run.counts(LOST_AND_DOUBLED), [250.0, 0.0]);
    assert_eq!(run.code, 1);
}

#[test]
fn a_connection_that_ends_is_resumed_without_loss() {
    let run = load(Fault::End(20), &[]);
    assert_eq!(run.counts(LOST_AND_DOUBLED), [0.0, 0.0]);
    assert_eq!(
        run.counts(["/connections/reconnects", "/deliveries/received"]),
        [1.0, 250.0]
    );
    assert_eq!(run.code, 0);
}

#[test]
fn a_delay_is_latency() {
    let slow = Fault::Delay(Duration::from_millis(100));
    let run = load(slow, &["--rate", "5", "--max-p99", "50ms"]);
    assert!(run.number("/deliveries/latency/p50_ms") >= 100.0);
    assert_eq!((run.number("/deliveries/lost"), run.code), (0.0, 1));
    let run = load(slow, &["--rate", "5", "--max-p99", "5s"]);
    assert_eq!(run.code, 0);
}

#[test]
fn events_that_were_due_during_a_stall_have_its_latency() {
    // Four publishers wait for responses, so that a closed loop would see eight slow events.
    let run = load(Fault::Stall(25, Duration::from_millis(400)), &[]);
    assert!(run.number("/publishing/acknowledgement/p50_ms") < 450.0);
    assert!(
        run.number("/deliveries/latency/p90_ms") > 800.0,
        "{}",
        run.report
    );
    assert!(
        run.number("/publishing/lateness/p90_ms") > 400.0,
        "{}",
        run.report
    );
    assert_eq!(run.counts(LOST_AND_DOUBLED), [0.0, 0.0]);
}

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
        // The server's `retry` is 50 ms; the jitter adds as much at most.
        let with_delay = run.number("/storm/all_back_ms") >= 50.0;
        assert!(
            with_delay || arguments.contains(&"--no-jitter"),
            "{}",
            run.report
        );
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
fn the_floor_is_measured_beside_the_server() {
    let run = load(Fault::None, &["--floor"]);
    assert_eq!(run.report.as_array().unwrap().len(), 2);
    for path in ["/0/gateway", "/0/floor", "/1/gateway", "/1/floor"] {
        let received = run.number(&format!("{path}/deliveries/received"));
        let lost = run.number(&format!("{path}/deliveries/lost"));
        assert_eq!((received, lost), (250.0, 0.0), "{path}");
    }
    assert_eq!(run.code, 0);
    let run = load(Fault::Lose(20), &["--floor", "--rounds", "1", "--users"]);
    assert_eq!(run.number("/0/floor/deliveries/received"), 50.0);
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
fn an_impossible_run_has_another_code() {
    let cases: [(&[&str], &str); 5] = [
        (&["http://127.0.0.1:1"], "cannot connect"),
        (&["http://192.0.2.1"], "--remote"),
        (
            &["http://127.0.0.1:1", "--subscribers", "4000000000"],
            "4000000128 open files are needed",
        ),
        (&["http://127.0.0.1:1", "--slow", "1"], "1%"),
        (&[], "<URL>"),
    ];
    for (arguments, message) in cases {
        let output = command(arguments);
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(errors.contains(message), "{arguments:?}: {errors}");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {errors}");
    }
}
