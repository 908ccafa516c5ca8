//! Events from tokio's [`AsyncRead`](::tokio::io::AsyncRead), and in the `Framed` of tokio-util.
//!
//! [`EventReader`] borrows events from its chunk, without an allocation. [`EventCodec`] gives owned
//! events, and encodes as well.

mod codec;
mod reader;

pub use codec::EventCodec;
pub use reader::EventReader;
