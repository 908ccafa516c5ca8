//! Serves a counter at /events, with axum, until ctrl-c.

use core::{convert::Infallible, time::Duration};
use std::{env, io};

use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::{BoxError, Router, body::HttpBody, routing::get};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use sse_wire::{Frame, Outgoing, body::EventBody, headers};
use tokio::{
    net::TcpListener,
    signal,
    time::{interval, sleep},
};
use tokio_stream::wrappers::IntervalStream;
use tokio_util::sync::CancellationToken;

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let address = env::args().nth(1).unwrap_or("127.0.0.1:3000".into());
    let listener = TcpListener::bind(address).await?;
    println!("http://{}/events", listener.local_addr()?);
    let shutdown = CancellationToken::new();
    let on_signal = shutdown.clone();
    tokio::spawn(async move {
        if signal::ctrl_c().await.is_ok() {
            on_signal.cancel();
        }
    });
    let stopped = shutdown.clone();
    let body = move |number| {
        // Otherwise the shutdown would wait for streams that never end.
        let frames = counter(number).take_until(stopped.clone().cancelled_owned());
        EventBody::new(frames).keep_alive(Duration::from_secs(15), sleep)
    };
    serve(listener, body, shutdown).await
}

/// The numbers after `count`, one each second; the ID is the number, too.
fn counter(mut count: u64) -> impl Stream<Item = Result<Frame, Infallible>> {
    IntervalStream::new(interval(Duration::from_secs(1))).map(move |_| {
        count += 1;
        let data = count.to_string();
        Ok(Outgoing::message(&data).numeric_id(count).into())
    })
}

/// Serves a new `body` to each client that asks for /events, after the number that it has received
/// last, until `shutdown` is cancelled and every body has ended.
pub async fn serve<S, K>(
    listener: TcpListener,
    body: impl Fn(u64) -> EventBody<S, K> + Clone + Send + Sync + 'static,
    shutdown: CancellationToken,
) -> io::Result<()>
where
    EventBody<S, K>: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    let response = async move |received: HeaderMap| match last_number(received.get("last-event-id"))
    {
        Some(number) => Ok(body(number).into_response()),
        None => Err(StatusCode::BAD_REQUEST),
    };
    axum::serve(listener, Router::new().route("/events", get(response)))
        .with_graceful_shutdown(shutdown.cancelled_owned())
        .await
}

/// The number that a client has received last; 0 if it is new, `None` if there is no such number.
fn last_number(header: Option<&HeaderValue>) -> Option<u64> {
    match headers::received_last_event_id(header, None::<&str>, 10) {
        Ok(Some(id)) => id.as_str().parse::<u32>().ok().map(u64::from),
        Ok(None) => Some(0),
        Err(_) => None,
    }
}
