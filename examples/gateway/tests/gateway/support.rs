//! Starts gateways, and talks to them.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::StreamExt;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use sse_wire::OwnedItem;
use sse_wire::body::BodyChunks;
use sse_wire::stream::EventStream;
use tokio::net::TcpStream;
use tokio::time::timeout;

pub mod authentication;
pub mod chromium;
pub mod event_source;
pub mod nginx;
pub mod proxy;
pub mod reconnecting;
pub mod redis;

/// Longer than anything takes that works.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A gateway in a process of its own, which ends with this value.
pub struct Gateway {
    child: Child,
    pub address: SocketAddr,
    pub metrics: SocketAddr,
}

impl Gateway {
    /// Starts one with these options, on free ports.
    pub fn start(options: &[&str]) -> Self {
        Self::start_at("127.0.0.1:0", options)
    }

    pub fn start_at(address: &str, options: &[&str]) -> Self {
        Self::start_with(address, options, Stdio::inherit())
    }

    pub fn start_with(address: &str, options: &[&str], log: Stdio) -> Self {
        Self::start_in(address, options, log, &[])
    }

    pub fn start_with_variables(options: &[&str], variables: &[(&str, &str)]) -> Self {
        Self::start_in("127.0.0.1:0", options, Stdio::inherit(), variables)
    }

    fn start_in(address: &str, options: &[&str], log: Stdio, variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gateway"));
        command.args([
            "--listen",
            address,
            "--metrics-listen",
            "127.0.0.1:0",
            "--threads",
            "2",
        ]);
        command
            .env_remove("REDIS_URL")
            .envs(variables.iter().copied());
        let modes = ["--demo", "--users", "--secret-file"];
        if !options.iter().any(|option| modes.contains(option)) {
            command.arg("--no-auth");
        }
        command.args(options).stdout(Stdio::piped()).stderr(log);
        let mut child = command.spawn().expect("the program starts");
        let mut out = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut line = String::new();
        out.read_line(&mut line).expect("a line");
        let mut addresses = line.split("http://").skip(1).map(|rest| {
            let end = rest.find([',', '/']).expect("an end");
            rest[..end].parse().expect("an address")
        });
        let (address, metrics) = (addresses.next().unwrap(), addresses.next().unwrap());
        Self {
            child,
            address,
            metrics,
        }
    }

    pub fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        let status = Command::new("kill").args(["-s", signal, &id]).status();
        assert!(status.expect("kill runs").success());
    }

    /// Waits for the end of the process.
    pub async fn end(&mut self) -> ExitStatus {
        let begin = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("it is a child") {
                return status;
            }
            assert!(begin.elapsed() < PATIENCE, "the process does not end");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub async fn events(&self, query: &str, last_event_id: Option<&str>) -> Events {
        let response = self.get_events(query, last_event_id).await;
        assert_eq!(response.status(), StatusCode::OK);
        Events::new(response)
    }

    pub async fn get_events(&self, query: &str, id: Option<&str>) -> Response<Incoming> {
        let path = format!("/events?{query}");
        let headers: Vec<_> = id.map(|id| ("last-event-id", id)).into_iter().collect();
        request(self.address, "GET", &path, &headers, "").await
    }

    pub async fn status(&self, path: &str) -> u16 {
        request(self.address, "GET", path, &[], "")
            .await
            .status()
            .as_u16()
    }

    /// Publishes, and returns the ID.
    pub async fn publish(&self, body: &str) -> String {
        let (status, answer) = self.post(body, &[]).await;
        assert_eq!(status, 201, "{answer}");
        answer["id"].as_str().expect("an ID").to_owned()
    }

    pub async fn post(&self, body: &str, headers: &[(&str, &str)]) -> (u16, serde_json::Value) {
        let mut all = vec![("content-type", "application/json")];
        all.extend(headers);
        let response = request(self.address, "POST", "/publish", &all, body).await;
        let status = response.status().as_u16();
        (
            status,
            serde_json::from_str(&text(response).await).unwrap_or_default(),
        )
    }

    /// Reads a figure of /metrics; one that does not exist yet is zero.
    pub async fn metric(&self, name: &str) -> f64 {
        let text = self.metrics_text().await;
        let value = text
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.map_or(0.0, |value| value.parse().expect("a number"))
    }

    pub async fn metrics_text(&self) -> String {
        let response = request(self.metrics, "GET", "/metrics", &[], "").await;
        text(response).await
    }

    /// Waits until a figure has a value.
    pub async fn wait_for(&self, name: &str, value: f64) {
        self.wait_until(name, |is| is == value).await;
    }

    pub async fn wait_until(&self, name: &str, condition: impl Fn(f64) -> bool) {
        let begin = Instant::now();
        loop {
            let is = self.metric(name).await;
            if condition(is) {
                return;
            }
            assert!(begin.elapsed() < PATIENCE, "{name} is still {is}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs the program until it ends, and returns exit code, standard output and standard error.
pub fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gateway"));
    command
        .env_remove("GATEWAY_SECRET")
        .env_remove("REDIS_URL")
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    let (mut out, mut errors) = (String::new(), String::new());
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut out)
        .expect("text");
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut errors)
        .expect("text");
    (child.wait().expect("an end").code(), out, errors)
}

/// Sends a request on a connection of its own.
pub async fn request(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Response<Incoming> {
    try_request(address, method, path, headers, body)
        .await
        .expect("a response")
}

pub async fn try_request(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Result<Response<Incoming>, Box<dyn std::error::Error + Send + Sync>> {
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let mut builder = Request::builder().method(method).uri(path);
    if !headers.iter().any(|(name, _)| *name == "host") {
        builder = builder.header("host", address.to_string());
    }
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    let request = builder.body(Full::new(Bytes::from(body.to_owned())))?;
    Ok(timeout(PATIENCE, sender.send_request(request)).await??)
}

/// Reads the body of a response.
pub async fn text(response: Response<Incoming>) -> String {
    let body = response.into_body().collect().await.expect("a body");
    String::from_utf8(body.to_bytes().to_vec()).expect("text")
}

/// A stream that is read.
pub struct Events {
    items: EventStream<BodyChunks<Incoming>, OwnedItem>,
}

/// What a stream shows to a page, and blocks that have only an ID or a reconnection time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    Event {
        event_type: String,
        data: String,
        id: String,
    },
    Checkpoint(String),
    Retry(Duration),
}

impl Seen {
    pub fn event(event_type: &str, data: &str, id: &str) -> Self {
        Self::Event {
            event_type: event_type.to_owned(),
            data: data.to_owned(),
            id: id.to_owned(),
        }
    }
}

impl Events {
    pub fn new(response: Response<Incoming>) -> Self {
        Self {
            items: EventStream::items(BodyChunks::new(response.into_body())),
        }
    }

    /// Returns what comes next; `None` at the end, whether clean or not.
    pub async fn next(&mut self) -> Option<Seen> {
        let next = timeout(PATIENCE, self.items.next())
            .await
            .expect("something comes");
        match next?.ok()? {
            OwnedItem::Event(event) => Some(Seen::event(
                event.event_type(),
                event.data(),
                event.last_event_id(),
            )),
            OwnedItem::NotDispatched(event) => {
                Some(Seen::Checkpoint(event.last_event_id().to_owned()))
            }
            OwnedItem::Retry(retry) => Some(Seen::Retry(retry)),
            item => panic!("nothing else is sent: {item:?}"),
        }
    }

    /// Reads the beginning of every stream, and returns its position.
    pub async fn begin(&mut self) -> String {
        let (mut id, mut retry) = (None, None);
        while id.is_none() || retry.is_none() {
            match self.next().await.expect("the stream begins") {
                Seen::Checkpoint(position) => id = Some(position),
                Seen::Retry(time) => retry = Some(time),
                event => panic!("the stream begins with {event:?}"),
            }
        }
        id.expect("it was set")
    }

    /// Reads the beginning of a stream that cannot continue where its client was: the reason, and its
    /// position.
    pub async fn gap(&mut self) -> (String, String) {
        loop {
            match self.next().await.expect("the stream begins") {
                Seen::Retry(_) => {}
                Seen::Event {
                    event_type,
                    data,
                    id,
                } if event_type == "gap" => {
                    let data: serde_json::Value = serde_json::from_str(&data).expect("JSON");
                    return (data["reason"].as_str().expect("a reason").to_owned(), id);
                }
                // A position before the gap would hide it from a client that is cut in between.
                other => panic!("the stream begins with {other:?}"),
            }
        }
    }

    /// Reads the data of the next events.
    pub async fn data(&mut self, count: usize) -> Vec<String> {
        let mut all = Vec::new();
        while all.len() < count {
            match self.next().await.expect("an event") {
                Seen::Event { data, .. } => all.push(data),
                Seen::Checkpoint(_) | Seen::Retry(_) => {}
            }
        }
        all
    }

    /// Returns whether nothing comes for a while.
    pub async fn is_silent(&mut self) -> bool {
        timeout(Duration::from_millis(150), self.items.next())
            .await
            .is_err()
    }
}
