//! Serves a counter at /events, with actix-web.

use core::{convert::Infallible, error::Error, future::ready, time::Duration};
use std::{env, io, net::TcpListener};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, http::Version, web};
use bytes::Bytes;
use sse_wire::body::{BodyChunks, EventBody};
use sse_wire::{Frame, Outgoing, headers};
use tokio::time::{interval, sleep};
use tokio_stream::{Stream, StreamExt as _, wrappers::IntervalStream};

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let address = env::args().nth(1).unwrap_or("127.0.0.1:3000".into());
    let listener = TcpListener::bind(address)?;
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
pub async fn serve<S, K, E>(
    listener: TcpListener,
    body: impl Fn() -> EventBody<S, K> + Clone + Send + 'static,
) -> io::Result<()>
where
    BodyChunks<EventBody<S, K>>: Stream<Item = Result<Bytes, E>> + 'static,
    E: Into<Box<dyn Error>> + 'static,
{
    let app = move || {
        let body = body.clone();
        let response = move |request: HttpRequest| {
            let mut response = HttpResponse::Ok();
            for header in headers::RESPONSE {
                response.insert_header(header);
            }
            let mut response = response.streaming(body().into_stream());
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
