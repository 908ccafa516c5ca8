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
//! A sans-I/O codec and client state machine: you supply the bytes, in chunks of any size. It is
//! neither an HTTP client nor a server. [Adapters](#adapters) integrate it with the usual
//! transports.
//!
//! # Reading
//!
//! ```
//! use sse_wire::EventDecoder;
//!
//! let mut decoder = EventDecoder::new();
//! for mut chunk in [&b"event: add\ndata: 1"[..], b"\n\ndata: [DONE]\n\n"] {
//!     while let Some(event) = decoder.decode(&mut chunk)? {
//!         println!("{}: {}", event.event_type(), event.data());
//!     }
//! }
//! # Ok::<(), sse_wire::DecodeError>(())
//! ```
//!
//! Each call advances `chunk` past the bytes it consumed, so `chunk` must be a variable outside the
//! `while let`. With `decode(&mut &chunk[..])` every call would start at the beginning of the
//! chunk, and the loop would not end.
//!
//! # Writing
//!
//! ```
//! use sse_wire::{EventType, LastEventId, Outgoing};
//!
//! let mut out = Vec::new();
//! let tick = Outgoing::event(EventType::from_static("tick"), "hello\nworld");
//! tick.id(LastEventId::new("42")?).encode(&mut out);
//! assert_eq!(out, b"event: tick\nid: 42\ndata: hello\ndata: world\n\n");
//! # Ok::<(), sse_wire::InvalidLastEventId>(())
//! ```
//!
//! # Layers
//!
//! Each layer is public:
//!
//! - [`FieldParser`] (9.2.5): bytes to fields and comments, borrowed from the input, in a few bytes
//!   of state.
//! - [`EventDecoder`] (9.2.6): fields to events, as text ([`decode`](EventDecoder::decode)), as
//!   bytes ([`decode_raw`](EventDecoder::decode_raw)), as copies
//!   ([`decode_owned`](EventDecoder::decode_owned)), or with comments and reconnection times
//!   ([`decode_item`](EventDecoder::decode_item)). It tracks the last event ID, and handles a
//!   stream's [end](EventDecoder::finish). [`Limits`] bound what it buffers.
//! - [`Outgoing`]: encodes events and comments, from values that have been validated
//!   ([`EventType`], [`LastEventId`]).
//!
//! # Adapters
//!
//! All adapters return the same events, and have the same calls to read them: those that borrow are
//! named `next_event`, `next_raw_event` and `next_item`. The guide [choosing an
//! adapter](guide::choosing_an_adapter) compares what they cost, and [coming
//! from](guide::coming_from) shows what changes for users of other crates.
//!
//! - [`stream`]: `response.bytes_stream().events()`, for any `Stream` of chunks.
//! - [`body`]: reads events from any body of `http-body`, and makes a response's body from frames,
//!   with keep-alive.
//! - [`tokio`]: reads events from an `AsyncRead`, and has a codec for `Framed`.
//! - [`io`]: reads from and writes to the readers and writers of the standard library.
//! - [`embedded`]: reads from and writes to those of embedded systems, blocking and asynchronously,
//!   in buffers that you provide.
//! - [`headers`]: the HTTP headers of event streams, without an HTTP crate.
//! - [`Frame`]: encoded once, cloned for each subscriber.
//!
//! # Staying connected
//!
//! - [`client`]: decides when to reconnect, with which last event ID, after which delay, and when
//!   to give up. It is the connection of an `EventSource` as a state machine without I/O, for any
//!   HTTP client. See the guide [staying connected](guide::staying_connected).
//! - [`reconnect`]: drives it, as a `Stream` or as an `Iterator`.
//! - [`replay`]: the server's log of the last frames. See the guide [never lose an
//!   event](guide::never_lose_an_event).
//!
//! # Features
//!
//! - `std` (default, implies `alloc`): [`io`], [`reconnect::ReconnectingReader`],
//!   [`Outgoing::write_to`], and SIMD chosen at run time.
//! - `simd` (default): speed only. Line ends are found 32 and 64 bytes at a time, and text is
//!   validated with vector code.
//! - `alloc`: buffers that grow ([`EventDecoder::new`]), [`OwnedEvent`], [`Outgoing::encode`],
//!   [`Outgoing::encode_with`].
//! - `stream` (implies `alloc`): [`stream`] and [`reconnect::ReconnectingStream`], in any runtime.
//! - `bytes` (implies `alloc`): [`Frame`], [`replay`], and [`OwnedEvent::into_data_bytes`].
//! - `http-body` (implies `stream` and `bytes`): [`body`].
//! - `tokio` (implies `bytes` and `std`): [`tokio`].
//! - `embedded-io`, `embedded-io-async`: [`embedded`].
//! - `serde` (implies `alloc`): [`Event`] and [`OwnedEvent`] can be serialized, and an [`OwnedEvent`]
//!   deserialized, with the names of the DOM's `MessageEvent`.
//! - `json` (implies `std` and `serde`): data as JSON, by [`Event::json`], [`Outgoing::encode_json`]
//!   and, with `bytes`, [`Outgoing::json`].
//!
//! The crates whose types the API shows are re-exported, each with its feature. Features are
//! additive. Without any, everything else works in [buffers that you
//! provide](EventDecoder::with_buffer). Without `alloc` and `simd` the code is small rather than
//! fast: 6 KB for `decode`.
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

// Its examples need these features.
#[cfg(all(doctest, feature = "json", feature = "http-body"))]
#[doc = include_str!("../README.md")]
struct Readme;
