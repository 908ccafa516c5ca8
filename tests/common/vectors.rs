//! The streams of `tests/vectors`, with what they must mean.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;
use std::collections::BTreeSet;

/// One line of `parse.jsonl` or `own.jsonl`.
#[derive(Debug, Clone)]
pub struct Vector {
    /// What the case is called.
    pub id: String,
    /// The whole stream.
    pub input: Vec<u8>,
    /// The cuts that the case was made for, if any.
    pub chunks: Option<Vec<Vec<u8>>>,
    /// The events, in order.
    pub events: Vec<Expected>,
    /// The last event ID that the reader has beforehand.
    pub initial_last_event_id: String,
    /// The last event ID at the end.
    pub final_last_event_id: String,
    /// The reconnection time at the end, in milliseconds.
    pub final_retry: Option<u64>,
    /// The comments whose lines ended, if the case says.
    pub comments: Option<Vec<String>>,
    /// The blocks with an event type or an ID and without data, if the case says.
    pub not_dispatched: Option<Vec<Expected>>,
    /// The lines that are no fields and ended, if the case says.
    pub ignored: Option<Vec<String>>,
    /// How many events were dispatched in all after each of the given chunks, if the case says.
    pub dispatched_after: Option<Vec<usize>>,
}

/// An event that must come out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// The event type.
    pub event_type: String,
    /// The data.
    pub data: String,
    /// The last event ID at dispatch.
    pub last_event_id: String,
    /// The last reconnection time that the same block sets.
    pub retry: Option<u64>,
}

/// The fields that every vector has, and those that it may have.
const FIELDS: [&[&str]; 2] = [
    &[
        "id",
        "input_b64",
        "expect",
        "final_retry",
        "final_last_event_id",
    ],
    &[
        "source",
        "notes",
        "tags",
        "deviation",
        "chunks_b64",
        "dispatched_after",
        "comments",
        "not_dispatched",
        "ignored",
        "initial_last_event_id",
    ],
];

/// The streams to read: those with an origin elsewhere, then our own.
pub fn parse() -> Vec<Vector> {
    let (mut vectors, mut ids) = (Vec::new(), BTreeSet::new());
    for file in ["parse.jsonl", "own.jsonl"] {
        for (row, number) in rows(file).iter().zip(1..) {
            let place = format!("{file}:{number}: {}", row["id"]);
            for key in FIELDS[0] {
                assert!(row.get(key).is_some(), "{place}: there is no {key}");
            }
            for key in row.as_object().expect("it is an object").keys() {
                let is_known = FIELDS.concat().contains(&&**key);
                assert!(is_known, "{place}: unknown field {key}");
            }
            vectors.push(vector(row));
            assert!(ids.insert(string(&row["id"])), "{place}: used twice");
        }
    }
    vectors
}

/// The rows of a file in `tests/vectors`.
pub fn rows(file: &str) -> Vec<Value> {
    let path = format!("{}/tests/vectors/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    text.lines()
        .map(|line| {
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{path}: {error} in {line}"))
        })
        .collect()
}

/// The bytes of a base64 string.
pub fn bytes(value: &Value) -> Vec<u8> {
    let bytes = BASE64_STANDARD.decode(string(value));
    bytes.unwrap_or_else(|error| panic!("{value} is no base64: {error}"))
}

/// A string which must be there.
pub fn string(value: &Value) -> String {
    let string = value.as_str();
    string
        .unwrap_or_else(|| panic!("{value} is no string"))
        .to_owned()
}

/// A reconnection time: a number, or its digits if it is large. Beyond 64 bits it saturates.
pub fn retry(value: &Value) -> Option<u64> {
    match value {
        Value::Null => None,
        Value::Number(number) => Some(number.as_u64().expect("it is not negative")),
        Value::String(digits) => {
            assert!(digits.bytes().all(|byte| byte.is_ascii_digit()));
            Some(digits.parse().unwrap_or(u64::MAX))
        }
        _ => panic!("{value} is no reconnection time"),
    }
}

fn expected(event: &Value) -> Expected {
    let data = event.get("data").map(string);
    Expected {
        event_type: string(&event["event"]),
        data: data.unwrap_or_default(),
        last_event_id: string(&event["id"]),
        retry: retry(&event["retry"]),
    }
}

fn vector(row: &Value) -> Vector {
    let given = |key: &str| row.get(key).and_then(Value::as_array);
    let strings =
        |key: &str| given(key).map(|strings| strings.iter().map(string).collect::<Vec<_>>());
    Vector {
        id: string(&row["id"]),
        input: bytes(&row["input_b64"]),
        chunks: given("chunks_b64").map(|chunks| chunks.iter().map(bytes).collect()),
        events: given("expect")
            .expect("every case says what it expects")
            .iter()
            .map(expected)
            .collect(),
        initial_last_event_id: row
            .get("initial_last_event_id")
            .map(string)
            .unwrap_or_default(),
        final_last_event_id: string(&row["final_last_event_id"]),
        final_retry: retry(&row["final_retry"]),
        comments: strings("comments"),
        not_dispatched: given("not_dispatched").map(|blocks| blocks.iter().map(expected).collect()),
        ignored: strings("ignored"),
        dispatched_after: given("dispatched_after").map(|counts| {
            counts
                .iter()
                .map(|count| {
                    let count = count.as_u64().expect("it is a count");
                    usize::try_from(count).expect("it is small")
                })
                .collect()
        }),
    }
}
