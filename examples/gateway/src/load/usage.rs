//! What a run cost: CPU time and memory, of this process and of the server.

use std::collections::BTreeMap;
use std::process;
use std::time::Duration;
use std::time::Instant;

use serde::Serialize;

use super::metrics::{Metrics, Source};
use super::{Failure, state::Plan};
use crate::process::{cpu_seconds, resident_bytes};

/// The state of both processes at one moment.
#[derive(Debug, Clone)]
pub(super) struct Snapshot {
    at: Instant,
    own_cpu: Option<f64>,
    server: Option<Metrics>,
}

impl Snapshot {
    pub(super) async fn take(source: &Source) -> Result<Self, Failure> {
        let server = source.read().await?;
        Ok(Self {
            at: Instant::now(),
            own_cpu: cpu_seconds(process::id()),
            server,
        })
    }
}

/// The snapshots of a run, in this order.
#[derive(Debug)]
pub(super) struct Snapshots {
    /// Before the first connection.
    pub(super) before: Snapshot,
    /// With all connections, before the first event.
    pub(super) idle: Snapshot,
    /// When the warm-up was over.
    pub(super) begin: Snapshot,
    /// When the last event was received.
    pub(super) end: Snapshot,
}

/// What the load cost this process.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Own {
    pub(super) cpu_seconds: Option<f64>,
    /// Of one core.
    pub(super) cpu_share: Option<f64>,
    pub(super) resident_bytes: Option<f64>,
}

/// What the load cost the server. Absent are the metrics that it does not have.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct OfServer {
    pub(super) cpu_seconds: Option<f64>,
    /// Of one core.
    pub(super) cpu_share: Option<f64>,
    pub(super) wakeups_per_event: Option<f64>,
    pub(super) encoded_frames_per_event: Option<f64>,
    pub(super) encode_seconds: Option<f64>,
    /// Of the server's CPU time.
    pub(super) encode_share: Option<f64>,
    pub(super) deliveries: Option<f64>,
    /// By its sockets, with heads and chunks.
    pub(super) sent_bytes: Option<f64>,
    pub(super) slowest_lag_events: Option<f64>,
    pub(super) resident_bytes_before: Option<f64>,
    pub(super) resident_bytes_idle: Option<f64>,
    pub(super) resident_bytes_after: Option<f64>,
    pub(super) bytes_per_idle_connection: Option<f64>,
    pub(super) gaps: BTreeMap<String, f64>,
    pub(super) connection_ends: BTreeMap<String, f64>,
}

impl Snapshots {
    fn time(&self) -> Duration {
        self.end.at - self.begin.at
    }

    pub(super) fn own(&self) -> Own {
        let cpu = self
            .end
            .own_cpu
            .zip(self.begin.own_cpu)
            .map(|(end, begin)| end - begin);
        Own {
            cpu_seconds: cpu,
            cpu_share: cpu.map(|cpu| share(cpu, self.time())),
            resident_bytes: resident_bytes(process::id()),
        }
    }

    pub(super) fn of_server(&self, plan: &Plan) -> Option<OfServer> {
        let (begin, end) = (self.begin.server.as_ref()?, self.end.server.as_ref()?);
        let (before, idle) = (self.before.server.as_ref()?, self.idle.server.as_ref()?);
        let growth = |name| end.growth(begin, name);
        let events = growth("gateway_events_total").filter(|events| *events > 0.0);
        let per_event = |name| Some(growth(name)? / events?);
        let cpu = growth("process_cpu_seconds_total");
        let encode = growth("gateway_encode_seconds_total");
        let resident = |metrics: &Metrics| metrics.sum("process_resident_memory_bytes");
        Some(OfServer {
            cpu_seconds: cpu,
            cpu_share: cpu.map(|cpu| share(cpu, self.time())),
            wakeups_per_event: per_event("gateway_wakeups_total"),
            encoded_frames_per_event: per_event("gateway_encoded_frames_total"),
            encode_seconds: encode,
            encode_share: encode
                .zip(cpu.filter(|cpu| *cpu > 0.0))
                .map(|(encode, cpu)| encode / cpu),
            deliveries: growth("gateway_deliveries_total"),
            sent_bytes: growth("gateway_sent_bytes_total"),
            slowest_lag_events: end.sum("gateway_slowest_lag_events"),
            resident_bytes_before: resident(before),
            resident_bytes_idle: resident(idle),
            resident_bytes_after: resident(end),
            bytes_per_idle_connection: bytes_per_connection(before, idle, plan.subscribers),
            gaps: end.growth_by(before, "gateway_gaps_total", "reason"),
            connection_ends: end.growth_by(before, "gateway_connection_ends_total", "reason"),
        })
    }
}

/// Returns a CPU time as a share of `time`.
fn share(cpu_seconds: f64, time: Duration) -> f64 {
    cpu_seconds / time.as_secs_f64().max(f64::EPSILON)
}

/// Returns by how much the memory of the server grew with each connection.
pub(super) fn bytes_per_connection(
    before: &Metrics,
    idle: &Metrics,
    connections: u32,
) -> Option<f64> {
    let growth = idle.growth(before, "process_resident_memory_bytes")?;
    Some(growth / f64::from(connections))
}
