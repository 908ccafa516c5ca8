//! A publisher: one connection that is kept alive, with one request at a time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::HeaderValue;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use tokio::net::TcpStream;
use tokio::sync::mpsc::Receiver;
use tokio::time::timeout;

use super::Failure;
use super::latency::Latencies;
use super::pacer::Slot;
use super::state::State;
use super::target::{Server, Target, user_name};
use crate::header;

/// The most publishers that are chosen by the rate.
const MOST: u32 = 64;

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

/// A connection that is reused, and opened to the next server after a failure.
#[derive(Debug)]
pub(super) struct Connection {
    sender: Option<SendRequest<Full<Bytes>>>,
    turn: u32,
}

impl Connection {
    /// Begins with the server of this turn.
    pub(super) const fn new(turn: u32) -> Self {
        Self { sender: None, turn }
    }

    /// Closes the connection; the next one is to the next server.
    pub(super) fn fail(&mut self) {
        self.sender = None;
        self.turn = self.turn.wrapping_add(1);
    }

    /// Sends a request, and returns the status of the response.
    pub(super) async fn send(
        &mut self,
        target: &Target,
        mut request: Request<Full<Bytes>>,
    ) -> Result<StatusCode, Failure> {
        let server = target.server(self.turn)?;
        let host = HeaderValue::from_str(&server.host)?;
        request.headers_mut().entry("host").or_insert(host);
        let sender = match &mut self.sender {
            Some(sender) if !sender.is_closed() => sender,
            sender => sender.insert(connect(server).await?),
        };
        sender.ready().await?;
        let response = sender.send_request(request).await?;
        let status = response.status();
        // Without reading the body, the connection could not be used again.
        response.into_body().collect().await?;
        Ok(status)
    }
}

/// Publishes the events of a queue until it is closed.
pub(super) async fn run(
    state: Arc<State>,
    target: Arc<Target>,
    index: u32,
    mut queue: Receiver<Slot>,
) -> Published {
    let mut published = Published::new(&state);
    let mut connection = Connection::new(index);
    while let Some(slot) = queue.recv().await {
        let sent = state.now();
        let result = if state.give_up.is_cancelled() || state.stop.is_cancelled() {
            Err("not sent: the publishers were too far behind".into())
        } else {
            let sending = publish(&state, &target, &mut connection, &slot);
            match timeout(PATIENCE, sending).await {
                Ok(result) => result,
                Err(_) => Err("no response in time".into()),
            }
        };
        if result.is_err() {
            connection.fail();
        }
        published.count(&state, &slot, sent, result);
    }
    published
}

/// Publishes an event, and waits for the acknowledgement.
pub(super) async fn publish(
    state: &State,
    target: &Target,
    connection: &mut Connection,
    slot: &Slot,
) -> Result<(), Failure> {
    let body = serde_json::to_vec(&Publication {
        topic: &target.topic,
        r#type: "load",
        user: slot.user.map(user_name),
        data: slot.payload.to_data(state.size),
    })?;
    let mut request = Request::post("/publish")
        .header("content-type", "application/json")
        .body(Full::from(body))?;
    header::replace(request.headers_mut(), &target.headers);
    let status = connection.send(target, request).await?;
    if status != 201 {
        return Err(format!("the status is {status}").into());
    }
    Ok(())
}

/// Connects for requests, one after the other.
async fn connect(server: &Server) -> Result<SendRequest<Full<Bytes>>, Failure> {
    let socket = TcpStream::connect(server.address).await?;
    socket.set_nodelay(true)?;
    let (sender, connection) = http1::handshake(TokioIo::new(socket)).await?;
    // Its errors come out of the requests, too.
    tokio::spawn(connection);
    Ok(sender)
}
