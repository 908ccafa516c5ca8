//! Events out of the readers and into the writers of embedded systems, in memory that is lent.
//!
//! The readers and writers are those of [`embedded_io`](https://docs.rs/embedded-io/0.7) (feature `embedded-io`) and
//! [`embedded_io_async`](https://docs.rs/embedded-io-async/0.7) (feature `embedded-io-async`).

use core::fmt;

#[cfg(feature = "embedded-io")]
use embedded_io::{Error as _, ErrorKind, Read, Write};
#[cfg(all(feature = "embedded-io-async", not(feature = "embedded-io")))]
use embedded_io_async::{Error as _, ErrorKind};
#[cfg(feature = "embedded-io-async")]
use embedded_io_async::{Read as AsyncRead, Write as AsyncWrite};

use crate::buffer::Buffer;
use crate::decode::{CutLine, EventDecoder, Found, Incomplete};
use crate::encode::Outgoing;
use crate::error::{DecodeError, ReadError, WriteError};
use crate::event::{Event, Item, RawEvent};

/// Reads events from a blocking or an asynchronous reader, through a chunk of memory that is lent.
///
/// Events are lent from the chunk and from the memory of the decoder: one that lies whole in a chunk, with one data
/// line, is not copied. Whatever the chunk's size, at least one byte, the events are the same.
///
#[cfg_attr(feature = "embedded-io", doc = "```")]
#[cfg_attr(not(feature = "embedded-io"), doc = "```ignore")]
/// use sse_wire::{EventDecoder, embedded::EventReader};
///
/// let uart: &[u8] = b"event: add\ndata: 1\n\ndata: 2\n\n";
/// let (mut memory, mut chunk) = ([0; 512], [0; 64]);
/// let mut reader = EventReader::new(uart, EventDecoder::with_buffer(&mut memory[..]), &mut chunk);
/// let event = reader.read_event().unwrap().expect("the first event");
/// assert_eq!((event.event_type(), event.data()), ("add", "1"));
/// let event = reader.read_event().unwrap().expect("the second event");
/// assert_eq!(event.data(), "2");
/// assert_eq!(reader.read_event(), Ok(None));
/// ```
///
/// # Errors
///
/// [`ReadError::Decode`] when an event exceeds a limit: the next call gives what comes after it.
/// [`ReadError::Transport`] is the reader's own error; nothing that was read is lost, and the next call reads on. When
/// the reader was interrupted, it is tried again.
///
/// # The end
///
/// An event that the end of the stream cuts off is discarded, as the standard says, unless
/// [`recover_at_end`](Self::recover_at_end) asks for it.
pub struct EventReader<'m, R, B: Buffer> {
    reader: R,
    decoder: EventDecoder<B>,
    chunk: &'m mut [u8],
    /// Where in the chunk the input began in which something was found.
    start: usize,
    /// How much of the chunk was read.
    used: usize,
    /// How much of the chunk is filled.
    filled: usize,
    recover: Option<CutLine>,
    has_ended: bool,
    ended_within_event: bool,
}

impl<'m, R, B: Buffer> EventReader<'m, R, B> {
    /// Reads from `reader` into `chunk`, and decodes with `decoder`.
    pub const fn new(reader: R, decoder: EventDecoder<B>, chunk: &'m mut [u8]) -> Self {
        Self {
            reader,
            decoder,
            chunk,
            start: 0,
            used: 0,
            filled: 0,
            recover: None,
            has_ended: false,
            ended_within_event: false,
        }
    }

    /// Dispatches an event that the end of the stream cuts off: for those who end it with `data: [DONE]` and nothing behind it.
    #[must_use]
    pub const fn recover_at_end(mut self, cut_line: CutLine) -> Self {
        self.recover = Some(cut_line);
        self
    }

    /// The decoder: what it knows of the last event ID and the reconnection time.
    pub const fn decoder(&self) -> &EventDecoder<B> {
        &self.decoder
    }

    /// Whether the stream has ended within an event, which may have been recovered.
    pub const fn ended_within_event(&self) -> bool {
        self.ended_within_event
    }

    /// The reader.
    pub const fn inner(&self) -> &R {
        &self.reader
    }

    /// The reader, to change its settings: what is read from it is missing from the stream.
    pub const fn inner_mut(&mut self) -> &mut R {
        &mut self.reader
    }

    /// Gives back the reader and the decoder; what of the chunk was not read yet is lost.
    pub fn into_parts(self) -> (R, EventDecoder<B>) {
        (self.reader, self.decoder)
    }

    /// Looks for something in what is left of the chunk.
    fn find(&mut self, items: bool) -> Result<Option<Found>, DecodeError> {
        self.start = self.used;
        let mut rest = self.chunk.get(self.start..self.filled).unwrap_or_default();
        let found = self.decoder.step(&mut rest, items);
        self.used = self.filled - rest.len();
        found
    }

    /// The chunk was read, and is filled again; tells whether the stream goes on.
    fn filled(&mut self, length: usize) -> bool {
        self.used = 0;
        self.filled = length.min(self.chunk.len());
        self.filled > 0
    }

    /// The stream has ended: the event that is to be recovered.
    fn finish(&mut self) -> Option<(Incomplete<'_, B>, CutLine)> {
        if self.has_ended {
            return None;
        }
        self.has_ended = true;
        let incomplete = self.decoder.finish();
        self.ended_within_event = incomplete.is_some();
        incomplete.zip(self.recover)
    }

    fn lend_event<E>(&mut self, found: Option<Found>) -> Result<Option<Event<'_>>, ReadError<E>> {
        let Some(Found::Event(places)) = found else {
            return Ok(match self.finish() {
                Some((incomplete, cut_line)) => incomplete.recover(cut_line)?,
                None => None,
            });
        };
        let whole = self.chunk.get(self.start..self.filled).unwrap_or_default();
        Ok(Some(self.decoder.lend_text(whole, places)?))
    }

    fn lend_raw_event<E>(
        &mut self,
        found: Option<Found>,
    ) -> Result<Option<RawEvent<'_>>, ReadError<E>> {
        let Some(Found::Event(places)) = found else {
            return Ok(match self.finish() {
                Some((incomplete, cut_line)) => incomplete.recover_raw(cut_line)?,
                None => None,
            });
        };
        let whole = self.chunk.get(self.start..self.filled).unwrap_or_default();
        Ok(Some(self.decoder.lend_raw(whole, places)))
    }

    fn lend_item<E>(&mut self, found: Option<Found>) -> Result<Option<Item<'_>>, ReadError<E>> {
        let Some(found) = found else {
            return Ok(match self.finish() {
                Some((incomplete, cut_line)) => incomplete.recover(cut_line)?.map(Item::Event),
                None => None,
            });
        };
        let whole = self.chunk.get(self.start..self.filled).unwrap_or_default();
        Ok(Some(self.decoder.lend_item(whole, found)?))
    }
}

#[cfg(feature = "embedded-io")]
#[cfg_attr(docsrs, doc(cfg(feature = "embedded-io")))]
impl<R: Read, B: Buffer> EventReader<'_, R, B> {
    /// Reads until an event is complete, and lends it as text. `None` is the end of the stream.
    ///
    /// # Errors
    ///
    /// See [`EventReader`].
    pub fn read_event(&mut self) -> Result<Option<Event<'_>>, ReadError<R::Error>> {
        let found = self.read(false)?;
        self.lend_event(found)
    }

    /// Reads until an event is complete, and lends it as bytes, which are not validated. `None` is the end of the stream.
    ///
    /// # Errors
    ///
    /// See [`EventReader`].
    pub fn read_raw_event(&mut self) -> Result<Option<RawEvent<'_>>, ReadError<R::Error>> {
        let found = self.read(false)?;
        self.lend_raw_event(found)
    }

    /// Reads until there is an event, a comment or a reconnection time, and lends it. `None` is the end of the stream.
    ///
    /// # Errors
    ///
    /// See [`EventReader`].
    pub fn read_item(&mut self) -> Result<Option<Item<'_>>, ReadError<R::Error>> {
        let found = self.read(true)?;
        self.lend_item(found)
    }

    fn read(&mut self, items: bool) -> Result<Option<Found>, ReadError<R::Error>> {
        while !self.has_ended {
            if let Some(found) = self.find(items)? {
                return Ok(Some(found));
            }
            match self.reader.read(self.chunk) {
                Ok(length) if self.filled(length) => {}
                Ok(_) => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(ReadError::Transport(error)),
            }
        }
        Ok(None)
    }
}

#[cfg(feature = "embedded-io-async")]
#[cfg_attr(docsrs, doc(cfg(feature = "embedded-io-async")))]
impl<R: AsyncRead, B: Buffer> EventReader<'_, R, B> {
    /// Reads until an event is complete, and lends it as text. `None` is the end of the stream.
    ///
    /// ```
    /// use sse_wire::{EventDecoder, embedded::EventReader};
    ///
    /// # futures_util::FutureExt::now_or_never(async {
    /// let modem: &[u8] = b"data: 1\n\n";
    /// let mut chunk = [0; 64];
    /// let mut reader = EventReader::new(modem, EventDecoder::with_buffer([0; 512]), &mut chunk);
    /// let event = reader.read_event_async().await.unwrap().expect("an event");
    /// assert_eq!(event.data(), "1");
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// See [`EventReader`].
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses nothing, if that is so for the `read` of the reader.
    pub async fn read_event_async(&mut self) -> Result<Option<Event<'_>>, ReadError<R::Error>> {
        let found = self.read_async(false).await?;
        self.lend_event(found)
    }

    /// Reads until an event is complete, and lends it as bytes, which are not validated. `None` is the end of the stream.
    ///
    /// # Errors
    ///
    /// See [`EventReader`].
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses nothing, if that is so for the `read` of the reader.
    pub async fn read_raw_event_async(
        &mut self,
    ) -> Result<Option<RawEvent<'_>>, ReadError<R::Error>> {
        let found = self.read_async(false).await?;
        self.lend_raw_event(found)
    }

    /// Reads until there is an event, a comment or a reconnection time, and lends it. `None` is the end of the stream.
    ///
    /// # Errors
    ///
    /// See [`EventReader`].
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses nothing, if that is so for the `read` of the reader.
    pub async fn read_item_async(&mut self) -> Result<Option<Item<'_>>, ReadError<R::Error>> {
        let found = self.read_async(true).await?;
        self.lend_item(found)
    }

    async fn read_async(&mut self, items: bool) -> Result<Option<Found>, ReadError<R::Error>> {
        while !self.has_ended {
            if let Some(found) = self.find(items)? {
                return Ok(Some(found));
            }
            match self.reader.read(self.chunk).await {
                Ok(length) if self.filled(length) => {}
                Ok(_) => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(ReadError::Transport(error)),
            }
        }
        Ok(None)
    }
}

impl<R, B: Buffer> fmt::Debug for EventReader<'_, R, B> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("EventReader")
            .field("decoder", &self.decoder)
            .field("recover", &self.recover)
            .field("has_ended", &self.has_ended)
            .field("ended_within_event", &self.ended_within_event)
            .finish_non_exhaustive()
    }
}

/// Writes events to a blocking or an asynchronous writer, through memory that is lent, and flushes after each.
///
#[cfg_attr(feature = "embedded-io", doc = "```")]
#[cfg_attr(not(feature = "embedded-io"), doc = "```ignore")]
/// use sse_wire::{Outgoing, embedded::EventWriter};
///
/// let (mut sent, mut memory) = ([0; 64], [0; 32]);
/// let mut writer = EventWriter::new(&mut sent[..], &mut memory);
/// writer.write(Outgoing::message("hello")).unwrap();
/// assert!(sent.starts_with(b"data: hello\n\n"));
/// ```
///
/// # Errors
///
/// [`WriteError::BufferFull`] when the block does not fit in the memory: nothing of it was written, and the stream goes on.
/// [`WriteError::Transport`] is the writer's own error; a part of the block may have been written then, and the stream is of no
/// more use.
pub struct EventWriter<'m, W> {
    writer: W,
    memory: &'m mut [u8],
}

impl<'m, W> EventWriter<'m, W> {
    /// Writes to `writer` what was encoded in `memory`, which must hold the largest block.
    pub const fn new(writer: W, memory: &'m mut [u8]) -> Self {
        Self { writer, memory }
    }

    /// The writer.
    pub const fn inner(&self) -> &W {
        &self.writer
    }

    /// The writer; what is written to it between two blocks is part of the stream.
    pub const fn inner_mut(&mut self) -> &mut W {
        &mut self.writer
    }

    /// Gives back the writer.
    pub fn into_inner(self) -> W {
        self.writer
    }
}

#[cfg(feature = "embedded-io")]
#[cfg_attr(docsrs, doc(cfg(feature = "embedded-io")))]
impl<W: Write> EventWriter<'_, W> {
    /// Writes a block.
    ///
    /// # Errors
    ///
    /// See [`EventWriter`].
    pub fn write<'o>(
        &mut self,
        block: impl Into<Outgoing<'o>>,
    ) -> Result<(), WriteError<W::Error>> {
        let length = block.into().encode_to_slice(self.memory)?;
        let block = self.memory.get(..length).unwrap_or_default();
        self.writer
            .write_all(block)
            .map_err(WriteError::Transport)?;
        self.writer.flush().map_err(WriteError::Transport)
    }
}

#[cfg(feature = "embedded-io-async")]
#[cfg_attr(docsrs, doc(cfg(feature = "embedded-io-async")))]
impl<W: AsyncWrite> EventWriter<'_, W> {
    /// Writes a block.
    ///
    /// # Errors
    ///
    /// See [`EventWriter`].
    ///
    /// # Cancellation
    ///
    /// When the future is dropped, a part of the block may have been written: the stream is of no more use.
    pub async fn write_async<'o>(
        &mut self,
        block: impl Into<Outgoing<'o>>,
    ) -> Result<(), WriteError<W::Error>> {
        let length = block.into().encode_to_slice(self.memory)?;
        let block = self.memory.get(..length).unwrap_or_default();
        let written = self.writer.write_all(block).await;
        written.map_err(WriteError::Transport)?;
        self.writer.flush().await.map_err(WriteError::Transport)
    }
}

impl<W> fmt::Debug for EventWriter<'_, W> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("EventWriter")
            .field("memory", &self.memory.len())
            .finish_non_exhaustive()
    }
}
