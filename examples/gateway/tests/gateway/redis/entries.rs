//! What is in Redis, or is no Redis: entries of others, and servers that cannot be used.

use std::io::{BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::bench::wait_until_ready;
use crate::support::redis::{Redis, Value, free_address, read};
use crate::support::{Gateway, PATIENCE};

const LOG: &str = "{gateway}:log";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server"]
async fn an_entry_of_the_far_future_does_not_end_the_log() {
    let redis = Redis::start(&[]);
    let options = ["--redis", &redis.url(), "--log-level", "error"];
    let gateway = Gateway::start(&options);
    wait_until_ready(&gateway).await;
    let mut events = gateway.events("topic=a", None).await;
    let start = events.begin().await;
    gateway.publish(r#"{"topic":"a","data":"0"}"#).await;
    // Greater than what a double, or a signed number, has room for.
    for id in [
        "9007199254740993-9007199254740993",
        "18446744073709551000-7",
    ] {
        redis.command(&["XADD", LOG, id, "a", "b"]);
        gateway.publish(r#"{"topic":"a","data":"1"}"#).await;
    }
    assert_eq!(events.data(3).await, ["0", "1", "1"]);
    let other = Gateway::start(&options);
    wait_until_ready(&other).await;
    let mut again = other.events("topic=a", Some(&start)).await;
    assert_eq!(again.data(3).await, ["0", "1", "1"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server"]
async fn entries_of_others_are_skipped_counted_and_logged_once() {
    let redis = Redis::start(&[]);
    let (mut log, errors) = std::io::pipe().expect("a pipe");
    let options = ["--redis", &redis.url(), "--log-format", "json"];
    let gateway = Gateway::start_with("127.0.0.1:0", &options, errors.into());
    wait_until_ready(&gateway).await;
    let mut events = gateway.events("topic=a", None).await;
    let start = events.begin().await;
    gateway.publish(r#"{"topic":"a","data":"0"}"#).await;
    let Value::Array(entries) = redis.command(&["XRANGE", LOG, "-", "+"]) else {
        panic!("no entries")
    };
    let Some(Value::Array(entry)) = entries.last() else {
        panic!("no entry")
    };
    let Value::Array(fields) = &entry[1] else {
        panic!("no fields")
    };
    let first = (fields[0].text(), fields[1].text());
    redis.command(&["XADD", LOG, "*", "secret-name", "secret-value"]);
    redis.command(&["XADD", LOG, "*", &first.0, "\u{1}"]);
    redis.command(&["XADD", LOG, "*", &first.0, &first.1, "secret-name", ""]);
    redis.command(&["XADD", LOG, "*", "secret", &"x".repeat(1 << 20)]);
    for number in 1..20 {
        redis.command(&["XADD", LOG, "*", "a", &number.to_string()]);
    }
    gateway.publish(r#"{"topic":"a","data":"1"}"#).await;
    assert_eq!(events.data(2).await, ["0", "1"]);
    let skipped = gateway.metric("gateway_redis_skipped_entries_total").await;
    assert!((22.0..=23.0).contains(&skipped), "{skipped}");
    // A second node, and one that resumes, read them below their logs.
    let other = Gateway::start(&["--redis", &redis.url(), "--log-level", "error"]);
    wait_until_ready(&other).await;
    let mut again = other.events("topic=a", Some(&start)).await;
    assert_eq!(again.begin().await, start);
    assert_eq!(again.data(2).await, ["0", "1"]);
    drop(gateway);
    let mut text = String::new();
    log.read_to_string(&mut text).expect("text");
    assert!(!text.contains("secret"), "{text}");
    let warnings = text.lines().filter(|line| line.contains("WARN"));
    assert_eq!(warnings.count(), 1, "{text}");
}

/// Starts a gateway that should end by itself, and returns its code and what it writes to stderr.
fn fails(options: &[&str], variables: &[(&str, &str)]) -> (Option<i32>, String) {
    let addresses = ["--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"];
    let mut command = Command::new(env!("CARGO_BIN_EXE_gateway"));
    command
        .args(addresses)
        .arg("--no-auth")
        .args(options)
        .envs(variables.iter().copied())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    let mut errors = child.stderr.take().expect("a pipe");
    let begin = Instant::now();
    let mut status = None;
    while status.is_none() && begin.elapsed() < PATIENCE {
        thread::sleep(Duration::from_millis(10));
        status = child.try_wait().expect("it is a child");
    }
    let _ = child.kill();
    let _ = child.wait();
    let mut text = String::new();
    errors.read_to_string(&mut text).expect("text");
    let status = status.unwrap_or_else(|| panic!("it does not end: {options:?}: {text}"));
    (status.code(), text)
}

/// Expects exit code 2, and one line on stderr that has this text and no password.
fn is_wrong(url: &str, text: &str) {
    for (options, variables) in [
        (&["--redis", url][..], &[][..]),
        (&[], &[("REDIS_URL", url)]),
    ] {
        let (code, errors) = fails(options, variables);
        assert_eq!((code, errors.lines().count()), (Some(2), 1), "{errors}");
        assert!(errors.starts_with("gateway: "), "{errors}");
        let lower = errors.to_lowercase();
        assert!(lower.contains(text), "{text}: {errors}");
        assert!(!errors.contains("hunter2"), "{errors}");
    }
}

#[test]
#[ignore = "needs redis-server"]
fn a_url_that_is_none_is_one_clear_line_and_exit_code_2() {
    let address = free_address();
    for url in [
        "127.0.0.1",
        "http://127.0.0.1:6379",
        "redis://127.0.0.1:port",
        "redis://:hunter2@127.0.0.1:99999",
        &format!("redis://{address}/x"),
    ] {
        is_wrong(url, "redis");
    }
}

#[test]
#[ignore = "needs redis-server"]
fn a_wrong_password_is_one_clear_line_and_exit_code_2() {
    let redis = Redis::start(&[("requirepass", "right")]);
    is_wrong(&format!("redis://{}", redis.address), "password");
    is_wrong(&format!("redis://:hunter2@{}", redis.address), "password");
    is_wrong(
        &format!("redis://ann:hunter2@{}", redis.address),
        "password",
    );
}

#[test]
#[ignore = "needs redis-server"]
fn a_key_of_a_wrong_type_is_one_clear_line_and_exit_code_2() {
    for key in [LOG, "{gateway}:state"] {
        let redis = Redis::start(&[]);
        redis.command(&["SET", key, "x"]);
        is_wrong(&redis.url(), "--redis-key");
    }
}

fn answer(mut output: TcpStream, version: &str) {
    let Ok(input) = output.try_clone() else {
        return;
    };
    let mut input = BufReader::new(input);
    while let Some(Value::Array(words)) = read(&mut input) {
        let word = words.first().map(Value::text).unwrap_or_default();
        let info = format!("# Server\r\nredis_version:{version}\r\nredis_mode:standalone\r\n");
        let text = |text: &str| format!("${}\r\n{text}\r\n", text.len());
        let reply = match &*word.to_uppercase() {
            "INFO" => text(&info),
            "HELLO" => format!("%1\r\n{}{}", text("version"), text(version)),
            "CLIENT" => "-ERR unknown subcommand\r\n".to_owned(),
            "PING" => "+PONG\r\n".to_owned(),
            _ => "+OK\r\n".to_owned(),
        };
        if output.write_all(reply.as_bytes()).is_err() {
            return;
        }
    }
}

/// Answers as a Redis of this version does, as far as a client needs it that only looks.
fn pretend(version: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("it is bound");
    // It ends with the process of the tests.
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || answer(stream, version));
        }
    });
    address
}

#[test]
#[ignore = "needs redis-server"]
fn a_redis_that_is_too_old_is_one_clear_line_and_exit_code_2() {
    for version in ["6.0.16", "2.8.0"] {
        is_wrong(&format!("redis://{}", pretend(version)), "6.2");
    }
}
