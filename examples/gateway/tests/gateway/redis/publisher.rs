//! Publishers that retry on the next node, and count.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use http_body_util::BodyExt;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::client::{PAUSE, TOPIC};
use super::judge::Published;
use crate::support::{PATIENCE, try_request};

/// The time after which a publisher sends an event again, though the answer might still come.
const ANSWER: Duration = Duration::from_secs(3);

/// Publishers that count, and send each event until it is acknowledged.
pub struct Publishers {
    shared: Arc<Shared>,
    tasks: Vec<JoinHandle<BTreeSet<u64>>>,
}

struct Shared {
    addresses: Vec<SocketAddr>,
    pause: Duration,
    padding: String,
    is_done: AtomicBool,
    attempts: AtomicU64,
    acknowledged: AtomicU64,
    given_up: AtomicU64,
}

impl Publishers {
    /// Starts them, each with an event about every `pause`, of `padding` bytes beside its number.
    pub fn start(addresses: &[SocketAddr], count: usize, pause: Duration, padding: usize) -> Self {
        let shared = Arc::new(Shared {
            addresses: addresses.to_vec(),
            pause,
            padding: "x".repeat(padding),
            is_done: AtomicBool::new(false),
            attempts: AtomicU64::new(0),
            acknowledged: AtomicU64::new(0),
            given_up: AtomicU64::new(0),
        });
        let tasks = (0..count).map(|number| tokio::spawn(publish(shared.clone(), number)));
        Self {
            tasks: tasks.collect(),
            shared,
        }
    }

    pub fn acknowledged(&self) -> u64 {
        self.shared.acknowledged.load(Ordering::Relaxed)
    }

    /// Waits until so many further events were acknowledged.
    pub async fn more(&self, count: u64) {
        let (begin, all) = (Instant::now(), self.acknowledged() + count);
        while self.acknowledged() < all {
            let is = self.acknowledged();
            assert!(begin.elapsed() < PATIENCE, "{is} of {all} acknowledged");
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// Lets each publisher end after its current event.
    pub async fn finish(self) -> Published {
        self.shared.is_done.store(true, Ordering::Relaxed);
        let mut published = Published::default();
        for task in self.tasks {
            published.acknowledged.push(task.await.expect("an end"));
        }
        published.attempts = self.shared.attempts.load(Ordering::Relaxed);
        published.given_up = self.shared.given_up.load(Ordering::Relaxed);
        published
    }
}

async fn publish(shared: Arc<Shared>, publisher: usize) -> BTreeSet<u64> {
    let mut acknowledged = BTreeSet::new();
    let mut node = publisher;
    for number in 1_u64.. {
        if shared.is_done.load(Ordering::Relaxed) {
            break;
        }
        let padding = &shared.padding;
        let data = format!(r#"{{"p":{publisher},"n":{number},"x":"{padding}"}}"#);
        let body = format!(r#"{{"topic":"{TOPIC}","data":{data}}}"#);
        let key = format!("{publisher}-{number}");
        let begin = Instant::now();
        let is_published = loop {
            let address = shared.addresses[node % shared.addresses.len()];
            shared.attempts.fetch_add(1, Ordering::Relaxed);
            match timeout(ANSWER, post(address, &body, &key)).await {
                Ok(Some(201)) => break true,
                Ok(Some(503) | None) | Err(_) => node += 1,
                Ok(Some(status)) => panic!("{status} for {body}"),
            }
            if begin.elapsed() > PATIENCE {
                break false;
            }
            sleep(PAUSE).await;
        };
        if is_published {
            acknowledged.insert(number);
            shared.acknowledged.fetch_add(1, Ordering::Relaxed);
        } else {
            shared.given_up.fetch_add(1, Ordering::Relaxed);
        }
        sleep(shared.pause).await;
    }
    acknowledged
}

/// Publishes with a key, and returns the status.
pub async fn post(address: SocketAddr, body: &str, key: &str) -> Option<u16> {
    let headers = [
        ("content-type", "application/json"),
        ("idempotency-key", key),
    ];
    let response = try_request(address, "POST", "/publish", &headers, body).await;
    let response = response.ok()?;
    let status = response.status().as_u16();
    // The answer may be cut after its head.
    let body = response.into_body().collect().await.ok()?.to_bytes();
    if status == 201 {
        // With Pub/Sub, an event has no ID yet.
        let answer: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
        assert!(
            answer["id"].is_string() || answer["id"].is_null(),
            "{answer}"
        );
    }
    Some(status)
}
