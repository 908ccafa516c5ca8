//! The load against the gateway itself: the server has the metrics that the report is made of.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

use gateway::auth::VARIABLE;

use crate::{LOST_AND_DOUBLED, Run, load_from};

/// The secret of a gateway that asks for tokens.
const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// A gateway that is killed at the end.
struct Gateway {
    child: Child,
    /// Open, so that the program can write to it.
    _output: BufReader<ChildStdout>,
    url: String,
    metrics: String,
}

impl Gateway {
    fn start(options: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gateway"));
        command.env(VARIABLE, SECRET).args([
            "--listen",
            "127.0.0.1:0",
            "--metrics-listen",
            "127.0.0.1:0",
        ]);
        command.args(options);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let is_end =
            |character: char| character == ',' || character == ';' || character.is_whitespace();
        let mut urls = line
            .split(is_end)
            .filter(|word| word.starts_with("http://"));
        let url = urls.next().unwrap().to_owned();
        let metrics = urls.next().unwrap().to_owned();
        Self {
            child,
            _output: output,
            url,
            metrics,
        }
    }

    fn load(&self, arguments: &[&str]) -> Run {
        load_from(&self.url, &self.metrics, arguments)
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

#[test]
fn the_gateway_passes_and_has_the_metrics() {
    let gateway = Gateway::start(&["--no-auth"]);
    let run = gateway.load(&[]);
    assert_eq!(run.counts(LOST_AND_DOUBLED), [0.0, 0.0]);
    assert_eq!(run.number("/deliveries/received"), 250.0);
    assert_eq!(run.number("/server/encoded_frames_per_event"), 1.0);
    for path in [
        "/server/cpu_seconds",
        "/server/encode_seconds",
        "/server/slowest_lag_events",
        "/server/resident_bytes_idle",
    ] {
        assert!(run.number(path) >= 0.0, "{path}");
    }
    assert!((1.0..=5.0).contains(&run.number("/server/wakeups_per_event")));
    // Each event counts for each subscriber, whichever of them are within the scrapes.
    assert!(run.number("/server/deliveries") > 200.0);
    assert_eq!(run.code, 0);
}

#[test]
fn the_gateway_survives_a_storm_and_keeps_users_apart() {
    let gateway = Gateway::start(&["--no-auth"]);
    let run = gateway.load(&["--users", "--storm", "--no-jitter", "--rate", "200"]);
    assert_eq!(run.counts(LOST_AND_DOUBLED), [0.0, 0.0]);
    let paths = [
        "/deliveries/received",
        "/deliveries/misdelivered",
        "/storm/reconnected",
    ];
    assert_eq!(run.counts(paths), [200.0, 0.0, 5.0]);
    assert_eq!(run.code, 0);
}

#[test]
fn the_gateway_passes_compressed_with_a_token_and_while_logins_fail() {
    let gateway = Gateway::start(&["--demo"]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_gateway"));
    command.args(["token", "load", "--topic", "*", "--publish", "*"]);
    let output = command.env(VARIABLE, SECRET).output().unwrap();
    let token = String::from_utf8(output.stdout).unwrap();
    let header = format!("Authorization: Bearer {}", token.trim());
    let run = gateway.load(&["--header", &header, "--gzip", "--logins"]);
    assert_eq!(run.counts(LOST_AND_DOUBLED), [0.0, 0.0]);
    let paths = ["/deliveries/received", "/connections/compressed"];
    assert_eq!(run.counts(paths), [250.0, 5.0]);
    // Ten logins per minute: the others are rejected at once.
    let failed = run.number("/logins/count/401");
    assert!((1.0..=12.0).contains(&failed), "{}", run.report);
    assert!(run.number("/logins/count/429") > failed, "{}", run.report);
    assert!(run.number("/server/sent_bytes") > 0.0, "{}", run.report);
    assert_eq!(run.code, 0);
}
