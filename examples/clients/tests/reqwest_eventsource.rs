//! The API of reqwest-eventsource on top of sse-wire: what it yields, and how often the server is asked.

#[allow(
    dead_code,
    missing_debug_implementations,
    unreachable_pub,
    reason = "it is there to be copied"
)]
#[path = "../src/reqwest_eventsource.rs"]
mod reqwest_eventsource;

use core::time::Duration;

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc;
use std::thread;

use futures_util::StreamExt as _;
use reqwest_eventsource::{Error, Event, EventSource, ReadyState, RetryPolicy};

/// So many times in a row, after delays that double; none after 410.
struct Doubling(Duration, usize);

impl RetryPolicy for Doubling {
    fn retry(&self, error: &Error, last_retry: Option<(usize, Duration)>) -> Option<Duration> {
        let is_gone = matches!(error, Error::InvalidStatusCode(status, _) if *status == 410);
        let (count, delay) = last_retry.map_or((0, self.0), |(count, delay)| (count, 2 * delay));
        (!is_gone && count < self.1).then_some(delay)
    }

    fn set_reconnection_time(&mut self, duration: Duration) {
        self.0 = duration;
    }
}

/// Answers one request after the other, each on a connection of its own, and sends what it was asked.
fn serve(answers: &'static [&'static str]) -> (String, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("it is bound"));
    let (sender, asked) = mpsc::channel();
    thread::spawn(move || {
        // After the last answer, another request is noted and not answered.
        for answer in answers.iter().chain([&"200 one too many"]) {
            let (mut socket, _) = listener.accept().expect("a connection");
            let (mut request, mut chunk) = (Vec::new(), [0; 1024]);
            while !request.ends_with(b"\r\n\r\n") {
                let length = socket.read(&mut chunk).expect("a request");
                request.extend_from_slice(&chunk[..length]);
            }
            let request = String::from_utf8_lossy(&request).to_lowercase();
            let _ = sender.send(request);
            let head = "connection: close\r\ncontent-type: text/event-stream\r\n\r\n";
            let (status, body) = answer.split_once(' ').expect("a status and a body");
            let answer = format!("HTTP/1.1 {status} x\r\n{head}{body}");
            socket.write_all(answer.as_bytes()).expect("it is read");
        }
    });
    (url, asked)
}

/// All requests, none of which comes late.
fn all(asked: &mpsc::Receiver<String>) -> Vec<String> {
    let next = || asked.recv_timeout(Duration::from_millis(300)).ok();
    core::iter::from_fn(next).collect()
}

fn text(update: Result<Event, Error>) -> String {
    match update {
        Ok(Event::Open) => "open".to_owned(),
        Ok(Event::Message(event)) => format!("{} #{}", event.data(), event.last_event_id()),
        Err(Error::InvalidStatusCode(status, response)) => {
            assert_eq!(response.status(), status);
            status.as_u16().to_string()
        }
        Err(Error::StreamEnded) => "ended".to_owned(),
        Err(error) => format!("{error:?}"),
    }
}

#[tokio::test]
async fn the_policy_decides_about_every_error_and_sees_the_response() {
    let (url, asked) = serve(&[
        "503 away",
        "200 retry: 2\nid: \u{2026}7\ndata: one\n\n",
        "404 not yet",
        "200 data: two\n\n",
        "410 gone",
    ]);
    let request = reqwest::Client::new().get(url);
    let policy = Box::new(Doubling(Duration::from_millis(1), 3));
    let mut source = EventSource::new(request, policy).expect("it can be cloned");
    assert_eq!(source.ready_state(), ReadyState::Connecting);
    let mut seen = Vec::new();
    while let Some(update) = source.next().await {
        if matches!(update, Ok(Event::Message(_))) {
            assert_eq!(source.ready_state(), ReadyState::Open);
        }
        seen.push(text(update));
    }
    let id = "#\u{2026}7";
    let [one, two] = ["one", "two"].map(|data| format!("{data} {id}"));
    let expected = [
        "503", "open", &*one, "ended", "404", "open", &*two, "ended", "410",
    ];
    assert_eq!(seen, expected);
    assert_eq!(source.ready_state(), ReadyState::Closed);
    let requests = all(&asked);
    let ids = requests
        .iter()
        .map(|request| request.contains("last-event-id: \u{2026}7"));
    assert_eq!(ids.collect::<Vec<_>>(), [false, false, true, true, true]);
    let is_whole = |request: &String| request.matches("accept:").count() == 1;
    assert!(requests.iter().all(is_whole), "{requests:?}");
}

#[tokio::test]
async fn it_is_closed_by_the_caller_or_after_too_many_attempts() {
    let (url, asked) = serve(&["500 a", "500 b", "500 c"]);
    let request = reqwest::Client::new().get(url);
    let policy = Box::new(Doubling(Duration::from_millis(1), 2));
    let source = EventSource::new(request, policy).expect("it can be cloned");
    let seen: Vec<_> = source.map(text).collect().await;
    assert_eq!(seen, ["500"; 3]);
    assert_eq!(all(&asked).len(), 3);

    let (url, asked) = serve(&["200 data: one\n\ndata: two\n\n"]);
    let request = reqwest::Client::new().get(url);
    let policy = Box::new(Doubling(Duration::from_millis(1), 2));
    let mut source = EventSource::new(request, policy).expect("it can be cloned");
    assert_eq!(source.next().await.map(text).as_deref(), Some("open"));
    assert_eq!(source.next().await.map(text).as_deref(), Some("one #"));
    source.close();
    assert_eq!(source.ready_state(), ReadyState::Closed);
    assert!(source.next().await.is_none());
    assert_eq!(all(&asked).len(), 1);
}
