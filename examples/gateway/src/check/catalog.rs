//! The list of checks, with what each of them needs.

use super::evidence::Evidence;
use super::finding::{Finding, show};
use super::{compression, delivery, format, ids, response};

pub(super) const MAKE_EVENTS: &str =
    "check a stream on which events come, or give --post and --body to make the server send some";

/// A named check.
#[derive(Debug)]
pub(super) struct Check {
    pub(super) name: &'static str,
    /// What it checks, and why that matters.
    pub(super) about: &'static str,
    needs: Needs,
    judge: fn(&Evidence) -> Finding,
}

/// What has to be observed before a check can judge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Needs {
    Nothing,
    /// A response that is a stream, or none.
    NoRejection,
    /// A response that is a stream.
    Stream,
    Events,
    Ids,
}

macro_rules! checks {
    ($($name:literal, $needs:ident, $judge:path: $about:literal;)*) => {
        &[$(Check { name: $name, about: $about, needs: Needs::$needs, judge: $judge },)*]
    };
}

/// All checks, in the order of the report.
pub(super) const CHECKS: &[Check] = checks! {
    "status", Nothing, response::status:
        "The status is 200. With any other, a browser stops and does not reconnect.";
    "content-type", Stream, response::content_type:
        "The content type is text/event-stream. With any other, a browser stops.";
    "no-buffering", Stream, response::no_buffering:
        "x-accel-buffering: no is sent. nginx, among others, buffers events without it.";
    "no-transform", Stream, response::no_transform:
        "cache-control has no-transform. A proxy that compresses the stream buffers it.";
    "no-caching", Stream, response::no_caching:
        "cache-control has no-store or no-cache. A cache could answer with an old stream.";
    "no-content-length", Stream, response::no_content_length:
        "There is no content-length. A stream has no length, and would end there.";
    "first-byte", NoRejection, delivery::first_byte:
        "The head and a first byte come at once, before there is an event. Otherwise a client, \
        or a proxy, waits until its timeout.";
    "not-held-back", Stream, delivery::not_held_back:
        "An event arrives soon after its POST. Without --post: events come one by one. What \
        buffers them makes them late.";
    "compression", Stream, compression::compression:
        "If the stream is compressed for a client that accepts it, bytes still arrive with each \
        event. A browser accepts it.";
    "keep-alive", Stream, delivery::silence:
        "Silence ends within --keep-alive. Proxies close silent connections, and clients cannot \
        tell that one is dead.";
    "clean-end", Stream, delivery::clean_end:
        "Streams stay open, or end between two events. An event that the end cuts off is lost.";
    "id-present", Events, ids::id_present:
        "Each event has an id. A client resumes after the last one.";
    "ids-unique", Ids, ids::ids_unique:
        "No two events have the same id. The place to resume from would be ambiguous.";
    "ids-sendable", Ids, ids::ids_sendable:
        "Each id can be sent back in a header: no control characters, no space at an end, at \
        most 4 KiB.";
    "resume", Ids, ids::resume:
        "A client that reconnects with the id of an earlier event receives exactly the events \
        after it, none twice and none missing.";
    "unknown-id", Ids, ids::unknown_id:
        "An id that was never sent is answered by a gap event (--gap) or a status from 400 to \
        499. Otherwise events are lost in silence.";
    "checkpoint", Ids, ids::checkpoint:
        "An id without data comes before the first event. A connection that is lost before can \
        be resumed only with it.";
    "retry", Stream, format::retry:
        "The delay before a reconnection is between 100 ms and 5 min, if retry is sent.";
    "ignored-lines", Stream, format::ignored_lines:
        "There are no lines that a browser ignores: unknown fields, a retry that is not a \
        number, an id with NUL.";
    "data-present", Stream, format::data_present:
        "Each block with an event type has data. Without data no event is dispatched.";
    "utf-8", Stream, format::utf_8:
        "All lines are UTF-8. A client replaces other bytes, and does not report it.";
    "event-size", Stream, format::event_size:
        "No event exceeds 1 MiB. Clients and proxies limit the size of an event.";
};

impl Check {
    pub(super) fn find(name: &str) -> Option<&'static Self> {
        CHECKS.iter().find(|check| check.name == name)
    }

    /// Judges what was observed.
    pub(super) fn judge(&self, evidence: &Evidence) -> Finding {
        self.missing(evidence)
            .unwrap_or_else(|| (self.judge)(evidence))
    }

    /// Returns why the check cannot judge, if so.
    fn missing(&self, evidence: &Evidence) -> Option<Finding> {
        let main = &evidence.main;
        let is_stream = match self.needs {
            Needs::Nothing => true,
            Needs::NoRejection => !main.is_rejected(),
            Needs::Stream | Needs::Events | Needs::Ids => main.is_stream(),
        };
        if !is_stream {
            let seen = match &main.head {
                Some(head) => format!("no stream, but status {}", head.status.as_u16()),
                None => "no response".to_owned(),
            };
            return Some(Finding::not_observed(seen, "see the check status"));
        }
        let lacks_events = main.events.is_empty() && self.needs == Needs::Events;
        let lacks_ids = main.first_id().is_none() && self.needs == Needs::Ids;
        if lacks_events || (lacks_ids && main.events.is_empty()) {
            let observed = show(main.observed());
            let seen = format!("no event in {observed}");
            return Some(Finding::not_observed(seen, MAKE_EVENTS));
        }
        if lacks_ids {
            let advice = "give each event an id, if clients should resume";
            return Some(Finding::not_applicable("no event has an id", advice));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_in_kebab_case() {
        for (index, check) in CHECKS.iter().enumerate() {
            let is_kebab = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(check.name.chars().all(is_kebab), "{}", check.name);
            assert!(check.about.ends_with('.'), "{}", check.name);
            let others = &CHECKS[index + 1..];
            assert!(others.iter().all(|other| other.name != check.name));
        }
    }
}
