//! WHATWG HTML 9.2.5: where a line ends, at a CRLF, a CR or an LF.

use memchr::memchr2;

use crate::SMALL;

/// Where the line at `start` ends, and where the next one begins.
///
/// `None` if its end is not in the input, or may continue in the next one.
#[inline(always)]
pub(crate) fn whole_line(input: &[u8], start: usize) -> Option<(usize, usize)> {
    let stop = line_end(input, start)?;
    Some((stop, stop + end_len(input, stop)?))
}

/// How long the line end at `at` is; `None` if that is a CR that ends the input, which an LF may
/// follow.
#[inline(always)]
pub(crate) fn end_len(input: &[u8], at: usize) -> Option<usize> {
    match input.get(at..)? {
        [b'\r', b'\n', ..] => Some(2),
        [b'\r'] => None,
        _ => Some(1),
    }
}

/// Where the first CR or LF is.
#[inline(always)]
pub(crate) fn first_line_end(input: &[u8]) -> Option<usize> {
    if SMALL {
        input.iter().position(|byte| matches!(byte, b'\n' | b'\r'))
    } else {
        memchr2(b'\n', b'\r', input)
    }
}

/// Where the first CR or LF from `start` on is.
#[cfg(not(feature = "simd"))]
#[inline(always)]
pub(crate) fn line_end(input: &[u8], start: usize) -> Option<usize> {
    match input.get(start..)? {
        // Every event has an empty line, and this check costs less than a search.
        [b'\n' | b'\r', ..] => Some(start),
        rest => Some(start + first_line_end(rest)?),
    }
}

#[cfg(feature = "simd")]
pub(crate) use simd::line_end;

#[cfg(feature = "simd")]
mod simd {
    use super::first_line_end;
    use wide::{CmpEq, i8x16};

    /// A line of more bytes is long: a search with wider vectors is worth its call.
    const LONG: usize = 512;

    /// Where the first CR or LF from `start` on is.
    ///
    /// Searches half a block first, since most short lines end there, and then whole ones.
    #[inline(always)]
    pub(crate) fn line_end(input: &[u8], start: usize) -> Option<usize> {
        let rest = input.get(start..)?;
        let mut at = 0;
        if let Some(half) = rest.first_chunk() {
            let ends = ends_of_32(half);
            if ends != 0 {
                return Some(start + ends.trailing_zeros() as usize);
            }
            at = 32;
        }
        while let Some(block) = rest.get(at..).and_then(<[u8]>::first_chunk) {
            let ends = ends_of_64(block);
            if ends != 0 {
                return Some(start + at + ends.trailing_zeros() as usize);
            }
            at += 64;
            if at > LONG {
                break;
            }
        }
        if let (32..=LONG, Some(last)) = (at, rest.last_chunk()) {
            if let Some(half) = rest.get(at..).and_then(<[u8]>::first_chunk) {
                let ends = ends_of_32(half);
                if ends != 0 {
                    return Some(start + at + ends.trailing_zeros() as usize);
                }
                if at + 32 == rest.len() {
                    return None;
                }
            }
            // These bytes overlap the searched ones, which have no line end.
            let ends = ends_of_32(last);
            return (ends != 0).then(|| start + rest.len() - 32 + ends.trailing_zeros() as usize);
        }
        in_more(rest, at).map(|length| start + length)
    }

    /// The same from `at` on, in a long line or in an input of fewer than 32 bytes.
    #[inline(never)]
    fn in_more(input: &[u8], at: usize) -> Option<usize> {
        if at > LONG {
            return first_line_end(input.get(at..)?).map(|length| at + length);
        }
        let ends = ends_of_less(input.get(at..)?);
        (ends != 0).then(|| at + ends.trailing_zeros() as usize)
    }

    /// The ends in a block: bit n stands for its byte n.
    #[inline(always)]
    fn ends_of_64(block: &[u8; 64]) -> u64 {
        let (Some(low), Some(high)) = (block.first_chunk(), block.last_chunk()) else {
            return 0;
        };
        ends_of_32(low) | ends_of_32(high) << 32
    }

    #[inline(always)]
    fn ends_of_32(bytes: &[u8; 32]) -> u64 {
        let (Some(low), Some(high)) = (bytes.first_chunk(), bytes.last_chunk()) else {
            return 0;
        };
        ends_of_16(low) | ends_of_16(high) << 16
    }

    #[inline(always)]
    fn ends_of_16(bytes: &[u8; 16]) -> u64 {
        let bytes = i8x16::new(bytes.map(|byte| byte as i8));
        let is_end = bytes.cmp_eq(i8x16::splat(0x0A)) | bytes.cmp_eq(i8x16::splat(0x0D));
        is_end.move_mask() as u64
    }

    /// The ends in an input of fewer than 32 bytes, as those of two parts that overlap.
    #[inline(always)]
    fn ends_of_less(bytes: &[u8]) -> u64 {
        let length = bytes.len();
        if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
            ends_of_16(first) | ends_of_16(last) << (length - 16)
        } else if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
            let words = [*first, *last].map(|word| u128::from(u64::from_le_bytes(word)));
            let ends = ends_of_16(&(words[0] | words[1] << 64).to_le_bytes());
            ends & 0xFF | ends >> 8 << (length - 8)
        } else {
            let is_end = |byte| u64::from(matches!(byte, b'\n' | b'\r'));
            bytes
                .iter()
                .rev()
                .fold(0, |ends, &byte| ends << 1 | is_end(byte))
        }
    }
}
