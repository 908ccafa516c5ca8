//! The run: makes the requests, and waits for what the checks need.

use std::time::Duration;

use tokio::time::Instant;

use super::connection::Connection;
use super::evidence::{Delivery, Evidence, Resumed};
use super::post::{Posted, Poster};
use super::record::Record;
use super::target::Target;

/// What a run does.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) target: Target,
    pub(super) poster: Option<Poster>,
    pub(super) timeout: Duration,
    pub(super) keep_alive: Duration,
    pub(super) prompt: Duration,
    pub(super) tries: usize,
    pub(super) gap_types: Vec<String>,
    /// Receives what the run is waiting for.
    pub(super) progress: fn(&str),
}

impl Plan {
    /// Makes the requests. The error is that of the first connection.
    pub(super) async fn run(self) -> Result<Evidence, String> {
        let main = Connection::open(&self.target, &[], self.timeout).await?;
        self.await_first_bytes(&main).await;
        let is_rejected = main.with(Record::is_rejected);
        let compressed = self.accept_compression().await;
        let mut deliveries = None;
        match &self.poster {
            _ if is_rejected => {}
            Some(poster) => deliveries = Some(self.post(poster, &main).await),
            None => self.await_events(&main).await,
        }
        let (resumed, unknown) = match main.with(Record::is_stream) {
            true => tokio::join!(self.resume(&main), self.resume_from_unknown(&main)),
            false => (None, None),
        };
        self.await_keep_alive(&main).await;
        if let Ok(compressed) = &compressed {
            self.await_compressed(&main, compressed).await;
        }
        let silent_for = main.with(Record::silent_for);
        let record = |connection: Result<Connection, String>| connection.map(|it| it.record());
        Ok(Evidence {
            prompt: self.prompt,
            keep_alive: self.keep_alive,
            gap_types: self.gap_types,
            main: main.record(),
            silent_for,
            deliveries,
            resumed: resumed.map(|(after, known, connection)| Resumed {
                after,
                known,
                record: record(connection),
            }),
            unknown: unknown.map(record),
            compressed: record(compressed),
        })
    }

    /// Waits for what a server sends without an event.
    async fn await_first_bytes(&self, main: &Connection) {
        (self.progress)("the first bytes");
        let deadline = Instant::now() + self.prompt;
        let has_position = |record: &Record| record.first_id().is_some();
        main.wait_until(deadline, has_position).await;
    }

    /// Waits for events that come by themselves.
    async fn await_events(&self, main: &Connection) {
        (self.progress)("events");
        let deadline = Instant::now() + self.timeout;
        main.wait_until(deadline, |record| record.events.len() >= self.tries)
            .await;
    }

    /// Posts several times, and waits for each event.
    async fn post(&self, poster: &Poster, main: &Connection) -> Vec<Delivery> {
        let deadline = Instant::now() + self.timeout;
        let mut deliveries = Vec::new();
        for number in 1..=self.tries {
            (self.progress)(&format!("the event of POST {number} of {}", self.tries));
            let before = main.with(|record| record.events.len());
            let posted = poster.post(self.timeout).await;
            let arrived = |record: &Record| arrival(record, before, &posted).is_some();
            if posted
                .answer
                .as_ref()
                .is_ok_and(|answer| answer.status.is_success())
            {
                main.wait_until(deadline, arrived).await;
            }
            let delivery = match (
                &posted.answer,
                main.with(|record| arrival(record, before, &posted)),
            ) {
                (Ok(answer), _) if !answer.status.is_success() => {
                    Delivery::Rejected(answer.clone())
                }
                (_, Some(delay)) => Delivery::Arrived(delay),
                (Err(error), None) => Delivery::Failed(error.clone()),
                (Ok(_), None) => Delivery::Missing(posted.at.elapsed()),
            };
            let has_arrived = matches!(delivery, Delivery::Arrived(_));
            deliveries.push(delivery);
            if !has_arrived {
                break;
            }
        }
        deliveries
    }
}

/// Returns how long after its POST an event arrived.
fn arrival(record: &Record, before: usize, posted: &Posted) -> Option<Duration> {
    let mut later = record.events.iter().skip(before);
    let event = later.find(|received| match &posted.token {
        Some(token) => received.event.data().contains(token.as_str()),
        None => true,
    })?;
    let arrived_at = record.requested_at + event.at;
    Some(arrived_at.saturating_duration_since(posted.at))
}
