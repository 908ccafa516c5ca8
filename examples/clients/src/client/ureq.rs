//! Prints the events at a URL, with ureq: blocking, without a runtime.

use core::error::Error;
use std::{env, io::BufReader, process};

use sse_wire::{headers, io::EventReader};

fn main() -> Result<(), Box<dyn Error>> {
    let Some(url) = env::args().nth(1) else {
        eprintln!("Usage: client-ureq URL");
        process::exit(2);
    };
    let mut events = events(&url)?;
    let mut count = 0;
    while let Some(event) = events.next_event()? {
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
pub fn events(
    url: &str,
) -> Result<EventReader<BufReader<ureq::BodyReader<'static>>>, Box<dyn Error>> {
    let mut request = ureq::get(url);
    for (name, value) in headers::REQUEST {
        request = request.header(name, value);
    }
    let response = request.call()?;
    let status = response.status();
    if status != 200 || !headers::is_event_stream(response.headers().get_all("content-type")) {
        return Err(format!("the response is not an event stream; its status is {status}").into());
    }
    Ok(EventReader::new(response.into_body().into_reader()))
}
