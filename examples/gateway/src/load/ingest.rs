//! How many subscribe and publish in a search for the rate that gateways can follow.

use std::time::Duration;

use super::{Options, publisher};

/// The publishers at each server.
const PUBLISHERS: u32 = 64;

/// The most publishers that an event can tell apart.
const MOST: u32 = 1_000;

/// The acceptable p99 and lag, if the options have none.
const MAX_LAG: Duration = Duration::from_secs(1);

/// The acceptable p99 of another search.
const MAX_P99: Duration = Duration::from_millis(50);

impl Options {
    /// Returns how many subscribers connect.
    pub(super) fn subscribers(&self) -> u32 {
        if self.ingest {
            self.servers()
        } else {
            self.subscribers
        }
    }

    /// Returns how many connections publish at a rate.
    pub(super) fn publishers(&self, rate: u32) -> u32 {
        self.publishers.unwrap_or_else(|| match self.ingest {
            true => self.servers().saturating_mul(PUBLISHERS).min(MOST),
            false => publisher::count(rate),
        })
    }

    /// Returns the p99 that a search accepts.
    pub(super) fn acceptable_p99(&self) -> Duration {
        let default = if self.ingest { MAX_LAG } else { MAX_P99 };
        self.max_p99.unwrap_or(default)
    }

    fn servers(&self) -> u32 {
        u32::try_from(self.urls.len()).unwrap_or(u32::MAX)
    }
}
