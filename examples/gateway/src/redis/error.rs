//! What goes wrong with Redis, in the words of an operator.

use std::sync::{Mutex, PoisonError};

use axum::http::StatusCode;
use redis::{ErrorKind, RedisError};

use crate::refusal::Refusal;

/// The error of what needs Redis while it is away, or does not take it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unavailable {
    /// What a client may know.
    pub reason: &'static str,
}

/// Why a session could not begin, or ended.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) reason: String,
    /// Whether waiting does not help: the options or the data of Redis must change.
    pub(super) is_final: bool,
}

/// What was logged last, so that the same is not logged again.
#[derive(Debug, Default)]
pub(super) struct Complaints(Mutex<Option<String>>);

impl Unavailable {
    /// There is no connection.
    pub const AWAY: Self = Self {
        reason: "Redis is away",
    };
    /// It is unknown whether Redis has done what it was told.
    pub(super) const UNKNOWN: Self = Self {
        reason: "Redis did not answer; send the request again, an event with its Idempotency-Key",
    };
    /// Redis has refused.
    pub(super) const REFUSED: Self = Self {
        reason: "Redis does not accept it now",
    };
}

impl From<Unavailable> for Refusal {
    fn from(unavailable: Unavailable) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, unavailable.reason).retry_after(1)
    }
}

impl Failure {
    pub(super) fn new(reason: impl Into<String>) -> Self {
        let (reason, is_final) = (reason.into(), false);
        Self { reason, is_final }
    }
}

impl From<RedisError> for Failure {
    fn from(error: RedisError) -> Self {
        let is_final = match error.kind() {
            ErrorKind::InvalidClientConfig => true,
            _ => is_wrong_password(&error) || has_code(&error, &["MOVED", "NOPERM", "WRONGTYPE"]),
        };
        let reason = describe(&error);
        Self { reason, is_final }
    }
}

impl Complaints {
    /// Logs what does not work and why, unless it is what was logged last.
    pub(super) fn log(&self, what: &str, reason: &str) {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if last.as_deref() != Some(reason) {
            tracing::warn!(reason, "{what}");
            *last = Some(reason.to_owned());
        }
    }

    /// Forgets what went wrong, since it works again.
    pub(super) fn clear(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// Returns whether Redis, or a script in it, has answered with one of these codes.
pub(super) fn has_code(error: &RedisError, codes: &[&str]) -> bool {
    let text = error.to_string();
    codes
        .iter()
        .any(|code| error.code() == Some(code) || text.contains(&format!("{code} ")))
}

fn is_wrong_password(error: &RedisError) -> bool {
    let is_kind = error.kind() == ErrorKind::AuthenticationFailed;
    is_kind || has_code(error, &["WRONGPASS", "NOAUTH"])
}

/// Returns whether Redis is a replica, and another one may have taken over.
pub(super) fn is_replica(error: &RedisError) -> bool {
    has_code(error, &["READONLY"])
}

/// Says what went wrong, without what only an author of scripts can use.
pub(super) fn describe(error: &RedisError) -> String {
    let hint = match error {
        error if is_replica(error) => "it is a replica, which takes no events: ",
        error if has_code(error, &["OOM"]) => "it is out of memory (maxmemory): ",
        error if has_code(error, &["WRONGTYPE"]) => "another program uses a key of --redis-key: ",
        error if has_code(error, &["MOVED"]) => {
            "another node of the cluster has the log; its address must be in the URL: "
        }
        error if is_wrong_password(error) => "the password is wrong or missing: ",
        error if error.is_timeout() => "no answer in time: ",
        _ => "",
    };
    let text = match (error.code(), error.detail()) {
        (Some(code), Some(detail)) => format!("{code} {detail}"),
        _ => error.to_string(),
    };
    let text = text.split(" script: ").next().unwrap_or_default();
    format!("{hint}{text}")
}
