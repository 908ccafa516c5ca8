//! The calls whose events borrow from the chunk.

use core::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use super::{ErrorOf, ReconnectingStream, Transport, Update};
use crate::client::EventSource;
use crate::decode::Found;
use crate::event::{Event, Item, RawEvent};

/// An update with what was found, if it is an item.
type FoundUpdate<X> = Option<
    Update<Found, <X as Transport>::Opened, <X as Transport>::Response, <X as Transport>::Error>,
>;

/// The outcome of a call that borrows an item `T` from a chunk.
type Borrowed<T, X> = Result<
    Option<
        Update<T, <X as Transport>::Opened, <X as Transport>::Response, <X as Transport>::Error>,
    >,
    ErrorOf<X>,
>;

impl<X: Transport, T> ReconnectingStream<X, T> {
    /// Waits for the next update, with an event that borrows from the chunk; `None` is the end.
    ///
    /// # Errors
    ///
    /// See [`ReconnectingStream`].
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses nothing.
    pub fn next_event<'a>(
        self: Pin<&'a mut Self>,
    ) -> impl Future<Output = Borrowed<Event<'a>, X>> + use<'a, X, T> {
        Next {
            stream: Some(self),
            items: false,
            resolve: Self::event,
        }
    }

    /// Waits for the next update, with an event as bytes that borrow from the chunk; `None` is the
    /// end.
    ///
    /// # Errors
    ///
    /// See [`ReconnectingStream`].
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses nothing.
    pub fn next_raw_event<'a>(
        self: Pin<&'a mut Self>,
    ) -> impl Future<Output = Borrowed<RawEvent<'a>, X>> + use<'a, X, T> {
        Next {
            stream: Some(self),
            items: false,
            resolve: Self::raw_event,
        }
    }

    /// Waits for the next update, with an [item](Item) that borrows from the chunk; `None` is the
    /// end.
    ///
    /// # Errors
    ///
    /// See [`ReconnectingStream`].
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses nothing.
    pub fn next_item<'a>(
        self: Pin<&'a mut Self>,
    ) -> impl Future<Output = Borrowed<Item<'a>, X>> + use<'a, X, T> {
        Next {
            stream: Some(self),
            items: true,
            resolve: Self::item,
        }
    }

    /// Polls for the next update, with an event that borrows from the chunk; see
    /// [`next_event`](Self::next_event).
    ///
    /// # Errors
    ///
    /// See [`ReconnectingStream`].
    pub fn poll_next_event<'a>(
        mut self: Pin<&'a mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Borrowed<Event<'a>, X>> {
        let found = ready!(self.as_mut().poll_found(context, false))?;
        Poll::Ready(self.event(found))
    }

    /// Polls for the next update, with an event as bytes that borrow from the chunk; see
    /// [`next_raw_event`](Self::next_raw_event).
    ///
    /// # Errors
    ///
    /// See [`ReconnectingStream`].
    pub fn poll_next_raw_event<'a>(
        mut self: Pin<&'a mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Borrowed<RawEvent<'a>, X>> {
        let found = ready!(self.as_mut().poll_found(context, false))?;
        Poll::Ready(self.raw_event(found))
    }

    /// Polls for the next update, with an [item](Item) that borrows from the chunk; see
    /// [`next_item`](Self::next_item).
    ///
    /// # Errors
    ///
    /// See [`ReconnectingStream`].
    pub fn poll_next_item<'a>(
        mut self: Pin<&'a mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Borrowed<Item<'a>, X>> {
        let found = ready!(self.as_mut().poll_found(context, true))?;
        Poll::Ready(self.item(found))
    }

    fn poll_found(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        items: bool,
    ) -> Poll<Borrowed<Found, X>> {
        let found = self.poll_update(context, |source, input| source.find(input, items));
        found.map(Option::transpose)
    }

    /// Resolves the event that was found, as text.
    fn event<'a>(self: Pin<&'a mut Self>, found: FoundUpdate<X>) -> Borrowed<Event<'a>, X> {
        let (source, whole) = self.found();
        let event = found.map(|it| it.try_map(|_| source.resolve_text(whole)));
        Ok(event.transpose()?)
    }

    /// Resolves the event that was found, as bytes.
    fn raw_event<'a>(self: Pin<&'a mut Self>, found: FoundUpdate<X>) -> Borrowed<RawEvent<'a>, X> {
        let (source, whole) = self.found();
        let event = found.map(|it| it.try_map(|_| Ok(source.resolve_raw(whole))));
        event.transpose()
    }

    /// Resolves what was found.
    fn item<'a>(self: Pin<&'a mut Self>, found: FoundUpdate<X>) -> Borrowed<Item<'a>, X> {
        let (source, whole) = self.found();
        let item = found.map(|it| it.try_map(|found| source.resolve_item(whole, found)));
        Ok(item.transpose()?)
    }

    /// Returns the input in which something was found, with its decoder.
    fn found(self: Pin<&mut Self>) -> (&mut EventSource, &[u8]) {
        let this = self.project();
        let chunk = this.chunk.as_ref().map(AsRef::as_ref).unwrap_or_default();
        (this.source, chunk.get(*this.found..).unwrap_or_default())
    }
}

/// Resolves what was found in the chunk of a stream.
type Resolve<'a, X, T, U> =
    fn(Pin<&'a mut ReconnectingStream<X, T>>, FoundUpdate<X>) -> Borrowed<U, X>;

/// Waits for the next update. After it was ready, it has no stream any more, and stays pending.
struct Next<'a, X: Transport, T, U> {
    stream: Option<Pin<&'a mut ReconnectingStream<X, T>>>,
    items: bool,
    resolve: Resolve<'a, X, T, U>,
}

impl<X: Transport, T, U> Future for Next<'_, X, T, U> {
    type Output = Borrowed<U, X>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(mut stream) = self.stream.take() else {
            return Poll::Pending;
        };
        match stream.as_mut().poll_found(context, self.items) {
            Poll::Ready(Ok(found)) => Poll::Ready((self.resolve)(stream, found)),
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                self.stream = Some(stream);
                Poll::Pending
            }
        }
    }
}
