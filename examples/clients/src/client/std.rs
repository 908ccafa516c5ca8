//! Prints the events at a URL, with the standard library alone: blocking, over HTTP/1.0.

use core::error::Error;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::{env, net::TcpStream, process};

use sse_wire::{headers, io::EventReader};

fn main() -> Result<(), Box<dyn Error>> {
    let Some(url) = env::args().nth(1) else {
        eprintln!("Usage: client-std http://HOST:PORT/PATH");
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

/// The events at `url`, which is `http://HOST:PORT/PATH`.
pub fn events(url: &str) -> Result<EventReader<BufReader<TcpStream>>, Box<dyn Error>> {
    let url = url.strip_prefix("http://").ok_or("only http:// is known")?;
    let (host, path) = url.split_once('/').unwrap_or((url, ""));
    // A server must not answer HTTP/1.0 in chunks, which would have to be decoded first.
    let mut request = format!("GET /{path} HTTP/1.0\r\nhost: {host}\r\n");
    for (name, value) in headers::REQUEST {
        request += &format!("{name}: {value}\r\n");
    }
    let mut stream = TcpStream::connect(host)?;
    stream.write_all(format!("{request}\r\n").as_bytes())?;
    let mut response = BufReader::new(stream);
    let head = response
        .by_ref()
        .lines()
        .take_while(|line| !matches!(line, Ok(line) if line.is_empty()));
    let head = head.collect::<io::Result<Vec<_>>>()?;
    let status = head.first().ok_or("there is no response")?;
    let values = |field: &'static str| {
        let fields = head.iter().filter_map(|line| line.split_once(':'));
        fields
            .filter(move |(name, _)| name.eq_ignore_ascii_case(field))
            .map(|(_, value)| value)
    };
    let is_whole = values("transfer-encoding").next().is_none();
    let is_event_stream = headers::is_event_stream(values("content-type"));
    if status.split(' ').nth(1) != Some("200") || !is_event_stream || !is_whole {
        return Err(format!("the response is not an event stream, or in chunks: {status}").into());
    }
    Ok(EventReader::from_buffered(response))
}
