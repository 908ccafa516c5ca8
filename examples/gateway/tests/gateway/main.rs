//! The gateway as its clients and its operator see it, over real sockets.

mod admission;
mod browser;
mod compression;
mod documents;
mod ending;
mod hostile;
mod hub;
mod login;
mod nginx;
mod program;
mod publish;
mod redis;
mod sessions;
mod sockets;
mod streams;
mod support;
mod tickets;
mod two_nodes;
