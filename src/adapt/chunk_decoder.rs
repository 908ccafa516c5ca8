//! What the adapters that receive chunks have in common: a decoder, the chunk that it reads, and
//! the end of the stream.

#[cfg(feature = "tokio")]
use alloc::vec::Vec;
use core::fmt;

use super::end::End;
use crate::buffer::Buffer;
#[cfg(feature = "stream")]
use crate::decode::Owned;
#[cfg(any(feature = "stream", feature = "tokio"))]
use crate::decode::SingleLine;
use crate::decode::{EventDecoder, Found, Incomplete};
use crate::error::{DecodeError, ReadError};
use crate::event::{Event, Item, RawEvent};

/// A decoder and its chunk, from a transport that fails with `E`. Finding borrows nothing, so an
/// adapter can wait between finding and resolving.
pub(super) struct ChunkDecoder<C, B: Buffer, E> {
    pub(super) decoder: EventDecoder<B>,
    pub(super) chunk: C,
    pub(super) end: End<E>,
    /// Where in the chunk the input of the last call began.
    start: usize,
    /// How many bytes of the chunk were consumed.
    used: usize,
    /// How many bytes of the chunk are part of the stream.
    filled: usize,
}

/// The memory of a chunk.
pub(super) trait Chunk {
    fn bytes(&self) -> &[u8];
}

impl Chunk for &mut [u8] {
    fn bytes(&self) -> &[u8] {
        self
    }
}

#[cfg(feature = "tokio")]
impl Chunk for Vec<u8> {
    #[inline(always)]
    fn bytes(&self) -> &[u8] {
        self
    }
}

#[cfg(feature = "stream")]
impl<C: AsRef<[u8]>> Chunk for Option<C> {
    #[inline(always)]
    fn bytes(&self) -> &[u8] {
        self.as_ref().map(C::as_ref).unwrap_or_default()
    }
}

impl<C, B: Buffer, E> ChunkDecoder<C, B, E> {
    pub(super) const fn new(decoder: EventDecoder<B>, chunk: C) -> Self {
        Self {
            decoder,
            chunk,
            end: End::new(),
            start: 0,
            used: 0,
            filled: 0,
        }
    }

    /// Returns the decoder for the next connection.
    pub(super) fn into_decoder(self) -> EventDecoder<B> {
        let mut decoder = self.decoder;
        decoder.restart();
        decoder
    }

    /// Writes what the `Debug` forms of all adapters show.
    pub(super) fn write_debug(
        &self,
        name: &str,
        formatter: &mut fmt::Formatter<'_>,
    ) -> fmt::Result {
        self.end.write_debug(name, &self.decoder, formatter)
    }

    /// The chunk was filled anew, with so many bytes.
    pub(super) const fn fill(&mut self, length: usize) {
        self.used = 0;
        self.filled = length;
    }
}

/// What of a chunk the decoder reads.
#[inline(always)]
fn input<C: Chunk>(chunk: &C, start: usize, stop: usize) -> &[u8] {
    chunk.bytes().get(start..stop).unwrap_or_default()
}

impl<C: Chunk, B: Buffer, E> ChunkDecoder<C, B, E> {
    /// Finds the next event of one data line in the chunk; the fast path of [`find`](Self::find).
    #[cfg(any(feature = "stream", feature = "tokio"))]
    #[inline(always)]
    pub(super) fn find_single_line(&mut self) -> Option<SingleLine> {
        let mut rest = input(&self.chunk, self.used, self.filled);
        let event = self.decoder.single_line(&mut rest)?;
        self.start = self.used;
        self.used = self.filled - rest.len();
        Some(event)
    }

    /// Resolves the event that was found, as text.
    #[cfg(any(feature = "stream", feature = "tokio"))]
    #[inline(always)]
    pub(super) fn single_line_event(
        &mut self,
        event: SingleLine,
    ) -> Result<Option<Event<'_>>, ReadError<E>> {
        let whole = input(&self.chunk, self.start, self.filled);
        self.decoder.single_line_event(whole, event)
    }

    /// Resolves the event that was found, as bytes.
    #[cfg(any(feature = "stream", feature = "tokio"))]
    #[inline(always)]
    pub(super) fn single_line_raw_event(
        &mut self,
        event: SingleLine,
    ) -> Result<Option<RawEvent<'_>>, ReadError<E>> {
        let whole = input(&self.chunk, self.start, self.filled);
        Ok(Some(self.decoder.single_line_raw_event(whole, event)))
    }

    /// Resolves the event that was found, as an item.
    #[cfg(any(feature = "stream", feature = "tokio"))]
    #[inline(always)]
    pub(super) fn single_line_item(
        &mut self,
        event: SingleLine,
    ) -> Result<Option<Item<'_>>, ReadError<E>> {
        Ok(self.single_line_event(event)?.map(Item::Event))
    }

    /// Whether the decoder is between two blocks, where the fast path applies.
    #[cfg(any(feature = "stream", feature = "tokio"))]
    #[inline(always)]
    pub(super) fn is_between_blocks(&self) -> bool {
        self.decoder.is_between_blocks()
    }

    /// Whether all of the chunk was consumed.
    #[cfg(any(feature = "stream", feature = "tokio"))]
    #[inline(always)]
    pub(super) const fn is_consumed(&self) -> bool {
        self.used == self.filled
    }

    /// Finds the next event, or with `items` whatever comes first, in what was not consumed of the
    /// chunk; for a caller that has tried the fast path.
    #[inline(never)]
    pub(super) fn find(&mut self, items: bool) -> Result<Option<Found>, DecodeError> {
        self.start = self.used;
        let mut rest = input(&self.chunk, self.used, self.filled);
        let found = self.decoder.step_slow(&mut rest, items);
        self.used = self.filled - rest.len();
        found
    }

    /// Resolves the event that was found, as text; without one, returns the event that is recovered
    /// at the end.
    #[inline(always)]
    pub(super) fn event(
        &mut self,
        found: Option<Found>,
    ) -> Result<Option<Event<'_>>, ReadError<E>> {
        let Some(Found::Event) = found else {
            return self.end.recovered(&mut self.decoder, Incomplete::recover);
        };
        let whole = input(&self.chunk, self.start, self.filled);
        Ok(Some(self.decoder.resolve_text(whole)?))
    }

    /// Resolves the event that was found, as bytes; without one, returns the event that is
    /// recovered at the end.
    #[inline(always)]
    pub(super) fn raw_event(
        &mut self,
        found: Option<Found>,
    ) -> Result<Option<RawEvent<'_>>, ReadError<E>> {
        let Some(Found::Event) = found else {
            return self
                .end
                .recovered(&mut self.decoder, Incomplete::recover_raw);
        };
        let whole = input(&self.chunk, self.start, self.filled);
        Ok(Some(self.decoder.resolve_raw(whole)))
    }

    /// Resolves what was found; without anything, returns the event that is recovered at the end.
    pub(super) fn item(&mut self, found: Option<Found>) -> Result<Option<Item<'_>>, ReadError<E>> {
        let Some(found) = found else {
            let event = self.end.recovered(&mut self.decoder, Incomplete::recover)?;
            return Ok(event.map(Item::Event));
        };
        let whole = input(&self.chunk, self.start, self.filled);
        Ok(Some(self.decoder.resolve_item(whole, found)?))
    }
}

#[cfg(feature = "stream")]
impl<C: Chunk, B: Buffer, E> ChunkDecoder<C, B, E> {
    /// Decodes the next event of one data line in the chunk; the fast path of
    /// [`next_owned`](Self::next_owned).
    #[inline(always)]
    pub(super) fn single_line_owned<T: Owned>(&mut self) -> Option<T> {
        let mut rest = input(&self.chunk, self.used, self.filled);
        let event = self.decoder.single_line_owned(&mut rest)?;
        self.used = self.filled - rest.len();
        Some(T::from_event(event))
    }

    /// Decodes what comes next in the chunk; for a caller that has tried the fast path.
    #[inline(always)]
    pub(super) fn next_owned<T: Owned>(&mut self) -> Result<Option<T>, DecodeError> {
        let mut rest = input(&self.chunk, self.used, self.filled);
        let found = T::decode(&mut self.decoder, &mut rest);
        self.used = self.filled - rest.len();
        found
    }

    /// Returns the event that is recovered at the end.
    pub(super) fn recovered_owned<T: Owned>(&mut self) -> Result<Option<T>, ReadError<E>> {
        let event = self.end.recovered(&mut self.decoder, Incomplete::recover)?;
        Ok(event.map(|event| T::from_event(event.into_owned())))
    }
}
