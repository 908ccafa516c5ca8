//! However a stream is split and whichever calls are mixed, the decoder returns the same, at the same byte, as one that receives single
//! bytes; and after an end, recovered or not, it continues like a new one with its last event ID.
#![no_main]

use arbitrary::{Arbitrary, Unstructured};
use libfuzzer_sys::fuzz_target;
use sse_wire::{CutLine, EventDecoder, Limits};
use sse_wire_fuzz::plan::{Call, Plan};
use sse_wire_fuzz::reading::{Ending, Sights, Stream, milliseconds};

#[derive(Debug)]
struct Case<'s> {
    limits: Limits,
    plan: Plan,
    connections: Vec<Connection<'s>>,
}

#[derive(Debug)]
struct Connection<'s> {
    stream: Stream<'s>,
    end: End,
}

#[derive(Debug, Clone, Copy)]
enum End {
    Restart,
    /// The unfinished event is discarded.
    Finish,
    Recover(Call, CutLine),
}

#[derive(Debug, PartialEq, Eq)]
enum Ended {
    Restarted,
    /// Whether there was an unfinished event, and whether the stream ended inside a line of it.
    Finished(Option<bool>),
    Recovered(Option<Ending>),
}

impl<'a> Arbitrary<'a> for Case<'a> {
    fn arbitrary(input: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        let flags = u8::arbitrary(input)?;
        let limits = match flags & 3 {
            0 | 1 => Limits::new(),
            2 => Limits::new().with_event(24).with_last_event_id(8),
            _ => Limits::new().with_event(7).with_last_event_id(13),
        };
        let ends = [flags >> 2 & 7, flags >> 5 & 7].map(|bits| match bits {
            0 => End::Restart,
            1 => End::Finish,
            2 | 3 => End::Recover(Call::Decode, CutLine::Keep),
            4 | 5 => End::Recover(Call::Decode, CutLine::Discard),
            6 => End::Recover(Call::DecodeRaw, CutLine::Keep),
            _ => End::Recover(Call::DecodeRaw, CutLine::Discard),
        });
        let first = usize::from(u8::arbitrary(input)?);
        let plan = Plan::arbitrary(input)?;
        let streams = input.bytes(input.len())?;
        let (first, second) = streams.split_at(first.min(streams.len()));
        Ok(Self {
            limits,
            plan,
            connections: [first, second]
                .into_iter()
                .zip(ends)
                .map(|(stream, end)| Connection {
                    stream: Stream(stream),
                    end,
                })
                .collect(),
        })
    }
}

impl End {
    fn apply(self, decoder: &mut EventDecoder) -> Ended {
        match self {
            Self::Restart => {
                decoder.restart();
                Ended::Restarted
            }
            Self::Finish => {
                let incomplete = decoder.finish();
                Ended::Finished(incomplete.map(|incomplete| incomplete.is_inside_line()))
            }
            Self::Recover(call, cut_line) => Ended::Recovered(Ending::by(decoder, call, cut_line)),
        }
    }
}

fuzz_target!(|case: Case<'_>| {
    let mut cut = EventDecoder::with_limits(case.limits);
    for Connection { stream, end } in &case.connections {
        let time_before = cut.reconnection_time();
        let last_event_id = cut.last_event_id().to_owned();
        // One for each call, since a call does not tell what the others would have given.
        let mut singles = Call::ALL.map(|call| {
            let mut single = EventDecoder::with_limits(case.limits);
            let seeded = single.set_last_event_id(&last_event_id);
            seeded.expect("is within the same limit");
            (single, call)
        });
        for (chunk, call) in case.plan.chunks(stream.0) {
            let mut seen = Sights::default();
            seen.feed(&mut cut, chunk, call);
            for (single, its_call) in &mut singles {
                let mut seen_singly = Sights::default();
                for byte in chunk.chunks(1) {
                    seen_singly.feed(single, byte, *its_call);
                }
                if *its_call == call {
                    let chunk = Stream(chunk);
                    assert_eq!(
                        seen, seen_singly,
                        "cut (left), byte by byte (right): {call:?}, the chunk {chunk:?}"
                    );
                }
                assert_eq!(cut.last_event_id(), single.last_event_id(), "last event ID");
                assert_eq!(
                    milliseconds(cut.reconnection_time()),
                    milliseconds(single.reconnection_time().or(time_before)),
                    "reconnection time"
                );
            }
        }
        let ended = end.apply(&mut cut);
        for (single, call) in &mut singles {
            let mut ended_singly = end.apply(single);
            if let Ended::Recovered(Some(ending)) = &mut ended_singly {
                ending.reconnection_time = ending.reconnection_time.or(milliseconds(time_before));
            }
            assert_eq!(
                ended, ended_singly,
                "cut (left), byte by byte through {call:?} (right): {end:?}"
            );
            assert_eq!(
                cut.last_event_id(),
                single.last_event_id(),
                "last event ID at the end"
            );
        }
    }
});
