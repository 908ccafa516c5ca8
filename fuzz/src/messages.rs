//! Messages of a server, and what the peer must see of them.
//!
//! In an input a byte 0xFE ends a message and a byte 0xFF a slot of it, neither of which occurs in UTF-8; the first byte of
//! a slot says which it is: `e`vent type, `d`ata, `i`d, `r`etry or `c`omment. So whatever a fuzzer inserts or removes
//! leaves the rest as it was, which lengths in front would not, and the seeds can be written.

use std::time::Duration;

use arbitrary::{Arbitrary, Unstructured};
use sse_wire::{EventType, LastEventId, Outgoing};

use crate::oracle::{Dispatched, Seen};

const END_OF_MESSAGE: u8 = 0xFE;
const END_OF_SLOT: u8 = 0xFF;

/// A message to send, valid or not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Message {
    /// Without data, it is sent, but no event is dispatched.
    pub event_type: Option<String>,
    pub data: Option<String>,
    pub id: Option<String>,
    pub retry: Option<Duration>,
    pub comment: Option<String>,
}

/// Messages whose strings are those of the input.
#[derive(Debug)]
pub struct Plain(pub Vec<Message>);

/// Messages whose strings are made of [`FRAGMENTS`] and ASCII.
#[derive(Debug)]
pub struct Hostile(pub Vec<Message>);

/// What a string would have to contain to be taken for more than a value. In an input it is one byte, from 0x80 on.
pub const FRAGMENTS: [&str; 24] = [
    "\r",
    "\n",
    "\r\n",
    "\n\n",
    "\r\r",
    "\n\r",
    "\r\n\r\n",
    "\0",
    "\u{FEFF}",
    ":",
    " ",
    ": ",
    "\ndata: injected\n\n",
    "\rdata: injected\r\r",
    "\r\ndata: injected\r\n\r\n",
    "\nevent: injected",
    "\rid: injected",
    "\nretry: 0\n",
    "\n: injected",
    "\u{85}",
    "\u{2028}",
    "\u{2029}",
    "\u{B}\u{C}",
    "é中😀",
];

impl Message {
    /// The message without its event type or id if they may not be sent.
    pub fn valid(mut self) -> Self {
        self.event_type = self.event_type.filter(|text| EventType::new(text).is_ok());
        self.id = self.id.filter(|text| LastEventId::new(text).is_ok());
        self
    }

    /// What is to be encoded, with other data than the message's own.
    ///
    /// # Panics
    ///
    /// When the message is not [valid](Self::valid).
    pub fn outgoing_with<'m>(&'m self, data: Option<&'m str>) -> Outgoing<'m> {
        let mut outgoing = data.map_or_else(Outgoing::new, Outgoing::message);
        if let Some(event_type) = &self.event_type {
            outgoing = outgoing.event_type(EventType::new(event_type).expect("is valid"));
        }
        if let Some(id) = &self.id {
            outgoing = outgoing.id(LastEventId::new(id).expect("is valid"));
        }
        if let Some(retry) = self.retry {
            outgoing = outgoing.retry(retry);
        }
        if let Some(comment) = &self.comment {
            outgoing = outgoing.comment(comment);
        }
        outgoing
    }

    pub fn outgoing(&self) -> Outgoing<'_> {
        self.outgoing_with(self.data.as_deref())
    }

    /// Adds what the peer must see of the message, and nothing else.
    pub fn expect(&self, last_event_id: &mut String, seen: &mut Vec<Seen>) {
        if let Some(comment) = &self.comment {
            for line in with_line_feeds(comment).split('\n') {
                let text = if line.is_empty() {
                    String::new()
                } else {
                    format!(" {line}")
                };
                seen.push(Seen::Comment {
                    text: text.into(),
                    end: true,
                });
            }
        }
        if let Some(retry) = self.retry {
            seen.push(Seen::Retry(
                u64::try_from(retry.as_millis()).unwrap_or(u64::MAX),
            ));
        }
        if let Some(id) = &self.id {
            last_event_id.clone_from(id);
        }
        let event = Dispatched {
            event_type: self.event_type.as_deref().unwrap_or("message").into(),
            data: with_line_feeds(self.data.as_deref().unwrap_or_default()).into(),
            last_event_id: last_event_id.clone(),
            id: self.id.clone(),
        };
        if self.data.is_some() {
            seen.push(Seen::Event(event));
        } else if self.event_type.is_some() || self.id.is_some() {
            seen.push(Seen::NotDispatched(event));
        }
    }

    fn from_slots(slots: &[u8], text: fn(&[u8]) -> String) -> Self {
        let mut message = Self::default();
        for slot in slots.split(|&byte| byte == END_OF_SLOT) {
            // The low bits of the five letters are all different.
            match slot.split_first().map(|(tag, value)| (tag & 7, value)) {
                Some((5, value)) => message.event_type = Some(text(value)),
                Some((1, value)) => message.id = Some(text(value)),
                Some((2, value)) => message.retry = Some(time(value)),
                Some((3, value)) => message.comment = Some(text(value)),
                Some((_, value)) => message.data = Some(text(value)),
                None => {}
            }
        }
        message
    }

    /// The input that gives this message.
    pub fn to_slots(&self) -> Vec<u8> {
        let retry = self.retry.map(|time| time.as_millis().to_string());
        let slots = [
            (b'e', &self.event_type),
            (b'd', &self.data),
            (b'i', &self.id),
            (b'r', &retry),
            (b'c', &self.comment),
        ];
        let mut input = Vec::new();
        for (tag, value) in slots {
            if let Some(value) = value {
                input.push(tag);
                input.extend_from_slice(value.as_bytes());
                input.push(END_OF_SLOT);
            }
        }
        input.push(END_OF_MESSAGE);
        input
    }
}

/// CR and CRLF are LF when they arrive.
pub fn with_line_feeds(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

impl<'a> Arbitrary<'a> for Plain {
    fn arbitrary(input: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        messages(input, |bytes| String::from_utf8_lossy(bytes).into_owned()).map(Self)
    }
}

impl<'a> Arbitrary<'a> for Hostile {
    fn arbitrary(input: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        messages(input, hostile).map(Self)
    }
}

fn messages(
    input: &mut Unstructured<'_>,
    text: fn(&[u8]) -> String,
) -> arbitrary::Result<Vec<Message>> {
    let messages = input
        .bytes(input.len())?
        .split(|&byte| byte == END_OF_MESSAGE);
    Ok(messages
        .map(|slots| Message::from_slots(slots, text))
        .collect())
}

fn hostile(bytes: &[u8]) -> String {
    let mut text = String::new();
    for &byte in bytes {
        match byte.checked_sub(0x80) {
            None => text.push(byte.into()),
            Some(fragment) => text.push_str(FRAGMENTS[usize::from(fragment) % FRAGMENTS.len()]),
        }
    }
    text
}

/// Milliseconds in decimal, or else the bytes of seconds and nanoseconds.
fn time(value: &[u8]) -> Duration {
    let decimal = std::str::from_utf8(value)
        .ok()
        .and_then(|text| text.parse().ok());
    decimal.map_or_else(
        || {
            let mut bytes = [0; 12];
            let length = value.len().min(bytes.len());
            bytes[..length].copy_from_slice(&value[..length]);
            let number = |bytes: &[u8]| {
                bytes
                    .iter()
                    .fold(0, |sum, &byte| sum << 8 | u64::from(byte))
            };
            let nanoseconds = u32::try_from(number(&bytes[8..]) % 1_000_000_000);
            Duration::new(
                number(&bytes[..8]),
                nanoseconds.expect("is below a billion"),
            )
        },
        Duration::from_millis,
    )
}
