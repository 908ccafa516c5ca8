//! Text split into lines, and data lines.

use super::sink::Sink;
use crate::line_end::line_end;
use crate::value::matching_bytes;

/// The lines of a text that may end in CRLF, CR or LF, each of them one end (9.2.5); at least one.
pub(super) struct Lines<'a> {
    rest: Option<&'a [u8]>,
}

impl<'a> Lines<'a> {
    pub(super) const fn of(text: &'a [u8]) -> Self {
        Self { rest: Some(text) }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.rest?;
        let Some((line, end)) = line_end(rest, 0).and_then(|length| rest.split_at_checked(length))
        else {
            self.rest = None;
            return Some(rest);
        };
        let after = end.strip_prefix(b"\r\n").or_else(|| end.get(1..));
        self.rest = after;
        Some(line)
    }
}

/// The data lines of `text`, without the first `data: ` and without the last line end.
pub(super) fn data_lines<S: Sink>(text: &[u8], sink: &mut S) -> Result<(), S::Error> {
    if is_surely_one_line(text) {
        return sink.put(text);
    }
    let mut rest = text;
    loop {
        let end = line_end(rest, 0);
        sink.put_first(rest, end.unwrap_or(rest.len()))?;
        let Some(end) = end.and_then(|length| rest.get(length..)) else {
            return Ok(());
        };
        sink.put(b"\ndata: ")?;
        rest = match end {
            [b'\r', b'\n', rest @ ..] | [_, rest @ ..] => rest,
            [] => end,
        };
    }
}

/// Whether a short look tells that `text` has no line end. If not, it may have one or none.
///
/// Most data is one short line, and a search for its end would take as long as all else that is
/// done for it. This looks at blocks that overlap, so that few branches depend on the length: where
/// lengths vary, such a branch is often predicted wrongly, and that costs as much as looking at a
/// hundred bytes.
///
/// It is not inlined, because it becomes vector instructions only where it stands alone.
#[inline(never)]
fn is_surely_one_line(text: &[u8]) -> bool {
    // Without them it would be slower than the search, and larger.
    if !HAS_VECTORS {
        return false;
    }
    match text.len() {
        0..4 => !text.iter().any(|byte| matches!(byte, b'\n' | b'\r')),
        4..16 => four(text).is_some_and(have_no_line_end),
        16..64 => four::<16>(text).is_some_and(|blocks| {
            let lowest = blocks.into_iter().fold(Lowest::START, Lowest::and);
            lowest.is_above_line_ends()
        }),
        64..=512 => lowest_of_long(text).is_some_and(|lowest| lowest.is_above_line_ends()),
        // What it would save is little beside what copying takes.
        _ => false,
    }
}

const HAS_VECTORS: bool = cfg!(any(
    target_feature = "sse2",
    target_feature = "neon",
    target_feature = "simd128",
));

/// Four blocks that cover a text of N to 4 N bytes.
fn four<const N: usize>(text: &[u8]) -> Option<[&[u8; N]; 4]> {
    let last = text.len().checked_sub(N)?;
    let second = last.min(N);
    Some([
        text.first_chunk()?,
        text.get(second..)?.first_chunk()?,
        text.get(last - second..)?.first_chunk()?,
        text.last_chunk()?,
    ])
}

fn have_no_line_end(blocks: [&[u8; 4]; 4]) -> bool {
    let [first, second, third, fourth] = blocks.map(|block| u64::from(u32::from_le_bytes(*block)));
    let (front, back) = (first | second << 32, third | fourth << 32);
    matching_bytes(front, b"\r\n") | matching_bytes(back, b"\r\n") == 0
}

/// The lowest byte at each place of the blocks seen, counted from LF: CR is 3 then, and what is
/// below LF is high.
struct Lowest<const N: usize>([u8; N]);

impl<const N: usize> Lowest<N> {
    const START: Self = Self([u8::MAX; N]);

    fn and(mut self, block: &[u8; N]) -> Self {
        for (lowest, byte) in self.0.iter_mut().zip(block) {
            *lowest = byte.wrapping_sub(b'\n').min(*lowest);
        }
        self
    }

    fn is_above_line_ends(&self) -> bool {
        self.0.iter().all(|&lowest| lowest > b'\r' - b'\n')
    }
}

/// For a text of 64 bytes or more.
fn lowest_of_long(text: &[u8]) -> Option<Lowest<64>> {
    // The last two blocks cover what the rounds leave over; they overlap if the bytes are too few.
    let end = text.get(text.len().saturating_sub(128)..)?;
    let mut lowest = Lowest::START.and(end.first_chunk()?).and(end.last_chunk()?);
    let mut rest = text;
    // Two at a time: the fewer numbers of rounds there are, the more often they are predicted.
    while let Some((blocks, after)) = rest.split_first_chunk::<128>() {
        lowest = lowest.and(blocks.first_chunk()?).and(blocks.last_chunk()?);
        rest = after;
    }
    Some(lowest)
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, reason = "a test may panic")]
mod tests {
    use super::{HAS_VECTORS, is_surely_one_line};

    /// To give up is never wrong, but slower.
    #[test]
    fn a_short_look_is_enough_for_short_data() {
        // What is near a line end in one way or another.
        for byte in [b'x', 0, b'\t', 0x0E, 0x7F, 0x8A, 0x8D, 0xFF] {
            let mut text = [byte; 512];
            for length in 0..=text.len() {
                let one_line = is_surely_one_line(&text[..length]);
                assert_eq!(one_line, HAS_VECTORS, "{length} of {byte:#x}");
            }
            for length in (0..130).chain([200, 256, 511, 512]) {
                for (place, end) in (0..length).zip([b'\n', b'\r'].into_iter().cycle()) {
                    text[place] = end;
                    assert!(!is_surely_one_line(&text[..length]), "{place} of {length}");
                    text[place] = byte;
                }
            }
        }
    }
}
