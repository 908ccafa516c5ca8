//! As much of the library as the features ask for, and nothing else, to see how large that is.
#![no_std]
#![no_main]

use core::hint::{black_box, spin_loop};
use core::panic::PanicInfo;

use cortex_m_rt::entry;
use sse_wire::{EventDecoder, EventType, LastEventId, Outgoing};

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {
        spin_loop();
    }
}

/// Reads a chunk with one of the decoder's calls.
macro_rules! read {
    ($decoder:ident, $call:ident, $chunk:expr) => {{
        let mut chunk: &[u8] = $chunk;
        loop {
            match $decoder.$call(&mut chunk) {
                Ok(Some(event)) => {
                    black_box((event.event_type(), event.data(), event.last_event_id()));
                }
                Ok(None) => break,
                Err(error) => {
                    black_box(error);
                }
            }
        }
    }};
}

#[entry]
fn main() -> ! {
    // Opaque, so that every program has to provide the memory, and what differs is the library.
    let (mut memory, mut chunk, mut frame) = ([0; 512], [0; 64], [0; 256]);
    let memory = black_box(&mut memory[..]);
    let frame = black_box(&mut frame[..]);
    let mut decoder = EventDecoder::with_buffer(memory);
    loop {
        let chunk = black_box(&mut chunk);
        if cfg!(feature = "decode_raw") {
            read!(decoder, decode_raw, chunk);
        }
        if cfg!(feature = "decode") {
            read!(decoder, decode, chunk);
        }
        if cfg!(feature = "encode")
            && let Ok(id) = LastEventId::new(black_box("7"))
        {
            let tick = EventType::from_static("tick");
            let outgoing = Outgoing::event(tick, black_box("data")).id(id);
            _ = black_box(outgoing.encode_to_slice(frame));
        }
    }
}
