//! Owned events are values, whatever their memory looks like inside: how they were decoded shows neither in what they return nor in
//! how they compare. Each is one allocation that retains its text alone, and an inherited ID is one more for all that inherit it.
#![cfg(feature = "alloc")]
#![allow(clippy::std_instead_of_alloc, reason = "the tests have std")]

#[allow(unreachable_pub, reason = "it is a part of what other tests share")]
#[path = "common/allocator.rs"]
mod allocator;

#[allow(
    dead_code,
    unreachable_pub,
    reason = "it is a part of what other tests share"
)]
#[path = "common/random.rs"]
mod random;

use allocator::{Count, Counting, count};
use core::hash::BuildHasher;
use random::Random;
use sse_wire::{CutLine, DecodeError, EventDecoder, LastEventId, Limits, OwnedEvent, OwnedItem};
use std::collections::HashSet;
use std::hash::RandomState;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Type, data, last event ID and own `id` of an event.
type Parts = (
    &'static str,
    &'static str,
    &'static str,
    Option<&'static str>,
);

/// Events, and the chunks at whose end they come.
const EVENTS: &[(Parts, &[&[&[u8]]])] = &[
    (
        ("message", "one", "", None),
        &[
            &[b"data: one\n\n"],
            &[b"data: one\r\n\r\n"],
            &[b"data:one\n\n"],
            &[b"event: message\ndata: one\n\n"],
            &[b"event: \ndata: one\n\n"],
            &[b"event: x\ndata: one\nevent\n\n"],
            &[b"da", b"ta: one\n\n"],
            &[b"data: o", b"ne", b"\n\n"],
            &[b"event: mess", b"age\ndata: one\n\n"],
        ],
    ),
    (
        ("tick", "one", "", None),
        &[
            &[b"event: tick\ndata: one\n\n"],
            &[b"event: tick\r\ndata: one\r\n\r\n"],
            &[b"data: one\nevent: tick\n\n"],
            &[b"event: tick\n: comment\ndata: one\n\n"],
            &[b"event: ti", b"ck\ndata: one\n\n"],
            &[b"event: tick\ndata: o", b"ne\n\n"],
            &[b"event: tick\ndata: one\n", b"\n"],
        ],
    ),
    (
        ("tick", "one", "7", None),
        &[
            &[b"id: 7\n\nevent: tick\ndata: one\n\n"],
            // The first event that inherits an ID is decoded another way than those after it.
            &[b"id: 7\n\ndata\n\nevent: tick\ndata: one\n\n"],
            &[
                b"id: 7\ndata\n\n",
                b"data\n\n",
                b"event: tick\r\ndata: one\r\n\r\n",
            ],
            &[b"id: 8\ndata\n\ndata\n\nid: 7\n\nevent: tick\ndata: one\n\n"],
            &[b"id: 7\n\ndata: one\nevent: ti", b"ck\n\n"],
        ],
    ),
    (
        ("tick", "one", "7", Some("7")),
        &[
            &[b"id: 7\nevent: tick\ndata: one\n\n"],
            &[b"event: tick\ndata: one\nid: 7\n\n"],
            &[b"id: 7\n\ndata\n\ndata\n\nid: 7\nevent: tick\ndata: one\n\n"],
            &[b"id: 8\nid: ", b"7\nevent: tick\ndata: ", b"one\n\n"],
        ],
    ),
    (
        ("message", "one", "", Some("")),
        &[
            &[b"id\ndata: one\n\n"],
            &[b"id: 7\n\ndata\n\nid: \ndata: one\n\n"],
            &[b"id", b"\ndata: one", b"\n\n"],
        ],
    ),
    (
        ("message", "", "", None),
        &[
            &[b"data\n\n"],
            &[b"data:\n\n"],
            &[b"data: \n\n"],
            &[b"event\nda", b"ta\n\n"],
        ],
    ),
    (
        ("messag", "eone", "", None),
        &[&[b"event: messag\ndata: eone\n\n"]],
    ),
    (
        ("tick", "one\ntwo\n", "", None),
        &[
            &[b"event: tick\ndata: one\ndata: two\ndata\n\n"],
            &[b"data: one\ndata: two\nevent: tick\ndata: \n\n"],
            &[b"event: tick\ndata: one\nda", b"ta: two\ndata:\n\n"],
            &[
                b"event: tick\n",
                b"data: one\n",
                b"data: two\n",
                b"data\n",
                b"\n",
            ],
        ],
    ),
    (
        ("\u{FFFD}", "caf\u{FFFD}", "\u{FFFD}", Some("\u{FFFD}")),
        &[
            &[b"event: \xFF\ndata: caf\xC3\nid: \xFF\n\n"],
            &[b"id: \xEF\xBF\xBD\nevent: \xEF\xBF\xBD\ndata: caf\xEF\xBF\xBD\n\n"],
            &[
                b"event: \xEF\xBF",
                b"\xBD\ndata: caf\xC3\nid: \xFF",
                b"\n\n",
            ],
        ],
    ),
];

/// The last event that these chunks have, by each way to make one.
fn decode(chunks: &[&[u8]]) -> [OwnedEvent; 5] {
    let last = |decode: &dyn Fn(&mut EventDecoder, &mut &[u8]) -> Option<OwnedEvent>| {
        let (mut decoder, mut last) = (EventDecoder::new(), None);
        for mut chunk in chunks.iter().copied() {
            while let Some(event) = decode(&mut decoder, &mut chunk) {
                last = Some(event);
            }
        }
        last.expect("an event")
    };
    let owned = last(&|decoder, chunk| decoder.decode_owned(chunk).expect("it fits"));
    let item = last(&|decoder, chunk| loop {
        match decoder.decode_owned_item(chunk).expect("it fits")? {
            OwnedItem::Event(event) => return Some(event),
            OwnedItem::Comment { .. } | OwnedItem::Retry(_) => {}
        }
    });
    let copied = last(&|decoder, chunk| {
        let event = decoder.decode(chunk).expect("it fits")?;
        Some(event.into_owned())
    });
    let raw = last(&|decoder, chunk| {
        let event = decoder.decode_raw(chunk).expect("it fits")?;
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        let (event_type, data) = (text(event.event_type()), text(event.data()));
        let mut block = format!(
            "event: {event_type}\ndata: {}\n",
            data.replace('\n', "\ndata: ")
        );
        if event.id().is_none() {
            block.insert_str(0, &format!("id: {}\n\n", event.last_event_id()));
        } else {
            block.push_str(&format!("id: {}\n", event.last_event_id()));
        }
        block.push('\n');
        EventDecoder::new()
            .decode_owned(&mut block.as_bytes())
            .expect("it fits")
    });
    // The blank line at the end is missing.
    let mut decoder = EventDecoder::new();
    let (end, whole) = chunks.split_last().expect("chunks");
    let end = end.strip_suffix(b"\n").expect("a blank line");
    for mut chunk in whole
        .iter()
        .copied()
        .chain([end.strip_suffix(b"\r").unwrap_or(end)])
    {
        while decoder.decode(&mut chunk).expect("it fits").is_some() {}
    }
    let incomplete = decoder.finish().expect("no blank line came");
    let recovered = incomplete.recover(CutLine::Keep).expect("it fits");
    [
        owned,
        item,
        copied,
        raw,
        recovered.expect("it has data").into_owned(),
    ]
}

#[test]
fn events_are_equal_and_have_one_hash_however_they_were_decoded() {
    let hasher = RandomState::new();
    let mut all = Vec::new();
    for ((event_type, data, last_event_id, id), streams) in EVENTS {
        let events: Vec<_> = streams.iter().flat_map(|chunks| decode(chunks)).collect();
        let first = &events[0];
        for event in &events {
            assert_eq!(event.event_type(), *event_type);
            assert_eq!(event.data(), *data);
            assert_eq!(event.last_event_id(), *last_event_id);
            assert_eq!(event.id(), *id);
            assert_eq!(event, first);
            assert_eq!(event.as_event(), first.as_event());
            assert_eq!(hasher.hash_one(event), hasher.hash_one(first));
            assert_eq!(event, &event.clone());
            assert_eq!(
                format!("{event:?}"),
                format!(
                    "OwnedEvent {{ event_type: {event_type:?}, data: {data:?}, last_event_id: {last_event_id:?}, id: {id:?} }}"
                )
            );
            assert_eq!(event.clone().into_data(), *data);
            #[cfg(feature = "bytes")]
            assert_eq!(event.clone().into_data_bytes(), *data);
        }
        all.push(first.clone());
    }
    let set: HashSet<_> = all.iter().cloned().collect();
    assert_eq!(set.len(), EVENTS.len(), "two of them are equal");
    let elsewhere = std::thread::spawn(move || all.swap_remove(0).into_data());
    assert_eq!(elsewhere.join().expect("it does not panic"), "one");
}

/// A decoder whose memory has grown already.
fn warm_decoder() -> EventDecoder {
    let long = "x".repeat(3000);
    let mut decoder = EventDecoder::new();
    for last in [long.as_bytes(), b"\xFF"] {
        let block = [
            b"id: ",
            &[b'x'; 3000][..],
            b"\ndata: ",
            long.as_bytes(),
            b"\ndata: ",
            last,
            b"\n\nid\n\n",
        ];
        let (block, mut events) = (block.concat(), 0);
        let mut input = &block[..];
        while decoder.decode(&mut input).expect("it fits").is_some() {
            events += 1;
        }
        assert_eq!(events, 1);
    }
    decoder
}

/// Decodes the last event of these chunks, and counts what it takes.
fn count_last(decoder: &mut EventDecoder, chunks: &[&[u8]]) -> (Count, OwnedEvent) {
    let mut last = None;
    for mut chunk in chunks.iter().copied() {
        loop {
            match count(|| decoder.decode_owned(&mut chunk).expect("it fits")) {
                (counted, Some(event)) => last = Some((counted, event)),
                (counted, None) => break assert_eq!(counted, Count::NOTHING),
            }
        }
    }
    last.expect("an event")
}

#[test]
fn an_event_is_one_allocation_and_a_new_inherited_id_another() {
    let long = "x".repeat(3000);
    let with_long = |text: &str| text.replace('L', &long).into_bytes();
    // The chunks, and how many allocations the event at their end takes.
    for (chunks, allocations) in [
        (&["data: small\n\n"][..], 1),
        (&["event: tick\ndata: small\n\n"], 1),
        (&["event: tick\r\ndata: small\r\n\r\n"], 1),
        (&["data\n\n"], 0),
        (&["data: one\ndata: two\n\n"], 1),
        (&["data: L\ndata: L\n\n"], 1),
        (&["event: tick\ndata: o", "ne\n\n"], 1),
        (&["event: ti", "ck\ndata: L\n\n"], 1),
        (&["data: L\n", "\n"], 1),
        (&["id: 7\ndata: small\n\n"], 1),
        (&["id: L\nevent: tick\ndata: small\n\n"], 1),
        (&["id\ndata: small\n\n"], 1),
        (&["id: 8\n\ndata: small\n\n"], 2),
        (&["id: 8\n\ndata\n\n"], 1),
        (&["id: L\n\nevent: tick\ndata: small\n\n"], 2),
        (&["id: 8\ndata: small\n\ndata: small\n\n"], 2),
        (&["id: 8\n\ndata: small\n\ndata: small\n\n"], 1),
        (&["id: L\n\ndata: small\n\nevent: tick\ndata: small\n\n"], 1),
        (
            &[
                "id: 8\n\ndata: small\n\n",
                "event: tick\nda",
                "ta: small\n\n",
            ],
            1,
        ),
        (&["id: 8\n\ndata: small\n\nid: 9\n\ndata: small\n\n"], 2),
        (&["id: 8\n\ndata: small\n\nid\n\ndata: small\n\n"], 1),
        (
            &["id: 8\n\ndata: small\n\nid\n\ndata: small\n\nid: 8\n\ndata\n\n"],
            1,
        ),
    ] {
        let bytes: Vec<_> = chunks.iter().map(|chunk| with_long(chunk)).collect();
        let bytes: Vec<_> = bytes.iter().map(|chunk| &**chunk).collect();
        let (counted, event) = count_last(&mut warm_decoder(), &bytes);
        assert_eq!(counted.allocations, allocations, "{chunks:?}");
        // Its text, and what separates type and data; an ID that is shared comes with two counters.
        let text = event.as_event();
        let length = text.own_length() + text.data().len() + text.last_event_id().len();
        let kept = usize::try_from(counted.kept).expect("nothing was freed");
        assert!(
            kept <= length + "\r\ndata: ".len() + 24,
            "{kept} for {length}: {chunks:?}"
        );
        assert!(count(|| event.clone()).0.allocations <= 1);
        assert_eq!(count(|| event.into_data()).0.allocations, 0);
    }
}

trait OwnLength {
    /// The length of the type, unless it is the default.
    fn own_length(&self) -> usize;
}

impl OwnLength for sse_wire::Event<'_> {
    fn own_length(&self) -> usize {
        match self.event_type() {
            "message" => 0,
            event_type => event_type.len(),
        }
    }
}

#[cfg(target_has_atomic = "ptr")]
#[test]
fn events_that_inherit_an_id_share_it() {
    let long = "x".repeat(60_000);
    let stream = format!("id: {long}\n\n{}", "data\n\n".repeat(1000));
    let (mut decoder, mut input) = (EventDecoder::new(), stream.as_bytes());
    let (counted, events) = count(|| {
        let mut events = Vec::with_capacity(1000);
        while let Some(event) = decoder.decode_owned(&mut input).expect("it fits") {
            events.push(event);
        }
        events
    });
    assert_eq!(events.len(), 1000);
    let shared = events[0].last_event_id();
    assert_eq!(shared, long);
    for event in &events {
        assert_eq!(event.last_event_id().as_ptr(), shared.as_ptr());
    }
    // One copy for each would be 60 MB.
    assert!(counted.peak < 1_000_000, "{counted:?}");
    // They retain it, whatever becomes of the decoder.
    drop(decoder);
    assert_eq!(events[999].last_event_id(), long);
}

#[test]
fn owned_events_inherit_the_id_that_borrowed_events_do() {
    const BLOCKS: &[&[u8]] = &[
        b"data: 1\n\n",
        b"event: tick\ndata: 1\n\n",
        b"id: 1\n\n",
        b"id: 2\ndata: 2\n\n",
        b"id: 2\n\n",
        b"id\n\n",
        b"id\ndata: 3\n\n",
        b"id: \xFF\n\n",
        b"id: a\0b\ndata\n\n",
        b"id: 3\ndata: too large\n\n",
        b"id: too large\n\n",
        b"id: 4\nda",
        b"ta: 4\n\n",
        b": comment\nretry: 5\ndata\n\n",
    ];
    let ids = ["", "1", "2", "new"].map(LastEventId::from_static);
    let decoder = || EventDecoder::with_limits(Limits::new().with_event(8).with_last_event_id(4));
    for seed in 0..2000 {
        let mut random = Random::new(seed);
        let (mut owning, mut borrowing) = (decoder(), decoder());
        let mut steps = Vec::new();
        for _ in 0..20 {
            let block = *random.choose(BLOCKS);
            let (mut owned, mut borrowed) = (block, block);
            match random.below(12) {
                0 => {
                    let id = *random.choose(&ids);
                    steps.push(format!("set_last_event_id({id:?})"));
                    assert_eq!(
                        owning.set_last_event_id(id),
                        borrowing.set_last_event_id(id)
                    );
                }
                1 => {
                    steps.push("restart".to_owned());
                    owning.restart();
                    borrowing.restart();
                }
                2 => {
                    steps.push("finish".to_owned());
                    let recover = |decoder: &mut EventDecoder| {
                        let incomplete = decoder.finish()?;
                        let recovered = incomplete.recover(CutLine::Keep);
                        recovered
                            .map(|event| event.map(sse_wire::Event::into_owned))
                            .transpose()
                    };
                    assert_eq!(recover(&mut owning), recover(&mut borrowing), "{steps:?}");
                }
                3 => {
                    // The other call may be mixed in anywhere.
                    steps.push(format!("decode {}", block.escape_ascii()));
                    while !owned.is_empty() {
                        _ = owning.decode(&mut owned);
                    }
                    while !borrowed.is_empty() {
                        _ = borrowing.decode(&mut borrowed);
                    }
                }
                _ => {
                    steps.push(format!("{}", block.escape_ascii()));
                    loop {
                        let event = owning.decode_owned(&mut owned);
                        let expected = borrowing.decode(&mut borrowed);
                        let expected = expected.map(|event| event.map(sse_wire::Event::into_owned));
                        assert_eq!(event, expected, "{steps:?}");
                        assert_eq!(owned, borrowed);
                        if event == Ok(None) {
                            break;
                        }
                    }
                }
            }
            assert_eq!(
                owning.last_event_id(),
                borrowing.last_event_id(),
                "{steps:?}"
            );
        }
    }
}

#[test]
fn the_data_is_taken_without_copying_it() {
    for stream in ["data: 1\n\n", "data: 1\ndata: 2\n\n", "id: 7\ndata: 1\n\n"] {
        let event = || EventDecoder::new().decode_owned(&mut stream.as_bytes());
        let event = || event().expect("it fits").expect("an event");
        let owned = event();
        let place = owned.data().as_ptr();
        let data = owned.into_data();
        assert_eq!(data.as_ptr(), place);
        #[cfg(feature = "bytes")]
        {
            let owned = event();
            let place = owned.data().as_ptr();
            assert_eq!(owned.into_data_bytes().as_ptr(), place);
        }
    }
    // Behind a type the data is moved, except as `Bytes`.
    let event = EventDecoder::new().decode_owned(&mut &b"event: tick\ndata: 1\n\n"[..]);
    let event = event.expect("it fits").expect("an event");
    assert_eq!(count(|| event.clone().into_data()).0.allocations, 1);
    #[cfg(feature = "bytes")]
    {
        let place = event.data().as_ptr();
        assert_eq!(event.into_data_bytes().as_ptr(), place);
    }
}

#[test]
fn text_that_exceeds_the_limit_is_rejected_as_in_a_borrowed_event() {
    let mut decoder = EventDecoder::with_limits(Limits::new().with_event(8));
    let mut input = &b"id: 9\ndata: \xFF\xFF\xFF\n\ndata: next\n\n"[..];
    let rejected = decoder.decode_owned(&mut input);
    assert_eq!(rejected, Err(DecodeError::EventTooLarge { limit: 8 }));
    let next = decoder.decode_owned(&mut input).expect("it fits");
    let next = next.expect("an event");
    assert_eq!((next.data(), next.last_event_id()), ("next", "9"));
}

#[test]
fn an_owned_event_can_be_sent_again() {
    let mut input = &b"id: 7\nevent: tick\ndata: one\ndata: two\n\n"[..];
    let event = EventDecoder::new().decode_owned(&mut input);
    let event = event.expect("it fits").expect("an event");
    let sent = sse_wire::Outgoing::from(&event).to_string();
    assert_eq!(sent, "event: tick\nid: 7\ndata: one\ndata: two\n\n");
    #[cfg(feature = "bytes")]
    assert_eq!(sse_wire::Frame::from(&event).as_bytes(), &sent);
}
