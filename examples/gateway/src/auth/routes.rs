//! `/login`, `/session` and `/ticket`: from a password to a token, and from a token to a ticket.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Deserialize;
use serde_json::{Value, json};

use super::cookies::Cookie;
use super::issue::{Issued, TICKET_LIFETIME};
use super::origin;
use super::tokens::{now, seconds};
use crate::app::App;
use crate::body;
use crate::connection::Connection;
use crate::refusal::Refusal;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Login {
    name: String,
    password: String,
}

/// `POST /login`: name and password for a token, which is also set as the cookie of the session.
pub async fn login(
    State(app): State<Arc<App>>,
    Extension(connection): Extension<Arc<Connection>>,
    request: Request,
) -> Result<Response, Refusal> {
    body::answer(&app, request, async |headers, body| {
        // A page of another server would log its visitors in, as a user of its own.
        if origin::is_other(headers) {
            return Err(Refusal::forbidden());
        }
        let address = app.address_of_client(headers, &connection);
        log_in(&app, headers, body, address).await
    })
    .await
}

async fn log_in(
    app: &App,
    headers: &HeaderMap,
    body: &mut Body,
    address: std::net::IpAddr,
) -> Result<Response, Refusal> {
    let auth = &app.auth;
    auth.tokens(headers)?.ok_or_else(no_authentication)?;
    let body = body::read_json(app, headers, body).await?;
    let Login { name, password } = body::parse(&body, "the body has no name and password")?;
    auth.attempts
        .count(address, Instant::now())
        .map_err(|wait| {
            app.metrics.login("limited");
            let reason = "too many logins from this address";
            let seconds = u32::try_from(wait.as_secs()).unwrap_or(u32::MAX);
            Refusal::new(StatusCode::TOO_MANY_REQUESTS, reason)
                .retry_after(seconds.saturating_add(1))
        })?;
    let Some(passwords) = &auth.passwords else {
        return Err(Refusal::unauthorized());
    };
    let rights = passwords.verify(name.clone(), password).await;
    let rights = rights.map_err(|_| {
        app.metrics.login("busy");
        let reason = "too many logins at a time";
        Refusal::new(StatusCode::SERVICE_UNAVAILABLE, reason).retry_after(2)
    })?;
    let Some(rights) = rights else {
        app.metrics.login("failed");
        return Err(Refusal::unauthorized());
    };
    app.metrics.login("succeeded");
    let answer = auth.issue(&name, rights)?;
    Ok(answer.respond(headers, true, &[]))
}

/// `POST /session`: renews the running streams of the user, and the token if it came from a login.
pub async fn renew(State(app): State<Arc<App>>, request: Request) -> Result<Response, Refusal> {
    let headers = request.headers();
    let principal = app.auth.authenticate(request.method(), headers)?;
    let user = principal.user.clone().ok_or_else(no_authentication)?;
    let issued = app.auth.reissue(&principal)?;
    let (rights, expiry) = match &issued {
        Some(issued) => (&issued.rights, issued.expiry),
        None => (&principal.rights, principal.expiry.unwrap_or_default()),
    };
    let streams = app.streams.renew(&user, rights, expiry - now());
    if let Some(redis) = &app.redis {
        redis.renew(&user, rights, expiry).await?;
    }
    let streams = [("streams", json!(streams))];
    Ok(match issued {
        Some(issued) => issued.respond(headers, principal.has_cookie, &streams),
        None => {
            let [(name, value)] = streams;
            let fields = json!({ "expires_in": seconds(expiry - now()), name: value });
            respond(StatusCode::OK, fields)
        }
    })
}

/// `DELETE /session`: ends the streams of the user; its tokens until now are void.
pub async fn log_out(State(app): State<Arc<App>>, request: Request) -> Result<Response, Refusal> {
    let headers = request.headers();
    let principal = app.auth.authenticate(request.method(), headers)?;
    let user = principal.user.ok_or_else(no_authentication)?;
    // The clock of who has issued the token may be ahead.
    let time = now().max(principal.since);
    if let Some(redis) = &app.redis {
        // First, so that the user can try again if it fails.
        redis.log_out(&user, time, principal.since).await?;
    }
    app.auth.logouts.add(&user, time);
    app.streams.end(&user);
    let mut response = respond(StatusCode::NO_CONTENT, Value::Null);
    for cookie in [Cookie::Session, Cookie::Stream] {
        set_cookie(&mut response, cookie.set(headers, "", 0));
    }
    Ok(response)
}

/// `POST /ticket`: a ticket for the URL of one stream.
pub async fn ticket(State(app): State<Arc<App>>, request: Request) -> Result<Response, Refusal> {
    let headers = request.headers();
    let principal = app.auth.authenticate(request.method(), headers)?;
    let tokens = app.auth.tokens(headers)?.ok_or_else(no_authentication)?;
    let ticket = app.auth.ticket(tokens, principal).await?;
    let fields = json!({ "ticket": ticket, "expires_in": seconds(TICKET_LIFETIME) });
    Ok(respond(StatusCode::CREATED, fields))
}

impl Issued {
    fn respond(&self, headers: &HeaderMap, has_cookie: bool, more: &[(&str, Value)]) -> Response {
        let seconds = seconds(self.expiry - now());
        let mut fields = json!({ "token": self.token, "expires_in": seconds });
        for (name, value) in more {
            fields[*name] = value.clone();
        }
        let mut response = respond(StatusCode::OK, fields);
        if has_cookie {
            set_cookie(
                &mut response,
                Cookie::Session.set(headers, &self.token, seconds),
            );
        }
        response
    }
}

fn respond(status: StatusCode, fields: Value) -> Response {
    let mut response = match fields {
        Value::Null => status.into_response(),
        fields => (status, Json(fields)).into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn set_cookie(response: &mut Response, cookie: Option<HeaderValue>) {
    if let Some(cookie) = cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
}

pub(super) fn no_authentication() -> Refusal {
    let reason = "the server runs without authentication";
    Refusal::new(StatusCode::NOT_FOUND, reason)
}
