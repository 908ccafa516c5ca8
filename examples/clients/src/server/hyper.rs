//! Serves a counter at /events, with hyper.

use core::{error::Error, future::ready, time::Duration};
use std::{env, io};

use bytes::Bytes;
use http_body_util::{Either, Empty};
use hyper::{Request, Response, body::Body, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
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
    body: impl Fn() -> B + Clone + Send + 'static,
) -> io::Result<()>
where
    B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    loop {
        let (stream, _) = listener.accept().await?;
        let body = body.clone();
        let respond = service_fn(move |request: Request<_>| {
            let mut response = Response::builder();
            if request.uri().path() != "/events" {
                return ready(response.status(404).body(Either::Right(Empty::new())));
            }
            for (name, value) in headers::RESPONSE {
                response = response.header(name, value);
            }
            ready(response.body(Either::Left(body())))
        });
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), respond);
        // The end of a connection is not an error.
        tokio::spawn(connection);
    }
}
