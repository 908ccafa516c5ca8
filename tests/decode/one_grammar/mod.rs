//! Lines that lie whole in an input and lines that are split across inputs are read in two ways, by
//! one grammar.
//!
//! The decoder reads a whole line without states, and leaves its value in the input. It reads a
//! split line with the states of the parser, and buffers its value. An event of one data line, with
//! or without its type before it, has a fast path if its lines are whole.
//!
//! A stream that comes byte by byte has no whole line, except for blank ones, which consist of a
//! line end. So every line is read with states and a buffer then. The result is compared with the
//! oracle, and with the same stream in one chunk and cut in two. Everything that a caller can
//! observe is compared; see [`Transcript`].
//!
//! [`every_sequence`] reads all sequences of up to so many [`TOKENS`]: each behind every [`Lead`]
//! and before each of the [`TAILS`]. The leads move the tokens across the edges of the blocks of 64
//! bytes in which line ends are searched for. [`Care`] says what is left out for long sequences,
//! since there are many.
//!
//! `SSE_WIRE_TOKENS=3` sets the most tokens of a sequence. `scripts/nightly.sh grammar` makes a long
//! run.

mod compare;
mod sequences;
mod streams;
