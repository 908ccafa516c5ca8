//! Events from the readers and to the writers of embedded systems, in buffers that the caller
//! provides.
//!
//! The readers and writers are those of [`embedded_io`](https://docs.rs/embedded-io/0.7) (feature
//! `embedded-io`) and [`embedded_io_async`](https://docs.rs/embedded-io-async/0.7) (feature
//! `embedded-io-async`). The reader must return the body of a response, with its [transfer
//! coding](EventReader#transfer-coding) undone.

use core::fmt;

#[cfg(feature = "embedded-io")]
use embedded_io::{Error as _, ErrorKind, ErrorType, Read, Write};
#[cfg(all(feature = "embedded-io-async", not(feature = "embedded-io")))]
use embedded_io_async::{Error as _, ErrorKind, ErrorType};
#[cfg(feature = "embedded-io-async")]
use embedded_io_async::{Read as AsyncRead, Write as AsyncWrite};

use super::chunk_decoder::ChunkDecoder;
use crate::buffer::Buffer;
use crate::decode::{CutLine, EventDecoder, Found};
use crate::encode::Outgoing;
use crate::error::{InvalidLastEventId, ReadError, WriteError};
use crate::event::{Event, Item, RawEvent};

/// Reads events from a blocking or an asynchronous reader, through a chunk that the caller
/// provides.
///
/// Events borrow from the chunk and from the decoder's buffer: one that lies whole in a chunk, with
/// one data line, is not copied. The events are the same for chunks of any size, of at least one
/// byte.
///
#[cfg_attr(feature = "embedded-io", doc = "```")]
#[cfg_attr(not(feature = "embedded-io"), doc = "```ignore")]
/// use sse_wire::{EventDecoder, embedded::EventReader};
///
/// let uart: &[u8] = b"event: add\ndata: 1\n\ndata: 2\n\n";
/// let (mut memory, mut chunk) = ([0; 512], [0; 64]);
/// let mut reader = EventReader::new(uart, EventDecoder::with_buffer(&mut memory[..]), &mut chunk);
/// let event = reader.next_event().unwrap().expect("the first event");
/// assert_eq!((event.event_type(), event.data()), ("add", "1"));
/// let event = reader.next_event().unwrap().expect("the second event");
/// assert_eq!(event.data(), "2");
/// assert_eq!(reader.next_event(), Ok(None));
/// ```
///
/// # Errors
///
/// [`ReadError::Decode`] when an event exceeds a limit: the next call continues after it.
/// [`ReadError::Transport`] is the reader's own error: nothing that was read is lost, and the next
/// call reads on. `Interrupted` is retried.
///
/// # The end
///
/// An event that the end of the stream cuts off is discarded, as the standard says, unless
/// [`recover_at_end`](Self::recover_at_end) asks for it. With that, an error of the reader ends the
/// stream, too, unless it is `TimedOut` or `Interrupted`: the recovered event comes first, and the
/// error with the next call. After the end there are no more events, even if the reader would have
/// more to read.
///
/// # Transfer coding
///
/// The reader must return the body of the response alone, with the transfer coding undone:
/// otherwise the sizes of chunks (`transfer-encoding: chunked`) become lines of the stream, and
/// split events. The body reader of an HTTP client undoes it, such as that of `reqwless`; a bare
/// socket does not.
pub struct EventReader<'m, R: ErrorType, B: Buffer> {
    reader: R,
    reading: ChunkDecoder<&'m mut [u8], B, R::Error>,
}

impl<'m, R: ErrorType, B: Buffer> EventReader<'m, R, B> {
    /// Reads from `reader` into `chunk`, and decodes with `decoder`.
    ///
    /// The chunk needs at least one byte: nothing can be read into an empty one, which looks like
    /// the end of the stream.
    pub const fn new(reader: R, decoder: EventDecoder<B>, chunk: &'m mut [u8]) -> Self {
        Self {
            reader,
            reading: ChunkDecoder::new(decoder, chunk),
        }
    }

    /// Resumes after the event with this ID, which an earlier run has stored.
    ///
    /// # Errors
    ///
    /// The errors of [`EventDecoder::set_last_event_id`].
    pub fn with_last_event_id(mut self, id: &str) -> Result<Self, InvalidLastEventId> {
        self.reading.decoder.set_last_event_id(id)?;
        Ok(self)
    }

    /// Recovers an event that the end of the stream, or an error of the transport, cuts off, such
    /// as a `data: [DONE]` without a blank line.
    #[must_use]
    pub const fn recover_at_end(mut self, cut_line: CutLine) -> Self {
        self.reading.end.set_recover(cut_line);
        self
    }

    /// Returns the decoder, with the last event ID and the reconnection time.
    pub const fn decoder(&self) -> &EventDecoder<B> {
        &self.reading.decoder
    }

    /// Returns whether the stream has ended within an event, which may have been recovered.
    pub const fn ended_within_event(&self) -> bool {
        self.reading.end.ended_within_event()
    }

    /// Returns the reader.
    pub const fn get_ref(&self) -> &R {
        &self.reader
    }

    /// Returns a mutable reference to the reader. Bytes that are read from it are missing from the
    /// stream.
    pub const fn get_mut(&mut self) -> &mut R {
        &mut self.reader
    }

    /// Returns the decoder for the next connection, [restarted](EventDecoder::restart): it retains
    /// the last event ID and the reconnection time, and nothing of an unfinished event.
    pub fn into_decoder(self) -> EventDecoder<B> {
        self.reading.into_decoder()
    }

    /// Returns the reader, and the decoder for the next connection; see
    /// [`into_decoder`](Self::into_decoder).
    ///
    /// What was read and not decoded yet is lost.
    pub fn into_parts(self) -> (R, EventDecoder<B>) {
        (self.reader, self.reading.into_decoder())
    }

    /// Returns the reader; what was read and not decoded yet is lost.
    pub fn into_inner(self) -> R {
        self.reader
    }

    /// Records that `length` bytes were read into the chunk; none at the end of the stream.
    fn fill(&mut self, length: usize) {
        // A reader may report any length.
        let length = length.min(self.reading.chunk.len());
        self.reading.fill(length);
        if length == 0 {
            self.reading.end.end();
        }
    }

    /// Handles an error of the reader.
    fn fail(&mut self, error: R::Error) -> Result<(), ReadError<R::Error>> {
        match error.kind() {
            ErrorKind::Interrupted => Ok(()),
            ErrorKind::TimedOut => Err(ReadError::Transport(error)),
            _ => self.reading.end.fail(error),
        }
    }
}

#[cfg(feature = "embedded-io")]
#[cfg_attr(docsrs, doc(cfg(feature = "embedded-io")))]
impl<R: Read, B: Buffer> EventReader<'_, R, B> {
    /// Reads the next event, which borrows from the chunk. `None` is the end of the stream.
    ///
    /// # Errors
    ///
    /// See [`EventReader`].
    pub fn next_event(&mut self) -> Result<Option<Event<'_>>, ReadError<R::Error>> {
        let found = self.read(false)?;
        self.reading.event(found)
    }

    /// Reads the next event as bytes, which are not validated and borrow from the chunk. `None` is
    /// the end of the stream.
    ///
    /// # Errors
    ///
    /// See [`EventReader`].
    pub fn next_raw_event(&mut self) -> Result<Option<RawEvent<'_>>, ReadError<R::Error>> {
        let found = self.read(false)?;
        self.reading.raw_event(found)
    }

    /// Reads the next [item](Item), which borrows from the chunk. `None` is the end of the stream.
    ///
    /// # Errors
    ///
    /// See [`EventReader`].
    pub fn next_item(&mut self) -> Result<Option<Item<'_>>, ReadError<R::Error>> {
        let found = self.read(true)?;
        self.reading.item(found)
    }

    fn read(&mut self, items: bool) -> Result<Option<Found>, ReadError<R::Error>> {
        while !self.reading.end.has_ended() {
            if let Some(found) = self.reading.find(items)? {
                return Ok(Some(found));
            }
            match self.reader.read(self.reading.chunk) {
                Ok(length) => self.fill(length),
                Err(error) => self.fail(error)?,
            }
        }
        Ok(None)
    }
}

#[cfg(feature = "embedded-io-async")]
#[cfg_attr(docsrs, doc(cfg(feature = "embedded-io-async")))]
impl<R: AsyncRead, B: Buffer> EventReader<'_, R, B> {
    /// Reads the next event, which borrows from the chunk. `None` is the end of the stream.
    ///
    /// ```
    /// use sse_wire::{EventDecoder, embedded::EventReader};
    ///
    /// # futures_util::FutureExt::now_or_never(async {
    /// let modem: &[u8] = b"data: 1\n\n";
    /// let mut chunk = [0; 64];
    /// let mut reader = EventReader::new(modem, EventDecoder::with_buffer([0; 512]), &mut chunk);
    /// let event = reader.next_event_async().await.unwrap().expect("an event");
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
    /// Dropping the future loses nothing if the reader's `read` is cancellation safe.
    pub async fn next_event_async(&mut self) -> Result<Option<Event<'_>>, ReadError<R::Error>> {
        let found = self.read_async(false).await?;
        self.reading.event(found)
    }

    /// Reads the next event as bytes, which are not validated and borrow from the chunk. `None` is
    /// the end of the stream.
    ///
    /// # Errors
    ///
    /// See [`EventReader`].
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses nothing if the reader's `read` is cancellation safe.
    pub async fn next_raw_event_async(
        &mut self,
    ) -> Result<Option<RawEvent<'_>>, ReadError<R::Error>> {
        let found = self.read_async(false).await?;
        self.reading.raw_event(found)
    }

    /// Reads the next [item](Item), which borrows from the chunk. `None` is the end of the stream.
    ///
    /// # Errors
    ///
    /// See [`EventReader`].
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses nothing if the reader's `read` is cancellation safe.
    pub async fn next_item_async(&mut self) -> Result<Option<Item<'_>>, ReadError<R::Error>> {
        let found = self.read_async(true).await?;
        self.reading.item(found)
    }

    async fn read_async(&mut self, items: bool) -> Result<Option<Found>, ReadError<R::Error>> {
        while !self.reading.end.has_ended() {
            if let Some(found) = self.reading.find(items)? {
                return Ok(Some(found));
            }
            match self.reader.read(self.reading.chunk).await {
                Ok(length) => self.fill(length),
                Err(error) => self.fail(error)?,
            }
        }
        Ok(None)
    }
}

impl<R: ErrorType, B: Buffer> fmt::Debug for EventReader<'_, R, B> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reading.write_debug("EventReader", formatter)
    }
}

/// Writes events to a blocking or an asynchronous writer, through a caller-provided buffer, and
/// flushes after each.
///
#[cfg_attr(feature = "embedded-io", doc = "```")]
#[cfg_attr(not(feature = "embedded-io"), doc = "```ignore")]
/// use sse_wire::{Outgoing, embedded::EventWriter};
///
/// let (mut sent, mut buffer) = ([0; 64], [0; 32]);
/// let mut writer = EventWriter::new(&mut sent[..], &mut buffer);
/// writer.write(Outgoing::message("hello")).unwrap();
/// assert!(sent.starts_with(b"data: hello\n\n"));
/// ```
///
/// # Errors
///
/// [`WriteError::BufferFull`] when the block does not fit in the buffer: nothing of it was written,
/// and the stream can be used further. [`WriteError::Transport`] is the writer's own error: a part
/// of the block may have been written, and the stream can no longer be used.
pub struct EventWriter<'m, W> {
    writer: W,
    buffer: &'m mut [u8],
}

impl<'m, W> EventWriter<'m, W> {
    /// Writes to `writer`, encoding in `buffer`, which must have room for the largest block.
    pub const fn new(writer: W, buffer: &'m mut [u8]) -> Self {
        Self { writer, buffer }
    }

    /// Returns the writer.
    pub const fn get_ref(&self) -> &W {
        &self.writer
    }

    /// Returns a mutable reference to the writer. Bytes that are written to it between two blocks
    /// become part of the stream.
    pub const fn get_mut(&mut self) -> &mut W {
        &mut self.writer
    }

    /// Returns the writer.
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
        let length = block.into().encode_to_slice(self.buffer)?;
        let block = self.buffer.get(..length).unwrap_or_default();
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
    /// When the future is dropped, a part of the block may have been written: the stream can no
    /// longer be used.
    pub async fn write_async<'o>(
        &mut self,
        block: impl Into<Outgoing<'o>>,
    ) -> Result<(), WriteError<W::Error>> {
        let length = block.into().encode_to_slice(self.buffer)?;
        let block = self.buffer.get(..length).unwrap_or_default();
        let written = self.writer.write_all(block).await;
        written.map_err(WriteError::Transport)?;
        self.writer.flush().await.map_err(WriteError::Transport)
    }
}

impl<W> fmt::Debug for EventWriter<'_, W> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("EventWriter")
            .field("buffer", &self.buffer.len())
            .finish_non_exhaustive()
    }
}
