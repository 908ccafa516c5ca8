//! The API of reqwest-eventsource, to copy. Its policy decides about statuses as well.

use core::task::{Context, Poll, ready};
use core::{pin::Pin, time::Duration};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::{BoxStream, Stream};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{RequestBuilder, Response, StatusCode};
use sse_wire::client::{Cause, EventSource as Source, Request};
use sse_wire::reconnect::*;
use sse_wire::{DecodeError, OwnedEvent, OwnedItem};

/// Decides after each error whether the request is sent again, and after which delay.
pub trait RetryPolicy {
    /// `last_retry` has how often it was sent again in a row, and the last delay.
    fn retry(&self, error: &Error, last_retry: Option<(usize, Duration)>) -> Option<Duration>;
    fn set_reconnection_time(&mut self, duration: Duration);
}

#[derive(Debug)]
pub enum Error {
    Transport(reqwest::Error),
    InvalidContentType(HeaderValue, Response),
    InvalidStatusCode(StatusCode, Response),
    EventTooLarge(DecodeError),
    StreamEnded,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    Open,
    Message(OwnedEvent),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadyState {
    Connecting,
    Open,
    Closed,
}

type BoxedRetry = Box<dyn RetryPolicy + Send + Unpin + 'static>;

/// With how often the request was sent again, the last delay, and the error that is yielded next.
struct Http(
    RequestBuilder,
    BoxedRetry,
    Option<(usize, Duration)>,
    Option<Error>,
);

impl Transport for Http {
    type Response = Response;
    type Error = reqwest::Error;
    type Opened = ();
    type Connecting = BoxFuture<'static, reqwest::Result<(Head, Response)>>;
    type Body = BoxStream<'static, reqwest::Result<Bytes>>;
    type Sleep = tokio::time::Sleep;

    fn connect(&mut self, request: Request<'_>) -> Self::Connecting {
        let header = |(name, value): (&'static str, &str)| {
            let value = HeaderValue::from_bytes(value.as_bytes()).ok()?;
            Some((name.parse().ok()?, value))
        };
        let headers: HeaderMap = request.headers().filter_map(header).collect();
        let builder = self.0.try_clone().expect("it was cloned before");
        Box::pin(async move {
            let response = builder.headers(headers).send().await?;
            let types = response.headers().get_all(CONTENT_TYPE);
            Ok((Head::new(response.status().as_u16(), types), response))
        })
    }

    fn opened(&mut self, _: &Response) {
        self.2 = None;
    }

    fn body(&mut self, response: Response) -> Self::Body {
        Box::pin(response.bytes_stream())
    }

    fn sleep(&mut self, delay: Duration) -> tokio::time::Sleep {
        tokio::time::sleep(delay)
    }

    fn decide(&mut self, lost: &mut Lost<'_, Response, reqwest::Error>) -> Decision {
        let error = match (lost.error.take(), lost.response.take(), lost.reason) {
            (Some(error), ..) => Error::Transport(error),
            (_, Some(it), Cause::Status(_)) => Error::InvalidStatusCode(it.status(), it),
            (_, Some(it), _) => {
                let value = it.headers().get(CONTENT_TYPE).cloned();
                Error::InvalidContentType(value.unwrap_or(HeaderValue::from_static("")), it)
            }
            _ => Error::StreamEnded,
        };
        let delay = self.1.retry(&error, self.2);
        let count = self.2.map_or(1, |(count, _)| count + 1);
        self.2 = delay.map(|delay| (count, delay));
        self.3 = Some(error);
        delay.map_or(Decision::Stop, Decision::RetryIn)
    }
}

/// Events from one connection after the other.
pub struct EventSource(Pin<Box<ReconnectingStream<Http, OwnedItem>>>);

impl EventSource {
    /// `None` if the request cannot be cloned, since its body is a stream.
    pub fn new(builder: RequestBuilder, policy: BoxedRetry) -> Option<Self> {
        let _ = builder.try_clone()?;
        let http = Http(builder, policy, None, None);
        let updates = ReconnectingStream::new(Source::default(), http);
        Some(Self(Box::pin(updates.with_items())))
    }

    pub fn close(&mut self) {
        self.0.as_mut().close();
    }

    pub fn last_event_id(&self) -> &str {
        self.0.source().last_event_id()
    }

    pub fn ready_state(&self) -> ReadyState {
        match self.0.source() {
            source if source.is_open() => ReadyState::Open,
            source if source.is_closed() => ReadyState::Closed,
            _ => ReadyState::Connecting,
        }
    }
}

impl Stream for EventSource {
    type Item = Result<Event, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            let next = ready!(self.0.as_mut().poll_next(context));
            let http = self.0.as_mut().transport_mut();
            return Poll::Ready(match next {
                Some(Ok(Update::Opened(()))) => Some(Ok(Event::Open)),
                Some(Ok(Update::Item(OwnedItem::Event(event)))) => Some(Ok(Event::Message(event))),
                Some(Ok(Update::Item(OwnedItem::Retry(time)))) => {
                    http.1.set_reconnection_time(time);
                    continue;
                }
                Some(Ok(Update::Item(_))) => continue,
                Some(Err(ReconnectError::Decode(error))) => Some(Err(Error::EventTooLarge(error))),
                Some(_) | None => http.3.take().map(Err),
            });
        }
    }
}
