//! Events from any [`Stream`] of chunks.
//!
//! ```
//! # async fn read<S, E>(response: S) -> Result<(), Box<dyn std::error::Error>>
//! # where
//! #     S: futures_core::Stream<Item = Result<Vec<u8>, E>> + Unpin,
//! #     E: std::error::Error + 'static,
//! # {
//! use sse_wire::stream::EventStreamExt;
//!
//! let mut events = response.events(); // with reqwest: `response.bytes_stream().events()`
//! while let Some(event) = events.next_event().await? {
//!     println!("{}: {}", event.event_type(), event.data()); // borrowed from the chunk
//! }
//! # Ok(())
//! # }
//! ```
//!
//! It is also a `Stream` of [`OwnedEvent`]s, to be stored, sent elsewhere or combined with other
//! streams:
//!
//! ```
//! # async fn read<S, E>(response: S) -> Result<(), Box<dyn std::error::Error>>
//! # where
//! #     S: futures_core::Stream<Item = Result<Vec<u8>, E>> + Unpin,
//! #     E: std::error::Error + 'static,
//! # {
//! use futures_util::StreamExt;
//! use sse_wire::stream::EventStreamExt;
//!
//! let mut events = response.events();
//! while let Some(event) = events.next().await {
//!     let event = event?;
//!     println!("{}: {}", event.event_type(), event.data());
//! }
//! # Ok(())
//! # }
//! ```
//!
//! A function that returns such a stream need not spell its type:
//! `impl Stream<Item = Result<OwnedEvent, ReadError<reqwest::Error>>>` is enough. In a field, it is
//! generic over `S: ChunkStream`, or boxed:
//! `EventStream<BoxStream<'static, Result<Bytes, reqwest::Error>>>`.
//!
//! No runtime is required, and nothing has to be `Unpin` or `Send`: the stream of events is if the
//! stream of chunks is. A stream that is not `Unpin` is pinned first:
//!
//! ```
//! # async fn read<E>(response: impl futures_core::Stream<Item = Result<Vec<u8>, E>>) -> Result<(), sse_wire::ReadError<E>> {
//! use core::pin::pin;
//! use sse_wire::stream::EventStreamExt;
//!
//! let response = pin!(response);
//! let mut events = response.events();
//! while let Some(event) = events.next_event().await? {
//!     println!("{}", event.data());
//! }
//! # Ok(())
//! # }
//! ```

use core::{
    fmt,
    future::Future,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll, ready},
};

use alloc::vec::Vec;
use futures_core::{FusedStream, Stream};
use pin_project_lite::pin_project;

use super::budget::Budget;
use super::chunk_decoder::ChunkDecoder;
use super::next::{NextEvent, NextItem, NextRawEvent, PollFind, Progress};
use crate::decode::{CutLine, EventDecoder, Found, Owned};
use crate::error::{DecodeError, InvalidLastEventId, ReadError};
use crate::event::{Event, Item, OwnedEvent, OwnedItem, RawEvent};

/// A [`Stream`] of `Result<C, E>` with `C: AsRef<[u8]>`, such as the body of a response.
///
/// It is a name for that bound: every such stream implements it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a stream of chunks",
    label = "not a `Stream<Item = Result<C, E>>` with `C: AsRef<[u8]>`",
    note = "a stream of plain chunks becomes one by `.map(Ok::<_, Infallible>)`, an `AsyncRead` by `tokio_util::io::ReaderStream`"
)]
pub trait ChunkStream: Stream<Item = Result<Self::Chunk, Self::Error>> {
    /// The bytes of a chunk.
    type Chunk: AsRef<[u8]>;
    /// The error of the transport.
    type Error;
}

impl<S, C, E> ChunkStream for S
where
    S: Stream<Item = Result<C, E>> + ?Sized,
    C: AsRef<[u8]>,
{
    type Chunk = C;
    type Error = E;
}

/// Turns a stream of chunks into a stream of events.
#[doc(alias("sse", "reqwest", "openai", "llm"))]
pub trait EventStreamExt: ChunkStream + Sized {
    /// Decodes events; see [`EventStream`].
    fn events(self) -> EventStream<Self> {
        EventStream::new(self)
    }

    /// Decodes [items](OwnedItem), in wire order; see [`EventStream`].
    fn items(self) -> EventStream<Self, OwnedItem> {
        EventStream::items(self)
    }
}

impl<S: ChunkStream> EventStreamExt for S {}

pin_project! {
    /// Events from a stream of chunks, borrowed or owned.
    ///
    /// [`next_event`](Self::next_event), [`next_raw_event`](Self::next_raw_event) and
    /// [`next_item`](Self::next_item) borrow from the chunk, without an allocation. As a
    /// [`Stream`], it yields `Result<T, ReadError<E>>`, where `T` is [`OwnedEvent`], or
    /// [`OwnedItem`] for everything else in the stream as well. All of these may be mixed.
    ///
    /// ```
    /// use futures_util::{StreamExt, stream};
    /// use sse_wire::{EventDecoder, Limits, stream::EventStreamExt};
    ///
    /// # futures_util::FutureExt::now_or_never(async {
    /// let chunks = [&b"data: a"[..], b"\n\ndata: too large\n\ndata: b\n\n"].map(Ok::<_, std::io::Error>);
    /// let decoder = EventDecoder::with_limits(Limits::new().with_event(8));
    /// let mut events = stream::iter(chunks).events().with_decoder(decoder);
    /// assert_eq!(events.next_event().await?.unwrap().data(), "a");
    /// assert!(events.next_event().await.is_err());
    /// assert_eq!(events.next().await.unwrap()?.data(), "b");
    /// assert!(events.next().await.is_none());
    /// # std::io::Result::Ok(())
    /// # }).unwrap()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ReadError::Decode`] when an event exceeds a limit: the next call continues after it.
    /// [`ReadError::Transport`] is the error of the stream of chunks, returned once; the stream of
    /// events ends with it.
    ///
    /// # The end
    ///
    /// An event that the end of the stream cuts off is discarded, as the standard says, unless
    /// [`recover_at_end`](Self::recover_at_end) asks for it. An error of the stream of chunks ends
    /// the stream as well: an event that is recovered comes first, and the error with the next
    /// call. The stream is fused: after its end it yields `None` for ever, and does not poll the
    /// stream of chunks.
    ///
    /// # Cancellation
    ///
    /// Dropping a future that waits for the next event loses nothing: all state is in the stream,
    /// so it can be used in `select!` and under a timeout. Create the future anew for each event:
    /// one that has returned an event is pending for ever.
    ///
    /// # Memory
    ///
    /// It owns one chunk at a time, and drops it before it polls for the next one: while it waits,
    /// it retains no chunk.
    ///
    /// # Fairness
    ///
    /// The stream yields to the executor after 32 chunks or 256 KiB without an event, such as
    /// comments and blank lines.
    #[doc(alias("sse", "eventsource", "event-stream", "reqwest"))]
    #[must_use = "streams do nothing unless they are polled"]
    pub struct EventStream<S: ChunkStream, T = OwnedEvent> {
        #[pin]
        stream: S,
        reading: ChunkDecoder<Option<S::Chunk>, Vec<u8>, S::Error>,
        makes: PhantomData<fn() -> T>,
    }
}

type Reading<S> =
    ChunkDecoder<Option<<S as ChunkStream>::Chunk>, Vec<u8>, <S as ChunkStream>::Error>;

impl<S: ChunkStream> EventStream<S> {
    /// Decodes the events of `stream`.
    pub fn new(stream: S) -> Self {
        Self::of(stream)
    }
}

impl<S: ChunkStream> EventStream<S, OwnedItem> {
    /// Decodes the [items](OwnedItem) of `stream`, in wire order.
    pub fn items(stream: S) -> Self {
        Self::of(stream)
    }
}

impl<S: ChunkStream, T> EventStream<S, T> {
    fn of(stream: S) -> Self {
        Self {
            stream,
            reading: ChunkDecoder::new(EventDecoder::new(), None),
            makes: PhantomData,
        }
    }

    /// Replaces the decoder, to set other [`Limits`](crate::Limits) or a last event ID.
    pub fn with_decoder(mut self, decoder: EventDecoder) -> Self {
        self.reading.decoder = decoder;
        self
    }

    /// Resumes after the event with this ID, which an earlier run has stored.
    ///
    /// # Errors
    ///
    /// The errors of [`EventDecoder::set_last_event_id`].
    pub fn with_last_event_id(mut self, id: &str) -> Result<Self, InvalidLastEventId> {
        self.reading.decoder.set_last_event_id(id)?;
        Ok(self)
    }

    /// Recovers an event that the end of the stream, or an error of the transport, cuts off, such
    /// as a `data: [DONE]` without a blank line.
    pub fn recover_at_end(mut self, cut_line: CutLine) -> Self {
        self.reading.end.set_recover(cut_line);
        self
    }

    /// Returns the decoder, with the last event ID and the reconnection time.
    pub const fn decoder(&self) -> &EventDecoder {
        &self.reading.decoder
    }

    /// Returns the decoder for the next connection, [restarted](EventDecoder::restart): it retains
    /// the last event ID and the reconnection time, and nothing of an unfinished event.
    pub fn into_decoder(self) -> EventDecoder {
        self.reading.into_decoder()
    }

    /// Returns the stream of chunks, and the decoder for the next connection; see
    /// [`into_decoder`](Self::into_decoder).
    ///
    /// What was read and not decoded yet is lost.
    pub fn into_parts(self) -> (S, EventDecoder) {
        (self.stream, self.reading.into_decoder())
    }

    /// Returns whether the stream has ended within an event, which may have been recovered.
    pub const fn ended_within_event(&self) -> bool {
        self.reading.end.ended_within_event()
    }

    /// Returns the stream of chunks.
    pub const fn get_ref(&self) -> &S {
        &self.stream
    }

    /// Returns a mutable reference to the stream of chunks. Bytes that are read from it are missing
    /// from the stream.
    pub const fn get_mut(&mut self) -> &mut S {
        &mut self.stream
    }

    /// Returns the stream of chunks, pinned; see [`get_mut`](Self::get_mut).
    pub fn get_pin_mut(self: Pin<&mut Self>) -> Pin<&mut S> {
        self.project().stream
    }

    /// Returns the stream of chunks; what was read and not decoded yet is lost.
    pub fn into_inner(self) -> S {
        self.stream
    }

    /// Waits for the next event, which borrows from the chunk. `None` is the end of the stream.
    ///
    /// ```
    /// use futures_util::stream;
    /// use sse_wire::stream::EventStreamExt;
    ///
    /// # futures_util::FutureExt::now_or_never(async {
    /// let chunks = [&b"data: on"[..], b"e\n\ndata: two\n\n"].map(Ok::<_, std::io::Error>);
    /// let mut events = stream::iter(chunks).events();
    /// let mut data = Vec::new();
    /// while let Some(event) = events.next_event().await? {
    ///     data.push(event.data().len());
    /// }
    /// assert_eq!(data, [3, 3]);
    /// # std::io::Result::Ok(())
    /// # }).unwrap()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// See [`EventStream`].
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses nothing.
    #[inline]
    pub fn next_event(
        &mut self,
    ) -> impl Future<Output = Result<Option<Event<'_>>, ReadError<S::Error>>>
    where
        S: Unpin,
    {
        NextEvent::new(self)
    }

    /// Waits for the next event as bytes, which are not validated and borrow from the chunk. `None`
    /// is the end of the stream.
    ///
    /// # Errors
    ///
    /// See [`EventStream`].
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses nothing.
    #[inline]
    pub fn next_raw_event(
        &mut self,
    ) -> impl Future<Output = Result<Option<RawEvent<'_>>, ReadError<S::Error>>>
    where
        S: Unpin,
    {
        NextRawEvent::new(self)
    }

    /// Waits for the next [item](Item), which borrows from the chunk. `None` is the end of the
    /// stream.
    ///
    /// # Errors
    ///
    /// See [`EventStream`].
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses nothing.
    #[inline]
    pub fn next_item(
        &mut self,
    ) -> impl Future<Output = Result<Option<Item<'_>>, ReadError<S::Error>>>
    where
        S: Unpin,
    {
        NextItem::new(self)
    }

    /// Polls for the next event, which borrows from the chunk; see
    /// [`next_event`](Self::next_event).
    ///
    /// # Errors
    ///
    /// See [`EventStream`].
    pub fn poll_next_event<'a>(
        mut self: Pin<&'a mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Result<Option<Event<'a>>, ReadError<S::Error>>> {
        let found = ready!(self.as_mut().poll_found(context, false))?;
        Poll::Ready(self.project().reading.event(found))
    }

    /// Polls for the next event as bytes, which borrow from the chunk; see
    /// [`next_raw_event`](Self::next_raw_event).
    ///
    /// # Errors
    ///
    /// See [`EventStream`].
    pub fn poll_next_raw_event<'a>(
        mut self: Pin<&'a mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Result<Option<RawEvent<'a>>, ReadError<S::Error>>> {
        let found = ready!(self.as_mut().poll_found(context, false))?;
        Poll::Ready(self.project().reading.raw_event(found))
    }

    /// Polls for the next [item](Item), which borrows from the chunk; see
    /// [`next_item`](Self::next_item).
    ///
    /// # Errors
    ///
    /// See [`EventStream`].
    pub fn poll_next_item<'a>(
        mut self: Pin<&'a mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Result<Option<Item<'a>>, ReadError<S::Error>>> {
        let found = ready!(self.as_mut().poll_found(context, true))?;
        Poll::Ready(self.project().reading.item(found))
    }

    fn poll_found(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        items: bool,
    ) -> Poll<Result<Option<Found>, ReadError<S::Error>>> {
        let mut budget = Budget::new();
        loop {
            match ready!(self.as_mut().poll_find(context, &mut budget, items))? {
                Progress::Chunk => {}
                Progress::Found(found) => return Poll::Ready(Ok(Some(found))),
                Progress::End => return Poll::Ready(Ok(None)),
            }
        }
    }

    /// Finds something in this chunk and those that come next, after the fast path was tried.
    #[inline(always)]
    fn poll_progress<F>(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        budget: &mut Budget,
        find: impl Fn(&mut Reading<S>) -> Result<Option<F>, DecodeError>,
    ) -> Poll<Result<Progress<F>, ReadError<S::Error>>> {
        loop {
            let reading = self.as_mut().project().reading;
            if !reading.is_consumed() {
                match find(reading) {
                    Ok(Some(found)) => return Poll::Ready(Ok(Progress::Found(found))),
                    Ok(None) => {}
                    Err(error) => return Poll::Ready(Err(ReadError::Decode(error))),
                }
            }
            match self.as_mut().poll_chunk(context, budget) {
                Poll::Ready(Ok(true)) => {}
                Poll::Ready(Ok(false)) => return Poll::Ready(Ok(Progress::End)),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            }
            if self.reading.is_between_blocks() {
                return Poll::Ready(Ok(Progress::Chunk));
            }
        }
    }

    #[inline(never)]
    fn poll_find(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        budget: &mut Budget,
        items: bool,
    ) -> Poll<Result<Progress<Found>, ReadError<S::Error>>> {
        self.poll_progress(context, budget, |reading| reading.find(items))
    }

    #[inline(never)]
    fn poll_owned(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        budget: &mut Budget,
    ) -> Poll<Result<Progress<T>, ReadError<S::Error>>>
    where
        T: Owned,
    {
        self.poll_progress(context, budget, Reading::<S>::next_owned)
    }

    #[inline(always)]
    fn poll_next_owned(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<T, ReadError<S::Error>>>>
    where
        T: Owned,
    {
        let mut budget = Budget::new();
        loop {
            if let Some(event) = self.as_mut().project().reading.single_line_owned() {
                return Poll::Ready(Some(Ok(event)));
            }
            match self.as_mut().poll_owned(context, &mut budget) {
                Poll::Ready(Ok(Progress::Chunk)) => {}
                Poll::Ready(Ok(Progress::Found(found))) => return Poll::Ready(Some(Ok(found))),
                Poll::Ready(Ok(Progress::End)) => {
                    let recovered = self.project().reading.recovered_owned();
                    return Poll::Ready(recovered.transpose());
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Some(Err(error))),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Replaces the chunk, which was consumed, by the next one; returns `false` at the end of the
    /// stream.
    fn poll_chunk(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        budget: &mut Budget,
    ) -> Poll<Result<bool, ReadError<S::Error>>> {
        let this = self.project();
        // Dropped before the stream is polled: while nothing comes, its memory is free.
        this.reading.chunk = None;
        this.reading.fill(0);
        if this.reading.end.has_ended() {
            return Poll::Ready(Ok(false));
        }
        ready!(budget.poll(context));
        match ready!(this.stream.poll_next(context)) {
            Some(Ok(chunk)) => {
                let length = this.reading.chunk.insert(chunk).as_ref().len();
                this.reading.fill(length);
                budget.spend(length);
                Poll::Ready(Ok(true))
            }
            Some(Err(error)) => {
                let failed = this.reading.end.fail(error);
                if failed.is_err() {
                    this.reading.end.abort(&mut this.reading.decoder);
                }
                Poll::Ready(failed.map(|()| false))
            }
            None => {
                this.reading.end.end();
                Poll::Ready(Ok(false))
            }
        }
    }

    fn end_hint(&self) -> (usize, Option<usize>) {
        let end = &self.reading.end;
        let left = usize::from(end.has_error());
        (left, end.has_ended().then_some(left))
    }
}

impl<S: ChunkStream + Unpin, T> PollFind for EventStream<S, T> {
    type Chunk = Option<S::Chunk>;
    type Error = S::Error;

    #[inline(always)]
    fn reading(&mut self) -> &mut ChunkDecoder<Self::Chunk, Vec<u8>, Self::Error> {
        &mut self.reading
    }

    #[inline(always)]
    fn poll_find(
        &mut self,
        context: &mut Context<'_>,
        budget: &mut Budget,
        items: bool,
    ) -> Poll<Result<Progress<Found>, ReadError<S::Error>>> {
        Pin::new(self).poll_find(context, budget, items)
    }
}

impl<S: ChunkStream> Stream for EventStream<S> {
    type Item = Result<OwnedEvent, ReadError<S::Error>>;

    #[inline]
    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_next_owned(context)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.end_hint()
    }
}

impl<S: ChunkStream> Stream for EventStream<S, OwnedItem> {
    type Item = Result<OwnedItem, ReadError<S::Error>>;

    #[inline]
    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_next_owned(context)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.end_hint()
    }
}

impl<S: ChunkStream, T> FusedStream for EventStream<S, T>
where
    Self: Stream,
{
    fn is_terminated(&self) -> bool {
        self.reading.end.has_ended() && !self.reading.end.has_error()
    }
}

impl<S: ChunkStream, T> fmt::Debug for EventStream<S, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reading.write_debug("EventStream", formatter)
    }
}
