//! The adapters behind one trait, so that one suite can test all of them: see [`Adapter`] and
//! [`ADAPTERS`].

#![allow(
    clippy::exhaustive_enums,
    unused_imports,
    reason = "nothing outside the tests builds upon these, and each feature uses a part"
)]

#[cfg(feature = "alloc")]
use super::calls::SeeOwned;
use super::calls::{Call, ignored, milliseconds, see, see_item, see_raw, text};
use super::oracle::{Config, Dispatched, Seen};
use super::readers::memory_bytes;
use super::task::Task;
use super::transport::{Buffered, Fault, Step, Transport};
use core::fmt::Debug;
use core::future::poll_fn;
use core::pin::Pin;
use core::task::Poll;
#[cfg(any(feature = "stream", feature = "tokio"))]
use futures_util::Stream as _;
#[cfg(feature = "stream")]
use sse_wire::stream::{ChunkStream, EventStream};
#[cfg(feature = "tokio")]
use sse_wire::tokio::{EventCodec, EventReader as TokioReader};
use sse_wire::{Buffer, CutLine, DecodeError, EventDecoder, ReadError};
use std::io::ErrorKind;
#[cfg(feature = "tokio")]
use tokio_util::codec::{Decoder, FramedRead};

/// An adapter that reads from a [`Transport`].
pub trait Adapter {
    /// Makes a call. An asynchronous one is polled by the task; a blocking one that finds nothing
    /// yet counts as pending.
    fn call(&mut self, call: Call, task: &Task) -> Called;
    fn state(&self) -> State;
    /// Makes its decoder ready for the next connection, and decodes the [`first_event`] there.
    fn into_first_event(self: Box<Self>) -> Dispatched;
}

/// What came of a call: `None` at the end of the stream.
pub type Called = Poll<Option<Result<Seen, ReadError<Fault>>>>;

/// An adapter to be tested, and what it promises.
pub struct Contract {
    pub name: &'static str,
    /// Opens it, in memory that the caller provides if it needs any. `None` if it cannot have the
    /// limits of the setup, or not that last event ID.
    pub open: Open,
    /// Its calls, which may be mixed.
    pub calls: &'static [Call],
    pub on_error: OnError,
    /// Whether the transport is not read any more after its end.
    pub is_fused: bool,
    /// Whether it yields to the executor after 32 chunks or 256 KiB without an event.
    pub yields: bool,
}

pub type Open = for<'m> fn(Transport, &Setup<'_>, &'m mut Memory) -> Option<Box<dyn Adapter + 'm>>;

/// What an adapter does after an error of the transport, which it passes on once. All end, except
/// silent ones, after an event that is recovered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnError {
    /// It continues.
    Continues,
    /// It continues, and does so at once after `Interrupted`, which it does not pass on.
    Retries,
    /// It ends.
    Ends,
    /// It ends, recovers nothing, and does not report whether that was within an event.
    EndsSilently,
}

/// How an adapter is set up.
#[derive(Debug, Clone, Copy)]
pub struct Setup<'s> {
    pub config: &'s Config,
    pub recover: Option<CutLine>,
    /// The size of a chunk that the caller provides.
    pub chunk: usize,
}

/// The memory that a caller provides.
pub struct Memory {
    decoder: Vec<u8>,
    chunk: Vec<u8>,
}

/// What an adapter says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    pub last_event_id: String,
    pub reconnection_time: Option<u64>,
    pub ignored: (usize, Option<Vec<u8>>),
    pub ended_within_event: bool,
    /// Its debug form.
    pub shown: String,
}

impl OnError {
    pub fn is_end(self) -> bool {
        matches!(self, Self::Ends | Self::EndsSilently)
    }
}

impl Contract {
    const DEFAULT: Self = Self {
        name: "",
        open: |_, _, _| None,
        calls: Call::BORROWED,
        on_error: OnError::Continues,
        is_fused: true,
        yields: false,
    };
}

impl Setup<'_> {
    #[cfg(feature = "alloc")]
    fn decoder(&self) -> Option<EventDecoder> {
        let limits = sse_wire::Limits::new()
            .with_event(self.config.event_limit)
            .with_last_event_id(self.config.last_event_id_limit)
            .with_oversized_id_ignored(self.config.ignore_oversized_id);
        let initial = &self.config.initial_last_event_id;
        EventDecoder::with_limits(limits)
            .with_last_event_id(initial)
            .ok()
    }

    fn decoder_in<'m>(&self, memory: &'m mut [u8]) -> Option<EventDecoder<&'m mut [u8]>> {
        memory_bytes(self.config)?;
        let initial = &self.config.initial_last_event_id;
        EventDecoder::with_buffer(memory)
            .with_last_event_id(initial)
            .ok()
    }
}

impl Memory {
    pub fn new(setup: &Setup<'_>) -> Self {
        Self {
            decoder: vec![0xA5; memory_bytes(setup.config).unwrap_or(0)],
            chunk: vec![0xA5; setup.chunk],
        }
    }
}

impl State {
    fn of<B: Buffer>(
        adapter: &dyn Debug,
        decoder: &EventDecoder<B>,
        ended_within_event: bool,
    ) -> Self {
        Self {
            last_event_id: decoder.last_event_id().to_owned(),
            reconnection_time: decoder.reconnection_time().map(milliseconds),
            ignored: ignored(decoder),
            ended_within_event,
            shown: format!("{adapter:?}"),
        }
    }
}

/// What the decoder for the next connection makes of a new stream.
fn first_event<B: Buffer>(mut decoder: EventDecoder<B>) -> Dispatched {
    let event = decoder.decode(&mut &b"\xEF\xBB\xBFdata: new\n\n"[..]);
    text(event.expect("it fits").expect("an event"))
}

/// What a call returned, with the error as the transport gave it.
fn returned<E: Into<Fault>>(result: Result<Option<Seen>, ReadError<E>>) -> Called {
    Poll::Ready(match result {
        Ok(seen) => seen.map(Ok),
        Err(ReadError::Decode(error)) => Some(Err(ReadError::Decode(error))),
        Err(ReadError::Transport(error)) => match error.into() {
            Fault(ErrorKind::WouldBlock) => return Poll::Pending,
            fault => Some(Err(ReadError::Transport(fault))),
        },
    })
}

#[cfg(any(feature = "stream", feature = "tokio", feature = "embedded-io-async"))]
fn polled<E: Into<Fault>>(poll: Poll<Result<Option<Seen>, ReadError<E>>>) -> Called {
    returned(core::task::ready!(poll))
}

/// Every adapter. [`open`](Contract::open) is how a user would make one.
pub const ADAPTERS: &[Contract] = &[
    #[cfg(feature = "std")]
    Contract {
        name: "io, Read",
        open: |transport, setup, _| Io::open(sse_wire::io::EventReader::new(transport), setup),
        calls: Call::WITH_OWNED_EVENTS,
        on_error: OnError::Retries,
        ..Contract::DEFAULT
    },
    #[cfg(feature = "std")]
    Contract {
        name: "io, BufRead",
        open: |transport, setup, _| {
            let reader = Buffered::new(transport);
            Io::open(sse_wire::io::EventReader::from_buffered(reader), setup)
        },
        calls: Call::WITH_OWNED_EVENTS,
        on_error: OnError::Retries,
        ..Contract::DEFAULT
    },
    #[cfg(feature = "embedded-io")]
    Contract {
        name: "embedded, blocking",
        open: |transport, setup, memory| {
            let reader = embedded_reader(transport, setup, memory)?;
            Some(Box::new(Embedded(reader)))
        },
        on_error: OnError::Retries,
        ..Contract::DEFAULT
    },
    #[cfg(feature = "embedded-io-async")]
    Contract {
        name: "embedded, async",
        open: |transport, setup, memory| {
            let reader = embedded_reader(transport, setup, memory)?;
            Some(Box::new(EmbeddedAsync(reader)))
        },
        on_error: OnError::Retries,
        ..Contract::DEFAULT
    },
    #[cfg(feature = "stream")]
    Contract {
        name: "stream",
        open: |transport, setup, _| Events::open(EventStream::new(transport), setup),
        ..STREAM
    },
    #[cfg(feature = "stream")]
    Contract {
        name: "stream of items",
        open: |transport, setup, _| Events::open(EventStream::items(transport), setup),
        calls: Call::WITH_OWNED_ITEMS,
        ..STREAM
    },
    #[cfg(feature = "http-body")]
    Contract {
        name: "body of items",
        open: |transport, setup, _| {
            let items = sse_wire::body::EventBodyExt::items(transport);
            Events::open(items, setup)
        },
        calls: Call::WITH_OWNED_ITEMS,
        ..STREAM
    },
    #[cfg(feature = "tokio")]
    Contract {
        name: "tokio reader",
        open: |transport, setup, _| {
            let reader = TokioReader::new(transport).with_decoder(setup.decoder()?);
            let reader = setup
                .recover
                .into_iter()
                .fold(reader, TokioReader::recover_at_end);
            let is_polled = false;
            Some(Box::new(Tokio { reader, is_polled }))
        },
        yields: true,
        ..Contract::DEFAULT
    },
    #[cfg(feature = "tokio")]
    Contract {
        name: "codec of events",
        open: |transport, setup, _| Framed::open(transport, EventCodec::new(), setup),
        calls: &[Call::DecodeOwned],
        ..CODEC
    },
    #[cfg(feature = "tokio")]
    Contract {
        name: "codec of items",
        open: |transport, setup, _| Framed::open(transport, EventCodec::items(), setup),
        calls: &[Call::DecodeOwnedItem],
        ..CODEC
    },
];

#[cfg(feature = "stream")]
const STREAM: Contract = Contract {
    calls: Call::WITH_OWNED_EVENTS,
    on_error: OnError::Ends,
    yields: true,
    ..Contract::DEFAULT
};

/// A `FramedRead` reads on after the end, if it is polled.
#[cfg(feature = "tokio")]
const CODEC: Contract = Contract {
    on_error: OnError::EndsSilently,
    is_fused: false,
    ..Contract::DEFAULT
};

#[cfg(feature = "std")]
struct Io<R>(sse_wire::io::EventReader<R>);

#[cfg(feature = "std")]
impl<R: std::io::BufRead + 'static> Io<R> {
    fn open(reader: sse_wire::io::EventReader<R>, setup: &Setup<'_>) -> Option<Box<dyn Adapter>> {
        let reader = reader.with_decoder(setup.decoder()?);
        let recovering = sse_wire::io::EventReader::recover_at_end;
        Some(Box::new(Self(
            setup.recover.into_iter().fold(reader, recovering),
        )))
    }
}

#[cfg(feature = "std")]
impl<R: std::io::BufRead> Adapter for Io<R> {
    fn call(&mut self, call: Call, _: &Task) -> Called {
        let reader = &mut self.0;
        returned(match call {
            Call::Decode => reader.next_event().map(|event| event.map(see)),
            Call::DecodeRaw => reader.next_raw_event().map(|event| event.map(see_raw)),
            Call::DecodeItem => reader.next_item().map(|item| item.map(see_item)),
            _ => reader
                .next()
                .transpose()
                .map(|event| event.as_ref().map(SeeOwned::see)),
        })
    }

    fn state(&self) -> State {
        State::of(&self.0, self.0.decoder(), self.0.ended_within_event())
    }

    fn into_first_event(self: Box<Self>) -> Dispatched {
        first_event(self.0.into_decoder())
    }
}

#[cfg(any(feature = "embedded-io", feature = "embedded-io-async"))]
type EmbeddedReader<'m> = sse_wire::embedded::EventReader<'m, Transport, &'m mut [u8]>;

#[cfg(any(feature = "embedded-io", feature = "embedded-io-async"))]
fn embedded_reader<'m>(
    transport: Transport,
    setup: &Setup<'_>,
    memory: &'m mut Memory,
) -> Option<EmbeddedReader<'m>> {
    let decoder = setup.decoder_in(&mut memory.decoder)?;
    let reader = EmbeddedReader::new(transport, decoder, &mut memory.chunk);
    Some(
        setup
            .recover
            .into_iter()
            .fold(reader, EmbeddedReader::recover_at_end),
    )
}

#[cfg(feature = "embedded-io")]
struct Embedded<'m>(EmbeddedReader<'m>);

#[cfg(feature = "embedded-io")]
impl Adapter for Embedded<'_> {
    fn call(&mut self, call: Call, _: &Task) -> Called {
        let reader = &mut self.0;
        returned(match call {
            Call::Decode => reader.next_event().map(|event| event.map(see)),
            Call::DecodeRaw => reader.next_raw_event().map(|event| event.map(see_raw)),
            _ => reader.next_item().map(|item| item.map(see_item)),
        })
    }

    fn state(&self) -> State {
        State::of(&self.0, self.0.decoder(), self.0.ended_within_event())
    }

    fn into_first_event(self: Box<Self>) -> Dispatched {
        first_event(self.0.into_parts().1)
    }
}

#[cfg(feature = "embedded-io-async")]
struct EmbeddedAsync<'m>(EmbeddedReader<'m>);

#[cfg(feature = "embedded-io-async")]
impl Adapter for EmbeddedAsync<'_> {
    fn call(&mut self, call: Call, task: &Task) -> Called {
        let reader = &mut self.0;
        polled(match call {
            Call::Decode => task
                .poll(reader.next_event_async())
                .map_ok(|event| event.map(see)),
            Call::DecodeRaw => {
                let event = task.poll(reader.next_raw_event_async());
                event.map_ok(|event| event.map(see_raw))
            }
            _ => task
                .poll(reader.next_item_async())
                .map_ok(|item| item.map(see_item)),
        })
    }

    fn state(&self) -> State {
        State::of(&self.0, self.0.decoder(), self.0.ended_within_event())
    }

    fn into_first_event(self: Box<Self>) -> Dispatched {
        first_event(self.0.into_parts().1)
    }
}

/// A stream of events, whose borrowing calls are awaited and polled in turns.
#[cfg(feature = "stream")]
struct Events<S: ChunkStream, T> {
    stream: EventStream<S, T>,
    is_polled: bool,
}

#[cfg(feature = "stream")]
impl<S, T: SeeOwned + 'static> Events<S, T>
where
    S: ChunkStream<Error = Fault> + Unpin + 'static,
    EventStream<S, T>: futures_util::Stream<Item = Result<T, ReadError<Fault>>>,
{
    fn open(stream: EventStream<S, T>, setup: &Setup<'_>) -> Option<Box<dyn Adapter>> {
        let stream = stream.with_decoder(setup.decoder()?);
        let stream = setup
            .recover
            .into_iter()
            .fold(stream, EventStream::recover_at_end);
        let is_polled = false;
        Some(Box::new(Self { stream, is_polled }))
    }
}

#[cfg(feature = "stream")]
impl<S, T: SeeOwned> Adapter for Events<S, T>
where
    S: ChunkStream<Error = Fault> + Unpin,
    EventStream<S, T>: futures_util::Stream<Item = Result<T, ReadError<Fault>>>,
{
    fn call(&mut self, call: Call, task: &Task) -> Called {
        self.is_polled = !self.is_polled;
        let mut stream = Pin::new(&mut self.stream);
        polled(match call {
            Call::Decode if self.is_polled => task.poll(poll_fn(|context| {
                stream
                    .as_mut()
                    .poll_next_event(context)
                    .map_ok(|event| event.map(see))
            })),
            Call::DecodeRaw if self.is_polled => task.poll(poll_fn(|context| {
                stream
                    .as_mut()
                    .poll_next_raw_event(context)
                    .map_ok(|event| event.map(see_raw))
            })),
            Call::DecodeItem if self.is_polled => task.poll(poll_fn(|context| {
                stream
                    .as_mut()
                    .poll_next_item(context)
                    .map_ok(|item| item.map(see_item))
            })),
            Call::Decode => task
                .poll(stream.next_event())
                .map_ok(|event| event.map(see)),
            Call::DecodeRaw => task
                .poll(stream.next_raw_event())
                .map_ok(|event| event.map(see_raw)),
            Call::DecodeItem => task
                .poll(stream.next_item())
                .map_ok(|item| item.map(see_item)),
            Call::DecodeOwned | Call::DecodeOwnedItem => {
                let found = task.poll(poll_fn(|context| stream.as_mut().poll_next(context)));
                found
                    .map(Option::transpose)
                    .map_ok(|found| found.as_ref().map(T::see))
            }
        })
    }

    fn state(&self) -> State {
        let stream = &self.stream;
        State::of(stream, stream.decoder(), stream.ended_within_event())
    }

    fn into_first_event(self: Box<Self>) -> Dispatched {
        first_event(self.stream.into_decoder())
    }
}

/// A reader whose calls are awaited and polled in turns.
#[cfg(feature = "tokio")]
struct Tokio {
    reader: TokioReader<Transport>,
    is_polled: bool,
}

#[cfg(feature = "tokio")]
impl Adapter for Tokio {
    fn call(&mut self, call: Call, task: &Task) -> Called {
        self.is_polled = !self.is_polled;
        let reader = &mut self.reader;
        polled(match call {
            Call::Decode if self.is_polled => task.poll(poll_fn(|context| {
                let event = Pin::new(&mut *reader).poll_next_event(context);
                event.map_ok(|event| event.map(see))
            })),
            Call::DecodeRaw if self.is_polled => task.poll(poll_fn(|context| {
                let event = Pin::new(&mut *reader).poll_next_raw_event(context);
                event.map_ok(|event| event.map(see_raw))
            })),
            _ if self.is_polled => task.poll(poll_fn(|context| {
                let item = Pin::new(&mut *reader).poll_next_item(context);
                item.map_ok(|item| item.map(see_item))
            })),
            Call::Decode => task
                .poll(reader.next_event())
                .map_ok(|event| event.map(see)),
            Call::DecodeRaw => task
                .poll(reader.next_raw_event())
                .map_ok(|event| event.map(see_raw)),
            _ => task
                .poll(reader.next_item())
                .map_ok(|item| item.map(see_item)),
        })
    }

    fn state(&self) -> State {
        let reader = &self.reader;
        State::of(reader, reader.decoder(), reader.ended_within_event())
    }

    fn into_first_event(self: Box<Self>) -> Dispatched {
        first_event(self.reader.into_decoder())
    }
}

#[cfg(feature = "tokio")]
struct Framed<T>(FramedRead<Transport, EventCodec<T>>);

#[cfg(feature = "tokio")]
impl<T: SeeOwned + 'static> Framed<T>
where
    EventCodec<T>: Decoder<Item = Result<T, DecodeError>, Error = std::io::Error>,
{
    fn open(
        transport: Transport,
        codec: EventCodec<T>,
        setup: &Setup<'_>,
    ) -> Option<Box<dyn Adapter>> {
        let codec = codec.with_decoder(setup.decoder()?);
        let codec = setup
            .recover
            .into_iter()
            .fold(codec, EventCodec::recover_at_end);
        Some(Box::new(Self(FramedRead::new(transport, codec))))
    }
}

#[cfg(feature = "tokio")]
impl<T: SeeOwned> Adapter for Framed<T>
where
    EventCodec<T>: Decoder<Item = Result<T, DecodeError>, Error = std::io::Error>,
{
    fn call(&mut self, _: Call, task: &Task) -> Called {
        let next = task.poll(poll_fn(|context| Pin::new(&mut self.0).poll_next(context)));
        if !matches!(next, Poll::Ready(Some(_))) {
            assert!(self.0.read_buffer().is_empty(), "something was left over");
        }
        polled(next.map(|next| match next {
            None => Ok(None),
            Some(Ok(Ok(found))) => Ok(Some(found.see())),
            Some(Ok(Err(error))) => Err(ReadError::Decode(error)),
            Some(Err(error)) => Err(ReadError::Transport(error)),
        }))
    }

    fn state(&self) -> State {
        let codec = self.0.decoder();
        State::of(codec, codec.decoder(), codec.ended_within_event())
    }

    fn into_first_event(self: Box<Self>) -> Dispatched {
        first_event(self.0.decoder().clone().into_decoder())
    }
}
