//! In caller-provided memory, a reader gives the same events however small the memory is and whatever fails, blocking and
//! asynchronously; a writer sends whole blocks or nothing; and neither allocates.
#![cfg(any(feature = "embedded-io", feature = "embedded-io-async"))]

extern crate alloc;

#[path = "common/events.rs"]
mod events;
pub mod promise;

use alloc::collections::VecDeque;
use core::error::Error;
use core::fmt;
#[cfg(feature = "embedded-io-async")]
use core::task::{Context, Waker};
#[cfg(feature = "embedded-io")]
use embedded_io as io;
#[cfg(not(feature = "embedded-io"))]
use embedded_io_async as io;
use events::{Parts, STREAM, events_of, item_parts, parts, raw_parts};
#[cfg(feature = "embedded-io-async")]
use futures_util::future::FutureExt;
use io::ErrorKind;
use promise::allocator::{Count, Counting, count};
use sse_wire::embedded::{EventReader, EventWriter};
use sse_wire::{
    Buffer, BufferFull, CutLine, DecodeError, EventDecoder, EventType, LastEventId, Outgoing,
    ReadError, WriteError,
};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What a driver fails with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Fault(ErrorKind);

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the driver failed: {:?}", self.0)
    }
}

impl Error for Fault {}

impl io::Error for Fault {
    fn kind(&self) -> ErrorKind {
        self.0
    }
}

/// What a driver does when it is read.
#[derive(Debug, Clone)]
enum Step {
    Gives(Vec<u8>),
    Fails(ErrorKind),
    /// It reports the end of the stream.
    Ends,
}

/// A driver that takes these steps, one at a time, and then is at its end.
#[derive(Debug, Clone)]
struct Scripted {
    steps: VecDeque<Step>,
    reads: usize,
    #[cfg(feature = "embedded-io-async")]
    was_ready: bool,
}

impl Scripted {
    fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self {
            steps: steps.into_iter().collect(),
            reads: 0,
            #[cfg(feature = "embedded-io-async")]
            was_ready: false,
        }
    }

    fn giving(stream: &[u8], at_once: usize) -> Self {
        let chunks = stream.chunks(at_once);
        Self::new(chunks.map(|bytes| Step::Gives(bytes.to_vec())))
    }

    /// Gives `stream` byte by byte, and fails before each byte and before the end.
    fn failing_everywhere(stream: &[u8], kind: ErrorKind) -> Self {
        let bytes = stream
            .iter()
            .flat_map(|&byte| [Step::Fails(kind), Step::Gives(vec![byte])]);
        Self::new(bytes.chain([Step::Fails(kind)]))
    }

    fn step(&mut self, buffer: &mut [u8]) -> Result<usize, Fault> {
        self.reads += 1;
        match self.steps.pop_front() {
            Some(Step::Gives(mut bytes)) => {
                let left = bytes.split_off(bytes.len().min(buffer.len()));
                buffer[..bytes.len()].copy_from_slice(&bytes);
                if !left.is_empty() {
                    self.steps.push_front(Step::Gives(left));
                }
                Ok(bytes.len())
            }
            Some(Step::Fails(kind)) => Err(Fault(kind)),
            Some(Step::Ends) | None => Ok(0),
        }
    }
}

impl io::ErrorType for Scripted {
    type Error = Fault;
}

#[cfg(feature = "embedded-io")]
impl embedded_io::Read for Scripted {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Fault> {
        self.step(buffer)
    }
}

/// Not ready before each step.
#[cfg(feature = "embedded-io-async")]
impl embedded_io_async::Read for Scripted {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Fault> {
        core::future::poll_fn(|context| {
            self.was_ready = !self.was_ready;
            if self.was_ready {
                context.waker().wake_by_ref();
                return core::task::Poll::Pending;
            }
            core::task::Poll::Ready(self.step(buffer))
        })
        .await
    }
}

/// What to take out of a reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Call {
    Event,
    RawEvent,
    Item,
}

/// And how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    #[cfg(feature = "embedded-io")]
    Blocking,
    #[cfg(feature = "embedded-io-async")]
    Async,
}

const STYLES: &[Style] = &[
    #[cfg(feature = "embedded-io")]
    Style::Blocking,
    #[cfg(feature = "embedded-io-async")]
    Style::Async,
];

type Way = (Call, Style);

/// The ways to take events out of a reader.
fn ways() -> impl Iterator<Item = Way> + Clone {
    STYLES
        .iter()
        .flat_map(|&style| [Call::Event, Call::RawEvent, Call::Item].map(|call| (call, style)))
}

/// The ways that give text.
fn ways_of_text() -> impl Iterator<Item = Way> {
    ways().filter(|&(call, _)| call != Call::RawEvent)
}

/// Polls a future until it is ready.
#[cfg(feature = "embedded-io-async")]
fn drive<F: Future>(future: F) -> F::Output {
    let mut future = core::pin::pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let core::task::Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
}

/// What is read next: `Some(None)` if it is no event.
fn next_of_any<B: Buffer>(
    reader: &mut EventReader<'_, Scripted, B>,
    way: Way,
) -> Result<Option<Option<Parts>>, ReadError<Fault>> {
    Ok(match way {
        #[cfg(feature = "embedded-io")]
        (Call::Event, Style::Blocking) => reader.next_event()?.map(|event| Some(parts(event))),
        #[cfg(feature = "embedded-io")]
        (Call::RawEvent, Style::Blocking) => {
            reader.next_raw_event()?.map(|event| Some(raw_parts(event)))
        }
        #[cfg(feature = "embedded-io")]
        (Call::Item, Style::Blocking) => reader.next_item()?.map(item_parts),
        #[cfg(feature = "embedded-io-async")]
        (Call::Event, Style::Async) => {
            drive(reader.next_event_async())?.map(|event| Some(parts(event)))
        }
        #[cfg(feature = "embedded-io-async")]
        (Call::RawEvent, Style::Async) => {
            drive(reader.next_raw_event_async())?.map(|event| Some(raw_parts(event)))
        }
        #[cfg(feature = "embedded-io-async")]
        (Call::Item, Style::Async) => drive(reader.next_item_async())?.map(item_parts),
    })
}

/// The next event, by one of the ways.
fn next<B: Buffer>(
    reader: &mut EventReader<'_, Scripted, B>,
    way: Way,
) -> Result<Option<Parts>, ReadError<Fault>> {
    loop {
        match next_of_any(reader, way)? {
            Some(Some(event)) => return Ok(Some(event)),
            Some(None) => {}
            None => return Ok(None),
        }
    }
}

/// All events, and how often the driver failed, by one of the ways.
fn read_all<B: Buffer>(
    reader: &mut EventReader<'_, Scripted, B>,
    way: Way,
    kind: ErrorKind,
) -> (Vec<Parts>, usize) {
    let (mut events, mut failed) = (Vec::new(), 0);
    loop {
        match next(reader, way) {
            Ok(Some(event)) => events.push(event),
            Ok(None) => return (events, failed),
            Err(ReadError::Transport(error)) => {
                assert_eq!(error, Fault(kind));
                failed += 1;
            }
            Err(ReadError::Decode(error)) => panic!("{error}"),
        }
    }
}

fn data_of(events: &[Parts]) -> Vec<&str> {
    events.iter().map(|(_, data, ..)| &data[..]).collect()
}

#[test]
fn events_do_not_depend_on_the_size_of_the_chunk() {
    let expected = events_of(STREAM);
    assert_eq!(expected.len(), 4);
    for way in ways() {
        for size in 1..=STREAM.len() {
            for at_once in [1, 7, STREAM.len()] {
                let (mut memory, mut chunk) = ([0; 128], vec![0xAA; size]);
                let decoder = EventDecoder::with_buffer(&mut memory[..]);
                let driver = Scripted::giving(STREAM, at_once);
                let mut reader = EventReader::new(driver, decoder, &mut chunk);
                let read = read_all(&mut reader, way, ErrorKind::Other);
                assert_eq!(read, (expected.clone(), 0), "{way:?} {size} {at_once}");
                assert!(!reader.ended_within_event());
                assert_eq!(reader.decoder().last_event_id(), "2");
            }
        }
    }
}

#[test]
fn an_interrupted_driver_is_tried_again() {
    for way in ways() {
        let driver = Scripted::failing_everywhere(STREAM, ErrorKind::Interrupted);
        let mut chunk = [0; 16];
        let mut reader = EventReader::new(driver, EventDecoder::with_buffer([0; 128]), &mut chunk);
        let read = read_all(&mut reader, way, ErrorKind::Interrupted);
        assert_eq!(read, (events_of(STREAM), 0), "{way:?}");
    }
}

#[test]
fn a_driver_that_fails_between_every_two_bytes_loses_nothing() {
    for kind in [
        ErrorKind::TimedOut,
        ErrorKind::ConnectionReset,
        ErrorKind::Other,
    ] {
        for way in ways() {
            let driver = Scripted::failing_everywhere(STREAM, kind);
            let mut chunk = [0; 16];
            let decoder = EventDecoder::with_buffer([0; 128]);
            let mut reader = EventReader::new(driver, decoder, &mut chunk);
            let read = read_all(&mut reader, way, kind);
            assert_eq!(
                read,
                (events_of(STREAM), STREAM.len() + 1),
                "{way:?} {kind:?}"
            );
        }
    }
}

#[test]
fn a_failure_is_not_the_end() {
    for way in ways() {
        let steps = [
            Step::Gives(b"data: a".to_vec()),
            Step::Fails(ErrorKind::TimedOut),
        ];
        let mut chunk = [0; 16];
        let mut reader = EventReader::new(
            Scripted::new(steps),
            EventDecoder::with_buffer([0; 128]),
            &mut chunk,
        )
        .recover_at_end(CutLine::Keep);
        let failed = next(&mut reader, way).expect_err("it fails");
        assert_eq!(failed, ReadError::Transport(Fault(ErrorKind::TimedOut)));
        assert_eq!(failed.to_string(), "the driver failed: TimedOut");
        assert!(!reader.ended_within_event());
        let event = next(&mut reader, way).expect("it fits").expect("an event");
        assert_eq!(event.1, "a");
        assert!(reader.ended_within_event());
    }
}

#[cfg(feature = "embedded-io-async")]
#[test]
fn dropping_a_pending_future_loses_nothing() {
    for size in [1, 2, 7, STREAM.len()] {
        for at_once in [1, 5, STREAM.len()] {
            let mut chunk = vec![0; size];
            let driver = Scripted::giving(STREAM, at_once);
            let decoder = EventDecoder::with_buffer([0; 128]);
            let mut reader = EventReader::new(driver, decoder, &mut chunk);
            let (mut events, mut dropped) = (Vec::new(), 0);
            loop {
                // Polled once, and dropped.
                match reader.next_event_async().now_or_never() {
                    Some(event) => match event.expect("it fits") {
                        Some(event) => events.push(parts(event)),
                        None => break,
                    },
                    None => dropped += 1,
                }
            }
            assert_eq!(events, events_of(STREAM), "{size} {at_once}");
            assert!(dropped >= STREAM.len() / size.min(at_once).max(1));
        }
    }
}

#[test]
fn a_rejected_event_is_an_error_and_the_next_call_continues_after_it() {
    // 48 bytes for an event, 16 for a last event ID; the text of the last event that is rejected takes more than its bytes.
    let long = "x".repeat(49);
    let invalid = "\u{FF}".repeat(17);
    let stream = [
        b"data: 1\n\n\nid: 7\ndata: ",
        long.as_bytes(),
        b"\n\ndata: 2\n\nid: ",
        &long.as_bytes()[..17],
        b"\n\ndata: 3\n\ndata: ",
        &vec![0xFF; invalid.chars().count()],
        b"\n\ndata: 4\n\n",
    ]
    .concat();
    let event = |data: &str| Ok(Some(data.to_owned()));
    let too_large = Err(ReadError::Decode(DecodeError::EventTooLarge { limit: 48 }));
    let id_too_large = Err(ReadError::Decode(DecodeError::LastEventIdTooLarge {
        limit: 16,
    }));
    let expected = [
        event("1"),
        too_large.clone(),
        event("2"),
        id_too_large,
        event("3"),
        too_large,
        event("4"),
        Ok(None),
    ];
    for way in ways_of_text() {
        for size in 1..=stream.len() {
            let mut chunk = vec![0; size];
            let decoder = EventDecoder::with_buffer([0; 64]);
            let driver = Scripted::giving(&stream, stream.len());
            let mut reader = EventReader::new(driver, decoder, &mut chunk);
            let read: Vec<_> = expected
                .iter()
                .map(|_| next(&mut reader, way).map(|event| event.map(|(_, data, ..)| data)))
                .collect();
            assert_eq!(read, expected, "{way:?} {size}");
            assert_eq!(reader.decoder().last_event_id(), "7");
        }
    }
}

#[test]
fn an_event_that_the_end_cuts_off_is_discarded_unless_it_is_to_be_recovered() {
    for (stream, kept, discarded, within_event) in [
        (&b""[..], None, None, false),
        (b": ping", None, None, false),
        (b"retry: 15", None, None, false),
        (b"data: [DONE]", Some("[DONE]"), None, true),
        (b"data: [DONE]\n", Some("[DONE]"), Some("[DONE]"), true),
        (b"data: a\ndata: b", Some("a\nb"), Some("a"), true),
        (b"event: a\n", None, None, true),
        (b"dat", None, None, true),
    ] {
        for (recover, recovered) in [
            (None, None),
            (Some(CutLine::Keep), kept),
            (Some(CutLine::Discard), discarded),
        ] {
            let stream = [b"data: first\n\n", stream].concat();
            let expected: Vec<_> = ["first"].into_iter().chain(recovered).collect();
            for way in ways() {
                for size in [1, 3, 64] {
                    let mut chunk = vec![0; size];
                    let decoder = EventDecoder::with_buffer([0; 64]);
                    let driver = Scripted::giving(&stream, stream.len());
                    let mut reader = EventReader::new(driver, decoder, &mut chunk);
                    if let Some(cut_line) = recover {
                        reader = reader.recover_at_end(cut_line);
                    }
                    assert!(!reader.ended_within_event());
                    let (events, _) = read_all(&mut reader, way, ErrorKind::Other);
                    assert_eq!(data_of(&events), expected, "{way:?} {recover:?} {size}");
                    assert_eq!(reader.ended_within_event(), within_event, "{way:?}");
                    assert_eq!(next(&mut reader, way), Ok(None));
                    assert_eq!(reader.ended_within_event(), within_event, "{way:?}");
                }
            }
        }
    }
}

#[test]
fn a_recovered_event_that_is_too_large_is_the_last_error() {
    for way in ways_of_text() {
        // Its text takes more than its bytes.
        let stream = [b"data: ", &[0xFF; 17][..]].concat();
        let mut chunk = [0; 64];
        let decoder = EventDecoder::with_buffer([0; 64]);
        let driver = Scripted::giving(&stream, stream.len());
        let mut reader =
            EventReader::new(driver, decoder, &mut chunk).recover_at_end(CutLine::Keep);
        let rejected = DecodeError::EventTooLarge { limit: 48 };
        assert_eq!(next(&mut reader, way), Err(ReadError::Decode(rejected)));
        assert_eq!(next(&mut reader, way), Ok(None));
        assert!(reader.ended_within_event());
    }
}

#[test]
fn after_the_end_the_driver_is_not_read_again() {
    for (before, events) in [("", 0), ("data: 1\n\n", 1), ("data: 1\n\ndata: cut", 2)] {
        for way in ways() {
            let [first, second] =
                [before, "data: more\n\n"].map(|part| Step::Gives(part.as_bytes().to_vec()));
            let script = Scripted::new([first, Step::Ends, second]);
            let mut chunk = [0; 64];
            let decoder = EventDecoder::with_buffer([0; 64]);
            let mut reader =
                EventReader::new(script, decoder, &mut chunk).recover_at_end(CutLine::Keep);
            let (read, _) = read_all(&mut reader, way, ErrorKind::Other);
            assert_eq!(read.len(), events, "{way:?}");
            let reads = reader.get_ref().reads;
            // An empty first read is the end, too.
            assert_eq!(reads, 1 + usize::from(!before.is_empty()));
            for way in ways() {
                assert_eq!(next(&mut reader, way), Ok(None));
            }
            assert_eq!(reader.get_ref().reads, reads);
        }
    }
}

#[test]
fn whole_events_borrow_from_the_chunk() {
    let stream = &b": ping\nevent: tick\ndata: 1\n\nevent: tock\ndata: 2\n\n"[..];
    let mut chunk = [0; 64];
    let place = chunk.as_ptr_range();
    let lies_within = |part: &str| {
        let part = part.as_bytes().as_ptr_range();
        place.start <= part.start && part.end <= place.end
    };
    let mut reader = EventReader::new(stream, EventDecoder::with_buffer([0; 64]), &mut chunk);
    for expected in ["1", "2"] {
        #[cfg(feature = "embedded-io")]
        let event = reader.next_event();
        #[cfg(not(feature = "embedded-io"))]
        let event = drive(reader.next_event_async());
        let event = event.expect("it fits").expect("an event");
        assert_eq!(event.data(), expected);
        assert!(lies_within(event.data()) && lies_within(event.event_type()));
    }
}

#[test]
fn a_driver_that_reports_a_wild_length_does_no_harm() {
    struct Liar(usize);
    impl io::ErrorType for Liar {
        type Error = Fault;
    }
    impl Liar {
        fn lie(&mut self, buffer: &mut [u8]) -> usize {
            self.0 += 1;
            buffer.copy_from_slice(b"data:1\n\n");
            match self.0 {
                1 => 1000,
                2 => 9,
                3 => usize::MAX,
                _ => 0,
            }
        }
    }
    #[cfg(feature = "embedded-io")]
    impl embedded_io::Read for Liar {
        fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Fault> {
            Ok(self.lie(buffer))
        }
    }
    #[cfg(feature = "embedded-io-async")]
    impl embedded_io_async::Read for Liar {
        async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Fault> {
            Ok(self.lie(buffer))
        }
    }
    let mut chunk = [0; 8];
    let mut reader = EventReader::new(Liar(0), EventDecoder::with_buffer([0; 64]), &mut chunk);
    for expected in [true, true, true, false] {
        #[cfg(feature = "embedded-io")]
        let event = reader.next_event();
        #[cfg(not(feature = "embedded-io"))]
        let event = drive(reader.next_event_async());
        let event = event.expect("it fits");
        assert_eq!(event.is_some_and(|event| event.data() == "1"), expected);
    }
}

#[test]
fn the_driver_and_the_decoder_are_returned() {
    for way in ways() {
        let mut memory = [0; 64];
        let mut decoder = EventDecoder::with_buffer(&mut memory[..]);
        decoder
            .set_last_event_id(LastEventId::from_static("41"))
            .expect("it fits");
        let steps = ["data: 1\n\nid: 42\ndata: 2\n\n", "the rest"];
        let script = Scripted::new(steps.map(|part| Step::Gives(part.as_bytes().to_vec())));
        let mut chunk = [0; 32];
        let mut reader = EventReader::new(script, decoder, &mut chunk);
        let event = next(&mut reader, way).expect("it fits").expect("an event");
        assert_eq!((&*event.2, event.3), ("41", None));
        assert!(next(&mut reader, way).expect("it fits").is_some());
        assert_eq!(reader.decoder().last_event_id(), "42");
        assert_eq!(reader.get_mut().steps.len(), 1);
        let (driver, decoder) = reader.into_parts();
        assert_eq!((driver.steps.len(), decoder.last_event_id()), (1, "42"));
    }
}

/// A driver that records what is written, accepts a few bytes at once, and fails if it is set to.
#[derive(Debug, Default)]
struct Recorder {
    written: Vec<u8>,
    /// How much was written at each flush.
    flushed: Vec<usize>,
    most: usize,
    write_fails: bool,
    flush_fails: bool,
}

impl Recorder {
    fn taking(most: usize) -> Self {
        Self {
            most,
            ..Self::default()
        }
    }

    fn take(&mut self, bytes: &[u8]) -> Result<usize, Fault> {
        if self.write_fails {
            return Err(Fault(ErrorKind::BrokenPipe));
        }
        let taken = bytes.len().min(self.most);
        self.written.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn note_flush(&mut self) -> Result<(), Fault> {
        if self.flush_fails {
            return Err(Fault(ErrorKind::TimedOut));
        }
        self.flushed.push(self.written.len());
        Ok(())
    }
}

impl io::ErrorType for Recorder {
    type Error = Fault;
}

#[cfg(feature = "embedded-io")]
impl embedded_io::Write for Recorder {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Fault> {
        self.take(bytes)
    }

    fn flush(&mut self) -> Result<(), Fault> {
        self.note_flush()
    }
}

#[cfg(feature = "embedded-io-async")]
impl embedded_io_async::Write for Recorder {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Fault> {
        self.take(bytes)
    }

    async fn flush(&mut self) -> Result<(), Fault> {
        self.note_flush()
    }
}

/// Blocking and asynchronously.
type Write = fn(&mut EventWriter<'_, Recorder>, Outgoing<'_>) -> Result<(), WriteError<Fault>>;

const WRITES: &[Write] = &[
    #[cfg(feature = "embedded-io")]
    |writer, block| writer.write(block),
    #[cfg(feature = "embedded-io-async")]
    |writer, block| drive(writer.write_async(block)),
];

#[test]
fn each_block_is_written_whole_and_flushed() {
    let blocks = [
        Outgoing::message("1"),
        Outgoing::new().comment("ping"),
        Outgoing::event(EventType::from_static("tick"), "a\nb").id(LastEventId::from_static("7")),
    ];
    let encoded = blocks.map(|block| block.to_string());
    for write in WRITES {
        for most in [1, 3, 100] {
            let mut memory = [0; 64];
            let mut writer = EventWriter::new(Recorder::taking(most), &mut memory);
            let mut expected = Vec::new();
            for (number, block) in blocks.into_iter().enumerate() {
                write(&mut writer, block).expect("it holds");
                expected.push(encoded[..=number].concat().len());
                assert_eq!(writer.get_ref().flushed, expected);
            }
            assert_eq!(writer.into_inner().written, encoded.concat().as_bytes());
        }
    }
}

#[test]
fn a_block_that_does_not_fit_leaves_the_writer_as_it_was() {
    for write in WRITES {
        let mut memory = [0; 10];
        let mut writer = EventWriter::new(Recorder::taking(100), &mut memory);
        write(&mut writer, Outgoing::message("12")).expect("just fits");
        let error = write(&mut writer, Outgoing::message("123")).expect_err("does not");
        assert!(matches!(
            error,
            WriteError::BufferFull(BufferFull {
                needed: 11,
                available: 10,
                ..
            })
        ));
        assert!(error.to_string().contains("11 bytes"), "{error}");
        assert_eq!(writer.get_ref().written, b"data: 12\n\n");
        assert_eq!(writer.get_ref().flushed, [10]);
        // And the stream continues.
        write(&mut writer, Outgoing::message("1")).expect("it fits");
        assert_eq!(writer.get_ref().written, b"data: 12\n\ndata: 1\n\n");
    }
}

#[test]
fn the_error_of_the_driver_is_passed_on() {
    for write in WRITES {
        let mut memory = [0; 16];
        let mut writer = EventWriter::new(Recorder::taking(100), &mut memory);
        writer.get_mut().flush_fails = true;
        let error = write(&mut writer, Outgoing::message("1")).expect_err("it fails");
        assert_eq!(error, WriteError::Transport(Fault(ErrorKind::TimedOut)));
        writer.get_mut().write_fails = true;
        let error = write(&mut writer, Outgoing::message("1")).expect_err("it fails");
        assert_eq!(error, WriteError::Transport(Fault(ErrorKind::BrokenPipe)));
        assert_eq!(error.to_string(), "the driver failed: BrokenPipe");
    }
}

#[test]
fn what_is_written_can_be_read() {
    for write in WRITES {
        let mut memory = [0; 128];
        let mut writer = EventWriter::new(Recorder::taking(5), &mut memory);
        let texts = ["one", "", "two\nlines", "with\r\nanother end"];
        for text in texts {
            write(&mut writer, Outgoing::message(text)).expect("it fits");
        }
        let written = writer.into_inner().written;
        for way in ways() {
            let mut chunk = [0; 4];
            let decoder = EventDecoder::with_buffer([0; 128]);
            let driver = Scripted::giving(&written, 100);
            let mut reader = EventReader::new(driver, decoder, &mut chunk);
            let (events, _) = read_all(&mut reader, way, ErrorKind::Other);
            let expected = ["one", "", "two\nlines", "with\nanother end"];
            assert_eq!(data_of(&events), expected, "{way:?}");
        }
    }
}

#[test]
fn nothing_is_allocated() {
    let stream = STREAM.repeat(20);
    #[cfg(feature = "embedded-io")]
    {
        let (counted, events) = count(|| {
            let (mut memory, mut chunk) = ([0; 128], [0; 13]);
            let decoder = EventDecoder::with_buffer(&mut memory[..]);
            let mut reader = EventReader::new(&stream[..], decoder, &mut chunk);
            let (mut sent, mut memory) = ([0; 8192], [0; 128]);
            let mut writer = EventWriter::new(&mut sent[..], &mut memory);
            let mut events = 0;
            while let Some(event) = reader.next_event().expect("it fits") {
                writer.write(event).expect("it fits");
                events += 1;
            }
            events
        });
        assert_eq!((counted, events), (Count::NOTHING, 80));
    }
    #[cfg(feature = "embedded-io-async")]
    {
        let (counted, events) = count(|| {
            let (mut memory, mut chunk) = ([0; 128], [0; 13]);
            let decoder = EventDecoder::with_buffer(&mut memory[..]);
            let mut reader = EventReader::new(&stream[..], decoder, &mut chunk);
            let (mut sent, mut memory) = ([0; 8192], [0; 128]);
            let mut writer = EventWriter::new(&mut sent[..], &mut memory);
            let mut events = 0;
            while let Some(event) = drive(reader.next_event_async()).expect("it fits") {
                drive(writer.write_async(event)).expect("it fits");
                events += 1;
            }
            events
        });
        assert_eq!((counted, events), (Count::NOTHING, 80));
    }
    // An allocation would be counted.
    let (counted, _kept) = count(|| events_of(STREAM));
    assert!(counted.allocations > 0);
}

#[test]
fn the_debug_forms_do_not_show_the_payload() {
    let mut chunk = [0; 64];
    let driver = Scripted::giving(b"data: secret\n\ndata: secret", 100);
    let mut reader = EventReader::new(driver, EventDecoder::with_buffer([0; 64]), &mut chunk);
    assert!(matches!(
        next(&mut reader, (Call::Event, STYLES[0])),
        Ok(Some(_))
    ));
    let shown = format!("{reader:?}");
    assert!(shown.starts_with("EventReader") && !shown.contains("secret"));
    assert!(!shown.contains("115"), "nor byte by byte");

    let mut memory = [0; 64];
    let mut writer = EventWriter::new(Recorder::taking(100), &mut memory);
    WRITES[0](&mut writer, Outgoing::message("secret")).expect("it fits");
    assert_eq!(format!("{writer:?}"), "EventWriter { buffer: 64, .. }");
}

#[cfg(feature = "embedded-io")]
#[test]
fn the_decoder_that_is_returned_begins_a_new_stream() {
    let (memory, mut chunk) = ([0; 64], [0; 16]);
    let first: &[u8] = b"id: 7\ndata: 1\n\ndata: cut";
    let mut reader = EventReader::new(first, EventDecoder::with_buffer(memory), &mut chunk);
    let read = |reader: &mut EventReader<'_, &[u8], [u8; 64]>| {
        reader
            .next_event()
            .map(|event| event.map(|event| event.data().to_owned()))
    };
    assert_eq!(read(&mut reader), Ok(Some("1".to_owned())));
    // Before its end is seen.
    let (_, mut decoder) = reader.into_parts();
    assert_eq!(decoder.last_event_id(), "7");
    let mut next: &[u8] = b"data: new\n\n";
    let event = decoder
        .decode(&mut next)
        .expect("it fits")
        .expect("a block");
    assert_eq!(event.data(), "new");
}
