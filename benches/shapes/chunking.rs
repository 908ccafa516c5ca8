//! The ways in which a stream arrives in chunks.

use super::shapes::{Lengths, Shape, Stream};

/// How a stream is cut.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Chunking {
    /// The whole stream at once.
    Whole,
    /// This many bytes at a time.
    Bytes(usize),
    /// One whole event at a time, as a server that flushes after each of them sends it.
    OneEvent,
}

/// Every chunking there is to measure: a file, a reader's buffer, a packet, an event, a trickle.
pub(crate) const CHUNKINGS: [Chunking; 5] = [
    Chunking::Whole,
    Chunking::Bytes(16 * 1024),
    Chunking::Bytes(1400),
    Chunking::OneEvent,
    Chunking::Bytes(64),
];

impl Chunking {
    /// Whether it is worth the time to measure this stream so. Two chunkings are enough to compare a stream of constant lengths
    /// with its twin; and in small chunks every large event is cut, as the others are there.
    #[allow(dead_code, reason = "the tests read all streams in all chunkings")]
    pub(crate) const fn suits(self, shape: Shape, lengths: Lengths) -> bool {
        let is_large = matches!(
            shape,
            Shape::Large4kAscii | Shape::Large4kCjk | Shape::Large12kAscii | Shape::Large12kCjk
        );
        matches!(self, Self::Bytes(16384) | Self::OneEvent)
            || !(is_large || matches!(lengths, Lengths::Constant))
    }

    pub(crate) fn name(self) -> String {
        match self {
            Self::Whole => "whole".to_owned(),
            Self::Bytes(size) => size.to_string(),
            Self::OneEvent => "one-event".to_owned(),
        }
    }

    pub(crate) fn cut(self, stream: &Stream) -> Vec<&[u8]> {
        match self {
            Self::Whole => vec![&stream.bytes],
            Self::Bytes(size) => stream.bytes.chunks(size).collect(),
            Self::OneEvent => {
                let mut start = 0;
                let ends = stream.event_ends.iter();
                ends.map(|&end| &stream.bytes[core::mem::replace(&mut start, end)..end])
                    .collect()
            }
        }
    }
}
