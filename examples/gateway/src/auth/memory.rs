//! What is remembered of tokens: which tickets were redeemed, and who has logged out.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};

/// How many tickets that were redeemed, and users that have logged out, are remembered.
const MAX: usize = 100_000;

/// The tickets that were redeemed and have not expired.
#[derive(Debug, Default)]
pub(super) struct Redeemed(Mutex<Tickets>);

#[derive(Debug, Default)]
struct Tickets {
    ids: HashSet<Box<str>>,
    /// With the time of expiry, in the order of redemption, which is nearly that of expiry.
    order: VecDeque<(f64, Box<str>)>,
}

impl Redeemed {
    /// Redeems a ticket, unless it was redeemed before; of several requests at once, one succeeds.
    pub(super) fn redeem(&self, id: &str, expiry: f64, now: f64) -> bool {
        let mut tickets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_over = |(expiry, _): &(f64, Box<str>)| *expiry <= now;
        while tickets.order.front().is_some_and(is_over)
            && let Some((_, oldest)) = tickets.order.pop_front()
        {
            tickets.ids.remove(&oldest);
        }
        // None is forgotten before it expires: it could be redeemed again.
        if tickets.ids.len() >= MAX || !tickets.ids.insert(id.into()) {
            return false;
        }
        tickets.order.push_back((expiry, id.into()));
        true
    }
}

/// The users that have logged out, and when.
#[derive(Debug, Default)]
pub(super) struct Logouts(Mutex<Users>);

#[derive(Debug, Default)]
struct Users {
    times: HashMap<Box<str>, f64>,
    order: VecDeque<Box<str>>,
}

impl Logouts {
    /// Remembers that all tokens of a user that were issued until now are void.
    pub(super) fn add(&self, user: &str, now: impl FnOnce() -> f64) {
        let mut users = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // With the lock: not before the time of a request that has not found this logout.
        if users.times.insert(user.into(), now()).is_some() {
            return;
        }
        users.order.push_back(user.into());
        if users.order.len() > MAX
            && let Some(oldest) = users.order.pop_front()
        {
            users.times.remove(&oldest);
        }
    }

    /// Returns whether the user has logged out since a token was issued.
    pub(super) fn is_void(&self, user: &str, issued: f64) -> bool {
        let users = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        users.times.get(user).is_some_and(|time| issued <= *time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_redeemed_once_and_forgotten_when_it_has_expired() {
        let redeemed = Redeemed::default();
        assert!(redeemed.redeem("a", 30.0, 0.0));
        assert!(!redeemed.redeem("a", 30.0, 29.9));
        assert!(redeemed.redeem("b", 60.0, 30.0));
        assert_eq!(redeemed.0.lock().unwrap().ids.len(), 1);
    }

    #[test]
    fn no_ticket_is_forgotten_early_however_many_are_redeemed() {
        let redeemed = Redeemed::default();
        for number in 0..MAX {
            assert!(redeemed.redeem(&number.to_string(), 30.0, 0.0));
        }
        assert!(!redeemed.redeem("one more", 30.0, 1.0));
        assert!(!redeemed.redeem("0", 30.0, 1.0));
        assert!(redeemed.redeem("one more", 60.0, 30.0));
        assert_eq!(redeemed.0.lock().unwrap().order.len(), 1);
    }

    #[test]
    fn a_logout_voids_the_tokens_before_it_and_is_bounded() {
        let logouts = Logouts::default();
        logouts.add("ann", || 5.0);
        assert!(logouts.is_void("ann", 5.0) && logouts.is_void("ann", 0.0));
        assert!(!logouts.is_void("ann", 5.1) && !logouts.is_void("bob", 0.0));
        for number in 0..MAX {
            logouts.add(&number.to_string(), || 6.0);
        }
        let users = logouts.0.lock().unwrap();
        assert_eq!((users.times.len(), users.order.len()), (MAX, MAX));
    }
}
