//! The end of a stream, a restart, a clone and a new last event ID: each may come at any byte, and
//! means the same whatever the decoder was in the middle of.

use crate::common::calls::Call;
use crate::common::oracle::Seen;
use crate::common::readers::memory_config;
use crate::read::{STREAMS, all, expected, next, recover, state, with_both_kinds_of_buffer};
use crate::table::check;
use sse_wire::{Buffer, CutLine, EventDecoder};

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
    b"\xEF\xBB\xBFdata: a\n: c\n\ndata: i\n\nretry: 9\nid: 4\nevent: e\ndata: b\n\n\nda";

/// Ends a stream after `before` in each way, in each state of the decoder, and begins another, by
/// each pair of calls.
///
/// Returns how many events there were to recover.
pub(crate) fn check_ends<B: Buffer>(new: impl Fn() -> EventDecoder<B>, before: &[u8]) -> usize {
    let mut count = 0;
    let ends = [None, Some(CutLine::Keep), Some(CutLine::Discard)].into_iter();
    // Without the last call for each chunk, what was found is still borrowed.
    let sizes = [
        (1, false),
        (1, true),
        (usize::MAX, false),
        (usize::MAX, true),
    ];
    let ways = ends.flat_map(|end| sizes.map(|size| (end, size)));
    let calls = Call::ALL.iter();
    for (way, (call, (end, (size, stops_early)))) in calls
        .flat_map(|call| ways.clone().map(move |way| (*call, way)))
        .enumerate()
    {
        let mut decoder = new();
        let place = format!(
            "{call:?}, {end:?}, {size}, {stops_early}, {}",
            before.escape_ascii()
        );
        for mut chunk in before.chunks(size) {
            while next(&mut decoder, call, &mut chunk).is_some()
                && !(stops_early && chunk.is_empty())
            {}
        }
        let outcome = expected(&new(), call, before);
        let mut left = (outcome.last_event_id, outcome.reconnection_time);
        if let Some(cut_line) = end {
            let unfinished = outcome.unfinished.map(|unfinished| match cut_line {
                CutLine::Keep => (unfinished.inside_line, unfinished.keep),
                CutLine::Discard => (unfinished.inside_line, unfinished.discard),
            });
            assert_eq!(recover(&mut decoder, call, cut_line), unfinished, "{place}");
            if let Some((_, recovered)) = unfinished {
                left = (recovered.last_event_id, recovered.reconnection_time);
                count += 1;
            }
        } else if way % 2 == 0 {
            decoder.restart();
            decoder.restart();
        } else {
            // What is incomplete is dropped.
            assert_eq!(
                decoder.finish().is_some(),
                outcome.unfinished.is_some(),
                "{place}"
            );
        }
        assert_eq!(state(&decoder), left, "{place}");
        // The decoder is as new, except for what outlives a connection.
        if way % 3 == 0 {
            let is_set = decoder.set_last_event_id("s");
            assert!(is_set.is_err() || decoder.last_event_id() == "s", "{place}");
        }
        let call = Call::ALL[way % Call::ALL.len()];
        let next = expected(&decoder, call, NEXT_STREAM);
        assert_eq!(all(&mut decoder, call, NEXT_STREAM), next.seen, "{place}");
        assert_eq!(decoder.last_event_id(), next.last_event_id, "{place}");
        assert!(decoder.finish().is_some());
    }
    count
}

#[test]
fn a_decoder_that_was_ended_in_any_state_begins_anew() {
    fn check<B: Buffer>(new: impl Fn() -> EventDecoder<B>) {
        let cuts = STREAMS
            .iter()
            .flat_map(|stream| (0..=stream.len()).map(|cut| &stream[..cut]));
        let count: usize = cuts.map(|before| check_ends(&new, before)).sum();
        assert!(count > 2000, "{count}");
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
        assert_eq!(
            state(&whole),
            state(&dripped),
            "after {}",
            before.escape_ascii()
        );
        assert_eq!(whole.finish().is_some(), dripped.finish().is_some());
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

/// Until a block has an ID of its own, events inherit the new one.
#[test]
fn a_last_event_id_can_be_set_at_any_byte() {
    let stream =
        b"id: 1\ndata: a\n\nevent: e\ndata: b\n\ndata: c\n\nid: 22\ndata: d\n\ndata: e\n\n";
    for &call in Call::ALL {
        for (id, cut) in ["", "3", "a longer one"]
            .into_iter()
            .flat_map(|id| (0..=stream.len()).map(move |cut| (id, cut)))
        {
            let (mut before, after) = stream.split_at(cut);
            let mut decoder = EventDecoder::with_buffer([0; 64]);
            let mut expected = expected(&decoder, call, stream).seen;
            let mut seen = Vec::new();
            while !before.is_empty() {
                seen.extend(next(&mut decoder, call, &mut before));
            }
            assert_eq!(decoder.set_last_event_id(id), Ok(()));
            assert_eq!(decoder.last_event_id(), id);
            for seen in &mut expected[seen.len()..] {
                match seen {
                    Seen::Event(event) if event.id.is_none() => {
                        id.clone_into(&mut event.last_event_id)
                    }
                    _ => break,
                }
            }
            seen.extend(all(&mut decoder, call, after));
            assert_eq!(seen, expected, "{call:?} at {cut}");
        }
    }
}
