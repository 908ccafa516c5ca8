//! What one subscriber received: which sequence numbers, and how often.

use std::collections::BTreeMap;

use super::payload::Payload;
use super::state::State;

/// A set of event numbers, which grows as they come.
#[derive(Debug, Default, Clone)]
pub(super) struct Numbers(Vec<u64>);

impl Numbers {
    /// Returns whether the number is new.
    pub(super) fn insert(&mut self, number: u64) -> bool {
        let (word, bit) = position(number);
        if word >= self.0.len() {
            self.0.resize(word + 1, 0);
        }
        let Some(word) = self.0.get_mut(word) else {
            return false;
        };
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }

    pub(super) fn contains(&self, number: u64) -> bool {
        let (word, bit) = position(number);
        self.0.get(word).is_some_and(|word| word & bit != 0)
    }
}

impl FromIterator<u64> for Numbers {
    fn from_iter<I: IntoIterator<Item = u64>>(numbers: I) -> Self {
        let mut set = Self::default();
        for number in numbers {
            set.insert(number);
        }
        set
    }
}

fn position(number: u64) -> (usize, u64) {
    (
        usize::try_from(number / 64).unwrap_or(usize::MAX),
        1 << (number % 64),
    )
}

/// What an event is to the subscriber that receives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Received {
    /// For the first time; with its payload.
    New(Payload),
    /// Counted in the tally, and in no latency.
    Other,
}

/// The counts of one subscriber.
#[derive(Debug, Default, Clone)]
pub(super) struct Tally {
    seen: Numbers,
    /// By publisher: the sequence number after the highest.
    next: Vec<u64>,
    pub(super) events: u64,
    pub(super) doubled: u64,
    /// After an event of the same publisher with a higher sequence number.
    pub(super) reordered: u64,
    /// After an event with the same or a higher ID.
    pub(super) descending_ids: u64,
    /// Sent to another user.
    pub(super) misdelivered: u64,
    /// Not sent by this run, or changed on the way.
    pub(super) unexpected: u64,
    /// By reason.
    pub(super) gaps: BTreeMap<String, u64>,
    /// Why a connection was lost, and how often.
    pub(super) losses: BTreeMap<String, u64>,
    pub(super) reconnects: u64,
    pub(super) failed_attempts: u64,
    /// Whether the latest response was compressed.
    pub(super) is_compressed: bool,
}

impl Tally {
    /// Counts the data of an event that `subscriber` received.
    pub(super) fn count(&mut self, state: &State, subscriber: u32, data: &[u8]) -> Received {
        let payload = Payload::parse(data, state.size)
            .filter(|payload| payload.run == state.run && payload.publisher < state.publishers);
        let Some(payload) = payload else {
            self.unexpected += 1;
            return Received::Other;
        };
        let number = payload.sequence * u64::from(state.publishers) + u64::from(payload.publisher);
        if number >= state.total {
            self.unexpected += 1;
            return Received::Other;
        }
        if state.user_of(number).is_some_and(|user| user != subscriber) {
            self.misdelivered += 1;
            return Received::Other;
        }
        if !self.seen.insert(number) {
            self.doubled += 1;
            return Received::Other;
        }
        self.events += 1;
        self.count_order(&payload);
        Received::New(payload)
    }

    fn count_order(&mut self, payload: &Payload) {
        let publisher = usize::try_from(payload.publisher).unwrap_or(usize::MAX);
        if publisher >= self.next.len() {
            self.next.resize(publisher + 1, 0);
        }
        if let Some(next) = self.next.get_mut(publisher) {
            if payload.sequence < *next {
                self.reordered += 1;
            } else {
                *next = payload.sequence + 1;
            }
        }
    }

    /// Returns whether the event with this number was received.
    pub(super) fn has(&self, number: u64) -> bool {
        self.seen.contains(number)
    }

    /// Counts a gap, by the reason in its data.
    pub(super) fn count_gap(&mut self, data: &[u8]) {
        let gap: Option<serde_json::Value> = serde_json::from_slice(data).ok();
        let reason = gap.as_ref().and_then(|gap| gap.get("reason")?.as_str());
        *self
            .gaps
            .entry(reason.unwrap_or("no reason").to_owned())
            .or_default() += 1;
    }

    /// Counts a lost connection.
    pub(super) fn count_loss(&mut self, reason: impl ToString) {
        *self.losses.entry(reason.to_string()).or_default() += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(tally: &mut Tally, state: &State, publisher: u32, sequence: u64) -> bool {
        let payload = Payload {
            run: state.run,
            publisher,
            sequence,
            intended: 5,
        };
        let data = payload.to_data(state.size);
        matches!(tally.count(state, 0, data.as_bytes()), Received::New(_))
    }

    #[test]
    fn doubled_reordered_and_unexpected_events_are_counted() {
        let state = State::new(State::sample()).unwrap();
        let mut tally = Tally::default();
        assert!(count(&mut tally, &state, 0, 0) && count(&mut tally, &state, 1, 0));
        assert!(count(&mut tally, &state, 0, 2) && count(&mut tally, &state, 0, 1));
        assert!(!count(&mut tally, &state, 0, 2));
        assert!(!count(&mut tally, &state, 2, 0), "there are two publishers");
        assert!(!count(&mut tally, &state, 0, 5), "there are ten events");
        tally.count(&state, 0, b"something else");
        assert_eq!((tally.events, tally.doubled), (4, 1));
        assert_eq!((tally.reordered, tally.unexpected), (1, 3));
        assert!(tally.has(4) && !tally.has(3));
    }

    #[test]
    fn an_event_of_another_user_is_misdelivered() {
        let state = State::new(super::super::state::Plan {
            users: true,
            ..State::sample()
        })
        .unwrap();
        let mut tally = Tally::default();
        for number in 0..10 {
            let is_mine = state.user_of(number) == Some(0);
            let publisher = u32::try_from(number % 2).unwrap();
            assert_eq!(count(&mut tally, &state, publisher, number / 2), is_mine);
        }
        assert_eq!(tally.events + tally.misdelivered, 10);
        assert!(tally.events > 0 && tally.misdelivered > 0);
    }

    #[test]
    fn gaps_are_counted_by_reason() {
        let mut tally = Tally::default();
        tally.count_gap(br#"{"reason":"expired"}"#);
        tally.count_gap(br#"{"reason":"expired"}"#);
        tally.count_gap(b"?");
        let gaps: Vec<_> = tally.gaps.into_iter().collect();
        assert_eq!(gaps, [("expired".into(), 2), ("no reason".into(), 1)]);
    }
}
