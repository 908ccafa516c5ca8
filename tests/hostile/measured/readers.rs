//! Readers that take a stream piece by piece and retain nothing of it, so that what they allocate is what the crate needs.

use bytes::Bytes;
use core::convert::Infallible;
use core::pin::{Pin, pin};
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use futures_util::future::FutureExt;
use futures_util::stream::{self, Stream, StreamExt};
use sse_wire::io::EventReader;
use sse_wire::stream::EventStream;
use sse_wire::tokio::EventCodec;
use sse_wire::{
    Buffer, DecodeError, Event, EventDecoder, Item, Limits, OwnedItem, RawEvent, ReadError,
};
use std::io;
use tokio::io::{AsyncRead, ReadBuf};
use tokio_util::codec::FramedRead;

/// An event by its type, its data and the last event ID; or why it was refused.
pub(crate) type Told<'e> = Result<(&'e [u8], &'e [u8], &'e str), DecodeError>;

/// One way to read a stream.
pub(crate) struct Reader {
    pub(crate) name: &'static str,
    /// Whether events are reported as the bytes that came, and not as text.
    pub(crate) raw: bool,
    /// What it may allocate at a time, in bytes.
    pub(crate) bound: fn(Limits) -> usize,
    /// Reads the pieces and tells what comes out; gives the reconnection time at the end.
    pub(crate) run: Run,
}

type Run = fn(Pieces, Limits, &mut dyn FnMut(Told<'_>)) -> Option<Duration>;

/// The pieces of a stream. They share its memory, so that none of them has to be allocated for.
#[derive(Debug, Clone)]
pub(crate) struct Pieces {
    pub(crate) stream: Bytes,
    pub(crate) size: usize,
}

impl Iterator for Pieces {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let size = self.size.min(self.stream.len());
        (size > 0).then(|| self.stream.split_to(size))
    }
}

impl io::Read for Pieces {
    fn read(&mut self, memory: &mut [u8]) -> io::Result<usize> {
        let size = self.size.min(self.stream.len()).min(memory.len());
        memory[..size].copy_from_slice(&self.stream.split_to(size));
        Ok(size)
    }
}

impl AsyncRead for Pieces {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        memory: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let size = self.size.min(self.stream.len()).min(memory.remaining());
        memory.put_slice(&self.stream.split_to(size));
        Poll::Ready(Ok(()))
    }
}

impl Pieces {
    pub(crate) fn stream(self) -> impl Stream<Item = Result<Bytes, Infallible>> + Unpin {
        stream::iter(self.map(Ok))
    }
}

/// What the documents of [`Limits`] promise: the sum of both, or three times that of the ID, and twice that for a moment.
pub(crate) fn decoders_bound(limits: Limits) -> usize {
    2 * (limits.last_event_id + limits.event.max(2 * limits.last_event_id))
}

/// Beside the decoder there is the event that is returned, the ID that it shares with the others, the next one while it replaces it, and
/// their reference counts.
fn with_an_event(limits: Limits) -> usize {
    decoders_bound(limits) + limits.event + 2 * limits.last_event_id + 512
}

/// What the comments of an attack take at most, where they are copied: a chunk of them.
const COMMENTS: usize = 256 << 10;

/// The size of a fixed buffer, on the stack.
pub(crate) const FIXED: usize = 4096;

pub(crate) const READERS: &[Reader] = &[
    Reader {
        name: "decode",
        raw: false,
        bound: decoders_bound,
        run: |pieces, limits, tell| decode(&mut EventDecoder::with_limits(limits), pieces, tell),
    },
    Reader {
        name: "decode_raw",
        raw: true,
        bound: decoders_bound,
        run: |pieces, limits, tell| {
            let mut decoder = EventDecoder::with_limits(limits);
            for piece in pieces {
                let mut input = &piece[..];
                while let Some(event) = decoder.decode_raw(&mut input).transpose() {
                    tell(event.as_ref().map(raw).map_err(|error| *error));
                }
            }
            decoder.reconnection_time()
        },
    },
    Reader {
        name: "decode_item",
        raw: false,
        bound: decoders_bound,
        run: |pieces, limits, tell| {
            decode_item(&mut EventDecoder::with_limits(limits), pieces, tell)
        },
    },
    Reader {
        name: "decode_owned",
        raw: false,
        bound: with_an_event,
        run: |pieces, limits, tell| {
            let mut decoder = EventDecoder::with_limits(limits);
            for piece in pieces {
                let mut input = &piece[..];
                while let Some(event) = decoder.decode_owned(&mut input).transpose() {
                    tell(match &event {
                        Ok(event) => Ok(text(&event.as_event())),
                        Err(error) => Err(*error),
                    });
                }
            }
            decoder.reconnection_time()
        },
    },
    Reader {
        name: "decode_owned_item",
        raw: false,
        // A comment is copied, too, and cannot be larger than the piece that it comes in.
        bound: |limits| with_an_event(limits) + COMMENTS,
        run: |pieces, limits, tell| {
            let mut decoder = EventDecoder::with_limits(limits);
            for piece in pieces {
                let mut input = &piece[..];
                while let Some(item) = decoder.decode_owned_item(&mut input).transpose() {
                    match &item {
                        Ok(OwnedItem::Event(event)) => tell(Ok(text(&event.as_event()))),
                        Ok(_) => {}
                        Err(error) => tell(Err(*error)),
                    }
                }
            }
            decoder.reconnection_time()
        },
    },
    Reader {
        name: "io::EventReader",
        raw: false,
        // Its buffer.
        bound: |limits| decoders_bound(limits) + 16 * 1024,
        run: |pieces, limits, tell| {
            let mut reader =
                EventReader::new(pieces).with_decoder(EventDecoder::with_limits(limits));
            loop {
                match reader.next_event() {
                    Ok(Some(event)) => tell(Ok(text(&event))),
                    Ok(None) => return reader.decoder().reconnection_time(),
                    Err(ReadError::Decode(error)) => tell(Err(error)),
                    Err(ReadError::Transport(error)) => panic!("{error}"),
                }
            }
        },
    },
    Reader {
        name: "EventStream",
        raw: false,
        bound: with_an_event,
        run: |pieces, limits, tell| {
            let mut events =
                EventStream::new(pieces.stream()).with_decoder(EventDecoder::with_limits(limits));
            while let Some(event) = ready(&mut events) {
                tell(match &event {
                    Ok(event) => Ok(text(&event.as_event())),
                    Err(error) => Err(rejection(error)),
                });
            }
            events.decoder().reconnection_time()
        },
    },
    Reader {
        name: "EventStream::next_event",
        raw: false,
        bound: decoders_bound,
        run: |pieces, limits, tell| {
            let mut events =
                EventStream::new(pieces.stream()).with_decoder(EventDecoder::with_limits(limits));
            complete(async {
                while let Some(event) = events.next_event().await.transpose() {
                    tell(match &event {
                        Ok(event) => Ok(text(event)),
                        Err(error) => Err(rejection(error)),
                    });
                }
            });
            events.decoder().reconnection_time()
        },
    },
    Reader {
        name: "tokio::EventReader",
        raw: false,
        // Its chunk.
        bound: |limits| decoders_bound(limits) + 16 * 1024,
        run: |pieces, limits, tell| {
            let mut reader = sse_wire::tokio::EventReader::new(pieces)
                .with_decoder(EventDecoder::with_limits(limits));
            complete(async {
                while let Some(event) = reader.next_event().await.transpose() {
                    tell(match &event {
                        Ok(event) => Ok(text(event)),
                        Err(ReadError::Decode(error)) => Err(*error),
                        Err(ReadError::Transport(error)) => panic!("{error}"),
                    });
                }
            });
            reader.decoder().reconnection_time()
        },
    },
    Reader {
        name: "EventCodec",
        raw: false,
        // What `FramedRead` reads into, twice while it grows.
        bound: |limits| with_an_event(limits) + 32 * 1024,
        run: |pieces, limits, tell| {
            let codec = EventCodec::new().with_decoder(EventDecoder::with_limits(limits));
            let mut events = FramedRead::new(pieces, codec);
            while let Some(event) = ready(&mut events) {
                tell(match &event.expect("nothing fails") {
                    Ok(event) => Ok(text(&event.as_event())),
                    Err(error) => Err(*error),
                });
            }
            events.decoder().decoder().reconnection_time()
        },
    },
];

/// The same with a fixed buffer, which allocates nothing. The limits follow from its size.
pub(crate) const FIXED_READERS: &[Reader] = &[
    Reader {
        name: "decode, fixed buffer",
        raw: false,
        bound: |_| 0,
        run: |pieces, _, tell| {
            let mut memory = [0; FIXED];
            decode(
                &mut EventDecoder::with_buffer(&mut memory[..]),
                pieces,
                tell,
            )
        },
    },
    Reader {
        name: "decode_item, fixed buffer",
        raw: false,
        bound: |_| 0,
        run: |pieces, _, tell| {
            let mut memory = [0; FIXED];
            decode_item(
                &mut EventDecoder::with_buffer(&mut memory[..]),
                pieces,
                tell,
            )
        },
    },
    Reader {
        name: "embedded::EventReader",
        raw: false,
        bound: |_| 0,
        run: |pieces, _, tell| {
            let (mut memory, mut chunk) = ([0; FIXED], [0; 256]);
            let decoder = EventDecoder::with_buffer(&mut memory[..]);
            let mut reader =
                sse_wire::embedded::EventReader::new(Driver(pieces), decoder, &mut chunk);
            loop {
                match reader.next_event() {
                    Ok(Some(event)) => tell(Ok(text(&event))),
                    Ok(None) => return reader.decoder().reconnection_time(),
                    Err(ReadError::Decode(error)) => tell(Err(error)),
                    Err(ReadError::Transport(error)) => match error {},
                }
            }
        },
    },
];

fn decode<B: Buffer>(
    decoder: &mut EventDecoder<B>,
    pieces: Pieces,
    tell: &mut dyn FnMut(Told<'_>),
) -> Option<Duration> {
    for piece in pieces {
        let mut input = &piece[..];
        while let Some(event) = decoder.decode(&mut input).transpose() {
            tell(event.as_ref().map(text).map_err(|error| *error));
        }
    }
    decoder.reconnection_time()
}

fn decode_item<B: Buffer>(
    decoder: &mut EventDecoder<B>,
    pieces: Pieces,
    tell: &mut dyn FnMut(Told<'_>),
) -> Option<Duration> {
    for piece in pieces {
        let mut input = &piece[..];
        while let Some(item) = decoder.decode_item(&mut input).transpose() {
            match item {
                Ok(Item::Event(event)) => tell(Ok(text(&event))),
                Ok(_) => {}
                Err(error) => tell(Err(error)),
            }
        }
    }
    decoder.reconnection_time()
}

fn text<'e>(event: &Event<'e>) -> (&'e [u8], &'e [u8], &'e str) {
    (
        event.event_type().as_bytes(),
        event.data().as_bytes(),
        event.last_event_id(),
    )
}

fn raw<'e>(event: &RawEvent<'e>) -> (&'e [u8], &'e [u8], &'e str) {
    (event.event_type(), event.data(), event.last_event_id())
}

pub(crate) fn rejection(error: &ReadError<Infallible>) -> DecodeError {
    match error {
        ReadError::Decode(error) => *error,
        ReadError::Transport(never) => match *never {},
    }
}

/// What comes next. A reader yields after a long run of pieces without an event, and is asked again then.
pub(crate) fn ready<S: Stream + Unpin>(stream: &mut S) -> Option<S::Item> {
    loop {
        if let Some(next) = stream.next().now_or_never() {
            return next;
        }
    }
}

/// Polls a future to its end; it yields now and then, and never waits.
pub(crate) fn complete<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
}

/// Pieces as a driver gives them.
struct Driver(Pieces);

impl embedded_io::ErrorType for Driver {
    type Error = Infallible;
}

impl embedded_io::Read for Driver {
    fn read(&mut self, memory: &mut [u8]) -> Result<usize, Infallible> {
        Ok(io::Read::read(&mut self.0, memory).unwrap_or(0))
    }
}
