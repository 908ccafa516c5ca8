//! Connections without events: what they cost in memory.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use serde::Serialize;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::metrics::Metrics;
use super::state::{Plan, State};
use super::target::Target;
use super::usage::bytes_per_connection;
use super::{Failure, Options, measure, report};
use crate::process;

/// What idle connections cost.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Report {
    pub(super) connections: u32,
    /// Those that were open at the end.
    pub(super) open: u32,
    pub(super) seconds: u32,
    pub(super) reconnects: u64,
    pub(super) resident_bytes_before: Option<f64>,
    pub(super) resident_bytes_connected: Option<f64>,
    pub(super) resident_bytes_after: Option<f64>,
    pub(super) bytes_per_connection: Option<f64>,
    /// The server's CPU time while the connections were idle.
    pub(super) cpu_seconds: Option<f64>,
    pub(super) own_resident_bytes: Option<f64>,
}

/// Connects, waits, and reports; returns whether all connections stayed open.
pub(super) async fn run(options: &Options, target: &Target) -> Result<bool, Failure> {
    let state = Arc::new(State::new(Plan::new(options))?);
    let target = Arc::new(target.clone());
    let source = measure::source(&target);
    let read = async || source.read().await.map(Option::unwrap_or_default);
    let before = read().await?;
    let mut readers = JoinSet::new();
    for subscriber in measure::connect(&state, &target).await? {
        readers.spawn(subscriber.run());
    }
    sleep(Duration::from_millis(500)).await;
    let connected = read().await?;
    eprintln!("{} connected", state.connected.load(Relaxed));
    sleep(Duration::from_secs(options.seconds.into())).await;
    let after = read().await?;
    let open = state.connected.load(Relaxed);
    state.stop.cancel();
    let mut reconnects = 0;
    while let Some(tally) = readers.join_next().await {
        reconnects += tally?.reconnects;
    }
    let resident = |metrics: &Metrics| metrics.sum("process_resident_memory_bytes");
    let report = Report {
        connections: state.plan.subscribers,
        open,
        seconds: options.seconds,
        reconnects,
        resident_bytes_before: resident(&before),
        resident_bytes_connected: resident(&connected),
        resident_bytes_after: resident(&after),
        bytes_per_connection: bytes_per_connection(&before, &after, state.plan.subscribers),
        cpu_seconds: after.growth(&connected, "process_cpu_seconds_total"),
        own_resident_bytes: process::resident_bytes(std::process::id()),
    };
    report::print_idle(options, &report)?;
    Ok(open == state.plan.subscribers && reconnects == 0)
}
