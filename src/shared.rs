//! Decoding chunks of refcounted memory: [`EventDecoder::step`], with places resolved to slices of the chunk.

mod event;

use alloc::vec::Vec;
use core::{fmt, ops::Range, time::Duration};

#[cfg(feature = "tokio-util")]
use bytes::BytesMut;
use bytes::{Buf, Bytes};

use crate::decode::{CutLine, EventDecoder, Found, Incomplete, Places};
use crate::error::{BufferFull, DecodeError};
use crate::event::{IdKeeper, KeptId};
use crate::limits::Limits;
use crate::value::LastEventId;

pub use event::{SharedEvent, SharedItem, SharedRawEvent};

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
            Found::Event(places) if places.is_held => return None,
            Found::Event(places) => (places.span(), places.data.len() + places.event_type.len()),
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

impl<'r> Reading<'r> {
    /// Where the event that was found is, its ID, and the part of the chunk that it is to share, if any.
    #[inline(always)]
    fn event(&mut self) -> (Places, KeptId, Option<(&'r Bytes, Range<usize>)>) {
        let SharedDecoder { decoder, id, .. } = &mut *self.decoder;
        let id = decoder.keep_id(id, self.found);
        let places = match self.found {
            Found::Event(places) => places,
            // Not asked for where events are resolved; the store holds nothing that would be lent.
            Found::Comment { .. } | Found::Retry => Places::HELD,
        };
        let part = self.shared.zip(self.decoder.span(self.found));
        (places, id, part)
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

        /// Whether it is an event.
        fn is_event(&self) -> bool {
            true
        }

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
