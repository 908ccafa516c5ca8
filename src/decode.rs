//! WHATWG HTML 9.2.6, interpreting an event stream: fields to dispatched events.
//!
//! [`EventDecoder::step`] drives the [`FieldParser`] and says *where* the parts of an event are, in the input or in the
//! store, without borrowing either; `decode`, `decode_raw` and `decode_item` turn places into what they lend.
//!
//! Within one call, the first data line and the event type stay where they are in the input. They are copied into the store
//! when a second data line joins the first, and when the call ends before the event does.

mod cut_data;
mod finish;
mod whole_block;

use core::{fmt, ops::Range, str, time::Duration};

#[cfg(feature = "alloc")]
use alloc::vec::Vec;
use memchr::memchr;

use crate::buffer::{Buffer, Store, replaced_len};
use crate::error::{BufferFull, DecodeError};
use crate::event::{Event, Item, RawEvent, known_text};
#[cfg(any(feature = "std", feature = "bytes", feature = "futures-core"))]
use crate::event::{IdKeeper, KeptId};
use crate::limits::Limits;
use crate::parse::{FieldName, FieldParser, Line, Piece};
use crate::text::text_at;
use crate::value::LastEventId;
use cut_data::CutData;
use whole_block::PlainEvent;

pub use finish::{CutLine, Incomplete};

/// Turns the bytes of an event stream, cut in any way, into the events that a browser would dispatch (WHATWG HTML 9.2.6).
///
/// Events are lent: an event that lies whole in one input with a single data line is borrowed from it, neither copied nor
/// allocated for; what a cut divides, or several data lines join, is copied once into a buffer that is used again.
/// With `alloc` that buffer is a `Vec<u8>` and needs no mention; without, it is memory that the caller lends.
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
/// Each call takes what it consumed off the front of the slice, so the slice must be a variable that lives outside the
/// `while let`, as `chunk` above: `while let Some(event) = decoder.decode(&mut &chunk[..])?` would begin the same chunk
/// again and again, and never end. A literal is an array, and needs a type to be a slice: `let mut chunk: &[u8] = b"…";`.
///
/// An event borrows the decoder and the chunk. A type that owns both and reads in a loop cannot return it (E0499), as the
/// compiler does not see that a loop that goes on has let go of it; such a type hands events to a callback,
/// `FnMut(Event<'_>)`, or returns an [`OwnedEvent`](crate::OwnedEvent).
///
/// # Errors
///
/// The only errors are [limits](Limits). One refused event is one error; the decoder has moved on by then, and the next call
/// gives what comes after. So `?` stops at the first event that is too large, and this skips it:
///
/// ```
/// use sse_wire::{EventDecoder, Limits};
///
/// let mut decoder = EventDecoder::with_limits(Limits::new().with_event(8));
/// let mut chunk: &[u8] = b"data: much too large\n\ndata: small\n\n";
/// let (mut events, mut refused) = (0, 0);
/// loop {
///     match decoder.decode(&mut chunk) {
///         Ok(Some(event)) => events += usize::from(event.data() == "small"),
///         Ok(None) => break,
///         Err(_) => refused += 1,
///     }
/// }
/// assert_eq!((events, refused), (1, 1));
/// ```
///
/// The `retry` of a refused event counts, and its `id` becomes the last event ID if it fits: otherwise a client that
/// reconnects would be sent the same giant for ever.
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
#[derive(Clone)]
pub struct EventDecoder<
    #[cfg(feature = "alloc")] B: Buffer = Vec<u8>,
    #[cfg(not(feature = "alloc"))] B: Buffer,
> {
    parser: FieldParser,
    store: Store<B>,
    block: Block,
    unfinished: UnfinishedLine,
    /// Milliseconds; meaningful if `has_reconnection_time`.
    reconnection_time: u64,
    has_reconnection_time: bool,
    before_next: BeforeNext,
}

/// What is known of the current block beside what the store holds.
#[derive(Debug, Clone, Copy)]
struct Block {
    /// A `data`, `event` or `id` line was completed.
    has_lines: bool,
    has_data: bool,
    has_id: bool,
    /// It exceeded a limit, which was reported.
    refused: bool,
}

/// What is known of a line that is being read beside what the store holds of its value.
#[derive(Debug, Clone, Copy)]
struct UnfinishedLine {
    /// The `id` contains NUL.
    has_nul: bool,
    /// The `id` is larger than its limit, and no longer stored.
    is_oversized: bool,
    digits: Digits,
    /// The number that the digits of `retry` give so far.
    number: u64,
}

/// The value of a `retry` line, so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Digits {
    None,
    Some,
    /// Something else than a digit came: the line is ignored.
    Spoilt,
}

/// What is left over from the last call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BeforeNext {
    /// The decoder is between blocks, and the store holds nothing but the last event ID.
    Nothing,
    /// The decoder may be anywhere.
    Look,
    /// The store still holds what was lent.
    EndBlock,
    /// The stream was ended by `finish`.
    Restart,
}

/// What [`EventDecoder::step`] found.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Found {
    Event(Places),
    Comment {
        start: usize,
        stop: usize,
        end: bool,
    },
    Retry,
}

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

#[cfg(feature = "alloc")]
impl EventDecoder<Vec<u8>> {
    /// A decoder with the default [`Limits`].
    ///
    /// It allocates nothing until it has to store something.
    pub fn new() -> Self {
        Self::with_limits(Limits::new())
    }

    /// A decoder that refuses events and last event IDs larger than `limits`.
    pub fn with_limits(limits: Limits) -> Self {
        Self::with_store(Store::with_limits(Vec::new(), limits))
    }
}

impl<B: Buffer> EventDecoder<B> {
    /// A decoder that stores what it must in `buffer`: a `[u8; N]`, or a `&mut [u8]` or `&mut [u8; N]` that is lent to it.
    ///
    /// The size of the memory sets the limits: a quarter for the last event ID, the rest for an event. An event that does
    /// not fit is refused, even if it could be lent from the input. (A `Vec<u8>` grows, and has the default limits.)
    ///
    /// ```
    /// use sse_wire::EventDecoder;
    ///
    /// struct Connection<'m> {
    ///     lent: EventDecoder<&'m mut [u8]>,
    ///     owned: EventDecoder<[u8; 128]>,
    /// }
    ///
    /// let mut memory = [0; 512];
    /// let connection = Connection {
    ///     lent: EventDecoder::with_buffer(&mut memory[..]),
    ///     owned: EventDecoder::with_buffer([0; 128]),
    /// };
    /// assert_eq!(connection.lent.limits().event, 384);
    /// assert_eq!(connection.owned.limits().last_event_id, 32);
    /// ```
    pub fn with_buffer(buffer: B) -> Self {
        Self::with_store(Store::new(buffer))
    }

    const fn with_store(store: Store<B>) -> Self {
        Self {
            parser: FieldParser::new(),
            store,
            block: Block::NEW,
            unfinished: UnfinishedLine::NEW,
            reconnection_time: 0,
            has_reconnection_time: false,
            before_next: BeforeNext::Look,
        }
    }

    /// The limits in force.
    pub fn limits(&self) -> Limits {
        self.store.limits()
    }

    /// Takes input off the front of `input` until an event is complete, and lends it as text.
    ///
    /// `Ok(None)` means that `input` is empty: more is needed. What is not UTF-8 becomes U+FFFD, as in a browser.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] when an event exceeds a limit. `input` may or may not be empty then: call again to go on.
    ///
    /// # Complexity
    ///
    /// O(n) for n bytes, however they are cut.
    pub fn decode<'d, 'i: 'd>(
        &'d mut self,
        input: &mut &'i [u8],
    ) -> Result<Option<Event<'d>>, DecodeError> {
        let whole = *input;
        if let Some(event) = self.plain_event(input) {
            if let Some(text) = text_at(whole, event.span()) {
                let (event_type, data) = event.split(text);
                let last_event_id = self.store.last_event_id();
                return Ok(Some(Event::new(event_type, data, last_event_id, false)));
            }
            return self.lend_text(whole, event.places()).map(Some);
        }
        if whole.is_empty() && self.before_next == BeforeNext::Nothing {
            return Ok(None);
        }
        self.decode_block(input)
    }

    #[inline(never)]
    fn decode_block<'d, 'i: 'd>(
        &'d mut self,
        input: &mut &'i [u8],
    ) -> Result<Option<Event<'d>>, DecodeError> {
        let whole = *input;
        match self.next_event(input)? {
            Some(places) => self.lend_text(whole, places).map(Some),
            None => Ok(None),
        }
    }

    /// Takes input off the front of `input` until an event is complete, and lends it as bytes, which are not validated.
    ///
    /// For data that something else will validate anyway, such as a JSON parser, or that is not meant to be text. Otherwise
    /// as [`decode`](Self::decode).
    ///
    /// # Errors
    ///
    /// [`DecodeError`] when an event exceeds a limit. `input` may or may not be empty then: call again to go on.
    ///
    /// # Complexity
    ///
    /// O(n) for n bytes, however they are cut.
    pub fn decode_raw<'d, 'i: 'd>(
        &'d mut self,
        input: &mut &'i [u8],
    ) -> Result<Option<RawEvent<'d>>, DecodeError> {
        if let Some(event) = self.plain_event(input) {
            let last_event_id = self.store.last_event_id();
            let PlainEvent {
                event_type, data, ..
            } = event;
            return Ok(Some(RawEvent::new(event_type, data, last_event_id, false)));
        }
        if input.is_empty() && self.before_next == BeforeNext::Nothing {
            return Ok(None);
        }
        self.decode_raw_block(input)
    }

    #[inline(never)]
    fn decode_raw_block<'d, 'i: 'd>(
        &'d mut self,
        input: &mut &'i [u8],
    ) -> Result<Option<RawEvent<'d>>, DecodeError> {
        let whole = *input;
        let found = self.next_event(input)?;
        Ok(found.map(|places| self.lend_raw(whole, places)))
    }

    /// Takes input off the front of `input` until there is an event, a comment or a reconnection time, in the order in
    /// which they came.
    ///
    /// Comments show that the other side is alive. An event is as from [`decode`](Self::decode), but is copied
    /// if comments or `retry` lines stand between its fields.
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
    /// [`DecodeError`] when an event exceeds a limit. `input` may or may not be empty then: call again to go on.
    ///
    /// # Complexity
    ///
    /// O(n) for n bytes, however they are cut.
    pub fn decode_item<'d, 'i: 'd>(
        &'d mut self,
        input: &mut &'i [u8],
    ) -> Result<Option<Item<'d>>, DecodeError> {
        let whole = *input;
        match self.step(input, true)? {
            Some(found) => self.lend_item(whole, found).map(Some),
            None => Ok(None),
        }
    }

    /// The last event ID: what a client sends as `Last-Event-ID` when it connects again; empty if there is none.
    ///
    /// An `id` counts once the blank line that ends its block has come, whether or not the block has data.
    ///
    /// # Complexity
    ///
    /// O(n) for an ID of n bytes: it is kept as bytes, and seen to be text when it is asked for.
    pub fn last_event_id(&self) -> &str {
        known_text(self.store.last_event_id())
    }

    /// Sets the last event ID, for a client that goes on where an earlier one left off.
    ///
    /// It may be called at any time. An `id` that the current block has had already still replaces it at the blank line.
    ///
    /// # Errors
    ///
    /// [`BufferFull`] when it is larger than [`Limits::last_event_id`], which is what is available; nothing has changed
    /// then.
    pub fn set_last_event_id(&mut self, id: LastEventId<'_>) -> Result<(), BufferFull> {
        let id = id.as_str().as_bytes();
        let available = self.limits().last_event_id;
        if id.len() > available {
            let needed = id.len();
            return Err(BufferFull { needed, available });
        }
        self.forget_lent();
        self.store.set_last_event_id(id);
        Ok(())
    }

    /// The reconnection time that the stream asked for, if it did: how long a client waits before it connects again.
    ///
    /// A `retry` field counts as soon as its line is complete, if its value is nothing but ASCII digits: milliseconds,
    /// `u64::MAX` at the most.
    pub fn reconnection_time(&self) -> Option<Duration> {
        self.has_reconnection_time
            .then(|| Duration::from_millis(self.reconnection_time))
    }

    /// Ends the stream, and says whether it broke off within an event.
    ///
    /// `None` if the stream ended between events: after a blank line, or after or inside lines of which no event is made
    /// (comments, `retry`, unknown fields). Otherwise there is an [`Incomplete`] event. The standard discards it: so does
    /// dropping it. Either way the decoder is as after [`restart`](Self::restart) then.
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
        self.forget_lent();
        let block = self.block;
        if self.parser.is_inside_event_line() || block.has_lines || block.refused {
            self.before_next = BeforeNext::Restart;
            Some(Incomplete { decoder: self })
        } else {
            self.restart();
            None
        }
    }

    /// Begins a new stream on a new connection.
    ///
    /// The last event ID and the reconnection time are kept. Everything that was pending is dropped, an `id` without its blank
    /// line included, and a byte order mark may come again.
    pub fn restart(&mut self) {
        self.before_next = BeforeNext::Look;
        self.parser = FieldParser::new();
        self.end_block();
        self.store.give_back();
    }

    /// Finds the next event, or with `items` whatever comes first, and takes it off the front of `input`.
    #[inline(always)]
    pub(crate) fn step(
        &mut self,
        input: &mut &[u8],
        items: bool,
    ) -> Result<Option<Found>, DecodeError> {
        if let Some(event) = self.plain_event(input) {
            return Ok(Some(Found::Event(event.places())));
        }
        if input.is_empty() && self.before_next == BeforeNext::Nothing {
            return Ok(None);
        }
        self.next_found(input, items)
    }

    /// The same for what is not a plain event.
    #[inline(never)]
    fn next_found(&mut self, input: &mut &[u8], items: bool) -> Result<Option<Found>, DecodeError> {
        let mut at = 0;
        if let Some(found) = self.whole_event(input, &mut at, items) {
            return Ok(found.map(Found::Event));
        }
        self.found_in_parts(input, at, items)
    }

    /// The same for events alone.
    #[inline(always)]
    fn next_event(&mut self, input: &mut &[u8]) -> Result<Option<Places>, DecodeError> {
        let mut at = 0;
        if let Some(found) = self.whole_event(input, &mut at, false) {
            return Ok(found);
        }
        Ok(match self.found_in_parts(input, at, false)? {
            Some(Found::Event(places)) => Some(places),
            // Nothing else is asked for.
            _ => None,
        })
    }

    /// The short ways for the end of a data line and for whole blocks: an event, or nothing since the input is used up. `None` sends
    /// the input from `at` on the long way.
    #[inline(always)]
    fn whole_event(
        &mut self,
        input: &mut &[u8],
        at: &mut usize,
        items: bool,
    ) -> Option<Option<Places>> {
        let whole = *input;
        let found = match self.end_of_data(whole, at) {
            CutData::None => Some(self.whole_block(whole, at, items)?),
            CutData::All => None,
            CutData::Event(places) => Some(places),
        };
        *input = whole.get(*at..).unwrap_or_default();
        Some(found)
    }

    /// The long way, for lines of any kind, and parts of them: from `at` on.
    #[inline(never)]
    fn found_in_parts(
        &mut self,
        input: &mut &[u8],
        mut at: usize,
        items: bool,
    ) -> Result<Option<Found>, DecodeError> {
        // What a block that turned out not to be plain has left.
        self.forget_lent();
        let whole = *input;
        if self.beginning_of_data(whole, at) {
            *input = whole.get(whole.len()..).unwrap_or_default();
            return Ok(None);
        }
        self.before_next = BeforeNext::Look;
        let mut places = Places::HELD;
        let found = loop {
            let Some(piece) = self.parser.advance(whole, &mut at) else {
                break None;
            };
            let Piece {
                start, stop, end, ..
            } = piece;
            let found = match piece.line {
                Line::Field(name) => match self.field(name, piece, whole, &mut places) {
                    Ok(is_retry) => (is_retry && items).then_some(Found::Retry),
                    Err(error) => {
                        *input = whole.get(at..).unwrap_or_default();
                        return Err(error);
                    }
                },
                Line::Comment => items.then_some(Found::Comment { start, stop, end }),
                Line::Blank => {
                    places.has_id = self.block.has_id;
                    places.is_held = self.store.holds_event();
                    self.dispatch().then_some(Found::Event(places))
                }
                Line::Withheld(_) => None,
            };
            if found.is_some() {
                break found;
            }
            if piece.line == Line::Blank {
                places = Places::HELD;
            }
        };
        if !matches!(found, Some(Found::Event(_))) {
            self.hold(&mut places, whole);
        }
        *input = whole.get(at..).unwrap_or_default();
        Ok(found)
    }

    /// Forgets what was lent, and tells whether lines of a block that is not refused begin here.
    #[inline(always)]
    fn look(&mut self) -> bool {
        if self.before_next == BeforeNext::Look && !self.parser.is_at_line_start() {
            return false;
        }
        self.look_closely()
    }

    #[inline(never)]
    fn look_closely(&mut self) -> bool {
        self.forget_lent();
        let Block {
            has_lines,
            has_data,
            has_id,
            refused,
        } = self.block;
        let is_at_line_start = self.parser.is_at_line_start();
        if is_at_line_start && !(has_lines || has_data || has_id || refused) {
            self.before_next = BeforeNext::Nothing;
        }
        is_at_line_start && !refused
    }

    /// 9.2.6, processing a field, or a part of one; tells whether it set the reconnection time.
    fn field(
        &mut self,
        name: FieldName,
        piece: Piece,
        whole: &[u8],
        places: &mut Places,
    ) -> Result<bool, DecodeError> {
        match name {
            FieldName::Data | FieldName::Event if self.block.refused => {}
            FieldName::Data => self.data(piece, whole, places)?,
            FieldName::Event => self.event_type(piece, whole, places)?,
            FieldName::Id => self.id(piece, whole, places)?,
            FieldName::Retry => return Ok(self.retry(piece.of(whole), piece.end)),
            FieldName::Unknown => return Ok(false),
        }
        self.block.has_lines |= piece.end;
        Ok(false)
    }

    fn data(&mut self, piece: Piece, whole: &[u8], places: &mut Places) -> Result<(), DecodeError> {
        let value = piece.of(whole);
        let begins = self.store.line_len() == 0;
        let joins = begins && self.block.has_data;
        let counted =
            self.counted(places) + self.store.line_len() + usize::from(joins) + value.len();
        if counted > self.limits().event {
            self.store.clear_line();
            return Err(self.refuse_event(places));
        }
        if begins && piece.end && !self.block.has_data {
            places.data = piece.place();
        } else {
            self.hold(places, whole);
            if joins {
                self.store.push_line(b"\n");
            }
            self.store.push_line(value);
            if piece.end {
                self.store.line_to_data();
            }
        }
        self.block.has_data |= piece.end;
        Ok(())
    }

    fn event_type(
        &mut self,
        piece: Piece,
        whole: &[u8],
        places: &mut Places,
    ) -> Result<(), DecodeError> {
        let value = piece.of(whole);
        let begins = self.store.line_len() == 0;
        if self.counted(places) + self.store.line_len() + value.len() > self.limits().event {
            self.store.clear_line();
            return Err(self.refuse_event(places));
        }
        if begins && piece.end {
            self.store.clear_event_type();
            places.event_type = piece.place();
        } else {
            self.hold(places, whole);
            self.store.push_line(value);
            if piece.end {
                self.store.line_to_event_type();
            }
        }
        Ok(())
    }

    /// The id is stored at once, since it outlives the event, and as text, so that it is text once for all.
    fn id(&mut self, piece: Piece, whole: &[u8], places: &mut Places) -> Result<(), DecodeError> {
        let value = piece.of(whole);
        let limits = self.limits();
        let mut result = Ok(());
        let length = self.store.line_len() + value.len();
        if !self.block.refused {
            // Whichever limit the bytes would meet first if they came one by one, so that no cut makes a difference.
            let room = limits.event.saturating_sub(self.counted(places));
            if length > room.min(limits.last_event_id) {
                result = Err(if room <= limits.last_event_id {
                    self.refuse_event(places)
                } else {
                    self.refuse_id(places)
                });
            }
        }
        if length > limits.last_event_id {
            self.unfinished.is_oversized = true;
            self.store.clear_line();
        }
        self.unfinished.has_nul |= memchr(0, value).is_some();
        if piece.end {
            let ended = self.end_of_id(value, places);
            self.unfinished = UnfinishedLine::NEW;
            self.store.clear_line();
            result.and(ended)
        } else {
            if !self.unfinished.is_oversized {
                self.hold(places, whole);
                self.store.push_line(value);
            }
            result
        }
    }

    /// The line of an id is complete; `value` is its last part.
    fn end_of_id(&mut self, value: &[u8], places: &mut Places) -> Result<(), DecodeError> {
        // 9.2.6: an id that contains NUL is ignored; it does not clear the one before.
        if self.unfinished.has_nul {
            return Ok(());
        }
        let limits = self.limits();
        let in_input = self.store.line_len() == 0;
        if !in_input && !self.unfinished.is_oversized {
            self.store.push_line(value);
        }
        let whole = if in_input { value } else { self.store.line() };
        let replaced = replaced_len(whole);
        let length = replaced.unwrap_or(whole.len());
        if self.unfinished.is_oversized || length > limits.last_event_id {
            self.store.clear_id();
            self.block.has_id = false;
            return if self.block.refused {
                Ok(())
            } else {
                Err(self.refuse_id(places))
            };
        }
        let others = self.counted(places) - self.store.id_len();
        let result = if !self.block.refused && others + length > limits.event {
            Err(self.refuse_event(places))
        } else {
            Ok(())
        };
        self.store.set_id(in_input.then_some(value), replaced);
        self.block.has_id = true;
        result
    }

    /// 9.2.6: only ASCII digits make a reconnection time. Tells whether they did.
    #[inline]
    fn retry(&mut self, value: &[u8], end: bool) -> bool {
        let UnfinishedLine {
            mut digits,
            mut number,
            ..
        } = self.unfinished;
        for byte in value {
            let digit = byte.wrapping_sub(b'0');
            if digits == Digits::Spoilt || digit > 9 {
                digits = Digits::Spoilt;
                break;
            }
            digits = Digits::Some;
            number = number.saturating_mul(10).saturating_add(digit.into());
        }
        if !end {
            self.unfinished.digits = digits;
            self.unfinished.number = number;
            return false;
        }
        self.unfinished = UnfinishedLine::NEW;
        if digits == Digits::Some {
            self.reconnection_time = number;
            self.has_reconnection_time = true;
        }
        digits == Digits::Some
    }

    /// 9.2.6, dispatching the event: tells whether there is one. It is lent until the next call.
    fn dispatch(&mut self) -> bool {
        if self.block.has_id {
            self.store.commit_id();
        }
        let dispatched = self.block.has_data && !self.block.refused;
        if dispatched {
            self.before_next = BeforeNext::EndBlock;
        } else {
            self.end_block();
        }
        dispatched
    }

    /// What the block counts against the limit of an event, without the line that is being read.
    #[inline(always)]
    fn counted(&self, places: &Places) -> usize {
        places.data.length
            + places.event_type.length
            + self.store.data_len()
            + self.store.event_type_len()
            + self.store.id_len()
    }

    #[cold]
    fn refuse_event(&mut self, places: &mut Places) -> DecodeError {
        self.refuse(places);
        let limit = self.limits().event;
        DecodeError::EventTooLarge { limit }
    }

    #[cold]
    fn refuse_id(&mut self, places: &mut Places) -> DecodeError {
        self.refuse(places);
        let limit = self.limits().last_event_id;
        DecodeError::LastEventIdTooLarge { limit }
    }

    fn refuse(&mut self, places: &mut Places) {
        *places = Places::HELD;
        self.store.refuse();
        self.block.refused = true;
        self.block.has_data = false;
    }

    /// Copies into the store what lies in the input, which the caller may take away.
    fn hold(&mut self, places: &mut Places, whole: &[u8]) {
        self.store
            .keep(places.data.of(whole), places.event_type.of(whole));
        *places = Places::HELD;
    }

    fn forget_lent(&mut self) {
        match self.before_next {
            BeforeNext::Nothing | BeforeNext::Look => {}
            BeforeNext::EndBlock => {
                self.before_next = BeforeNext::Look;
                self.end_block();
            }
            BeforeNext::Restart => self.restart(),
        }
    }

    fn end_block(&mut self) {
        self.store.end_block();
        self.block = Block::NEW;
        self.unfinished = UnfinishedLine::NEW;
    }

    /// The ID of the event that was found, for one who keeps it.
    #[cfg(any(feature = "std", feature = "bytes", feature = "futures-core"))]
    pub(crate) fn keep_id(&mut self, keeper: &mut IdKeeper, found: Found) -> KeptId {
        if self.store.take_id_is_new() {
            keeper.update(self.last_event_id());
        }
        keeper.keep(matches!(found, Found::Event(places) if places.has_id))
    }

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
        let (data, event_type) = if places.is_held {
            Self::bytes_at(&self.store, whole, places)
        } else {
            (places.data.bytes(whole), places.event_type.bytes(whole))
        };
        RawEvent::new(event_type, data, self.store.last_event_id(), places.has_id)
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
        if !places.is_held {
            // Both lie in one span of the input, which is seen to be text in one pass.
            let span = places.span();
            if let Some(text) = text_at(whole, span.clone()) {
                let part = |place: Place| {
                    let start = place.start.checked_sub(span.start)?;
                    text.get(start..start + place.length)
                };
                let data = part(places.data).unwrap_or_default();
                let event_type = part(places.event_type).unwrap_or_default();
                let last_event_id = self.store.last_event_id();
                return Ok(Event::new(event_type, data, last_event_id, places.has_id));
            }
        }
        self.lend_held_text(whole, places)
    }

    /// The same for what the store holds some of, and for what is not UTF-8.
    #[inline(never)]
    fn lend_held_text<'d, 'i: 'd>(
        &'d mut self,
        whole: &'i [u8],
        places: Places,
    ) -> Result<Event<'d>, DecodeError> {
        if self.before_next == BeforeNext::Nothing {
            // It may be held from here on.
            self.before_next = BeforeNext::EndBlock;
        }
        let Places {
            data,
            event_type,
            has_id,
            ..
        } = places;
        let (data, event_type) = (data.of(whole), event_type.of(whole));
        let (data, event_type, last_event_id) = self.store.lend_text(data, event_type, has_id)?;
        Ok(Event::new(event_type, data, last_event_id, has_id))
    }
}

impl Block {
    const NEW: Self = Self {
        has_lines: false,
        has_data: false,
        has_id: false,
        refused: false,
    };
}

impl UnfinishedLine {
    const NEW: Self = Self {
        has_nul: false,
        is_oversized: false,
        digits: Digits::None,
        number: 0,
    };
}

impl Places {
    pub(crate) const HELD: Self = Self {
        data: Place::NONE,
        event_type: Place::NONE,
        has_id: false,
        is_held: true,
    };

    /// The part of the input that data and event type, if they are in it, lie in.
    #[inline(always)]
    pub(crate) fn span(self) -> Range<usize> {
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
    const NONE: Self = Self {
        start: 0,
        length: 0,
    };
    /// In the store, as the block's earlier lines have it.
    const HELD: Self = Self {
        start: usize::MAX,
        length: 0,
    };

    #[inline(always)]
    const fn new(start: usize, length: usize) -> Self {
        Self { start, length }
    }

    #[inline(always)]
    const fn stop(self) -> usize {
        self.start + self.length
    }

    #[inline(always)]
    pub(crate) const fn len(self) -> usize {
        self.length
    }

    #[inline(always)]
    const fn is_empty(self) -> bool {
        self.length == 0
    }

    /// Where it is in the input, if it is.
    #[inline(always)]
    pub(crate) fn range(self) -> Option<Range<usize>> {
        (!self.is_empty()).then(|| self.start..self.stop())
    }

    /// Whether there was no such field: the value of a field comes behind its name.
    #[inline(always)]
    const fn is_none(self) -> bool {
        self.start == 0
    }

    #[inline(always)]
    const fn is_held(self) -> bool {
        self.start == Self::HELD.start
    }

    /// The bytes, if they lie in the input.
    #[inline(always)]
    fn of(self, whole: &[u8]) -> Option<&[u8]> {
        whole.get(self.range()?)
    }

    /// The bytes that lie in the input.
    #[inline(always)]
    fn bytes(self, whole: &[u8]) -> &[u8] {
        whole.get(self.start..self.stop()).unwrap_or_default()
    }
}

impl Piece {
    /// The end of a line of which everything came before.
    const END: Self = Self {
        line: Line::Blank,
        start: 0,
        stop: 0,
        end: true,
    };

    fn of(self, whole: &[u8]) -> &[u8] {
        whole.get(self.start..self.stop).unwrap_or_default()
    }

    const fn place(self) -> Place {
        Place::new(self.start, self.stop - self.start)
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
