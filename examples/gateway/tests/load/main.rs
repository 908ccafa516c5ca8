//! `gateway load`, as a user runs it, against a server with faults: each of them is detected.

mod gateway;
mod modes;
mod several;
mod stand_in;

use std::process::{Command, Output};
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use serde_json::Value;
use stand_in::Fault;
use tokio::runtime::Runtime;

/// What a run reported.
struct Run {
    code: i32,
    report: Value,
    errors: String,
    /// The most streams that were open at a time.
    most_open: u64,
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
    let servers = runtime.block_on(stand_in::start(fault, 1));
    let (address, counts) = &servers[0];
    let url = format!("http://{address}");
    let mut run = load_from(&url, &format!("{url}/metrics"), arguments);
    run.most_open = counts.most_open.load(Relaxed);
    run
}

/// The same, from a server that runs already.
fn load_from(url: &str, metrics: &str, arguments: &[&str]) -> Run {
    let arguments = [&[url, "--metrics", metrics], arguments].concat();
    run(&arguments)
}

/// The same, with the servers in the arguments.
fn run(arguments: &[&str]) -> Run {
    let is_ingest = arguments.contains(&"--ingest");
    let mut all = vec!["--json"];
    for (name, value) in [
        ("--subscribers", "5"),
        ("--seconds", "1"),
        ("--warm-up", "0"),
    ] {
        let is_chosen = is_ingest && name == "--subscribers";
        if !arguments.contains(&name) && !is_chosen {
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
        most_open: 0,
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
