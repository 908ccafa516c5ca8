//! With `std::io`, no failure of a reader loses an event, what follows the last event stays in the reader, and a block that a
//! writer accepted is written whole, once and in order, or the caller gets an error.
#![cfg(feature = "std")]

extern crate alloc;

#[path = "common/events.rs"]
mod events;
pub mod promise;

use alloc::collections::VecDeque;
use core::cell::Cell;
use core::error::Error;
use core::fmt;
use core::panic::AssertUnwindSafe;
use events::{Parts, STREAM, events_of, items_of, parts, raw_parts};
use promise::allocator::{Count, Counting, count};
use proptest::collection::vec;
use proptest::prelude::*;
use sse_wire::io::{EventReader, EventWriter};
use sse_wire::{
    CutLine, DecodeError, EventDecoder, EventType, Item, LastEventId, Limits, Outgoing, OwnedItem,
    ReadError,
};
use std::io::{self, BufRead, BufReader, Cursor, ErrorKind, Read, Write};
use std::panic::catch_unwind;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What a reader does when it is read.
#[derive(Debug, Clone)]
enum Step {
    Gives(Vec<u8>),
    Fails(ErrorKind),
    /// It reports the end of the stream.
    Ends,
}

/// A reader, buffered or not, that takes these steps, one at a time, and then is at its end.
#[derive(Debug, Clone)]
struct Scripted {
    steps: VecDeque<Step>,
    /// What of the last step was not read yet.
    left: Vec<u8>,
    asked: usize,
}

impl Scripted {
    fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self {
            steps: steps.into_iter().collect(),
            left: Vec::new(),
            asked: 0,
        }
    }

    /// Gives `stream` byte by byte, and fails before each byte and before the end.
    fn failing_everywhere(stream: &[u8], kind: ErrorKind) -> Self {
        let bytes = stream
            .iter()
            .flat_map(|&byte| [Step::Fails(kind), Step::Gives(vec![byte])]);
        Self::new(bytes.chain([Step::Fails(kind)]))
    }
}

impl BufRead for Scripted {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.left.is_empty() {
            self.asked += 1;
            match self.steps.pop_front() {
                Some(Step::Gives(bytes)) => self.left = bytes,
                Some(Step::Fails(kind)) => return Err(kind.into()),
                Some(Step::Ends) | None => {}
            }
        }
        Ok(&self.left)
    }

    fn consume(&mut self, amount: usize) {
        self.left.drain(..amount);
    }
}

impl Read for Scripted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.fill_buf()?.read(buffer)?;
        self.consume(length);
        Ok(length)
    }
}

/// The ways to take events out of a reader.
#[derive(Debug, Clone, Copy)]
enum Way {
    NextEvent,
    NextRawEvent,
    NextItem,
    Iterator,
}

const WAYS: [Way; 4] = [
    Way::NextEvent,
    Way::NextRawEvent,
    Way::NextItem,
    Way::Iterator,
];

/// The next event, by one of the ways.
fn next<R: BufRead>(
    reader: &mut EventReader<R>,
    way: Way,
) -> Result<Option<Parts>, ReadError<io::Error>> {
    match way {
        Way::NextEvent => Ok(reader.next_event()?.map(parts)),
        Way::NextRawEvent => Ok(reader.next_raw_event()?.map(raw_parts)),
        Way::NextItem => loop {
            match reader.next_item()? {
                Some(Item::Event(event)) => return Ok(Some(parts(event))),
                Some(Item::Comment { .. } | Item::Retry(_)) => {}
                None => return Ok(None),
            }
        },
        Way::Iterator => Ok(reader
            .next()
            .transpose()?
            .map(|event| parts(event.as_event()))),
    }
}

/// All events, and how often the reader failed, by one of the ways.
fn read_all<R: BufRead>(
    reader: &mut EventReader<R>,
    way: Way,
    kind: ErrorKind,
) -> (Vec<Parts>, usize) {
    let (mut events, mut failed) = (Vec::new(), 0);
    loop {
        match next(reader, way) {
            Ok(Some(event)) => events.push(event),
            Ok(None) => return (events, failed),
            Err(ReadError::Transport(error)) => {
                assert_eq!(error.kind(), kind);
                failed += 1;
            }
            Err(ReadError::Decode(error)) => panic!("{error}"),
        }
    }
}

#[test]
fn events_do_not_depend_on_what_the_reader_gives_at_once() {
    let expected = events_of(STREAM);
    assert_eq!(expected.len(), 4);
    for way in WAYS {
        for size in 1..=STREAM.len() {
            let steps = STREAM.chunks(size).map(|bytes| Step::Gives(bytes.to_vec()));
            let mut reader = EventReader::new(Scripted::new(steps.clone()));
            let read = read_all(&mut reader, way, ErrorKind::Other);
            assert_eq!(read, (expected.clone(), 0), "{way:?} {size}");
            let mut reader = EventReader::from_buffered(Scripted::new(steps));
            let read = read_all(&mut reader, way, ErrorKind::Other);
            assert_eq!(read, (expected.clone(), 0), "{way:?} {size}");
            assert!(!reader.ended_within_event());
        }
    }
}

#[test]
fn items_come_in_the_order_of_the_stream() {
    let mut reader = EventReader::new(STREAM);
    let mut items = Vec::new();
    while let Some(item) = reader.next_item().expect("it fits") {
        items.push(OwnedItem::from(item));
    }
    assert_eq!(items, items_of(STREAM));
    assert_eq!(items.len(), 9);
}

#[test]
fn an_interrupted_reader_is_tried_again() {
    for way in WAYS {
        let script = Scripted::failing_everywhere(STREAM, ErrorKind::Interrupted);
        for (events, failed) in [
            read_all(
                &mut EventReader::new(script.clone()),
                way,
                ErrorKind::Interrupted,
            ),
            read_all(
                &mut EventReader::from_buffered(script),
                way,
                ErrorKind::Interrupted,
            ),
        ] {
            assert_eq!((events, failed), (events_of(STREAM), 0), "{way:?}");
        }
    }
}

#[test]
fn a_reader_that_fails_between_every_two_bytes_loses_nothing() {
    for kind in [
        ErrorKind::WouldBlock,
        ErrorKind::TimedOut,
        ErrorKind::ConnectionReset,
        ErrorKind::Other,
    ] {
        for way in WAYS {
            let expected = (events_of(STREAM), STREAM.len() + 1);
            let script = Scripted::failing_everywhere(STREAM, kind);
            let mut reader = EventReader::new(script.clone());
            assert_eq!(
                read_all(&mut reader, way, kind),
                expected,
                "{way:?} {kind:?}"
            );
            let mut reader = EventReader::from_buffered(script);
            assert_eq!(
                read_all(&mut reader, way, kind),
                expected,
                "{way:?} {kind:?}"
            );
            assert_eq!(reader.decoder().last_event_id(), "2");
        }
    }
}

#[test]
fn a_failure_is_not_the_end() {
    let steps = [
        Step::Gives(b"data: a".to_vec()),
        Step::Fails(ErrorKind::WouldBlock),
    ];
    let mut reader = EventReader::from_buffered(Scripted::new(steps)).recover_at_end(CutLine::Keep);
    assert!(matches!(reader.next_event(), Err(ReadError::Transport(_))));
    assert!(!reader.ended_within_event());
    let event = reader.next_event().expect("it fits").expect("an event");
    assert_eq!(event.data(), "a");
    assert!(reader.ended_within_event());
}

#[derive(Debug, PartialEq)]
struct Unplugged;

impl fmt::Display for Unplugged {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the cable is out")
    }
}

impl Error for Unplugged {}

struct Unpluggable;

impl Read for Unpluggable {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::new(ErrorKind::NotConnected, Unplugged))
    }
}

#[test]
fn the_readers_error_is_passed_on_as_it_is() {
    let is_it = |error: &io::Error| {
        error.kind() == ErrorKind::NotConnected
            && error.get_ref().and_then(|error| error.downcast_ref()) == Some(&Unplugged)
    };
    let mut reader = EventReader::new(Unpluggable);
    let error = reader.next_event().expect_err("it fails");
    assert_eq!(error.to_string(), "the cable is out");
    assert!(matches!(&error, ReadError::Transport(error) if is_it(error)));
    assert!(is_it(&error.into()));

    fn first(mut reader: EventReader<BufReader<Unpluggable>>) -> io::Result<usize> {
        Ok(reader.next_event()?.map_or(0, |event| event.data().len()))
    }
    assert!(is_it(&first(reader).expect_err("it fails")));
}

/// Two events that exceed a limit of 8 bytes, each between others that do not; the last one by its size as text.
const WITH_OVERSIZED: &[u8] = b"data: 1\n\n\ndata: much too large\nid: 7\n\ndata: 2\n\n\
    data: \xFF\xFF\xFF\n\ndata: 3\n\n";

#[test]
fn a_rejected_event_is_an_error_and_the_next_call_continues_after_it() {
    for way in [Way::NextEvent, Way::NextItem, Way::Iterator] {
        for size in 1..=WITH_OVERSIZED.len() {
            let steps = WITH_OVERSIZED
                .chunks(size)
                .map(|bytes| Step::Gives(bytes.to_vec()));
            let decoder = EventDecoder::with_limits(Limits::new().with_event(8));
            let mut reader = EventReader::new(Scripted::new(steps)).with_decoder(decoder);
            let read: Vec<_> = (0..6)
                .map(|_| match next(&mut reader, way) {
                    Ok(event) => Ok(event.map(|(_, data, ..)| data)),
                    Err(ReadError::Decode(error)) => Err(error),
                    Err(ReadError::Transport(error)) => panic!("{error}"),
                })
                .collect();
            let rejected = DecodeError::EventTooLarge { limit: 8 };
            let event = |data: &str| Ok(Some(data.to_owned()));
            let expected = [
                event("1"),
                Err(rejected),
                event("2"),
                Err(rejected),
                event("3"),
                Ok(None),
            ];
            assert_eq!(read, expected, "{way:?} {size}");
            assert_eq!(reader.decoder().last_event_id(), "7");
        }
    }
    // As bytes, the last one is as small as it looks.
    let decoder = EventDecoder::with_limits(Limits::new().with_event(8));
    let mut reader = EventReader::new(WITH_OVERSIZED).with_decoder(decoder);
    let mut lengths = Vec::new();
    loop {
        match reader.next_raw_event() {
            Ok(Some(event)) => lengths.push(event.data().len()),
            Ok(None) => break,
            Err(error) => assert!(matches!(error, ReadError::Decode(_)), "{error}"),
        }
    }
    assert_eq!(lengths, [1, 1, 3, 1]);
}

#[test]
fn a_rejected_event_becomes_invalid_data_with_the_error_in_it() {
    fn count(stream: &[u8], limits: Limits) -> io::Result<usize> {
        let mut reader = EventReader::new(stream).with_decoder(EventDecoder::with_limits(limits));
        let mut count = 0;
        while reader.next_event()?.is_some() {
            count += 1;
        }
        Ok(count)
    }
    let rejected = |stream: &[u8], limits: Limits| {
        let error = count(stream, limits).expect_err("it is rejected");
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        *error
            .get_ref()
            .and_then(|error| error.downcast_ref::<DecodeError>())
            .expect("it is in there")
    };
    assert_eq!(
        rejected(WITH_OVERSIZED, Limits::new().with_event(8)),
        DecodeError::EventTooLarge { limit: 8 }
    );
    assert_eq!(
        rejected(b"id: 12345\n\n", Limits::new().with_last_event_id(4)),
        DecodeError::LastEventIdTooLarge { limit: 4 }
    );
    assert_eq!(count(WITH_OVERSIZED, Limits::new()).expect("it fits"), 5);
}

/// Whether `part` is a part of `whole`: the same memory, not the same bytes.
fn lies_in(whole: &[u8], part: &[u8]) -> bool {
    let (whole, part) = (whole.as_ptr_range(), part.as_ptr_range());
    whole.start <= part.start && part.end <= whole.end
}

#[test]
fn events_borrow_from_the_buffer_of_the_reader() {
    let stream = &b"event: tick\ndata: 1\n\n: ping\nevent: tock\ndata: 2\n\n"[..];
    let mut reader = EventReader::from_buffered(stream);
    for expected in ["tick", "tock"] {
        let event = reader.next_event().expect("it fits").expect("an event");
        assert_eq!(event.event_type(), expected);
        assert!(lies_in(stream, event.event_type().as_bytes()));
        assert!(lies_in(stream, event.data().as_bytes()));
    }
    let mut reader = EventReader::from_buffered(stream);
    let event = reader.next_raw_event().expect("it fits").expect("an event");
    assert!(lies_in(stream, event.event_type()) && lies_in(stream, event.data()));
    let Some(Item::Comment { text: b" ping", .. }) = reader.next_item().expect("it fits") else {
        panic!("a comment comes next");
    };
    let Some(Item::Event(event)) = reader.next_item().expect("it fits") else {
        panic!("an event comes next");
    };
    assert!(lies_in(stream, event.data().as_bytes()));

    // The buffer of the reader that has none of its own.
    let mut reader = EventReader::new(stream);
    let data = reader
        .next_event()
        .expect("it fits")
        .map(|event| event.data().as_bytes().as_ptr_range())
        .expect("an event");
    let buffer = reader.get_ref().buffer().as_ptr_range();
    assert!(buffer.start < data.start && data.end < buffer.end);
}

#[test]
fn control_an_event_split_across_reads_is_copied() {
    let (before, after) = (&b"event: tick\ndata: ab"[..], &b"c\n\n"[..]);
    let mut reader = EventReader::from_buffered(before.chain(after));
    let event = reader.next_event().expect("it fits").expect("an event");
    assert_eq!(event.data(), "abc");
    assert!(!lies_in(before, event.data().as_bytes()));
    assert!(!lies_in(after, event.data().as_bytes()));
}

#[test]
fn a_reader_without_a_buffer_is_read_16_kib_at_a_time() {
    struct Asked<'a>(&'a Cell<usize>);
    impl Read for Asked<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0.set(buffer.len());
            Ok(0)
        }
    }
    let asked = Cell::new(0);
    assert!(EventReader::new(Asked(&asked)).next().is_none());
    assert_eq!(asked.get(), 16 * 1024);
}

#[test]
fn an_event_that_the_end_cuts_off_is_discarded_unless_it_is_to_be_recovered() {
    for (stream, kept, discarded, within_event) in [
        ("", None, None, false),
        ("\u{feff}", None, None, false),
        (": pi", None, None, false),
        ("retry: 1", None, None, false),
        ("unknown", None, None, false),
        ("data: [DONE]", Some("[DONE]"), None, true),
        ("data: a\ndata: b", Some("a\nb"), Some("a"), true),
        ("data: a\n", Some("a"), Some("a"), true),
        ("dat", None, None, true),
        ("id: 2\n", None, None, true),
        ("event: x\n: pi", None, None, true),
    ] {
        for (recover, recovered) in [
            (None, None),
            (Some(CutLine::Keep), kept),
            (Some(CutLine::Discard), discarded),
        ] {
            for (way, first) in WAYS.iter().flat_map(|&way| [(way, None), (way, Some("1"))]) {
                let before = first.map_or("", |_| "data: 1\n\n");
                let stream = [before, stream].concat();
                let mut reader = EventReader::new(stream.as_bytes());
                if let Some(cut_line) = recover {
                    reader = reader.recover_at_end(cut_line);
                }
                assert!(!reader.ended_within_event());
                let (events, failed) = read_all(&mut reader, way, ErrorKind::Other);
                let data: Vec<_> = events.iter().map(|(_, data, ..)| &data[..]).collect();
                let expected: Vec<_> = first.into_iter().chain(recovered).collect();
                assert_eq!(
                    (data, failed),
                    (expected, 0),
                    "{stream:?} {recover:?} {way:?}"
                );
                assert!(matches!(next(&mut reader, way), Ok(None)));
                assert_eq!(
                    reader.ended_within_event(),
                    within_event,
                    "{stream:?} {way:?}"
                );
            }
        }
    }
    let mut reader = EventReader::new(&b"data: a\nid: 2"[..]).recover_at_end(CutLine::Keep);
    let event = reader.next().expect("an event").expect("it fits");
    assert_eq!((event.data(), event.id()), ("a", Some("2")));
    assert_eq!(reader.decoder().last_event_id(), "2");
}

#[test]
fn a_recovered_event_that_is_too_large_is_the_last_error() {
    // Its text takes more than its bytes.
    let stream = &b"data: 1\n\ndata: \xFF\xFF\xFF"[..];
    for way in [Way::NextEvent, Way::NextItem, Way::Iterator] {
        let decoder = EventDecoder::with_limits(Limits::new().with_event(8));
        let mut reader = EventReader::new(stream)
            .with_decoder(decoder)
            .recover_at_end(CutLine::Keep);
        assert!(matches!(next(&mut reader, way), Ok(Some(_))));
        let rejected = next(&mut reader, way).expect_err("it is rejected");
        assert!(matches!(
            rejected,
            ReadError::Decode(DecodeError::EventTooLarge { limit: 8 })
        ));
        assert!(matches!(next(&mut reader, way), Ok(None)));
        assert!(reader.ended_within_event());
    }
}

#[test]
fn after_the_end_the_reader_is_not_read_again() {
    for (before, recover, events) in [
        ("", None, 0),
        ("data: 1\n\n", None, 1),
        ("data: 1\n\ndata: cut", None, 1),
        ("data: 1\n\ndata: cut", Some(CutLine::Keep), 2),
    ] {
        for way in WAYS {
            let steps = [before, "data: more\n\n"].map(|part| Step::Gives(part.into()));
            let [first, second] = steps;
            let script = Scripted::new([first, Step::Ends, second]);
            let mut reader = EventReader::from_buffered(script);
            if let Some(cut_line) = recover {
                reader = reader.recover_at_end(cut_line);
            }
            let (read, _) = read_all(&mut reader, way, ErrorKind::Other);
            assert_eq!(read.len(), events, "{before:?} {way:?}");
            let asked = reader.get_ref().asked;
            for way in WAYS {
                assert!(matches!(next(&mut reader, way), Ok(None)));
            }
            assert_eq!(reader.get_ref().asked, asked);
            // An empty first read is the end, too.
            assert_eq!(asked, 1 + usize::from(!before.is_empty()));
        }
    }
}

#[test]
fn what_follows_the_last_event_stays_in_the_reader() {
    let stream = &b": hi\ndata: 1\n\nid: x\ndata: much too large\n\ndata: 2\n\n: ping\nHTTP"[..];
    let behind = |events: usize, way: Way| {
        let decoder = EventDecoder::with_limits(Limits::new().with_event(8));
        let mut reader = EventReader::from_buffered(stream).with_decoder(decoder);
        for _ in 0..events {
            match next(&mut reader, way) {
                Ok(_) | Err(ReadError::Decode(_)) => {}
                Err(ReadError::Transport(error)) => panic!("{error}"),
            }
        }
        String::from_utf8(reader.into_inner().to_vec()).expect("text")
    };
    for way in WAYS {
        assert_eq!(behind(0, way).as_bytes(), stream);
        assert!(behind(1, way).starts_with("id: x\ndata: much"), "{way:?}");
        // A rejected event may be left in the middle; then comes what follows it.
        assert_eq!(behind(3, way), ": ping\nHTTP", "{way:?}");
        assert_eq!(behind(4, way), "", "{way:?}");
    }
    // What is behind the connection may be changed, such as a time limit of a socket.
    let mut reader = EventReader::from_buffered(stream);
    *reader.get_mut() = b"data: other\n\n";
    let event = reader.next_event().expect("it is readable");
    assert_eq!(event.map(|event| event.data().len()), Some(5));

    let mut reader = EventReader::from_buffered(stream);
    assert!(matches!(
        reader.next_item(),
        Ok(Some(Item::Comment { text: b" hi", .. }))
    ));
    assert!(reader.into_inner().starts_with(b"data: 1\n\nid: x"));

    // Also of a reader with a buffer over another one.
    let mut reader = EventReader::from_buffered(BufReader::with_capacity(7, stream));
    assert_eq!(
        reader.next().expect("an event").expect("it fits").data(),
        "1"
    );
    let mut rest = String::new();
    reader
        .into_inner()
        .read_to_string(&mut rest)
        .expect("it is text");
    assert!(rest.starts_with("id: x\n"), "{rest:?}");
}

#[test]
fn it_continues_with_the_state_of_a_decoder() {
    let mut decoder = EventDecoder::with_limits(Limits::new().with_event(99));
    decoder
        .set_last_event_id(LastEventId::from_static("41"))
        .expect("it fits");
    let mut reader =
        EventReader::new(&b"data: 1\n\nretry: 5\nid: 42\ndata: 2\n\n"[..]).with_decoder(decoder);
    assert_eq!(reader.decoder().limits().event, 99);
    let event = reader.next_event().expect("it fits").expect("an event");
    assert_eq!((event.last_event_id(), event.id()), ("41", None));
    let event = reader.next_event().expect("it fits").expect("an event");
    assert_eq!(event.id(), Some("42"));
    assert_eq!(reader.decoder().last_event_id(), "42");
    let time = reader.decoder().reconnection_time();
    assert_eq!(time.map(|time| time.as_millis()), Some(5));
}

#[test]
fn a_clone_reads_on_by_itself() {
    let mut reader = EventReader::from_buffered(Cursor::new(STREAM));
    let mut rest = events_of(STREAM);
    let first = rest.remove(0);
    assert!(matches!(next(&mut reader, Way::Iterator), Ok(Some(event)) if event == first));
    let mut others = reader.clone();
    for reader in [&mut reader, &mut others] {
        let read = read_all(reader, Way::Iterator, ErrorKind::Other);
        assert_eq!(read, (rest.clone(), 0));
    }
}

#[test]
fn the_debug_forms_do_not_show_the_payload() {
    let steps = [
        Step::Gives(b"data: secret\n\ndata: secret".to_vec()),
        Step::Fails(ErrorKind::WouldBlock),
    ];
    let mut reader = EventReader::from_buffered(Scripted::new(steps));
    assert!(reader.next_event().is_ok_and(|event| event.is_some()));
    assert!(reader.next_event().is_err());
    let shown = format!("{reader:?}");
    assert!(shown.starts_with("EventReader") && !shown.contains("secret"));

    let mut writer = EventWriter::new(Recorder::new([Answer::Fails(ErrorKind::WouldBlock)]));
    writer.write(Outgoing::message("secret")).expect("taken");
    assert_eq!(
        format!("{writer:?}"),
        "EventWriter { unsent: 14, flushes: true, .. }"
    );
}

/// What a writer does when it is given bytes, or flushed.
#[derive(Debug, Clone, Copy)]
enum Answer {
    Takes(usize),
    Fails(ErrorKind),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Asked {
    Write(Vec<u8>),
    Flush,
}

/// A writer that gives each answer once, and then takes everything.
#[derive(Debug, Clone)]
struct Recorder {
    answers: VecDeque<Answer>,
    flush_answers: VecDeque<ErrorKind>,
    asked: Vec<Asked>,
    written: Vec<u8>,
}

impl Recorder {
    fn new(answers: impl IntoIterator<Item = Answer>) -> Self {
        Self {
            answers: answers.into_iter().collect(),
            flush_answers: VecDeque::new(),
            asked: Vec::new(),
            written: Vec::new(),
        }
    }

    fn flushes(&self) -> usize {
        let is_flush = |asked: &&Asked| **asked == Asked::Flush;
        self.asked.iter().filter(is_flush).count()
    }
}

impl Write for Recorder {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.asked.push(Asked::Write(bytes.to_vec()));
        match self
            .answers
            .pop_front()
            .unwrap_or(Answer::Takes(usize::MAX))
        {
            Answer::Takes(most) => {
                let taken = bytes.len().min(most);
                self.written.extend_from_slice(&bytes[..taken]);
                Ok(taken)
            }
            Answer::Fails(kind) => Err(kind.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.asked.push(Asked::Flush);
        match self.flush_answers.pop_front() {
            Some(kind) => Err(kind.into()),
            None => Ok(()),
        }
    }
}

#[test]
fn each_block_is_one_write_and_one_flush() {
    let mut writer = EventWriter::new(Recorder::new([]));
    let large = "a line\n".repeat(30_000);
    for block in [
        Outgoing::message("1"),
        Outgoing::new().comment("ping"),
        Outgoing::event(EventType::from_static("tick"), "a\nb\r\nc")
            .id(LastEventId::from_static("7")),
        Outgoing::message(&large),
    ] {
        writer.write(block).expect("it is taken");
        let asked = core::mem::take(&mut writer.get_mut().asked);
        let encoded = block.to_string().into_bytes();
        assert!(asked == [Asked::Write(encoded), Asked::Flush], "{block}");
    }
}

#[test]
fn without_flushing_only_flush_flushes() {
    let mut writer = EventWriter::new(Recorder::new([])).with_flush(false);
    for data in ["1", "2", "3"] {
        writer.write(Outgoing::message(data)).expect("it is taken");
    }
    writer
        .write_with(Outgoing::new(), |data| write!(data, "4"))
        .expect("it is taken");
    assert_eq!(
        (writer.get_ref().asked.len(), writer.get_ref().flushes()),
        (4, 0)
    );
    writer.flush().expect("it is flushed");
    assert_eq!(
        (writer.get_ref().asked.len(), writer.get_ref().flushes()),
        (5, 1)
    );
    let mut writer = writer.with_flush(true);
    writer.write(Outgoing::message("5")).expect("it is taken");
    assert_eq!(writer.get_ref().flushes(), 2);
    let written = writer.into_inner().written;
    assert_eq!(
        written,
        b"data: 1\n\ndata: 2\n\ndata: 3\n\ndata: 4\n\ndata: 5\n\n"
    );
}

#[test]
fn a_short_write_is_continued() {
    for most in 1..20 {
        let mut writer = EventWriter::new(Recorder::new([Answer::Takes(most); 100]));
        for data in ["hello", "", "wor\nld"] {
            writer.write(Outgoing::message(data)).expect("it is taken");
        }
        let recorder = writer.into_inner();
        assert_eq!(
            recorder.written,
            b"data: hello\n\ndata: \n\ndata: wor\ndata: ld\n\n"
        );
        assert_eq!(recorder.flushes(), 3);
    }
}

#[test]
fn an_interrupted_writer_is_tried_again() {
    let answers = [
        Answer::Fails(ErrorKind::Interrupted),
        Answer::Takes(3),
        Answer::Fails(ErrorKind::Interrupted),
        Answer::Fails(ErrorKind::Interrupted),
    ];
    let mut writer = EventWriter::new(Recorder::new(answers));
    writer.get_mut().flush_answers = [ErrorKind::Interrupted, ErrorKind::Interrupted].into();
    writer.write(Outgoing::message("1")).expect("it is taken");
    assert_eq!(writer.get_ref().flushes(), 3);
    writer.get_mut().flush_answers = [ErrorKind::Interrupted].into();
    writer.flush().expect("it is tried again");
    // A caller who tried again would have sent the block twice.
    assert_eq!(writer.into_inner().written, b"data: 1\n\n");
}

#[test]
fn a_writer_that_writes_nothing_is_an_error() {
    let mut writer = EventWriter::new(Recorder::new([Answer::Takes(2), Answer::Takes(0)]));
    let error = writer
        .write(Outgoing::message("1"))
        .expect_err("nothing is taken");
    assert_eq!(error.kind(), ErrorKind::WriteZero);
    assert_eq!(writer.get_ref().asked.len(), 2);
}

#[test]
fn the_writers_error_is_passed_on() {
    let mut writer = EventWriter::new(Recorder::new([Answer::Fails(ErrorKind::BrokenPipe)]));
    let error = writer.write(Outgoing::message("1")).expect_err("it fails");
    assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    // The client has gone, which only the flush of a buffered writer finds out.
    let mut writer = EventWriter::new(Recorder::new([]));
    writer.get_mut().flush_answers = [ErrorKind::BrokenPipe, ErrorKind::ConnectionReset].into();
    let error = writer.write(Outgoing::message("1")).expect_err("it fails");
    assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    let error = writer.flush().expect_err("it fails");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

const WOULD_BLOCK: Answer = Answer::Fails(ErrorKind::WouldBlock);

fn would_block(written: io::Result<()>) -> bool {
    written.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
}

#[test]
fn a_block_that_is_not_written_yet_is_accepted_and_others_are_not() {
    for first in [vec![WOULD_BLOCK], vec![Answer::Takes(5), WOULD_BLOCK]] {
        let answers = first.iter().copied().chain([WOULD_BLOCK; 3]);
        let mut writer = EventWriter::new(Recorder::new(answers));
        writer.write(Outgoing::message("1")).expect("it is taken");
        assert_eq!(writer.get_ref().flushes(), 0);
        assert!(would_block(writer.write(Outgoing::message("2"))));
        let was_called = Cell::new(false);
        assert!(would_block(writer.write_with(
            Outgoing::new(),
            |_| -> io::Result<()> {
                was_called.set(true);
                Ok(())
            }
        )));
        assert!(!was_called.get());
        assert!(would_block(writer.flush()));
        // Now it can.
        writer.write(Outgoing::message("3")).expect("it is taken");
        let recorder = writer.into_inner();
        assert_eq!(recorder.written, b"data: 1\n\ndata: 3\n\n");
        assert_eq!(recorder.flushes(), 1);
    }
}

#[test]
fn flushing_writes_what_was_buffered() {
    let mut writer = EventWriter::new(Recorder::new([Answer::Takes(4), WOULD_BLOCK]));
    writer.write(Outgoing::message("1")).expect("it is taken");
    assert_eq!(writer.get_ref().written, b"data");
    writer.flush().expect("it is sent");
    assert_eq!(writer.get_ref().written, b"data: 1\n\n");
    let asked = &writer.get_ref().asked;
    assert_eq!(
        asked[2..],
        [Asked::Write(b": 1\n\n".to_vec()), Asked::Flush]
    );
    // And once.
    writer.flush().expect("there is nothing to send");
    assert_eq!(writer.get_ref().written, b"data: 1\n\n");
}

#[test]
fn a_block_that_cannot_be_flushed_yet_was_accepted() {
    let mut writer = EventWriter::new(Recorder::new([]));
    writer.get_mut().flush_answers = [ErrorKind::WouldBlock; 2].into();
    writer.write(Outgoing::message("1")).expect("it is taken");
    assert!(would_block(writer.flush()));
    writer.write(Outgoing::message("2")).expect("it is taken");
    assert_eq!(writer.get_ref().flushes(), 3);
    assert_eq!(writer.into_inner().written, b"data: 1\n\ndata: 2\n\n");
}

fn answer() -> impl Strategy<Value = Answer> {
    prop_oneof![
        (1_usize..20).prop_map(Answer::Takes),
        Just(Answer::Takes(usize::MAX)),
        Just(WOULD_BLOCK),
        Just(Answer::Fails(ErrorKind::Interrupted)),
    ]
}

proptest! {
    #[test]
    fn accepted_blocks_are_written_whole_and_in_order_whatever_the_writer_does(
        answers in vec(answer(), 0..60),
        flush_fails in vec(Just(ErrorKind::WouldBlock), 0..5),
        blocks in vec("[a-z\n]{0,12}", 0..20),
        flushes in vec(any::<bool>(), 20),
    ) {
        let mut recorder = Recorder::new(answers);
        recorder.flush_answers = flush_fails.into();
        let mut writer = EventWriter::new(recorder);
        let mut taken = Vec::new();
        for (number, block) in blocks.iter().enumerate() {
            let block = Outgoing::message(block);
            match writer.write(block) {
                Ok(()) => block.encode(&mut taken),
                Err(error) => prop_assert_eq!(error.kind(), ErrorKind::WouldBlock),
            }
            // No more than the last block that was taken is still to be sent, and nothing that was not taken was.
            let written = &writer.get_ref().written;
            prop_assert!(taken.starts_with(written));
            prop_assert!(taken.len() - written.len() <= block_before(&taken));
            if flushes[number] {
                match writer.flush() {
                    Ok(()) => prop_assert_eq!(&writer.get_ref().written, &taken),
                    Err(error) => prop_assert_eq!(error.kind(), ErrorKind::WouldBlock),
                }
            }
        }
        // The writer comes to an end of its moods.
        for _ in 0..100 {
            if writer.flush().is_ok() {
                break;
            }
        }
        prop_assert_eq!(&writer.get_ref().written, &taken);
    }
}

/// How long the last of these blocks is.
fn block_before(blocks: &[u8]) -> usize {
    let Some(without_its_end) = blocks.len().checked_sub(2) else {
        return 0;
    };
    let start = (0..without_its_end)
        .rev()
        .find(|&at| blocks[at..].starts_with(b"\n\n"))
        .map_or(0, |at| at + 2);
    blocks.len() - start
}

#[test]
fn data_is_written_straight_into_the_block() {
    let mut writer = EventWriter::new(Recorder::new([]));
    let value = serde_json::json!({ "text": "a\nb" });
    writer
        .write_with(
            Outgoing::event(EventType::from_static("delta"), ""),
            |data| serde_json::to_writer(data, &value),
        )
        .expect("it is taken");
    writer
        .write_with(Outgoing::new(), |data| data.write_all(b"1\r\n2"))
        .expect("it is taken");
    let recorder = writer.into_inner();
    assert_eq!(
        recorder.written,
        b"event: delta\ndata: {\"text\":\"a\\nb\"}\n\ndata: 1\ndata: 2\n\n"
    );
    assert_eq!((recorder.asked.len(), recorder.flushes()), (4, 2));
}

#[test]
fn a_block_whose_data_fails_is_not_written() {
    let mut writer = EventWriter::new(Recorder::new([]));
    let error = writer
        .write_with(Outgoing::new().comment("lost"), |data| {
            data.write_all(b"half of it")?;
            Err(io::Error::other(Unplugged))
        })
        .expect_err("its data fails");
    assert!(error.get_ref().is_some_and(|error| error.is::<Unplugged>()));
    assert_eq!(writer.get_ref().asked, []);

    let panicked = catch_unwind(AssertUnwindSafe(|| {
        writer.write_with(Outgoing::new(), |data| -> io::Result<()> {
            data.write_all(b"half of it")?;
            panic!("on purpose")
        })
    }));
    assert!(panicked.is_err());

    writer.write(Outgoing::message("1")).expect("it is taken");
    assert_eq!(writer.into_inner().written, b"data: 1\n\n");
}

#[test]
fn nothing_to_write_writes_nothing() {
    let mut writer = EventWriter::new(Recorder::new([]));
    writer.write(Outgoing::new()).expect("it is taken");
    #[cfg(feature = "bytes")]
    writer
        .write_frame(&sse_wire::Frame::new())
        .expect("it is taken");
    let is_write = |asked: &Asked| matches!(asked, Asked::Write(_));
    assert!(!writer.get_ref().asked.iter().any(is_write));
}

#[test]
fn what_is_read_can_be_written() {
    let stream = &b"id: 1\nevent: add\ndata: one\ndata: two\n\ndata: three\n\n"[..];
    let (mut borrowed, mut owned) = (EventWriter::new(Vec::new()), EventWriter::new(Vec::new()));
    let mut reader = EventReader::new(stream);
    while let Some(event) = reader.next_event().expect("it fits") {
        borrowed.write(event).expect("it is taken");
    }
    for event in EventReader::new(stream) {
        owned.write(&event.expect("it fits")).expect("it is taken");
    }
    for written in [borrowed.into_inner(), owned.into_inner()] {
        assert_eq!(events_of(&written), events_of(stream));
    }
}

#[cfg(feature = "bytes")]
#[test]
fn frames_are_written_as_they_are() {
    let blocks = bytes::Bytes::from_static(b": opened\r\rdata: 1\r\n\r\nunknown\ndata: 2\n\n");
    let frame = sse_wire::Frame::parse(blocks.clone()).expect("whole blocks");
    let mut writer = EventWriter::new(Recorder::new([Answer::Takes(9), WOULD_BLOCK, WOULD_BLOCK]));
    writer.write_frame(&frame).expect("it is taken");
    assert!(would_block(writer.write_frame(&frame)));
    writer.write_frame(&frame).expect("it is taken");
    writer.write(Outgoing::message("3")).expect("it is taken");
    let recorder = writer.into_inner();
    let expected = [&blocks[..], &blocks, b"data: 3\n\n"].concat();
    assert_eq!(recorder.written, expected);
    // The first one in parts, the others in one piece.
    let last = &recorder.asked[recorder.asked.len() - 4..];
    assert_eq!(last[0], Asked::Write(blocks.to_vec()));
    assert_eq!(last[1], Asked::Flush);
}

/// Takes everything, and keeps nothing.
struct Nowhere;

impl Write for Nowhere {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn the_memory_of_an_oversized_block_is_freed() {
    let oversized = "x".repeat(1 << 20);
    let (counted, mut writer) = count(|| {
        let mut writer = EventWriter::new(Nowhere);
        writer
            .write(Outgoing::message(&oversized))
            .expect("it is taken");
        writer
    });
    assert!(counted.peak >= 1 << 20, "{counted:?}");
    assert!(counted.kept <= 16 << 10, "{counted:?}");

    // What blocks typically need is retained.
    let typical = "x".repeat(10 << 10);
    writer
        .write(Outgoing::message(&typical))
        .expect("it is taken");
    let (counted, ()) = count(|| {
        for _ in 0..100 {
            writer
                .write(Outgoing::message(&typical))
                .expect("it is taken");
        }
    });
    assert_eq!(counted, Count::NOTHING);
}

#[test]
fn reading_borrowed_events_does_not_allocate() {
    let stream = b"event: tick\ndata: {\"price\": 1}\n\n".repeat(1000);
    let mut reader = EventReader::from_buffered(&stream[..]);
    let (counted, events) = count(|| {
        let mut events = 0;
        while reader.next_event().expect("it fits").is_some() {
            events += 1;
        }
        events
    });
    assert_eq!((counted, events), (Count::NOTHING, 1000));
    // An iterator has to copy.
    let (counted, events) = count(|| EventReader::from_buffered(&stream[..]).count());
    assert!(counted.allocations >= 1000 && events == 1000);
}

/// A reader whose buffer is another one each time, or an error, and never consumed.
struct Inconsistent<I>(I);

impl<I> Read for Inconsistent<I> {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        unreachable!("it has a buffer")
    }
}

impl<I: Iterator<Item = Result<&'static [u8], ErrorKind>>> BufRead for Inconsistent<I> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        Ok(self.0.next().unwrap_or(Ok(&[]))?)
    }

    fn consume(&mut self, _: usize) {}
}

#[test]
fn a_buffer_that_shrinks_is_an_error_and_not_another_event() {
    let whole: &[u8] = b"data: one\n\n";
    let shown = [whole, &whole[..4], &whole[..4]].map(Ok);
    let mut reader = EventReader::from_buffered(Inconsistent(shown.into_iter()));
    let error = reader.next_event().expect_err("it is not the buffer");
    assert!(matches!(error, ReadError::Transport(error) if error.kind() == ErrorKind::Other));
}

#[test]
fn a_buffer_that_is_another_one_each_time_does_no_harm() {
    const SHOWN: &[Result<&[u8], ErrorKind>] = &[
        Ok(b"data: 1\n\ndata: 2\n\n"),
        Err(ErrorKind::WouldBlock),
        Ok(b"data: one\ndata: two\n\n: a comment\nid: 7\ndata: 3\n\n"),
        Ok(b"event: \xC3\xA4\xC3\xA4\xC3\xA4\ndata: \xC3\xA4\xC3\xA4\xC3\xA4\n\n"),
        Ok(&[0xFF; 100]),
        Ok(b"id: 8\r\rretry: 10\r\ndata"),
        Ok(b": no event, and longer than the others\n"),
    ];
    for first in 0..SHOWN.len() {
        for length in 1..=SHOWN.len() - first {
            for step in 0..WAYS.len() {
                let shown = SHOWN[first..][..length].iter().cycle().copied().take(500);
                let mut reader = EventReader::from_buffered(Inconsistent(shown));
                for number in 0..1000 {
                    _ = next(&mut reader, WAYS[number * step % WAYS.len()]);
                }
                assert!(matches!(next(&mut reader, Way::Iterator), Ok(None)));
            }
        }
    }
}

/// A reader that fails every second time, though its buffer is not empty.
struct Forgetful<'s> {
    stream: &'s [u8],
    has_shown: bool,
    fails: ErrorKind,
}

impl Read for Forgetful<'_> {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        unreachable!("it has a buffer")
    }
}

impl BufRead for Forgetful<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.has_shown = !self.has_shown;
        if self.has_shown {
            Ok(self.stream)
        } else {
            Err(self.fails.into())
        }
    }

    fn consume(&mut self, length: usize) {
        self.stream = &self.stream[length..];
    }
}

#[test]
fn a_reader_that_fails_on_a_filled_buffer_loses_nothing() {
    for fails in [
        ErrorKind::Interrupted,
        ErrorKind::WouldBlock,
        ErrorKind::BrokenPipe,
    ] {
        for step in 0..WAYS.len() {
            let mut reader = EventReader::from_buffered(Forgetful {
                stream: b"id: 1\ndata: 1\n\nretry: 5\ndata: 2\n\ndata: 3\n\n",
                has_shown: false,
                fails,
            });
            let mut events = Vec::new();
            for number in 0..100 {
                match next(&mut reader, WAYS[number * step % WAYS.len()]) {
                    Ok(Some((_, data, last_event_id, _))) => events.push((last_event_id, data)),
                    Err(ReadError::Transport(error)) => assert_eq!(error.kind(), fails),
                    Err(error) => panic!("{error}"),
                    Ok(None) => break,
                }
            }
            let expected = ["1", "2", "3"].map(|data| ("1".to_owned(), data.to_owned()));
            assert_eq!(events, expected, "{fails:?} {step}");
        }
    }
}

#[test]
fn a_writer_that_timed_out_continues_later() {
    let answers = [
        Answer::Takes(3),
        Answer::Fails(ErrorKind::TimedOut),
        Answer::Fails(ErrorKind::TimedOut),
    ];
    let mut writer = EventWriter::new(Recorder::new(answers));
    writer.write(Outgoing::message("1")).expect("it is taken");
    let error = writer
        .write(Outgoing::message("2"))
        .expect_err("the first one is on its way");
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    writer.write(Outgoing::message("2")).expect("it is taken");
    assert_eq!(writer.into_inner().written, b"data: 1\n\ndata: 2\n\n");
}

#[test]
fn an_inherited_id_is_copied_once() {
    let mut stream = b"id: ".to_vec();
    stream.resize(4 + 60_000, b'x');
    stream.extend_from_slice(b"\n\n");
    for _ in 0..1000 {
        stream.extend_from_slice(b"data\n\n");
    }
    let (counted, events) = count(|| {
        EventReader::new(&stream[..])
            .collect::<Result<Vec<_>, _>>()
            .expect("it fits")
    });
    assert_eq!(events.len(), 1000);
    assert!(
        events
            .iter()
            .all(|event| event.last_event_id().len() == 60_000)
    );
    // One for each would be 60 MB.
    assert!(counted.peak < 2_000_000, "{} bytes", counted.peak);
}

#[test]
fn the_decoder_of_the_next_connection_knows_nothing_of_an_unfinished_event() {
    let mut reader = EventReader::new(&b"id: 7\nretry: 5\n\nid: 8\ndata: cut"[..]);
    assert!(reader.next_event().expect("it ends").is_none());
    let script = Scripted::failing_everywhere(b"id: 7\n\ndata: cu", ErrorKind::TimedOut);
    let mut broken = EventReader::new(script);
    for _ in b"id: 7\n\ndata: cu" {
        assert!(broken.next_event().is_err());
    }
    for decoder in [reader.into_decoder(), broken.into_decoder()] {
        assert_eq!(decoder.last_event_id(), "7");
        let next = &b"\xEF\xBB\xBFdata: new\n\n"[..];
        let mut reader = EventReader::new(next).with_decoder(decoder);
        let event = reader.next_event().expect("it fits").expect("an event");
        assert_eq!(
            (event.data(), event.last_event_id(), event.id()),
            ("new", "7", None)
        );
    }
}
