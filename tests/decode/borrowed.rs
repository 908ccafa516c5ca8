//! An event that lies whole in one chunk, with one data line, is borrowed from that chunk: neither
//! data nor event type is copied.

use crate::common::calls::Call;
use crate::read::{Found, call};
use sse_wire::{Buffer, EventDecoder};

/// What lies in the chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Borrowed {
    Both,
    Data,
    Type,
    Nothing,
}

use Borrowed::{Both, Data, Nothing, Type};

/// Whether `part` is a part of `chunk`: the same memory, not the same bytes.
fn lies_in(chunk: &[u8], part: &[u8]) -> bool {
    let (chunk, part) = (chunk.as_ptr_range(), part.as_ptr_range());
    chunk.start <= part.start && part.end <= chunk.end
}

/// What the events in the last chunk borrow from it, given their types and data.
fn borrowed<B: Buffer>(
    mut decoder: EventDecoder<B>,
    by: Call,
    chunks: &[&[u8]],
    expected: &[(&str, &str)],
) -> Vec<Borrowed> {
    let (last, before) = chunks.split_last().expect("there is a chunk");
    for &(mut chunk) in before {
        let seen = decoder.decode(&mut chunk);
        assert_eq!(seen, Ok(None), "all events are in the last chunk");
    }
    let (mut input, mut borrowed) = (*last, Vec::new());
    loop {
        let found = call(&mut decoder, by, &mut input, |found| match found {
            Found::Event {
                event_type, data, ..
            } => {
                let (expected_type, expected_data) = expected[borrowed.len()];
                assert_eq!(event_type, expected_type.as_bytes());
                assert_eq!(data, expected_data.as_bytes());
                borrowed.push(match (lies_in(last, data), lies_in(last, event_type)) {
                    (true, true) => Both,
                    (true, false) => Data,
                    (false, true) => Type,
                    (false, false) => Nothing,
                });
            }
            Found::Comment { text, .. } => assert!(lies_in(last, text)),
            Found::Retry(_) => {}
        });
        if found == Ok(None) {
            return borrowed;
        }
    }
}

/// Asserts what an event borrows, with a buffer that grows and with one that does not.
#[track_caller]
fn check(calls: &[Call], chunks: &[&[u8]], event: (&str, &str), expected: Borrowed) {
    for &call in calls {
        let memory = EventDecoder::with_buffer([0; 256]);
        assert_eq!(
            borrowed(memory, call, chunks, &[event]),
            [expected],
            "{call:?}"
        );
        #[cfg(feature = "alloc")]
        assert_eq!(
            borrowed(EventDecoder::new(), call, chunks, &[event]),
            [expected],
            "{call:?}"
        );
    }
}

const CALLS: &[Call] = Call::BORROWED;

#[test]
fn whole_events_are_borrowed_from_the_chunk() {
    for lines in [
        "event: tick|data: 42||",
        "data: 42|event: tick||",
        "data:42|event:tick||",
        "event: other|event|event: tick|data: 42||",
        "data: 42|event: other|event: tick||",
        "id: 7|event: tick|data: 42||",
        "event: tick|id: 7|data: 42||",
        "event: tick|data: 42|id: 7|id: 8||",
        "unknown: x|event: tick|nothing|data: 42|data2: x||",
        "|: before the block|retry: 1|event: tick|data: 42||",
    ] {
        for line_end in ["\n", "\r", "\r\n"] {
            let stream = lines.replace('|', line_end);
            check(CALLS, &[stream.as_bytes()], ("tick", "42"), Both);
            let with_mark = ["\u{FEFF}", &stream].concat();
            check(CALLS, &[with_mark.as_bytes()], ("tick", "42"), Both);
        }
    }
    // Characters of every length.
    let stream = "event: été\ndata: 流😀\u{2028}\0\n\n";
    check(CALLS, &[stream.as_bytes()], ("été", "流😀\u{2028}\0"), Both);
}

#[test]
fn comments_and_reconnection_times_within_the_event_are_skipped() {
    let stream = b": a\nevent: tick\n: b\nretry: 1\nid: 7\n:\ndata: 42\nretry: 2\n: c\n\n";
    let event = ("tick", "42");
    check(&[Call::Decode, Call::DecodeRaw], &[stream], event, Both);
    // As items they come between the fields, which are buffered meanwhile.
    let items = &[Call::DecodeItem];
    check(items, &[stream], event, Nothing);
    check(items, &[b"event: tick\n: b\ndata: 42\n\n"], event, Data);
    check(
        items,
        &[b"data: 42\nretry: 1\nevent: tick\n\n"],
        event,
        Type,
    );
}

#[test]
fn every_event_of_a_chunk_is_borrowed_from_it() {
    let stream = b"event: a\ndata: 1\n\nevent: b\ndata: 2\n\nid\n\nevent: c\ndata: 3\n\n";
    let events = [("a", "1"), ("b", "2"), ("c", "3")];
    for &call in CALLS {
        let decoder = EventDecoder::with_buffer([0; 256]);
        assert_eq!(borrowed(decoder, call, &[stream], &events), [Both; 3]);
    }
}

#[test]
fn a_cut_between_events_does_not_matter() {
    let next = b"\nevent: tick\ndata: 42\n\n";
    check(CALLS, &[b"id: 7", b"\n", next], ("tick", "42"), Both);
    check(CALLS, &[b"id: 7\n\r", next], ("tick", "42"), Both);
}

#[test]
fn control_what_began_before_the_chunk_is_copied() {
    let stream: &[u8] = b"event: tick\ndata: 42\n\n";
    for cut in 0..stream.len() {
        let (before, after) = stream.split_at(cut);
        // A part whose first byte comes after the cut is in the last chunk still.
        let expected = match cut {
            0..=7 => Both,
            8..=18 => Data,
            _ => Nothing,
        };
        check(CALLS, &[before, after], ("tick", "42"), expected);
    }
}

#[test]
fn control_data_that_is_joined_is_copied_and_the_event_type_is_not() {
    // Small builds copy a type that comes first along with the data.
    let is_small = cfg!(not(any(feature = "alloc", feature = "simd")));
    let first = if is_small { Nothing } else { Type };
    check(
        CALLS,
        &[b"event: tick\ndata: 4\ndata: 2\n\n"],
        ("tick", "4\n2"),
        first,
    );
    check(
        CALLS,
        &[b"data\nevent: tick\ndata: 2\n\n"],
        ("tick", "\n2"),
        first,
    );
    check(
        CALLS,
        &[b"data\ndata: 2\nevent: tick\n\n"],
        ("tick", "\n2"),
        Type,
    );
}

#[test]
fn control_replaced_text_and_the_default_type_are_not_in_the_chunk() {
    let text = &[Call::Decode, Call::DecodeItem];
    check(
        text,
        &[b"event: tick\ndata: 4\xFF2\n\n"],
        ("tick", "4\u{FFFD}2"),
        Nothing,
    );
    check(
        text,
        &[b"data: 42\nevent: tick\xFF\n\n"],
        ("tick\u{FFFD}", "42"),
        Nothing,
    );
    check(CALLS, &[b"data: message\n\n"], ("message", "message"), Data);
    check(
        CALLS,
        &[b"event: message\ndata: 42\n\n"],
        ("message", "42"),
        Both,
    );
}

/// Awaiting comes between finding an event and borrowing it.
#[test]
#[cfg(feature = "stream")]
fn the_events_of_a_stream_are_borrowed_from_its_chunks() {
    use core::convert::Infallible;
    use futures_util::{FutureExt, stream};
    use sse_wire::Item;
    use sse_wire::stream::EventStreamExt;

    let chunk: &[u8] = b"event: a\ndata: 1\n\nid: 7\nevent: b\ndata: 2\n\nevent: c\ndata: 3\n\n";
    let check = |event_type: &[u8], data: &[u8], expected: &[u8]| {
        assert_eq!([event_type, data].concat(), expected);
        assert!(lies_in(chunk, event_type) && lies_in(chunk, data));
    };
    let mut events = stream::iter([Ok::<_, Infallible>(chunk)]).events();
    let read = async {
        let event = events
            .next_event()
            .await
            .expect("it fits")
            .expect("an event");
        check(
            event.event_type().as_bytes(),
            event.data().as_bytes(),
            b"a1",
        );
        let event = events
            .next_raw_event()
            .await
            .expect("it fits")
            .expect("an event");
        check(event.event_type(), event.data(), b"b2");
        let Ok(Some(Item::Event(event))) = events.next_item().await else {
            panic!("the event is missing");
        };
        check(
            event.event_type().as_bytes(),
            event.data().as_bytes(),
            b"c3",
        );
    };
    read.now_or_never().expect("the chunk is available");
}
