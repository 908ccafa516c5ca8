//! The example `inspect` prints each event of a stream when it is dispatched, whatever the cuts, and ends as a program should.
#![cfg(feature = "std")]

mod program;

use core::time::Duration;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::thread;

use program::{
    Finished, assert_helpful, assert_one_line, assert_refused, closed_pipe, program, run,
};

const SAMPLES: [&str; 6] = [
    "anthropic-message",
    "crlf-bom",
    "languages",
    "openai-chat",
    "stock-ticker",
    "truncated",
];

/// Only what hangs for ever takes this long.
const HANGS: Duration = Duration::from_secs(120);

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(name)
}

fn text_of(name: &str) -> String {
    fs::read_to_string(sample(name)).expect("the file is there")
}

fn inspect(arguments: &[&str], input: &[u8]) -> Finished {
    let finished = run(program("inspect").args(arguments), input);
    assert_eq!(finished.code, Some(0), "{arguments:?}: {finished:?}");
    finished
}

/// The summary without what precedes it in the line.
fn summary(finished: &Finished) -> &str {
    let last = finished.stderr.lines().last().expect("there is a summary");
    last.strip_prefix("inspect: ")
        .expect("the line names the program")
}

/// The readable format without the times, which are checked to be there.
fn without_times(stdout: &str) -> String {
    let untimed = stdout.lines().map(|line| {
        if let Some(data) = line.strip_prefix("           | ") {
            return format!("| {data}\n");
        }
        let (time, rest) = line.split_once("s ").expect("a time comes first");
        time.trim_start()
            .parse::<f64>()
            .expect("the time is a number");
        format!("{rest}\n")
    });
    untimed.collect()
}

#[test]
fn every_sample_prints_as_expected_however_it_is_cut() {
    for name in SAMPLES {
        let path = sample(&format!("{name}.sse"));
        let all = text_of(&format!("{name}.jsonl"));
        let events: String = all
            .split_inclusive('\n')
            .filter(|line| line.starts_with("{\"type\":"))
            .collect();
        assert_ne!(events, "", "{name} has events");
        for chunk in [None, Some("1"), Some("7")] {
            for (option, expected) in [(None, &events), (Some("--all"), &all)] {
                let mut command = program("inspect");
                command.arg("--json").args(option).arg(&path);
                if let Some(bytes) = chunk {
                    command.args(["--chunk", bytes]);
                }
                let finished = run(&mut command, b"");
                assert_eq!(finished.code, Some(0), "{name}: {finished:?}");
                assert_eq!(
                    &finished.stdout, expected,
                    "{name}, {option:?}, chunk {chunk:?}"
                );
                assert_one_line("inspect", &finished.stderr);
            }
        }
    }
}

#[test]
fn every_sample_is_tested() {
    let mut found: Vec<String> = fs::read_dir(sample(""))
        .expect("the directory is there")
        .map(|entry| entry.expect("the directory can be read").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "sse"))
        .map(|path| {
            path.file_stem()
                .expect("it has a name")
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    found.sort();
    assert_eq!(found, SAMPLES);
}

#[test]
fn standard_input_is_read_without_a_file() {
    let stream = fs::read(sample("stock-ticker.sse")).expect("the file is there");
    let expected = text_of("stock-ticker.jsonl");
    assert_eq!(inspect(&["--json", "--all"], &stream).stdout, expected);
    assert_eq!(inspect(&["--json", "--all", "-"], &stream).stdout, expected);
}

#[test]
fn everything_comes_in_wire_order() {
    let stream =
        b":a\ndata: 1\n: b\nretry: 5\n\nretry: x\nretry: 99999999999999999999\nid: i\n:\n\n:z\n";
    let expected = concat!(
        "{\"comment\":\"a\"}\n",
        "{\"comment\":\" b\"}\n",
        "{\"retry\":5}\n",
        "{\"type\":\"message\",\"data\":\"1\",\"lastEventId\":\"\"}\n",
        "{\"retry\":18446744073709551615}\n",
        "{\"comment\":\"\"}\n",
        "{\"comment\":\"z\"}\n",
    );
    for arguments in [&["--json", "--all"][..], &["--all", "--json", "--chunk=1"]] {
        let finished = inspect(arguments, stream);
        assert_eq!(finished.stdout, expected);
        assert_eq!(
            summary(&finished),
            format!(
                "bytes {}, events 1, comments 4, refused 0, last event ID \"i\", \
                 reconnection time 18446744073709551615 ms, ended between events",
                stream.len()
            )
        );
    }
}

#[test]
fn the_summary_tells_how_the_stream_ended() {
    let endings = [
        ("", "bytes 0, events 0, comments 0", "ended between events"),
        (
            "data: x\n\n",
            "bytes 9, events 1, comments 0",
            "ended between events",
        ),
        (
            ":c\n",
            "bytes 3, events 0, comments 1",
            "ended between events",
        ),
        (
            "data: x\n",
            "bytes 8, events 0, comments 0",
            "ended inside an event",
        ),
        (
            "data: x",
            "bytes 7, events 0, comments 0",
            "ended inside an event, within a line",
        ),
        (
            ":c\n:cut",
            "bytes 7, events 0, comments 1",
            "ended between events",
        ),
        (
            "data: x\n:cut",
            "bytes 12, events 0, comments 0",
            "ended inside an event, within a line",
        ),
    ];
    for (stream, start, end) in endings {
        let finished = inspect(&[], stream.as_bytes());
        assert_one_line("inspect", &finished.stderr);
        assert_eq!(
            summary(&finished),
            format!("{start}, refused 0, last event ID \"\", reconnection time not set, {end}"),
            "{stream:?}"
        );
    }
}

#[test]
fn a_refused_event_is_a_line_and_the_stream_goes_on() {
    let stream =
        b"data: 12345678\n\nid: 7\nretry: 20\ndata: 123456789\ndata: more\n\ndata: next\n\n";
    for chunk in ["1", "1000"] {
        let finished = inspect(&["--json", "--limit", "8", "--chunk", chunk], stream);
        assert_eq!(
            finished.stdout,
            concat!(
                "{\"type\":\"message\",\"data\":\"12345678\",\"lastEventId\":\"\"}\n",
                "{\"type\":\"message\",\"data\":\"next\",\"lastEventId\":\"7\"}\n",
            )
        );
        assert_eq!(
            finished.stderr,
            format!(
                "inspect: event refused: event exceeds the limit of 8 bytes
\
                 inspect: bytes {}, events 2, comments 0, refused 1, last event ID \"7\", \
                 reconnection time 20 ms, ended between events
",
                stream.len()
            )
        );
    }
}

#[test]
fn recover_dispatches_what_the_end_cut_off() {
    let path = sample("truncated.sse");
    for chunk in ["1", "1000"] {
        let mut command = program("inspect");
        command
            .args(["--json", "--all", "--recover", "--chunk", chunk])
            .arg(&path);
        let finished = run(&mut command, b"");
        assert_eq!(finished.code, Some(0), "{finished:?}");
        assert_eq!(finished.stdout, text_of("truncated.recover.jsonl"));
        let end = summary(&finished);
        assert!(end.contains("events 2, "), "{end}");
        assert!(end.ends_with("last event ID \"2\", reconnection time not set, ended inside an event, within a line"), "{end}");
    }
}

#[test]
fn recover_keeps_to_the_limit_and_to_the_order() {
    let cut_comment = inspect(&["--json", "--all", "--recover"], b"data: x\n: cut");
    assert_eq!(
        cut_comment.stdout,
        "{\"comment\":\" cut\"}\n{\"type\":\"message\",\"data\":\"x\",\"lastEventId\":\"\"}\n"
    );
    assert!(summary(&cut_comment).contains("events 1, comments 1, "));

    // Only the end of the line tells that the block grows by a joining LF.
    let too_large = inspect(&["--json", "--recover", "--limit", "1"], b"data: x\ndata:");
    assert_eq!(too_large.stdout, "");
    assert!(summary(&too_large).contains("events 0, comments 0, refused 1, "));

    let whole = inspect(&["--json", "--recover"], b"data: x\n\n");
    assert_eq!(whole.stdout.lines().count(), 1);
}

#[test]
fn people_can_read_it() {
    let stream =
        "retry: 1500\n: hello\nevent: greeting\nid: 1\ndata: Grüße\ndata:   indented\n\ndata\n\n";
    let finished = inspect(&["--all"], stream.as_bytes());
    assert_eq!(
        without_times(&finished.stdout),
        concat!(
            "retry 1500 ms\n",
            "comment: hello\n",
            "event greeting  id \"1\"\n",
            "| Grüße\n",
            "|   indented\n",
            "event message  id \"1\"\n",
            "| \n",
        )
    );
}

#[test]
fn no_stream_disturbs_a_terminal() {
    let hostile = "\u{1b}[2J\u{7}\u{8}\u{9b}31m\u{7f}\u{202e}";
    let stream = format!("event: {hostile}\nid: {hostile}\ndata: {hostile}\n:{hostile}\n\n");
    let finished = inspect(&["--all"], stream.as_bytes());
    for output in [&finished.stdout, &finished.stderr] {
        let disturbs = |character: char| {
            character != '\n' && (character.is_control() || character == '\u{202e}')
        };
        assert!(!output.contains(disturbs), "{output:?}");
        assert!(
            output.contains(r"\u{1b}[2J\u{7}\u{8}\u{9b}31m\u{7f}\u{202e}"),
            "{output}"
        );
    }
    assert_eq!(finished.stdout.lines().count(), 3);

    let json = inspect(&["--json"], stream.as_bytes()).stdout;
    let event: serde_json::Value = serde_json::from_str(&json).expect("one line of JSON");
    assert_eq!(event["type"], hostile);
    assert_eq!(event["data"], hostile);
    assert_eq!(event["lastEventId"], hostile);
}

#[test]
fn bytes_that_are_not_text_are_replaced() {
    let finished = inspect(
        &["--json", "--all"],
        b"data: a\xffb\n:\xe2\x82\n\ndata: good\n\n",
    );
    assert_eq!(
        finished.stdout,
        concat!(
            "{\"comment\":\"\u{fffd}\"}\n",
            "{\"type\":\"message\",\"data\":\"a\u{fffd}b\",\"lastEventId\":\"\"}\n",
            "{\"type\":\"message\",\"data\":\"good\",\"lastEventId\":\"\"}\n",
        )
    );
}

#[test]
fn a_long_comment_comes_in_parts_without_torn_characters() {
    let comment = "€".repeat(100_000);
    let stream = format!(":{comment}\n:{}\n\n", "x".repeat(65_536));
    let expected = inspect(&["--json", "--all"], stream.as_bytes());
    let texts: Vec<String> = expected
        .stdout
        .lines()
        .map(|line| {
            let value: serde_json::Value = serde_json::from_str(line).expect("a line of JSON");
            value["comment"].as_str().expect("a comment").to_owned()
        })
        .collect();
    assert!(texts.iter().all(|text| text.len() <= 65_536));
    let (last, parts) = texts.split_last().expect("there are comments");
    assert_eq!(parts.len(), 5);
    assert!(parts.concat() == comment, "the parts are the comment");
    assert!(last.bytes().all(|byte| byte == b'x') && last.len() == 65_536);
    assert!(summary(&expected).contains("comments 2, "));

    let cut = inspect(&["--json", "--all", "--chunk", "7"], stream.as_bytes());
    assert!(
        cut.stdout == expected.stdout,
        "the parts do not depend on the cuts"
    );
}

#[test]
fn a_wrong_command_line_is_one_line_and_exit_code_2() {
    assert_refused("inspect", &["no-such-file.sse"], "no-such-file.sse");
    assert_refused("inspect", &["--chunk", "0"], "--chunk");
    assert_refused("inspect", &["--chunk", "x"], "--chunk");
    assert_refused("inspect", &["--chunk", "-1"], "--chunk");
    assert_refused("inspect", &["--chunk"], "--chunk");
    assert_refused("inspect", &["--limit", "1k"], "--limit");
    assert_refused("inspect", &["--limit="], "--limit");
    assert_refused("inspect", &["--limit"], "--limit");
    assert_refused("inspect", &["--json=yes"], "--json");
    assert_refused("inspect", &["--color"], "--color");
    assert_refused("inspect", &["-x"], "-x");
    assert_refused("inspect", &["first", "-"], "unexpected argument \"-\"");
    assert_refused("inspect", &["two\nlines"], "two");
    assert_refused("inspect", &["--two\nlines"], "two");
}

#[test]
fn help_names_every_option() {
    assert_helpful("inspect", include_str!("../examples/inspect.rs"));
}

#[test]
fn the_version_is_the_crates() {
    let expected = format!("inspect {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(inspect(&["--version"], b"").stdout, expected);
    assert_eq!(inspect(&["-V"], b"").stdout, expected);
}

#[cfg(unix)]
#[test]
fn a_read_error_is_a_line_before_the_summary() {
    // A directory can be opened, but not read.
    let finished = run(program("inspect").arg(sample("")), b"");
    assert_eq!((finished.code, finished.stdout.as_str()), (Some(1), ""));
    let lines: Vec<&str> = finished.stderr.lines().collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].starts_with("inspect: cannot read "), "{lines:?}");
    assert!(
        lines[1].starts_with("inspect: bytes 0, events 0, "),
        "{lines:?}"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_write_error_is_a_line() {
    let full = fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .expect("Linux has it");
    let mut child = program("inspect");
    child
        .arg(sample("openai-chat.sse"))
        .stdout(full)
        .stderr(Stdio::piped());
    let output = child
        .spawn()
        .and_then(Child::wait_with_output)
        .expect("the program runs");
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8(output.stderr).expect("the program writes UTF-8");
    assert_one_line("inspect", &stderr);
    assert!(stderr.contains("cannot write"), "{stderr}");
}

/// A running `inspect`, and its lines as they come.
struct Live {
    child: Child,
    stdin: ChildStdin,
    lines: Receiver<String>,
}

impl Live {
    fn start(arguments: &[&str]) -> Self {
        let mut child = piped(program("inspect").args(arguments));
        let stdin = child.stdin.take().expect("piped");
        let stdout = BufReader::new(child.stdout.take().expect("piped"));
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in stdout.lines() {
                sender
                    .send(line.expect("UTF-8"))
                    .expect("the test waits for the end");
            }
        });
        Self {
            child,
            stdin,
            lines,
        }
    }

    fn write(&mut self, bytes: &[u8]) {
        self.stdin.write_all(bytes).expect("the program reads");
    }

    fn line(&self) -> String {
        self.lines
            .recv_timeout(HANGS)
            .expect("a line before more is written")
    }

    /// Ends the stream; nothing more may come.
    fn end(mut self) {
        drop(self.stdin);
        assert!(self.child.wait().expect("the program ends").success());
        let after = self.lines.recv_timeout(HANGS);
        assert!(after.is_err(), "{after:?}");
    }
}

fn piped(command: &mut Command) -> Child {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts")
}

#[test]
fn an_event_is_printed_before_the_rest_is_written() {
    let mut live = Live::start(&["--json"]);
    live.write(b"data: first\n\ndata: sec");
    assert_eq!(
        live.line(),
        r#"{"type":"message","data":"first","lastEventId":""}"#
    );
    assert_eq!(live.lines.try_recv(), Err(TryRecvError::Empty));
    live.write(b"ond\n\n");
    assert_eq!(
        live.line(),
        r#"{"type":"message","data":"second","lastEventId":""}"#
    );
    live.end();
}

#[test]
fn a_carriage_return_at_the_end_dispatches_at_once() {
    let mut live = Live::start(&["--json"]);
    live.write(b"data: first\r\n\r");
    assert_eq!(
        live.line(),
        r#"{"type":"message","data":"first","lastEventId":""}"#
    );
    live.write(b"\ndata: second\r\r");
    assert_eq!(
        live.line(),
        r#"{"type":"message","data":"second","lastEventId":""}"#
    );
    live.end();
}

#[test]
fn readable_output_is_live_too() {
    let mut live = Live::start(&["--all"]);
    live.write(b": alive\ndata: x\n\n");
    assert!(live.line().ends_with("s comment: alive"));
    assert!(live.line().ends_with("s event message"));
    assert_eq!(live.line(), "           | x");
    live.write(b"retry: 1\n");
    assert!(live.line().ends_with("s retry 1 ms"));
    live.end();
}

#[test]
fn an_endless_comment_is_printed_on_its_way() {
    let mut live = Live::start(&["--json", "--all"]);
    live.write(b":");
    for _ in 0..64 {
        live.write(&[b'x'; 65_536]);
        // The last part of the first write stays until more comes.
        live.write(b"x");
        let part = live.line();
        assert!(
            part.starts_with("{\"comment\":\"xxx") && part.len() < 66_000,
            "{} bytes",
            part.len()
        );
    }
    live.end();
}

#[test]
fn a_closed_output_ends_it_quietly() {
    let mut child = piped(program("inspect").args(["--json"]));
    let mut stdin = child.stdin.take().expect("piped");
    let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
    stdin.write_all(b"data: x\n\n").expect("the program reads");
    let mut line = String::new();
    stdout.read_line(&mut line).expect("the program writes");
    assert_eq!(
        line,
        "{\"type\":\"message\",\"data\":\"x\",\"lastEventId\":\"\"}\n"
    );

    drop(stdout);
    let stopped_reading = (0..100_000).any(|_| stdin.write_all(b"data: more\n\n").is_err());
    assert!(stopped_reading, "the program goes on without a reader");
    let output = child.wait_with_output().expect("the program ends");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn help_for_nobody_is_quiet() {
    let mut command = program("inspect");
    command
        .arg("--help")
        .stdin(Stdio::null())
        .stdout(closed_pipe())
        .stderr(Stdio::piped());
    let output = command
        .spawn()
        .and_then(Child::wait_with_output)
        .expect("the program runs");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}
