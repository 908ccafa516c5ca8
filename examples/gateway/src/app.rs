//! What all connections share.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::HeaderMap;
use tokio::sync::watch;

use crate::address;
use crate::auth::Auth;
use crate::connection::Connection;
use crate::hub::Hub;
use crate::idempotency::Keys;
use crate::metrics::Metrics;
use crate::options::Options;
use crate::redis::Redis;
use crate::streams::Streams;

/// How many keys of publishers are remembered.
const IDEMPOTENCY_KEYS: usize = 100_000;

/// What all connections share.
#[derive(Debug)]
pub struct App {
    /// The options.
    pub options: Options,
    /// Who may connect.
    pub auth: Auth,
    /// The streams that run.
    pub streams: Arc<Streams>,
    /// The topics.
    pub hub: Arc<Hub>,
    /// What publishers have sent, if there is no Redis.
    pub keys: Keys,
    /// The log that several gateways share, if they do.
    pub redis: Option<Arc<Redis>>,
    /// The figures for the operator.
    pub metrics: Metrics,
    /// When the last connection ends, once the server shuts down.
    shutdown: watch::Sender<Option<Instant>>,
    start: Instant,
}

impl App {
    /// Creates it, with an epoch of its own.
    ///
    /// # Errors
    ///
    /// The users or the secret cannot be read, or the URL of Redis is not one.
    pub fn new(options: Options) -> Result<Self, String> {
        let epoch = format!("{:016x}", fastrand::u64(..));
        let hub = Hub::new(
            &epoch,
            options.log_events,
            options.log_bytes,
            options.log_age,
        );
        let hub = Arc::new(hub);
        let redis = Redis::new(&options, &hub)?;
        let figures = redis.as_ref().map(|redis| redis.figures());
        Ok(Self {
            auth: Auth::new(&options, redis.clone())?,
            streams: Arc::new(Streams::new(&options)),
            metrics: Metrics::new(figures),
            options,
            hub,
            redis,
            keys: Keys::new(IDEMPOTENCY_KEYS),
            shutdown: watch::Sender::new(None),
            start: Instant::now(),
        })
    }

    /// Returns the address that limits count for a request.
    pub fn address_of_client(&self, headers: &HeaderMap, connection: &Connection) -> IpAddr {
        address::of_client(headers, connection.peer.ip(), &self.options.trusted_proxies)
    }

    /// Returns the time since the start.
    pub fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// Begins to end all connections: the last at `end`.
    pub fn shut_down(&self, end: Instant) {
        self.shutdown.send_replace(Some(end));
    }

    /// Returns whether new clients and publishers should come here.
    pub fn is_ready(&self) -> bool {
        !self.is_ending() && self.has_log()
    }

    /// Returns whether the server shuts down.
    pub fn is_ending(&self) -> bool {
        self.shutdown.borrow().is_some()
    }

    /// Returns whether the log is there, which it may not be at once if it is in Redis.
    pub fn has_log(&self) -> bool {
        self.redis.as_ref().is_none_or(|redis| redis.is_ready())
    }

    /// Returns a receiver of the time when the last connection ends.
    pub fn watch_shutdown(&self) -> watch::Receiver<Option<Instant>> {
        let mut shutdown = self.shutdown.subscribe();
        // It may have begun already.
        shutdown.mark_changed();
        shutdown
    }

    /// Returns a reconnection time for a farewell, if all clients receive one, so that they do not
    /// reconnect at once.
    pub fn spread_retry(&self) -> Option<Duration> {
        let window = self.options.drain.max(self.options.retry);
        let millis = u64::try_from(window.as_millis()).unwrap_or(u64::MAX);
        let random = || Duration::from_millis(fastrand::u64(100..=millis.max(100)));
        self.is_ending().then(random)
    }
}
