//! Reads the JSON bodies of requests, within limits of length and time.

use std::sync::Arc;

use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::Deserialize;

use crate::app::App;
use crate::refusal::Refusal;

/// The longest body, in bytes.
const MAX: usize = 64 << 10;
/// The most that is read of a body that was refused.
const MAX_DISCARDED: usize = 16 << 20;

/// Answers a request that has a body; what is left of it is read after a refusal.
pub async fn answer<T>(
    app: &Arc<App>,
    request: Request,
    answer: impl AsyncFnOnce(&HeaderMap, &mut Body) -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    let (head, mut body) = request.into_parts();
    let answered = answer(&head.headers, &mut body).await;
    if let Err(refusal) = &answered {
        // A client that waits for `100 Continue` sends no body, and one that was too slow does not
        // become faster.
        let is_waiting = head.headers.contains_key(header::EXPECT);
        if !is_waiting && refusal.status != StatusCode::REQUEST_TIMEOUT {
            let timeout = app.options.request_timeout;
            let _ = tokio::time::timeout(timeout, discard(body)).await;
        }
    }
    answered
}

/// Reads a body that is JSON.
pub async fn read_json(app: &App, headers: &HeaderMap, body: &mut Body) -> Result<Bytes, Refusal> {
    if !is_json(headers) {
        return Err(not_json());
    }
    let read = tokio::time::timeout(app.options.request_timeout, read(body));
    read.await.map_err(|_| {
        let reason = "the body was not received in time";
        Refusal::new(StatusCode::REQUEST_TIMEOUT, reason)
    })?
}

/// Parses a JSON object; `reason` says what it is not.
pub fn parse<'a, T: Deserialize<'a>>(body: &'a [u8], reason: &str) -> Result<T, Refusal> {
    let parsed = serde_json::from_slice(body)
        .map_err(|error| Refusal::bad_request(format!("{reason}: {error}")))?;
    // serde would take an array for the fields in their order.
    if !body.trim_ascii_start().starts_with(b"{") {
        return Err(Refusal::bad_request("the body is not a JSON object"));
    }
    Ok(parsed)
}

/// Returns whether a request says that its body is JSON, which a form of another page cannot say.
pub fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = content_type.and_then(|value| value.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

/// Returns the refusal of a body that is not JSON.
pub fn not_json() -> Refusal {
    let reason = "send the request with content-type: application/json";
    Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, reason)
}

async fn read(body: &mut Body) -> Result<Bytes, Refusal> {
    let reason = format!("the body is longer than {MAX} bytes");
    let too_long = Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, reason);
    // Before the client is told to send it.
    if body.size_hint().lower() > MAX as u64 {
        return Err(too_long);
    }
    match Limited::new(body, MAX).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_long),
        Err(error) => {
            let reason = format!("the body is incomplete: {error}");
            Err(Refusal::bad_request(reason))
        }
    }
}

/// Reads the rest of a body. A socket that is closed with unread bytes resets the connection, and the
/// client might not see the answer.
async fn discard(body: Body) {
    let mut body = Limited::new(body, MAX_DISCARDED);
    while let Some(Ok(_)) = body.frame().await {}
}
