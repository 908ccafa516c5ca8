//! WHATWG HTML 9.2.6, interpreting an event stream: what the fields of the current block mean.
//!
//! The values of whole lines stay in the input within one call. They are copied into the store when
//! data lines are joined, when a line is cut, and when the call ends before the block does.

use super::Found;
use super::ignored::IgnoredLines;
use crate::SMALL;
use crate::buffer::{Buffer, Store, replaced_len};
use crate::error::DecodeError;
use crate::parse::{Line, Piece};
use crate::text::is_text_without_nul;

/// Where the value of a field is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Value {
    /// The block has no such field so far.
    Absent,
    /// A field came, and does not count: an `id` that contains NUL or is ignored for its size, or
    /// the data of a block that exceeded a limit, which was reported.
    Ignored,
    Input {
        start: usize,
        len: usize,
    },
    /// In the store.
    Buffered,
}

/// What the current block has so far.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Block {
    pub(super) data: Value,
    pub(super) event_type: Value,
    pub(super) id: Value,
    /// How many bytes count against the limit of an event, without the unfinished line. In a
    /// rejected block, only that it is not less than the length of the `id` matters.
    pub(super) size: usize,
}

/// What is known of a line that is read in fragments, besides its value in the store.
#[derive(Debug, Clone, Copy)]
struct UnfinishedLine {
    /// The `id` contains NUL.
    has_nul: bool,
    /// The `id` is larger than its limit, and no longer stored.
    is_oversized: bool,
    /// The line is no field, and was counted.
    is_counted: bool,
    digits: Digits,
}

/// The value of a `retry` line, so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Digits {
    None,
    Some,
    /// Something else than a digit came: the line is ignored.
    Invalid,
}

/// Interprets lines, and fragments of lines, and buffers what cannot stay in the input.
#[derive(Clone)]
pub(super) struct Interpreter<B: Buffer> {
    pub(super) store: Store<B>,
    pub(super) phase: Phase,
    unfinished: UnfinishedLine,
    /// The number that the digits of an unfinished `retry` line give so far; zero without one.
    number: u64,
    /// Milliseconds; meaningful if `has_reconnection_time`.
    pub(super) reconnection_time: u64,
    pub(super) has_reconnection_time: bool,
    /// Whether this stream has set it.
    pub(super) has_retry: bool,
    pub(super) ignored: IgnoredLines,
}

/// What the last call left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nothing: the parser is at the start of a line, between two blocks, and the store has nothing
    /// but the last event ID. The event that the last call returned, if any, is in the input.
    BetweenBlocks,
    /// The beginning of a block or of a line, or the start of a stream. The store has all of the
    /// block.
    WithinBlock,
    /// An event that the store has some of, or whose end the store has to record.
    AfterEvent,
    /// The end of a stream: `finish` was called.
    AfterEnd,
}

impl<B: Buffer> Interpreter<B> {
    pub(super) const fn new(store: Store<B>) -> Self {
        Self {
            store,
            phase: Phase::WithinBlock,
            unfinished: UnfinishedLine::NEW,
            number: 0,
            reconnection_time: 0,
            has_reconnection_time: false,
            has_retry: false,
            ignored: IgnoredLines::NEW,
        }
    }

    /// 9.2.6, interpreting a line, or a fragment of one; returns the event that it completes, or
    /// with `items` whatever a caller sees of it.
    #[inline(always)]
    pub(super) fn process(
        &mut self,
        block: &mut Block,
        piece: Piece,
        value: &[u8],
        is_whole: bool,
        items: bool,
        input: &[u8],
    ) -> Result<Option<Found>, DecodeError> {
        match piece.line {
            Line::Data | Line::Event if block.is_rejected() => {}
            Line::Data => self.data(block, piece, value, is_whole, input)?,
            Line::Event => self.event_type(block, piece, value, is_whole, input)?,
            Line::Id => self.id(block, piece, value, is_whole, input)?,
            Line::Retry if self.retry(value, piece.end) && items => return Ok(Some(Found::Retry)),
            Line::Blank => {
                let found = self.dispatch(*block, is_whole, items, input);
                if found.is_none() {
                    *block = Block::NEW;
                }
                return Ok(found);
            }
            Line::Retry => {}
            line => {
                if line != Line::Comment {
                    self.ignore(value, piece.end);
                }
                if items {
                    return Ok(Some(Found::Line(piece)));
                }
            }
        }
        Ok(None)
    }

    /// How many bytes of the line are buffered, which are none if it lies whole in the input.
    #[inline(always)]
    fn buffered_len(&self, is_whole: bool) -> usize {
        if is_whole { 0 } else { self.store.line_len() }
    }

    #[inline(always)]
    fn data(
        &mut self,
        block: &mut Block,
        piece: Piece,
        value: &[u8],
        is_whole: bool,
        input: &[u8],
    ) -> Result<(), DecodeError> {
        let buffered = self.buffered_len(is_whole);
        let begins = buffered == 0;
        let joins = begins && !block.data.is_absent();
        let size = block.size + buffered + usize::from(joins) + piece.len();
        if !self.store.fits(size) {
            self.store.clear_line();
            return Err(self.reject_event(block));
        }
        // Small builds join all lines in the same way as fragments: less code.
        if !(begins && piece.end) || joins && SMALL {
            if begins {
                self.buffer(block, input);
            }
            if joins {
                self.store.push_line(b"\n");
            }
            if SMALL {
                self.store.push_line(value);
            } else {
                let rest = input.get(piece.start..).unwrap_or_default();
                self.store.push_line_start(rest, piece.len());
            }
            if !piece.end {
                return Ok(());
            }
            self.store.line_to_data();
            block.data = Value::Buffered;
        } else if joins {
            if block.data.is_in_input() {
                self.store.begin_data(block.data.bytes(input));
                block.data = Value::Buffered;
            }
            self.store.join_data(input, piece.start..piece.stop);
        } else {
            block.data = Value::of(piece);
        }
        block.size = size;
        Ok(())
    }

    #[inline(always)]
    fn event_type(
        &mut self,
        block: &mut Block,
        piece: Piece,
        value: &[u8],
        is_whole: bool,
        input: &[u8],
    ) -> Result<(), DecodeError> {
        let buffered = self.buffered_len(is_whole);
        let size = block.size + buffered + piece.len();
        if !self.store.fits(size) {
            self.store.clear_line();
            return Err(self.reject_event(block));
        }
        let replaced = block.event_type.len(self.store.event_type_len());
        if buffered == 0 && piece.end {
            if let Value::Buffered = block.event_type {
                self.store.clear_event_type();
            }
            block.event_type = Value::of(piece);
        } else {
            self.buffer(block, input);
            self.store.push_line(value);
            if !piece.end {
                return Ok(());
            }
            self.store.line_to_event_type();
            block.event_type = Value::Buffered;
        }
        block.size = size - replaced;
        Ok(())
    }

    #[inline(always)]
    fn id(
        &mut self,
        block: &mut Block,
        piece: Piece,
        value: &[u8],
        is_whole: bool,
        input: &[u8],
    ) -> Result<(), DecodeError> {
        let limits = self.store.limits();
        let length = piece.len();
        let fits = length <= limits.last_event_id && self.store.fits(block.size + length);
        let may_stay = is_whole && fits && block.id.is_absent() && !block.is_rejected();
        if may_stay && is_text_without_nul(value) {
            block.id = Value::of(piece);
            block.size += length;
            return Ok(());
        }
        let end = piece.end;
        if SMALL {
            return self.store_id(block, value, end, is_whole, input);
        }
        // A block that is passed by reference lives in memory. So a copy of it is passed.
        let mut copy = *block;
        let result = self.store_id(&mut copy, value, end, is_whole, input);
        *block = copy;
        result
    }

    /// Stores an `id`, or a fragment of one, that cannot stay in the input: it is cut, replaces
    /// another one, has to be changed, or exceeds a limit.
    ///
    /// It is text once its line ends, since it outlives the event.
    #[inline(never)]
    fn store_id(
        &mut self,
        block: &mut Block,
        value: &[u8],
        end: bool,
        is_whole: bool,
        input: &[u8],
    ) -> Result<(), DecodeError> {
        let limits = self.store.limits();
        let length = self.buffered_len(is_whole) + value.len();
        let is_oversized = self.unfinished.is_oversized || length > limits.last_event_id;
        let is_ignored = is_oversized && limits.ignores_oversized_id();
        // Of an ID that is ignored, the bytes above its limit do not count.
        let counted = if is_ignored {
            limits.last_event_id
        } else {
            length
        };
        let fits = is_oversized == is_ignored && self.store.fits(block.size + counted);
        // The error names the limit that the bytes would exceed first if they came one by one, so
        // that no cut makes a difference.
        let result = if fits || block.is_rejected() {
            Ok(())
        } else if is_ignored || limits.event.saturating_sub(block.size) <= limits.last_event_id {
            Err(self.reject_event(block))
        } else {
            Err(self.reject_id(block))
        };
        self.unfinished.is_oversized = is_oversized;
        self.unfinished.has_nul |= value.iter().fold(false, |has, &byte| has | (byte == 0));
        if is_oversized {
            self.store.clear_line();
        }
        if end {
            let ended = self.end_of_id(block, value);
            self.unfinished = UnfinishedLine::NEW;
            self.store.clear_line();
            return result.and(ended);
        }
        if !is_oversized {
            self.buffer(block, input);
            self.store.push_line(value);
        }
        result
    }

    /// Ends the line of an `id`, of which `value` is the last fragment.
    fn end_of_id(&mut self, block: &mut Block, value: &[u8]) -> Result<(), DecodeError> {
        // 9.2.6: an id that contains NUL is ignored; it does not clear the one before.
        if self.unfinished.has_nul {
            block.ignore_id();
            return Ok(());
        }
        let limits = self.store.limits();
        let is_in_input = self.store.line_len() == 0;
        if !is_in_input {
            self.store.push_line(value);
        }
        let whole = if is_in_input {
            value
        } else {
            self.store.line()
        };
        let replaced = replaced_len(whole);
        let length = replaced.unwrap_or(whole.len());
        let others = block.size - block.id.len(self.store.id_len());
        if self.unfinished.is_oversized || length > limits.last_event_id {
            if limits.ignores_oversized_id() {
                block.ignore_id();
                return Ok(());
            }
            // An earlier one of the block does not count either.
            self.store.clear_id();
            block.id = Value::Absent;
            block.size = others;
            return if block.is_rejected() {
                Ok(())
            } else {
                Err(self.reject_id(block))
            };
        }
        let result = if !block.is_rejected() && !self.store.fits(others + length) {
            Err(self.reject_event(block))
        } else {
            Ok(())
        };
        self.store.set_id(is_in_input.then_some(value), replaced);
        block.id = Value::Buffered;
        block.size = others + length;
        result
    }

    /// 9.2.6: only ASCII digits make a reconnection time. Returns whether the line set one.
    #[inline]
    fn retry(&mut self, value: &[u8], end: bool) -> bool {
        let mut digits = self.unfinished.digits;
        let mut number = self.number;
        for byte in value {
            let digit = byte.wrapping_sub(b'0');
            if digits == Digits::Invalid || digit > 9 {
                digits = Digits::Invalid;
                break;
            }
            digits = Digits::Some;
            number = number.saturating_mul(10).saturating_add(digit.into());
        }
        if !end {
            self.unfinished.digits = digits;
            self.number = number;
            return false;
        }
        self.forget_line();
        if digits == Digits::Some {
            self.reconnection_time = number;
            self.has_reconnection_time = true;
            self.has_retry = true;
        }
        digits == Digits::Some
    }

    /// Counts a line that is no field, at its first fragment.
    #[cold]
    #[inline(never)]
    fn ignore(&mut self, value: &[u8], end: bool) {
        let begins = !self.unfinished.is_counted;
        self.ignored.add(value, begins, B::GROWS);
        self.unfinished.is_counted = !end;
    }

    /// Forgets what is known of an unfinished line.
    #[inline(always)]
    pub(super) const fn forget_line(&mut self) {
        self.unfinished = UnfinishedLine::NEW;
        self.number = 0;
    }

    /// 9.2.6, dispatching the event: returns whether there is one, or with `items` whether there is
    /// a block without data. It is borrowed until the next call.
    #[inline(always)]
    pub(super) fn dispatch(
        &mut self,
        block: Block,
        is_whole: bool,
        items: bool,
        input: &[u8],
    ) -> Option<Found> {
        match block.id {
            Value::Absent | Value::Ignored => {}
            // It is buffered as soon as it is read.
            Value::Input { .. } if SMALL => {}
            Value::Input { start, len } if !block.event_type.is_buffered() => {
                self.store.replace_last_event_id(input, start..start + len);
            }
            Value::Input { .. } => self.store.set_last_event_id(block.id.bytes(input)),
            Value::Buffered => self.store.commit_id(),
        }
        // Whether the block leaves nothing to end. The store records the use of its memory, unless
        // that is small. After a cut blank line, the parser may not be at the start of a line.
        let leaves_nothing = is_whole && block.is_unbuffered() && self.store.is_small();
        let found = match block.data {
            Value::Input { .. } | Value::Buffered => Some(Found::Event),
            Value::Absent if items && (block.event_type.counts() || block.id.counts()) => {
                let event_type = match block.event_type {
                    Value::Buffered => self.store.event_type(),
                    event_type => event_type.bytes(input),
                };
                let id_len = block.id.len(self.store.last_event_id().len());
                let is_shown = self.fits_as_text(event_type, id_len);
                is_shown.then_some(Found::NotDispatched)
            }
            _ => None,
        };
        if found.is_some() {
            self.phase = if leaves_nothing {
                Phase::BetweenBlocks
            } else {
                Phase::AfterEvent
            };
        } else if !leaves_nothing {
            self.store.end_block();
        }
        found
    }

    /// Whether a block without data can be shown as text.
    #[cold]
    #[inline(never)]
    fn fits_as_text(&self, event_type: &[u8], id_len: usize) -> bool {
        let length = replaced_len(event_type).unwrap_or(event_type.len());
        self.store.fits(length + id_len)
    }

    #[cfg_attr(any(feature = "alloc", feature = "simd"), inline(always))]
    #[cfg_attr(not(any(feature = "alloc", feature = "simd")), inline(never))]
    fn reject_event(&mut self, block: &mut Block) -> DecodeError {
        self.reject(block);
        let limit = self.store.limits().event;
        DecodeError::EventTooLarge { limit }
    }

    #[cfg_attr(any(feature = "alloc", feature = "simd"), inline(always))]
    #[cfg_attr(not(any(feature = "alloc", feature = "simd")), inline(never))]
    fn reject_id(&mut self, block: &mut Block) -> DecodeError {
        self.reject(block);
        let limit = self.store.limits().last_event_id;
        DecodeError::LastEventIdTooLarge { limit }
    }

    /// The rest of the block is read for its `id` and `retry` lines only.
    #[inline(always)]
    fn reject(&mut self, block: &mut Block) {
        block.data = Value::Ignored;
        block.event_type = Value::Absent;
        self.store.reject();
    }

    /// Copies into the store what the block has in the input: nothing, if there is an unfinished
    /// line.
    #[cfg_attr(any(feature = "alloc", feature = "simd"), inline(always))]
    #[cfg_attr(not(any(feature = "alloc", feature = "simd")), inline(never))]
    pub(super) fn buffer(&mut self, block: &mut Block, input: &[u8]) {
        if block.data.is_in_input() || block.event_type.is_in_input() || block.id.is_in_input() {
            self.copy_to_store(block, input);
        }
    }

    #[cfg_attr(any(feature = "alloc", feature = "simd"), inline(never))]
    fn copy_to_store(&mut self, block: &mut Block, input: &[u8]) {
        if block.data.is_in_input() {
            self.store.begin_data(block.data.bytes(input));
            block.data = Value::Buffered;
        }
        if block.event_type.is_in_input() {
            self.store.set_event_type(block.event_type.bytes(input));
            block.event_type = Value::Buffered;
        }
        if block.id.is_in_input() && !SMALL {
            self.store.set_id(Some(block.id.bytes(input)), None);
            block.id = Value::Buffered;
        }
    }
}

impl Value {
    #[inline(always)]
    pub(super) const fn of(piece: Piece) -> Self {
        Self::Input {
            start: piece.start,
            len: piece.len(),
        }
    }

    #[inline(always)]
    pub(super) const fn is_absent(self) -> bool {
        matches!(self, Self::Absent)
    }

    /// Whether the block has such a field that counts.
    #[inline(always)]
    const fn counts(self) -> bool {
        matches!(self, Self::Input { .. } | Self::Buffered)
    }

    #[inline(always)]
    pub(super) const fn is_buffered(self) -> bool {
        matches!(self, Self::Buffered)
    }

    #[inline(always)]
    const fn is_in_input(self) -> bool {
        matches!(self, Self::Input { .. })
    }

    /// The bytes that lie in the input.
    #[inline(always)]
    pub(super) fn bytes(self, input: &[u8]) -> &[u8] {
        match self {
            Self::Input { start, len } => input.get(start..start + len).unwrap_or_default(),
            _ => &[],
        }
    }

    /// How many bytes it has: `buffered` ones if the store has it.
    #[inline(always)]
    const fn len(self, buffered: usize) -> usize {
        match self {
            Self::Input { len, .. } => len,
            Self::Buffered => buffered,
            _ => 0,
        }
    }
}

impl Block {
    pub(super) const NEW: Self = Self {
        data: Value::Absent,
        event_type: Value::Absent,
        id: Value::Absent,
        size: 0,
    };

    /// A block that is complete and is an event without an `id`.
    #[inline(always)]
    pub(super) const fn event(data: Value, event_type: Value) -> Self {
        Self {
            data,
            event_type,
            ..Self::NEW
        }
    }

    /// Whether the store has none of it.
    #[inline(always)]
    pub(super) const fn is_unbuffered(&self) -> bool {
        !(self.data.is_buffered() || self.event_type.is_buffered() || self.id.is_buffered())
    }

    /// Whether the block of an event has an `id` of its own.
    #[inline(always)]
    pub(super) const fn has_id(&self) -> bool {
        self.id.counts()
    }

    #[inline(always)]
    const fn is_rejected(&self) -> bool {
        matches!(self.data, Value::Ignored)
    }

    /// Ignores an `id` line: an earlier ID of the block stays.
    const fn ignore_id(&mut self) {
        if self.id.is_absent() {
            self.id = Value::Ignored;
        }
    }

    /// Whether no field of an event came, as between two blocks.
    #[inline(always)]
    pub(super) const fn is_new(&self) -> bool {
        self.data.is_absent() && self.event_type.is_absent() && self.id.is_absent()
    }
}

impl UnfinishedLine {
    const NEW: Self = Self {
        has_nul: false,
        is_oversized: false,
        is_counted: false,
        digits: Digits::None,
    };
}
