//! The ways in which a stream arrives in chunks.

use super::shapes::{Shape, Stream};

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
    /// Whether it shows more of events of that shape than others do. What large events cost depends on how many of them are
    /// cut, and in small chunks all of them are, like any other.
    #[allow(dead_code, reason = "only what measures all of them leaves some out")]
    pub(crate) const fn suits(self, shape: Shape) -> bool {
        match shape {
            Shape::Large4kAscii | Shape::Large4kCjk | Shape::Large12kAscii | Shape::Large12kCjk => {
                matches!(self, Self::Bytes(16384) | Self::OneEvent)
            }
            _ => true,
        }
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
