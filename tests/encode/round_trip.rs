//! What is sent is received, in every field and by every reader, whichever way it was encoded, and
//! again when it is forwarded.

use crate::block::{Block, assert_arrive, assert_arrive_at_every_reader, block, proptest_config};
use crate::common::oracle::{self, Config, Dispatched, Seen};
use crate::ways::assert_every_way;
use core::time::Duration;
use proptest::collection::vec;
use proptest::prelude::*;
use sse_wire::{EventDecoder, Outgoing};

/// The stream of someone who forwards the events of `stream`.
fn forwarded(stream: &[u8]) -> Vec<u8> {
    let mut memory = vec![0; 4 * stream.len()];
    let mut decoder = EventDecoder::with_buffer(&mut memory[..]);
    let mut input = stream;
    let mut out = String::new();
    while let Some(event) = decoder.decode(&mut input).expect("enough memory") {
        let outgoing = Outgoing::from(&event);
        assert_eq!(Outgoing::from(event), outgoing);
        #[cfg(feature = "alloc")]
        assert_eq!(Outgoing::from(&event.into_owned()), outgoing);
        #[cfg(feature = "bytes")]
        for frame in [event.into(), sse_wire::Frame::from(&event.into_owned())] {
            assert_eq!(frame, outgoing.into());
        }
        out += &outgoing.to_string();
    }
    out.into_bytes()
}

fn events(stream: &[u8]) -> Vec<Dispatched> {
    let seen = oracle::interpret(stream, &Config::default()).seen;
    let event = |seen| match seen {
        Seen::Event(event) => Some(event),
        _ => None,
    };
    seen.into_iter().filter_map(event).collect()
}

proptest! {
    #![proptest_config(proptest_config())]

    #[test]
    fn any_blocks_arrive_whichever_way_they_are_encoded(blocks in vec(block(), 1..5)) {
        for block in &blocks {
            assert_every_way(block);
        }
        assert_arrive_at_every_reader(&blocks);
    }

    #[test]
    fn events_are_forwarded_as_they_came(blocks in vec(block(), 1..6)) {
        let first: Vec<u8> = blocks.iter().flat_map(Block::encoded).collect();
        let second = forwarded(&first);
        prop_assert_eq!(&forwarded(&second), &second);
        let (mut sent, mut received) = (events(&first), events(&second));
        // A block without data may set an ID, which is not forwarded.
        if blocks.iter().any(|block| block.data.is_none() && block.id.is_some()) {
            for event in sent.iter_mut().chain(&mut received) {
                event.last_event_id.clear();
            }
        }
        prop_assert_eq!(received, sent);
    }
}

#[test]
fn only_what_an_event_carries_itself_is_forwarded() {
    let stream = b"id: 7\nevent: message\ndata: a\n\ndata: b\n\nid\ndata: c\n\n\
        :x\nretry: 5\nid: 8\nid: \0\nevent:t\ndata: d\r\ndata\r\n\r\ndata: cut off";
    let expected =
        "id: 7\ndata: a\n\ndata: b\n\nid: \ndata: c\n\nevent: t\nid: 8\ndata: d\ndata: \n\n";
    assert_eq!(forwarded(stream), expected.as_bytes());
}

#[test]
fn what_is_set_last_is_written_and_nothing_set_writes_nothing() {
    let outgoing = Outgoing::new().comment("a").comment("b\r\n\rc");
    assert_eq!(outgoing.to_string(), ": b\n:\n: c\n\n");
    assert_eq!(assert_every_way(&Block::default()), b"");
    assert_eq!(Outgoing::new(), Outgoing::default());
}

#[test]
fn reconnection_times_are_rounded_down_and_saturate() {
    let longest = Duration::from_millis(u64::MAX);
    for (time, milliseconds) in [
        (Duration::ZERO, 0),
        (Duration::from_nanos(999_999), 0),
        (Duration::from_millis(1), 1),
        (Duration::from_micros(1_999), 1),
        (Duration::new(12, 345_678_901), 12_345),
        (Duration::from_secs(u64::from(u32::MAX)), 4_294_967_295_000),
        (longest - Duration::from_millis(1), u64::MAX - 1),
        (longest, u64::MAX),
        (longest + Duration::from_nanos(999_999), u64::MAX),
        (longest + Duration::from_millis(1), u64::MAX),
        (Duration::from_secs(u64::MAX / 1000 + 1), u64::MAX),
        (Duration::MAX, u64::MAX),
    ] {
        let block = Block {
            retry: Some(time),
            ..Block::default()
        };
        let expected = format!("retry: {milliseconds}\n\n");
        assert_eq!(assert_every_way(&block), expected.as_bytes(), "{time:?}");
        assert_arrive(&[block]);
    }
}
