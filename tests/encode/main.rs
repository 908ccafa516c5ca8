//! Encoding: all encoders write the same bytes, and a client receives exactly what was sent.

#[path = "../common/mod.rs"]
mod common;

mod block;
#[cfg(feature = "bytes")]
mod frame;
mod headers;
mod injection;
mod line_ends;
#[cfg(feature = "bytes")]
mod relay;
mod round_trip;
mod serialize_vectors;
mod values;
mod ways;
#[cfg(feature = "std")]
mod write_to;
#[cfg(feature = "std")]
mod written_data;
