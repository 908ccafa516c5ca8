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

fn program(name: &str) -> Command {
    let test = env::current_exe().expect("a test has a path");
    let profile = test.ancestors().nth(2).expect("tests are in PROFILE/deps/");
    let file = format!("{name}{}", env::consts::EXE_SUFFIX);
    let path = profile.join("examples").join(file);
    assert!(
        path.is_file(),
        "{} is missing: run `cargo build --examples` with the same profile and features",
        path.display()
    );
    Command::new(path)
}

fn spawn(command: &mut Command, stdin: Stdio, stdout: Stdio) -> Child {
    let child = command.stdin(stdin).stdout(stdout).stderr(Stdio::piped());
    child.spawn().expect("the program starts")
}

fn finish(child: Child) -> Finished {
    let output = child.wait_with_output().expect("the program ends");
    let [stdout, stderr] =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).expect("UTF-8"));
    (output.status.code(), stdout, stderr)
}

/// Runs a program to its end with `input` on its standard input.
fn run(name: &str, arguments: &[&str], input: &[u8]) -> Finished {
    let mut command = program(name);
    let mut child = spawn(command.args(arguments), Stdio::piped(), Stdio::piped());
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

/// Asserts that standard error is one line of the program itself.
fn assert_one_line(name: &str, stderr: &str) {
    assert!(stderr.starts_with(&format!("{name}: ")), "{stderr:?}");
    assert!(
        stderr.ends_with('\n') && stderr.lines().count() == 1,
        "{stderr:?}"
    );
}

/// A pipe that nobody reads from any more.
fn closed_pipe() -> Stdio {
    let mut reader = spawn(
        program("inspect").arg("--help"),
        Stdio::piped(),
        Stdio::null(),
    );
    let writing_end = reader.stdin.take().expect("piped");
    reader.wait().expect("the program ends");
    writing_end.into()
}

/// A running program, and its lines as they come.
struct Live {
    child: Child,
    stdin: ChildStdin,
    lines: Receiver<String>,
}

impl Live {
    fn start(name: &str, arguments: &[&str]) -> Self {
        let mut child = spawn(
            program(name).args(arguments),
            Stdio::piped(),
            Stdio::piped(),
        );
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
    // The arguments are separated by "|".
    for (name, expected, command_lines) in [
        ("inspect", "no-such-file.sse", &["no-such-file.sse"][..]),
        (
            "inspect",
            "--chunk",
            &["--chunk|0", "--chunk|x", "--chunk|-1", "--chunk"],
        ),
        ("inspect", "--limit", &["--limit|1k", "--limit=", "--limit"]),
        ("inspect", "--json", &["--json=yes"]),
        ("inspect", "--color", &["--color"]),
        ("inspect", "-x", &["-x"]),
        ("inspect", "unexpected argument \"-\"", &["first|-"]),
        ("inspect", "two", &["two\nlines", "--two\nlines"]),
        ("emit", "--type: event type is empty", &["--type||x"]),
        (
            "emit",
            "0x0d in an event type, at offset 2",
            &["--type|ab\rc|x"],
        ),
        (
            "emit",
            "0x0a in an event type, at offset 1",
            &["--type|a\ndata: x|x"],
        ),
        (
            "emit",
            "--id: invalid byte 0x0a in a last event ID, at offset 2",
            &["--id|ü\nx|x"],
        ),
        ("emit", "--ids", &["--id|1|--ids|x"]),
        ("emit", "--retry", &["--retry|1.5|x", "--retry"]),
        ("emit", "--pause", &["--pause|-1|x"]),
        (
            "emit",
            "--large",
            &["--large|1M", "--large|1073741825", "--large|1|x"],
        ),
        ("emit", "--large", &["--large|1|--json"]),
        ("emit", "--demo", &["--demo|x"]),
        ("emit", "--colour", &["--colour"]),
        ("emit", "two", &["--two\nlines"]),
        #[cfg(feature = "stream")]
        ("soak", "invalid digit", &["--seconds|long"]),
    ] {
        for command_line in command_lines {
            let arguments: Vec<&str> = command_line.split('|').collect();
            let (code, stdout, stderr) = run(name, &arguments, b"data: x\n\n");
            assert_eq!(
                (code, &*stdout),
                (Some(2), ""),
                "{name} {arguments:?}: {stderr}"
            );
            assert_one_line(name, &stderr);
            assert!(stderr.contains(expected), "{name} {arguments:?}: {stderr}");
        }
    }
}

#[test]
fn the_help_names_every_option_and_the_version_is_the_crates() {
    for (name, source) in [
        ("inspect", include_str!("../../examples/inspect.rs")),
        ("emit", include_str!("../../examples/emit.rs")),
    ] {
        let help = run(name, &["--help"], b"");
        assert_eq!((help.0, &*help.2), (Some(0), ""));
        assert_eq!(run(name, &["-h"], b""), help);
        let options = source.split("Long(\"").skip(1);
        let options: Vec<_> = options.filter_map(|rest| rest.split('"').next()).collect();
        assert!(
            options.contains(&"help") && options.contains(&"json"),
            "{options:?}"
        );
        let words: Vec<_> = help.1.split([' ', ',', '\n']).collect();
        for option in options {
            assert!(
                words.contains(&&*format!("--{option}")),
                "{option} in {}",
                help.1
            );
        }
        let version = format!("{name} {}\n", env!("CARGO_PKG_VERSION"));
        for option in ["--version", "-V"] {
            assert_eq!(run(name, &[option], b"").1, version);
        }
    }
}

#[test]
fn a_closed_output_ends_it_quietly() {
    for (name, arguments) in [
        ("inspect", &["--help"][..]),
        ("emit", &["--help"]),
        ("emit", &["a", "b"]),
        ("emit", &["--demo"]),
        ("emit", &["--json", "1"]),
        ("emit", &["--large", "1000000"]),
    ] {
        let child = spawn(program(name).args(arguments), Stdio::null(), closed_pipe());
        let finished = finish(child);
        assert_eq!(
            finished,
            (Some(0), String::new(), String::new()),
            "{arguments:?}"
        );
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_write_error_is_one_line_and_exit_code_1() {
    let sample = inspect::sample("openai-chat.sse");
    for (name, arguments) in [("inspect", [sample.as_str()]), ("emit", ["x"])] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full");
        let full = full.expect("Linux has it");
        let child = spawn(program(name).args(arguments), Stdio::null(), full.into());
        let (code, _, stderr) = finish(child);
        assert_eq!(code, Some(1));
        assert_one_line(name, &stderr);
        assert!(stderr.contains("cannot write"), "{stderr}");
    }
}

#[test]
fn the_herd_and_the_soak_test_run() {
    let arguments = ["--clients", "200"];
    let (code, stdout, stderr) = run("herd", &arguments, b"");
    assert_eq!((code, &*stderr), (Some(0), ""), "{stdout}");
    assert!(stdout.lines().count() > 3, "{stdout}");
    if cfg!(feature = "stream") {
        let (code, stdout, stderr) = run("soak", &["--seconds", "0", "--seed", "7"], b"");
        assert_eq!((code, &*stderr), (Some(0), ""), "{stdout}");
        assert!(stdout.contains("events, all as sent"), "{stdout}");
    }
}
