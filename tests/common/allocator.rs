//! An allocator that counts, for each thread on its own: the test harness allocates in others.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::Cell;
use std::alloc::System;

/// The system's allocator, and a count of what is asked of it.
#[derive(Debug)]
pub struct Counting;

/// What was asked of the allocator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// How often memory was asked for, or a change of its size.
    pub allocations: usize,
    /// How many bytes more are in use than before.
    pub kept: isize,
    /// The most bytes that were in use at one time beyond those before. Memory that is moved to grow counts twice meanwhile.
    pub peak: isize,
}

impl Count {
    /// Nothing was asked for.
    pub const NOTHING: Self = Self {
        allocations: 0,
        kept: 0,
        peak: 0,
    };

    const fn take(&mut self, size: usize) {
        self.allocations += 1;
        self.kept += size as isize;
        if self.peak < self.kept {
            self.peak = self.kept;
        }
    }

    const fn give(&mut self, size: usize) {
        self.kept -= size as isize;
    }
}

thread_local! {
    static COUNT: Cell<Count> = const { Cell::new(Count::NOTHING) };
}

/// What `run` asks of the allocator, and what it gives.
pub fn count<T>(run: impl FnOnce() -> T) -> (Count, T) {
    COUNT.set(Count::NOTHING);
    let result = run();
    (COUNT.get(), result)
}

/// What was asked for since the last [`count`] began.
#[allow(dead_code, reason = "not every program looks before the end")]
pub fn so_far() -> Count {
    COUNT.get()
}

/// How many bytes more are in use now than when the last [`count`] began.
#[allow(dead_code, reason = "not every program looks before the end")]
pub fn kept() -> isize {
    so_far().kept
}

fn note(change: impl FnOnce(&mut Count)) {
    let mut count = COUNT.get();
    change(&mut count);
    COUNT.set(count);
}

// SAFETY: every call is passed on to the system's allocator as it is, and counting it does not allocate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(|count| count.take(layout.size()));
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note(|count| count.take(layout.size()));
        // SAFETY: the caller keeps the contract of `alloc_zeroed`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note(|count| {
            count.take(size);
            count.give(layout.size());
        });
        // SAFETY: the caller keeps the contract of `realloc`.
        unsafe { System.realloc(memory, layout, size) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        note(|count| count.give(layout.size()));
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(memory, layout) }
    }
}
