//! The calls by which an event is read, and what they return in one form, that of the oracle.

#![allow(
    clippy::exhaustive_enums,
    reason = "nothing outside the tests builds upon these"
)]

use super::oracle::{Config, Dispatched, Rejection, Seen};
use core::str;
use core::time::Duration;
use sse_wire::{Buffer, DecodeError, Event, EventDecoder, Item, Outgoing, RawEvent};
#[cfg(feature = "alloc")]
use sse_wire::{OwnedEvent, OwnedItem};

/// The decoder's calls, and those of the adapters that correspond to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    Decode,
    DecodeRaw,
    DecodeItem,
    #[cfg(feature = "alloc")]
    DecodeOwned,
    #[cfg(feature = "alloc")]
    DecodeOwnedItem,
}

impl Call {
    pub const ALL: &'static [Self] = &[
        Self::Decode,
        Self::DecodeRaw,
        Self::DecodeItem,
        #[cfg(feature = "alloc")]
        Self::DecodeOwned,
        #[cfg(feature = "alloc")]
        Self::DecodeOwnedItem,
    ];

    /// The calls whose results borrow.
    pub const BORROWED: &'static [Self] = Self::ALL.split_at(3).0;

    /// The calls of a stream or an iterator of owned events.
    #[cfg(feature = "alloc")]
    pub const WITH_OWNED_EVENTS: &'static [Self] = Self::ALL.split_at(4).0;

    /// The calls of a stream of owned items.
    #[cfg(feature = "alloc")]
    pub const WITH_OWNED_ITEMS: &'static [Self] = &[
        Self::Decode,
        Self::DecodeRaw,
        Self::DecodeItem,
        Self::DecodeOwnedItem,
    ];

    /// Whether it returns comments and reconnection times as well.
    pub const fn returns_items(self) -> bool {
        match self {
            Self::Decode | Self::DecodeRaw => false,
            Self::DecodeItem => true,
            #[cfg(feature = "alloc")]
            Self::DecodeOwned => false,
            #[cfg(feature = "alloc")]
            Self::DecodeOwnedItem => true,
        }
    }
}

/// The data of an event that lies whole in the chunk, in one line, is borrowed from there, and so is its type.
pub fn assert_borrowed(event_type: &[u8], data: &[u8], chunk: &[u8]) {
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
            Self::NotDispatched(event) => Seen::NotDispatched(text(event.as_event())),
            Self::Comment { text, end } => Seen::Comment {
                text: text.clone(),
                end: *end,
            },
            Self::Retry(time) => Seen::Retry(milliseconds(*time)),
            Self::Ignored { text, end } => Seen::Ignored {
                text: text.clone(),
                end: *end,
            },
            item => panic!("a new kind of item: {item:?}"),
        }
    }
}

pub fn see(event: Event<'_>) -> Seen {
    Seen::Event(text(event))
}

pub fn see_raw(event: RawEvent<'_>) -> Seen {
    Seen::Event(raw(event))
}

pub fn raw(event: RawEvent<'_>) -> Dispatched {
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
        Item::NotDispatched(event) => Seen::NotDispatched(text(event)),
        Item::Comment { text, end } => Seen::Comment {
            text: text.to_vec(),
            end,
        },
        Item::Retry(time) => Seen::Retry(milliseconds(time)),
        Item::Ignored { text, end } => Seen::Ignored {
            text: text.to_vec(),
            end,
        },
        item => panic!("a new kind of item: {item:?}"),
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

pub fn rejection(error: DecodeError, config: &Config) -> Rejection {
    match error {
        DecodeError::EventTooLarge { limit } => {
            assert_eq!(limit, config.event_limit);
            Rejection::Event
        }
        DecodeError::LastEventIdTooLarge { limit } => {
            assert_eq!(limit, config.last_event_id_limit);
            Rejection::LastEventId
        }
        error => panic!("{error} is no limit"),
    }
}

pub fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).expect("a reconnection time has at most 64 bits")
}

/// How many lines are no fields, and the beginning of the first one if that is stored.
pub fn ignored<B: Buffer>(decoder: &EventDecoder<B>) -> (usize, Option<Vec<u8>>) {
    #[cfg(feature = "alloc")]
    let first = decoder.first_ignored().map(<[u8]>::to_vec);
    #[cfg(not(feature = "alloc"))]
    let first = None;
    (decoder.ignored_lines(), first)
}

pub fn count_events(seen: &[(Call, Seen)]) -> usize {
    seen.iter()
        .filter(|(_, seen)| matches!(seen, Seen::Event(_)))
        .count()
}
