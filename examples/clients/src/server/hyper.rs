//! Serves a counter at /events, with hyper.

use core::{convert::Infallible, error::Error, future::ready, time::Duration};
use std::{env, io};

use bytes::Bytes;
use http_body_util::{Either, Empty};
use hyper::{Request, Response, body::Body, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use sse_wire::{Frame, Outgoing, body::EventBody};
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
    serve(listener, || {
        EventBody::new(counter()).keep_alive(Duration::from_secs(15), sleep)
    })
    .await
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

/// Serves a new `body` to each client that asks for /events.
pub async fn serve<S, K>(
    listener: TcpListener,
    body: impl Fn() -> EventBody<S, K> + Clone + Send + 'static,
) -> io::Result<()>
where
    EventBody<S, K>: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    loop {
        let (stream, _) = listener.accept().await?;
        let body = body.clone();
        let respond = service_fn(move |request: Request<_>| {
            if request.uri().path() == "/events" {
                return ready(Ok(body().into_response().map(Either::Left)));
            }
            let not_found = Response::builder().status(404);
            ready(not_found.body(Either::Right(Empty::new())))
        });
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), respond);
        // The end of a connection is not an error.
        tokio::spawn(connection);
    }
}
