//! The streams that run: how many there may be, and when they expire.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::auth::Rights;
use crate::connection::{Connection, Reason};
use crate::options::Options;
use crate::per_address::{Counted, PerAddress};

/// The streams that run.
#[derive(Debug)]
pub struct Streams {
    max: usize,
    max_of_user: usize,
    addresses: Arc<PerAddress>,
    compressed: Arc<Semaphore>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    all: usize,
    of_user: HashMap<Arc<str>, HashMap<u64, Running>>,
    next: u64,
}

#[derive(Debug)]
struct Running {
    connection: Arc<Connection>,
    topics: Vec<Arc<str>>,
}

/// Which limit a stream would exceed, or what is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// That of the server.
    Server,
    /// That of the user.
    User,
    /// That of the address.
    Address,
    /// The log in Redis was not read yet, or a ticket cannot be redeemed there.
    Redis,
}

/// A stream that was admitted, until it is dropped.
#[derive(Debug)]
pub struct Admitted {
    streams: Arc<Streams>,
    _of_address: Counted,
    of_user: Option<(Arc<str>, u64)>,
}

impl Streams {
    /// Creates it with the limits of the options.
    pub fn new(options: &Options) -> Self {
        Self {
            max: options.max_streams,
            max_of_user: options.max_streams_per_user,
            addresses: Arc::new(PerAddress::new(options.max_streams_per_address)),
            compressed: Arc::new(Semaphore::new(options.max_gzip_streams)),
            state: Mutex::default(),
        }
    }

    /// Admits a stream, unless it is one too many. No other has to end for it: a client whose oldest
    /// stream ended would open it again at once.
    pub fn admit(
        self: &Arc<Self>,
        connection: Arc<Connection>,
        address: IpAddr,
        user: Option<Arc<str>>,
        topics: Vec<Arc<str>>,
    ) -> Result<Admitted, Full> {
        let mut state = self.lock();
        let running = |user: &Arc<str>| state.of_user.get(user).map_or(0, HashMap::len);
        if state.all >= self.max {
            return Err(Full::Server);
        }
        if user.as_ref().map_or(0, running) >= self.max_of_user {
            return Err(Full::User);
        }
        let of_address = self.addresses.count(address).ok_or(Full::Address)?;
        state.all += 1;
        let number = state.next;
        state.next += 1;
        if let Some(user) = &user {
            let running = Running { connection, topics };
            let of_user = state.of_user.entry(user.clone()).or_default();
            of_user.insert(number, running);
        }
        Ok(Admitted {
            streams: self.clone(),
            _of_address: of_address,
            of_user: user.map(|user| (user, number)),
        })
    }

    /// Lets the streams of a user run for some seconds from now, as far as it may still read their
    /// topics; returns how many.
    pub fn renew(&self, user: &str, rights: &Rights, seconds: f64) -> usize {
        let state = self.lock();
        let Some(of_user) = state.of_user.get(user) else {
            return 0;
        };
        let renewed = of_user.values().filter(|it| rights.may_read(&it.topics));
        let expiry = instant(seconds);
        renewed.map(|it| it.connection.renew(expiry)).count()
    }

    /// Ends the streams of a user that has logged out.
    pub fn end(&self, user: &str) {
        let state = self.lock();
        for running in state
            .of_user
            .get(user)
            .into_iter()
            .flat_map(HashMap::values)
        {
            running.connection.end(Reason::LoggedOut);
        }
    }

    /// Allows a stream the memory of a compressor, unless there are too many.
    pub fn compressor(&self) -> Option<OwnedSemaphorePermit> {
        self.compressed.clone().try_acquire_owned().ok()
    }

    /// Returns how many users and addresses have streams.
    #[cfg(test)]
    pub(crate) fn users_and_addresses(&self) -> (usize, usize) {
        let state = self.lock();
        (state.of_user.len(), self.addresses.addresses())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Full {
    /// Says why in words.
    pub fn reason(self) -> String {
        match self {
            Self::Redis => "Redis is away".to_owned(),
            limit => format!(
                "too many streams: the limit of the {} is reached",
                limit.as_str()
            ),
        }
    }

    /// Returns the limit as clients and metrics see it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::User => "user",
            Self::Address => "address",
            Self::Redis => "redis",
        }
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let mut state = self.streams.lock();
        state.all -= 1;
        if let Some((user, number)) = &self.of_user
            && let Some(of_user) = state.of_user.get_mut(user)
        {
            of_user.remove(number);
            if of_user.is_empty() {
                state.of_user.remove(user);
            }
        }
    }
}

/// Returns the time in some seconds.
pub fn instant(seconds: f64) -> Instant {
    // Longer than a process runs.
    let seconds = seconds.clamp(0.0, 366.0 * 86_400.0);
    Instant::now() + Duration::from_secs_f64(seconds)
}
