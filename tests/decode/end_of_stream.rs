//! The end of a stream, a restart, a clone and a new last event ID: each may come at any byte, and
//! means the same whatever the decoder was in the middle of.

use crate::common::calls::Call;
use crate::common::oracle::{self, Config, Dispatched, Recovered, Seen};
use crate::common::readers::memory_config;
use crate::read::{self, STREAMS, all, event, next, rejection, with_both_kinds_of_buffer};
use crate::table::check;
use core::slice;
use sse_wire::{Buffer, CutLine, EventDecoder, LastEventId};

#[test]
fn an_unfinished_event_is_recovered_with_the_cut_line_or_without() {
    let rows: &[&[u8]] = &[
        // Between two lines.
        b"data: a| => end =a# or =a#",
        b"data: a\r => end =a# or =a#",
        b"data: a\r| => end =a# or =a#",
        b"data: a|data: b| => end =a\nb# or =a\nb#",
        b"event: e| => end # or #",
        b"id: 1| => end #1 or #1",
        b"data: a|: c| => : c, end =a# or =a#",
        // Inside a field name.
        b"d => cut # or #",
        b"data: a|da => cut =a# or =a#",
        b"data: a|data => cut =a\n# or =a#",
        b"data => cut =# or #",
        b"data: a|events => cut =a# or =a#",
        // After the colon, and after the space.
        b"data: => cut =# or #",
        b"data:  => cut =# or #",
        b"data: a|data: => cut =a\n# or =a#",
        b"data: a|data:  => cut =a\n# or =a#",
        b"data: a|data:   => cut =a\n # or =a#",
        // In the value.
        b"data: [DONE] => cut =[DONE]# or #",
        b"data: a|data: [DO => cut =a\n[DO# or =a#",
        // In a line of which no event is made.
        b"data: a|: => cut =a# or =a#",
        b"data: a|: c => : c, cut =a# or =a#",
        b"data: a|unknown: x => cut =a# or =a#",
        // After an event that is complete.
        b"data: a||data: b => =a#, cut =b# or #",
        b"data: a||d => =a#, cut # or #",
        // A cut field takes effect if it is kept.
        b"data: a|id: 12 => cut =a@12 or =a#",
        b"data: a|id: 1|id: 2\0 => cut =a@1 or =a@1",
        b"data: a|id: 1|id => cut =a@ or =a@1",
        b"id: 12 => cut #12 or #",
        b"data: a|event: e => cut e=a# or =a#",
        b"data: a|event: e|event => cut =a# or e=a#",
        b"data: a|retry: 15 => cut =a# retry 15 or =a#",
        b"data: a|retry: 15x => cut =a# or =a#",
        b"data: a|retry:  => cut =a# or =a#",
    ];
    check(&memory_config(64), rows);
}

#[test]
fn between_events_there_is_nothing_to_recover() {
    let rows: &[&[u8]] = &[
        b" => ",
        b"| => ",
        b"\xEF => ",
        b"\xEF\xBB => ",
        b"\xEF\xBB\xBF => ",
        b"data: a|| => =a#",
        b"data: a\r\r => =a#",
        b": c| => : c",
        b": c => : c",
        b"retry: 5| => 5",
        b"retry: 5 => ",
        b"ret => ",
        b"x| => ",
        b"unknown => ",
        b"datas => ",
    ];
    check(&memory_config(64), rows);
}

/// A stream that shows whatever a stream before it might have left.
const NEXT_STREAM: &[u8] =
    b"\xEF\xBB\xBFdata: a\n: c\n\nretry: 9\nid: 4\nevent: e\ndata: b\n\n\nda";

#[derive(Debug, Clone, Copy)]
enum End {
    Restart,
    /// What is incomplete is dropped.
    Finish,
    Recover(CutLine, Call),
}

const ENDS: [End; 6] = [
    End::Restart,
    End::Finish,
    End::Recover(CutLine::Keep, Call::Decode),
    End::Recover(CutLine::Discard, Call::Decode),
    End::Recover(CutLine::Keep, Call::DecodeRaw),
    End::Recover(CutLine::Discard, Call::DecodeRaw),
];

fn config<B: Buffer>(decoder: &EventDecoder<B>, text: bool) -> Config {
    Config {
        initial_last_event_id: decoder.last_event_id().to_owned(),
        event_limit: decoder.limits().event,
        last_event_id_limit: decoder.limits().last_event_id,
        text,
    }
}

fn milliseconds<B: Buffer>(decoder: &EventDecoder<B>) -> Option<u64> {
    let time = decoder.reconnection_time()?;
    Some(u64::try_from(time.as_millis()).expect("64 bits"))
}

/// Ends a stream after `before` in each way, in each state of the decoder, and begins another.
///
/// Returns how many events were to be recovered.
pub(crate) fn check_ends<B: Buffer>(new: impl Fn() -> EventDecoder<B>, before: &[u8]) -> usize {
    let mut recovered = 0;
    for end in ENDS {
        // Without the last call for each chunk, what was found is still borrowed.
        for (size, stops_early) in [
            (1, false),
            (1, true),
            (usize::MAX, false),
            (usize::MAX, true),
        ] {
            let mut decoder = new();
            let text = !matches!(end, End::Recover(_, Call::DecodeRaw));
            let outcome = oracle::interpret(before, &config(&decoder, text));
            for mut chunk in before.chunks(size) {
                while next(&mut decoder, Call::DecodeItem, &mut chunk).is_some()
                    && !(stops_early && chunk.is_empty())
                {}
            }
            let mut state = (outcome.last_event_id, outcome.reconnection_time);
            match end {
                End::Restart => {
                    decoder.restart();
                    decoder.restart();
                }
                End::Finish => {
                    assert_eq!(decoder.finish().is_some(), outcome.unfinished.is_some());
                }
                End::Recover(cut_line, call) => {
                    let incomplete = decoder.finish();
                    assert_eq!(incomplete.is_some(), outcome.unfinished.is_some());
                    if let (Some(incomplete), Some(unfinished)) = (incomplete, outcome.unfinished) {
                        recovered += 1;
                        assert_eq!(incomplete.is_inside_line(), unfinished.inside_line);
                        let expected = match cut_line {
                            CutLine::Keep => unfinished.keep,
                            CutLine::Discard => unfinished.discard,
                        };
                        let found = read::recover(incomplete, cut_line, call, read::seen);
                        let found = found.map_err(rejection);
                        assert_eq!(
                            found,
                            as_text(&expected),
                            "{end:?} {}",
                            before.escape_ascii()
                        );
                        state = (expected.last_event_id, expected.reconnection_time);
                    }
                }
            }
            let shown = before.escape_ascii();
            assert_eq!(decoder.last_event_id(), state.0, "{end:?} after {shown}");
            assert_eq!(milliseconds(&decoder), state.1, "{end:?} after {shown}");
            // The decoder is as new, except for what outlives a connection.
            let next = oracle::interpret(NEXT_STREAM, &config(&decoder, true));
            let seen = all(&mut decoder, Call::DecodeItem, NEXT_STREAM);
            assert_eq!(seen, next.seen, "{end:?} after {shown}");
            assert_eq!(decoder.last_event_id(), next.last_event_id);
            assert!(decoder.finish().is_some());
        }
    }
    recovered
}

fn as_text(recovered: &Recovered) -> Result<Option<Seen>, oracle::Rejection> {
    let text = |dispatched: &Dispatched| {
        let (event_type, data) = (&dispatched.event_type, &dispatched.data);
        let id = dispatched.id.as_deref();
        event(event_type, data, &dispatched.last_event_id, id)
    };
    match &recovered.result {
        Ok(dispatched) => Ok(dispatched.as_ref().map(text)),
        Err(rejection) => Err(*rejection),
    }
}

#[test]
fn a_decoder_that_was_ended_in_any_state_begins_anew() {
    fn check<B: Buffer>(new: impl Fn() -> EventDecoder<B>) {
        let mut recovered = 0;
        for stream in STREAMS {
            for cut in 0..=stream.len() {
                recovered += check_ends(&new, &stream[..cut]);
            }
        }
        assert!(recovered > 2000, "{recovered}");
    }
    with_both_kinds_of_buffer!(64, check);
}

/// Clones a decoder after each thing that it finds in `before`, and at its end. Each clone
/// continues as the original does, and none changes another.
pub(crate) fn check_clones<B: Buffer + Clone>(
    mut decoder: EventDecoder<B>,
    before: &[u8],
    after: &[u8],
) {
    let mut input = before;
    loop {
        // What was found last is still borrowed when the decoder is cloned.
        let found = next(&mut decoder, Call::DecodeItem, &mut input);
        let rest = [input, after].concat();
        let [mut abandoned, mut whole, mut dripped] = [(); 3].map(|()| decoder.clone());
        let other = b"\nevent: other\nid: other\ndata: other\n\ndata: other";
        all(&mut abandoned, Call::Decode, other);
        let seen = all(&mut whole, Call::Decode, &rest);
        let bytes = rest.chunks(1);
        let bytes = bytes.flat_map(|byte| all(&mut dripped, Call::Decode, byte));
        assert_eq!(bytes.collect::<Vec<_>>(), seen);
        let [whole, dripped] = [whole, dripped].map(|mut clone| {
            let id = clone.last_event_id().to_owned();
            (id, milliseconds(&clone), clone.finish().is_some())
        });
        assert_eq!(whole, dripped, "after {}", before.escape_ascii());
        if found.is_none() {
            break assert_eq!(all(&mut decoder, Call::Decode, after), seen);
        }
    }
}

#[test]
fn a_clone_continues_as_the_original() {
    fn check<B: Buffer + Clone>(new: impl Fn() -> EventDecoder<B>) {
        for stream in STREAMS {
            for cut in 0..=stream.len() {
                check_clones(new(), &stream[..cut], &stream[cut..]);
            }
        }
    }
    with_both_kinds_of_buffer!(64, check);
}

#[test]
fn a_last_event_id_can_be_set_at_any_byte() {
    let stream = b"id: 1\ndata: a\n\nevent: e\nid: 22\ndata: b\n\nid: 3\ndata: c\n\ndata: d\n\n";
    let three_events = stream.len() - b"data: d\n\n".len();
    for cut in 0..=stream.len() {
        let (before, after) = stream.split_at(cut);
        for &call in Call::ALL {
            let mut decoder = EventDecoder::with_buffer([0; 64]);
            let mut events = all(&mut decoder, call, before);
            let set = LastEventId::from_static("a longer one");
            assert_eq!(decoder.set_last_event_id(set), Ok(()));
            assert_eq!(decoder.last_event_id(), "a longer one");
            events.extend(all(&mut decoder, call, after));
            // A block that has an ID of its own keeps it.
            let is_inherited = (three_events..stream.len()).contains(&cut);
            let last = if is_inherited { "a longer one" } else { "3" };
            let expected = [
                event(b"message", b"a", "1", Some("1")),
                event(b"e", b"b", "22", Some("22")),
                event(b"message", b"c", "3", Some("3")),
                event(b"message", b"d", last, None),
            ];
            assert_eq!(events, expected, "{cut}");
        }
    }
}

#[test]
fn a_last_event_id_that_is_set_is_inherited() {
    let check = |decoder: &mut EventDecoder<[u8; 64]>, call, id| {
        let set = LastEventId::from_static(id);
        assert_eq!(decoder.set_last_event_id(set), Ok(()));
        assert_eq!(decoder.last_event_id(), id);
        let inherited = event(b"message", b"x", id, None);
        assert_eq!(
            all(decoder, call, b"data: x\n\n"),
            slice::from_ref(&inherited)
        );
    };
    let new = || EventDecoder::with_buffer([0; 64]);
    for &call in Call::ALL {
        // The empty one resets it.
        let mut decoder = new();
        check(&mut decoder, call, "seed");
        check(&mut decoder, call, "");

        // After an event was borrowed, whose ID it replaces.
        for first in Call::ALL {
            let mut decoder = new();
            let mut input = &b"id: long enough\ndata: x\n\n"[..];
            assert!(next(&mut decoder, *first, &mut input).is_some());
            assert_eq!(decoder.last_event_id(), "long enough");
            check(&mut decoder, call, "seed");
        }

        // After the end of a stream, discarded or recovered.
        for cut_line in [None, Some(CutLine::Keep), Some(CutLine::Discard)] {
            let mut decoder = new();
            let stream = b"id: 1\nevent: e\ndata: a\ndata: b";
            assert_eq!(all(&mut decoder, call, stream), []);
            let incomplete = decoder.finish().expect("it is cut off");
            if let Some(cut_line) = cut_line {
                assert!(incomplete.recover(cut_line).expect("it fits").is_some());
            }
            check(&mut decoder, call, "seed");
        }
    }
}
