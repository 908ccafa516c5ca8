//! Streams of events that reconnect by themselves, over any HTTP client: drivers for [`client::EventSource`](crate::client::EventSource).
//!
//! They decide nothing: `EventSource` says what to do, and they wait for it. The HTTP client is a transport, or three functions: one
//! makes a request, one turns the response into its body, one sleeps.
//!
//! - [`ReconnectingStream`] (feature `stream`) is a `Stream` over a [`Transport`], in any runtime.
//! - [`ReconnectingReader`] (feature `std`) is an `Iterator` over a [`BlockingTransport`], whose bodies are `Read`.
//!
//! Both give [`Update`]s, and at last a [`ReconnectError`], which owns the response that was refused.

#[cfg(feature = "std")]
mod reader;
#[cfg(feature = "stream")]
mod stream;

use core::{error, fmt, mem, time::Duration};

use crate::buffer::Buffer;
use crate::client::{Cause, Closed, EventSource};
use crate::error::DecodeError;
use crate::headers;

#[cfg(feature = "std")]
pub use reader::{BlockingFns, BlockingTransport, ReconnectingReader};
#[cfg(feature = "stream")]
pub use stream::{Fns, ReconnectingStream, Transport};

/// The head of a response, as far as it matters to an event stream.
///
/// ```
/// use sse_wire::reconnect::Head;
///
/// // With the headers of the `http` crate: `headers.get_all("content-type")` and `headers.get("retry-after")`.
/// let head = Head::new(503, Some("text/html")).with_retry_after(Some("120"));
/// # let _ = head;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    status: u16,
    is_event_stream: bool,
    retry_after: Option<Duration>,
}

impl Head {
    /// A head with its status and the values of its `content-type` headers.
    pub fn new<V: AsRef<[u8]>>(status: u16, content_types: impl IntoIterator<Item = V>) -> Self {
        Self {
            status,
            is_event_stream: headers::is_event_stream(content_types),
            retry_after: None,
        }
    }

    /// With the value of its `retry-after` header, if it has one, which counts where the policy connects again after its status.
    #[must_use]
    pub fn with_retry_after(mut self, value: Option<impl AsRef<[u8]>>) -> Self {
        self.retry_after = value.and_then(headers::retry_after);
        self
    }

    /// Tells `source` of it, and gives whether the body is to be read.
    fn tell<B: Buffer>(self, source: &mut EventSource<B>) -> bool {
        let is_open = source.respond_as(self.status, self.is_event_stream);
        if let Some(time) = self.retry_after {
            source.wait_at_least(time);
        }
        is_open
    }
}

/// What happened to a stream that connects again by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Update<T, E> {
    /// A connection is open.
    Opened,
    /// An event; or a comment or a reconnection time, if `T` says so.
    Item(T),
    /// There is no connection; there will be another one.
    Reconnecting {
        /// How long it will be until then.
        after: Duration,
        /// Why there is none.
        why: Cause,
        /// The error of the HTTP client, if it had one.
        error: Option<E>,
    },
}

/// Why there is no event: one of them was too large, or it is all over.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReconnectError<R, E> {
    /// An event exceeded a limit. The stream goes on behind it.
    Decode(DecodeError),
    /// There will be no connection any more: the stream has ended.
    Closed {
        /// Why it has.
        why: Closed,
        /// The last response, if it was refused: its body may say more.
        response: Option<R>,
        /// The error of the HTTP client, if it had one.
        error: Option<E>,
    },
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
            Self::Closed { why, error, .. } => {
                why.fmt(formatter)?;
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
            // It was shown, but what it stands for was not.
            Self::Closed { error, .. } => error.as_ref()?.source(),
        }
    }
}

/// What became of the last attempt, for the update that tells of it.
struct Last<R, E> {
    response: Option<R>,
    error: Option<E>,
}

impl<R, E> Last<R, E> {
    const NONE: Self = Self {
        response: None,
        error: None,
    };

    /// Takes the answer to a request, tells `source` of it, and gives the response if its body is to be read.
    fn take_answer<B: Buffer>(
        &mut self,
        source: &mut EventSource<B>,
        answer: Result<(Head, R), E>,
    ) -> Option<R> {
        *self = Self::NONE;
        match answer {
            Ok((head, response)) if head.tell(source) => return Some(response),
            Ok((_, response)) => self.response = Some(response),
            Err(error) => self.fail(source, error),
        }
        None
    }

    fn fail<B: Buffer>(&mut self, source: &mut EventSource<B>, error: E) {
        self.error = Some(error);
        source.fail();
    }

    /// The update for a connection that is lost.
    fn reconnecting<T>(&mut self, after: Duration, why: Cause) -> Update<T, E> {
        let Self { error, .. } = mem::replace(self, Self::NONE);
        Update::Reconnecting { after, why, error }
    }

    /// The error with which it all ends.
    fn closed(&mut self, why: Closed) -> ReconnectError<R, E> {
        let Self { response, error } = mem::replace(self, Self::NONE);
        ReconnectError::Closed {
            why,
            response,
            error,
        }
    }
}

/// The time that has passed: by a clock, or what was slept where that is more.
struct Clock {
    read: fn() -> Duration,
    ahead: Duration,
}

impl Clock {
    /// The clock of the standard library; without it time stands still, but for what is slept.
    const STANDARD: Self = Self {
        read: standard_time,
        ahead: Duration::ZERO,
    };

    fn now(&self) -> Duration {
        (self.read)().saturating_add(self.ahead)
    }

    /// What was slept has passed: it is `time` by now.
    fn reach(&mut self, time: Duration) {
        self.ahead = self.ahead.saturating_add(time.saturating_sub(self.now()));
    }
}

/// How much time has passed, by the clock of the standard library; nothing where it has none.
fn standard_time() -> Duration {
    // Asking for the time panics there.
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
