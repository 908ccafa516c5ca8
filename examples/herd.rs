//! What a server sees when all its clients lose it at once: connection attempts per second, with the default policy and with others.
//!
//! ```text
//! cargo run --release --example herd -- --clients 100000 --outage 30
//! ```

extern crate alloc;

use alloc::collections::BinaryHeap;
use core::cmp::Reverse;
use core::time::Duration;
use std::io::{self, BufWriter, Write as _};
use std::process::ExitCode;

use sse_wire::EventDecoder;
use sse_wire::client::{Backoff, EventSource, Policy, Step};

const HELP: &str = "\
What a server sees when all its clients lose it at the same moment, and it is away for a
while: connection attempts per second, with three policies. Time is simulated.

Usage: herd [OPTIONS]

Options:
      --clients N       how many clients, 100000 unless given
      --outage SECONDS  how long the server is away, 30 unless given
      --seed N          where the random numbers begin, 1 unless given
  -h, --help            print this help

Prints a table: for each policy the attempts in each second, then the highest number of a
second during the outage and behind it, and when the last client was back.

Exit code: 0, also when standard output is closed early; 1 when writing failed; 2 when the
command line is wrong.
";

/// What came of one policy.
#[derive(Debug)]
pub struct Herd {
    /// How many attempts there were in each second after the loss.
    pub attempts: Vec<u32>,
    /// How long after the server the last client was back.
    pub last_back: Duration,
}

impl Herd {
    /// The most attempts in a second of these.
    pub fn peak(&self, seconds: impl core::slice::SliceIndex<[u32], Output = [u32]>) -> u32 {
        self.attempts
            .get(seconds)
            .and_then(|attempts| attempts.iter().max().copied())
            .unwrap_or(0)
    }
}

/// All clients lose their server at the same moment; it answers again after the outage.
pub fn simulate(policy: Policy, clients: usize, outage: Duration, seed: u64) -> Herd {
    let mut due = BinaryHeap::new();
    let mut herd: Vec<_> = (0..clients)
        .map(|client| {
            let decoder = EventDecoder::with_buffer([0; 16]);
            // Any number does that is another one in each client.
            let entropy = seed.wrapping_add(client as u64);
            let mut source = EventSource::from_decoder(decoder, entropy).with_policy(policy);
            // It had a good connection, and loses it.
            source.next(Duration::ZERO);
            assert!(source.respond(200, ["text/event-stream"]));
            assert!(matches!(source.decode(&mut &b"data\n\n"[..]), Ok(Some(_))));
            source.fail();
            due.push(Reverse((Duration::ZERO, client)));
            source
        })
        .collect();
    let mut attempts = Vec::new();
    let mut last_back = Duration::ZERO;
    while let Some(Reverse((now, client))) = due.pop() {
        let source = &mut herd[client];
        match source.next(now) {
            Step::Wait { delay, .. } => due.push(Reverse((now + delay, client))),
            Step::Connect(_) => {
                let second = usize::try_from(now.as_secs()).unwrap_or(usize::MAX);
                if attempts.len() <= second {
                    attempts.resize(second + 1, 0);
                }
                attempts[second] += 1;
                if now >= outage {
                    last_back = last_back.max(now - outage);
                } else {
                    source.fail();
                    due.push(Reverse((now, client)));
                }
            }
            step => unreachable!("{step:?} without a connection"),
        }
    }
    Herd {
        attempts,
        last_back,
    }
}

/// Each policy with what it is called.
pub fn policies() -> [(&'static str, Policy); 3] {
    let fixed = Policy::browser();
    let doubling = Backoff::new().with_longest(Duration::from_secs(60));
    [
        ("3 s, always", fixed),
        ("default", Policy::new()),
        ("up to 60 s more", Policy::new().with_backoff(doubling)),
    ]
}

fn main() -> ExitCode {
    let (mut clients, mut outage, mut seed) = (100_000, 30, 1);
    let written = match options(&mut clients, &mut outage, &mut seed) {
        Err(error) => {
            complain(&format!("{error}; see --help"));
            return ExitCode::from(2);
        }
        Ok(false) => io::stdout().write_all(HELP.as_bytes()),
        Ok(true) => {
            let herds = policies().map(|(name, policy)| {
                let outage = Duration::from_secs(outage);
                (name, simulate(policy, clients, outage, seed))
            });
            tell(&herds, clients, outage)
        }
    };
    match written {
        // Who closes standard output early has read enough.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            complain(&format!("cannot write: {error}"));
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}

/// One line on standard error. Unlike `eprintln!` it does not panic when nobody reads there.
fn complain(message: &str) {
    let _ = writeln!(io::stderr(), "herd: {message}");
}

/// The table, to standard output.
fn tell(herds: &[(&str, Herd)], clients: usize, outage: u64) -> io::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    writeln!(
        out,
        "{clients} clients lose their server at 0 s; it is back at {outage} s.\n"
    )?;
    let mut row = |name: &str, values: &dyn Fn(&str, &Herd) -> String| {
        write!(out, "| {name} |")?;
        for (policy, herd) in herds {
            write!(out, " {} |", values(policy, herd))?;
        }
        writeln!(out)
    };
    row("second", &|policy, _| policy.to_owned())?;
    row("---", &|_, _| "---".to_owned())?;
    let seconds = herds.iter().map(|(_, herd)| herd.attempts.len()).max();
    for second in 0..seconds.unwrap_or(0) {
        row(&second.to_string(), &|_, herd| {
            herd.attempts.get(second).copied().unwrap_or(0).to_string()
        })?;
    }
    let back = usize::try_from(outage).unwrap_or(usize::MAX);
    row("most while it is away", &|_, herd| {
        herd.peak(..back.min(herd.attempts.len())).to_string()
    })?;
    row("most when it is back", &|_, herd| {
        herd.peak(back..).to_string()
    })?;
    row("the last one is back after", &|_, herd| {
        format!("{:.1} s", herd.last_back.as_secs_f64())
    })?;
    out.flush()
}

/// Sets what is given; `false` asks for the help.
fn options(clients: &mut usize, outage: &mut u64, seed: &mut u64) -> Result<bool, lexopt::Error> {
    use lexopt::prelude::*;

    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("clients") => *clients = arguments.value()?.parse()?,
            Long("outage") => *outage = arguments.value()?.parse()?,
            Long("seed") => *seed = arguments.value()?.parse()?,
            Short('h') | Long("help") => return Ok(false),
            argument => return Err(argument.unexpected()),
        }
    }
    Ok(true)
}
