//! A subscriber's events, in the order of the log.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use sse_wire::{Frame, Outgoing};

use super::{Filter, Hub, State};

/// How many entries of the log a subscriber reads before it lets others have the lock.
const ENTRIES_AT_ONCE: u32 = 1024;

/// The error of a subscriber that has read so slowly that the log no longer has its next event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeftBehind;

impl fmt::Display for LeftBehind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the log no longer has the subscriber's next event")
    }
}

impl std::error::Error for LeftBehind {}

/// A subscriber of a [`Hub`]; dropping it ends the subscription.
pub struct Subscription {
    hub: Arc<Hub>,
    filter: Filter,
    number: u64,
}

impl Subscription {
    pub(super) const fn new(hub: Arc<Hub>, filter: Filter, number: u64) -> Self {
        Self {
            hub,
            filter,
            number,
        }
    }

    /// Returns the next frame that concerns the subscriber; `None` when all its topics have ended.
    pub fn poll_next(&self, context: &mut Context<'_>) -> Poll<Option<Result<Frame, LeftBehind>>> {
        let mut state = self.hub.lock();
        let State {
            log, slots, ended, ..
        } = &mut *state;
        let Some(slot) = slots.get_mut(&self.number) else {
            return Poll::Ready(None);
        };
        for _ in 0..ENTRIES_AT_ONCE {
            let Some(cursor) = &mut slot.pending else {
                break;
            };
            match log.next(cursor) {
                Ok(Some(entry)) if self.filter.includes(entry.tag) => {
                    return Poll::Ready(Some(Ok(entry.frame.clone())));
                }
                Ok(Some(_)) => {}
                Ok(None) => slot.pending = None,
                Err(_) => return Poll::Ready(Some(Err(LeftBehind))),
            }
        }
        if slot.pending.is_some() {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        if self
            .filter
            .topics
            .iter()
            .all(|topic| ended.contains_key(topic))
        {
            return Poll::Ready(None);
        }
        slot.waker = Some(context.waker().clone());
        Poll::Pending
    }

    /// Returns the number of topics.
    pub const fn topics(&self) -> usize {
        self.filter.topics.len()
    }

    /// Encodes `block` with the ID of the position that the subscriber has passed.
    pub fn checkpoint(&self, block: Outgoing<'_>) -> Frame {
        let state = self.hub.lock();
        let pending = state.slots.get(&self.number).and_then(|slot| slot.pending);
        let id = match &pending {
            Some(cursor) => state.log.last_event_id_at(cursor),
            None => state.log.last_event_id(),
        };
        id.map_or(block, |id| block.id(id)).into()
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut state = self.hub.lock();
        state.slots.remove(&self.number);
        state.subscribers.remove(&self.filter, self.number);
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Subscription")
            .field("filter", &self.filter)
            .finish_non_exhaustive()
    }
}
