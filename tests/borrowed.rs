//! An event that lies whole in one chunk, with one data line, is borrowed from that chunk: neither data nor event type is copied.

use sse_wire::{Buffer, EventDecoder, Item};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Call {
    Decode,
    DecodeRaw,
    DecodeItem,
}

const CALLS: [Call; 3] = [Call::Decode, Call::DecodeRaw, Call::DecodeItem];

/// Where the parts of an event are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Origin {
    data_from_chunk: bool,
    event_type_from_chunk: bool,
}

const BORROWED: Origin = Origin {
    data_from_chunk: true,
    event_type_from_chunk: true,
};

const DATA_ALONE: Origin = Origin {
    data_from_chunk: true,
    event_type_from_chunk: false,
};

const TYPE_ALONE: Origin = Origin {
    data_from_chunk: false,
    event_type_from_chunk: true,
};

const COPIED: Origin = Origin {
    data_from_chunk: false,
    event_type_from_chunk: false,
};

/// Whether `part` is a part of `chunk`: the same memory, not the same bytes.
fn lies_in(chunk: &[u8], part: &[u8]) -> bool {
    let (chunk, part) = (chunk.as_ptr_range(), part.as_ptr_range());
    chunk.start <= part.start && part.end <= chunk.end
}

/// Where the events in the last chunk are, given their types and data.
fn origins<B: Buffer>(
    mut decoder: EventDecoder<B>,
    call: Call,
    chunks: &[&[u8]],
    expected: &[(&str, &str)],
) -> Vec<Origin> {
    let (last, before) = chunks.split_last().expect("there is a chunk");
    for &(mut chunk) in before {
        assert_eq!(
            decoder.decode(&mut chunk),
            Ok(None),
            "all events are in the last chunk"
        );
    }
    let mut input = *last;
    let mut found = Vec::new();
    let mut expected = expected.iter();
    let mut check = |event_type: &[u8], data: &[u8]| {
        let (expected_type, expected_data) = expected.next().expect("no more events");
        assert_eq!(event_type, expected_type.as_bytes());
        assert_eq!(data, expected_data.as_bytes());
        found.push(Origin {
            data_from_chunk: lies_in(last, data),
            event_type_from_chunk: lies_in(last, event_type),
        });
    };
    match call {
        Call::Decode => {
            while let Some(event) = decoder.decode(&mut input).expect("it fits") {
                check(event.event_type().as_bytes(), event.data().as_bytes());
            }
        }
        Call::DecodeRaw => {
            while let Some(event) = decoder.decode_raw(&mut input).expect("it fits") {
                check(event.event_type(), event.data());
            }
        }
        Call::DecodeItem => {
            while let Some(item) = decoder.decode_item(&mut input).expect("it fits") {
                match item {
                    Item::Event(event) => {
                        check(event.event_type().as_bytes(), event.data().as_bytes());
                    }
                    Item::Comment { text, .. } => assert!(lies_in(last, text)),
                    Item::Retry(_) => {}
                }
            }
        }
    }
    assert_eq!(expected.next(), None, "an event is missing");
    found
}

/// Asserts where the event of a stream is, with a buffer that grows and with one that does not.
#[track_caller]
fn assert_origin(call: Call, chunks: &[&[u8]], (event_type, data): (&str, &str), expected: Origin) {
    let event = [(event_type, data)];
    let memory = EventDecoder::with_buffer([0; 256]);
    assert_eq!(
        origins(memory, call, chunks, &event),
        [expected],
        "{call:?}, with a buffer of its own"
    );
    #[cfg(feature = "alloc")]
    assert_eq!(
        origins(EventDecoder::new(), call, chunks, &event),
        [expected],
        "{call:?}"
    );
}

#[test]
fn whole_events_are_borrowed_from_the_chunk() {
    for call in CALLS {
        for line_end in ["\n", "\r", "\r\n"] {
            for lines in [
                &["event: tick", "data: 42", ""][..],
                &["data: 42", "event: tick", ""],
                &["data:42", "event:tick", ""],
                &["event: other", "event", "event: tick", "data: 42", ""],
                &["data: 42", "event: other", "event: tick", ""],
                &["id: 7", "event: tick", "data: 42", ""],
                &["event: tick", "id: 7", "data: 42", ""],
                &["event: tick", "data: 42", "id: 7", "id: 8", ""],
                &[
                    "unknown: x",
                    "event: tick",
                    "nothing",
                    "data: 42",
                    "data2: x",
                    "",
                ],
                &[
                    "",
                    ": before the block",
                    "retry: 1",
                    "event: tick",
                    "data: 42",
                    "",
                ],
            ] {
                let stream = [&lines.join(line_end), line_end].concat();
                let stream = stream.as_bytes();
                assert_origin(call, &[stream], ("tick", "42"), BORROWED);
                let with_mark = [b"\xEF\xBB\xBF", stream].concat();
                assert_origin(call, &[&with_mark], ("tick", "42"), BORROWED);
            }
        }
    }
}

#[test]
fn characters_of_every_length_are_borrowed_from_the_chunk() {
    for call in CALLS {
        let stream = "event: été\ndata: 流😀\u{2028}\0\n\n";
        assert_origin(
            call,
            &[stream.as_bytes()],
            ("été", "流😀\u{2028}\0"),
            BORROWED,
        );
    }
}

#[test]
fn comments_and_reconnection_times_within_the_event_do_not_matter() {
    let stream = b": a\nevent: tick\n: b\nretry: 1\nid: 7\n:\ndata: 42\nretry: 2\n: c\n\n";
    for call in [Call::Decode, Call::DecodeRaw] {
        assert_origin(call, &[stream], ("tick", "42"), BORROWED);
    }
    // In wire order they come between the fields, which are buffered meanwhile.
    assert_origin(Call::DecodeItem, &[stream], ("tick", "42"), COPIED);
    let stream = b"event: tick\n: b\ndata: 42\n\n";
    assert_origin(Call::DecodeItem, &[stream], ("tick", "42"), DATA_ALONE);
    let stream = b"data: 42\nretry: 1\nevent: tick\n\n";
    assert_origin(Call::DecodeItem, &[stream], ("tick", "42"), TYPE_ALONE);
}

#[test]
fn every_event_of_a_chunk_is_borrowed_from_it() {
    let stream = b"event: a\ndata: 1\n\nevent: b\ndata: 2\n\nid\n\nevent: c\ndata: 3\n\n";
    let events = [("a", "1"), ("b", "2"), ("c", "3")];
    for call in CALLS {
        let decoder = EventDecoder::with_buffer([0; 256]);
        assert_eq!(origins(decoder, call, &[stream], &events), [BORROWED; 3]);
    }
}

#[test]
fn a_cut_between_events_does_not_matter() {
    for call in CALLS {
        assert_origin(
            call,
            &[b"id: 7", b"\n", b"\nevent: tick\ndata: 42\n\n"],
            ("tick", "42"),
            BORROWED,
        );
        assert_origin(
            call,
            &[b"id: 7\n\r", b"\nevent: tick\ndata: 42\n\n"],
            ("tick", "42"),
            BORROWED,
        );
    }
}

/// The same through a stream of chunks, where awaiting comes between finding an event and borrowing it.
#[test]
#[cfg(feature = "stream")]
fn the_events_of_a_stream_are_borrowed_from_its_chunks() {
    use core::convert::Infallible;
    use futures_util::{FutureExt, stream};
    use sse_wire::stream::EventStreamExt;

    let chunk: &[u8] =
        b"event: a\ndata: 1\n\nid: 7\nevent: b\ndata: 2\n\nevent: c\ndata: 3\n\nevent: d";
    let next: &[u8] = b"\ndata: 4\n\n: c\nevent: e\ndata: 5\n\n";
    let chunks = [chunk, next].map(Ok::<_, Infallible>);
    let mut events = stream::iter(chunks).events();
    let read = async {
        for (place, expected) in ["a1", "b2", "c3", "d4", "e5"].into_iter().enumerate() {
            let from = if place < 3 { chunk } else { next };
            let event_type_is_cut = expected == "d4";
            let (event_type, data) = match place {
                1 => {
                    let event = events.next_raw_event().await.expect("it fits");
                    let event = event.expect("an event");
                    (event.event_type(), event.data())
                }
                4 => loop {
                    match events.next_item().await.expect("it fits") {
                        Some(Item::Event(event)) => {
                            break (event.event_type().as_bytes(), event.data().as_bytes());
                        }
                        Some(Item::Comment { text, .. }) => assert!(lies_in(next, text)),
                        item => panic!("{item:?}"),
                    }
                },
                _ => {
                    let event = events.next_event().await.expect("it fits");
                    let event = event.expect("an event");
                    (event.event_type().as_bytes(), event.data().as_bytes())
                }
            };
            assert_eq!([event_type, data].concat(), expected.as_bytes());
            assert!(lies_in(from, data), "{expected}");
            assert_eq!(lies_in(from, event_type), !event_type_is_cut, "{expected}");
        }
        assert_eq!(events.next_event().await, Ok(None));
    };
    read.now_or_never().expect("every chunk is available");
}

#[test]
fn control_what_the_cut_came_behind_is_copied() {
    let stream: &[u8] = b"event: tick\ndata: 42\n\n";
    for call in CALLS {
        for cut in 0..stream.len() {
            let (before, after) = stream.split_at(cut);
            // A part whose first byte comes after the cut is in the last chunk still.
            let expected = Origin {
                data_from_chunk: cut <= "event: tick\ndata: ".len(),
                event_type_from_chunk: cut <= "event: ".len(),
            };
            assert_origin(call, &[before, after], ("tick", "42"), expected);
        }
    }
}

#[test]
fn control_data_that_is_joined_is_copied_and_the_event_type_is_not() {
    for call in CALLS {
        // Small builds copy a type that is there already along with the data.
        let before = if cfg!(any(feature = "alloc", feature = "simd")) {
            TYPE_ALONE
        } else {
            COPIED
        };
        for (stream, data, origin) in [
            (&b"event: tick\ndata: 4\ndata: 2\n\n"[..], "4\n2", before),
            (b"data\nevent: tick\ndata: 2\n\n", "\n2", before),
            (b"data\ndata: 2\nevent: tick\n\n", "\n2", TYPE_ALONE),
        ] {
            assert_origin(call, &[stream], ("tick", data), origin);
        }
    }
}

#[test]
fn control_what_is_replaced_is_copied() {
    for call in [Call::Decode, Call::DecodeItem] {
        assert_origin(
            call,
            &[b"event: tick\ndata: 4\xFF2\n\n"],
            ("tick", "4\u{FFFD}2"),
            COPIED,
        );
    }
    let stream = b"data: 42\nevent: tick\xFF\n\n";
    assert_origin(Call::Decode, &[stream], ("tick\u{FFFD}", "42"), COPIED);
}

#[test]
fn control_the_default_type_is_nowhere_in_the_chunk() {
    for call in CALLS {
        assert_origin(
            call,
            &[b"data: message\n\n"],
            ("message", "message"),
            DATA_ALONE,
        );
        assert_origin(
            call,
            &[b"event: message\ndata: 42\n\n"],
            ("message", "42"),
            BORROWED,
        );
    }
}
