//! tokio: the codec leaves what follows an event in the buffer and encodes what the peer decodes,
//! and a reader that breaks its contract does no harm.

use crate::common::calls::Call;
use crate::common::transport::{Step, Transport};
use bytes::{Bytes, BytesMut};
use core::fmt::Debug;
use core::pin::Pin;
use core::task::{Context, Poll};
use futures_util::future::{FutureExt, join};
use futures_util::sink::SinkExt;
use futures_util::stream::StreamExt;
use sse_wire::tokio::{EventCodec, EventReader};
use sse_wire::{
    CutLine, EventDecoder, EventType, Frame, LastEventId, Limits, Outgoing, OwnedEvent,
};
use std::io::{self, ErrorKind};
use tokio::io::{AsyncRead, ReadBuf, duplex};
use tokio_util::codec::{Decoder, Encoder, Framed, FramedRead};

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
    /// Whether the end was reached.
    fn next(reader: &mut EventReader<Wild>, call: Call) -> bool {
        match call {
            Call::Decode => matches!(reader.next_event().now_or_never(), Some(Ok(None))),
            Call::DecodeRaw => matches!(reader.next_raw_event().now_or_never(), Some(Ok(None))),
            _ => matches!(reader.next_item().now_or_never(), Some(Ok(None))),
        }
    }
    for first in 0..7 {
        for step in 0..3 {
            let mut reader = EventReader::new(Wild(first));
            for number in 0..1000 {
                next(&mut reader, Call::BORROWED[number * step % 3]);
            }
            assert!(next(&mut reader, Call::Decode), "it does not end");
        }
    }
}

#[test]
fn a_reader_is_send_and_sync_and_is_returned() {
    fn is_at_home_anywhere<T: Send + Sync + Unpin + Debug>(_: &T) {}
    fn is_send<T: Send>(_: T) {}
    let mut reader = EventReader::new(&b"data: 1\n\n"[..]);
    is_at_home_anywhere(&reader);
    is_send(reader.next_event());
    is_send(reader.next_raw_event());
    is_send(reader.next_item());

    let steps = [&b"data: 1\n\ndata: lost"[..], b"rest"].map(|chunk| Step::Gives(chunk.into()));
    let mut reader = EventReader::new(Transport::new(steps));
    assert!(matches!(
        reader.next_event().now_or_never(),
        Some(Ok(Some(_)))
    ));
    assert_eq!(reader.get_ref().reads(), 1);
    reader.get_mut().push(Step::Ends);
    assert_eq!(reader.into_inner().steps_left(), 2);
}

/// What a codec makes of its buffer.
fn decode(codec: &mut EventCodec, buffer: &mut BytesMut) -> Option<OwnedEvent> {
    let event = codec.decode(buffer).expect("it never fails")?;
    Some(event.expect("it fits"))
}

#[test]
fn what_follows_an_event_stays_in_the_buffer() {
    let limits = Limits::new().with_event(4);
    let decoder = EventDecoder::with_limits(limits);
    let mut codec = EventCodec::new().with_decoder(decoder);
    let mut buffer = BytesMut::from(": ping\ndata: 1\n\ndata: 12345\n\ndata: 2\n\nHTTP/1.1");
    assert_eq!(
        decode(&mut codec, &mut buffer).map(OwnedEvent::into_data),
        Some("1".into())
    );
    assert_eq!(buffer, "data: 12345\n\ndata: 2\n\nHTTP/1.1");
    assert!(matches!(codec.decode(&mut buffer), Ok(Some(Err(_)))));
    assert_eq!(
        decode(&mut codec, &mut buffer).map(OwnedEvent::into_data),
        Some("2".into())
    );
    assert_eq!(buffer, "HTTP/1.1");

    // Where it can be taken over.
    let transport = Transport::new([Step::Gives(b"data: 1\n\nHTTP".into())]);
    let mut events = FramedRead::new(transport, EventCodec::new());
    assert!(matches!(
        events.next().now_or_never(),
        Some(Some(Ok(Ok(_))))
    ));
    assert_eq!(events.read_buffer(), "HTTP");
}

#[test]
fn at_the_end_what_was_not_decoded_yet_comes_first() {
    let mut codec = EventCodec::new().recover_at_end(CutLine::Keep);
    let mut buffer = BytesMut::from("data: 1\n\ndata: 2\n\ndata: 3");
    for expected in ["1", "2", "3"] {
        let event = codec.decode_eof(&mut buffer).expect("it never fails");
        assert_eq!(event.expect("an event").expect("it fits").data(), expected);
    }
    assert!(matches!(codec.decode_eof(&mut buffer), Ok(None)));
}

#[test]
fn a_stream_that_continues_after_its_end_is_another_one() {
    let mut codec = EventCodec::new();
    let mut buffer = BytesMut::from("data: cut");
    for _ in 0..2 {
        assert!(matches!(codec.decode_eof(&mut buffer), Ok(None)));
        assert!(codec.ended_within_event());
    }
    buffer.extend_from_slice(b"\xEF\xBB\xBFdata: new\n\n");
    let event = decode(&mut codec, &mut buffer).expect("an event");
    assert_eq!((event.data(), codec.ended_within_event()), ("new", false));
    assert!(matches!(codec.decode_eof(&mut buffer), Ok(None)));
    assert!(!codec.ended_within_event());
}

#[test]
fn a_clone_reads_on_by_itself_and_the_default_is_new() {
    let mut codec = EventCodec::default();
    assert_eq!(decode(&mut codec, &mut BytesMut::from("data: a")), None);
    for codec in [&mut codec.clone(), &mut codec] {
        let event = decode(codec, &mut BytesMut::from("b\n\n"));
        assert_eq!(event.map(OwnedEvent::into_data), Some("ab".into()));
    }
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
    let encoded = encoded.as_bytes();
    assert_eq!(
        out,
        [b"before;", encoded, encoded, &blocks, &blocks].concat()
    );
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
