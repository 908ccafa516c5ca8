//! A log of the last frames of a stream, for clients that reconnect with a last event ID (WHATWG
//! HTML 9.2.4).

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use core::{fmt, time::Duration};

use thiserror::Error;

use crate::decode::EventDecoder;
use crate::frame::Frame;
use crate::limits::Limits;

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
/// assert_eq!(log.next(&mut cursor)?.map(|frame| frame.as_bytes().as_ref()), Some(&b"id: d\ndata: d\n\n"[..]));
/// assert_eq!(log.next(&mut cursor)?, None);
/// // `b` was evicted, but nothing after it.
/// assert!(log.since("b").is_ok());
/// assert_eq!(log.since("a"), Err(Gap::TooOld));
/// assert_eq!(log.since("x"), Err(Gap::Unknown));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Bounds
///
/// The log is bounded by the number of frames (1024 by default), by their bytes (4 MiB by default),
/// and by their age (unlimited by default). The newest frame stays even if it exceeds the limit of
/// bytes. Evicted IDs are remembered, up to the same limits, so that an expired ID can be told from
/// an unknown one.
#[derive(Clone)]
pub struct ReplayLog {
    frames: VecDeque<Entry>,
    /// The position of the first frame in the log.
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

#[derive(Clone)]
struct Entry {
    frame: Frame,
    time: Duration,
}

/// The position of a subscriber in one [`ReplayLog`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cursor {
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
}

impl ReplayLog {
    /// Creates an empty log, of at most 1024 frames and 4 MiB.
    pub const fn new() -> Self {
        Self {
            frames: VecDeque::new(),
            first: 0,
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

    /// Adds a frame at the time `now`, which is measured from any fixed moment, and evicts frames
    /// that exceed the bounds.
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
    pub fn push(&mut self, frame: Frame, now: Duration) {
        let position = self.end().next;
        if let Some(id) = id_of(&frame) {
            self.positions.insert(id.clone(), position);
            self.ids.push_back((position, id));
        }
        self.bytes += frame.len();
        self.frames.push_back(Entry { frame, time: now });
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
    /// [`Gap`] if the log does not have everything after it.
    pub fn since(&self, last_event_id: &str) -> Result<Cursor, Gap> {
        let position = self.positions.get(last_event_id).ok_or(Gap::Unknown)?;
        let next = position + 1;
        if next < self.first {
            return Err(Gap::TooOld);
        }
        Ok(Cursor { next })
    }

    /// Returns the position of the first frame in the log.
    pub const fn start(&self) -> Cursor {
        Cursor { next: self.first }
    }

    /// Returns the position after the last frame, for a client that wants future frames only.
    pub fn end(&self) -> Cursor {
        Cursor {
            next: self.first + self.frames.len() as u64,
        }
    }

    /// Returns the next frame for a subscriber, and advances its cursor; `None` at the end of the
    /// log.
    ///
    /// # Errors
    ///
    /// [`Gap::TooOld`] if the subscriber was so slow that the next frame was evicted, and
    /// [`Gap::Unknown`] if the cursor is beyond the end, and so belongs to another log. The cursor
    /// does not change.
    pub fn next(&self, cursor: &mut Cursor) -> Result<Option<&Frame>, Gap> {
        if *cursor == self.end() {
            return Ok(None);
        }
        let index = cursor.next.checked_sub(self.first).ok_or(Gap::TooOld)?;
        let entry = usize::try_from(index)
            .ok()
            .and_then(|index| self.frames.get(index));
        let frame = &entry.ok_or(Gap::Unknown)?.frame;
        cursor.next += 1;
        Ok(Some(frame))
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

    fn drop_first(&mut self) {
        let Some(entry) = self.frames.pop_front() else {
            return;
        };
        self.first += 1;
        self.bytes -= entry.frame.len();
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

impl Default for ReplayLog {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for ReplayLog {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ReplayLog")
            .field("frames", &self.frames.len())
            .field("bytes", &self.bytes)
            .field("first", &self.first)
            .finish_non_exhaustive()
    }
}
