//! The programs, and what all clients and all servers among them can do.

use core::convert::Infallible;
use core::fmt::Debug;
use core::net::{Ipv4Addr, SocketAddr};
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Output, Stdio};
use std::thread;

use bytes::Bytes;
use hyper::body::Body;
use sse_wire::body::{BodyChunks, EventBody};
use sse_wire::stream::{ChunkStream, EventStream, EventStreamExt as _};
use sse_wire::{Event, OwnedEvent};
use tokio::runtime::{Builder, Runtime};
use tokio_stream::{Stream, StreamExt as _};
use tokio_util::sync::CancellationToken;

use crate::oracle::Dispatched;

macro_rules! programs {
    ($($name:ident = $path:literal;)*) => {$(
        #[allow(dead_code, reason = "`main` and what it serves are for the program alone")]
        #[path = $path]
        mod $name;
    )*};
}

programs! {
    client_framed = "../../src/client/framed.rs";
    client_hyper = "../../src/client/hyper.rs";
    client_reqwest = "../../src/client/reqwest.rs";
    client_std = "../../src/client/std.rs";
    client_tokio = "../../src/client/tokio.rs";
    client_ureq = "../../src/client/ureq.rs";
    server_actix = "../../src/server/actix.rs";
    server_axum = "../../src/server/axum.rs";
    server_hyper = "../../src/server/hyper.rs";
    server_relay = "../../src/server/relay.rs";
}

pub use server_axum::serve as serve_axum;
pub use server_relay::serve as serve_relay;

/// Collects the events that `next` returns, which borrow.
macro_rules! collect_borrowed {
    ($next:expr) => {{
        let mut all = Vec::new();
        while let Some(event) = $next.expect("an event within the limits") {
            all.push(dispatched(event));
        }
        all
    }};
}

#[derive(Debug, Clone, Copy)]
pub enum Client {
    Framed,
    Hyper,
    Reqwest,
    Std,
    Tokio,
    Ureq,
}

impl Client {
    pub const ALL: [Self; 6] = [
        Self::Framed,
        Self::Hyper,
        Self::Reqwest,
        Self::Std,
        Self::Tokio,
        Self::Ureq,
    ];

    /// Whether it speaks HTTP/1.0, where a body has no chunks.
    pub const fn speaks_http_1_0(self) -> bool {
        matches!(self, Self::Framed | Self::Std | Self::Tokio)
    }

    /// All events at `url`.
    pub fn read(self, url: &str) -> Vec<Dispatched> {
        let runtime = runtime();
        match self {
            Self::Framed => runtime.block_on(async {
                let events = client_framed::events(url).await.expect("a response");
                collect(events.map(|event| event.expect("an intact transport"))).await
            }),
            Self::Hyper => runtime.block_on(async {
                collect(client_hyper::events(url).await.expect("a response")).await
            }),
            Self::Reqwest => runtime.block_on(async {
                let mut events = client_reqwest::events(url).await.expect("a response");
                collect_borrowed!(events.next_event().await)
            }),
            Self::Std => {
                let mut events = client_std::events(url).expect("a response");
                collect_borrowed!(events.next_event())
            }
            Self::Tokio => runtime.block_on(async {
                let mut events = client_tokio::events(url).await.expect("a response");
                collect_borrowed!(events.next_event().await)
            }),
            Self::Ureq => {
                let mut events = client_ureq::events(url).expect("a response");
                collect_borrowed!(events.next_event())
            }
        }
    }

    /// All events at `url`, and in how many chunks they came; of the clients whose chunks can be seen.
    pub fn read_chunks(self, url: &str) -> (Vec<Dispatched>, usize) {
        let runtime = runtime();
        match self {
            Self::Hyper => runtime.block_on(async {
                count_chunks(client_hyper::events(url).await.expect("a response")).await
            }),
            Self::Reqwest => runtime.block_on(async {
                count_chunks(client_reqwest::events(url).await.expect("a response")).await
            }),
            _ => panic!("{self:?} does not show its chunks"),
        }
    }

    /// Runs the program to its end.
    pub fn run(self, arguments: &[&str]) -> Output {
        let program = match self {
            Self::Framed => env!("CARGO_BIN_EXE_client-framed"),
            Self::Hyper => env!("CARGO_BIN_EXE_client-hyper"),
            Self::Reqwest => env!("CARGO_BIN_EXE_client-reqwest"),
            Self::Std => env!("CARGO_BIN_EXE_client-std"),
            Self::Tokio => env!("CARGO_BIN_EXE_client-tokio"),
            Self::Ureq => env!("CARGO_BIN_EXE_client-ureq"),
        };
        Command::new(program)
            .args(arguments)
            .output()
            .expect("it was built")
    }
}

async fn collect<E: Debug>(
    mut events: impl Stream<Item = Result<OwnedEvent, E>> + Unpin,
) -> Vec<Dispatched> {
    let mut all = Vec::new();
    while let Some(event) = events.next().await {
        all.push(dispatched(
            event.expect("an event within the limits").as_event(),
        ));
    }
    all
}

async fn count_chunks<S>(events: EventStream<S>) -> (Vec<Dispatched>, usize)
where
    S: ChunkStream<Error: Debug> + Unpin,
{
    let mut count = 0;
    // Nothing has been read yet.
    let chunks = events.into_inner().map(|chunk| {
        count += 1;
        chunk
    });
    let events = collect(chunks.events()).await;
    (events, count)
}

fn dispatched(event: Event<'_>) -> Dispatched {
    Dispatched {
        event_type: event.event_type().into(),
        data: event.data().into(),
        last_event_id: event.last_event_id().to_owned(),
        id: event.id().map(str::to_owned),
    }
}

#[derive(Debug, Clone, Copy)]
pub enum Server {
    Actix,
    Axum,
    Hyper,
}

impl Server {
    /// Lets it serve a new `body` to each client, on a thread that ends with the process.
    pub fn serve<S, K>(
        self,
        body: impl Fn() -> EventBody<S, K> + Clone + Send + Sync + 'static,
    ) -> SocketAddr
    where
        EventBody<S, K>: Body<Data = Bytes, Error = Infallible> + Send + 'static,
        BodyChunks<EventBody<S, K>>: Stream<Item = Result<Bytes, Infallible>>,
    {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        listener.set_nonblocking(true).expect("it can be");
        thread::spawn(move || {
            // Every client is new here.
            let body = move |_| body();
            let served = runtime().block_on(async {
                let for_tokio = tokio::net::TcpListener::from_std;
                match self {
                    Self::Actix => server_actix::serve(listener, body).await,
                    Self::Axum => {
                        let never = CancellationToken::new();
                        server_axum::serve(for_tokio(listener)?, body, never).await
                    }
                    Self::Hyper => server_hyper::serve(for_tokio(listener)?, body).await,
                }
            });
            panic!("it does not serve any more: {served:?}");
        });
        address
    }

    /// Starts the program on a free port.
    pub fn start(self) -> Running {
        let program = match self {
            Self::Actix => env!("CARGO_BIN_EXE_server-actix"),
            Self::Axum => env!("CARGO_BIN_EXE_server-axum"),
            Self::Hyper => env!("CARGO_BIN_EXE_server-hyper"),
        };
        let mut command = Command::new(program);
        command.arg("127.0.0.1:0").stdout(Stdio::piped());
        Running(command.spawn().expect("it was built"))
    }
}

/// A program that runs until this is dropped.
#[derive(Debug)]
pub struct Running(Child);

impl Running {
    /// What it writes: its URL, in a line.
    pub fn output(&mut self) -> impl BufRead + use<> {
        BufReader::new(self.0.stdout.take().expect("it is asked once"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub fn runtime() -> Runtime {
    let mut builder = Builder::new_current_thread();
    builder.enable_all().build().expect("a runtime")
}
