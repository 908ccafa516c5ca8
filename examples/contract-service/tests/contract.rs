//! Plays the part of the contract tests: a stream that the service connects to, callbacks that it reports to, and what must come of each.

use core::time::Duration;
use serde_json::{Value, json};
use sse_wire::{LastEventId, headers};
use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

/// As the contract tests wait for anything.
const LONGEST: Duration = Duration::from_secs(5);
/// For what must not happen.
const SILENCE: Duration = Duration::from_millis(400);

/// A request, as far as it matters: header names are in lower case.
#[derive(Debug, Clone)]
struct Asked {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl Asked {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(had, _)| had == name)
            .map(|(_, value)| value.as_str())
    }
}

/// Reads a request or a response; of the latter the status is the path.
fn read_message(reader: &mut BufReader<TcpStream>) -> Option<Asked> {
    let mut first = String::new();
    if reader.read_line(&mut first).ok()? == 0 {
        return None;
    }
    let mut words = first.split_whitespace().map(str::to_owned);
    let (method, path) = (words.next()?, words.next()?);
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length = length.map_or(0, |(_, length)| length.parse().expect("it is a number"));
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Asked {
        method,
        path,
        headers,
        body: String::from_utf8(body).expect("it is text"),
    })
}

/// A stream, and its events: type, data, ID.
type Case<'c> = (&'c str, &'c [(&'c str, &'c str, &'c str)]);

/// The service, and what it connects and reports to.
struct Harness {
    service: Child,
    /// Where the service is.
    url: String,
    /// Where the stream and the callbacks are.
    own: String,
    connections: Receiver<(Asked, TcpStream)>,
    reports: Receiver<(u64, Value)>,
    reported: u64,
}

/// Starts the service, and returns it with the line that says where it is.
fn start_service(address: &str) -> (Child, String) {
    let mut service = Command::new(env!("CARGO_BIN_EXE_contract-service"))
        .args(["--address", address])
        .stdout(Stdio::piped())
        .spawn()
        .expect("it runs");
    let mut url = String::new();
    let output = service.stdout.take().expect("it is piped");
    BufReader::new(output)
        .read_line(&mut url)
        .expect("it says where it is");
    (service, url)
}

impl Harness {
    fn start() -> Self {
        let (service, url) = start_service("127.0.0.1:0");

        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let own = format!("http://{}", listener.local_addr().expect("it has one"));
        let (connected, connections) = channel();
        let (report, reports) = channel();
        thread::spawn(move || {
            for socket in listener.incoming() {
                let socket = socket.expect("it is accepted");
                let (connected, report) = (connected.clone(), report.clone());
                thread::spawn(move || {
                    let mut reader = BufReader::new(socket.try_clone().expect("it can be"));
                    let mut socket = socket;
                    while let Some(asked) = read_message(&mut reader) {
                        let Some(number) = asked.path.strip_prefix("/callback/") else {
                            _ = connected.send((asked, socket));
                            return;
                        };
                        let number = number.parse().expect("it is a number");
                        let body = serde_json::from_str(&asked.body).expect("it is JSON");
                        _ = report.send((number, body));
                        socket
                            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                            .expect("it is read");
                    }
                });
            }
        });
        Self {
            service,
            url: url.trim_end().to_owned(),
            own,
            connections,
            reports,
            reported: 0,
        }
    }

    /// Asks the service; gives status, location and body.
    fn ask(&self, method: &str, url: &str, body: &Value) -> (u16, String, String) {
        let address = url.trim_start_matches("http://");
        let (host, path) = address.split_once('/').unwrap_or((address, ""));
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let mut socket = TcpStream::connect(host).expect("it is there");
        let length = body.len();
        write!(socket, "{method} /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}").expect("it is read");
        let answer = read_message(&mut BufReader::new(socket)).expect("it answers");
        let location = answer.header("location").unwrap_or_default().to_owned();
        (
            answer.path.parse().expect("a status"),
            location,
            answer.body,
        )
    }

    /// Creates a stream with these parameters beside the two that are required; gives its URL.
    fn create(&self, more: Value) -> String {
        let mut parameters = json!({
            "streamUrl": format!("{}/stream", self.own),
            "callbackUrl": format!("{}/callback", self.own),
            "tag": "test",
            "initialDelayMs": 0,
        });
        for (name, value) in more.as_object().expect("it is an object") {
            parameters[name] = value.clone();
        }
        let (status, location, body) = self.ask("POST", &self.url, &parameters);
        assert_eq!(status, 201, "{body}");
        location
    }

    fn connection(&self) -> (Asked, TcpStream) {
        self.connections.recv_timeout(LONGEST).expect("it connects")
    }

    /// The next connection, which is opened.
    fn open(&self) -> (Asked, TcpStream) {
        let (asked, mut socket) = self.connection();
        socket.set_nodelay(true).expect("it can be set");
        socket
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n")
            .expect("it is read");
        (asked, socket)
    }

    /// The next report, whose number must be the next one, too.
    fn report(&mut self) -> Value {
        let (number, report) = self.reports.recv_timeout(LONGEST).expect("it is reported");
        self.reported += 1;
        assert_eq!(number, self.reported);
        report
    }

    fn event(&mut self, event_type: &str, data: &str, id: &str) {
        let report = self.report();
        let event = json!({ "type": event_type, "data": data, "id": id });
        assert_eq!(report, json!({ "kind": "event", "event": event }));
    }

    fn error(&mut self) -> String {
        let report = self.report();
        assert_eq!(report["kind"], "error", "{report}");
        assert_eq!(report["error"], report["comment"]);
        report["error"].as_str().expect("a text").to_owned()
    }

    fn silence(&self) {
        if let Ok((_, report)) = self.reports.recv_timeout(SILENCE) {
            panic!("{report} is reported");
        }
        if let Ok((asked, _)) = self.connections.try_recv() {
            panic!("{asked:?} is asked");
        }
    }

    /// Sends these bytes in pieces of this size on a new stream, and expects these events.
    fn reads(&mut self, bytes: &str, size: usize, events: &[(&str, &str, &str)]) {
        let stream = self.create(json!({}));
        let (_, mut socket) = self.open();
        for piece in bytes.as_bytes().chunks(size) {
            socket.write_all(piece).expect("it is read");
            if size < 100 {
                // So that they arrive one by one, most of the time.
                thread::sleep(Duration::from_micros(50));
            }
        }
        self.reported = 0;
        for (event_type, data, id) in events {
            self.event(event_type, data, id);
        }
        let (status, ..) = self.ask("DELETE", &stream, &Value::Null);
        assert_eq!(status, 204);
        drop(socket);
        assert!(self.reports.try_recv().is_err(), "{bytes:?}: there is more");
    }
}

impl Drop for Harness {
    fn drop(&mut self) {
        _ = self.service.kill();
        _ = self.service.wait();
    }
}

#[test]
fn the_service_answers_as_the_contract_says() {
    let mut harness = Harness::start();
    let (status, _, body) = harness.ask("GET", &harness.url, &Value::Null);
    let description: Value = serde_json::from_str(&body).expect("it is JSON");
    assert_eq!(status, 200);
    for capability in [
        "bom",
        "comments",
        "headers",
        "last-event-id",
        "post",
        "read-timeout",
        "report",
        "restart",
        "server-directed-shutdown-request",
    ] {
        let capabilities = description["capabilities"]
            .as_array()
            .expect("it is a list");
        assert!(capabilities.contains(&json!(capability)), "{capability}");
    }
    let own = harness.own.clone();
    for wrong in [
        Value::Null,
        json!([]),
        json!({}),
        json!({ "streamUrl": own }),
        json!({ "callbackUrl": own }),
        json!({ "streamUrl": "no url", "callbackUrl": own }),
        json!({ "streamUrl": own, "callbackUrl": own, "lastEventId": "a\nb" }),
        json!({ "streamUrl": own, "callbackUrl": own, "headers": { "no header": "" } }),
        json!({ "streamUrl": own, "callbackUrl": own, "headers": { "x-number": 7 } }),
        json!({ "streamUrl": own, "callbackUrl": own, "headers": ["x"] }),
        json!({ "streamUrl": own, "callbackUrl": own, "method": "NO METHOD" }),
        json!({ "streamUrl": own, "callbackUrl": own, "readTimeoutMs": -1 }),
        json!({ "streamUrl": own, "callbackUrl": own, "initialDelayMs": "5" }),
        json!({ "streamUrl": own, "callbackUrl": own, "body": 7 }),
        json!({ "streamUrl": "ftp://localhost/", "callbackUrl": own }),
    ] {
        assert_eq!(harness.ask("POST", &harness.url, &wrong).0, 400, "{wrong}");
    }
    let stream = harness.create(json!({}));
    let (_, mut socket) = harness.open();
    let listen = json!({ "command": "listen", "listen": { "type": "x" } });
    assert_eq!(harness.ask("POST", &stream, &listen).0, 202);
    assert_eq!(
        harness
            .ask("POST", &stream, &json!({ "command": "nonsense" }))
            .0,
        400
    );
    assert_eq!(harness.ask("POST", &stream, &Value::Null).0, 400);
    assert_eq!(harness.ask("POST", &format!("{stream}0"), &listen).0, 404);
    socket
        .write_all(b"event: x\ndata: 1\n\n")
        .expect("it is read");
    harness.event("x", "1", "");
    // Closed, it reports nothing more, and its socket is closed.
    assert_eq!(harness.ask("DELETE", &stream, &Value::Null).0, 204);
    socket
        .set_read_timeout(Some(LONGEST))
        .expect("it can be set");
    let end = socket.read(&mut [0]);
    assert!(matches!(end, Ok(0)) || end.is_err_and(|end| end.kind() == ErrorKind::ConnectionReset));
    _ = socket.write_all(b"data: 2\n\n");
    harness.silence();
    assert_eq!(harness.ask("DELETE", &stream, &Value::Null).0, 404);
    assert_eq!(harness.ask("POST", &stream, &listen).0, 404);
    assert_eq!(harness.ask("DELETE", &harness.url, &Value::Null).0, 204);
    assert!(harness.service.wait().expect("it ends").success());
}

#[test]
fn basic_parsing() {
    let mut harness = Harness::start();
    let message = |data: &'static str| ("message", data, "");
    let large = "x".repeat(100_000);
    let large_stream = format!("data: {large}\n\n");
    let many: String = (0..100)
        .map(|number| format!("data: {number}\n\n"))
        .collect();
    let cases: [Case<'_>; 17] = [
        ("data: Hello\n\n", &[message("Hello")]),
        (
            "data: Hello\n\ndata: World\n\n",
            &[message("Hello"), message("World")],
        ),
        ("data: Hello\ndata:World\n\n", &[message("Hello\nWorld")]),
        ("data:\n\ndata\n\n", &[message(""), message("")]),
        (
            "event: greeting\ndata: Hello\n\n",
            &[("greeting", "Hello", "")],
        ),
        ("event:\ndata: Hello\n\n", &[message("Hello")]),
        ("id: abc\ndata: Hello\n\n", &[("message", "Hello", "abc")]),
        (
            "event: greeting\nid: abc\ndata: Hello\n\n",
            &[("greeting", "Hello", "abc")],
        ),
        ("id: a\0c\ndata: Hello\n\n", &[message("Hello")]),
        (
            "id: a\ndata: 1\n\ndata: 2\n\nid: b\ndata: 3\n\n",
            &[
                ("message", "1", "a"),
                ("message", "2", "a"),
                ("message", "3", "b"),
            ],
        ),
        (
            "id: a\ndata: 1\n\nid:\ndata: 2\n\n",
            &[("message", "1", "a"), message("2")],
        ),
        (
            "data: Hello\nid: abc\nevent: greeting\n\n",
            &[("greeting", "Hello", "abc")],
        ),
        ("unknown: x\ndata: Hello\nother\n\n", &[message("Hello")]),
        ("data:Hello\n\n", &[message("Hello")]),
        ("data:  Hello\n\n", &[message(" Hello")]),
        ("data\ndata: x\n\n", &[message("\nx")]),
        ("data: €豆腐\n\n", &[message("€豆腐")]),
    ];
    for (stream, events) in cases {
        for size in [1, 3, usize::MAX] {
            harness.reads(stream, size, events);
        }
    }
    for size in [50_000, usize::MAX] {
        harness.reads(&large_stream, size, &[("message", &large, "")]);
    }
    let numbers: Vec<String> = (0..100).map(|number| number.to_string()).collect();
    let events: Vec<_> = numbers
        .iter()
        .map(|number| ("message", number.as_str(), ""))
        .collect();
    harness.reads(&many, usize::MAX, &events);
}

#[test]
fn byte_order_marks() {
    let mut harness = Harness::start();
    for size in [1, 2, 3, usize::MAX] {
        harness.reads("\u{FEFF}data: 1\n\n", size, &[("message", "1", "")]);
        harness.reads(
            "\u{FEFF}\u{FEFF}data: 1\n\ndata: 2\n\n",
            size,
            &[("message", "2", "")],
        );
        harness.reads(
            "data: 1\n\n\u{FEFF}data: 2\n\ndata: 3\n\n",
            size,
            &[("message", "1", ""), ("message", "3", "")],
        );
        harness.reads("data: \u{FEFF}1\n\n", size, &[("message", "\u{FEFF}1", "")]);
    }
}

#[test]
fn comments() {
    let mut harness = Harness::start();
    let stream = harness.create(json!({}));
    let (_, mut socket) = harness.open();
    let comments = [
        ":Hello\n",
        ":\n",
        ": two words\n",
        "data: 1\n:within\n\n",
        ":é\n",
    ];
    for piece in comments.concat().as_bytes() {
        socket.write_all(&[*piece]).expect("it is read");
    }
    for text in ["Hello", "", " two words", "within"] {
        assert_eq!(
            harness.report(),
            json!({ "kind": "comment", "comment": text })
        );
    }
    harness.event("message", "1", "");
    assert_eq!(
        harness.report(),
        json!({ "kind": "comment", "comment": "é" })
    );
    assert_eq!(harness.ask("DELETE", &stream, &Value::Null).0, 204);
}

#[test]
fn line_ends() {
    let mut harness = Harness::start();
    let shapes: [Case<'_>; 6] = [
        ("data: 1\n\n", &[("message", "1", "")]),
        ("data: 1\ndata: 2\n\n", &[("message", "1\n2", "")]),
        (
            "data: 1\n\ndata: 2\n\n",
            &[("message", "1", ""), ("message", "2", "")],
        ),
        ("event: e\ndata: 1\nid: i\n\n", &[("e", "1", "i")]),
        (
            "data: 1\n\n\n\ndata: 2\n\n",
            &[("message", "1", ""), ("message", "2", "")],
        ),
        (
            "data\n\ndata:\ndata\n\n",
            &[("message", "", ""), ("message", "\n", "")],
        ),
    ];
    for end in ["\n", "\r\n", "\r"] {
        for (shape, events) in shapes {
            for size in [1, 2, usize::MAX] {
                harness.reads(&shape.replace('\n', end), size, events);
            }
        }
    }
    // A CR ends a chunk, and its LF begins the next one; the event does not wait for that.
    harness.create(json!({}));
    let (_, mut socket) = harness.open();
    harness.reported = 0;
    socket.write_all(b"data: 1\r\n\r").expect("it is read");
    harness.event("message", "1", "");
    socket.write_all(b"\ndata: 2\r\n\r\n").expect("it is read");
    harness.event("message", "2", "");
}

#[test]
fn requests() {
    let mut harness = Harness::start();
    harness.create(json!({}));
    let (asked, _socket) = harness.open();
    assert_eq!(
        (asked.method.as_str(), asked.path.as_str()),
        ("GET", "/stream")
    );
    assert_eq!(asked.header("accept"), Some("text/event-stream"));
    assert_eq!(asked.header("cache-control"), Some("no-cache"));
    assert_eq!(asked.header("last-event-id"), None);

    harness
        .create(json!({ "headers": { "x-one": "1", "x-two": "two words" }, "lastEventId": "abc" }));
    let (asked, _socket) = harness.open();
    assert_eq!(
        (asked.header("x-one"), asked.header("x-two")),
        (Some("1"), Some("two words"))
    );
    assert_eq!(asked.header("last-event-id"), Some("abc"));

    // One header of each name: those of the caller win.
    harness.create(
        json!({ "headers": { "accept": "text/event-stream, */*", "cache-control": "no-store" } }),
    );
    let (asked, _socket) = harness.open();
    let accept = asked.headers.iter().filter(|(name, _)| name == "accept");
    assert_eq!(accept.count(), 1);
    assert_eq!(asked.header("accept"), Some("text/event-stream, */*"));
    assert_eq!(asked.header("cache-control"), Some("no-store"));

    for method in ["POST", "REPORT"] {
        let headers = json!({ "content-type": "text/plain; charset=utf-8" });
        let stream =
            harness.create(json!({ "method": method, "body": "the body", "headers": headers }));
        let (asked, socket) = harness.open();
        drop(socket);
        // Also when it connects again.
        let (again, _socket) = harness.open();
        for asked in [asked, again] {
            assert_eq!(
                (asked.method.as_str(), asked.body.as_str()),
                (method, "the body")
            );
            assert_eq!(
                asked.header("content-type"),
                Some("text/plain; charset=utf-8")
            );
        }
        harness.reported = 0;
        harness.error();
        assert_eq!(harness.ask("DELETE", &stream, &Value::Null).0, 204);
    }
}

#[test]
fn redirects() {
    let mut harness = Harness::start();
    for status in [301, 307] {
        let stream = harness.create(json!({}));
        let (_, mut socket) = harness.connection();
        write!(
            socket,
            "HTTP/1.1 {status} Moved\r\nlocation: {}/other\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
            harness.own
        )
        .expect("it is read");
        let (asked, mut socket) = harness.open();
        assert_eq!(asked.path, "/other");
        assert_eq!(asked.header("accept"), Some("text/event-stream"));
        harness.reported = 0;
        socket.write_all(b"data: 1\n\n").expect("it is read");
        harness.event("message", "1", "");
        assert_eq!(harness.ask("DELETE", &stream, &Value::Null).0, 204);
    }
    // It connects again where it was led to first, and is led from there again.
    for status in [301, 302, 303, 307, 308] {
        let stream = harness.create(json!({}));
        harness.reported = 0;
        for id in [None, Some("7")] {
            let (asked, mut socket) = harness.connection();
            assert_eq!(
                (asked.path.as_str(), asked.header("last-event-id")),
                ("/stream", id)
            );
            write!(
                socket,
                "HTTP/1.1 {status} Moved\r\nlocation: {}/other\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
                harness.own
            )
            .expect("it is read");
            let (asked, mut socket) = harness.open();
            assert_eq!(
                (asked.path.as_str(), asked.header("last-event-id")),
                ("/other", id)
            );
            socket.write_all(b"id: 7\ndata: 1\n\n").expect("it is read");
            harness.event("message", "1", "7");
            drop(socket);
            harness.error();
        }
        assert_eq!(harness.ask("DELETE", &stream, &Value::Null).0, 204);
        while harness.connections.try_recv().is_ok() || harness.reports.try_recv().is_ok() {}
    }
    for status in [301, 307] {
        for location in ["", "location:\r\n"] {
            let stream = harness.create(json!({}));
            harness.reported = 0;
            // An empty one leads to the same again, until that is enough.
            loop {
                if let Ok((_, report)) = harness.reports.try_recv() {
                    assert_eq!(report["kind"], "error", "{report}");
                    break;
                }
                if let Ok((_, mut socket)) =
                    harness.connections.recv_timeout(Duration::from_millis(10))
                {
                    _ = write!(
                        socket,
                        "HTTP/1.1 {status} Moved\r\n{location}content-length: 0\r\nconnection: close\r\n\r\n"
                    );
                }
            }
            harness.ask("DELETE", &stream, &Value::Null);
            while harness.connections.try_recv().is_ok() || harness.reports.try_recv().is_ok() {}
        }
    }
}

#[test]
fn a_204_ends_it() {
    let mut harness = Harness::start();
    harness.create(json!({}));
    let (_, socket) = harness.open();
    drop(socket);
    harness.error();
    let (_, mut socket) = harness.connection();
    socket
        .write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")
        .expect("it is read");
    harness.error();
    thread::sleep(Duration::from_secs(1));
    harness.silence();
}

#[test]
fn reconnection() {
    let mut harness = Harness::start();
    let stream = harness.create(json!({}));
    let (_, mut socket) = harness.open();
    socket
        .write_all(b"id: 1\ndata: one\n\n")
        .expect("it is read");
    harness.event("message", "one", "1");
    // Told to, without an error.
    assert_eq!(
        harness
            .ask("POST", &stream, &json!({ "command": "restart" }))
            .0,
        202
    );
    let (asked, mut next) = harness.open();
    assert_eq!(asked.header("last-event-id"), Some("1"));
    _ = socket.write_all(b"data: of the old connection\n\n");
    next.write_all(b"data: without an ID\n\n")
        .expect("it is read");
    harness.event("message", "without an ID", "1");
    // Also when later events had none; and what is cut off leaves nothing, neither data nor type nor ID.
    next.write_all(b"event: cut\nid: 2\ndata: cut")
        .expect("it is read");
    drop(next);
    harness.error();
    let (asked, mut socket) = harness.open();
    assert_eq!(asked.header("last-event-id"), Some("1"));
    socket
        .write_all(b"\n\ndata: two\n\nid:\ndata: three\n\n")
        .expect("it is read");
    harness.event("message", "two", "1");
    harness.event("message", "three", "");
    // An empty ID: no header, not an empty one.
    drop(socket);
    harness.error();
    let (asked, mut socket) = harness.open();
    assert_eq!(asked.header("last-event-id"), None);
    socket
        .write_all("\u{FEFF}event: e\r\ndata: four\r\n\r\n".as_bytes())
        .expect("it is read");
    harness.event("e", "four", "");
}

#[test]
fn an_id_beyond_ascii_is_sent_as_the_server_has_sent_it() {
    let mut harness = Harness::start();
    harness.create(json!({}));
    let (_, mut socket) = harness.open();
    let id = "\u{2026}豆 腐";
    write!(socket, "id: {id}\ndata: 1\n\n").expect("it is read");
    harness.event("message", "1", id);
    drop(socket);
    let (asked, _socket) = harness.open();
    let received = headers::received_last_event_id(asked.header("last-event-id"), None::<&str>, 64);
    assert_eq!(
        received.expect("it is valid").map(LastEventId::as_str),
        Some(id)
    );
}

#[test]
fn an_error_has_its_sources() {
    let mut harness = Harness::start();
    // Nobody listens at a port of this number.
    harness.create(json!({ "streamUrl": "http://127.0.0.1:1/" }));
    let error = harness.error();
    let is_whole = error.starts_with("the transport failed: ") && error.contains("refused");
    assert!(is_whole, "{error}");
}

#[test]
fn it_listens_at_a_name() {
    let (mut service, url) = start_service("localhost:0");
    _ = service.kill();
    _ = service.wait();
    assert!(
        url.starts_with("http://127.0.0.1:") || url.starts_with("http://[::1]:"),
        "{url}"
    );
}

#[test]
fn a_read_timeout_is_an_error_and_another_connection() {
    let mut harness = Harness::start();
    harness.create(json!({ "readTimeoutMs": 500 }));
    let (_, mut first) = harness.open();
    first.write_all(b"data: 1\n\n").expect("it is read");
    harness.event("message", "1", "");
    harness.error();
    let (_, mut second) = harness.open();
    second.write_all(b"data: 2\n\n").expect("it is read");
    harness.event("message", "2", "");
}
