//! Prints the events at a URL, with hyper.

use core::error::Error;
use std::{env, process};

use bytes::Bytes;
use http_body_util::Empty;
use hyper::{Request, body::Incoming};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use sse_wire::body::{BodyChunks, EventBodyExt as _};
use sse_wire::{headers, stream::EventStream};
use tokio_stream::StreamExt as _;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let Some(url) = env::args().nth(1) else {
        eprintln!("Usage: client-hyper URL");
        process::exit(2);
    };
    let mut events = events(&url).await?;
    let mut count = 0;
    while let Some(event) = events.next().await {
        let event = event?;
        count += 1;
        println!("{}: {}", event.event_type(), event.data());
    }
    // A JSON error, for example.
    if let (0, Some(line)) = (count, events.decoder().first_ignored()) {
        eprintln!("no events, but \"{}\"", line.escape_ascii());
    }
    Ok(())
}

/// The events at `url`.
pub async fn events(url: &str) -> Result<EventStream<BodyChunks<Incoming>>, Box<dyn Error>> {
    let mut request = Request::get(url);
    for (name, value) in headers::REQUEST {
        request = request.header(name, value);
    }
    let client = Client::builder(TokioExecutor::new()).build_http();
    let response = client.request(request.body(Empty::<Bytes>::new())?).await?;
    let status = response.status();
    if status != 200 || !headers::is_event_stream(response.headers().get_all("content-type")) {
        return Err(format!("the response is not an event stream; its status is {status}").into());
    }
    Ok(response.into_body().events())
}
