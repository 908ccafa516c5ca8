//! The connection of an `EventSource` as a state machine without I/O (WHATWG HTML 9.2.2 to 9.2.4),
//! for any HTTP client.
//!
//! [`EventSource`] has no socket, no clock and no source of randomness. It returns what to do next,
//! and you report the outcome. A loop with a blocking HTTP client:
//!
//! ```
//! use sse_wire::client::{Closed, EventSource, Step};
//! use std::time::{Duration, Instant};
//! # use std::collections::VecDeque;
//! # struct Response { status: u16, content_type: &'static str, chunks: VecDeque<&'static [u8]> }
//! # let mut server = VecDeque::from([
//! #     Response { status: 200, content_type: "text/event-stream", chunks: [&b"retry: 0\nid: 7\ndata: 1\n\nda"[..]].into() },
//! #     Response { status: 204, content_type: "", chunks: VecDeque::new() },
//! # ]);
//! # let mut asked = Vec::new();
//! # let mut connect = |headers: Vec<(&str, &str)>| {
//! #     asked.push(headers.iter().any(|header| *header == ("last-event-id", "7")));
//! #     server.pop_front().ok_or(())
//! # };
//! # fn sleep(_: Duration) {}
//! # let policy = sse_wire::client::Policy::browser();
//! # let seed = 42;
//!
//! let started = Instant::now();
//! let mut response = None;
//! # let mut data = String::new();
//! let mut source = EventSource::new(seed).with_policy(policy);
//! let closed = loop {
//!     match source.next(started.elapsed()) {
//!         Step::Connect(request) => match connect(request.headers().collect()) {
//!             Ok(answer) => {
//!                 let is_open = source.respond(answer.status, [answer.content_type]);
//!                 response = is_open.then_some(answer);
//!             }
//!             Err(_) => source.fail(),
//!         },
//!         Step::Read { .. } => match response.as_mut().and_then(|answer| answer.chunks.pop_front()) {
//!             Some(mut chunk) => {
//!                 loop {
//!                     match source.decode(&mut chunk) {
//!                         Ok(Some(event)) => {
//!                             println!("{}", event.data());
//! #                           data += event.data();
//!                         }
//!                         Ok(None) => break,
//!                         Err(error) => eprintln!("skipped: {error}"),
//!                     }
//!                 }
//!             }
//!             None => source.end(),
//!         },
//!         Step::Wait { delay, .. } => sleep(delay),
//!         Step::Closed(closed) => break closed,
//!         Step::AwaitResponse { .. } => unreachable!("`connect` has waited for it"),
//!     }
//! };
//! # assert_eq!(data, "1");
//! # assert_eq!(asked, [false, true]);
//! assert!(matches!(closed, Closed::Rejected(_)), "204 means that there are no more events");
//! ```
//!
//! The guide [staying connected](crate::guide::staying_connected) describes the states, the
//! policies, and the differences from a browser.

mod policy;
mod random;
mod step;

#[cfg(feature = "alloc")]
use alloc::vec::Vec;
use core::{fmt, time::Duration};

use crate::buffer::Buffer;
use crate::decode::EventDecoder;
#[cfg(any(feature = "std", feature = "stream"))]
use crate::decode::{Found, Owned};
use crate::error::{DecodeError, InvalidLastEventId};
use crate::event::{Event, Item, RawEvent};
#[cfg(feature = "alloc")]
use crate::event::{OwnedEvent, OwnedItem};
use crate::headers;

pub use policy::{Backoff, Policy, Resend};
use policy::{NEVER, milliseconds};
pub use step::{Cause, Closed, Request, Step};

/// The state machine of a client's connection: decodes, and decides when to reconnect (WHATWG HTML
/// 9.2.2 to 9.2.4).
///
/// [`next`](Self::next) returns what to do; the other methods report the outcome. See
/// [`client`](self) for the loop.
///
/// The last event ID and the reconnection time carry over from one connection to the next;
/// everything else is reset. An event that is unfinished when a connection ends is discarded, with
/// its `id`. A `retry` line takes effect once it is complete.
///
/// `B` is the buffer of its [`EventDecoder`].
#[doc(alias("sse", "eventsource", "last-event-id"))]
#[derive(Clone)]
pub struct EventSource<
    #[cfg(feature = "alloc")] B: Buffer = Vec<u8>,
    #[cfg(not(feature = "alloc"))] B: Buffer,
> {
    decoder: EventDecoder<B>,
    policy: Policy,
    phase: Phase,
    /// The state of the generator of random numbers.
    random: u64,
    // Times are in milliseconds.
    now: u64,
    /// When the connection opened.
    opened_at: u64,
    /// When to connect again.
    deadline: u64,
    /// When the last byte was received, or the request was made.
    last_activity: u64,
    /// Since when there has been no good connection, later by the time for which another one was
    /// open.
    outage_start: u64,
    /// The minimum that the caller has set for the next delay.
    min_delay: u64,
    /// How many requests were made.
    requests: u32,
    /// How many consecutive attempts did not become a good connection.
    failures: u32,
    /// Whether bytes were received since the last call of `next`.
    has_received: bool,
    /// Whether the connection opened since the last call of `next`.
    is_new: bool,
    /// Whether the connection has delivered an event.
    has_delivered: bool,
    /// Whether the caller has closed the client, even if it was closed before.
    is_closed_by_caller: bool,
    /// Whether any connection was open, and whether any has delivered an event.
    was_ever_open: bool,
    has_ever_delivered: bool,
    /// A hash of the last event ID with which the connection began.
    sent_id: u64,
}

/// The state of a connection, from which `next` makes a [`Step`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Connecting,
    AwaitingResponse,
    Open,
    /// Handled by the following call of `next`.
    Lost {
        cause: Cause,
        was_open: bool,
    },
    Waiting {
        reason: Cause,
    },
    Closed(Closed),
}

#[cfg(feature = "alloc")]
impl EventSource {
    /// Creates a client with the default [`Policy`] and the default [`Limits`](crate::Limits).
    ///
    /// `seed` should differ between clients; it decides their jitter.
    pub fn new(seed: u64) -> Self {
        Self::from_decoder(EventDecoder::new(), seed)
    }
}

impl<B: Buffer> EventSource<B> {
    /// Creates a client that decodes with `decoder`: with other limits, or in a caller-provided
    /// buffer.
    ///
    /// `seed` should differ between clients; it decides their jitter.
    ///
    /// ```
    /// use core::time::Duration;
    /// use sse_wire::client::{EventSource, Step};
    /// use sse_wire::EventDecoder;
    ///
    /// let decoder = EventDecoder::with_buffer([0; 512]);
    /// let seed = 4; // chosen by fair dice roll
    /// let mut source = EventSource::from_decoder(decoder, seed).with_last_event_id("41")?;
    /// let Step::Connect(request) = source.next(Duration::ZERO) else { panic!() };
    /// assert!(request.headers().any(|header| header == ("last-event-id", "41")));
    /// # Ok::<(), sse_wire::InvalidLastEventId>(())
    /// ```
    pub const fn from_decoder(decoder: EventDecoder<B>, seed: u64) -> Self {
        Self {
            decoder,
            policy: Policy::new(),
            phase: Phase::Connecting,
            random: seed,
            now: 0,
            opened_at: 0,
            deadline: 0,
            last_activity: 0,
            outage_start: 0,
            min_delay: 0,
            requests: 0,
            failures: 0,
            has_received: false,
            is_new: false,
            has_delivered: false,
            is_closed_by_caller: false,
            was_ever_open: false,
            has_ever_delivered: false,
            sent_id: 0,
        }
    }

    /// Sets the policy for reconnecting and giving up.
    #[must_use]
    pub fn with_policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Resumes after the event with this ID, which an earlier run has stored.
    ///
    /// # Errors
    ///
    /// The errors of [`EventDecoder::set_last_event_id`].
    pub fn with_last_event_id(mut self, id: &str) -> Result<Self, InvalidLastEventId> {
        self.decoder.set_last_event_id(id)?;
        Ok(self)
    }

    /// Returns what to do at the time `now`, which is measured from any fixed moment.
    ///
    /// It may be called at any time. Except for [`Step::Connect`], which is returned once, it
    /// returns the same step until an outcome is reported or the time has come. If `now` is earlier
    /// than in the last call, the time of the last call counts.
    pub fn next(&mut self, now: Duration) -> Step<'_> {
        let now = milliseconds(now).max(self.now);
        if self.requests == 0 {
            self.outage_start = now;
        }
        self.now = now;
        if self.has_received {
            self.has_received = false;
            self.last_activity = now;
        }
        if self.is_new {
            self.is_new = false;
            self.opened_at = now;
        }
        let (limit, timed_out) = match (self.phase, self.policy.response_timeout) {
            (Phase::AwaitingResponse, Some(limit)) => (limit, Cause::NoResponse),
            _ => (self.policy.idle_timeout, Cause::Idle),
        };
        let left = (limit != NEVER).then(|| limit.saturating_sub(now - self.last_activity));
        if left == Some(0) {
            self.lose(timed_out);
        }
        if let Phase::Lost { cause, was_open } = self.phase {
            // Even for a delay of zero, so that the caller learns of the loss.
            self.phase = self.after(cause, was_open);
        } else if matches!(self.phase, Phase::Waiting { .. }) && now >= self.deadline {
            self.phase = Phase::Connecting;
        }
        let timeout = left.map(Duration::from_millis);
        match self.phase {
            Phase::Connecting => {
                self.sent_id = hash(self.decoder.last_event_id());
                let attempt = self.requests;
                self.phase = Phase::AwaitingResponse;
                self.last_activity = now;
                self.min_delay = 0;
                self.has_delivered = false;
                self.requests = self.requests.saturating_add(1);
                self.decoder.restart();
                Step::Connect(Request {
                    attempt,
                    last_event_id: self.decoder.last_event_id(),
                })
            }
            Phase::AwaitingResponse => Step::AwaitResponse { timeout },
            Phase::Open => Step::Read { timeout },
            // `Lost` was handled above.
            Phase::Waiting { reason } | Phase::Lost { cause: reason, .. } => Step::Wait {
                delay: Duration::from_millis(self.deadline.saturating_sub(now)),
                reason,
            },
            Phase::Closed(closed) => Step::Closed(closed),
        }
    }

    /// Returns the time of the last call of `next`.
    #[cfg(any(feature = "std", feature = "stream"))]
    pub(crate) const fn now(&self) -> Duration {
        Duration::from_millis(self.now)
    }

    /// Reports the head of the response, and returns whether its body should be read.
    ///
    /// If it returns `false`, `next` returns what to do. The status must be 200, and the content
    /// type `text/event-stream` according to [`headers::is_event_stream`] (9.2.3); pass the value
    /// of every `content-type` header. Any other response is final unless the [`Policy`] says
    /// otherwise. That includes redirects, which the transport should follow. Without a request
    /// that awaits a response, the call is ignored and returns `false`.
    #[must_use = "the body of a rejected response is not an event stream"]
    pub fn respond<V: AsRef<[u8]>>(
        &mut self,
        status: u16,
        content_types: impl IntoIterator<Item = V>,
    ) -> bool {
        self.respond_as(status, headers::is_event_stream(content_types))
    }

    /// Like `respond`, for a content type that was checked already.
    pub(crate) fn respond_as(&mut self, status: u16, is_event_stream: bool) -> bool {
        if self.phase != Phase::AwaitingResponse {
            return false;
        }
        let is_success = self.policy.accepts_any_success
            && matches!(status, 200..=299)
            && !matches!(status, 204 | 205);
        let cause = if status != 200 && !is_success {
            Cause::Status(status)
        } else if is_event_stream || self.policy.accepts_any_content_type {
            self.phase = Phase::Open;
            self.was_ever_open = true;
            self.has_received = true;
            self.is_new = true;
            return true;
        } else {
            Cause::ContentType
        };
        let mut transient = self.policy.transient.iter();
        let is_status = matches!(cause, Cause::Status(_));
        if is_status && transient.any(|statuses| statuses.contains(&status)) {
            self.lose(cause);
        } else {
            self.failures = self.failures.saturating_add(1);
            self.phase = Phase::Closed(Closed::Rejected(cause));
        }
        false
    }

    /// Reports that the body of the response has ended.
    pub fn end(&mut self) {
        self.lose(Cause::End);
    }

    /// Reports that the transport has failed, before the response or within its body.
    pub fn fail(&mut self) {
        self.lose(Cause::Transport);
    }

    /// Abandons the connection for a new one, as if it had been lost: after a delay, and with the
    /// last event ID. During a wait, it ends the wait. At any other time it is ignored.
    ///
    /// The rest of the body is not decoded. The request is sent again whatever [`Resend`] says: to
    /// end a wait and leave a connection alone, call [`retry_now`](Self::retry_now).
    pub fn reconnect(&mut self) {
        self.retry_now();
        self.lose(Cause::Reconnect);
    }

    /// Ends the wait for the next request, for example since the network is back. Without a wait, it
    /// is ignored.
    pub const fn retry_now(&mut self) {
        if let Phase::Waiting { .. } = self.phase {
            self.deadline = self.now;
        }
    }

    /// Sets when the next request follows, in whole milliseconds, whatever the policy and
    /// `Retry-After` say.
    ///
    /// Call it when [`next`](Self::next) has returned [`Step::Wait`], or [`Step::Closed`]: then the
    /// client does not stay closed, unless the caller has [closed](Self::close) it. At any other time
    /// it is ignored. [`give_up`](Self::give_up) is the opposite decision.
    ///
    /// ```
    /// use core::time::Duration;
    /// use sse_wire::client::{Cause, Closed, EventSource, Step};
    ///
    /// let mut source = EventSource::new(4);
    /// assert!(matches!(source.next(Duration::ZERO), Step::Connect(_)));
    /// assert!(!source.respond(404, ["text/html"]));
    /// let rejected = Step::Closed(Closed::Rejected(Cause::Status(404)));
    /// assert_eq!(source.next(Duration::ZERO), rejected);
    /// source.retry_in(Duration::from_secs(60)); // the stream may not exist yet
    /// assert!(matches!(source.next(Duration::ZERO), Step::Wait { delay, .. } if delay.as_secs() == 60));
    /// ```
    pub fn retry_in(&mut self, delay: Duration) {
        let reason = match self.phase {
            Phase::Waiting { reason } => Some(reason),
            Phase::Closed(closed) if !self.is_closed_by_caller => closed.cause(),
            _ => None,
        };
        if let Some(reason) = reason {
            // Not shorter than it was asked for.
            let delay = delay.saturating_add(Duration::from_nanos(999_999));
            self.deadline = self.now.saturating_add(milliseconds(delay));
            self.phase = Phase::Waiting { reason };
        }
    }

    /// Closes the client, which waits for its next request: there will be none.
    ///
    /// Call it when [`next`](Self::next) has returned [`Step::Wait`]; at any other time it is ignored.
    /// The client is closed with the reason of the wait, [`Closed::GivenUp`].
    pub const fn give_up(&mut self) {
        if let Phase::Waiting { reason } = self.phase {
            self.phase = Phase::Closed(Closed::GivenUp(reason));
        }
    }

    /// Returns how many requests were made.
    pub const fn requests(&self) -> u32 {
        self.requests
    }

    /// Returns how many consecutive attempts did not become a [good](Policy::with_steady_after)
    /// connection.
    pub const fn failures(&self) -> u32 {
        self.failures
    }

    /// Sets a minimum for the delay before the next request, as `Retry-After` does.
    ///
    /// Call it after a connection was lost and before `next`; at any other time it is ignored. The
    /// upper bound of [`Policy::with_bounds`] applies.
    ///
    /// ```
    /// use core::time::Duration;
    /// use sse_wire::client::{EventSource, Policy, Step};
    /// use sse_wire::headers;
    ///
    /// let mut source = EventSource::new(4).with_policy(Policy::new().with_transient_statuses(Policy::TRANSIENT));
    /// assert!(matches!(source.next(Duration::ZERO), Step::Connect(_)));
    /// if !source.respond(429, ["text/plain"]) {
    ///     source.wait_at_least(headers::retry_after("20").unwrap_or_default());
    /// }
    /// assert!(matches!(source.next(Duration::ZERO), Step::Wait { delay, .. } if delay.as_secs() >= 20));
    /// ```
    pub fn wait_at_least(&mut self, time: Duration) {
        if let Phase::Lost { .. } = self.phase {
            self.min_delay = milliseconds(time).min(self.policy.longest);
        }
    }

    /// Closes the client for good: nothing more is decoded, not even the rest of a chunk.
    pub fn close(&mut self) {
        self.is_closed_by_caller = true;
        if !self.is_closed() {
            self.phase = Phase::Closed(Closed::Caller);
        }
    }

    /// Returns whether a response is open for reading.
    pub const fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Open)
    }

    /// Returns whether a request was made and has no response yet.
    #[cfg(feature = "stream")]
    pub(crate) const fn is_awaiting_response(&self) -> bool {
        matches!(self.phase, Phase::AwaitingResponse)
    }

    /// Returns whether the client is closed for good.
    pub const fn is_closed(&self) -> bool {
        matches!(self.phase, Phase::Closed(_))
    }

    /// Returns the last event ID, whether or not it can be sent as a header.
    pub fn last_event_id(&self) -> &str {
        self.decoder.last_event_id()
    }

    /// Returns the minimum delay before reconnecting: the server's `retry` or else the policy's
    /// default, within the policy's bounds.
    pub fn reconnection_time(&self) -> Duration {
        let asked = self.decoder.reconnection_time().map(milliseconds);
        let Policy {
            reconnection_time,
            shortest,
            longest,
            ..
        } = self.policy;
        let time = asked.unwrap_or(reconnection_time);
        Duration::from_millis(time.min(longest).max(shortest))
    }

    /// Returns the decoder.
    pub const fn decoder(&self) -> &EventDecoder<B> {
        &self.decoder
    }

    /// Returns the decoder, to set the last event ID, or to recover an unfinished event of a lost
    /// connection before calling `next`.
    ///
    /// Before the first request it may be replaced, which sets other limits:
    ///
    /// ```
    /// use sse_wire::client::EventSource;
    /// use sse_wire::{EventDecoder, Limits};
    ///
    /// # #[cfg(feature = "std")] {
    /// let mut source = EventSource::default();
    /// *source.decoder_mut() = EventDecoder::with_limits(Limits::new().with_event(1 << 20));
    /// assert_eq!(source.decoder().limits().event, 1 << 20);
    /// # }
    /// ```
    pub const fn decoder_mut(&mut self) -> &mut EventDecoder<B> {
        &mut self.decoder
    }

    fn lose(&mut self, cause: Cause) {
        if let Phase::AwaitingResponse | Phase::Open = self.phase {
            let was_open = self.phase == Phase::Open;
            self.phase = Phase::Lost { cause, was_open };
        }
    }

    /// Returns the phase that follows a lost connection.
    fn after(&mut self, cause: Cause, was_open: bool) -> Phase {
        let is_asked_for = cause == Cause::Reconnect;
        let open_for = if was_open {
            self.now - self.opened_at
        } else {
            0
        };
        let was_steady = was_open && open_for >= self.policy.steady;
        // The time for which a connection was open is no outage, good or not.
        self.outage_start += open_for;
        self.has_ever_delivered |= self.has_delivered;
        let id = self.last_event_id();
        let has_progressed = self.has_delivered
            || !id.is_empty() && hash(id) != self.sent_id
            || cause == Cause::End && self.decoder.has_retry();
        if was_open && has_progressed || was_steady {
            self.failures = 0;
            self.outage_start = self.now;
        } else if !is_asked_for {
            self.failures = self.failures.saturating_add(1);
        }
        if !self.may_resend() && !is_asked_for {
            return Phase::Closed(Closed::NotResent(cause));
        }
        if self.failures >= self.policy.attempts.max(1) && !is_asked_for {
            return Phase::Closed(Closed::OutOfAttempts(cause));
        }
        let least = self.reconnection_time();
        let random = random::next(&mut self.random);
        let delay = self.policy.backoff.delay(least, self.failures, random);
        // Added to the jitter: clients that receive the same `Retry-After` must not reconnect at
        // the same moment.
        let more = self.min_delay.saturating_sub(milliseconds(least));
        let delay = milliseconds(delay).saturating_add(more);
        self.deadline = self.now.saturating_add(delay);
        if self.deadline - self.outage_start > self.policy.time && !is_asked_for {
            return Phase::Closed(Closed::OutOfTime(cause));
        }
        Phase::Waiting { reason: cause }
    }

    fn may_resend(&self) -> bool {
        match self.policy.resend {
            Resend::Always => true,
            Resend::UntilOpened => !self.was_ever_open,
            Resend::UntilFirstEvent => !self.has_ever_delivered,
            // With an ID that cannot be a header, the stream would start from the beginning.
            Resend::Resumable => {
                !self.was_ever_open || headers::last_event_id(self.last_event_id()).is_some()
            }
            Resend::Never => false,
        }
    }

    /// Decodes bytes of the response's body into what an adapter yields.
    #[cfg(any(feature = "std", feature = "stream"))]
    pub(crate) fn read<T: Owned>(&mut self, input: &mut &[u8]) -> Result<Option<T>, DecodeError> {
        if !self.receive(input) {
            return Ok(None);
        }
        let found = self.decoder.next_owned(input);
        self.has_delivered |= matches!(&found, Ok(Some(found)) if T::is_event(found));
        found
    }

    /// Finds the next event, or with `items` whatever comes first: see `EventDecoder::step`.
    #[cfg(any(feature = "std", feature = "stream"))]
    pub(crate) fn find(
        &mut self,
        input: &mut &[u8],
        items: bool,
    ) -> Result<Option<Found>, DecodeError> {
        if !self.receive(input) {
            return Ok(None);
        }
        self.decoder.step(input, items)
    }

    /// Resolves the event that was found in `whole`, as text.
    #[cfg(any(feature = "std", feature = "stream"))]
    pub(crate) fn resolve_text<'d, 'i: 'd>(
        &'d mut self,
        whole: &'i [u8],
    ) -> Result<Event<'d>, DecodeError> {
        let event = self.decoder.resolve_text(whole);
        self.has_delivered |= event.is_ok();
        event
    }

    /// Resolves the event that was found in `whole`, as bytes.
    #[cfg(any(feature = "std", feature = "stream"))]
    pub(crate) fn resolve_raw<'d, 'i: 'd>(&'d mut self, whole: &'i [u8]) -> RawEvent<'d> {
        self.has_delivered = true;
        self.decoder.resolve_raw(whole)
    }

    /// Resolves what was found in `whole`.
    #[cfg(any(feature = "std", feature = "stream"))]
    pub(crate) fn resolve_item<'d, 'i: 'd>(
        &'d mut self,
        whole: &'i [u8],
        found: Found,
    ) -> Result<Item<'d>, DecodeError> {
        let item = self.decoder.resolve_item(whole, found);
        self.has_delivered |= matches!(item, Ok(Item::Event(_)));
        item
    }

    /// Continues after the event with this ID, which the head of the response has, unless it is empty
    /// or no valid ID. It is no progress: nothing was received yet.
    #[cfg(any(feature = "std", feature = "stream"))]
    pub(crate) fn continue_after(&mut self, id: &str) {
        if !id.is_empty() && self.decoder.set_last_event_id(id).is_ok() {
            self.sent_id = hash(id);
        }
    }

    /// Returns the beginning of the first ignored line of a connection that had no event.
    #[cfg(any(feature = "std", feature = "stream"))]
    pub(crate) fn ignored_instead_of_events(&self) -> Option<Vec<u8>> {
        let first = self.decoder.first_ignored().filter(|_| !self.has_delivered);
        first.map(<[u8]>::to_vec)
    }

    /// Records the activity, and returns whether to decode the bytes; without an open connection it
    /// consumes them.
    fn receive(&mut self, input: &mut &[u8]) -> bool {
        let is_open = self.is_open();
        if is_open {
            self.has_received |= !input.is_empty();
        } else {
            *input = &[];
        }
        is_open
    }

    /// Decodes bytes of the response's body, as [`EventDecoder::decode`] does.
    ///
    /// If no connection is open, the input is consumed and discarded.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] when an event exceeds a limit: call again to continue.
    pub fn decode<'d, 'i: 'd>(
        &'d mut self,
        input: &mut &'i [u8],
    ) -> Result<Option<Event<'d>>, DecodeError> {
        if !self.receive(input) {
            return Ok(None);
        }
        let event = self.decoder.decode(input);
        self.has_delivered |= matches!(event, Ok(Some(_)));
        event
    }

    /// Decodes bytes of the response's body, as [`EventDecoder::decode_raw`] does.
    ///
    /// If no connection is open, the input is consumed and discarded.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] when an event exceeds a limit: call again to continue.
    pub fn decode_raw<'d, 'i: 'd>(
        &'d mut self,
        input: &mut &'i [u8],
    ) -> Result<Option<RawEvent<'d>>, DecodeError> {
        if !self.receive(input) {
            return Ok(None);
        }
        let event = self.decoder.decode_raw(input);
        self.has_delivered |= matches!(event, Ok(Some(_)));
        event
    }

    /// Decodes bytes of the response's body, as [`EventDecoder::decode_item`] does.
    ///
    /// If no connection is open, the input is consumed and discarded.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] when an event exceeds a limit: call again to continue.
    pub fn decode_item<'d, 'i: 'd>(
        &'d mut self,
        input: &mut &'i [u8],
    ) -> Result<Option<Item<'d>>, DecodeError> {
        if !self.receive(input) {
            return Ok(None);
        }
        let item = self.decoder.decode_item(input);
        self.has_delivered |= matches!(item, Ok(Some(Item::Event(_))));
        item
    }

    /// Decodes bytes of the response's body, as [`EventDecoder::decode_owned`] does.
    ///
    /// If no connection is open, the input is consumed and discarded.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] when an event exceeds a limit: call again to continue.
    #[cfg(feature = "alloc")]
    #[cfg_attr(docsrs, doc(cfg(feature = "alloc")))]
    pub fn decode_owned(&mut self, input: &mut &[u8]) -> Result<Option<OwnedEvent>, DecodeError> {
        if !self.receive(input) {
            return Ok(None);
        }
        let event = self.decoder.decode_owned(input);
        self.has_delivered |= matches!(event, Ok(Some(_)));
        event
    }

    /// Decodes bytes of the response's body, as [`EventDecoder::decode_owned_item`] does.
    ///
    /// If no connection is open, the input is consumed and discarded.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] when an event exceeds a limit: call again to continue.
    #[cfg(feature = "alloc")]
    #[cfg_attr(docsrs, doc(cfg(feature = "alloc")))]
    pub fn decode_owned_item(
        &mut self,
        input: &mut &[u8],
    ) -> Result<Option<OwnedItem>, DecodeError> {
        if !self.receive(input) {
            return Ok(None);
        }
        let item = self.decoder.decode_owned_item(input);
        self.has_delivered |= matches!(item, Ok(Some(OwnedItem::Event(_))));
        item
    }
}

/// Returns a hash that tells IDs apart (FNV-1a): an ID itself needs memory that there may not be.
fn hash(id: &str) -> u64 {
    id.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
    })
}

/// Creates a client with the default [`Policy`], and a random seed from the standard library.
///
/// Not on `wasm32-unknown-unknown`, where the standard library has no randomness, and all clients
/// would have the same jitter: use [`new`](EventSource::new) there.
#[cfg(all(
    feature = "std",
    not(all(target_family = "wasm", target_os = "unknown"))
))]
impl Default for EventSource {
    fn default() -> Self {
        use core::hash::{BuildHasher, Hasher};

        // The standard library has no other source of randomness.
        let seed = std::hash::RandomState::new().build_hasher().finish();
        Self::new(seed)
    }
}

impl<B: Buffer> fmt::Debug for EventSource<B> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("EventSource")
            .field("phase", &self.phase)
            .field("policy", &self.policy)
            .field("requests", &self.requests)
            .field("failures", &self.failures)
            .field("last_event_id", &self.last_event_id())
            .field("reconnection_time", &self.reconnection_time())
            .finish_non_exhaustive()
    }
}
