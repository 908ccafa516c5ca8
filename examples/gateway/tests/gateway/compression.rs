//! Streams that are compressed: who receives one, and what can be decoded when.

use std::io::Write as _;

use flate2::write::GzDecoder;
use futures_util::StreamExt as _;
use hyper::Response;
use hyper::body::Incoming;
use sse_wire::body::BodyChunks;
use sse_wire::{EventDecoder, OwnedItem};
use tokio::time::timeout;

use super::support::{Events, Gateway, PATIENCE, Seen, request};

/// A compressed stream, which is decoded as far as it has been received.
struct Compressed {
    chunks: BodyChunks<Incoming>,
    gunzip: GzDecoder<Vec<u8>>,
    decoder: EventDecoder,
    /// Decompressed, and not decoded yet.
    text: Vec<u8>,
}

impl Compressed {
    fn new(response: Response<Incoming>) -> Self {
        assert!(is_compressed(&response), "{response:?}");
        Self {
            chunks: BodyChunks::new(response.into_body()),
            gunzip: GzDecoder::new(Vec::new()),
            decoder: EventDecoder::new(),
            text: Vec::new(),
        }
    }

    /// Returns what comes next; `None` at the end, which has to have a trailer.
    async fn next(&mut self) -> Option<Seen> {
        loop {
            let mut input = &self.text[..];
            let item = self.decoder.decode_owned_item(&mut input);
            self.text = input.to_vec();
            if let Some(item) = item.expect("an event") {
                return Some(seen(item));
            }
            let chunk = timeout(PATIENCE, self.chunks.next()).await;
            let Some(chunk) = chunk.expect("something comes") else {
                self.gunzip.try_finish().expect("length and checksum");
                return None;
            };
            let chunk = chunk.expect("a chunk");
            self.gunzip.write_all(&chunk).expect("gzip");
            self.gunzip.flush().expect("gzip");
            self.text.append(self.gunzip.get_mut());
        }
    }

    /// Reads the beginning of every stream.
    async fn begin(&mut self) {
        assert!(matches!(self.next().await, Some(Seen::Retry(_))));
        assert!(matches!(self.next().await, Some(Seen::Checkpoint(_))));
    }
}

fn seen(item: OwnedItem) -> Seen {
    match item {
        OwnedItem::Event(event) => {
            Seen::event(event.event_type(), event.data(), event.last_event_id())
        }
        OwnedItem::NotDispatched(event) => Seen::Checkpoint(event.last_event_id().to_owned()),
        OwnedItem::Retry(retry) => Seen::Retry(retry),
        item => panic!("nothing else is sent: {item:?}"),
    }
}

fn is_compressed(response: &Response<Incoming>) -> bool {
    let coding = response.headers().get("content-encoding");
    assert!(coding.is_none_or(|coding| coding == "gzip"), "{coding:?}");
    coding.is_some()
}

/// Opens a stream of the topic `a` for a client that accepts these codings.
async fn open(gateway: &Gateway, accepted: &str) -> Response<Incoming> {
    let headers = [("accept-encoding", accepted)];
    let response = request(gateway.address, "GET", "/events?topic=a", &headers, "").await;
    assert_eq!(response.status(), 200);
    response
}

fn message(data: &str) -> String {
    format!(r#"{{"topic":"a","type":"t","data":"{data}"}}"#)
}

#[tokio::test]
async fn gzip_is_used_only_if_it_is_accepted() {
    let gateway = Gateway::start(&[]);
    let plain = gateway.get_events("topic=a", None).await;
    assert!(!is_compressed(&plain));
    for (accepted, expected) in [
        ("gzip", true),
        ("gzip, deflate, br, zstd", true),
        ("br;q=1.0, gzip;q=0.5", true),
        ("br", false),
        ("identity", false),
        ("gzip;q=0", false),
        ("", false),
    ] {
        let response = open(&gateway, accepted).await;
        assert_eq!(is_compressed(&response), expected, "{accepted:?}");
        let varies = response.headers().get_all("vary").iter();
        let varies = varies.filter_map(|value| value.to_str().ok());
        let varies = varies.flat_map(|value| value.split(','));
        let mut varies = varies.map(str::trim);
        assert!(!expected || varies.any(|name| name.eq_ignore_ascii_case("accept-encoding")));
    }
    // Nothing but streams.
    let headers = [("accept-encoding", "gzip")];
    let script = request(gateway.address, "GET", "/event-stream.js", &headers, "").await;
    assert!(!is_compressed(&script));
}

#[tokio::test]
async fn each_block_can_be_decoded_before_the_next_is_sent() {
    let gateway = Gateway::start(&[]);
    let mut events = Compressed::new(open(&gateway, "gzip").await);
    // Nothing has been published.
    events.begin().await;
    for data in ["1".to_owned(), "2".repeat(100), "3".repeat(50_000)] {
        let id = gateway.publish(&message(&data)).await;
        assert_eq!(events.next().await, Some(Seen::event("t", &data, &id)));
    }
}

#[tokio::test]
async fn a_keep_alive_gets_through() {
    let gateway = Gateway::start(&["--keep-alive", "300ms"]);
    let mut events = Compressed::new(open(&gateway, "gzip").await);
    events.begin().await;
    let id = gateway.publish(&message("x")).await;
    // It may have been silent before.
    let mut next = events.next().await;
    while matches!(next, Some(Seen::Checkpoint(_))) {
        next = events.next().await;
    }
    assert_eq!(next, Some(Seen::event("t", "x", &id)));
    for _ in 0..2 {
        assert_eq!(events.next().await, Some(Seen::Checkpoint(id.clone())));
    }
}

#[tokio::test]
async fn only_so_many_streams_are_compressed() {
    let gateway = Gateway::start(&["--max-gzip-streams", "1"]);
    let mut first = Compressed::new(open(&gateway, "gzip").await);
    first.begin().await;
    let second = open(&gateway, "gzip").await;
    assert!(!is_compressed(&second));
    let mut second = Events::new(second);
    second.begin().await;
    let id = gateway.publish(&message("x")).await;
    let event = Seen::event("t", "x", &id);
    assert_eq!(first.next().await, Some(event.clone()));
    assert_eq!(second.next().await, Some(event));
    // The end of the first one allows another.
    drop(first);
    gateway.wait_for("gateway_streams", 1.0).await;
    Compressed::new(open(&gateway, "gzip").await).begin().await;
}

#[tokio::test]
async fn compression_can_be_switched_off() {
    let gateway = Gateway::start(&["--max-gzip-streams", "0"]);
    let response = open(&gateway, "gzip").await;
    assert!(!is_compressed(&response));
    Events::new(response).begin().await;
}

#[tokio::test]
async fn done_and_a_shutdown_end_the_compressed_data_too() {
    let gateway = Gateway::start(&["--drain", "2s"]);
    let mut events = Compressed::new(open(&gateway, "gzip").await);
    events.begin().await;
    let id = gateway
        .publish(r#"{"topic":"a","type":"done","data":""}"#)
        .await;
    assert_eq!(events.next().await, Some(Seen::event("done", "", &id)));
    assert_eq!(events.next().await, None);

    let other = [("accept-encoding", "gzip")];
    let other = request(gateway.address, "GET", "/events?topic=b", &other, "").await;
    let mut events = Compressed::new(other);
    events.begin().await;
    gateway.signal("TERM");
    // The farewell.
    events.begin().await;
    assert_eq!(events.next().await, None);
}
