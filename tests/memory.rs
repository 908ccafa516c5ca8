//! Memory is bounded whatever a stream says, and given back once it is no longer needed.

pub mod promise;

use promise::allocator::{Count, Counting, count};
use sse_wire::{Buffer, DecodeError, EventDecoder, FieldName, FieldParser, Item, Token};
#[cfg(feature = "alloc")]
use sse_wire::{LastEventId, Limits};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const MEBIBYTE: usize = 1 << 20;

/// What comes out of a stream: the events, the refused ones, and what else `decode_item` gives.
#[derive(Debug, Default, PartialEq, Eq)]
struct Found {
    events: usize,
    refused: usize,
    others: usize,
}

fn read<B: Buffer>(decoder: &mut EventDecoder<B>, mut chunk: &[u8], found: &mut Found) {
    loop {
        match decoder.decode_item(&mut chunk) {
            Ok(Some(Item::Event(_))) => found.events += 1,
            Ok(Some(_)) => found.others += 1,
            Ok(None) => break,
            Err(DecodeError::EventTooLarge { .. } | DecodeError::LastEventIdTooLarge { .. }) => {
                found.refused += 1;
            }
            Err(error) => panic!("{error} is no limit"),
        }
    }
}

/// A chunk of about 64 KiB, to be read again and again.
#[cfg(feature = "alloc")]
fn chunk_of(goes_on: &str) -> String {
    goes_on.repeat(1.max((64 << 10) / goes_on.len()))
}

/// What a stream gives that begins like this and goes on with so many bytes of the chunk.
#[cfg(feature = "alloc")]
fn flood(decoder: &mut EventDecoder, begins: &str, chunk: &str, bytes: usize) -> Found {
    let mut found = Found::default();
    read(decoder, begins.as_bytes(), &mut found);
    for _ in 0..bytes / chunk.len() {
        read(decoder, chunk.as_bytes(), &mut found);
    }
    found
}

/// The most that a decoder keeps is an event and a last event ID. Of a refused event the `id` still counts: its last one and
/// the one that is being read. While the memory grows, the old one is there beside the new.
#[cfg(feature = "alloc")]
fn assert_bounded(counted: Count, limits: Limits) {
    let id = limits.last_event_id;
    let most = (limits.event.max(2 * id) + id) as isize;
    assert!(counted.kept <= most, "{counted:?} with {limits:?}");
    assert!(counted.peak <= 2 * most, "{counted:?} with {limits:?}");
}

#[test]
#[cfg(feature = "alloc")]
fn an_endless_line_is_refused_once_and_takes_no_more_than_the_limits() {
    let limits = Limits::default();
    assert_eq!(
        (limits.event, limits.last_event_id),
        (16 * MEBIBYTE, 64 << 10)
    );
    let chunk = chunk_of("x");
    let (counted, mut decoder) = count(|| {
        let mut decoder = EventDecoder::new();
        let found = flood(&mut decoder, "id: 1\ndata: ", &chunk, 64 * MEBIBYTE);
        assert_eq!(
            found,
            Found {
                refused: 1,
                ..Found::default()
            }
        );
        decoder
    });
    assert_bounded(counted, limits);
    // It was a giant, so that the bound above was put to the test.
    assert!(counted.kept >= 8 * MEBIBYTE as isize);

    // The stream goes on, and what the giant took is given back.
    let chunk = chunk_of("data: a\ndata: b\n\n");
    let (counted, found) = count(|| flood(&mut decoder, "\n\n", &chunk, chunk.len()));
    assert_eq!((found.refused, found.others), (0, 0));
    assert!(found.events > 1000);
    assert!(counted.kept <= -8 * MEBIBYTE as isize);
    assert_eq!(decoder.last_event_id(), "1");
}

#[test]
#[cfg(feature = "alloc")]
fn no_flood_takes_more_than_the_limits() {
    let limits = Limits::new()
        .with_event(256 << 10)
        .with_last_event_id(16 << 10);
    let long_id = ["id: ", &"1".repeat(16 << 10), "\n\n"].concat();
    let long_type_then_id = ["event: ", &"e".repeat(200 << 10), "\nid: "].concat();
    let invalid_data = ["data: ", &"\u{FFFD}".repeat(80 << 10)].concat();
    for (begins, goes_on) in [
        ("data: ", "x"),
        ("event: ", "x"),
        ("id: ", "x"),
        (&*long_id, "id: abc\n"),
        (&*long_id, "data: x\n"),
        (&*long_id, "data\n"),
        (&*long_id, "data: x\nevent: abc\nid: 12345\n"),
        (&*long_id, "data: abc\nid: 12345\n\n"),
        (&*long_id, &*long_id),
        (&*long_id, &*long_type_then_id),
        ("", &*long_type_then_id),
        (&*invalid_data, "x"),
        (&*invalid_data, "\n\n"),
    ] {
        let chunk = chunk_of(goes_on);
        let (counted, _) = count(|| {
            let mut decoder = EventDecoder::with_limits(limits);
            flood(&mut decoder, begins, &chunk, 2 * MEBIBYTE);
            decoder
        });
        assert_bounded(counted, limits);
    }
}

#[test]
#[cfg(feature = "alloc")]
fn ids_larger_than_events_take_no_more_than_the_limits() {
    let limits = Limits::new()
        .with_event(16 << 10)
        .with_last_event_id(64 << 10);
    let long_id = ["id: ", &"1".repeat(64 << 10), "\n"].concat();
    for blank_line in ["", "\n"] {
        let chunk = [&long_id, blank_line].concat();
        let (counted, _) = count(|| {
            let mut decoder = EventDecoder::with_limits(limits);
            let found = flood(&mut decoder, &chunk, &chunk, MEBIBYTE);
            assert!(found.refused > 0);
            decoder
        });
        assert_bounded(counted, limits);
    }
}

#[test]
#[cfg(feature = "alloc")]
fn replacing_invalid_utf8_takes_no_more_than_the_limits() {
    let limits = Limits::new()
        .with_event(300 << 10)
        .with_last_event_id(64 << 10);
    // Three times as long as text: exactly as much as is allowed.
    let event = [b"data: ", &b"\xFF".repeat(100 << 10)[..], b"\n\n"].concat();
    let (counted, _) = count(|| {
        let mut decoder = EventDecoder::with_limits(limits);
        let mut found = Found::default();
        for _ in 0..10 {
            read(&mut decoder, &event, &mut found);
        }
        assert_eq!(
            found,
            Found {
                events: 10,
                ..Found::default()
            }
        );
        decoder
    });
    assert_bounded(counted, limits);
}

#[test]
#[cfg(feature = "alloc")]
fn what_was_replaced_counts_with_what_is_held_also_where_limits_are_small() {
    for size in [16, 100, 1000, 4000, 4096, 5000, 20_000] {
        let limits = Limits::new().with_event(size).with_last_event_id(16);
        // As large as is allowed as text, held since it has two lines; and a short one, of which little is kept, before others
        // make the memory grow.
        let large = [b"data: ", &b"a".repeat(size - 4)[..], b"\ndata: \xFF\n\n"].concat();
        let short = &b"data: \xFF\xFF\n\n"[..];
        let valid = [b"data: ", &b"a".repeat(size - 1)[..], b"\ndata: \n\n"].concat();
        for stream in [
            [&large[..], b"\n"].concat(),
            [short, &valid, short, &large].concat(),
        ] {
            let (counted, _) = count(|| {
                let mut decoder = EventDecoder::with_limits(limits);
                let mut found = Found::default();
                for _ in 0..3 {
                    read(&mut decoder, &stream, &mut found);
                }
                assert_eq!(found.refused, 0);
                decoder
            });
            assert_bounded(counted, limits);
        }
    }
}

#[test]
#[cfg(feature = "alloc")]
fn what_is_no_event_is_not_held() {
    for (begins, goes_on) in [
        (":", "x"),
        ("", ": comment\n"),
        ("", "\n"),
        ("", "\r"),
        ("", "\r\n"),
        ("", "retry: 1500\n"),
        ("", "retry: 1500\n\n"),
        ("retry: ", "7"),
        ("unknown", "x"),
        ("unknown: ", "x"),
        ("", "unknown: x\n"),
        ("", "dat: x\n"),
    ] {
        let chunk = chunk_of(goes_on);
        let (counted, found) = count(|| {
            let mut decoder = EventDecoder::new();
            flood(&mut decoder, begins, &chunk, 2 * MEBIBYTE)
        });
        assert_eq!((found.events, found.refused), (0, 0));
        assert_eq!(counted, Count::NOTHING, "{begins:?} {goes_on:?}");
    }
}

#[test]
#[cfg(feature = "alloc")]
fn events_that_are_lent_from_the_chunk_are_not_held() {
    let stream = b"event: tick\ndata: x\n\n".repeat(10_000);
    let (counted, decoder) = count(|| {
        let mut decoder = EventDecoder::new();
        let mut found = Found::default();
        read(&mut decoder, &stream, &mut found);
        assert_eq!(
            found,
            Found {
                events: 10_000,
                ..Found::default()
            }
        );
        decoder
    });
    assert_eq!(counted, Count::NOTHING);
    drop(decoder);
}

#[test]
#[cfg(feature = "alloc")]
fn memory_grows_in_few_steps() {
    let (usual, long_ids) = (Limits::new(), Limits::new().with_last_event_id(MEBIBYTE));
    for (begins, limits) in [
        ("data: ", usual),
        ("event: ", usual),
        ("data: ", long_ids),
        ("event: ", long_ids),
        ("id: ", long_ids),
    ] {
        let (counted, _) = count(|| {
            let mut decoder = EventDecoder::with_limits(limits);
            let mut found = Found::default();
            read(&mut decoder, begins.as_bytes(), &mut found);
            for _ in 0..MEBIBYTE {
                read(&mut decoder, b"x", &mut found);
            }
            assert_eq!(found, Found::default());
            decoder
        });
        // It doubles.
        assert!(counted.kept >= MEBIBYTE as isize);
        assert!(counted.allocations <= 20, "{begins:?} {counted:?}");
    }
}

/// What one chunk is read for after an event of which some had to be replaced, `data_bytes` long, that was held if `held` is set.
#[cfg(feature = "alloc")]
fn kept_after_replacing(limits: Limits, data_bytes: usize, held: bool) -> isize {
    let data = [&b"x".repeat(data_bytes - 1)[..], b"\xFF"].concat();
    let mut found = Found::default();
    let (counted, _decoder) = count(|| {
        let mut decoder = EventDecoder::with_limits(limits);
        if held {
            read_held(&mut decoder, data_bytes);
        }
        let event = [b"data: ", &data[..], b"\n\n"].concat();
        read(&mut decoder, &event, &mut found);
        // It is borrowed until the next call.
        read(&mut decoder, b"data: small\n\n\n", &mut found);
        decoder
    });
    assert_eq!((found.events, found.refused), (2, 0));
    counted.kept
}

#[cfg(feature = "alloc")]
#[test]
fn what_was_replaced_is_given_back_at_once() {
    // Down to what is never given back.
    assert!(kept_after_replacing(Limits::new(), 60_000, false) <= 4096);
    // It is small, but all memory there may be is in use beside it.
    let limits = Limits::new().with_event(3000).with_last_event_id(100);
    let kept = kept_after_replacing(limits, 2900, true);
    assert!(kept <= 3000 + 100, "{kept}");
}

/// The last event ID, an event of the largest size with an ID of its own, and that ID becomes text.
#[cfg(feature = "alloc")]
#[test]
fn an_id_that_grows_as_text_takes_no_more_than_the_limits() {
    let limits = Limits::new().with_event(8192).with_last_event_id(3000);
    let mut found = Found::default();
    let stream = [
        b"id: ",
        &b"a".repeat(3000)[..],
        b"\n\ndata: ",
        &b"x".repeat(8192 - 3000),
        b"\nid: ",
        &b"\xFF".repeat(1000),
        b"\n",
    ]
    .concat();
    let (counted, _decoder) = count(|| {
        let mut decoder = EventDecoder::with_limits(limits);
        for byte in &stream {
            read(&mut decoder, core::slice::from_ref(byte), &mut found);
        }
        decoder
    });
    assert_eq!(found, Found::default());
    assert!(counted.kept <= 8192 + 3000, "{counted:?}");
}

/// All of them are in one chunk, and belong to one event.
#[cfg(feature = "alloc")]
#[test]
fn lines_beyond_the_limit_are_not_collected() {
    let limits = Limits::new().with_event(10_000).with_last_event_id(100);
    let lines = [
        "data: line\n".repeat(100_000),
        "\ndata: next\n\n".to_owned(),
    ]
    .concat();
    // Behind an event, whole blocks are looked at.
    for (before, event_type) in [
        ("", "event: e\n"),
        ("data: before\n\n", "event: e\n"),
        ("data: before\n\n", ""),
    ] {
        let stream = [before, event_type, &lines].concat();
        let mut found = Found::default();
        let (counted, _decoder) = count(|| {
            let mut decoder = EventDecoder::with_limits(limits);
            read(&mut decoder, stream.as_bytes(), &mut found);
            decoder
        });
        let events = 1 + usize::from(!before.is_empty());
        assert_eq!((found.events, found.refused), (events, 1));
        assert!(counted.peak <= 2 * (10_000 + 100), "{counted:?}");
    }
}

/// An event that is held, since it comes in two chunks.
#[cfg(feature = "alloc")]
fn read_held(decoder: &mut EventDecoder, data_bytes: usize) {
    let mut found = Found::default();
    let line = ["data: ", &"x".repeat(data_bytes)].concat();
    for chunk in [line.as_bytes(), b"\n\n"] {
        read(decoder, chunk, &mut found);
    }
    assert_eq!(
        found,
        Found {
            events: 1,
            ..Found::default()
        }
    );
}

#[test]
#[cfg(feature = "alloc")]
fn what_a_giant_took_is_given_back_after_sixteen_small_events() {
    let (counted, mut decoder) = count(|| {
        let mut decoder = EventDecoder::new();
        read_held(&mut decoder, 10 * MEBIBYTE);
        decoder
    });
    let taken = counted.kept;
    assert!(taken >= 10 * MEBIBYTE as isize);

    let (counted, ()) = count(|| {
        for _ in 0..16 {
            read_held(&mut decoder, 100);
        }
        // The event is borrowed until the next call.
        assert_eq!(decoder.decode(&mut &b""[..]), Ok(None));
    });
    let left = taken + counted.kept;
    assert!((100..64 << 10).contains(&left), "{left} bytes are left");
}

#[test]
#[cfg(feature = "alloc")]
fn the_last_event_id_survives_what_is_given_back() {
    let id = "7".repeat(10_000);
    let mut decoder = EventDecoder::new();
    decoder
        .set_last_event_id(LastEventId::new(&id).expect("digits"))
        .expect("it fits");
    let (counted, ()) = count(|| {
        read_held(&mut decoder, 10 * MEBIBYTE);
        for _ in 0..17 {
            read_held(&mut decoder, 100);
        }
    });
    assert_eq!(decoder.last_event_id(), id);
    assert!(counted.kept < 64 << 10, "{counted:?}");
}

#[test]
#[cfg(feature = "alloc")]
fn nothing_is_given_back_while_giants_keep_coming() {
    let giant = ["data: ", &"x".repeat(MEBIBYTE)].concat();
    let mut decoder = EventDecoder::new();
    let mut round = |small_events: usize| {
        let mut found = Found::default();
        for chunk in [giant.as_bytes(), b"\n\n"] {
            read(&mut decoder, chunk, &mut found);
        }
        for _ in 0..small_events {
            for chunk in [&b"data: x"[..], b"\n\n"] {
                read(&mut decoder, chunk, &mut found);
            }
        }
        assert_eq!(found.events, 1 + small_events);
    };
    round(15);
    let (counted, ()) = count(|| {
        for small_events in [0, 1, 15, 15, 3, 15] {
            round(small_events);
        }
    });
    assert_eq!(counted, Count::NOTHING);

    // With more small events in between it is given back and taken again, once in a round.
    let (counted, ()) = count(|| (0..10).for_each(|_| round(40)));
    assert!((10..=10 * 16).contains(&counted.allocations), "{counted:?}");
    assert!(counted.kept < -(MEBIBYTE as isize) / 2);
}

#[test]
#[cfg(feature = "alloc")]
fn what_a_refused_giant_took_is_given_back_after_a_restart() {
    let limits = Limits::new().with_event(MEBIBYTE);
    let chunk = chunk_of("x");
    let (counted, mut decoder) = count(|| {
        let mut decoder = EventDecoder::with_limits(limits);
        assert_eq!(
            flood(&mut decoder, "data: ", &chunk, 4 * MEBIBYTE).refused,
            1
        );
        decoder
    });
    assert_bounded(counted, limits);
    let (counted, ()) = count(|| decoder.restart());
    assert!(counted.kept < -(MEBIBYTE as isize) / 4, "{counted:?}");
}

#[test]
#[cfg(feature = "alloc")]
fn what_a_giant_took_is_given_back_after_many_events_that_are_not_held() {
    let (counted, mut decoder) = count(|| {
        let mut decoder = EventDecoder::new();
        read_held(&mut decoder, 10 * MEBIBYTE);
        decoder
    });
    let taken = counted.kept;
    assert!(taken >= 10 * MEBIBYTE as isize);

    let stream = b"event: t\ndata: {\"x\":1}\n\n".repeat(1025);
    let (counted, found) = count(|| {
        let mut found = Found::default();
        read(&mut decoder, &stream, &mut found);
        found
    });
    assert_eq!(found.events, 1025);
    let left = taken + counted.kept;
    assert!(left <= 4096, "{left} bytes are left");

    // What a cut takes now and then is not given back and taken again each time.
    let few = b"data: x\n\n".repeat(500);
    let large = ["data: ", &"x".repeat(20_000)].concat();
    let mut found = Found::default();
    let mut round = || {
        for chunk in [&few[..], large.as_bytes(), b"\n\n"] {
            read(&mut decoder, chunk, &mut found);
        }
    };
    round();
    let (counted, ()) = count(|| (0..20).for_each(|_| round()));
    assert_eq!(counted.allocations, 0, "{counted:?}");
}

#[test]
#[cfg(feature = "alloc")]
fn what_a_giant_took_is_given_back_after_many_events_behind_a_chunk_of_blank_lines() {
    let (counted, mut decoder) = count(|| {
        let mut decoder = EventDecoder::new();
        read_held(&mut decoder, 10 * MEBIBYTE);
        decoder
    });
    let taken = counted.kept;
    let mut found = Found::default();
    // Then the decoder is known to stand between blocks.
    let (counted, ()) = count(|| read(&mut decoder, b"\n\n", &mut found));
    assert!(taken + counted.kept >= 10 * MEBIBYTE as isize);
    let taken = taken + counted.kept;
    let stream = b"data: {\"x\":1}\n\n".repeat(1025);
    let (counted, ()) = count(|| read(&mut decoder, &stream, &mut found));
    assert_eq!(found.events, 1025);
    let left = taken + counted.kept;
    assert!(left <= 4096, "{left} bytes are left");
}

#[test]
fn lent_memory_is_all_that_is_used() {
    for (begins, goes_on, refused) in [
        ("data: ", "x", 1),
        ("event: ", "x", 1),
        ("id: ", "x", 1),
        (":", "x", 0),
        ("", "\n", 0),
        ("", "data\n", 1),
        ("", "id: 12\nevent: e\n", 0),
    ] {
        let (counted, found) = count(|| {
            let mut memory = [0; 64];
            let mut decoder = EventDecoder::with_buffer(&mut memory[..]);
            let mut found = Found::default();
            read(&mut decoder, begins.as_bytes(), &mut found);
            for _ in 0..100_000 {
                read(&mut decoder, goes_on.as_bytes(), &mut found);
            }
            found
        });
        assert_eq!(counted, Count::NOTHING);
        assert_eq!(
            (found.events, found.refused),
            (0, refused),
            "{begins:?} {goes_on:?}"
        );
    }
}

#[test]
fn a_line_of_a_gigabyte_passes_through_the_parser() {
    let chunk = vec![b'x'; 64 << 10];
    let (counted, passed) = count(|| {
        let mut parser = FieldParser::new();
        let mut passed = 0;
        let mut input = &b"data:"[..];
        assert_eq!(parser.next(&mut input), None);
        for _ in 0..16_384 {
            let mut input = &chunk[..];
            while let Some(token) = parser.next(&mut input) {
                let Token::Field {
                    name: FieldName::Data,
                    value,
                    end: false,
                } = token
                else {
                    panic!("another token");
                };
                passed += value.len();
            }
        }
        passed
    });
    assert_eq!((counted, passed), (Count::NOTHING, 1 << 30));
}

#[test]
fn control_keeping_the_stream_is_caught() {
    let (counted, _kept) = count(|| {
        let mut kept = Vec::new();
        for _ in 0..64 {
            kept.extend_from_slice(&[b'x'; 64 << 10]);
        }
        kept
    });
    assert!(counted.kept >= 4 * MEBIBYTE as isize && counted.peak >= counted.kept);
    // What was given back is no longer kept, but it was there.
    let (counted, ()) = count(|| drop(vec![0_u8; MEBIBYTE]));
    assert_eq!((counted.kept, counted.peak), (0, MEBIBYTE as isize));
}

#[test]
#[cfg(feature = "alloc")]
#[should_panic(expected = "with Limits")]
fn control_a_decoder_without_limits_is_caught() {
    let chunk = chunk_of("x");
    let (counted, _) = count(|| {
        let mut decoder = EventDecoder::with_limits(Limits::new().with_event(usize::MAX));
        flood(&mut decoder, "data: ", &chunk, 8 * MEBIBYTE);
        decoder
    });
    assert_bounded(counted, Limits::new().with_event(MEBIBYTE));
}
