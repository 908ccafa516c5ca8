//! Where the gateways are: their addresses, and the paths of requests.

use std::net::SocketAddr;
use std::net::ToSocketAddrs as _;

use bytes::Bytes;
use http_body_util::Empty;
use hyper::Request;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use sse_wire::headers;

use super::{Failure, Options};
use crate::header::{self, Header};
use crate::process::cpu_seconds;
use crate::url::{self, HttpUrl};

/// An HTTP server: where to connect, and what to put into the `host` header.
#[derive(Debug, Clone)]
pub(super) struct Server {
    pub(super) address: SocketAddr,
    pub(super) host: String,
}

/// The gateways and a topic.
#[derive(Debug, Clone)]
pub(super) struct Target {
    /// At least one; several serve the same events.
    pub(super) servers: Vec<Server>,
    pub(super) topic: String,
    /// What the user adds to the requests of streams and publishers.
    pub(super) headers: Vec<Header>,
    /// Whether streams may be compressed.
    pub(super) gzip: bool,
    /// Where the metrics of each server are, and their path; empty without metrics.
    pub(super) metrics: Vec<(Server, String)>,
    /// The process of Redis.
    pub(super) redis: Option<u32>,
}

impl Target {
    pub(super) fn new(options: &Options) -> Result<Self, Failure> {
        let parse = |url: &String| parse(url, options.remote);
        let mut servers = Vec::new();
        for url in &options.urls {
            let (server, path) = parse(url)?;
            if path != "/" {
                return Err(format!("the URL has a path: {path}; the address is enough").into());
            }
            servers.push(server);
        }
        let metrics: Vec<_> = options
            .metrics
            .iter()
            .map(parse)
            .collect::<Result<_, _>>()?;
        if !metrics.is_empty() && metrics.len() != servers.len() {
            let (metrics, servers) = (metrics.len(), servers.len());
            return Err(format!("--metrics is given {metrics} times for {servers} URLs").into());
        }
        if let Some(id) = options.redis_pid.filter(|id| cpu_seconds(*id).is_none()) {
            return Err(format!("--redis-pid: there is no process {id}").into());
        }
        let topic = match &options.topic {
            Some(topic) => topic.clone(),
            None => format!("load-{:08x}", fastrand::u32(..)),
        };
        let headers = options.headers.iter();
        let headers = headers.map(|header| header::parse(header));
        Ok(Self {
            servers,
            topic,
            headers: headers.collect::<Result<_, _>>()?,
            gzip: options.gzip,
            metrics,
            redis: options.redis_pid,
        })
    }

    /// Returns the server of this turn: each turn has the next one.
    pub(super) fn server(&self, turn: u32) -> Result<&Server, Failure> {
        let index = usize::try_from(turn)? % self.servers.len().max(1);
        self.servers
            .get(index)
            .ok_or_else(|| "there is no URL".into())
    }

    /// Returns the path and the query of a subscription, for everybody or for one user.
    pub(super) fn subscription(&self, user: Option<u32>) -> String {
        let topic = utf8_percent_encode(&self.topic, NON_ALPHANUMERIC);
        match user {
            Some(user) => format!("/events?topic={topic}&user={}", user_name(user)),
            None => format!("/events?topic={topic}"),
        }
    }

    /// Returns the request of a stream to `server`, after the event with `last_event_id` if it is
    /// not empty.
    pub(super) fn request(
        &self,
        server: &Server,
        path: &str,
        last_event_id: &str,
    ) -> Result<Request<Empty<Bytes>>, Failure> {
        let mut request = Request::get(path).header("host", &server.host);
        let resume = headers::last_event_id(last_event_id);
        for (name, value) in headers::REQUEST.into_iter().chain(resume) {
            request = request.header(name, value);
        }
        if self.gzip {
            request = request.header("accept-encoding", "gzip");
        }
        let mut request = request.body(Empty::new())?;
        header::replace(request.headers_mut(), &self.headers);
        Ok(request)
    }
}

/// Returns the name of the user that a subscriber is.
pub(super) fn user_name(user: u32) -> String {
    format!("user-{user}")
}

fn parse(url: &str, allows_remote: bool) -> Result<(Server, String), Failure> {
    let HttpUrl { host, path } = url::parse(url)?;
    let addresses = host.to_socket_addrs();
    let mut addresses = addresses.map_err(|error| format!("{host}: {error}"))?;
    let address = addresses
        .next()
        .ok_or_else(|| format!("{host} has no address"))?;
    if !address.ip().is_loopback() && !allows_remote {
        return Err(format!("{address} is not a loopback address; allow it with --remote").into());
    }
    Ok((Server { address, host }, path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_addresses_are_allowed() {
        let (server, path) = parse("http://127.0.0.1:8081/metrics", false).unwrap();
        assert_eq!(
            (server.host.as_str(), path.as_str()),
            ("127.0.0.1:8081", "/metrics")
        );
        assert!(parse("http://[::1]:80", false).is_ok());
        let error = parse("http://192.0.2.1:8080", false)
            .unwrap_err()
            .to_string();
        assert!(error.contains("--remote"), "{error}");
        assert!(parse("http://192.0.2.1:8080", true).is_ok());
    }
}
