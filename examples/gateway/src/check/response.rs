//! The checks of the head of the response.

use hyper::StatusCode;
use sse_wire::headers;

use super::evidence::Evidence;
use super::finding::{Finding, show};
use super::record::{End, Record};

pub(super) fn status(evidence: &Evidence) -> Finding {
    let Some(head) = &evidence.main.head else {
        return Finding::fail(
            answer(&evidence.main),
            "send the head of the response as soon as a client connects",
        );
    };
    let advice = if head.status.is_redirection() {
        "check the URL in the header location: each reconnection is redirected, too"
    } else {
        "answer with 200: with any other status a browser stops, and does not reconnect"
    };
    let is_good = head.status == StatusCode::OK;
    Finding::expect(is_good, format!("status {}", head.status.as_u16()), advice)
}

pub(super) fn content_type(evidence: &Evidence) -> Finding {
    let values = evidence.main.head.iter();
    let mut values = values.flat_map(|head| head.headers.get_all("content-type"));
    Finding::expect(
        headers::is_event_stream(&mut values),
        seen(evidence, "content-type"),
        "send content-type: text/event-stream; a browser stops at any other",
    )
}

pub(super) fn no_buffering(evidence: &Evidence) -> Finding {
    let value = evidence.header("x-accel-buffering");
    Finding::expect(
        value.is_some_and(|value| value.trim().eq_ignore_ascii_case("no")),
        seen(evidence, "x-accel-buffering"),
        "send x-accel-buffering: no, so that nginx and others forward events at once",
    )
}

pub(super) fn no_transform(evidence: &Evidence) -> Finding {
    Finding::expect(
        has_directive(evidence, &["no-transform"]),
        seen(evidence, "cache-control"),
        "send cache-control: no-transform, so that nothing on the way compresses the stream, and \
        buffers it for that",
    )
}

pub(super) fn no_caching(evidence: &Evidence) -> Finding {
    Finding::expect(
        has_directive(evidence, &["no-store", "no-cache"]),
        seen(evidence, "cache-control"),
        "send cache-control: no-store, so that no cache answers with an old stream",
    )
}

pub(super) fn no_content_length(evidence: &Evidence) -> Finding {
    Finding::expect(
        evidence.header("content-length").is_none(),
        seen(evidence, "content-length"),
        "send no content-length: the stream would end at this byte, and proxies might wait for it",
    )
}

/// Describes a response that is no stream.
pub(super) fn answer(record: &Record) -> String {
    match (&record.head, &record.end) {
        (Some(head), _) => format!("status {}", head.status.as_u16()),
        (None, Some((at, End::Failed(error)))) => {
            format!(
                "no response: the connection broke after {}: {error}",
                show(*at)
            )
        }
        (None, _) => format!("no response within {}", show(record.observed())),
    }
}

fn has_directive(evidence: &Evidence, accepted: &[&str]) -> bool {
    let value = evidence.header("cache-control").unwrap_or_default();
    let mut directives = value.split(',').map(|directive| directive.trim());
    directives.any(|directive| {
        let mut accepted = accepted.iter();
        accepted.any(|name| directive.eq_ignore_ascii_case(name))
    })
}

fn seen(evidence: &Evidence, name: &str) -> String {
    match evidence.header(name) {
        Some(value) => format!("{name}: {value}"),
        None => format!("no {name}"),
    }
}
