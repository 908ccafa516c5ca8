//! Events that share the memory they came in: [`EventDecoder::step`], with places resolved to slices of a refcounted chunk.
//!
//! An event keeps one slice, which spans its type and its data, and where in it these are: one reference, and one pass to see
//! that it is text. What cannot be shared, or is not worth it, is copied into one block of the same form.

use alloc::{string::String, vec::Vec};
use core::{fmt, hash, ops::Range, str, str::Utf8Error, time::Duration};

#[cfg(feature = "tokio-util")]
use bytes::BytesMut;
use bytes::{Buf, Bytes};
use bytestring::ByteString;

use crate::decode::{CutLine, EventDecoder, Found, Incomplete, Place, Places};
use crate::encode::Outgoing;
use crate::error::{BufferFull, DecodeError};
use crate::event::{Event, IdKeeper, KeptId, OwnedEvent, RawEvent};
use crate::limits::Limits;
use crate::value::LastEventId;

/// What is copied rather than shared unless that is set.
const COPY_BELOW: usize = 1024;
/// An event that takes less than such a part of its chunk is copied.
const LEAST_PART: usize = 16;

/// An [`EventDecoder`] for chunks of [`Bytes`]: its events share the chunk's memory, and can be kept, cloned and sent elsewhere.
///
/// The data and the type of an event that lies whole in one chunk, with one data line, are neither copied nor allocated
/// for, if it is large enough for that to pay ([see below](#what-an-event-keeps-alive)). What a cut divides, or several data lines join, and
/// what is small, is copied into one block. The last event ID is copied once, when it is new, and shared by all events that have it.
///
/// ```
/// use bytes::Bytes;
/// use sse_wire::SharedDecoder;
///
/// let mut decoder = SharedDecoder::new();
/// let mut kept = Vec::new();
/// for chunk in ["event: add\ndata: 1", "\n\ndata: [DONE]\n\n"] {
///     let mut chunk = Bytes::from(chunk);
///     while let Some(event) = decoder.decode(&mut chunk)? {
///         kept.push(event);
///     }
/// }
/// assert_eq!((kept[0].event_type(), kept[0].data()), ("add", "1"));
/// assert_eq!(kept[1].data(), "[DONE]");
/// # Ok::<(), sse_wire::DecodeError>(())
/// ```
///
/// # What an event keeps alive
///
/// A slice keeps the whole chunk alive, so an event is copied if its type and data together take less than 1 KiB
/// ([`with_copy_below`](Self::with_copy_below)), or less than a sixteenth of the chunk. An event that is shared thus keeps about sixteen times
/// its size alive at the most, as far as the chunk shows: where it is itself a slice of something larger, as HTTP clients make
/// them of their buffers, only who made it knows. For events that are kept for long, `with_copy_below(usize::MAX)` copies all.
///
/// A chunk that was read to its end is let go: `input` is a new, empty `Bytes` then.
///
/// # Errors
///
/// As for [`EventDecoder`]: limits only, and the stream goes on with the next call.
#[derive(Clone)]
pub struct SharedDecoder {
    decoder: EventDecoder,
    id: IdKeeper,
    copy_below: usize,
    chunk: Chunk,
}

/// The chunk that is being read, as far as it was seen: its end tells whether the next input is the rest of it.
#[derive(Debug, Clone, Copy, Default)]
struct Chunk {
    end: usize,
    length: usize,
}

impl SharedDecoder {
    /// A decoder with the default [`Limits`].
    pub fn new() -> Self {
        Self::with_limits(Limits::new())
    }

    /// A decoder that refuses events and last event IDs larger than `limits`.
    pub fn with_limits(limits: Limits) -> Self {
        Self::from(EventDecoder::with_limits(limits))
    }

    /// Sets how many bytes of type and data an event must have to share the memory of its chunk: 1024 unless set.
    ///
    /// Smaller ones are copied. `usize::MAX` copies all events: they keep no chunk alive. `0` copies none that can be
    /// shared, however large the chunk: for events that are dropped soon.
    ///
    /// ```
    /// use sse_wire::SharedDecoder;
    ///
    /// let decoder = SharedDecoder::new().with_copy_below(0);
    /// # drop(decoder);
    /// ```
    #[must_use]
    pub const fn with_copy_below(mut self, bytes: usize) -> Self {
        self.copy_below = bytes;
        self
    }

    /// The limits in force.
    pub fn limits(&self) -> Limits {
        self.decoder.limits()
    }

    /// Takes input off the front of `input` until an event is complete, and hands it over as text.
    ///
    /// `Ok(None)` means that `input` is empty: more is needed. What is not UTF-8 becomes U+FFFD, as in a browser.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] when an event exceeds a limit. `input` may or may not be empty then: call again to go on.
    ///
    /// # Complexity
    ///
    /// O(n) for n bytes, however they are cut.
    pub fn decode(&mut self, input: &mut Bytes) -> Result<Option<SharedEvent>, DecodeError> {
        self.read(input)
    }

    /// Takes input off the front of `input` until an event is complete, and hands it over as bytes, which are not validated.
    ///
    /// Otherwise as [`decode`](Self::decode).
    ///
    /// # Errors
    ///
    /// [`DecodeError`] when an event exceeds a limit. `input` may or may not be empty then: call again to go on.
    ///
    /// # Complexity
    ///
    /// O(n) for n bytes, however they are cut.
    pub fn decode_raw(&mut self, input: &mut Bytes) -> Result<Option<SharedRawEvent>, DecodeError> {
        self.read(input)
    }

    /// Takes input off the front of `input` until there is an event, a comment or a reconnection time, in the order in
    /// which they came.
    ///
    /// An event is as from [`decode`](Self::decode), but is copied if comments or `retry` lines stand between its fields.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] when an event exceeds a limit. `input` may or may not be empty then: call again to go on.
    ///
    /// # Complexity
    ///
    /// O(n) for n bytes, however they are cut.
    pub fn decode_item(&mut self, input: &mut Bytes) -> Result<Option<SharedItem>, DecodeError> {
        self.read(input)
    }

    /// The last event ID: what a client sends as `Last-Event-ID` when it connects again; empty if there is none.
    pub fn last_event_id(&self) -> &str {
        self.decoder.last_event_id()
    }

    /// Sets the last event ID, for a client that goes on where an earlier one left off; see
    /// [`EventDecoder::set_last_event_id`].
    ///
    /// # Errors
    ///
    /// [`BufferFull`] when it is larger than [`Limits::last_event_id`]; nothing has changed then.
    pub fn set_last_event_id(&mut self, id: LastEventId<'_>) -> Result<(), BufferFull> {
        self.decoder.set_last_event_id(id)
    }

    /// The reconnection time that the stream asked for, if it did: how long a client waits before it connects again.
    pub fn reconnection_time(&self) -> Option<Duration> {
        self.decoder.reconnection_time()
    }

    /// Ends the stream, and says whether it broke off within an event; see [`EventDecoder::finish`].
    ///
    /// What [`Incomplete`] recovers is lent; [`recover`](Self::recover) hands it over.
    pub fn finish(&mut self) -> Option<Incomplete<'_, Vec<u8>>> {
        self.decoder.finish()
    }

    /// Ends the stream, and dispatches the event within which it broke off all the same, if there is one with data.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use sse_wire::{CutLine, SharedDecoder};
    ///
    /// let mut decoder = SharedDecoder::new();
    /// let mut chunk = Bytes::from("data: 1\n\ndata: [DONE]");
    /// while let Some(_event) = decoder.decode(&mut chunk)? {}
    /// let event = decoder.recover(CutLine::Keep)?.expect("no blank line came");
    /// assert_eq!(event.data(), "[DONE]");
    /// # Ok::<(), sse_wire::DecodeError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if the event exceeds a limit with its last line, or as text.
    pub fn recover(&mut self, cut_line: CutLine) -> Result<Option<SharedEvent>, DecodeError> {
        match self.decoder.finish() {
            Some(incomplete) => SharedEvent::recover(incomplete, cut_line),
            None => Ok(None),
        }
    }

    /// Begins a new stream on a new connection; see [`EventDecoder::restart`].
    pub fn restart(&mut self) {
        self.decoder.restart();
    }

    /// Reads from `input` what `T` is made of.
    pub(crate) fn read<T: FromReading>(
        &mut self,
        input: &mut Bytes,
    ) -> Result<Option<T>, DecodeError> {
        self.chunk
            .note(input.as_ptr_range().end.addr(), input.len());
        let mut rest = &input[..];
        let found = self.decoder.step(&mut rest, T::ITEMS);
        let used = input.len() - rest.len();
        let result = match found {
            Ok(Some(found)) => T::resolve(Reading {
                decoder: self,
                input,
                shared: Some(input),
                found,
            })
            .map(Some),
            Ok(None) => Ok(None),
            Err(error) => Err(error),
        };
        if used == input.len() {
            // An empty slice would keep its chunk alive all the same.
            *input = Bytes::new();
        } else {
            input.advance(used);
        }
        result
    }

    /// The same out of a buffer that is read into, of which only what is shared is split off.
    #[cfg(feature = "tokio-util")]
    pub(crate) fn read_from<T: FromReading>(
        &mut self,
        input: &mut BytesMut,
    ) -> Result<Option<T>, DecodeError> {
        // What is shared keeps all of the buffer alive, whether or not it is full.
        let capacity = input.capacity();
        self.chunk.note(input.as_ptr().addr() + capacity, capacity);
        let mut rest = &input[..];
        let found = self.decoder.step(&mut rest, T::ITEMS);
        let used = input.len() - rest.len();
        match found {
            Ok(Some(found)) if self.span(found).is_some() => {
                let whole = input.split_to(used).freeze();
                T::resolve(Reading {
                    decoder: self,
                    input: &whole,
                    shared: Some(&whole),
                    found,
                })
                .map(Some)
            }
            Ok(Some(found)) => {
                let result = T::resolve(Reading {
                    decoder: self,
                    input,
                    shared: None,
                    found,
                });
                input.advance(used);
                result.map(Some)
            }
            Ok(None) => {
                input.advance(used);
                Ok(None)
            }
            Err(error) => {
                input.advance(used);
                Err(error)
            }
        }
    }

    /// The part of the input that what was found is to share; `None` if it is to be copied.
    fn span(&self, found: Found) -> Option<Range<usize>> {
        let (span, length) = match found {
            Found::Event(_) if self.decoder.holds_event() => return None,
            Found::Event(places) => {
                let (data, event_type) = (places.data.range(), places.event_type.range());
                let length = data.len() + event_type.len();
                let span = if data.is_empty() {
                    event_type
                } else if event_type.is_empty() {
                    data
                } else {
                    data.start.min(event_type.start)..data.end.max(event_type.end)
                };
                (span, length)
            }
            Found::Comment { start, stop, .. } => (start..stop, stop - start),
            Found::Retry => return None,
        };
        let is_worth_it = self.copy_below == 0
            || length >= self.copy_below && length >= self.chunk.length / LEAST_PART;
        // Nor what may stand between the two: comments, and types that a later line replaced.
        let is_close = span.len() <= 2 * length + COPY_BELOW;
        (length > 0 && is_worth_it && is_close).then_some(span)
    }
}

impl Chunk {
    /// The rest of a chunk ends where the chunk does. Should another one end there, too, more is copied than need be.
    fn note(&mut self, end: usize, length: usize) {
        if self.end != end || self.length < length {
            *self = Self { end, length };
        }
    }
}

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
        let Fields { event_type, data } = &self.fields;
        let part = |range: &Range<usize>| self.text.get(range.clone()).unwrap_or_default();
        let last_event_id = self.last_event_id().as_bytes();
        Event::new(
            part(event_type),
            part(data),
            last_event_id,
            self.id.is_own(),
        )
    }

    /// The event type: what the block's last `event` field said, or `message`.
    pub fn event_type(&self) -> &str {
        self.as_event().event_type()
    }

    /// The data: the values of the block's `data` fields, joined by LF.
    pub fn data(&self) -> &str {
        self.as_event().data()
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
        let Fields { event_type, data } = &self.fields;
        let part = |range: &Range<usize>| self.bytes.get(range.clone()).unwrap_or_default();
        let last_event_id = self.last_event_id().as_bytes();
        RawEvent::new(
            part(event_type),
            part(data),
            last_event_id,
            self.id.is_own(),
        )
    }

    /// The event type: what the block's last `event` field said, or `message`.
    pub fn event_type(&self) -> &[u8] {
        self.as_raw_event().event_type()
    }

    /// The data: the values of the block's `data` fields, joined by LF.
    pub fn data(&self) -> &[u8] {
        self.as_raw_event().data()
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

    fn resolve(reading: Reading<'_>) -> Result<Self, DecodeError> {
        let Reading {
            decoder,
            input,
            shared,
            found,
        } = reading;
        let id = decoder.decoder.keep_id(&mut decoder.id);
        let Found::Event(places) = found else {
            return Ok(Self::copy(Event::new("", "", &[], false), id));
        };
        if let (Some(span), Some(shared)) = (decoder.span(found), shared) {
            let fields = Fields::within(&span, places);
            // Also if only what stands between the two is not text, all is copied.
            if let Ok(text) = ByteString::try_from(shared.slice(span)) {
                return Ok(Self { text, fields, id });
            }
        }
        let event = decoder.decoder.lend_text(input, places)?;
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

    fn resolve(reading: Reading<'_>) -> Result<Self, DecodeError> {
        let Reading {
            decoder,
            input,
            shared,
            found,
        } = reading;
        let id = decoder.decoder.keep_id(&mut decoder.id);
        let Found::Event(places) = found else {
            return Ok(Self::copy(RawEvent::new(&[], &[], &[], false), id));
        };
        if let (Some(span), Some(shared)) = (decoder.span(found), shared) {
            let fields = Fields::within(&span, places);
            let bytes = shared.slice(span);
            return Ok(Self { bytes, fields, id });
        }
        let event = decoder.decoder.lend_raw(input, places);
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

    /// Where they are in a span of the input; what is empty may lie outside of it.
    fn within(span: &Range<usize>, places: Places) -> Self {
        let place = |place: Place| match place.range() {
            range if range.is_empty() => 0..0,
            range => range.start - span.start..range.end - span.start,
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

impl From<EventDecoder> for SharedDecoder {
    /// Goes on with a decoder that has been set up, or has read a part of the stream already.
    fn from(decoder: EventDecoder) -> Self {
        let mut id = IdKeeper::default();
        id.update(decoder.last_event_id());
        Self {
            decoder,
            id,
            copy_below: COPY_BELOW,
            chunk: Chunk::default(),
        }
    }
}

impl Default for SharedDecoder {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for SharedDecoder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SharedDecoder")
            .field("decoder", &self.decoder)
            .field("copy_below", &self.copy_below)
            .finish_non_exhaustive()
    }
}

/// Something that a [`SharedDecoder`] makes of a stream: [`SharedEvent`], [`SharedRawEvent`] or [`SharedItem`].
///
/// The doors that own a decoder hand over any of them.
pub trait Decoded: FromReading {}

impl Decoded for SharedEvent {}
impl Decoded for SharedRawEvent {}
impl Decoded for SharedItem {}

use sealed::{FromReading, Reading};

pub(crate) mod sealed {
    use super::{Bytes, CutLine, DecodeError, Found, Incomplete, SharedDecoder, Vec};

    /// How it is made; not to be named, so not to be implemented, outside the crate.
    #[allow(unnameable_types, reason = "this is what seals `Decoded`")]
    pub trait FromReading: Sized {
        /// Whether comments and reconnection times are asked for.
        const ITEMS: bool;

        /// Resolves what was found.
        fn resolve(reading: Reading<'_>) -> Result<Self, DecodeError>;

        /// Ends the stream, and dispatches the event within which it broke off.
        fn recover(
            incomplete: Incomplete<'_, Vec<u8>>,
            cut_line: CutLine,
        ) -> Result<Option<Self>, DecodeError>;
    }

    /// What was found in an input, which can be shared if it is `shared`.
    #[allow(
        unnameable_types,
        missing_debug_implementations,
        reason = "this is what seals `Decoded`"
    )]
    pub struct Reading<'r> {
        pub(super) decoder: &'r mut SharedDecoder,
        pub(super) input: &'r [u8],
        pub(super) shared: Option<&'r Bytes>,
        pub(super) found: Found,
    }
}
