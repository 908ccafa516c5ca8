//! Events from any [`Body`] of `http-body`, and a [`Body`] made from frames.

use core::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use futures_core::{FusedStream, Stream};
use http_body::{Body, SizeHint};
use pin_project_lite::pin_project;

use super::stream::EventStream;
use crate::event::OwnedItem;
use crate::frame::Frame;

/// How many consecutive empty frames are read before the body yields to the executor.
const FRAMES_AT_ONCE: u32 = 32;
/// How many accumulated ticks become one keep-alive.
const TICKS_AT_ONCE: u32 = 1024;

/// Turns a body into a stream of events.
pub trait EventBodyExt: Body + Sized {
    /// Decodes events; see [`EventStream`].
    ///
    /// ```
    /// use sse_wire::body::EventBodyExt;
    ///
    /// # futures_util::FutureExt::now_or_never(async {
    /// let body = String::from("data: 1\n\n"); // of a response of hyper, axum, reqwest, tonic, …
    /// let mut events = body.events();
    /// while let Some(event) = events.next_event().await? {
    ///     println!("{}: {}", event.event_type(), event.data()); // borrowed from the chunk
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # }).unwrap()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fn events(self) -> EventStream<BodyChunks<Self>> {
        EventStream::new(BodyChunks::new(self))
    }

    /// Decodes events, comments and reconnection times, in the order in which they arrive; see
    /// [`EventStream`].
    fn items(self) -> EventStream<BodyChunks<Self>, OwnedItem> {
        EventStream::items(BodyChunks::new(self))
    }
}

impl<B: Body> EventBodyExt for B {}

pin_project! {
    /// The data of a body as a stream of chunks. Trailers are ignored.
    #[derive(Debug, Clone)]
    #[must_use = "streams do nothing unless they are polled"]
    pub struct BodyChunks<B> {
        #[pin]
        body: B,
    }
}

impl<B> BodyChunks<B> {
    /// Reads the data of `body`.
    pub const fn new(body: B) -> Self {
        Self { body }
    }

    /// Returns the body.
    pub const fn get_ref(&self) -> &B {
        &self.body
    }

    /// Returns the body.
    pub fn into_inner(self) -> B {
        self.body
    }
}

impl<B: Body> Stream for BodyChunks<B> {
    type Item = Result<Bytes, B::Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match ready!(self.project().body.poll_frame(context)) {
            Some(Ok(frame)) => Poll::Ready(Some(Ok(match frame.into_data() {
                Ok(mut data) => data.copy_to_bytes(data.remaining()),
                // An empty chunk spends the budget, after which the stream of events yields to the
                // executor.
                Err(_) => Bytes::new(),
            }))),
            Some(Err(error)) => Poll::Ready(Some(Err(error))),
            None => Poll::Ready(None),
        }
    }
}

pin_project! {
    /// The body of a response, made from a stream of `Result<F, E>` with `F: Into<Frame>`.
    ///
    /// It is a [`Body`], for hyper, axum and others that use `http-body`, and a [`Stream`] of
    /// `Result<Bytes, E>`, for actix-web and others that do not.
    ///
    /// ```
    /// use futures_util::{StreamExt, stream};
    /// use sse_wire::{Frame, Outgoing, body::EventBody, headers};
    ///
    /// let ticks = stream::iter(1..=3).map(|number: u32| {
    ///     let data = number.to_string(); // an `Outgoing` borrows it, a `Frame` does not
    ///     Ok::<_, std::io::Error>(Frame::from(Outgoing::message(&data)))
    /// });
    /// let mut response = http::Response::builder().status(200);
    /// for (name, value) in headers::RESPONSE {
    ///     response = response.header(name, value);
    /// }
    /// let response = response.body(EventBody::new(ticks))?;
    /// # drop(response);
    /// # Ok::<(), http::Error>(())
    /// ```
    ///
    /// With axum, `(headers::RESPONSE, axum::body::Body::new(body))` is the whole response; with
    /// actix-web, the body goes to `HttpResponseBuilder::streaming`, after `insert_header` for each
    /// of the headers.
    ///
    /// # Keep-alive
    ///
    /// [`keep_alive`](Self::keep_alive) sends a comment at every tick of another stream, such as an
    /// interval of the runtime. It keeps proxies from closing an idle connection, and lets the
    /// server notice that a client is gone.
    ///
    /// # Errors
    ///
    /// The body ends with the first error of the stream, and returns it. The response has begun by
    /// then: the client's connection breaks, and it reconnects.
    #[must_use = "bodies do nothing unless they are polled"]
    pub struct EventBody<S, K = NoTicks> {
        #[pin]
        frames: S,
        #[pin]
        ticks: Option<K>,
        keep_alive: Frame,
        has_ended: bool,
    }
}

impl<S> EventBody<S> {
    /// Creates a body from a stream of frames.
    pub const fn new(frames: S) -> Self {
        Self {
            frames,
            ticks: None,
            keep_alive: Frame::new(),
            has_ended: false,
        }
    }
}

impl<S, K> EventBody<S, K> {
    /// Sends an empty comment whenever `ticks` yields and no frame is ready; see
    /// [`keep_alive_with`](Self::keep_alive_with).
    ///
    /// ```
    /// use futures_util::stream;
    /// use sse_wire::{Frame, body::EventBody};
    ///
    /// let frames = stream::pending::<Result<Frame, std::io::Error>>();
    /// // With tokio: `IntervalStream::new(interval_at(Instant::now() + period, period))`; `interval(period)` begins with a tick.
    /// let ticks = stream::pending::<()>();
    /// let body = EventBody::new(frames).keep_alive(ticks);
    /// # drop(body);
    /// ```
    pub fn keep_alive<T: Stream>(self, ticks: T) -> EventBody<S, T> {
        let comment = Frame::from_bytes_unchecked(Bytes::from_static(b":\n\n"));
        self.keep_alive_with(ticks, comment)
    }

    /// Sends `frame` whenever `ticks` yields and no frame is ready.
    ///
    /// A tick counts whether or not frames were sent since the last one. Ticks that accumulate,
    /// while the client is slow or frames are ready, count as one. When `ticks` ends, no more
    /// keep-alives are sent. The body ends with the stream of frames, whether or not `ticks` has
    /// ended.
    pub fn keep_alive_with<T: Stream>(self, ticks: T, frame: Frame) -> EventBody<S, T> {
        EventBody {
            frames: self.frames,
            ticks: Some(ticks),
            keep_alive: frame,
            has_ended: self.has_ended,
        }
    }

    /// Returns the stream of frames.
    pub const fn get_ref(&self) -> &S {
        &self.frames
    }
}

impl<S, K, F, E> Stream for EventBody<S, K>
where
    S: Stream<Item = Result<F, E>>,
    F: Into<Frame>,
    K: Stream,
{
    type Item = Result<Bytes, E>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut body = self.project();
        if *body.has_ended {
            return Poll::Ready(None);
        }
        // Empty frames are skipped: some consumers take an empty chunk for the end.
        for _ in 0..FRAMES_AT_ONCE {
            match body.frames.as_mut().poll_next(context) {
                Poll::Ready(Some(Ok(frame))) => {
                    let bytes = frame.into().into_bytes();
                    if !bytes.is_empty() {
                        return Poll::Ready(Some(Ok(bytes)));
                    }
                }
                Poll::Ready(Some(Err(error))) => {
                    *body.has_ended = true;
                    body.ticks.set(None);
                    return Poll::Ready(Some(Err(error)));
                }
                Poll::Ready(None) => {
                    *body.has_ended = true;
                    body.ticks.set(None);
                    return Poll::Ready(None);
                }
                Poll::Pending => {
                    let Some(ticks) = body.ticks.as_mut().as_pin_mut() else {
                        return Poll::Pending;
                    };
                    let (has_ticked, has_ended) = has_ticked(ticks, context);
                    if has_ended {
                        body.ticks.set(None);
                    }
                    if has_ticked && !body.keep_alive.is_empty() {
                        return Poll::Ready(Some(Ok(body.keep_alive.as_bytes().clone())));
                    }
                    return Poll::Pending;
                }
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, self.has_ended.then_some(0))
    }
}

/// Returns whether there was a tick, and whether the stream has ended. Accumulated ticks count as
/// one.
fn has_ticked<K: Stream>(mut ticks: Pin<&mut K>, context: &mut Context<'_>) -> (bool, bool) {
    for number in 0..TICKS_AT_ONCE {
        match ticks.as_mut().poll_next(context) {
            Poll::Ready(Some(_)) => {}
            Poll::Ready(None) => return (number > 0, true),
            Poll::Pending => return (number > 0, false),
        }
    }
    (true, false)
}

impl<S, K, F, E> FusedStream for EventBody<S, K>
where
    S: Stream<Item = Result<F, E>>,
    F: Into<Frame>,
    K: Stream,
{
    fn is_terminated(&self) -> bool {
        self.has_ended
    }
}

impl<S, K, F, E> Body for EventBody<S, K>
where
    S: Stream<Item = Result<F, E>>,
    F: Into<Frame>,
    K: Stream,
{
    type Data = Bytes;
    type Error = E;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, E>>> {
        self.poll_next(context)
            .map(|bytes| bytes.map(|bytes| bytes.map(http_body::Frame::data)))
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
            .field("keep_alive", &self.keep_alive)
            .field("has_ended", &self.has_ended)
            .finish_non_exhaustive()
    }
}

/// The ticks of an [`EventBody`] without keep-alive: a stream that yields nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there is nothing to add")]
pub enum NoTicks {}

impl Stream for NoTicks {
    type Item = ();

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<()>> {
        match *self {}
    }
}
