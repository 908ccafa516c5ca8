//! Where the decoder buffers what cannot be borrowed from the input: one region of bytes, filled from both ends.
//!
//! ```text
//! | data | line ->            free            <- inner | outer | last event ID |
//! ```
//!
//! In front stand the data of the event and, behind it, the value of a line that was cut. At the back stands the last event
//! ID, and before it the event type and the `id` of the block, in the order in which they came: the newer one is the inner one.
//! A newer value replaces an older one of its kind at a cost of the bytes that came since, so that any sequence of lines
//! takes linear time; with a fixed order, a long event type would be moved for every `id` line after it.
//!
//! A caller-provided buffer never grows: the limits that follow from its size ensure that everything fits.

#[cfg(feature = "alloc")]
use alloc::{string::String, vec::Vec};
use core::{cell::Cell, ops::Range, str};

use crate::SMALL;
use crate::error::DecodeError;
use crate::limits::Limits;
use crate::text::{text, text_at};
use sealed::Spare as _;

/// Memory for an [`EventDecoder`](crate::EventDecoder): `Vec<u8>`, `[u8; N]`, `&mut [u8]` or `&mut [u8; N]`.
///
/// A `Vec<u8>` grows as events need it, up to the limits, and shrinks when they do not. A caller-provided buffer, an array or
/// a slice, stays as it is; its size sets the limits: a quarter for the last event ID, the rest for an event.
pub trait Buffer: sealed::Memory {}

#[cfg(feature = "alloc")]
impl Buffer for Vec<u8> {}
impl<const N: usize> Buffer for [u8; N] {}
impl Buffer for &mut [u8] {}
impl<const N: usize> Buffer for &mut [u8; N] {}

pub(crate) mod sealed {
    use crate::limits::Limits;

    /// What the decoder needs of its memory; not to be named, so not to be implemented, outside the crate.
    #[allow(unnameable_types, reason = "this is what seals `Buffer`")]
    pub trait Memory {
        /// Whether `grow` and `shrink` do anything.
        const GROWS: bool;
        /// Where text is put together that cannot be borrowed from the memory.
        type Spare: Spare;
        fn bytes(&self) -> &[u8];
        fn bytes_mut(&mut self) -> &mut [u8];
        /// The limits that go with this memory unless others are given.
        fn limits(&self) -> Limits;
        /// Makes room for `length` bytes.
        fn grow(&mut self, _length: usize) {}
        /// Gives back all but the first `length` bytes.
        fn shrink(&mut self, _length: usize) {}
    }

    /// Text beside the memory, which can be written while the memory is borrowed; where that does not grow, there is none.
    #[allow(unnameable_types, reason = "as above")]
    pub trait Spare: Clone {
        const EMPTY: Self;
        /// Becomes what `parts` are with U+FFFD for what is not UTF-8, `length` bytes altogether.
        fn fill(&mut self, _parts: [&[u8]; 2], _length: usize) {}
        fn as_str(&self) -> &str {
            ""
        }
        fn capacity(&self) -> usize {
            0
        }
    }

    impl Spare for () {
        const EMPTY: Self = ();
    }
}

#[cfg(feature = "alloc")]
impl sealed::Memory for Vec<u8> {
    const GROWS: bool = true;
    type Spare = String;

    fn bytes(&self) -> &[u8] {
        self
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        self
    }

    fn limits(&self) -> Limits {
        Limits::new()
    }

    fn grow(&mut self, length: usize) {
        if length > self.len() {
            self.reserve_exact(length - self.len());
            self.resize(length, 0);
        }
    }

    fn shrink(&mut self, length: usize) {
        self.truncate(length);
        self.shrink_to_fit();
    }
}

#[cfg(feature = "alloc")]
impl sealed::Spare for String {
    const EMPTY: Self = Self::new();

    fn fill(&mut self, parts: [&[u8]; 2], length: usize) {
        self.clear();
        if length > self.capacity() {
            // Let go of first, so that there are never both.
            *self = Self::new();
            self.reserve_exact(length);
        }
        for chunk in parts.into_iter().flat_map(<[u8]>::utf8_chunks) {
            self.push_str(chunk.valid());
            if !chunk.invalid().is_empty() {
                self.push(char::REPLACEMENT_CHARACTER);
            }
        }
    }

    fn as_str(&self) -> &str {
        self
    }

    fn capacity(&self) -> usize {
        self.capacity()
    }
}

impl<const N: usize> sealed::Memory for [u8; N] {
    const GROWS: bool = false;
    type Spare = ();

    fn bytes(&self) -> &[u8] {
        self
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        self
    }

    fn limits(&self) -> Limits {
        Limits::for_memory(N)
    }
}

impl sealed::Memory for &mut [u8] {
    const GROWS: bool = false;
    type Spare = ();

    fn bytes(&self) -> &[u8] {
        self
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        self
    }

    fn limits(&self) -> Limits {
        Limits::for_memory(self.len())
    }
}

impl<const N: usize> sealed::Memory for &mut [u8; N] {
    const GROWS: bool = false;
    type Spare = ();

    fn bytes(&self) -> &[u8] {
        &self[..]
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self[..]
    }

    fn limits(&self) -> Limits {
        Limits::for_memory(N)
    }
}

/// No growth below this: a few small allocations in a row would cost more than they spare.
const SMALLEST: usize = 256;
/// As much is never given back: ordinary events that a cut divides now and then would ask for it again and again.
const KEPT: usize = 4096;
/// After so many events in a row that used less than a quarter of the memory, the rest is given back: sixteen if they were
/// held, many more if they lay whole in the input, so that a cut among them now and then finds its room.
const PATIENCE: u16 = 16 * HELD;
/// How many events whose data lay in the input tell as much as one that was held.
const HELD: u16 = 64;

/// How many bytes of a line of data, of a fragment of one, or of an id, are copied at once: that costs less than to copy as many as
/// there are, and what is too much goes to where nothing is.
const COPIED: usize = 128;
const FRAGMENT_COPIED: usize = 64;
const ID_COPIED: usize = 32;

/// The region, and where its parts end.
#[derive(Clone)]
pub(crate) struct Store<B: sealed::Memory> {
    memory: B,
    /// The text of a borrowed event of which some had to be replaced.
    replaced: B::Spare,
    limits: Limits,
    data: usize,
    line: usize,
    event_type: usize,
    id: usize,
    last_event_id: usize,
    /// Which of event type and id is the inner one.
    inner: Slot,
    /// Whether the id of the block has become the last event ID, and awaits being moved there.
    committed: bool,
    /// Whether the last event ID was set since events last shared a copy of it.
    #[cfg(feature = "alloc")]
    id_is_new: bool,
    /// How much the events in a row that used less than a quarter of the memory tell, and the most that one of them used.
    modest: u16,
    modest_peak: usize,
}

/// A part at the back of the region that a block may replace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slot {
    EventType,
    Id,
}

impl<B: sealed::Memory> Store<B> {
    pub(crate) fn new(memory: B) -> Self {
        let limits = memory.limits();
        Self::with_limits(memory, limits)
    }

    pub(crate) const fn with_limits(memory: B, limits: Limits) -> Self {
        Self {
            memory,
            replaced: B::Spare::EMPTY,
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
            modest: 0,
            modest_peak: 0,
        }
    }

    pub(crate) const fn limits(&self) -> Limits {
        self.limits
    }

    pub(crate) fn data(&self) -> &[u8] {
        self.part(0, self.data)
    }

    pub(crate) const fn data_len(&self) -> usize {
        self.data
    }

    /// The value of the unfinished line, so far.
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

    /// Whether there is some of the data or of the event type.
    pub(crate) const fn holds_event(&self) -> bool {
        self.data + self.event_type > 0
    }

    /// Whether there is so little memory that nobody has to watch how much of it is used.
    pub(crate) fn is_small(&self) -> bool {
        !B::GROWS || self.end() <= KEPT
    }

    /// What the block takes, with the unfinished line, and without the last event ID.
    pub(crate) const fn used(&self) -> usize {
        self.data + self.line + self.event_type + self.id
    }

    pub(crate) const fn id_len(&self) -> usize {
        self.id
    }

    /// The last event ID, the one that was just dispatched included.
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

    /// Adds to the unfinished line.
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

    /// Adds the first `length` bytes of `input` to the unfinished line.
    #[inline(always)]
    pub(crate) fn push_line_start(&mut self, input: &[u8], length: usize) {
        let start = self.front();
        let stop = self.end() - self.back();
        let room = self.memory.bytes_mut().get_mut(start..stop);
        match (
            input.first_chunk::<FRAGMENT_COPIED>(),
            room.and_then(|room| room.first_chunk_mut::<FRAGMENT_COPIED>()),
        ) {
            (Some(block), Some(room)) if length <= FRAGMENT_COPIED => {
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

    /// The unfinished line is complete and belongs to the data.
    pub(crate) const fn line_to_data(&mut self) {
        self.data += self.line;
        self.line = 0;
    }

    /// Keeps data that is whole in the input.
    pub(crate) fn begin_data(&mut self, line: &[u8]) {
        self.push_line(line);
        self.line_to_data();
    }

    /// Drops what was added to the data since it had so many bytes.
    #[inline(always)]
    pub(crate) const fn truncate_data(&mut self, length: usize) {
        self.data = length;
    }

    /// Adds a line that is in `input` to the data, while there is no unfinished one.
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
        let line_on = input.get(line.start..).unwrap_or_default();
        match (
            line_on.first_chunk::<COPIED>(),
            room.first_chunk_mut::<COPIED>(),
        ) {
            (Some(line), Some(room)) if length <= COPIED => *room = *line,
            _ => {
                if let (Some(line), Some(room)) = (line_on.get(..length), room.get_mut(..length)) {
                    room.copy_from_slice(line);
                }
            }
        }
        self.data = stop;
    }

    /// The unfinished line is complete and is the event type.
    pub(crate) fn line_to_event_type(&mut self) {
        let length = self.line;
        self.drop_slot(Slot::EventType);
        // The line may overlap the place it goes to, so it counts as used until it is moved.
        let from = self.data;
        let to = self.end() - self.back() - length;
        shift(self.memory.bytes_mut(), from, length, to);
        self.line = 0;
        self.set_inner(Slot::EventType, length);
    }

    /// Keeps an event type that is whole in the input.
    pub(crate) fn set_event_type(&mut self, value: &[u8]) {
        self.drop_slot(Slot::EventType);
        self.reserve(value.len());
        let start = self.end() - self.back() - value.len();
        if let Some(room) = self.memory.bytes_mut().get_mut(start..start + value.len()) {
            room.copy_from_slice(value);
        }
        self.set_inner(Slot::EventType, value.len());
    }

    /// Keeps an `id` as text: a value that is whole in the input, or the unfinished line. `replaced` is the
    /// [`replaced_len`] of it.
    pub(crate) fn set_id(&mut self, value: Option<&[u8]>, replaced: Option<usize>) {
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
        if let Some(text_len) = replaced {
            self.replace_invalid_in(Slot::Id, text_len);
        }
    }

    pub(crate) fn clear_event_type(&mut self) {
        self.drop_slot(Slot::EventType);
    }

    pub(crate) fn clear_id(&mut self) {
        self.drop_slot(Slot::Id);
    }

    /// Replaces the last event ID by what is in `input`, while there is no event type and no id beside it.
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
            up_to_id.last_chunk::<ID_COPIED>(),
            free.last_chunk_mut::<ID_COPIED>(),
        ) {
            (Some(id), Some(room)) if length <= ID_COPIED => *room = *id,
            _ => {
                let start = free.len() - length;
                if let (Some(id), Some(room)) = (input.get(id), free.get_mut(start..)) {
                    room.copy_from_slice(id);
                }
            }
        }
        self.last_event_id = length;
        self.note_new_id();
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
        self.note_new_id();
    }

    /// Whoever shares the last event ID makes a copy of it once, not for each event.
    const fn note_new_id(&mut self) {
        #[cfg(feature = "alloc")]
        {
            self.id_is_new = true;
        }
    }

    /// Events share a copy of the last event ID from here on.
    #[cfg(feature = "alloc")]
    pub(crate) const fn id_was_shared(&mut self) {
        self.id_is_new = false;
    }

    /// Whether the last event ID was set since events last shared a copy of it.
    #[cfg(feature = "alloc")]
    #[inline(always)]
    pub(crate) const fn id_is_new(&self) -> bool {
        self.id_is_new
    }

    /// The event is rejected: forgets its data and type, but neither its id nor the unfinished line.
    #[cold]
    pub(crate) fn reject(&mut self) {
        self.drop_slot(Slot::EventType);
        let (from, length) = (self.data, self.line);
        shift(self.memory.bytes_mut(), from, length, 0);
        self.data = 0;
        self.modest = 0;
    }

    /// 9.2.6, the first step of dispatching: the id of the block becomes the last event ID.
    pub(crate) const fn commit_id(&mut self) {
        self.committed = true;
        self.note_new_id();
    }

    /// Lends data, event type and last event ID as text, with U+FFFD for what is not UTF-8; the last one as bytes. `None` stands
    /// for what is held. The ID counts against the limit if it is the block's own.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if the event is larger than the limit with what had to be replaced.
    pub(crate) fn lend_text<'s>(
        &'s mut self,
        mut data: Option<&'s [u8]>,
        mut event_type: Option<&'s [u8]>,
        has_id: bool,
    ) -> Result<(&'s str, &'s str, &'s [u8]), DecodeError> {
        let id_len = self.last_event_id().len();
        let counted = if has_id { id_len } else { 0 };
        self.clear_beyond_data();
        if !B::GROWS {
            // There is no other place than the memory, so what is in it is validated twice.
            let parts = [
                data.unwrap_or(self.data()),
                event_type.unwrap_or(self.event_type()),
            ];
            if parts.iter().any(|part| text(part).is_none()) {
                let lengths = replaced_lengths(parts, counted, self.limits.event)?;
                self.keep(data.take(), event_type.take());
                self.replace_invalid(lengths);
            }
        }
        let (data_len, event_type_len) = (self.data, self.event_type);
        let event_type_start = self.start_of(Slot::EventType);
        let id_start = if self.committed {
            self.start_of(Slot::Id)
        } else {
            self.end() - id_len
        };
        // Of the fields, not of the store: a borrow that is returned on success cannot be given up for a change on failure.
        let bytes = self.memory.bytes();
        let held = |start, length| bytes.get(start..start + length).unwrap_or_default();
        let last_event_id = held(id_start, id_len);
        let event_type = event_type.unwrap_or_else(|| held(event_type_start, event_type_len));
        let data_text = match data {
            Some(data) => text(data),
            None => text_at(bytes, 0..data_len),
        };
        let event_type_text = text(event_type);
        // Memory that does not grow holds text by now.
        if !B::GROWS || data_text.is_some() && event_type_text.is_some() {
            let (data, event_type) = (
                data_text.unwrap_or_default(),
                event_type_text.unwrap_or_default(),
            );
            return Ok((data, event_type, last_event_id));
        }
        let parts = [data.unwrap_or_else(|| held(0, data_len)), event_type];
        let [data_len, event_type_len] = replaced_lengths(parts, counted, self.limits.event)?;
        self.replaced.fill(parts, data_len + event_type_len);
        let replaced = self.replaced.as_str().split_at_checked(data_len);
        let (data, event_type) = replaced.unwrap_or_default();
        Ok((data, event_type, last_event_id))
    }

    /// Makes the bytes behind the data text, whatever an earlier event left there, since they are validated along with it.
    #[inline(always)]
    fn clear_beyond_data(&mut self) {
        let (start, stop) = (self.data, self.end() - self.back());
        let free = self.memory.bytes_mut().get_mut(start..stop);
        if let Some(beyond) = free.and_then(|free| free.first_chunk_mut::<64>()) {
            *beyond = [0; 64];
        }
    }

    /// Copies what lies in an input.
    pub(crate) fn keep(&mut self, data: Option<&[u8]>, event_type: Option<&[u8]>) {
        if let Some(data) = data {
            self.push_line(data);
            self.line_to_data();
        }
        if let Some(event_type) = event_type {
            self.set_event_type(event_type);
        }
    }

    /// Replaces what is not UTF-8 in data and event type, which then take so many bytes.
    #[cold]
    fn replace_invalid(&mut self, [data_len, event_type_len]: [usize; 2]) {
        self.reserve(data_len - self.data);
        let (length, bytes) = (self.data, self.memory.bytes_mut());
        shift(bytes, 0, length, data_len - length);
        if let Some(data) = bytes.get_mut(..data_len) {
            replace_invalid(data, length);
        }
        self.data = data_len;
        self.make_inner(Slot::EventType);
        self.replace_invalid_in(Slot::EventType, event_type_len);
    }

    /// Forgets the block, except for an id that was committed, and gives back what a giant took.
    pub(crate) fn end_block(&mut self) {
        if B::GROWS && self.end() > KEPT {
            self.note_use();
        }
        let replaced = self.replaced.capacity();
        if replaced > KEPT || self.end() + replaced > self.most() {
            self.replaced = B::Spare::EMPTY;
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
        if B::GROWS && self.modest >= PATIENCE {
            self.give_back();
        }
    }

    fn note_use(&mut self) {
        let used = self.front() + self.back();
        if used < self.end() / 4 {
            let is_held = self.front() > 0;
            self.modest += if is_held { HELD } else { 1 };
            self.modest_peak = self.modest_peak.max(used);
        } else {
            self.modest = 0;
            self.modest_peak = 0;
        }
    }

    /// Gives back what the latest events did not need.
    #[cold]
    pub(crate) fn give_back(&mut self) {
        let (end, back) = (self.end(), self.back());
        // Room beside a long last event ID, or the next event would ask for it, at the price of moving the ID.
        let length = (self.modest_peak.max(back) * 2).max(KEPT);
        self.modest = 0;
        self.modest_peak = 0;
        if B::GROWS && length < end {
            shift(self.memory.bytes_mut(), end - back, back, length - back);
            self.memory.shrink(length);
        }
    }

    /// Makes sure that `additional` bytes are free, if the memory can grow.
    #[inline(never)]
    fn reserve(&mut self, additional: usize) {
        let (end, back) = (self.end(), self.back());
        let needed = self.front() + back + additional;
        if B::GROWS && needed > end {
            // Growing takes as much again for a moment.
            self.replaced = B::Spare::EMPTY;
            // Doubling keeps the cost of copying linear in the bytes that were stored.
            let ample = end.saturating_mul(2).max(SMALLEST).min(self.most());
            self.memory.grow(needed.max(ample));
            let grown = self.end();
            shift(self.memory.bytes_mut(), end - back, back, grown - back);
        }
    }

    /// The most bytes that are ever needed.
    const fn most(&self) -> usize {
        let Limits {
            event,
            last_event_id,
        } = self.limits;
        // A rejected block may have an id and the line of the next one, whatever the limit of an event is.
        let ids = last_event_id.saturating_mul(2);
        let block = if event > ids { event } else { ids };
        block.saturating_add(last_event_id)
    }

    /// Removes a slot; what stands further in moves out.
    fn drop_slot(&mut self, slot: Slot) {
        if slot != self.inner && self.slot_len(self.inner) > 0 {
            let (inner, by) = (self.slot_len(self.inner), self.slot_len(slot));
            let from = self.start_of(self.inner);
            shift(self.memory.bytes_mut(), from, inner, from + by);
        }
        self.set_len(slot, 0);
    }

    /// Makes the outer slot the inner one.
    fn make_inner(&mut self, slot: Slot) {
        if slot != self.inner {
            let (from, by, stop) = (
                self.start_of(self.inner),
                self.slot_len(self.inner),
                self.end() - self.last_event_id,
            );
            if let Some(both) = self.memory.bytes_mut().get_mut(from..stop) {
                // Two that are turned round each, and then together, have changed places.
                if let Some((inner, outer)) = both.split_at_mut_checked(by) {
                    inner.reverse();
                    outer.reverse();
                    both.reverse();
                }
            }
            self.inner = slot;
        }
    }

    /// What was just put before the other parts at the back is this slot.
    const fn set_inner(&mut self, slot: Slot, length: usize) {
        self.set_len(slot, length);
        self.inner = slot;
    }

    /// Replaces what is not UTF-8 in the inner slot, which then takes `text_len` bytes.
    fn replace_invalid_in(&mut self, slot: Slot, text_len: usize) {
        let length = self.slot_len(slot);
        self.reserve(text_len - length);
        let stop = self.start_of(slot) + length;
        if let Some(text) = self.memory.bytes_mut().get_mut(stop - text_len..stop) {
            replace_invalid(text, length);
        }
        self.set_len(slot, text_len);
    }

    const fn slot_len(&self, slot: Slot) -> usize {
        match slot {
            Slot::EventType => self.event_type,
            Slot::Id => self.id,
        }
    }

    const fn set_len(&mut self, slot: Slot, length: usize) {
        match slot {
            Slot::EventType => self.event_type = length,
            Slot::Id => self.id = length,
        }
    }

    fn start_of(&self, slot: Slot) -> usize {
        let outer = self.end() - self.last_event_id;
        if slot == self.inner {
            outer - self.event_type - self.id
        } else {
            outer - self.slot_len(slot)
        }
    }

    const fn front(&self) -> usize {
        self.data + self.line
    }

    const fn back(&self) -> usize {
        self.event_type + self.id + self.last_event_id
    }

    fn end(&self) -> usize {
        self.memory.bytes().len()
    }

    fn part(&self, start: usize, length: usize) -> &[u8] {
        self.memory
            .bytes()
            .get(start..start + length)
            .unwrap_or_default()
    }
}

/// How many bytes `bytes` take as text with U+FFFD for what is not UTF-8, or `None` if they are text already.
///
/// That is never less than they take now, and may be the same: one U+FFFD takes as much as the three bytes of a sequence
/// of four whose last is missing.
pub(crate) fn replaced_len(bytes: &[u8]) -> Option<usize> {
    let mut length = 0;
    let mut rest = bytes;
    loop {
        let (valid, invalid) = first_invalid(rest);
        length += valid;
        if invalid == 0 {
            break;
        }
        length += REPLACEMENT.len();
        rest = rest.get(valid + invalid..).unwrap_or_default();
    }
    (rest.len() < bytes.len()).then_some(length)
}

/// How many bytes are text, and how many behind them become one U+FFFD; none if all are text.
///
/// 9.2.5 decodes as UTF-8 does everywhere on the Web: each longest prefix of a sequence becomes one U+FFFD.
fn first_invalid(bytes: &[u8]) -> (usize, usize) {
    match str::from_utf8(bytes) {
        Ok(text) => (text.len(), 0),
        Err(error) => {
            let valid = error.valid_up_to();
            (valid, error.error_len().unwrap_or(bytes.len() - valid))
        }
    }
}

/// How many bytes data and event type take with U+FFFD for what is not UTF-8: these count, too.
#[cold]
fn replaced_lengths(parts: [&[u8]; 2], id: usize, limit: usize) -> Result<[usize; 2], DecodeError> {
    let lengths = parts.map(|bytes| replaced_len(bytes).unwrap_or(bytes.len()));
    if lengths[0] + lengths[1] + id > limit {
        return Err(DecodeError::EventTooLarge { limit });
    }
    Ok(lengths)
}

const REPLACEMENT: &[u8] = "\u{FFFD}".as_bytes();

/// Turns the last `length` bytes of `room` into text that fills all of it, with U+FFFD for what is not UTF-8.
///
/// What is written never overtakes what is read: the room that is left between them is what the rest still grows by.
fn replace_invalid(room: &mut [u8], length: usize) {
    let mut read = room.len() - length;
    let mut write = 0;
    while let Some(rest) = room.get(read..).filter(|rest| !rest.is_empty()) {
        let (valid, invalid) = first_invalid(rest);
        shift(room, read, valid, write);
        read += valid + invalid;
        write += valid;
        if invalid > 0 {
            if let Some(place) = room.get_mut(write..write + REPLACEMENT.len()) {
                place.copy_from_slice(REPLACEMENT);
            }
            write += REPLACEMENT.len();
        }
    }
}

/// Moves `length` bytes within `bytes`.
fn shift(bytes: &mut [u8], from: usize, length: usize, to: usize) {
    let stop = from + length;
    // In the words of `copy_within`, so that the compiler sees that it cannot panic.
    let fits = from <= stop && stop <= bytes.len() && to <= bytes.len() - (stop - from);
    debug_assert!(fits, "the parts of the region are within it");
    if !fits || from == to {
        return;
    }
    if SMALL {
        // `memmove` alone would take half as much code as all of the decoder.
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
