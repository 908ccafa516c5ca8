//! The short way for a data line that a cut divides, which is most of what a stream in small pieces is made of.
//!
//! It does what [`FieldParser`](crate::FieldParser) and [`EventDecoder::data`] do for a data line in parts, without looking at its
//! name, or for one that goes on, at anything but its end.

use super::{BeforeNext, EventDecoder};
use crate::buffer::Buffer;
use crate::line_end::line_end;

impl<B: Buffer> EventDecoder<B> {
    /// Keeps the part of a data line that is in `input` from `at` on, moves `at` behind it, and tells whether that is all
    /// there is. Does nothing where there is something else, or a limit is near.
    #[inline(always)]
    pub(super) fn cut_data(&mut self, input: &[u8], at: &mut usize) -> bool {
        let value = if self.parser.is_inside_data() && self.store.line_len() > 0 {
            *at
        } else if self.before_next == BeforeNext::Nothing
            && input
                .get(*at..)
                .is_some_and(|rest| rest.starts_with(b"data: "))
        {
            *at + 6
        } else {
            return false;
        };
        let end = line_end(input, value);
        if end.is_some() && self.before_next == BeforeNext::Nothing {
            return false;
        }
        let part = input
            .get(value..end.unwrap_or(input.len()))
            .unwrap_or_default();
        if self.block.refused
            || part.is_empty()
            || self.store.used() + part.len() > self.limits().event
        {
            return false;
        }
        self.before_next = BeforeNext::Look;
        self.store.push_line(part);
        *at = value + part.len();
        match end {
            None => {
                self.parser.begin_data();
                true
            }
            Some(_) => {
                self.store.line_to_data();
                self.block.has_data = true;
                self.block.has_lines = true;
                self.parser.end_line(input, at);
                false
            }
        }
    }
}
