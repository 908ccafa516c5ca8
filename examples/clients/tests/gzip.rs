//! Compression in front of the servers: whether a client can decode event n before n+1 is sent.

extern crate alloc;

use alloc::sync::Arc;
use core::net::{Ipv4Addr, SocketAddr};
use core::{convert::Infallible, future::ready, time::Duration};
use std::io::{self, Write as _};
use std::{net::TcpListener, sync::Mutex, thread};

use actix_web::{App, HttpResponse, HttpServer, middleware::Compress, web};
use axum::http::{Extensions, HeaderMap, Request, StatusCode, Version};
use axum::{Router, routing::get};
use flate2::write::GzDecoder;
use http_body_util::Empty;
use hyper::{body::Incoming, client, server, service::service_fn};
use hyper_util::rt::TokioIo;
use sse_wire::body::{BodyChunks, EventBody};
use sse_wire::{EventDecoder, Frame, Outgoing, headers};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::{net, time::timeout};
use tokio_stream::{Stream, StreamExt as _, wrappers::UnboundedReceiverStream};
use tower::{Layer as _, ServiceExt as _};
use tower_http::compression::{CompressionLayer, Predicate};

/// Longer than anything takes that works.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the only client of a server receives.
#[derive(Clone)]
struct Frames(Arc<Mutex<Option<UnboundedReceiver<Frame>>>>);

impl Frames {
    fn body(&self) -> EventBody<impl Stream<Item = Result<Frame, Infallible>> + use<>> {
        let frames = self.0.lock().expect("no thread panics").take();
        let frames = UnboundedReceiverStream::new(frames.expect("one request"));
        EventBody::new(frames.map(Ok))
    }
}

/// Compresses event streams, too, which the default predicate does not.
fn compression() -> CompressionLayer<impl Predicate> {
    let all = |_: StatusCode, _: Version, _: &HeaderMap, _: &Extensions| true;
    CompressionLayer::new().compress_when(all)
}

async fn serve_axum(listener: TcpListener, frames: Frames) -> io::Result<()> {
    let events = get(move || ready(frames.body().into_response()));
    let router = Router::new().route("/events", events).layer(compression());
    axum::serve(net::TcpListener::from_std(listener)?, router).await
}

async fn serve_hyper(listener: TcpListener, frames: Frames) -> io::Result<()> {
    let listener = net::TcpListener::from_std(listener)?;
    let respond = service_fn(move |request: Request<Incoming>| {
        let frames = frames.clone();
        let response = move |_| ready(Ok::<_, Infallible>(frames.body().into_response()));
        let events = compression().layer(tower::service_fn(response));
        events.oneshot(request)
    });
    let stream = TokioIo::new(listener.accept().await?.0);
    let connection = server::conn::http1::Builder::new().serve_connection(stream, respond);
    connection.await.map_err(io::Error::other)
}

async fn serve_actix(listener: TcpListener, frames: Frames) -> io::Result<()> {
    let app = move || {
        let frames = frames.clone();
        let events = web::get().to(move || {
            let mut response = HttpResponse::Ok();
            for header in headers::RESPONSE {
                response.insert_header(header);
            }
            ready(response.streaming(frames.body().into_stream()))
        });
        App::new()
            .wrap(Compress::default())
            .route("/events", events)
    };
    let server = HttpServer::new(app).workers(1).disable_signals();
    server.listen(listener)?.run().await
}

/// Lets a server run on a thread that ends with the process.
fn start<F: Future<Output = io::Result<()>>>(
    serve: impl FnOnce(TcpListener, Frames) -> F + Send + 'static,
) -> (SocketAddr, UnboundedSender<Frame>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    listener.set_nonblocking(true).expect("it can be");
    let (sender, frames) = unbounded_channel();
    let frames = Frames(Arc::new(Mutex::new(Some(frames))));
    // Its client may leave first.
    thread::spawn(move || runtime().block_on(serve(listener, frames)));
    (address, sender)
}

fn runtime() -> Runtime {
    let mut builder = Builder::new_current_thread();
    builder.enable_all().build().expect("a runtime")
}

/// Decodes a compressed stream as far as it has been received.
struct Client {
    chunks: BodyChunks<Incoming>,
    gunzip: GzDecoder<Vec<u8>>,
    decoder: EventDecoder,
}

impl Client {
    async fn connect(address: SocketAddr) -> Self {
        let stream = net::TcpStream::connect(address).await;
        let stream = TokioIo::new(stream.expect("a connection"));
        let handshake = client::conn::http1::handshake(stream).await;
        let (mut sender, connection) = handshake.expect("a connection");
        tokio::spawn(connection);
        let request = Request::get("/events").header("host", address.to_string());
        let request = request.header("accept-encoding", "gzip");
        let request = request.body(Empty::<bytes::Bytes>::new());
        let response = sender.send_request(request.expect("valid")).await;
        let response = response.expect("a response");
        assert_eq!(response.headers()["content-encoding"], "gzip");
        Self {
            chunks: BodyChunks::new(response.into_body()),
            gunzip: GzDecoder::new(Vec::new()),
            decoder: EventDecoder::new(),
        }
    }

    /// Returns the data of `count` events, or of those until the end.
    async fn events(&mut self, count: usize) -> Vec<String> {
        let mut events = Vec::new();
        while events.len() < count {
            let Some(chunk) = self.chunks.next().await else {
                self.gunzip.try_finish().expect("length and checksum");
                break;
            };
            let written = self.gunzip.write_all(&chunk.expect("a chunk"));
            written.and_then(|()| self.gunzip.flush()).expect("gzip");
            let text = core::mem::take(self.gunzip.get_mut());
            let mut input = &text[..];
            while let Some(event) = self.decoder.decode(&mut input).expect("an event") {
                events.push(event.data().to_owned());
            }
        }
        events
    }
}

async fn assert_not_held_back((address, frames): (SocketAddr, UnboundedSender<Frame>)) {
    let mut client = Client::connect(address).await;
    for data in ["1".to_owned(), "2".repeat(100), "3".repeat(100_000)] {
        frames.send(Outgoing::message(&data).into()).expect("open");
        let events = timeout(PATIENCE, client.events(1)).await;
        assert_eq!(events.expect("it is not held back"), [data]);
    }
    drop(frames);
    let rest = timeout(PATIENCE, client.events(1)).await;
    assert_eq!(rest.expect("the end"), [""; 0]);
}

#[test]
fn tower_http_holds_no_event_back() {
    runtime().block_on(assert_not_held_back(start(serve_axum)));
    runtime().block_on(assert_not_held_back(start(serve_hyper)));
}

/// Its encoder is not flushed: what is buffered waits for more, or for the end.
#[tokio::test]
async fn the_middleware_of_actix_web_holds_events_back() {
    let (address, frames) = start(serve_actix);
    let mut client = Client::connect(address).await;
    for data in ["1", "2"] {
        frames.send(Outgoing::message(data).into()).expect("open");
        // It would be held back for ever.
        let events = timeout(Duration::from_millis(500), client.events(1)).await;
        assert!(events.is_err(), "{events:?}");
    }
    drop(frames);
    let events = timeout(PATIENCE, client.events(2)).await;
    assert_eq!(events.expect("the end"), ["1", "2"]);
}
