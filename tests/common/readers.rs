//! Every way to read a stream with the crate, in one form that can be compared with the oracle's outcome.
//!
//! A new one is one more entry in [`READERS`]. Each also checks what must hold for every call, whatever it returns.

#![allow(
    clippy::exhaustive_enums,
    reason = "nothing outside the tests builds upon these"
)]

#[cfg(any(
    feature = "std",
    feature = "stream",
    feature = "embedded-io",
    feature = "embedded-io-async"
))]
use super::adapters;
use super::oracle::{self, Config, Dispatched, Outcome, Recovered, Refusal, Seen};
use super::random::Random;
use core::fmt;
use core::str;
use core::time::Duration;
use sse_wire::{
    Buffer, CutLine, DecodeError, Event, EventDecoder, FieldName, FieldParser, Item, LastEventId,
    Outgoing, RawEvent, Token,
};
#[cfg(feature = "alloc")]
use sse_wire::{Limits, OwnedEvent, OwnedItem};

/// One call, or the mixed ones, of a reader that `run` runs.
macro_rules! reader {
    ($name:literal, $run:path, mixed $calls:ident) => {
        Reader::new($name, Sees::Some, |stream, config| {
            $run(stream, config, mixed(stream, Call::$calls))
        })
    };
    ($name:literal, $run:path, $call:ident) => {
        Reader::new($name, Call::$call.sees(), |stream, config| {
            $run(stream, config, || Call::$call)
        })
    };
}

/// Every reader.
pub const READERS: &[Reader] = &[
    #[cfg(feature = "alloc")]
    reader!("decode, growing", growing, Decode),
    #[cfg(feature = "alloc")]
    reader!("decode_raw, growing", growing, DecodeRaw),
    #[cfg(feature = "alloc")]
    reader!("decode_item, growing", growing, DecodeItem),
    #[cfg(feature = "alloc")]
    reader!("decode_owned, growing", growing, DecodeOwned),
    #[cfg(feature = "alloc")]
    reader!("decode_owned_item, growing", growing, DecodeOwnedItem),
    #[cfg(feature = "alloc")]
    reader!("all calls mixed, growing", growing, mixed ALL),
    reader!("decode, slice", slice, Decode),
    reader!("decode_raw, slice", slice, DecodeRaw),
    reader!("decode_item, slice", slice, DecodeItem),
    #[cfg(feature = "alloc")]
    reader!("decode_owned, slice", slice, DecodeOwned),
    #[cfg(feature = "alloc")]
    reader!("decode_owned_item, slice", slice, DecodeOwnedItem),
    reader!("all calls mixed, slice", slice, mixed ALL),
    reader!("decode, array", array, Decode),
    reader!("decode_raw, array", array, DecodeRaw),
    reader!("decode_item, array", array, DecodeItem),
    reader!("all calls mixed, array", array, mixed ALL),
    Reader::new("FieldParser, assembled", Sees::Items, assembled),
    Reader::new("encoded again", Sees::Events, encoded_again),
    #[cfg(feature = "std")]
    reader!("io, Read, text", adapters::io::run, Decode),
    #[cfg(feature = "std")]
    reader!("io, iterator", adapters::io::run, DecodeOwned),
    #[cfg(feature = "std")]
    reader!("io, BufRead, raw", adapters::io::run_buffered, DecodeRaw),
    #[cfg(feature = "std")]
    reader!("io, BufRead, items", adapters::io::run_buffered, DecodeItem),
    #[cfg(feature = "std")]
    reader!("io, BufRead, mixed", adapters::io::run_buffered, mixed WITH_OWNED_EVENTS),
    #[cfg(feature = "stream")]
    reader!("stream, owned", adapters::stream::run, DecodeOwned),
    #[cfg(feature = "stream")]
    reader!(
        "stream, owned items",
        adapters::stream::run_items,
        DecodeOwnedItem
    ),
    #[cfg(feature = "stream")]
    reader!("stream, text", adapters::stream::run, Decode),
    #[cfg(feature = "stream")]
    reader!("stream, raw", adapters::stream::run, DecodeRaw),
    #[cfg(feature = "stream")]
    reader!("stream, items", adapters::stream::run, DecodeItem),
    #[cfg(feature = "stream")]
    reader!("stream, mixed", adapters::stream::run, mixed WITH_OWNED_EVENTS),
    #[cfg(feature = "stream")]
    reader!("stream of items, mixed", adapters::stream::run_items, mixed WITH_OWNED_ITEMS),
    #[cfg(feature = "http-body")]
    reader!("body, items", adapters::stream::run_body, DecodeOwnedItem),
    #[cfg(feature = "tokio")]
    reader!("tokio, text", adapters::tokio::run, Decode),
    #[cfg(feature = "tokio")]
    reader!("tokio, raw", adapters::tokio::run, DecodeRaw),
    #[cfg(feature = "tokio")]
    reader!("tokio, items", adapters::tokio::run, DecodeItem),
    #[cfg(feature = "tokio")]
    reader!("tokio, mixed", adapters::tokio::run, mixed BORROWED),
    #[cfg(feature = "tokio")]
    Reader::new("codec, events", Sees::Events, adapters::tokio::run_codec),
    #[cfg(feature = "tokio")]
    Reader::new(
        "codec, items",
        Sees::Items,
        adapters::tokio::run_codec_items,
    ),
    #[cfg(feature = "embedded-io")]
    reader!("embedded, text", adapters::embedded::run, Decode),
    #[cfg(feature = "embedded-io")]
    reader!("embedded, raw", adapters::embedded::run, DecodeRaw),
    #[cfg(feature = "embedded-io")]
    reader!("embedded, mixed", adapters::embedded::run, mixed BORROWED),
    #[cfg(feature = "embedded-io-async")]
    reader!(
        "embedded, async, items",
        adapters::embedded::run_async,
        DecodeItem
    ),
    #[cfg(feature = "embedded-io-async")]
    reader!("embedded, async, mixed", adapters::embedded::run_async, mixed BORROWED),
];

/// The sizes of caller-provided memory that are tried.
pub const MEMORY: &[usize] = &[0, 1, 2, 3, 4, 5, 7, 8, 16, 64, 4096, 1 << 20];

/// One way to read a stream.
pub struct Reader {
    /// Its name in messages.
    pub name: &'static str,
    /// What it reports.
    pub sees: Sees,
    run: fn(&Stream<'_>, &Config) -> Option<Ran>,
}

/// What a reader reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sees {
    /// Events and refusals.
    Events,
    /// Comments and reconnection times too.
    Items,
    /// Events and refusals, and such comments and reconnection times as the calls happened to ask for.
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
    /// What a reader reports that makes this call alone.
    const fn sees(self) -> Sees {
        match self {
            Self::Decode | Self::DecodeRaw => Sees::Events,
            Self::DecodeItem => Sees::Items,
            #[cfg(feature = "alloc")]
            Self::DecodeOwned => Sees::Events,
            #[cfg(feature = "alloc")]
            Self::DecodeOwnedItem => Sees::Items,
        }
    }

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
    const fn new(
        name: &'static str,
        sees: Sees,
        run: fn(&Stream<'_>, &Config) -> Option<Ran>,
    ) -> Self {
        Self { name, sees, run }
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
        let ran = (self.run)(stream, config)?;
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
        formatter.write_str(self.name)
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
fn growing(stream: &Stream<'_>, config: &Config, next_call: impl FnMut() -> Call) -> Option<Ran> {
    let limits = Limits::new()
        .with_event(config.event_limit)
        .with_last_event_id(config.last_event_id_limit);
    run(
        EventDecoder::with_limits(limits),
        stream,
        config,
        next_call,
        |_| {},
    )
}

/// A decoder in a slice, whose memory is not zero.
fn slice(stream: &Stream<'_>, config: &Config, next_call: impl FnMut() -> Call) -> Option<Ran> {
    let mut memory = vec![0xA5; memory_bytes(config)?];
    run(
        EventDecoder::with_buffer(&mut memory[..]),
        stream,
        config,
        next_call,
        |_| {},
    )
}

/// A decoder that owns its array.
fn array(stream: &Stream<'_>, config: &Config, next_call: impl FnMut() -> Call) -> Option<Ran> {
    macro_rules! sizes {
        ($($size:literal)+) => {
            match memory_bytes(config)? {
                $($size => run(EventDecoder::with_buffer([0; $size]), stream, config, next_call, |_| {}),)+
                _ => None,
            }
        };
    }
    sizes!(0 1 2 3 4 5 7 8 16 64 4096)
}

/// How much memory a decoder with these limits takes.
pub(super) fn memory_bytes(config: &Config) -> Option<usize> {
    let bytes = config.event_limit + config.last_event_id_limit;
    (config.last_event_id_limit == bytes / 4).then_some(bytes)
}

/// A choice of calls that follows from the stream's seed.
fn mixed(stream: &Stream<'_>, calls: &'static [Call]) -> impl FnMut() -> Call {
    let mut random = Random::new(stream.seed);
    move || *random.choose(calls)
}

/// Runs a stream through a decoder.
fn run<B: Buffer>(
    mut decoder: EventDecoder<B>,
    stream: &Stream<'_>,
    config: &Config,
    mut next_call: impl FnMut() -> Call,
    mut observe: impl FnMut(&Item<'_>),
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
            let found = match call {
                Call::Decode => decoder.decode(&mut input).map(|event| {
                    event.map(|event| {
                        if between_events {
                            assert_borrowed(
                                event.event_type().as_bytes(),
                                event.data().as_bytes(),
                                chunk,
                            );
                        }
                        Seen::Event(text(event))
                    })
                }),
                Call::DecodeRaw => decoder.decode_raw(&mut input).map(|event| {
                    event.map(|event| {
                        if between_events {
                            assert_borrowed(event.event_type(), event.data(), chunk);
                        }
                        Seen::Event(raw(event))
                    })
                }),
                Call::DecodeItem => decoder.decode_item(&mut input).map(|item| {
                    item.map(|item| {
                        observe(&item);
                        seen_item(item)
                    })
                }),
                #[cfg(feature = "alloc")]
                Call::DecodeOwned => decoder
                    .decode_owned(&mut input)
                    .map(|event| event.map(|event| Seen::Event(owned(&event)))),
                #[cfg(feature = "alloc")]
                Call::DecodeOwnedItem => decoder
                    .decode_owned_item(&mut input)
                    .map(|item| item.map(|item| seen_owned_item(&item))),
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

pub(super) fn text(event: Event<'_>) -> Dispatched {
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

/// An owned event, whose layout is not always that of a copy of its own parts.
#[cfg(feature = "alloc")]
pub(super) fn owned(event: &OwnedEvent) -> Dispatched {
    assert_eq!(*event, event.as_event().into_owned());
    assert_eq!(event.clone().into_data(), event.data());
    assert_eq!(event.event_type(), event.as_event().event_type());
    assert_eq!(event.id(), event.as_event().id());
    #[cfg(feature = "bytes")]
    assert_eq!(event.clone().into_data_bytes(), event.data());
    text(event.as_event())
}

pub(super) fn raw(event: RawEvent<'_>) -> Dispatched {
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

pub(super) fn seen_item(item: Item<'_>) -> Seen {
    match item {
        Item::Event(event) => Seen::Event(text(event)),
        Item::Comment { text, end } => Seen::Comment {
            text: text.to_vec(),
            end,
        },
        Item::Retry(time) => Seen::Retry(milliseconds(time)),
    }
}

#[cfg(feature = "alloc")]
pub(super) fn seen_owned_item(item: &OwnedItem) -> Seen {
    match item {
        OwnedItem::Event(event) => Seen::Event(owned(event)),
        OwnedItem::Comment { text, end } => Seen::Comment {
            text: text.clone(),
            end: *end,
        },
        OwnedItem::Retry(time) => Seen::Retry(milliseconds(*time)),
    }
}

pub(super) fn refusal(error: DecodeError, config: &Config) -> Refusal {
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

pub(super) fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).expect("a reconnection time has at most 64 bits")
}

pub(super) fn count_events(seen: &[(Call, Seen)]) -> usize {
    seen.iter()
        .filter(|(_, seen)| matches!(seen, Seen::Event(_)))
        .count()
}

/// What a gateway does: decodes, encodes each event again, and the far side decodes that.
fn encoded_again(stream: &Stream<'_>, config: &Config) -> Option<Ran> {
    let mut copy = Vec::new();
    // The ID of a block without data goes into a block of its own.
    let mut last_event_id = config.initial_last_event_id.clone();
    let observe = |item: &Item<'_>| {
        if let Item::Event(event) = item {
            if event.id().is_none() && event.last_event_id() != last_event_id {
                let id = LastEventId::new(event.last_event_id()).expect("it was an ID before");
                encode(&Outgoing::new().id(id), &mut copy);
            }
            last_event_id = event.last_event_id().to_owned();
            encode(&Outgoing::from(event), &mut copy);
        }
    };
    let mut memory = vec![0; memory_bytes(config).unwrap_or(0)];
    let mut ran = if memory_bytes(config).is_some() {
        let decoder = EventDecoder::with_buffer(&mut memory[..]);
        run(decoder, stream, config, || Call::DecodeItem, observe)?
    } else {
        growing_observed(stream, config, observe)?
    };
    ran.seen
        .retain(|(_, seen)| matches!(seen, Seen::Event(_) | Seen::Refused(_)));

    let whole = Stream {
        chunks: &[&copy],
        ..*stream
    };
    let mut memory = vec![0; 4 * copy.len().max(config.initial_last_event_id.len())];
    let decoder = EventDecoder::with_buffer(&mut memory[..]);
    let config = Config {
        initial_last_event_id: config.initial_last_event_id.clone(),
        ..memory_config(4 * copy.len().max(config.initial_last_event_id.len()))
    };
    let again = run(decoder, &whole, &config, || Call::Decode, |_| {})?;
    assert!(again.unfinished.is_none());
    assert_eq!(again.last_event_id, last_event_id);
    let mut again = again.seen.into_iter();
    for seen in &mut ran.seen {
        if matches!(seen.1, Seen::Event(_)) {
            *seen = again.next().expect("every event arrives again");
        }
    }
    assert_eq!(again.next(), None, "more events arrive than were sent");
    Some(ran)
}

#[cfg(feature = "alloc")]
fn growing_observed(
    stream: &Stream<'_>,
    config: &Config,
    observe: impl FnMut(&Item<'_>),
) -> Option<Ran> {
    let limits = Limits::new()
        .with_event(config.event_limit)
        .with_last_event_id(config.last_event_id_limit);
    let decoder = EventDecoder::with_limits(limits);
    run(decoder, stream, config, || Call::DecodeItem, observe)
}

#[cfg(not(feature = "alloc"))]
fn growing_observed(_: &Stream<'_>, _: &Config, _: impl FnMut(&Item<'_>)) -> Option<Ran> {
    None
}

fn encode(outgoing: &Outgoing<'_>, copy: &mut Vec<u8>) {
    let before = copy.len();
    copy.resize(before + outgoing.encoded_len(), 0);
    let written = outgoing.encode_to_slice(&mut copy[before..]);
    assert_eq!(written, Ok(copy.len() - before));
}

/// What somebody writes who wants the fields alone: no limits, and memory as it comes.
fn assembled(stream: &Stream<'_>, config: &Config) -> Option<Ran> {
    let length: usize = stream.chunks.iter().map(|chunk| chunk.len()).sum();
    // U+FFFD is three times as long as the byte that it replaces.
    if 3 * length > config.event_limit.min(config.last_event_id_limit) {
        return None;
    }
    let mut parser = FieldParser::new();
    let mut assembler = Assembler {
        last_event_id: config.initial_last_event_id.clone(),
        ..Assembler::default()
    };
    let mut dispatched_after = Vec::new();
    for &chunk in stream.chunks {
        let mut input = chunk;
        while let Some(token) = parser.next(&mut input) {
            assembler.take(token);
        }
        assert!(input.is_empty());
        assert_eq!(parser.next(&mut input), None);
        dispatched_after.push(count_events(&assembler.seen));
    }
    let last_event_id = assembler.last_event_id.clone();
    let reconnection_time = assembler.reconnection_time;
    let seen = core::mem::take(&mut assembler.seen);
    let inside_line = parser.is_inside_line();
    let last_token = parser.finish();
    assert_eq!(last_token.is_some(), inside_line);
    let in_event = match last_token {
        Some(Token::Field { name, value, .. }) => match name {
            FieldName::Data | FieldName::Event | FieldName::Id => true,
            FieldName::Unknown => {
                let begins = |name: &[u8]| !value.is_empty() && name.starts_with(value);
                begins(b"data") || begins(b"event") || begins(b"id")
            }
            FieldName::Retry => false,
        },
        _ => false,
    };
    let unfinished = (in_event || assembler.has_lines).then(|| {
        match (last_token, stream.cut_line) {
            (Some(token), CutLine::Keep) => assembler.take(token),
            (None, _) | (_, CutLine::Discard) => assembler.line.clear(),
        }
        assembler.take(Token::BlankLine);
        let event = assembler.seen.into_iter().find_map(|(_, seen)| match seen {
            Seen::Event(event) => Some(event),
            _ => None,
        });
        Recovery {
            inside_line: Some(inside_line),
            call: Call::DecodeItem,
            recovered: Recovered {
                result: Ok(event),
                last_event_id: assembler.last_event_id,
                reconnection_time: assembler.reconnection_time,
            },
        }
    });
    Some(Ran {
        seen,
        dispatched_after,
        last_event_id,
        reconnection_time,
        unfinished,
    })
}

#[derive(Default)]
struct Assembler {
    line: Vec<u8>,
    data: Vec<u8>,
    event_type: Vec<u8>,
    id: Option<String>,
    has_lines: bool,
    last_event_id: String,
    reconnection_time: Option<u64>,
    seen: Vec<(Call, Seen)>,
}

impl Assembler {
    fn take(&mut self, token: Token<'_>) {
        match token {
            Token::Field { name, value, end } => {
                assert!(end || !value.is_empty(), "an empty part of a field");
                self.line.extend_from_slice(value);
                if end {
                    let value = core::mem::take(&mut self.line);
                    self.field(name, value);
                }
            }
            Token::Comment { text, end } => {
                assert!(end || !text.is_empty(), "an empty part of a comment");
                self.see(Seen::Comment {
                    text: text.to_vec(),
                    end,
                });
            }
            Token::BlankLine => self.dispatch(),
        }
    }

    fn field(&mut self, name: FieldName, value: Vec<u8>) {
        self.has_lines |= matches!(name, FieldName::Data | FieldName::Event | FieldName::Id);
        match name {
            FieldName::Data => {
                self.data.extend_from_slice(&value);
                self.data.push(b'\n');
            }
            FieldName::Event => self.event_type = value,
            FieldName::Id => {
                if !value.contains(&0) {
                    self.id = Some(lossy(&value));
                }
            }
            FieldName::Retry => {
                if !value.is_empty() && value.iter().all(u8::is_ascii_digit) {
                    let digits = String::from_utf8(value).expect("they are digits");
                    let time = digits.parse().unwrap_or(u64::MAX);
                    self.reconnection_time = Some(time);
                    self.see(Seen::Retry(time));
                }
            }
            FieldName::Unknown => {}
        }
    }

    fn dispatch(&mut self) {
        let mut data = core::mem::take(&mut self.data);
        let event_type = core::mem::take(&mut self.event_type);
        let id = self.id.take();
        self.has_lines = false;
        if let Some(id) = &id {
            self.last_event_id.clone_from(id);
        }
        if data.pop().is_some() {
            let event_type = if event_type.is_empty() {
                &b"message"[..]
            } else {
                &event_type[..]
            };
            self.see(Seen::Event(Dispatched {
                event_type: lossy(event_type).into_bytes(),
                data: lossy(&data).into_bytes(),
                last_event_id: self.last_event_id.clone(),
                id,
            }));
        }
    }

    fn see(&mut self, seen: Seen) {
        self.seen.push((Call::DecodeItem, seen));
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
