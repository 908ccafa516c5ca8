//! The checks of when bytes arrive, and of how a stream ends.

use std::time::Duration;

use super::evidence::{Delivery, Evidence};
use super::finding::{Finding, count, show};
use super::record::{End, Record};
use super::response::answer;
use super::silence::{keep_alive, longest_silence};

/// Events that are closer than this came together.
const BURST: Duration = Duration::from_millis(50);
/// Events that are further apart than this did not.
const APART: Duration = Duration::from_millis(100);
/// How many events have to come apart.
const ENOUGH: usize = 3;

pub(super) fn first_byte(evidence: &Evidence) -> Finding {
    let advice = "send the head at once, and a first block with it, such as a comment or a \
        checkpoint: until then a client cannot tell a slow server from a silent one";
    let (main, limit) = (&evidence.main, show(evidence.prompt));
    let Some(head) = &main.head else {
        return Finding::fail(answer(main), advice);
    };
    let head_at = show(head.at);
    let Some(first) = main.chunks.first() else {
        let observed = show(main.observed().saturating_sub(head.at));
        let seen = format!("the head after {head_at}, no byte in the {observed} after it");
        return Finding::fail(seen, advice);
    };
    let what = if first.events > 0 { ", an event," } else { "" };
    let first_at = show(first.at);
    Finding::expect(
        first.at <= evidence.prompt,
        format!("the head after {head_at}, the first byte{what} after {first_at}; limit {limit}"),
        advice,
    )
}

pub(super) fn not_held_back(evidence: &Evidence) -> Finding {
    let Some(deliveries) = &evidence.deliveries else {
        return come_apart(&evidence.main);
    };
    let advice = "find what buffers: compression, a proxy, a writer that is not flushed after \
        each event; forward each event at once";
    let mut delays = Vec::new();
    for delivery in deliveries {
        let problem = match delivery {
            Delivery::Arrived(delay) => {
                delays.push(*delay);
                continue;
            }
            Delivery::Missing(waited) => {
                let waited = show(*waited);
                return Finding::fail(format!("no event in the {waited} after a POST"), advice);
            }
            Delivery::Rejected(answer) => {
                let (status, text) = (answer.status.as_u16(), &answer.text);
                format!("the POST was answered with status {status}: {text}")
            }
            Delivery::Failed(error) => format!("the POST failed: {error}"),
        };
        let advice = "correct --post, --body and --content-type, so that the server sends an event";
        return Finding::fail(problem, advice);
    }
    let slowest = delays.iter().max().copied().unwrap_or_default();
    let (events, limit) = (count(delays.len(), "event"), show(evidence.prompt));
    let slowest_shown = show(slowest);
    Finding::expect(
        slowest <= evidence.prompt,
        format!("{events}, the slowest {slowest_shown} after its POST; limit {limit}"),
        advice,
    )
}

/// Without a POST nothing shows when an event was created, but events that come apart were not
/// collected.
fn come_apart(main: &Record) -> Finding {
    let advice = "give --post and --body, so that the delay of an event can be measured";
    let times: Vec<_> = main.events.iter().map(|received| received.at).collect();
    let gaps = times.iter().zip(times.iter().skip(1));
    let gaps: Vec<_> = gaps.map(|(a, b)| b.saturating_sub(*a)).collect();
    let together = gaps.iter().filter(|gap| **gap < BURST).count();
    let apart: Vec<_> = gaps.iter().filter(|gap| **gap >= APART).collect();
    let events = count(times.len(), "event");
    if together > 0 || apart.len() < ENOUGH {
        let seen = format!("{events}, {together} of them together with the one before");
        return Finding::not_observed(seen, advice);
    }
    let least = apart.iter().min().map(|gap| show(**gap));
    let least = least.unwrap_or_default();
    Finding::pass(format!(
        "{events} came at least {least} apart; a constant delay shows only with --post"
    ))
}

pub(super) fn silence(evidence: &Evidence) -> Finding {
    let main = &evidence.main;
    let longest = longest_silence(main).max(evidence.silent_for);
    let (limit, longest_shown) = (show(evidence.keep_alive), show(longest));
    if longest > evidence.keep_alive {
        return Finding::fail(
            format!("{longest_shown} of silence; limit {limit}"),
            "send a comment, or a checkpoint, after each 15 s of silence: proxies close silent \
            connections, and a client cannot tell silence from a dead connection",
        );
    }
    match keep_alive(main) {
        Some(after) => {
            let after = show(after);
            Finding::pass(format!("bytes after {after} of silence; limit {limit}"))
        }
        None => Finding::not_observed(
            format!("the longest silence was {longest_shown}; limit {limit}"),
            "check a stream on which events are rare, so that a keep-alive is due",
        ),
    }
}

pub(super) fn clean_end(evidence: &Evidence) -> Finding {
    let mut ends = Vec::new();
    for record in evidence.streams() {
        let Some((at, end)) = record.ended() else {
            continue;
        };
        let at = show(at);
        match end {
            End::Failed(error) => {
                return Finding::fail(
                    format!("the connection broke after {at}: {error}"),
                    "end the body of the response, with its last chunk, before the connection is \
                    closed",
                );
            }
            End::Complete { within_event: true } => {
                return Finding::fail(
                    format!("the stream ended within an event after {at}"),
                    "end a stream only after the blank line of an event: a client discards the \
                    rest",
                );
            }
            End::Complete { .. } | End::Full => ends.push(at),
        }
    }
    let streams = count(evidence.streams().count(), "stream");
    let observed = show(evidence.main.observed());
    match ends.first() {
        Some(at) => Finding::pass(format!(
            "{} of {streams} ended between events, the first after {at}",
            ends.len()
        )),
        None => Finding::pass(format!("{streams} stayed open, for up to {observed}")),
    }
}
