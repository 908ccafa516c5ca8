//! A line each second, to standard error; it collects the latencies on its way.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::latency::Latencies;
use super::state::State;

/// Prints until the run stops, and returns all latencies.
pub(super) async fn report(state: &State, label: &str) -> Latencies {
    let mut all = state.empty_latency();
    let second = Duration::from_secs(1);
    let mut ticks = interval_at(Instant::now() + second, second);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut seconds, mut paced, mut received) = (0, 0, 0);
    loop {
        tokio::select! {
            () = state.stop.cancelled() => break,
            _ = ticks.tick() => {}
        }
        seconds += 1;
        let mut latest = state.take_latency();
        let summary = latest.summary();
        all.take(&mut latest);
        let now_paced = state.paced.load(Relaxed);
        let now_received = state.received.load(Relaxed);
        let latency = match summary.count {
            0 => "not measured".to_owned(),
            _ => format!("p99 {:.2} ms", summary.p99_ms),
        };
        eprintln!(
            "{label} {seconds:>4} s: {} events/s, {} deliveries/s, {latency}, {} of {} connected",
            now_paced - paced,
            now_received - received,
            state.connected.load(Relaxed),
            state.plan.readers(),
        );
        (paced, received) = (now_paced, now_received);
    }
    all
}
