//! Turns the vectors into Rust, and puts the memory layout where the linker finds it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

/// The limits of the firmware's buffer: three quarters for an event, a quarter for an ID.
const MOST_OF_AN_EVENT: usize = 384;
const MOST_OF_AN_ID: usize = 128;

fn main() {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo says where"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo says where"));
    fs::copy(here.join("memory.x"), out.join("memory.x")).expect("a file to write");
    println!("cargo::rustc-link-search={}", out.display());
    println!("cargo::rustc-link-arg-bins=-Tlink.x");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=memory.x");

    let mut fitting = String::new();
    let mut left_out = 0;
    for file in ["parse.jsonl", "own.jsonl"] {
        for row in rows(&here.join("../vectors").join(file)) {
            if fits(&row) {
                writeln!(fitting, "    {},", vector(&row)).expect("a string takes all");
            } else {
                left_out += 1;
            }
        }
    }
    let code = format!(
        "const LEFT_OUT: usize = {left_out};\nconst VECTORS: &[Vector] = &[\n{fitting}];\n"
    );
    fs::write(out.join("vectors.rs"), code).expect("a file to write");
}

fn rows(path: &Path) -> Vec<Value> {
    println!("cargo::rerun-if-changed={}", path.display());
    let text =
        fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let row = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line}"));
    text.lines().map(row).collect()
}

fn bytes(value: &Value) -> Vec<u8> {
    BASE64_STANDARD.decode(string(value)).expect("it is base64")
}

fn string(value: &Value) -> &str {
    value.as_str().expect("it is a string")
}

fn events(row: &Value) -> &[Value] {
    row["expect"]
        .as_array()
        .expect("every case says what it expects")
}

/// Whether nothing of it is too large. Where all of the stream would fit, it need not be known what of it counts.
fn fits(row: &Value) -> bool {
    let too_large = |event: &Value| {
        string(&event["event"]).len() + string(&event["data"]).len() > MOST_OF_AN_EVENT
            || string(&event["id"]).len() > MOST_OF_AN_ID
    };
    let longest_line = bytes(&row["input_b64"])
        .split(|byte| matches!(byte, b'\r' | b'\n'))
        .map(<[u8]>::len)
        .max();
    longest_line.unwrap_or(0) <= MOST_OF_AN_ID && !events(row).iter().any(too_large)
}

fn vector(row: &Value) -> String {
    let retry = match &row["final_retry"] {
        Value::Null => "None".to_owned(),
        Value::Number(number) => format!("Some({number})"),
        digits => match string(digits).parse::<u64>() {
            Ok(number) => format!("Some({number})"),
            Err(_) => "Some(u64::MAX)".to_owned(),
        },
    };
    let mut text = format!(
        "Vector {{ name: {:?}, stream: b\"{}\", initial_last_event_id: {:?}, last_event_id: {:?}, retry: {retry}, events: &[",
        string(&row["id"]),
        bytes(&row["input_b64"]).escape_ascii(),
        row.get("initial_last_event_id").map_or("", string),
        string(&row["final_last_event_id"]),
    );
    for event in events(row) {
        let part = |name: &str| string(&event[name]);
        let (event_type, data, id) = (part("event"), part("data"), part("id"));
        write!(text, "({event_type:?}, {data:?}, {id:?}), ").expect("a string takes all");
    }
    text + "] }"
}
