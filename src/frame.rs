//! Encoded blocks that can be shared: encoded once, sent to any number of subscribers.

use alloc::vec::Vec;
use core::fmt;

use bytes::Bytes;

use crate::encode::DataWriter;
use crate::encode::Outgoing;
use crate::error::InvalidFrame;
use crate::event::{Event, OwnedEvent};
use crate::parse::{FieldName, FieldParser, Token};

/// Whole, valid blocks of an event stream as refcounted bytes: encode once, clone for each subscriber.
///
/// Frames can be sent one after the other, in any order, at any place of a stream between blocks: none changes what
/// another one means.
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
/// Bytes from elsewhere, such as an upstream server, are [parsed](Self::parse) first.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Frame(Bytes);

impl Frame {
    /// No blocks.
    pub const fn new() -> Self {
        Self(Bytes::new())
    }

    /// One block with data that `write` writes straight into the data lines; see [`Outgoing::encode_with`].
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
    /// Those of `write`.
    pub fn encode_with<E>(
        outgoing: Outgoing<'_>,
        write: impl FnOnce(&mut DataWriter<'_>) -> Result<(), E>,
    ) -> Result<Self, E> {
        let mut out = Vec::new();
        outgoing.encode_with(&mut out, write)?;
        Ok(Self(out.into()))
    }

    /// Checks that `bytes` are whole blocks, and takes them as they are.
    ///
    /// They are if the last line has its end, and the last block with an event's fields (`data`, `event`, `id`) its
    /// blank line; and if they do not begin with a byte order mark, which means one thing at the start of a stream and another
    /// thing within. Unknown fields and comments are allowed, and so is what is not UTF-8: it harms nobody but itself.
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
    /// [`InvalidFrame`] says what is wrong: a byte order mark, or how many bytes are whole blocks.
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

    /// Takes `bytes` as they are, and trusts the caller that they are whole blocks, without a byte order mark in front.
    ///
    /// If they are not, the next frame that is sent may become a part of them, or of its data.
    pub const fn from_bytes_unchecked(bytes: Bytes) -> Self {
        Self(bytes)
    }

    /// The encoded bytes.
    pub const fn as_bytes(&self) -> &Bytes {
        &self.0
    }

    /// The encoded bytes.
    pub fn into_bytes(self) -> Bytes {
        self.0
    }

    /// How many bytes there are.
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no blocks.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Encodes the block, into memory of its exact size.
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

/// The blocks of all frames, one after the other, copied into one block of memory.
impl<'f> FromIterator<&'f Self> for Frame {
    fn from_iter<I: IntoIterator<Item = &'f Self>>(frames: I) -> Self {
        let mut out = Vec::new();
        for frame in frames {
            out.extend_from_slice(&frame.0);
        }
        Self(out.into())
    }
}

/// The blocks of all frames, one after the other; nothing is copied of a single one.
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
