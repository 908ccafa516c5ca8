//! A publisher: one connection that is kept alive, with one request at a time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use tokio::net::TcpStream;
use tokio::sync::mpsc::Receiver;
use tokio::time::timeout;

use super::Failure;
use super::latency::Latencies;
use super::pacer::Slot;
use super::state::State;
use super::target::{Target, user_name};
use crate::header;

/// The most publishers that are chosen by the rate.
pub(super) const MOST: u32 = 64;

/// Returns how many publishers suit a rate.
pub(super) fn count(rate: u32) -> u32 {
    (rate / 100).clamp(4, MOST)
}

/// How long a response may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a publisher did.
#[derive(Debug)]
pub(super) struct Published {
    pub(super) acknowledged: u64,
    /// The numbers of the events that were not acknowledged. They may have been delivered.
    pub(super) failed: Vec<u64>,
    /// By message.
    pub(super) errors: BTreeMap<String, u64>,
    /// From the intended to the actual send time.
    pub(super) lateness: Latencies,
    /// From the actual send time to the acknowledgement.
    pub(super) acknowledgement: Latencies,
}

impl Published {
    pub(super) fn new(state: &State) -> Self {
        Self {
            acknowledged: 0,
            failed: Vec::new(),
            errors: BTreeMap::new(),
            lateness: state.empty_latency(),
            acknowledgement: state.empty_latency(),
        }
    }

    /// Counts an event that was sent at `sent`, and its outcome.
    pub(super) fn count(
        &mut self,
        state: &State,
        slot: &Slot,
        sent: u64,
        result: Result<(), Failure>,
    ) {
        if slot.payload.intended >= state.measured_from() {
            self.lateness
                .record(sent.saturating_sub(slot.payload.intended));
            self.acknowledgement
                .record(state.now().saturating_sub(sent));
        }
        match result {
            Ok(()) => self.acknowledged += 1,
            Err(error) => {
                self.failed.push(slot.number);
                *self.errors.entry(error.to_string()).or_default() += 1;
            }
        }
    }

    /// Adds what another publisher did.
    pub(super) fn add(&mut self, mut other: Self) {
        self.acknowledged += other.acknowledged;
        self.failed.append(&mut other.failed);
        for (error, count) in other.errors {
            *self.errors.entry(error).or_default() += count;
        }
        self.lateness.take(&mut other.lateness);
        self.acknowledgement.take(&mut other.acknowledgement);
    }
}

#[derive(Serialize)]
struct Publication<'a> {
    topic: &'a str,
    r#type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    data: String,
}

/// Publishes the events of a queue until it is closed.
pub(super) async fn run(
    state: Arc<State>,
    target: Arc<Target>,
    mut queue: Receiver<Slot>,
) -> Published {
    let mut published = Published::new(&state);
    let mut sender = None;
    while let Some(slot) = queue.recv().await {
        let sent = state.now();
        let result = if state.give_up.is_cancelled() || state.stop.is_cancelled() {
            Err("not sent: the publishers were too far behind".into())
        } else {
            let sending = publish(&state, &target, &mut sender, &slot);
            match timeout(PATIENCE, sending).await {
                Ok(result) => result,
                Err(_) => Err("no response in time".into()),
            }
        };
        if result.is_err() {
            sender = None;
        }
        published.count(&state, &slot, sent, result);
    }
    published
}

/// Publishes an event, and waits for the acknowledgement.
pub(super) async fn publish(
    state: &State,
    target: &Target,
    connection: &mut Option<SendRequest<Full<Bytes>>>,
    slot: &Slot,
) -> Result<(), Failure> {
    let body = serde_json::to_vec(&Publication {
        topic: &target.topic,
        r#type: "load",
        user: slot.user.map(user_name),
        data: slot.payload.to_data(state.size),
    })?;
    let mut request = Request::post("/publish")
        .header("host", &target.server.host)
        .header("content-type", "application/json")
        .body(Full::from(body))?;
    header::replace(request.headers_mut(), &target.headers);
    let sender = match connection {
        Some(sender) if !sender.is_closed() => sender,
        _ => connection.insert(connect(target).await?),
    };
    sender.ready().await?;
    let response = sender.send_request(request).await?;
    let status = response.status();
    // Without reading the body, the connection could not be used again.
    response.into_body().collect().await?;
    if status != 201 {
        return Err(format!("the status is {status}").into());
    }
    Ok(())
}

/// Connects for requests, one after the other.
pub(super) async fn connect(target: &Target) -> Result<SendRequest<Full<Bytes>>, Failure> {
    let socket = TcpStream::connect(target.server.address).await?;
    socket.set_nodelay(true)?;
    let (sender, connection) = http1::handshake(TokioIo::new(socket)).await?;
    // Its errors come out of the requests, too.
    tokio::spawn(connection);
    Ok(sender)
}
