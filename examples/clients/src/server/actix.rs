//! Serves a counter at /events, with actix-web.
//!
//! Do not wrap the route in `middleware::Compress`: it does not flush its encoder after each event, so
//! that a client that accepts compression waits until much more has been sent.

use core::{convert::Infallible, error::Error, future::ready, time::Duration};
use std::{env, io, net::TcpListener};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer, http::Version, http::header::HeaderValue, web,
};
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
pub async fn serve<S, K, E>(
    listener: TcpListener,
    body: impl Fn(u64) -> EventBody<S, K> + Clone + Send + 'static,
) -> io::Result<()>
where
    BodyChunks<EventBody<S, K>>: Stream<Item = Result<Bytes, E>> + 'static,
    E: Into<Box<dyn Error>> + 'static,
{
    let app = move || {
        let body = body.clone();
        let response = move |request: HttpRequest| {
            let Some(number) = last_number(request.headers().get("last-event-id")) else {
                return ready(HttpResponse::BadRequest().finish());
            };
            let mut response = HttpResponse::Ok();
            for header in headers::RESPONSE {
                response.insert_header(header);
            }
            let mut response = response.streaming(body(number).into_stream());
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

/// The number that a client has received last; 0 if it is new, `None` if there is no such number.
fn last_number(header: Option<&HeaderValue>) -> Option<u64> {
    match headers::received_last_event_id(header, None::<&str>, 10) {
        Ok(Some(id)) => id.as_str().parse::<u32>().ok().map(u64::from),
        Ok(None) => Some(0),
        Err(_) => None,
    }
}
