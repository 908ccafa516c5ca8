//! WHATWG HTML 9.2.5: a piece of a stream that was seen to be text before its events are.

use core::fmt;

use crate::text::text_prefix;

/// A piece of an event stream of which it is known how much is UTF-8: the input of
/// [`EventDecoder::decode_chunk`](crate::EventDecoder::decode_chunk).
///
/// One pass over all of it costs less than one over each event. That pays for large chunks of small events with one data line each,
/// as a server that is ahead of its reader sends them. It does not for chunks as small as events, or for events that are cut,
/// large, of several data lines, or not UTF-8, which are validated once more: then [`decode`](crate::EventDecoder::decode) is as
/// fast or faster. What is text already, a `&str`, becomes a chunk without a look.
///
/// Nothing need be text, and no character need be whole: an event that is not UTF-8 is read as
/// [`decode`](crate::EventDecoder::decode) reads it, and behind it another pass begins.
///
/// It must be a variable outside the loop, as below: `decode_chunk(&mut Chunk::new(bytes))` in a `while let` would begin the same
/// chunk again for ever.
///
/// ```
/// use sse_wire::{Chunk, EventDecoder};
///
/// let mut decoder = EventDecoder::new();
/// let mut seen = Vec::new();
/// for bytes in [&b"data: caf\xC3"[..], b"\xA9\n\ndata: 1\n\nevent: add\ndata: 2\n\n"] {
///     let mut chunk = Chunk::new(bytes);
///     while let Some(event) = decoder.decode_chunk(&mut chunk)? {
///         seen.push(event.data().to_owned());
///     }
/// }
/// assert_eq!(seen, ["café", "1", "2"]);
/// # Ok::<(), sse_wire::DecodeError>(())
/// ```
#[derive(Clone, Default)]
pub struct Chunk<'i> {
    /// All of it, whatever of it has been read.
    bytes: &'i [u8],
    /// What is known to be text, and has not been read.
    text: &'i str,
    /// Where in the bytes that ends.
    text_end: usize,
}

impl<'i> Chunk<'i> {
    /// Sees how much of `bytes` is text.
    ///
    /// # Complexity
    ///
    /// O(n) for n bytes, here and now, however few of them are read.
    pub fn new(bytes: &'i [u8]) -> Self {
        let text = text_prefix(bytes);
        let text_end = text.len();
        Self {
            bytes,
            text,
            text_end,
        }
    }

    /// What has not been read yet: for one who goes on with another call.
    ///
    /// ```
    /// use sse_wire::{Chunk, EventDecoder};
    ///
    /// let mut decoder = EventDecoder::new();
    /// let mut chunk = Chunk::new(b"data: text\n\ndata: bytes\n\n");
    /// let event = decoder.decode_chunk(&mut chunk)?.expect("a block");
    /// assert_eq!(event.data(), "text");
    /// let mut input = chunk.as_bytes();
    /// let event = decoder.decode_raw(&mut input)?.expect("a second one");
    /// assert_eq!(event.data(), b"bytes");
    /// # Ok::<(), sse_wire::DecodeError>(())
    /// ```
    #[inline]
    pub fn as_bytes(&self) -> &'i [u8] {
        let start = self.text_end - self.text.len();
        self.bytes.get(start..).unwrap_or_default()
    }

    /// What of it is known to be text: the first bytes of [`as_bytes`](Self::as_bytes).
    #[inline(always)]
    pub(crate) const fn text(&self) -> &'i str {
        self.text
    }

    /// Drops the first bytes, which have been read.
    #[inline(always)]
    pub(crate) fn advance(&mut self, bytes: usize) {
        match self.text.get(bytes..) {
            Some(text) => self.text = text,
            None => self.advance_beyond_text(bytes),
        }
    }

    /// What is not text has been read; what is behind it may be.
    #[cold]
    fn advance_beyond_text(&mut self, bytes: usize) {
        *self = Self::new(self.as_bytes().get(bytes..).unwrap_or_default());
    }
}

/// As [`Chunk::new`].
impl<'i> From<&'i [u8]> for Chunk<'i> {
    fn from(bytes: &'i [u8]) -> Self {
        Self::new(bytes)
    }
}

/// All of it is text, and need not be looked at.
impl<'i> From<&'i str> for Chunk<'i> {
    fn from(text: &'i str) -> Self {
        Self {
            bytes: text.as_bytes(),
            text,
            text_end: text.len(),
        }
    }
}

impl fmt::Debug for Chunk<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the bytes: they may be many, and they are the peer's.
        formatter
            .debug_struct("Chunk")
            .field("bytes", &self.as_bytes().len())
            .field("text", &self.text.len())
            .finish()
    }
}
