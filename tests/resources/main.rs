//! Time and memory, whatever a stream says: memory is bounded by the limits and given back,
//! events are not allocated for, and n bytes take time in proportion to n.
//!
//! One list of [`streams`] serves all three; `SECURITY.md` has a table of the attacks among them.

#![allow(clippy::std_instead_of_alloc, reason = "the tests have std")]

#[cfg(feature = "alloc")]
#[path = "../../benches/shapes/chunking.rs"]
mod chunking;
#[path = "../common/mod.rs"]
mod common;
#[cfg(feature = "alloc")]
#[path = "../../benches/shapes/mod.rs"]
mod shapes;

#[cfg(feature = "stream")]
mod adapters;
#[cfg(feature = "alloc")]
mod allocations;
mod attacks;
mod driver;
mod encode;
#[cfg(feature = "alloc")]
mod given_back;
#[cfg(feature = "alloc")]
mod linear;
mod memory;
mod streams;

#[global_allocator]
static ALLOCATOR: common::allocator::Counting = common::allocator::Counting;
