//! From where an event is to a borrow of it: as text, as bytes, or as an item.

use core::{ops::Range, time::Duration};

use super::{BeforeNext, EventDecoder, Found, SingleLine};
use crate::SMALL;
use crate::buffer::{Buffer, Store};
use crate::error::DecodeError;
use crate::event::{Event, Item, RawEvent};
use crate::text::text_at;

/// Where the data and the event type of a block are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Places {
    pub(crate) data: Place,
    pub(crate) event_type: Place,
    /// Whether the block of an event has an `id` of its own.
    pub(crate) has_id: bool,
    /// Whether the store holds some of the data or of the event type.
    pub(crate) is_held: bool,
}

/// In the input, or if that is empty in the store.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    start: usize,
    length: usize,
}

impl<B: Buffer> EventDecoder<B> {
    /// The data and the event type, wherever they are.
    #[inline(never)]
    fn bytes_at<'d, 'i: 'd>(
        store: &'d Store<B>,
        whole: &'i [u8],
        places: Places,
    ) -> (&'d [u8], &'d [u8]) {
        let data = places.data.of(whole);
        let event_type = places.event_type.of(whole);
        (
            data.unwrap_or(store.data()),
            event_type.unwrap_or(store.event_type()),
        )
    }

    #[inline(always)]
    pub(crate) fn lend_raw<'d, 'i: 'd>(&'d self, whole: &'i [u8], places: Places) -> RawEvent<'d> {
        let (data, event_type) = if places.is_held || SMALL {
            Self::bytes_at(&self.store, whole, places)
        } else {
            (places.data.bytes(whole), places.event_type.bytes(whole))
        };
        RawEvent::new(event_type, data, self.store.last_event_id(), places.has_id)
    }

    /// Resolves an event of one data line that was found in `whole`, as text.
    #[inline(always)]
    pub(crate) fn single_line_event<'d, 'i: 'd, E: From<DecodeError>>(
        &'d mut self,
        whole: &'i [u8],
        event: SingleLine,
    ) -> Result<Option<Event<'d>>, E> {
        // The result is made once, in its place: to wrap an event anew copies it.
        if let Some(text) = text_at(whole, event.span()) {
            let (event_type, data) = event.split(text);
            let last_event_id = self.store.last_event_id();
            return Ok(Some(Event::new(event_type, data, last_event_id, false)));
        }
        Ok(Some(self.lend_held_text(whole, event.places())?))
    }

    /// Resolves an event of one data line that was found in `whole`, as bytes.
    #[inline(always)]
    pub(crate) fn single_line_raw_event<'d, 'i: 'd>(
        &'d self,
        whole: &'i [u8],
        event: SingleLine,
    ) -> RawEvent<'d> {
        let (event_type, data) = event.bytes(whole);
        RawEvent::new(event_type, data, self.store.last_event_id(), false)
    }

    pub(crate) fn lend_item<'d, 'i: 'd>(
        &'d mut self,
        whole: &'i [u8],
        found: Found,
    ) -> Result<Item<'d>, DecodeError> {
        Ok(match found {
            Found::Event(places) => Item::Event(self.lend_text(whole, places)?),
            Found::Comment { start, stop, end } => {
                let text = whole.get(start..stop).unwrap_or_default();
                Item::Comment { text, end }
            }
            Found::Retry => Item::Retry(Duration::from_millis(self.reconnection_time)),
        })
    }

    #[inline(always)]
    pub(crate) fn lend_text<'d, 'i: 'd>(
        &'d mut self,
        whole: &'i [u8],
        places: Places,
    ) -> Result<Event<'d>, DecodeError> {
        if !(places.is_held || SMALL) {
            // Both lie in one span of the input, which is seen to be text in one pass.
            let span = places.span();
            let text = text_at(whole, span.clone());
            if let Some((data, event_type)) = text.and_then(|text| places.of(text, span.start)) {
                let last_event_id = self.store.last_event_id();
                return Ok(Event::new(event_type, data, last_event_id, places.has_id));
            }
        }
        self.lend_held_text(whole, places)
    }

    /// As [`lend_text`](Self::lend_text), for what the store holds some of, and for what is not UTF-8.
    #[inline(never)]
    pub(super) fn lend_held_text<'d, 'i: 'd>(
        &'d mut self,
        whole: &'i [u8],
        places: Places,
    ) -> Result<Event<'d>, DecodeError> {
        if self.before_next == BeforeNext::Nothing {
            // It may be buffered from here on.
            self.before_next = BeforeNext::EndBlock;
        }
        let Places {
            data,
            event_type,
            has_id,
            ..
        } = places;
        let (data, event_type) = (data.of(whole), event_type.of(whole));
        let (data, event_type, last_event_id) = self.store.borrow_text(data, event_type, has_id)?;
        Ok(Event::new(event_type, data, last_event_id, has_id))
    }
}

impl Places {
    pub(crate) const HELD: Self = Self {
        data: Place::NONE,
        event_type: Place::NONE,
        has_id: false,
        is_held: true,
    };

    /// Data and event type, of the text that begins at `start` in the input; `None` if they are not in it.
    #[inline(always)]
    pub(super) fn of(self, text: &str, start: usize) -> Option<(&str, &str)> {
        let part = |place: Place| match place.range() {
            Some(range) => text.get(range.start - start..range.end - start),
            None => Some(""),
        };
        Some((part(self.data)?, part(self.event_type)?))
    }

    /// The part of the input that data and event type, if they are in it, lie in.
    #[inline(always)]
    fn span(self) -> Range<usize> {
        match (self.data.range(), self.event_type.range()) {
            (Some(data), Some(event_type)) => {
                data.start.min(event_type.start)..data.end.max(event_type.end)
            }
            (Some(range), None) | (None, Some(range)) => range,
            (None, None) => 0..0,
        }
    }
}

impl Place {
    pub(super) const NONE: Self = Self {
        start: 0,
        length: 0,
    };
    /// In the store, as the block's earlier lines have it.
    pub(super) const HELD: Self = Self {
        start: usize::MAX,
        length: 0,
    };

    #[inline(always)]
    pub(super) const fn new(start: usize, length: usize) -> Self {
        Self { start, length }
    }

    #[inline(always)]
    const fn stop(self) -> usize {
        self.start + self.length
    }

    #[inline(always)]
    pub(super) const fn len(self) -> usize {
        self.length
    }

    #[inline(always)]
    const fn is_empty(self) -> bool {
        self.length == 0
    }

    /// Where it is in the input, also if that is empty.
    #[inline(always)]
    pub(super) const fn span(self) -> Range<usize> {
        self.start..self.stop()
    }

    /// Where it is in the input, if it is.
    #[inline(always)]
    fn range(self) -> Option<Range<usize>> {
        (!self.is_empty()).then(|| self.span())
    }

    /// Whether there was no such field: the value of a field comes behind its name.
    #[inline(always)]
    pub(super) const fn is_none(self) -> bool {
        self.start == 0
    }

    #[inline(always)]
    pub(super) const fn is_held(self) -> bool {
        self.start == Self::HELD.start
    }

    /// The bytes, if they lie in the input.
    #[inline(always)]
    pub(super) fn of(self, whole: &[u8]) -> Option<&[u8]> {
        whole.get(self.range()?)
    }

    /// The bytes that lie in the input.
    #[inline(always)]
    pub(super) fn bytes(self, whole: &[u8]) -> &[u8] {
        whole.get(self.span()).unwrap_or_default()
    }
}
