//! WHATWG HTML 9.2.6, interpreting an event stream: lines to dispatched events.
//!
//! [`EventDecoder::find`] is the loop: it takes lines from the [`FieldParser`] and gives them to
//! the [`Interpreter`], until there is an event. It finds where the event is, in the input or in
//! the store, and borrows neither. `decode` and the other calls resolve that into what they return.

mod block;
mod finish;
mod ignored;
#[cfg(feature = "alloc")]
mod owned;
mod resolve;
mod single_line;

use core::{fmt, time::Duration};

#[cfg(feature = "alloc")]
use alloc::vec::Vec;

use crate::SMALL;
use crate::buffer::{Buffer, Store};
use crate::error::{DecodeError, InvalidLastEventId};
#[cfg(feature = "alloc")]
use crate::event::InheritedId;
use crate::event::{Event, Item, RawEvent, stored_text};
use crate::limits::Limits;
use crate::parse::{FieldParser, Piece};
use crate::value::LastEventId;
use block::{Interpreter, Phase};

pub(crate) use block::Block;
pub use finish::{CutLine, Incomplete};
#[cfg(any(feature = "std", feature = "stream"))]
pub(crate) use owned::Owned;
pub(crate) use single_line::SingleLine;

/// Decodes an event stream, in chunks of any size, into the events that a browser would dispatch
/// (WHATWG HTML 9.2.6).
///
/// Events borrow: an event that lies whole in one input, with a single data line, borrows from that
/// input, and is neither copied nor allocated for. An event that is split across inputs, or has
/// several data lines, is copied once into a buffer that is reused. With `alloc` that buffer is a
/// `Vec<u8>`; without, the caller provides it.
///
/// ```
/// use sse_wire::EventDecoder;
///
/// let mut decoder = EventDecoder::new();
/// for mut chunk in [&b"data: hel"[..], b"lo\n\nevent: add\ndata: 1\n\n"] {
///     while let Some(event) = decoder.decode(&mut chunk)? {
///         println!("{}: {}", event.event_type(), event.data());
///     }
/// }
/// # Ok::<(), sse_wire::DecodeError>(())
/// ```
///
/// Each call advances the slice past the bytes it consumed, so the slice must be a variable outside
/// the `while let`, as `chunk` above: `while let Some(event) = decoder.decode(&mut &chunk[..])?`
/// would decode the same chunk again and again, and never end. A literal is an array, and needs a
/// type to be a slice: `let mut chunk: &[u8] = b"…";`.
///
/// An event borrows the decoder and the chunk. A type that owns both and reads in a loop cannot
/// return such an event (E0499): the borrow checker extends the borrow to the rest of the loop. It
/// can pass events to a callback, `FnMut(Event<'_>)`, or return an
/// [`OwnedEvent`](crate::OwnedEvent), as [`decode_owned`](Self::decode_owned) does.
///
/// # Errors
///
/// The only errors are [limits](Limits). A rejected event is one error, and the next call continues
/// after it. So `?` stops at the first oversized event, and this skips it:
///
/// ```
/// use sse_wire::{EventDecoder, Limits};
///
/// let mut decoder = EventDecoder::with_limits(Limits::new().with_event(8));
/// let mut chunk: &[u8] = b"data: much too large\n\ndata: small\n\n";
/// let (mut events, mut rejected) = (0, 0);
/// loop {
///     match decoder.decode(&mut chunk) {
///         Ok(Some(event)) => events += usize::from(event.data() == "small"),
///         Ok(None) => break,
///         Err(_) => rejected += 1,
///     }
/// }
/// assert_eq!((events, rejected), (1, 1));
/// ```
///
/// The `retry` of a rejected event counts, and its `id` becomes the last event ID if it fits:
/// otherwise a client that reconnects would receive the same oversized event for ever.
///
/// # Without an allocator
///
/// ```
/// use sse_wire::EventDecoder;
///
/// let mut memory = [0; 512];
/// let mut decoder = EventDecoder::with_buffer(&mut memory[..]);
/// assert_eq!((decoder.limits().event, decoder.limits().last_event_id), (384, 128));
/// ```
#[doc(alias("sse", "event-stream"))]
#[derive(Clone)]
pub struct EventDecoder<
    #[cfg(feature = "alloc")] B: Buffer = Vec<u8>,
    #[cfg(not(feature = "alloc"))] B: Buffer,
> {
    parser: FieldParser,
    interpreter: Interpreter<B>,
    /// The current block: the event that the last call found, or what it had when the input ended.
    ///
    /// The fast path does not write it. So the next call ignores it in [`Phase::BetweenBlocks`].
    block: Block,
    /// The last event ID as events share it, made for the first one that inherits it.
    #[cfg(feature = "alloc")]
    inherited: InheritedId,
}

/// What [`EventDecoder::step`] found.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Found {
    /// The current block is an event.
    Event,
    /// The current block has an event type or an `id`, and no data.
    NotDispatched,
    Retry,
    /// A comment, a line that is no field, or a fragment of one.
    Line(Piece),
}

#[cfg(feature = "alloc")]
impl EventDecoder<Vec<u8>> {
    /// Creates a decoder with the default [`Limits`].
    ///
    /// It allocates nothing until it has to buffer something.
    pub fn new() -> Self {
        Self::with_limits(Limits::new())
    }

    /// Creates a decoder that rejects events and last event IDs larger than `limits`.
    pub fn with_limits(limits: Limits) -> Self {
        Self::with_store(Store::with_limits(Vec::new(), limits))
    }
}

impl<B: Buffer> EventDecoder<B> {
    /// Creates a decoder with a caller-provided buffer: a `[u8; N]`, a `&mut [u8]` or a
    /// `&mut [u8; N]`.
    ///
    /// The size of the buffer sets the limits: a quarter for the last event ID, the rest for an
    /// event. An event that does not fit is rejected, even if it could be borrowed from the input.
    /// (A `Vec<u8>` grows, and has the default limits.)
    ///
    /// ```
    /// use sse_wire::EventDecoder;
    ///
    /// struct Connection<'m> {
    ///     borrowed: EventDecoder<&'m mut [u8]>,
    ///     owned: EventDecoder<[u8; 128]>,
    /// }
    ///
    /// let mut memory = [0; 512];
    /// let connection = Connection {
    ///     borrowed: EventDecoder::with_buffer(&mut memory[..]),
    ///     owned: EventDecoder::with_buffer([0; 128]),
    /// };
    /// assert_eq!(connection.borrowed.limits().event, 384);
    /// assert_eq!(connection.owned.limits().last_event_id, 32);
    /// ```
    pub fn with_buffer(buffer: B) -> Self {
        Self::with_store(Store::new(buffer))
    }

    /// Sets the last event ID, for a client that continues where an earlier run stopped; see
    /// [`set_last_event_id`](Self::set_last_event_id).
    ///
    /// ```
    /// use sse_wire::EventDecoder;
    ///
    /// let stored = "41"; // by an earlier run
    /// let decoder = EventDecoder::with_buffer([0; 64]).with_last_event_id(stored)?;
    /// assert_eq!(decoder.last_event_id(), "41");
    /// # Ok::<(), sse_wire::InvalidLastEventId>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The errors of [`set_last_event_id`](Self::set_last_event_id).
    pub fn with_last_event_id(mut self, id: &str) -> Result<Self, InvalidLastEventId> {
        self.set_last_event_id(id)?;
        Ok(self)
    }

    fn with_store(store: Store<B>) -> Self {
        Self {
            #[cfg(feature = "alloc")]
            inherited: InheritedId::default(),
            parser: FieldParser::new(),
            interpreter: Interpreter::new(store),
            block: Block::NEW,
        }
    }

    /// Returns the limits.
    pub fn limits(&self) -> Limits {
        self.interpreter.store.limits()
    }

    /// Decodes the next event, advancing `input` past the bytes it consumed. The event borrows from
    /// `input` and `self`.
    ///
    /// `Ok(None)` means that `input` is empty, and more is needed. Invalid UTF-8 becomes U+FFFD, as
    /// in a browser.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] when an event exceeds a limit. `input` may or may not be empty then: call
    /// again to continue.
    ///
    /// # Complexity
    ///
    /// O(n) for n bytes, however they are split.
    pub fn decode<'d, 'i: 'd>(
        &'d mut self,
        input: &mut &'i [u8],
    ) -> Result<Option<Event<'d>>, DecodeError> {
        let whole = *input;
        if let Some(event) = self.single_line(input) {
            return self.single_line_event(whole, event);
        }
        match self.begin_input(input)? {
            Some(at) => self.decode_block(input, at),
            None => Ok(None),
        }
    }

    #[inline(never)]
    fn decode_block<'d, 'i: 'd>(
        &'d mut self,
        input: &mut &'i [u8],
        at: usize,
    ) -> Result<Option<Event<'d>>, DecodeError> {
        let whole = *input;
        match self.find(input, at, false)? {
            Some(Found::Event) => self.resolve_text(whole).map(Some),
            _ => Ok(None),
        }
    }

    /// Decodes the next event as bytes that are not validated, advancing `input` past the bytes it
    /// consumed.
    ///
    /// For data that something else validates, such as a JSON parser, or that is not meant to be
    /// text. Otherwise as [`decode`](Self::decode).
    ///
    /// # Errors
    ///
    /// [`DecodeError`] when an event exceeds a limit. `input` may or may not be empty then: call
    /// again to continue.
    ///
    /// # Complexity
    ///
    /// O(n) for n bytes, however they are split.
    pub fn decode_raw<'d, 'i: 'd>(
        &'d mut self,
        input: &mut &'i [u8],
    ) -> Result<Option<RawEvent<'d>>, DecodeError> {
        let whole = *input;
        if let Some(event) = self.single_line(input) {
            return Ok(Some(self.single_line_raw_event(whole, event)));
        }
        match self.begin_input(input)? {
            Some(at) => self.decode_raw_block(input, at),
            None => Ok(None),
        }
    }

    #[inline(never)]
    fn decode_raw_block<'d, 'i: 'd>(
        &'d mut self,
        input: &mut &'i [u8],
        at: usize,
    ) -> Result<Option<RawEvent<'d>>, DecodeError> {
        let whole = *input;
        match self.find(input, at, false)? {
            Some(Found::Event) => Ok(Some(self.resolve_raw(whole))),
            _ => Ok(None),
        }
    }

    /// Decodes the next item, in wire order, advancing `input` past the bytes it consumed.
    ///
    /// An [`Item`] is an event, a comment, a reconnection time, a block without data, or an ignored
    /// line. Comments show that the peer is alive. An event is as from [`decode`](Self::decode),
    /// but is copied if other items stand between its fields.
    ///
    /// ```
    /// use sse_wire::{EventDecoder, Item};
    ///
    /// let mut decoder = EventDecoder::with_buffer([0; 64]);
    /// let mut input: &[u8] = b": ping\nretry: 1500\ndata: x\n\n";
    /// assert_eq!(decoder.decode_item(&mut input)?, Some(Item::Comment { text: b" ping", end: true }));
    /// assert!(matches!(decoder.decode_item(&mut input)?, Some(Item::Retry(time)) if time.as_millis() == 1500));
    /// assert!(matches!(decoder.decode_item(&mut input)?, Some(Item::Event(event)) if event.data() == "x"));
    /// assert_eq!(decoder.decode_item(&mut input)?, None);
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
    /// O(n) for n bytes, however they are split.
    pub fn decode_item<'d, 'i: 'd>(
        &'d mut self,
        input: &mut &'i [u8],
    ) -> Result<Option<Item<'d>>, DecodeError> {
        let whole = *input;
        match self.step(input, true)? {
            Some(found) => self.resolve_item(whole, found).map(Some),
            None => Ok(None),
        }
    }

    /// Returns the last event ID, which a client sends as `Last-Event-ID` when it reconnects; empty
    /// if there is none.
    ///
    /// An `id` counts once the blank line that ends its block has come, whether or not the block
    /// has data.
    ///
    /// # Complexity
    ///
    /// O(n) for an ID of n bytes: it is stored as bytes and validated lazily.
    pub fn last_event_id(&self) -> &str {
        stored_text(self.interpreter.store.last_event_id())
    }

    /// Sets the last event ID, for a client that continues where an earlier one stopped.
    ///
    /// It may be called at any time. An `id` that the current block has had already still replaces
    /// it at the blank line.
    ///
    /// # Errors
    ///
    /// [`InvalidLastEventId`] if it contains CR, LF or NUL, or is larger than
    /// [`Limits::last_event_id`]; nothing has changed then.
    pub fn set_last_event_id(&mut self, id: &str) -> Result<(), InvalidLastEventId> {
        LastEventId::new(id)?;
        let (len, max) = (id.len(), self.limits().last_event_id);
        if len > max {
            return Err(InvalidLastEventId::TooLong { len, max });
        }
        self.end_phase();
        self.interpreter.store.set_last_event_id(id.as_bytes());
        Ok(())
    }

    /// Returns the reconnection time that the stream set, if any: how long a client waits before it
    /// reconnects.
    ///
    /// A `retry` field counts as soon as its line is complete, if its value is nothing but ASCII
    /// digits: milliseconds, `u64::MAX` at the most.
    pub fn reconnection_time(&self) -> Option<Duration> {
        self.interpreter
            .has_reconnection_time
            .then(|| Duration::from_millis(self.interpreter.reconnection_time))
    }

    /// Ends the stream, and returns the event that it cut off, if any.
    ///
    /// `None` if the stream ended between events: after a blank line, or after or inside lines of
    /// which no event is made (comments, `retry`, unknown fields). Otherwise there is an
    /// [`Incomplete`] event. The standard discards it: so does dropping it. Either way the decoder
    /// is as after [`restart`](Self::restart) then, except that it still counts the
    /// [ignored lines](Self::ignored_lines).
    ///
    /// ```
    /// use sse_wire::{CutLine, EventDecoder};
    ///
    /// let mut decoder = EventDecoder::with_buffer([0; 64]);
    /// let mut input: &[u8] = b"data: 1\n\ndata: [DONE]";
    /// while let Some(_event) = decoder.decode(&mut input)? {}
    /// let incomplete = decoder.finish().expect("no blank line came");
    /// assert!(incomplete.is_inside_line());
    /// let event = incomplete.recover(CutLine::Keep)?.expect("it has data");
    /// assert_eq!(event.data(), "[DONE]");
    /// # Ok::<(), sse_wire::DecodeError>(())
    /// ```
    pub fn finish(&mut self) -> Option<Incomplete<'_, B>> {
        self.end_phase();
        let is_inside_block = self.interpreter.phase == Phase::WithinBlock && !self.block.is_new();
        if self.parser.is_inside_event_line() || is_inside_block {
            self.interpreter.phase = Phase::AfterEnd;
            Some(Incomplete { decoder: self })
        } else {
            self.begin_stream();
            None
        }
    }

    /// Begins a new stream on a new connection.
    ///
    /// It retains the last event ID and the reconnection time. Everything that was pending is
    /// dropped, an `id` without its blank line included, and a byte order mark may come again.
    pub fn restart(&mut self) {
        self.begin_stream();
        self.interpreter.ignored.clear();
        self.interpreter.has_retry = false;
    }

    /// Returns whether this stream has set the reconnection time, even to what it was.
    pub(crate) const fn has_retry(&self) -> bool {
        self.interpreter.has_retry
    }

    fn begin_stream(&mut self) {
        self.parser = FieldParser::new();
        self.interpreter.forget_line();
        self.end_block();
        self.interpreter.store.give_back();
    }

    /// Drops the current block, except that its `id`, if it was dispatched, is the last event ID.
    #[cfg_attr(any(feature = "alloc", feature = "simd"), inline(always))]
    #[cfg_attr(not(any(feature = "alloc", feature = "simd")), inline(never))]
    fn end_block(&mut self) {
        self.interpreter.store.end_block();
        self.block = Block::NEW;
        self.interpreter.phase = Phase::WithinBlock;
    }

    /// Whether nothing but the last event ID is buffered, so that the fast path may apply.
    #[cfg(any(feature = "stream", feature = "tokio"))]
    #[inline(always)]
    pub(crate) const fn is_between_blocks(&self) -> bool {
        matches!(self.interpreter.phase, Phase::BetweenBlocks)
    }

    /// Finds the next event, or with `items` whatever comes first, advancing `input` past the bytes
    /// it consumed.
    #[inline(always)]
    pub(crate) fn step(
        &mut self,
        input: &mut &[u8],
        items: bool,
    ) -> Result<Option<Found>, DecodeError> {
        match self.single_line(input) {
            Some(event) => {
                self.block = event.block();
                Ok(Some(Found::Event))
            }
            None => self.step_slow(input, items),
        }
    }

    /// The same, for a caller that has tried the fast path.
    #[inline(always)]
    pub(crate) fn step_slow(
        &mut self,
        input: &mut &[u8],
        items: bool,
    ) -> Result<Option<Found>, DecodeError> {
        match self.begin_input(input)? {
            Some(at) => self.find_any(input, at, items),
            None => Ok(None),
        }
    }

    /// [`find`](Self::find), out of line.
    #[inline(never)]
    fn find_any(
        &mut self,
        input: &mut &[u8],
        at: usize,
        items: bool,
    ) -> Result<Option<Found>, DecodeError> {
        self.find(input, at, items)
    }

    /// Reads the rest of a data line that an earlier input began, and returns where the loop
    /// continues; `None` if the input is consumed.
    ///
    /// Where chunks are small, most inputs need no more than this, so it is not part of the loop.
    /// An input that ends here is not [left](Self::leave): the store has all of the block.
    #[inline(always)]
    fn begin_input(&mut self, input: &mut &[u8]) -> Result<Option<usize>, DecodeError> {
        let whole = *input;
        if self.interpreter.phase == Phase::WithinBlock && self.parser.is_inside_data() {
            let (at, result) = self.read_data_fragment(whole);
            if at == whole.len() || result.is_err() {
                *input = whole.get(at..).unwrap_or_default();
                return result.map(|()| None);
            }
            return Ok(Some(at));
        }
        let is_done = !SMALL && whole.is_empty() && self.interpreter.phase == Phase::BetweenBlocks;
        Ok((!is_done).then_some(0))
    }

    /// Reads line by line from `at` on to the next event, or with `items` to whatever comes first,
    /// advancing `input`.
    #[inline(always)]
    fn find(
        &mut self,
        input: &mut &[u8],
        mut at: usize,
        items: bool,
    ) -> Result<Option<Found>, DecodeError> {
        let whole = *input;
        self.end_phase();
        let result = 'found: {
            if SMALL {
                break 'found self.read_cut_line(whole, &mut at, items);
            }
            if !self.parser.is_at_line_start() {
                let result = self.read_cut_line(whole, &mut at, items);
                if at == whole.len() || !matches!(result, Ok(None)) {
                    break 'found result;
                }
            }
            let mut block = match self.interpreter.phase {
                Phase::BetweenBlocks => Block::NEW,
                _ => self.block,
            };
            let result = loop {
                let Some(piece) = self.parser.whole_line(whole, &mut at) else {
                    break None;
                };
                let value = piece.bytes(whole);
                let interpreter = &mut self.interpreter;
                match interpreter.process(&mut block, piece, value, true, items, whole) {
                    Ok(None) => {}
                    result => break Some(result),
                }
            };
            self.block = block;
            match result {
                Some(result) => result,
                None => self.read_cut_line(whole, &mut at, items),
            }
        };
        *input = whole.get(at..).unwrap_or_default();
        if !matches!(result, Ok(Some(Found::Event | Found::NotDispatched))) {
            self.leave(whole);
        }
        result
    }

    /// The same for the line that is cut by the beginning or the end of the input. In small builds,
    /// for every line.
    #[inline(never)]
    fn read_cut_line(
        &mut self,
        input: &[u8],
        at: &mut usize,
        items: bool,
    ) -> Result<Option<Found>, DecodeError> {
        while *at < input.len() {
            if let Some(piece) = self.parser.cut_line(input, at) {
                let value = self.parser.value(piece, input);
                let (block, interpreter) = (&mut self.block, &mut self.interpreter);
                let found = interpreter.process(block, piece, value, false, items, input)?;
                if found.is_some() {
                    return Ok(found);
                }
            }
            if self.parser.is_at_line_start() && !SMALL {
                break;
            }
        }
        Ok(None)
    }

    /// The same for a data line that an earlier input began. The store has all of its block.
    #[inline(never)]
    fn read_data_fragment(&mut self, input: &[u8]) -> (usize, Result<(), DecodeError>) {
        let mut at = 0;
        let result = match self.parser.data_fragment(input, &mut at) {
            Some(piece) => {
                let (block, value) = (&mut self.block, piece.bytes(input));
                self.interpreter
                    .process(block, piece, value, false, false, input)
            }
            None => Ok(None),
        };
        (at, result.map(drop))
    }

    /// Buffers what the block has in `input`, since the next call may receive another one.
    #[inline(always)]
    fn leave(&mut self, input: &[u8]) {
        // Small builds have no fast path, which needs to know that no block has begun.
        if !SMALL && self.block.is_new() && self.parser.is_at_line_start() {
            self.interpreter.phase = Phase::BetweenBlocks;
        } else {
            self.interpreter.phase = Phase::WithinBlock;
            self.interpreter.buffer(&mut self.block, input);
        }
    }

    /// Ends what the last call left: an event that was borrowed, or the stream.
    #[inline(always)]
    fn end_phase(&mut self) {
        match self.interpreter.phase {
            Phase::BetweenBlocks | Phase::WithinBlock => {}
            Phase::AfterEvent => self.end_block(),
            Phase::AfterEnd => self.begin_stream(),
        }
    }
}

#[cfg(feature = "alloc")]
impl Default for EventDecoder<Vec<u8>> {
    fn default() -> Self {
        Self::new()
    }
}

impl<B: Buffer> fmt::Debug for EventDecoder<B> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the memory: it may be large, and it is the peer's.
        formatter
            .debug_struct("EventDecoder")
            .field("parser", &self.parser)
            .field("limits", &self.limits())
            .field("last_event_id", &self.last_event_id())
            .field("reconnection_time", &self.reconnection_time())
            .finish_non_exhaustive()
    }
}
