//! Several gateways with one Redis, which fails: Debian's `redis-server`.
//!
//! `GATEWAY_REDIS_RUNS=20` repeats each fault, and `--nocapture` shows the counts: a line that begins
//! with `redis-run` for each run, and one with `redis-fault` for all runs of a fault in a mode.

mod away;
mod bench;
mod blocks;
mod client;
mod entries;
mod epochs;
mod faults;
mod history;
mod judge;
mod limits;
mod nodes;
mod publisher;
mod users;
