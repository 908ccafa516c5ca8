//! The example `soak` checks what it sends, says what it took, and ends as a program should.
#![cfg(all(feature = "std", feature = "stream"))]

#[allow(dead_code, reason = "other tests use the rest")]
mod program;

use program::{assert_refused, program, run};

/// The number in the line that begins like this.
fn number(output: &str, line: &str) -> u64 {
    let rest = output
        .lines()
        .find_map(|found| found.trim_start().strip_prefix(line));
    let rest = rest.unwrap_or_else(|| panic!("no {line:?} in:\n{output}"));
    let last = rest.split_whitespace().last().expect("a number");
    last.parse().expect("a number")
}

#[test]
fn what_is_sent_arrives_and_memory_is_given_back() {
    let finished = run(program("soak").args(["--seconds", "1", "--seed", "7"]), b"");
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert_eq!(finished.stderr, "");
    let output = &finished.stdout;
    assert!(number(output, "events, all as sent") > 100);
    assert!(number(output, "of which were cut") > 0);
    assert!(number(output, "refused, all rightly") > 0);
    // What is left at the end.
    assert_eq!(number(output, "allocated"), 0);
}

#[test]
fn a_seed_gives_the_same_events() {
    let counts = || {
        let finished = run(program("soak").args(["--seconds", "0", "--seed", "3"]), b"");
        let events = number(&finished.stdout, "events, all as sent");
        (events, number(&finished.stdout, "bytes"))
    };
    assert_eq!(counts(), counts());
}

#[test]
fn behind_the_last_decoder_comes_the_first() {
    let last = u64::MAX.to_string();
    let finished = run(
        program("soak").args(["--seconds", "1", "--from", &last]),
        b"",
    );
    assert_eq!((finished.code, finished.stderr.as_str()), (Some(0), ""));
    assert!(number(&finished.stdout, "decoders") > 1);
}

#[cfg(target_os = "linux")]
#[test]
fn totals_that_cannot_be_written_are_an_error() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full");
    let child = program("soak")
        .args(["--seconds", "0"])
        .stdout(full.expect("there is one"))
        .stderr(std::process::Stdio::piped())
        .spawn();
    let finished = child.and_then(std::process::Child::wait_with_output);
    let finished = finished.expect("it runs");
    let complaint = String::from_utf8_lossy(&finished.stderr);
    assert_eq!(finished.status.code(), Some(1), "{complaint}");
    assert!(complaint.starts_with("soak: cannot write: "), "{complaint}");
}

#[test]
fn the_help_and_a_wrong_command_line() {
    let finished = run(program("soak").arg("--help"), b"");
    assert_eq!((finished.code, finished.stderr.as_str()), (Some(0), ""));
    for option in ["--seconds", "--seed", "--from"] {
        assert!(finished.stdout.contains(option), "{option}");
    }
    assert_refused("soak", &["--seconds", "long"], "invalid digit");
    assert_refused("soak", &["--second", "1"], "--second");
}
