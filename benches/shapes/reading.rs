//! Reading a stream for the sake of what that costs: every part of every event is used, and counted.

use core::hint::black_box;

use sse_wire::{Buffer, EventDecoder, Item};

/// How many events there were, and how many bytes of data.
pub(crate) type Count = (usize, usize);

/// Counts events as they come.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) count: Count,
}

impl Tally {
    #[inline(always)]
    pub(crate) fn event(&mut self, event_type: &[u8], data: &[u8], last_event_id: &str) {
        let (events, data_bytes) = &mut self.count;
        *events += 1;
        *data_bytes += data.len();
        consume(event_type);
        consume(data);
        consume(last_event_id.as_bytes());
    }
}

/// Enough of a use that no part of an event is left out, and too little to count.
pub(crate) fn consume(part: &[u8]) {
    black_box((part.len(), part.first(), part.last()));
}

pub(crate) fn decode<B: Buffer>(decoder: &mut EventDecoder<B>, chunks: &[&[u8]]) -> Count {
    let mut tally = Tally::default();
    for mut chunk in chunks.iter().copied() {
        while let Some(event) = decoder.decode(&mut chunk).expect("below the limits") {
            let (event_type, data) = (event.event_type().as_bytes(), event.data().as_bytes());
            tally.event(event_type, data, event.last_event_id());
        }
    }
    tally.count
}

pub(crate) fn decode_raw<B: Buffer>(decoder: &mut EventDecoder<B>, chunks: &[&[u8]]) -> Count {
    let mut tally = Tally::default();
    for mut chunk in chunks.iter().copied() {
        while let Some(event) = decoder.decode_raw(&mut chunk).expect("below the limits") {
            tally.event(event.event_type(), event.data(), event.last_event_id());
        }
    }
    tally.count
}

pub(crate) fn decode_item<B: Buffer>(decoder: &mut EventDecoder<B>, chunks: &[&[u8]]) -> Count {
    let mut tally = Tally::default();
    for mut chunk in chunks.iter().copied() {
        while let Some(item) = decoder.decode_item(&mut chunk).expect("below the limits") {
            match item {
                Item::Event(event) => {
                    let (event_type, data) =
                        (event.event_type().as_bytes(), event.data().as_bytes());
                    tally.event(event_type, data, event.last_event_id());
                }
                Item::Comment { text, .. } => consume(text),
                Item::Retry(time) => _ = black_box(time),
                item => panic!("not in the streams: {item:?}"),
            }
        }
    }
    tally.count
}

pub(crate) fn decode_owned<B: Buffer>(decoder: &mut EventDecoder<B>, chunks: &[&[u8]]) -> Count {
    let mut tally = Tally::default();
    for mut chunk in chunks.iter().copied() {
        while let Some(event) = decoder.decode_owned(&mut chunk).expect("below the limits") {
            let (event_type, data) = (event.event_type().as_bytes(), event.data().as_bytes());
            tally.event(event_type, data, event.last_event_id());
        }
    }
    tally.count
}
