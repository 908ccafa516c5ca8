//! WHATWG HTML 9.2.5: what of a stream is UTF-8, at the price of little more than reading it.

use core::ops::Range;

use crate::SMALL;

/// The text at `place`, if it is UTF-8.
#[inline(always)]
pub(crate) fn text_at(input: &[u8], place: Range<usize>) -> Option<&str> {
    let blocks = (!SMALL).then(|| blocks_around(input, place.clone()));
    if let Some(blocks) = blocks.flatten() {
        let (start, length) = (place.start - blocks.start, place.len());
        if let Some(text) = input.get(blocks).and_then(text) {
            let text = text.get(start..start + length);
            if text.is_some() {
                return text;
            }
        }
    }
    input.get(place).and_then(text)
}

/// The blocks that `place` lies in, if there are whole ones.
///
/// Whoever validates reads blocks, and reads what is before the first one, or behind the last one, byte by byte: so it is
/// given whole ones. What is in them beside the place is most often ASCII, the names of fields.
#[inline(always)]
pub(crate) fn blocks_around(input: &[u8], place: Range<usize>) -> Option<Range<usize>> {
    let start = place
        .start
        .checked_sub((input.as_ptr().addr() + place.start) % ALIGNMENT)?;
    let length = place.end - start;
    let stop = start + length.next_multiple_of(block(length));
    (stop <= input.len()).then_some(start..stop)
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

/// The first bytes that are UTF-8: all of them, but for a character that they end within, unless something is wrong with them.
///
/// No more is read than is text, but that twice if something is wrong behind it; so one may go on behind what is wrong as often
/// as need be.
pub(crate) fn text_prefix(bytes: &[u8]) -> &str {
    #[cfg(not(feature = "simdutf8"))]
    use core::str::from_utf8;
    #[cfg(feature = "simdutf8")]
    use simdutf8::compat::from_utf8;

    let whole = bytes.len() - cut_character(bytes);
    let whole = bytes.get(..whole).unwrap_or_default();
    from_utf8(whole).unwrap_or_else(|error| {
        let text = whole.get(..error.valid_up_to());
        text.and_then(self::text).unwrap_or_default()
    })
}

/// How many bytes the character has so far that the bytes end within; 0 if they do not.
///
/// What follows its first byte is not looked at: if it does not belong there, nothing from that byte on is text either.
fn cut_character(bytes: &[u8]) -> usize {
    let is_cut = |length: &usize| match bytes.iter().nth_back(length - 1) {
        Some(0xC0..=0xDF) => *length < 2,
        Some(0xE0..=0xEF) => *length < 3,
        Some(0xF0..=0xFF) => *length < 4,
        _ => false,
    };
    (1..=3).find(is_cut).unwrap_or(0)
}

/// The bytes as text, if they are UTF-8.
#[inline(always)]
pub(crate) fn text(bytes: &[u8]) -> Option<&str> {
    #[cfg(feature = "simdutf8")]
    if bytes.len() >= SHORT {
        return simdutf8::basic::from_utf8(bytes).ok();
    }
    core::str::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::{ALIGNMENT, SHORT, blocks_around};

    /// Any part of the input, or none, would do, but would be slower to validate.
    #[test]
    fn blocks_are_whole_and_begin_with_a_word() {
        let input = &[b'x'; 400][..];
        let mut found = 0;
        for start in 0..200 {
            for length in 1..200 {
                let place = start..start + length;
                let Some(blocks) = blocks_around(input, place.clone()) else {
                    // No word begins before it, or no block ends behind it.
                    assert!(start < ALIGNMENT || input.len() - place.end < 64);
                    continue;
                };
                found += 1;
                assert!(blocks.start <= place.start && place.end <= blocks.end);
                assert!(place.start - blocks.start < ALIGNMENT);
                let address = input.as_ptr().addr() + blocks.start;
                assert_eq!(address % ALIGNMENT, 0);
                let wide = cfg!(feature = "simdutf8") && place.end - blocks.start >= SHORT;
                let block = if wide { 64 } else { 2 * ALIGNMENT };
                assert_eq!(blocks.len() % block, 0);
                assert!(blocks.end - place.end < block);
                assert!(blocks.end <= input.len());
            }
        }
        assert!(found > 30_000);
        // Of an input that ends too early none is found.
        let start = ALIGNMENT - input.as_ptr().addr() % ALIGNMENT;
        let [short, enough] = [15, 16].map(|bytes| input.get(..start + bytes).unwrap_or_default());
        assert_eq!(blocks_around(short, start..start + 15), None);
        let blocks = start..start + 16;
        assert_eq!(blocks_around(enough, start..start + 15), Some(blocks));
    }
}
