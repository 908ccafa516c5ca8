//! With tokio, the codec in a `Framed` and the reader of an `AsyncRead` give the same events whatever the transport gives at once,
//! and whichever future is dropped; the codec leaves what follows an event in the buffer, and writes what the peer reads.
#![cfg(feature = "tokio")]

extern crate alloc;

#[path = "common/events.rs"]
mod events;

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use bytes::{Bytes, BytesMut};
use core::fmt::Debug;
use core::future::Future;
use core::pin::{Pin, pin};
use core::task::{Context, Poll};
use core::time::Duration;
use events::{
    Parts, STREAM, Wakes, events_of, item_parts, items_of, owned_item_parts, parts, raw_parts,
};
use futures_util::future::{FutureExt, join};
use futures_util::sink::SinkExt;
use futures_util::stream::StreamExt;
use sse_wire::tokio::{EventCodec, EventReader};
use sse_wire::{
    CutLine, DecodeError, EventDecoder, EventType, Frame, LastEventId, Limits, Outgoing, OwnedItem,
    ReadError,
};
use std::io::{self, ErrorKind};
use tokio::io::{AsyncRead, ReadBuf, duplex};
use tokio_util::codec::{Decoder, Encoder, Framed, FramedRead, FramedWrite};

/// A connection that gives one chunk at a time, is pending before each, and fails where there is none.
#[derive(Debug, Clone, Default)]
struct Connection {
    chunks: VecDeque<Option<Vec<u8>>>,
    is_always_ready: bool,
    was_pending: bool,
    /// How often it was polled when it was ready.
    reads: usize,
}

impl Connection {
    fn new<'c>(chunks: impl IntoIterator<Item = &'c [u8]>) -> Self {
        Self::failing(chunks.into_iter().map(Some))
    }

    /// It fails wherever a chunk is `None`.
    fn failing<'c>(chunks: impl IntoIterator<Item = Option<&'c [u8]>>) -> Self {
        let chunks = chunks.into_iter();
        Self {
            chunks: chunks.map(|chunk| chunk.map(<[u8]>::to_vec)).collect(),
            ..Self::default()
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.was_pending = !self.was_pending;
        if self.was_pending && !self.is_always_ready {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.reads += 1;
        match self.chunks.pop_front() {
            Some(Some(mut chunk)) => {
                let left = chunk.split_off(chunk.len().min(buffer.remaining()));
                buffer.put_slice(&chunk);
                if !left.is_empty() {
                    self.chunks.push_front(Some(left));
                }
                Poll::Ready(Ok(()))
            }
            Some(None) => Poll::Ready(Err(ErrorKind::ConnectionReset.into())),
            None => Poll::Ready(Ok(())),
        }
    }
}

/// A way to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Codec,
    ItemCodec,
    Event,
    Raw,
    Item,
    /// The last three in turn.
    Mixed,
}

const WAYS: [Way; 6] = [
    Way::Codec,
    Way::ItemCodec,
    Way::Event,
    Way::Raw,
    Way::Item,
    Way::Mixed,
];
const READER_WAYS: &[Way] = WAYS.split_at(2).1;

/// How a stream is read.
#[derive(Debug, Clone, Copy)]
struct Setup {
    recover: Option<CutLine>,
    limits: Limits,
    last_event_id: &'static str,
}

impl Setup {
    const NONE: Self = Self {
        recover: None,
        limits: Limits::new(),
        last_event_id: "",
    };

    fn decoder(self) -> EventDecoder {
        let mut decoder = EventDecoder::with_limits(self.limits);
        let id = LastEventId::from_static(self.last_event_id);
        decoder.set_last_event_id(id).expect("it fits");
        decoder
    }

    fn reader<R: AsyncRead + Unpin>(self, connection: R) -> EventReader<R> {
        let reader = EventReader::new(connection).with_decoder(self.decoder());
        match self.recover {
            Some(cut_line) => reader.recover_at_end(cut_line),
            None => reader,
        }
    }

    fn framed<T>(
        self,
        codec: EventCodec<T>,
        connection: Connection,
    ) -> FramedRead<Connection, EventCodec<T>>
    where
        EventCodec<T>: Decoder,
    {
        let codec = codec.with_decoder(self.decoder());
        let codec = match self.recover {
            Some(cut_line) => codec.recover_at_end(cut_line),
            None => codec,
        };
        FramedRead::new(connection, codec)
    }

    /// Everything that comes of a connection one way, where every pending future is dropped.
    fn read(self, connection: &Connection, way: Way) -> Read {
        let connection = connection.clone();
        match way {
            Way::Codec => read_framed(self.framed(EventCodec::new(), connection), |event| {
                Some(parts(event.as_event()))
            }),
            Way::ItemCodec => read_framed(
                self.framed(EventCodec::items(), connection),
                owned_item_parts,
            ),
            _ => {
                let mut reader = self.reader(connection);
                let events = read_to_end(|number| next(&mut reader, way, number));
                Read {
                    events,
                    ended_within_event: reader.ended_within_event(),
                    decoder: reader.into_decoder(),
                }
            }
        }
    }
}

/// What was read.
struct Read {
    events: Vec<Result<Parts, ReadError<ErrorKind>>>,
    ended_within_event: bool,
    decoder: EventDecoder,
}

impl Read {
    fn data(&self) -> Vec<Result<&str, ReadError<ErrorKind>>> {
        let events = self.events.iter();
        events
            .map(|event| {
                event
                    .as_ref()
                    .map(|(_, data, ..)| &**data)
                    .map_err(Clone::clone)
            })
            .collect()
    }
}

/// What a call gives: nothing if it was pending and was dropped, `Some(Ok(Some(None)))` for what is no event.
type Called = Option<Result<Option<Option<Parts>>, ReadError<io::Error>>>;

/// Polls one of the reader's calls once.
fn next<R: AsyncRead + Unpin>(reader: &mut EventReader<R>, way: Way, number: usize) -> Called {
    let way = match way {
        Way::Mixed => READER_WAYS[number % 3],
        way => way,
    };
    match way {
        Way::Raw => {
            let event = reader.next_raw_event().now_or_never()?;
            Some(event.map(|event| event.map(|event| Some(raw_parts(event)))))
        }
        Way::Item => {
            let item = reader.next_item().now_or_never()?;
            Some(item.map(|item| item.map(item_parts)))
        }
        _ => {
            let event = reader.next_event().now_or_never()?;
            Some(event.map(|event| event.map(|event| Some(parts(event)))))
        }
    }
}

fn read_to_end(mut next: impl FnMut(usize) -> Called) -> Vec<Result<Parts, ReadError<ErrorKind>>> {
    let mut events = Vec::new();
    for number in 0.. {
        assert!(number < 100_000, "it does not come to an end");
        match next(number) {
            None | Some(Ok(Some(None))) => {}
            Some(Ok(Some(Some(event)))) => events.push(Ok(event)),
            Some(Ok(None)) => break,
            Some(Err(error)) => events.push(Err(match error {
                ReadError::Transport(error) => ReadError::Transport(error.kind()),
                ReadError::Decode(error) => ReadError::Decode(error),
            })),
        }
    }
    // It stays the end.
    assert!(matches!(next(0), None | Some(Ok(None))));
    assert!(matches!(next(1), None | Some(Ok(None))));
    events
}

fn read_framed<T>(
    mut framed: FramedRead<Connection, EventCodec<T>>,
    see: fn(&T) -> Option<Parts>,
) -> Read
where
    EventCodec<T>: Decoder<Item = Result<T, DecodeError>, Error = io::Error>,
{
    let events = read_to_end(|_| {
        Some(match framed.next().now_or_never()? {
            None => Ok(None),
            Some(Ok(Ok(found))) => Ok(Some(see(&found))),
            Some(Ok(Err(error))) => Err(ReadError::Decode(error)),
            Some(Err(error)) => Err(ReadError::Transport(error)),
        })
    });
    Read {
        events,
        ended_within_event: framed.decoder().ended_within_event(),
        decoder: framed.decoder().decoder().clone(),
    }
}

#[test]
fn events_do_not_depend_on_what_the_transport_gives_at_once() {
    let expected: Vec<_> = events_of(STREAM).into_iter().map(Ok).collect();
    assert_eq!(expected.len(), 4);
    for size in 1..=STREAM.len() {
        let connection = Connection::new(STREAM.chunks(size));
        for way in WAYS {
            let read = Setup::NONE.read(&connection, way);
            assert_eq!(read.events, expected, "{way:?} {size}");
            assert!(!read.ended_within_event);
            assert_eq!(read.decoder.last_event_id(), "2");
            let delay = read.decoder.reconnection_time();
            assert_eq!(delay, Some(Duration::from_millis(1500)));
        }
    }
}

#[test]
fn dropping_a_pending_future_loses_nothing() {
    let expected: Vec<_> = events_of(STREAM).into_iter().map(Ok).collect();
    for &way in READER_WAYS {
        let mut reader = EventReader::new(Connection::new(STREAM.chunks(1)));
        let mut dropped = 0;
        let events = read_to_end(|number| {
            let called = next(&mut reader, way, number);
            dropped += usize::from(called.is_none());
            called
        });
        assert_eq!(events, expected, "{way:?}");
        assert!(dropped > STREAM.len());
    }
}

#[test]
fn items_come_in_the_order_of_the_stream() {
    let expected = items_of(STREAM);
    assert_eq!(expected.len(), 9);
    let items = FramedRead::new(STREAM, EventCodec::items());
    let read: Vec<_> = items
        .map(|item| item.unwrap().unwrap())
        .collect()
        .now_or_never()
        .unwrap();
    assert_eq!(read, expected);
    let mut reader = EventReader::new(STREAM);
    let mut read = Vec::new();
    while let Some(Ok(Some(item))) = reader.next_item().now_or_never() {
        read.push(OwnedItem::from(item));
    }
    assert_eq!(read, expected);
}

#[test]
fn a_rejected_event_is_an_item_and_the_next_call_continues_after_it() {
    const WITH_OVERSIZED: &[u8] =
        b"data: 1\n\n\ndata: much too large\nid: 7\n\ndata: 2\n\nid: 12345\n\ndata: 3\n\n";
    let setup = Setup {
        limits: Limits::new().with_event(8).with_last_event_id(4),
        ..Setup::NONE
    };
    let rejected = |error| Err(ReadError::Decode(error));
    let expected = [
        Ok("1"),
        rejected(DecodeError::EventTooLarge { limit: 8 }),
        Ok("2"),
        rejected(DecodeError::LastEventIdTooLarge { limit: 4 }),
        Ok("3"),
    ];
    for size in 1..=WITH_OVERSIZED.len() {
        for way in WAYS {
            let read = setup.read(&Connection::new(WITH_OVERSIZED.chunks(size)), way);
            assert_eq!(read.data(), expected, "{way:?} {size}");
            assert_eq!(read.decoder.last_event_id(), "7");
            assert_eq!(read.decoder.limits(), setup.limits);
        }
    }
}

#[test]
fn an_event_that_the_end_cuts_off_is_discarded_unless_it_is_to_be_recovered() {
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
        let connection = Connection::new(
            [&b"data: first\n\n"[..], stream]
                .into_iter()
                .filter(|chunk| !chunk.is_empty()),
        );
        for (recover, recovered) in [
            (None, None),
            (Some(CutLine::Keep), kept),
            (Some(CutLine::Discard), discarded),
        ] {
            let setup = Setup {
                recover,
                ..Setup::NONE
            };
            let expected: Vec<_> = ["first"].into_iter().chain(recovered).map(Ok).collect();
            for way in WAYS {
                let read = setup.read(&connection, way);
                assert_eq!(read.data(), expected, "{way:?} {stream:?} {recover:?}");
                assert_eq!(read.ended_within_event, within_event, "{way:?} {stream:?}");
            }
        }
    }
}

#[test]
fn a_recovered_event_that_is_too_large_is_the_last_item() {
    // Its text takes more than its bytes.
    let setup = Setup {
        recover: Some(CutLine::Keep),
        limits: Limits::new().with_event(8),
        ..Setup::NONE
    };
    for way in WAYS {
        let read = setup.read(&Connection::new([&b"data: \xFF\xFF\xFF"[..]]), way);
        let expected = match way {
            Way::Raw => Ok("\u{FFFD}\u{FFFD}\u{FFFD}"),
            _ => Err(ReadError::Decode(DecodeError::EventTooLarge { limit: 8 })),
        };
        assert_eq!(read.data(), [expected], "{way:?}");
        assert!(read.ended_within_event);
    }
}

#[test]
fn it_continues_with_the_state_of_a_decoder() {
    let setup = Setup {
        last_event_id: "41",
        ..Setup::NONE
    };
    let event = |data: &str, last_event_id: &str, id: Option<&str>| {
        let id = id.map(str::to_owned);
        Ok(("message".into(), data.into(), last_event_id.into(), id))
    };
    for way in WAYS {
        let read = setup.read(
            &Connection::new([&b"data: 1\n\nid: 42\ndata: 2\n\n"[..]]),
            way,
        );
        let expected = [event("1", "41", None), event("2", "42", Some("42"))];
        assert_eq!(read.events, expected, "{way:?}");
        assert_eq!(read.decoder.last_event_id(), "42");
    }
}

#[test]
fn after_an_error_of_the_transport_the_reader_reads_on() {
    let reset = || Err(ReadError::Transport(ErrorKind::ConnectionReset));
    let chunks = [
        Some(&b"data: 1\n\nda"[..]),
        None,
        None,
        Some(b"ta: 2\n\ndata: cut"),
        None,
    ];
    let setup = Setup {
        recover: Some(CutLine::Keep),
        ..Setup::NONE
    };
    for &way in READER_WAYS {
        let read = setup.read(&Connection::failing(chunks), way);
        let expected = [Ok("1"), reset(), reset(), Ok("2"), reset(), Ok("cut")];
        assert_eq!(read.data(), expected, "{way:?}");
    }
    // A `FramedRead` ends, and recovers nothing: that is not the end that the sender meant.
    let mut connection = Connection::failing(chunks);
    connection.is_always_ready = true;
    let mut events = setup.framed(EventCodec::new(), connection);
    let mut next = || events.next().now_or_never().expect("it is ready");
    assert!(matches!(next(), Some(Ok(Ok(event))) if event.data() == "1"));
    assert!(matches!(next(), Some(Err(error)) if error.kind() == ErrorKind::ConnectionReset));
    assert!(next().is_none());
    assert!(!events.decoder().ended_within_event());
}

#[test]
fn after_the_end_the_reader_is_not_polled_again() {
    for &way in READER_WAYS {
        let connection = Connection::new([&b"data: 1\n\n"[..], b"", b"data: more\n\n"]);
        let mut reader = EventReader::new(connection);
        let events = read_to_end(|number| next(&mut reader, way, number));
        assert_eq!(events.len(), 1);
        assert_eq!(reader.get_ref().reads, 2, "{way:?}");
        assert_eq!(reader.get_ref().chunks.len(), 1);
    }
}

#[test]
fn the_reader_yields_after_32_reads_or_256_kib_without_an_event() {
    let (wakes, waker) = Wakes::new();
    let mut context = Context::from_waker(&waker);
    let comment = vec![b':'; 16 << 10];
    for (chunk, most_reads) in [
        (&b"\n"[..], 32),
        (b"unknown: x\n", 32),
        (b"data: x\n", 32),
        (&comment, 16),
    ] {
        let chunks = (0..1000).map(|_| chunk).chain([&b"\n\ndata: last\n\n"[..]]);
        let mut connection = Connection::new(chunks);
        connection.is_always_ready = true;
        let mut reader = EventReader::new(connection);
        let (mut reads, mut yields) = (0, 0);
        while pin!(reader.next_event()).poll(&mut context).is_pending() {
            let new_reads = reader.get_ref().reads - reads;
            assert_eq!(new_reads, most_reads);
            assert_eq!(wakes.take(), 1);
            reads = reader.get_ref().reads;
            yields += 1;
        }
        assert_eq!(yields, 1000 / most_reads);
        assert_eq!(wakes.take(), 0);
    }
}

#[test]
fn an_event_may_be_larger_than_the_chunk_of_the_reader() {
    let large = "x".repeat(100_000);
    let stream = format!("id: 1\ndata: {large}\ndata: {large}\n\ndata: {large}\n\n");
    let mut reader = EventReader::new(stream.as_bytes());
    for length in [200_001, 100_000] {
        let event = reader.next_event().now_or_never().expect("it is ready");
        let event = event.expect("it fits").expect("an event");
        assert_eq!((event.data().len(), event.last_event_id()), (length, "1"));
    }
    assert!(matches!(reader.next_event().now_or_never(), Some(Ok(None))));
}

/// Breaks the contract of `AsyncRead`.
struct Wild(usize);

impl AsyncRead for Wild {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.0 += 1;
        let elsewhere = |length: usize| {
            let bytes = b"data: 1\n\n".iter().copied().cycle().take(length);
            bytes.collect::<Vec<_>>().leak()
        };
        match self.0 {
            1 => *buffer = ReadBuf::new(elsewhere(1 << 20)),
            2 => *buffer = ReadBuf::new(elsewhere(3)),
            3 => *buffer = ReadBuf::new(&mut []),
            4 => buffer.put_slice(b"data: 2\n\ndata: 3"),
            5 => {
                buffer.put_slice(b"data: 4\n\n");
                return Poll::Ready(Err(ErrorKind::TimedOut.into()));
            }
            6 => {
                buffer.put_slice(b"data: 5\n\n");
                return Poll::Pending;
            }
            _ => return Poll::Ready(Ok(())),
        }
        let filled = buffer.capacity();
        buffer.set_filled(filled.min(buffer.initialized().len()));
        Poll::Ready(Ok(()))
    }
}

#[test]
fn a_reader_that_breaks_its_contract_does_no_harm() {
    for &way in READER_WAYS {
        for first in 0..7 {
            let mut reader = EventReader::new(Wild(first));
            for number in 0..1000 {
                _ = next(&mut reader, way, number);
            }
            assert!(matches!(next(&mut reader, way, 0), Some(Ok(None))));
        }
    }
}

#[test]
fn the_reader_is_send_and_sync_and_shows_no_payload() {
    fn is_at_home_anywhere<T: Send + Sync + Unpin + Debug>(_: &T) {}
    fn is_send<T: Send>(_: T) {}

    let mut reader = EventReader::new(&b"data: secret\n\ndata: secret"[..]);
    is_at_home_anywhere(&reader);
    is_send(reader.next_event());
    is_send(reader.next_raw_event());
    is_send(reader.next_item());
    assert!(matches!(
        reader.next_event().now_or_never(),
        Some(Ok(Some(_)))
    ));
    let shown = format!("{reader:?}");
    assert!(shown.starts_with("EventReader") && !shown.contains("secret"));
}

#[test]
fn the_reader_is_returned_and_so_is_the_decoder() {
    let connection = Connection::new([
        &b"retry: 5\nid: 7\ndata: 1\n\nid: 8\ndata: lost"[..],
        b"rest",
    ]);
    let mut reader = EventReader::new(connection);
    while reader.next_event().now_or_never().is_none() {}
    reader.get_mut().chunks.push_back(Some(b"more".to_vec()));
    assert_eq!(reader.into_inner().chunks.len(), 2);

    let mut reader = EventReader::new(&b"retry: 5\nid: 7\ndata: 1\n\nid: 8\ndata: cut"[..]);
    assert!(matches!(
        reader.next_event().now_or_never(),
        Some(Ok(Some(_)))
    ));
    assert_eq!(reader.decoder().last_event_id(), "7");
    let mut decoder = reader.into_decoder();
    assert_eq!(decoder.reconnection_time(), Some(Duration::from_millis(5)));
    let mut input = &b"\xEF\xBB\xBFdata: new\n\n"[..];
    let event = decoder
        .decode(&mut input)
        .expect("it fits")
        .expect("an event");
    assert_eq!((event.data(), event.last_event_id()), ("new", "7"));
}

#[test]
fn what_follows_an_event_stays_in_the_buffer() {
    let mut codec = EventCodec::new();
    let mut buffer = BytesMut::from(": ping\ndata: 1\n\ndata: 2\n\nHTTP/1.1");
    for (data, left) in [("1", "data: 2\n\nHTTP/1.1"), ("2", "HTTP/1.1")] {
        let event = codec.decode(&mut buffer).expect("it holds");
        assert_eq!(event.expect("an event").expect("it fits").data(), data);
        assert_eq!(buffer, left);
    }
    // Also after one that was rejected.
    let limits = Limits::new().with_event(4);
    codec = EventCodec::new().with_decoder(EventDecoder::with_limits(limits));
    buffer = BytesMut::from("data: 12345\n\ndata: 1\n\nHTTP/1.1");
    assert!(matches!(codec.decode(&mut buffer), Ok(Some(Err(_)))));
    assert!(matches!(codec.decode(&mut buffer), Ok(Some(Ok(_)))));
    assert_eq!(buffer, "HTTP/1.1");
}

#[tokio::test]
async fn what_follows_an_event_can_be_taken_over() {
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
async fn what_one_peer_sends_the_other_receives() {
    let block = Outgoing::event(EventType::from_static("tick"), "a\nb");
    let large = "x".repeat(10_000);
    let frame = Frame::from(Outgoing::message(&large).id(LastEventId::from_static("7")));
    // Much smaller than what is sent, so that each waits for the other.
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
fn at_the_end_what_was_not_decoded_yet_comes_first() {
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
fn the_decoder_of_the_next_connection_retains_what_outlives_one() {
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
fn a_stream_that_continues_after_its_end_is_another_one() {
    let mut codec = EventCodec::new();
    let mut buffer = BytesMut::from("data: cut");
    assert!(matches!(codec.decode_eof(&mut buffer), Ok(None)));
    assert!(codec.ended_within_event());
    assert!(matches!(codec.decode_eof(&mut buffer), Ok(None)));
    assert!(codec.ended_within_event());
    buffer.extend_from_slice(b"\xEF\xBB\xBFdata: new\n\n");
    let event = codec.decode(&mut buffer).expect("it never fails");
    assert_eq!(event.expect("an event").expect("it fits").data(), "new");
    assert!(!codec.ended_within_event());
    assert!(matches!(codec.decode_eof(&mut buffer), Ok(None)));
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
