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
use crate::common::transport::{Fault, Step, Transport};
use crate::common::{cuts, documents, vectors};
use core::cell::Cell;
use core::task::Poll;
use sse_wire::{CutLine, LastEventId, ReadError};
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

/// Opens an adapter on a transport that takes these steps, in 1 KiB of memory or with those limits,
/// to be read by its calls in turn.
fn open(
    (contract, calls): (&Contract, &'static [Call]),
    recover: Option<CutLine>,
    steps: impl IntoIterator<Item = Step>,
    test: impl FnOnce(Session<'_>, &mut dyn FnMut() -> Call),
) {
    struct ShownOnPanic<'c>(&'c str, &'c [Call]);
    impl Drop for ShownOnPanic<'_> {
        fn drop(&mut self) {
            if std::thread::panicking() {
                eprintln!("with {} by {:?}", self.0, self.1);
            }
        }
    }
    let _shown = ShownOnPanic(contract.name, calls);
    let config = &memory_config(1024);
    let setup = Setup {
        config,
        recover,
        chunk: 1024,
    };
    let mut memory = Memory::new(&setup);
    let session = Session::open(contract, &setup, &mut memory).expect("a usual setup");
    steps
        .into_iter()
        .for_each(|step| session.transport.push(step));
    let mut calls = calls.iter().cycle();
    test(session, &mut || *calls.next().expect("there are calls"));
}

/// How many events come, and what comes after the last one.
fn read_events(session: &mut Session<'_>, next_call: &mut dyn FnMut() -> Call) -> (usize, Next) {
    let mut events = 0;
    loop {
        match session.next(next_call).1 {
            Next::Seen(seen) => events += usize::from(matches!(seen, Seen::Event(_))),
            other => return (events, other),
        }
    }
}

fn gives(bytes: impl Into<Vec<u8>>) -> Step {
    Step::Gives(bytes.into())
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
                ignore_oversized_id: random.once_in(4),
                ..Config::default()
            },
            _ => memory_config(*random.choose(MEMORY)),
        };
        let chunks = cuts::random(&document, &mut random);
        for (contract, calls) in ways() {
            let reader = Reader::adapter(contract, calls, &[]);
            check(&reader, &chunks, &config, seed);
        }
    }
}

#[test]
fn dropped_calls_and_errors_that_do_not_end_it_lose_nothing_anywhere() {
    const INTERRUPTIONS: &[&[Step]] = &[
        &[Step::Pends],
        &[Step::Pends, Step::Pends],
        // Only for those that continue after an error.
        &[
            Step::Fails(ErrorKind::TimedOut),
            Step::Fails(ErrorKind::TimedOut),
        ],
        &[Step::Fails(ErrorKind::Interrupted), Step::Pends],
    ];
    let cut_off = CUT_OFF.iter().map(|end| [b"data: 1\n\n", *end].concat());
    let whole = [b"", STREAM, OVERSIZED].map(<[u8]>::to_vec);
    let streams: Vec<_> = whole.into_iter().chain(cut_off).collect();
    for (contract, calls) in ways() {
        let count = if contract.on_error.is_end() { 2 } else { 4 };
        for interruption in &INTERRUPTIONS[..count] {
            let reader = Reader::adapter(contract, calls, interruption);
            for (seed, stream) in (0..4).flat_map(|seed| streams.iter().map(move |s| (seed, s))) {
                let chunks = cuts::random(stream, &mut Random::new(seed));
                check(&reader, &chunks, &memory_config(64), seed);
                check(&reader, &cuts::bytes(stream), &memory_config(64), seed);
            }
        }
    }
}

/// A recovered event comes before the error, which has ended the stream then.
fn check_error(way: (&Contract, &'static [Call]), begun: &[u8], recover: Option<CutLine>) {
    let meaning = Meaning::of(begun, &memory_config(1024));
    let is_event = |seen: &&Seen| matches!(seen, Seen::Event(_));
    let events = meaning
        .to(Call::Decode)
        .seen
        .iter()
        .filter(is_event)
        .count();
    let recovered = |call| {
        let unfinished = meaning.to(call).unfinished.as_ref()?;
        Some(match recover? {
            CutLine::Keep => &unfinished.keep,
            CutLine::Discard => &unfinished.discard,
        })
    };
    for kind in [ErrorKind::ConnectionReset, ErrorKind::TimedOut] {
        let ends = way.0.on_error.is_end();
        let is_final = ends || kind != ErrorKind::TimedOut;
        let fails = [gives(begun), Step::Fails(kind)];
        open(way, recover, fails, |mut session, next_call| {
            for _ in 0..events {
                while !matches!(session.next(next_call).1, Next::Seen(Seen::Event(_))) {}
            }
            let mut next = session.next(next_call);
            while matches!(&next.1, Next::Seen(seen) if !seen.is_of_events()) {
                next = session.next(next_call);
            }
            let outcome = meaning.to(Call::Decode);
            let mut expected = (&outcome.last_event_id, outcome.reconnection_time);
            if let Some(recovered) = recovered(next.0).filter(|_| is_final) {
                if let Some(event) = recovered.result.clone().expect("it fits") {
                    assert_eq!(next.1, Next::Seen(Seen::Event(event)));
                    next = session.next(next_call);
                }
                expected = (&recovered.last_event_id, recovered.reconnection_time);
            }
            let error = ReadError::Transport(Fault(kind));
            assert_eq!(next.1, Next::Failed(error), "{}", begun.escape_ascii());
            let state = session.adapter.state();
            assert_eq!((&state.last_event_id, state.reconnection_time), expected);
            let has_ended = ends || recover.is_some() && is_final;
            let is_cut = has_ended && meaning.to(Call::Decode).unfinished.is_some();
            assert_eq!(state.ended_within_event, is_cut);
            let reads = session.transport.reads();
            session.transport.push(gives("\n\ndata: more\n\n"));
            let (more, end) = read_events(&mut session, next_call);
            if has_ended {
                assert_eq!((more, end), (0, Next::End));
                assert_eq!(session.transport.reads(), reads, "it is read on and on");
            } else {
                assert!(more > 0 && end == Next::Waits, "{more} {end:?}");
            }
        });
    }
}

#[test]
fn an_error_comes_after_the_event_that_is_recovered_and_ends_the_stream_then() {
    // A `FramedRead` reports no error to its codec.
    let ways = ways().filter(|(contract, _)| contract.on_error != OnError::EndsSilently);
    for way in ways {
        for recover in [None, Some(CutLine::Keep), Some(CutLine::Discard)] {
            (0..=STREAM.len()).for_each(|cut| check_error(way, &STREAM[..cut], recover));
            for end in &CUT_OFF[..CUT_OFF.len() - 1] {
                check_error(way, &[b"id: 1\ndata: 1\n\n", *end].concat(), recover);
            }
        }
    }
}

#[test]
fn an_event_that_cannot_be_recovered_is_an_error_before_that_of_the_transport() {
    for way in ways().filter(|(contract, _)| contract.on_error != OnError::EndsSilently) {
        let text = way.1.iter().all(|call| *call != Call::DecodeRaw);
        let oversized = [b"data: ", &b"\xFF".repeat(700)[..]].concat();
        let fails = [gives(oversized), Step::Fails(ErrorKind::ConnectionReset)];
        open(way, Some(CutLine::Keep), fails, |mut session, next_call| {
            let first = session.next(next_call).1;
            let is_rejected = matches!(first, Next::Failed(ReadError::Decode(_)));
            assert!(is_rejected || !text, "{first:?}");
            let error = ReadError::Transport(Fault(ErrorKind::ConnectionReset));
            assert_eq!(session.next(next_call).1, Next::Failed(error));
            assert_eq!(session.next(next_call).1, Next::End);
        });
    }
}

#[test]
fn what_the_end_cuts_off_is_discarded_unless_it_is_to_be_recovered() {
    for (way, end) in ways().flat_map(|way| CUT_OFF.iter().map(move |end| (way, end))) {
        let stream = [b"id: 1\ndata: 1\n\n", *end].concat();
        let cut_off = oracle::interpret(&stream, &memory_config(1024)).unfinished;
        open(
            way,
            None,
            [gives(stream), Step::Ends],
            |mut session, next_call| {
                let read = read_events(&mut session, next_call);
                let state = session.adapter.state();
                assert_eq!(
                    (read, &*state.last_event_id),
                    ((1, Next::End), "1"),
                    "{}",
                    end.escape_ascii()
                );
                assert_eq!(
                    state.ended_within_event,
                    cut_off.is_some(),
                    "{}",
                    end.escape_ascii()
                );
            },
        );
    }
}

#[test]
fn the_transport_is_read_when_its_last_chunk_is_decoded_and_wakes_a_pending_call_once() {
    let chunks = ["data: 1\n\n: ping\ndata: 2\n\n\ndata: 3", "\n\ndata: 4\n\n"].map(gives);
    for way in ways() {
        open(way, None, chunks.clone(), |mut session, next_call| {
            for (data, reads) in [(b"1", 1), (b"2", 1), (b"3", 2), (b"4", 2)] {
                let mut next = session.next(next_call).1;
                while matches!(next, Next::Seen(Seen::Comment { .. })) {
                    next = session.next(next_call).1;
                }
                let Next::Seen(Seen::Event(event)) = next else {
                    panic!("{next:?} instead of an event");
                };
                assert_eq!(
                    (&*event.data, session.transport.reads()),
                    (&data[..], reads)
                );
            }
            for (step, reads) in [(gives("data: 5"), 3), (Step::Ends, 5)] {
                assert_eq!(session.next(next_call).1, Next::Waits);
                assert_eq!(session.transport.reads(), reads, "it is read on and on");
                session.transport.push(step);
                assert_eq!(session.task.wakes.take(), 1);
            }
            assert_eq!(session.next(next_call).1, Next::End);
        });
    }
}

#[test]
fn it_yields_after_32_chunks_or_256_kib_without_an_event() {
    const CHUNKS: usize = 100;
    let long = format!("\nretry: {}", "x".repeat((16 << 10) - 8));
    let short = ["\n", "\r\n\r\n", "retry: x\n", "data: x\n"].map(|chunk| (chunk, 32));
    for (chunk, most) in short.into_iter().chain([(&*long, 16)]) {
        for way in ways().filter(|(contract, _)| contract.yields) {
            open(
                way,
                None,
                vec![gives(chunk); CHUNKS],
                |mut session, next_call| {
                    for number in 0..=CHUNKS / most {
                        let before = session.transport.reads();
                        let called = session.adapter.call(next_call(), &session.task);
                        assert!(called.is_pending(), "{called:?}");
                        let is_last = number == CHUNKS / most;
                        let reads = if is_last { CHUNKS % most + 1 } else { most };
                        assert_eq!(session.transport.reads() - before, reads, "of {chunk:.9?}");
                        assert_eq!(session.task.wakes.take(), usize::from(!is_last));
                        assert_eq!(session.transport.chunks_alive(), 0);
                    }
                    assert!(session.transport.is_waiting());
                },
            );
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
        let begun = "retry: 5\nid: 7\ndata: 1\n\nid: 8\nevent: cut\ndata: cu";
        open(way, None, [gives(begun), end], |mut session, next_call| {
            assert_eq!(read_events(&mut session, next_call).0, 1);
            assert_eq!(session.adapter.state().reconnection_time, Some(5));
            let expected = Dispatched {
                event_type: b"message".into(),
                data: b"new".into(),
                last_event_id: "7".into(),
                id: None,
            };
            assert_eq!(session.adapter.into_first_event(), expected);
        });
    }
}

#[test]
fn the_debug_form_does_not_show_the_payload() {
    let secrets = "data: secret\n\nevent: secret\ndata: secret\n\ndata: secret";
    for way in ways() {
        open(way, None, [gives(secrets)], |mut session, next_call| {
            assert!(matches!(session.next(next_call).1, Next::Seen(_)));
            let shown = session.adapter.state().shown;
            assert!(shown.starts_with("Event"), "{shown}");
            // Neither as text nor as bytes.
            assert!(
                !shown.contains("secret") && !shown.contains("115, 101, 99"),
                "{shown}"
            );
        });
    }
}

#[test]
fn every_reader_begins_with_a_stored_id_and_returns_its_parts() {
    macro_rules! check {
        ($reader:expr, $reads:expr) => {
            let reads = $reads;
            let reader = $reader.with_last_event_id("41").expect("it fits");
            assert_eq!(reader.decoder().last_event_id(), "41");
            assert_eq!(reader.into_decoder().last_event_id(), "41");
            let reader = $reader.with_last_event_id("41").expect("it fits");
            let (inner, decoder) = reader.into_parts();
            assert_eq!((reads(&inner), decoder.last_event_id()), (0, "41"));
            let error = $reader.with_last_event_id("4\n").expect_err("a line end");
            assert_eq!(error, LastEventId::new("4\n").expect_err("a line end"));
            let mut reader = $reader;
            assert_eq!(reads(reader.get_mut()) + reads(reader.get_ref()), 0);
            assert_eq!(reads(&reader.into_inner()), 0);
        };
    }
    let transport = || Transport::new([]);
    #[cfg(feature = "stream")]
    {
        use core::pin::pin;
        use sse_wire::stream::EventStream;
        check!(EventStream::new(transport()), Transport::reads);
        let stream = pin!(EventStream::new(transport()));
        assert_eq!(stream.get_pin_mut().reads(), 0);
    }
    #[cfg(feature = "tokio")]
    check!(
        sse_wire::tokio::EventReader::new(transport()),
        Transport::reads
    );
    #[cfg(any(feature = "embedded-io", feature = "embedded-io-async"))]
    {
        use sse_wire::{EventDecoder, embedded::EventReader};
        let decoder = || EventDecoder::with_buffer([0; 64]);
        let chunk = || Box::leak(Box::new([0; 4]));
        check!(
            EventReader::new(transport(), decoder(), chunk()),
            Transport::reads
        );
    }
    #[cfg(feature = "std")]
    {
        use crate::common::transport::Buffered;
        use sse_wire::io::EventReader;
        let reads = |reader: &Buffered| reader.transport.reads();
        check!(
            EventReader::from_buffered(Buffered::new(transport())),
            reads
        );
    }
}

/// An adapter with a fault: control that the contract finds it.
struct Broken<'m> {
    adapter: Box<dyn Adapter + 'm>,
    fault: Broke,
    again: Option<Called>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Broke {
    Nothing,
    DoublesEvents,
    LosesWhatIsPending,
    LosesErrors,
    ForgetsTheEnd,
    ReportsNoCut,
}

thread_local! {
    static FAULT: Cell<Broke> = const { Cell::new(Broke::Nothing) };
}

impl Adapter for Broken<'_> {
    fn call(&mut self, call: Call, task: &Task) -> Called {
        if let Some(called) = self.again.take() {
            return called;
        }
        let called = self.adapter.call(call, task);
        match (self.fault, &called) {
            (Broke::DoublesEvents, Poll::Ready(Some(Ok(_)))) => self.again = Some(called.clone()),
            (Broke::LosesWhatIsPending, Poll::Pending) => drop(self.adapter.call(call, task)),
            (Broke::LosesErrors, Poll::Ready(Some(Err(_)))) => return self.call(call, task),
            (Broke::ForgetsTheEnd, Poll::Ready(None)) => return Poll::Pending,
            _ => {}
        }
        called
    }

    fn state(&self) -> State {
        let mut state = self.adapter.state();
        state.ended_within_event &= self.fault != Broke::ReportsNoCut;
        state
    }

    fn into_first_event(self: Box<Self>) -> Dispatched {
        self.adapter.into_first_event()
    }
}

#[test]
fn control_a_broken_adapter_is_found() {
    const BROKEN: &Contract = &Contract {
        open: |transport, setup, memory| {
            let adapter = (ADAPTERS[0].open)(transport, setup, memory)?;
            let (fault, again) = (FAULT.get(), None);
            Some(Box::new(Broken {
                adapter,
                fault,
                again,
            }))
        },
        ..ADAPTERS[0]
    };
    let reader = Reader::adapter(BROKEN, &[Call::Decode], &[Step::Pends]);
    for fault in [
        Broke::Nothing,
        Broke::DoublesEvents,
        Broke::LosesWhatIsPending,
        Broke::LosesErrors,
        Broke::ForgetsTheEnd,
        Broke::ReportsNoCut,
    ] {
        FAULT.set(fault);
        let chunks = [OVERSIZED, b"data: cut"];
        let checked = catch_unwind(|| check(&reader, &chunks, &memory_config(64), 0));
        assert_eq!(checked.is_ok(), fault == Broke::Nothing, "{fault:?}");
    }
}
