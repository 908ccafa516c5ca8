//! Events and items as the decoder returns them: borrowed text, borrowed bytes, and owned.

use core::fmt;
use core::str::{self, Utf8Error};
use core::time::Duration;

#[cfg(feature = "alloc")]
mod owned;
#[cfg(feature = "serde")]
mod serialize;

#[cfg(feature = "alloc")]
pub(crate) use owned::InheritedId;
#[cfg(feature = "alloc")]
pub use owned::{OwnedEvent, OwnedItem};

/// The type of an event whose block has no `event` field, or an empty one (WHATWG HTML 9.2.6).
pub(crate) const MESSAGE: &str = "message";

/// Returns bytes that were validated when they were stored, as text.
pub(crate) const fn stored_text(bytes: &[u8]) -> &str {
    match str::from_utf8(bytes) {
        Ok(text) => text,
        Err(_) => "",
    }
}

/// A dispatched event as text, borrowed from the input and the decoder.
///
/// Invalid UTF-8 has been replaced by U+FFFD, as a browser does.
///
/// ```
/// use sse_wire::EventDecoder;
///
/// let mut decoder = EventDecoder::with_buffer([0; 64]);
/// let mut input: &[u8] = b"id: 7\nevent: tick\ndata: one\ndata: two\n\ndata: three\n\n";
///
/// let event = decoder.decode(&mut input)?.expect("the first block");
/// assert_eq!(event.event_type(), "tick");
/// assert_eq!(event.data(), "one\ntwo");
/// assert_eq!((event.last_event_id(), event.id()), ("7", Some("7")));
///
/// let event = decoder.decode(&mut input)?.expect("the second block");
/// assert_eq!(event.event_type(), "message");
/// assert_eq!((event.last_event_id(), event.id()), ("7", None));
/// # Ok::<(), sse_wire::DecodeError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Event<'a> {
    event_type: &'a str,
    data: &'a str,
    last_event_id: &'a [u8],
    has_id: bool,
}

impl<'a> Event<'a> {
    pub(crate) fn new(
        event_type: &'a str,
        data: &'a str,
        last_event_id: &'a [u8],
        has_id: bool,
    ) -> Self {
        Self {
            event_type: if event_type.is_empty() {
                MESSAGE
            } else {
                event_type
            },
            data,
            last_event_id,
            has_id,
        }
    }

    /// Returns the event type: the value of the block's last `event` field, or `message`.
    pub const fn event_type(&self) -> &'a str {
        self.event_type
    }

    /// Returns the data: the values of the block's `data` fields, joined by LF.
    pub const fn data(&self) -> &'a str {
        self.data
    }

    /// Returns the last event ID when the event was dispatched, whichever block set it; empty if
    /// none did.
    ///
    /// # Complexity
    ///
    /// O(n) for an ID of n bytes. Validated lazily: most events inherit their ID and never read it.
    pub const fn last_event_id(&self) -> &'a str {
        stored_text(self.last_event_id)
    }

    /// Returns the `id` of the event's own block, if any; it may be empty, which resets the last
    /// event ID.
    pub const fn id(&self) -> Option<&'a str> {
        if self.has_id {
            Some(self.last_event_id())
        } else {
            None
        }
    }

    /// Returns the event type, empty if it is the default.
    #[cfg(feature = "alloc")]
    fn own_type(&self) -> &'a str {
        if self.event_type == MESSAGE {
            ""
        } else {
            self.event_type
        }
    }

    /// Copies the event, with one allocation.
    ///
    /// # Complexity
    ///
    /// O(n) for n bytes of data, type and last event ID, inherited or not.
    /// ([`decode_owned`](crate::EventDecoder::decode_owned) copies an inherited ID once for all
    /// events that inherit it.)
    #[cfg(feature = "alloc")]
    pub fn into_owned(self) -> OwnedEvent {
        self.into()
    }
}

/// A dispatched event as bytes, borrowed from the input and the decoder, and not validated.
///
/// Only the last event ID is text, since it outlives the event.
///
/// ```
/// use sse_wire::EventDecoder;
///
/// let mut decoder = EventDecoder::with_buffer([0; 64]);
/// let mut input: &[u8] = b"data: caf\xC3\n\n";
/// let event = decoder.decode_raw(&mut input)?.expect("a block");
/// assert_eq!(event.data(), b"caf\xC3");
/// assert_eq!(event.text().unwrap_err().valid_up_to(), 3);
/// # Ok::<(), sse_wire::DecodeError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RawEvent<'a> {
    event_type: &'a [u8],
    data: &'a [u8],
    last_event_id: &'a [u8],
    has_id: bool,
}

impl<'a> RawEvent<'a> {
    pub(crate) fn new(
        event_type: &'a [u8],
        data: &'a [u8],
        last_event_id: &'a [u8],
        has_id: bool,
    ) -> Self {
        Self {
            event_type: if event_type.is_empty() {
                MESSAGE.as_bytes()
            } else {
                event_type
            },
            data,
            last_event_id,
            has_id,
        }
    }

    /// Returns the event type: the value of the block's last `event` field, or `message`.
    pub const fn event_type(&self) -> &'a [u8] {
        self.event_type
    }

    /// Returns the data: the values of the block's `data` fields, joined by LF.
    ///
    /// The data of an event that lies whole in the input, with one data line, points into the
    /// input. Where that is a `Bytes`, its memory can be shared instead of copied, and is retained
    /// for as long as the data:
    ///
    /// ```
    /// use bytes::Bytes;
    /// use sse_wire::EventDecoder;
    ///
    /// let chunk = Bytes::from_static(b"data: 1\n\n");
    /// let mut decoder = EventDecoder::new();
    /// let mut input = &chunk[..];
    /// let event = decoder.decode_raw(&mut input)?.expect("a block");
    /// let is_in_chunk = chunk.as_ptr_range().contains(&event.data().as_ptr());
    /// let shared: Bytes = if is_in_chunk {
    ///     chunk.slice_ref(event.data())
    /// } else {
    ///     Bytes::copy_from_slice(event.data())
    /// };
    /// assert_eq!(shared.as_ptr(), chunk[6..].as_ptr());
    /// # Ok::<(), sse_wire::DecodeError>(())
    /// ```
    pub const fn data(&self) -> &'a [u8] {
        self.data
    }

    /// Returns the last event ID when the event was dispatched, whichever block set it; empty if
    /// none did.
    ///
    /// # Complexity
    ///
    /// O(n) for an ID of n bytes. Validated lazily: most events inherit their ID and never read it.
    pub const fn last_event_id(&self) -> &'a str {
        stored_text(self.last_event_id)
    }

    /// Returns the `id` of the event's own block, if any; it may be empty, which resets the last
    /// event ID.
    pub const fn id(&self) -> Option<&'a str> {
        if self.has_id {
            Some(self.last_event_id())
        } else {
            None
        }
    }

    /// Validates the event, and returns it as text without replacing invalid UTF-8.
    ///
    /// # Errors
    ///
    /// [`Utf8Error`] for the first invalid sequence of the data, or else of the event type. The
    /// decoder is not affected.
    pub fn text(&self) -> Result<Event<'a>, Utf8Error> {
        let data = str::from_utf8(self.data)?;
        let event_type = str::from_utf8(self.event_type)?;
        Ok(Event::new(
            event_type,
            data,
            self.last_event_id,
            self.has_id,
        ))
    }
}

/// An item of a stream: an event, a comment, a reconnection time, a block without data, or an
/// ignored line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Item<'d> {
    /// A dispatched event.
    Event(Event<'d>),
    /// A block that has an `id` or an `event` field but no data, at its blank line.
    ///
    /// The standard dispatches no event for it, but its `id` becomes the last event ID. Servers
    /// send such blocks as the position from which to resume.
    NotDispatched(Event<'d>),
    /// A comment, or a fragment of one: comments are never buffered, so one that is split across
    /// chunks comes in fragments.
    Comment {
        /// What follows the colon, or a fragment of it; a space after the colon belongs to it.
        text: &'d [u8],
        /// Whether the comment ends here. Only a fragment with `end: true` may be empty.
        end: bool,
    },
    /// A valid `retry` field: the reconnection time is now this.
    Retry(Duration),
    /// A line that is not a field, a comment or a blank line, or a fragment of one. The standard
    /// ignores it.
    ///
    /// It may be a field of another name, or an error message of a server that sends no events.
    Ignored {
        /// The line, or a fragment of it.
        text: &'d [u8],
        /// Whether the line ends here. Only a fragment with `end: true` may be empty.
        end: bool,
    },
}

impl Event<'_> {
    pub(crate) fn write_debug(
        &self,
        name: &str,
        formatter: &mut fmt::Formatter<'_>,
    ) -> fmt::Result {
        formatter
            .debug_struct(name)
            .field("event_type", &self.event_type)
            .field("data", &self.data)
            .field("last_event_id", &self.last_event_id())
            .field("id", &self.id())
            .finish()
    }
}

impl RawEvent<'_> {
    pub(crate) fn write_debug(
        &self,
        name: &str,
        formatter: &mut fmt::Formatter<'_>,
    ) -> fmt::Result {
        formatter
            .debug_struct(name)
            .field(
                "event_type",
                &format_args!("b\"{}\"", self.event_type.escape_ascii()),
            )
            .field("data", &format_args!("b\"{}\"", self.data.escape_ascii()))
            .field("last_event_id", &self.last_event_id())
            .field("id", &self.id())
            .finish()
    }
}

impl fmt::Debug for Event<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_debug("Event", formatter)
    }
}

impl fmt::Debug for RawEvent<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_debug("RawEvent", formatter)
    }
}
