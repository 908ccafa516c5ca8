//! Tables of streams with what they give, each row `stream => what it gives`, where `|` stands for
//! a line end in the stream.
//!
//! An event is `type=data#ID`, or `type=data@ID` if the ID is its own; `-type=#ID` is a block
//! without data, and `!text` a line that is no field (a row may leave out all of these two). `event!` and `id!` are events beyond a limit. If the stream ends within an event, what is recovered follows: with the
//! cut line kept, and with it discarded. `?` is U+FFFD.

use crate::common::cuts;
use crate::common::oracle::{self, Config, Dispatched, Outcome, Recovered, Rejection, Seen};
use crate::common::readers::{Meaning, READERS};
use core::slice;

/// Checks each row as it stands.
pub(crate) fn check(config: &Config, rows: &[&[u8]]) {
    for row in rows {
        let (stream, gives) = split(row);
        let stream = with_line_ends(stream, "\n");
        check_stream(config, &stream, gives);
    }
}

/// The stream, and what it gives.
pub(crate) fn split(row: &[u8]) -> (&[u8], &[u8]) {
    let arrow = b" => ";
    let at = row.windows(arrow.len()).position(|bytes| bytes == arrow);
    let at = at.expect("each row says what it gives");
    (&row[..at], &row[at + arrow.len()..])
}

pub(crate) fn with_line_ends(stream: &[u8], line_end: &str) -> Vec<u8> {
    let lines: Vec<_> = stream.split(|byte| *byte == b'|').collect();
    lines.join(line_end.as_bytes())
}

/// The oracle must agree with the table, and every reader with the oracle: whole, at every 2-way
/// split, byte by byte, and at random cuts.
pub(crate) fn check_stream(config: &Config, stream: &[u8], gives: &[u8]) {
    let mut outcome = oracle::interpret(stream, config);
    let shows = |mark: &[u8]| {
        gives
            .split(|byte| *byte == b' ')
            .any(|part| part.starts_with(mark))
    };
    if !shows(b"-") && !shows(b"!") {
        let is_shown = |seen: &Seen| !matches!(seen, Seen::NotDispatched(_) | Seen::Ignored { .. });
        outcome.seen.retain(is_shown);
    }
    let text = gives.iter().flat_map(|byte| match byte {
        b'?' => "\u{FFFD}".as_bytes(),
        byte => slice::from_ref(byte),
    });
    let gives: Vec<u8> = text.copied().collect();
    assert_eq!(
        shown(&outcome).escape_ascii().to_string(),
        gives.escape_ascii().to_string(),
        "{}",
        stream.escape_ascii()
    );
    let mut ran = 0;
    cuts::every_kind(stream, 4, 7, |chunks| ran += check_chunks(config, chunks));
    let memory = config.event_limit + config.last_event_id_limit;
    let has_readers = cfg!(feature = "alloc") || config.last_event_id_limit == memory / 4;
    assert!(
        !has_readers || ran > stream.len(),
        "the readers do not take these limits"
    );
}

/// Compares every reader with the oracle, and returns how many can have these limits.
pub(crate) fn check_chunks(config: &Config, chunks: &[&[u8]]) -> usize {
    let meaning = Meaning::of(&chunks.concat(), config);
    let seed = chunks.len() as u64;
    let ran = READERS
        .iter()
        .filter_map(|reader| reader.check_both_ends(chunks, config, &meaning, seed));
    ran.count()
}

pub(crate) fn shown(outcome: &Outcome) -> Vec<u8> {
    let mut parts: Vec<Vec<u8>> = outcome.seen.iter().map(shown_seen).collect();
    if let Some(unfinished) = &outcome.unfinished {
        let place = if unfinished.inside_line { "cut" } else { "end" };
        let (keep, discard) = (&unfinished.keep, &unfinished.discard);
        let [keep, discard] = [keep, discard].map(shown_recovered);
        parts.push([place.as_bytes(), b" ", &keep, b" or ", &discard].concat());
    }
    parts.join(&b", "[..])
}

fn shown_seen(seen: &Seen) -> Vec<u8> {
    match seen {
        Seen::Event(event) => shown_event(event),
        Seen::Comment { text, .. } => [b":", &text[..]].concat(),
        Seen::Retry(milliseconds) => milliseconds.to_string().into_bytes(),
        Seen::NotDispatched(event) => [b"-", &shown_event(event)[..]].concat(),
        Seen::Ignored { text, .. } => [b"!", &text[..]].concat(),
        Seen::Rejected(rejection) => shown_rejection(*rejection).into(),
    }
}

pub(crate) fn shown_event(event: &Dispatched) -> Vec<u8> {
    let event_type = match &event.event_type[..] {
        b"message" => b"",
        event_type => event_type,
    };
    let id = if event.id.is_some() { b"@" } else { b"#" };
    [
        event_type,
        b"=",
        &event.data,
        id,
        event.last_event_id.as_bytes(),
    ]
    .concat()
}

const fn shown_rejection(rejection: Rejection) -> &'static [u8] {
    match rejection {
        Rejection::Event => b"event!",
        Rejection::LastEventId => b"id!",
    }
}

/// Without an event, the last event ID is shown alone.
fn shown_recovered(recovered: &Recovered) -> Vec<u8> {
    let id = recovered.last_event_id.as_bytes();
    let mut shown = match &recovered.result {
        Ok(Some(event)) => shown_event(event),
        Ok(None) => [b"#", id].concat(),
        Err(rejection) => [shown_rejection(*rejection), b"#", id].concat(),
    };
    if let Some(time) = recovered.reconnection_time {
        shown.extend(format!(" retry {time}").bytes());
    }
    shown
}
