//! The readers of the tests.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "the tests use more of it than this"
)]

#[path = "../../../tests/common/adapters.rs"]
pub mod adapters;
#[path = "../../../tests/common/oracle.rs"]
pub mod oracle;
#[path = "../../../tests/common/random.rs"]
pub mod random;
#[path = "../../../tests/common/readers.rs"]
pub mod readers;
