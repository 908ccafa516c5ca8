//! What the decoder hands over: events as text, as bytes, and owned, and what else a stream says.

use core::fmt;
use core::str::{self, Utf8Error};
use core::time::Duration;

#[cfg(feature = "alloc")]
mod owned;

#[cfg(feature = "alloc")]
pub(crate) use owned::InheritedId;
#[cfg(feature = "alloc")]
pub use owned::{OwnedEvent, OwnedItem};

/// The type of an event whose block has no `event` field, or an empty one (WHATWG HTML 9.2.6).
pub(crate) const MESSAGE: &str = "message";

/// Bytes that were text when they were stored, as text.
pub(crate) const fn known_text(bytes: &[u8]) -> &str {
    match str::from_utf8(bytes) {
        Ok(text) => text,
        Err(_) => "",
    }
}

/// A dispatched event as text, lent from the input and the decoder.
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

    /// The event type: what the block's last `event` field said, or `message`.
    pub const fn event_type(&self) -> &'a str {
        self.event_type
    }

    /// The data: the values of the block's `data` fields, joined by LF.
    pub const fn data(&self) -> &'a str {
        self.data
    }

    /// The last event ID when the event was dispatched, whichever block set it; empty if none did.
    ///
    /// # Complexity
    ///
    /// O(n) for an ID of n bytes: it is seen to be text when it is asked for, since most events inherit theirs.
    pub const fn last_event_id(&self) -> &'a str {
        known_text(self.last_event_id)
    }

    /// The `id` that the event's own block carries, if any; it may be empty, which resets the last event ID.
    pub const fn id(&self) -> Option<&'a str> {
        if self.has_id {
            Some(self.last_event_id())
        } else {
            None
        }
    }

    /// The event type, empty if it is the default.
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
    /// ([`decode_owned`](crate::EventDecoder::decode_owned) copies an inherited ID once for all events that inherit it.)
    #[cfg(feature = "alloc")]
    pub fn into_owned(self) -> OwnedEvent {
        self.into()
    }
}

/// A dispatched event as bytes, lent from the input and the decoder; nothing has been validated.
///
/// The last event ID is text all the same, since it outlives the event.
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

    /// The event type: what the block's last `event` field said, or `message`.
    pub const fn event_type(&self) -> &'a [u8] {
        self.event_type
    }

    /// The data: the values of the block's `data` fields, joined by LF.
    pub const fn data(&self) -> &'a [u8] {
        self.data
    }

    /// The last event ID when the event was dispatched, whichever block set it; empty if none did.
    ///
    /// # Complexity
    ///
    /// O(n) for an ID of n bytes: it is seen to be text when it is asked for, since most events inherit theirs.
    pub const fn last_event_id(&self) -> &'a str {
        known_text(self.last_event_id)
    }

    /// The `id` that the event's own block carries, if any; it may be empty, which resets the last event ID.
    pub const fn id(&self) -> Option<&'a str> {
        if self.has_id {
            Some(self.last_event_id())
        } else {
            None
        }
    }

    /// The event as text, if it is valid UTF-8: for those who would rather refuse than replace.
    ///
    /// # Errors
    ///
    /// The first invalid sequence of the data, or else of the event type. The decoder is not concerned: the stream goes on.
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

/// An event, or what else a stream says, in the order in which it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "the format has nothing else to say"
)]
pub enum Item<'d> {
    /// A dispatched event.
    Event(Event<'d>),
    /// A comment, or a part of one: comments are never stored, so one that is cut comes in parts.
    Comment {
        /// What follows the colon, or a part of it; a space after the colon belongs to it.
        text: &'d [u8],
        /// Whether the comment ends here. Only a part with `end: true` may be empty.
        end: bool,
    },
    /// A valid `retry` field: the reconnection time is now this.
    Retry(Duration),
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
