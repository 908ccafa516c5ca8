//! A limit of L bytes accepts L and rejects L + 1, whichever part of an event it is that counts,
//! however the stream is split, and whether the buffer grows or not. A rejected event is one error,
//! after which the stream continues.

use crate::common::calls::Call;
use crate::common::cuts;
use crate::common::oracle::{self, Config, Seen};
use crate::common::readers::{Meaning, READERS, Sees, memory_config};
use crate::read::all;
use crate::table::{check, check_chunks, check_stream, split, with_line_ends};
use sse_wire::EventDecoder;
#[cfg(feature = "alloc")]
use sse_wire::Limits;

/// 12 bytes for an event and 4 for a last event ID, so that every reader can have them.
fn small() -> Config {
    memory_config(16)
}

fn limits(event_limit: usize, last_event_id_limit: usize) -> Config {
    Config {
        event_limit,
        last_event_id_limit,
        ..Config::default()
    }
}

/// Each stream counts exactly 12 at its most. The plus is a byte more.
const EXACT: &[&[u8]] = &[
    b"data: 123456789012+|| => =123456789012#",
    b"data:123456789012+|| => =123456789012#",
    b"data: 12345|data: 789012+|| => =12345\n789012#",
    b"data: 12345678901+|data|| => =12345678901\n#",
    b"data|data: 12345678901+|| => =\n12345678901#",
    b"event: 1234567890+|data: 12|| => 1234567890=12#",
    b"data: 12|event: 1234567890+|| => 1234567890=12#",
    b"event: 123456789012+|data|| => 123456789012=#",
    b"id: 1234|data: 12345678+|| => =12345678@1234",
    b"data: 12345678+|id: 1234|| => =12345678@1234",
    b"event: 1234|id: 1234|data: 1234+|| => 1234=1234@1234",
    // A line that is read counts beside the one that it will replace.
    b"event: 12345+|event: 1234567|data: 1|| => 1234567=1#",
    b"data: 1234+|id: 1234|id: 1234|| => =1234@1234",
    b"data: 12|event: 123456+|id: 1234|event|| => =12@1234",
    // An id with NUL is ignored, but only once the NUL has come.
    b"data: 12345678+|id: 1\x0034|| => =12345678#",
    b"event: 12345678+|id: 1234|data|| => 12345678=@1234",
];

#[test]
fn every_counted_part_holds_the_limit_and_not_a_byte_more() {
    for row in EXACT {
        let (stream, gives) = split(row);
        let id = gives.split(|byte| matches!(byte, b'@' | b'#')).next_back();
        let id = id.unwrap_or_default();
        let plus = stream.iter().position(|byte| *byte == b'+');
        let (before, after) = stream.split_at(plus.expect("a plus"));
        let exact = [before, &after[1..], b"data: next||"].concat();
        let above = [stream, b"data: next||"].concat();
        for line_end in ["\n", "\r", "\r\n"] {
            let gives = [gives, b", =next#", id].concat();
            check_stream(&small(), &with_line_ends(&exact, line_end), &gives);
            let gives = [b"event!, =next#", id].concat();
            check_stream(&small(), &with_line_ends(&above, line_end), &gives);
        }
    }
}

#[test]
fn joining_line_feeds_count() {
    let line_feeds = [b"=", &[b'\n'; 12][..], b"#"].concat();
    for (lines, gives) in [(13, &line_feeds[..]), (14, b"event!")] {
        check_stream(
            &small(),
            &[&b"data\n".repeat(lines)[..], b"\n"].concat(),
            gives,
        );
    }
}

#[test]
fn a_last_event_id_holds_its_limit_and_not_a_byte_more() {
    let rows: &[&[u8]] = &[
        b"id: 1234||data: x|| => =x#1234",
        b"id: 12345||data: x|| => id!, =x#",
        b"id: 1||id: 12345||data: x|| => id!, =x#1",
        // The one before it in the same block is dropped, too: it would be wrong for what follows.
        b"id: 1|id: 12345||data: x|| => id!, =x#",
        b"id: 1|id: 12345|id: 2||data: x|| => id!, =x#2",
        // Ignored for its NUL, but rejected before the NUL has come.
        b"id: 1|id: 123\0||data: x|| => =x#1",
        b"id: 1|id: 1234\0||data: x|| => id!, =x#1",
        // It counts as text.
        b"id: \xFF4||data: x|| => =x#?4",
        b"id: \xFF45||data: x|| => id!, =x#",
        b"id: 1|id: \xFF\xFF||data: x|| => id!, =x#",
        // Three bytes that are one invalid character become the three of U+FFFD.
        b"id: 1\xF0\x9F\x98||data: x|| => =x#1?",
        b"id: \xFF\xFF\0||data: x|| => =x#",
        // An ID that is too long as text for the event becomes the last event ID all the same.
        b"data: 12345678|id: \xFF4||data: x|| => =12345678@?4, =x#?4",
        b"data: 123456789|id: \xFF4||data: x|| => event!, =x#?4",
    ];
    check(&small(), rows);
}

/// 12 bytes for an event and 4 for a last event ID, and a longer ID is ignored.
#[cfg(feature = "alloc")]
fn ignoring() -> Config {
    Config {
        ignore_oversized_id: true,
        ..limits(12, 4)
    }
}

#[test]
#[cfg(feature = "alloc")]
fn an_oversized_id_can_be_ignored_as_one_with_nul_is() {
    let rows: &[&[u8]] = &[
        b"id: 1234|data: x|| => =x@1234",
        b"id: 12345||data: x|| => =x#",
        b"id: 12345|data: x|| => =x#",
        b"id: 1||id: 12345|data: x|| => =x#1",
        // An earlier one of the block stays, and a later one counts.
        b"id: 1|id: 12345|data: x|| => =x@1",
        b"id: 12345|id: 2|data: x|| => =x@2",
        b"id: 1|id: 1234\0|data: x|| => =x@1",
        // As text alone.
        b"id: \xFF4|data: x|| => =x@?4",
        b"id: 1|id: \xFF\xFF|data: x|| => =x@1",
        b"id: 1|id: \xFF\xFF|data: 45678901|| => =45678901@1",
        // Its bytes count up to its own limit.
        b"data: 12345678|id: 12345678901234567890|| => =12345678#",
        b"data: 123456789|id: 12345678901234567890|| => event!",
        b"data: 123456789|id: 123|| => =123456789@123",
        b"id: 1234|data: 1234|id: 12345678901234567890|| => =1234@1234",
        b"id: 1234|data: 12345|id: 12345678901234567890|| => event!",
        b"id: 12345678901234567890|data: 123456789012|| => =123456789012#",
        b"id: 12345678901234567890|data: 1234567890123|| => event!",
        // In a rejected event, too.
        b"data: 1234567890123|id: 1|id: 12345||data: x|| => event!, =x#1",
        b"id: 12345 => cut # or #",
        b"data: x|id: 12345678901234567890 => cut =x# or =x#",
    ];
    check(&ignoring(), rows);
    // Where the event has the smaller limit, it is always the event.
    let event = |event| Config {
        event_limit: event,
        ..ignoring()
    };
    check(&event(2), &[b"id: iii||data|| => event!, =#iii"]);
    check(&event(2), &[b"id: iiiii||data|| => event!, =#"]);
    check(&event(4), &[b"id: iiiii||data|| => =#"]);
}

/// Each row: what the stream gives as text, and as bytes.
const REPLACED: &[&[u8]] = &[
    b"data: \xFF\xFF\xFF\xFF|| => =????# => =\xFF\xFF\xFF\xFF#",
    b"data: \xFF\xFF\xFF\xFF+|| => event! => =\xFF\xFF\xFF\xFF+#",
    b"event: \xFF|data: 456789012|| => ?=456789012# => \xFF=456789012#",
    b"event: \xFF|data: 456789012+|| => event! => \xFF=456789012+#",
    b"event: \xFF|data: \xFF789012|| => ?=?789012# => \xFF=\xFF789012#",
    b"event: \xFF|data: \xFF789012+|| => event! => \xFF=\xFF789012+#",
    b"data: \xFF|data: \xE2\x82|id: 9012|| => =?\n?@9012 => =\xFF\n\xE2\x82@9012",
    b"data: \xFF|data: \xE2\x82+|id: 9012+|| => id! => id!",
    b"data: \xFF|data: \xE2\x82++|id: 9012|| => event! => =\xFF\n\xE2\x82++@9012",
    // What is rejected as text commits its ID.
    b"id: 7|data: \xFF\xFF\xFF\xFF||data: x|| => event!, =x#7 => =\xFF\xFF\xFF\xFF@7, =x#7",
    // Only at the blank line is the data known as text.
    b"data: \xFF\xFF\xFF\xFF5| => end event!# or event!# => end =\xFF\xFF\xFF\xFF5# or =\xFF\xFF\xFF\xFF5#",
];

#[test]
fn as_text_the_replacement_counts_and_as_bytes_there_is_none() {
    let as_bytes = Config {
        text: false,
        ..small()
    };
    for row in REPLACED {
        let (stream, gives) = split(row);
        let (text, raw) = split(gives);
        let stream = with_line_ends(stream, "\n");
        check_stream(&small(), &stream, text);
        check_stream(&as_bytes, &stream, raw);
    }
}

#[test]
fn a_rejection_is_one_error_and_the_stream_continues() {
    for lines in [
        "data: 1234567890123|",
        "data: 1234567890123|data: 1234567890123|event: 1234567890123|",
        "event: tick|data: 12345678901|data: x|event: tock|",
        "event: 1234567890123|data: x|",
        "event: 1234567890123|event: b|data: x|",
        "data: 1234567890123|id: 12345|",
        "data: 1234567890123|id: 123456789012345|",
    ] {
        let row = format!("{lines}|data: next||{lines}||event: e|data: last||");
        check(
            &small(),
            &[format!("{row} => event!, =next#, event!, e=last#").as_bytes()],
        );
    }
}

#[test]
fn the_id_and_the_reconnection_time_of_a_rejected_event_count() {
    let rows: &[&[u8]] = &[
        b"id: 7|data: 1234567890123||data: x|| => event!, =x#7",
        b"data: 1234567890123|id: 7||data: x|| => event!, =x#7",
        b"id: 6|data: 1234567890123|id: 1234||data: x|| => event!, =x#1234",
        b"id: 6|data: 1234567890123|id||data: x|| => event!, =x#",
        b"id: 6|data: 1234567890123|id: \0||data: x|| => event!, =x#6",
        b"id: 6|data: 1234567890123|id: 12345||data: x|| => event!, =x#",
        b"id: 6|data: 1234567890123|id: 12345\0||data: x|| => event!, =x#6",
        b"data: 1234567890123|id: 12345|id: 8||data: x|| => event!, =x#8",
        // The data is gone, so there is room for two IDs and a line beside the last event ID.
        b"id: 1111||data: 1234567890123|id: 2222|id: 3333||data: x|| => event!, =x#3333",
        b"id: 1111||data: 12345678901|data: x|id: 2222|id: 333\0||data: x|| => event!, =x#2222",
        // The last event ID stays if no ID fits.
        b"id: 1||data: 1234567890123|id: 12345||data: x|| => event!, =x#1",
        // It counts at the blank line, or when the event is recovered.
        b"id: 1||data: 1234567890123|id: 2| => event!, end #2 or #2",
        b"retry: 1|data: 1234567890123|retry: 2|retry: x||data: x|| => 1, event!, 2, =x#",
        b"id: 12345|retry: 2|| => id!, 2",
    ];
    check(&small(), rows);
}

#[test]
fn an_event_type_ends_with_its_block() {
    let rows: &[&[u8]] = &[
        b"event: 123456789012||data: 123456789012|| => =123456789012#",
        b"event: 1234567890123||data: 123456789012|| => event!, =123456789012#",
    ];
    check(&small(), rows);
    // The event after one whose type was replaced takes all the memory beside the last event ID.
    let chunks: &[&[u8]] = &[
        b"id: 1234\n\nevent: 123456\n",
        b"event: 1\ndata\n\nid: 5678\ndata: 12345",
        b"678\n\n",
    ];
    assert!(check_chunks(&small(), chunks) > 0);
}

#[test]
fn what_is_never_stored_counts_nothing() {
    let long = "x".repeat(100);
    for (line, gives) in [
        (format!("{long}: x"), String::new()),
        (long.clone(), String::new()),
        (format!("data{long}: x"), String::new()),
        (format!(":{long}"), format!(":{long}, :{long}, ")),
        (format!("retry: {}7", "0".repeat(100)), "7, 7, ".to_owned()),
        (format!("retry: {long}"), String::new()),
    ] {
        let row = format!("data: 12345|{line}|data: 789012|{line}|| => {gives}=12345\n789012#");
        check(&small(), &[row.as_bytes()]);
    }
}

#[test]
fn the_limit_that_the_bytes_would_exceed_first_is_named() {
    for length in [5, 6, 12, 13, 40] {
        let id = "i".repeat(length);
        // With four bytes left or less, the event is full before the ID is too long.
        for (lines, rejected) in [
            ("", "id!"),
            ("data: 1234567|", "id!"),
            ("data: 12345678|", "event!"),
            ("data: 123456789|", "event!"),
            ("data: 123456789012|", "event!"),
            ("event: 123|data: 1234|", "id!"),
            ("event: 1234|data: 1234|", "event!"),
            ("id: 1234|event: 123|", "id!"),
            ("id: 1234|event: 1234|", "event!"),
        ] {
            let row = format!("{lines}id: {id}||data: x|| => {rejected}, =x#");
            check(&small(), &[row.as_bytes()]);
        }
    }
    let rows = |event, rows: &[&[u8]]| check(&limits(event, 4), rows);
    // Where the event has the smaller limit, it is always the event.
    rows(2, &[b"id: iii||data|| => event!, =#iii"]);
    rows(2, &[b"id: iiii||data|| => event!, =#iiii"]);
    rows(2, &[b"id: iiiii||data|| => event!, =#"]);
    rows(2, &[b"id: iiiiii||data|| => event!, =#"]);
    rows(4, &[b"id: iiiii||data|| => event!, =#"]);
    rows(5, &[b"id: iiiii||data|| => id!, =#"]);
}

#[test]
fn limits_of_zero_accept_what_takes_nothing() {
    let rows: &[&[u8]] = &[
        b"data||event|id|data:|| => =#, =@",
        b"data: x|| => event!",
        b"data|data|| => event!",
        b"event: e|| => event!",
        b"id: 1||data|| => event!, =#",
        b"data|id: \0|| => event!",
    ];
    check(&limits(0, 0), rows);
}

#[test]
fn an_unfinished_event_counts_as_far_as_it_was_read() {
    let rows: &[&[u8]] = &[
        // A line that is too long is reported before it ends.
        b"data: 1234567890123 => event!, cut # or #",
        b"event: 1234567890123 => event!, cut # or #",
        b"data: 123456|data: 789012 => event!, cut # or #",
        b"id: 12345 => id!, cut # or #",
        b"data: 123456789012 => cut =123456789012# or #",
        // What was rejected stays rejected.
        b"data: 1234567890123| => event!, end # or #",
        b"data: 1234567890123|data: x => event!, cut # or #",
        b"data: 1234567890123|id: 12345 => event!, cut # or #",
        b"data: 1234567890123|da => event!, cut # or #",
        b"data: 1234567890123|: c => event!, : c, cut # or #",
        // The joining line feed of a line that is empty so far.
        b"data: 123456789012|data => cut event!# or =123456789012#",
        b"data: 123456789012|data: => cut event!# or =123456789012#",
        b"data: 123456789012|event: => cut =123456789012# or =123456789012#",
        // Only at its end is an ID known as text.
        b"data: x|id: \xFF45 => cut id!# or =x#",
        b"data: 123456789|id: \xFF => cut =123456789@? or =123456789#",
        b"data: 1234567890|id: \xFF => cut event!#? or =1234567890#",
        // Its ID commits, also if there is nothing to recover.
        b"id: 1||id: 7|data: 123456789|data: 1 => cut =123456789\n1@7 or =123456789@7",
        b"id: 8|data: 123456789|data: 12 => event!, cut #8 or #8",
    ];
    check(&small(), rows);
}

#[test]
fn a_last_event_id_beyond_the_limit_cannot_be_set() {
    for memory in 0..=64 {
        let mut memory = vec![0; memory];
        let mut decoder = EventDecoder::with_buffer(&mut memory[..]);
        let limits = decoder.limits();
        let fits = "i".repeat(limits.last_event_id);
        let above = "j".repeat(limits.last_event_id + 1);
        // Within a block, with everything in use: nothing of it may change.
        let data = "d".repeat(limits.event);
        for byte in format!("data: {data}").as_bytes().chunks(1) {
            assert_eq!(decoder.decode(&mut &*byte), Ok(None));
        }
        assert_eq!(decoder.set_last_event_id(&fits), Ok(()));
        for (id, error) in [
            (&*above, "last event ID of "),
            ("4\r2", "invalid byte 0x0d"),
        ] {
            let set = decoder.set_last_event_id(id).expect_err("it is invalid");
            assert!(set.to_string().starts_with(error), "{set}");
        }
        assert_eq!(decoder.last_event_id(), fits);
        let mut input = &b"\n\n"[..];
        let event = decoder.decode(&mut input).expect("it fits");
        let event = event.expect("it is complete");
        assert_eq!((event.data(), event.last_event_id()), (&*data, &*fits));
        assert_eq!(event.id(), None);
    }
}

/// The lines that the tests put in any order.
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

fn check_lines(stream: &[u8]) {
    // Limits of fixed buffers, and limits that only a buffer that grows can have.
    let fixed = [0, 1, 2, 3, 4, 5, 7, 8, 16].map(memory_config);
    let growing = [(0, 4), (2, 2), (3, 0), (4, 3), (6, 1)];
    let growing = growing.map(|(event, last_event_id)| limits(event, last_event_id));
    let ignoring = [1, 3, 4].map(|last_event_id| Config {
        ignore_oversized_id: true,
        ..limits(4, last_event_id)
    });
    for config in fixed.iter().chain(&growing).chain(&ignoring) {
        let meaning = Meaning::of(stream, config);
        let bytes = cuts::bytes(stream);
        for reader in READERS.iter().filter(|reader| reader.sees == Sees::Items) {
            reader.check_both_ends(&[stream], config, &meaning, 0);
            reader.check_both_ends(&bytes, config, &meaning, 0);
        }
    }
}

#[test]
fn all_short_sequences_of_lines_are_rejected_as_the_oracle_says() {
    let mut sequences = vec![Vec::new()];
    for _ in 0..3 {
        let longer = sequences
            .iter()
            .flat_map(|stream| LINES.iter().map(|line| [stream, *line].concat()));
        sequences = longer.collect();
        for stream in &sequences {
            check_lines(&[stream, &b"\ndata\n\n"[..]].concat());
        }
    }
    assert_eq!(sequences.len(), LINES.len().pow(3));
}

/// A value that takes `length` bytes as text: of letters, or of U+FFFD as far as it goes.
fn value(name: &str, length: usize, is_replaced: bool) -> Vec<u8> {
    let replaced = if is_replaced { length / 3 } else { 0 };
    let letters = length - 3 * replaced;
    let name = name.as_bytes();
    [
        name,
        b": ",
        &b"\xFF".repeat(replaced),
        &b"v".repeat(letters),
        b"\n",
    ]
    .concat()
}

/// Every kind of division of `event` bytes among data, type and ID, and one byte too many.
fn blocks(event: usize, last_event_id: usize, is_replaced: bool) -> Vec<Vec<u8>> {
    let mut blocks = Vec::new();
    let ids = [0, 1, last_event_id / 2, last_event_id, last_event_id + 1];
    for id in ids.into_iter().filter(|id| *id <= event) {
        let rest = event - id;
        for event_type in [0, 1.min(rest), rest / 2, rest] {
            for above in [0, 1] {
                let data = value("data", rest - event_type + above, is_replaced);
                let event_type = value("event", event_type, is_replaced);
                let id = if id == 0 {
                    Vec::new()
                } else {
                    value("id", id, is_replaced)
                };
                let lines = [&data[..], &event_type, &id];
                for order in [
                    [0, 1, 2],
                    [0, 2, 1],
                    [1, 0, 2],
                    [1, 2, 0],
                    [2, 0, 1],
                    [2, 1, 0],
                ] {
                    blocks.push(order.map(|index| lines[index]).concat());
                }
            }
        }
    }
    blocks
}

#[test]
fn a_buffer_of_every_size_holds_exactly_its_limits() {
    let (mut accepted, mut rejected) = (0, 0);
    for size in 0..=64 {
        let mut memory = vec![0xA5; size];
        let config = memory_config(size);
        for is_replaced in [false, true] {
            // The last event ID takes all of its part of the memory.
            let first = value("id", config.last_event_id_limit, is_replaced);
            for block in blocks(config.event_limit, config.last_event_id_limit, is_replaced) {
                let stream = [&first, &b"\n"[..], &block, b"\n"].concat();
                let mut expected = oracle::interpret(&stream, &config).seen;
                expected.retain(Seen::is_of_events);
                let is_event = |seen: &Seen| matches!(seen, Seen::Event(_));
                accepted += usize::from(expected.iter().any(is_event));
                rejected += usize::from(!expected.iter().any(is_event));
                for chunk in [1, 3, stream.len()] {
                    memory.fill(0xA5);
                    let mut decoder = EventDecoder::with_buffer(&mut memory[..]);
                    let chunks = stream.chunks(chunk);
                    let seen = chunks.flat_map(|chunk| all(&mut decoder, Call::Decode, chunk));
                    let seen: Vec<_> = seen.collect();
                    assert_eq!(seen, expected, "{size} {}", stream.escape_ascii());
                }
            }
        }
    }
    assert!(
        accepted > 7_000 && rejected > 7_000,
        "{accepted} {rejected}"
    );
}

#[test]
#[cfg(feature = "alloc")]
fn the_default_limits_hold_to_the_byte() {
    const EVENT: usize = 16 << 20;
    const LAST_EVENT_ID: usize = 64 << 10;
    for (name, limit) in [("data", EVENT), ("id", LAST_EVENT_ID)] {
        for (above, size) in [
            (0, 64 << 10),
            (0, usize::MAX),
            (1, 64 << 10),
            (1, usize::MAX),
        ] {
            let end: &[u8] = if name == "id" { b"data\n\n" } else { b"\n" };
            let stream = [&value(name, limit + above, false), end].concat();
            let mut decoder = EventDecoder::new();
            let chunks = stream.chunks(size);
            let seen: Vec<_> = chunks
                .flat_map(|chunk| all(&mut decoder, Call::Decode, chunk))
                .collect();
            let is_rejected = matches!(seen[..], [Seen::Rejected(_)]);
            assert_eq!(seen.len(), 1);
            assert_eq!(is_rejected, above == 1, "{name} of {limit} + {above}");
        }
    }
}

#[test]
#[cfg(feature = "alloc")]
fn limits_may_be_as_large_as_numbers_are() {
    let limits = Limits::new().with_event(usize::MAX);
    let limits = limits.with_last_event_id(usize::MAX);
    let mut decoder = EventDecoder::with_limits(limits);
    assert_eq!(decoder.limits(), limits);
    let stream = b"id: 1\nevent: \xFF\ndata: \xFF\ndata: x\n\n".repeat(100);
    let chunks = stream.chunks(1);
    let seen = chunks.flat_map(|byte| all(&mut decoder, Call::Decode, byte));
    assert_eq!(
        seen.filter(|seen| matches!(seen, Seen::Event(_))).count(),
        100
    );
}
