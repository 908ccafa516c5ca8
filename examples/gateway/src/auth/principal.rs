//! Who sends a request, or why it is not served.

use std::sync::Arc;

use axum::http::HeaderValue;

use super::rights::Rights;
use super::tokens::{Invalid, now};
use crate::redis::Unavailable;
use crate::refusal::Refusal;

/// Who sends a request.
#[derive(Debug, Clone)]
pub struct Principal {
    /// Its name; `None` without authentication.
    pub user: Option<Arc<str>>,
    /// What it may do.
    pub rights: Rights,
    /// When its token expires, in seconds since 1970.
    pub expiry: Option<f64>,
    /// The cookie with which its stream reconnects.
    pub cookie: Option<HeaderValue>,
    pub(super) auth_time: Option<f64>,
    /// Since when it has been logged in, in seconds since 1970: a later logout voids what it has, and
    /// whatever it was given for that.
    pub(super) since: f64,
    pub(super) has_cookie: bool,
}

/// Why a stream is not served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Denied {
    /// The request is refused.
    Refused(Refusal),
    /// The user has logged out, and should not return.
    LoggedOut,
    /// Redis is away, where the ticket is.
    Away,
}

impl Principal {
    /// Whoever reaches a server without authentication.
    pub(super) fn anybody() -> Self {
        Self {
            user: None,
            rights: Rights::all(),
            expiry: None,
            cookie: None,
            auth_time: None,
            since: now(),
            has_cookie: false,
        }
    }

    pub(super) fn is(&self, user: &str) -> bool {
        self.user.as_deref() == Some(user)
    }
}

impl From<Refusal> for Denied {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Denied> for Refusal {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Refused(refusal) => refusal,
            Denied::LoggedOut => Self::unauthorized(),
            Denied::Away => Unavailable::AWAY.into(),
        }
    }
}

impl From<Invalid> for Denied {
    fn from(_: Invalid) -> Self {
        Self::Refused(Refusal::unauthorized())
    }
}
