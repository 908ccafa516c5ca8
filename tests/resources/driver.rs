//! Reads a stream by any call of a decoder, and retains nothing of it, so that what is allocated is
//! what the crate needs.

use crate::common::calls::Call;
use crate::common::oracle::{self, Config, Rejection, Seen};
use sse_wire::{Buffer, DecodeError, Event, EventDecoder, Item, RawEvent};
#[cfg(feature = "alloc")]
use sse_wire::{Limits, OwnedEvent, OwnedItem};

/// What a call returned, as it returned it.
pub(crate) enum Reported<'r> {
    Event(Event<'r>),
    Raw(RawEvent<'r>),
    #[cfg(feature = "alloc")]
    Owned(OwnedEvent),
    #[cfg(feature = "alloc")]
    NotDispatched(OwnedEvent),
    /// The text, and whether the comment ends.
    Comment(&'r [u8], bool),
    Other,
    Rejected(DecodeError),
}

/// Reads all of `stream`, in chunks of `size` bytes.
///
/// It does not ask for the last event ID: to validate a long one for each event takes quadratic
/// time.
pub(crate) fn read<B: Buffer>(
    decoder: &mut EventDecoder<B>,
    call: Call,
    stream: &[u8],
    size: usize,
    report: &mut dyn FnMut(Reported<'_>),
) {
    for mut chunk in stream.chunks(size) {
        while next(decoder, call, &mut chunk, report) {}
    }
}

/// Reads all of `stream`, and returns how often something was reported.
#[cfg(feature = "alloc")]
pub(crate) fn skip(decoder: &mut EventDecoder, call: Call, stream: &[u8], size: usize) -> usize {
    let mut reported = 0;
    read(decoder, call, stream, size, &mut |_| reported += 1);
    reported
}

/// Reads all of `stream`, and returns what came out of it.
pub(crate) fn total<B: Buffer>(
    decoder: &mut EventDecoder<B>,
    call: Call,
    stream: &[u8],
    size: usize,
) -> Totals {
    let mut totals = Totals::default();
    read(decoder, call, stream, size, &mut |reported| {
        totals.add(&reported)
    });
    totals
}

/// Makes one call. Returns false when the chunk is empty.
fn next<B: Buffer>(
    decoder: &mut EventDecoder<B>,
    call: Call,
    chunk: &mut &[u8],
    report: &mut dyn FnMut(Reported<'_>),
) -> bool {
    let found = match call {
        Call::Decode => decoder
            .decode(chunk)
            .map(|event| event.map(Reported::Event)),
        Call::DecodeRaw => decoder
            .decode_raw(chunk)
            .map(|event| event.map(Reported::Raw)),
        Call::DecodeItem => decoder.decode_item(chunk).map(|item| {
            item.map(|item| match item {
                Item::Event(event) => Reported::Event(event),
                Item::Comment { text, end } | Item::Ignored { text, end } => {
                    Reported::Comment(text, end)
                }
                _ => Reported::Other,
            })
        }),
        #[cfg(feature = "alloc")]
        Call::DecodeOwned => decoder
            .decode_owned(chunk)
            .map(|event| event.map(Reported::Owned)),
        #[cfg(feature = "alloc")]
        Call::DecodeOwnedItem => match decoder.decode_owned_item(chunk) {
            Ok(Some(OwnedItem::Comment { text, end } | OwnedItem::Ignored { text, end })) => {
                report(Reported::Comment(&text, end));
                return true;
            }
            item => item.map(|item| {
                item.map(|item| match item {
                    OwnedItem::Event(event) => Reported::Owned(event),
                    OwnedItem::NotDispatched(event) => Reported::NotDispatched(event),
                    _ => Reported::Other,
                })
            }),
        },
    };
    match found.transpose() {
        Some(found) => report(found.unwrap_or_else(Reported::Rejected)),
        None => return false,
    }
    true
}

/// Whether a call returns copies.
pub(crate) fn is_owned(call: Call) -> bool {
    !Call::BORROWED.contains(&call)
}

#[cfg(feature = "alloc")]
pub(crate) fn limits(config: &Config) -> Limits {
    Limits::new()
        .with_event(config.event_limit)
        .with_last_event_id(config.last_event_id_limit)
}

/// All that comes out of a stream. It is counted without an allocation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) events: usize,
    pub(crate) rejected: usize,
    /// Comments that ended, and reconnection times.
    pub(crate) others: usize,
    comment_bytes: usize,
    /// Of the bytes of all types and data, and of what was rejected, in order.
    hash: u64,
}

impl Totals {
    /// What the oracle says.
    pub(crate) fn of(stream: &[u8], config: &Config, call: Call) -> Self {
        let config = Config {
            text: call != Call::DecodeRaw,
            ..config.clone()
        };
        let mut totals = Self::default();
        for seen in &oracle::interpret(stream, &config).seen {
            if call.returns_items() || matches!(seen, Seen::Event(_) | Seen::Rejected(_)) {
                totals.see(seen);
            }
        }
        totals
    }

    pub(crate) fn see(&mut self, seen: &Seen) {
        match seen {
            Seen::Event(event) => self.event(&event.event_type, &event.data),
            Seen::Rejected(Rejection::Event) => self.rejected(b"event"),
            Seen::Rejected(Rejection::LastEventId) => self.rejected(b"id"),
            Seen::Comment { text, end } | Seen::Ignored { text, end } => self.comment(text, *end),
            Seen::Retry(_) | Seen::NotDispatched(_) => self.others += 1,
        }
    }

    pub(crate) fn add(&mut self, reported: &Reported<'_>) {
        match reported {
            Reported::Event(event) => {
                self.event(event.event_type().as_bytes(), event.data().as_bytes());
            }
            Reported::Raw(event) => self.event(event.event_type(), event.data()),
            #[cfg(feature = "alloc")]
            Reported::Owned(event) => {
                self.event(event.event_type().as_bytes(), event.data().as_bytes());
            }
            Reported::Comment(text, end) => self.comment(text, *end),
            Reported::Other => self.others += 1,
            #[cfg(feature = "alloc")]
            Reported::NotDispatched(_) => self.others += 1,
            Reported::Rejected(DecodeError::EventTooLarge { .. }) => self.rejected(b"event"),
            Reported::Rejected(_) => self.rejected(b"id"),
        }
    }

    fn event(&mut self, event_type: &[u8], data: &[u8]) {
        self.events += 1;
        self.mix(event_type);
        self.mix(data);
    }

    fn comment(&mut self, text: &[u8], end: bool) {
        self.others += usize::from(end);
        self.comment_bytes += text.len();
    }

    fn rejected(&mut self, by: &[u8]) {
        self.rejected += 1;
        self.mix(by);
    }

    fn mix(&mut self, bytes: &[u8]) {
        let start = self.hash.wrapping_mul(31) ^ bytes.len() as u64;
        let mix = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01B3);
        self.hash = bytes.iter().fold(start, mix);
    }
}
