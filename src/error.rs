//! The errors of decoding and encoding.
//!
//! Errors are small and `Copy`. They have a limit or an offset, never the payload, so that they can
//! be logged.

#[cfg(feature = "alloc")]
use alloc::boxed::Box;
use core::{error, fmt};

use thiserror::Error;

/// The error of decoding: an event or a last event ID exceeds its limit.
///
/// The format gives every byte string a meaning, so there are no other errors. The event is lost;
/// the decoder skips the rest of it, and the next call continues after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The event needs more than [`Limits::event`](crate::Limits::event) bytes.
    #[error("event exceeds the limit of {limit} bytes")]
    EventTooLarge {
        /// The limit that was exceeded, in bytes.
        limit: usize,
    },
    /// The event's `id` needs more than [`Limits::last_event_id`](crate::Limits::last_event_id)
    /// bytes.
    #[error("last event ID exceeds the limit of {limit} bytes")]
    LastEventIdTooLarge {
        /// The limit that was exceeded, in bytes.
        limit: usize,
    },
}

/// The error of an adapter that reads events: from the decoder or from the transport.
///
/// `Display` and `source` delegate to the inner error. `ReadError<E>` implements `Error` only if
/// `E` does, which `Box<dyn Error>` does not: [`into_boxed`](Self::into_boxed) makes one boxed
/// error of such a `ReadError`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a read has no other source of errors"
)]
pub enum ReadError<E> {
    /// An event exceeded a limit. The next read continues after it.
    Decode(DecodeError),
    /// The transport failed.
    Transport(E),
}

impl<E> ReadError<E> {
    /// Converts the error of the transport with `convert`; a [`DecodeError`] stays as it is.
    ///
    /// ```
    /// use sse_wire::ReadError;
    ///
    /// let error: ReadError<&str> = ReadError::Transport("gone");
    /// assert_eq!(error.map_transport(str::len), ReadError::Transport(4));
    /// ```
    pub fn map_transport<F>(self, convert: impl FnOnce(E) -> F) -> ReadError<F> {
        match self {
            Self::Decode(error) => ReadError::Decode(error),
            Self::Transport(error) => ReadError::Transport(convert(error)),
        }
    }

    /// Returns the inner error, boxed, also if `E` is such a box already.
    ///
    /// A box is no `Error` itself. Where an error of a public API has to be one, use
    /// [`map_transport`](Self::map_transport), with `std::io::Error::other` for example.
    ///
    /// ```
    /// use sse_wire::ReadError;
    /// use std::error::Error;
    ///
    /// fn next() -> Result<(), ReadError<Box<dyn Error + Send + Sync>>> {
    ///     Err(ReadError::Transport("gone".into()))
    /// }
    ///
    /// fn read() -> Result<(), Box<dyn Error + Send + Sync>> {
    ///     next().map_err(ReadError::into_boxed)
    /// }
    /// # assert_eq!(read().unwrap_err().to_string(), "gone");
    /// ```
    #[cfg(feature = "alloc")]
    #[cfg_attr(docsrs, doc(cfg(feature = "alloc")))]
    pub fn into_boxed(self) -> Box<dyn error::Error + Send + Sync>
    where
        E: Into<Box<dyn error::Error + Send + Sync>>,
    {
        match self {
            Self::Decode(error) => error.into(),
            Self::Transport(error) => error.into(),
        }
    }
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

/// Converts a [`DecodeError`] into [`InvalidData`](std::io::ErrorKind::InvalidData), for functions
/// that return `io::Result`.
#[cfg(feature = "std")]
impl From<ReadError<Self>> for std::io::Error {
    fn from(error: ReadError<Self>) -> Self {
        match error {
            ReadError::Decode(error) => Self::new(std::io::ErrorKind::InvalidData, error),
            ReadError::Transport(error) => error,
        }
    }
}

/// The error of a string that is not a valid [`EventType`](crate::EventType).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum InvalidEventType {
    /// The string is empty: a client would dispatch `message` instead.
    #[error("event type is empty")]
    Empty,
    /// The string contains a line end, which would begin another field.
    #[error("invalid byte 0x{byte:02x} in an event type, at offset {offset}")]
    Byte {
        /// The first invalid byte: CR or LF.
        byte: u8,
        /// Its offset in the string, in bytes.
        offset: usize,
    },
}

/// The error of a last event ID that is invalid or too long.
///
/// [`LastEventId::new`](crate::LastEventId::new) returns `Byte` only. The other variants are for
/// IDs that arrive as bytes or have a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum InvalidLastEventId {
    /// The ID contains CR, LF or NUL: a line end would begin another field, and a client ignores an
    /// `id` field with a NUL (WHATWG HTML 9.2.6).
    #[error("invalid byte 0x{byte:02x} in a last event ID, at offset {offset}")]
    Byte {
        /// The first invalid byte.
        byte: u8,
        /// Its offset in the ID, in bytes.
        offset: usize,
    },
    /// The ID exceeds a limit.
    #[error("last event ID of {len} bytes exceeds the limit of {max} bytes")]
    TooLong {
        /// The length of the ID, in bytes.
        len: usize,
        /// The limit that was exceeded, in bytes.
        max: usize,
    },
    /// The ID is not UTF-8.
    #[error("last event ID is not UTF-8 at offset {offset}")]
    NotUtf8 {
        /// How many bytes from the start are valid UTF-8.
        offset: usize,
    },
}

/// The error of a caller-provided buffer, or a limit, that is too small.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
#[error("{needed} bytes needed, {available} available")]
#[non_exhaustive]
pub struct BufferFull {
    /// How many bytes are needed.
    pub needed: usize,
    /// How many bytes are available.
    pub available: usize,
}

/// The error of an adapter that writes events through a caller-provided buffer.
///
/// `Display` and `source` delegate to the inner error.
#[cfg(any(feature = "embedded-io", feature = "embedded-io-async"))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a write has no other source of errors"
)]
pub enum WriteError<E> {
    /// The block does not fit in the buffer; nothing of it was written.
    BufferFull(BufferFull),
    /// The transport failed.
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

/// The error of bytes that are not a valid [`Frame`](crate::Frame).
#[cfg(feature = "bytes")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum InvalidFrame {
    /// They begin with a byte order mark.
    #[error("frame begins with a byte order mark")]
    ByteOrderMark,
    /// They end within a line, or before the blank line of an event.
    #[error("only the first {whole} bytes are whole blocks")]
    Unfinished {
        /// How many bytes from the start are whole blocks.
        whole: usize,
    },
}
