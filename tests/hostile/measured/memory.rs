//! No attack takes more memory than the limits allow; and attacks on memory alone.

use super::readers::{
    FIXED, FIXED_READERS, Pieces, READERS, Reader, complete, decoders_bound, ready, rejection,
};
use crate::attacks::{AFTER, Attack, BEFORE, Script, TooLarge, assert_told, attacks};
use crate::promise::allocator::{self, Count, Counting, count};
use bytes::Bytes;
use core::convert::Infallible;
use futures_util::stream;
use sse_wire::io::EventReader;
use sse_wire::stream::EventStream;
use sse_wire::{DecodeError, EventDecoder, Limits, OwnedEvent, ReadError};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const LIMITS: Limits = Limits::new().with_event(12 * 1024).with_last_event_id(1024);

const MEBIBYTE: usize = 1 << 20;

/// Sends the stream with the attack in it through the reader, compares each thing that comes out to the script, and gives what
/// was allocated on the way.
fn measure(
    reader: &Reader,
    pieces: Pieces,
    limits: Limits,
    attack: &Attack,
    bytes: usize,
) -> Count {
    let script = Script::new(attack, bytes);
    let mut place = 0;
    let (counted, reconnection_time) = count(|| {
        (reader.run)(pieces, limits, &mut |told| {
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
            assert_told(place, told, script.at(place, !reader.raw));
            place += 1;
        })
    });
    assert_eq!(place, script.count(), "the stream ends early");
    let milliseconds = reconnection_time.map(|time| u64::try_from(time.as_millis()));
    assert_eq!(milliseconds, attack.reconnection_time.map(Ok));
    counted
}

fn assert_bounded(readers: &[Reader], limits: Limits, piece_and_bytes: &[(usize, usize)]) {
    for attack in attacks(limits) {
        for &(size, bytes) in piece_and_bytes {
            let stream = Bytes::from(attack.stream(bytes));
            // From here on it is counted, and cloning it allocates nothing.
            let _shared = stream.clone();
            for reader in readers {
                let pieces = Pieces {
                    stream: stream.clone(),
                    size,
                };
                println!("{}, {size} bytes at a time, {}", attack.name, reader.name);
                let counted = measure(reader, pieces, limits, &attack, bytes);
                let bound = (reader.bound)(limits) as isize;
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
    assert_bounded(READERS, LIMITS, &pieces);
}

#[test]
fn no_attack_allocates_with_a_fixed_buffer() {
    let limits = Limits::new()
        .with_event(FIXED - FIXED / 4)
        .with_last_event_id(FIXED / 4);
    let pieces = [(1, 64 << 10), (1400, 256 << 10), (usize::MAX, 256 << 10)];
    assert_bounded(FIXED_READERS, limits, &pieces);
}

#[test]
fn a_drip_of_64_mebibytes_is_bounded_too() {
    let limits = Limits::new();
    let decode = &READERS[0];
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
fn eighty_thousand_events_in_a_chunk_are_returned_one_by_one() {
    const EVENTS: usize = 80_000;
    let event = b"data\n\n";
    let mut attacks = attacks(LIMITS).into_iter();
    let attack = attacks.find(|attack| attack.goes_on == event);
    let attack = attack.expect("there is such an attack");
    let bytes = EVENTS * event.len();
    assert_eq!(attack.rounds(bytes), EVENTS);
    for reader in READERS {
        let stream = Bytes::from(attack.stream(bytes));
        let _shared = stream.clone();
        let pieces = Pieces {
            stream,
            size: usize::MAX,
        };
        let counted = measure(reader, pieces, LIMITS, &attack, bytes);
        // One of them is alive at a time, beside the reader's and the codec's buffers.
        assert!(counted.peak <= 64 << 10, "{}: {counted:?}", reader.name);
    }
}

/// After sixteen small events the memory of an oversized one is given back, so that a connection that is idle costs what small ones
/// need.
#[test]
fn memory_is_given_back_between_oversized_events() {
    const OVERSIZED: usize = 4 * MEBIBYTE;
    const ROUNDS: usize = 8;
    const SMALL_EVENTS: usize = 40;
    /// What may be left of an oversized event: the buffers of the adapters, and what small events need.
    const LEFT: isize = 64 << 10;
    // As large as the pieces, so that small events are cut as well, and have to be buffered.
    let size = 1000;
    let oversized = ["data: ", &"x".repeat(OVERSIZED), "\n\n"].concat();
    let small = ["data: ", &"y".repeat(size), "\n\n"].concat();
    let round = [oversized, small.repeat(SMALL_EVENTS)].concat();
    let stream = Bytes::from(round.repeat(ROUNDS));
    let _shared = stream.clone();
    for reader in READERS {
        let pieces = Pieces {
            stream: stream.clone(),
            size,
        };
        let (mut oversized_events, mut small_events, mut most_left) = (0, 0, 0);
        let (counted, _) = count(|| {
            (reader.run)(pieces, Limits::new(), &mut |told| {
                let (_, data, _) = told.expect("it fits");
                if data.len() == OVERSIZED {
                    oversized_events += 1;
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
        assert_eq!((oversized_events, small_events), (ROUNDS, SMALL_EVENTS));
        assert!(most_left <= LEFT, "{}: {most_left} are left", reader.name);
        assert!(
            counted.peak >= OVERSIZED as isize,
            "{}: {counted:?}",
            reader.name
        );
        assert_eq!(counted.kept, 0);
    }
}

/// What is retained when all events are gone: three IDs at the most here, that of the stream, that of the block, and one that is being
/// read; and a fourth where owned events share a copy.
#[test]
fn what_is_retained_of_ids_is_what_the_documents_say() {
    const LIMIT: usize = 100_000;
    const LIMITS: Limits = Limits::new().with_event(LIMIT).with_last_event_id(LIMIT);
    const THREE: usize = 3 * LIMIT;
    // And reference counts.
    const FOUR: usize = 4 * LIMIT + 64;
    /// A buffer of a reader.
    const BUFFER: usize = 16 << 10;
    let id = |letter: &str| ["id: ", &letter.repeat(LIMIT - 10)].concat();
    let stream = [
        &id("a"),
        "\ndata: x\n\ndata: inherits\n\n",
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
    fn assert_retained<D>(bound: usize, pieces: &Pieces, read: impl FnOnce(Pieces, Tell<'_>) -> D) {
        let pieces = pieces.clone();
        let mut reported = Vec::with_capacity(4);
        let (counted, reader) =
            count(|| read(pieces, &mut |event| reported.push(event.map(str::len))));
        let name = core::any::type_name::<D>();
        assert!(counted.kept <= bound as isize, "{name}: {counted:?}");
        let rejected = DecodeError::EventTooLarge { limit: LIMIT };
        assert_eq!(reported, [Ok(1), Ok(8), Err(rejected)], "{name}");
        drop(reader);
    }

    assert_retained(THREE, &pieces, |pieces, tell| {
        let mut decoder = EventDecoder::with_limits(LIMITS);
        for piece in pieces {
            let mut input = &piece[..];
            while let Some(event) = decoder.decode(&mut input).transpose() {
                tell(event.map(|event| event.data()));
            }
        }
        decoder
    });
    assert_retained(FOUR, &pieces, |pieces, tell| {
        let mut decoder = EventDecoder::with_limits(LIMITS);
        for piece in pieces {
            let mut input = &piece[..];
            while let Some(event) = decoder.decode_owned(&mut input).transpose() {
                tell(match &event {
                    Ok(event) => Ok(event.data()),
                    Err(error) => Err(*error),
                });
            }
        }
        decoder
    });
    assert_retained(FOUR, &pieces, |pieces, tell| {
        let decoder = EventDecoder::with_limits(LIMITS);
        let mut events = EventStream::new(pieces.stream()).with_decoder(decoder);
        while let Some(event) = ready(&mut events) {
            tell(event.as_ref().map(|event| event.data()).map_err(rejection));
        }
        events
    });
    // No owned event, no copy.
    assert_retained(THREE, &pieces, |pieces, tell| {
        let decoder = EventDecoder::with_limits(LIMITS);
        let mut events = EventStream::new(pieces.stream()).with_decoder(decoder);
        complete(async {
            while let Some(event) = events.next_event().await.transpose() {
                tell(event.as_ref().map(|event| event.data()).map_err(rejection));
            }
        });
        events
    });
    assert_retained(FOUR + BUFFER, &pieces, |pieces, tell| {
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

/// How much more than its text an owned event may take: where it is copied as one span, the name and the line end between its type and
/// its data.
const GAP: usize = 16;

/// Whatever a peer sends: an event that is stored takes what is in it, and neither its chunk nor room that was made for more.
#[test]
fn owned_events_retain_their_text_and_nothing_else() {
    let own = |event: &OwnedEvent| {
        // The default type takes nothing.
        let event_type = Some(event.event_type()).filter(|event_type| *event_type != "message");
        let id = event.id().unwrap_or_default();
        event_type.map_or(0, str::len) + event.data().len() + id.len()
    };
    for attack in attacks(LIMITS) {
        for (size, bytes) in [(1, 40 << 10), (1400, 64 << 10), (usize::MAX, 64 << 10)] {
            let stream = Bytes::from(attack.stream(bytes));
            // From here on it is counted, and cloning it allocates nothing.
            let _shared = stream.clone();
            let pieces = Pieces { stream, size };
            let (counted, retained) = count(|| {
                let mut decoder = EventDecoder::with_limits(LIMITS);
                let mut retained = 0;
                for piece in pieces.clone() {
                    let mut input = &piece[..];
                    while let Some(event) = decoder.decode_owned(&mut input).transpose() {
                        let Ok(event) = event else { continue };
                        let own = own(&event);
                        // The decoder has the ID that is inherited, so that it stays.
                        let before = allocator::kept();
                        drop(event);
                        let freed = before - allocator::kept();
                        let most = (own + GAP) as isize;
                        assert!(
                            (0..=most).contains(&freed),
                            "{}: {freed} for {own}",
                            attack.name
                        );
                        retained += freed;
                    }
                }
                retained
            });
            assert!(retained > 0, "{}", attack.name);
            assert_eq!(counted.kept, 0, "{}", attack.name);
        }
    }
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

/// Stores every event of so many chunks, each with an event of `data` bytes, all of which inherit an ID; gives how much memory is in use
/// then beside the list, and how much of it the events and one ID are.
fn retained_by(
    chunks: usize,
    data: usize,
    id: usize,
    read: fn(Bytes, usize, &dyn Fn() -> Bytes, &mut Vec<OwnedEvent>),
) -> (isize, usize) {
    let first = Bytes::from(["id: ", &"7".repeat(id), "\n\n"].concat());
    let mut events = Vec::with_capacity(chunks);
    let (counted, ()) = count(|| read(first, chunks, &|| chunk_with(data), &mut events));
    assert_eq!(events.len(), chunks);
    let is_as_sent =
        |event: &OwnedEvent| (event.data().len(), event.last_event_id().len()) == (data, id);
    assert!(events.iter().all(is_as_sent));
    (counted.kept, id + chunks * (data + GAP))
}

/// Events that are stored retain no chunk, whatever their size, and one ID altogether.
#[test]
fn stored_events_retain_no_chunk_and_share_the_id_that_they_inherit() {
    /// What a decoder takes at most that has buffered nothing but an ID, or an allocation's rounding; reference counts.
    const SLACK: isize = 64;
    let sizes = [1, 20, 1023, CHUNK / 16 - 1, CHUNK / 16, CHUNK / 2];
    for (data, id) in sizes.into_iter().flat_map(|data| [(data, 1), (data, 4000)]) {
        let chunks = if data < 1024 { 1000 } else { 200 };
        let (kept, own) = retained_by(chunks, data, id, |mut first, chunks, chunk, events| {
            let mut decoder = EventDecoder::new();
            for number in 0..=chunks {
                let chunk = if number == 0 {
                    core::mem::take(&mut first)
                } else {
                    chunk()
                };
                let mut input = &chunk[..];
                while let Some(event) = decoder.decode_owned(&mut input).expect("it fits") {
                    events.push(event);
                }
            }
        });
        assert!(kept <= own as isize + SLACK, "{kept} for {own}");

        let (kept, own) = retained_by(chunks, data, id, |first, chunks, chunk, events| {
            let rest = (0..chunks).map(|_| chunk());
            let all = core::iter::once(first).chain(rest).map(Ok::<_, Infallible>);
            let mut stream = EventStream::new(stream::iter(all));
            while let Some(event) = ready(&mut stream) {
                events.push(event.expect("it fits"));
            }
        });
        assert!(
            kept <= own as isize + SLACK,
            "{kept} for {own}, of a stream"
        );
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
