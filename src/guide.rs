//! Guides: which part of the crate fits what you have, and how to come here from elsewhere.
//!
//! There is nothing but text in here.

// Not tested from here: their snippets need HTTP crates, which the examples depend on, and where they are compiled.
#[cfg_attr(not(doctest), doc = include_str!("guide/choosing_an_adapter.md"))]
pub mod choosing_an_adapter {}

#[cfg_attr(not(doctest), doc = include_str!("guide/coming_from.md"))]
pub mod coming_from {}

#[cfg_attr(not(doctest), doc = include_str!("guide/never_lose_an_event.md"))]
pub mod never_lose_an_event {}

#[cfg_attr(not(doctest), doc = include_str!("guide/staying_connected.md"))]
pub mod staying_connected {}
