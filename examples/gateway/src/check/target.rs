//! Where requests go: the parts of a URL, and the headers that each request has.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1::{Connection, SendRequest, handshake};
use hyper::header::{HOST, HeaderMap, HeaderValue};
use hyper::{Method, Request, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::cookies::Cookies;
use crate::header::{self, Header, header};
use crate::url::{self, HttpUrl};

/// A URL of `http`, with the headers of the user, and the cookies of the run.
#[derive(Clone, Debug)]
pub(super) struct Target {
    address: String,
    host: HeaderValue,
    path: Uri,
    headers: Vec<Header>,
    cookies: Cookies,
}

impl Target {
    /// Parses a URL and the headers, `Name: value` each.
    pub(super) fn new(url: &str, headers: &[String], cookies: &Cookies) -> Result<Self, String> {
        let HttpUrl { host, path } = url::parse(url)?;
        let headers = headers.iter().map(|header| header::parse(header));
        Ok(Self {
            host: HeaderValue::from_str(&host).map_err(|_| format!("{url}: invalid host"))?,
            address: host,
            path: path
                .parse()
                .map_err(|error| format!("{url}: invalid path: {error}"))?,
            headers: headers.collect::<Result<_, _>>()?,
            cookies: cookies.clone(),
        })
    }

    /// Adds headers, in place of those of the same names.
    pub(super) fn with_headers(mut self, headers: &[String]) -> Result<Self, String> {
        let added = headers.iter().map(|header| header::parse(header));
        let added: Vec<Header> = added.collect::<Result<_, _>>()?;
        self.headers
            .retain(|(name, _)| added.iter().all(|(other, _)| other != name));
        self.headers.extend(added);
        Ok(self)
    }

    /// Stores the cookies of a response, for the later requests of the run.
    pub(super) fn store_cookies(&self, response: &HeaderMap) {
        self.cookies.store(self.cookie_host(), response);
    }

    /// Returns the name of the host: cookies do not depend on the port.
    fn cookie_host(&self) -> &str {
        let colon = self.address.rsplit_once(':');
        colon.map_or(&self.address, |(name, _)| name)
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

    /// Makes a request with the headers of the user, which replace those in `defaults`, and with the
    /// cookies.
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
        header::replace(request.headers_mut(), &self.headers);
        self.cookies.add(self.cookie_host(), request.headers_mut());
        Ok(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_and_headers_are_validated() {
        assert!(Target::new("/events", &[], &Cookies::default()).is_err());
        for header in ["none", "a b: c", "a: \u{1}"] {
            let headers = [header.to_owned()];
            assert!(Target::new("http://localhost", &headers, &Cookies::default()).is_err());
        }
    }

    #[test]
    fn headers_that_are_added_replace_those_of_the_same_name() {
        let headers = ["a: 1".to_owned(), "b: 2".to_owned()];
        let target = Target::new("http://localhost", &headers, &Cookies::default());
        let target = target.expect("a URL");
        assert!(target.clone().with_headers(&["none".to_owned()]).is_err());
        let target = target.with_headers(&["A: 3".to_owned()]).expect("a header");
        let request = target.request(Method::POST, &[], Bytes::new());
        let request = request.expect("a request");
        let values = ["a", "b"].map(|name| &request.headers()[name]);
        assert_eq!(values, ["3", "2"]);
        assert_eq!(request.headers().get_all("a").iter().count(), 1);
    }

    #[test]
    fn headers_of_the_user_replace_defaults() {
        let headers = ["Accept: a".to_owned(), "accept: b".to_owned()];
        let target = Target::new("http://localhost", &headers, &Cookies::default()).expect("a URL");
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
