//! Serves a counter at /events, with axum, until ctrl-c.

use core::{convert::Infallible, time::Duration};
use std::{env, io};

use axum::{BoxError, Router, body::HttpBody, routing::get};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use sse_wire::{Frame, Outgoing, body::EventBody};
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
    let body = move || {
        // Otherwise the shutdown would wait for streams that never end.
        let frames = counter().take_until(stopped.clone().cancelled_owned());
        EventBody::new(frames).keep_alive(Duration::from_secs(15), sleep)
    };
    serve(listener, body, shutdown).await
}

/// 1, 2, 3 and so on, one each second; the ID is the number, too.
fn counter() -> impl Stream<Item = Result<Frame, Infallible>> {
    let mut count = 0;
    IntervalStream::new(interval(Duration::from_secs(1))).map(move |_| {
        count += 1;
        let data = count.to_string();
        Ok(Outgoing::message(&data).numeric_id(count).into())
    })
}

/// Serves a new `body` to each client that asks for /events, until `shutdown` is cancelled and every
/// body has ended.
pub async fn serve<S, K>(
    listener: TcpListener,
    body: impl Fn() -> EventBody<S, K> + Clone + Send + Sync + 'static,
    shutdown: CancellationToken,
) -> io::Result<()>
where
    EventBody<S, K>: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    let response = async move || body().into_response();
    axum::serve(listener, Router::new().route("/events", get(response)))
        .with_graceful_shutdown(shutdown.cancelled_owned())
        .await
}
