//! Reads and writes an event stream in a program that has neither std nor an allocator, as on a microcontroller.
//!
//! It runs on a host to show that it works; the C runtime only starts it, takes its exit status and prints its panics.
#![no_std]
#![no_main]

use core::error::Error;
use core::ffi::{c_char, c_int, c_void};
use core::fmt::{self, Write as _};
use core::panic::PanicInfo;
use core::time::Duration;

use sse_wire::{
    BufferFull, CutLine, DecodeError, EventDecoder, EventType, FieldName, FieldParser, Item,
    LastEventId, Outgoing, Token,
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

const STREAM: &[u8] =
    b"\xEF\xBB\xBF: hello\r\nid: 1\r\nevent: tick\r\ndata: one\r\ndata: two\r\n\r\n\
    retry: 1500\rdata:three\r\runknown\ndata: cut";

#[unsafe(no_mangle)]
extern "C" fn main(_count: c_int, _arguments: *const *const c_char) -> c_int {
    events_from_single_bytes();
    items_from_single_bytes();
    fields_from_single_bytes();
    limits_follow_from_the_buffer();
    what_is_written_is_read_back();
    0
}

fn events_from_single_bytes() {
    let mut memory = [0; 128];
    let mut decoder = EventDecoder::with_buffer(&mut memory[..]);
    let mut count = 0;
    for mut byte in STREAM.chunks(1) {
        while let Some(event) = decoder.decode(&mut byte).expect("no limit is exceeded") {
            count += 1;
            let found = (
                event.event_type(),
                event.data(),
                event.last_event_id(),
                event.id(),
            );
            match count {
                1 => assert_eq!(found, ("tick", "one\ntwo", "1", Some("1"))),
                _ => assert_eq!(found, ("message", "three", "1", None)),
            }
        }
    }
    assert_eq!(count, 2);
    assert_eq!(
        decoder.reconnection_time(),
        Some(Duration::from_millis(1500))
    );
    let incomplete = decoder.finish().expect("the stream ends within an event");
    assert!(incomplete.is_inside_line());
    let event = incomplete
        .recover(CutLine::Keep)
        .expect("no limit is exceeded");
    assert_eq!(event.map(|event| event.data()), Some("cut"));
    assert_eq!(decoder.last_event_id(), "1");
}

fn items_from_single_bytes() {
    let mut decoder = EventDecoder::with_buffer([0; 128]);
    let (mut events, mut comment_bytes, mut retries, mut ignored_bytes) = (0, 0, 0, 0);
    for mut byte in STREAM.chunks(1) {
        while let Some(item) = decoder
            .decode_item(&mut byte)
            .expect("no limit is exceeded")
        {
            match item {
                Item::Event(_) => events += 1,
                Item::Comment { text, .. } => comment_bytes += text.len(),
                Item::Retry(_) => retries += 1,
                Item::Ignored { text, .. } => ignored_bytes += text.len(),
                item => panic!("{item:?} is not in the stream"),
            }
        }
    }
    assert_eq!((events, comment_bytes, retries), (2, " hello".len(), 1));
    let ignored = (ignored_bytes, decoder.ignored_lines());
    assert_eq!(ignored, ("unknown".len(), 1));
}

fn fields_from_single_bytes() {
    let mut parser = FieldParser::new();
    let (mut data_bytes, mut data_lines, mut comment_bytes, mut blank_lines) = (0, 0, 0, 0);
    for mut byte in STREAM.chunks(1) {
        while let Some(token) = parser.next(&mut byte) {
            match token {
                Token::Field {
                    name: FieldName::Data,
                    value,
                    end,
                } => {
                    data_bytes += value.len();
                    data_lines += usize::from(end);
                }
                Token::Field { .. } => {}
                Token::Comment { text, .. } => comment_bytes += text.len(),
                Token::BlankLine => blank_lines += 1,
            }
        }
    }
    assert_eq!((data_bytes, data_lines), ("onetwothreecut".len(), 3));
    assert_eq!((comment_bytes, blank_lines), (" hello".len(), 2));
    let last = Token::Field {
        name: FieldName::Data,
        value: b"",
        end: true,
    };
    assert_eq!(parser.finish(), Some(last));
}

fn limits_follow_from_the_buffer() {
    let mut decoder = EventDecoder::with_buffer([0; 16]);
    let mut input: &[u8] = b"data: thirteen byte\n\ndata: twelve bytes\n\n";
    let error = decoder
        .decode(&mut input)
        .expect_err("of a buffer of 16 bytes 12 are for an event");
    assert!(matches!(error, DecodeError::EventTooLarge { limit: 12 }));
    let _: &dyn Error = &error;
    let event = decoder.decode(&mut input).expect("the next event fits");
    assert_eq!(event.map(|event| event.data()), Some("twelve bytes"));
}

fn what_is_written_is_read_back() {
    let event_type = EventType::new("tick").expect("it is valid");
    let outgoing = Outgoing::event(event_type, "one\r\ntwo\u{1F980}")
        .id(LastEventId::from_static("2"))
        .retry(Duration::from_secs(3))
        .comment("hello");
    let written = ": hello\nevent: tick\nid: 2\nretry: 3000\ndata: one\ndata: two\u{1F980}\n\n";

    let mut memory = [0; 128];
    let length = outgoing
        .encode_to_slice(&mut memory)
        .expect("128 bytes are enough");
    assert_eq!(length, outgoing.encoded_len());
    let mut input = &memory[..length];
    assert_eq!(input, written.as_bytes());

    let mut short = [0; 8];
    let full = outgoing
        .encode_to_slice(&mut short)
        .expect_err("8 bytes are too few");
    assert!(matches!(full, BufferFull { needed, available: 8, .. } if needed == length));
    assert_eq!(short, [0; 8]);

    let mut decoder = EventDecoder::with_buffer([0; 128]);
    let event = decoder
        .decode(&mut input)
        .expect("no limit is exceeded")
        .expect("it is whole");
    assert_eq!(
        (event.event_type(), event.data(), event.id()),
        ("tick", "one\ntwo\u{1F980}", Some("2"))
    );
    assert_eq!(
        Outgoing::from(event).encoded_len(),
        length - ": hello\nretry: 3000\n".len()
    );
    assert_eq!(decoder.reconnection_time(), Some(Duration::from_secs(3)));
}
