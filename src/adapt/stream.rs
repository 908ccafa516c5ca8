//! Events out of any [`Stream`] of chunks.
//!
//! ```
//! # #[cfg(feature = "bytes")]
//! # async fn read<S, E>(response: S) -> Result<(), Box<dyn std::error::Error>>
//! # where
//! #     S: futures_core::Stream<Item = Result<bytes::Bytes, E>> + Unpin,
//! #     E: std::error::Error + 'static,
//! # {
//! use futures_util::StreamExt;
//! use sse_wire::stream::EventStreamExt;
//!
//! let mut events = response.events(); // with reqwest: `response.bytes_stream().events()`
//! while let Some(event) = events.next().await {
//!     let event = event?;
//!     println!("{}: {}", event.event_type(), event.data());
//! }
//! # Ok(())
//! # }
//! ```
//!
//! A function that returns such a stream need not spell its type:
//! `impl Stream<Item = Result<SharedEvent, ReadError<reqwest::Error>>>` says it, too.
//!
//! No runtime is named, and nothing has to be `Unpin` or `Send`: the streams of events are if the stream of chunks is.

use core::{
    fmt,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll, ready},
};

#[cfg(feature = "bytes")]
use bytes::Bytes;
use futures_core::{FusedStream, Stream};
use pin_project_lite::pin_project;

use crate::decode::{CutLine, EventDecoder};
use crate::error::{DecodeError, ReadError};
use crate::event::{Event, IdKeeper, Item, KeptId, OwnedEvent, OwnedItem};
#[cfg(feature = "bytes")]
use crate::shared::{Decoded, SharedDecoder, SharedEvent, SharedItem, SharedRawEvent};

/// After so many chunks in a row without an event, other tasks get their turn.
pub(super) const CHUNKS_AT_ONCE: u32 = 32;
/// After so many bytes in a row without an event, other tasks get their turn.
pub(super) const BYTES_AT_ONCE: usize = 256 * 1024;

/// The streams of events that a stream of chunks can become.
pub trait EventStreamExt: Stream + Sized {
    /// The events as text, which share the memory of the chunks; see [`EventStream`].
    #[cfg(feature = "bytes")]
    #[cfg_attr(docsrs, doc(cfg(feature = "bytes")))]
    fn events<B, E>(self) -> EventStream<Self>
    where
        Self: Stream<Item = Result<B, E>>,
        B: Into<Bytes>,
    {
        EventStream::new(self)
    }

    /// The events as bytes, which are not validated, and share the memory of the chunks; see [`EventStream`].
    #[cfg(feature = "bytes")]
    #[cfg_attr(docsrs, doc(cfg(feature = "bytes")))]
    fn raw_events<B, E>(self) -> EventStream<Self, SharedRawEvent>
    where
        Self: Stream<Item = Result<B, E>>,
        B: Into<Bytes>,
    {
        EventStream::raw(self)
    }

    /// Events, comments and reconnection times in the order in which they came; see [`EventStream`].
    #[cfg(feature = "bytes")]
    #[cfg_attr(docsrs, doc(cfg(feature = "bytes")))]
    fn items<B, E>(self) -> EventStream<Self, SharedItem>
    where
        Self: Stream<Item = Result<B, E>>,
        B: Into<Bytes>,
    {
        EventStream::items(self)
    }

    /// The events as text of their own, for chunks that are not [`Bytes`](https://docs.rs/bytes/1/bytes/struct.Bytes.html);
    /// see [`OwnedEventStream`].
    fn owned_events<B, E>(self) -> OwnedEventStream<Self, B>
    where
        Self: Stream<Item = Result<B, E>>,
        B: AsRef<[u8]>,
    {
        OwnedEventStream::new(self)
    }

    /// Events, comments and reconnection times in the order in which they came, for chunks that are not
    /// [`Bytes`](https://docs.rs/bytes/1/bytes/struct.Bytes.html); see [`OwnedEventStream`].
    fn owned_items<B, E>(self) -> OwnedEventStream<Self, B, OwnedItem>
    where
        Self: Stream<Item = Result<B, E>>,
        B: AsRef<[u8]>,
    {
        OwnedEventStream::items(self)
    }
}

impl<S: Stream> EventStreamExt for S {}

#[cfg(feature = "bytes")]
pin_project! {
    /// Events out of a stream of chunks `Result<B, E>`, with `B: Into<Bytes>`: each is `Result<T, ReadError<E>>`.
    ///
    /// The events share the memory of the chunks; see [`SharedDecoder`]. `T` is [`SharedEvent`], [`SharedRawEvent`], or
    /// [`SharedItem`] for comments and reconnection times as well.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use futures_util::{StreamExt, stream};
    /// use sse_wire::{Limits, SharedDecoder, stream::{EventStream, EventStreamExt}};
    ///
    /// # futures_util::FutureExt::now_or_never(async {
    /// let chunks = ["data: a", "\n\ndata: too large\n\ndata: b\n\n"].map(|chunk| Ok::<_, std::io::Error>(Bytes::from(chunk)));
    /// let decoder = SharedDecoder::with_limits(Limits::new().with_event(8));
    /// let mut events = stream::iter(chunks).events().with_decoder(decoder);
    /// assert_eq!(events.next().await.unwrap()?.data(), "a");
    /// assert!(events.next().await.unwrap().is_err());
    /// assert_eq!(events.next().await.unwrap()?.data(), "b");
    /// assert!(events.next().await.is_none());
    /// # std::io::Result::Ok(())
    /// # }).unwrap()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ReadError::Decode`] when an event exceeds a limit: the stream goes on behind it. [`ReadError::Transport`] is the
    /// error of the stream of chunks, passed on once; then the stream of events is at its end, too.
    ///
    /// # The end
    ///
    /// An event that the end of the stream cuts off is discarded, as the standard says, unless
    /// [`recover_at_end`](Self::recover_at_end) asks for it. The stream is fused: after its end it gives `None` for ever, and leaves the stream
    /// of chunks alone.
    ///
    /// # Cancellation
    ///
    /// Everything that was read is in here, nothing in the future that waits for the next event: dropping that loses nothing, and
    /// another one goes on where it left off. So it can be used in `select!`, and under a timeout.
    ///
    /// # Fairness
    ///
    /// An event is handed over before more is read. A long run of chunks without an event, such as comments and blank lines,
    /// lets other tasks have their turn every 32 chunks or 256 KiB.
    #[derive(Clone)]
    #[must_use = "streams do nothing unless they are polled"]
    pub struct EventStream<S, T = SharedEvent> {
        #[pin]
        driver: Driver<S, Sharing<T>>,
    }
}

pin_project! {
    /// Events out of a stream of chunks `Result<B, E>`, with `B: AsRef<[u8]>`: each is `Result<T, ReadError<E>>`.
    ///
    /// `T` is [`OwnedEvent`], or [`OwnedItem`] for comments and reconnection times as well.
    ///
    /// ```
    /// use futures_util::{StreamExt, stream};
    /// use sse_wire::stream::EventStreamExt;
    ///
    /// # futures_util::FutureExt::now_or_never(async {
    /// let chunks = [&b"data: a"[..], b"\n\n"].map(Ok::<_, std::io::Error>);
    /// let mut events = stream::iter(chunks).owned_events();
    /// assert_eq!(events.next().await.unwrap()?.data(), "a");
    /// assert!(events.next().await.is_none());
    /// # std::io::Result::Ok(())
    /// # }).unwrap()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ReadError::Decode`] when an event exceeds a limit: the stream goes on behind it. [`ReadError::Transport`] is the
    /// error of the stream of chunks, passed on once; then the stream of events is at its end, too.
    ///
    /// # The end
    ///
    /// An event that the end of the stream cuts off is discarded, as the standard says, unless
    /// [`recover_at_end`](Self::recover_at_end) asks for it. The stream is fused.
    ///
    /// # Cancellation
    ///
    /// Dropping a future that waits for the next event loses nothing: everything that was read is in here.
    ///
    /// # Fairness
    ///
    /// An event is handed over before more is read. A long run of chunks without an event, such as comments and blank lines,
    /// lets other tasks have their turn every 32 chunks or 256 KiB.
    #[derive(Clone)]
    #[must_use = "streams do nothing unless they are polled"]
    pub struct OwnedEventStream<S, B, T = OwnedEvent> {
        #[pin]
        driver: Driver<S, Owning<B, T>>,
    }
}

#[cfg(feature = "bytes")]
impl<S> EventStream<S> {
    /// The events of `stream` as text.
    pub fn new(stream: S) -> Self {
        Self::of(stream)
    }
}

#[cfg(feature = "bytes")]
impl<S> EventStream<S, SharedRawEvent> {
    /// The events of `stream` as bytes, which are not validated.
    pub fn raw(stream: S) -> Self {
        Self::of(stream)
    }
}

#[cfg(feature = "bytes")]
impl<S> EventStream<S, SharedItem> {
    /// The events, comments and reconnection times of `stream`.
    pub fn items(stream: S) -> Self {
        Self::of(stream)
    }
}

#[cfg(feature = "bytes")]
impl<S, T> EventStream<S, T> {
    fn of(stream: S) -> Self {
        Self {
            driver: Driver::new(
                stream,
                Sharing {
                    decoder: SharedDecoder::new(),
                    chunk: Bytes::new(),
                    makes: PhantomData,
                },
            ),
        }
    }

    /// Decodes with `decoder`: with other [`Limits`](crate::Limits), or with a last event ID.
    pub fn with_decoder(mut self, decoder: SharedDecoder) -> Self {
        self.driver.port.decoder = decoder;
        self
    }

    /// The decoder: what it knows of the last event ID and the reconnection time.
    pub const fn decoder(&self) -> &SharedDecoder {
        &self.driver.port.decoder
    }

    /// The decoder for the next connection: it knows the last event ID and the reconnection time, and nothing of what
    /// was pending (it has been [restarted](SharedDecoder::restart)).
    pub fn into_decoder(self) -> SharedDecoder {
        let mut decoder = self.driver.port.decoder;
        decoder.restart();
        decoder
    }

    /// Dispatches an event that the end of the stream cuts off: for those who end it with `data: [DONE]` and nothing behind it.
    pub fn recover_at_end(mut self, cut_line: CutLine) -> Self {
        self.driver.recover = Some(cut_line);
        self
    }

    /// Whether the stream has ended, by itself or by an error, within an event, which may have been recovered.
    pub const fn ended_within_event(&self) -> bool {
        self.driver.ended_within_event
    }

    /// The stream of chunks.
    pub const fn inner(&self) -> &S {
        &self.driver.stream
    }

    /// Gives back the stream of chunks; what was read of it and not handed over yet is lost.
    pub fn into_inner(self) -> S {
        self.driver.stream
    }
}

impl<S, B> OwnedEventStream<S, B> {
    /// The events of `stream`.
    pub fn new(stream: S) -> Self {
        Self::of(stream)
    }
}

impl<S, B> OwnedEventStream<S, B, OwnedItem> {
    /// The events, comments and reconnection times of `stream`.
    pub fn items(stream: S) -> Self {
        Self::of(stream)
    }
}

impl<S, B, T> OwnedEventStream<S, B, T> {
    fn of(stream: S) -> Self {
        Self {
            driver: Driver::new(
                stream,
                Owning {
                    decoder: EventDecoder::new(),
                    id: IdKeeper::default(),
                    chunk: None,
                    read: 0,
                    makes: PhantomData,
                },
            ),
        }
    }

    /// Decodes with `decoder`: with other [`Limits`](crate::Limits), or with a last event ID.
    pub fn with_decoder(mut self, decoder: EventDecoder) -> Self {
        self.driver.port.id.update(decoder.last_event_id());
        self.driver.port.decoder = decoder;
        self
    }

    /// The decoder: what it knows of the last event ID and the reconnection time.
    pub const fn decoder(&self) -> &EventDecoder {
        &self.driver.port.decoder
    }

    /// The decoder for the next connection: it knows the last event ID and the reconnection time, and nothing of what
    /// was pending (it has been [restarted](EventDecoder::restart)).
    pub fn into_decoder(self) -> EventDecoder {
        let mut decoder = self.driver.port.decoder;
        decoder.restart();
        decoder
    }

    /// Dispatches an event that the end of the stream cuts off: for those who end it with `data: [DONE]` and nothing behind it.
    pub fn recover_at_end(mut self, cut_line: CutLine) -> Self {
        self.driver.recover = Some(cut_line);
        self
    }

    /// Whether the stream has ended, by itself or by an error, within an event, which may have been recovered.
    pub const fn ended_within_event(&self) -> bool {
        self.driver.ended_within_event
    }

    /// The stream of chunks.
    pub const fn inner(&self) -> &S {
        &self.driver.stream
    }

    /// Gives back the stream of chunks; what was read of it and not handed over yet is lost.
    pub fn into_inner(self) -> S {
        self.driver.stream
    }
}

#[cfg(feature = "bytes")]
impl<S, B, E, T> Stream for EventStream<S, T>
where
    S: Stream<Item = Result<B, E>>,
    B: Into<Bytes>,
    T: Decoded,
{
    type Item = Result<T, ReadError<E>>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.project().driver.poll_next(context)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.driver.size_hint()
    }
}

#[cfg(feature = "bytes")]
impl<S, B, E, T> FusedStream for EventStream<S, T>
where
    S: Stream<Item = Result<B, E>>,
    B: Into<Bytes>,
    T: Decoded,
{
    fn is_terminated(&self) -> bool {
        self.driver.has_ended
    }
}

impl<S, B, E> Stream for OwnedEventStream<S, B>
where
    S: Stream<Item = Result<B, E>>,
    B: AsRef<[u8]>,
{
    type Item = Result<OwnedEvent, ReadError<E>>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.project().driver.poll_next(context)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.driver.size_hint()
    }
}

impl<S, B, E> Stream for OwnedEventStream<S, B, OwnedItem>
where
    S: Stream<Item = Result<B, E>>,
    B: AsRef<[u8]>,
{
    type Item = Result<OwnedItem, ReadError<E>>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.project().driver.poll_next(context)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.driver.size_hint()
    }
}

impl<S, B, T> FusedStream for OwnedEventStream<S, B, T>
where
    Self: Stream,
{
    fn is_terminated(&self) -> bool {
        self.driver.has_ended
    }
}

pin_project! {
    /// Moves chunks into a port, and what it makes of them out.
    #[derive(Clone)]
    struct Driver<S, P> {
        #[pin]
        stream: S,
        port: P,
        recover: Option<CutLine>,
        has_ended: bool,
        ended_within_event: bool,
    }
}

/// A decoder and the chunk that it reads.
trait Port<B> {
    type Out;

    /// Takes a chunk, after the one before was read, and tells its length in bytes.
    fn take(&mut self, chunk: B) -> usize;

    /// Reads on in the chunk; `None` if it was read.
    fn next(&mut self) -> Result<Option<Self::Out>, DecodeError>;

    /// Tells whether the stream has ended within an event, and what is recovered of it.
    fn finish(
        &mut self,
        recover: Option<CutLine>,
    ) -> (bool, Result<Option<Self::Out>, DecodeError>);
}

impl<S, P> Driver<S, P> {
    const fn new(stream: S, port: P) -> Self {
        Self {
            stream,
            port,
            recover: None,
            has_ended: false,
            ended_within_event: false,
        }
    }

    fn poll_next<B, E>(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<P::Out, ReadError<E>>>>
    where
        S: Stream<Item = Result<B, E>>,
        P: Port<B>,
    {
        let mut driver = self.project();
        let (mut chunks, mut bytes) = (0, 0_usize);
        loop {
            if let Some(found) = driver.port.next().transpose() {
                return Poll::Ready(Some(found.map_err(ReadError::Decode)));
            }
            if *driver.has_ended {
                return Poll::Ready(None);
            }
            if chunks >= CHUNKS_AT_ONCE || bytes >= BYTES_AT_ONCE {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            match ready!(driver.stream.as_mut().poll_next(context)) {
                Some(Ok(chunk)) => {
                    chunks += 1;
                    bytes = bytes.saturating_add(driver.port.take(chunk));
                }
                Some(Err(error)) => {
                    *driver.has_ended = true;
                    (*driver.ended_within_event, _) = driver.port.finish(None);
                    return Poll::Ready(Some(Err(ReadError::Transport(error))));
                }
                None => {
                    *driver.has_ended = true;
                    let (within_event, recovered) = driver.port.finish(*driver.recover);
                    *driver.ended_within_event = within_event;
                    let recovered = recovered.transpose();
                    return Poll::Ready(recovered.map(|event| event.map_err(ReadError::Decode)));
                }
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, self.has_ended.then_some(0))
    }
}

/// Chunks of which the events share the memory.
#[cfg(feature = "bytes")]
#[derive(Clone)]
struct Sharing<T> {
    decoder: SharedDecoder,
    chunk: Bytes,
    makes: PhantomData<fn() -> T>,
}

#[cfg(feature = "bytes")]
impl<B: Into<Bytes>, T: Decoded> Port<B> for Sharing<T> {
    type Out = T;

    fn take(&mut self, chunk: B) -> usize {
        self.chunk = chunk.into();
        self.chunk.len()
    }

    fn next(&mut self) -> Result<Option<T>, DecodeError> {
        self.decoder.read(&mut self.chunk)
    }

    fn finish(&mut self, recover: Option<CutLine>) -> (bool, Result<Option<T>, DecodeError>) {
        match (self.decoder.finish(), recover) {
            (Some(incomplete), Some(cut_line)) => (true, T::recover(incomplete, cut_line)),
            (incomplete, _) => (incomplete.is_some(), Ok(None)),
        }
    }
}

/// Chunks out of which the events are copied.
#[derive(Clone)]
struct Owning<B, T> {
    decoder: EventDecoder,
    id: IdKeeper,
    chunk: Option<B>,
    /// How many bytes of the chunk were read.
    read: usize,
    makes: PhantomData<fn() -> T>,
}

/// What is made of a chunk by copying.
trait Owned: Sized {
    /// Whether comments and reconnection times are asked for.
    const ITEMS: bool;

    /// A copy; `None` if it was not asked for.
    fn copy(item: Item<'_>, id: KeptId) -> Option<Self>;

    fn from_event(event: Event<'_>) -> Self;
}

impl Owned for OwnedEvent {
    const ITEMS: bool = false;

    fn copy(item: Item<'_>, id: KeptId) -> Option<Self> {
        match item {
            Item::Event(event) => Some(Self::with_id(event, id)),
            Item::Comment { .. } | Item::Retry(_) => None,
        }
    }

    fn from_event(event: Event<'_>) -> Self {
        event.into()
    }
}

impl Owned for OwnedItem {
    const ITEMS: bool = true;

    fn copy(item: Item<'_>, id: KeptId) -> Option<Self> {
        Some(Self::with_id(item, id))
    }

    fn from_event(event: Event<'_>) -> Self {
        Item::Event(event).into()
    }
}

impl<B: AsRef<[u8]>, T: Owned> Port<B> for Owning<B, T> {
    type Out = T;

    fn take(&mut self, chunk: B) -> usize {
        self.read = 0;
        self.chunk.insert(chunk).as_ref().len()
    }

    fn next(&mut self) -> Result<Option<T>, DecodeError> {
        let Some(chunk) = &self.chunk else {
            return Ok(None);
        };
        let whole = chunk.as_ref().get(self.read..).unwrap_or_default();
        let mut rest = whole;
        let found = self.decoder.step(&mut rest, T::ITEMS);
        let is_read = rest.is_empty();
        let used = whole.len() - rest.len();
        let found = match found {
            Ok(Some(found)) => {
                let id = self.decoder.keep_id(&mut self.id, found);
                let item = self.decoder.lend_item(whole, found);
                item.map(|item| T::copy(item, id))
            }
            Ok(None) => Ok(None),
            Err(error) => Err(error),
        };
        self.read += used;
        if is_read {
            self.chunk = None;
        }
        found
    }

    fn finish(&mut self, recover: Option<CutLine>) -> (bool, Result<Option<T>, DecodeError>) {
        match (self.decoder.finish(), recover) {
            (Some(incomplete), Some(cut_line)) => {
                let event = incomplete.recover(cut_line);
                (true, event.map(|event| event.map(T::from_event)))
            }
            (incomplete, _) => (incomplete.is_some(), Ok(None)),
        }
    }
}

#[cfg(feature = "bytes")]
impl<S, T> fmt::Debug for EventStream<S, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decoder = &self.driver.port.decoder;
        self.driver.write_debug("EventStream", decoder, formatter)
    }
}

impl<S, B, T> fmt::Debug for OwnedEventStream<S, B, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decoder = &self.driver.port.decoder;
        self.driver
            .write_debug("OwnedEventStream", decoder, formatter)
    }
}

impl<S, P> Driver<S, P> {
    fn write_debug(
        &self,
        name: &str,
        decoder: &dyn fmt::Debug,
        formatter: &mut fmt::Formatter<'_>,
    ) -> fmt::Result {
        formatter
            .debug_struct(name)
            .field("decoder", decoder)
            .field("recover", &self.recover)
            .field("has_ended", &self.has_ended)
            .field("ended_within_event", &self.ended_within_event)
            .finish_non_exhaustive()
    }
}
