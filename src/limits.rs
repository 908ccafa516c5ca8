//! How much one event may take before it is refused.

/// How many bytes an event, and a last event ID, may take.
///
/// Whether an event is refused depends on the stream alone, never on how it was cut into chunks, nor on whether
/// anything had to be copied.
///
/// A decoder whose memory grows keeps at most the sum of both (or three times `last_event_id`, if that is more), and up to twice
/// that for a moment: while it grows, and while an event is lent of which some had to be replaced, since it was not UTF-8.
/// A decoder of owned events buffers one last event ID more: the copy that these share.
///
/// ```
/// use sse_wire::{EventDecoder, Limits};
///
/// let limits = Limits::new().with_event(1 << 20);
/// # #[cfg(feature = "alloc")] {
/// let mut decoder = EventDecoder::with_limits(limits);
/// assert_eq!(decoder.limits().event, 1_048_576);
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Limits {
    /// The most bytes that an event may take, 16 MiB unless set.
    ///
    /// Counted are the data as it is lent (an LF between lines, none after the last), the event type, the `id` of
    /// the block, and the value of the `data`, `event` or `id` line that is being read, even if it is ignored later. For
    /// all calls but [`decode_raw`](crate::EventDecoder::decode_raw) the text counts, after
    /// invalid UTF-8 was replaced. Field names, comments, unknown fields and `retry` are never stored and count nothing.
    pub event: usize,
    /// The most bytes that a last event ID may take, as text, 64 KiB unless set.
    pub last_event_id: usize,
}

impl Limits {
    /// The default limits: 16 MiB for an event, 64 KiB for a last event ID.
    pub const fn new() -> Self {
        Self {
            event: 16 * 1024 * 1024,
            last_event_id: 64 * 1024,
        }
    }

    /// Sets the most bytes that an event may take.
    #[must_use]
    pub const fn with_event(mut self, bytes: usize) -> Self {
        self.event = bytes;
        self
    }

    /// Sets the most bytes that a last event ID may take.
    #[must_use]
    pub const fn with_last_event_id(mut self, bytes: usize) -> Self {
        self.last_event_id = bytes;
        self
    }

    /// Divides lent memory: a quarter for the last event ID, so that a long one cannot starve later events.
    pub(crate) const fn for_memory(bytes: usize) -> Self {
        let last_event_id = bytes / 4;
        Self {
            event: bytes - last_event_id,
            last_event_id,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::new()
    }
}
