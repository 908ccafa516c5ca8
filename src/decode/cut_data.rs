//! The short way for data lines that a cut divides, which is most of what a stream in small pieces is made of.
//!
//! It does what [`FieldParser`](crate::FieldParser) and [`EventDecoder::data`] do for a data line in parts, without looking at its
//! name, or for one that goes on, at anything but its end.

use super::whole_block::DATA;
use super::{BeforeNext, EventDecoder, Places};
use crate::SMALL;
use crate::buffer::Buffer;
use crate::line_end::line_end;

/// What there was of a data line.
pub(super) enum CutData {
    /// None, or something else stands there.
    None,
    /// All of the input.
    All,
    /// The end of the line, and the blank line that dispatches its event.
    Event(Places),
}

impl<B: Buffer> EventDecoder<B> {
    /// Keeps the end of a data line that an earlier input began, and moves `at` behind it.
    ///
    /// Does nothing where there is something else, or a limit is near.
    #[inline(always)]
    pub(super) fn end_of_data(&mut self, input: &[u8], at: &mut usize) -> CutData {
        if SMALL
            || self.before_next != BeforeNext::Look
            || !self.parser.is_inside_data()
            || self.store.line_len() == 0
        {
            return CutData::None;
        }
        let end = line_end(input, 0);
        let part = input.get(..end.unwrap_or(input.len())).unwrap_or_default();
        if self.store.used() + part.len() > self.store.limits().event {
            return CutData::None;
        }
        self.store.push_line(part);
        *at = part.len();
        if end.is_none() {
            return CutData::All;
        }
        self.store.line_to_data();
        self.block.has_data = true;
        self.block.has_lines = true;
        self.parser.end_line(input, at);
        match input.get(*at..) {
            Some([b'\n', ..]) => {
                *at += 1;
                let has_id = self.block.has_id;
                self.dispatch();
                CutData::Event(Places {
                    has_id,
                    ..Places::HELD
                })
            }
            _ => CutData::None,
        }
    }

    /// Keeps the beginning of a data line whose end is not in the input, and tells whether that is all there is from `at` on.
    ///
    /// Does nothing where there is something else, or a limit is near.
    #[inline(always)]
    pub(super) fn beginning_of_data(&mut self, input: &[u8], at: usize) -> bool {
        if SMALL || !self.parser.is_at_line_start() || self.block.refused {
            return false;
        }
        let line = input.get(at..).unwrap_or_default();
        let Some(part) = line.strip_prefix(DATA) else {
            return false;
        };
        if part.is_empty() || line_end(part, 0).is_some() {
            return false;
        }
        let joins = self.block.has_data;
        let length = usize::from(joins) + part.len();
        if self.store.used() + length > self.store.limits().event {
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
