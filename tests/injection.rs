//! Whatever strings are sent, the other side dispatches that event and no other: a hostile string is refused, or it arrives as
//! what it was sent as, and the events around it arrive unharmed.

mod common;

use common::oracle::{self, Dispatched, Seen};
use common::readers::{self, Meaning, READERS};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use sse_wire::{EventType, InvalidEventType, LastEventId, Outgoing};

/// Strings that broke out of their field, or got lost in it, in one server library or another.
const HOSTILE: &[&str] = &[
    "",
    "\r",
    "\n",
    "\r\n",
    "\n\r",
    "\r\r",
    "\n\n",
    "\r\n\r\n",
    "\r\r\n",
    "a\r",
    "a\n",
    "\ra",
    "a\rdata: owned",
    "a\r\rdata: owned\r\r",
    "a\n\ndata: owned\n\n",
    "a\r\n\r\ndata: owned\r\n\r\n",
    "a\r\nevent: owned\r\nid: owned\r\nretry: 1",
    "a\rid: owned",
    "a\nretry: 1\n",
    "a\n:owned",
    "\u{feff}",
    "\u{feff}\n\u{feff}data: owned\n\n",
    "\u{feff}data: owned",
    "\0",
    "a\0b",
    "a\u{2028}data: owned",
    "a\u{2029}\u{2029}data: owned",
    "a\u{85}data: owned\u{85}\u{85}",
    "a\u{b}data: owned\u{c}",
    ": ",
    ":",
    " ",
    "   a",
    " \n \n ",
    "\t",
    "data",
    "data: owned",
    "event",
    "id",
    "id: owned",
    "retry: 1",
    "message",
];

/// What the hostile strings are made of.
const FRAGMENTS: &[&str] = &[
    "\r",
    "\n",
    "\r\n",
    "\r\r",
    "\n\n",
    ":",
    " ",
    ": ",
    "\u{feff}",
    "\0",
    "\u{85}",
    "\u{2028}",
    "\u{2029}",
    "data",
    "data: owned",
    "event: owned",
    "id: owned",
    "retry: 1",
    "a",
    "é",
];

/// The strings of a block, each where it is to be sent, valid or not.
#[derive(Debug, Clone, Default)]
struct Slots<'a> {
    event_type: Option<&'a str>,
    id: Option<&'a str>,
    data: Option<&'a str>,
    comment: Option<&'a str>,
}

/// A place in a block where a string can go.
type Slot = for<'s, 'a> fn(&'s mut Slots<'a>) -> &'s mut Option<&'a str>;

const SLOTS: [Slot; 4] = [
    |slots| &mut slots.event_type,
    |slots| &mut slots.id,
    |slots| &mut slots.data,
    |slots| &mut slots.comment,
];

impl<'a> Slots<'a> {
    /// What can be sent: the strings that are refused for good reason are left out.
    fn accepted(mut self) -> Self {
        self.event_type = self.event_type.filter(|text| {
            let expected = match first_of(text, b"\r\n") {
                _ if text.is_empty() => Some(InvalidEventType::Empty),
                Some((byte, offset)) => Some(InvalidEventType::Byte { byte, offset }),
                None => None,
            };
            assert_eq!(EventType::new(text).err(), expected, "{text:?}");
            assert_eq!(EventType::try_from(*text), EventType::new(text));
            expected.is_none()
        });
        self.id = self.id.filter(|text| {
            let expected = first_of(text, b"\r\n\0");
            let error = LastEventId::new(text).err();
            assert_eq!(
                error.map(|error| (error.byte, error.offset)),
                expected,
                "{text:?}"
            );
            assert_eq!(LastEventId::try_from(*text), LastEventId::new(text));
            expected.is_none()
        });
        self
    }

    fn outgoing(&self) -> Outgoing<'a> {
        let mut outgoing = match (self.event_type, self.data) {
            (Some(event_type), Some(data)) => {
                Outgoing::event(EventType::new(event_type).expect("it was accepted"), data)
            }
            (None, Some(data)) => Outgoing::message(data),
            (_, None) => Outgoing::new(),
        };
        if let Some(id) = self.id {
            outgoing = outgoing.id(LastEventId::new(id).expect("it was accepted"));
        }
        if let Some(comment) = self.comment {
            outgoing = outgoing.comment(comment);
        }
        outgoing
    }

    /// What the other side must see, if the data is `data` as bytes.
    fn seen(&self, data: Option<&[u8]>, last_event_id: &mut String) -> Vec<Seen> {
        let mut seen = Vec::new();
        if let Some(comment) = self.comment {
            for line in lines(comment.as_bytes()) {
                let space: &[u8] = if line.is_empty() { b"" } else { b" " };
                seen.push(Seen::Comment {
                    text: [space, &line].concat(),
                    end: true,
                });
            }
        }
        if let Some(id) = self.id {
            id.clone_into(last_event_id);
        }
        if let Some(data) = data {
            let data = lines(data).join(&b'\n');
            seen.push(event(
                self.event_type.unwrap_or("message"),
                &String::from_utf8_lossy(&data),
                last_event_id,
                self.id,
            ));
        }
        seen
    }
}

/// The first of some bytes in a text, and its offset.
fn first_of(text: &str, wanted: &[u8]) -> Option<(u8, usize)> {
    text.bytes()
        .enumerate()
        .find(|(_, byte)| wanted.contains(byte))
        .map(|(offset, byte)| (byte, offset))
}

/// The lines of a text that end in CRLF, CR or LF, byte for byte.
fn lines(text: &[u8]) -> Vec<Vec<u8>> {
    let mut lines = vec![Vec::new()];
    let mut before = b' ';
    for &byte in text {
        match byte {
            b'\n' if before == b'\r' => {}
            b'\r' | b'\n' => lines.push(Vec::new()),
            _ => lines.last_mut().expect("there is one").push(byte),
        }
        before = byte;
    }
    lines
}

fn event(event_type: &str, data: &str, last_event_id: &str, id: Option<&str>) -> Seen {
    Seen::Event(Dispatched {
        event_type: event_type.as_bytes().to_vec(),
        data: data.as_bytes().to_vec(),
        last_event_id: last_event_id.to_owned(),
        id: id.map(str::to_owned),
    })
}

fn encoded(outgoing: &Outgoing<'_>) -> Vec<u8> {
    let mut out = vec![0; outgoing.encoded_len()];
    let length = outgoing.encode_to_slice(&mut out);
    assert_eq!(length, Ok(out.len()));
    out
}

/// What each writer makes of a block.
fn every_writer(block: &Outgoing<'_>, mut assert: impl FnMut(&str, &[u8])) {
    assert("Display", block.to_string().as_bytes());
    #[cfg(feature = "alloc")]
    {
        let mut out = Vec::new();
        block.encode(&mut out);
        assert("encode", &out);
    }
    #[cfg(feature = "std")]
    {
        let mut out = Vec::new();
        block.write_to(&mut out).expect("a Vec takes everything");
        assert("write_to", &out);
        let mut writer = sse_wire::io::EventWriter::new(Vec::new());
        writer.write(*block).expect("a Vec takes everything");
        assert("io::EventWriter", writer.get_ref());
    }
    #[cfg(feature = "bytes")]
    assert("Frame", sse_wire::Frame::from(*block).as_bytes());
    #[cfg(feature = "http-body")]
    {
        use futures_util::{FutureExt, StreamExt, stream};

        let frames = stream::iter([Ok::<_, core::convert::Infallible>(*block)]);
        let body = sse_wire::body::EventBody::new(frames);
        let data = body.map(|data| data.expect("nothing fails").to_vec());
        let written = data.concat().now_or_never();
        assert("body::EventBody", &written.expect("it is ready"));
    }
    #[cfg(feature = "tokio")]
    {
        use tokio_util::codec::Encoder as _;

        let mut out = bytes::BytesMut::new();
        let mut codec = sse_wire::tokio::EventCodec::new();
        codec.encode(*block, &mut out).expect("it takes everything");
        assert("tokio::EventCodec", &out);
    }
    #[cfg(feature = "embedded-io")]
    {
        let mut memory = vec![0; block.encoded_len()];
        let mut out = vec![0; block.encoded_len()];
        let mut writer = sse_wire::embedded::EventWriter::new(&mut out[..], &mut memory);
        writer.write(*block).expect("there is room");
        let left = writer.into_inner().len();
        assert_eq!(left, 0);
        assert("embedded::EventWriter", &out);
    }
    #[cfg(feature = "embedded-io-async")]
    {
        use futures_util::FutureExt;

        let mut memory = vec![0; block.encoded_len()];
        let mut out = vec![0; block.encoded_len()];
        let mut writer = sse_wire::embedded::EventWriter::new(&mut out[..], &mut memory);
        let written = writer.write_async(*block).now_or_never();
        written.expect("it is ready").expect("there is room");
        assert("embedded::EventWriter, async", &out);
    }
}

/// Sends the strings, and asserts that they and nothing else arrive.
fn assert_harmless(slots: Slots<'_>) {
    let slots = slots.accepted();
    let frame = encoded(&slots.outgoing());
    assert_frame_is_harmless(&slots, slots.data.map(str::as_bytes), &frame);
    every_writer(&slots.outgoing(), |writer, written| {
        assert!(
            written == frame,
            "{writer} writes \"{}\", not \"{}\"",
            written.escape_ascii(),
            frame.escape_ascii()
        );
    });
}

/// The frame is one block that says what was sent: at the start of a stream, and between two events.
fn assert_frame_is_harmless(slots: &Slots<'_>, data: Option<&[u8]>, frame: &[u8]) {
    let _shown = ShownOnPanic(frame);
    // A blank line ends the frame, and no other is in it: no reader need be trusted to see that.
    assert!(!frame.contains(&b'\r'));
    assert!(!frame.starts_with(b"\n"));
    let blank_line = frame.windows(2).position(|pair| pair == b"\n\n");
    assert_eq!(
        blank_line.map(|at| at + 2),
        (!frame.is_empty()).then_some(frame.len())
    );

    let after = encoded(&Outgoing::message("after"));
    let mut last_event_id = String::new();
    let mut expected = slots.seen(data, &mut last_event_id);
    expected.push(event("message", "after", &last_event_id, None));
    assert_means(&[frame, &after], &expected, &last_event_id);

    let before = Outgoing::event(EventType::from_static("first"), "before")
        .id(LastEventId::from_static("1"));
    let before = encoded(&before);
    let mut last_event_id = "1".to_owned();
    let mut expected = vec![event("first", "before", "1", Some("1"))];
    expected.extend(slots.seen(data, &mut last_event_id));
    expected.push(event("message", "after", &last_event_id, None));
    assert_means(&[&before, frame, &after], &expected, &last_event_id);
}

/// The oracle sees just this, and so does every reader of the crate, whether the frames arrive at once or singly.
fn assert_means(frames: &[&[u8]], expected: &[Seen], last_event_id: &str) {
    let stream = frames.concat();
    let config = readers::memory_config(4096);
    let outcome = oracle::interpret(&stream, &config);
    assert_eq!(outcome.seen, expected);
    assert_eq!(outcome.last_event_id, last_event_id);
    assert_eq!(outcome.reconnection_time, None);
    assert_eq!(outcome.unfinished, None);
    let meaning = Meaning::of(&stream, &config);
    for chunks in [&[&stream[..]][..], frames] {
        let readers = READERS
            .iter()
            .filter_map(|reader| reader.check_both_ends(chunks, &config, &meaning, 3));
        assert!(readers.count() > 0, "no reader takes these limits");
    }
}

/// Shows which frame it was, whichever assertion fails.
struct ShownOnPanic<'f>(&'f [u8]);

impl Drop for ShownOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the frame b\"{}\"", self.0.escape_ascii());
        }
    }
}

#[test]
fn every_hostile_string_in_every_set_of_slots() {
    for text in HOSTILE {
        for set in 0..1_u32 << SLOTS.len() {
            let mut slots = Slots::default();
            for (index, slot) in SLOTS.iter().enumerate() {
                if set & (1 << index) != 0 {
                    *slot(&mut slots) = Some(text);
                }
            }
            assert_harmless(slots);
        }
    }
}

#[test]
fn every_two_hostile_strings_in_every_two_slots() {
    for (index, first) in SLOTS.iter().enumerate() {
        for second in &SLOTS[index + 1..] {
            for one in HOSTILE {
                for other in HOSTILE {
                    let mut slots = Slots {
                        data: Some("data"),
                        ..Slots::default()
                    };
                    *first(&mut slots) = Some(one);
                    *second(&mut slots) = Some(other);
                    assert_harmless(slots);
                }
            }
        }
    }
}

#[test]
fn comments_alone_are_comments_alone() {
    for one in HOSTILE {
        for other in HOSTILE {
            assert_harmless(Slots {
                comment: Some(&[*one, *other].concat()),
                ..Slots::default()
            });
        }
    }
}

#[test]
fn every_two_hostile_frames_after_each_other() {
    for one in HOSTILE {
        for other in HOSTILE {
            let data = Slots {
                data: Some(one),
                ..Slots::default()
            };
            let comment = Slots {
                comment: Some(other),
                ..Slots::default()
            };
            for pair in [
                [&data, &comment],
                [&comment, &data],
                [&data, &data],
                [&comment, &comment],
            ] {
                let frames = pair.map(|slots| encoded(&slots.outgoing()));
                let mut last_event_id = String::new();
                let expected: Vec<Seen> = pair
                    .iter()
                    .flat_map(|slots| slots.seen(slots.data.map(str::as_bytes), &mut last_event_id))
                    .collect();
                assert_means(&[&frames[0], &frames[1]], &expected, "");
            }
        }
    }
}

#[test]
fn a_last_carriage_return_does_not_reach_the_next_frame() {
    let comment = Outgoing::new().comment("a\r");
    assert_eq!(encoded(&comment), b": a\n:\n\n");
    let message = Outgoing::message("a\r").comment("\r\n\r");
    assert_eq!(encoded(&message), b":\n:\n:\ndata: a\ndata: \n\n");
}

fn hostile() -> impl Strategy<Value = String> {
    vec(select(FRAGMENTS), 0..12).prop_map(|fragments| fragments.concat())
}

fn proptest_config() -> ProptestConfig {
    ProptestConfig {
        // The smallest failing case is printed; it becomes a test of its own.
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(proptest_config())]

    #[test]
    fn any_hostile_strings_in_any_slots(
        event_type in option::of(hostile()),
        id in option::of(hostile()),
        data in option::of(hostile()),
        comment in option::of(hostile()),
    ) {
        assert_harmless(Slots {
            event_type: event_type.as_deref(),
            id: id.as_deref(),
            data: data.as_deref(),
            comment: comment.as_deref(),
        });
    }
}

#[cfg(feature = "alloc")]
mod data_that_is_written {
    use super::*;
    use core::convert::Infallible;
    use core::fmt::Write as _;
    use sse_wire::DataWriter;

    fn assert_writes_are_harmless(
        slots: Slots<'_>,
        data: &[u8],
        write: impl FnOnce(&mut DataWriter<'_>),
    ) {
        let slots = Slots {
            data: slots.data.or(Some("")),
            ..slots
        }
        .accepted();
        let mut frame = Vec::new();
        let Ok(()) = slots.outgoing().encode_with(&mut frame, |writer| {
            write(writer);
            Ok::<(), Infallible>(())
        });
        let data = [slots.data.unwrap_or_default().as_bytes(), data].concat();
        assert_frame_is_harmless(&slots, Some(&data), &frame);
    }

    fn write_texts<'t>(
        texts: impl IntoIterator<Item = &'t str>,
    ) -> impl FnOnce(&mut DataWriter<'_>) {
        move |writer| {
            for text in texts {
                writer.write_str(text).expect("it takes everything");
            }
        }
    }

    #[test]
    fn every_two_hostile_writes() {
        for one in HOSTILE {
            for other in HOSTILE {
                let data = [*one, *other].concat();
                assert_writes_are_harmless(
                    Slots::default(),
                    data.as_bytes(),
                    write_texts([*one, *other]),
                );
                let set = Slots {
                    data: Some(one),
                    ..Slots::default()
                };
                assert_writes_are_harmless(set, other.as_bytes(), write_texts([*other]));
            }
        }
    }

    proptest! {
        #![proptest_config(proptest_config())]

        #[test]
        fn any_hostile_writes(
            event_type in option::of(hostile()),
            id in option::of(hostile()),
            data in option::of(hostile()),
            comment in option::of(hostile()),
            writes in vec(select(FRAGMENTS), 0..12),
        ) {
            let slots = Slots {
                event_type: event_type.as_deref(),
                id: id.as_deref(),
                data: data.as_deref(),
                comment: comment.as_deref(),
            };
            assert_writes_are_harmless(slots, writes.concat().as_bytes(), write_texts(writes));
        }
    }

    #[cfg(feature = "std")]
    mod as_bytes {
        use super::*;
        use std::io::Write as _;

        /// Sequences that are not UTF-8, and would swallow a line end if their length were believed.
        const BROKEN: &[&[u8]] = &[
            b"\xC3",
            b"\xE2\x80",
            b"\xF0\x9F\x98",
            b"\x80",
            b"\xC0\x8A",
            b"\xC0\x8D",
            b"\xED\xA0\x80",
            b"\xEF\xBB",
            b"\xBF",
            b"\xFE\xFF",
            b"\n\0",
            b"\r\0",
        ];

        fn fragment() -> impl Strategy<Value = &'static [u8]> {
            prop_oneof![
                2 => select(FRAGMENTS).prop_map(str::as_bytes),
                1 => select(BROKEN),
            ]
        }

        #[test]
        fn broken_text_before_a_line_end() {
            for broken in BROKEN {
                for line_end in ["\r", "\n", "\r\n", "\n\n", "\r\r"] {
                    let data = [
                        broken,
                        line_end.as_bytes(),
                        b"data: owned",
                        line_end.as_bytes(),
                    ]
                    .concat();
                    assert_writes_are_harmless(Slots::default(), &data, |writer| {
                        writer.write_all(&data).expect("it takes everything");
                    });
                }
            }
        }

        proptest! {
            #![proptest_config(proptest_config())]

            #[test]
            fn any_hostile_writes(
                data in option::of(hostile()),
                fragments in vec(fragment(), 0..12),
                at_once in 1..6_usize,
            ) {
                let slots = Slots { data: data.as_deref(), ..Slots::default() };
                let bytes = fragments.concat();
                assert_writes_are_harmless(slots, &bytes, |writer| {
                    for part in bytes.chunks(at_once) {
                        writer.write_all(part).expect("it takes everything");
                    }
                });
            }
        }
    }
}
