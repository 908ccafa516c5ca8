//! What a client does next, and the reasons for it.

use core::time::Duration;

use thiserror::Error;

#[cfg(doc)]
use super::{EventSource, Policy};
use crate::headers;

/// What a client has to do next.
///
/// A loop has to handle every step, so there will be no others. The variants may gain fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a loop has to handle every step")]
pub enum Step<'s> {
    /// Make this request, on a new connection. Returned once per request; the next step is
    /// `AwaitResponse`.
    Connect(Request<'s>),
    /// Wait for the response, and report its head with [`EventSource::respond`].
    #[non_exhaustive]
    AwaitResponse {
        /// How long to wait before calling `next` again, if there is a response timeout or an idle
        /// timeout.
        timeout: Option<Duration>,
    },
    /// Read bytes of the response's body, and pass them to [`EventSource::decode`] or one of the
    /// calls beside it.
    #[non_exhaustive]
    Read {
        /// How long to wait for bytes before calling `next` again, if there is an idle timeout.
        timeout: Option<Duration>,
    },
    /// Sleep, then call `next` again: there is no connection.
    #[non_exhaustive]
    Wait {
        /// How long to sleep.
        delay: Duration,
        /// The reason that there is no connection.
        reason: Cause,
    },
    /// Stop: there will be no other connection.
    Closed(Closed),
}

/// A request for a client to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request<'s> {
    pub(super) attempt: u32,
    pub(super) last_event_id: &'s str,
}

impl<'s> Request<'s> {
    /// Returns how many requests were made before this one.
    pub const fn attempt(&self) -> u32 {
        self.attempt
    }

    /// Returns the last event ID, whether or not it can be sent as a header; empty if there is
    /// none.
    pub const fn last_event_id(&self) -> &'s str {
        self.last_event_id
    }

    /// Returns the headers of the request as names and values: `accept`, `cache-control`, and
    /// `last-event-id` (9.2.3).
    ///
    /// The last event ID is left out if it is empty, or cannot be a header according to
    /// [`headers::last_event_id`].
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, &'s str)> + use<'s> {
        let last_event_id = headers::last_event_id(self.last_event_id);
        headers::REQUEST.into_iter().chain(last_event_id)
    }
}

/// The reason that a connection was lost, or could not be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum Cause {
    /// The status of the response is not 200, or none that the policy accepts.
    #[error("the status of the response is {0}, not 200")]
    Status(u16),
    /// The response is not an event stream.
    #[error("the content type of the response is not text/event-stream")]
    ContentType,
    /// The body of the response ended.
    #[error("the stream ended")]
    End,
    /// The transport failed.
    #[error("the transport failed")]
    Transport,
    /// There was no response for as long as [`Policy::with_response_timeout`] allows.
    #[error("there was no response within the response timeout")]
    NoResponse,
    /// Nothing was received for as long as [`Policy::with_idle_timeout`] allows.
    #[error("nothing was received within the idle timeout")]
    Idle,
    /// The caller called [`EventSource::reconnect`].
    #[error("the caller requested another connection")]
    Reconnect,
}

/// The reason that there will be no other connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum Closed {
    /// The caller called [`EventSource::close`].
    #[error("closed by the caller")]
    Caller,
    /// The response was rejected, and the policy does not retry after it.
    #[error("response rejected: {0}")]
    Rejected(Cause),
    /// The policy does not send the request again: see [`Policy::with_resend`].
    #[error("request not sent again: {0}")]
    NotResent(Cause),
    /// The caller called [`EventSource::give_up`].
    #[error("given up: {0}")]
    GivenUp(Cause),
    /// As many consecutive attempts have failed as [`Policy::with_attempts`] allows.
    #[error("too many failed attempts; the last one: {0}")]
    OutOfAttempts(Cause),
    /// There was no connection for as long as [`Policy::with_time`] allows.
    #[error("no connection for too long; the last attempt: {0}")]
    OutOfTime(Cause),
}

impl Closed {
    /// Returns the reason for which the last connection was lost; `None` if the caller closed it.
    pub const fn cause(self) -> Option<Cause> {
        match self {
            Self::Caller => None,
            Self::Rejected(cause)
            | Self::NotResent(cause)
            | Self::GivenUp(cause)
            | Self::OutOfAttempts(cause)
            | Self::OutOfTime(cause) => Some(cause),
        }
    }
}
