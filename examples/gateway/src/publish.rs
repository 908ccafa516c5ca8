//! `POST /publish`: checks an event, publishes it once, and answers with its ID.

use std::borrow::Cow;
use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{json, value::RawValue};
use sse_wire::Outgoing;

use crate::app::App;
use crate::auth::{Principal, Rights};
use crate::body;
use crate::hub::{Ended, Message};
use crate::idempotency::Failure;
use crate::names::{self, DONE};
use crate::refusal::Refusal;

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
    let principal = app.auth.authenticate(request.method(), request.headers());
    let id = body::answer(&app, request, async |headers, body| {
        answer(&app, &principal?, headers, body).await
    });
    let id = id.await?;
    Ok((StatusCode::CREATED, Json(json!({ "id": id }))).into_response())
}

async fn answer(
    app: &App,
    principal: &Principal,
    headers: &HeaderMap,
    body: &mut Body,
) -> Result<String, Refusal> {
    if !app.is_ready() {
        let reason = "the server shuts down; send the event again, with an Idempotency-Key";
        return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, reason).retry_after(1));
    }
    let key = key(headers)?;
    let body = body::read_json(app, headers, body).await?;
    // The body may have come long after the head.
    app.auth.check_again(principal)?;
    let publish = || publish_body(app, &principal.rights, &body);
    let Some(key) = key else {
        return publish();
    };
    // The keys of one user say nothing to another.
    let user = principal.user.as_deref().unwrap_or_default();
    let published = app.keys.once(&format!("{user}\n{key}"), &body, publish);
    published.map_err(|failure| match failure {
        Failure::NotPublished(refusal) => refusal,
        Failure::Conflict => {
            let reason = "this Idempotency-Key was used for another event";
            Refusal::new(StatusCode::CONFLICT, reason)
        }
    })
}

fn publish_body(app: &App, rights: &Rights, body: &[u8]) -> Result<String, Refusal> {
    let event: Event<'_> = body::parse(body, "the body is not an event")?;
    names::check("topic", &event.topic)?;
    if !rights.may_publish(&event.topic) {
        return Err(Refusal::forbidden());
    }
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
