//! The example `emit` writes streams whose events arrive as they were sent, and ends as a program should.
#![cfg(feature = "std")]

mod program;

use core::time::Duration;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Stdio};
use std::sync::mpsc::channel;
use std::thread;

use program::{
    Finished, assert_helpful, assert_one_line, assert_refused, closed_pipe, program, run,
};
use serde_json::{Value, json};

/// Only what hangs for ever takes this long.
const HANGS: Duration = Duration::from_secs(120);

fn emit(arguments: &[&str], input: &[u8]) -> String {
    let finished = run(program("emit").args(arguments), input);
    assert_eq!(finished.code, Some(0), "{arguments:?}: {finished:?}");
    assert_eq!(finished.stderr, "", "{arguments:?}");
    finished.stdout
}

/// What `inspect` has to say about the stream of an `emit` that it is piped to.
fn inspected(emit: &[&str], input: &'static [u8], inspect: &[&str]) -> Finished {
    let mut emitter = program("emit")
        .args(emit)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdin = emitter.stdin.take().expect("piped");
    let stdout = emitter.stdout.take().expect("piped");
    let writer = thread::spawn(move || stdin.write_all(input));
    let output = program("inspect")
        .args(inspect)
        .stdin(stdout)
        .output()
        .expect("the program runs");
    writer
        .join()
        .expect("no panic")
        .expect("the program reads its input");
    assert!(emitter.wait().expect("the program ends").success());
    Finished {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("the program writes UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("the program writes UTF-8"),
    }
}

/// The items that arrive, in wire order.
fn arrives(emit: &[&str], input: &'static [u8]) -> Vec<Value> {
    let finished = inspected(emit, input, &["--json", "--all"]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert!(finished.stderr.contains(" refused 0, "), "{finished:?}");
    assert!(
        finished.stderr.ends_with(" ended between events\n"),
        "{finished:?}"
    );
    finished
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line of JSON"))
        .collect()
}

fn event(event_type: &str, data: &str, last_event_id: &str) -> Value {
    json!({ "type": event_type, "data": data, "lastEventId": last_event_id })
}

#[test]
fn arguments_become_events() {
    assert_eq!(
        emit(&["one", "two\nlines", ""], b"unread"),
        "data: one\n\ndata: two\ndata: lines\n\ndata: \n\n"
    );
    assert_eq!(
        emit(&["--", "--not-an-option"], b""),
        "data: --not-an-option\n\n"
    );
}

#[test]
fn lines_of_standard_input_become_events() {
    assert_eq!(
        arrives(
            &[],
            "Grüße\r\n\n  indented\r\r\nlast, without a line end".as_bytes()
        ),
        [
            event("message", "Grüße", ""),
            event("message", "", ""),
            event("message", "  indented\n", ""),
            event("message", "last, without a line end", ""),
        ]
    );
    assert_eq!(emit(&[], b""), "");
}

#[test]
fn options_arrive_as_they_were_given() {
    let options = [
        "--type",
        " price: ",
        "--ids",
        "--retry",
        "2500",
        "--comment",
        "two\nlines",
        "a",
        "b\n\nc",
    ];
    assert_eq!(
        arrives(&options, b""),
        [
            json!({ "comment": " two" }),
            json!({ "comment": " lines" }),
            json!({ "retry": 2500 }),
            event(" price: ", "a", "1"),
            event(" price: ", "b\n\nc", "2"),
        ]
    );
    assert_eq!(
        arrives(&["--id", "7: ü", "a", "b"], b""),
        [event("message", "a", "7: ü"), event("message", "b", "7: ü")]
    );
    assert_eq!(arrives(&["--retry=0"], b""), [json!({ "retry": 0 })]);
}

#[test]
fn hostile_data_stays_data() {
    let hostile = [
        "a\r\rdata: x",
        "a\n\nevent: x\ndata: y\n\n",
        "a\r\n\r\nid: x",
        "\r",
        "\n\n",
        ": comment",
        "data: x",
        " leading space",
        "\u{feff}mark",
        "\u{2028}\u{85}\u{b}\u{c}",
    ];
    let arguments: Vec<&str> = ["--type", "t", "--comment", "c\r\rdata: x\n\n"]
        .into_iter()
        .chain(hostile)
        .collect();
    let arrived = arrives(&arguments, b"");
    let (comments, events) = arrived.split_at(arrived.len() - hostile.len());
    assert!(
        comments.iter().all(|item| item.get("comment").is_some()),
        "{comments:?}"
    );
    let expected =
        hostile.map(|data| event("t", &data.replace("\r\n", "\n").replace('\r', "\n"), ""));
    assert_eq!(events, expected);
}

#[test]
fn json_is_written_into_the_data() {
    let pretty = "{\n  \"list\": [1, 2.5, null],\r\n  \"text\": \"two\\nlines\"\n}";
    assert_eq!(
        emit(&["--json", "--type", "t", "--ids", pretty, "\"x\""], b""),
        concat!(
            "event: t\nid: 1\ndata: {\ndata:   \"list\": [1, 2.5, null],\n",
            "data:   \"text\": \"two\\nlines\"\ndata: }\n\n",
            "event: t\nid: 2\ndata: \"x\"\n\n",
        )
    );
}

#[test]
fn json_arrives_to_the_letter() {
    let text = "{\"b\":123456789012345678901234567890, \"a\":1e400, \"b\":1.0}";
    assert_eq!(emit(&["--json", text], b""), format!("data: {text}\n\n"));
}

#[test]
fn data_that_cannot_be_sent_is_one_line_and_exit_code_1() {
    let finished = run(program("emit").arg("--json"), b"[1]\n[2\n[3]\n");
    assert_eq!(
        (finished.code, finished.stdout.as_str()),
        (Some(1), "data: [1]\n\n")
    );
    assert_one_line("emit", &finished.stderr);
    assert!(
        finished.stderr.contains("event 2 is not JSON"),
        "{finished:?}"
    );

    let finished = run(&mut program("emit"), b"good\n\xff\n");
    assert_eq!(
        (finished.code, finished.stdout.as_str()),
        (Some(1), "data: good\n\n")
    );
    assert_one_line("emit", &finished.stderr);
    assert!(
        finished.stderr.contains("cannot read standard input"),
        "{finished:?}"
    );
}

#[test]
fn a_large_line_arrives_whole() {
    let expected: String = ('a'..='z').cycle().take(8 << 20).collect();
    let finished = inspected(&["--large", "8388608", "--ids"], b"", &["--json"]);
    let event: Value = serde_json::from_str(&finished.stdout).expect("one line of JSON");
    assert_eq!(event["lastEventId"], "1");
    assert!(event["data"] == expected, "the data differs");
    assert!(
        finished
            .stderr
            .starts_with("inspect: bytes 8388622, events 1, "),
        "{}",
        finished.stderr
    );
}

#[test]
fn a_line_above_the_limit_is_refused() {
    let fits = inspected(&["--large", "1000"], b"", &["--json", "--limit", "1000"]);
    assert!(
        fits.stderr.contains("events 1, comments 0, refused 0,"),
        "{}",
        fits.stderr
    );
    let above = inspected(&["--large", "1001"], b"", &["--json", "--limit", "1000"]);
    assert_eq!((above.code, above.stdout.as_str()), (Some(0), ""));
    assert!(
        above.stderr.contains("events 0, comments 0, refused 1,"),
        "{}",
        above.stderr
    );
}

#[test]
fn the_demonstration_shows_a_bit_of_everything() {
    let items = arrives(&["--demo", "--pause", "1"], b"");
    assert_eq!(items[0], json!({ "comment": " a demonstration" }));
    assert_eq!(items[1], json!({ "retry": 3000 }));
    assert_eq!(items[2], event("message", "Hello, world!", ""));
    assert_eq!(items[items.len() - 1], event("goodbye", "", "2"));
    let data = |item: &Value| item["data"].as_str().unwrap_or_default().to_owned();
    assert!(items.iter().any(|item| data(item).contains("\n\n")));
    assert!(items.iter().any(|item| !data(item).is_ascii()));
    assert_eq!(items.len(), 10);
}

#[test]
fn a_wrong_command_line_is_one_line_and_exit_code_2() {
    assert_refused("emit", &["--type", "", "x"], "--type: event type is empty");
    assert_refused(
        "emit",
        &["--type", "ab\rc", "x"],
        "invalid byte 0x0d in an event type, at offset 2",
    );
    assert_refused(
        "emit",
        &["--type", "a\ndata: x", "x"],
        "invalid byte 0x0a in an event type, at offset 1",
    );
    assert_refused(
        "emit",
        &["--id", "ü\nx", "x"],
        "--id: invalid byte 0x0a in a last event ID, at offset 2",
    );
    assert_refused("emit", &["--id", "1", "--ids", "x"], "--ids");
    assert_refused("emit", &["--retry", "1.5", "x"], "--retry");
    assert_refused("emit", &["--retry"], "--retry");
    assert_refused("emit", &["--pause", "-1", "x"], "--pause");
    assert_refused("emit", &["--large", "1M"], "--large");
    assert_refused("emit", &["--large", "1073741825"], "--large");
    assert_refused("emit", &["--large", "1", "x"], "--large");
    assert_refused("emit", &["--large", "1", "--json"], "--large");
    assert_refused("emit", &["--demo", "x"], "--demo");
    assert_refused("emit", &["--colour"], "--colour");
    assert_refused("emit", &["--two\nlines"], "two");
}

#[test]
fn a_control_character_in_an_id_arrives() {
    assert_eq!(
        arrives(&["--id", "\u{1}\t", "x"], b""),
        [event("message", "x", "\u{1}\t")]
    );
}

#[test]
fn help_names_every_option() {
    assert_helpful("emit", include_str!("../examples/emit.rs"));
}

#[test]
fn the_version_is_the_crates() {
    assert_eq!(
        emit(&["--version"], b""),
        format!("emit {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn an_event_is_written_before_the_next_line_is_read() {
    let mut child = program("emit")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().expect("piped");
    let stdout = BufReader::new(child.stdout.take().expect("piped"));
    let (sender, lines) = channel();
    thread::spawn(move || {
        for line in stdout.lines() {
            sender
                .send(line.expect("UTF-8"))
                .expect("the test waits for the end");
        }
    });
    for data in ["first", "second"] {
        stdin
            .write_all(format!("{data}\n").as_bytes())
            .expect("the program reads");
        assert_eq!(lines.recv_timeout(HANGS), Ok(format!("data: {data}")));
        assert_eq!(lines.recv_timeout(HANGS), Ok(String::new()));
    }
    drop(stdin);
    assert!(child.wait().expect("the program ends").success());
    assert!(lines.recv_timeout(HANGS).is_err());
}

#[test]
fn a_closed_output_ends_it_quietly() {
    for arguments in [
        &["a", "b"][..],
        &["--help"],
        &["--demo"],
        &["--json", "1"],
        &["--large", "1000000"],
    ] {
        let output = program("emit")
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(closed_pipe())
            .stderr(Stdio::piped())
            .spawn()
            .and_then(Child::wait_with_output)
            .expect("the program runs");
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{arguments:?}");
    }
}
