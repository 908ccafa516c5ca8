//! Reads and sets the cookies of sessions and streams (RFC 6265).

use axum::http::{HeaderMap, HeaderValue, header};

use super::origin;

/// A cookie of the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cookie {
    /// An access token, for all requests of a page.
    Session,
    /// A stream token, with which a stream that began with a ticket reconnects.
    Stream,
}

impl Cookie {
    /// Returns the name and the path. A browser accepts a name with a prefix only together with `Secure`.
    const fn name_and_path(self, is_secure: bool) -> (&'static str, &'static str) {
        match (self, is_secure) {
            (Self::Session, true) => ("__Host-session", "/"),
            (Self::Session, false) => ("session", "/"),
            (Self::Stream, true) => ("__Secure-stream", "/events"),
            (Self::Stream, false) => ("stream", "/events"),
        }
    }

    /// Returns the values that a request has for the cookie; several if a page of another host has set one.
    pub fn values(self, headers: &HeaderMap) -> impl Iterator<Item = &str> {
        let (name, _) = self.name_and_path(is_secure(headers));
        let all = headers.get_all(header::COOKIE).into_iter();
        let pairs = all.filter_map(|value| value.to_str().ok());
        let pairs = pairs.flat_map(|pairs| pairs.split(';'));
        pairs.filter_map(move |pair| {
            let (key, value) = pair.trim().split_once('=')?;
            (key == name).then_some(value)
        })
    }

    /// Returns the header that sets the cookie for some seconds; an empty value removes it.
    pub fn set(self, headers: &HeaderMap, value: &str, seconds: u64) -> Option<HeaderValue> {
        let is_secure = is_secure(headers);
        let (name, path) = self.name_and_path(is_secure);
        let secure = if is_secure { "; Secure" } else { "" };
        let cookie = format!(
            "{name}={value}; Path={path}; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}"
        );
        HeaderValue::from_str(&cookie).ok()
    }
}

/// Not every browser takes a secure cookie from a server of the same machine.
fn is_secure(headers: &HeaderMap) -> bool {
    !origin::is_loopback(headers)
}
