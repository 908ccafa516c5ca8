//! When a connection ends: with a farewell first, and cut if that does not help.

use std::pin::Pin;
use std::time::{Duration, Instant};

use tokio::time::{Sleep, sleep, sleep_until};

use crate::app::App;
use crate::connection::Reason;

/// How long a stream has for its farewell before it is cut.
const FAREWELL: Duration = Duration::from_secs(5);
/// Longer than any process runs.
const NEVER: Duration = Duration::from_secs(366 * 86_400);

/// When a connection should end, and when it must.
#[derive(Debug)]
pub(crate) struct Deadline {
    sleep: Pin<Box<Sleep>>,
    reason: Reason,
    has_said_farewell: bool,
    /// When the last connection is cut, once the server shuts down.
    end: Option<Instant>,
}

/// What a deadline asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    /// The stream should say farewell and end.
    Farewell,
    /// The socket should be closed.
    Cut(Reason),
}

impl Deadline {
    /// Begins the lifetime of a connection.
    pub(crate) fn new(app: &App) -> Self {
        let max = app.options.max_lifetime;
        // Connections that began together should not end together.
        let lifetime = max.mul_f64(0.8 + 0.2 * fastrand::f64());
        Self {
            sleep: Box::pin(sleep(if max.is_zero() { NEVER } else { lifetime })),
            reason: Reason::Lifetime,
            has_said_farewell: false,
            end: None,
        }
    }

    /// Waits for the next deadline, and returns what it asks for.
    pub(crate) async fn wait(&mut self) -> Due {
        self.sleep.as_mut().await;
        if self.has_said_farewell {
            return Due::Cut(self.reason);
        }
        self.has_said_farewell = true;
        self.cut_after_farewell();
        Due::Farewell
    }

    /// Sets a random time for the farewell, before all connections are cut at `end`.
    pub(crate) fn shut_down(&mut self, end: Instant) {
        self.end = Some(end);
        if self.has_said_farewell {
            return self.cut_after_farewell();
        }
        self.reason = Reason::Drain;
        let left = end.saturating_duration_since(Instant::now());
        // Who watches readiness has a tenth of the time to notice it before.
        self.reset(Instant::now() + left.mul_f64(0.1 + 0.6 * fastrand::f64()));
    }

    /// Returns why the connection was asked to end, if it was.
    pub(crate) fn reason_of_farewell(&self) -> Option<Reason> {
        self.has_said_farewell.then_some(self.reason)
    }

    fn cut_after_farewell(&mut self) {
        let cut = Instant::now() + FAREWELL;
        self.reset(self.end.map_or(cut, |end| end.min(cut)));
    }

    fn reset(&mut self, instant: Instant) {
        self.sleep.set(sleep_until(instant.into()));
    }
}
