//! The end of a stream within an event (WHATWG HTML 9.2.6: an unfinished event is discarded), for
//! callers that want it all the same.

use core::fmt;

use super::EventDecoder;
use super::block::Phase;
use crate::buffer::Buffer;
use crate::error::DecodeError;
use crate::event::{Event, RawEvent};
use crate::parse::Piece;

/// An event that the end of the stream cut off; see [`EventDecoder::finish`].
///
/// Dropping it discards the event, as the standard does.
#[must_use = "dropping it discards the event, which is fine if it is meant"]
pub struct Incomplete<'d, B: Buffer> {
    pub(super) decoder: &'d mut EventDecoder<B>,
}

/// What to do with a line that the end of the stream cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "there is no third way")]
#[doc(alias("openai", "llm"))]
pub enum CutLine {
    /// Keep the line, as if its line end had arrived: for streams that end with `data: [DONE]` and
    /// without a line end.
    ///
    /// Nothing shows whether the line was complete: of `id: 1234`, the `id: 12` that arrived
    /// becomes the last event ID.
    Keep,
    /// Discard the line; the whole lines before it count. For data that may have been cut anywhere.
    Discard,
}

impl<'d, B: Buffer> Incomplete<'d, B> {
    /// Returns whether the stream ended inside a line; otherwise only the blank line is missing.
    pub fn is_inside_line(&self) -> bool {
        self.decoder.parser.is_inside_line()
    }

    /// Dispatches the event as text, as if its blank line had arrived.
    ///
    /// `None` if it has no data, or if it was rejected before. Its `id` becomes the last event ID.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if the event exceeds a limit with this line, or as text.
    pub fn recover(self, cut_line: CutLine) -> Result<Option<Event<'d>>, DecodeError> {
        if self.decoder.end_event(cut_line)? {
            self.decoder.resolve_text(&[]).map(Some)
        } else {
            Ok(None)
        }
    }

    /// Dispatches the event as bytes, as if its blank line had arrived.
    ///
    /// `None` if it has no data, or if it was rejected before. Its `id` becomes the last event ID.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if the event exceeds a limit with this line.
    pub fn recover_raw(self, cut_line: CutLine) -> Result<Option<RawEvent<'d>>, DecodeError> {
        if self.decoder.end_event(cut_line)? {
            Ok(Some(self.decoder.resolve_raw(&[])))
        } else {
            Ok(None)
        }
    }
}

impl<B: Buffer> EventDecoder<B> {
    /// Ends an incomplete event, and returns whether it was dispatched.
    fn end_event(&mut self, cut_line: CutLine) -> Result<bool, DecodeError> {
        let mut result = Ok(());
        match (self.parser.end(), cut_line) {
            (Some((line, value)), CutLine::Keep) => {
                let (block, end) = (&mut self.block, Piece::end_of(line));
                result = self
                    .interpreter
                    .process(block, end, value, false, false, &[])
                    .map(drop);
            }
            _ => self.interpreter.store.clear_line(),
        }
        let event = self.interpreter.dispatch(self.block, false, false, &[]);
        self.interpreter.phase = Phase::AfterEnd;
        result.map(|()| event.is_some())
    }
}

impl<B: Buffer> fmt::Debug for Incomplete<'_, B> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("Incomplete")
            .field(&self.decoder)
            .finish()
    }
}
