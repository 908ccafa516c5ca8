//! The connection of an `EventSource` (WHATWG HTML 9.2.2 to 9.2.4), without I/O: what a client does next, whichever HTTP client it is.
//!
//! [`EventSource`] has no socket, no clock and no source of chance. It is told what happened, and says what to do. In a loop, with
//! any transport that waits for a response and then for bytes:
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
//! # let arbitrary_number = 42;
//!
//! let started = Instant::now();
//! let mut response = None;
//! # let mut data = String::new();
//! let mut source = EventSource::new(arbitrary_number).with_policy(policy);
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
//!         Step::Wait { time, .. } => sleep(time),
//!         Step::Closed(closed) => break closed,
//!         Step::AwaitResponse { .. } => unreachable!("`connect` has waited for it"),
//!     }
//! };
//! # assert_eq!(data, "1");
//! # assert_eq!(asked, [false, true]);
//! assert!(matches!(closed, Closed::Refused(_)), "the server has said 204: it has no more");
//! ```
//!
//! The guide [staying connected](crate::guide::staying_connected) has more of it: the states, the policies, and where this differs from
//! a browser.

mod policy;

#[cfg(feature = "alloc")]
use alloc::vec::Vec;
use core::{fmt, time::Duration};

use thiserror::Error;

use crate::buffer::Buffer;
use crate::decode::EventDecoder;
#[cfg(any(feature = "std", feature = "stream"))]
use crate::decode::Owned;
use crate::error::DecodeError;
use crate::event::{Event, Item, RawEvent};
#[cfg(feature = "alloc")]
use crate::event::{OwnedEvent, OwnedItem};
use crate::headers;

pub use policy::{Backoff, Policy, Repeat};
use policy::{NEVER, milliseconds};

/// The connection of a client: says what to do next, decodes, and connects again (WHATWG HTML 9.2.2 to 9.2.4).
///
/// [`next`](Self::next) says what to do; the other methods tell what came of it. See [`client`](self) for the loop.
///
/// Kept from one connection to the next are the last event ID and the reconnection time; everything else begins anew. An event that
/// the end of a connection cuts off is dropped, with its `id`; a `retry` line counts once it is complete.
///
/// `B` is the buffer of its [`EventDecoder`].
#[derive(Clone)]
pub struct EventSource<
    #[cfg(feature = "alloc")] B: Buffer = Vec<u8>,
    #[cfg(not(feature = "alloc"))] B: Buffer,
> {
    decoder: EventDecoder<B>,
    policy: Policy,
    phase: Phase,
    entropy: u64,
    // Times are in milliseconds.
    now: u64,
    /// Open: since when. Waiting: until when.
    turn: u64,
    /// When the last byte came, or the request was made.
    heard: u64,
    /// Since when there has been no connection: no good one, and without the time for which another one was open.
    trouble: u64,
    /// What the caller asked to wait at least.
    at_least: u64,
    /// How many requests were made.
    requests: u32,
    /// How many attempts in a row did not become a good connection.
    failures: u32,
    /// Something came since `next` was asked the last time.
    has_heard: bool,
    /// `next` has not been asked since the connection opened.
    is_new: bool,
    /// The connection brought an event.
    has_delivered: bool,
}

/// Where a connection stands: between them, `next` says which [`Step`] is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Connecting,
    AwaitingResponse,
    Open,
    /// `next` will tell what follows from it.
    Lost {
        cause: Cause,
        was_open: bool,
    },
    Waiting {
        why: Cause,
    },
    Closed(Closed),
}

/// What a client has to do next: there is one for each state of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a loop has to do all of them")]
pub enum Step<'s> {
    /// Make this request, on a new connection. It is said once: what is due then is the response.
    Connect(Request<'s>),
    /// Wait for the response, and tell its head with [`EventSource::respond`].
    AwaitResponse {
        /// For so long at the most, if there is an idle timeout; then ask again.
        within: Option<Duration>,
    },
    /// Read bytes of the response's body, and hand them to [`EventSource::decode`] or one of its like.
    Read {
        /// Wait so long for them at the most, if there is an idle timeout; then ask again.
        within: Option<Duration>,
    },
    /// Let time pass, then ask again: there is no connection.
    Wait {
        /// So much.
        time: Duration,
        /// Why there is no connection.
        why: Cause,
    },
    /// Nothing, ever again.
    Closed(Closed),
}

/// A request that a client has to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request<'s> {
    attempt: u32,
    last_event_id: &'s str,
}

/// Why there is no connection any more, or why there was none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum Cause {
    /// The status of the response is not 200.
    #[error("the status of the response is {0}, not 200")]
    Status(u16),
    /// The response is something else than an event stream.
    #[error("the content type of the response is not text/event-stream")]
    ContentType,
    /// The body of the response came to its end.
    #[error("the stream ended")]
    End,
    /// The transport failed.
    #[error("the transport failed")]
    Transport,
    /// Nothing came for as long as [`Policy::with_idle_timeout`] says.
    #[error("nothing came within the idle timeout")]
    Idle,
    /// The caller wanted another connection.
    #[error("the connection was dropped in favour of another one")]
    Reconnect,
}

/// Why there will be no connection any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum Closed {
    /// By [`EventSource::close`].
    #[error("closed")]
    Caller,
    /// The response is not one to connect again after.
    #[error("refused: {0}")]
    Refused(Cause),
    /// The request is not to be sent again: see [`Policy::with_repeat`].
    #[error("not sent again: {0}")]
    NotRepeated(Cause),
    /// No attempt of as many as [`Policy::with_attempts`] allows was successful.
    #[error("no attempt was successful; the last one: {0}")]
    OutOfAttempts(Cause),
    /// There was no connection for as long as [`Policy::with_time`] allows.
    #[error("there was no connection for too long; the last time: {0}")]
    OutOfTime(Cause),
}

#[cfg(feature = "alloc")]
impl EventSource {
    /// A connection with the default [`Policy`] and the default [`Limits`](crate::Limits).
    ///
    /// `entropy` is any number that is another one in each client, such as a random one: from it comes how long each waits
    /// before it connects again, so that many do not come back at the same moment.
    pub fn new(entropy: u64) -> Self {
        Self::with_decoder(EventDecoder::new(), entropy)
    }
}

impl<B: Buffer> EventSource<B> {
    /// A connection that decodes with `decoder`: with other limits, in memory that is lent, or with the last event ID of an earlier
    /// run.
    ///
    /// `entropy` is any number that is another one in each client.
    ///
    /// ```
    /// use core::time::Duration;
    /// use sse_wire::client::{EventSource, Step};
    /// use sse_wire::{EventDecoder, LastEventId};
    ///
    /// let mut decoder = EventDecoder::with_buffer([0; 512]);
    /// decoder.set_last_event_id(LastEventId::new("41")?)?;
    /// let mut source = EventSource::with_decoder(decoder, 4); // chosen by fair dice roll
    /// let Step::Connect(request) = source.next(Duration::ZERO) else { panic!() };
    /// assert!(request.headers().any(|header| header == ("last-event-id", "41")));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub const fn with_decoder(decoder: EventDecoder<B>, entropy: u64) -> Self {
        Self {
            decoder,
            policy: Policy::new(),
            phase: Phase::Connecting,
            entropy,
            now: 0,
            turn: 0,
            heard: 0,
            trouble: 0,
            at_least: 0,
            requests: 0,
            failures: 0,
            has_heard: false,
            is_new: false,
            has_delivered: false,
        }
    }

    /// Connects again, and gives up, as `policy` says.
    #[must_use]
    pub fn with_policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// What to do at the time `now`, which is counted from any fixed moment on.
    ///
    /// It may be asked at any time, and as often as one likes: but for [`Step::Connect`], it says the same again until something
    /// has happened, or the time has come. Time that goes back counts as time that stands still.
    pub fn next(&mut self, now: Duration) -> Step<'_> {
        let now = milliseconds(now).max(self.now);
        if self.requests == 0 {
            self.trouble = now;
        }
        self.now = now;
        if self.has_heard {
            self.has_heard = false;
            self.heard = now;
        }
        if self.is_new {
            self.is_new = false;
            self.turn = now;
        }
        let limit = self.policy.idle_timeout;
        let left = (limit != NEVER).then(|| limit.saturating_sub(now - self.heard));
        if left == Some(0) {
            self.lose(Cause::Idle);
        }
        if let Phase::Lost { cause, was_open } = self.phase {
            // Even if no time is to be waited, so that whoever asks sees that it was lost.
            self.phase = self.after(cause, was_open);
        } else if matches!(self.phase, Phase::Waiting { .. }) && now >= self.turn {
            self.phase = Phase::Connecting;
        }
        let within = left.map(Duration::from_millis);
        match self.phase {
            Phase::Connecting => {
                let attempt = self.requests;
                self.phase = Phase::AwaitingResponse;
                self.heard = now;
                self.at_least = 0;
                self.has_delivered = false;
                self.requests = self.requests.saturating_add(1);
                self.decoder.restart();
                Step::Connect(Request {
                    attempt,
                    last_event_id: self.decoder.last_event_id(),
                })
            }
            Phase::AwaitingResponse => Step::AwaitResponse { within },
            Phase::Open => Step::Read { within },
            // A loss has been seen to above.
            Phase::Waiting { why } | Phase::Lost { cause: why, .. } => Step::Wait {
                time: Duration::from_millis(self.turn.saturating_sub(now)),
                why,
            },
            Phase::Closed(closed) => Step::Closed(closed),
        }
    }

    /// The head of the response is there. Tells whether its body is to be read: if not, `next` says what to do.
    ///
    /// 9.2.3: the status must be 200, and the content type `text/event-stream`, as [`headers::is_event_stream`] sees it; give it the
    /// value of every `content-type` header. Anything else is final, redirects included, which are the transport's business,
    /// unless the [`Policy`] says otherwise. Ignored, and `false`, where no response is awaited.
    #[must_use = "the body of a response that is refused is not an event stream"]
    pub fn respond<V: AsRef<[u8]>>(
        &mut self,
        status: u16,
        content_types: impl IntoIterator<Item = V>,
    ) -> bool {
        self.respond_as(status, headers::is_event_stream(content_types))
    }

    /// The same where the content type was looked at.
    pub(crate) fn respond_as(&mut self, status: u16, is_event_stream: bool) -> bool {
        if self.phase != Phase::AwaitingResponse {
            return false;
        }
        let cause = if status != 200 {
            Cause::Status(status)
        } else if is_event_stream || self.policy.accepts_any_content_type {
            self.phase = Phase::Open;
            self.has_heard = true;
            self.is_new = true;
            return true;
        } else {
            Cause::ContentType
        };
        let is_transient = matches!(status, 408 | 429 | 500..=599);
        if self.policy.retries_transient_statuses && is_transient {
            self.lose(cause);
        } else {
            self.phase = Phase::Closed(Closed::Refused(cause));
        }
        false
    }

    /// The body of the response has come to its end.
    pub fn end(&mut self) {
        self.lose(Cause::End);
    }

    /// The transport has failed: there is no response, or the body broke off.
    pub fn fail(&mut self) {
        self.lose(Cause::Transport);
    }

    /// Gives the connection up for another one, which comes as if this one had been lost: after a while, and with the last event ID.
    ///
    /// Nothing more comes of it. Ignored where there is no connection.
    pub fn reconnect(&mut self) {
        self.lose(Cause::Reconnect);
    }

    /// The next request is not made before so much time has passed: what a `Retry-After` asks for.
    ///
    /// For the connection that was just lost, before `next` is asked; otherwise it is ignored. [`Policy::with_bounds`] says how long it may
    /// be.
    ///
    /// ```
    /// use core::time::Duration;
    /// use sse_wire::client::{EventSource, Policy, Step};
    /// use sse_wire::headers;
    ///
    /// let mut source = EventSource::new(4).with_policy(Policy::new().with_transient_statuses(true));
    /// assert!(matches!(source.next(Duration::ZERO), Step::Connect(_)));
    /// if !source.respond(429, ["text/plain"]) {
    ///     source.wait_at_least(headers::retry_after("20").unwrap_or_default());
    /// }
    /// assert!(matches!(source.next(Duration::ZERO), Step::Wait { time, .. } if time.as_secs() >= 20));
    /// ```
    pub fn wait_at_least(&mut self, time: Duration) {
        if let Phase::Lost { .. } = self.phase {
            self.at_least = milliseconds(time).min(self.policy.longest);
        }
    }

    /// Closes it for good: nothing comes of it any more, not even of a chunk that is half read.
    pub fn close(&mut self) {
        if !self.is_closed() {
            self.phase = Phase::Closed(Closed::Caller);
        }
    }

    /// Whether there is a response to be read.
    pub const fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Open)
    }

    /// Whether a request was made and has no response yet.
    #[cfg(feature = "stream")]
    pub(crate) const fn is_awaiting_response(&self) -> bool {
        matches!(self.phase, Phase::AwaitingResponse)
    }

    /// Whether there will never be a connection again.
    pub const fn is_closed(&self) -> bool {
        matches!(self.phase, Phase::Closed(_))
    }

    /// The last event ID, whether or not it can be a header: what the next request will go on from.
    pub fn last_event_id(&self) -> &str {
        self.decoder.last_event_id()
    }

    /// How long a lost connection is waited for at the least: what the server has said, or the policy, within its bounds.
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

    /// The decoder.
    pub const fn decoder(&self) -> &EventDecoder<B> {
        &self.decoder
    }

    /// The decoder, to set the last event ID, or to recover what the end of a connection cut off before `next` is asked.
    pub const fn decoder_mut(&mut self) -> &mut EventDecoder<B> {
        &mut self.decoder
    }

    fn lose(&mut self, cause: Cause) {
        if let Phase::AwaitingResponse | Phase::Open = self.phase {
            let was_open = self.phase == Phase::Open;
            self.phase = Phase::Lost { cause, was_open };
        }
    }

    /// What follows when the connection is lost: another one after a while, or none.
    fn after(&mut self, cause: Cause, was_open: bool) -> Phase {
        let is_asked_for = cause == Cause::Reconnect;
        let open_for = if was_open { self.now - self.turn } else { 0 };
        let was_steady = was_open && open_for >= self.policy.steady;
        // While there was a connection, good or not, there was one.
        self.trouble += open_for;
        if self.has_delivered || was_steady {
            self.failures = 0;
            self.trouble = self.now;
        } else if !is_asked_for {
            self.failures = self.failures.saturating_add(1);
        }
        let may_repeat = match self.policy.repeat {
            Repeat::Always => true,
            // One that cannot be sent would begin again from the start.
            Repeat::Resumed => headers::last_event_id(self.last_event_id()).is_some(),
            Repeat::Never => false,
        };
        if !may_repeat && !is_asked_for {
            return Phase::Closed(Closed::NotRepeated(cause));
        }
        if self.failures >= self.policy.attempts.max(1) {
            return Phase::Closed(Closed::OutOfAttempts(cause));
        }
        let least = self.reconnection_time();
        let entropy = self.draw();
        let delay = self.policy.backoff.delay(least, self.failures, entropy);
        // Those who are told the same time must not come back at the same moment, either.
        let more = self.at_least.saturating_sub(milliseconds(least));
        let delay = milliseconds(delay).saturating_add(more);
        self.turn = self.now.saturating_add(delay);
        if self.turn - self.trouble > self.policy.time && !is_asked_for {
            return Phase::Closed(Closed::OutOfTime(cause));
        }
        Phase::Waiting { why: cause }
    }

    /// The next number of a sequence that looks like chance (splitmix64, by Sebastiano Vigna, in the public domain).
    const fn draw(&mut self) -> u64 {
        self.entropy = self.entropy.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut number = self.entropy;
        number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        number ^ (number >> 31)
    }

    /// Decodes bytes of the response's body into what an adapter gives.
    #[cfg(any(feature = "std", feature = "stream"))]
    pub(crate) fn read<T: Owned>(&mut self, input: &mut &[u8]) -> Result<Option<T>, DecodeError> {
        if !self.hear(input) {
            return Ok(None);
        }
        let found = self.decoder.next_owned(input);
        self.has_delivered |= matches!(&found, Ok(Some(found)) if T::is_event(found));
        found
    }

    /// Tells whether the bytes that came are to be read; if not, takes them.
    fn hear(&mut self, input: &mut &[u8]) -> bool {
        let is_open = self.is_open();
        if is_open {
            self.has_heard |= !input.is_empty();
        } else {
            *input = &[];
        }
        is_open
    }

    /// Reads bytes of the response's body, as [`EventDecoder::decode`].
    ///
    /// Where no connection is open, the input is taken and nothing comes of it.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] when an event exceeds a limit: call again to go on.
    pub fn decode<'d, 'i: 'd>(
        &'d mut self,
        input: &mut &'i [u8],
    ) -> Result<Option<Event<'d>>, DecodeError> {
        if !self.hear(input) {
            return Ok(None);
        }
        let event = self.decoder.decode(input);
        self.has_delivered |= matches!(event, Ok(Some(_)));
        event
    }

    /// Reads bytes of the response's body, as [`EventDecoder::decode_raw`].
    ///
    /// Where no connection is open, the input is taken and nothing comes of it.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] when an event exceeds a limit: call again to go on.
    pub fn decode_raw<'d, 'i: 'd>(
        &'d mut self,
        input: &mut &'i [u8],
    ) -> Result<Option<RawEvent<'d>>, DecodeError> {
        if !self.hear(input) {
            return Ok(None);
        }
        let event = self.decoder.decode_raw(input);
        self.has_delivered |= matches!(event, Ok(Some(_)));
        event
    }

    /// Reads bytes of the response's body, as [`EventDecoder::decode_item`].
    ///
    /// Where no connection is open, the input is taken and nothing comes of it.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] when an event exceeds a limit: call again to go on.
    pub fn decode_item<'d, 'i: 'd>(
        &'d mut self,
        input: &mut &'i [u8],
    ) -> Result<Option<Item<'d>>, DecodeError> {
        if !self.hear(input) {
            return Ok(None);
        }
        let item = self.decoder.decode_item(input);
        self.has_delivered |= matches!(item, Ok(Some(Item::Event(_))));
        item
    }

    /// Decodes bytes of the response's body, as [`EventDecoder::decode_owned`].
    ///
    /// Where no connection is open, the input is taken and nothing comes of it.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] when an event exceeds a limit: call again to continue.
    #[cfg(feature = "alloc")]
    #[cfg_attr(docsrs, doc(cfg(feature = "alloc")))]
    pub fn decode_owned(&mut self, input: &mut &[u8]) -> Result<Option<OwnedEvent>, DecodeError> {
        if !self.hear(input) {
            return Ok(None);
        }
        let event = self.decoder.decode_owned(input);
        self.has_delivered |= matches!(event, Ok(Some(_)));
        event
    }

    /// Decodes bytes of the response's body, as [`EventDecoder::decode_owned_item`].
    ///
    /// Where no connection is open, the input is taken and nothing comes of it.
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
        if !self.hear(input) {
            return Ok(None);
        }
        let item = self.decoder.decode_owned_item(input);
        self.has_delivered |= matches!(item, Ok(Some(OwnedItem::Event(_))));
        item
    }
}

impl<'s> Request<'s> {
    /// How many requests were made before this one.
    pub const fn attempt(&self) -> u32 {
        self.attempt
    }

    /// The last event ID, whether or not it can be a header; empty if there is none.
    pub const fn last_event_id(&self) -> &'s str {
        self.last_event_id
    }

    /// The headers of the request, by name and value (9.2.3): what it accepts, that no cache is wanted, and the last event ID if there is
    /// one that can be a header, as [`headers::last_event_id`] sees it.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, &'s str)> + use<'s> {
        let last_event_id = headers::last_event_id(self.last_event_id);
        headers::REQUEST.into_iter().chain(last_event_id)
    }
}

/// A connection with the default [`Policy`], and a random number out of the standard library for entropy.
#[cfg(feature = "std")]
impl Default for EventSource {
    fn default() -> Self {
        use core::hash::{BuildHasher, Hasher};

        // It is random, and the library has nothing else that is.
        let entropy = std::hash::RandomState::new().build_hasher().finish();
        Self::new(entropy)
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
