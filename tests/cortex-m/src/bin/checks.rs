//! Decodes and encodes on a board, without an allocator and without an operating system, and checks all that comes out.
//!
//! What it prints, and whether something was wrong, goes to the debugger: QEMU ends with a status other than 0 then.
#![no_std]
#![no_main]

use core::fmt;
use core::mem::size_of;
use core::panic::PanicInfo;
use core::time::Duration;

use cortex_m_rt::entry;
use cortex_m_semihosting::debug::{self, EXIT_FAILURE, EXIT_SUCCESS};
use cortex_m_semihosting::hprintln;
use embedded_io::{ErrorType, Read, Write};
use sse_wire::client::{EventSource, Step};
use sse_wire::embedded::{EventReader, EventWriter};
use sse_wire::{
    BufferFull, DecodeError, EventDecoder, EventType, FieldName, FieldParser, LastEventId,
    Outgoing, ReadError, Token,
};

/// A stream, and what must come out of it.
struct Vector {
    name: &'static str,
    stream: &'static [u8],
    initial_last_event_id: &'static str,
    /// Event types, data and last event IDs.
    events: &'static [(&'static str, &'static str, &'static str)],
    last_event_id: &'static str,
    /// In milliseconds.
    retry: Option<u64>,
}

include!(concat!(env!("OUT_DIR"), "/vectors.rs"));

/// The size of a decoder's buffer, in bytes.
const MEMORY: usize = 512;
const CHUNKS: [usize; 6] = [1, 2, 3, 7, 61, usize::MAX];
/// In bytes, as the linker has it.
const RAM: usize = 64 * 1024;

/// How many checks there were.
#[derive(Default)]
struct Checks {
    good: usize,
    bad: usize,
}

impl Checks {
    fn equal<T: PartialEq + fmt::Debug>(&mut self, what: fmt::Arguments<'_>, is: T, must_be: T) {
        if is == must_be {
            self.good += 1;
        } else {
            self.bad += 1;
            hprintln!("MISMATCH: {}: {:?} and not {:?}", what, is, must_be);
        }
    }
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    hprintln!("{}", info);
    end(EXIT_FAILURE)
}

fn end(status: debug::ExitStatus) -> ! {
    debug::exit(status);
    // Reached only without a debugger.
    loop {
        core::hint::spin_loop();
    }
}

#[entry]
fn main() -> ! {
    let mut checks = Checks::default();
    type Part = fn(&mut Checks);
    let parts: [(&str, Part); 6] = [
        ("vectors", vectors),
        ("a line larger than the memory", oversized_line),
        ("limits", limits),
        ("frames", frames),
        ("embedded-io", embedded),
        ("a client that reconnects", client),
    ];
    for (name, part) in parts {
        let before = checks.good + checks.bad;
        part(&mut checks);
        hprintln!("{}: {} checks", name, checks.good + checks.bad - before);
    }
    hprintln!(
        "{} vectors, {} more that are too large; a decoder takes {} bytes beside its buffer",
        VECTORS.len(),
        LEFT_OUT,
        size_of::<EventDecoder<[u8; MEMORY]>>() - MEMORY
    );
    hprintln!(
        "{} checks, {} mismatches",
        checks.good + checks.bad,
        checks.bad
    );
    end(if checks.bad == 0 && checks.good > 0 {
        EXIT_SUCCESS
    } else {
        EXIT_FAILURE
    })
}

/// Every stream, byte by byte, in chunks of several sizes, and whole.
fn vectors(checks: &mut Checks) {
    for vector in VECTORS {
        for size in CHUNKS {
            let mut memory = [0xA5; MEMORY];
            let mut decoder = EventDecoder::with_buffer(&mut memory[..]);
            let name = vector.name;
            let set = decoder.set_last_event_id(vector.initial_last_event_id);
            checks.equal(format_args!("{name}, initial last event ID"), set, Ok(()));
            let mut expected = vector.events.iter().copied();
            for mut chunk in vector.stream.chunks(size) {
                while let Some(event) = decoder.decode(&mut chunk).expect("it fits") {
                    let is = (event.event_type(), event.data(), event.last_event_id());
                    let what = format_args!("{name}, chunks of {size}");
                    checks.equal(what, Some(is), expected.next());
                }
            }
            let what = format_args!("{name}, chunks of {size}: events left, last event ID, retry");
            let is = (
                expected.len(),
                decoder.last_event_id(),
                decoder.reconnection_time(),
            );
            let retry = vector.retry.map(Duration::from_millis);
            checks.equal(what, is, (0, vector.last_event_id, retry));
        }
    }
}

/// The field parser passes on a data line that is larger than the board's memory.
fn oversized_line(checks: &mut Checks) {
    let mut parser = FieldParser::new();
    let (mut value_bytes, mut ends, mut blank_lines) = (0, 0, 0);
    let mut feed = |mut input: &[u8]| {
        while let Some(token) = parser.next(&mut input) {
            match token {
                Token::Field {
                    name: FieldName::Data,
                    value,
                    end,
                } => {
                    value_bytes += value.len();
                    ends += usize::from(end);
                }
                Token::BlankLine => blank_lines += 1,
                _ => ends += 1000,
            }
        }
    };
    feed(b"data: ");
    const CHUNK: &[u8; 256] = &[b'x'; 256];
    let chunks = 16 * RAM / CHUNK.len();
    for _ in 0..chunks {
        feed(CHUNK);
    }
    feed(b"\n\n");
    let what = format_args!("bytes, lines and blank lines of 16 times the memory");
    checks.equal(what, (value_bytes, ends, blank_lines), (16 * RAM, 1, 1));
}

/// An event that exceeds a limit is one error, and the events after it are read.
fn limits(checks: &mut Checks) {
    let mut memory = [0xA5; MEMORY];
    let mut decoder = EventDecoder::with_buffer(&mut memory[..]);
    let (mut rejected, mut events) = (0, 0);
    for (field, error) in [
        (&b"data: "[..], DecodeError::EventTooLarge { limit: 384 }),
        (b"event: ", DecodeError::EventTooLarge { limit: 384 }),
        (b"id: ", DecodeError::LastEventIdTooLarge { limit: 128 }),
    ] {
        let long = [b'x'; 400];
        for piece in [field, &long, b"\ndata\n\n", b"id: 7\ndata: good\n\n"] {
            for mut chunk in piece.chunks(7) {
                loop {
                    match decoder.decode(&mut chunk) {
                        Ok(Some(event)) => {
                            events += 1;
                            let is = (event.data(), event.id());
                            checks.equal(format_args!("after an error"), is, ("good", Some("7")));
                        }
                        Ok(None) => break,
                        Err(is) => {
                            rejected += 1;
                            checks.equal(format_args!("the error"), is, error);
                        }
                    }
                }
            }
        }
    }
    checks.equal(
        format_args!("errors and events"),
        (rejected, events),
        (3, 3),
    );
}

const MESSAGES: &[(&str, &str, &str)] = &[
    ("message", "hello", ""),
    ("tick", "one\ntwo\r\nthree\n", "7"),
    ("message", " led by a space", ""),
    ("reset", "", "caf\u{E9}"),
];

/// A connection that breaks off within an event, the delay, and the next connection, which resumes after the last whole event.
fn client(checks: &mut Checks) {
    let mut memory = [0; MEMORY];
    let decoder = EventDecoder::with_buffer(&mut memory[..]);
    let mut source = EventSource::from_decoder(decoder, 4);
    let mut now = Duration::ZERO;
    let streams = [
        &b"retry: 700\nid: 1\ndata: a\n\nid: 2\ndata: cut"[..],
        b"data: b\n\n",
    ];
    for (stream, (data, id)) in streams.into_iter().zip([("a", None), ("b", Some("1"))]) {
        let Step::Connect(request) = source.next(now) else {
            return checks.equal(format_args!("a request is due"), false, true);
        };
        let sent = request.headers().find(|(name, _)| *name == "last-event-id");
        checks.equal(
            format_args!("the ID that is sent"),
            sent.map(|(_, id)| id),
            id,
        );
        checks.equal(
            format_args!("it opens"),
            source.respond(200, ["text/event-stream"]),
            true,
        );
        for mut chunk in stream.chunks(3) {
            while let Ok(Some(event)) = source.decode(&mut chunk) {
                checks.equal(format_args!("the data"), event.data(), data);
                checks.equal(format_args!("the ID"), event.last_event_id(), "1");
            }
        }
        source.end();
        let Step::Wait { delay, .. } = source.next(now) else {
            return checks.equal(format_args!("a wait is due"), false, true);
        };
        let is_spread = (700..=1400).contains(&delay.as_millis());
        checks.equal(
            format_args!("the delay is the server's, with jitter"),
            is_spread,
            true,
        );
        now += delay;
    }
}

/// What is encoded into a slice is decoded again.
fn frames(checks: &mut Checks) {
    for &(event_type, data, id) in MESSAGES {
        let mut frame = [0; 128];
        let event_type = EventType::new(event_type).expect("a possible one");
        let id = LastEventId::new(id).expect("a possible one");
        let outgoing = Outgoing::event(event_type, data).id(id).comment("ping");
        let length = outgoing.encode_to_slice(&mut frame).expect("it fits");
        let what = format_args!("the length of {data:?}");
        checks.equal(what, length, outgoing.encoded_len());
        let full = outgoing.encode_to_slice(&mut frame[..length - 1]);
        let full = full.map_err(
            |BufferFull {
                 needed, available, ..
             }| (needed, available),
        );
        let what = format_args!("a slice that is too small");
        checks.equal(what, full, Err((length, length - 1)));
        outgoing.encode_to_slice(&mut frame).expect("it fits");
        let mut decoder = EventDecoder::with_buffer([0; 128]);
        let mut events = 0;
        for mut chunk in frame[..length].chunks(3) {
            while let Some(event) = decoder.decode(&mut chunk).expect("it fits") {
                events += 1;
                let what = format_args!("{data:?} again");
                checks.equal(what, event.event_type(), event_type.as_str());
                checks.equal(what, event.last_event_id(), id.as_str());
                let mut lines = event.data().split('\n');
                let sent = data.split('\n').map(|line| line.trim_end_matches('\r'));
                checks.equal(what, sent.eq(lines.by_ref()), true);
            }
        }
        checks.equal(format_args!("events of a frame"), events, 1);
    }
}

/// A serial line that returns what is written to it, five bytes at a time.
struct Loop {
    bytes: [u8; 256],
    written: usize,
    read: usize,
}

impl ErrorType for Loop {
    type Error = core::convert::Infallible;
}

impl Write for Loop {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Self::Error> {
        let count = bytes.len().min(5);
        let room = &mut self.bytes[self.written..];
        room[..count].copy_from_slice(&bytes[..count]);
        self.written += count;
        Ok(count)
    }

    fn flush(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }
}

impl Read for Loop {
    fn read(&mut self, bytes: &mut [u8]) -> Result<usize, Self::Error> {
        let left = &self.bytes[self.read..self.written];
        let count = left.len().min(bytes.len()).min(5);
        bytes[..count].copy_from_slice(&left[..count]);
        self.read += count;
        Ok(count)
    }
}

fn embedded(checks: &mut Checks) {
    let line = Loop {
        bytes: [0; 256],
        written: 0,
        read: 0,
    };
    let mut memory = [0; 64];
    let mut writer = EventWriter::new(line, &mut memory);
    let tick = EventType::from_static("tick");
    for data in ["one", "two\nlines"] {
        writer.write(Outgoing::event(tick, data)).expect("it fits");
    }
    let line = writer.into_inner();
    let (mut memory, mut chunk) = ([0; MEMORY], [0; 16]);
    let decoder = EventDecoder::with_buffer(&mut memory[..]);
    let mut reader = EventReader::new(line, decoder, &mut chunk);
    for data in ["one", "two\nlines"] {
        let event = reader.next_event();
        let is = event
            .as_ref()
            .map(|event| event.as_ref().map(|event| event.data()));
        let is: Result<_, &ReadError<_>> = is;
        checks.equal(
            format_args!("{data:?}, written and read"),
            is.ok(),
            Some(Some(data)),
        );
    }
    let is_at_end = matches!(reader.next_event(), Ok(None));
    checks.equal(format_args!("the end of the line"), is_at_end, true);
}
