//! The lag of the gateways behind Redis, while the load runs.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::metrics::{Metrics, REDIS_LAG, Sources};
use super::state::State;
use super::usage::highest;

/// The time between two samples.
const INTERVAL: Duration = Duration::from_millis(500);

/// Reads the metrics until the run stops, and returns the highest lag of each server.
///
/// Servers whose metrics have no lag are not read again.
pub(super) async fn watch(state: Arc<State>, sources: Sources) -> Vec<Option<f64>> {
    let mut lags = vec![None; sources.servers.len()];
    loop {
        // A server that does not respond has no lag that could be known.
        let all = sources.read().await.unwrap_or_default();
        note(&mut lags, &all);
        if lags.iter().all(Option::is_none) {
            return lags;
        }
        tokio::select! {
            () = state.stop.cancelled() => return lags,
            () = sleep(INTERVAL) => {}
        }
    }
}

/// Notes each lag that is higher than the highest so far.
fn note(lags: &mut [Option<f64>], all: &[Metrics]) {
    for (lag, metrics) in lags.iter_mut().zip(all) {
        *lag = highest([*lag, metrics.sum(REDIS_LAG)].into_iter());
    }
}
