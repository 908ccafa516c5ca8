//! Guides: choosing an adapter, migrating from other crates, reconnecting, relaying, replaying
//! events, and an index of topics.

// Their code needs HTTP crates, so the package of the example clients tests it.
#[cfg_attr(not(doctest), doc = include_str!("guide/choosing_an_adapter.md"))]
#[doc(alias("reqwest", "axum", "hyper"))]
pub mod choosing_an_adapter {}

#[cfg_attr(not(doctest), doc = include_str!("guide/coming_from.md"))]
#[doc(alias("eventsource-stream", "reqwest-eventsource", "sse-stream", "axum"))]
pub mod coming_from {}

#[cfg_attr(not(doctest), doc = include_str!("guide/never_lose_an_event.md"))]
#[doc(alias("last-event-id"))]
pub mod never_lose_an_event {}

#[cfg_attr(not(doctest), doc = include_str!("guide/relaying.md"))]
pub mod relaying {}

#[cfg_attr(not(doctest), doc = include_str!("guide/staying_connected.md"))]
#[doc(alias("reqwest", "openai", "llm", "keep-alive"))]
pub mod staying_connected {}

#[cfg_attr(not(doctest), doc = include_str!("guide/topic_by_topic.md"))]
#[doc(alias("gateway", "jwt", "gzip", "nginx", "websocket", "redis"))]
pub mod topic_by_topic {}
