//! Checks a server against the contract of a good event stream.

use std::process::ExitCode;

/// Checks whether a server does what clients of an event stream rely on.
#[derive(clap::Args, Debug)]
pub struct Options {
    /// The URL of an event stream.
    pub url: String,
}

/// Runs the checks and prints their verdicts.
pub fn run(_options: &Options) -> ExitCode {
    ExitCode::SUCCESS
}
