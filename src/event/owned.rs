//! Events and items that own what is in them.

#[cfg(target_has_atomic = "ptr")]
use alloc::sync::Arc;
use alloc::{boxed::Box, string::String, vec::Vec};
use core::{fmt, hash, ops::Range, time::Duration};

#[cfg(feature = "bytes")]
use bytes::Bytes;

use super::{Event, Item, MESSAGE};
use crate::value::{EventType, LastEventId};

/// A dispatched event as an exact copy of its text, in one allocation.
///
/// It borrows nothing, so it can be stored and sent to other threads. An event that inherits its
/// last event ID shares that text with the other events that inherit it. Cloning copies the text:
/// for fan-out, put it into an `Arc`.
///
/// ```
/// use sse_wire::{EventDecoder, OwnedEvent};
///
/// let mut decoder = EventDecoder::new();
/// let mut events: Vec<OwnedEvent> = Vec::new();
/// for mut chunk in [&b"data: on"[..], b"e\n\ndata: two\n\n"] {
///     while let Some(event) = decoder.decode_owned(&mut chunk)? {
///         events.push(event);
///     }
/// }
/// assert_eq!(events[0].data(), "one");
/// assert_eq!(events[1].data(), "two");
/// # Ok::<(), sse_wire::DecodeError>(())
/// ```
///
/// [`new`](Self::new) and [`message`](Self::message) create an event without a decoder, as for a
/// test or a mock.
///
/// With the feature `serde` it is serialized and deserialized, with the names of the DOM's
/// `MessageEvent`: in self-describing formats, such as JSON, since fields may be missing.
///
/// Two events are equal if their types, their data, their last event IDs and whether these are
/// their own are equal.
#[cfg_attr(docsrs, doc(cfg(feature = "alloc")))]
#[derive(Clone)]
pub struct OwnedEvent {
    /// The event type, bytes that belong to nothing, the data, and the last event ID unless that is
    /// inherited.
    text: Box<str>,
    /// Zero for the default type.
    event_type_len: usize,
    data: Range<usize>,
    inherited: InheritedId,
    has_id: bool,
}

/// A last event ID that several events share: a long one, copied for each of many small events,
/// would not be linear.
///
/// Without atomic operations nothing is shared: each event copies the ID that it inherits.
#[derive(Clone, Default)]
pub(crate) struct InheritedId {
    #[cfg(target_has_atomic = "ptr")]
    text: Option<Arc<str>>,
}

impl InheritedId {
    /// A copy for events to share; nothing if they cannot.
    pub(crate) fn new(_id: &str) -> Self {
        Self {
            #[cfg(target_has_atomic = "ptr")]
            text: Some(_id.into()),
        }
    }

    #[cfg(target_has_atomic = "ptr")]
    #[inline(always)]
    pub(crate) fn as_deref(&self) -> Option<&str> {
        self.text.as_deref()
    }

    #[cfg(not(target_has_atomic = "ptr"))]
    pub(crate) const fn as_deref(&self) -> Option<&str> {
        None
    }
}

impl OwnedEvent {
    /// Creates an event without a last event ID, equal to one that was decoded with the same values.
    ///
    /// `data` is stored as given. The lines of decoded data are separated by LF alone. The event
    /// type `message` equals the default.
    ///
    /// ```
    /// use sse_wire::{EventDecoder, EventType, LastEventId, OwnedEvent};
    ///
    /// let event = OwnedEvent::new(EventType::from_static("tick"), "one\ntwo")
    ///     .with_id(LastEventId::from_static("7"));
    /// let mut input: &[u8] = b"event: tick\nid: 7\ndata: one\ndata: two\n\n";
    /// assert_eq!(EventDecoder::new().decode_owned(&mut input)?, Some(event));
    /// # Ok::<(), sse_wire::DecodeError>(())
    /// ```
    pub fn new(event_type: EventType<'_>, data: &str) -> Self {
        Event::new(event_type.as_str(), data, b"", false).into_owned()
    }

    /// Creates an event of the default type, `message`, without a last event ID.
    ///
    /// `data` is stored as given, as by [`new`](Self::new).
    ///
    /// ```
    /// use sse_wire::OwnedEvent;
    ///
    /// let event = OwnedEvent::message("hello");
    /// assert_eq!((event.event_type(), event.data(), event.id()), ("message", "hello", None));
    /// ```
    pub fn message(data: &str) -> Self {
        Event::new(MESSAGE, data, b"", false).into_owned()
    }

    /// Sets the event's own `id`, which is its last event ID as well.
    ///
    /// # Complexity
    ///
    /// O(n) for n bytes of data, type and ID, which are copied.
    #[must_use]
    pub fn with_id(self, id: LastEventId<'_>) -> Self {
        let id = id.as_str().as_bytes();
        Event::new(self.event_type(), self.data(), id, true).into_owned()
    }

    /// Borrows the event.
    #[inline]
    pub fn as_event(&self) -> Event<'_> {
        Event::new(
            self.event_type(),
            self.data(),
            self.last_event_id().as_bytes(),
            self.has_id,
        )
    }

    /// Returns the event type: the value of the block's last `event` field, or `message`.
    #[inline]
    pub fn event_type(&self) -> &str {
        match self.text.get(..self.event_type_len) {
            None | Some("") => MESSAGE,
            Some(event_type) => event_type,
        }
    }

    /// Returns the data: the values of the block's `data` fields, joined by LF.
    #[inline]
    pub fn data(&self) -> &str {
        self.text.get(self.data.clone()).unwrap_or_default()
    }

    /// Returns the last event ID when the event was dispatched, whichever block set it; empty if
    /// none did.
    #[inline]
    pub fn last_event_id(&self) -> &str {
        match self.inherited.as_deref() {
            Some(id) => id,
            None => self.text.get(self.data.end..).unwrap_or_default(),
        }
    }

    /// Returns the `id` of the event's own block, if any; it may be empty, which resets the last
    /// event ID.
    #[inline]
    pub fn id(&self) -> Option<&str> {
        self.has_id.then(|| self.last_event_id())
    }

    /// Returns the data without allocating.
    ///
    /// # Complexity
    ///
    /// O(n) for n bytes of data where the event has a type: they are moved to the front of the
    /// text.
    pub fn into_data(self) -> String {
        let mut text = String::from(self.text);
        text.truncate(self.data.end);
        text.drain(..self.data.start);
        text
    }

    /// Returns the data as [`Bytes`] without copying it; they retain the memory of the type and the
    /// ID as well.
    ///
    /// ```
    /// use sse_wire::EventDecoder;
    ///
    /// let mut input: &[u8] = b"event: add\ndata: 1\n\n";
    /// let event = EventDecoder::new().decode_owned(&mut input)?.expect("a block");
    /// assert_eq!(event.into_data_bytes(), "1");
    /// # Ok::<(), sse_wire::DecodeError>(())
    /// ```
    #[cfg(feature = "bytes")]
    #[cfg_attr(docsrs, doc(cfg(feature = "bytes")))]
    pub fn into_data_bytes(self) -> Bytes {
        Bytes::from(self.text.into_boxed_bytes()).slice(self.data)
    }

    /// Copies the event, which shares the ID that it inherits if there is an `inherited` one.
    pub(crate) fn copy(event: Event<'_>, inherited: InheritedId) -> Self {
        // The default type needs no memory.
        let event_type = event.own_type();
        let data = event.data();
        let id = match inherited.as_deref() {
            Some(_) => "",
            None => event.last_event_id(),
        };
        let start = event_type.len();
        let end = start + data.len();
        let mut text = String::with_capacity(end + id.len());
        text.push_str(event_type);
        text.push_str(data);
        text.push_str(id);
        Self {
            text: text.into_boxed_str(),
            event_type_len: start,
            data: start..end,
            inherited,
            has_id: event.has_id,
        }
    }

    /// Copies a text that begins with the event type and ends with the data, of an event without an
    /// ID of its own.
    #[inline(always)]
    pub(crate) fn copy_span(
        text: &str,
        event_type_len: usize,
        data_len: usize,
        inherited: InheritedId,
    ) -> Self {
        Self {
            event_type_len,
            data: text.len() - data_len..text.len(),
            text: text.into(),
            inherited,
            has_id: false,
        }
    }
}

/// Copies the event, as [`Event::into_owned`] does.
impl From<Event<'_>> for OwnedEvent {
    fn from(event: Event<'_>) -> Self {
        Self::copy(event, InheritedId::default())
    }
}

impl PartialEq for OwnedEvent {
    fn eq(&self, other: &Self) -> bool {
        self.as_event() == other.as_event()
    }
}

impl Eq for OwnedEvent {}

impl hash::Hash for OwnedEvent {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.as_event().hash(state);
    }
}

impl fmt::Debug for OwnedEvent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_event().write_debug("OwnedEvent", formatter)
    }
}

/// An [`Item`] that owns its text.
#[cfg_attr(docsrs, doc(cfg(feature = "alloc")))]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OwnedItem {
    /// A dispatched event.
    Event(OwnedEvent),
    /// A block that has an `id` or an `event` field but no data, at its blank line.
    NotDispatched(OwnedEvent),
    /// A comment, or a fragment of one: comments are never buffered, so one that is split across
    /// chunks comes in fragments.
    Comment {
        /// What follows the colon, or a fragment of it; a space after the colon belongs to it.
        text: Vec<u8>,
        /// Whether the comment ends here. Only a fragment with `end: true` may be empty.
        end: bool,
    },
    /// A valid `retry` field: the reconnection time is now this.
    Retry(Duration),
    /// A line that is not a field, a comment or a blank line, or a fragment of one.
    Ignored {
        /// The line, or a fragment of it.
        text: Vec<u8>,
        /// Whether the line ends here. Only a fragment with `end: true` may be empty.
        end: bool,
    },
}

impl OwnedItem {
    /// Borrows the item.
    pub fn as_item(&self) -> Item<'_> {
        match self {
            Self::Event(event) => Item::Event(event.as_event()),
            Self::NotDispatched(event) => Item::NotDispatched(event.as_event()),
            Self::Comment { text, end } => Item::Comment { text, end: *end },
            Self::Retry(time) => Item::Retry(*time),
            Self::Ignored { text, end } => Item::Ignored { text, end: *end },
        }
    }
}

/// Copies the item.
impl From<Item<'_>> for OwnedItem {
    fn from(item: Item<'_>) -> Self {
        match item {
            Item::Event(event) => Self::Event(event.into()),
            Item::NotDispatched(event) => Self::NotDispatched(event.into()),
            Item::Comment { text, end } => Self::Comment {
                text: text.to_vec(),
                end,
            },
            Item::Retry(time) => Self::Retry(time),
            Item::Ignored { text, end } => Self::Ignored {
                text: text.to_vec(),
                end,
            },
        }
    }
}
