//! What an attack costs in time: `scripts/linear.sh` counts the instructions for n bytes of each, and for 4n.

use super::readers::{Pieces, READERS};
use crate::attacks::{Script, attacks};
use bytes::Bytes;
use core::hint::black_box;
use sse_wire::Limits;

/// Small, so that most of an attack is beyond them. What grows up to its limits is measured in `tests/linear.rs`.
const LIMITS: Limits = Limits::new().with_event(1024).with_last_event_id(256);

const BYTES: usize = 32 << 10;

/// The readers that differ in what they do for each piece, or each event.
const NAMES: &[&str] = &["decode", "decode_item", "decode_owned"];

#[test]
#[ignore = "scripts/linear.sh runs it where instructions are counted"]
fn counted() {
    for name in NAMES {
        let reader = READERS
            .iter()
            .find(|reader| reader.name == *name)
            .expect(name);
        for attack in attacks(LIMITS) {
            for size in [1, 1400] {
                let shown: String = attack
                    .goes_on
                    .escape_ascii()
                    .to_string()
                    .chars()
                    .take(24)
                    .collect();
                println!(
                    "\ncounted shape {BYTES} {}, {size} bytes at a time, {name}: {shown}",
                    attack.name
                );
                for bytes in [BYTES, 4 * BYTES] {
                    let script = Script::new(&attack, bytes);
                    let pieces = Pieces {
                        stream: Bytes::from(attack.stream(bytes)),
                        size,
                    };
                    let mut told = 0;
                    measured(&mut || {
                        (reader.run)(pieces.clone(), LIMITS, &mut |_| told += 1);
                    });
                    assert_eq!(told, script.count());
                }
            }
        }
    }
}

/// The script knows this function by its name: it counts what happens in here.
#[inline(never)]
fn measured(work: &mut dyn FnMut()) {
    black_box(work)();
}
