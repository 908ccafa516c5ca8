//! Streams of chunks: any chunk will do, and a stream of events is `Send`, `Unpin` and fused as
//! its users expect.

use crate::common::calls::see;
use crate::common::transport::{Fault, Step, Transport};
use crate::probe::{Otherwise, Probe};
use core::cell::Cell;
use core::convert::Infallible;
use core::error::Error;
use core::marker::PhantomPinned;
use core::pin::{Pin, pin};
use core::task::{Context, Poll, Waker};
use futures_core::{FusedStream, Stream};
use futures_util::future::FutureExt;
use futures_util::stream::{self, StreamExt};
use sse_wire::client::{EventSource, Request};
use sse_wire::reconnect::{Head, ReconnectingStream, Update};
use sse_wire::stream::{ChunkStream, EventStream, EventStreamExt};
use sse_wire::{
    CutLine, DecodeError, EventDecoder, Item, Limits, Outgoing, OwnedEvent, OwnedItem, ReadError,
};
use std::borrow::Cow;
use std::io::ErrorKind;
use std::rc::Rc;

/// What is ready.
fn ready<F: Future>(future: F) -> F::Output {
    future.now_or_never().expect("it is ready")
}

fn gives(chunk: &[u8]) -> Step {
    Step::Gives(chunk.into())
}

#[test]
fn it_is_terminated_and_hints_at_nothing_more_once_the_end_was_reached() {
    let broken = Step::Fails(ErrorKind::ConnectionReset);
    for (last, has_error) in [(Step::Ends, false), (broken, true)] {
        let steps = || [gives(b"data: 1\n\ndata: 2"), Step::Pends, last.clone()];
        let mut events = EventStream::new(Transport::new(steps())).recover_at_end(CutLine::Keep);
        for _ in 0..2 {
            assert_eq!(
                (events.is_terminated(), events.size_hint()),
                (false, (0, None))
            );
            while events.next().now_or_never().is_none() {
                assert_eq!(
                    (events.is_terminated(), events.size_hint()),
                    (false, (0, None))
                );
            }
        }
        if has_error {
            // The error comes after the event that was recovered.
            assert_eq!(
                (events.is_terminated(), events.size_hint()),
                (false, (1, Some(1)))
            );
            let error = events.next().now_or_never().flatten();
            assert!(matches!(error, Some(Err(ReadError::Transport(_)))));
        }
        assert_eq!(
            (events.is_terminated(), events.size_hint()),
            (true, (0, Some(0)))
        );
        let mut items = EventStream::items(Transport::new(steps()));
        while !matches!(items.next().now_or_never(), Some(None)) {}
        assert_eq!(
            (items.is_terminated(), items.size_hint()),
            (true, (0, Some(0)))
        );
    }
}

#[test]
fn display_and_source_delegate_to_the_error_of_the_transport() {
    let error: Box<dyn Error> = Box::new(ReadError::Transport(Fault(ErrorKind::TimedOut)));
    assert_eq!(error.to_string(), "the transport failed: TimedOut");
    assert!(error.source().is_none());
    let rejected = DecodeError::EventTooLarge { limit: 8 };
    let error: Box<dyn Error> = Box::new(ReadError::<Fault>::Decode(rejected));
    assert!(error.to_string().contains("limit of 8 bytes"));
}

#[test]
fn the_stream_of_chunks_is_returned() {
    let steps = || [gives(b"data: 1\n\ndata: lost"), gives(b"the rest")];
    let mut events = EventStream::new(Transport::new(steps()));
    assert!(matches!(ready(events.next()), Some(Ok(_))));
    assert_eq!(
        (
            events.get_ref().steps_left(),
            events.into_inner().steps_left()
        ),
        (1, 1)
    );
    // Or only borrowed, in the first place.
    let mut chunks = stream::iter(["data: 1\n\n", "the rest"].map(Ok::<_, Infallible>));
    let mut events = (&mut chunks).events();
    assert!(matches!(ready(events.next_event()), Ok(Some(_))));
    assert_eq!(ready(chunks.next()), Some(Ok("the rest")));

    let limits = Limits::new().with_event(99);
    let events = (&mut chunks)
        .events()
        .with_decoder(EventDecoder::with_limits(limits));
    assert_eq!(events.decoder().limits(), limits);
}

#[test]
fn a_chunk_is_anything_that_is_bytes_and_events_borrow_from_it() {
    fn read<B: AsRef<[u8]>>(chunk: B) -> String {
        let mut chunks = pin!(stream::once(async { Ok::<_, Infallible>(chunk) }));
        let mut events = chunks.as_mut().events();
        let event = ready(events.next_event())
            .expect("it fits")
            .expect("an event");
        event.data().to_owned()
    }
    assert_eq!(read(Vec::from("data: vec\n\n")), "vec");
    assert_eq!(read(&b"data: slice\n\n"[..]), "slice");
    assert_eq!(read(*b"data: array\n\n"), "array");
    assert_eq!(read("data: text\n\n"), "text");
    assert_eq!(read(String::from("data: string\n\n")), "string");
    assert_eq!(read(Cow::Borrowed(&b"data: cow\n\n"[..])), "cow");
    assert_eq!(read(Rc::<[u8]>::from(&b"data: rc\n\n"[..])), "rc");
    assert_eq!(read(bytes::Bytes::from_static(b"data: bytes\n\n")), "bytes");

    let chunk = "data: 1\n\n";
    let mut events = stream::iter([Ok::<_, Infallible>(chunk)]).events();
    let event = ready(events.next_event())
        .expect("it fits")
        .expect("an event");
    assert_eq!(event.data().as_ptr(), chunk[6..].as_ptr());
}

/// A stream that must not be moved, and cannot be sent elsewhere, neither itself nor its chunks
/// and errors.
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
    assert!(matches!(ready(events.next_event()), Ok(Some(event)) if event.data() == "1"));
    assert!(matches!(ready(events.next_raw_event()), Ok(Some(event)) if event.data() == b"2"));
    assert!(matches!(ready(events.next()), Some(Ok(event)) if event.data() == "3"));
    assert_eq!(
        ready(events.next_item()),
        Err(ReadError::Transport("gone".into()))
    );

    // Or the stream of events is pinned, and polled.
    let mut events = pin!(Immovable::new().events());
    let context = &mut Context::from_waker(Waker::noop());
    let event = events.as_mut().poll_next_event(context);
    assert!(matches!(event, Poll::Ready(Ok(Some(event))) if event.data() == "1"));
    let event = events.as_mut().poll_next_raw_event(context);
    assert!(matches!(event, Poll::Ready(Ok(Some(event))) if event.data() == b"2"));
    assert!(matches!(
        events.as_mut().poll_next_item(context),
        Poll::Ready(Ok(Some(_)))
    ));
    let error = Err(ReadError::Transport("gone".into()));
    assert_eq!(events.as_mut().poll_next(context), Poll::Ready(Some(error)));
}

type Boxed<C> = Pin<Box<dyn Stream<Item = Result<C, Fault>> + Send + Sync>>;
type Local = Pin<Box<dyn Stream<Item = Result<&'static [u8], Fault>>>>;

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
    let chunks: Boxed<&[u8]> = Box::pin(stream::empty());
    let mut events = chunks.events();
    is_send(events.next_event());
    is_send(events.next_raw_event());
    is_send(events.next_item());
}

#[test]
fn a_struct_can_name_it() {
    struct Client<S: ChunkStream> {
        events: EventStream<Boxed<&'static [u8]>>,
        items: EventStream<S, OwnedItem>,
    }
    let chunks = || stream::iter([Ok(&b"data: 1\n\n"[..])]);
    let boxed: Boxed<_> = Box::pin(chunks());
    let mut client = Client {
        events: EventStream::new(boxed),
        items: EventStream::items(chunks()),
    };
    assert!(matches!(
        ready(client.events.next()),
        Some(Ok(OwnedEvent { .. }))
    ));
    assert!(matches!(
        ready(client.items.next()),
        Some(Ok(OwnedItem::Event(_)))
    ));
}

#[test]
fn a_chunk_is_dropped_with_its_last_event_read_or_at_the_end() {
    for last in [Step::Ends, Step::Fails(ErrorKind::Other)] {
        let transport = Transport::new([gives(b"data: 1\n\ndata: 2"), last]);
        let mut events = EventStream::new(transport.clone());
        assert!(matches!(ready(events.next_event()), Ok(Some(_))));
        assert_eq!(transport.chunks_alive(), 1);
        assert!(!matches!(ready(events.next_event()), Ok(Some(_))));
        assert_eq!(transport.chunks_alive(), 0);
    }
}

#[test]
fn a_pending_reconnecting_stream_owns_no_chunk() {
    for (chunk, events) in [
        ("", 0),
        ("data: cu", 0),
        ("event: x\nid: 7\nda", 0),
        ("data: 1\n\n", 1),
        ("data: 1\ndata: 1\n\n", 1),
        ("data: 1\n\ndata: 2\n\nda", 2),
    ] {
        let transport = Transport::new([gives(chunk.as_bytes())]);
        let connect = |_: Request<'_>| {
            let head = Head::new(200, Some("text/event-stream"));
            core::future::ready(Ok::<_, Fault>((head, ())))
        };
        let body = |()| transport.clone();
        let sleep = |_| core::future::pending::<()>();
        let mut updates = ReconnectingStream::from_fns(EventSource::new(1), connect, body, sleep);
        assert!(matches!(
            ready(updates.next()),
            Some(Ok(Update::Opened(())))
        ));
        for _ in 0..events {
            assert!(matches!(ready(updates.next()), Some(Ok(Update::Item(_)))));
            assert_eq!(transport.chunks_alive(), 1);
        }
        assert!(updates.next().now_or_never().is_none());
        assert_eq!(transport.chunks_alive(), 0, "{chunk:?}");
    }
}

/// A chunk that is another one each time.
struct Inconsistent {
    answers: &'static [&'static [u8]],
    calls: Cell<usize>,
}

impl AsRef<[u8]> for Inconsistent {
    fn as_ref(&self) -> &[u8] {
        let call = self.calls.replace(self.calls.get() + 1);
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
        &[0xFF; 18],
        b"id: 8\r\rretry: 10\r\ndata",
        b": no event, and longer than the others, so that what was found is nowhere in them\n",
    ];
    let read = |answers: &'static [&'static [u8]], call: usize| {
        let chunks = (0..20).map(|_| {
            Ok::<_, Infallible>(Inconsistent {
                answers,
                calls: Cell::new(call),
            })
        });
        let mut events = stream::iter(chunks).chain(stream::pending()).events();
        for number in 0..200 {
            match (number * (call + 1)) % 4 {
                0 => assert!(
                    !matches!(events.next().now_or_never(), Some(None)),
                    "more may come"
                ),
                1 => drop(
                    events
                        .next_event()
                        .now_or_never()
                        .map(|event| event.map(|event| event.map(see))),
                ),
                2 => drop(
                    events
                        .next_raw_event()
                        .now_or_never()
                        .map(|event| event.map(|event| event.map(|event| event.text().is_ok()))),
                ),
                _ => drop(
                    events
                        .next_item()
                        .now_or_never()
                        .map(|item| item.map(|item| item.map(OwnedItem::from))),
                ),
            }
        }
        // It has read on to the last chunk, for good.
        assert!(events.next_event().now_or_never().is_none());
    };
    for first in 0..ANSWERS.len() {
        for length in 1..=ANSWERS.len() - first {
            (0..length).for_each(|call| read(&ANSWERS[first..][..length], call));
        }
    }
}

/// What was found in one of its answers may lie across a line end in another one.
#[test]
fn what_is_forwarded_of_such_a_chunk_is_one_event() {
    const ANSWERS: &[&[u8]] = &[
        b"event: a retry: 5\ndata: x\n\n",
        b"event: a\nretry: 5\ndata: x\n\n",
        b"event: a\rretry: 5\ndata: x\n\n",
    ];
    let mut with_line_end = 0;
    for call in 0..ANSWERS.len() {
        let chunk = Inconsistent {
            answers: ANSWERS,
            calls: Cell::new(call),
        };
        let mut events = stream::iter([Ok::<_, Infallible>(chunk)]).events();
        while let Some(event) = ready(events.next_event()).expect("it fits") {
            with_line_end += usize::from(event.event_type().contains(['\n', '\r']));
            let sent = Outgoing::from(event).to_string();
            let mut decoder = EventDecoder::new();
            let mut input = sent.as_bytes();
            let item = decoder.decode_item(&mut input).expect("it fits");
            let Some(Item::Event(arrived)) = item else {
                panic!("{item:?} arrived of {sent:?}");
            };
            assert_eq!(arrived.data(), event.data(), "{sent:?}");
            assert!(input.is_empty(), "{sent:?}");
        }
    }
    assert!(with_line_end > 0, "no chunk changed within a call");
}
