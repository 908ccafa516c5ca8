//! The drivers that connect again by themselves: over real sockets that break off at any byte, and over imitations that misbehave.
#![cfg(all(feature = "std", feature = "stream"))]

extern crate alloc;

use alloc::collections::VecDeque;
use alloc::rc::Rc;
use core::cell::RefCell;
use core::error::Error;
use core::fmt::{self, Debug, Display};
use core::future::{Pending, Ready, pending, ready};
use core::net::SocketAddr;
use core::pin::pin;
use core::task::{Context, Poll};
use core::time::Duration;
use futures_util::stream::{self, FusedStream, StreamExt};
use futures_util::task::noop_waker_ref;
use futures_util::{FutureExt, Stream, future::LocalBoxFuture};
use sse_wire::client::{Backoff, Cause, Closed, EventSource, Policy, Repeat, Request};
use sse_wire::reconnect::{
    BlockingTransport, Head, ReconnectError, ReconnectingReader, ReconnectingStream, Transport,
    Update,
};
use sse_wire::{DecodeError, EventDecoder, LastEventId, Limits, Outgoing, OwnedEvent, OwnedItem};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const SSE: &str = "text/event-stream";
const EVENTS: usize = 20;

/// As fast as it can be: what is waited for in these tests is not time.
fn policy() -> Policy {
    Policy::new()
        .with_bounds(Duration::ZERO, Duration::from_millis(1))
        .with_reconnection_time(Duration::ZERO)
        .with_backoff(Backoff::NONE)
}

fn fast_source() -> EventSource {
    EventSource::new(1).with_policy(policy())
}

/// The block of each event: with comments, types, and data of several lines, in each kind of line end.
fn blocks() -> Vec<Vec<u8>> {
    let block = |number: usize| {
        let id = number.to_string();
        let data = format!("{number}\nsecond line");
        let mut outgoing = Outgoing::message(&data).id(LastEventId::new(&id).expect("digits"));
        if number % 3 == 0 {
            outgoing = outgoing.comment("not an event");
        }
        let block = outgoing.to_string();
        match number % 4 {
            0 => block.replace('\n', "\r\n").into(),
            1 => block.replace('\n', "\r").into(),
            _ => block.into(),
        }
    };
    (0..EVENTS).map(block).collect()
}

/// Serves the events behind the last event ID, three times for each cut: cut off, whole, and not at all, which ends it.
fn serve(cuts: usize) -> (SocketAddr, thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it has one");
    let server = thread::spawn(move || {
        let blocks = blocks();
        for cut in 0..cuts {
            for turn in 0..3 {
                let (mut socket, _) = listener.accept().expect("somebody connects");
                let mut next = 0;
                let mut reader = BufReader::new(socket.try_clone().expect("it can be"));
                let mut line = String::new();
                while reader.read_line(&mut line).expect("it is sent") > 2 {
                    if let Some(id) = line.strip_prefix("last-event-id: ") {
                        next = id.trim_end().parse::<usize>().expect("it was sent") + 1;
                    }
                    line.clear();
                }
                if turn == 2 {
                    assert_eq!(next, EVENTS);
                    socket
                        .write_all(b"HTTP/1.1 204 No Content\r\n\r\n")
                        .expect("it is read");
                    continue;
                }
                let mut response =
                    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n".to_vec();
                let head = response.len();
                response.extend(blocks[next..].concat());
                if turn == 0 {
                    assert_eq!(next, 0);
                    response.truncate(head + cut);
                }
                socket.write_all(&response).expect("it is read");
            }
        }
    });
    (address, server)
}

fn request_line(request: Request<'_>) -> String {
    let mut head = "GET / HTTP/1.1\r\n".to_owned();
    for (name, value) in request.headers() {
        head += &format!("{name}: {value}\r\n");
    }
    head + "\r\n"
}

fn head_of(head: &[u8]) -> Head {
    let head = core::str::from_utf8(head).expect("it is text");
    let status = head.split(' ').nth(1).expect("it has a status");
    let types = head
        .lines()
        .filter_map(|line| line.strip_prefix("content-type: "));
    Head::new(status.parse().expect("it is a number"), types)
}

/// What came of the connections to the server, one of which is cut.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    numbers: Vec<String>,
    opened: u32,
    lost: u32,
}

impl Seen {
    /// Notes an update; `event` gives ID and data of what is an event.
    fn note<T: Debug, R: Debug>(
        &mut self,
        update: Result<Update<T, io::Error>, ReconnectError<R, io::Error>>,
        event: impl FnOnce(&T) -> Option<(String, String)>,
    ) {
        match update {
            Ok(Update::Opened) => self.opened += 1,
            Ok(Update::Item(item)) => {
                if let Some((id, data)) = event(&item) {
                    assert_eq!(data, format!("{id}\nsecond line"));
                    self.numbers.push(id);
                }
            }
            Ok(Update::Reconnecting { .. }) => self.lost += 1,
            Err(ReconnectError::Closed { reason, .. }) => {
                assert_eq!(reason, Closed::Rejected(Cause::Status(204)));
            }
            update => panic!("{update:?}"),
        }
    }

    /// The cut connection, and the one behind it, brought each event once.
    fn assert_whole(&self, cut: usize) {
        let expected = Self {
            numbers: (0..EVENTS).map(|number| number.to_string()).collect(),
            opened: 2,
            lost: 2,
        };
        assert_eq!(*self, expected, "cut after {cut} bytes");
    }
}

fn bytes_to_cut() -> usize {
    blocks().concat().len() + 1
}

#[test]
fn a_stream_over_a_socket_that_is_cut_at_any_byte_loses_nothing() {
    let cuts = bytes_to_cut();
    let (address, server) = serve(cuts);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("it can be built");
    runtime.block_on(async {
        for cut in 0..cuts {
            let connect = |request: Request<'_>| {
                let head = request_line(request);
                async move {
                    let mut socket = tokio::net::TcpStream::connect(address).await?;
                    socket.write_all(head.as_bytes()).await?;
                    let mut head = Vec::new();
                    while !head.ends_with(b"\r\n\r\n") {
                        head.push(socket.read_u8().await?);
                    }
                    Ok::<_, io::Error>((head_of(&head), socket))
                }
            };
            let body = |socket: tokio::net::TcpStream| {
                stream::try_unfold(socket, |mut socket| async {
                    let mut memory = vec![0; 61];
                    let length = socket.read(&mut memory).await?;
                    memory.truncate(length);
                    Ok::<_, io::Error>((length > 0).then_some((memory, socket)))
                })
            };
            let updates =
                ReconnectingStream::from_fns(fast_source(), connect, body, tokio::time::sleep);
            let mut updates = pin!(updates);
            let mut seen = Seen::default();
            while let Some(update) = updates.next().await {
                seen.note(update, |event: &OwnedEvent| {
                    Some((event.last_event_id().to_owned(), event.data().to_owned()))
                });
            }
            seen.assert_whole(cut);
        }
    });
    server.join().expect("the server saw what it expected");
    println!("{cuts} cuts of a stream of {EVENTS} events: nothing lost, nothing twice");
}

#[test]
fn a_reader_of_a_socket_that_is_cut_at_any_byte_loses_nothing() {
    let cuts = bytes_to_cut();
    let (address, server) = serve(cuts);
    for cut in 0..cuts {
        let connect = |request: Request<'_>| {
            let mut socket = TcpStream::connect(address)?;
            socket.write_all(request_line(request).as_bytes())?;
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") {
                socket.read_exact(&mut byte)?;
                head.extend(byte);
            }
            Ok::<_, io::Error>((head_of(&head), socket))
        };
        let updates =
            ReconnectingReader::from_fns(fast_source(), connect, |socket: TcpStream| socket);
        let mut seen = Seen::default();
        for update in updates {
            seen.note(update, |event: &OwnedEvent| {
                Some((event.last_event_id().to_owned(), event.data().to_owned()))
            });
        }
        seen.assert_whole(cut);
    }
    server.join().expect("the server saw what it expected");
    println!("{cuts} cuts of a stream of {EVENTS} events: nothing lost, nothing twice");
}

/// What an imitated server does with one connection.
#[derive(Debug, Clone)]
enum Answer {
    Body(u16, &'static str, Vec<&'static str>),
    /// The body fails behind these chunks.
    Broken(Vec<&'static str>),
    /// It goes silent behind these chunks.
    Silent(Vec<&'static str>),
    Error,
    Nothing,
}

type Chunks = stream::LocalBoxStream<'static, Result<Vec<u8>, String>>;

/// A client of an imitated server, with virtual time: a sleep is over at once.
struct Imitation {
    answers: Rc<RefCell<VecDeque<Answer>>>,
}

impl Transport for Imitation {
    type Response = Chunks;
    type Error = String;
    type Connecting = LocalBoxFuture<'static, Result<(Head, Chunks), String>>;
    type Body = Chunks;
    type Sleep = Ready<()>;

    fn connect(&mut self, request: Request<'_>) -> Self::Connecting {
        let answer = self.answers.borrow_mut().pop_front();
        let attempt = request.attempt();
        let connecting = async move {
            let of = |chunks: Vec<&'static str>| {
                stream::iter(chunks).map(|chunk| Ok::<_, String>(chunk.into()))
            };
            let ok = Head::new(200, [SSE]);
            match answer.expect("no more requests are made") {
                Answer::Body(status, content_type, chunks) => {
                    let head = Head::new(status, [content_type]).with_retry_after(Some("7"));
                    Ok((head, of(chunks).boxed_local()))
                }
                Answer::Broken(chunks) => {
                    let error = stream::iter([Err("reset".to_owned())]);
                    Ok((ok, of(chunks).chain(error).boxed_local()))
                }
                Answer::Silent(chunks) => {
                    Ok((ok, of(chunks).chain(stream::pending()).boxed_local()))
                }
                Answer::Error => Err(format!("refused {attempt}")),
                Answer::Nothing => pending().await,
            }
        };
        connecting.boxed_local()
    }

    fn body(&mut self, response: Chunks) -> Chunks {
        response
    }

    fn sleep(&mut self, _: Duration) -> Ready<()> {
        ready(())
    }
}

/// A type whose field is a stream that reconnects, which only a transport with a name allows.
struct Feed {
    updates: ReconnectingStream<Imitation, OwnedItem>,
}

/// Everything that comes of these answers, as text, through a transport, and through functions that do the same.
fn updates_of(source: EventSource, answers: &[Answer]) -> Vec<String> {
    let imitation = || {
        let answers = Rc::new(RefCell::new(VecDeque::from(answers.to_vec())));
        let left = Rc::clone(&answers);
        (Imitation { answers }, left)
    };
    let (transport, left) = imitation();
    let feed = Feed {
        updates: ReconnectingStream::new(source.clone(), transport)
            .with_clock(|| Duration::ZERO)
            .with_items(),
    };
    let through_transport = as_text(feed.updates);
    assert!(left.borrow().is_empty(), "all requests were made");

    let (mut transport, left) = imitation();
    let connect = |request: Request<'_>| transport.connect(request);
    let updates =
        ReconnectingStream::from_fns(source.clone(), connect, |body: Chunks| body, |_| ready(()));
    let through_fns = as_text(updates.with_items().with_clock(|| Duration::ZERO));
    assert!(left.borrow().is_empty(), "all requests were made");
    assert_eq!(through_fns, through_transport);

    // Without items there is the same but for these.
    let (transport, _) = imitation();
    let updates = ReconnectingStream::new(source, transport).with_clock(|| Duration::ZERO);
    let events = updates.map(|update| match update {
        Ok(Update::Item(event)) => Ok(Update::Item(OwnedItem::Event(event))),
        Ok(Update::Opened) => Ok(Update::Opened),
        Ok(Update::Reconnecting {
            delay,
            reason,
            error,
        }) => Ok(Update::Reconnecting {
            delay,
            reason,
            error,
        }),
        Ok(update) => panic!("{update:?}"),
        Err(error) => Err(error),
    });
    let mut events = as_text(events).into_iter();
    for update in &through_transport {
        if !update.starts_with("item ") {
            assert_eq!(events.next().as_ref(), Some(update));
        }
    }
    assert_eq!(events.next(), None);
    through_transport
}

fn as_text(
    updates: impl Stream<Item = Result<Update<OwnedItem, String>, ReconnectError<Chunks, String>>>,
) -> Vec<String> {
    let collected = updates.map(|update| match update {
        Ok(Update::Opened) => "opened".to_owned(),
        Ok(Update::Item(OwnedItem::Event(event))) => event.data().to_owned(),
        Ok(Update::Item(OwnedItem::Comment { text, .. })) => {
            format!("item :{}", text.escape_ascii())
        }
        Ok(Update::Item(item)) => format!("item {item:?}"),
        Ok(Update::Reconnecting {
            delay,
            reason,
            error,
        }) => {
            format!("{reason:?} {error:?} {delay:?}")
        }
        Ok(update) => panic!("{update:?}"),
        Err(error) => error.to_string(),
    });
    collected.collect().now_or_never().expect("it never waits")
}

#[test]
fn updates_come_in_the_order_of_what_happened() {
    use Answer::{Body, Broken, Error, Nothing, Silent};
    let policy = policy()
        .with_idle_timeout(Duration::from_secs(9))
        .with_transient_statuses(true)
        .with_bounds(Duration::ZERO, Duration::from_secs(60));
    let updates = updates_of(
        fast_source().with_policy(policy),
        &[
            Error,
            Body(200, SSE, vec![": c\ndata: 1\n\nda", "ta: cut"]),
            Body(503, "text/html", vec![]),
            Broken(vec!["retry: 5\ndata: 2\n", "\n"]),
            Silent(vec!["data: 3\n\n"]),
            Nothing,
            Body(404, "text/html", vec![]),
        ],
    );
    let expected = [
        "Transport Some(\"refused 0\") 0ns",
        "opened",
        "item : c",
        "1",
        "End None 0ns",
        // As its retry-after says.
        "Status(503) None 7s",
        "opened",
        "item Retry(5ms)",
        "2",
        "Transport Some(\"reset\") 5ms",
        "opened",
        "3",
        "Idle None 5ms",
        "Idle None 5ms",
        "refused: the status of the response is 404, not 200",
    ];
    assert_eq!(updates, expected);
}

#[test]
fn giving_up_says_why_and_what_the_transport_said() {
    let answers = [Answer::Error, Answer::Error];
    let updates = updates_of(
        fast_source().with_policy(policy().with_attempts(2)),
        &answers,
    );
    assert_eq!(
        updates,
        [
            "Transport Some(\"refused 0\") 0ns",
            "no attempt was successful; the last one: the transport failed: refused 1"
        ]
    );
    // A POST is not sent again.
    let answers = [Answer::Body(200, SSE, vec!["data: 1\n\n"])];
    let updates = updates_of(
        fast_source().with_policy(policy().with_repeat(Repeat::Never)),
        &answers,
    );
    assert_eq!(updates, ["opened", "1", "not sent again: the stream ended"]);
}

#[test]
fn an_event_that_is_too_large_is_an_error_and_the_stream_goes_on() {
    let decoder = EventDecoder::with_limits(Limits::new().with_event(5));
    let source = EventSource::with_decoder(decoder, 1).with_policy(policy());
    let answers = [
        Answer::Body(200, SSE, vec!["data: too large\n\ndata: 2\n\n"]),
        Answer::Body(204, "", vec![]),
    ];
    let updates = updates_of(source, &answers);
    assert_eq!(
        updates[1],
        DecodeError::EventTooLarge { limit: 5 }.to_string()
    );
    assert_eq!(updates[2], "2");
}

#[test]
fn a_refused_response_is_handed_over_and_so_is_the_last_one_of_many() {
    /// Neither `Clone` nor `Debug`, nor anything else.
    struct Owned(u16);

    for (policy, answers) in [
        (policy(), vec![404]),
        (
            policy().with_transient_statuses(true).with_attempts(2),
            vec![500, 503],
        ),
    ] {
        let last = answers.last().copied();
        let queue = RefCell::new(VecDeque::from(answers.clone()));
        let connect = |_: Request<'_>| {
            let status = queue
                .borrow_mut()
                .pop_front()
                .expect("no more requests are made");
            ready(Ok::<_, String>((
                Head::new(status, None::<&str>),
                Owned(status),
            )))
        };
        let body = |_| stream::empty::<Result<Vec<u8>, String>>();
        let source = fast_source().with_policy(policy);
        let updates = ReconnectingStream::from_fns(source, connect, body, |_| ready(()));
        let last_update = updates.fold(None, |_, update| ready(Some(update)));
        let Some(Err(ReconnectError::Closed { response, .. })) =
            last_update.now_or_never().expect("it never waits")
        else {
            panic!("it was refused")
        };
        assert_eq!(response.map(|response| response.0), last);

        let mut queue = VecDeque::from(answers);
        let connect = |_: Request<'_>| {
            let status = queue.pop_front().expect("no more requests are made");
            Ok::<_, io::Error>((Head::new(status, None::<&str>), Owned(status)))
        };
        let source = fast_source().with_policy(policy);
        let updates = ReconnectingReader::from_fns(source, connect, |_| io::empty());
        let Some(Err(ReconnectError::Closed { response, .. })) = updates.last() else {
            panic!("it was refused")
        };
        assert_eq!(response.map(|response| response.0), last);
    }
}

#[test]
fn what_waits_is_woken_by_what_it_waits_for_and_by_nothing_else() {
    // A connection that is never made, and a sleep that is never over: it waits, however often it is asked.
    let made = Rc::new(RefCell::new(0));
    let connect = |_: Request<'_>| {
        *made.borrow_mut() += 1;
        pending::<Result<(Head, Chunks), String>>()
    };
    let sleep = |_| -> Pending<()> { pending() };
    let source = fast_source().with_policy(policy().with_idle_timeout(Duration::from_secs(3600)));
    let mut updates = pin!(ReconnectingStream::from_fns(
        source,
        connect,
        |body: Chunks| body,
        sleep
    ));
    let mut context = Context::from_waker(noop_waker_ref());
    for _ in 0..3 {
        assert!(updates.as_mut().poll_next(&mut context).is_pending());
    }
    assert_eq!(*made.borrow(), 1);
    // Unless it is told to have another one.
    updates.as_mut().reconnect();
    let update = updates.as_mut().poll_next(&mut context);
    let Poll::Ready(Some(Ok(Update::Reconnecting { reason, .. }))) = update else {
        panic!("there is another one")
    };
    assert_eq!(reason, Cause::Reconnect);
    assert!(!updates.is_terminated());
    assert_eq!(updates.size_hint(), (0, None));
}

#[test]
fn without_a_clock_silence_is_measured_from_the_last_byte_on() {
    // Three chunks, and then silence; each sleep is over when it is asked for the second time.
    let connect = |_: Request<'_>| ready(Ok::<_, String>((Head::new(200, [SSE]), ())));
    let body = |()| {
        let mut left = 6;
        stream::poll_fn(move |_| {
            left -= i32::from(left > 0);
            match left {
                5 | 3 | 1 => Poll::Ready(Some(Ok::<_, String>(b": c\n"))),
                _ => Poll::Pending,
            }
        })
    };
    let sleeps = RefCell::new(Vec::new());
    let sleep = |time: Duration| {
        sleeps.borrow_mut().push(time);
        let mut asked = 0;
        core::future::poll_fn(move |_| {
            asked += 1;
            if asked > 1 {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
    };
    let idle = Duration::from_secs(9);
    let source = fast_source().with_policy(policy().with_idle_timeout(idle));
    let updates = ReconnectingStream::from_fns(source, connect, body, sleep);
    let mut updates = pin!(updates.with_clock(|| Duration::ZERO));
    let mut context = Context::from_waker(noop_waker_ref());
    let reason = loop {
        match updates.as_mut().poll_next(&mut context) {
            Poll::Ready(Some(Ok(Update::Reconnecting { reason, .. }))) => break reason,
            Poll::Ready(Some(Ok(Update::Opened))) | Poll::Pending => {}
            update => panic!("{update:?}"),
        }
    };
    assert_eq!(reason, Cause::Idle);
    // One sleep after each of the three chunks, and only the last one came to its end.
    assert_eq!(*sleeps.borrow(), [idle; 3]);
}

#[test]
fn what_has_waited_for_a_slow_consumer_is_not_silence() {
    thread_local! {
        static NOW: RefCell<Duration> = const { RefCell::new(Duration::ZERO) };
    }
    // The response and each chunk are there when they are asked for the second time, which is late.
    let connect = |_: Request<'_>| {
        let mut asked = 0;
        core::future::poll_fn(move |_| {
            asked += 1;
            match asked {
                1 => Poll::Pending,
                _ => Poll::Ready(Ok::<_, String>((Head::new(200, [SSE]), ()))),
            }
        })
    };
    let body = |()| {
        let mut asked = 0;
        stream::poll_fn(move |_| {
            asked += 1;
            match asked {
                2 | 4 => Poll::Ready(Some(Ok::<_, String>(b"data: 1\n\n"))),
                _ => Poll::Pending,
            }
        })
    };
    let source = fast_source().with_policy(policy().with_idle_timeout(Duration::from_secs(45)));
    let sleep = |_| pending();
    let updates = ReconnectingStream::from_fns(source, connect, body, sleep);
    let mut updates = pin!(updates.with_clock(|| NOW.with(|now| *now.borrow())));
    let mut context = Context::from_waker(noop_waker_ref());
    let mut poll = || {
        NOW.with(|now| *now.borrow_mut() += Duration::from_secs(60));
        updates.as_mut().poll_next(&mut context)
    };
    assert!(poll().is_pending());
    assert!(matches!(poll(), Poll::Ready(Some(Ok(Update::Opened)))));
    for _ in 0..2 {
        assert!(poll().is_pending());
        assert!(matches!(poll(), Poll::Ready(Some(Ok(Update::Item(_))))));
    }
    assert!(poll().is_pending());
    let Poll::Ready(Some(Ok(Update::Reconnecting { reason, .. }))) = poll() else {
        panic!("now it is silent")
    };
    assert_eq!(reason, Cause::Idle);
}

#[test]
fn a_flood_without_events_lets_others_have_their_turn() {
    let connect = |_: Request<'_>| ready(Ok::<_, String>((Head::new(200, [SSE]), ())));
    let body = |()| stream::repeat_with(|| Ok::<_, String>(b": c\n\n"));
    let mut updates = pin!(ReconnectingStream::from_fns(
        fast_source(),
        connect,
        body,
        |_| ready(())
    ));
    let mut context = Context::from_waker(noop_waker_ref());
    assert!(matches!(
        updates.as_mut().poll_next(&mut context),
        Poll::Ready(Some(Ok(Update::Opened)))
    ));
    for _ in 0..3 {
        assert!(updates.as_mut().poll_next(&mut context).is_pending());
    }
}

#[test]
fn after_the_end_there_is_nothing_and_nothing_is_asked_for() {
    let connect = |request: Request<'_>| {
        assert_eq!(request.attempt(), 0);
        ready(Err::<(Head, Chunks), _>("refused".to_owned()))
    };
    let source = fast_source().with_policy(policy().with_attempts(1));
    let mut updates = pin!(ReconnectingStream::from_fns(
        source,
        connect,
        |body: Chunks| body,
        |_| ready(())
    ));
    let mut context = Context::from_waker(noop_waker_ref());
    assert!(matches!(
        updates.as_mut().poll_next(&mut context),
        Poll::Ready(Some(Err(ReconnectError::Closed { .. })))
    ));
    for _ in 0..3 {
        assert!(matches!(
            updates.as_mut().poll_next(&mut context),
            Poll::Ready(None)
        ));
    }
    assert!(updates.is_terminated() && updates.source().is_closed());
    assert_eq!(updates.size_hint(), (0, Some(0)));
    assert!(format!("{updates:?}").contains("has_ended: true"));

    let connect = |_: Request<'_>| Err::<(Head, io::Empty), _>(io::Error::other("refused"));
    let source = fast_source().with_policy(policy().with_attempts(1));
    let mut updates = ReconnectingReader::from_fns(source, connect, |body| body);
    assert!(matches!(
        updates.next(),
        Some(Err(ReconnectError::Closed { .. }))
    ));
    assert!(updates.next().is_none() && updates.next().is_none());
    assert!(updates.source().is_closed());
    assert_eq!(updates.size_hint(), (0, Some(0)));
    assert!(format!("{updates:?}").contains("has_ended: true"));
}

/// A blocking client that sleeps in its own way.
struct Blocking<C, B, Z> {
    connect: C,
    body: B,
    sleep: Z,
}

impl<C, B, Z, R, E, S> BlockingTransport for Blocking<C, B, Z>
where
    C: FnMut(Request<'_>) -> Result<(Head, R), E>,
    B: FnMut(R) -> S,
    Z: FnMut(Duration),
    S: Read,
    E: From<io::Error>,
{
    type Response = R;
    type Error = E;
    type Body = S;

    fn connect(&mut self, request: Request<'_>) -> Result<(Head, R), E> {
        (self.connect)(request)
    }

    fn body(&mut self, response: R) -> S {
        (self.body)(response)
    }

    fn sleep(&mut self, delay: Duration) {
        (self.sleep)(delay);
    }
}

fn blocking<C, B, Z, R, E, S>(connect: C, body: B, sleep: Z) -> Blocking<C, B, Z>
where
    C: FnMut(Request<'_>) -> Result<(Head, R), E>,
    B: FnMut(R) -> S,
    Z: FnMut(Duration),
{
    Blocking {
        connect,
        body,
        sleep,
    }
}

/// A reader that says one thing after the other.
struct Saying(VecDeque<io::Result<&'static [u8]>>);

impl Read for Saying {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let Some(said) = self.0.pop_front() else {
            return Ok(0);
        };
        let bytes = said?;
        out[..bytes.len()].copy_from_slice(bytes);
        Ok(bytes.len())
    }
}

#[test]
fn a_reader_may_be_interrupted_and_may_give_up_waiting() {
    let said = |kinds: &[io::ErrorKind]| {
        let mut said: VecDeque<io::Result<&'static [u8]>> = VecDeque::new();
        for &kind in kinds {
            said.push_back(Err(kind.into()));
        }
        said.push_back(Ok(b"data: 1\n\n"));
        Saying(said)
    };
    let run = |policy: Policy, kinds: &[io::ErrorKind]| {
        let mut sayings = VecDeque::from([said(kinds)]);
        let connect = |_: Request<'_>| {
            let saying = sayings.pop_front();
            let status = if saying.is_some() { 200 } else { 204 };
            Ok::<_, io::Error>((Head::new(status, [SSE]), saying))
        };
        let body = |saying: Option<Saying>| saying.expect("it was accepted");
        let transport = blocking(connect, body, |_| {});
        let updates =
            ReconnectingReader::new(fast_source().with_policy(policy), transport).with_items();
        let told = updates.map(|update| match update {
            Ok(Update::Item(OwnedItem::Event(event))) => event.data().to_owned(),
            Ok(Update::Reconnecting { reason, error, .. }) => {
                format!("{reason:?} {:?}", error.map(|error| error.kind()))
            }
            Ok(update) => format!("{update:?}"),
            Err(error) => error.to_string(),
        });
        told.collect::<Vec<_>>()
    };
    use io::ErrorKind::{ConnectionReset, Interrupted, TimedOut, WouldBlock};
    let end = "refused: the status of the response is 204, not 200";
    let patient = policy().with_idle_timeout(Duration::from_secs(3600));
    assert_eq!(
        run(policy(), &[Interrupted, Interrupted]),
        ["Opened", "1", "End None", end]
    );
    assert_eq!(
        run(patient, &[WouldBlock, TimedOut]),
        ["Opened", "1", "End None", end]
    );
    assert_eq!(
        run(policy(), &[TimedOut]),
        ["Opened", "Transport Some(TimedOut)", end]
    );
    assert_eq!(
        run(patient, &[ConnectionReset]),
        ["Opened", "Transport Some(ConnectionReset)", end]
    );
}

#[test]
fn a_reader_that_gives_up_waiting_again_and_again_is_idle() {
    struct Silent;

    impl Read for Silent {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            thread::sleep(Duration::from_millis(2));
            Err(io::ErrorKind::TimedOut.into())
        }
    }

    let connect = |_: Request<'_>| Ok::<_, io::Error>((Head::new(200, [SSE]), Silent));
    let policy = policy().with_idle_timeout(Duration::from_millis(1));
    let source = fast_source().with_policy(policy.with_attempts(1));
    let updates: Vec<_> = ReconnectingReader::from_fns(source, connect, |silent| silent).collect();
    let [
        Ok(Update::Opened),
        Err(ReconnectError::Closed { reason, .. }),
    ] = &updates[..]
    else {
        panic!("it opens, and is idle")
    };
    assert_eq!(*reason, Closed::OutOfAttempts(Cause::Idle));
}

#[test]
fn what_was_slept_counts_as_passed() {
    // By the clock no time passes, and yet it does not ask again and again.
    let slept = RefCell::new(Vec::new());
    let attempts = RefCell::new(0);
    let connect = |_: Request<'_>| {
        *attempts.borrow_mut() += 1;
        ready(Err::<(Head, Chunks), _>("refused".to_owned()))
    };
    let sleep = |time| {
        slept.borrow_mut().push(time);
        ready(())
    };
    let policy = Policy::browser().with_attempts(4);
    let updates = ReconnectingStream::from_fns(
        fast_source().with_policy(policy),
        connect,
        |body: Chunks| body,
        sleep,
    );
    let updates = updates.with_clock(|| Duration::ZERO);
    assert_eq!(updates.count().now_or_never(), Some(4));
    assert_eq!(*attempts.borrow(), 4);
    assert_eq!(*slept.borrow(), [Duration::from_secs(3); 3]);
}

#[test]
fn what_a_reader_slept_counts_as_passed() {
    let mut slept = Vec::new();
    let connect = |_: Request<'_>| Err::<(Head, io::Empty), _>(io::Error::other("refused"));
    let source = fast_source().with_policy(Policy::browser().with_attempts(4));
    let transport = blocking(connect, |body| body, |delay| slept.push(delay));
    assert_eq!(ReconnectingReader::new(source, transport).count(), 4);
    assert_eq!(slept.len(), 3);
    // The clock goes on while it decides.
    let almost = Duration::from_secs(2)..=Duration::from_secs(3);
    assert!(slept.iter().all(|time| almost.contains(time)), "{slept:?}");
}

#[test]
fn a_last_event_id_and_limits_come_with_the_fast_source() {
    let mut decoder = EventDecoder::new();
    let id = LastEventId::new("41").expect("it has no line end");
    decoder.set_last_event_id(id).expect("it fits");
    let source = EventSource::with_decoder(decoder, 1).with_policy(policy().with_attempts(1));
    let connect = |request: Request<'_>| {
        assert_eq!(request.last_event_id(), "41");
        Err::<(Head, io::Empty), _>(io::Error::other("seen"))
    };
    let mut updates = ReconnectingReader::from_fns(source, connect, |body| body);
    let Some(Err(error)) = updates.next() else {
        panic!("there is one attempt")
    };
    assert!(error.to_string().ends_with("seen"), "{error}");
    assert_eq!(updates.source().last_event_id(), "41");
}

/// What a reader is given in these tests: each connection says one thing, and the one behind the last is refused.
fn answer(sayings: &mut VecDeque<&'static [u8]>) -> io::Result<(Head, &'static [u8])> {
    let saying = sayings.pop_front();
    let status = if saying.is_some() { 200 } else { 204 };
    Ok((Head::new(status, [SSE]), saying.unwrap_or_default()))
}

#[test]
fn for_a_reader_too_an_event_that_is_too_large_is_an_error_and_the_stream_goes_on() {
    let decoder = EventDecoder::with_limits(Limits::new().with_event(5));
    let source = EventSource::with_decoder(decoder, 1).with_policy(policy());
    let mut sayings = VecDeque::from([&b"data: too large\n\ndata: 2\n\n"[..]]);
    let transport = blocking(|_: Request<'_>| answer(&mut sayings), |body| body, |_| {});
    let updates = ReconnectingReader::new(source, transport);
    let updates: Vec<_> = updates.take(3).collect();
    let limit = DecodeError::EventTooLarge { limit: 5 };
    assert!(matches!(&updates[1], Err(ReconnectError::Decode(error)) if *error == limit));
    assert!(matches!(&updates[2], Ok(Update::Item(event)) if event.data() == "2"));
}

#[test]
fn a_reader_that_is_told_to_connect_again_drops_what_it_has_read_and_says_what_it_knows() {
    let mut ids = Vec::new();
    let mut sayings = VecDeque::from([
        &b"id: 1\ndata: a\n\nid: 2\ndata: dropped\n\n"[..],
        b"data: b\n\n",
    ]);
    let connect = |request: Request<'_>| {
        ids.push(request.last_event_id().to_owned());
        answer(&mut sayings)
    };
    let transport = blocking(connect, |body| body, |_| {});
    let mut updates = ReconnectingReader::new(fast_source(), transport);
    let mut seen = Vec::new();
    while let Some(Ok(update)) = updates.next() {
        if let Update::Item(event) = update {
            seen.push(event.data().to_owned());
            if event.data() == "a" {
                updates.reconnect();
            }
        }
    }
    drop(updates);
    assert_eq!(seen, ["a", "b"]);
    assert_eq!(ids, ["", "1", "1"]);
}

/// A blocking client whose types all have names, and which notes what it slept.
struct Sayer {
    sayings: VecDeque<&'static [u8]>,
    slept: Vec<Duration>,
    log: Rc<RefCell<Vec<Duration>>>,
}

impl BlockingTransport for Sayer {
    type Response = &'static [u8];
    type Error = io::Error;
    type Body = &'static [u8];

    fn connect(&mut self, _: Request<'_>) -> io::Result<(Head, &'static [u8])> {
        self.log.borrow_mut().append(&mut self.slept);
        answer(&mut self.sayings)
    }

    fn body(&mut self, response: &'static [u8]) -> &'static [u8] {
        response
    }

    fn sleep(&mut self, delay: Duration) {
        self.slept.push(delay);
    }
}

/// A type whose fields are readers that reconnect, which only a transport with a name allows.
struct Feeds {
    events: ReconnectingReader<Sayer>,
    items: ReconnectingReader<Sayer, OwnedItem>,
}

#[test]
fn a_reader_of_a_transport_has_a_name_and_gives_events_or_items() {
    let sayings = [
        &b": c\nretry: 3000\nid: 1\ndata: a\n\nda"[..],
        b"data: b\n\n",
    ];
    let policy = Policy::browser().with_bounds(Duration::ZERO, Duration::from_secs(60));
    let log = Rc::new(RefCell::new(Vec::new()));
    let reader = || {
        let sayer = Sayer {
            sayings: sayings.into(),
            slept: Vec::new(),
            log: Rc::clone(&log),
        };
        ReconnectingReader::new(EventSource::new(1).with_policy(policy), sayer)
    };
    let feeds = Feeds {
        events: reader(),
        items: reader().with_items(),
    };
    let mut updates = Vec::new();
    for update in feeds.events {
        updates.push(match update {
            Ok(Update::Item(event)) => format!("{} {}", event.data(), event.last_event_id()),
            Ok(Update::Reconnecting { delay, .. }) => format!("{delay:?}"),
            Ok(update) => format!("{update:?}"),
            Err(error) => error.to_string(),
        });
    }
    let end = "refused: the status of the response is 204, not 200";
    assert_eq!(updates, ["Opened", "a 1", "3s", "Opened", "b 1", "3s", end]);
    // Less of it where time has passed since it was decided; and it is slept by the transport alone.
    let slept = log.take();
    assert_eq!(slept.len(), 2);
    assert!(
        slept.iter().all(|delay| *delay <= Duration::from_secs(3)),
        "{slept:?}"
    );

    let items = feeds.items.filter_map(|update| match update {
        Ok(Update::Item(item)) => Some(item),
        _ => None,
    });
    let items: Vec<OwnedItem> = items.collect();
    let [
        OwnedItem::Comment { text, end: true },
        OwnedItem::Retry(time),
        OwnedItem::Event(first),
        OwnedItem::Event(second),
    ] = &items[..]
    else {
        panic!("{items:?}")
    };
    assert_eq!((&text[..], *time), (&b" c"[..], Duration::from_secs(3)));
    assert_eq!((first.data(), first.id()), ("a", Some("1")));
    assert_eq!(
        (second.data(), second.last_event_id(), second.id()),
        ("b", "1", None)
    );
}

#[test]
fn the_error_of_the_http_client_is_shown_and_its_source_is_the_fast_source() {
    #[derive(Debug)]
    struct Failed(io::Error);

    impl Display for Failed {
        fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("not sent")
        }
    }
    impl Error for Failed {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }
    impl From<io::Error> for Failed {
        fn from(error: io::Error) -> Self {
            Self(error)
        }
    }

    let connect =
        |_: Request<'_>| Err::<(Head, io::Empty), _>(Failed(io::Error::other("no route")));
    let source = fast_source().with_policy(policy().with_attempts(1));
    let mut updates = ReconnectingReader::from_fns(source, connect, |body| body);
    let Some(Err(error)) = updates.next() else {
        panic!("there is one attempt")
    };
    assert!(
        error
            .to_string()
            .ends_with("the transport failed: not sent"),
        "{error}"
    );
    let source = error.source().expect("there is one");
    assert_eq!(source.to_string(), "no route");
    let error = ReconnectError::<(), Failed>::from(DecodeError::EventTooLarge { limit: 5 });
    assert!(error.source().is_none());
}
