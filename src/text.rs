//! WHATWG HTML 9.2.5: validates parts of a stream as UTF-8.

use core::ops::Range;

use crate::SMALL;

/// The text at `place`, if it is UTF-8.
#[inline(always)]
pub(crate) fn text_at(input: &[u8], place: Range<usize>) -> Option<&str> {
    let blocks = if SMALL || place.len() >= LONG {
        None
    } else {
        blocks_around(input, place.clone())
    };
    if let Some(blocks) = blocks {
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

/// The whole blocks that `place` lies in, if the input has them.
///
/// Validation reads a block at once, but the bytes before the first block and after the last one
/// by one. So it receives whole blocks. Their bytes outside the place are mostly names of fields,
/// which are ASCII.
#[inline(always)]
fn blocks_around(input: &[u8], place: Range<usize>) -> Option<Range<usize>> {
    let start = place
        .start
        .checked_sub((input.as_ptr().addr() + place.start) % ALIGNMENT)?;
    let length = place.end - start;
    let stop = start + length.next_multiple_of(block(length));
    (stop <= input.len()).then_some(start..stop)
}

/// The alignment of the words that `core` reads.
const ALIGNMENT: usize = size_of::<usize>();

/// How much `text` reads at a time.
const fn block(length: usize) -> usize {
    if cfg!(feature = "simd") && length >= SHORT {
        64
    } else {
        2 * ALIGNMENT
    }
}

/// The length from which vector code pays.
const SHORT: usize = 64;

/// The length from which whole blocks do not pay. The few bytes that are read one by one cost
/// little there, but if those around them are not text, all of it is validated twice.
const LONG: usize = 1024;

/// The bytes as text, if they are UTF-8.
#[inline(always)]
pub(crate) fn text(bytes: &[u8]) -> Option<&str> {
    #[cfg(feature = "simd")]
    if bytes.len() >= SHORT {
        return simdutf8::basic::from_utf8(bytes).ok();
    }
    core::str::from_utf8(bytes).ok()
}

/// 9.2.6: whether an `id` needs no change and is not ignored.
#[inline(always)]
pub(crate) fn is_text_without_nul(id: &[u8]) -> bool {
    // Whether some of eight bytes is NUL or not ASCII, if the lower ones are neither.
    let has_nul_or_non_ascii =
        |word: u64| (word.wrapping_sub(0x0101_0101_0101_0101) | word) & 0x8080_8080_8080_8080 != 0;
    let Some(last) = id.last_chunk() else {
        // Most are shorter: two halves that overlap.
        return match (id.first_chunk(), id.last_chunk()) {
            (Some(first), Some(last)) => {
                let [low, high] = [first, last].map(|half| u64::from(u32::from_le_bytes(*half)));
                !has_nul_or_non_ascii(low | high << 32) || is_long_text_without_nul(id)
            }
            _ => id.iter().all(|byte| (1..0x80).contains(byte)) || is_long_text_without_nul(id),
        };
    };
    let mut rest = id;
    while let Some((word, more)) = rest.split_first_chunk() {
        if has_nul_or_non_ascii(u64::from_le_bytes(*word)) {
            return is_long_text_without_nul(id);
        }
        rest = more;
    }
    // The last bytes again, together with those before them.
    !has_nul_or_non_ascii(u64::from_le_bytes(*last)) || is_long_text_without_nul(id)
}

#[inline(never)]
fn is_long_text_without_nul(id: &[u8]) -> bool {
    memchr::memchr(0, id).is_none() && core::str::from_utf8(id).is_ok()
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
                let wide = cfg!(feature = "simd") && place.end - blocks.start >= SHORT;
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
