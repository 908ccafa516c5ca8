//! Encodes and decodes back to back for as long as it is told to, checks every event, and says what it took.
//!
//! ```text
//! cargo run --release --all-features --example soak -- --seconds 600
//! ```

use core::time::Duration;
use std::fs;
use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::time::Instant;

use lexopt::ValueExt as _;

#[path = "../../tests/common/allocator.rs"]
#[allow(unreachable_pub, reason = "the tests share it")]
mod allocator;
mod peer;
#[path = "../../tests/common/random.rs"]
#[allow(dead_code, unreachable_pub, reason = "the tests share it")]
mod random;

use allocator::{Count, Counting, count, kept};
use peer::Totals;
use random::Random;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const HELP: &str = "\
Encodes and decodes back to back, and checks every event: random events, limits that some of
them exceed, cuts anywhere, connections that are lost in the middle of an event, and new ones
that go on. Every decoder (with a buffer that grows, with a fixed one, in a stream), every
call and every way to encode has its turn.

Usage: soak [OPTIONS]

Options:
      --seconds N  how long, 10 unless given
      --seed N     where the random numbers begin, 1 unless given
      --from N     begin with the Nth decoder of this seed, as a mismatch names it
  -h, --help       print this help

Prints how it goes to standard error, and the totals to standard output: events per second,
and memory at the start, at its peak and at the end, as the allocator counts it and as the
system does (where there is /proc).

Exit code: 0, also when standard output is closed early; 1 when an event was not what was
sent, memory was not given back, or writing failed; 2 when the command line is wrong.
";

/// How often it says how it goes.
const PROGRESS: Duration = Duration::from_secs(10);

struct Options {
    time: Duration,
    seed: u64,
    from: u64,
}

fn main() -> ExitCode {
    match options(lexopt::Parser::from_env()) {
        Ok(Some(options)) => soak(&options),
        Ok(None) => {
            // Who closes standard output early has read enough.
            let _ = io::stdout().write_all(HELP.as_bytes());
            ExitCode::SUCCESS
        }
        Err(error) => {
            complain(&format!("{error} (see --help)"));
            ExitCode::from(2)
        }
    }
}

fn options(mut arguments: lexopt::Parser) -> Result<Option<Options>, lexopt::Error> {
    use lexopt::Arg::{Long, Short};

    let mut options = Options {
        time: Duration::from_secs(10),
        seed: 1,
        from: 1,
    };
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("seconds") => options.time = Duration::from_secs(arguments.value()?.parse()?),
            Long("seed") => options.seed = arguments.value()?.parse()?,
            Long("from") => options.from = arguments.value()?.parse()?,
            Long("help") | Short('h') => return Ok(None),
            other => return Err(other.unexpected()),
        }
    }
    Ok(Some(options))
}

fn soak(options: &Options) -> ExitCode {
    let started = Instant::now();
    let mut totals = Totals::default();
    let resident_at_start = resident("VmRSS");
    let mut number = options.from;
    let mut decoders: u64 = 0;
    let (counted, outcome) = count(|| {
        let mut said = started;
        loop {
            // Each has numbers of its own, so that one can be run again by itself.
            let seed = Random::new(options.seed ^ number.rotate_left(32)).number();
            let before = kept();
            peer::run(seed, &mut totals)?;
            decoders += 1;
            let left = kept() - before;
            if left != 0 {
                return Err(format!("{left} bytes were not given back"));
            }
            if started.elapsed() >= options.time {
                return Ok(());
            }
            if said.elapsed() >= PROGRESS {
                said = Instant::now();
                progress(started.elapsed(), &totals);
            }
            // Any number will do.
            number = number.wrapping_add(1);
        }
    });
    if let Err(mismatch) = outcome {
        complain(&format!("decoder {number}: {mismatch}"));
        complain(&format!(
            "again: --seed {} --from {number} --seconds 0",
            options.seed
        ));
        return ExitCode::FAILURE;
    }

    let seconds = started.elapsed().as_secs_f64();
    let resident = [resident_at_start, resident("VmHWM"), resident("VmRSS")];
    match tell(seconds, decoders, &totals, counted, resident) {
        // Who closes standard output early has read enough.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            complain(&format!("cannot write: {error}"));
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}

/// The totals, to standard output; `resident` at the start, at its peak and at the end.
fn tell(
    seconds: f64,
    decoders: u64,
    totals: &Totals,
    counted: Count,
    resident: [Option<u64>; 3],
) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "seconds                {seconds:>14.1}")?;
    writeln!(out, "decoders               {decoders:>14}")?;
    writeln!(out, "connections            {:>14}", totals.connections)?;
    writeln!(out, "  of which were cut    {:>14}", totals.cut)?;
    writeln!(out, "events, all as sent    {:>14}", totals.events)?;
    writeln!(
        out,
        "  per second           {:>14.0}",
        totals.events as f64 / seconds
    )?;
    writeln!(out, "rejected, all rightly   {:>14}", totals.rejected)?;
    writeln!(out, "bytes                  {:>14}", totals.bytes)?;
    writeln!(
        out,
        "memory, in bytes                start         peak          end"
    )?;
    writeln!(
        out,
        "  allocated            {:>14} {:>12} {:>12}",
        0, counted.peak, counted.kept
    )?;
    if let [Some(start), Some(peak), Some(end)] = resident {
        writeln!(
            out,
            "  resident             {start:>14} {peak:>12} {end:>12}"
        )?;
    }
    out.flush()
}

/// One line on standard error. Unlike `eprintln!` it does not panic when nobody reads there.
fn complain(message: &str) {
    let _ = writeln!(io::stderr(), "soak: {message}");
}

fn progress(elapsed: Duration, totals: &Totals) {
    let line_end = if io::stderr().is_terminal() {
        '\r'
    } else {
        '\n'
    };
    let _ = write!(
        io::stderr(),
        "{:>6.0} s  {:>10} connections  {:>12} events  {:>10} rejected  {:>12} bytes resident{line_end}",
        elapsed.as_secs_f64(),
        totals.connections,
        totals.events,
        totals.rejected,
        resident("VmRSS").unwrap_or(0),
    );
}

/// What the system says of this process's memory, in bytes.
fn resident(what: &str) -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with(what))?;
    let kibibytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kibibytes * 1024)
}
