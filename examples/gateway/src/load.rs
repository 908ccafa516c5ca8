//! Generates load, and measures latency, loss and duplication.

mod baseline;
mod descriptors;
mod idle;
mod ingest;
mod lag;
mod latency;
mod logins;
mod measure;
mod metrics;
mod outcome;
mod pacer;
mod payload;
mod position;
mod progress;
mod publisher;
mod report;
mod search;
mod share;
mod slow;
mod state;
mod storm;
mod stream;
mod subscriber;
mod tally;
mod target;
mod usage;

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use target::Target;

use crate::duration;

pub use share::Share;

/// The error of a run that cannot begin, or cannot continue.
type Failure = Box<dyn Error + Send + Sync>;

/// Subscribes many times to a gateway, publishes at a fixed rate, and reports latency and loss.
///
/// The load is an open loop: events have intended send times that do not depend on the server, and
/// the latency of a delivery is measured from there. Exit code: 0 if no event was lost or doubled,
/// IDs ascended and the p99 was within --max-p99, 1 otherwise, 2 if the run was not possible.
#[derive(clap::Args, Debug, Clone)]
pub struct Options {
    /// The address of the gateway, such as http://127.0.0.1:8080; or several with the same events.
    ///
    /// Subscribers and publishers are spread over them one by one. Whoever loses its connection takes
    /// the next one.
    #[arg(value_name = "URL", required_unless_present = "baseline_writer")]
    pub urls: Vec<String>,

    /// How many subscribers connect.
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..))]
    pub subscribers: u32,

    /// Events per second, of all publishers together.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub rate: u32,

    /// The bytes of an event's data.
    #[arg(long, value_name = "BYTES", default_value_t = 200, value_parser = clap::value_parser!(u32).range(41..=1_000_000))]
    pub size: u32,

    /// How long to measure; with --idle, how long the connections stay idle.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub seconds: u32,

    /// How long to publish before measuring. Loss counts from the beginning.
    #[arg(long, value_name = "SECONDS", default_value_t = 2, value_parser = clap::value_parser!(u32).range(..=3_600))]
    pub warm_up: u32,

    /// How many connections publish; chosen by the rate if absent.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub publishers: Option<u32>,

    /// The topic; a random name if absent.
    #[arg(long)]
    pub topic: Option<String>,

    /// Send each event to one user; every subscriber is a user of its own.
    #[arg(long)]
    pub users: bool,

    /// Let this share of the subscribers, such as 1%, never read.
    #[arg(long, value_name = "SHARE", conflicts_with_all = ["users", "storm", "search", "idle", "baseline"])]
    pub slow: Option<Share>,

    /// Drop all connections in the middle, and reconnect with the last event ID.
    #[arg(long, conflicts_with_all = ["search", "idle", "baseline"])]
    pub storm: bool,

    /// Reconnect at once after --storm, instead of after the server's `retry` with jitter.
    #[arg(long, requires = "storm")]
    pub no_jitter: bool,

    /// Send this header with streams and publishes, such as 'Authorization: Bearer ...'; repeatable.
    ///
    /// A token makes all subscribers one user: raise the server's --max-streams-per-user, and do not
    /// use --users.
    #[arg(long = "header", value_name = "NAME: VALUE")]
    pub headers: Vec<String>,

    /// Accept gzip: the latency is measured until an event can be decompressed.
    ///
    /// The server may send some streams as they are (--max-gzip-streams); the report says how many
    /// were compressed.
    #[arg(long, conflicts_with = "baseline")]
    pub gzip: bool,

    /// Meanwhile, let 8 connections log in with a wrong password, as fast as they are answered.
    ///
    /// They send POST /login while the load is measured. The report says how many logins were
    /// answered per second, by status.
    #[arg(long, conflicts_with_all = ["idle", "baseline"])]
    pub logins: bool,

    /// Search for the highest rate within --max-p99; 50ms if that is absent.
    #[arg(long, conflicts_with_all = ["idle", "baseline"])]
    pub search: bool,

    /// Search for the highest rate that the gateways can follow, with one subscriber at each of them.
    ///
    /// Many connections publish: 64 at each gateway, unless --publishers is given. A gateway follows
    /// if its p99, and its lag behind Redis, are within --max-p99; 1s if that is absent. The report
    /// says whether the publishers were behind, too.
    #[arg(long, conflicts_with_all = ["subscribers", "users", "slow", "storm", "logins", "search", "idle", "baseline"])]
    pub ingest: bool,

    /// The highest acceptable p99 of the latency, such as 50ms or 1s.
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub max_p99: Option<Duration>,

    /// Only connect and wait, to measure memory per connection.
    #[arg(long, requires = "metrics", conflicts_with = "baseline")]
    pub idle: bool,

    /// With --idle, publish so many events first, which every subscriber receives.
    #[arg(long, value_name = "N", default_value_t = 0, requires = "idle", conflicts_with = "users", value_parser = clap::value_parser!(u32).range(..=10_000))]
    pub events: u32,

    /// Alternate with a writer of the same frames to bare sockets, for comparison.
    #[arg(long)]
    pub baseline: bool,

    /// With --baseline, how often to measure each of the two.
    #[arg(long, value_name = "N", default_value_t = 2, requires = "baseline", value_parser = clap::value_parser!(u32).range(1..=100))]
    pub rounds: u32,

    /// Scrape the server's metrics here, such as http://127.0.0.1:8081/metrics; once for each URL.
    #[arg(long, value_name = "URL")]
    pub metrics: Vec<String>,

    /// The process of Redis, on this machine, whose processor time and memory are reported apart.
    #[arg(long, value_name = "PID", conflicts_with_all = ["idle", "baseline"])]
    pub redis_pid: Option<u32>,

    /// Print the report as JSON.
    #[arg(long)]
    pub json: bool,

    /// Allow addresses that are not loopback.
    #[arg(long)]
    pub remote: bool,

    /// Writes frames to bare sockets: the process that --baseline starts.
    #[arg(long, hide = true)]
    pub baseline_writer: bool,
}

/// Generates the load and prints the report.
pub fn run(options: &Options) -> ExitCode {
    let result = if options.baseline_writer {
        baseline::writer::run().map(|()| true)
    } else {
        generate(options)
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("gateway load: {error}");
            ExitCode::from(2)
        }
    }
}

/// Returns whether the server passed.
fn generate(options: &Options) -> Result<bool, Failure> {
    let target = Target::new(options)?;
    descriptors::ensure(options)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        if options.idle {
            idle::run(options, &target).await
        } else if options.search || options.ingest {
            search::run(options, &target).await
        } else if options.baseline {
            baseline::run(options, &target).await
        } else {
            let outcome = measure::gateway(options, &target).await?;
            report::print(options, &outcome)?;
            let failures = outcome.failures(options.max_p99);
            for failure in &failures {
                eprintln!("gateway load: {failure}");
            }
            Ok(failures.is_empty())
        }
    })
}
