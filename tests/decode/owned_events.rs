//! Owned events are values: how they were decoded shows neither in what they return nor in how they
//! compare. Each is one allocation that retains its text alone, and an inherited ID is one more for
//! all that inherit it.

use crate::common::allocator::{Count, count};
use crate::common::calls;
use crate::table::{shown_event, split, with_line_ends};
use core::hash::BuildHasher;
use sse_wire::{CutLine, Event, EventDecoder, EventType, LastEventId, OwnedEvent, OwnedItem};
use std::collections::HashMap;
use std::hash::RandomState;

/// Streams, each with the event that comes at its end. `|` is a line end and `/` a cut. Events that
/// are equal stand in a row.
pub(crate) const EVENTS: &[&[u8]] = &[
    b"data: one|| => =one#",
    b"data: one\r|\r| => =one#",
    b"data:one|| => =one#",
    b"event: message|data: one|| => =one#",
    b"event: |data: one|| => =one#",
    b"event: x|data: one|event|| => =one#",
    b"da/ta: one|| => =one#",
    b"data: o/ne/|| => =one#",
    b"event: mess/age|data: one|| => =one#",
    b"event: tick|data: one|| => tick=one#",
    b"event: tick\r|data: one\r|\r| => tick=one#",
    b"data: one|event: tick|| => tick=one#",
    b"event: tick|: comment|data: one|| => tick=one#",
    b"event: ti/ck|data: one|| => tick=one#",
    b"event: tick|data: o/ne|| => tick=one#",
    b"event: tick|data: one|/| => tick=one#",
    b"id: 7||event: tick|data: one|| => tick=one#7",
    // The first event that inherits an ID is decoded another way than those after it.
    b"id: 7||data||event: tick|data: one|| => tick=one#7",
    b"id: 7|data||/data||/event: tick\r|data: one\r|\r| => tick=one#7",
    b"id: 8|data||data||id: 7||event: tick|data: one|| => tick=one#7",
    b"id: 7||data: one|event: ti/ck|| => tick=one#7",
    b"id: 7|event: tick|data: one|| => tick=one@7",
    b"event: tick|data: one|id: 7|| => tick=one@7",
    b"id: 7||data||data||id: 7|event: tick|data: one|| => tick=one@7",
    b"id: 8|id: /7|event: tick|data: /one|| => tick=one@7",
    b"id|data: one|| => =one@",
    b"id: 7||data||id: |data: one|| => =one@",
    b"id/|data: one/|| => =one@",
    b"data|| => =#",
    b"data:|| => =#",
    b"data: || => =#",
    b"event|da/ta|| => =#",
    b"event: messag|data: eone|| => messag=eone#",
    b"event: tick|data: one|data: two|data|| => tick=one\ntwo\n#",
    b"data: one|data: two|event: tick|data: || => tick=one\ntwo\n#",
    b"event: tick|data: one|da/ta: two|data:|| => tick=one\ntwo\n#",
    b"event: tick|/data: one|/data: two|/data|/| => tick=one\ntwo\n#",
    b"event: \xFF|data: caf\xC3|id: \xFF|| => \xEF\xBF\xBD=caf\xEF\xBF\xBD@\xEF\xBF\xBD",
    b"id: \xEF\xBF\xBD|event: \xEF\xBF\xBD|data: caf\xEF\xBF\xBD|| => \xEF\xBF\xBD=caf\xEF\xBF\xBD@\xEF\xBF\xBD",
    b"event: \xEF\xBF/\xBD|data: caf\xC3|id: \xFF/|| => \xEF\xBF\xBD=caf\xEF\xBF\xBD@\xEF\xBF\xBD",
];

/// The same event, created without a decoder; `None` if it inherits an ID.
fn created(event: &OwnedEvent) -> Option<OwnedEvent> {
    let event_type = EventType::new(event.event_type()).expect("it was decoded");
    let created = OwnedEvent::new(event_type, event.data());
    match event.id() {
        Some(id) => Some(created.with_id(LastEventId::new(id).expect("it was decoded"))),
        None => event.last_event_id().is_empty().then_some(created),
    }
}

/// The last event that these chunks have, by each way to make one.
pub(crate) fn decode(chunks: &[&[u8]]) -> [OwnedEvent; 4] {
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
    let item = last(&|decoder, chunk| {
        loop {
            if let OwnedItem::Event(event) = decoder.decode_owned_item(chunk).expect("it fits")? {
                return Some(event);
            }
        }
    });
    let copied = last(&|decoder, chunk| {
        let event = decoder.decode(chunk).expect("it fits");
        event.map(Event::into_owned)
    });
    // The blank line at the end is missing.
    let (end, whole) = chunks.split_last().expect("chunks");
    let end = end.strip_suffix(b"\n").expect("a blank line");
    let end = end.strip_suffix(b"\r").unwrap_or(end);
    let mut decoder = EventDecoder::new();
    for mut chunk in whole.iter().copied().chain([end]) {
        while decoder.decode(&mut chunk).expect("it fits").is_some() {}
    }
    let incomplete = decoder.finish().expect("no blank line came");
    let recovered = incomplete.recover(CutLine::Keep).expect("it fits");
    let recovered = recovered.expect("it has data").into_owned();
    [owned, item, copied, recovered]
}

#[test]
fn events_are_equal_and_have_one_hash_however_they_were_made() {
    let hasher = RandomState::new();
    let mut all: HashMap<_, OwnedEvent> = HashMap::new();
    for row in EVENTS {
        let (stream, expected) = split(row);
        let stream = with_line_ends(stream, "\n");
        let chunks: Vec<_> = stream.split(|byte| *byte == b'/').collect();
        let decoded = decode(&chunks);
        let created = created(&decoded[0]);
        for event in decoded.into_iter().chain(created) {
            assert_eq!(shown_event(&calls::text(event.as_event())), expected);
            let first = all.entry(expected).or_insert_with(|| event.clone());
            assert_eq!(event, *first);
            assert_eq!(hasher.hash_one(&event), hasher.hash_one(&*first));
            let (event_type, data) = (event.event_type(), event.data());
            let (last_event_id, id) = (event.last_event_id(), event.id());
            let debug = format!(
                "OwnedEvent {{ event_type: {event_type:?}, data: {data:?}, \
                 last_event_id: {last_event_id:?}, id: {id:?} }}"
            );
            assert_eq!(format!("{event:?}"), debug);
            assert_eq!(event.clone().into_data(), data);
            #[cfg(feature = "bytes")]
            assert_eq!(event.clone().into_data_bytes(), data);
        }
    }
    assert_eq!(
        OwnedEvent::message("one"),
        all[&b"=one#"[..]],
        "as the default type"
    );
    assert_eq!(all.len(), 9);
    for (one, first) in &all {
        for (another, second) in &all {
            assert_eq!(first == second, one == another, "{first:?} and {second:?}");
        }
    }
}

/// A decoder whose memory has grown already.
fn warm_decoder() -> EventDecoder {
    let long = [b'x'; 3000];
    let mut decoder = EventDecoder::new();
    for last in [&long[..], b"\xFF"] {
        let parts = [
            b"id: ",
            &long[..],
            b"\ndata: ",
            &long,
            b"\ndata: ",
            last,
            b"\n\nid\n\n",
        ];
        let stream = parts.concat();
        let mut input = &stream[..];
        assert!(decoder.decode(&mut input).expect("it fits").is_some());
        assert!(decoder.decode(&mut input).expect("it fits").is_none());
    }
    decoder
}

#[test]
fn an_event_is_one_allocation_and_a_new_inherited_id_another() {
    // How many allocations the event at the end of the stream takes. `L` is a long text.
    for (allocations, stream) in [
        (1, "data: small||"),
        (1, "event: tick|data: small||"),
        (1, "event: tick\r|data: small\r|\r|"),
        (0, "data||"),
        (1, "data: one|data: two||"),
        (1, "data: L|data: L||"),
        (1, "event: tick|data: o/ne||"),
        (1, "event: ti/ck|data: L||"),
        (1, "data: L|/|"),
        (1, "id: 7|data: small||"),
        (1, "id: L|event: tick|data: small||"),
        (1, "id|data: small||"),
        (2, "id: 8||data: small||"),
        (1, "id: 8||data||"),
        (2, "id: L||event: tick|data: small||"),
        (2, "id: 8|data: small||data: small||"),
        (1, "id: 8||data: small||data: small||"),
        (1, "id: L||data: small||event: tick|data: small||"),
        (1, "id: 8||data: small||/event: tick|da/ta: small||"),
        (2, "id: 8||data: small||id: 9||data: small||"),
        (1, "id: 8||data: small||id||data: small||"),
        (1, "id: 8||data: small||id||data: small||id: 8||data||"),
    ] {
        let bytes = stream.replace('L', &"x".repeat(3000)).replace('|', "\n");
        let (mut decoder, mut last) = (warm_decoder(), None);
        for chunk in bytes.split('/') {
            let mut input = chunk.as_bytes();
            loop {
                match count(|| decoder.decode_owned(&mut input).expect("it fits")) {
                    (counted, Some(event)) => last = Some((counted, event)),
                    (counted, None) => break assert_eq!(counted, Count::NOTHING),
                }
            }
        }
        let (counted, event) = last.expect("an event");
        assert_eq!(counted.allocations, allocations, "{stream}");
        // Its text, and what separates type and data; an ID that is shared comes with two counters.
        let event_type = match event.event_type() {
            "message" => "",
            event_type => event_type,
        };
        let length = event_type.len() + event.data().len() + event.last_event_id().len();
        let kept = usize::try_from(counted.kept).expect("nothing was freed");
        let most = length + "\r\ndata: ".len() + 24;
        assert!(kept <= most, "{kept} for {length}: {stream}");
        assert!(count(|| event.clone()).0.allocations <= 1);
        assert_eq!(count(|| event.into_data()).0.allocations, 0);
    }
}

#[cfg(target_has_atomic = "ptr")]
#[test]
fn events_that_inherit_an_id_share_it() {
    let long = "x".repeat(60_000);
    let stream = format!("id: {long}\n\n{}", "data\n\n".repeat(1000));
    let (mut decoder, mut input) = (EventDecoder::new(), stream.as_bytes());
    let (counted, events) = count(|| {
        let events = core::iter::from_fn(|| decoder.decode_owned(&mut input).expect("it fits"));
        events.collect::<Vec<_>>()
    });
    assert_eq!(events.len(), 1000);
    // One copy for each would be 60 MB.
    assert!(counted.peak < 1_000_000, "{counted:?}");
    // They retain it, whatever becomes of the decoder.
    drop(decoder);
    let shared = events[0].last_event_id();
    assert_eq!(shared, long);
    for event in &events {
        assert_eq!(event.last_event_id().as_ptr(), shared.as_ptr());
    }
}

fn event(stream: &str) -> OwnedEvent {
    let event = EventDecoder::new().decode_owned(&mut stream.as_bytes());
    event.expect("it fits").expect("an event")
}

#[test]
fn the_data_is_taken_without_copying_it() {
    for stream in ["data: 1\n\n", "data: 1\ndata: 2\n\n", "id: 7\ndata: 1\n\n"] {
        let owned = event(stream);
        let place = owned.data().as_ptr();
        let data = owned.into_data();
        assert_eq!(data.as_ptr(), place);
        #[cfg(feature = "bytes")]
        {
            let owned = event(stream);
            let place = owned.data().as_ptr();
            assert_eq!(owned.into_data_bytes().as_ptr(), place);
        }
    }
    // After a type the data is moved, except as `Bytes`.
    let owned = event("event: tick\ndata: 1\n\n");
    assert_eq!(count(|| owned.clone().into_data()).0.allocations, 1);
    #[cfg(feature = "bytes")]
    {
        let place = owned.data().as_ptr();
        assert_eq!(owned.into_data_bytes().as_ptr(), place);
    }
}

#[test]
fn an_owned_event_can_be_sent_again() {
    let event = event("id: 7\nevent: tick\ndata: one\ndata: two\n\n");
    let outgoing = sse_wire::Outgoing::from(&event);
    assert_eq!(outgoing, sse_wire::Outgoing::from(event.as_event()));
    let sent = outgoing.to_string();
    assert_eq!(sent, "event: tick\nid: 7\ndata: one\ndata: two\n\n");
    #[cfg(feature = "bytes")]
    assert_eq!(sse_wire::Frame::from(&event).as_bytes(), &sent);
}
