//! Everything that drives a client behind one trait, and a server without a network, whose clients
//! sleep in no time.

#[cfg(feature = "std")]
use crate::calls::SeeOwned as _;
use crate::calls::{see, see_item, see_raw};
use crate::machine::SSE;
use crate::oracle::Seen;
use crate::transport::{Fault, Step, Transport};
use core::cell::{RefCell, RefMut};
use core::fmt::Debug;
use core::time::Duration;
use sse_wire::client::{Cause, EventSource, Request};
use sse_wire::reconnect::{Head, ReconnectError, Update};
use std::io::ErrorKind;
use std::rc::Rc;

#[cfg(feature = "std")]
use sse_wire::reconnect::{BlockingTransport, ReconnectingReader};

#[cfg(feature = "stream")]
use {
    core::future::{Future, pending, poll_fn},
    core::task::Poll,
    futures_util::future::{FutureExt as _, LocalBoxFuture},
    sse_wire::reconnect::{ReconnectingStream, Transport as AsyncTransport},
};

/// A sleep that long is never over.
pub(crate) const DAY: Duration = Duration::from_secs(24 * 3600);

/// What a server does with a request.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    Fails(ErrorKind),
    /// It never answers, so that a blocking client gives up.
    #[cfg_attr(not(feature = "stream"), allow(dead_code, reason = "for streams"))]
    Hangs,
    /// A status, and `retry-after`.
    Rejects(u16, Option<&'static str>),
    Streams(Vec<Step>),
    /// The same, from a position that the head has.
    Continues(&'static str, Vec<Step>),
}

/// A server, and what it saw.
#[derive(Clone)]
pub(crate) struct Server(Rc<RefCell<State>>);

pub(crate) struct State {
    answer: Box<dyn FnMut(&str) -> Answer>,
    /// The last event ID of each request.
    pub(crate) ids: Vec<String>,
    /// The sleeps of at least a second and less than a day.
    pub(crate) slept: Vec<Duration>,
    /// The last body.
    pub(crate) body: Transport,
    /// Whether requests and sleeps complete when they are polled for the second time.
    #[cfg_attr(not(feature = "stream"), allow(dead_code, reason = "for streams"))]
    pub(crate) is_slow: bool,
}

type Yielded<T> = Result<Update<T, u16, Response, Fault>, ReconnectError<Response, Fault>>;

/// A response, which implements nothing.
pub(crate) struct Response(pub(crate) u16, Transport);

impl Server {
    pub(crate) fn new(answer: impl FnMut(&str) -> Answer + 'static) -> Self {
        Self(Rc::new(RefCell::new(State {
            answer: Box::new(answer),
            ids: Vec::new(),
            slept: Vec::new(),
            body: Transport::new([]),
            is_slow: false,
        })))
    }

    /// A server that answers in this order, and no other request.
    pub(crate) fn of(answers: Vec<Answer>) -> Self {
        let mut answers = answers.into_iter();
        Self::new(move |_| answers.next().expect("no more requests"))
    }

    pub(crate) fn state(&self) -> RefMut<'_, State> {
        self.0.borrow_mut()
    }

    /// Answers a request, unless it hangs.
    fn answer(&self, request: Request<'_>) -> Option<Result<(Head, Response), Fault>> {
        let mut state = self.state();
        state.ids.push(request.last_event_id().to_owned());
        let (status, head, body) = match (state.answer)(request.last_event_id()) {
            Answer::Fails(kind) => return Some(Err(Fault(kind))),
            Answer::Hangs => return None,
            Answer::Rejects(status, retry_after) => {
                let head = Head::new(status, ["text/html"]);
                (status, head.with_retry_after(retry_after), vec![])
            }
            Answer::Streams(steps) => (200, Head::new(200, SSE), steps),
            Answer::Continues(id, steps) => {
                let head = Head::new(200, SSE).with_last_event_id(Some(id));
                (200, head, steps)
            }
        };
        state.body = Transport::new(body);
        Some(Ok((head, Response(status, state.body.clone()))))
    }

    fn note_sleep(&self, delay: Duration) {
        if (Duration::from_secs(1)..DAY).contains(&delay) {
            let slept = &mut self.state().slept;
            slept.push(delay);
            assert!(slept.len() < 1000, "it sleeps on and on");
        }
    }
}

/// What drives a client: returns the next update as text, and whether it shows that it has ended.
pub(crate) struct Driver(pub(crate) Box<dyn FnMut(bool) -> (Option<String>, bool)>);

impl Driver {
    /// The next update, perhaps after a request for another connection; `None` at the end, and
    /// "waits" while nothing wakes it.
    pub(crate) fn next(&mut self, reconnects: bool) -> Option<String> {
        let (update, shows_end) = (self.0)(reconnects);
        let is_last = |update: &String| update.starts_with("closed");
        let has_ended = update.as_ref().is_none_or(is_last);
        assert_eq!(shows_end, has_ended, "{update:?}");
        update
    }
}

#[cfg(feature = "std")]
macro_rules! reader {
    ($updates:expr) => {{
        let mut updates = $updates;
        Driver(Box::new(move |reconnects| {
            if reconnects {
                updates.reconnect();
            }
            let update = updates.next().map(|update| text(update, |item| item.see()));
            let is_closed = updates.source().is_closed();
            (update, shows_end(updates.size_hint(), &updates, is_closed))
        }))
    }};
}

/// A reader whose events are borrowed.
#[cfg(feature = "std")]
macro_rules! borrowing_reader {
    ($updates:expr, $next:ident, $see:expr) => {{
        let mut updates = $updates;
        Driver(Box::new(move |reconnects| {
            if reconnects {
                updates.reconnect();
            }
            let update = updates.$next().transpose();
            let update = update.map(|update| text(update, $see));
            let is_closed = updates.source().is_closed();
            (update, shows_end(updates.size_hint(), &updates, is_closed))
        }))
    }};
}

/// A stream whose events are borrowed, by futures of which each is polled once.
#[cfg(feature = "stream")]
macro_rules! borrowing_stream {
    ($updates:expr, $next:ident, $see:expr) => {{
        use futures_util::stream::{FusedStream as _, Stream as _};
        let mut updates = Box::pin($updates);
        let task = crate::task::Task::new(false);
        Driver(Box::new(move |reconnects| {
            if reconnects {
                updates.as_mut().reconnect();
            }
            let update = match task.poll(updates.as_mut().$next()) {
                Poll::Ready(update) => update.transpose().map(|update| text(update, $see)),
                Poll::Pending => Some("waits".into()),
            };
            let updates = &*updates;
            let is_terminated = updates.is_terminated();
            (
                update,
                shows_end(updates.size_hint(), updates, is_terminated),
            )
        }))
    }};
}

/// A stream that is polled once for each update, or as often as it is woken.
#[cfg(feature = "stream")]
macro_rules! streaming {
    ($updates:expr, polls_once: $polls_once:expr) => {{
        use futures_util::stream::{FusedStream as _, Stream as _, StreamExt as _};
        let mut updates = Box::pin($updates);
        let task = crate::task::Task::new($polls_once);
        crate::drivers::Driver(Box::new(move |reconnects| {
            if reconnects {
                updates.as_mut().reconnect();
            }
            let update = match task.poll(updates.next()) {
                core::task::Poll::Ready(update) => update
                    .map(|it| crate::drivers::text(it, |item| crate::calls::SeeOwned::see(&item))),
                core::task::Poll::Pending => Some("waits".into()),
            };
            let updates = &*updates;
            let is_terminated = updates.is_terminated();
            assert_eq!(updates.source().is_closed(), is_terminated);
            let hint = updates.size_hint();
            (
                update,
                crate::drivers::shows_end(hint, updates, is_terminated),
            )
        }))
    }};
}

#[cfg(feature = "stream")]
pub(crate) use streaming;

pub(crate) type Open = fn(EventSource, &Server) -> Driver;

/// Only sleeps advance the time.
#[cfg(feature = "stream")]
pub(crate) const NO_CLOCK: fn() -> Duration = || Duration::ZERO;

/// Every driver. A name says what it yields.
pub(crate) const DRIVERS: &[(&str, Open)] = &[
    #[cfg(feature = "std")]
    ("reader of events", |source, server| {
        reader!(ReconnectingReader::new(source, server.clone()))
    }),
    #[cfg(feature = "std")]
    ("reader of items", |source, server| {
        reader!(ReconnectingReader::new(source, server.clone()).with_items())
    }),
    #[cfg(feature = "std")]
    ("borrowing reader of events", |source, server| {
        let updates = ReconnectingReader::new(source, server.clone());
        borrowing_reader!(updates, next_event, see)
    }),
    #[cfg(feature = "std")]
    ("borrowing reader of raw events", |source, server| {
        let updates = ReconnectingReader::new(source, server.clone());
        borrowing_reader!(updates, next_raw_event, see_raw)
    }),
    #[cfg(feature = "std")]
    ("borrowing reader of items", |source, server| {
        let updates = ReconnectingReader::new(source, server.clone());
        borrowing_reader!(updates, next_item, see_item)
    }),
    #[cfg(feature = "stream")]
    ("borrowing stream of events", |source, server| {
        let updates = ReconnectingStream::new(source, server.clone()).with_clock(NO_CLOCK);
        borrowing_stream!(updates, next_event, see)
    }),
    #[cfg(feature = "stream")]
    ("borrowing stream of raw events", |source, server| {
        let updates = ReconnectingStream::new(source, server.clone()).with_clock(NO_CLOCK);
        borrowing_stream!(updates, next_raw_event, see_raw)
    }),
    #[cfg(feature = "stream")]
    ("borrowing stream of items", |source, server| {
        let updates = ReconnectingStream::new(source, server.clone()).with_clock(NO_CLOCK);
        borrowing_stream!(updates, next_item, see_item)
    }),
    #[cfg(feature = "stream")]
    ("stream of events", |source, server| {
        let updates = ReconnectingStream::new(source, server.clone()).with_clock(NO_CLOCK);
        streaming!(updates, polls_once: false)
    }),
    #[cfg(feature = "stream")]
    ("stream of items", |source, server| {
        let updates = ReconnectingStream::new(source, server.clone()).with_clock(NO_CLOCK);
        streaming!(updates.with_items(), polls_once: false)
    }),
];

/// An update as text; an item that is no event begins with "item".
pub(crate) fn text<T>(update: Yielded<T>, see: impl Fn(T) -> Seen) -> String {
    match update {
        Ok(Update::Opened(200)) => "opened".into(),
        Ok(Update::Opened(status)) => format!("opened {status}"),
        Ok(Update::Item(item)) => match see(item) {
            Seen::Event(event) => {
                let text = [event.event_type, event.data].concat();
                let text = String::from_utf8(text).expect("an owned event is text");
                let text = text.trim_start_matches("message");
                format!("{text} #{}", event.last_event_id)
            }
            Seen::Comment { text, .. } => format!("item :{}", text.escape_ascii()),
            Seen::Ignored { text, .. } => format!("item !{}", text.escape_ascii()),
            Seen::NotDispatched(event) => format!("item #{}", event.last_event_id),
            item => format!("item {item:?}"),
        },
        Ok(Update::Reconnecting {
            delay,
            reason,
            response,
            error,
            first_ignored,
            ..
        }) => {
            let status = response.map(|Response(status, _)| status);
            // A response that was rejected is there, and no other one.
            let rejected = match reason {
                Cause::Status(status) => Some(status),
                _ => None,
            };
            assert_eq!(status, rejected);
            let delay = delay.as_secs();
            format!(
                "lost {reason:?} {error:?}{} {delay}",
                instead(first_ignored)
            )
        }
        Ok(_) => panic!("an unknown update"),
        Err(error) => {
            let text = error.to_string();
            let ReconnectError::Closed {
                response,
                first_ignored,
                ..
            } = error
            else {
                return text;
            };
            let status = response.map(|Response(status, _)| status);
            format!("closed {status:?}: {text}{}", instead(first_ignored))
        }
    }
}

/// What came instead of events.
fn instead(line: Option<Vec<u8>>) -> String {
    line.map_or_else(String::new, |line| format!(" but {}", line.escape_ascii()))
}

/// Reads all updates, and asserts what holds for each driver and server. After an event whose data
/// begins with "reconnect", it does that.
pub(crate) fn updates(driver: Open, source: EventSource, server: &Server) -> Vec<String> {
    let mut driver = driver(source, server);
    let mut updates: Vec<String> = Vec::new();
    loop {
        let is_last = |start: &str| updates.last().is_some_and(|last| last.starts_with(start));
        if is_last("closed") || is_last("lost") {
            assert_eq!(server.state().body.handles(), 1, "the body is not dropped");
        }
        let requests = server.state().ids.len();
        let Some(update) = driver.next(is_last("reconnect")) else {
            assert_eq!([(); 3].map(|()| driver.next(false)), [const { None }; 3]);
            assert_eq!(server.state().ids.len(), requests, "requests after the end");
            return updates;
        };
        assert_ne!(update, "waits", "after {updates:?}");
        assert!(updates.len() < 100, "they do not end: {updates:?}");
        updates.push(update);
    }
}

/// Whether a driver shows that it has ended, in all its ways.
pub(crate) fn shows_end(
    hint: (usize, Option<usize>),
    shown: &dyn Debug,
    is_terminated: bool,
) -> bool {
    let has_ended = format!("{shown:?}").contains("has_ended: true");
    let expected = ((0, has_ended.then_some(0)), has_ended);
    assert_eq!((hint, is_terminated), expected);
    has_ended
}

#[cfg(feature = "std")]
impl BlockingTransport for Server {
    type Response = Response;
    type Error = Fault;
    type Opened = u16;
    type Body = Transport;

    fn opened(&mut self, response: &Response) -> u16 {
        response.0
    }

    fn connect(&mut self, request: Request<'_>) -> Result<(Head, Response), Fault> {
        let answer = self.answer(request);
        answer.unwrap_or(Err(Fault(ErrorKind::TimedOut)))
    }

    fn body(&mut self, response: Response) -> Transport {
        response.1
    }

    fn sleep(&mut self, delay: Duration) {
        self.note_sleep(delay);
    }
}

#[cfg(feature = "stream")]
impl AsyncTransport for Server {
    type Response = Response;
    type Error = Fault;
    type Opened = u16;
    type Connecting = LocalBoxFuture<'static, Result<(Head, Response), Fault>>;
    type Body = Transport;
    type Sleep = LocalBoxFuture<'static, ()>;

    fn connect(&mut self, request: Request<'_>) -> Self::Connecting {
        let answer = self.answer(request);
        let held = self.state().body.clone();
        let later = later(self.state().is_slow);
        Box::pin(async move {
            later.await;
            // A request that hangs counts as a body that is not dropped.
            let _held = held;
            match answer {
                Some(answer) => answer,
                None => pending().await,
            }
        })
    }

    fn opened(&mut self, response: &Response) -> u16 {
        response.0
    }

    fn body(&mut self, response: Response) -> Transport {
        response.1
    }

    fn sleep(&mut self, delay: Duration) -> Self::Sleep {
        self.note_sleep(delay);
        if delay >= DAY {
            return pending().boxed_local();
        }
        later(self.state().is_slow).boxed_local()
    }
}

/// Is ready when it is polled for the second time, or at once.
#[cfg(feature = "stream")]
fn later(is_slow: bool) -> impl Future<Output = ()> {
    let mut is_ready = !is_slow;
    poll_fn(move |context| {
        if core::mem::replace(&mut is_ready, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
}
