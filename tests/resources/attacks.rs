//! Whatever a peer sends, the events around it arrive, and what is too large is rejected.
//! `SECURITY.md` lists the attacks, and names the tests of each.

use crate::common::calls::Call;
use crate::common::cuts;
use crate::common::readers::{self, Meaning, READERS, Reader};
use crate::driver::{Totals, total};
use crate::streams::{AFTER, BEFORE, Gives, attacks, streams};
use sse_wire::EventDecoder;
use std::collections::BTreeSet;

#[test]
fn through_every_reader_the_events_around_an_attack_arrive() {
    for (memory, bytes) in [(64, 400), (1024, 6000)] {
        let config = readers::memory_config(memory);
        for stream in streams(&config) {
            println!("{}", stream.shown());
            let stream = stream.between(bytes);
            let meaning = Meaning::of(&stream, &config);
            for size in [1, 7, 1400] {
                let chunks: Vec<&[u8]> = stream.chunks(size).collect();
                let check = |reader: &Reader| reader.check_both_ends(&chunks, &config, &meaning, 7);
                let checked = READERS.iter().filter_map(check).count();
                assert!(checked > 0, "no reader takes these limits");
            }
        }
    }
}

/// What is stated of each attack is what the oracle says, so that it is the attack that it is
/// meant to be.
#[test]
fn an_attack_gives_what_is_stated() {
    const BYTES: usize = 6000;
    let config = readers::memory_config(1024);
    for stream in attacks(&config) {
        let rounds = stream.rounds(BYTES);
        let (events, rejected) = match stream.gives.expect("an attack") {
            Gives::Nothing | Gives::NothingBuffered => (0, 0),
            Gives::OneEvent => (1, 0),
            Gives::Events => (rounds, 0),
            Gives::OneRejection => (0, 1),
            Gives::Rejections => (0, rounds),
        };
        let totals = Totals::of(&stream.between(BYTES), &config, Call::Decode);
        let found = (totals.events, totals.rejected);
        assert_eq!(found, (4 + events, rejected), "{}", stream.shown());
    }
}

#[test]
fn an_attack_ends_with_its_connection() {
    let config = readers::memory_config(1024);
    let mut memory = [0; 1024];
    let mut decoder = EventDecoder::with_buffer(&mut memory[..]);
    for stream in attacks(&config) {
        for &call in Call::ALL {
            decoder.set_last_event_id("").expect("it is empty");
            let rounds = stream.rounds(6000);
            // Without what ends it.
            let attack = stream.without_end().repeated(rounds);
            let totals = total(&mut decoder, call, &[BEFORE, &attack].concat(), 100);
            assert!(totals.events >= 2, "{}", stream.shown());
            decoder.restart();
            let totals = total(&mut decoder, call, AFTER, 100);
            assert_eq!(
                totals,
                Totals::of(AFTER, &config, call),
                "{}",
                stream.shown()
            );
            assert_eq!(decoder.last_event_id(), "2");
        }
    }
}

/// Byte order marks and parts of them where a stream begins: one is skipped, and all else is the
/// beginning of a line.
#[test]
fn one_byte_order_mark_is_skipped_and_no_other() {
    const MARK: &[u8] = b"\xEF\xBB\xBF";
    let config = readers::memory_config(64);
    let lines = b"data: a\n\ndata: b\n\n";
    let skipped = [MARK.to_vec(), [MARK, b"\r\n"].concat()];
    let others = [
        MARK.repeat(2),
        [MARK, &MARK[..2]].concat(),
        MARK[..1].to_vec(),
        MARK[..2].to_vec(),
        b"\xEF\xBB\xBE".to_vec(),
        [&MARK[..1], MARK].concat(),
        [b"\n", MARK].concat(),
        [MARK, b"\n", MARK].concat(),
    ];
    for begins in skipped.iter().chain(&others) {
        let stream = [begins, &lines[..]].concat();
        let events = 1 + usize::from(skipped.contains(begins));
        let totals = Totals::of(&stream, &config, Call::Decode);
        assert_eq!(totals.events, events, "{begins:?}");
        let meaning = Meaning::of(&stream, &config);
        cuts::every_kind(&stream, 0, 1, |chunks| {
            for reader in READERS {
                reader.check_both_ends(chunks, &config, &meaning, 7);
            }
        });
    }
}

/// The table is read by those who decide whether to trust the crate: it leaves out no attack, and
/// names no test that does not exist.
#[test]
fn security_md_names_every_attack_and_only_tests_that_exist() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/");
    let read = |path: &str| std::fs::read_to_string([folder, path].concat());
    let text = read("SECURITY.md").expect("it exists");

    let (_, table) = text
        .split_once("\n## Hostile streams\n")
        .expect("a heading");
    let (table, _) = table.split_once("\n## ").expect("another heading");
    let rows = table.lines().filter_map(|line| line.strip_prefix("| "));
    let named: BTreeSet<&str> = rows
        .filter_map(|row| row.split_once(" |"))
        .map(|(attack, _)| attack)
        .filter(|attack| *attack != "attack")
        .collect();
    let attacks = attacks(&readers::memory_config(64));
    let tested: BTreeSet<&str> = attacks.iter().map(|attack| attack.name).collect();
    assert_eq!(named, tested);

    let mut tests = 0;
    for quoted in text.split('`').skip(1).step_by(2) {
        let Some((place, test)) = quoted.rsplit_once("::") else {
            continue;
        };
        // A type and its method.
        if place.starts_with(char::is_uppercase) || place == "headers" {
            continue;
        }
        let place = place.replace("::", "/");
        let files = [
            format!("tests/{place}.rs"),
            format!("tests/{place}/main.rs"),
        ];
        let source = files.iter().find_map(|file| read(file).ok());
        let is_there = source.is_some_and(|source| source.contains(&format!("fn {test}(")));
        assert!(is_there, "{quoted} does not exist");
        tests += 1;
    }
    assert!(tests > 20, "{tests} tests are named");
}
