//! How streams end or go on with the sessions of their users.

use std::time::Duration;

use http_body_util::Empty;
use hyper::Request;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use super::support::authentication::{Answer, bearer, start_with_secret, token};
use super::support::{Events, Gateway, PATIENCE, Seen};

const EXPIRED: &str = r#"gateway_connection_ends_total{reason="expired"}"#;
const LOGGED_OUT: &str = r#"gateway_connection_ends_total{reason="logged-out"}"#;

/// Reads until an event of this type.
async fn until(events: &mut Events, name: &str) {
    loop {
        match events.next().await {
            Some(Seen::Event { event_type, .. }) if event_type == name => return,
            Some(_) => {}
            None => panic!("the stream ended before {name}"),
        }
    }
}

async fn end(events: &mut Events) {
    timeout(PATIENCE, async { while events.next().await.is_some() {} })
        .await
        .expect("the stream ends");
}

async fn renew(gateway: &Gateway, token: &str) -> Answer {
    gateway
        .ask("POST", "/session", &[("authorization", &bearer(token))])
        .await
}

#[tokio::test]
async fn a_stream_says_that_its_token_expires_and_ends_with_it() {
    let (gateway, _folder) = start_with_secret(&[]);
    let mut events = gateway
        .stream_of(&token("ann", &["a"], 4.0), "topic=a")
        .await;
    let position = events.begin().await;
    let renew = r#"{"renew":"POST /session"}"#;
    assert_eq!(
        events.next().await,
        Some(Seen::event("expiring", renew, &position))
    );
    end(&mut events).await;
    gateway.wait_for(EXPIRED, 1.0).await;
    gateway.wait_for("gateway_streams", 0.0).await;
}

/// The body of a response is not asked for anything while its client does not read.
#[tokio::test]
async fn expiry_ends_a_stream_that_nobody_reads() {
    let (gateway, _folder) =
        start_with_secret(&["--write-timeout", "10m", "--send-buffer", "4096"]);
    let mut socket = TcpStream::connect(gateway.address)
        .await
        .expect("a connection");
    let token = bearer(&token("ann", &["*"], 3.0));
    let request =
        format!("GET /events?topic=a HTTP/1.1\r\nhost: x\r\nauthorization: {token}\r\n\r\n");
    socket
        .write_all(request.as_bytes())
        .await
        .expect("it is sent");
    socket.read_u8().await.expect("a response");
    let body = format!(r#"{{"topic":"a","data":"{}"}}"#, "x".repeat(60_000));
    for _ in 0..100 {
        let (status, _) = gateway.post(&body, &[("authorization", &token)]).await;
        if status == 401 {
            break;
        }
    }
    gateway
        .wait_until("gateway_slowest_lag_events", |lag| lag > 0.0)
        .await;
    gateway.wait_for(EXPIRED, 1.0).await;
    gateway.wait_for("gateway_connections", 0.0).await;
}

#[tokio::test]
async fn a_renewal_lets_running_streams_go_on() {
    let gateway = Gateway::start(&["--demo", "--token-lifetime", "4s"]);
    let first = gateway.login("ann").await;
    let begin = Instant::now();
    let mut renewed = gateway.stream_of(&first, "topic=a").await;
    let ticket = gateway.ticket(&first).await;
    let mut of_ticket = gateway
        .stream(&format!("topic=a&ticket={ticket}"), &[])
        .await;
    for events in [&mut renewed, &mut of_ticket] {
        until(events, "expiring").await;
    }
    let answer = renew(&gateway, &first).await;
    assert_eq!(
        (answer.status, &answer.json()["streams"]),
        (200, &Value::from(2))
    );
    let second = answer.json()["token"].as_str().expect("a token").to_owned();
    assert!(answer.headers.get("set-cookie").is_none());
    // After the first token has expired.
    tokio::time::sleep_until(begin + Duration::from_millis(4_500)).await;
    assert_eq!(renew(&gateway, &first).await.status, 401);
    let headers = [("authorization", &*bearer(&second))];
    let (status, _) = gateway
        .post(r#"{"topic":"a","data":"late"}"#, &headers)
        .await;
    assert_eq!(status, 201);
    for events in [&mut renewed, &mut of_ticket] {
        // It is warned of the new end, too.
        until(events, "expiring").await;
        until(events, "message").await;
        end(events).await;
    }
    gateway.wait_for(EXPIRED, 2.0).await;
}

#[tokio::test]
async fn a_renewal_concerns_the_user_and_what_the_new_token_may_read() {
    let (gateway, _folder) = start_with_secret(&[]);
    let wide = token("ann", &["a", "b"], 600.0);
    gateway
        .stream_of(&wide, "topic=a&topic=b")
        .await
        .begin()
        .await;
    let mut events = Vec::new();
    for (token, query) in [
        (&wide, "topic=a&topic=b"),
        (&wide, "topic=a"),
        (&token("bob", &["a"], 600.0), "topic=a"),
    ] {
        let mut stream = gateway.stream_of(token, query).await;
        stream.begin().await;
        events.push(stream);
    }
    gateway.wait_for("gateway_streams", 3.0).await;
    let answer = renew(&gateway, &token("ann", &["a"], 600.0)).await;
    assert_eq!(answer.json()["streams"], 1);
    // Its issuer decides how long a token lasts, not the gateway.
    assert_eq!(answer.json().get("token"), None);
    assert!((598..=600).contains(&answer.json()["expires_in"].as_u64().unwrap()));
    assert_eq!(renew(&gateway, &wide).await.json()["streams"], 2);
    assert_eq!(
        renew(&gateway, &token("carl", &["*"], 600.0)).await.json()["streams"],
        0
    );
}

/// Another tab may have renewed the stream already.
#[tokio::test]
async fn an_older_token_does_not_shorten_a_stream() {
    let (gateway, _folder) = start_with_secret(&[]);
    let mut events = gateway
        .stream_of(&token("ann", &["a"], 600.0), "topic=a")
        .await;
    events.begin().await;
    let short = token("ann", &["a"], 2.0);
    assert_eq!(renew(&gateway, &short).await.json()["streams"], 1);
    sleep(Duration::from_secs(3)).await;
    let headers = [("authorization", &*bearer(&token("ann", &["a"], 600.0)))];
    gateway.post(r#"{"topic":"a","data":"x"}"#, &headers).await;
    assert!(matches!(events.next().await, Some(Seen::Event { data, .. }) if data == "x"));
}

/// What was true of one stream is not of the next on the same connection.
#[tokio::test]
async fn a_connection_forgets_the_token_of_a_stream_that_has_ended() {
    let (gateway, _folder) = start_with_secret(&[]);
    let (short, long) = (token("ann", &["*"], 3.0), token("ann", &["*"], 600.0));
    let stream = TcpStream::connect(gateway.address)
        .await
        .expect("a connection");
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.expect("HTTP");
    tokio::spawn(connection);
    let request = |topic: &str, token: &str| {
        let request = Request::builder()
            .uri(format!("/events?topic={topic}"))
            .header("host", "x");
        let request = request.header("authorization", bearer(token));
        request
            .body(Empty::<bytes::Bytes>::new())
            .expect("a request")
    };
    let mut first = Events::new(
        sender
            .send_request(request("a", &short))
            .await
            .expect("a response"),
    );
    first.begin().await;
    let headers = [("authorization", &*bearer(&long))];
    gateway
        .post(r#"{"topic":"a","type":"done","data":1}"#, &headers)
        .await;
    end(&mut first).await;
    sender.ready().await.expect("the connection is open");
    let mut second = Events::new(
        sender
            .send_request(request("b", &long))
            .await
            .expect("a response"),
    );
    second.begin().await;
    sleep(Duration::from_secs(4)).await;
    gateway.post(r#"{"topic":"b","data":"x"}"#, &headers).await;
    assert!(matches!(second.next().await, Some(Seen::Event { data, .. }) if data == "x"));
}

#[tokio::test]
async fn a_session_ends_however_often_it_is_renewed() {
    let gateway = Gateway::start(&["--demo", "--session-lifetime", "3s"]);
    let mut token = gateway.login("ann").await;
    let mut events = gateway.stream_of(&token, "topic=a").await;
    events.begin().await;
    let begin = Instant::now();
    loop {
        let answer = renew(&gateway, &token).await;
        if answer.status == 401 {
            break;
        }
        assert!(answer.json()["expires_in"].as_u64().unwrap() <= 3);
        token = answer.json()["token"].as_str().unwrap().to_owned();
        assert!(begin.elapsed() < PATIENCE, "the session does not end");
        sleep(Duration::from_millis(200)).await;
    }
    end(&mut events).await;
    gateway.wait_for(EXPIRED, 1.0).await;
}

/// A page that answers each notice with a renewal would otherwise do so faster and faster.
#[tokio::test]
async fn where_a_renewal_changes_nothing_there_is_no_other_notice() {
    let gateway = Gateway::start(&["--demo", "--session-lifetime", "4s"]);
    let token = gateway.login("ann").await;
    let mut events = gateway.stream_of(&token, "topic=a").await;
    let mut notices = 0;
    while let Some(seen) = events.next().await {
        if matches!(seen, Seen::Event { .. }) {
            notices += 1;
            assert_eq!(renew(&gateway, &token).await.status, 200);
        }
    }
    assert_eq!(notices, 1);
    gateway.wait_for(EXPIRED, 1.0).await;
}

/// After a restart with the same secret, a token is still valid, but not renewed for who was removed.
#[tokio::test]
async fn a_user_that_was_removed_is_not_renewed() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("users.json");
    std::fs::write(&file, "{}").expect("a file");
    let file = file.to_str().expect("UTF-8");
    let (gateway, _folder) = start_with_secret(&["--users", file]);
    let mut claims = super::support::authentication::claims("ann", &["a"], 60.0);
    claims.auth_time = Some(claims.iat);
    let tokens = super::support::authentication::tokens("gateway");
    let token = tokens.sign(&claims, gateway::auth::Use::Access).unwrap();
    gateway.stream_of(&token, "topic=a").await.begin().await;
    assert_eq!(renew(&gateway, &token).await.status, 401);
}

#[tokio::test]
async fn a_logout_ends_all_streams_of_the_user_and_no_others() {
    let gateway = Gateway::start(&["--demo"]);
    let (ann, other, bob) = (
        gateway.login("ann").await,
        gateway.login("ann").await,
        gateway.login("bob").await,
    );
    let mut streams = Vec::new();
    for token in [&ann, &other, &bob] {
        let mut events = gateway.stream_of(token, "topic=news").await;
        events.begin().await;
        streams.push(events);
    }
    let session = format!("session={ann}");
    let headers = [("cookie", &*session), ("origin", &*gateway.origin())];
    let answer = gateway.ask("DELETE", "/session", &headers).await;
    assert_eq!((answer.status, &*answer.text), (204, ""));
    for name in ["session", "stream"] {
        assert_eq!(answer.cookie(name), "");
    }
    end(&mut streams[0]).await;
    end(&mut streams[1]).await;
    gateway.wait_for(LOGGED_OUT, 2.0).await;
    assert!(streams[2].is_silent().await);
    // A browser that reconnects is told to stop, and a page that asks is told why; everything else needs another login.
    for token in [&ann, &other] {
        let authorization = [("authorization", &*bearer(token))];
        let refused = gateway.refused("topic=news", &authorization).await;
        let reason = refused.header("www-authenticate");
        assert_eq!((refused.status, reason), (204, "Bearer"));
        assert_eq!(renew(&gateway, token).await.status, 401);
        let (status, _) = gateway
            .post(r#"{"topic":"news","data":1}"#, &authorization)
            .await;
        assert_eq!(status, 401);
    }
    let again = gateway.login("ann").await;
    gateway.stream_of(&again, "topic=news").await.begin().await;
}

/// The head of a request is authenticated, and its body may come much later.
#[tokio::test]
async fn a_request_that_began_before_a_logout_publishes_nothing_after_it() {
    let gateway = Gateway::start(&["--demo"]);
    let token = gateway.login("ann").await;
    let mut socket = TcpStream::connect(gateway.address)
        .await
        .expect("a connection");
    let body = r#"{"topic":"a","data":1}"#;
    let head = format!(
        "POST /publish HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\nexpect: 100-continue\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    socket.write_all(head.as_bytes()).await.expect("it is sent");
    let mut answer = [0; 25];
    socket.read_exact(&mut answer).await.expect("a permission");
    assert_eq!(&answer, b"HTTP/1.1 100 Continue\r\n\r\n");
    let authorization = [("authorization", &*bearer(&token))];
    gateway.ask("DELETE", "/session", &authorization).await;
    socket.write_all(body.as_bytes()).await.expect("it is sent");
    let mut answer = [0; 12];
    socket.read_exact(&mut answer).await.expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 401");
    assert_eq!(gateway.metric("gateway_events_total").await, 0.0);
}

#[tokio::test]
async fn with_a_cookie_only_pages_of_the_same_origin_change_anything() {
    let gateway = Gateway::start(&["--demo"]);
    let session = format!("session={}", gateway.login("ann").await);
    let (origin, json) = (gateway.origin(), ("content-type", "application/json"));
    let cookie = ("cookie", &*session);
    for (method, path, success) in [
        ("POST", "/publish", 201),
        ("POST", "/ticket", 201),
        ("POST", "/session", 200),
        ("DELETE", "/session", 204),
    ] {
        let body = r#"{"topic":"a","data":1}"#;
        for (headers, status) in [
            (&[cookie, json][..], 403),
            (&[cookie, json, ("origin", "http://evil.example")], 403),
            (&[cookie, json, ("origin", "null")], 403),
            (
                &[
                    cookie,
                    json,
                    ("sec-fetch-site", "cross-site"),
                    ("origin", &origin),
                ],
                403,
            ),
            (&[cookie, json, ("sec-fetch-site", "same-site")], 403),
            (
                &[cookie, ("origin", &origin), ("content-type", "text/plain")],
                415,
            ),
            (&[cookie, json, ("origin", &origin)], success),
        ] {
            if method == "DELETE" && status == 415 {
                continue;
            }
            let address = gateway.address;
            let answer =
                super::support::authentication::ask(address, method, path, headers, body).await;
            assert_eq!(answer.status, status, "{method} {path} {headers:?}");
        }
    }
}

#[tokio::test]
async fn with_a_cookie_a_page_of_another_origin_reads_nothing() {
    let gateway = Gateway::start(&["--demo"]);
    let session = format!("session={}", gateway.login("ann").await);
    let cookie = ("cookie", &*session);
    let origin = gateway.origin();
    for header in [
        ("origin", "http://evil.example"),
        ("sec-fetch-site", "same-site"),
    ] {
        let answer = gateway.refused("topic=a", &[cookie, header]).await;
        assert_eq!(
            (answer.status, &*answer.text),
            (403, r#"{"error":"not allowed"}"#)
        );
    }
    for header in [
        ("origin", &*origin),
        ("sec-fetch-site", "same-origin"),
        ("sec-fetch-site", "none"),
    ] {
        gateway
            .stream("topic=a", &[cookie, header])
            .await
            .begin()
            .await;
    }
}

/// Without the option, no page of another origin is told anything.
#[tokio::test]
async fn pages_of_other_origins_are_allowed_by_name_and_without_cookies() {
    let app = "https://app.example.org";
    for (options, allowed) in [
        (&["--demo"][..], ""),
        (&["--demo", "--allow-origin", app], app),
    ] {
        let gateway = Gateway::start(options);
        let token = bearer(&gateway.login("ann").await);
        let preflight = [
            ("origin", app),
            ("access-control-request-method", "POST"),
            (
                "access-control-request-headers",
                "authorization,content-type",
            ),
        ];
        let answer = gateway.ask("OPTIONS", "/ticket", &preflight).await;
        assert_eq!(answer.header("access-control-allow-origin"), allowed);
        for origin in [app, "https://evil.example"] {
            let headers = [("origin", origin), ("authorization", &*token)];
            let answer = gateway.ask("POST", "/ticket", &headers).await;
            let expected = if origin == app { allowed } else { "" };
            assert_eq!(answer.header("access-control-allow-origin"), expected);
            assert!(
                answer
                    .headers
                    .get("access-control-allow-credentials")
                    .is_none()
            );
        }
    }
}
