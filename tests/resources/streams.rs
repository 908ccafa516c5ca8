//! The streams by which time and memory are measured: what a hostile peer can send, each one row of
//! the table in `SECURITY.md`, and honest work that costs more than other work.

use crate::common::oracle::Config;

/// What comes before a stream, so that there is something to lose.
pub(crate) const BEFORE: &[u8] = b"event: before\nid: 0\ndata: first\n\ndata: second\n\n";

/// What comes after it. Its first event shows which last event ID the stream left.
pub(crate) const AFTER: &[u8] = b"data: third\n\nid: 2\ndata: fourth\n\n";

/// A stream that can be as long as a test needs.
#[derive(Debug, Clone)]
pub(crate) struct Stream {
    pub(crate) name: &'static str,
    /// By turns what comes once, and what comes n times.
    parts: Vec<Vec<u8>>,
    /// For an attack, which is a row of `SECURITY.md` up to what stands in parentheses: what comes
    /// out of it as text, within the limits that it was made for.
    pub(crate) gives: Option<Gives>,
}

/// What comes out between what comes before and what comes after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gives {
    Nothing,
    /// Nothing, and nothing of it is buffered.
    NothingBuffered,
    OneEvent,
    /// An event each time.
    Events,
    /// One event is rejected, however long it goes on.
    OneRejection,
    /// An event is rejected each time.
    Rejections,
}

impl Stream {
    fn new(name: &'static str, gives: Option<Gives>, parts: &[&[u8]]) -> Self {
        let parts = parts.iter().map(|part| part.to_vec()).collect();
        Self { name, parts, gives }
    }

    /// How often its parts are repeated to be of about so many bytes.
    pub(crate) fn rounds(&self, bytes: usize) -> usize {
        let round = self.parts.iter().skip(1).step_by(2).map(Vec::len);
        1.max(bytes / round.sum::<usize>())
    }

    pub(crate) fn repeated(&self, times: usize) -> Vec<u8> {
        let once_and_repeated = self.parts.iter().zip([1, times].into_iter().cycle());
        let parts = once_and_repeated.map(|(part, times)| part.repeat(times));
        parts.collect::<Vec<_>>().concat()
    }

    /// Of about so many bytes, between what comes before and after.
    pub(crate) fn between(&self, bytes: usize) -> Vec<u8> {
        [BEFORE, &self.repeated(self.rounds(bytes)), AFTER].concat()
    }

    /// The same without what ends it.
    pub(crate) fn without_end(&self) -> Self {
        let mut stream = self.clone();
        let repeated = stream.parts.len() / 2 * 2;
        stream.parts.truncate(repeated);
        stream
    }

    /// How it begins.
    pub(crate) fn shown(&self) -> String {
        let mut shown = self.parts.concat();
        shown.truncate(24);
        format!("{}: {}", self.name, shown.escape_ascii())
    }
}

/// A table of streams: the name, what an attack gives, and the parts, by turns once and n times.
macro_rules! streams {
    ($($name:literal, $gives:expr => $($part:expr),+;)+) => {
        vec![$(Stream::new($name, $gives, &[$(&$part[..]),+])),+]
    };
}

/// A block of one line that ends with so many bytes.
pub(crate) fn block(line: &str, byte: u8, length: usize) -> Vec<u8> {
    [line.as_bytes(), &vec![byte; length], b"\n\n"].concat()
}

/// All of them. What must exceed a limit exceeds these.
pub(crate) fn streams(limits: &Config) -> Vec<Stream> {
    [attacks(limits), work(limits)].concat()
}

pub(crate) fn attacks(limits: &Config) -> Vec<Stream> {
    const BUFFERS_NOTHING: Option<Gives> = Some(Gives::NothingBuffered);
    const NOTHING: Option<Gives> = Some(Gives::Nothing);
    const ONE_EVENT: Option<Gives> = Some(Gives::OneEvent);
    const EVENTS: Option<Gives> = Some(Gives::Events);
    const REJECTED: Option<Gives> = Some(Gives::OneRejection);
    const REJECTIONS: Option<Gives> = Some(Gives::Rejections);

    let (event, id) = (limits.event_limit, limits.last_event_id_limit);
    let broken = [
        "data: ",
        "\n:",
        "\ndata",
        "\n",
        "\nretry: 1",
        "\nid: ",
        "\nevent: ",
        "\n\n",
    ];
    let broken = broken
        .map(str::as_bytes)
        .join(&b"\xED\xA0\x80\xF0\x9F\x98\xC0\xAF\x80"[..]);
    streams! {
        "endless data line", REJECTED => b"data: ", b"x", b"\n\n";
        "endless line that is no field", BUFFERS_NOTHING => b"x", b"x", b"\n\n";
        "endless line that is no field", BUFFERS_NOTHING => b"data", b"data", b"\n\n";
        "endless comment", BUFFERS_NOTHING => b":", b"x", b"\n\n";
        "endless comments", BUFFERS_NOTHING => b"", b": keep-alive\n", b"\n";
        "endless blank lines", BUFFERS_NOTHING => b"", b"\n";
        "endless blank lines", BUFFERS_NOTHING => b"", b"\r";
        "endless blank lines", BUFFERS_NOTHING => b"", b"\r\n";
        "endless tiny data lines within one event", REJECTED => b"", b"data\n", b"\n";
        "endless tiny data lines within one event", REJECTED => b"", b"data:x\r", b"\r";
        "oversized event type", REJECTED => b"event: ", b"x", b"\ndata: lost\n\n";
        "endless event types", NOTHING => b"", b"event: x\n", b"\n";
        "oversized id", REJECTED => b"id: ", b"1", b"\ndata: lost\n\n";
        "endless ids", NOTHING => b"", b"id: 12345\n", b"\n";
        "oversized ids, again and again", REJECTIONS => b"", block("id: ", b'1', id + 1);
        "the largest id, and events that inherit it", EVENTS =>
            block("id: ", b'1', id), b"data: tiny\n\n";
        "id with NUL", ONE_EVENT => b"", b"id: a\0b\n", b"data: kept\n\n";
        "id with control characters", ONE_EVENT =>
            b"", b"id: \x01\x1B[2J\x7F\t\n", b"data: kept\n\n";
        "NUL everywhere", BUFFERS_NOTHING => b"", b"\0\ndata\0: x\n:\0\nretry: 1\0\n", b"\n";
        "NUL everywhere", EVENTS => b"", b"event: \0\ndata: \0\n\n";
        "retry flood", BUFFERS_NOTHING => b"", b"retry: 1\n", b"\n";
        "retry flood", BUFFERS_NOTHING => b"", b"retry: 1\n\n";
        "retry overflow", BUFFERS_NOTHING => b"retry: ", b"9", b"\n\n";
        "retry that is none", BUFFERS_NOTHING =>
            b"", b"retry: -1\nretry: 1e9\nretry: 1 \nretry\n", b"\n";
        "retry that is none", BUFFERS_NOTHING => b"retry: 9", b"9", b"x\n\n";
        "fields by names that are almost theirs", BUFFERS_NOTHING =>
            b"", b"dat: x\nDATA: x\n data: x\nids: 9\neven\nretryx\n", b"\n";
        "as many events as fit", EVENTS => b"", b"data\n\n";
        "as many events as fit", EVENTS => b"", b"event:x\rdata:x\r\r";
        "events beyond the limit, again and again", REJECTIONS =>
            b"", block("data: ", b'x', event + 1);
        "broken UTF-8 everywhere", EVENTS => b"", broken;
        "broken UTF-8 that grows threefold as text", REJECTED => b"data: ", b"\xFF", b"\n\n";
        "broken UTF-8 that grows threefold as text", EVENTS =>
            b"", block("data: ", b'\xFF', event / 3);
        "broken UTF-8 that grows threefold as text", REJECTIONS =>
            b"", block("data: ", b'\xFF', event / 3 + 1);
        "byte order marks", BUFFERS_NOTHING => b"", b"\xEF\xBB\xBF", b"\n\n";
        "byte order marks", BUFFERS_NOTHING =>
            b"\xEF\n\xEF\xBB\n\xEF\xBBdata: x\n", b"\xEF\xBB\xBFdata: x\n\xEF\xBB\xBF\n", b"\n";
    }
}

/// Work that is honest, and what one who knows the decoder would try.
fn work(limits: &Config) -> Vec<Stream> {
    const WORK: Option<Gives> = None;

    let (event, id) = (limits.event_limit, limits.last_event_id_limit);
    let line = |line: &str, byte, length| {
        let mut line = block(line, byte, length);
        line.truncate(line.len() - 1);
        line
    };
    let largest_id = line("id: ", b'1', id);
    let oversized = line("data: ", b'x', event + 1);
    // An event that is as large as it may be, since text with U+FFFD is three bytes longer.
    let invalid_at_its_end = [
        &line("data: ", b'a', event.saturating_sub(4))[..],
        b"data: \xFF\n\n",
    ];
    let invalid_at_its_end = invalid_at_its_end.concat();
    let in_two_lines = [&line("data: ", b'a', event - 1)[..], b"data: \n\n"].concat();
    streams! {
        "events with CRLF", WORK => b"", b"data: x\r\n\r\n";
        "events beyond ASCII", WORK => b"", "data: \u{E9}\n\n".as_bytes();
        "a long id, then events", WORK => b"id: ", b"1", b"\n\n", b"data: x\n\n";
        "a long id, then events that are buffered", WORK =>
            b"id: ", b"1", b"\n\n", b"event: e\ndata: x\ndata\n\n";
        "a long id, then comments and events", WORK =>
            b"id: ", b"1", b"\n\n", b": c\ndata: x\n\n";
        "a long id, then ids", WORK => b"id: ", b"1", b"\n\n", b"id: 2\n", b"\n";
        "a long id, then a long line", WORK => b"id: ", b"1", b"\n\ndata: ", b"x", b"\n\n";
        "long and short ids by turns", WORK =>
            b"", [&largest_id, &b"\ndata: x\n\ndata: x\n\nid: 1\n\ndata: x\n\n"[..]].concat();
        "the largest id three times, of a rejected block", WORK =>
            [&largest_id, &b"\n"[..], &oversized, &largest_id].concat(),
            b"", b"id: ", b"1", b"\n\n";
        "a rejected event, then ids", WORK =>
            b"", [&oversized, &largest_id, &largest_id, &b"\n"[..]].concat();
        "a long event type, then ids", WORK => b"event: ", b"e", b"\n", b"id: 1\n", b"data\n\n";
        "a long id, then event types", WORK => b"id: ", b"1", b"\n", b"event: e\n", b"data\n\n";
        "event types and ids by turns", WORK =>
            b"", b"event: abc\nid: 1\nevent: d\nid: 234\n", b"data\n\n";
        "long event types and ids by turns", WORK =>
            b"", [line("event: ", b'e', event / 2), largest_id.clone()].concat(), b"data\n\n";
        "a long event type of an event", WORK => b"event: ", b"e", b"\ndata\n\n";
        "data lines without their event", WORK => b"", b"data: x\n";
        "events, one of many lines", WORK =>
            b"data: x\n\n", b"data: line\n", b"\ndata: next\n\n";
        "invalid comments and events", WORK => b"", b":\xFF\n\ndata: x\n\n";
        "invalid and valid events", WORK => b"", b"data: x\n\nevent: \xFF\ndata: \xFF\n\n";
        "data that is invalid in places", WORK => b"data: ", b"valid\xE2\x82text\xC3", b"\n\n";
        "invalid event type and id", WORK =>
            b"event: ", b"\xF0\x9F\x98x", b"\nid: ", b"\xFFx", b"\ndata: \xFF\n\n";
        "an id that grows as text beside the last and a full event", WORK =>
            [&largest_id[..], b"\n"].concat(),
            [line("data: ", b'a', event.saturating_sub(id)), block("id: ", b'\xFF', id / 3)].concat();
        "full events that are invalid at their end", WORK => b"", invalid_at_its_end;
        "short invalid events and full ones", WORK =>
            b"", [b"data: \xFF\xFF\n\n", &in_two_lines[..], b"data: \xFF\n\n", &invalid_at_its_end].concat();
        "comments between the fields", WORK =>
            b"", b": a\nevent: e\n: b\nid: 1\n: c\ndata: x\n: d\n\n";
        "a long event, then comments and reconnection times before its end", WORK =>
            b"data: ", b"x", b"\n", b": c\nretry: 1\n", b"data: x\n\n";
        "a long event type and a long id, then comments", WORK =>
            b"event: ", b"e", b"\nid: ", b"1", b"\n", b": c\n", b"data: x\n\n";
        "comments between the data lines", WORK => b"", b"data: x\n: c\n", b"\n";
        "a large event, then small ones until its memory is given back", WORK =>
            b"", [block("data: ", b'x', event), b"data: x\ndata: y\n\n".repeat(17)].concat();
    }
}
