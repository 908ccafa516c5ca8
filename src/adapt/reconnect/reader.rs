//! An `Iterator` that reconnects by itself.

use alloc::vec::Vec;
use core::{fmt, iter::FusedIterator, marker::PhantomData, time::Duration};
use std::io::{self, ErrorKind, Read};
use std::thread;

use super::decision::Plan;
use super::{Clock, Decision, Head, Last, Lost, ReconnectError, Update, WithDecision, WithOpened};
use crate::client::{EventSource, Request, Step};
use crate::decode::Found;
use crate::error::DecodeError;
use crate::event::{Event, Item, OwnedEvent, OwnedItem, RawEvent};

/// How much is read at once.
const CHUNK: usize = 16 * 1024;
/// How long to sleep after a read that has returned at once, without anything.
const PAUSE: Duration = Duration::from_millis(10);
/// A read that takes less than this does not wait.
const AT_ONCE: Duration = Duration::from_millis(1);

/// A blocking HTTP client, for a [`ReconnectingReader`].
///
/// Implement it for a type of your own where the reader's type must be named, as in a field of a
/// struct. Elsewhere, [`ReconnectingReader::from_fns`] makes one of three closures.
pub trait BlockingTransport {
    /// A response, with a body that was not read yet.
    type Response;
    /// The error of the HTTP client.
    type Error: From<io::Error>;
    /// What [`opened`](Self::opened) takes of a response; `()` for nothing.
    type Opened;
    /// The body of a response.
    type Body: Read;

    /// Makes a request, and waits for the head of the response.
    ///
    /// The [`Request`] has the headers, the last event ID, and how many attempts there were, so
    /// that a POST can be resumed by a GET.
    ///
    /// # Errors
    ///
    /// Those of the HTTP client: the connection failed.
    fn connect(&mut self, request: Request<'_>) -> Result<(Head, Self::Response), Self::Error>;

    /// Takes what the caller wants to know of a response that was accepted, for
    /// [`Update::Opened`].
    fn opened(&mut self, response: &Self::Response) -> Self::Opened;

    /// Turns a response that was accepted into its body.
    fn body(&mut self, response: Self::Response) -> Self::Body;

    /// Sleeps for `delay`, with [`thread::sleep`] unless implemented otherwise.
    ///
    /// If it returns earlier, for example since the network is back, the wait is over.
    fn sleep(&mut self, delay: Duration) {
        thread::sleep(delay);
    }

    /// Decides about each connection that was lost, before it is reported; as the policy says unless
    /// implemented otherwise.
    fn decide(&mut self, lost: &mut Lost<'_, Self::Response, Self::Error>) -> Decision {
        let _ = lost;
        Decision::AsPlanned
    }
}

/// The [`BlockingTransport`] that [`ReconnectingReader::from_fns`] makes of three closures.
#[derive(Clone)]
pub struct BlockingFns<C, B, Z> {
    connect: C,
    body: B,
    sleep: Z,
}

impl<C, B, Z, R, E, S> BlockingTransport for BlockingFns<C, B, Z>
where
    C: FnMut(Request<'_>) -> Result<(Head, R), E>,
    B: FnMut(R) -> S,
    S: Read,
    E: From<io::Error>,
    Z: FnMut(Duration),
{
    type Response = R;
    type Error = E;
    type Opened = ();
    type Body = S;

    fn connect(&mut self, request: Request<'_>) -> Result<(Head, R), E> {
        (self.connect)(request)
    }

    fn opened(&mut self, _: &R) {}

    fn body(&mut self, response: R) -> S {
        (self.body)(response)
    }

    fn sleep(&mut self, delay: Duration) {
        (self.sleep)(delay);
    }
}

impl<C, B, Z> fmt::Debug for BlockingFns<C, B, Z> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("BlockingFns")
            .finish_non_exhaustive()
    }
}

/// Events from one connection after the other, as an `Iterator` of
/// `Result<Update<T, E>, ReconnectError<R, E>>`.
///
/// It consists of an [`EventSource`], which has the policy, the limits and the initial last event
/// ID, and of a [`BlockingTransport`], whose response is `R` and whose error is `E`. `T` is
/// [`OwnedEvent`], or [`OwnedItem`] for all items ([`with_items`](Self::with_items)).
///
/// ```
/// use std::io;
/// use sse_wire::client::{EventSource, Policy, Request};
/// use sse_wire::reconnect::{Head, ReconnectError, ReconnectingReader, Update};
///
/// // With ureq: `agent.get(url)`, the headers of the request, `call`, and `response.into_body().into_reader()`.
/// let connect = |request: Request<'_>| {
///     Ok::<_, io::Error>(match request.last_event_id() {
///         "" => (Head::new(200, Some("text/event-stream")), "retry: 0\nid: 1\ndata: one\n\ndata: cut"),
///         _ => (Head::new(404, Some("application/json")), "{\"error\":\"no such stream\"}"),
///     })
/// };
/// let body = |response: &'static str| response.as_bytes();
/// let source = EventSource::default().with_policy(Policy::browser());
/// let mut data = Vec::new();
/// for update in ReconnectingReader::from_fns(source, connect, body, std::thread::sleep) {
///     match update {
///         Ok(Update::Item(event)) => data.push(event.into_data()),
///         Ok(Update::Reconnecting { delay, reason, .. }) => println!("{reason}; again in {delay:?}"),
///         Ok(_) => {}
///         Err(ReconnectError::Closed { response, .. }) => data.extend(response.map(String::from)),
///         Err(error) => println!("{error}"),
///     }
/// }
/// assert_eq!(data, ["one", "{\"error\":\"no such stream\"}"]);
/// ```
///
/// # Errors
///
/// [`ReconnectError::Decode`] when an event exceeds a limit: the iterator continues after it.
/// [`ReconnectError::Closed`] comes once, and ends the iterator: it has the reason, and owns a
/// rejected response.
///
/// # Time
///
/// A call blocks until there is an update. Comments are updates only with
/// [`with_items`](Self::with_items). An idle timeout needs a reader with a read timeout, such as a
/// socket's: [`WouldBlock`](ErrorKind::WouldBlock) and [`TimedOut`](ErrorKind::TimedOut) count as
/// silence until the idle timeout of the policy has passed; without an idle timeout they count as
/// failures. After a read that returns so at once, it sleeps for 10 milliseconds, so that a
/// non-blocking reader does not cost a processor.
///
/// The HTTP client itself has to limit the time for a response: `connect` does not return before.
///
/// A completed sleep advances the clock. The clock is that of the standard library, or [another
/// one](Self::with_clock).
///
/// Dropping it drops the connection.
#[must_use = "iterators do nothing unless they are used"]
pub struct ReconnectingReader<X: BlockingTransport, T = OwnedEvent> {
    source: EventSource,
    transport: X,
    clock: Clock,
    reader: Option<X::Body>,
    memory: Vec<u8>,
    /// The range of `memory` that was read and not decoded.
    start: usize,
    stop: usize,
    /// Where the input began in which something was found.
    found: usize,
    last: Last<X::Response, X::Error>,
    is_announced: bool,
    has_ended: bool,
    makes: PhantomData<fn() -> T>,
}

impl<C, B, Z, R, E, S> ReconnectingReader<BlockingFns<C, B, Z>>
where
    C: FnMut(Request<'_>) -> Result<(Head, R), E>,
    B: FnMut(R) -> S,
    S: Read,
    E: From<io::Error>,
    Z: FnMut(Duration),
{
    /// Connects with `connect`, reads what `body` makes of a response, and sleeps with `sleep`,
    /// such as [`thread::sleep`]: see the methods of [`BlockingTransport`].
    pub const fn from_fns(source: EventSource, connect: C, body: B, sleep: Z) -> Self {
        Self::new(
            source,
            BlockingFns {
                connect,
                body,
                sleep,
            },
        )
    }
}

impl<X: BlockingTransport> ReconnectingReader<X> {
    /// Lets `decide` decide about each connection that was lost, before it is reported: whether
    /// another attempt follows, and after which delay.
    ///
    /// Call it first: it drops a connection that there is, and replaces an earlier decision.
    pub fn with_decision<F>(self, decide: F) -> ReconnectingReader<WithDecision<X, F>>
    where
        F: FnMut(&mut Lost<'_, X::Response, X::Error>) -> Decision,
    {
        let transport = self.transport;
        let transport = WithDecision { transport, decide };
        ReconnectingReader::with_clock_of(self.source, transport, self.clock)
    }

    /// Takes something of each response that is accepted, for [`Update::Opened`]: its headers, for
    /// example.
    ///
    /// Call it first: it drops a connection that there is.
    pub fn with_opened<F, O>(self, opened: F) -> ReconnectingReader<WithOpened<X, F>>
    where
        F: FnMut(&X::Response) -> O,
    {
        let transport = self.transport;
        let transport = WithOpened { transport, opened };
        ReconnectingReader::with_clock_of(self.source, transport, self.clock)
    }

    fn with_clock_of(source: EventSource, transport: X, clock: Clock) -> Self {
        let mut reader = Self::new(source, transport);
        reader.clock = clock;
        reader
    }

    /// Connects with `transport`.
    pub const fn new(source: EventSource, transport: X) -> Self {
        Self {
            source,
            transport,
            clock: Clock::STANDARD,
            reader: None,
            memory: Vec::new(),
            start: 0,
            stop: 0,
            found: 0,
            last: Last::NONE,
            is_announced: false,
            has_ended: false,
            makes: PhantomData,
        }
    }

    /// Yields all items, in the order in which they arrive.
    pub fn with_items(self) -> ReconnectingReader<X, OwnedItem> {
        ReconnectingReader {
            source: self.source,
            transport: self.transport,
            clock: self.clock,
            reader: self.reader,
            memory: self.memory,
            start: self.start,
            stop: self.stop,
            found: self.found,
            last: self.last,
            is_announced: self.is_announced,
            has_ended: self.has_ended,
            makes: PhantomData,
        }
    }
}

impl<X: BlockingTransport, T> ReconnectingReader<X, T> {
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
    pub const fn transport_mut(&mut self) -> &mut X {
        &mut self.transport
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
    pub fn reconnect(&mut self) {
        self.source.reconnect();
    }

    /// Ends the wait for the next attempt, if there is one; see [`EventSource::retry_now`].
    pub fn retry_now(&mut self) {
        self.source.retry_now();
    }

    /// Ends the stream: the next update is that it is closed; see [`EventSource::close`].
    pub fn close(&mut self) {
        self.source.close();
    }

    /// Returns the next update, with an event that borrows from the chunk; `None` is the end.
    ///
    /// # Errors
    ///
    /// See [`ReconnectingReader`].
    pub fn next_event(&mut self) -> Borrowed<Event<'_>, X> {
        let update = self.next_found(|source, input| source.find(input, false))?;
        let Self { source, memory, .. } = self;
        let whole = memory.get(self.found..self.stop).unwrap_or_default();
        let event = update.map(|it| it.try_map(|_| source.resolve_text(whole)));
        Ok(event.transpose()?)
    }

    /// Returns the next update, with an event as bytes that borrow from the chunk; `None` is the end.
    ///
    /// # Errors
    ///
    /// See [`ReconnectingReader`].
    pub fn next_raw_event(&mut self) -> Borrowed<RawEvent<'_>, X> {
        let update = self.next_found(|source, input| source.find(input, false))?;
        let Self { source, memory, .. } = self;
        let whole = memory.get(self.found..self.stop).unwrap_or_default();
        let event = update.map(|it| it.try_map(|_| Ok(source.resolve_raw(whole))));
        event.transpose()
    }

    /// Returns the next update, with an [item](Item) that borrows from the chunk; `None` is the end.
    ///
    /// # Errors
    ///
    /// See [`ReconnectingReader`].
    pub fn next_item(&mut self) -> Borrowed<Item<'_>, X> {
        let update = self.next_found(|source, input| source.find(input, true))?;
        let Self { source, memory, .. } = self;
        let whole = memory.get(self.found..self.stop).unwrap_or_default();
        let item = update.map(|it| it.try_map(|found| source.resolve_item(whole, found)));
        Ok(item.transpose()?)
    }

    fn next_found(
        &mut self,
        find: fn(&mut EventSource, &mut &[u8]) -> Result<Option<Found>, DecodeError>,
    ) -> Borrowed<Found, X> {
        self.next_update(find).transpose()
    }

    fn next_update<I>(
        &mut self,
        mut find: impl FnMut(&mut EventSource, &mut &[u8]) -> Result<Option<I>, DecodeError>,
    ) -> Option<UpdateOf<I, X>> {
        while !self.has_ended {
            let whole = self.memory.get(self.start..self.stop).unwrap_or_default();
            let mut rest = whole;
            let item = find(&mut self.source, &mut rest);
            self.found = self.start;
            self.start = self.stop - rest.len();
            match item {
                Ok(None) => {}
                Ok(Some(item)) => return Some(Ok(Update::Item(item))),
                Err(error) => return Some(Err(error.into())),
            }
            let now = self.clock.now_for(&self.source);
            match self.source.next(now) {
                Step::Connect(request) => {
                    self.is_announced = false;
                    self.last = Last::NONE;
                    let answer = self.transport.connect(request);
                    if let Some(response) = self.last.take_answer(&mut self.source, answer) {
                        let opened = self.transport.opened(&response);
                        self.reader = Some(self.transport.body(response));
                        return Some(Ok(Update::Opened(opened)));
                    }
                }
                // `connect` has waited for the response.
                Step::AwaitResponse { .. } => self.source.fail(),
                Step::Read { timeout } => self.read_chunk(timeout),
                Step::Wait { delay, reason } => {
                    if let Some(update) = self.lost(now, Ok((delay, reason))) {
                        return Some(update);
                    }
                }
                Step::Closed(reason) => return self.lost(now, Err(reason)),
            }
        }
        None
    }

    /// Reports that there is no connection, once; then sleeps until the next attempt.
    fn lost<I>(&mut self, now: Duration, planned: Plan) -> Option<UpdateOf<I, X>> {
        self.reader = None;
        let transport = &mut self.transport;
        let decide = |lost: &mut Lost<'_, _, _>| transport.decide(lost);
        let planned = self.last.decide(&mut self.source, planned, decide);
        if let (Ok((delay, _)), true) = (planned, self.is_announced) {
            let begin = self.clock.now();
            self.transport.sleep(delay);
            let slept = self.clock.now().saturating_sub(begin);
            if !slept.is_zero() && slept < delay {
                self.source.retry_now();
            } else {
                // The clock may be one that stands still.
                self.clock.reach(now.saturating_add(delay));
            }
            return None;
        }
        self.is_announced = true;
        let first_ignored = self.source.ignored_instead_of_events();
        Some(match planned {
            Ok((delay, reason)) => Ok(self.last.reconnecting(delay, reason, first_ignored)),
            Err(reason) => {
                self.has_ended = true;
                Err(self.last.closed(reason, first_ignored))
            }
        })
    }

    fn read_chunk(&mut self, timeout: Option<Duration>) {
        if self.memory.is_empty() {
            self.memory.resize(CHUNK, 0);
        }
        (self.start, self.stop) = (0, 0);
        let Some(reader) = &mut self.reader else {
            return self.source.end();
        };
        let begin = self.clock.now();
        match reader.read(&mut self.memory) {
            Ok(0) => self.source.end(),
            // A reader may report any length.
            Ok(length) => self.stop = length.min(self.memory.len()),
            Err(error) => match error.kind() {
                ErrorKind::Interrupted => {}
                ErrorKind::WouldBlock | ErrorKind::TimedOut if timeout.is_some() => {
                    let now = self.clock.now();
                    if now.saturating_sub(begin) < AT_ONCE {
                        let pause = timeout.map_or(PAUSE, |timeout| timeout.min(PAUSE));
                        self.transport.sleep(pause);
                        self.clock.reach(now.saturating_add(pause));
                    }
                }
                _ => self.last.fail(&mut self.source, error.into()),
            },
        }
    }
}

type ErrorOf<X> =
    ReconnectError<<X as BlockingTransport>::Response, <X as BlockingTransport>::Error>;

type UpdateOf<T, X> = Result<
    Update<
        T,
        <X as BlockingTransport>::Opened,
        <X as BlockingTransport>::Response,
        <X as BlockingTransport>::Error,
    >,
    ErrorOf<X>,
>;

/// The outcome of a call that borrows an item `T` from a chunk.
type Borrowed<T, X> = Result<
    Option<
        Update<
            T,
            <X as BlockingTransport>::Opened,
            <X as BlockingTransport>::Response,
            <X as BlockingTransport>::Error,
        >,
    >,
    ErrorOf<X>,
>;

impl<X: BlockingTransport> Iterator for ReconnectingReader<X> {
    type Item = UpdateOf<OwnedEvent, X>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_update(|source, input| source.read(input))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, self.has_ended.then_some(0))
    }
}

impl<X: BlockingTransport> Iterator for ReconnectingReader<X, OwnedItem> {
    type Item = UpdateOf<OwnedItem, X>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_update(|source, input| source.read(input))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, self.has_ended.then_some(0))
    }
}

impl<X: BlockingTransport, T> FusedIterator for ReconnectingReader<X, T> where Self: Iterator {}

impl<X: BlockingTransport, T> fmt::Debug for ReconnectingReader<X, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ReconnectingReader")
            .field("source", &self.source)
            .field("has_ended", &self.has_ended)
            .finish_non_exhaustive()
    }
}
