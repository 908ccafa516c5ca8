//! The doors, as the tests know them.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "the tests use more of it than this"
)]

#[path = "../../../tests/common/adapters.rs"]
pub mod adapters;
#[path = "../../../tests/common/doors.rs"]
pub mod doors;
#[path = "../../../tests/common/oracle.rs"]
pub mod oracle;
#[path = "../../../tests/common/random.rs"]
pub mod random;
