//! What an attack costs, in memory and in time.

mod linear;
mod memory;
mod readers;
