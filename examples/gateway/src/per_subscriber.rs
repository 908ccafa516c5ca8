//! The same stream through axum's `Sse`, which encodes each event for each subscriber: to compare.

use std::time::Instant;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use sse_wire::{EventDecoder, Frame};

use crate::metrics::Metrics;
use crate::stream::Events;

/// Makes the response.
pub(crate) fn response(mut events: Events) -> Response {
    let period = events.app.options.keep_alive;
    let events = stream::poll_fn(move |context| {
        let next = events.poll_frame(context);
        let metrics = &events.app.metrics;
        next.map(|next| {
            next.map(|next| next.map(|(frame, is_event)| event(&frame, is_event, metrics)))
        })
    });
    let stream = Sse::new(events);
    if period.is_zero() {
        return stream.into_response();
    }
    let keep_alive = KeepAlive::new().interval(period);
    stream.keep_alive(keep_alive).into_response()
}

/// Decodes a frame, and has axum encode it again; only the latter is measured.
fn event(frame: &Frame, is_event: bool, metrics: &Metrics) -> Event {
    let mut decoder = EventDecoder::new();
    let mut input = frame.as_bytes().as_ref();
    let decoded = decoder.decode(&mut input).ok().flatten();
    let start = Instant::now();
    let event = match &decoded {
        Some(decoded) => Event::default()
            .event(decoded.event_type())
            .id(decoded.last_event_id())
            .data(decoded.data()),
        None => Event::default().id(decoder.last_event_id()),
    };
    if is_event {
        metrics.encoded(start.elapsed());
    }
    event
}
