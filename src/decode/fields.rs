//! WHATWG HTML 9.2.6, processing the field: the general path, for lines of any kind, whole or in parts, with every rule and every limit.

use super::{BeforeNext, EventDecoder, Place, Places};
use crate::buffer::{Buffer, replaced_len};
use crate::error::DecodeError;
use crate::parse::{FieldName, Line, Piece};

/// What is known of a line that is being read beside what the store holds of its value.
#[derive(Debug, Clone, Copy)]
pub(super) struct UnfinishedLine {
    /// The `id` contains NUL.
    has_nul: bool,
    /// The `id` is larger than its limit, and no longer stored.
    is_oversized: bool,
    digits: Digits,
    /// The number that the digits of `retry` give so far.
    number: u64,
}

/// The value of a `retry` line, so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Digits {
    None,
    Some,
    /// Something else than a digit came: the line is ignored.
    Spoilt,
}

impl<B: Buffer> EventDecoder<B> {
    /// 9.2.6, processing a field, or a part of one; tells whether it set the reconnection time.
    pub(super) fn field(
        &mut self,
        name: FieldName,
        piece: Piece,
        whole: &[u8],
        places: &mut Places,
    ) -> Result<bool, DecodeError> {
        let value = piece.of(whole);
        match name {
            FieldName::Data | FieldName::Event if self.block.refused => {}
            FieldName::Data => self.data(piece, value, whole, places)?,
            FieldName::Event => self.event_type(piece, value, whole, places)?,
            FieldName::Id => self.id(piece.end, value, whole, places)?,
            FieldName::Retry => return Ok(self.retry(value, piece.end)),
            FieldName::Unknown => return Ok(false),
        }
        self.block.has_lines |= piece.end;
        Ok(false)
    }

    fn data(
        &mut self,
        piece: Piece,
        value: &[u8],
        whole: &[u8],
        places: &mut Places,
    ) -> Result<(), DecodeError> {
        let begins = self.store.line_len() == 0;
        let joins = begins && self.block.has_data;
        let counted =
            self.counted(places) + self.store.line_len() + usize::from(joins) + value.len();
        if counted > self.limits().event {
            self.store.clear_line();
            return Err(self.refuse_event(places));
        }
        if begins && piece.end && !self.block.has_data {
            places.data = piece.place();
        } else {
            self.hold(places, whole);
            if joins {
                self.store.push_line(b"\n");
            }
            self.store.push_line(value);
            if piece.end {
                self.store.line_to_data();
            }
        }
        self.block.has_data |= piece.end;
        Ok(())
    }

    fn event_type(
        &mut self,
        piece: Piece,
        value: &[u8],
        whole: &[u8],
        places: &mut Places,
    ) -> Result<(), DecodeError> {
        let begins = self.store.line_len() == 0;
        if self.counted(places) + self.store.line_len() + value.len() > self.limits().event {
            self.store.clear_line();
            return Err(self.refuse_event(places));
        }
        if begins && piece.end {
            self.store.clear_event_type();
            places.event_type = piece.place();
        } else {
            self.hold(places, whole);
            self.store.push_line(value);
            if piece.end {
                self.store.line_to_event_type();
            }
        }
        Ok(())
    }

    /// The id is stored at once, since it outlives the event, and as text, so that it is text once for all.
    fn id(
        &mut self,
        end: bool,
        value: &[u8],
        whole: &[u8],
        places: &mut Places,
    ) -> Result<(), DecodeError> {
        let limits = self.limits();
        let mut result = Ok(());
        let length = self.store.line_len() + value.len();
        if !self.block.refused {
            // Whichever limit the bytes would meet first if they came one by one, so that no cut makes a difference.
            let room = limits.event.saturating_sub(self.counted(places));
            if length > room.min(limits.last_event_id) {
                result = Err(if room <= limits.last_event_id {
                    self.refuse_event(places)
                } else {
                    self.refuse_id(places)
                });
            }
        }
        if length > limits.last_event_id {
            self.unfinished.is_oversized = true;
            self.store.clear_line();
        }
        self.unfinished.has_nul |= value.iter().fold(false, |has, &byte| has | (byte == 0));
        if end {
            let ended = self.end_of_id(value, places);
            self.unfinished = UnfinishedLine::NEW;
            self.store.clear_line();
            result.and(ended)
        } else {
            if !self.unfinished.is_oversized {
                self.hold(places, whole);
                self.store.push_line(value);
            }
            result
        }
    }

    /// The line of an id is complete; `value` is its last part.
    fn end_of_id(&mut self, value: &[u8], places: &mut Places) -> Result<(), DecodeError> {
        // 9.2.6: an id that contains NUL is ignored; it does not clear the one before.
        if self.unfinished.has_nul {
            return Ok(());
        }
        let limits = self.limits();
        let in_input = self.store.line_len() == 0;
        if !in_input {
            self.store.push_line(value);
        }
        let whole = if in_input { value } else { self.store.line() };
        let replaced = replaced_len(whole);
        let length = replaced.unwrap_or(whole.len());
        if self.unfinished.is_oversized || length > limits.last_event_id {
            // What the store holds of an earlier one counts for nothing then.
            self.block.has_id = false;
            return if self.block.refused {
                Ok(())
            } else {
                Err(self.refuse_id(places))
            };
        }
        let others = self.counted(places) - self.store.id_len();
        let result = if !self.block.refused && others + length > limits.event {
            Err(self.refuse_event(places))
        } else {
            Ok(())
        };
        self.store.set_id(in_input.then_some(value), replaced);
        self.block.has_id = true;
        result
    }

    /// 9.2.6: only ASCII digits make a reconnection time. Tells whether they did.
    #[inline]
    pub(super) fn retry(&mut self, value: &[u8], end: bool) -> bool {
        let UnfinishedLine {
            mut digits,
            mut number,
            ..
        } = self.unfinished;
        for byte in value {
            let digit = byte.wrapping_sub(b'0');
            if digits == Digits::Spoilt || digit > 9 {
                digits = Digits::Spoilt;
                break;
            }
            digits = Digits::Some;
            number = number.saturating_mul(10).saturating_add(digit.into());
        }
        if !end {
            self.unfinished.digits = digits;
            self.unfinished.number = number;
            return false;
        }
        self.unfinished = UnfinishedLine::NEW;
        if digits == Digits::Some {
            self.reconnection_time = number;
            self.has_reconnection_time = true;
        }
        digits == Digits::Some
    }

    /// 9.2.6, dispatching the event: tells whether there is one. It is borrowed until the next call.
    pub(super) fn dispatch(&mut self) -> bool {
        if self.block.has_id {
            self.store.commit_id();
        }
        let dispatched = self.block.has_data && !self.block.refused;
        if dispatched {
            self.before_next = BeforeNext::EndBlock;
        } else {
            self.end_block();
        }
        dispatched
    }

    /// What the block counts against the limit of an event, without the line that is being read.
    #[cfg_attr(any(feature = "alloc", feature = "simd"), inline(always))]
    #[cfg_attr(not(any(feature = "alloc", feature = "simd")), inline(never))]
    fn counted(&self, places: &Places) -> usize {
        places.data.len()
            + places.event_type.len()
            + self.store.data_len()
            + self.store.event_type_len()
            + self.store.id_len()
    }

    #[cold]
    fn refuse_event(&mut self, places: &mut Places) -> DecodeError {
        self.refuse(places);
        let limit = self.limits().event;
        DecodeError::EventTooLarge { limit }
    }

    #[cold]
    fn refuse_id(&mut self, places: &mut Places) -> DecodeError {
        self.refuse(places);
        let limit = self.limits().last_event_id;
        DecodeError::LastEventIdTooLarge { limit }
    }

    fn refuse(&mut self, places: &mut Places) {
        *places = Places::HELD;
        self.store.reject();
        self.block.refused = true;
        self.block.has_data = false;
    }

    /// Copies into the store what lies in the input, which the caller may take away.
    pub(super) fn hold(&mut self, places: &mut Places, whole: &[u8]) {
        self.store
            .buffer(places.data.of(whole), places.event_type.of(whole));
        *places = Places::HELD;
    }
}

impl UnfinishedLine {
    pub(super) const NEW: Self = Self {
        has_nul: false,
        is_oversized: false,
        digits: Digits::None,
        number: 0,
    };
}

impl Piece {
    /// The end of a line of which everything came before.
    pub(super) const END: Self = Self {
        line: Line::Blank,
        start: 0,
        stop: 0,
        end: true,
    };

    fn of(self, whole: &[u8]) -> &[u8] {
        whole.get(self.start..self.stop).unwrap_or_default()
    }

    const fn place(self) -> Place {
        Place::new(self.start, self.stop - self.start)
    }
}
