//! `GET /events`: who may subscribe, to what, and from where.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sse_wire::headers::received_last_event_id;
use sse_wire::{InvalidLastEventId, LastEventId};

use crate::app::App;
use crate::auth::{Denied, Principal, now};
use crate::connection::{Connection, Reason};
use crate::hub::{Ended, Filter, Gap};
use crate::query::Query;
use crate::redis::CatchUp;
use crate::refusal::Refusal;
use crate::stream::{Events, Terms};
use crate::streams::{Admitted, Full, instant};
use crate::{busy, compression, per_subscriber};

/// The longest last event ID, in bytes.
const MAX_ID: usize = 64;

/// Subscribes to the topics of the query, and answers with the stream of their events.
pub async fn events(
    State(app): State<Arc<App>>,
    Extension(connection): Extension<Arc<Connection>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let query = Query::parse(query.as_deref().unwrap_or_default())?;
    let principal = app
        .auth
        .authenticate_stream(&headers, query.ticket.as_deref());
    let principal = match principal.await {
        Ok(principal) => principal,
        Err(Denied::Away) => {
            let id = last_event_id(&headers, &query).0.unwrap_or(None);
            app.metrics.busy(Full::Redis);
            return busy::response(Full::Redis, query.busy, id, &headers);
        }
        Err(denied) => return refuse(denied),
    };
    let cookie = principal.cookie.clone();
    let mut response = subscribe(&app, connection, principal, query, &headers)?;
    if let Some(cookie) = cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// Subscribes for a client that is authenticated, if it may.
fn subscribe(
    app: &Arc<App>,
    connection: Arc<Connection>,
    principal: Principal,
    query: Query,
    headers: &HeaderMap,
) -> Result<Response, Refusal> {
    let filter = allowed(&principal, &query.filter)?;
    let (id, has_others) = last_event_id(headers, &query);
    if !app.has_log() {
        app.metrics.busy(Full::Redis);
        return busy::response(Full::Redis, query.busy, id.unwrap_or(None), headers);
    }
    let address = app.address_of_client(headers, &connection);
    // A renewal can concern the stream as soon as it is admitted, and must come after this.
    let expiry = principal.expiry.map(|expiry| instant(expiry - now()));
    connection.expire(expiry);
    let (user, topics) = (filter.user.clone(), filter.topics.clone());
    let admitted = app.streams.admit(connection.clone(), address, user, topics);
    let admitted = match admitted {
        Ok(admitted) => admitted,
        Err(full) => {
            app.metrics.busy(full);
            return busy::response(full, query.busy, id.unwrap_or(None), headers);
        }
    };
    // A logout ends the streams that are admitted; this one may have come just before.
    if let Err(denied) = app.auth.check_again(&principal) {
        return refuse(denied);
    }
    let id = match id {
        Ok(id) if !has_others => id.map(LastEventId::as_str),
        // The client has some position: an empty ID is malformed, and reported as a gap.
        _ => Some(""),
    };
    let cut = connection.clone();
    let on_left_behind = move || cut.cut(Reason::LeftBehind);
    let (subscription, gap) = match app.hub.subscribe(filter, id, on_left_behind) {
        Ok(subscribed) => subscribed,
        Err(Ended) => return Ok(no_content()),
    };
    // What is not in memory may be in Redis.
    let is_unknown = matches!(gap, Some(Gap::Expired | Gap::Unknown | Gap::OtherEpoch));
    let redis = app
        .redis
        .as_ref()
        .filter(|redis| is_unknown && redis.has_history());
    let catch_up = redis.and_then(|redis| CatchUp::new(redis, &subscription, id?));
    let topics = subscription.filter().topics.len();
    tracing::debug!(peer = %connection.peer, topics, gap = gap.map(Gap::reason), "stream begins");
    let begin = |terms| Events::new(app.clone(), connection, subscription, catch_up, terms);
    Ok(respond(app, &query, headers, admitted, begin))
}

/// Returns what the client receives of what it has asked for, if it may have that.
fn allowed(principal: &Principal, filter: &Filter) -> Result<Filter, Refusal> {
    let mut filter = filter.clone();
    if let Some(user) = &principal.user {
        let is_other = filter.user.as_ref().is_some_and(|name| name != user);
        if is_other || !principal.rights.may_read(&filter.topics) {
            return Err(Refusal::forbidden());
        }
        filter.user = Some(user.clone());
    }
    Ok(filter)
}

/// Begins a stream, compressed if the client accepts that and there are not too many.
fn respond(
    app: &App,
    query: &Query,
    headers: &HeaderMap,
    admitted: Admitted,
    begin: impl FnOnce(Terms) -> Events,
) -> Response {
    let is_alone = app.options.encode_per_subscriber;
    let is_accepted = !is_alone && compression::is_accepted(headers);
    let compressor = is_accepted.then(|| app.streams.compressor()).flatten();
    let is_compressed = compressor.is_some();
    let terms = Terms {
        has_visible_checkpoints: query.has_visible_checkpoints,
        _admitted: admitted,
        _compressor: compressor,
    };
    let stream = begin(terms);
    if is_alone {
        return per_subscriber::response(stream);
    }
    let mut response = stream.into_response();
    if is_compressed {
        compression::allow(&mut response);
    }
    response
}

/// Returns the last event ID of a request, and whether it has several.
fn last_event_id<'a>(
    headers: &'a HeaderMap,
    query: &'a Query,
) -> (Result<Option<LastEventId<'a>>, InvalidLastEventId>, bool) {
    let mut all = headers.get_all("last-event-id").iter();
    let id = received_last_event_id(all.next(), query.last_event_id.as_ref(), MAX_ID);
    (id, all.next().is_some())
}

fn refuse(denied: Denied) -> Result<Response, Refusal> {
    match denied {
        Denied::Refused(_) | Denied::Away => Err(denied.into()),
        Denied::LoggedOut => {
            let mut response = no_content();
            // Says to a page that asks why.
            let scheme = HeaderValue::from_static("Bearer");
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, scheme);
            Ok(response)
        }
    }
}

/// The status with which a browser does not reconnect: nothing will follow.
fn no_content() -> Response {
    let no_store = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    (StatusCode::NO_CONTENT, no_store).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::routes;
    use crate::options::Options;
    use axum::body::Body;
    use axum::extract::Request;
    use axum::http::Method;

    /// The logout is between the authentication of the request and the beginning of its stream.
    #[tokio::test]
    async fn a_stream_that_is_opened_during_a_logout_does_not_survive_it() {
        let app = Arc::new(App::new(Options::of(&["--demo"])).expect("it starts"));
        let login = Request::post("/login")
            .header("host", "localhost")
            .header("content-type", "application/json")
            .body(Body::from(r#"{"name":"ann","password":"ann-demo"}"#))
            .expect("a request");
        let connection = Arc::new(Connection::new(([127, 0, 0, 1], 1).into()));
        let response = routes::login(State(app.clone()), Extension(connection.clone()), login);
        let response = response.await.expect("a login");
        let cookie = &response.headers()[header::SET_COOKIE];
        let request = Request::delete("/session")
            .header("host", "localhost")
            .header("sec-fetch-site", "same-origin")
            .header("cookie", cookie)
            .body(Body::empty())
            .expect("a request");
        let headers = request.headers().clone();
        let principal = app.auth.authenticate(&Method::DELETE, &headers);
        let principal = principal.expect("a user");
        routes::log_out(State(app.clone()), request)
            .await
            .expect("a logout");
        let query = Query::parse("topic=news").expect("a query");
        let response = subscribe(&app, connection, principal, query, &headers);
        assert_eq!(
            response.expect("an answer").status(),
            StatusCode::NO_CONTENT
        );
        assert_eq!(app.streams.users_and_addresses(), (0, 0));
    }
}
