//! The events of a subscription as the body of a response that does not end.

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use axum::response::Response;
use futures_util::stream;
use sse_wire::body::EventBody;
use sse_wire::{Frame, Outgoing};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::sleep;

use crate::app::App;
use crate::connection::{Connection, Notice, Reason};
use crate::hub::{Delivery, Gap, LeftBehind, Subscription};
use crate::metrics::Open;
use crate::names::{CHECKPOINT, EXPIRING, GAP};
use crate::redis::CatchUp;
use crate::streams::Admitted;

/// On what terms a stream runs, and what it gives back at its end.
#[derive(Debug)]
pub(crate) struct Terms {
    pub(crate) has_visible_checkpoints: bool,
    pub(crate) _admitted: Admitted,
    pub(crate) _compressor: Option<OwnedSemaphorePermit>,
}

/// The frames of one response, in their order: reconnection time and position, the events, with gaps
/// between them if there are, and a farewell if the server ends the stream.
#[derive(Debug)]
pub(crate) struct Events {
    pub(crate) app: Arc<App>,
    pub(crate) subscription: Arc<Subscription>,
    connection: Arc<Connection>,
    /// What reads the events that are not in memory, if some are.
    catch_up: Option<CatchUp>,
    first: Option<Frame>,
    has_ended: bool,
    terms: Terms,
    _open: Open,
}

impl Terms {
    /// Returns the block to which the position is added.
    fn checkpoint(&self) -> Outgoing<'static> {
        match self.has_visible_checkpoints {
            true => Outgoing::event(CHECKPOINT, ""),
            false => Outgoing::new(),
        }
    }
}

impl Events {
    pub(crate) fn new(
        app: Arc<App>,
        connection: Arc<Connection>,
        subscription: Subscription,
        catch_up: Option<CatchUp>,
        terms: Terms,
    ) -> Self {
        let begin = terms.checkpoint().retry(app.options.retry);
        Self {
            first: Some(subscription.checkpoint(begin)),
            _open: app.metrics.open_stream(),
            app,
            subscription: Arc::new(subscription),
            connection,
            catch_up,
            has_ended: false,
            terms,
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
        if let Some(frame) = self.first.take() {
            return Poll::Ready(Some(Ok((frame, false))));
        }
        if let Poll::Ready(notice) = self.connection.poll_notice(context) {
            let block = match notice {
                Notice::Expiring => Outgoing::event(EXPIRING, r#"{"renew":"POST /session"}"#),
                Notice::Farewell => self.farewell(),
            };
            return Poll::Ready(Some(Ok((self.subscription.checkpoint(block), false))));
        }
        match ready!(self.poll_delivery(context)) {
            Some(Ok(Delivery::Event(frame))) => {
                self.app.metrics.deliveries.inc();
                Poll::Ready(Some(Ok((frame, true))))
            }
            Some(Ok(Delivery::Gap(gap))) => Poll::Ready(Some(Ok((self.gap(gap), false)))),
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

    fn poll_delivery(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Delivery, LeftBehind>>> {
        if let Some(catch_up) = &mut self.catch_up {
            match ready!(catch_up.poll_next(&self.subscription, context)) {
                Some(delivery) => return Poll::Ready(Some(Ok(delivery))),
                None => self.catch_up = None,
            }
        }
        self.subscription.poll_next(context)
    }

    /// Returns the event that says that others may be missing, with the ID where the stream continues.
    fn gap(&self, gap: Gap) -> Frame {
        self.app.metrics.gap(gap);
        let data = format!(r#"{{"reason":"{}"}}"#, gap.reason());
        self.subscription.checkpoint(Outgoing::event(GAP, &data))
    }

    /// Ends the stream after the block that it returns.
    fn farewell(&mut self) -> Outgoing<'static> {
        self.has_ended = true;
        let block = self.terms.checkpoint();
        match self.app.spread_retry() {
            Some(retry) => block.retry(retry),
            None => block,
        }
    }

    pub(crate) fn into_response(mut self) -> Response {
        let (subscription, period) = (self.subscription.clone(), self.app.options.keep_alive);
        let block = self.terms.checkpoint();
        let frames = stream::poll_fn(move |context| {
            let next = self.poll_frame(context);
            next.map(|next| next.map(|next| next.map(|(frame, _)| frame)))
        });
        let checkpoint = move || subscription.checkpoint(block);
        let body = EventBody::new(frames).keep_alive_with(period, sleep, checkpoint);
        body.into_response().map(Body::new)
    }
}
