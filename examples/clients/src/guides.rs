//! The programs in the README and in the guides of the documentation, which are compiled here, where the crates are that they need; and what several of them use.

pub mod http;

#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;

#[cfg(doctest)]
#[doc = include_str!("../../../src/guide/choosing_an_adapter.md")]
struct ChoosingAnAdapter;

#[cfg(doctest)]
#[doc = include_str!("../../../src/guide/coming_from.md")]
struct ComingFrom;

#[cfg(doctest)]
#[doc = include_str!("../../../src/guide/never_lose_an_event.md")]
struct NeverLoseAnEvent;

#[cfg(doctest)]
#[doc = include_str!("../../../src/guide/relaying.md")]
struct Relaying;

#[cfg(doctest)]
#[doc = include_str!("../../../src/guide/staying_connected.md")]
struct StayingConnected;
