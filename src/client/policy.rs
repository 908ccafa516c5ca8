//! When a client reconnects and when it gives up, as far as the standard leaves it open (WHATWG
//! HTML 9.2.3).

use core::ops::RangeInclusive;
use core::{fmt, time::Duration};

/// Decides when an [`EventSource`](super::EventSource) reconnects, and when it gives up.
///
/// The default suits many long-running clients of one server: they reconnect with jitter and
/// exponential backoff, without a limit of attempts. A browser waits the reconnection time and
/// nothing more: [`Policy::browser`].
///
/// ```
/// use core::{fmt, time::Duration};
/// use sse_wire::client::Policy;
///
/// let policy = Policy::new()
///     .with_idle_timeout(Duration::from_secs(45))
///     .with_attempts(10)
///     .with_transient_statuses(Policy::TRANSIENT);
/// # let _ = policy;
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Policy {
    // Times are in milliseconds.
    pub(super) reconnection_time: u64,
    pub(super) shortest: u64,
    pub(super) longest: u64,
    pub(super) backoff: Backoff,
    pub(super) steady: u64,
    /// `NEVER` if there is none; likewise for `time`.
    pub(super) idle_timeout: u64,
    /// As the idle timeout, if there is none.
    pub(super) response_timeout: Option<u64>,
    pub(super) time: u64,
    pub(super) attempts: u32,
    pub(super) resend: Resend,
    pub(super) transient: &'static [RangeInclusive<u16>],
    pub(super) accepts_any_success: bool,
    pub(super) accepts_any_content_type: bool,
}

/// Longer than any time that passes.
pub(super) const NEVER: u64 = u64::MAX;

/// When a request may be sent again, after its connection was lost or its response rejected.
///
/// A POST to a language model, for example, is charged for each time it is answered. A request whose
/// connection failed before the response may have reached the server all the same.
/// [`EventSource::reconnect`](super::EventSource::reconnect) sends a request again in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Resend {
    /// Always: for a GET, or any other request that may be sent twice.
    Always,
    /// Until a response was accepted; from then on, only if there is a last event ID that can be a
    /// header, from which the server can resume.
    Resumable,
    /// Until a response was accepted, and never after it.
    UntilOpened,
    /// Until the first event was returned, and never after it.
    UntilFirstEvent,
    /// Never: one request is sent.
    Never,
}

impl Policy {
    /// The statuses that are usually transient: 408, 429, and 500 to 599. For
    /// [`with_transient_statuses`](Self::with_transient_statuses).
    pub const TRANSIENT: &'static [RangeInclusive<u16>] = &[408..=408, 429..=429, 500..=599];

    /// Creates the default policy: a reconnection time of 3 seconds unless the server sets another
    /// one, and [`Backoff::new`].
    ///
    /// The reconnection time is clamped to between half a second and five minutes. Attempts and
    /// time are unlimited, and there is no idle timeout. Every response but an event stream with
    /// status 200 is final, as in a browser.
    pub const fn new() -> Self {
        Self {
            reconnection_time: 3_000,
            shortest: 500,
            longest: 5 * 60_000,
            backoff: Backoff::new(),
            steady: 30_000,
            idle_timeout: NEVER,
            response_timeout: None,
            time: NEVER,
            attempts: u32::MAX,
            resend: Resend::Always,
            transient: &[],
            accepts_any_success: false,
            accepts_any_content_type: false,
        }
    }

    /// Creates the policy of browsers: the reconnection time without backoff, jitter or bounds.
    ///
    /// After `retry: 0` it reconnects at once, and it waits for as long as any other `retry` says.
    pub const fn browser() -> Self {
        Self {
            shortest: 0,
            longest: NEVER,
            backoff: Backoff::NONE,
            ..Self::new()
        }
    }

    /// Creates a policy for a GET whose events should arrive for as long as the program runs, such
    /// as notifications.
    ///
    /// Beyond what [`Policy::new`] does, it retries after [`TRANSIENT`](Self::TRANSIENT) statuses, waits up to 30 seconds for a
    /// response, and reconnects after 60 seconds without a byte. The server must send something more
    /// often than that, such as a comment every 15 seconds.
    pub const fn notifications() -> Self {
        Self::new()
            .with_transient_statuses(Self::TRANSIENT)
            .with_response_timeout(Duration::from_secs(30))
            .with_idle_timeout(Duration::from_secs(60))
    }

    /// Creates a policy for a request that is charged for, such as a POST to a language model.
    ///
    /// It makes up to three requests, and none after a response was accepted
    /// ([`Resend::UntilOpened`]). It retries after [`TRANSIENT`](Self::TRANSIENT) statuses and failed
    /// connections, after half a second to a second at first, and up to 8 seconds later, unless
    /// `Retry-After` says otherwise. It waits up
    /// to 10 minutes for a response, and then up to 5 minutes for each byte.
    pub const fn llm() -> Self {
        Self::new()
            .with_reconnection_time(Duration::from_millis(500))
            .with_backoff(Backoff::new().with_longest(Duration::from_millis(7_500)))
            .with_attempts(3)
            .with_resend(Resend::UntilOpened)
            .with_transient_statuses(Self::TRANSIENT)
            .with_response_timeout(Duration::from_secs(600))
            .with_idle_timeout(Duration::from_secs(300))
    }

    /// Creates a policy for a stream of the Model Context Protocol, whose server may close it and
    /// set with `retry` when the client polls again.
    ///
    /// The reconnection time is a second unless the server sets another one, of at least 100
    /// milliseconds: after `retry: 250`, the client waits 250 to 500 milliseconds. An accepted request
    /// is sent again only from a last event ID ([`Resend::Resumable`]), at most five times in a row
    /// without success. It retries after [`TRANSIENT`](Self::TRANSIENT) statuses.
    pub const fn mcp() -> Self {
        Self::new()
            .with_reconnection_time(Duration::from_secs(1))
            .with_bounds(Duration::from_millis(100), Duration::from_secs(300))
            .with_attempts(5)
            .with_resend(Resend::Resumable)
            .with_transient_statuses(Self::TRANSIENT)
    }

    /// Sets the reconnection time that applies until the server sends one; 3 seconds by default.
    #[must_use]
    pub const fn with_reconnection_time(mut self, time: Duration) -> Self {
        self.reconnection_time = milliseconds(time);
        self
    }

    /// Sets the bounds of the reconnection time; 0.5 seconds and 5 minutes by default.
    ///
    /// With them, `retry: 0` does not cause a flood of requests, nor `retry: 99999999999` an
    /// endless wait. The upper bound also limits
    /// [`wait_at_least`](super::EventSource::wait_at_least). If it is below the lower bound, the
    /// lower bound applies.
    #[must_use]
    pub const fn with_bounds(mut self, min: Duration, max: Duration) -> Self {
        self.shortest = milliseconds(min);
        self.longest = milliseconds(max);
        self
    }

    /// Sets the backoff, which is added to the reconnection time.
    #[must_use]
    pub const fn with_backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// Sets after how long a connection counts as good in any case; 30 seconds by
    /// default.
    ///
    /// A good connection resets the count of consecutive failures, and with it the backoff. A
    /// connection is also good if it has brought an event, another last event ID than the one that
    /// was sent, or a reconnection time and then a clean end: a server that wants to be polled says so
    /// with `retry`. After `retry` and an error of the transport, the backoff continues to grow.
    #[must_use]
    pub const fn with_steady_after(mut self, time: Duration) -> Self {
        self.steady = milliseconds(time);
        self
    }

    /// Sets the idle timeout: how long to wait for the response, and then for each next byte; none
    /// by default.
    ///
    /// The standard advises servers to send a comment every 15 seconds; a timeout of three times
    /// that is ample. The minimum is a millisecond.
    #[must_use]
    pub const fn with_idle_timeout(mut self, time: Duration) -> Self {
        let time = milliseconds(time);
        self.idle_timeout = if time == 0 { 1 } else { time };
        self
    }

    /// Sets how long to wait for the response; as long as [`with_idle_timeout`](Self::with_idle_timeout)
    /// says by default.
    ///
    /// A language model may think for minutes before its first byte, and not between two others. The
    /// minimum is a millisecond, and `Duration::MAX` is no limit. A blocking HTTP client has to limit
    /// this time itself.
    #[must_use]
    pub const fn with_response_timeout(mut self, time: Duration) -> Self {
        let time = milliseconds(time);
        self.response_timeout = Some(if time == 0 { 1 } else { time });
        self
    }

    /// Sets the maximum of consecutive attempts that do not become a
    /// [good](Self::with_steady_after) connection; unlimited by default.
    ///
    /// The first attempt counts, and is always made.
    #[must_use]
    pub const fn with_attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts;
        self
    }

    /// Sets how long there may be no good connection; unlimited by default.
    ///
    /// The client gives up if the next attempt would come later than that after the first attempt,
    /// or after the last good connection was lost. The time for which another connection was open
    /// does not count.
    #[must_use]
    pub const fn with_time(mut self, time: Duration) -> Self {
        self.time = milliseconds(time);
        self
    }

    /// Sets when the request may be sent again; [`Resend::Always`] by default.
    #[must_use]
    pub const fn with_resend(mut self, resend: Resend) -> Self {
        self.resend = resend;
        self
    }

    /// Sets after which statuses to retry, such as [`TRANSIENT`](Self::TRANSIENT); after none by
    /// default, as in browsers.
    ///
    /// See [`wait_at_least`](super::EventSource::wait_at_least) for `Retry-After`. Statuses that are
    /// known at run time only are for a [decision](crate::reconnect::Decision). With 204 among them, a
    /// server cannot end the stream by that status.
    ///
    /// ```
    /// use sse_wire::client::Policy;
    ///
    /// let policy = Policy::new().with_transient_statuses(&[404..=404, 429..=429, 502..=504]);
    /// # let _ = policy;
    /// ```
    #[must_use]
    pub const fn with_transient_statuses(
        mut self,
        statuses: &'static [RangeInclusive<u16>],
    ) -> Self {
        self.transient = statuses;
        self
    }

    /// Sets whether to accept every status from 200 to 299 that has a body, all but 204 and 205; off
    /// by default, as in browsers.
    #[must_use]
    pub const fn with_any_success(mut self, accepts: bool) -> Self {
        self.accepts_any_success = accepts;
        self
    }

    /// Sets whether to accept a response with a good status whatever its `content-type` is, or without
    /// one; off by default.
    #[must_use]
    pub const fn with_any_content_type(mut self, accepts: bool) -> Self {
        self.accepts_any_content_type = accepts;
        self
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self::new()
    }
}

/// Shows what has no limit as `None`.
impl fmt::Debug for Policy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let finite = |time: u64| (time != NEVER).then(|| Duration::from_millis(time));
        let attempts = (self.attempts != u32::MAX).then_some(self.attempts);
        formatter
            .debug_struct("Policy")
            .field("reconnection_time", &finite(self.reconnection_time))
            .field("min", &finite(self.shortest))
            .field("max", &finite(self.longest))
            .field("backoff", &self.backoff)
            .field("steady_after", &finite(self.steady))
            .field("idle_timeout", &finite(self.idle_timeout))
            .field("attempts", &attempts)
            .field("response_timeout", &self.response_timeout.map(finite))
            .field("time", &finite(self.time))
            .field("resend", &self.resend)
            .field("transient_statuses", &self.transient)
            .field("any_success", &self.accepts_any_success)
            .field("any_content_type", &self.accepts_any_content_type)
            .finish()
    }
}

/// Exponential backoff with full jitter, added to the reconnection time.
///
/// The jitter is spread evenly over a span, which doubles with each consecutive failure. So clients
/// that lose their server at the same moment do not reconnect at the same moment, not even at the
/// first attempt. 9.2.3 allows a client to wait longer than the reconnection time.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Backoff {
    /// In milliseconds.
    longest: u64,
}

impl Backoff {
    /// No backoff and no jitter.
    pub const NONE: Self = Self { longest: 0 };

    /// Creates a backoff whose span begins with the reconnection time and grows to 30 seconds.
    pub const fn new() -> Self {
        Self { longest: 30_000 }
    }

    /// Sets the maximum of the span.
    #[must_use]
    pub const fn with_longest(mut self, span: Duration) -> Self {
        self.longest = milliseconds(span);
        self
    }

    /// Returns the delay after `failures` consecutive failures, with `random` as the source of its
    /// jitter.
    ///
    /// The delay is `reconnection_time` plus jitter. The span of the jitter is `reconnection_time`
    /// times two to the power of `failures`, or the maximum.
    ///
    /// ```
    /// use core::{fmt, time::Duration};
    /// use sse_wire::client::Backoff;
    ///
    /// let backoff = Backoff::new();
    /// let delay = |failures, random| backoff.delay(Duration::from_secs(3), failures, random);
    /// assert_eq!(delay(0, 0), Duration::from_secs(3));
    /// assert_eq!(delay(0, u64::MAX), Duration::from_secs(3 + 3));
    /// assert_eq!(delay(2, u64::MAX), Duration::from_secs(3 + 12));
    /// assert_eq!(delay(20, u64::MAX / 2), Duration::from_secs(3 + 15));
    /// ```
    pub const fn delay(self, reconnection_time: Duration, failures: u32, random: u64) -> Duration {
        let time = milliseconds(reconnection_time);
        let factor = if failures < u64::BITS {
            1 << failures
        } else {
            u64::MAX
        };
        let span = time.saturating_mul(factor);
        let span = if span < self.longest {
            span
        } else {
            self.longest
        };
        // The upper half of the product: as evenly as 64 bits can, without a division.
        let more = (random as u128 * (span as u128 + 1)) >> u64::BITS;
        Duration::from_millis(time.saturating_add(more as u64))
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Backoff {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Backoff")
            .field("longest", &Duration::from_millis(self.longest))
            .finish()
    }
}

/// Converts to whole milliseconds, saturating.
pub(super) const fn milliseconds(time: Duration) -> u64 {
    let milliseconds = time.as_millis();
    if milliseconds > u64::MAX as u128 {
        u64::MAX
    } else {
        #[expect(clippy::cast_possible_truncation, reason = "it was just compared")]
        {
            milliseconds as u64
        }
    }
}
