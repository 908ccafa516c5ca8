//! The loss of all connections at once, and how the subscribers come back.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::latency::Summary;
use super::state::State;

/// What the subscribers share of a storm.
#[derive(Debug, Default)]
pub(super) struct Storm {
    /// Cancelled when all drop their connections.
    pub(super) begun: CancellationToken,
    /// When it was, in the time of the run.
    time: AtomicU64,
    /// How many have reconnected, and when the last of them had.
    back: AtomicU32,
    last_back: AtomicU64,
    /// Nanoseconds from the request to the first chunk of the response.
    attempts: Mutex<Vec<u64>>,
    failures: AtomicU64,
}

impl Storm {
    /// Counts a subscriber that has reconnected with a request made at `requested`.
    pub(super) fn count_back(&self, requested: u64, now: u64) {
        self.back.fetch_add(1, Relaxed);
        self.last_back.fetch_max(now, Relaxed);
        let mut attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        attempts.push(now.saturating_sub(requested));
    }

    /// Counts an attempt that failed.
    pub(super) fn count_failure(&self) {
        self.failures.fetch_add(1, Relaxed);
    }

    pub(super) fn report(&self, state: &State) -> Option<Report> {
        if !self.begun.is_cancelled() {
            return None;
        }
        let mut latencies = state.empty_latency();
        for &attempt in &*self.attempts.lock().unwrap_or_else(PoisonError::into_inner) {
            latencies.record(attempt);
        }
        let (back, time) = (self.back.load(Relaxed), self.time.load(Relaxed));
        let until_back = self.last_back.load(Relaxed).saturating_sub(time);
        let has_all = back == state.plan.readers();
        Some(Report {
            jitter: state.plan.jitter,
            reconnected: back,
            all_back_ms: has_all.then(|| Duration::from_nanos(until_back).as_secs_f64() * 1_000.0),
            reconnect: latencies.summary(),
            failed_attempts: self.failures.load(Relaxed),
        })
    }
}

/// How the subscribers came back.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Report {
    pub(super) jitter: bool,
    pub(super) reconnected: u32,
    /// From the storm until the last subscriber was back; `None` if one was not.
    pub(super) all_back_ms: Option<f64>,
    /// From the request to the first chunk, without the delay before.
    pub(super) reconnect: Summary,
    pub(super) failed_attempts: u64,
}

/// Begins the storm in the middle of the measuring.
pub(super) async fn begin(state: &State) {
    let half = u64::from(state.plan.seconds) * 500_000_000;
    tokio::time::sleep_until(state.instant(state.measured_from() + half)).await;
    state.storm.time.store(state.now(), Relaxed);
    state.storm.begun.cancel();
}
