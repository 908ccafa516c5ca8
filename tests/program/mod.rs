//! Runs the examples as the programs they are.
//!
//! Cargo names no variable for an example's binary, so it is looked for beside the test's own. Plain `cargo test` builds
//! both; with `--test NAME`, `--tests` or `--all-targets` it builds, or renews, no example.

use std::env;
use std::io::{self, Write as _};
use std::process::{Command, Stdio};
use std::thread;

/// What a program left behind.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

pub(crate) fn program(name: &str) -> Command {
    let test = env::current_exe().expect("a test has a path");
    let profile = test.ancestors().nth(2).expect("tests are in PROFILE/deps/");
    let path = profile
        .join("examples")
        .join(format!("{name}{}", env::consts::EXE_SUFFIX));
    assert!(
        path.is_file(),
        "{} is missing: plain `cargo test` builds the examples, with `--test`, `--tests` or `--all-targets` it does \
         not; run `cargo build --examples` first, with the same profile and features",
        path.display()
    );
    Command::new(path)
}

/// Runs a program to its end with `input` on its standard input.
pub(crate) fn run(command: &mut Command, input: &[u8]) -> Finished {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().expect("piped");
    let output = thread::scope(|scope| {
        scope.spawn(move || match stdin.write_all(input) {
            // A program may end without reading its input.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            result => result.expect("the program's standard input takes bytes"),
        });
        child.wait_with_output().expect("the program ends")
    });
    Finished {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("the program writes UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("the program writes UTF-8"),
    }
}

/// A pipe that nobody reads from any more.
pub(crate) fn closed_pipe() -> Stdio {
    let mut reader = program("inspect")
        .arg("--help")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("the program starts");
    let writing_end = reader.stdin.take().expect("piped");
    reader.wait().expect("the program ends");
    writing_end.into()
}

/// Asserts that the command line was refused with one clear line that contains `expected`.
pub(crate) fn assert_refused(name: &str, arguments: &[&str], expected: &str) {
    let finished = run(program(name).args(arguments), b"data: x\n\n");
    assert_eq!(finished.code, Some(2), "{arguments:?}: {finished:?}");
    assert_eq!(finished.stdout, "", "{arguments:?}");
    assert_one_line(name, &finished.stderr);
    assert!(
        finished.stderr.contains(expected),
        "{arguments:?}: no {expected:?} in {:?}",
        finished.stderr
    );
}

/// Asserts that standard error holds one line, from the program itself.
pub(crate) fn assert_one_line(name: &str, stderr: &str) {
    assert!(stderr.starts_with(&format!("{name}: ")), "{stderr:?}");
    assert!(stderr.ends_with('\n'), "{stderr:?}");
    assert_eq!(stderr.lines().count(), 1, "{stderr:?}");
}

/// Asserts that the help is on standard output and names every option that the source knows.
pub(crate) fn assert_helpful(name: &str, source: &str) {
    let finished = run(program(name).arg("--help"), b"");
    assert_eq!((finished.code, finished.stderr.as_str()), (Some(0), ""));
    assert_eq!(run(program(name).arg("-h"), b"").stdout, finished.stdout);

    let known: Vec<&str> = source
        .split("Long(\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect();
    assert!(
        known.contains(&"help") && known.contains(&"json"),
        "{known:?}"
    );
    for option in known {
        let named = finished.stdout.lines().any(|line| {
            line.split([' ', ','])
                .any(|word| word.strip_prefix("--") == Some(option))
        });
        assert!(named, "--{option} is not in the help:\n{}", finished.stdout);
    }
}
