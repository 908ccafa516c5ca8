//! When a client connects again, and when it gives up: what the standard leaves to it (WHATWG HTML 9.2.3).

use core::time::Duration;

/// When an [`EventSource`](super::EventSource) connects again, and when it gives up.
///
/// The default is for programs that run for long and are many: they come back at different times, less often the longer the server is
/// away, and for ever. A browser waits the reconnection time and nothing more: [`Policy::browser`].
///
/// ```
/// use core::time::Duration;
/// use sse_wire::client::Policy;
///
/// let policy = Policy::new()
///     .with_idle_timeout(Duration::from_secs(45))
///     .with_attempts(10)
///     .with_transient_statuses(true);
/// # let _ = policy;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Policy {
    // Times are in milliseconds.
    pub(super) reconnection_time: u64,
    pub(super) shortest: u64,
    pub(super) longest: u64,
    pub(super) backoff: Backoff,
    pub(super) steady: u64,
    /// `NEVER` if there is none, as below.
    pub(super) idle_timeout: u64,
    pub(super) time: u64,
    pub(super) attempts: u32,
    pub(super) repeat: Repeat,
    pub(super) retries_transient_statuses: bool,
    pub(super) accepts_any_content_type: bool,
}

/// A time that does not come.
pub(super) const NEVER: u64 = u64::MAX;

/// Whether a request is sent again when its connection is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "there is no fourth way")]
pub enum Repeat {
    /// Always: it is a GET, or nothing is lost by sending it twice.
    Always,
    /// Only where there is a last event ID that can be a header, with which the next request can go on instead of beginning again.
    Resumed,
    /// Never: it is a POST that costs something, say.
    Never,
}

impl Policy {
    /// What suits a program: 3 seconds of reconnection time unless the server says otherwise, and [`Backoff::new`] beside it.
    ///
    /// A `retry` below half a second counts as that, one above five minutes as these. There is no limit of attempts, of time,
    /// or of idleness; every response but an event stream with status 200 is final, as in a browser.
    pub const fn new() -> Self {
        Self {
            reconnection_time: 3_000,
            shortest: 500,
            longest: 5 * 60_000,
            backoff: Backoff::new(),
            steady: 30_000,
            idle_timeout: NEVER,
            time: NEVER,
            attempts: u32::MAX,
            repeat: Repeat::Always,
            retries_transient_statuses: false,
            accepts_any_content_type: false,
        }
    }

    /// What browsers do: the reconnection time, each time, and nothing beside it.
    ///
    /// `retry: 0` connects again at once, and a long one waits as long as it says.
    pub const fn browser() -> Self {
        Self {
            shortest: 0,
            longest: NEVER,
            backoff: Backoff::NONE,
            ..Self::new()
        }
    }

    /// How long to wait before connecting again where the server does not say; 3 seconds unless set.
    #[must_use]
    pub const fn with_reconnection_time(mut self, time: Duration) -> Self {
        self.reconnection_time = milliseconds(time);
        self
    }

    /// The bounds of the reconnection time, whoever sets it: `retry: 0` must not become a flood of requests, nor
    /// `retry: 99999999999` an end; 0.5 seconds and 5 minutes unless set.
    ///
    /// The upper one is also the most that [`wait_at_least`](super::EventSource::wait_at_least) can ask for. If it is below the lower
    /// one, that counts.
    #[must_use]
    pub const fn with_bounds(mut self, shortest: Duration, longest: Duration) -> Self {
        self.shortest = milliseconds(shortest);
        self.longest = milliseconds(longest);
        self
    }

    /// What is waited beside the reconnection time.
    #[must_use]
    pub const fn with_backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// After how long a connection counts as good even if it brought no event; 30 seconds unless set.
    ///
    /// A good connection ends a row of failed attempts: the backoff begins anew when it is lost.
    #[must_use]
    pub const fn with_steady_after(mut self, time: Duration) -> Self {
        self.steady = milliseconds(time);
        self
    }

    /// How long to wait for the response, and then for each next byte, before the connection counts as lost; unless set, for ever.
    ///
    /// A server that sends comments to show that it is there does so every 15 seconds, as the standard advises; three times as much
    /// is ample. It is at least a millisecond.
    #[must_use]
    pub const fn with_idle_timeout(mut self, time: Duration) -> Self {
        let time = milliseconds(time);
        self.idle_timeout = if time == 0 { 1 } else { time };
        self
    }

    /// Gives up after so many attempts in a row that did not become a [good](Self::with_steady_after) connection; the first
    /// one counts, and there is always one.
    #[must_use]
    pub const fn with_attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts;
        self
    }

    /// Gives up where the next attempt would come after so much time without a connection, since the first attempt, or since the last good
    /// connection was lost; time for which another one was open does not count.
    #[must_use]
    pub const fn with_time(mut self, time: Duration) -> Self {
        self.time = milliseconds(time);
        self
    }

    /// Whether the request may be sent again; [`Repeat::Always`] unless set.
    #[must_use]
    pub const fn with_repeat(mut self, repeat: Repeat) -> Self {
        self.repeat = repeat;
        self
    }

    /// Whether to connect again after a response with a status that may be another one soon: 408, 429, and 500 to 599.
    ///
    /// Browsers never do, and it is off unless set. See [`wait_at_least`](super::EventSource::wait_at_least) for `Retry-After`.
    #[must_use]
    pub const fn with_transient_statuses(mut self, retries: bool) -> Self {
        self.retries_transient_statuses = retries;
        self
    }

    /// Whether to take a response with status 200 for an event stream whatever its `content-type` says, or if there is none.
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

/// What is waited beside the reconnection time: anything up to a span, which doubles with each attempt that fails.
///
/// 9.2.3 allows to wait some more than the reconnection time, and means this by it: clients that lost their server at the same moment
/// do not come back at the same moment, not even the first time, and the longer it is away the less they ask for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Backoff {
    /// In milliseconds.
    longest: u64,
}

impl Backoff {
    /// Nothing is waited beside the reconnection time.
    pub const NONE: Self = Self { longest: 0 };

    /// A span that begins with the reconnection time, and grows to 30 seconds.
    pub const fn new() -> Self {
        Self { longest: 30_000 }
    }

    /// The longest span: what is waited at the most beside the reconnection time.
    #[must_use]
    pub const fn with_longest(mut self, span: Duration) -> Self {
        self.longest = milliseconds(span);
        self
    }

    /// How long to wait after so many attempts in a row that failed, with an arbitrary number as the only chance in it.
    ///
    /// At least `reconnection_time`; beside that evenly spread from nothing to `reconnection_time` times two to the power of `failures`,
    /// or to the longest span.
    ///
    /// ```
    /// use core::time::Duration;
    /// use sse_wire::client::Backoff;
    ///
    /// let backoff = Backoff::new();
    /// let delay = |failures, entropy| backoff.delay(Duration::from_secs(3), failures, entropy);
    /// assert_eq!(delay(0, 0), Duration::from_secs(3));
    /// assert_eq!(delay(0, u64::MAX), Duration::from_secs(3 + 3));
    /// assert_eq!(delay(2, u64::MAX), Duration::from_secs(3 + 12));
    /// assert_eq!(delay(20, u64::MAX / 2), Duration::from_secs(3 + 15));
    /// ```
    pub const fn delay(self, reconnection_time: Duration, failures: u32, entropy: u64) -> Duration {
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
        let more = (entropy as u128 * (span as u128 + 1)) >> u64::BITS;
        Duration::from_millis(time.saturating_add(more as u64))
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self::new()
    }
}

/// Whole milliseconds, `u64::MAX` at the most.
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
