//! Blocks to send, with the bytes that must be written and what a client must receive, both worked
//! out without the crate.

use crate::common::cuts;
use crate::common::oracle::{self, Config, Dispatched, Outcome, Seen};
use crate::common::random::Random;
use crate::common::readers::{self, Meaning, READERS};
use core::time::Duration;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use sse_wire::{EventType, InvalidEventType, InvalidLastEventId, LastEventId, Outgoing};

/// Line ends, what is special at the start of a line, and what other libraries take for line ends.
pub(crate) const FRAGMENTS: &[&str] = &[
    "\r", "\n", "\r\n", "\r\r", "\n\n", ":", " ", ": ", "\t", "\0", "\u{feff}", "\u{85}",
    "\u{2028}", "\u{2029}", "data", "data: x", "event: x", "id", "id: x", "retry: 1", "message",
    "a", "é", "😀",
];

/// A block to send.
#[derive(Debug, Clone, Default)]
pub(crate) struct Block {
    pub(crate) event_type: Option<String>,
    pub(crate) data: Option<String>,
    pub(crate) id: Option<String>,
    pub(crate) retry: Option<Duration>,
    pub(crate) comment: Option<String>,
}

impl Block {
    pub(crate) fn message(data: &str) -> Self {
        Self {
            data: Some(data.to_owned()),
            ..Self::default()
        }
    }

    pub(crate) fn outgoing(&self) -> Outgoing<'_> {
        self.outgoing_with(self.data.as_deref())
    }

    /// The block with other data than its own.
    pub(crate) fn outgoing_with<'a>(&'a self, data: Option<&'a str>) -> Outgoing<'a> {
        let mut outgoing = data.map_or_else(Outgoing::new, Outgoing::message);
        if let Some(event_type) = &self.event_type {
            outgoing = outgoing.event_type(EventType::new(event_type).expect("a valid type"));
        }
        if let Some(id) = &self.id {
            outgoing = outgoing.id(LastEventId::new(id).expect("a valid ID"));
        }
        if let Some(retry) = self.retry {
            outgoing = outgoing.retry(retry);
        }
        if let Some(comment) = &self.comment {
            outgoing = outgoing.comment(comment);
        }
        outgoing
    }

    /// Leaves out the strings that must not be sent.
    pub(crate) fn valid(mut self) -> Self {
        self.event_type = self.event_type.filter(|text| is_valid_event_type(text));
        self.id = self.id.filter(|text| is_valid_id(text));
        self
    }

    /// What follows the colon of each comment line.
    fn comments(&self) -> impl Iterator<Item = Vec<u8>> {
        let lines = self.comment.iter().flat_map(|text| lines(text.as_bytes()));
        lines.map(|line| {
            let space: &[u8] = if line.is_empty() { b"" } else { b" " };
            [space, &line].concat()
        })
    }

    /// The bytes that every encoder must write.
    pub(crate) fn encoded(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut line = |prefix: &str, value: &[u8]| {
            out.extend([prefix.as_bytes(), value, b"\n"].concat());
        };
        for text in self.comments() {
            line(":", &text);
        }
        if let Some(event_type) = &self.event_type {
            line("event: ", event_type.as_bytes());
        }
        if let Some(id) = &self.id {
            line("id: ", id.as_bytes());
        }
        if let Some(retry) = self.retry {
            line("retry: ", milliseconds(retry).to_string().as_bytes());
        }
        for text in self.data.iter().flat_map(|text| lines(text.as_bytes())) {
            line("data: ", &text);
        }
        if !out.is_empty() {
            out.push(b'\n');
        }
        out
    }

    /// Adds what a client receives of the block to `outcome`.
    fn receive(&self, outcome: &mut Outcome) {
        for text in self.comments() {
            outcome.seen.push(Seen::Comment { text, end: true });
        }
        if let Some(retry) = self.retry.map(milliseconds) {
            outcome.seen.push(Seen::Retry(retry));
            outcome.reconnection_time = Some(retry);
        }
        if let Some(id) = &self.id {
            outcome.last_event_id.clone_from(id);
        }
        let event = Dispatched {
            event_type: self.event_type.as_deref().unwrap_or("message").into(),
            data: lines(self.data.as_deref().unwrap_or_default().as_bytes()).join(&b'\n'),
            last_event_id: outcome.last_event_id.clone(),
            id: self.id.clone(),
        };
        if self.data.is_some() {
            outcome.seen.push(Seen::Event(event));
        } else if self.id.is_some() || self.event_type.is_some() {
            outcome.seen.push(Seen::NotDispatched(event));
        }
    }
}

/// Returns whether `text` may be an event type, after comparing with the crate's validation.
pub(crate) fn is_valid_event_type(text: &str) -> bool {
    let error = match first_of(text, "\r\n") {
        _ if text.is_empty() => Some(InvalidEventType::Empty),
        Some((byte, offset)) => Some(InvalidEventType::Byte { byte, offset }),
        None => None,
    };
    assert_eq!(EventType::new(text).err(), error, "{text:?}");
    assert_eq!(EventType::try_from(text).err(), error, "{text:?}");
    error.is_none()
}

/// Returns whether `text` may be a last event ID, after comparing with the crate's validation.
pub(crate) fn is_valid_id(text: &str) -> bool {
    let error =
        first_of(text, "\r\n\0").map(|(byte, offset)| InvalidLastEventId::Byte { byte, offset });
    assert_eq!(LastEventId::new(text).err(), error, "{text:?}");
    assert_eq!(LastEventId::try_from(text).err(), error, "{text:?}");
    error.is_none()
}

/// The first of some ASCII characters in a text, and its offset.
fn first_of(text: &str, wanted: &str) -> Option<(u8, usize)> {
    let offset = text.find(|character| wanted.contains(character))?;
    Some((text.as_bytes()[offset], offset))
}

/// The lines of a text, which end at CRLF, CR or LF; at least one.
pub(crate) fn lines(text: &[u8]) -> Vec<Vec<u8>> {
    let mut lines = vec![Vec::new()];
    let mut before = b' ';
    for &byte in text {
        match byte {
            b'\n' if before == b'\r' => {}
            b'\r' | b'\n' => lines.push(Vec::new()),
            _ => lines.last_mut().expect("at least one").push(byte),
        }
        before = byte;
    }
    lines
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Asserts that a client receives just these blocks, at the start of a stream and after an event,
/// and the event after them. Returns the frames of the longer stream.
pub(crate) fn assert_arrive(blocks: &[Block]) -> Vec<Vec<u8>> {
    let before = Block {
        event_type: Some("first".to_owned()),
        id: Some("1".to_owned()),
        ..Block::message("before")
    };
    let after = Block::message("after");
    let [_, frames] = [None, Some(&before)].map(|before| {
        let mut expected = oracle::interpret(b"", &Config::default());
        let mut frames = Vec::new();
        for block in before.into_iter().chain(blocks).chain([&after]) {
            frames.push(block.encoded());
            block.receive(&mut expected);
        }
        let stream = frames.concat();
        let outcome = oracle::interpret(&stream, &Config::default());
        assert_eq!(outcome, expected, "\"{}\"", stream.escape_ascii());
        frames
    });
    frames
}

/// Asserts the same of every reader of the crate, frame by frame and cut at random.
pub(crate) fn assert_arrive_at_every_reader(blocks: &[Block]) {
    let frames = assert_arrive(blocks);
    let stream = frames.concat();
    // Memory in which the stream fits even if it is a single ID.
    let config = readers::memory_config((4 * stream.len()).next_power_of_two().max(4096));
    let meaning = Meaning::of(&stream, &config);
    let frames: Vec<&[u8]> = frames.iter().map(Vec::as_slice).collect();
    for chunks in [frames, cuts::random(&stream, &mut Random::new(7))] {
        let ran = READERS
            .iter()
            .filter_map(|reader| reader.check_both_ends(&chunks, &config, &meaning, 7));
        assert!(ran.count() > 0, "no reader ran");
    }
}

/// Text that is rich in what could break out of a line.
pub(crate) fn text() -> impl Strategy<Value = String> {
    let fragment = prop_oneof![
        3 => select(FRAGMENTS).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
    ];
    let short = vec(fragment, 0..12).prop_map(|fragments| fragments.concat());
    // Longer than what `write_to` gathers for one write.
    let long = (short.clone(), 1..200_usize).prop_map(|(text, times)| text.repeat(times));
    prop_oneof![9 => short, 1 => long]
}

/// Any block. Half of its one-line strings are made valid, and others are left out if they are not.
pub(crate) fn block() -> impl Strategy<Value = Block> {
    let line = || {
        let made_valid = text().prop_map(|text| text.replace(['\r', '\n', '\0'], ""));
        option::of(prop_oneof![made_valid, text()])
    };
    // Nearly all of the large ones saturate.
    let seconds = prop_oneof![0..10_000_u64, any::<u64>()];
    let retry = (seconds, 0..1_000_000_000_u32).prop_map(|(time, rest)| Duration::new(time, rest));
    let (data, comment) = (option::weighted(0.75, text()), option::of(text()));
    (line(), data, line(), option::of(retry), comment).prop_map(
        |(event_type, data, id, retry, comment)| {
            Block {
                event_type,
                data,
                id,
                retry,
                comment,
            }
            .valid()
        },
    )
}

/// The smallest failing case is printed, and becomes a test of its own.
pub(crate) fn proptest_config() -> ProptestConfig {
    ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}
