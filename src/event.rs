//! What the decoder hands over: events as text, as bytes, and owned, and what else a stream says.

use core::fmt;
use core::str::{self, Utf8Error};
use core::time::Duration;

#[cfg(feature = "alloc")]
use alloc::{borrow::ToOwned, string::String, vec::Vec};

#[cfg(all(feature = "alloc", not(target_has_atomic = "ptr")))]
use alloc::boxed::Box;
#[cfg(all(feature = "alloc", target_has_atomic = "ptr"))]
use alloc::sync::Arc;

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
    #[cfg(feature = "bytes")]
    pub(crate) fn own_type(&self) -> &'a str {
        if self.event_type == MESSAGE {
            ""
        } else {
            self.event_type
        }
    }

    /// Copies the event, so that it can be kept.
    ///
    /// # Complexity
    ///
    /// O(n) for n bytes of data, type and last event ID: each copy has its own of an ID that it has inherited. (Iterators and streams of
    /// owned events copy an ID once, for all events that inherit it.)
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

    /// The event type, empty if it is the default.
    #[cfg(feature = "bytes")]
    pub(crate) fn own_type(&self) -> &'a [u8] {
        if self.event_type == MESSAGE.as_bytes() {
            &[]
        } else {
            self.event_type
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

/// A dispatched event that owns its text.
///
/// ```
/// use sse_wire::{EventDecoder, OwnedEvent};
///
/// let mut decoder = EventDecoder::new();
/// let mut kept: Vec<OwnedEvent> = Vec::new();
/// for mut chunk in [&b"data: on"[..], b"e\n\ndata: two\n\n"] {
///     while let Some(event) = decoder.decode(&mut chunk)? {
///         kept.push(event.into_owned());
///     }
/// }
/// assert_eq!(kept[0].data(), "one");
/// assert_eq!(kept[1].data(), "two");
/// # Ok::<(), sse_wire::DecodeError>(())
/// ```
#[cfg(feature = "alloc")]
#[cfg_attr(docsrs, doc(cfg(feature = "alloc")))]
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct OwnedEvent {
    event_type: String,
    data: String,
    id: KeptId,
}

/// The last event ID of an event that is kept, and whether it came with it.
#[cfg(feature = "alloc")]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct KeptId {
    last_event_id: Option<IdText>,
    is_own: bool,
}

/// All events that inherit an ID share it: a long one, copied for each of many small events, would not be linear.
#[cfg(all(feature = "alloc", target_has_atomic = "ptr"))]
type IdText = Arc<str>;
/// Without atomic operations there is no sharing between threads.
#[cfg(all(feature = "alloc", not(target_has_atomic = "ptr")))]
type IdText = Box<str>;

/// The last event ID of a decoder whose events are kept: copied when it is new.
#[cfg(any(feature = "std", feature = "bytes", feature = "futures-core"))]
#[derive(Debug, Clone, Default)]
pub(crate) struct IdKeeper {
    last_event_id: Option<IdText>,
}

#[cfg(any(feature = "std", feature = "bytes", feature = "futures-core"))]
impl IdKeeper {
    /// Takes note of the decoder's last event ID, which has been set.
    pub(crate) fn update(&mut self, last_event_id: &str) {
        if self.last_event_id.as_deref().unwrap_or_default() != last_event_id {
            self.last_event_id = text_of(last_event_id);
        }
    }

    pub(crate) fn keep(&self, is_own: bool) -> KeptId {
        let last_event_id = self.last_event_id.clone();
        KeptId {
            last_event_id,
            is_own,
        }
    }
}

#[cfg(feature = "alloc")]
impl KeptId {
    /// A copy of the event's.
    pub(crate) fn copy(last_event_id: &str, is_own: bool) -> Self {
        Self {
            last_event_id: text_of(last_event_id),
            is_own,
        }
    }

    pub(crate) fn last_event_id(&self) -> &str {
        self.last_event_id.as_deref().unwrap_or_default()
    }

    pub(crate) const fn is_own(&self) -> bool {
        self.is_own
    }

    pub(crate) fn id(&self) -> Option<&str> {
        self.is_own.then(|| self.last_event_id())
    }
}

#[cfg(feature = "alloc")]
fn text_of(id: &str) -> Option<IdText> {
    (!id.is_empty()).then(|| id.into())
}

#[cfg(feature = "alloc")]
impl OwnedEvent {
    /// The event, lent.
    pub fn as_event(&self) -> Event<'_> {
        Event::new(
            &self.event_type,
            &self.data,
            self.id.last_event_id().as_bytes(),
            self.id.is_own(),
        )
    }

    /// The event type: what the block's last `event` field said, or `message`.
    pub fn event_type(&self) -> &str {
        &self.event_type
    }

    /// The data: the values of the block's `data` fields, joined by LF.
    pub fn data(&self) -> &str {
        &self.data
    }

    /// The last event ID when the event was dispatched, whichever block set it; empty if none did.
    pub fn last_event_id(&self) -> &str {
        self.id.last_event_id()
    }

    /// The `id` that the event's own block carries, if any; it may be empty, which resets the last event ID.
    pub fn id(&self) -> Option<&str> {
        self.id.id()
    }

    /// The data, without copying it.
    pub fn into_data(self) -> String {
        self.data
    }

    /// A copy of the event with an ID that is kept already.
    pub(crate) fn with_id(event: Event<'_>, id: KeptId) -> Self {
        Self {
            event_type: event.event_type.to_owned(),
            data: event.data.to_owned(),
            id,
        }
    }
}

#[cfg(feature = "alloc")]
impl From<Event<'_>> for OwnedEvent {
    fn from(event: Event<'_>) -> Self {
        let id = KeptId::copy(event.last_event_id(), event.has_id);
        Self::with_id(event, id)
    }
}

#[cfg(feature = "alloc")]
impl fmt::Debug for OwnedEvent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_event().write_debug("OwnedEvent", formatter)
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

/// An [`Item`] that owns what is in it.
#[cfg(feature = "alloc")]
#[cfg_attr(docsrs, doc(cfg(feature = "alloc")))]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "the format has nothing else to say"
)]
pub enum OwnedItem {
    /// A dispatched event.
    Event(OwnedEvent),
    /// A comment, or a part of one: comments are never stored, so one that is cut comes in parts.
    Comment {
        /// What follows the colon, or a part of it; a space after the colon belongs to it.
        text: Vec<u8>,
        /// Whether the comment ends here. Only a part with `end: true` may be empty.
        end: bool,
    },
    /// A valid `retry` field: the reconnection time is now this.
    Retry(Duration),
}

#[cfg(feature = "alloc")]
impl OwnedItem {
    /// A copy of the item, with an ID that is kept already if it is an event.
    #[cfg(feature = "futures-core")]
    pub(crate) fn with_id(item: Item<'_>, id: KeptId) -> Self {
        match item {
            Item::Event(event) => Self::Event(OwnedEvent::with_id(event, id)),
            other => other.into(),
        }
    }
}

#[cfg(feature = "alloc")]
impl From<Item<'_>> for OwnedItem {
    fn from(item: Item<'_>) -> Self {
        match item {
            Item::Event(event) => Self::Event(event.into()),
            Item::Comment { text, end } => Self::Comment {
                text: text.to_vec(),
                end,
            },
            Item::Retry(time) => Self::Retry(time),
        }
    }
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
