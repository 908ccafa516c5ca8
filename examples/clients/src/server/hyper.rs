//! Serves a counter at /events, with hyper.

use core::{convert::Infallible, error::Error, future::ready, time::Duration};
use std::{env, io};

use bytes::Bytes;
use http_body_util::{Either, Empty};
use hyper::{
    Request, Response, body::Body, header::HeaderValue, server::conn::http1, service::service_fn,
};
use hyper_util::rt::TokioIo;
use sse_wire::{Frame, Outgoing, body::EventBody, headers};
use tokio::{
    net::TcpListener,
    time::{interval, sleep},
};
use tokio_stream::{Stream, StreamExt as _, wrappers::IntervalStream};

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let address = env::args().nth(1).unwrap_or("127.0.0.1:3000".into());
    let listener = TcpListener::bind(address).await?;
    println!("http://{}/events", listener.local_addr()?);
    serve(listener, |number| {
        EventBody::new(counter(number)).keep_alive(Duration::from_secs(15), sleep)
    })
    .await
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
/// last.
pub async fn serve<S, K>(
    listener: TcpListener,
    body: impl Fn(u64) -> EventBody<S, K> + Clone + Send + 'static,
) -> io::Result<()>
where
    EventBody<S, K>: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    loop {
        let (stream, _) = listener.accept().await?;
        let body = body.clone();
        let respond = service_fn(move |request: Request<_>| {
            let number = last_number(request.headers().get("last-event-id"));
            let status = match (request.uri().path(), number) {
                ("/events", Some(number)) => {
                    return ready(Ok(body(number).into_response().map(Either::Left)));
                }
                ("/events", None) => 400,
                _ => 404,
            };
            let rejected = Response::builder().status(status);
            ready(rejected.body(Either::Right(Empty::new())))
        });
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), respond);
        // The end of a connection is not an error.
        tokio::spawn(connection);
    }
}

/// The number that a client has received last; 0 if it is new, `None` if there is no such number.
fn last_number(header: Option<&HeaderValue>) -> Option<u64> {
    match headers::received_last_event_id(header, None::<&str>, 10) {
        Ok(Some(id)) => id.as_str().parse::<u32>().ok().map(u64::from),
        Ok(None) => Some(0),
        Err(_) => None,
    }
}
