//! Decoding: whatever is read means what the standard says, within the limits, however it is split.
#![allow(clippy::std_instead_of_alloc, reason = "the tests have std")]

#[path = "../common/mod.rs"]
mod common;

mod api;
#[cfg(feature = "alloc")]
mod bench_streams;
mod borrowed;
mod documents;
mod end_of_stream;
mod field_parser;
mod limits;
mod mixed_calls;
mod one_grammar;
#[cfg(feature = "alloc")]
mod owned_events;
mod read;
#[cfg(feature = "serde")]
mod serialized;
mod table;
mod vectors;

#[global_allocator]
static ALLOCATOR: common::allocator::Counting = common::allocator::Counting;
