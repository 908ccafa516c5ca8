//! `emit` writes streams whose events arrive as they were given.

use crate::{Live, assert_one_line, run};

/// What `emit` writes.
fn emit(arguments: &[&str], input: &[u8]) -> String {
    let (code, stdout, stderr) = run("emit", arguments, input);
    assert_eq!((code, &*stderr), (Some(0), ""), "{arguments:?}");
    stdout
}

/// What `inspect` prints of the stream that `emit` writes, and its summary.
fn inspected(arguments: &[&str], input: &[u8], inspect: &[&str]) -> (String, String) {
    let stream = emit(arguments, input);
    let (code, stdout, stderr) = run("inspect", inspect, stream.as_bytes());
    assert_eq!(code, Some(0), "{stderr}");
    (stdout, stderr)
}

#[test]
fn arguments_become_the_bytes_of_events() {
    let pretty = "{\n  \"list\": [1, 2.5, null],\r\n  \"text\": \"two\\nlines\"\n}";
    let letter = "{\"b\":123456789012345678901234567890, \"a\":1e400, \"b\":1.0}";
    for (arguments, expected) in [
        (
            &["one", "two\nlines", ""][..],
            "data: one\n\ndata: two\ndata: lines\n\ndata: \n\n",
        ),
        (&["--", "--not-an-option"], "data: --not-an-option\n\n"),
        (&["--retry=0", "x"], "retry: 0\n\ndata: x\n\n"),
        (
            &["--json", "--type", "t", "--ids", pretty, "\"x\""],
            "event: t\nid: 1\ndata: {\ndata:   \"list\": [1, 2.5, null],\n\
             data:   \"text\": \"two\\nlines\"\ndata: }\n\nevent: t\nid: 2\ndata: \"x\"\n\n",
        ),
        // To the letter, not as a number that is parsed.
        (&["--json", letter], &format!("data: {letter}\n\n")),
    ] {
        assert_eq!(emit(arguments, b"unread"), expected, "{arguments:?}");
    }
    assert_eq!(emit(&[], b""), "");
}

/// A line of JSON as "type|data|last event ID", or as a comment or a reconnection time.
fn item(line: &str) -> String {
    let item: serde_json::Value = serde_json::from_str(line).expect("JSON");
    let text = |name: &str| item[name].as_str();
    match (
        text("type"),
        text("data"),
        text("lastEventId"),
        text("comment"),
    ) {
        (Some(kind), Some(data), Some(id), None) => format!("{kind}|{data}|{id}"),
        (None, None, None, Some(comment)) => format!(":{comment}"),
        _ => format!("retry {}", item["retry"]),
    }
}

#[test]
fn what_is_given_arrives_whatever_it_contains() {
    let hostile = "a\r\rdata: x\n\nevent: x\n\r\nid: x\r: c\n\u{feff}\u{2028}\u{85}\u{b}";
    let arrived = hostile.replace("\r\n", "\n").replace('\r', "\n");
    let arrived = format!(": c/:/: data: x/:/:/t|{arrived}|");
    // The arguments, the input, and the items that arrive, separated by "/".
    for (arguments, input, expected) in [
        (
            &[][..],
            "Grüße\r\n\n  indented\r\r\nlast, without a line end",
            "message|Grüße|/message||/message|  indented\n|/message|last, without a line end|",
        ),
        (&["--retry=0"], "", "retry 0"),
        (
            &[
                "--type",
                " p: ",
                "--ids",
                "--retry",
                "2500",
                "--comment",
                "two\nl",
                "a",
                "b\n\n",
            ],
            "",
            ": two/: l/retry 2500/ p: |a|1/ p: |b\n\n|2",
        ),
        (
            &["--id", "\u{1}\t7: ü", " b", "\r", ": c", "\u{feff}"],
            "",
            "message| b|\u{1}\t7: ü/message|\n|\u{1}\t7: ü/message|: c|\u{1}\t7: ü/\
             message|\u{feff}|\u{1}\t7: ü",
        ),
        (
            &["--type", "t", "--comment", "c\r\rdata: x\n\n", hostile],
            "",
            &arrived,
        ),
    ] {
        let (items, summary) = inspected(arguments, input.as_bytes(), &["--json", "--all"]);
        let items: Vec<String> = items.lines().map(item).collect();
        assert_eq!(items.join("/"), expected, "{arguments:?}");
        assert!(summary.contains(" refused 0, "), "{summary}");
        assert!(summary.ends_with(" ended between events\n"), "{summary}");
    }
}

#[test]
fn data_that_cannot_be_sent_is_one_line_and_exit_code_1() {
    for (arguments, input, sent, message) in [
        (
            &["--json"][..],
            &b"[1]\n[2\n[3]\n"[..],
            "data: [1]\n\n",
            "event 2 is not JSON",
        ),
        (
            &[],
            b"good\n\xff\n",
            "data: good\n\n",
            "cannot read standard input",
        ),
    ] {
        let (code, stdout, stderr) = run("emit", arguments, input);
        assert_eq!((code, &*stdout), (Some(1), sent));
        assert_one_line("emit", &stderr);
        assert!(stderr.contains(message), "{stderr}");
    }
}

#[test]
fn a_large_line_arrives_whole_up_to_the_limit() {
    let data: String = ('a'..='z').cycle().take(8 << 20).collect();
    let (stdout, summary) = inspected(&["--large", "8388608", "--ids"], b"", &["--json"]);
    let expected = format!("{{\"type\":\"message\",\"data\":\"{data}\",\"lastEventId\":\"1\"}}\n");
    assert!(stdout == expected, "the event differs");
    assert!(
        summary.starts_with("inspect: bytes 8388622, events 1, "),
        "{summary}"
    );
    for (bytes, counts) in [
        ("1000", "events 1, comments 0, refused 0,"),
        ("1001", "events 0, comments 0, refused 1,"),
    ] {
        let limited = ["--json", "--limit", "1000"];
        let (stdout, summary) = inspected(&["--large", bytes], b"", &limited);
        assert!(summary.contains(counts), "{summary}");
        assert_eq!(stdout.is_empty(), bytes == "1001");
    }
}

#[test]
fn the_demonstration_shows_a_bit_of_everything() {
    let (items, _) = inspected(&["--demo", "--pause", "1"], b"", &["--json", "--all"]);
    let items: Vec<&str> = items.lines().collect();
    assert_eq!(items.len(), 10);
    assert_eq!(
        items[..2],
        ["{\"comment\":\" a demonstration\"}", "{\"retry\":3000}"]
    );
    assert!(items[2].contains("\"Hello, world!\""));
    assert!(items[9].contains("\"goodbye\"") && items[9].contains("\"lastEventId\":\"2\""));
    assert!(items.iter().any(|item| item.contains("\\n\\n")));
    assert!(items.iter().any(|item| !item.is_ascii()));
}

#[test]
fn an_event_is_written_before_the_next_line_is_read() {
    let mut live = Live::start("emit", &[]);
    for data in ["first", "second"] {
        live.write(format!("{data}\n").as_bytes());
        assert_eq!(
            [live.line(), live.line()],
            [format!("data: {data}"), String::new()]
        );
    }
    live.end();
}
