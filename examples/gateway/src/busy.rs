//! The answer to a client that has, or would make, too many streams.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use futures_util::stream;
use sse_wire::body::EventBody;
use sse_wire::{Frame, LastEventId, Outgoing};

use crate::names::BUSY;
use crate::query::Busy;
use crate::refusal::Refusal;
use crate::streams::Full;

/// After how many seconds clients should return, at random, so that they do not return together.
const RETRY: std::ops::RangeInclusive<u32> = 10..=60;

/// Makes the answer that the client understands; `id` is where it was.
pub(crate) fn response(
    full: Full,
    busy: Option<Busy>,
    id: Option<LastEventId<'_>>,
    headers: &HeaderMap,
) -> Result<Response, Refusal> {
    // Browsers send it with every request, except to http addresses of other machines.
    let is_browser = headers.contains_key("sec-fetch-mode");
    let default = if is_browser {
        Busy::Event
    } else {
        Busy::Status
    };
    let retry = fastrand::u32(RETRY);
    match busy.unwrap_or(default) {
        Busy::Event => {
            let frame = frame(full.as_str(), id, retry);
            let frames = stream::iter([Ok::<_, std::convert::Infallible>(frame)]);
            Ok(EventBody::new(frames).into_response().map(Body::new))
        }
        Busy::Status => {
            Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, full.reason()).retry_after(retry))
        }
    }
}

/// Makes the answer to a connection that is one too many, from what has arrived of its request.
pub(crate) fn to_connection(full: Full, head: &[u8]) -> Vec<u8> {
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let target = head.split(' ').nth(1).unwrap_or_default();
    let is_browser = head.contains("\r\nsec-fetch-mode:") && !target.contains("busy=503");
    let retry = fastrand::u32(RETRY);
    if target.starts_with("/events?") && (is_browser || target.contains("busy=event")) {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-store\r\n\
            connection: close\r\n\r\n";
        return [
            head.as_bytes(),
            frame(full.as_str(), None, retry).as_bytes(),
        ]
        .concat();
    }
    let limit = full.as_str();
    let body =
        format!("{{\"error\":\"too many connections: the limit of the {limit} is reached\"}}\n");
    let len = body.len();
    format!(
        "HTTP/1.1 503 Service Unavailable\r\nretry-after: {retry}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {len}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// An event, and the time after which an `EventSource` reconnects. Without its ID, a client that follows
/// the standard and no browser would forget its position.
fn frame(limit: &str, id: Option<LastEventId<'_>>, retry: u32) -> Frame {
    let data = format!(r#"{{"limit":"{limit}"}}"#);
    let retry = Duration::from_secs(retry.into());
    let event = Outgoing::event(BUSY, &data).retry(retry);
    id.map_or(event, |id| event.id(id)).into()
}
