//! The options of the server.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use axum::http::{HeaderValue, Uri};
use clap::ValueEnum;

use crate::duration;
use crate::redis::Mode;

/// What the server is told at its start.
#[derive(clap::Args, Debug, Clone)]
pub struct Options {
    /// Address to serve streams and to publish at; port 0 takes any free port.
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDRESS", value_parser = address)]
    pub listen: SocketAddr,
    /// Address of /metrics, /healthz and /readyz for the operator.
    #[arg(long, default_value = "127.0.0.1:8081", value_name = "ADDRESS", value_parser = address)]
    pub metrics_listen: SocketAddr,
    /// Allows addresses that other machines reach, though nobody is asked there who it is.
    #[arg(long)]
    pub remote: bool,

    /// Users who log in with name and password, as `gateway user add` writes them.
    #[arg(long, value_name = "FILE", help_heading = "Who may connect")]
    pub users: Option<PathBuf>,
    /// Two users to try it, who are printed at the start; only on this machine.
    #[arg(long, conflicts_with = "users", help_heading = "Who may connect")]
    pub demo: bool,
    /// Nobody is asked who it is: whoever reaches the server may read and publish everything.
    #[arg(long, conflicts_with_all = ["users", "demo", "secret_file"], help_heading = "Who may connect")]
    pub no_auth: bool,
    /// File with the secret that signs tokens, of at least 32 bytes; or the variable GATEWAY_SECRET.
    #[arg(long, value_name = "FILE", help_heading = "Who may connect")]
    pub secret_file: Option<PathBuf>,
    /// Audience that tokens must have.
    #[arg(
        long,
        default_value = "gateway",
        value_name = "NAME",
        help_heading = "Who may connect"
    )]
    pub audience: String,
    /// Time for which a login is valid, unless it is renewed by POST /session.
    #[arg(long, default_value = "15m", value_name = "DURATION", value_parser = duration::parse_positive, help_heading = "Who may connect")]
    pub token_lifetime: Duration,
    /// Time after which a user must log in again.
    #[arg(long, default_value = "12h", value_name = "DURATION", value_parser = duration::parse_positive, help_heading = "Who may connect")]
    pub session_lifetime: Duration,
    /// Logins that an address may try in a minute.
    #[arg(long, default_value_t = 10, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=1_000_000), help_heading = "Who may connect")]
    pub logins_per_minute: u32,
    /// Origin whose pages may use the server, such as https://app.example.org; repeatable. They use
    /// bearer tokens or tickets, not cookies.
    #[arg(long = "allow-origin", value_name = "ORIGIN", value_parser = origin, help_heading = "Who may connect")]
    pub allowed_origins: Vec<HeaderValue>,

    /// Most events that the log retains for clients that reconnect.
    #[arg(long, default_value_t = 65_536, value_name = "COUNT", value_parser = count)]
    pub log_events: usize,
    /// Most bytes of events that the log retains.
    #[arg(long, default_value_t = 64 << 20, value_name = "BYTES", value_parser = count)]
    pub log_bytes: usize,
    /// Longest time that the log retains an event.
    #[arg(long, default_value = "1h", value_name = "DURATION", value_parser = duration::parse_positive)]
    pub log_age: Duration,

    /// URL of the Redis that several gateways share, such as redis://:password@127.0.0.1:6379/0, or with
    /// rediss: through TLS. Without it, everything is in the memory of one gateway.
    #[arg(
        long,
        env = "REDIS_URL",
        hide_env_values = true,
        value_name = "URL",
        help_heading = "Redis"
    )]
    pub redis: Option<String>,
    /// How the gateways share events.
    #[arg(
        long,
        default_value = "streams",
        value_name = "MODE",
        help_heading = "Redis"
    )]
    pub redis_mode: Mode,
    /// Name with which all keys in Redis begin.
    #[arg(long, default_value = "gateway", value_name = "NAME", value_parser = key_name, help_heading = "Redis")]
    pub redis_key: String,
    /// Most events that Redis retains.
    #[arg(long, default_value_t = 1_000_000, value_name = "COUNT", value_parser = count, help_heading = "Redis")]
    pub redis_events: usize,
    /// Longest time that Redis retains an event.
    #[arg(long, default_value = "24h", value_name = "DURATION", value_parser = duration::parse_positive, help_heading = "Redis")]
    pub redis_age: Duration,

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
    /// Most connections of an address, or of an IPv6 network of 64 bits; not of a trusted proxy.
    #[arg(long, default_value_t = 2_000, value_name = "COUNT", value_parser = count)]
    pub max_connections_per_address: usize,
    /// Most streams at a time. A browser is told to return later, and others are answered with 503.
    #[arg(long, default_value_t = 9_000, value_name = "COUNT", value_parser = count)]
    pub max_streams: usize,
    /// Most streams of a user.
    #[arg(long, default_value_t = 20, value_name = "COUNT", value_parser = count)]
    pub max_streams_per_user: usize,
    /// Most streams of an address, or of an IPv6 network of 64 bits.
    #[arg(long, default_value_t = 1_000, value_name = "COUNT", value_parser = count)]
    pub max_streams_per_address: usize,
    /// Most streams that are compressed; further ones are sent as they are. 0 for none.
    #[arg(long, default_value_t = 1_000, value_name = "COUNT")]
    pub max_gzip_streams: usize,
    /// Address of a proxy whose X-Forwarded-For says who the client is; repeatable.
    #[arg(long = "trusted-proxy", value_name = "ADDRESS")]
    pub trusted_proxies: Vec<IpAddr>,
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

fn key_name(text: &str) -> Result<String, String> {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"{}".contains(&byte);
    let is_name = !text.is_empty() && text.bytes().all(is_plain);
    let invalid = || "not a name of printable ASCII without spaces and braces".to_owned();
    is_name.then(|| text.to_owned()).ok_or_else(invalid)
}

fn origin(text: &str) -> Result<HeaderValue, String> {
    let invalid = || "not an origin; write https://app.example.org, without a path".to_owned();
    let uri: Uri = text.parse().map_err(|_| invalid())?;
    let is_origin = matches!(uri.scheme_str(), Some("http" | "https")) && !text.ends_with('/');
    if !is_origin || uri.path() != "/" || uri.query().is_some() {
        return Err(invalid());
    }
    HeaderValue::from_str(text).map_err(|_| invalid())
}

#[cfg(test)]
impl Options {
    /// Parses the options of a gateway that tests start in their own process.
    pub(crate) fn of(arguments: &[&str]) -> Self {
        #[derive(clap::Parser)]
        struct Arguments {
            #[command(flatten)]
            options: Options,
        }
        let arguments = [&["gateway"], arguments].concat();
        <Arguments as clap::Parser>::parse_from(arguments).options
    }
}
