//! Connections without events: what they cost in memory.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use serde::Serialize;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::metrics::{Metrics, Sources};
use super::pacer::Slot;
use super::payload::Payload;
use super::publisher::{self, Connection};
use super::state::{Plan, State};
use super::target::Target;
use super::usage::bytes_per_connection;
use super::{Failure, Options, measure, report};
use crate::process;

/// How long the events may take that come first.
const PATIENCE: Duration = Duration::from_secs(30);

/// What idle connections cost.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Report {
    pub(super) connections: u32,
    /// Those that were open at the end.
    pub(super) open: u32,
    pub(super) seconds: u32,
    pub(super) reconnects: u64,
    /// Those whose response was compressed.
    pub(super) compressed: u64,
    /// What each subscriber received before it was idle.
    pub(super) events: u32,
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
    let plan = Plan {
        rate: options.events.max(1),
        seconds: 1,
        warm_up: 0,
        publishers: 1,
        ..Plan::new(options)
    };
    let state = Arc::new(State::new(plan)?);
    let target = Arc::new(target.clone());
    let sources = Sources::new(&target);
    let read = async || sources.read().await.map(|all| Metrics::total(&all));
    let before = read().await?;
    let mut readers = JoinSet::new();
    for subscriber in measure::connect(&state, &target).await? {
        readers.spawn(subscriber.run());
    }
    publish(options.events, &state, &target).await?;
    sleep(Duration::from_millis(500)).await;
    let connected = read().await?;
    eprintln!("{} connected", state.connected.load(Relaxed));
    sleep(Duration::from_secs(options.seconds.into())).await;
    let after = read().await?;
    let open = state.connected.load(Relaxed);
    state.stop.cancel();
    let (mut reconnects, mut compressed) = (0, 0);
    while let Some(tally) = readers.join_next().await {
        let tally = tally?;
        reconnects += tally.reconnects;
        compressed += u64::from(tally.is_compressed);
    }
    let resident = |metrics: &Metrics| metrics.sum("process_resident_memory_bytes");
    let report = Report {
        connections: state.plan.subscribers,
        open,
        seconds: options.seconds,
        reconnects,
        compressed,
        events: options.events,
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

/// Publishes events, and waits until every subscriber has received them.
async fn publish(events: u32, state: &State, target: &Target) -> Result<(), Failure> {
    let mut connection = Connection::new(0);
    for number in 0..u64::from(events) {
        let payload = Payload {
            run: state.run,
            publisher: 0,
            sequence: number,
            intended: state.now(),
        };
        let slot = Slot {
            number,
            payload,
            user: None,
        };
        let sending = publisher::publish(state, target, &mut connection, &slot);
        let sent = timeout(PATIENCE, sending).await;
        sent.map_err(|_| "no response in time")??;
    }
    let expected = u64::from(events) * u64::from(state.plan.subscribers);
    let received = async {
        while state.received.load(Relaxed) < expected {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, received)
        .await
        .map_err(|_| "not every subscriber has received the events".into())
}
