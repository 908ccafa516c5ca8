//! The accept loop: every connection has a permit, deadlines, and one task that owns its socket.

use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::{Duration, Instant};

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
use tokio::time::{Sleep, sleep, sleep_until};
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use crate::app::App;
use crate::connection::{Connection, Reason};
use crate::io::{Socket, Stalled};

/// The most that is read of a request's head.
const MAX_HEAD: usize = 16 << 10;
/// How long a stream has for its farewell before it is cut.
const FAREWELL: Duration = Duration::from_secs(5);
/// How many connections at a time are told that there are too many.
const REFUSALS: usize = 64;

/// An address and what is served there.
#[derive(Debug)]
pub struct Door {
    /// Where connections come from.
    pub listener: TcpListener,
    /// What answers their requests.
    pub router: Router,
    /// The most connections at a time.
    pub max_connections: usize,
    /// Whether the figures for the operator have them.
    pub is_counted: bool,
}

/// Accepts connections and serves them, until the process ends.
pub async fn accept(door: Door, app: Arc<App>, tasks: TaskTracker) {
    let permits = Arc::new(Semaphore::new(door.max_connections));
    let refusals = Arc::new(Semaphore::new(REFUSALS));
    loop {
        let (stream, peer) = match door.listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of descriptors, usually: others must end before the next one can begin.
                tracing::error!(%error, "cannot accept a connection");
                sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let Ok(permit) = permits.clone().try_acquire_owned() else {
            app.metrics.refused.inc();
            if let Ok(permit) = refusals.clone().try_acquire_owned() {
                tokio::spawn(refuse(stream, permit));
            }
            continue;
        };
        if let Err(error) = configure(&stream, &app) {
            tracing::warn!(%peer, %error, "cannot configure the socket");
        }
        let open = door.is_counted.then(|| app.metrics.open_connection());
        let (router, app) = (door.router.clone(), app.clone());
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

/// Answers a request that is not parsed.
async fn refuse(mut stream: TcpStream, _permit: OwnedSemaphorePermit) {
    let answer = "HTTP/1.1 503 Service Unavailable\r\nretry-after: 10\r\nconnection: close\r\n\
        content-type: application/json\r\ncontent-length: 33\r\n\r\n{\"error\":\"too many connections\"}\n";
    let answered = async {
        // Some clients take an answer that precedes their request for an error.
        let _ = stream.read(&mut [0; 1024]).await?;
        stream.write_all(answer.as_bytes()).await?;
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
    // Later than the other deadline, which knows more of a peer that only takes no bytes.
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
    let mut drain = app.drain();
    loop {
        tokio::select! {
            biased;
            reason = connection.is_cut() => return reason,
            reason = deadline.passed() => match reason {
                None => {
                    connection.farewell();
                    http.as_mut().graceful_shutdown();
                    deadline.end();
                }
                Some(reason) => return reason,
            },
            result = http.as_mut() => return connection.reason().unwrap_or_else(|| match result {
                Ok(()) => deadline.reason_of_end().unwrap_or(Reason::Closed),
                Err(error) => reason_of(&error),
            }),
            Ok(()) = drain.changed() => {
                if let Some(end) = *drain.borrow_and_update() {
                    deadline.drain(end);
                }
            }
        }
    }
}

/// When a connection should end, and when it must.
struct Deadline {
    sleep: Pin<Box<Sleep>>,
    reason: Reason,
    is_ending: bool,
    /// The end of the process.
    end: Option<Instant>,
}

impl Deadline {
    fn new(app: &App) -> Self {
        let max = app.options.max_lifetime;
        // Connections that began together should not end together.
        let lifetime = max.mul_f64(0.8 + 0.2 * fastrand::f64());
        let never = Duration::from_secs(366 * 86_400);
        Self {
            sleep: Box::pin(sleep(if max.is_zero() { never } else { lifetime })),
            reason: Reason::Lifetime,
            is_ending: false,
            end: None,
        }
    }

    /// Waits until the connection should end; then, until it must, and returns why.
    async fn passed(&mut self) -> Option<Reason> {
        self.sleep.as_mut().await;
        self.is_ending.then_some(self.reason)
    }

    /// The connection was asked to end: it has some seconds for it.
    fn end(&mut self) {
        self.is_ending = true;
        let end = Instant::now() + FAREWELL;
        self.reset(self.end.map_or(end, |last| last.min(end)));
    }

    /// All connections end, each at a random time before `end`.
    fn drain(&mut self, end: Instant) {
        self.end = Some(end);
        let left = end.saturating_duration_since(Instant::now());
        if self.is_ending {
            return self.reset((Instant::now() + left.min(FAREWELL)).min(end));
        }
        self.reason = Reason::Drain;
        // Readiness has turned before: who looks at it has a tenth of the time to notice.
        self.reset(Instant::now() + left.mul_f64(0.1 + 0.6 * fastrand::f64()));
    }

    fn reset(&mut self, instant: Instant) {
        self.sleep.set(sleep_until(instant.into()));
    }

    fn reason_of_end(&self) -> Option<Reason> {
        self.is_ending.then_some(self.reason)
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
