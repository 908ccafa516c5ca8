//! What a run has observed, which the checks judge.

use std::time::Duration;

use super::post::Answer;
use super::record::Record;

/// What a run has observed.
#[derive(Debug)]
pub(super) struct Evidence {
    /// How soon a client should receive something.
    pub(super) prompt: Duration,
    /// How long silence may last.
    pub(super) keep_alive: Duration,
    /// Event types that report lost events.
    pub(super) gap_types: Vec<String>,
    /// The connection without a last event ID.
    pub(super) main: Record,
    /// How long `main` was silent when the run ended.
    pub(super) silent_for: Duration,
    /// What came of each POST; `None` without the option.
    pub(super) deliveries: Option<Vec<Delivery>>,
    /// The connection that resumed; `None` if there were too few events.
    pub(super) resumed: Option<Resumed>,
    /// The connection with an ID that the server never sent.
    pub(super) unknown: Option<Result<Record, String>>,
    /// The connection that accepts compression, which may not be readable.
    pub(super) compressed: Result<Record, String>,
}

/// What came of a POST.
#[derive(Clone, Debug)]
pub(super) enum Delivery {
    /// Its event arrived after this time.
    Arrived(Duration),
    /// Its event did not arrive within this time.
    Missing(Duration),
    /// The server did not accept it.
    Rejected(Answer),
    /// There was no answer.
    Failed(String),
}

/// A connection that resumed after an earlier event.
#[derive(Debug)]
pub(super) struct Resumed {
    /// The index of that event.
    pub(super) after: usize,
    /// How many events the first connection had when the second one should have had them, too.
    pub(super) known: usize,
    pub(super) record: Result<Record, String>,
}

impl Evidence {
    /// Returns the records of all responses that are streams.
    pub(super) fn streams(&self) -> impl Iterator<Item = &Record> {
        let resumed = self.resumed.iter().map(|resumed| &resumed.record);
        let others = resumed
            .chain(&self.unknown)
            .filter_map(|it| it.as_ref().ok());
        let all = std::iter::once(&self.main).chain(others);
        all.filter(|record| record.is_stream())
    }

    /// Returns a header of the first response.
    pub(super) fn header(&self, name: &str) -> Option<String> {
        self.main.header(name)
    }
}

impl Record {
    /// Returns a header of the response as text; several values are joined by commas.
    pub(super) fn header(&self, name: &str) -> Option<String> {
        let headers = &self.head.as_ref()?.headers;
        let values: Vec<_> = headers
            .get_all(name)
            .iter()
            .map(|value| String::from_utf8_lossy(value.as_bytes()))
            .collect();
        (!values.is_empty()).then(|| values.join(", "))
    }
}
