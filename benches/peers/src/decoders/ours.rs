//! The interfaces of this crate.

use core::ops::ControlFlow;
use core::pin::Pin;

use bytes::BytesMut;
use sse_wire::EventDecoder;
use sse_wire::stream::{EventStream, EventStreamExt};
use sse_wire::tokio::{EventCodec, EventReader};
use tokio_util::codec::Decoder;

use super::{Contender, Decode, contender};
use crate::feed::{Feed, Reader, Shared, drain};
use crate::polling::read_in_two_places;
use crate::watch::Watch;

pub(crate) const DECODE: &str = "sse-wire decode";
pub(crate) const RAW: &str = "sse-wire decode_raw";
const RAW_TEXT: &str = "sse-wire decode_raw, then text";
pub(crate) const OWNED: &str = "sse-wire decode_owned";
pub(crate) const STREAM: &str = "sse-wire EventStream, owned";
pub(crate) const BORROWING_STREAM: &str = "sse-wire EventStream::next_event";
pub(crate) const READER: &str = "sse-wire tokio::EventReader::next_event";
pub(crate) const CODEC: &str = "sse-wire tokio::EventCodec";

pub(super) fn contenders() -> Vec<Contender> {
    vec![
        contender!(Ours, DECODE, "sse-wire", Borrowed),
        contender!(Ours, RAW, "sse-wire", Raw),
        contender!(Ours, RAW_TEXT, "sse-wire", RawText),
        contender!(Ours, OWNED, "sse-wire", Owned),
        contender!(Ours, STREAM, "sse-wire", Streamed),
        contender!(Ours, BORROWING_STREAM, "sse-wire", BorrowingStream),
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

struct Streamed<'f> {
    feed: &'f Feed,
    events: EventStream<Shared<'f>>,
}

impl<'f> Decode<'f> for Streamed<'f> {
    fn connect(feed: &'f Feed) -> Self {
        let events = Shared(feed).events();
        Self { feed, events }
    }

    fn read<W: Watch>(&mut self, watch: &mut W) -> ControlFlow<()> {
        drain(self.feed, Pin::new(&mut self.events), |event| match event {
            Ok(event) => watch.event(event.event_type().as_bytes(), event.data().as_bytes()),
            Err(error) => watch.error(&error),
        })
    }
}

struct BorrowingStream<'f> {
    feed: &'f Feed,
    events: EventStream<Shared<'f>>,
}

impl<'f> Decode<'f> for BorrowingStream<'f> {
    fn connect(feed: &'f Feed) -> Self {
        let events = Shared(feed).events();
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
