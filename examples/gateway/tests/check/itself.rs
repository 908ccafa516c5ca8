//! The gateway keeps its own contract.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use gateway::check::{Options, Verdict, check, list};
use http_body_util::BodyExt as _;
use hyper::Request;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

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
fn start(mode: &str) -> (Running, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gateway"));
    command.args([mode, "--listen", "127.0.0.1:0"]);
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

/// Sends a POST with a JSON body; returns the cookie that the response sets, and the body.
async fn post(address: &str, path: &str, token: &str, body: &str) -> (String, Value) {
    let socket = TcpStream::connect(address).await.expect("a connection");
    let handshake = http1::handshake(TokioIo::new(socket)).await;
    let (mut sender, connection) = handshake.expect("a connection");
    tokio::spawn(connection);
    let mut request = Request::post(path).header("host", address);
    request = request.header("content-type", "application/json");
    if !token.is_empty() {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let request = request.body(body.to_owned()).expect("a request");
    let response = sender.send_request(request).await.expect("a response");
    assert!(response.status().is_success(), "{path}: {response:?}");
    let cookie = response.headers().get("set-cookie").map(|cookie| {
        let cookie = cookie.to_str().expect("text");
        cookie.split(';').next().unwrap_or_default().to_owned()
    });
    let body = response.into_body().collect().await.expect("a body");
    let body = serde_json::from_slice(&body.to_bytes()).expect("JSON");
    (cookie.unwrap_or_default(), body)
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().expect(name).to_owned()
}

/// The options of a run in which every check has to pass; its topic has no other subscribers.
fn options(address: &str, topic: &str, query: &str) -> Options {
    let url = format!("http://{address}/events?topic={topic}{query}");
    let post = format!("http://{address}/publish");
    let body = r#"{"topic":"TOPIC","type":"probe","data":{"token":"{token}"}}"#;
    let mut options = Options::new(&url).with_post(&post, &body.replace("TOPIC", topic));
    options.keep_alive = Duration::from_secs(4);
    options.require = list().map(|(name, _)| name.to_owned()).collect();
    options
}

async fn assert_passes(options: Options) {
    let report = check(&options).await.expect("a connection");
    assert!(report.passed, "{report}");
    let verdicts = report.checks.iter().map(|outcome| outcome.verdict);
    assert_eq!(
        verdicts.filter(|it| *it == Verdict::Pass).count(),
        list().count()
    );
}

#[tokio::test]
async fn the_gateway_passes_every_check_with_each_way_of_authentication() {
    let (_open, open) = start("--no-auth");
    let (_demo, demo) = start("--demo");
    let login = r#"{"name":"ann","password":"ann-demo"}"#;
    let (session, login) = post(&demo, "/login", "", login).await;
    let token = text(&login, "token");
    let (_, ticket) = post(&demo, "/ticket", &token, "").await;
    let ticket = format!("&ticket={}", text(&ticket, "ticket"));
    let authorization = format!("Authorization: Bearer {token}");

    let without = options(&open, "probe", "");
    let mut with_token = options(&demo, "token", "");
    with_token.headers = vec![authorization.clone()];
    let mut with_session = options(&demo, "session", "");
    with_session.headers = vec![
        format!("Cookie: {session}"),
        format!("Origin: http://{demo}"),
    ];
    // The GETs have nothing but the ticket, and then the cookie of its stream.
    let mut with_ticket = options(&demo, "ticket", &ticket);
    with_ticket.post_headers = vec![authorization];
    let begin = Instant::now();
    let runs = [without, with_token, with_session, with_ticket].map(assert_passes);
    join_all(runs).await;
    let elapsed = begin.elapsed();
    assert!(elapsed < Duration::from_secs(20), "{elapsed:?}");
}

#[tokio::test]
async fn a_ticket_that_was_redeemed_is_rejected() {
    let (_running, address) = start("--demo");
    let login = r#"{"name":"ann","password":"ann-demo"}"#;
    let (_, login) = post(&address, "/login", "", login).await;
    let token = text(&login, "token");
    let (_, ticket) = post(&address, "/ticket", &token, "").await;
    let ticket = format!("&ticket={}", text(&ticket, "ticket"));
    let mut options = options(&address, "ticket", &ticket);
    options.post_headers = vec![format!("Authorization: Bearer {token}")];
    // Cookies are kept for one run.
    assert_passes(options.clone()).await;
    let report = check(&options).await.expect("a connection");
    let status = report.outcome("status").expect("the check");
    assert_eq!(status.verdict, Verdict::Fail, "{report}");
    assert_eq!(status.evidence, "status 401");
}
