//! Events in a `Framed` of tokio-util: a `Decoder` and an `Encoder`.

use core::{fmt, marker::PhantomData};
use std::io;

use bytes::{Buf, BufMut, BytesMut};
use tokio_util::codec::{Decoder, Encoder};

use crate::decode::{CutLine, EventDecoder, Owned};
use crate::encode::Outgoing;
use crate::error::{DecodeError, InvalidLastEventId};
use crate::event::{OwnedEvent, OwnedItem};
use crate::frame::Frame;

/// Decodes and encodes events for [`FramedRead`](tokio_util::codec::FramedRead),
/// [`FramedWrite`](tokio_util::codec::FramedWrite) and [`Framed`](tokio_util::codec::Framed).
///
/// `T` is [`OwnedEvent`], or [`OwnedItem`] for everything else in the stream as well. Events are
/// copied out of the buffer that is read into; [`EventReader`](super::EventReader) borrows them.
///
/// ```
/// use futures_util::StreamExt;
/// use sse_wire::tokio::EventCodec;
/// use tokio_util::codec::FramedRead;
///
/// # futures_util::FutureExt::now_or_never(async {
/// let connection: &[u8] = b"data: 1\n\ndata: 2\n\n";
/// let mut events = FramedRead::new(connection, EventCodec::new());
/// assert_eq!(events.next().await.unwrap()??.data(), "1");
/// assert_eq!(events.next().await.unwrap()??.data(), "2");
/// assert!(events.next().await.is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// It encodes an [`Outgoing`] or a [`Frame`]:
///
/// ```
/// use futures_util::SinkExt;
/// use sse_wire::{Frame, Outgoing, tokio::EventCodec};
/// use tokio_util::codec::FramedWrite;
///
/// # futures_util::FutureExt::now_or_never(async {
/// let mut events = FramedWrite::new(Vec::new(), EventCodec::new());
/// events.send(Outgoing::message("hello")).await?;
/// events.send(Frame::from(Outgoing::new().comment("ping"))).await?;
/// assert_eq!(events.get_ref(), b"data: hello\n\n: ping\n\n");
/// # std::io::Result::Ok(())
/// # }).unwrap()?;
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// Since it encodes several types, `flush` and `close` need one, or fail with "type annotations
/// needed" (E0283): `SinkExt::<Frame>::flush(&mut events).await`.
///
/// # Errors
///
/// An item is a `Result<T, DecodeError>`, within the `Result` of the transport: `FramedRead` ends
/// at an error of its decoder, and an oversized event must not end the stream.
///
/// # The end
///
/// An event that the end of the stream cuts off is discarded, as the standard says, unless
/// [`recover_at_end`](Self::recover_at_end) asks for it. It is no error. A `FramedRead` does not
/// report an error of its reader to the codec, so no event is recovered then: the reader of this
/// module does that.
///
/// # Behind a head
///
/// To read the head of a response first, line by line for example, begin with a codec for lines,
/// and replace it by this one with
/// [`FramedRead::map_decoder`](tokio_util::codec::FramedRead::map_decoder): the bytes after the
/// head stay in the buffer. (Bytes that are put into the buffer of a new `FramedRead` wait there
/// for more.)
///
/// # Cancellation
///
/// The codec and the buffer are in the `FramedRead`, so that dropping a future that waits for the
/// next event loses nothing.
#[derive(Clone)]
pub struct EventCodec<T = OwnedEvent> {
    decoder: EventDecoder,
    recover: Option<CutLine>,
    ended_within_event: bool,
    makes: PhantomData<fn() -> T>,
}

impl EventCodec {
    /// Creates a codec for events.
    pub fn new() -> Self {
        Self::of()
    }
}

impl EventCodec<OwnedItem> {
    /// Creates a codec for [items](OwnedItem), in wire order.
    pub fn items() -> Self {
        Self::of()
    }
}

impl<T> EventCodec<T> {
    fn of() -> Self {
        Self {
            decoder: EventDecoder::new(),
            recover: None,
            ended_within_event: false,
            makes: PhantomData,
        }
    }

    /// Replaces the decoder, to set other [`Limits`](crate::Limits) or a last event ID.
    #[must_use]
    pub fn with_decoder(mut self, decoder: EventDecoder) -> Self {
        self.decoder = decoder;
        self
    }

    /// Resumes after the event with this ID, which an earlier run has stored.
    ///
    /// # Errors
    ///
    /// The errors of [`EventDecoder::set_last_event_id`].
    pub fn with_last_event_id(mut self, id: &str) -> Result<Self, InvalidLastEventId> {
        self.decoder.set_last_event_id(id)?;
        Ok(self)
    }

    /// Recovers an event that the end of the stream cuts off, such as a `data: [DONE]` without a
    /// blank line.
    #[must_use]
    pub const fn recover_at_end(mut self, cut_line: CutLine) -> Self {
        self.recover = Some(cut_line);
        self
    }

    /// Returns the decoder, with the last event ID and the reconnection time.
    pub const fn decoder(&self) -> &EventDecoder {
        &self.decoder
    }

    /// Returns the decoder for the next connection, [restarted](EventDecoder::restart): it retains
    /// the last event ID and the reconnection time, and nothing of an unfinished event.
    pub fn into_decoder(self) -> EventDecoder {
        let mut decoder = self.decoder;
        decoder.restart();
        decoder
    }

    /// Returns whether the stream has ended within an event, which may have been recovered.
    ///
    /// An error of the transport does not count: a `FramedRead` ends with it, and does not report it
    /// to its codec.
    pub const fn ended_within_event(&self) -> bool {
        self.ended_within_event
    }
}

impl<T> EventCodec<T> {
    fn next(&mut self, input: &mut BytesMut) -> Option<Result<T, DecodeError>>
    where
        T: Owned,
    {
        let mut rest = &input[..];
        let found = self.decoder.next_owned(&mut rest);
        let used = input.len() - rest.len();
        input.advance(used);
        if used > 0 {
            // The reader continues after an end: this is another stream.
            self.ended_within_event = false;
        }
        found.transpose()
    }

    fn finish(&mut self) -> Option<Result<T, DecodeError>>
    where
        T: Owned,
    {
        let incomplete = self.decoder.finish()?;
        self.ended_within_event = true;
        let recovered = incomplete.recover(self.recover?).transpose()?;
        Some(recovered.map(|event| T::from_event(event.into_owned())))
    }
}

macro_rules! impl_decoder {
    ($item:ty) => {
        impl Decoder for EventCodec<$item> {
            type Item = Result<$item, DecodeError>;
            type Error = io::Error;

            fn decode(&mut self, input: &mut BytesMut) -> io::Result<Option<Self::Item>> {
                Ok(self.next(input))
            }

            fn decode_eof(&mut self, input: &mut BytesMut) -> io::Result<Option<Self::Item>> {
                Ok(self.next(input).or_else(|| self.finish()))
            }
        }
    };
}

impl_decoder!(OwnedEvent);
impl_decoder!(OwnedItem);

impl<T> Encoder<Outgoing<'_>> for EventCodec<T> {
    type Error = io::Error;

    fn encode(&mut self, block: Outgoing<'_>, out: &mut BytesMut) -> io::Result<()> {
        self.encode(&block, out)
    }
}

impl<T> Encoder<&Outgoing<'_>> for EventCodec<T> {
    type Error = io::Error;

    fn encode(&mut self, block: &Outgoing<'_>, out: &mut BytesMut) -> io::Result<()> {
        out.reserve(block.encoded_len());
        block.encode_pieces(|piece| out.put_slice(piece));
        Ok(())
    }
}

impl<T> Encoder<Frame> for EventCodec<T> {
    type Error = io::Error;

    fn encode(&mut self, frame: Frame, out: &mut BytesMut) -> io::Result<()> {
        self.encode(&frame, out)
    }
}

impl<T> Encoder<&Frame> for EventCodec<T> {
    type Error = io::Error;

    fn encode(&mut self, frame: &Frame, out: &mut BytesMut) -> io::Result<()> {
        out.extend_from_slice(frame.as_bytes());
        Ok(())
    }
}

impl Default for EventCodec {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for EventCodec<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("EventCodec")
            .field("decoder", &self.decoder)
            .field("recover", &self.recover)
            .finish_non_exhaustive()
    }
}
