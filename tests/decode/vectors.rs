//! The events of the standard and of real browsers: every vector through every reader, however it
//! is cut.

use crate::common::oracle::{self, Config, Line, Seen};
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
        let (mut events, mut comments) = (Vec::new(), Vec::new());
        let (mut not_dispatched, mut ignored) = (Vec::new(), Vec::new());
        let retries = retries(&vector.input);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        for seen in &outcome.seen {
            match seen {
                Seen::Event(event) => {
                    events.push(Expected {
                        event_type: text(&event.event_type),
                        data: text(&event.data),
                        last_event_id: event.last_event_id.clone(),
                        retry: retries[events.len()],
                    });
                }
                Seen::Comment { text: comment, end } => comments.extend(end.then(|| text(comment))),
                Seen::NotDispatched(event) => not_dispatched.push(Expected {
                    event_type: text(&event.event_type),
                    data: String::new(),
                    last_event_id: event.last_event_id.clone(),
                    retry: None,
                }),
                Seen::Ignored { text: line, end } => ignored.extend(end.then(|| text(line))),
                Seen::Retry(_) => (),
                Seen::Rejected(rejection) => panic!("{rejection:?} in {}", vector.id),
            }
        }
        assert_eq!(events, vector.events, "oracle, vector {}", vector.id);
        if let Some(expected) = &vector.comments {
            assert_eq!(&comments, expected, "oracle, vector {}", vector.id);
        }
        if let Some(expected) = &vector.not_dispatched {
            assert_eq!(&not_dispatched, expected, "oracle, vector {}", vector.id);
        }
        if let Some(expected) = &vector.ignored {
            assert_eq!(&ignored, expected, "oracle, vector {}", vector.id);
        }
        let state = (&outcome.last_event_id, outcome.reconnection_time);
        let expected = (&vector.final_last_event_id, vector.final_retry);
        assert_eq!(state, expected, "oracle, vector {}", vector.id);
    }
}

/// The last valid reconnection time of each block that dispatches an event, as the vectors have it.
fn retries(input: &[u8]) -> Vec<Option<u64>> {
    let (lines, _) = oracle::lines(input);
    let blocks = lines.split_inclusive(|line| *line == Line::Blank);
    let dispatched = blocks.filter(|block| {
        let has_data = |line: &Line| matches!(line, Line::Field { name: "data", .. });
        block.ends_with(&[Line::Blank]) && block.iter().any(has_data)
    });
    dispatched
        .map(|block| {
            block.iter().rev().find_map(|line| match line {
                Line::Field {
                    name: "retry",
                    value,
                } if !value.is_empty() && value.iter().all(u8::is_ascii_digit) => {
                    let digits = core::str::from_utf8(value).expect("they are digits");
                    Some(digits.parse().unwrap_or(u64::MAX))
                }
                _ => None,
            })
        })
        .collect()
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
