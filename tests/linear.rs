//! n bytes cost in proportion to n: no shape of stream, and no way to cut one, makes the work grow faster.
//!
//! The tests run every shape at a size at which quadratic work would take minutes instead of a second, and assert what comes
//! out of it. `scripts/linear.sh` runs `counted` below, and counts the instructions of every shape at n and at 4n.
#![cfg(feature = "alloc")]

use core::fmt::{self, Write as _};
use core::hint::black_box;
use core::time::Duration;
use sse_wire::{
    CutLine, EventDecoder, EventType, FieldParser, Item, LastEventId, Limits, Outgoing, OwnedItem,
};

/// Work that may cost no more than in proportion to its size.
struct Shape {
    name: &'static str,
    /// A size at which quadratic work would take minutes.
    large: usize,
    /// The instructions are counted at this size, and at four times of it.
    counted: usize,
    /// Makes the work of a given size ready. The work itself asserts what comes out of it.
    prepare: fn(usize) -> Work,
}

type Work = Box<dyn FnMut()>;

const LONG_LINES: &[Shape] = &[
    Shape {
        name: "one data line in 1-byte chunks",
        large: 2 << 20,
        counted: 20_000,
        prepare: |n| decoding(Call::Decode, 1, long_line("data: ", n), one_event(n)),
    },
    Shape {
        name: "one data line in 16-byte chunks",
        large: 8 << 20,
        counted: 100_000,
        prepare: |n| decoding(Call::Decode, 16, long_line("data: ", n), one_event(n)),
    },
    Shape {
        name: "one data line in 1400-byte chunks",
        large: 64 << 20,
        counted: 1 << 20,
        prepare: |n| decoding(Call::DecodeRaw, 1400, long_line("data: ", n), one_event(n)),
    },
    Shape {
        name: "one data line in 64 KiB chunks",
        large: 64 << 20,
        counted: 4 << 20,
        prepare: |n| decoding(Call::Decode, 64 << 10, long_line("data: ", n), one_event(n)),
    },
    Shape {
        name: "one data line up to the limit in 16-byte chunks",
        large: 8 << 20,
        counted: 100_000,
        prepare: |n| {
            let limits = Limits::new().with_event(n).with_last_event_id(0);
            decoding_within(
                limits,
                Call::Decode,
                16,
                long_line("data: ", n),
                one_event(n),
            )
        },
    },
    Shape {
        name: "one event type in 1-byte chunks",
        large: 2 << 20,
        counted: 20_000,
        prepare: |n| decoding(Call::Decode, 1, long_line("event: ", n), NOTHING),
    },
    Shape {
        name: "one event type in 1400-byte chunks",
        large: 64 << 20,
        counted: 1 << 20,
        prepare: |n| {
            let stream = [&long_line("event: ", n)[..n + 8], b"data\n\n"].concat();
            decoding(Call::DecodeItem, 1400, stream, events(1, 0))
        },
    },
    Shape {
        name: "one id in 1-byte chunks",
        large: 2 << 20,
        counted: 20_000,
        prepare: |n| decoding(Call::Decode, 1, long_line("id: ", n), NOTHING),
    },
    Shape {
        name: "one id in 1400-byte chunks",
        large: 64 << 20,
        counted: 1 << 20,
        prepare: |n| decoding(Call::DecodeRaw, 1400, long_line("id: ", n), NOTHING),
    },
    Shape {
        name: "two ids in a refused block, with a last event ID, all up to a limit above that of the event",
        large: 1 << 20,
        counted: 20_000,
        prepare: |n| {
            let line = long_line("id: ", n);
            let stream = [&line, &line[..n + 5], &line].concat();
            let limits = Limits::new().with_event(n / 2).with_last_event_id(n);
            decoding_within(
                limits,
                Call::Decode,
                1,
                stream,
                Totals {
                    refused: 2,
                    ..NOTHING
                },
            )
        },
    },
    Shape {
        name: "one comment in 1-byte chunks",
        large: 2 << 20,
        counted: 20_000,
        prepare: |n| decoding(Call::Decode, 1, long_line(":", n), NOTHING),
    },
    Shape {
        name: "one comment as items in 16-byte chunks",
        large: 8 << 20,
        counted: 100_000,
        prepare: |n| {
            let totals = Totals {
                others: 1,
                ..NOTHING
            };
            decoding(Call::DecodeItem, 16, long_line(":", n), totals)
        },
    },
    Shape {
        name: "one unknown line in 1-byte chunks",
        large: 2 << 20,
        counted: 20_000,
        prepare: |n| decoding(Call::DecodeItem, 1, long_line("unknown: ", n), NOTHING),
    },
    Shape {
        name: "one retry line in 1-byte chunks",
        large: 2 << 20,
        counted: 20_000,
        prepare: |n| {
            let stream = ["retry: ", &"7".repeat(n), "\n\n"].concat().into_bytes();
            decoding(
                Call::DecodeItem,
                1,
                stream,
                Totals {
                    others: 1,
                    ..NOTHING
                },
            )
        },
    },
    Shape {
        name: "one refused data line in 1-byte chunks",
        large: 2 << 20,
        counted: 20_000,
        prepare: |n| {
            let limits = Limits::new().with_event(n / 2);
            let totals = Totals {
                refused: 1,
                ..NOTHING
            };
            decoding_within(limits, Call::Decode, 1, long_line("data: ", n), totals)
        },
    },
    Shape {
        name: "a line without an end, recovered",
        large: 2 << 20,
        counted: 20_000,
        prepare: |n| {
            let stream = long_line("data: ", n);
            Box::new(move || {
                let mut decoder = EventDecoder::with_limits(UNLIMITED);
                for mut chunk in stream[..stream.len() - 2].chunks(1) {
                    assert_eq!(decoder.decode(&mut chunk), Ok(None));
                }
                let incomplete = decoder.finish().expect("it has no end");
                let event = incomplete
                    .recover(CutLine::Keep)
                    .expect("it is within the limits");
                assert_eq!(event.map(|event| event.data().len()), Some(n));
            })
        },
    },
];

const MANY_LINES: &[Shape] = &[
    Shape {
        name: "blank lines in one chunk",
        large: 8 << 20,
        counted: 50_000,
        prepare: |n| decoding(Call::Decode, WHOLE, b"\n".repeat(n), NOTHING),
    },
    Shape {
        name: "blank lines in 1-byte chunks",
        large: 2 << 20,
        counted: 20_000,
        prepare: |n| decoding(Call::Decode, 1, b"\r".repeat(n), NOTHING),
    },
    Shape {
        name: "events in one chunk, LF",
        large: 1 << 20,
        counted: 20_000,
        prepare: |n| decoding(Call::Decode, WHOLE, b"data: x\n\n".repeat(n), events(n, n)),
    },
    Shape {
        name: "events in one chunk, CR",
        large: 1 << 20,
        counted: 20_000,
        prepare: |n| {
            decoding(
                Call::DecodeRaw,
                WHOLE,
                b"data: x\r\r".repeat(n),
                events(n, n),
            )
        },
    },
    Shape {
        name: "events in one chunk, CRLF",
        large: 1 << 20,
        counted: 20_000,
        prepare: |n| {
            let stream = b"data: x\r\n\r\n".repeat(n);
            decoding(Call::DecodeItem, WHOLE, stream, events(n, n))
        },
    },
    Shape {
        name: "owned events in one chunk",
        large: 1 << 20,
        counted: 20_000,
        prepare: |n| {
            let stream = "data: \u{E9}\n\n".repeat(n).into_bytes();
            decoding(Call::DecodeOwned, WHOLE, stream, events(n, 2 * n))
        },
    },
    Shape {
        name: "data lines of one event in one chunk",
        large: 1 << 20,
        counted: 20_000,
        prepare: |n| decoding(Call::Decode, WHOLE, data_lines(n), one_event(2 * n - 1)),
    },
    Shape {
        name: "data lines of one event in 1-byte chunks",
        large: 1 << 20,
        counted: 5_000,
        prepare: |n| decoding(Call::Decode, 1, data_lines(n), one_event(2 * n - 1)),
    },
    Shape {
        name: "data lines of one refused event in 16-byte chunks",
        large: 1 << 20,
        counted: 10_000,
        prepare: |n| {
            let limits = Limits::new().with_event(n);
            let totals = Totals {
                refused: 1,
                ..NOTHING
            };
            decoding_within(limits, Call::Decode, 16, data_lines(n), totals)
        },
    },
    Shape {
        name: "a long event type, then id lines, in one chunk",
        large: 1 << 20,
        counted: 20_000,
        prepare: |n| decoding(Call::Decode, WHOLE, type_then_ids(n), events(1, 0)),
    },
    Shape {
        name: "a long event type, then id lines, in 1-byte chunks",
        large: 1 << 19,
        counted: 5_000,
        prepare: |n| decoding(Call::Decode, 1, type_then_ids(n), events(1, 0)),
    },
    Shape {
        name: "a long id, then event lines, in 16-byte chunks",
        large: 1 << 20,
        counted: 20_000,
        prepare: |n| {
            let stream = [
                long_line("id: ", n)[..n + 5].to_vec(),
                b"event: e\n".repeat(n),
            ];
            decoding(
                Call::Decode,
                16,
                [&stream.concat(), &b"data\n\n"[..]].concat(),
                events(1, 0),
            )
        },
    },
    Shape {
        name: "event and id lines by turns, in 16-byte chunks",
        large: 1 << 20,
        counted: 10_000,
        prepare: |n| {
            let lines = b"event: abc\nid: 1\nevent: d\nid: 234\n".repeat(n);
            decoding(
                Call::Decode,
                16,
                [&lines, &b"data\n\n"[..]].concat(),
                events(1, 0),
            )
        },
    },
    Shape {
        name: "long event types and ids by turns, in one chunk",
        large: 1 << 14,
        counted: 300,
        prepare: |n| {
            let lines = [
                "event: ",
                &"e".repeat(1000),
                "\nid: ",
                &"1".repeat(1000),
                "\n",
            ]
            .concat();
            let stream = [&lines.repeat(n), "data\n\n"].concat().into_bytes();
            decoding(Call::Decode, WHOLE, stream, events(1, 0))
        },
    },
    Shape {
        name: "unknown lines that begin like fields, in 1-byte chunks",
        large: 1 << 18,
        counted: 2_000,
        prepare: |n| {
            let stream = b"dat: x\neven\niddle: y\nretryx\n".repeat(n);
            decoding(Call::DecodeItem, 1, stream, NOTHING)
        },
    },
];

const LAST_EVENT_IDS: &[Shape] = &[
    Shape {
        name: "a long last event ID, then events without",
        large: 1 << 20,
        // Beyond what is kept in any case, where a decoder begins to watch its memory.
        counted: 6_000,
        prepare: |n| {
            let stream = [long_line("id: ", n), b"data: x\n\n".repeat(n)].concat();
            decoding(Call::Decode, WHOLE, stream, events(n, n))
        },
    },
    Shape {
        name: "a long last event ID, then events without, as bytes",
        large: 1 << 20,
        counted: 6_000,
        prepare: |n| {
            let stream = [long_line("id: ", n), b"data: x\n\n".repeat(n)].concat();
            decoding(Call::DecodeRaw, 16, stream, events(n, n))
        },
    },
    Shape {
        name: "a long last event ID, then owned events that inherit it",
        large: 1 << 20,
        counted: 6_000,
        prepare: |n| {
            let stream = [long_line("id: ", n), b"data: x\n\n".repeat(n)].concat();
            decoding(Call::DecodeOwned, WHOLE, stream, events(n, n))
        },
    },
    Shape {
        name: "a long last event ID, then owned events that are cut and inherit it",
        large: 1 << 19,
        counted: 6_000,
        prepare: |n| {
            let stream = [
                long_line("id: ", n),
                b"event: e\ndata: x\ndata\n\n".repeat(n),
            ]
            .concat();
            decoding(Call::DecodeOwned, 16, stream, events(n, 2 * n))
        },
    },
    Shape {
        name: "a long last event ID, then owned comments and events that inherit it",
        large: 1 << 19,
        counted: 6_000,
        prepare: |n| {
            let stream = [long_line("id: ", n), b": c\ndata: x\n\n".repeat(n)].concat();
            let totals = Totals {
                others: n,
                ..events(n, n)
            };
            decoding(Call::DecodeOwnedItem, 1400, stream, totals)
        },
    },
    Shape {
        name: "a long last event ID, then owned events that inherit it, all of which are stored",
        large: 1 << 19,
        counted: 6_000,
        prepare: |n| {
            let stream = [long_line("id: ", n), b"data: x\n\n".repeat(n)].concat();
            Box::new(move || {
                let mut decoder = EventDecoder::with_limits(UNLIMITED);
                let mut input = &stream[..];
                let mut events = Vec::with_capacity(n);
                while let Some(event) = decoder.decode_owned(&mut input).expect("it fits") {
                    events.push(event);
                }
                let inherits = |id: &str| id.len() == n;
                assert!(events.iter().all(|event| inherits(event.last_event_id())));
                assert_eq!(events.len(), n);
            })
        },
    },
    Shape {
        name: "long and short last event IDs by turns, each inherited by owned events",
        large: 1 << 14,
        counted: 300,
        prepare: |n| {
            let stream = [
                long_line("id: ", 1000),
                b"data: x\n\ndata: x\n\nid: 1\n\ndata: x\n\n".to_vec(),
            ];
            let totals = events(3 * n, 3 * n);
            decoding(Call::DecodeOwned, WHOLE, stream.concat().repeat(n), totals)
        },
    },
    Shape {
        name: "a long last event ID, then new connections, each with an owned event",
        large: 1 << 19,
        counted: 6_000,
        prepare: |n| {
            let stream = long_line("id: ", n);
            Box::new(move || {
                let mut decoder = EventDecoder::with_limits(UNLIMITED);
                assert_eq!(decoder.decode_owned(&mut &stream[..]), Ok(None));
                for _ in 0..n {
                    let event = decoder.decode_owned(&mut &b"data: x\n\nda"[..]);
                    let event = event.expect("it fits").expect("an event");
                    assert_eq!(event.last_event_id().len(), n);
                    decoder.restart();
                }
            })
        },
    },
    Shape {
        name: "a long last event ID, then id lines of one block",
        large: 1 << 20,
        counted: 10_000,
        prepare: |n| {
            let stream = [long_line("id: ", n), b"id: 1\n".repeat(n)].concat();
            decoding(Call::Decode, 16, stream, NOTHING)
        },
    },
    Shape {
        name: "a long last event ID, then one data line in 16-byte chunks",
        large: 8 << 20,
        counted: 50_000,
        prepare: |n| {
            let stream = [long_line("id: ", n), long_line("data: ", n)].concat();
            decoding(Call::Decode, 16, stream, one_event(n))
        },
    },
    Shape {
        name: "long and short last event IDs by turns",
        large: 1 << 14,
        counted: 300,
        prepare: |n| {
            let stream = [long_line("id: ", 1000), b"id: 1\ndata: x\n\n".to_vec()];
            decoding(Call::Decode, WHOLE, stream.concat().repeat(n), events(n, n))
        },
    },
    Shape {
        name: "a long last event ID, then new connections",
        large: 1 << 20,
        counted: 10_000,
        prepare: |n| {
            let stream = long_line("id: ", n);
            Box::new(move || {
                let mut decoder = EventDecoder::with_limits(UNLIMITED);
                assert_eq!(decoder.decode(&mut &stream[..]), Ok(None));
                for _ in 0..n {
                    assert_eq!(decoder.decode(&mut &b"data: x"[..]), Ok(None));
                    decoder.restart();
                }
                assert_eq!(decoder.last_event_id().len(), n);
            })
        },
    },
];

const INVALID_UTF8: &[Shape] = &[
    Shape {
        name: "invalid comments and owned events that are cut",
        large: 1 << 20,
        counted: 10_000,
        prepare: |n| {
            let stream = b":\xFF\n\ndata: x\n\n".repeat(n);
            decoding(Call::DecodeOwned, 1000, stream, events(n, n))
        },
    },
    Shape {
        name: "invalid events that are owned",
        large: 1 << 20,
        counted: 10_000,
        prepare: |n| {
            let stream = b"data: x\n\ndata: \xFF\n\n".repeat(n);
            decoding(Call::DecodeOwned, WHOLE, stream, events(2 * n, 4 * n))
        },
    },
    Shape {
        name: "invalid data in one chunk",
        large: 8 << 20,
        counted: 20_000,
        prepare: |n| {
            let stream = [b"data: ", &b"\xFF".repeat(n)[..], b"\n\n"].concat();
            decoding(Call::Decode, WHOLE, stream, one_event(3 * n))
        },
    },
    Shape {
        name: "invalid data in 1-byte chunks",
        large: 2 << 20,
        counted: 10_000,
        prepare: |n| {
            let stream = [b"data: ", &b"\xFF".repeat(n)[..], b"\n\n"].concat();
            decoding(Call::Decode, 1, stream, one_event(3 * n))
        },
    },
    Shape {
        name: "data that is invalid here and there",
        large: 1 << 19,
        counted: 5_000,
        prepare: |n| {
            let stream = [b"data: ", &b"valid\xE2\x82text\xC3".repeat(n)[..], b"\n\n"].concat();
            decoding(Call::DecodeItem, 1400, stream, one_event(15 * n))
        },
    },
    Shape {
        name: "invalid event type and id",
        large: 1 << 20,
        counted: 10_000,
        prepare: |n| {
            let (line, id) = (b"\xF0\x9F\x98x".repeat(n), b"\xFFx".repeat(n));
            let stream = [b"event: ", &line[..], b"\nid: ", &id, b"\ndata: \xFF\n\n"].concat();
            decoding(Call::Decode, 16, stream, one_event(3))
        },
    },
    Shape {
        name: "invalid events in one chunk",
        large: 1 << 19,
        counted: 5_000,
        prepare: |n| {
            decoding(
                Call::Decode,
                WHOLE,
                b"event: \xFF\ndata: \xFF\n\n".repeat(n),
                events(n, 3 * n),
            )
        },
    },
];

const ITEMS: &[Shape] = &[
    Shape {
        name: "comments between the fields of every event, in one chunk",
        large: 1 << 18,
        counted: 3_000,
        prepare: |n| {
            let stream = b": a\nevent: e\n: b\nid: 1\n: c\ndata: x\n: d\n\n".repeat(n);
            decoding(
                Call::DecodeItem,
                WHOLE,
                stream,
                Totals {
                    others: 4 * n,
                    ..events(n, n)
                },
            )
        },
    },
    Shape {
        name: "a long event, then comments and reconnection times before its end, in one chunk",
        large: 1 << 19,
        counted: 10_000,
        prepare: |n| {
            let others = b": c\nretry: 1\n".repeat(n);
            let stream = [&long_line("data: ", n)[..n + 7], &others, b"data: x\n\n"].concat();
            let totals = Totals {
                others: 2 * n,
                ..events(1, n + 2)
            };
            decoding(Call::DecodeItem, WHOLE, stream, totals)
        },
    },
    Shape {
        name: "a long event type and a long id, then comments, in one chunk",
        large: 1 << 19,
        counted: 10_000,
        prepare: |n| {
            let (event_type, id) = (long_line("event: ", n), long_line("id: ", n));
            let others = b": c\n".repeat(n);
            let fields = [&event_type[..n + 8], &id[..n + 5]].concat();
            let stream = [&fields[..], &others, &fields, &others, b"data: x\n\n"].concat();
            decoding(
                Call::DecodeItem,
                WHOLE,
                stream,
                Totals {
                    others: 2 * n,
                    ..events(1, 1)
                },
            )
        },
    },
    Shape {
        name: "comments between the data lines of one event, in one chunk",
        large: 1 << 19,
        counted: 10_000,
        prepare: |n| {
            let stream = [b"data: x\n: c\n".repeat(n), b"\n".to_vec()].concat();
            let totals = Totals {
                others: n,
                ..one_event(2 * n - 1)
            };
            decoding(Call::DecodeItem, WHOLE, stream, totals)
        },
    },
];

const MEMORY: &[Shape] = &[
    Shape {
        name: "a large event, then small ones until its memory is given back, again and again",
        large: 4_000,
        counted: 50,
        prepare: |n| {
            let large = long_line("data: ", 20_000);
            let small = b"data: x\ndata: y\n\n".repeat(17);
            let stream = [large, small].concat().repeat(n);
            decoding(
                Call::Decode,
                1400,
                stream,
                events(18 * n, (20_000 + 17 * 3) * n),
            )
        },
    },
    Shape {
        name: "events of growing length",
        large: 3_000,
        counted: 300,
        prepare: |n| {
            // The bytes grow with the square of the number of events.
            let events_in_all = n.isqrt() * 10;
            let stream: Vec<u8> = (1..=events_in_all)
                .flat_map(|length| long_line("data: ", length))
                .collect();
            let data_bytes = events_in_all * (events_in_all + 1) / 2;
            decoding(Call::Decode, 16, stream, events(events_in_all, data_bytes))
        },
    },
];

const FIELD_PARSER: &[Shape] = &[
    Shape {
        name: "the parser: one line in 1-byte chunks",
        large: 4 << 20,
        counted: 20_000,
        prepare: |n| parsing(1, long_line("data: ", n), n + 2),
    },
    Shape {
        name: "the parser: lines in one chunk",
        large: 1 << 20,
        counted: 20_000,
        prepare: |n| parsing(WHOLE, b"data: x\ndat\n: c\n\r\n".repeat(n), 4 * n),
    },
];

const ENCODE: &[Shape] = &[
    Shape {
        name: "encode: data of line ends alone",
        large: 4 << 20,
        counted: 20_000,
        prepare: |n| {
            let data = "\n".repeat(n);
            Box::new(move || {
                let mut out = Vec::new();
                Outgoing::message(&data).encode(&mut out);
                assert_eq!(out.len(), "data: \n".len() * (n + 1) + 1);
            })
        },
    },
    Shape {
        name: "encode: data and comments of short lines, every way",
        large: 1 << 18,
        counted: 3_000,
        prepare: |n| {
            let text = "a\rb\r\nc\n".repeat(n);
            Box::new(move || {
                let outgoing = Outgoing::message(&text).comment(&text);
                let length = outgoing.encoded_len();
                assert_eq!(
                    length,
                    ": x\n".len() * 3 * n
                        + ":\n".len()
                        + "data: x\n".len() * 3 * n
                        + "data: \n\n".len()
                );
                let mut out = Vec::new();
                outgoing.encode(&mut out);
                assert_eq!(out.len(), length);
                assert_eq!(outgoing.encode_to_slice(&mut out), Ok(length));
                let mut counter = CountingWriter { length: 0 };
                write!(counter, "{outgoing}").expect("it only counts");
                assert_eq!(counter.length, length);
                #[cfg(feature = "std")]
                {
                    let mut out = Vec::new();
                    outgoing.write_to(&mut out).expect("a Vec takes everything");
                    assert_eq!(out.len(), length);
                }
            })
        },
    },
    Shape {
        name: "encode: data in small writes",
        large: 4 << 20,
        counted: 20_000,
        prepare: |n| {
            Box::new(move || {
                let mut out = Vec::new();
                let written = Outgoing::new().encode_with(&mut out, |data| {
                    for _ in 0..n {
                        data.write_str("x")?;
                        data.write_str("\r")?;
                        data.write_str("\n")?;
                    }
                    Ok::<(), fmt::Error>(())
                });
                assert_eq!(written, Ok(()));
                assert_eq!(out.len(), "data: x\n".len() * n + "data: \n\n".len());
            })
        },
    },
    Shape {
        name: "encode: events into one Vec",
        large: 1 << 19,
        counted: 5_000,
        prepare: |n| {
            Box::new(move || {
                let mut out = Vec::new();
                let outgoing = Outgoing::event(EventType::from_static("tick"), "x\ny")
                    .id(LastEventId::from_static("42"))
                    .retry(Duration::from_secs(1));
                for _ in 0..n {
                    outgoing.encode(&mut out);
                }
                assert_eq!(out.len(), n * outgoing.encoded_len());
            })
        },
    },
];

const FAMILIES: &[&[Shape]] = &[
    LONG_LINES,
    MANY_LINES,
    LAST_EVENT_IDS,
    INVALID_UTF8,
    ITEMS,
    MEMORY,
    FIELD_PARSER,
    ENCODE,
];

/// What the counting must catch: the ways in which such code is usually quadratic.
const CONTROLS: &[Shape] = &[
    Shape {
        name: "looking for the line's end from its beginning with every chunk",
        large: 0,
        counted: 5_000,
        prepare: |n| {
            let stream = long_line("data: ", n);
            Box::new(move || {
                let mut kept = Vec::new();
                let mut found = 0;
                for chunk in stream.chunks(1) {
                    kept.extend_from_slice(chunk);
                    found += usize::from(memchr::memchr(b'\n', &kept).is_some());
                }
                assert_eq!(found, 2);
            })
        },
    },
    Shape {
        name: "removing every event from the front of what was read",
        large: 0,
        counted: 1_000,
        prepare: |n| {
            let stream = b"data: x\n\n".repeat(n);
            Box::new(move || {
                let mut kept = stream.clone();
                let mut events = 0;
                while let Some(end) = memchr::memmem::find(&kept, b"\n\n") {
                    kept.drain(..end + 2);
                    events += 1;
                }
                assert_eq!(events, n);
            })
        },
    },
    Shape {
        name: "copying the last event ID into each event that inherits it",
        large: 0,
        counted: 10_000,
        prepare: |n| {
            let stream = [long_line("id: ", n), b"data: x\n\n".repeat(n)].concat();
            Box::new(move || {
                let mut decoder = EventDecoder::with_limits(UNLIMITED);
                let mut input = &stream[..];
                let mut bytes = 0;
                while let Some(event) = decoder.decode(&mut input).expect("it fits") {
                    bytes += black_box(event.into_owned()).last_event_id().len();
                }
                assert_eq!(bytes, n * n);
            })
        },
    },
];

#[test]
fn long_lines() {
    at_large_size(LONG_LINES);
}

#[test]
fn many_lines() {
    at_large_size(MANY_LINES);
}

#[test]
fn last_event_ids() {
    at_large_size(LAST_EVENT_IDS);
}

#[test]
fn invalid_utf8() {
    at_large_size(INVALID_UTF8);
}

#[test]
fn items() {
    at_large_size(ITEMS);
}

#[test]
fn memory() {
    at_large_size(MEMORY);
}

#[test]
fn field_parser() {
    at_large_size(FIELD_PARSER);
}

#[test]
fn encode() {
    at_large_size(ENCODE);
}

/// What `scripts/linear.sh` counts: every shape at n, then at 4n, announced in this order.
#[test]
#[ignore = "scripts/linear.sh runs it where instructions are counted"]
fn counted() {
    let shapes = FAMILIES.iter().copied().flatten();
    let shapes = shapes.map(|shape| ("shape", shape));
    for (kind, shape) in shapes.chain(CONTROLS.iter().map(|shape| ("control", shape))) {
        println!("\ncounted {kind} {} {}", shape.counted, shape.name);
        for size in [shape.counted, 4 * shape.counted] {
            measured(&mut *(shape.prepare)(size));
        }
    }
}

/// The script knows this function by its name: it counts what happens in here.
#[inline(never)]
fn measured(work: &mut dyn FnMut()) {
    black_box(work)();
}

fn at_large_size(shapes: &[Shape]) {
    for shape in shapes {
        // Where it hangs, the last line tells the shape.
        println!("{}", shape.name);
        (shape.prepare)(shape.large)();
    }
}

const UNLIMITED: Limits = Limits::new()
    .with_event(usize::MAX)
    .with_last_event_id(usize::MAX);

const WHOLE: usize = usize::MAX;

#[derive(Debug, Clone, Copy)]
enum Call {
    Decode,
    DecodeRaw,
    DecodeItem,
    DecodeOwned,
    DecodeOwnedItem,
}

/// What comes out of a stream in all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Totals {
    events: usize,
    data_bytes: usize,
    refused: usize,
    /// Comments that ended, and reconnection times.
    others: usize,
}

const NOTHING: Totals = events(0, 0);

const fn events(events: usize, data_bytes: usize) -> Totals {
    Totals {
        events,
        data_bytes,
        refused: 0,
        others: 0,
    }
}

const fn one_event(data_bytes: usize) -> Totals {
    events(1, data_bytes)
}

fn decoding(call: Call, chunk: usize, stream: Vec<u8>, totals: Totals) -> Work {
    decoding_within(UNLIMITED, call, chunk, stream, totals)
}

fn decoding_within(
    limits: Limits,
    call: Call,
    chunk: usize,
    stream: Vec<u8>,
    totals: Totals,
) -> Work {
    Box::new(move || {
        let mut decoder = EventDecoder::with_limits(limits);
        let mut seen = NOTHING;
        for mut input in stream.chunks(chunk) {
            while next(&mut decoder, call, &mut input, &mut seen) {}
        }
        assert_eq!(seen, totals);
    })
}

/// Counts what one call gives. False when the input is empty.
fn next(decoder: &mut EventDecoder, call: Call, input: &mut &[u8], seen: &mut Totals) -> bool {
    let data_bytes = match call {
        Call::Decode => decoder
            .decode(input)
            .map(|event| event.map(|event| Some(event.data().len()))),
        Call::DecodeOwned => decoder
            .decode_owned(input)
            .map(|event| event.map(|event| Some(event.data().len()))),
        Call::DecodeRaw => decoder
            .decode_raw(input)
            .map(|event| event.map(|event| Some(event.data().len()))),
        Call::DecodeItem => decoder.decode_item(input).map(|item| {
            item.map(|item| match item {
                Item::Event(event) => Some(event.data().len()),
                Item::Comment { end, .. } => {
                    seen.others += usize::from(end);
                    None
                }
                Item::Retry(_) => {
                    seen.others += 1;
                    None
                }
            })
        }),
        Call::DecodeOwnedItem => decoder.decode_owned_item(input).map(|item| {
            item.map(|item| match item {
                OwnedItem::Event(event) => Some(event.data().len()),
                OwnedItem::Comment { end, .. } => {
                    seen.others += usize::from(end);
                    None
                }
                OwnedItem::Retry(_) => {
                    seen.others += 1;
                    None
                }
            })
        }),
    };
    match data_bytes {
        Ok(Some(Some(data_bytes))) => {
            seen.events += 1;
            seen.data_bytes += data_bytes;
        }
        Ok(Some(None)) => {}
        Ok(None) => return false,
        Err(_) => seen.refused += 1,
    }
    true
}

fn parsing(chunk: usize, stream: Vec<u8>, tokens: usize) -> Work {
    Box::new(move || {
        let mut parser = FieldParser::new();
        let mut seen = 0;
        for mut chunk in stream.chunks(chunk) {
            while parser.next(&mut chunk).is_some() {
                seen += 1;
            }
        }
        assert_eq!(seen, tokens);
    })
}

/// A block of one line, of which `length` bytes follow `before`.
fn long_line(before: &str, length: usize) -> Vec<u8> {
    [before, &"x".repeat(length), "\n\n"].concat().into_bytes()
}

fn data_lines(count: usize) -> Vec<u8> {
    [b"data: x\n".repeat(count), b"\n".to_vec()].concat()
}

fn type_then_ids(count: usize) -> Vec<u8> {
    let event_type = &long_line("event: ", count)[..count + 8];
    [event_type, &b"id: 1\n".repeat(count), b"data\n\n"].concat()
}

struct CountingWriter {
    length: usize,
}

impl fmt::Write for CountingWriter {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.length += text.len();
        Ok(())
    }
}
