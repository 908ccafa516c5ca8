//! What the tests of the quantitative promises share.

pub mod allocator;
