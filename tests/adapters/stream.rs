//! A stream of chunks becomes events: by calls that borrow, by polls that borrow, and as a `Stream` of owned events. None is lost,
//! whichever future is dropped and whatever fails; the stream of chunks is not polled more than needed, and other tasks can run.
#![cfg(feature = "stream")]

extern crate alloc;

#[path = "common/events.rs"]
mod events;

use alloc::borrow::Cow;
use alloc::collections::VecDeque;
use alloc::rc::Rc;
use core::cell::Cell;
use core::convert::Infallible;
use core::error::Error;
use core::fmt;
use core::future::Future;
use core::marker::PhantomPinned;
use core::pin::{Pin, pin};
use core::task::{Context, Poll, Waker, ready};
use events::{
    Otherwise, Parts, Probe, STREAM, Wakes, events_of, item_parts, items_of, owned_item_parts,
    parts, raw_parts,
};
use futures_core::{FusedStream, Stream};
use futures_util::future::FutureExt;
use futures_util::stream::{self, StreamExt};
use sse_wire::client::EventSource;
use sse_wire::reconnect::{Head, ReconnectingStream, Update};
use sse_wire::stream::{ChunkStream, EventStream, EventStreamExt};
use sse_wire::{
    CutLine, DecodeError, EventDecoder, Item, LastEventId, Limits, OwnedEvent, OwnedItem, ReadError,
};

/// What a transport fails with: not more than an error needs to be.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Broken(u8);

impl fmt::Display for Broken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "broken in {} places", self.0)
    }
}

impl Error for Broken {}

/// What a stream of chunks answers when it is polled.
#[derive(Debug, Clone)]
enum Answer {
    Chunk(&'static [u8]),
    /// Its last answer.
    Fails(Broken),
    /// There will be more at once.
    NotYet,
    /// There will be more, and it says when.
    Waits,
}

use Answer::{Chunk, Fails, NotYet, Waits};

/// A stream of chunks that gives these answers, then ends, and must not be polled again.
#[derive(Debug, Clone)]
struct Scripted {
    answers: VecDeque<Answer>,
    polls: usize,
    has_ended: bool,
}

impl Scripted {
    fn new(answers: impl IntoIterator<Item = Answer>) -> Self {
        Self {
            answers: answers.into_iter().collect(),
            polls: 0,
            has_ended: false,
        }
    }
}

impl Stream for Scripted {
    type Item = Result<&'static [u8], Broken>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        assert!(!self.has_ended, "it was polled after its end");
        self.polls += 1;
        let answer = self.answers.pop_front();
        self.has_ended = matches!(answer, None | Some(Fails(_)));
        match answer {
            Some(Chunk(chunk)) => Poll::Ready(Some(Ok(chunk))),
            Some(Fails(error)) => Poll::Ready(Some(Err(error))),
            Some(NotYet) => {
                context.waker().wake_by_ref();
                Poll::Pending
            }
            Some(Waits) => Poll::Pending,
            None => Poll::Ready(None),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.answers.len(), Some(self.answers.len()))
    }
}

/// How a stream of events is set up.
#[derive(Debug, Clone, Copy)]
struct Setup {
    recover: Option<CutLine>,
    limits: Limits,
    last_event_id: &'static str,
}

impl Setup {
    const NONE: Self = Self {
        recover: None,
        limits: Limits::new(),
        last_event_id: "",
    };

    fn decoder(self) -> EventDecoder {
        let mut decoder = EventDecoder::with_limits(self.limits);
        let id = LastEventId::from_static(self.last_event_id);
        decoder.set_last_event_id(id).expect("it fits");
        decoder
    }
}

/// A way to ask for the next event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Call {
    /// That of the `Stream`.
    Next,
    NextEvent,
    PollEvent,
    NextRaw,
    PollRaw,
    NextItem,
    PollItem,
    /// Each of them in turn.
    Mixed,
}

impl Call {
    const fn is_item(self) -> bool {
        matches!(self, Self::NextItem | Self::PollItem)
    }
}

/// All but the last one.
const CALLS: [Call; 7] = [
    Call::Next,
    Call::NextEvent,
    Call::PollEvent,
    Call::NextRaw,
    Call::PollRaw,
    Call::NextItem,
    Call::PollItem,
];

/// A stream of events that is read by one of the calls, or by all of them.
struct Reading<T> {
    stream: EventStream<Scripted, T>,
    call: Call,
    number_of_calls: usize,
    owned_parts: fn(&T) -> Option<Parts>,
}

type Found = Option<Result<Parts, ReadError<Broken>>>;

/// What tests want of a reading, whatever its type.
trait Read {
    /// Calls once, and drops the future if it is pending. Everything but events is skipped.
    fn poll(&mut self, waker: &Waker) -> Poll<Found>;
    fn chunks(&self) -> &Scripted;
    fn ended_within_event(&self) -> bool;
    fn last_event_id(&self) -> &str;
    fn is_terminated(&self) -> bool;
    fn size_hint(&self) -> (usize, Option<usize>);
}

impl<T> Reading<T>
where
    EventStream<Scripted, T>: Stream<Item = Result<T, ReadError<Broken>>>,
{
    /// What one call gives; `Some(Ok(None))` if that is not an event.
    fn poll_call(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Option<Parts>, ReadError<Broken>>>> {
        let stream = &mut self.stream;
        let call = match self.call {
            Call::Mixed => CALLS[self.number_of_calls * 3 % CALLS.len()],
            call => call,
        };
        self.number_of_calls += 1;
        let found = match call {
            Call::Next | Call::Mixed => {
                let found = ready!(stream.poll_next_unpin(context));
                return Poll::Ready(
                    found.map(|found| found.map(|found| (self.owned_parts)(&found))),
                );
            }
            Call::NextEvent => ready!(pin!(stream.next_event()).poll(context))
                .map(|event| event.map(|event| Some(parts(event)))),
            Call::PollEvent => ready!(Pin::new(stream).poll_next_event(context))
                .map(|event| event.map(|event| Some(parts(event)))),
            Call::NextRaw => ready!(pin!(stream.next_raw_event()).poll(context))
                .map(|event| event.map(|event| Some(raw_parts(event)))),
            Call::PollRaw => ready!(Pin::new(stream).poll_next_raw_event(context))
                .map(|event| event.map(|event| Some(raw_parts(event)))),
            Call::NextItem => {
                ready!(pin!(stream.next_item()).poll(context)).map(|item| item.map(item_parts))
            }
            Call::PollItem => {
                ready!(Pin::new(stream).poll_next_item(context)).map(|item| item.map(item_parts))
            }
        };
        Poll::Ready(found.transpose())
    }
}

impl<T> Read for Reading<T>
where
    EventStream<Scripted, T>: FusedStream<Item = Result<T, ReadError<Broken>>>,
{
    fn poll(&mut self, waker: &Waker) -> Poll<Found> {
        let mut context = Context::from_waker(waker);
        loop {
            match ready!(self.poll_call(&mut context)) {
                Some(Ok(Some(event))) => return Poll::Ready(Some(Ok(event))),
                Some(Ok(None)) => {}
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
    }

    fn chunks(&self) -> &Scripted {
        self.stream.get_ref()
    }

    fn ended_within_event(&self) -> bool {
        self.stream.ended_within_event()
    }

    fn last_event_id(&self) -> &str {
        self.stream.decoder().last_event_id()
    }

    fn is_terminated(&self) -> bool {
        self.stream.is_terminated()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.stream.size_hint()
    }
}

/// Each way to read these answers, by name.
fn readings(answers: &[Answer], setup: Setup) -> Vec<(String, Box<dyn Read>)> {
    fn reading<T>(
        mut stream: EventStream<Scripted, T>,
        call: Call,
        setup: Setup,
        owned_parts: fn(&T) -> Option<Parts>,
    ) -> (String, Box<dyn Read>)
    where
        T: 'static,
        EventStream<Scripted, T>: FusedStream<Item = Result<T, ReadError<Broken>>>,
    {
        stream = stream.with_decoder(setup.decoder());
        if let Some(cut_line) = setup.recover {
            stream = stream.recover_at_end(cut_line);
        }
        let name = format!("{call:?} of {}", core::any::type_name::<T>());
        let reading = Reading {
            stream,
            call,
            number_of_calls: 0,
            owned_parts,
        };
        (name, Box::new(reading))
    }

    let chunks = || Scripted::new(answers.iter().cloned());
    let event_parts = |event: &OwnedEvent| Some(parts(event.as_event()));
    let calls = CALLS.into_iter().chain([Call::Mixed]);
    let events = calls.map(|call| reading(chunks().events(), call, setup, event_parts));
    let calls = [Call::Next, Call::Mixed];
    let items = calls.map(|call| reading(chunks().items(), call, setup, owned_item_parts));
    events.chain(items).collect()
}

/// Everything that a reading gives to a caller that drops every pending future, and calls again once it was woken.
fn read_all(reading: &mut dyn Read) -> Vec<Result<Parts, ReadError<Broken>>> {
    let (wakes, waker) = Wakes::new();
    let mut events = Vec::new();
    for _ in 0..100_000 {
        match reading.poll(&waker) {
            Poll::Ready(Some(event)) => events.push(event),
            Poll::Ready(None) => return events,
            Poll::Pending => assert!(wakes.take() > 0, "nobody was woken"),
        }
    }
    panic!("it does not come to an end")
}

fn data_of(read: Vec<Result<Parts, ReadError<Broken>>>) -> Vec<Result<String, ReadError<Broken>>> {
    read.into_iter()
        .map(|event| event.map(|(_, data, ..)| data))
        .collect()
}

fn data(text: &str) -> Result<String, ReadError<Broken>> {
    Ok(text.to_owned())
}

#[test]
fn events_do_not_depend_on_the_chunks_or_the_calls() {
    let expected: Vec<_> = events_of(STREAM).into_iter().map(Ok).collect();
    assert_eq!(expected.len(), 4);
    for size in 1..=STREAM.len() {
        let chunks: Vec<_> = STREAM.chunks(size).map(Chunk).collect();
        for (name, mut reading) in readings(&chunks, Setup::NONE) {
            assert_eq!(read_all(&mut *reading), expected, "{name} {size}");
            assert!(!reading.ended_within_event());
            assert_eq!(reading.last_event_id(), "2");
        }
    }
}

#[test]
fn dropping_a_pending_future_loses_nothing() {
    let expected: Vec<_> = events_of(STREAM).into_iter().map(Ok).collect();
    // The future is dropped at each place where it can be pending: several times, and without a byte in between.
    for cut in 0..=STREAM.len() {
        let (before, after) = STREAM.split_at(cut);
        let answers = [
            Chunk(before),
            NotYet,
            NotYet,
            Chunk(b""),
            NotYet,
            Chunk(after),
            NotYet,
        ];
        for (name, mut reading) in readings(&answers, Setup::NONE) {
            assert_eq!(read_all(&mut *reading), expected, "{name} {cut}");
        }
    }
    let bytes = STREAM.chunks(1).flat_map(|byte| [NotYet, Chunk(byte)]);
    let answers: Vec<_> = bytes.collect();
    for (name, mut reading) in readings(&answers, Setup::NONE) {
        assert_eq!(read_all(&mut *reading), expected, "{name}");
    }
}

#[test]
fn after_the_end_the_stream_of_chunks_is_not_polled_again() {
    for answers in [
        vec![],
        vec![Chunk(b"")],
        vec![Chunk(b"data: 1\n\n")],
        vec![Chunk(b"data: 1\n\n: ping\n"), NotYet],
        vec![Chunk(b"data: 1\n\ndata: cut")],
        vec![Chunk(b"data: 1\n\ndata: cut"), Fails(Broken(1))],
        vec![Fails(Broken(1))],
    ] {
        for recover in [None, Some(CutLine::Keep), Some(CutLine::Discard)] {
            let setup = Setup {
                recover,
                ..Setup::NONE
            };
            for (name, mut reading) in readings(&answers, setup) {
                assert!(!reading.is_terminated(), "{name}");
                read_all(&mut *reading);
                assert!(reading.chunks().has_ended);
                for _ in 0..3 {
                    assert!(reading.is_terminated(), "{name}");
                    let (_, waker) = Wakes::new();
                    assert_eq!(reading.poll(&waker), Poll::Ready(None), "{name}");
                }
            }
        }
    }
}

#[test]
fn it_is_not_terminated_while_there_is_something_to_come() {
    let (_, waker) = Wakes::new();
    let setup = Setup {
        recover: Some(CutLine::Keep),
        ..Setup::NONE
    };
    for (name, mut reading) in readings(&[Chunk(b"data: 1\n\ndata: 2"), Waits], setup) {
        assert!(matches!(reading.poll(&waker), Poll::Ready(Some(_))));
        assert!(!reading.is_terminated(), "{name}");
        assert!(reading.poll(&waker).is_pending());
        assert!(!reading.is_terminated(), "{name}");
        let last = reading.poll(&waker);
        assert!(matches!(last, Poll::Ready(Some(Ok((_, data, ..)))) if data == "2"));
        assert!(reading.is_terminated(), "{name}");
    }
}

#[test]
fn the_error_of_the_stream_of_chunks_is_passed_on_once_and_is_the_end() {
    for begun in [&b""[..], b": ping\n", b"data: cut", b"data: cut\nid: 5\n"] {
        let answers = [Chunk(b"id: 4\ndata: 1\n\n"), Chunk(begun), Fails(Broken(7))];
        let setup = Setup {
            recover: Some(CutLine::Keep),
            ..Setup::NONE
        };
        for (name, mut reading) in readings(&answers, setup) {
            let read = data_of(read_all(&mut *reading));
            let expected = [data("1"), Err(ReadError::Transport(Broken(7)))];
            // Nothing is recovered: it is not the end that the sender meant.
            assert_eq!(read, expected, "{name}");
            assert!(reading.is_terminated());
            assert_eq!(reading.ended_within_event(), begun.starts_with(b"data"));
            assert_eq!(reading.last_event_id(), "4");
        }
    }
}

#[test]
fn display_and_source_delegate_to_the_error_of_the_transport() {
    let error: Box<dyn Error> = Box::new(ReadError::Transport(Broken(3)));
    assert_eq!(error.to_string(), "broken in 3 places");
    assert!(error.source().is_none());
    let error: Box<dyn Error> = Box::new(ReadError::<Broken>::Decode(DecodeError::EventTooLarge {
        limit: 8,
    }));
    assert!(error.to_string().contains("limit of 8 bytes"));
}

#[test]
fn a_rejected_event_is_an_error_and_the_next_call_continues_after_it() {
    const WITH_OVERSIZED: &[u8] =
        b"data: 1\n\n\ndata: much too large\nid: 7\n\ndata: 2\n\nid: 12345\n\ndata: 3\n\n";
    let limits = Limits::new().with_event(8).with_last_event_id(4);
    let rejected = |error| Err(ReadError::Decode(error));
    let expected = [
        data("1"),
        rejected(DecodeError::EventTooLarge { limit: 8 }),
        data("2"),
        rejected(DecodeError::LastEventIdTooLarge { limit: 4 }),
        data("3"),
    ];
    for size in 1..=WITH_OVERSIZED.len() {
        let chunks: Vec<_> = WITH_OVERSIZED.chunks(size).map(Chunk).collect();
        let setup = Setup {
            limits,
            ..Setup::NONE
        };
        for (name, mut reading) in readings(&chunks, setup) {
            assert_eq!(data_of(read_all(&mut *reading)), expected, "{name} {size}");
            assert_eq!(reading.last_event_id(), "7");
        }
    }
}

#[test]
fn the_events_of_a_chunk_come_before_the_next_chunk_is_polled_for() {
    let (wakes, waker) = Wakes::new();
    let answers = [
        Chunk(b"data: 1\n\n: ping\ndata: 2\n\n\ndata: 3\n\ndata: 4"),
        Chunk(b"\n\ndata: 5\n\n"),
        Waits,
    ];
    for (name, mut reading) in readings(&answers, Setup::NONE) {
        for (expected, polls) in [("1", 1), ("2", 1), ("3", 1), ("4", 2), ("5", 2)] {
            let event = reading.poll(&waker);
            assert!(
                matches!(event, Poll::Ready(Some(Ok((_, data, ..)))) if data == expected),
                "{name}"
            );
            assert_eq!(reading.chunks().polls, polls, "{name} {expected}");
        }
        assert!(reading.poll(&waker).is_pending());
        assert_eq!(reading.chunks().polls, 3, "{name}");
    }
    assert_eq!(wakes.take(), 0);
}

#[test]
fn a_pending_stream_of_chunks_wakes_nobody() {
    let (wakes, waker) = Wakes::new();
    for answers in [
        vec![Waits],
        vec![Chunk(b"data: 1\n"), Waits],
        vec![Chunk(b""), Waits],
    ] {
        for (name, mut reading) in readings(&answers, Setup::NONE) {
            assert!(reading.poll(&waker).is_pending());
            assert_eq!(reading.chunks().polls, answers.len(), "{name}");
            assert_eq!(wakes.take(), 0, "{name}");
        }
    }
}

/// 64 KiB of a comment that does not end.
static COMMENT: [u8; 64 << 10] = [b':'; 64 << 10];

#[test]
fn it_yields_after_32_chunks_or_256_kib_without_an_event() {
    for (chunk, most_polls) in [
        (&b""[..], 32),
        (b"\n", 32),
        (b"\r\n\r\n", 32),
        (b"unknown: x\n", 32),
        (b"data: x\n", 32),
        (&COMMENT, 4),
    ] {
        let mut answers = vec![Chunk(chunk); 1000];
        answers.push(Chunk(b"\n\ndata: last\n\n"));
        for (name, mut reading) in readings(&answers, Setup::NONE) {
            if chunk.starts_with(b":") && (name.contains("Item") || name.starts_with("Mixed")) {
                // A fragment of a comment is an item.
                continue;
            }
            let (wakes, waker) = Wakes::new();
            let (mut polls, mut yields) = (0, 0);
            let last = loop {
                let polled = reading.poll(&waker);
                assert!(
                    reading.chunks().polls - polls <= most_polls,
                    "{name} {chunk:?}"
                );
                polls = reading.chunks().polls;
                match polled {
                    Poll::Ready(event) => break event,
                    Poll::Pending => {
                        assert!(wakes.take() > 0, "{name}");
                        yields += 1;
                    }
                }
            };
            let (_, data, ..) = last.expect("an event").expect("it fits");
            let joined = "x\n".repeat(1000);
            let expected = if chunk == b"data: x\n" {
                joined.trim_end()
            } else {
                "last"
            };
            assert!(data == expected, "{name}");
            // Not more often either: yielding for each chunk would be slow.
            assert!(
                (1000 / most_polls..=1001 / most_polls + 1).contains(&yields),
                "{name} {yields}"
            );
        }
    }
}

#[test]
fn it_does_not_yield_within_32_chunks() {
    let (wakes, waker) = Wakes::new();
    let mut answers = vec![Chunk(b"\n"); 31];
    answers.push(Chunk(b"data: last\n\n"));
    for (name, mut reading) in readings(&answers, Setup::NONE) {
        assert!(reading.poll(&waker).is_ready(), "{name}");
    }
    assert_eq!(wakes.take(), 0);
}

#[test]
fn the_size_hint_promises_nothing_before_the_end() {
    let (_, waker) = Wakes::new();
    for (name, mut reading) in readings(&[Chunk(b"data: 1\n\ndata: 2\n\n")], Setup::NONE) {
        for _ in 0..2 {
            assert_eq!(reading.size_hint(), (0, None), "{name}");
            assert!(reading.poll(&waker).is_ready());
        }
        assert_eq!(reading.size_hint(), (0, None), "{name}");
        assert_eq!(reading.poll(&waker), Poll::Ready(None));
        assert_eq!(reading.size_hint(), (0, Some(0)), "{name}");
    }
}

#[test]
fn an_event_that_the_end_cuts_off_is_discarded_unless_it_is_to_be_recovered() {
    for (stream, kept, discarded, within_event) in [
        (&b""[..], None, None, false),
        (b"data: 1\n\n", None, None, false),
        (b": ping", None, None, false),
        (b"retry: 15", None, None, false),
        (b"data: [DONE]", Some("[DONE]"), None, true),
        (b"data: [DONE]\n", Some("[DONE]"), Some("[DONE]"), true),
        (b"data: a\ndata: b", Some("a\nb"), Some("a"), true),
        (b"event: a\n", None, None, true),
        (b"dat", None, None, true),
    ] {
        for (recover, recovered) in [
            (None, None),
            (Some(CutLine::Keep), kept),
            (Some(CutLine::Discard), discarded),
        ] {
            let setup = Setup {
                recover,
                ..Setup::NONE
            };
            let answers = [Chunk(b"data: first\n\n"), Chunk(stream), NotYet];
            let whole = stream.ends_with(b"\n\n").then(|| data("1"));
            let expected: Vec<_> = [data("first")]
                .into_iter()
                .chain(whole)
                .chain(recovered.map(data))
                .collect();
            for (name, mut reading) in readings(&answers, setup) {
                assert!(!reading.ended_within_event());
                let read = data_of(read_all(&mut *reading));
                assert_eq!(read, expected, "{name} {setup:?}");
                assert_eq!(
                    reading.ended_within_event(),
                    within_event,
                    "{name} {stream:?}"
                );
            }
        }
    }
}

#[test]
fn a_recovered_event_that_is_too_large_is_the_last_error() {
    // Its text takes more than its bytes.
    let answers = [Chunk(b"data: \xFF\xFF\xFF")];
    let setup = Setup {
        recover: Some(CutLine::Keep),
        limits: Limits::new().with_event(8),
        ..Setup::NONE
    };
    for (name, mut reading) in readings(&answers, setup) {
        let read = data_of(read_all(&mut *reading));
        let rejected = DecodeError::EventTooLarge { limit: 8 };
        let expected = if name.contains("Raw") {
            data("\u{FFFD}\u{FFFD}\u{FFFD}")
        } else {
            Err(ReadError::Decode(rejected))
        };
        assert_eq!(read, [expected], "{name}");
        assert!(reading.is_terminated() && reading.ended_within_event());
    }
}

#[test]
fn it_continues_with_the_state_of_a_decoder() {
    let setup = Setup {
        last_event_id: "41",
        ..Setup::NONE
    };
    let answers = [Chunk(b"data: 1\n\nid: 42\ndata: 2\n\n")];
    let event = |data: &str, last_event_id: &str, id: Option<&str>| {
        let id = id.map(str::to_owned);
        Ok(("message".into(), data.into(), last_event_id.into(), id))
    };
    for (name, mut reading) in readings(&answers, setup) {
        assert_eq!(reading.last_event_id(), "41");
        let read = read_all(&mut *reading);
        let expected = [event("1", "41", None), event("2", "42", Some("42"))];
        assert_eq!(read, expected, "{name}");
        assert_eq!(reading.last_event_id(), "42");
    }
    let events = Scripted::new([]).events();
    let events = events.with_decoder(EventDecoder::with_limits(Limits::new().with_event(99)));
    assert_eq!(events.decoder().limits().event, 99);
}

#[test]
fn the_stream_of_chunks_is_returned() {
    let mut events = Scripted::new([Chunk(b"data: 1\n\ndata: lost"), Chunk(b"the rest")]).events();
    assert!(events.next().now_or_never().is_some());
    let left: Vec<_> = events
        .into_inner()
        .map(Result::unwrap)
        .collect()
        .now_or_never()
        .unwrap();
    assert_eq!(left, [b"the rest"]);
    // Or only borrowed, in the first place.
    let mut chunks = Scripted::new([Chunk(b"data: 1\n\n"), Chunk(b"the rest")]);
    let mut events = (&mut chunks).events();
    let event = events.next_event().now_or_never().expect("it is ready");
    assert_eq!(event.expect("it fits").expect("an event").data(), "1");
    assert_eq!(
        chunks.next().now_or_never(),
        Some(Some(Ok(&b"the rest"[..])))
    );
}

#[test]
fn comments_and_reconnection_times_come_in_the_order_of_the_stream() {
    let expected = items_of(STREAM);
    assert_eq!(expected.len(), 9);
    let read: Vec<_> = Scripted::new([Chunk(STREAM)])
        .items()
        .collect()
        .now_or_never()
        .unwrap();
    assert_eq!(
        read.into_iter().collect::<Result<Vec<_>, _>>(),
        Ok(expected.clone())
    );
    let mut events = Scripted::new([Chunk(STREAM)]).events();
    let mut read = Vec::new();
    while let Some(Ok(Some(item))) = events.next_item().now_or_never() {
        read.push(OwnedItem::from(item));
    }
    assert_eq!(read, expected);
}

#[test]
fn a_chunk_is_anything_that_is_bytes() {
    fn read<B: AsRef<[u8]>>(chunk: B) -> String {
        let mut chunks = pin!(stream::once(async { Ok::<_, Infallible>(chunk) }));
        let mut events = chunks.as_mut().events();
        let event = events.next_event().now_or_never().expect("it is ready");
        event.expect("it fits").expect("an event").data().to_owned()
    }
    assert_eq!(read(Vec::from("data: vec\n\n")), "vec");
    assert_eq!(read(&b"data: slice\n\n"[..]), "slice");
    assert_eq!(read(*b"data: array\n\n"), "array");
    assert_eq!(read("data: text\n\n"), "text");
    assert_eq!(read(String::from("data: string\n\n")), "string");
    assert_eq!(read(Cow::Borrowed(&b"data: cow\n\n"[..])), "cow");
    assert_eq!(read(Rc::<[u8]>::from(&b"data: rc\n\n"[..])), "rc");
    assert_eq!(read(bytes::Bytes::from_static(b"data: bytes\n\n")), "bytes");
}

/// A stream that must not be moved, and cannot be sent elsewhere, neither itself nor its chunks and errors.
struct Immovable {
    chunks: Cell<Option<&'static [u8]>>,
    _pinned: PhantomPinned,
    _local: Rc<()>,
}

impl Immovable {
    fn new() -> Self {
        Self {
            chunks: Cell::new(Some(b"data: 1\n\ndata: 2\n\ndata: 3\n\ndata: cut")),
            _pinned: PhantomPinned,
            _local: Rc::new(()),
        }
    }
}

impl Stream for Immovable {
    type Item = Result<Rc<[u8]>, Rc<str>>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(Some(match self.chunks.take() {
            Some(chunk) => Ok(chunk.into()),
            None => Err("gone".into()),
        }))
    }
}

#[test]
fn a_stream_needs_to_be_neither_unpin_nor_send_nor_its_error_an_error() {
    let chunks = pin!(Immovable::new());
    let mut events = chunks.events();
    let event = events.next_event().now_or_never().expect("it is ready");
    assert_eq!(event.expect("it fits").expect("an event").data(), "1");
    let event = events.next_raw_event().now_or_never().expect("it is ready");
    assert_eq!(event.expect("it fits").expect("an event").data(), b"2");
    let event = events.next().now_or_never().expect("it is ready");
    assert!(matches!(event, Some(Ok(event)) if event.data() == "3"));
    let error = events.next_item().now_or_never().expect("it is ready");
    assert_eq!(error, Err(ReadError::Transport("gone".into())));
    assert!(events.ended_within_event());

    // Or the stream of events is pinned, and polled.
    let mut events = pin!(Immovable::new().events());
    let mut context = Context::from_waker(Waker::noop());
    let event = events.as_mut().poll_next_event(&mut context);
    assert!(matches!(event, Poll::Ready(Ok(Some(event))) if event.data() == "1"));
    let event = events.as_mut().poll_next_raw_event(&mut context);
    assert!(matches!(event, Poll::Ready(Ok(Some(event))) if event.data() == b"2"));
    let item = events.as_mut().poll_next_item(&mut context);
    assert!(matches!(item, Poll::Ready(Ok(Some(Item::Event(event)))) if event.data() == "3"));
    let error = events.as_mut().poll_next(&mut context);
    assert_eq!(
        error,
        Poll::Ready(Some(Err(ReadError::Transport("gone".into()))))
    );
}

type Boxed<C> = Pin<Box<dyn Stream<Item = Result<C, Broken>> + Send + Sync>>;
type Local = Pin<Box<dyn Stream<Item = Result<&'static [u8], Broken>>>>;

#[test]
fn a_stream_of_events_is_send_sync_and_unpin_as_the_stream_of_chunks_is() {
    const {
        assert!(Probe::<EventStream<Boxed<&[u8]>>>::IS_SEND);
        assert!(Probe::<EventStream<Boxed<&[u8]>>>::IS_SYNC);
        assert!(Probe::<EventStream<Boxed<&[u8]>, OwnedItem>>::IS_SEND);
        assert!(Probe::<EventStream<Boxed<&[u8]>, OwnedItem>>::IS_UNPIN);
        assert!(!Probe::<EventStream<Local>>::IS_SEND);
        assert!(!Probe::<EventStream<Local>>::IS_SYNC);
        // It owns a chunk.
        assert!(!Probe::<EventStream<Boxed<Rc<[u8]>>>>::IS_SEND);
        assert!(Probe::<EventStream<Local>>::IS_UNPIN);
        assert!(!Probe::<EventStream<Immovable>>::IS_UNPIN);
    }
    fn is_send<T: Send>(_: T) {}
    let chunks: Boxed<&[u8]> = Box::pin(Scripted::new([]));
    let mut events = chunks.events();
    is_send(events.next_event());
    is_send(events.next_raw_event());
    is_send(events.next_item());
}

#[test]
fn a_struct_can_name_it() {
    struct Client {
        events: EventStream<Boxed<&'static [u8]>>,
    }
    struct ClientOf<S: ChunkStream> {
        items: EventStream<S, OwnedItem>,
    }
    let chunks = || Scripted::new([Chunk(b"data: 1\n\n")]);
    let boxed: Boxed<_> = Box::pin(chunks());
    let mut client = Client {
        events: EventStream::new(boxed),
    };
    assert!(matches!(
        client.events.next().now_or_never(),
        Some(Some(Ok(_)))
    ));
    let mut client = ClientOf {
        items: EventStream::items(chunks()),
    };
    assert!(matches!(
        client.items.next().now_or_never(),
        Some(Some(Ok(_)))
    ));
}

#[test]
fn the_debug_form_does_not_show_the_payload() {
    let chunks = Scripted::new([Chunk(b"data: secret\n\ndata: secret\n\ndata: sec"), Waits]);
    let mut events = chunks.events();
    assert!(events.next().now_or_never().is_some());
    let shown = format!("{events:?}");
    assert!(shown.starts_with("EventStream") && !shown.contains("sec"));
}

/// These chunks, if more may come.
fn open<B>(chunks: impl IntoIterator<Item = B>) -> impl Stream<Item = Result<B, Broken>> + Unpin {
    let chunks: Vec<_> = chunks.into_iter().map(Ok).collect();
    stream::iter(chunks).chain(stream::pending())
}

/// Chunks, each with how many events end in it.
const CHUNKS: &[(&[u8], usize)] = &[
    (b"", 0),
    (b": ping\n", 0),
    (b"data: cu", 0),
    (b"event: x\nid: 7\nda", 0),
    (b"data: 1\n\n", 1),
    (b"id: 7\nevent: x\ndata: 1\n\n", 1),
    (b"data: 1\ndata: 1\n\n", 1),
    (b"data: 1\n\ndata: 2\n\nda", 2),
];

#[test]
fn a_pending_stream_owns_no_chunk() {
    fn is_pending(future: impl Future) -> bool {
        future.now_or_never().is_none()
    }

    for &(chunk, events) in CHUNKS {
        for call in CALLS {
            let chunk = Rc::<[u8]>::from(chunk);
            let is_alive = Rc::downgrade(&chunk);
            let mut stream = open([chunk]).events();
            for _ in 0..events {
                assert!(matches!(
                    stream.next_event().now_or_never(),
                    Some(Ok(Some(_)))
                ));
                assert_eq!(is_alive.strong_count(), 1);
            }
            let mut context = Context::from_waker(Waker::noop());
            while call.is_item() && matches!(stream.next_item().now_or_never(), Some(Ok(_))) {}
            assert!(match call {
                Call::Next | Call::Mixed => is_pending(stream.next()),
                Call::NextEvent => is_pending(stream.next_event()),
                Call::PollEvent => Pin::new(&mut stream)
                    .poll_next_event(&mut context)
                    .is_pending(),
                Call::NextRaw => is_pending(stream.next_raw_event()),
                Call::PollRaw => Pin::new(&mut stream)
                    .poll_next_raw_event(&mut context)
                    .is_pending(),
                Call::NextItem => is_pending(stream.next_item()),
                Call::PollItem => Pin::new(&mut stream)
                    .poll_next_item(&mut context)
                    .is_pending(),
            });
            assert_eq!(is_alive.strong_count(), 0, "{call:?}");
        }
    }
}

#[test]
fn a_chunk_is_dropped_when_the_stream_yields_or_ends() {
    let chunk = Rc::<[u8]>::from(&b"\n"[..]);
    let mut events = open(vec![chunk.clone(); 100]).events();
    for left in [68, 36, 4, 0] {
        assert!(events.next_event().now_or_never().is_none());
        assert_eq!(Rc::strong_count(&chunk), 1 + left);
    }
    for answer in [None, Some(Err(Broken(1)))] {
        let chunk = Rc::<[u8]>::from(&b"data: 1\n\ndata: 2"[..]);
        let is_alive = Rc::downgrade(&chunk);
        let mut events = stream::iter([Ok(chunk)].into_iter().chain(answer.clone())).events();
        assert!(matches!(
            events.next_event().now_or_never(),
            Some(Ok(Some(_)))
        ));
        let end = events.next_event().now_or_never().expect("it is ready");
        assert_eq!(end.is_err(), answer.is_some());
        assert_eq!(is_alive.strong_count(), 0);
    }
}

#[test]
fn a_pending_reconnecting_stream_owns_no_chunk() {
    for &(chunk, events) in CHUNKS {
        let chunk = Rc::<[u8]>::from(chunk);
        let is_alive = Rc::downgrade(&chunk);
        let connect = |_: sse_wire::client::Request<'_>| {
            let head = Head::new(200, Some("text/event-stream"));
            core::future::ready(Ok::<_, Broken>((head, ())))
        };
        let mut chunk = Some(chunk);
        let body = |()| open(chunk.take());
        let sleep = |_| core::future::pending::<()>();
        let source = EventSource::new(1);
        let mut updates = ReconnectingStream::from_fns(source, connect, body, sleep);
        assert!(matches!(
            updates.next().now_or_never(),
            Some(Some(Ok(Update::Opened)))
        ));
        for _ in 0..events {
            assert!(matches!(
                updates.next().now_or_never(),
                Some(Some(Ok(Update::Item(_))))
            ));
            assert_eq!(is_alive.strong_count(), 1);
        }
        assert!(updates.next().now_or_never().is_none());
        assert_eq!(is_alive.strong_count(), 0);
    }
}

#[test]
fn the_decoder_of_the_next_connection_knows_nothing_of_an_unfinished_event() {
    let mut events = open([&b"retry: 5\nid: 7\ndata: 1\n\nid: 8\ndata: bal"[..]]).events();
    assert!(events.next().now_or_never().is_some());
    // A timeout, say, within an event.
    assert!(events.next().now_or_never().is_none());
    let decoder = events.into_decoder();
    assert_eq!(decoder.last_event_id(), "7");
    let delay = decoder.reconnection_time();
    assert_eq!(delay.map(|delay| delay.as_millis()), Some(5));
    let mut events = open([&b"\xEF\xBB\xBFdata: 2\n\n"[..]])
        .events()
        .with_decoder(decoder);
    let event = events.next_event().now_or_never().expect("it is ready");
    let event = event.expect("it fits").expect("an event");
    assert_eq!((event.data(), event.last_event_id()), ("2", "7"));
}

/// A chunk that is another one each time.
struct Inconsistent {
    answers: &'static [&'static [u8]],
    calls: Cell<usize>,
}

impl AsRef<[u8]> for Inconsistent {
    fn as_ref(&self) -> &[u8] {
        let call = self.calls.get();
        self.calls.set(call + 1);
        self.answers[call % self.answers.len()]
    }
}

#[test]
fn a_chunk_that_is_another_one_each_time_does_no_harm() {
    const ANSWERS: &[&[u8]] = &[
        b"",
        b"data: 1\n\ndata: 2\n\n",
        b"data: one\ndata: two\n\n: a comment\nid: 7\ndata: 3\n\n",
        b"event: \xC3\xA4\xC3\xA4\xC3\xA4\ndata: \xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\n\n",
        b"\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF",
        b"id: 8\r\rretry: 10\r\ndata",
        b": no event, and longer than the others, so that what was found in it is nowhere in them\n",
    ];
    for first in 0..ANSWERS.len() {
        for length in 1..=ANSWERS.len() - first {
            for call in 0..length {
                let chunks = (0..20).map(|_| Inconsistent {
                    answers: &ANSWERS[first..][..length],
                    calls: Cell::new(call),
                });
                let mut events = open(chunks).events().recover_at_end(CutLine::Keep);
                for number in 0..200 {
                    let mut ended = false;
                    match (number * (call + 1)) % 4 {
                        0 => ended = matches!(events.next().now_or_never(), Some(None)),
                        1 => {
                            _ = events
                                .next_event()
                                .now_or_never()
                                .map(|event| event.map(|event| event.map(parts)))
                        }
                        2 => {
                            _ = events
                                .next_raw_event()
                                .now_or_never()
                                .map(|event| event.map(|event| event.map(raw_parts)))
                        }
                        _ => {
                            _ = events
                                .next_item()
                                .now_or_never()
                                .map(|item| item.map(|item| item.map(item_parts)))
                        }
                    }
                    assert!(!ended, "more may come");
                }
                // It has read on to the last chunk, for good.
                assert!(events.next_event().now_or_never().is_none());
            }
        }
    }
}
