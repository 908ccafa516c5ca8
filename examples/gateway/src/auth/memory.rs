//! What is remembered of tokens: which tickets were redeemed, and who has logged out.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};

/// How many tickets that were redeemed, and users that have logged out, are remembered.
const MAX: usize = 100_000;
/// How many tickets of one user are remembered: more than pages need, so that no user takes the place
/// of all others.
const MAX_OF_USER: usize = 1_000;

/// The tickets that were redeemed and have not expired.
#[derive(Debug, Default)]
pub(super) struct Redeemed(Mutex<Tickets>);

#[derive(Debug, Default)]
struct Tickets {
    ids: HashSet<Box<str>>,
    of_user: HashMap<Box<str>, usize>,
    /// In the order of redemption, which is nearly that of expiry.
    order: VecDeque<Ticket>,
}

#[derive(Debug)]
struct Ticket {
    expiry: f64,
    id: Box<str>,
    user: Box<str>,
}

impl Redeemed {
    /// Redeems a ticket, unless it was redeemed before; of several requests at once, one succeeds.
    pub(super) fn redeem(&self, user: &str, id: &str, expiry: f64, now: f64) -> bool {
        let mut tickets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tickets.forget_expired(now);
        let of_user = tickets.of_user.get(user).copied().unwrap_or_default();
        // None is forgotten before it expires: it could be redeemed again.
        if tickets.ids.len() >= MAX || of_user >= MAX_OF_USER || !tickets.ids.insert(id.into()) {
            return false;
        }
        tickets.of_user.insert(user.into(), of_user + 1);
        let (id, user) = (id.into(), user.into());
        tickets.order.push_back(Ticket { expiry, id, user });
        true
    }
}

impl Tickets {
    fn forget_expired(&mut self, now: f64) {
        while self.order.front().is_some_and(|it| it.expiry <= now)
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest.id);
            if let Some(count) = self.of_user.get_mut(&oldest.user) {
                *count -= 1;
                if *count == 0 {
                    self.of_user.remove(&oldest.user);
                }
            }
        }
    }
}

/// The users that have logged out, and when.
#[derive(Debug, Default)]
pub struct Logouts(Mutex<Times>);

#[derive(Debug, Default)]
struct Times {
    times: HashMap<Box<str>, f64>,
    order: VecDeque<Box<str>>,
}

impl Logouts {
    /// Remembers that whatever a user has is void that was logged in until a time.
    pub(crate) fn add(&self, user: &str, time: f64) {
        let mut users = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = users.times.get_mut(user) {
            *known = time.max(*known);
            return;
        }
        users.times.insert(user.into(), time);
        users.order.push_back(user.into());
        if users.order.len() > MAX
            && let Some(oldest) = users.order.pop_front()
        {
            users.times.remove(&oldest);
        }
    }

    /// Returns the users with their times for which a condition holds.
    pub(crate) fn all(&self, condition: impl Fn(&str, f64) -> bool) -> Vec<(Box<str>, f64)> {
        let users = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let all = users
            .times
            .iter()
            .filter(|(user, time)| condition(user, **time));
        all.map(|(user, time)| (user.clone(), *time)).collect()
    }

    /// Returns whether a user has logged out that was logged in since a time.
    pub(super) fn is_void(&self, user: &str, since: f64) -> bool {
        let users = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        users.times.get(user).is_some_and(|time| since <= *time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_redeemed_once_and_forgotten_when_it_has_expired() {
        let redeemed = Redeemed::default();
        assert!(redeemed.redeem("ann", "a", 30.0, 0.0));
        assert!(!redeemed.redeem("ann", "a", 30.0, 29.9));
        assert!(redeemed.redeem("bob", "b", 60.0, 30.0));
        let tickets = redeemed.0.lock().unwrap();
        assert_eq!((tickets.ids.len(), tickets.of_user.len()), (1, 1));
    }

    #[test]
    fn no_ticket_is_forgotten_early_however_many_are_redeemed() {
        let redeemed = Redeemed::default();
        for number in 0..MAX {
            let user = (number / MAX_OF_USER).to_string();
            assert!(redeemed.redeem(&user, &number.to_string(), 30.0, 0.0));
        }
        assert!(!redeemed.redeem("ann", "one more", 30.0, 1.0));
        assert!(!redeemed.redeem("0", "0", 30.0, 1.0));
        assert!(redeemed.redeem("ann", "one more", 60.0, 30.0));
        assert_eq!(redeemed.0.lock().unwrap().order.len(), 1);
    }

    #[test]
    fn a_user_that_redeems_very_many_tickets_stops_no_other() {
        let redeemed = Redeemed::default();
        let count = (0..2 * MAX_OF_USER)
            .filter(|number| redeemed.redeem("bob", &number.to_string(), 30.0, 0.0))
            .count();
        assert_eq!(count, MAX_OF_USER);
        assert!(redeemed.redeem("ann", "another", 30.0, 0.0));
        assert!(redeemed.redeem("bob", "later", 60.0, 30.0));
    }

    #[test]
    fn a_logout_voids_the_tokens_before_it_and_is_bounded() {
        let logouts = Logouts::default();
        logouts.add("ann", 5.0);
        assert!(logouts.is_void("ann", 5.0) && logouts.is_void("ann", 0.0));
        assert!(!logouts.is_void("ann", 5.1) && !logouts.is_void("bob", 0.0));
        for number in 0..MAX {
            logouts.add(&number.to_string(), 6.0);
        }
        let users = logouts.0.lock().unwrap();
        assert_eq!((users.times.len(), users.order.len()), (MAX, MAX));
    }
}
