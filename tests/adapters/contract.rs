//! What every adapter promises: it reads what a decoder reads, wherever the transport cuts the
//! stream, pends, fails or ends, and whichever calls are made and dropped.
//!
//! To test a new adapter:
//!
//! 1. Implement [`Adapter`](crate::common::adapters::Adapter) for it, next to the others in
//!    `tests/common/adapters.rs`: how it is called, what it says of itself, and how its decoder is
//!    taken over. It reads from a `Transport`, which implements the traits of all ecosystems.
//! 2. Add a [`Contract`] to [`ADAPTERS`]: how it is opened, which calls it has, and what it does
//!    after an error of the transport.
//!
//! Then every test here runs it, and so do all tests of the readers and the fuzz target `adapters`.
//! A failure names the adapter, its calls, the chunks and the seed. What is particular to it goes
//! into a file of its own beside this one.

use crate::common::adapters::{ADAPTERS, Adapter, Called, Contract, Memory, OnError, Setup, State};
use crate::common::oracle::{self, Config, Dispatched, Seen};
use crate::common::random::Random;
use crate::common::readers::{Call, MEMORY, Meaning, Reader, memory_config};
use crate::common::session::{Next, Session};
use crate::common::task::Task;
use crate::common::transport::{Fault, Step};
use crate::common::{cuts, documents, vectors};
use core::fmt::Debug;
use core::task::Poll;
use sse_wire::{CutLine, ReadError};
use std::io::ErrorKind;
use std::panic::catch_unwind;

/// Events with everything in them that a chunk can end within.
pub(crate) const STREAM: &[u8] =
    b"\xEF\xBB\xBF: hello\n\nretry: 1500\r\nid: 1\r\nevent: add\r\ndata: one\r\ndata: two\r\n\r\n\
    data: caf\xC3\rid\r\r: ping\n:\ndata\n\nid: 2\nevent: tick\nunknown: x\n: within\ndata: last\n\n";

/// Events that exceed a limit of 48 bytes, or of 16 for an ID; the last one does as text alone.
const OVERSIZED: &[u8] =
    b"data: 1\n\n\nid: 7\ndata: much too large for this memory, which has room \
    for 48 bytes\n\ndata: 2\n\nid: a long id of 23 bytes\n\ndata: 3\n\n\
    data: \xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\n\ndata: 4\n\n";

/// What the end can cut off.
const CUT_OFF: &[&[u8]] = &[
    b"",
    b"\xEF\xBB\xBF",
    b": pi",
    b"retry: 1",
    b"unknown",
    b"data: [DONE]",
    b"data: [DONE]\n",
    b"data: a\ndata: b",
    b"data: a\nid: 2",
    b"dat",
    b"id: 2\n",
    b"event: x\n: pi",
    b"data: \xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF",
];

/// Each adapter with each of its calls alone, and with all of them mixed.
fn ways() -> impl Iterator<Item = (&'static Contract, &'static [Call])> {
    ADAPTERS.iter().flat_map(|contract| {
        let alone = contract.calls.chunks(1);
        alone
            .chain([contract.calls])
            .map(move |calls| (contract, calls))
    })
}

fn check(reader: &Reader, chunks: &[&[u8]], config: &Config, seed: u64) {
    let meaning = Meaning::of(&chunks.concat(), config);
    reader.check_both_ends(chunks, config, &meaning, seed);
}

/// Opens an adapter in 1 KiB of memory, or with those limits, to be read by these calls in turn.
fn with_session(
    (contract, calls): (&Contract, &[Call]),
    recover: Option<CutLine>,
    test: impl FnOnce(Session<'_>, &mut dyn FnMut() -> Call),
) {
    let config = &memory_config(1024);
    let setup = Setup {
        config,
        recover,
        chunk: 1024,
    };
    let mut memory = Memory::new(&setup);
    let session = Session::open(contract, &setup, &mut memory).expect("a usual setup");
    let mut calls = calls.iter().cycle();
    test(session, &mut || *calls.next().expect("there are calls"));
}

#[test]
fn vectors_mean_what_the_oracle_says_at_every_cut() {
    for vector in vectors::parse() {
        let config = Config {
            initial_last_event_id: vector.initial_last_event_id.clone(),
            // As caller-provided memory has them, so that every adapter takes part.
            ..memory_config(256 << 10)
        };
        let meaning = Meaning::of(&vector.input, &config);
        for (contract, calls) in ways() {
            let reader = Reader::adapter(contract, calls, &[]);
            let check = |chunks: &[&[u8]]| {
                reader.check_both_ends(chunks, &config, &meaning, 1);
            };
            check(&[&vector.input]);
            check(&cuts::bytes(&vector.input));
            if calls == contract.calls && vector.input.len() < 100 {
                cuts::in_two(&vector.input).for_each(|halves| check(&halves));
            }
        }
    }
}

#[test]
fn any_document_means_what_the_oracle_says_with_any_limits() {
    for seed in 0..500 {
        let mut random = Random::new(seed);
        let document = documents::document(&mut random);
        let config = match random.below(3) {
            0 => Config {
                event_limit: random.below(60),
                last_event_id_limit: random.below(30),
                ..Config::default()
            },
            _ => memory_config(*random.choose(MEMORY)),
        };
        let chunks = cuts::random(&document, &mut random);
        for (contract, calls) in ways() {
            check(
                &Reader::adapter(contract, calls, &[]),
                &chunks,
                &config,
                seed,
            );
        }
    }
}

#[test]
fn pending_and_dropped_calls_and_errors_that_do_not_end_it_lose_nothing_anywhere() {
    const FAILS: &[Step] = &[
        Step::Fails(ErrorKind::TimedOut),
        Step::Fails(ErrorKind::Other),
    ];
    const ALL: &[Step] = &[
        Step::Fails(ErrorKind::ConnectionReset),
        Step::Pends,
        Step::Fails(ErrorKind::Interrupted),
    ];
    let cut_off = CUT_OFF.iter().map(|end| [b"data: 1\n\n", *end].concat());
    let whole = [b"", STREAM, OVERSIZED].map(<[u8]>::to_vec);
    let streams: Vec<_> = whole.into_iter().chain(cut_off).collect();
    for (contract, calls) in ways() {
        let continues = matches!(contract.on_error, OnError::Continues | OnError::Retries);
        let interruptions = [
            &[][..],
            &[Step::Pends],
            &[Step::Pends, Step::Pends],
            FAILS,
            ALL,
        ];
        for interruption in &interruptions[..if continues { 5 } else { 3 }] {
            let reader = Reader::adapter(contract, calls, interruption);
            for (stream, seed) in streams
                .iter()
                .flat_map(|stream| (0..4).map(move |seed| (stream, seed)))
            {
                let mut random = Random::new(seed);
                check(&reader, &cuts::bytes(stream), &memory_config(64), seed);
                check(
                    &reader,
                    &cuts::random(stream, &mut random),
                    &memory_config(64),
                    seed,
                );
            }
        }
    }
}

#[test]
fn an_error_that_ends_it_is_passed_on_once_and_recovers_nothing_anywhere() {
    let ends =
        |contract: &Contract| matches!(contract.on_error, OnError::Ends | OnError::EndsSilently);
    let error = Next::Failed(ReadError::Transport(Fault(ErrorKind::TimedOut)));
    for way in ways().filter(|(contract, _)| ends(contract)) {
        for cut in 0..=STREAM.len() {
            with_session(way, Some(CutLine::Keep), |mut session, next_call| {
                let begun = oracle::interpret(&STREAM[..cut], &memory_config(1024));
                session.transport.push(Step::Gives(STREAM[..cut].to_vec()));
                session.transport.push(Step::Fails(ErrorKind::TimedOut));
                let mut events = 0;
                let failed = loop {
                    match session.next(next_call).1 {
                        Next::Seen(seen) => events += usize::from(matches!(seen, Seen::Event(_))),
                        other => break other,
                    }
                };
                assert_eq!(failed, error, "{} after {cut} bytes", way.0.name);
                let expected = begun
                    .seen
                    .iter()
                    .filter(|seen| matches!(seen, Seen::Event(_)));
                assert_eq!(
                    events,
                    expected.count(),
                    "{} before {cut} bytes",
                    way.0.name
                );
                let within_event = begun.unfinished.is_some() && way.0.on_error == OnError::Ends;
                let expected = State {
                    last_event_id: begun.last_event_id,
                    reconnection_time: begun.reconnection_time,
                    ended_within_event: within_event,
                };
                assert_eq!(session.adapter.state(), expected, "{} at {cut}", way.0.name);
                let reads = session.transport.reads();
                assert_eq!(session.next(next_call).1, Next::End, "{}", way.0.name);
                assert_eq!(session.transport.reads(), reads, "{} reads on", way.0.name);
            });
        }
    }
}

#[test]
fn what_the_end_cuts_off_is_discarded_unless_it_is_to_be_recovered() {
    for way in ways() {
        for end in CUT_OFF {
            with_session(way, None, |mut session, next_call| {
                let stream = [b"id: 1\ndata: 1\n\n", *end].concat();
                let cut_off = oracle::interpret(&stream, &memory_config(1024)).unfinished;
                session.transport.push(Step::Gives(stream));
                session.transport.push(Step::Ends);
                let seen = |next: &Next| matches!(next, Next::Seen(Seen::Event(_)));
                assert!(seen(&session.next(next_call).1));
                let mut next = session.next(next_call).1;
                while matches!(next, Next::Seen(Seen::Comment { .. } | Seen::Retry(_))) {
                    next = session.next(next_call).1;
                }
                assert_eq!(
                    next,
                    Next::End,
                    "{} behind {}",
                    way.0.name,
                    end.escape_ascii()
                );
                let state = session.adapter.state();
                assert_eq!(
                    state.ended_within_event,
                    cut_off.is_some(),
                    "{} {state:?}",
                    way.0.name
                );
                assert_eq!(state.last_event_id, "1");
            });
        }
    }
}

#[test]
fn the_transport_is_read_when_its_last_chunk_is_decoded_and_wakes_a_pending_call_once() {
    let chunks = [
        "data: 1\n\n: ping\ndata: 2\n\n\ndata: 3\n\ndata: 4",
        "\n\ndata: 5\n\n",
    ];
    for way in ways() {
        with_session(way, None, |mut session, next_call| {
            for chunk in chunks {
                session.transport.push(Step::Gives(chunk.into()));
            }
            for (data, reads) in [("1", 1), ("2", 1), ("3", 1), ("4", 2), ("5", 2)] {
                let event = loop {
                    match session.next(next_call).1 {
                        Next::Seen(Seen::Event(event)) => break event,
                        other => assert!(matches!(other, Next::Seen(_)), "{other:?}"),
                    }
                };
                assert_eq!(
                    (&*event.data, session.transport.reads()),
                    (data.as_bytes(), reads),
                    "{}",
                    way.0.name
                );
            }
            for (step, more_reads) in [(Step::Gives(b"data: 6".into()), 1), (Step::Ends, 2)] {
                let reads = session.transport.reads();
                assert_eq!(session.next(next_call).1, Next::Waits, "{}", way.0.name);
                assert_eq!(
                    session.transport.reads(),
                    reads + more_reads,
                    "{} reads on",
                    way.0.name
                );
                session.transport.push(step);
                assert_eq!(session.task.wakes.take(), 1, "{} is woken", way.0.name);
            }
            assert_eq!(session.next(next_call).1, Next::End, "{}", way.0.name);
        });
    }
}

#[test]
fn it_yields_after_32_chunks_or_256_kib_without_an_event() {
    const CHUNKS: usize = 100;
    let long = "x".repeat(16 << 10);
    let chunks = [
        ("\n", 32),
        ("\r\n\r\n", 32),
        ("unknown\n", 32),
        ("data: x\n", 32),
        (&long, 16),
    ];
    for way in ways().filter(|(contract, _)| contract.yields) {
        for (chunk, most) in chunks {
            with_session(way, None, |mut session, next_call| {
                let transport = &session.transport;
                for _ in 0..CHUNKS {
                    transport.push(Step::Gives(chunk.into()));
                }
                for number in 0..=CHUNKS / most {
                    let before = transport.reads();
                    let called = session.adapter.call(next_call(), &session.task);
                    assert!(called.is_pending(), "{} {called:?}", way.0.name);
                    let is_last = number == CHUNKS / most;
                    let reads = if is_last { CHUNKS % most + 1 } else { most };
                    assert_eq!(
                        transport.reads() - before,
                        reads,
                        "{} {chunk:.9?}",
                        way.0.name
                    );
                    assert_eq!(
                        session.task.wakes.take(),
                        usize::from(!is_last),
                        "{}",
                        way.0.name
                    );
                    assert_eq!(transport.chunks_alive(), 0, "{}", way.0.name);
                }
                assert!(transport.is_waiting());
            });
        }
    }
}

#[test]
fn an_event_may_be_larger_than_any_buffer() {
    let large = "x".repeat(20_000);
    let stream = format!("id: 1\ndata: {large}\ndata: {large}\n\ndata: {large}\n\n");
    for (contract, calls) in ways() {
        let reader = Reader::adapter(contract, calls, &[Step::Pends]);
        for chunk in [17_000, stream.len()] {
            let chunks: Vec<_> = stream.as_bytes().chunks(chunk).collect();
            check(&reader, &chunks, &memory_config(1 << 20), 3);
        }
    }
}

#[test]
fn the_decoder_of_the_next_connection_retains_the_id_and_nothing_of_an_unfinished_event() {
    let ends = [
        Step::Pends,
        Step::Ends,
        Step::Fails(ErrorKind::ConnectionReset),
    ];
    for (way, end) in ways().flat_map(|way| ends.each_ref().map(|end| (way, end.clone()))) {
        with_session(way, None, |mut session, next_call| {
            let begun = b"retry: 5\nid: 7\ndata: 1\n\nid: 8\nevent: cut\ndata: cu";
            session.transport.push(Step::Gives(begun.into()));
            session.transport.push(end);
            while matches!(session.next(next_call).1, Next::Seen(_)) {}
            assert_eq!(session.adapter.state().reconnection_time, Some(5));
            let expected = Dispatched {
                event_type: b"message".into(),
                data: b"new".into(),
                last_event_id: "7".into(),
                id: None,
            };
            assert_eq!(
                session.adapter.into_first_event(),
                expected,
                "{}",
                way.0.name
            );
        });
    }
}

#[test]
fn the_debug_form_does_not_show_the_payload() {
    for way in ways() {
        with_session(way, None, |mut session, next_call| {
            let secrets = b"data: secret\n\nevent: secret\ndata: secret\n\ndata: secret";
            session.transport.push(Step::Gives(secrets.into()));
            assert!(matches!(session.next(next_call).1, Next::Seen(_)));
            let shown = format!("{:?}", session.adapter.debug());
            assert!(shown.starts_with("Event"), "{shown}");
            let bytes = format!("{:?}", b"secret");
            assert!(
                !shown.contains("secret") && !shown.contains(bytes.trim_matches(['[', ']'])),
                "{shown}"
            );
        });
    }
}

/// An adapter with a fault: control that the contract finds it.
struct Broken<'m> {
    adapter: Box<dyn Adapter + 'm>,
    fault: &'static str,
    last: Option<Seen>,
}

const FAULTS: [&str; 6] = [
    "none",
    "an event comes twice",
    "what comes after a pending call is lost",
    "an error of the transport is lost",
    "an event that was cut off is not reported",
    "the end of the stream is forgotten",
];

impl Adapter for Broken<'_> {
    fn call(&mut self, call: Call, task: &Task) -> Called {
        if let Some(seen) = self.last.take() {
            return Poll::Ready(Some(Ok(seen)));
        }
        let called = self.adapter.call(call, task);
        match (self.fault, &called) {
            ("an event comes twice", Poll::Ready(Some(Ok(seen)))) => self.last = Some(seen.clone()),
            ("what comes after a pending call is lost", Poll::Pending) if task.wakes.take() > 0 => {
                task.waker.wake_by_ref();
                _ = self.adapter.call(call, task);
            }
            (
                "an error of the transport is lost",
                Poll::Ready(Some(Err(ReadError::Transport(_)))),
            ) => {
                return self.call(call, task);
            }
            ("the end of the stream is forgotten", Poll::Ready(None)) => {
                task.waker.wake_by_ref();
                return Poll::Pending;
            }
            _ => {}
        }
        called
    }

    fn state(&self) -> State {
        let mut state = self.adapter.state();
        state.ended_within_event &= self.fault != "an event that was cut off is not reported";
        state
    }

    fn debug(&self) -> &dyn Debug {
        self.adapter.debug()
    }

    fn into_first_event(self: Box<Self>) -> Dispatched {
        self.adapter.into_first_event()
    }
}

#[test]
fn control_a_broken_adapter_is_found() {
    const fn broken<const FAULT: usize>() -> Contract {
        Contract {
            open: |transport, setup, memory| {
                let adapter = (ADAPTERS[0].open)(transport, setup, memory)?;
                Some(Box::new(Broken {
                    adapter,
                    fault: FAULTS[FAULT],
                    last: None,
                }))
            },
            ..ADAPTERS[0]
        }
    }
    const CONTRACTS: &[Contract; FAULTS.len()] = &[
        broken::<0>(),
        broken::<1>(),
        broken::<2>(),
        broken::<3>(),
        broken::<4>(),
        broken::<5>(),
    ];
    const INTERRUPTION: &[Step] = &[Step::Fails(ErrorKind::TimedOut), Step::Pends];
    for (contract, fault) in CONTRACTS.iter().zip(FAULTS) {
        let reader = Reader::adapter(contract, &[Call::Decode], INTERRUPTION);
        let stream = [b"data: 1\n\ndata: 2\n\ndata: cut".as_slice()];
        let checked = catch_unwind(|| check(&reader, &stream, &memory_config(64), 0));
        assert_eq!(checked.is_ok(), fault == "none", "{fault}");
    }
}
