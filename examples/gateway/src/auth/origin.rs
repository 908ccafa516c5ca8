//! Where a request comes from, as its browser says.

use std::net::IpAddr;

use axum::http::{HeaderMap, header};

/// Returns whether the request comes from a page of this server. One that does not say is from no page.
///
/// A page cannot choose these headers.
pub fn is_same(headers: &HeaderMap) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin";
    }
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let (Some(origin), Some(host)) = (text(header::ORIGIN), text(header::HOST)) else {
        return false;
    };
    // A proxy may have ended TLS, so that the scheme is not known here.
    let authority = origin
        .strip_prefix("https://")
        .or_else(|| origin.strip_prefix("http://"));
    authority.is_some_and(|authority| authority.eq_ignore_ascii_case(host))
}

/// Returns whether the request comes from a page of another server.
pub fn is_other(headers: &HeaderMap) -> bool {
    let says = headers.contains_key("sec-fetch-site") || headers.contains_key(header::ORIGIN);
    // Somebody may have typed the address.
    let is_typed = headers
        .get("sec-fetch-site")
        .is_some_and(|site| site == "none");
    says && !is_typed && !is_same(headers)
}

/// Returns whether the client knows the server by a name of this machine.
pub fn is_loopback(headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST);
    let host = host.and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next(),
        None => host.split(':').next(),
    };
    let name = name.unwrap_or_default();
    name.eq_ignore_ascii_case("localhost")
        || name
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs = pairs.iter().map(|(name, value)| {
            let name = axum::http::HeaderName::from_static(name);
            (name, value.parse().expect("a value"))
        });
        pairs.collect()
    }

    #[test]
    fn only_a_page_of_this_server_has_the_same_origin() {
        let host = ("host", "example.org");
        for (header, same, other) in [
            (("sec-fetch-site", "same-origin"), true, false),
            (("sec-fetch-site", "same-site"), false, true),
            (("sec-fetch-site", "cross-site"), false, true),
            (("sec-fetch-site", "none"), false, false),
            (("origin", "https://example.org"), true, false),
            (("origin", "http://Example.org"), true, false),
            (("origin", "https://example.org:8443"), false, true),
            (("origin", "https://evil.example.org"), false, true),
            (("origin", "https://example.org.evil.example"), false, true),
            (("origin", "null"), false, true),
            (("origin", "example.org"), false, true),
            (("accept", "*/*"), false, false),
        ] {
            let headers = headers(&[host, header]);
            assert_eq!(
                (is_same(&headers), is_other(&headers)),
                (same, other),
                "{header:?}"
            );
        }
        let both = [
            ("origin", "http://example.org"),
            ("sec-fetch-site", "cross-site"),
            host,
        ];
        assert!(!is_same(&headers(&both)));
        assert!(!is_same(&headers(&[("origin", "https://")])));
    }

    #[test]
    fn names_of_this_machine_are_loopback() {
        for host in [
            "localhost",
            "LOCALHOST:8080",
            "127.0.0.1",
            "127.1.2.3:1",
            "[::1]:8080",
        ] {
            assert!(is_loopback(&headers(&[("host", host)])), "{host}");
        }
        for host in [
            "",
            "localhost.example.org",
            "10.0.0.1",
            "[::2]:1",
            "127.0.0.1.nip.io",
            "::1",
        ] {
            assert!(!is_loopback(&headers(&[("host", host)])), "{host}");
        }
    }
}
