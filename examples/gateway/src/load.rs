//! Generates load, and measures latency, loss and duplication.

use std::process::ExitCode;

/// Subscribes many times to a gateway, publishes at a fixed rate, and reports latency and loss.
#[derive(clap::Args, Debug)]
pub struct Options {
    /// The address of the gateway, such as http://127.0.0.1:8080.
    pub url: String,
}

/// Generates the load and prints the report.
pub fn run(_options: &Options) -> ExitCode {
    ExitCode::SUCCESS
}
