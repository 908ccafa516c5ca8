//! Any body becomes events, and frames become a body: with keep-alives while there is nothing to
//! send, at its end when the frames are, and without empty frames, which some take for the end.

use crate::common::task::Wakes;
use crate::common::transport::{Step, Transport};
use crate::probe::{Otherwise, Probe};
use bytes::{Buf, Bytes};
use core::cell::{Cell, RefCell};
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
use std::rc::Rc;

/// What a stream of frames fails with, which need not be an `Error`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Broken(u8);

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

/// A body of these frames.
struct Frames<D>(VecDeque<http_body::Frame<D>>, usize);

impl<D: Buf + Unpin> Body for Frames<D> {
    type Data = D;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<D>, Broken>>> {
        self.1 += 1;
        Poll::Ready(self.0.pop_front().map(Ok))
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
    let mut events = Frames(frames.collect(), 0).events();
    let (wakes, waker) = Wakes::new();
    for number in 1..=3 {
        assert!(poll(&mut events, &waker).is_pending());
        assert_eq!(
            (events.get_ref().get_ref().1, wakes.take()),
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
    let mut events = Frames([http_body::Frame::data(chunk)].into(), 0).events();
    let event = events.next_event().now_or_never().expect("it is ready");
    let event = event.expect("it fits").expect("an event");
    let part = event.data().as_bytes().as_ptr_range();
    assert!(place.start <= part.start && part.end <= place.end);
}

/// The sending half of a queue.
struct Sender<T> {
    queue: RefCell<VecDeque<T>>,
    has_ended: Cell<bool>,
    waker: RefCell<Option<Waker>>,
    polls: Cell<usize>,
}

/// The receiving half, which must not be polled after its end.
struct Receiver<T> {
    sender: Rc<Sender<T>>,
    is_over: bool,
}

impl<T> Sender<T> {
    fn new() -> (Rc<Self>, Receiver<T>) {
        let sender = Rc::new(Self {
            queue: RefCell::default(),
            has_ended: Cell::default(),
            waker: RefCell::default(),
            polls: Cell::default(),
        });
        let receiver = Receiver {
            sender: sender.clone(),
            is_over: false,
        };
        (sender, receiver)
    }

    fn send(&self, what: T) {
        self.queue.borrow_mut().push_back(what);
        self.wake();
    }

    fn end(&self) {
        self.has_ended.set(true);
        self.wake();
    }

    fn wake(&self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    /// Whether the receiver was not dropped.
    fn has_receiver(self: &Rc<Self>) -> bool {
        Rc::strong_count(self) > 1
    }
}

impl<T> Stream for Receiver<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        assert!(!self.is_over, "it was polled after its end");
        self.sender.polls.set(self.sender.polls.get() + 1);
        let next = self.sender.queue.borrow_mut().pop_front();
        if next.is_some() {
            return Poll::Ready(next);
        }
        if self.sender.has_ended.get() {
            self.is_over = true;
            return Poll::Ready(None);
        }
        *self.sender.waker.borrow_mut() = Some(context.waker().clone());
        Poll::Pending
    }
}

/// What a stream of frames gives.
type Given = Result<Frame, Broken>;

fn frame(data: &str) -> Given {
    Ok(Outgoing::message(data).into())
}

const PING: &str = ":\n\n";

/// What a body gives next; `None` if it is pending.
fn next<S, K>(body: &mut EventBody<S, K>, waker: &Waker) -> Option<Option<Result<String, Broken>>>
where
    EventBody<S, K>: Stream<Item = Result<Bytes, Broken>> + Unpin,
{
    match poll(body, waker) {
        Poll::Ready(bytes) => Some(
            bytes.map(|bytes| bytes.map(|bytes| String::from_utf8(bytes.into()).expect("text"))),
        ),
        Poll::Pending => None,
    }
}

fn sent(text: &str) -> Option<Option<Result<String, Broken>>> {
    Some(Some(Ok(text.to_owned())))
}

#[test]
fn frames_are_sent_as_they_come() {
    let (frames, receiver) = Sender::<Given>::new();
    let mut body = EventBody::new(receiver);
    let (wakes, waker) = Wakes::new();
    assert_eq!(next(&mut body, &waker), None);
    assert_eq!(wakes.take(), 0);
    frames.send(frame("1"));
    assert_eq!(wakes.take(), 1);
    frames.send(frame("2"));
    assert_eq!(next(&mut body, &waker), sent("data: 1\n\n"));
    assert_eq!(next(&mut body, &waker), sent("data: 2\n\n"));
    assert_eq!(next(&mut body, &waker), None);
    frames.end();
    assert_eq!(wakes.take(), 1);
    assert_eq!(next(&mut body, &waker), Some(None));
    // The receiver would panic if it were polled again.
    assert_eq!(next(&mut body, &waker), Some(None));
}

#[test]
fn anything_that_becomes_a_frame_can_be_sent() {
    let expected = [Ok(Bytes::from("data: 1\n\n"))];
    let blocks = stream::iter([Ok::<_, Broken>(Outgoing::message("1"))]);
    assert_eq!(read_all(EventBody::new(blocks)), expected);
    let block = Outgoing::message("1");
    let blocks = stream::iter([Ok::<_, Broken>(&block)]);
    assert_eq!(read_all(EventBody::new(blocks)), expected);
    let frames = stream::iter([frame("1")]);
    assert_eq!(read_all(EventBody::new(frames)), expected);
    // Text of one's own has to become a frame where it is.
    let texts = stream::iter([String::from("1")]);
    let frames = texts.map(|text| Ok::<_, Broken>(Frame::from(Outgoing::message(&text))));
    assert_eq!(read_all(EventBody::new(frames)), expected);
}

#[test]
fn a_frame_is_sent_without_copying_it() {
    let frame: Frame = Outgoing::message("1").into();
    let sent = read_all(EventBody::new(stream::iter([Ok::<_, Broken>(
        frame.clone(),
    )])));
    let sent = sent[0].as_ref().expect("a frame");
    assert_eq!(sent.as_ptr(), frame.as_bytes().as_ptr());
}

#[test]
fn a_keep_alive_is_sent_at_every_tick_at_which_no_frame_is_ready() {
    let (frames, receiver) = Sender::<Given>::new();
    let (ticks, ticking) = Sender::<u8>::new();
    let mut body = EventBody::new(receiver).keep_alive(ticking);
    let (wakes, waker) = Wakes::new();
    let ping = sent(PING);

    assert_eq!(next(&mut body, &waker), None);
    ticks.send(1);
    assert_eq!(wakes.take(), 1, "a tick wakes");
    assert_eq!(next(&mut body, &waker), ping);
    assert_eq!(next(&mut body, &waker), None);
    frames.send(frame("1"));
    assert_eq!(wakes.take(), 1, "a frame wakes");

    // The tick comes while a frame is ready: the frame goes first, the tick is not lost.
    ticks.send(2);
    frames.send(frame("2"));
    assert_eq!(next(&mut body, &waker), sent("data: 1\n\n"));
    assert_eq!(next(&mut body, &waker), sent("data: 2\n\n"));
    assert_eq!(next(&mut body, &waker), ping);
    assert_eq!(next(&mut body, &waker), None);

    for tick in [3, 4] {
        ticks.send(tick);
        assert_eq!(next(&mut body, &waker), ping);
        assert_eq!(next(&mut body, &waker), None);
    }
}

#[test]
fn missed_ticks_are_one() {
    let (frames, receiver) = Sender::<Given>::new();
    let (ticks, ticking) = Sender::<u8>::new();
    let mut body = EventBody::new(receiver).keep_alive(ticking);
    let (wakes, waker) = Wakes::new();
    // A slow client did not poll for a while; then an interval of tokio gives all ticks that it missed.
    for tick in 0..40 {
        ticks.send(tick);
    }
    assert_eq!(next(&mut body, &waker), sent(PING));
    assert_eq!(next(&mut body, &waker), None);
    ticks.send(41);
    assert_eq!(wakes.take(), 1, "it waits for the next one");
    assert_eq!(next(&mut body, &waker), sent(PING));
    frames.end();
    assert_eq!(next(&mut body, &waker), Some(None));
}

#[test]
fn ticks_that_are_always_ready_starve_no_frame() {
    let (frames, receiver) = Sender::<Given>::new();
    let mut body = EventBody::new(receiver).keep_alive(stream::repeat(()));
    let (_, waker) = Wakes::new();
    let ping = sent(PING);
    for number in 0..10 {
        assert_eq!(next(&mut body, &waker), ping);
        frames.send(frame("a"));
        frames.send(frame("b"));
        assert_eq!(next(&mut body, &waker), sent("data: a\n\n"), "{number}");
        assert_eq!(next(&mut body, &waker), sent("data: b\n\n"), "{number}");
    }
    frames.end();
    assert_eq!(next(&mut body, &waker), Some(None));
}

#[test]
fn frames_that_are_always_ready_are_never_interrupted() {
    let (ticks, ticking) = Sender::<u8>::new();
    ticks.send(1);
    let frames = stream::repeat(()).map(|()| frame("1"));
    let mut body = EventBody::new(frames).keep_alive(ticking);
    let (_, waker) = Wakes::new();
    for _ in 0..100 {
        assert_eq!(next(&mut body, &waker), sent("data: 1\n\n"));
    }
    assert_eq!(ticks.polls.get(), 0);
}

#[test]
fn when_the_ticks_end_only_the_keep_alives_do() {
    let (frames, receiver) = Sender::<Given>::new();
    let (ticks, ticking) = Sender::<u8>::new();
    let mut body = EventBody::new(receiver).keep_alive(ticking);
    let (wakes, waker) = Wakes::new();
    ticks.send(1);
    ticks.end();
    assert!(ticks.has_receiver());
    assert!(matches!(next(&mut body, &waker), Some(Some(Ok(_)))));
    // They are dropped, and would panic if they were polled again.
    for _ in 0..3 {
        assert_eq!(next(&mut body, &waker), None);
        assert!(!ticks.has_receiver());
    }
    assert_eq!(wakes.take(), 0);
    frames.send(frame("1"));
    assert_eq!(wakes.take(), 1);
    assert_eq!(next(&mut body, &waker), sent("data: 1\n\n"));
}

#[test]
fn when_the_frames_end_the_body_does_though_ticks_continue() {
    for (last, expected) in [
        (None, Some(None)),
        (Some(Broken(3)), Some(Some(Err(Broken(3))))),
    ] {
        let (frames, receiver) = Sender::<Given>::new();
        let (ticks, ticking) = Sender::<u8>::new();
        let mut body = EventBody::new(receiver).keep_alive(ticking);
        let (_, waker) = Wakes::new();
        assert_eq!(next(&mut body, &waker), None);
        ticks.send(1);
        match last {
            Some(error) => frames.send(Err(error)),
            None => frames.end(),
        }
        assert_eq!(next(&mut body, &waker), expected);
        // The sender of the ticks can stop.
        assert!(!ticks.has_receiver());
        for _ in 0..3 {
            assert_eq!(next(&mut body, &waker), Some(None));
        }
    }
}

#[test]
fn an_error_ends_the_body_even_if_more_would_come() {
    let frames = stream::iter([frame("1"), Err(Broken(3)), frame("2")]);
    let sent = read_all(EventBody::new(frames));
    assert_eq!(sent, [Ok(Bytes::from("data: 1\n\n")), Err(Broken(3))]);
}

#[test]
fn the_keep_alive_frame_can_be_chosen() {
    let (_frames, receiver) = Sender::<Given>::new();
    let ping = Frame::from(Outgoing::new().comment("still here"));
    let mut body = EventBody::new(receiver).keep_alive_with(stream::repeat(()), ping);
    let (_, waker) = Wakes::new();
    assert_eq!(next(&mut body, &waker), sent(": still here\n\n"));

    // An empty one would be taken for the end, or would keep the task busy.
    let (frames, receiver) = Sender::<Given>::new();
    let mut body = EventBody::new(receiver).keep_alive_with(stream::repeat(()), Frame::new());
    let (wakes, waker) = Wakes::new();
    assert_eq!(next(&mut body, &waker), None);
    assert_eq!(wakes.take(), 0);
    frames.send(frame("1"));
    assert_eq!(wakes.take(), 1);
    assert_eq!(next(&mut body, &waker), sent("data: 1\n\n"));
}

#[test]
fn empty_frames_are_skipped() {
    let frames = [
        Frame::new(),
        Outgoing::new().into(),
        Outgoing::message("1").into(),
        Frame::new(),
    ];
    let sent = read_all(EventBody::new(stream::iter(frames.map(Ok::<_, Broken>))));
    assert_eq!(sent, [Ok(Bytes::from("data: 1\n\n"))]);
}

#[test]
fn it_yields_after_32_empty_frames() {
    let polls = Cell::new(0);
    let frames = stream::iter(0..1000).map(|number| {
        polls.set(polls.get() + 1);
        if number < 999 {
            Ok(Frame::new())
        } else {
            frame("last")
        }
    });
    let mut body = EventBody::new(frames);
    let (wakes, waker) = Wakes::new();
    let (mut before, mut yields) = (0, 0);
    let last = loop {
        let polled = next(&mut body, &waker);
        assert!(polls.get() - before <= 32);
        before = polls.get();
        match polled {
            Some(last) => break Some(last),
            None => assert!(wakes.take() > 0),
        }
        yields += 1;
    };
    assert_eq!(last, sent("data: last\n\n"));
    assert_eq!(yields, 1000 / 32);
}

#[test]
fn the_end_is_reported_once_it_was_reached() {
    for last in [None, Some(Err(Broken(3)))] {
        let frames = [Some(frame("1")), last].into_iter().flatten();
        let mut body = EventBody::new(stream::iter(frames));
        let (_, waker) = Wakes::new();
        let mut context = Context::from_waker(&waker);
        assert!(!body.is_end_stream() && !body.is_terminated());
        // Nothing is promised, also if the stream of frames knows how many there are.
        let hint = Body::size_hint(&body);
        assert_eq!((hint.lower(), hint.upper(), hint.exact()), (0, None, None));
        assert_eq!(Stream::size_hint(&body), (0, None));

        let first = Pin::new(&mut body).poll_frame(&mut context);
        let Poll::Ready(Some(Ok(first))) = first else {
            panic!("there is a frame");
        };
        assert_eq!(first.into_data().expect("data"), "data: 1\n\n");
        assert!(!body.is_end_stream());
        let end = Pin::new(&mut body).poll_frame(&mut context);
        assert!(matches!(end, Poll::Ready(None | Some(Err(Broken(3))))));
        assert!(body.is_end_stream() && body.is_terminated());
        assert_eq!(Body::size_hint(&body).exact(), Some(0));
        assert_eq!(Stream::size_hint(&body), (0, Some(0)));
        assert!(matches!(
            Pin::new(&mut body).poll_frame(&mut context),
            Poll::Ready(None)
        ));
    }
}

#[test]
fn what_a_body_sends_a_body_receives() {
    let (ticks, ticking) = Sender::<u8>::new();
    let (frames, receiver) = Sender::<Given>::new();
    let body = EventBody::new(receiver).keep_alive(ticking);
    let mut items = body.items();
    let (wakes, waker) = Wakes::new();
    assert!(poll(&mut items, &waker).is_pending());
    ticks.send(1);
    assert_eq!(wakes.take(), 1);
    let ping = poll(&mut items, &waker);
    assert!(
        matches!(ping, Poll::Ready(Some(Ok(OwnedItem::Comment { text, end: true }))) if text.is_empty())
    );
    frames.send(frame("one\ntwo"));
    frames.send(Err(Broken(3)));
    let event = poll(&mut items, &waker);
    assert!(
        matches!(event, Poll::Ready(Some(Ok(OwnedItem::Event(event)))) if event.data() == "one\ntwo")
    );
    let error = poll(&mut items, &waker);
    assert!(matches!(
        error,
        Poll::Ready(Some(Err(ReadError::Transport(Broken(3)))))
    ));
    assert_eq!(poll(&mut items, &waker), Poll::Ready(None));

    assert_eq!(Frame::parse(PING.into()).map(|frame| frame.len()), Ok(3));
}

#[test]
fn a_body_is_send_and_unpin_as_its_frames_and_ticks_are() {
    const {
        assert!(Probe::<EventBody<stream::Empty<Given>>>::IS_SEND);
        assert!(Probe::<EventBody<stream::Empty<Given>>>::IS_UNPIN);
        assert!(Probe::<EventBody<stream::Empty<Given>, NoTicks>>::IS_SEND);
        assert!(!Probe::<EventBody<Receiver<Given>>>::IS_SEND);
        assert!(!Probe::<EventBody<stream::Empty<Given>, Receiver<()>>>::IS_SEND);
        assert!(!Probe::<EventBody<PhantomPinned>>::IS_UNPIN);
        assert!(!Probe::<EventBody<stream::Empty<Given>, PhantomPinned>>::IS_UNPIN);
        assert!(!Probe::<BodyChunks<PhantomPinned>>::IS_UNPIN);
    }
    // Frames and ticks that must not be moved.
    let frames = stream::once(async { frame("1") });
    let ticks = stream::once(async {});
    assert_eq!(read_all(EventBody::new(frames).keep_alive(ticks)).len(), 1);
}

#[test]
fn the_debug_form_does_not_show_the_payload() {
    let body = EventBody::new(stream::iter([frame("secret")]));
    let shown = format!("{body:?}");
    assert!(shown.starts_with("EventBody") && !shown.contains("secret"));
    assert_eq!(body.get_ref().size_hint(), (1, Some(1)));
    let chunks = BodyChunks::new(body);
    assert_eq!(chunks.get_ref().get_ref().size_hint(), (1, Some(1)));
}
