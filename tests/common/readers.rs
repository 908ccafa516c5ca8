//! Every way to read a stream with the crate, in one form that can be compared with the oracle's
//! outcome. Each also checks what must hold for every call, whatever it returns.

#![allow(
    clippy::exhaustive_enums,
    reason = "nothing outside the tests builds upon these"
)]

use super::adapters::{ADAPTERS, Contract};
use super::assembler;
use super::oracle::{self, Config, Dispatched, Outcome, Recovered, Refusal, Seen};
use super::random::Random;
use super::session;
use super::transport::Step;
use core::fmt;
use core::str;
use core::time::Duration;
use sse_wire::{
    Buffer, CutLine, DecodeError, Event, EventDecoder, Item, LastEventId, Outgoing, RawEvent,
};
#[cfg(feature = "alloc")]
use sse_wire::{Limits, OwnedEvent, OwnedItem};

/// The sizes of caller-provided memory that are tried.
pub const MEMORY: &[usize] = &[0, 1, 2, 3, 4, 5, 7, 8, 16, 64, 4096, 1 << 20];

/// Every reader: those of [`DECODERS`], and each of [`ADAPTERS`] with its calls mixed.
pub const READERS: &[Reader] = &{
    let mut readers = [DECODERS[0]; DECODERS.len() + ADAPTERS.len()];
    let mut number = DECODERS.len();
    readers.split_at_mut(number).0.copy_from_slice(DECODERS);
    while number < readers.len() {
        let contract = &ADAPTERS[number - DECODERS.len()];
        readers[number] = Reader::adapter(contract, contract.calls, &[]);
        number += 1;
    }
    readers
};

/// The decoder in each kind of memory, by each of its calls and by all of them mixed, and the
/// parser of fields.
pub const DECODERS: &[Reader] = &[
    #[cfg(feature = "alloc")]
    Reader::decoder("growing", growing, &[Call::Decode]),
    #[cfg(feature = "alloc")]
    Reader::decoder("growing", growing, &[Call::DecodeRaw]),
    #[cfg(feature = "alloc")]
    Reader::decoder("growing", growing, &[Call::DecodeItem]),
    #[cfg(feature = "alloc")]
    Reader::decoder("growing", growing, &[Call::DecodeOwned]),
    #[cfg(feature = "alloc")]
    Reader::decoder("growing", growing, &[Call::DecodeOwnedItem]),
    #[cfg(feature = "alloc")]
    Reader::decoder("growing", growing, Call::ALL),
    Reader::decoder("slice", slice, &[Call::Decode]),
    Reader::decoder("slice", slice, &[Call::DecodeRaw]),
    Reader::decoder("slice", slice, &[Call::DecodeItem]),
    #[cfg(feature = "alloc")]
    Reader::decoder("slice", slice, &[Call::DecodeOwned]),
    #[cfg(feature = "alloc")]
    Reader::decoder("slice", slice, &[Call::DecodeOwnedItem]),
    Reader::decoder("slice", slice, Call::ALL),
    Reader::decoder("array", array, &[Call::Decode]),
    Reader::decoder("array", array, &[Call::DecodeItem]),
    Reader::decoder("array", array, Call::ALL),
    Reader::decoder("FieldParser", assembler::run, &[Call::DecodeItem]),
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
    Decoder(fn(&Stream<'_>, &Config, &mut dyn FnMut() -> Call) -> Option<Ran>),
    Adapter(&'static Contract, &'static [Step]),
}

/// What a reader reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sees {
    /// Events and refusals.
    Events,
    /// Comments and reconnection times too.
    Items,
    /// Events and refusals, and such comments and reconnection times as the calls happened to ask
    /// for.
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

/// The decoder's calls, and those of the adapters that correspond to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// `decode`: events as text.
    Decode,
    /// `decode_raw`: events as bytes.
    DecodeRaw,
    /// `decode_item`: events as text, comments and reconnection times.
    DecodeItem,
    /// `decode_owned`: events that own their text.
    #[cfg(feature = "alloc")]
    DecodeOwned,
    /// `decode_owned_item`: the same as `decode_item`, owned.
    #[cfg(feature = "alloc")]
    DecodeOwnedItem,
}

impl Call {
    /// The calls whose results borrow.
    pub const BORROWED: &'static [Self] = &[Self::Decode, Self::DecodeRaw, Self::DecodeItem];

    /// The calls of an adapter that is a stream or an iterator of owned events.
    #[cfg(feature = "alloc")]
    pub const WITH_OWNED_EVENTS: &'static [Self] = &[
        Self::Decode,
        Self::DecodeRaw,
        Self::DecodeItem,
        Self::DecodeOwned,
    ];

    /// The calls of an adapter that is a stream of owned items.
    #[cfg(feature = "alloc")]
    pub const WITH_OWNED_ITEMS: &'static [Self] = &[
        Self::Decode,
        Self::DecodeRaw,
        Self::DecodeItem,
        Self::DecodeOwnedItem,
    ];

    /// Every call.
    pub const ALL: &'static [Self] = &[
        Self::Decode,
        Self::DecodeRaw,
        Self::DecodeItem,
        #[cfg(feature = "alloc")]
        Self::DecodeOwned,
        #[cfg(feature = "alloc")]
        Self::DecodeOwnedItem,
    ];
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

    fn to(&self, call: Call) -> &Outcome {
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

    const fn decoder(
        name: &'static str,
        run: fn(&Stream<'_>, &Config, &mut dyn FnMut() -> Call) -> Option<Ran>,
        calls: &'static [Call],
    ) -> Self {
        Self::new(name, calls, Way::Decoder(run))
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

    /// Reads `stream`, and compares the result with its meaning. `None` if the reader cannot have these limits, or not this last
    /// event ID to begin with.
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
        };
        match self.sees {
            Sees::Events => compare(&ran.seen, meaning, |seen| {
                matches!(seen, Seen::Event(_) | Seen::Refused(_))
            }),
            Sees::Items => compare(&ran.seen, meaning, |_| true),
            Sees::Some => compare_some(&ran.seen, meaning),
        }
        assert_eq!(ran.last_event_id, meaning.text.last_event_id);
        assert_eq!(ran.reconnection_time, meaning.text.reconnection_time);
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

    /// Like [`check`](Self::check), with the cut line kept, and again with it discarded if there is one to discard.
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

/// Everything that was asked for, and nothing else.
fn compare(seen: &[(Call, Seen)], meaning: &Meaning, asked_for: fn(&Seen) -> bool) {
    let call = seen.first().map_or(Call::Decode, |(call, _)| *call);
    let expected: Vec<&Seen> = meaning
        .to(call)
        .seen
        .iter()
        .filter(|seen| asked_for(seen))
        .collect();
    let seen: Vec<Seen> = joined(seen);
    let seen: Vec<&Seen> = seen.iter().collect();
    assert_eq!(seen, expected);
}

/// The parts of each comment as one.
fn joined(seen: &[(Call, Seen)]) -> Vec<Seen> {
    let mut whole: Vec<Seen> = Vec::with_capacity(seen.len());
    for (_, seen) in seen {
        match (whole.last_mut(), seen) {
            (
                Some(Seen::Comment { text, end }),
                Seen::Comment {
                    text: part,
                    end: last,
                },
            ) if !*end => {
                text.extend_from_slice(part);
                *end = *last;
            }
            _ => whole.push(seen.clone()),
        }
    }
    whole
}

/// All events and refusals as the call that met them gives them; of the rest what was seen must be there, in this order.
fn compare_some(seen: &[(Call, Seen)], meaning: &Meaning) {
    let mut at = 0;
    let mut within_comment = 0;
    for (call, seen) in seen {
        loop {
            let expected = meaning.to(*call).seen.get(at);
            let expected = expected.unwrap_or_else(|| panic!("{seen:?} is not in the stream"));
            match (seen, expected) {
                (Seen::Event(_) | Seen::Refused(_), Seen::Event(_) | Seen::Refused(_)) => {
                    assert_eq!(seen, expected);
                    at += 1;
                    break;
                }
                (Seen::Retry(seen), Seen::Retry(expected)) if seen == expected => {
                    at += 1;
                    within_comment = 0;
                    break;
                }
                (Seen::Comment { text: part, end }, Seen::Comment { text, .. }) => {
                    let rest = &text[within_comment..];
                    let found = if *end {
                        rest.ends_with(part).then_some(text.len())
                    } else {
                        (0..rest.len())
                            .find(|start| rest[*start..].starts_with(part))
                            .map(|start| within_comment + start + part.len())
                    };
                    if let Some(stop) = found {
                        within_comment = stop;
                        if *end {
                            at += 1;
                            within_comment = 0;
                        }
                        break;
                    }
                }
                (_, Seen::Event(_) | Seen::Refused(_)) => {
                    panic!("{seen:?} came before {expected:?}")
                }
                _ => {}
            }
            at += 1;
            within_comment = 0;
        }
    }
    let missed = meaning.text.seen[at..]
        .iter()
        .find(|seen| matches!(seen, Seen::Event(_) | Seen::Refused(_)));
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
    let limits = Limits::new()
        .with_event(config.event_limit)
        .with_last_event_id(config.last_event_id_limit);
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
    (config.last_event_id_limit == bytes / 4).then_some(bytes)
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
    let initial = LastEventId::new(&config.initial_last_event_id).expect("a possible ID");
    if let Err(full) = decoder.set_last_event_id(initial) {
        assert!(initial.as_str().len() > config.last_event_id_limit);
        assert_eq!(full.needed, initial.as_str().len());
        assert_eq!(full.available, config.last_event_id_limit);
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
                Err(error) => (Some(Seen::Refused(refusal(error, config))), false),
                Ok(None) => (None, true),
            };
            between_events = match &result {
                Some(Seen::Event(_)) => true,
                None => between_events && before.is_empty(),
                Some(_) => false,
            };
            if let Some(Seen::Comment { text, end: false }) = &result {
                assert!(!text.is_empty(), "an empty part of a comment");
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
        (inside_line, result.map_err(|error| refusal(error, config)))
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
        unfinished,
    })
}

/// The data of an event that lies whole in the chunk, in one line, is borrowed from there, and so is its type.
fn assert_borrowed(event_type: &[u8], data: &[u8], chunk: &[u8]) {
    let replaced = |bytes| str::from_utf8(bytes).is_ok_and(|text| text.contains('\u{FFFD}'));
    if data.contains(&b'\n') || replaced(data) || replaced(event_type) {
        return;
    }
    let lies_in_chunk = |bytes: &[u8]| {
        let (chunk, bytes) = (chunk.as_ptr_range(), bytes.as_ptr_range());
        chunk.start <= bytes.start && bytes.end <= chunk.end
    };
    assert!(
        data.is_empty() || lies_in_chunk(data),
        "the data was copied"
    );
    // The default type is nowhere in the stream.
    assert!(
        event_type == b"message" || lies_in_chunk(event_type),
        "the event type was copied"
    );
}

pub fn text(event: Event<'_>) -> Dispatched {
    #[cfg(feature = "alloc")]
    {
        let owned = event.into_owned();
        assert_eq!(owned.as_event(), event);
        assert_eq!(owned.into_data(), event.data());
    }
    Dispatched {
        event_type: event.event_type().as_bytes().to_vec(),
        data: event.data().as_bytes().to_vec(),
        last_event_id: event.last_event_id().to_owned(),
        id: event.id().map(str::to_owned),
    }
}

/// What owns its text.
#[cfg(feature = "alloc")]
pub trait SeeOwned: Clone {
    fn see(&self) -> Seen;
}

/// The layout of an owned event is not always that of a copy of its own parts.
#[cfg(feature = "alloc")]
impl SeeOwned for OwnedEvent {
    fn see(&self) -> Seen {
        let event = self.as_event();
        assert_eq!(*self, event.into_owned());
        assert_eq!(self.clone().into_data(), self.data());
        assert_eq!(
            (self.event_type(), self.id()),
            (event.event_type(), event.id())
        );
        #[cfg(feature = "bytes")]
        assert_eq!(self.clone().into_data_bytes(), self.data());
        see(event)
    }
}

#[cfg(feature = "alloc")]
impl SeeOwned for OwnedItem {
    fn see(&self) -> Seen {
        match self {
            Self::Event(event) => event.see(),
            Self::Comment { text, end } => Seen::Comment {
                text: text.clone(),
                end: *end,
            },
            Self::Retry(time) => Seen::Retry(milliseconds(*time)),
        }
    }
}

pub fn see(event: Event<'_>) -> Seen {
    Seen::Event(text(event))
}

pub fn see_raw(event: RawEvent<'_>) -> Seen {
    Seen::Event(raw(event))
}

fn raw(event: RawEvent<'_>) -> Dispatched {
    let dispatched = Dispatched {
        event_type: event.event_type().to_vec(),
        data: event.data().to_vec(),
        last_event_id: event.last_event_id().to_owned(),
        id: event.id().map(str::to_owned),
    };
    let valid = [event.event_type(), event.data()]
        .iter()
        .all(|bytes| str::from_utf8(bytes).is_ok());
    assert_eq!(event.text().is_ok(), valid);
    if let Ok(event) = event.text() {
        assert_eq!(text(event), dispatched);
    }
    dispatched
}

pub fn see_item(item: Item<'_>) -> Seen {
    match item {
        Item::Event(event) => {
            assert_forwarded(&event);
            see(event)
        }
        Item::Comment { text, end } => Seen::Comment {
            text: text.to_vec(),
            end,
        },
        Item::Retry(time) => Seen::Retry(milliseconds(time)),
    }
}

/// An event that is sent on arrives as it came, but for an ID that an earlier block set.
fn assert_forwarded(event: &Event<'_>) {
    let sent = Outgoing::from(event).to_string();
    let mut memory = vec![0; 4 * sent.len()];
    let mut decoder = EventDecoder::with_buffer(&mut memory[..]);
    let mut input = sent.as_bytes();
    let arrived = text(
        decoder
            .decode(&mut input)
            .expect("it fits")
            .expect("an event"),
    );
    let expected = Dispatched {
        last_event_id: event.id().unwrap_or_default().to_owned(),
        ..text(*event)
    };
    assert_eq!(
        (arrived, input),
        (expected, &b""[..]),
        "{sent:?} was sent on"
    );
}

pub fn refusal(error: DecodeError, config: &Config) -> Refusal {
    match error {
        DecodeError::EventTooLarge { limit } => {
            assert_eq!(limit, config.event_limit);
            Refusal::Event
        }
        DecodeError::LastEventIdTooLarge { limit } => {
            assert_eq!(limit, config.last_event_id_limit);
            Refusal::LastEventId
        }
        error => panic!("{error} is no limit"),
    }
}

pub fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).expect("a reconnection time has at most 64 bits")
}

pub fn count_events(seen: &[(Call, Seen)]) -> usize {
    seen.iter()
        .filter(|(_, seen)| matches!(seen, Seen::Event(_)))
        .count()
}
