//! What may be sent is exactly what arrives as it was sent, and every error says what was wrong and where.

use core::error::Error;
use core::fmt::{Debug, Display};
use core::time::Duration;
use sse_wire::{
    BufferFull, CutLine, DecodeError, EventDecoder, EventType, InvalidEventType,
    InvalidLastEventId, Item, LastEventId, Outgoing,
};

/// Evaluated when the tests are compiled.
const TICK: EventType<'_> = EventType::from_static("tick");
const SEVEN: LastEventId<'_> = LastEventId::from_static("7");
const EMPTY: LastEventId<'_> = LastEventId::from_static("");
const CHECKED: Result<EventType<'_>, InvalidEventType> = EventType::new("a\rb");
static PING: Outgoing<'_> = Outgoing::event(TICK, "ping").id(SEVEN);

/// Strings that look dangerous and are not.
const HARMLESS: &[&str] = &[
    " ",
    " leading and trailing ",
    ":",
    ": not a comment",
    "data: not a field",
    "\u{FEFF}mark",
    "\u{2028}\u{2029}\u{85}\u{B}\u{C}",
    "\t\u{1}\u{7F}",
    "été 流 😀",
    "\\n\\r\\0",
    "message",
];

/// The beginnings and ends between which a forbidden byte is put: at the first, a middle and the last place.
const AROUND: &[(&str, &str)] = &[
    ("", "xyz"),
    ("x", "yz"),
    ("été", "流"),
    ("xyz", ""),
    ("", ""),
];

#[test]
fn every_forbidden_byte_of_an_event_type_is_found() {
    for forbidden in ['\r', '\n'] {
        for (before, after) in AROUND {
            let error = InvalidEventType::Byte {
                byte: forbidden as u8,
                offset: before.len(),
            };
            let text = format!("{before}{forbidden}{after}");
            assert_eq!(EventType::new(&text), Err(error), "{text:?}");
            assert_eq!(EventType::try_from(&*text), Err(error));
            // The first of several.
            let twice = format!("{text}\n\r{forbidden}");
            assert_eq!(EventType::new(&twice), Err(error), "{twice:?}");
        }
    }
    assert_eq!(EventType::new(""), Err(InvalidEventType::Empty));
    assert_eq!(EventType::try_from(""), Err(InvalidEventType::Empty));
    assert_eq!(
        CHECKED,
        Err(InvalidEventType::Byte {
            byte: b'\r',
            offset: 1
        })
    );
}

#[test]
fn every_forbidden_byte_of_a_last_event_id_is_found() {
    for forbidden in ['\r', '\n', '\0'] {
        for (before, after) in AROUND {
            let text = format!("{before}{forbidden}{after}\0\n\r");
            let error = LastEventId::new(&text).expect_err("it is forbidden");
            assert_eq!(
                (error.byte, error.offset),
                (forbidden as u8, before.len()),
                "{text:?}"
            );
            assert_eq!(LastEventId::try_from(&*text), Err(error));
        }
    }
}

#[test]
fn no_other_byte_is_forbidden() {
    for character in '\0'..='\u{FF}' {
        let text = character.to_string();
        assert_eq!(
            EventType::new(&text).is_err(),
            "\r\n".contains(character),
            "{character:?}"
        );
        assert_eq!(
            LastEventId::new(&text).is_err(),
            "\r\n\0".contains(character),
            "{character:?}"
        );
    }
}

#[test]
fn a_value_is_what_it_was_made_of() {
    for text in HARMLESS {
        let event_type = EventType::new(text).expect("it is harmless");
        assert_eq!((event_type.as_str(), event_type.as_ref()), (*text, *text));
        assert_eq!(event_type.to_string(), *text);
        assert_eq!(EventType::try_from(*text), Ok(event_type));
        let id = LastEventId::new(text).expect("it is harmless");
        assert_eq!((id.as_str(), id.as_ref()), (*text, *text));
        assert_eq!(id.to_string(), *text);
        assert_eq!(LastEventId::try_from(*text), Ok(id));
    }
    assert_eq!(
        (TICK.as_str(), SEVEN.as_str(), EMPTY.as_str()),
        ("tick", "7", "")
    );
    // Like a string, it can be aligned.
    assert_eq!(format!("[{TICK:>6}|{SEVEN:<3}]"), "[  tick|7  ]");
    assert!(TICK < EventType::from_static("tock") && SEVEN > EMPTY);
    // It outlives the value.
    let text = {
        let id = LastEventId::new("outlives").expect("letters");
        id.as_str()
    };
    assert_eq!(text, "outlives");
}

#[test]
fn a_harmless_value_arrives_as_it_was_sent() {
    for text in HARMLESS.iter().copied().chain(["nul\0in the midst"]) {
        let event_type = EventType::new(text).expect("it is harmless");
        // NUL may be in an event type, but not in an ID.
        let id = LastEventId::new(text).unwrap_or(SEVEN);
        let mut stream = [0; 256];
        let outgoing = Outgoing::event(event_type, text).id(id).comment(text);
        let length = outgoing.encode_to_slice(&mut stream).expect("it is short");
        let mut decoder = EventDecoder::with_buffer([0; 256]);
        let mut input = &stream[..length];
        let event = decoder
            .decode(&mut input)
            .expect("it fits")
            .expect("it is whole");
        assert_eq!(event.event_type(), text);
        assert_eq!(event.data(), text);
        assert_eq!(event.id(), Some(id.as_str()));
        assert_eq!(input, b"");
    }
}

#[test]
fn an_empty_last_event_id_resets_the_other_side() {
    let mut decoder = EventDecoder::with_buffer([0; 64]);
    decoder.set_last_event_id(SEVEN).expect("it fits");
    let mut stream = [0; 16];
    let length = Outgoing::new().id(EMPTY).encode_to_slice(&mut stream);
    assert_eq!(length, Ok("id: \n\n".len()));
    assert_eq!(decoder.decode(&mut &stream[..6]), Ok(None));
    assert_eq!(decoder.last_event_id(), "");
}

#[test]
#[should_panic(expected = "must not be empty")]
fn an_empty_literal_is_no_event_type() {
    let _ = EventType::from_static("");
}

#[test]
#[should_panic(expected = "CR or LF")]
fn a_literal_with_a_line_end_is_no_event_type() {
    let _ = EventType::from_static("a\n");
}

#[test]
#[should_panic(expected = "CR, LF or NUL")]
fn a_literal_with_nul_is_no_last_event_id() {
    let _ = LastEventId::from_static("\0");
}

#[test]
fn a_reconnection_time_is_sent_in_whole_milliseconds() {
    for (time, sent) in [
        (Duration::ZERO, "0"),
        (Duration::from_nanos(999_999), "0"),
        (Duration::from_micros(1900), "1"),
        (Duration::from_millis(1), "1"),
        (Duration::from_secs(3), "3000"),
        (Duration::new(1, 999_999_999), "1999"),
        (Duration::from_millis(u64::from(u32::MAX) + 1), "4294967296"),
        (Duration::from_millis(u64::MAX), "18446744073709551615"),
        (
            Duration::from_millis(u64::MAX) + Duration::from_millis(1),
            "18446744073709551615",
        ),
        (Duration::from_secs(u64::MAX), "18446744073709551615"),
        (Duration::MAX, "18446744073709551615"),
    ] {
        let outgoing = Outgoing::new().retry(time);
        let expected = format!("retry: {sent}\n\n");
        assert_eq!(outgoing.to_string(), expected, "{time:?}");
        assert_eq!(outgoing.encoded_len(), expected.len());

        let mut decoder = EventDecoder::with_buffer([0; 0]);
        let milliseconds = Duration::from_millis(sent.parse().expect("they are digits"));
        let item = decoder.decode_item(&mut expected.as_bytes());
        assert_eq!(item, Ok(Some(Item::Retry(milliseconds))));
        assert_eq!(decoder.reconnection_time(), Some(milliseconds));
    }
}

#[test]
fn a_constant_can_be_sent() {
    assert_eq!(PING.to_string(), "event: tick\nid: 7\ndata: ping\n\n");
}

/// What can be thrown anywhere, at little cost.
fn assert_error<E: Error + Copy + Eq + Debug + Display + Send + Sync + Unpin + 'static>(
    error: E,
    message: &str,
) {
    assert_eq!(error.to_string(), message);
    assert!(error.source().is_none());
    assert!(size_of::<E>() <= 2 * size_of::<usize>());
    let boxed: Box<dyn Error + Send + Sync> = error.into();
    assert_eq!(boxed.downcast_ref::<E>(), Some(&error));
}

fn event_too_large() -> DecodeError {
    let mut decoder = EventDecoder::with_buffer([0; 16]);
    let input = b"data: 1234567890123";
    decoder
        .decode(&mut &input[..])
        .expect_err("12 bytes are the limit")
}

fn last_event_id_too_large() -> DecodeError {
    let mut decoder = EventDecoder::with_buffer([0; 16]);
    decoder
        .decode(&mut &b"id: 12345"[..])
        .expect_err("4 bytes are the limit")
}

fn buffer_full() -> BufferFull {
    let error = PING.encode_to_slice(&mut [0; 8]);
    error.expect_err("8 bytes are not enough")
}

#[test]
fn errors_say_what_was_wrong_and_where() {
    assert_eq!(event_too_large(), DecodeError::EventTooLarge { limit: 12 });
    assert_error(event_too_large(), "event exceeds the limit of 12 bytes");
    assert_eq!(
        last_event_id_too_large(),
        DecodeError::LastEventIdTooLarge { limit: 4 }
    );
    assert_error(
        last_event_id_too_large(),
        "last event ID exceeds the limit of 4 bytes",
    );
    assert_eq!((buffer_full().needed, buffer_full().available), (30, 8));
    assert_error(buffer_full(), "30 bytes needed, 8 available");
    let empty = EventType::new("").expect_err("it is empty");
    assert_error(empty, "event type is empty");
    let line_feed = EventType::new("ab\n").expect_err("it has a line end");
    assert_error(line_feed, "invalid byte 0x0a in an event type, at offset 2");
    let nul: InvalidLastEventId = LastEventId::new("\0").expect_err("it has NUL");
    assert_error(nul, "invalid byte 0x00 in a last event ID, at offset 0");
}

#[test]
fn errors_do_not_repeat_what_the_other_side_sent() {
    let secret = "secret";
    let mut decoder = EventDecoder::with_buffer([0; 16]);
    let stream = format!("id: {secret}\nevent: {secret}\ndata: {secret}{secret}{secret}");
    let mut input = stream.as_bytes();
    while !input.is_empty() {
        if let Err(error) = decoder.decode(&mut input) {
            assert!(!format!("{error} {error:?}").contains(secret));
        }
    }
    assert_eq!(
        decoder
            .finish()
            .expect("it is cut off")
            .recover(CutLine::Keep),
        Ok(None)
    );
    let error = EventType::new("secret\n").expect_err("it has a line end");
    assert!(!format!("{error} {error:?}").contains(secret));
}
