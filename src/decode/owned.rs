//! From where an event is to a copy of it.

use super::{EventDecoder, Found};
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

    /// Decodes the next one, by the fast path if it can.
    #[inline(always)]
    pub(crate) fn next_owned<T: Owned>(
        &mut self,
        input: &mut &[u8],
    ) -> Result<Option<T>, DecodeError> {
        match self.single_line_owned(input) {
            Some(event) => Ok(Some(T::from_event(event))),
            None => T::decode(self, input),
        }
    }

    /// Copies the event that was found.
    pub(crate) fn resolve_owned(&mut self, whole: &[u8]) -> Result<OwnedEvent, DecodeError> {
        let inherited = if self.block.has_id() {
            InheritedId::default()
        } else {
            self.inherited()
        };
        let event = self.resolve_text(whole)?;
        Ok(OwnedEvent::copy(event, inherited))
    }

    /// The last event ID for an event that inherits it; made if no event did before.
    fn inherited(&mut self) -> InheritedId {
        if let Some(inherited) = self.known_inherited() {
            return inherited;
        }
        self.interpreter.store.id_was_shared();
        self.inherited = InheritedId::new(self.last_event_id());
        self.inherited.clone()
    }

    /// The same; `None` if it has to be made.
    #[inline(always)]
    fn known_inherited(&self) -> Option<InheritedId> {
        if self.interpreter.store.last_event_id().is_empty() {
            return Some(InheritedId::default());
        }
        let is_known = !self.interpreter.store.id_is_new() && self.inherited.as_deref().is_some();
        is_known.then(|| self.inherited.clone())
    }
}

/// What calls, streams and iterators that copy return: [`OwnedEvent`], or [`OwnedItem`] for comments and reconnection times as well.
pub(crate) trait Owned: Sized {
    fn from_event(event: OwnedEvent) -> Self;

    #[cfg(any(feature = "std", feature = "stream"))]
    fn is_event(&self) -> bool;

    /// Decodes the next one by the general path.
    fn decode<B: Buffer>(
        decoder: &mut EventDecoder<B>,
        input: &mut &[u8],
    ) -> Result<Option<Self>, DecodeError>;
}

impl Owned for OwnedEvent {
    #[inline(always)]
    fn from_event(event: OwnedEvent) -> Self {
        event
    }

    #[cfg(any(feature = "std", feature = "stream"))]
    fn is_event(&self) -> bool {
        true
    }

    #[inline(never)]
    fn decode<B: Buffer>(
        decoder: &mut EventDecoder<B>,
        input: &mut &[u8],
    ) -> Result<Option<Self>, DecodeError> {
        let whole = *input;
        match decoder.step_general(input, false)? {
            Some(Found::Event) => decoder.resolve_owned(whole).map(Some),
            // Nothing else is asked for.
            _ => Ok(None),
        }
    }
}

impl Owned for OwnedItem {
    #[inline(always)]
    fn from_event(event: OwnedEvent) -> Self {
        Self::Event(event)
    }

    #[cfg(any(feature = "std", feature = "stream"))]
    fn is_event(&self) -> bool {
        matches!(self, Self::Event(_))
    }

    #[inline(never)]
    fn decode<B: Buffer>(
        decoder: &mut EventDecoder<B>,
        input: &mut &[u8],
    ) -> Result<Option<Self>, DecodeError> {
        let whole = *input;
        Ok(match decoder.step_general(input, true)? {
            Some(Found::Event) => Some(Self::Event(decoder.resolve_owned(whole)?)),
            Some(found) => Some(decoder.resolve_item(whole, found)?.into()),
            None => None,
        })
    }
}
