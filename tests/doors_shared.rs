//! Shared events: nothing is copied or allocated for that need not be, and nothing is kept alive that is much larger than
//! what is kept.
#![cfg(feature = "bytes")]
#![allow(clippy::std_instead_of_alloc, reason = "the tests have std")]

pub mod promise;

use bytes::Bytes;
use core::mem::size_of;
use core::sync::atomic::{AtomicUsize, Ordering};
use promise::allocator::{Counting, count};
use sse_wire::{
    CutLine, DecodeError, EventDecoder, LastEventId, Limits, SharedDecoder, SharedEvent,
    SharedItem, SharedRawEvent,
};
use std::collections::HashSet;
use std::sync::Arc;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Whether `part` is a part of `chunk`: the same memory, not the same bytes.
fn lies_in(chunk: &Bytes, part: &[u8]) -> bool {
    let (chunk, part) = (chunk.as_ptr_range(), part.as_ptr_range());
    chunk.start <= part.start && part.end <= chunk.end
}

/// The only event of a chunk.
#[track_caller]
fn only(decoder: &mut SharedDecoder, chunk: &Bytes) -> SharedEvent {
    let mut input = chunk.clone();
    let event = decoder.decode(&mut input).expect("it fits");
    assert_eq!(decoder.decode(&mut input), Ok(None));
    event.expect("an event")
}

/// Chunks of 16 KiB, each with as many events of `data_len` bytes of data as it holds whole.
fn chunks(data_len: usize, number: usize) -> Vec<Bytes> {
    let event = format!("event: delta\ndata: {}\n\n", "x".repeat(data_len));
    let mut chunk = event.repeat(16 * 1024 / event.len());
    let padding = 16 * 1024 - chunk.len();
    chunk.push_str(&"\n".repeat(padding));
    (0..number).map(|_| Bytes::from(chunk.clone())).collect()
}

#[test]
fn whole_events_above_the_threshold_are_not_allocated_for() {
    for (data_len, is_raw) in [(1024, false), (1024, true), (5000, false), (15_000, true)] {
        let mut decoder = SharedDecoder::new();
        let mut kept_text = Vec::with_capacity(2000);
        let mut kept_raw = Vec::with_capacity(2000);
        let chunks = chunks(data_len, 100);
        let (counted, ()) = count(|| {
            for chunk in &chunks {
                let mut input = chunk.clone();
                if is_raw {
                    while let Some(event) = decoder.decode_raw(&mut input).expect("it fits") {
                        kept_raw.push(event);
                    }
                } else {
                    while let Some(event) = decoder.decode(&mut input).expect("it fits") {
                        kept_text.push(event);
                    }
                }
            }
        });
        let events = kept_text.len() + kept_raw.len();
        assert!(events >= 100 * (16 * 1024 / (data_len + 30)));
        for event in &kept_text {
            let chunk = chunks.iter().any(|chunk| {
                lies_in(chunk, event.data().as_bytes())
                    && lies_in(chunk, event.event_type().as_bytes())
            });
            assert!(chunk, "an event was copied");
        }
        for event in &kept_raw {
            let chunk = chunks
                .iter()
                .any(|chunk| lies_in(chunk, event.data()) && lies_in(chunk, event.event_type()));
            assert!(chunk, "an event was copied");
        }
        // A chunk that was a `Vec` gets its count of references with the first of them.
        assert!(
            counted.allocations <= chunks.len(),
            "{} allocations for {events} events in {} chunks",
            counted.allocations,
            chunks.len()
        );
        println!(
            "{data_len} bytes of data: {} allocations for {events} events in {} chunks",
            counted.allocations,
            chunks.len()
        );
    }
}

#[test]
fn an_event_that_is_copied_takes_one_block_and_a_new_id_another() {
    let long = "x".repeat(3000);
    // What is read, and how many blocks the event at its end may take.
    let cases: &[(&str, &[&str], usize)] = &[
        ("small", &["data: small\n\n"], 1),
        ("small, with a type", &["event: tick\ndata: small\n\n"], 1),
        ("empty", &["data\n\n"], 0),
        ("several lines", &["data: one\ndata: two\n\n"], 1),
        (
            "several long lines",
            &["data: ", &long, "\ndata: ", &long, "\n\n"],
            1,
        ),
        ("cut in the data", &["event: tick\ndata: o", "ne\n\n"], 1),
        ("cut in the type", &["event: ti", "ck\ndata: one\n\n"], 1),
        ("cut in the long data", &["data: ", &long, "\n", "\n"], 1),
        (
            "long data behind a cut type",
            &["event: ti", "ck\ndata: ", &long, "\n\n"],
            1,
        ),
        ("a new id", &["id: 7\ndata: small\n\n"], 2),
        ("a new id alone before", &["id: 8\n\ndata: small\n\n"], 2),
        ("invalid text", &["event: \u{1}\ndata: \u{1}", "\n\n"], 1),
    ];
    for (name, chunks, blocks) in cases {
        let mut decoder = SharedDecoder::new();
        // Warm: the memory of the decoder itself has grown.
        for last in [long.as_bytes(), b"\xFF"] {
            let event = [b"data: ", long.as_bytes(), b"\ndata: ", last, b"\n\n"];
            let mut warm = Bytes::from(event.concat());
            assert!(decoder.decode(&mut warm).expect("it fits").is_some());
        }
        // Static memory takes no allocation to be shared, so that all that are counted are the event's.
        let chunks: Vec<Bytes> = chunks
            .iter()
            .map(|chunk| {
                chunk
                    .bytes()
                    .map(|byte| if byte == 1 { 0xFF } else { byte })
            })
            .map(|chunk| Bytes::from_static(chunk.collect::<Vec<u8>>().leak()))
            .collect();
        let (counted, event) = count(|| {
            let mut event = None;
            for chunk in &chunks {
                let mut input = chunk.clone();
                event = event.or(decoder.decode(&mut input).expect("it fits"));
            }
            event
        });
        assert!(event.is_some(), "{name}");
        assert_eq!(counted.allocations, *blocks, "{name}");
    }
}

#[test]
fn an_inherited_id_is_shared() {
    let mut decoder = SharedDecoder::new();
    let first = only(&mut decoder, &Bytes::from_static(b"id: 42\ndata\n\n"));
    let chunk = Bytes::from_static(b"data\n\n");
    let (counted, second) = count(|| only(&mut decoder, &chunk));
    assert_eq!(counted.allocations, 0);
    assert_eq!(
        first.last_event_id().as_ptr(),
        second.last_event_id().as_ptr()
    );
    // The same ID again is the same memory.
    let third = only(&mut decoder, &Bytes::from_static(b"id: 42\ndata\n\n"));
    assert_eq!(
        first.last_event_id().as_ptr(),
        third.last_event_id().as_ptr()
    );
    assert_eq!((second.id(), third.id()), (None, Some("42")));
    let reset = only(&mut decoder, &Bytes::from_static(b"id\ndata\n\n"));
    assert_eq!((reset.last_event_id(), reset.id()), ("", Some("")));
    assert_eq!(first.last_event_id(), "42");
}

#[test]
fn ids_that_come_without_an_event_are_seen() {
    let mut decoder = SharedDecoder::new();
    let id = LastEventId::from_static("seed");
    decoder.set_last_event_id(id).expect("it fits");
    assert_eq!(
        only(&mut decoder, &Bytes::from_static(b"data\n\n")).last_event_id(),
        "seed"
    );
    let event = only(&mut decoder, &Bytes::from_static(b"id: alone\n\ndata\n\n"));
    assert_eq!((event.last_event_id(), event.id()), ("alone", None));
    decoder.restart();
    assert_eq!(decoder.last_event_id(), "alone");
    assert_eq!(
        only(&mut decoder, &Bytes::from_static(b"\xEF\xBB\xBFdata\n\n")).last_event_id(),
        "alone"
    );
    // A refused event has an ID all the same.
    let limits = Limits::new().with_event(8);
    let mut decoder = SharedDecoder::with_limits(limits);
    let mut input = Bytes::from_static(b"id: 9\ndata: too large\n\ndata\n\n");
    assert_eq!(
        decoder.decode(&mut input),
        Err(DecodeError::EventTooLarge { limit: 8 })
    );
    assert_eq!(only(&mut decoder, &input).last_event_id(), "9");
}

#[test]
fn the_threshold_decides_what_is_copied() {
    let event = |data: usize| Bytes::from(format!("event: four\ndata: {}\n\n", "x".repeat(data)));
    let is_shared = |decoder: SharedDecoder, chunk: &Bytes| {
        let mut decoder = decoder;
        lies_in(chunk, only(&mut decoder, chunk).data().as_bytes())
    };
    // The type counts, too.
    for (copy_below, data, shares) in [
        (1024, 1019, false),
        (1024, 1020, true),
        (0, 1, true),
        (5, 1, true),
        (6, 1, false),
        (usize::MAX, 1 << 20, false),
    ] {
        let decoder = SharedDecoder::new().with_copy_below(copy_below);
        assert_eq!(
            is_shared(decoder, &event(data)),
            shares,
            "{data} bytes, copied below {copy_below}"
        );
    }
    assert!(!is_shared(SharedDecoder::new(), &event(1019)));
    assert!(is_shared(SharedDecoder::new(), &event(1020)));
}

#[test]
fn an_event_that_is_small_for_its_chunk_is_copied_wherever_it_is_in_it() {
    let event = format!("data: {}\n\n", "x".repeat(2000));
    let padding = "\n".repeat(16 * 2000);
    for stream in [
        format!("{event}{padding}"),
        format!("{padding}{event}"),
        format!("{event}{padding}{event}"),
    ] {
        let chunk = Bytes::from(stream);
        for (copy_below, shares) in [(1024, false), (0, true)] {
            let mut decoder = SharedDecoder::new().with_copy_below(copy_below);
            let mut input = chunk.clone();
            while let Some(event) = decoder.decode(&mut input).expect("it fits") {
                assert_eq!(lies_in(&chunk, event.data().as_bytes()), shares);
            }
        }
    }
    // A sixteenth is enough.
    let stream = format!("{event}{}", "\n".repeat(15 * 2000));
    let chunk = Bytes::from(stream);
    let mut input = chunk.clone();
    let event = SharedDecoder::new().decode(&mut input);
    let event = event.expect("it fits").expect("an event");
    assert!(lies_in(&chunk, event.data().as_bytes()));
}

#[test]
fn small_events_do_not_keep_their_chunks_alive() {
    const EVENTS: usize = 10_000;
    /// Memory of the decoder, and of the chunk that was read last.
    const CONSTANT: usize = 64 * 1024;
    for data_len in [20, 1000] {
        let mut text = 0;
        let (counted, kept) = count(|| {
            let mut decoder = SharedDecoder::new();
            let mut kept = Vec::with_capacity(EVENTS);
            for number in 0..EVENTS {
                let data = "x".repeat(data_len);
                let small = format!("event: tick\nid: {number}\ndata: {data}\n\n");
                let mut chunk = small.clone().into_bytes();
                chunk.resize(16 * 1024, b'\n');
                let mut input = Bytes::from(chunk);
                while let Some(event) = decoder.decode(&mut input).expect("it fits") {
                    text +=
                        event.event_type().len() + event.data().len() + event.last_event_id().len();
                    kept.push(event);
                }
            }
            (kept, decoder)
        });
        assert_eq!(kept.0.len(), EVENTS);
        let resident = usize::try_from(counted.kept).expect("more than before");
        let each = size_of::<SharedEvent>();
        let allowed = 2 * (text + EVENTS * each) + CONSTANT;
        assert!(resident <= allowed, "{resident} bytes for {text} of text");
        println!(
            "{EVENTS} events of {data_len} bytes: {resident} bytes for {text} of text and {each} of each event: {:.2} times",
            resident as f64 / (text + EVENTS * each) as f64
        );
    }
}

/// The memory of a chunk that tells when it is let go.
struct Watched {
    bytes: Vec<u8>,
    alive: Arc<AtomicUsize>,
}

impl Watched {
    fn chunk(text: &str, alive: &Arc<AtomicUsize>) -> Bytes {
        alive.fetch_add(1, Ordering::Relaxed);
        Bytes::from_owner(Self {
            bytes: text.into(),
            alive: Arc::clone(alive),
        })
    }
}

impl AsRef<[u8]> for Watched {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.alive.fetch_sub(1, Ordering::Relaxed);
    }
}

#[test]
fn the_decoder_keeps_no_chunk_alive() {
    let alive = Arc::new(AtomicUsize::new(0));
    let long = "x".repeat(4000);
    let mut decoder = SharedDecoder::new().with_copy_below(0);
    for stream in [
        format!("id: {long}\ndata: {long}\n\n"),
        format!("id: {long}\n\n"),
        format!("event: {long}\ndata: {long}"),
        format!("\n: {long}\n\nid: {long}y\ndata: {long}\ndata: {long}\n\n"),
    ] {
        let mut input = Watched::chunk(&stream, &alive);
        while let Some(event) = decoder.decode_item(&mut input).expect("it fits") {
            if let SharedItem::Event(event) = &event {
                assert_eq!(event.last_event_id().len() / 4000, 1);
            }
        }
        drop(input);
        assert_eq!(alive.load(Ordering::Relaxed), 0, "{}", stream.len());
    }
    // What is shared does keep it, until its last clone is gone.
    let mut input = Watched::chunk(&format!("data: {long}\n\n"), &alive);
    let event = decoder.decode(&mut input).expect("it fits").expect("one");
    drop(input);
    assert_eq!(alive.load(Ordering::Relaxed), 1);
    let data = event.clone().into_data();
    drop(event);
    assert_eq!(alive.load(Ordering::Relaxed), 1);
    assert_eq!(data, long);
    drop(data);
    assert_eq!(alive.load(Ordering::Relaxed), 0);
}

#[test]
fn cloning_and_taking_the_data_copies_nothing() {
    let long = "x".repeat(4000);
    for stream in [
        format!("event: tick\ndata: {long}\n\n"),
        format!("event: tick\ndata: {long}\ndata: {long}\n\n"),
        format!("data: {long}\nevent: tick\n\n"),
    ] {
        let chunk = Bytes::from(stream);
        let mut decoder = SharedDecoder::new();
        let event = only(&mut decoder, &chunk);
        let memory = event.data().as_ptr();
        let clone = event.clone();
        assert_eq!(clone.data().as_ptr(), memory);
        assert_eq!(clone, event);
        assert_eq!(clone.into_data().as_ptr(), memory);
        let mut input = chunk.clone();
        let raw = decoder.decode_raw(&mut input).expect("it fits");
        let raw = raw.expect("an event");
        let memory = raw.data().as_ptr();
        assert_eq!(
            raw.clone().text().expect("it is text").data().as_ptr(),
            memory
        );
        assert_eq!(raw.into_data().as_ptr(), memory);
    }
}

#[test]
fn what_stands_between_type_and_data_does_no_harm() {
    let long = "x".repeat(4000);
    let streams: [&[u8]; 3] = [
        b": \xFF\n",
        b"unknown: \xFF\nretry: \xFF\n",
        &[&b": "[..], &[b'y'; 100_000][..], b"\n"].concat(),
    ];
    for between in streams {
        for copy_below in [0, 1024] {
            let chunk = Bytes::from(
                [
                    b"event: tick\n",
                    between,
                    b"data: ",
                    long.as_bytes(),
                    b"\n\n",
                ]
                .concat(),
            );
            let mut decoder = SharedDecoder::new().with_copy_below(copy_below);
            let event = only(&mut decoder, &chunk);
            assert_eq!((event.event_type(), event.data()), ("tick", &long[..]));
            let mut input = chunk.clone();
            let raw = decoder.decode_raw(&mut input).expect("it fits");
            assert_eq!(raw.expect("an event").text().as_ref(), Ok(&event));
        }
    }
}

#[test]
fn what_is_not_text_is_replaced_or_refused() {
    let chunk = Bytes::from_static(b"event: \xFF\ndata: caf\xC3\n\n");
    for copy_below in [0, 1024] {
        let mut decoder = SharedDecoder::new().with_copy_below(copy_below);
        let event = only(&mut decoder, &chunk);
        assert_eq!(
            (event.event_type(), event.data()),
            ("\u{FFFD}", "caf\u{FFFD}")
        );
        let raw = decoder.decode_raw(&mut chunk.clone()).expect("it fits");
        let raw = raw.expect("an event");
        assert_eq!(
            (raw.event_type(), raw.data()),
            (&b"\xFF"[..], &b"caf\xC3"[..])
        );
        assert_eq!(raw.text().expect_err("it is not text").valid_up_to(), 3);
    }
    // Two parts of one character, which lie side by side when they are copied.
    let chunk = Bytes::from_static(b"data: \xE2\x82\nevent: \xAC\n\n");
    for copy_below in [0, 1024] {
        let mut decoder = SharedDecoder::new().with_copy_below(copy_below);
        let raw = decoder.decode_raw(&mut chunk.clone()).expect("it fits");
        let error = raw.expect("an event").text().expect_err("it is not text");
        assert_eq!(error.valid_up_to(), 0);
        let event = only(&mut decoder, &chunk);
        assert_eq!((event.event_type(), event.data()), ("\u{FFFD}", "\u{FFFD}"));
    }
    // As text it is larger than the limit allows.
    let limits = Limits::new().with_event(8);
    let mut decoder = SharedDecoder::with_limits(limits).with_copy_below(0);
    let mut input = Bytes::from_static(b"data: \xFF\xFF\xFF\n\ndata: next\n\n");
    assert_eq!(
        decoder.decode(&mut input),
        Err(DecodeError::EventTooLarge { limit: 8 })
    );
    assert_eq!(only(&mut decoder, &input).data(), "next");
}

#[test]
fn events_are_values() {
    let chunk = Bytes::from_static(b"id: 1\nevent: tick\ndata: one\n\n");
    let copied = only(&mut SharedDecoder::new(), &chunk);
    let shared = only(&mut SharedDecoder::new().with_copy_below(0), &chunk);
    assert!(!lies_in(&chunk, copied.data().as_bytes()));
    assert!(lies_in(&chunk, shared.data().as_bytes()));
    assert_eq!(copied, shared);
    let set: HashSet<SharedEvent> = [copied, shared.clone()].into_iter().collect();
    assert_eq!(set.len(), 1);
    assert_eq!(
        format!("{shared:?}"),
        "SharedEvent { event_type: \"tick\", data: \"one\", last_event_id: \"1\", id: Some(\"1\") }"
    );
    let raw = SharedDecoder::new().decode_raw(&mut { chunk });
    let raw = raw.expect("it fits").expect("an event");
    assert_eq!(
        format!("{raw:?}"),
        "SharedRawEvent { event_type: b\"tick\", data: b\"one\", last_event_id: \"1\", id: Some(\"1\") }"
    );
    let set: HashSet<SharedRawEvent> = [raw.clone(), raw].into_iter().collect();
    assert_eq!(set.len(), 1);
    for (other, what) in [
        ("id: 2\nevent: tick\ndata: one\n\n", "id"),
        ("id: 1\nevent: tock\ndata: one\n\n", "type"),
        ("id: 1\nevent: tick\ndata: two\n\n", "data"),
    ] {
        let other = only(&mut SharedDecoder::new(), &Bytes::from(other));
        assert_ne!(other, shared, "another {what}");
    }
    let elsewhere = std::thread::spawn(move || shared.into_data());
    assert_eq!(elsewhere.join().expect("it does not panic"), "one");
}

#[test]
fn a_decoder_that_has_begun_goes_on() {
    let mut decoder = EventDecoder::new();
    let mut chunk: &[u8] = b"retry: 5\nid: 7\n\nevent: tick\ndata: on";
    assert_eq!(decoder.decode(&mut chunk), Ok(None));
    let mut decoder = SharedDecoder::from(decoder);
    let event = only(&mut decoder, &Bytes::from_static(b"e\n\n"));
    assert_eq!((event.event_type(), event.data()), ("tick", "one"));
    assert_eq!((event.last_event_id(), event.id()), ("7", None));
    assert_eq!(
        decoder.reconnection_time().map(|time| time.as_millis()),
        Some(5)
    );
}

#[test]
fn the_end_is_dropped_or_recovered() {
    let read = |cut_line| {
        let mut decoder = SharedDecoder::new();
        let mut chunk = Bytes::from_static(b"id: 1\ndata: one\ndata: tw");
        assert_eq!(decoder.decode(&mut chunk), Ok(None));
        let recovered = match cut_line {
            Some(cut_line) => decoder.recover(cut_line).expect("it fits"),
            None => {
                assert!(decoder.finish().is_some_and(|cut| cut.is_inside_line()));
                None
            }
        };
        let recovered = recovered.map(|event| event.data().to_owned());
        (recovered, decoder.last_event_id().to_owned())
    };
    assert_eq!(read(None), (None, String::new()));
    assert_eq!(
        read(Some(CutLine::Keep)),
        (Some("one\ntw".to_owned()), "1".to_owned())
    );
    assert_eq!(
        read(Some(CutLine::Discard)),
        (Some("one".to_owned()), "1".to_owned())
    );
    assert_eq!(SharedDecoder::new().recover(CutLine::Keep), Ok(None));
}

#[test]
fn a_chunk_that_was_read_is_let_go() {
    let alive = Arc::new(AtomicUsize::new(0));
    let mut decoder = SharedDecoder::new();
    for text in ["data: small\n\n", ": a comment\n", ""] {
        let mut input = Watched::chunk(text, &alive);
        while decoder.decode(&mut input).expect("it fits").is_some() {}
        assert_eq!(alive.load(Ordering::Relaxed), 0, "{text:?}");
    }
}

#[test]
fn data_that_is_small_beside_its_type_does_not_keep_that_alive() {
    let alive = Arc::new(AtomicUsize::new(0));
    let large = "x".repeat(1 << 20);
    let mut decoder = SharedDecoder::new();
    for (data, keeps) in [("1", 0), (&large[..1 << 17], 1)] {
        let text = format!("event: {large}\ndata: {data}\n\n");
        let mut input = Watched::chunk(&text, &alive);
        let event = decoder.decode(&mut input).expect("it fits").expect("one");
        assert_eq!(alive.load(Ordering::Relaxed), 1);
        let kept = event.into_data();
        assert_eq!(kept, data);
        assert_eq!(alive.load(Ordering::Relaxed), keeps);
        drop(kept);
        let mut input = Watched::chunk(&text, &alive);
        let event = decoder
            .decode_raw(&mut input)
            .expect("it fits")
            .expect("one");
        let kept = event.into_data();
        assert_eq!(kept, data);
        assert_eq!(alive.load(Ordering::Relaxed), keeps);
    }
}

#[test]
fn an_event_goes_on_as_a_frame_or_as_an_owned_one() {
    use sse_wire::{Frame, OwnedEvent};

    let chunk = Bytes::from_static(b"id: 7\nevent: tick\ndata: one\ndata: two\n\n");
    let event = only(&mut SharedDecoder::new(), &chunk);
    let wire = "event: tick\nid: 7\ndata: one\ndata: two\n\n";
    assert_eq!(Frame::from(&event).as_bytes(), wire);
    assert_eq!(Frame::from(event.as_event()).as_bytes(), wire);
    let owned = OwnedEvent::from(event.clone());
    assert_eq!(owned.as_event(), event.as_event());
    assert_eq!(
        owned.last_event_id().as_ptr(),
        event.last_event_id().as_ptr()
    );
    assert_eq!(Frame::from(event).as_bytes(), wire);
}
