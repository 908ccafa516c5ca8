//! `POST /publish`: checks an event, publishes it once, and answers with its ID.

use std::borrow::Cow;
use std::sync::Arc;

use axum::Json;
use axum::body::{Body, HttpBody};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::Deserialize;
use serde_json::{json, value::RawValue};
use sse_wire::Outgoing;

use crate::app::App;
use crate::hub::{Ended, Message};
use crate::idempotency::Failure;
use crate::names::{self, DONE};
use crate::refusal::Refusal;

/// The longest body, in bytes.
const MAX_BODY: usize = 64 << 10;
/// The most that is read of a body that was refused.
const MAX_DISCARDED: usize = 16 << 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Event<'a> {
    #[serde(borrow)]
    topic: Cow<'a, str>,
    #[serde(borrow)]
    r#type: Option<Cow<'a, str>>,
    #[serde(borrow)]
    user: Option<Cow<'a, str>>,
    #[serde(borrow)]
    data: &'a RawValue,
}

/// Publishes the event in the body of a request.
pub async fn publish(State(app): State<Arc<App>>, request: Request) -> Result<Response, Refusal> {
    let (head, mut body) = request.into_parts();
    let timeout = app.options.request_timeout;
    match answer(&app, &head.headers, &mut body).await {
        Ok(id) => Ok((StatusCode::CREATED, Json(json!({ "id": id }))).into_response()),
        Err(refusal) => {
            // A client that waits for `100 Continue` sends no body, and one that was too slow does not
            // become faster.
            let is_waiting = head.headers.contains_key(header::EXPECT);
            if !is_waiting && refusal.status != StatusCode::REQUEST_TIMEOUT {
                let _ = tokio::time::timeout(timeout, discard(body)).await;
            }
            Err(refusal)
        }
    }
}

async fn answer(app: &App, headers: &HeaderMap, body: &mut Body) -> Result<String, Refusal> {
    if !app.is_ready() {
        let reason = "the server shuts down; send the event again, with an Idempotency-Key";
        return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, reason).retry_after(1));
    }
    if !is_json(headers) {
        let reason = "send the event with content-type: application/json";
        return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, reason));
    }
    let key = key(headers)?;
    let read = tokio::time::timeout(app.options.request_timeout, read(body));
    let body = read.await.map_err(|_| {
        let reason = "the body was not received in time";
        Refusal::new(StatusCode::REQUEST_TIMEOUT, reason)
    })??;
    let Some(key) = key else {
        return publish_body(app, &body);
    };
    let published = app.keys.once(key, &body, || publish_body(app, &body));
    published.map_err(|failure| match failure {
        Failure::NotPublished(refusal) => refusal,
        Failure::Conflict => {
            let reason = "this Idempotency-Key was used for another event";
            Refusal::new(StatusCode::CONFLICT, reason)
        }
    })
}

fn publish_body(app: &App, body: &[u8]) -> Result<String, Refusal> {
    let event: Event<'_> = serde_json::from_slice(body)
        .map_err(|error| Refusal::bad_request(format!("the body is not an event: {error}")))?;
    // serde would take an array for the fields in their order.
    if !body.trim_ascii_start().starts_with(b"{") {
        return Err(Refusal::bad_request("the body is not a JSON object"));
    }
    names::check("topic", &event.topic)?;
    if let Some(user) = &event.user {
        names::check("user", user)?;
    }
    let data = text_of(event.data)?;
    let mut outgoing = Outgoing::message(&data);
    if let Some(name) = &event.r#type {
        outgoing = outgoing.event_type(names::event_type(name)?);
    }
    let is_last = event.r#type.as_deref() == Some(DONE);
    if is_last && event.user.is_some() {
        let reason = "done ends a topic for everybody; publish it without a user";
        return Err(Refusal::bad_request(reason));
    }
    let message = Message {
        topic: &event.topic,
        user: event.user.as_deref(),
        event: outgoing,
        is_last,
    };
    let published = app.hub.publish(&message, app.now()).map_err(|Ended| {
        let reason = format!("the topic {:?} has ended", event.topic);
        Refusal::new(StatusCode::CONFLICT, reason)
    })?;
    app.metrics.published(&published);
    Ok(published.id)
}

/// A string is sent as the text that it is, anything else as the JSON that it is.
fn text_of(data: &RawValue) -> Result<Cow<'_, str>, Refusal> {
    if !data.get().starts_with('"') {
        return Ok(Cow::Borrowed(data.get()));
    }
    let text = serde_json::from_str::<Cow<'_, str>>(data.get());
    text.map_err(|error| Refusal::bad_request(format!("data: {error}")))
}

fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = content_type.and_then(|value| value.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

fn key(headers: &HeaderMap) -> Result<Option<&str>, Refusal> {
    let mut keys = headers.get_all("idempotency-key").iter();
    let Some(key) = keys.next() else {
        return Ok(None);
    };
    let is_valid = |key: &&str| (1..=names::MAX_LEN).contains(&key.len());
    match key.to_str().ok().filter(is_valid) {
        Some(key) if keys.next().is_none() => Ok(Some(key)),
        _ => {
            let max = names::MAX_LEN;
            let reason =
                format!("Idempotency-Key must be one value of 1 to {max} ASCII characters");
            Err(Refusal::bad_request(reason))
        }
    }
}

async fn read(body: &mut Body) -> Result<Bytes, Refusal> {
    let reason = format!("the body is longer than {MAX_BODY} bytes");
    let too_long = Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, reason);
    // Before the client is told to send it.
    if body.size_hint().lower() > MAX_BODY as u64 {
        return Err(too_long);
    }
    match Limited::new(body, MAX_BODY).collect().await {
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
