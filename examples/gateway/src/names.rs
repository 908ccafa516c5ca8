//! Which names topics, users and event types may have.

use sse_wire::EventType;

use crate::refusal::Refusal;

/// The most topics that a stream can have.
pub const MAX_TOPICS: usize = 32;
/// The longest name, in bytes.
pub const MAX_LEN: usize = 128;
/// The type of the event that reports a gap.
pub const GAP: EventType<'static> = EventType::from_static("gap");
/// The type of the event of a stream that is not served now.
pub const BUSY: EventType<'static> = EventType::from_static("busy");
/// The type of the event before a token expires.
pub const EXPIRING: EventType<'static> = EventType::from_static("expiring");
/// The type of a checkpoint that a page asked to see.
pub const CHECKPOINT: EventType<'static> = EventType::from_static("checkpoint");
/// The types of the server's own events; nobody can publish them.
const RESERVED: [EventType<'static>; 4] = [GAP, BUSY, EXPIRING, CHECKPOINT];
/// The type of the last event of a topic.
pub const DONE: &str = "done";

/// Checks the name of a topic or user; `what` says which.
pub fn check(what: &str, name: &str) -> Result<(), Refusal> {
    let reason = if name.is_empty() {
        format!("{what} is empty")
    } else if name.len() > MAX_LEN {
        format!(
            "{what} has {} bytes; at most {MAX_LEN} are allowed",
            name.len()
        )
    } else if name.chars().any(char::is_control) {
        format!("{what} {name:?} has a control character")
    } else {
        return Ok(());
    };
    Err(Refusal::bad_request(reason))
}

/// Checks the type of an event.
pub fn event_type(name: &str) -> Result<EventType<'_>, Refusal> {
    check("type", name)?;
    if RESERVED.iter().any(|reserved| reserved.as_str() == name) {
        let reason = format!("type {name} is reserved for the events of the server itself");
        return Err(Refusal::bad_request(reason));
    }
    EventType::new(name).map_err(|error| Refusal::bad_request(format!("type: {error}")))
}
