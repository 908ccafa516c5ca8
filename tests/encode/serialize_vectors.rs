//! Every vector of `serialize.jsonl` is written as these bytes by every encoder, and these bytes
//! mean what the vector says; or it is rejected.

use crate::block::{Block, is_valid_event_type, is_valid_id};
use crate::common::vectors::{bytes, retry, rows, string};
use crate::ways::assert_every_way;
use core::time::Duration;
use serde_json::Value;
use sse_wire::EventDecoder;

/// Their `retry` is no `Duration`.
const REJECTED_BY_TYPE: &[&str] = &["retry-negative", "retry-string-injection"];

/// `None` if the types of the crate rule the values out.
fn block(row: &Value) -> Option<Block> {
    let text = |key: &str| Some(&row[key]).filter(|value| !value.is_null()).map(string);
    let retry = match &row["retry"] {
        Value::Null => None,
        value => Some(Duration::from_millis(value.as_u64()?)),
    };
    Some(Block {
        event_type: text("event"),
        data: text("data"),
        id: text("id"),
        retry,
        comment: text("comment"),
    })
}

#[test]
fn every_vector_is_encoded_or_rejected_as_it_says() {
    let lines = include_str!("../vectors/serialize.jsonl").lines().count();
    let (mut encoded, mut rejected, mut rejected_by_type) = (0, 0, Vec::new());
    for row in rows("serialize.jsonl") {
        let name = string(&row["name"]);
        println!("{name}");
        match (block(&row), row.get("expect_error")) {
            (None, Some(_)) => rejected_by_type.push(name),
            (Some(block), Some(_)) => {
                let is_type_valid = block.event_type.as_deref().is_none_or(is_valid_event_type);
                let is_id_valid = block.id.as_deref().is_none_or(is_valid_id);
                assert_ne!(is_type_valid, is_id_valid, "either is invalid");
                rejected += 1;
            }
            (block, None) => {
                let block = block.expect("values that can be sent");
                let expected = bytes(&row["expect_bytes_b64"]);
                assert_eq!(assert_every_way(&block), expected);
                assert_parses_to(&expected, &row["parses_to"]);
                encoded += 1;
            }
        }
    }
    assert_eq!(rejected_by_type, REJECTED_BY_TYPE);
    assert_eq!(encoded + rejected + rejected_by_type.len(), lines);
    assert!(encoded > 30 && rejected > 10, "{encoded} {rejected}");
}

fn assert_parses_to(stream: &[u8], expected: &Value) {
    let mut memory = vec![0; 4 * stream.len()];
    let mut decoder = EventDecoder::with_buffer(&mut memory[..]);
    let mut input = stream;
    for expected in expected["events"].as_array().expect("a list") {
        let event = decoder.decode(&mut input).expect("enough memory");
        let event = event.expect("another event");
        assert_eq!(event.event_type(), expected["event"]);
        assert_eq!(event.data(), expected["data"]);
        assert_eq!(event.last_event_id(), expected["id"]);
    }
    assert_eq!(decoder.decode(&mut input), Ok(None));
    assert_eq!(decoder.last_event_id(), expected["last_event_id"]);
    let retry = retry(&expected["retry"]).map(Duration::from_millis);
    assert_eq!(decoder.reconnection_time(), retry);
    assert!(decoder.finish().is_none());
}
