//! Every reader and adapter agrees with the oracle, with any limits and in a buffer of any size, however the stream is cut. Those that
//! have several calls mix them, borrowing and owned, in a random order.
#![no_main]

mod common;

use arbitrary::{Arbitrary, Unstructured};
use libfuzzer_sys::fuzz_target;
use sse_wire_fuzz::plan::Plan;
use sse_wire_fuzz::reading::Stream;

use common::oracle::Config;
use common::readers::{MEMORY, Meaning, READERS, memory_config};

#[derive(Debug)]
struct Case<'s> {
    config: Config,
    seed: u64,
    plan: Plan,
    stream: Stream<'s>,
}

impl<'a> Arbitrary<'a> for Case<'a> {
    fn arbitrary(input: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        let flags = u8::arbitrary(input)?;
        let limits = match flags & 3 {
            0 => Config {
                event_limit: usize::from(u8::arbitrary(input)? & 63),
                last_event_id_limit: usize::from(u8::arbitrary(input)? & 31),
                ..Config::default()
            },
            1 => memory_config(*input.choose(MEMORY)?),
            _ => memory_config(64 << 10),
        };
        let initial = ["", "", "7", "\u{e9}\u{2026}"][usize::from(flags >> 2 & 3)];
        Ok(Self {
            config: Config {
                initial_last_event_id: initial.to_owned(),
                ..limits
            },
            // Decides the order of the calls where they are mixed.
            seed: u64::from(flags >> 4),
            plan: Plan::arbitrary(input)?,
            stream: Stream(input.bytes(input.len())?),
        })
    }
}

fuzz_target!(|case: Case<'_>| {
    let Case {
        config,
        seed,
        plan,
        stream,
    } = case;
    let meaning = Meaning::of(stream.0, &config);
    let chunks = plan.cut(stream.0);
    for reader in READERS {
        reader.check_both_ends(&chunks, &config, &meaning, seed);
    }
});
