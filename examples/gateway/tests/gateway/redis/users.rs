//! Users of several nodes: tickets, logouts and renewals hold on all of them.

use std::process::Command;

use futures_util::future::join_all;
use gateway::auth::{Use, now};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::bench::wait_until_ready;
use crate::support::authentication::{bearer, claims, secret_file, token, tokens};
use crate::support::redis::Redis;
use crate::support::{Events, Gateway, Seen, request};

/// Two nodes with one Redis and one secret.
struct Nodes {
    redis: Redis,
    options: Vec<String>,
    a: Gateway,
    b: Gateway,
    _folder: TempDir,
}

impl Nodes {
    async fn start(options: &[&str]) -> Self {
        let redis = Redis::start(&[]);
        let url = redis.url();
        let folder = tempfile::tempdir().expect("a folder");
        let secret = secret_file(&folder);
        let options = [
            &[
                "--redis",
                &url,
                "--secret-file",
                secret.to_str().expect("UTF-8"),
            ],
            options,
        ]
        .concat();
        let nodes = Self {
            a: Gateway::start(&options),
            b: Gateway::start(&options),
            redis,
            options: options.into_iter().map(str::to_owned).collect(),
            _folder: folder,
        };
        wait_until_ready(&nodes.a).await;
        wait_until_ready(&nodes.b).await;
        nodes
    }

    async fn another(&self) -> Gateway {
        let options: Vec<_> = self.options.iter().map(String::as_str).collect();
        let node = Gateway::start(&options);
        wait_until_ready(&node).await;
        node
    }
}

/// Reads until the end of a stream, and returns the types of its events.
async fn rest(mut events: Events) -> Vec<String> {
    let mut types = Vec::new();
    while let Some(seen) = events.next().await {
        if let Seen::Event { event_type, .. } = seen {
            types.push(event_type);
        }
    }
    types
}

/// A token of a user that has been logged in for a while.
fn of_long_ago(user: &str) -> String {
    let mut claims = claims(user, &["*"], 600.0);
    claims.iat = now() - 60.0;
    tokens("gateway")
        .sign(&claims, Use::Access)
        .expect("a token")
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_ticket_opens_one_stream_of_all_nodes() {
    let nodes = Nodes::start(&[]).await;
    let ann = token("ann", &["a"], 600.0);
    let query = format!("topic=a&ticket={}", nodes.a.ticket(&ann).await);
    nodes.b.stream(&query, &[]).await.begin().await;
    for node in [&nodes.a, &nodes.b] {
        assert_eq!(node.refused(&query, &[]).await.status, 401);
    }
    // Of many requests to both at once, one is served.
    let path = format!("/events?topic=a&ticket={}", nodes.a.ticket(&ann).await);
    let addresses = [nodes.a.address, nodes.b.address].into_iter().cycle();
    let requests = addresses
        .take(100)
        .map(|node| request(node, "GET", &path, &[], ""));
    let responses = join_all(requests).await;
    let served = responses.iter().filter(|response| response.status() == 200);
    assert_eq!(served.count(), 1);
    // A ticket that no node has issued, though its signature is right.
    let mut forged = claims("ann", &["a"], 30.0);
    forged.jti = Some("0123456789abcdef".to_owned());
    forged.session_exp = Some(now() + 60.0);
    let forged = tokens("gateway")
        .sign(&forged, Use::Ticket)
        .expect("a ticket");
    let query = format!("topic=a&ticket={forged}");
    assert_eq!(nodes.a.refused(&query, &[]).await.status, 401);
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_user_cannot_fill_redis_with_tickets() {
    let nodes = Nodes::start(&[]).await;
    let (ann, bob) = (token("ann", &["a"], 600.0), token("bob", &["a"], 600.0));
    let authorization = bearer(&ann);
    let headers = [("authorization", &*authorization)];
    let (mut issued, mut refused) = (0, 0);
    for _ in 0..22 {
        let answers = (0..50).map(|_| nodes.a.ask("POST", "/ticket", &headers));
        for answer in join_all(answers).await {
            match answer.status {
                201 => issued += 1,
                429 => refused += 1,
                _ => panic!("{answer:?}"),
            }
        }
    }
    assert_eq!((issued, refused), (1_000, 100));
    nodes.b.ticket(&bob).await;
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_logout_holds_on_all_nodes_and_on_those_that_start_later() {
    let nodes = Nodes::start(&[]).await;
    let (ann, bob) = (of_long_ago("ann"), of_long_ago("bob"));
    let mut streams = Vec::new();
    for node in [&nodes.a, &nodes.b] {
        for user in [&ann, &bob] {
            let mut events = node.stream_of(user, "topic=a").await;
            events.begin().await;
            streams.push(events);
        }
    }
    let mut tickets = Vec::new();
    for node in [&nodes.a, &nodes.b, &nodes.b] {
        tickets.push(node.ticket(&ann).await);
    }
    let authorization = bearer(&ann);
    let headers = [("authorization", &*authorization)];
    assert_eq!(
        nodes.a.ask("DELETE", "/session", &headers).await.status,
        204
    );
    let bobs = [streams.remove(3), streams.remove(1)];
    for events in streams {
        assert_eq!(rest(events).await, [""; 0]);
    }
    // The node has read the logout before it ended the stream.
    let late = nodes.another().await;
    for (node, ticket) in [&nodes.a, &nodes.b, &late].into_iter().zip(tickets) {
        assert_eq!(node.refused("topic=a", &headers).await.status, 204);
        let query = format!("topic=a&ticket={ticket}");
        assert_eq!(node.refused(&query, &[]).await.status, 204);
        assert_eq!(node.ask("POST", "/session", &headers).await.status, 401);
        let ticket = node.ask("POST", "/ticket", &headers).await;
        assert_eq!(ticket.status, 401);
    }
    // Who logs in again is served everywhere.
    let again = token("ann", &["*"], 600.0);
    let (status, _) = late
        .post(
            r#"{"topic":"a","data":"x"}"#,
            &[("authorization", &bearer(&again))],
        )
        .await;
    assert_eq!(status, 201);
    for mut events in bobs {
        assert_eq!(events.data(1).await, ["x"]);
    }
    nodes.b.stream_of(&again, "topic=a").await.begin().await;
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_renewal_lets_streams_on_other_nodes_go_on_as_far_as_the_rights_go() {
    let nodes = Nodes::start(&[]).await;
    let short = token("ann", &["a", "b"], 3.0);
    let mut renewed = nodes.b.stream_of(&short, "topic=a").await;
    let mut other = nodes.b.stream_of(&short, "topic=b").await;
    let expiring = async |events: &mut Events| loop {
        match events.next().await.expect("an event before the end") {
            Seen::Event { event_type, .. } if event_type == "expiring" => return,
            _ => {}
        }
    };
    expiring(&mut renewed).await;
    expiring(&mut other).await;
    let long = bearer(&token("ann", &["a"], 600.0));
    let answer = nodes
        .a
        .ask("POST", "/session", &[("authorization", &long)])
        .await;
    // No stream of the node that was asked.
    assert_eq!(
        (answer.status, &answer.json()["streams"]),
        (200, &Value::from(0))
    );
    assert_eq!(rest(other).await, [""; 0]);
    let headers = [("authorization", &*long)];
    let (status, _) = nodes.a.post(r#"{"topic":"a","data":"x"}"#, &headers).await;
    assert_eq!(status, 201);
    assert_eq!(renewed.data(1).await, ["x"]);
    // Everybody may renew often; all nodes would read it.
    let length = || nodes.redis.command(&["XLEN", "{gateway}:log"]);
    let before = length();
    let renewals = (0..50).map(|_| nodes.a.ask("POST", "/session", &headers));
    for answer in join_all(renewals).await {
        assert_eq!(answer.status, 200);
    }
    let entries = |value| match value {
        crate::support::redis::Value::Integer(count) => count,
        other => panic!("{other:?}"),
    };
    assert!(entries(length()) - entries(before) < 10);
}

/// Pages of one user ask at about the same time, each for its own topics.
#[tokio::test]
#[ignore = "needs redis-server"]
async fn several_renewals_within_a_second_all_count() {
    let nodes = Nodes::start(&[]).await;
    let mut streams = Vec::new();
    for topic in ["a", "b"] {
        let short = token("ann", &[topic], 3.0);
        let mut events = nodes.b.stream_of(&short, &format!("topic={topic}")).await;
        events.begin().await;
        streams.push((topic, events));
    }
    for (topic, seconds) in [("a", 600.0), ("b", 5.0), ("b", 600.0)] {
        let long = bearer(&token("ann", &[topic], seconds));
        let headers = [("authorization", &*long)];
        assert_eq!(nodes.a.ask("POST", "/session", &headers).await.status, 200);
    }
    tokio::time::sleep(std::time::Duration::from_secs(6)).await;
    for (topic, events) in &mut streams {
        let long = bearer(&token("ann", &[topic], 600.0));
        let body = json!({ "topic": topic, "data": "late" }).to_string();
        let (status, _) = nodes.a.post(&body, &[("authorization", &long)]).await;
        assert_eq!(status, 201);
        while events.data(1).await != ["late"] {}
    }
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_logout_survives_the_data_of_redis_and_a_clock_that_is_ahead() {
    let mut claims = claims("bob", &["*"], 600.0);
    claims.iat = now() + 30.0;
    let ahead = tokens("gateway")
        .sign(&claims, Use::Access)
        .expect("a token");
    for user in [of_long_ago("ann"), ahead] {
        let nodes = Nodes::start(&[]).await;
        let authorization = bearer(&user);
        let headers = [("authorization", &*authorization)];
        assert_eq!(
            nodes.a.ask("DELETE", "/session", &headers).await.status,
            204
        );
        nodes.redis.command(&["FLUSHALL"]);
        // As soon as one of those that know it has connected again.
        let begin = std::time::Instant::now();
        while nodes.redis.command(&["ZCARD", "{gateway}:logouts"])
            == crate::support::redis::Value::Integer(0)
        {
            assert!(begin.elapsed() < crate::support::PATIENCE);
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        let late = nodes.another().await;
        for node in [&nodes.a, &nodes.b, &late] {
            assert_eq!(node.refused("topic=a", &headers).await.status, 204);
        }
    }
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn what_needs_redis_says_so_while_it_is_away_and_what_does_not_continues() {
    let mut nodes = Nodes::start(&[]).await;
    let ann = of_long_ago("ann");
    let authorization = bearer(&ann);
    let headers = [("authorization", &*authorization)];
    let ticket = nodes.a.ticket(&ann).await;
    nodes.redis.kill();
    nodes.a.wait_for("gateway_redis_up", 0.0).await;
    for (method, path) in [
        ("POST", "/ticket"),
        ("POST", "/session"),
        ("DELETE", "/session"),
    ] {
        let answer = nodes.a.ask(method, path, &headers).await;
        assert_eq!(
            (answer.status, answer.header("retry-after")),
            (503, "1"),
            "{path}"
        );
        assert_eq!(answer.json()["error"], json!("Redis is away"));
    }
    let query = format!("topic=a&ticket={ticket}");
    assert_eq!(nodes.a.refused(&query, &[]).await.status, 503);
    // A browser gives up after any status but 200, and continues where it was.
    let browser = [("sec-fetch-mode", "cors"), ("last-event-id", "e.7-0")];
    let mut busy = nodes.a.stream(&query, &browser).await;
    let id = loop {
        if let Seen::Event { id, .. } = busy.next().await.expect("an event") {
            break id;
        }
    };
    assert_eq!(id, "e.7-0");
    assert_eq!(rest(nodes.a.stream(&query, &browser).await).await, ["busy"]);
    nodes.a.stream_of(&ann, "topic=a").await.begin().await;
    nodes.redis.restart();
    nodes.a.wait_for("gateway_redis_up", 1.0).await;
    // Nothing was logged out, and it can be tried again.
    assert_eq!(
        nodes.a.ask("DELETE", "/session", &headers).await.status,
        204
    );
    assert_eq!(nodes.a.refused("topic=a", &headers).await.status, 204);
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn nobody_reads_the_events_of_others_below_the_log_of_a_node() {
    let nodes = Nodes::start(&["--log-events", "2"]).await;
    let (ann, bob) = (
        token("ann", &["a"], 600.0),
        token("bob", &["a", "b"], 600.0),
    );
    let start = nodes.a.stream_of(&ann, "topic=a").await.begin().await;
    let authorization = bearer(&bob);
    let headers = [("authorization", &*authorization)];
    for number in 0..200 {
        let (topic, user) = [("a", "ann"), ("a", "bob"), ("b", "ann")][number % 3];
        let body =
            json!({ "topic": topic, "user": user, "data": format!("{topic} {user} {number}") });
        assert_eq!(nodes.b.post(&body.to_string(), &headers).await.0, 201);
    }
    for (token, user, count) in [(&ann, "ann", 67), (&bob, "bob", 67)] {
        let authorization = bearer(token);
        let headers = [
            ("authorization", &*authorization),
            ("last-event-id", &*start),
        ];
        let mut events = nodes.a.stream("topic=a", &headers).await;
        let all = events.data(count).await;
        assert!(
            all.iter()
                .all(|data| data.starts_with(&format!("a {user} "))),
            "{all:?}"
        );
        assert!(events.is_silent().await);
    }
    assert!(nodes.a.metric("gateway_redis_history_reads_total").await > 0.0);
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_node_with_redis_passes_its_own_check() {
    let nodes = Nodes::start(&[]).await;
    let header = format!("authorization: {}", bearer(&token("ann", &["*"], 600.0)));
    let url = |path: &str| format!("http://{}{path}", nodes.a.address);
    let mut check = Command::new(env!("CARGO_BIN_EXE_gateway"));
    check.args(["check", "--header", &header, &url("/events?topic=news")]);
    check.args([
        "--post",
        &url("/publish"),
        "--body",
        r#"{"topic":"news","data":"{token}"}"#,
    ]);
    let checked = tokio::task::spawn_blocking(move || check.output()).await;
    let checked = checked.expect("it ends").expect("it runs");
    let report = String::from_utf8_lossy(&checked.stdout);
    assert!(checked.status.success(), "{report}");
}

/// The connection is encrypted, and the server's certificate is verified.
#[tokio::test]
#[ignore = "needs redis-server"]
async fn redis_is_reached_through_tls() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
    let (certificate, key) = (path("certificate"), path("key"));
    let extensions = "[req]
distinguished_name = name
x509_extensions = extensions
prompt = no
[name]
CN = localhost
[extensions]
subjectAltName = IP:127.0.0.1
basicConstraints = critical, CA:FALSE
";
    std::fs::write(path("config"), extensions).expect("a file");
    let made = Command::new("openssl")
        .args([
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
        ])
        .args([
            "-config",
            &path("config"),
            "-keyout",
            &key,
            "-out",
            &certificate,
        ])
        .output();
    assert!(made.expect("openssl runs: install it").status.success());
    let tls_port = crate::support::redis::free_address().port().to_string();
    let config = [
        ("tls-port", &*tls_port),
        ("tls-cert-file", &certificate),
        ("tls-key-file", &key),
        ("tls-auth-clients", "no"),
    ];
    let _redis = Redis::start(&config);
    let url = format!("rediss://127.0.0.1:{tls_port}");
    let start = |certificates: &str| {
        Gateway::start_with_variables(&["--redis", &url], &[("SSL_CERT_FILE", certificates)])
    };
    let trusting = start(&certificate);
    wait_until_ready(&trusting).await;
    trusting.publish(r#"{"topic":"a","data":"x"}"#).await;
    let none = path("none");
    std::fs::write(&none, "").expect("a file");
    let distrusting = start(&none);
    assert_eq!(distrusting.status("/readyz").await, 503);
    assert_eq!(
        distrusting.metric("gateway_redis_connections_total").await,
        0.0
    );
}
