//! The programs `inspect` and `emit` as their users run them, and whether `herd` and `soak` run.
//!
//! Cargo names no variable for an example's binary, so it is looked for beside the test's own.
//! Plain `cargo test` builds both; with `--test NAME`, `--tests` or `--all-targets` it builds, or
//! renews, no example.
#![cfg(feature = "std")]

mod emit;
mod inspect;

use core::time::Duration;
use std::env;
use std::io::{BufRead as _, BufReader, ErrorKind, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

/// Only what hangs for ever takes this long.
const HANGS: Duration = Duration::from_secs(120);

/// Exit code, standard output and standard error.
type Finished = (Option<i32>, String, String);

/// A program with arguments that are separated by "|".
fn program(name: &str, arguments: &str) -> Command {
    let test = env::current_exe().expect("a test has a path");
    let profile = test.ancestors().nth(2).expect("tests are in PROFILE/deps/");
    let file = format!("{name}{}", env::consts::EXE_SUFFIX);
    let mut command = Command::new(profile.join("examples").join(file));
    command.args(arguments.split('|').filter(|_| !arguments.is_empty()));
    command
}

fn spawn(mut command: Command, stdin: Stdio, stdout: Stdio) -> Child {
    let child = command.stdin(stdin).stdout(stdout).stderr(Stdio::piped());
    child.spawn().unwrap_or_else(|error| {
        panic!("{command:?}: {error}; `cargo build --examples` with the same profile and features?")
    })
}

fn finish(child: Child) -> Finished {
    let output = child.wait_with_output().expect("the program ends");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    let (stdout, stderr) = (text(output.stdout), text(output.stderr));
    (output.status.code(), stdout, stderr)
}

/// Runs a program to its end with `input` on its standard input.
fn run(name: &str, arguments: &str, input: &[u8]) -> Finished {
    let mut child = spawn(program(name, arguments), Stdio::piped(), Stdio::piped());
    let mut stdin = child.stdin.take().expect("piped");
    thread::scope(|scope| {
        scope.spawn(move || match stdin.write_all(input) {
            // A program may end without reading its input.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
            result => result.expect("the program's standard input takes bytes"),
        });
        finish(child)
    })
}

/// Asserts that a program ends with this exit code and one line on standard error, which is its own
/// and contains `message`. Returns standard output.
fn assert_fails(name: &str, finished: Finished, expected: i32, message: &str) -> String {
    let (code, stdout, stderr) = finished;
    assert_eq!(code, Some(expected), "{name}: {stderr}");
    assert!(stderr.starts_with(&format!("{name}: ")), "{stderr}");
    assert!(stderr.contains(message), "{stderr}");
    assert_eq!(stderr.find('\n'), Some(stderr.len() - 1), "{stderr}");
    stdout
}

fn quietly() -> Finished {
    (Some(0), String::new(), String::new())
}

/// A running program, and its lines as they come.
struct Live {
    child: Child,
    stdin: ChildStdin,
    lines: Receiver<String>,
}

impl Live {
    fn start(name: &str, arguments: &str) -> Self {
        let mut child = spawn(program(name, arguments), Stdio::piped(), Stdio::piped());
        let stdin = child.stdin.take().expect("piped");
        let stdout = BufReader::new(child.stdout.take().expect("piped"));
        let (sender, lines) = channel();
        thread::spawn(move || {
            let mut lines = stdout.lines().map(|line| line.expect("UTF-8"));
            lines.try_for_each(|line| sender.send(line))
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

    /// The next line, which comes before more is written.
    fn line(&self) -> String {
        self.lines.recv_timeout(HANGS).expect("a line")
    }

    /// Ends the stream, after which no line comes.
    fn end(mut self) {
        drop(self.stdin);
        assert!(self.child.wait().expect("the program ends").success());
        let after = self.lines.recv_timeout(HANGS);
        assert!(after.is_err(), "{after:?}");
    }
}

#[test]
fn a_wrong_command_line_is_one_line_and_exit_code_2() {
    for (name, arguments, message) in [
        ("inspect", "no-such-file.sse", "no-such-file.sse"),
        ("inspect", "--chunk|0", "--chunk"),
        ("inspect", "--chunk|x", "--chunk"),
        ("inspect", "--chunk|-1", "--chunk"),
        ("inspect", "--chunk", "--chunk"),
        ("inspect", "--limit|1k", "--limit"),
        ("inspect", "--limit=", "--limit"),
        ("inspect", "--limit", "--limit"),
        ("inspect", "--json=yes", "--json"),
        ("inspect", "--color", "--color"),
        ("inspect", "-x", "-x"),
        ("inspect", "first|-", "unexpected argument \"-\""),
        ("inspect", "two\nlines", "two"),
        ("inspect", "--two\nlines", "two"),
        ("emit", "--type||x", "--type: event type is empty"),
        (
            "emit",
            "--type|ab\rc|x",
            "0x0d in an event type, at offset 2",
        ),
        (
            "emit",
            "--id|ü\nx|x",
            "0x0a in a last event ID, at offset 2",
        ),
        ("emit", "--id|1|--ids|x", "--ids"),
        ("emit", "--retry|1.5|x", "--retry"),
        ("emit", "--retry", "--retry"),
        ("emit", "--pause|-1|x", "--pause"),
        ("emit", "--large|1M", "--large"),
        ("emit", "--large|1073741825", "--large"),
        ("emit", "--large|1|x", "--large"),
        ("emit", "--large|1|--json", "--large"),
        ("emit", "--demo|x", "--demo"),
        ("emit", "--colour", "--colour"),
        ("emit", "--two\nlines", "two"),
        #[cfg(feature = "stream")]
        ("soak", "--seconds|long", "invalid digit"),
    ] {
        let finished = run(name, arguments, b"data: x\n\n");
        assert_eq!(assert_fails(name, finished, 2, message), "", "{arguments}");
    }
}

#[test]
fn the_help_names_every_option_and_the_version_is_the_crates() {
    for (name, source) in [
        ("inspect", include_str!("../../examples/inspect.rs")),
        ("emit", include_str!("../../examples/emit.rs")),
    ] {
        let help = run(name, "--help", b"");
        assert_eq!((help.0, &*help.2), (Some(0), ""));
        assert_eq!(run(name, "-h", b""), help);
        let options = source.split("Long(\"").skip(1);
        let options: Vec<_> = options.filter_map(|rest| rest.split('"').next()).collect();
        assert!(options.contains(&"json"), "{options:?}");
        let words: Vec<_> = help.1.split([' ', ',', '\n']).collect();
        for option in options {
            assert!(words.contains(&&*format!("--{option}")), "{option}");
        }
        let version = format!("{name} {}\n", env!("CARGO_PKG_VERSION"));
        for option in ["--version", "-V"] {
            assert_eq!(run(name, option, b"").1, version);
        }
    }
}

#[test]
fn a_closed_output_ends_it_quietly() {
    for (name, arguments) in [
        ("inspect", "--help"),
        ("emit", "--help"),
        ("emit", "a|b"),
        ("emit", "--demo"),
        ("emit", "--json|1"),
        ("emit", "--large|1000000"),
    ] {
        // A pipe that nobody reads from any more.
        let help = program("inspect", "--help");
        let mut reader = spawn(help, Stdio::piped(), Stdio::null());
        let pipe = reader.stdin.take().expect("piped");
        reader.wait().expect("the program ends");
        let child = spawn(program(name, arguments), Stdio::null(), pipe.into());
        assert_eq!(finish(child), quietly(), "{name} {arguments}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_write_error_is_one_line_and_exit_code_1() {
    for (name, arguments) in [
        ("inspect", &*inspect::sample("openai-chat.sse")),
        ("emit", "x"),
        #[cfg(feature = "stream")]
        ("soak", "--seconds|0"),
    ] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full");
        let full = full.expect("Linux has it").into();
        let child = spawn(program(name, arguments), Stdio::null(), full);
        assert_fails(name, finish(child), 1, "cannot write");
    }
}

#[test]
fn the_herd_and_the_soak_test_run() {
    let assert_runs = |name: &str, arguments: &str, expected: &str| {
        let (code, stdout, stderr) = run(name, arguments, b"");
        assert_eq!((code, &*stderr), (Some(0), ""), "{stdout}");
        assert!(stdout.contains(expected), "{stdout}");
    };
    assert_runs("herd", "--clients|200", "200 clients");
    if cfg!(feature = "stream") {
        assert_runs("soak", "--seconds|0|--seed|7", "events, all as sent");
    }
}
