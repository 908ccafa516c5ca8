//! An allocator that knows how much is in use.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The system's allocator, and a count. Only for a process that allocates in one thread while it measures.
#[derive(Debug, Default)]
pub struct Counting {
    in_use: AtomicUsize,
    peak: AtomicUsize,
}

impl Counting {
    pub const fn new() -> Self {
        Self {
            in_use: AtomicUsize::new(0),
            peak: AtomicUsize::new(0),
        }
    }

    /// How many bytes `run` had in use at most, beyond those that were in use before.
    pub fn peak_of(&self, run: impl FnOnce()) -> usize {
        let before = self.in_use.load(Ordering::Relaxed);
        self.peak.store(before, Ordering::Relaxed);
        run();
        self.peak.load(Ordering::Relaxed) - before
    }

    fn add(&self, size: usize) {
        let in_use = self.in_use.fetch_add(size, Ordering::Relaxed) + size;
        self.peak.fetch_max(in_use, Ordering::Relaxed);
    }
}

// SAFETY: every call is the system's; counting neither allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.add(layout.size());
        // SAFETY: the caller's promises are those that `System` asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        self.in_use.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.dealloc(memory, layout) }
    }
}
