//! What is published, and what came of it.

use std::time::Duration;

use sse_wire::Outgoing;

/// An event to publish.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// The topic.
    pub topic: &'a str,
    /// The only user who receives it; everybody, if there is none.
    pub user: Option<&'a str>,
    /// The event; its ID is set by the hub.
    pub event: Outgoing<'a>,
    /// Whether it is the last event of its topic.
    pub is_last: bool,
}

/// An event that was published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// Its ID.
    pub id: String,
    /// How many subscribers were waiting for it.
    pub woken: usize,
    /// How long its encoding took.
    pub encoding: Duration,
}

/// The error of a topic that has ended, or of a subscription to such topics alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended;
