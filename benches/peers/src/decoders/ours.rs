//! The doors of this crate.

use core::ops::ControlFlow;
use core::pin::Pin;

use bytes::BytesMut;
use sse_wire::codec::EventCodec;
use sse_wire::stream::{EventStream, EventStreamExt};
use sse_wire::{Chunk, EventDecoder, SharedDecoder};
use tokio_util::codec::Decoder;

use super::{Contender, Decode, contender};
use crate::feed::{Feed, Shared, drain};
use crate::watch::Watch;

pub(crate) const DECODE: &str = "sse-wire decode";
pub(crate) const CHUNK: &str = "sse-wire decode_chunk";
pub(crate) const RAW: &str = "sse-wire decode_raw";
const RAW_TEXT: &str = "sse-wire decode_raw, then text";
pub(crate) const SHARED: &str = "sse-wire SharedDecoder::decode";
pub(crate) const SHARED_ALL: &str = "sse-wire SharedDecoder::decode, never copying";
const SHARED_RAW: &str = "sse-wire SharedDecoder::decode_raw";
pub(crate) const STREAM: &str = "sse-wire EventStream";
pub(crate) const CODEC: &str = "sse-wire EventCodec";

pub(super) fn contenders() -> Vec<Contender> {
    vec![
        contender!(Ours, DECODE, "sse-wire", Lent),
        contender!(Ours, CHUNK, "sse-wire", LentOfText),
        contender!(Ours, RAW, "sse-wire", LentRaw),
        contender!(Ours, RAW_TEXT, "sse-wire", LentRawText),
        contender!(Ours, SHARED, "sse-wire", Refcounted),
        contender!(Ours, SHARED_ALL, "sse-wire", NeverCopied),
        contender!(Ours, SHARED_RAW, "sse-wire", RefcountedRaw),
        contender!(Ours, STREAM, "sse-wire", Streamed),
        contender!(Ours, CODEC, "sse-wire", Framed),
    ]
}

struct Lent<'f> {
    feed: &'f Feed,
    decoder: EventDecoder,
}

impl<'f> Decode<'f> for Lent<'f> {
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

struct LentOfText<'f> {
    feed: &'f Feed,
    decoder: EventDecoder,
}

impl<'f> Decode<'f> for LentOfText<'f> {
    fn connect(feed: &'f Feed) -> Self {
        let decoder = EventDecoder::new();
        Self { feed, decoder }
    }

    fn read<W: Watch>(&mut self, watch: &mut W) -> ControlFlow<()> {
        for bytes in self.feed.take_all() {
            let mut chunk = Chunk::new(bytes);
            loop {
                match self.decoder.decode_chunk(&mut chunk) {
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

struct LentRaw<'f> {
    feed: &'f Feed,
    decoder: EventDecoder,
}

impl<'f> Decode<'f> for LentRaw<'f> {
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

/// What `decode` could do without knowing more than its caller: the sum that it is measured by.
struct LentRawText<'f> {
    feed: &'f Feed,
    decoder: EventDecoder,
}

impl<'f> Decode<'f> for LentRawText<'f> {
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

struct Refcounted<'f> {
    feed: &'f Feed,
    decoder: SharedDecoder,
}

impl<'f> Decode<'f> for Refcounted<'f> {
    fn connect(feed: &'f Feed) -> Self {
        let decoder = SharedDecoder::new();
        Self { feed, decoder }
    }

    fn read<W: Watch>(&mut self, watch: &mut W) -> ControlFlow<()> {
        for chunk in self.feed.take_all() {
            let mut input = chunk.clone();
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

/// For a program that lets go of its events before it reads on, so that it does not matter what they keep alive.
struct NeverCopied<'f>(Refcounted<'f>);

impl<'f> Decode<'f> for NeverCopied<'f> {
    fn connect(feed: &'f Feed) -> Self {
        let decoder = SharedDecoder::new().with_copy_below(0);
        Self(Refcounted { feed, decoder })
    }

    fn read<W: Watch>(&mut self, watch: &mut W) -> ControlFlow<()> {
        self.0.read(watch)
    }
}

struct RefcountedRaw<'f> {
    feed: &'f Feed,
    decoder: SharedDecoder,
}

impl<'f> Decode<'f> for RefcountedRaw<'f> {
    fn connect(feed: &'f Feed) -> Self {
        let decoder = SharedDecoder::new();
        Self { feed, decoder }
    }

    fn read<W: Watch>(&mut self, watch: &mut W) -> ControlFlow<()> {
        for chunk in self.feed.take_all() {
            let mut input = chunk.clone();
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
