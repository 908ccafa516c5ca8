//! Values that may go into a one-line field, validated once.

use core::fmt;

use crate::error::{InvalidEventType, InvalidLastEventId};

/// The type of an event to send: not empty, without CR and LF.
///
/// Anything else may be in it, spaces at its ends and NUL included: it arrives as it was sent.
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
    /// Checks an event type that is known when the program runs.
    ///
    /// # Errors
    ///
    /// [`InvalidEventType`] says that the string is empty, or where its first CR or LF is.
    pub const fn new(event_type: &'a str) -> Result<Self, InvalidEventType> {
        if event_type.is_empty() {
            return Err(InvalidEventType::Empty);
        }
        match first_of(event_type.as_bytes(), b"\r\n") {
            Some((byte, offset)) => Err(InvalidEventType::Byte { byte, offset }),
            None => Ok(Self(event_type)),
        }
    }

    /// Makes an event type out of a literal.
    ///
    /// # Panics
    ///
    /// When the literal is empty or contains a line end; in a constant that is an error of compilation.
    ///
    /// ```compile_fail,E0080
    /// const TWO_LINES: sse_wire::EventType<'_> = sse_wire::EventType::from_static("tick\ndata: x");
    /// ```
    pub const fn from_static(event_type: &'static str) -> Self {
        match Self::new(event_type) {
            Ok(valid) => valid,
            // A wrong literal is an error in the program, and this is how a constant fails to compile. What is only known
            // when the program runs goes through `new`.
            Err(_) => panic!("an event type must not be empty, nor contain CR or LF"),
        }
    }

    /// An event type that the decoder dispatched: a line's value, hence without line ends, and never empty.
    pub(crate) const fn from_decoded(event_type: &'a str) -> Self {
        Self(event_type)
    }

    /// The event type as text.
    pub const fn as_str(self) -> &'a str {
        self.0
    }
}

/// A last event ID to send, or to seed a decoder with: without CR, LF and NUL.
///
/// The empty one is allowed: it resets the last event ID of the other side. A number as text always is one:
/// `LastEventId::new(&number.to_string()).expect("digits")` never panics.
///
/// ```
/// use sse_wire::LastEventId;
///
/// let id = LastEventId::new("42")?;
/// assert_eq!(id.as_str(), "42");
/// let error = LastEventId::new("4\02").unwrap_err();
/// assert_eq!((error.byte, error.offset), (0, 1));
/// # Ok::<(), sse_wire::InvalidLastEventId>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LastEventId<'a>(&'a str);

impl<'a> LastEventId<'a> {
    /// Checks a last event ID that is known when the program runs.
    ///
    /// # Errors
    ///
    /// [`InvalidLastEventId`] says where the first CR, LF or NUL is.
    pub const fn new(id: &'a str) -> Result<Self, InvalidLastEventId> {
        match first_of(id.as_bytes(), b"\r\n\0") {
            Some((byte, offset)) => Err(InvalidLastEventId { byte, offset }),
            None => Ok(Self(id)),
        }
    }

    /// Makes a last event ID out of a literal.
    ///
    /// # Panics
    ///
    /// When the literal contains CR, LF or NUL; in a constant that is an error of compilation.
    ///
    /// ```compile_fail,E0080
    /// const TWO_LINES: sse_wire::LastEventId<'_> = sse_wire::LastEventId::from_static("7\ndata: x");
    /// ```
    pub const fn from_static(id: &'static str) -> Self {
        match Self::new(id) {
            Ok(valid) => valid,
            // As for an event type: for literals alone, and so that a constant with a wrong one does not compile.
            Err(_) => panic!("a last event ID must not contain CR, LF or NUL"),
        }
    }

    /// An `id` that the decoder accepted: a line's value, hence without line ends, and without NUL (9.2.6).
    pub(crate) const fn from_decoded(id: &'a str) -> Self {
        Self(id)
    }

    /// The last event ID as text.
    pub const fn as_str(self) -> &'a str {
        self.0
    }
}

/// The first byte of `text` that is one of `refused`, and where it is.
#[expect(
    clippy::indexing_slicing,
    reason = "a const fn has no iterators; the loops bound the indices"
)]
#[inline]
const fn first_of(text: &[u8], refused: &[u8]) -> Option<(u8, usize)> {
    if is_free_of(text, refused) {
        return None;
    }
    let mut offset = 0;
    while offset < text.len() {
        let mut candidate = 0;
        while candidate < refused.len() {
            if text[offset] == refused[candidate] {
                return Some((text[offset], offset));
            }
            candidate += 1;
        }
        offset += 1;
    }
    None
}

/// Whether `text` has none of the `refused` bytes, as far as that is seen at a glance: eight bytes at a time.
#[inline]
const fn is_free_of(text: &[u8], refused: &[u8]) -> bool {
    let Some(last) = text.last_chunk() else {
        return is_short_free_of(text, refused);
    };
    let mut found = marks(u64::from_le_bytes(*last), refused);
    let mut rest = text;
    while let Some((word, after)) = rest.split_first_chunk() {
        found |= marks(u64::from_le_bytes(*word), refused);
        rest = after;
    }
    found == 0
}

/// The same for less than eight bytes, of which four are looked at twice at the most.
#[inline]
const fn is_short_free_of(text: &[u8], refused: &[u8]) -> bool {
    match (text.first_chunk(), text.last_chunk()) {
        (Some(first), Some(last)) => {
            let word = (u32::from_le_bytes(*first) as u64) << 32 | u32::from_le_bytes(*last) as u64;
            marks(word, refused) == 0
        }
        _ => false,
    }
}

/// Not zero if one of the `refused` bytes is in `word`.
#[inline]
pub(crate) const fn marks(word: u64, refused: &[u8]) -> u64 {
    const ONES: u64 = u64::MAX / 255;
    // Subtracting one sets the highest bit of a byte that was zero: of the one that was looked for.
    let mut found = 0;
    let mut candidates = refused;
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

    /// To see what is not there is never wrong, but slower.
    #[test]
    fn a_glance_sees_what_is_refused_and_nothing_else() {
        let refused = b"\r\n\0";
        for byte in 0..=u8::MAX {
            let is_free = !refused.contains(&byte);
            for length in 4..=24 {
                assert_eq!(is_free_of(&[byte; 24][..length], refused), is_free);
                for place in 0..length {
                    let mut text = [b'x'; 24];
                    text[place] = byte;
                    let seen = is_free_of(&text[..length], refused);
                    assert_eq!(seen, is_free, "{byte:#x} at {place} of {length}");
                }
            }
        }
    }
}
