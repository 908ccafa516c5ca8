//! Reads streams in every way, and compares what is seen with the oracle.

use crate::common::oracle::Outcome;
use crate::common::{calls::Call, cuts};
use crate::read::AnyDecoder;
use crate::table::shown;
use core::ops::RangeInclusive;
use std::time::Instant;

/// Compares outcomes, and counts what it has compared.
#[derive(Default)]
pub(super) struct Comparison {
    pub(super) sequences: u64,
    pub(super) streams: u64,
    decodings: u64,
    mismatches: u64,
    /// The first difference of each call, as text.
    differences: Vec<(Call, String)>,
}

impl Comparison {
    /// Reads a stream byte by byte, whole, and cut in two at each of `cuts`.
    pub(super) fn check(
        &mut self,
        decoder: &dyn AnyDecoder,
        stream: &[u8],
        call: Call,
        cuts: RangeInclusive<usize>,
    ) {
        let expected = decoder.expected(call, stream);
        self.compare(decoder, call, &cuts::bytes(stream), &expected);
        self.compare(decoder, call, &[stream], &expected);
        for cut in cuts {
            self.compare(decoder, call, &[&stream[..cut], &stream[cut..]], &expected);
        }
    }

    pub(super) fn compare(
        &mut self,
        decoder: &dyn AnyDecoder,
        call: Call,
        chunks: &[&[u8]],
        expected: &Outcome,
    ) {
        self.decodings += 1;
        let outcome = decoder.outcome(call, chunks);
        if outcome != *expected {
            self.mismatches += 1;
            if !self.differences.iter().any(|(known, _)| *known == call) {
                let chunks = chunks.iter().map(|chunk| chunk.escape_ascii().to_string());
                let chunks: Vec<_> = chunks.collect();
                let [seen, expected] = [&outcome, expected].map(shown_whole);
                let difference =
                    format!("{call:?} of {chunks:?}, {decoder:?}\n  {seen}, not\n  {expected}");
                self.differences.push((call, difference));
            }
        }
    }

    pub(super) fn add(&mut self, other: Self) {
        self.sequences += other.sequences;
        self.streams += other.streams;
        self.decodings += other.decodings;
        self.mismatches += other.mismatches;
        self.differences.extend(other.differences);
    }

    /// Prints what was compared.
    pub(super) fn assert_none_differs(&self, what: &str, start: Instant) {
        let Self {
            sequences,
            streams,
            decodings,
            mismatches,
            ..
        } = self;
        let seconds = start.elapsed().as_secs_f64();
        println!(
            "{what}: {sequences} sequences, {streams} streams, {decodings} decodings, {seconds:.1} s, {mismatches} mismatches"
        );
        let shown: Vec<&str> = self.differences.iter().map(|(_, text)| &text[..]).collect();
        assert_eq!(*mismatches, 0, "among them\n{}", shown.join("\n"));
    }
}

fn shown_whole(outcome: &Outcome) -> String {
    let state = (&outcome.last_event_id, outcome.reconnection_time);
    let shown = shown(outcome);
    let at_rejections = &outcome.at_rejections;
    format!("{} and {state:?} {at_rejections:?}", shown.escape_ascii())
}

/// Control: the streams of each pair differ in one thing, which is reported.
#[test]
fn differences_are_seen() {
    let decoder = &sse_wire::EventDecoder::with_buffer([0; 12]);
    let mut comparison = Comparison::default();
    for (one, another) in [
        ("data: a\n\n", "data: b\n\n"),
        ("event: a\ndata\n\n", "event: b\ndata\n\n"),
        ("id: 1\n\n", "id: 2\n\n"),
        ("id: 1\n\ndata\n\n", "id: 1\n\nid: 1\ndata\n\n"),
        ("retry: 1\n", "retry: 2\n"),
        (
            "id: 1\n\ndata: too large\n\n",
            "data: too large\n\nid: 1\n\n",
        ),
        ("data: too large\n\n", "id: too large\n\n"),
        ("data: a", "data: b"),
        ("data: a\n", "data: a"),
        (": a\n", ": b\n"),
        (":a\n:b\n", ":ab\n"),
        (":a\n", ":a"),
    ] {
        for &call in Call::ALL {
            let differs = u64::from(call.returns_items() || !one.starts_with(':'));
            let before = comparison.mismatches;
            let expected = decoder.expected(call, one.as_bytes());
            comparison.compare(decoder, call, &[one.as_bytes()], &expected);
            comparison.compare(decoder, call, &[another.as_bytes()], &expected);
            assert_eq!(
                comparison.mismatches,
                before + differs,
                "{call:?} of {one:?}"
            );
        }
    }
    let (_, shown) = &comparison.differences[0];
    assert!(shown.contains("=a#") && shown.contains("=b#"), "{shown}");
}
