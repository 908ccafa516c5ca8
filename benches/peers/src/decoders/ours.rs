//! The interfaces of this crate.

use core::fmt::Display;
use core::ops::ControlFlow;
use core::pin::Pin;

use bytes::BytesMut;
use sse_wire::EventDecoder;
use sse_wire::stream::{ChunkStream, EventStream, EventStreamExt};
use sse_wire::tokio::{EventCodec, EventReader};
use tokio_util::codec::Decoder;

use super::{Contender, Decode, contender};
use crate::feed::{Feed, Reader, Shared, Slices, drain};
use crate::polling::read_in_two_places;
use crate::watch::Watch;

pub(crate) const DECODE: &str = "sse-wire decode";
pub(crate) const RAW: &str = "sse-wire decode_raw";
const RAW_TEXT: &str = "sse-wire decode_raw, then text";
pub(crate) const OWNED: &str = "sse-wire decode_owned";
pub(crate) const STREAM: &str = "sse-wire EventStream, owned";
pub(crate) const SLICES: &str = "sse-wire EventStream, owned, of slices";
pub(crate) const BORROWING_STREAM: &str = "sse-wire EventStream::next_event";
pub(crate) const BORROWING_SLICES: &str = "sse-wire EventStream::next_event, of slices";
pub(crate) const READER: &str = "sse-wire tokio::EventReader::next_event";
pub(crate) const CODEC: &str = "sse-wire tokio::EventCodec";

pub(super) fn contenders() -> Vec<Contender> {
    vec![
        contender!(Ours, DECODE, "sse-wire", Borrowed),
        contender!(Ours, RAW, "sse-wire", Raw),
        contender!(Ours, RAW_TEXT, "sse-wire", RawText),
        contender!(Ours, OWNED, "sse-wire", Owned),
        contender!(Ours, STREAM, "sse-wire", StreamedBytes),
        contender!(Ours, SLICES, "sse-wire", StreamedSlices),
        contender!(Ours, BORROWING_STREAM, "sse-wire", BorrowingBytes),
        contender!(Ours, BORROWING_SLICES, "sse-wire", BorrowingSlices),
        contender!(Ours, READER, "sse-wire", TokioReader),
        contender!(Ours, CODEC, "sse-wire", Framed),
    ]
}

struct Borrowed<'f> {
    feed: &'f Feed,
    decoder: EventDecoder,
}

impl<'f> Decode<'f> for Borrowed<'f> {
    fn connect(feed: &'f Feed) -> Self {
        let decoder = EventDecoder::new();
        Self { feed, decoder }
    }

    fn read<W: Watch>(&mut self, watch: &mut W) -> ControlFlow<()> {
        for chunk in self.feed.take_all() {
            let mut input = &chunk[..];
            loop {
                match self.decoder.decode(&mut input) {
                    Ok(Some(event)) => {
                        watch.event(event.event_type().as_bytes(), event.data().as_bytes())?;
                    }
                    Ok(None) => break,
                    Err(error) => watch.error(&error)?,
                }
            }
        }
        ControlFlow::Continue(())
    }
}

struct Raw<'f> {
    feed: &'f Feed,
    decoder: EventDecoder,
}

impl<'f> Decode<'f> for Raw<'f> {
    fn connect(feed: &'f Feed) -> Self {
        let decoder = EventDecoder::new();
        Self { feed, decoder }
    }

    fn read<W: Watch>(&mut self, watch: &mut W) -> ControlFlow<()> {
        for chunk in self.feed.take_all() {
            let mut input = &chunk[..];
            loop {
                match self.decoder.decode_raw(&mut input) {
                    Ok(Some(event)) => watch.event(event.event_type(), event.data())?,
                    Ok(None) => break,
                    Err(error) => watch.error(&error)?,
                }
            }
        }
        ControlFlow::Continue(())
    }
}

/// What a caller can do instead of `decode`: the sum that `decode` is compared to.
struct RawText<'f> {
    feed: &'f Feed,
    decoder: EventDecoder,
}

impl<'f> Decode<'f> for RawText<'f> {
    fn connect(feed: &'f Feed) -> Self {
        let decoder = EventDecoder::new();
        Self { feed, decoder }
    }

    fn read<W: Watch>(&mut self, watch: &mut W) -> ControlFlow<()> {
        for chunk in self.feed.take_all() {
            let mut input = &chunk[..];
            loop {
                match self.decoder.decode_raw(&mut input) {
                    Ok(Some(event)) => match event.text() {
                        Ok(event) => {
                            watch.event(event.event_type().as_bytes(), event.data().as_bytes())?;
                        }
                        Err(error) => watch.error(&error)?,
                    },
                    Ok(None) => break,
                    Err(error) => watch.error(&error)?,
                }
            }
        }
        ControlFlow::Continue(())
    }
}

struct Owned<'f> {
    feed: &'f Feed,
    decoder: EventDecoder,
}

impl<'f> Decode<'f> for Owned<'f> {
    fn connect(feed: &'f Feed) -> Self {
        let decoder = EventDecoder::new();
        Self { feed, decoder }
    }

    fn read<W: Watch>(&mut self, watch: &mut W) -> ControlFlow<()> {
        for chunk in self.feed.take_all() {
            let mut input = &chunk[..];
            loop {
                match self.decoder.decode_owned(&mut input) {
                    Ok(Some(event)) => {
                        watch.event(event.event_type().as_bytes(), event.data().as_bytes())?;
                    }
                    Ok(None) => break,
                    Err(error) => watch.error(&error)?,
                }
            }
        }
        ControlFlow::Continue(())
    }
}

/// A stream of chunks that a feed becomes.
trait Chunks<'f>: ChunkStream<Error: Display> + Unpin + From<&'f Feed> {}

impl<'f> Chunks<'f> for Shared<'f> {}
impl<'f> Chunks<'f> for Slices<'f> {}

type StreamedBytes<'f> = Streamed<'f, Shared<'f>>;
type StreamedSlices<'f> = Streamed<'f, Slices<'f>>;
type BorrowingBytes<'f> = BorrowingStream<'f, Shared<'f>>;
type BorrowingSlices<'f> = BorrowingStream<'f, Slices<'f>>;

struct Streamed<'f, S: ChunkStream> {
    feed: &'f Feed,
    events: EventStream<S>,
}

impl<'f, S: Chunks<'f>> Decode<'f> for Streamed<'f, S> {
    fn connect(feed: &'f Feed) -> Self {
        let events = S::from(feed).events();
        Self { feed, events }
    }

    fn read<W: Watch>(&mut self, watch: &mut W) -> ControlFlow<()> {
        drain(self.feed, Pin::new(&mut self.events), |event| match event {
            Ok(event) => watch.event(event.event_type().as_bytes(), event.data().as_bytes()),
            Err(error) => watch.error(&error),
        })
    }
}

struct BorrowingStream<'f, S: ChunkStream> {
    feed: &'f Feed,
    events: EventStream<S>,
}

impl<'f, S: Chunks<'f>> Decode<'f> for BorrowingStream<'f, S> {
    fn connect(feed: &'f Feed) -> Self {
        let events = S::from(feed).events();
        Self { feed, events }
    }

    fn read<W: Watch>(&mut self, watch: &mut W) -> ControlFlow<()> {
        read_in_two_places!(self.events, until self.feed.is_used_up(), |next| match next {
            Ok(event) => watch.event(event.event_type().as_bytes(), event.data().as_bytes())?,
            Err(error) => watch.error(&error)?,
        });
        ControlFlow::Continue(())
    }
}

struct TokioReader<'f> {
    events: EventReader<Reader<'f>>,
}

impl<'f> Decode<'f> for TokioReader<'f> {
    fn connect(feed: &'f Feed) -> Self {
        let events = EventReader::new(Reader::new(feed));
        Self { events }
    }

    fn read<W: Watch>(&mut self, watch: &mut W) -> ControlFlow<()> {
        read_in_two_places!(self.events, until self.events.get_ref().is_used_up(), |next| match next {
            Ok(event) => watch.event(event.event_type().as_bytes(), event.data().as_bytes())?,
            Err(error) => watch.error(&error)?,
        });
        ControlFlow::Continue(())
    }
}

struct Framed<'f> {
    feed: &'f Feed,
    codec: EventCodec,
    buffer: BytesMut,
}

impl<'f> Decode<'f> for Framed<'f> {
    fn connect(feed: &'f Feed) -> Self {
        Self {
            feed,
            codec: EventCodec::new(),
            buffer: BytesMut::new(),
        }
    }

    fn read<W: Watch>(&mut self, watch: &mut W) -> ControlFlow<()> {
        for chunk in self.feed.take_all() {
            self.buffer.extend_from_slice(chunk);
            loop {
                match self.codec.decode(&mut self.buffer) {
                    Ok(Some(Ok(event))) => {
                        watch.event(event.event_type().as_bytes(), event.data().as_bytes())?;
                    }
                    Ok(None) => break,
                    Ok(Some(Err(error))) => watch.error(&error)?,
                    Err(error) => watch.error(&error)?,
                }
            }
        }
        ControlFlow::Continue(())
    }
}
