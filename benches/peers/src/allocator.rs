//! An allocator that counts, for each thread on its own, while it is told to.
//!
//! Otherwise it looks at one flag and passes the call on: less than a nanosecond for each allocation of those that are timed.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::Cell;
use std::alloc::System;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

thread_local! {
    static COUNTS: Cell<bool> = const { Cell::new(false) };
    static COUNT: Cell<Count> = const { Cell::new(Count::NOTHING) };
}

struct Counting;

/// What was asked of the allocator.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Count {
    /// How often memory was asked for, or a change of its size.
    pub(crate) allocations: usize,
    /// How many bytes were asked for in all.
    pub(crate) bytes: usize,
    /// How many bytes more are in use than before.
    pub(crate) kept: isize,
    /// The most bytes that were in use at one time beyond those before. Memory that is moved to grow counts twice meanwhile.
    pub(crate) peak: isize,
}

impl Count {
    const NOTHING: Self = Self {
        allocations: 0,
        bytes: 0,
        kept: 0,
        peak: 0,
    };

    const fn take(&mut self, size: usize) {
        self.allocations += 1;
        self.bytes += size;
        self.kept += size.cast_signed();
        if self.peak < self.kept {
            self.peak = self.kept;
        }
    }

    const fn give(&mut self, size: usize) {
        self.kept -= size.cast_signed();
    }
}

/// What `run` asks of the allocator, since the last [`restart`] if there was one, and what it gives.
pub(crate) fn count<T>(run: impl FnOnce() -> T) -> (Count, T) {
    COUNT.set(Count::NOTHING);
    COUNTS.set(true);
    let result = run();
    COUNTS.set(false);
    (COUNT.get(), result)
}

/// Begins to count anew, but for the bytes that are in use. Returns the count so far.
pub(crate) fn restart() -> Count {
    let count = COUNT.get();
    COUNT.set(Count {
        kept: count.kept,
        peak: count.kept,
        ..Count::NOTHING
    });
    count
}

fn note(change: impl FnOnce(&mut Count)) {
    if COUNTS.get() {
        let mut count = COUNT.get();
        change(&mut count);
        COUNT.set(count);
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_what_is_asked_for_and_what_is_kept() {
        let (count, kept) = count(|| {
            drop(Vec::<u8>::with_capacity(100));
            restart();
            drop(Vec::<u8>::with_capacity(30));
            Vec::<u8>::with_capacity(10)
        });
        assert_eq!((count.allocations, count.bytes), (2, 40));
        assert_eq!((count.kept, count.peak), (10, 30));
        drop(kept);
        assert_eq!(COUNT.get().kept, 10, "does not count any longer");
    }
}
