//! What a server sees when all its clients lose it at once: connection attempts per second, with the default policy and with others.
//!
//! ```text
//! cargo run --release --example herd -- --clients 100000 --outage 30
//! ```

extern crate alloc;

use alloc::collections::BinaryHeap;
use core::cmp::Reverse;
use core::time::Duration;
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
            let mut source = EventSource::with_decoder(decoder, entropy).with_policy(policy);
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
            Step::Wait { time, .. } => due.push(Reverse((now + time, client))),
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
    if let Err(error) = options(&mut clients, &mut outage, &mut seed) {
        eprintln!("herd: {error}; see --help");
        return ExitCode::from(2);
    }
    let herds = policies().map(|(name, policy)| {
        (
            name,
            simulate(policy, clients, Duration::from_secs(outage), seed),
        )
    });
    println!("{clients} clients lose their server at 0 s; it is back at {outage} s.\n");
    print!("| second |");
    herds.iter().for_each(|(name, _)| print!(" {name} |"));
    print!("\n|---|");
    herds.iter().for_each(|_| print!("---|"));
    println!();
    let row = |name: &str, value: &dyn Fn(&Herd) -> String| {
        print!("| {name} |");
        herds
            .iter()
            .for_each(|(_, herd)| print!(" {} |", value(herd)));
        println!();
    };
    let seconds = herds
        .iter()
        .map(|(_, herd)| herd.attempts.len())
        .max()
        .unwrap_or(0);
    for second in 0..seconds {
        row(&second.to_string(), &|herd| {
            herd.attempts.get(second).copied().unwrap_or(0).to_string()
        });
    }
    let back = usize::try_from(outage).unwrap_or(usize::MAX);
    row("most while it is away", &|herd| {
        herd.peak(..back.min(herd.attempts.len())).to_string()
    });
    row("most when it is back", &|herd| {
        herd.peak(back..).to_string()
    });
    row("the last one is back after", &|herd| {
        format!("{:.1} s", herd.last_back.as_secs_f64())
    });
    ExitCode::SUCCESS
}

fn options(clients: &mut usize, outage: &mut u64, seed: &mut u64) -> Result<(), lexopt::Error> {
    use lexopt::prelude::*;

    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("clients") => *clients = arguments.value()?.parse()?,
            Long("outage") => *outage = arguments.value()?.parse()?,
            Long("seed") => *seed = arguments.value()?.parse()?,
            Short('h') | Long("help") => {
                print!("{HELP}");
                std::process::exit(0);
            }
            argument => return Err(argument.unexpected()),
        }
    }
    Ok(())
}
