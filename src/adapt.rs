//! The doors: the codec under the transports of each ecosystem. None of them knows the format.
//!
//! Reading, each resolves the places that [`EventDecoder::step`](crate::EventDecoder) gives in its own chunk; writing, each
//! sends what [`Outgoing`](crate::Outgoing) encodes.

#[cfg(feature = "http-body")]
#[cfg_attr(docsrs, doc(cfg(feature = "http-body")))]
pub mod body;
#[cfg(feature = "tokio-util")]
#[cfg_attr(docsrs, doc(cfg(feature = "tokio-util")))]
pub mod codec;
#[cfg(any(feature = "embedded-io", feature = "embedded-io-async"))]
#[cfg_attr(
    docsrs,
    doc(cfg(any(feature = "embedded-io", feature = "embedded-io-async")))
)]
pub mod embedded;
#[cfg(feature = "std")]
#[cfg_attr(docsrs, doc(cfg(feature = "std")))]
pub mod io;
#[cfg(any(feature = "std", all(feature = "bytes", feature = "futures-core")))]
#[cfg_attr(
    docsrs,
    doc(cfg(any(feature = "std", all(feature = "bytes", feature = "futures-core"))))
)]
pub mod reconnect;
#[cfg(feature = "futures-core")]
#[cfg_attr(docsrs, doc(cfg(feature = "futures-core")))]
pub mod stream;
