//! The reports, as text or JSON, on standard output.

mod lines;
mod table;
mod text;

use std::io::{self, Write as _};

use serde::Serialize;

use super::baseline::Round;
use super::outcome::Outcome;
use super::{Failure, Options, idle, search};

/// Prints the outcome of one run.
pub(super) fn print(options: &Options, outcome: &Outcome) -> Result<(), Failure> {
    emit(options, outcome, text::outcome)
}

/// Prints what idle connections cost.
pub(super) fn print_idle(options: &Options, report: &idle::Report) -> Result<(), Failure> {
    emit(options, report, text::idle)
}

/// Prints what a search found.
pub(super) fn print_search(options: &Options, report: &search::Report) -> Result<(), Failure> {
    emit(options, report, text::search)
}

/// Prints a step of a search while it continues, to standard error.
pub(super) fn print_step(step: &search::Step) {
    eprintln!("{}", text::step(step));
}

/// Prints the gateway beside the baseline.
pub(super) fn print_baseline(options: &Options, rounds: &[Round]) -> Result<(), Failure> {
    emit(options, rounds, table::baseline)
}

fn emit<T>(options: &Options, report: &T, text: fn(&T) -> String) -> Result<(), Failure>
where
    T: Serialize + ?Sized,
{
    let text = if options.json {
        serde_json::to_string_pretty(report)? + "\n"
    } else {
        text(report)
    };
    io::stdout().write_all(text.as_bytes())?;
    Ok(())
}
