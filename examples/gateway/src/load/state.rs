//! What the publishers, the subscribers and the progress line of one run share.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use hdrhistogram::CreationError;
use tokio_util::sync::CancellationToken;

use super::Options;
use super::latency::Latencies;
use super::payload::Payload;
use super::storm::Storm;

/// More than the threads that record at the same time.
const SHARDS: usize = 8;

/// The numbers of a run, fixed before it begins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    pub(super) rate: u32,
    pub(super) seconds: u32,
    pub(super) warm_up: u32,
    pub(super) size: usize,
    pub(super) subscribers: u32,
    /// Subscribers that never read.
    pub(super) slow: u32,
    pub(super) publishers: u32,
    pub(super) users: bool,
    pub(super) storm: bool,
    pub(super) jitter: bool,
    /// Whether logins fail meanwhile.
    pub(super) logins: bool,
}

impl Plan {
    pub(super) fn new(options: &Options) -> Self {
        Self {
            rate: options.rate,
            seconds: options.seconds,
            warm_up: options.warm_up,
            size: usize::try_from(options.size).unwrap_or(usize::MAX),
            subscribers: options.subscribers(),
            slow: options.slow.map_or(0, |slow| slow.of(options.subscribers)),
            publishers: options.publishers(options.rate),
            users: options.users,
            storm: options.storm,
            jitter: !options.no_jitter,
            logins: options.logins,
        }
    }

    /// Returns the plan at another rate, with so many publishers.
    pub(super) const fn at_rate(self, rate: u32, publishers: u32) -> Self {
        Self {
            rate,
            publishers,
            ..self
        }
    }

    /// Returns how many subscribers read.
    pub(super) const fn readers(&self) -> u32 {
        self.subscribers - self.slow
    }
}

/// A run.
#[derive(Debug)]
pub(super) struct State {
    /// Tells the events of this run from others.
    pub(super) run: u32,
    pub(super) plan: Plan,
    pub(super) size: usize,
    pub(super) publishers: u32,
    /// How many events are published, with those of the warm-up.
    pub(super) total: u64,
    /// Times are in nanoseconds since this moment.
    origin: Instant,
    /// The intended send time of the first event.
    begin: AtomicU64,
    /// When the measuring begins: the warm-up is over.
    measured_from: AtomicU64,
    /// Since the last progress line, by shard.
    latency: Vec<Mutex<Latencies>>,
    empty: Latencies,
    /// New events that were received, with those of the warm-up.
    pub(super) received: AtomicU64,
    /// Those without the warm-up.
    pub(super) measured: AtomicU64,
    /// When the last of them was received.
    pub(super) last_received: AtomicU64,
    /// Events that were handed to the publishers.
    pub(super) paced: AtomicU64,
    pub(super) connected: AtomicU32,
    /// Cancelled when the times of the events are known.
    pub(super) begun: CancellationToken,
    pub(super) stop: CancellationToken,
    /// Cancelled when the publishers are too far behind.
    pub(super) give_up: CancellationToken,
    pub(super) storm: Storm,
}

impl State {
    pub(super) fn new(plan: Plan) -> Result<Self, CreationError> {
        let empty = Latencies::new()?;
        let seconds = u64::from(plan.seconds) + u64::from(plan.warm_up);
        Ok(Self {
            run: fastrand::u32(..),
            plan,
            size: plan.size,
            publishers: plan.publishers,
            total: u64::from(plan.rate) * seconds,
            origin: Instant::now(),
            begin: AtomicU64::new(0),
            measured_from: AtomicU64::new(0),
            latency: (0..SHARDS).map(|_| Mutex::new(empty.clone())).collect(),
            empty,
            received: AtomicU64::new(0),
            measured: AtomicU64::new(0),
            last_received: AtomicU64::new(0),
            paced: AtomicU64::new(0),
            connected: AtomicU32::new(0),
            begun: CancellationToken::new(),
            stop: CancellationToken::new(),
            give_up: CancellationToken::new(),
            storm: Storm::default(),
        })
    }

    /// Returns the time, in nanoseconds since the origin of the run.
    pub(super) fn now(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// Converts a time of the run for tokio's timers.
    pub(super) fn instant(&self, time: u64) -> tokio::time::Instant {
        (self.origin + Duration::from_nanos(time)).into()
    }

    /// Sets the intended send time of the first event.
    pub(super) fn begin_at(&self, time: u64) {
        self.begin.store(time, Relaxed);
        let warm_up = u64::from(self.plan.warm_up) * 1_000_000_000;
        self.measured_from.store(time + warm_up, Relaxed);
        self.begun.cancel();
    }

    /// Returns for how long the plan measures.
    pub(super) fn measured_time(&self) -> Duration {
        Duration::from_secs(self.plan.seconds.into())
    }

    /// Returns when the warm-up is over.
    pub(super) fn measured_from(&self) -> u64 {
        self.measured_from.load(Relaxed)
    }

    /// Returns the intended send time of an event.
    pub(super) fn intended(&self, number: u64) -> u64 {
        let offset = u128::from(number) * 1_000_000_000 / u128::from(self.plan.rate);
        self.begin.load(Relaxed) + u64::try_from(offset).unwrap_or(u64::MAX / 2)
    }

    /// Returns the user whom an event is for, in an order that is the same in every run.
    pub(super) fn user_of(&self, number: u64) -> Option<u32> {
        if !self.plan.users {
            return None;
        }
        let user = fastrand::Rng::with_seed(number).u32(..self.plan.subscribers);
        Some(user)
    }

    /// Records an event that `subscriber` received for the first time; one that was resumed after a
    /// storm has no latency.
    pub(super) fn record(&self, subscriber: u32, payload: &Payload, now: u64, is_resumed: bool) {
        self.received.fetch_add(1, Relaxed);
        self.last_received.fetch_max(now, Relaxed);
        if payload.intended < self.measured_from() {
            return;
        }
        self.measured.fetch_add(1, Relaxed);
        if is_resumed {
            return;
        }
        let shard = usize::try_from(subscriber).unwrap_or_default() % SHARDS;
        if let Some(shard) = self.latency.get(shard) {
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            shard.record(now.saturating_sub(payload.intended));
        }
    }

    /// Takes the latencies since the last call.
    pub(super) fn take_latency(&self) -> Latencies {
        let mut latency = self.empty.clone();
        for shard in &self.latency {
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            latency.take(&mut shard);
        }
        latency
    }

    /// Returns a histogram without latencies.
    pub(super) fn empty_latency(&self) -> Latencies {
        self.empty.clone()
    }

    #[cfg(test)]
    pub(super) const fn sample() -> Plan {
        Plan {
            rate: 10,
            seconds: 1,
            warm_up: 0,
            size: 100,
            subscribers: 2,
            slow: 0,
            publishers: 2,
            users: false,
            storm: false,
            jitter: true,
            logins: false,
        }
    }
}
