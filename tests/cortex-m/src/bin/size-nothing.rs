//! The least that a program has, to be taken off what the others have.
#![no_std]
#![no_main]

use core::hint::black_box;
use core::panic::PanicInfo;

use cortex_m_rt::entry;

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {
        core::hint::spin_loop();
    }
}

#[entry]
fn main() -> ! {
    let mut bytes = [0_u8; 64];
    loop {
        black_box(&mut bytes);
    }
}
