//! A browser's `EventSource`, as far as its connections are concerned (WHATWG HTML 9.2.3).

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use super::{Events, Seen, try_request};

/// Requests the same URL again and again, with the last event ID; ends for good with any status but 200.
pub fn connect(address: SocketAddr, path: &str) -> Client {
    let client = Client::default();
    tokio::spawn(run(address, path.to_owned(), client.clone()));
    client
}

/// A client that reconnects, of whichever kind.
#[derive(Default, Clone)]
pub struct Client {
    state: Arc<Mutex<State>>,
}

/// What a client has seen.
#[derive(Default, Clone)]
pub struct State {
    pub data: Vec<String>,
    pub gaps: Vec<String>,
    /// How often it was told to return later.
    pub busy: usize,
    pub connections: usize,
    /// The status that ended it.
    pub closed: Option<u16>,
}

impl Client {
    pub fn state(&self) -> State {
        self.lock().clone()
    }

    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no test fails in it")
    }

    pub async fn wait_for(&self, mut condition: impl FnMut(&State) -> bool) -> State {
        let begin = std::time::Instant::now();
        loop {
            let state = self.state();
            if condition(&state) {
                return state;
            }
            let (connections, closed) = (state.connections, state.closed);
            let data = state.data.len();
            assert!(
                begin.elapsed() < super::PATIENCE,
                "{connections} {closed:?} {data}"
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

async fn run(address: SocketAddr, path: String, client: Client) {
    let (mut id, mut retry) = (String::new(), Duration::from_millis(100));
    loop {
        let mut headers = vec![("sec-fetch-mode", "cors")];
        if !id.is_empty() {
            headers.push(("last-event-id", &*id));
        }
        if let Ok(response) = try_request(address, "GET", &path, &headers, "").await {
            let status = response.status().as_u16();
            if status != 200 {
                client.lock().closed = Some(status);
                return;
            }
            client.lock().connections += 1;
            let mut events = Events::new(response);
            loop {
                let Some(seen) = events.next().await else {
                    break;
                };
                let mut state = client.lock();
                match seen {
                    Seen::Retry(time) => retry = time,
                    Seen::Checkpoint(position) => id = position,
                    Seen::Event {
                        event_type,
                        data,
                        id: new,
                    } => {
                        id = new;
                        if event_type == "busy" {
                            state.busy += 1;
                            continue;
                        }
                        let list = if event_type == "gap" {
                            &mut state.gaps
                        } else {
                            &mut state.data
                        };
                        list.push(data);
                    }
                }
            }
        }
        tokio::time::sleep(retry).await;
    }
}
