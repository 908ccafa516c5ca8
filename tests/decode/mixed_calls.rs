//! The calls of a decoder may be mixed at any byte. Each returns the next thing that it is for, and
//! consumes no more.

use crate::common::calls::Call;
use crate::common::oracle::{Rejection, Seen};
use crate::read::with_both_kinds_of_buffer;
use crate::read::{STREAMS, all, expected, next, state};
use sse_wire::{Buffer, EventDecoder};

/// Calls in this order, again and again.
fn patterns() -> impl Iterator<Item = [Call; 3]> {
    let calls = || Call::ALL.iter().copied();
    let pairs = calls().flat_map(move |first| calls().map(move |second| (first, second)));
    pairs.flat_map(move |(first, second)| calls().map(move |third| [first, second, third]))
}

fn check_mixed_calls<B: Buffer>(new: impl Fn() -> EventDecoder<B>) {
    for stream in STREAMS {
        let whole = expected(&new(), Call::DecodeItem, stream);
        assert_eq!(all(&mut new(), Call::DecodeItem, stream), whole.seen);
        for first in 0..=stream.len() {
            for second in first..=stream.len() {
                let chunks = [&stream[..first], &stream[first..second], &stream[second..]];
                let mut items = new();
                let items = chunks.map(|mut chunk| {
                    let items =
                        core::iter::from_fn(|| next(&mut items, Call::DecodeItem, &mut chunk));
                    items.collect::<Vec<_>>()
                });
                // Each pattern is tried at many of the cuts.
                for pattern in patterns().skip((first + second) % 8).step_by(8) {
                    let mut calls = pattern.into_iter().cycle();
                    let mut decoder = new();
                    for (mut chunk, items) in chunks.into_iter().zip(&items) {
                        // Of what `decode_item` returns for the same chunk, the next for the call.
                        let mut items = items.iter();
                        for call in &mut calls {
                            let is_for = |seen: &&Seen| call.returns_items() || seen.is_of_events();
                            let seen = next(&mut decoder, call, &mut chunk);
                            let place = (stream.escape_ascii(), first, second, pattern);
                            assert_eq!(seen.map(as_text).as_ref(), items.find(is_for), "{place:?}");
                            if chunk.is_empty() && items.len() == 0 {
                                break;
                            }
                        }
                    }
                    let end = (whole.last_event_id.clone(), whole.reconnection_time);
                    assert_eq!(state(&decoder), end);
                }
            }
        }
    }
}

/// Replaces invalid UTF-8, so that text and bytes compare.
fn as_text(mut seen: Seen) -> Seen {
    if let Seen::Event(event) = &mut seen {
        for bytes in [&mut event.event_type, &mut event.data] {
            *bytes = String::from_utf8_lossy(bytes).into_owned().into_bytes();
        }
    }
    seen
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
    for [first, second, _] in patterns() {
        for cut in 0..stream.len() {
            let mut decoder = EventDecoder::with_buffer([0; 16]);
            assert_eq!(all(&mut decoder, first, &stream[..cut]), []);
            let seen = all(&mut decoder, second, &stream[cut..]);
            if second == Call::DecodeRaw {
                assert!(matches!(&seen[..], [Seen::Event(event)] if event.data == stream[6..11]));
            } else {
                assert_eq!(seen, [Seen::Rejected(Rejection::Event)]);
            }
            assert_eq!(all(&mut decoder, second, b"data: next\n\n").len(), 1);
        }
    }
}
