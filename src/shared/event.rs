//! Events that share the memory they came in.
//!
//! An event keeps one slice, which spans its type and its data, and where in it these are: one reference, and one pass to see
//! that it is text. What cannot be shared, or is not worth it, is copied into one block of the same form.

use alloc::{string::String, vec::Vec};
use core::{fmt, hash, ops::Range, str::Utf8Error, time::Duration};

use bytes::Bytes;
use bytestring::ByteString;

use super::LEAST_PART;
use super::sealed::{FromReading, Reading};
use crate::decode::{CutLine, Found, Incomplete, Place, Places};
use crate::encode::Outgoing;
use crate::error::DecodeError;
use crate::event::{Event, KeptId, MESSAGE, OwnedEvent, RawEvent};
use crate::text::blocks_around;

/// A dispatched event as text, which shares the memory of the chunk it came in, or has a block of its own.
///
/// Cloning it copies nothing. Invalid UTF-8 has been replaced by U+FFFD, as a browser does.
///
/// ```
/// use bytes::Bytes;
/// use sse_wire::SharedDecoder;
///
/// let mut decoder = SharedDecoder::new();
/// let mut chunk = Bytes::from_static(b"id: 7\nevent: tick\ndata: one\ndata: two\n\n");
/// let event = decoder.decode(&mut chunk)?.expect("a block");
/// assert_eq!(event.event_type(), "tick");
/// assert_eq!(event.data(), "one\ntwo");
/// assert_eq!((event.last_event_id(), event.id()), ("7", Some("7")));
/// let elsewhere = std::thread::spawn(move || event.into_data().len());
/// assert_eq!(elsewhere.join().unwrap(), 7);
/// # Ok::<(), sse_wire::DecodeError>(())
/// ```
#[derive(Clone)]
pub struct SharedEvent {
    text: ByteString,
    fields: Fields,
    id: KeptId,
}

/// A dispatched event as bytes, which shares the memory of the chunk it came in, or has a block of its own.
///
/// Cloning it copies nothing. Nothing has been validated, but the last event ID is text all the same.
///
/// ```
/// use bytes::Bytes;
/// use sse_wire::SharedDecoder;
///
/// let mut decoder = SharedDecoder::new();
/// let mut chunk = Bytes::from_static(b"data: caf\xC3\n\n");
/// let event = decoder.decode_raw(&mut chunk)?.expect("a block");
/// assert_eq!(event.data(), b"caf\xC3");
/// assert_eq!(event.text().unwrap_err().valid_up_to(), 3);
/// # Ok::<(), sse_wire::DecodeError>(())
/// ```
#[derive(Clone)]
pub struct SharedRawEvent {
    bytes: Bytes,
    fields: Fields,
    id: KeptId,
}

/// An event, or what else a stream says, in the order in which it came; the shared form of [`Item`](crate::Item).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "the format has nothing else to say"
)]
pub enum SharedItem {
    /// A dispatched event.
    Event(SharedEvent),
    /// A comment, or a part of one: comments are never stored, so one that is cut comes in parts.
    Comment {
        /// What follows the colon, or a part of it; a space after the colon belongs to it.
        text: Bytes,
        /// Whether the comment ends here. Only a part with `end: true` may be empty.
        end: bool,
    },
    /// A valid `retry` field: the reconnection time is now this.
    Retry(Duration),
}

/// Where the type and the data are in the memory of an event.
#[derive(Debug, Clone)]
struct Fields {
    /// Empty if there is none, or the default.
    event_type: Range<usize>,
    data: Range<usize>,
}

impl SharedEvent {
    /// The event, lent.
    pub fn as_event(&self) -> Event<'_> {
        let last_event_id = self.last_event_id().as_bytes();
        let is_own = self.id.is_own();
        Event::new(self.event_type(), self.data(), last_event_id, is_own)
    }

    /// The event type: what the block's last `event` field said, or `message`.
    #[inline]
    pub fn event_type(&self) -> &str {
        match self.text.get(self.fields.event_type.clone()) {
            None | Some("") => MESSAGE,
            Some(event_type) => event_type,
        }
    }

    /// The data: the values of the block's `data` fields, joined by LF.
    #[inline]
    pub fn data(&self) -> &str {
        self.text.get(self.fields.data.clone()).unwrap_or_default()
    }

    /// The last event ID when the event was dispatched, whichever block set it; empty if none did.
    pub fn last_event_id(&self) -> &str {
        self.id.last_event_id()
    }

    /// The `id` that the event's own block carries, if any; it may be empty, which resets the last event ID.
    pub fn id(&self) -> Option<&str> {
        self.id.id()
    }

    /// The data as refcounted text, without copying it, unless the type is so large that it would be kept alive for nothing.
    pub fn into_data(self) -> ByteString {
        let data = self.data();
        if data.len() == self.text.len() {
            self.text
        } else if data.len() < self.text.len() / LEAST_PART {
            data.into()
        } else {
            self.text.slice_ref(data)
        }
    }
}

impl SharedRawEvent {
    /// The event, lent.
    pub fn as_raw_event(&self) -> RawEvent<'_> {
        let last_event_id = self.last_event_id().as_bytes();
        let is_own = self.id.is_own();
        RawEvent::new(self.event_type(), self.data(), last_event_id, is_own)
    }

    /// The event type: what the block's last `event` field said, or `message`.
    #[inline]
    pub fn event_type(&self) -> &[u8] {
        match self.bytes.get(self.fields.event_type.clone()) {
            None | Some([]) => MESSAGE.as_bytes(),
            Some(event_type) => event_type,
        }
    }

    /// The data: the values of the block's `data` fields, joined by LF.
    #[inline]
    pub fn data(&self) -> &[u8] {
        self.bytes.get(self.fields.data.clone()).unwrap_or_default()
    }

    /// The last event ID when the event was dispatched, whichever block set it; empty if none did.
    pub fn last_event_id(&self) -> &str {
        self.id.last_event_id()
    }

    /// The `id` that the event's own block carries, if any; it may be empty, which resets the last event ID.
    pub fn id(&self) -> Option<&str> {
        self.id.id()
    }

    /// The data as refcounted bytes, without copying them, unless the type is so large that it would be kept alive for nothing.
    pub fn into_data(self) -> Bytes {
        let data = self.data();
        if data.len() == self.bytes.len() {
            self.bytes
        } else if data.len() < self.bytes.len() / LEAST_PART {
            Bytes::copy_from_slice(data)
        } else {
            self.bytes.slice_ref(data)
        }
    }

    /// The event as text, if it is valid UTF-8: for those who would rather refuse than replace.
    ///
    /// # Errors
    ///
    /// The first invalid sequence of the data, or else of the event type.
    pub fn text(&self) -> Result<SharedEvent, Utf8Error> {
        if let Ok(text) = ByteString::try_from(self.bytes.clone()) {
            let Fields { event_type, data } = &self.fields;
            // Side by side, two parts of one character would make it whole.
            if text.get(event_type.clone()).is_some() && text.get(data.clone()).is_some() {
                let (fields, id) = (self.fields.clone(), self.id.clone());
                return Ok(SharedEvent { text, fields, id });
            }
        }
        // Perhaps only what stands between the two is not text.
        let event = self.as_raw_event().text()?;
        Ok(SharedEvent::copy(event, self.id.clone()))
    }
}

impl SharedEvent {
    fn copy(event: Event<'_>, id: KeptId) -> Self {
        let data = event.data();
        // The default type needs no memory.
        let event_type = event.own_type();
        let mut text = String::with_capacity(data.len() + event_type.len());
        text.push_str(data);
        text.push_str(event_type);
        Self {
            fields: Fields::side_by_side(data.len(), event_type.len()),
            text: text.into(),
            id,
        }
    }
}

impl FromReading for SharedEvent {
    const ITEMS: bool = false;

    fn resolve(mut reading: Reading<'_>) -> Result<Self, DecodeError> {
        let (places, id, part) = reading.event();
        if let Some((chunk, span)) = part {
            // What is beside them costs nothing, since it is the chunk that is kept alive; so they are validated fast. But if what
            // stands beside them or between them is not text, they may be text all the same.
            let blocks = blocks_around(chunk, span.clone());
            for span in blocks.into_iter().chain([span]) {
                let fields = Fields::within(&span, places);
                if let Ok(text) = ByteString::try_from(chunk.slice(span)) {
                    if fields.are_in(&text) {
                        return Ok(Self { text, fields, id });
                    }
                }
            }
        }
        let event = reading.decoder.decoder.lend_text(reading.input, places)?;
        Ok(Self::copy(event, id))
    }

    fn recover(
        incomplete: Incomplete<'_, Vec<u8>>,
        cut_line: CutLine,
    ) -> Result<Option<Self>, DecodeError> {
        Ok(incomplete.recover(cut_line)?.map(Self::from))
    }
}

impl FromReading for SharedRawEvent {
    const ITEMS: bool = false;

    fn resolve(mut reading: Reading<'_>) -> Result<Self, DecodeError> {
        let (places, id, part) = reading.event();
        if let Some((chunk, span)) = part {
            let fields = Fields::within(&span, places);
            let bytes = chunk.slice(span);
            return Ok(Self { bytes, fields, id });
        }
        let event = reading.decoder.decoder.lend_raw(reading.input, places);
        Ok(Self::copy(event, id))
    }

    fn recover(
        incomplete: Incomplete<'_, Vec<u8>>,
        cut_line: CutLine,
    ) -> Result<Option<Self>, DecodeError> {
        Ok(incomplete.recover_raw(cut_line)?.map(Self::from))
    }
}

impl FromReading for SharedItem {
    const ITEMS: bool = true;

    fn is_event(&self) -> bool {
        matches!(self, Self::Event(_))
    }

    fn resolve(reading: Reading<'_>) -> Result<Self, DecodeError> {
        let Reading {
            decoder,
            input,
            shared,
            found,
        } = reading;
        Ok(match found {
            Found::Event(_) => Self::Event(SharedEvent::resolve(Reading {
                decoder,
                input,
                shared,
                found,
            })?),
            Found::Comment { start, stop, end } => {
                let text = match (decoder.span(found), shared) {
                    (Some(span), Some(shared)) => shared.slice(span),
                    _ => Bytes::copy_from_slice(input.get(start..stop).unwrap_or_default()),
                };
                Self::Comment { text, end }
            }
            Found::Retry => Self::Retry(decoder.reconnection_time().unwrap_or_default()),
        })
    }

    fn recover(
        incomplete: Incomplete<'_, Vec<u8>>,
        cut_line: CutLine,
    ) -> Result<Option<Self>, DecodeError> {
        Ok(SharedEvent::recover(incomplete, cut_line)?.map(Self::Event))
    }
}

impl SharedRawEvent {
    fn copy(event: RawEvent<'_>, id: KeptId) -> Self {
        let (data, event_type) = (event.data(), event.own_type());
        let mut bytes = Vec::with_capacity(data.len() + event_type.len());
        bytes.extend_from_slice(data);
        bytes.extend_from_slice(event_type);
        Self {
            fields: Fields::side_by_side(data.len(), event_type.len()),
            bytes: bytes.into(),
            id,
        }
    }
}

impl Fields {
    const fn side_by_side(data: usize, event_type: usize) -> Self {
        Self {
            data: 0..data,
            event_type: data..data + event_type,
        }
    }

    /// Whether they are text in their own right.
    fn are_in(&self, text: &str) -> bool {
        text.get(self.data.clone()).is_some() && text.get(self.event_type.clone()).is_some()
    }

    /// Where they are in a span of the input that they lie in.
    fn within(span: &Range<usize>, places: Places) -> Self {
        let place = |place: Place| match place.range() {
            Some(range) => range.start - span.start..range.end - span.start,
            None => 0..0,
        };
        Self {
            data: place(places.data),
            event_type: place(places.event_type),
        }
    }
}

/// Copies the type and the data; the last event ID stays shared.
impl From<SharedEvent> for OwnedEvent {
    fn from(event: SharedEvent) -> Self {
        Self::with_id(event.as_event(), event.id.clone())
    }
}

/// Copies the event.
impl From<Event<'_>> for SharedEvent {
    fn from(event: Event<'_>) -> Self {
        let id = KeptId::copy(event.last_event_id(), event.id().is_some());
        Self::copy(event, id)
    }
}

/// Copies the event.
impl From<RawEvent<'_>> for SharedRawEvent {
    fn from(event: RawEvent<'_>) -> Self {
        let id = KeptId::copy(event.last_event_id(), event.id().is_some());
        Self::copy(event, id)
    }
}

/// Forwards the event, as [`Outgoing::from`] a lent one.
impl<'a> From<&'a SharedEvent> for Outgoing<'a> {
    fn from(event: &'a SharedEvent) -> Self {
        event.as_event().into()
    }
}

impl PartialEq for SharedEvent {
    fn eq(&self, other: &Self) -> bool {
        self.as_event() == other.as_event()
    }
}

impl Eq for SharedEvent {}

impl hash::Hash for SharedEvent {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.as_event().hash(state);
    }
}

impl PartialEq for SharedRawEvent {
    fn eq(&self, other: &Self) -> bool {
        self.as_raw_event() == other.as_raw_event()
    }
}

impl Eq for SharedRawEvent {}

impl hash::Hash for SharedRawEvent {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.as_raw_event().hash(state);
    }
}

impl fmt::Debug for SharedEvent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_event().write_debug("SharedEvent", formatter)
    }
}

impl fmt::Debug for SharedRawEvent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_raw_event().write_debug("SharedRawEvent", formatter)
    }
}
