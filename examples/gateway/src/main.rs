//! A server of Server-Sent Events to start from.

use std::io;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use gateway::options::{LogFormat, LogLevel, Options};
use gateway::{check, commands, load, server};

/// Serves Server-Sent Events: topics, private events, and resumption without silent loss.
///
/// Clients read `GET /events?topic=a&topic=b`, and publishers send `POST /publish`. To try it:
/// `gateway --demo`.
#[derive(Parser)]
#[command(name = "gateway", version, args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    options: Options,
}

#[derive(Subcommand)]
enum Command {
    Check(check::Options),
    Load(load::Options),
    Token(commands::Token),
    User(commands::User),
}

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return usage(&error),
    };
    match arguments.command {
        Some(Command::Check(options)) => return check::run(&options),
        Some(Command::Load(options)) => return load::run(&options),
        Some(Command::Token(options)) => return end(commands::token(&options)),
        Some(Command::User(options)) => return end(commands::user(&options)),
        None => {}
    }
    end(serve(arguments.options))
}

/// Says what went wrong, in one line.
fn end(result: Result<(), String>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("gateway: {error}");
            ExitCode::from(2)
        }
    }
}

/// Prints help, or what is wrong with the arguments in one line.
fn usage(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        // Nobody reads it any more, if this fails.
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    let text = error.to_string();
    let lines = text.lines().take_while(|line| !line.is_empty());
    let reason: Vec<_> = lines.map(str::trim).collect();
    let reason = reason.join(" ");
    let reason = reason.strip_prefix("error: ").unwrap_or(&reason);
    let command = std::env::args()
        .nth(1)
        .filter(|name| ["check", "load", "token", "user"].contains(&&**name));
    let program = command.map_or_else(|| "gateway".to_owned(), |name| format!("gateway {name}"));
    eprintln!("{program}: {reason}; see {program} --help");
    ExitCode::from(2)
}

fn serve(options: Options) -> Result<(), String> {
    if options.demo && !options.listen.ip().is_loopback() {
        return Err("the users of --demo are known to everybody: only for 127.0.0.1".to_owned());
    }
    let is_open = [
        (options.listen, options.no_auth),
        (options.metrics_listen, true),
    ];
    for (address, is_open) in is_open {
        if is_open && !address.ip().is_loopback() && !options.remote {
            return Err(format!(
                "other machines reach {address}, where nobody is asked who it is; \
                 allow it with --remote"
            ));
        }
    }
    log(&options);
    let descriptors = options.max_connections as u64 + 300;
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(limit) if limit < descriptors => tracing::warn!(
            limit,
            descriptors,
            "too few descriptors for --max-connections; raise ulimit -n"
        ),
        _ => {}
    }
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if let Some(threads) = options.threads {
        runtime.worker_threads(threads.into());
    }
    let runtime = runtime
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    let served = runtime.block_on(server::serve(options));
    // Connections that are left are cut.
    runtime.shutdown_background();
    served
}

fn log(options: &Options) {
    let level = match options.log_level {
        LogLevel::Error => tracing::Level::ERROR,
        LogLevel::Warn => tracing::Level::WARN,
        LogLevel::Info => tracing::Level::INFO,
        LogLevel::Debug => tracing::Level::DEBUG,
    };
    let log = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(io::stderr);
    match options.log_format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().init(),
    }
}
