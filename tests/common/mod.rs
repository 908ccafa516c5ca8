//! What the tests share: the oracle, the ways to cut a stream, the documents, and the ways to read one.

#![allow(
    clippy::std_instead_of_alloc,
    dead_code,
    unnameable_types,
    unreachable_pub,
    reason = "several tests, which have std, share it, and none uses all of it"
)]

pub mod adapters;
pub mod allocator;
pub mod calls;
pub mod cuts;
pub mod documents;
pub mod oracle;
pub mod random;
pub mod readers;
pub mod session;
pub mod task;
pub mod transport;
pub mod vectors;
