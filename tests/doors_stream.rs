//! Out of a stream of chunks, events come as soon as they are there; none is lost, whatever is dropped and whatever fails; the stream
//! below is not asked for more than is needed, and other tasks get their turn.
#![cfg(feature = "futures-core")]

extern crate alloc;

use alloc::borrow::Cow;
use alloc::collections::VecDeque;
use alloc::rc::Rc;
use alloc::sync::Arc;
use alloc::task::Wake;
use core::cell::Cell;
use core::convert::Infallible;
use core::error::Error;
use core::fmt;
use core::marker::{PhantomData, PhantomPinned};
use core::pin::{Pin, pin};
use core::sync::atomic::{AtomicUsize, Ordering};
use core::task::{Context, Poll, Waker, ready};
use futures_core::{FusedStream, Stream};
use futures_util::future::FutureExt;
use futures_util::stream::{self, StreamExt};
use sse_wire::stream::{EventStreamExt, OwnedEventStream};
use sse_wire::{
    CutLine, DecodeError, Event, EventDecoder, LastEventId, Limits, OwnedEvent, OwnedItem,
    ReadError,
};
#[cfg(feature = "bytes")]
use {
    bytes::{Buf, Bytes, BytesMut},
    sse_wire::stream::EventStream,
    sse_wire::{SharedDecoder, SharedEvent, SharedItem, SharedRawEvent},
};

/// Events with everything in them that a cut can come between.
const STREAM: &[u8] = b"\xEF\xBB\xBF: hello\n\nretry: 1500\r\nid: 1\r\nevent: add\r\ndata: one\r\ndata: two\r\n\r\n\
    data: caf\xC3\rid\r\r: ping\n:\ndata\n\nid: 2\nevent: tick\nunknown: x\n: within\ndata: last\n\n";

/// Type, data, last event ID and own `id` of an event.
type Told = (String, String, String, Option<String>);

fn told(event: Event<'_>) -> Told {
    (
        event.event_type().to_owned(),
        event.data().to_owned(),
        event.last_event_id().to_owned(),
        event.id().map(str::to_owned),
    )
}

/// The events of a stream that is decoded in one piece.
fn events_of(mut stream: &[u8]) -> Vec<Told> {
    let mut decoder = EventDecoder::new();
    let mut events = Vec::new();
    while let Some(event) = decoder.decode(&mut stream).expect("it fits") {
        events.push(told(event));
    }
    events
}

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

/// A stream of chunks that answers as it is told, then ends, and must not be polled again.
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

/// What comes out of one of the streams; only of events is there something to tell.
trait Tells {
    fn told(self) -> Option<Told>;
}

impl Tells for OwnedEvent {
    fn told(self) -> Option<Told> {
        Some(told(self.as_event()))
    }
}

impl Tells for OwnedItem {
    fn told(self) -> Option<Told> {
        match self {
            Self::Event(event) => event.told(),
            Self::Comment { .. } | Self::Retry(_) => None,
        }
    }
}

#[cfg(feature = "bytes")]
impl Tells for SharedEvent {
    fn told(self) -> Option<Told> {
        Some(told(self.as_event()))
    }
}

#[cfg(feature = "bytes")]
impl Tells for SharedRawEvent {
    fn told(self) -> Option<Told> {
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        let (event_type, data) = (text(self.event_type()), text(self.data()));
        let id = self.id().map(str::to_owned);
        Some((event_type, data, self.last_event_id().to_owned(), id))
    }
}

#[cfg(feature = "bytes")]
impl Tells for SharedItem {
    fn told(self) -> Option<Told> {
        match self {
            Self::Event(event) => event.told(),
            Self::Comment { .. } | Self::Retry(_) => None,
        }
    }
}

/// What can be asked of a stream of events besides events.
trait Looks {
    fn inner(&self) -> &Scripted;
    fn ended_within_event(&self) -> bool;
    fn last_event_id(&self) -> &str;
}

impl<T> Looks for OwnedEventStream<Scripted, &'static [u8], T> {
    fn inner(&self) -> &Scripted {
        self.inner()
    }

    fn ended_within_event(&self) -> bool {
        self.ended_within_event()
    }

    fn last_event_id(&self) -> &str {
        self.decoder().last_event_id()
    }
}

#[cfg(feature = "bytes")]
impl<T> Looks for EventStream<Scripted, T> {
    fn inner(&self) -> &Scripted {
        self.inner()
    }

    fn ended_within_event(&self) -> bool {
        self.ended_within_event()
    }

    fn last_event_id(&self) -> &str {
        self.decoder().last_event_id()
    }
}

/// Any of the streams of events, as a stream of what its events tell.
trait Door: FusedStream<Item = Result<Told, ReadError<Broken>>> + Looks + Unpin {}

impl<S: FusedStream<Item = Result<Told, ReadError<Broken>>> + Looks + Unpin> Door for S {}

struct Telling<S>(S);

impl<S, T, E> Stream for Telling<S>
where
    S: Stream<Item = Result<T, E>> + Unpin,
    T: Tells,
{
    type Item = Result<Told, E>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            match ready!(self.0.poll_next_unpin(context)) {
                Some(Ok(found)) => {
                    if let Some(told) = found.told() {
                        return Poll::Ready(Some(Ok(told)));
                    }
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl<S, T, E> FusedStream for Telling<S>
where
    S: FusedStream<Item = Result<T, E>> + Unpin,
    T: Tells,
{
    fn is_terminated(&self) -> bool {
        self.0.is_terminated()
    }
}

impl<S: Looks> Looks for Telling<S> {
    fn inner(&self) -> &Scripted {
        self.0.inner()
    }

    fn ended_within_event(&self) -> bool {
        self.0.ended_within_event()
    }

    fn last_event_id(&self) -> &str {
        self.0.last_event_id()
    }
}

/// Each kind of stream of events, by name.
fn doors(answers: &[Answer], setup: Setup) -> Vec<(&'static str, Box<dyn Door>)> {
    let chunks = || Scripted::new(answers.iter().cloned());
    let mut doors: Vec<(_, Box<dyn Door>)> = Vec::new();
    macro_rules! door {
        ($call:ident) => {{
            let mut events = chunks().$call().with_decoder(setup.decoder().into());
            if let Some(cut_line) = setup.recover {
                events = events.recover_at_end(cut_line);
            }
            doors.push((stringify!($call), Box::new(Telling(events))));
        }};
    }
    door!(owned_events);
    door!(owned_items);
    #[cfg(feature = "bytes")]
    {
        door!(events);
        door!(raw_events);
        door!(items);
    }
    doors
}

/// How often a task was woken.
#[derive(Debug, Default)]
struct Wakes(AtomicUsize);

impl Wakes {
    fn new() -> (Arc<Self>, Waker) {
        let wakes = Arc::new(Self::default());
        (wakes.clone(), wakes.into())
    }

    fn take(&self) -> usize {
        self.0.swap(0, Ordering::Relaxed)
    }
}

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Polls a future for the next item once, and drops it.
fn poll<S: Stream + Unpin + ?Sized>(stream: &mut S, waker: &Waker) -> Poll<Option<S::Item>> {
    stream.next().poll_unpin(&mut Context::from_waker(waker))
}

/// Everything that a stream gives to one who drops every future that is pending, as long as the stream wakes.
fn read_all<S: Stream + Unpin + ?Sized>(stream: &mut S) -> Vec<S::Item> {
    let (wakes, waker) = Wakes::new();
    let mut items = Vec::new();
    loop {
        match poll(stream, &waker) {
            Poll::Ready(Some(item)) => items.push(item),
            Poll::Ready(None) => return items,
            Poll::Pending => assert!(wakes.take() > 0, "nobody is told to go on"),
        }
    }
}

/// What a stream gives that is always ready.
fn read_ready<S: Stream + Unpin>(mut stream: S) -> Option<S::Item> {
    stream.next().now_or_never().expect("it is ready")
}

fn data_of(read: Vec<Result<Told, ReadError<Broken>>>) -> Vec<Result<String, ReadError<Broken>>> {
    read.into_iter()
        .map(|event| event.map(|(_, data, ..)| data))
        .collect()
}

fn data(text: &str) -> Result<String, ReadError<Broken>> {
    Ok(text.to_owned())
}

#[test]
fn the_events_are_the_same_however_the_stream_is_cut() {
    let expected: Vec<_> = events_of(STREAM).into_iter().map(Ok).collect();
    assert_eq!(expected.len(), 4);
    for size in 1..=STREAM.len() {
        let chunks: Vec<_> = STREAM.chunks(size).map(Chunk).collect();
        for (name, mut door) in doors(&chunks, Setup::NONE) {
            assert_eq!(read_all(&mut *door), expected, "{name} {size}");
            assert!(!door.ended_within_event());
            assert_eq!(door.last_event_id(), "2");
        }
    }
}

#[test]
fn dropping_a_pending_future_loses_nothing() {
    let expected: Vec<_> = events_of(STREAM).into_iter().map(Ok).collect();
    // The future is dropped at each place where it can wait: several times, and without a byte in between.
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
        for (name, mut door) in doors(&answers, Setup::NONE) {
            assert_eq!(read_all(&mut *door), expected, "{name} {cut}");
        }
    }
    let bytes = STREAM.chunks(1).flat_map(|byte| [NotYet, Chunk(byte)]);
    let answers: Vec<_> = bytes.collect();
    for (name, mut door) in doors(&answers, Setup::NONE) {
        assert_eq!(read_all(&mut *door), expected, "{name}");
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
            for (name, mut door) in doors(&answers, setup) {
                assert!(!door.is_terminated(), "{name}");
                read_all(&mut *door);
                assert!(door.inner().has_ended);
                for _ in 0..3 {
                    assert!(door.is_terminated(), "{name}");
                    let (_, waker) = Wakes::new();
                    assert_eq!(poll(&mut *door, &waker), Poll::Ready(None), "{name}");
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
    for (name, mut door) in doors(&[Chunk(b"data: 1\n\ndata: 2"), Waits], setup) {
        assert!(matches!(poll(&mut *door, &waker), Poll::Ready(Some(_))));
        assert!(!door.is_terminated(), "{name}");
        assert!(poll(&mut *door, &waker).is_pending());
        assert!(!door.is_terminated(), "{name}");
        let last = poll(&mut *door, &waker);
        assert!(matches!(last, Poll::Ready(Some(Ok((_, data, ..)))) if data == "2"));
        assert!(door.is_terminated(), "{name}");
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
        for (name, mut door) in doors(&answers, setup) {
            let read = data_of(read_all(&mut *door));
            let expected = [data("1"), Err(ReadError::Transport(Broken(7)))];
            // Nothing is recovered: it is not the end that the sender meant.
            assert_eq!(read, expected, "{name}");
            assert!(door.is_terminated());
            assert_eq!(door.ended_within_event(), begun.starts_with(b"data"));
            assert_eq!(door.last_event_id(), "4");
        }
    }
}

#[test]
fn the_error_of_the_stream_of_chunks_is_shown_as_it_is() {
    let error: Box<dyn Error> = Box::new(ReadError::Transport(Broken(3)));
    assert_eq!(error.to_string(), "broken in 3 places");
    assert!(error.source().is_none());
    let error: Box<dyn Error> = Box::new(ReadError::<Broken>::Decode(DecodeError::EventTooLarge {
        limit: 8,
    }));
    assert!(error.to_string().contains("limit of 8 bytes"));
}

#[test]
fn a_refused_event_is_an_error_and_what_comes_after_it_is_read() {
    const WITH_GIANTS: &[u8] =
        b"data: 1\n\n\ndata: much too large\nid: 7\n\ndata: 2\n\nid: 12345\n\ndata: 3\n\n";
    let limits = Limits::new().with_event(8).with_last_event_id(4);
    let refused = |error| Err(ReadError::Decode(error));
    let expected = [
        data("1"),
        refused(DecodeError::EventTooLarge { limit: 8 }),
        data("2"),
        refused(DecodeError::LastEventIdTooLarge { limit: 4 }),
        data("3"),
    ];
    for size in 1..=WITH_GIANTS.len() {
        let chunks: Vec<_> = WITH_GIANTS.chunks(size).map(Chunk).collect();
        let setup = Setup {
            limits,
            ..Setup::NONE
        };
        for (name, mut door) in doors(&chunks, setup) {
            assert_eq!(data_of(read_all(&mut *door)), expected, "{name} {size}");
            assert_eq!(door.last_event_id(), "7");
        }
    }
}

#[test]
fn the_events_of_a_chunk_are_handed_over_before_the_next_one_is_asked_for() {
    let (wakes, waker) = Wakes::new();
    let answers = [
        Chunk(b"data: 1\n\n: ping\ndata: 2\n\n\ndata: 3\n\ndata: 4"),
        Chunk(b"\n\ndata: 5\n\n"),
        Waits,
    ];
    for (name, mut door) in doors(&answers, Setup::NONE) {
        for (expected, polls) in [("1", 1), ("2", 1), ("3", 1), ("4", 2), ("5", 2)] {
            let event = poll(&mut *door, &waker);
            assert!(
                matches!(event, Poll::Ready(Some(Ok((_, data, ..)))) if data == expected),
                "{name}"
            );
            assert_eq!(door.inner().polls, polls, "{name} {expected}");
        }
        assert!(poll(&mut *door, &waker).is_pending());
        assert_eq!(door.inner().polls, 3, "{name}");
    }
    assert_eq!(wakes.take(), 0);
}

#[test]
fn while_the_stream_of_chunks_waits_nobody_is_woken() {
    let (wakes, waker) = Wakes::new();
    for answers in [
        vec![Waits],
        vec![Chunk(b"data: 1\n"), Waits],
        vec![Chunk(b""), Waits],
    ] {
        for (name, mut door) in doors(&answers, Setup::NONE) {
            assert!(poll(&mut *door, &waker).is_pending());
            assert_eq!(door.inner().polls, answers.len(), "{name}");
            assert_eq!(wakes.take(), 0, "{name}");
        }
    }
}

/// 64 KiB of a comment that does not end.
static COMMENT: [u8; 64 << 10] = [b':'; 64 << 10];

#[test]
fn a_long_run_of_chunks_without_an_event_lets_other_tasks_have_their_turn() {
    for (goes_on, most_polls) in [
        (&b""[..], 32),
        (b"\n", 32),
        (b"\r\n\r\n", 32),
        (b"unknown: x\n", 32),
        (b"data: x\n", 32),
        (&COMMENT, 4),
    ] {
        let mut answers = vec![Chunk(goes_on); 1000];
        answers.push(Chunk(b"\n\ndata: last\n\n"));
        for (name, mut door) in doors(&answers, Setup::NONE) {
            if goes_on.starts_with(b":") && name.ends_with("items") {
                // A part of a comment is an item.
                continue;
            }
            let (wakes, waker) = Wakes::new();
            let (mut polls, mut turns) = (0, 0);
            let last = loop {
                let polled = poll(&mut *door, &waker);
                assert!(
                    door.inner().polls - polls <= most_polls,
                    "{name} {goes_on:?}"
                );
                polls = door.inner().polls;
                match polled {
                    Poll::Ready(event) => break event,
                    Poll::Pending => {
                        assert!(wakes.take() > 0, "{name}");
                        turns += 1;
                    }
                }
            };
            let (_, data, ..) = last.expect("an event").expect("it fits");
            let joined = "x\n".repeat(1000);
            let expected = if goes_on == b"data: x\n" {
                joined.trim_end()
            } else {
                "last"
            };
            assert!(data == expected, "{name}");
            // And not more turns than that: who yields for each chunk is slow.
            assert!(
                (1000 / most_polls..=1001 / most_polls + 1).contains(&turns),
                "{name} {turns}"
            );
        }
    }
}

#[test]
fn a_short_run_of_chunks_without_an_event_goes_on_at_once() {
    let (wakes, waker) = Wakes::new();
    let mut answers = vec![Chunk(b"\n"); 31];
    answers.push(Chunk(b"data: last\n\n"));
    for (name, mut door) in doors(&answers, Setup::NONE) {
        assert!(poll(&mut *door, &waker).is_ready(), "{name}");
    }
    assert_eq!(wakes.take(), 0);
}

#[test]
fn how_many_events_there_will_be_is_not_known_before_the_end() {
    let (_, waker) = Wakes::new();
    for (name, mut door) in doors(&[Chunk(b"data: 1\n\ndata: 2\n\n")], Setup::NONE) {
        for _ in 0..2 {
            assert_eq!(door.size_hint(), (0, None), "{name}");
            assert!(poll(&mut *door, &waker).is_ready());
        }
        assert_eq!(door.size_hint(), (0, None), "{name}");
        assert_eq!(poll(&mut *door, &waker), Poll::Ready(None));
        assert_eq!(door.size_hint(), (0, Some(0)), "{name}");
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
            let answers = [Chunk(b"data: first\n\n"), Chunk(stream)];
            let whole = stream.ends_with(b"\n\n").then(|| data("1"));
            let expected: Vec<_> = [data("first")]
                .into_iter()
                .chain(whole)
                .chain(recovered.map(data))
                .collect();
            for (name, mut door) in doors(&answers, setup) {
                assert!(!door.ended_within_event());
                let read = data_of(read_all(&mut *door));
                assert_eq!(read, expected, "{name} {setup:?}");
                assert_eq!(door.ended_within_event(), within_event, "{name} {stream:?}");
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
    for (name, mut door) in doors(&answers, setup) {
        let read = data_of(read_all(&mut *door));
        let refused = DecodeError::EventTooLarge { limit: 8 };
        let expected = match name {
            "raw_events" => data("\u{FFFD}\u{FFFD}\u{FFFD}"),
            _ => Err(ReadError::Decode(refused)),
        };
        assert_eq!(read, [expected], "{name}");
        assert!(door.is_terminated() && door.ended_within_event());
    }
}

#[test]
fn the_stream_goes_on_from_a_decoder() {
    let setup = Setup {
        last_event_id: "41",
        ..Setup::NONE
    };
    let answers = [Chunk(b"data: 1\n\nid: 42\ndata: 2\n\n")];
    let event = |data: &str, last_event_id: &str, id: Option<&str>| {
        let id = id.map(str::to_owned);
        Ok(("message".into(), data.into(), last_event_id.into(), id))
    };
    for (name, mut door) in doors(&answers, setup) {
        assert_eq!(door.last_event_id(), "41");
        let read = read_all(&mut *door);
        let expected = [event("1", "41", None), event("2", "42", Some("42"))];
        assert_eq!(read, expected, "{name}");
        assert_eq!(door.last_event_id(), "42");
    }
    let events = Scripted::new([]).owned_events();
    let events = events.with_decoder(EventDecoder::with_limits(Limits::new().with_event(99)));
    assert_eq!(events.decoder().limits().event, 99);
}

#[test]
fn the_stream_of_chunks_is_given_back() {
    let (_, waker) = Wakes::new();
    let chunks = || Scripted::new([Chunk(b"data: 1\n\ndata: lost"), Chunk(b"the rest")]);
    let mut events = chunks().owned_events();
    assert!(poll(&mut events, &waker).is_ready());
    let mut left = events.into_inner();
    assert_eq!(read_all(&mut left), [Ok(&b"the rest"[..])]);
    #[cfg(feature = "bytes")]
    {
        let mut events = chunks().events();
        assert!(poll(&mut events, &waker).is_ready());
        let mut left = events.into_inner();
        assert_eq!(read_all(&mut left), [Ok(&b"the rest"[..])]);
    }
}

#[test]
fn a_stream_that_is_lent_can_be_used_afterwards() {
    let mut chunks = Scripted::new([Chunk(b"data: 1\n\n"), Chunk(b"the rest")]);
    let event = read_ready((&mut chunks).owned_events());
    assert!(matches!(event, Some(Ok(event)) if event.data() == "1"));
    assert_eq!(read_all(&mut chunks), [Ok(&b"the rest"[..])]);
}

#[test]
fn comments_and_reconnection_times_come_in_the_order_of_the_stream() {
    let mut decoder = EventDecoder::new();
    let (mut expected, mut input) = (Vec::new(), STREAM);
    while let Some(item) = decoder.decode_item(&mut input).expect("it fits") {
        expected.push(OwnedItem::from(item));
    }
    assert_eq!(expected.len(), 9);
    let chunks = || Scripted::new([NotYet, Chunk(STREAM)]);
    let read: Result<Vec<_>, _> = read_all(&mut chunks().owned_items()).into_iter().collect();
    assert_eq!(read, Ok(expected.clone()));
    #[cfg(feature = "bytes")]
    {
        let read = read_all(&mut chunks().items()).into_iter().map(|item| {
            item.map(|item| match item {
                SharedItem::Event(event) => OwnedItem::Event(event.as_event().into_owned()),
                SharedItem::Comment { text, end } => OwnedItem::Comment {
                    text: text.into(),
                    end,
                },
                SharedItem::Retry(time) => OwnedItem::Retry(time),
            })
        });
        assert_eq!(read.collect::<Result<Vec<_>, _>>(), Ok(expected));
    }
}

#[test]
fn events_are_read_out_of_anything_that_is_bytes() {
    fn read<B: AsRef<[u8]>>(chunk: B) -> String {
        let chunks = stream::once(async { Ok::<_, Infallible>(chunk) });
        let event = read_ready(pin!(chunks).owned_events());
        event.expect("an event").expect("it fits").into_data()
    }
    assert_eq!(read(Vec::from("data: vec\n\n")), "vec");
    assert_eq!(read(&b"data: slice\n\n"[..]), "slice");
    assert_eq!(read(*b"data: array\n\n"), "array");
    assert_eq!(read("data: text\n\n"), "text");
    assert_eq!(read(String::from("data: string\n\n")), "string");
    assert_eq!(read(Cow::Borrowed(&b"data: cow\n\n"[..])), "cow");
    assert_eq!(read(Rc::<[u8]>::from(&b"data: rc\n\n"[..])), "rc");
}

#[cfg(feature = "bytes")]
#[test]
fn events_are_shared_with_anything_that_becomes_bytes() {
    fn read<B: Into<Bytes>>(chunk: B) -> String {
        let chunks = stream::once(async { Ok::<_, Infallible>(chunk) });
        let event = read_ready(pin!(chunks).events());
        event.expect("an event").expect("it fits").data().to_owned()
    }
    assert_eq!(read(Vec::from("data: vec\n\n")), "vec");
    assert_eq!(read(&b"data: slice\n\n"[..]), "slice");
    assert_eq!(read("data: text\n\n"), "text");
    assert_eq!(read(String::from("data: string\n\n")), "string");
    assert_eq!(read(Bytes::from("data: bytes\n\n")), "bytes");
    assert_eq!(read(BytesMut::from("data: buffer\n\n")), "buffer");
    assert_eq!(read(b"data: box\n\n".to_vec().into_boxed_slice()), "box");
}

/// A stream that must not be moved, and not be sent elsewhere, neither itself nor its chunks and errors.
struct AtHome {
    chunks: Cell<Option<&'static [u8]>>,
    _stays: PhantomPinned,
    _local: Rc<()>,
}

struct LocalChunk(Rc<[u8]>);

impl AsRef<[u8]> for LocalChunk {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(feature = "bytes")]
impl From<LocalChunk> for Bytes {
    fn from(chunk: LocalChunk) -> Self {
        Self::copy_from_slice(&chunk.0)
    }
}

impl AtHome {
    fn new() -> Self {
        Self {
            chunks: Cell::new(Some(b"data: 1\n\ndata: cut")),
            _stays: PhantomPinned,
            _local: Rc::new(()),
        }
    }
}

impl Stream for AtHome {
    type Item = Result<LocalChunk, Rc<str>>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(Some(match self.chunks.take() {
            Some(chunk) => Ok(LocalChunk(chunk.into())),
            None => Err("gone".into()),
        }))
    }
}

#[test]
fn a_stream_needs_to_be_neither_unpin_nor_send_nor_its_error_an_error() {
    let mut events = pin!(AtHome::new().owned_events());
    let event = events.next().now_or_never().expect("it is ready");
    assert!(matches!(event, Some(Ok(event)) if event.data() == "1"));
    let event = events.next().now_or_never().expect("it is ready");
    assert_eq!(event, Some(Err(ReadError::Transport("gone".into()))));
    assert!(events.ended_within_event());

    #[cfg(feature = "bytes")]
    {
        let mut events = pin!(AtHome::new().events());
        let event = events.next().now_or_never().expect("it is ready");
        assert!(matches!(event, Some(Ok(event)) if event.data() == "1"));
        let event = events.next().now_or_never().expect("it is ready");
        assert_eq!(event, Some(Err(ReadError::Transport("gone".into()))));
    }
}

/// Whether a type is `Send` and so on, as a value: what the type itself has goes before what the trait has.
struct Probe<T>(PhantomData<T>);

impl<T: Send> Probe<T> {
    const IS_SEND: bool = true;
}

impl<T: Sync> Probe<T> {
    const IS_SYNC: bool = true;
}

impl<T: Unpin> Probe<T> {
    const IS_UNPIN: bool = true;
}

trait Otherwise {
    const IS_SEND: bool = false;
    const IS_SYNC: bool = false;
    const IS_UNPIN: bool = false;
}

impl<T> Otherwise for Probe<T> {}

type Local = Pin<Box<dyn Stream<Item = Result<&'static [u8], Broken>>>>;
type Anywhere = Pin<Box<dyn Stream<Item = Result<&'static [u8], Broken>> + Send + Sync>>;

#[test]
fn a_stream_of_events_is_at_home_where_the_stream_of_chunks_is() {
    const {
        assert!(Probe::<OwnedEventStream<Anywhere, &[u8]>>::IS_SEND);
        assert!(Probe::<OwnedEventStream<Anywhere, &[u8]>>::IS_SYNC);
        assert!(Probe::<OwnedEventStream<Anywhere, &[u8], OwnedItem>>::IS_SEND);
        assert!(!Probe::<OwnedEventStream<Local, &[u8]>>::IS_SEND);
        assert!(!Probe::<OwnedEventStream<Local, &[u8]>>::IS_SYNC);
        // It holds a chunk.
        assert!(!Probe::<OwnedEventStream<Anywhere, LocalChunk>>::IS_SEND);
        assert!(Probe::<OwnedEventStream<Anywhere, PhantomPinned>>::IS_UNPIN);
        assert!(!Probe::<OwnedEventStream<AtHome, LocalChunk>>::IS_UNPIN);
    }
    #[cfg(feature = "bytes")]
    const {
        assert!(Probe::<EventStream<Anywhere>>::IS_SEND);
        assert!(Probe::<EventStream<Anywhere>>::IS_SYNC);
        assert!(Probe::<EventStream<Anywhere, SharedRawEvent>>::IS_SEND);
        assert!(Probe::<EventStream<Anywhere, SharedItem>>::IS_SEND);
        assert!(!Probe::<EventStream<Local>>::IS_SEND);
        assert!(!Probe::<EventStream<Local>>::IS_SYNC);
        assert!(Probe::<EventStream<Local>>::IS_UNPIN);
        assert!(!Probe::<EventStream<AtHome>>::IS_UNPIN);
    }
}

#[cfg(feature = "bytes")]
#[test]
fn a_struct_can_name_it() {
    struct Client {
        events: EventStream<Anywhere>,
    }
    struct ClientOf<S> {
        events: EventStream<S>,
        owned: OwnedEventStream<S, &'static [u8]>,
    }
    let chunks = || Scripted::new([Chunk(b"data: 1\n\n")]);
    let anywhere: Anywhere = Box::pin(chunks());
    let mut client = Client {
        events: anywhere.events(),
    };
    assert_eq!(read_all(&mut client.events).len(), 1);
    let mut client = ClientOf {
        events: EventStream::new(chunks()),
        owned: OwnedEventStream::new(chunks()),
    };
    assert_eq!(read_all(&mut client.events).len(), 1);
    assert_eq!(read_all(&mut client.owned).len(), 1);
}

#[test]
fn what_is_shown_of_a_stream_is_not_the_payload() {
    let (_, waker) = Wakes::new();
    let chunks = || Scripted::new([Chunk(b"data: secret\n\ndata: secret\n\ndata: sec"), Waits]);
    let mut owned = chunks().owned_events();
    assert!(poll(&mut owned, &waker).is_ready());
    let shown = format!("{owned:?}");
    assert!(shown.starts_with("OwnedEventStream") && !shown.contains("sec"));
    #[cfg(feature = "bytes")]
    {
        let mut events = chunks().events();
        assert!(poll(&mut events, &waker).is_ready());
        let shown = format!("{events:?}");
        assert!(shown.starts_with("EventStream") && !shown.contains("sec"));
    }
}

#[test]
fn a_clone_reads_on_by_itself() {
    let (_, waker) = Wakes::new();
    let chunks = || Scripted::new([Chunk(b"data: 1\n\ndata: 2\n\nda"), Chunk(b"ta: 3\n\n")]);
    let mut events = chunks().owned_events();
    assert!(poll(&mut events, &waker).is_ready());
    for mut events in [events.clone(), events] {
        let read: Vec<_> = read_all(&mut events)
            .into_iter()
            .map(|event| event.expect("it fits").into_data())
            .collect();
        assert_eq!(read, ["2", "3"]);
    }
    #[cfg(feature = "bytes")]
    {
        let mut events = chunks().events();
        assert!(poll(&mut events, &waker).is_ready());
        for mut events in [events.clone(), events] {
            assert_eq!(read_all(&mut events).len(), 2);
        }
    }
}

/// What a stream gives of these chunks, if more may come.
fn open<B>(chunks: impl IntoIterator<Item = B>) -> impl Stream<Item = Result<B, Broken>> + Unpin {
    let chunks: Vec<_> = chunks.into_iter().map(Ok).collect();
    stream::iter(chunks).chain(stream::pending())
}

#[test]
fn a_chunk_that_was_copied_from_is_let_go() {
    let (_, waker) = Wakes::new();
    for (chunk, events) in [
        (&b""[..], 0),
        (b": ping\n", 0),
        (b"data: cu", 0),
        (b"data: 1\n\n", 1),
        (b"data: 1\n\ndata: 2\n\n", 2),
    ] {
        let chunk = Rc::<[u8]>::from(chunk);
        let is_alive = Rc::downgrade(&chunk);
        let mut owned = open([chunk]).owned_events();
        for left in (0..events).rev() {
            assert!(poll(&mut owned, &waker).is_ready());
            assert_eq!(is_alive.strong_count(), usize::from(left > 0));
        }
        assert!(poll(&mut owned, &waker).is_pending());
        assert_eq!(is_alive.strong_count(), 0);
    }
}

#[cfg(feature = "bytes")]
#[test]
fn a_chunk_of_small_events_is_let_go_once_it_is_read() {
    let (_, waker) = Wakes::new();
    for (chunk, events) in [
        (&b": ping\n"[..], 0),
        (b"data: cu", 0),
        (b"event: x", 0),
        (b"id: 7\n", 0),
        (b"data: 1\n\n", 1),
        (b"id: 7\nevent: x\ndata: 1\n\n", 1),
        (b"data: 1\ndata: 1\n\n", 1),
        (b"data: 1\n\ndata: 2\n\n", 2),
    ] {
        let chunk = Arc::<[u8]>::from(chunk);
        let is_alive = Arc::downgrade(&chunk);
        let mut stream = open([Bytes::from_owner(chunk)]).events();
        let mut kept = Vec::new();
        for left in (0..events).rev() {
            kept.push(poll(&mut stream, &waker));
            assert_eq!(is_alive.strong_count(), usize::from(left > 0));
        }
        assert!(poll(&mut stream, &waker).is_pending());
        assert_eq!(is_alive.strong_count(), 0);
        assert!(kept.iter().all(Poll::is_ready));
    }
}

#[cfg(feature = "bytes")]
#[test]
fn an_empty_chunk_is_let_go_as_well() {
    let (_, waker) = Wakes::new();
    let memory = Arc::<[u8]>::from(&b"who made it has read all of it already"[..]);
    let is_alive = Arc::downgrade(&memory);
    let mut chunk = Bytes::from_owner(memory);
    chunk.advance(chunk.len());
    let mut stream = open([chunk]).events();
    assert!(poll(&mut stream, &waker).is_pending());
    assert_eq!(is_alive.strong_count(), 0);
}

#[cfg(feature = "bytes")]
#[test]
fn a_large_event_shares_the_chunk_and_lets_it_go() {
    let (_, waker) = Wakes::new();
    let text = ["event: big\ndata: ", &"x".repeat(4096), "\n\n: ping\n\n"].concat();
    let chunk = Arc::<[u8]>::from(text.as_bytes());
    let (place, is_alive) = (chunk.as_ptr_range(), Arc::downgrade(&chunk));
    let mut stream = open([Bytes::from_owner(chunk)]).events();
    let Poll::Ready(Some(Ok(event))) = poll(&mut stream, &waker) else {
        panic!("there is an event");
    };
    for part in [event.data(), event.event_type()] {
        let part = part.as_bytes().as_ptr_range();
        assert!(place.start <= part.start && part.end <= place.end);
    }
    assert!(poll(&mut stream, &waker).is_pending());
    assert_eq!(is_alive.strong_count(), 1);
    let copy = event.clone();
    drop(event);
    assert_eq!((is_alive.strong_count(), copy.data().len()), (1, 4096));
    drop(copy);
    assert_eq!(is_alive.strong_count(), 0);
}

#[cfg(feature = "bytes")]
#[test]
fn how_much_is_shared_is_up_to_the_decoder() {
    let (_, waker) = Wakes::new();
    for (copy_below, is_shared) in [(0, true), (1024, false)] {
        let chunk = Arc::<[u8]>::from(&b"data: 1\n\n"[..]);
        let is_alive = Arc::downgrade(&chunk);
        let decoder = SharedDecoder::new().with_copy_below(copy_below);
        let mut stream = open([Bytes::from_owner(chunk)])
            .events()
            .with_decoder(decoder);
        let event = poll(&mut stream, &waker);
        assert!(event.is_ready());
        assert_eq!(is_alive.strong_count(), usize::from(is_shared));
    }
}

#[cfg(feature = "bytes")]
#[test]
fn the_decoder_of_the_next_connection_knows_nothing_of_the_last_ones_cut_event() {
    let (_, waker) = Wakes::new();
    // Time runs out while the stream waits within an event.
    let mut stream = open([Bytes::from_static(
        b"retry: 5\nid: 7\ndata: 1\n\nid: 8\ndata: bal",
    )])
    .events();
    assert!(poll(&mut stream, &waker).is_ready());
    assert!(poll(&mut stream, &waker).is_pending());
    let decoder = stream.into_decoder();
    assert_eq!(decoder.last_event_id(), "7");
    assert_eq!(
        decoder.reconnection_time().map(|time| time.as_millis()),
        Some(5)
    );
    let mut stream = open([Bytes::from_static(b"data: 2\n\n")])
        .events()
        .with_decoder(decoder);
    let Poll::Ready(Some(Ok(event))) = poll(&mut stream, &waker) else {
        panic!("an event is there");
    };
    assert_eq!((event.data(), event.last_event_id()), ("2", "7"));
}

#[test]
fn the_decoder_of_the_next_connection_knows_nothing_of_the_last_ones_cut_owned_event() {
    let (_, waker) = Wakes::new();
    let mut stream = open([&b"id: 7\ndata: 1\n\nid: 8\ndata: bal"[..]]).owned_events();
    assert!(poll(&mut stream, &waker).is_ready());
    assert!(poll(&mut stream, &waker).is_pending());
    let decoder = stream.into_decoder();
    let mut stream = open([&b"data: 2\n\n"[..]])
        .owned_events()
        .with_decoder(decoder);
    let Poll::Ready(Some(Ok(event))) = poll(&mut stream, &waker) else {
        panic!("an event is there");
    };
    assert_eq!((event.data(), event.last_event_id()), ("2", "7"));
}
