//! Where requests go: the parts of a URL, and the headers that each request has.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1::{Connection, SendRequest, handshake};
use hyper::header::{HOST, HeaderName, HeaderValue};
use hyper::{Method, Request, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::url::{self, HttpUrl};

/// A URL of `http`, with the headers of the user.
#[derive(Clone, Debug)]
pub(super) struct Target {
    address: String,
    host: HeaderValue,
    path: Uri,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Target {
    /// Parses a URL and the headers, `Name: value` each.
    pub(super) fn new(url: &str, headers: &[String]) -> Result<Self, String> {
        let HttpUrl { host, path } = url::parse(url)?;
        let headers = headers.iter().map(|header| parse_header(header));
        Ok(Self {
            host: HeaderValue::from_str(&host).map_err(|_| format!("{url}: invalid host"))?,
            address: host,
            path: path
                .parse()
                .map_err(|error| format!("{url}: invalid path: {error}"))?,
            headers: headers.collect::<Result<_, _>>()?,
        })
    }

    /// Connects within `limit`.
    pub(super) async fn connect(
        &self,
        limit: Duration,
    ) -> io::Result<(
        SendRequest<Full<Bytes>>,
        Connection<TokioIo<TcpStream>, Full<Bytes>>,
    )> {
        let connecting = async {
            let stream = TcpStream::connect(&self.address).await?;
            stream.set_nodelay(true)?;
            handshake(TokioIo::new(stream))
                .await
                .map_err(io::Error::other)
        };
        match timeout(limit, connecting).await {
            Ok(connected) => connected,
            Err(_) => Err(io::Error::from(io::ErrorKind::TimedOut)),
        }
    }

    /// Makes a request with the headers of the user, which replace those in `defaults`.
    pub(super) fn request(
        &self,
        method: Method,
        defaults: &[(&str, &str)],
        body: Bytes,
    ) -> Result<Request<Full<Bytes>>, String> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = self.path.clone();
        request.headers_mut().insert(HOST, self.host.clone());
        for (name, value) in defaults {
            let (name, value) = header(name, value)?;
            request.headers_mut().insert(name, value);
        }
        for (name, _) in &self.headers {
            request.headers_mut().remove(name);
        }
        for (name, value) in &self.headers {
            request.headers_mut().append(name, value.clone());
        }
        Ok(request)
    }
}

fn parse_header(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let (name, value) = text
        .split_once(':')
        .ok_or_else(|| format!("header {text:?} has no colon"))?;
    header(name.trim(), value.trim())
}

fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), String> {
    let parsed_name = name
        .parse()
        .map_err(|_| format!("invalid header name {name:?}"))?;
    // Not `from_str`, which rejects what is not ASCII: an ID is sent as UTF-8.
    let parsed_value = HeaderValue::from_bytes(value.as_bytes())
        .map_err(|_| format!("invalid value of the header {name}"))?;
    Ok((parsed_name, parsed_value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_and_headers_are_validated() {
        assert!(Target::new("/events", &[]).is_err());
        for header in ["none", "a b: c", "a: \u{1}"] {
            let headers = [header.to_owned()];
            assert!(Target::new("http://localhost", &headers).is_err());
        }
    }

    #[test]
    fn headers_of_the_user_replace_defaults() {
        let headers = ["Accept: a".to_owned(), "accept: b".to_owned()];
        let target = Target::new("http://localhost", &headers).expect("a URL");
        let defaults = [("accept", "default"), ("last-event-id", "ü")];
        let request = target.request(Method::GET, &defaults, Bytes::new());
        let request = request.expect("a request");
        let accepted: Vec<_> = request.headers().get_all("accept").iter().collect();
        assert_eq!(accepted, ["a", "b"]);
        assert_eq!(
            request.headers()["last-event-id"].as_bytes(),
            "ü".as_bytes()
        );
    }
}
