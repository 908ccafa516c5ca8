//! The baseline: the same frames from a process that writes them to bare sockets, without HTTP.

mod reader;
pub(super) mod writer;

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::{env, io};

use serde::Serialize;
use sse_wire::{EventType, LastEventId, Outgoing};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{self, Receiver};
use tokio::task::JoinSet;

use super::measure::{self, Parts};
use super::metrics::{Source, Sources};
use super::outcome::Outcome;
use super::pacer::{self, Slot};
use super::payload::Payload;
use super::publisher::Published;
use super::state::{Plan, State};
use super::target::Target;
use super::usage::Snapshot;
use super::{Failure, Options, report};

/// The gateway and the baseline, one after the other.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Round {
    pub(super) gateway: Outcome,
    pub(super) baseline: Outcome,
}

/// Measures both, and reports; returns whether the gateway passed in every round.
pub(super) async fn run(options: &Options, target: &Target) -> Result<bool, Failure> {
    let plan = Plan::new(options);
    let mut rounds = Vec::new();
    for round in 1..=options.rounds {
        let gateway = measure::plan(plan, target, &format!("{round} gateway ")).await?;
        let baseline = measure(plan, &format!("{round} baseline")).await?;
        rounds.push(Round { gateway, baseline });
    }
    report::print_baseline(options, &rounds)?;
    Ok(rounds
        .iter()
        .all(|round| round.gateway.passed(options.max_p99)))
}

/// The process that writes, which is killed with its owner.
#[derive(Debug)]
struct Writer(Child);

impl Drop for Writer {
    fn drop(&mut self) {
        // It may have ended by itself, since its connection is closed.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Writer {
    /// Starts the process, and returns the port at which it listens.
    fn start() -> io::Result<(Self, u16)> {
        let mut command = Command::new(env::current_exe()?);
        command.args(["load", "--baseline-writer"]);
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = Self(command.spawn()?);
        let mut line = String::new();
        if let Some(output) = child.0.stdout.take() {
            BufReader::new(output).read_line(&mut line)?;
        }
        let port = line.trim().parse().map_err(io::Error::other)?;
        Ok((child, port))
    }
}

/// Measures the baseline.
async fn measure(plan: Plan, label: &str) -> Result<Outcome, Failure> {
    let state = Arc::new(State::new(Plan {
        publishers: 1,
        ..plan
    })?);
    let (writer, port) = Writer::start()?;
    let sources = Sources {
        servers: vec![Source::Process(writer.0.id())],
        redis: None,
    };
    let before = Snapshot::take(&sources).await?;
    let frame_len = frame(&state, &Slot::first(&state))?.len();
    let mut control = TcpStream::connect(("127.0.0.1", port)).await?;
    control.set_nodelay(true)?;
    control.write_u32(state.plan.subscribers).await?;
    control.write_u32(u32::try_from(frame_len)?).await?;

    let mut readers = JoinSet::new();
    for index in 0..state.plan.subscribers {
        let socket = reader::connect(&state, port, index).await?;
        let state = Arc::clone(&state);
        readers.spawn(async move { (index, reader::run(&state, socket, index, frame_len).await) });
    }
    // It has accepted all connections.
    control.read_u8().await?;
    let (queue, slots) = mpsc::channel(pacer::QUEUE);
    let mut publishers = JoinSet::new();
    publishers.spawn(publish(Arc::clone(&state), control, slots));
    let parts = Parts {
        readers,
        publishers,
        queues: vec![queue],
        sources,
        before,
    };
    measure::load(&state, parts, label).await
}

/// Sends frames to the writer, which has no way to acknowledge them.
async fn publish(
    state: Arc<State>,
    mut control: TcpStream,
    mut queue: Receiver<Slot>,
) -> Published {
    let mut published = Published::new(&state);
    while let Some(slot) = queue.recv().await {
        let sent = state.now();
        let result = match message(&state, &slot) {
            Ok(message) => control.write_all(&message).await.map_err(Failure::from),
            Err(error) => Err(error),
        };
        published.count(&state, &slot, sent, result);
    }
    // The writer ends when this connection is closed, so it stays open until the run stops.
    tokio::spawn(async move {
        state.stop.cancelled().await;
        drop(control);
    });
    published
}

/// A frame, after the subscriber that it is for.
fn message(state: &State, slot: &Slot) -> Result<Vec<u8>, Failure> {
    let receiver = slot.user.unwrap_or(writer::EVERYBODY);
    let mut message = receiver.to_be_bytes().to_vec();
    message.append(&mut frame(state, slot)?);
    Ok(message)
}

/// The bytes of an event, as a gateway would write them.
fn frame(state: &State, slot: &Slot) -> Result<Vec<u8>, Failure> {
    let data = slot.payload.to_data(state.size);
    let id = format!("{:08x}.{:010}", state.run, slot.number);
    let event = Outgoing::event(EventType::from_static("load"), &data);
    let mut frame = Vec::new();
    event.id(LastEventId::new(&id)?).encode(&mut frame);
    Ok(frame)
}

impl Slot {
    /// The first event, for the length of its frame.
    fn first(state: &State) -> Self {
        let payload = Payload {
            run: state.run,
            publisher: 0,
            sequence: 0,
            intended: 0,
        };
        Self {
            number: 0,
            payload,
            user: None,
        }
    }
}
