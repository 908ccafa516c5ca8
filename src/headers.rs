//! The HTTP headers of event streams, as plain strings, for any HTTP crate.
//!
//! A client sends [`REQUEST`] and, when it reconnects, [`last_event_id`]. It reads the response if
//! the status is 200 and the content type [is that of an event stream](is_event_stream) (9.2.3). A
//! server reads [`received_last_event_id`] and sends [`RESPONSE`].

mod date;

use core::{str, time::Duration};

use crate::error::InvalidLastEventId;
use crate::value::LastEventId;

/// The MIME type of event streams (WHATWG HTML 9.2.5), for `content-type` and `accept`.
#[doc(alias("event-stream", "content-type"))]
pub const EVENT_STREAM: &str = "text/event-stream";

/// The headers of a request, as browsers send them: it accepts an event stream, and none from a
/// cache (9.2.3).
///
/// ```
/// let mut request = String::from("GET /events HTTP/1.1\r\nhost: localhost\r\n");
/// for (name, value) in sse_wire::headers::REQUEST {
///     request += &format!("{name}: {value}\r\n");
/// }
/// assert!(request.ends_with("accept: text/event-stream\r\ncache-control: no-cache\r\n"));
/// ```
pub const REQUEST: [(&str, &str); 2] = [("accept", EVENT_STREAM), ("cache-control", "no-cache")];

/// The headers of a response: they set its content type, and tell caches not to store it and
/// proxies not to change or buffer it.
///
/// `no-transform` (RFC 9111, 5.2.2.6) keeps proxies, and some middleware, from compressing or
/// rewriting the stream, which would buffer it. `x-accel-buffering: no` is nginx's header against
/// buffering, which some other proxies support; the rest ignore it. A server that compresses its
/// responses must flush the compressor after each event, or not compress this one.
#[doc(alias = "cache-control")]
pub const RESPONSE: [(&str, &str); 3] = [
    ("content-type", EVENT_STREAM),
    ("cache-control", "no-store, no-transform"),
    ("x-accel-buffering", "no"),
];

/// Returns the header with the last event ID, for a client that reconnects (9.2.4), as name and
/// value.
///
/// `None` if the ID is empty or cannot be the value of a header: it has control characters, or a
/// space or tab at an end, which would be trimmed. It may have characters other than ASCII, which
/// are sent as UTF-8.
///
/// ```
/// use sse_wire::headers::last_event_id;
///
/// assert_eq!(last_event_id("42"), Some(("last-event-id", "42")));
/// assert_eq!(last_event_id(""), None);
/// assert_eq!(last_event_id("4\u{1b}2"), None);
/// ```
#[doc(alias = "last-event-id")]
pub fn last_event_id(id: &str) -> Option<(&'static str, &str)> {
    let is_control = |byte: u8| byte.is_ascii_control() && byte != b'\t';
    let is_possible =
        !id.is_empty() && id.trim_matches([' ', '\t']) == id && !id.bytes().any(is_control);
    is_possible.then_some(("last-event-id", id))
}

/// Reads the last event ID of a request, on a server (9.2.4).
///
/// `header` is the value of the `Last-Event-ID` header, as bytes or text. `query` is the decoded
/// value of a query parameter, for a page that continues where it was before it was reloaded: a
/// browser's `EventSource` cannot set the header on its first request. The header has precedence,
/// since a browser that reconnects sends it with the URL of its first request. An empty value
/// counts as absent, and `None` means that both are absent. Without one of the sources, pass
/// `None::<&str>`. The ID borrows from its source, and
/// nothing is allocated.
///
/// ```
/// use sse_wire::headers::received_last_event_id;
/// use sse_wire::{InvalidLastEventId, LastEventId};
///
/// let mut request = http::HeaderMap::new();
/// let query = Some(String::from("41")); // `?last-event-id=41`
/// let id = received_last_event_id(request.get("last-event-id"), query.as_ref(), 64)?;
/// assert_eq!(id.map(LastEventId::as_str), Some("41"));
///
/// request.insert("last-event-id", http::HeaderValue::from_static("42"));
/// let id = received_last_event_id(request.get("last-event-id"), query.as_ref(), 64)?;
/// assert_eq!(id.map(LastEventId::as_str), Some("42"));
///
/// let error = InvalidLastEventId::TooLong { len: 2, max: 1 };
/// assert_eq!(received_last_event_id(Some("42"), None::<&str>, 1), Err(error));
/// # Ok::<(), InvalidLastEventId>(())
/// ```
///
/// With axum, the parameter comes from its extractor `Query`, and with hyper from
/// `form_urlencoded::parse`: the guide [never lose an
/// event](crate::guide::never_lose_an_event#the-id-of-a-request) shows both.
///
/// # Errors
///
/// [`InvalidLastEventId`] if the value is longer than `max_len` bytes, is not UTF-8, or has a CR,
/// LF or NUL. An error in the header is returned even if `query` is valid.
#[doc(alias = "last-event-id")]
pub fn received_last_event_id<'a, H, Q>(
    header: Option<&'a H>,
    query: Option<&'a Q>,
    max_len: usize,
) -> Result<Option<LastEventId<'a>>, InvalidLastEventId>
where
    H: AsRef<[u8]> + ?Sized,
    Q: AsRef<[u8]> + ?Sized,
{
    let header = header.map(H::as_ref).filter(|id| !id.is_empty());
    let query = query.map(Q::as_ref).filter(|id| !id.is_empty());
    let Some(id) = header.or(query) else {
        return Ok(None);
    };
    let (len, max) = (id.len(), max_len);
    if len > max {
        return Err(InvalidLastEventId::TooLong { len, max });
    }
    let id = str::from_utf8(id).map_err(|error| InvalidLastEventId::NotUtf8 {
        offset: error.valid_up_to(),
    })?;
    LastEventId::new(id).map(Some)
}

/// Parses the value of a `retry-after` header: the minimum delay before the next request (RFC 9110,
/// 10.2.3).
///
/// `None` if it is not a number of seconds. [`retry_after_at`] also understands dates.
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
    // Saturates.
    is_number.then(|| Duration::from_secs(digits.parse().unwrap_or(u64::MAX)))
}

/// Parses the value of a `retry-after` header, which is a number of seconds or a date, at the time
/// `now` since the beginning of 1970 (RFC 9110, 10.2.3 and 5.6.7).
///
/// `None` if it is neither, and zero for a date that has passed. The result is wrong by as much as the
/// clock differs from the server's.
///
/// ```
/// use core::time::Duration;
/// use sse_wire::headers::retry_after_at;
///
/// let now = Duration::from_secs(784_111_770);
/// let date = "Sun, 06 Nov 1994 08:49:37 GMT";
/// assert_eq!(retry_after_at(date, now), Some(Duration::from_secs(7)));
/// assert_eq!(retry_after_at("120", now), Some(Duration::from_secs(120)));
/// assert_eq!(retry_after_at("soon", now), None);
/// ```
pub fn retry_after_at(value: impl AsRef<[u8]>, now: Duration) -> Option<Duration> {
    let value = value.as_ref();
    retry_after(value).or_else(|| {
        let time = date::seconds(str::from_utf8(trim(value)).ok()?, now.as_secs())?;
        Some(Duration::from_secs(time).saturating_sub(now))
    })
}

/// Returns whether the `content-type` headers of a response are those of an event stream (9.2.3).
///
/// Pass the values of all `content-type` headers. Of several values, separate or joined by commas,
/// the last valid MIME type counts. Case and parameters do not matter.
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
        // Several headers are one that is joined by commas (Fetch, 2.2.2): an open quote continues
        // in the next.
        let mut is_quoted = in_quotes;
        let mut rest = Some(values.as_ref());
        while let Some(values) = rest {
            let (value, others) = split_at_comma(values, &mut in_quotes);
            if let Some((main, sub)) = essence(value).filter(|_| !is_quoted) {
                is_event_stream =
                    main.eq_ignore_ascii_case(b"text") && sub.eq_ignore_ascii_case(b"event-stream");
            }
            is_quoted = false;
            rest = others;
        }
    }
    is_event_stream
}

/// Splits off the first of several values; a comma within quotes does not separate values.
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

/// Returns the type and the subtype of a MIME type; `None` if it is invalid, or `*/*`.
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

/// Removes the white space of HTTP at both ends.
fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t' | b'\n' | b'\r', rest @ ..] = value {
        value = rest;
    }
    while let [rest @ .., b' ' | b'\t' | b'\n' | b'\r'] = value {
        value = rest;
    }
    value
}
