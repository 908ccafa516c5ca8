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
    pub(crate) kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A row of `SECURITY.md`, up to what stands in parentheses, and what comes out of it as text,
    /// within the limits that it was made for.
    Attack(Gives),
    Work,
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

/// All of them. What must exceed a limit exceeds these.
pub(crate) fn streams(limits: &Config) -> Vec<Stream> {
    let mut streams = attacks(limits);
    streams.extend(work(limits));
    streams
}

pub(crate) fn attacks(limits: &Config) -> Vec<Stream> {
    use Gives::{Events, Nothing, NothingBuffered, OneEvent, OneRejection, Rejections};

    let attack = |name, gives, parts: &[&[u8]]| Stream {
        name,
        parts: parts.iter().map(|part| part.to_vec()).collect(),
        kind: Kind::Attack(gives),
    };
    let (event, id) = (limits.event_limit, limits.last_event_id_limit);
    let block = |line: &[u8], byte: &[u8], length| [line, &byte.repeat(length), b"\n\n"].concat();
    let broken = &b"\xED\xA0\x80\xF0\x9F\x98\xC0\xAF\x80"[..];
    let broken_lines = [
        &b"data: "[..],
        b"\n:",
        b"\ndata",
        b"\n",
        b"\nretry: 1",
        b"\nid: ",
        b"\nevent: \xC3\n\n",
    ];
    vec![
        attack(
            "endless data line",
            OneRejection,
            &[b"data: ", b"x", b"\n\n"],
        ),
        attack(
            "endless line that is no field",
            NothingBuffered,
            &[b"x", b"x", b"\n\n"],
        ),
        attack(
            "endless line that is no field",
            NothingBuffered,
            &[b"data", b"data", b"\n\n"],
        ),
        attack("endless comment", NothingBuffered, &[b":", b"x", b"\n\n"]),
        attack(
            "endless comments",
            NothingBuffered,
            &[b"", b": keep-alive\n", b"\n"],
        ),
        attack("endless blank lines", NothingBuffered, &[b"", b"\n"]),
        attack("endless blank lines", NothingBuffered, &[b"", b"\r"]),
        attack("endless blank lines", NothingBuffered, &[b"", b"\r\n"]),
        attack(
            "endless tiny data lines within one event",
            OneRejection,
            &[b"", b"data\n", b"\n"],
        ),
        attack(
            "endless tiny data lines within one event",
            OneRejection,
            &[b"", b"data:x\r", b"\r"],
        ),
        attack(
            "oversized event type",
            OneRejection,
            &[b"event: ", b"x", b"\ndata: lost\n\n"],
        ),
        attack("endless event types", Nothing, &[b"", b"event: x\n", b"\n"]),
        attack(
            "oversized id",
            OneRejection,
            &[b"id: ", b"1", b"\ndata: lost\n\n"],
        ),
        attack("endless ids", Nothing, &[b"", b"id: 12345\n", b"\n"]),
        attack(
            "oversized ids, again and again",
            Rejections,
            &[b"", &block(b"id: ", b"1", id + 1)],
        ),
        attack(
            "the largest id, and events that inherit it",
            Events,
            &[&block(b"id: ", b"1", id), b"data: tiny\n\n"],
        ),
        attack(
            "id with NUL",
            OneEvent,
            &[b"", b"id: a\0b\n", b"data: kept\n\n"],
        ),
        attack(
            "id with control characters",
            OneEvent,
            &[b"", b"id: \x01\x1B[2J\x7F\t\n", b"data: kept\n\n"],
        ),
        attack(
            "NUL everywhere",
            NothingBuffered,
            &[b"", b"\0\ndata\0: x\n:\0\nretry: 1\0\n", b"\n"],
        ),
        attack("NUL everywhere", Events, &[b"", b"event: \0\ndata: \0\n\n"]),
        attack("retry flood", NothingBuffered, &[b"", b"retry: 1\n", b"\n"]),
        attack("retry flood", NothingBuffered, &[b"", b"retry: 1\n\n"]),
        attack(
            "retry overflow",
            NothingBuffered,
            &[b"retry: ", b"9", b"\n\n"],
        ),
        attack(
            "retry that is none",
            NothingBuffered,
            &[b"", b"retry: -1\nretry: 1e9\nretry: 1 \nretry\n", b"\n"],
        ),
        attack(
            "retry that is none",
            NothingBuffered,
            &[b"retry: 9", b"9", b"x\n\n"],
        ),
        attack(
            "fields by names that are almost theirs",
            NothingBuffered,
            &[
                b"",
                b"dat: x\nDATA: x\n data: x\nids: 9\neven\nretryx\n",
                b"\n",
            ],
        ),
        attack("as many events as fit", Events, &[b"", b"data\n\n"]),
        attack(
            "as many events as fit",
            Events,
            &[b"", b"event:x\rdata:x\r\r"],
        ),
        attack(
            "events beyond the limit, again and again",
            Rejections,
            &[b"", &block(b"data: ", b"x", event + 1)],
        ),
        attack(
            "broken UTF-8 everywhere",
            Events,
            &[b"", &broken_lines.join(broken)],
        ),
        attack(
            "broken UTF-8 that grows threefold as text",
            OneRejection,
            &[b"data: ", b"\xFF", b"\n\n"],
        ),
        attack(
            "broken UTF-8 that grows threefold as text",
            Events,
            &[b"", &block(b"data: ", b"\xFF", event / 3)],
        ),
        attack(
            "broken UTF-8 that grows threefold as text",
            Rejections,
            &[b"", &block(b"data: ", b"\xFF", event / 3 + 1)],
        ),
        attack(
            "byte order marks",
            NothingBuffered,
            &[b"", b"\xEF\xBB\xBF", b"\n\n"],
        ),
        attack(
            "byte order marks",
            NothingBuffered,
            &[
                b"\xEF\n\xEF\xBB\n\xEF\xBBdata: x\n",
                b"\xEF\xBB\xBFdata: x\n\xEF\xBB\xBF\n",
                b"\n",
            ],
        ),
    ]
}

/// Work that is honest, and what one who knows the decoder would try.
fn work(limits: &Config) -> impl Iterator<Item = Stream> + use<> {
    let (event, id) = (limits.event_limit, limits.last_event_id_limit);
    let largest_id = [b"id: ", &b"1".repeat(id)[..], b"\n"].concat();
    let long_type = [b"event: ", &b"e".repeat(event / 2)[..], b"\n"].concat();
    let full = |data: usize, rest: &[u8]| [b"data: ", &b"a".repeat(data)[..], rest].concat();
    let streams: [(_, &[&[u8]]); 29] = [
        ("events with CRLF", &[b"", b"data: x\r\n\r\n"]),
        ("events beyond ASCII", &[b"", "data: \u{E9}\n\n".as_bytes()]),
        (
            "a long id, then events",
            &[b"id: ", b"1", b"\n\n", b"data: x\n\n"],
        ),
        (
            "a long id, then events that are buffered",
            &[b"id: ", b"1", b"\n\n", b"event: e\ndata: x\ndata\n\n"],
        ),
        (
            "a long id, then comments and events",
            &[b"id: ", b"1", b"\n\n", b": c\ndata: x\n\n"],
        ),
        (
            "a long id, then ids",
            &[b"id: ", b"1", b"\n\n", b"id: 1\n", b"\n"],
        ),
        (
            "a long id, then a long line",
            &[b"id: ", b"1", b"\n\ndata: ", b"x", b"\n\n"],
        ),
        (
            "long and short ids by turns",
            &[
                b"",
                &[
                    &largest_id,
                    &b"\ndata: x\n\ndata: x\n\nid: 1\n\ndata: x\n\n"[..],
                ]
                .concat(),
            ],
        ),
        (
            "the largest id three times, of a rejected block",
            &[
                &[
                    &largest_id,
                    &b"\n"[..],
                    &full(event + 1, b"\n"),
                    &largest_id,
                ]
                .concat(),
                b"",
                b"id: ",
                b"1",
                b"\n\n",
            ],
        ),
        (
            "a rejected event, then ids",
            &[
                b"",
                &[
                    &full(event + 1, b"\n"),
                    &largest_id,
                    &largest_id,
                    &b"\n"[..],
                ]
                .concat(),
            ],
        ),
        (
            "a long event type, then ids",
            &[b"event: ", b"e", b"\n", b"id: 1\n", b"data\n\n"],
        ),
        (
            "a long id, then event types",
            &[b"id: ", b"1", b"\n", b"event: e\n", b"data\n\n"],
        ),
        (
            "event types and ids by turns",
            &[b"", b"event: abc\nid: 1\nevent: d\nid: 234\n", b"data\n\n"],
        ),
        (
            "long event types and ids by turns",
            &[
                b"",
                &[&long_type[..], &largest_id, &long_type].concat(),
                b"data\n\n",
            ],
        ),
        (
            "a long event type of an event",
            &[b"event: ", b"e", b"\ndata\n\n"],
        ),
        ("data lines without their event", &[b"", b"data: x\n"]),
        (
            "events, one of many lines",
            &[b"data: x\n\n", b"data: line\n", b"\ndata: next\n\n"],
        ),
        (
            "invalid comments and events",
            &[b"", b":\xFF\n\ndata: x\n\n"],
        ),
        (
            "invalid and valid events",
            &[b"", b"data: x\n\nevent: \xFF\ndata: \xFF\n\n"],
        ),
        (
            "data that is invalid in places",
            &[b"data: ", b"valid\xE2\x82text\xC3", b"\n\n"],
        ),
        (
            "invalid event type and id",
            &[
                b"event: ",
                b"\xF0\x9F\x98x",
                b"\nid: ",
                b"\xFFx",
                b"\ndata: \xFF\n\n",
            ],
        ),
        (
            "an id that grows as text beside the last and a full event",
            &[
                &[&largest_id[..], b"\n"].concat(),
                &[
                    &full(event.saturating_sub(id), b"\nid: ")[..],
                    &b"\xFF".repeat(id / 3),
                    b"\n\n",
                ]
                .concat(),
            ],
        ),
        (
            "full events that are invalid at their end",
            &[b"", &full(event.saturating_sub(4), b"\ndata: \xFF\n\n")],
        ),
        (
            "short invalid events and full valid ones",
            &[
                b"",
                &[
                    &b"data: \xFF\xFF\n\n"[..],
                    &full(event - 1, b"\ndata: \n\n"),
                    b"data: \xFF\xFF\n\n",
                    &full(event.saturating_sub(4), b"\ndata: \xFF\n\n"),
                ]
                .concat(),
            ],
        ),
        (
            "comments between the fields",
            &[b"", b": a\nevent: e\n: b\nid: 1\n: c\ndata: x\n: d\n\n"],
        ),
        (
            "a long event, then comments and reconnection times before its end",
            &[b"data: ", b"x", b"\n", b": c\nretry: 1\n", b"data: x\n\n"],
        ),
        (
            "a long event type and a long id, then comments",
            &[
                b"event: ",
                b"e",
                b"\nid: ",
                b"1",
                b"\n",
                b": c\n",
                b"data: x\n\n",
            ],
        ),
        (
            "comments between the data lines",
            &[b"", b"data: x\n: c\n", b"\n"],
        ),
        (
            "a large event, then small ones until its memory is given back",
            &[
                b"",
                &[
                    &full(event, b"\n\n"),
                    &b"data: x\ndata: y\n\n".repeat(17)[..],
                ]
                .concat(),
            ],
        ),
    ];
    let own = |(name, parts): (_, &[&[u8]])| Stream {
        name,
        parts: parts.iter().map(|part| part.to_vec()).collect(),
        kind: Kind::Work,
    };
    streams.map(own).into_iter()
}
