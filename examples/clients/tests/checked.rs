//! The servers, as a user runs them, against the checks of a good event stream.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use gateway::check::{Options, check, list};

const PROGRAMS: [&str; 3] = [
    env!("CARGO_BIN_EXE_server-actix"),
    env!("CARGO_BIN_EXE_server-axum"),
    env!("CARGO_BIN_EXE_server-hyper"),
];

/// A program that runs until this is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a server on a free port; returns it with its URL.
fn start(program: &str) -> (Running, String) {
    let mut command = Command::new(program);
    command.arg("127.0.0.1:0").stdout(Stdio::piped());
    let mut running = Running(command.spawn().expect("it was built"));
    let stdout = running.0.stdout.take().expect("it is piped");
    let mut url = String::new();
    BufReader::new(stdout).read_line(&mut url).expect("a line");
    (running, url.trim_end().to_owned())
}

/// What a counter cannot show: it is never silent, its first event has the first ID, and it leaves
/// the delay of a reconnection to the client.
const NOT_OBSERVED: [&str; 3] = ["keep-alive", "checkpoint", "retry"];

async fn assert_good(program: &str) {
    let (_running, url) = start(program);
    let mut options = Options::new(&url);
    let required = list().map(|(name, _)| name.to_owned());
    options.require = required
        .filter(|name| !NOT_OBSERVED.contains(&name.as_str()))
        .collect();
    let report = check(&options).await.expect("a connection");
    assert!(report.passed, "{program}\n{report}");
    assert!(report.seconds < 30.0, "{program}\n{report}");
}

#[tokio::test]
async fn the_servers_pass() {
    let [actix, axum, hyper] = PROGRAMS.map(assert_good);
    tokio::join!(actix, axum, hyper);
}
