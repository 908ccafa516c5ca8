//! sse-wire's client behind the HTTP interface that LaunchDarkly's contract tests for Server-Sent Events drive.

extern crate alloc;

mod parameters;
mod stream;

use alloc::sync::Arc;
use core::error::Error;
use std::collections::HashMap;
use std::process::ExitCode;
use std::sync::{Mutex, MutexGuard};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use parameters::Parameters;
use serde_json::{Value, json};
use stream::Stream;
use tokio::net::TcpListener;
use tokio::sync::Notify;

const HELP: &str = "\
Runs sse-wire's client as LaunchDarkly's contract tests for Server-Sent Events want it.

Usage: contract-service [OPTIONS]

Options:
      --address HOST:PORT  where to listen, localhost:8000 unless given; port 0 is any
  -h, --help               print this help

Prints its URL. Then run, in another terminal:

  sse-contract-tests --url http://localhost:8000
";

/// What this client can do: a test that needs something else is left out.
const CAPABILITIES: [&str; 9] = [
    "bom",
    "comments",
    "headers",
    "last-event-id",
    "post",
    "read-timeout",
    "report",
    "restart",
    "server-directed-shutdown-request",
];

#[derive(Default)]
struct Service {
    streams: Mutex<HashMap<u64, Stream>>,
    created: Mutex<u64>,
    quit: Notify,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let address = match address() {
        Ok(address) => address,
        Err(error) => {
            eprintln!("contract-service: {error}; see --help");
            return ExitCode::from(2);
        }
    };
    match serve(&address).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("contract-service: {address}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn address() -> Result<String, lexopt::Error> {
    use lexopt::prelude::*;

    let mut address = "localhost:8000".to_owned();
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("address") => address = arguments.value()?.string()?,
            Short('h') | Long("help") => {
                print!("{HELP}");
                std::process::exit(0);
            }
            argument => return Err(argument.unexpected()),
        }
    }
    Ok(address)
}

async fn serve(address: &str) -> Result<(), Box<dyn Error>> {
    let service = Arc::new(Service::default());
    let routes = Router::new()
        .route("/", get(describe).post(create).delete(quit))
        .route("/streams/{number}", post(command).delete(close))
        .with_state(Arc::clone(&service));
    let listener = TcpListener::bind(address).await?;
    println!("http://{}", listener.local_addr()?);
    tokio::select! {
        served = axum::serve(listener, routes) => served?,
        // The answer to the request that asked for it is on its way by then.
        () = service.quit.notified() => tokio::time::sleep(core::time::Duration::from_millis(100)).await,
    }
    Ok(())
}

async fn describe() -> Response {
    let description = json!({ "name": "sse-wire", "capabilities": CAPABILITIES });
    (
        [(header::CONTENT_TYPE, "application/json")],
        description.to_string(),
    )
        .into_response()
}

async fn create(State(service): State<Arc<Service>>, headers: HeaderMap, body: Bytes) -> Response {
    let parameters = match Parameters::parse(&body) {
        Ok(parameters) => parameters,
        Err(error) => return (StatusCode::BAD_REQUEST, error).into_response(),
    };
    let mut created = lock(&service.created);
    *created += 1;
    let number = *created;
    lock(&service.streams).insert(number, Stream::start(parameters));
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or("localhost");
    let location = format!("http://{host}/streams/{number}");
    (StatusCode::CREATED, [(header::LOCATION, location)]).into_response()
}

async fn command(
    State(service): State<Arc<Service>>,
    Path(number): Path<u64>,
    body: Bytes,
) -> Response {
    let command: Value = serde_json::from_slice(&body).unwrap_or_default();
    let streams = lock(&service.streams);
    let Some(stream) = streams.get(&number) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    match command["command"].as_str() {
        Some("restart") => stream.restart(),
        // Every event is reported, of whichever type.
        Some("listen") => {}
        _ => return (StatusCode::BAD_REQUEST, "unknown command").into_response(),
    }
    StatusCode::ACCEPTED.into_response()
}

async fn close(State(service): State<Arc<Service>>, Path(number): Path<u64>) -> StatusCode {
    let stream = lock(&service.streams).remove(&number);
    match stream {
        Some(stream) => {
            stream.close().await;
            StatusCode::NO_CONTENT
        }
        None => StatusCode::NOT_FOUND,
    }
}

async fn quit(State(service): State<Arc<Service>>) -> StatusCode {
    service.quit.notify_one();
    StatusCode::NO_CONTENT
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|error| error.into_inner())
}
