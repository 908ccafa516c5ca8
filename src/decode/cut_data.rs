//! The fast path for data lines that are split across inputs, which is most of a stream in small chunks.
//!
//! It does what [`FieldParser`](crate::FieldParser) and [`EventDecoder::data`] do for a data line in parts, without looking at its
//! name, or for one that continues, at anything but its end.

use super::whole_block::DATA;
use super::{BeforeNext, EventDecoder, Places};
use crate::SMALL;
use crate::buffer::Buffer;
use crate::line_end::line_end;

impl<B: Buffer> EventDecoder<B> {
    /// Whether an earlier input began the value of a data line, so that [`continue_data`](Self::continue_data) may be called.
    #[inline(always)]
    pub(crate) const fn is_inside_data(&self) -> bool {
        !SMALL
            && matches!(self.before_next, BeforeNext::Look)
            && self.parser.is_inside_data()
            && self.store.line_len() > 0
    }

    /// Whether nothing but the last event ID is buffered, so that an event may be found by the fast path.
    #[cfg(any(feature = "stream", feature = "tokio"))]
    #[inline(always)]
    pub(crate) const fn is_between_blocks(&self) -> bool {
        matches!(self.before_next, BeforeNext::Nothing)
    }

    /// Buffers the value of a data line that an earlier input began, up to its end or the end of the input, and returns how many
    /// bytes that are.
    ///
    /// It buffers nothing if that exceeds the limit of an event.
    #[inline(never)]
    pub(crate) fn continue_data(&mut self, input: &[u8]) -> usize {
        let length = line_end(input, 0).unwrap_or(input.len());
        if self.store.used() + length > self.store.limits().event {
            return 0;
        }
        self.store.push_line_start(input, length);
        length
    }

    /// Ends the data line of which [`continue_data`](Self::continue_data) buffered the last byte, and moves `at` behind its end.
    ///
    /// Returns the event if the blank line that dispatches it is there as well.
    #[inline(always)]
    pub(super) fn end_of_data(&mut self, input: &[u8], at: &mut usize) -> Option<Places> {
        if !self.is_inside_data() || !matches!(input.get(*at), Some(b'\n' | b'\r')) {
            return None;
        }
        self.store.line_to_data();
        self.block.has_data = true;
        self.block.has_lines = true;
        self.parser.end_line(input, at);
        if input.get(*at) != Some(&b'\n') {
            return None;
        }
        *at += 1;
        let has_id = self.block.has_id;
        self.dispatch();
        Some(Places {
            has_id,
            ..Places::HELD
        })
    }

    /// Buffers the beginning of a data line that is the rest of the input, from `at` on, without an end; tells whether it did.
    ///
    /// It does not if there is something else, or a limit is near.
    #[inline(always)]
    pub(super) fn begin_data(&mut self, input: &[u8], at: usize) -> bool {
        let line = input.get(at..).unwrap_or_default();
        let Some(part) = line.strip_prefix(DATA) else {
            return false;
        };
        let joins = self.block.has_data;
        let length = usize::from(joins) + part.len();
        if part.is_empty() || self.store.used() + length > self.store.limits().event {
            return false;
        }
        if joins {
            self.store.push_line(b"\n");
        }
        self.store.push_line(part);
        self.parser.begin_data();
        self.before_next = BeforeNext::Look;
        true
    }
}
