//! Prints the events at a URL, and reconnects, with hyper, as a transport of its own.

mod options;

use core::error::Error;
use core::pin::{Pin, pin};
use core::time::Duration;
use std::process::ExitCode;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{Response, body::Incoming};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use options::Options;
use sse_wire::body::BodyChunks;
use sse_wire::client::{EventSource, Request};
use sse_wire::reconnect::{Head, ReconnectError, ReconnectingStream, Transport, Update};
use tokio::time::{Sleep, sleep};
use tokio_stream::StreamExt as _;

/// The type has a name, so that `ReconnectingStream<Http>` can be a field of a struct.
struct Http {
    client: Client<HttpConnector, Full<Bytes>>,
    options: Options,
}

type Answer = Result<(Head, Response<Incoming>), Box<dyn Error>>;

impl Transport for Http {
    type Response = Response<Incoming>;
    type Error = Box<dyn Error>;
    type Opened = ();
    type Connecting = Pin<Box<dyn Future<Output = Answer>>>;
    type Body = BodyChunks<Incoming>;
    type Sleep = Sleep;

    fn connect(&mut self, request: Request<'_>) -> Self::Connecting {
        let (method, body) = match &self.options.post {
            // A POST is resumed by a GET: sending it twice might cost twice.
            Some(body) if request.last_event_id().is_empty() => ("POST", body.clone()),
            _ => ("GET", Vec::new()),
        };
        let headers = self.options.headers(request);
        let sending = hyper::Request::builder()
            .method(method)
            .uri(&self.options.url)
            .body(Full::from(body));
        let sending = sending.map(|mut sending| {
            *sending.headers_mut() = headers;
            self.client.request(sending)
        });
        Box::pin(async {
            let response = sending?.await?;
            let headers = response.headers();
            let head = Head::new(response.status().as_u16(), headers.get_all("content-type"))
                .with_retry_after(headers.get("retry-after"));
            Ok((head, response))
        })
    }

    fn opened(&mut self, _response: &Self::Response) {}

    fn body(&mut self, response: Self::Response) -> Self::Body {
        BodyChunks::new(response.into_body())
    }

    fn sleep(&mut self, delay: Duration) -> Self::Sleep {
        sleep(delay)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let options = Options::from_arguments("reconnecting-hyper");
    let source = EventSource::from_decoder(options.decoder.clone(), fastrand::u64(..))
        .with_policy(options.policy);
    let client = Client::builder(TokioExecutor::new()).build_http();
    let mut updates = pin!(ReconnectingStream::new(source, Http { client, options }));

    while let Some(update) = updates.next().await {
        match update {
            Ok(Update::Opened(())) => eprintln!("connected"),
            Ok(Update::Item(event)) => println!("{}: {}", event.event_type(), event.data()),
            Ok(Update::Reconnecting {
                delay,
                reason,
                error,
                first_ignored,
                ..
            }) => {
                let error = error.map_or_else(String::new, |error| format!(" ({error})"));
                eprintln!("{reason}{error}; reconnecting in {delay:?}");
                if let Some(line) = first_ignored {
                    eprintln!("no events, but \"{}\"", line.escape_ascii());
                }
            }
            Ok(_) => {}
            Err(error) => {
                eprintln!("{error}");
                // The body of a rejected response may say more.
                if let ReconnectError::Closed {
                    response: Some(response),
                    ..
                } = error
                {
                    let body = response.into_body().collect().await;
                    let body = body.map(|body| body.to_bytes()).unwrap_or_default();
                    eprintln!("{}", String::from_utf8_lossy(&body));
                }
            }
        }
    }
    ExitCode::FAILURE
}
