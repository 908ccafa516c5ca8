//! What publishers may send, and what they are answered.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::support::{Gateway, PATIENCE, Seen, request};

const EVENT: &str = r#"{"topic":"a","type":"t","data":"x"}"#;

#[tokio::test]
async fn data_is_text_or_any_json() {
    let gateway = Gateway::start(&[]);
    let mut events = gateway.events("topic=a", None).await;
    events.begin().await;
    for (data, received) in [
        (r#""two\nlines""#, "two\nlines"),
        (r#""\"""#, "\""),
        (r#""""#, ""),
        ("{ \"b\": 1,\n \"a\": 1.10 }", "{ \"b\": 1,\n \"a\": 1.10 }"),
        ("null", "null"),
        ("12345678901234567890.0", "12345678901234567890.0"),
        (r#"[" event: x\n\nid: 7"]"#, r#"[" event: x\n\nid: 7"]"#),
        (r#""x\r\rid: 7\n\nevent: y""#, "x\n\nid: 7\n\nevent: y"),
    ] {
        let id = gateway
            .publish(&format!(r#"{{"topic":"a","data":{data}}}"#))
            .await;
        assert_eq!(
            events.next().await,
            Some(Seen::event("message", received, &id))
        );
    }
}

#[tokio::test]
async fn a_wrong_event_is_refused_with_the_reason_and_leaves_nothing() {
    let gateway = Gateway::start(&[]);
    let mut events = gateway.events("topic=a", None).await;
    events.begin().await;
    let long = format!(r#"{{"topic":"{}","data":1}}"#, "x".repeat(129));
    for (body, reason) in [
        ("", "EOF"),
        (r#"["a",null,null,1]"#, "the body is not a JSON object"),
        (r#"{"data":1}"#, "missing field `topic`"),
        (r#"{"topic":"a"}"#, "missing field `data`"),
        (r#"{"topic":1,"data":1}"#, "invalid type"),
        (r#"{"topic":"a","data":1,"dat":1}"#, "unknown field `dat`"),
        (
            r#"{"topic":"a","data":1,"data":2}"#,
            "duplicate field `data`",
        ),
        (r#"{"topic":"a","data":1}}"#, "trailing characters"),
        (r#"{"topic":"","data":1}"#, "topic is empty"),
        (&long, "topic has 129 bytes"),
        (r#"{"topic":"a","user":"","data":1}"#, "user is empty"),
        (r#"{"topic":"a","type":"","data":1}"#, "type is empty"),
        (
            r#"{"topic":"a","type":"x\ny","data":1}"#,
            "has a control character",
        ),
        (
            r#"{"topic":"a","type":"x\r","data":1}"#,
            "has a control character",
        ),
        (
            r#"{"topic":"a","type":"gap","data":1}"#,
            "type gap is reserved",
        ),
        (
            r#"{"topic":"a","type":"done","user":"b","data":1}"#,
            "done ends a topic for everybody",
        ),
        (
            r#"{"topic":"a","data":"\ud800"}"#,
            "data: unexpected end of hex escape",
        ),
    ] {
        let (status, answer) = gateway.post(body, &[("idempotency-key", "k")]).await;
        let error = answer["error"].as_str().unwrap_or_default();
        assert!(
            status == 400 && error.contains(reason),
            "{body}: {status} {error}"
        );
    }
    assert!(events.is_silent().await);
    assert_eq!(gateway.metric("gateway_events_total").await, 0.0);
    // A key that published nothing is free.
    let (status, _) = gateway.post(EVENT, &[("idempotency-key", "k")]).await;
    assert_eq!(status, 201);
}

/// A client that is still sending sees the answer, and no broken connection.
#[tokio::test]
async fn a_refusal_arrives_though_the_body_is_long() {
    let gateway = Gateway::start(&[]);
    let body = "x".repeat(3 << 20);
    for (content_type, status) in [("text/plain", 415), ("application/json", 413)] {
        for _ in 0..20 {
            let headers = [("content-type", content_type)];
            let response = request(gateway.address, "POST", "/publish", &headers, &body).await;
            assert_eq!(response.status().as_u16(), status);
        }
    }
}

#[tokio::test]
async fn a_client_that_waits_for_permission_to_send_too_much_does_not_get_it() {
    let gateway = Gateway::start(&[]);
    let mut stream = TcpStream::connect(gateway.address)
        .await
        .expect("it listens");
    let head = "POST /publish HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
        expect: 100-continue\r\ncontent-length: 100000\r\n\r\n";
    stream.write_all(head.as_bytes()).await.expect("it is read");
    let mut answer = String::new();
    let read = timeout(PATIENCE, stream.read_to_string(&mut answer)).await;
    read.expect("an end").expect("text");
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

#[tokio::test]
async fn invalid_utf_8_is_refused() {
    let gateway = Gateway::start(&[]);
    let mut stream = TcpStream::connect(gateway.address)
        .await
        .expect("it listens");
    let body = b"{\"topic\":\"a\",\"data\":\"\xff\"}";
    let head = format!(
        "POST /publish HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.expect("it is read");
    stream.write_all(body).await.expect("it is read");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(answer.contains("invalid unicode code point"), "{answer}");
}

#[tokio::test]
async fn an_event_that_is_sent_again_is_published_once() {
    let gateway = Gateway::start(&[]);
    let mut events = gateway.events("topic=a", None).await;
    events.begin().await;
    let key = [("idempotency-key", "order 7")];
    let first = gateway.post(EVENT, &key).await;
    assert_eq!(first.0, 201);
    for _ in 0..3 {
        assert_eq!(gateway.post(EVENT, &key).await, first);
    }
    let (status, answer) = gateway.post(r#"{"topic":"a","data":"y"}"#, &key).await;
    let reason = "this Idempotency-Key was used for another event";
    assert_eq!((status, answer["error"].as_str()), (409, Some(reason)));
    // At once.
    let key = [("idempotency-key", "order 8")];
    let all = futures_util::future::join_all((0..20).map(|_| gateway.post(EVENT, &key))).await;
    assert!(
        all.iter()
            .all(|answer| *answer == all[0] && answer.0 == 201),
        "{all:?}"
    );
    assert_eq!(events.data(2).await, ["x", "x"]);
    assert!(events.is_silent().await);
    for wrong in ["", "\u{e4}", &"x".repeat(129)] {
        assert_eq!(
            gateway.post(EVENT, &[("idempotency-key", wrong)]).await.0,
            400,
            "{wrong}"
        );
    }
    let twice = [("idempotency-key", "1"), ("idempotency-key", "2")];
    assert_eq!(gateway.post(EVENT, &twice).await.0, 400);
}

#[tokio::test]
async fn other_methods_types_sizes_and_paths_have_their_status() {
    let gateway = Gateway::start(&[]);
    let large = format!(r#"{{"topic":"a","data":"{}"}}"#, "x".repeat(64 << 10));
    let json = ("content-type", "application/json");
    let head = "x".repeat(20 << 10);
    for (method, path, headers, body, status) in [
        ("GET", "/publish", vec![], "", 405),
        ("DELETE", "/publish", vec![], "", 405),
        ("POST", "/events?topic=a", vec![json], "", 405),
        ("POST", "/publish", vec![], EVENT, 415),
        (
            "POST",
            "/publish",
            vec![("content-type", "text/plain")],
            EVENT,
            415,
        ),
        (
            "POST",
            "/publish",
            vec![("content-type", "application/jsonx")],
            EVENT,
            415,
        ),
        (
            "POST",
            "/publish",
            vec![("content-type", "Application/JSON; charset=utf-8")],
            EVENT,
            201,
        ),
        ("POST", "/publish", vec![json], &*large, 413),
        ("GET", "/healthz", vec![("x", &*head)], "", 431),
        ("GET", "/event", vec![], "", 404),
    ] {
        let response = request(gateway.address, method, path, &headers, body).await;
        assert_eq!(
            response.status().as_u16(),
            status,
            "{method} {path} {body:.20}"
        );
        if status == 405 {
            assert!(response.headers().contains_key("allow"));
        }
    }
}

#[tokio::test]
async fn a_body_that_does_not_arrive_ends_with_a_timeout() {
    let gateway = Gateway::start(&["--request-timeout", "200ms"]);
    let mut stream = TcpStream::connect(gateway.address)
        .await
        .expect("it listens");
    let head = "POST /publish HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
        content-length: 100\r\n\r\n{\"topic\":";
    stream.write_all(head.as_bytes()).await.expect("it is read");
    let mut answer = vec![0; 12];
    let read = timeout(PATIENCE, stream.read_exact(&mut answer)).await;
    read.expect("an answer").expect("an answer");
    assert_eq!(answer, b"HTTP/1.1 408");
    drop(stream);
    gateway.wait_for("gateway_connections", 0.0).await;
}
