//! How a stream is cut, and through which call each chunk is read.

use std::fmt;

use arbitrary::{Arbitrary, Unstructured};

/// One of the decoder's calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    Decode,
    DecodeRaw,
    DecodeItem,
    DecodeOwned,
    DecodeOwnedItem,
}

impl Call {
    pub const ALL: [Self; 5] = [
        Self::Decode,
        Self::DecodeRaw,
        Self::DecodeItem,
        Self::DecodeOwned,
        Self::DecodeOwnedItem,
    ];

    /// Whether it returns comments and reconnection times, too.
    pub const fn returns_items(self) -> bool {
        matches!(self, Self::DecodeItem | Self::DecodeOwnedItem)
    }

    /// The call that returns the same, borrowed.
    pub const fn borrowed(self) -> Self {
        match self {
            Self::DecodeOwned => Self::Decode,
            Self::DecodeOwnedItem => Self::DecodeItem,
            borrowed => borrowed,
        }
    }
}

/// Up to fifteen steps, taken again and again until the stream ends.
///
/// In an input it is a byte with their number, then a byte for each: bits 0 to 4 say how long the chunk is, bits 5 to 7
/// which call reads it. Bytes of their own let a fuzzer learn from each cut, which a seed of a random generator would not.
#[derive(Clone, PartialEq, Eq)]
pub struct Plan(Vec<Step>);

#[derive(Clone, Copy, PartialEq, Eq)]
struct Step {
    length: usize,
    call: Call,
}

impl Plan {
    /// The whole stream at once.
    pub const WHOLE: Self = Self(Vec::new());

    /// One byte at a time.
    pub fn byte_by_byte() -> Self {
        Self(vec![Step {
            length: 1,
            call: Call::Decode,
        }])
    }

    /// The chunks of `stream`, each with the call that reads it. There may be empty ones.
    pub fn chunks<'s>(&self, stream: &'s [u8]) -> Vec<(&'s [u8], Call)> {
        let mut chunks = Vec::new();
        let mut rest = stream;
        let steps = self.0.iter().cycle();
        // A plan of empty chunks alone would not end.
        if self.0.iter().any(|step| step.length > 0) {
            for step in steps {
                if rest.is_empty() {
                    return chunks;
                }
                let (chunk, after) = rest.split_at(step.length.min(rest.len()));
                chunks.push((chunk, step.call));
                rest = after;
            }
        }
        let call = self.0.first().map_or(Call::Decode, |step| step.call);
        chunks.push((rest, call));
        chunks
    }

    /// As [`chunks`](Self::chunks), for those who read all of it through one call.
    pub fn cut<'s>(&self, stream: &'s [u8]) -> Vec<&'s [u8]> {
        let chunks = self.chunks(stream).into_iter();
        chunks.map(|(chunk, _)| chunk).collect()
    }
}

impl<'a> Arbitrary<'a> for Plan {
    fn arbitrary(input: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        let count = usize::from(u8::arbitrary(input)? & 15).min(input.len());
        let steps = input.bytes(count)?.iter().map(|byte| Step {
            length: match byte & 31 {
                31 => usize::MAX,
                power @ 24..31 => 1 << (power - 19),
                length => usize::from(length),
            },
            call: match byte >> 5 {
                0 | 4 => Call::Decode,
                1 | 5 => Call::DecodeRaw,
                2 | 6 => Call::DecodeOwned,
                3 => Call::DecodeItem,
                _ => Call::DecodeOwnedItem,
            },
        });
        Ok(Self(steps.collect()))
    }
}

impl fmt::Debug for Plan {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // On one line, also where the rest of an input is shown on many.
        write!(formatter, "[")?;
        for (index, Step { length, call }) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            match *length {
                usize::MAX => write!(formatter, "{comma}rest {call:?}")?,
                length => write!(formatter, "{comma}{length} {call:?}")?,
            }
        }
        write!(formatter, "]")
    }
}
