//! Guides: choosing an adapter, migrating from other crates, reconnecting, relaying, and replaying
//! events.

// Their code needs HTTP crates, so the package of the example clients tests it.
#[cfg_attr(not(doctest), doc = include_str!("guide/choosing_an_adapter.md"))]
pub mod choosing_an_adapter {}

#[cfg_attr(not(doctest), doc = include_str!("guide/coming_from.md"))]
pub mod coming_from {}

#[cfg_attr(not(doctest), doc = include_str!("guide/never_lose_an_event.md"))]
pub mod never_lose_an_event {}

#[cfg_attr(not(doctest), doc = include_str!("guide/relaying.md"))]
pub mod relaying {}

#[cfg_attr(not(doctest), doc = include_str!("guide/staying_connected.md"))]
pub mod staying_connected {}
