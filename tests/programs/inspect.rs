//! `inspect` prints each event of a stream when it is dispatched, however the stream is cut.

use crate::{Live, finish, program, quietly, run, spawn};
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;
use std::sync::mpsc::TryRecvError;

/// The path of a recorded stream, or of their directory.
pub(crate) fn sample(name: &str) -> String {
    format!("{}/tests/data/{name}", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn every_sample_prints_as_expected() {
    let samples = "anthropic-message crlf-bom languages openai-chat stock-ticker truncated";
    let files = fs::read_dir(sample("")).expect("the directory is there");
    let files = files.map(|file| file.expect("a file").file_name().into_string());
    let streams = files.filter(|name| name.as_ref().is_ok_and(|name| name.ends_with(".sse")));
    assert_eq!(streams.count(), samples.split(' ').count());
    let read = |name: String| fs::read_to_string(sample(&name)).expect("a file");
    for name in samples.split(' ') {
        let file = sample(&format!("{name}.sse"));
        let all = read(format!("{name}.jsonl"));
        let is_event = |line: &&str| line.starts_with("{\"type\":");
        let events: String = all.split_inclusive('\n').filter(is_event).collect();
        assert_ne!(events, "", "{name}");
        let mut cases = vec![("--json", events), ("--all", all)];
        if name == "truncated" {
            cases.push(("--all|--recover", read("truncated.recover.jsonl".into())));
        }
        for (option, expected) in cases {
            for chunk in ["--chunk=1", "--chunk=7", "--chunk=99999"] {
                let arguments = format!("--json|{option}|{chunk}|{file}");
                let (code, stdout, stderr) = run("inspect", &arguments, b"");
                assert_eq!((code, &stdout), (Some(0), &expected), "{arguments}");
                assert_eq!(stderr.lines().count(), 1, "{stderr}");
            }
        }
    }
    let (stream, expected) = (read("languages.sse".into()), read("languages.jsonl".into()));
    for arguments in ["--json|--all|-", "--json|--all"] {
        assert_eq!(run("inspect", arguments, stream.as_bytes()).1, expected);
    }
}

/// Asserts what is printed of a stream in JSON, whole and in chunks of any size: standard output,
/// and standard error but for the number of bytes in its last line.
fn assert_prints(options: &str, stream: &[u8], stdout: &str, stderr: &str) {
    for chunk in ["--chunk=1", "--chunk=7", "--chunk=99999"] {
        let arguments = format!("--json|{chunk}{options}");
        let stderr = stderr.replace("bytes ..", &format!("bytes {}", stream.len()));
        let expected = (Some(0), stdout.to_owned(), stderr);
        let finished = run("inspect", &arguments, stream);
        assert_eq!(finished, expected, "{arguments}");
    }
}

#[test]
fn the_summary_counts_and_tells_how_the_stream_ended() {
    let [between, inside] = ["between events", "inside an event"];
    let line = "inside an event, within a line";
    let x = "{\"type\":\"message\",\"data\":\"x\",\"lastEventId\":\"\"}\n";
    let replaced = x.replace('x', "a\u{fffd}b");
    let d = format!("{{\"comment\":\"d\"}}\n{x}");
    for (options, stream, stdout, counts, end) in [
        ("", &b""[..], "", [0, 0, 0], between),
        ("", b"data: x\n\n", x, [1, 0, 0], between),
        ("", b":c\n", "", [0, 1, 0], between),
        ("", b"data: x\n", "", [0, 0, 0], inside),
        ("", b"data: x", "", [0, 0, 0], line),
        ("", b":c\n:cut", "", [0, 1, 0], between),
        ("", b"data: x\n:cut", "", [0, 0, 0], line),
        ("", b"data: a\xffb\n\n", &replaced, [1, 0, 0], between),
        ("|--recover", b"data: x\n\n", x, [1, 0, 0], between),
        ("|--recover|--all", b"data: x\n:d", &d, [1, 1, 0], line),
        // Only the end of the line shows that the block grows by a line end.
        (
            "|--recover|--limit=1",
            b"data: x\ndata:",
            "",
            [0, 0, 1],
            line,
        ),
    ] {
        let [events, comments, count] = counts;
        let rejected = match count {
            0 => "",
            _ => "inspect: event rejected: event exceeds the limit of 1 bytes\n",
        };
        let summary = format!(
            "{rejected}inspect: bytes .., events {events}, comments {comments}, rejected {count}, \
             ignored lines 0, last event ID \"\", reconnection time not set, ended {end}\n"
        );
        assert_prints(options, stream, stdout, &summary);
    }
}

#[test]
fn everything_comes_in_wire_order_and_an_oversized_event_is_a_line() {
    assert_prints(
        "|--all",
        b":\xe2\x82\ndata: 1\n: b\nretry: 5\n\nretry: x\n\
          retry: 99999999999999999999\nid: i\n:\n\n:",
        "{\"comment\":\"\u{fffd}\"}\n{\"comment\":\" b\"}\n{\"retry\":5}\n\
         {\"type\":\"message\",\"data\":\"1\",\"lastEventId\":\"\"}\n\
         {\"retry\":18446744073709551615}\n{\"comment\":\"\"}\n\
         {\"notDispatched\":{\"type\":\"message\",\"lastEventId\":\"i\"}}\n",
        "inspect: bytes .., events 1, comments 3, rejected 0, ignored lines 0, last event ID \"i\", \
         reconnection time 18446744073709551615 ms, ended between events\n",
    );
    assert_prints(
        "|--limit|8",
        b"data: 12345678\n\nid: 7\nretry: 20\ndata: 123456789\ndata: more\n\ndata: next\n\n",
        "{\"type\":\"message\",\"data\":\"12345678\",\"lastEventId\":\"\"}\n\
         {\"type\":\"message\",\"data\":\"next\",\"lastEventId\":\"7\"}\n",
        "inspect: event rejected: event exceeds the limit of 8 bytes\n\
         inspect: bytes .., events 2, comments 0, rejected 1, ignored lines 0, last event ID \"7\", \
         reconnection time 20 ms, ended between events\n",
    );
}

#[test]
fn what_is_no_event_stream_is_shown() {
    let error = r#"{"error":"overloaded"}"#;
    let shown = "{\"ignored\":\"{\\\"error\\\":\\\"overloaded\\\"}\"}\n";
    let summary = format!(
        "inspect: bytes .., events 0, comments 0, rejected 0, ignored lines 1, \
         last event ID \"\", reconnection time not set, ended between events\n\
         inspect: no events; the first ignored line is \"{error}\"\n"
    );
    assert_prints("", error.as_bytes(), "", &summary);
    assert_prints("|--all|--recover", error.as_bytes(), shown, &summary);
    let (_, stdout, _) = run("inspect", "--all", format!("{error}\n").as_bytes());
    assert!(
        stdout.ends_with(&format!("s ignored:{error}\n")),
        "{stdout}"
    );
}

#[test]
fn people_can_read_it() {
    let stream = "retry: 1500\n: hello\nevent: greeting\nid: 1\ndata: Grüße\ndata:   indented\n\ndata\n\nid\n\n";
    let (_, stdout, _) = run("inspect", "--all", stream.as_bytes());
    let untimed = stdout.lines().map(|line| {
        if let Some(data) = line.strip_prefix("           | ") {
            return format!("| {data}\n");
        }
        let (time, rest) = line.split_once("s ").expect("a time comes first");
        time.trim_start().parse::<f64>().expect("a number");
        format!("{rest}\n")
    });
    let expected = "retry 1500 ms\ncomment: hello\nevent greeting  id \"1\"\n| Grüße\n\
        |   indented\nevent message  id \"1\"\n| \nno data message\n";
    assert_eq!(untimed.collect::<String>(), expected);
}

#[test]
fn no_stream_disturbs_a_terminal() {
    let hostile = "\u{1b}[2J\u{7}\u{8}\u{9b}31m\u{7f}\u{202e}";
    let escaped = r"\u{1b}[2J\u{7}\u{8}\u{9b}31m\u{7f}\u{202e}";
    let stream = format!("event: {hostile}\nid: {hostile}\ndata: {hostile}\n:{hostile}\n\n");
    let (_, stdout, stderr) = run("inspect", "--all", stream.as_bytes());
    for output in [&stdout, &stderr] {
        let disturbs = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
        assert!(!output.contains(disturbs), "{output:?}");
        assert!(output.contains(escaped), "{output}");
    }
    assert_eq!(stdout.lines().count(), 3);
    let (_, json, _) = run("inspect", "--json", stream.as_bytes());
    let event: serde_json::Value = serde_json::from_str(&json).expect("one line of JSON");
    let texts = ["type", "data", "lastEventId"].map(|name| &event[name]);
    assert_eq!(texts, [hostile; 3]);
}

#[test]
fn a_long_comment_comes_in_parts_without_torn_characters() {
    let stream = format!(":{}\n:{}\n\n", "€".repeat(100_000), "x".repeat(65_536));
    let (_, whole, summary) = run("inspect", "--json|--all", stream.as_bytes());
    let texts = whole.lines().filter_map(|line| line.split('"').nth(3));
    let mut parts: Vec<&str> = texts.collect();
    assert!(parts.iter().all(|part| part.len() <= 65_536));
    assert_eq!(parts.pop(), Some(&*"x".repeat(65_536)));
    assert_eq!((parts.len(), parts.concat()), (5, "€".repeat(100_000)));
    assert!(summary.contains("comments 2, "), "{summary}");
    let (_, cut, _) = run("inspect", "--json|--all|--chunk|7", stream.as_bytes());
    assert!(cut == whole, "the parts depend on the cuts");
}

#[cfg(unix)]
#[test]
fn a_read_error_is_a_line_before_the_summary() {
    // A directory can be opened, but not read.
    let (code, stdout, stderr) = run("inspect", &sample(""), b"");
    assert_eq!((code, &*stdout, stderr.lines().count()), (Some(1), "", 2));
    assert!(stderr.starts_with("inspect: cannot read "), "{stderr}");
    assert!(stderr.contains("\ninspect: bytes 0, events 0"), "{stderr}");
}

#[test]
fn everything_is_printed_before_the_rest_is_written() {
    let mut live = Live::start("inspect", "--json");
    let event = |data| format!("{{\"type\":\"message\",\"data\":\"{data}\",\"lastEventId\":\"\"}}");
    for (written, data) in [
        // A carriage return at the end dispatches at once.
        ("data: first\n\ndata: sec", "first"),
        ("ond\r\n\r", "second"),
        ("\ndata: third\r\r", "third"),
    ] {
        live.write(written.as_bytes());
        assert_eq!(live.line(), event(data));
        assert_eq!(live.lines.try_recv(), Err(TryRecvError::Empty));
    }
    live.end();

    let mut live = Live::start("inspect", "--all");
    live.write(b": alive\ndata: x\n\n");
    assert!(live.line().ends_with("s comment: alive"));
    assert!(live.line().ends_with("s event message"));
    assert_eq!(live.line(), "           | x");
    live.write(b"retry: 1\n");
    assert!(live.line().ends_with("s retry 1 ms"));
    live.end();

    let mut live = Live::start("inspect", "--json|--all");
    live.write(b":");
    for _ in 0..64 {
        // The last part of the first write stays until more comes.
        live.write(&[b'x'; 65_536]);
        live.write(b"x");
        let part = live.line();
        assert!(part.starts_with("{\"comment\":\"xxx") && part.len() < 66_000);
    }
    live.end();
}

#[test]
fn it_ends_quietly_once_nobody_reads_on() {
    let mut child = spawn(program("inspect", "--json"), Stdio::piped(), Stdio::piped());
    let mut stdin = child.stdin.take().expect("piped");
    let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
    stdin.write_all(b"data: x\n\n").expect("the program reads");
    let line = &mut String::new();
    stdout.read_line(line).expect("the program writes");
    drop(stdout);
    let stopped_reading = (0..100_000).any(|_| stdin.write_all(b"data: more\n\n").is_err());
    assert!(stopped_reading, "the program continues without a reader");
    drop(stdin);
    assert_eq!(finish(child), quietly());
}
