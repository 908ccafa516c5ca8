//! Keeps and writes events in a program that has an allocator of its own, and no std.
//!
//! It runs on a host to show that it works; the C runtime only starts it, gives it memory, takes its exit status and
//! prints its panics.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::alloc::{GlobalAlloc, Layout};
use core::ffi::{c_char, c_int, c_void};
use core::fmt::{self, Write as _};
use core::panic::PanicInfo;

use sse_wire::{DecodeError, EventDecoder, EventType, LastEventId, Limits, Outgoing, OwnedEvent};

#[link(name = "c")]
unsafe extern "C" {
    fn aligned_alloc(alignment: usize, size: usize) -> *mut c_void;
    fn free(memory: *mut c_void);
    fn write(descriptor: c_int, bytes: *const c_void, count: usize) -> isize;
    safe fn _exit(status: c_int) -> !;
}

struct Memory;

#[global_allocator]
static MEMORY: Memory = Memory;

// SAFETY: the C runtime's memory is aligned as asked for, and nobody else's until it is freed.
unsafe impl GlobalAlloc for Memory {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let layout = layout.pad_to_align();
        // SAFETY: the alignment is a power of two, and the size a multiple of it.
        unsafe { aligned_alloc(layout.align(), layout.size()).cast() }
    }

    unsafe fn dealloc(&self, memory: *mut u8, _layout: Layout) {
        // SAFETY: the caller got `memory` from `alloc`.
        unsafe { free(memory.cast()) }
    }
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

#[unsafe(no_mangle)]
extern "C" fn main(_count: c_int, _arguments: *const *const c_char) -> c_int {
    events_are_kept();
    limits_are_chosen();
    what_is_written_is_read_back();
    0
}

fn events_are_kept() {
    let mut decoder = EventDecoder::new();
    let mut kept: Vec<OwnedEvent> = Vec::new();
    for mut chunk in b"id: 1\nevent: tick\ndata: one\ndata: two\n\ndata: three\n\n".chunks(7) {
        while let Some(event) = decoder.decode(&mut chunk).expect("no limit is exceeded") {
            kept.push(event.into_owned());
        }
    }
    assert_eq!(kept.len(), 2);
    assert_eq!(
        (kept[0].event_type(), kept[0].data(), kept[0].id()),
        ("tick", "one\ntwo", Some("1"))
    );
    assert_eq!(
        (kept[1].event_type(), kept[1].last_event_id(), kept[1].id()),
        ("message", "1", None)
    );
    let data: String = kept.remove(1).into_data();
    assert_eq!(data, "three");
}

fn limits_are_chosen() {
    let mut decoder = EventDecoder::with_limits(Limits::new().with_event(4));
    let mut input: &[u8] = b"data: 12345\n\ndata: 1234\n\n";
    let error = decoder
        .decode(&mut input)
        .expect_err("five bytes are more than four");
    assert_eq!(error.to_string(), "event exceeds the limit of 4 bytes");
    assert!(matches!(error, DecodeError::EventTooLarge { limit: 4 }));
    let event = decoder.decode(&mut input).expect("four bytes are allowed");
    assert_eq!(event.map(|event| event.data()), Some("1234"));
}

fn what_is_written_is_read_back() {
    let mut out = Vec::new();
    Outgoing::message("one")
        .id(LastEventId::from_static("1"))
        .encode(&mut out);
    Outgoing::event(EventType::from_static("sum"), "")
        .encode_with(&mut out, |data| write!(data, "1 + 1\r\n= {}", 1 + 1))
        .expect("nothing fails");
    let before = out.len();
    let failed = Outgoing::message("lost").encode_with(&mut out, |_| Err(fmt::Error));
    assert_eq!((failed, out.len()), (Err(fmt::Error), before));
    assert_eq!(
        out,
        b"id: 1\ndata: one\n\nevent: sum\ndata: 1 + 1\ndata: = 2\n\n"
    );

    let mut decoder = EventDecoder::new();
    let mut input = &out[..];
    let mut again = Vec::new();
    while let Some(event) = decoder.decode(&mut input).expect("no limit is exceeded") {
        Outgoing::from(&event.into_owned()).encode(&mut again);
    }
    assert_eq!(again, out);
}
