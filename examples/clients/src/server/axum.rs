//! Serves a counter at /events, with axum.

use core::time::Duration;
use std::{env, io};

use axum::body::{Body, HttpBody};
use axum::{BoxError, Router, routing::get};
use bytes::Bytes;
use sse_wire::{Frame, InvalidLastEventId, LastEventId, Outgoing, body::EventBody, headers};
use tokio::{
    net::TcpListener,
    time::{Instant, interval, interval_at},
};
use tokio_stream::{Stream, StreamExt as _, wrappers::IntervalStream};

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let address = env::args().nth(1).unwrap_or("127.0.0.1:3000".into());
    let listener = TcpListener::bind(address).await?;
    println!("http://{}/events", listener.local_addr()?);
    serve(listener, || {
        let period = Duration::from_secs(15);
        let ticks = IntervalStream::new(interval_at(Instant::now() + period, period));
        EventBody::new(counter()).keep_alive(ticks)
    })
    .await
}

/// 1, 2, 3 and so on, one each second; the ID is the number, too.
fn counter() -> impl Stream<Item = Result<Frame, InvalidLastEventId>> {
    let mut count = 0_u64;
    IntervalStream::new(interval(Duration::from_secs(1))).map(move |_| {
        count += 1;
        let count = count.to_string();
        Ok(Outgoing::message(&count)
            .id(LastEventId::new(&count)?)
            .into())
    })
}

/// Serves a new `body` to each client that asks for /events.
pub async fn serve<B>(
    listener: TcpListener,
    body: impl Fn() -> B + Clone + Send + Sync + 'static,
) -> io::Result<()>
where
    B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    let response = async move || (headers::RESPONSE, Body::new(body()));
    axum::serve(listener, Router::new().route("/events", get(response))).await
}
