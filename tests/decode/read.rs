//! Reads with a decoder what the oracle interprets, and returns it in the same form.

use crate::common::calls::{Call, ignored, milliseconds};
use crate::common::oracle::{
    self, Config, Dispatched, Outcome, Recovered, Rejection, Seen, Unfinished,
};
use core::fmt;
use sse_wire::{Buffer, CutLine, DecodeError, EventDecoder, Item};
#[cfg(feature = "alloc")]
use sse_wire::{Limits, OwnedItem};

/// An event, of whichever type, as what is seen. Unlike the functions in `common/calls.rs` it makes
/// no further copies to compare: in a long run, billions of streams are read this way.
macro_rules! event {
    ($event:expr) => {{
        let event = $event;
        Dispatched {
            event_type: Vec::from(event.event_type()),
            data: Vec::from(event.data()),
            last_event_id: event.last_event_id().to_owned(),
            id: event.id().map(str::to_owned),
        }
    }};
}

/// An item, of whichever type.
macro_rules! item {
    ($kind:ident, $item:expr) => {
        match $item {
            $kind::Event(event) => Seen::Event(event!(event)),
            $kind::Comment { text, end } => Seen::Comment {
                text: Vec::from(text),
                end,
            },
            $kind::Retry(time) => Seen::Retry(milliseconds(time)),
            $kind::NotDispatched(event) => Seen::NotDispatched(event!(event)),
            $kind::Ignored { text, end } => Seen::Ignored {
                text: Vec::from(text),
                end,
            },
            item => panic!("a new kind of item: {item:?}"),
        }
    };
}

/// Makes one call.
pub(crate) fn next<B: Buffer>(
    decoder: &mut EventDecoder<B>,
    call: Call,
    input: &mut &[u8],
) -> Option<Seen> {
    let seen = match call {
        Call::Decode => {
            let event = decoder.decode(input);
            event.map(|event| event.map(|event| Seen::Event(event!(event))))
        }
        Call::DecodeRaw => {
            let event = decoder.decode_raw(input);
            event.map(|event| event.map(|event| Seen::Event(event!(event))))
        }
        Call::DecodeItem => {
            let item = decoder.decode_item(input);
            item.map(|item| item.map(|item| item!(Item, item)))
        }
        #[cfg(feature = "alloc")]
        Call::DecodeOwned => {
            let event = decoder.decode_owned(input);
            event.map(|event| event.map(|event| Seen::Event(event!(event))))
        }
        #[cfg(feature = "alloc")]
        Call::DecodeOwnedItem => {
            let item = decoder.decode_owned_item(input);
            item.map(|item| item.map(|item| item!(OwnedItem, item)))
        }
    };
    seen.unwrap_or_else(|error| Some(Seen::Rejected(rejection(error))))
}

fn rejection(error: DecodeError) -> Rejection {
    match error {
        DecodeError::EventTooLarge { .. } => Rejection::Event,
        DecodeError::LastEventIdTooLarge { .. } => Rejection::LastEventId,
        error => panic!("a new kind of error: {error}"),
    }
}

/// Reads all of `input`, and joins the fragments of a line.
pub(crate) fn read<B: Buffer>(
    decoder: &mut EventDecoder<B>,
    call: Call,
    mut input: &[u8],
    seen: &mut Vec<Seen>,
    mut at_rejection: impl FnMut(&EventDecoder<B>),
) {
    // Each byte can end an event, and can exceed a limit.
    let mut calls = 2 * input.len() + 2;
    while let Some(found) = next(decoder, call, &mut input) {
        calls -= 1;
        assert!(calls > 0, "the calls do not come to an end");
        if seen.last_mut().is_some_and(|last| last.join(&found)) {
            continue;
        }
        if matches!(found, Seen::Rejected(_)) {
            at_rejection(decoder);
        }
        seen.push(found);
    }
    assert!(
        input.is_empty(),
        "a call gave up in the middle of the input"
    );
}

/// All that one call sees of `input`.
pub(crate) fn all<B: Buffer>(decoder: &mut EventDecoder<B>, call: Call, input: &[u8]) -> Vec<Seen> {
    let mut seen = Vec::new();
    read(decoder, call, input, &mut seen, |_| ());
    seen
}

/// The last event ID, and the reconnection time in milliseconds.
pub(crate) fn state<B: Buffer>(decoder: &EventDecoder<B>) -> (String, Option<u64>) {
    let time = decoder.reconnection_time().map(milliseconds);
    (decoder.last_event_id().to_owned(), time)
}

/// Ends a stream, and recovers what it cut off, if anything.
pub(crate) fn recover<B: Buffer>(
    decoder: &mut EventDecoder<B>,
    call: Call,
    cut_line: CutLine,
) -> Option<(bool, Recovered)> {
    let incomplete = decoder.finish()?;
    let inside_line = incomplete.is_inside_line();
    let result = if call == Call::DecodeRaw {
        incomplete
            .recover_raw(cut_line)
            .map(|event| event.map(|event| event!(event)))
    } else {
        incomplete
            .recover(cut_line)
            .map(|event| event.map(|event| event!(event)))
    };
    let result = result.map_err(rejection);
    let (last_event_id, reconnection_time) = state(decoder);
    let recovered = Recovered {
        result,
        last_event_id,
        reconnection_time,
    };
    Some((inside_line, recovered))
}

/// A decoder in any memory, of which a copy reads each stream.
pub(crate) trait AnyDecoder: fmt::Debug {
    /// What is seen of a whole stream by one call.
    fn outcome(&self, call: Call, chunks: &[&[u8]]) -> Outcome;
    /// What must be seen.
    fn expected(&self, call: Call, stream: &[u8]) -> Outcome;
}

impl<B: Buffer + Clone> AnyDecoder for EventDecoder<B> {
    fn outcome(&self, call: Call, chunks: &[&[u8]]) -> Outcome {
        let (mut seen, mut at_rejections) = (Vec::new(), Vec::new());
        let mut decoder = self.clone();
        for chunk in chunks {
            let at_rejection = |decoder: &Self| at_rejections.push(state(decoder));
            read(&mut decoder, call, chunk, &mut seen, at_rejection);
        }
        let (last_event_id, reconnection_time) = state(&decoder);
        let (ignored_lines, first_ignored) = ignored(&decoder);
        let kept = recover(&mut decoder.clone(), call, CutLine::Keep);
        let unfinished = kept.map(|(inside_line, keep)| Unfinished {
            inside_line,
            keep,
            discard: recover(&mut decoder, call, CutLine::Discard)
                .expect("it was cut off")
                .1,
        });
        Outcome {
            seen,
            last_event_id,
            reconnection_time,
            unfinished,
            at_rejections,
            ignored: (ignored_lines, first_ignored),
        }
    }

    fn expected(&self, call: Call, stream: &[u8]) -> Outcome {
        expected(self, call, stream)
    }
}

/// What the oracle says that `decoder` must see of `stream` by this call.
pub(crate) fn expected<B: Buffer>(decoder: &EventDecoder<B>, call: Call, stream: &[u8]) -> Outcome {
    let limits = decoder.limits();
    let config = Config {
        initial_last_event_id: decoder.last_event_id().to_owned(),
        event_limit: limits.event,
        last_event_id_limit: limits.last_event_id,
        ignore_oversized_id: limits.ignore_oversized_id,
        text: call != Call::DecodeRaw,
    };
    let mut outcome = oracle::interpret(stream, &config);
    if !call.returns_items() {
        outcome.seen.retain(Seen::is_of_events);
    }
    if !stores_first_ignored(decoder) {
        outcome.ignored.1 = None;
    }
    outcome
}

/// Whether its buffer grows, so that it may allocate.
fn stores_first_ignored<B: Buffer>(_decoder: &EventDecoder<B>) -> bool {
    let name = core::any::type_name::<B>();
    cfg!(feature = "alloc") && !name.contains('[')
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
