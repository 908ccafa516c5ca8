//! Many gateways as one server: a log in Redis that all of them follow.
//!
//! Each gateway adds events to a Redis stream, and feeds its hub from that stream alone, so that all of
//! them have the same events in the same order, with the same IDs. The scripts beside this file decide
//! what must be decided at once for all gateways.

mod attach;
mod catch_up;
mod control;
mod entry;
mod error;
mod figures;
mod history;
mod keys;
mod publish;
mod pubsub;
mod scripts;
mod session;
mod tail;
mod trim;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::Client;
use tokio::sync::watch;

pub use catch_up::CatchUp;
pub use control::TooManyTickets;
pub use error::Unavailable;
pub use figures::Figures;
pub use publish::{Key, NotPublished};

use crate::hub::{Hub, Position};
use crate::options::Options;
use error::Complaints;
use history::History;
use keys::Keys;
use scripts::Scripts;
use session::Session;

/// How gateways share events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Mode {
    /// By a stream: whoever was away continues where it was, or learns that something is missing.
    Streams,
    /// By Pub/Sub, at most once, as a comparison: what is published while a gateway or Redis is away is
    /// lost, and nobody learns of it.
    Pubsub,
}

/// The log in Redis, and the connections to it.
pub struct Redis {
    client: Client,
    mode: Mode,
    keys: Keys,
    scripts: Scripts,
    /// `None` while Redis is away.
    session: watch::Sender<Option<Session>>,
    /// Whether the hub once had all that Redis had.
    is_ready: AtomicBool,
    /// The newest entry that this gateway has added, in which epoch.
    added: Mutex<(String, Position)>,
    history: History,
    hub: Arc<Hub>,
    figures: Figures,
    complaints: Complaints,
    max_events: usize,
    max_age: Duration,
    log_limits: (usize, usize, Duration),
}

impl Redis {
    /// Creates it, without connecting; `None` if the options name no Redis.
    ///
    /// # Errors
    ///
    /// The URL is not one of Redis.
    pub fn new(options: &Options, hub: &Arc<Hub>) -> Result<Option<Arc<Self>>, String> {
        let Some(url) = &options.redis else {
            return Ok(None);
        };
        // It may contain a password, and so is not repeated.
        let client = Client::open(url.as_str()).map_err(|error| {
            format!("--redis is not a URL such as redis://:password@127.0.0.1:6379/0: {error}")
        })?;
        if url.starts_with("rediss:") {
            // Another one may be there, in a test.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        Ok(Some(Arc::new(Self {
            client,
            mode: options.redis_mode,
            keys: Keys::new(&options.redis_key),
            scripts: Scripts::new(),
            session: watch::Sender::new(None),
            is_ready: AtomicBool::new(false),
            added: Mutex::default(),
            history: History::default(),
            hub: hub.clone(),
            figures: Figures::default(),
            complaints: Complaints::default(),
            max_events: options.redis_events,
            max_age: options.redis_age,
            log_limits: (options.log_events, options.log_bytes, options.log_age),
        })))
    }

    /// Returns whether clients that continue here find what is in Redis.
    pub fn is_ready(&self) -> bool {
        self.is_ready.load(Ordering::Acquire)
    }

    fn set_ready(&self) {
        self.is_ready.store(true, Ordering::Release);
    }

    /// Returns the figures for the operator.
    pub const fn figures(&self) -> &Figures {
        &self.figures
    }

    /// Returns whether a client can continue with events that are in Redis and not in memory.
    pub fn has_history(&self) -> bool {
        self.mode == Mode::Streams
    }

    /// Returns the newest entry that this gateway has added, in which epoch.
    fn added(&self) -> MutexGuard<'_, (String, Position)> {
        self.added.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { mode, keys, .. } = self;
        formatter
            .debug_struct("Redis")
            .field("mode", mode)
            .field("keys", keys)
            .finish_non_exhaustive()
    }
}
