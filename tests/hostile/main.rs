//! Whatever a peer sends: what it sent before and behind it arrives, what is too large is rejected with an error that says so,
//! and memory is bounded. `SECURITY.md` has a table of the attacks, and says in which test each of them is.

extern crate alloc;

#[path = "../common/mod.rs"]
mod common;

#[path = "../promise/mod.rs"]
pub mod promise;

mod attacks;
#[cfg(all(feature = "stream", feature = "tokio", feature = "embedded-io"))]
mod measured;

use alloc::collections::BTreeSet;
use attacks::{Script, TooLarge, assert_told, attacks};
use common::oracle::{self, Rejection, Seen};
use common::readers::{self, Meaning, READERS};
use sse_wire::Limits;

/// Enough for every reader to see a limit exceeded many times over.
const BYTES: usize = 6000;

#[test]
fn through_every_reader_the_events_around_an_attack_arrive() {
    let config = readers::memory_config(1024);
    let limits = Limits::new()
        .with_event(config.event_limit)
        .with_last_event_id(config.last_event_id_limit);
    for attack in attacks(limits) {
        println!(
            "{}: {:?}",
            attack.name,
            attack.goes_on.escape_ascii().to_string()
        );
        let stream = attack.stream(BYTES);
        let outcome = oracle::interpret(&stream, &config);
        assert_eq!(
            (&*outcome.last_event_id, outcome.reconnection_time),
            ("2", attack.reconnection_time)
        );
        let script = Script::new(&attack, BYTES);
        let mut place = 0;
        for seen in &outcome.seen {
            let seen = match seen {
                Seen::Event(event) => Ok((&*event.event_type, &*event.data, &*event.last_event_id)),
                Seen::Rejected(Rejection::Event) => Err(TooLarge::Event),
                Seen::Rejected(Rejection::LastEventId) => Err(TooLarge::LastEventId),
                Seen::Comment { .. } | Seen::Retry(_) => continue,
            };
            assert_told(place, seen, script.at(place, true));
            place += 1;
        }
        assert_eq!(place, script.count());
        let meaning = Meaning::of(&stream, &config);
        for size in [1, 2, 7, 64, 1400, usize::MAX] {
            let chunks: Vec<&[u8]> = stream.chunks(size).collect();
            let readers = READERS
                .iter()
                .filter_map(|reader| reader.check_both_ends(&chunks, &config, &meaning, 7));
            assert!(readers.count() > 0, "no reader takes these limits");
        }
    }
}

/// Byte order marks and parts of them where a stream begins: one is skipped, and all else is the beginning of a line.
#[test]
fn one_byte_order_mark_is_skipped_and_no_other() {
    const MARK: &[u8] = b"\xEF\xBB\xBF";
    let line = b"data: a\n\ndata: b\n\n";
    let config = readers::memory_config(4096);
    for (begins, is_read) in [
        (&b""[..], true),
        (MARK, true),
        (b"\xEF\xBB\xBF\xEF\xBB\xBF", false),
        (b"\xEF\xBB\xBF\xEF\xBB", false),
        (b"\xEF", false),
        (b"\xEF\xBB", false),
        (b"\xEF\xBB\xBE", false),
        (b"\xFE\xFF", false),
        (b"\xEF\xEF\xBB\xBF", false),
        (b"\n\xEF\xBB\xBF", false),
        (b"\xEF\xBB\xBF\n\xEF\xBB\xBF", false),
        (b"\xEF\xBB\xBF\r\n", true),
    ] {
        let stream = [begins, line].concat();
        let meaning = Meaning::of(&stream, &config);
        let events = oracle::interpret(&stream, &config).seen;
        assert_eq!(events.len(), 1 + usize::from(is_read), "{begins:?}");
        let singly: Vec<&[u8]> = stream.chunks(1).collect();
        let in_two = (0..=begins.len()).map(|at| {
            let (before, after) = stream.split_at(at);
            vec![before, after]
        });
        for chunks in in_two.chain([singly]) {
            let readers = READERS
                .iter()
                .filter_map(|reader| reader.check_both_ends(&chunks, &config, &meaning, 7));
            assert!(readers.count() > 0, "no reader takes these limits");
        }
    }
}

/// The table is read by those who decide whether to trust the crate: it must neither leave out an attack nor name a test that
/// is not there.
#[test]
fn security_md_names_every_attack_and_only_tests_that_exist() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/");
    let read = |path: &str| std::fs::read_to_string([folder, path].concat());
    let text = read("SECURITY.md").expect("it is there");

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
    let attacks = attacks(Limits::new().with_event(64).with_last_event_id(16));
    let tested: BTreeSet<&str> = attacks.iter().map(|attack| attack.name).collect();
    assert_eq!(named, tested);

    let mut tests = 0;
    for quoted in text.split('`').skip(1).step_by(2) {
        let Some((file, test)) = quoted.rsplit_once("::") else {
            continue;
        };
        // A type and its method.
        if file.starts_with(char::is_uppercase) || file == "headers" {
            continue;
        }
        let files = match file {
            "hostile" => vec![
                "tests/hostile/main.rs".to_owned(),
                "tests/hostile/measured/memory.rs".to_owned(),
            ],
            _ => vec![format!("tests/{}.rs", file.replace("::", "/"))],
        };
        let function = format!("fn {test}(");
        let is_there = |path: &String| read(path).expect("a file of tests").contains(&function);
        assert!(files.iter().any(is_there), "{quoted} is not there");
        tests += 1;
    }
    assert!(tests > 20, "{tests} tests are named");
}
