//! What the fuzz targets share: how an input becomes a stream and its cuts, or messages to send, and how the decoder's
//! answers become the oracle's words.

#[path = "../../tests/common/oracle.rs"]
pub mod oracle;

pub mod allocations;
pub mod messages;
pub mod plan;
pub mod reading;
