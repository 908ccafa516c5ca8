//! An `Iterator` that connects again by itself.

use alloc::vec::Vec;
use core::{fmt, iter::FusedIterator, time::Duration};
use std::io::{self, ErrorKind, Read};
use std::thread;

use super::{Clock, Head, Last, ReconnectError, Update};
use crate::client::{EventSource, Request, Step};
use crate::event::OwnedItem;

/// How much is read at once.
const CHUNK: usize = 16 * 1024;

/// Events out of one connection after the other, as an `Iterator` of `Result<Update<OwnedItem, E>, ReconnectError<R, E>>`.
///
/// It is made of an [`EventSource`], which has the policy, the limits and the last event ID to begin with, and of two functions, which are the
/// HTTP client:
///
/// - `connect` makes a request and gives `Result<(Head, R), E>`: the [`Head`] of the response and the response itself, or an error. It is told the [`Request`]: headers, last event ID, and how
///   many attempts there were, so that a POST can be resumed by a GET.
/// - `body` turns a response `R` that was accepted into a reader.
///
/// ```
/// use core::time::Duration;
/// use std::io;
/// use sse_wire::client::{EventSource, Policy, Request};
/// use sse_wire::reconnect::{Head, ReconnectError, ReconnectingReader, Update};
/// use sse_wire::OwnedItem;
///
/// // With ureq: `agent.get(url)`, the headers of the request, `call`, and `response.into_body().into_reader()`.
/// let connect = |request: Request<'_>| {
///     Ok::<_, io::Error>(match request.last_event_id() {
///         "" => (Head::new(200, Some("text/event-stream")), "retry: 0\nid: 1\ndata: one\n\ndata: cut"),
///         _ => (Head::new(404, Some("application/json")), "{\"error\":\"no such stream\"}"),
///     })
/// };
/// let source = EventSource::default().with_policy(Policy::browser());
/// let mut data = Vec::new();
/// for update in ReconnectingReader::new(source, connect, |response: &'static str| response.as_bytes()) {
///     match update {
///         Ok(Update::Item(OwnedItem::Event(event))) => data.push(event.into_data()),
///         Ok(Update::Reconnecting { after, why, .. }) => println!("{why}; again in {after:?}"),
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
/// [`ReconnectError::Decode`] when an event exceeds a limit: the iterator goes on behind it. [`ReconnectError::Closed`] comes once, and
/// is the end: it says why, and owns the response that was refused.
///
/// # Time
///
/// A reader waits for as long as it does: an idle timeout needs one that blocks and then gives up, as sockets do that were told to. What it says then
/// ([`WouldBlock`](ErrorKind::WouldBlock) or [`TimedOut`](ErrorKind::TimedOut)) counts as nothing, until the idle timeout of the policy has
/// passed; without such a policy it counts as a failure. One that never blocks would be asked again and again.
///
/// Dropping it drops the connection.
#[must_use = "iterators do nothing unless they are used"]
pub struct ReconnectingReader<C, B, R, E, S> {
    source: EventSource,
    connect: C,
    body: B,
    sleep: fn(Duration),
    clock: Clock,
    reader: Option<S>,
    memory: Vec<u8>,
    /// What of it was read and not decoded.
    start: usize,
    stop: usize,
    last: Last<R, E>,
    is_announced: bool,
    has_ended: bool,
}

impl<C, B, R, E, S> ReconnectingReader<C, B, R, E, S>
where
    C: FnMut(Request<'_>) -> Result<(Head, R), E>,
    B: FnMut(R) -> S,
{
    /// Events, comments and reconnection times, in the order in which they came.
    pub const fn new(source: EventSource, connect: C, body: B) -> Self {
        Self {
            source,
            connect,
            body,
            sleep: thread::sleep,
            clock: Clock::STANDARD,
            reader: None,
            memory: Vec::new(),
            start: 0,
            stop: 0,
            last: Last::NONE,
            is_announced: false,
            has_ended: false,
        }
    }
}

impl<C, B, R, E, S> ReconnectingReader<C, B, R, E, S> {
    /// Sleeps with `sleep` in place of [`thread::sleep`]. What it was told to sleep counts as passed.
    pub fn with_sleep(mut self, sleep: fn(Duration)) -> Self {
        self.sleep = sleep;
        self
    }

    /// The state of the connection: its last event ID, say.
    pub const fn source(&self) -> &EventSource {
        &self.source
    }

    /// Gives the connection up for another one; see [`EventSource::reconnect`].
    pub fn reconnect(&mut self) {
        self.source.reconnect();
    }
}

impl<C, B, R, E, S> Iterator for ReconnectingReader<C, B, R, E, S>
where
    C: FnMut(Request<'_>) -> Result<(Head, R), E>,
    B: FnMut(R) -> S,
    S: Read,
    E: From<io::Error>,
{
    type Item = Result<Update<OwnedItem, E>, ReconnectError<R, E>>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.has_ended {
            let whole = self.memory.get(self.start..self.stop).unwrap_or_default();
            let mut rest = whole;
            let item = self.source.decode_item(&mut rest);
            self.start = self.stop - rest.len();
            match item {
                Ok(None) => {}
                Ok(Some(item)) => return Some(Ok(Update::Item(item.into()))),
                Err(error) => return Some(Err(error.into())),
            }
            let now = self.clock.now();
            match self.source.next(now) {
                Step::Connect(request) => {
                    self.is_announced = false;
                    let answer = (self.connect)(request);
                    if let Some(response) = self.last.take_answer(&mut self.source, answer) {
                        self.reader = Some((self.body)(response));
                        return Some(Ok(Update::Opened));
                    }
                }
                // It was waited for above.
                Step::AwaitResponse { .. } => self.source.fail(),
                Step::Read { within } => self.read(within.is_some()),
                Step::Wait { time, why } => {
                    self.reader = None;
                    if self.is_announced {
                        (self.sleep)(time);
                        self.clock.reach(now.saturating_add(time));
                    } else {
                        self.is_announced = true;
                        return Some(Ok(self.last.reconnecting(time, why)));
                    }
                }
                Step::Closed(why) => {
                    self.has_ended = true;
                    self.reader = None;
                    return Some(Err(self.last.closed(why)));
                }
            }
        }
        None
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, self.has_ended.then_some(0))
    }
}

impl<C, B, R, E, S> FusedIterator for ReconnectingReader<C, B, R, E, S> where Self: Iterator {}

impl<C, B, R, E, S> ReconnectingReader<C, B, R, E, S>
where
    S: Read,
    E: From<io::Error>,
{
    fn read(&mut self, may_be_idle: bool) {
        if self.memory.is_empty() {
            self.memory.resize(CHUNK, 0);
        }
        (self.start, self.stop) = (0, 0);
        let Some(reader) = &mut self.reader else {
            return self.source.end();
        };
        match reader.read(&mut self.memory) {
            Ok(0) => self.source.end(),
            // A reader may claim what it likes.
            Ok(length) => self.stop = length.min(self.memory.len()),
            Err(error) => match error.kind() {
                ErrorKind::Interrupted => {}
                ErrorKind::WouldBlock | ErrorKind::TimedOut if may_be_idle => {}
                _ => self.last.fail(&mut self.source, error.into()),
            },
        }
    }
}

impl<C, B, R, E, S> fmt::Debug for ReconnectingReader<C, B, R, E, S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ReconnectingReader")
            .field("source", &self.source)
            .field("has_ended", &self.has_ended)
            .finish_non_exhaustive()
    }
}
