//! Starts the server, and ends it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderName, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::net::{TcpListener, TcpSocket};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::task::TaskTracker;
use tower_http::cors::CorsLayer;

use crate::accept::{Endpoint, accept};
use crate::app::App;
use crate::auth::routes;
use crate::events::events;
use crate::options::Options;
use crate::publish::publish;
use crate::refusal::Refusal;
use crate::{compression, greeting};

/// How many connections wait to be accepted: as many clients may return at once. The kernel has a limit
/// of its own, `net.core.somaxconn`.
const BACKLOG: u32 = 4096;
/// How long the server waits for Redis before it listens.
const REDIS_PATIENCE: Duration = Duration::from_secs(3);
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

    let app = Arc::new(App::new(options)?);
    let tasks = TaskTracker::new();
    let endpoint = Endpoint {
        listener,
        router: routes(&app),
        max_connections: app.options.max_connections,
        max_per_address: app.options.max_connections_per_address,
        is_counted: true,
    };
    tokio::spawn(accept(endpoint, app.clone(), tasks.clone()));
    let operator_endpoint = Endpoint {
        listener: metrics_listener,
        router: operator_routes(&app),
        max_connections: METRICS_CONNECTIONS,
        max_per_address: METRICS_CONNECTIONS,
        is_counted: false,
    };
    tokio::spawn(accept(operator_endpoint, app.clone(), TaskTracker::new()));
    tokio::spawn(maintain(app.clone()));
    if let Some(redis) = &app.redis {
        let (sender, first) = oneshot::channel();
        tokio::spawn(redis.clone().follow(app.clone(), sender));
        tokio::spawn(redis.clone().keep_trimmed());
        // If it takes longer, the server waits for Redis, and its clients do.
        let first = tokio::time::timeout(REDIS_PATIENCE, first).await;
        if let Ok(Ok(Err(reason))) = first {
            return Err(format!("cannot use Redis (--redis): {reason}"));
        }
    }
    greeting::print(&app, address, metrics_address);

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

/// Returns the routes for clients.
fn routes(app: &Arc<App>) -> Router {
    let router = Router::new()
        .route("/events", get(events))
        .route("/publish", post(publish))
        .route("/login", post(routes::login))
        .route("/session", post(routes::renew).delete(routes::log_out))
        .route("/ticket", post(routes::ticket))
        .route("/event-stream.js", get(script))
        .route("/healthz", get(StatusCode::OK))
        .route("/readyz", get(ready))
        .fallback(async || {
            not_found(
                "/events, /publish, /login, /session, /ticket, /event-stream.js, /healthz and /readyz",
            )
        })
        .with_state(app.clone())
        .layer(compression::layer());
    let origins = &app.options.allowed_origins;
    if origins.is_empty() {
        return router;
    }
    // Without credentials: cookies are for the server's own pages.
    let headers = [
        "authorization",
        "content-type",
        "idempotency-key",
        "last-event-id",
    ];
    let cors = CorsLayer::new()
        .allow_origin(origins.clone())
        .allow_methods([Method::GET, Method::POST, Method::DELETE])
        .allow_headers(headers.map(HeaderName::from_static))
        .max_age(Duration::from_secs(3600));
    router.layer(cors)
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

/// The connection of a page: see its first lines.
async fn script() -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/javascript; charset=utf-8"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, include_str!("../web/event-stream.js")).into_response()
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
