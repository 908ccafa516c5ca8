//! Prints the events at a URL, and reconnects, with reqwest.

mod options;

use core::pin::pin;
use std::process::ExitCode;

use options::Options;
use sse_wire::client::{EventSource, Request};
use sse_wire::reconnect::{Head, ReconnectError, ReconnectingStream, Update};
use tokio_stream::StreamExt as _;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let options = Options::from_arguments("reconnecting-reqwest");
    let source = EventSource::from_decoder(options.decoder.clone(), fastrand::u64(..))
        .with_policy(options.policy);

    let client = reqwest::Client::new();
    let connect = |request: Request<'_>| {
        let sending = match &options.post {
            // A POST is resumed by a GET: sending it twice might cost twice.
            Some(body) if request.last_event_id().is_empty() => {
                client.post(&options.url).body(body.clone())
            }
            _ => client.get(&options.url),
        };
        let sending = sending.headers(options.headers(request));
        async move {
            let response = sending.send().await?;
            let headers = response.headers();
            let head = Head::new(response.status().as_u16(), headers.get_all("content-type"))
                .with_retry_after(headers.get("retry-after"));
            Ok::<_, reqwest::Error>((head, response))
        }
    };
    let body = |response: reqwest::Response| response.bytes_stream();
    let mut updates = pin!(ReconnectingStream::from_fns(
        source,
        connect,
        body,
        tokio::time::sleep
    ));

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
                    eprintln!("{}", response.text().await.unwrap_or_default());
                }
            }
        }
    }
    ExitCode::FAILURE
}
