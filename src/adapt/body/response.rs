//! The body of a response, made from frames.

use core::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_core::Stream;
use http::{HeaderName, HeaderValue, Response};
use http_body::{Body, SizeHint};
use pin_project_lite::pin_project;

use super::BodyChunks;
use super::keep_alive::KeepAlive;
use crate::frame::Frame;
use crate::headers::RESPONSE;

/// How many consecutive empty frames are read before the body yields to the executor.
const FRAMES_AT_ONCE: u32 = 32;

pin_project! {
    /// The body of a response, made from a stream of `Result<F, E>` with `F: Into<Frame>`.
    ///
    /// It is a [`Body`], for hyper, axum and others that use `http-body`.
    /// [`into_response`](Self::into_response) makes the whole response, and
    /// [`into_stream`](Self::into_stream) makes a stream of chunks, for actix-web and others that
    /// do not use `http-body`.
    ///
    /// ```
    /// use core::time::Duration;
    /// use futures_util::{StreamExt, stream};
    /// use sse_wire::{Frame, Outgoing, body::EventBody};
    ///
    /// let ticks = stream::iter(1..=3).map(|number: u32| {
    ///     let data = number.to_string(); // an `Outgoing` borrows it, a `Frame` does not
    ///     Ok::<_, std::io::Error>(Frame::from(Outgoing::message(&data)))
    /// });
    /// let response = EventBody::new(ticks)
    ///     .keep_alive(Duration::from_secs(15), tokio::time::sleep)
    ///     .into_response(); // an axum handler returns it
    /// assert_eq!(response.headers()["content-type"], "text/event-stream");
    /// ```
    ///
    /// # Shutdown
    ///
    /// A graceful shutdown of hyper, axum or actix-web waits until every response has ended, and an
    /// event stream does not end by itself. So end the frames when the shutdown begins, with
    /// `take_until` of futures for example. The clients reconnect, to the next server.
    ///
    /// ```
    /// use futures_util::{FutureExt, StreamExt, future, stream};
    /// use sse_wire::{Frame, body::EventBody};
    ///
    /// # let shutdown = future::ready(());
    /// let frames = stream::pending::<Result<Frame, std::io::Error>>();
    /// let body = EventBody::new(frames.take_until(shutdown)); // a `CancellationToken`, a `watch::Receiver`, …
    /// # assert_eq!(body.into_stream().next().now_or_never().map(|end| end.is_none()), Some(true));
    /// ```
    ///
    /// # Errors
    ///
    /// The body ends with the first error of the stream, and returns it. The response has begun by
    /// then: the client's connection breaks, and it reconnects.
    #[must_use = "bodies do nothing unless they are polled"]
    #[doc(alias("sse", "axum", "hyper", "actix"))]
    pub struct EventBody<S, K = KeepAlive> {
        #[pin]
        frames: S,
        #[pin]
        keep_alive: Option<K>,
        has_ended: bool,
    }
}

impl<S> EventBody<S> {
    /// Creates a body from a stream of frames, without keep-alive.
    ///
    /// Empty frames are skipped, since some consumers take an empty chunk for the end. After 32 of
    /// them the body yields to the executor.
    pub const fn new(frames: S) -> Self {
        Self {
            frames,
            keep_alive: None,
            has_ended: false,
        }
    }
}

impl<S, K> EventBody<S, K> {
    /// Sends an empty comment after each `period` in which no frame was sent.
    ///
    /// It keeps proxies from closing an idle connection, and lets the server notice that a client
    /// has closed it. `sleep` is the sleep function of any runtime. See
    /// [`keep_alive_with`](Self::keep_alive_with) for when a period begins.
    ///
    /// ```
    /// use core::time::Duration;
    /// use futures_util::stream;
    /// use sse_wire::{Frame, body::EventBody};
    ///
    /// let frames = stream::pending::<Result<Frame, std::io::Error>>();
    /// let body = EventBody::new(frames).keep_alive(Duration::from_secs(15), tokio::time::sleep);
    /// # drop(body);
    /// ```
    #[doc(alias = "keep-alive")]
    pub fn keep_alive<Z, F>(self, period: Duration, sleep: Z) -> EventBody<S, KeepAlive<Z, F>>
    where
        Z: FnMut(Duration) -> F,
        F: Future<Output = ()>,
    {
        let comment: fn() -> Frame = || Frame::from_bytes_unchecked(Bytes::from_static(b":\n\n"));
        self.keep_alive_with(period, sleep, comment)
    }

    /// Sends what `frame` returns after each `period` in which no frame was sent.
    ///
    /// A period begins when the transport, after the last frame, asks for the next one and none is
    /// ready. So a stream that always has frames sends no keep-alives and starts no timers. `frame`
    /// is called anew each time; an empty frame sends nothing. It may be a checkpoint, a block with
    /// the newest ID and no data: a client that has received no event for a long time then resumes
    /// from there.
    ///
    /// A `period` of zero sends no keep-alives. If a sleep is ready at once, the body yields to the
    /// executor before it sends one. The timer is dropped when the body ends.
    ///
    /// ```
    /// use core::sync::atomic::{AtomicU64, Ordering};
    /// use core::time::Duration;
    /// use futures_util::stream;
    /// use sse_wire::{Frame, Outgoing, body::EventBody};
    ///
    /// static NEWEST: AtomicU64 = AtomicU64::new(0);
    ///
    /// let frames = stream::pending::<Result<Frame, std::io::Error>>();
    /// let checkpoint = || Outgoing::new().numeric_id(NEWEST.load(Ordering::Relaxed)).into();
    /// let body = EventBody::new(frames)
    ///     .keep_alive_with(Duration::from_secs(15), tokio::time::sleep, checkpoint);
    /// # drop(body);
    /// ```
    pub fn keep_alive_with<Z, F, W>(
        self,
        period: Duration,
        sleep: Z,
        frame: W,
    ) -> EventBody<S, KeepAlive<Z, F, W>>
    where
        Z: FnMut(Duration) -> F,
        F: Future<Output = ()>,
        W: FnMut() -> Frame,
    {
        EventBody {
            frames: self.frames,
            keep_alive: Some(KeepAlive::new(period, sleep, frame)),
            has_ended: self.has_ended,
        }
    }

    /// Makes the response: status 200, with the headers of [`RESPONSE`].
    ///
    /// A handler of axum and a service of hyper return it as it is.
    pub fn into_response(self) -> Response<Self> {
        let mut response = Response::new(self);
        for (name, value) in RESPONSE {
            let (name, value) = (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            );
            response.headers_mut().insert(name, value);
        }
        response
    }

    /// Makes a stream of chunks, `Result<Bytes, E>`.
    ///
    /// ```
    /// use futures_util::{FutureExt, StreamExt, stream};
    /// use sse_wire::{Outgoing, body::EventBody};
    ///
    /// let frames = stream::iter([Ok::<_, std::io::Error>(Outgoing::message("1"))]);
    /// let mut chunks = EventBody::new(frames).into_stream();
    /// let chunk = chunks.next().now_or_never().flatten().expect("a frame is ready")?;
    /// assert_eq!(chunk, "data: 1\n\n");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// For actix-web: pass it to `HttpResponseBuilder::streaming`, after `insert_header` for each
    /// of the headers of [`RESPONSE`].
    pub const fn into_stream(self) -> BodyChunks<Self> {
        BodyChunks::new(self)
    }

    /// Returns the stream of frames.
    pub const fn get_ref(&self) -> &S {
        &self.frames
    }

    /// Returns a mutable reference to the stream of frames.
    pub const fn get_mut(&mut self) -> &mut S {
        &mut self.frames
    }

    /// Returns the stream of frames, as far as it was read.
    pub fn into_inner(self) -> S {
        self.frames
    }
}

fn poll_keep_alive<Z, F, W, E>(
    keep_alive: Pin<&mut Option<KeepAlive<Z, F, W>>>,
    context: &mut Context<'_>,
) -> Poll<Option<Result<http_body::Frame<Bytes>, E>>>
where
    Z: FnMut(Duration) -> F,
    F: Future<Output = ()>,
    W: FnMut() -> Frame,
{
    match keep_alive.as_pin_mut() {
        Some(keep_alive) => keep_alive
            .poll(context)
            .map(|frame| Some(Ok(http_body::Frame::data(frame.into_bytes())))),
        None => Poll::Pending,
    }
}

impl<S, Z, F, W, I, E> Body for EventBody<S, KeepAlive<Z, F, W>>
where
    S: Stream<Item = Result<I, E>>,
    I: Into<Frame>,
    Z: FnMut(Duration) -> F,
    F: Future<Output = ()>,
    W: FnMut() -> Frame,
{
    type Data = Bytes;
    type Error = E;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, E>>> {
        let mut body = self.project();
        if *body.has_ended {
            return Poll::Ready(None);
        }
        for _ in 0..FRAMES_AT_ONCE {
            let end = match body.frames.as_mut().poll_next(context) {
                Poll::Ready(Some(Ok(frame))) => {
                    let bytes = frame.into().into_bytes();
                    if bytes.is_empty() {
                        continue;
                    }
                    if let Some(keep_alive) = body.keep_alive.as_pin_mut() {
                        keep_alive.reset();
                    }
                    return Poll::Ready(Some(Ok(http_body::Frame::data(bytes))));
                }
                Poll::Ready(Some(Err(error))) => Some(Err(error)),
                Poll::Ready(None) => None,
                Poll::Pending => return poll_keep_alive(body.keep_alive, context),
            };
            *body.has_ended = true;
            body.keep_alive.set(None);
            return Poll::Ready(end);
        }
        // A stream of empty frames alone sends nothing: keep-alives are due all the same.
        context.waker().wake_by_ref();
        poll_keep_alive(body.keep_alive, context)
    }

    fn is_end_stream(&self) -> bool {
        self.has_ended
    }

    fn size_hint(&self) -> SizeHint {
        if self.has_ended {
            SizeHint::with_exact(0)
        } else {
            SizeHint::new()
        }
    }
}

impl<S, K> fmt::Debug for EventBody<S, K> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("EventBody")
            .field("has_keep_alive", &self.keep_alive.is_some())
            .field("has_ended", &self.has_ended)
            .finish_non_exhaustive()
    }
}
