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

use crate::app::App;
use crate::auth::{Principal, Rights};
use crate::body;
use crate::event::Event;
use crate::hub::Ended;
use crate::idempotency::Failure;
use crate::names;
use crate::redis::{Key, NotPublished};
use crate::refusal::Refusal;

/// The body of a request.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields<'a> {
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
) -> Result<Option<String>, Refusal> {
    if app.is_ending() {
        let reason = "the server shuts down; send the event again, with an Idempotency-Key";
        return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, reason).retry_after(1));
    }
    let key = key(headers)?;
    let body = body::read_json(app, headers, body).await?;
    // The body may have come long after the head.
    app.auth.check_again(principal)?;
    let fields: Fields<'_> = body::parse(&body, "the body is not an event")?;
    let data = text_of(fields.data)?;
    let event = Event {
        topic: &fields.topic,
        user: fields.user.as_deref(),
        event_type: fields.r#type.as_deref(),
        data: &data,
    };
    check(&event, &principal.rights)?;
    // The keys of one user say nothing to another.
    let user = principal.user.as_deref().unwrap_or_default();
    let key = key.map(|key| format!("{user}\n{key}"));
    let ended = || {
        let reason = format!("the topic {:?} has ended", event.topic);
        Refusal::new(StatusCode::CONFLICT, reason)
    };
    let conflict = || {
        let reason = "this Idempotency-Key was used for another event";
        Refusal::new(StatusCode::CONFLICT, reason)
    };
    if let Some(redis) = &app.redis {
        let body = &body;
        let key = key.as_deref().map(|key| Key { key, body });
        let published = redis.publish(&event, key).await;
        return published.map_err(|failure| match failure {
            NotPublished::Conflict => conflict(),
            NotPublished::Ended => ended(),
            NotPublished::Unavailable(unavailable) => unavailable.into(),
        });
    }
    let publish = || {
        let published = app.hub.publish(&event.message(), app.now());
        let published = published.map_err(|Ended| ended())?;
        app.metrics.published(&published);
        Ok(published.id)
    };
    let Some(key) = key else {
        return publish().map(Some);
    };
    let published = app.keys.once(&key, &body, publish).map(Some);
    published.map_err(|failure| match failure {
        Failure::NotPublished(refusal) => refusal,
        Failure::Conflict => conflict(),
    })
}

/// Checks that names are valid, and that the event may be published.
fn check(event: &Event<'_>, rights: &Rights) -> Result<(), Refusal> {
    names::check("topic", event.topic)?;
    if !rights.may_publish(event.topic) {
        return Err(Refusal::forbidden());
    }
    if let Some(user) = event.user {
        names::check("user", user)?;
    }
    if let Some(name) = event.event_type {
        names::event_type(name)?;
    }
    if event.is_last() && event.user.is_some() {
        let reason = "done ends a topic for everybody; publish it without a user";
        return Err(Refusal::bad_request(reason));
    }
    Ok(())
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
