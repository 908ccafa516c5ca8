#![no_std]
#![forbid(unsafe_code)]
#![warn(clippy::indexing_slicing, clippy::unwrap_used)]
#![cfg_attr(docsrs, feature(doc_cfg))]
//! Reads and writes `text/event-stream`.

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod buffer;
mod decode;
mod encode;
mod error;
mod event;
mod limits;
mod parse;
mod value;

pub use buffer::Buffer;
pub use decode::{CutLine, EventDecoder, Incomplete, Item};
#[cfg(feature = "alloc")]
pub use encode::DataWriter;
pub use encode::Outgoing;
pub use error::{BufferFull, DecodeError, InvalidEventType, InvalidLastEventId};
#[cfg(feature = "alloc")]
pub use event::OwnedEvent;
pub use event::{Event, RawEvent};
pub use limits::Limits;
pub use parse::{FieldName, FieldParser, Token};
pub use value::{EventType, LastEventId};
