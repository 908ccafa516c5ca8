//! A server of Server-Sent Events to start from: its parts, for its program and its tests.

pub mod accept;
pub mod app;
pub mod check;
pub mod connection;
mod deadline;
pub mod duration;
pub mod events;
pub mod hub;
pub mod idempotency;
pub mod io;
pub mod load;
pub mod metrics;
pub mod names;
pub mod options;
pub mod per_subscriber;
mod process;
pub mod publish;
pub mod query;
pub mod refusal;
pub mod server;
mod url;
