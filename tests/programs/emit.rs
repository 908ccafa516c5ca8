//! `emit` writes streams whose events arrive as they were given.

use crate::{Live, assert_fails, run};

/// What `emit` writes.
fn emit(arguments: &str, input: &[u8]) -> String {
    let (code, stdout, stderr) = run("emit", arguments, input);
    assert_eq!((code, &*stderr), (Some(0), ""), "{arguments}");
    stdout
}

/// What `inspect` prints of the stream that `emit` writes, and its summary.
fn inspected(arguments: &str, input: &[u8], inspect: &str) -> (String, String) {
    let stream = emit(arguments, input);
    let (code, stdout, stderr) = run("inspect", inspect, stream.as_bytes());
    assert_eq!(code, Some(0), "{stderr}");
    (stdout, stderr)
}

#[test]
fn arguments_become_the_bytes_of_events() {
    // To the letter, not as a number that is parsed.
    let json = "--json|{\"b\":123456789012345678901234567890, \"a\":1e400, \"b\":1.0}";
    let written = "data: {\"b\":123456789012345678901234567890, \"a\":1e400, \"b\":1.0}\n\n";
    let pretty = "--json|--type|t|--ids|{\n  \"list\": [1, 2],\r\n  \"text\": \"\\n\"\n}|\"x\"";
    let blocks = "event: t\nid: 1\ndata: {\ndata:   \"list\": [1, 2],\ndata:   \"text\": \"\\n\"\n\
        data: }\n\nevent: t\nid: 2\ndata: \"x\"\n\n";
    let lines = "data: one\n\ndata: two\ndata: lines\n\ndata: \n\n";
    for (arguments, expected) in [
        ("one|two\nlines|", lines),
        ("--|--not-an-option", "data: --not-an-option\n\n"),
        ("--retry=0|x", "retry: 0\n\ndata: x\n\n"),
        (json, written),
        (pretty, blocks),
    ] {
        assert_eq!(emit(arguments, b"unread"), expected, "{arguments}");
    }
    assert_eq!(emit("", b""), "");
}

/// A line of JSON as "type|data|last event ID", or as a comment or a reconnection time.
fn item(line: &str) -> String {
    let item: serde_json::Value = serde_json::from_str(line).expect("JSON");
    match (item["type"].as_str(), item["comment"].as_str()) {
        (Some(kind), None) => {
            let [data, id] = ["data", "lastEventId"].map(|name| item[name].as_str());
            format!("{kind}|{}|{}", data.expect("data"), id.expect("an ID"))
        }
        (None, Some(comment)) => format!(":{comment}"),
        _ => format!("retry {}", item["retry"]),
    }
}

#[test]
fn what_is_given_arrives_whatever_it_contains() {
    let hostile = "a\r\rdata: x\n\nevent: x\n\r\nid: x\r: c\n\u{feff}\u{2028}\u{85}\u{b}";
    let with_comment = format!("--type|t|--comment|c\r\rdata: x\n\n|{hostile}");
    let arrived = hostile.replace("\r\n", "\n").replace('\r', "\n");
    let arrived = format!(": c/:/: data: x/:/:/t|{arrived}|");
    // The arguments, the input, and the items that arrive, separated by "/".
    for (arguments, input, expected) in [
        (
            "",
            "Grüße\r\n\n  x\r\r\n",
            "message|Grüße|/message||/message|  x\n|",
        ),
        ("", "last", "message|last|"),
        ("--retry=0", "", "retry 0"),
        (
            "--type| p: |--ids|--retry|25|a|b",
            "",
            "retry 25/ p: |a|1/ p: |b|2",
        ),
        ("--id|\u{1}\t: ü| b", "", "message| b|\u{1}\t: ü"),
        (": c|\r|\n\n", "", "message|: c|/message|\n|/message|\n\n|"),
        (&with_comment, "", &arrived),
    ] {
        let (items, summary) = inspected(arguments, input.as_bytes(), "--json|--all");
        let items: Vec<String> = items.lines().map(item).collect();
        assert_eq!(items.join("/"), expected, "{arguments}");
        assert!(summary.contains(" rejected 0, "), "{summary}");
        assert!(summary.ends_with(" ended between events\n"), "{summary}");
    }
}

#[test]
fn data_that_cannot_be_sent_is_one_line_and_exit_code_1() {
    let finished = run("emit", "--json", b"[1]\n[2\n[3]\n");
    let sent = assert_fails("emit", finished, 1, "event 2 is not JSON");
    assert_eq!(sent, "data: [1]\n\n");
    let finished = run("emit", "", b"good\n\xff\n");
    let sent = assert_fails("emit", finished, 1, "cannot read standard input");
    assert_eq!(sent, "data: good\n\n");
}

#[test]
fn a_large_line_arrives_whole_up_to_the_limit() {
    let data: String = ('a'..='z').cycle().take(8 << 20).collect();
    let (stdout, summary) = inspected("--large|8388608|--ids", b"", "--json");
    let expected = format!("message|{data}|1");
    assert!(item(&stdout) == expected, "the event differs");
    assert!(summary.contains("bytes 8388622, events 1, "), "{summary}");
    for (arguments, counts) in [
        ("--large|1000", "events 1, comments 0, rejected 0,"),
        ("--large|1001", "events 0, comments 0, rejected 1,"),
    ] {
        let (_, summary) = inspected(arguments, b"", "--json|--limit|1000");
        assert!(summary.contains(counts), "{summary}");
    }
}

#[test]
fn the_demonstration_shows_a_bit_of_everything() {
    let (items, _) = inspected("--demo|--pause|1", b"", "--json|--all");
    let items: Vec<String> = items.lines().map(item).collect();
    let start = [": a demonstration", "retry 3000", "message|Hello, world!|"];
    assert_eq!(items[..3], start);
    assert_eq!((items.len(), &*items[9]), (10, "goodbye||2"));
    assert!(items.iter().any(|item| item.contains("\n\n")));
    assert!(items.iter().any(|item| !item.is_ascii()));
}

#[test]
fn an_event_is_written_before_the_next_line_is_read() {
    let mut live = Live::start("emit", "");
    for data in ["first", "second"] {
        live.write(format!("{data}\n").as_bytes());
        assert_eq!(live.line(), format!("data: {data}"));
        assert_eq!(live.line(), "");
    }
    live.end();
}
