//! Any body becomes events, and frames become a body: with keep-alives while there is nothing to
//! send, at its end when the frames are, and without empty frames, which some take for the end.

use crate::common::task::Wakes;
use crate::common::transport::{Chunk, Fault, Step, Transport};
use crate::probe::{Otherwise, Probe};
use bytes::{Buf, Bytes};
use core::cell::Cell;
use core::marker::PhantomPinned;
use core::pin::{Pin, pin};
use core::task::{Context, Poll, Waker};
use futures_core::{FusedStream, Stream};
use futures_util::future::FutureExt;
use futures_util::stream::{self, StreamExt};
use http_body::Body;
use sse_wire::body::{BodyChunks, EventBody, EventBodyExt, NoTicks};
use sse_wire::{Frame, Outgoing, OwnedItem, ReadError};
use std::collections::VecDeque;
use std::io::ErrorKind;
use std::sync::Arc;

/// Polls a future for the next item once, and drops it.
fn poll<S: Stream + Unpin>(stream: &mut S, waker: &Waker) -> Poll<Option<S::Item>> {
    stream.next().poll_unpin(&mut Context::from_waker(waker))
}

/// Everything that a stream gives to a task that polls again once it was woken.
fn read_all<S: Stream>(stream: S) -> Vec<S::Item> {
    let mut stream = pin!(stream);
    let (wakes, waker) = Wakes::new();
    let mut items = Vec::new();
    loop {
        match poll(&mut stream, &waker) {
            Poll::Ready(Some(item)) => items.push(item),
            Poll::Ready(None) => return items,
            Poll::Pending => assert!(wakes.take() > 0, "nothing wakes it"),
        }
    }
}

/// A body of these frames, whose error need not be an `Error`.
struct Script<D> {
    frames: VecDeque<http_body::Frame<D>>,
    polls: usize,
}

impl<D> Script<D> {
    fn new(frames: impl IntoIterator<Item = http_body::Frame<D>>) -> Self {
        let frames = frames.into_iter().collect();
        Self { frames, polls: 0 }
    }
}

impl<D: Buf + Unpin> Body for Script<D> {
    type Data = D;
    type Error = u8;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<D>, u8>>> {
        self.polls += 1;
        Poll::Ready(self.frames.pop_front().map(Ok))
    }
}

#[test]
fn trailers_are_ignored_and_the_data_of_a_frame_may_be_several_slices() {
    let data = |text: &'static str| {
        let (a, b) = text.as_bytes().split_at(text.len() / 3);
        let (b, c) = b.split_at(b.len() / 2);
        http_body::Frame::data(Bytes::from(a).chain(b.chain(VecDeque::from(c.to_vec()))))
    };
    let trailers = || http_body::Frame::trailers(http::HeaderMap::new());
    let last = [
        data("data: one\n\ndata: tw"),
        trailers(),
        data(""),
        data("o\n\n"),
        trailers(),
    ];
    // It yields after 32 frames without an event.
    let frames = (0..100).map(|_| trailers()).chain(last);
    let mut events = Script::new(frames).events();
    let (wakes, waker) = Wakes::new();
    for number in 1..=3 {
        assert!(poll(&mut events, &waker).is_pending());
        assert_eq!(
            (events.get_ref().get_ref().polls, wakes.take()),
            (number * 32, 1)
        );
    }
    let events: Result<Vec<_>, _> = read_all(events).into_iter().collect();
    let data: Vec<_> = events
        .expect("it fits")
        .into_iter()
        .map(|event| event.into_data())
        .collect();
    assert_eq!(data, ["one", "two"]);
}

#[test]
fn the_data_of_a_body_is_a_stream_of_chunks() {
    let steps = ["one", "two"].map(|chunk| Step::Gives(chunk.into()));
    let mut chunks = BodyChunks::new(Transport::new(steps.into_iter().chain([Step::Ends])));
    assert_eq!(
        chunks.next().now_or_never(),
        Some(Some(Ok(Bytes::from("one"))))
    );
    let body = chunks.into_inner();
    assert_eq!(body.reads(), 1);
    assert_eq!(read_all(BodyChunks::new(body)), [Ok(Bytes::from("two"))]);
}

#[test]
fn data_that_is_bytes_is_borrowed() {
    let chunk = Bytes::from(["data: ", &"x".repeat(4096), "\n\n"].concat());
    let place = chunk.as_ptr_range();
    let mut events = Script::new([http_body::Frame::data(chunk)]).events();
    let event = events.next_event().now_or_never().expect("it is ready");
    let event = event.expect("it fits").expect("an event");
    let part = event.data().as_bytes().as_ptr_range();
    assert!(place.start <= part.start && part.end <= place.end);
}

/// A body of messages, with keep-alives, and what it is made from.
struct Server<K> {
    frames: Transport,
    ticks: Transport,
    body: EventBody<Frames, K>,
    wakes: Arc<Wakes>,
    waker: Waker,
}

type Frames = stream::Map<Transport, fn(Result<Chunk, Fault>) -> Result<Frame, Fault>>;
type Polled = Poll<Option<Result<Bytes, Fault>>>;

impl<K: Stream> Server<K> {
    fn new(keep_alive: impl FnOnce(EventBody<Frames>, Transport) -> EventBody<Frames, K>) -> Self {
        let (frames, ticks) = (Transport::new([]), Transport::new([]));
        let messages = frames.clone().map(message as fn(_) -> _);
        let (wakes, waker) = Wakes::new();
        Self {
            body: keep_alive(EventBody::new(messages), ticks.clone()),
            frames,
            ticks,
            wakes,
            waker,
        }
    }

    /// Has more to send, or a tick, and returns how often that wakes the task.
    fn push(&self, to: &Transport, step: Step) -> usize {
        to.push(step);
        self.wakes.take()
    }

    fn send(&self, data: &str) -> usize {
        self.push(&self.frames, Step::Gives(data.into()))
    }

    fn tick(&self) -> usize {
        self.push(&self.ticks, Step::Gives(Vec::new()))
    }

    fn next(&mut self) -> Polled
    where
        K: Unpin,
    {
        poll(&mut self.body, &self.waker)
    }

    fn has_ticks(&self) -> bool {
        self.ticks.handles() > 1
    }
}

fn message(data: Result<Chunk, Fault>) -> Result<Frame, Fault> {
    let data = String::from_utf8(data?.as_ref().to_vec()).expect("text");
    Ok(Outgoing::message(&data).into())
}

fn sent(bytes: &'static str) -> Polled {
    Poll::Ready(Some(Ok(bytes.into())))
}

const PING: &str = ":\n\n";
const END: Polled = Poll::Ready(None);

#[test]
fn frames_are_sent_as_they_come() {
    let mut server = Server::new(|body, _| body);
    assert_eq!(server.next(), Poll::Pending);
    assert_eq!((server.send("1"), server.send("2")), (1, 0));
    assert_eq!(server.next(), sent("data: 1\n\n"));
    assert_eq!(server.next(), sent("data: 2\n\n"));
    assert_eq!(server.next(), Poll::Pending);
    assert_eq!(server.push(&server.frames, Step::Ends), 1);
    assert_eq!((server.next(), server.next()), (END, END));
    assert_eq!(server.frames.reads(), 5, "polled after its end");
}

#[test]
fn anything_that_becomes_a_frame_can_be_sent_and_a_frame_is_not_copied() {
    let expected = [Ok(Bytes::from("data: 1\n\n"))];
    let block = Outgoing::message("1");
    let blocks = stream::iter([Ok::<_, Fault>(block)]);
    assert_eq!(read_all(EventBody::new(blocks)), expected);
    let blocks = stream::iter([Ok::<_, Fault>(&block)]);
    assert_eq!(read_all(EventBody::new(blocks)), expected);
    let frame = Frame::from(block);
    let sent = read_all(EventBody::new(stream::iter([Ok::<_, Fault>(
        frame.clone(),
    )])));
    assert_eq!(sent, expected);
    let address = |bytes: &Bytes| bytes.as_ptr();
    assert_eq!(sent[0].as_ref().map(address), Ok(address(frame.as_bytes())));
}

#[test]
fn a_keep_alive_is_sent_at_every_tick_at_which_no_frame_is_ready() {
    let mut server = Server::new(EventBody::keep_alive);
    assert_eq!(server.next(), Poll::Pending);
    for _ in 0..2 {
        assert_eq!(server.tick(), 1);
        assert_eq!((server.next(), server.next()), (sent(PING), Poll::Pending));
    }
    // A tick that comes while a frame is ready is not lost.
    assert_eq!((server.send("1"), server.tick()), (1, 1));
    assert_eq!(
        (server.next(), server.next()),
        (sent("data: 1\n\n"), sent(PING))
    );
    assert_eq!(server.next(), Poll::Pending);
    // A slow client did not poll for a while; then an interval yields all ticks that it missed.
    for _ in 0..40 {
        server.tick();
    }
    assert_eq!((server.next(), server.next()), (sent(PING), Poll::Pending));
    assert_eq!(server.tick(), 1, "it waits for the next one");
    assert_eq!((server.next(), server.next()), (sent(PING), Poll::Pending));
    assert_eq!(Frame::parse(PING.into()).map(|frame| frame.len()), Ok(3));
}

#[test]
fn streams_that_are_always_ready_starve_neither_frames_nor_the_end() {
    let mut server = Server::new(|body, _| body.keep_alive(stream::repeat(())));
    for _ in 0..10 {
        assert_eq!(server.next(), sent(PING));
        server.send("1");
        server.send("2");
        assert_eq!(server.next(), sent("data: 1\n\n"));
        assert_eq!(server.next(), sent("data: 2\n\n"));
    }
    server.frames.push(Step::Ends);
    assert_eq!(server.next(), END);

    let ticks = Transport::new([Step::Gives(Vec::new())]);
    let frames = stream::repeat(()).map(|()| Ok::<_, Fault>(Outgoing::message("1")));
    let mut body = EventBody::new(frames).keep_alive(ticks.clone());
    for _ in 0..100 {
        assert_eq!(poll(&mut body, Waker::noop()), sent("data: 1\n\n"));
    }
    assert_eq!(ticks.reads(), 0);
}

#[test]
fn when_the_ticks_end_only_the_keep_alives_do() {
    let mut server = Server::new(EventBody::keep_alive);
    server.tick();
    server.ticks.push(Step::Ends);
    assert_eq!(server.next(), sent(PING));
    // They are dropped, and not polled again.
    for _ in 0..3 {
        assert_eq!((server.next(), server.has_ticks()), (Poll::Pending, false));
    }
    assert_eq!((server.ticks.reads(), server.wakes.take()), (2, 0));
    assert_eq!((server.send("1"), server.next()), (1, sent("data: 1\n\n")));
}

#[test]
fn the_body_ends_with_its_frames_or_their_error_and_reports_it_then() {
    let error = Fault(ErrorKind::ConnectionReset);
    for (last, end) in [(Step::Ends, None), (Step::Fails(error.0), Some(Err(error)))] {
        let mut server = Server::new(EventBody::keep_alive);
        let reports = |body: &EventBody<_, _>| {
            let (hint, stream_hint) = (Body::size_hint(body), Stream::size_hint(body));
            let has_ended = (body.is_end_stream(), body.is_terminated());
            (has_ended, hint.lower(), hint.upper(), stream_hint)
        };
        for step in [Step::Gives(b"1".into()), last, Step::Gives(b"more".into())] {
            server.frames.push(step);
        }
        let mut context = Context::from_waker(Waker::noop());
        let frame = Pin::new(&mut server.body).poll_frame(&mut context);
        let Poll::Ready(Some(Ok(frame))) = frame else {
            panic!("there is a frame");
        };
        assert_eq!(frame.into_data().expect("data"), "data: 1\n\n");
        assert_eq!(reports(&server.body), ((false, false), 0, None, (0, None)));
        server.tick();
        assert_eq!(server.next(), Poll::Ready(end));
        assert_eq!(
            reports(&server.body),
            ((true, true), 0, Some(0), (0, Some(0)))
        );
        // The sender of the ticks can stop.
        assert!(!server.has_ticks());
        assert_eq!(
            (server.next(), server.next(), server.frames.reads()),
            (END, END, 2)
        );
    }
}

#[test]
fn the_keep_alive_frame_can_be_chosen() {
    let ping = Frame::from(Outgoing::new().comment("still here"));
    let mut server = Server::new(|body, _| body.keep_alive_with(stream::repeat(()), ping));
    assert_eq!(server.next(), sent(": still here\n\n"));
    // An empty one would be taken for the end, or would keep the task busy.
    let mut server = Server::new(|body, _| body.keep_alive_with(stream::repeat(()), Frame::new()));
    assert_eq!((server.next(), server.wakes.take()), (Poll::Pending, 0));
    assert_eq!((server.send("1"), server.next()), (1, sent("data: 1\n\n")));
}

#[test]
fn empty_frames_are_skipped_and_it_yields_after_32_of_them() {
    let polls = Cell::new(0);
    let frames = stream::iter(0..=100).map(|number| {
        polls.set(polls.get() + 1);
        let empty = if number % 2 == 0 {
            Frame::new()
        } else {
            Outgoing::new().into()
        };
        Ok::<_, Fault>(if number < 100 {
            empty
        } else {
            Outgoing::message("last").into()
        })
    });
    let mut body = EventBody::new(frames);
    let (wakes, waker) = Wakes::new();
    for number in 1..=3 {
        assert_eq!(poll(&mut body, &waker), Poll::Pending);
        assert_eq!((polls.get(), wakes.take()), (number * 32, 1));
    }
    assert_eq!(poll(&mut body, &waker), sent("data: last\n\n"));
}

#[test]
fn what_a_body_sends_a_body_receives() {
    let server = Server::new(EventBody::keep_alive);
    let mut items = server.body.items();
    assert!(poll(&mut items, &server.waker).is_pending());
    server.ticks.push(Step::Gives(Vec::new()));
    assert_eq!(server.wakes.take(), 1);
    let ping = OwnedItem::Comment {
        text: Vec::new(),
        end: true,
    };
    assert_eq!(poll(&mut items, &server.waker), Poll::Ready(Some(Ok(ping))));
    server.frames.push(Step::Gives(b"one\ntwo".into()));
    server.frames.push(Step::Fails(ErrorKind::TimedOut));
    let Poll::Ready(Some(Ok(OwnedItem::Event(event)))) = poll(&mut items, &server.waker) else {
        panic!("there is an event");
    };
    assert_eq!(event.data(), "one\ntwo");
    let error = ReadError::Transport(Fault(ErrorKind::TimedOut));
    assert_eq!(
        poll(&mut items, &server.waker),
        Poll::Ready(Some(Err(error)))
    );
    assert_eq!(poll(&mut items, &server.waker), Poll::Ready(None));
}

#[test]
fn a_body_is_send_and_unpin_as_its_frames_and_ticks_are() {
    const {
        assert!(Probe::<EventBody<stream::Empty<Result<Frame, Fault>>>>::IS_SEND);
        assert!(Probe::<EventBody<stream::Empty<Result<Frame, Fault>>>>::IS_UNPIN);
        assert!(Probe::<EventBody<stream::Empty<Result<Frame, Fault>>, NoTicks>>::IS_SEND);
        assert!(!Probe::<EventBody<Transport>>::IS_SEND);
        assert!(!Probe::<EventBody<stream::Empty<Result<Frame, Fault>>, Transport>>::IS_SEND);
        assert!(!Probe::<EventBody<PhantomPinned>>::IS_UNPIN);
        assert!(!Probe::<EventBody<stream::Empty<Result<Frame, Fault>>, PhantomPinned>>::IS_UNPIN);
        assert!(!Probe::<BodyChunks<PhantomPinned>>::IS_UNPIN);
    }
    // Frames and ticks that must not be moved.
    let frames = stream::once(async { Ok::<_, Fault>(Outgoing::message("1")) });
    let ticks = stream::once(async {});
    assert_eq!(read_all(EventBody::new(frames).keep_alive(ticks)).len(), 1);
}

#[test]
fn the_debug_form_does_not_show_the_payload() {
    let body = EventBody::new(stream::iter([Ok::<_, Fault>(Frame::from(
        Outgoing::message("secret"),
    ))]));
    let shown = format!("{body:?}");
    assert!(shown.starts_with("EventBody") && !shown.contains("secret"));
    assert_eq!(body.get_ref().size_hint(), (1, Some(1)));
    let chunks = BodyChunks::new(body);
    assert_eq!(chunks.get_ref().get_ref().size_hint(), (1, Some(1)));
}
