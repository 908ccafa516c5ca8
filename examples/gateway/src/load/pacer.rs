//! Hands out events at their intended send times, whatever the server does.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::mpsc::Sender;

use super::payload::Payload;
use super::state::State;

/// How many events wait for a publisher, before the pacer does. The intended send times remain.
pub(super) const QUEUE: usize = 4_096;

/// An event to publish.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot {
    pub(super) number: u64,
    pub(super) payload: Payload,
    /// Whom it is for; everybody if absent.
    pub(super) user: Option<u32>,
}

/// Begins to hand out events, in turn, to the queues of the publishers.
///
/// It is a thread because the timers of the runtime are only precise to a millisecond, which would
/// count as latency of the server.
pub(super) fn start(
    state: Arc<State>,
    queues: Vec<Sender<Slot>>,
) -> std::io::Result<JoinHandle<()>> {
    thread::Builder::new()
        .name("pacer".to_owned())
        .spawn(move || pace(&state, &queues))
}

fn pace(state: &State, queues: &[Sender<Slot>]) {
    let mut publishers = (0..).zip(queues).cycle();
    let mut sequence = 0;
    for number in 0..state.total {
        if state.stop.is_cancelled() {
            return;
        }
        let Some((publisher, queue)) = publishers.next() else {
            return;
        };
        let intended = state.intended(number);
        if let early @ 1.. = intended.saturating_sub(state.now()) {
            thread::sleep(Duration::from_nanos(early));
        }
        let payload = Payload {
            run: state.run,
            publisher,
            sequence,
            intended,
        };
        let slot = Slot {
            number,
            payload,
            user: state.user_of(number),
        };
        if queue.blocking_send(slot).is_err() {
            return;
        }
        state.paced.fetch_add(1, Relaxed);
        if (number + 1) % u64::from(state.publishers) == 0 {
            sequence += 1;
        }
    }
}
