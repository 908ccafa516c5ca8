//! The headers of an event stream are what a browser takes for one and sends for one, as plain strings that any HTTP library takes.

use http::{HeaderMap, HeaderName, HeaderValue};
use sse_wire::headers::{
    EVENT_STREAM, REQUEST, RESPONSE, is_event_stream, last_event_id, retry_after,
};

#[test]
fn a_content_type_is_an_event_stream_or_it_is_not() {
    for (value, expected) in [
        ("text/event-stream", true),
        ("TEXT/EVENT-STREAM", true),
        ("Text/Event-Stream; Charset=UTF-8", true),
        ("text/event-stream;charset=utf-8", true),
        ("text/event-stream; charset=iso-8859-1", true),
        // Whatever the parameters are, or fail to be.
        ("text/event-stream;", true),
        ("text/event-stream ;", true),
        ("text/event-stream;;;", true),
        ("text/event-stream; a b", true),
        ("text/event-stream; =", true),
        ("text/event-stream; x=\"", true),
        ("text/event-stream; x=\"; y", true),
        ("text/event-stream/x; y", false),
        // Spaces and tabs around it.
        (" text/event-stream", true),
        ("text/event-stream\t", true),
        ("\t text/event-stream \t; x=y", true),
        ("text/ event-stream", false),
        ("text /event-stream", false),
        ("text/event- stream", false),
        ("text/event-stream x", false),
        // Something else.
        ("", false),
        (" ", false),
        (";", false),
        (",", false),
        ("/", false),
        ("text", false),
        ("text/", false),
        ("/event-stream", false),
        ("event-stream", false),
        ("text/event-streams", false),
        ("text/event-streamish", false),
        ("text/event-strea", false),
        ("text/x-event-stream", false),
        ("atext/event-stream", false),
        ("text/event_stream", false),
        ("text/plain", false),
        ("text/*", false),
        ("*/*", false),
        ("application/json", false),
        ("text/plain; x=text/event-stream", false),
        ("\"text/event-stream\"", false),
        ("text/event-stream\u{e9}", false),
        ("text\u{e9}/event-stream", false),
        ("text/event-stream; x=\u{e9}", true),
    ] {
        assert_eq!(is_event_stream([value]), expected, "{value:?}");
    }
}

#[test]
fn of_several_content_types_the_last_one_counts() {
    for (values, expected) in [
        (&[][..], false),
        (&["text/event-stream", "text/event-stream"][..], true),
        (&["text/plain", "text/event-stream"], true),
        (&["text/event-stream", "text/plain"], false),
        (
            &["text/event-stream", "text/plain", "text/event-stream"],
            true,
        ),
        // What is none does not count.
        (&["text/event-stream", ""], true),
        (&["", "text/event-stream"], true),
        (&["text/event-stream", "nonsense"], true),
        (&["text/event-stream", "text/ plain"], true),
        (&["text/event-stream", "text/"], true),
        (&["nonsense", ""], false),
        // What may be anything says nothing.
        (&["text/event-stream", "*/*"], true),
        (&["text/event-stream", "*/*; q=1"], true),
        (&["*/*", "text/event-stream"], true),
        (&["text/plain", "*/*"], false),
        // But this is a type of its own.
        (&["text/event-stream", "*/x"], false),
        (&["text/event-stream", "text/*"], false),
        // Commas within quotes separate nothing.
        (&["text/event-stream; x=\",text/plain\""], true),
        (&["text/plain; x=\",text/event-stream\""], false),
        (&["text/plain; x=\"\\\",text/event-stream\""], false),
        (&["text/plain; x=\"\\\\\",text/event-stream"], true),
        (&["text/plain; x=\"\\\\\\\",text/event-stream"], false),
        (&["text/plain; x=\"a\",text/event-stream"], true),
        (&["text/plain; x=\"a\"b\",text/event-stream"], false),
        // Outside of them a backslash is none.
        (&["text/plain; x=\\\",text/event-stream"], false),
        (&["text/plain; x=\\,text/event-stream"], true),
        (&["text/event-stream; x=\",text/plain"], true),
    ] {
        assert_eq!(is_event_stream(values), expected, "{values:?}");
        // It is the same in one header.
        for separator in [",", ", ", " ,\t"] {
            let joined = values.join(separator);
            assert_eq!(is_event_stream([&joined]), expected, "{joined:?}");
        }
    }
}

#[test]
fn quotes_that_one_header_opens_reach_into_the_next() {
    // Fetch, "get, decode, and split": the values are joined before they are split.
    for (values, expected) in [
        (&["text/event-stream; x=\"", "text/plain"][..], true),
        (&["text/plain; x=\"", "text/event-stream"], false),
        (&["text/plain; \"", "\\\"", "text/event-stream"], false),
        (&["text/plain; \"", "\", text/event-stream"], true),
        (&["text/plain; x=\"\\", "\", text/event-stream"], true),
    ] {
        let joined = values.join(", ");
        assert_eq!(is_event_stream([&joined]), expected, "{joined:?}");
        assert_eq!(is_event_stream(values), expected, "{values:?}");
    }
}

#[test]
fn content_types_are_bytes_or_text_of_any_library() {
    assert!(is_event_stream(Some(b"text/event-stream")));
    assert!(is_event_stream([b"text/event-stream; x=\xFF".to_vec()]));
    assert!(!is_event_stream([&b"text/event-stream\xFF"[..]]));
    assert!(!is_event_stream([&b"\xFF, text/plain"[..]]));
    assert!(is_event_stream([&b"text/event-stream, \xFF"[..]]));
    assert!(!is_event_stream([&b"text/event-stream\0"[..]]));
    assert!(is_event_stream([String::from("text/event-stream")]));
    assert!(!is_event_stream(None::<&str>));

    let mut headers = HeaderMap::new();
    assert!(!is_event_stream(headers.get_all("content-type")));
    headers.append("content-type", HeaderValue::from_static("text/plain"));
    assert!(!is_event_stream(headers.get_all("content-type")));
    headers.append("content-type", HeaderValue::from_static(EVENT_STREAM));
    assert!(is_event_stream(headers.get_all("content-type")));
}

#[test]
fn no_other_white_space_is_around_a_content_type() {
    // A form feed is white space in text, but not in HTTP.
    for value in [
        "text/event-stream\u{c}",
        "\u{c}text/event-stream",
        "text/event-stream\u{b}",
    ] {
        assert!(!is_event_stream([value]), "{value:?}");
    }
}

#[test]
fn a_last_event_id_is_sent_if_it_arrives_as_it_is() {
    for sent in [
        "42",
        "0",
        "a b",
        "a\tb",
        "a  \t b",
        "{\"offset\": 7}",
        ",;=\"\\",
        "\u{e9}\u{2028}\u{1f600}",
        "\u{a0}x\u{a0}",
        "\u{85}",
        "~",
        "!",
    ] {
        assert_eq!(
            last_event_id(sent),
            Some(("last-event-id", sent)),
            "{sent:?}"
        );
        // It is the value of a header, and nothing is taken off its ends.
        let value = HeaderValue::from_str(sent).expect("a value");
        assert_eq!(value.as_bytes(), sent.as_bytes());
    }
    for refused in [
        "",
        " ",
        "\t",
        " 42",
        "42 ",
        "\t42",
        "42\t",
        "4\r2",
        "4\n2",
        "42\n",
        "42\r\nx: y",
        "4\u{1b}2",
        "4\u{7f}2",
        "\u{1}",
        "\0",
        "4\u{b}2",
        "\u{1f}",
    ] {
        assert_eq!(last_event_id(refused), None, "{refused:?}");
    }
}

#[test]
fn every_byte_of_ascii_is_possible_in_a_last_event_id_or_it_is_not() {
    for byte in 0..0x80_u8 {
        let id = format!("a{}b", char::from(byte));
        let is_possible = HeaderValue::from_str(&id).is_ok();
        assert_eq!(last_event_id(&id).is_some(), is_possible, "{byte:#x}");
    }
}

#[test]
fn the_headers_are_what_they_are() {
    assert_eq!(EVENT_STREAM, "text/event-stream");
    assert_eq!(
        REQUEST,
        [
            ("accept", "text/event-stream"),
            ("cache-control", "no-cache")
        ]
    );
    assert_eq!(
        RESPONSE,
        [
            ("content-type", "text/event-stream"),
            ("cache-control", "no-store"),
            ("x-accel-buffering", "no"),
        ]
    );
    let [(_, content_type), ..] = RESPONSE;
    assert!(is_event_stream([content_type]));
}

#[test]
fn any_library_takes_the_headers() {
    let id = last_event_id("42").expect("it is possible");
    for (name, value) in REQUEST.into_iter().chain(RESPONSE).chain([id]) {
        // It panics at upper case, which HTTP/2 refuses.
        assert_eq!(HeaderName::from_static(name).as_str(), name);
        let value = HeaderValue::from_str(value).expect("a value");
        assert!(value.to_str().is_ok());
    }
}

#[test]
fn a_time_to_wait_is_a_number_of_seconds() {
    let seconds = |value: &str| retry_after(value).map(|time| time.as_secs());
    assert_eq!(seconds("0"), Some(0));
    assert_eq!(seconds("00120"), Some(120));
    assert_eq!(seconds(" 5\t"), Some(5));
    assert_eq!(seconds("18446744073709551615"), Some(u64::MAX));
    assert_eq!(seconds("18446744073709551616"), Some(u64::MAX));
    for value in [
        "",
        " ",
        "-1",
        "+1",
        "1.5",
        "1 2",
        "1s",
        "\u{661}",
        "Wed, 21 Oct 2015 07:28:00 GMT",
    ] {
        assert_eq!(seconds(value), None, "{value:?}");
    }
    assert_eq!(retry_after(b"1\xFF"), None);
}
