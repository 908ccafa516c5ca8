//! The command line of the clients that reconnect, which is the same for all.

use core::error::Error;
use core::time::Duration;
use std::{fs, process};

use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};
use lexopt::prelude::*;
use sse_wire::EventDecoder;
use sse_wire::client::{Policy, Request, Resend};

/// The options of a client.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) url: String,
    /// With the initial last event ID.
    pub(crate) decoder: EventDecoder,
    pub(crate) headers: HeaderMap,
    /// The body of a POST; a GET if there is none.
    pub(crate) post: Option<Vec<u8>>,
    pub(crate) policy: Policy,
}

const HELP: &str = "
Prints the events at URL, type: data, and reconnects when the connection is lost. The state
of the connection goes to standard error.

Options:
      --last-event-id ID     begin after this event
      --header 'NAME: VALUE' send this header, instead of the client's own; may be given several times
      --post FILE            send this file as a POST, once; with a last event ID, a GET
                             continues from it instead
      --max-attempts N       give up after N consecutive failures; never by default
      --idle-timeout SECONDS reconnect when nothing arrives for this long; 60 by default
  -h, --help                 print this help

Exit code: 1 when it gave up, 2 when the command line is wrong.";

impl Options {
    /// The headers of a request: those of the client, of which the user's replace any.
    pub(crate) fn headers(&self, request: Request<'_>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in request.headers() {
            // As bytes, since an ID may have others than those of ASCII.
            if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
                headers.insert(name, value);
            }
        }
        for name in self.headers.keys() {
            headers.remove(name);
        }
        headers.extend(self.headers.clone());
        headers
    }

    /// Parses the command line. If it is wrong, prints the reason and exits.
    pub(crate) fn from_arguments(program: &str) -> Self {
        Self::parse(program).unwrap_or_else(|error| {
            eprintln!("{program}: {error}; see --help");
            process::exit(2);
        })
    }

    fn parse(program: &str) -> Result<Self, Box<dyn Error>> {
        let mut url = None;
        let mut options = Self {
            url: String::new(),
            decoder: EventDecoder::new(),
            headers: HeaderMap::new(),
            post: None,
            policy: Policy::new().with_transient_statuses(Policy::TRANSIENT),
        };
        let mut idle_timeout = 60.0;
        let mut arguments = lexopt::Parser::from_env();
        while let Some(argument) = arguments.next()? {
            match argument {
                Long("last-event-id") => {
                    let id = arguments.value()?.string()?;
                    options.decoder.set_last_event_id(&id)?;
                }
                Long("header") => {
                    let header = arguments.value()?.string()?;
                    let (name, value) = header.split_once(':').ok_or("a header has a colon")?;
                    let name: HeaderName = name.trim().parse()?;
                    options.headers.append(name, value.trim().parse()?);
                }
                Long("post") => {
                    let file = arguments.value()?;
                    let body = fs::read(&file).map_err(|error| {
                        format!("{} cannot be read: {error}", file.to_string_lossy())
                    })?;
                    options.post = Some(body);
                    options.policy = options.policy.with_resend(Resend::Resumable);
                }
                Long("max-attempts") => {
                    let attempts = arguments.value()?.parse()?;
                    options.policy = options.policy.with_attempts(attempts);
                }
                Long("idle-timeout") => idle_timeout = arguments.value()?.parse()?,
                Short('h') | Long("help") => {
                    println!("Usage: {program} [OPTIONS] URL\n{HELP}");
                    process::exit(0);
                }
                Value(value) if url.is_none() => url = Some(value.string()?),
                argument => return Err(argument.unexpected().into()),
            }
        }
        options.url = url.ok_or("there is no URL")?;
        let idle_timeout = Duration::try_from_secs_f64(idle_timeout)?;
        options.policy = options.policy.with_idle_timeout(idle_timeout);
        Ok(options)
    }
}
