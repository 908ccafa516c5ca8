//! The fast path: an event of whole lines, one of data, with or without its type before it, which
//! is what most streams are made of.
//!
//! It has no states and no errors, and changes nothing but the input. Whatever is not such an event
//! is left to the loop in [`EventDecoder::find`].

use core::ops::Range;

use super::EventDecoder;
use super::block::{Block, Phase, Value};
use crate::SMALL;
use crate::buffer::Buffer;
use crate::line_end::{end_len, whole_line};
use crate::parse::Line;

/// An event of one line of data: where in the input it is.
#[derive(Clone, Copy)]
pub(crate) struct SingleLine {
    data_start: usize,
    data_len: usize,
    /// Zero if there is none; otherwise it is at [`TYPE_START`].
    type_len: usize,
}

const DATA: &[u8] = Line::Data.prefix();
const EVENT: &[u8] = Line::Event.prefix();
/// Where the event type is.
const TYPE_START: usize = EVENT.len();

impl<B: Buffer> EventDecoder<B> {
    /// Finds an event that is nothing but one line of data, with or without its type before it, and
    /// advances `input` past it.
    #[inline(always)]
    pub(crate) fn single_line(&self, input: &mut &[u8]) -> Option<SingleLine> {
        if SMALL
            || self.interpreter.phase != Phase::BetweenBlocks
            || !self.interpreter.store.is_small()
        {
            return None;
        }
        let whole = *input;
        // Nothing is searched for in lines that begin no such event.
        if !matches!(whole.first(), Some(b'd' | b'e')) {
            return None;
        }
        let mut start = 0;
        let mut type_len = 0;
        loop {
            let (stop, next) = whole_line(whole, start)?;
            let line = whole.get(start..stop)?;
            if let Some(data) = line.strip_prefix(DATA) {
                let (b'\n' | b'\r') = *whole.get(next)? else {
                    return None;
                };
                let rest = whole.get(next + end_len(whole, next)?..)?;
                if !self.interpreter.store.fits(data.len() + type_len) {
                    return None;
                }
                *input = rest;
                return Some(SingleLine {
                    data_start: start + DATA.len(),
                    data_len: data.len(),
                    type_len,
                });
            }
            if start > 0 {
                return None;
            }
            type_len = line.strip_prefix(EVENT)?.len();
            start = next;
        }
    }
}

impl SingleLine {
    /// The part of the input that data and event type lie in.
    #[inline(always)]
    pub(super) const fn span(self) -> Range<usize> {
        let start = if self.type_len == 0 {
            self.data_start
        } else {
            TYPE_START
        };
        start..self.data_start + self.data_len
    }

    /// Divides the text of [`span`](Self::span) into event type and data.
    #[inline(always)]
    pub(super) fn split(self, text: &str) -> (&str, &str) {
        let event_type = text.get(..self.type_len).unwrap_or_default();
        let data = text.get(text.len() - self.data_len..).unwrap_or_default();
        (event_type, data)
    }

    #[inline(always)]
    pub(super) fn bytes(self, input: &[u8]) -> (&[u8], &[u8]) {
        let part = |start, length| input.get(start..start + length).unwrap_or_default();
        (
            part(TYPE_START, self.type_len),
            part(self.data_start, self.data_len),
        )
    }

    #[cfg(feature = "alloc")]
    #[inline(always)]
    pub(super) const fn data_len(self) -> usize {
        self.data_len
    }

    #[cfg(feature = "alloc")]
    #[inline(always)]
    pub(super) const fn type_len(self) -> usize {
        self.type_len
    }

    #[inline(always)]
    pub(super) const fn block(self) -> Block {
        let event_type = if self.type_len == 0 {
            Value::Absent
        } else {
            Value::Input {
                start: TYPE_START,
                len: self.type_len,
            }
        };
        let data = Value::Input {
            start: self.data_start,
            len: self.data_len,
        };
        Block::event(data, event_type)
    }
}
