//! The events of the standard and of real browsers: every vector through every reader, however it
//! is cut.

use crate::common::oracle::{self, Config, Seen};
use crate::common::readers::{self, Meaning, READERS, Stream};
use crate::common::vectors::{self, Expected, Vector};
use crate::common::{cuts, random::Random};
use sse_wire::CutLine;

/// How often each vector is cut at random.
const RANDOM_CUTS: usize = 5;

#[test]
fn the_oracle_gives_what_the_vectors_expect() {
    for vector in &vectors::parse() {
        let outcome = oracle::interpret(&vector.input, &config(vector));
        let (mut events, mut comments, mut latest) = (Vec::new(), Vec::new(), None);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        for seen in &outcome.seen {
            match seen {
                Seen::Event(event) => {
                    // A vector states the reconnection time that the block of the event sets.
                    let expected = vector.events.get(events.len());
                    events.push(Expected {
                        event_type: text(&event.event_type),
                        data: text(&event.data),
                        last_event_id: event.last_event_id.clone(),
                        retry: expected.and_then(|event| event.retry).and(latest),
                    });
                }
                Seen::Comment { text: comment, end } => comments.extend(end.then(|| text(comment))),
                Seen::Retry(time) => latest = Some(*time),
                Seen::Rejected(rejection) => panic!("{rejection:?} in {}", vector.id),
            }
        }
        assert_eq!(events, vector.events, "{}", vector.id);
        if let Some(expected) = &vector.comments {
            assert_eq!(&comments, expected, "{}", vector.id);
        }
        let state = (&outcome.last_event_id, outcome.reconnection_time);
        let expected = (&vector.final_last_event_id, vector.final_retry);
        assert_eq!(state, expected, "{}", vector.id);
    }
}

fn config(vector: &Vector) -> Config {
    Config {
        initial_last_event_id: vector.initial_last_event_id.clone(),
        // Those of a fixed buffer, so that the readers with a fixed buffer take part.
        ..readers::memory_config(256 << 10)
    }
}

/// The length from which a vector cut in two is read by one reader after another, not by all.
const LONG: usize = 256;

#[test]
fn every_reader_gives_what_the_vectors_expect_at_every_cut() {
    for vector in &vectors::parse() {
        let config = config(vector);
        let meaning = Meaning::of(&vector.input, &config);
        let mut count = 0;
        let read = |chunks: &[&[u8]]| {
            count += 1;
            let is_one = vector.input.len() > LONG && chunks.len() == 2;
            let readers = if is_one {
                &READERS[count % READERS.len()..][..1]
            } else {
                READERS
            };
            for reader in readers {
                reader.check_both_ends(chunks, &config, &meaning, 1);
            }
        };
        cuts::every_kind(&vector.input, RANDOM_CUTS, 2, read);
        if let Some(chunks) = &vector.chunks {
            let chunks: Vec<&[u8]> = chunks.iter().map(Vec::as_slice).collect();
            assert_eq!(chunks.concat(), vector.input, "{}", vector.id);
            for reader in READERS {
                reader.check_both_ends(&chunks, &config, &meaning, 1);
            }
        }
    }
}

#[test]
fn events_are_dispatched_with_the_chunk_that_completes_them() {
    let mut checked = 0;
    for vector in &vectors::parse() {
        let (Some(chunks), Some(expected)) = (&vector.chunks, &vector.dispatched_after) else {
            continue;
        };
        let config = config(vector);
        let meaning = Meaning::of(&vector.input, &config);
        let chunks: Vec<&[u8]> = chunks.iter().map(Vec::as_slice).collect();
        let stream = Stream {
            chunks: &chunks,
            cut_line: CutLine::Discard,
            seed: 3,
        };
        for reader in READERS {
            if let Some(ran) = reader.check(&stream, &config, &meaning) {
                let dispatched = &ran.dispatched_after;
                assert_eq!(dispatched, expected, "{} through {reader:?}", vector.id);
                checked += 1;
            }
        }
    }
    assert!(
        checked >= 8 * 3,
        "the vectors name moments, but {checked} were checked"
    );
}

#[test]
fn small_memory_gives_what_the_oracle_says() {
    let mut random = Random::new(5);
    let vectors = vectors::parse();
    for vector in vectors.iter().filter(|vector| vector.input.len() <= LONG) {
        for &bytes in readers::MEMORY {
            let config = Config {
                initial_last_event_id: vector.initial_last_event_id.clone(),
                ..readers::memory_config(bytes)
            };
            let meaning = Meaning::of(&vector.input, &config);
            let cut = cuts::random(&vector.input, &mut random);
            for chunks in [&[&vector.input[..]][..], &cuts::bytes(&vector.input), &cut] {
                for reader in READERS {
                    reader.check_both_ends(chunks, &config, &meaning, 4);
                }
            }
        }
    }
}
