//! A server of Server-Sent Events to start from: its parts, for its program and its tests.

extern crate alloc;

pub mod check;
pub mod load;
