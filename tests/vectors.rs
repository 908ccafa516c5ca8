//! The events of the standard and of real browsers: every vector through every reader, however it is cut.

mod common;

use common::oracle::{self, Config, Dispatched, Line, Outcome, Seen};
use common::readers::{self, Meaning, READERS, Ran, Reader, Sees, Stream};
use common::vectors::{self, Expected, Vector};
use common::{cuts, random::Random};
use sse_wire::CutLine;

/// How often each vector is cut at random.
const RANDOM_CUTS: usize = 10;

#[test]
fn the_oracle_gives_what_the_vectors_expect() {
    let vectors = vectors::parse();
    for vector in &vectors {
        let outcome = oracle::interpret(&vector.input, &config(vector));
        let (mut events, comments) = readable(&outcome.seen);
        let retries = retries(&vector.input);
        assert_eq!(events.len(), retries.len(), "{}", vector.id);
        for (event, retry) in events.iter_mut().zip(retries) {
            event.retry = retry;
        }
        assert_eq!(events, vector.events, "{}", vector.id);
        if let Some(expected) = &vector.comments {
            assert_eq!(&comments, expected, "{}", vector.id);
        }
        assert_final_state(vector, &outcome);
    }
    println!("{} vectors", vectors.len());
}

// In two halves, which run side by side.
#[test]
fn every_reader_gives_what_the_vectors_expect_at_every_cut() {
    every_cut(vectors::parse().iter().step_by(2));
}

#[test]
fn every_reader_gives_what_the_other_vectors_expect_at_every_cut() {
    every_cut(vectors::parse().iter().skip(1).step_by(2));
}

fn every_cut<'v>(vectors: impl ExactSizeIterator<Item = &'v Vector>) {
    let (count, mut streams) = (vectors.len(), 0);
    for vector in vectors {
        let config = config(vector);
        let meaning = Meaning::of(&vector.input, &config);
        let read = |chunks: &[&[u8]]| {
            for reader in READERS {
                if let Some(ran) = reader.check_both_ends(chunks, &config, &meaning, 1) {
                    assert_events(reader, &ran, vector);
                }
            }
        };
        streams += cuts::every_kind(&vector.input, RANDOM_CUTS, 2, read);
        if let Some(chunks) = &vector.chunks {
            let chunks: Vec<&[u8]> = chunks.iter().map(Vec::as_slice).collect();
            assert_eq!(chunks.concat(), vector.input, "{}", vector.id);
            read(&chunks);
            streams += 1;
        }
    }
    println!(
        "{count} vectors, {streams} streams, each through {} readers",
        READERS.len()
    );
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
                assert_eq!(
                    &ran.dispatched_after, expected,
                    "{} through {reader:?}",
                    vector.id
                );
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
    for vector in &vectors::parse() {
        if vector.input.len() > cuts::EXHAUSTIVE_UP_TO {
            continue;
        }
        for &bytes in readers::MEMORY {
            let config = Config {
                initial_last_event_id: vector.initial_last_event_id.clone(),
                ..readers::memory_config(bytes)
            };
            let meaning = Meaning::of(&vector.input, &config);
            let read = |chunks: &[&[u8]]| {
                for reader in READERS {
                    reader.check_both_ends(chunks, &config, &meaning, 4);
                }
            };
            read(&[&vector.input]);
            read(&cuts::bytes(&vector.input));
            let mut random = Random::new(5);
            for _ in 0..4 {
                read(&cuts::random(&vector.input, &mut random));
            }
        }
    }
}

fn config(vector: &Vector) -> Config {
    Config {
        initial_last_event_id: vector.initial_last_event_id.clone(),
        // As a fixed buffer has them, so that the readers with a fixed buffer take part.
        ..readers::memory_config(256 << 10)
    }
}

/// What a vector can say of a stream: the events, each with the latest reconnection time before it, and the comments.
fn readable(seen: &[Seen]) -> (Vec<Expected>, Vec<String>) {
    let mut events = Vec::new();
    let mut comments = Vec::new();
    let mut retry = None;
    for seen in seen {
        match seen {
            Seen::Event(event) => events.push(Expected {
                retry,
                ..expected(event)
            }),
            Seen::Retry(time) => retry = Some(*time),
            Seen::Comment { text, end: true } => {
                comments.push(String::from_utf8_lossy(text).into_owned());
            }
            Seen::Comment { end: false, .. } => {}
            Seen::Refused(refusal) => panic!("{refusal:?} refused"),
        }
    }
    (events, comments)
}

/// The last valid reconnection time of each block that dispatches an event: the vectors know it, the standard does not.
fn retries(input: &[u8]) -> Vec<Option<u64>> {
    let is_data = |line: &Line| matches!(line, Line::Field { name: "data", .. });
    let (lines, _) = oracle::lines(input);
    lines
        .split_inclusive(|line| *line == Line::Blank)
        .filter(|block| block.ends_with(&[Line::Blank]) && block.iter().any(is_data))
        .map(|block| block.iter().rev().find_map(retry))
        .collect()
}

fn retry(line: &Line) -> Option<u64> {
    let Line::Field {
        name: "retry",
        value,
    } = line
    else {
        return None;
    };
    let is_valid = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    is_valid.then(|| {
        let digits = core::str::from_utf8(value).expect("they are digits");
        digits.parse().unwrap_or(u64::MAX)
    })
}

fn expected(event: &Dispatched) -> Expected {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Expected {
        event_type: text(&event.event_type),
        data: text(&event.data),
        last_event_id: event.last_event_id.clone(),
        retry: None,
    }
}

fn assert_final_state(vector: &Vector, outcome: &Outcome) {
    assert_eq!(
        outcome.last_event_id, vector.final_last_event_id,
        "{}",
        vector.id
    );
    assert_eq!(
        outcome.reconnection_time, vector.final_retry,
        "{}",
        vector.id
    );
}

/// Compares a reader to the vector itself, not only against the oracle.
fn assert_events(reader: &Reader, ran: &Ran, vector: &Vector) {
    let seen: Vec<Seen> = ran.seen.iter().map(|(_, seen)| seen.clone()).collect();
    let (mut events, _) = readable(&seen);
    let mut wanted = vector.events.clone();
    for (event, wanted) in events.iter_mut().zip(&mut wanted) {
        // A reader cannot tell whether it was the event's own block that set the time, nor do all readers see it.
        if reader.sees != Sees::Items || wanted.retry.is_none() {
            event.retry = None;
            wanted.retry = None;
        }
    }
    assert_eq!(events, wanted, "{} through {reader:?}", vector.id);
    assert_eq!(ran.last_event_id, vector.final_last_event_id);
    assert_eq!(ran.reconnection_time, vector.final_retry);
}
