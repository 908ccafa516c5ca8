//! The outcome of a run: what was published, what arrived, and what it cost.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use serde::Serialize;

use super::latency::{Latencies, Summary};
use super::logins;
use super::publisher::Published;
use super::slow;
use super::state::State;
use super::storm;
use super::tally::{Numbers, Tally};
use super::usage::{OfProcess, OfServer, Snapshots};

/// What a run measured.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Outcome {
    pub(super) subscribers: u32,
    pub(super) readers: u32,
    pub(super) rate: u32,
    pub(super) size: usize,
    pub(super) seconds: u32,
    pub(super) publishing: Publishing,
    pub(super) deliveries: Deliveries,
    pub(super) connections: Connections,
    pub(super) own: OfProcess,
    /// All servers together.
    pub(super) server: Option<OfServer>,
    /// Each of them, in the order of their URLs.
    pub(super) servers: Vec<OfServer>,
    pub(super) redis: Option<OfProcess>,
    pub(super) storm: Option<storm::Report>,
    pub(super) slow: Option<slow::Report>,
    pub(super) logins: Option<logins::Report>,
}

/// What the publishers did.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Publishing {
    pub(super) publishers: u32,
    /// With those of the warm-up, as all numbers but the latencies.
    pub(super) sent: u64,
    pub(super) acknowledged: u64,
    /// Not acknowledged; whether they were delivered is not checked.
    pub(super) failed: u64,
    pub(super) errors: BTreeMap<String, u64>,
    /// From the intended to the actual send time. If it is high, the publishers were behind.
    pub(super) lateness: Summary,
    /// From the actual send time to the response.
    pub(super) acknowledgement: Summary,
    /// The share of their time for which the publishers waited for responses. If it is near 1, more
    /// publishers would be less late; if not, this process lacks CPU time.
    pub(super) waiting_share: f64,
}

/// What the subscribers that read received.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Deliveries {
    pub(super) received: u64,
    /// While it was measured.
    pub(super) per_second: f64,
    /// From the intended send time to the receipt.
    pub(super) latency: Summary,
    /// Acknowledged and not received, once for each subscriber.
    pub(super) lost: u64,
    /// Of the lost: by subscribers that received a gap.
    pub(super) lost_with_gap: u64,
    pub(super) doubled: u64,
    pub(super) reordered: u64,
    pub(super) descending_ids: u64,
    pub(super) misdelivered: u64,
    pub(super) unexpected: u64,
    /// Reported by the server to the subscribers, by reason.
    pub(super) gaps: BTreeMap<String, u64>,
}

/// What happened to the connections of the subscribers that read.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Connections {
    /// Whose response was compressed, when they connected last.
    pub(super) compressed: u64,
    pub(super) reconnects: u64,
    pub(super) failed_attempts: u64,
    /// Why a connection or an attempt failed.
    pub(super) losses: BTreeMap<String, u64>,
}

impl Outcome {
    pub(super) fn new(
        state: &State,
        published: &Published,
        tallies: &[(u32, Tally)],
        latencies: &Latencies,
        snapshots: &Snapshots,
    ) -> Self {
        let plan = &state.plan;
        let servers = snapshots.of_servers(plan);
        let failed = u64::try_from(published.failed.len()).unwrap_or(u64::MAX);
        Self {
            subscribers: plan.subscribers,
            readers: plan.readers(),
            rate: plan.rate,
            size: plan.size,
            seconds: plan.seconds,
            publishing: Publishing {
                publishers: plan.publishers,
                sent: published.acknowledged + failed,
                acknowledged: published.acknowledged,
                failed,
                errors: published.errors.clone(),
                lateness: published.lateness.summary(),
                acknowledgement: published.acknowledgement.summary(),
                waiting_share: published.acknowledgement.sum().as_secs_f64()
                    / f64::from(plan.publishers * plan.seconds),
            },
            deliveries: Deliveries::new(state, published, tallies, latencies),
            connections: Connections::new(tallies),
            own: snapshots.own(),
            server: snapshots.of_all(plan, &servers),
            servers,
            redis: snapshots.of_redis(),
            storm: state.storm.report(state),
            slow: None,
            logins: None,
        }
    }

    /// Returns whether events were delivered, each once and to nobody else, and within `max_p99`.
    pub(super) fn passed(&self, max_p99: Option<Duration>) -> bool {
        self.failures(max_p99).is_empty()
    }

    /// Returns whether a server was further behind Redis than `limit`.
    pub(super) fn lags(&self, limit: Duration) -> bool {
        let lag = self
            .server
            .as_ref()
            .and_then(|server| server.redis_lag_seconds);
        lag.is_some_and(|lag| lag > limit.as_secs_f64())
    }

    /// Returns why the run has not passed.
    pub(super) fn failures(&self, max_p99: Option<Duration>) -> Vec<String> {
        let deliveries = &self.deliveries;
        let mut failures = Vec::new();
        for (count, what) in [
            (deliveries.lost, "lost"),
            (deliveries.doubled, "doubled"),
            (deliveries.descending_ids, "after one with a higher ID"),
            (deliveries.misdelivered, "delivered to a wrong user"),
        ] {
            if count > 0 {
                failures.push(format!("{count} events were {what}"));
            }
        }
        if deliveries.latency.count == 0 {
            failures.push("nothing was delivered".to_owned());
        }
        if let Some(limit) = max_p99.filter(|limit| !deliveries.latency.is_within(*limit)) {
            let p99 = deliveries.latency.p99_ms;
            failures.push(format!("the p99 of {p99:.2} ms exceeds {limit:?}"));
        }
        let is_away = |storm: &storm::Report| storm.all_back_ms.is_none();
        if self.storm.as_ref().is_some_and(is_away) {
            failures.push("not every subscriber has reconnected".to_owned());
        }
        failures
    }
}

impl Deliveries {
    fn new(
        state: &State,
        published: &Published,
        tallies: &[(u32, Tally)],
        latencies: &Latencies,
    ) -> Self {
        let latency = latencies.summary();
        let sum = |count: fn(&Tally) -> u64| tallies.iter().map(|(_, tally)| count(tally)).sum();
        let failed: Numbers = published.failed.iter().copied().collect();
        let lost = |tally: &Tally, index| lost(state, &failed, tally, index);
        let losses: Vec<_> = tallies
            .iter()
            .map(|(index, tally)| lost(tally, *index))
            .collect();
        let with_gap = tallies
            .iter()
            .zip(&losses)
            .filter(|((_, tally), _)| !tally.gaps.is_empty());
        let last = state.last_received.load(Relaxed);
        let time = Duration::from_nanos(last.saturating_sub(state.measured_from()));
        let time = time.max(state.measured_time());
        Self {
            received: sum(|tally| tally.events),
            per_second: per_second(state.measured.load(Relaxed), time),
            latency,
            lost: losses.iter().sum(),
            lost_with_gap: with_gap.map(|(_, lost)| lost).sum(),
            doubled: sum(|tally| tally.doubled),
            reordered: sum(|tally| tally.reordered),
            descending_ids: sum(|tally| tally.descending_ids),
            misdelivered: sum(|tally| tally.misdelivered),
            unexpected: sum(|tally| tally.unexpected),
            gaps: merge(tallies.iter().map(|(_, tally)| &tally.gaps)),
        }
    }
}

impl Connections {
    fn new(tallies: &[(u32, Tally)]) -> Self {
        let compressed = tallies.iter().filter(|(_, tally)| tally.is_compressed);
        Self {
            compressed: u64::try_from(compressed.count()).unwrap_or(u64::MAX),
            reconnects: tallies.iter().map(|(_, tally)| tally.reconnects).sum(),
            failed_attempts: tallies.iter().map(|(_, tally)| tally.failed_attempts).sum(),
            losses: merge(tallies.iter().map(|(_, tally)| &tally.losses)),
        }
    }
}

/// Returns how many of `count` events there were in each second of `time`.
pub(super) fn per_second(count: u64, time: Duration) -> f64 {
    let milliseconds = u128::from(count) * 1_000_000_000_000 / time.as_nanos().max(1);
    Duration::from_millis(u64::try_from(milliseconds).unwrap_or(u64::MAX)).as_secs_f64()
}

/// Counts the events that were acknowledged, and that `subscriber` should have received but did
/// not.
fn lost(state: &State, failed: &Numbers, tally: &Tally, subscriber: u32) -> u64 {
    let paced = state.paced.load(Relaxed);
    let is_mine = |number: u64| state.user_of(number).is_none_or(|user| user == subscriber);
    let lost = (0..paced)
        .filter(|&number| !tally.has(number) && !failed.contains(number) && is_mine(number));
    u64::try_from(lost.count()).unwrap_or(u64::MAX)
}

fn merge<'a>(maps: impl Iterator<Item = &'a BTreeMap<String, u64>>) -> BTreeMap<String, u64> {
    let mut merged = BTreeMap::new();
    for (key, count) in maps.flatten() {
        *merged.entry(key.clone()).or_default() += count;
    }
    merged
}
