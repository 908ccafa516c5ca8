//! The end of a stream: the event that is recovered there, and the error that follows it.

use core::fmt;

use crate::buffer::Buffer;
use crate::decode::{CutLine, EventDecoder, Incomplete};
use crate::error::{DecodeError, ReadError};

/// Whether and how a stream has ended, for an adapter whose transport fails with `E`.
pub(super) struct End<E> {
    recover: Option<CutLine>,
    /// There is nothing more to read.
    has_ended: bool,
    /// The end of the stream was passed on to the decoder.
    is_finished: bool,
    ended_within_event: bool,
    /// The error that ended the stream, until it is returned: the recovered event comes first.
    error: Option<E>,
}

impl<E> End<E> {
    pub(super) const fn new() -> Self {
        Self {
            recover: None,
            has_ended: false,
            is_finished: false,
            ended_within_event: false,
            error: None,
        }
    }

    pub(super) const fn set_recover(&mut self, cut_line: CutLine) {
        self.recover = Some(cut_line);
    }

    pub(super) const fn has_ended(&self) -> bool {
        self.has_ended
    }

    pub(super) const fn ended_within_event(&self) -> bool {
        self.ended_within_event
    }

    /// Whether an error is still to be returned.
    #[cfg(feature = "stream")]
    pub(super) const fn has_error(&self) -> bool {
        self.error.is_some()
    }

    /// Nothing more comes; the event within which the stream ended may be recovered.
    pub(super) const fn end(&mut self) {
        self.has_ended = true;
    }

    /// The transport failed. If events are recovered, the stream ends, and the error comes after
    /// the event, if there is one; otherwise nothing changes.
    ///
    /// # Errors
    ///
    /// The error, if events are not recovered.
    pub(super) fn fail(&mut self, error: E) -> Result<(), ReadError<E>> {
        if self.recover.is_none() {
            return Err(ReadError::Transport(error));
        }
        self.has_ended = true;
        self.error = Some(error);
        Ok(())
    }

    /// The transport failed for good: an event within which it did is dropped.
    #[cfg(feature = "stream")]
    pub(super) fn abort<B: Buffer>(&mut self, decoder: &mut EventDecoder<B>) {
        self.has_ended = true;
        _ = self.finish(decoder);
    }

    /// Returns what `recover` makes of an event within which the stream ended, then the error that
    /// ended the stream, then `None`.
    #[inline(never)]
    pub(super) fn recovered<'d, B: Buffer, T>(
        &mut self,
        decoder: &'d mut EventDecoder<B>,
        recover: fn(Incomplete<'d, B>, CutLine) -> Result<Option<T>, DecodeError>,
    ) -> Result<Option<T>, ReadError<E>> {
        if let Some((incomplete, cut_line)) = self.finish(decoder) {
            if let Some(event) = recover(incomplete, cut_line)? {
                return Ok(Some(event));
            }
        }
        match self.error.take() {
            Some(error) => Err(ReadError::Transport(error)),
            None => Ok(None),
        }
    }

    /// Passes the end on to the decoder, once, and returns the event that is to be recovered.
    fn finish<'d, B: Buffer>(
        &mut self,
        decoder: &'d mut EventDecoder<B>,
    ) -> Option<(Incomplete<'d, B>, CutLine)> {
        if self.is_finished {
            return None;
        }
        self.is_finished = true;
        let incomplete = decoder.finish();
        self.ended_within_event = incomplete.is_some();
        incomplete.zip(self.recover)
    }

    /// Writes what the `Debug` forms of all adapters show.
    pub(super) fn write_debug<B: Buffer>(
        &self,
        name: &str,
        decoder: &EventDecoder<B>,
        formatter: &mut fmt::Formatter<'_>,
    ) -> fmt::Result {
        formatter
            .debug_struct(name)
            .field("decoder", decoder)
            .field("recover", &self.recover)
            .field("has_ended", &self.has_ended)
            .field("ended_within_event", &self.ended_within_event)
            .finish_non_exhaustive()
    }
}
