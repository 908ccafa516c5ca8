//! What may be sent is validated, and every error reports what is wrong and where.

use crate::block::{is_valid_event_type, is_valid_id};
use core::error::Error;
use core::fmt::{Debug, Display};
use sse_wire::{
    DecodeError, EventDecoder, EventType, InvalidEventType, InvalidLastEventId, LastEventId,
    Outgoing,
};

/// Evaluated when the tests are compiled.
const TICK: EventType<'_> = EventType::from_static("tick");
const SEVEN: LastEventId<'_> = LastEventId::from_static("7");
const INVALID: Result<EventType<'_>, InvalidEventType> = EventType::new("a\rb");
static PING: Outgoing<'_> = Outgoing::event(TICK, "ping").id(SEVEN);

#[test]
fn the_first_invalid_byte_is_found_at_every_place() {
    for length in 0..20 {
        for before in 0..=length {
            for invalid in ["\r", "\n", "\0", "\r\n", "\0\r", "\n\0"] {
                for character in ["x", "é", "😀", "\u{B}"] {
                    let after = character.repeat(length - before);
                    let text = character.repeat(before) + invalid + &after;
                    is_valid_event_type(&text);
                    assert!(!is_valid_id(&text));
                    is_valid_event_type(&(text.clone() + "\n\r\0"));
                    is_valid_id(&(text + "\n\r\0"));
                }
            }
        }
    }
    assert_eq!(INVALID, EventType::new("a\rb"));
}

#[test]
fn no_other_byte_is_invalid() {
    assert!(!is_valid_event_type("") && is_valid_id(""));
    for character in '\0'..='\u{FF}' {
        for length in 1..20 {
            let text = character.to_string().repeat(length);
            assert_eq!(is_valid_event_type(&text), !"\r\n".contains(character));
            assert_eq!(is_valid_id(&text), !"\r\n\0".contains(character));
        }
    }
}

#[test]
fn a_value_is_its_text() {
    assert_eq!((TICK.as_str(), TICK.as_ref()), ("tick", "tick"));
    assert_eq!((SEVEN.as_str(), SEVEN.as_ref()), ("7", "7"));
    assert_eq!(EventType::try_from("tick"), Ok(TICK));
    assert_eq!(LastEventId::try_from("7"), Ok(SEVEN));
    // As text is, it is padded.
    assert_eq!(format!("{TICK}|{TICK:>6}|{SEVEN:<3}|"), "tick|  tick|7  |");
    assert!(TICK < EventType::from_static("tock") && SEVEN > LastEventId::from_static(""));
    assert_eq!(PING.to_string(), "event: tick\nid: 7\ndata: ping\n\n");
}

#[test]
#[should_panic(expected = "must not be empty")]
fn an_empty_literal_is_no_event_type() {
    let _ = EventType::from_static("");
}

#[test]
#[should_panic(expected = "CR, LF or NUL")]
fn a_literal_with_nul_is_no_last_event_id() {
    let _ = LastEventId::from_static("\0");
}

/// An error that can be returned anywhere, at little cost.
fn assert_error<E>(error: E, message: &str)
where
    E: Error + Copy + Eq + Debug + Display + Send + Sync + Unpin + 'static,
{
    assert_eq!(error.to_string(), message);
    assert!(error.source().is_none());
    assert!(size_of::<E>() <= 3 * size_of::<usize>());
    let boxed: Box<dyn Error + Send + Sync> = error.into();
    assert_eq!(boxed.downcast_ref::<E>(), Some(&error));
}

/// The error of a decoder with 16 bytes of memory.
fn decode_error(mut input: &[u8]) -> DecodeError {
    let mut decoder = EventDecoder::with_buffer([0; 16]);
    decoder.decode(&mut input).expect_err("a limit is exceeded")
}

#[test]
fn errors_report_what_is_wrong_and_where() {
    let event = decode_error(b"data: 1234567890123");
    assert_eq!(event, DecodeError::EventTooLarge { limit: 12 });
    assert_error(event, "event exceeds the limit of 12 bytes");
    let id = decode_error(b"id: 12345");
    assert_eq!(id, DecodeError::LastEventIdTooLarge { limit: 4 });
    assert_error(id, "last event ID exceeds the limit of 4 bytes");
    let full = PING.encode_to_slice(&mut [0; 8]).expect_err("too short");
    assert_eq!((full.needed, full.available), (30, 8));
    assert_error(full, "30 bytes needed, 8 available");
    let event_type = |text| EventType::new(text).expect_err("invalid");
    assert_error(event_type(""), "event type is empty");
    let message = "invalid byte 0x0a in an event type, at offset 2";
    assert_error(event_type("ab\n"), message);
    let id = LastEventId::new("\0").expect_err("invalid");
    assert_error(id, "invalid byte 0x00 in a last event ID, at offset 0");
    let (len, max) = (5, 4);
    let id = InvalidLastEventId::TooLong { len, max };
    assert_error(id, "last event ID of 5 bytes exceeds the limit of 4 bytes");
    let id = InvalidLastEventId::NotUtf8 { offset: 3 };
    assert_error(id, "last event ID is not UTF-8 at offset 3");
}

#[test]
fn errors_do_not_repeat_what_the_peer_sent() {
    let decoding = decode_error(b"event: secret\ndata: secretsecret");
    let validation = EventType::new("secret\n").expect_err("invalid");
    assert!(!format!("{decoding} {decoding:?}").contains("secret"));
    assert!(!format!("{validation} {validation:?}").contains("secret"));
}
