//! Turns `tests/vectors` into inputs for the fuzz targets, in `fuzz/seeds/TARGET/`.

use std::error::Error;
use std::path::Path;
use std::time::Duration;
use std::{fs, io};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;
use sse_wire_fuzz::messages::Message;

/// In front of a stream: how it is cut. The whole at once, byte by byte, and mixed lengths and calls.
const PLANS: [&[u8]; 3] = [&[0], &[1, 0x01], &[4, 0x03, 0x41, 0x25, 0x02]];

/// The targets that read a stream, each with what its inputs have in front of the plan.
const READING: [(&str, &[&[u8]]); 4] = [
    // Flags, and the limits or the size of the buffer, if they ask for them.
    ("adapters", &[&[2], &[0, 24, 6], &[1, 7]]),
    // Flags.
    ("oracle", &[&[0], &[1], &[3]]),
    // Flags, and the length of the first connection.
    (
        "splits",
        &[&[0, 255], &[0b0000_1010, 16], &[0b1100_0111, 9]],
    ),
    // Limits of event and last event ID, flags, and the size of the buffer.
    (
        "limits",
        &[&[255, 255, 1, 255], &[24, 6, 0, 32], &[5, 9, 1, 13]],
    ),
];

/// The targets that send messages.
const SENDING: [&str; 2] = ["round_trip", "injection"];

/// Larger ones would make the fuzzer slow, and show it nothing new.
const LARGEST: usize = 2048;

fn main() -> Result<(), Box<dyn Error>> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let seeds = package.join("seeds");
    match fs::remove_dir_all(&seeds) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    let mut count = 0;
    let mut write = |target: &str, input: &[&[u8]]| -> io::Result<()> {
        let input = input.concat();
        if input.len() > LARGEST {
            return Ok(());
        }
        let directory = seeds.join(target);
        fs::create_dir_all(&directory)?;
        count += 1;
        fs::write(directory.join(format!("vector-{count:05}")), input)
    };
    for entry in fs::read_dir(package.join("../tests/vectors"))? {
        let path = entry?.path();
        if path
            .extension()
            .is_none_or(|extension| extension != "jsonl")
        {
            continue;
        }
        for line in fs::read_to_string(&path)?.lines() {
            let row: Value = serde_json::from_str(line)?;
            if let Some(stream) = row["input_b64"].as_str() {
                let stream = BASE64_STANDARD.decode(stream)?;
                for (target, fronts) in READING {
                    for (front, plan) in fronts.iter().zip(PLANS) {
                        write(target, &[front, plan, &stream])?;
                    }
                }
            } else {
                let message = message(&row).to_slots();
                for target in SENDING {
                    for plan in PLANS {
                        write(target, &[plan, &message])?;
                    }
                }
            }
        }
    }
    println!("{count} seeds in {}", seeds.display());
    Ok(())
}

/// What a row of `serialize.jsonl` wants to send.
fn message(row: &Value) -> Message {
    let text = |key: &str| row[key].as_str().map(str::to_owned);
    Message {
        event_type: text("event"),
        data: text("data"),
        id: text("id"),
        retry: row["retry"].as_u64().map(Duration::from_millis),
        comment: text("comment"),
    }
}
