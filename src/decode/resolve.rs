//! Borrows what was found: an event as text or as bytes, or an item.

use core::{ops::Range, time::Duration};

use super::block::{Block, Phase, Value};
use super::{EventDecoder, Found, SingleLine};
use crate::SMALL;
use crate::buffer::{Buffer, Store};
use crate::error::DecodeError;
use crate::event::{Event, Item, RawEvent};
use crate::parse::Line;
use crate::text::text_at;

impl<B: Buffer> EventDecoder<B> {
    /// The data and the event type, each in the store or in the input.
    #[inline(never)]
    fn buffered_bytes<'d, 'i: 'd>(
        store: &'d Store<B>,
        input: &'i [u8],
        block: &Block,
    ) -> (&'d [u8], &'d [u8]) {
        let data = block.data.in_input(input);
        let event_type = block.event_type.in_input(input);
        (
            data.unwrap_or(store.data()),
            event_type.unwrap_or(store.event_type()),
        )
    }

    #[inline(always)]
    pub(crate) fn resolve_raw<'d, 'i: 'd>(&'d self, input: &'i [u8]) -> RawEvent<'d> {
        let block = &self.block;
        let (data, event_type) = match block.span() {
            Some(_) if !SMALL => (block.data.bytes(input), block.event_type.bytes(input)),
            _ => Self::buffered_bytes(&self.interpreter.store, input, block),
        };
        RawEvent::new(
            event_type,
            data,
            self.interpreter.store.last_event_id(),
            block.has_id(),
        )
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
            let last_event_id = self.interpreter.store.last_event_id();
            return Ok(Some(Event::new(event_type, data, last_event_id, false)));
        }
        self.block = event.block();
        Ok(Some(self.resolve_buffered_text(whole)?))
    }

    /// Resolves an event of one data line that was found in `whole`, as bytes.
    #[inline(always)]
    pub(crate) fn single_line_raw_event<'d, 'i: 'd>(
        &'d self,
        whole: &'i [u8],
        event: SingleLine,
    ) -> RawEvent<'d> {
        let (event_type, data) = event.bytes(whole);
        RawEvent::new(
            event_type,
            data,
            self.interpreter.store.last_event_id(),
            false,
        )
    }

    pub(crate) fn resolve_item<'d, 'i: 'd>(
        &'d mut self,
        input: &'i [u8],
        found: Found,
    ) -> Result<Item<'d>, DecodeError> {
        Ok(match found {
            Found::Event => Item::Event(self.resolve_text(input)?),
            Found::NotDispatched => Item::NotDispatched(self.resolve_text(input)?),
            Found::Retry => Item::Retry(Duration::from_millis(self.interpreter.reconnection_time)),
            Found::Line(piece) => {
                let (text, end) = (self.parser.value(piece, input), piece.end);
                match piece.line {
                    Line::Comment => Item::Comment { text, end },
                    _ => Item::Ignored { text, end },
                }
            }
        })
    }

    #[inline(always)]
    pub(crate) fn resolve_text<'d, 'i: 'd>(
        &'d mut self,
        input: &'i [u8],
    ) -> Result<Event<'d>, DecodeError> {
        let block = &self.block;
        if let (Some(span), false) = (block.span(), SMALL) {
            // Both lie in one span of the input, which is validated in one pass.
            let text = text_at(input, span.clone());
            if let Some((data, event_type)) = text.and_then(|text| block.split(text, span.start)) {
                let last_event_id = self.interpreter.store.last_event_id();
                let has_id = block.has_id();
                return Ok(Event::new(event_type, data, last_event_id, has_id));
            }
        }
        self.resolve_buffered_text(input)
    }

    /// The same for what the store has some of, and for what is not UTF-8.
    #[inline(never)]
    fn resolve_buffered_text<'d, 'i: 'd>(
        &'d mut self,
        input: &'i [u8],
    ) -> Result<Event<'d>, DecodeError> {
        let block = &self.block;
        if self.interpreter.phase == Phase::BetweenBlocks {
            // The store may get a copy of it, which the next call has to drop.
            self.interpreter.phase = Phase::AfterEvent;
        }
        let (data, event_type) = (block.data.in_input(input), block.event_type.in_input(input));
        let has_id = block.has_id();
        let (data, event_type, last_event_id) = self
            .interpreter
            .store
            .borrow_text(data, event_type, has_id)?;
        Ok(Event::new(event_type, data, last_event_id, has_id))
    }
}

impl Block {
    /// The part of the input that data and event type lie in; `None` if the store has one of them.
    #[inline(always)]
    fn span(&self) -> Option<Range<usize>> {
        let Value::Input { start, len } = self.data else {
            return None;
        };
        let stop = start + len;
        match self.event_type {
            Value::Absent => Some(start..stop),
            Value::Input { start: first, len } => Some(start.min(first)..stop.max(first + len)),
            _ => None,
        }
    }

    /// Data and event type, of the text of the [`span`](Self::span), which begins at `start`.
    #[inline(always)]
    fn split<'t>(&self, text: &'t str, start: usize) -> Option<(&'t str, &'t str)> {
        let part = |value| match value {
            Value::Input { start: at, len } => text.get(at - start..at - start + len),
            _ => Some(""),
        };
        Some((part(self.data)?, part(self.event_type)?))
    }
}

impl Value {
    /// The bytes, unless the store has them. A field that is absent has none.
    fn in_input(self, input: &[u8]) -> Option<&[u8]> {
        (!self.is_buffered()).then(|| self.bytes(input))
    }
}
