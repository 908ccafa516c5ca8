//! The adapters: each reads from a [`Source`], which returns what it was fed, chunk by chunk, and fails or waits in between.

#![allow(
    clippy::std_instead_of_alloc,
    unused_imports,
    unused_macros,
    reason = "the tests have std, and each feature uses a part of this"
)]

use super::oracle::{Config, Recovered, Seen};
use super::readers::{
    Call, Ran, Recovery, Stream, count_events, milliseconds, raw, refusal, seen_item, text,
};
#[cfg(feature = "alloc")]
use super::readers::{owned, seen_owned_item};
use core::fmt::Debug;
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::{Context, Poll, Waker};
use sse_wire::{Buffer, DecodeError, EventDecoder, LastEventId, ReadError};
use std::sync::Arc;

/// An adapter that is read as far as what it was fed allows.
trait Pull {
    type Buffer: Buffer;

    fn source(&self) -> &Source;
    /// What comes next; `None` if there is nothing more, now or ever.
    fn next(&mut self, call: Call) -> Option<Result<Seen, DecodeError>>;
    fn decoder(&self) -> &EventDecoder<Self::Buffer>;
    fn ended_within_event(&self) -> bool;
}

/// Runs a stream through an adapter, which dispatches at the end what it can recover.
fn pull(
    mut adapter: impl Pull,
    stream: &Stream<'_>,
    config: &Config,
    mut next_call: impl FnMut() -> Call,
) -> Ran {
    let mut seen = Vec::new();
    let mut dispatched_after = Vec::new();
    let mut next = |adapter: &mut dyn FnMut(Call) -> Option<Result<Seen, DecodeError>>| {
        let call = next_call();
        let found = adapter(call).map(|found| match found {
            Ok(found) => found,
            Err(error) => Seen::Refused(refusal(error, config)),
        });
        (call, found)
    };
    for &chunk in stream.chunks {
        adapter.source().feed(chunk);
        let mut calls = 0;
        while let (call, Some(found)) = next(&mut |call| adapter.next(call)) {
            seen.push((call, found));
            calls += 1;
            assert!(
                calls <= 2 * chunk.len() + 4,
                "the adapter does not come to an end"
            );
        }
        dispatched_after.push(count_events(&seen));
    }
    assert!(
        !adapter.ended_within_event(),
        "the stream has not ended yet"
    );
    let last_event_id = adapter.decoder().last_event_id().to_owned();
    let reconnection_time = adapter.decoder().reconnection_time().map(milliseconds);
    adapter.source().close();
    let (call, recovered) = next(&mut |call| adapter.next(call));
    for _ in 0..2 {
        let (_, more) = next(&mut |call| adapter.next(call));
        assert_eq!(more, None, "there is something after the end");
    }
    let result = match recovered {
        Some(Seen::Event(event)) => Ok(Some(event)),
        Some(Seen::Refused(refusal)) => Err(refusal),
        Some(other) => panic!("{other:?} was recovered"),
        None => Ok(None),
    };
    let unfinished = if adapter.ended_within_event() {
        Some(Recovery {
            inside_line: None,
            call,
            recovered: Recovered {
                result,
                last_event_id: adapter.decoder().last_event_id().to_owned(),
                reconnection_time: adapter.decoder().reconnection_time().map(milliseconds),
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

/// What an adapter returned, without the error with which a transport has nothing yet.
fn found<E: PartialEq + Debug>(
    result: Result<Option<Seen>, ReadError<E>>,
    nothing_yet: Option<E>,
) -> Option<Result<Seen, DecodeError>> {
    match result {
        Ok(found) => found.map(Ok),
        Err(ReadError::Decode(error)) => Some(Err(error)),
        Err(ReadError::Transport(error)) => {
            assert_eq!(Some(error), nothing_yet);
            None
        }
    }
}

/// Polls until it is ready, or waits without having asked to be polled again.
fn poll_ready<T>(mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> Option<T> {
    struct Woken(AtomicBool);

    impl std::task::Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    let woken = Arc::new(Woken(AtomicBool::new(false)));
    let waker = Waker::from(woken.clone());
    let mut context = Context::from_waker(&waker);
    loop {
        match poll(&mut context) {
            Poll::Ready(ready) => return Some(ready),
            Poll::Pending if woken.0.swap(false, Ordering::Relaxed) => {}
            Poll::Pending => return None,
        }
    }
}

/// Polls the future that `call` makes once, and drops it: all that was read must be in the adapter. Asks for another one while the
/// adapter only yielded.
macro_rules! poll_dropped {
    ($call:expr) => {
        poll_ready(|context| core::pin::pin!($call).poll(context))
    };
}

fn initial_id(config: &Config) -> LastEventId<'_> {
    LastEventId::new(&config.initial_last_event_id).expect("a possible ID")
}

#[cfg(feature = "alloc")]
fn decoder(config: &Config) -> Option<EventDecoder> {
    let limits = sse_wire::Limits::new()
        .with_event(config.event_limit)
        .with_last_event_id(config.last_event_id_limit);
    let mut decoder = EventDecoder::with_limits(limits);
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

    /// Fills `buffer` with what is available, for readers, for which an empty chunk would be the end; `None` if there is nothing yet.
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

#[cfg(feature = "std")]
pub mod io {
    //! The reader of `std::io`.

    use super::*;
    use sse_wire::io::EventReader;
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
    }

    impl<R: BufRead> Pull for Reader<R> {
        type Buffer = Vec<u8>;

        fn source(&self) -> &Source {
            &self.source
        }

        fn next(&mut self, call: Call) -> Option<Result<Seen, DecodeError>> {
            let reader = &mut self.reader;
            let result = match call {
                Call::Decode => reader
                    .next_event()
                    .map(|event| event.map(|event| Seen::Event(text(event)))),
                Call::DecodeRaw => reader
                    .next_raw_event()
                    .map(|event| event.map(|event| Seen::Event(raw(event)))),
                Call::DecodeItem => reader.next_item().map(|item| item.map(seen_item)),
                Call::DecodeOwned => reader
                    .next()
                    .transpose()
                    .map(|event| event.map(|event| Seen::Event(owned(&event)))),
                Call::DecodeOwnedItem => unreachable!("there is no such call"),
            };
            let result = result.map_err(|error| match error {
                ReadError::Transport(error) => ReadError::Transport(error.kind()),
                ReadError::Decode(error) => ReadError::Decode(error),
            });
            found(result, Some(io::ErrorKind::WouldBlock))
        }

        fn decoder(&self) -> &EventDecoder {
            self.reader.decoder()
        }

        fn ended_within_event(&self) -> bool {
            self.reader.ended_within_event()
        }
    }

    fn run_reader<R: BufRead>(
        source: Source,
        reader: EventReader<R>,
        stream: &Stream<'_>,
        config: &Config,
        next_call: impl FnMut() -> Call,
    ) -> Option<Ran> {
        let reader = reader
            .with_decoder(decoder(config)?)
            .recover_at_end(stream.cut_line);
        Some(pull(Reader { source, reader }, stream, config, next_call))
    }

    /// With `Read`.
    pub fn run(
        stream: &Stream<'_>,
        config: &Config,
        next_call: impl FnMut() -> Call,
    ) -> Option<Ran> {
        let source = Source::default();
        let reader = EventReader::new(source.clone());
        run_reader(source, reader, stream, config, next_call)
    }

    /// With `BufRead`.
    pub fn run_buffered(
        stream: &Stream<'_>,
        config: &Config,
        next_call: impl FnMut() -> Call,
    ) -> Option<Ran> {
        let source = Source::default();
        let reader = EventReader::from_buffered(Buffered {
            source: source.clone(),
            shown: Vec::new(),
            consumed: 0,
        });
        run_reader(source, reader, stream, config, next_call)
    }
}

#[cfg(feature = "stream")]
pub mod stream {
    //! The streams, and with `http-body` the bodies.

    use super::*;
    use core::convert::Infallible;
    use core::future::Future;
    use core::pin::Pin;
    use sse_wire::stream::{ChunkStream, EventStream, EventStreamExt};
    use sse_wire::{OwnedEvent, OwnedItem};

    impl futures_util::Stream for Source {
        type Item = Result<Vec<u8>, Infallible>;

        fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
            match self.take() {
                Some(chunk) => Poll::Ready(chunk.map(Ok)),
                None => Poll::Pending,
            }
        }
    }

    /// A stream of events, whose borrowing calls are polled and awaited in turns.
    struct Polled<S: ChunkStream, T> {
        source: Source,
        stream: EventStream<S, T>,
        see: fn(&T) -> Seen,
        is_awaited: bool,
    }

    macro_rules! next {
        ($self:ident, $next:ident, $poll_next:ident, $see:expr) => {
            if $self.is_awaited {
                poll_dropped!(async { Ok($self.stream.$next().await?.map($see)) })
            } else {
                poll_ready(|context| {
                    let polled = Pin::new(&mut $self.stream).$poll_next(context);
                    polled.map(|found| Ok(found?.map($see)))
                })
            }
        };
    }

    impl<S, T> Pull for Polled<S, T>
    where
        S: ChunkStream<Error = Infallible> + Unpin,
        EventStream<S, T>: futures_util::Stream<Item = Result<T, ReadError<Infallible>>>,
    {
        type Buffer = Vec<u8>;

        fn source(&self) -> &Source {
            &self.source
        }

        fn next(&mut self, call: Call) -> Option<Result<Seen, DecodeError>> {
            use futures_util::Stream;

            self.is_awaited = !self.is_awaited;
            let result: Option<Result<Option<Seen>, ReadError<Infallible>>> = match call {
                Call::Decode => next!(self, next_event, poll_next_event, |event| Seen::Event(
                    text(event)
                )),
                Call::DecodeRaw => {
                    next!(self, next_raw_event, poll_next_raw_event, |event| {
                        Seen::Event(raw(event))
                    })
                }
                Call::DecodeItem => next!(self, next_item, poll_next_item, seen_item),
                Call::DecodeOwned | Call::DecodeOwnedItem => {
                    let next = poll_ready(|context| Pin::new(&mut self.stream).poll_next(context));
                    next.map(|found| Ok(found.transpose()?.map(|found| (self.see)(&found))))
                }
            };
            found(result?, None)
        }

        fn decoder(&self) -> &EventDecoder {
            self.stream.decoder()
        }

        fn ended_within_event(&self) -> bool {
            self.stream.ended_within_event()
        }
    }

    fn see_event(event: &OwnedEvent) -> Seen {
        Seen::Event(owned(event))
    }

    fn run_stream<S, T>(
        source: Source,
        events: EventStream<S, T>,
        see: fn(&T) -> Seen,
        stream: &Stream<'_>,
        config: &Config,
        next_call: impl FnMut() -> Call,
    ) -> Option<Ran>
    where
        S: ChunkStream<Error = Infallible> + Unpin,
        EventStream<S, T>: futures_util::Stream<Item = Result<T, ReadError<Infallible>>>,
    {
        let adapter = Polled {
            source,
            stream: events
                .with_decoder(decoder(config)?)
                .recover_at_end(stream.cut_line),
            see,
            is_awaited: stream.seed % 2 == 0,
        };
        Some(pull(adapter, stream, config, next_call))
    }

    /// A stream of owned events.
    pub fn run(
        stream: &Stream<'_>,
        config: &Config,
        next_call: impl FnMut() -> Call,
    ) -> Option<Ran> {
        let source = Source::default();
        let events = source.clone().events();
        run_stream(source, events, see_event, stream, config, next_call)
    }

    /// A stream of owned items.
    pub fn run_items(
        stream: &Stream<'_>,
        config: &Config,
        next_call: impl FnMut() -> Call,
    ) -> Option<Ran> {
        let source = Source::default();
        let items = source.clone().items();
        run_stream(source, items, seen_owned_item, stream, config, next_call)
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
                Some(Some(chunk)) => Poll::Ready(Some(Ok(http_body::Frame::data(chunk.into())))),
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

    /// The items of a body.
    #[cfg(feature = "http-body")]
    pub fn run_body(
        stream: &Stream<'_>,
        config: &Config,
        next_call: impl FnMut() -> Call,
    ) -> Option<Ran> {
        let source = Source::default();
        let body = SourceBody {
            source: source.clone(),
            gave_trailers: false,
        };
        let items = sse_wire::body::EventBodyExt::items(body);
        run_stream(source, items, seen_owned_item, stream, config, next_call)
    }
}

#[cfg(feature = "tokio")]
pub mod tokio {
    //! The reader of tokio, and the codec of tokio-util with a buffer that is read into.

    use super::*;
    use ::tokio::io::{AsyncRead, ReadBuf};
    use bytes::BytesMut;
    use core::future::Future;
    use core::pin::Pin;
    use sse_wire::tokio::{EventCodec, EventReader};
    use sse_wire::{OwnedEvent, OwnedItem};
    use std::io;
    use tokio_util::codec::Decoder;

    impl AsyncRead for Source {
        fn poll_read(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buffer: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            let Some(length) = Self::read(&self, buffer.initialize_unfilled()) else {
                return Poll::Pending;
            };
            buffer.advance(length);
            Poll::Ready(Ok(()))
        }
    }

    struct Reader {
        source: Source,
        reader: EventReader<Source>,
    }

    impl Pull for Reader {
        type Buffer = Vec<u8>;

        fn source(&self) -> &Source {
            &self.source
        }

        fn next(&mut self, call: Call) -> Option<Result<Seen, DecodeError>> {
            let reader = &mut self.reader;
            let result: Option<Result<Option<Seen>, ReadError<io::Error>>> = match call {
                Call::Decode => poll_dropped!(async {
                    let event = reader.next_event().await?;
                    Ok(event.map(|event| Seen::Event(text(event))))
                }),
                Call::DecodeRaw => poll_dropped!(async {
                    let event = reader.next_raw_event().await?;
                    Ok(event.map(|event| Seen::Event(raw(event))))
                }),
                Call::DecodeItem => {
                    poll_dropped!(async { Ok(reader.next_item().await?.map(seen_item)) })
                }
                Call::DecodeOwned | Call::DecodeOwnedItem => unreachable!("there is no such call"),
            };
            let result = result?.map_err(|error| match error {
                ReadError::Transport(error) => panic!("{error}"),
                ReadError::Decode(error) => ReadError::<()>::Decode(error),
            });
            found(result, None)
        }

        fn decoder(&self) -> &EventDecoder {
            self.reader.decoder()
        }

        fn ended_within_event(&self) -> bool {
            self.reader.ended_within_event()
        }
    }

    /// The reader.
    pub fn run(
        stream: &Stream<'_>,
        config: &Config,
        next_call: impl FnMut() -> Call,
    ) -> Option<Ran> {
        let source = Source::default();
        let reader = EventReader::new(source.clone())
            .with_decoder(decoder(config)?)
            .recover_at_end(stream.cut_line);
        Some(pull(Reader { source, reader }, stream, config, next_call))
    }

    struct Framed<T> {
        source: Source,
        codec: EventCodec<T>,
        buffer: BytesMut,
        is_closed: bool,
        see: fn(&T) -> Seen,
    }

    impl<T> Pull for Framed<T>
    where
        EventCodec<T>: Decoder<Item = Result<T, DecodeError>, Error = io::Error>,
    {
        type Buffer = Vec<u8>;

        fn source(&self) -> &Source {
            &self.source
        }

        fn next(&mut self, _: Call) -> Option<Result<Seen, DecodeError>> {
            while let (false, Some(chunk)) = (self.is_closed, self.source.take()) {
                match chunk {
                    Some(chunk) => self.buffer.extend_from_slice(&chunk),
                    None => self.is_closed = true,
                }
            }
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

        fn decoder(&self) -> &EventDecoder {
            self.codec.decoder()
        }

        fn ended_within_event(&self) -> bool {
            self.codec.ended_within_event()
        }
    }

    fn run_framed<T>(
        codec: EventCodec<T>,
        stream: &Stream<'_>,
        config: &Config,
        call: Call,
        see: fn(&T) -> Seen,
    ) -> Option<Ran>
    where
        EventCodec<T>: Decoder<Item = Result<T, DecodeError>, Error = io::Error>,
    {
        let adapter = Framed {
            source: Source::default(),
            codec: codec
                .with_decoder(decoder(config)?)
                .recover_at_end(stream.cut_line),
            buffer: BytesMut::new(),
            is_closed: false,
            see,
        };
        Some(pull(adapter, stream, config, || call))
    }

    /// The codec for events.
    pub fn run_codec(stream: &Stream<'_>, config: &Config) -> Option<Ran> {
        let see = |event: &OwnedEvent| Seen::Event(owned(event));
        run_framed(EventCodec::new(), stream, config, Call::DecodeOwned, see)
    }

    /// The codec for items.
    pub fn run_codec_items(stream: &Stream<'_>, config: &Config) -> Option<Ran> {
        let codec = EventCodec::<OwnedItem>::items();
        run_framed(
            codec,
            stream,
            config,
            Call::DecodeOwnedItem,
            seen_owned_item,
        )
    }
}

#[cfg(any(feature = "embedded-io", feature = "embedded-io-async"))]
pub mod embedded {
    //! The reader of embedded systems, in caller-provided memory, with a chunk whose size follows from the stream's seed.

    use super::*;
    use crate::common::random::Random;
    use crate::common::readers::memory_bytes;
    use core::future::Future;
    use embedded_io::ErrorKind;
    use sse_wire::embedded::EventReader;

    struct Reader<'m> {
        source: Source,
        reader: EventReader<'m, Source, &'m mut [u8]>,
        is_async: bool,
    }

    type Found = Result<Option<Seen>, ReadError<ErrorKind>>;

    #[cfg(feature = "embedded-io")]
    impl embedded_io::Read for Source {
        fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Self::Error> {
            Self::read(self, buffer).ok_or(ErrorKind::TimedOut)
        }
    }

    impl embedded_io::ErrorType for Source {
        type Error = ErrorKind;
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
        fn next_blocking(&mut self, call: Call) -> Found {
            match call {
                Call::Decode => self
                    .reader
                    .next_event()
                    .map(|event| event.map(|event| Seen::Event(text(event)))),
                Call::DecodeRaw => self
                    .reader
                    .next_raw_event()
                    .map(|event| event.map(|event| Seen::Event(raw(event)))),
                _ => self.reader.next_item().map(|item| item.map(seen_item)),
            }
        }

        #[cfg(not(feature = "embedded-io"))]
        fn next_blocking(&mut self, _: Call) -> Found {
            unreachable!("there is no such reader")
        }

        #[cfg(feature = "embedded-io-async")]
        fn next_async(&mut self, call: Call) -> Option<Found> {
            let reader = &mut self.reader;
            match call {
                Call::Decode => poll_dropped!(async {
                    let event = reader.next_event_async().await?;
                    Ok(event.map(|event| Seen::Event(text(event))))
                }),
                Call::DecodeRaw => poll_dropped!(async {
                    let event = reader.next_raw_event_async().await?;
                    Ok(event.map(|event| Seen::Event(raw(event))))
                }),
                _ => poll_dropped!(async { Ok(reader.next_item_async().await?.map(seen_item)) }),
            }
        }

        #[cfg(not(feature = "embedded-io-async"))]
        fn next_async(&mut self, _: Call) -> Option<Found> {
            unreachable!("there is no such reader")
        }
    }

    impl<'m> Pull for Reader<'m> {
        type Buffer = &'m mut [u8];

        fn source(&self) -> &Source {
            &self.source
        }

        fn next(&mut self, call: Call) -> Option<Result<Seen, DecodeError>> {
            let result = if self.is_async {
                self.next_async(call)?
            } else {
                self.next_blocking(call)
            };
            found(result, Some(ErrorKind::TimedOut))
        }

        fn decoder(&self) -> &EventDecoder<&'m mut [u8]> {
            self.reader.decoder()
        }

        fn ended_within_event(&self) -> bool {
            self.reader.ended_within_event()
        }
    }

    /// Blocking.
    #[cfg(feature = "embedded-io")]
    pub fn run(
        stream: &Stream<'_>,
        config: &Config,
        next_call: impl FnMut() -> Call,
    ) -> Option<Ran> {
        run_reader(stream, config, next_call, false)
    }

    /// Asynchronously.
    #[cfg(feature = "embedded-io-async")]
    pub fn run_async(
        stream: &Stream<'_>,
        config: &Config,
        next_call: impl FnMut() -> Call,
    ) -> Option<Ran> {
        run_reader(stream, config, next_call, true)
    }

    fn run_reader(
        stream: &Stream<'_>,
        config: &Config,
        next_call: impl FnMut() -> Call,
        is_async: bool,
    ) -> Option<Ran> {
        let mut random = Random::new(stream.seed);
        let mut chunk = vec![0; *random.choose(&[1, 2, 3, 7, 64, 1024])];
        let mut memory = vec![0; memory_bytes(config)?];
        let mut decoder = EventDecoder::with_buffer(&mut memory[..]);
        decoder.set_last_event_id(initial_id(config)).ok()?;
        let source = Source::default();
        let adapter = Reader {
            reader: EventReader::new(source.clone(), decoder, &mut chunk)
                .recover_at_end(stream.cut_line),
            source,
            is_async,
        };
        Some(pull(adapter, stream, config, next_call))
    }
}
