//! The doors that own a transport: each reads from a [`Source`], which gives what it was fed, chunk by chunk, and fails or waits
//! in between.

#![allow(
    clippy::std_instead_of_alloc,
    unused_imports,
    reason = "the tests have std, and each feature uses a part of this"
)]

use super::doors::{
    Call, Ran, Recovery, Stream, count_events, milliseconds, raw, refusal, text as text_of,
};
use super::oracle::{Config, Recovered, Seen};
use core::time::Duration;
use sse_wire::{DecodeError, LastEventId};

/// A door that is read as far as what it was fed allows.
trait Pull {
    /// Makes a chunk available.
    fn feed(&mut self, chunk: &[u8]);
    /// Makes the end available.
    fn close(&mut self);
    /// What comes next; `None` if there is nothing more, now or ever.
    fn next(&mut self) -> Option<Result<Seen, DecodeError>>;
    fn last_event_id(&self) -> String;
    fn reconnection_time(&self) -> Option<Duration>;
    fn ended_within_event(&self) -> bool;
}

/// Runs a stream through a door, which dispatches at the end what it can recover.
fn pull(mut door: impl Pull, stream: &Stream<'_>, config: &Config, call: Call) -> Ran {
    let mut seen = Vec::new();
    let mut dispatched_after = Vec::new();
    let next = |door: &mut dyn Pull| {
        door.next().map(|found| match found {
            Ok(found) => found,
            Err(error) => Seen::Refused(refusal(error, config)),
        })
    };
    for &chunk in stream.chunks {
        door.feed(chunk);
        let mut calls = 0;
        while let Some(found) = next(&mut door) {
            seen.push((call, found));
            calls += 1;
            assert!(
                calls <= 2 * chunk.len() + 4,
                "the door does not come to an end"
            );
        }
        dispatched_after.push(count_events(&seen));
    }
    assert!(!door.ended_within_event(), "the stream has not ended yet");
    let last_event_id = door.last_event_id();
    let reconnection_time = door.reconnection_time().map(milliseconds);
    door.close();
    let recovered = next(&mut door);
    assert_eq!(next(&mut door), None, "there is something after the end");
    let result = match recovered {
        Some(Seen::Event(event)) => Ok(Some(event)),
        Some(Seen::Refused(refusal)) => Err(refusal),
        Some(other) => panic!("{other:?} was recovered"),
        None => Ok(None),
    };
    let unfinished = if door.ended_within_event() {
        Some(Recovery {
            inside_line: None,
            call,
            recovered: Recovered {
                result,
                last_event_id: door.last_event_id(),
                reconnection_time: door.reconnection_time().map(milliseconds),
            },
        })
    } else {
        assert_eq!(result, Ok(None), "recovered, though nothing was cut off");
        None
    };
    Ran {
        seen,
        dispatched_after,
        last_event_id,
        reconnection_time,
        unfinished,
    }
}

fn initial_id(config: &Config) -> LastEventId<'_> {
    LastEventId::new(&config.initial_last_event_id).expect("a possible ID")
}

#[cfg(feature = "alloc")]
fn decoder(config: &Config) -> Option<sse_wire::EventDecoder> {
    let limits = sse_wire::Limits::new()
        .with_event(config.event_limit)
        .with_last_event_id(config.last_event_id_limit);
    let mut decoder = sse_wire::EventDecoder::with_limits(limits);
    decoder.set_last_event_id(initial_id(config)).ok()?;
    Some(decoder)
}

/// What a transport has to give.
#[derive(Clone, Default)]
struct Source {
    queue: std::rc::Rc<core::cell::RefCell<Queue>>,
}

#[derive(Default)]
struct Queue {
    chunks: std::collections::VecDeque<Vec<u8>>,
    is_closed: bool,
}

impl Source {
    fn feed(&self, chunk: &[u8]) {
        self.queue.borrow_mut().chunks.push_back(chunk.to_vec());
    }

    fn close(&self) {
        self.queue.borrow_mut().is_closed = true;
    }

    /// The next chunk, `Some(None)` at the end, `None` if there is nothing yet.
    fn take(&self) -> Option<Option<Vec<u8>>> {
        let mut queue = self.queue.borrow_mut();
        match queue.chunks.pop_front() {
            Some(chunk) => Some(Some(chunk)),
            None => queue.is_closed.then_some(None),
        }
    }

    /// Fills `buffer` with what is there, for readers, to whom an empty chunk would be the end; `None` if there is nothing yet.
    #[cfg(any(
        feature = "std",
        feature = "embedded-io",
        feature = "embedded-io-async"
    ))]
    fn read(&self, buffer: &mut [u8]) -> Option<usize> {
        let mut queue = self.queue.borrow_mut();
        while queue.chunks.front().is_some_and(Vec::is_empty) {
            queue.chunks.pop_front();
        }
        let Some(chunk) = queue.chunks.front_mut() else {
            return queue.is_closed.then_some(0);
        };
        let length = chunk.len().min(buffer.len());
        buffer[..length].copy_from_slice(&chunk[..length]);
        chunk.drain(..length);
        Some(length)
    }
}

#[cfg(feature = "bytes")]
pub mod shared {
    //! [`SharedDecoder`] itself, whose events are looked at when their chunk is long gone.

    use super::*;
    use crate::common::random::Random;
    use bytes::Bytes;
    use sse_wire::{SharedDecoder, SharedEvent, SharedItem, SharedRawEvent};

    pub fn text(event: &SharedEvent) -> Seen {
        assert_eq!(&SharedEvent::from(event.as_event()), event);
        assert_eq!(event.clone().into_data(), event.data());
        Seen::Event(text_of(event.as_event()))
    }

    pub fn raw_text(event: &SharedRawEvent) -> Seen {
        assert_eq!(&SharedRawEvent::from(event.as_raw_event()), event);
        assert_eq!(event.clone().into_data(), event.data());
        assert_eq!(
            event.text().map(|event| text(&event)).ok(),
            event
                .as_raw_event()
                .text()
                .map(|event| Seen::Event(text_of(event)))
                .ok()
        );
        Seen::Event(raw(event.as_raw_event()))
    }

    pub fn item(item: &SharedItem) -> Seen {
        match item {
            SharedItem::Event(event) => text(event),
            SharedItem::Comment { text, end } => Seen::Comment {
                text: text.to_vec(),
                end: *end,
            },
            SharedItem::Retry(time) => Seen::Retry(milliseconds(*time)),
        }
    }

    /// With a threshold between copying and sharing that follows from the stream's seed.
    pub fn shared_decoder(stream: &Stream<'_>, config: &Config) -> Option<SharedDecoder> {
        let mut random = Random::new(stream.seed);
        let copy_below = *random.choose(&[0, 0, 1, 8, 1024, usize::MAX]);
        Some(SharedDecoder::from(decoder(config)?).with_copy_below(copy_below))
    }

    enum Kept {
        Text(SharedEvent),
        Raw(SharedRawEvent),
        Item(SharedItem),
    }

    /// The events are kept to the end before anybody looks at them.
    pub fn run(stream: &Stream<'_>, config: &Config, call: Call) -> Option<Ran> {
        let mut decoder = shared_decoder(stream, config)?;
        let mut kept = Vec::new();
        let mut kept_after = Vec::new();
        for &chunk in stream.chunks {
            let mut input = Bytes::copy_from_slice(chunk);
            let end = input.as_ptr_range().end;
            loop {
                let found = match call {
                    Call::Decode | Call::DecodeChunk => decoder
                        .decode(&mut input)
                        .map(|found| found.map(Kept::Text)),
                    Call::DecodeRaw => decoder
                        .decode_raw(&mut input)
                        .map(|found| found.map(Kept::Raw)),
                    Call::DecodeItem => decoder
                        .decode_item(&mut input)
                        .map(|found| found.map(Kept::Item)),
                };
                assert!(
                    input.is_empty() || input.as_ptr_range().end == end,
                    "not the rest of the chunk"
                );
                match found {
                    Ok(Some(found)) => kept.push(Ok(found)),
                    Err(error) => kept.push(Err(error)),
                    Ok(None) => break,
                }
            }
            assert!(input.is_empty());
            kept_after.push(kept.len());
        }
        let seen: Vec<(Call, Seen)> = kept
            .iter()
            .map(|kept| match kept {
                Ok(Kept::Text(event)) => text(event),
                Ok(Kept::Raw(event)) => raw_text(event),
                Ok(Kept::Item(kept)) => item(kept),
                Err(error) => Seen::Refused(refusal(*error, config)),
            })
            .map(|seen| (call, seen))
            .collect();
        let last_event_id = decoder.last_event_id().to_owned();
        let reconnection_time = decoder.reconnection_time().map(milliseconds);
        // Whether there is something to recover, asked of a copy: asking ends the stream.
        let inside_line = decoder
            .clone()
            .finish()
            .map(|incomplete| incomplete.is_inside_line());
        let result = match (call, decoder.clone().finish()) {
            (Call::DecodeRaw, Some(incomplete)) => incomplete
                .recover_raw(stream.cut_line)
                .map(|event| event.map(raw)),
            _ => decoder
                .recover(stream.cut_line)
                .map(|event| event.map(|event| text_of(event.as_event()))),
        };
        if call == Call::DecodeRaw {
            let _ = decoder.recover(stream.cut_line);
        }
        let unfinished = inside_line.map(|inside_line| Recovery {
            inside_line: Some(inside_line),
            call,
            recovered: Recovered {
                result: result.map_err(|error| refusal(error, config)),
                last_event_id: decoder.last_event_id().to_owned(),
                reconnection_time: decoder.reconnection_time().map(milliseconds),
            },
        });
        Some(Ran {
            dispatched_after: kept_after
                .iter()
                .map(|kept| count_events(&seen[..*kept]))
                .collect(),
            seen,
            last_event_id,
            reconnection_time,
            unfinished,
        })
    }
}

#[cfg(feature = "std")]
pub mod io {
    //! The reader of `std::io`.

    use super::*;
    use sse_wire::io::EventReader;
    use sse_wire::{Item, ReadError};
    use std::io::{self, BufRead};

    impl io::Read for Source {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            Self::read(self, buffer).ok_or_else(|| io::ErrorKind::WouldBlock.into())
        }
    }

    /// A reader with a buffer that is exactly a chunk.
    struct Buffered {
        source: Source,
        shown: Vec<u8>,
        consumed: usize,
    }

    impl io::Read for Buffered {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            unreachable!("it has a buffer")
        }
    }

    impl BufRead for Buffered {
        fn fill_buf(&mut self) -> io::Result<&[u8]> {
            while self.consumed == self.shown.len() {
                match self.source.take() {
                    Some(Some(chunk)) => (self.shown, self.consumed) = (chunk, 0),
                    Some(None) => return Ok(&[]),
                    None => return Err(io::ErrorKind::WouldBlock.into()),
                }
            }
            Ok(&self.shown[self.consumed..])
        }

        fn consume(&mut self, length: usize) {
            self.consumed += length;
            assert!(self.consumed <= self.shown.len());
        }
    }

    struct Reader<R> {
        source: Source,
        reader: EventReader<R>,
        call: Call,
    }

    impl<R: BufRead> Pull for Reader<R> {
        fn feed(&mut self, chunk: &[u8]) {
            self.source.feed(chunk);
        }

        fn close(&mut self) {
            self.source.close();
        }

        fn next(&mut self) -> Option<Result<Seen, DecodeError>> {
            let found = match self.call {
                Call::Decode | Call::DecodeChunk => self
                    .reader
                    .read_event()
                    .map(|event| event.map(|event| Seen::Event(text_of(event)))),
                Call::DecodeRaw => self
                    .reader
                    .read_raw_event()
                    .map(|event| event.map(|event| Seen::Event(raw(event)))),
                Call::DecodeItem => self.reader.read_item().map(|item| {
                    item.map(|item| match item {
                        Item::Event(event) => Seen::Event(text_of(event)),
                        Item::Comment { text, end } => Seen::Comment {
                            text: text.to_vec(),
                            end,
                        },
                        Item::Retry(time) => Seen::Retry(milliseconds(time)),
                    })
                }),
            };
            ended(found)
        }

        fn last_event_id(&self) -> String {
            self.reader.decoder().last_event_id().to_owned()
        }

        fn reconnection_time(&self) -> Option<Duration> {
            self.reader.decoder().reconnection_time()
        }

        fn ended_within_event(&self) -> bool {
            self.reader.ended_within_event()
        }
    }

    fn ended(
        found: Result<Option<Seen>, ReadError<io::Error>>,
    ) -> Option<Result<Seen, DecodeError>> {
        match found {
            Ok(found) => found.map(Ok),
            Err(ReadError::Decode(error)) => Some(Err(error)),
            Err(ReadError::Transport(error)) => {
                assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
                None
            }
        }
    }

    /// Through `Read`.
    pub fn run(stream: &Stream<'_>, config: &Config, call: Call) -> Option<Ran> {
        let source = Source::default();
        let reader = EventReader::new(source.clone())
            .with_decoder(decoder(config)?)
            .recover_at_end(stream.cut_line);
        let door = Reader {
            source,
            reader,
            call,
        };
        Some(pull(door, stream, config, call))
    }

    /// Through `BufRead`.
    pub fn run_buffered(stream: &Stream<'_>, config: &Config, call: Call) -> Option<Ran> {
        let source = Source::default();
        let buffered = Buffered {
            source: source.clone(),
            shown: Vec::new(),
            consumed: 0,
        };
        let reader = EventReader::from_buffered(buffered)
            .with_decoder(decoder(config)?)
            .recover_at_end(stream.cut_line);
        let door = Reader {
            source,
            reader,
            call,
        };
        Some(pull(door, stream, config, call))
    }

    struct Iterated<R>(Reader<R>);

    impl<R: BufRead> Pull for Iterated<R> {
        fn feed(&mut self, chunk: &[u8]) {
            self.0.feed(chunk);
        }

        fn close(&mut self) {
            self.0.close();
        }

        fn next(&mut self) -> Option<Result<Seen, DecodeError>> {
            let found = self.0.reader.next().transpose();
            ended(found.map(|event| event.map(|event| Seen::Event(text_of(event.as_event())))))
        }

        fn last_event_id(&self) -> String {
            self.0.last_event_id()
        }

        fn reconnection_time(&self) -> Option<Duration> {
            self.0.reconnection_time()
        }

        fn ended_within_event(&self) -> bool {
            self.0.ended_within_event()
        }
    }

    /// As an iterator.
    pub fn run_iterated(stream: &Stream<'_>, config: &Config) -> Option<Ran> {
        let source = Source::default();
        let reader = EventReader::new(source.clone())
            .with_decoder(decoder(config)?)
            .recover_at_end(stream.cut_line);
        let door = Iterated(Reader {
            source,
            reader,
            call: Call::Decode,
        });
        Some(pull(door, stream, config, Call::Decode))
    }
}

#[cfg(feature = "futures-core")]
pub mod stream {
    //! The streams, and with `http-body` the bodies.

    use super::*;
    use core::convert::Infallible;
    use core::pin::Pin;
    use core::task::{Context, Poll};
    use futures_util::task::noop_waker_ref;
    use sse_wire::stream::OwnedEventStream;
    use sse_wire::{OwnedItem, ReadError};

    impl futures_util::Stream for Source {
        type Item = Result<Vec<u8>, Infallible>;

        fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
            match self.take() {
                Some(chunk) => Poll::Ready(chunk.map(Ok)),
                None => Poll::Pending,
            }
        }
    }

    /// A stream of events, and how to look at it.
    struct Polled<S, F> {
        source: Source,
        stream: S,
        see: F,
    }

    /// What all streams of events can tell.
    trait Tells {
        fn last_event_id(&self) -> &str;
        fn reconnection_time(&self) -> Option<Duration>;
        fn ended_within_event(&self) -> bool;
    }

    macro_rules! tells {
        ($($stream:ty [$($parameter:ident)*]),+) => {
            $(impl<$($parameter),*> Tells for $stream {
                fn last_event_id(&self) -> &str {
                    self.decoder().last_event_id()
                }

                fn reconnection_time(&self) -> Option<Duration> {
                    self.decoder().reconnection_time()
                }

                fn ended_within_event(&self) -> bool {
                    self.ended_within_event()
                }
            })+
        };
    }
    tells!(OwnedEventStream<S, B, T> [S B T]);
    #[cfg(feature = "bytes")]
    tells!(sse_wire::stream::EventStream<S, T> [S T]);

    impl<S, T, F> Pull for Polled<S, F>
    where
        S: futures_util::Stream<Item = Result<T, ReadError<Infallible>>> + Tells + Unpin,
        F: FnMut(&T) -> Seen,
    {
        fn feed(&mut self, chunk: &[u8]) {
            self.source.feed(chunk);
        }

        fn close(&mut self) {
            self.source.close();
        }

        fn next(&mut self) -> Option<Result<Seen, DecodeError>> {
            let mut context = Context::from_waker(noop_waker_ref());
            match Pin::new(&mut self.stream).poll_next(&mut context) {
                Poll::Ready(Some(Ok(found))) => Some(Ok((self.see)(&found))),
                Poll::Ready(Some(Err(ReadError::Decode(error)))) => Some(Err(error)),
                Poll::Ready(Some(Err(ReadError::Transport(error)))) => match error {},
                Poll::Ready(None) | Poll::Pending => None,
            }
        }

        fn last_event_id(&self) -> String {
            self.stream.last_event_id().to_owned()
        }

        fn reconnection_time(&self) -> Option<Duration> {
            self.stream.reconnection_time()
        }

        fn ended_within_event(&self) -> bool {
            self.stream.ended_within_event()
        }
    }

    /// Without `Bytes`.
    pub fn run_owned(stream: &Stream<'_>, config: &Config) -> Option<Ran> {
        let source = Source::default();
        let door = Polled {
            stream: OwnedEventStream::new(source.clone())
                .with_decoder(decoder(config)?)
                .recover_at_end(stream.cut_line),
            source,
            see: |event: &sse_wire::OwnedEvent| Seen::Event(text_of(event.as_event())),
        };
        Some(pull(door, stream, config, Call::Decode))
    }

    /// Without `Bytes`, with comments.
    pub fn run_owned_items(stream: &Stream<'_>, config: &Config) -> Option<Ran> {
        let source = Source::default();
        let door = Polled {
            stream: OwnedEventStream::items(source.clone())
                .with_decoder(decoder(config)?)
                .recover_at_end(stream.cut_line),
            source,
            see: |item: &OwnedItem| match item {
                OwnedItem::Event(event) => Seen::Event(text_of(event.as_event())),
                OwnedItem::Comment { text, end } => Seen::Comment {
                    text: text.clone(),
                    end: *end,
                },
                OwnedItem::Retry(time) => Seen::Retry(milliseconds(*time)),
            },
        };
        Some(pull(door, stream, config, Call::DecodeItem))
    }

    #[cfg(feature = "bytes")]
    pub use with_bytes::*;

    #[cfg(feature = "bytes")]
    mod with_bytes {
        use super::super::shared::{item, raw_text, shared_decoder, text};
        use super::*;
        use sse_wire::stream::{EventStream, EventStreamExt};

        pub fn run(stream: &Stream<'_>, config: &Config) -> Option<Ran> {
            let source = Source::default();
            let door = Polled {
                stream: source
                    .clone()
                    .events()
                    .with_decoder(shared_decoder(stream, config)?)
                    .recover_at_end(stream.cut_line),
                source,
                see: text,
            };
            Some(pull(door, stream, config, Call::Decode))
        }

        pub fn run_raw(stream: &Stream<'_>, config: &Config) -> Option<Ran> {
            let source = Source::default();
            let door = Polled {
                stream: EventStream::raw(source.clone())
                    .with_decoder(shared_decoder(stream, config)?)
                    .recover_at_end(stream.cut_line),
                source,
                see: raw_text,
            };
            Some(pull(door, stream, config, Call::DecodeRaw))
        }

        pub fn run_items(stream: &Stream<'_>, config: &Config) -> Option<Ran> {
            let source = Source::default();
            let door = Polled {
                stream: EventStream::items(source.clone())
                    .with_decoder(shared_decoder(stream, config)?)
                    .recover_at_end(stream.cut_line),
                source,
                see: item,
            };
            Some(pull(door, stream, config, Call::DecodeItem))
        }

        /// A body of data frames, and some trailers before its end.
        #[cfg(feature = "http-body")]
        struct SourceBody {
            source: Source,
            gave_trailers: bool,
        }

        #[cfg(feature = "http-body")]
        impl http_body::Body for SourceBody {
            type Data = std::collections::VecDeque<u8>;
            type Error = Infallible;

            fn poll_frame(
                mut self: Pin<&mut Self>,
                _: &mut Context<'_>,
            ) -> Poll<Option<Result<http_body::Frame<Self::Data>, Infallible>>> {
                match self.source.take() {
                    Some(Some(chunk)) => {
                        Poll::Ready(Some(Ok(http_body::Frame::data(chunk.into()))))
                    }
                    Some(None) if !self.gave_trailers => {
                        self.gave_trailers = true;
                        let trailers = http::HeaderMap::new();
                        Poll::Ready(Some(Ok(http_body::Frame::trailers(trailers))))
                    }
                    Some(None) => Poll::Ready(None),
                    None => Poll::Pending,
                }
            }
        }

        #[cfg(feature = "http-body")]
        pub fn run_body(stream: &Stream<'_>, config: &Config) -> Option<Ran> {
            use sse_wire::body::EventBodyExt;

            let source = Source::default();
            let body = SourceBody {
                source: source.clone(),
                gave_trailers: false,
            };
            let door = Polled {
                stream: body
                    .items()
                    .with_decoder(shared_decoder(stream, config)?)
                    .recover_at_end(stream.cut_line),
                source,
                see: item,
            };
            Some(pull(door, stream, config, Call::DecodeItem))
        }
    }
}

#[cfg(feature = "tokio-util")]
pub mod codec {
    //! The codec of tokio-util, given a buffer that is read into.

    use super::shared::{item, raw_text, shared_decoder, text};
    use super::*;
    use bytes::BytesMut;
    use sse_wire::codec::EventCodec;
    use sse_wire::{Decoded, SharedEvent, SharedItem, SharedRawEvent};
    use tokio_util::codec::Decoder;

    struct Framed<T> {
        codec: EventCodec<T>,
        buffer: BytesMut,
        is_closed: bool,
        see: fn(&T) -> Seen,
    }

    impl<T: Decoded> Pull for Framed<T> {
        fn feed(&mut self, chunk: &[u8]) {
            self.buffer.extend_from_slice(chunk);
        }

        fn close(&mut self) {
            self.is_closed = true;
        }

        fn next(&mut self) -> Option<Result<Seen, DecodeError>> {
            let found = if self.is_closed {
                self.codec.decode_eof(&mut self.buffer)
            } else {
                self.codec.decode(&mut self.buffer)
            };
            let found = found.expect("it never fails");
            if found.is_none() {
                assert!(self.buffer.is_empty(), "something was left over");
            }
            found.map(|found| found.map(|found| (self.see)(&found)))
        }

        fn last_event_id(&self) -> String {
            self.codec.decoder().last_event_id().to_owned()
        }

        fn reconnection_time(&self) -> Option<Duration> {
            self.codec.decoder().reconnection_time()
        }

        fn ended_within_event(&self) -> bool {
            self.codec.ended_within_event()
        }
    }

    fn run_with<T: Decoded>(
        codec: EventCodec<T>,
        stream: &Stream<'_>,
        config: &Config,
        call: Call,
        see: fn(&T) -> Seen,
    ) -> Option<Ran> {
        let door = Framed {
            codec: codec
                .with_decoder(shared_decoder(stream, config)?)
                .recover_at_end(stream.cut_line),
            buffer: BytesMut::new(),
            is_closed: false,
            see,
        };
        Some(pull(door, stream, config, call))
    }

    pub fn run(stream: &Stream<'_>, config: &Config) -> Option<Ran> {
        let codec = EventCodec::<SharedEvent>::new();
        run_with(codec, stream, config, Call::Decode, text)
    }

    pub fn run_raw(stream: &Stream<'_>, config: &Config) -> Option<Ran> {
        let codec = EventCodec::<SharedRawEvent>::raw();
        run_with(codec, stream, config, Call::DecodeRaw, raw_text)
    }

    pub fn run_items(stream: &Stream<'_>, config: &Config) -> Option<Ran> {
        let codec = EventCodec::<SharedItem>::items();
        run_with(codec, stream, config, Call::DecodeItem, item)
    }
}

#[cfg(any(feature = "embedded-io", feature = "embedded-io-async"))]
pub mod embedded {
    //! The reader of embedded systems, in lent memory, with a chunk whose size follows from the stream's seed.

    use super::*;
    use crate::common::doors::lent_bytes;
    use crate::common::random::Random;
    use sse_wire::embedded::EventReader;
    use sse_wire::{EventDecoder, Item, ReadError};

    struct Reader<'m> {
        source: Source,
        reader: EventReader<'m, Source, &'m mut [u8]>,
        call: Call,
        is_async: bool,
    }

    #[cfg(feature = "embedded-io")]
    impl embedded_io::Read for Source {
        fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Self::Error> {
            Self::read(self, buffer).ok_or(embedded_io::ErrorKind::TimedOut)
        }
    }

    impl embedded_io::ErrorType for Source {
        type Error = embedded_io::ErrorKind;
    }

    #[cfg(feature = "embedded-io-async")]
    impl embedded_io_async::Read for Source {
        async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Self::Error> {
            match Self::read(self, buffer) {
                Some(length) => Ok(length),
                None => core::future::pending().await,
            }
        }
    }

    impl Reader<'_> {
        #[cfg(feature = "embedded-io")]
        fn next_blocking(
            &mut self,
        ) -> Option<Result<Option<Seen>, ReadError<embedded_io::ErrorKind>>> {
            Some(match self.call {
                Call::Decode | Call::DecodeChunk => self
                    .reader
                    .read_event()
                    .map(|event| event.map(|event| Seen::Event(text_of(event)))),
                Call::DecodeRaw => self
                    .reader
                    .read_raw_event()
                    .map(|event| event.map(|event| Seen::Event(raw(event)))),
                Call::DecodeItem => self.reader.read_item().map(|item| item.map(seen)),
            })
        }

        #[cfg(not(feature = "embedded-io"))]
        fn next_blocking(
            &mut self,
        ) -> Option<Result<Option<Seen>, ReadError<embedded_io::ErrorKind>>> {
            unreachable!("there is no such door")
        }

        /// The future is dropped if it has to wait.
        #[cfg(feature = "embedded-io-async")]
        fn next_async(
            &mut self,
        ) -> Option<Result<Option<Seen>, ReadError<embedded_io::ErrorKind>>> {
            use futures_util::FutureExt;

            match self.call {
                Call::Decode | Call::DecodeChunk => {
                    self.reader.read_event_async().now_or_never().map(|event| {
                        event.map(|event| event.map(|event| Seen::Event(text_of(event))))
                    })
                }
                Call::DecodeRaw => self
                    .reader
                    .read_raw_event_async()
                    .now_or_never()
                    .map(|event| event.map(|event| event.map(|event| Seen::Event(raw(event))))),
                Call::DecodeItem => self
                    .reader
                    .read_item_async()
                    .now_or_never()
                    .map(|item| item.map(|item| item.map(seen))),
            }
        }

        #[cfg(not(feature = "embedded-io-async"))]
        fn next_async(
            &mut self,
        ) -> Option<Result<Option<Seen>, ReadError<embedded_io::ErrorKind>>> {
            unreachable!("there is no such door")
        }
    }

    fn seen(item: Item<'_>) -> Seen {
        match item {
            Item::Event(event) => Seen::Event(text_of(event)),
            Item::Comment { text, end } => Seen::Comment {
                text: text.to_vec(),
                end,
            },
            Item::Retry(time) => Seen::Retry(milliseconds(time)),
        }
    }

    impl Pull for Reader<'_> {
        fn feed(&mut self, chunk: &[u8]) {
            self.source.feed(chunk);
        }

        fn close(&mut self) {
            self.source.close();
        }

        fn next(&mut self) -> Option<Result<Seen, DecodeError>> {
            let found = if self.is_async {
                self.next_async()
            } else {
                self.next_blocking()
            };
            match found? {
                Ok(found) => found.map(Ok),
                Err(ReadError::Decode(error)) => Some(Err(error)),
                Err(ReadError::Transport(error)) => {
                    assert_eq!(error, embedded_io::ErrorKind::TimedOut);
                    None
                }
            }
        }

        fn last_event_id(&self) -> String {
            self.reader.decoder().last_event_id().to_owned()
        }

        fn reconnection_time(&self) -> Option<Duration> {
            self.reader.decoder().reconnection_time()
        }

        fn ended_within_event(&self) -> bool {
            self.reader.ended_within_event()
        }
    }

    pub fn run(stream: &Stream<'_>, config: &Config, call: Call, is_async: bool) -> Option<Ran> {
        let mut random = Random::new(stream.seed);
        let mut chunk = vec![0; *random.choose(&[1, 2, 3, 7, 64, 1024])];
        let mut memory = vec![0; lent_bytes(config)?];
        let mut decoder = EventDecoder::with_buffer(&mut memory[..]);
        decoder.set_last_event_id(initial_id(config)).ok()?;
        let source = Source::default();
        let door = Reader {
            reader: EventReader::new(source.clone(), decoder, &mut chunk)
                .recover_at_end(stream.cut_line),
            source,
            call,
            is_async,
        };
        Some(pull(door, stream, config, call))
    }
}
