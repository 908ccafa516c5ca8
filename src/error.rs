//! Every error of the crate: the peer's faults, and the caller's.
//!
//! Errors are small and `Copy`. They name a limit or a place, never the payload, so that they can be logged.

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
