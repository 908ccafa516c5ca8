//! `GET /events`: a subscription as a response that does not end.

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::Extension;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use sse_wire::body::EventBody;
use sse_wire::headers::received_last_event_id;
use sse_wire::{Frame, LastEventId, Outgoing};
use tokio::time::sleep;

use crate::app::App;
use crate::connection::{Connection, Reason};
use crate::hub::{Ended, Gap, LeftBehind, Subscription};
use crate::metrics::Open;
use crate::names::GAP;
use crate::per_subscriber;
use crate::query::Query;
use crate::refusal::Refusal;

/// The longest last event ID, in bytes.
const MAX_ID: usize = 64;

/// Subscribes to the topics of the query, and answers with the stream of their events.
pub async fn events(
    State(app): State<Arc<App>>,
    Extension(connection): Extension<Arc<Connection>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let query = Query::parse(query.as_deref().unwrap_or_default())?;
    let (mut all, in_query) = (
        headers.get_all("last-event-id").iter(),
        query.last_event_id.as_ref(),
    );
    let id = match received_last_event_id(all.next(), in_query, MAX_ID) {
        Ok(id) if all.next().is_none() => id.map(LastEventId::as_str),
        // The client has some position: an empty ID is malformed, and reported as a gap.
        _ => Some(""),
    };
    let cut = connection.clone();
    let on_left_behind = move || cut.cut(Reason::LeftBehind);
    let (subscription, gap) = match app.hub.subscribe(query.filter, id, on_left_behind) {
        Ok(subscribed) => subscribed,
        Err(Ended) => return Ok(no_content()),
    };
    let topics = subscription.topics();
    tracing::debug!(peer = %connection.peer, topics, gap = gap.map(Gap::reason), "stream begins");
    let stream = Events::new(app, connection, subscription, gap);
    if stream.app.options.encode_per_subscriber {
        return Ok(per_subscriber::response(stream));
    }
    Ok(stream.into_response())
}

/// The status with which a browser does not reconnect: nothing will follow.
fn no_content() -> Response {
    let no_store = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    (StatusCode::NO_CONTENT, no_store).into_response()
}

/// The frames of one response, in their order: reconnection time and position, the gap if there is
/// one, the events, and a farewell if the server ends the stream.
#[derive(Debug)]
pub(crate) struct Events {
    pub(crate) app: Arc<App>,
    pub(crate) subscription: Arc<Subscription>,
    connection: Arc<Connection>,
    first: std::vec::IntoIter<Frame>,
    has_ended: bool,
    _open: Open,
}

impl Events {
    fn new(
        app: Arc<App>,
        connection: Arc<Connection>,
        subscription: Subscription,
        gap: Option<Gap>,
    ) -> Self {
        let mut first = vec![subscription.checkpoint(Outgoing::new().retry(app.options.retry))];
        if let Some(gap) = gap {
            app.metrics.gap(gap);
            let data = format!(r#"{{"reason":"{}"}}"#, gap.reason());
            first.push(subscription.checkpoint(Outgoing::event(GAP, &data)));
        }
        Self {
            _open: app.metrics.open_stream(),
            app,
            subscription: Arc::new(subscription),
            connection,
            first: first.into_iter(),
            has_ended: false,
        }
    }

    /// Returns the next frame, and whether it is an event of the log.
    pub(crate) fn poll_frame(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<(Frame, bool), LeftBehind>>> {
        if self.has_ended {
            return Poll::Ready(None);
        }
        if let Some(frame) = self.first.next() {
            return Poll::Ready(Some(Ok((frame, false))));
        }
        if self.connection.poll_farewell(context).is_ready() {
            self.has_ended = true;
            let block = Outgoing::new();
            let farewell = match self.app.spread_retry() {
                Some(retry) => block.retry(retry),
                None => block,
            };
            return Poll::Ready(Some(Ok((self.subscription.checkpoint(farewell), false))));
        }
        match ready!(self.subscription.poll_next(context)) {
            Some(Ok(frame)) => {
                self.app.metrics.deliveries.inc();
                Poll::Ready(Some(Ok((frame, true))))
            }
            Some(Err(error)) => {
                self.connection.cut(Reason::LeftBehind);
                Poll::Ready(Some(Err(error)))
            }
            None => {
                self.has_ended = true;
                Poll::Ready(None)
            }
        }
    }

    fn into_response(mut self) -> Response {
        let (subscription, period) = (self.subscription.clone(), self.app.options.keep_alive);
        let frames = stream::poll_fn(move |context| {
            let next = self.poll_frame(context);
            next.map(|next| next.map(|next| next.map(|(frame, _)| frame)))
        });
        let checkpoint = move || subscription.checkpoint(Outgoing::new());
        let body = EventBody::new(frames).keep_alive_with(period, sleep, checkpoint);
        body.into_response().map(Body::new)
    }
}
