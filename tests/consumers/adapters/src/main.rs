//! Sends events as the body of a response, and reads them from the body, from an `AsyncRead` and with a codec, in any runtime.

use std::convert::Infallible;
use std::error::Error;
use std::future::{self, Future};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use http_body::Body;
use sse_wire::body::{EventBody, EventBodyExt};
use sse_wire::tokio::{EventCodec, EventReader};
use sse_wire::{CutLine, EventDecoder, EventType, Frame, Outgoing, OwnedEvent, serde_json};
use tokio_util::codec::{Decoder as _, Encoder as _};

/// Gives what is in it, one after the other.
struct Given<T>(std::vec::IntoIter<T>);

impl<T> Given<T> {
    fn new(all: impl Into<Vec<T>>) -> Self {
        Self(all.into().into_iter())
    }
}

impl<T> Unpin for Given<T> {}

impl<T> Stream for Given<T> {
    type Item = Result<T, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(self.0.next().map(Ok))
    }
}

/// Nothing here ever waits.
fn ready<T>(poll: Poll<T>) -> T {
    match poll {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!("nothing wakes it"),
    }
}

fn collect<T, E>(stream: impl Stream<Item = Result<T, E>>) -> Result<Vec<T>, E> {
    let mut stream = pin!(stream);
    let mut context = Context::from_waker(Waker::noop());
    let mut all = Vec::new();
    while let Some(item) = ready(stream.as_mut().poll_next(&mut context)) {
        all.push(item?);
    }
    Ok(all)
}

fn blocks() -> [Outgoing<'static>; 3] {
    [
        Outgoing::event(EventType::from_static("tick"), "one\ntwo"),
        Outgoing::new().comment("hello"),
        Outgoing::message("three"),
    ]
}

const SENT: &[u8] = b"event: tick\ndata: one\ndata: two\n\n: hello\n\ndata: three\n\n";

fn main() -> Result<(), Box<dyn Error>> {
    bodies()?;
    reader()?;
    codec()?;
    json()
}

fn bodies() -> Result<(), Box<dyn Error>> {
    let frames = blocks().map(Frame::from);
    let mut body = pin!(EventBody::new(Given::new(frames.clone())));
    let mut context = Context::from_waker(Waker::noop());
    let mut sent = Vec::new();
    while let Some(frame) = ready(body.as_mut().poll_frame(&mut context)) {
        let frame = frame?;
        sent.extend_from_slice(frame.data_ref().ok_or("there are no trailers")?);
    }
    assert_eq!(sent, SENT);
    assert!(body.is_end_stream());

    let events = collect(EventBodyExt::events(EventBody::new(Given::new(frames))))?;
    let data: Vec<_> = events.iter().map(|event| event.data()).collect();
    assert_eq!(data, ["one\ntwo", "three"]);

    let body = EventBody::new(Given::new(blocks()));
    let body = body.keep_alive(Duration::from_secs(1), |_| future::pending());
    let kept_alive: Vec<Bytes> = collect(body.into_stream())?;
    assert_eq!(kept_alive.concat(), SENT);
    Ok(())
}

fn reader() -> Result<(), Box<dyn Error>> {
    let mut reader = EventReader::new(SENT);
    let reading = pin!(async {
        let event = reader.next_event().await?.ok_or("it is whole")?;
        assert_eq!((event.event_type(), event.data()), ("tick", "one\ntwo"));
        let event = reader.next_event().await?.ok_or("it is whole")?;
        assert_eq!((event.event_type(), event.data()), ("message", "three"));
        assert!(reader.next_event().await?.is_none());
        Ok(())
    });
    ready(reading.poll(&mut Context::from_waker(Waker::noop())))
}

fn codec() -> Result<(), Box<dyn Error>> {
    let mut codec = EventCodec::new().recover_at_end(CutLine::Keep);
    let mut buffer = BytesMut::new();
    for block in blocks() {
        codec.encode(block, &mut buffer)?;
    }
    assert_eq!(buffer, SENT);
    buffer.extend_from_slice(b"data: cut");

    let event = codec.decode(&mut buffer)?.ok_or("it is whole")??;
    assert_eq!((event.event_type(), event.data()), ("tick", "one\ntwo"));
    let event = codec.decode(&mut buffer)?.ok_or("it is whole")??;
    assert_eq!((event.event_type(), event.data()), ("message", "three"));
    assert!(codec.decode(&mut buffer)?.is_none());
    let event = codec.decode_eof(&mut buffer)?.ok_or("it is recovered")??;
    assert_eq!(event.data(), "cut");
    assert!(codec.decode_eof(&mut buffer)?.is_none());
    assert!(codec.ended_within_event());
    Ok(())
}

fn json() -> Result<(), Box<dyn Error>> {
    let frame = Outgoing::new().json(&["one", "two"])?;
    let mut sent = &frame.as_bytes()[..];
    let mut decoder = EventDecoder::new();
    let event = decoder.decode(&mut sent)?.ok_or("it is whole")?;
    assert_eq!(event.json::<[&str; 2]>()?, ["one", "two"]);

    let serialized = serde_json::to_string(&event)?;
    let deserialized: OwnedEvent = serde_json::from_str(&serialized)?;
    assert_eq!(deserialized.as_event(), event);
    Ok(())
}
