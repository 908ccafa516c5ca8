//! The calls of a decoder may be mixed at any byte. Each returns the next thing that it is for, and
//! consumes no more.

use crate::common::calls::Call;
use crate::common::oracle::{self, Rejection, Seen};
use crate::common::readers::memory_config;
use crate::read::{STREAMS, all, next, with_both_kinds_of_buffer};
use sse_wire::{Buffer, EventDecoder};

/// Calls in this order, again and again.
fn patterns() -> impl Iterator<Item = [Call; 3]> {
    let calls = || Call::ALL.iter().copied();
    let pairs = calls().flat_map(move |first| calls().map(move |second| (first, second)));
    pairs.flat_map(move |(first, second)| calls().map(move |third| [first, second, third]))
}

/// What mixed calls must return: of what `decode_item` returns for the same chunks, each call the
/// next thing that it is for.
fn expected(chunks: &[Vec<Seen>], pattern: [Call; 3]) -> Vec<Seen> {
    let mut calls = pattern.into_iter().cycle();
    let mut expected = Vec::new();
    for items in chunks {
        let mut items = items.iter();
        while let Some(seen) = items.find({
            let returns_items = calls.next().is_some_and(Call::returns_items);
            move |seen| returns_items || matches!(seen, Seen::Event(_) | Seen::Rejected(_))
        }) {
            expected.push(seen.clone());
        }
    }
    expected
}

fn check_mixed_calls<B: Buffer>(new: impl Fn() -> EventDecoder<B>) {
    for stream in STREAMS {
        let outcome = oracle::interpret(stream, &memory_config(64));
        assert_eq!(all(&mut new(), Call::DecodeItem, stream), outcome.seen);
        for first in 0..=stream.len() {
            for second in first..=stream.len() {
                let chunks = [&stream[..first], &stream[first..second], &stream[second..]];
                let mut decoder = new();
                let items = chunks.map(|chunk| all(&mut decoder, Call::DecodeItem, chunk));
                // Each pattern is tried at many of the cuts.
                for pattern in patterns().skip((first + second) % 8).step_by(8) {
                    let mut calls = pattern.into_iter().cycle();
                    let mut decoder = new();
                    let mut seen = Vec::new();
                    for mut chunk in chunks {
                        let mut next = || next(&mut decoder, calls.next()?, &mut chunk);
                        seen.extend(core::iter::from_fn(&mut next));
                    }
                    assert_eq!(
                        seen,
                        expected(&items, pattern),
                        "{} at {first} and {second}, {pattern:?}",
                        stream.escape_ascii()
                    );
                    assert_eq!(decoder.last_event_id(), outcome.last_event_id);
                    let time = decoder.reconnection_time().map(|time| time.as_millis());
                    assert_eq!(time, outcome.reconnection_time.map(u128::from));
                }
            }
        }
    }
}

#[test]
fn calls_may_be_mixed_at_any_byte() {
    with_both_kinds_of_buffer!(64, check_mixed_calls);
}

/// Another call, or another reader, may continue there.
#[test]
fn a_call_consumes_the_event_with_its_blank_line_and_no_more() {
    for end in ["\n\n", "\r\n\r\n", "\n\r\n", "\r\n\n", "\r\r\n", "\r\r"] {
        for (front, back) in [
            ("", "data: abcd"),
            ("", "event: e\ndata: abcd"),
            ("", "data: a\ndata: b"),
            ("data: ab", "cd"),
            ("event: e\nda", "ta: abcd"),
            ("data: a\ndata: b", ""),
        ] {
            let back = [back, end, "rest"].concat();
            for &call in Call::ALL {
                let mut decoder = EventDecoder::with_buffer([0; 64]);
                assert_eq!(all(&mut decoder, call, b"data: before\n\n").len(), 1);
                assert_eq!(all(&mut decoder, call, front.as_bytes()), []);
                let mut input = back.as_bytes();
                let seen = next(&mut decoder, call, &mut input);
                assert!(matches!(seen, Some(Seen::Event(_))), "{seen:?}");
                assert_eq!(input, b"rest", "{call:?} of {front:?} and {back:?}");
            }
        }
    }
}

#[test]
fn an_event_that_is_too_large_as_text_is_so_for_the_call_that_completes_it() {
    let stream = b"data: \xFF\xFF\xFF\xFF+\n\n";
    for (cut, [first, second, _]) in
        (0..stream.len()).flat_map(|cut| patterns().map(move |calls| (cut, calls)))
    {
        let (before, mut after) = stream.split_at(cut);
        let mut decoder = EventDecoder::with_buffer([0; 16]);
        assert_eq!(all(&mut decoder, first, before), []);
        if second == Call::DecodeRaw {
            let event = decoder.decode_raw(&mut after).expect("as bytes it fits");
            assert_eq!(event.map(|event| event.data()), Some(&stream[6..11]));
        } else {
            let rejected = Seen::Rejected(Rejection::Event);
            assert_eq!(all(&mut decoder, second, after), [rejected]);
            assert_eq!(all(&mut decoder, second, b"data: next\n\n").len(), 1);
        }
    }
}
