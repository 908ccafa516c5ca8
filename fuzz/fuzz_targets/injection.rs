//! Of any strings, the invalid ones are rejected, and of the others the peer sees what was sent, between the events before and after
//! it, and nothing else.
#![no_main]

use std::convert::Infallible;
use std::io::Write;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use sse_wire::{EventType, InvalidEventType, InvalidLastEventId, LastEventId, Outgoing};
use sse_wire_fuzz::messages::{Hostile, Message};
use sse_wire_fuzz::oracle::{Config, interpret};
use sse_wire_fuzz::plan::Plan;
use sse_wire_fuzz::reading::{Sights, Stream};

#[derive(Debug, Arbitrary)]
struct Case {
    /// How the data is cut into writes.
    writes: Plan,
    messages: Hostile,
}

/// The first byte that may not be there, and where it is.
fn first_of(text: &str, invalid: &[u8]) -> Option<(u8, usize)> {
    let mut bytes = text.bytes().zip(0..);
    bytes.find(|(byte, _)| invalid.contains(byte))
}

/// Invalid strings are rejected, and no others.
fn rejects_invalid(message: &Message) {
    if let Some(text) = &message.event_type {
        let error = match first_of(text, b"\r\n") {
            _ if text.is_empty() => Some(InvalidEventType::Empty),
            Some((byte, offset)) => Some(InvalidEventType::Byte { byte, offset }),
            None => None,
        };
        assert_eq!(EventType::new(text).err(), error, "event type {text:?}");
    }
    if let Some(text) = &message.id {
        let error = first_of(text, b"\r\n\0")
            .map(|(byte, offset)| InvalidLastEventId::Byte { byte, offset });
        assert_eq!(LastEventId::new(text).err(), error, "id {text:?}");
    }
}

/// The messages, one after the other, each after an event and followed by one.
fn sent(messages: &[Message], encode: impl Fn(&Message, &mut Vec<u8>)) -> Vec<u8> {
    let mut stream = Vec::new();
    for message in messages {
        encode(message, &mut stream);
        Outgoing::message("beside").encode(&mut stream);
    }
    stream
}

fuzz_target!(|case: Case| {
    let Case { writes, messages } = case;
    messages.0.iter().for_each(rejects_invalid);
    let messages: Vec<_> = messages.0.into_iter().map(Message::valid).collect();

    let mut expected = Sights::default();
    let mut last_event_id = String::new();
    let beside = Message {
        data: Some("beside".to_owned()),
        ..Message::default()
    };
    for message in &messages {
        message.expect(&mut last_event_id, &mut expected.0);
        beside.expect(&mut last_event_id, &mut expected.0);
    }

    let encoded = sent(&messages, |message, stream| {
        message.outgoing().encode(stream)
    });
    let written = sent(&messages, |message, stream| match &message.data {
        None => message.outgoing().encode(stream),
        Some(data) => message
            .outgoing_with(message.event_type.is_some().then_some(""))
            .encode_with(stream, |writer| {
                for piece in writes.cut(data.as_bytes()) {
                    writer.write_all(piece).expect("a Vec takes all");
                }
                Ok::<(), Infallible>(())
            })
            .expect("does not fail"),
    });
    for (way, stream) in [("encode", encoded), ("encode_with", written)] {
        let outcome = interpret(&stream, &Config::default());
        let bytes = Stream(&stream);
        assert_eq!(
            Sights(outcome.seen),
            expected,
            "seen (left), sent by {way} (right): {bytes:?}"
        );
        assert_eq!(outcome.last_event_id, last_event_id, "{bytes:?}");
        assert_eq!(outcome.unfinished, None, "{bytes:?}");
    }
});
