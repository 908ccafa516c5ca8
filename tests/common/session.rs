//! An adapter at work: a transport, a task, and what comes of it.

use super::adapters::{Adapter, Contract, Memory, OnError, Setup};
use super::calls::{Call, count_events, refusal};
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
    let (mut seen, mut dispatched_after, mut faults) = (Vec::new(), Vec::new(), Vec::new());
    let mut next = |session: &mut Session<'_>, seen: &mut Vec<(Call, Seen)>| loop {
        match session.next(next_call) {
            (call, Next::Seen(found)) => seen.push((call, found)),
            (call, Next::Failed(ReadError::Decode(error))) => {
                seen.push((call, Seen::Refused(refusal(error, config))));
            }
            (_, Next::Failed(ReadError::Transport(fault))) => faults.push(fault),
            (call, end) => return (call, end),
        }
    };
    let interrupt = || {
        interruption
            .iter()
            .for_each(|step| transport.push(step.clone()))
    };
    for &chunk in stream.chunks {
        interrupt();
        transport.push(Step::Gives(chunk.to_vec()));
        let (_, end) = next(&mut session, &mut seen);
        assert_eq!(end, Next::Waits, "the stream has not ended yet");
        dispatched_after.push(count_events(&seen));
    }
    let before = session.adapter.state();
    assert!(!before.ended_within_event, "the stream has not ended yet");
    interrupt();
    transport.push(Step::Ends);
    let mut last = Vec::new();
    let (mut call, end) = next(&mut session, &mut last);
    assert_eq!(end, Next::End);
    let reads = transport.reads();
    if contract.is_fused {
        transport.push(Step::Gives(b"data: of another stream\n\n".to_vec()));
    }
    for _ in 0..2 {
        let (_, end) = next(&mut session, &mut last);
        assert_eq!(end, Next::End, "there is something after the end");
    }
    assert!(
        !contract.is_fused || transport.reads() == reads,
        "read after its end"
    );
    let after = session.adapter.state();

    let passed_on = interruption.iter().filter_map(|step| match step {
        Step::Fails(ErrorKind::Interrupted) if contract.on_error == OnError::Retries => None,
        Step::Fails(kind) => Some(Fault(*kind)),
        _ => None,
    });
    let passed_on: Vec<_> = passed_on.collect();
    assert_eq!(
        faults,
        passed_on.repeat(stream.chunks.len() + 1),
        "the errors of the transport"
    );
    let result = match last.pop() {
        Some((by, Seen::Event(event))) => {
            call = by;
            Ok(Some(event))
        }
        Some((by, Seen::Refused(refusal))) => {
            call = by;
            Err(refusal)
        }
        Some((_, other)) => panic!("{other:?} was recovered"),
        None => Ok(None),
    };
    assert_eq!(last, [], "recovered as well");
    if !after.ended_within_event {
        assert_eq!(result, Ok(None), "recovered, though nothing was cut off");
    }
    let recovered = Recovered {
        result,
        last_event_id: after.last_event_id,
        reconnection_time: after.reconnection_time,
    };
    Some(Ran {
        seen,
        dispatched_after,
        last_event_id: before.last_event_id,
        reconnection_time: before.reconnection_time,
        unfinished: after.ended_within_event.then_some(Recovery {
            inside_line: None,
            call,
            recovered,
        }),
    })
}
