//! Serves a counter at /events, with actix-web.

use core::{error::Error, future::ready, time::Duration};
use std::{env, io, net::TcpListener};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, http::Version, web};
use bytes::Bytes;
use sse_wire::{Frame, InvalidLastEventId, LastEventId, Outgoing, body::EventBody, headers};
use tokio::time::{Instant, interval, interval_at};
use tokio_stream::{Stream, StreamExt as _, wrappers::IntervalStream};

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let address = env::args().nth(1).unwrap_or("127.0.0.1:3000".into());
    let listener = TcpListener::bind(address)?;
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
pub async fn serve<B, E>(
    listener: TcpListener,
    body: impl Fn() -> B + Clone + Send + 'static,
) -> io::Result<()>
where
    B: Stream<Item = Result<Bytes, E>> + 'static,
    E: Into<Box<dyn Error>> + 'static,
{
    let app = move || {
        let body = body.clone();
        let response = move |request: HttpRequest| {
            let mut response = HttpResponse::Ok();
            for header in headers::RESPONSE {
                response.insert_header(header);
            }
            let mut response = response.streaming(body());
            // Otherwise it sends chunks to HTTP/1.0 clients, too.
            let is_old = request.version() < Version::HTTP_11;
            response.head_mut().no_chunking(is_old);
            ready(response)
        };
        App::new().route("/events", web::get().to(response))
    };
    // A signal would wait for streams that never end.
    let server = HttpServer::new(app).disable_signals();
    server.listen(listener)?.run().await
}
