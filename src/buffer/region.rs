//! The region of memory where the decoder buffers what it cannot borrow from the input.
//!
//! ```text
//! | data | line ->            free            <- inner | outer | last event ID |
//! ```
//!
//! The region is filled from both ends. At the front is the data of the event, followed by the
//! value of a line that is split across chunks. At the back is the last event ID, preceded by the
//! event type and the `id` of the block. The newer of these two is the inner one.
//!
//! So replacing a value moves only the bytes that came after it, and any sequence of lines takes
//! linear time. In a fixed order, every `id` line would move a long event type.
//!
//! A caller-provided buffer never grows. Its limits follow from its size, so everything fits.

use core::{cell::Cell, ops::Range};

use super::growth::{RETAINED, UNDERUSED_LIMIT};
use super::sealed::{Memory, Scratch as _};
use crate::SMALL;
use crate::limits::Limits;

// Copies of a fixed size cost less than copies of a variable one. The surplus bytes land in free
// memory.

/// The number of bytes that are copied for a short line of data.
const LINE_COPY: usize = 128;
/// The number of bytes that are copied for a short fragment of a line.
const FRAGMENT_COPY: usize = 64;
/// The number of bytes that are copied for a short last event ID.
const ID_COPY: usize = 32;

/// The region of memory, and the lengths of its parts.
#[derive(Clone)]
pub(crate) struct Store<B: Memory> {
    pub(super) memory: B,
    /// The text of a borrowed event in which invalid UTF-8 was replaced.
    pub(super) replaced: B::Scratch,
    pub(super) limits: Limits,
    pub(super) data: usize,
    line: usize,
    pub(super) event_type: usize,
    id: usize,
    last_event_id: usize,
    inner: Slot,
    /// Whether the `id` of the block is the last event ID. The end of the block moves it there.
    pub(super) committed: bool,
    /// Whether the last event ID was set after events last shared a copy of it.
    #[cfg(feature = "alloc")]
    id_is_new: bool,
    /// The total weight of consecutive events that used less than a quarter of the memory.
    pub(super) underused: u16,
    /// The binary digits of the most bytes that one of these events used.
    pub(super) underused_digits: u8,
}

/// A part at the back of the region that a line of the block may replace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slot {
    EventType,
    Id,
}

impl<B: Memory> Store<B> {
    pub(crate) fn new(memory: B) -> Self {
        let limits = memory.limits();
        Self::with_limits(memory, limits)
    }

    pub(crate) const fn with_limits(memory: B, limits: Limits) -> Self {
        Self {
            memory,
            replaced: B::Scratch::EMPTY,
            limits,
            data: 0,
            line: 0,
            event_type: 0,
            id: 0,
            last_event_id: 0,
            inner: Slot::EventType,
            committed: false,
            #[cfg(feature = "alloc")]
            id_is_new: false,
            underused: 0,
            underused_digits: 0,
        }
    }

    /// Whether an event of so many bytes is within the limit.
    #[inline(always)]
    pub(crate) const fn fits(&self, event: usize) -> bool {
        event <= self.limits.event
    }

    pub(crate) const fn limits(&self) -> Limits {
        self.limits
    }

    pub(crate) fn data(&self) -> &[u8] {
        self.part(0, self.data)
    }

    /// The value of the unfinished line, as far as it was read.
    pub(crate) fn line(&self) -> &[u8] {
        self.part(self.data, self.line)
    }

    pub(crate) const fn line_len(&self) -> usize {
        self.line
    }

    pub(crate) fn event_type(&self) -> &[u8] {
        self.part(self.start_of(Slot::EventType), self.event_type)
    }

    pub(crate) const fn event_type_len(&self) -> usize {
        self.event_type
    }

    pub(crate) const fn id_len(&self) -> usize {
        self.id
    }

    /// The last event ID, which is the `id` of the block once that is committed.
    #[inline(always)]
    pub(crate) fn last_event_id(&self) -> &[u8] {
        if self.committed {
            return self.committed_id();
        }
        let start = self.end() - self.last_event_id;
        self.memory.bytes().get(start..).unwrap_or_default()
    }

    #[inline(never)]
    fn committed_id(&self) -> &[u8] {
        self.part(self.start_of(Slot::Id), self.id)
    }

    /// Appends `value` to the unfinished line.
    #[cfg_attr(any(feature = "alloc", feature = "simd"), inline(always))]
    #[cfg_attr(not(any(feature = "alloc", feature = "simd")), inline(never))]
    pub(crate) fn push_line(&mut self, value: &[u8]) {
        if self.front() + self.back() + value.len() > self.end() {
            self.reserve(value.len());
        }
        let front = self.front();
        if let Some(room) = self.memory.bytes_mut().get_mut(front..front + value.len()) {
            room.copy_from_slice(value);
            self.line += value.len();
        }
    }

    /// Appends the first `length` bytes of `input` to the unfinished line.
    #[inline(always)]
    pub(crate) fn push_line_start(&mut self, input: &[u8], length: usize) {
        let start = self.front();
        let stop = self.end() - self.back();
        let room = self.memory.bytes_mut().get_mut(start..stop);
        match (
            input.first_chunk::<FRAGMENT_COPY>(),
            room.and_then(|room| room.first_chunk_mut::<FRAGMENT_COPY>()),
        ) {
            (Some(block), Some(room)) if length <= FRAGMENT_COPY => {
                *room = *block;
                self.line += length;
            }
            _ => self.push_line(input.get(..length).unwrap_or_default()),
        }
    }

    /// Drops the unfinished line.
    pub(crate) const fn clear_line(&mut self) {
        self.line = 0;
    }

    /// Appends the unfinished line, now complete, to the data.
    pub(crate) const fn line_to_data(&mut self) {
        self.data += self.line;
        self.line = 0;
    }

    /// Buffers the first data line, which lies whole in the input.
    pub(crate) fn begin_data(&mut self, line: &[u8]) {
        self.push_line(line);
        self.line_to_data();
    }

    /// Appends an LF and a line of `input` to the data. There must be no unfinished line.
    #[inline(always)]
    pub(crate) fn join_data(&mut self, input: &[u8], line: Range<usize>) {
        let length = line.len();
        let start = self.data;
        let stop = start + 1 + length;
        if stop + self.back() > self.end() {
            self.reserve(1 + length);
        }
        let back = self.back();
        let bytes = self.memory.bytes_mut();
        let free = bytes.len() - back;
        let Some([end, room @ ..]) = bytes.get_mut(start..free) else {
            return;
        };
        *end = b'\n';
        let from_line = input.get(line.start..).unwrap_or_default();
        match (
            from_line.first_chunk::<LINE_COPY>(),
            room.first_chunk_mut::<LINE_COPY>(),
        ) {
            (Some(line), Some(room)) if length <= LINE_COPY => *room = *line,
            _ => {
                if let (Some(line), Some(room)) = (from_line.get(..length), room.get_mut(..length))
                {
                    room.copy_from_slice(line);
                }
            }
        }
        self.data = stop;
    }

    /// Makes the unfinished line, now complete, the event type.
    pub(crate) fn line_to_event_type(&mut self) {
        let length = self.line;
        self.drop_slot(Slot::EventType);
        // The line may overlap its destination, so it stays part of the front until it is moved.
        let from = self.data;
        let to = self.end() - self.back() - length;
        shift(self.memory.bytes_mut(), from, length, to);
        self.line = 0;
        self.set_inner(Slot::EventType, length);
    }

    /// Buffers an event type that lies whole in the input.
    pub(crate) fn set_event_type(&mut self, value: &[u8]) {
        self.drop_slot(Slot::EventType);
        self.reserve(value.len());
        let start = self.end() - self.back() - value.len();
        if let Some(room) = self.memory.bytes_mut().get_mut(start..start + value.len()) {
            room.copy_from_slice(value);
        }
        self.set_inner(Slot::EventType, value.len());
    }

    /// Buffers an `id` as text: `value`, which lies in the input, or else the unfinished line.
    ///
    /// `text_len` is its [`replaced_len`](super::replaced_len).
    pub(crate) fn set_id(&mut self, value: Option<&[u8]>, text_len: Option<usize>) {
        self.drop_slot(Slot::Id);
        let length = match value {
            Some(value) => {
                self.reserve(value.len());
                let stop = self.end() - self.back();
                if let Some(room) = self.memory.bytes_mut().get_mut(stop - value.len()..stop) {
                    room.copy_from_slice(value);
                }
                value.len()
            }
            None => {
                let length = self.line;
                let (from, stop) = (self.data, self.end() - self.back());
                shift(self.memory.bytes_mut(), from, length, stop - length);
                self.line = 0;
                length
            }
        };
        self.set_inner(Slot::Id, length);
        if let Some(text_len) = text_len {
            self.replace_invalid_in(Slot::Id, text_len);
        }
    }

    pub(crate) fn clear_event_type(&mut self) {
        self.drop_slot(Slot::EventType);
    }

    pub(crate) fn clear_id(&mut self) {
        self.drop_slot(Slot::Id);
    }

    /// Replaces the last event ID by a part of `input`. There must be no event type and no `id`.
    #[inline(always)]
    pub(crate) fn replace_last_event_id(&mut self, input: &[u8], id: Range<usize>) {
        let length = id.len();
        if self.front() + length > self.end() {
            self.reserve(length.saturating_sub(self.last_event_id));
        }
        let front = self.front();
        let Some(free) = self.memory.bytes_mut().get_mut(front..) else {
            return;
        };
        let up_to_id = input.get(..id.end).unwrap_or_default();
        match (
            up_to_id.last_chunk::<ID_COPY>(),
            free.last_chunk_mut::<ID_COPY>(),
        ) {
            (Some(id), Some(room)) if length <= ID_COPY => *room = *id,
            _ => {
                let start = free.len() - length;
                if let (Some(id), Some(room)) = (input.get(id), free.get_mut(start..)) {
                    room.copy_from_slice(id);
                }
            }
        }
        self.last_event_id = length;
        self.record_new_id();
    }

    /// Replaces the last event ID.
    pub(crate) fn set_last_event_id(&mut self, id: &[u8]) {
        let inner = self.event_type + self.id;
        self.reserve(id.len().saturating_sub(self.last_event_id));
        let (end, from) = (self.end(), self.end() - self.back());
        let bytes = self.memory.bytes_mut();
        shift(bytes, from, inner, end - id.len() - inner);
        if let Some(room) = bytes.get_mut(end - id.len()..end) {
            room.copy_from_slice(id);
        }
        self.last_event_id = id.len();
        self.record_new_id();
    }

    /// Records that events can no longer share the copy of the last event ID.
    const fn record_new_id(&mut self) {
        #[cfg(feature = "alloc")]
        {
            self.id_is_new = true;
        }
    }

    /// Records that events share a copy of the current last event ID.
    #[cfg(feature = "alloc")]
    pub(crate) const fn id_was_shared(&mut self) {
        self.id_is_new = false;
    }

    /// Whether the last event ID was set after events last shared a copy of it.
    #[cfg(feature = "alloc")]
    #[inline(always)]
    pub(crate) const fn id_is_new(&self) -> bool {
        self.id_is_new
    }

    /// Drops data and type of a rejected event. Its `id` and the unfinished line stay.
    #[cold]
    pub(crate) fn reject(&mut self) {
        self.drop_slot(Slot::EventType);
        let (from, length) = (self.data, self.line);
        shift(self.memory.bytes_mut(), from, length, 0);
        self.data = 0;
        self.underused = 0;
        self.underused_digits = 0;
    }

    /// Makes the `id` of the block the last event ID: the first step of dispatching (9.2.6).
    pub(crate) const fn commit_id(&mut self) {
        self.committed = true;
        self.record_new_id();
    }

    /// Copies data and event type that lie in the input.
    pub(crate) fn buffer(&mut self, data: Option<&[u8]>, event_type: Option<&[u8]>) {
        if let Some(data) = data {
            self.push_line(data);
            self.line_to_data();
        }
        if let Some(event_type) = event_type {
            self.set_event_type(event_type);
        }
    }

    /// Drops the block, except for a committed `id`, and gives back memory that events underuse.
    pub(crate) fn end_block(&mut self) {
        if B::GROWS && self.end() > RETAINED {
            self.record_use();
        }
        let replaced = self.replaced.capacity();
        if replaced > RETAINED || self.end() + replaced > self.max_len() {
            self.replaced = B::Scratch::EMPTY;
        }
        self.data = 0;
        self.line = 0;
        if self.committed {
            self.committed = false;
            let (from, length, end) = (self.start_of(Slot::Id), self.id, self.end());
            shift(self.memory.bytes_mut(), from, length, end - length);
            self.last_event_id = length;
        }
        self.event_type = 0;
        self.id = 0;
        if B::GROWS && self.underused >= UNDERUSED_LIMIT {
            self.give_back();
        }
    }

    /// Drops a slot. The other one moves outwards if it is the inner one.
    fn drop_slot(&mut self, slot: Slot) {
        if slot != self.inner && self.slot_len(self.inner) > 0 {
            let (inner, by) = (self.slot_len(self.inner), self.slot_len(slot));
            let from = self.start_of(self.inner);
            shift(self.memory.bytes_mut(), from, inner, from + by);
        }
        self.set_len(slot, 0);
    }

    /// Makes `slot` the inner one.
    pub(super) fn make_inner(&mut self, slot: Slot) {
        if slot != self.inner {
            let (from, by, stop) = (
                self.start_of(self.inner),
                self.slot_len(self.inner),
                self.end() - self.last_event_id,
            );
            if let Some(both) = self.memory.bytes_mut().get_mut(from..stop) {
                // Reversing each part, and then both together, swaps them without extra memory.
                if let Some((inner, outer)) = both.split_at_mut_checked(by) {
                    inner.reverse();
                    outer.reverse();
                    both.reverse();
                }
            }
            self.inner = slot;
        }
    }

    /// Records that the value just written before the other parts at the back is `slot`.
    const fn set_inner(&mut self, slot: Slot, length: usize) {
        self.set_len(slot, length);
        self.inner = slot;
    }

    pub(super) const fn slot_len(&self, slot: Slot) -> usize {
        match slot {
            Slot::EventType => self.event_type,
            Slot::Id => self.id,
        }
    }

    pub(super) const fn set_len(&mut self, slot: Slot, length: usize) {
        match slot {
            Slot::EventType => self.event_type = length,
            Slot::Id => self.id = length,
        }
    }

    /// The offset of `slot` in the region.
    pub(super) fn start_of(&self, slot: Slot) -> usize {
        let outer = self.end() - self.last_event_id;
        if slot == self.inner {
            outer - self.event_type - self.id
        } else {
            outer - self.slot_len(slot)
        }
    }

    /// The number of bytes that are used at the front.
    pub(super) const fn front(&self) -> usize {
        self.data + self.line
    }

    /// The number of bytes that are used at the back.
    pub(super) const fn back(&self) -> usize {
        self.event_type + self.id + self.last_event_id
    }

    /// The length of the region.
    pub(super) fn end(&self) -> usize {
        self.memory.bytes().len()
    }

    fn part(&self, start: usize, length: usize) -> &[u8] {
        self.memory
            .bytes()
            .get(start..start + length)
            .unwrap_or_default()
    }
}

/// Moves `length` bytes within `bytes`.
pub(super) fn shift(bytes: &mut [u8], from: usize, length: usize, to: usize) {
    let stop = from + length;
    // The same conditions as in `copy_within`, so that the compiler can prove that it never panics.
    let fits = from <= stop && stop <= bytes.len() && to <= bytes.len() - (stop - from);
    debug_assert!(fits, "the parts of the region are within it");
    if !fits || from == to {
        return;
    }
    if SMALL {
        // `memmove` alone would take half as much code as the whole decoder.
        let cells = Cell::from_mut(bytes).as_slice_of_cells();
        let source = cells.get(from..stop).unwrap_or_default().iter();
        let target = cells.get(to..to + length).unwrap_or_default().iter();
        let copy = |(target, source): (&Cell<u8>, &Cell<u8>)| target.set(source.get());
        if to < from {
            target.zip(source).for_each(copy);
        } else {
            target.rev().zip(source.rev()).for_each(copy);
        }
    } else {
        bytes.copy_within(from..stop, to);
    }
}
