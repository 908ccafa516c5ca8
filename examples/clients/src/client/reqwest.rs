//! Prints the events at a URL, with reqwest.

use core::error::Error;
use std::{env, process};

use sse_wire::headers;
use sse_wire::stream::{ChunkStream, EventStream, EventStreamExt as _};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let Some(url) = env::args().nth(1) else {
        eprintln!("Usage: client-reqwest URL");
        process::exit(2);
    };
    let mut events = events(&url).await?;
    let mut count = 0;
    while let Some(event) = events.next_event().await? {
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
pub async fn events(
    url: &str,
) -> Result<EventStream<impl ChunkStream<Error = reqwest::Error> + Unpin + use<>>, Box<dyn Error>> {
    let mut request = reqwest::Client::new().get(url);
    for (name, value) in headers::REQUEST {
        request = request.header(name, value);
    }
    let response = request.send().await?;
    let status = response.status();
    if status != 200 || !headers::is_event_stream(response.headers().get_all("content-type")) {
        return Err(format!("the response is not an event stream; its status is {status}").into());
    }
    Ok(response.bytes_stream().events())
}
