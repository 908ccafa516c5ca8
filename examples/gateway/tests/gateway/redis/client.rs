//! Clients that reconnect to the next node each time, and record what they see.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use tokio::task::AbortHandle;
use tokio::time::sleep;

use super::judge::Saw;
use crate::support::{Events, PATIENCE, Seen, try_request};

/// The topic of all events.
pub const TOPIC: &str = "redis";
/// The pause before a client or a publisher tries the next node. A 503 asks for a longer one, which
/// would only make the tests longer.
pub const PAUSE: Duration = Duration::from_millis(50);

/// A subscriber that takes the next of its addresses at each reconnection.
pub struct Client {
    state: Arc<Mutex<State>>,
    task: AbortHandle,
}

/// What a client has seen.
#[derive(Debug, Default)]
pub struct State {
    pub saw: Vec<Saw>,
    /// Streams that were answered with 200.
    pub streams: usize,
    /// Whether the current stream has begun.
    pub has_begun: bool,
    /// Checkpoints after the beginning of a stream.
    pub checkpoints: usize,
    /// Answers other than 200.
    pub refused: usize,
    /// The newest mark that it has received.
    pub mark: u64,
    /// The last event ID.
    pub id: String,
}

impl Client {
    /// Subscribes, first at the address with this index.
    pub fn connect(addresses: &[SocketAddr], first: usize) -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let task = tokio::spawn(subscribe(addresses.to_vec(), first, state.clone()));
        Self {
            state,
            task: task.abort_handle(),
        }
    }

    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no test fails in it")
    }

    /// Waits for a condition, and returns whether it came.
    pub async fn reaches(&self, condition: impl Fn(&State) -> bool) -> bool {
        let begin = Instant::now();
        while !condition(&self.lock()) {
            if begin.elapsed() > PATIENCE {
                return false;
            }
            sleep(Duration::from_millis(5)).await;
        }
        true
    }

    pub async fn wait_for(&self, condition: impl Fn(&State) -> bool) {
        assert!(self.reaches(condition).await, "{:?}", self.summary());
    }

    /// Returns how much it has seen, and its last event ID.
    pub fn summary(&self) -> (usize, usize, usize, String) {
        let state = self.lock();
        let all = state.saw.len();
        (state.streams, state.refused, all, state.id.clone())
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn subscribe(addresses: Vec<SocketAddr>, first: usize, state: Arc<Mutex<State>>) {
    let lock = || state.lock().expect("no test fails in it");
    let path = format!("/events?topic={TOPIC}");
    for address in addresses.iter().cycle().skip(first) {
        let id = lock().id.clone();
        let headers = [("last-event-id", &*id)];
        let headers = if id.is_empty() { &[][..] } else { &headers };
        let response = try_request(*address, "GET", &path, headers, "").await;
        if let Ok(response) = response {
            if response.status() == 200 {
                lock().streams += 1;
                let mut events = Events::new(response);
                while let Some(seen) = events.next().await {
                    record(&mut lock(), seen);
                }
                lock().has_begun = false;
            } else {
                lock().refused += 1;
            }
        }
        sleep(PAUSE).await;
    }
}

fn record(state: &mut State, seen: Seen) {
    match seen {
        Seen::Retry(_) => {}
        Seen::Checkpoint(id) => {
            state.checkpoints += usize::from(state.has_begun);
            state.has_begun = true;
            state.id = id;
        }
        Seen::Event {
            event_type,
            data,
            id,
        } => {
            state.id = id;
            let value: serde_json::Value = serde_json::from_str(&data).expect("JSON");
            let number = |name: &str| value[name].as_u64();
            if event_type == "gap" {
                let reason = value["reason"].as_str().expect("a reason");
                state.saw.push(Saw::Gap(reason.to_owned()));
            } else if let Some(mark) = number("mark") {
                state.mark = state.mark.max(mark);
            } else {
                let publisher = number("p").expect("a publisher");
                state.saw.push(Saw::Event {
                    publisher: usize::try_from(publisher).expect("a small number"),
                    number: number("n").expect("a number"),
                });
            }
        }
    }
}
