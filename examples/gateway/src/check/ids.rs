//! The checks of IDs, which let a client resume.

use std::collections::HashMap;

use sse_wire::{OwnedEvent, headers};

use super::catalog::MAKE_EVENTS;
use super::evidence::{Evidence, Resumed};
use super::finding::{Finding, count, show};
use super::response::answer;

/// Servers limit all headers of a request together, often to 8 KiB.
const MAX_ID: usize = 4 << 10;

pub(super) fn id_present(evidence: &Evidence) -> Finding {
    let events = &evidence.main.events;
    let without = events.iter().filter(|event| !event.has_id()).count();
    let all = count(events.len(), "event");
    Finding::expect(
        without == 0,
        format!("{without} of {all} have no id"),
        "give each event an id: a client that reconnects resumes after the last id it had, and \
        receives events without one twice or never",
    )
}

pub(super) fn ids_unique(evidence: &Evidence) -> Finding {
    let mut seen = HashMap::new();
    let events = evidence.main.events.iter();
    for (index, id) in events.filter_map(|it| it.event.id()).enumerate() {
        if let Some(earlier) = seen.insert(id, index) {
            let (earlier, later) = (earlier + 1, index + 1);
            return Finding::fail(
                format!("events {earlier} and {later} have the id {id:?}"),
                "give no two events the same id: after a reconnection the server cannot tell \
                which of them was the last",
            );
        }
    }
    match seen.len() {
        0 | 1 => Finding::not_observed(
            format!("{} with an id", count(seen.len(), "event")),
            MAKE_EVENTS,
        ),
        different => Finding::pass(format!("{different} ids, all different")),
    }
}

pub(super) fn ids_sendable(evidence: &Evidence) -> Finding {
    let blocks = evidence.main.events.iter();
    let blocks = blocks.chain(&evidence.main.not_dispatched);
    let ids = || blocks.clone().filter_map(|it| it.event.id());
    let is_bad =
        |id: &&str| !id.is_empty() && (headers::last_event_id(id).is_none() || id.len() > MAX_ID);
    let all = count(ids().count(), "id");
    let bad = ids().filter(is_bad).count();
    match ids().find(is_bad) {
        None => Finding::pass(format!("{all}, each of which a header can have")),
        Some(first) => {
            let start: String = first.chars().take(40).collect();
            Finding::fail(
                format!(
                    "{bad} of {all}; the first: {start:?}, {} bytes",
                    first.len()
                ),
                "use ids of a few letters and digits: a client sends them back in the header \
                Last-Event-ID",
            )
        }
    }
}

pub(super) fn resume(evidence: &Evidence) -> Finding {
    let Some(resumed) = &evidence.resumed else {
        let events = count(evidence.main.events.len(), "event");
        return Finding::not_observed(
            format!("{events}; two with different ids are needed"),
            MAKE_EVENTS,
        );
    };
    let advice =
        "keep a log of the last events, and begin with those after the header Last-Event-ID";
    let events = &evidence.main.events;
    let id = events
        .get(resumed.after)
        .map_or("", |it| it.event.last_event_id());
    let known = count(resumed.known, "event");
    let at = format!("after {id:?}, event {} of {known}", resumed.after + 1);
    match compare(evidence, resumed) {
        Ok(received) => {
            let received = count(received, "event");
            Finding::pass(format!("{at}: {received}, as on the first connection"))
        }
        Err(problem) => Finding::fail(format!("{at}: {problem}"), advice),
    }
}

/// Compares what came on the connection that resumed with the first connection; returns how many
/// events are the same.
fn compare(evidence: &Evidence, resumed: &Resumed) -> Result<usize, String> {
    let record = resumed.record.as_ref().map_err(Clone::clone)?;
    if !record.is_stream() {
        return Err(answer(record));
    }
    let expected: Vec<_> = evidence
        .main
        .events
        .iter()
        .skip(resumed.after + 1)
        .collect();
    let received = &record.events;
    for (index, (got, want)) in received.iter().zip(&expected).enumerate() {
        if !is_same(&got.event, &want.event) {
            let (got, want) = (name(&got.event), name(&want.event));
            return Err(format!(
                "received {got} instead of {want} as number {}",
                index + 1
            ));
        }
    }
    let needed = resumed.known - resumed.after - 1;
    if received.len() < needed {
        let missing = expected.get(received.len()).map(|want| name(&want.event));
        let missing = missing.unwrap_or_default();
        return Err(format!(
            "received {} of {needed}; {missing} is missing",
            received.len()
        ));
    }
    // What the first connection has not had yet may not repeat anything either.
    let known = evidence.main.events.iter().take(resumed.known);
    for (index, got) in received.iter().enumerate().skip(expected.len()) {
        let mut earlier = received.iter().take(index).chain(known.clone());
        if got.has_id() && earlier.any(|event| is_same(&event.event, &got.event)) {
            return Err(format!("received {} twice", name(&got.event)));
        }
    }
    Ok(received.len().min(expected.len()))
}

fn is_same(a: &OwnedEvent, b: &OwnedEvent) -> bool {
    a.id() == b.id() && a.event_type() == b.event_type() && a.data() == b.data()
}

fn name(event: &OwnedEvent) -> String {
    match event.id() {
        Some(id) => format!("{} {id:?}", event.event_type()),
        None => format!("{} without id", event.event_type()),
    }
}

pub(super) fn unknown_id(evidence: &Evidence) -> Finding {
    let advice = "answer an id that is not in the log with an event that says so, such as event: \
        gap, or with a status from 400 to 499: otherwise a client misses events, and does not \
        know it";
    let record = match &evidence.unknown {
        None => return Finding::not_observed("no id came", MAKE_EVENTS),
        Some(Err(error)) => return Finding::fail(error, advice),
        Some(Ok(record)) => record,
    };
    let status = record.head.as_ref().map(|head| head.status);
    if !record.is_stream() {
        let is_client_error = status.is_some_and(|status| status.is_client_error());
        return Finding::expect(is_client_error, answer(record), advice);
    }
    let is_gap = |event: &&OwnedEvent| {
        let mut types = evidence.gap_types.iter();
        types.any(|gap| gap == event.event_type())
    };
    let events = record.events.iter().map(|received| &received.event);
    let Some(gap) = events.clone().find(is_gap) else {
        let (events, types) = (count(events.count(), "event"), &evidence.gap_types);
        let observed = show(record.observed());
        let types = types.join(" or ");
        return Finding::fail(
            format!("{events} in {observed}, none of the type {types} (--gap)"),
            advice,
        );
    };
    let printable = |c: char| if c.is_control() { ' ' } else { c };
    let data: String = gap.data().chars().take(60).map(printable).collect();
    Finding::pass(format!("event: {}, data: {data}", gap.event_type()))
}

pub(super) fn checkpoint(evidence: &Evidence) -> Finding {
    let main = &evidence.main;
    let advice = "send a block with an id alone when a client connects, and as a keep-alive: a \
        client that loses its connection before the first event can resume only with an id";
    if let Some(block) = main.not_dispatched.iter().find(|block| block.has_id()) {
        let (id, at) = (block.event.last_event_id(), show(block.at));
        return Finding::pass(format!("id {id:?} without data after {at}"));
    }
    match main.first_id() {
        Some((at, _)) if at <= evidence.prompt => {
            Finding::not_observed(format!("an event brought an id after {}", show(at)), advice)
        }
        first => {
            let first = first.map_or_else(|| main.observed(), |(at, _)| at);
            let first = show(first);
            Finding::fail(format!("no id in the first {first}"), advice)
        }
    }
}
