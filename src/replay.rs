//! A log of the last frames of a stream, for clients that reconnect with a last event ID (WHATWG
//! HTML 9.2.4).

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use core::sync::atomic::{AtomicUsize, Ordering};
use core::{fmt, time::Duration};

use thiserror::Error;

use crate::decode::EventDecoder;
use crate::frame::Frame;
use crate::limits::Limits;
use crate::value::LastEventId;

/// The number of the next epoch, of any log in the process. On a 32-bit target it wraps after 2^32
/// epochs.
static NEXT_EPOCH: AtomicUsize = AtomicUsize::new(0);

/// A bounded log of frames, from which a client that reconnects receives what it missed.
///
/// All subscribers share one log, and each has a [`Cursor`]. Put the log behind a lock, and wake
/// the subscribers when a frame was pushed. Cloning a frame increments a reference count, so that a
/// subscriber needs the lock only briefly.
///
/// A client that reconnects sends the ID of the last event it has received. [`since`](Self::since)
/// returns a cursor after that event, or a [`Gap`] if the log does not have all that followed. Then
/// notify the client, or send it the whole state.
///
/// A client without an ID starts at the [`end`](Self::end), for example. If it loses its connection
/// before its first event, it reconnects without an ID, and would miss what was pushed in between.
/// So send it the ID of its position at once, in a block without data: see
/// [`last_event_id_at`](Self::last_event_id_at) and the guide [never lose an
/// event](crate::guide::never_lose_an_event).
///
/// ```
/// use core::time::Duration;
/// use sse_wire::replay::{Gap, ReplayLog};
/// use sse_wire::{Frame, LastEventId, Outgoing};
///
/// let mut log = ReplayLog::new().with_frames(2);
/// for id in ["a", "b", "c", "d"] {
///     log.push(Frame::from(Outgoing::message(id).id(LastEventId::new(id)?)), Duration::ZERO);
/// }
/// let mut cursor = log.since("c")?;
/// let entry = log.next(&mut cursor)?.expect("a frame after `c`");
/// assert_eq!(entry.frame.as_bytes(), "id: d\ndata: d\n\n");
/// assert_eq!(log.next(&mut cursor)?, None);
/// // `b` was evicted, but nothing after it.
/// assert!(log.since("b").is_ok());
/// assert_eq!(log.since("a"), Err(Gap::TooOld));
/// assert_eq!(log.since("x"), Err(Gap::Unknown));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Tags
///
/// Each frame can have a tag of type `T` beside it that is not sent: a topic to filter by, or the
/// time of the event. [`with_tags`](Self::with_tags) creates such a log.
///
/// ```
/// use core::time::Duration;
/// use sse_wire::replay::ReplayLog;
/// use sse_wire::{Frame, Outgoing};
///
/// let mut log = ReplayLog::with_tags();
/// let frame = Frame::from(Outgoing::message("goal").numeric_id(1));
/// log.push_tagged(frame, "football", Duration::ZERO);
/// let entry = log.next(&mut log.start())?.expect("a frame");
/// assert_eq!(entry.tag, &"football");
/// # Ok::<(), sse_wire::replay::Gap>(())
/// ```
///
/// # An external log
///
/// A log can continue one that is stored elsewhere, in a database for example.
/// [`with_seed`](Self::with_seed) sets the ID of the event before the first frame, and
/// [`push`](Self::push) adds the stored frames, with their IDs. The log then answers as it did
/// before a restart.
///
/// # Bounds
///
/// The log is bounded by the number of frames (1024 by default), by their bytes (4 MiB by default),
/// and by their age (unlimited by default). The newest frame stays even if it exceeds the limit of
/// bytes. Evicted IDs are remembered, up to the same limits, so that an expired ID can be told from
/// an unknown one. Tags do not count.
pub struct ReplayLog<T = ()> {
    /// The number of this epoch of this log, unique in the process.
    epoch: usize,
    frames: VecDeque<Stored<T>>,
    /// The position of the first frame in the log. That of the first frame of an epoch is 1: a seed
    /// has the position 0, as if its frame had been evicted.
    first: u64,
    bytes: usize,
    /// The newest position of each ID, evicted ones included.
    positions: BTreeMap<Box<str>, u64>,
    /// The IDs in the order of their positions.
    ids: VecDeque<(u64, Box<str>)>,
    /// The bytes of the IDs whose frames were evicted, and their number.
    evicted_bytes: usize,
    evicted: usize,
    max_frames: usize,
    max_bytes: usize,
    max_age: Option<Duration>,
}

struct Stored<T> {
    frame: Frame,
    tag: T,
    time: Duration,
}

/// A frame of a [`ReplayLog`] and its tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry<'a, T = ()> {
    /// The frame; a clone of it increments a reference count.
    pub frame: &'a Frame,
    /// The tag that the frame was pushed with.
    pub tag: &'a T,
}

/// The position of a subscriber in one epoch of one [`ReplayLog`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cursor {
    epoch: usize,
    /// The position of the next frame.
    next: u64,
}

/// The error of a log that does not have everything after an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum Gap {
    /// Frames that came after the event were evicted.
    #[error("frames after the last event ID were evicted from the log")]
    TooOld,
    /// The log has no event with this ID: it never had one, or no longer remembers it.
    #[error("the last event ID is unknown")]
    Unknown,
    /// The cursor is of another log, or of an earlier epoch of this one.
    #[error("the cursor is of another log, or of an earlier epoch of this log")]
    OtherEpoch,
}

impl ReplayLog {
    /// Creates an empty log, of at most 1024 frames and 4 MiB.
    pub fn new() -> Self {
        Self::with_tags()
    }
}

impl<T> ReplayLog<T> {
    /// Creates an empty log whose frames have tags, of at most 1024 frames and 4 MiB.
    pub fn with_tags() -> Self {
        Self {
            epoch: next_epoch(),
            frames: VecDeque::new(),
            first: 1,
            bytes: 0,
            positions: BTreeMap::new(),
            ids: VecDeque::new(),
            evicted_bytes: 0,
            evicted: 0,
            max_frames: 1024,
            max_bytes: 4 << 20,
            max_age: None,
        }
    }

    /// Sets the maximum number of frames; the newest frame always stays.
    #[must_use]
    pub const fn with_frames(mut self, frames: usize) -> Self {
        self.max_frames = frames;
        self
    }

    /// Sets the maximum number of bytes; the newest frame always stays.
    #[must_use]
    pub const fn with_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// Sets the maximum age of frames.
    #[must_use]
    pub const fn with_age(mut self, age: Duration) -> Self {
        self.max_age = Some(age);
        self
    }

    /// Sets the ID of the event that precedes the first frame, for a log that continues an external
    /// one.
    ///
    /// A client that reconnects with this ID has missed nothing yet, and a client that starts at
    /// the end has an ID to resume from. If the log has frames, they are removed, as by
    /// [`new_epoch`](Self::new_epoch).
    ///
    /// ```
    /// use sse_wire::{LastEventId, replay::ReplayLog};
    ///
    /// let log = ReplayLog::new().with_seed(LastEventId::new("41")?);
    /// assert_eq!(log.last_event_id(), Some(LastEventId::new("41")?));
    /// assert_eq!(log.since("41"), Ok(log.end()));
    /// # Ok::<(), sse_wire::InvalidLastEventId>(())
    /// ```
    #[must_use]
    pub fn with_seed(mut self, id: LastEventId<'_>) -> Self {
        self.new_epoch(Some(id));
        self
    }

    /// Removes all frames and IDs, because what they belong to was reset.
    ///
    /// A cursor of an earlier epoch is detected: [`next`](Self::next) returns [`Gap::OtherEpoch`].
    /// The IDs of earlier epochs are unknown, unless they are used again: do not, or a client could
    /// resume in the wrong epoch. `seed` is the ID of the event that precedes the next frame, as in
    /// [`with_seed`](Self::with_seed); an empty one counts as `None`.
    pub fn new_epoch(&mut self, seed: Option<LastEventId<'_>>) {
        self.epoch = next_epoch();
        self.frames.clear();
        self.positions.clear();
        self.ids.clear();
        (self.first, self.bytes, self.evicted, self.evicted_bytes) = (1, 0, 0, 0);
        if let Some(id) = seed.filter(|id| !id.as_str().is_empty()) {
            let id: Box<str> = id.as_str().into();
            (self.evicted, self.evicted_bytes) = (1, id.len());
            self.positions.insert(id.clone(), 0);
            self.ids.push_back((0, id));
        }
    }

    /// Adds a frame with the default tag; see [`push_tagged`](Self::push_tagged).
    pub fn push(&mut self, frame: Frame, now: Duration)
    where
        T: Default,
    {
        self.push_tagged(frame, T::default(), now);
    }

    /// Adds a frame and its tag at the time `now`, which is measured from any fixed moment, and
    /// evicts frames that exceed the bounds.
    ///
    /// The log reads the frame's ID out of the frame: the last event ID of a client that has
    /// decoded it. A client that has received a frame without an ID reconnects with the ID before
    /// it, and receives the frame again. An empty ID resets a client's last event ID, so that it
    /// reconnects as a new client: do not send one in a stream that should be resumed.
    ///
    /// IDs must be unique. Of two frames with the same ID the newer one counts, and a client that
    /// has received only the older one would miss those between them. A client resumes after the
    /// whole frame that has its ID: put one event into each frame.
    ///
    /// # Complexity
    ///
    /// O(n + log m) for a frame of n bytes and a log of m frames.
    pub fn push_tagged(&mut self, frame: Frame, tag: T, now: Duration) {
        let position = self.end().next;
        if let Some(id) = id_of(&frame) {
            self.positions.insert(id.clone(), position);
            self.ids.push_back((position, id));
        }
        self.bytes += frame.len();
        let time = now;
        self.frames.push_back(Stored { frame, tag, time });
        while self.frames.len() > 1
            && (self.frames.len() > self.max_frames || self.bytes > self.max_bytes)
        {
            self.drop_first();
        }
        self.trim(now);
    }

    /// Evicts frames that exceed the maximum age at the time `now`.
    pub fn trim(&mut self, now: Duration) {
        let Some(age) = self.max_age else { return };
        while let Some(first) = self.frames.front() {
            if now.saturating_sub(first.time) <= age {
                break;
            }
            self.drop_first();
        }
    }

    /// Returns the position after the event with this ID, for a client that has received it last.
    ///
    /// # Errors
    ///
    /// [`Gap::TooOld`] or [`Gap::Unknown`] if the log does not have everything after it.
    ///
    /// # Complexity
    ///
    /// O(log m) for a log of m frames.
    pub fn since(&self, last_event_id: &str) -> Result<Cursor, Gap> {
        let position = self.positions.get(last_event_id).ok_or(Gap::Unknown)?;
        let next = position + 1;
        if next < self.first {
            return Err(Gap::TooOld);
        }
        Ok(self.cursor(next))
    }

    /// Returns the position of the first frame in the log.
    pub const fn start(&self) -> Cursor {
        self.cursor(self.first)
    }

    /// Returns the position after the last frame, for a client that wants future frames only.
    pub fn end(&self) -> Cursor {
        self.cursor(self.first + self.frames.len() as u64)
    }

    /// Returns the next frame for a subscriber, and advances its cursor; `None` at the end of the
    /// log.
    ///
    /// # Errors
    ///
    /// [`Gap::TooOld`] if the subscriber was so slow that the next frame was evicted, and
    /// [`Gap::OtherEpoch`] if the cursor is of another log or of an earlier epoch. The cursor does
    /// not change.
    ///
    /// # Complexity
    ///
    /// O(1).
    pub fn next(&self, cursor: &mut Cursor) -> Result<Option<Entry<'_, T>>, Gap> {
        let index = self.index_of(cursor)?;
        let stored = usize::try_from(index)
            .ok()
            .and_then(|index| self.frames.get(index));
        Ok(stored.map(|Stored { frame, tag, .. }| {
            cursor.next += 1;
            Entry { frame, tag }
        }))
    }

    /// Returns the newest ID, or the seed; `None` if there was no frame with an ID yet.
    ///
    /// It is remembered even if all frames were evicted.
    pub fn last_event_id(&self) -> Option<LastEventId<'_>> {
        LastEventId::new(&self.ids.back()?.1).ok()
    }

    /// Returns the last event ID of a client that has received everything before the cursor: that
    /// of the newest frame with an ID there, or the seed.
    ///
    /// Send it at the start of each stream, in a block without data, so that a client that loses
    /// its connection before its first event can resume. `None` if no such ID is remembered, and
    /// for a cursor of another log or of an earlier epoch.
    ///
    /// ```
    /// use core::time::Duration;
    /// use sse_wire::{Frame, Outgoing, replay::ReplayLog};
    ///
    /// let mut log = ReplayLog::new();
    /// log.push(Frame::from(Outgoing::message("x").numeric_id(7)), Duration::ZERO);
    /// let cursor = log.end(); // for a client without an ID
    /// let id = log.last_event_id_at(&cursor);
    /// let first = id.map(|id| Frame::from(Outgoing::new().id(id)));
    /// assert_eq!(first.expect("there is an ID").as_bytes(), "id: 7\n\n");
    /// ```
    ///
    /// # Complexity
    ///
    /// O(log m) for a log of m frames.
    pub fn last_event_id_at(&self, cursor: &Cursor) -> Option<LastEventId<'_>> {
        if cursor.epoch != self.epoch {
            return None;
        }
        let after = self
            .ids
            .partition_point(|(position, _)| *position < cursor.next);
        LastEventId::new(&self.ids.get(after.checked_sub(1)?)?.1).ok()
    }

    /// Returns how many frames [`next`](Self::next) has not returned yet for this cursor.
    ///
    /// # Errors
    ///
    /// The errors of [`next`](Self::next).
    pub fn behind(&self, cursor: &Cursor) -> Result<u64, Gap> {
        let index = self.index_of(cursor)?;
        Ok((self.frames.len() as u64).saturating_sub(index))
    }

    /// Returns the number of frames.
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// Returns whether the log has no frames.
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Returns the number of bytes of all frames.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    const fn cursor(&self, next: u64) -> Cursor {
        let epoch = self.epoch;
        Cursor { epoch, next }
    }

    /// Returns the index of the cursor's next frame.
    fn index_of(&self, cursor: &Cursor) -> Result<u64, Gap> {
        if cursor.epoch != self.epoch {
            return Err(Gap::OtherEpoch);
        }
        cursor.next.checked_sub(self.first).ok_or(Gap::TooOld)
    }

    fn drop_first(&mut self) {
        let Some(stored) = self.frames.pop_front() else {
            return;
        };
        self.first += 1;
        self.bytes -= stored.frame.len();
        // The IDs of evicted frames are in front.
        while let Some((position, id)) = self.ids.get(self.evicted) {
            if *position >= self.first {
                break;
            }
            self.evicted_bytes += id.len();
            self.evicted += 1;
        }
        while self.evicted > self.max_frames.max(1)
            || self.evicted > 1 && self.evicted_bytes > self.max_bytes
        {
            let Some((position, id)) = self.ids.pop_front() else {
                break;
            };
            self.evicted_bytes -= id.len();
            self.evicted -= 1;
            // A later frame may have had the same ID.
            if self.positions.get(&id) == Some(&position) {
                self.positions.remove(&id);
            }
        }
    }
}

fn next_epoch() -> usize {
    NEXT_EPOCH.fetch_add(1, Ordering::Relaxed)
}

/// Returns the last event ID of a client that has decoded the frame and nothing else; `None` if it
/// is empty.
fn id_of(frame: &Frame) -> Option<Box<str>> {
    // Limits are for untrusted input; the frame is the server's own.
    let limits = Limits::new()
        .with_event(usize::MAX)
        .with_last_event_id(usize::MAX);
    let mut decoder = EventDecoder::with_limits(limits);
    let mut rest = &frame.as_bytes()[..];
    while let Ok(Some(_)) = decoder.decode_raw(&mut rest) {}
    let id = decoder.last_event_id();
    (!id.is_empty()).then(|| id.into())
}

impl<T> Default for ReplayLog<T> {
    fn default() -> Self {
        Self::with_tags()
    }
}

impl<T> fmt::Debug for ReplayLog<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ReplayLog")
            .field("frames", &self.frames.len())
            .field("bytes", &self.bytes)
            .field("first", &self.first)
            .finish_non_exhaustive()
    }
}
