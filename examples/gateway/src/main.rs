//! A server of Server-Sent Events to start from.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use gateway::{check, load};

/// Serves Server-Sent Events: topics, private events, and resumption without silent loss.
#[derive(Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Options {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    Check(check::Options),
    Load(load::Options),
}

fn main() -> ExitCode {
    match Options::parse().command {
        Some(Command::Check(options)) => check::run(&options),
        Some(Command::Load(options)) => load::run(&options),
        None => ExitCode::SUCCESS,
    }
}
