//! Tickets in URLs, and the cookie with which their streams reconnect.

use std::time::Duration;

use gateway::auth::{Use, now};

use super::support::authentication::{bearer, claims, cookie, start_with_secret, token, tokens};
use super::support::{Events, Gateway, Seen, request};

#[tokio::test]
async fn a_ticket_opens_one_stream_which_reconnects_by_its_cookie() {
    let gateway = Gateway::start(&["--demo"]);
    let ann = gateway.login("ann").await;
    let query = format!("topic=a&ticket={}", gateway.ticket(&ann).await);
    let response = request(gateway.address, "GET", &format!("/events?{query}"), &[], "").await;
    assert_eq!(response.status(), 200);
    let set = response.headers()["set-cookie"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(
        set.contains("; Path=/events; Max-Age=89") && set.contains("; HttpOnly; SameSite=Strict")
    );
    let stream = format!("stream={}", cookie(response.headers(), "stream"));
    let mut events = Events::new(response);
    let position = events.begin().await;
    drop(events);
    let headers = [("authorization", &*bearer(&ann))];
    let (_, published) = gateway.post(r#"{"topic":"a","data":"x"}"#, &headers).await;
    // Another client has only the URL.
    assert_eq!(gateway.refused(&query, &[]).await.status, 401);
    let again = [("cookie", &*stream), ("last-event-id", &*position)];
    let mut events = gateway.stream(&query, &again).await;
    events.begin().await;
    let id = published["id"].as_str().unwrap();
    assert_eq!(events.next().await, Some(Seen::event("message", "x", id)));
    // The cookie belongs to a ticket, and alone is nothing.
    assert_eq!(
        gateway
            .refused("topic=a", &[("cookie", &stream)])
            .await
            .status,
        401
    );
    let session = stream.replace("stream=", "session=");
    assert_eq!(
        gateway
            .refused("topic=a", &[("cookie", &session)])
            .await
            .status,
        401
    );
}

#[tokio::test]
async fn the_cookie_of_a_session_continues_a_stream_of_the_same_user_alone() {
    let gateway = Gateway::start(&["--demo"]);
    let (ann, bob) = (gateway.login("ann").await, gateway.login("bob").await);
    let query = format!("topic=news&ticket={}", gateway.ticket(&ann).await);
    gateway.stream(&query, &[]).await.begin().await;
    for (user, status) in [(&ann, 200), (&bob, 401)] {
        let session = format!("session={user}");
        let path = format!("/events?{query}");
        let response = request(gateway.address, "GET", &path, &[("cookie", &session)], "").await;
        assert_eq!(response.status(), status);
    }
}

#[tokio::test]
async fn of_a_hundred_requests_with_one_ticket_one_is_served() {
    let gateway = Gateway::start(&["--demo"]);
    let token = gateway.login("bob").await;
    for _ in 0..3 {
        let path = format!("/events?topic=news&ticket={}", gateway.ticket(&token).await);
        let requests = (0..100).map(|_| request(gateway.address, "GET", &path, &[], ""));
        let responses = futures_util::future::join_all(requests).await;
        let count = |status: u16| {
            let responses = responses.iter();
            responses
                .filter(|response| response.status() == status)
                .count()
        };
        assert_eq!((count(200), count(401)), (1, 99));
    }
}

#[tokio::test]
async fn a_ticket_is_checked_again_when_it_is_redeemed() {
    let (gateway, _folder) = start_with_secret(&[]);
    let tokens = tokens("gateway");
    let ticket = |change: &dyn Fn(&mut gateway::auth::Claims)| {
        let mut claims = claims("ann", &["a"], 30.0);
        claims.jti = Some(format!("{}", fastrand::u64(..)));
        claims.session_exp = Some(now() + 60.0);
        change(&mut claims);
        tokens.sign(&claims, Use::Ticket).expect("a ticket")
    };
    let good = ticket(&|_| {});
    gateway
        .stream(&format!("topic=a&ticket={good}"), &[])
        .await
        .begin()
        .await;
    let expired = ticket(&|claims| claims.exp = now() - 0.1);
    for ticket in [
        &expired,
        &ticket(&|claims| claims.session_exp = Some(now() - 0.1)),
        &ticket(&|claims| claims.session_exp = None),
        &ticket(&|claims| claims.jti = None),
        &tokens
            .sign(&claims("ann", &["a"], 30.0), Use::Stream)
            .unwrap(),
        &token("ann", &["a"], 30.0),
        "",
        "x.y.z",
    ] {
        let answer = gateway
            .refused(&format!("topic=a&ticket={ticket}"), &[])
            .await;
        assert_eq!(answer.status, 401, "{ticket}");
    }
    let narrow = ticket(&|claims| claims.rights.topics = vec!["b".to_owned()]);
    let answer = gateway
        .refused(&format!("topic=a&ticket={narrow}"), &[])
        .await;
    assert_eq!(answer.status, 403);
    // A stream that reconnects after half a minute has a ticket that has expired.
    let stream = tokens
        .sign(&claims("ann", &["a"], 30.0), Use::Stream)
        .unwrap();
    let stream = format!("stream={stream}");
    let query = format!("topic=a&ticket={expired}");
    gateway
        .stream(&query, &[("cookie", &stream)])
        .await
        .begin()
        .await;
    // A ticket is nothing but a ticket.
    let authorization = bearer(&ticket(&|_| {}));
    assert_eq!(
        gateway
            .refused("topic=a", &[("authorization", &authorization)])
            .await
            .status,
        401
    );
}

#[tokio::test]
async fn a_ticket_of_who_has_logged_out_ends_with_204() {
    let gateway = Gateway::start(&["--demo"]);
    let token = gateway.login("ann").await;
    let ticket = gateway.ticket(&token).await;
    let authorization = [("authorization", &*bearer(&token))];
    assert_eq!(
        gateway
            .ask("DELETE", "/session", &authorization)
            .await
            .status,
        204
    );
    let answer = gateway
        .refused(&format!("topic=a&ticket={ticket}"), &[])
        .await;
    assert_eq!(answer.status, 204);
    assert_eq!(
        gateway.ask("POST", "/ticket", &authorization).await.status,
        401
    );
}

/// The token says when the stream ends, whatever the ticket did.
#[tokio::test]
async fn the_stream_of_a_ticket_ends_with_the_token_that_bought_it() {
    let (gateway, _folder) = start_with_secret(&[]);
    let ticket = gateway.ticket(&token("ann", &["a"], 4.0)).await;
    let mut events = gateway
        .stream(&format!("topic=a&ticket={ticket}"), &[])
        .await;
    events.begin().await;
    let end = async { while events.next().await.is_some() {} };
    tokio::time::timeout(Duration::from_secs(15), end)
        .await
        .expect("it ends");
    gateway
        .wait_for(r#"gateway_connection_ends_total{reason="expired"}"#, 1.0)
        .await;
}
