//! The options of the server.

use std::net::SocketAddr;
use std::time::Duration;

use clap::ValueEnum;

use crate::duration;

/// What the server is told at its start.
#[derive(clap::Args, Debug, Clone)]
pub struct Options {
    /// Address to serve streams and to publish at; port 0 takes any free port.
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDRESS", value_parser = address)]
    pub listen: SocketAddr,
    /// Address of /metrics, /healthz and /readyz for the operator.
    #[arg(long, default_value = "127.0.0.1:8081", value_name = "ADDRESS", value_parser = address)]
    pub metrics_listen: SocketAddr,
    /// Allows addresses that other machines reach. Whoever reaches them may publish and read.
    #[arg(long)]
    pub remote: bool,

    /// Most events that the log retains for clients that reconnect.
    #[arg(long, default_value_t = 65_536, value_name = "COUNT", value_parser = count)]
    pub log_events: usize,
    /// Most bytes of events that the log retains.
    #[arg(long, default_value_t = 64 << 20, value_name = "BYTES", value_parser = count)]
    pub log_bytes: usize,
    /// Longest time that the log retains an event.
    #[arg(long, default_value = "1h", value_name = "DURATION", value_parser = duration::parse_positive)]
    pub log_age: Duration,

    /// Silence on a stream after which a checkpoint is sent; 0 for never.
    #[arg(long, default_value = "15s", value_name = "DURATION", value_parser = duration::parse)]
    pub keep_alive: Duration,
    /// Time that clients wait before they reconnect.
    #[arg(long, default_value = "2s", value_name = "DURATION", value_parser = duration::parse)]
    pub retry: Duration,
    /// Longest time that a shutdown takes; 0 cuts all connections at once.
    #[arg(long, default_value = "10s", value_name = "DURATION", value_parser = duration::parse)]
    pub drain: Duration,

    /// Most connections at a time; further ones are answered with 503, or closed.
    #[arg(long, default_value_t = 10_000, value_name = "COUNT", value_parser = count)]
    pub max_connections: usize,
    /// Time in which a client must send the head of a request, or the body of one.
    #[arg(long, default_value = "10s", value_name = "DURATION", value_parser = duration::parse_positive)]
    pub request_timeout: Duration,
    /// Time for which a client may take no bytes, before its connection is cut.
    #[arg(long, default_value = "20s", value_name = "DURATION", value_parser = duration::parse_positive)]
    pub write_timeout: Duration,
    /// Longest time that a connection lives, less up to a fifth at random; 0 for unlimited.
    #[arg(long, default_value = "1h", value_name = "DURATION", value_parser = duration::parse)]
    pub max_lifetime: Duration,
    /// Size of a connection's send buffer in the kernel, which bounds what a slow client costs there.
    #[arg(long, default_value_t = 64 << 10, value_name = "BYTES")]
    pub send_buffer: usize,

    /// Threads that serve connections; as many as there are processors unless given.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..))]
    pub threads: Option<u16>,
    /// Encodes each event anew for each subscriber, with the `Sse` of axum: to measure the cost. Streams
    /// then have no `retry`, and keep-alives without a position.
    #[arg(long)]
    pub encode_per_subscriber: bool,
    /// Least severe messages that are logged, to standard error.
    #[arg(long, default_value = "info", value_name = "LEVEL")]
    pub log_level: LogLevel,
    /// Format of the log.
    #[arg(long, default_value = "text", value_name = "FORMAT")]
    pub log_format: LogFormat,
}

/// The severity of a message in the log.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum LogLevel {
    /// Nothing works.
    Error,
    /// Something is wrong.
    Warn,
    /// Start and end of the server.
    Info,
    /// Each stream and its end.
    Debug,
}

/// The format of the log.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum LogFormat {
    /// A line of text for each message.
    Text,
    /// A JSON object for each message.
    Json,
}

fn address(text: &str) -> Result<SocketAddr, String> {
    let invalid =
        |_| "not an address; write 127.0.0.1:8080, since names are not resolved".to_owned();
    text.parse().map_err(invalid)
}

fn count(text: &str) -> Result<usize, String> {
    let count = text.parse().ok().filter(|count| *count > 0);
    count.ok_or_else(|| "not a number above 0, without a unit".to_owned())
}
