//! The decoder agrees with the oracle, however a stream is split, with every call and in every kind of buffer.
#![no_main]

use arbitrary::{Arbitrary, Unstructured};
use libfuzzer_sys::fuzz_target;
use sse_wire::{Buffer, CutLine, EventDecoder, LastEventId};
use sse_wire_fuzz::oracle::Config;
use sse_wire_fuzz::plan::{Call, Plan};
use sse_wire_fuzz::reading::{Reading, Stream};

/// Room for what the fuzzer tries, and not much more: as the decoder is made anew for every cut, it is cleared every time.
const BUFFER: usize = 8 * 1024;

#[derive(Debug)]
struct Case<'s> {
    cut_line: CutLine,
    last_event_id: Option<LastEventId<'static>>,
    plan: Plan,
    stream: Stream<'s>,
}

impl<'a> Arbitrary<'a> for Case<'a> {
    fn arbitrary(input: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        let flags = u8::arbitrary(input)?;
        let plan = Plan::arbitrary(input)?;
        let stream = Stream(input.bytes(input.len())?);
        Ok(Self {
            cut_line: match flags & 1 {
                0 => CutLine::Discard,
                _ => CutLine::Keep,
            },
            last_event_id: (flags & 2 != 0).then(|| LastEventId::from_static("where we left off")),
            plan,
            stream,
        })
    }
}

impl Case<'_> {
    fn check<B: Buffer>(&self, decoder: impl Fn() -> EventDecoder<B>) {
        let limits = decoder().limits();
        let config = Config {
            initial_last_event_id: self
                .last_event_id
                .map_or("", LastEventId::as_str)
                .to_owned(),
            event_limit: limits.event,
            last_event_id_limit: limits.last_event_id,
            ignore_oversized_id: limits.ignore_oversized_id,
            ..Config::default()
        };
        for call in Call::ALL {
            let expected = Reading::expected(self.stream.0, &config, call, self.cut_line);
            for plan in [&self.plan, &Plan::WHOLE] {
                let mut decoder = decoder();
                if let Some(id) = self.last_event_id {
                    decoder.set_last_event_id(id.as_str()).expect("is short");
                }
                let chunks = plan.cut(self.stream.0);
                let reading = Reading::by(&mut decoder, &chunks, call, self.cut_line);
                assert_eq!(
                    reading, expected,
                    "decoder (left), oracle (right): {call:?}, {limits:?}"
                );
            }
        }
    }
}

fuzz_target!(|case: Case<'_>| {
    case.check(EventDecoder::new);
    case.check(|| EventDecoder::with_buffer([0; BUFFER]));
});
