#![no_std]
#![forbid(unsafe_code)]
#![warn(clippy::indexing_slicing, clippy::unwrap_used)]
#![cfg_attr(docsrs, feature(doc_cfg))]
// The documentation speaks of all features; it is published with all of them.
#![cfg_attr(
    not(all(
        feature = "std",
        feature = "http-body",
        feature = "tokio",
        feature = "embedded-io",
        feature = "embedded-io-async",
        feature = "json",
    )),
    allow(rustdoc::broken_intra_doc_links)
)]
//! Reads and writes `text/event-stream` (Server-Sent Events, [WHATWG HTML 9.2][spec]) exactly as a
//! browser does.
//!
//! A sans-I/O codec and client state machine: your HTTP client or server moves the bytes. It is
//! neither of these itself.
//!
//! # Read from reqwest
//!
//! With the feature `stream`, from reqwest or any other `Stream` of chunks:
//!
//! ```
//! # #[cfg(feature = "stream")]
//! # async fn read<S, E>(body: S) -> Result<(), Box<dyn std::error::Error>>
//! # where
//! #     S: futures_core::Stream<Item = Result<Vec<u8>, E>> + Unpin,
//! #     E: std::error::Error + 'static,
//! # {
//! # struct Response<S>(S);
//! # impl<S> Response<S> { fn bytes_stream(self) -> S { self.0 } }
//! # let response = Response(body);
//! use sse_wire::stream::EventStreamExt;
//!
//! let mut events = response.bytes_stream().events();
//! while let Some(event) = events.next_event().await? {
//!     println!("{}: {}", event.event_type(), event.data()); // borrowed until the next call
//! }
//! # Ok(())
//! # }
//! ```
//!
//! To keep an event, store it or send it to another task, call [`Event::into_owned`]. Or read
//! `events` as a `Stream`: it yields [`OwnedEvent`]s.
//!
//! # Answer from axum
//!
//! With the feature `http-body`, for axum, hyper and other servers whose bodies are `http-body`:
//!
//! ```
//! # #[cfg(feature = "http-body")]
//! # fn answer(texts: impl futures_util::Stream<Item = String>) -> http::Response<impl http_body::Body> {
//! use std::{convert::Infallible, time::Duration};
//! use futures_util::StreamExt;
//! use sse_wire::{Frame, Outgoing, body::EventBody};
//!
//! let frames = texts.map(|text| Ok::<_, Infallible>(Frame::from(Outgoing::message(&text))));
//! EventBody::new(frames).keep_alive(Duration::from_secs(15), tokio::time::sleep).into_response()
//! # }
//! ```
//!
//! # Stay connected
//!
//! With the feature `stream`, [`reconnect::ReconnectingStream`] reconnects with the last event ID,
//! after a delay with backoff and jitter. It takes three closures: one makes a request, one turns
//! the response into a stream of chunks, and one sleeps.
//!
//! ```
//! # #[cfg(feature = "stream")]
//! # async fn listen() {
//! # use futures_util::future::{self, Ready};
//! # use futures_util::stream::{self, Empty};
//! # use std::io;
//! # struct Response { status: u16, content_type: &'static str }
//! # impl Response { fn bytes_stream(self) -> Empty<io::Result<Vec<u8>>> { stream::empty() } }
//! # fn get(_: Vec<(&str, &str)>) -> Ready<io::Result<Response>> {
//! #     future::ready(Ok(Response { status: 204, content_type: "" }))
//! # }
//! use futures_util::StreamExt;
//! use sse_wire::client::{EventSource, Request};
//! use sse_wire::reconnect::{Head, ReconnectingStream, Update};
//!
//! let connect = |request: Request<'_>| {
//!     let sending = get(request.headers().collect()); // any HTTP client
//!     async move {
//!         let response = sending.await?;
//!         Ok::<_, io::Error>((Head::new(response.status, [response.content_type]), response))
//!     }
//! };
//! let (source, body) = (EventSource::default(), |response: Response| response.bytes_stream());
//! let updates = ReconnectingStream::from_fns(source, connect, body, tokio::time::sleep);
//! let mut updates = std::pin::pin!(updates);
//! while let Some(update) = updates.next().await {
//!     match update {
//!         Ok(Update::Item(event)) => println!("{}", event.data()), // an `OwnedEvent`
//!         Ok(_) => {} // connected, or reconnecting, with the reason and the delay
//!         Err(error) => eprintln!("{error}"), // an oversized event, or the end
//!     }
//! }
//! # }
//! ```
//!
//! The guide [staying connected](guide::staying_connected) has the closures for reqwest, timeouts,
//! and policies for giving up.
//!
//! # Without an adapter
//!
//! The decoder takes bytes from anywhere, in chunks of any size, and the encoder appends to any
//! buffer:
//!
//! ```
//! use sse_wire::{EventDecoder, EventType, LastEventId, Outgoing};
//!
//! let mut bytes = Vec::new();
//! let tick = Outgoing::event(EventType::from_static("tick"), "hello\nworld");
//! tick.id(LastEventId::new("42")?).encode(&mut bytes);
//! assert_eq!(bytes, b"event: tick\nid: 42\ndata: hello\ndata: world\n\n");
//!
//! let mut decoder = EventDecoder::new();
//! for mut chunk in bytes.chunks(16) {
//!     while let Some(event) = decoder.decode(&mut chunk)? {
//!         assert_eq!((event.event_type(), event.data()), ("tick", "hello\nworld"));
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Each call advances `chunk` past the bytes it consumed, so `chunk` must be a variable outside the
//! `while let`. With `decode(&mut &chunk[..])` every call would start at the beginning of the
//! chunk, and the loop would not end.
//!
//! # What to use
//!
//! | you have | you use | features |
//! |---|---|---|
//! | reqwest, or a `Stream` of chunks | [`stream::EventStreamExt`], [`reconnect::ReconnectingStream`] | `stream` |
//! | hyper, axum, actix-web | [`body::EventBodyExt`], [`body::EventBody`] | `http-body` |
//! | tokio's `AsyncRead`, a `Framed` | [`tokio::EventReader`], [`tokio::EventCodec`] | `tokio` |
//! | ureq, `std::io` | [`io::EventReader`], [`io::EventWriter`], [`reconnect::ReconnectingReader`] | `std` |
//! | embassy, `embedded-io` | [`embedded::EventReader`], [`embedded::EventWriter`] | `embedded-io-async`, `embedded-io` |
//! | bytes from anywhere | [`EventDecoder`], [`FieldParser`], [`Outgoing`] | none |
//! | an HTTP client of any kind, to reconnect | [`client::EventSource`], [`headers`] | none |
//! | many subscribers, which reconnect | [`Frame`], [`replay::ReplayLog`] | `bytes` |
//! | another server's stream, to relay | [`Relay`] | `bytes` |
//! | data that is JSON | [`Event::json`], [`Outgoing::encode_json`] | `json` |
//! | events as values of serde | [`Event`], [`OwnedEvent`] | `serde` |
//!
//! All readers return the same events, and have the same calls: `next_event`, `next_raw_event` (not
//! validated as UTF-8) and `next_item`. An [`Item`] is an event, a comment, a reconnection time, a
//! block without data, or an ignored line.
//!
//! The guides: [choosing an adapter](guide::choosing_an_adapter), [coming from other
//! crates](guide::coming_from), [staying connected](guide::staying_connected),
//! [relaying](guide::relaying), and [never lose an event](guide::never_lose_an_event). [Topic by
//! topic](guide::topic_by_topic) lists code, tests and a command to try for whatever a server needs.
//!
//! # Features
//!
//! - Transports: `stream`, `http-body` (implies `stream` and `bytes`), `tokio` (implies `std` and
//!   `bytes`), `embedded-io`, `embedded-io-async`.
//! - Values: `bytes` ([`Frame`], [`Relay`], [`replay`]), `json` (implies `std` and `serde`), `serde`.
//! - Platform: `std` (default, implies `alloc`); `alloc` for buffers that grow, [`OwnedEvent`] and
//!   [`Outgoing::encode`]. Without these, events are decoded in [buffers that you
//!   provide](EventDecoder::with_buffer), in about 6 KB of code.
//! - Speed: `simd` (default) finds line ends and validates text with vector code.
//!
//! Features are additive. The crates whose types the API shows are re-exported, each with its
//! feature. So import items by name: `use sse_wire::*` would hide the crate `tokio` and others.
//! [Choosing an adapter](guide::choosing_an_adapter#features) lists what each feature adds.
//!
//! # Guarantees
//!
//! - Events and errors depend on the bytes of the stream alone, not on how it is split into chunks.
//! - `n` bytes take O(n) time, for any stream and any split.
//! - [`Limits`] bound the memory, which is given back after an oversized event.
//! - The data and type of an event that lies whole in a chunk, with one data line, are not copied.
//! - No input and no string of a caller causes a panic, and there is no `unsafe` code.
//! - The encoder is injection-safe: a client dispatches the event that was encoded, or none, but no
//!   other.
//!
//! [spec]: https://html.spec.whatwg.org/multipage/server-sent-events.html

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod adapt;
mod buffer;
pub mod client;
mod decode;
mod encode;
mod error;
mod event;
#[cfg(feature = "bytes")]
mod frame;
#[cfg(doc)]
pub mod guide;
pub mod headers;
#[cfg(feature = "json")]
mod json;
mod limits;
mod line_end;
mod parse;
#[cfg(feature = "bytes")]
mod relay;
#[cfg(feature = "bytes")]
#[cfg_attr(docsrs, doc(cfg(feature = "bytes")))]
pub mod replay;
mod text;
mod value;

// The crates whose types the API shows.
#[cfg(feature = "bytes")]
#[cfg_attr(docsrs, doc(cfg(feature = "bytes")))]
#[doc(no_inline)]
pub use ::bytes;
#[cfg(feature = "embedded-io")]
#[cfg_attr(docsrs, doc(cfg(feature = "embedded-io")))]
#[doc(no_inline)]
pub use ::embedded_io;
#[cfg(feature = "embedded-io-async")]
#[cfg_attr(docsrs, doc(cfg(feature = "embedded-io-async")))]
#[doc(no_inline)]
pub use ::embedded_io_async;
#[cfg(feature = "stream")]
#[cfg_attr(docsrs, doc(cfg(feature = "stream")))]
#[doc(no_inline)]
pub use ::futures_core;
#[cfg(feature = "http-body")]
#[cfg_attr(docsrs, doc(cfg(feature = "http-body")))]
#[doc(no_inline)]
pub use ::http_body;
#[cfg(feature = "serde")]
#[cfg_attr(docsrs, doc(cfg(feature = "serde")))]
#[doc(no_inline)]
pub use ::serde;
#[cfg(feature = "json")]
#[cfg_attr(docsrs, doc(cfg(feature = "json")))]
#[doc(no_inline)]
pub use ::serde_json;
#[cfg(feature = "tokio")]
#[cfg_attr(docsrs, doc(cfg(feature = "tokio")))]
#[doc(no_inline)]
pub use ::tokio_util;

#[cfg(feature = "http-body")]
pub use adapt::body;
#[cfg(any(feature = "embedded-io", feature = "embedded-io-async"))]
pub use adapt::embedded;
#[cfg(feature = "std")]
pub use adapt::io;
#[cfg(any(feature = "std", feature = "stream"))]
pub use adapt::reconnect;
#[cfg(feature = "stream")]
pub use adapt::stream;
#[cfg(feature = "tokio")]
pub use adapt::tokio;
pub use buffer::Buffer;
pub use decode::{CutLine, EventDecoder, Incomplete};
#[cfg(feature = "alloc")]
pub use encode::DataWriter;
pub use encode::Outgoing;
#[cfg(feature = "bytes")]
pub use error::InvalidFrame;
#[cfg(any(feature = "embedded-io", feature = "embedded-io-async"))]
pub use error::WriteError;
pub use error::{BufferFull, DecodeError, InvalidEventType, InvalidLastEventId, ReadError};
pub use event::{Event, Item, RawEvent};
#[cfg(feature = "alloc")]
pub use event::{OwnedEvent, OwnedItem};
#[cfg(feature = "bytes")]
pub use frame::Frame;
pub use limits::Limits;
pub use parse::{FieldName, FieldParser, Token};
#[cfg(feature = "bytes")]
pub use relay::Relay;
pub use value::{EventType, LastEventId};

/// Whether to prefer small code to speed, as on a microcontroller: no fast paths, and bytes are
/// examined one by one, not in words or with vectors.
const SMALL: bool = cfg!(not(any(feature = "alloc", feature = "simd")));
