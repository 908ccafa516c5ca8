//! The connections that resume: after an event of the first connection, and after none that exists.

use std::time::Duration;

use sse_wire::headers::last_event_id;
use tokio::time::{Instant, sleep};

use super::connection::Connection;
use super::observe::Plan;
use super::record::Record;

/// How long a response is still observed after it had all that was expected, for what should not
/// come.
const SETTLE: Duration = Duration::from_millis(300);

impl Plan {
    /// Reconnects after an event in the middle, and waits for those after it and for one more.
    pub(super) async fn resume(
        &self,
        main: &Connection,
    ) -> Option<(usize, usize, Result<Connection, String>)> {
        (self.progress)("resumption");
        let (after, known, id) = main.with(|record| {
            let after = middle(record)?;
            let id = record.events.get(after)?.event.last_event_id().to_owned();
            Some((after, record.events.len(), id))
        })?;
        let connection = match self.reconnect(&id).await {
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

    async fn reconnect(&self, id: &str) -> Result<Connection, String> {
        let header = last_event_id(id);
        Connection::open(&self.target, header.as_slice(), self.timeout).await
    }

    /// Connects with an ID that the server never sent, and waits for what it says.
    pub(super) async fn resume_from_unknown(
        &self,
        main: &Connection,
    ) -> Option<Result<Connection, String>> {
        if !main.with(|record| record.first_id().is_some()) {
            return None;
        }
        let id = format!("made-up-{:016x}", fastrand::u64(..));
        let connection = match self.reconnect(&id).await {
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
}

/// Returns the event to resume after: the one nearest to the middle whose ID is its own, is unique,
/// and can be sent in a header.
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
