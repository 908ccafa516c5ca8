//! Memory that an oversized event took is given back, but not while events need it again and again.

use crate::common::allocator::{Count, count};
use crate::common::calls::Call;
use crate::driver::{Reported, read};
use sse_wire::{EventDecoder, Limits};

const MEBIBYTE: usize = 1 << 20;

/// What a decoder never gives back.
const RETAINED: isize = 4096;

/// Reads a stream, and returns how many events came out of it.
fn events(decoder: &mut EventDecoder, stream: &[u8], size: usize) -> usize {
    let mut events = 0;
    read(decoder, Call::Decode, stream, size, &mut |reported| {
        assert!(matches!(reported, Reported::Event(_)));
        events += 1;
    });
    events
}

/// A line of data, or the beginning of a shorter one.
static LINE: [u8; 6 + MEBIBYTE] = {
    let mut line = [b'x'; 6 + MEBIBYTE];
    *line.first_chunk_mut().unwrap() = *b"data: ";
    line
};

/// An event of so much data, and its end in a chunk of its own, so that it is buffered.
fn buffered(decoder: &mut EventDecoder, data: usize) {
    assert_eq!(events(decoder, &LINE[..6 + data], usize::MAX), 0);
    assert_eq!(events(decoder, b"\n\n", usize::MAX), 1);
}

/// What follows an oversized event, and how much memory is in use then at most and at least.
type Case = (&'static str, fn(&mut EventDecoder), isize, isize);

const MUCH: isize = MEBIBYTE as isize;

const CASES: &[Case] = &[
    ("nothing", |_| {}, 2 * MUCH, MUCH),
    (
        "fifteen small events that are buffered",
        |decoder| (0..15).for_each(|_| buffered(decoder, 100)),
        2 * MUCH,
        MUCH,
    ),
    (
        "sixteen small events that are buffered",
        |decoder| (0..16).for_each(|_| buffered(decoder, 100)),
        RETAINED,
        100,
    ),
    (
        "sixteen events of 20,000 bytes that are buffered",
        |decoder| (0..16).for_each(|_| buffered(decoder, 20_000)),
        4 * 20_000,
        20_000,
    ),
    (
        "500 events that are borrowed",
        |decoder| {
            events(decoder, &b"event: t\ndata: x\n\n".repeat(500), usize::MAX);
        },
        2 * MUCH,
        MUCH,
    ),
    (
        "1025 events that are borrowed",
        |decoder| {
            events(decoder, &b"event: t\ndata: x\n\n".repeat(1025), usize::MAX);
        },
        RETAINED,
        0,
    ),
    (
        "a chunk of blank lines, and 1025 events that are borrowed",
        |decoder| {
            events(decoder, b"\n\n", usize::MAX);
            events(decoder, &b"data: x\n\n".repeat(1025), usize::MAX);
        },
        RETAINED,
        0,
    ),
    ("a restart", EventDecoder::restart, RETAINED, 0),
    (
        "an oversized event that is rejected, and a restart",
        |decoder| {
            let mut rejected = 0;
            let stream = [&b"data: "[..], &b"x".repeat(17 * MEBIBYTE)].concat();
            read(decoder, Call::Decode, &stream, 1 << 16, &mut |_| {
                rejected += 1
            });
            assert_eq!(rejected, 1);
            decoder.restart();
        },
        RETAINED,
        0,
    ),
];

#[test]
fn the_memory_of_an_oversized_event_is_given_back_after_sixteen_small_ones() {
    for (then, run, most, least) in CASES {
        let (counted, _decoder) = count(|| {
            let mut decoder = EventDecoder::new();
            buffered(&mut decoder, MEBIBYTE);
            run(&mut decoder);
            // The last event is borrowed until the next call.
            assert_eq!(decoder.decode(&mut &b""[..]), Ok(None));
            decoder
        });
        let left = counted.kept;
        assert!((*least..=*most).contains(&left), "{left}: {then}");
    }
}

#[test]
fn the_last_event_id_survives_what_is_given_back() {
    let id = "7".repeat(10_000);
    let mut decoder = EventDecoder::new();
    decoder.set_last_event_id(&id).expect("it fits");
    let (counted, ()) = count(|| {
        buffered(&mut decoder, MEBIBYTE);
        (0..17).for_each(|_| buffered(&mut decoder, 100));
    });
    assert_eq!(decoder.last_event_id(), id);
    assert!(counted.kept < 64 << 10, "{counted:?}");
}

#[test]
fn no_memory_is_given_back_while_events_need_it_again_and_again() {
    let mut decoder = EventDecoder::new();
    let small = b"data: x\n\n".repeat(1000);
    let mut round = |oversized, buffered_events, borrowed_events| {
        buffered(&mut decoder, oversized);
        (0..buffered_events).for_each(|_| buffered(&mut decoder, 1));
        let stream = &small[..borrowed_events * b"data: x\n\n".len()];
        assert_eq!(events(&mut decoder, stream, usize::MAX), borrowed_events);
    };
    round(MEBIBYTE, 15, 0);
    let (counted, ()) = count(|| {
        for (buffered_events, borrowed_events) in [(0, 0), (1, 3), (15, 0), (14, 60), (3, 200)] {
            round(MEBIBYTE, buffered_events, borrowed_events);
        }
        (0..20).for_each(|_| round(MEBIBYTE, 0, 500));
    });
    assert_eq!(counted, Count::NOTHING);

    // With more small events in between it is given back and allocated again, once in a round.
    let (counted, ()) = count(|| (0..10).for_each(|_| round(MEBIBYTE, 40, 0)));
    assert!((10..=10 * 16).contains(&counted.allocations), "{counted:?}");
    assert!(counted.kept < -(MEBIBYTE as isize) / 2);

    // Of about forty events in a chunk one is cut. The others are borrowed, and take next to
    // nothing.
    let data = "x".repeat(6000);
    let stream = format!(": c\nevent: tick\nretry: 1\nid: 7\ndata: {data}\n: c\n\n").repeat(200);
    let mut decoder = EventDecoder::new();
    let mut read = || events(&mut decoder, stream.as_bytes(), 256 << 10);
    assert_eq!(read(), 200);
    assert_eq!(count(read), (Count::NOTHING, 200));
}

/// What is left of an event in which invalid UTF-8 was replaced, of so much data.
fn left_after_replacing(limits: Limits, data: usize, is_buffered: bool) -> isize {
    let invalid = [b"data: ", &b"x".repeat(data - 1)[..], b"\xFF\n\n"].concat();
    let (counted, _decoder) = count(|| {
        let mut decoder = EventDecoder::with_limits(limits);
        if is_buffered {
            buffered(&mut decoder, data);
        }
        assert_eq!(events(&mut decoder, &invalid, usize::MAX), 1);
        // It is borrowed until the next call.
        assert_eq!(events(&mut decoder, b"data: small\n\n\n", usize::MAX), 1);
        decoder
    });
    counted.kept
}

#[test]
fn what_was_replaced_is_given_back_at_once() {
    let left = left_after_replacing(Limits::new(), 60_000, false);
    assert!(left <= RETAINED, "{left}");
    // It is small, but all memory that there may be is in use beside it.
    let limits = Limits::new().with_event(3000).with_last_event_id(100);
    let left = left_after_replacing(limits, 2900, true);
    assert!(left <= 3000 + 100, "{left}");
}
