//! A limit of L holds L and refuses L + 1, whichever part of an event it is that counts, however the stream is cut, in memory
//! that grows and in memory that is lent; and a refusal is one error, after which the stream goes on.

mod common;

use common::cuts;
use common::oracle::{self, Config, Refusal, Seen};
use common::random::Random;
use common::readers::{Meaning, READERS, Sees};
#[cfg(feature = "alloc")]
use sse_wire::Limits;
use sse_wire::{Buffer, CutLine, DecodeError, EventDecoder, LastEventId};

/// The limits of a buffer of 16 bytes, so that every reader can have them.
const EVENT: usize = 12;
const LAST_EVENT_ID: usize = 4;

const REFUSED: &str = "event too large";
const ID_REFUSED: &str = "id too large";

fn config(event_limit: usize, last_event_id_limit: usize) -> Config {
    Config {
        event_limit,
        last_event_id_limit,
        ..Config::default()
    }
}

/// An event as `type=data#last event ID`.
fn shown(event_type: &[u8], data: &[u8], last_event_id: &str) -> String {
    let text = [event_type, b"=", data, b"#", last_event_id.as_bytes()].concat();
    text.escape_ascii().to_string()
}

fn seen_as(seen: &Seen) -> String {
    match seen {
        Seen::Event(event) => shown(&event.event_type, &event.data, &event.last_event_id),
        Seen::Comment { text, .. } => [":", &text.escape_ascii().to_string()].concat(),
        Seen::Retry(milliseconds) => milliseconds.to_string(),
        Seen::Refused(Refusal::Event) => REFUSED.to_owned(),
        Seen::Refused(Refusal::LastEventId) => ID_REFUSED.to_owned(),
    }
}

/// Asserts what a stream gives with limits of 12 and 4 bytes.
#[track_caller]
fn assert_gives(stream: impl AsRef<[u8]>, expected: &[&str]) {
    assert_gives_within(config(EVENT, LAST_EVENT_ID), stream, expected);
}

/// Asserts what a stream gives: the oracle must agree with the hand-written expectation, and every reader with the oracle,
/// whole, at every 2-way split, byte by byte and at random cuts.
#[track_caller]
fn assert_gives_within(config: Config, stream: impl AsRef<[u8]>, expected: &[&str]) {
    let stream = stream.as_ref();
    let outcome = oracle::interpret(stream, &config);
    let seen: Vec<String> = outcome.seen.iter().map(seen_as).collect();
    assert_eq!(seen, expected, "{}", stream.escape_ascii());
    let meaning = Meaning::of(stream, &config);
    let mut ran = 0;
    cuts::every_kind(stream, 4, 7, |chunks| {
        for reader in READERS {
            let seed = chunks.len() as u64;
            ran += usize::from(
                reader
                    .check_both_ends(chunks, &config, &meaning, seed)
                    .is_some(),
            );
        }
    });
    let is_fixed =
        config.last_event_id_limit == (config.event_limit + config.last_event_id_limit) / 4;
    let has_readers = is_fixed || cfg!(feature = "alloc");
    assert!(
        !has_readers || ran > stream.len(),
        "the readers do not take these limits"
    );
}

#[test]
fn every_counted_part_holds_the_limit_and_not_a_byte_more() {
    // Each row: a stream that counts exactly 12 at its most, what it gives, and the same with one byte more.
    for (exact, gives, above) in [
        (
            "data: 123456789012\n\n",
            "message=123456789012#",
            "data: 123456789012+\n\n",
        ),
        (
            "data:123456789012\n\n",
            "message=123456789012#",
            "data:123456789012+\n\n",
        ),
        (
            "data: 12345\ndata: 789012\n\n",
            "message=12345\\n789012#",
            "data: 12345\ndata: 789012+\n\n",
        ),
        (
            "data: 12345678901\ndata\n\n",
            "message=12345678901\\n#",
            "data: 123456789012\ndata\n\n",
        ),
        (
            "data\ndata: 12345678901\n\n",
            "message=\\n12345678901#",
            "data\ndata: 123456789012\n\n",
        ),
        (
            "event: 1234567890\ndata: 12\n\n",
            "1234567890=12#",
            "event: 1234567890+\ndata: 12\n\n",
        ),
        (
            "data: 12\nevent: 1234567890\n\n",
            "1234567890=12#",
            "data: 12\nevent: 1234567890+\n\n",
        ),
        (
            "event: 123456789012\ndata\n\n",
            "123456789012=#",
            "event: 123456789012+\ndata\n\n",
        ),
        (
            "id: 1234\ndata: 12345678\n\n",
            "message=12345678#1234",
            "id: 1234\ndata: 12345678+\n\n",
        ),
        (
            "data: 12345678\nid: 1234\n\n",
            "message=12345678#1234",
            "data: 12345678+\nid: 1234\n\n",
        ),
        (
            "event: 1234\nid: 1234\ndata: 1234\n\n",
            "1234=1234#1234",
            "event: 1234\nid: 1234\ndata: 1234+\n\n",
        ),
        // A line that is read stands beside what it will replace.
        (
            "event: 12345\nevent: 1234567\ndata: 1\n\n",
            "1234567=1#",
            "event: 12345+\nevent: 1234567\ndata: 1\n\n",
        ),
        (
            "data: 1234\nid: 1234\nid: 1234\n\n",
            "message=1234#1234",
            "data: 1234+\nid: 1234\nid: 1234\n\n",
        ),
        (
            "data: 12\nevent: 123456\nid: 1234\nevent\n\n",
            "message=12#1234",
            "data: 12\nevent: 123456+\nid: 1234\nevent\n\n",
        ),
        // An id with NUL is ignored, but not before it has come.
        (
            "data: 12345678\nid: 1\x0034\n\n",
            "message=12345678#",
            "data: 12345678+\nid: 1\x0034\n\n",
        ),
        // So is one without data, but here the data is what is missing.
        (
            "event: 12345678\nid: 1234\ndata\n\n",
            "12345678=#1234",
            "event: 12345678+\nid: 1234\ndata\n\n",
        ),
    ] {
        let next = "data: next\n\n";
        let id = gives.split_once('#').map_or("", |(_, id)| id);
        let gives_next = &*["message=next#", id].concat();
        for line_end in ["\n", "\r", "\r\n"] {
            let exact = [exact, next].concat().replace('\n', line_end);
            assert_gives(exact, &[gives, gives_next]);
            let above = [above, next].concat().replace('\n', line_end);
            assert_gives(above, &[REFUSED, gives_next]);
        }
    }
}

#[test]
fn joining_line_feeds_count() {
    let lines = |count: usize| "data\n".repeat(count) + "\n";
    let line_feeds = |count: usize| ["message=", &"\\n".repeat(count), "#"].concat();
    assert_gives(lines(13), &[&line_feeds(12)]);
    assert_gives(lines(14), &[REFUSED]);
}

#[test]
fn a_last_event_id_holds_its_limit_and_not_a_byte_more() {
    assert_gives("id: 1234\n\ndata: x\n\n", &["message=x#1234"]);
    assert_gives("id: 12345\n\ndata: x\n\n", &[ID_REFUSED, "message=x#"]);
    assert_gives(
        "id: 1\n\nid: 12345\n\ndata: x\n\n",
        &[ID_REFUSED, "message=x#1"],
    );
    // The one before it in the same block is given up, too: it would be wrong for what follows.
    assert_gives(
        "id: 1\nid: 12345\n\ndata: x\n\n",
        &[ID_REFUSED, "message=x#"],
    );
    assert_gives(
        "id: 1\nid: 12345\nid: 2\n\ndata: x\n\n",
        &[ID_REFUSED, "message=x#2"],
    );
    // Ignored for its NUL, but refused before that is known.
    assert_gives("id: 1\nid: 123\0\n\ndata: x\n\n", &["message=x#1"]);
    assert_gives(
        "id: 1\nid: 1234\0\n\ndata: x\n\n",
        &[ID_REFUSED, "message=x#1"],
    );
}

#[test]
fn a_last_event_id_counts_as_text() {
    assert_gives(b"id: \xFF4\n\ndata: x\n\n", &["message=x#\\xef\\xbf\\xbd4"]);
    assert_gives(b"id: \xFF45\n\ndata: x\n\n", &[ID_REFUSED, "message=x#"]);
    assert_gives(
        b"id: 1\nid: \xFF\xFF\n\ndata: x\n\n",
        &[ID_REFUSED, "message=x#"],
    );
    // Three bytes that are one broken character become the three of U+FFFD.
    assert_gives(
        b"id: 1\xF0\x9F\x98\n\ndata: x\n\n",
        &["message=x#1\\xef\\xbf\\xbd"],
    );
    assert_gives(b"id: \xFF\xFF\0\n\ndata: x\n\n", &["message=x#"]);
}

#[test]
fn an_id_that_is_too_long_as_text_for_the_event_becomes_the_last_event_id_all_the_same() {
    let exact = b"data: 12345678\nid: \xFF4\n\ndata: x\n\n";
    assert_gives(
        exact,
        &[
            "message=12345678#\\xef\\xbf\\xbd4",
            "message=x#\\xef\\xbf\\xbd4",
        ],
    );
    let above = b"data: 123456789\nid: \xFF4\n\ndata: x\n\n";
    assert_gives(above, &[REFUSED, "message=x#\\xef\\xbf\\xbd4"]);
}

/// What a stream gives as bytes.
fn assert_gives_raw(stream: &[u8], expected: &[&str]) {
    let config = Config {
        text: false,
        ..config(EVENT, LAST_EVENT_ID)
    };
    let seen = oracle::interpret(stream, &config).seen;
    let seen: Vec<String> = seen.iter().map(seen_as).collect();
    assert_eq!(seen, expected, "{}", stream.escape_ascii());
}

#[test]
fn as_text_what_was_replaced_counts_and_as_bytes_it_does_not() {
    let replaced = "\\xef\\xbf\\xbd";
    for (stream, text, raw) in [
        (
            &b"data: \xFF\xFF\xFF\xFF\n\n"[..],
            &*["message=", &replaced.repeat(4), "#"].concat(),
            "message=\\xff\\xff\\xff\\xff#",
        ),
        (
            b"data: \xFF\xFF\xFF\xFF+\n\n",
            REFUSED,
            "message=\\xff\\xff\\xff\\xff+#",
        ),
        (
            b"event: \xFF\ndata: 456789012\n\n",
            "\\xef\\xbf\\xbd=456789012#",
            "\\xff=456789012#",
        ),
        (
            b"event: \xFF\ndata: 456789012+\n\n",
            REFUSED,
            "\\xff=456789012+#",
        ),
        (
            b"event: \xFF\ndata: \xFF789012\n\n",
            "\\xef\\xbf\\xbd=\\xef\\xbf\\xbd789012#",
            "\\xff=\\xff789012#",
        ),
        (
            b"event: \xFF\ndata: \xFF789012+\n\n",
            REFUSED,
            "\\xff=\\xff789012+#",
        ),
        (
            b"data: \xFF\ndata: \xE2\x82\nid: 9012\n\n",
            "message=\\xef\\xbf\\xbd\\n\\xef\\xbf\\xbd#9012",
            "message=\\xff\\n\\xe2\\x82#9012",
        ),
        (
            b"data: \xFF\ndata: \xE2\x82+\nid: 9012+\n\n",
            ID_REFUSED,
            ID_REFUSED,
        ),
        (
            b"data: \xFF\ndata: \xE2\x82++\nid: 9012\n\n",
            REFUSED,
            "message=\\xff\\n\\xe2\\x82++#9012",
        ),
    ] {
        assert_gives(stream, &[text]);
        assert_gives_raw(stream, &[raw]);
    }
}

#[test]
fn what_is_refused_as_text_commits_its_id() {
    let stream = b"id: 7\ndata: \xFF\xFF\xFF\xFF\n\ndata: x\n\n";
    assert_gives(stream, &[REFUSED, "message=x#7"]);
    assert_gives_raw(stream, &["message=\\xff\\xff\\xff\\xff#7", "message=x#7"]);
}

#[test]
fn a_refusal_is_one_error_and_the_stream_goes_on() {
    for lines in [
        "data: 1234567890123\n",
        "data: 1234567890123\ndata: 1234567890123\nevent: 1234567890123\n",
        "event: tick\ndata: 12345678901\ndata: x\nevent: tock\n",
        "event: 1234567890123\ndata: x\n",
        "event: 1234567890123\nevent: b\ndata: x\n",
        "data: 1234567890123\nid: 12345\n",
        "data: 1234567890123\nid: 123456789012345\n",
    ] {
        let stream = [
            lines,
            "\ndata: next\n\n",
            lines,
            "\n\nevent: e\ndata: last\n\n",
        ]
        .concat();
        assert_gives(stream, &[REFUSED, "message=next#", REFUSED, "e=last#"]);
    }
}

#[test]
fn the_id_of_a_refused_event_commits_if_it_fits() {
    for (block, id) in [
        ("id: 7\ndata: 1234567890123\n\n", "7"),
        ("data: 1234567890123\nid: 7\n\n", "7"),
        ("id: 6\ndata: 1234567890123\nid: 1234\n\n", "1234"),
        ("id: 6\ndata: 1234567890123\nid\n\n", ""),
        ("id: 6\ndata: 1234567890123\nid: \0\n\n", "6"),
        ("id: 6\ndata: 1234567890123\nid: 12345\n\n", ""),
        ("id: 6\ndata: 1234567890123\nid: 12345\0\n\n", "6"),
        ("data: 1234567890123\nid: 12345\nid: 8\n\n", "8"),
        // There is room for two IDs and a line beside the last event ID: the data is gone.
        (
            "id: 1111\n\ndata: 1234567890123\nid: 2222\nid: 3333\n\n",
            "3333",
        ),
        (
            "id: 1111\n\ndata: 12345678901\ndata: x\nid: 2222\nid: 333\0\n\n",
            "2222",
        ),
    ] {
        let stream = [block, "data: x\n\n"].concat();
        assert_gives(stream, &[REFUSED, &["message=x#", id].concat()]);
    }
    // It is the one before it that stays if there is none that fits.
    let stream = "id: 1\n\ndata: 1234567890123\nid: 12345\n\ndata: x\n\n";
    assert_gives(stream, &[REFUSED, "message=x#1"]);
    // Not before the blank line.
    assert_gives("id: 1\n\ndata: 1234567890123\nid: 2\n", &[REFUSED]);
    let ended = oracle::interpret(
        b"id: 1\n\ndata: 1234567890123\nid: 2\n",
        &config(EVENT, LAST_EVENT_ID),
    );
    assert_eq!(ended.last_event_id, "1");
}

#[test]
fn the_reconnection_time_of_a_refused_event_counts() {
    let stream = "retry: 1\ndata: 1234567890123\nretry: 2\nretry: x\n\ndata: x\n\n";
    assert_gives(stream, &["1", REFUSED, "2", "message=x#"]);
    assert_gives("id: 12345\nretry: 2\n\n", &[ID_REFUSED, "2"]);
}

#[test]
fn an_event_type_ends_with_its_block() {
    for event_type in ["123456789012", "1234567890123"] {
        let refused = (event_type.len() > EVENT).then_some(REFUSED);
        let expected: Vec<&str> = refused
            .into_iter()
            .chain(["message=123456789012#"])
            .collect();
        let stream = ["event: ", event_type, "\n\ndata: 123456789012\n\n"].concat();
        assert_gives(stream, &expected);
    }
}

#[test]
fn what_is_never_stored_counts_nothing() {
    let long = "x".repeat(100);
    let comment = [":", &long].concat();
    for (line, item) in [
        ([&long, ": x"].concat(), None),
        (long.clone(), None),
        (["data", &long, ": x"].concat(), None),
        (comment.clone(), Some(comment)),
        (
            ["retry: ", &"0".repeat(100), "7"].concat(),
            Some("7".to_owned()),
        ),
        (["retry: ", &long].concat(), None),
    ] {
        let stream = ["data: 12345\n", &line, "\ndata: 789012\n", &line, "\n\n"].concat();
        let mut expected: Vec<&str> = Vec::new();
        expected.extend(item.as_deref());
        expected.extend(item.as_deref());
        expected.push("message=12345\\n789012#");
        assert_gives(stream, &expected);
    }
}

#[test]
fn the_limit_that_the_bytes_would_meet_first_is_named() {
    let id = |length: usize| ["id: ", &"i".repeat(length), "\n\n"].concat();
    for id_length in [5, 6, 12, 13, 40] {
        // With four bytes left or less, the event is full before the id is too long.
        for (data, refused) in [
            ("", ID_REFUSED),
            ("data: 1234567\n", ID_REFUSED),
            ("data: 12345678\n", REFUSED),
            ("data: 123456789\n", REFUSED),
            ("data: 123456789012\n", REFUSED),
            ("event: 123\ndata: 1234\n", ID_REFUSED),
            ("event: 1234\ndata: 1234\n", REFUSED),
            ("id: 1234\nevent: 123\n", ID_REFUSED),
            ("id: 1234\nevent: 1234\n", REFUSED),
        ] {
            let stream = [data, &id(id_length), "data: x\n\n"].concat();
            assert_gives(stream, &[refused, "message=x#"]);
        }
    }
    // Where the event is the smaller limit, it is always the event.
    for id_length in [3, 4, 5, 6] {
        let gives = |id: &str| ["message=#", id].concat();
        let fits = gives(&"i".repeat(id_length));
        let next = if id_length <= 4 { &*fits } else { "message=#" };
        let stream = [&id(id_length), "data\n\n"].concat();
        assert_gives_within(config(2, 4), stream, &[REFUSED, next]);
    }
    assert_gives_within(
        config(4, 4),
        [&id(5), "data\n\n"].concat(),
        &[REFUSED, "message=#"],
    );
    assert_gives_within(
        config(5, 4),
        [&id(5), "data\n\n"].concat(),
        &[ID_REFUSED, "message=#"],
    );
}

#[test]
fn limits_of_zero_let_through_what_takes_nothing() {
    let limits = config(0, 0);
    let gives = |stream: &str, expected: &[&str]| {
        assert_gives_within(limits.clone(), stream, expected);
    };
    gives("data\n\nevent\nid\ndata:\n\n", &["message=#", "message=#"]);
    gives("data: x\n\n", &[REFUSED]);
    gives("data\ndata\n\n", &[REFUSED]);
    gives("event: e\n\n", &[REFUSED]);
    gives("id: 1\n\ndata\n\n", &[REFUSED, "message=#"]);
    gives("data\nid: \0\n\n", &[REFUSED]);
}

/// The errors of a stream until its bytes end, and what `recover` gives then.
#[track_caller]
fn assert_recovers(
    stream: &[u8],
    errors: usize,
    keep: Result<Option<&str>, Refusal>,
    discard: Result<Option<&str>, Refusal>,
) {
    assert_recovers_in(
        || EventDecoder::with_buffer([0; 16]),
        stream,
        errors,
        keep,
        discard,
    );
    #[cfg(feature = "alloc")]
    {
        let limits = Limits::new()
            .with_event(EVENT)
            .with_last_event_id(LAST_EVENT_ID);
        assert_recovers_in(
            || EventDecoder::with_limits(limits),
            stream,
            errors,
            keep,
            discard,
        );
    }
}

#[track_caller]
fn assert_recovers_in<B: Buffer>(
    new: impl Fn() -> EventDecoder<B>,
    stream: &[u8],
    errors: usize,
    keep: Result<Option<&str>, Refusal>,
    discard: Result<Option<&str>, Refusal>,
) {
    for size in [1, 2, 3, 5, stream.len()] {
        for (cut_line, expected) in [(CutLine::Keep, keep), (CutLine::Discard, discard)] {
            let mut decoder = new();
            let mut refused = 0;
            for mut chunk in stream.chunks(size) {
                while !chunk.is_empty() {
                    refused += usize::from(decoder.decode(&mut chunk).is_err());
                }
            }
            assert_eq!(refused, errors);
            let incomplete = decoder.finish().expect("the stream ends within an event");
            let recovered = incomplete.recover(cut_line);
            let recovered = recovered.map(|event| {
                event.map(|event| {
                    let (event_type, data) = (event.event_type(), event.data());
                    shown(
                        event_type.as_bytes(),
                        data.as_bytes(),
                        event.last_event_id(),
                    )
                })
            });
            assert_eq!(
                recovered.as_ref().map(Option::as_deref),
                expected
                    .map_err(|refusal| match refusal {
                        Refusal::Event => DecodeError::EventTooLarge { limit: EVENT },
                        Refusal::LastEventId => DecodeError::LastEventIdTooLarge {
                            limit: LAST_EVENT_ID
                        },
                    })
                    .as_ref()
                    .copied(),
                "{} {cut_line:?}",
                stream.escape_ascii()
            );
            assert!(decoder.finish().is_none());
        }
    }
}

#[test]
fn an_unfinished_line_that_is_too_long_is_reported_before_the_end() {
    for stream in [
        "data: 1234567890123",
        "event: 1234567890123",
        "data: 123456\ndata: 789012",
    ] {
        assert_gives(stream, &[REFUSED]);
        assert_recovers(stream.as_bytes(), 1, Ok(None), Ok(None));
    }
    assert_gives("id: 12345", &[ID_REFUSED]);
    assert_recovers(b"id: 12345", 1, Ok(None), Ok(None));
    assert_gives("data: 123456789012", &[]);
    assert_recovers(
        b"data: 123456789012",
        0,
        Ok(Some("message=123456789012#")),
        Ok(None),
    );
}

#[test]
fn an_unfinished_event_that_was_refused_stays_refused() {
    for stream in [
        "data: 1234567890123\n",
        "data: 1234567890123\ndata: x",
        "data: 1234567890123\nid: 12345",
        "data: 1234567890123\nda",
        "data: 1234567890123\n: comment",
    ] {
        assert_gives(
            stream,
            &[REFUSED, ": comment"][..=usize::from(stream.contains(": c"))],
        );
        assert_recovers(stream.as_bytes(), 1, Ok(None), Ok(None));
    }
}

#[test]
fn a_kept_line_counts_when_its_end_is_taken_as_read() {
    // The joining line feed of a line that is empty so far.
    let whole = Ok(Some("message=123456789012#"));
    assert_recovers(b"data: 123456789012\ndata", 0, Err(Refusal::Event), whole);
    assert_recovers(b"data: 123456789012\ndata:", 0, Err(Refusal::Event), whole);
    assert_recovers(b"data: 123456789012\nevent:", 0, whole, whole);
    // Only at its end is an id known as text.
    assert_recovers(
        b"data: x\nid: \xFF45",
        0,
        Err(Refusal::LastEventId),
        Ok(Some("message=x#")),
    );
    assert_recovers(
        b"data: 123456789\nid: \xFF",
        0,
        Ok(Some("message=123456789#\\xef\\xbf\\xbd")),
        Ok(Some("message=123456789#")),
    );
    assert_recovers(
        b"data: 1234567890\nid: \xFF",
        0,
        Err(Refusal::Event),
        Ok(Some("message=1234567890#")),
    );
    // Only at the blank line is the data known as text.
    let as_text = Err(Refusal::Event);
    assert_recovers(b"data: \xFF\xFF\xFF\xFF5\n", 0, as_text, as_text);
}

/// The next event takes all the memory beside the last event ID.
#[test]
fn an_event_type_that_was_replaced_leaves_its_room_to_the_next_event() {
    let mut decoder = EventDecoder::with_buffer([0; 16]);
    let mut events = Vec::new();
    for mut chunk in [
        &b"id: 1234\n\nevent: 123456\n"[..],
        b"event: 1\ndata\n\nid: 5678\ndata: 12345",
        b"678\n\n",
    ] {
        while let Some(event) = decoder.decode(&mut chunk).expect("all fit") {
            events.push((event.data().to_owned(), event.last_event_id().to_owned()));
        }
    }
    let expected = [("", "1234"), ("12345678", "5678")];
    assert_eq!(
        events,
        expected.map(|(data, id)| (data.to_owned(), id.to_owned()))
    );
}

#[test]
fn recovered_as_bytes_only_the_bytes_count() {
    let mut decoder = EventDecoder::with_buffer([0; 16]);
    let stream = b"data: \xFF\xFF\xFF\xFF5\n";
    assert_eq!(decoder.decode_raw(&mut &stream[..]), Ok(None));
    let incomplete = decoder.finish().expect("the blank line is missing");
    let event = incomplete.recover_raw(CutLine::Keep).expect("it fits");
    assert_eq!(
        event.map(|event| event.data()),
        Some(&b"\xFF\xFF\xFF\xFF5"[..])
    );
}

#[test]
fn the_id_of_a_refused_recovery_commits() {
    let mut decoder = EventDecoder::with_buffer([0; 16]);
    let stream = b"id: 1\n\nid: 7\ndata: 123456789\ndata: 1";
    assert_eq!(decoder.decode(&mut &stream[..]), Ok(None));
    let incomplete = decoder.finish().expect("it is cut off");
    assert_eq!(
        incomplete
            .recover(CutLine::Keep)
            .map(|event| event.is_some()),
        Ok(true)
    );
    let stream = b"id: 8\ndata: 123456789\ndata: 12";
    assert_eq!(
        decoder.decode(&mut &stream[..]),
        Err(DecodeError::EventTooLarge { limit: EVENT })
    );
    assert_eq!(decoder.last_event_id(), "7");
    let incomplete = decoder.finish().expect("it is cut off");
    assert_eq!(incomplete.recover(CutLine::Keep), Ok(None));
    assert_eq!(decoder.last_event_id(), "8");
    assert_eq!(decoder.decode(&mut &b"data: x\nid: 9\ndata"[..]), Ok(None));
    let _discarded = decoder.finish().expect("it is cut off");
    assert_eq!(decoder.last_event_id(), "8");
}

#[test]
fn a_last_event_id_beyond_the_limit_cannot_be_set() {
    for memory in 0..=64 {
        let mut memory = vec![0; memory];
        let mut decoder = EventDecoder::with_buffer(&mut memory[..]);
        let limits = decoder.limits();
        let (fits, above) = (
            "i".repeat(limits.last_event_id),
            "j".repeat(limits.last_event_id + 1),
        );
        // Within a block, with everything in use: nothing of it may change.
        let data = "d".repeat(limits.event);
        let in_use = ["data: ", &data].concat();
        for byte in in_use.as_bytes().chunks(1) {
            assert_eq!(decoder.decode(&mut &*byte), Ok(None));
        }
        assert_eq!(
            decoder.set_last_event_id(LastEventId::new(&fits).expect("letters")),
            Ok(())
        );
        let full = decoder
            .set_last_event_id(LastEventId::new(&above).expect("letters"))
            .expect_err("it is too long");
        assert_eq!((full.needed, full.available), (above.len(), fits.len()));
        assert_eq!(decoder.last_event_id(), fits);
        let mut input = &b"\n\n"[..];
        let event = decoder
            .decode(&mut input)
            .expect("it fits")
            .expect("it is complete");
        assert_eq!((event.data(), event.last_event_id()), (&*data, &*fits));
        assert_eq!(event.id(), None);
    }
}

/// The lines that the exhaustive test puts in every order.
const LINES: &[&[u8]] = &[
    b"\n",
    b"data: aa\n",
    b"data\r",
    b"data: \xFF\n",
    b"event: bb\n",
    b"event: \xE2\x82\n",
    b"event\n",
    b"id: cc\r\n",
    b"id: \xFF\n",
    b"id: d\0\n",
    b"retry: 1\n",
];

/// Limits of fixed buffers, and limits that only a buffer that grows can have.
fn small_limits() -> impl Iterator<Item = Config> {
    let fixed = [0, 1, 2, 3, 4, 5, 7, 8, 16].map(|bytes| (bytes - bytes / 4, bytes / 4));
    let growing = [(0, 4), (2, 2), (3, 0), (4, 3), (6, 1)];
    let limits = fixed.into_iter().chain(growing);
    limits.map(|(event, last_event_id)| config(event, last_event_id))
}

fn assert_as_the_oracle_says(stream: &[u8]) {
    for config in small_limits() {
        let meaning = Meaning::of(stream, &config);
        let dripped = cuts::bytes(stream);
        for reader in READERS.iter().filter(|reader| reader.sees == Sees::Items) {
            reader.check_both_ends(&[stream], &config, &meaning, 0);
            reader.check_both_ends(&dripped, &config, &meaning, 0);
        }
    }
}

#[test]
fn all_short_sequences_of_lines_are_refused_as_the_oracle_says() {
    let mut sequences: Vec<Vec<u8>> = vec![Vec::new()];
    for _ in 0..3 {
        let longer = sequences
            .iter()
            .flat_map(|stream| LINES.iter().map(|line| [stream, *line].concat()));
        sequences = longer.collect();
        for stream in &sequences {
            assert_as_the_oracle_says(&[stream, &b"\ndata\n\n"[..]].concat());
        }
    }
    assert_eq!(sequences.len(), LINES.len().pow(3));
}

#[test]
fn long_sequences_of_lines_are_refused_as_the_oracle_says() {
    let mut random = Random::new(0x11);
    for _ in 0..1000 {
        let mut stream = Vec::new();
        for _ in 0..4 + random.below(12) {
            let line: &&[u8] = random.choose(LINES);
            stream.extend_from_slice(line);
        }
        assert_as_the_oracle_says(&stream);
    }
}

/// A value that takes `length` bytes as text: of one-byte characters, or of U+FFFD as far as it goes.
fn value(length: usize, character: u8, replaced: bool) -> Vec<u8> {
    if replaced {
        [b"\xFF".repeat(length / 3), vec![character; length % 3]].concat()
    } else {
        vec![character; length]
    }
}

fn text(value: &[u8]) -> String {
    String::from_utf8_lossy(value).into_owned()
}

/// What an event is made of.
#[derive(Debug, Clone, Copy)]
struct Parts {
    data: usize,
    event_type: usize,
    id: usize,
}

/// Every kind of division of so many bytes among the parts of an event.
fn divisions(event: usize, last_event_id: usize) -> impl Iterator<Item = Parts> {
    let ids = [0, 1, last_event_id / 2, last_event_id];
    let ids = ids
        .into_iter()
        .filter(move |id| *id <= last_event_id.min(event));
    ids.flat_map(move |id| {
        let rest = event - id;
        let types = [0, 1, rest / 2, rest].into_iter();
        types
            .filter(move |event_type| *event_type <= rest)
            .map(move |event_type| Parts {
                data: rest - event_type,
                event_type,
                id,
            })
    })
}

const ORDERS: [[usize; 3]; 6] = [
    [0, 1, 2],
    [0, 2, 1],
    [1, 0, 2],
    [1, 2, 0],
    [2, 0, 1],
    [2, 1, 0],
];

/// Reads one block after a last event ID of full length, and gives what comes of it.
fn read_block<B: Buffer>(
    mut decoder: EventDecoder<B>,
    last_event_id: &[u8],
    block: &[u8],
    chunk: usize,
) -> Result<Option<(String, String, String)>, DecodeError> {
    let first = [b"id: ", last_event_id, b"\n\n"].concat();
    assert_eq!(decoder.decode(&mut &first[..]), Ok(None));
    assert_eq!(decoder.last_event_id(), text(last_event_id));
    for mut chunk in block.chunks(chunk) {
        if let Some(event) = decoder.decode(&mut chunk)? {
            let parts = (event.event_type(), event.data(), event.last_event_id());
            return Ok(Some((
                parts.0.to_owned(),
                parts.1.to_owned(),
                parts.2.to_owned(),
            )));
        }
    }
    Ok(None)
}

#[test]
fn lent_memory_of_every_size_holds_exactly_its_limits() {
    let mut held = 0;
    for size in 0..=64 {
        let mut memory = vec![0xA5; size];
        let limits = EventDecoder::with_buffer(&mut memory[..]).limits();
        assert_eq!(
            (limits.event, limits.last_event_id),
            (size - size / 4, size / 4)
        );
        for replaced in [false, true] {
            let last_event_id = value(limits.last_event_id, b'l', replaced);
            for parts in divisions(limits.event, limits.last_event_id) {
                for order in ORDERS {
                    for above in [0, 1] {
                        let data = value(parts.data + above, b'd', replaced);
                        let event_type = value(parts.event_type, b'e', replaced);
                        let id = value(parts.id, b'i', replaced);
                        let lines = [
                            [b"data: ", &data[..], b"\n"].concat(),
                            [b"event: ", &event_type[..], b"\n"].concat(),
                            if id.is_empty() {
                                Vec::new()
                            } else {
                                [b"id: ", &id[..], b"\n"].concat()
                            },
                        ];
                        let block = order.map(|index| &lines[index][..]).concat();
                        let block = [&block[..], b"\n"].concat();
                        for chunk in [1, 3, block.len()] {
                            memory.fill(0xA5);
                            let decoder = EventDecoder::with_buffer(&mut memory[..]);
                            let found = read_block(decoder, &last_event_id, &block, chunk);
                            let expected = if above == 0 {
                                let name = if event_type.is_empty() {
                                    b"message"
                                } else {
                                    &event_type[..]
                                };
                                let id = if id.is_empty() { &last_event_id } else { &id };
                                held += 1;
                                Ok(Some((text(name), text(&data), text(id))))
                            } else {
                                Err(DecodeError::EventTooLarge {
                                    limit: limits.event,
                                })
                            };
                            assert_eq!(found, expected, "{size} {parts:?} {order:?} {chunk}");
                        }
                    }
                }
            }
        }
    }
    assert!(held > 20_000, "{held}");
}

#[test]
fn lent_memory_of_every_size_holds_a_last_event_id_of_a_quarter() {
    for size in 0..=64 {
        for replaced in [false, true] {
            for above in [0, 1] {
                let mut memory = vec![0xA5; size];
                let mut decoder = EventDecoder::with_buffer(&mut memory[..]);
                let limits = decoder.limits();
                let id = value(limits.last_event_id + above, b'i', replaced);
                let stream = [b"id: ", &id[..], b"\n\n"].concat();
                let mut result = Ok(false);
                for mut byte in stream.chunks(1) {
                    result = result.and(decoder.decode(&mut byte).map(|event| event.is_some()));
                }
                let expected = match (above, limits.event.cmp(&id.len())) {
                    (0, _) => Ok(false),
                    // Memory for less than an id: the event is full first.
                    (_, core::cmp::Ordering::Less) => Err(DecodeError::EventTooLarge {
                        limit: limits.event,
                    }),
                    _ => Err(DecodeError::LastEventIdTooLarge {
                        limit: limits.last_event_id,
                    }),
                };
                assert_eq!(result, expected, "{size}");
                let committed = if above == 0 { text(&id) } else { String::new() };
                assert_eq!(decoder.last_event_id(), committed);
            }
        }
    }
}

#[test]
#[cfg(feature = "alloc")]
fn the_default_limits_hold_to_the_byte() {
    const MEBIBYTE: usize = 1 << 20;
    for (above, limit) in [(0, None), (1, Some(16 * MEBIBYTE))] {
        let stream = [b"data: ", &vec![b'x'; 16 * MEBIBYTE + above][..], b"\n\n"].concat();
        for size in [64 << 10, stream.len()] {
            let mut decoder = EventDecoder::new();
            let mut found = Vec::new();
            for mut chunk in stream.chunks(size) {
                while !chunk.is_empty() {
                    let result = decoder.decode(&mut chunk);
                    found.extend(
                        result
                            .map(|event| event.map(|event| event.data().len()))
                            .transpose(),
                    );
                }
            }
            let expected = match limit {
                None => Ok(16 * MEBIBYTE),
                Some(limit) => Err(DecodeError::EventTooLarge { limit }),
            };
            assert_eq!(found, [expected]);
        }
    }
    for (above, limit) in [(0, None), (1, Some(64 << 10))] {
        let stream = [b"id: ", &vec![b'x'; (64 << 10) + above][..], b"\n\n"].concat();
        let mut decoder = EventDecoder::new();
        let expected = match limit {
            None => Ok(None),
            Some(limit) => Err(DecodeError::LastEventIdTooLarge { limit }),
        };
        assert_eq!(decoder.decode(&mut &stream[..]), expected);
    }
}

#[test]
#[cfg(feature = "alloc")]
fn limits_may_be_as_large_as_numbers_are() {
    let limits = Limits::new()
        .with_event(usize::MAX)
        .with_last_event_id(usize::MAX);
    let mut decoder = EventDecoder::with_limits(limits);
    assert_eq!(decoder.limits(), limits);
    let stream = b"id: 1\nevent: \xFF\ndata: \xFF\ndata: x\n\n";
    let mut events = 0;
    for mut byte in stream.repeat(100).chunks(1) {
        events += usize::from(
            decoder
                .decode(&mut byte)
                .expect("nothing is too large")
                .is_some(),
        );
    }
    assert_eq!(events, 100);
}

#[test]
fn a_reconnection_time_behind_what_is_refused_counts_when_it_is_read() {
    let stream = b"data: x\n\ndata: much too large\nretry: 5\n\ndata: b\n\n";
    for (call_raw, memory) in [(false, [0; 12]), (true, [0; 12])] {
        for size in [1, 7, stream.len()] {
            let mut decoder = EventDecoder::with_buffer(memory);
            let mut seen = Vec::new();
            for mut chunk in stream.chunks(size) {
                loop {
                    let result = if call_raw {
                        decoder.decode_raw(&mut chunk).map(|event| event.is_some())
                    } else {
                        decoder.decode(&mut chunk).map(|event| event.is_some())
                    };
                    let time = decoder.reconnection_time();
                    match result {
                        Ok(false) => break,
                        Ok(true) => seen.push((true, time)),
                        Err(_) => seen.push((false, time)),
                    }
                }
            }
            let after = Some(core::time::Duration::from_millis(5));
            assert_eq!(
                seen,
                [(true, None), (false, None), (true, after)],
                "in chunks of {size}"
            );
        }
    }
}
