//! Events as values of `serde`, and JSON in their data.

use crate::owned_events::{EVENTS, decode};
use crate::table::{split, with_line_ends};
use serde_json::{Value, json};
use sse_wire::{EventType, InvalidEventType, LastEventId, OwnedEvent};

#[test]
fn an_event_is_serialized_as_a_message_event_and_the_round_trip_is_exact() {
    for row in EVENTS {
        let stream = with_line_ends(split(row).0, "\n");
        let chunks: Vec<_> = stream.split(|byte| *byte == b'/').collect();
        let [event, ..] = decode(&chunks);
        let mut expected = json!({
            "type": event.event_type(),
            "data": event.data(),
            "lastEventId": event.last_event_id(),
        });
        if let Some(id) = event.id() {
            expected["id"] = id.into();
        }
        let serialized = serde_json::to_string(&event).expect("it has strings only");
        assert_eq!(
            serde_json::from_str::<Value>(&serialized).expect("JSON"),
            expected
        );
        let borrowed = serde_json::to_string(&event.as_event()).expect("it has strings only");
        assert_eq!(borrowed, serialized);
        let back: OwnedEvent = serde_json::from_str(&serialized).expect("an event");
        assert_eq!(back, event);
    }
}

#[test]
fn what_is_deserialized_is_validated_and_has_the_defaults_of_an_event() {
    let read = |value: Value| serde_json::from_value::<OwnedEvent>(value);
    let message = OwnedEvent::message("x");
    let own_id = message.clone().with_id(LastEventId::from_static("7"));
    for (value, expected) in [
        (json!({"data": "x"}), &message),
        (
            json!({"data": "x", "type": "message", "lastEventId": "", "origin": 1}),
            &message,
        ),
        (json!({"data": "x", "id": null}), &message),
        (json!({"data": "x", "id": "7"}), &own_id),
        (json!({"data": "x", "id": "7", "lastEventId": "7"}), &own_id),
    ] {
        assert_eq!(&read(value).expect("an event"), expected);
    }
    let inherited = read(json!({"data": "x", "lastEventId": "7"})).expect("an event");
    assert_eq!(
        (inherited.last_event_id(), inherited.id()),
        ("7", None),
        "it is not its own"
    );

    let empty = InvalidEventType::Empty.to_string();
    let line_end = EventType::new("a\nb").expect_err("a line end").to_string();
    let nul = LastEventId::new("\0").expect_err("a NUL").to_string();
    for (value, error) in [
        (json!({}), "missing field `data`"),
        (json!({"data": "x", "type": ""}), &empty),
        (json!({"data": "x", "type": "a\nb"}), &line_end),
        (json!({"data": "x", "id": "\0"}), &nul),
        (json!({"data": "x", "lastEventId": "\0"}), &nul),
        (
            json!({"data": "x", "id": "7", "lastEventId": "8"}),
            "`id` differs from `lastEventId`",
        ),
    ] {
        assert_eq!(read(value).expect_err("it is invalid").to_string(), error);
    }
}

#[test]
#[cfg(feature = "json")]
fn data_is_read_as_json_from_text_bytes_and_owned_events_and_borrowed_where_it_can_be() {
    use sse_wire::EventDecoder;
    use sse_wire::serde::de::IgnoredAny;

    let stream = b"data: {\"a\":\ndata: \"b\"}\n\n";
    let mut decoder = EventDecoder::new();
    let event = decoder.decode(&mut &stream[..]).expect("it fits");
    let event = event.expect("an event");
    assert!(event.json::<[&str; 1]>().is_err(), "an object is no array");
    let object: std::collections::BTreeMap<&str, &str> = event.json().expect("an object");
    assert!(
        event
            .data()
            .as_bytes()
            .as_ptr_range()
            .contains(&object["a"].as_ptr())
    );
    let owned = event.into_owned();
    assert_eq!(owned.json::<Value>().expect("an object"), json!({"a": "b"}));

    // Invalid UTF-8 is replaced in text, and is an error of JSON in bytes.
    let invalid = b"data: \"\xFF\"\n\n";
    let event = decoder.decode(&mut &invalid[..]).expect("it fits");
    let text = event.expect("an event").json::<String>().expect("a string");
    assert_eq!(text, "\u{FFFD}");
    let event = decoder.decode_raw(&mut &invalid[..]).expect("it fits");
    let event = event.expect("an event");
    assert!(event.json::<String>().is_err());
    assert!(event.json::<IgnoredAny>().is_ok());
}
