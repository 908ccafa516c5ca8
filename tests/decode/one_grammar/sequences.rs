//! All sequences of tokens.

use super::compare::Comparison;
use crate::common::calls::Call;
use crate::read::AnyDecoder;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use sse_wire::{Buffer, EventDecoder};
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

/// Whether a call returns copies of the items that `decode_item` finds.
pub(super) fn copies_items(call: Call) -> bool {
    !Call::BORROWED.contains(&call) && call.returns_items()
}

/// What precedes the tokens; nothing, if they begin the stream.
pub(super) struct Lead {
    /// With a comment as filler.
    comment: Vec<u8>,
    /// With an unknown field as filler, for calls that return comments: they would return there.
    unknown: Vec<u8>,
}

impl Lead {
    /// The tokens begin the stream, a byte order mark included.
    const START: Self = Self {
        comment: Vec::new(),
        unknown: Vec::new(),
    };

    /// An open block, and a line of `length` bytes, including its line end.
    fn line(open_block: &str, length: usize) -> Self {
        let filled = |first: u8| {
            let mut line = vec![b'x'; length];
            if let Some(byte) = line.first_mut() {
                *byte = first;
            }
            if let Some(byte) = line.last_mut() {
                *byte = b'\n';
            }
            [EVENT, open_block.as_bytes(), &line].concat()
        };
        Self {
            comment: filled(b':'),
            unknown: filled(b'x'),
        }
    }

    /// The beginning of a line, with `length` bytes of its value.
    fn part_of_line(open_line: &str, length: usize) -> Self {
        let lead = [EVENT, open_line.as_bytes(), &vec![b'x'; length]].concat();
        Self {
            comment: lead.clone(),
            unknown: lead,
        }
    }

    /// At the start of a stream, and after a whole line of each length.
    pub(super) fn at_line_starts() -> Vec<Self> {
        let mut leads = vec![Self::START];
        leads.extend((0..=MOST_FILLER).map(|length| Self::line("", length)));
        leads
    }

    /// The same, and in a data line; with `all` in lines and blocks of all kinds.
    fn anywhere(all: bool) -> Vec<Self> {
        let mut leads = Self::at_line_starts();
        let lines = if all { OPEN_LINES } else { &OPEN_LINES[..1] };
        for line in lines {
            leads.extend(near_edges(line).map(|length| Self::part_of_line(line, length)));
        }
        let blocks = if all { OPEN_BLOCKS } else { &[] };
        for block in blocks {
            leads.extend(near_edges(block).map(|length| Self::line(block, length)));
        }
        leads
    }

    pub(super) fn is_start(&self) -> bool {
        self.comment.is_empty()
    }

    pub(super) fn bytes(&self, call: Call) -> &[u8] {
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
    let edges = [32, 64, 96].into_iter();
    let near = edges.flat_map(|edge| edge - 4..=edge);
    [0].into_iter().chain(near.map(|at| at - open.len()))
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

/// A decoder, the least care with which it is tried, and whether the calls that copy try it. To
/// most of them the size of the buffer matters as to the calls that borrow.
type Tried = (Box<dyn AnyDecoder>, Care, bool);

/// Decoders with buffers of several sizes, at the start of a stream or after an event.
fn decoders(is_start: bool) -> Vec<Tried> {
    let id = if is_start { "" } else { "0" };
    let decoders: [Tried; 3] = [
        // The limits are 192 bytes for an event and 64 for an ID.
        (
            with_id(EventDecoder::with_buffer([0; 256]), id),
            Care::Least,
            true,
        ),
        // 3 bytes for an event and one for an ID. So one byte fits as an ID, and U+FFFD does not.
        (
            with_id(EventDecoder::with_buffer([0; 4]), id),
            Care::Less,
            false,
        ),
        (
            with_id(EventDecoder::with_buffer([0; 8]), id),
            Care::Most,
            false,
        ),
    ];
    let mut decoders = Vec::from(decoders);
    decoders.push((Box::new(EventDecoder::with_buffer([])), Care::Most, false));
    #[cfg(feature = "alloc")]
    {
        let limits = sse_wire::Limits::new().with_event(5).with_last_event_id(4);
        let growing = with_id(EventDecoder::with_limits(limits), id);
        decoders.push((growing, Care::Most, true));
        if !is_start {
            decoders.push((with_id(grown(), id), Care::Most, false));
        }
    }
    decoders
}

fn with_id<B: Buffer + Clone + 'static>(
    mut decoder: EventDecoder<B>,
    id: &str,
) -> Box<dyn AnyDecoder> {
    decoder.set_last_event_id(id).expect("it has room");
    Box::new(decoder)
}

/// A decoder that has buffered 6000 bytes: so many that their use is recorded, and that the fast
/// path is not taken.
#[cfg(feature = "alloc")]
pub(super) fn grown() -> EventDecoder {
    let mut decoder = EventDecoder::new();
    let long = [b"data\ndata:", &[b'l'; 6000][..], b"\n\n"].concat();
    let event = decoder.decode(&mut &long[..]).expect("no limit is near");
    assert_eq!(event.expect("it has data").data().len(), 6001);
    decoder
}

/// Reads the tokens with each lead and each tail.
fn read_tokens<'l>(
    comparison: &mut Comparison,
    tokens: &[u8],
    leads: impl Iterator<Item = &'l Lead>,
    care: Care,
    [at_start, later]: &[Vec<Tried>; 2],
) {
    comparison.sequences += 1;
    for (lead, tail) in leads.flat_map(|lead| TAILS.iter().map(move |tail| (lead, *tail))) {
        comparison.streams += 1;
        // The call that copies items finds what `decode_item` finds, and copies as `decode_owned`.
        let calls = Call::ALL.iter();
        for &call in calls.filter(|call| care == Care::Most || !copies_items(**call)) {
            let before = lead.bytes(call);
            let stream = [before, tokens, tail].concat();
            let tokens = before.len()..=before.len() + tokens.len();
            let around = tokens.start().saturating_sub(1)..=(tokens.end() + 2).min(stream.len());
            let decoders = if lead.is_start() { at_start } else { later };
            for (index, (decoder, least, for_copies)) in decoders.iter().enumerate() {
                #[expect(clippy::reversed_empty_ranges, reason = "not cut")]
                let cuts = match care {
                    Care::Least if call == Call::Decode => tokens.clone(),
                    Care::Least => 1..=0,
                    Care::Most if index == 0 => 0..=stream.len(),
                    Care::Less | Care::Most => around.clone(),
                };
                if care >= *least && (*for_copies || Call::BORROWED.contains(&call)) {
                    comparison.check(&**decoder, &stream, call, cuts);
                }
            }
        }
    }
}

/// Reads all sequences of so many tokens, in several threads, each with every `step`-th lead.
fn sequences_of(tokens: usize, most: usize, step: usize) -> Comparison {
    /// How many sequences a thread takes at a time.
    const TURN: usize = 8;

    let care = Care::of(tokens, most);
    let leads = match care {
        Care::Most | Care::Less => Lead::anywhere(care == Care::Most),
        Care::Least => Lead::at_line_starts(),
    };
    let total = (0..tokens).fold(1, |total, _| total * TOKENS.len());
    let next = AtomicUsize::new(0);
    let work = || {
        let decoders = [true, false].map(decoders);
        let mut comparison = Comparison::default();
        loop {
            let first = next.fetch_add(TURN, Ordering::Relaxed);
            if first >= total {
                return comparison;
            }
            for number in first..(first + TURN).min(total) {
                let mut digits = number;
                let sequence = (0..tokens).flat_map(|_| {
                    let token = TOKENS[digits % TOKENS.len()];
                    digits /= TOKENS.len();
                    token
                });
                let sequence: Vec<u8> = sequence.copied().collect();
                let leads = leads.iter().skip(number % step).step_by(step);
                read_tokens(&mut comparison, &sequence, leads, care, &decoders);
            }
        }
    };
    let start = Instant::now();
    let mut reported = start;
    let mut all = Comparison::default();
    thread::scope(|scope| {
        let processors = thread::available_parallelism().map_or(2, Into::into);
        let workers: Vec<_> = (0..processors).map(|_| scope.spawn(work)).collect();
        while !workers.iter().all(thread::ScopedJoinHandle::is_finished) {
            thread::sleep(Duration::from_millis(5));
            if reported.elapsed() >= PROGRESS {
                reported = Instant::now();
                let done = next.load(Ordering::Relaxed).min(total);
                let seconds = start.elapsed().as_secs();
                eprintln!("{tokens} tokens: {done} of {total} sequences after {seconds} s");
            }
        }
        for worker in workers {
            all.add(worker.join().expect("it has not panicked"));
        }
    });
    // The shortest sequence that differs is reported, before longer ones are read.
    all.assert_none_differs(&format!("{tokens} tokens, {care:?} care"), start);
    all
}

#[test]
fn every_sequence() {
    let wanted = std::env::var("SSE_WIRE_TOKENS").ok();
    let wanted = wanted.map(|tokens| tokens.parse().expect("SSE_WIRE_TOKENS is a number"));
    let most = wanted.unwrap_or(MOST_TOKENS);
    let start = Instant::now();
    let mut all = Comparison::default();
    for tokens in 0..=most {
        // An ordinary run tries each lead with some of the sequences only.
        let step = if wanted.is_some() { 1 } else { 6 };
        all.add(sequences_of(tokens, most, step));
    }
    all.assert_none_differs(&format!("up to {most} tokens"), start);
}

#[test]
fn the_tails_are_a_block_long() {
    assert_eq!([0, 1, 2].map(|tail| TAILS[tail].len()), [64, 64, 0]);
}
