//! Lines that are not fields, which the standard ignores (WHATWG HTML 9.2.6), for callers that want
//! to know why there are no events.

#[cfg(feature = "alloc")]
use alloc::boxed::Box;

use super::EventDecoder;
use crate::buffer::Buffer;

/// How much of the first line is stored.
#[cfg(feature = "alloc")]
const FIRST: usize = 200;

/// How many such lines there were, and the beginning of the first one.
#[derive(Clone)]
pub(super) struct IgnoredLines {
    count: usize,
    // Boxed, since most streams have no such line.
    #[cfg(feature = "alloc")]
    first: Option<Box<First>>,
}

#[cfg(feature = "alloc")]
#[derive(Clone)]
struct First {
    len: usize,
    text: [u8; FIRST],
}

impl IgnoredLines {
    pub(super) const NEW: Self = Self {
        count: 0,
        #[cfg(feature = "alloc")]
        first: None,
    };

    /// Adds a line, or a fragment of one. A decoder that may not allocate stores none of it.
    pub(super) fn add(&mut self, _text: &[u8], begins: bool, _may_allocate: bool) {
        self.count = self.count.saturating_add(begins.into());
        #[cfg(feature = "alloc")]
        if self.count == 1 && _may_allocate {
            let first = self.first.get_or_insert_with(|| {
                Box::new(First {
                    len: 0,
                    text: [0; FIRST],
                })
            });
            let room = first.text.get_mut(first.len..).unwrap_or_default();
            for (place, byte) in room.iter_mut().zip(_text) {
                *place = *byte;
                first.len += 1;
            }
        }
    }

    /// Forgets all lines. The memory of the first one is reused.
    pub(super) fn clear(&mut self) {
        self.count = 0;
        #[cfg(feature = "alloc")]
        if let Some(first) = &mut self.first {
            first.len = 0;
        }
    }

    pub(super) const fn count(&self) -> usize {
        self.count
    }

    #[cfg(feature = "alloc")]
    pub(super) fn first(&self) -> Option<&[u8]> {
        let first = self.first.as_ref()?;
        first.text.get(..first.len).filter(|text| !text.is_empty())
    }
}

impl<B: Buffer> EventDecoder<B> {
    /// Returns how many lines were ignored since the decoder was created or
    /// [restarted](Self::restart), because they are not fields, comments or blank lines.
    ///
    /// The standard ignores such lines. A stream without events that has some is probably something
    /// else: a JSON error, an HTML page or compressed data. A `retry` field that is invalid and an
    /// `id` with NUL are fields, and do not count.
    ///
    /// ```
    /// use sse_wire::EventDecoder;
    ///
    /// let mut decoder = EventDecoder::with_buffer([0; 64]);
    /// let mut input: &[u8] = b"{\"error\":\"overloaded\"}";
    /// assert_eq!(decoder.decode(&mut input)?, None);
    /// assert_eq!(decoder.ignored_lines(), 1);
    /// # Ok::<(), sse_wire::DecodeError>(())
    /// ```
    pub fn ignored_lines(&self) -> usize {
        self.interpreter.ignored.count()
    }

    /// Returns the first 200 bytes of the first [ignored line](Self::ignored_lines), as far as it
    /// was received.
    ///
    /// It is not validated: it may be anything, such as compressed data. `None` if no line was
    /// ignored, or if the decoder has a caller-provided buffer, besides which it allocates nothing.
    ///
    /// ```
    /// use sse_wire::EventDecoder;
    ///
    /// let mut decoder = EventDecoder::new();
    /// let mut input: &[u8] = b"{\"error\":\"overloaded\"}";
    /// assert_eq!(decoder.decode(&mut input)?, None);
    /// let first = decoder.first_ignored().map(String::from_utf8_lossy);
    /// assert_eq!(first.as_deref(), Some("{\"error\":\"overloaded\"}"));
    /// # Ok::<(), sse_wire::DecodeError>(())
    /// ```
    #[cfg(feature = "alloc")]
    #[cfg_attr(docsrs, doc(cfg(feature = "alloc")))]
    pub fn first_ignored(&self) -> Option<&[u8]> {
        self.interpreter.ignored.first()
    }
}
