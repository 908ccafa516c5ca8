//! Events from any [`Body`] of `http-body`, and a [`Body`] made from frames.

use core::pin::Pin;
use core::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use futures_core::{FusedStream, Stream};
use http_body::Body;
use pin_project_lite::pin_project;

use super::stream::EventStream;
use crate::event::OwnedItem;

mod keep_alive;
mod response;

pub use keep_alive::KeepAlive;
pub use response::EventBody;

/// Turns a body into a stream of events.
#[doc(alias("sse", "hyper", "axum"))]
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

    /// Decodes [items](OwnedItem), in wire order; see [`EventStream`].
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

    /// Returns a mutable reference to the body. Bytes that are read from it are missing from the
    /// stream.
    pub const fn get_mut(&mut self) -> &mut B {
        &mut self.body
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

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, self.body.is_end_stream().then_some(0))
    }
}

impl<B: Body> FusedStream for BodyChunks<B> {
    fn is_terminated(&self) -> bool {
        self.body.is_end_stream()
    }
}
