//! How long a connection is silent, and what ends the silence.

use std::time::Duration;

use tokio::time::Instant;

use super::connection::Connection;
use super::observe::Plan;
use super::record::{Chunk, Record};

/// A silence after which bytes without an event count as a keep-alive.
const SILENCE: Duration = Duration::from_millis(500);
/// How many events that come by themselves show that silence will not come.
const BUSY: usize = 2;

impl Plan {
    /// Waits for a keep-alive, for silence that is too long, or for events that prevent silence.
    pub(super) async fn await_keep_alive(&self, main: &Connection) {
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

/// Returns the silence that bytes without an event ended, if any.
pub(super) fn keep_alive(record: &Record) -> Option<Duration> {
    let mut ended = silences(record).filter(|(_, chunk)| chunk.events == 0);
    ended
        .find(|(silence, _)| *silence >= SILENCE)
        .map(|(silence, _)| silence)
}

/// Returns the longest silence between two chunks.
pub(super) fn longest_silence(record: &Record) -> Duration {
    let silences = silences(record).map(|(silence, _)| silence);
    silences.max().unwrap_or_default()
}

/// Returns the chunks that came after a silence, with its duration.
fn silences(record: &Record) -> impl Iterator<Item = (Duration, Chunk)> {
    let earlier = record.chunks.iter();
    let later = record.chunks.iter().skip(1);
    earlier
        .zip(later)
        .map(|(before, after)| (after.at.saturating_sub(before.at), *after))
}
