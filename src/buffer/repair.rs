//! Replaces invalid UTF-8 with U+FFFD.

use core::str;

use super::region::{Slot, Store, shift};
use super::sealed::{Memory, Scratch as _};
use crate::error::DecodeError;
use crate::text::{text, text_at};

const REPLACEMENT: &[u8] = "\u{FFFD}".as_bytes();

impl<B: Memory> Store<B> {
    /// Borrows data and event type as text, with U+FFFD for invalid UTF-8, and the last event ID as
    /// bytes.
    ///
    /// `None` stands for a part that is buffered. The last event ID counts against the limit of the
    /// event if the block has an `id`.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if the event exceeds the limit after invalid UTF-8 was replaced.
    pub(crate) fn borrow_text<'s>(
        &'s mut self,
        mut data: Option<&'s [u8]>,
        mut event_type: Option<&'s [u8]>,
        has_id: bool,
    ) -> Result<(&'s str, &'s str, &'s [u8]), DecodeError> {
        let id_len = self.last_event_id().len();
        let counted = if has_id { id_len } else { 0 };
        self.clear_beyond_data();
        if !B::GROWS {
            // Without a scratch buffer, text is repaired in the memory itself. That changes the
            // memory, so the text is validated before, and again when it is borrowed.
            let parts = [
                data.unwrap_or(self.data()),
                event_type.unwrap_or(self.event_type()),
            ];
            if parts.iter().any(|part| text(part).is_none()) {
                let lengths = replaced_lengths(parts, counted, self.limits.event)?;
                self.buffer(data.take(), event_type.take());
                self.replace_invalid(lengths);
            }
        }
        let (data_len, event_type_len) = (self.data, self.event_type);
        let event_type_start = self.start_of(Slot::EventType);
        let id_start = if self.committed {
            self.start_of(Slot::Id)
        } else {
            self.end() - id_len
        };
        // This borrows the memory alone, not the store, so that `self.replaced` can still be
        // changed below.
        let bytes = self.memory.bytes();
        let stored = |start, length| bytes.get(start..start + length).unwrap_or_default();
        let last_event_id = stored(id_start, id_len);
        let event_type = event_type.unwrap_or_else(|| stored(event_type_start, event_type_len));
        let data_text = match data {
            Some(data) => text(data),
            None => text_at(bytes, 0..data_len),
        };
        let event_type_text = text(event_type);
        // Memory that does not grow contains valid text by now.
        if !B::GROWS || data_text.is_some() && event_type_text.is_some() {
            let (data, event_type) = (
                data_text.unwrap_or_default(),
                event_type_text.unwrap_or_default(),
            );
            return Ok((data, event_type, last_event_id));
        }
        let parts = [data.unwrap_or_else(|| stored(0, data_len)), event_type];
        let [data_len, event_type_len] = replaced_lengths(parts, counted, self.limits.event)?;
        self.replaced.fill(parts, data_len + event_type_len);
        let replaced = self.replaced.as_str().split_at_checked(data_len);
        let (data, event_type) = replaced.unwrap_or_default();
        Ok((data, event_type, last_event_id))
    }

    /// Clears the bytes that an earlier event left after the data.
    ///
    /// They are validated together with the data, in whole blocks, and need not be valid UTF-8.
    #[inline(always)]
    fn clear_beyond_data(&mut self) {
        let (start, stop) = (self.data, self.end() - self.back());
        let free = self.memory.bytes_mut().get_mut(start..stop);
        if let Some(beyond) = free.and_then(|free| free.first_chunk_mut::<64>()) {
            *beyond = [0; 64];
        }
    }

    /// Replaces invalid UTF-8 in data and event type, which become text of these lengths.
    #[cold]
    fn replace_invalid(&mut self, [data_len, event_type_len]: [usize; 2]) {
        self.reserve(data_len - self.data);
        let (length, bytes) = (self.data, self.memory.bytes_mut());
        shift(bytes, 0, length, data_len - length);
        if let Some(data) = bytes.get_mut(..data_len) {
            replace_invalid(data, length);
        }
        self.data = data_len;
        self.make_inner(Slot::EventType);
        self.replace_invalid_in(Slot::EventType, event_type_len);
    }

    /// Replaces invalid UTF-8 in `slot`, the inner one, which becomes text of `text_len` bytes.
    pub(super) fn replace_invalid_in(&mut self, slot: Slot, text_len: usize) {
        let length = self.slot_len(slot);
        self.reserve(text_len - length);
        let stop = self.start_of(slot) + length;
        if let Some(text) = self.memory.bytes_mut().get_mut(stop - text_len..stop) {
            replace_invalid(text, length);
        }
        self.set_len(slot, text_len);
    }
}

/// The length of `bytes` with U+FFFD for invalid UTF-8, or `None` if they are valid.
///
/// It is never less than the length of `bytes`, and may equal it: a four-byte sequence without its
/// last byte is as long as U+FFFD.
pub(crate) fn replaced_len(bytes: &[u8]) -> Option<usize> {
    let mut length = 0;
    let mut rest = bytes;
    loop {
        let (valid, invalid) = first_invalid(rest);
        length += valid;
        if invalid == 0 {
            break;
        }
        length += REPLACEMENT.len();
        rest = rest.get(valid + invalid..).unwrap_or_default();
    }
    (rest.len() < bytes.len()).then_some(length)
}

/// The number of valid bytes, and the number of bytes after them that become one U+FFFD.
///
/// The second number is 0 if all bytes are valid. As everywhere on the Web (9.2.5), the longest
/// prefix of a valid sequence becomes one U+FFFD.
fn first_invalid(bytes: &[u8]) -> (usize, usize) {
    match str::from_utf8(bytes) {
        Ok(text) => (text.len(), 0),
        Err(error) => {
            let valid = error.valid_up_to();
            (valid, error.error_len().unwrap_or(bytes.len() - valid))
        }
    }
}

/// The lengths of data and event type with U+FFFD for invalid UTF-8, or an error if they exceed
/// `limit` together with an ID of `id` bytes.
#[cold]
fn replaced_lengths(parts: [&[u8]; 2], id: usize, limit: usize) -> Result<[usize; 2], DecodeError> {
    let lengths = parts.map(|bytes| replaced_len(bytes).unwrap_or(bytes.len()));
    if lengths[0] + lengths[1] + id > limit {
        return Err(DecodeError::EventTooLarge { limit });
    }
    Ok(lengths)
}

/// Repairs the last `length` bytes of `room`: they become text that fills all of it.
///
/// The write position never overtakes the read position. The distance between them is the number of
/// bytes by which the rest still grows.
fn replace_invalid(room: &mut [u8], length: usize) {
    let mut read = room.len() - length;
    let mut write = 0;
    while let Some(rest) = room.get(read..).filter(|rest| !rest.is_empty()) {
        let (valid, invalid) = first_invalid(rest);
        shift(room, read, valid, write);
        read += valid + invalid;
        write += valid;
        if invalid > 0 {
            if let Some(place) = room.get_mut(write..write + REPLACEMENT.len()) {
                place.copy_from_slice(REPLACEMENT);
            }
            write += REPLACEMENT.len();
        }
    }
}
