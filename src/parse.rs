//! WHATWG HTML 9.2.5, parsing an event stream: bytes to lines, and lines to fields.
//!
//! A line that lies whole in an input needs no state: [`classify`] reads it. What the parser stores of a line that the end of an
//! input cuts is how it began:
//!
//! | state | what was read of the line | what comes next |
//! |---|---|---|
//! | `Prefix` | nothing of the stream, or the first bytes of a byte order mark | the rest of the mark, or a line |
//! | `LineStart` | nothing | a line |
//! | `AfterCr` | nothing; a CR ended the input before | an LF that belongs to the CR, or a line |
//! | `Prefix` | the first bytes of a field name, its colon and its space | the rest of them, or the value |
//! | `Value` | the value of a field, or an unknown line | more of it, or the end of the line |
//! | `Comment` | a colon that began the line | more of the comment, or the end of the line |
//!
//! The bytes of a prefix are known, so they need not be buffered. If the next input shows that they belong to another name, or are
//! no byte order mark, they are returned as the first fragment of an unknown line.

use crate::line_end::{end_len, first_line_end, line_end, whole_line};

const LF: u8 = b'\n';
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";
/// The length of the longest [prefix](FieldName::prefix).
const LONGEST_PREFIX: usize = 7;

/// Splits an event stream into fields, comments and blank lines, without storing any of it (WHATWG HTML 9.2.5).
///
/// It borrows every token from the input, needs no memory besides its own few bytes, and gives the same tokens however the
/// stream is cut into inputs, except that a line that is cut arrives in parts. A line of any length passes through.
///
/// ```
/// use sse_wire::{FieldName, FieldParser, Token};
///
/// let mut parser = FieldParser::new();
/// let mut input: &[u8] = b"data: hello\n\n";
/// let data = Token::Field { name: FieldName::Data, value: b"hello", end: true };
/// assert_eq!(parser.next(&mut input), Some(data));
/// assert_eq!(parser.next(&mut input), Some(Token::BlankLine));
/// assert_eq!(parser.next(&mut input), None);
/// ```
#[derive(Debug, Clone)]
pub struct FieldParser {
    state: State,
}

/// What [`FieldParser::next`] found: a line, or a part of one.
///
/// A line that lies whole in the input is one token with `end: true`. A line that is cut by the end of the input arrives in
/// parts; the last one has `end: true` and may be empty, the others have `end: false` and are never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "the format has no other lines")]
pub enum Token<'i> {
    /// A field, or a part of one.
    Field {
        /// Which field it is.
        name: FieldName,
        /// The value, or a part of it, without the one space that may follow the colon; for
        /// [`FieldName::Unknown`] the line.
        value: &'i [u8],
        /// Whether the line ends here.
        end: bool,
    },
    /// A comment, or a part of one.
    Comment {
        /// What follows the colon, or a part of it; a space after the colon belongs to it.
        text: &'i [u8],
        /// Whether the line ends here.
        end: bool,
    },
    /// An empty line: the block of fields before it is complete.
    BlankLine,
}

/// The name of a field, as far as the standard gives it a meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "the format has no other fields")]
pub enum FieldName {
    /// `data`: a line of the event's data.
    Data,
    /// `event`: the event type.
    Event,
    /// `id`: the last event ID.
    Id,
    /// `retry`: the reconnection time.
    Retry,
    /// Anything else, to be ignored: not an error.
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    LineStart,
    AfterCr,
    /// So many bytes of it have been read, and nothing else of the line.
    Prefix {
        of: Prefix,
        seen: u8,
    },
    Value {
        name: FieldName,
    },
    Comment,
}

/// How a line, or the stream, may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Prefix {
    ByteOrderMark,
    Field(FieldName),
}

/// A line, or a fragment of one, as offsets in the input: they do not borrow it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Piece {
    pub(crate) line: Line,
    /// Where the value, or the fragment of it, begins.
    pub(crate) start: usize,
    pub(crate) stop: usize,
    /// Whether the line ends here.
    pub(crate) end: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Line {
    Field(FieldName),
    Comment,
    Blank,
    /// The first fragment of an unknown line, which came with an earlier input.
    Withheld(&'static [u8]),
}

impl FieldParser {
    /// Creates a parser at the start of a stream.
    pub const fn new() -> Self {
        Self {
            state: State::START,
        }
    }

    /// Parses the next token, advancing `input` past the bytes it consumed.
    ///
    /// `None` means that `input` is empty, and more is needed. A token consumes its line with the line end, or the fragment of
    /// the line that is in the input; an LF that is in the input goes with its CR. So the input before a call, less the input
    /// after it, is the raw text of the token. A byte order mark at the start of the stream, and an LF whose CR ended the
    /// input before, go with the token that follows.
    ///
    /// A CR at the end of `input` ends its line at once.
    ///
    /// # Complexity
    ///
    /// O(n) for n bytes, however they are cut.
    #[allow(
        clippy::should_implement_trait,
        reason = "it borrows from its argument, which an iterator cannot"
    )]
    pub fn next<'i>(&mut self, input: &mut &'i [u8]) -> Option<Token<'i>> {
        let whole = *input;
        let mut at = 0;
        let piece = self.scan(whole, &mut at);
        *input = whole.get(at..).unwrap_or_default();
        let (piece, _) = piece?;
        let (value, end) = (piece.bytes(whole), piece.end);
        Some(match piece.line {
            Line::Field(name) => Token::Field { name, value, end },
            Line::Comment => Token::Comment { text: value, end },
            Line::Blank => Token::BlankLine,
            Line::Withheld(value) => Token::Field {
                name: FieldName::Unknown,
                value,
                end,
            },
        })
    }

    /// Ends the stream, completes an unfinished line, and returns to the start.
    ///
    /// `None` if the stream ended between lines. Otherwise the last token of the unfinished line. Its value is empty, since
    /// earlier tokens had it, except for an unknown line of which no token was returned yet. The standard ignores an
    /// unfinished line.
    ///
    /// ```
    /// use sse_wire::{FieldName, FieldParser, Token};
    ///
    /// let mut parser = FieldParser::new();
    /// let mut input: &[u8] = b"data: [DONE]";
    /// let part = Token::Field { name: FieldName::Data, value: b"[DONE]", end: false };
    /// assert_eq!(parser.next(&mut input), Some(part));
    /// let last = Token::Field { name: FieldName::Data, value: b"", end: true };
    /// assert_eq!(parser.finish(), Some(last));
    /// assert_eq!(parser.finish(), None);
    /// ```
    pub fn finish(&mut self) -> Option<Token<'static>> {
        let (line, value) = match core::mem::replace(&mut self.state, State::START) {
            State::START | State::LineStart | State::AfterCr => return None,
            State::Prefix { of, seen } => {
                let line = of.first(seen);
                let (name, value_start) = classify(line);
                (name, line.get(value_start..).unwrap_or_default())
            }
            State::Value { name } => (Line::Field(name), &[][..]),
            State::Comment => (Line::Comment, &[][..]),
        };
        Some(match line {
            Line::Field(name) => Token::Field {
                name,
                value,
                end: true,
            },
            _ => Token::Comment {
                text: value,
                end: true,
            },
        })
    }

    /// Whether the input so far ends inside a line; a part of a byte order mark is one.
    pub const fn is_inside_line(&self) -> bool {
        !matches!(self.state, State::START | State::LineStart | State::AfterCr)
    }

    /// Whether the input so far ends inside a line that belongs to an event, or may yet turn out to.
    pub(crate) const fn is_inside_event_line(&self) -> bool {
        matches!(
            self.state,
            State::Prefix { of: Prefix::Field(name), .. } | State::Value { name }
                if matches!(name, FieldName::Data | FieldName::Event | FieldName::Id)
        )
    }

    #[inline(always)]
    pub(crate) const fn is_at_line_start(&self) -> bool {
        matches!(self.state, State::LineStart)
    }

    /// Finds the next line, or fragment of a line, in `input` from `at` on, and moves `at` behind it. Tells whether it is a
    /// whole line.
    ///
    /// `None` means that `input` is consumed.
    #[inline(always)]
    pub(crate) fn scan(&mut self, input: &[u8], at: &mut usize) -> Option<(Piece, bool)> {
        loop {
            if self.is_at_line_start() {
                let start = *at;
                if let Some((stop, next)) = whole_line(input, start) {
                    let (line, value_start) = classify(input.get(start..stop).unwrap_or_default());
                    *at = next;
                    let start = start + value_start;
                    let piece = Piece {
                        line,
                        start,
                        stop,
                        end: true,
                    };
                    return Some((piece, true));
                }
            }
            if let Some(piece) = self.scan_cut_line(input, at) {
                return Some((piece, false));
            }
            if *at == input.len() {
                return None;
            }
        }
    }

    /// The same for a line that is cut by the beginning or the end of the input.
    ///
    /// `None` means that `input` is consumed, or that a line begins at `at`.
    #[inline(never)]
    fn scan_cut_line(&mut self, input: &[u8], at: &mut usize) -> Option<Piece> {
        let &next = input.get(*at)?;
        match self.state {
            // The line has no end, unless that is a CR that ends the input.
            State::LineStart => self.begin_line(&[], input, at, input.len() - 1),
            State::AfterCr => {
                *at += usize::from(next == LF);
                self.state = State::LineStart;
                None
            }
            State::Prefix { of, seen } => match of {
                Prefix::ByteOrderMark => self.byte_order_mark(seen, input, at),
                Prefix::Field(_) => self.begin_line(of.first(seen), input, at, *at),
            },
            State::Value { name } => self.rest_of_line(Line::Field(name), input, at, *at),
            State::Comment => self.rest_of_line(Line::Comment, input, at, *at),
        }
    }

    /// 9.2.5: one byte order mark may begin the stream; `seen` bytes of it came with earlier inputs.
    fn byte_order_mark(&mut self, seen: u8, input: &[u8], at: &mut usize) -> Option<Piece> {
        let of = Prefix::ByteOrderMark;
        let rest = input.get(*at..).unwrap_or_default();
        let missing = of.bytes().get(usize::from(seen)..).unwrap_or_default();
        if rest.starts_with(missing) {
            *at += missing.len();
            self.state = State::LineStart;
        } else if missing.starts_with(rest) {
            *at = input.len();
            self.state = State::prefix(of, usize::from(seen) + rest.len());
        } else if seen == 0 {
            self.state = State::LineStart;
        } else {
            return Some(self.withheld(of.first(seen), *at));
        }
        None
    }

    /// Begins a line, whose `known` first bytes came with earlier inputs. Its end is not before `search_from`.
    fn begin_line(
        &mut self,
        known: &'static [u8],
        input: &[u8],
        at: &mut usize,
        search_from: usize,
    ) -> Option<Piece> {
        // As much of the line as is needed to classify it.
        let mut head = [0; LONGEST_PREFIX + 1];
        let mut length = 0;
        let rest = input.get(*at..).unwrap_or_default();
        for (to, from) in head.iter_mut().zip(known.iter().chain(rest)) {
            *to = *from;
            length += 1;
        }
        let head = head.get(..length).unwrap_or_default();
        let end = first_line_end(head);
        if end.is_none() {
            if let Some(of) = Prefix::FIELDS.into_iter().find(|of| of.bytes().starts_with(head)) {
                *at = input.len();
                self.state = State::prefix(of, length);
                return None;
            }
        }
        let (line, value_start) = classify(head.get(..end.unwrap_or(length)).unwrap_or_default());
        let Some(value_start) = value_start.checked_sub(known.len()) else {
            return Some(self.withheld(known, *at));
        };
        *at += value_start;
        self.rest_of_line(line, input, at, search_from)
    }

    /// The line from `at` to its end, or to the end of the input. Its end is not before `search_from`.
    fn rest_of_line(
        &mut self,
        line: Line,
        input: &[u8],
        at: &mut usize,
        search_from: usize,
    ) -> Option<Piece> {
        let start = *at;
        let end = line_end(input, search_from.max(start));
        let stop = end.unwrap_or(input.len());
        *at = stop;
        if end.is_some() {
            self.end_line(input, at);
        } else {
            self.state = match line {
                Line::Field(name) => State::Value { name },
                _ => State::Comment,
            };
            if start == stop {
                return None;
            }
        }
        Some(Piece {
            line,
            start,
            stop,
            end: end.is_some(),
        })
    }

    /// Consumes the line end at `at`.
    fn end_line(&mut self, input: &[u8], at: &mut usize) {
        if let Some(length) = end_len(input, *at) {
            *at += length;
            self.state = State::LineStart;
        } else {
            // Waiting for the byte that tells CR from CRLF would delay the event that this line dispatches.
            *at = input.len();
            self.state = State::AfterCr;
        }
    }

    /// The bytes of a prefix that came with earlier inputs began an unknown line.
    const fn withheld(&mut self, bytes: &'static [u8], at: usize) -> Piece {
        self.state = State::Value {
            name: FieldName::Unknown,
        };
        Piece {
            line: Line::Withheld(bytes),
            start: at,
            stop: at,
            end: false,
        }
    }
}

/// 9.2.6: what a line is, and where its value begins. Of a line that is cut, its first eight bytes are enough.
#[inline(always)]
fn classify(line: &[u8]) -> (Line, usize) {
    match line.first() {
        None => (Line::Blank, 0),
        Some(b':') => (Line::Comment, 1),
        Some(b'd') => FieldName::Data.classify(line),
        Some(b'e') => FieldName::Event.classify(line),
        Some(b'i') => FieldName::Id.classify(line),
        Some(b'r') => FieldName::Retry.classify(line),
        Some(_) => UNKNOWN,
    }
}

/// All of an unknown line is its value.
const UNKNOWN: (Line, usize) = (Line::Field(FieldName::Unknown), 0);

impl FieldName {
    /// The name, the colon, and the one space that is skipped.
    #[inline(always)]
    pub(crate) const fn prefix(self) -> &'static [u8] {
        match self {
            Self::Data => b"data: ",
            Self::Event => b"event: ",
            Self::Id => b"id: ",
            Self::Retry => b"retry: ",
            Self::Unknown => b"",
        }
    }

    /// 9.2.6: a field name is followed by a colon and the value, without its first space, or by nothing.
    #[inline(always)]
    fn classify(self, line: &[u8]) -> (Line, usize) {
        let prefix = self.prefix();
        if line.starts_with(prefix) {
            return (Line::Field(self), prefix.len());
        }
        let name = prefix.strip_suffix(b": ").unwrap_or_default();
        match line.strip_prefix(name) {
            Some([]) => (Line::Field(self), name.len()),
            Some([b':', ..]) => (Line::Field(self), name.len() + 1),
            _ => UNKNOWN,
        }
    }
}

impl Piece {
    /// The end of a field of which everything else came before.
    pub(crate) const fn end_of(name: FieldName) -> Self {
        Self {
            line: Line::Field(name),
            start: 0,
            stop: 0,
            end: true,
        }
    }

    #[inline(always)]
    pub(crate) const fn len(self) -> usize {
        self.stop - self.start
    }

    #[inline(always)]
    pub(crate) fn bytes(self, input: &[u8]) -> &[u8] {
        input.get(self.start..self.stop).unwrap_or_default()
    }
}

impl Default for FieldParser {
    fn default() -> Self {
        Self::new()
    }
}

impl State {
    /// A byte order mark may come.
    const START: Self = Self::Prefix {
        of: Prefix::ByteOrderMark,
        seen: 0,
    };

    #[expect(
        clippy::cast_possible_truncation,
        reason = "no prefix is longer than a few bytes"
    )]
    const fn prefix(of: Prefix, seen: usize) -> Self {
        let seen = seen as u8;
        Self::Prefix { of, seen }
    }
}

impl Prefix {
    const FIELDS: [Self; 4] = [
        Self::Field(FieldName::Data),
        Self::Field(FieldName::Event),
        Self::Field(FieldName::Id),
        Self::Field(FieldName::Retry),
    ];

    const fn bytes(self) -> &'static [u8] {
        match self {
            Self::ByteOrderMark => BYTE_ORDER_MARK,
            Self::Field(name) => name.prefix(),
        }
    }

    fn first(self, count: u8) -> &'static [u8] {
        self.bytes().get(..usize::from(count)).unwrap_or_default()
    }
}
