//! From where an event is to a copy of it.

use super::{EventDecoder, Found, Places};
use crate::buffer::Buffer;
use crate::error::DecodeError;
use crate::event::{InheritedId, OwnedEvent, OwnedItem};
use crate::text::text_at;

impl<B: Buffer> EventDecoder<B> {
    /// The fast path: copies an event of one data line as the one span of the input that it is.
    ///
    /// `None`, with the input as it was, for everything else, and for the first event that inherits an ID.
    #[inline(always)]
    pub(crate) fn single_line_owned(&mut self, input: &mut &[u8]) -> Option<OwnedEvent> {
        let whole = *input;
        let mut rest = whole;
        let event = self.single_line(&mut rest)?;
        let inherited = self.known_inherited()?;
        let text = text_at(whole, event.span())?;
        *input = rest;
        let (type_len, data_len) = (event.type_len(), event.data_len());
        Some(OwnedEvent::copy_span(text, type_len, data_len, inherited))
    }

    #[inline(never)]
    pub(super) fn decode_owned_block(
        &mut self,
        input: &mut &[u8],
    ) -> Result<Option<OwnedEvent>, DecodeError> {
        let whole = *input;
        match self.step(input, false)? {
            Some(Found::Event(places)) => self.resolve_owned(whole, places).map(Some),
            // Nothing else is asked for.
            _ => Ok(None),
        }
    }

    #[inline(never)]
    pub(super) fn decode_owned_item_block(
        &mut self,
        input: &mut &[u8],
    ) -> Result<Option<OwnedItem>, DecodeError> {
        let whole = *input;
        Ok(match self.step(input, true)? {
            Some(Found::Event(places)) => {
                Some(OwnedItem::Event(self.resolve_owned(whole, places)?))
            }
            Some(found) => Some(self.lend_item(whole, found)?.into()),
            None => None,
        })
    }

    /// Copies the event that was found.
    pub(crate) fn resolve_owned(
        &mut self,
        whole: &[u8],
        places: Places,
    ) -> Result<OwnedEvent, DecodeError> {
        let inherited = if places.has_id {
            InheritedId::default()
        } else {
            self.inherited()
        };
        let event = self.lend_text(whole, places)?;
        Ok(OwnedEvent::copy(event, inherited))
    }

    /// The last event ID for an event that inherits it; made if no event did before.
    fn inherited(&mut self) -> InheritedId {
        if let Some(inherited) = self.known_inherited() {
            return inherited;
        }
        self.store.take_id_is_new();
        self.inherited = InheritedId::new(self.last_event_id());
        self.inherited.clone()
    }

    /// The same; `None` if it has to be made.
    #[inline(always)]
    fn known_inherited(&self) -> Option<InheritedId> {
        if self.store.last_event_id().is_empty() {
            return Some(InheritedId::default());
        }
        let is_known = !self.store.id_is_new() && self.inherited.as_deref().is_some();
        is_known.then(|| self.inherited.clone())
    }
}

/// What adapters that are streams or iterators give: [`OwnedEvent`], or [`OwnedItem`] for comments and reconnection times as well.
#[cfg(any(feature = "std", feature = "stream"))]
pub(crate) trait Owned: Sized {
    #[cfg(any(feature = "stream", feature = "tokio"))]
    fn from_event(event: OwnedEvent) -> Self;

    /// Whether it is an event.
    fn is_event(&self) -> bool;

    /// Decodes the next one.
    fn decode<B: Buffer>(
        decoder: &mut EventDecoder<B>,
        input: &mut &[u8],
    ) -> Result<Option<Self>, DecodeError>;
}

#[cfg(any(feature = "std", feature = "stream"))]
impl Owned for OwnedEvent {
    #[cfg(any(feature = "stream", feature = "tokio"))]
    #[inline(always)]
    fn from_event(event: OwnedEvent) -> Self {
        event
    }

    fn is_event(&self) -> bool {
        true
    }

    #[inline(always)]
    fn decode<B: Buffer>(
        decoder: &mut EventDecoder<B>,
        input: &mut &[u8],
    ) -> Result<Option<Self>, DecodeError> {
        decoder.decode_owned(input)
    }
}

#[cfg(any(feature = "std", feature = "stream"))]
impl Owned for OwnedItem {
    #[cfg(any(feature = "stream", feature = "tokio"))]
    #[inline(always)]
    fn from_event(event: OwnedEvent) -> Self {
        Self::Event(event)
    }

    fn is_event(&self) -> bool {
        matches!(self, Self::Event(_))
    }

    #[inline(always)]
    fn decode<B: Buffer>(
        decoder: &mut EventDecoder<B>,
        input: &mut &[u8],
    ) -> Result<Option<Self>, DecodeError> {
        decoder.decode_owned_item(input)
    }
}
