//! Counts what each address has at a time.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many of something each address has, up to a limit.
#[derive(Debug)]
pub struct PerAddress {
    max: usize,
    counts: Mutex<HashMap<IpAddr, usize>>,
}

/// One of them, until it is dropped.
#[derive(Debug)]
pub struct Counted {
    all: Arc<PerAddress>,
    address: IpAddr,
}

impl PerAddress {
    /// Creates it with the limit of each address.
    pub fn new(max: usize) -> Self {
        let counts = Mutex::default();
        Self { max, counts }
    }

    /// Counts one more, unless the address has as many as it may.
    pub fn count(self: &Arc<Self>, address: IpAddr) -> Option<Counted> {
        let mut counts = self.lock();
        let count = counts.get(&address).copied().unwrap_or(0);
        if count >= self.max {
            return None;
        }
        counts.insert(address, count + 1);
        let all = self.clone();
        Some(Counted { all, address })
    }

    /// Returns how many addresses have any.
    #[cfg(test)]
    pub(crate) fn addresses(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut counts = self.all.lock();
        if let Some(count) = counts.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}
