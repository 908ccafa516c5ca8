//! A naive interpreter of event streams (WHATWG HTML 9.2.5 and 9.2.6): the whole input at once,
//! into lines, into fields, into events. It is written to be compared with the standard by eye, and
//! shares no code with the crate that it judges.
//!
//! It models the decoder's limits too, so that "which event is rejected" is a statement about the
//! stream and never about its cuts.

#![allow(
    clippy::exhaustive_enums,
    reason = "nothing outside the tests builds upon these"
)]

/// What the reader of the stream was given beforehand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The last event ID that an earlier connection left behind.
    pub initial_last_event_id: String,
    /// The limit of an event, in bytes.
    pub event_limit: usize,
    /// The limit of a last event ID, in bytes.
    pub last_event_id_limit: usize,
    /// Whether an `id` beyond its limit is ignored instead of costing its event.
    pub ignore_oversized_id: bool,
    /// Whether events are returned as text (invalid UTF-8 replaced) or as the bytes that came.
    pub text: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            initial_last_event_id: String::new(),
            event_limit: 16 << 20,
            last_event_id_limit: 64 << 10,
            ignore_oversized_id: false,
            text: true,
        }
    }
}

/// One thing that a reader sees, in the order of the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// An event was dispatched.
    Event(Dispatched),
    /// A comment.
    Comment {
        /// What follows the colon, a space included.
        text: Vec<u8>,
        /// Whether its line ended before the stream did.
        end: bool,
    },
    /// A valid reconnection time, in milliseconds.
    Retry(u64),
    /// A block with an event type or an ID, and without data.
    NotDispatched(Dispatched),
    /// A line that is no field.
    Ignored {
        /// The line.
        text: Vec<u8>,
        /// Whether it ended before the stream did.
        end: bool,
    },
    /// An event went beyond a limit.
    Rejected(Rejection),
}

impl Seen {
    /// Whether readers of events see it.
    pub const fn is_of_events(&self) -> bool {
        matches!(self, Self::Event(_) | Self::Rejected(_))
    }

    /// The text of a comment or an ignored line, and whether its line ended.
    pub const fn fragment(&self) -> Option<(&Vec<u8>, bool)> {
        match self {
            Self::Comment { text, end } | Self::Ignored { text, end } => Some((text, *end)),
            _ => None,
        }
    }

    /// Appends the next fragment of the same line; `false` if `next` is something else.
    pub fn join(&mut self, next: &Self) -> bool {
        match (self, next) {
            (
                Self::Comment { text, end },
                Self::Comment {
                    text: more,
                    end: last,
                },
            )
            | (
                Self::Ignored { text, end },
                Self::Ignored {
                    text: more,
                    end: last,
                },
            ) if !*end => {
                text.extend_from_slice(more);
                *end = *last;
                true
            }
            _ => false,
        }
    }
}

/// A dispatched event. Type and data are bytes: in a text stream they are valid UTF-8.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dispatched {
    /// The event type; `message` if the block names none.
    pub event_type: Vec<u8>,
    /// The data: the block's lines, joined by LF.
    pub data: Vec<u8>,
    /// The last event ID at dispatch.
    pub last_event_id: String,
    /// The ID which this very block sets, if any.
    pub id: Option<String>,
}

/// The limit that an event went beyond.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rejection {
    /// The event's.
    Event,
    /// The last event ID's.
    LastEventId,
}

/// Everything that a stream means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// What was seen, in order.
    pub seen: Vec<Seen>,
    /// The last event ID at the end of the stream.
    pub last_event_id: String,
    /// The reconnection time in milliseconds, if the stream set one.
    pub reconnection_time: Option<u64>,
    /// What the end of the stream cut off.
    pub unfinished: Option<Unfinished>,
    /// The last event ID and the reconnection time after each rejection: a program that stops there
    /// reconnects with them.
    pub at_rejections: Vec<(String, Option<u64>)>,
    /// How many lines are no fields, and the beginning of the first one.
    pub ignored: (usize, Option<Vec<u8>>),
}

/// How much is told of the first line that is no field.
pub const FIRST_IGNORED: usize = 200;

/// An event which the end of the stream cut off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfinished {
    /// Whether the stream ended inside a line rather than between two.
    pub inside_line: bool,
    /// What follows if the cut line counts as if its line end had come.
    pub keep: Recovered,
    /// What follows if the cut line is forgotten.
    pub discard: Recovered,
}

/// What an unfinished event becomes if the missing blank line is taken as read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovered {
    /// The event, if there is one to dispatch.
    pub result: Result<Option<Dispatched>, Rejection>,
    /// The last event ID afterwards.
    pub last_event_id: String,
    /// The reconnection time afterwards.
    pub reconnection_time: Option<u64>,
}

/// A line of the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// A field.
    Field {
        /// `data`, `event`, `id` or `retry`; empty if the field is none of them.
        name: &'static str,
        /// The value; of an unknown field the whole line.
        value: Vec<u8>,
    },
    /// A comment: what follows the colon.
    Comment(Vec<u8>),
    /// A line without a byte.
    Blank,
}

/// Interprets a whole stream.
pub fn interpret(input: &[u8], config: &Config) -> Outcome {
    let (lines, last_line) = lines(input);
    let mut interpreter = Interpreter::new(config);
    for line in &lines {
        interpreter.read(line);
        interpreter.end(line);
    }
    if let Some(line) = &last_line {
        interpreter.read(line);
        interpreter.break_off(line, input);
    }
    let seen = &interpreter.seen;
    let mut ignored = seen.iter().filter_map(|seen| match seen {
        Seen::Ignored { text, .. } => Some(&text[..text.len().min(FIRST_IGNORED)]),
        _ => None,
    });
    let first = ignored.next();
    let ignored = (
        ignored.count() + usize::from(first.is_some()),
        first.map(<[u8]>::to_vec),
    );
    let in_event = last_line.as_ref().is_some_and(may_be_of_an_event);
    let unfinished = (in_event || interpreter.block.has_lines).then(|| Unfinished {
        inside_line: last_line.is_some(),
        keep: interpreter.clone().recover(last_line.as_ref()),
        discard: interpreter.clone().recover(None),
    });
    Outcome {
        seen: interpreter.seen,
        last_event_id: interpreter.last_event_id,
        reconnection_time: interpreter.reconnection_time,
        unfinished,
        at_rejections: interpreter.at_rejections,
        ignored,
    }
}

/// The lines of a whole stream, and beside them the last line if the stream ends before its line end.
pub fn lines(input: &[u8]) -> (Vec<Line>, Option<Line>) {
    let mut rest = input.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(input);
    let mut lines = Vec::new();
    while let Some(length) = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n')) {
        let (line, from_line_end) = rest.split_at(length);
        lines.push(classify(line));
        rest = from_line_end
            .strip_prefix(b"\r\n")
            .unwrap_or(&from_line_end[1..]);
    }
    let last_line = (!rest.is_empty()).then(|| classify(rest));
    (lines, last_line)
}

fn classify(line: &[u8]) -> Line {
    if line.is_empty() {
        return Line::Blank;
    }
    if let Some(text) = line.strip_prefix(b":") {
        return Line::Comment(text.to_vec());
    }
    let (name, value) = match line.iter().position(|byte| *byte == b':') {
        Some(colon) => (&line[..colon], &line[colon + 1..]),
        None => (line, &line[line.len()..]),
    };
    let value = value.strip_prefix(b" ").unwrap_or(value);
    let (name, value) = match name {
        b"data" => ("data", value),
        b"event" => ("event", value),
        b"id" => ("id", value),
        b"retry" => ("retry", value),
        _ => ("", line),
    };
    Line::Field {
        name,
        value: value.to_vec(),
    }
}

/// Whether an unfinished line belongs to an event, as far as it goes.
fn may_be_of_an_event(line: &Line) -> bool {
    let names = ["data", "event", "id"];
    match line {
        Line::Field { name: "", value } => {
            names.iter().any(|name| name.as_bytes().starts_with(value))
        }
        Line::Field { name, .. } => names.contains(name),
        Line::Comment(_) | Line::Blank => false,
    }
}

/// Whether an unfinished line may still become a field, or the whole input a byte order mark.
fn may_be_a_field(line: &[u8], input: &[u8]) -> bool {
    let names = [&b"data"[..], b"event", b"id", b"retry"];
    b"\xEF\xBB\xBF".starts_with(input) || names.iter().any(|name| name.starts_with(line))
}

/// The buffers of 9.2.6, and what the limits need beside them. All of it ends with the block.
#[derive(Debug, Clone, Default)]
struct Block {
    /// None until the first data line: an event without one is not dispatched.
    data: Option<Vec<u8>>,
    event_type: Option<Vec<u8>>,
    id: Option<String>,
    rejected: bool,
    /// Whether a data, event or id line ended in this block, whatever became of it.
    has_lines: bool,
}

#[derive(Debug, Clone)]
struct Interpreter<'c> {
    config: &'c Config,
    block: Block,
    last_event_id: String,
    reconnection_time: Option<u64>,
    seen: Vec<Seen>,
    at_rejections: Vec<(String, Option<u64>)>,
}

impl<'c> Interpreter<'c> {
    fn new(config: &'c Config) -> Self {
        Self {
            config,
            block: Block::default(),
            last_event_id: config.initial_last_event_id.clone(),
            reconnection_time: None,
            seen: Vec::new(),
            at_rejections: Vec::new(),
        }
    }

    /// The bytes of a line's value come one by one: the first that is too many rejects the event.
    fn read(&mut self, line: &Line) {
        if let Line::Field { name, value } = line {
            for length in 1..=value.len() {
                self.check(name, length);
            }
        }
    }

    /// The line end comes.
    fn end(&mut self, line: &Line) {
        match line {
            Line::Blank => self.dispatch(),
            Line::Comment(text) => self.seen.push(Seen::Comment {
                text: text.clone(),
                end: true,
            }),
            Line::Field { name, value } => {
                // An empty value has no byte that could have been too many, but its line may need a joining LF.
                self.check(name, value.len());
                match *name {
                    "data" => self.end_data(value),
                    "event" => self.end_event(value),
                    "id" => self.end_id(value),
                    "retry" => self.end_retry(value),
                    _ => self.seen.push(Seen::Ignored {
                        text: value.clone(),
                        end: true,
                    }),
                }
            }
        }
    }

    /// The stream ends instead. A comment has been seen as far as it went, and so has a line that
    /// cannot be a field.
    fn break_off(&mut self, line: &Line, input: &[u8]) {
        match line {
            Line::Comment(text) if !text.is_empty() => self.seen.push(Seen::Comment {
                text: text.clone(),
                end: false,
            }),
            Line::Field { name: "", value } if !may_be_a_field(value, input) => {
                self.seen.push(Seen::Ignored {
                    text: value.clone(),
                    end: false,
                });
            }
            _ => {}
        }
    }

    fn check(&mut self, name: &str, value_length: usize) {
        if !matches!(name, "data" | "event" | "id") || self.block.rejected {
            return;
        }
        let joining_line_feed = usize::from(name == "data" && self.block.data.is_some());
        let mut counted = value_length;
        let ignores = name == "id" && self.config.ignore_oversized_id;
        if ignores {
            counted = counted.min(self.config.last_event_id_limit);
        }
        if self.buffered() + joining_line_feed + counted > self.config.event_limit {
            self.reject(Rejection::Event);
        } else if ignores {
            // It is ignored once its line ends.
        } else if name == "id" && value_length > self.config.last_event_id_limit {
            self.reject(Rejection::LastEventId);
        }
    }

    /// What the lines before this one take.
    fn buffered(&self) -> usize {
        self.block.data.as_ref().map_or(0, Vec::len)
            + self.block.event_type.as_ref().map_or(0, Vec::len)
            + self.block.id.as_ref().map_or(0, String::len)
    }

    /// One event is rejected once, however far beyond the limits it goes. Its ID may live on.
    fn reject(&mut self, rejection: Rejection) {
        if !self.block.rejected {
            self.block.rejected = true;
            self.block.data = None;
            self.block.event_type = None;
            self.report(rejection);
        }
    }

    fn report(&mut self, rejection: Rejection) {
        self.seen.push(Seen::Rejected(rejection));
        let state = (self.last_event_id.clone(), self.reconnection_time);
        self.at_rejections.push(state);
    }

    fn end_data(&mut self, value: &[u8]) {
        self.block.has_lines = true;
        if self.block.rejected {
            return;
        }
        match &mut self.block.data {
            None => self.block.data = Some(value.to_vec()),
            Some(data) => {
                data.push(b'\n');
                data.extend_from_slice(value);
            }
        }
    }

    fn end_event(&mut self, value: &[u8]) {
        self.block.has_lines = true;
        if !self.block.rejected {
            self.block.event_type = Some(value.to_vec());
        }
    }

    fn end_id(&mut self, value: &[u8]) {
        self.block.has_lines = true;
        if value.contains(&0) {
            return;
        }
        let id = String::from_utf8_lossy(value).into_owned();
        if value.len().max(id.len()) > self.config.last_event_id_limit {
            if self.config.ignore_oversized_id {
                return;
            }
            self.block.id = None;
            self.reject(Rejection::LastEventId);
        } else {
            self.block.id = Some(id);
            if self.buffered() > self.config.event_limit {
                self.reject(Rejection::Event);
            }
        }
    }

    fn end_retry(&mut self, value: &[u8]) {
        if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
            return;
        }
        let milliseconds = value.iter().fold(0_u64, |sum, digit| {
            sum.saturating_mul(10)
                .saturating_add(u64::from(digit - b'0'))
        });
        self.reconnection_time = Some(milliseconds);
        self.seen.push(Seen::Retry(milliseconds));
    }

    /// The blank line.
    fn dispatch(&mut self) {
        let block = core::mem::take(&mut self.block);
        if let Some(id) = &block.id {
            self.last_event_id = id.clone();
        }
        let is_empty = block.event_type.is_none() && block.id.is_none();
        if block.data.is_none() && (is_empty || block.rejected) {
            return;
        }
        let has_data = block.data.is_some();
        let data = self.returned(block.data.unwrap_or_default());
        let event_type = self.returned(block.event_type.unwrap_or_default());
        // U+FFFD takes three bytes where one was: what was buffered fits, what is returned may not.
        // A block without data is shown as text, or not at all.
        let event_type = if has_data {
            event_type
        } else {
            String::from_utf8_lossy(&event_type)
                .into_owned()
                .into_bytes()
        };
        let length = data.len() + event_type.len() + block.id.as_ref().map_or(0, String::len);
        if length > self.config.event_limit {
            if has_data {
                self.report(Rejection::Event);
            }
            return;
        }
        let event = Dispatched {
            event_type: if event_type.is_empty() {
                b"message".to_vec()
            } else {
                event_type
            },
            data,
            last_event_id: self.last_event_id.clone(),
            id: block.id,
        };
        self.seen.push(if has_data {
            Seen::Event(event)
        } else {
            Seen::NotDispatched(event)
        });
    }

    fn returned(&self, bytes: Vec<u8>) -> Vec<u8> {
        if self.config.text {
            String::from_utf8_lossy(&bytes).into_owned().into_bytes()
        } else {
            bytes
        }
    }

    fn recover(mut self, last_line: Option<&Line>) -> Recovered {
        self.seen.clear();
        if let Some(line) = last_line {
            self.end(line);
        }
        self.dispatch();
        let result = self
            .seen
            .into_iter()
            .find_map(|seen| match seen {
                Seen::Event(event) => Some(Ok(Some(event))),
                Seen::Rejected(rejection) => Some(Err(rejection)),
                _ => None,
            })
            .unwrap_or(Ok(None));
        Recovered {
            result,
            last_event_id: self.last_event_id,
            reconnection_time: self.reconnection_time,
        }
    }
}
