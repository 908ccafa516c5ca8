//! Items of one stream as frames for another.

use alloc::vec::Vec;

use bytes::Bytes;

use crate::encode::Outgoing;
use crate::event::Item;
use crate::frame::Frame;
use crate::parse::{FieldName, FieldParser, Token};

/// How much of a line is buffered until its end.
const MOST: usize = 64 * 1024;

/// Turns the items of a stream into frames, for a relay that decides about each of them.
///
/// Whatever the items are, the frames mean what the items meant: events with their type, data and
/// own ID, blocks without data, reconnection times, and comments and ignored lines byte for byte.
/// Nothing is sent for a line that would mean something else: one that begins with a byte order
/// mark, and one that was changed into a field. The guide [relaying](crate::guide::relaying)
/// compares it with forwarding bytes.
///
/// ```
/// use sse_wire::{EventDecoder, Relay};
///
/// let mut decoder = EventDecoder::new();
/// let (mut relay, mut sent) = (Relay::new(), Vec::new());
/// for mut chunk in [&b": pi"[..], b"ng\nretry: 10\nid:\nevent: add\ndata: 1\n\n"] {
///     while let Some(item) = decoder.decode_item(&mut chunk)? {
///         // Here a relay drops or changes what it does not want to send.
///         if let Some(frame) = relay.frame(item) {
///             sent.extend_from_slice(frame.as_bytes());
///         }
///     }
/// }
/// assert_eq!(sent, b": ping\n\nretry: 10\n\nevent: add\nid: \ndata: 1\n\n");
/// # Ok::<(), sse_wire::DecodeError>(())
/// ```
///
/// A comment or an ignored line that arrives in fragments is buffered until it ends, up to 64 KiB
/// and one chunk. A longer comment is sent as several; of a longer ignored line the rest is
/// dropped. Create a relay for each connection: with a driver that reconnects, at
/// [`Update::Opened`](crate::reconnect::Update::Opened).
#[cfg_attr(docsrs, doc(cfg(feature = "bytes")))]
#[derive(Debug, Clone, Default)]
pub struct Relay {
    /// The fragments so far of a line that has not ended.
    line: Vec<u8>,
    /// The rest of that line is dropped.
    is_full: bool,
}

impl Relay {
    /// Creates a relay for one connection.
    pub const fn new() -> Self {
        Self {
            line: Vec::new(),
            is_full: false,
        }
    }

    /// Returns the frame of an item; `None` if there is nothing to send (yet).
    ///
    /// # Complexity
    ///
    /// O(n) for an item of n bytes.
    pub fn frame(&mut self, item: Item<'_>) -> Option<Frame> {
        let frame: Frame = match item {
            Item::Event(event) => event.into(),
            Item::NotDispatched(event) => Outgoing::without_data(event).into(),
            Item::Retry(time) => Outgoing::new().retry(time).into(),
            Item::Comment { text, end } => return self.comment(text, end),
            Item::Ignored { text, end } => return self.ignored(text, end),
        };
        self.clear();
        Some(frame).filter(|frame| !frame.is_empty())
    }

    fn comment(&mut self, text: &[u8], end: bool) -> Option<Frame> {
        if self.line.first() != Some(&b':') {
            self.clear();
            self.line.push(b':');
        }
        self.line.extend_from_slice(text);
        (end || self.line.len() > MOST).then(|| self.end_line(true))?
    }

    fn ignored(&mut self, text: &[u8], end: bool) -> Option<Frame> {
        if self.line.first() == Some(&b':') {
            self.clear();
        }
        if !self.is_full {
            self.line.extend_from_slice(text);
        }
        let is_first_part = !self.is_full && self.line.len() > MOST;
        let is_done = is_first_part || end && !self.is_full;
        self.is_full = !end && (self.is_full || is_first_part);
        is_done.then(|| self.end_line(false))?
    }

    /// Drops the fragments of a line, which an earlier connection may have left.
    fn clear(&mut self) {
        self.line.clear();
        self.is_full = false;
    }

    /// Returns the frame of the line, unless it would mean something else there.
    fn end_line(&mut self, is_comment: bool) -> Option<Frame> {
        let mut line = core::mem::take(&mut self.line);
        line.extend_from_slice(b"\n\n");
        // A caller may have changed the text, and so may a chunk that gives other bytes each time.
        // At the start of a stream, a byte order mark is skipped, and what follows may be a field.
        let mut parser = FieldParser::new();
        let mut rest = &line[..];
        let is_same = match parser.next(&mut rest)? {
            Token::Comment { .. } => is_comment,
            Token::Field { name, .. } => !is_comment && name == FieldName::Unknown,
            Token::BlankLine => false,
        };
        let is_one = rest == b"\n" && !line.starts_with(b"\xEF\xBB\xBF");
        (is_same && is_one).then(|| Frame::from_bytes_unchecked(Bytes::from(line)))
    }
}
