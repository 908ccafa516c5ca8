//! Validated values of one-line fields.

use core::fmt;

use crate::error::{InvalidEventType, InvalidLastEventId};

/// The type of an event to send: not empty, without CR and LF.
///
/// All other characters are allowed, including NUL and spaces at the ends, and are received as they
/// were sent.
///
/// ```
/// use sse_wire::{EventType, InvalidEventType};
///
/// const TICK: EventType<'_> = EventType::from_static("tick");
/// assert_eq!(TICK.as_str(), "tick");
/// assert_eq!(EventType::new(""), Err(InvalidEventType::Empty));
/// assert_eq!(EventType::new("a\ndata: b"), Err(InvalidEventType::Byte { byte: b'\n', offset: 1 }));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventType<'a>(&'a str);

impl<'a> EventType<'a> {
    /// Validates an event type.
    ///
    /// # Errors
    ///
    /// [`InvalidEventType`] if the string is empty, or has a CR or LF.
    pub const fn new(event_type: &'a str) -> Result<Self, InvalidEventType> {
        if event_type.is_empty() {
            return Err(InvalidEventType::Empty);
        }
        match first_of(event_type.as_bytes(), b"\r\n") {
            Some((byte, offset)) => Err(InvalidEventType::Byte { byte, offset }),
            None => Ok(Self(event_type)),
        }
    }

    /// Creates an event type from a literal.
    ///
    /// # Panics
    ///
    /// If the literal is empty or contains a line end; in a constant that is a compile error.
    ///
    /// ```compile_fail,E0080
    /// const TWO_LINES: sse_wire::EventType<'_> = sse_wire::EventType::from_static("tick\ndata: x");
    /// ```
    pub const fn from_static(event_type: &'static str) -> Self {
        match Self::new(event_type) {
            Ok(valid) => valid,
            // An invalid literal is a bug in the program, and a panic is how a constant fails to
            // compile.
            Err(_) => panic!("an event type must not be empty, nor contain CR or LF"),
        }
    }

    /// Returns the event type as text.
    pub const fn as_str(self) -> &'a str {
        self.0
    }
}

/// A last event ID to send, or to seed a decoder with: without CR, LF and NUL.
///
/// An empty ID is allowed: it resets the client's last event ID. The digits of a number are always
/// valid; [`Outgoing::numeric_id`](crate::Outgoing::numeric_id) sends one without a string.
///
/// ```
/// use sse_wire::{InvalidLastEventId, LastEventId};
///
/// let id = LastEventId::new("42")?;
/// assert_eq!(id.as_str(), "42");
/// assert_eq!(LastEventId::new("4\02"), Err(InvalidLastEventId::Byte { byte: 0, offset: 1 }));
/// # Ok::<(), sse_wire::InvalidLastEventId>(())
/// ```
#[doc(alias = "last-event-id")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LastEventId<'a>(&'a str);

impl<'a> LastEventId<'a> {
    /// Validates a last event ID.
    ///
    /// # Errors
    ///
    /// [`InvalidLastEventId::Byte`] if the string has a CR, LF or NUL.
    pub const fn new(id: &'a str) -> Result<Self, InvalidLastEventId> {
        match first_of(id.as_bytes(), b"\r\n\0") {
            Some((byte, offset)) => Err(InvalidLastEventId::Byte { byte, offset }),
            None => Ok(Self(id)),
        }
    }

    /// Creates a last event ID from a literal.
    ///
    /// # Panics
    ///
    /// If the literal contains CR, LF or NUL; in a constant that is a compile error.
    ///
    /// ```compile_fail,E0080
    /// const TWO_LINES: sse_wire::LastEventId<'_> = sse_wire::LastEventId::from_static("7\ndata: x");
    /// ```
    pub const fn from_static(id: &'static str) -> Self {
        match Self::new(id) {
            Ok(valid) => valid,
            // As for an event type.
            Err(_) => panic!("a last event ID must not contain CR, LF or NUL"),
        }
    }

    /// Returns the last event ID as text.
    pub const fn as_str(self) -> &'a str {
        self.0
    }
}

/// Returns the first byte of `text` that is one of `invalid`, and its offset.
#[expect(
    clippy::indexing_slicing,
    reason = "a const fn has no iterators; the loops bound the indices"
)]
#[inline]
const fn first_of(text: &[u8], invalid: &[u8]) -> Option<(u8, usize)> {
    if is_free_of(text, invalid) {
        return None;
    }
    let mut offset = 0;
    while offset < text.len() {
        let mut candidate = 0;
        while candidate < invalid.len() {
            if text[offset] == invalid[candidate] {
                return Some((text[offset], offset));
            }
            candidate += 1;
        }
        offset += 1;
    }
    None
}

/// Returns whether `text` has none of the `invalid` bytes; `false` for some texts that have none,
/// all of less than four bytes.
#[inline]
const fn is_free_of(text: &[u8], invalid: &[u8]) -> bool {
    let Some(last) = text.last_chunk() else {
        return is_short_free_of(text, invalid);
    };
    let mut found = matching_bytes(u64::from_le_bytes(*last), invalid);
    let mut rest = text;
    while let Some((word, after)) = rest.split_first_chunk() {
        found |= matching_bytes(u64::from_le_bytes(*word), invalid);
        rest = after;
    }
    found == 0
}

/// Does the same for less than eight bytes.
#[inline]
const fn is_short_free_of(text: &[u8], invalid: &[u8]) -> bool {
    match (text.first_chunk(), text.last_chunk()) {
        (Some(first), Some(last)) => {
            let word = (u32::from_le_bytes(*first) as u64) << 32 | u32::from_le_bytes(*last) as u64;
            matching_bytes(word, invalid) == 0
        }
        _ => false,
    }
}

/// Returns a number other than zero if `word` has one of the `invalid` bytes.
#[inline]
pub(crate) const fn matching_bytes(word: u64, invalid: &[u8]) -> u64 {
    const ONES: u64 = u64::MAX / 255;
    // Subtracting one sets the highest bit of a byte that is zero, which is one that equals the
    // candidate.
    let mut found = 0;
    let mut candidates = invalid;
    while let [candidate, rest @ ..] = candidates {
        let difference = word ^ (ONES * *candidate as u64);
        found |= difference.wrapping_sub(ONES) & !difference;
        candidates = rest;
    }
    found & (ONES << 7)
}

impl<'a> TryFrom<&'a str> for EventType<'a> {
    type Error = InvalidEventType;

    fn try_from(event_type: &'a str) -> Result<Self, Self::Error> {
        Self::new(event_type)
    }
}

impl<'a> TryFrom<&'a str> for LastEventId<'a> {
    type Error = InvalidLastEventId;

    fn try_from(id: &'a str) -> Result<Self, Self::Error> {
        Self::new(id)
    }
}

impl AsRef<str> for EventType<'_> {
    fn as_ref(&self) -> &str {
        self.0
    }
}

impl AsRef<str> for LastEventId<'_> {
    fn as_ref(&self) -> &str {
        self.0
    }
}

impl fmt::Display for EventType<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.0, formatter)
    }
}

impl fmt::Display for LastEventId<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.0, formatter)
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, reason = "a test may panic")]
mod tests {
    use super::is_free_of;

    /// A false alarm would be slower, not wrong.
    #[test]
    fn eight_bytes_at_a_time_find_invalid_bytes_and_no_others() {
        let invalid = b"\r\n\0";
        for byte in 0..=u8::MAX {
            let is_free = !invalid.contains(&byte);
            for length in 4..=24 {
                assert_eq!(is_free_of(&[byte; 24][..length], invalid), is_free);
                for place in 0..length {
                    let mut text = [b'x'; 24];
                    text[place] = byte;
                    let seen = is_free_of(&text[..length], invalid);
                    assert_eq!(seen, is_free, "{byte:#x} at {place} of {length}");
                }
            }
        }
    }
}
