//! The figures of Redis for the operator.

use std::sync::atomic::AtomicU64;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// The figures; clones are the same figures.
#[derive(Debug, Clone, Default)]
pub struct Figures {
    /// 1 while there is a connection.
    pub(super) up: Gauge,
    pub(super) connections: Counter,
    pub(super) skipped: Counter,
    pub(super) history_reads: Counter,
    /// How old the newest entry was when it was read, in seconds.
    pub(super) lag: Gauge<f64, AtomicU64>,
}

impl Figures {
    /// Adds them to those of the server.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "redis_up",
            "1 while there is a connection to Redis",
            self.up.clone(),
        );
        let help = "Connections to Redis that were made";
        registry.register("redis_connections", help, self.connections.clone());
        let help = "Entries of the log that no gateway has made, and that were skipped";
        registry.register("redis_skipped_entries", help, self.skipped.clone());
        let help = "Reads of entries that were not in memory, for clients that were away";
        registry.register("redis_history_reads", help, self.history_reads.clone());
        let help = "Age of the newest entry when it was read, in seconds";
        registry.register("redis_lag_seconds", help, self.lag.clone());
    }
}
