//! Distributes events to subscribers, from one log of all topics.
//!
//! An event is encoded once, and its frame is shared. A subscriber has a position in the log and no
//! queue, so that one that reads slowly costs nothing. The hub depends on sse-wire and std alone,
//! and can be copied.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};

use sse_wire::replay::{Cursor, ReplayLog};
use sse_wire::{LastEventId, Outgoing};

mod index;
mod subscription;

pub use index::Filter;
use index::{Audience, Index};
pub use subscription::{LeftBehind, Subscription};

/// The topics of all events, their subscribers, and the log.
pub struct Hub {
    state: Mutex<State>,
}

struct State {
    /// Distinguishes the IDs of this process from those of the one before.
    epoch: String,
    log: ReplayLog<Audience>,
    /// The number of the newest event.
    sequence: u64,
    subscribers: Index,
    slots: HashMap<u64, Slot>,
    next_slot: u64,
    /// The topics that have ended, with the number of their last event, for as long as the log has it.
    ended: HashMap<Arc<str>, u64>,
    ended_order: VecDeque<Arc<str>>,
}

/// What the hub knows of a subscriber.
struct Slot {
    /// Where to look for the next event of the subscriber. `None` means that it has received all of
    /// its events in the log.
    pending: Option<Cursor>,
    waker: Option<Waker>,
    on_left_behind: Option<Box<dyn FnOnce() + Send>>,
}

/// An event to publish.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// The topic.
    pub topic: &'a str,
    /// The only user who receives it; everybody, if there is none.
    pub user: Option<&'a str>,
    /// The event; its ID is set by the hub.
    pub event: Outgoing<'a>,
    /// Whether it is the last event of its topic.
    pub is_last: bool,
}

/// An event that was published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// Its ID.
    pub id: String,
    /// How many subscribers were waiting for it.
    pub woken: usize,
    /// How long its encoding took.
    pub encoding: Duration,
}

/// Why a stream cannot continue where the subscriber's last one ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Gap {
    /// Events after the last event ID were evicted from the log.
    Expired,
    /// No event has this ID yet.
    Unknown,
    /// The ID is of another process, the one before a restart for example.
    OtherEpoch,
    /// The ID is not an epoch and a number.
    Malformed,
}

/// The error of a topic that has ended, or of a subscription to such topics alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended;

impl Hub {
    /// Creates a hub without topics; its IDs are `epoch.1`, `epoch.2` and so on.
    ///
    /// `epoch` is made of hexadecimal digits, as many in each process.
    pub fn new(epoch: &str, frames: usize, bytes: usize, age: Duration) -> Self {
        let mut log = ReplayLog::with_tags()
            .with_frames(frames)
            .with_bytes(bytes)
            .with_age(age);
        log.new_epoch(LastEventId::new(&format!("{epoch}.0")).ok());
        let state = State {
            epoch: epoch.to_owned(),
            log,
            sequence: 0,
            subscribers: Index::default(),
            slots: HashMap::new(),
            next_slot: 0,
            ended: HashMap::new(),
            ended_order: VecDeque::new(),
        };
        Self {
            state: Mutex::new(state),
        }
    }

    /// Encodes an event, and wakes the subscribers whom it concerns, and no others.
    pub fn publish(&self, message: &Message<'_>, now: Duration) -> Result<Published, Ended> {
        let (published, wakers) = self.lock().push(message, now)?;
        // After the lock was released: whoever is woken needs it.
        wakers.into_iter().for_each(Waker::wake);
        Ok(published)
    }

    /// Adds a subscriber, which begins after the event with `last_event_id`, or after the newest one.
    ///
    /// After a [`Gap`] it begins with the first event that it may have missed and that the log has.
    /// [`Ended`] if no event of these topics will follow. `on_left_behind` is called when the log
    /// has evicted an event that the subscriber did not read.
    pub fn subscribe(
        self: &Arc<Self>,
        filter: Filter,
        last_event_id: Option<&str>,
        on_left_behind: impl FnOnce() + Send + 'static,
    ) -> Result<(Subscription, Option<Gap>), Ended> {
        let mut state = self.lock();
        let position = last_event_id.map(|id| state.position(id));
        let passed = match position {
            Some(Ok((_, sequence))) => sequence,
            Some(Err(_)) => 0,
            None => state.sequence,
        };
        let has_ended = |topic| state.ended.get(topic).is_some_and(|last| *last <= passed);
        if filter.topics.iter().all(has_ended) {
            return Err(Ended);
        }
        let (start, gap) = match position {
            Some(Ok((cursor, _))) => (cursor, None),
            Some(Err(gap @ (Gap::Expired | Gap::OtherEpoch))) => (state.log.start(), Some(gap)),
            Some(Err(gap)) => (state.log.end(), Some(gap)),
            None => (state.log.end(), None),
        };
        let slot = Slot {
            pending: (start != state.log.end()).then_some(start),
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
            match slot.pending.map(|cursor| log.behind(&cursor)) {
                Some(Ok(behind)) => lag = lag.max(behind),
                Some(Err(_)) => left_behind.extend(slot.on_left_behind.take()),
                None => {}
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
    /// Adds an event to the log, and returns whom to wake.
    fn push(
        &mut self,
        message: &Message<'_>,
        now: Duration,
    ) -> Result<(Published, Vec<Waker>), Ended> {
        self.trim(now);
        if self.ended.contains_key(message.topic) {
            return Err(Ended);
        }
        self.sequence += 1;
        let id = format!("{}.{}", self.epoch, self.sequence);
        let event = LastEventId::new(&id).map_or(message.event, |id| message.event.id(id));
        let begin = Instant::now();
        let frame = event.into();
        let encoding = begin.elapsed();
        let topic: Arc<str> = message.topic.into();
        let cursor = self.log.end();
        let audience = Audience {
            topic: topic.clone(),
            user: message.user.map(Arc::from),
        };
        self.log.push_tagged(frame, audience, now);
        if message.is_last {
            self.ended.insert(topic.clone(), self.sequence);
            self.ended_order.push_back(topic);
        }
        let mut wakers = Vec::new();
        for number in self.subscribers.concerned(message.topic, message.user) {
            if let Some(slot) = self.slots.get_mut(number) {
                slot.pending.get_or_insert(cursor);
                wakers.extend(slot.waker.take());
            }
        }
        let published = Published {
            id,
            woken: wakers.len(),
            encoding,
        };
        Ok((published, wakers))
    }

    /// Returns where a subscriber continues that has received the event with this ID last, and the
    /// number of that event.
    fn position(&self, id: &str) -> Result<(Cursor, u64), Gap> {
        let (epoch, digits) = id.split_once('.').ok_or(Gap::Malformed)?;
        let is_epoch = |epoch: &str| {
            epoch.len() == self.epoch.len() && epoch.bytes().all(|byte| byte.is_ascii_hexdigit())
        };
        let is_number = digits.bytes().all(|byte| byte.is_ascii_digit())
            && (digits == "0" || !digits.is_empty() && !digits.starts_with('0'));
        if !is_epoch(epoch) || !is_number {
            return Err(Gap::Malformed);
        }
        if epoch != self.epoch {
            return Err(Gap::OtherEpoch);
        }
        match digits.parse() {
            Ok(number) if number <= self.sequence => {
                // The log does not remember the IDs of all that it has evicted.
                let cursor = self.log.since(id).map_err(|_| Gap::Expired)?;
                Ok((cursor, number))
            }
            _ => Err(Gap::Unknown),
        }
    }

    /// Evicts what is too old, and forgets the topics whose last event was evicted: they may be used
    /// again.
    fn trim(&mut self, now: Duration) {
        self.log.trim(now);
        let first = self.sequence + 1 - self.log.len() as u64;
        while let Some(topic) = self.ended_order.front() {
            if self.ended.get(topic).is_some_and(|last| *last >= first) {
                break;
            }
            self.ended.remove(topic);
            self.ended_order.pop_front();
        }
    }
}

impl Gap {
    /// Returns the reason as it is sent.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Unknown => "unknown",
            Self::OtherEpoch => "other-epoch",
            Self::Malformed => "malformed",
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
