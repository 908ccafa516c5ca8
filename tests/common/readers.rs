//! Every way to read a stream with the crate, in one form that can be compared with the oracle's
//! outcome. Each also checks what must hold for every call, whatever it returns.

#![allow(
    clippy::exhaustive_enums,
    reason = "nothing outside the tests builds upon these"
)]

use super::adapters::{ADAPTERS, Contract};
pub use super::calls::Call;
#[cfg(feature = "alloc")]
use super::calls::SeeOwned;
use super::calls::{
    assert_borrowed, count_events, ignored, milliseconds, raw, rejection, see, see_item, see_raw,
    text,
};
use super::oracle::{self, Config, Line, Outcome, Recovered, Seen};
use super::random::Random;
use super::session;
use super::transport::Step;
use core::fmt;
use sse_wire::{Buffer, CutLine, EventDecoder, FieldName, FieldParser, InvalidLastEventId, Token};

/// The sizes of caller-provided memory that are tried.
pub const MEMORY: &[usize] = &[0, 1, 2, 3, 4, 5, 7, 8, 16, 64, 4096, 1 << 20];

/// Every reader: the [`DECODERS`], the parser of fields, and each adapter with its calls mixed.
pub const READERS: &[Reader] = &{
    const ALONE: usize = Call::ALL.len();
    let fields = Reader::new("FieldParser", &[], Way::Fields);
    let mut readers = [fields; KINDS.len() * (ALONE + 1) + 1 + ADAPTERS.len()];
    let mut at = 0;
    while at < DECODERS_LEN {
        let (name, run) = KINDS[at / (ALONE + 1)];
        let calls = match at % (ALONE + 1) {
            ALONE => Call::ALL,
            call => Call::ALL.split_at(call).1.split_at(1).0,
        };
        readers[at] = Reader::new(name, calls, Way::Decoder(run));
        at += 1;
    }
    while at < DECODERS_LEN + ADAPTERS.len() {
        let contract = &ADAPTERS[at - DECODERS_LEN];
        readers[at] = Reader::adapter(contract, contract.calls, &[]);
        at += 1;
    }
    readers
};

/// The decoder in each kind of memory, by each of its calls and by all of them mixed.
pub const DECODERS: &[Reader] = READERS.split_at(DECODERS_LEN).0;

const DECODERS_LEN: usize = KINDS.len() * (Call::ALL.len() + 1);

type Run = fn(&Stream<'_>, &Config, &mut dyn FnMut() -> Call) -> Option<Ran>;

const KINDS: &[(&str, Run)] = &[
    #[cfg(feature = "alloc")]
    ("decoder in memory that grows", growing),
    ("decoder in a slice", slice),
    ("decoder in an array", array),
];

/// One way to read a stream.
#[derive(Clone, Copy)]
pub struct Reader {
    name: &'static str,
    /// What it reports.
    pub sees: Sees,
    /// One of them at random each time.
    calls: &'static [Call],
    way: Way,
}

#[derive(Clone, Copy)]
enum Way {
    Decoder(Run),
    Adapter(&'static Contract, &'static [Step]),
    Fields,
}

/// What a reader reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sees {
    /// Events and rejections.
    Events,
    /// All items.
    Items,
    /// Events and rejections, and such other items as the calls happened to ask for.
    Some,
}

/// A stream as it arrives.
#[derive(Clone, Copy)]
pub struct Stream<'s> {
    /// The chunks.
    pub chunks: &'s [&'s [u8]],
    /// What to do with a line that the end cuts off.
    pub cut_line: CutLine,
    /// The seed of the readers that choose at random.
    pub seed: u64,
}

/// What a reader reported.
#[derive(Debug)]
pub struct Ran {
    /// What was seen, in order, and by which call.
    pub seen: Vec<(Call, Seen)>,
    /// How many events were dispatched in all after each chunk.
    pub dispatched_after: Vec<usize>,
    /// The last event ID at the end of the stream.
    pub last_event_id: String,
    /// The reconnection time at the end of the stream, in milliseconds.
    pub reconnection_time: Option<u64>,
    /// How many lines are no fields, and the beginning of the first one if that is stored.
    pub ignored: (usize, Option<Vec<u8>>),
    /// What the end of the stream cut off.
    pub unfinished: Option<Recovery>,
}

/// An unfinished event, recovered.
#[derive(Debug)]
pub struct Recovery {
    /// Whether the stream ended inside a line, if the reader can tell.
    pub inside_line: Option<bool>,
    /// The call that the recovery belongs to.
    pub call: Call,
    /// What the recovery gave.
    pub recovered: Recovered,
}

/// What a stream means, to readers of text and to readers of bytes.
#[derive(Debug)]
pub struct Meaning {
    text: Outcome,
    raw: Outcome,
}

/// The limits of a decoder in `bytes` bytes of memory.
pub fn memory_config(bytes: usize) -> Config {
    Config {
        event_limit: bytes - bytes / 4,
        last_event_id_limit: bytes / 4,
        ..Config::default()
    }
}

impl Meaning {
    /// Asks the oracle.
    pub fn of(input: &[u8], config: &Config) -> Self {
        let with = |text| {
            let config = Config {
                text,
                ..config.clone()
            };
            oracle::interpret(input, &config)
        };
        Self {
            text: with(true),
            raw: with(false),
        }
    }

    /// What a call gives.
    pub fn to(&self, call: Call) -> &Outcome {
        match call {
            Call::DecodeRaw => &self.raw,
            _ => &self.text,
        }
    }
}

impl Reader {
    const fn new(name: &'static str, calls: &'static [Call], way: Way) -> Self {
        let sees = match calls {
            [Call::Decode | Call::DecodeRaw] => Sees::Events,
            #[cfg(feature = "alloc")]
            [Call::DecodeOwned] => Sees::Events,
            [_] => Sees::Items,
            _ => Sees::Some,
        };
        Self {
            name,
            sees,
            calls,
            way,
        }
    }

    /// An adapter that is read by some of its calls, from a transport that takes the steps of
    /// `interruption` before each chunk and before its end.
    pub const fn adapter(
        contract: &'static Contract,
        calls: &'static [Call],
        interruption: &'static [Step],
    ) -> Self {
        Self::new(contract.name, calls, Way::Adapter(contract, interruption))
    }

    /// Reads `stream`, and compares the result with its meaning. `None` if the reader cannot have
    /// these limits, or not this last event ID to begin with.
    ///
    /// # Panics
    ///
    /// When they differ. The message shows the chunks.
    pub fn check(&self, stream: &Stream<'_>, config: &Config, meaning: &Meaning) -> Option<Ran> {
        let _shown = ShownOnPanic {
            reader: self,
            stream,
            config,
        };
        let mut random = Random::new(stream.seed);
        let mut next_call = || *random.choose(self.calls);
        let ran = match self.way {
            Way::Decoder(run) => run(stream, config, &mut next_call)?,
            Way::Adapter(contract, interruption) => {
                session::run(contract, stream, config, interruption, &mut next_call)?
            }
            Way::Fields => {
                assert_eq!(lines(stream.chunks), oracle::lines(&stream.chunks.concat()));
                return None;
            }
        };
        match self.sees {
            Sees::Some => compare_some(&ran.seen, meaning),
            sees => {
                let is_asked_for = |seen: &&Seen| sees == Sees::Items || seen.is_of_events();
                let expected = &meaning.to(self.calls[0]).seen;
                let expected: Vec<_> = expected.iter().filter(is_asked_for).cloned().collect();
                assert_eq!(joined(&ran.seen), expected);
            }
        }
        assert_eq!(ran.last_event_id, meaning.text.last_event_id);
        assert_eq!(ran.reconnection_time, meaning.text.reconnection_time);
        let (count, first) = &ran.ignored;
        assert_eq!(
            *count, meaning.text.ignored.0,
            "the number of ignored lines"
        );
        if first.is_some() {
            assert_eq!(*first, meaning.text.ignored.1, "the first ignored line");
        }
        assert_eq!(ran.unfinished.is_some(), meaning.text.unfinished.is_some());
        if let Some(recovery) = &ran.unfinished {
            let unfinished = meaning.to(recovery.call).unfinished.as_ref();
            let unfinished = unfinished.expect("reading as bytes ends where reading as text does");
            if let Some(inside_line) = recovery.inside_line {
                assert_eq!(inside_line, unfinished.inside_line);
            }
            let expected = match stream.cut_line {
                CutLine::Keep => &unfinished.keep,
                CutLine::Discard => &unfinished.discard,
            };
            assert_eq!(&recovery.recovered, expected);
        }
        Some(ran)
    }

    /// Like [`check`](Self::check), with the cut line kept, and again with it discarded if there is
    /// one to discard.
    pub fn check_both_ends(
        &self,
        chunks: &[&[u8]],
        config: &Config,
        meaning: &Meaning,
        seed: u64,
    ) -> Option<Ran> {
        let stream = |cut_line| Stream {
            chunks,
            cut_line,
            seed,
        };
        if meaning.text.unfinished.is_some() {
            self.check(&stream(CutLine::Discard), config, meaning);
        }
        self.check(&stream(CutLine::Keep), config, meaning)
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} by {:?}", self.name, self.calls)?;
        match self.way {
            Way::Adapter(_, [_, ..]) => write!(formatter, ", interrupted"),
            _ => Ok(()),
        }
    }
}

/// The fragments of each line as one.
fn joined(seen: &[(Call, Seen)]) -> Vec<Seen> {
    let mut whole: Vec<Seen> = Vec::with_capacity(seen.len());
    for (_, seen) in seen {
        if !whole.last_mut().is_some_and(|last| last.join(seen)) {
            whole.push(seen.clone());
        }
    }
    whole
}

/// All events and rejections as the call that met them gives them; of the rest what was seen must be
/// there, in this order.
fn compare_some(seen: &[(Call, Seen)], meaning: &Meaning) {
    let mut at = 0;
    let mut within_line = 0;
    for (call, seen) in seen {
        loop {
            let expected = meaning.to(*call).seen.get(at);
            let expected = expected.unwrap_or_else(|| panic!("{seen:?} is not in the stream"));
            let is_same_kind = core::mem::discriminant(seen) == core::mem::discriminant(expected);
            match (seen.fragment(), expected.fragment()) {
                (Some((part, end)), Some((text, _))) if is_same_kind => {
                    let rest = &text[within_line..];
                    let found = if end {
                        rest.ends_with(part).then_some(text.len())
                    } else {
                        (0..rest.len())
                            .find(|start| rest[*start..].starts_with(part))
                            .map(|start| within_line + start + part.len())
                    };
                    if let Some(stop) = found {
                        within_line = stop;
                        if end {
                            at += 1;
                            within_line = 0;
                        }
                        break;
                    }
                }
                _ if seen.is_of_events() && expected.is_of_events() => {
                    assert_eq!(seen, expected);
                    at += 1;
                    break;
                }
                _ if expected.is_of_events() => panic!("{seen:?} came before {expected:?}"),
                _ if seen == expected => {
                    at += 1;
                    within_line = 0;
                    break;
                }
                _ => {}
            }
            at += 1;
            within_line = 0;
        }
    }
    let missed = meaning.text.seen[at..]
        .iter()
        .find(|seen| seen.is_of_events());
    assert_eq!(missed, None, "the last of the events");
}

/// Shows which stream it was, however the reader fails.
struct ShownOnPanic<'s> {
    reader: &'s Reader,
    stream: &'s Stream<'s>,
    config: &'s Config,
}

impl Drop for ShownOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!(
                "with {:?}, {:?} at the end, seed {}, {:?}, chunks:",
                self.reader, self.stream.cut_line, self.stream.seed, self.config
            );
            for chunk in self.stream.chunks {
                eprintln!("    b\"{}\"", chunk.escape_ascii());
            }
        }
    }
}

/// A decoder whose memory grows.
#[cfg(feature = "alloc")]
fn growing(
    stream: &Stream<'_>,
    config: &Config,
    next_call: &mut dyn FnMut() -> Call,
) -> Option<Ran> {
    let limits = sse_wire::Limits::new()
        .with_event(config.event_limit)
        .with_last_event_id(config.last_event_id_limit)
        .with_oversized_id_ignored(config.ignore_oversized_id);
    run(EventDecoder::with_limits(limits), stream, config, next_call)
}

/// A decoder in a slice, whose memory is not zero.
fn slice(stream: &Stream<'_>, config: &Config, next_call: &mut dyn FnMut() -> Call) -> Option<Ran> {
    let mut memory = vec![0xA5; memory_bytes(config)?];
    run(
        EventDecoder::with_buffer(&mut memory[..]),
        stream,
        config,
        next_call,
    )
}

/// A decoder that owns its array.
fn array(stream: &Stream<'_>, config: &Config, next_call: &mut dyn FnMut() -> Call) -> Option<Ran> {
    macro_rules! sizes {
        ($($size:literal)+) => {
            match memory_bytes(config)? {
                $($size => run(EventDecoder::with_buffer([0; $size]), stream, config, next_call),)+
                _ => None,
            }
        };
    }
    sizes!(0 1 2 3 4 5 7 8 16 64 4096)
}

/// How much memory a decoder with these limits takes.
pub fn memory_bytes(config: &Config) -> Option<usize> {
    let bytes = config.event_limit + config.last_event_id_limit;
    let is_possible = config.last_event_id_limit == bytes / 4 && !config.ignore_oversized_id;
    is_possible.then_some(bytes)
}

/// Runs a stream through a decoder.
fn run<B: Buffer>(
    mut decoder: EventDecoder<B>,
    stream: &Stream<'_>,
    config: &Config,
    next_call: &mut dyn FnMut() -> Call,
) -> Option<Ran> {
    assert_eq!(decoder.limits().event, config.event_limit);
    assert_eq!(decoder.limits().last_event_id, config.last_event_id_limit);
    let initial = &config.initial_last_event_id;
    if let Err(error) = decoder.set_last_event_id(initial) {
        let max = config.last_event_id_limit;
        assert!(initial.len() > max);
        assert!(
            matches!(error, InvalidLastEventId::TooLong { len, max: limit } if (len, limit) == (initial.len(), max))
        );
        return None;
    }
    let mut seen = Vec::new();
    let mut dispatched_after = Vec::new();
    // Whether nothing of a block has been read yet, so that its event lies whole in the input if it comes from there.
    let mut between_events = true;
    for &chunk in stream.chunks {
        let mut input = chunk;
        let mut calls = 0;
        loop {
            let before = input;
            let call = next_call();
            let borrowed = |event_type: &[u8], data: &[u8]| {
                if between_events {
                    assert_borrowed(event_type, data, chunk);
                }
            };
            let found = match call {
                Call::Decode => decoder.decode(&mut input).map(|event| {
                    let event = event?;
                    borrowed(event.event_type().as_bytes(), event.data().as_bytes());
                    Some(see(event))
                }),
                Call::DecodeRaw => decoder.decode_raw(&mut input).map(|event| {
                    let event = event?;
                    borrowed(event.event_type(), event.data());
                    Some(see_raw(event))
                }),
                Call::DecodeItem => decoder
                    .decode_item(&mut input)
                    .map(|item| item.map(see_item)),
                #[cfg(feature = "alloc")]
                Call::DecodeOwned => {
                    let event = decoder.decode_owned(&mut input);
                    event.map(|event| event.as_ref().map(SeeOwned::see))
                }
                #[cfg(feature = "alloc")]
                Call::DecodeOwnedItem => {
                    let item = decoder.decode_owned_item(&mut input);
                    item.map(|item| item.as_ref().map(SeeOwned::see))
                }
            };
            // By its place, not by its bytes, which would take quadratic time.
            assert!(
                input.len() <= before.len() && input.as_ptr_range().end == chunk.as_ptr_range().end,
                "the input is not the rest of the chunk"
            );
            calls += 1;
            assert!(
                calls <= 2 * chunk.len() + 4,
                "the calls do not come to an end"
            );
            let (result, done) = match found {
                Ok(Some(found)) => (Some(found), false),
                Err(error) => (Some(Seen::Rejected(rejection(error, config))), false),
                Ok(None) => (None, true),
            };
            between_events = match &result {
                Some(Seen::Event(_) | Seen::NotDispatched(_)) => true,
                None => between_events && before.is_empty(),
                Some(_) => false,
            };
            if let Some((text, false)) = result.as_ref().and_then(Seen::fragment) {
                assert!(!text.is_empty(), "an empty fragment");
            }
            seen.extend(result.map(|result| (call, result)));
            if done {
                assert!(
                    input.is_empty(),
                    "the call gave up in the middle of the input"
                );
                break;
            }
        }
        assert!(matches!(decoder.decode(&mut input), Ok(None)));
        assert!(matches!(decoder.decode_raw(&mut input), Ok(None)));
        assert!(matches!(decoder.decode_item(&mut input), Ok(None)));
        dispatched_after.push(count_events(&seen));
    }
    let last_event_id = decoder.last_event_id().to_owned();
    let reconnection_time = decoder.reconnection_time().map(milliseconds);
    let ignored = ignored(&decoder);
    let call = next_call();
    let unfinished = decoder.finish().map(|incomplete| {
        let inside_line = incomplete.is_inside_line();
        let result = match call {
            Call::DecodeRaw => incomplete
                .recover_raw(stream.cut_line)
                .map(|event| event.map(raw)),
            _ => incomplete
                .recover(stream.cut_line)
                .map(|event| event.map(text)),
        };
        (
            inside_line,
            result.map_err(|error| rejection(error, config)),
        )
    });
    let unfinished = unfinished.map(|(inside_line, result)| Recovery {
        inside_line: Some(inside_line),
        call,
        recovered: Recovered {
            result,
            last_event_id: decoder.last_event_id().to_owned(),
            reconnection_time: decoder.reconnection_time().map(milliseconds),
        },
    });
    assert!(decoder.finish().is_none(), "the end came twice");
    Some(Ran {
        seen,
        dispatched_after,
        last_event_id,
        reconnection_time,
        ignored,
        unfinished,
    })
}

/// The lines that the parser of fields finds, and beside them the one that the end cuts off.
fn lines(chunks: &[&[u8]]) -> (Vec<Line>, Option<Line>) {
    let mut parser = FieldParser::new();
    let (mut lines, mut fragments) = (Vec::new(), Vec::new());
    let mut line = |token: Token<'_>| {
        let (part, end) = match token {
            Token::Field { value, end, .. } => (value, end),
            Token::Comment { text, end } => (text, end),
            Token::BlankLine => return Some(Line::Blank),
        };
        assert!(end || !part.is_empty(), "an empty fragment");
        fragments.extend_from_slice(part);
        let value = end.then(|| core::mem::take(&mut fragments))?;
        let Token::Field { name, .. } = token else {
            return Some(Line::Comment(value));
        };
        let name = match name {
            FieldName::Data => "data",
            FieldName::Event => "event",
            FieldName::Id => "id",
            FieldName::Retry => "retry",
            FieldName::Unknown => "",
        };
        Some(Line::Field { name, value })
    };
    for &chunk in chunks {
        let mut input = chunk;
        while let Some(token) = parser.next(&mut input) {
            lines.extend(line(token));
        }
        assert!(
            input.is_empty(),
            "the parser gave up in the middle of the input"
        );
    }
    let is_inside_line = parser.is_inside_line();
    let last_line = parser.finish().and_then(line);
    assert_eq!(last_line.is_some(), is_inside_line);
    (lines, last_line)
}
