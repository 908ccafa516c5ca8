//! What is encoded: the events of a stream, read back into what was sent.

use core::time::Duration;

use serde_json::Value;
use sse_wire::{EventDecoder, EventType, Item, LastEventId, Outgoing};

/// What a server has in its hands before it sends an event.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Message {
    comment: Option<String>,
    event_type: Option<String>,
    id: Option<String>,
    retry: Option<Duration>,
    pub(crate) data: String,
    /// The data as a value to serialize: a string, where the data is not JSON.
    pub(crate) value: Value,
}

impl Message {
    pub(crate) fn outgoing<'m>(&'m self, data: &'m str) -> Outgoing<'m> {
        let mut outgoing = match &self.event_type {
            Some(event_type) => {
                Outgoing::event(EventType::new(event_type).expect("was decoded"), data)
            }
            None => Outgoing::message(data),
        };
        if let Some(comment) = &self.comment {
            outgoing = outgoing.comment(comment);
        }
        if let Some(id) = &self.id {
            outgoing = outgoing.id(LastEventId::new(id).expect("was decoded"));
        }
        if let Some(retry) = self.retry {
            outgoing = outgoing.retry(retry);
        }
        outgoing
    }
}

pub(crate) fn read(mut stream: &[u8]) -> Vec<Message> {
    let mut messages = Vec::new();
    let mut message = Message::default();
    let mut decoder = EventDecoder::new();
    while let Some(item) = decoder.decode_item(&mut stream).expect("below the limits") {
        match item {
            Item::Comment { text, .. } => {
                let text = core::str::from_utf8(text).expect("is ASCII");
                let line = text.strip_prefix(' ').unwrap_or(text);
                message.comment = Some(match message.comment {
                    Some(lines) => format!("{lines}\n{line}"),
                    None => line.to_owned(),
                });
            }
            Item::Retry(time) => message.retry = Some(time),
            Item::Event(event) => {
                let (event_type, data) = (event.event_type(), event.data());
                message.event_type = (event_type != "message").then(|| event_type.to_owned());
                message.id = event.id().map(str::to_owned);
                message.data = data.to_owned();
                message.value =
                    serde_json::from_str(data).unwrap_or_else(|_| Value::String(data.to_owned()));
                messages.push(core::mem::take(&mut message));
            }
            item => panic!("not in the streams: {item:?}"),
        }
    }
    messages
}
