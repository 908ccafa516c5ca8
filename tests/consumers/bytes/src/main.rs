//! Reads events from a stream of chunks, borrowed and owned, and sends a frame to many, in a program that has an allocator of its own,
//! and no std.
//!
//! It runs on a host to show that it works; the C runtime only starts it, gives it memory, takes its exit status and
//! prints its panics.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::vec::Vec;
use core::alloc::{GlobalAlloc, Layout};
use core::convert::Infallible;
use core::ffi::{c_char, c_int, c_void};
use core::fmt::{self, Write as _};
use core::future::Future;
use core::panic::PanicInfo;
use core::pin::{Pin, pin};
use core::task::{Context, Poll, Waker};

use bytes::Bytes;
use futures_core::Stream;
use sse_wire::stream::EventStreamExt as _;
use sse_wire::{
    CutLine, EventDecoder, EventType, Frame, InvalidFrame, Item, Outgoing, OwnedEvent, OwnedItem,
    ReadError,
};

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
    an_event_shares_its_chunk();
    a_frame_is_sent_to_many();
    a_stream_gives_owned_events();
    a_stream_gives_borrowed_events();
    0
}

fn an_event_shares_its_chunk() {
    let chunk = Bytes::from_static(b"event: tick\ndata: one\n\ndata: two\n\n");
    let mut decoder = EventDecoder::new();
    let mut input = &chunk[..];
    let event = decoder.decode_raw(&mut input).expect("it is small");
    let shared = chunk.slice_ref(event.expect("it is whole").data());
    assert_eq!(
        (&shared[..], shared.as_ptr()),
        (&b"one"[..], chunk[18..].as_ptr())
    );

    let event = decoder.decode_owned(&mut input).expect("it is small");
    let event: OwnedEvent = event.expect("it is whole");
    assert_eq!((event.event_type(), event.data()), ("message", "two"));
    assert_eq!(event.into_data_bytes(), "two");
}

fn a_frame_is_sent_to_many() {
    let frame = Frame::from(Outgoing::event(EventType::from_static("tick"), "one"));
    let again = frame.clone();
    assert_eq!(frame.as_bytes(), "event: tick\ndata: one\n\n");
    assert_eq!(frame.as_bytes().as_ptr(), again.as_bytes().as_ptr());
    let unfinished = Frame::parse(Bytes::from_static(b"data: one\n\ndata: two\n"));
    assert_eq!(unfinished, Err(InvalidFrame::Unfinished { whole: 11 }));
}

/// Gives its chunks one by one, and lets its reader wait before each of them.
struct Chunks<C> {
    chunks: C,
    has_waited: bool,
}

impl<C: Iterator<Item: Unpin> + Unpin> Stream for Chunks<C> {
    type Item = Result<C::Item, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.has_waited = !self.has_waited;
        if self.has_waited {
            return Poll::Pending;
        }
        Poll::Ready(self.chunks.next().map(Ok))
    }
}

fn chunks(length: usize) -> Chunks<impl Iterator<Item = &'static [u8]> + Unpin> {
    Chunks {
        chunks: b": hello\nid: 1\ndata: one\n\ndata: two\n\nretry: 10\n\ndata: cut".chunks(length),
        has_waited: false,
    }
}

fn wait<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
}

fn collect<T, E: fmt::Debug>(stream: impl Stream<Item = Result<T, E>>) -> Vec<T> {
    let mut stream = pin!(stream);
    let mut context = Context::from_waker(Waker::noop());
    let mut all = Vec::new();
    loop {
        match stream.as_mut().poll_next(&mut context) {
            Poll::Ready(Some(item)) => all.push(item.expect("nothing fails")),
            Poll::Ready(None) => return all,
            Poll::Pending => {}
        }
    }
}

fn a_stream_gives_owned_events() {
    for length in [1, 7, 64] {
        let events: Vec<OwnedEvent> = collect(chunks(length).events());
        assert_eq!(events.len(), 2);
        assert_eq!((events[0].data(), events[0].id()), ("one", Some("1")));
        assert_eq!((events[1].data(), events[1].last_event_id()), ("two", "1"));

        let items = collect(chunks(length).items());
        let retries = items
            .iter()
            .filter(|item| matches!(item, OwnedItem::Retry(_)));
        assert_eq!(retries.count(), 1);
    }
}

fn a_stream_gives_borrowed_events() {
    for length in [1, 7, 64] {
        wait(async {
            let mut events = chunks(length).events().recover_at_end(CutLine::Keep);
            let event = events.next_event().await?.expect("the first one");
            assert_eq!((event.data(), event.id()), ("one", Some("1")));
            let event = events.next_raw_event().await?.expect("the second one");
            assert_eq!((event.data(), event.id()), (&b"two"[..], None));
            let item = events.next_item().await?;
            assert!(matches!(item, Some(Item::Retry(time)) if time.as_millis() == 10));
            let event = events.next_event().await?.expect("it is recovered");
            assert_eq!(event.data(), "cut");
            assert!(events.next_event().await?.is_none());
            assert!(events.ended_within_event());
            Ok::<_, ReadError<Infallible>>(())
        })
        .expect("nothing fails");
    }
}
