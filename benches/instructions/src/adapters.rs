//! The adapters over chunks in memory, as connections that stay open: when all chunks are used up, they are pending, and the
//! next call finds the same chunks again.

use core::convert::Infallible;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use std::io;

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use sse_wire::stream::{EventStream, EventStreamExt};
use sse_wire::tokio::{EventCodec, EventReader};
use tokio::io::{AsyncRead, ReadBuf};
use tokio_util::codec::Decoder;

use crate::polling::read_in_two_places;
use crate::reading::{Count, Tally};

/// The chunks, and which is next.
pub(crate) struct Feed {
    chunks: Vec<Bytes>,
    next: usize,
}

impl Feed {
    fn new(chunks: &[&[u8]]) -> Self {
        let chunks = chunks.iter().copied().map(Bytes::copy_from_slice).collect();
        Self { chunks, next: 0 }
    }

    /// Pending behind the last one; what is polled again begins with the first.
    fn poll(&mut self) -> Poll<&Bytes> {
        match self.chunks.get(self.next) {
            Some(chunk) => {
                self.next += 1;
                Poll::Ready(chunk)
            }
            None => {
                self.next = 0;
                Poll::Pending
            }
        }
    }

    /// Whether it was pending, and not the adapter that yielded.
    const fn is_used_up(&self) -> bool {
        self.next == 0
    }
}

impl Stream for Feed {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll().map(|chunk| Some(Ok(chunk.clone())))
    }
}

/// A chunk for each read, since none is longer than the reader's buffer.
impl AsyncRead for Feed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.poll().map(|chunk| {
            buffer.put_slice(chunk);
            Ok(())
        })
    }
}

pub(crate) fn stream(chunks: &[&[u8]]) -> EventStream<Feed> {
    Feed::new(chunks).events()
}

pub(crate) fn tokio_reader(chunks: &[&[u8]]) -> EventReader<Feed> {
    EventReader::new(Feed::new(chunks))
}

pub(crate) fn stream_owned(events: &mut EventStream<Feed>) -> Count {
    let mut tally = Tally::default();
    let mut context = Context::from_waker(Waker::noop());
    loop {
        match Pin::new(&mut *events).poll_next(&mut context) {
            Poll::Ready(Some(event)) => {
                let event = event.expect("below the limits");
                let (event_type, data) = (event.event_type().as_bytes(), event.data().as_bytes());
                tally.event(event_type, data, event.last_event_id());
            }
            Poll::Ready(None) => break,
            Poll::Pending => {
                if events.get_ref().is_used_up() {
                    break;
                }
            }
        }
    }
    tally.count
}

pub(crate) fn stream_borrowed(events: &mut EventStream<Feed>) -> Count {
    let mut tally = Tally::default();
    read_in_two_places!(events, until events.get_ref().is_used_up(), |event| {
        let event = event.expect("below the limits");
        let (event_type, data) = (event.event_type().as_bytes(), event.data().as_bytes());
        tally.event(event_type, data, event.last_event_id());
    });
    tally.count
}

pub(crate) fn tokio_reader_borrowed(events: &mut EventReader<Feed>) -> Count {
    let mut tally = Tally::default();
    read_in_two_places!(events, until events.get_ref().is_used_up(), |event| {
        let event = event.expect("below the limits");
        let (event_type, data) = (event.event_type().as_bytes(), event.data().as_bytes());
        tally.event(event_type, data, event.last_event_id());
    });
    tally.count
}

/// The codec, called as `Framed` calls it.
#[derive(Default)]
pub(crate) struct Framed {
    codec: EventCodec,
    buffer: BytesMut,
}

impl Framed {
    pub(crate) fn decode(&mut self, chunks: &[&[u8]]) -> Count {
        let mut tally = Tally::default();
        for chunk in chunks {
            self.buffer.extend_from_slice(chunk);
            while let Some(event) = self.codec.decode(&mut self.buffer).expect("never fails") {
                let event = event.expect("below the limits");
                let (event_type, data) = (event.event_type().as_bytes(), event.data().as_bytes());
                tally.event(event_type, data, event.last_event_id());
            }
        }
        tally.count
    }
}
