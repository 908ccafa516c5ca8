//! Prints the events at a URL, and connects again, with hyper.

mod options;

use core::error::Error;
use core::pin::pin;
use std::process::ExitCode;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{Response, body::Incoming};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use options::Options;
use sse_wire::SharedDecoder;
use sse_wire::body::BodyChunks;
use sse_wire::client::{EventSource, Request};
use sse_wire::reconnect::{Head, ReconnectError, ReconnectingStream, Update};
use tokio_stream::StreamExt as _;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let options = Options::from_arguments("reconnecting-hyper");
    let decoder = SharedDecoder::from(options.decoder);
    let source = EventSource::with_decoder(decoder, fastrand::u64(..)).with_policy(options.policy);

    let client = Client::builder(TokioExecutor::new()).build_http();
    let connect = |request: Request<'_>| {
        let (method, body) = match &options.post {
            // What a POST began is resumed by a GET: sending it twice might cost twice.
            Some(body) if request.last_event_id().is_empty() => ("POST", body.clone()),
            _ => ("GET", Vec::new()),
        };
        let mut sending = hyper::Request::builder().method(method).uri(&options.url);
        for (name, value) in request.headers() {
            sending = sending.header(name, value);
        }
        for (name, value) in &options.headers {
            sending = sending.header(name, value);
        }
        let sending = sending
            .body(Full::<Bytes>::from(body))
            .map(|request| client.request(request));
        async move {
            let response = sending?.await?;
            let headers = response.headers();
            let head = Head::new(response.status().as_u16(), headers.get_all("content-type"))
                .with_retry_after(headers.get("retry-after"));
            Ok::<_, Box<dyn Error>>((head, response))
        }
    };
    let body = |response: Response<Incoming>| BodyChunks::new(response.into_body());
    let mut updates = pin!(ReconnectingStream::new(
        source,
        connect,
        body,
        tokio::time::sleep
    ));

    while let Some(update) = updates.next().await {
        match update {
            Ok(Update::Opened) => eprintln!("connected"),
            Ok(Update::Item(event)) => println!("{}: {}", event.event_type(), event.data()),
            Ok(Update::Reconnecting { after, why, error }) => {
                let error = error.map_or_else(String::new, |error| format!(" ({error})"));
                eprintln!("{why}{error}; connecting again in {after:?}");
            }
            Ok(_) => {}
            Err(error) => {
                eprintln!("{error}");
                // What was refused may say more.
                if let ReconnectError::Closed {
                    response: Some(response),
                    ..
                } = error
                {
                    let body = response.into_body().collect().await;
                    let body: Bytes = body.map(|body| body.to_bytes()).unwrap_or_default();
                    eprintln!("{}", String::from_utf8_lossy(&body));
                }
            }
        }
    }
    ExitCode::FAILURE
}
