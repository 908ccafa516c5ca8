//! A subscriber: reads events, checks them, and reconnects.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use bytes::Bytes;
use sse_wire::EventDecoder;
use sse_wire::client::Backoff;
use tokio::time::{sleep, timeout};

use super::Failure;
use super::position::Position;
use super::state::State;
use super::stream::Chunks;
use super::tally::{Received, Tally};
use super::target::Target;

/// How long a response and its first chunk may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The delay before a reconnect, without a `retry` of the server.
const DELAY: Duration = Duration::from_secs(2);

/// A subscriber that has connected.
#[derive(Debug)]
pub(super) struct Subscriber {
    state: Arc<State>,
    target: Arc<Target>,
    index: u32,
    /// Which server has its turn: another one for each connection.
    turn: u32,
    path: String,
    decoder: EventDecoder,
    tally: Tally,
    /// For the next call of `read`, which closes the connection.
    chunks: Option<Chunks>,
    /// Of the latest event, whichever server sent it.
    position: Option<Position>,
    /// Events sent until then were resumed after a storm: they have no latency of delivery.
    resumed_until: u64,
    has_stormed: bool,
}

/// Why reading ended.
enum End {
    Stopped,
    Storm,
    Lost(String),
}

impl Subscriber {
    /// Connects, and waits for the first chunk: from then on it misses nothing.
    pub(super) async fn connect(
        state: Arc<State>,
        target: Arc<Target>,
        index: u32,
    ) -> Result<Self, Failure> {
        let path = target.subscription(state.plan.users.then_some(index));
        let (chunks, first) = open(&target, index, &path, "").await?;
        let mut subscriber = Self {
            state,
            target,
            index,
            turn: index,
            path,
            decoder: EventDecoder::new(),
            tally: Tally::default(),
            chunks: Some(chunks),
            position: None,
            resumed_until: 0,
            has_stormed: false,
        };
        subscriber.note_compression();
        subscriber.receive(&first);
        subscriber.state.connected.fetch_add(1, Relaxed);
        Ok(subscriber)
    }

    pub(super) const fn index(&self) -> u32 {
        self.index
    }

    /// Reads until the run stops.
    pub(super) async fn run(mut self) -> Tally {
        loop {
            let end = self.read().await;
            self.state.connected.fetch_sub(1, Relaxed);
            match end {
                End::Stopped => return self.tally,
                End::Storm => self.has_stormed = true,
                End::Lost(ref reason) => self.tally.count_loss(reason),
            }
            let is_storm = matches!(end, End::Storm);
            let state = Arc::clone(&self.state);
            tokio::select! {
                () = state.stop.cancelled() => return self.tally,
                () = self.reconnect(is_storm) => {}
            }
        }
    }

    /// Reads one connection to its end, and closes it.
    async fn read(&mut self) -> End {
        let state = Arc::clone(&self.state);
        let mut stop = pin!(state.stop.cancelled());
        let mut storm = pin!(state.storm.begun.cancelled());
        let Some(mut chunks) = self.chunks.take() else {
            return End::Lost("no connection".to_owned());
        };
        loop {
            let chunk = tokio::select! {
                biased;
                () = &mut stop => return End::Stopped,
                () = &mut storm, if !self.has_stormed => return End::Storm,
                chunk = chunks.next() => chunk,
            };
            match chunk {
                Ok(Some(chunk)) => self.receive(&chunk),
                Ok(None) => return End::Lost("end of the response".to_owned()),
                Err(error) => return End::Lost(error.to_string()),
            }
        }
    }

    /// Notes whether the response of a new connection is compressed.
    fn note_compression(&mut self) {
        self.tally.is_compressed = self.chunks.as_ref().is_some_and(Chunks::is_compressed);
    }

    fn receive(&mut self, mut chunk: &[u8]) {
        let now = self.state.now();
        loop {
            match self.decoder.decode_raw(&mut chunk) {
                Ok(Some(event)) if event.event_type() == b"gap" => {
                    self.tally.count_gap(event.data());
                    self.position = None;
                }
                Ok(Some(event)) => {
                    let received = self.tally.count(&self.state, self.index, event.data());
                    if let Received::New(payload) = received {
                        let position = Position::parse(event.last_event_id());
                        if position.is_some_and(|position| !position.follows(self.position)) {
                            self.tally.descending_ids += 1;
                        }
                        self.position = position;
                        let is_resumed = payload.intended < self.resumed_until;
                        self.state.record(self.index, &payload, now, is_resumed);
                    }
                }
                Ok(None) => return,
                Err(_) => self.tally.unexpected += 1,
            }
        }
    }

    /// Connects again with the last event ID, after a delay with jitter, until it succeeds.
    async fn reconnect(&mut self, is_storm: bool) {
        let mut failures = 0;
        loop {
            let retry = self.decoder.reconnection_time().unwrap_or(DELAY);
            if failures > 0 || !is_storm || self.state.plan.jitter {
                sleep(Backoff::new().delay(retry, failures, fastrand::u64(..))).await;
            }
            self.turn = self.turn.wrapping_add(1);
            let requested = self.state.now();
            let last_event_id = self.decoder.last_event_id();
            match open(&self.target, self.turn, &self.path, last_event_id).await {
                Ok((chunks, first)) => {
                    let now = self.state.now();
                    self.chunks = Some(chunks);
                    self.note_compression();
                    self.decoder.restart();
                    if is_storm {
                        self.resumed_until = now;
                        self.state.storm.count_back(requested, now);
                    }
                    self.tally.reconnects += 1;
                    self.state.connected.fetch_add(1, Relaxed);
                    self.receive(&first);
                    return;
                }
                Err(error) => {
                    failures += 1;
                    self.tally.failed_attempts += 1;
                    self.tally.count_loss(error);
                    if is_storm {
                        self.state.storm.count_failure();
                    }
                }
            }
        }
    }
}

/// Opens a stream, and reads its first chunk.
async fn open(
    target: &Target,
    turn: u32,
    path: &str,
    last_event_id: &str,
) -> Result<(Chunks, Bytes), Failure> {
    let opening = async {
        let mut chunks = Chunks::open(target, turn, path, last_event_id).await?;
        let first = chunks.next().await?.ok_or("the response has ended")?;
        Ok::<_, Failure>((chunks, first))
    };
    timeout(PATIENCE, opening)
        .await
        .map_err(|_| "no response in time")?
}
