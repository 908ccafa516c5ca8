//! What the contenders read: the chunks of one stream, over and over, as one connection that never ends.

use alloc::sync::Arc;
use core::convert::Infallible;
use core::ops::Range;
use core::pin::Pin;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use core::task::{Context, Poll, Waker};
use std::io;

use bytes::Bytes;
use futures_core::Stream;
use launchdarkly_sdk_transport::TransportError;
use tokio::io::{AsyncRead, ReadBuf};

/// Chunks, of which some have arrived. One that is taken is always ready; behind the last that has arrived, a stream is pending.
///
/// The chunks are slices of one allocation, so that those who read slices and those who read `Bytes` read the same memory.
#[derive(Clone, Debug)]
pub(crate) struct Feed {
    chunks: Arc<[Bytes]>,
    arrived: Arc<Arrived>,
}

#[derive(Debug, Default)]
struct Arrived {
    next: AtomicUsize,
    end: AtomicUsize,
}

impl Feed {
    pub(crate) fn new(chunks: &[&[u8]]) -> Self {
        let whole = Bytes::from(chunks.concat());
        let mut end = 0;
        let slices = chunks.iter().map(|chunk| {
            let start = end;
            end += chunk.len();
            whole.slice(start..end)
        });
        Self {
            chunks: slices.collect(),
            arrived: Arc::default(),
        }
    }

    /// Lets these chunks arrive, and no others.
    pub(crate) fn arrive(&self, chunks: Range<usize>) {
        self.arrived.next.store(chunks.start, Relaxed);
        self.arrived.end.store(chunks.end, Relaxed);
    }

    /// All chunks, in portions after which it makes sense to look at the clock.
    pub(crate) fn portions(&self) -> impl Iterator<Item = Range<usize>> {
        const PORTION: usize = 16 * 1024;
        let mut start = 0;
        core::iter::from_fn(move || {
            let (mut end, mut length) = (start, 0);
            while length < PORTION && end < self.chunks.len() {
                length += self.chunks[end].len();
                end += 1;
            }
            let portion = core::mem::replace(&mut start, end)..end;
            (!portion.is_empty()).then_some(portion)
        })
    }

    pub(crate) fn all(&self) -> Range<usize> {
        0..self.chunks.len()
    }

    pub(crate) fn chunks(&self) -> &[Bytes] {
        &self.chunks
    }

    pub(crate) fn is_used_up(&self) -> bool {
        self.arrived.next.load(Relaxed) == self.arrived.end.load(Relaxed)
    }

    fn take(&self) -> Option<&Bytes> {
        if self.is_used_up() {
            return None;
        }
        let next = self.arrived.next.load(Relaxed);
        self.arrived.next.store(next + 1, Relaxed);
        self.chunks.get(next)
    }

    /// Takes all that have arrived.
    pub(crate) fn take_all(&self) -> &[Bytes] {
        let end = self.arrived.end.load(Relaxed);
        &self.chunks[self.arrived.next.swap(end, Relaxed)..end]
    }

    fn poll<T>(&self, make: impl FnOnce(&Bytes) -> T) -> Poll<Option<T>> {
        match self.take() {
            Some(chunk) => Poll::Ready(Some(make(chunk))),
            None => Poll::Pending,
        }
    }
}

/// The chunks as slices, for what takes anything that is `AsRef<[u8]>`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slices<'f>(pub(crate) &'f Feed);

impl<'f> Stream for Slices<'f> {
    type Item = Result<&'f [u8], Infallible>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Self(feed) = *self;
        match feed.take() {
            Some(chunk) => Poll::Ready(Some(Ok(chunk))),
            None => Poll::Pending,
        }
    }
}

/// The chunks shared, for what takes `Bytes`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shared<'f>(pub(crate) &'f Feed);

impl Stream for Shared<'_> {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll(|chunk| Ok(chunk.clone()))
    }
}

impl<'f> From<&'f Feed> for Slices<'f> {
    fn from(feed: &'f Feed) -> Self {
        Self(feed)
    }
}

impl<'f> From<&'f Feed> for Shared<'f> {
    fn from(feed: &'f Feed) -> Self {
        Self(feed)
    }
}

/// The chunks shared, for what borrows nothing and expects a transport of HTTP.
#[derive(Clone, Debug)]
pub(crate) struct Transport(pub(crate) Feed);

impl Stream for Transport {
    type Item = Result<Bytes, TransportError>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll(|chunk| Ok(chunk.clone()))
    }
}

/// The chunks copied into the buffer of a reader: one for each read, or as much of it as fits.
#[derive(Debug)]
pub(crate) struct Reader<'f> {
    feed: &'f Feed,
    /// What did not fit of the last one.
    rest: &'f [u8],
}

impl<'f> Reader<'f> {
    pub(crate) const fn new(feed: &'f Feed) -> Self {
        Self { feed, rest: &[] }
    }

    pub(crate) fn is_used_up(&self) -> bool {
        self.rest.is_empty() && self.feed.is_used_up()
    }
}

impl AsyncRead for Reader<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.rest.is_empty() {
            match self.feed.take() {
                Some(chunk) => self.rest = chunk,
                None => return Poll::Pending,
            }
        }
        let (now, later) = self.rest.split_at(self.rest.len().min(buffer.remaining()));
        buffer.put_slice(now);
        self.rest = later;
        Poll::Ready(Ok(()))
    }
}

/// Polls `stream` for all that it makes of the chunks that have arrived.
pub(crate) fn drain<S: Stream>(
    feed: &Feed,
    mut stream: Pin<&mut S>,
    mut item: impl FnMut(S::Item) -> core::ops::ControlFlow<()>,
) -> core::ops::ControlFlow<()> {
    let mut context = Context::from_waker(Waker::noop());
    loop {
        match stream.as_mut().poll_next(&mut context) {
            Poll::Ready(Some(next)) => item(next)?,
            // Some yield after so many chunks, and are polled again.
            Poll::Pending if !feed.is_used_up() => {}
            Poll::Pending | Poll::Ready(None) => break core::ops::ControlFlow::Continue(()),
        }
    }
}
