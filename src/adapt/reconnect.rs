//! Streams of events that reconnect by themselves, over any HTTP client: drivers for
//! [`client::EventSource`](crate::client::EventSource).
//!
//! `EventSource` makes all decisions; the drivers carry them out. The HTTP client is a transport,
//! or a set of closures: one makes a request, one turns the response into its body, and one sleeps.
//!
//! - [`ReconnectingStream`] (feature `stream`) is a `Stream` over a [`Transport`], in any runtime.
//! - [`ReconnectingReader`] (feature `std`) is an `Iterator` over a [`BlockingTransport`], whose
//!   bodies are `Read`.
//!
//! Both yield [`Update`]s, and a [`ReconnectError`] at the end, which owns a rejected response.

mod decision;
#[cfg(feature = "std")]
mod reader;
#[cfg(feature = "stream")]
mod stream;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::{error, fmt, mem, str, time::Duration};

use crate::buffer::Buffer;
use crate::client::{Cause, Closed, EventSource};
use crate::error::DecodeError;
use crate::headers;

pub use decision::{Decision, Lost, WithDecision, WithOpened};
#[cfg(feature = "std")]
pub use reader::{BlockingFns, BlockingTransport, ReconnectingReader};
#[cfg(feature = "stream")]
pub use stream::{Fns, ReconnectingStream, Transport};

/// The parts of a response's head that matter to an event stream.
///
/// ```
/// use sse_wire::reconnect::Head;
///
/// // With the headers of the `http` crate: `headers.get_all("content-type")` and `headers.get("retry-after")`.
/// let head = Head::new(503, Some("text/html")).with_retry_after(Some("120"));
/// # let _ = head;
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    status: u16,
    is_event_stream: bool,
    retry_after: Option<Duration>,
    last_event_id: Option<Box<str>>,
}

impl Head {
    /// Creates a head from the status and the values of all `content-type` headers: `[value]` or
    /// `Some(value)` for one of them.
    pub fn new<V: AsRef<[u8]>>(status: u16, content_types: impl IntoIterator<Item = V>) -> Self {
        Self {
            status,
            is_event_stream: headers::is_event_stream(content_types),
            retry_after: None,
            last_event_id: None,
        }
    }

    /// Sets the value of the `retry-after` header, in seconds, which counts if there is another
    /// attempt.
    #[must_use]
    pub fn with_retry_after(mut self, value: Option<impl AsRef<[u8]>>) -> Self {
        self.retry_after = value.and_then(headers::retry_after);
        self
    }

    /// Sets the value of the `retry-after` header, which may also be a date, at a time that is
    /// measured from the beginning of 1970.
    ///
    /// ```
    /// use core::time::Duration;
    /// use sse_wire::reconnect::Head;
    /// use std::time::SystemTime;
    ///
    /// let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    /// let head = Head::new(503, Some("text/html"))
    ///     .with_retry_after_at(Some("Wed, 21 Oct 2065 07:28:00 GMT"), now);
    /// # assert_ne!(head, Head::new(503, Some("text/html")));
    /// ```
    #[must_use]
    pub fn with_retry_after_at(mut self, value: Option<impl AsRef<[u8]>>, now: Duration) -> Self {
        self.retry_after = value.and_then(|value| headers::retry_after_at(value, now));
        self
    }

    /// Sets the last event ID that the response has in a header of its own: the position from which
    /// the stream continues. It counts if the response is accepted, before the first byte is
    /// decoded.
    ///
    /// A hub of the Mercure protocol sends it in `Last-Event-ID`. One that is empty, or no valid ID, is
    /// ignored.
    #[must_use]
    pub fn with_last_event_id(mut self, value: Option<impl AsRef<[u8]>>) -> Self {
        let id = value.and_then(|value| str::from_utf8(value.as_ref()).map(Box::from).ok());
        self.last_event_id = id;
        self
    }

    /// Reports the head to `source`, and returns whether to read the body.
    fn report<B: Buffer>(self, source: &mut EventSource<B>) -> bool {
        let is_open = source.respond_as(self.status, self.is_event_stream);
        if let Some(id) = self.last_event_id.filter(|_| is_open) {
            source.continue_after(&id);
        }
        if let Some(time) = self.retry_after {
            source.wait_at_least(time);
        }
        is_open
    }
}

/// An event, or a change of the connection, from a stream that reconnects by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Update<T, O, R, E> {
    /// A connection is open. The value is what the transport has taken of the response, which is `()`
    /// without [`with_opened`](ReconnectingStream::with_opened).
    Opened(O),
    /// An event, or with [`OwnedItem`](crate::OwnedItem) also a comment or a reconnection time.
    Item(T),
    /// There is no connection; another attempt follows.
    #[non_exhaustive]
    Reconnecting {
        /// How long it is until the attempt.
        delay: Duration,
        /// The reason for which there is no connection.
        reason: Cause,
        /// The response, if it was rejected: its body may have details.
        response: Option<R>,
        /// The error of the HTTP client, if it had one.
        error: Option<E>,
        /// What the server sent instead of events: the first 200 bytes of the first line that is no
        /// field, if the connection returned no event. See
        /// [`EventDecoder::first_ignored`](crate::EventDecoder::first_ignored).
        first_ignored: Option<Vec<u8>>,
    },
}

/// The error of a stream that reconnects by itself: an event exceeded a limit, or the stream is
/// closed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReconnectError<R, E> {
    /// An event exceeded a limit. The stream continues after it.
    Decode(DecodeError),
    /// There will be no other connection: the stream has ended.
    #[non_exhaustive]
    Closed {
        /// The reason for which it has.
        reason: Closed,
        /// The last response, if it was rejected: its body may have details.
        response: Option<R>,
        /// The error of the HTTP client, if it had one.
        error: Option<E>,
        /// What the server sent instead of events, as in [`Update::Reconnecting`].
        first_ignored: Option<Vec<u8>>,
    },
}

impl<T, O, R, E> Update<T, O, R, E> {
    /// Replaces the item by what `make` makes of it.
    fn try_map<U, F>(self, make: impl FnOnce(T) -> Result<U, F>) -> Result<Update<U, O, R, E>, F> {
        Ok(match self {
            Self::Opened(opened) => Update::Opened(opened),
            Self::Item(item) => Update::Item(make(item)?),
            Self::Reconnecting {
                delay,
                reason,
                response,
                error,
                first_ignored,
            } => Update::Reconnecting {
                delay,
                reason,
                response,
                error,
                first_ignored,
            },
        })
    }
}

impl<R, E> From<DecodeError> for ReconnectError<R, E> {
    fn from(error: DecodeError) -> Self {
        Self::Decode(error)
    }
}

impl<R, E: fmt::Display> fmt::Display for ReconnectError<R, E> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decode(error) => error.fmt(formatter),
            Self::Closed { reason, error, .. } => {
                reason.fmt(formatter)?;
                error
                    .iter()
                    .try_for_each(|error| write!(formatter, ": {error}"))
            }
        }
    }
}

impl<R: fmt::Debug, E: error::Error + 'static> error::Error for ReconnectError<R, E> {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Decode(_) => None,
            // `Display` shows the error itself, so its source comes next.
            Self::Closed { error, .. } => error.as_ref()?.source(),
        }
    }
}

/// The outcome of the last attempt, for the update that reports it.
struct Last<R, E> {
    response: Option<R>,
    error: Option<E>,
    /// Whether the caller has decided about it.
    is_decided: bool,
}

impl<R, E> Last<R, E> {
    const NONE: Self = Self {
        response: None,
        error: None,
        is_decided: false,
    };

    /// Reports the answer to a request to `source`, and returns the response if its body is to be
    /// read.
    fn take_answer<B: Buffer>(
        &mut self,
        source: &mut EventSource<B>,
        answer: Result<(Head, R), E>,
    ) -> Option<R> {
        *self = Self::NONE;
        match answer {
            Ok((head, response)) => match head.report(source) {
                true => return Some(response),
                false => self.response = Some(response),
            },
            Err(error) => self.fail(source, error),
        }
        None
    }

    fn fail<B: Buffer>(&mut self, source: &mut EventSource<B>, error: E) {
        self.error = Some(error);
        source.fail();
    }

    /// Returns the update for a lost connection.
    fn reconnecting<T, O>(
        &mut self,
        delay: Duration,
        reason: Cause,
        first_ignored: Option<Vec<u8>>,
    ) -> Update<T, O, R, E> {
        let (response, error) = (self.response.take(), self.error.take());
        Update::Reconnecting {
            delay,
            reason,
            response,
            error,
            first_ignored,
        }
    }

    /// Returns the error that ends the stream.
    fn closed(&mut self, reason: Closed, first_ignored: Option<Vec<u8>>) -> ReconnectError<R, E> {
        let Self {
            response, error, ..
        } = mem::replace(self, Self::NONE);
        ReconnectError::Closed {
            reason,
            response,
            error,
            first_ignored,
        }
    }
}

/// A clock that completed sleeps advance.
struct Clock {
    read: fn() -> Duration,
    ahead: Duration,
}

impl Clock {
    /// The clock of the standard library; without it, only sleeps advance the time.
    const STANDARD: Self = Self {
        read: standard_time,
        ahead: Duration::ZERO,
    };

    fn now(&self) -> Duration {
        (self.read)().saturating_add(self.ahead)
    }

    /// Returns the time, which is not before that of `source`: another driver's clock may have been
    /// ahead.
    fn now_for<B: Buffer>(&mut self, source: &EventSource<B>) -> Duration {
        self.reach(source.now());
        self.now()
    }

    /// Advances the clock to `time`, if it is not there yet: a sleep until then has completed.
    fn reach(&mut self, time: Duration) {
        self.ahead = self.ahead.saturating_add(time.saturating_sub(self.now()));
    }
}

/// Returns the time by the clock of the standard library; zero where there is none.
fn standard_time() -> Duration {
    // `Instant::now` panics on wasm32-unknown-unknown.
    #[cfg(all(
        feature = "std",
        not(all(target_family = "wasm", target_os = "unknown"))
    ))]
    {
        static START: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
        START.get_or_init(std::time::Instant::now).elapsed()
    }
    #[cfg(not(all(
        feature = "std",
        not(all(target_family = "wasm", target_os = "unknown"))
    )))]
    Duration::ZERO
}
