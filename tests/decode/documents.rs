//! Any document, cut in any way, gives through every reader what the naive interpreter of the
//! standard makes of it, limits included.
//!
//! `SSE_WIRE_DOCUMENTS=1000000 cargo test --release --test decode documents:: -- --nocapture` makes
//! a long run, with `SSE_WIRE_SEED` to choose other documents.

use crate::common::cuts;
use crate::common::documents::{document, documents, positions};
use crate::common::oracle::Config;
use crate::common::random::Random;
use crate::common::readers::{MEMORY, Meaning, READERS, memory_config};
use crate::end_of_stream::{check_clones, check_ends};
use proptest::prelude::*;
use sse_wire::EventDecoder;

/// How many documents are read unless the environment says otherwise.
const DOCUMENTS: u64 = 4_000;

/// How often a long run reports its progress.
const PROGRESS: u64 = 100_000;

#[test]
fn random_documents() {
    let total = from_environment("SSE_WIRE_DOCUMENTS").unwrap_or(DOCUMENTS);
    let seed = from_environment("SSE_WIRE_SEED").unwrap_or(0x55E);
    let (mut readings, mut events) = (0_u64, 0_usize);
    for number in 0..total {
        // A seed for each document, so that one can be read again without those before it.
        let document_seed = seed ^ (number << 20);
        let _shown = ShownOnPanic(document_seed);
        let mut random = Random::new(document_seed);
        let document = document(&mut random);
        let config = config(&mut random);
        let meaning = Meaning::of(&document, &config);
        let cut = cuts::random(&document, &mut random);
        let cut_again = cuts::random(&document, &mut random);
        let bytes = cuts::bytes(&document);
        for chunks in [&[&document[..]][..], &bytes, &cut, &cut_again] {
            for reader in READERS {
                let seed = random.number();
                if let Some(ran) = reader.check_both_ends(chunks, &config, &meaning, seed) {
                    readings += 1;
                    events += ran.dispatched_after.last().unwrap_or(&0);
                }
            }
        }
        if (number + 1) % PROGRESS == 0 {
            println!(
                "{} documents, {readings} readings, {events} events",
                number + 1
            );
        }
    }
    println!("{total} documents from seed {seed}, {readings} readings, {events} events: all agree");
    assert!(events as u64 > total, "the documents hardly make an event");
}

/// The limits of everyday use, small ones, and those of fixed buffers, all with and without an ID
/// to begin with.
fn config(random: &mut Random) -> Config {
    let limits = match random.below(4) {
        0 => memory_config(64 << 10),
        1 => Config {
            event_limit: random.below(60),
            last_event_id_limit: random.below(30),
            ignore_oversized_id: random.once_in(4),
            ..Config::default()
        },
        _ => memory_config(*random.choose(MEMORY)),
    };
    let initial: &[&str] = &["", "", "7", "é…", "a long one, for small memory at least"];
    Config {
        initial_last_event_id: (*random.choose(initial)).to_owned(),
        ..limits
    }
}

fn from_environment(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    let number = value.parse();
    Some(number.unwrap_or_else(|_| panic!("{name}={value} is not a number")))
}

/// Shows which document it was.
struct ShownOnPanic(u64);

impl Drop for ShownOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let document = document(&mut Random::new(self.0));
            eprintln!(
                "SSE_WIRE_SEED={} SSE_WIRE_DOCUMENTS=1, document: b\"{}\"",
                self.0,
                document.escape_ascii()
            );
        }
    }
}

/// A document, and where to cut it.
fn cut_documents() -> impl Strategy<Value = (Vec<u8>, Vec<usize>)> {
    documents().prop_flat_map(|document| {
        let positions = positions(document.len());
        (Just(document), positions)
    })
}

/// Any limits, or those of a fixed buffer.
fn configs() -> impl Strategy<Value = Config> {
    let limits = |event_limit, last_event_id_limit| Config {
        event_limit,
        last_event_id_limit,
        ..Config::default()
    };
    let events = prop_oneof![Just(1 << 20), 0_usize..60];
    let ids = prop_oneof![Just(1 << 20), 0_usize..30];
    prop_oneof![
        (events, ids).prop_map(move |(event, id)| limits(event, id)),
        (0_usize..200).prop_map(memory_config),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn documents_that_shrink((document, cut) in cut_documents(), config in configs(), seed: u64) {
        let meaning = Meaning::of(&document, &config);
        let chunks = cuts::at(&document, &cut);
        for reader in READERS {
            reader.check_both_ends(&chunks, &config, &meaning, seed);
        }
    }

    #[test]
    fn a_document_may_break_off_anywhere((document, cut) in cut_documents(), memory in 0_usize..100) {
        let cut = cut.first().copied().unwrap_or(document.len());
        let (before, after) = document.split_at(cut);
        check_ends(|| EventDecoder::with_buffer([0; 16]), before);
        check_ends(|| EventDecoder::with_buffer([0; 1024]), before);
        check_clones(EventDecoder::with_buffer([0; 128]), before, after);
        #[cfg(feature = "alloc")]
        {
            check_ends(|| crate::read::growing(memory), before);
            check_clones(crate::read::growing(memory), before, after);
        }
        #[cfg(not(feature = "alloc"))]
        let _ = memory;
    }
}
