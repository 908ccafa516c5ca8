//! Grows the region when an event needs more, and gives memory back when events need less.

use super::region::{Store, shift};
use super::sealed::{Memory, Scratch as _};
use crate::limits::Limits;

/// The size of the first allocation, in bytes. Several smaller ones would cost more than they save.
const MIN_LEN: usize = 256;
/// The number of bytes that are never given back. Events of ordinary size that are split across
/// chunks would allocate them again and again.
pub(super) const RETAINED: usize = 4096;
/// The total weight of consecutive events that underuse the memory after which it shrinks.
///
/// That is 16 buffered events, or 1024 that were borrowed from the input. Those count less, so that
/// a stream whose events are rarely split across chunks retains memory for the split ones.
pub(super) const UNDERUSED_LIMIT: u16 = 16 * BUFFERED_WEIGHT;
/// The weight of an event whose data was buffered. An event borrowed from the input weighs 1.
const BUFFERED_WEIGHT: u16 = 64;

impl<B: Memory> Store<B> {
    /// Whether the memory is too small to be given back, so that its use needs no record.
    pub(crate) fn is_small(&self) -> bool {
        !B::GROWS || self.end() <= RETAINED
    }

    /// Records whether the block underused the memory: less than a quarter of it.
    pub(super) fn record_use(&mut self) {
        let used = self.front() + self.back();
        if used < self.end() / 4 {
            let is_buffered = self.front() > 0;
            self.underused += if is_buffered { BUFFERED_WEIGHT } else { 1 };
            self.underused_digits = self.underused_digits.max(binary_digits(used));
        } else {
            self.underused = 0;
            self.underused_digits = 0;
        }
    }

    /// Gives back the memory that the latest underusing events did not need.
    #[cold]
    pub(crate) fn give_back(&mut self) {
        if !B::GROWS {
            return;
        }
        let (end, back) = (self.end(), self.back());
        // Beside a long last event ID some memory stays free. Otherwise the next event would
        // allocate it again and move the ID.
        // At most twice what they used: a power of two takes one byte to record.
        let peak = 1_usize.wrapping_shl(self.underused_digits.into());
        let length = (peak.max(back) * 2).max(RETAINED);
        self.underused = 0;
        self.underused_digits = 0;
        if length < end {
            shift(self.memory.bytes_mut(), end - back, back, length - back);
            self.memory.shrink(length);
        }
    }

    /// Ensures that `additional` bytes are free, if the memory grows.
    #[inline(never)]
    pub(super) fn reserve(&mut self, additional: usize) {
        let (end, back) = (self.end(), self.back());
        let needed = self.front() + back + additional;
        if B::GROWS && needed > end {
            // While the memory grows, the old and the new allocation exist at once.
            self.replaced = B::Scratch::EMPTY;
            // Doubling keeps the cost of copying linear in the number of bytes stored.
            let doubled = end.saturating_mul(2).max(MIN_LEN).min(self.max_len());
            self.memory.grow(needed.max(doubled));
            let grown = self.end();
            shift(self.memory.bytes_mut(), end - back, back, grown - back);
        }
    }

    /// The maximum length of the region under the limits.
    pub(super) const fn max_len(&self) -> usize {
        let Limits {
            event,
            last_event_id,
            ..
        } = self.limits;
        // A rejected block may buffer its `id` and the line of the next `id`, whatever the event
        // limit is.
        let ids = last_event_id.saturating_mul(2);
        let block = if event > ids { event } else { ids };
        block.saturating_add(last_event_id)
    }
}

/// How many binary digits `number` has; 2 to the power of that is larger than it.
#[expect(clippy::cast_possible_truncation, reason = "there are at most 64")]
const fn binary_digits(number: usize) -> u8 {
    (usize::BITS - number.leading_zeros()) as u8
}
