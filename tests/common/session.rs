//! An adapter at work: a transport, a task, and what comes of it.

use super::adapters::{Adapter, Contract, Memory, OnError, Setup, State};
use super::calls::{Call, count_events, rejection};
use super::oracle::{Config, Recovered, Seen};
use super::random::Random;
use super::readers::{Ran, Recovery, Stream};
use super::task::Task;
use super::transport::{Fault, Step, Transport};
use core::task::Poll;
use sse_wire::ReadError;
use std::io::ErrorKind;

/// An adapter that is read from its transport, by a task.
pub struct Session<'m> {
    pub adapter: Box<dyn Adapter + 'm>,
    pub transport: Transport,
    pub task: Task,
}

/// What comes next in a session.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    Seen(Seen),
    Failed(ReadError<Fault>),
    /// Nothing until the transport has more.
    Waits,
    End,
}

impl<'m> Session<'m> {
    /// Opens an adapter for a transport that has nothing yet. `None` if the setup is not for it.
    pub fn open(contract: &Contract, setup: &Setup<'_>, memory: &'m mut Memory) -> Option<Self> {
        let transport = Transport::new([]);
        let task = Task::new(true);
        transport.set_waker(&task.waker);
        Some(Self {
            adapter: (contract.open)(transport.clone(), setup, memory)?,
            transport,
            task,
        })
    }

    /// Calls until something comes, or until the transport has nothing: by another call after each
    /// one that was pending. Returns what came, and by which call.
    pub fn next(&mut self, next_call: &mut dyn FnMut() -> Call) -> (Call, Next) {
        for _ in 0..100_000 {
            let call = next_call();
            match self.adapter.call(call, &self.task) {
                Poll::Ready(Some(Ok(seen))) => return (call, Next::Seen(seen)),
                Poll::Ready(Some(Err(error))) => return (call, Next::Failed(error)),
                Poll::Ready(None) => return (call, Next::End),
                Poll::Pending => {
                    let alive = self.transport.chunks_alive();
                    assert_eq!(alive, 0, "a chunk is retained while the adapter is pending");
                    if self.task.wakes.take() == 0 {
                        assert!(self.transport.is_waiting(), "pending, and nothing wakes it");
                        return (call, Next::Waits);
                    }
                }
            }
        }
        panic!("it is woken and pending for ever")
    }
}

/// Runs a stream through an adapter, which dispatches at the end what it can recover. The transport
/// takes the steps of `interruption` before each chunk and before its end.
pub fn run(
    contract: &Contract,
    stream: &Stream<'_>,
    config: &Config,
    interruption: &[Step],
    next_call: &mut dyn FnMut() -> Call,
) -> Option<Ran> {
    let mut random = Random::new(stream.seed);
    let setup = Setup {
        config,
        recover: Some(stream.cut_line),
        chunk: *random.choose(&[1, 2, 3, 7, 64, 1024]),
    };
    let mut memory = Memory::new(&setup);
    let mut session = Session::open(contract, &setup, &mut memory)?;
    session.task.drops_futures = random.once_in(2);
    let transport = session.transport.clone();
    let mut read = Read {
        config,
        seen: Vec::new(),
        faults: Vec::new(),
    };
    let push = |step| {
        interruption
            .iter()
            .cloned()
            .chain([step])
            .for_each(|step| transport.push(step));
    };
    let mut dispatched_after = Vec::new();
    for &chunk in stream.chunks {
        push(Step::Gives(chunk.to_vec()));
        let (_, end) = read.all(&mut session, next_call);
        assert_eq!(end, Next::Waits, "the stream has not ended yet");
        dispatched_after.push(count_events(&read.seen));
    }
    let state = session.adapter.state();
    assert!(!state.ended_within_event, "the stream has not ended yet");
    let seen = core::mem::take(&mut read.seen);
    push(Step::Ends);
    let (last_call, end) = read.all(&mut session, next_call);
    assert_eq!(end, Next::End);
    read.assert_end(contract, &mut session, next_call);
    read.assert_faults(contract, interruption, stream.chunks.len() + 1);
    Some(Ran {
        seen,
        dispatched_after,
        last_event_id: state.last_event_id,
        reconnection_time: state.reconnection_time,
        ignored: state.ignored,
        unfinished: read.recovery(last_call, session.adapter.state()),
    })
}

/// What was read of a stream.
struct Read<'c> {
    config: &'c Config,
    seen: Vec<(Call, Seen)>,
    /// The errors of the transport.
    faults: Vec<Fault>,
}

impl Read<'_> {
    /// Reads all that there is now, and returns what ended that.
    fn all(
        &mut self,
        session: &mut Session<'_>,
        next_call: &mut dyn FnMut() -> Call,
    ) -> (Call, Next) {
        loop {
            match session.next(next_call) {
                (call, Next::Seen(seen)) => self.seen.push((call, seen)),
                (call, Next::Failed(ReadError::Decode(error))) => {
                    self.seen
                        .push((call, Seen::Rejected(rejection(error, self.config))));
                }
                (_, Next::Failed(ReadError::Transport(fault))) => self.faults.push(fault),
                end => return end,
            }
        }
    }

    /// The end stays the end, though the transport has more.
    fn assert_end(
        &mut self,
        contract: &Contract,
        session: &mut Session<'_>,
        next_call: &mut dyn FnMut() -> Call,
    ) {
        let reads = session.transport.reads();
        if contract.is_fused {
            session
                .transport
                .push(Step::Gives(b"data: more\n\n".to_vec()));
        }
        for _ in 0..2 {
            let (_, end) = self.all(session, next_call);
            assert_eq!(end, Next::End, "there is something after the end");
        }
        if contract.is_fused {
            assert_eq!(session.transport.reads(), reads, "it is read after its end");
        }
    }

    /// Each error is passed on once, unless it is to be retried.
    fn assert_faults(&self, contract: &Contract, interruption: &[Step], times: usize) {
        let passed_on = interruption.iter().filter_map(|step| match step {
            Step::Fails(ErrorKind::Interrupted) if contract.on_error == OnError::Retries => None,
            Step::Fails(kind) => Some(Fault(*kind)),
            _ => None,
        });
        let passed_on: Vec<_> = passed_on.collect();
        assert_eq!(
            self.faults,
            passed_on.repeat(times),
            "the errors of the transport"
        );
    }

    /// What was read at the end is at most one event, which the end cut off.
    fn recovery(mut self, last_call: Call, after: State) -> Option<Recovery> {
        let (call, result) = match self.seen.pop() {
            None => (last_call, Ok(None)),
            Some((call, Seen::Event(event))) => (call, Ok(Some(event))),
            Some((call, Seen::Rejected(rejection))) => (call, Err(rejection)),
            Some((_, other)) => panic!("{other:?} was recovered"),
        };
        assert_eq!(self.seen, [], "recovered as well");
        if !after.ended_within_event {
            assert_eq!(result, Ok(None), "recovered, though nothing was cut off");
            return None;
        }
        Some(Recovery {
            inside_line: None,
            call,
            recovered: Recovered {
                result,
                last_event_id: after.last_event_id,
                reconnection_time: after.reconnection_time,
            },
        })
    }
}
