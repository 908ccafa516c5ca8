//! The program: its exit codes, and what it prints.

use std::net::TcpListener;
use std::process::{Command, Output};

use gateway::check::list;
use serde_json::Value;

use super::fault::Fault;
use super::server::Server;

async fn run(arguments: Vec<String>) -> Output {
    let running = move || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gateway"));
        command.arg("check").args(arguments).output()
    };
    let output = tokio::task::spawn_blocking(running).await;
    output.expect("it does not panic").expect("it was built")
}

fn arguments(address: &str, more: &[&str]) -> Vec<String> {
    let url = format!("http://{address}/events");
    let post = format!("http://{address}/publish");
    let all = [url.as_str(), "--post", &post, "--body", "{token}"];
    let limits = ["--prompt", "1s", "--keep-alive", "3s", "--timeout", "8s"];
    let all = all.iter().chain(&limits).chain(more);
    all.map(|argument| (*argument).to_owned()).collect()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("it is text")
}

#[tokio::test]
async fn a_good_server_passes() {
    let (_, address) = Server::start(Fault::None).await;
    let output = run(arguments(&address, &[])).await;
    let stdout = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{stdout}");
    assert_eq!(stdout.lines().count(), list().count() + 1, "{stdout}");
    assert!(stdout.contains("22 passed, 0 failed"), "{stdout}");
    // Progress is for a terminal.
    assert_eq!(output.stderr, b"");
}

#[tokio::test]
async fn a_fault_is_reported_with_advice_also_as_json() {
    let (_, address) = Server::start(Fault::ShortRetry).await;
    let output = run(arguments(&address, &["--json"])).await;
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(report["passed"], false);
    let checks = report["checks"].as_array().expect("a list");
    assert_eq!(checks.len(), list().count());
    let retry = checks.iter().find(|check| check["name"] == "retry");
    let retry = retry.expect("the check");
    assert_eq!(retry["verdict"], "fail");
    assert_eq!(retry["evidence"], "retry: 1 ms");
    assert!(retry["advice"].is_string(), "{retry}");
}

#[tokio::test]
async fn a_required_check_has_to_be_observed() {
    let (_, address) = Server::start(Fault::NoRetry).await;
    let output = run(arguments(&address, &[])).await;
    assert_eq!(output.status.code(), Some(0));
    let output = run(arguments(&address, &["--require", "retry"])).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("(required)"));
}

#[tokio::test]
async fn wrong_options_and_a_missing_server_are_told_apart_from_a_bad_one() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound").to_string();
    drop(listener);
    let url = format!("http://{address}/events");
    for arguments in [
        &[url.as_str()][..],
        &["https://localhost/"],
        &["localhost"],
        &[],
        &[&url, "--require", "nonsense"],
        &[&url, "--header", "none"],
        &[&url, "--post", &url],
    ] {
        let output = run(arguments.iter().map(|it| (*it).to_owned()).collect()).await;
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert_ne!(output.stderr, b"", "{arguments:?}");
        assert_eq!(output.stdout, b"", "{arguments:?}");
    }
}

#[tokio::test]
async fn all_checks_are_listed() {
    let output = run(vec!["--list".to_owned()]).await;
    let stdout = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0));
    for (name, about) in list() {
        assert!(stdout.contains(name) && stdout.contains(about), "{name}");
    }
}
