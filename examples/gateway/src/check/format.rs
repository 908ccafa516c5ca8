//! The checks of what is in the stream.

use std::time::Duration;

use super::catalog::MAKE_EVENTS;
use super::evidence::Evidence;
use super::finding::{Finding, count, show};
use super::lines::{Lines, Lint};
use super::record::MAX_EVENT;

const MIN_RETRY: Duration = Duration::from_millis(100);
const MAX_RETRY: Duration = Duration::from_secs(300);

pub(super) fn retry(evidence: &Evidence) -> Finding {
    let Some(retry) = evidence.streams().find_map(|record| record.retry) else {
        let observed = show(evidence.main.observed());
        return Finding::not_observed(
            format!("no retry in {observed}"),
            "send retry: 2000 in the first block; without it each client chooses a delay itself, \
            most of them 3 s to 5 s",
        );
    };
    let shown = show(retry);
    Finding::expect(
        (MIN_RETRY..=MAX_RETRY).contains(&retry),
        format!("retry: {shown}"),
        "send a retry between 100 ms and 5 min: a shorter one lets all clients reconnect at once \
        after a restart, with a longer one they miss events for long",
    )
}

pub(super) fn ignored_lines(evidence: &Evidence) -> Finding {
    lint(
        evidence,
        |lines| &lines.ignored,
        ("ignored", "fields, comments and blank lines alone"),
        "send only data, event, id, retry and comments, in lower case: a browser ignores all \
        other lines without an error",
    )
}

pub(super) fn utf_8(evidence: &Evidence) -> Finding {
    lint(
        evidence,
        |lines| &lines.invalid_utf8,
        ("not UTF-8", "all UTF-8"),
        "send UTF-8 alone: a client replaces anything else by U+FFFD; encode binary data as base64",
    )
}

fn lint(
    evidence: &Evidence,
    of: fn(&Lines) -> &Lint,
    (bad, good): (&str, &str),
    advice: &str,
) -> Finding {
    let lines = || evidence.streams().map(|record| &record.lines);
    let examined: usize = lines().map(|lines| lines.count).sum();
    let found: usize = lines().map(|lines| of(lines).count).sum();
    let shown = count(examined, "line");
    match lines().find_map(|lines| of(lines).first.as_ref()) {
        Some(first) => Finding::fail(
            format!("{found} of {shown} {bad}; the first: {first}"),
            advice,
        ),
        None if examined == 0 => Finding::not_observed("no line came", MAKE_EVENTS),
        None => Finding::pass(format!("{shown}, {good}")),
    }
}

pub(super) fn data_present(evidence: &Evidence) -> Finding {
    let all = || evidence.streams().flat_map(|record| &record.not_dispatched);
    let mut typed = all().filter(|block| block.event.event_type() != "message");
    match typed.next() {
        Some(block) => Finding::fail(
            format!(
                "{}, the first of type {:?}",
                count(1 + typed.count(), "block without data"),
                block.event.event_type()
            ),
            "give each event a data field, which may be empty: without one, no client dispatches \
            the event",
        ),
        None => {
            let streams = evidence.streams();
            let events: usize = streams.map(|record| record.events.len()).sum();
            let (events, others) = (count(events, "event"), count(all().count(), "block"));
            Finding::pass(format!("{events} with data, {others} with an id alone"))
        }
    }
}

pub(super) fn event_size(evidence: &Evidence) -> Finding {
    let oversized: usize = evidence.streams().map(|record| record.oversized).sum();
    let events = evidence.streams().flat_map(|record| &record.events);
    let largest = events.map(|received| received.event.data().len()).max();
    if oversized > 0 {
        return Finding::fail(
            format!("{} exceed {MAX_EVENT} bytes", count(oversized, "event")),
            "send a reference instead, or divide the event: clients and proxies limit its size, \
            and each subscriber has a copy of it in a buffer",
        );
    }
    match largest {
        Some(bytes) => Finding::pass(format!("the largest event has {bytes} bytes of data")),
        None => Finding::not_observed("no event came", MAKE_EVENTS),
    }
}
