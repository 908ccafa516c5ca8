//! When a connection ends: with a farewell first, and cut if that does not help.

use std::pin::Pin;
use std::time::{Duration, Instant};

use tokio::time::{Sleep, sleep_until};

use crate::app::App;
use crate::connection::{Expiry, Reason};

/// How long before its token expires a stream says so; half of what is left, if that is less.
const NOTICE: Duration = Duration::from_secs(30);
/// A token that expires so little later than another is no reason for another notice: a page that answers
/// each with a renewal would send one after the other.
const SAME: Duration = Duration::from_secs(1);
/// How long a stream has for its farewell before it is cut.
const FAREWELL: Duration = Duration::from_secs(5);
/// Longer than any process runs.
const NEVER: Duration = Duration::from_secs(366 * 86_400);

/// When a connection should end, and when it must.
#[derive(Debug)]
pub(crate) struct Deadline {
    sleep: Pin<Box<Sleep>>,
    /// When the farewell is due for other reasons than a token, and why.
    end: (Instant, Reason),
    /// When the token of the stream expires.
    expiry: Option<Instant>,
    /// When the stream says so, unless it has.
    notice: Option<Instant>,
    /// When the connection is cut, once the farewell was due, and why.
    cut: Option<(Instant, Reason)>,
    /// When the last connection is cut, once the server shuts down.
    last: Option<Instant>,
}

/// What a deadline asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    /// The stream should say that its token expires soon.
    Expiring,
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
        let end = Instant::now() + if max.is_zero() { NEVER } else { lifetime };
        Self {
            sleep: Box::pin(sleep_until(end.into())),
            end: (end, Reason::Lifetime),
            expiry: None,
            notice: None,
            cut: None,
            last: None,
        }
    }

    /// Waits for the next deadline, and returns what it asks for.
    pub(crate) async fn wait(&mut self) -> Due {
        self.sleep.as_mut().await;
        let due = self.next().1;
        match due {
            Due::Expiring => self.notice = None,
            Due::Farewell => {
                let (end, reason) = self.end;
                let expiry = self.expiry.filter(|expiry| *expiry <= end);
                let reason = expiry.map_or(reason, |_| Reason::Expired);
                let cut = Instant::now() + FAREWELL;
                self.cut = Some((self.last.map_or(cut, |last| last.min(cut)), reason));
            }
            Due::Cut(_) => {}
        }
        self.reset();
        due
    }

    /// Sets when the token of the stream expires.
    pub(crate) fn expire(&mut self, expiry: Expiry) {
        let old = self.expiry;
        let (at, is_new) = match expiry {
            Expiry::Begin(at) => (at, true),
            Expiry::Renew(at) => (old.max(Some(at)), Some(at) > old.map(|old| old + SAME)),
        };
        self.expiry = at;
        if is_new {
            let now = Instant::now();
            let notice = |at: Instant| at - NOTICE.min(at.saturating_duration_since(now) / 2);
            self.notice = at.map(notice);
        }
        self.reset();
    }

    /// Ends the stream now.
    pub(crate) fn end(&mut self, reason: Reason) {
        self.end = (Instant::now(), reason);
        (self.expiry, self.notice) = (None, None);
        self.reset();
    }

    /// Sets a random time for the farewell, before all connections are cut at `last`.
    pub(crate) fn shut_down(&mut self, last: Instant) {
        self.last = Some(last);
        if let Some((cut, _)) = &mut self.cut {
            *cut = last.min(*cut);
        } else {
            let left = last.saturating_duration_since(Instant::now());
            // Who watches readiness has a tenth of the time to notice it before.
            let end = Instant::now() + left.mul_f64(0.1 + 0.6 * fastrand::f64());
            // A stream that ends earlier, since its user has logged out for example, still does.
            if end < self.end.0 {
                self.end = (end, Reason::Drain);
            }
        }
        self.reset();
    }

    /// Returns why the connection was asked to end, if it was.
    pub(crate) fn reason_of_farewell(&self) -> Option<Reason> {
        self.cut.map(|(_, reason)| reason)
    }

    /// Returns the time of the next deadline, and what it asks for.
    fn next(&self) -> (Instant, Due) {
        if let Some((cut, reason)) = self.cut {
            return (cut, Due::Cut(reason));
        }
        let (end, _) = self.end;
        let due = self.expiry.map_or(end, |expiry| expiry.min(end));
        match self.notice {
            Some(notice) if notice < due => (notice, Due::Expiring),
            _ => (due, Due::Farewell),
        }
    }

    fn reset(&mut self) {
        let next = self.next().0;
        self.sleep.set(sleep_until(next.into()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Options;

    #[tokio::test]
    async fn a_shutdown_postpones_no_end() {
        let app = App::new(Options::of(&["--no-auth"])).expect("it starts");
        let mut deadline = Deadline::new(&app);
        deadline.end(Reason::LoggedOut);
        deadline.shut_down(Instant::now() + Duration::from_secs(60));
        assert_eq!(deadline.wait().await, Due::Farewell);
        assert_eq!(deadline.reason_of_farewell(), Some(Reason::LoggedOut));
    }
}
