//! What documents name: files, tests, commands and options exist.

use std::fs;
use std::path::{Path, PathBuf};

use super::support::run;

const GUIDE: &str = include_str!("../../../../src/guide/topic_by_topic.md");
pub const README: &str = include_str!("../../README.md");

/// The folder of the repository.
fn root() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
    folder.expect("a folder of folders").to_owned()
}

/// The cells of the rows of the first table whose head begins with this cell.
fn rows<'a>(text: &'a str, first: &str) -> Vec<Vec<&'a str>> {
    let head = format!("| {first} |");
    let rows = text.lines().skip_while(|line| !line.starts_with(&head));
    let rows = rows.skip(2).take_while(|line| line.starts_with('|'));
    let cells = rows.map(|row| {
        let row = row.trim_start_matches('|').trim_end_matches('|');
        row.split('|').map(str::trim).collect()
    });
    cells.collect()
}

/// What a text has between backticks.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

fn read(path: &str) -> Result<String, String> {
    fs::read_to_string(root().join(path)).map_err(|error| format!("{path}: {error}"))
}

fn exists(path: &str) -> Result<(), String> {
    let found = root().join(path).exists();
    found.then_some(()).ok_or_else(|| format!("no file {path}"))
}

/// Checks files, each followed by the tests in it.
fn check_tests(cell: &str) -> Result<(), String> {
    let mut file = String::new();
    for word in code(cell) {
        if word.ends_with(".rs") {
            file = read(word)?;
        } else if !file.contains(&format!("fn {word}(")) {
            return Err(format!("no test {word}"));
        }
    }
    (!file.is_empty())
        .then_some(())
        .ok_or_else(|| "no test".to_owned())
}

/// Returns the folder of a package of the workspace.
fn package(name: &str) -> Result<String, String> {
    let manifest = read("Cargo.toml")?;
    let members = manifest.lines().find(|line| line.starts_with("members"));
    let mut folders = members.unwrap_or_default().split('"').skip(1).step_by(2);
    let line = format!("name = \"{name}\"\n");
    let is_it = |folder: &&str| {
        let manifest = read(&format!("{folder}/Cargo.toml")).unwrap_or_default();
        let package = manifest.split("[package]\n").nth(1).unwrap_or_default();
        package.starts_with(&line)
    };
    let folder = folders.find(is_it).map(str::to_owned);
    folder.ok_or_else(|| format!("no package {name}"))
}

/// Checks what a command of cargo selects; `tests` are those that the row names.
fn check_cargo(arguments: &[&str], tests: &str) -> Result<(), String> {
    let mut arguments = arguments.iter();
    let name = *arguments.next().unwrap_or(&"");
    if !["run", "test"].contains(&name) {
        return Err(format!("no command cargo {name}"));
    }
    let mut folder = ".".to_owned();
    while let Some(argument) = arguments.next() {
        if *argument == "--" {
            let mut files = arguments.filter(|argument| argument.contains('/'));
            return files.try_for_each(|file| exists(file));
        }
        let mut value = || arguments.next().copied().unwrap_or_default();
        match *argument {
            "-p" => folder = package(value())?,
            "--profile" => drop(value()),
            "--example" => exists(&format!("{folder}/examples/{}.rs", value()))?,
            "--test" => exists(&format!("{folder}/tests/{}/main.rs", value()))?,
            "--bin" => {
                let name = value();
                let manifest = read(&format!("{folder}/Cargo.toml"))?;
                let is_there = manifest.contains(&format!("name = \"{name}\""));
                is_there.then_some(()).ok_or(format!("no program {name}"))?;
            }
            filter => {
                let part = match filter.strip_suffix("::") {
                    Some(module) => format!("/{module}.rs`"),
                    None => filter.to_owned(),
                };
                let is_there = tests.contains(&part);
                is_there.then_some(()).ok_or(format!("no test {filter}"))?;
            }
        }
    }
    Ok(())
}

fn check_command(command: &str, tests: &str) -> Result<(), String> {
    let words: Vec<_> = command.split(' ').collect();
    let (program, arguments) = words.split_first().expect("a word");
    if *program == "cargo" {
        return check_cargo(arguments, tests);
    }
    let script = read(program)?;
    let mut names = arguments
        .iter()
        .filter(|it| it.parse::<u32>().is_err())
        .filter(|it| !script.contains(&format!("[{it}]=")) && !script.contains(&format!("{it})")));
    match names.next() {
        Some(name) => Err(format!("{program} has no {name}")),
        None => Ok(()),
    }
}

fn check_row(row: &[&str]) -> Result<(), String> {
    let [_, files, tests, command] = row else {
        return Err("not four cells".to_owned());
    };
    if *files == "planned" {
        return Ok(());
    }
    code(files).try_for_each(exists)?;
    check_tests(tests)?;
    let mut commands = code(command).peekable();
    if files.is_empty() || commands.peek().is_none() {
        return Err("no file or no command".to_owned());
    }
    commands.try_for_each(|command| check_command(command, tests))
}

#[test]
fn the_files_tests_and_commands_of_the_guide_exist() {
    let rows = rows(GUIDE, "topic");
    assert!(rows.len() >= 20, "{}", rows.len());
    for row in &rows {
        assert_eq!(check_row(row), Ok(()), "{row:?}");
    }
}

#[test]
fn what_does_not_exist_is_noticed() {
    let (file, tests) = ("`src/lib.rs`", "`tests/client/replay.rs`: `frame`");
    let good = "`cargo run --example inspect`";
    assert_eq!(check_row(&["", file, tests, good]), Ok(()));
    for row in [
        ["", "`src/no.rs`", tests, good],
        ["", "", tests, good],
        ["", file, "", good],
        ["", file, "`tests/client/no.rs`", good],
        ["", file, "`tests/client/replay.rs`: `no_such_test`", good],
        ["", file, tests, ""],
        ["", file, tests, "`cargo fly`"],
        ["", file, tests, "`cargo run --example no`"],
        ["", file, tests, "`cargo run --example inspect -- tests/no`"],
        ["", file, tests, "`cargo run -p no`"],
        ["", file, tests, "`cargo run -p sse-wire-clients --bin no`"],
        ["", file, tests, "`cargo test --test no`"],
        ["", file, tests, "`cargo test --test client no_such`"],
        ["", file, tests, "`cargo test --test client table::`"],
        ["", file, tests, "`scripts/no.sh`"],
        ["", file, tests, "`scripts/nightly.sh no`"],
    ] {
        assert!(check_row(&row).is_err(), "{row:?}");
    }
}

/// The places that the links of a page lead to.
fn targets(text: &str) -> Vec<&str> {
    let links = text.split("](").skip(1);
    links.filter_map(|rest| rest.split(')').next()).collect()
}

/// The anchor of a heading.
fn anchor(heading: &str) -> String {
    let kept = |sign: &char| sign.is_alphanumeric() || [' ', '-'].contains(sign);
    let text: String = heading.to_lowercase().chars().filter(kept).collect();
    text.replace(' ', "-")
}

#[test]
fn every_link_of_the_readme_has_a_target() {
    let targets = targets(README);
    assert!(targets.len() > 60, "{}", targets.len());
    for target in targets {
        if let Some(wanted) = target.strip_prefix('#') {
            let headings = README.lines().filter(|line| line.starts_with('#'));
            let mut anchors = headings.map(|line| anchor(line.trim_start_matches(['#', ' '])));
            assert!(anchors.any(|anchor| anchor == wanted), "{target}");
        } else {
            assert_eq!(exists(&format!("examples/gateway/{target}")), Ok(()));
        }
    }
    let demands = rows(README, "demand");
    assert!(demands.len() > 20);
    for row in demands {
        assert!(row.len() == 3 && row[2].contains("](tests/"), "{row:?}");
    }
}

#[test]
fn every_test_file_and_every_option_is_in_the_readme_and_none_else() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/gateway");
    for entry in fs::read_dir(folder).expect("a folder") {
        let name = entry.expect("an entry").file_name();
        let name = name.to_str().expect("UTF-8");
        let is_listed = README.contains(&format!("(tests/gateway/{name})"));
        // A folder belongs to the file of its name.
        let is_shared = ["main.rs", "support.rs", "support", "redis"].contains(&name);
        assert_ne!(is_listed, is_shared, "{name}");
    }
    let helps = [&[][..], &["check"], &["load"], &["token"], &["user", "add"]];
    let helps = helps.map(|command| run(&[command, &["--help"]].concat()).1);
    for word in README.split(|sign: char| !sign.is_alphanumeric() && sign != '-') {
        let is_option = word.strip_prefix("--").is_some_and(|name| !name.is_empty());
        if is_option && !word.starts_with("---") {
            let option = format!("{word} ");
            let is_there = |help: &String| help.replace(['\n', ','], " ").contains(&option);
            assert!(helps.iter().any(is_there), "{word}");
        }
    }
}
