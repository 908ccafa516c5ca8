//! Events from an `AsyncRead`.

use alloc::vec::Vec;
use core::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};
use std::io;

use ::tokio::io::{AsyncRead, ReadBuf};

use crate::adapt::budget::Budget;
use crate::adapt::chunk_decoder::ChunkDecoder;
use crate::adapt::io::is_temporary;
use crate::adapt::next::{NextEvent, NextItem, NextRawEvent, PollFind, Progress};
use crate::decode::{CutLine, EventDecoder, Found};
use crate::error::{InvalidLastEventId, ReadError};
use crate::event::{Event, Item, RawEvent};

/// How much is read at once.
const CHUNK: usize = 16 * 1024;

/// Reads events from an [`AsyncRead`], through a chunk of 16 KiB from which they borrow.
///
/// ```
/// use sse_wire::tokio::EventReader;
///
/// # futures_util::FutureExt::now_or_never(async {
/// let connection: &[u8] = b"event: add\ndata: 1\n\ndata: 2\n\n";
/// let mut reader = EventReader::new(connection);
/// while let Some(event) = reader.next_event().await? {
///     println!("{}: {}", event.event_type(), event.data());
/// }
/// # std::io::Result::Ok(())
/// # }).unwrap()?;
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// For owned events, call [`into_owned`](Event::into_owned), or use
/// [`EventCodec`](super::EventCodec).
///
/// # Errors
///
/// [`ReadError::Decode`] when an event exceeds a limit: the next call continues after it.
/// [`ReadError::Transport`] is the reader's own error: nothing that was read is lost, and the next
/// call continues. In a function that returns [`io::Result`], `?` turns an event that exceeds a
/// limit into [`InvalidData`](io::ErrorKind::InvalidData).
///
/// # The end
///
/// An event that the end of the stream cuts off is discarded, as the standard says, unless
/// [`recover_at_end`](Self::recover_at_end) asks for it. With that, an error of the reader ends the
/// stream, too, unless it is `WouldBlock`, `TimedOut` or `Interrupted`: the recovered event comes
/// first, and the error with the next call. After the end there are no more events, even if the
/// reader would have more to read.
///
/// # Cancellation
///
/// Dropping a future that waits for the next event loses nothing: all state is in the reader, so it
/// can be used in `select!` and under a timeout.
///
/// # Fairness
///
/// The reader yields to the executor after 32 reads or 256 KiB without an event, such as comments
/// and blank lines.
pub struct EventReader<R> {
    reader: R,
    reading: ChunkDecoder<Vec<u8>, Vec<u8>, io::Error>,
}

impl<R: AsyncRead + Unpin> EventReader<R> {
    /// Reads from `reader`, which needs no buffer of its own.
    pub fn new(reader: R) -> Self {
        Self {
            reader,
            reading: ChunkDecoder::new(EventDecoder::new(), Vec::new()),
        }
    }

    /// Replaces the decoder, to set other [`Limits`](crate::Limits) or a last event ID.
    #[must_use]
    pub fn with_decoder(mut self, decoder: EventDecoder) -> Self {
        self.reading.decoder = decoder;
        self
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
    pub fn recover_at_end(mut self, cut_line: CutLine) -> Self {
        self.reading.end.set_recover(cut_line);
        self
    }

    /// Waits for the next event, which borrows from the chunk. `None` is the end of the stream.
    ///
    /// # Errors
    ///
    /// See [`EventReader`].
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses nothing.
    #[inline]
    pub fn next_event(
        &mut self,
    ) -> impl Future<Output = Result<Option<Event<'_>>, ReadError<io::Error>>> {
        NextEvent::new(self)
    }

    /// Waits for the next event as bytes, which are not validated and borrow from the chunk. `None`
    /// is the end of the stream.
    ///
    /// # Errors
    ///
    /// See [`EventReader`].
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses nothing.
    #[inline]
    pub fn next_raw_event(
        &mut self,
    ) -> impl Future<Output = Result<Option<RawEvent<'_>>, ReadError<io::Error>>> {
        NextRawEvent::new(self)
    }

    /// Waits for the next [item](Item), which borrows from the chunk. `None` is the end of the
    /// stream.
    ///
    /// # Errors
    ///
    /// See [`EventReader`].
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses nothing.
    #[inline]
    pub fn next_item(
        &mut self,
    ) -> impl Future<Output = Result<Option<Item<'_>>, ReadError<io::Error>>> {
        NextItem::new(self)
    }

    /// Polls for the next event, which borrows from the chunk; see
    /// [`next_event`](Self::next_event).
    ///
    /// # Errors
    ///
    /// See [`EventReader`].
    pub fn poll_next_event<'a>(
        mut self: Pin<&'a mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Result<Option<Event<'a>>, ReadError<io::Error>>> {
        let found = ready!(self.poll_found(context, false))?;
        Poll::Ready(self.get_mut().reading.event(found))
    }

    /// Polls for the next event as bytes, which borrow from the chunk; see
    /// [`next_raw_event`](Self::next_raw_event).
    ///
    /// # Errors
    ///
    /// See [`EventReader`].
    pub fn poll_next_raw_event<'a>(
        mut self: Pin<&'a mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Result<Option<RawEvent<'a>>, ReadError<io::Error>>> {
        let found = ready!(self.poll_found(context, false))?;
        Poll::Ready(self.get_mut().reading.raw_event(found))
    }

    /// Polls for the next [item](Item), which borrows from the chunk; see
    /// [`next_item`](Self::next_item).
    ///
    /// # Errors
    ///
    /// See [`EventReader`].
    pub fn poll_next_item<'a>(
        mut self: Pin<&'a mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Result<Option<Item<'a>>, ReadError<io::Error>>> {
        let found = ready!(self.poll_found(context, true))?;
        Poll::Ready(self.get_mut().reading.item(found))
    }

    fn poll_found(
        &mut self,
        context: &mut Context<'_>,
        items: bool,
    ) -> Poll<Result<Option<Found>, ReadError<io::Error>>> {
        let mut budget = Budget::new();
        loop {
            match ready!(self.poll_find(context, &mut budget, items))? {
                Progress::Chunk => {}
                Progress::Found(found) => return Poll::Ready(Ok(Some(found))),
                Progress::End => return Poll::Ready(Ok(None)),
            }
        }
    }
}

impl<R: AsyncRead + Unpin> PollFind for EventReader<R> {
    type Chunk = Vec<u8>;
    type Error = io::Error;

    #[inline(always)]
    fn reading(&mut self) -> &mut ChunkDecoder<Vec<u8>, Vec<u8>, io::Error> {
        &mut self.reading
    }

    #[inline(never)]
    fn poll_find(
        &mut self,
        context: &mut Context<'_>,
        budget: &mut Budget,
        items: bool,
    ) -> Poll<Result<Progress<Found>, ReadError<io::Error>>> {
        loop {
            if !self.reading.is_consumed() {
                match self.reading.find(items) {
                    Ok(Some(found)) => return Poll::Ready(Ok(Progress::Found(found))),
                    Ok(None) => {}
                    Err(error) => return Poll::Ready(Err(ReadError::Decode(error))),
                }
            }
            if self.reading.end.has_ended() {
                return Poll::Ready(Ok(Progress::End));
            }
            ready!(budget.poll(context));
            let chunk = &mut self.reading.chunk;
            if chunk.is_empty() {
                chunk.resize(CHUNK, 0);
            }
            let mut buffer = ReadBuf::new(chunk);
            let polled = Pin::new(&mut self.reader).poll_read(context, &mut buffer);
            // A reader may put another buffer in its place.
            let length = buffer.filled().len().min(CHUNK);
            match ready!(polled) {
                Ok(()) if length == 0 => self.reading.end.end(),
                Ok(()) => {
                    self.reading.fill(length);
                    budget.spend(length);
                }
                Err(error) if is_temporary(&error) => {
                    return Poll::Ready(Err(ReadError::Transport(error)));
                }
                Err(error) => {
                    if let Err(error) = self.reading.end.fail(error) {
                        return Poll::Ready(Err(error));
                    }
                }
            }
            if self.reading.is_between_blocks() {
                return Poll::Ready(Ok(Progress::Chunk));
            }
        }
    }
}

impl<R> EventReader<R> {
    /// Returns the decoder, with the last event ID and the reconnection time.
    pub const fn decoder(&self) -> &EventDecoder {
        &self.reading.decoder
    }

    /// Returns the decoder for the next connection, [restarted](EventDecoder::restart): it retains
    /// the last event ID and the reconnection time, and nothing of an unfinished event.
    pub fn into_decoder(self) -> EventDecoder {
        self.reading.into_decoder()
    }

    /// Returns the reader, and the decoder for the next connection; see
    /// [`into_decoder`](Self::into_decoder).
    ///
    /// What was read and not decoded yet is lost.
    pub fn into_parts(self) -> (R, EventDecoder) {
        (self.reader, self.reading.into_decoder())
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

    /// Returns the reader; what was read and not decoded yet is lost.
    pub fn into_inner(self) -> R {
        self.reader
    }
}

impl<R> fmt::Debug for EventReader<R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reading.write_debug("EventReader", formatter)
    }
}
