//! The fast paths for blocks that lie whole in the input (WHATWG HTML 9.2.5 and 9.2.6), which is most of them.
//!
//! They do what [`FieldParser`](crate::FieldParser) and [`EventDecoder::field`] do for lines in parts, but know where a line
//! ends before they look at it: so they need no states, and keep in locals what does not outlive the call. They have no
//! errors: a block that is cut, exceeds a limit, has two event types or an `id` that is not text is left to the general path, from its
//! beginning.
//!
//! [`single_line`](EventDecoder::single_line) is for one line of data, with or without its type before it, which is what most
//! streams are made of; [`whole_block`](EventDecoder::whole_block) is for everything else.

use core::{ops::Range, str};

use memchr::memchr;

use super::{BeforeNext, EventDecoder, Place, Places};
use crate::SMALL;
use crate::buffer::Buffer;
use crate::line_end::line_end;

/// An event of one line of data: where in the input it is.
#[derive(Clone, Copy)]
pub(crate) struct SingleLine {
    data_start: usize,
    data_len: usize,
    /// Zero if there is none; otherwise it is at [`TYPE_START`].
    type_len: usize,
}

/// How a data line begins, as a rule.
pub(super) const DATA: &[u8] = b"data: ";
const EVENT: &[u8] = b"event: ";
/// Where the event type of a plain event is.
const TYPE_START: usize = EVENT.len();

impl<B: Buffer> EventDecoder<B> {
    /// Takes an event off the front of `input` if it is nothing but one line of data, with or without its type before it.
    #[inline(always)]
    pub(crate) fn single_line(&self, input: &mut &[u8]) -> Option<SingleLine> {
        if SMALL || self.before_next != BeforeNext::Nothing || !self.store.is_small() {
            return None;
        }
        let whole = *input;
        // Nothing is searched for in vain.
        if !matches!(whole.first(), Some(b'd' | b'e')) {
            return None;
        }
        let mut start = 0;
        let mut event_type: &[u8] = &[];
        loop {
            let (line, next) = whole_line(whole, start)?;
            if let Some(data) = line.strip_prefix(DATA) {
                let ([b'\n', rest @ ..] | [b'\r', b'\n', rest @ ..]) = whole.get(next..)? else {
                    return None;
                };
                if data.len() + event_type.len() > self.store.limits().event {
                    return None;
                }
                *input = rest;
                return Some(SingleLine {
                    data_start: start + DATA.len(),
                    data_len: data.len(),
                    type_len: event_type.len(),
                });
            }
            if start > 0 {
                return None;
            }
            event_type = line.strip_prefix(EVENT)?;
            start = next;
        }
    }

    /// Reads whole lines from `at` on until there is an event, and moves `at` behind them.
    ///
    /// Blocks without data before it are read, too. Of the block that comes to an end first, the store may hold some.
    /// `Some(None)` means that the rest of the input is buffered, the beginning of a data line. `None` sends what is left, or the whole
    /// of a block that is not plain, the general way.
    #[inline(always)]
    pub(super) fn whole_block(
        &mut self,
        input: &[u8],
        at: &mut usize,
        items: bool,
    ) -> Option<Option<Places>> {
        if SMALL || self.before_next != BeforeNext::Nothing && !self.look() {
            return None;
        }
        let held_before = self.store.data_len();
        let limits = self.store.limits();
        // Where the line begins.
        let mut start = *at;
        let mut is_begun = self.before_next != BeforeNext::Nothing;
        let held = |is_held| if is_held { Place::HELD } else { Place::NONE };
        let mut block = Fields {
            data: held(self.block.has_data),
            event_type: held(self.store.event_type_len() > 0),
            id: held(self.block.has_id),
        };
        loop {
            let Some((line, next)) = whole_line(input, start) else {
                // A CR alone dispatches the event, which borrows from the input then.
                let is_blank = input.get(start..) == Some(b"\r");
                if is_blank || self.store.used() + block.len() > limits.event {
                    return self.leave_block(held_before);
                }
                *at = start;
                self.keep_fields(input, block);
                // Otherwise the line has an end, which may be half of one.
                let has_no_end = input.last() != Some(&b'\r');
                if has_no_end && self.begin_data(input, start) {
                    *at = input.len();
                    return Some(None);
                }
                return None;
            };
            let value = |field: &Field| {
                field
                    .value_of(line)
                    .map(|at| Place::new(start + at, line.len() - at))
            };
            match line.first() {
                Some(b'd') => {
                    if let Some(value) = value(&Field::DATA) {
                        if block.data.is_none() {
                            block.data = value;
                        } else {
                            let length = block.len() + self.store.used();
                            if length + 1 + value.len() > limits.event {
                                return self.leave_block(held_before);
                            }
                            if !block.data.is_held() {
                                self.store.begin_data(block.data.bytes(input));
                                block.data = Place::HELD;
                            }
                            self.store.join_data(input, value.span());
                        }
                    }
                }
                None => {
                    if self.store.used() + block.len() > limits.event {
                        return self.leave_block(held_before);
                    }
                    *at = next;
                    let Fields {
                        data,
                        event_type,
                        id,
                    } = block;
                    let (has_data, has_id) = (!data.is_none(), !id.is_none());
                    if is_begun {
                        // The store holds some of the block.
                        if has_id && !id.is_held() {
                            self.store.set_id(Some(id.bytes(input)), None);
                        }
                        self.block.has_id = has_id;
                        self.block.has_data = has_data;
                        self.dispatch();
                    } else {
                        if has_id {
                            self.store.replace_last_event_id(input, id.span());
                        }
                        if has_data && (data.is_held() || !self.store.is_small()) {
                            self.before_next = BeforeNext::EndBlock;
                        } else if !has_data && !self.store.is_small() {
                            self.end_block();
                        }
                    }
                    if has_data {
                        return Some(Some(Places {
                            data,
                            event_type,
                            has_id,
                            is_held: is_begun || data.is_held(),
                        }));
                    }
                    self.before_next = BeforeNext::Nothing;
                    is_begun = false;
                    block = Fields::NONE;
                }
                Some(b':') => {
                    if items {
                        return self.leave_block(held_before);
                    }
                }
                Some(b'e') => {
                    if let Some(value) = value(&Field::EVENT) {
                        if !block.event_type.is_none() {
                            return self.leave_block(held_before);
                        }
                        block.event_type = value;
                    }
                }
                Some(b'i') => {
                    if let Some(value) = value(&Field::ID) {
                        if !block.id.is_none()
                            || value.len() > limits.last_event_id
                            || !is_plain(value.bytes(input))
                        {
                            return self.leave_block(held_before);
                        }
                        block.id = value;
                    }
                }
                Some(b'r') => {
                    if let Some(value) = value(&Field::RETRY) {
                        // It counts at once, but not before an earlier line is rejected.
                        if items || self.store.used() + block.len() > limits.event {
                            return self.leave_block(held_before);
                        }
                        self.retry(value.bytes(input), true);
                    }
                }
                Some(_) => {}
            }
            start = next;
        }
    }

    /// The block is left to the general path: drops what was added to its data.
    #[cold]
    fn leave_block(&mut self, held: usize) -> Option<Option<Places>> {
        self.store.truncate_data(held);
        None
    }

    /// The rest of the block is in a later input.
    #[inline(never)]
    fn keep_fields(&mut self, input: &[u8], block: Fields) {
        let Fields {
            data,
            event_type,
            id,
        } = block;
        if data.is_none() && event_type.is_none() && id.is_none() {
            return;
        }
        self.before_next = BeforeNext::Look;
        self.block.has_lines = true;
        self.block.has_data = !data.is_none();
        self.block.has_id = !id.is_none();
        self.store.buffer(data.of(input), event_type.of(input));
        if !id.is_none() && !id.is_held() {
            self.store.set_id(Some(id.bytes(input)), None);
        }
    }
}

/// Where the fields of a block are.
#[derive(Clone, Copy)]
struct Fields {
    data: Place,
    event_type: Place,
    id: Place,
}

impl Fields {
    const NONE: Self = Self {
        data: Place::NONE,
        event_type: Place::NONE,
        id: Place::NONE,
    };

    /// How many bytes of them are in the input.
    #[inline(always)]
    const fn len(&self) -> usize {
        self.data.len() + self.event_type.len() + self.id.len()
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
    pub(super) const fn places(self) -> Places {
        Places {
            data: Place::new(self.data_start, self.data_len),
            event_type: Place::new(TYPE_START, self.type_len),
            has_id: false,
            is_held: false,
        }
    }
}

/// The line that begins at `start`, without its end, and where the next one begins.
///
/// `None` if its end is not in the input, or may continue behind it.
#[inline(always)]
fn whole_line(input: &[u8], start: usize) -> Option<(&[u8], usize)> {
    let end = line_end(input, start)?;
    let length = match input.get(end..)? {
        [b'\r', b'\n', ..] => 2,
        [b'\r'] => return None,
        _ => 1,
    };
    Some((input.get(start..end)?, end + length))
}

struct Field {
    name: &'static [u8],
    /// The name, the colon, and the space that is skipped.
    usual: &'static [u8],
}

impl Field {
    const DATA: Self = Self {
        name: b"data",
        usual: DATA,
    };
    const EVENT: Self = Self {
        name: b"event",
        usual: EVENT,
    };
    const ID: Self = Self {
        name: b"id",
        usual: b"id: ",
    };
    const RETRY: Self = Self {
        name: b"retry",
        usual: b"retry: ",
    };

    /// Where the value begins in a line, if it is of this field.
    #[inline(always)]
    fn value_of(&self, line: &[u8]) -> Option<usize> {
        if line.starts_with(self.usual) {
            return Some(self.usual.len());
        }
        match line.strip_prefix(self.name)? {
            [] => Some(self.name.len()),
            [b':', ..] => Some(self.name.len() + 1),
            _ => None,
        }
    }
}

/// Whether an `id` counts as it is: it is text, and without NUL.
#[inline(always)]
fn is_plain(id: &[u8]) -> bool {
    // Whether some of eight bytes is NUL or not ASCII, if the lower ones are neither.
    let is_odd =
        |word: u64| (word.wrapping_sub(0x0101_0101_0101_0101) | word) & 0x8080_8080_8080_8080 != 0;
    let Some(last) = id.last_chunk() else {
        // Most are shorter: two halves that overlap.
        return match (id.first_chunk(), id.last_chunk()) {
            (Some(first), Some(last)) => {
                let [low, high] = [first, last].map(|half| u64::from(u32::from_le_bytes(*half)));
                !is_odd(low | high << 32) || is_plain_text(id)
            }
            _ => id.iter().all(|byte| (1..0x80).contains(byte)) || is_plain_text(id),
        };
    };
    let mut rest = id;
    while let Some((word, more)) = rest.split_first_chunk() {
        if is_odd(u64::from_le_bytes(*word)) {
            return is_plain_text(id);
        }
        rest = more;
    }
    // The last bytes again, together with those before them.
    !is_odd(u64::from_le_bytes(*last)) || is_plain_text(id)
}

#[inline(never)]
fn is_plain_text(id: &[u8]) -> bool {
    memchr(0, id).is_none() && str::from_utf8(id).is_ok()
}
