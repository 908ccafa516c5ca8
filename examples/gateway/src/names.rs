//! Which names topics, users and event types may have.

use sse_wire::EventType;

use crate::refusal::Refusal;

/// The most topics that a stream can have.
pub const MAX_TOPICS: usize = 32;
/// The longest name, in bytes.
pub const MAX_LEN: usize = 128;
/// The type of the event that reports a gap; nobody can publish it.
pub const GAP: EventType<'static> = EventType::from_static("gap");
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
    if name == GAP.as_str() {
        let reason = "type gap is reserved: the server sends it to clients that have missed events";
        return Err(Refusal::bad_request(reason));
    }
    EventType::new(name).map_err(|error| Refusal::bad_request(format!("type: {error}")))
}
