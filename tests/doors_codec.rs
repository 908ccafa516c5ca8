//! In a `Framed`, the codec makes the same events of the same bytes whatever the transport gives at once, leaves what comes
//! behind them in the buffer, and writes what the other side reads as it was.
#![cfg(feature = "tokio-util")]

extern crate alloc;

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use bytes::{Bytes, BytesMut};
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;
use futures_util::future::{FutureExt, join};
use futures_util::sink::SinkExt;
use futures_util::stream::StreamExt;
use sse_wire::codec::EventCodec;
use sse_wire::{
    CutLine, DecodeError, Decoded, EventDecoder, EventType, Frame, LastEventId, Limits, Outgoing,
    OwnedEvent, OwnedItem, SharedDecoder, SharedEvent, SharedItem,
};
use std::io::{self, ErrorKind};
use tokio::io::{AsyncRead, ReadBuf, duplex};
use tokio_util::codec::{Decoder, Encoder, Framed, FramedRead, FramedWrite};

/// Events with everything in them that a cut can come between.
const STREAM: &[u8] = b"\xEF\xBB\xBF: hello\n\nretry: 1500\r\nid: 1\r\nevent: add\r\ndata: one\r\ndata: two\r\n\r\n\
    data: caf\xC3\rid\r\r: ping\n:\ndata\n\nid: 2\nevent: tick\nunknown: x\n: within\ndata: last\n\n";

/// The events of a stream that is decoded in one piece.
fn events_of(mut stream: &[u8]) -> Vec<OwnedEvent> {
    let mut decoder = EventDecoder::new();
    let mut events = Vec::new();
    while let Some(event) = decoder.decode(&mut stream).expect("it fits") {
        events.push(event.into_owned());
    }
    events
}

fn owned(event: &SharedEvent) -> OwnedEvent {
    event.as_event().into_owned()
}

/// A connection that gives one chunk at a time, is not ready in between, and fails after the last one if it is told to.
#[derive(Debug, Clone)]
struct Connection {
    chunks: VecDeque<Vec<u8>>,
    was_ready: bool,
    fails: bool,
}

impl Connection {
    fn new<'c>(chunks: impl IntoIterator<Item = &'c [u8]>) -> Self {
        Self {
            chunks: chunks.into_iter().map(<[u8]>::to_vec).collect(),
            was_ready: false,
            fails: false,
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.was_ready = !self.was_ready;
        if self.was_ready {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        match self.chunks.pop_front() {
            Some(mut chunk) => {
                let left = chunk.split_off(chunk.len().min(buffer.remaining()));
                buffer.put_slice(&chunk);
                if !left.is_empty() {
                    self.chunks.push_front(left);
                }
                Poll::Ready(Ok(()))
            }
            None if self.fails => Poll::Ready(Err(ErrorKind::ConnectionReset.into())),
            None => Poll::Ready(Ok(())),
        }
    }
}

/// Everything that a codec makes of a connection.
async fn read<T: Decoded>(
    connection: Connection,
    codec: EventCodec<T>,
) -> (
    Vec<Result<T, DecodeError>>,
    FramedRead<Connection, EventCodec<T>>,
) {
    let mut events = FramedRead::new(connection, codec);
    let mut read = Vec::new();
    while let Some(event) = events.next().await {
        read.push(event.expect("the connection holds"));
    }
    assert!(events.next().await.is_none());
    (read, events)
}

#[tokio::test]
async fn the_events_are_the_same_whatever_the_connection_gives_at_once() {
    let expected = events_of(STREAM);
    assert_eq!(expected.len(), 4);
    for size in 1..=STREAM.len() {
        let connection = Connection::new(STREAM.chunks(size));
        let (events, framed) = read(connection.clone(), EventCodec::new()).await;
        let codec = framed.decoder();
        let events: Vec<_> = events
            .into_iter()
            .flatten()
            .map(|event| owned(&event))
            .collect();
        assert_eq!(events, expected, "{size}");
        assert!(!codec.ended_within_event());
        assert_eq!(codec.decoder().last_event_id(), "2");

        let (events, _) = read(connection, EventCodec::raw()).await;
        let data: Vec<_> = events.iter().flatten().map(|event| event.data()).collect();
        assert_eq!(data, [&b"one\ntwo"[..], b"caf\xC3", b"", b"last"], "{size}");
    }
}

#[tokio::test]
async fn items_come_in_the_order_of_the_stream() {
    let mut decoder = EventDecoder::new();
    let (mut expected, mut input) = (Vec::new(), STREAM);
    while let Some(item) = decoder.decode_item(&mut input).expect("it fits") {
        expected.push(OwnedItem::from(item));
    }
    let (items, framed) = read(Connection::new([STREAM]), EventCodec::items()).await;
    let codec = framed.decoder();
    let items = items.into_iter().map(|item| match item.expect("it fits") {
        SharedItem::Event(event) => OwnedItem::Event(owned(&event)),
        SharedItem::Comment { text, end } => OwnedItem::Comment {
            text: text.into(),
            end,
        },
        SharedItem::Retry(time) => OwnedItem::Retry(time),
    });
    assert_eq!(items.collect::<Vec<_>>(), expected);
    assert_eq!(expected.len(), 9);
    let time = codec.decoder().reconnection_time();
    assert_eq!(time.map(|time| time.as_millis()), Some(1500));
}

#[tokio::test]
async fn dropping_a_pending_future_loses_nothing() {
    let connection = Connection::new(STREAM.chunks(1));
    let mut events = FramedRead::new(connection, EventCodec::new());
    let (mut read, mut dropped) = (Vec::new(), 0);
    loop {
        // Polled once, and dropped.
        match events.next().now_or_never() {
            Some(Some(event)) => read.push(owned(&event.expect("it holds").expect("it fits"))),
            Some(None) => break,
            None => dropped += 1,
        }
    }
    assert_eq!(read, events_of(STREAM));
    assert!(dropped > STREAM.len());
}

#[tokio::test]
async fn a_refused_event_is_an_item_and_what_comes_after_it_is_read() {
    const WITH_GIANTS: &[u8] =
        b"data: 1\n\n\ndata: much too large\nid: 7\n\ndata: 2\n\nid: 12345\n\ndata: 3\n\n";
    for size in 1..=WITH_GIANTS.len() {
        let limits = Limits::new().with_event(8).with_last_event_id(4);
        let codec = EventCodec::new().with_decoder(SharedDecoder::with_limits(limits));
        assert_eq!(codec.decoder().limits(), limits);
        let (events, framed) = read(Connection::new(WITH_GIANTS.chunks(size)), codec).await;
        let codec = framed.decoder();
        let data: Vec<_> = events
            .iter()
            .map(|event| event.as_ref().map(SharedEvent::data))
            .collect();
        let expected = [
            Ok("1"),
            Err(&DecodeError::EventTooLarge { limit: 8 }),
            Ok("2"),
            Err(&DecodeError::LastEventIdTooLarge { limit: 4 }),
            Ok("3"),
        ];
        assert_eq!(data, expected, "{size}");
        assert_eq!(codec.decoder().last_event_id(), "7");
    }
}

#[tokio::test]
async fn the_error_of_the_connection_is_passed_on() {
    let mut connection = Connection::new([&b"data: 1\n\ndata: cut"[..]]);
    connection.fails = true;
    let mut events = FramedRead::new(connection, EventCodec::new().recover_at_end(CutLine::Keep));
    let event = events.next().await.expect("an event").expect("it holds");
    assert_eq!(event.expect("it fits").data(), "1");
    let error = events
        .next()
        .await
        .expect("an error")
        .expect_err("it fails");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    // Nothing is recovered: it is not the end that the sender meant.
    assert!(events.next().await.is_none());
}

#[tokio::test]
async fn an_event_that_the_end_cuts_off_is_no_error() {
    for (stream, kept, discarded, within_event) in [
        (&b""[..], None, None, false),
        (b": ping", None, None, false),
        (b"retry: 15", None, None, false),
        (b"data: [DONE]", Some("[DONE]"), None, true),
        (b"data: [DONE]\n", Some("[DONE]"), Some("[DONE]"), true),
        (b"data: a\ndata: b", Some("a\nb"), Some("a"), true),
        (b"event: a\n", None, None, true),
        (b"dat", None, None, true),
    ] {
        let connection = || Connection::new([&b"data: first\n\n"[..], stream]);
        for (recover, recovered) in [
            (None, None),
            (Some(CutLine::Keep), kept),
            (Some(CutLine::Discard), discarded),
        ] {
            let (mut text, mut raw, mut items) =
                (EventCodec::new(), EventCodec::raw(), EventCodec::items());
            if let Some(cut_line) = recover {
                text = text.recover_at_end(cut_line);
                raw = raw.recover_at_end(cut_line);
                items = items.recover_at_end(cut_line);
            }
            assert!(!text.ended_within_event());
            let expected: Vec<_> = ["first"].into_iter().chain(recovered).collect();

            let (events, text) = read(connection(), text).await;
            let data: Vec<_> = events.iter().flatten().map(SharedEvent::data).collect();
            assert_eq!(data, expected, "{stream:?} {recover:?}");
            assert_eq!(
                text.decoder().ended_within_event(),
                within_event,
                "{stream:?}"
            );

            let (events, raw) = read(connection(), raw).await;
            let data: Vec<_> = events.iter().flatten().map(|event| event.data()).collect();
            let bytes: Vec<_> = expected.iter().map(|data| data.as_bytes()).collect();
            assert_eq!(data, bytes, "{stream:?} {recover:?}");
            assert_eq!(
                raw.decoder().ended_within_event(),
                within_event,
                "{stream:?}"
            );

            let (found, items) = read(connection(), items).await;
            let is_event = |data: &str| {
                found.iter().any(
                    |item| matches!(item, Ok(SharedItem::Event(event)) if event.data() == data),
                )
            };
            assert!(
                expected.iter().all(|data| is_event(data)),
                "{stream:?} {recover:?}"
            );
            assert_eq!(
                items.decoder().ended_within_event(),
                within_event,
                "{stream:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_recovered_event_that_is_too_large_is_the_last_item() {
    // Its text takes more than its bytes.
    let limits = Limits::new().with_event(8);
    let codec = EventCodec::new()
        .with_decoder(SharedDecoder::with_limits(limits))
        .recover_at_end(CutLine::Keep);
    let (events, framed) = read(Connection::new([&b"data: \xFF\xFF\xFF"[..]]), codec).await;
    let codec = framed.decoder();
    assert_eq!(events, [Err(DecodeError::EventTooLarge { limit: 8 })]);
    assert!(codec.ended_within_event());
}

#[tokio::test]
async fn the_stream_goes_on_from_a_decoder() {
    let mut decoder = SharedDecoder::new();
    decoder
        .set_last_event_id(LastEventId::from_static("41"))
        .expect("it fits");
    let codec = EventCodec::new().with_decoder(decoder);
    let (events, framed) = read(
        Connection::new([&b"data: 1\n\nid: 42\ndata: 2\n\n"[..]]),
        codec,
    )
    .await;
    let codec = framed.decoder();
    let ids: Vec<_> = events
        .iter()
        .flatten()
        .map(|event| (event.last_event_id(), event.id()))
        .collect();
    assert_eq!(ids, [("41", None), ("42", Some("42"))]);
    assert_eq!(codec.decoder().last_event_id(), "42");
}

#[test]
fn what_comes_behind_an_event_stays_in_the_buffer() {
    let mut codec = EventCodec::new();
    let mut buffer = BytesMut::from(": ping\ndata: 1\n\ndata: 2\n\nHTTP/1.1");
    for (data, left) in [("1", "data: 2\n\nHTTP/1.1"), ("2", "HTTP/1.1")] {
        let event = codec.decode(&mut buffer).expect("it holds");
        assert_eq!(event.expect("an event").expect("it fits").data(), data);
        assert_eq!(buffer, left);
    }
    // Also if the event shares the buffer.
    let large = "x".repeat(10_000);
    buffer = BytesMut::from(&*format!("data: {large}\n\nHTTP/1.1"));
    let event = codec.decode(&mut buffer).expect("it holds");
    assert_eq!(event.expect("an event").expect("it fits").data(), large);
    assert_eq!(buffer, "HTTP/1.1");

    // And if it was refused, as far as it was not read.
    let limits = Limits::new().with_event(4);
    let mut codec = EventCodec::new().with_decoder(SharedDecoder::with_limits(limits));
    let mut buffer = BytesMut::from("data: 12345\n\ndata: 1\n\nHTTP/1.1");
    assert!(matches!(codec.decode(&mut buffer), Ok(Some(Err(_)))));
    assert!(matches!(codec.decode(&mut buffer), Ok(Some(Ok(_)))));
    assert_eq!(buffer, "HTTP/1.1");
}

#[tokio::test]
async fn what_comes_behind_an_event_can_be_taken_over() {
    let connection = Connection::new([&b"data: 1\n\nHTTP"[..], b"/1.1"]);
    let mut events = FramedRead::new(connection, EventCodec::new());
    assert!(matches!(events.next().await, Some(Ok(Ok(_)))));
    assert_eq!(events.read_buffer(), "HTTP");
}

#[test]
fn a_buffer_without_an_event_is_read_and_left_empty() {
    let mut codec = EventCodec::new();
    for part in ["", "event: ti", "ck\nda", "ta: 1\n", ": comment\n", "id: 1"] {
        let mut buffer = BytesMut::from(part);
        assert!(matches!(codec.decode(&mut buffer), Ok(None)));
        assert!(buffer.is_empty());
    }
    let mut buffer = BytesMut::from("2\n\n");
    let event = codec.decode(&mut buffer).expect("it holds");
    let event = event.expect("an event").expect("it fits");
    assert_eq!(
        (event.event_type(), event.data(), event.id()),
        ("tick", "1", Some("12"))
    );
}

/// Where the memory of a buffer is.
fn place_of(buffer: &BytesMut) -> core::ops::Range<*const u8> {
    let start = buffer.as_ptr();
    start..start.wrapping_add(buffer.capacity())
}

fn lies_in(place: &core::ops::Range<*const u8>, part: &[u8]) -> bool {
    let part = part.as_ptr_range();
    place.start <= part.start && part.end <= place.end
}

#[test]
fn a_large_event_shares_the_memory_of_the_buffer() {
    let large = "x".repeat(8 << 10);
    let block = format!(": ping\nevent: big\ndata: {large}\n\n");
    let buffer = || {
        let mut buffer = BytesMut::with_capacity(16 << 10);
        buffer.extend_from_slice(block.as_bytes());
        buffer
    };
    let mut input = buffer();
    let place = place_of(&input);
    let event = EventCodec::new().decode(&mut input).expect("it holds");
    let event = event.expect("an event").expect("it fits");
    assert_eq!(event.data(), large);
    assert!(lies_in(&place, event.data().as_bytes()));
    assert!(lies_in(&place, event.event_type().as_bytes()));
    // The buffer is given back with the event, not before.
    assert!(!input.try_reclaim(16 << 10));
    drop(event);
    assert!(input.try_reclaim(16 << 10));

    let mut input = buffer();
    let place = place_of(&input);
    let event = EventCodec::raw().decode(&mut input).expect("it holds");
    let event = event.expect("an event").expect("it fits");
    assert!(lies_in(&place, event.data()));
}

#[test]
fn a_small_event_keeps_no_buffer_alive() {
    let mut input = BytesMut::with_capacity(16 << 10);
    input.extend_from_slice(b"id: 7\nevent: tick\ndata: 1\n\ndata: a\ndata: b\n\n");
    let place = place_of(&input);
    let mut codec = EventCodec::new();
    let mut kept = Vec::new();
    while let Some(event) = codec.decode(&mut input).expect("it holds") {
        kept.push(event.expect("it fits"));
    }
    assert_eq!(kept.len(), 2);
    for event in &kept {
        assert!(!lies_in(&place, event.data().as_bytes()));
    }
    assert!(input.try_reclaim(16 << 10));

    // What would be large enough by itself, but is a small part of the buffer, as well.
    let mut input = BytesMut::with_capacity(1 << 20);
    input.extend_from_slice(format!("data: {}\n\n", "x".repeat(2 << 10)).as_bytes());
    let _kept = codec.decode(&mut input).expect("it holds");
    assert!(input.try_reclaim(1 << 20));
}

#[test]
fn blocks_and_frames_are_written_as_they_encode() {
    let block = Outgoing::event(EventType::from_static("tick"), "a\nb\r\nc")
        .id(LastEventId::from_static("7"))
        .comment("ping");
    let encoded = block.to_string();
    let blocks = Bytes::from_static(b"unknown\r\rdata:1\r\n\r\n");
    let frame = Frame::parse(blocks.clone()).expect("whole blocks");
    let mut codec = EventCodec::new();
    let mut out = BytesMut::from("before;");
    codec.encode(block, &mut out).expect("it holds");
    codec.encode(&block, &mut out).expect("it holds");
    codec.encode(&frame, &mut out).expect("it holds");
    codec.encode(frame, &mut out).expect("it holds");
    codec.encode(Outgoing::new(), &mut out).expect("it holds");
    codec.encode(Frame::new(), &mut out).expect("it holds");
    let expected = [
        b"before;",
        encoded.as_bytes(),
        encoded.as_bytes(),
        &blocks,
        &blocks,
    ]
    .concat();
    assert_eq!(out, expected);
}

#[tokio::test]
async fn what_one_side_sends_the_other_receives() {
    let block = Outgoing::event(EventType::from_static("tick"), "a\nb");
    let large = "x".repeat(10_000);
    let frame = Frame::from(Outgoing::message(&large).id(LastEventId::from_static("7")));
    // Much smaller than what goes through it, so that each waits for the other.
    let (here, there) = duplex(7);
    let mut here = Framed::new(here, EventCodec::new());
    let mut there = Framed::new(there, EventCodec::new());
    let send = async {
        here.send(block).await?;
        here.send(&block).await?;
        here.send(&frame).await?;
        here.send(Frame::from(Outgoing::new().comment("ping")))
            .await?;
        here.send(frame.clone()).await?;
        let answer = here.next().await.expect("an event")?.expect("it fits");
        io::Result::Ok(answer)
    };
    let receive = async {
        let mut received = Vec::new();
        for _ in 0..4 {
            let event = there.next().await.expect("an event")?;
            received.push(event.expect("it fits"));
        }
        there.send(Outgoing::message("thanks")).await?;
        io::Result::Ok(received)
    };
    let (answer, received) = join(send, receive).await;
    assert_eq!(answer.expect("it holds").data(), "thanks");
    let received = received.expect("it holds");
    for event in &received[..2] {
        assert_eq!((event.event_type(), event.data()), ("tick", "a\nb"));
    }
    for event in &received[2..] {
        assert_eq!((event.data(), event.id()), (&*large, Some("7")));
    }
    drop(here);
    assert!(there.next().await.is_none());
}

#[tokio::test]
async fn a_sink_flushes_what_it_sends() {
    let mut events = FramedWrite::new(Vec::new(), EventCodec::new());
    events.send(Outgoing::message("1")).await.expect("it holds");
    assert_eq!(events.get_ref(), b"data: 1\n\n");
    let frame = Arc::new(Frame::from(Outgoing::message("2")));
    events.send(&*frame).await.expect("it holds");
    assert_eq!(events.get_ref(), b"data: 1\n\ndata: 2\n\n");
}

#[test]
fn at_the_end_what_was_not_asked_for_yet_comes_first() {
    let mut codec = EventCodec::new().recover_at_end(CutLine::Keep);
    let mut buffer = BytesMut::from("data: 1\n\ndata: 2\n\ndata: 3");
    for expected in ["1", "2", "3"] {
        let event = codec.decode_eof(&mut buffer).expect("it never fails");
        let event = event.expect("an event").expect("it fits");
        assert_eq!(event.data(), expected);
    }
    let none = codec.decode_eof(&mut buffer).expect("it never fails");
    assert!(none.is_none());
}

#[test]
fn the_decoder_for_the_next_connection_knows_what_outlives_one() {
    let mut codec = EventCodec::new();
    let mut buffer = BytesMut::from("retry: 5\nid: 7\n\nid: 8\ndata: cut");
    assert!(codec.decode(&mut buffer).expect("it never fails").is_none());
    let decoder = codec.into_decoder();
    assert_eq!(decoder.last_event_id(), "7");
    assert_eq!(decoder.reconnection_time(), Some(Duration::from_millis(5)));
    let mut codec = EventCodec::new().with_decoder(decoder);
    let mut buffer = BytesMut::from("\u{FEFF}data: new\n\n");
    let event = codec.decode(&mut buffer).expect("it never fails");
    let event = event.expect("an event").expect("it fits");
    assert_eq!((event.data(), event.last_event_id()), ("new", "7"));
}

#[test]
fn a_stream_that_goes_on_after_its_end_is_another_one() {
    let mut codec = EventCodec::new();
    let mut buffer = BytesMut::from("data: cut");
    assert!(
        codec
            .decode_eof(&mut buffer)
            .expect("it never fails")
            .is_none()
    );
    assert!(codec.ended_within_event());
    assert!(
        codec
            .decode_eof(&mut buffer)
            .expect("it never fails")
            .is_none()
    );
    assert!(codec.ended_within_event());
    buffer.extend_from_slice(b"\xEF\xBB\xBFdata: new\n\n");
    let event = codec.decode(&mut buffer).expect("it never fails");
    assert_eq!(event.expect("an event").expect("it fits").data(), "new");
    assert!(!codec.ended_within_event());
    assert!(
        codec
            .decode_eof(&mut buffer)
            .expect("it never fails")
            .is_none()
    );
    assert!(!codec.ended_within_event());
}

#[test]
fn a_clone_reads_on_by_itself_and_the_default_is_new() {
    let mut codec = EventCodec::default();
    assert!(matches!(
        codec.decode(&mut BytesMut::from("data: a")),
        Ok(None)
    ));
    let mut clone = codec.clone();
    for codec in [&mut codec, &mut clone] {
        let event = codec
            .decode(&mut BytesMut::from("b\n\n"))
            .expect("it holds");
        assert_eq!(event.expect("an event").expect("it fits").data(), "ab");
    }
    let read = codec.decode(&mut BytesMut::from("data: secret"));
    assert!(matches!(read, Ok(None)));
    let shown = format!("{codec:?}");
    assert!(shown.starts_with("EventCodec") && !shown.contains("secret"));
}
