//! Distributes events to subscribers, from one log of all topics.
//!
//! An event is encoded once, and its frame is shared. A subscriber has a position in the log and no
//! queue, so that one that reads slowly costs nothing. The hub depends on sse-wire and std alone,
//! and can be copied.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};

use sse_wire::replay::{Cursor, ReplayLog};
use sse_wire::{LastEventId, Outgoing};

mod ended;
mod follow;
mod index;
mod message;
mod position;
mod subscription;

use ended::EndedTopics;
use index::Index;
pub use index::{Audience, Filter};
pub use message::{Ended, Message, Published};
pub use position::{Gap, Position, parse_id};
pub use subscription::{Delivery, LeftBehind, Subscription};

/// The topics of all events, their subscribers, and the log.
pub struct Hub {
    state: Mutex<State>,
}

struct State {
    /// Distinguishes the IDs of this log from those of the one before.
    epoch: String,
    log: ReplayLog<Audience>,
    /// The position of the newest event.
    newest: Position,
    subscribers: Index,
    slots: HashMap<u64, Slot>,
    next_slot: u64,
    ended: EndedTopics,
    /// The newest event that the stored log no longer has, if the hub follows one.
    evicted: Option<Position>,
}

/// What the hub knows of a subscriber.
struct Slot {
    place: Place,
    /// What the subscriber must learn before anything else.
    gap: Option<Gap>,
    waker: Option<Waker>,
    on_left_behind: Option<Box<dyn FnOnce() + Send>>,
}

/// Where a subscriber is.
enum Place {
    /// It has received all of its events in the log.
    CaughtUp,
    /// Its next event is here, or later.
    Pending(Cursor),
    /// It reads elsewhere, and has received what comes before this ID.
    Away(Box<str>),
}

impl Hub {
    /// Creates a hub without topics; its IDs are `epoch.1`, `epoch.2` and so on.
    ///
    /// `epoch` is made of hexadecimal digits, as many in each process.
    pub fn new(epoch: &str, frames: usize, bytes: usize, age: Duration) -> Self {
        let log = ReplayLog::with_tags()
            .with_frames(frames)
            .with_bytes(bytes)
            .with_age(age);
        let mut state = State {
            epoch: String::new(),
            log,
            newest: Position::default(),
            subscribers: Index::default(),
            slots: HashMap::new(),
            next_slot: 0,
            ended: EndedTopics::default(),
            evicted: None,
        };
        state.begin_epoch(epoch, Position::default());
        Self {
            state: Mutex::new(state),
        }
    }

    /// Encodes an event, and wakes the subscribers whom it concerns, and no others.
    pub fn publish(&self, message: &Message<'_>, now: Duration) -> Result<Published, Ended> {
        let mut state = self.lock();
        state.trim(now);
        if state.ended.contains(message.topic) {
            return Err(Ended);
        }
        let position = state.newest.next();
        let (published, wakers) = state.push(position, Some(message), now);
        drop(state);
        // After the lock was released: whoever is woken needs it.
        wakers.into_iter().for_each(Waker::wake);
        Ok(published)
    }

    /// Adds a subscriber, which begins after the event with `last_event_id`, or after the newest one.
    ///
    /// After a [`Gap`], which it receives first, it begins with the first event that it may have missed
    /// and that the log has. [`Ended`] if no event of these topics will follow. `on_left_behind` is
    /// called when the log has evicted an event that the subscriber did not read.
    pub fn subscribe(
        self: &Arc<Self>,
        filter: Filter,
        last_event_id: Option<&str>,
        on_left_behind: impl FnOnce() + Send + 'static,
    ) -> Result<(Subscription, Option<Gap>), Ended> {
        let mut state = self.lock();
        let position = last_event_id.map(|id| state.position(id));
        let passed = match position {
            Some(Ok((_, position))) => position,
            Some(Err(_)) => Position::default(),
            None => state.newest,
        };
        if state.ended.all(&filter.topics, passed) {
            return Err(Ended);
        }
        let (start, gap) = match position {
            Some(Ok((cursor, _))) => (cursor, None),
            Some(Err(gap)) => (state.after(gap), Some(gap)),
            None => (state.log.end(), None),
        };
        let slot = Slot {
            place: state.place(start),
            gap,
            waker: None,
            on_left_behind: Some(Box::new(on_left_behind)),
        };
        let number = state.next_slot;
        state.next_slot += 1;
        state.slots.insert(number, slot);
        state.subscribers.insert(&filter, number);
        Ok((Subscription::new(self.clone(), filter, number), gap))
    }

    /// Evicts what is too old, and reports subscribers that were left behind to their callbacks.
    ///
    /// Returns how many entries of the log the slowest of the others is behind. Call it each second.
    pub fn maintain(&self, now: Duration) -> u64 {
        let mut state = self.lock();
        state.trim(now);
        let State { log, slots, .. } = &mut *state;
        let (mut lag, mut left_behind) = (0, Vec::new());
        for slot in slots.values_mut() {
            let Place::Pending(cursor) = &slot.place else {
                continue;
            };
            match log.behind(cursor) {
                Ok(behind) => lag = lag.max(behind),
                Err(_) => left_behind.extend(slot.on_left_behind.take()),
            }
        }
        drop(state);
        for on_left_behind in left_behind {
            on_left_behind();
        }
        lag
    }

    /// Returns how many topics have subscribers.
    pub fn topics(&self) -> usize {
        self.lock().subscribers.topics()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Adds an entry to the log, and returns whom to wake. An entry without an event only has a position.
    fn push(
        &mut self,
        position: Position,
        message: Option<&Message<'_>>,
        now: Duration,
    ) -> (Published, Vec<Waker>) {
        self.newest = position;
        let id = format!("{}.{position}", self.epoch);
        let event = message.map_or_else(Outgoing::new, |message| message.event);
        let event = LastEventId::new(&id).map_or(event, |id| event.id(id));
        let begin = Instant::now();
        let frame = event.into();
        let encoding = begin.elapsed();
        let cursor = self.log.end();
        let audience = Audience {
            topic: message.map_or_else(Arc::default, |message| message.topic.into()),
            user: message.and_then(|message| message.user.map(Arc::from)),
            position,
        };
        if message.is_some_and(|message| message.is_last) {
            self.ended.insert(audience.topic.clone(), position);
        }
        self.log.push_tagged(frame, audience, now);
        let mut wakers = Vec::new();
        if let Some(message) = message {
            for number in self.subscribers.concerned(message.topic, message.user) {
                if let Some(slot) = self.slots.get_mut(number) {
                    if matches!(slot.place, Place::CaughtUp) {
                        slot.place = Place::Pending(cursor);
                    }
                    wakers.extend(slot.waker.take());
                }
            }
        }
        let published = Published {
            id,
            woken: wakers.len(),
            encoding,
        };
        (published, wakers)
    }

    /// Returns where a subscriber continues that has received the event with this ID last, and the
    /// position of that event.
    fn position(&self, id: &str) -> Result<(Cursor, Position), Gap> {
        let (epoch, position) = parse_id(id, &self.epoch).ok_or(Gap::Malformed)?;
        if epoch != self.epoch {
            return Err(Gap::OtherEpoch);
        }
        if position > self.newest {
            return Err(Gap::Unknown);
        }
        // The log does not remember the IDs of all that it has evicted.
        let cursor = self.log.since(id).map_err(|_| Gap::Expired)?;
        Ok((cursor, position))
    }

    /// Returns where a subscriber continues after a gap.
    fn after(&self, gap: Gap) -> Cursor {
        match gap {
            Gap::Unknown | Gap::Malformed => self.log.end(),
            _ => self.log.start(),
        }
    }

    fn place(&self, cursor: Cursor) -> Place {
        if cursor == self.log.end() {
            Place::CaughtUp
        } else {
            Place::Pending(cursor)
        }
    }

    /// Evicts what is too old, and forgets the topics whose last event was evicted: they may be used
    /// again.
    fn trim(&mut self, now: Duration) {
        self.log.trim(now);
        let evicted = self.evicted.unwrap_or_else(|| self.before_log());
        self.ended.forget(evicted);
    }

    /// Returns the position that precedes the log in memory.
    fn before_log(&self) -> Position {
        match self.log.next(&mut self.log.start()) {
            Ok(Some(first)) => first.tag.position.previous(),
            _ => self.newest,
        }
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Hub")
            .field("topics", &self.topics())
            .finish_non_exhaustive()
    }
}
