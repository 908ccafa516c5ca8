//! Any body becomes events, and frames become a body: with keep-alives after a period in which
//! nothing was sent, at its end when the frames are, and without empty frames, which some take for
//! the end.

use crate::common::task::Wakes;
use crate::common::transport::{Chunk, Fault, Step, Transport};
use crate::probe::{Otherwise, Probe};
use bytes::{Buf, Bytes};
use core::cell::{Cell, RefCell};
use core::future::{self, Future};
use core::marker::PhantomPinned;
use core::pin::{Pin, pin};
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use futures_core::{FusedStream, Stream};
use futures_util::future::FutureExt;
use futures_util::stream::{self, StreamExt};
use http_body::Body;
use sse_wire::body::{BodyChunks, EventBody, EventBodyExt, KeepAlive};
use sse_wire::{Frame, Outgoing, OwnedItem, ReadError, headers};
use std::collections::VecDeque;
use std::io::ErrorKind;
use std::rc::Rc;
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

/// A clock, and the sleeps that wait for it.
#[derive(Clone, Default)]
struct Clock(Rc<RefCell<State>>);

#[derive(Default)]
struct State {
    now: Duration,
    started: usize,
    dropped: usize,
    waker: Option<Waker>,
}

impl Clock {
    fn sleep(&self, time: Duration) -> Sleep {
        self.0.borrow_mut().started += 1;
        let deadline = self.0.borrow().now + time;
        let clock = self.clone();
        Sleep { clock, deadline }
    }

    fn advance(&self, seconds: u64) {
        self.0.borrow_mut().now += Duration::from_secs(seconds);
        let waker = self.0.borrow_mut().waker.take();
        waker.inspect(Waker::wake_by_ref);
    }

    /// How many sleeps began, and how many there are.
    fn sleeps(&self) -> (usize, usize) {
        let state = self.0.borrow();
        (state.started, state.started - state.dropped)
    }
}

struct Sleep {
    clock: Clock,
    deadline: Duration,
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.clock.0.borrow_mut();
        if state.now >= self.deadline {
            return Poll::Ready(());
        }
        state.waker = Some(context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.clock.0.borrow_mut().dropped += 1;
    }
}

/// A body of messages, with keep-alives, and what it is made from.
struct Server<K> {
    frames: Transport,
    clock: Clock,
    body: EventBody<Frames, K>,
    wakes: Arc<Wakes>,
    waker: Waker,
}

type Frames = stream::Map<Transport, fn(Result<Chunk, Fault>) -> Result<Frame, Fault>>;
type Polled = Poll<Option<Result<Bytes, Fault>>>;

impl<K> Server<K>
where
    EventBody<Frames, K>: Body<Data = Bytes, Error = Fault> + Unpin,
{
    fn new(keep_alive: impl FnOnce(EventBody<Frames>, Clock) -> EventBody<Frames, K>) -> Self {
        let (frames, clock) = (Transport::new([]), Clock::default());
        let messages = frames.clone().map(message as fn(_) -> _);
        let (wakes, waker) = Wakes::new();
        Self {
            body: keep_alive(EventBody::new(messages), clock.clone()),
            frames,
            clock,
            wakes,
            waker,
        }
    }

    /// Has more to send, and returns how often that wakes the task.
    fn push(&self, step: Step) -> usize {
        self.frames.push(step);
        self.wakes.take()
    }

    fn send(&self, data: &str) -> usize {
        self.push(Step::Gives(data.into()))
    }

    /// Lets time pass, and returns how often that wakes the task.
    fn advance(&self, seconds: u64) -> usize {
        self.clock.advance(seconds);
        self.wakes.take()
    }

    fn next(&mut self) -> Polled {
        poll_body(&mut self.body, &self.waker)
    }
}

/// Polls a body for its next frame.
fn poll_body<B>(body: &mut B, waker: &Waker) -> Poll<Option<Result<Bytes, B::Error>>>
where
    B: Body<Data = Bytes> + Unpin,
{
    let frame = Pin::new(body).poll_frame(&mut Context::from_waker(waker));
    frame.map_ok(|frame| frame.into_data().expect("there are no trailers"))
}

/// The body with a period of 15 seconds.
fn every_15(
    body: EventBody<Frames>,
    clock: Clock,
) -> EventBody<Frames, KeepAlive<impl FnMut(Duration) -> Sleep, Sleep>> {
    body.keep_alive(Duration::from_secs(15), move |time| clock.sleep(time))
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
    assert_eq!(server.push(Step::Ends), 1);
    assert_eq!((server.next(), server.next()), (END, END));
    assert_eq!(server.frames.reads(), 5, "polled after its end");
}

#[test]
fn anything_that_becomes_a_frame_can_be_sent_and_a_frame_is_not_copied() {
    let expected = [Ok(Bytes::from("data: 1\n\n"))];
    let block = Outgoing::message("1");
    let blocks = stream::iter([Ok::<_, Fault>(block)]);
    assert_eq!(read_all(EventBody::new(blocks).into_stream()), expected);
    let blocks = stream::iter([Ok::<_, Fault>(&block)]);
    assert_eq!(read_all(EventBody::new(blocks).into_stream()), expected);
    let frame = Frame::from(block);
    let frames = stream::iter([Ok::<_, Fault>(frame.clone())]);
    let sent = read_all(EventBody::new(frames).into_stream());
    assert_eq!(sent, expected);
    let address = |bytes: &Bytes| bytes.as_ptr();
    assert_eq!(sent[0].as_ref().map(address), Ok(address(frame.as_bytes())));
}

#[test]
fn a_keep_alive_is_sent_after_a_period_in_which_no_frame_was_sent() {
    let mut server = Server::new(every_15);
    assert_eq!(server.next(), Poll::Pending);
    for _ in 0..2 {
        server.advance(14);
        assert_eq!(server.next(), Poll::Pending);
        assert_eq!(server.advance(1), 1);
        assert_eq!((server.next(), server.next()), (sent(PING), Poll::Pending));
    }
    // The period begins anew after a frame.
    server.advance(14);
    assert_eq!((server.send("1"), server.next()), (1, sent("data: 1\n\n")));
    assert_eq!(server.next(), Poll::Pending);
    server.advance(14);
    assert_eq!(server.next(), Poll::Pending);
    server.advance(1);
    // A frame that is ready by then is sent instead.
    server.send("2");
    assert_eq!(server.next(), sent("data: 2\n\n"));
    assert_eq!(server.next(), Poll::Pending);
    // A slow client gets one for many periods.
    server.advance(1000);
    assert_eq!((server.next(), server.next()), (sent(PING), Poll::Pending));
    assert_eq!(Frame::parse(PING.into()).map(|frame| frame.len()), Ok(3));
}

#[test]
fn a_stream_that_always_has_frames_starts_no_timers() {
    let mut server = Server::new(every_15);
    for _ in 0..100 {
        server.send("1");
        server.advance(60);
        assert_eq!(server.next(), sent("data: 1\n\n"));
    }
    assert_eq!(server.clock.sleeps(), (0, 0));
}

#[test]
fn a_sleep_that_is_ready_at_once_starves_neither_frames_nor_other_tasks() {
    let mut server = Server::new(|body, _| body.keep_alive(Duration::MAX, |_| future::ready(())));
    for _ in 0..10 {
        // It yields before each keep-alive.
        assert_eq!((server.next(), server.wakes.take()), (Poll::Pending, 1));
        assert_eq!((server.next(), server.wakes.take()), (sent(PING), 0));
        server.send("1");
        assert_eq!(server.next(), sent("data: 1\n\n"));
    }
    assert_eq!((server.next(), server.wakes.take()), (Poll::Pending, 1));
    server.frames.push(Step::Ends);
    assert_eq!(server.next(), END);
}

#[test]
fn a_period_of_zero_and_empty_frames_send_no_keep_alives() {
    let mut zero =
        Server::new(|body, clock| body.keep_alive(Duration::ZERO, move |time| clock.sleep(time)));
    assert_eq!((zero.next(), zero.wakes.take()), (Poll::Pending, 0));
    assert_eq!(zero.clock.sleeps(), (0, 0));

    let mut empty = Server::new(|body, clock| {
        let sleep = move |time| clock.sleep(time);
        body.keep_alive_with(Duration::from_secs(1), sleep, Frame::new)
    });
    assert_eq!(empty.next(), Poll::Pending);
    for number in 2..5 {
        assert_eq!(empty.advance(1), 1);
        assert_eq!((empty.next(), empty.wakes.take()), (Poll::Pending, 0));
        assert_eq!(empty.clock.sleeps(), (number, 1));
    }
    assert_eq!((empty.send("1"), empty.next()), (1, sent("data: 1\n\n")));
}

#[test]
fn the_keep_alive_frame_is_made_anew_each_time() {
    let mut server = Server::new(|body, clock| {
        let mut newest = 0;
        let checkpoint = move || {
            newest += 1;
            Outgoing::new().numeric_id(newest).into()
        };
        let sleep = move |time| clock.sleep(time);
        body.keep_alive_with(Duration::from_secs(1), sleep, checkpoint)
    });
    for expected in ["id: 1\n\n", "id: 2\n\n"] {
        assert_eq!(server.next(), Poll::Pending);
        server.advance(1);
        assert_eq!(server.next(), sent(expected));
    }
}

#[test]
fn the_body_ends_with_its_frames_or_their_error_and_reports_it_then() {
    let error = Fault(ErrorKind::ConnectionReset);
    for (last, end) in [(Step::Ends, None), (Step::Fails(error.0), Some(Err(error)))] {
        let mut server = Server::new(every_15);
        assert_eq!(
            (server.next(), server.clock.sleeps()),
            (Poll::Pending, (1, 1))
        );
        server.send("1");
        assert_eq!(server.next(), sent("data: 1\n\n"));
        let hint = Body::size_hint(&server.body);
        assert_eq!((hint.lower(), hint.upper()), (0, None));
        assert!(!server.body.is_end_stream());
        // The timer is dropped, and a period that has passed sends nothing.
        assert_eq!(server.next(), Poll::Pending);
        server.advance(15);
        server.frames.push(last);
        server.send("more");
        assert_eq!(
            (server.next(), server.clock.sleeps()),
            (Poll::Ready(end), (2, 0))
        );
        assert_eq!(Body::size_hint(&server.body).exact(), Some(0));
        assert!(server.body.is_end_stream());
        let reads = server.frames.reads();
        assert_eq!(
            (server.next(), server.next(), server.frames.reads()),
            (END, END, reads)
        );
        assert_eq!(server.clock.sleeps(), (2, 0));
    }
}

#[test]
fn a_body_is_a_stream_of_chunks_or_a_whole_response() {
    let frames = || stream::iter([Ok::<_, Fault>(Outgoing::message("1"))]);
    let mut chunks = EventBody::new(frames()).into_stream();
    assert_eq!(
        (chunks.is_terminated(), chunks.size_hint()),
        (false, (0, None))
    );
    assert_eq!(poll(&mut chunks, Waker::noop()), sent("data: 1\n\n"));
    assert_eq!(poll(&mut chunks, Waker::noop()), END);
    assert_eq!(
        (chunks.is_terminated(), chunks.size_hint()),
        (true, (0, Some(0)))
    );
    assert!(chunks.get_ref().is_end_stream() && chunks.into_inner().is_end_stream());

    let mut response = EventBody::new(frames()).into_response();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers().len(), headers::RESPONSE.len());
    for (name, value) in headers::RESPONSE {
        assert_eq!(response.headers()[name], value);
    }
    let frame = poll_body(response.body_mut(), Waker::noop());
    assert_eq!(frame, sent("data: 1\n\n"));
}

#[test]
fn a_shutdown_ends_the_body() {
    let (stop, stopped) = futures_util::future::abortable(future::pending::<()>());
    let frames = Transport::new([Step::Gives(b"1".into())]);
    let messages = frames.map(message).take_until(stop);
    let mut body = EventBody::new(messages).keep_alive(Duration::MAX, |_| future::pending());
    let (wakes, waker) = Wakes::new();
    assert_eq!(poll_body(&mut body, &waker), sent("data: 1\n\n"));
    assert_eq!(poll_body(&mut body, &waker), Poll::Pending);
    stopped.abort();
    assert!(wakes.take() > 0);
    assert_eq!(poll_body(&mut body, &waker), END);
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
        assert_eq!(poll_body(&mut body, &waker), Poll::Pending);
        assert_eq!((polls.get(), wakes.take()), (number * 32, 1));
    }
    assert_eq!(poll_body(&mut body, &waker), sent("data: last\n\n"));
}

#[test]
fn empty_frames_alone_do_not_hold_back_keep_alives() {
    let clock = Clock::default();
    let frames = stream::repeat_with(|| Ok::<_, Fault>(Frame::new()));
    let sleeps = clock.clone();
    let body = EventBody::new(frames);
    let mut body = body.keep_alive(Duration::from_secs(15), move |time| sleeps.sleep(time));
    let (wakes, waker) = Wakes::new();
    for _ in 0..2 {
        assert_eq!(poll_body(&mut body, &waker), Poll::Pending);
        clock.advance(15);
        assert!(wakes.take() > 0);
        assert_eq!(poll_body(&mut body, &waker), sent(PING));
    }
}

#[test]
fn what_a_body_sends_a_body_receives() {
    let server = Server::new(every_15);
    let mut items = server.body.items();
    assert!(poll(&mut items, &server.waker).is_pending());
    server.clock.advance(15);
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
fn a_body_is_send_and_unpin_as_its_frames_and_sleeps_are() {
    type Empty = stream::Empty<Result<Frame, Fault>>;
    type Slept<F> = KeepAlive<fn(Duration) -> F, F>;
    const {
        assert!(Probe::<EventBody<Empty>>::IS_SEND && Probe::<EventBody<Empty>>::IS_UNPIN);
        assert!(!Probe::<EventBody<Transport>>::IS_SEND);
        assert!(!Probe::<EventBody<Empty, Slept<Rc<()>>>>::IS_SEND);
        assert!(!Probe::<EventBody<PhantomPinned>>::IS_UNPIN);
        assert!(!Probe::<EventBody<Empty, Slept<PhantomPinned>>>::IS_UNPIN);
        assert!(!Probe::<BodyChunks<PhantomPinned>>::IS_UNPIN);
    }
    // Frames and sleeps that must not be moved.
    let frames = stream::once(async { Ok::<_, Fault>(Outgoing::message("1")) });
    let body = EventBody::new(frames).keep_alive(Duration::MAX, |_| async {});
    assert_eq!(read_all(body.into_stream()).len(), 1);
}

#[test]
fn the_debug_form_does_not_show_the_payload() {
    let mut body = EventBody::new(stream::iter([Ok::<_, Fault>(Frame::from(
        Outgoing::message("secret"),
    ))]));
    let shown = format!("{body:?}");
    assert!(shown.starts_with("EventBody") && !shown.contains("secret"));
    assert_eq!(body.get_ref().size_hint(), (1, Some(1)));
    assert_eq!(body.get_mut().size_hint(), (1, Some(1)));
    let body = EventBody::new(body.into_inner());
    let mut chunks = body.into_stream();
    assert!(format!("{chunks:?}").starts_with("BodyChunks"));
    assert_eq!(chunks.get_mut().get_ref().size_hint(), (1, Some(1)));
    assert_eq!(chunks.get_ref().get_ref().size_hint(), (1, Some(1)));
}
