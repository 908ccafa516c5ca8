//! The figures for the operator, as Prometheus reads them.

use std::fs;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::connection::Reason;
use crate::hub::{Gap, Published};
use crate::process;
use crate::redis::Figures;
use crate::streams::Full;

/// The figures. No label has a value of a user's choice, so that their number is bounded.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// Connections that are open.
    connections: Gauge,
    streams: Gauge,
    ends: Family<Labels, Counter>,
    gaps: Family<Labels, Counter>,
    busy: Family<Labels, Counter>,
    logins: Family<Labels, Counter>,
    events: Counter,
    wakeups: Counter,
    process: Process,
    /// Events that were given to sockets.
    pub deliveries: Counter,
    /// Events that were encoded.
    pub encoded_frames: Counter,
    /// Seconds spent encoding events.
    pub encode_seconds: Counter<f64, AtomicU64>,
    /// Bytes that the kernel took.
    pub sent_bytes: Counter,
    /// Connections that were one too many.
    pub refused: Counter,
    /// Topics that have subscribers.
    pub topics: Gauge,
    /// How many entries of the log the slowest subscriber is behind.
    pub slowest_lag: Gauge,
}

/// The only label: a reason that is a constant of the program.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    reason: &'static str,
}

/// What the kernel says of the process.
#[derive(Debug, Default)]
struct Process {
    cpu: Counter<f64, AtomicU64>,
    memory: Gauge<f64, AtomicU64>,
    descriptors: Gauge,
}

/// Counts a connection or stream as open until it is dropped.
#[derive(Debug)]
pub struct Open(Gauge);

impl Metrics {
    /// Creates them, all zero, with those of Redis if there is one.
    pub fn new(redis: Option<&Figures>) -> Self {
        let mut metrics = Self {
            registry: Registry::default(),
            connections: Gauge::default(),
            streams: Gauge::default(),
            ends: Family::default(),
            gaps: Family::default(),
            busy: Family::default(),
            logins: Family::default(),
            events: Counter::default(),
            wakeups: Counter::default(),
            process: Process::default(),
            deliveries: Counter::default(),
            encoded_frames: Counter::default(),
            encode_seconds: Counter::default(),
            sent_bytes: Counter::default(),
            refused: Counter::default(),
            topics: Gauge::default(),
            slowest_lag: Gauge::default(),
        };
        metrics.register(redis);
        metrics
    }

    fn register(&mut self, redis: Option<&Figures>) {
        let registry = self.registry.sub_registry_with_prefix("gateway");
        if let Some(redis) = redis {
            redis.register(registry);
        }
        registry.register(
            "connections",
            "Open connections of clients",
            self.connections.clone(),
        );
        registry.register("streams", "Open event streams", self.streams.clone());
        let help = "Connections that ended, by reason";
        registry.register("connection_ends", help, self.ends.clone());
        let help = "Connections that were refused because there were too many";
        registry.register("refused_connections", help, self.refused.clone());
        registry.register("events", "Events that were published", self.events.clone());
        let help = "Events that were given to the sockets of subscribers";
        registry.register("deliveries", help, self.deliveries.clone());
        let help = "Bytes that the kernel took from all connections";
        registry.register("sent_bytes", help, self.sent_bytes.clone());
        registry.register(
            "encoded_frames",
            "Events that were encoded",
            self.encoded_frames.clone(),
        );
        let help = "Time spent encoding events, in seconds";
        registry.register("encode_seconds", help, self.encode_seconds.clone());
        let help = "Subscribers that were woken for an event";
        registry.register("wakeups", help, self.wakeups.clone());
        let help = "Topics that have subscribers";
        registry.register("topics", help, self.topics.clone());
        let help = "Entries of the log that the slowest subscriber has not received";
        registry.register("slowest_lag_events", help, self.slowest_lag.clone());
        let help = "Clients that could not continue where they were, by reason";
        registry.register("gaps", help, self.gaps.clone());
        let help = "Streams that were refused, by the limit that was reached";
        registry.register("busy_streams", help, self.busy.clone());
        let help = "Logins, by result";
        registry.register("logins", help, self.logins.clone());
        let registry = self.registry.sub_registry_with_prefix("process");
        let help = "Processor time of the process, in seconds";
        registry.register("cpu_seconds", help, self.process.cpu.clone());
        let help = "Memory of the process that is in RAM, in bytes";
        registry.register("resident_memory_bytes", help, self.process.memory.clone());
        registry.register(
            "open_fds",
            "Open descriptors",
            self.process.descriptors.clone(),
        );
    }

    /// Writes all figures in the text format of Prometheus.
    pub fn encode(&self) -> String {
        self.process.read();
        let mut out = String::new();
        // Writing to a string cannot fail.
        let _ = text::encode(&mut out, &self.registry);
        out
    }

    /// Counts an event that was published, and the subscribers whom it woke.
    pub fn published(&self, published: &Published) {
        self.events.inc();
        self.encoded(published.encoding);
        self.wakeups.inc_by(published.woken as u64);
    }

    /// Counts a frame that was encoded.
    pub fn encoded(&self, time: Duration) {
        self.encoded_frames.inc();
        self.encode_seconds.inc_by(time.as_secs_f64());
    }

    /// Counts the end of a connection.
    pub fn ended(&self, reason: Reason) {
        let reason = reason.as_str();
        self.ends.get_or_create(&Labels { reason }).inc();
    }

    /// Counts a gap.
    pub fn gap(&self, gap: Gap) {
        let reason = gap.reason();
        self.gaps.get_or_create(&Labels { reason }).inc();
    }

    /// Counts a stream that would have been one too many.
    pub fn busy(&self, full: Full) {
        let reason = full.as_str();
        self.busy.get_or_create(&Labels { reason }).inc();
    }

    /// Counts a login with its result.
    pub fn login(&self, reason: &'static str) {
        self.logins.get_or_create(&Labels { reason }).inc();
    }

    /// Counts a connection as open.
    pub fn open_connection(&self) -> Open {
        Open::new(&self.connections)
    }

    /// Counts a stream as open.
    pub fn open_stream(&self) -> Open {
        Open::new(&self.streams)
    }
}

impl Open {
    fn new(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Process {
    /// Reads what Linux says; elsewhere the figures stay zero.
    fn read(&self) {
        let id = std::process::id();
        let cpu = process::cpu_seconds(id).unwrap_or_default();
        self.cpu.inc_by((cpu - self.cpu.get()).max(0.0));
        self.memory
            .set(process::resident_bytes(id).unwrap_or_default());
        if let Ok(descriptors) = fs::read_dir("/proc/self/fd") {
            let descriptors = i64::try_from(descriptors.count());
            self.descriptors.set(descriptors.unwrap_or(i64::MAX));
        }
    }
}
