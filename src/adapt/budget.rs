//! How much an asynchronous adapter reads without an event before it yields to the executor.

use core::task::{Context, Poll};

const CHUNKS: u32 = 32;
const BYTES: usize = 256 * 1024;

/// What was read in one poll.
pub(super) struct Budget {
    chunks: u32,
    bytes: usize,
}

impl Budget {
    pub(super) const fn new() -> Self {
        Self {
            chunks: 0,
            bytes: 0,
        }
    }

    /// A chunk of so many bytes was read.
    pub(super) const fn spend(&mut self, bytes: usize) {
        self.chunks += 1;
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// Yields, and asks to be polled again, once the budget is spent.
    pub(super) fn poll(&self, context: &Context<'_>) -> Poll<()> {
        if self.chunks < CHUNKS && self.bytes < BYTES {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}
