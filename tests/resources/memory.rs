//! No stream takes more memory than the limits allow.

use crate::common::allocator::{self, Count, count};
use crate::common::calls::Call;
use crate::common::oracle::Config;
use crate::common::readers;
#[cfg(feature = "alloc")]
use crate::driver::{self, skip};
use crate::driver::{Totals, is_owned, total};
#[cfg(feature = "alloc")]
use crate::streams::Gives;
use crate::streams::{Stream, streams};
#[cfg(feature = "alloc")]
use sse_wire::Limits;
use sse_wire::{Buffer, EventDecoder};

/// The sizes of chunks.
const SIZES: [usize; 3] = [1, 1400, usize::MAX];

/// Reads the stream, which is of about so many bytes, by every call in chunks of every size, each
/// with a new decoder, and compares what comes out of it with what the oracle says. Calls `check`
/// with what was asked of the allocator, and how much of it the decoder retained at the end.
fn measure<B: Buffer>(
    stream: &Stream,
    config: &Config,
    bytes: usize,
    mut decoder: impl FnMut() -> EventDecoder<B>,
    check: impl Fn(Call, Count, isize),
) {
    let bytes = stream.between(bytes);
    for &call in Call::ALL {
        let expected = Totals::of(&bytes, config, call);
        for size in SIZES {
            println!("{}, chunks of {size}, {call:?}, {config:?}", stream.shown());
            let (counted, (totals, retained)) = count(|| {
                let mut decoder = decoder();
                let totals = total(&mut decoder, call, &bytes, size);
                // The last event is borrowed until the next call.
                assert_eq!(decoder.decode(&mut &b""[..]), Ok(None));
                (totals, allocator::kept())
            });
            assert_eq!(totals, expected);
            assert_eq!(counted.kept, 0);
            check(call, counted, retained);
        }
    }
}

#[track_caller]
pub(crate) fn assert_at_most(bytes: isize, allowed: usize) {
    assert!(
        bytes <= allowed as isize,
        "{bytes} bytes, where {allowed} are allowed"
    );
}

/// What owned events and items take beside the decoder: an event, the next ID that events share
/// while it replaces the one before, and a comment, which is not larger than its chunk.
fn copies(call: Call, config: &Config, bytes: usize) -> usize {
    let event = config.event_limit + 2 * config.last_event_id_limit + 512;
    match (is_owned(call), call.returns_items()) {
        (false, _) => 0,
        (true, false) => event,
        (true, true) => event + bytes + 1000,
    }
}

/// The most that a decoder retains: an event and a last event ID. The `id` of a rejected event
/// still counts, its last one and the one that is being read.
#[cfg(feature = "alloc")]
pub(crate) fn most_retained(config: &Config) -> usize {
    let id = config.last_event_id_limit;
    config.event_limit.max(2 * id) + id
}

#[test]
#[cfg(feature = "alloc")]
fn no_stream_takes_more_memory_than_the_limits_allow() {
    // An ID that is as large as an event, or larger, and small ones.
    let limits = [
        (12 << 10, 4 << 10),
        (6000, 6000),
        (2000, 3000),
        (100, 16),
        (5000, 16),
    ];
    for (event_limit, last_event_id_limit) in limits {
        let config = Config {
            event_limit,
            last_event_id_limit,
            ..Config::default()
        };
        let bytes = 4 * most_retained(&config).max(500);
        for stream in streams(&config) {
            let decoder = || EventDecoder::with_limits(driver::limits(&config));
            let check = |call, counted: Count, retained| {
                let most = most_retained(&config) + FIRST_IGNORED;
                assert_at_most(counted.peak, 2 * most + copies(call, &config, bytes));
                // Owned events share a copy of the ID, which has reference counts.
                let shared = last_event_id_limit + 2 * size_of::<usize>();
                assert_at_most(retained, most + if is_owned(call) { shared } else { 0 });
            };
            measure(&stream, &config, bytes, decoder, check);
        }
    }
}

#[test]
fn no_stream_allocates_with_a_caller_provided_buffer() {
    const MEMORY: usize = 4096;
    let config = readers::memory_config(MEMORY);
    for stream in streams(&config) {
        let decoder = || EventDecoder::with_buffer([0xA5; MEMORY]);
        let bytes = 6 * MEMORY;
        measure(&stream, &config, bytes, decoder, |call, counted, _| {
            assert_at_most(counted.peak, copies(call, &config, bytes));
        });
    }
}

/// What a decoder retains of the first line that is no field.
#[cfg(feature = "alloc")]
const FIRST_IGNORED: usize = crate::common::oracle::FIRST_IGNORED + size_of::<usize>();

#[test]
#[cfg(feature = "alloc")]
fn what_is_no_event_is_not_buffered() {
    let config = readers::memory_config(1024);
    let unbuffered = |stream: &Stream| stream.gives == Some(Gives::NothingBuffered);
    for stream in streams(&config).into_iter().filter(unbuffered) {
        let bytes = stream.repeated(stream.rounds(20_000));
        for &call in Call::BORROWED {
            for size in SIZES {
                let (counted, _) = count(|| skip(&mut EventDecoder::new(), call, &bytes, size));
                assert_at_most(counted.peak, FIRST_IGNORED);
                assert!(counted.allocations <= 1, "{} {call:?}", stream.shown());
            }
        }
    }
}

#[test]
#[cfg(feature = "alloc")]
fn memory_grows_in_few_steps() {
    const MEBIBYTE: usize = 1 << 20;
    let limits = Limits::new();
    for (line, limits) in [
        ("data: ", limits),
        ("event: ", limits),
        ("data: ", limits.with_last_event_id(MEBIBYTE)),
        ("id: ", limits.with_last_event_id(MEBIBYTE)),
    ] {
        let (counted, _decoder) = count(|| {
            let mut decoder = EventDecoder::with_limits(limits);
            skip(&mut decoder, Call::Decode, line.as_bytes(), 1);
            (0..1024).for_each(|_| _ = skip(&mut decoder, Call::Decode, &[b'x'; 1024], 1));
            decoder
        });
        // It doubles.
        assert!(counted.kept >= MEBIBYTE as isize);
        assert!(counted.allocations <= 20, "{line:?} {counted:?}");
    }
}

#[test]
#[cfg(feature = "alloc")]
fn a_drip_of_20_mebibytes_is_bounded_too() {
    let config = Config::default();
    let limits = Limits::new();
    assert_eq!(limits, driver::limits(&config));
    // The line goes beyond the default limit.
    for (begins, repeated, is_rejected) in [("data: ", "x", true), ("", "data\n\n", false)] {
        let repeated = repeated.repeat((64 << 10) / repeated.len());
        let rounds = (20 << 20) / repeated.len();
        let (counted, reported) = count(|| {
            let mut decoder = EventDecoder::new();
            let mut skip = |stream: &str| skip(&mut decoder, Call::Decode, stream.as_bytes(), 1);
            skip(begins) + (0..rounds).map(|_| skip(&repeated)).sum::<usize>()
        });
        let events = rounds * repeated.len() / b"data\n\n".len();
        assert_eq!(reported, if is_rejected { 1 } else { events });
        assert_at_most(counted.peak, 2 * most_retained(&config));
        // The line puts the limit to the test.
        assert!(!is_rejected || counted.peak >= limits.event as isize);
    }
}

#[test]
#[cfg(feature = "alloc")]
fn eighty_thousand_events_in_a_chunk_are_returned_one_by_one() {
    let stream = b"data\n\n".repeat(80_000);
    for &call in Call::ALL {
        let counted = count(|| skip(&mut EventDecoder::new(), call, &stream, usize::MAX));
        // Even copies take nothing: they have no text.
        assert_eq!(counted, (Count::NOTHING, 80_000), "{call:?}");
    }
}

#[test]
fn control_what_is_retained_is_counted() {
    const MEBIBYTE: isize = 1 << 20;
    let (counted, _stream) = count(|| {
        let mut stream = Vec::new();
        (0..64).for_each(|_| stream.extend_from_slice(&[b'x'; 64 << 10]));
        stream
    });
    assert!(counted.kept >= 4 * MEBIBYTE && counted.peak >= counted.kept);
    let (counted, ()) = count(|| drop(vec![0_u8; 1 << 20]));
    assert_eq!((counted.kept, counted.peak), (0, MEBIBYTE));
}

#[test]
#[cfg(feature = "alloc")]
#[should_panic(expected = "are allowed")]
fn control_a_decoder_without_limits_is_caught() {
    let config = readers::memory_config(1024);
    let unlimited = Config::default();
    let streams = streams(&config);
    let check = |_, counted: Count, _| assert_at_most(counted.peak, 2 * most_retained(&config));
    measure(&streams[0], &unlimited, 20_000, EventDecoder::new, check);
}
