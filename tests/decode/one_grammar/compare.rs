//! Reads streams, and compares what they give byte by byte with what they give otherwise.

use crate::common::calls::Call;
use crate::common::oracle::{self, Config, Rejection, Seen};
use crate::read::{Found, call, recover, rejection};
use core::fmt;
use core::ops::RangeInclusive;
use core::time::Duration;
use sse_wire::{Buffer, CutLine, EventDecoder, LastEventId};

pub(crate) fn with_id<B: Buffer>(
    mut decoder: EventDecoder<B>,
    id: &'static str,
) -> EventDecoder<B> {
    let id = LastEventId::from_static(id);
    decoder.set_last_event_id(id).expect("it has room");
    decoder
}

/// Entries of a kind and some parts, as bytes, which compare quickly.
#[derive(Default, PartialEq, Eq)]
struct Log {
    text: Vec<u8>,
    lengths: Vec<usize>,
}

impl Log {
    fn entry(&mut self, kind: &str, parts: &[&[u8]]) {
        self.text.extend_from_slice(kind.as_bytes());
        for part in parts {
            self.text.push(b' ');
            self.text.extend_from_slice(part);
            self.lengths.push(part.len());
        }
        self.text.extend_from_slice(b", ");
    }

    fn state(&mut self, last_event_id: &str, reconnection_time: Option<u64>) {
        let time = reconnection_time.map(|time| time.to_string());
        let time = time.as_deref().unwrap_or("none");
        self.entry("state", &[last_event_id.as_bytes(), time.as_bytes()]);
    }
}

/// All that a caller can observe of a stream.
#[derive(Default, PartialEq, Eq)]
struct Transcript {
    /// Events, comments, reconnection times and rejections in their order; the last event ID and
    /// the reconnection time at the end; what is recovered, with a cut line kept and discarded.
    log: Log,
    /// The last event ID and the reconnection time after each error: a program that stops there
    /// reconnects with them. The oracle does not report them.
    at_errors: Log,
    /// What came of an unfinished comment, whose fragments are joined.
    comment: Vec<u8>,
}

impl Transcript {
    fn clear(&mut self) {
        for log in [&mut self.log, &mut self.at_errors] {
            log.text.clear();
            log.lengths.clear();
        }
        self.comment.clear();
    }

    fn found(&mut self, found: Found<'_>) {
        match found {
            Found::Event {
                event_type,
                data,
                last_event_id,
                id,
            } => {
                let is_own = if id.is_some() { "own" } else { "inherited" };
                let id = id.unwrap_or_default().as_bytes();
                let parts = [
                    event_type,
                    data,
                    last_event_id.as_bytes(),
                    is_own.as_bytes(),
                    id,
                ];
                self.log.entry("event", &parts);
            }
            Found::Comment { text, end: false } => self.comment.extend_from_slice(text),
            Found::Comment { text, end: true } => {
                self.comment.extend_from_slice(text);
                self.log.entry("comment", &[&self.comment]);
                self.comment.clear();
            }
            Found::Retry(time) => self
                .log
                .entry("retry", &[time.as_millis().to_string().as_bytes()]),
        }
    }

    fn rejected(&mut self, rejection: Rejection) {
        self.log.entry(
            match rejection {
                Rejection::Event => "event too large",
                Rejection::LastEventId => "last event ID too large",
            },
            &[],
        );
    }

    /// The chunks end here. A comment may be unfinished.
    fn end(&mut self, last_event_id: &str, reconnection_time: Option<u64>) {
        if !self.comment.is_empty() {
            self.log.entry("comment without end", &[&self.comment]);
            self.comment.clear();
        }
        self.log.state(last_event_id, reconnection_time);
    }

    fn unfinished(&mut self, is_inside_line: bool) {
        let place = if is_inside_line {
            "inside a line"
        } else {
            "between lines"
        };
        self.log.entry("unfinished", &[place.as_bytes()]);
    }

    /// Reads a stream with a copy of `decoder`.
    fn read<'s, B: Buffer + Clone>(
        &mut self,
        decoder: &EventDecoder<B>,
        chunks: impl Iterator<Item = &'s [u8]>,
        by: Call,
    ) {
        let mut decoder = decoder.clone();
        self.clear();
        for mut input in chunks {
            // Each byte can end an event, and can exceed a limit.
            let mut calls = 2 * input.len() + 2;
            loop {
                match call(&mut decoder, by, &mut input, |found| self.found(found)) {
                    Ok(Some(())) => {}
                    Ok(None) => break,
                    Err(error) => {
                        self.rejected(rejection(error));
                        let time = milliseconds(&decoder);
                        self.at_errors.state(decoder.last_event_id(), time);
                    }
                }
                calls -= 1;
                assert!(calls > 0, "the calls do not come to an end");
            }
            assert!(
                input.is_empty(),
                "a call gave up in the middle of the input"
            );
        }
        self.end(decoder.last_event_id(), milliseconds(&decoder));
        // Without an incomplete event there is no cut line to keep or to discard.
        if self.finish(&mut decoder.clone(), by, CutLine::Keep) {
            self.finish(&mut decoder, by, CutLine::Discard);
        }
    }

    /// Ends a stream, and returns whether it ended within an event.
    fn finish<B: Buffer>(
        &mut self,
        decoder: &mut EventDecoder<B>,
        by: Call,
        cut_line: CutLine,
    ) -> bool {
        let Some(incomplete) = decoder.finish() else {
            return false;
        };
        self.unfinished(incomplete.is_inside_line());
        let recovered = recover(incomplete, cut_line, by, |found| self.found(found));
        match recovered {
            Ok(Some(())) => {}
            Ok(None) => self.log.entry("no event", &[]),
            Err(error) => self.rejected(rejection(error)),
        }
        self.log
            .state(decoder.last_event_id(), milliseconds(decoder));
        true
    }

    /// Records what the oracle makes of a stream.
    fn interpret(&mut self, stream: &[u8], config: &Config, by: Call) {
        let outcome = oracle::interpret(stream, config);
        self.clear();
        for seen in &outcome.seen {
            self.stated(seen, by.returns_items());
        }
        self.end(&outcome.last_event_id, outcome.reconnection_time);
        let Some(unfinished) = outcome.unfinished else {
            return;
        };
        for recovered in [unfinished.keep, unfinished.discard] {
            self.unfinished(unfinished.inside_line);
            match recovered.result {
                Ok(Some(event)) => self.stated(&Seen::Event(event), false),
                Ok(None) => self.log.entry("no event", &[]),
                Err(rejection) => self.rejected(rejection),
            }
            self.log
                .state(&recovered.last_event_id, recovered.reconnection_time);
        }
    }

    fn stated(&mut self, seen: &Seen, items: bool) {
        match seen {
            Seen::Event(event) => self.found(Found::Event {
                event_type: &event.event_type,
                data: &event.data,
                last_event_id: &event.last_event_id,
                id: event.id.as_deref(),
            }),
            Seen::Rejected(rejection) => self.rejected(*rejection),
            Seen::Comment { text, end } if items => self.found(Found::Comment { text, end: *end }),
            Seen::Retry(time) if items => self.found(Found::Retry(Duration::from_millis(*time))),
            Seen::Comment { .. } | Seen::Retry(_) => {}
        }
    }
}

fn milliseconds<B: Buffer>(decoder: &EventDecoder<B>) -> Option<u64> {
    let time = decoder.reconnection_time()?.as_millis();
    Some(u64::try_from(time).expect("64 bits"))
}

impl fmt::Display for Transcript {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.log.text.escape_ascii())?;
        write!(
            formatter,
            " after errors: {}",
            self.at_errors.text.escape_ascii()
        )
    }
}

/// Compares transcripts, and counts what it has compared.
#[derive(Default)]
pub(crate) struct Comparison {
    byte_by_byte: Transcript,
    other: Transcript,
    pub(crate) counts: Counts,
    /// The first difference of each call, as text.
    differences: Vec<(Call, String)>,
}

#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Counts {
    pub(crate) sequences: u64,
    /// Each is read byte by byte once for each call and buffer.
    pub(crate) streams: u64,
    decodings: u64,
    differences: u64,
}

impl Comparison {
    /// Reads a stream byte by byte, whole, and cut in two at each of `cuts`; and by the oracle.
    pub(crate) fn check<B: Buffer + Clone>(
        &mut self,
        decoder: &EventDecoder<B>,
        stream: &[u8],
        call: Call,
        cuts: RangeInclusive<usize>,
        asks_oracle: bool,
    ) {
        self.read_byte_by_byte(decoder, stream, call);
        self.read_cut(decoder, stream, call, &[]);
        for cut in cuts {
            self.read_cut(decoder, stream, call, &[cut]);
        }
        if asks_oracle {
            self.ask_oracle(decoder, stream, call);
        }
    }

    pub(crate) fn read_byte_by_byte<B: Buffer + Clone>(
        &mut self,
        decoder: &EventDecoder<B>,
        stream: &[u8],
        call: Call,
    ) {
        self.counts.decodings += 1;
        let _shown = ShownOnPanic(call, stream, "byte by byte");
        self.byte_by_byte.read(decoder, stream.chunks(1), call);
    }

    /// Compares the stream, cut at ascending places, with what it gave byte by byte.
    pub(crate) fn read_cut<B: Buffer + Clone>(
        &mut self,
        decoder: &EventDecoder<B>,
        stream: &[u8],
        call: Call,
        cuts: &[usize],
    ) {
        self.counts.decodings += 1;
        let _shown = ShownOnPanic(call, stream, cuts);
        let starts = core::iter::once(0).chain(cuts.iter().copied());
        let stops = cuts.iter().copied().chain([stream.len()]);
        let chunks = starts.zip(stops).map(|(start, stop)| &stream[start..stop]);
        self.other.read(decoder, chunks, call);
        if self.byte_by_byte != self.other {
            self.differ(decoder, call, stream, &format!("cut at {cuts:?}"));
        }
    }

    /// Compares the oracle's result with what the stream gave byte by byte.
    fn ask_oracle<B: Buffer>(&mut self, decoder: &EventDecoder<B>, stream: &[u8], call: Call) {
        let config = Config {
            initial_last_event_id: decoder.last_event_id().to_owned(),
            event_limit: decoder.limits().event,
            last_event_id_limit: decoder.limits().last_event_id,
            text: call != Call::DecodeRaw,
        };
        self.other.interpret(stream, &config, call);
        if self.byte_by_byte.log != self.other.log {
            self.differ(decoder, call, stream, "the oracle");
        }
    }

    #[cold]
    fn differ<B: Buffer>(
        &mut self,
        decoder: &EventDecoder<B>,
        call: Call,
        stream: &[u8],
        other: &str,
    ) {
        self.counts.differences += 1;
        if !self.differences.iter().any(|(known, _)| *known == call) {
            let difference = format!(
                "{call:?} of b\"{}\", last event ID {:?}, {:?}\n  byte by byte: {}\n  {other}: {}",
                stream.escape_ascii(),
                decoder.last_event_id(),
                decoder.limits(),
                self.byte_by_byte,
                self.other,
            );
            self.differences.push((call, difference));
        }
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.counts.sequences += other.counts.sequences;
        self.counts.streams += other.counts.streams;
        self.counts.decodings += other.counts.decodings;
        self.counts.differences += other.counts.differences;
        for (call, difference) in other.differences {
            if !self.differences.iter().any(|(known, _)| *known == call) {
                self.differences.push((call, difference));
            }
        }
    }

    /// Prints what was compared.
    pub(crate) fn assert_none_differs(&self, what: &str, seconds: f64) {
        let Counts {
            sequences,
            streams,
            decodings,
            differences,
        } = self.counts;
        println!(
            "{what}: {sequences} sequences, {streams} streams, {decodings} decodings, {seconds:.1} s, {differences} mismatches"
        );
        let shown: Vec<&str> = self.differences.iter().map(|(_, text)| &text[..]).collect();
        assert_eq!(differences, 0, "among them\n{}", shown.join("\n"));
    }
}

/// Prints the stream, and how it was cut, if reading it panics.
struct ShownOnPanic<'s, C: fmt::Debug>(Call, &'s [u8], C);

impl<C: fmt::Debug> Drop for ShownOnPanic<'_, C> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Self(call, stream, cuts) = self;
            eprintln!(
                "{call:?} of b\"{}\", cut at {cuts:?}",
                stream.escape_ascii()
            );
        }
    }
}

/// Control: the streams of each pair differ in one thing, which is reported.
#[test]
fn differences_are_seen() {
    let pairs: &[(&[u8], &[u8])] = &[
        (b"data: a\n\n", b"data: b\n\n"),
        (b"data: a\n\n", b"data: a\n\ndata: a\n\n"),
        (b"event: a\ndata\n\n", b"event: b\ndata\n\n"),
        (b"id: 1\n\n", b"id: 2\n\n"),
        (b"id: 1\n\ndata\n\n", b"id: 1\n\nid: 1\ndata\n\n"),
        (b"id\ndata\n\n", b"data\n\n"),
        (b"data: ab\n\n", b"data: a\ndata: b\n\n"),
        (b"retry: 1\n", b"retry: 2\n"),
        (
            b"data: too large\n\ndata\n\n",
            b"data\n\ndata: too large\n\n",
        ),
        (b"data: too large\n\n", b"id: too large\n\n"),
        (b"data: a", b"data: b"),
        (b"data: a\n", b"data: a"),
        (b"data: a\nid: 1", b"data: a\nid: 2"),
        (b"event: a\n", b""),
    ];
    let comments: &[(&[u8], &[u8])] = &[
        (b": a\n", b": b\n"),
        (b":a\n", b":a"),
        (b":a\n:b\n", b":ab\n"),
        (b":\n", b":\n:\n"),
        (b"retry: 1\n:\n", b":\nretry: 1\n"),
    ];
    let decoder = EventDecoder::with_buffer([0; 12]);
    let mut comparison = Comparison::default();
    for &call in Call::ALL {
        let comments = if call.returns_items() { comments } else { &[] };
        for (one, another) in pairs.iter().chain(comments) {
            let before = comparison.counts.differences;
            comparison.read_byte_by_byte(&decoder, one, call);
            comparison.read_cut(&decoder, another, call, &[]);
            comparison.ask_oracle(&decoder, another, call);
            comparison.ask_oracle(&decoder, one, call);
            let shown = (one.escape_ascii(), another.escape_ascii());
            assert_eq!(
                comparison.counts.differences,
                before + 2,
                "{call:?} of {shown:?}"
            );
        }
    }
    let (_, shown) = &comparison.differences[0];
    assert!(
        shown.contains("event message a") && shown.contains("event message b"),
        "{shown}"
    );
}
