//! The readers of the tests.

#![allow(
    dead_code,
    unnameable_types,
    unreachable_pub,
    reason = "the tests use more of it than this"
)]

#[path = "../../../tests/common/adapters.rs"]
pub mod adapters;
#[path = "../../../tests/common/calls.rs"]
pub mod calls;
#[path = "../../../tests/common/oracle.rs"]
pub mod oracle;
#[path = "../../../tests/common/random.rs"]
pub mod random;
#[path = "../../../tests/common/readers.rs"]
pub mod readers;
#[path = "../../../tests/common/session.rs"]
pub mod session;
#[path = "../../../tests/common/task.rs"]
pub mod task;
#[path = "../../../tests/common/transport.rs"]
pub mod transport;
