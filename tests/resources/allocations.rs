//! How often memory is allocated: never for an event that is borrowed, once the buffer has grown;
//! once for an owned event, and once more for an ID that events newly inherit.

use crate::chunking::{CHUNKINGS, Chunking};
use crate::common::allocator::{Count, count, so_far};
use crate::common::calls::Call;
use crate::common::oracle::Config;
use crate::common::random::Random;
use crate::common::{cuts, documents};
use crate::driver::{self, Reported, is_owned, read, skip};
use crate::shapes::{Lengths, STREAMS, Stream};
use crate::streams::streams;
use core::hash::{BuildHasher, BuildHasherDefault};
use sse_wire::{CutLine, Event, EventDecoder, FieldParser, Limits, OwnedEvent};
use std::hash::DefaultHasher;

/// How many bytes an owned event may have beside its text: of one that is copied as one span, the
/// name and the line end between type and data.
const GAP: usize = 16;

/// What is expected of owned events.
#[derive(Default)]
struct Expected {
    /// The hash of the ID that events share.
    shared: Option<u64>,
    /// How much memory the events take.
    bytes: usize,
}

impl Expected {
    /// How often memory is allocated for an event.
    fn allocations(&mut self, event: &OwnedEvent) -> usize {
        // The default type takes nothing.
        let event_type = Some(event.event_type()).filter(|event_type| *event_type != "message");
        let own_id = event.id().map_or(0, str::len);
        let own = event_type.map_or(0, str::len) + event.data().len() + own_id;
        self.bytes += own + GAP;
        let id = event.last_event_id();
        let hash = BuildHasherDefault::<DefaultHasher>::new().hash_one(id);
        let shares = event.id().is_none() && !id.is_empty();
        let is_new = shares && self.shared != Some(hash);
        if is_new {
            self.bytes += id.len() + 2 * size_of::<usize>();
        }
        self.shared = shares.then_some(hash);
        usize::from(own > 0) + usize::from(is_new)
    }
}

/// Reads the chunks, and with `to_the_end` an event that the end of the stream cuts off.
fn read_all(
    decoder: &mut EventDecoder,
    call: Call,
    chunks: &[&[u8]],
    to_the_end: bool,
    report: &mut dyn FnMut(Reported<'_>),
) {
    for chunk in chunks {
        read(decoder, call, chunk, usize::MAX, report);
    }
    if to_the_end {
        if let Some(incomplete) = decoder.finish() {
            let event = incomplete.recover(CutLine::Keep).transpose();
            _ = event.map(|event| report(event.map_or_else(Reported::Rejected, Reported::Event)));
        }
        decoder.restart();
    }
}

/// Reads the chunks by every call, with decoders that have read them before, and checks each
/// allocation.
fn check(name: &str, limits: Limits, chunks: &[&[u8]], to_the_end: bool) {
    for &call in Call::ALL {
        println!("{name}, {call:?}");
        let mut decoder = EventDecoder::with_limits(limits);
        let mut reported = 0;
        // A buffer that grows drops the one for replaced text, so that it takes two rounds.
        for _ in 0..2 {
            reported = 0;
            let mut add = |_: Reported<'_>| reported += 1;
            read_all(&mut decoder, call, chunks, to_the_end, &mut add);
        }
        decoder.set_last_event_id("").expect("it is empty");

        let mut stored = Vec::with_capacity(reported);
        let mut expected = Expected::default();
        let mut seen = 0;
        let (counted, ()) = count(|| {
            read_all(&mut decoder, call, chunks, to_the_end, &mut |reported| {
                let allocations = so_far().allocations - seen;
                let expected = match &reported {
                    Reported::Owned(event) | Reported::NotDispatched(event) => {
                        expected.allocations(event)
                    }
                    Reported::Comment(text, _) if is_owned(call) => usize::from(!text.is_empty()),
                    _ => 0,
                };
                assert_eq!(allocations, expected);
                seen = so_far().allocations;
                stored.push(match reported {
                    Reported::Owned(event) | Reported::NotDispatched(event) => Some(event),
                    _ => None,
                });
            });
        });
        assert_eq!(counted.allocations, seen, "only for events");
        assert_eq!(stored.len(), reported);
        if is_owned(call) {
            // It takes no chunk, and no room that was made for more.
            assert!(counted.kept <= expected.bytes as isize, "{counted:?}");
        } else {
            assert_eq!(counted, Count::NOTHING);
        }
    }
    let (counted, ()) = count(|| {
        let mut parser = FieldParser::new();
        for &(mut chunk) in chunks {
            while parser.next(&mut chunk).is_some() {}
        }
    });
    assert_eq!(counted, Count::NOTHING, "the parser");
}

#[test]
fn whatever_a_stream_says_memory_is_allocated_for_owned_events_alone() {
    // So small that nothing is given back, and that replaced text fits beside what is buffered.
    let config = Config {
        event_limit: 900,
        last_event_id_limit: 1000,
        ..Config::default()
    };
    for stream in streams(&config) {
        for size in [1, 100, usize::MAX] {
            let bytes = stream.between(20_000);
            let chunks: Vec<&[u8]> = bytes.chunks(size).collect();
            check(&stream.shown(), driver::limits(&config), &chunks, true);
        }
    }
}

#[test]
fn whatever_a_document_says_memory_is_allocated_for_owned_events_alone() {
    let mut random = Random::new(7);
    for _ in 0..2000 {
        let document = documents::document(&mut random);
        let chunks = cuts::random(&document, &mut random);
        let name = document.escape_ascii().to_string();
        check(&name, Limits::new(), &chunks, true);
    }
}

#[test]
fn decoding_usual_streams_allocates_for_owned_events_alone() {
    let mut whole = 0;
    for stream in usual_streams() {
        for chunking in CHUNKINGS {
            let chunks = chunking.cut(&stream);
            let name = format!("{}, {}", stream.name, chunking.name());
            check(&name, Limits::new(), &chunks, false);

            // What lies whole in a chunk, in one line, is not allocated for even at first.
            let is_whole = matches!(chunking, Chunking::Whole | Chunking::OneEvent);
            if is_whole && !["eight-lines", "notifications"].contains(&&*stream.name) {
                whole += 1;
                for &call in Call::BORROWED {
                    let read = |decoder: &mut _| {
                        let skip = |chunk: &&[u8]| skip(decoder, call, chunk, usize::MAX);
                        chunks.iter().map(skip).sum::<usize>()
                    };
                    let counted = count(|| read(&mut EventDecoder::new()));
                    assert_eq!(counted, (Count::NOTHING, stream.events()), "{name}");
                }
            }
        }
    }
    assert_eq!(whole, 10 * 2);
}

/// Those that the benchmarks measure.
pub(crate) fn usual_streams() -> impl Iterator<Item = Stream> {
    let varied = STREAMS
        .iter()
        .filter(|(_, lengths)| *lengths == Lengths::Varied);
    varied.map(|(shape, lengths)| Stream::generate(*shape, *lengths, shape.usual_size() / 8))
}

#[test]
fn an_inherited_id_is_allocated_for_once() {
    let inherits = "data: a\n\n";
    let joined = "data: a\nevent: b\ndata: c\n\n";
    let own = "id: 1\nevent: e\ndata: a\n\n";
    let new_id = "id: 2\n\n";
    let reset = "id\n\n";
    let stream = [
        inherits, joined, own, inherits, inherits, joined, own, own, joined, joined, inherits,
        new_id, new_id, reset, inherits, new_id, inherits, new_id, inherits,
    ];
    let stream = stream.concat().into_bytes();
    for size in [1, 3, 20, usize::MAX] {
        let mut decoder = EventDecoder::new();
        skip(&mut decoder, Call::Decode, &stream, size);
        decoder.set_last_event_id("").expect("it is empty");
        let mut found = Vec::with_capacity(100);
        let mut seen = 0;
        let mut report = |_: Reported<'_>| {
            found.push(so_far().allocations - seen);
            seen = so_far().allocations;
        };
        _ = count(|| read(&mut decoder, Call::DecodeOwned, &stream, size, &mut report));
        assert_eq!(found, [1, 1, 1, 2, 1, 1, 1, 1, 2, 1, 1, 1, 2, 2], "{size}");
    }
}

#[test]
fn a_new_decoder_allocates_nothing() {
    let (counted, _decoders) = count(|| {
        let mut seeded = EventDecoder::new();
        seeded.set_last_event_id("").expect("it is empty");
        (seeded, EventDecoder::with_limits(Limits::new()))
    });
    assert_eq!(counted, Count::NOTHING);
}

#[test]
fn control_what_is_allocated_is_counted() {
    let allocated = |stream: &[u8], copy: fn(Event<'_>)| {
        let mut report = |reported: Reported<'_>| match reported {
            Reported::Event(event) => copy(event),
            _ => panic!("it fits"),
        };
        let mut decoder = EventDecoder::new();
        let read = || read(&mut decoder, Call::Decode, stream, 9, &mut report);
        count(read).0.allocations
    };
    let two_events = b"data: 1\n\ndata: 2\n\n";
    assert_eq!(allocated(two_events, |_| {}), 0);
    assert_eq!(
        allocated(two_events, |event| drop(event.data().to_owned())),
        2
    );
    assert_eq!(allocated(two_events, |event| drop(event.into_owned())), 2);
    // The decoder is not warm.
    assert_eq!(allocated(b"data: split\n\n", |_| {}), 1);
}
