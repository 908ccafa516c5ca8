//! Every vector of `serialize.jsonl`: these values are exactly these bytes by every way out, the bytes mean what the vector says, and
//! what must be refused is refused where the fault is.

mod common;

use common::vectors::{bytes, retry, rows, string};
use core::time::Duration;
use serde_json::Value;
use sse_wire::{EventDecoder, EventType, InvalidEventType, LastEventId, Outgoing};

/// The cases whose fault is in a value that no `Duration` can have.
const REFUSED_BY_TYPE: &[&str] = &["retry-negative", "retry-string-injection"];

/// What a case wants to send.
struct Values {
    event_type: Option<String>,
    data: Option<String>,
    id: Option<String>,
    retry: Option<Duration>,
    comment: Option<String>,
}

impl Values {
    /// `None` if the types of the crate cannot hold them.
    fn of(row: &Value) -> Option<Self> {
        let text = |key: &str| Some(&row[key]).filter(|value| !value.is_null()).map(string);
        let retry = match &row["retry"] {
            Value::Null => None,
            value => Some(Duration::from_millis(value.as_u64()?)),
        };
        Some(Self {
            event_type: text("event"),
            data: text("data"),
            id: text("id"),
            retry,
            comment: text("comment"),
        })
    }

    /// The block, with its data set or left to be written.
    fn outgoing(&self, with_data: bool) -> Outgoing<'_> {
        let data = self.data.as_deref().filter(|_| with_data);
        let mut outgoing = match &self.event_type {
            Some(event_type) => {
                assert!(self.data.is_some(), "an event type needs data");
                let event_type = EventType::new(event_type).expect("it can be sent");
                Outgoing::event(event_type, data.unwrap_or_default())
            }
            None => data.map_or_else(Outgoing::new, Outgoing::message),
        };
        if let Some(id) = &self.id {
            outgoing = outgoing.id(LastEventId::new(id).expect("it can be sent"));
        }
        if let Some(retry) = self.retry {
            outgoing = outgoing.retry(retry);
        }
        if let Some(comment) = &self.comment {
            outgoing = outgoing.comment(comment);
        }
        outgoing
    }
}

#[test]
fn every_vector_is_sent_or_refused_as_it_says() {
    let lines = include_str!("vectors/serialize.jsonl").lines().count();
    let (mut sent, mut refused, mut refused_by_type) = (0, 0, Vec::new());
    for row in rows("serialize.jsonl") {
        let name = string(&row["name"]);
        println!("{name}");
        match (Values::of(&row), row.get("expect_error")) {
            (None, Some(_)) => refused_by_type.push(name),
            (Some(values), Some(_)) => {
                assert_eq!(row["round_trip"], "refused");
                assert_refused(&values);
                refused += 1;
            }
            (values, None) => {
                let values = values.expect("what is to be sent can be said");
                let expected = bytes(&row["expect_bytes_b64"]);
                assert_sent(&values, &expected);
                assert_parses_to(&expected, &row["parses_to"]);
                assert_comes_back(&values, &row);
                sent += 1;
            }
        }
    }
    println!("{sent} sent, {refused} refused, {refused_by_type:?} refused by type");
    assert_eq!(refused_by_type, REFUSED_BY_TYPE);
    assert_eq!(sent + refused + refused_by_type.len(), lines);
}

/// Exactly one of the strings is at fault, and the error names its first byte that is.
fn assert_refused(values: &Values) {
    let event_type = values.event_type.as_deref();
    let id = values.id.as_deref();
    let fault_in_event_type = event_type.and_then(|text| first_of(text, "\r\n"));
    let fault_in_id = id.and_then(|text| first_of(text, "\r\n\0"));
    match (fault_in_event_type, fault_in_id) {
        (Some((byte, offset)), None) => assert_eq!(
            event_type.map(EventType::new),
            Some(Err(InvalidEventType::Byte { byte, offset }))
        ),
        (None, Some(fault)) => {
            let error = LastEventId::new(id.unwrap_or_default()).expect_err("it has a fault");
            assert_eq!((error.byte, error.offset), fault);
        }
        faults => panic!("not one fault: {faults:?}"),
    }
}

/// The first of some ASCII characters in a text, and its offset in bytes.
fn first_of(text: &str, wanted: &str) -> Option<(u8, usize)> {
    text.bytes()
        .enumerate()
        .find(|(_, byte)| wanted.as_bytes().contains(byte))
        .map(|(offset, byte)| (byte, offset))
}

/// By every way out.
fn assert_sent(values: &Values, expected: &[u8]) {
    let outgoing = values.outgoing(true);
    assert_eq!(outgoing.encoded_len(), expected.len());
    assert_eq!(outgoing.to_string().as_bytes(), expected);
    let mut memory = vec![0; expected.len()];
    assert_eq!(outgoing.encode_to_slice(&mut memory), Ok(expected.len()));
    assert_eq!(memory, expected);
    #[cfg(feature = "alloc")]
    {
        let mut out = Vec::new();
        outgoing.encode(&mut out);
        assert_eq!(out, expected);
    }
    #[cfg(feature = "std")]
    {
        let mut out = Vec::new();
        outgoing.write_to(&mut out).expect("a Vec takes everything");
        assert_eq!(out, expected);
    }
    #[cfg(feature = "alloc")]
    if let Some(data) = &values.data {
        let mut out = Vec::new();
        let written = values
            .outgoing(false)
            .encode_with(&mut out, |writer| core::fmt::Write::write_str(writer, data));
        assert_eq!(written, Ok(()));
        assert_eq!(out, expected);
    }
}

fn assert_parses_to(stream: &[u8], expected: &Value) {
    let mut memory = vec![0; 4 * stream.len()];
    let mut decoder = EventDecoder::with_buffer(&mut memory[..]);
    let mut input = stream;
    for wanted in expected["events"].as_array().expect("events are listed") {
        let event = decoder.decode(&mut input).expect("it fits");
        let event = event.expect("another event");
        assert_eq!(event.event_type(), wanted["event"]);
        assert_eq!(event.data(), wanted["data"]);
        assert_eq!(event.last_event_id(), wanted["id"]);
    }
    assert_eq!(decoder.decode(&mut input), Ok(None));
    assert_eq!(decoder.last_event_id(), expected["last_event_id"]);
    assert_eq!(
        decoder.reconnection_time(),
        retry(&expected["retry"]).map(Duration::from_millis)
    );
    assert!(decoder.finish().is_none());
}

/// The vector is right about what is lost on the way: line ends other than LF, and nothing else.
fn assert_comes_back(values: &Values, row: &Value) {
    let came: Vec<&str> = row["parses_to"]["events"]
        .as_array()
        .expect("events are listed")
        .iter()
        .filter_map(|event| event["data"].as_str())
        .collect();
    match (&values.data, row["round_trip"].as_str()) {
        (Some(data), Some("exact")) => assert_eq!(came, [data]),
        (Some(data), Some("lossy")) => {
            assert_ne!(came, [data]);
            assert_eq!(came, [data.replace("\r\n", "\n").replace('\r', "\n")]);
        }
        (None, Some("not-dispatched")) => assert!(came.is_empty()),
        other => panic!("no such round trip: {other:?}"),
    }
}
