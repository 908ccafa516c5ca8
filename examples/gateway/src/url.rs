//! The parts of a URL of `http`.

use hyper::Uri;

/// A URL of `http`, as it is requested.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HttpUrl {
    /// Name or address, and port.
    pub(crate) host: String,
    /// Path and query.
    pub(crate) path: String,
}

/// Parses a URL.
pub(crate) fn parse(url: &str) -> Result<HttpUrl, String> {
    let uri: Uri = url
        .parse()
        .map_err(|error| format!("invalid URL {url:?}: {error}"))?;
    match uri.scheme_str() {
        Some("http") => {}
        Some("https") => {
            return Err(format!(
                "{url}: https is not supported; use the server behind its TLS proxy"
            ));
        }
        _ => return Err(format!("{url}: a URL begins with http://")),
    }
    let authority = uri
        .authority()
        .ok_or_else(|| format!("{url}: the host is missing"))?;
    let port = authority.port_u16().unwrap_or(80);
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    Ok(HttpUrl {
        host: format!("{}:{port}", authority.host()),
        path: path.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_has_host_port_and_path() {
        for (url, host, path) in [
            (
                "http://localhost/events?topic=a",
                "localhost:80",
                "/events?topic=a",
            ),
            ("http://[::1]:81", "[::1]:81", "/"),
            (
                "http://127.0.0.1:8081/metrics",
                "127.0.0.1:8081",
                "/metrics",
            ),
        ] {
            let parsed = parse(url).expect("a URL");
            assert_eq!((&*parsed.host, &*parsed.path), (host, path));
        }
        for url in [
            "",
            "/events",
            "https://localhost/",
            "ftp://localhost",
            "127.0.0.1:8080",
        ] {
            assert!(parse(url).is_err(), "{url}");
        }
    }
}
