//! Encoded blocks as reference-counted bytes, for any number of subscribers.

use alloc::vec::Vec;
use core::fmt;

use bytes::Bytes;

use crate::encode::DataWriter;
use crate::encode::Outgoing;
use crate::error::InvalidFrame;
use crate::event::{Event, OwnedEvent};
use crate::parse::{FieldName, FieldParser, Token};

/// Whole, valid blocks of an event stream as reference-counted bytes: encode once, clone for each
/// subscriber.
///
/// Frames can be sent in any order, and at any place between the blocks of a stream.
///
/// ```
/// use sse_wire::{EventType, Frame, Outgoing};
///
/// let tick = Frame::from(Outgoing::event(EventType::from_static("tick"), "1"));
/// let for_another_subscriber = tick.clone();
/// assert_eq!(for_another_subscriber.as_bytes(), "event: tick\ndata: 1\n\n");
///
/// let both: Frame = [tick, Outgoing::message("2").into()].into_iter().collect();
/// assert_eq!(both.into_bytes(), "event: tick\ndata: 1\n\ndata: 2\n\n");
/// ```
///
/// [`parse`](Self::parse) validates bytes from elsewhere, such as an upstream server.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Frame(Bytes);

impl Frame {
    /// Creates a frame without blocks.
    pub const fn new() -> Self {
        Self(Bytes::new())
    }

    /// Encodes a block, whose data the closure `write` writes directly into the data lines; see
    /// [`Outgoing::encode_with`].
    ///
    /// ```
    /// use sse_wire::{Frame, Outgoing};
    ///
    /// let value = serde_json::json!({ "delta": "hello" });
    /// # #[cfg(feature = "std")] {
    /// let frame = Frame::encode_with(Outgoing::new(), |data| serde_json::to_writer(data, &value))?;
    /// assert_eq!(frame.as_bytes(), "data: {\"delta\":\"hello\"}\n\n");
    /// # }
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The errors of the closure.
    pub fn encode_with<E>(
        outgoing: Outgoing<'_>,
        write: impl FnOnce(&mut DataWriter<'_>) -> Result<(), E>,
    ) -> Result<Self, E> {
        let mut out = Vec::new();
        outgoing.encode_with(&mut out, write)?;
        Ok(Self(out.into()))
    }

    /// Creates a frame from `bytes`, which must be whole blocks.
    ///
    /// The last line must have its line end, and the last block with a `data`, `event` or `id`
    /// field its blank line. The bytes must not begin with a byte order mark, which is skipped at
    /// the start of a stream and is text anywhere else. Unknown fields, comments and invalid UTF-8
    /// are allowed, since they do not affect other blocks.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use sse_wire::{Frame, InvalidFrame};
    ///
    /// let upstream = Bytes::from_static(b"data: 1\n\ndata: 2\n");
    /// let Err(InvalidFrame::Unfinished { whole }) = Frame::parse(upstream.clone()) else { panic!() };
    /// let frame = Frame::parse(upstream.slice(..whole))?;
    /// assert_eq!(frame.as_bytes(), "data: 1\n\n");
    /// # Ok::<(), InvalidFrame>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`InvalidFrame`] if there is a byte order mark, or with the number of bytes that are whole
    /// blocks.
    ///
    /// # Complexity
    ///
    /// O(n) for n bytes; nothing is copied.
    pub fn parse(bytes: Bytes) -> Result<Self, InvalidFrame> {
        if bytes.starts_with(b"\xEF\xBB\xBF") {
            return Err(InvalidFrame::ByteOrderMark);
        }
        let mut parser = FieldParser::new();
        let mut rest = &bytes[..];
        let mut is_open = false;
        let mut whole = 0;
        while let Some(token) = parser.next(&mut rest) {
            match token {
                Token::BlankLine => is_open = false,
                Token::Field {
                    name: FieldName::Data | FieldName::Event | FieldName::Id,
                    ..
                } => is_open = true,
                Token::Field { .. } | Token::Comment { .. } => {}
            }
            if !is_open && !parser.is_inside_line() {
                whole = bytes.len() - rest.len();
            }
        }
        if whole < bytes.len() {
            return Err(InvalidFrame::Unfinished { whole });
        }
        Ok(Self(bytes))
    }

    /// Creates a frame from `bytes` without validating that they are whole blocks and do not begin
    /// with a byte order mark.
    ///
    /// If they are not, the next frame that is sent may become a part of the last block, or of its
    /// data.
    pub const fn from_bytes_unchecked(bytes: Bytes) -> Self {
        Self(bytes)
    }

    /// Returns the encoded bytes.
    pub const fn as_bytes(&self) -> &Bytes {
        &self.0
    }

    /// Returns the encoded bytes, without a copy.
    pub fn into_bytes(self) -> Bytes {
        self.0
    }

    /// Returns the number of bytes.
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether the frame has no blocks.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Encodes the block into memory of its exact size.
impl From<Outgoing<'_>> for Frame {
    fn from(outgoing: Outgoing<'_>) -> Self {
        let mut out = Vec::with_capacity(outgoing.encoded_len());
        outgoing.encode(&mut out);
        Self(out.into())
    }
}

impl From<&Outgoing<'_>> for Frame {
    fn from(outgoing: &Outgoing<'_>) -> Self {
        (*outgoing).into()
    }
}

/// Forwards the event, as [`Outgoing::from`] does.
impl From<&OwnedEvent> for Frame {
    fn from(event: &OwnedEvent) -> Self {
        Outgoing::from(event).into()
    }
}

/// Forwards the event, as [`Outgoing::from`] does.
impl From<OwnedEvent> for Frame {
    fn from(event: OwnedEvent) -> Self {
        Outgoing::from(&event).into()
    }
}

/// Forwards the event, as [`Outgoing::from`] does.
impl From<Event<'_>> for Frame {
    fn from(event: Event<'_>) -> Self {
        Outgoing::from(event).into()
    }
}

impl From<Frame> for Bytes {
    fn from(frame: Frame) -> Self {
        frame.0
    }
}

impl AsRef<[u8]> for Frame {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// Concatenates frames by copying them.
impl<'f> FromIterator<&'f Self> for Frame {
    fn from_iter<I: IntoIterator<Item = &'f Self>>(frames: I) -> Self {
        let mut out = Vec::new();
        for frame in frames {
            out.extend_from_slice(&frame.0);
        }
        Self(out.into())
    }
}

/// Concatenates frames by copying them; a single frame is not copied.
impl FromIterator<Self> for Frame {
    fn from_iter<I: IntoIterator<Item = Self>>(frames: I) -> Self {
        let mut frames = frames.into_iter();
        let Some(first) = frames.next() else {
            return Self::new();
        };
        let Some(second) = frames.next() else {
            return first;
        };
        let mut out = Vec::from(first.0);
        out.extend_from_slice(&second.0);
        for frame in frames {
            out.extend_from_slice(&frame.0);
        }
        Self(out.into())
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("Frame")
            .field(&format_args!("b\"{}\"", self.0.escape_ascii()))
            .finish()
    }
}
