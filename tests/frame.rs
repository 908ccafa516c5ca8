//! A frame is whole blocks and nothing else: wherever it is sent between blocks, it says the same, and so does what comes after it.
#![cfg(feature = "bytes")]

use bytes::Bytes;
use core::fmt::{self, Write};
use core::time::Duration;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use sse_wire::{
    EventDecoder, EventType, Frame, InvalidFrame, LastEventId, Outgoing, OwnedEvent, OwnedItem,
};

/// What streams are made of, and what goes wrong in them.
const FRAGMENTS: &[&[u8]] = &[
    b"\n",
    b"\r",
    b"\r\n",
    b":",
    b" ",
    b"data",
    b"data: x",
    b"event: tick",
    b"id",
    b"id: 7",
    b"id: \0",
    b"retry: 5",
    b"retry",
    b"unknown",
    b"d",
    b"\xEF\xBB\xBF",
    b"\xEF\xBB",
    b"\xBF",
    b"\xFF",
];

/// Every sequence of up to so many fragments.
fn every_sequence(most: usize, mut each: impl FnMut(&[u8])) {
    fn extend(bytes: &mut Vec<u8>, left: usize, each: &mut impl FnMut(&[u8])) {
        each(bytes);
        if left > 0 {
            for fragment in FRAGMENTS {
                let length = bytes.len();
                bytes.extend_from_slice(fragment);
                extend(bytes, left - 1, each);
                bytes.truncate(length);
            }
        }
    }
    extend(&mut Vec::new(), most, &mut each);
}

fn sequence() -> impl Strategy<Value = Vec<u8>> {
    let fragment = prop_oneof![
        8 => select(FRAGMENTS).prop_map(<[u8]>::to_vec),
        1 => vec(any::<u8>(), 0..4),
    ];
    vec(fragment, 0..16).prop_map(|fragments| fragments.concat())
}

fn parse(bytes: &[u8]) -> Result<Frame, InvalidFrame> {
    Frame::parse(Bytes::copy_from_slice(bytes))
}

fn read(decoder: &mut EventDecoder, mut input: &[u8], items: &mut Vec<OwnedItem>) {
    while let Some(item) = decoder.decode_item(&mut input).expect("it fits") {
        items.push(item.into());
    }
}

/// What a decoder says of some bytes.
fn items_of(decoder: &mut EventDecoder, input: &[u8]) -> Vec<OwnedItem> {
    let mut items = Vec::new();
    read(decoder, input, &mut items);
    items
}

fn events_of(stream: &[u8]) -> Vec<OwnedEvent> {
    let (mut decoder, mut input) = (EventDecoder::new(), stream);
    let mut events = Vec::new();
    while let Some(event) = decoder.decode(&mut input).expect("it fits") {
        events.push(event.into_owned());
    }
    events
}

/// Whether these are whole blocks, as the other side sees it: at their end nothing is unfinished, and what comes next arrives
/// as if it came alone.
fn are_whole_blocks(bytes: &[u8]) -> bool {
    const NEXT: &[u8] = b"data: next\n\n";
    let mut decoder = EventDecoder::new();
    let mut expected = items_of(&mut decoder, bytes);
    if decoder.finish().is_some() {
        return false;
    }
    decoder.restart();
    read(&mut decoder, NEXT, &mut expected);
    items_of(&mut EventDecoder::new(), &[bytes, NEXT].concat()) == expected
}

/// Asserts that whole blocks are accepted as they are and nothing else is, and what is said of the rest.
fn assert_parsed(bytes: &[u8]) {
    let input = Bytes::copy_from_slice(bytes);
    match Frame::parse(input.clone()) {
        Ok(frame) => {
            assert!(!bytes.starts_with(b"\xEF\xBB\xBF") && are_whole_blocks(bytes));
            // Nothing was copied.
            assert_eq!(frame.as_bytes().as_ptr_range(), input.as_ptr_range());
        }
        Err(InvalidFrame::ByteOrderMark) => assert!(bytes.starts_with(b"\xEF\xBB\xBF")),
        Err(InvalidFrame::Unfinished { whole }) => {
            assert!(!are_whole_blocks(bytes));
            // The most bytes from the start that are whole blocks.
            assert!(parse(&bytes[..whole]).is_ok());
            for length in whole + 1..=bytes.len() {
                assert!(parse(&bytes[..length]).is_err(), "{whole} < {length}");
            }
        }
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn whole_blocks_are_accepted_and_nothing_else_is() {
    let mut accepted = 0;
    every_sequence(3, |bytes| {
        assert_parsed(bytes);
        accepted += usize::from(parse(bytes).is_ok());
    });
    assert!(accepted > 500, "{accepted}");
}

proptest! {
    #[test]
    fn whole_blocks_are_accepted_and_nothing_else_is_in_long_sequences(bytes in sequence()) {
        assert_parsed(&bytes);
    }

    #[test]
    fn what_is_unfinished_becomes_whole_with_a_blank_line(bytes in sequence()) {
        prop_assume!(!bytes.starts_with(b"\xEF\xBB\xBF"));
        // The end of the line, unless it is the rest of one, and the blank line: no content is rejected.
        prop_assert!(parse(&[&bytes[..], b"\n\n"].concat()).is_ok());
    }
}

#[test]
fn what_is_a_frame_and_what_is_not() {
    for accepted in [
        &b""[..],
        b"\n",
        b"\r",
        b"\r\n\r\n",
        b":\n",
        b": ping\n",
        b": ping\r",
        b"retry: 5\n",
        b"unknown: x\r\n",
        b"data: 1\n\n",
        b"data\r\r",
        b"data: 1\r\n\r\n",
        b"data: \xFF\n\n",
        b"event: tick\n\n",
        b"id: 1\n\n: ping\n",
        b"\n\xEF\xBB\xBFdata: 1\n",
        b"\xEF\xBB\n",
    ] {
        assert!(
            parse(accepted).is_ok(),
            "{:?}",
            accepted.escape_ascii().to_string()
        );
    }
    for (rejected, whole) in [
        (&b":"[..], 0),
        (b"\n: ping", 1),
        (b"retry: 5", 0),
        (b"d", 0),
        (b"data", 0),
        (b"data: 1", 0),
        (b"data: 1\n", 0),
        (b"data: 1\n: ping\n", 0),
        (b"data: 1\nretry: 5\n", 0),
        (b"event: tick\n", 0),
        (b"id: 1\n", 0),
        (b": ping\nid: 1\n", 7),
        (b"data: 1\n\nid: 1\r\n", 9),
        (b"data: 1\r\n\r\ndata: 2\r\n", 11),
        (b"data: 1\r\n\r\n: pi", 11),
        (b"\xEF\xBB", 0),
    ] {
        let expected = Err(InvalidFrame::Unfinished { whole });
        assert_eq!(
            parse(rejected),
            expected,
            "{:?}",
            rejected.escape_ascii().to_string()
        );
    }
    for rejected in [
        &b"\xEF\xBB\xBF"[..],
        b"\xEF\xBB\xBFdata: 1\n\n",
        b"\xEF\xBB\xBF\n",
    ] {
        assert_eq!(parse(rejected), Err(InvalidFrame::ByteOrderMark));
    }
}

/// Where a frame may be sent: at the start of a stream, behind its byte order mark, and between blocks, whatever their line ends.
const BEFORE: &[&[u8]] = &[
    b"",
    b"\xEF\xBB\xBF",
    b"data: before\n\n",
    b"id: 1\nretry: 7\ndata: before\r\r",
    b": before\r",
    b"unknown\r\n",
];

/// Asserts that frames that are sent one after the other say what each says alone, except for the last event ID, which an
/// earlier one may set.
fn assert_none_changes_another(frames: &[Frame]) {
    for before in BEFORE {
        let (mut alone, mut running) = (EventDecoder::new(), EventDecoder::new());
        let mut expected = items_of(&mut alone, before);
        let mut whole = before.to_vec();
        let mut items = items_of(&mut running, before);
        for frame in frames {
            alone.restart();
            read(&mut alone, frame.as_bytes(), &mut expected);
            read(&mut running, frame.as_bytes(), &mut items);
            whole.extend_from_slice(frame.as_bytes());
        }
        assert_eq!(items, expected, "{before:?} {frames:?}");
        assert!(running.finish().is_none());
        assert_eq!(running.last_event_id(), alone.last_event_id());
        assert_eq!(running.reconnection_time(), alone.reconnection_time());
        // In one piece as well.
        assert_eq!(items_of(&mut EventDecoder::new(), &whole), expected);
    }
}

#[test]
fn no_frame_changes_what_another_one_means() {
    let mut frames = Vec::new();
    every_sequence(1, |bytes| {
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
}

#[test]
fn a_line_end_may_be_divided_between_two_frames() {
    let first = parse(b"data: 1\r\r").expect("whole blocks");
    let second = parse(b"\n\ndata: 2\r\n\r").expect("whole blocks");
    let third = parse(b"\n").expect("whole blocks");
    let frames = [first, second, third];
    assert_none_changes_another(&frames);
    let both: Frame = frames.iter().collect();
    let data: Vec<_> = events_of(both.as_bytes())
        .into_iter()
        .map(OwnedEvent::into_data)
        .collect();
    assert_eq!(data, ["1", "2"]);
}

proptest! {
    #[test]
    fn no_frame_changes_what_others_mean(sequences in vec(sequence(), 1..5)) {
        // What is whole of each.
        let frames: Vec<_> = sequences
            .iter()
            .map(|bytes| match parse(bytes) {
                Ok(frame) => frame,
                Err(InvalidFrame::Unfinished { whole }) => parse(&bytes[..whole]).expect("whole"),
                Err(_) => Frame::new(),
            })
            .collect();
        assert_none_changes_another(&frames);
        // Together they are a frame as well.
        let together: Frame = frames.iter().collect();
        prop_assert!(Frame::parse(together.into_bytes()).is_ok());
    }
}

/// A text with what could break out of a line.
fn text() -> impl Strategy<Value = String> {
    let fragment = prop_oneof![
        3 => select(&["\r", "\n", "\r\n", "\n\n", ":", " ", "data: ", "\u{feff}", "\0", "x"][..])
            .prop_map(str::to_owned),
        1 => any::<String>(),
    ];
    vec(fragment, 0..8).prop_map(|fragments| fragments.concat())
}

/// A text of one line.
fn line(rejected: &'static [char]) -> impl Strategy<Value = String> {
    text().prop_map(move |text| text.replace(rejected, ""))
}

proptest! {
    #[test]
    fn every_block_is_a_frame(
        data in option::of(text()),
        event_type in option::of(line(&['\r', '\n'])),
        id in option::of(line(&['\r', '\n', '\0'])),
        retry in option::of(any::<Duration>()),
        comment in option::of(text()),
        writes in vec(text(), 0..4),
    ) {
        let event_type = event_type.as_deref().map(EventType::new).and_then(Result::ok);
        let mut block = match (event_type, &data) {
            (Some(event_type), data) => Outgoing::event(event_type, data.as_deref().unwrap_or("")),
            (None, Some(data)) => Outgoing::message(data),
            (None, None) => Outgoing::new(),
        };
        if let Some(id) = &id {
            block = block.id(LastEventId::new(id).expect("it is valid"));
        }
        if let Some(retry) = retry {
            block = block.retry(retry);
        }
        if let Some(comment) = &comment {
            block = block.comment(comment);
        }
        let mut encoded = Vec::new();
        block.encode(&mut encoded);
        let frame = Frame::from(&block);
        prop_assert_eq!(frame.as_bytes(), &encoded);
        prop_assert_eq!(&Frame::from(block), &frame);
        prop_assert_eq!(Frame::parse(frame.as_bytes().clone()), Ok(frame.clone()));

        let written = Frame::encode_with(block, |data| {
            writes.iter().try_for_each(|text| data.write_str(text))
        });
        let written = written.expect("nothing fails");
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
fn data_that_fails_makes_no_frame() {
    let failed = Frame::encode_with(Outgoing::new(), |data| {
        data.write_str("half of it")?;
        Err(fmt::Error)
    });
    assert_eq!(failed, Err(fmt::Error));
    let nothing = Frame::encode_with(Outgoing::new(), |_| Ok::<_, fmt::Error>(()));
    assert_eq!(
        nothing.map(Frame::into_bytes),
        Ok(Bytes::from("data: \n\n"))
    );
}

#[test]
fn frames_become_one() {
    let frame = |data| Frame::from(Outgoing::message(data));
    let (one, two, three) = (frame("1"), frame("2"), frame("3"));
    assert_eq!(Frame::from_iter([] as [Frame; 0]), Frame::new());
    assert_eq!(Frame::from_iter([] as [&Frame; 0]), Frame::new());
    let expected = "data: 1\n\ndata: 2\n\ndata: 3\n\n";
    let borrowed: Frame = [&one, &two, &three].into_iter().collect();
    assert_eq!(borrowed.as_bytes(), expected);
    let owned: Frame = [one.clone(), two, three].into_iter().collect();
    assert_eq!(owned.as_bytes(), expected);

    // One that is alone is not copied; one that is borrowed is copied.
    let place = one.as_bytes().as_ptr();
    assert_eq!(Frame::from_iter([one.clone()]).as_bytes().as_ptr(), place);
    assert_ne!(Frame::from_iter([&one]).as_bytes().as_ptr(), place);
}

#[test]
fn a_frame_that_others_have_is_as_it_was_when_it_becomes_a_part() {
    let frame = Frame::from(Outgoing::message("1"));
    let kept = frame.clone();
    let _whole: Frame = [frame, Frame::from(Outgoing::message("2"))]
        .into_iter()
        .collect();
    assert_eq!(kept.as_bytes(), "data: 1\n\n");
}

#[test]
fn subscribers_share_the_memory() {
    let frame = Frame::from(Outgoing::message("1"));
    let subscribers = vec![frame.clone(); 10];
    let place = frame.as_bytes().as_ptr();
    for subscriber in subscribers {
        assert_eq!(subscriber, frame);
        assert_eq!(subscriber.into_bytes().as_ptr(), place);
    }
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
    assert_eq!(format!("{:?}", Frame::new()), r#"Frame(b"")"#);
    // The caller is trusted.
    let open = Frame::from_bytes_unchecked(Bytes::from("data: open"));
    assert_eq!(open.as_bytes(), "data: open");
}

#[test]
fn an_invalid_frame_reports_the_reason() {
    assert_eq!(
        InvalidFrame::ByteOrderMark.to_string(),
        "frame begins with a byte order mark"
    );
    assert_eq!(
        InvalidFrame::Unfinished { whole: 9 }.to_string(),
        "only the first 9 bytes are whole blocks"
    );
}
