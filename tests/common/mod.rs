//! What the tests share: the oracle, the ways to cut a stream, the documents, and the ways to read one.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "several tests share it, and none uses all of it"
)]

#[cfg(any(
    feature = "std",
    feature = "stream",
    feature = "embedded-io",
    feature = "embedded-io-async"
))]
pub mod adapters;
pub mod cuts;
pub mod documents;
pub mod oracle;
pub mod random;
pub mod readers;
pub mod vectors;
