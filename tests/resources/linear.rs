//! n bytes take time in proportion to n: `scripts/linear.sh` runs [`counted`], and counts the
//! instructions of all work for n bytes and for 4n.

use crate::common::calls::Call;
use crate::common::readers;
use crate::driver::{self, Reported, read};
use crate::streams::streams;
use core::fmt::{self, Write as _};
use core::hint::black_box;
use sse_wire::{CutLine, EventDecoder, EventType, FieldParser, Limits, Outgoing};

/// How many bytes n is.
const BYTES: usize = 4000;

/// The calls that differ in what they do for each chunk, or each event.
const CALLS: &[Call] = &[
    Call::Decode,
    #[cfg(feature = "simd")]
    Call::DecodeItem,
    #[cfg(feature = "simd")]
    Call::DecodeOwned,
];

const UNLIMITED: Limits = Limits::new()
    .with_event(usize::MAX)
    .with_last_event_id(usize::MAX);

/// What `scripts/linear.sh` counts: all work at n, then at 4n, announced in this order.
#[test]
#[ignore = "scripts/linear.sh runs it where instructions are counted"]
fn counted() {
    // Most of a stream is beyond these limits, or none of it.
    let config = readers::memory_config(1024);
    for stream in streams(&config) {
        for (limits, limited) in [
            (driver::limits(&config), "limited"),
            (UNLIMITED, "unlimited"),
        ] {
            for &call in CALLS {
                for (size, bytes, cut) in
                    [(1, BYTES / 2, "byte by byte"), (usize::MAX, BYTES, "whole")]
                {
                    let way = format!("{call:?}, {cut}, {limited}");
                    let name = format!("{}, {way}", stream.shown());
                    compare("shape", &name, stream.rounds(bytes), &|rounds| {
                        decode(limits, call, &stream.repeated(rounds), size);
                    });
                }
            }
        }
    }
    #[cfg(feature = "stream")]
    through_adapters();
    for (name, n, work) in WORK {
        compare("shape", name, *n, work);
    }
    for (name, n, work) in CONTROLS {
        compare("control", name, *n, work);
    }
}

fn compare(kind: &str, name: &str, n: usize, work: &dyn Fn(usize)) {
    println!("\ncounted {kind} {name}");
    for n in [n, 4 * n] {
        measured(work, n);
    }
}

/// The script knows this function by its name: it counts what happens in here.
#[inline(never)]
fn measured(work: &dyn Fn(usize), n: usize) {
    black_box(work)(n);
}

fn decode(limits: Limits, call: Call, stream: &[u8], size: usize) {
    let mut decoder = EventDecoder::with_limits(limits);
    let mut report = |reported: Reported<'_>| drop(black_box(reported));
    read(&mut decoder, call, stream, size, &mut report);
}

/// Each adapter by each of its calls. What comes out is copied, so it has no long ID.
#[cfg(feature = "stream")]
fn through_adapters() {
    let config = readers::memory_config(4096);
    for contract in crate::common::adapters::ADAPTERS {
        for &call in contract.calls {
            for (stream, size) in [("data: x\n\n", 64), (": comment\n", 1024)] {
                let name = format!("{}, {call:?}, chunks of {size}", contract.name);
                compare("shape", &name, BYTES / stream.len(), &|n| {
                    let read = crate::adapters::read_adapter;
                    let stream = stream.repeat(n);
                    let read = read(
                        contract,
                        call,
                        &config,
                        stream.as_bytes(),
                        size,
                        &mut |_| {},
                    );
                    read.expect("it takes these limits");
                });
            }
        }
    }
}

/// Other work: its name, a size, and what to do for a size.
type Work = (&'static str, usize, fn(usize));

const WORK: &[Work] = &[
    ("a line without an end, recovered", BYTES, |n| {
        let mut decoder = EventDecoder::with_limits(UNLIMITED);
        for stream in ["data: ", &"x".repeat(n)] {
            read(
                &mut decoder,
                Call::Decode,
                stream.as_bytes(),
                1,
                &mut |_| {},
            );
        }
        let incomplete = decoder.finish().expect("it has no end");
        let event = incomplete.recover(CutLine::Keep).expect("it fits");
        assert_eq!(event.map(|event| event.data().len()), Some(n));
    }),
    ("a long ID, then connections", 500, |n| {
        let mut decoder = EventDecoder::with_limits(UNLIMITED);
        let stream = ["id: ", &"7".repeat(6 * n), "\n\n"].concat();
        assert_eq!(decoder.decode(&mut stream.as_bytes()), Ok(None));
        let mut events = 0;
        for _ in 0..n {
            for call in [Call::Decode, Call::DecodeOwned] {
                read(&mut decoder, call, b"data: x\n\nda", 16, &mut |_| {
                    events += 1
                });
                decoder.restart();
            }
        }
        assert_eq!(events, 2 * n);
    }),
    ("a long ID, then owned events, which are stored", 500, |n| {
        let stream = ["id: ", &"7".repeat(6 * n), "\n\n", &"data: x\n\n".repeat(n)].concat();
        let mut events = Vec::with_capacity(n);
        let mut decoder = EventDecoder::with_limits(UNLIMITED);
        let mut store = |reported: Reported<'_>| match reported {
            Reported::Owned(event) => events.push(event),
            _ => panic!("it is not owned"),
        };
        read(
            &mut decoder,
            Call::DecodeOwned,
            stream.as_bytes(),
            1400,
            &mut store,
        );
        assert_eq!(events.len(), n);
    }),
    ("the parser: one line in chunks of 1", BYTES, |n| {
        let stream = [b"data: ", &b"x".repeat(n)[..], b"\n\n"].concat();
        assert_eq!(tokens(&stream, 1), n + 2);
    }),
    ("the parser: lines in one chunk", 300, |n| {
        let stream = b"data: x\ndat\n: c\n\r\n".repeat(n);
        assert_eq!(tokens(&stream, usize::MAX), 4 * n);
    }),
    ("encode: short lines, in every way", 300, |n| {
        encode_in_every_way(&"a\rb\r\n\n".repeat(n))
    }),
    ("encode: data in small writes", 1000, |n| {
        let mut out = Vec::new();
        let written = Outgoing::new().encode_with(&mut out, |data| {
            (0..n).try_for_each(|_| {
                ["x", "\r", "\n"]
                    .iter()
                    .try_for_each(|text| data.write_str(text))
            })
        });
        assert_eq!((written, out.len()), (Ok(()), 8 * n + b"data: \n\n".len()));
    }),
    ("encode: events into one Vec", 500, |n| {
        let mut out = Vec::new();
        let outgoing = Outgoing::event(EventType::from_static("tick"), "x\ny");
        (0..n).for_each(|_| outgoing.encode(&mut out));
        assert_eq!(out.len(), n * outgoing.encoded_len());
    }),
    #[cfg(feature = "bytes")]
    (
        "replay: frames that are evicted, and clients that resume",
        100,
        |n| {
            let mut log = sse_wire::replay::ReplayLog::new().with_frames(n);
            for number in 0..2 * n {
                let id = format!("{number:08}");
                let outgoing =
                    Outgoing::message("x").id(sse_wire::LastEventId::new(&id).expect("digits"));
                log.push(outgoing.into(), core::time::Duration::ZERO);
                if number % 8 == 0 {
                    assert_eq!(log.since(&id), Ok(log.end()));
                }
            }
            assert_eq!(log.len(), n);
        },
    ),
];

/// What must be caught: the ways in which such code is usually quadratic.
const CONTROLS: &[Work] = &[
    (
        "a search for the line's end from its beginning with every chunk",
        2000,
        |n| {
            let mut line = Vec::new();
            for chunk in b"x".repeat(n).chunks(1) {
                line.extend_from_slice(chunk);
                assert_eq!(memchr::memchr(b'\n', &line), None);
            }
        },
    ),
    (
        "each event removed from the front of what was read",
        500,
        |n| {
            let mut stream = b"data: x\n\n".repeat(n);
            while let Some(end) = memchr::memmem::find(&stream, b"\n\n") {
                stream.drain(..end + 2);
            }
            assert_eq!(stream, b"");
        },
    ),
    (
        "the last event ID copied into each event that inherits it",
        500,
        |n| {
            let stream = ["id: ", &"7".repeat(6 * n), "\n\n", &"data: x\n\n".repeat(n)].concat();
            let mut decoder = EventDecoder::with_limits(UNLIMITED);
            let mut copy = |reported: Reported<'_>| match reported {
                Reported::Event(event) => drop(black_box(event.into_owned())),
                _ => panic!("it is not borrowed"),
            };
            read(
                &mut decoder,
                Call::Decode,
                stream.as_bytes(),
                usize::MAX,
                &mut copy,
            );
        },
    ),
];

fn tokens(stream: &[u8], size: usize) -> usize {
    let mut parser = FieldParser::new();
    let mut tokens = 0;
    for mut chunk in stream.chunks(size) {
        while parser.next(&mut chunk).is_some() {
            tokens += 1;
        }
    }
    tokens
}

fn encode_in_every_way(text: &str) {
    let outgoing = Outgoing::message(text).comment(text);
    let length = outgoing.encoded_len();
    let mut out = Vec::new();
    outgoing.encode(&mut out);
    assert_eq!(outgoing.encode_to_slice(&mut out), Ok(length));
    let mut counter = Counter(0);
    write!(counter, "{outgoing}").expect("it only counts");
    assert_eq!((counter.0, out.len()), (length, length));
    #[cfg(feature = "std")]
    outgoing.write_to(&mut out).expect("a Vec takes everything");
}

struct Counter(usize);

impl fmt::Write for Counter {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 += text.len();
        Ok(())
    }
}
