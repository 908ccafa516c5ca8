//! Every client reads from every server, through a proxy that splits the response; and the programs as a user runs them.
//!
//! Nothing here depends on time, but what takes longer than [`LONGEST`] has failed.

#![allow(unreachable_pub, reason = "the programs are modules here")]

mod content;
mod programs;
mod proxy;

#[allow(dead_code, reason = "not all of it is needed here")]
#[path = "../../../../tests/common/oracle.rs"]
mod oracle;
#[allow(dead_code, reason = "not all of it is needed here")]
#[path = "../../../../tests/common/random.rs"]
mod random;

use core::convert::Infallible;
use core::fmt::Debug;
use core::net::{Ipv4Addr, SocketAddr};
use core::time::Duration;
use std::io::BufRead as _;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::{panic, thread};

use hyper::body::Body;
use oracle::{Config, Dispatched, Seen};
use programs::{Client, Server};
use sse_wire::body::EventBody;
use sse_wire::stream::{ChunkStream, EventStream, EventStreamExt as _};
use sse_wire::{EventType, Frame, Outgoing, OwnedItem, headers};
use tokio::net::TcpListener;
use tokio_stream::StreamExt as _;
use tokio_util::sync::CancellationToken;

/// A generous time for what takes seconds.
const LONGEST: Duration = Duration::from_secs(60);

macro_rules! pairs {
    ($($name:ident: $client:ident, $server:ident;)*) => {$(
        #[test]
        fn $name() {
            in_time(|| read_pair(Client::$client, Server::$server));
        }
    )*};
}

pairs! {
    framed_reads_actix: Framed, Actix;
    framed_reads_axum: Framed, Axum;
    framed_reads_hyper: Framed, Hyper;
    hyper_reads_actix: Hyper, Actix;
    hyper_reads_axum: Hyper, Axum;
    hyper_reads_hyper: Hyper, Hyper;
    reqwest_reads_actix: Reqwest, Actix;
    reqwest_reads_axum: Reqwest, Axum;
    reqwest_reads_hyper: Reqwest, Hyper;
    std_reads_actix: Std, Actix;
    std_reads_axum: Std, Axum;
    std_reads_hyper: Std, Hyper;
    tokio_reads_actix: Tokio, Actix;
    tokio_reads_axum: Tokio, Axum;
    tokio_reads_hyper: Tokio, Hyper;
    ureq_reads_actix: Ureq, Actix;
    ureq_reads_axum: Ureq, Axum;
    ureq_reads_hyper: Ureq, Hyper;
}

fn read_pair(client: Client, server: Server) {
    // Each pair has its own content and chunks.
    let seed = client as u64 * 3 + server as u64;
    let stream = content::stream(seed);
    let expected = expected(&stream);
    let address = server.serve(move || content::body(&stream, seed));
    let (proxy, exchange) = proxy::relay(address, seed);

    let events = client.read(&format!("http://{proxy}/events"));
    assert_same(&events, &expected);

    let exchange = exchange.join().expect("the proxy has relayed all");
    for (name, value) in headers::REQUEST {
        let header = format!("\r\n{name}: {value}\r\n");
        assert_eq!(exchange.request.matches(&header).count(), 1, "{exchange:?}");
    }
    let is_chunked = exchange
        .response
        .contains("\r\ntransfer-encoding: chunked\r\n");
    assert_eq!(is_chunked, !client.speaks_http_1_0(), "{exchange:?}");
    assert!(exchange.pieces > 2_000, "{exchange:?}");
    assert!(exchange.single_bytes > 500, "{exchange:?}");
}

/// What the oracle makes of the stream, in which there is all that there should be.
fn expected(stream: &[u8]) -> Vec<Dispatched> {
    let outcome = oracle::interpret(stream, &Config::default());
    assert!(outcome.unfinished.is_some());
    assert!(outcome.reconnection_time.is_some());
    let (mut events, mut comments) = (Vec::new(), 0);
    for seen in outcome.seen {
        match seen {
            Seen::Event(event) => events.push(event),
            Seen::Comment { .. } => comments += 1,
            Seen::Retry(_) | Seen::NotDispatched(_) | Seen::Ignored { .. } => {}
            Seen::Rejected(rejection) => panic!("{rejection:?}"),
        }
    }
    assert!(comments > 50, "{comments}");
    assert!(events.len() > 200, "{}", events.len());
    assert!(
        events
            .iter()
            .any(|event| event.data.len() >= content::LARGEST)
    );
    assert!(events.iter().any(|event| event.event_type != b"message"));
    assert!(events.iter().any(|event| event.id.is_some()));
    events
}

/// Says which event differs rather than what all of them are.
fn assert_same(events: &[Dispatched], expected: &[Dispatched]) {
    let brief = |event: &Dispatched| {
        let start = &event.data[..event.data.len().min(100)];
        let (event_type, data) = (event.event_type.escape_ascii(), start.escape_ascii());
        let (length, id) = (event.data.len(), &event.last_event_id);
        format!("{event_type}: {data} ({length} bytes), last event ID {id:?}")
    };
    for (index, (event, expected)) in events.iter().zip(expected).enumerate() {
        assert!(
            event == expected,
            "event {index} is   {}\nand should be {}",
            brief(event),
            brief(expected)
        );
    }
    assert_eq!(events.len(), expected.len());
}

/// Otherwise the pairs would not show that events may be split.
#[test]
fn clients_receive_many_chunks() {
    for client in [Client::Hyper, Client::Reqwest] {
        in_time(move || {
            let stream = content::stream(100);
            let expected = expected(&stream);
            let address = Server::Axum.serve(move || content::body(&stream, 100));
            let (proxy, exchange) = proxy::relay(address, 100);
            let (events, chunks) = client.read_chunks(&format!("http://{proxy}/events"));
            assert_same(&events, &expected);
            let exchange = exchange.join().expect("the proxy has relayed all");
            // Where the client is slow, it reads several pieces at once.
            assert!(chunks > 500, "{chunks} chunks of {exchange:?}");
        });
    }
}

macro_rules! servers {
    ($($counts:ident, $keeps_alive:ident: $server:ident;)*) => {$(
        #[test]
        fn $counts() {
            let mut program = Server::$server.start();
            let mut lines = program.output().lines();
            in_time(move || read_counter(&lines.next().expect("a URL").expect("a pipe")));
        }

        #[test]
        fn $keeps_alive() {
            in_time(|| read_comments(Server::$server));
        }
    )*};
}

servers! {
    actix_counts, actix_keeps_alive: Actix;
    axum_counts, axum_keeps_alive: Axum;
    hyper_counts, hyper_keeps_alive: Hyper;
}

/// The program's own events.
fn read_counter(url: &str) {
    programs::runtime().block_on(async {
        let mut items = items(url).await;
        let mut count = 0;
        while count < 3 {
            // Comments keep the stream alive all the while.
            if let OwnedItem::Event(event) = next(&mut items).await {
                count += 1;
                let number = count.to_string();
                assert_eq!((event.event_type(), event.data()), ("message", &number[..]));
                assert_eq!(event.id(), Some(&number[..]));
            }
        }
    });
}

/// Where there are no events.
fn read_comments(server: Server) {
    let address = server.serve(|| {
        let frames = tokio_stream::pending::<Result<Frame, Infallible>>();
        EventBody::new(frames).keep_alive(Duration::from_millis(20), tokio::time::sleep)
    });
    programs::runtime().block_on(async {
        let mut items = items(&format!("http://{address}/events")).await;
        for _ in 0..3 {
            let (text, end) = (Vec::new(), true);
            assert_eq!(next(&mut items).await, OwnedItem::Comment { text, end });
        }
    });
}

/// What a server sends, whose headers are those of an event stream.
async fn items(
    url: &str,
) -> EventStream<impl ChunkStream<Error: Debug> + Unpin + use<>, OwnedItem> {
    let response = reqwest::get(url).await.expect("a response");
    assert_eq!(response.status(), 200);
    for (name, value) in headers::RESPONSE {
        let values: Vec<_> = response.headers().get_all(name).iter().collect();
        assert_eq!(values, [value], "{name}");
    }
    response.bytes_stream().items()
}

async fn next<S>(items: &mut EventStream<S, OwnedItem>) -> OwnedItem
where
    S: ChunkStream<Error: Debug> + Unpin,
{
    items
        .next()
        .await
        .expect("it does not end")
        .expect("nor fail")
}

/// The extension traits of bodies and of streams both have a `boxed`.
#[test]
fn a_body_can_be_boxed_where_streams_are() {
    use futures_util::StreamExt as _;
    use http_body_util::BodyExt as _;

    let frames = || tokio_stream::pending::<Result<Frame, Infallible>>();
    let body = EventBody::new(frames()).boxed();
    assert!(!Body::is_end_stream(&body));
    let _: futures_util::stream::BoxStream<'_, _> = frames().boxed();
}

#[test]
fn a_graceful_shutdown_of_axum_ends_its_streams() {
    in_time(|| programs::runtime().block_on(shut_down()));
}

async fn shut_down() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
    let listener = listener.expect("a free port");
    let url = format!(
        "http://{}/events",
        listener.local_addr().expect("it is bound")
    );
    let shutdown = CancellationToken::new();
    let stopped = shutdown.clone();
    let body = move |_| {
        let frames = tokio_stream::once(Outgoing::message("1")).chain(tokio_stream::pending());
        let stopped = stopped.clone().cancelled_owned();
        let frames = futures_util::StreamExt::take_until(frames, stopped);
        EventBody::new(frames.map(Ok::<_, Infallible>))
    };
    let server = tokio::spawn(programs::serve_axum(listener, body, shutdown.clone()));
    let mut items = items(&url).await;
    assert!(matches!(next(&mut items).await, OwnedItem::Event(_)));
    shutdown.cancel();
    assert!(items.next().await.is_none());
    server.await.expect("no panic").expect("it has ended");
}

#[test]
fn a_relay_forwards_bytes_untouched_or_decides_about_each_item() {
    in_time(|| programs::runtime().block_on(relay()));
}

async fn relay() {
    let upstream = proxy::answer_all(
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n\
         : ping\r\nunknown: x\nevent: internal\ndata: 1\n\nid: 7\nevent: secret\ndata: 2\n\n\
         id: 8\n\nretry: 5\rdata: 3\r\rdata: cut",
    );
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
    let listener = listener.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let relay = programs::serve_relay(listener, format!("http://{upstream}/"));
    let relay = tokio::spawn(relay);
    for (path, expected) in [
        (
            "bytes",
            ": ping\r\nunknown: x\nevent: internal\ndata: 1\n\nid: 7\nevent: secret\ndata: 2\n\n\
             id: 8\n\nretry: 5\rdata: 3\r\rdata: cut",
        ),
        (
            "events",
            ": ping\n\nunknown: x\n\nevent: secret\nid: 7\ndata: …\n\nid: 8\n\nretry: 5\n\n\
             data: 3\n\n",
        ),
    ] {
        let response = reqwest::get(format!("http://{address}/{path}")).await;
        let response = response.expect("a response");
        for (name, value) in headers::RESPONSE {
            assert_eq!(response.headers()[name], value);
        }
        assert_eq!(response.text().await.expect("a body"), expected);
    }
    relay.abort();
}

#[test]
fn programs_print_events() {
    let frames = || {
        let tick = Outgoing::event(EventType::from_static("tick"), "grün");
        let frames = [
            Outgoing::message("one\ntwo"),
            tick,
            Outgoing::new().comment(""),
        ];
        EventBody::new(tokio_stream::iter(frames.map(Ok::<_, Infallible>)))
    };
    let address = Server::Axum.serve(frames);
    for client in Client::ALL {
        in_time(move || {
            let output = client.run(&[&format!("http://{address}/events")]);
            assert!(output.status.success(), "{client:?}: {output:?}");
            assert_eq!(output.stdout, "message: one\ntwo\ntick: grün\n".as_bytes());
            assert_eq!(output.stderr, b"", "{client:?}");
        });
    }
}

#[test]
fn programs_say_what_came_instead_of_events() {
    let address = proxy::answer_all(
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n\
         {\"error\":\"overloaded\"}\n",
    );
    for client in Client::ALL {
        in_time(move || {
            let output = client.run(&[&format!("http://{address}/events")]);
            let expected = r#"no events, but "{\"error\":\"overloaded\"}""#;
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert_eq!(
                (stderr.trim_end(), &output.stdout[..]),
                (expected, &b""[..])
            );
        });
    }
}

#[test]
fn programs_reject_what_is_not_an_event_stream() {
    // With a body that would be events.
    for response in [
        "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\n\r\ndata: no\n\n",
        "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\ndata: no\n\n",
        "HTTP/1.1 404 Not Found\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\ndata: no\n\n",
        "HTTP/1.1 203 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\ndata: no\n\n",
        "",
    ] {
        let address = proxy::answer_all(response);
        for client in Client::ALL {
            in_time(move || assert_rejects(client, address));
        }
    }
}

fn assert_rejects(client: Client, address: SocketAddr) {
    let output = client.run(&[&format!("http://{address}/events")]);
    assert_eq!(output.status.code(), Some(1), "{client:?}: {output:?}");
    assert_eq!(output.stdout, b"", "{client:?}: {output:?}");
    assert_ne!(output.stderr, b"", "{client:?}: {output:?}");
}

/// As a server must not answer HTTP/1.0, though some do.
#[test]
fn programs_without_http_1_1_reject_chunks() {
    let address = proxy::answer_all(
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n\
        a\r\ndata: no\n\n\r\n0\r\n\r\n",
    );
    for client in Client::ALL {
        if !client.speaks_http_1_0() {
            continue;
        }
        in_time(move || assert_rejects(client, address));
    }
}

#[test]
fn programs_say_how_they_are_used() {
    for client in Client::ALL {
        in_time(move || {
            let output = client.run(&[]);
            assert_eq!(output.status.code(), Some(2), "{client:?}: {output:?}");
            assert!(
                output.stderr.starts_with(b"Usage: client-"),
                "{client:?}: {output:?}"
            );
        });
    }
}

/// Fails if `run` takes too long, and leaves its thread behind.
fn in_time(run: impl FnOnce() + Send + 'static) {
    let (sender, done) = mpsc::channel();
    let thread = thread::spawn(move || {
        run();
        // Nobody waits any more if it took too long.
        let _ = sender.send(());
    });
    match done.recv_timeout(LONGEST) {
        Ok(()) => {}
        Err(RecvTimeoutError::Timeout) => panic!("it is not done after {LONGEST:?}"),
        Err(RecvTimeoutError::Disconnected) => panic::resume_unwind(
            thread
                .join()
                .expect_err("it would have said that it is done"),
        ),
    }
}
