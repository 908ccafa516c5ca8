//! WHATWG HTML 9.2.5: what of a stream is UTF-8, at the price of little more than reading it.

use core::ops::Range;

/// The text at `place`, if it is UTF-8.
///
/// Whoever validates reads blocks, and reads what is before the first one, or behind the last one, byte by byte. So it
/// is given whole blocks, as far as there are any: what is beside the place is most often ASCII, the names of fields.
#[inline(always)]
pub(crate) fn text_at(input: &[u8], place: Range<usize>) -> Option<&str> {
    let Range { start, end } = place;
    let before = (input.as_ptr().addr() + start) % ALIGNMENT;
    if let Some(from) = start.checked_sub(before) {
        let to = from + (end - from).next_multiple_of(block(end - from));
        if let Some(text) = input.get(from..to).and_then(text) {
            let text = text.get(before..before + (end - start));
            if text.is_some() {
                return text;
            }
        }
    }
    input.get(start..end).and_then(text)
}

/// Where the words begin that core reads.
const ALIGNMENT: usize = size_of::<usize>();

/// How much `text` reads at a time.
const fn block(length: usize) -> usize {
    if cfg!(feature = "simdutf8") && length >= SHORT {
        64
    } else {
        2 * ALIGNMENT
    }
}

/// Below this wider vectors do not pay.
const SHORT: usize = 64;

/// The bytes as text, if they are UTF-8.
#[inline(always)]
pub(crate) fn text(bytes: &[u8]) -> Option<&str> {
    #[cfg(feature = "simdutf8")]
    if bytes.len() >= SHORT {
        return simdutf8::basic::from_utf8(bytes).ok();
    }
    core::str::from_utf8(bytes).ok()
}
