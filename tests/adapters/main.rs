//! The adapters: the contract that all of them keep, and what is particular to each.

#[path = "../common/mod.rs"]
mod common;

mod contract;
