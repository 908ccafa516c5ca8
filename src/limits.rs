//! How many bytes an event may take before it is rejected.

/// The maximum number of bytes of an event, and of a last event ID.
///
/// Whether an event is rejected depends on the stream alone, not on how it is split into chunks,
/// nor on whether anything is copied.
///
/// A decoder with a growing buffer retains at most the sum of both limits, or three times
/// `last_event_id` if that is more. It takes up to twice as much while the buffer grows, and while
/// an event is borrowed in which invalid UTF-8 was replaced. A decoder that returns owned events
/// retains one last event ID more: the copy that these events share. After the first [ignored
/// line](crate::EventDecoder::first_ignored), a decoder with a growing buffer retains 200 bytes of
/// it.
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
    /// The maximum number of bytes of an event; 16 MiB by default.
    ///
    /// The data counts as it is returned, with an LF between two lines and none after the last. The
    /// event type and the `id` of the block count, and so does the value of the `data`, `event` or
    /// `id` line that is being read, even if it is ignored later. All calls but
    /// [`decode_raw`](crate::EventDecoder::decode_raw) count the text after invalid UTF-8 was
    /// replaced. Field names, comments, unknown fields and `retry` are never buffered and do not
    /// count.
    pub event: usize,
    /// The maximum number of bytes of a last event ID, as text; 64 KiB by default.
    pub last_event_id: usize,
    /// Whether an oversized `id` line is ignored instead of rejecting its event; off by default.
    ///
    /// It is ignored as one that contains NUL: an earlier `id` of the block still counts, and
    /// otherwise the last event ID does not change. Its bytes above `last_event_id` do not count
    /// against `event`. A client that resumes with the older ID may receive events twice.
    pub ignore_oversized_id: bool,
}

impl Limits {
    /// Returns the default limits: 16 MiB for an event, 64 KiB for a last event ID.
    pub const fn new() -> Self {
        Self {
            event: 16 * 1024 * 1024,
            last_event_id: 64 * 1024,
            ignore_oversized_id: false,
        }
    }

    /// Sets the maximum number of bytes of an event.
    #[must_use]
    pub const fn with_event(mut self, bytes: usize) -> Self {
        self.event = bytes;
        self
    }

    /// Sets the maximum number of bytes of a last event ID.
    #[must_use]
    pub const fn with_last_event_id(mut self, bytes: usize) -> Self {
        self.last_event_id = bytes;
        self
    }

    /// Sets whether an `id` that exceeds the limit of a last event ID is ignored instead of
    /// rejecting its event; see [`ignore_oversized_id`](Self::ignore_oversized_id).
    ///
    /// ```
    /// use sse_wire::{EventDecoder, Limits};
    ///
    /// let limits = Limits::new().with_last_event_id(4).with_oversized_id_ignored(true);
    /// # #[cfg(feature = "alloc")] {
    /// let mut decoder = EventDecoder::with_limits(limits);
    /// let mut input: &[u8] = b"id: 12345\ndata: hello\n\n";
    /// let event = decoder.decode(&mut input)?.expect("it is not rejected");
    /// assert_eq!((event.data(), event.id()), ("hello", None));
    /// # }
    /// # Ok::<(), sse_wire::DecodeError>(())
    /// ```
    #[must_use]
    pub const fn with_oversized_id_ignored(mut self, ignored: bool) -> Self {
        self.ignore_oversized_id = ignored;
        self
    }

    /// Whether to ignore an oversized `id`: never without `alloc`, where the buffer sets the
    /// limits, so that no code is linked for it.
    pub(crate) const fn ignores_oversized_id(&self) -> bool {
        cfg!(feature = "alloc") && self.ignore_oversized_id
    }

    /// Divides a caller-provided buffer: a quarter for the last event ID, so that a long one cannot
    /// starve later events.
    pub(crate) const fn for_memory(bytes: usize) -> Self {
        let last_event_id = bytes / 4;
        Self {
            event: bytes - last_event_id,
            last_event_id,
            ignore_oversized_id: false,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::new()
    }
}
