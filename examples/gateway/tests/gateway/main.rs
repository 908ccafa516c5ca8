//! The gateway as its clients and its operator see it, over real sockets.

mod ending;
mod hub;
mod program;
mod publish;
mod sockets;
mod streams;
mod support;
