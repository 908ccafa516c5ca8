//! The adapters: the codec under the transports of each ecosystem. They have no protocol logic.
//!
//! Reading, each resolves in its own chunk what [`EventDecoder::step`](crate::EventDecoder) finds;
//! writing, each sends what [`Outgoing`](crate::Outgoing) encodes.

#[cfg(feature = "http-body")]
#[cfg_attr(docsrs, doc(cfg(feature = "http-body")))]
pub mod body;
#[cfg(any(feature = "stream", feature = "tokio"))]
mod budget;
#[cfg(any(
    feature = "stream",
    feature = "tokio",
    feature = "embedded-io",
    feature = "embedded-io-async"
))]
mod chunk_decoder;
#[cfg(any(feature = "embedded-io", feature = "embedded-io-async"))]
#[cfg_attr(
    docsrs,
    doc(cfg(any(feature = "embedded-io", feature = "embedded-io-async")))
)]
pub mod embedded;
#[cfg(any(
    feature = "std",
    feature = "stream",
    feature = "tokio",
    feature = "embedded-io",
    feature = "embedded-io-async"
))]
mod end;
#[cfg(feature = "std")]
#[cfg_attr(docsrs, doc(cfg(feature = "std")))]
pub mod io;
#[cfg(any(feature = "stream", feature = "tokio"))]
mod next;
#[cfg(any(feature = "std", feature = "stream"))]
#[cfg_attr(docsrs, doc(cfg(any(feature = "std", feature = "stream"))))]
pub mod reconnect;
#[cfg(feature = "stream")]
#[cfg_attr(docsrs, doc(cfg(feature = "stream")))]
pub mod stream;
#[cfg(feature = "tokio")]
#[cfg_attr(docsrs, doc(cfg(feature = "tokio")))]
pub mod tokio;
