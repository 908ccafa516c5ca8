//! Starts the server, and ends it.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::net::{TcpListener, TcpSocket};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::task::TaskTracker;

use crate::accept::{Endpoint, accept};
use crate::app::App;
use crate::events::events;
use crate::options::Options;
use crate::publish::publish;
use crate::refusal::Refusal;

/// How many connections wait to be accepted: as many clients may return at once. The kernel has a limit
/// of its own, `net.core.somaxconn`.
const BACKLOG: u32 = 4096;
/// The most connections to the operator's address.
const METRICS_CONNECTIONS: usize = 64;

/// Serves until the process is told to end.
///
/// # Errors
///
/// An address is taken, or cannot be used.
pub async fn serve(options: Options) -> Result<(), String> {
    let listener = bind("--listen", options.listen)?;
    let metrics_listener = bind("--metrics-listen", options.metrics_listen)?;
    let address = local(&listener)?;
    let metrics_address = local(&metrics_listener)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(describe)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(describe)?;

    let app = Arc::new(App::new(options));
    let tasks = TaskTracker::new();
    let endpoint = Endpoint {
        listener,
        router: routes(&app),
        max_connections: app.options.max_connections,
        is_counted: true,
    };
    tokio::spawn(accept(endpoint, app.clone(), tasks.clone()));
    let operator_endpoint = Endpoint {
        listener: metrics_listener,
        router: operator_routes(&app),
        max_connections: METRICS_CONNECTIONS,
        is_counted: false,
    };
    tokio::spawn(accept(operator_endpoint, app.clone(), TaskTracker::new()));
    tokio::spawn(maintain(app.clone()));
    greet(address, metrics_address);

    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    let window = app.options.drain;
    tracing::info!(connections = tasks.len(), ?window, "shutting down");
    app.shut_down(Instant::now() + window.mul_f64(0.9));
    tasks.close();
    tokio::select! {
        () = tasks.wait() => {}
        () = sleep(window.mul_f64(0.95)) => {}
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!(cut = tasks.len(), "ended");
    Ok(())
}

fn bind(option: &str, address: SocketAddr) -> Result<TcpListener, String> {
    let listen = || {
        let socket = if address.is_ipv4() {
            TcpSocket::new_v4()
        } else {
            TcpSocket::new_v6()
        }?;
        // A server that restarts takes its address again at once.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    listen().map_err(|error| format!("cannot listen at {address} ({option}): {error}"))
}

fn local(listener: &TcpListener) -> Result<SocketAddr, String> {
    listener.local_addr().map_err(describe)
}

fn describe(error: io::Error) -> String {
    error.to_string()
}

/// Says where the server is, and what to try.
fn greet(address: SocketAddr, metrics: SocketAddr) {
    let greeting = format!(
        "listening at http://{address}, metrics at http://{metrics}/metrics; try:
  curl -N 'http://{address}/events?topic=news'
  curl -H 'content-type: application/json' \
-d '{{\"topic\":\"news\",\"type\":\"headline\",\"data\":\"hello\"}}' 'http://{address}/publish'
  cargo run -p gateway -- check 'http://{address}/events?topic=news' \
--post 'http://{address}/publish' --body '{{\"topic\":\"news\",\"data\":\"{{token}}\"}}'
"
    );
    // The server serves even if nobody reads this.
    let _ = io::stdout().write_all(greeting.as_bytes());
}

/// Returns the routes for clients.
fn routes(app: &Arc<App>) -> Router {
    Router::new()
        .route("/events", get(events))
        .route("/publish", post(publish))
        .route("/healthz", get(StatusCode::OK))
        .route("/readyz", get(ready))
        .fallback(async || not_found("/events, /publish, /healthz and /readyz"))
        .with_state(app.clone())
}

fn operator_routes(app: &Arc<App>) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(StatusCode::OK))
        .route("/readyz", get(ready))
        .fallback(async || not_found("/metrics, /healthz and /readyz"))
        .with_state(app.clone())
}

fn not_found(paths: &str) -> Refusal {
    let reason = format!("there are only {paths} at this address");
    Refusal::new(StatusCode::NOT_FOUND, reason)
}

async fn ready(State(app): State<Arc<App>>) -> StatusCode {
    if app.is_ready() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    }
}

async fn metrics(State(app): State<Arc<App>>) -> Response {
    app.metrics.topics.set(count(app.hub.topics() as u64));
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, content_type)], app.metrics.encode()).into_response()
}

/// Looks after the log and its subscribers each second.
async fn maintain(app: Arc<App>) {
    let mut ticks = interval(Duration::from_secs(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let lag = app.hub.maintain(app.now());
        app.metrics.slowest_lag.set(count(lag));
    }
}

fn count(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
