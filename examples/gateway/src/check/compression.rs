//! Compression, which holds events back if nobody flushes it.

use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use super::catalog::MAKE_EVENTS;
use super::connection::Connection;
use super::evidence::Evidence;
use super::finding::{Finding, count, show};
use super::observe::Plan;
use super::record::Record;
use super::response::answer;

/// How much earlier than on the first connection an event may arrive; what comes so soon after the
/// head is no event.
const EARLY: Duration = Duration::from_millis(100);

/// What browsers accept, except that they accept `zstd` over TLS alone.
const ACCEPT_ENCODING: [(&str, &str); 1] = [("accept-encoding", "gzip, deflate, br, zstd")];

impl Plan {
    /// Connects as a client that accepts compression, and waits for what comes without an event.
    pub(super) async fn accept_compression(&self) -> Result<Connection, String> {
        let connection = Connection::open(&self.target, &ACCEPT_ENCODING, self.timeout).await?;
        let deadline = Instant::now() + self.prompt;
        connection
            .wait_until(deadline, |record| record.head.is_some())
            .await;
        if connection.with(|record| record.header("content-encoding").is_some()) {
            sleep(EARLY * 2).await;
        }
        Ok(connection)
    }

    /// Waits for what is late, if the stream is compressed.
    pub(super) async fn await_compressed(&self, main: &Connection, compressed: &Connection) {
        if compressed.with(|record| record.header("content-encoding").is_none()) {
            return;
        }
        (self.progress)("compressed events");
        let last = |record: &Record| Some(record.requested_at + record.events.last()?.at);
        if let Some(last) = main.with(last) {
            sleep_until(last + self.prompt + Duration::from_millis(5)).await;
        }
    }
}

pub(super) fn compression(evidence: &Evidence) -> Finding {
    let advice = "do not compress the stream, or flush the compressor after each event: a \
        browser accepts compression, and waits for what the compressor has buffered";
    if let Some(encoding) = evidence.header("content-encoding") {
        return Finding::fail(
            format!("content-encoding: {encoding}, which the request does not accept"),
            "send no content-encoding that the request does not accept",
        );
    }
    let record = match &evidence.compressed {
        Ok(record) => record,
        Err(error) => return Finding::not_observed(error, "see the check status"),
    };
    let [(name, accepted)] = ACCEPT_ENCODING;
    if !record.is_stream() {
        return Finding::fail(
            format!("{} for {name}: {accepted}", answer(record)),
            "answer this request as any other: a browser accepts compression",
        );
    }
    let Some(encoding) = record.header("content-encoding") else {
        return Finding::pass(format!("no content-encoding for {name}: {accepted}"));
    };
    let (late, all) = late_events(&evidence.main, record, evidence.prompt);
    let (events, limit) = (count(all, "event"), show(evidence.prompt));
    if all == 0 {
        let seen = format!("content-encoding: {encoding}, and no event");
        return Finding::not_observed(seen, MAKE_EVENTS);
    }
    let seen =
        format!("content-encoding: {encoding}, no bytes within {limit} of {late} of {events}");
    Finding::expect(late == 0, seen, advice)
}

/// Counts the events of `main` near which no bytes arrived on the other connection, and all that
/// could be seen on both.
fn late_events(main: &Record, other: &Record, limit: Duration) -> (usize, usize) {
    let (mut late, mut all) = (0, 0);
    let head_at = other.head.as_ref().map(|head| head.at);
    let begins = other.requested_at + head_at.unwrap_or_default() + EARLY;
    let ends = other.requested_at + other.observed();
    for event in &main.events {
        let at = main.requested_at + event.at;
        if at < begins || at + limit > ends {
            continue;
        }
        let is_near = |chunk: Duration| {
            let chunk = other.requested_at + chunk;
            chunk >= begins && at <= chunk + EARLY && chunk <= at + limit
        };
        all += 1;
        late += usize::from(!other.chunks.iter().any(|chunk| is_near(chunk.at)));
    }
    (late, all)
}
