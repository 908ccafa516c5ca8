//! Events from [`std::io::Read`] and [`BufRead`], and to [`std::io::Write`].
//!
//! The reader must return the body of a response, with its [transfer
//! coding](EventReader#transfer-coding) undone.

use alloc::vec::Vec;
use core::{fmt, iter::FusedIterator, mem};
use std::io::{self, BufRead, BufReader, Read, Write};

use super::end::End;
use crate::decode::{CutLine, EventDecoder, Found, Incomplete};
use crate::encode::{DataWriter, Outgoing};
use crate::error::{InvalidLastEventId, ReadError};
use crate::event::{Event, Item, OwnedEvent, RawEvent};
#[cfg(feature = "bytes")]
use crate::frame::Frame;

/// How much is read at once from a reader without a buffer.
const CHUNK: usize = 16 * 1024;
/// How much memory the writer retains after a large block.
const RETAINED: usize = 16 * 1024;

/// Reads events from a [`Read`] or [`BufRead`], borrowed or, as an iterator, owned.
///
/// ```
/// use sse_wire::io::EventReader;
///
/// let stream: &[u8] = b"event: add\ndata: 1\n\ndata: [DONE]\n\n";
/// let mut reader = EventReader::new(stream);
/// while let Some(event) = reader.next_event()? {
///     println!("{}: {}", event.event_type(), event.data()); // borrowed from the reader's buffer
/// }
/// # std::io::Result::Ok(())
/// ```
///
/// As an iterator:
///
/// ```
/// use sse_wire::io::EventReader;
///
/// let stream: &[u8] = b"data: 1\n\ndata: 2\n\n";
/// let events = EventReader::new(stream).collect::<Result<Vec<_>, _>>()?;
/// assert_eq!(events[1].data(), "2");
/// # std::io::Result::Ok(())
/// ```
///
/// # Errors
///
/// [`ReadError::Decode`] when an event exceeds a limit: the next call continues after it.
/// [`ReadError::Transport`] is the reader's own error: nothing that was read is lost, and after
/// [`WouldBlock`](io::ErrorKind::WouldBlock) or [`TimedOut`](io::ErrorKind::TimedOut) the next call
/// continues. [`Interrupted`](io::ErrorKind::Interrupted) is retried. In a function that returns
/// [`io::Result`], `?` turns an event that exceeds a limit into
/// [`InvalidData`](io::ErrorKind::InvalidData).
///
/// # Time
///
/// A call blocks until an event arrives. While a stream sends comments only, no call but
/// [`next_item`](Self::next_item) returns: use that one to enforce a time between two events.
///
/// # The end
///
/// An event that the end of the stream cuts off is discarded, as the standard says, unless
/// [`recover_at_end`](Self::recover_at_end) asks for it. With that, an error of the reader ends the
/// stream, too, unless it is `WouldBlock`, `TimedOut` or `Interrupted`: the recovered event comes
/// first, and the error with the next call. After the end there are no more events, even if the
/// reader would have more to read.
///
/// # Transfer coding
///
/// The reader must return the body of the response alone, with the transfer coding undone:
/// otherwise the sizes of chunks (`transfer-encoding: chunked`) become lines of the stream, and
/// split events. The body reader of an HTTP client undoes it, such as that of
/// `ureq::Body::into_reader` or `reqwest::blocking::Response`; a bare `TcpStream` does not.
pub struct EventReader<R> {
    reader: R,
    decoder: EventDecoder,
    /// How many bytes of the reader's buffer belong to the event that was returned last.
    used: usize,
    /// What was found in the buffer, if the reader then failed to return the buffer again.
    found: Option<Found>,
    end: End<io::Error>,
}

impl<R: Read> EventReader<BufReader<R>> {
    /// Reads from `reader` through a buffer of 16 KiB.
    ///
    /// For a reader that has a buffer, use [`from_buffered`](Self::from_buffered).
    pub fn new(reader: R) -> Self {
        Self::from_buffered(BufReader::with_capacity(CHUNK, reader))
    }
}

impl<R: BufRead> EventReader<R> {
    /// Reads from `reader`. Events borrow from its buffer.
    pub fn from_buffered(reader: R) -> Self {
        Self {
            reader,
            decoder: EventDecoder::new(),
            used: 0,
            found: None,
            end: End::new(),
        }
    }

    /// Replaces the decoder, to set other [`Limits`](crate::Limits) or a last event ID.
    ///
    /// ```
    /// use sse_wire::{EventDecoder, Limits, io::EventReader};
    ///
    /// let stream: &[u8] = b"data: much too large\n\ndata: small\n\n";
    /// let decoder = EventDecoder::with_limits(Limits::new().with_event(8));
    /// let mut reader = EventReader::new(stream).with_decoder(decoder);
    /// assert!(reader.next_event().is_err());
    /// assert_eq!(reader.next_event()?.unwrap().data(), "small");
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn with_decoder(mut self, decoder: EventDecoder) -> Self {
        self.decoder = decoder;
        self
    }

    /// Resumes after the event with this ID, which an earlier run has stored.
    ///
    /// ```
    /// use sse_wire::io::EventReader;
    ///
    /// let stream: &[u8] = b"data: 1\n\n";
    /// let mut reader = EventReader::new(stream).with_last_event_id("41")?;
    /// assert_eq!(reader.next_event()?.unwrap().last_event_id(), "41");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The errors of [`EventDecoder::set_last_event_id`].
    pub fn with_last_event_id(mut self, id: &str) -> Result<Self, InvalidLastEventId> {
        self.decoder.set_last_event_id(id)?;
        Ok(self)
    }

    /// Recovers an event that the end of the stream, or an error of the transport, cuts off, such
    /// as a `data: [DONE]` without a blank line.
    #[must_use]
    pub const fn recover_at_end(mut self, cut_line: CutLine) -> Self {
        self.end.set_recover(cut_line);
        self
    }

    /// Reads the next event, which borrows from the reader's buffer. `None` is the end of the
    /// stream.
    ///
    /// # Errors
    ///
    /// See [`EventReader`].
    pub fn next_event(&mut self) -> Result<Option<Event<'_>>, ReadError<io::Error>> {
        let Some(found @ Found::Event) = self.find(false)? else {
            return self.end.recovered(&mut self.decoder, Incomplete::recover);
        };
        let whole = filled(&mut self.reader, self.used, &mut self.found, found)?;
        Ok(Some(self.decoder.resolve_text(whole)?))
    }

    /// Reads the next event as bytes, which are not validated and borrow from the reader's buffer.
    /// `None` is the end of the stream.
    ///
    /// # Errors
    ///
    /// See [`EventReader`].
    pub fn next_raw_event(&mut self) -> Result<Option<RawEvent<'_>>, ReadError<io::Error>> {
        let Some(found @ Found::Event) = self.find(false)? else {
            return self
                .end
                .recovered(&mut self.decoder, Incomplete::recover_raw);
        };
        let whole = filled(&mut self.reader, self.used, &mut self.found, found)?;
        Ok(Some(self.decoder.resolve_raw(whole)))
    }

    /// Reads the next [item](Item), which borrows from the reader's buffer. `None` is the end of
    /// the stream.
    ///
    /// # Errors
    ///
    /// See [`EventReader`].
    pub fn next_item(&mut self) -> Result<Option<Item<'_>>, ReadError<io::Error>> {
        let Some(found) = self.find(true)? else {
            let event = self.end.recovered(&mut self.decoder, Incomplete::recover)?;
            return Ok(event.map(Item::Event));
        };
        let whole = filled(&mut self.reader, self.used, &mut self.found, found)?;
        Ok(Some(self.decoder.resolve_item(whole, found)?))
    }

    fn next_owned_event(&mut self) -> Result<Option<OwnedEvent>, ReadError<io::Error>> {
        let Some(found @ Found::Event) = self.find(false)? else {
            let event = self.end.recovered(&mut self.decoder, Incomplete::recover)?;
            return Ok(event.map(Event::into_owned));
        };
        let whole = filled(&mut self.reader, self.used, &mut self.found, found)?;
        Ok(Some(self.decoder.resolve_owned(whole)?))
    }

    /// Reads until something is found, in the reader's buffer. `None` is the end
    /// of the stream.
    fn find(&mut self, items: bool) -> Result<Option<Found>, ReadError<io::Error>> {
        match self.found.take() {
            Some(found) if items || matches!(found, Found::Event) => return Ok(Some(found)),
            _ => self.reader.consume(mem::take(&mut self.used)),
        }
        while !self.end.has_ended() {
            let input = match self.reader.fill_buf() {
                Ok([]) => {
                    self.end.end();
                    break;
                }
                Ok(input) => input,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if is_temporary(&error) => return Err(ReadError::Transport(error)),
                Err(error) => {
                    self.end.fail(error)?;
                    break;
                }
            };
            let mut rest = input;
            let found = self.decoder.step(&mut rest, items);
            let used = input.len() - rest.len();
            if let Ok(Some(_)) = found {
                self.used = used;
                return Ok(found?);
            }
            self.reader.consume(used);
            found?;
        }
        Ok(None)
    }
}

/// Returns the buffer in which something was found.
///
/// It is not empty, so that nothing is read. If the reader fails all the same, the next call
/// returns what was found.
fn filled<'r, R: BufRead>(
    reader: &'r mut R,
    used: usize,
    postponed: &mut Option<Found>,
    found: Found,
) -> Result<&'r [u8], ReadError<io::Error>> {
    match reader.fill_buf() {
        Ok(whole) if whole.len() >= used => Ok(whole),
        Ok(_) => Err(ReadError::Transport(io::Error::other(
            "the reader's buffer has lost bytes that were not consumed",
        ))),
        Err(error) => {
            *postponed = Some(found);
            Err(ReadError::Transport(error))
        }
    }
}

impl<R> EventReader<R> {
    /// Returns the decoder for the next connection, [restarted](EventDecoder::restart): it retains
    /// the last event ID and the reconnection time, and nothing of an unfinished event.
    pub fn into_decoder(self) -> EventDecoder {
        let mut decoder = self.decoder;
        decoder.restart();
        decoder
    }

    /// Returns the reader, and the decoder for the next connection; see
    /// [`into_decoder`](Self::into_decoder).
    ///
    /// An unfinished event is lost.
    pub fn into_parts(mut self) -> (R, EventDecoder)
    where
        R: BufRead,
    {
        self.reader.consume(self.used);
        self.decoder.restart();
        (self.reader, self.decoder)
    }

    /// Returns the decoder, with the last event ID and the reconnection time.
    pub const fn decoder(&self) -> &EventDecoder {
        &self.decoder
    }

    /// Returns whether the stream has ended within an event, which may have been recovered.
    pub const fn ended_within_event(&self) -> bool {
        self.end.ended_within_event()
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

    /// Returns the reader; an unfinished event is lost.
    pub fn into_inner(self) -> R
    where
        R: BufRead,
    {
        self.into_parts().0
    }
}

/// Yields owned events.
///
/// It continues after an error, as [`next_event`](EventReader::next_event) does: a loop that skips
/// all errors does not end if the reader keeps failing.
impl<R: BufRead> Iterator for EventReader<R> {
    type Item = Result<OwnedEvent, ReadError<io::Error>>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_owned_event().transpose()
    }
}

impl<R: BufRead> FusedIterator for EventReader<R> {}

impl<R> fmt::Debug for EventReader<R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.end
            .write_debug("EventReader", &self.decoder, formatter)
    }
}

/// Writes events to a [`Write`], and flushes after each.
///
/// ```
/// use sse_wire::{Outgoing, io::EventWriter};
///
/// let mut writer = EventWriter::new(Vec::new());
/// writer.write(Outgoing::message("hello"))?;
/// assert_eq!(writer.into_inner(), b"data: hello\n\n");
/// # std::io::Result::Ok(())
/// ```
///
/// # Non-blocking writers
///
/// A block that was accepted is sent whole. What the writer does not take yet, because of
/// [`WouldBlock`](io::ErrorKind::WouldBlock) or [`TimedOut`](io::ErrorKind::TimedOut), is buffered,
/// and the next call writes it first. At most one block is buffered: [`write`](Self::write) accepts
/// no other one until it has been written.
#[derive(Clone)]
pub struct EventWriter<W> {
    writer: W,
    block: Vec<u8>,
    /// How many bytes of the block have been written.
    written: usize,
    flushes: bool,
}

impl<W: Write> EventWriter<W> {
    /// Writes to `writer`.
    pub const fn new(writer: W) -> Self {
        Self {
            writer,
            block: Vec::new(),
            written: 0,
            flushes: true,
        }
    }

    /// Sets whether the writer is flushed after each block; on by default.
    ///
    /// Without it, a buffered writer delays events until its buffer is full or
    /// [`flush`](Self::flush) is called: for streams in which throughput matters more than latency.
    #[must_use]
    pub const fn with_flush(mut self, after_each_block: bool) -> Self {
        self.flushes = after_each_block;
        self
    }

    /// Writes a block.
    ///
    /// `Ok` means that it was accepted. What the writer does not take yet is written by the next
    /// [`write`](Self::write) or [`flush`](Self::flush).
    ///
    /// # Errors
    ///
    /// The errors of the writer. [`WouldBlock`](io::ErrorKind::WouldBlock) and
    /// [`TimedOut`](io::ErrorKind::TimedOut) mean that this block was not accepted, since an
    /// earlier one has not been written. After any other error a part of the block may have been
    /// written: the stream can no longer be used.
    pub fn write<'o>(&mut self, block: impl Into<Outgoing<'o>>) -> io::Result<()> {
        self.send()?;
        block.into().encode(&mut self.block);
        self.send_accepted()
    }

    /// Writes a block, whose data the closure `write` writes directly into the data lines; see
    /// [`Outgoing::encode_with`].
    ///
    /// ```
    /// use sse_wire::{Outgoing, io::EventWriter};
    ///
    /// let mut writer = EventWriter::new(Vec::new());
    /// writer.write_with(Outgoing::new(), |data| serde_json::to_writer(data, &[1, 2]))?;
    /// assert_eq!(writer.into_inner(), b"data: [1,2]\n\n");
    /// # std::io::Result::Ok(())
    /// ```
    ///
    /// # Errors
    ///
    /// The errors of the closure, after which nothing is written, and the errors of
    /// [`write`](Self::write).
    pub fn write_with<E: Into<io::Error>>(
        &mut self,
        block: Outgoing<'_>,
        write: impl FnOnce(&mut DataWriter<'_>) -> Result<(), E>,
    ) -> io::Result<()> {
        self.send()?;
        block
            .encode_with(&mut self.block, write)
            .map_err(Into::into)?;
        self.send_accepted()
    }

    /// Writes encoded blocks.
    ///
    /// # Errors
    ///
    /// As for [`write`](Self::write).
    #[cfg(feature = "bytes")]
    #[cfg_attr(docsrs, doc(cfg(feature = "bytes")))]
    pub fn write_frame(&mut self, frame: &Frame) -> io::Result<()> {
        self.send()?;
        self.block.extend_from_slice(frame.as_bytes());
        self.send_accepted()
    }

    /// Writes what is buffered, and flushes the writer.
    ///
    /// # Errors
    ///
    /// The errors of the writer; after [`WouldBlock`](io::ErrorKind::WouldBlock), call it again.
    /// [`Interrupted`](io::ErrorKind::Interrupted) is retried.
    pub fn flush(&mut self) -> io::Result<()> {
        self.send()?;
        self.flush_writer()
    }

    fn flush_writer(&mut self) -> io::Result<()> {
        loop {
            match self.writer.flush() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                flushed => return flushed,
            }
        }
    }

    /// Sends a block that was accepted.
    fn send_accepted(&mut self) -> io::Result<()> {
        let sent = match self.send() {
            Ok(()) if self.flushes => self.flush_writer(),
            sent => sent,
        };
        match sent {
            Err(error) if is_temporary(&error) => Ok(()),
            sent => sent,
        }
    }

    fn send(&mut self) -> io::Result<()> {
        while let Some(rest) = self
            .block
            .get(self.written..)
            .filter(|rest| !rest.is_empty())
        {
            match self.writer.write(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(length) => self.written += length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.block.clear();
        self.block.shrink_to(RETAINED);
        self.written = 0;
        Ok(())
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

    /// Returns the writer; what is buffered is lost.
    pub fn into_inner(self) -> W {
        self.writer
    }
}

/// Returns whether a transport reports that it can continue later: it is non-blocking, has a
/// timeout, or was interrupted.
pub(super) fn is_temporary(error: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
    matches!(error.kind(), WouldBlock | TimedOut | Interrupted)
}

impl<W> fmt::Debug for EventWriter<W> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("EventWriter")
            .field("unsent", &(self.block.len() - self.written))
            .field("flushes", &self.flushes)
            .finish_non_exhaustive()
    }
}
