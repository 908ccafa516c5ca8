//! What a run cost: CPU time and memory, of this process, of the servers and of Redis.

use std::collections::BTreeMap;
use std::process;
use std::time::Duration;
use std::time::Instant;

use serde::Serialize;

use super::metrics::{Metrics, Sources};
use super::{Failure, state::Plan};
use crate::process::{cpu_seconds, resident_bytes};

/// The names of metrics that every process has.
const CPU: &str = "process_cpu_seconds_total";
const MEMORY: &str = "process_resident_memory_bytes";

/// The state of all processes at one moment.
#[derive(Debug, Clone)]
pub(super) struct Snapshot {
    at: Instant,
    own_cpu: Option<f64>,
    servers: Vec<Metrics>,
    redis: Option<Metrics>,
}

impl Snapshot {
    pub(super) async fn take(sources: &Sources) -> Result<Self, Failure> {
        let servers = sources.read().await?;
        let redis = match &sources.redis {
            Some(redis) => Some(redis.read().await?),
            None => None,
        };
        Ok(Self {
            at: Instant::now(),
            own_cpu: cpu_seconds(process::id()),
            servers,
            redis,
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
    /// The highest lag of each server behind Redis.
    pub(super) lags: Vec<Option<f64>>,
}

/// What the load cost a process that has no metrics: this one, or Redis.
#[derive(Debug, Clone, Serialize)]
pub(super) struct OfProcess {
    pub(super) cpu_seconds: Option<f64>,
    /// Of one core.
    pub(super) cpu_share: Option<f64>,
    pub(super) resident_bytes: Option<f64>,
}

/// What the load cost a server, or all of them. Absent are the metrics that it does not have.
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
    /// The highest that was seen, once the warm-up was over.
    pub(super) redis_lag_seconds: Option<f64>,
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

    pub(super) fn own(&self) -> OfProcess {
        let cpu = self.end.own_cpu.zip(self.begin.own_cpu);
        self.of_process(
            cpu.map(|(end, begin)| end - begin),
            resident_bytes(process::id()),
        )
    }

    /// Returns what the load cost Redis; `None` if its process is unknown.
    pub(super) fn of_redis(&self) -> Option<OfProcess> {
        let (begin, end) = (self.begin.redis.as_ref()?, self.end.redis.as_ref()?);
        Some(self.of_process(end.growth(begin, CPU), end.sum(MEMORY)))
    }

    fn of_process(&self, cpu: Option<f64>, resident_bytes: Option<f64>) -> OfProcess {
        OfProcess {
            cpu_seconds: cpu,
            cpu_share: cpu.map(|cpu| share(cpu, self.time())),
            resident_bytes,
        }
    }

    /// Returns what the load cost each server; empty without metrics.
    pub(super) fn of_servers(&self, plan: &Plan) -> Vec<OfServer> {
        let count = self.end.servers.len();
        let servers = (0..count).map(|index| {
            // They were spread over the servers one by one.
            let subscribers = (0..plan.subscribers).skip(index).step_by(count).count();
            let connections = u32::try_from(subscribers).unwrap_or(u32::MAX);
            let lag = self.lags.get(index).copied().flatten();
            self.of_server(|all| all.get(index).cloned(), connections, lag)
        });
        servers.map(Option::unwrap_or_default).collect()
    }

    /// Returns what the load cost all servers together; `None` without metrics.
    pub(super) fn of_all(&self, plan: &Plan, servers: &[OfServer]) -> Option<OfServer> {
        if servers.is_empty() {
            return None;
        }
        let highest = |value: fn(&OfServer) -> Option<f64>| highest(servers.iter().map(value));
        let total = self.of_server(
            |all| Some(Metrics::total(all)),
            plan.subscribers,
            highest(|server| server.redis_lag_seconds),
        )?;
        // Servers that share events count each of them.
        let sum = |value: fn(&OfServer) -> Option<f64>| servers.iter().map(value).sum();
        Some(OfServer {
            wakeups_per_event: sum(|server| server.wakeups_per_event),
            encoded_frames_per_event: sum(|server| server.encoded_frames_per_event),
            slowest_lag_events: highest(|server| server.slowest_lag_events),
            ..total
        })
    }

    fn of_server(
        &self,
        select: impl Fn(&[Metrics]) -> Option<Metrics>,
        connections: u32,
        redis_lag_seconds: Option<f64>,
    ) -> Option<OfServer> {
        let (begin, end) = (select(&self.begin.servers)?, select(&self.end.servers)?);
        let (before, idle) = (select(&self.before.servers)?, select(&self.idle.servers)?);
        let growth = |name| end.growth(&begin, name);
        let events = growth("gateway_events_total").filter(|events| *events > 0.0);
        let per_event = |name| Some(growth(name)? / events?);
        let cpu = growth(CPU);
        let encode = growth("gateway_encode_seconds_total");
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
            redis_lag_seconds,
            resident_bytes_before: before.sum(MEMORY),
            resident_bytes_idle: idle.sum(MEMORY),
            resident_bytes_after: end.sum(MEMORY),
            bytes_per_idle_connection: bytes_per_connection(&before, &idle, connections),
            gaps: end.growth_by(&before, "gateway_gaps_total", "reason"),
            connection_ends: end.growth_by(&before, "gateway_connection_ends_total", "reason"),
        })
    }
}

/// Returns the highest of the values that exist.
pub(super) fn highest(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    values.flatten().reduce(f64::max)
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
    let growth = idle.growth(before, MEMORY)?;
    (connections > 0).then(|| growth / f64::from(connections))
}
