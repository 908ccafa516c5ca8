//! Reading a stream with the decoder, in the oracle's words.

use std::fmt;
use std::time::Duration;

use sse_wire::{
    Buffer, CutLine, DecodeError, Event, EventDecoder, Item, OwnedEvent, OwnedItem, RawEvent,
};

use crate::oracle::{Config, Dispatched, Recovered, Rejection, Seen, interpret};
use crate::plan::Call;

/// What a stream gives to one who reads all of it through one call, and recovers what its end cut off.
#[derive(Debug, PartialEq, Eq)]
pub struct Reading {
    pub seen: Sights,
    pub last_event_id: String,
    pub reconnection_time: Option<u64>,
    pub ending: Option<Ending>,
}

/// What was seen, in order, the parts of a comment joined; shows its bytes as text.
#[derive(Default, PartialEq, Eq)]
pub struct Sights(pub Vec<Seen>);

/// The recovery of an unfinished event.
#[derive(Debug, PartialEq, Eq)]
pub struct Ending {
    pub inside_line: bool,
    pub recovered: Sights,
    pub last_event_id: String,
    pub reconnection_time: Option<u64>,
}

impl Reading {
    /// What the decoder makes of a stream.
    pub fn by<B: Buffer>(
        decoder: &mut EventDecoder<B>,
        chunks: &[&[u8]],
        call: Call,
        cut_line: CutLine,
    ) -> Self {
        let mut seen = Sights::default();
        for chunk in chunks {
            seen.feed(decoder, chunk, call);
        }
        Self {
            seen,
            last_event_id: decoder.last_event_id().to_owned(),
            reconnection_time: milliseconds(decoder.reconnection_time()),
            ending: Ending::by(decoder, call, cut_line),
        }
    }

    /// What the oracle makes of it.
    pub fn expected(stream: &[u8], config: &Config, call: Call, cut_line: CutLine) -> Self {
        let config = Config {
            text: call != Call::DecodeRaw,
            ..config.clone()
        };
        let outcome = interpret(stream, &config);
        let visible = |seen: &Seen| {
            call.returns_items() || matches!(seen, Seen::Event(_) | Seen::Rejected(_))
        };
        Self {
            seen: Sights(outcome.seen.into_iter().filter(visible).collect()),
            last_event_id: outcome.last_event_id,
            reconnection_time: outcome.reconnection_time,
            ending: outcome.unfinished.map(|unfinished| {
                let Recovered {
                    result,
                    last_event_id,
                    reconnection_time,
                } = match cut_line {
                    CutLine::Keep => unfinished.keep,
                    CutLine::Discard => unfinished.discard,
                };
                Ending {
                    inside_line: unfinished.inside_line,
                    recovered: Sights(match result {
                        Ok(event) => event.map(Seen::Event).into_iter().collect(),
                        Err(rejection) => vec![Seen::Rejected(rejection)],
                    }),
                    last_event_id,
                    reconnection_time,
                }
            }),
        }
    }
}

impl Sights {
    /// Reads one chunk through one call, and adds what is seen.
    ///
    /// # Panics
    ///
    /// When a call gives something without consuming a byte for it, or `None` with bytes left: either makes some loop endless.
    /// Only the beginning of an ignored line may have come earlier.
    pub fn feed<B: Buffer>(&mut self, decoder: &mut EventDecoder<B>, chunk: &[u8], call: Call) {
        let mut input = chunk;
        loop {
            let before = input.len();
            let found = match call {
                Call::Decode => decoder.decode(&mut input).map(|event| event.map(text)),
                Call::DecodeRaw => decoder.decode_raw(&mut input).map(|event| event.map(raw)),
                Call::DecodeItem => decoder.decode_item(&mut input).map(|found| found.map(item)),
                Call::DecodeOwned => decoder
                    .decode_owned(&mut input)
                    .map(|event| event.as_ref().map(owned)),
                Call::DecodeOwnedItem => decoder
                    .decode_owned_item(&mut input)
                    .map(|item| item.map(owned_item)),
            };
            // The first bytes of such a line may have come with an earlier chunk.
            let is_withheld = matches!(&found, Ok(Some(Seen::Ignored { end: false, .. })));
            match found {
                Ok(None) => {
                    assert!(input.is_empty(), "None, and {} bytes are left", input.len());
                    return;
                }
                Ok(Some(found)) => self.push(found),
                Err(error) => self.push(Seen::Rejected(rejection(error))),
            }
            assert!(
                input.len() < before || is_withheld,
                "no byte was consumed for the last of {self:?}"
            );
        }
    }

    fn push(&mut self, found: Seen) {
        if let Some((more, end)) = found.fragment() {
            assert!(end || !more.is_empty(), "a fragment is empty");
        }
        if !self.0.last_mut().is_some_and(|last| last.join(&found)) {
            self.0.push(found);
        }
    }
}

impl Ending {
    /// Ends the stream, and recovers what that cut off.
    pub fn by<B: Buffer>(
        decoder: &mut EventDecoder<B>,
        call: Call,
        cut_line: CutLine,
    ) -> Option<Self> {
        let incomplete = decoder.finish()?;
        let inside_line = incomplete.is_inside_line();
        let recovered = match call {
            Call::DecodeRaw => incomplete.recover_raw(cut_line).map(|event| event.map(raw)),
            _ => incomplete.recover(cut_line).map(|event| event.map(text)),
        };
        let recovered = match recovered {
            Ok(event) => event.into_iter().collect(),
            Err(error) => vec![Seen::Rejected(rejection(error))],
        };
        Some(Self {
            inside_line,
            recovered: Sights(recovered),
            last_event_id: decoder.last_event_id().to_owned(),
            reconnection_time: milliseconds(decoder.reconnection_time()),
        })
    }
}

/// A reconnection time in the oracle's unit.
pub fn milliseconds(time: Option<Duration>) -> Option<u64> {
    time.map(|time| u64::try_from(time.as_millis()).expect("saturates at u64::MAX milliseconds"))
}

fn text(event: Event<'_>) -> Seen {
    Seen::Event(dispatched(event))
}

fn dispatched(event: Event<'_>) -> Dispatched {
    Dispatched {
        event_type: event.event_type().into(),
        data: event.data().into(),
        last_event_id: event.last_event_id().to_owned(),
        id: event.id().map(str::to_owned),
    }
}

fn raw(event: RawEvent<'_>) -> Seen {
    let is_text = [event.event_type(), event.data()]
        .iter()
        .all(|part| std::str::from_utf8(part).is_ok());
    assert_eq!(event.text().is_ok(), is_text, "{event:?}");
    Seen::Event(Dispatched {
        event_type: event.event_type().to_vec(),
        data: event.data().to_vec(),
        last_event_id: event.last_event_id().to_owned(),
        id: event.id().map(str::to_owned),
    })
}

fn item(item: Item<'_>) -> Seen {
    match item {
        Item::Event(event) => text(event),
        Item::Comment { text, end } => Seen::Comment {
            text: text.to_vec(),
            end,
        },
        Item::Retry(time) => Seen::Retry(milliseconds(Some(time)).unwrap_or_default()),
        Item::NotDispatched(event) => Seen::NotDispatched(dispatched(event)),
        Item::Ignored { text, end } => Seen::Ignored {
            text: text.to_vec(),
            end,
        },
        item => panic!("an item that the oracle does not know: {item:?}"),
    }
}

fn owned(event: &OwnedEvent) -> Seen {
    assert_eq!(*event, OwnedEvent::from(event.as_event()));
    let data = event.clone().into_data();
    assert_eq!(data, event.data());
    assert_eq!(event.clone().into_data_bytes(), data);
    text(event.as_event())
}

fn owned_item(item: OwnedItem) -> Seen {
    match item {
        OwnedItem::Event(event) => owned(&event),
        OwnedItem::Comment { text, end } => Seen::Comment { text, end },
        OwnedItem::Retry(time) => self::item(Item::Retry(time)),
        OwnedItem::NotDispatched(event) => Seen::NotDispatched(dispatched(event.as_event())),
        OwnedItem::Ignored { text, end } => Seen::Ignored { text, end },
        item => panic!("an item that the oracle does not know: {item:?}"),
    }
}

fn rejection(error: DecodeError) -> Rejection {
    match error {
        DecodeError::EventTooLarge { .. } => Rejection::Event,
        DecodeError::LastEventIdTooLarge { .. } => Rejection::LastEventId,
        other => panic!("an error that the oracle does not know: {other}"),
    }
}

impl fmt::Debug for Sights {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut list = formatter.debug_list();
        for seen in &self.0 {
            match seen {
                Seen::Event(event) | Seen::NotDispatched(event) => list.entry(&format_args!(
                    "{} {{ type: \"{}\", data: \"{}\", last_event_id: {:?}, id: {:?} }}",
                    if seen.is_of_events() {
                        "Event"
                    } else {
                        "NotDispatched"
                    },
                    event.event_type.escape_ascii(),
                    event.data.escape_ascii(),
                    event.last_event_id,
                    event.id
                )),
                Seen::Comment { text, end } | Seen::Ignored { text, end } => {
                    let kind = match seen {
                        Seen::Comment { .. } => "Comment",
                        _ => "Ignored",
                    };
                    let text = text.escape_ascii();
                    list.entry(&format_args!("{kind} {{ text: \"{text}\", end: {end} }}"))
                }
                Seen::Retry(_) | Seen::Rejected(_) => list.entry(seen),
            };
        }
        list.finish()
    }
}

/// The bytes of a stream, shown as text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Stream<'s>(pub &'s [u8]);

impl fmt::Debug for Stream<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "b\"{}\"", self.0.escape_ascii())
    }
}
