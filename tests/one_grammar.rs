//! Lines that lie whole in an input and lines that are cut are read in two ways, by one grammar.
//!
//! The decoder reads a whole line without states, and leaves its value in the input. It reads a cut
//! line with the states of the parser, and buffers its value. An event of one data line, with or
//! without its type before it, has a fast path if its lines are whole.
//!
//! A stream that comes byte by byte has no whole line, except for blank ones, which consist of a
//! line end. So every line is read with states and a buffer then. The result is compared with the
//! oracle, and with the same stream in one chunk and cut in two. Everything that a caller can
//! observe is compared:
//!
//! - events, comments, reconnection times and errors, in their order;
//! - the last event ID and the reconnection time after each error and at the end;
//! - what [`EventDecoder::finish`] recovers, with a cut line kept and with it discarded.
//!
//! [`every_sequence`] reads all sequences of up to so many [`TOKENS`]: each behind every [`Lead`]
//! and before each of the [`TAILS`]. The leads move the tokens across the edges of the blocks of 64
//! bytes in which line ends are searched for. [`Care`] says what is left out for long sequences,
//! since there are many.
//!
//! `SSE_WIRE_TOKENS=3` sets the most tokens of a sequence. `scripts/one-grammar.sh` makes a long
//! run.

mod common;

use common::calls::Call;
use common::oracle::{self, Config, Dispatched, Refusal, Seen};
use core::fmt;
use core::ops::RangeInclusive;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use sse_wire::{Buffer, CutLine, DecodeError, Event, EventDecoder, Item, LastEventId, RawEvent};
#[cfg(feature = "alloc")]
use sse_wire::{Limits, OwnedItem};
use std::thread;
use std::time::Instant;

const TOKENS: &[&[u8]] = &[
    b"data",
    b"data:",
    b"event:",
    b"id:",
    b"retry:",
    b":",
    b" ",
    b"x",
    b"1",
    b"\r",
    b"\n",
    b"\0",
    b"\xEF\xBB\xBF",
    b"\xEF",
    b"\xFF",
];

/// How many tokens a sequence has at most unless the environment says otherwise.
const MOST_TOKENS: usize = 2;

/// What follows the tokens.
///
/// The first one ends the open line and block, the second one continues them. Both have events that
/// show what the tokens left, are 64 bytes long, and end within an event. With the third one, the
/// stream ends with the tokens.
const TAILS: &[&[u8]] = &[
    b"\n\ndata: p\n\n:xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\nid:9\ndata:q",
    b"data:t\n\ndata:p\r\n\r\n:xxxxxxxxxxxxxxxxxxxxxxxxxxx\nevent:w\rdata\rdata",
    b"",
];

/// The event before the tokens. The call that follows it begins between two blocks, where the fast
/// path is tried.
const EVENT: &[u8] = b"data: 0\n\n";

/// Blocks that the tokens continue.
const OPEN_BLOCKS: &[&str] = &[
    "data: a\n",
    "data: a\r\ndata: b\r",
    "event: b\ndata: a\n",
    "id: c\ndata\n",
    "id: c\n\nevent: b\nid\n",
    // Too large for the small buffers.
    "id: c\ndata: aaaaaaa\n",
];

/// Lines that the tokens continue, the most common one first.
const OPEN_LINES: &[&str] = &["data: ", "event: ", "id: ", ":", "x", "event: t\ndata: "];

/// The most bytes of filler before the tokens.
const MOST_FILLER: usize = 64;

/// How often a long run reports its progress.
const PROGRESS: Duration = Duration::from_secs(5);

impl Call {
    /// Whether it returns copies of the events that `decode` or `decode_item` finds.
    const fn copies(self) -> bool {
        !matches!(self, Self::Decode | Self::DecodeRaw | Self::DecodeItem)
    }
}

/// What precedes the tokens.
struct Lead {
    /// With a comment as filler.
    comment: Vec<u8>,
    /// With an unknown field as filler, for calls that return comments: they would return there.
    unknown: Vec<u8>,
    /// Whether the tokens begin the stream. Otherwise there is a last event ID.
    is_start: bool,
    /// Whether the oracle reads the stream, for which all fillers are the same.
    is_short: bool,
}

impl Lead {
    /// The tokens begin the stream, a byte order mark included.
    const START: Self = Self {
        comment: Vec::new(),
        unknown: Vec::new(),
        is_start: true,
        is_short: true,
    };

    /// An open block, and a line of `length` bytes, including its line end.
    fn line(open_block: &str, length: usize) -> Self {
        let filled = |first: u8| {
            let mut line = [EVENT, open_block.as_bytes(), &vec![b'x'; length]].concat();
            if let Some(last) = length.checked_sub(1) {
                let start = EVENT.len() + open_block.len();
                line[start] = first;
                line[start + last] = b'\n';
            }
            line
        };
        Self {
            comment: filled(b':'),
            unknown: filled(b'x'),
            is_start: false,
            is_short: length < 2,
        }
    }

    /// The beginning of a line, with `length` bytes of its value.
    fn part_of_line(open_line: &str, length: usize) -> Self {
        let lead = [EVENT, open_line.as_bytes(), &vec![b'x'; length]].concat();
        Self {
            comment: lead.clone(),
            unknown: lead,
            is_start: false,
            is_short: length < 2,
        }
    }

    /// At the start of a stream, and after a whole line of each length.
    fn at_line_starts() -> Vec<Self> {
        let mut leads = vec![Self::START];
        leads.extend((0..=MOST_FILLER).map(|length| Self::line("", length)));
        leads
    }

    /// The same, and in a data line.
    fn some() -> Vec<Self> {
        let mut leads = Self::at_line_starts();
        leads.extend(
            near_edges(OPEN_LINES[0]).map(|length| Self::part_of_line(OPEN_LINES[0], length)),
        );
        leads
    }

    /// The same, and in lines and blocks of all kinds.
    fn all() -> Vec<Self> {
        let mut leads = Self::some();
        for line in &OPEN_LINES[1..] {
            leads.extend(near_edges(line).map(|length| Self::part_of_line(line, length)));
        }
        for block in OPEN_BLOCKS {
            leads.extend(near_edges(block).map(|length| Self::line(block, length)));
        }
        leads
    }

    fn bytes(&self, call: Call) -> &[u8] {
        if call.returns_items() {
            &self.unknown
        } else {
            &self.comment
        }
    }
}

/// The lengths of fillers after `open` with which the tokens cross an edge of what is searched at
/// once: 32 bytes, and then 64 at a time.
fn near_edges(open: &str) -> impl Iterator<Item = usize> {
    let to_edge = move |edge: usize| (edge - 4..=edge).map(move |at| at - open.len());
    [0].into_iter()
        .chain([32, 64, 96].into_iter().flat_map(to_edge))
}

/// How much is tried with a sequence. With one more token, there are fifteen times as many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Care {
    /// After whole lines only, with a large buffer only, and cut in two within the tokens, by
    /// `decode` only.
    Least,
    /// After whole lines and in a data line, with a large and a small buffer, and cut in two within
    /// the tokens and beside them.
    Less,
    /// With all leads and all buffers, and with the large buffer cut in two everywhere.
    Most,
}

impl Care {
    fn of(tokens: usize, most: usize) -> Self {
        match tokens {
            0 | 1 => Self::Most,
            2 | 3 if tokens < most => Self::Most,
            2..=4 => Self::Less,
            _ => Self::Least,
        }
    }
}

/// Decoders with buffers of several sizes. A copy of one reads each stream.
struct Decoders {
    /// The limits are 192 bytes for an event and 64 for an ID.
    roomy: EventDecoder<[u8; 256]>,
    /// 6 bytes for an event and 2 for an ID.
    small: EventDecoder<[u8; 8]>,
    /// 3 bytes for an event and one for an ID. So one byte fits as an ID, and U+FFFD does not.
    smaller: EventDecoder<[u8; 4]>,
    none: EventDecoder<[u8; 0]>,
    #[cfg(feature = "alloc")]
    growing: EventDecoder,
    /// So large that its use is recorded, and that the fast path is not taken.
    #[cfg(feature = "alloc")]
    grown: EventDecoder,
}

impl Decoders {
    fn new(last_event_id: &'static str) -> Self {
        Self {
            roomy: with_id(EventDecoder::with_buffer([0; 256]), last_event_id),
            small: with_id(EventDecoder::with_buffer([0; 8]), last_event_id),
            smaller: with_id(EventDecoder::with_buffer([0; 4]), last_event_id),
            none: EventDecoder::with_buffer([]),
            #[cfg(feature = "alloc")]
            growing: with_id(
                EventDecoder::with_limits(Limits::new().with_event(5).with_last_event_id(4)),
                last_event_id,
            ),
            #[cfg(feature = "alloc")]
            grown: with_id(grown(), last_event_id),
        }
    }
}

fn with_id<B: Buffer>(mut decoder: EventDecoder<B>, id: &'static str) -> EventDecoder<B> {
    let id = LastEventId::from_static(id);
    decoder.set_last_event_id(id).expect("it has room");
    decoder
}

/// A decoder that has buffered 6000 bytes.
#[cfg(feature = "alloc")]
fn grown() -> EventDecoder {
    let mut decoder = EventDecoder::new();
    let long = [b"data\ndata:", &[b'l'; 6000][..], b"\n\n"].concat();
    let mut input = &long[..];
    let event = decoder.decode(&mut input).expect("no limit is near");
    assert_eq!(event.expect("it has data").data().len(), 6001);
    decoder
}

/// What a stream was decoded to, as bytes, which compare quickly: a letter for each result, and its
/// parts, each after its length.
#[derive(Default, PartialEq, Eq)]
struct Transcript {
    bytes: Vec<u8>,
    /// Where the length of an unfinished comment is.
    comment: Option<usize>,
    /// The last event ID and the reconnection time after each error: a program that stops there
    /// reconnects with them. The oracle does not report them.
    at_errors: Vec<(String, Option<Duration>)>,
}

impl Transcript {
    fn clear(&mut self) {
        self.bytes.clear();
        self.at_errors.clear();
        self.comment = None;
    }

    fn say(&mut self, letter: u8) {
        self.comment = None;
        self.bytes.push(letter);
    }

    fn part(&mut self, part: &[u8]) {
        let length = u32::try_from(part.len()).expect("streams are short");
        self.bytes.extend_from_slice(&length.to_le_bytes());
        self.bytes.extend_from_slice(part);
    }

    fn optional_part(&mut self, part: Option<&[u8]>) {
        self.bytes.push(b'0' + u8::from(part.is_some()));
        self.part(part.unwrap_or_default());
    }

    fn text_event(&mut self, event: &Event<'_>) {
        let (event_type, data) = (event.event_type().as_bytes(), event.data().as_bytes());
        self.event(event_type, data, event.last_event_id(), event.id());
    }

    fn raw_event(&mut self, event: &RawEvent<'_>) {
        let (event_type, data) = (event.event_type(), event.data());
        self.event(event_type, data, event.last_event_id(), event.id());
    }

    fn stated_event(&mut self, event: &Dispatched) {
        let id = event.id.as_deref();
        self.event(&event.event_type, &event.data, &event.last_event_id, id);
    }

    fn event(&mut self, event_type: &[u8], data: &[u8], last_event_id: &str, id: Option<&str>) {
        self.say(b'E');
        self.part(event_type);
        self.part(data);
        self.part(last_event_id.as_bytes());
        self.optional_part(id.map(str::as_bytes));
    }

    /// Joins the parts of a comment.
    fn comment(&mut self, text: &[u8], end: bool) {
        let at = match self.comment {
            Some(at) => {
                self.bytes.extend_from_slice(text);
                at
            }
            None => {
                self.say(b'C');
                let at = self.bytes.len();
                self.part(text);
                at
            }
        };
        let length = u32::try_from(self.bytes.len() - at - 4).expect("streams are short");
        self.bytes[at..at + 4].copy_from_slice(&length.to_le_bytes());
        self.comment = Some(at);
        if end {
            self.say(b'c');
        }
    }

    fn retry(&mut self, milliseconds: u128) {
        self.say(b'R');
        self.part(&milliseconds.to_le_bytes());
    }

    fn error(&mut self, error: DecodeError) {
        let (letter, limit) = match error {
            DecodeError::EventTooLarge { limit } => (b'X', limit),
            DecodeError::LastEventIdTooLarge { limit } => (b'Y', limit),
            _ => panic!("a new kind of error: {error}"),
        };
        self.say(letter);
        self.part(&limit.to_le_bytes());
    }

    fn state(&mut self, last_event_id: &str, reconnection_time: Option<u128>) {
        self.say(b'S');
        self.part(last_event_id.as_bytes());
        let reconnection_time = reconnection_time.map(u128::to_le_bytes);
        self.optional_part(reconnection_time.as_ref().map(<[u8; 16]>::as_slice));
    }

    fn unfinished(&mut self, is_inside_line: bool) {
        self.say(b'U');
        self.part(&[u8::from(is_inside_line)]);
    }
}

impl fmt::Display for Transcript {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = &self.bytes[..];
        while let [letter, behind @ ..] = rest {
            rest = behind;
            let (name, parts) = match letter {
                b'E' => ("event", &["type", "data", "last event ID", "ID"][..]),
                b'C' => ("comment", &[""][..]),
                b'c' => ("end of the comment", &[][..]),
                b'R' => ("retry", &[""][..]),
                b'X' => ("event too large", &["limit"][..]),
                b'Y' => ("last event ID too large", &["limit"][..]),
                b'S' => ("state", &["last event ID", "reconnection time"][..]),
                b'U' => ("unfinished", &["inside a line"][..]),
                b'N' => ("no event", &[][..]),
                b'L' => ("input left over", &[][..]),
                _ => ("no end", &[][..]),
            };
            write!(formatter, "\n    {name}")?;
            for (index, part) in parts.iter().enumerate() {
                let is_optional = matches!((letter, index), (b'E', 3) | (b'S', 1));
                let is_number =
                    matches!(letter, b'R' | b'X' | b'Y' | b'U') || (*letter, index) == (b'S', 1);
                let is_there = !is_optional || rest[0] == b'1';
                rest = &rest[usize::from(is_optional)..];
                let (length, behind) = rest.split_first_chunk::<4>().expect("a length");
                let length = usize::try_from(u32::from_le_bytes(*length)).expect("it is short");
                let (value, behind) = behind.split_at(length);
                rest = behind;
                if !is_there {
                    write!(formatter, " {part}=none")?;
                } else if is_number {
                    let mut number = [0; 16];
                    number[..length].copy_from_slice(value);
                    write!(formatter, " {part}={}", u128::from_le_bytes(number))?;
                } else {
                    write!(formatter, " {part}=b\"{}\"", value.escape_ascii())?;
                }
            }
        }
        if !self.at_errors.is_empty() {
            write!(formatter, "\n    after errors {:?}", self.at_errors)?;
        }
        Ok(())
    }
}

/// Reads a stream with a copy of `decoder`.
fn read<'s, B: Buffer + Clone>(
    decoder: &EventDecoder<B>,
    chunks: impl Iterator<Item = &'s [u8]>,
    call: Call,
    transcript: &mut Transcript,
) {
    let mut decoder = decoder.clone();
    transcript.clear();
    for mut input in chunks {
        // Each byte can end an event, and can exceed a limit.
        let mut turns = 2 * input.len() + 2;
        while let Some(()) = step(&mut decoder, &mut input, call, transcript) {
            turns -= 1;
            if turns == 0 {
                return transcript.say(b'!');
            }
        }
        if !input.is_empty() {
            transcript.say(b'L');
        }
    }
    state(&decoder, transcript);
    // Without an incomplete event there is no cut line to keep or to discard.
    if end(&mut decoder.clone(), call, CutLine::Keep, transcript) {
        end(&mut decoder, call, CutLine::Discard, transcript);
    }
}

#[inline(always)]
fn step<B: Buffer>(
    decoder: &mut EventDecoder<B>,
    input: &mut &[u8],
    call: Call,
    transcript: &mut Transcript,
) -> Option<()> {
    let result = match call {
        Call::Decode => decoder.decode(input).map(|event| {
            event.map(|event| {
                transcript.text_event(&event);
            })
        }),
        Call::DecodeRaw => decoder.decode_raw(input).map(|event| {
            event.map(|event| {
                transcript.raw_event(&event);
            })
        }),
        Call::DecodeItem => decoder.decode_item(input).map(|item| {
            item.map(|item| match item {
                Item::Event(event) => transcript.text_event(&event),
                Item::Comment { text, end } => transcript.comment(text, end),
                Item::Retry(time) => transcript.retry(time.as_millis()),
            })
        }),
        #[cfg(feature = "alloc")]
        Call::DecodeOwned => decoder
            .decode_owned(input)
            .map(|event| event.map(|event| transcript.text_event(&event.as_event()))),
        #[cfg(feature = "alloc")]
        Call::DecodeOwnedItem => decoder.decode_owned_item(input).map(|item| {
            item.map(|item| match item {
                OwnedItem::Event(event) => transcript.text_event(&event.as_event()),
                OwnedItem::Comment { text, end } => transcript.comment(&text, end),
                OwnedItem::Retry(time) => transcript.retry(time.as_millis()),
            })
        }),
    };
    result.unwrap_or_else(|error| {
        transcript.error(error);
        let state = (
            decoder.last_event_id().to_owned(),
            decoder.reconnection_time(),
        );
        transcript.at_errors.push(state);
        Some(())
    })
}

fn state<B: Buffer>(decoder: &EventDecoder<B>, transcript: &mut Transcript) {
    let reconnection_time = decoder.reconnection_time().map(|time| time.as_millis());
    transcript.state(decoder.last_event_id(), reconnection_time);
}

/// Ends a stream, and returns whether it ended within an event.
fn end<B: Buffer>(
    decoder: &mut EventDecoder<B>,
    call: Call,
    cut_line: CutLine,
    transcript: &mut Transcript,
) -> bool {
    let Some(incomplete) = decoder.finish() else {
        return false;
    };
    transcript.unfinished(incomplete.is_inside_line());
    let recovered = if call == Call::DecodeRaw {
        incomplete.recover_raw(cut_line).map(|event| {
            event.map(|event| {
                transcript.raw_event(&event);
            })
        })
    } else {
        incomplete.recover(cut_line).map(|event| {
            event.map(|event| {
                transcript.text_event(&event);
            })
        })
    };
    match recovered {
        Ok(Some(())) => {}
        Ok(None) => transcript.say(b'N'),
        Err(error) => transcript.error(error),
    }
    state(decoder, transcript);
    true
}

/// Records what the oracle decodes a stream to.
fn meaning(stream: &[u8], config: &Config, call: Call, transcript: &mut Transcript) {
    let error = |refusal| match refusal {
        Refusal::Event => DecodeError::EventTooLarge {
            limit: config.event_limit,
        },
        Refusal::LastEventId => DecodeError::LastEventIdTooLarge {
            limit: config.last_event_id_limit,
        },
    };
    let outcome = oracle::interpret(stream, config);
    transcript.clear();
    for seen in outcome.seen {
        match seen {
            Seen::Event(event) => transcript.stated_event(&event),
            Seen::Refused(refusal) => transcript.error(error(refusal)),
            Seen::Comment { text, end } if call.returns_items() => {
                transcript.comment(&text, end);
            }
            Seen::Retry(milliseconds) if call.returns_items() => {
                transcript.retry(milliseconds.into());
            }
            Seen::Comment { .. } | Seen::Retry(_) => {}
        }
    }
    let reconnection_time = outcome.reconnection_time.map(u128::from);
    transcript.state(&outcome.last_event_id, reconnection_time);
    if let Some(unfinished) = outcome.unfinished {
        for recovered in [unfinished.keep, unfinished.discard] {
            transcript.unfinished(unfinished.inside_line);
            match recovered.result {
                Ok(Some(event)) => transcript.stated_event(&event),
                Ok(None) => transcript.say(b'N'),
                Err(refusal) => transcript.error(error(refusal)),
            }
            let reconnection_time = recovered.reconnection_time.map(u128::from);
            transcript.state(&recovered.last_event_id, reconnection_time);
        }
    }
}

/// Compares transcripts, and counts what it has compared.
#[derive(Default)]
struct Comparison {
    byte_by_byte: Transcript,
    other: Transcript,
    counts: Counts,
    /// The first difference of each call, as text.
    differences: Vec<(Call, String)>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Counts {
    sequences: u64,
    /// Each is read byte by byte once for each call and buffer.
    streams: u64,
    decodings: u64,
    differences: u64,
}

impl Comparison {
    /// Reads a stream byte by byte, whole, and cut in two at each of `cuts`.
    fn cut_in_two<B: Buffer + Clone>(
        &mut self,
        decoder: &EventDecoder<B>,
        stream: &[u8],
        call: Call,
        cuts: RangeInclusive<usize>,
    ) {
        self.read_byte_by_byte(decoder, stream, call);
        self.read_cut(decoder, stream, call, &[]);
        for cut in cuts {
            self.read_cut(decoder, stream, call, &[cut]);
        }
    }

    fn read_byte_by_byte<B: Buffer + Clone>(
        &mut self,
        decoder: &EventDecoder<B>,
        stream: &[u8],
        call: Call,
    ) {
        self.counts.decodings += 1;
        let _shown = ShownOnPanic(call, stream, "byte by byte");
        read(decoder, stream.chunks(1), call, &mut self.byte_by_byte);
    }

    /// Compares the stream, cut at ascending places, with what it gave byte by byte.
    fn read_cut<B: Buffer + Clone>(
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
        read(decoder, chunks.clone(), call, &mut self.other);
        if self.byte_by_byte != self.other {
            let cut: Vec<String> = chunks.map(escaped).collect();
            self.differ(decoder, call, stream, &cut.join(" | "));
        }
    }

    /// Compares the oracle's result with what the stream gave byte by byte.
    fn ask_oracle<B: Buffer>(&mut self, decoder: &EventDecoder<B>, stream: &[u8], call: Call) {
        let limits = decoder.limits();
        let config = Config {
            initial_last_event_id: decoder.last_event_id().to_owned(),
            event_limit: limits.event,
            last_event_id_limit: limits.last_event_id,
            text: call != Call::DecodeRaw,
        };
        meaning(stream, &config, call, &mut self.other);
        if self.byte_by_byte.bytes != self.other.bytes {
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
                "{call:?} of {}, last event ID {:?}, {:?}\n  byte by byte:{}\n  {other}:{}",
                escaped(stream),
                decoder.last_event_id(),
                decoder.limits(),
                self.byte_by_byte,
                self.other,
            );
            self.differences.push((call, difference));
        }
    }

    /// Reads the tokens with each lead and each tail.
    fn tokens(
        &mut self,
        tokens: &[u8],
        leads: &[Lead],
        care: Care,
        [at_start, later]: &[Decoders; 2],
    ) {
        self.counts.sequences += 1;
        let mut stream = Vec::with_capacity(256);
        for (lead, tail) in leads
            .iter()
            .flat_map(|lead| TAILS.iter().map(move |tail| (lead, *tail)))
        {
            self.counts.streams += 1;
            let decoders = if lead.is_start { at_start } else { later };
            for &call in Call::ALL {
                if call.copies() && call.returns_items() && care < Care::Most {
                    // It finds what `decode_item` finds, and copies as `decode_owned` does.
                    continue;
                }
                let before = lead.bytes(call);
                stream.clear();
                stream.extend_from_slice(before);
                stream.extend_from_slice(tokens);
                stream.extend_from_slice(tail);
                let behind = before.len() + tokens.len();
                let around = before.len().saturating_sub(1)..=(behind + 2).min(stream.len());
                match care {
                    Care::Least if call == Call::Decode => {
                        let cuts = before.len()..=behind;
                        self.cut_in_two(&decoders.roomy, &stream, call, cuts);
                    }
                    Care::Least => {
                        #[expect(clippy::reversed_empty_ranges, reason = "not cut")]
                        self.cut_in_two(&decoders.roomy, &stream, call, 1..=0);
                    }
                    Care::Less => {
                        self.cut_in_two(&decoders.roomy, &stream, call, around.clone());
                    }
                    Care::Most => {
                        self.cut_in_two(&decoders.roomy, &stream, call, 0..=stream.len());
                    }
                }
                if lead.is_short {
                    self.ask_oracle(&decoders.roomy, &stream, call);
                }
                if call.copies() {
                    // The size of the buffer matters to it as to the call that borrows.
                    #[cfg(feature = "alloc")]
                    if care == Care::Most {
                        self.cut_in_two(&decoders.growing, &stream, call, around.clone());
                    }
                    continue;
                }
                if care > Care::Least {
                    self.cut_in_two(&decoders.smaller, &stream, call, around.clone());
                    if lead.is_short {
                        self.ask_oracle(&decoders.smaller, &stream, call);
                    }
                }
                if care == Care::Most {
                    self.cut_in_two(&decoders.small, &stream, call, around.clone());
                    if lead.is_short {
                        self.ask_oracle(&decoders.small, &stream, call);
                    }
                    if call == Call::Decode {
                        self.cut_in_two(&decoders.none, &stream, call, around.clone());
                    }
                    #[cfg(feature = "alloc")]
                    self.cut_in_two(&decoders.growing, &stream, call, around.clone());
                    #[cfg(feature = "alloc")]
                    self.cut_in_two(&decoders.grown, &stream, call, around);
                }
            }
        }
    }

    fn add(&mut self, other: Self) {
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
    fn assert_none_differs(&self, what: &str, seconds: f64) {
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
        assert!(
            differences == 0,
            "{differences} mismatches, among them\n{}",
            shown.join("\n")
        );
    }
}

fn escaped(bytes: &[u8]) -> String {
    format!("b\"{}\"", bytes.escape_ascii())
}

/// Prints the stream, and how it was cut, if reading it panics.
struct ShownOnPanic<'s, C: fmt::Debug>(Call, &'s [u8], C);

impl<C: fmt::Debug> Drop for ShownOnPanic<'_, C> {
    fn drop(&mut self) {
        if thread::panicking() {
            let Self(call, stream, cuts) = self;
            eprintln!("{call:?} of {}, cut at {cuts:?}", escaped(stream));
        }
    }
}

/// Reads all sequences of so many tokens, in several threads.
fn sequences_of(tokens: usize, most: usize) -> Comparison {
    /// How many sequences a thread takes at a time.
    const TURN: usize = 8;

    let care = Care::of(tokens, most);
    let leads = match care {
        Care::Most => Lead::all(),
        Care::Less => Lead::some(),
        Care::Least => Lead::at_line_starts(),
    };
    let total = (0..tokens).fold(1, |total, _| total * TOKENS.len());
    let next = AtomicUsize::new(0);
    let work = || {
        let decoders = [Decoders::new(""), Decoders::new("0")];
        let mut comparison = Comparison::default();
        let mut sequence = Vec::new();
        loop {
            let first = next.fetch_add(TURN, Ordering::Relaxed);
            if first >= total {
                return comparison;
            }
            for number in first..(first + TURN).min(total) {
                sequence.clear();
                let mut digits = number;
                for _ in 0..tokens {
                    sequence.extend_from_slice(TOKENS[digits % TOKENS.len()]);
                    digits /= TOKENS.len();
                }
                comparison.tokens(&sequence, &leads, care, &decoders);
            }
        }
    };
    let start = Instant::now();
    let mut said = start;
    let mut all = Comparison::default();
    thread::scope(|scope| {
        let processors = thread::available_parallelism().map_or(2, Into::into);
        let workers: Vec<_> = (0..processors).map(|_| scope.spawn(work)).collect();
        while !workers.iter().all(thread::ScopedJoinHandle::is_finished) {
            thread::sleep(Duration::from_millis(5));
            if said.elapsed() >= PROGRESS {
                said = Instant::now();
                let done = next.load(Ordering::Relaxed).min(total);
                eprintln!(
                    "{tokens} tokens: {done} of {total} sequences after {} s",
                    start.elapsed().as_secs()
                );
            }
        }
        for worker in workers {
            all.add(worker.join().expect("it has not panicked"));
        }
    });
    let seconds = start.elapsed().as_secs_f64();
    // The shortest sequence that differs is reported, before longer ones are read.
    all.assert_none_differs(&format!("{tokens} tokens, {care:?} care"), seconds);
    all
}

#[test]
fn every_sequence() {
    let most = match std::env::var("SSE_WIRE_TOKENS") {
        Ok(value) => value
            .parse()
            .unwrap_or_else(|_| panic!("SSE_WIRE_TOKENS={value} is not a number")),
        Err(_) => MOST_TOKENS,
    };
    let start = Instant::now();
    let mut all = Comparison::default();
    for tokens in 0..=most {
        all.add(sequences_of(tokens, most));
    }
    let seconds = start.elapsed().as_secs_f64();
    all.assert_none_differs(&format!("up to {most} tokens"), seconds);
}

/// Streams of more tokens than every sequence can have, some of which exceed small limits.
const LONGER_STREAMS: &[&[u8]] = &[
    b"data: one\ndata: two\ndata\ndata:\n\ndata: after\n\n",
    b"data: 12345678\ndata: 90\n\ndata: 12345678\ndata: 901\n\ndata: after\n\n",
    b"data\ndata\ndata\n\ndata\n\ndata:\ndata:\n\n",
    b"event: a\nevent: bc\ndata: d\n\ndata: e\n\n",
    b"event: a\nevent\ndata: d\n\nevent\nevent: a\ndata: d\n\n",
    b"event: a\ndata: d\nevent: longer than it\n\ndata: e\n\n",
    b"data: d\nevent: a\ndata: e\nevent: b\ndata: f\n\n",
    b"event: lost\n\ndata: d\n\nevent: kept\ndata\n\n",
    b"data: a\nid: 1\ndata: b\n\ndata: c\n\n",
    b"id: 1\ndata: a\nid: 2\n\ndata: c\n\nid\n\ndata: d\n\n",
    b"id: 1\nid: 2\nid\nid: 3\n\ndata\n\n",
    b"id: 1\n\nid: a\0b\n\ndata\n\nid: 2\nid: a\0b\ndata\n\n",
    b"data: d\nid: \0\n\nid: \0\ndata: d\n\n",
    b"id: 1234\ndata\n\nid: 12345\ndata\n\ndata: after\n\n",
    b"id: 123456\ndata\n\nid: 1234567\ndata\n\ndata: after\n\n",
    b"id: 1\nid: 1234567\ndata\nid: 2\n\ndata: after\n\n",
    b"id: 1\n\nid: 1234567\ndata\nretry: 7\n\ndata: after\n\n",
    b"data: 123456789012\n\ndata: 1234567890123\n\ndata: 123456789012345678\n\ndata: 1234567890123456789\n\n",
    b"data: 1234567890123\nid: 1\nretry: 5\nevent: e\ndata: x\n\ndata: after\n\n",
    b"event: 12345678\ndata: 1234\n\nevent: 12345678\ndata: 12345\n\ndata: after\n\n",
    b"data: 12345678\nevent: 1234\n\ndata: 12345678\nevent: 12345\n\ndata: after\n\n",
    b"id: 1234\nevent: 1234\ndata: 1234\n\nid: 1234\nevent: 1234\ndata: 12345\n\ndata: after\n\n",
    b"data: 1234\nevent: 1234\nid: 1234\n\ndata: 12345\nevent: 1234\nid: 1234\n\ndata: after\n\n",
    b"id: 1234\nid: 1\ndata: 12345678901\n\nevent: 1234\nevent\ndata: 123456789012\n\n",
    b"data: \xFF\xFF\xFF\xFF\n\ndata: \xFF\xFF\xFF\xFF\xFF\n\ndata: after\n\n",
    b"data: \xE2\x82\xAC\n\ndata: \xE2\x82\n\ndata: \xE2\ndata: \x82\xAC\n\n",
    b"event: \xFF\ndata: d\n\nevent: \xC3\xA9\ndata: \xFF\n\ndata: after\n\n",
    b"event: \xC3\xA9\ndata: d\nid: \xC3\xA9\n\ndata: \xC3\xA9\xC3\xA9\n\n",
    b"id: \xFF\ndata\n\nid: \xFF\xFF\ndata\n\nid: \xE2\x82\ndata\n\ndata: after\n\n",
    b"id: 12345\0\ndata\n\nid: 123456\0\ndata\n\nid: \0...... \ndata\n\ndata: after\n\n",
    b"id: \xFF\0\ndata\n\nid: \xC3\xA9\0\ndata\n\n",
    b"data: a\r\ndata: b\r\n\r\ndata: c\rdata: d\r\rdata: e\ndata: f\n\n",
    b"data: a\r\rdata: b\r\n\rdata: c\n\r\ndata: d\r\n\ndata: e\n\r",
    b"\r\n\r\n\r\r\n\n\rdata\r\r\r\n\r\ndata: x\n\r\n\r",
    b"event: a\rid: 1\r\ndata: b\n\rdata: c\r\n\n",
    b"data: a\n:\ndata: b\n: c\n\n:data: d\n\ndata: e\n\n",
    b": a\n: b\r\n:\r:\n\n:c\r\n\r\ndata\n:d\n\n",
    b"data: a\nretry: 10\ndata: b\nretry: 1x\nretry\nretry:\n\nretry: 20\n\n",
    b"retry:1\nretry: 22\nretry:  3\nretry: 4 \nretry: +5\nretry: 6\0\ndata\n\n",
    b"retry: 18446744073709551615\ndata\n\nretry: 18446744073709551616\n\nretry: 00007\ndata\n\n",
    b"datum: x\ndatas\nDATA: x\n data: x\ndata : x\ndata\0: x\nda\ndata: y\n\n",
    b"events: x\nid2: x\nids\nretrying: 5\ni\ne\nr\nd\ndata: y\n\n",
    b"data:  two spaces\n\ndata:\tone tab\n\ndata: :\n\ndata::\n\ndata: \n\ndata:  \n\n",
    b"\xEF\xBB\xBFdata: a\n\n\xEF\xBB\xBFdata: b\n\n",
    b"\xEF\xBB\xBF\n\xEF\xBB\xBFid: 1\ndata\n\xEF\xBB\ndata: c\n\n",
    b"data: a\n\ndata: b\n\ndata: c\n\ndata: d\n\ndata: e\n\ndata: f\n\ndata: g\n\n",
    b"event: a\ndata: 1\n\nevent: b\ndata: 2\n\nid: 1\nevent: c\ndata: 3\n\ndata: 4\n\n",
    b"unknown\n\nunknown: x\n\n:\n\nretry: 1\n\nevent: x\n\nid: 1\n\ndata: x\n\n",
    b"data: a\nunknown\nevent: b\nid: 5\nunknown: x\n\nunknown\n\nid: 6\ndata: c",
    b"event: cut\ndata: c\nid: 12345678",
    b"data: a\n\nevent: b\ndata: c\r",
    b"data: a\n\n: cut",
];

/// Each of them in one chunk and cut in two after each length of filler, and cut in three at the
/// start of a stream.
#[test]
fn longer_streams() {
    let start = Instant::now();
    let mut comparison = Comparison::default();
    let decoder_16 = EventDecoder::with_buffer([0; 16]);
    let decoder_24 = EventDecoder::with_buffer([0; 24]);
    let decoder_1024 = EventDecoder::with_buffer([0; 1024]);
    for tokens in LONGER_STREAMS {
        comparison.counts.sequences += 1;
        for &call in Call::ALL {
            for lead in Lead::at_line_starts() {
                comparison.counts.streams += 1;
                let stream = [lead.bytes(call), tokens].concat();
                let within = if lead.is_short {
                    0..=stream.len()
                } else {
                    // After a later cut there are the same lines as without the filler.
                    lead.bytes(call).len()..=lead.bytes(call).len() + 4
                };
                comparison.cut_in_two(&decoder_16, &stream, call, within.clone());
                comparison.ask_oracle(&decoder_16, &stream, call);
                comparison.cut_in_two(&decoder_24, &stream, call, within.clone());
                comparison.ask_oracle(&decoder_24, &stream, call);
                comparison.cut_in_two(&decoder_1024, &stream, call, within.clone());
                comparison.ask_oracle(&decoder_1024, &stream, call);
                #[cfg(feature = "alloc")]
                comparison.cut_in_two(&with_id(grown(), "0"), &stream, call, within);
            }
            comparison.read_byte_by_byte(&decoder_24, tokens, call);
            for first in 0..=tokens.len() {
                for second in first..=tokens.len() {
                    comparison.read_cut(&decoder_24, tokens, call, &[first, second]);
                }
            }
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    comparison.assert_none_differs("longer streams", seconds);
}

/// Each kind of line, with each kind of line end, and of each length. Long lines are searched in
/// another way.
#[test]
fn lines_of_every_length() {
    let start = Instant::now();
    let mut comparison = Comparison::default();
    let decoder = EventDecoder::with_buffer([0; 2048]);
    let smaller = EventDecoder::with_buffer([0; 128]);
    for begins in [
        "data:",
        "data: ",
        "event:",
        "event: ",
        "id:",
        "id: ",
        "retry:",
        ":",
        "x",
        "data: y\ndata:",
        "event: y\nevent:",
        "id: y\nid:",
    ] {
        for line_end in ["\n", "\r", "\r\n"] {
            for length in (0..=200).chain(480..=640).chain(1000..=1120) {
                // `decode_owned_item` finds what `decode_item` finds, and copies as `decode_owned`
                // does.
                for &call in Call::ALL
                    .iter()
                    .filter(|call| !(call.copies() && call.returns_items()))
                {
                    comparison.counts.streams += 1;
                    let line = format!("data: 0\n\n{begins}{}", "1".repeat(length));
                    let stream = format!("{line}{line_end}data: z{line_end}{line_end}");
                    let cuts = line.len() - 1..=line.len() + 3;
                    let stream = stream.as_bytes();
                    comparison.cut_in_two(&decoder, stream, call, cuts.clone());
                    comparison.ask_oracle(&decoder, stream, call);
                    comparison.cut_in_two(&smaller, stream, call, cuts);
                    comparison.ask_oracle(&smaller, stream, call);
                }
            }
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    comparison.assert_none_differs("lines of every length", seconds);
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
    for call in Call::ALL {
        let comments = if call.returns_items() { comments } else { &[] };
        for (one, another) in pairs.iter().chain(comments) {
            let before = comparison.counts.differences;
            comparison.read_byte_by_byte(&decoder, one, *call);
            comparison.read_cut(&decoder, another, *call, &[]);
            comparison.ask_oracle(&decoder, another, *call);
            comparison.ask_oracle(&decoder, one, *call);
            assert_eq!(
                comparison.counts.differences,
                before + 2,
                "{call:?} of {} and {}",
                escaped(one),
                escaped(another)
            );
        }
    }
    let (_, shown) = &comparison.differences[0];
    assert!(
        shown.contains("data=b\"a\"") && shown.contains("data=b\"b\""),
        "{shown}"
    );
}

#[test]
fn the_tails_are_a_block_long() {
    let lengths: Vec<_> = TAILS.iter().map(|tail| tail.len()).collect();
    assert_eq!(lengths, [64, 64, 0]);
}
