//! What is sent arrives, up to CR and CRLF, which arrive as LF: by every way out, in every field, and when it is forwarded; and what
//! fails leaves nothing behind.

mod common;

use common::cuts;
use common::oracle::{self, Config, Dispatched, Seen};
use common::random::Random;
use common::readers::{self, Meaning, READERS};
use core::time::Duration;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use sse_wire::{Event, EventDecoder, EventType, LastEventId, Outgoing};

/// What goes wrong in streams: line ends, what stands at the start of a line, and what is not ASCII.
const FRAGMENTS: &[&str] = &[
    "\r", "\n", "\r\n", ":", " ", "\u{feff}", "\0", "data", "event", "id", "retry", "data: ", "1",
    "é", "\u{85}", "\u{2028}", "😀", "\t", "message",
];

/// No byte that a block has, so that an untouched one shows.
const UNTOUCHED: u8 = 0xFF;

/// A block to send.
#[derive(Debug, Clone, Default)]
struct Block {
    /// Goes with data only.
    event_type: Option<String>,
    data: Option<String>,
    id: Option<String>,
    retry: Option<Duration>,
    comment: Option<String>,
}

impl Block {
    fn outgoing(&self) -> Outgoing<'_> {
        self.outgoing_with(self.data.as_deref())
    }

    /// The block with other data than its own.
    fn outgoing_with<'a>(&'a self, data: Option<&'a str>) -> Outgoing<'a> {
        let mut outgoing = match (&self.event_type, data) {
            (Some(event_type), Some(data)) => {
                Outgoing::event(EventType::new(event_type).expect("it is valid"), data)
            }
            (None, Some(data)) => Outgoing::message(data),
            (_, None) => Outgoing::new(),
        };
        if let Some(id) = &self.id {
            outgoing = outgoing.id(LastEventId::new(id).expect("it is valid"));
        }
        if let Some(retry) = self.retry {
            outgoing = outgoing.retry(retry);
        }
        if let Some(comment) = &self.comment {
            outgoing = outgoing.comment(comment);
        }
        outgoing
    }

    /// What the other side must see of it.
    fn seen(&self, last_event_id: &mut String) -> Vec<Seen> {
        let mut seen = Vec::new();
        if let Some(comment) = &self.comment {
            seen.extend(normalised(comment).split('\n').map(|line| Seen::Comment {
                text: if line.is_empty() {
                    Vec::new()
                } else {
                    format!(" {line}").into_bytes()
                },
                end: true,
            }));
        }
        if let Some(retry) = self.retry {
            let milliseconds = u64::try_from(retry.as_millis()).unwrap_or(u64::MAX);
            seen.push(Seen::Retry(milliseconds));
        }
        if let Some(id) = &self.id {
            last_event_id.clone_from(id);
        }
        if let Some(data) = &self.data {
            let event_type = self.event_type.as_deref().unwrap_or("message");
            seen.push(Seen::Event(Dispatched {
                event_type: event_type.as_bytes().to_vec(),
                data: normalised(data).into_bytes(),
                last_event_id: last_event_id.clone(),
                id: self.id.clone(),
            }));
        }
        seen
    }
}

/// What is left of a text's line ends on the other side.
fn normalised(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

/// What the other side must see of blocks that follow each other.
fn seen_of(blocks: &[Block]) -> Vec<Seen> {
    let mut last_event_id = String::new();
    blocks
        .iter()
        .flat_map(|block| block.seen(&mut last_event_id))
        .collect()
}

/// The blocks as one stream.
fn stream_of(blocks: &[Block]) -> Vec<u8> {
    blocks
        .iter()
        .flat_map(|block| every_way_out(&block.outgoing()))
        .collect()
}

fn text() -> impl Strategy<Value = String> {
    let fragment = prop_oneof![
        3 => select(FRAGMENTS).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
    ];
    let short = vec(fragment, 0..12).prop_map(|fragments| fragments.concat());
    // Longer than what is gathered for one write.
    let long = (short.clone(), 1..200_usize).prop_map(|(text, times)| text.repeat(times));
    prop_oneof![9 => short, 1 => long]
}

/// A text with nothing in it that a one-line field refuses.
fn without(refused: &'static [char]) -> impl Strategy<Value = String> {
    text().prop_map(move |text| text.replace(refused, ""))
}

fn duration() -> impl Strategy<Value = Duration> {
    // Nearly all of the large ones saturate.
    let seconds = prop_oneof![0..10_000_u64, any::<u64>()];
    (seconds, 0..1_000_000_000_u32).prop_map(|(seconds, rest)| Duration::new(seconds, rest))
}

fn block() -> impl Strategy<Value = Block> {
    let event_type = without(&['\r', '\n']);
    let event = (option::of(event_type), text()).prop_map(|(event_type, data)| {
        let event_type = event_type.filter(|event_type| !event_type.is_empty());
        (event_type, Some(data))
    });
    (
        prop_oneof![3 => event, 1 => Just((None, None))],
        option::of(without(&['\r', '\n', '\0'])),
        option::of(duration()),
        option::of(text()),
    )
        .prop_map(|((event_type, data), id, retry, comment)| Block {
            event_type,
            data,
            id,
            retry,
            comment,
        })
}

/// What all the ways out agree on.
fn every_way_out(outgoing: &Outgoing<'_>) -> Vec<u8> {
    let bytes = outgoing.to_string().into_bytes();
    let length = bytes.len();
    assert_eq!(outgoing.encoded_len(), length);

    for spare in [0, 1, 100] {
        let mut memory = vec![UNTOUCHED; length + spare];
        assert_eq!(outgoing.encode_to_slice(&mut memory), Ok(length));
        assert_eq!(memory[..length], bytes);
        assert_eq!(memory[length..], vec![UNTOUCHED; spare]);
    }
    for available in (0..length).rev().take(1).chain((length > 0).then_some(0)) {
        let mut memory = vec![UNTOUCHED; available];
        let full = outgoing
            .encode_to_slice(&mut memory)
            .expect_err("too small");
        assert_eq!((full.needed, full.available), (length, available));
        assert_eq!(memory, vec![UNTOUCHED; available]);
    }

    #[cfg(feature = "alloc")]
    {
        let mut out = b"before".to_vec();
        outgoing.encode(&mut out);
        assert_eq!(out, [b"before", &bytes[..]].concat());
    }
    #[cfg(feature = "std")]
    for at_once in [1, 7, usize::MAX] {
        let mut writer = Writer {
            at_once,
            ..Writer::default()
        };
        outgoing.write_to(&mut writer).expect("there is room");
        assert_eq!(writer.written, bytes);
    }
    bytes
}

/// The oracle sees just this in the stream, and so does every reader of the crate, whole and cut at random.
fn assert_means(stream: &[u8], expected: &[Seen]) {
    let config = config();
    let outcome = oracle::interpret(stream, &config);
    assert_eq!(outcome.seen, expected);
    assert_eq!(outcome.unfinished, None);
    let meaning = Meaning::of(stream, &config);
    let cut = cuts::random(stream, &mut Random::new(7));
    for chunks in [&[stream][..], &cut] {
        let readers = READERS
            .iter()
            .filter_map(|reader| reader.check_both_ends(chunks, &config, &meaning, 7));
        assert!(readers.count() > 0, "no reader takes these limits");
    }
}

/// The limits of memory in which any of the streams fits.
fn config() -> Config {
    readers::memory_config(1 << 18)
}

/// The stream that someone sends who forwards the events of another.
fn forwarded(stream: &[u8]) -> Vec<u8> {
    let mut memory = vec![0; 1 << 18];
    let mut decoder = EventDecoder::with_buffer(&mut memory[..]);
    let mut input = stream;
    let mut out = Vec::new();
    while let Some(event) = decoder.decode(&mut input).expect("it fits") {
        out.extend(forward(event));
    }
    out
}

fn forward(event: Event<'_>) -> Vec<u8> {
    let outgoing = Outgoing::from(&event);
    assert_eq!(Outgoing::from(event), outgoing);
    #[cfg(feature = "alloc")]
    assert_eq!(Outgoing::from(&event.into_owned()), outgoing);
    every_way_out(&outgoing)
}

/// Type, data and own ID of each event.
fn own_parts(seen: Vec<Seen>) -> Vec<(Vec<u8>, Vec<u8>, Option<String>)> {
    seen.into_iter()
        .filter_map(|seen| match seen {
            Seen::Event(event) => Some((event.event_type, event.data, event.id)),
            _ => None,
        })
        .collect()
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
    fn what_is_sent_arrives(blocks in vec(block(), 1..5)) {
        assert_means(&stream_of(&blocks), &seen_of(&blocks));
    }

    #[test]
    fn events_are_forwarded_as_they_came(blocks in vec(block(), 1..6)) {
        let first = stream_of(&blocks);
        let second = forwarded(&first);
        let arrived = oracle::interpret(&second, &config());
        assert_eq!(own_parts(arrived.seen), own_parts(seen_of(&blocks)));
        assert_eq!(forwarded(&second), second);
    }

    #[test]
    fn ids_are_inherited_alike_where_only_events_are_sent(blocks in vec(block(), 1..6)) {
        let mut blocks = blocks;
        for block in &mut blocks {
            block.data.get_or_insert_default();
            block.retry = None;
            block.comment = None;
        }
        assert_means(&forwarded(&stream_of(&blocks)), &seen_of(&blocks));
    }
}

#[test]
fn only_what_an_event_carries_itself_is_forwarded() {
    let stream = b"id: 7\nevent: message\ndata: a\n\ndata: b\n\nid\ndata: c\n\n\
        :x\nretry: 5\nid: 8\nid: \0\nevent:t\ndata: d\r\ndata\r\n\r\ndata: cut off";
    let expected =
        "id: 7\ndata: a\n\ndata: b\n\nid: \ndata: c\n\nevent: t\nid: 8\ndata: d\ndata: \n\n";
    assert_eq!(forwarded(stream), expected.as_bytes());
}

#[test]
fn nothing_set_writes_nothing() {
    assert_eq!(every_way_out(&Outgoing::new()), b"");
    assert_eq!(Outgoing::new(), Outgoing::default());
}

#[test]
fn each_field_alone_is_a_block() {
    let id = LastEventId::from_static;
    let event_type = EventType::from_static("t");
    for (outgoing, expected) in [
        (Outgoing::message(""), "data: \n\n"),
        (Outgoing::event(event_type, ""), "event: t\ndata: \n\n"),
        (Outgoing::new().id(id("")), "id: \n\n"),
        (Outgoing::new().id(id(" 1 ")), "id:  1 \n\n"),
        (Outgoing::new().retry(Duration::ZERO), "retry: 0\n\n"),
        (Outgoing::new().comment(""), ":\n\n"),
        (
            Outgoing::new().comment("a").comment("b\r\n\rc"),
            ": b\n:\n: c\n\n",
        ),
    ] {
        assert_eq!(every_way_out(&outgoing), expected.as_bytes());
    }
}

#[test]
fn reconnection_times_are_rounded_down_and_saturate() {
    let most = Duration::from_millis(u64::MAX);
    for (time, milliseconds) in [
        (Duration::from_nanos(999_999), 0),
        (Duration::from_nanos(1_000_000), 1),
        (Duration::from_micros(1_999), 1),
        (Duration::new(12, 345_678_901), 12_345),
        (Duration::from_secs(u64::from(u32::MAX)), 4_294_967_295_000),
        (most - Duration::from_millis(1), u64::MAX - 1),
        (most, u64::MAX),
        (most + Duration::from_nanos(999_999), u64::MAX),
        (most + Duration::from_millis(1), u64::MAX),
        (Duration::from_secs(u64::MAX / 1000 + 1), u64::MAX),
        (Duration::MAX, u64::MAX),
    ] {
        let stream = every_way_out(&Outgoing::new().retry(time));
        assert_eq!(stream, format!("retry: {milliseconds}\n\n").into_bytes());
        assert_means(&stream, &[Seen::Retry(milliseconds)]);
    }
}

#[cfg(feature = "alloc")]
mod data_that_is_written {
    use super::*;
    use core::convert::Infallible;
    use core::fmt::Write as _;
    use core::panic::AssertUnwindSafe;
    use proptest::sample::Index;
    use sse_wire::DataWriter;
    use std::panic::{catch_unwind, resume_unwind};

    /// Cuts a text at boundaries of characters; some parts are empty.
    fn parts<'t>(text: &'t str, cuts: &[Index]) -> Vec<&'t str> {
        let boundaries: Vec<usize> = (0..=text.len())
            .filter(|&at| text.is_char_boundary(at))
            .collect();
        let mut positions: Vec<usize> = cuts.iter().map(|cut| *cut.get(&boundaries)).collect();
        positions.sort_unstable();
        positions.insert(0, 0);
        positions.push(text.len());
        positions
            .windows(2)
            .map(|pair| &text[pair[0]..pair[1]])
            .collect()
    }

    /// The block with its data written by `write`, behind what stood in the buffer before.
    fn written(outgoing: &Outgoing<'_>, write: impl FnOnce(&mut DataWriter<'_>)) -> Vec<u8> {
        let mut out = b"before".to_vec();
        let Ok(()) = outgoing.encode_with(&mut out, |writer| {
            write(writer);
            Ok::<(), Infallible>(())
        });
        out.strip_prefix(b"before")
            .expect("what stood there stays")
            .to_vec()
    }

    fn write_text(writer: &mut DataWriter<'_>, text: &str) {
        writer.write_str(text).expect("it takes everything");
    }

    proptest! {
        #![proptest_config(proptest_config())]

        #[test]
        fn is_split_as_if_it_were_one_text(
            block in block(),
            data in text(),
            set in any::<Index>(),
            cuts in vec(any::<Index>(), 0..8),
        ) {
            let block = Block { data: Some(data), ..block };
            let data = block.data.as_deref().unwrap_or_default();
            let expected = every_way_out(&block.outgoing());

            let all_written = block.outgoing_with(block.event_type.as_ref().map(|_| ""));
            let in_parts = written(&all_written, |writer| {
                for part in parts(data, &cuts) {
                    write_text(writer, part);
                }
            });
            assert_eq!(in_parts, expected);
            let by_character = written(&all_written, |writer| {
                for character in data.chars() {
                    writer.write_char(character).expect("it takes everything");
                    write_text(writer, "");
                }
            });
            assert_eq!(by_character, expected);

            let [before, after] = parts(data, &[set])[..] else {
                panic!("one cut makes two parts");
            };
            let some_set = block.outgoing_with(Some(before));
            let in_parts = written(&some_set, |writer| {
                for part in parts(after, &cuts) {
                    write_text(writer, part);
                }
            });
            assert_eq!(in_parts, expected);
        }

        #[test]
        fn is_taken_back_when_it_fails(block in block(), partial in text(), before in vec(any::<u8>(), 0..40)) {
            let outgoing = block.outgoing();
            let mut out = before.clone();

            let result = outgoing.encode_with(&mut out, |writer| {
                write_text(writer, &partial);
                Err("failed")
            });
            assert_eq!(result, Err("failed"));
            assert_eq!(out, before);

            let unwound = catch_unwind(AssertUnwindSafe(|| {
                outgoing.encode_with(&mut out, |writer| -> Result<(), Infallible> {
                    write_text(writer, &partial);
                    // Unlike `panic!` it prints nothing.
                    resume_unwind(Box::new("unwound"))
                })
            }));
            let payload = unwound.expect_err("it unwinds");
            assert_eq!(payload.downcast_ref(), Some(&"unwound"));
            assert_eq!(out, before);

            outgoing.encode(&mut out);
            assert_eq!(out, [before, every_way_out(&outgoing)].concat());
        }
    }

    #[test]
    fn is_one_data_line_when_nothing_is_written() {
        let nothing = |_: &mut DataWriter<'_>| {};
        assert_eq!(written(&Outgoing::new(), nothing), b"data: \n\n");
        assert_eq!(written(&Outgoing::message("a"), nothing), b"data: a\n\n");
    }

    #[test]
    fn joins_a_cut_line_end_with_the_data_before_it() {
        for (set, writes, expected) in [
            ("a\r", &["\nb"][..], "data: a\ndata: b\n\n"),
            ("a\r", &["", "\n", "b"], "data: a\ndata: b\n\n"),
            ("", &["a\r", "\n", "\nb"], "data: a\ndata: \ndata: b\n\n"),
            ("", &["a\r", "\r", "\nb"], "data: a\ndata: \ndata: b\n\n"),
            ("", &["a\n", "\r", "b"], "data: a\ndata: \ndata: b\n\n"),
            ("", &["a\r", "b\n"], "data: a\ndata: b\ndata: \n\n"),
            ("\r", &["\n"], "data: \ndata: \n\n"),
            ("\r", &["x\r", "\n"], "data: \ndata: x\ndata: \n\n"),
        ] {
            let stream = written(&Outgoing::message(set), |writer| {
                for part in writes {
                    write_text(writer, part);
                }
            });
            assert_eq!(stream, expected.as_bytes(), "{set:?} {writes:?}");
        }
    }

    #[cfg(feature = "std")]
    mod as_bytes {
        use super::*;
        use std::io::Write as _;

        fn write_bytes(writer: &mut DataWriter<'_>, bytes: &[u8]) {
            assert_eq!(writer.write(bytes).expect("it fails never"), bytes.len());
            writer.flush().expect("it fails never");
        }

        proptest! {
            #![proptest_config(proptest_config())]

            #[test]
            fn is_split_as_if_it_were_one_text(
                block in block(),
                data in text(),
                cuts in vec(any::<Index>(), 0..8),
            ) {
                let block = Block { data: Some(data), ..block };
                let data = block.data.as_deref().unwrap_or_default().as_bytes();
                let expected = every_way_out(&block.outgoing());
                let outgoing = block.outgoing_with(block.event_type.as_ref().map(|_| ""));

                let mut positions: Vec<usize> = cuts.iter().map(|cut| cut.index(data.len() + 1)).collect();
                positions.sort_unstable();
                let in_parts = written(&outgoing, |writer| {
                    for part in cuts::at(data, &positions) {
                        write_bytes(writer, part);
                    }
                });
                assert_eq!(in_parts, expected);
                let by_byte = written(&outgoing, |writer| {
                    for part in cuts::bytes(data) {
                        write_bytes(writer, part);
                    }
                });
                assert_eq!(by_byte, expected);
            }
        }

        #[test]
        fn joins_a_cut_line_end_across_both_kinds_of_write() {
            let stream = written(&Outgoing::new(), |writer| {
                write_text(writer, "a\r");
                write_bytes(writer, b"\nb\r");
                write_text(writer, "\nc");
            });
            assert_eq!(stream, b"data: a\ndata: b\ndata: c\n\n");
        }
    }
}

/// A writer that counts, takes so many bytes at once, and fails when it has no more room; it must not be used after that.
#[cfg(feature = "std")]
struct Writer {
    written: Vec<u8>,
    writes: usize,
    at_once: usize,
    room: usize,
    failed: bool,
}

#[cfg(feature = "std")]
impl Default for Writer {
    fn default() -> Self {
        Self {
            written: Vec::new(),
            writes: 0,
            at_once: usize::MAX,
            room: usize::MAX,
            failed: false,
        }
    }
}

#[cfg(feature = "std")]
impl std::io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        assert!(!self.failed, "written to again after an error");
        self.writes += 1;
        let taken = bytes.len().min(self.at_once).min(self.room);
        if taken == 0 {
            self.failed = true;
            return Err(std::io::ErrorKind::ConnectionReset.into());
        }
        self.room -= taken;
        self.written.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        panic!("it is not for the block to flush");
    }
}

#[cfg(feature = "std")]
mod written_to_a_writer {
    use super::*;

    fn example(line: &str) -> Outgoing<'_> {
        Outgoing::event(EventType::from_static("tick"), line)
            .id(LastEventId::from_static("42"))
            .retry(Duration::from_secs(3))
            .comment(line)
    }

    #[test]
    fn a_small_block_is_a_single_write() {
        let long = "x".repeat(400);
        for line in ["", "one", "one\ntwo\r\nthree\n", &long] {
            let mut writer = Writer::default();
            let outgoing = example(line);
            outgoing.write_to(&mut writer).expect("there is room");
            assert_eq!(writer.writes, 1, "{line:?}");
            assert_eq!(writer.written, every_way_out(&outgoing));
        }
    }

    #[test]
    fn a_large_block_is_not_written_piece_by_piece() {
        let many_lines = "x\n".repeat(20_000);
        let one_line = "x".repeat(20_000);
        for data in [many_lines, one_line] {
            let mut writer = Writer::default();
            let outgoing = Outgoing::message(&data);
            outgoing.write_to(&mut writer).expect("there is room");
            assert!(
                writer.writes <= writer.written.len() / 512,
                "{}",
                writer.writes
            );
            assert_eq!(writer.written, every_way_out(&outgoing));
        }
    }

    #[test]
    fn nothing_is_no_write() {
        let mut writer = Writer::default();
        Outgoing::new()
            .write_to(&mut writer)
            .expect("there is nothing to fail");
        assert_eq!(writer.writes, 0);
    }

    #[test]
    fn its_error_comes_back_wherever_it_fails() {
        // Too long to be gathered with what stands around it.
        let long = "x".repeat(1_500);
        for line in ["one\ntwo", &long] {
            let outgoing = example(line);
            let bytes = every_way_out(&outgoing);
            for room in 0..bytes.len() {
                let mut writer = Writer {
                    room,
                    at_once: 100,
                    ..Writer::default()
                };
                let error = outgoing
                    .write_to(&mut writer)
                    .expect_err("the room is too small");
                assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
                assert_eq!(writer.written, bytes[..room]);
            }
        }
    }
}
