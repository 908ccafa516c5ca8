//! Bounds how often an address tries to log in.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How many addresses are remembered.
const MAX: usize = 100_000;
const MINUTE: Duration = Duration::from_secs(60);

/// For each address, the attempts of about the last minute.
#[derive(Debug)]
pub(super) struct Attempts {
    per_minute: u32,
    /// When an address that sends nothing more has all its attempts again.
    addresses: Mutex<HashMap<IpAddr, Instant>>,
}

impl Attempts {
    pub(super) fn new(per_minute: u32) -> Self {
        let addresses = Mutex::default();
        Self {
            per_minute,
            addresses,
        }
    }

    /// Counts an attempt; or returns how long the address should wait, and counts nothing.
    pub(super) fn count(&self, address: IpAddr, now: Instant) -> Result<(), Duration> {
        let mut addresses = self
            .addresses
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if addresses.len() >= MAX && !addresses.contains_key(&address) {
            addresses.retain(|_, full_at| *full_at > now);
            if addresses.len() >= MAX {
                return Err(MINUTE);
            }
        }
        let full_at = addresses.entry(address).or_insert(now);
        // Each attempt takes its share of a minute to come back.
        let next = (*full_at).max(now) + MINUTE / self.per_minute;
        let wait = next.saturating_duration_since(now + MINUTE);
        if !wait.is_zero() {
            return Err(wait);
        }
        *full_at = next;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_so_many_attempts_and_each_comes_back() {
        let attempts = Attempts::new(10);
        let (address, other) = ([10, 0, 0, 1].into(), [10, 0, 0, 2].into());
        let begin = Instant::now();
        for _ in 0..10 {
            assert_eq!(attempts.count(address, begin), Ok(()));
        }
        assert_eq!(attempts.count(address, begin), Err(MINUTE / 10));
        assert_eq!(attempts.count(other, begin), Ok(()));
        let later = begin + MINUTE / 10;
        assert_eq!(attempts.count(address, later), Ok(()));
        assert!(attempts.count(address, later).is_err());
    }

    #[test]
    fn as_many_addresses_are_remembered_as_have_tried_lately() {
        let attempts = Attempts::new(10);
        let begin = Instant::now();
        let address = |number: u32| IpAddr::from(number.to_be_bytes());
        for number in 0..100_000 {
            assert_eq!(attempts.count(address(number), begin), Ok(()));
        }
        assert!(attempts.count(address(100_000), begin).is_err());
        assert_eq!(attempts.count(address(1), begin), Ok(()));
        assert_eq!(attempts.count(address(100_000), begin + MINUTE), Ok(()));
        assert_eq!(attempts.addresses.lock().unwrap().len(), 1);
    }
}
