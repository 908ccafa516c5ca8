//! The run: makes the requests, and observes what all checks need with as little waiting as possible.

use std::time::Duration;

use hyper::StatusCode;
use sse_wire::headers::last_event_id;
use tokio::time::{Instant, sleep};

use super::connection::Connection;
use super::evidence::{Delivery, Evidence, Resumed};
use super::post::{Posted, Poster};
use super::record::{End, Record};
use super::target::Target;

/// How long a response is still observed after it had all that was expected, for what should not come.
const SETTLE: Duration = Duration::from_millis(300);
/// A silence after which bytes without an event count as a keep-alive.
pub(super) const SILENCE: Duration = Duration::from_millis(500);
/// How many events that come by themselves show that silence will not come.
const BUSY: usize = 2;

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
        let main = Connection::open(&self.target, None, self.timeout).await?;
        self.await_first_bytes(&main).await;
        let is_rejected = main.with(Record::is_rejected);
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
            if posted.answer.as_ref().is_ok_and(StatusCode::is_success) {
                main.wait_until(deadline, arrived).await;
            }
            let delivery = match (
                &posted.answer,
                main.with(|record| arrival(record, before, &posted)),
            ) {
                (Ok(status), _) if !status.is_success() => Delivery::Rejected(*status),
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

    /// Reconnects after an event in the middle, and waits for those after it and for one more.
    async fn resume(
        &self,
        main: &Connection,
    ) -> Option<(usize, usize, Result<Connection, String>)> {
        (self.progress)("resumption");
        let (after, known, id) = main.with(|record| {
            let after = middle(record)?;
            let id = record.events.get(after)?.event.last_event_id().to_owned();
            Some((after, record.events.len(), id))
        })?;
        let connection = match Connection::open(&self.target, Some(&id), self.timeout).await {
            Ok(connection) => connection,
            Err(error) => return Some((after, known, Err(error))),
        };
        let deadline = Instant::now() + self.timeout;
        let has = |count| move |record: &Record| record.events.len() >= count;
        connection
            .wait_until(deadline, has(known - after - 1))
            .await;
        if let Some(poster) = &self.poster {
            let before = main.with(|record| record.events.len());
            poster.post(self.timeout).await;
            let soon = deadline.min(Instant::now() + self.prompt * 2);
            main.wait_until(soon, has(before + 1)).await;
            connection.wait_until(soon, has(before - after)).await;
        }
        // Events that come during the pause may be on one connection alone when it ends.
        let known = main.with(|record| record.events.len());
        sleep(SETTLE).await;
        Some((after, known, Ok(connection)))
    }

    /// Connects with an ID that the server never sent, and waits for what it says.
    async fn resume_from_unknown(&self, main: &Connection) -> Option<Result<Connection, String>> {
        if !main.with(|record| record.first_id().is_some()) {
            return None;
        }
        let id = format!("made-up-{:016x}", fastrand::u64(..));
        let connection = match Connection::open(&self.target, Some(&id), self.timeout).await {
            Ok(connection) => connection,
            Err(error) => return Some(Err(error)),
        };
        let deadline = Instant::now() + self.prompt;
        let answered = |record: &Record| {
            let is_gap = |event: &str| self.gap_types.iter().any(|gap| gap == event);
            let mut events = record.events.iter();
            record.is_rejected() || events.any(|received| is_gap(received.event.event_type()))
        };
        connection.wait_until(deadline, answered).await;
        Some(Ok(connection))
    }

    /// Waits for a keep-alive, for silence that is too long, or for events that prevent silence.
    async fn await_keep_alive(&self, main: &Connection) {
        (self.progress)("a keep-alive");
        let before = main.with(|record| record.events.len());
        let deadline = Instant::now() + self.keep_alive;
        loop {
            let is_decided = main.with(|record| {
                !record.is_stream()
                    || record.end.is_some()
                    || record.silent_for() > self.keep_alive
                    || longest_silence(record) > self.keep_alive
                    || keep_alive(record).is_some()
                    || record.events.len() >= before + BUSY
            });
            let silent_for = main.with(Record::silent_for);
            if is_decided || (Instant::now() > deadline && silent_for < SILENCE) {
                return;
            }
            // Past the end of the silence, not at it.
            let rest = self.keep_alive.saturating_sub(silent_for) + Duration::from_millis(5);
            let seen = main.with(|record| record.chunks.len());
            main.wait_until(Instant::now() + rest, |record| record.chunks.len() > seen)
                .await;
        }
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

/// Returns the event to resume after: the one nearest to the middle that has an ID of its own, which
/// no other event has, and which a header can have.
fn middle(record: &Record) -> Option<usize> {
    let ids = || record.events.iter().map(|received| received.event.id());
    let is_unique = |id| ids().filter(|other| *other == Some(id)).count() == 1;
    let is_usable = |id| last_event_id(id).is_some() && is_unique(id);
    let last = record.events.len().checked_sub(1)?;
    let half = last / 2;
    let usable = record.events.iter().enumerate().take(last);
    usable
        .filter(|(_, received)| received.event.id().is_some_and(is_usable))
        .map(|(index, _)| index)
        .min_by_key(|index| index.abs_diff(half))
}

/// Returns the silence that bytes without an event ended, if any.
pub(super) fn keep_alive(record: &Record) -> Option<Duration> {
    let mut ended = record.silences().filter(|(_, chunk)| chunk.events == 0);
    ended
        .find(|(silence, _)| *silence >= SILENCE)
        .map(|(silence, _)| silence)
}

/// Returns the longest silence between two chunks.
pub(super) fn longest_silence(record: &Record) -> Duration {
    let silences = record.silences().map(|(silence, _)| silence);
    silences.max().unwrap_or_default()
}

/// Returns how the server ended a stream, if it did.
pub(super) fn ended(record: &Record) -> Option<(Duration, &End)> {
    let (at, end) = record.end.as_ref()?;
    (*end != End::Full).then_some((*at, end))
}
