//! An event that lies whole in one chunk, with one data line, is lent from that chunk: neither data nor event type is copied.

use sse_wire::{Buffer, Chunk, EventDecoder, Item};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Call {
    Decode,
    DecodeChunk,
    DecodeRaw,
    DecodeItem,
}

const CALLS: [Call; 4] = [
    Call::Decode,
    Call::DecodeChunk,
    Call::DecodeRaw,
    Call::DecodeItem,
];

/// Where the parts of an event are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Lent {
    data_from_chunk: bool,
    event_type_from_chunk: bool,
}

const BORROWED: Lent = Lent {
    data_from_chunk: true,
    event_type_from_chunk: true,
};

const DATA_ALONE: Lent = Lent {
    data_from_chunk: true,
    event_type_from_chunk: false,
};

const TYPE_ALONE: Lent = Lent {
    data_from_chunk: false,
    event_type_from_chunk: true,
};

const COPIED: Lent = Lent {
    data_from_chunk: false,
    event_type_from_chunk: false,
};

/// Whether `part` is a part of `chunk`: the same memory, not the same bytes.
fn lies_in(chunk: &[u8], part: &[u8]) -> bool {
    let (chunk, part) = (chunk.as_ptr_range(), part.as_ptr_range());
    chunk.start <= part.start && part.end <= chunk.end
}

/// Where the events in the last chunk are, given their types and data.
fn lent<B: Buffer>(
    mut decoder: EventDecoder<B>,
    call: Call,
    chunks: &[&[u8]],
    expected: &[(&str, &str)],
) -> Vec<Lent> {
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
        found.push(Lent {
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
        Call::DecodeChunk => {
            let mut chunk = Chunk::new(input);
            while let Some(event) = decoder.decode_chunk(&mut chunk).expect("it fits") {
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

/// Asserts where the event of a stream is, in memory that grows and in memory that is lent.
#[track_caller]
fn assert_lent(call: Call, chunks: &[&[u8]], (event_type, data): (&str, &str), expected: Lent) {
    let event = [(event_type, data)];
    let memory = EventDecoder::with_buffer([0; 256]);
    assert_eq!(
        lent(memory, call, chunks, &event),
        [expected],
        "{call:?}, lent memory"
    );
    #[cfg(feature = "alloc")]
    assert_eq!(
        lent(EventDecoder::new(), call, chunks, &event),
        [expected],
        "{call:?}"
    );
}

#[test]
fn whole_events_are_lent_from_the_chunk() {
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
                assert_lent(call, &[stream], ("tick", "42"), BORROWED);
                let with_mark = [b"\xEF\xBB\xBF", stream].concat();
                assert_lent(call, &[&with_mark], ("tick", "42"), BORROWED);
            }
        }
    }
}

#[test]
fn text_of_every_length_of_character_is_lent_from_the_chunk() {
    for call in CALLS {
        let stream = "event: été\ndata: 流😀\u{2028}\0\n\n";
        assert_lent(
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
        assert_lent(call, &[stream], ("tick", "42"), BORROWED);
    }
    // In wire order they come between the fields, which have to be kept meanwhile.
    assert_lent(Call::DecodeItem, &[stream], ("tick", "42"), COPIED);
    let stream = b"event: tick\n: b\ndata: 42\n\n";
    assert_lent(Call::DecodeItem, &[stream], ("tick", "42"), DATA_ALONE);
    let stream = b"data: 42\nretry: 1\nevent: tick\n\n";
    assert_lent(Call::DecodeItem, &[stream], ("tick", "42"), TYPE_ALONE);
}

#[test]
fn every_event_of_a_chunk_is_lent_from_it() {
    let stream = b"event: a\ndata: 1\n\nevent: b\ndata: 2\n\nid\n\nevent: c\ndata: 3\n\n";
    let events = [("a", "1"), ("b", "2"), ("c", "3")];
    for call in CALLS {
        let decoder = EventDecoder::with_buffer([0; 256]);
        assert_eq!(lent(decoder, call, &[stream], &events), [BORROWED; 3]);
    }
}

#[test]
fn a_cut_between_events_does_not_matter() {
    for call in CALLS {
        assert_lent(
            call,
            &[b"id: 7", b"\n", b"\nevent: tick\ndata: 42\n\n"],
            ("tick", "42"),
            BORROWED,
        );
        assert_lent(
            call,
            &[b"id: 7\n\r", b"\nevent: tick\ndata: 42\n\n"],
            ("tick", "42"),
            BORROWED,
        );
    }
}

#[test]
fn control_what_the_cut_came_behind_is_copied() {
    let stream: &[u8] = b"event: tick\ndata: 42\n\n";
    for call in CALLS {
        for cut in 0..stream.len() {
            let (before, after) = stream.split_at(cut);
            // A part whose first byte comes after the cut is in the last chunk still.
            let expected = Lent {
                data_from_chunk: cut <= "event: tick\ndata: ".len(),
                event_type_from_chunk: cut <= "event: ".len(),
            };
            assert_lent(call, &[before, after], ("tick", "42"), expected);
        }
    }
}

#[test]
fn control_what_is_joined_is_copied() {
    for call in CALLS {
        assert_lent(
            call,
            &[b"event: tick\ndata: 4\ndata: 2\n\n"],
            ("tick", "4\n2"),
            COPIED,
        );
        assert_lent(
            call,
            &[b"data\ndata: 2\nevent: tick\n\n"],
            ("tick", "\n2"),
            TYPE_ALONE,
        );
    }
}

#[test]
fn control_what_is_replaced_is_copied() {
    for call in [Call::Decode, Call::DecodeItem] {
        assert_lent(
            call,
            &[b"event: tick\ndata: 4\xFF2\n\n"],
            ("tick", "4\u{FFFD}2"),
            COPIED,
        );
    }
    let stream = b"data: 42\nevent: tick\xFF\n\n";
    assert_lent(Call::Decode, &[stream], ("tick\u{FFFD}", "42"), COPIED);
}

#[test]
fn control_the_default_type_is_nowhere_in_the_chunk() {
    for call in CALLS {
        assert_lent(
            call,
            &[b"data: message\n\n"],
            ("message", "message"),
            DATA_ALONE,
        );
        assert_lent(
            call,
            &[b"event: message\ndata: 42\n\n"],
            ("message", "42"),
            BORROWED,
        );
    }
}
