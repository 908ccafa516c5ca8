//! sse-wire measured beside the crates that do the same: see README.md.

extern crate alloc;

mod allocator;
mod charts;
#[path = "../../shapes/chunking.rs"]
mod chunking;
mod decoders;
mod encoders;
mod feed;
mod machine;
mod measure;
#[path = "../../shapes/polling.rs"]
mod polling;
mod record;
mod report;
mod rounds;
#[path = "../../shapes/mod.rs"]
mod shapes;
mod watch;

use core::error::Error;
use std::ffi::OsString;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use lexopt::ValueExt;

use measure::Plan;
use rounds::Budget;

/// Whose work is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    Ours,
    Peer,
    /// A decoder of a few lines, which gives the events as the others do.
    ByHand,
    Baseline,
}

impl Group {
    const fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Peer => "peer",
            Self::ByHand => "by hand",
            Self::Baseline => "baseline",
        }
    }
}

const USAGE: &str = "\
Usage: sse-wire-peers [--quick] [--csv FILE] [--svg FOLDER] [--only TEXT] [--rounds N]

Measures sse-wire and its peers, prints tables in Markdown, and says on standard error what it is at.

  --quick       streams of 1 MiB and few rounds: under a minute in all, and only good to see whether it runs
  --csv FILE    writes every figure to FILE
  --svg FOLDER  draws shapes.svg and scaling.svg there
  --only TEXT   measures the cells whose name has TEXT in it, such as llm-chunks, decode/tiny/, /16384 or encode/;
                several texts, separated by commas, measure the cells of each
  --rounds N    at most N rounds for each cell
  --help        prints this
";

#[derive(Debug)]
struct Options {
    plan: Plan,
    csv: Option<PathBuf>,
    svg: Option<PathBuf>,
}

impl Options {
    /// `None` if only help is wanted.
    fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Option<Self>, lexopt::Error> {
        use lexopt::Arg::Long;

        let (mut csv, mut svg, mut only, mut rounds) = (None, None, String::new(), None);
        let mut budget = Budget::FULL;
        let mut parser = lexopt::Parser::from_args(arguments);
        while let Some(argument) = parser.next()? {
            match argument {
                Long("quick") => budget = Budget::QUICK,
                Long("csv") => csv = Some(parser.value()?.into()),
                Long("svg") => svg = Some(parser.value()?.into()),
                Long("only") => only = parser.value()?.string()?,
                Long("rounds") => {
                    rounds = Some(parser.value()?.parse::<core::num::NonZero<usize>>()?)
                }
                Long("help") | lexopt::Arg::Short('h') => return Ok(None),
                _ => return Err(argument.unexpected()),
            }
        }
        if let Some(rounds) = rounds {
            budget.rounds = rounds.get();
        }
        let plan = Plan { budget, only };
        Ok(Some(Self { plan, csv, svg }))
    }
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let begin = Instant::now();
    let records = options.plan.run();
    if records.0.is_empty() {
        return Err(format!("no cell has {:?} in its name", options.plan.only).into());
    }
    let header = machine::header(&options.plan.budget);
    print!("{}", report::markdown(&header, &records));
    if let Some(path) = &options.csv {
        report::csv(&header, &records, File::create(path)?)?;
    }
    if let Some(folder) = &options.svg {
        fs::create_dir_all(folder)?;
        charts::draw(&header, &records, folder)?;
    }
    eprintln!("took {} s", begin.elapsed().as_secs());
    Ok(())
}

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args_os().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprint!("{error}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Option<Options>, lexopt::Error> {
        Options::parse(arguments.iter().map(OsString::from))
    }

    #[test]
    fn options() {
        let options = parse(&[
            "--quick", "--rounds", "2", "--only", "tiny", "--csv", "x.csv",
        ]);
        let options = options.expect("are known").expect("is no call for help");
        assert_eq!(options.plan.budget.rounds, 2);
        assert_eq!(options.plan.budget.stream, Budget::QUICK.stream);
        assert_eq!(options.plan.only, "tiny");
        assert_eq!((options.csv, options.svg), (Some("x.csv".into()), None));
        assert!(parse(&["--help"]).is_ok_and(|options| options.is_none()));
        for wrong in [&["--fast"][..], &["tiny"], &["--rounds", "0"], &["--csv"]] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
