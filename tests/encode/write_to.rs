//! `write_to` needs few writes, reports every error, and never flushes.

use core::time::Duration;
use sse_wire::{EventType, LastEventId, Outgoing};
use std::io::{self, ErrorKind};

/// A writer that counts, takes a part of a write for which there is no room, and then fails. It
/// must not be used after that.
#[derive(Default)]
struct Writer {
    written: Vec<u8>,
    writes: usize,
    room: usize,
    has_failed: bool,
}

impl io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        assert!(!self.has_failed, "written to again after an error");
        self.writes += 1;
        let taken = bytes.len().min(self.room);
        if taken == 0 {
            self.has_failed = true;
            return Err(ErrorKind::ConnectionReset.into());
        }
        self.room -= taken;
        self.written.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        panic!("flushed");
    }
}

/// How many writes a block takes.
fn writes(outgoing: &Outgoing<'_>) -> usize {
    let mut writer = Writer {
        room: usize::MAX,
        ..Writer::default()
    };
    outgoing.write_to(&mut writer).expect("there is room");
    assert_eq!(writer.written, outgoing.to_string().as_bytes());
    writer.writes
}

fn example(text: &str) -> Outgoing<'_> {
    Outgoing::event(EventType::from_static("tick"), text)
        .id(LastEventId::from_static("42"))
        .retry(Duration::from_secs(3))
        .comment(text)
}

#[test]
fn a_small_block_is_a_single_write() {
    for text in ["", "one", "one\ntwo\r\nthree\n", &"x".repeat(400)] {
        assert_eq!(writes(&example(text)), 1, "{text:?}");
    }
    assert_eq!(writes(&Outgoing::new()), 0);
}

#[test]
fn a_large_block_is_not_written_piece_by_piece() {
    for text in ["x\n".repeat(20_000), "x".repeat(20_000)] {
        let outgoing = Outgoing::message(&text);
        let (writes, length) = (writes(&outgoing), outgoing.encoded_len());
        assert!(writes <= length / 512, "{writes} writes for {length} bytes");
    }
}

#[test]
fn an_error_is_returned_wherever_it_occurs() {
    // The second is too long to be gathered with what is around it.
    for text in ["one\ntwo", &"x".repeat(1_500), &"x\r".repeat(700)] {
        let bytes = example(text).to_string().into_bytes();
        for room in 0..=bytes.len() {
            let mut writer = Writer {
                room,
                ..Writer::default()
            };
            let result = example(text).write_to(&mut writer);
            let expected = (room < bytes.len()).then_some(ErrorKind::ConnectionReset);
            assert_eq!(result.err().map(|error| error.kind()), expected);
            assert_eq!(writer.written, bytes[..room], "{room} bytes of room");
        }
    }
}
