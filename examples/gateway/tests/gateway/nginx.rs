//! The gateway behind Debian's `nginx`, as `deploy/nginx.conf` says.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use sse_wire::client::{EventSource as Source, Policy};
use tokio::net::TcpSocket;
use tokio::time::{sleep, timeout};

use super::support::authentication::{Answer, ask};
use super::support::nginx::Nginx;
use super::support::{Events, Gateway, PATIENCE, Seen, event_source, reconnecting, request, text};

const BROWSER: (&str, &str) = ("sec-fetch-mode", "cors");

/// Publishes past the proxy, which so cannot have seen the event before.
async fn publish(gateway: &Gateway, number: usize) -> String {
    gateway
        .publish(&format!(r#"{{"topic":"a","data":"{number}"}}"#))
        .await
}

#[tokio::test]
#[ignore = "needs nginx"]
async fn each_event_arrives_before_the_next_one_is_published() {
    let gateway = Gateway::start(&["--keep-alive", "10m"]);
    let nginx = Nginx::start(gateway.address);
    let response = request(nginx.address, "GET", "/events?topic=a", &[], "").await;
    assert_eq!(response.status(), 200);
    let mut events = Events::new(response);
    // Nothing is published, and no checkpoint follows the first one.
    events.begin().await;
    for number in 0..50 {
        let id = publish(&gateway, number).await;
        let data = number.to_string();
        assert_eq!(
            events.next().await,
            Some(Seen::event("message", &data, &id))
        );
    }
    let body = r#"{"topic":"a","data":"through nginx"}"#;
    let json = [("content-type", "application/json")];
    let answer = ask(nginx.address, "POST", "/publish", &json, body).await;
    assert_eq!(answer.status, 201);
    assert_eq!(events.data(1).await, ["through nginx"]);
}

#[tokio::test]
#[ignore = "needs nginx"]
async fn compressed_events_arrive_at_once_too() {
    let gateway = Gateway::start(&["--keep-alive", "10m"]);
    let nginx = Nginx::start(gateway.address);
    let gzip = [("accept-encoding", "gzip")];
    let response = request(nginx.address, "GET", "/events?topic=a", &gzip, "").await;
    assert_eq!(response.headers()["content-encoding"], "gzip");
    let mut body = response.into_body();
    let mut next = async || {
        let frame = timeout(PATIENCE, body.frame()).await.expect("bytes come");
        let frame = frame.expect("the stream goes on").expect("no error");
        frame.into_data().expect("bytes").len()
    };
    assert!(next().await > 0);
    for number in 0..20 {
        publish(&gateway, number).await;
        assert!(next().await > 0);
    }
}

#[tokio::test]
#[ignore = "needs nginx"]
async fn a_client_that_leaves_ends_its_stream_in_the_gateway() {
    let gateway = Gateway::start(&[]);
    let nginx = Nginx::start(gateway.address);
    let response = request(nginx.address, "GET", "/events?topic=a", &[], "").await;
    gateway.wait_for("gateway_streams", 1.0).await;
    drop(response);
    gateway.wait_for("gateway_streams", 0.0).await;
}

/// Sends a request from one of the addresses of this machine.
async fn request_from(
    source: &str,
    address: SocketAddr,
    headers: &[(&str, &str)],
) -> Response<Incoming> {
    let socket = TcpSocket::new_v4().expect("a socket");
    let source: IpAddr = source.parse().expect("an address");
    socket
        .bind((source, 0).into())
        .expect("it is of this machine");
    let stream = socket.connect(address).await.expect("it listens");
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .expect("a connection");
    tokio::spawn(connection);
    let mut builder = Request::get("/events?topic=a").header("host", address.to_string());
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    let request = builder.body(Empty::<Bytes>::new()).expect("a request");
    let response = timeout(PATIENCE, sender.send_request(request)).await;
    response.expect("in time").expect("a response")
}

#[tokio::test]
#[ignore = "needs nginx"]
async fn clients_are_counted_by_their_own_addresses() {
    let limit = ["--max-streams-per-address", "1"];
    let trusting = [&limit[..], &["--trusted-proxy", "127.0.0.1"]].concat();
    // Without trust, all clients have the address of nginx.
    for (options, other) in [(&limit[..], 503), (&trusting, 200)] {
        let gateway = Gateway::start(options);
        let nginx = Nginx::start(gateway.address);
        let first = request_from("127.0.0.2", nginx.address, &[]).await;
        assert_eq!(first.status(), 200);
        // What a client invents does not count.
        for headers in [&[][..], &[("x-forwarded-for", "192.0.2.9")]] {
            let refused = request_from("127.0.0.2", nginx.address, headers).await;
            assert_eq!(refused.status(), 503);
            assert!(text(refused).await.contains("the limit of the address"));
        }
        let response = request_from("127.0.0.3", nginx.address, &[]).await;
        assert_eq!(response.status(), other);
        drop((first, response));
    }
}

#[tokio::test]
#[ignore = "needs nginx"]
async fn the_name_that_the_browser_uses_reaches_the_gateway() {
    let gateway = Gateway::start(&["--demo"]);
    let nginx = Nginx::start(gateway.address);
    let login = async |host: &str, origin: &str| -> Answer {
        let headers = [
            ("content-type", "application/json"),
            ("host", host),
            ("origin", origin),
        ];
        let body = r#"{"name":"ann","password":"ann-demo"}"#;
        ask(nginx.address, "POST", "/login", &headers, body).await
    };
    // A name of this machine, with a port: the demo serves no other name.
    let answer = login("localhost:8443", "https://localhost:8443").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let cookie = format!("session={}", answer.cookie("session"));
    for (origin, status) in [
        ("https://localhost:8443", 200),
        ("https://localhost", 403),
        ("https://localhost:8444", 403),
    ] {
        let headers = [
            ("content-type", "application/json"),
            ("host", "localhost:8443"),
            ("origin", origin),
            ("cookie", &cookie),
        ];
        let answer = ask(nginx.address, "POST", "/session", &headers, "").await;
        assert_eq!(answer.status, status, "{origin}");
    }
    let answer = login("example.org", "https://example.org").await;
    assert_eq!(answer.status, 403, "{answer:?}");
}

#[tokio::test]
#[ignore = "needs nginx"]
async fn clients_resume_over_a_reload_and_learn_of_a_restart() {
    let options = ["--retry", "50ms", "--drain", "1s"];
    let mut gateway = Gateway::start(&options);
    let nginx = Nginx::start(gateway.address);
    let path = "/events?topic=a";
    let browser = event_source::connect(nginx.address, path);
    let policy = Policy::new().with_transient_statuses(Policy::TRANSIENT);
    let source = Source::new(7).with_policy(policy);
    let native = reconnecting::connect(nginx.address, path, source);
    gateway.wait_for("gateway_streams", 2.0).await;
    let mut published = Vec::new();
    for number in 0..200 {
        if number % 100 == 50 {
            nginx.reload();
        }
        publish(&gateway, number).await;
        published.push(number.to_string());
        sleep(Duration::from_millis(20)).await;
    }
    let all = published.len();
    for client in [&browser, &native] {
        let state = client.wait_for(|state| state.data.len() >= all).await;
        assert_eq!(state.data, published);
        assert!(state.gaps.is_empty(), "{:?}", state.gaps);
        // Each reload has ended the connections of the old workers.
        client.wait_for(|state| state.connections >= 3).await;
    }
    let address = gateway.address.to_string();
    for (restarts, signal) in [(1, "TERM"), (2, "KILL")] {
        gateway.wait_for("gateway_streams", 2.0).await;
        gateway.signal(signal);
        gateway.end().await;
        // Meanwhile nginx answers by itself.
        browser.wait_for(|state| state.busy >= restarts).await;
        gateway = Gateway::start_at(&address, &options);
        for client in [&browser, &native] {
            client.wait_for(|state| state.gaps.len() >= restarts).await;
        }
        publish(&gateway, published.len()).await;
        published.push(published.len().to_string());
        let all = published.len();
        for client in [&browser, &native] {
            let state = client.wait_for(|state| state.data.len() >= all).await;
            assert_eq!((&state.data, state.closed), (&published, None));
            let gap = r#"{"reason":"other-epoch"}"#;
            assert!(state.gaps.iter().all(|it| it == gap), "{:?}", state.gaps);
        }
    }
}

#[tokio::test]
#[ignore = "needs nginx"]
async fn without_a_gateway_a_browser_is_told_to_return_and_others_see_502() {
    let gateway = Gateway::start(&[]);
    let nginx = Nginx::start(gateway.address);
    drop(gateway);
    let path = "/events?topic=a";
    let response = request(nginx.address, "GET", path, &[BROWSER], "").await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut events = Events::new(response);
    let busy = Seen::event("busy", r#"{"limit":"server"}"#, "");
    let (mut seen, mut retry) = (Vec::new(), None);
    while let Some(next) = events.next().await {
        match next {
            Seen::Retry(time) => retry = Some(time),
            next => seen.push(next),
        }
    }
    assert_eq!((seen, retry), (vec![busy], Some(Duration::from_secs(5))));
    for (method, path, headers) in [("GET", path, &[][..]), ("POST", "/publish", &[BROWSER])] {
        let answer = ask(nginx.address, method, path, headers, "").await;
        assert_eq!(answer.status, 502, "{path}");
    }
}
