//! A decoder of bytes in lent memory, and nothing else.
#![no_std]
#![no_main]

use core::hint::black_box;
use core::panic::PanicInfo;

use cortex_m_rt::entry;
use sse_wire::EventDecoder;

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {
        core::hint::spin_loop();
    }
}

#[entry]
fn main() -> ! {
    let mut memory = [0; 512];
    let mut decoder = EventDecoder::with_buffer(&mut memory[..]);
    let mut bytes = [0; 64];
    loop {
        let mut chunk = &black_box(&mut bytes)[..];
        loop {
            match decoder.decode_raw(&mut chunk) {
                Ok(Some(event)) => {
                    black_box((event.event_type(), event.data(), event.last_event_id()));
                }
                Ok(None) => break,
                Err(error) => {
                    black_box(error);
                }
            }
        }
    }
}
