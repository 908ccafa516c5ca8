//! Latencies: a histogram of microseconds, and its summary in milliseconds.

use std::fmt;
use std::time::Duration;

use hdrhistogram::{CreationError, Histogram};
use serde::Serialize;

/// The highest latency that is told from higher ones: an hour, in microseconds.
const HIGHEST: u64 = 3_600_000_000;

/// A histogram with three significant digits.
#[derive(Debug, Clone)]
pub(super) struct Latencies(Histogram<u64>);

impl Latencies {
    pub(super) fn new() -> Result<Self, CreationError> {
        Histogram::new_with_bounds(1, HIGHEST, 3).map(Self)
    }

    /// Records the nanoseconds of one latency.
    pub(super) fn record(&mut self, nanoseconds: u64) {
        self.0.saturating_record(nanoseconds / 1_000);
    }

    /// Adds the latencies of `other`, and clears it.
    pub(super) fn take(&mut self, other: &mut Self) {
        // Both have the same bounds, so that the addition cannot fail.
        if self.0.add(&other.0).is_ok() {
            other.0.reset();
        }
    }

    /// Returns the sum of all latencies.
    pub(super) fn sum(&self) -> Duration {
        let values = self.0.iter_recorded();
        let microseconds = values.map(|value| value.value_iterated_to() * value.count_at_value());
        Duration::from_micros(microseconds.sum())
    }

    pub(super) fn summary(&self) -> Summary {
        let at = |quantile| milliseconds(self.0.value_at_quantile(quantile));
        Summary {
            count: self.0.len(),
            p50_ms: at(0.5),
            p90_ms: at(0.9),
            p99_ms: at(0.99),
            p999_ms: at(0.999),
            max_ms: milliseconds(self.0.max()),
        }
    }
}

/// Percentiles.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub(super) struct Summary {
    pub(super) count: u64,
    pub(super) p50_ms: f64,
    pub(super) p90_ms: f64,
    pub(super) p99_ms: f64,
    pub(super) p999_ms: f64,
    pub(super) max_ms: f64,
}

impl Summary {
    /// Returns whether the p99 is at most `limit`.
    pub(super) fn is_within(&self, limit: Duration) -> bool {
        self.p99_ms <= limit.as_secs_f64() * 1_000.0
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            p50_ms,
            p90_ms,
            p99_ms,
            p999_ms,
            max_ms,
            ..
        } = self;
        write!(
            f,
            "p50 {p50_ms:.2} ms, p90 {p90_ms:.2} ms, p99 {p99_ms:.2} ms, p99.9 {p999_ms:.2} ms, \
             max {max_ms:.2} ms"
        )
    }
}

fn milliseconds(microseconds: u64) -> f64 {
    Duration::from_micros(microseconds).as_secs_f64() * 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_in_milliseconds() {
        let (mut all, mut some) = (Latencies::new().unwrap(), Latencies::new().unwrap());
        for milliseconds in 1..=100 {
            some.record(milliseconds * 1_000_000);
        }
        all.take(&mut some);
        let summary = all.summary();
        assert_eq!((summary.count, some.summary().count), (100, 0));
        assert_eq!(all.sum().as_millis() / 10, 505);
        assert!((summary.p50_ms - 50.0).abs() < 0.1 && (summary.p99_ms - 99.0).abs() < 0.1);
        assert!((summary.max_ms - 100.0).abs() < 0.1);
        assert!(summary.is_within(Duration::from_millis(100)));
        assert!(!summary.is_within(Duration::from_millis(98)));
    }
}
