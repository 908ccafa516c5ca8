//! One call of a decoder at a time, and what it found in one form.

use crate::common::calls::Call;
use crate::common::oracle::{Dispatched, Rejection, Seen};
use core::time::Duration;
use sse_wire::{Buffer, CutLine, DecodeError, Event, EventDecoder, Incomplete, Item, RawEvent};
#[cfg(feature = "alloc")]
use sse_wire::{Limits, OwnedItem};

/// What a call found, borrowed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Found<'f> {
    Event {
        event_type: &'f [u8],
        data: &'f [u8],
        last_event_id: &'f str,
        id: Option<&'f str>,
    },
    Comment {
        text: &'f [u8],
        end: bool,
    },
    Retry(Duration),
}

impl<'f> From<Event<'f>> for Found<'f> {
    fn from(event: Event<'f>) -> Self {
        Self::Event {
            event_type: event.event_type().as_bytes(),
            data: event.data().as_bytes(),
            last_event_id: event.last_event_id(),
            id: event.id(),
        }
    }
}

impl<'f> From<RawEvent<'f>> for Found<'f> {
    fn from(event: RawEvent<'f>) -> Self {
        Self::Event {
            event_type: event.event_type(),
            data: event.data(),
            last_event_id: event.last_event_id(),
            id: event.id(),
        }
    }
}

impl<'f> From<Item<'f>> for Found<'f> {
    fn from(item: Item<'f>) -> Self {
        match item {
            Item::Event(event) => event.into(),
            Item::Comment { text, end } => Self::Comment { text, end },
            Item::Retry(time) => Self::Retry(time),
        }
    }
}

#[cfg(feature = "alloc")]
impl<'f> From<&'f OwnedItem> for Found<'f> {
    fn from(item: &'f OwnedItem) -> Self {
        match item {
            OwnedItem::Event(event) => event.as_event().into(),
            OwnedItem::Comment { text, end } => Self::Comment { text, end: *end },
            OwnedItem::Retry(time) => Self::Retry(*time),
        }
    }
}

/// Makes one call, and passes on what it found.
#[inline(always)]
pub(crate) fn call<B: Buffer, T>(
    decoder: &mut EventDecoder<B>,
    call: Call,
    input: &mut &[u8],
    with: impl FnOnce(Found<'_>) -> T,
) -> Result<Option<T>, DecodeError> {
    Ok(match call {
        Call::Decode => decoder.decode(input)?.map(|event| with(event.into())),
        Call::DecodeRaw => decoder.decode_raw(input)?.map(|event| with(event.into())),
        Call::DecodeItem => decoder.decode_item(input)?.map(|item| with(item.into())),
        #[cfg(feature = "alloc")]
        Call::DecodeOwned => {
            let event = decoder.decode_owned(input)?;
            event.map(|event| with(event.as_event().into()))
        }
        #[cfg(feature = "alloc")]
        Call::DecodeOwnedItem => {
            let item = decoder.decode_owned_item(input)?;
            item.as_ref().map(|item| with(item.into()))
        }
    })
}

/// Recovers an event that the end of the stream cut off, as bytes if `call` returns bytes.
pub(crate) fn recover<B: Buffer, T>(
    incomplete: Incomplete<'_, B>,
    cut_line: CutLine,
    call: Call,
    with: impl FnOnce(Found<'_>) -> T,
) -> Result<Option<T>, DecodeError> {
    Ok(match call {
        Call::DecodeRaw => incomplete
            .recover_raw(cut_line)?
            .map(|event| with(event.into())),
        _ => incomplete
            .recover(cut_line)?
            .map(|event| with(event.into())),
    })
}

/// An event whose invalid UTF-8 is replaced, so that text and bytes compare.
pub(crate) fn event(event_type: &[u8], data: &[u8], last_event_id: &str, id: Option<&str>) -> Seen {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned().into_bytes();
    Seen::Event(Dispatched {
        event_type: text(event_type),
        data: text(data),
        last_event_id: last_event_id.to_owned(),
        id: id.map(str::to_owned),
    })
}

/// The same of anything.
pub(crate) fn seen(found: Found<'_>) -> Seen {
    match found {
        Found::Event {
            event_type,
            data,
            last_event_id,
            id,
        } => event(event_type, data, last_event_id, id),
        Found::Comment { text, end } => Seen::Comment {
            text: text.to_vec(),
            end,
        },
        Found::Retry(time) => Seen::Retry(u64::try_from(time.as_millis()).expect("64 bits")),
    }
}

/// The limit that an event exceeded.
pub(crate) fn rejection(error: DecodeError) -> Rejection {
    match error {
        DecodeError::EventTooLarge { .. } => Rejection::Event,
        DecodeError::LastEventIdTooLarge { .. } => Rejection::LastEventId,
        error => panic!("a new kind of error: {error}"),
    }
}

pub(crate) fn next<B: Buffer>(
    decoder: &mut EventDecoder<B>,
    by: Call,
    input: &mut &[u8],
) -> Option<Seen> {
    let found = call(decoder, by, input, seen);
    found.unwrap_or_else(|error| Some(Seen::Rejected(rejection(error))))
}

/// Reads all of `input`.
pub(crate) fn all<B: Buffer>(
    decoder: &mut EventDecoder<B>,
    by: Call,
    mut input: &[u8],
) -> Vec<Seen> {
    let seen = core::iter::from_fn(|| next(decoder, by, &mut input)).collect();
    assert!(input.is_empty());
    seen
}

/// A decoder whose buffer grows within the limits of a fixed one.
#[cfg(feature = "alloc")]
pub(crate) fn growing(memory: usize) -> EventDecoder {
    let limits = Limits::new().with_event(memory - memory / 4);
    EventDecoder::with_limits(limits.with_last_event_id(memory / 4))
}

/// Runs a check with a fixed buffer, and with one that grows under the same limits.
macro_rules! with_both_kinds_of_buffer {
    ($memory:expr, $check:expr) => {
        $check(|| sse_wire::EventDecoder::with_buffer([0xA5; $memory]));
        #[cfg(feature = "alloc")]
        $check(|| crate::read::growing($memory));
    };
}
pub(crate) use with_both_kinds_of_buffer;

/// Every kind of line, to be cut anywhere.
pub(crate) const STREAMS: &[&[u8]] = &[
    b"data: a\n: com ment\ndata: b\n:\n\n: last",
    b"\xEF\xBB\xBFid: 12\nevent: tick\nretry: 30\ndata: x\n\ndata: y\n\n",
    b"event: e\r\n: c\r\nid: 7\r\nid: 8\0\r\ndata\r\n\r\nid\rdata:\r\r",
    b"retry: 1\nretry: x\nretry: 22\n: c\n\nretry: 3\ndata: z\n\n",
    b"data: \xF0\x9F\x98\nevent: \xFF\n:\xFF\nid: \xE2\x82\n\ndata: \xC3\n\n",
    b": a\n: b\nda: x\nevents: x\n: c\ni\nevent\ndata: x\n\n",
    // The ID is beyond the limit of a buffer of 64 bytes.
    b"id: 123456789012345678\n: c\ndata: x\n\nretry: 1\ndata: y\n\n",
];
