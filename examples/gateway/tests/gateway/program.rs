//! The program as it is started, and its text as it is copied.

use std::fs;
use std::io::Read;
use std::net::TcpListener;
use std::path::Path;

use super::support::{Gateway, run};

#[test]
fn help_explains_every_option() {
    let (code, out, errors) = run(&["--help"]);
    assert_eq!((code, &*errors), (Some(0), ""));
    for line in out
        .lines()
        .map(str::trim_start)
        .filter(|line| line.starts_with("--"))
    {
        let option = line.split([' ', '=']).next().expect("a word");
        let rest = out.split_once(line).expect("it is there").1;
        let explained = line.contains("  ") || rest.trim_start().len() > 3;
        assert!(explained, "{option}");
    }
    for word in [
        "check",
        "load",
        "--listen",
        "--drain",
        "/publish",
        "[default: 127.0.0.1:8080]",
    ] {
        assert!(out.contains(word), "{word}\n{out}");
    }
}

#[test]
fn a_wrong_option_is_one_clear_line_and_exit_code_2() {
    for (arguments, reason) in [
        (
            &["--lisen", "127.0.0.1:1"][..],
            "unexpected argument '--lisen'",
        ),
        (
            &["--listen", "8080"],
            "invalid value '8080' for '--listen <ADDRESS>'",
        ),
        (
            &["--drain", "5"],
            "\"5\" is not a duration; write 500ms, 15s, 10m or 1h",
        ),
        (&["--drain", "99999999999999h"], "is not a duration"),
        (&["--drain", "-1s"], "-1"),
        (&["--threads", "0"], "0 is not in 1.."),
        (&["--listen", "localhost:8080"], "names are not resolved"),
        (&["--log-events", "0"], "not a number above 0"),
        (
            &["--log-bytes", "64M"],
            "not a number above 0, without a unit",
        ),
        (&["--max-connections", "0"], "not a number above 0"),
        (&["--log-age", "0"], "must be more than zero"),
        (&["--write-timeout", "0"], "must be more than zero"),
        (&["--request-timeout", "0s"], "must be more than zero"),
        (&["--log-level", "loud"], "invalid value 'loud'"),
        (
            &["--no-auth", "--listen", "0.0.0.0:0"],
            "allow it with --remote",
        ),
        (
            &["--demo", "--metrics-listen", "0.0.0.0:0"],
            "allow it with --remote",
        ),
        (
            &["--demo", "--listen", "0.0.0.0:0", "--remote"],
            "only for 127.0.0.1",
        ),
        (&[], "who may connect? Start with --demo to try it"),
        (&["--demo", "--no-auth"], "cannot be used with"),
        (&["--users", "/no/such/file"], "/no/such/file: No such file"),
        (
            &["--secret-file", "/no/such/file"],
            "cannot read /no/such/file",
        ),
        (
            &["--no-auth", "--allow-origin", "example.org"],
            "not an origin",
        ),
        (
            &["--no-auth", "--allow-origin", "https://example.org/"],
            "not an origin",
        ),
        (
            &["--no-auth", "--trusted-proxy", "proxy"],
            "invalid value 'proxy'",
        ),
        (
            &["token", "ann", "--topic", "a"],
            "give the secret of the server in GATEWAY_SECRET",
        ),
        (
            &["user", "add", "/no/such/file", "ann"],
            "a user without rights can do nothing",
        ),
        (&["user"], "requires a subcommand"),
        (&["extra"], "'extra'"),
        (&["check"], "<URL>"),
    ] {
        let (code, out, errors) = run(arguments);
        assert_eq!((code, &*out), (Some(2), ""), "{arguments:?}");
        assert!(errors.starts_with("gateway"), "{errors}");
        assert!(errors.contains(reason), "{arguments:?}: {errors}");
        assert_eq!(errors.lines().count(), 1, "{errors}");
    }
}

#[test]
fn a_taken_port_is_one_clear_line_and_exit_code_2() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("it is bound").to_string();
    for (option, other) in [
        ("--listen", "--metrics-listen"),
        ("--metrics-listen", "--listen"),
    ] {
        let (code, out, errors) = run(&["--no-auth", option, &address, other, "127.0.0.1:0"]);
        assert_eq!((code, &*out), (Some(2), ""));
        assert!(errors.starts_with(&format!("gateway: cannot listen at {address} ({option}): ")));
        assert_eq!(errors.lines().count(), 1, "{errors}");
    }
}

/// No label comes from users, however many topics and users there are, and nothing of theirs is logged.
#[tokio::test]
async fn metrics_have_as_many_lines_after_any_use_and_the_log_has_no_queries_or_payloads() {
    let (mut log, errors) = std::io::pipe().expect("a pipe");
    let options = ["--log-level", "debug", "--log-format", "json"];
    let gateway = Gateway::start_with("127.0.0.1:0", &options, errors.into());
    let mut lines = Vec::new();
    for round in 0..2 {
        for number in 0..20 {
            let (topic, user) = (
                format!("secret{round}x{number}"),
                format!("name{round}x{number}"),
            );
            let query = format!("topic={topic}&user={user}&last_event_id=other.{number}");
            gateway.events(&query, None).await.gap().await;
            gateway
                .publish(&format!(
                    r#"{{"topic":"{topic}","user":"{user}","data":1}}"#
                ))
                .await;
            assert_eq!(gateway.status(&format!("/{topic}")).await, 404);
        }
        let text = gateway.metrics_text().await;
        assert!(
            !text.contains("secret") && !text.contains("name0"),
            "{text}"
        );
        lines.push(text.lines().count());
    }
    assert_eq!(lines[0], lines[1]);
    drop(gateway);
    let mut text = String::new();
    log.read_to_string(&mut text).expect("text");
    assert!(
        !text.contains("secret") && !text.contains("name0"),
        "{text}"
    );
    let messages: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let begins = messages
        .iter()
        .filter(|message| message["fields"]["message"] == "stream begins");
    let gaps = begins.filter(|message| message["fields"]["gap"] == "malformed");
    assert_eq!(gaps.count(), 40);
}

/// Who copies a file should be able to read it.
#[test]
fn files_are_short_and_the_hub_depends_on_nothing_else() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut folders, mut count) = (vec![source.clone()], 0);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = fs::read_to_string(&path).expect("text");
            let is_hub = path.starts_with(source.join("hub")) || path == source.join("hub.rs");
            let most = if path.ends_with("hub.rs") { 300 } else { 250 };
            assert!(text.lines().count() <= most, "{}", path.display());
            count += 1;
            let uses = text.lines().filter_map(|line| line.strip_prefix("use "));
            for used in uses.filter(|_| is_hub) {
                let root = used.split([':', ';']).next().expect("a word");
                assert!(
                    ["sse_wire", "std", "super", "ended", "index", "message"].contains(&root),
                    "{}: {used}",
                    path.display()
                );
            }
        }
    }
    assert!(count > 15);
}
