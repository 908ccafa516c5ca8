//! The calls of a decoder may be mixed at any byte, a decoder may be cloned, ended, restarted and seeded at any byte, and each
//! of it means what it says whatever the decoder was in the middle of.

mod common;

use common::calls::Call;
use common::oracle::{self, Config, Dispatched, Recovered, Seen};
use core::slice;
use core::time::Duration;
#[cfg(feature = "alloc")]
use sse_wire::OwnedItem;
use sse_wire::{Buffer, CutLine, DecodeError, Event, EventDecoder, Item, LastEventId};

use Call::{Decode, DecodeItem, DecodeRaw};
#[cfg(feature = "alloc")]
use Call::{DecodeOwned, DecodeOwnedItem};

impl Call {
    fn that_return(items: bool) -> impl Iterator<Item = Self> {
        let calls = Self::ALL.iter().copied();
        calls.filter(move |call| call.returns_items() == items)
    }
}

/// What one call gives. What is not text has been replaced, so that text and bytes compare.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Given {
    Event(Dispatched),
    Comment { text: Vec<u8>, end: bool },
    Retry(Duration),
    Rejected,
}

fn dispatched(event_type: &[u8], data: &[u8], last_event_id: &str, id: Option<&str>) -> Given {
    let replaced = |bytes| String::from_utf8_lossy(bytes).into_owned().into_bytes();
    Given::Event(Dispatched {
        event_type: replaced(event_type),
        data: replaced(data),
        last_event_id: last_event_id.to_owned(),
        id: id.map(str::to_owned),
    })
}

fn text(event: &Event<'_>) -> Given {
    dispatched(
        event.event_type().as_bytes(),
        event.data().as_bytes(),
        event.last_event_id(),
        event.id(),
    )
}

fn once<B: Buffer>(decoder: &mut EventDecoder<B>, call: Call, input: &mut &[u8]) -> Option<Given> {
    let given = match call {
        Decode => decoder.decode(input).map(|event| event.as_ref().map(text)),
        DecodeRaw => decoder.decode_raw(input).map(|event| {
            let event = event?;
            Some(dispatched(
                event.event_type(),
                event.data(),
                event.last_event_id(),
                event.id(),
            ))
        }),
        DecodeItem => decoder.decode_item(input).map(|item| {
            Some(match item? {
                Item::Event(event) => text(&event),
                Item::Comment { text, end } => Given::Comment {
                    text: text.to_vec(),
                    end,
                },
                Item::Retry(time) => Given::Retry(time),
            })
        }),
        #[cfg(feature = "alloc")]
        DecodeOwned => decoder
            .decode_owned(input)
            .map(|event| event.map(|event| text(&event.as_event()))),
        #[cfg(feature = "alloc")]
        DecodeOwnedItem => decoder.decode_owned_item(input).map(|item| {
            Some(match item? {
                OwnedItem::Event(event) => text(&event.as_event()),
                OwnedItem::Comment { text, end } => Given::Comment { text, end },
                OwnedItem::Retry(time) => Given::Retry(time),
            })
        }),
    };
    given.unwrap_or(Some(Given::Rejected))
}

fn all<B: Buffer>(decoder: &mut EventDecoder<B>, call: Call, mut input: &[u8]) -> Vec<Given> {
    let given = core::iter::from_fn(|| once(decoder, call, &mut input)).collect();
    assert!(input.is_empty());
    given
}

/// What the oracle says that is seen of a whole stream.
fn said(stream: &[u8], config: &Config) -> Vec<Given> {
    let seen = oracle::interpret(stream, config).seen.into_iter();
    seen.map(|seen| match seen {
        Seen::Event(event) => Given::Event(event),
        Seen::Comment { text, end } => Given::Comment { text, end },
        Seen::Retry(milliseconds) => Given::Retry(Duration::from_millis(milliseconds)),
        Seen::Refused(_) => Given::Rejected,
    })
    .collect()
}

fn is_for_every_call(given: &Given) -> bool {
    matches!(given, Given::Event(_) | Given::Rejected)
}

/// Every kind of line, to be cut anywhere. The limits are those of a buffer of 64 bytes.
const STREAMS: &[&[u8]] = &[
    b"data: a\n: com ment\ndata: b\n:\n\n: last",
    b"\xEF\xBB\xBFid: 12\nevent: tick\nretry: 30\ndata: x\n\ndata: y\n\n",
    b"event: e\r\n: c\r\nid: 7\r\nid: 8\0\r\ndata\r\n\r\nid\rdata:\r\r",
    b"retry: 1\nretry: x\nretry: 22\n: c\n\nretry: 3\ndata: z\n\n",
    b"data: \xF0\x9F\x98\nevent: \xFF\n:\xFF\nid: \xE2\x82\n\ndata: \xC3\n\n",
    b": a\n: b\nda: x\nevents: x\n: c\ni\nevent\ndata: x\n\n",
    b"id: 123456789012345678\n: c\ndata: x\n\nretry: 1\ndata: y\n\n",
];

const MEMORY: usize = 64;

fn config() -> Config {
    Config {
        event_limit: MEMORY - MEMORY / 4,
        last_event_id_limit: MEMORY / 4,
        ..Config::default()
    }
}

/// Runs a check with a fixed buffer and with one that grows, under the same limits.
macro_rules! with_both_kinds_of_buffer {
    ($check:ident) => {
        $check(|| EventDecoder::with_buffer([0xA5; MEMORY]));
        #[cfg(feature = "alloc")]
        $check(|| {
            let limits = sse_wire::Limits::new()
                .with_event(MEMORY - MEMORY / 4)
                .with_last_event_id(MEMORY / 4);
            EventDecoder::with_limits(limits)
        });
    };
}

/// Calls in this order, again and again.
fn patterns() -> impl Iterator<Item = [Call; 3]> {
    let pairs = Call::ALL
        .iter()
        .flat_map(|&first| Call::ALL.iter().map(move |&second| (first, second)));
    pairs.flat_map(|(first, second)| Call::ALL.iter().map(move |&third| [first, second, third]))
}

/// What mixed calls must give: of what `decode_item` would give for the same chunks, each call the next that it is for.
fn expected(chunks: &[Vec<Given>], pattern: [Call; 3]) -> Vec<Given> {
    let mut calls = pattern.into_iter().cycle();
    let mut expected = Vec::new();
    for items in chunks {
        let mut items = items.iter();
        loop {
            let call = calls.next().expect("they go on for ever");
            let next = if call.returns_items() {
                items.next()
            } else {
                items.find(|given| is_for_every_call(given))
            };
            match next {
                Some(given) => expected.push(given.clone()),
                None => break,
            }
        }
    }
    expected
}

fn check_mixed_calls<B: Buffer>(new: impl Fn() -> EventDecoder<B>) {
    for stream in STREAMS {
        assert_eq!(all(&mut new(), DecodeItem, stream), said(stream, &config()));
        for first in 0..=stream.len() {
            for second in first..=stream.len() {
                let chunks = [&stream[..first], &stream[first..second], &stream[second..]];
                let mut decoder = new();
                let items = chunks.map(|chunk| all(&mut decoder, DecodeItem, chunk));
                for pattern in patterns() {
                    let mut calls = pattern.into_iter().cycle();
                    let mut next_call = || calls.next().expect("they go on for ever");
                    let mut decoder = new();
                    let mut given = Vec::new();
                    for mut chunk in chunks {
                        while let Some(next) = once(&mut decoder, next_call(), &mut chunk) {
                            given.push(next);
                        }
                    }
                    assert_eq!(
                        given,
                        expected(&items, pattern),
                        "{} at {first} and {second}, {pattern:?}",
                        stream.escape_ascii()
                    );
                }
            }
        }
    }
}

#[test]
fn calls_may_be_mixed_at_any_byte() {
    with_both_kinds_of_buffer!(check_mixed_calls);
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
                let given = once(&mut decoder, call, &mut input);
                assert!(matches!(given, Some(Given::Event(_))), "{given:?}");
                assert_eq!(input, b"rest", "{call:?} of {front:?} and {back:?}");
            }
        }
    }
}

#[test]
fn a_comment_that_is_cut_within_an_event_is_seen_by_the_calls_that_ask_for_comments() {
    let before: &[u8] = b"event: e\ndata: a\n: com";
    let after: &[u8] = b"ment\ndata: b\n\n";
    let event = dispatched(b"e", b"a\nb", "", None);
    let part = |text: &[u8], end| Given::Comment {
        text: text.to_vec(),
        end,
    };
    let (begin, end) = (part(b" com", false), part(b"ment", true));
    let pairs = Call::that_return(false)
        .flat_map(|call| Call::that_return(true).map(move |items| (call, items)));
    for (call, items) in pairs {
        let mut decoder = EventDecoder::with_buffer([0; 64]);
        assert_eq!(all(&mut decoder, call, before), []);
        assert_eq!(
            all(&mut decoder, items, after),
            [end.clone(), event.clone()]
        );

        let mut decoder = EventDecoder::with_buffer([0; 64]);
        assert_eq!(all(&mut decoder, items, before), slice::from_ref(&begin));
        assert_eq!(all(&mut decoder, call, after), slice::from_ref(&event));

        // Mixed within one input, too.
        let mut decoder = EventDecoder::with_buffer([0; 64]);
        let mut input = b": c\nevent: e\ndata: a\n: d\ndata: b\n: e\n\n".as_slice();
        assert_eq!(
            once(&mut decoder, items, &mut input),
            Some(part(b" c", true))
        );
        assert_eq!(
            once(&mut decoder, items, &mut input),
            Some(part(b" d", true))
        );
        assert_eq!(once(&mut decoder, call, &mut input), Some(event.clone()));
        assert_eq!(once(&mut decoder, items, &mut input), None);
    }
}

#[test]
fn a_line_that_is_cut_is_the_same_line_for_another_call() {
    for (before, after, given) in [
        (
            "id: 1",
            "2\ndata: x\n\n",
            dispatched(b"message", b"x", "12", Some("12")),
        ),
        (
            "event: ti",
            "ck\ndata: x\n\n",
            dispatched(b"tick", b"x", "", None),
        ),
        (
            "ev",
            "ent: tick\ndata: x\n\n",
            dispatched(b"tick", b"x", "", None),
        ),
        (
            "data: a\ndata: b",
            "c\n\n",
            dispatched(b"message", b"a\nbc", "", None),
        ),
        (
            "data: a\r",
            "\n\r\n",
            dispatched(b"message", b"a", "", None),
        ),
        ("data:", " a\n\n", dispatched(b"message", b"a", "", None)),
        ("data: ", " a\n\n", dispatched(b"message", b" a", "", None)),
    ] {
        for &first in Call::ALL {
            for &second in Call::ALL {
                let mut decoder = EventDecoder::with_buffer([0; 64]);
                assert_eq!(all(&mut decoder, first, before.as_bytes()), []);
                assert_eq!(
                    all(&mut decoder, second, after.as_bytes()),
                    slice::from_ref(&given)
                );
            }
        }
    }
    // A reconnection time counts for every call, and is an item for the call in which its line ends.
    for [first, second, _] in patterns() {
        let mut decoder = EventDecoder::with_buffer([0; 64]);
        assert_eq!(all(&mut decoder, first, b"retry: 1"), []);
        let items = all(&mut decoder, second, b"5\n");
        let time = Duration::from_millis(15);
        assert_eq!(
            items,
            if second.returns_items() {
                vec![Given::Retry(time)]
            } else {
                vec![]
            }
        );
        assert_eq!(decoder.reconnection_time(), Some(time));
    }
}

#[test]
fn what_is_too_large_as_text_is_so_for_the_call_that_meets_it() {
    let stream = b"data: \xFF\xFF\xFF\xFF+\n\n";
    let too_large = Err(DecodeError::EventTooLarge { limit: 12 });
    for cut in 0..stream.len() {
        let (before, after) = stream.split_at(cut);
        for &call in Call::ALL.iter().filter(|call| **call != DecodeRaw) {
            let mut decoder = EventDecoder::with_buffer([0; 16]);
            assert_eq!(all(&mut decoder, call, before), []);
            let event = decoder.decode_raw(&mut &*after).expect("as bytes it fits");
            assert_eq!(event.map(|event| event.data()), Some(&stream[6..11]));

            let mut decoder = EventDecoder::with_buffer([0; 16]);
            assert_eq!(all(&mut decoder, DecodeRaw, before), []);
            assert_eq!(decoder.decode(&mut &*after), too_large);
            assert_eq!(all(&mut decoder, call, b"data: next\n\n").len(), 1);

            let mut decoder = EventDecoder::with_buffer([0; 16]);
            assert_eq!(all(&mut decoder, DecodeRaw, before), []);
            assert_eq!(all(&mut decoder, call, after), [Given::Rejected]);
        }
    }
}

fn check_clones<B: Buffer + Clone>(new: impl Fn() -> EventDecoder<B>) {
    for stream in STREAMS {
        for cut in 0..=stream.len() {
            let (before, after) = stream.split_at(cut);
            let mut decoder = new();
            all(&mut decoder, DecodeItem, before);
            let mut abandoned = decoder.clone();
            let mut dripped = decoder.clone();
            all(
                &mut abandoned,
                Decode,
                b"event: other\nid: other\ndata: other\n\ndata: other",
            );
            let rest: Vec<Given> = all(&mut decoder, Decode, after);
            let bytes = after
                .chunks(1)
                .flat_map(|byte| all(&mut dripped, Decode, byte));
            assert_eq!(bytes.collect::<Vec<_>>(), rest);
            assert_eq!(dripped.last_event_id(), decoder.last_event_id());
            assert_eq!(dripped.reconnection_time(), decoder.reconnection_time());
            assert_eq!(dripped.finish().is_some(), decoder.finish().is_some());
        }
    }
}

#[test]
fn a_clone_goes_on_as_the_original() {
    with_both_kinds_of_buffer!(check_clones);
}

fn check_clones_after_an_event<B: Buffer + Clone>(new: impl Fn() -> EventDecoder<B>) {
    for stream in STREAMS {
        let mut decoder = new();
        let mut input = *stream;
        // What was returned last is still in the decoder when it is cloned.
        while once(&mut decoder, DecodeItem, &mut input).is_some() {
            let mut clone = decoder.clone();
            assert_eq!(clone.last_event_id(), decoder.last_event_id());
            let rest = all(&mut clone, DecodeItem, input);
            assert_eq!(rest, all(&mut decoder.clone(), DecodeItem, input));
            assert_eq!(
                clone.last_event_id(),
                oracle::interpret(stream, &config()).last_event_id
            );
        }
        assert_eq!(input, b"");
    }
}

#[test]
fn a_clone_after_an_event_goes_on_as_the_original() {
    with_both_kinds_of_buffer!(check_clones_after_an_event);
}

/// A stream in which everything can be seen that a stream before might have left behind.
const NEXT_STREAM: &[u8] =
    b"\xEF\xBB\xBFdata: a\n: c\n\nretry: 9\nid: 4\nevent: e\ndata: b\n\n\nda";

/// Asserts that a decoder is as new, but for what lives longer than a connection.
fn assert_restarted<B: Buffer>(
    mut decoder: EventDecoder<B>,
    last_event_id: &str,
    reconnection_time: Option<u64>,
    seen_before: &[u8],
) {
    assert_eq!(decoder.last_event_id(), last_event_id);
    assert_eq!(
        decoder.reconnection_time(),
        reconnection_time.map(Duration::from_millis)
    );
    let config = Config {
        initial_last_event_id: last_event_id.to_owned(),
        ..config()
    };
    let given = all(&mut decoder, DecodeItem, NEXT_STREAM);
    assert_eq!(
        given,
        said(NEXT_STREAM, &config),
        "after {}",
        seen_before.escape_ascii()
    );
    assert_eq!(decoder.last_event_id(), "4");
    assert!(decoder.finish().is_some());
}

fn check_restart<B: Buffer>(new: impl Fn() -> EventDecoder<B>) {
    for stream in STREAMS {
        for cut in 0..=stream.len() {
            let before = &stream[..cut];
            let outcome = oracle::interpret(before, &config());
            let (id, time) = (&outcome.last_event_id, outcome.reconnection_time);

            for size in [1, before.len().max(1)] {
                let mut decoder = new();
                before
                    .chunks(size)
                    .for_each(|chunk| drop(all(&mut decoder, DecodeItem, chunk)));
                decoder.restart();
                assert_restarted(decoder, id, time, before);
            }

            // Right after what was found last, while it is still in the decoder.
            let mut decoder = new();
            let mut input = before;
            while !input.is_empty() && once(&mut decoder, DecodeItem, &mut input).is_some() {}
            decoder.restart();
            decoder.restart();
            assert_restarted(decoder, id, time, before);

            let mut decoder = new();
            all(&mut decoder, DecodeItem, before);
            assert_eq!(decoder.finish().is_some(), outcome.unfinished.is_some());
            assert_restarted(decoder, id, time, before);
        }
    }
}

#[test]
fn a_restart_in_any_state_begins_anew() {
    with_both_kinds_of_buffer!(check_restart);
}

fn check_recovery<B: Buffer>(new: impl Fn() -> EventDecoder<B>) {
    let mut recovered_events = 0;
    for stream in STREAMS {
        for cut in 0..=stream.len() {
            let before = &stream[..cut];
            for (cut_line, call) in [
                (CutLine::Keep, Decode),
                (CutLine::Discard, Decode),
                (CutLine::Keep, DecodeRaw),
                (CutLine::Discard, DecodeRaw),
            ] {
                let unfinished = oracle::interpret(before, &config()).unfinished;
                let mut decoder = new();
                all(&mut decoder, DecodeItem, before);
                let Some(incomplete) = decoder.finish() else {
                    assert_eq!(unfinished, None);
                    continue;
                };
                let unfinished = unfinished.expect("as the decoder says");
                assert_eq!(incomplete.is_inside_line(), unfinished.inside_line);
                let expected: Recovered = match cut_line {
                    CutLine::Keep => unfinished.keep,
                    CutLine::Discard => unfinished.discard,
                };
                let recovered = if call == Decode {
                    incomplete
                        .recover(cut_line)
                        .map(|event| event.as_ref().map(text))
                } else {
                    incomplete.recover_raw(cut_line).map(|event| {
                        let event = event?;
                        let (event_type, data) = (event.event_type(), event.data());
                        Some(dispatched(
                            event_type,
                            data,
                            event.last_event_id(),
                            event.id(),
                        ))
                    })
                };
                assert_eq!(
                    recovered.map_err(drop),
                    expected
                        .result
                        .map(|event| event.map(Given::Event))
                        .map_err(drop),
                    "{} {cut_line:?}",
                    before.escape_ascii()
                );
                recovered_events += 1;
                assert_restarted(
                    decoder,
                    &expected.last_event_id,
                    expected.reconnection_time,
                    before,
                );
            }
        }
    }
    assert!(recovered_events > 500);
}

#[test]
fn a_decoder_that_was_ended_in_any_state_begins_anew() {
    with_both_kinds_of_buffer!(check_recovery);
}

#[test]
fn what_the_end_cut_off_is_recovered_with_the_cut_line_or_without() {
    // Each row: the stream, whether it ends inside a line, the data with the cut line kept, and with it discarded.
    for (stream, inside_line, keep, discard) in [
        // Between two lines.
        ("data: a\n", false, Some("a"), Some("a")),
        ("data: a\r", false, Some("a"), Some("a")),
        ("data: a\r\n", false, Some("a"), Some("a")),
        ("data: a\ndata: b\n", false, Some("a\nb"), Some("a\nb")),
        ("event: e\n", false, None, None),
        ("id: 1\n", false, None, None),
        ("data: a\n: c\n", false, Some("a"), Some("a")),
        // Inside a field name.
        ("d", true, None, None),
        ("data: a\nda", true, Some("a"), Some("a")),
        ("data: a\ndata", true, Some("a\n"), Some("a")),
        ("data", true, Some(""), None),
        ("data: a\nevents", true, Some("a"), Some("a")),
        // Behind the colon, and behind the space.
        ("data:", true, Some(""), None),
        ("data: ", true, Some(""), None),
        ("data: a\ndata:", true, Some("a\n"), Some("a")),
        ("data: a\ndata: ", true, Some("a\n"), Some("a")),
        ("data: a\ndata:  ", true, Some("a\n "), Some("a")),
        // In the value.
        ("data: [DONE]", true, Some("[DONE]"), None),
        ("data: a\ndata: [DO", true, Some("a\n[DO"), Some("a")),
        ("data: a\nevent: e", true, Some("a"), Some("a")),
        // In what is no field.
        ("data: a\n:", true, Some("a"), Some("a")),
        ("data: a\n: comment", true, Some("a"), Some("a")),
        ("data: a\nretry: 5", true, Some("a"), Some("a")),
        ("data: a\nunknown: x", true, Some("a"), Some("a")),
        // Behind an event that is complete.
        ("data: a\n\ndata: b", true, Some("b"), None),
        ("data: a\n\nd", true, None, None),
    ] {
        for size in [1, stream.len()] {
            for (cut_line, expected) in [(CutLine::Keep, keep), (CutLine::Discard, discard)] {
                let mut decoder = EventDecoder::with_buffer([0; 64]);
                stream
                    .as_bytes()
                    .chunks(size)
                    .for_each(|chunk| drop(all(&mut decoder, Decode, chunk)));
                let incomplete = decoder.finish().expect(stream);
                assert_eq!(incomplete.is_inside_line(), inside_line, "{stream:?}");
                let event = incomplete.recover(cut_line).expect("it fits");
                assert_eq!(
                    event.map(|event| event.data()),
                    expected,
                    "{stream:?} {cut_line:?}"
                );
            }
        }
    }
    // Between events there is nothing to recover, also inside a line that is of none.
    for stream in [
        &b""[..],
        b"\n",
        b"\xEF",
        b"\xEF\xBB",
        b"\xEF\xBB\xBF",
        b"data: a\n\n",
        b"data: a\r\r",
        b": c\n",
        b": comment",
        b"retry: 5\n",
        b"retry: 5",
        b"ret",
        b"x\n",
        b"unknown",
        b"datas",
    ] {
        let mut decoder = EventDecoder::with_buffer([0; 64]);
        all(&mut decoder, Decode, stream);
        let time = decoder.reconnection_time();
        assert!(decoder.finish().is_none(), "{}", stream.escape_ascii());
        assert_eq!(decoder.reconnection_time(), time);
        // The line is gone, and the next stream may begin with a byte order mark.
        let next = all(&mut decoder, Decode, b"\xEF\xBB\xBFdata: x\n\n");
        assert_eq!(next.len(), 1, "after {}", stream.escape_ascii());
    }
}

#[test]
fn a_cut_field_takes_effect_if_it_is_kept() {
    let recover = |stream: &[u8], cut_line| {
        let mut decoder = EventDecoder::with_buffer([0; 64]);
        assert_eq!(all(&mut decoder, Decode, stream), []);
        let incomplete = decoder.finish().expect("it is cut off");
        let event = incomplete.recover(cut_line).expect("it fits");
        let event =
            event.map(|event| (event.event_type().to_owned(), event.id().map(str::to_owned)));
        (
            event,
            decoder.last_event_id().to_owned(),
            decoder.reconnection_time(),
        )
    };
    let event =
        |event_type: &str, id: Option<&str>| Some((event_type.to_owned(), id.map(str::to_owned)));
    let (keep, discard) = (CutLine::Keep, CutLine::Discard);

    assert_eq!(
        recover(b"data: a\nid: 12", keep),
        (event("message", Some("12")), "12".to_owned(), None)
    );
    assert_eq!(
        recover(b"data: a\nid: 12", discard),
        (event("message", None), String::new(), None)
    );
    assert_eq!(
        recover(b"data: a\nid: 1\nid: 2\0", keep),
        (event("message", Some("1")), "1".to_owned(), None)
    );
    assert_eq!(
        recover(b"data: a\nid: 1\nid", keep),
        (event("message", Some("")), String::new(), None)
    );
    assert_eq!(recover(b"id: 12", keep), (None, "12".to_owned(), None));
    assert_eq!(recover(b"id: 12", discard), (None, String::new(), None));

    assert_eq!(
        recover(b"data: a\nevent: e", keep),
        (event("e", None), String::new(), None)
    );
    assert_eq!(
        recover(b"data: a\nevent: e", discard),
        (event("message", None), String::new(), None)
    );
    assert_eq!(
        recover(b"data: a\nevent: e\nevent", keep),
        (event("message", None), String::new(), None)
    );

    let time = Some(Duration::from_millis(15));
    assert_eq!(
        recover(b"data: a\nretry: 15", keep),
        (event("message", None), String::new(), time)
    );
    assert_eq!(
        recover(b"data: a\nretry: 15", discard),
        (event("message", None), String::new(), None)
    );
    assert_eq!(
        recover(b"data: a\nretry: 15x", keep),
        (event("message", None), String::new(), None)
    );
    assert_eq!(
        recover(b"data: a\nretry: ", keep),
        (event("message", None), String::new(), None)
    );
}

#[test]
fn a_last_event_id_can_be_set_at_any_byte() {
    let stream = b"id: 1\ndata: a\n\nevent: e\nid: 22\ndata: b\n\nid: 3\ndata: c\n\ndata: d\n\n";
    let three_events = stream.len() - b"data: d\n\n".len();
    for (cut, &call) in
        (0..=stream.len()).flat_map(|cut| Call::ALL.iter().map(move |call| (cut, call)))
    {
        let (before, after) = stream.split_at(cut);
        let mut decoder = EventDecoder::with_buffer([0; 64]);
        let mut events = all(&mut decoder, call, before);
        let set = LastEventId::from_static("a longer one");
        assert_eq!(decoder.set_last_event_id(set), Ok(()));
        assert_eq!(decoder.last_event_id(), "a longer one");
        events.extend(all(&mut decoder, call, after));
        // The ids of the blocks are their own: what is set in their midst does not become theirs.
        assert_eq!(
            events[..3],
            [
                dispatched(b"message", b"a", "1", Some("1")),
                dispatched(b"e", b"b", "22", Some("22")),
                dispatched(b"message", b"c", "3", Some("3")),
            ],
            "{cut}"
        );
        let between_the_last_two = three_events <= cut && cut < stream.len();
        let last = if between_the_last_two {
            "a longer one"
        } else {
            "3"
        };
        assert_eq!(events[3], dispatched(b"message", b"d", last, None), "{cut}");
    }
}

#[test]
fn a_last_event_id_that_is_set_is_inherited() {
    let seed = LastEventId::from_static("seed");
    let inherited = dispatched(b"message", b"x", "seed", None);
    for &call in Call::ALL {
        check_seed(call, seed, &inherited);
    }
}

fn check_seed(call: Call, seed: LastEventId<'_>, inherited: &Given) {
    let mut decoder = EventDecoder::with_buffer([0; 64]);
    assert_eq!(decoder.set_last_event_id(seed), Ok(()));
    assert_eq!(
        all(&mut decoder, call, b"data: x\n\n"),
        slice::from_ref(inherited)
    );

    // After an event was borrowed, whose ID it replaces.
    let mut decoder = EventDecoder::with_buffer([0; 64]);
    let mut input = b"id: long enough\ndata: x\n\ndata: x\n\n".as_slice();
    assert!(once(&mut decoder, DecodeRaw, &mut input).is_some());
    assert_eq!(decoder.last_event_id(), "long enough");
    assert_eq!(decoder.set_last_event_id(seed), Ok(()));
    assert_eq!(decoder.last_event_id(), "seed");
    assert_eq!(all(&mut decoder, call, input), slice::from_ref(inherited));

    // After the end of a stream, discarded or recovered.
    for cut_line in [None, Some(CutLine::Keep), Some(CutLine::Discard)] {
        let mut decoder = EventDecoder::with_buffer([0; 64]);
        assert_eq!(
            all(&mut decoder, call, b"id: 1\nevent: e\ndata: a\ndata: b"),
            []
        );
        let incomplete = decoder.finish().expect("it is cut off");
        if let Some(cut_line) = cut_line {
            assert!(incomplete.recover(cut_line).expect("it fits").is_some());
        }
        assert_eq!(decoder.set_last_event_id(seed), Ok(()));
        assert_eq!(
            all(&mut decoder, call, b"data: x\n\n"),
            slice::from_ref(inherited)
        );
    }

    // The empty one resets it.
    let mut decoder = EventDecoder::with_buffer([0; 64]);
    assert_eq!(decoder.set_last_event_id(seed), Ok(()));
    assert_eq!(
        decoder.set_last_event_id(LastEventId::from_static("")),
        Ok(())
    );
    assert_eq!(
        all(&mut decoder, call, b"data: x\n\n"),
        [dispatched(b"message", b"x", "", None)]
    );
}
