//! What was received on one connection, and when.

use std::time::Duration;

use hyper::StatusCode;
use hyper::header::HeaderMap;
use sse_wire::{EventDecoder, Limits, OwnedEvent, OwnedItem};
use tokio::time::Instant;

use super::lines::Lines;

/// The largest event that passes, in bytes.
pub(super) const MAX_EVENT: usize = 1 << 20;
/// A connection is read until it has had so many events.
const MAX_EVENTS: usize = 10_000;

/// Everything that was received on one connection. Times are since its request.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) requested_at: Instant,
    pub(super) head: Option<Head>,
    pub(super) chunks: Vec<Chunk>,
    pub(super) events: Vec<Received>,
    /// Blocks without data.
    pub(super) not_dispatched: Vec<Received>,
    pub(super) retry: Option<Duration>,
    pub(super) oversized: usize,
    pub(super) lines: Lines,
    pub(super) end: Option<(Duration, End)>,
    decoder: EventDecoder,
}

/// The head of a response.
#[derive(Clone, Debug)]
pub(super) struct Head {
    pub(super) at: Duration,
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
}

/// A chunk of the body.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chunk {
    pub(super) at: Duration,
    /// How many events ended in it.
    pub(super) events: usize,
}

/// An event, or a block without data.
#[derive(Clone, Debug)]
pub(super) struct Received {
    pub(super) at: Duration,
    pub(super) event: OwnedEvent,
}

/// Why nothing more is received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The server ended the body.
    Complete { within_event: bool },
    /// The transport failed.
    Failed(String),
    /// There were more events than are recorded.
    Full,
}

impl Record {
    pub(super) fn new() -> Self {
        let limits = Limits::new().with_event(MAX_EVENT);
        Self {
            requested_at: Instant::now(),
            head: None,
            chunks: Vec::new(),
            events: Vec::new(),
            not_dispatched: Vec::new(),
            retry: None,
            oversized: 0,
            lines: Lines::new(),
            end: None,
            decoder: EventDecoder::with_limits(limits),
        }
    }

    /// Adds the head of the response.
    pub(super) fn respond(&mut self, status: StatusCode, headers: HeaderMap) {
        self.head = Some(Head {
            at: self.requested_at.elapsed(),
            status,
            headers,
        });
    }

    /// Adds a chunk of the body.
    pub(super) fn feed(&mut self, chunk: &[u8]) {
        if chunk.is_empty() {
            return;
        }
        let (at, before) = (self.requested_at.elapsed(), self.events.len());
        self.lines.feed(chunk);
        let mut input = chunk;
        loop {
            match self.decoder.decode_owned_item(&mut input) {
                Ok(Some(OwnedItem::Event(event))) => self.events.push(Received { at, event }),
                Ok(Some(OwnedItem::NotDispatched(event))) => {
                    self.not_dispatched.push(Received { at, event });
                }
                Ok(Some(OwnedItem::Retry(retry))) => self.retry = Some(retry),
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(_) => self.oversized += 1,
            }
        }
        let events = self.events.len() - before;
        self.chunks.push(Chunk { at, events });
        if self.events.len() >= MAX_EVENTS {
            self.stop(End::Full);
        }
    }

    /// Ends the record, because of the end of the body or an error.
    pub(super) fn finish(&mut self, result: Result<(), String>) {
        let end = match result {
            Ok(()) => End::Complete {
                within_event: self.decoder.finish().is_some(),
            },
            Err(error) => End::Failed(error),
        };
        self.stop(end);
    }

    fn stop(&mut self, end: End) {
        let at = self.requested_at.elapsed();
        self.end.get_or_insert((at, end));
    }

    /// Whether the response is a stream, or might be one if its headers were right.
    pub(super) fn is_stream(&self) -> bool {
        let has_body = |status: StatusCode| {
            status.is_success()
                && status != StatusCode::NO_CONTENT
                && status != StatusCode::RESET_CONTENT
        };
        self.head.as_ref().is_some_and(|head| has_body(head.status))
    }

    /// Whether there is a response that is no stream.
    pub(super) fn is_rejected(&self) -> bool {
        self.head.is_some() && !self.is_stream()
    }

    /// Returns when an ID was received first, and whether an event had it.
    pub(super) fn first_id(&self) -> Option<(Duration, bool)> {
        let first = |blocks: &[Received]| blocks.iter().find(|block| block.has_id()).map(|b| b.at);
        match (first(&self.not_dispatched), first(&self.events)) {
            (Some(checkpoint), Some(event)) if event < checkpoint => Some((event, true)),
            (Some(checkpoint), _) => Some((checkpoint, false)),
            (None, Some(event)) => Some((event, true)),
            (None, None) => None,
        }
    }

    /// Returns how the server ended the stream, if it did.
    pub(super) fn ended(&self) -> Option<(Duration, &End)> {
        let (at, end) = self.end.as_ref()?;
        (*end != End::Full).then_some((*at, end))
    }

    /// Returns how long the connection has been observed.
    pub(super) fn observed(&self) -> Duration {
        match &self.end {
            Some((at, _)) => *at,
            None => self.requested_at.elapsed(),
        }
    }

    /// Returns for how long nothing has been received; zero after the end.
    pub(super) fn silent_for(&self) -> Duration {
        if self.end.is_some() {
            return Duration::ZERO;
        }
        let last = self.chunks.last().map(|chunk| chunk.at);
        let last = last.or_else(|| self.head.as_ref().map(|head| head.at));
        self.requested_at
            .elapsed()
            .saturating_sub(last.unwrap_or_default())
    }
}

impl Received {
    /// Whether the block has an ID of its own.
    pub(super) fn has_id(&self) -> bool {
        self.event.id().is_some_and(|id| !id.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_lines_and_the_end_are_recorded() {
        let mut record = Record::new();
        record.feed(b"retry: 5\nid: 1\n\ndata: a\nid: 2\n");
        record.feed(b"\nnonsense\nevent: b\n\ndata: cut");
        record.finish(Ok(()));
        assert_eq!(record.retry, Some(Duration::from_millis(5)));
        assert_eq!((record.events.len(), record.not_dispatched.len()), (1, 2));
        assert_eq!(record.lines.ignored.count, 1);
        assert_eq!(record.chunks.len(), 2);
        assert!(matches!(record.first_id(), Some((_, false))));
        let end = record.end.expect("the end").1;
        assert_eq!(end, End::Complete { within_event: true });
    }

    #[test]
    fn an_oversized_event_is_counted_and_skipped() {
        let mut record = Record::new();
        record.feed(b"data: ");
        record.feed(&vec![b'x'; MAX_EVENT + 1]);
        record.feed(b"\n\ndata: small\n\n");
        assert_eq!((record.oversized, record.events.len()), (1, 1));
    }

    #[test]
    fn a_fast_stream_is_not_recorded_for_ever() {
        let mut record = Record::new();
        record.feed(&b"data: x\n\n".repeat(MAX_EVENTS));
        assert!(matches!(record.end, Some((_, End::Full))));
    }
}
