//! What a server sends: values to the bytes of an event stream.
//!
//! The way back from WHATWG HTML 9.2.6. A block is written as comments, `event`, `id`, `retry`,
//! `data` and the blank line. A value for a one-line field has been validated by its type; text
//! that may have several lines is split at every CRLF, CR and LF, so that no line end of the caller
//! ever reaches the stream. The space after the colon is always there: a value that begins with a
//! space would lose it otherwise.

#[cfg(feature = "alloc")]
use alloc::vec::Vec;
use core::{convert::Infallible, fmt, str, time::Duration};
#[cfg(feature = "std")]
use std::io;

use crate::error::BufferFull;
#[cfg(feature = "alloc")]
use crate::event::OwnedEvent;
use crate::event::{Event, MESSAGE};
use crate::line_end::line_end;
use crate::value::{EventType, LastEventId, matching_bytes};

/// A block to send: an event, or an `id`, `retry` or comment alone.
///
/// Whatever strings it is given, the client dispatches exactly one event with just this data, up to
/// CR and CRLF, which arrive as LF; or none if there is no data.
///
/// ```
/// use sse_wire::{EventType, LastEventId, Outgoing};
///
/// let mut out = Vec::new();
/// Outgoing::event(EventType::from_static("tick"), "hello\nworld")
///     .id(LastEventId::new("42")?)
///     .encode(&mut out);
/// assert_eq!(out, b"event: tick\nid: 42\ndata: hello\ndata: world\n\n");
/// # Ok::<(), sse_wire::InvalidLastEventId>(())
/// ```
///
/// A comment alone keeps a connection alive, or opens a stream:
///
/// ```
/// use sse_wire::Outgoing;
///
/// let mut out = [0; 16];
/// let length = Outgoing::new().comment("ok").encode_to_slice(&mut out)?;
/// assert_eq!(&out[..length], b": ok\n\n");
/// # Ok::<(), sse_wire::BufferFull>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[must_use = "nothing is written until it is encoded"]
pub struct Outgoing<'a> {
    event_type: Option<EventType<'a>>,
    data: Option<&'a str>,
    id: Option<LastEventId<'a>>,
    retry: Option<Duration>,
    comment: Option<&'a str>,
}

impl<'a> Outgoing<'a> {
    /// A block without data, for which the client dispatches no event, unless
    /// [`encode_with`](Self::encode_with) adds some. With nothing set, nothing is written.
    pub const fn new() -> Self {
        Self {
            event_type: None,
            data: None,
            id: None,
            retry: None,
            comment: None,
        }
    }

    /// An event of type `message`.
    ///
    /// `data` may have any number of lines, ended by LF, CR or CRLF. The empty string is data, too.
    pub const fn message(data: &'a str) -> Self {
        let mut outgoing = Self::new();
        outgoing.data = Some(data);
        outgoing
    }

    /// An event of the given type; otherwise as [`message`](Self::message).
    pub const fn event(event_type: EventType<'a>, data: &'a str) -> Self {
        let mut outgoing = Self::message(data);
        outgoing.event_type = Some(event_type);
        outgoing
    }

    /// Sets the `id`: the last event ID of the client from this block on.
    pub const fn id(mut self, id: LastEventId<'a>) -> Self {
        self.id = Some(id);
        self
    }

    /// Sets the `retry`: how long the client waits before it reconnects.
    ///
    /// It is sent in whole milliseconds, rounded down, `u64::MAX` at the most.
    pub const fn retry(mut self, reconnection_time: Duration) -> Self {
        self.retry = Some(reconnection_time);
        self
    }

    /// Sets the comments before the block: one for each line of `text`. Setting them again replaces
    /// them.
    pub const fn comment(mut self, text: &'a str) -> Self {
        self.comment = Some(text);
        self
    }

    /// Appends the block to `out`, and allocates for nothing else.
    #[cfg(feature = "alloc")]
    #[cfg_attr(docsrs, doc(cfg(feature = "alloc")))]
    pub fn encode(&self, out: &mut Vec<u8>) {
        let Ok(()) = self.pieces(Append(out));
    }

    /// Writes the block to the front of `out`, and tells how many bytes it takes.
    ///
    /// # Errors
    ///
    /// [`BufferFull`] when `out` is too small; it says how many bytes are needed, and `out` is as
    /// before.
    pub fn encode_to_slice(&self, out: &mut [u8]) -> Result<usize, BufferFull> {
        let (needed, available) = (self.encoded_len(), out.len());
        if needed > available {
            return Err(BufferFull { needed, available });
        }
        let mut length = 0;
        let Ok(()) = self.pieces(|piece: &[u8]| {
            if let Some(place) = out.get_mut(length..length + piece.len()) {
                place.copy_from_slice(piece);
            }
            length += piece.len();
            Ok::<(), Infallible>(())
        });
        Ok(length)
    }

    /// Writes the block to `out`, a small one in a single write.
    ///
    /// It does not flush: a buffered writer, or a compressor, may buffer the event until that is
    /// done.
    ///
    /// # Errors
    ///
    /// Those of `out`; a part of the block may have been written then, and the stream is of no more
    /// use.
    #[cfg(feature = "std")]
    #[cfg_attr(docsrs, doc(cfg(feature = "std")))]
    pub fn write_to(&self, mut out: impl io::Write) -> io::Result<()> {
        // Without it an unbuffered socket would be asked to send every prefix and every line end on
        // its own.
        let mut gathered = [0; 1024];
        let mut used = 0;
        self.pieces(|piece: &[u8]| {
            if piece.len() > gathered.len() - used {
                out.write_all(gathered.get(..used).unwrap_or_default())?;
                used = 0;
            }
            match gathered.get_mut(used..used + piece.len()) {
                Some(place) => {
                    place.copy_from_slice(piece);
                    used += piece.len();
                    Ok(())
                }
                None => out.write_all(piece),
            }
        })?;
        out.write_all(gathered.get(..used).unwrap_or_default())
    }

    /// How many bytes the block takes, exactly.
    pub fn encoded_len(&self) -> usize {
        let mut length = 0_usize;
        let Ok(()) = self.pieces(|piece: &[u8]| {
            // Line ends become seven times as long: on a small machine that may be more than there
            // are addresses.
            length = length.saturating_add(piece.len());
            Ok::<(), Infallible>(())
        });
        length
    }

    /// Appends the block to `out` with data that `write` writes straight into the data lines.
    ///
    /// Whatever is written goes through line splitting, also when a CRLF is cut between two writes;
    /// it follows the data that was set, if any. There is a data line even if nothing is written.
    ///
    /// ```
    /// use sse_wire::Outgoing;
    ///
    /// let value = serde_json::json!({ "delta": "hello\nworld" });
    /// let mut out = Vec::new();
    /// # #[cfg(feature = "std")]
    /// Outgoing::new().encode_with(&mut out, |data| serde_json::to_writer(data, &value))?;
    /// # #[cfg(feature = "std")]
    /// assert_eq!(out, b"data: {\"delta\":\"hello\\nworld\"}\n\n");
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    ///
    /// For an event type, give it with the first part of the data, which may be empty:
    ///
    /// ```
    /// use std::fmt::Write;
    /// use sse_wire::{EventType, Outgoing};
    ///
    /// let mut out = Vec::new();
    /// let tick = Outgoing::event(EventType::from_static("tick"), "");
    /// tick.encode_with(&mut out, |data| write!(data, "{:.2}", 3.14159))?;
    /// assert_eq!(out, b"event: tick\ndata: 3.14\n\n");
    /// # Ok::<(), std::fmt::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of `write`; `out` is as before then, and also if `write` panics.
    #[cfg(feature = "alloc")]
    #[cfg_attr(docsrs, doc(cfg(feature = "alloc")))]
    pub fn encode_with<E>(
        &self,
        out: &mut Vec<u8>,
        write: impl FnOnce(&mut DataWriter<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut rollback = Rollback {
            length: out.len(),
            out,
        };
        let Ok(()) = self.head(&mut Append(rollback.out));
        rollback.out.extend_from_slice(b"data: ");
        let mut writer = DataWriter {
            out: rollback.out,
            after_cr: false,
        };
        writer.push(self.data.unwrap_or_default().as_bytes());
        write(&mut writer)?;
        rollback.out.extend_from_slice(b"\n\n");
        rollback.length = rollback.out.len();
        Ok(())
    }

    /// The block, piece by piece, for those that always have room.
    #[cfg(feature = "tokio")]
    pub(crate) fn encode_pieces(&self, mut put: impl FnMut(&[u8])) {
        let Ok(()) = self.pieces(|piece: &[u8]| {
            put(piece);
            Ok::<(), Infallible>(())
        });
    }

    /// The block, piece by piece; what all the ways out have in common.
    fn pieces<S: Sink>(&self, mut sink: S) -> Result<(), S::Error> {
        self.head(&mut sink)?;
        match self.data {
            Some(data) => {
                sink.put(b"data: ")?;
                data_lines(data.as_bytes(), &mut sink)?;
                sink.put(b"\n\n")
            }
            None if self.is_nothing() => Ok(()),
            None => sink.put(b"\n"),
        }
    }

    // Comparing with `new()` would compare the strings.
    const fn is_nothing(&self) -> bool {
        let Self {
            event_type,
            data,
            id,
            retry,
            comment,
        } = self;
        event_type.is_none()
            && data.is_none()
            && id.is_none()
            && retry.is_none()
            && comment.is_none()
    }

    /// All fields but the data.
    fn head<S: Sink>(&self, sink: &mut S) -> Result<(), S::Error> {
        if let Some(comment) = self.comment {
            for line in Lines::of(comment.as_bytes()) {
                sink.put(if line.is_empty() { b":" } else { b": " })?;
                sink.put(line)?;
                sink.put(b"\n")?;
            }
        }
        let mut field = |name: &[u8], value: &[u8]| {
            sink.put(name)?;
            sink.put(value)?;
            sink.put(b"\n")
        };
        if let Some(event_type) = self.event_type {
            field(b"event: ", event_type.as_str().as_bytes())?;
        }
        if let Some(id) = self.id {
            field(b"id: ", id.as_str().as_bytes())?;
        }
        if let Some(retry) = self.retry {
            field(b"retry: ", digits(milliseconds(retry), &mut [0; 20]))?;
        }
        Ok(())
    }
}

/// The block as it is sent.
impl fmt::Display for Outgoing<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Text is only ever cut beside ASCII, so that each piece of it is text.
        self.pieces(|piece: &[u8]| {
            formatter.write_str(str::from_utf8(piece).map_err(|_| fmt::Error)?)
        })
    }
}

/// Forwards a decoded event: its type, its data, and the `id` of its own block, if any.
///
/// An inherited last event ID is not repeated: the client has it if it received every event that
/// carried one. If that is not so (events are filtered or were rejected, an `id` came in a block
/// without data, the decoder was [seeded](crate::EventDecoder::set_last_event_id), the client joins
/// late), send it: set [`id`](Outgoing::id) to the event's `last_event_id()`, or send a block with
/// the `id` alone.
impl<'a> From<Event<'a>> for Outgoing<'a> {
    fn from(event: Event<'a>) -> Self {
        // An event borrows from a chunk, and nothing makes a chunk return the same bytes each time.
        // So its values are checked as any others.
        let mut outgoing = Self::message(event.data());
        if event.event_type() != MESSAGE {
            outgoing.event_type = EventType::new(event.event_type()).ok();
        }
        outgoing.id = event.id().and_then(|id| LastEventId::new(id).ok());
        outgoing
    }
}

impl<'a> From<&Event<'a>> for Outgoing<'a> {
    fn from(event: &Event<'a>) -> Self {
        (*event).into()
    }
}

#[cfg(feature = "alloc")]
impl<'a> From<&'a OwnedEvent> for Outgoing<'a> {
    fn from(event: &'a OwnedEvent) -> Self {
        event.as_event().into()
    }
}

/// Where the closure of [`Outgoing::encode_with`] writes the data: as [`fmt::Write`], and with
/// `std` as [`std::io::Write`].
///
/// CRLF, CR and LF each begin a new data line, whichever writes they come in. Bytes written through
/// `io::Write` are not checked to be UTF-8; where they are not, the client will see U+FFFD.
#[cfg(feature = "alloc")]
#[cfg_attr(docsrs, doc(cfg(feature = "alloc")))]
#[derive(Debug)]
pub struct DataWriter<'a> {
    out: &'a mut Vec<u8>,
    /// The last byte written was a CR: an LF that comes next belongs to it.
    after_cr: bool,
}

#[cfg(feature = "alloc")]
impl DataWriter<'_> {
    fn push(&mut self, bytes: &[u8]) {
        let Some(&last) = bytes.last() else { return };
        let bytes = match bytes.strip_prefix(b"\n") {
            Some(rest) if self.after_cr => rest,
            _ => bytes,
        };
        self.after_cr = last == b'\r';
        let Ok(()) = data_lines(bytes, &mut Append(self.out));
    }
}

#[cfg(feature = "alloc")]
impl fmt::Write for DataWriter<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text.as_bytes());
        Ok(())
    }
}

#[cfg(feature = "std")]
impl io::Write for DataWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.push(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Takes back what was written unless it is complete: an open block would swallow the next event.
#[cfg(feature = "alloc")]
struct Rollback<'a> {
    out: &'a mut Vec<u8>,
    length: usize,
}

#[cfg(feature = "alloc")]
impl Drop for Rollback<'_> {
    fn drop(&mut self) {
        self.out.truncate(self.length);
    }
}

/// Where the pieces of a block go.
trait Sink {
    type Error;

    fn put(&mut self, piece: &[u8]) -> Result<(), Self::Error>;

    /// Puts the first `length` bytes of `text`.
    fn put_first(&mut self, text: &[u8], length: usize) -> Result<(), Self::Error> {
        self.put(text.get(..length).unwrap_or_default())
    }
}

impl<F, E> Sink for F
where
    F: FnMut(&[u8]) -> Result<(), E>,
{
    type Error = E;

    fn put(&mut self, piece: &[u8]) -> Result<(), E> {
        self(piece)
    }
}

#[cfg(feature = "alloc")]
struct Append<'a>(&'a mut Vec<u8>);

#[cfg(feature = "alloc")]
impl Sink for Append<'_> {
    type Error = Infallible;

    #[inline(always)]
    fn put(&mut self, piece: &[u8]) -> Result<(), Infallible> {
        self.0.extend_from_slice(piece);
        Ok(())
    }

    #[inline(always)]
    fn put_first(&mut self, text: &[u8], length: usize) -> Result<(), Infallible> {
        // To copy a whole block, and drop what is too much, costs less than to copy as many bytes
        // as there are.
        match text.first_chunk::<BLOCK>() {
            Some(block) if length <= BLOCK => {
                let end = self.0.len() + length;
                self.0.extend_from_slice(block);
                self.0.truncate(end);
                Ok(())
            }
            _ => self.put(text.get(..length).unwrap_or_default()),
        }
    }
}

#[cfg(feature = "alloc")]
const BLOCK: usize = 64;

/// The lines of a text that may end in CRLF, CR or LF, each of them one end (9.2.5); at least one.
struct Lines<'a> {
    rest: Option<&'a [u8]>,
}

impl<'a> Lines<'a> {
    const fn of(text: &'a [u8]) -> Self {
        Self { rest: Some(text) }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.rest?;
        let Some((line, end)) = line_end(rest, 0).and_then(|length| rest.split_at_checked(length))
        else {
            self.rest = None;
            return Some(rest);
        };
        let after = end.strip_prefix(b"\r\n").or_else(|| end.get(1..));
        self.rest = after;
        Some(line)
    }
}

/// The data lines of `text`, without the first `data: ` and without the last line end.
fn data_lines<S: Sink>(text: &[u8], sink: &mut S) -> Result<(), S::Error> {
    if is_surely_one_line(text) {
        return sink.put(text);
    }
    let mut rest = text;
    loop {
        let end = line_end(rest, 0);
        sink.put_first(rest, end.unwrap_or(rest.len()))?;
        let Some(end) = end.and_then(|length| rest.get(length..)) else {
            return Ok(());
        };
        sink.put(b"\ndata: ")?;
        rest = match end {
            [b'\r', b'\n', rest @ ..] | [_, rest @ ..] => rest,
            [] => end,
        };
    }
}

/// Whether a short look tells that `text` has no line end. If not, it may have one or none.
///
/// Most data is one short line, and a search for its end would take as long as all else that is
/// done for it. This looks at blocks that overlap, so that few branches depend on the length: where
/// lengths vary, such a branch is often predicted wrongly, and that costs as much as looking at a
/// hundred bytes.
///
/// It is not inlined, because it becomes vector instructions only where it stands alone.
#[inline(never)]
fn is_surely_one_line(text: &[u8]) -> bool {
    // Without them it would be slower than the search, and larger.
    if !HAS_VECTORS {
        return false;
    }
    match text.len() {
        0..4 => !text.iter().any(|byte| matches!(byte, b'\n' | b'\r')),
        4..16 => four(text).is_some_and(have_no_line_end),
        16..64 => four::<16>(text).is_some_and(|blocks| {
            let lowest = blocks.into_iter().fold(Lowest::START, Lowest::and);
            lowest.is_above_line_ends()
        }),
        64..=512 => lowest_of_long(text).is_some_and(|lowest| lowest.is_above_line_ends()),
        // What it would save is little beside what copying takes.
        _ => false,
    }
}

const HAS_VECTORS: bool = cfg!(any(
    target_feature = "sse2",
    target_feature = "neon",
    target_feature = "simd128",
));

/// Four blocks that cover a text of N to 4 N bytes.
fn four<const N: usize>(text: &[u8]) -> Option<[&[u8; N]; 4]> {
    let last = text.len().checked_sub(N)?;
    let second = last.min(N);
    Some([
        text.first_chunk()?,
        text.get(second..)?.first_chunk()?,
        text.get(last - second..)?.first_chunk()?,
        text.last_chunk()?,
    ])
}

fn have_no_line_end(blocks: [&[u8; 4]; 4]) -> bool {
    let [first, second, third, fourth] = blocks.map(|block| u64::from(u32::from_le_bytes(*block)));
    let (front, back) = (first | second << 32, third | fourth << 32);
    matching_bytes(front, b"\r\n") | matching_bytes(back, b"\r\n") == 0
}

/// The lowest byte at each place of the blocks seen, counted from LF: CR is 3 then, and what is
/// below LF is high.
struct Lowest<const N: usize>([u8; N]);

impl<const N: usize> Lowest<N> {
    const START: Self = Self([u8::MAX; N]);

    fn and(mut self, block: &[u8; N]) -> Self {
        for (lowest, byte) in self.0.iter_mut().zip(block) {
            *lowest = byte.wrapping_sub(b'\n').min(*lowest);
        }
        self
    }

    fn is_above_line_ends(&self) -> bool {
        self.0.iter().all(|&lowest| lowest > b'\r' - b'\n')
    }
}

/// For a text of 64 bytes or more.
fn lowest_of_long(text: &[u8]) -> Option<Lowest<64>> {
    // The last two blocks cover what the rounds leave over; they overlap if the bytes are too few.
    let end = text.get(text.len().saturating_sub(128)..)?;
    let mut lowest = Lowest::START.and(end.first_chunk()?).and(end.last_chunk()?);
    let mut rest = text;
    // Two at a time: the fewer numbers of rounds there are, the more often they are predicted.
    while let Some((blocks, after)) = rest.split_first_chunk::<128>() {
        lowest = lowest.and(blocks.first_chunk()?).and(blocks.last_chunk()?);
        rest = after;
    }
    Some(lowest)
}

/// The reconnection time in milliseconds, without the 128-bit arithmetic of `Duration::as_millis`.
fn milliseconds(time: Duration) -> u64 {
    time.as_secs()
        .saturating_mul(1000)
        .saturating_add(u64::from(time.subsec_millis()))
}

/// The decimal digits of `number`, written to the end of `digits`.
fn digits(mut number: u64, digits: &mut [u8; 20]) -> &[u8] {
    let mut start = digits.len();
    for (index, digit) in digits.iter_mut().enumerate().rev() {
        let value = (number % 10) as u8;
        *digit = b'0' + value;
        start = index;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    digits.get(start..).unwrap_or_default()
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, reason = "a test may panic")]
mod tests {
    use super::{HAS_VECTORS, is_surely_one_line};

    /// To give up is never wrong, but slower.
    #[test]
    fn a_short_look_is_enough_for_short_data() {
        // What is near a line end in one way or another.
        for byte in [b'x', 0, b'\t', 0x0E, 0x7F, 0x8A, 0x8D, 0xFF] {
            let mut text = [byte; 512];
            for length in 0..=text.len() {
                let one_line = is_surely_one_line(&text[..length]);
                assert_eq!(one_line, HAS_VECTORS, "{length} of {byte:#x}");
            }
            for length in (0..130).chain([200, 256, 511, 512]) {
                for (place, end) in (0..length).zip([b'\n', b'\r'].into_iter().cycle()) {
                    text[place] = end;
                    assert!(!is_surely_one_line(&text[..length]), "{place} of {length}");
                    text[place] = byte;
                }
            }
        }
    }
}
