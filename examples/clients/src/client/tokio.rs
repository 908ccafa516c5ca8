//! Prints the events at a URL, with tokio alone, over HTTP/1.0.

use core::error::Error;
use std::{env, process};

use sse_wire::{headers, tokio::EventReader};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let Some(url) = env::args().nth(1) else {
        eprintln!("Usage: client-tokio http://HOST:PORT/PATH");
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

/// The events at `url`, which is `http://HOST:PORT/PATH`.
pub async fn events(url: &str) -> Result<EventReader<BufReader<TcpStream>>, Box<dyn Error>> {
    let url = url.strip_prefix("http://").ok_or("only http:// is known")?;
    let (host, path) = url.split_once('/').unwrap_or((url, ""));
    // A server must not answer HTTP/1.0 in chunks, which would have to be decoded first.
    let mut request = format!("GET /{path} HTTP/1.0\r\nhost: {host}\r\n");
    for (name, value) in headers::REQUEST {
        request += &format!("{name}: {value}\r\n");
    }
    let mut stream = TcpStream::connect(host).await?;
    stream
        .write_all(format!("{request}\r\n").as_bytes())
        .await?;
    let mut response = BufReader::new(stream);
    let mut head = Vec::new();
    let mut lines = (&mut response).lines();
    while let Some(line) = lines.next_line().await? {
        if line.is_empty() {
            break;
        }
        head.push(line);
    }
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
    Ok(EventReader::new(response))
}
