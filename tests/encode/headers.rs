//! The headers of an event stream are those that browsers accept and send, as plain strings that
//! any HTTP library takes.

use http::{HeaderMap, HeaderName, HeaderValue};
use sse_wire::headers::{
    EVENT_STREAM, REQUEST, RESPONSE, is_event_stream, last_event_id, received_last_event_id,
    retry_after,
};
use sse_wire::{InvalidLastEventId, LastEventId};

#[test]
fn the_content_type_must_be_that_of_an_event_stream() {
    for accepted in [
        "text/event-stream",
        "Text/Event-Stream; Charset=UTF-8",
        "text/event-stream;charset=iso-8859-1",
        "text/event-stream;",
        "text/event-stream ;",
        "text/event-stream; a b",
        "text/event-stream; x=\"",
        "text/event-stream; x=\"; y",
        "text/event-stream; x=\u{e9}",
        " text/event-stream",
        "text/event-stream\t",
        "\t text/event-stream \t; x=y",
        "\r\ntext/event-stream\r\n",
    ] {
        assert!(is_event_stream([accepted]), "{accepted:?}");
    }
    let short = ["", " ", ";", ",", "/", "text", "text/", "text/*", "*/*"];
    for rejected in short.into_iter().chain([
        "/event-stream",
        "event-stream",
        "text/event-streams",
        "text/x-event-stream",
        "text/event-stream/x; y",
        "text/event-stream x",
        "text/ event-stream",
        "text /event-stream",
        "text/event- stream",
        "text/plain; x=text/event-stream",
        "\"text/event-stream\"",
        "text/event-stream\u{e9}",
        "text\u{e9}/event-stream",
        "text/event-stream\0",
        // White space in text, but not in HTTP.
        "text/event-stream\u{c}",
        "\u{c}text/event-stream",
        "text/event-stream\u{b}",
    ]) {
        assert!(!is_event_stream([rejected]), "{rejected:?}");
    }
}

#[test]
fn of_several_content_types_the_last_valid_one_counts() {
    for (values, expected) in [
        (&[""; 0][..], false),
        (&["text/plain", "text/event-stream"], true),
        (&["text/event-stream", "text/plain"], false),
        (
            &["text/event-stream", "text/plain", "text/event-stream"],
            true,
        ),
        // Invalid values do not count, nor does one that allows anything.
        (&["text/event-stream", ""], true),
        (&["", "text/event-stream"], true),
        (&["text/event-stream", "nonsense"], true),
        (&["text/event-stream", "text/ plain"], true),
        (&["text/event-stream", "text/"], true),
        (&["text/event-stream", "*/*"], true),
        (&["text/event-stream", "*/*; q=1"], true),
        (&["*/*", "text/event-stream"], true),
        (&["text/plain", "*/*"], false),
        (&["text/event-stream", "*/x"], false),
        (&["text/event-stream", "text/*"], false),
        // Commas within quotes do not separate values.
        (&["text/event-stream; x=\",text/plain\""], true),
        (&["text/plain; x=\",text/event-stream\""], false),
        (&["text/plain; x=\"\\\",text/event-stream\""], false),
        (&["text/plain; x=\"\\\\\",text/event-stream"], true),
        (&["text/plain; x=\"\\\\\\\",text/event-stream"], false),
        (&["text/plain; x=\"a\",text/event-stream"], true),
        (&["text/plain; x=\"a\"b\",text/event-stream"], false),
        (&["text/event-stream; x=\",text/plain"], true),
        // Outside quotes a backslash escapes nothing.
        (&["text/plain; x=\\\",text/event-stream"], false),
        (&["text/plain; x=\\,text/event-stream"], true),
        // Values are joined before they are split (Fetch, 2.2.2): quotes continue in the next one.
        (&["text/event-stream; x=\"", "text/plain"], true),
        (&["text/plain; x=\"", "text/event-stream"], false),
        (&["text/plain; \"", "\\\"", "text/event-stream"], false),
        (&["text/plain; \"", "\", text/event-stream"], true),
    ] {
        assert_eq!(is_event_stream(values), expected, "{values:?}");
        for separator in [",", ", ", " ,\t"] {
            let joined = values.join(separator);
            assert_eq!(is_event_stream([&joined]), expected, "{joined:?}");
        }
    }
    // An escape ends with its header, so that this one differs by the separator.
    let values = ["text/plain; x=\"\\", "\", text/event-stream"];
    assert!(is_event_stream(values) && is_event_stream([values.join(", ")]));
}

#[test]
fn content_types_are_bytes_or_text_of_any_library() {
    assert!(is_event_stream([b"text/event-stream; x=\xFF".to_vec()]));
    assert!(!is_event_stream([&b"text/event-stream\xFF"[..]]));
    assert!(is_event_stream([&b"text/event-stream, \xFF"[..]]));
    assert!(is_event_stream(Some(String::from("text/event-stream"))));
    assert!(!is_event_stream(None::<&str>));

    let mut headers = HeaderMap::new();
    for (value, expected) in [("text/plain", false), (EVENT_STREAM, true)] {
        headers.append("content-type", HeaderValue::from_static(value));
        assert_eq!(is_event_stream(headers.get_all("content-type")), expected);
    }
}

#[test]
fn a_last_event_id_is_sent_if_it_arrives_unchanged() {
    for sent in [
        "42", "a b", "a\tb", "a  \t b", ",;=\"\\", "é😀", "\u{a0}x", "\u{85}",
    ] {
        let header = last_event_id(sent);
        assert_eq!(header, Some(("last-event-id", sent)), "{sent:?}");
        let value = HeaderValue::from_str(sent).expect("a valid value");
        assert_eq!(value.as_bytes(), sent.as_bytes());
    }
    for left_out in [
        "", " ", "\t", " 42", "42 ", "\t42", "42\t", "42\n", "4\r\n2", "\0",
    ] {
        assert_eq!(last_event_id(left_out), None, "{left_out:?}");
    }
    for byte in 0..0x80_u8 {
        let id = format!("a{}b", char::from(byte));
        let is_possible = HeaderValue::from_str(&id).is_ok();
        assert_eq!(last_event_id(&id).is_some(), is_possible, "{byte:#x}");
    }
}

#[test]
fn a_received_last_event_id_comes_from_the_header_or_the_query() {
    let too_long = InvalidLastEventId::TooLong { len: 5, max: 4 };
    let not_utf8 = InvalidLastEventId::NotUtf8 { offset: 1 };
    let byte = |byte| InvalidLastEventId::Byte { byte, offset: 1 };
    for (header, query, expected) in [
        (None, None, Ok(None)),
        (Some(&b""[..]), Some(""), Ok(None)),
        (Some(b"42"), None, Ok(Some("42"))),
        (None, Some("41"), Ok(Some("41"))),
        (Some(b"42"), Some("41"), Ok(Some("42"))),
        (Some(b""), Some("41"), Ok(Some("41"))),
        (Some("😀".as_bytes()), None, Ok(Some("😀"))),
        (Some(b"12345"), Some("1"), Err(too_long)),
        (None, Some("12345"), Err(too_long)),
        // Before the bytes are read.
        (Some(b"1\xFF345"), None, Err(too_long)),
        (Some(b"1\xFF"), Some("1"), Err(not_utf8)),
        (None, Some("1\r"), Err(byte(b'\r'))),
        (None, Some("1\n"), Err(byte(b'\n'))),
        (Some(b"1\0"), None, Err(byte(0))),
    ] {
        let id = received_last_event_id(header, query, 4).map(|id| id.map(LastEventId::as_str));
        assert_eq!(id, expected, "{header:?}, {query:?}");
    }
    // The types of libraries: `Option<&HeaderValue>`, `Option<&String>`.
    let mut headers = HeaderMap::new();
    headers.append("last-event-id", HeaderValue::from_static("42"));
    let (header, query) = (headers.get("Last-Event-ID"), None::<&String>);
    let id = received_last_event_id(header, query, 2).map(|id| id.map(LastEventId::as_str));
    assert_eq!(id, Ok(Some("42")));
}

#[test]
fn the_headers_are_those_of_the_standard_and_any_library_takes_them() {
    let sse = "text/event-stream";
    assert_eq!(EVENT_STREAM, sse);
    assert_eq!(REQUEST, [("accept", sse), ("cache-control", "no-cache")]);
    let cache_control = ("cache-control", "no-store, no-transform");
    let no_buffering = ("x-accel-buffering", "no");
    assert_eq!(
        RESPONSE,
        [("content-type", sse), cache_control, no_buffering]
    );

    let id = last_event_id("42").expect("a valid header");
    for (name, value) in REQUEST.into_iter().chain(RESPONSE).chain([id]) {
        // It panics at upper case, which HTTP/2 rejects.
        assert_eq!(HeaderName::from_static(name).as_str(), name);
        assert!(HeaderValue::from_str(value).is_ok(), "{value:?}");
    }
}

#[test]
fn retry_after_is_a_number_of_seconds() {
    let seconds = |value: &str| retry_after(value).map(|time| time.as_secs());
    for (value, expected) in [
        ("0", 0),
        ("00120", 120),
        (" 5\t", 5),
        ("18446744073709551615", u64::MAX),
        ("18446744073709551616", u64::MAX),
    ] {
        assert_eq!(seconds(value), Some(expected), "{value:?}");
    }
    for value in ["", " ", "-1", "+1", "1.5", "1 2", "1s", "\u{661}"] {
        assert_eq!(seconds(value), None, "{value:?}");
    }
    assert_eq!(retry_after("Wed, 21 Oct 2015 07:28:00 GMT"), None);
    assert_eq!(retry_after(b"1\xFF"), None);
}
