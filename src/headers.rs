//! The HTTP headers that go with an event stream, as plain strings: no HTTP crate, and no version of one, is needed.
//!
//! A client sends [`REQUEST`] and, when it connects again, [`last_event_id`]; it goes on if the status of the response is 200, no
//! other (9.2.3), and its content [is an event stream](is_event_stream). A server sends [`RESPONSE`].

use core::{str, time::Duration};

/// The MIME type of event streams (WHATWG HTML 9.2.5), for `content-type` and `accept`.
pub const EVENT_STREAM: &str = "text/event-stream";

/// What a client sends: it accepts an event stream, and none that a cache has stored (9.2.3, as browsers do it).
///
/// ```
/// let mut request = String::from("GET /events HTTP/1.1\r\nhost: localhost\r\n");
/// for (name, value) in sse_wire::headers::REQUEST {
///     request += &format!("{name}: {value}\r\n");
/// }
/// assert!(request.ends_with("accept: text/event-stream\r\ncache-control: no-cache\r\n"));
/// ```
pub const REQUEST: [(&str, &str); 2] = [("accept", EVENT_STREAM), ("cache-control", "no-cache")];

/// What a server sends: what it is, that no cache shall store it, and that no proxy shall hold it back.
///
/// `x-accel-buffering: no` is nginx's name for that, which other proxies have taken over; those that do not know it
/// ignore it. A server that compresses its responses must flush the compressor after each event, or leave this one out.
pub const RESPONSE: [(&str, &str); 3] = [
    ("content-type", EVENT_STREAM),
    ("cache-control", "no-store"),
    ("x-accel-buffering", "no"),
];

/// The header with which a client that connects again says where it left off (9.2.4), by name and value.
///
/// `None` if there is nothing to send: the ID is empty, or it cannot be the value of a header (it has control characters,
/// or a space or tab at an end, which would not arrive). It may have characters other than ASCII, which are sent as UTF-8.
///
/// ```
/// use sse_wire::headers::last_event_id;
///
/// assert_eq!(last_event_id("42"), Some(("last-event-id", "42")));
/// assert_eq!(last_event_id(""), None);
/// assert_eq!(last_event_id("4\u{1b}2"), None);
/// ```
pub fn last_event_id(id: &str) -> Option<(&'static str, &str)> {
    let is_control = |byte: u8| byte.is_ascii_control() && byte != b'\t';
    let is_possible =
        !id.is_empty() && id.trim_matches([' ', '\t']) == id && !id.bytes().any(is_control);
    is_possible.then_some(("last-event-id", id))
}

/// How long a server asks to wait before the next request, with the value of a `retry-after` header (RFC 9110, 10.2.3).
///
/// `None` if it is no number of seconds. It may be a date as well, which means something only to one who knows what time it is, and
/// whether the server thinks so, too.
///
/// ```
/// use core::time::Duration;
/// use sse_wire::headers::retry_after;
///
/// assert_eq!(retry_after("120"), Some(Duration::from_secs(120)));
/// assert_eq!(retry_after("Fri, 31 Dec 1999 23:59:59 GMT"), None);
/// ```
pub fn retry_after(value: impl AsRef<[u8]>) -> Option<Duration> {
    let digits = str::from_utf8(trim(value.as_ref())).ok()?;
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    // A number that is too large is a long time.
    is_number.then(|| Duration::from_secs(digits.parse().unwrap_or(u64::MAX)))
}

/// Whether the `content-type` of a response says that it is an event stream (9.2.3).
///
/// Give it the value of every `content-type` header: there may be none, and of several the last one counts that is a
/// MIME type at all, as when they are joined by commas. Upper case and parameters do not matter.
///
/// ```
/// use sse_wire::headers::is_event_stream;
///
/// assert!(is_event_stream(["text/event-stream"]));
/// assert!(is_event_stream([b"Text/Event-Stream; charset=utf-8"]));
/// assert!(is_event_stream(Some("text/plain, text/event-stream")));
/// assert!(!is_event_stream(["text/event-streams"]));
/// assert!(!is_event_stream(None::<&str>));
/// ```
pub fn is_event_stream<V: AsRef<[u8]>>(content_types: impl IntoIterator<Item = V>) -> bool {
    let mut is_event_stream = false;
    let mut in_quotes = false;
    for values in content_types {
        // Several headers are one that is joined by commas (Fetch, 2.2.2): an open quote reaches into the next.
        let mut goes_on = in_quotes;
        let mut rest = Some(values.as_ref());
        while let Some(values) = rest {
            let (value, others) = split_at_comma(values, &mut in_quotes);
            if let Some((main, sub)) = essence(value).filter(|_| !goes_on) {
                is_event_stream =
                    main.eq_ignore_ascii_case(b"text") && sub.eq_ignore_ascii_case(b"event-stream");
            }
            goes_on = false;
            rest = others;
        }
    }
    is_event_stream
}

/// The first of several values, and the others: a comma within quotes separates nothing.
fn split_at_comma<'v>(values: &'v [u8], in_quotes: &mut bool) -> (&'v [u8], Option<&'v [u8]>) {
    let mut is_escaped = false;
    let comma = values.iter().position(|&byte| {
        let ends = byte == b',' && !*in_quotes;
        if is_escaped {
            is_escaped = false;
        } else if byte == b'"' {
            *in_quotes = !*in_quotes;
        } else {
            is_escaped = *in_quotes && byte == b'\\';
        }
        ends
    });
    match comma.and_then(|comma| values.split_at_checked(comma)) {
        Some((value, others)) => (value, others.get(1..)),
        None => (values, None),
    }
}

/// The type and the subtype of a MIME type; `None` if it is none, or `*/*`, which says nothing.
fn essence(value: &[u8]) -> Option<(&[u8], &[u8])> {
    let is_token = |part: &[u8]| {
        let is_token =
            |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
        !part.is_empty() && part.iter().all(is_token)
    };
    let before_parameters = value.split(|&byte| byte == b';').next()?;
    let essence = trim(before_parameters);
    let slash = essence.iter().position(|&byte| byte == b'/')?;
    let (main, sub) = essence.split_at_checked(slash)?;
    let sub = sub.get(1..)?;
    (is_token(main) && is_token(sub) && (main, sub) != (b"*", b"*")).then_some((main, sub))
}

/// Without the white space of HTTP at its ends.
fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t' | b'\n' | b'\r', rest @ ..] = value {
        value = rest;
    }
    while let [rest @ .., b' ' | b'\t' | b'\n' | b'\r'] = value {
        value = rest;
    }
    value
}
