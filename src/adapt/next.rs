//! The futures of the borrowing calls.
//!
//! They are written by hand because `poll` must be inlined into every place that awaits an event:
//! the body of an `async fn` is not, once there are two such places, and an event that is returned
//! through memory takes a third longer.

use alloc::vec::Vec;
use core::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use super::budget::Budget;
use super::chunk_decoder::{Chunk, ChunkDecoder};
use crate::decode::Found;
use crate::error::ReadError;
use crate::event::{Event, Item, RawEvent};

/// What came of waiting.
pub(super) enum Progress<T> {
    /// A chunk that begins between two blocks: the fast path is tried again, where it is inlined.
    Chunk,
    Found(T),
    End,
}

/// An adapter that can wait for its next chunk.
pub(super) trait PollFind {
    type Chunk: Chunk;
    type Error;

    fn reading(&mut self) -> &mut ChunkDecoder<Self::Chunk, Vec<u8>, Self::Error>;

    /// Finds the next event, or with `items` whatever comes first, in this chunk and those that
    /// come next.
    fn poll_find(
        &mut self,
        context: &mut Context<'_>,
        budget: &mut Budget,
        items: bool,
    ) -> Poll<Result<Progress<Found>, ReadError<Self::Error>>>;
}

/// Waits for the next event. Once it is ready it has given the adapter away, and is pending for
/// ever.
pub(super) struct NextEvent<'a, A>(Option<&'a mut A>);

/// Waits for the next event as bytes.
pub(super) struct NextRawEvent<'a, A>(Option<&'a mut A>);

/// Waits for the next item.
pub(super) struct NextItem<'a, A>(Option<&'a mut A>);

macro_rules! next {
    ($future:ident, $output:ident, $items:expr, $single_line:ident, $found:ident) => {
        impl<'a, A> $future<'a, A> {
            #[inline(always)]
            pub(super) const fn new(adapter: &'a mut A) -> Self {
                Self(Some(adapter))
            }
        }

        impl<'a, A: PollFind> Future for $future<'a, A> {
            type Output = Result<Option<$output<'a>>, ReadError<A::Error>>;

            #[inline(always)]
            fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
                let Some(adapter) = self.0.take() else {
                    return Poll::Pending;
                };
                let mut budget = Budget::new();
                loop {
                    if let Some(event) = adapter.reading().find_single_line() {
                        return Poll::Ready(adapter.reading().$single_line(event));
                    }
                    let found = match adapter.poll_find(context, &mut budget, $items) {
                        Poll::Ready(Ok(Progress::Chunk)) => continue,
                        Poll::Ready(Ok(Progress::Found(found))) => Some(found),
                        Poll::Ready(Ok(Progress::End)) => None,
                        Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                        Poll::Pending => {
                            self.0 = Some(adapter);
                            return Poll::Pending;
                        }
                    };
                    return Poll::Ready(adapter.reading().$found(found));
                }
            }
        }
    };
}

next!(NextEvent, Event, false, single_line_event, event);
next!(
    NextRawEvent,
    RawEvent,
    false,
    single_line_raw_event,
    raw_event
);
next!(NextItem, Item, true, single_line_item, item);
