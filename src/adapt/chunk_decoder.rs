//! What the adapters that receive chunks have in common: a decoder, the chunk that it reads, and
//! the end of the stream.

#[cfg(feature = "tokio")]
use alloc::vec::Vec;
use core::fmt;

use crate::buffer::Buffer;
#[cfg(feature = "stream")]
use crate::decode::Owned;
#[cfg(any(feature = "stream", feature = "tokio"))]
use crate::decode::SingleLine;
use crate::decode::{CutLine, EventDecoder, Found, Incomplete};
use crate::error::{DecodeError, ReadError};
use crate::event::{Event, Item, RawEvent};

/// A decoder and its chunk. Finding borrows nothing, so an adapter can wait between finding and
/// resolving.
pub(super) struct ChunkDecoder<C, B: Buffer> {
    pub(super) decoder: EventDecoder<B>,
    pub(super) chunk: C,
    /// Where in the chunk the input of the last call began.
    start: usize,
    /// How many bytes of the chunk were consumed.
    used: usize,
    /// How many bytes of the chunk are part of the stream.
    filled: usize,
    recover: Option<CutLine>,
    /// There is nothing more to read.
    has_ended: bool,
    /// The end of the stream was passed on to the decoder.
    is_finished: bool,
    ended_within_event: bool,
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

impl<C, B: Buffer> ChunkDecoder<C, B> {
    pub(super) const fn new(decoder: EventDecoder<B>, chunk: C) -> Self {
        Self {
            decoder,
            chunk,
            start: 0,
            used: 0,
            filled: 0,
            recover: None,
            has_ended: false,
            is_finished: false,
            ended_within_event: false,
        }
    }

    pub(super) const fn set_recover_at_end(&mut self, cut_line: CutLine) {
        self.recover = Some(cut_line);
    }

    pub(super) const fn has_ended(&self) -> bool {
        self.has_ended
    }

    pub(super) const fn ended_within_event(&self) -> bool {
        self.ended_within_event
    }

    /// Adds what the `Debug` forms of all adapters show.
    pub(super) fn write_debug(
        &self,
        name: &str,
        formatter: &mut fmt::Formatter<'_>,
    ) -> fmt::Result {
        formatter
            .debug_struct(name)
            .field("decoder", &self.decoder)
            .field("recover", &self.recover)
            .field("has_ended", &self.has_ended)
            .field("ended_within_event", &self.ended_within_event)
            .finish_non_exhaustive()
    }

    /// The chunk was filled anew, with so many bytes.
    pub(super) const fn fill(&mut self, length: usize) {
        self.used = 0;
        self.filled = length;
    }

    /// Nothing more comes; the event within which the stream ended may be recovered.
    pub(super) const fn end(&mut self) {
        self.has_ended = true;
    }

    /// The transport failed for good: an event within which it did is dropped.
    #[cfg(feature = "stream")]
    pub(super) fn abort(&mut self) {
        self.has_ended = true;
        _ = self.finish();
    }

    /// Passes the end on to the decoder, once, and returns the event that is to be recovered.
    fn finish(&mut self) -> Option<(Incomplete<'_, B>, CutLine)> {
        if self.is_finished {
            return None;
        }
        self.is_finished = true;
        let incomplete = self.decoder.finish();
        self.ended_within_event = incomplete.is_some();
        incomplete.zip(self.recover)
    }
}

/// What of a chunk the decoder reads.
#[inline(always)]
fn input<C: Chunk>(chunk: &C, start: usize, stop: usize) -> &[u8] {
    chunk.bytes().get(start..stop).unwrap_or_default()
}

impl<C: Chunk, B: Buffer> ChunkDecoder<C, B> {
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
    pub(super) fn single_line_event<E>(
        &mut self,
        event: SingleLine,
    ) -> Result<Option<Event<'_>>, ReadError<E>> {
        let whole = input(&self.chunk, self.start, self.filled);
        self.decoder.single_line_event(whole, event)
    }

    /// Resolves the event that was found, as bytes.
    #[cfg(any(feature = "stream", feature = "tokio"))]
    #[inline(always)]
    pub(super) fn single_line_raw_event<E>(
        &mut self,
        event: SingleLine,
    ) -> Result<Option<RawEvent<'_>>, ReadError<E>> {
        let whole = input(&self.chunk, self.start, self.filled);
        Ok(Some(self.decoder.single_line_raw_event(whole, event)))
    }

    /// Resolves the event that was found, as an item.
    #[cfg(any(feature = "stream", feature = "tokio"))]
    #[inline(always)]
    pub(super) fn single_line_item<E>(
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
    pub(super) fn event<E>(
        &mut self,
        found: Option<Found>,
    ) -> Result<Option<Event<'_>>, ReadError<E>> {
        let Some(Found::Event) = found else {
            return Ok(self.recovered()?);
        };
        let whole = input(&self.chunk, self.start, self.filled);
        Ok(Some(self.decoder.resolve_text(whole)?))
    }

    /// Resolves the event that was found, as bytes; without one, returns the event that is
    /// recovered at the end.
    #[inline(always)]
    pub(super) fn raw_event<E>(
        &mut self,
        found: Option<Found>,
    ) -> Result<Option<RawEvent<'_>>, ReadError<E>> {
        let Some(Found::Event) = found else {
            return Ok(match self.finish() {
                Some((incomplete, cut_line)) => incomplete.recover_raw(cut_line)?,
                None => None,
            });
        };
        let whole = input(&self.chunk, self.start, self.filled);
        Ok(Some(self.decoder.resolve_raw(whole)))
    }

    /// Resolves what was found; without anything, returns the event that is recovered at the end.
    pub(super) fn item<E>(
        &mut self,
        found: Option<Found>,
    ) -> Result<Option<Item<'_>>, ReadError<E>> {
        let Some(found) = found else {
            return Ok(self.recovered()?.map(Item::Event));
        };
        let whole = input(&self.chunk, self.start, self.filled);
        Ok(Some(self.decoder.resolve_item(whole, found)?))
    }

    #[inline(never)]
    fn recovered(&mut self) -> Result<Option<Event<'_>>, DecodeError> {
        match self.finish() {
            Some((incomplete, cut_line)) => incomplete.recover(cut_line),
            None => Ok(None),
        }
    }
}

#[cfg(feature = "stream")]
impl<C: Chunk, B: Buffer> ChunkDecoder<C, B> {
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
    pub(super) fn recovered_owned<T: Owned>(&mut self) -> Result<Option<T>, DecodeError> {
        let event = self.recovered()?;
        Ok(event.map(|event| T::from_event(event.into_owned())))
    }
}
