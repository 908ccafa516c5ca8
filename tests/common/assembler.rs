//! What a user of the parser of fields writes: no limits, and memory as it comes.

use super::oracle::{Config, Dispatched, Recovered, Seen};
use super::readers::{Call, Ran, Recovery, Stream, count_events};
use core::mem;
use sse_wire::{CutLine, FieldName, FieldParser, Token};

pub(super) fn run(
    stream: &Stream<'_>,
    config: &Config,
    _: &mut dyn FnMut() -> Call,
) -> Option<Ran> {
    let length: usize = stream.chunks.iter().map(|chunk| chunk.len()).sum();
    // U+FFFD is three times as long as the byte that it replaces.
    if 3 * length > config.event_limit.min(config.last_event_id_limit) {
        return None;
    }
    let mut parser = FieldParser::new();
    let mut assembler = Assembler {
        last_event_id: config.initial_last_event_id.clone(),
        ..Assembler::default()
    };
    let mut dispatched_after = Vec::new();
    for &chunk in stream.chunks {
        let mut input = chunk;
        while let Some(token) = parser.next(&mut input) {
            assembler.take(token);
        }
        assert!(input.is_empty());
        assert_eq!(parser.next(&mut input), None);
        dispatched_after.push(count_events(&assembler.seen));
    }
    let last_event_id = assembler.last_event_id.clone();
    let reconnection_time = assembler.reconnection_time;
    let seen = mem::take(&mut assembler.seen);
    let inside_line = parser.is_inside_line();
    let last_token = parser.finish();
    assert_eq!(last_token.is_some(), inside_line);
    let in_event = match last_token {
        Some(Token::Field { name, value, .. }) => match name {
            FieldName::Data | FieldName::Event | FieldName::Id => true,
            FieldName::Unknown => {
                let begins = |name: &[u8]| !value.is_empty() && name.starts_with(value);
                begins(b"data") || begins(b"event") || begins(b"id")
            }
            FieldName::Retry => false,
        },
        _ => false,
    };
    let unfinished = (in_event || assembler.has_lines).then(|| {
        match (last_token, stream.cut_line) {
            (Some(token), CutLine::Keep) => assembler.take(token),
            (None, _) | (_, CutLine::Discard) => assembler.line.clear(),
        }
        assembler.take(Token::BlankLine);
        let event = assembler.seen.into_iter().find_map(|(_, seen)| match seen {
            Seen::Event(event) => Some(event),
            _ => None,
        });
        Recovery {
            inside_line: Some(inside_line),
            call: Call::DecodeItem,
            recovered: Recovered {
                result: Ok(event),
                last_event_id: assembler.last_event_id,
                reconnection_time: assembler.reconnection_time,
            },
        }
    });
    Some(Ran {
        seen,
        dispatched_after,
        last_event_id,
        reconnection_time,
        unfinished,
    })
}

#[derive(Default)]
struct Assembler {
    line: Vec<u8>,
    data: Vec<u8>,
    event_type: Vec<u8>,
    id: Option<String>,
    has_lines: bool,
    last_event_id: String,
    reconnection_time: Option<u64>,
    seen: Vec<(Call, Seen)>,
}

impl Assembler {
    fn take(&mut self, token: Token<'_>) {
        match token {
            Token::Field { name, value, end } => {
                assert!(end || !value.is_empty(), "an empty part of a field");
                self.line.extend_from_slice(value);
                if end {
                    let value = mem::take(&mut self.line);
                    self.field(name, value);
                }
            }
            Token::Comment { text, end } => {
                assert!(end || !text.is_empty(), "an empty part of a comment");
                self.see(Seen::Comment {
                    text: text.to_vec(),
                    end,
                });
            }
            Token::BlankLine => self.dispatch(),
        }
    }

    fn field(&mut self, name: FieldName, value: Vec<u8>) {
        self.has_lines |= matches!(name, FieldName::Data | FieldName::Event | FieldName::Id);
        match name {
            FieldName::Data => {
                self.data.extend_from_slice(&value);
                self.data.push(b'\n');
            }
            FieldName::Event => self.event_type = value,
            FieldName::Id => {
                if !value.contains(&0) {
                    self.id = Some(lossy(&value));
                }
            }
            FieldName::Retry => {
                if !value.is_empty() && value.iter().all(u8::is_ascii_digit) {
                    let digits = String::from_utf8(value).expect("they are digits");
                    let time = digits.parse().unwrap_or(u64::MAX);
                    self.reconnection_time = Some(time);
                    self.see(Seen::Retry(time));
                }
            }
            FieldName::Unknown => {}
        }
    }

    fn dispatch(&mut self) {
        let mut data = mem::take(&mut self.data);
        let event_type = mem::take(&mut self.event_type);
        let id = self.id.take();
        self.has_lines = false;
        if let Some(id) = &id {
            self.last_event_id.clone_from(id);
        }
        if data.pop().is_some() {
            let event_type = if event_type.is_empty() {
                &b"message"[..]
            } else {
                &event_type[..]
            };
            self.see(Seen::Event(Dispatched {
                event_type: lossy(event_type).into_bytes(),
                data: lossy(&data).into_bytes(),
                last_event_id: self.last_event_id.clone(),
                id,
            }));
        }
    }

    fn see(&mut self, seen: Seen) {
        self.seen.push((Call::DecodeItem, seen));
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
