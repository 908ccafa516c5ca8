//! A `Stream` that connects again by itself.

use core::{
    fmt,
    future::Future,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_core::{FusedStream, Stream};
use pin_project_lite::pin_project;

use super::{Clock, Head, Last, ReconnectError, Update};
use crate::adapt::stream::{BYTES_AT_ONCE, CHUNKS_AT_ONCE};
use crate::client::{EventSource, Request, Step};
use crate::shared::{Decoded, SharedDecoder, SharedEvent, SharedItem, SharedRawEvent};

pin_project! {
    /// Events out of one connection after the other, as a `Stream` of `Result<Update<T, E>, ReconnectError<R, E>>`.
    ///
    /// It is made of an [`EventSource`], which has the policy, the limits and the last event ID to begin with, and of three functions,
    /// which are the HTTP client:
    ///
    /// - `connect` makes a request and gives a future of `Result<(Head, R), E>`: the [`Head`] of the response and the response itself, or an
    ///   error. It is told the [`Request`]: headers, last event ID, and how many attempts there were, so that a POST can be resumed by a GET.
    /// - `body` turns a response `R` that was accepted into a stream of chunks, `Result<B, E2>` with `B: Into<Bytes>` and
    ///   `E: From<E2>`.
    /// - `sleep` gives a future that waits.
    ///
    /// `T` is [`SharedEvent`], [`SharedRawEvent`], or [`SharedItem`] for comments and reconnection times as well.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use core::pin::pin;
    /// use futures_util::{StreamExt, stream};
    /// use sse_wire::client::{EventSource, Request};
    /// use sse_wire::reconnect::{Head, ReconnectError, ReconnectingStream, Update};
    ///
    /// # futures_util::FutureExt::now_or_never(async {
    /// // With reqwest: `client.get(url)`, the headers of the request, `send`, and `response.bytes_stream()`.
    /// let connect = |request: Request<'_>| {
    ///     let answer = match request.last_event_id() {
    ///         "" => (Head::new(200, Some("text/event-stream")), "id: 1\ndata: one\n\ndata: cut"),
    ///         _ => (Head::new(404, Some("application/json")), "{\"error\":\"no such stream\"}"),
    ///     };
    ///     async move { Ok::<_, std::io::Error>(answer) }
    /// };
    /// let body = |response: &'static str| stream::iter([Ok::<_, std::io::Error>(Bytes::from(response))]);
    /// let sleep = |_| core::future::ready(());
    /// let mut updates = pin!(ReconnectingStream::new(EventSource::default(), connect, body, sleep));
    ///
    /// let mut data = Vec::new();
    /// while let Some(update) = updates.next().await {
    ///     match update {
    ///         Ok(Update::Item(event)) => data.push(event.data().to_owned()),
    ///         Ok(Update::Reconnecting { after, why, .. }) => println!("{why}; again in {after:?}"),
    ///         Ok(_) => {}
    ///         Err(ReconnectError::Closed { response, .. }) => data.extend(response.map(String::from)),
    ///         Err(error) => println!("{error}"),
    ///     }
    /// }
    /// assert_eq!(data, ["one", "{\"error\":\"no such stream\"}"]);
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`ReconnectError::Decode`] when an event exceeds a limit: the stream goes on behind it. [`ReconnectError::Closed`] comes once, and
    /// is the end: it says why, and owns the response that was refused.
    ///
    /// # Cancellation
    ///
    /// Everything that was read is in here, nothing in the future that waits for the next update: dropping that loses nothing.
    /// Dropping the stream drops the connection.
    ///
    /// # Time
    ///
    /// What `sleep` has slept counts as passed, whatever the clock says, so that it works with a runtime whose time is an imitation, too.
    /// The clock is that of the standard library, if there is one, or [another one](Self::with_clock); without any, only what was slept
    /// counts.
    #[must_use = "streams do nothing unless they are polled"]
    pub struct ReconnectingStream<C, B, Z, R, E, F, S, G, T = SharedEvent> {
        source: EventSource<SharedDecoder>,
        connect: C,
        body: B,
        sleep: Z,
        clock: Clock,
        #[pin]
        connecting: Option<F>,
        #[pin]
        stream: Option<S>,
        #[pin]
        sleeping: Option<G>,
        // Until when that one sleeps.
        until: Duration,
        chunk: Bytes,
        last: Last<R, E>,
        is_announced: bool,
        has_ended: bool,
        makes: PhantomData<fn() -> T>,
    }
}

impl<C, B, Z, R, E, F, S, G> ReconnectingStream<C, B, Z, R, E, F, S, G>
where
    C: FnMut(Request<'_>) -> F,
    B: FnMut(R) -> S,
    Z: FnMut(Duration) -> G,
{
    /// The events as text.
    pub fn new(source: EventSource<SharedDecoder>, connect: C, body: B, sleep: Z) -> Self {
        Self::of(source, connect, body, sleep)
    }
}

impl<C, B, Z, R, E, F, S, G> ReconnectingStream<C, B, Z, R, E, F, S, G, SharedRawEvent>
where
    C: FnMut(Request<'_>) -> F,
    B: FnMut(R) -> S,
    Z: FnMut(Duration) -> G,
{
    /// The events as bytes, which are not validated.
    pub fn raw(source: EventSource<SharedDecoder>, connect: C, body: B, sleep: Z) -> Self {
        Self::of(source, connect, body, sleep)
    }
}

impl<C, B, Z, R, E, F, S, G> ReconnectingStream<C, B, Z, R, E, F, S, G, SharedItem>
where
    C: FnMut(Request<'_>) -> F,
    B: FnMut(R) -> S,
    Z: FnMut(Duration) -> G,
{
    /// Events, comments and reconnection times, in the order in which they came.
    pub fn items(source: EventSource<SharedDecoder>, connect: C, body: B, sleep: Z) -> Self {
        Self::of(source, connect, body, sleep)
    }
}

impl<C, B, Z, R, E, F, S, G, T> ReconnectingStream<C, B, Z, R, E, F, S, G, T> {
    fn of(source: EventSource<SharedDecoder>, connect: C, body: B, sleep: Z) -> Self {
        Self {
            source,
            connect,
            body,
            sleep,
            clock: Clock::STANDARD,
            connecting: None,
            stream: None,
            sleeping: None,
            until: Duration::ZERO,
            chunk: Bytes::new(),
            last: Last::NONE,
            is_announced: false,
            has_ended: false,
            makes: PhantomData,
        }
    }

    /// Reads `clock`, which counts from any moment on, in place of the clock of the standard library.
    pub fn with_clock(mut self, clock: fn() -> Duration) -> Self {
        self.clock.read = clock;
        self
    }

    /// The state of the connection: its last event ID, say.
    pub const fn source(&self) -> &EventSource<SharedDecoder> {
        &self.source
    }

    /// Gives the connection up for another one; see [`EventSource::reconnect`].
    pub fn reconnect(self: Pin<&mut Self>) {
        self.project().source.reconnect();
    }
}

impl<C, B, Z, R, E, F, S, G, T, A, E2> Stream for ReconnectingStream<C, B, Z, R, E, F, S, G, T>
where
    C: FnMut(Request<'_>) -> F,
    F: Future<Output = Result<(Head, R), E>>,
    B: FnMut(R) -> S,
    S: Stream<Item = Result<A, E2>>,
    A: Into<Bytes>,
    E: From<E2>,
    Z: FnMut(Duration) -> G,
    G: Future<Output = ()>,
    T: Decoded,
{
    type Item = Result<Update<T, E>, ReconnectError<R, E>>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        let (mut chunks, mut bytes) = (0, 0_usize);
        while !*this.has_ended {
            match this.source.read(this.chunk) {
                Ok(None) => {}
                Ok(Some(item)) => return Poll::Ready(Some(Ok(Update::Item(item)))),
                Err(error) => return Poll::Ready(Some(Err(error.into()))),
            }
            // Before time is looked at: what has waited here is not silence there.
            if this.source.is_awaiting_response() {
                let Some(connecting) = this.connecting.as_mut().as_pin_mut() else {
                    this.source.fail();
                    continue;
                };
                if let Poll::Ready(answer) = connecting.poll(context) {
                    this.connecting.set(None);
                    this.sleeping.set(None);
                    if let Some(response) = this.last.take_answer(this.source, answer) {
                        this.stream.set(Some((this.body)(response)));
                        return Poll::Ready(Some(Ok(Update::Opened)));
                    }
                    continue;
                }
            } else if this.source.is_open() {
                if chunks >= CHUNKS_AT_ONCE || bytes >= BYTES_AT_ONCE {
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                let stream = this.stream.as_mut().as_pin_mut();
                let polled = stream.map_or(Poll::Ready(None), |stream| stream.poll_next(context));
                if let Poll::Ready(chunk) = polled {
                    // Where there is no clock, only a sleep that began now tells how long it has been silent since.
                    this.sleeping.set(None);
                    match chunk {
                        Some(Ok(chunk)) => {
                            *this.chunk = chunk.into();
                            chunks += 1;
                            bytes = bytes.saturating_add(this.chunk.len());
                        }
                        Some(Err(error)) => this.last.fail(this.source, error.into()),
                        None => this.source.end(),
                    }
                    continue;
                }
            }
            let now = this.clock.now();
            let time = match this.source.next(now) {
                Step::Connect(request) => {
                    *this.is_announced = false;
                    this.sleeping.set(None);
                    this.connecting.set(Some((this.connect)(request)));
                    continue;
                }
                Step::AwaitResponse { within } | Step::Read { within } => within,
                Step::Wait { time: after, why } => {
                    if !*this.is_announced {
                        *this.is_announced = true;
                        this.connecting.set(None);
                        this.stream.set(None);
                        this.sleeping.set(None);
                        return Poll::Ready(Some(Ok(this.last.reconnecting(after, why))));
                    }
                    Some(after)
                }
                Step::Closed(why) => {
                    *this.has_ended = true;
                    this.connecting.set(None);
                    this.stream.set(None);
                    this.sleeping.set(None);
                    return Poll::Ready(Some(Err(this.last.closed(why))));
                }
            };
            let Some(time) = time else {
                return Poll::Pending;
            };
            if this.sleeping.is_none() {
                *this.until = now.saturating_add(time);
                this.sleeping.set(Some((this.sleep)(time)));
            }
            match this
                .sleeping
                .as_mut()
                .as_pin_mut()
                .map(|sleep| sleep.poll(context))
            {
                Some(Poll::Pending) => return Poll::Pending,
                _ => {
                    this.sleeping.set(None);
                    this.clock.reach(*this.until);
                }
            }
        }
        Poll::Ready(None)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, self.has_ended.then_some(0))
    }
}

impl<C, B, Z, R, E, F, S, G, T> FusedStream for ReconnectingStream<C, B, Z, R, E, F, S, G, T>
where
    Self: Stream,
{
    fn is_terminated(&self) -> bool {
        self.has_ended
    }
}

impl<C, B, Z, R, E, F, S, G, T> fmt::Debug for ReconnectingStream<C, B, Z, R, E, F, S, G, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ReconnectingStream")
            .field("source", &self.source)
            .field("has_ended", &self.has_ended)
            .finish_non_exhaustive()
    }
}
