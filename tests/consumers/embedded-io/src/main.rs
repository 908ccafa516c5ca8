//! Reads and writes an event stream through the traits of embedded systems, with neither std nor an allocator.
//!
//! It runs on a host to show that it works; the C runtime only starts it, takes its exit status and prints its panics.
#![no_std]
#![no_main]

use core::error::Error;
use core::ffi::{c_char, c_int, c_void};
use core::fmt::{self, Write as _};
use core::future::{Future, poll_fn};
use core::panic::PanicInfo;
use core::pin::pin;
use core::task::{Context, Poll, Waker};
use core::time::Duration;

use embedded_io::{ErrorKind, ErrorType};
use sse_wire::embedded::{EventReader, EventWriter};
use sse_wire::{
    CutLine, DecodeError, EventDecoder, EventType, Item, LastEventId, Outgoing, ReadError,
    WriteError,
};

#[link(name = "c")]
unsafe extern "C" {
    fn write(descriptor: c_int, bytes: *const c_void, count: usize) -> isize;
    safe fn _exit(status: c_int) -> !;
}

struct StandardError;

impl fmt::Write for StandardError {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // SAFETY: `text` is readable for as many bytes as it is long.
        let written = unsafe { write(2, text.as_ptr().cast(), text.len()) };
        if written < 0 { Err(fmt::Error) } else { Ok(()) }
    }
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    let _ = writeln!(StandardError, "{info}");
    _exit(101)
}

const STREAM: &[u8] = b": hello\r\nid: 1\r\nevent: tick\r\ndata: one\r\ndata: two\r\n\r\n\
    retry: 1500\rdata:three\r\rdata: larger than the decoder's memory\n\ndata: cut";

/// A serial line, which gives and takes three bytes at a time; behind what it gives its far end hangs up.
struct Line<'l> {
    given: &'l [u8],
    taken: [u8; 128],
    length: usize,
    flushes: u32,
    error_at_end: Option<ErrorKind>,
}

impl<'l> Line<'l> {
    fn new(given: &'l [u8]) -> Self {
        Self {
            given,
            taken: [0; 128],
            length: 0,
            flushes: 0,
            error_at_end: None,
        }
    }

    fn taken(&self) -> &[u8] {
        &self.taken[..self.length]
    }
}

impl ErrorType for Line<'_> {
    type Error = ErrorKind;
}

impl embedded_io::Read for Line<'_> {
    fn read(&mut self, out: &mut [u8]) -> Result<usize, ErrorKind> {
        let length = self.given.len().min(out.len()).min(3);
        if length == 0 {
            return self.error_at_end.take().map_or(Ok(0), Err);
        }
        let (read, rest) = self.given.split_at(length);
        out[..length].copy_from_slice(read);
        self.given = rest;
        Ok(length)
    }
}

impl embedded_io::Write for Line<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        let room = &mut self.taken[self.length..];
        let length = bytes.len().min(room.len()).min(3);
        if length == 0 {
            return Err(ErrorKind::OutOfMemory);
        }
        room[..length].copy_from_slice(&bytes[..length]);
        self.length += length;
        Ok(length)
    }

    fn flush(&mut self) -> Result<(), ErrorKind> {
        self.flushes += 1;
        Ok(())
    }
}

impl embedded_io_async::Read for Line<'_> {
    async fn read(&mut self, out: &mut [u8]) -> Result<usize, ErrorKind> {
        wait_once().await;
        embedded_io::Read::read(self, out)
    }
}

impl embedded_io_async::Write for Line<'_> {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        wait_once().await;
        embedded_io::Write::write(self, bytes)
    }

    async fn flush(&mut self) -> Result<(), ErrorKind> {
        wait_once().await;
        embedded_io::Write::flush(self)
    }
}

async fn wait_once() {
    let mut has_waited = false;
    poll_fn(|_| {
        if has_waited {
            Poll::Ready(())
        } else {
            has_waited = true;
            Poll::Pending
        }
    })
    .await;
}

/// There is nothing else to do while a future waits.
fn run<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
        {
            return output;
        }
    }
}

#[unsafe(no_mangle)]
extern "C" fn main(_count: c_int, _arguments: *const *const c_char) -> c_int {
    events_are_read();
    items_are_read();
    events_are_written();
    run(the_same_asynchronously());
    0
}

fn events_are_read() {
    let (mut memory, mut chunk) = ([0; 32], [0; 8]);
    let decoder = EventDecoder::with_buffer(&mut memory[..]);
    let mut line = Line::new(STREAM);
    line.error_at_end = Some(ErrorKind::TimedOut);
    let mut reader = EventReader::new(line, decoder, &mut chunk).recover_at_end(CutLine::Keep);

    let event = reader
        .next_event()
        .expect("it is small")
        .expect("it is whole");
    assert_eq!(
        (event.event_type(), event.data(), event.id()),
        ("tick", "one\ntwo", Some("1"))
    );
    let event = reader
        .next_raw_event()
        .expect("it is small")
        .expect("it is whole");
    assert_eq!(
        (event.event_type(), event.data(), event.last_event_id()),
        (&b"message"[..], &b"three"[..], "1")
    );
    let error = reader.next_event().expect_err("it is too large");
    assert!(matches!(
        error,
        ReadError::Decode(DecodeError::EventTooLarge { limit: 24 })
    ));
    let _: &dyn Error = &error;
    let error = reader.next_event().expect_err("the line is silent");
    assert_eq!(error, ReadError::Transport(ErrorKind::TimedOut));
    let event = reader
        .next_event()
        .expect("it is small")
        .expect("it is recovered");
    assert_eq!(event.data(), "cut");
    assert_eq!(reader.next_event(), Ok(None));
    assert!(reader.ended_within_event());
    let (_line, decoder) = reader.into_parts();
    assert_eq!(
        decoder.reconnection_time(),
        Some(Duration::from_millis(1500))
    );
}

fn items_are_read() {
    let mut chunk = [0; 1];
    let decoder = EventDecoder::with_buffer([0; 128]);
    let mut reader = EventReader::new(Line::new(STREAM), decoder, &mut chunk);
    let (mut events, mut comment_bytes, mut retries) = (0, 0, 0);
    while let Some(item) = reader.next_item().expect("nothing fails") {
        match item {
            Item::Event(_) => events += 1,
            Item::Comment { text, .. } => comment_bytes += text.len(),
            Item::Retry(_) => retries += 1,
            item => panic!("{item:?} is not in the stream"),
        }
    }
    assert_eq!((events, comment_bytes, retries), (3, " hello".len(), 1));
}

fn tick() -> Outgoing<'static> {
    Outgoing::event(EventType::from_static("tick"), "one\r\ntwo").id(LastEventId::from_static("2"))
}

const WRITTEN: &[u8] = b"event: tick\nid: 2\ndata: one\ndata: two\n\n: done\n\n";

fn events_are_written() {
    let mut memory = [0; 64];
    let mut writer = EventWriter::new(Line::new(b""), &mut memory);
    writer.write(tick()).expect("there is room");
    writer
        .write(Outgoing::new().comment("done"))
        .expect("there is room");
    let line = writer.into_inner();
    assert_eq!((line.taken(), line.flushes), (WRITTEN, 2));

    let mut short = [0; 8];
    let mut writer = EventWriter::new(Line::new(b""), &mut short);
    let error = writer.write(tick()).expect_err("8 bytes are too few");
    assert!(matches!(error, WriteError::BufferFull(full) if full.needed == tick().encoded_len()));
    assert_eq!(writer.get_ref().taken(), b"");
}

async fn the_same_asynchronously() {
    let mut memory = [0; 64];
    let mut writer = EventWriter::new(Line::new(b""), &mut memory);
    writer.write_async(tick()).await.expect("there is room");
    let done = Outgoing::new().comment("done");
    writer.write_async(done).await.expect("there is room");
    let line = writer.into_inner();
    assert_eq!((line.taken(), line.flushes), (WRITTEN, 2));

    let mut chunk = [0; 8];
    let decoder = EventDecoder::with_buffer([0; 128]);
    let mut reader = EventReader::new(Line::new(line.taken()), decoder, &mut chunk);
    let event = reader
        .next_event_async()
        .await
        .expect("it is small")
        .expect("it is whole");
    assert_eq!(
        (event.event_type(), event.data(), event.id()),
        ("tick", "one\ntwo", Some("2"))
    );
    assert_eq!(reader.next_event_async().await, Ok(None));
    assert!(!reader.ended_within_event());
}
