//! A hub that follows a log which is stored elsewhere, and shared.

use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use sse_wire::LastEventId;

use super::{Gap, Hub, Message, Place, Position, Published, State};

impl Hub {
    /// Adds the next entry of the stored log. One without an event only has a position.
    pub fn apply(
        &self,
        position: Position,
        message: Option<&Message<'_>>,
        now: Duration,
    ) -> Published {
        let mut state = self.lock();
        state.trim(now);
        let (published, wakers) = state.push(position, message, now);
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
        published
    }

    /// Removes all events, and continues after the position `seed` of an epoch, which may be the same.
    ///
    /// All subscribers that read from the log receive the gap. `ended` are the topics that have ended,
    /// with the position of their last event.
    pub fn restart(
        &self,
        epoch: &str,
        seed: Position,
        gap: Gap,
        mut ended: Vec<(Arc<str>, Position)>,
    ) {
        let mut state = self.lock();
        state.begin_epoch(epoch, seed);
        state.evicted = Some(seed);
        ended.sort_by_key(|(_, last)| *last);
        for (topic, last) in ended {
            state.ended.insert(topic, last);
        }
        let mut wakers = Vec::new();
        for slot in state.slots.values_mut() {
            if !matches!(slot.place, Place::Away(_)) {
                slot.place = Place::CaughtUp;
                slot.gap = Some(gap);
                wakers.extend(slot.waker.take());
            }
        }
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Sets the newest position that the stored log has evicted.
    pub fn set_evicted(&self, evicted: Position) {
        self.lock().evicted = Some(evicted);
    }

    /// Returns the newest position that the stored log has evicted.
    pub fn evicted(&self) -> Option<Position> {
        self.lock().evicted
    }

    /// Returns whether a subscriber has not read more than half of the log.
    pub fn has_slow_subscriber(&self) -> bool {
        let state = self.lock();
        let half = state.log.len() as u64 / 2;
        state.slots.values().any(|slot| match &slot.place {
            Place::Pending(cursor) => state.log.behind(cursor).is_ok_and(|behind| behind > half),
            Place::CaughtUp | Place::Away(_) => false,
        })
    }

    /// Returns the epoch, and the position of the newest entry.
    pub fn newest(&self) -> (String, Position) {
        let state = self.lock();
        (state.epoch.clone(), state.newest)
    }
}

impl State {
    pub(super) fn begin_epoch(&mut self, epoch: &str, seed: Position) {
        epoch.clone_into(&mut self.epoch);
        self.newest = seed;
        self.ended.clear();
        let id = format!("{epoch}.{seed}");
        self.log.new_epoch(LastEventId::new(&id).ok());
    }
}
