//! The adapters: the contract that all of them keep, and what is particular to each.
#![cfg(any(
    feature = "std",
    feature = "stream",
    feature = "embedded-io",
    feature = "embedded-io-async"
))]
#![allow(clippy::std_instead_of_alloc, reason = "the tests have std")]

#[path = "../common/mod.rs"]
mod common;

#[cfg(feature = "http-body")]
mod body;
mod contract;
#[cfg(any(feature = "embedded-io", feature = "embedded-io-async"))]
mod embedded;
#[cfg(feature = "std")]
mod io;
#[cfg(feature = "stream")]
mod probe;
#[cfg(feature = "stream")]
mod stream;
#[cfg(feature = "tokio")]
mod tokio;
#[cfg(any(
    feature = "std",
    feature = "embedded-io",
    feature = "embedded-io-async"
))]
mod writers;

use common::allocator;

#[global_allocator]
static ALLOCATOR: allocator::Counting = allocator::Counting;
