//! An event that lies whole in one chunk, with one data line, is borrowed from that chunk: neither
//! data nor event type is copied.

use crate::common::calls::Call;
use crate::table::{split, with_line_ends};
use sse_wire::{Buffer, EventDecoder, Item};

/// Whether `part` is a part of `chunk`: the same memory, not the same bytes.
fn lies_in(chunk: &[u8], part: &[u8]) -> bool {
    let (chunk, part) = (chunk.as_ptr_range(), part.as_ptr_range());
    chunk.start <= part.start && part.end <= chunk.end
}

/// The events of the last chunk, each with what it borrows from there.
fn events<B: Buffer>(mut decoder: EventDecoder<B>, call: Call, chunks: &[&[u8]]) -> String {
    let (last, before) = chunks.split_last().expect("there is a chunk");
    for &(mut chunk) in before {
        let seen = decoder.decode(&mut chunk);
        assert_eq!(seen, Ok(None), "all events are in the last chunk");
    }
    let mut input = *last;
    let mut shown = Vec::new();
    let mut show = |event_type: &[u8], data: &[u8]| {
        let borrowed = match (lies_in(last, event_type), lies_in(last, data)) {
            (true, true) => "both",
            (true, false) => "type",
            (false, true) => "data",
            (false, false) => "nothing",
        };
        let [event_type, data] = [event_type, data].map(String::from_utf8_lossy);
        shown.push(format!("{event_type}={data} {borrowed}"));
    };
    match call {
        Call::DecodeRaw => {
            while let Some(event) = decoder.decode_raw(&mut input).expect("it fits") {
                show(event.event_type(), event.data());
            }
        }
        Call::DecodeItem => {
            while let Some(item) = decoder.decode_item(&mut input).expect("it fits") {
                match item {
                    Item::Event(event) => {
                        show(event.event_type().as_bytes(), event.data().as_bytes())
                    }
                    Item::Comment { text, .. } => assert!(lies_in(last, text)),
                    _ => {}
                }
            }
        }
        _ => {
            while let Some(event) = decoder.decode(&mut input).expect("it fits") {
                show(event.event_type().as_bytes(), event.data().as_bytes());
            }
        }
    }
    shown.join(", ")
}

/// Checks rows of streams, where `|` is a line end and `/` a cut, with the events of the last chunk
/// and what they borrow.
#[track_caller]
fn check(calls: &[Call], line_end: &str, rows: &[&[u8]]) {
    for (row, &call) in rows
        .iter()
        .flat_map(|row| calls.iter().map(move |call| (row, call)))
    {
        let (stream, expected) = split(row);
        let stream = with_line_ends(stream, line_end);
        let chunks: Vec<_> = stream.split(|byte| *byte == b'/').collect();
        let expected = String::from_utf8_lossy(expected);
        let place = (call, stream.escape_ascii());
        let memory = EventDecoder::with_buffer([0; 256]);
        assert_eq!(events(memory, call, &chunks), expected, "{place:?}");
        #[cfg(feature = "alloc")]
        assert_eq!(
            events(EventDecoder::new(), call, &chunks),
            expected,
            "{place:?}"
        );
    }
}

const CALLS: &[Call] = Call::BORROWED;

#[test]
fn whole_events_are_borrowed_from_the_chunk() {
    for line_end in ["\n", "\r", "\r\n"] {
        let rows: &[&[u8]] = &[
            b"event: tick|data: 42|| => tick=42 both",
            b"\xEF\xBB\xBFevent: tick|data: 42|| => tick=42 both",
            b"data: 42|event: tick|| => tick=42 both",
            b"\xEF\xBB\xBFdata: 42|event: tick|| => tick=42 both",
            b"data:42|event:tick|| => tick=42 both",
            b"event: other|event|event: tick|data: 42|| => tick=42 both",
            b"data: 42|event: other|event: tick|| => tick=42 both",
            b"id: 7|event: tick|data: 42|| => tick=42 both",
            b"event: tick|id: 7|data: 42|| => tick=42 both",
            b"event: tick|data: 42|id: 7|id: 8|| => tick=42 both",
            b"|: before the block|retry: 1|event: tick|data: 42|| => tick=42 both",
            b"event: message|data: 42|| => message=42 both",
            // Characters of every length.
            b"event: \xC3\xA9|data: \xE6\xB5\x81\xF0\x9F\x98\x80\0|| => \xC3\xA9=\xE6\xB5\x81\xF0\x9F\x98\x80\0 both",
            b"event: a|data: 1||event: b|data: 2||id||event: c|data: 3|| => a=1 both, b=2 both, c=3 both",
            // A cut between events does not matter.
            b"id: 7/|/|event: tick|data: 42|| => tick=42 both",
            b"id: 7||/event: tick|data: 42|| => tick=42 both",
            // The default type is nowhere in the chunk.
            b"data: message|| => message=message data",
        ];
        check(CALLS, line_end, rows);
    }
    check(
        CALLS,
        "\n",
        &[b"id: 7|\r/|event: tick|data: 42|| => tick=42 both"],
    );
}

#[test]
fn comments_and_reconnection_times_within_the_event_are_skipped() {
    let lines = b": a|event: tick|: b|retry: 1|id: 7|:|data: 42|retry: 2|: c||";
    let row = |borrows: &[u8]| [lines, &b" => tick=42 "[..], borrows].concat();
    check(&[Call::Decode, Call::DecodeRaw], "\n", &[&row(b"both")]);
    // As items they come between the fields, which are buffered meanwhile.
    let rows: &[&[u8]] = &[
        &row(b"nothing"),
        b"event: tick|: b|data: 42|| => tick=42 data",
        b"data: 42|retry: 1|event: tick|| => tick=42 type",
    ];
    check(&[Call::DecodeItem], "\n", rows);
}

#[test]
fn control_what_began_before_the_chunk_is_copied() {
    let stream: &[u8] = b"event: tick|data: 42||";
    for cut in 0..stream.len() {
        // A part whose first byte comes after the cut is in the last chunk still.
        let borrows: &[u8] = match cut {
            0..=7 => b"both",
            8..=18 => b"data",
            _ => b"nothing",
        };
        let row = [
            &stream[..cut],
            b"/",
            &stream[cut..],
            b" => tick=42 ",
            borrows,
        ];
        check(CALLS, "\n", &[&row.concat()]);
    }
}

#[test]
fn control_data_that_is_joined_and_text_that_is_replaced_are_copied() {
    // Small builds copy a type that comes first along with the data.
    let is_small = cfg!(not(any(feature = "alloc", feature = "simd")));
    let first: &[&[u8]] = if is_small {
        &[
            b"event: tick|data: 4|data: 2|| => tick=4\n2 nothing",
            b"data|event: tick|data: 2|| => tick=\n2 nothing",
        ]
    } else {
        &[
            b"event: tick|data: 4|data: 2|| => tick=4\n2 type",
            b"data|event: tick|data: 2|| => tick=\n2 type",
        ]
    };
    check(CALLS, "\n", first);
    check(
        CALLS,
        "\n",
        &[b"data|data: 2|event: tick|| => tick=\n2 type"],
    );
    let replaced: &[&[u8]] = &[
        b"event: tick|data: 4\xFF2|| => tick=4\xEF\xBF\xBD2 nothing",
        b"data: 42|event: tick\xFF|| => tick\xEF\xBF\xBD=42 nothing",
    ];
    check(&[Call::Decode, Call::DecodeItem], "\n", replaced);
}
