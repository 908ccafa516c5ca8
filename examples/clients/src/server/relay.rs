//! Relays the event stream of another server, with axum and reqwest: at /bytes its bytes, untouched,
//! and at /events event by event.

use core::future::ready;
use std::{env, io};

use axum::{Router, body::Body, http::HeaderMap, response::Response, routing::get};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, TryStreamExt as _};
use sse_wire::stream::{ChunkStream, EventStreamExt as _};
use sse_wire::{Event, EventDecoder, Frame, Outgoing, OwnedItem, ReadError, Relay};
use sse_wire::{body::EventBody, headers};
use tokio::net::TcpListener;

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let mut arguments = env::args().skip(1);
    let upstream = arguments.next().ok_or_else(|| {
        io::Error::other("Usage: server-relay URL [ADDRESS], where URL is that of an event stream")
    })?;
    let address = arguments.next().unwrap_or("127.0.0.1:3001".into());
    let listener = TcpListener::bind(address).await?;
    println!("http://{}/events", listener.local_addr()?);
    serve(listener, upstream).await
}

/// Relays `upstream` to each client.
pub async fn serve(listener: TcpListener, upstream: String) -> io::Result<()> {
    let client = reqwest::Client::new();
    let (other_client, other_upstream) = (client.clone(), upstream.clone());
    let bytes = async move |headers: HeaderMap| {
        let response = match request(&client, &upstream, &headers).await {
            Ok(response) => response,
            Err(error) => return bad_gateway(&error),
        };
        let print = |event: Event<'_>| println!("{}: {}", event.event_type(), event.data());
        let mut relayed =
            Response::new(Body::from_stream(untouched(response.bytes_stream(), print)));
        for (name, value) in headers::RESPONSE {
            relayed
                .headers_mut()
                .insert(name, value.parse().expect("a header"));
        }
        relayed
    };
    let events =
        async move |headers: HeaderMap| match request(&other_client, &other_upstream, &headers)
            .await
        {
            Ok(response) => EventBody::new(decided(response.bytes_stream()))
                .into_response()
                .map(Body::new),
            Err(error) => bad_gateway(&error),
        };
    let routes = Router::new()
        .route("/bytes", get(bytes))
        .route("/events", get(events));
    axum::serve(listener, routes).await
}

/// Makes the client's request to the other server, which resumes where the client was.
async fn request(
    client: &reqwest::Client,
    url: &str,
    received: &HeaderMap,
) -> reqwest::Result<reqwest::Response> {
    let mut request = client.get(url);
    for (name, value) in headers::REQUEST {
        request = request.header(name, value);
    }
    if let Some(id) = received.get("last-event-id") {
        request = request.header("last-event-id", id);
    }
    request.send().await?.error_for_status()
}

fn bad_gateway(error: &reqwest::Error) -> Response {
    let mut response = Response::new(Body::from(format!("{error}\n")));
    *response.status_mut() = axum::http::StatusCode::BAD_GATEWAY;
    response
}

/// Forwards chunks as they come, while a decoder looks at the same bytes.
pub fn untouched<E>(
    upstream: impl Stream<Item = Result<Bytes, E>>,
    mut see: impl FnMut(Event<'_>),
) -> impl Stream<Item = Result<Bytes, E>> {
    let mut decoder = EventDecoder::new();
    upstream.inspect_ok(move |chunk| {
        let mut input = &chunk[..];
        loop {
            match decoder.decode(&mut input) {
                Ok(Some(event)) => see(event),
                Ok(None) => break,
                Err(error) => eprintln!("forwarded, but not seen: {error}"),
            }
        }
    })
}

/// Decides about every item: events of the type `internal` are dropped, those of the type `secret`
/// lose their data, and everything else passes.
pub fn decided<S: ChunkStream>(
    upstream: S,
) -> impl Stream<Item = Result<Frame, ReadError<S::Error>>> {
    let mut relay = Relay::new();
    upstream.items().filter_map(move |item| {
        ready(match item {
            Ok(OwnedItem::Event(event)) if event.event_type() == "internal" => None,
            Ok(OwnedItem::Event(event)) if event.event_type() == "secret" => {
                Some(Ok(Outgoing::from(&event).data("…").into()))
            }
            Ok(item) => relay.frame(item.as_item()).map(Ok),
            Err(ReadError::Decode(error)) => {
                eprintln!("dropped: {error}");
                None
            }
            Err(error) => Some(Err(error)),
        })
    })
}
