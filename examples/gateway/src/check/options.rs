//! The options of a run.

use std::fmt;
use std::time::Duration;

use super::catalog::Check;
use super::cookies::Cookies;
use super::observe::Plan;
use super::post::Poster;
use super::target::Target;
use crate::duration;

const TIMEOUT: Duration = Duration::from_secs(20);
const KEEP_ALIVE: Duration = Duration::from_secs(30);
const PROMPT: Duration = Duration::from_secs(2);
const TRIES: u8 = 4;

/// Checks whether a server does what clients of an event stream rely on.
///
/// It connects to URL, once more as a client that accepts compression, then with the ID of an
/// earlier event and with one that the server never sent. It prints a verdict on each of its
/// checks, with what it saw:
///
/// - pass, or FAIL with advice;
/// - not applicable: the stream has no use for it, such as resumption without IDs;
/// - not observed: it did not happen during the run, such as a keep-alive on a busy stream.
///
/// Some checks need events. With --post and --body the server is made to send them, and their delay
/// is measured; otherwise the run waits for events that come by themselves:
///
///   gateway check 'http://127.0.0.1:8080/events?topic=probe' \
///     --post http://127.0.0.1:8080/publish --body '{"topic":"probe","data":"{token}"}'
///
/// Cookies that a response sets are sent with the later requests to its host, as a browser does. So a
/// URL with a single-use ticket can be checked, if the server sets a cookie for the reconnections; then
/// give the credential of the POSTs with --post-header.
///
/// The exit code is 0 if no check has failed, 1 if one has, and 2 if the options are wrong or the
/// server cannot be connected to.
#[derive(clap::Args, Clone, Debug, PartialEq, Eq)]
#[command(verbatim_doc_comment)]
pub struct Options {
    /// The URL of an event stream, with http://.
    #[arg(required_unless_present = "list")]
    pub url: Option<String>,
    /// Send this header with each request, such as 'Authorization: Bearer ...'; repeatable.
    #[arg(long = "header", value_name = "NAME: VALUE")]
    pub headers: Vec<String>,
    /// Send this header with each POST, in place of a --header of the same name; repeatable.
    #[arg(long = "post-header", value_name = "NAME: VALUE", requires = "post")]
    pub post_headers: Vec<String>,
    /// Make the server send an event by a POST to this URL.
    ///
    /// A run posts --tries times, and once more after it has resumed. The events are real: use a
    /// topic that has no other subscribers.
    #[arg(long, value_name = "URL", requires = "body")]
    pub post: Option<String>,
    /// The body of the POST.
    ///
    /// {token} in it is replaced by a text that differs in each POST, and only an event whose data
    /// contains this text counts as the event of the POST. Without {token}, the next event counts:
    /// then no other events should come.
    #[arg(long, value_name = "TEXT", requires = "post")]
    pub body: Option<String>,
    /// The content type of the body.
    #[arg(long, value_name = "TYPE", default_value = "application/json")]
    pub content_type: String,
    /// Fail also if this check is not applicable or not observed; repeatable.
    #[arg(long, value_name = "CHECK", value_parser = check_name)]
    pub require: Vec<String>,
    /// The type of an event that reports lost events; repeatable, replaces the default.
    #[arg(long = "gap", value_name = "TYPE", default_values = ["gap", "reset"])]
    pub gap_types: Vec<String>,
    /// How many events to wait for, or to post.
    #[arg(long, value_name = "COUNT", default_value_t = TRIES, value_parser = clap::value_parser!(u8).range(2..))]
    pub tries: u8,
    /// How soon the first byte, and an event after its POST, should arrive.
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = duration::parse_positive)]
    pub prompt: Duration,
    /// How long silence may last: as long as the shortest timeout of your proxies.
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration::parse_positive)]
    pub keep_alive: Duration,
    /// How long to wait for a response, or for the events that a check needs.
    #[arg(long, value_name = "DURATION", default_value = "20s", value_parser = duration::parse_positive)]
    pub timeout: Duration,
    /// Print the report as JSON.
    #[arg(long)]
    pub json: bool,
    /// Print the names of all checks, with what they check and why, and exit.
    #[arg(long)]
    pub list: bool,
}

/// The error of a run that has no report.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// An option is wrong.
    Options(String),
    /// The server could not be connected to.
    NoConnection(String),
    /// The runtime could not be started.
    Runtime(String),
}

impl Options {
    /// Creates the options for a URL, with the defaults of the command line.
    pub fn new(url: &str) -> Self {
        Self {
            url: Some(url.to_owned()),
            headers: Vec::new(),
            post_headers: Vec::new(),
            post: None,
            body: None,
            content_type: "application/json".to_owned(),
            require: Vec::new(),
            gap_types: vec!["gap".to_owned(), "reset".to_owned()],
            tries: TRIES,
            prompt: PROMPT,
            keep_alive: KEEP_ALIVE,
            timeout: TIMEOUT,
            json: false,
            list: false,
        }
    }

    /// Makes the server send events by a POST of `body` to `url`.
    #[must_use]
    pub fn with_post(mut self, url: &str, body: &str) -> Self {
        self.post = Some(url.to_owned());
        self.body = Some(body.to_owned());
        self
    }

    /// Validates the options; returns the URL, and what to do.
    pub(super) fn plan(&self, progress: fn(&str)) -> Result<(String, Plan), Error> {
        let url = self.url.clone();
        let url = url.ok_or_else(|| Error::Options("the URL is missing".to_owned()))?;
        let cookies = Cookies::default();
        let target = |url: &str, headers| Target::new(url, headers, &cookies);
        let poster = match &self.post {
            Some(post) => Some(Poster {
                target: target(post, &self.headers)
                    .and_then(|target| target.with_headers(&self.post_headers))
                    .map_err(Error::Options)?,
                body: self.body.clone().unwrap_or_default(),
                content_type: self.content_type.clone(),
            }),
            None => None,
        };
        for name in &self.require {
            check_name(name).map_err(Error::Options)?;
        }
        let plan = Plan {
            target: target(&url, &self.headers).map_err(Error::Options)?,
            poster,
            timeout: self.timeout,
            keep_alive: self.keep_alive,
            prompt: self.prompt,
            tries: self.tries.into(),
            gap_types: self.gap_types.clone(),
            progress,
        };
        Ok((url, plan))
    }
}

fn check_name(name: &str) -> Result<String, String> {
    match Check::find(name) {
        Some(check) => Ok(check.name.to_owned()),
        None => Err(format!("no check has the name {name:?}; see --list")),
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Options(error) | Self::Runtime(error) => formatter.write_str(error),
            Self::NoConnection(error) => write!(formatter, "no connection to {error}"),
        }
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use clap::{Args as _, Command, FromArgMatches as _};

    use super::*;

    fn parse(arguments: &[&str]) -> Result<Options, clap::Error> {
        let command = Options::augment_args(Command::new("check"));
        let arguments = ["check"].iter().chain(arguments);
        Options::from_arg_matches(&command.try_get_matches_from(arguments)?)
    }

    #[test]
    fn defaults_are_those_of_the_command_line() {
        let options = parse(&["http://localhost"]).expect("options");
        assert_eq!(options, Options::new("http://localhost"));
        assert!(parse(&["--list"]).expect("options").url.is_none());
    }

    #[test]
    fn wrong_options_are_rejected() {
        for arguments in [
            &[][..],
            &["http://localhost", "--require", "nonsense"],
            &["http://localhost", "--post", "http://localhost"],
            &["http://localhost", "--body", "{}"],
            &["http://localhost", "--post-header", "a: b"],
            &["http://localhost", "--timeout", "0"],
            &["http://localhost", "--timeout", "soon"],
            &["http://localhost", "--tries", "1"],
        ] {
            assert!(parse(arguments).is_err(), "{arguments:?}");
        }
        assert!(Options::new("localhost").plan(|_| {}).is_err());
        let with_post = Options::new("http://localhost").with_post("https://localhost", "");
        assert!(with_post.plan(|_| {}).is_err());
    }
}
