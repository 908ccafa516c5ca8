//! The other crates.

use core::num::NonZeroUsize;
use core::ops::ControlFlow;
use core::pin::Pin;

use bytes::{Bytes, BytesMut};
use eventsource_client::{BoxStream, Client, SSE};
use launchdarkly_sdk_transport::{ByteStream, HttpTransport, ResponseFuture};
use sse_core::{SseDecoder, SseEvent};
use sse_parse::SseParser;
use tokio_sse_codec::BytesStr;
use tokio_util::codec::Decoder;

use super::{Contender, Decode, contender};
use crate::feed::{Feed, Shared, Slices, Transport, drain};
use crate::watch::Watch;

pub(super) fn contenders() -> Vec<Contender> {
    vec![
        contender!(Peer, "sse-core", "sse-core", SseCore),
        contender!(Peer, "sse-stream", "sse-stream", SseStream),
        contender!(Peer, "sseer", "sseer", Sseer),
        contender!(Peer, "sse-parse", "sse-parse", SseParse),
        contender!(
            Peer,
            "eventsource-stream",
            "eventsource-stream",
            EventsourceStream
        ),
        contender!(
            Peer,
            "eventsource-stream2",
            "eventsource-stream2",
            EventsourceStream2
        ),
        contender!(
            Peer,
            "eventsource-client",
            "eventsource-client",
            EventsourceClient
        ),
        contender!(Peer, "tokio_sse_codec", "tokio_sse_codec", TokioSseCodec),
        contender!(
            Peer,
            "tokio_sse_codec, bytes",
            "tokio_sse_codec",
            TokioSseCodecBytes
        ),
        contender!(Peer, "sse-codec", "sse-codec", SseCodec),
        contender!(Peer, "russe", "russe", Russe),
    ]
}

/// Its decoder reads any `Buf`, of which a slice is the fastest. An event of a megabyte exceeds its default limit.
struct SseCore<'f> {
    feed: &'f Feed,
    decoder: SseDecoder,
}

impl<'f> Decode<'f> for SseCore<'f> {
    fn connect(feed: &'f Feed) -> Self {
        let limit = NonZeroUsize::new(64 << 20).expect("is not zero");
        let decoder = SseDecoder::with_limit(limit);
        Self { feed, decoder }
    }

    fn read<W: Watch>(&mut self, watch: &mut W) -> ControlFlow<()> {
        for chunk in self.feed.take_all() {
            let mut input = &chunk[..];
            while let Some(event) = self.decoder.next(&mut input) {
                match event {
                    Ok(SseEvent::Message(event)) => {
                        watch.event(event.event.as_bytes(), event.data.as_bytes())?;
                    }
                    Ok(SseEvent::Retry(_)) => {}
                    Err(error) => watch.error(&error)?,
                }
            }
        }
        ControlFlow::Continue(())
    }
}

/// Blocks as they are written: one without a type is a message.
struct SseStream<'f> {
    feed: &'f Feed,
    events: sse_stream::SseByteStream<Slices<'f>>,
}

impl<'f> Decode<'f> for SseStream<'f> {
    fn connect(feed: &'f Feed) -> Self {
        let events = sse_stream::SseByteStream::new(Slices(feed));
        Self { feed, events }
    }

    fn read<W: Watch>(&mut self, watch: &mut W) -> ControlFlow<()> {
        drain(self.feed, Pin::new(&mut self.events), |block| match block {
            Ok(block) => match &block.data {
                Some(data) => {
                    let event_type = block.event.as_deref().unwrap_or("message");
                    watch.event(event_type.as_bytes(), data.as_bytes())
                }
                None => ControlFlow::Continue(()),
            },
            Err(error) => watch.error(&error),
        })
    }
}

struct Sseer<'f> {
    feed: &'f Feed,
    events: Pin<Box<sseer::EventStream<Shared<'f>>>>,
}

impl<'f> Decode<'f> for Sseer<'f> {
    fn connect(feed: &'f Feed) -> Self {
        let events = Box::pin(sseer::EventStream::new(Shared(feed)));
        Self { feed, events }
    }

    fn read<W: Watch>(&mut self, watch: &mut W) -> ControlFlow<()> {
        drain(self.feed, self.events.as_mut(), |event| match event {
            Ok(event) => watch.event(event.event.as_bytes(), event.data.as_bytes()),
            Err(error) => watch.error(&error),
        })
    }
}

struct SseParse<'f> {
    feed: &'f Feed,
    parser: SseParser,
}

impl<'f> Decode<'f> for SseParse<'f> {
    fn connect(feed: &'f Feed) -> Self {
        let parser = SseParser::new();
        Self { feed, parser }
    }

    fn read<W: Watch>(&mut self, watch: &mut W) -> ControlFlow<()> {
        for chunk in self.feed.take_all() {
            self.parser.feed(chunk);
            while let Some(event) = self.parser.next_event() {
                watch.event(event.event.as_bytes(), event.data.as_bytes())?;
            }
        }
        ControlFlow::Continue(())
    }
}

struct EventsourceStream<'f> {
    feed: &'f Feed,
    events: Pin<Box<eventsource_stream::EventStream<Slices<'f>>>>,
}

impl<'f> Decode<'f> for EventsourceStream<'f> {
    fn connect(feed: &'f Feed) -> Self {
        let events = Box::pin(eventsource_stream::EventStream::new(Slices(feed)));
        Self { feed, events }
    }

    fn read<W: Watch>(&mut self, watch: &mut W) -> ControlFlow<()> {
        drain(self.feed, self.events.as_mut(), |event| match event {
            Ok(event) => watch.event(event.event.as_bytes(), event.data.as_bytes()),
            Err(error) => watch.error(&error),
        })
    }
}

struct EventsourceStream2<'f> {
    feed: &'f Feed,
    events: Pin<Box<eventsource_stream2::EventStream<Slices<'f>>>>,
}

impl<'f> Decode<'f> for EventsourceStream2<'f> {
    fn connect(feed: &'f Feed) -> Self {
        let events = Box::pin(eventsource_stream2::EventStream::new(Slices(feed)));
        Self { feed, events }
    }

    fn read<W: Watch>(&mut self, watch: &mut W) -> ControlFlow<()> {
        drain(self.feed, self.events.as_mut(), |event| match event {
            Ok(event) => watch.event(event.event.as_bytes(), event.data.as_bytes()),
            Err(error) => watch.error(&error),
        })
    }
}

/// Its parser is private: what can be had is its client, on a transport that answers from memory.
struct EventsourceClient<'f> {
    feed: &'f Feed,
    events: BoxStream<eventsource_client::Result<SSE>>,
}

#[derive(Clone)]
struct Memory(Feed);

impl HttpTransport for Memory {
    fn request(&self, _: http::Request<Option<Bytes>>) -> ResponseFuture {
        let body: ByteStream = Box::pin(Transport(self.0.clone()));
        Box::pin(core::future::ready(Ok(http::Response::new(body))))
    }
}

impl<'f> Decode<'f> for EventsourceClient<'f> {
    fn connect(feed: &'f Feed) -> Self {
        let client = eventsource_client::ClientBuilder::for_url("http://localhost/");
        let client = client.expect("is a URL");
        let events = client.build_with_transport(Memory(feed.clone())).stream();
        Self { feed, events }
    }

    fn read<W: Watch>(&mut self, watch: &mut W) -> ControlFlow<()> {
        drain(self.feed, Pin::new(&mut self.events), |event| match event {
            Ok(SSE::Event(event)) => {
                watch.event(event.event_type.as_bytes(), event.data.as_bytes())
            }
            Ok(SSE::Connected(_) | SSE::Comment(_)) => ControlFlow::Continue(()),
            Err(error) => watch.error(&error),
        })
    }
}

struct TokioSseCodec<'f> {
    feed: &'f Feed,
    codec: tokio_sse_codec::SseDecoder<BytesStr>,
    buffer: BytesMut,
}

impl<'f> Decode<'f> for TokioSseCodec<'f> {
    fn connect(feed: &'f Feed) -> Self {
        Self {
            feed,
            codec: tokio_sse_codec::SseDecoder::new(),
            buffer: BytesMut::new(),
        }
    }

    fn read<W: Watch>(&mut self, watch: &mut W) -> ControlFlow<()> {
        for chunk in self.feed.take_all() {
            self.buffer.extend_from_slice(chunk);
            loop {
                match self.codec.decode(&mut self.buffer) {
                    Ok(Some(tokio_sse_codec::Frame::Event(event))) => {
                        watch.event(event.name.as_bytes(), event.data.as_bytes())?;
                    }
                    Ok(Some(_)) => {}
                    Ok(None) => break,
                    Err(error) => watch.error(&error)?,
                }
            }
        }
        ControlFlow::Continue(())
    }
}

/// The same without looking whether the data is text.
struct TokioSseCodecBytes<'f> {
    feed: &'f Feed,
    codec: tokio_sse_codec::SseDecoder<Bytes>,
    buffer: BytesMut,
}

impl<'f> Decode<'f> for TokioSseCodecBytes<'f> {
    fn connect(feed: &'f Feed) -> Self {
        Self {
            feed,
            codec: tokio_sse_codec::SseDecoder::new(),
            buffer: BytesMut::new(),
        }
    }

    fn read<W: Watch>(&mut self, watch: &mut W) -> ControlFlow<()> {
        for chunk in self.feed.take_all() {
            self.buffer.extend_from_slice(chunk);
            loop {
                match self.codec.decode(&mut self.buffer) {
                    Ok(Some(tokio_sse_codec::Frame::Event(event))) => {
                        watch.event(event.name.as_bytes(), &event.data)?;
                    }
                    Ok(Some(_)) => {}
                    Ok(None) => break,
                    Err(error) => watch.error(&error)?,
                }
            }
        }
        ControlFlow::Continue(())
    }
}

struct SseCodec<'f> {
    feed: &'f Feed,
    codec: sse_codec::SSECodec,
    buffer: BytesMut,
}

impl<'f> Decode<'f> for SseCodec<'f> {
    fn connect(feed: &'f Feed) -> Self {
        Self {
            feed,
            codec: sse_codec::SSECodec::default(),
            buffer: BytesMut::new(),
        }
    }

    fn read<W: Watch>(&mut self, watch: &mut W) -> ControlFlow<()> {
        for chunk in self.feed.take_all() {
            self.buffer.extend_from_slice(chunk);
            loop {
                match futures_codec::Decoder::decode(&mut self.codec, &mut self.buffer) {
                    Ok(Some(sse_codec::Event::Message { event, data, .. })) => {
                        watch.event(event.as_bytes(), data.as_bytes())?;
                    }
                    Ok(Some(sse_codec::Event::Retry { .. })) => {}
                    Ok(None) => break,
                    Err(error) => watch.error(&error)?,
                }
            }
        }
        ControlFlow::Continue(())
    }
}

struct Russe<'f> {
    feed: &'f Feed,
    codec: russe::Decoder,
    buffer: BytesMut,
}

impl<'f> Decode<'f> for Russe<'f> {
    fn connect(feed: &'f Feed) -> Self {
        Self {
            feed,
            codec: russe::Decoder::default(),
            buffer: BytesMut::new(),
        }
    }

    fn read<W: Watch>(&mut self, watch: &mut W) -> ControlFlow<()> {
        for chunk in self.feed.take_all() {
            self.buffer.extend_from_slice(chunk);
            loop {
                match self.codec.decode(&mut self.buffer) {
                    Ok(Some(russe::Event::Message(message))) => {
                        let event_type = message.event.as_deref().unwrap_or("message");
                        watch.event(event_type.as_bytes(), message.data.as_bytes())?;
                    }
                    Ok(Some(_)) => {}
                    Ok(None) => break,
                    Err(error) => watch.error(&error)?,
                }
            }
        }
        ControlFlow::Continue(())
    }
}
