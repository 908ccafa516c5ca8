//! Copies what was found: an event or an item.

use super::{EventDecoder, Found};
use crate::buffer::Buffer;
use crate::error::DecodeError;
use crate::event::{InheritedId, OwnedEvent, OwnedItem};
use crate::text::text_at;

impl<B: Buffer> EventDecoder<B> {
    /// Decodes the next event as an exact copy, advancing `input` past the bytes it consumed.
    ///
    /// Otherwise as [`decode`](Self::decode). An event takes one allocation; the first one that
    /// inherits a last event ID takes another one for the ID, which the events after it share.
    ///
    /// ```
    /// use sse_wire::EventDecoder;
    ///
    /// let mut decoder = EventDecoder::new();
    /// let mut events = Vec::new();
    /// for mut chunk in [&b"data: on"[..], b"e\n\ndata: two\n\n"] {
    ///     while let Some(event) = decoder.decode_owned(&mut chunk)? {
    ///         events.push(event);
    ///     }
    /// }
    /// assert_eq!(events[1].data(), "two");
    /// # Ok::<(), sse_wire::DecodeError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`DecodeError`] when an event exceeds a limit. `input` may or may not be empty then: call
    /// again to continue.
    ///
    /// # Complexity
    ///
    /// O(n) for n bytes, however they are split. (Where the target has no atomic operations, each
    /// event copies the last event ID that it inherits: O(n + e · i) for e events and an ID of i
    /// bytes.)
    #[cfg_attr(docsrs, doc(cfg(feature = "alloc")))]
    #[inline]
    pub fn decode_owned(&mut self, input: &mut &[u8]) -> Result<Option<OwnedEvent>, DecodeError> {
        self.next_owned(input)
    }

    /// Decodes the next item as a copy, advancing `input` past the bytes it consumed.
    ///
    /// Otherwise as [`decode_item`](Self::decode_item).
    ///
    /// # Errors
    ///
    /// [`DecodeError`] when an event exceeds a limit. `input` may or may not be empty then: call
    /// again to continue.
    ///
    /// # Complexity
    ///
    /// As for [`decode_owned`](Self::decode_owned).
    #[cfg_attr(docsrs, doc(cfg(feature = "alloc")))]
    #[inline]
    pub fn decode_owned_item(
        &mut self,
        input: &mut &[u8],
    ) -> Result<Option<OwnedItem>, DecodeError> {
        self.next_owned(input)
    }

    /// The fast path: copies an event of one data line as the one span of the input that it is.
    ///
    /// `None`, with the input as it was, for everything else, and for the first event that inherits
    /// an ID.
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

/// What calls, streams and iterators that copy return: [`OwnedEvent`], or [`OwnedItem`] for all
/// items.
pub(crate) trait Owned: Sized {
    fn from_event(event: OwnedEvent) -> Self;

    #[cfg(any(feature = "std", feature = "stream"))]
    fn is_event(&self) -> bool;

    /// Decodes the next one, after the fast path was tried.
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
        match decoder.step_slow(input, false)? {
            Some(Found::Event) => decoder.resolve_owned(whole).map(Some),
            // Nothing else is found without `items`.
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
        Ok(match decoder.step_slow(input, true)? {
            Some(Found::Event) => Some(Self::Event(decoder.resolve_owned(whole)?)),
            Some(Found::NotDispatched) => Some(Self::NotDispatched(decoder.resolve_owned(whole)?)),
            Some(found) => Some(decoder.resolve_item(whole, found)?.into()),
            None => None,
        })
    }
}
