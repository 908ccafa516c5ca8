//! A frame is whole blocks and nothing else: wherever it is sent between blocks, it means the same,
//! and so does what follows it.

use crate::block::{block, proptest_config, text};
use crate::common::oracle::{Config, interpret};
use bytes::Bytes;
use core::fmt::{self, Write};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use sse_wire::{Frame, InvalidFrame, Outgoing};

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// What streams are made of.
const FRAGMENTS: &[&[u8]] = &[
    b"\n", b"\r", b"\r\n", b":", b" ", b"data", b"data: x", b"event:t", b"id", b"id: 7", b"id: \0",
    b"retry:5", b"retry", b"unknown", b"d", b"\xBF", b"\xFF",
];

/// What is special at the start of a stream.
const MARKS: &[&[u8]] = &[BYTE_ORDER_MARK, b"\xEF\xBB"];

/// Calls `each` with every sequence of up to `longest` fragments.
fn every_sequence(longest: usize, bytes: &mut Vec<u8>, each: &mut impl FnMut(&[u8])) {
    each(bytes);
    if longest > 0 {
        for fragment in FRAGMENTS.iter().chain(MARKS) {
            let length = bytes.len();
            bytes.extend_from_slice(fragment);
            every_sequence(longest - 1, bytes, each);
            bytes.truncate(length);
        }
    }
}

fn sequence() -> impl Strategy<Value = Vec<u8>> {
    let fragment = prop_oneof![
        8 => select([FRAGMENTS, MARKS].concat()).prop_map(<[u8]>::to_vec),
        1 => vec(any::<u8>(), 0..4),
    ];
    vec(fragment, 0..16).prop_map(|fragments| fragments.concat())
}

fn parse(bytes: &[u8]) -> Result<Frame, InvalidFrame> {
    Frame::parse(Bytes::copy_from_slice(bytes))
}

/// Whether parts that are sent one after the other mean what each means alone, except for the last
/// event ID, which an earlier one may set.
fn none_changes_another(parts: &[&[u8]]) -> bool {
    let mut expected = interpret(b"", &Config::default());
    for part in parts {
        let config = Config {
            initial_last_event_id: expected.last_event_id,
            ..Config::default()
        };
        let alone = interpret(part, &config);
        expected.seen.extend(alone.seen);
        let (lines, first) = alone.ignored;
        expected.ignored.1 = expected.ignored.1.or(first);
        expected.ignored.0 += lines;
        expected.last_event_id = alone.last_event_id;
        expected.reconnection_time = alone.reconnection_time.or(expected.reconnection_time);
    }
    interpret(&parts.concat(), &Config::default()) == expected
}

/// Whether nothing is unfinished at the end of the bytes, and what follows arrives as if alone.
fn are_whole_blocks(bytes: &[u8]) -> bool {
    none_changes_another(&[bytes, b"data: next\n\n"])
        && interpret(bytes, &Config::default()).unfinished.is_none()
}

/// Asserts that whole blocks are accepted and nothing else is, and where the whole ones end.
fn assert_parsed(bytes: &[u8]) {
    let (input, shown) = (Bytes::copy_from_slice(bytes), bytes.escape_ascii());
    match Frame::parse(input.clone()) {
        Ok(frame) => {
            assert!(!bytes.starts_with(BYTE_ORDER_MARK), "{shown}");
            assert!(are_whole_blocks(bytes), "{shown}");
            let place = frame.as_bytes().as_ptr_range();
            assert_eq!(place, input.as_ptr_range(), "a copy of {shown}");
        }
        Err(InvalidFrame::ByteOrderMark) => {
            assert!(bytes.starts_with(BYTE_ORDER_MARK), "{shown}");
        }
        Err(InvalidFrame::Unfinished { whole }) => {
            assert!(!are_whole_blocks(bytes), "{shown}");
            assert!(parse(&bytes[..whole]).is_ok(), "{whole} bytes of {shown}");
            for length in whole + 1..=bytes.len() {
                let longer = parse(&bytes[..length]);
                assert!(longer.is_err(), "{length} bytes, not {whole}, of {shown}");
            }
        }
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn whole_blocks_are_accepted_and_nothing_else_is() {
    let mut accepted = 0;
    every_sequence(3, &mut Vec::new(), &mut |bytes| {
        assert_parsed(bytes);
        accepted += usize::from(parse(bytes).is_ok());
    });
    assert!(accepted > 500, "{accepted}");
}

proptest! {
    #![proptest_config(proptest_config())]

    #[test]
    fn whole_blocks_are_accepted_and_nothing_else_is_in_long_sequences(bytes in sequence()) {
        assert_parsed(&bytes);
        // The end of the line, unless it is the rest of one, and a blank line make any content
        // whole.
        if !bytes.starts_with(BYTE_ORDER_MARK) {
            prop_assert!(parse(&[&bytes[..], b"\n\n"].concat()).is_ok());
        }
    }
}

#[test]
fn an_invalid_frame_reports_the_reason() {
    let mark = parse(b"\xEF\xBB\xBFdata: 1\n\n").expect_err("it would be skipped");
    assert_eq!(mark.to_string(), "frame begins with a byte order mark");
    let unfinished = parse(b"data: 1\n\nid: 1\r\n").expect_err("there is no blank line");
    let message = "only the first 9 bytes are whole blocks";
    assert_eq!(unfinished.to_string(), message);
}

/// Asserts that it does not matter where the frames are sent: at the start of a stream, after its
/// byte order mark, or between blocks, whatever their line ends.
fn assert_none_changes_another(frames: &[Frame]) {
    for before in [
        &b""[..],
        BYTE_ORDER_MARK,
        b"data: before\n\n",
        b"id: 1\nretry: 7\ndata: before\r\r",
        b": before\r",
        b"unknown\r\n",
    ] {
        let frames = frames.iter().map(AsRef::as_ref);
        let parts: Vec<&[u8]> = [before].into_iter().chain(frames).collect();
        assert!(
            none_changes_another(&parts),
            "{:?}",
            parts.concat().escape_ascii().to_string()
        );
    }
}

#[test]
fn no_frame_changes_what_another_one_means() {
    let mut frames = Vec::new();
    every_sequence(1, &mut Vec::new(), &mut |bytes| {
        for end in [&b""[..], b"\n", b"\n\n", b"\r", b"\r\r", b"\r\n\r\n"] {
            frames.extend(parse(&[bytes, end].concat()));
        }
    });
    assert!(frames.len() > 60, "{}", frames.len());
    for first in &frames {
        for second in &frames {
            assert_none_changes_another(&[first.clone(), second.clone()]);
        }
    }
    // Frames may even divide a line end.
    let divided = [&b"data: 1\r\r"[..], b"\n\ndata: 2\n\n\r", b"\n"];
    assert_none_changes_another(&divided.map(|bytes| parse(bytes).expect("whole blocks")));
}

proptest! {
    #![proptest_config(proptest_config())]

    #[test]
    fn no_frame_changes_what_others_mean(sequences in vec(sequence(), 1..5)) {
        let whole = |bytes: &Vec<u8>| match parse(bytes) {
            Ok(frame) => frame,
            Err(InvalidFrame::Unfinished { whole }) => parse(&bytes[..whole]).expect("whole"),
            Err(_) => Frame::new(),
        };
        let frames: Vec<_> = sequences.iter().map(whole).collect();
        assert_none_changes_another(&frames);
        let together: Frame = frames.iter().collect();
        prop_assert!(Frame::parse(together.into_bytes()).is_ok());
    }

    #[test]
    fn every_block_is_a_frame(block in block(), writes in vec(text(), 0..4)) {
        let frame = Frame::from(block.outgoing());
        prop_assert_eq!(Frame::parse(frame.as_bytes().clone()), Ok(frame.clone()));
        let written = Frame::encode_with(block.outgoing(), |data| {
            writes.iter().try_for_each(|text| data.write_str(text))
        });
        let written = written.expect("the memory grows");
        prop_assert_eq!(Frame::parse(written.as_bytes().clone()), Ok(written.clone()));
        assert_none_changes_another(&[written, frame]);
    }
}

#[test]
fn a_block_is_encoded_into_memory_of_its_size() {
    let text = "x\n".repeat(123);
    for block in [
        Outgoing::message("1"),
        Outgoing::message(&text).comment("c"),
    ] {
        let bytes = Frame::from(block).into_bytes();
        assert_eq!(bytes.len(), block.encoded_len());
        let memory = Vec::from(bytes);
        assert_eq!(memory.capacity(), memory.len());
    }
}

#[test]
fn a_failing_closure_makes_no_frame() {
    let failed = Frame::encode_with(Outgoing::new(), |data| {
        data.write_str("half of it")?;
        Err(fmt::Error)
    });
    assert_eq!(failed, Err(fmt::Error));
}

#[test]
fn frames_share_their_memory_until_they_are_joined() {
    let frame = |data| Frame::from(Outgoing::message(data));
    let (one, two, three) = (frame("1"), frame("2"), frame("3"));
    assert_eq!(Frame::from_iter([] as [Frame; 0]), Frame::new());
    assert_eq!(Frame::from_iter([] as [&Frame; 0]), Frame::new());
    let expected = "data: 1\n\ndata: 2\n\ndata: 3\n\n";
    let borrowed: Frame = [&one, &two, &three].into_iter().collect();
    assert_eq!(borrowed.as_bytes(), expected);
    let owned: Frame = [one.clone(), two, three].into_iter().collect();
    assert_eq!(owned.as_bytes(), expected);
    assert_eq!(one.as_bytes(), "data: 1\n\n");

    let place = one.as_bytes().as_ptr();
    assert_eq!(one.clone().into_bytes().as_ptr(), place);
    assert_eq!(Frame::from_iter([one.clone()]).as_bytes().as_ptr(), place);
    assert_ne!(Frame::from_iter([&one]).as_bytes().as_ptr(), place);
}

#[test]
fn a_frame_is_its_bytes() {
    let bytes = Bytes::from_static(b"data: \xFF\r\n\r\n");
    let frame = Frame::parse(bytes.clone()).expect("whole blocks");
    assert_eq!(frame.as_ref(), &bytes[..]);
    assert_eq!((frame.len(), frame.is_empty()), (11, false));
    assert_eq!(Bytes::from(frame.clone()), bytes);
    assert_eq!(format!("{frame:?}"), r#"Frame(b"data: \xff\r\n\r\n")"#);
    assert_eq!(frame, Frame::from_bytes_unchecked(bytes));
    assert_ne!(frame, Frame::new());
    assert_eq!(Frame::default(), Frame::new());
    assert_eq!((Frame::new().len(), Frame::new().is_empty()), (0, true));
    let open = Frame::from_bytes_unchecked(Bytes::from("data: open"));
    assert_eq!(open.as_bytes(), "data: open");
}
