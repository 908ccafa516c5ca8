//! A `Stream` that reconnects by itself.

mod borrowed;

use core::{
    fmt,
    future::Future,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use futures_core::{FusedStream, Stream};
use pin_project_lite::pin_project;

use super::decision::Plan;
use super::{Clock, Decision, Head, Last, Lost, ReconnectError, Update, WithDecision, WithOpened};
use crate::adapt::budget::Budget;
use crate::adapt::stream::ChunkStream;
use crate::client::{EventSource, Request, Step};
use crate::error::DecodeError;
use crate::event::{OwnedEvent, OwnedItem};

/// An HTTP client and a timer, for a [`ReconnectingStream`].
///
/// Implement it for a type of your own where the stream's type must be named, as in a field of a
/// struct. Elsewhere, [`ReconnectingStream::from_fns`] makes one of three closures.
///
/// ```
/// use core::future::{Ready, ready};
/// use core::time::Duration;
/// use sse_wire::client::{EventSource, Request};
/// use sse_wire::reconnect::{Head, ReconnectingStream, Transport};
///
/// struct Http; // with reqwest: a `Client` and a URL
///
/// impl Transport for Http {
///     type Response = &'static [u8];
///     type Error = std::io::Error;
///     type Opened = ();
///     type Connecting = Ready<Result<(Head, Self::Response), Self::Error>>; // often a `Pin<Box<dyn Future<..> + Send>>`
///     type Body = futures_util::stream::Iter<std::array::IntoIter<Result<&'static [u8], std::io::Error>, 1>>;
///     type Sleep = Ready<()>;
///
///     fn connect(&mut self, request: Request<'_>) -> Self::Connecting {
///         let status = if request.attempt() == 0 { 200 } else { 204 };
///         ready(Ok((Head::new(status, Some("text/event-stream")), b"data: 1\n\n")))
///     }
///
///     fn opened(&mut self, _response: &Self::Response) {}
///
///     fn body(&mut self, response: Self::Response) -> Self::Body {
///         futures_util::stream::iter([Ok(response)])
///     }
///
///     fn sleep(&mut self, _delay: Duration) -> Self::Sleep {
///         ready(())
///     }
/// }
///
/// struct Feed {
///     updates: ReconnectingStream<Http>,
/// }
///
/// let feed = Feed { updates: ReconnectingStream::new(EventSource::default(), Http) };
/// # let updates = futures_util::StreamExt::collect::<Vec<_>>(feed.updates);
/// # assert_eq!(futures_util::FutureExt::now_or_never(updates).unwrap().len(), 4);
/// ```
pub trait Transport {
    /// A response, with a body that was not read yet.
    type Response;
    /// The error of the HTTP client.
    type Error: From<<Self::Body as ChunkStream>::Error>;
    /// What [`opened`](Self::opened) takes of a response; `()` for nothing.
    type Opened;
    /// Waits for the head of a response.
    type Connecting: Future<Output = Result<(Head, Self::Response), Self::Error>>;
    /// The chunks of a body.
    type Body: ChunkStream;
    /// Waits for a while.
    type Sleep: Future<Output = ()>;

    /// Makes a request.
    ///
    /// The [`Request`] has the headers, the last event ID, and how many attempts there were, so
    /// that a POST can be resumed by a GET. The future must not borrow it: take what it needs
    /// first.
    fn connect(&mut self, request: Request<'_>) -> Self::Connecting;

    /// Takes what the caller wants to know of a response that was accepted, for
    /// [`Update::Opened`].
    fn opened(&mut self, response: &Self::Response) -> Self::Opened;

    /// Turns a response that was accepted into its body.
    fn body(&mut self, response: Self::Response) -> Self::Body;

    /// Sleeps for `delay`, and not less: timeouts use it as well. To end a wait, for example since the
    /// network is back, call [`retry_now`](ReconnectingStream::retry_now).
    fn sleep(&mut self, delay: Duration) -> Self::Sleep;

    /// Decides about each connection that was lost, before it is reported; as the policy says unless
    /// implemented otherwise.
    fn decide(&mut self, lost: &mut Lost<'_, Self::Response, Self::Error>) -> Decision {
        let _ = lost;
        Decision::AsPlanned
    }
}

/// The [`Transport`] that [`ReconnectingStream::from_fns`] makes of three closures.
#[derive(Clone)]
pub struct Fns<C, B, Z> {
    connect: C,
    body: B,
    sleep: Z,
}

impl<C, B, Z, R, E, F, S, G> Transport for Fns<C, B, Z>
where
    C: FnMut(Request<'_>) -> F,
    F: Future<Output = Result<(Head, R), E>>,
    B: FnMut(R) -> S,
    S: ChunkStream,
    E: From<S::Error>,
    Z: FnMut(Duration) -> G,
    G: Future<Output = ()>,
{
    type Response = R;
    type Error = E;
    type Opened = ();
    type Connecting = F;
    type Body = S;
    type Sleep = G;

    fn connect(&mut self, request: Request<'_>) -> F {
        (self.connect)(request)
    }

    fn opened(&mut self, _: &R) {}

    fn body(&mut self, response: R) -> S {
        (self.body)(response)
    }

    fn sleep(&mut self, delay: Duration) -> G {
        (self.sleep)(delay)
    }
}

impl<C, B, Z> fmt::Debug for Fns<C, B, Z> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Fns").finish_non_exhaustive()
    }
}

pin_project! {
    /// Events from one connection after the other, as a `Stream` of
    /// `Result<Update<T, O, R, E>, ReconnectError<R, E>>`.
    ///
    /// It consists of an [`EventSource`], which has the policy, the limits and the initial last
    /// event ID, and of a [`Transport`], whose response is `R` and whose error is `E`. `O` is what it
    /// takes of each response that is accepted ([`with_opened`](Self::with_opened)), and `T` is
    /// [`OwnedEvent`], or [`OwnedItem`] for all items ([`with_items`](Self::with_items)).
    ///
    /// ```
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
    /// let body = |response: &'static str| stream::iter([Ok::<_, std::io::Error>(response)]);
    /// let sleep = |_| core::future::ready(());
    /// let mut updates = pin!(ReconnectingStream::from_fns(EventSource::default(), connect, body, sleep));
    ///
    /// let mut data = Vec::new();
    /// while let Some(update) = updates.next().await {
    ///     match update {
    ///         Ok(Update::Item(event)) => data.push(event.into_data()),
    ///         Ok(Update::Reconnecting { delay, reason, .. }) => println!("{reason}; again in {delay:?}"),
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
    /// [`ReconnectError::Decode`] when an event exceeds a limit: the stream continues after it.
    /// [`ReconnectError::Closed`] comes once, and ends the stream: it has the reason, and owns a
    /// rejected response.
    ///
    /// # Cancellation
    ///
    /// Dropping a future that waits for the next update loses nothing: all state is in the stream.
    /// Dropping the stream drops the connection.
    ///
    /// # Memory
    ///
    /// It owns one chunk at a time, and drops it before it polls for the next one.
    ///
    /// # Time
    ///
    /// A completed sleep advances the clock, so that a runtime with simulated time works as well.
    /// The clock is that of the standard library, or [another one](Self::with_clock); without
    /// `std`, only sleeps advance the time.
    #[must_use = "streams do nothing unless they are polled"]
    pub struct ReconnectingStream<X: Transport, T = OwnedEvent> {
        source: EventSource,
        transport: X,
        clock: Clock,
        #[pin]
        connecting: Option<X::Connecting>,
        #[pin]
        stream: Option<X::Body>,
        #[pin]
        sleeping: Option<X::Sleep>,
        // When that sleep is due.
        until: Duration,
        chunk: Option<<X::Body as ChunkStream>::Chunk>,
        // Where in it the input began in which something was found.
        found: usize,
        // How many bytes of it were consumed.
        used: usize,
        last: Last<X::Response, X::Error>,
        is_announced: bool,
        has_ended: bool,
        makes: PhantomData<fn() -> T>,
    }
}

impl<C, B, Z, R, E, F, S, G> ReconnectingStream<Fns<C, B, Z>>
where
    C: FnMut(Request<'_>) -> F,
    F: Future<Output = Result<(Head, R), E>>,
    B: FnMut(R) -> S,
    S: ChunkStream,
    E: From<S::Error>,
    Z: FnMut(Duration) -> G,
    G: Future<Output = ()>,
{
    /// Connects with `connect`, reads what `body` makes of a response, and sleeps with `sleep`: see
    /// the methods of [`Transport`].
    ///
    /// The future of `connect` must not borrow the request: take what it needs of it before the
    /// `async` block.
    pub fn from_fns(source: EventSource, connect: C, body: B, sleep: Z) -> Self {
        Self::new(
            source,
            Fns {
                connect,
                body,
                sleep,
            },
        )
    }
}

impl<X: Transport> ReconnectingStream<X> {
    /// Connects with `transport`.
    pub const fn new(source: EventSource, transport: X) -> Self {
        Self {
            source,
            transport,
            clock: Clock::STANDARD,
            connecting: None,
            stream: None,
            sleeping: None,
            until: Duration::ZERO,
            chunk: None,
            found: 0,
            used: 0,
            last: Last::NONE,
            is_announced: false,
            has_ended: false,
            makes: PhantomData,
        }
    }

    /// Lets `decide` decide about each connection that was lost, before it is reported: whether
    /// another attempt follows, and after which delay.
    ///
    /// Call it first: it drops a connection that there is, and replaces an earlier decision.
    ///
    /// ```
    /// use core::time::Duration;
    /// use sse_wire::client::Cause;
    /// use sse_wire::reconnect::Decision;
    /// # use core::future::{Ready, ready};
    /// # use sse_wire::{client::{EventSource, Request}, reconnect::{Head, ReconnectingStream}};
    /// # type Body = futures_util::stream::Empty<Result<Vec<u8>, std::io::Error>>;
    /// # let connect = |request: Request<'_>| {
    /// #     let status = if request.attempt() < 2 { 404 } else { 410 };
    /// #     ready(Ok::<_, std::io::Error>((Head::new(status, [""; 0]), ())))
    /// # };
    /// # let body = |()| -> Body { futures_util::stream::empty() };
    /// # let updates = ReconnectingStream::from_fns(EventSource::new(4), connect, body, |_| ready(()));
    ///
    /// // The stream may not exist yet. Whatever else happens is for the policy.
    /// let updates = updates.with_decision(|lost| match lost.reason {
    ///     Cause::Status(404) if lost.requests < 10 => Decision::RetryIn(Duration::from_secs(1)),
    ///     _ => Decision::AsPlanned,
    /// });
    /// # let updates = futures_util::StreamExt::collect::<Vec<_>>(updates);
    /// # assert_eq!(futures_util::FutureExt::now_or_never(updates).unwrap().len(), 3);
    /// ```
    pub fn with_decision<F>(self, decide: F) -> ReconnectingStream<WithDecision<X, F>>
    where
        F: FnMut(&mut Lost<'_, X::Response, X::Error>) -> Decision,
    {
        let transport = self.transport;
        let transport = WithDecision { transport, decide };
        ReconnectingStream::with_clock_of(self.source, transport, self.clock)
    }

    /// Takes something of each response that is accepted, for [`Update::Opened`]: its headers, for
    /// example.
    ///
    /// Call it first: it drops a connection that there is.
    pub fn with_opened<F, O>(self, opened: F) -> ReconnectingStream<WithOpened<X, F>>
    where
        F: FnMut(&X::Response) -> O,
    {
        let transport = self.transport;
        let transport = WithOpened { transport, opened };
        ReconnectingStream::with_clock_of(self.source, transport, self.clock)
    }

    fn with_clock_of(source: EventSource, transport: X, clock: Clock) -> Self {
        let mut stream = Self::new(source, transport);
        stream.clock = clock;
        stream
    }

    /// Yields all items, in the order in which they arrive.
    pub fn with_items(self) -> ReconnectingStream<X, OwnedItem> {
        ReconnectingStream {
            source: self.source,
            transport: self.transport,
            clock: self.clock,
            connecting: self.connecting,
            stream: self.stream,
            sleeping: self.sleeping,
            until: self.until,
            chunk: self.chunk,
            found: self.found,
            used: self.used,
            last: self.last,
            is_announced: self.is_announced,
            has_ended: self.has_ended,
            makes: PhantomData,
        }
    }
}

impl<X: Transport, T> ReconnectingStream<X, T> {
    /// Reads the time from `clock`, which may start at any moment, instead of the clock of the
    /// standard library.
    pub fn with_clock(mut self, clock: fn() -> Duration) -> Self {
        self.clock.read = clock;
        self
    }

    /// Returns the transport.
    pub const fn transport(&self) -> &X {
        &self.transport
    }

    /// Returns the transport, to change how it connects the next time, for example.
    pub fn transport_mut(self: Pin<&mut Self>) -> &mut X {
        self.project().transport
    }

    /// Returns the state of the connection, with the last event ID.
    pub const fn source(&self) -> &EventSource {
        &self.source
    }

    /// Returns the state of the connection, with the last event ID, and drops the connection.
    ///
    /// What was read and not decoded yet is lost. Another driver connects anew.
    pub fn into_source(self) -> EventSource {
        self.source
    }

    /// Drops the connection for another one, or ends the wait for it, whatever
    /// [`Resend`](crate::client::Resend) says; see [`EventSource::reconnect`].
    pub fn reconnect(self: Pin<&mut Self>) {
        self.project().source.reconnect();
    }

    /// Ends the wait for the next attempt, if there is one; see [`EventSource::retry_now`].
    pub fn retry_now(self: Pin<&mut Self>) {
        self.project().source.retry_now();
    }

    /// Ends the stream: the next update is that it is closed; see [`EventSource::close`].
    pub fn close(self: Pin<&mut Self>) {
        self.project().source.close();
    }

    /// Reports that there is no connection, once.
    fn lost<I>(self: Pin<&mut Self>, planned: Plan) -> Option<UpdateOf<I, X>> {
        let mut this = self.project();
        let transport = this.transport;
        let decide = |lost: &mut Lost<'_, _, _>| transport.decide(lost);
        let planned = this.last.decide(this.source, planned, decide);
        if planned.is_ok() && *this.is_announced {
            return None;
        }
        *this.is_announced = true;
        this.connecting.set(None);
        this.stream.set(None);
        this.sleeping.set(None);
        let first_ignored = this.source.ignored_instead_of_events();
        Some(match planned {
            Ok((delay, reason)) => Ok(this.last.reconnecting(delay, reason, first_ignored)),
            Err(reason) => {
                *this.has_ended = true;
                Err(this.last.closed(reason, first_ignored))
            }
        })
    }

    fn poll_update<I>(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut find: impl FnMut(&mut EventSource, &mut &[u8]) -> Result<Option<I>, DecodeError>,
    ) -> Poll<Option<UpdateOf<I, X>>> {
        let mut budget = Budget::new();
        while !self.has_ended {
            let mut this = self.as_mut().project();
            if let Some(chunk) = this.chunk {
                let whole = chunk.as_ref();
                let mut rest = whole.get(*this.used..).unwrap_or_default();
                let found = find(this.source, &mut rest);
                *this.found = *this.used;
                *this.used = whole.len() - rest.len();
                match found {
                    Ok(None) => {}
                    Ok(Some(item)) => return Poll::Ready(Some(Ok(Update::Item(item)))),
                    Err(error) => return Poll::Ready(Some(Err(error.into()))),
                }
                // Dropped before waiting: an idle connection retains no chunk.
                *this.chunk = None;
            }
            // Before the clock is read: bytes that are ready are no silence.
            if this.source.is_awaiting_response() {
                let Some(connecting) = this.connecting.as_mut().as_pin_mut() else {
                    this.source.fail();
                    continue;
                };
                if let Poll::Ready(answer) = connecting.poll(context) {
                    this.connecting.set(None);
                    this.sleeping.set(None);
                    if let Some(response) = this.last.take_answer(this.source, answer) {
                        let opened = this.transport.opened(&response);
                        this.stream.set(Some(this.transport.body(response)));
                        return Poll::Ready(Some(Ok(Update::Opened(opened))));
                    }
                    continue;
                }
            } else if this.source.is_open() {
                ready!(budget.poll(context));
                let stream = this.stream.as_mut().as_pin_mut();
                let polled = stream.map_or(Poll::Ready(None), |stream| stream.poll_next(context));
                if let Poll::Ready(chunk) = polled {
                    // Without a clock, only a sleep that begins now measures the silence that
                    // follows.
                    this.sleeping.set(None);
                    match chunk {
                        Some(Ok(chunk)) => {
                            *this.used = 0;
                            budget.spend(this.chunk.insert(chunk).as_ref().len());
                        }
                        Some(Err(error)) => this.last.fail(this.source, error.into()),
                        None => this.source.end(),
                    }
                    continue;
                }
            }
            let now = this.clock.now_for(this.source);
            let time = match this.source.next(now) {
                Step::Connect(request) => {
                    *this.is_announced = false;
                    *this.last = Last::NONE;
                    this.sleeping.set(None);
                    this.connecting.set(Some(this.transport.connect(request)));
                    continue;
                }
                Step::AwaitResponse { timeout } | Step::Read { timeout } => timeout,
                Step::Wait { delay, reason } => {
                    let planned = Ok((delay, reason));
                    if let Some(update) = self.as_mut().lost(planned) {
                        return Poll::Ready(Some(update));
                    }
                    this = self.as_mut().project();
                    Some(delay)
                }
                Step::Closed(reason) => return Poll::Ready(self.lost(Err(reason))),
            };
            let Some(time) = time else {
                return Poll::Pending;
            };
            if this.sleeping.is_none() {
                *this.until = now.saturating_add(time);
                this.sleeping.set(Some(this.transport.sleep(time)));
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
}

type ErrorOf<X> = ReconnectError<<X as Transport>::Response, <X as Transport>::Error>;

type UpdateOf<T, X> = Result<
    Update<T, <X as Transport>::Opened, <X as Transport>::Response, <X as Transport>::Error>,
    ErrorOf<X>,
>;

impl<X: Transport> Stream for ReconnectingStream<X> {
    type Item = UpdateOf<OwnedEvent, X>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_update(context, |source, input| source.read(input))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, self.has_ended.then_some(0))
    }
}

impl<X: Transport> Stream for ReconnectingStream<X, OwnedItem> {
    type Item = UpdateOf<OwnedItem, X>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_update(context, |source, input| source.read(input))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, self.has_ended.then_some(0))
    }
}

impl<X: Transport, T> FusedStream for ReconnectingStream<X, T>
where
    Self: Stream,
{
    fn is_terminated(&self) -> bool {
        self.has_ended
    }
}

impl<X: Transport, T> fmt::Debug for ReconnectingStream<X, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ReconnectingStream")
            .field("source", &self.source)
            .field("has_ended", &self.has_ended)
            .finish_non_exhaustive()
    }
}
