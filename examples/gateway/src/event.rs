//! An event, from its publisher to the log.

use sse_wire::{EventType, Outgoing};

use crate::hub::Message;
use crate::names::DONE;

/// An event to publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event<'a> {
    /// The topic.
    pub topic: &'a str,
    /// The only user who receives it; everybody, if there is none.
    pub user: Option<&'a str>,
    /// Its type, if it is not `message`.
    pub event_type: Option<&'a str>,
    /// Its data.
    pub data: &'a str,
}

impl<'a> Event<'a> {
    /// Returns names and values of the fields of its entry in Redis.
    pub fn fields(&self) -> impl Iterator<Item = (&'static str, &'a str)> {
        let all = [
            ("t", Some(self.topic)),
            ("u", self.user),
            ("e", self.event_type),
            ("d", Some(self.data)),
        ];
        all.into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
    }

    /// Returns whether it is the last event of its topic.
    pub fn is_last(&self) -> bool {
        self.event_type == Some(DONE)
    }

    /// Returns the event as the hub publishes it.
    pub fn message(&self) -> Message<'a> {
        let event = Outgoing::message(self.data);
        let event_type = self.event_type.and_then(|name| EventType::new(name).ok());
        Message {
            topic: self.topic,
            user: self.user,
            event: event_type.map_or(event, |name| event.event_type(name)),
            is_last: self.is_last(),
        }
    }
}
