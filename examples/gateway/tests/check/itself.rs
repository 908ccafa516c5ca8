//! The gateway keeps its own contract.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use gateway::check::{Options, Verdict, check, list};

/// A gateway that runs until this is dropped.
///
/// What it prints is not read, but is not an error either while the reader lives.
struct Running {
    program: Child,
    _stdout: BufReader<ChildStdout>,
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

/// Starts a gateway on a free port; returns it with its address.
fn start() -> (Running, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gateway"));
    command.args(["--no-auth", "--listen", "127.0.0.1:0"]);
    command.args(["--metrics-listen", "127.0.0.1:0"]);
    command.args(["--keep-alive", "1s"]).stdout(Stdio::piped());
    let mut program = command.spawn().expect("it was built");
    let mut stdout = BufReader::new(program.stdout.take().expect("it is piped"));
    let mut line = String::new();
    stdout.read_line(&mut line).expect("a line");
    let running = Running {
        program,
        _stdout: stdout,
    };
    let (_, rest) = line.split_once("http://").expect("a URL");
    let (address, _) = rest.split_once(',').expect("more follows");
    (running, address.to_owned())
}

#[tokio::test]
async fn the_gateway_passes_every_check() {
    let (_running, address) = start();
    let url = format!("http://{address}/events?topic=probe");
    let post = format!("http://{address}/publish");
    let body = r#"{"topic":"probe","type":"probe","data":{"token":"{token}"}}"#;
    let mut options = Options::new(&url).with_post(&post, body);
    options.keep_alive = Duration::from_secs(4);
    options.require = list().map(|(name, _)| name.to_owned()).collect();
    let report = check(&options).await.expect("a connection");
    assert!(report.passed, "{report}");
    let verdicts = report.checks.iter().map(|outcome| outcome.verdict);
    assert_eq!(
        verdicts.filter(|it| *it == Verdict::Pass).count(),
        list().count()
    );
}
