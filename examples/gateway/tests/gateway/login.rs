//! Signing in with name and password.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use super::support::authentication::{ask, bearer, secret_file};
use super::support::{Gateway, run};

const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test]
async fn a_login_gives_a_token_and_a_cookie_that_scripts_cannot_read() {
    let gateway = Gateway::start(&["--demo"]);
    let answer = gateway.post_login("ann", "ann-demo", &[]).await;
    assert_eq!(answer.status, 200);
    let token = answer.json()["token"].as_str().unwrap().to_owned();
    assert!((890..=900).contains(&answer.json()["expires_in"].as_u64().unwrap()));
    assert_eq!(answer.cookie("session"), token);
    let cookie = answer.header("set-cookie");
    assert!(
        cookie.ends_with("; Path=/; Max-Age=899; HttpOnly; SameSite=Strict"),
        "{cookie}"
    );
    assert_eq!(answer.header("cache-control"), "no-store");
    gateway.stream_of(&token, "topic=news").await.begin().await;
    let session = format!("other=1; session={token}");
    gateway
        .stream("topic=news", &[("cookie", &session)])
        .await
        .begin()
        .await;
}

/// Browsers accept the prefixes only together with `Secure`, and then from this host alone.
#[tokio::test]
async fn beyond_this_machine_cookies_are_secure() {
    let users = Users::new();
    users.add("ann", "secret of ann", &["--topic", "news"]);
    let gateway = Gateway::start(&["--users", &users.file()]);
    let host = ("host", "example.org");
    let answer = gateway.post_login("ann", "secret of ann", &[host]).await;
    let cookie = answer.header("set-cookie");
    assert!(cookie.starts_with("__Host-session=ey"), "{cookie}");
    assert!(
        cookie.ends_with("; HttpOnly; SameSite=Strict; Secure"),
        "{cookie}"
    );
    let token = answer.cookie("__Host-session");
    let (secure, plain) = (
        format!("__Host-session={token}"),
        format!("session={token}"),
    );
    gateway
        .stream("topic=news", &[host, ("cookie", &secure)])
        .await
        .begin()
        .await;
    let refused = gateway
        .refused("topic=news", &[host, ("cookie", &plain)])
        .await;
    assert_eq!(refused.status, 401);
}

#[tokio::test]
async fn unknown_names_and_wrong_passwords_have_the_same_answer() {
    let gateway = Gateway::start(&["--demo"]);
    let mut answers = Vec::new();
    for (name, password) in [
        ("ann", "bob-demo"),
        ("nobody", "ann-demo"),
        ("", ""),
        ("ann", ""),
        ("ann\0", "ann-demo"),
    ] {
        let mut answer = gateway.post_login(name, password, &[]).await;
        answer.headers.remove("date");
        assert_eq!(
            (answer.status, &*answer.text),
            (401, r#"{"error":"not authenticated"}"#)
        );
        answers.push(answer.headers);
    }
    assert!(
        answers.iter().all(|headers| *headers == answers[0]),
        "{answers:?}"
    );
    assert_eq!(
        gateway
            .metric(r#"gateway_logins_total{reason="failed"}"#)
            .await,
        5.0
    );
}

#[tokio::test]
async fn a_wrong_login_is_refused_with_the_reason() {
    let gateway = Gateway::start(&["--demo"]);
    let long = format!(r#"{{"name":"{}","password":"x"}}"#, "x".repeat(70_000));
    for (headers, body, status, reason) in [
        (
            &[JSON][..],
            "{",
            400,
            "the body has no name and password: EOF",
        ),
        (
            &[JSON],
            r#"["ann","ann-demo"]"#,
            400,
            "the body is not a JSON object",
        ),
        (
            &[JSON],
            r#"{"name":"ann"}"#,
            400,
            "missing field `password`",
        ),
        (
            &[JSON],
            r#"{"name":"ann","password":"x","x":1}"#,
            400,
            "unknown field `x`",
        ),
        (&[JSON], &long, 413, "the body is longer than 65536 bytes"),
        (
            &[("content-type", "text/plain")],
            "{}",
            415,
            "content-type: application/json",
        ),
        (&[], "name=ann", 415, "content-type: application/json"),
        (
            &[JSON, ("origin", "http://evil.example")],
            "{}",
            403,
            "not allowed",
        ),
        (
            &[JSON, ("sec-fetch-site", "same-site")],
            "{}",
            403,
            "not allowed",
        ),
    ] {
        let answer = ask(gateway.address, "POST", "/login", headers, body).await;
        assert!(
            answer.status == status && answer.text.contains(reason),
            "{answer:?}"
        );
    }
    assert_eq!(gateway.ask("GET", "/login", &[]).await.status, 405);
}

#[tokio::test]
async fn an_address_may_try_so_many_logins_a_minute_and_cannot_invent_others() {
    let limit = ["--demo", "--logins-per-minute", "2"];
    let proxy = [&limit[..], &["--trusted-proxy", "127.0.0.1"]].concat();
    for (options, status) in [(&limit[..], 429), (&proxy, 200)] {
        let gateway = Gateway::start(options);
        let forwarded = ("x-forwarded-for", "192.0.2.1");
        for number in 0..2 {
            let answer = gateway.post_login("ann", "wrong", &[forwarded]).await;
            assert_eq!(answer.status, 401, "{number}");
        }
        let answer = gateway.post_login("ann", "ann-demo", &[forwarded]).await;
        assert_eq!(answer.status, 429);
        let wait: u32 = answer.header("retry-after").parse().expect("seconds");
        assert!((1..=31).contains(&wait), "{wait}");
        let other = ("x-forwarded-for", "192.0.2.1, 192.0.2.2");
        let answer = gateway.post_login("ann", "ann-demo", &[other]).await;
        assert_eq!(answer.status, status);
    }
}

/// Passwords are verified one after the other, and few wait: what is refused costs nothing.
#[tokio::test]
async fn of_many_logins_at_once_some_are_told_to_return_and_streams_go_on() {
    let gateway = Gateway::start(&["--demo", "--logins-per-minute", "100000"]);
    let token = gateway.login("ann").await;
    let mut events = gateway.stream_of(&token, "topic=a").await;
    events.begin().await;
    let logins = (0..200).map(|_| gateway.post_login("ann", "wrong", &[]));
    let logins = futures_util::future::join_all(logins);
    let publishing = async {
        for number in 0..50 {
            let body = format!(r#"{{"topic":"a","data":{number}}}"#);
            let (status, _) = gateway
                .post(&body, &[("authorization", &bearer(&token))])
                .await;
            assert_eq!(status, 201);
        }
        events.data(50).await
    };
    let (answers, data) = tokio::join!(logins, publishing);
    assert_eq!(data.len(), 50);
    let count = |status| {
        answers
            .iter()
            .filter(|answer| answer.status == status)
            .count()
    };
    assert_eq!(count(401) + count(503), 200);
    assert!(
        count(401) >= 32 && count(503) > 0,
        "{} {}",
        count(401),
        count(503)
    );
    let busy = answers.iter().find(|answer| answer.status == 503).unwrap();
    assert_eq!(busy.header("retry-after"), "2");
    assert_eq!(gateway.post_login("ann", "ann-demo", &[]).await.status, 200);
}

#[tokio::test]
async fn users_come_from_a_file_that_has_no_passwords() {
    let users = Users::new();
    users.add(
        "ann",
        "secret of ann",
        &["--topic", "news", "--publish", "news"],
    );
    users.add("bob", "secret of bob", &["--topic", "bob.*"]);
    let (code, _, errors) = users.try_add("ann", "another", &["--topic", "news"]);
    assert!(code == 2 && errors.contains("has a user \"ann\"; replace it with --replace"));
    users.add("bob", "new secret", &["--topic", "bob.*", "--replace"]);
    let text = fs::read_to_string(users.file()).expect("a file");
    assert!(!text.contains("secret") && text.contains("$argon2id$v=19$m=19456,t=2,p=1$"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(users.file())
            .expect("a file")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let gateway = Gateway::start(&["--users", &users.file()]);
    for (name, password, status) in [
        ("ann", "secret of ann", 200),
        ("ann", "another", 401),
        ("bob", "secret of bob", 401),
        ("bob", "new secret", 200),
        ("ann", "ann-demo", 401),
    ] {
        assert_eq!(
            gateway.post_login(name, password, &[]).await.status,
            status,
            "{password}"
        );
    }
}

#[test]
fn a_user_without_password_or_rights_is_not_added_and_a_wrong_file_is_an_error() {
    let users = Users::new();
    for (name, password, rights, reason) in [
        (
            "ann",
            "",
            &["--topic", "a"][..],
            "a password has 1 to 1024 bytes",
        ),
        ("ann", "x", &[], "a user without rights can do nothing"),
        ("", "x", &["--topic", "a"], "the name is empty"),
        ("a\nb", "x", &["--topic", "a"], "has a control character"),
        ("ann", "x", &["--publish", ""], "--publish is empty"),
    ] {
        let (code, out, errors) = users.try_add(name, password, rights);
        assert_eq!((code, &*out), (2, ""), "{errors}");
        assert!(errors.contains(reason), "{errors}");
        assert!(!fs::exists(users.file()).expect("a folder"));
    }
    for (text, reason) in [
        ("", "is not a file of users"),
        (r#"{"ann":{}}"#, "missing field `password`"),
        (
            r#"{"ann":{"password":"x","topics":[],"publish":[]}}"#,
            "user \"ann\" is not valid",
        ),
    ] {
        fs::write(users.file(), text).expect("a file");
        let (code, _, errors) = run(&["--users", &users.file()]);
        assert_eq!(code, Some(2));
        assert!(
            errors.contains(reason) && errors.lines().count() == 1,
            "{errors}"
        );
    }
}

#[tokio::test]
async fn the_program_makes_tokens_with_the_secret_of_the_server() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = secret_file(&folder);
    let file = file.to_str().expect("UTF-8");
    let gateway = Gateway::start(&["--secret-file", file]);
    let (code, token, errors) = run(&["token", "ann", "--topic", "a", "--secret-file", file]);
    assert_eq!((code, &*errors), (Some(0), ""));
    let token = token.trim_end();
    gateway.stream_of(token, "topic=a").await.begin().await;
    let authorization = bearer(token);
    let refused = gateway
        .refused("topic=b", &[("authorization", &authorization)])
        .await;
    assert_eq!(refused.status, 403);
    // Nobody logs in where there are no users.
    assert_eq!(gateway.post_login("ann", "x", &[]).await.status, 401);
    let mut short = tempfile::NamedTempFile::new().expect("a file");
    short
        .write_all(b"   too short   \n")
        .expect("it is written");
    let (code, _, errors) = run(&["--secret-file", short.path().to_str().unwrap()]);
    assert_eq!(code, Some(2));
    assert!(
        errors.contains("has 9 bytes; at least 32 are needed"),
        "{errors}"
    );
}

/// It would be refused by the server whose secret has signed it.
#[test]
fn a_token_that_is_too_long_is_not_made() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = secret_file(&folder);
    let topics = (0..40).map(|number| format!("{number}{}", "x".repeat(100)));
    let topics: Vec<_> = topics
        .flat_map(|topic| ["--topic".to_owned(), topic])
        .collect();
    let file = file.to_str().expect("UTF-8");
    let mut arguments = vec!["token", "ann", "--secret-file", file];
    arguments.extend(topics.iter().map(|it| &**it));
    let (code, out, errors) = run(&arguments);
    assert_eq!((code, &*out), (Some(2), ""));
    assert!(errors.contains("at most 4096 are accepted"), "{errors}");
}

#[tokio::test]
async fn without_authentication_there_is_no_login() {
    let gateway = Gateway::start(&[]);
    let json = [JSON];
    for (method, path) in [
        ("POST", "/login"),
        ("POST", "/session"),
        ("DELETE", "/session"),
        ("POST", "/ticket"),
    ] {
        let answer = ask(
            gateway.address,
            method,
            path,
            &json,
            r#"{"name":"a","password":"b"}"#,
        )
        .await;
        assert_eq!(answer.status, 404, "{path}");
        assert!(
            answer.text.contains("without authentication"),
            "{}",
            answer.text
        );
    }
}

#[tokio::test]
async fn the_demo_is_not_reached_through_a_proxy() {
    let gateway = Gateway::start(&["--demo"]);
    let host = ("host", "example.org");
    assert_eq!(
        gateway.post_login("ann", "ann-demo", &[host]).await.status,
        403
    );
    let token = bearer(&gateway.login("ann").await);
    let headers = [host, ("authorization", &*token)];
    assert_eq!(gateway.refused("topic=a", &headers).await.status, 403);
    assert_eq!(gateway.ask("POST", "/ticket", &headers).await.status, 403);
}

/// A file of users.
struct Users(tempfile::TempDir);

impl Users {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn file(&self) -> String {
        let file = self.0.path().join("users.json");
        file.to_str().expect("UTF-8").to_owned()
    }

    fn add(&self, name: &str, password: &str, options: &[&str]) {
        let (code, out, errors) = self.try_add(name, password, options);
        assert_eq!((code, &*errors), (0, ""));
        assert!(out.contains(name), "{out}");
    }

    fn try_add(&self, name: &str, password: &str, options: &[&str]) -> (i32, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gateway"));
        command
            .args(["user", "add", &self.file(), name])
            .args(options);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        // It may end without reading.
        let _ = writeln!(child.stdin.take().expect("a pipe"), "{password}");
        let output = child.wait_with_output().expect("an end");
        let text = |bytes| String::from_utf8(bytes).expect("text");
        let code = output.status.code().expect("a code");
        (code, text(output.stdout), text(output.stderr))
    }
}
