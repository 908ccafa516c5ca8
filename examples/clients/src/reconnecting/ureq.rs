//! Prints the events at a URL, and reconnects, with ureq: blocking, without a runtime.

mod options;

use core::error::Error;
use core::time::Duration;
use std::io::{self, Read};
use std::process::ExitCode;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;

use options::Options;
use sse_wire::client::{EventSource, Request};
use sse_wire::reconnect::{Head, ReconnectError, ReconnectingReader, Update};
use ureq::http;

fn main() -> ExitCode {
    let options = Options::from_arguments("reconnecting-ureq");
    let source = EventSource::from_decoder(options.decoder.clone(), fastrand::u64(..))
        .with_policy(options.policy);

    // The policy decides what a status means.
    let agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .new_agent();
    let connect = |request: Request<'_>| {
        let (method, body) = match &options.post {
            // A POST is resumed by a GET: sending it twice might cost twice.
            Some(body) if request.last_event_id().is_empty() => ("POST", body.clone()),
            _ => ("GET", Vec::new()),
        };
        let sending = http::Request::builder().method(method).uri(&options.url);
        let mut sending = sending.body(body)?;
        *sending.headers_mut() = options.headers(request);
        let response = agent.run(sending)?;
        let headers = response.headers();
        let head = Head::new(response.status().as_u16(), headers.get_all("content-type"))
            .with_retry_after(headers.get("retry-after"));
        Ok::<_, Box<dyn Error>>((head, response))
    };
    let body =
        |response: http::Response<ureq::Body>| Chunks::of(response.into_body().into_reader());

    for update in ReconnectingReader::from_fns(source, connect, body, thread::sleep) {
        match update {
            Ok(Update::Opened(())) => eprintln!("connected"),
            Ok(Update::Item(event)) => {
                println!("{}: {}", event.event_type(), event.data());
            }
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
                    response: Some(mut response),
                    ..
                } = error
                {
                    let body = response.body_mut().read_to_string();
                    eprintln!("{}", body.unwrap_or_default());
                }
            }
        }
    }
    ExitCode::FAILURE
}

/// Reads in a thread, since a channel has a timeout for the next bytes and ureq does not.
struct Chunks {
    chunks: Receiver<io::Result<Vec<u8>>>,
    chunk: io::Cursor<Vec<u8>>,
}

impl Chunks {
    fn of(mut reader: impl Read + Send + 'static) -> Self {
        let (sender, chunks) = mpsc::sync_channel(1);
        // It ends with the stream, or at the next bytes after the receiver was dropped.
        thread::spawn(move || {
            let mut memory = [0; 16 * 1024];
            loop {
                let read = reader
                    .read(&mut memory)
                    .map(|length| memory[..length].to_vec());
                let is_last = !matches!(&read, Ok(bytes) if !bytes.is_empty());
                if sender.send(read).is_err() || is_last {
                    break;
                }
            }
        });
        Self {
            chunks,
            chunk: io::Cursor::default(),
        }
    }
}

impl Read for Chunks {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let length = self.chunk.read(out)?;
        if length > 0 {
            return Ok(length);
        }
        match self.chunks.recv_timeout(Duration::from_secs(1)) {
            Ok(chunk) => self.chunk = io::Cursor::new(chunk?),
            Err(RecvTimeoutError::Timeout) => return Err(io::ErrorKind::TimedOut.into()),
            Err(RecvTimeoutError::Disconnected) => return Ok(0),
        }
        self.chunk.read(out)
    }
}
