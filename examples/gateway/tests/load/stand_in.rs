//! A small server with faults on demand, to see whether they are detected.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use axum::extract::{RawQuery, Request, State};
use axum::http::{Extensions, HeaderMap, StatusCode, Version};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures_util::{Stream, StreamExt as _, stream};
use serde::Deserialize;
use sse_wire::body::EventBody;
use sse_wire::{EventType, Frame, LastEventId, Outgoing};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::sleep;
use tower_http::compression::CompressionLayer;

/// The credential that [`Fault::NeedsToken`] asks for.
pub(crate) const TOKEN: &str = "Bearer token";

/// What the first stream does wrong, if it is about events: with the event of this number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Fault {
    None,
    Lose(usize),
    Double(usize),
    /// The connection ends, and the client has to resume.
    End(usize),
    /// Loses the event, and reports it.
    Gap(usize),
    /// Every event goes to every user.
    Misdeliver,
    /// Each event takes this long, in each stream.
    Delay(Duration),
    /// Each publication takes this long once this many were accepted, until as many more were.
    Stall(usize, Duration),
    /// Events are acknowledged and never delivered.
    Discard,
    /// Requests of streams and publishers need a token.
    NeedsToken,
    /// A stream is sent as it is, though the client accepts gzip.
    Plain,
    /// The event has the ID of the one before.
    SameId(usize),
    /// The last server is 3 s behind Redis, once a run has had more events than this.
    Lag(usize),
}

#[derive(Debug)]
struct Event {
    topic: String,
    user: Option<String>,
    /// The first word of the data.
    run: String,
    frame: Frame,
}

/// What several servers share.
#[derive(Debug)]
struct Log {
    fault: Fault,
    events: Mutex<Vec<Arc<Event>>>,
    newest: watch::Sender<usize>,
    /// Those of all servers.
    streams: AtomicU64,
    logins: AtomicU64,
}

/// What one server counts.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) streams: AtomicU64,
    pub(crate) publications: AtomicU64,
    open: AtomicU64,
    pub(crate) most_open: AtomicU64,
}

#[derive(Debug)]
struct Server {
    log: Arc<Log>,
    counts: Arc<Counts>,
    is_last: bool,
}

/// A stream, which counts as open.
struct Open(Arc<Server>);

impl Open {
    fn new(server: Arc<Server>) -> Self {
        let open = server.counts.open.fetch_add(1, Relaxed) + 1;
        server.counts.most_open.fetch_max(open, Relaxed);
        Self(server)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.counts.open.fetch_sub(1, Relaxed);
    }
}

#[derive(Debug, Deserialize)]
struct Publication {
    topic: String,
    r#type: String,
    user: Option<String>,
    data: String,
}

#[derive(Debug, Deserialize)]
struct Login {
    password: String,
}

#[derive(Debug)]
struct Subscription {
    topic: String,
    user: Option<String>,
}

/// Starts servers that share their events, until the runtime ends; returns the address of each, and
/// what it counts.
pub(crate) async fn start(fault: Fault, servers: usize) -> Vec<(SocketAddr, Arc<Counts>)> {
    let log = Arc::new(Log {
        fault,
        events: Mutex::default(),
        newest: watch::Sender::new(0),
        streams: AtomicU64::new(0),
        logins: AtomicU64::new(0),
    });
    let mut started = Vec::new();
    for number in 1..=servers {
        let server = Server {
            log: Arc::clone(&log),
            counts: Arc::default(),
            is_last: number == servers,
        };
        let counts = Arc::clone(&server.counts);
        started.push((serve(server).await, counts));
    }
    started
}

async fn serve(server: Server) -> SocketAddr {
    let fault = server.log.fault;
    let mut events = get(subscribe);
    if fault != Fault::Plain {
        let all = |_: StatusCode, _: Version, _: &HeaderMap, _: &Extensions| true;
        events = events.layer(CompressionLayer::new().compress_when(all));
    }
    let mut router = Router::new()
        .route("/events", events)
        .route("/publish", post(publish));
    if fault == Fault::NeedsToken {
        router = router.layer(from_fn(need_token));
    }
    let router = router
        .route("/login", post(log_in))
        .route("/metrics", get(metrics))
        .with_state(Arc::new(server));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

async fn need_token(request: Request, next: Next) -> Response {
    let token = request.headers().get("authorization");
    match token {
        Some(token) if token == TOKEN => next.run(request).await,
        _ => StatusCode::UNAUTHORIZED.into_response(),
    }
}

/// Every third login is one too many.
async fn log_in(State(server): State<Arc<Server>>, Json(login): Json<Login>) -> StatusCode {
    assert_eq!(login.password, "wrong");
    match server.log.logins.fetch_add(1, Relaxed) % 3 {
        2 => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::UNAUTHORIZED,
    }
}

async fn publish(
    State(server): State<Arc<Server>>,
    Json(publication): Json<Publication>,
) -> impl IntoResponse {
    server.counts.publications.fetch_add(1, Relaxed);
    let fault = server.log.fault;
    if let Fault::Stall(after, time) = fault {
        let accepted = server.log.events.lock().unwrap().len();
        if (after..after * 2).contains(&accepted) {
            sleep(time).await;
        }
    }
    let mut log = server.log.events.lock().unwrap();
    let is_same = matches!(fault, Fault::SameId(number) if number == log.len());
    let id = format!("e.{}", log.len() + usize::from(!is_same));
    let event = Outgoing::event(
        EventType::new(&publication.r#type).unwrap(),
        &publication.data,
    );
    let frame = event.id(LastEventId::new(&id).unwrap()).into();
    let Publication {
        topic, user, data, ..
    } = publication;
    let run = data.split(' ').next().unwrap().to_owned();
    log.push(Arc::new(Event {
        topic,
        user,
        run,
        frame,
    }));
    if fault != Fault::Discard {
        server.log.newest.send_replace(log.len());
    }
    (StatusCode::CREATED, Json(serde_json::json!({ "id": id })))
}

async fn subscribe(
    State(server): State<Arc<Server>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> impl IntoResponse {
    let query = query.unwrap();
    let parameter = |name: &str| {
        let parameters = query
            .split('&')
            .filter_map(|parameter| parameter.split_once('='));
        let mut values = parameters.filter(|&(found, _)| found == name);
        // The load encodes every byte but letters and digits.
        values.next().map(|(_, value)| value.replace("%2D", "-"))
    };
    let subscription = Subscription {
        topic: parameter("topic").unwrap(),
        user: parameter("user"),
    };
    let resumed = headers.get("last-event-id");
    let resumed = resumed.map(|id| id.to_str().unwrap().strip_prefix("e.").unwrap());
    let position = match resumed {
        Some(number) => number.parse().unwrap(),
        None => *server.log.newest.borrow(),
    };
    server.counts.streams.fetch_add(1, Relaxed);
    let is_first = server.log.streams.fetch_add(1, Relaxed) == 0;
    let id = format!("e.{position}");
    let retry = Duration::from_millis(200);
    let first: Frame = Outgoing::new()
        .retry(retry)
        .id(LastEventId::new(&id).unwrap())
        .into();
    let events = events(server, subscription, position, is_first);
    EventBody::new(stream::iter([Ok(first)]).chain(events)).into_response()
}

/// The frames of a stream, from a position in the log.
fn events(
    server: Arc<Server>,
    subscription: Subscription,
    position: usize,
    is_first: bool,
) -> impl Stream<Item = Result<Frame, Infallible>> {
    let newest = server.log.newest.subscribe();
    let server = Open::new(server);
    let state = (server, subscription, position, newest);
    let batches = stream::unfold(
        state,
        move |(server, subscription, position, mut newest)| async move {
            newest.wait_for(|&newest| newest > position).await.ok()?;
            let log = &server.0.log;
            let event = Arc::clone(&log.events.lock().unwrap()[position]);
            let fault = log.fault;
            let is_mine = event.user.is_none() || event.user == subscription.user;
            let is_mine = is_mine || fault == Fault::Misdeliver;
            let mut frames = Vec::new();
            if event.topic == subscription.topic && is_mine {
                if let Fault::Delay(time) = fault {
                    sleep(time).await;
                }
                let is_here = |number| is_first && position == number;
                match fault {
                    Fault::Lose(number) if is_here(number) => {}
                    Fault::Gap(number) if is_here(number) => {
                        let data = r#"{"reason":"expired"}"#;
                        let gap = Outgoing::event(EventType::from_static("gap"), data);
                        frames.push(gap.into());
                    }
                    Fault::End(number) if is_here(number) => return None,
                    Fault::Double(number) if is_here(number) => {
                        frames.extend([event.frame.clone(), event.frame.clone()]);
                    }
                    _ => frames.push(event.frame.clone()),
                }
            }
            Some((
                stream::iter(frames.into_iter().map(Ok)),
                (server, subscription, position + 1, newest),
            ))
        },
    );
    batches.flatten()
}

async fn metrics(State(server): State<Arc<Server>>) -> String {
    let log = server.log.events.lock().unwrap();
    let events = log.len();
    let streams = server.counts.streams.load(Relaxed);
    let lag = match server.log.fault {
        Fault::Lag(limit) => {
            let run = log.last().map(|event| &event.run);
            let events = log.iter().filter(|event| Some(&event.run) == run).count();
            let is_behind = server.is_last && events > limit;
            let lag = if is_behind { 3.0 } else { 0.5 };
            format!("gateway_redis_lag_seconds {lag}\n")
        }
        _ => String::new(),
    };
    format!(
        "# TYPE gateway_events_total counter\n\
         gateway_events_total {events}\n\
         gateway_wakeups_total {}\n\
         gateway_encoded_frames_total {events}\n\
         gateway_encode_seconds_total 0.5\n\
         gateway_gaps_total{{reason=\"expired\"}} 0\n\
         {lag}process_cpu_seconds_total {}\n\
         process_resident_memory_bytes {}\n# EOF\n",
        3 * events,
        0.5 + 0.001 * f64::from(u32::try_from(events).unwrap()),
        1_000_000 + 4_096 * streams,
    )
}
