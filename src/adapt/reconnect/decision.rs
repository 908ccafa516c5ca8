//! Decisions of the caller about each loss, and what it wants to know of each response.

use core::{mem, time::Duration};

use crate::buffer::Buffer;
use crate::client::{Cause, Closed, EventSource, Request};

#[cfg(feature = "std")]
use super::BlockingTransport;
use super::Last;
#[cfg(feature = "stream")]
use super::Transport;

/// Another attempt after a delay, for this reason; or none.
pub(super) type Plan = Result<(Duration, Cause), Closed>;

/// A connection that was lost, could not be made, or whose response was rejected.
#[derive(Debug)]
#[non_exhaustive]
pub struct Lost<'a, R, E> {
    /// The reason, with the status of a rejected response.
    pub reason: Cause,
    /// How many requests were made.
    pub requests: u32,
    /// How many consecutive attempts did not become a good connection, this one included.
    pub failures: u32,
    /// The response, if it was rejected. If it is taken, the update has none.
    pub response: &'a mut Option<R>,
    /// The error of the HTTP client, if it had one. If it is taken, the update has none.
    pub error: &'a mut Option<E>,
    /// What the policy says: another attempt after this delay, `Retry-After` included; or none, and the
    /// reason.
    pub planned: Result<Duration, Closed>,
}

/// What follows a [`Lost`] connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Decision {
    /// What the policy says.
    #[default]
    AsPlanned,
    /// Another attempt after this delay, whatever the policy says.
    RetryIn(Duration),
    /// No other attempt: the stream ends.
    Stop,
}

/// A transport with a [`Decision`] of the caller, from
/// [`ReconnectingStream::with_decision`](super::ReconnectingStream::with_decision) or
/// [`ReconnectingReader::with_decision`](super::ReconnectingReader::with_decision).
#[derive(Debug, Clone)]
pub struct WithDecision<X, F> {
    pub(super) transport: X,
    pub(super) decide: F,
}

/// A transport that takes something of each response that is accepted, from
/// [`ReconnectingStream::with_opened`](super::ReconnectingStream::with_opened) or
/// [`ReconnectingReader::with_opened`](super::ReconnectingReader::with_opened).
#[derive(Debug, Clone)]
pub struct WithOpened<X, F> {
    pub(super) transport: X,
    pub(super) opened: F,
}

macro_rules! wraps {
    ($($wrapper:ident),*) => {$(
        impl<X, F> $wrapper<X, F> {
            /// Returns the transport.
            pub const fn get_ref(&self) -> &X {
                &self.transport
            }

            /// Returns the transport, to change how it connects the next time, for example.
            pub const fn get_mut(&mut self) -> &mut X {
                &mut self.transport
            }

            /// Returns the transport.
            pub fn into_inner(self) -> X {
                self.transport
            }
        }
    )*};
}

wraps!(WithDecision, WithOpened);

#[cfg(feature = "stream")]
impl<X, F> Transport for WithDecision<X, F>
where
    X: Transport,
    F: FnMut(&mut Lost<'_, X::Response, X::Error>) -> Decision,
{
    type Response = X::Response;
    type Error = X::Error;
    type Opened = X::Opened;
    type Connecting = X::Connecting;
    type Body = X::Body;
    type Sleep = X::Sleep;

    fn connect(&mut self, request: Request<'_>) -> X::Connecting {
        self.transport.connect(request)
    }

    fn opened(&mut self, response: &X::Response) -> X::Opened {
        self.transport.opened(response)
    }

    fn body(&mut self, response: X::Response) -> X::Body {
        self.transport.body(response)
    }

    fn sleep(&mut self, delay: Duration) -> X::Sleep {
        self.transport.sleep(delay)
    }

    fn decide(&mut self, lost: &mut Lost<'_, X::Response, X::Error>) -> Decision {
        (self.decide)(lost)
    }
}

#[cfg(feature = "stream")]
impl<X, F, O> Transport for WithOpened<X, F>
where
    X: Transport,
    F: FnMut(&X::Response) -> O,
{
    type Response = X::Response;
    type Error = X::Error;
    type Opened = O;
    type Connecting = X::Connecting;
    type Body = X::Body;
    type Sleep = X::Sleep;

    fn connect(&mut self, request: Request<'_>) -> X::Connecting {
        self.transport.connect(request)
    }

    fn opened(&mut self, response: &X::Response) -> O {
        (self.opened)(response)
    }

    fn body(&mut self, response: X::Response) -> X::Body {
        self.transport.body(response)
    }

    fn sleep(&mut self, delay: Duration) -> X::Sleep {
        self.transport.sleep(delay)
    }

    fn decide(&mut self, lost: &mut Lost<'_, X::Response, X::Error>) -> Decision {
        self.transport.decide(lost)
    }
}

#[cfg(feature = "std")]
impl<X, F> BlockingTransport for WithDecision<X, F>
where
    X: BlockingTransport,
    F: FnMut(&mut Lost<'_, X::Response, X::Error>) -> Decision,
{
    type Response = X::Response;
    type Error = X::Error;
    type Opened = X::Opened;
    type Body = X::Body;

    fn connect(&mut self, request: Request<'_>) -> Result<(super::Head, X::Response), X::Error> {
        self.transport.connect(request)
    }

    fn opened(&mut self, response: &X::Response) -> X::Opened {
        self.transport.opened(response)
    }

    fn body(&mut self, response: X::Response) -> X::Body {
        self.transport.body(response)
    }

    fn sleep(&mut self, delay: Duration) {
        self.transport.sleep(delay);
    }

    fn decide(&mut self, lost: &mut Lost<'_, X::Response, X::Error>) -> Decision {
        (self.decide)(lost)
    }
}

#[cfg(feature = "std")]
impl<X, F, O> BlockingTransport for WithOpened<X, F>
where
    X: BlockingTransport,
    F: FnMut(&X::Response) -> O,
{
    type Response = X::Response;
    type Error = X::Error;
    type Opened = O;
    type Body = X::Body;

    fn connect(&mut self, request: Request<'_>) -> Result<(super::Head, X::Response), X::Error> {
        self.transport.connect(request)
    }

    fn opened(&mut self, response: &X::Response) -> O {
        (self.opened)(response)
    }

    fn body(&mut self, response: X::Response) -> X::Body {
        self.transport.body(response)
    }

    fn sleep(&mut self, delay: Duration) {
        self.transport.sleep(delay);
    }

    fn decide(&mut self, lost: &mut Lost<'_, X::Response, X::Error>) -> Decision {
        self.transport.decide(lost)
    }
}

impl<R, E> Last<R, E> {
    /// Lets the caller decide about what `source` has just planned, once for each loss, and returns
    /// what comes of it.
    pub(super) fn decide<B: Buffer>(
        &mut self,
        source: &mut EventSource<B>,
        planned: Plan,
        decide: impl FnOnce(&mut Lost<'_, R, E>) -> Decision,
    ) -> Plan {
        let reason = match planned {
            Ok((_, reason)) => Some(reason),
            Err(closed) => closed.cause(),
        };
        let (Some(reason), false) = (reason, mem::replace(&mut self.is_decided, true)) else {
            return planned;
        };
        let mut lost = Lost {
            reason,
            requests: source.requests(),
            failures: source.failures(),
            response: &mut self.response,
            error: &mut self.error,
            planned: planned.map(|(delay, _)| delay),
        };
        match decide(&mut lost) {
            Decision::AsPlanned => planned,
            Decision::RetryIn(delay) => {
                source.retry_in(delay);
                Ok((delay, reason))
            }
            Decision::Stop => {
                source.give_up();
                planned.and(Err(Closed::GivenUp(reason)))
            }
        }
    }
}
