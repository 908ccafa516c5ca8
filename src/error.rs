//! Every error of the crate: the peer's faults, and the caller's.
//!
//! Errors are small and `Copy`. They name a limit or a place, never the payload, so that they can be logged.

use core::{error, fmt};

use thiserror::Error;

/// What decoding can fail with: a limit was exceeded.
///
/// The format gives every byte string a meaning, so nothing else can go wrong. The event concerned is lost; the
/// decoder has moved on, and the next call gives what comes after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The event needs more than [`Limits::event`](crate::Limits::event) bytes.
    #[error("an event is larger than the limit of {limit} bytes")]
    EventTooLarge {
        /// The limit that was exceeded, in bytes.
        limit: usize,
    },
    /// The event's `id` needs more than [`Limits::last_event_id`](crate::Limits::last_event_id) bytes.
    #[error("a last event ID is larger than the limit of {limit} bytes")]
    LastEventIdTooLarge {
        /// The limit that was exceeded, in bytes.
        limit: usize,
    },
}

/// Why an event could not be read through a door that has a transport of its own.
///
/// It shows and has the source of what is in it, if that is an error; a `Box<dyn Error>` is none, and neither is this then: give
/// the transport's errors a type of yours before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "there are no other two sides")]
pub enum ReadError<E> {
    /// An event exceeded a limit. Reading again gives what comes after it.
    Decode(DecodeError),
    /// The transport failed, with its own error.
    Transport(E),
}

impl<E> From<DecodeError> for ReadError<E> {
    fn from(error: DecodeError) -> Self {
        Self::Decode(error)
    }
}

impl<E: fmt::Display> fmt::Display for ReadError<E> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decode(error) => error.fmt(formatter),
            Self::Transport(error) => error.fmt(formatter),
        }
    }
}

impl<E: error::Error + 'static> error::Error for ReadError<E> {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Decode(error) => error.source(),
            Self::Transport(error) => error.source(),
        }
    }
}

/// For functions that return `io::Result`: a refused event becomes [`InvalidData`](std::io::ErrorKind::InvalidData).
#[cfg(feature = "std")]
impl From<ReadError<Self>> for std::io::Error {
    fn from(error: ReadError<Self>) -> Self {
        match error {
            ReadError::Decode(error) => Self::new(std::io::ErrorKind::InvalidData, error),
            ReadError::Transport(error) => error,
        }
    }
}

/// Why a string cannot be an [`EventType`](crate::EventType).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum InvalidEventType {
    /// The string is empty: the other side would dispatch `message` instead.
    #[error("an event type must not be empty")]
    Empty,
    /// The string contains a line end, which would begin another field.
    #[error("an event type must not contain the byte 0x{byte:02x}, found at offset {offset}")]
    Byte {
        /// The first byte that is not allowed: CR or LF.
        byte: u8,
        /// Where it is, in bytes from the start of the string.
        offset: usize,
    },
}

/// Why a string cannot be a [`LastEventId`](crate::LastEventId): it contains CR, LF or NUL.
///
/// A line end would begin another field; an `id` field with a NUL is ignored by the other side (WHATWG HTML 9.2.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
#[error("a last event ID must not contain the byte 0x{byte:02x}, found at offset {offset}")]
#[non_exhaustive]
pub struct InvalidLastEventId {
    /// The first byte that is not allowed.
    pub byte: u8,
    /// Where it is, in bytes from the start of the string.
    pub offset: usize,
}

/// Memory that the caller provides, or allowed, is too small for what the caller wants to put there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
#[error("{needed} bytes are needed where {available} are available")]
#[non_exhaustive]
pub struct BufferFull {
    /// How many bytes the whole takes.
    pub needed: usize,
    /// How many bytes there are.
    pub available: usize,
}

/// Why a block could not be written through memory that is lent.
///
/// It shows and has the source of what is in it.
#[cfg(any(feature = "embedded-io", feature = "embedded-io-async"))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "there are no other two sides")]
pub enum WriteError<E> {
    /// The block does not fit in the memory; nothing of it was written.
    BufferFull(BufferFull),
    /// The transport failed, with its own error.
    Transport(E),
}

#[cfg(any(feature = "embedded-io", feature = "embedded-io-async"))]
impl<E> From<BufferFull> for WriteError<E> {
    fn from(error: BufferFull) -> Self {
        Self::BufferFull(error)
    }
}

#[cfg(any(feature = "embedded-io", feature = "embedded-io-async"))]
impl<E: fmt::Display> fmt::Display for WriteError<E> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BufferFull(error) => error.fmt(formatter),
            Self::Transport(error) => error.fmt(formatter),
        }
    }
}

#[cfg(any(feature = "embedded-io", feature = "embedded-io-async"))]
impl<E: error::Error + 'static> error::Error for WriteError<E> {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::BufferFull(error) => error.source(),
            Self::Transport(error) => error.source(),
        }
    }
}

/// Why bytes cannot be a [`Frame`](crate::Frame).
#[cfg(feature = "bytes")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum InvalidFrame {
    /// They begin with a byte order mark, which only a stream may.
    #[error("a frame must not begin with a byte order mark")]
    ByteOrderMark,
    /// They end within a line, or before the blank line of an event.
    #[error("only the first {whole} bytes are whole blocks")]
    Unfinished {
        /// How many bytes from the start are whole blocks.
        whole: usize,
    },
}
