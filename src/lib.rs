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
    )),
    allow(rustdoc::broken_intra_doc_links)
)]
//! Reads and writes `text/event-stream` (Server-Sent Events, [WHATWG HTML 9.2][spec]) exactly as a browser does.
//!
//! It is a codec, and a client's connection state, and moves no bytes itself: it is neither an HTTP client nor a server. Any transport can
//! drive it, in chunks of any size, and there are doors for the usual ones.
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
//! The chunk must be a variable outside the `while let`: each call takes what it read off its front. Writing
//! `decode(&mut &chunk[..])` there would begin the same chunk again for ever.
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
//! # The floors
//!
//! Bytes become fields, fields become events, and each floor is public:
//!
//! - [`FieldParser`] (9.2.5): fields and comments, borrowed from the input, in a few bytes of state.
//! - [`EventDecoder`] (9.2.6): events as text ([`decode`](EventDecoder::decode)), as bytes
//!   ([`decode_raw`](EventDecoder::decode_raw)), as copies ([`decode_owned`](EventDecoder::decode_owned)), or with comments and
//!   reconnection times ([`decode_item`](EventDecoder::decode_item)). It tracks the last event ID, and handles a stream's
//!   [end](EventDecoder::finish). What it buffers is bounded by [`Limits`].
//! - [`Outgoing`]: events and comments to send, out of values that have been validated ([`EventType`], [`LastEventId`]).
//!
//! # Adapters
//!
//! The same codec under the transports of each ecosystem, with the same events whichever it is, and the same calls to read them: those
//! that borrow are called `next_event`, `next_raw_event` and `next_item` everywhere. The guide
//! [choosing an adapter](guide::choosing_an_adapter) says which fits what you have, and what it costs;
//! [coming from](guide::coming_from) shows what changes for users of other crates.
//!
//! - [`stream`]: `response.bytes_stream().events()`, and any other `Stream` of chunks.
//! - [`body`]: events from any body of `http-body`, and a response's body from frames, with keep-alive.
//! - [`tokio`]: events from an `AsyncRead`, and a codec for `Framed`.
//! - [`io`]: readers and writers of the standard library.
//! - [`embedded`]: those of embedded systems, blocking and asynchronous, in buffers that you provide.
//! - [`headers`]: what HTTP has to say of event streams, without an HTTP crate.
//! - [`Frame`]: encoded once, cloned for each subscriber.
//!
//! # Staying connected
//!
//! - [`client`]: when to connect again, with which last event ID, after which wait, and when to give up: the connection of an
//!   `EventSource` as a state machine without I/O, under any HTTP client. The guide [staying connected](guide::staying_connected) shows how.
//! - [`reconnect`]: the same as a `Stream`, and as an `Iterator`, which connect again by themselves.
//! - [`replay`]: the server's half, a log of the last frames; see [never lose an event](guide::never_lose_an_event).
//!
//! # Features
//!
//! - `std` (default, implies `alloc`): [`io`], [`reconnect::ReconnectingReader`], [`Outgoing::write_to`], and SIMD that is chosen at run time.
//! - `simd` (default): speed only. Line ends are found 32 and 64 bytes at a time, and text is validated with vector code.
//! - `alloc`: buffers that grow ([`EventDecoder::new`]), [`OwnedEvent`], [`Outgoing::encode`], [`Outgoing::encode_with`].
//! - `stream`: [`stream`] and [`reconnect::ReconnectingStream`], in any runtime.
//! - `bytes`: [`Frame`], [`replay`], and [`OwnedEvent::into_data_bytes`].
//! - `http-body` (implies `stream` and `bytes`): [`body`].
//! - `tokio` (implies `bytes` and `std`): [`tokio`].
//! - `embedded-io`, `embedded-io-async`: [`embedded`].
//! - None: everything else, with [buffers that you provide](EventDecoder::with_buffer): 6 KB of code, where speed counts for less; `simd` makes it
//!   fast without `alloc`, too.
//!
//! Features are additive.
//!
//! # Guarantees
//!
//! - The events, and the errors, depend on the bytes of the stream alone, never on how they are cut.
//! - `n` bytes take O(n) time, for any stream and any cuts.
//! - Memory is bounded by the [`Limits`], and given back after a large event.
//! - Nothing is copied of the data and the type of an event that lies whole in a chunk, with one data line.
//! - No input and no string of a caller makes it panic; there is no `unsafe` in it.
//! - Whatever strings are sent, the other side dispatches that event, or none, but no other.
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
mod limits;
mod line_end;
mod parse;
#[cfg(feature = "bytes")]
#[cfg_attr(docsrs, doc(cfg(feature = "bytes")))]
pub mod replay;
mod text;
mod value;

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
pub use value::{EventType, LastEventId};

/// Whether little code counts for more than speed, as on a microcontroller: what is common takes no short ways then, and bytes are
/// looked at one by one, not in words or with vectors.
const SMALL: bool = cfg!(not(any(feature = "alloc", feature = "simd")));

// It shows all doors.
#[cfg(all(doctest, feature = "std", feature = "http-body"))]
#[doc = include_str!("../README.md")]
struct Readme;
