//! What a server sends: values to the bytes of an event stream.
//!
//! The way back from WHATWG HTML 9.2.6. A block is written as comments, `event`, `id`, `retry`,
//! `data` and the blank line. A value for a one-line field has been validated by its type; text
//! that may have several lines is split at every CRLF, CR and LF, so that no line end of the caller
//! ever reaches the stream. The space after the colon is always there: a value that begins with a
//! space would lose it otherwise.

#[cfg(feature = "alloc")]
use alloc::vec::Vec;
use core::{convert::Infallible, fmt, str, time::Duration};
#[cfg(feature = "std")]
use std::io;

use crate::error::BufferFull;
#[cfg(feature = "alloc")]
use crate::event::OwnedEvent;
use crate::event::{Event, MESSAGE};
use crate::value::{EventType, LastEventId};

#[cfg(feature = "alloc")]
mod data_writer;
mod id;
mod lines;
mod sink;

#[cfg(feature = "alloc")]
pub use data_writer::DataWriter;
#[cfg(feature = "alloc")]
use data_writer::Rollback;
use id::{Id, digits, milliseconds};
use lines::{Lines, data_lines};
#[cfg(feature = "alloc")]
use sink::Append;
use sink::Sink;

/// A block to send: an event, or fields and comments without data.
///
/// The client dispatches exactly one event with just this data, whatever the strings contain; CR
/// and CRLF arrive as LF. Without data, it dispatches none (WHATWG HTML 9.2.6).
///
/// ```
/// use sse_wire::{EventType, LastEventId, Outgoing};
///
/// let mut out = Vec::new();
/// Outgoing::event(EventType::from_static("tick"), "hello\nworld")
///     .id(LastEventId::new("42")?)
///     .encode(&mut out);
/// assert_eq!(out, b"event: tick\nid: 42\ndata: hello\ndata: world\n\n");
/// # Ok::<(), sse_wire::InvalidLastEventId>(())
/// ```
///
/// A comment alone keeps a connection alive, or opens a stream:
///
/// ```
/// use sse_wire::Outgoing;
///
/// let mut out = [0; 16];
/// let length = Outgoing::new().comment("ok").encode_to_slice(&mut out)?;
/// assert_eq!(&out[..length], b": ok\n\n");
/// # Ok::<(), sse_wire::BufferFull>(())
/// ```
#[doc(alias("sse", "event-stream"))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[must_use = "nothing is written until it is encoded"]
pub struct Outgoing<'a> {
    event_type: Option<EventType<'a>>,
    data: Option<&'a str>,
    id: Option<Id<'a>>,
    retry: Option<Duration>,
    comment: Option<&'a str>,
}

impl<'a> Outgoing<'a> {
    /// Creates a block without data, for which the client dispatches no event.
    ///
    /// [`data`](Self::data) and [`encode_with`](Self::encode_with) add data. With nothing set,
    /// nothing is written.
    pub const fn new() -> Self {
        Self {
            event_type: None,
            data: None,
            id: None,
            retry: None,
            comment: None,
        }
    }

    /// Creates an event of type `message`.
    ///
    /// `data` may have any number of lines, ended by LF, CR or CRLF. The empty string is data, too.
    pub const fn message(data: &'a str) -> Self {
        Self::new().data(data)
    }

    /// Creates an event of the given type; otherwise like [`message`](Self::message).
    pub const fn event(event_type: EventType<'a>, data: &'a str) -> Self {
        Self::message(data).event_type(event_type)
    }

    /// Sets the event type, replacing one that was set before.
    ///
    /// Without data it is sent, but the client dispatches no event.
    ///
    /// ```
    /// use sse_wire::{EventType, Outgoing};
    ///
    /// const TICK: EventType<'_> = EventType::from_static("tick");
    /// assert_eq!(Outgoing::new().event_type(TICK).data("1"), Outgoing::event(TICK, "1"));
    /// assert_eq!(Outgoing::new().event_type(TICK).to_string(), "event: tick\n\n");
    /// ```
    pub const fn event_type(mut self, event_type: EventType<'a>) -> Self {
        self.event_type = Some(event_type);
        self
    }

    /// Sets the data, replacing data that was set before; see [`message`](Self::message).
    pub const fn data(mut self, data: &'a str) -> Self {
        self.data = Some(data);
        self
    }

    /// Sets the `id`: the last event ID of the client from this block on.
    ///
    /// It replaces one that was set before, also by [`numeric_id`](Self::numeric_id).
    pub const fn id(mut self, id: LastEventId<'a>) -> Self {
        self.id = Some(Id::Text(id));
        self
    }

    /// Sets the `id` to a number in decimal digits, without a string to borrow them from.
    ///
    /// It replaces one that was set before, also by [`id`](Self::id).
    ///
    /// ```
    /// use sse_wire::Outgoing;
    ///
    /// assert_eq!(Outgoing::message("x").numeric_id(42).to_string(), "id: 42\ndata: x\n\n");
    /// ```
    pub const fn numeric_id(mut self, id: u64) -> Self {
        self.id = Some(Id::Number(id));
        self
    }

    /// Sets the `retry`: how long the client waits before it reconnects.
    ///
    /// It is sent in whole milliseconds, rounded down, `u64::MAX` at the most.
    pub const fn retry(mut self, reconnection_time: Duration) -> Self {
        self.retry = Some(reconnection_time);
        self
    }

    /// Sets the comments before the block: one for each line of `text`. Setting them again replaces
    /// them.
    pub const fn comment(mut self, text: &'a str) -> Self {
        self.comment = Some(text);
        self
    }

    /// Appends the block to `out`, without any other allocation.
    #[cfg(feature = "alloc")]
    #[cfg_attr(docsrs, doc(cfg(feature = "alloc")))]
    pub fn encode(&self, out: &mut Vec<u8>) {
        let Ok(()) = self.pieces(Append(out));
    }

    /// Writes the block to the front of `out`, and returns how many bytes it takes.
    ///
    /// # Errors
    ///
    /// [`BufferFull`] if `out` is too small. It has the number of bytes that are needed; `out` does
    /// not change.
    pub fn encode_to_slice(&self, out: &mut [u8]) -> Result<usize, BufferFull> {
        let (needed, available) = (self.encoded_len(), out.len());
        if needed > available {
            return Err(BufferFull { needed, available });
        }
        let mut length = 0;
        let Ok(()) = self.pieces(|piece: &[u8]| {
            if let Some(place) = out.get_mut(length..length + piece.len()) {
                place.copy_from_slice(piece);
            }
            length += piece.len();
            Ok::<(), Infallible>(())
        });
        Ok(length)
    }

    /// Writes the block to `out`, a small one in a single write.
    ///
    /// It does not flush: a buffered writer, or a compressor, may buffer the event until that is
    /// done.
    ///
    /// # Errors
    ///
    /// The errors of `out`. A part of the block may have been written: the stream can no longer be
    /// used.
    #[cfg(feature = "std")]
    #[cfg_attr(docsrs, doc(cfg(feature = "std")))]
    pub fn write_to(&self, mut out: impl io::Write) -> io::Result<()> {
        // Without it an unbuffered socket would be asked to send every prefix and every line end on
        // its own.
        let mut gathered = [0; 1024];
        let mut used = 0;
        self.pieces(|piece: &[u8]| {
            if piece.len() > gathered.len() - used {
                out.write_all(gathered.get(..used).unwrap_or_default())?;
                used = 0;
            }
            match gathered.get_mut(used..used + piece.len()) {
                Some(place) => {
                    place.copy_from_slice(piece);
                    used += piece.len();
                    Ok(())
                }
                None => out.write_all(piece),
            }
        })?;
        out.write_all(gathered.get(..used).unwrap_or_default())
    }

    /// Returns the exact number of bytes of the block.
    pub fn encoded_len(&self) -> usize {
        let mut length = 0_usize;
        let Ok(()) = self.pieces(|piece: &[u8]| {
            // Line ends become seven times as long: on a small machine that may be more than there
            // are addresses.
            length = length.saturating_add(piece.len());
            Ok::<(), Infallible>(())
        });
        length
    }

    /// Appends the block to `out`, with data that `write` writes directly into the data lines.
    ///
    /// What is written follows the data that was set, if any, and is split into lines like it, also
    /// where a CRLF is split across two writes. There is a data line even if nothing is written.
    ///
    /// ```
    /// use sse_wire::Outgoing;
    ///
    /// let value = serde_json::json!({ "delta": "hello\nworld" });
    /// let mut out = Vec::new();
    /// # #[cfg(feature = "std")]
    /// Outgoing::new().encode_with(&mut out, |data| serde_json::to_writer(data, &value))?;
    /// # #[cfg(feature = "std")]
    /// assert_eq!(out, b"data: {\"delta\":\"hello\\nworld\"}\n\n");
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    ///
    /// All other fields are set as usual:
    ///
    /// ```
    /// use std::fmt::Write;
    /// use sse_wire::{EventType, Outgoing};
    ///
    /// let mut out = Vec::new();
    /// let tick = Outgoing::new().event_type(EventType::from_static("tick"));
    /// tick.encode_with(&mut out, |data| write!(data, "{:.2}", 3.14159))?;
    /// assert_eq!(out, b"event: tick\ndata: 3.14\n\n");
    /// # Ok::<(), std::fmt::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The errors of `write`. `out` is unchanged then, and also if `write` panics.
    #[cfg(feature = "alloc")]
    #[cfg_attr(docsrs, doc(cfg(feature = "alloc")))]
    pub fn encode_with<E>(
        &self,
        out: &mut Vec<u8>,
        write: impl FnOnce(&mut DataWriter<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut rollback = Rollback {
            length: out.len(),
            out,
        };
        let Ok(()) = self.head(&mut Append(rollback.out));
        rollback.out.extend_from_slice(b"data: ");
        let mut writer = DataWriter::new(rollback.out);
        writer.push(self.data.unwrap_or_default().as_bytes());
        write(&mut writer)?;
        rollback.out.extend_from_slice(b"\n\n");
        rollback.length = rollback.out.len();
        Ok(())
    }

    /// The block, piece by piece, for those that always have room.
    #[cfg(feature = "tokio")]
    pub(crate) fn encode_pieces(&self, mut put: impl FnMut(&[u8])) {
        let Ok(()) = self.pieces(|piece: &[u8]| {
            put(piece);
            Ok::<(), Infallible>(())
        });
    }

    /// The block, piece by piece; what all the ways out have in common.
    fn pieces<S: Sink>(&self, mut sink: S) -> Result<(), S::Error> {
        self.head(&mut sink)?;
        match self.data {
            Some(data) => {
                sink.put(b"data: ")?;
                data_lines(data.as_bytes(), &mut sink)?;
                sink.put(b"\n\n")
            }
            None if self.is_nothing() => Ok(()),
            None => sink.put(b"\n"),
        }
    }

    // Comparing with `new()` would compare the strings.
    const fn is_nothing(&self) -> bool {
        let Self {
            event_type,
            data,
            id,
            retry,
            comment,
        } = self;
        event_type.is_none()
            && data.is_none()
            && id.is_none()
            && retry.is_none()
            && comment.is_none()
    }

    /// All fields but the data.
    fn head<S: Sink>(&self, sink: &mut S) -> Result<(), S::Error> {
        if let Some(comment) = self.comment {
            for line in Lines::of(comment.as_bytes()) {
                sink.put(if line.is_empty() { b":" } else { b": " })?;
                sink.put(line)?;
                sink.put(b"\n")?;
            }
        }
        let mut field = |name: &[u8], value: &[u8]| {
            sink.put(name)?;
            sink.put(value)?;
            sink.put(b"\n")
        };
        if let Some(event_type) = self.event_type {
            field(b"event: ", event_type.as_str().as_bytes())?;
        }
        if let Some(id) = self.id {
            field(b"id: ", id.bytes(&mut [0; 20]))?;
        }
        if let Some(retry) = self.retry {
            field(b"retry: ", digits(milliseconds(retry), &mut [0; 20]))?;
        }
        Ok(())
    }
}

/// Writes the block as it is sent.
impl fmt::Display for Outgoing<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Text is only ever cut beside ASCII, so that each piece of it is text.
        self.pieces(|piece: &[u8]| {
            formatter.write_str(str::from_utf8(piece).map_err(|_| fmt::Error)?)
        })
    }
}

/// Forwards a decoded event: its type, its data, and the `id` of its own block, if any.
///
/// An inherited last event ID is not repeated: the client has it if it received every event that
/// carried one. If that is not so (events are filtered or were rejected, an `id` came in a block
/// without data, the decoder was [seeded](crate::EventDecoder::set_last_event_id), the client joins
/// late), send it: set [`id`](Outgoing::id) to the event's `last_event_id()`, or send a block with
/// the `id` alone.
impl<'a> From<Event<'a>> for Outgoing<'a> {
    fn from(event: Event<'a>) -> Self {
        Self::without_data(event).data(event.data())
    }
}

impl<'a> Outgoing<'a> {
    /// The type and the own `id` of an event.
    pub(crate) fn without_data(event: Event<'a>) -> Self {
        // An event borrows from a chunk, and nothing makes a chunk return the same bytes each time.
        // So its values are checked as any others.
        let mut outgoing = Self::new();
        if event.event_type() != MESSAGE {
            outgoing.event_type = EventType::new(event.event_type()).ok();
        }
        let id = event.id().and_then(|id| LastEventId::new(id).ok());
        outgoing.id = id.map(Id::Text);
        outgoing
    }
}

impl<'a> From<&Event<'a>> for Outgoing<'a> {
    fn from(event: &Event<'a>) -> Self {
        (*event).into()
    }
}

#[cfg(feature = "alloc")]
impl<'a> From<&'a OwnedEvent> for Outgoing<'a> {
    fn from(event: &'a OwnedEvent) -> Self {
        event.as_event().into()
    }
}
