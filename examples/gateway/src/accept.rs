//! The accept loop: every connection has a permit, deadlines, and one task that owns its socket.

use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::sleep;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use crate::app::App;
use crate::connection::{Connection, Order, Reason};
use crate::deadline::{Deadline, Due};
use crate::io::{Socket, Stalled};
use crate::per_address::PerAddress;
use crate::streams::Full;
use crate::{address, busy};

/// The most that is read of a request's head.
const MAX_HEAD: usize = 16 << 10;
/// How many connections at a time are told that there are too many.
const REFUSALS: usize = 64;

/// An address and what is served there.
#[derive(Debug)]
pub struct Endpoint {
    /// Where connections come from.
    pub listener: TcpListener,
    /// What answers their requests.
    pub router: Router,
    /// The most connections at a time.
    pub max_connections: usize,
    /// The most connections of an address at a time.
    pub max_per_address: usize,
    /// Whether the figures for the operator have them.
    pub is_counted: bool,
}

/// Accepts connections and serves them, until the process ends.
pub async fn accept(endpoint: Endpoint, app: Arc<App>, tasks: TaskTracker) {
    let permits = Arc::new(Semaphore::new(endpoint.max_connections));
    let refusals = Arc::new(Semaphore::new(REFUSALS));
    let addresses = Arc::new(PerAddress::new(endpoint.max_per_address));
    loop {
        let (stream, peer) = match endpoint.listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) if is_closed(error.kind()) => {
                tracing::debug!(%error, "a client has left before its connection was accepted");
                continue;
            }
            Err(error) => {
                // Out of descriptors, usually: others must end before the next one can begin.
                tracing::error!(%error, "cannot accept a connection");
                sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let address = address::of_peer(peer.ip(), &app.options.trusted_proxies);
        let permit = match address.map(|address| addresses.count(address)) {
            Some(None) => Err(Full::Address),
            counted => match permits.clone().try_acquire_owned() {
                Ok(permit) => Ok((permit, counted)),
                Err(_) => Err(Full::Server),
            },
        };
        let permit = match permit {
            Ok(permit) => permit,
            Err(full) => {
                if endpoint.is_counted {
                    app.metrics.refused.inc();
                }
                if let Ok(permit) = refusals.clone().try_acquire_owned() {
                    tokio::spawn(refuse(stream, full, permit));
                }
                continue;
            }
        };
        if let Err(error) = configure(&stream, &app) {
            tracing::warn!(%peer, %error, "cannot configure the socket");
        }
        let open = endpoint.is_counted.then(|| app.metrics.open_connection());
        let (router, app) = (endpoint.router.clone(), app.clone());
        tasks.spawn(async move {
            let reason = serve(stream, peer, router, &app).await;
            tracing::debug!(%peer, reason = reason.as_str(), "connection ended");
            if open.is_some() {
                app.metrics.ended(reason);
            }
            drop(permit);
        });
    }
}

/// Answers a request that is hardly parsed.
async fn refuse(mut stream: TcpStream, full: Full, _permit: OwnedSemaphorePermit) {
    let answered = async {
        // Some clients take an answer that precedes their request for an error.
        let mut head = [0; 4096];
        let len = stream.read(&mut head).await?;
        let answer = busy::to_connection(full, &head[..len]);
        stream.write_all(&answer).await?;
        stream.shutdown().await?;
        // A socket that is closed with unread bytes would reset the connection, and the client might
        // not see the answer.
        tokio::io::copy(&mut stream, &mut tokio::io::sink()).await
    };
    let _ = tokio::time::timeout(Duration::from_secs(1), answered).await;
}

/// Sets the options of a socket.
fn configure(stream: &TcpStream, app: &App) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    socket.set_send_buffer_size(app.options.send_buffer)?;
    // For a peer that vanished: what is sent to it fills no buffer for hours, but is never acknowledged.
    // Later than the deadline for writing, so that a peer that takes no bytes is reported as such.
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(app.options.write_timeout.mul_f64(1.5)))?;
    Ok(())
}

/// Serves a connection until it ends, by itself or by a deadline.
async fn serve(stream: TcpStream, peer: SocketAddr, router: Router, app: &App) -> Reason {
    let connection = Arc::new(Connection::new(peer));
    let options = &app.options;
    let socket = Socket::new(
        stream,
        options.write_timeout,
        app.metrics.sent_bytes.clone(),
    );
    let shared = connection.clone();
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(shared.clone());
        let router = router.clone();
        async move {
            let response = router.oneshot(request).await;
            response.map_err(|never: Infallible| never)
        }
    });
    let mut http = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(options.request_timeout)
            .max_buf_size(MAX_HEAD)
            .serve_connection(TokioIo::new(socket), service)
    );
    let mut deadline = Deadline::new(app);
    let mut shutdown = app.watch_shutdown();
    loop {
        tokio::select! {
            biased;
            order = connection.next_order() => match order {
                Order::Cut(reason) => return reason,
                Order::End(reason) => deadline.end(reason),
                Order::Expire(expiry) => deadline.expire(expiry),
            },
            due = deadline.wait() => match due {
                Due::Expiring => connection.expiring(),
                Due::Farewell => {
                    connection.farewell();
                    http.as_mut().graceful_shutdown();
                }
                Due::Cut(reason) => return reason,
            },
            result = http.as_mut() => {
                let reason = match result {
                    Ok(()) => deadline.reason_of_farewell().unwrap_or(Reason::Closed),
                    Err(error) => reason_of(&error),
                };
                return connection.cut_reason().unwrap_or(reason);
            }
            Ok(()) = shutdown.changed() => {
                if let Some(end) = *shutdown.borrow_and_update() {
                    deadline.shut_down(end);
                }
            }
        }
    }
}

/// Returns why HTTP failed.
fn reason_of(error: &hyper::Error) -> Reason {
    if error.is_timeout() {
        return Reason::RequestTimeout;
    }
    let source = error
        .source()
        .and_then(|source| source.downcast_ref::<io::Error>());
    match source {
        Some(error) if error.get_ref().is_some_and(|inner| inner.is::<Stalled>()) => {
            Reason::WriteTimeout
        }
        Some(error) if error.kind() == io::ErrorKind::TimedOut => Reason::Vanished,
        Some(error) if is_closed(error.kind()) => Reason::Closed,
        None if error.is_incomplete_message() || error.is_canceled() => Reason::Closed,
        _ => Reason::Failed,
    }
}

const fn is_closed(kind: io::ErrorKind) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(
        kind,
        BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof
    )
}
