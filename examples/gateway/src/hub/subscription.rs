//! A subscriber's events, in the order of the log.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use sse_wire::{Frame, LastEventId, Outgoing};

use super::{Filter, Gap, Hub, Place, Slot, State};

/// How many entries of the log a subscriber reads before it lets others have the lock.
const ENTRIES_AT_ONCE: u32 = 1024;

/// What a subscriber receives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// An event.
    Event(Frame),
    /// The report that events may be missing.
    Gap(Gap),
}

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
    ///
    /// Nothing comes while the subscriber is [away](Self::leave).
    pub fn poll_next(
        &self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Delivery, LeftBehind>>> {
        let mut state = self.hub.lock();
        let State {
            log,
            slots,
            ended,
            newest,
            ..
        } = &mut *state;
        let Some(slot) = slots.get_mut(&self.number) else {
            return Poll::Ready(None);
        };
        if let Some(gap) = slot.gap.take() {
            return Poll::Ready(Some(Ok(Delivery::Gap(gap))));
        }
        for _ in 0..ENTRIES_AT_ONCE {
            let Place::Pending(cursor) = &mut slot.place else {
                break;
            };
            match log.next(cursor) {
                Ok(Some(entry)) if self.filter.includes(entry.tag) => {
                    return Poll::Ready(Some(Ok(Delivery::Event(entry.frame.clone()))));
                }
                Ok(Some(_)) => {}
                Ok(None) => slot.place = Place::CaughtUp,
                Err(_) => return Poll::Ready(Some(Err(LeftBehind))),
            }
        }
        match slot.place {
            Place::Pending(_) => {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            Place::CaughtUp if ended.all(&self.filter.topics, *newest) => {
                return Poll::Ready(None);
            }
            Place::CaughtUp | Place::Away(_) => {}
        }
        slot.waker = Some(context.waker().clone());
        Poll::Pending
    }

    /// Lets the subscriber read elsewhere, after the event with this ID.
    pub fn leave(&self, last_event_id: &str) {
        if let Some(slot) = self.hub.lock().slots.get_mut(&self.number) {
            slot.place = Place::Away(last_event_id.into());
            slot.gap = None;
        }
    }

    /// Lets the subscriber, which was away, continue after the event with this ID.
    ///
    /// # Errors
    ///
    /// A [`Gap`], as when one subscribes; then the subscriber stays away.
    pub fn join(&self, last_event_id: &str) -> Result<(), Gap> {
        let mut state = self.hub.lock();
        let (start, _) = state.position(last_event_id)?;
        let place = state.place(start);
        if let Some(slot) = state.slots.get_mut(&self.number) {
            slot.place = place;
        }
        Ok(())
    }

    /// Lets the subscriber, which was away, continue after a gap as if it subscribed now.
    pub fn join_after(&self, gap: Gap) {
        let mut state = self.hub.lock();
        let place = state.place(state.after(gap));
        if let Some(slot) = state.slots.get_mut(&self.number) {
            slot.place = place;
            slot.gap = Some(gap);
        }
    }

    /// Returns whether an event is for the subscriber.
    pub const fn filter(&self) -> &Filter {
        &self.filter
    }

    /// Encodes `block` with the ID of the position that the subscriber has passed.
    ///
    /// It gets no ID while a gap was not received: the subscriber could reconnect after it, and not learn
    /// of it.
    pub fn checkpoint(&self, block: Outgoing<'_>) -> Frame {
        let state = self.hub.lock();
        let Some(Slot {
            place, gap: None, ..
        }) = state.slots.get(&self.number)
        else {
            return nothing(block);
        };
        let id = match place {
            Place::CaughtUp => state.log.last_event_id(),
            Place::Pending(cursor) => state.log.last_event_id_at(cursor),
            Place::Away(id) => LastEventId::new(id).ok(),
        };
        id.map_or_else(|| nothing(block), |id| block.id(id).into())
    }
}

/// Encodes a block that has no position. Were it empty, it would keep no connection alive.
fn nothing(block: Outgoing<'_>) -> Frame {
    let is_empty = block == Outgoing::new();
    if is_empty { block.comment("") } else { block }.into()
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
