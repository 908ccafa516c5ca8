//! The client: its state machine, the drivers that reconnect by themselves, and the log of a server
//! to which clients reconnect.
//!
//! A new policy is a few rows of `table.rs`: what happens, and what the client does then. The laws
//! of `machine.rs` are checked after every row. A new driver is an entry of `DRIVERS` in
//! `drivers.rs`: all answers of `answers.rs`, and the simulation, run it.
#![allow(
    clippy::std_instead_of_alloc,
    clippy::exhaustive_enums,
    reason = "the tests have std, and nothing outside them builds upon these"
)]

#[allow(dead_code, unnameable_types, unreachable_pub, reason = "shared")]
#[path = "../common/calls.rs"]
mod calls;
#[allow(dead_code, unnameable_types, unreachable_pub, reason = "shared")]
#[path = "../common/oracle.rs"]
mod oracle;
#[allow(dead_code, unnameable_types, unreachable_pub, reason = "shared")]
#[path = "../common/random.rs"]
mod random;
#[cfg(any(feature = "std", feature = "stream"))]
#[allow(dead_code, unnameable_types, unreachable_pub, reason = "shared")]
#[path = "../common/task.rs"]
mod task;
#[cfg(any(feature = "std", feature = "stream"))]
#[allow(dead_code, unnameable_types, unreachable_pub, reason = "shared")]
#[path = "../common/transport.rs"]
mod transport;

#[cfg(any(feature = "std", feature = "stream"))]
mod answers;
#[cfg(any(feature = "std", feature = "stream"))]
mod decisions;
#[cfg(any(feature = "std", feature = "stream"))]
mod drivers;
mod machine;
mod policy;
#[cfg(feature = "bytes")]
mod replay;
#[cfg(all(feature = "bytes", any(feature = "std", feature = "stream")))]
mod simulation;
#[cfg(feature = "stream")]
mod stream;
mod table;
