//! Events from tokio's [`AsyncRead`], and in the `Framed` of tokio-util.
//!
//! [`EventReader`] borrows events from its chunk, without an allocation. [`EventCodec`] yields
//! owned events, and encodes as well.

mod codec;
mod reader;

#[doc(no_inline)]
pub use ::tokio::io::AsyncRead;
pub use codec::EventCodec;
pub use reader::EventReader;
