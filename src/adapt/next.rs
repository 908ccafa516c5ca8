//! The futures of the borrowing calls.
//!
//! They are written by hand because `poll` must be inlined into every place that awaits an event: the body of an `async fn` is not,
//! once there are two such places, and an event that is returned through memory takes a third longer.

use alloc::vec::Vec;
use core::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use super::chunk_decoder::{Chunk, ChunkDecoder};
use crate::decode::Found;
use crate::error::ReadError;
use crate::event::{Event, RawEvent};

/// An adapter that can wait for its next chunk.
pub(super) trait PollFind {
    type Chunk: Chunk;
    type Error;

    fn reading(&mut self) -> &mut ChunkDecoder<Self::Chunk, Vec<u8>>;

    /// Finds the next event, or with `items` whatever comes first; `None` at the end of the stream.
    fn poll_find(
        &mut self,
        context: &mut Context<'_>,
        items: bool,
    ) -> Poll<Result<Option<Found>, ReadError<Self::Error>>>;
}

/// Waits for the next event. The adapter is taken when it is ready; after that it is pending for ever.
pub(super) struct NextEvent<'a, A>(Option<&'a mut A>);

/// Waits for the next event as bytes.
pub(super) struct NextRawEvent<'a, A>(Option<&'a mut A>);

impl<'a, A> NextEvent<'a, A> {
    #[inline(always)]
    pub(super) const fn new(adapter: &'a mut A) -> Self {
        Self(Some(adapter))
    }
}

impl<'a, A> NextRawEvent<'a, A> {
    #[inline(always)]
    pub(super) const fn new(adapter: &'a mut A) -> Self {
        Self(Some(adapter))
    }
}

impl<'a, A: PollFind> Future for NextEvent<'a, A> {
    type Output = Result<Option<Event<'a>>, ReadError<A::Error>>;

    #[inline(always)]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(adapter) = self.0.take() else {
            return Poll::Pending;
        };
        if let Some(event) = adapter.reading().find_single_line() {
            return Poll::Ready(adapter.reading().single_line_event(event));
        }
        match adapter.poll_find(context, false) {
            Poll::Ready(Ok(found)) => Poll::Ready(adapter.reading().event(found)),
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                self.0 = Some(adapter);
                Poll::Pending
            }
        }
    }
}

impl<'a, A: PollFind> Future for NextRawEvent<'a, A> {
    type Output = Result<Option<RawEvent<'a>>, ReadError<A::Error>>;

    #[inline(always)]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(adapter) = self.0.take() else {
            return Poll::Pending;
        };
        if let Some(event) = adapter.reading().find_single_line() {
            return Poll::Ready(Ok(Some(adapter.reading().single_line_raw_event(event))));
        }
        match adapter.poll_find(context, false) {
            Poll::Ready(Ok(found)) => Poll::Ready(adapter.reading().raw_event(found)),
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                self.0 = Some(adapter);
                Poll::Pending
            }
        }
    }
}
