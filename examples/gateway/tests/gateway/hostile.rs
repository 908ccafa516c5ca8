//! Those who try to read, write or be what they may not.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use gateway::auth::{Use, now};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::support::authentication::{
    SECRET, ask, bearer, claims, sign, start_with_secret, token, tokens,
};
use super::support::{Gateway, PATIENCE, Seen};

/// The types of the server's own events.
const RESERVED: [&str; 4] = ["gap", "busy", "expiring", "checkpoint"];

/// Whatever a publisher sends, subscribers see one event with these texts, or the publisher is refused.
#[tokio::test]
async fn no_field_of_an_event_injects_anything() {
    let gateway = Gateway::start(&[]);
    let mut events = gateway.events("topic=a&topic=end", None).await;
    let mut position = events.begin().await;
    let attacks = [
        "x\n\nevent: evil\ndata: evil\nid: 7\n\n",
        "x\r\rdata: evil\r\r",
        "x\r\n\r\ndata: evil",
        "\u{2028}data: evil\u{2029}\u{85}",
        "\0",
        "x\0\nid: 7",
        ": comment\n\nretry: 1",
        "\u{feff}data: evil\n\n",
    ];
    let attacks = attacks.into_iter().chain(RESERVED);
    for attack in attacks {
        for field in ["topic", "type", "user", "data"] {
            let mut event = json!({ "topic": "a", "type": "t", "data": "x" });
            event[field] = attack.into();
            let (status, answer) = gateway.post(&event.to_string(), &[]).await;
            let is_reserved = RESERVED.contains(&attack) && field == "type";
            assert!(!is_reserved || status == 400, "{event}");
            let is_received = status == 201 && ["type", "data"].contains(&field);
            assert!(status == 400 || status == 201, "{event}: {answer}");
            if !is_received {
                continue;
            }
            let id = answer["id"].as_str().unwrap();
            // A line end is a line end, whichever it was.
            let normal = |text: &Value| {
                let text = text.as_str().unwrap();
                text.replace("\r\n", "\n").replace('\r', "\n")
            };
            let expected =
                Seen::event(event["type"].as_str().unwrap(), &normal(&event["data"]), id);
            assert_eq!(events.next().await, Some(expected), "{event}");
            id.clone_into(&mut position);
        }
    }
    gateway.publish(r#"{"topic":"end","data":"end"}"#).await;
    assert_eq!(events.data(1).await, ["end"]);
}

#[tokio::test]
async fn no_last_event_id_becomes_a_header_or_a_field() {
    let gateway = Gateway::start(&[]);
    let attacks = [
        "last-event-id: a\r\nset-cookie: evil=1",
        "last-event-id: a\u{85}data: evil",
        "last-event-id: \u{e9}\u{0}",
        "last-event-id: 1\r\n\tfolded",
        "last-event-id: a\nevil: 1",
        "x: 1",
    ];
    for header in attacks {
        for id in [
            "a%0D%0Aset-cookie:%20evil=1",
            "%0Adata:%20evil%0A%0A",
            "%00",
        ] {
            let mut socket = TcpStream::connect(gateway.address)
                .await
                .expect("a connection");
            let head = format!(
                "GET /events?topic=a&last_event_id={id} HTTP/1.1\r\nhost: x\r\n{header}\r\n\r\n"
            );
            socket.write_all(head.as_bytes()).await.expect("it is sent");
            // A stream does not end, but a gap is the last of its beginning.
            let (mut response, mut chunk) = (String::new(), [0; 1024]);
            while !response.contains("event: gap") {
                match timeout(PATIENCE, socket.read(&mut chunk))
                    .await
                    .expect("it goes on")
                {
                    Ok(0) | Err(_) => break,
                    Ok(len) => response += str::from_utf8(&chunk[..len]).expect("text"),
                }
            }
            assert!(!response.contains("evil"), "{head}\n{response}");
            assert!(response.starts_with("HTTP/1.1 200") || response.starts_with("HTTP/1.1 400"));
        }
    }
}

#[tokio::test]
async fn an_id_gives_nobody_the_events_of_another_user() {
    let gateway = Gateway::start(&["--demo"]);
    let (ann, bob) = (gateway.login("ann").await, gateway.login("bob").await);
    let mut events = gateway.stream_of(&ann, "topic=news").await;
    let begin = events.begin().await;
    let headers = [("authorization", &*bearer(&ann))];
    let mut ids = vec![begin];
    for body in [
        r#"{"topic":"news","user":"ann","data":"for ann"}"#,
        r#"{"topic":"orders","data":"for who may read orders"}"#,
        r#"{"topic":"news","data":"for all"}"#,
    ] {
        let (_, answer) = gateway.post(body, &headers).await;
        ids.push(answer["id"].as_str().unwrap().to_owned());
    }
    assert_eq!(events.data(2).await, ["for ann", "for all"]);
    for id in &ids[..3] {
        let headers = [("authorization", &*bearer(&bob)), ("last-event-id", id)];
        let mut events = gateway.stream("topic=news", &headers).await;
        assert_eq!(events.data(1).await, ["for all"]);
    }
    for query in [
        "topic=news&user=ann",
        "topic=orders",
        "topic=news&topic=orders",
    ] {
        let answer = gateway
            .refused(query, &[("authorization", &bearer(&bob))])
            .await;
        assert_eq!(
            (answer.status, &*answer.text),
            (403, r#"{"error":"not allowed"}"#)
        );
    }
    gateway
        .stream_of(&bob, "topic=news&user=bob")
        .await
        .begin()
        .await;
    // Nor does one publish what the other may.
    let (status, _) = gateway
        .post(
            r#"{"topic":"news","data":1}"#,
            &[("authorization", &bearer(&bob))],
        )
        .await;
    assert_eq!(status, 403);
}

/// The key of one publisher says nothing to another.
#[tokio::test]
async fn keys_of_publishers_are_their_own() {
    let (gateway, _folder) = start_with_secret(&[]);
    let mut ids = Vec::new();
    for user in ["ann", "bob", "ann"] {
        let authorization = bearer(&token(user, &["a"], 60.0));
        let headers = [("authorization", &*authorization), ("idempotency-key", "k")];
        let (status, answer) = gateway.post(r#"{"topic":"a","data":1}"#, &headers).await;
        assert_eq!(status, 201);
        ids.push(answer["id"].as_str().unwrap().to_owned());
    }
    assert_eq!(ids[0], ids[2]);
    assert_ne!(ids[0], ids[1]);
}

#[tokio::test]
async fn no_forged_token_is_accepted_and_all_have_the_same_answer() {
    let (gateway, _folder) = start_with_secret(&[]);
    let good = claims("ann", &["a"], 60.0);
    let valid = tokens("gateway").sign(&good, Use::Access).unwrap();
    gateway.stream_of(&valid, "topic=a").await.begin().await;
    let plain = json!({ "sub": "ann", "aud": "gateway", "exp": now() + 60.0, "topics": ["a"] });
    let header = json!({ "alg": "HS256", "typ": "JWT" });
    gateway
        .stream_of(&sign(&header, &plain, SECRET), "topic=a")
        .await
        .begin()
        .await;
    let list = |aud: Value| {
        let mut claims = plain.clone();
        claims["aud"] = aud;
        sign(&header, &claims, SECRET)
    };
    gateway
        .stream_of(&list(json!(["other", "gateway"])), "topic=a")
        .await
        .begin()
        .await;

    let with = |name: &str, value: Value| {
        let mut claims = plain.clone();
        claims[name] = value;
        sign(&header, &claims, SECRET)
    };
    let without = |name: &str| {
        let mut claims = plain.clone();
        claims.as_object_mut().unwrap().remove(name);
        sign(&header, &claims, SECRET)
    };
    let algorithm = |name: &str| sign(&json!({ "alg": name, "typ": "JWT" }), &plain, SECRET);
    let encode = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let unsigned = |name: &str| format!("{}.{}.", encode(&json!({ "alg": name })), encode(&plain));
    let (message, signature) = valid.rsplit_once('.').unwrap();
    let (head, _) = message.split_once('.').unwrap();
    let forged = [
        ("alg none", unsigned("none")),
        ("alg None", unsigned("None")),
        ("HS256, unsigned", unsigned("HS256")),
        ("HS384", algorithm("HS384")),
        ("HS512", algorithm("HS512")),
        ("RS256", algorithm("RS256")),
        (
            "no algorithm",
            sign(&json!({ "typ": "JWT" }), &plain, SECRET),
        ),
        (
            "critical",
            sign(
                &json!({ "alg": "HS256", "crit": ["x"], "x": 1 }),
                &plain,
                SECRET,
            ),
        ),
        (
            "another secret",
            sign(&header, &plain, "0123456789abcdef0123456789abcdeX"),
        ),
        ("no secret", sign(&header, &plain, "")),
        (
            "other claims",
            format!("{head}.{}.{signature}", encode(&plain)),
        ),
        ("signature cut", valid[..valid.len() - 2].to_owned()),
        ("no signature", message.to_owned()),
        ("wrong audience", list(json!("other"))),
        ("a ticket's audience", list(json!("gateway/ticket"))),
        ("a list without it", list(json!(["other"]))),
        ("no audience", without("aud")),
        ("no expiry", without("exp")),
        ("no user", without("sub")),
        ("expired", with("exp", json!(now() - 0.1))),
        ("expiry as text", with("exp", json!("9999999999"))),
        ("expiry null", with("exp", Value::Null)),
        ("not yet", with("nbf", json!(now() + 60.0))),
        ("user empty", with("sub", json!(""))),
        ("user of two lines", with("sub", json!("ann\nevil"))),
        ("user is no text", with("sub", json!(["ann"]))),
        ("topics are no list", with("topics", json!("*"))),
        ("oversized", with("x", json!("x".repeat(5_000)))),
        ("empty", String::new()),
        ("dots", "..".to_owned()),
        ("no token", "\u{e9}\u{e9}".to_owned()),
    ];
    let mut all: Vec<_> = forged
        .iter()
        .map(|(what, token)| (*what, vec![("authorization", bearer(token))]))
        .collect();
    all.extend([
        ("nothing", vec![]),
        (
            "another scheme",
            vec![("authorization", format!("Basic {valid}"))],
        ),
        ("no scheme", vec![("authorization", valid.clone())]),
        (
            "two",
            vec![
                ("authorization", bearer(&valid)),
                ("authorization", bearer(&valid)),
            ],
        ),
        (
            "a cookie of another name",
            vec![("cookie", format!("token={valid}"))],
        ),
        (
            "a cookie for TLS",
            vec![("cookie", format!("__Host-session={valid}"))],
        ),
        // What is wrong is not replaced by what is right.
        (
            "wrong, and a cookie",
            vec![
                ("authorization", bearer("x")),
                ("cookie", format!("session={valid}")),
            ],
        ),
    ]);
    for (what, headers) in &all {
        let mut headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| (*name, &**value))
            .collect();
        let mut answers = vec![gateway.refused("topic=a", &headers).await];
        let origin = gateway.origin();
        headers.extend([("content-type", "application/json"), ("origin", &*origin)]);
        for (method, path) in [
            ("POST", "/publish"),
            ("POST", "/ticket"),
            ("POST", "/session"),
            ("DELETE", "/session"),
        ] {
            let body = r#"{"topic":"a","data":1}"#;
            answers.push(ask(gateway.address, method, path, &headers, body).await);
        }
        for answer in answers {
            assert_eq!(
                (answer.status, &*answer.text),
                (401, r#"{"error":"not authenticated"}"#),
                "{what}"
            );
            assert_eq!(answer.header("www-authenticate"), "Bearer");
        }
    }
    assert_eq!(gateway.metric("gateway_events_total").await, 0.0);
    gateway.wait_for("gateway_streams", 0.0).await;
}

#[tokio::test]
async fn an_oversized_request_is_refused_wherever_it_goes() {
    let (gateway, _folder) = start_with_secret(&[]);
    let authorization = bearer(&token("ann", &["a"], 60.0));
    let json = ("content-type", "application/json");
    let body = format!(r#"{{"topic":"a","data":"{}"}}"#, "x".repeat(1 << 20));
    for (path, headers, status) in [
        (
            "/publish",
            &[json, ("authorization", &authorization)][..],
            413,
        ),
        ("/login", &[json], 413),
        // Nobody reads it.
        ("/ticket", &[json, ("authorization", &authorization)], 201),
        ("/session", &[json, ("authorization", &authorization)], 200),
        ("/publish", &[json], 401),
        ("/events", &[json], 405),
    ] {
        let answer = ask(gateway.address, "POST", path, headers, &body).await;
        assert_eq!(answer.status, status, "{path}");
    }
    let long = format!("session={}", "x".repeat(20_000));
    let answer = gateway.refused("topic=a", &[("cookie", &long)]).await;
    assert_eq!(answer.status, 431);
}

/// Nothing that gives access is in the log, at any level.
#[tokio::test]
async fn tokens_tickets_and_passwords_are_not_logged() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = std::fs::File::create(folder.path().join("log")).expect("a file");
    let options = ["--demo", "--log-level", "debug"];
    let mut gateway = Gateway::start_with("127.0.0.1:0", &options, log.into());
    let token = gateway.login("ann").await;
    gateway.post_login("ann", "wrong password", &[]).await;
    let ticket = gateway.ticket(&token).await;
    let query = format!("topic=a&ticket={ticket}");
    gateway.stream(&query, &[]).await.begin().await;
    gateway.refused(&query, &[]).await;
    gateway
        .refused(
            "topic=a&ticket=x",
            &[("authorization", "Bearer ey.wrong.token")],
        )
        .await;
    gateway.refused("topic=a&toket=mistyped", &[]).await;
    gateway.wait_for("gateway_streams", 0.0).await;
    gateway.signal("TERM");
    gateway.end().await;
    let text = std::fs::read_to_string(folder.path().join("log")).expect("text");
    assert!(text.contains("stream begins"), "{text}");
    let (_, signature) = token.rsplit_once('.').unwrap();
    for secret in [
        signature, &ticket, "ey", "password", "ann", "topic=", "mistyped",
    ] {
        assert!(!text.contains(secret), "{secret}\n{text}");
    }
}
