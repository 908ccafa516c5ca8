//! The last frames of a stream, for clients that come back with a last event ID (WHATWG HTML 9.2.4): the server's half of staying connected.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use core::{fmt, time::Duration};

use thiserror::Error;

use crate::decode::EventDecoder;
use crate::frame::Frame;
use crate::limits::Limits;

/// A bounded log of frames, out of which a client that comes back gets what it missed.
///
/// Every subscriber has a [`Cursor`] over the one log: a number, no copy and no channel. Put the log behind a lock, and wake the
/// subscribers when something was pushed; a frame is a reference count, so that none of them holds the lock for long.
///
/// A client that comes back says which event it saw last. [`since`](Self::since) gives it what came after that, or says that
/// it does not have all of it: then tell the client, or send it the whole state. It never begins from the start in silence.
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
/// // `b` is gone, but nothing behind it is.
/// assert!(log.since("b").is_ok());
/// assert_eq!(log.since("a"), Err(Gap::TooOld));
/// assert_eq!(log.since("x"), Err(Gap::Unknown));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Bounds
///
/// By the number of frames (1024 unless set), by their bytes (4 MiB), and by age, which is not bounded unless set. The newest frame stays
/// although it is larger than all bytes. Of frames that were dropped the IDs are remembered, as many as there may be frames, and bytes, so that
/// an old ID is told from one that never was.
#[derive(Clone)]
pub struct ReplayLog {
    frames: VecDeque<Entry>,
    /// The position of the first frame in the log.
    first: u64,
    bytes: usize,
    /// The newest position of each ID, of frames that are in the log and of those that were.
    positions: BTreeMap<Box<str>, u64>,
    /// The IDs in the order of their positions.
    ids: VecDeque<(u64, Box<str>)>,
    /// The bytes of those IDs whose frames are gone, and how many there are.
    gone_bytes: usize,
    gone: usize,
    most_frames: usize,
    most_bytes: usize,
    oldest: Option<Duration>,
}

#[derive(Clone)]
struct Entry {
    frame: Frame,
    time: Duration,
}

/// Where a subscriber stands in a [`ReplayLog`], and in no other one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cursor {
    /// The position of the next frame.
    next: u64,
}

/// Why a log does not have all that came after an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum Gap {
    /// Some of what came after it was dropped.
    #[error("frames that are asked for were dropped from the log")]
    TooOld,
    /// The log knows no event with this ID: it never had one, or has long forgotten it.
    #[error("the last event ID is unknown")]
    Unknown,
}

impl ReplayLog {
    /// An empty log, of at most 1024 frames and 4 MiB.
    pub const fn new() -> Self {
        Self {
            frames: VecDeque::new(),
            first: 0,
            bytes: 0,
            positions: BTreeMap::new(),
            ids: VecDeque::new(),
            gone_bytes: 0,
            gone: 0,
            most_frames: 1024,
            most_bytes: 4 << 20,
            oldest: None,
        }
    }

    /// Keeps at most so many frames; at least one.
    #[must_use]
    pub const fn with_frames(mut self, frames: usize) -> Self {
        self.most_frames = frames;
        self
    }

    /// Keeps at most so many bytes, or the newest frame.
    #[must_use]
    pub const fn with_bytes(mut self, bytes: usize) -> Self {
        self.most_bytes = bytes;
        self
    }

    /// Keeps frames for so long at most.
    #[must_use]
    pub const fn with_age(mut self, age: Duration) -> Self {
        self.oldest = Some(age);
        self
    }

    /// Adds a frame at the time `now`, which is counted from any fixed moment on, and drops what is beyond the bounds.
    ///
    /// The frame is read for its ID, the last one that a client would commit. A frame without one comes with the frames before it: clients
    /// that have seen it come back with the ID before, and get it again. An empty one makes clients forget theirs, and come back
    /// as if they were new: a stream that is to be resumed has none.
    ///
    /// IDs must differ. Of two frames with the same one the newer counts, and who has seen only the older one would miss what is
    /// between them. A client that goes on behind an ID goes on behind its whole frame: put one event into each.
    ///
    /// # Complexity
    ///
    /// O(n) for a frame of n bytes, and O(log m) for m frames beside that.
    pub fn push(&mut self, frame: Frame, now: Duration) {
        let position = self.end().next;
        if let Some(id) = id_of(&frame) {
            self.positions.insert(id.clone(), position);
            self.ids.push_back((position, id));
        }
        self.bytes += frame.len();
        self.frames.push_back(Entry { frame, time: now });
        while self.frames.len() > 1
            && (self.frames.len() > self.most_frames || self.bytes > self.most_bytes)
        {
            self.drop_first();
        }
        self.trim(now);
    }

    /// Drops what is too old at the time `now`.
    pub fn trim(&mut self, now: Duration) {
        let Some(age) = self.oldest else { return };
        while let Some(first) = self.frames.front() {
            if now.saturating_sub(first.time) <= age {
                break;
            }
            self.drop_first();
        }
    }

    /// Where to go on for a client that saw this event last: behind it.
    ///
    /// # Errors
    ///
    /// [`Gap`] if the log does not have all that came after it.
    pub fn since(&self, last_event_id: &str) -> Result<Cursor, Gap> {
        let position = self.positions.get(last_event_id).ok_or(Gap::Unknown)?;
        let next = position + 1;
        if next < self.first {
            return Err(Gap::TooOld);
        }
        Ok(Cursor { next })
    }

    /// Where to begin for a client that wants all that there is.
    pub const fn start(&self) -> Cursor {
        Cursor { next: self.first }
    }

    /// Where to begin for a client that wants what is yet to come.
    pub fn end(&self) -> Cursor {
        Cursor {
            next: self.first + self.frames.len() as u64,
        }
    }

    /// The next frame for a subscriber, which is past it then; `None` if it has seen all.
    ///
    /// # Errors
    ///
    /// [`Gap::TooOld`] if the subscriber was so slow that the log has dropped what it had not seen yet, and [`Gap::Unknown`] if the cursor is
    /// beyond the end, and so of another log. The cursor stays.
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

    /// How many frames there are.
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// Whether there is no frame.
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// How many bytes the frames are.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    fn drop_first(&mut self) {
        let Some(entry) = self.frames.pop_front() else {
            return;
        };
        self.first += 1;
        self.bytes -= entry.frame.len();
        // The IDs of frames that are gone are in front.
        while let Some((position, id)) = self.ids.get(self.gone) {
            if *position >= self.first {
                break;
            }
            self.gone_bytes += id.len();
            self.gone += 1;
        }
        while self.gone > self.most_frames.max(1)
            || self.gone > 1 && self.gone_bytes > self.most_bytes
        {
            let Some((position, id)) = self.ids.pop_front() else {
                break;
            };
            self.gone_bytes -= id.len();
            self.gone -= 1;
            // A later frame may have had the same ID.
            if self.positions.get(&id) == Some(&position) {
                self.positions.remove(&id);
            }
        }
    }
}

/// The last event ID of a client that has read the frame and nothing before it; `None` if it has none.
fn id_of(frame: &Frame) -> Option<Box<str>> {
    // What is sent here is not to be refused here.
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
