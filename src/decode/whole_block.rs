//! The short ways for blocks that lie whole in the input (WHATWG HTML 9.2.5 and 9.2.6), which is most of them.
//!
//! They do what [`FieldParser`](crate::FieldParser) and [`EventDecoder::field`] do for lines in parts, but know where a line
//! ends before they look at it: so they need no states, and keep in locals what does not outlive the call. They have no
//! errors: a block that is cut, exceeds a limit, has two event types or an `id` that is not text is left to the long way, from its
//! beginning.
//!
//! [`plain_event`](EventDecoder::plain_event) is for one line of data, with or without its type before it, which is what most
//! streams are made of; [`whole_block`](EventDecoder::whole_block) is for everything else.

use core::str;

use memchr::memchr;

use super::{BeforeNext, EventDecoder, Place, Places};
use crate::buffer::Buffer;
use crate::line_end::line_end;

/// An event of one line of data, in the input.
#[derive(Clone, Copy)]
pub(super) struct PlainEvent<'i> {
    pub(super) data: &'i [u8],
    /// Where the data is in the input.
    pub(super) data_start: usize,
    /// Empty if there is none; otherwise it is at [`TYPE_START`].
    pub(super) event_type: &'i [u8],
}

const DATA: &[u8] = b"data: ";
const EVENT: &[u8] = b"event: ";
/// Where the event type of a plain event is.
pub(super) const TYPE_START: usize = EVENT.len();

impl<B: Buffer> EventDecoder<B> {
    /// Takes an event off the front of `input` if it is nothing but one line of data, with or without its type before it.
    #[inline(always)]
    pub(super) fn plain_event<'i>(&self, input: &mut &'i [u8]) -> Option<PlainEvent<'i>> {
        if self.before_next != BeforeNext::Nothing || !self.store.is_small() {
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
                return Some(PlainEvent {
                    data,
                    data_start: start + DATA.len(),
                    event_type,
                });
            }
            if start > 0 {
                return None;
            }
            event_type = line.strip_prefix(EVENT)?;
            start = next;
        }
    }

    /// Reads whole blocks from the front of `input` on until there is an event, and moves `at` behind them.
    #[inline(always)]
    pub(super) fn whole_block(
        &mut self,
        input: &[u8],
        at: &mut usize,
        items: bool,
    ) -> Option<Places> {
        if self.before_next != BeforeNext::Nothing && !self.look() {
            return None;
        }
        // Where the line begins.
        let mut start = 0;
        let mut data = Place::NONE;
        let mut event_type = Place::NONE;
        let mut id = Place::NONE;
        let mut is_held = false;
        let limit = self.store.limits().event;
        loop {
            let (line, next) = whole_line(input, start)?;
            let value = |field: &Field| {
                field
                    .value_of(line)
                    .map(|at| Place::new(start + at, line.len() - at))
            };
            match line.first() {
                Some(b'd') => {
                    if let Some(value) = value(&Field::DATA) {
                        if data.is_none() {
                            data = value;
                        } else {
                            let length = if is_held {
                                self.store.data_len()
                            } else {
                                data.len()
                            };
                            if length + 1 + value.len() > limit {
                                return None;
                            }
                            if !is_held {
                                self.before_next = BeforeNext::EndBlock;
                                self.store.begin_data(data.bytes(input));
                                is_held = true;
                            }
                            self.store.join_data(input, value.start..value.stop());
                        }
                    }
                }
                None => {
                    let length = if is_held {
                        self.store.data_len()
                    } else {
                        data.len()
                    };
                    if length + event_type.len() + id.len() > limit {
                        return None;
                    }
                    if !id.is_none() {
                        self.store.replace_last_event_id(input, id.start..id.stop());
                    }
                    *at = next;
                    if !data.is_none() {
                        if !self.store.is_small() {
                            self.before_next = BeforeNext::EndBlock;
                        }
                        return Some(Places {
                            data: if is_held { Place::NONE } else { data },
                            event_type,
                            has_id: !id.is_none(),
                            is_held,
                        });
                    }
                    if !self.store.is_small() {
                        self.end_block();
                    }
                    event_type = Place::NONE;
                    id = Place::NONE;
                }
                Some(b':') => {
                    if items {
                        return None;
                    }
                }
                Some(b'e') => {
                    if let Some(value) = value(&Field::EVENT) {
                        if !event_type.is_none() {
                            return None;
                        }
                        event_type = value;
                    }
                }
                Some(b'i') => {
                    if let Some(value) = value(&Field::ID) {
                        if !id.is_none()
                            || value.len() > self.store.limits().last_event_id
                            || !is_plain(value.bytes(input))
                        {
                            return None;
                        }
                        id = value;
                    }
                }
                Some(b'r') => {
                    if let Some(value) = value(&Field::RETRY) {
                        if items {
                            return None;
                        }
                        self.whole_retry(value.bytes(input));
                    }
                }
                Some(_) => {}
            }
            start = next;
        }
    }
}

/// The line that begins at `start`, without its end, and where the next one begins.
///
/// `None` if its end is not in the input, or may go on behind it.
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
    let is_odd = |word: &[u8; 8]| {
        let word = u64::from_le_bytes(*word);
        (word.wrapping_sub(0x0101_0101_0101_0101) | word) & 0x8080_8080_8080_8080 != 0
    };
    let mut rest = id;
    while let Some((word, more)) = rest.split_first_chunk() {
        if is_odd(word) {
            return is_plain_text(id);
        }
        rest = more;
    }
    // The last bytes again, together with those before them.
    match id.last_chunk() {
        Some(word) if !is_odd(word) => true,
        _ => is_plain_text(id),
    }
}

#[inline(never)]
fn is_plain_text(id: &[u8]) -> bool {
    memchr(0, id).is_none() && str::from_utf8(id).is_ok()
}
