//! Prints the events at a URL, with a `FramedRead` of tokio-util over TCP and HTTP/1.0.

use core::error::Error;
use std::{env, process};

use sse_wire::{headers, tokio::EventCodec};
use tokio::{io::AsyncWriteExt as _, net::TcpStream};
use tokio_stream::StreamExt as _;
use tokio_util::codec::{FramedRead, LinesCodec};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let Some(url) = env::args().nth(1) else {
        eprintln!("Usage: client-framed http://HOST:PORT/PATH");
        process::exit(2);
    };
    let mut events = events(&url).await?;
    let mut count = 0;
    while let Some(event) = events.next().await {
        let event = event??;
        count += 1;
        println!("{}: {}", event.event_type(), event.data());
    }
    // A JSON error, for example.
    if let (0, Some(line)) = (count, events.decoder().decoder().first_ignored()) {
        eprintln!("no events, but \"{}\"", line.escape_ascii());
    }
    Ok(())
}

/// The events at `url`, which is `http://HOST:PORT/PATH`.
pub async fn events(url: &str) -> Result<FramedRead<TcpStream, EventCodec>, Box<dyn Error>> {
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
    let mut response = FramedRead::new(stream, LinesCodec::new_with_max_length(16 * 1024));
    let head = (&mut response).take_while(|line| !matches!(line, Ok(line) if line.is_empty()));
    let head = head.collect::<Result<Vec<_>, _>>().await?;
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
    // What was read after the head stays in the buffer.
    Ok(response.map_decoder(|_| EventCodec::new()))
}
