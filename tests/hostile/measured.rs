//! What an attack costs, in memory and in time.

mod doors;
mod linear;
mod memory;
