//! No attack takes more memory than the limits allow; and attacks on memory alone.

use super::doors::{DOORS, Door, LENT, LENT_DOORS, Pieces, decoders_bound, ready, refusal};
use crate::attacks::{AFTER, Attack, BEFORE, Script, TooLarge, assert_told, attacks};
use crate::promise::allocator::{self, Count, Counting, count};
use bytes::Bytes;
use sse_wire::io::EventReader;
use sse_wire::stream::{EventStream, OwnedEventStream};
use sse_wire::{DecodeError, EventDecoder, Limits, ReadError, SharedDecoder};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const LIMITS: Limits = Limits::new().with_event(12 * 1024).with_last_event_id(1024);

const MEBIBYTE: usize = 1 << 20;

/// Sends the stream with the attack in it through the door, holds each thing that comes out against the script, and gives what
/// was allocated on the way.
fn measure(door: &Door, pieces: Pieces, limits: Limits, attack: &Attack, bytes: usize) -> Count {
    let script = Script::new(attack, bytes);
    let mut place = 0;
    let (counted, reconnection_time) = count(|| {
        (door.run)(pieces, limits, &mut |told| {
            let told = told.map_err(|error| match error {
                DecodeError::EventTooLarge { limit } => {
                    assert_eq!(limit, limits.event);
                    TooLarge::Event
                }
                DecodeError::LastEventIdTooLarge { limit } => {
                    assert_eq!(limit, limits.last_event_id);
                    TooLarge::LastEventId
                }
                error => panic!("{error} is no limit"),
            });
            assert_told(place, told, script.at(place, !door.raw));
            place += 1;
        })
    });
    assert_eq!(place, script.count(), "the stream ends early");
    let milliseconds = reconnection_time.map(|time| u64::try_from(time.as_millis()));
    assert_eq!(milliseconds, attack.reconnection_time.map(Ok));
    counted
}

fn assert_bounded(doors: &[Door], limits: Limits, piece_and_bytes: &[(usize, usize)]) {
    for attack in attacks(limits) {
        for &(size, bytes) in piece_and_bytes {
            let stream = Bytes::from(attack.stream(bytes));
            // From here on it is counted, and cloning it allocates nothing.
            let _shared = stream.clone();
            for door in doors {
                let pieces = Pieces {
                    stream: stream.clone(),
                    size,
                };
                println!("{}, {size} bytes at a time, {}", attack.name, door.name);
                let counted = measure(door, pieces, limits, &attack, bytes);
                let bound = (door.bound)(limits) as isize;
                assert!(counted.peak <= bound, "{counted:?}, {bound} allowed");
                assert_eq!(counted.kept, 0);
            }
        }
    }
}

#[test]
fn no_attack_takes_more_memory_than_the_limits_allow() {
    let pieces = [
        (1, 80 << 10),
        (1400, 256 << 10),
        (16 << 10, 256 << 10),
        (usize::MAX, 256 << 10),
    ];
    assert_bounded(DOORS, LIMITS, &pieces);
}

#[test]
fn no_attack_allocates_where_memory_is_lent() {
    let limits = Limits::new()
        .with_event(LENT - LENT / 4)
        .with_last_event_id(LENT / 4);
    let pieces = [(1, 64 << 10), (1400, 256 << 10), (usize::MAX, 256 << 10)];
    assert_bounded(LENT_DOORS, limits, &pieces);
}

#[test]
fn a_drip_of_64_mebibytes_is_bounded_too() {
    let limits = Limits::new();
    let decode = &DOORS[0];
    assert_eq!(decode.name, "decode");
    // The line goes beyond the default limit, too.
    for (name, mebibytes) in [("as many events as fit", 64), ("endless data line", 20)] {
        let mut attacks = attacks(limits).into_iter();
        let attack = attacks.find(|attack| attack.name == name).expect(name);
        let bytes = mebibytes * MEBIBYTE;
        let pieces = Pieces {
            stream: Bytes::from(attack.stream(bytes)),
            size: 1,
        };
        let counted = measure(decode, pieces, limits, &attack, bytes);
        let bound = decoders_bound(limits) as isize;
        assert!(counted.peak <= bound, "{name}: {counted:?}");
    }
}

#[test]
fn eighty_thousand_events_in_a_chunk_are_handed_over_one_by_one() {
    const EVENTS: usize = 80_000;
    let event = b"data\n\n";
    let mut attacks = attacks(LIMITS).into_iter();
    let attack = attacks.find(|attack| attack.goes_on == event);
    let attack = attack.expect("there is such an attack");
    let bytes = EVENTS * event.len();
    assert_eq!(attack.rounds(bytes), EVENTS);
    for door in DOORS {
        let stream = Bytes::from(attack.stream(bytes));
        let _shared = stream.clone();
        let pieces = Pieces {
            stream,
            size: usize::MAX,
        };
        let counted = measure(door, pieces, LIMITS, &attack, bytes);
        // One of them is alive at a time, beside the reader's and the codec's buffers.
        assert!(counted.peak <= 64 << 10, "{}: {counted:?}", door.name);
    }
}

/// After sixteen small events the memory of a huge one is given back, so that a connection that is idle costs what small ones
/// need.
#[test]
fn memory_comes_back_between_huge_events() {
    const HUGE: usize = 4 * MEBIBYTE;
    const ROUNDS: usize = 8;
    const SMALL_EVENTS: usize = 40;
    /// What may be left of a huge event: the buffers of the doors, and what small events need.
    const LEFT: isize = 64 << 10;
    // As large as the pieces, so that small events are cut as well, and have to be held.
    let size = 1000;
    let huge = ["data: ", &"x".repeat(HUGE), "\n\n"].concat();
    let small = ["data: ", &"y".repeat(size), "\n\n"].concat();
    let round = [huge, small.repeat(SMALL_EVENTS)].concat();
    let stream = Bytes::from(round.repeat(ROUNDS));
    let _shared = stream.clone();
    for door in DOORS {
        let pieces = Pieces {
            stream: stream.clone(),
            size,
        };
        let (mut huge_events, mut small_events, mut most_left) = (0, 0, 0);
        let (counted, _) = count(|| {
            (door.run)(pieces, Limits::new(), &mut |told| {
                let (_, data, _) = told.expect("it fits");
                if data.len() == HUGE {
                    huge_events += 1;
                    small_events = 0;
                    return;
                }
                assert_eq!(data.len(), size);
                small_events += 1;
                if small_events == SMALL_EVENTS {
                    most_left = most_left.max(allocator::kept());
                }
            })
        });
        assert_eq!((huge_events, small_events), (ROUNDS, SMALL_EVENTS));
        assert!(most_left <= LEFT, "{}: {most_left} are left", door.name);
        assert!(counted.peak >= HUGE as isize, "{}: {counted:?}", door.name);
        assert_eq!(counted.kept, 0);
    }
}

/// What is kept when all events are gone: three IDs at the most here, that of the stream, that of the block, and one that is being
/// read; and a fourth where events share a copy.
#[test]
fn what_is_kept_of_ids_is_what_the_documents_say() {
    const LIMIT: usize = 100_000;
    const LIMITS: Limits = Limits::new().with_event(LIMIT).with_last_event_id(LIMIT);
    const THREE: usize = 3 * LIMIT;
    // And reference counts.
    const FOUR: usize = 4 * LIMIT + 64;
    let id = |letter: &str| ["id: ", &letter.repeat(LIMIT - 10)].concat();
    let stream = [
        &id("a"),
        "\ndata: x\n\n",
        "data: ",
        &"z".repeat(LIMIT + 1),
        "\n",
        &id("b"),
        "\n",
        &id("c"),
    ];
    let pieces = Pieces {
        stream: Bytes::from(stream.concat()),
        size: LIMIT / 2,
    };

    type Tell<'t> = &'t mut dyn FnMut(Result<&str, DecodeError>);
    fn assert_kept<D>(bound: usize, pieces: &Pieces, read: impl FnOnce(Pieces, Tell<'_>) -> D) {
        let pieces = pieces.clone();
        let mut told = Vec::with_capacity(4);
        let (counted, door) = count(|| read(pieces, &mut |event| told.push(event.map(str::len))));
        let name = core::any::type_name::<D>();
        assert!(counted.kept <= bound as isize, "{name}: {counted:?}");
        let refused = DecodeError::EventTooLarge { limit: LIMIT };
        assert_eq!(told, [Ok(1), Err(refused)], "{name}");
        drop(door);
    }

    assert_kept(THREE, &pieces, |pieces, tell| {
        let mut decoder = EventDecoder::with_limits(LIMITS);
        for piece in pieces {
            let mut input = &piece[..];
            while let Some(event) = decoder.decode(&mut input).transpose() {
                tell(event.map(|event| event.data()));
            }
        }
        decoder
    });
    assert_kept(FOUR, &pieces, |pieces, tell| {
        let mut decoder = SharedDecoder::with_limits(LIMITS);
        for mut piece in pieces {
            while let Some(event) = decoder.decode(&mut piece).transpose() {
                tell(
                    event
                        .as_ref()
                        .map(|event| event.data())
                        .map_err(|&error| error),
                );
            }
        }
        decoder
    });
    assert_kept(FOUR, &pieces, |pieces, tell| {
        let decoder = SharedDecoder::with_limits(LIMITS);
        let mut events = EventStream::new(pieces.stream()).with_decoder(decoder);
        while let Some(event) = ready(&mut events) {
            tell(event.as_ref().map(|event| event.data()).map_err(refusal));
        }
        events
    });
    assert_kept(FOUR, &pieces, |pieces, tell| {
        let decoder = EventDecoder::with_limits(LIMITS);
        let mut events = OwnedEventStream::new(pieces.stream()).with_decoder(decoder);
        while let Some(event) = ready(&mut events) {
            tell(event.as_ref().map(|event| event.data()).map_err(refusal));
        }
        events
    });
    // It has a buffer, too.
    assert_kept(FOUR + (16 << 10), &pieces, |pieces, tell| {
        let decoder = EventDecoder::with_limits(LIMITS);
        let mut reader = EventReader::new(pieces).with_decoder(decoder);
        for event in &mut reader {
            tell(match &event {
                Ok(event) => Ok(event.data()),
                Err(ReadError::Decode(error)) => Err(*error),
                Err(ReadError::Transport(error)) => panic!("{error}"),
            });
        }
        reader
    });
}

const CHUNK: usize = 64 << 10;

/// A chunk in memory of just its size: an event with so much data, and a comment.
fn chunk_with(data: usize) -> Bytes {
    let mut chunk = vec![b'-'; CHUNK];
    chunk[..6].copy_from_slice(b"data: ");
    chunk[6..6 + data].fill(b'x');
    chunk[6 + data..6 + data + 3].copy_from_slice(b"\n\n:");
    chunk[CHUNK - 1] = b'\n';
    Bytes::from(chunk)
}

/// What is kept of so many chunks, each with an event of `data` bytes, all of which are kept; and what these are by themselves.
fn kept_of(chunks: usize, data: usize, id: usize) -> (isize, isize) {
    let (counted, kept) = count(|| {
        let mut decoder = SharedDecoder::new();
        let mut kept = Vec::with_capacity(chunks);
        // The ID comes once, and all of them inherit it.
        let mut first = Bytes::from(["id: ", &"7".repeat(id), "\n\n"].concat());
        assert_eq!(decoder.decode(&mut first), Ok(None));
        for _ in 0..chunks {
            let mut input = chunk_with(data);
            while let Some(event) = decoder.decode(&mut input).expect("it fits") {
                assert_eq!(
                    (event.data().len(), event.last_event_id().len()),
                    (data, id)
                );
                kept.push(event);
            }
        }
        (kept, decoder)
    });
    assert_eq!(kept.0.len(), chunks);
    let own = id + chunks * (data + size_of_val(&kept.0[0]));
    (counted.kept, own as isize)
}

#[test]
fn small_events_that_are_kept_do_not_pin_their_chunks() {
    for (data, id) in [(1, 1), (20, 4000), (1023, 1), (CHUNK / 16 - 1, 1)] {
        let (kept, own) = kept_of(1000, data, id);
        assert!(kept <= 2 * own + CHUNK as isize, "{kept} for {own}");
    }
}

#[test]
fn what_an_event_pins_is_at_most_sixteen_times_as_large() {
    for data in [CHUNK / 16, CHUNK / 16 + 1, CHUNK / 2] {
        let (kept, own) = kept_of(200, data, 1);
        assert!(kept <= 16 * own + CHUNK as isize, "{kept} for {own}");
        // It is shared, which is what could pin the chunk.
        assert!(kept >= 200 * CHUNK as isize, "{kept}");
    }
}

#[test]
fn an_attack_ends_with_its_connection() {
    for attack in attacks(LIMITS) {
        let lasts = attack.goes_on.repeat(attack.rounds(128 << 10));
        let cut = [BEFORE, &attack.begins, &lasts].concat();
        let mut decoder = EventDecoder::with_limits(LIMITS);
        let mut seen = 0;
        for piece in cut.chunks(1400) {
            let mut input = piece;
            while let Some(event) = decoder.decode(&mut input).transpose() {
                seen += usize::from(event.is_ok());
            }
        }
        assert!(seen >= 2, "{}", attack.name);
        decoder.restart();
        let mut input = AFTER;
        for expected in ["third", "fourth"] {
            let event = decoder.decode(&mut input).expect("it fits");
            let event = event.map(|event| (event.event_type(), event.data()));
            assert_eq!(event, Some(("message", expected)), "{}", attack.name);
        }
        assert_eq!(decoder.decode(&mut input), Ok(None));
        assert_eq!(decoder.last_event_id(), "2");
    }
}
