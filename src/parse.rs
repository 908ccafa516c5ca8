//! WHATWG HTML 9.2.5, parsing an event stream: bytes to lines, and lines to fields.
//!
//! A line that lies whole in an input needs no state: [`FieldParser::whole_line`] reads it. Of a
//! line that an input cuts, the parser stores how it began:
//!
//! | state | what was read | what comes next |
//! |---|---|---|
//! | `LineStart` | a line end | a line |
//! | `AfterCr` | a CR at the end of an input | an LF that belongs to it, or a line |
//! | `Prefix` | nothing, or the first bytes of a byte order mark | its rest, or a line |
//! | `Prefix` | the first bytes of a name, colon and space | their rest, or the value |
//! | `Inside` | the beginning of a value, unknown line or comment | more, or the line end |
//! | `Withheld` | the first bytes of a prefix, and then others | more, or the line end |
//!
//! The bytes of a prefix are known, so the parser counts them and buffers none. If the next input
//! shows that they begin an unknown line, they are its first fragment.

use crate::SMALL;
use crate::line_end::{end_len, line_end, whole_line};

const LF: u8 = b'\n';
const CR: u8 = b'\r';
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";
/// The number of bytes within which the value of every line begins.
const LONGEST_PREFIX: usize = Line::Retry.prefix().len();

/// Splits an event stream into fields, comments and blank lines, without storing any of it (WHATWG
/// HTML 9.2.5).
///
/// It borrows every token from the input, needs no memory besides its own few bytes, and returns
/// the same tokens however the stream is split into inputs, except that a line that is split
/// arrives in fragments. A line of any length passes through.
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

/// A line of the stream, or a fragment of one, as [`FieldParser::next`] returns it.
///
/// A line that lies whole in the input is one token with `end: true`. A line that is split across
/// inputs arrives in fragments; the last one has `end: true` and may be empty, the others have
/// `end: false` and are never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "the format has no other lines")]
pub enum Token<'i> {
    /// A field, or a fragment of one.
    Field {
        /// Which field it is.
        name: FieldName,
        /// The value, or a fragment of it, without the one space that may follow the colon; for
        /// [`FieldName::Unknown`] the line.
        value: &'i [u8],
        /// Whether the line ends here.
        end: bool,
    },
    /// A comment, or a fragment of one.
    Comment {
        /// What follows the colon, or a fragment of it; a space after the colon belongs to it.
        text: &'i [u8],
        /// Whether the line ends here.
        end: bool,
    },
    /// An empty line: the block of fields before it is complete.
    BlankLine,
}

/// The name of a field to which the standard gives a meaning, or `Unknown`.
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
    /// Any other name, which the standard ignores.
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
    /// In the value of a field, in an unknown line, or in a comment.
    Inside(Line),
    /// In an unknown line, which begins with the first `seen` bytes of the prefix.
    Withheld {
        of: Prefix,
        seen: u8,
    },
}

/// How a line, or the stream, may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Prefix {
    ByteOrderMark,
    Field(Line),
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

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Line {
    Data,
    Event,
    Id,
    Retry,
    Unknown,
    Comment,
    Blank,
    /// An unknown line whose first bytes, which the parser [withheld](FieldParser::withheld), came
    /// with earlier inputs.
    Withheld,
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
    /// `None` means that `input` is empty, and more is needed. A token consumes its line with the
    /// line end, or the fragment of the line that is in the input; an LF that is in the input goes
    /// with its CR. So the input before a call, less the input after it, is the raw text of the
    /// token. A byte order mark at the start of the stream, and an LF whose CR ended the input
    /// before, go with the token that follows.
    ///
    /// A CR at the end of `input` ends its line at once.
    ///
    /// # Complexity
    ///
    /// O(n) for n bytes, however they are split.
    #[allow(
        clippy::should_implement_trait,
        reason = "it borrows from its argument, which an iterator cannot"
    )]
    pub fn next<'i>(&mut self, input: &mut &'i [u8]) -> Option<Token<'i>> {
        let whole = *input;
        let mut at = 0;
        let piece = loop {
            let piece = self.whole_line(whole, &mut at);
            if let Some(piece) = piece.or_else(|| self.cut_line(whole, &mut at)) {
                break Some(piece);
            } else if at == whole.len() {
                break None;
            }
        };
        *input = whole.get(at..).unwrap_or_default();
        let piece = piece?;
        Some(piece.line.token(self.value(piece, whole), piece.end))
    }

    /// Returns the value of the piece that was found last.
    #[inline(always)]
    pub(crate) fn value<'i>(&self, piece: Piece, input: &'i [u8]) -> &'i [u8] {
        match piece.line {
            Line::Withheld => self.withheld(),
            _ => piece.bytes(input),
        }
    }

    /// Ends the stream, completes an unfinished line, and returns to the start.
    ///
    /// `None` if the stream ended between lines. Otherwise the last token of the unfinished line.
    /// Its value is empty, since earlier tokens had it, except for an unknown line of which no
    /// token was returned yet. The standard ignores an unfinished line.
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
        let (line, value) = self.end()?;
        Some(line.token(value, true))
    }

    /// Ends the stream, and returns what the unfinished line is, and the value of its last token.
    pub(crate) fn end(&mut self) -> Option<(Line, &'static [u8])> {
        match core::mem::replace(&mut self.state, State::START) {
            State::START | State::LineStart | State::AfterCr => None,
            State::Prefix { of, seen } => match of {
                Prefix::Field(line) if line.is_begun_by(seen.into(), true) => Some((line, &[])),
                _ => Some((Line::Unknown, of.first(seen))),
            },
            State::Inside(line) => Some((line, &[])),
            State::Withheld { .. } => Some((Line::Unknown, &[])),
        }
    }

    /// Returns whether the input so far ends inside a line; a part of a byte order mark is one.
    pub const fn is_inside_line(&self) -> bool {
        !matches!(self.state, State::START | State::LineStart | State::AfterCr)
    }

    /// Whether the input so far ends inside a line that belongs to an event, or may yet turn out
    /// to.
    pub(crate) const fn is_inside_event_line(&self) -> bool {
        matches!(
            self.state,
            State::Prefix { of: Prefix::Field(line), .. } | State::Inside(line)
                if matches!(line, Line::Data | Line::Event | Line::Id)
        )
    }

    /// Whether the input so far ends inside the value of a `data` field.
    ///
    /// Never in small builds: they read its fragments as those of any other line.
    #[inline(always)]
    pub(crate) const fn is_inside_data(&self) -> bool {
        !SMALL && matches!(self.state, State::Inside(Line::Data))
    }

    /// Whether the next byte begins a line. It is neither the LF of a CR, nor may a byte order mark
    /// come.
    #[inline(always)]
    pub(crate) const fn is_at_line_start(&self) -> bool {
        matches!(self.state, State::LineStart)
    }

    /// Finds the line that lies whole in `input` from `at` on, and moves `at` past it; `None` if
    /// none does, and always in small builds.
    #[inline(always)]
    pub(crate) fn whole_line(&self, input: &[u8], at: &mut usize) -> Option<Piece> {
        if SMALL || !self.is_at_line_start() {
            return None;
        }
        let start = *at;
        let (stop, next) = whole_line(input, start)?;
        let (line, value_start) = classify(input.get(start..stop)?);
        *at = next;
        Some(Piece {
            line,
            start: start + value_start,
            stop,
            end: true,
        })
    }

    /// The same for a line that is cut by the beginning or the end of the input, or for the
    /// fragment of it that is there. At the start of a line, [`whole_line`](Self::whole_line) must
    /// have found none.
    ///
    /// `None` means that `input` is consumed, or that a line begins at `at`.
    #[inline(always)]
    pub(crate) fn cut_line(&mut self, input: &[u8], at: &mut usize) -> Option<Piece> {
        let rest = input.get(*at..).filter(|rest| !rest.is_empty())?;
        let (line, seen) = match self.state {
            State::LineStart => {
                if !SMALL && (rest.len() > LONGEST_PREFIX || rest.ends_with(b"\r")) {
                    // If the line has an end, that is a CR that ends the input, or it would be
                    // whole.
                    let end = rest.ends_with(b"\r").then_some(input.len() - 1);
                    let (line, value_start) = classify(input.get(*at..end.unwrap_or(input.len()))?);
                    *at += value_start;
                    return self.rest_of_line(line, input, at, end);
                }
                (Line::begun_by(*rest.first()?), Some(0))
            }
            State::AfterCr => {
                *at += usize::from(rest.starts_with(&[LF]));
                self.state = State::LineStart;
                return None;
            }
            State::Prefix { of, seen } => match of {
                Prefix::Field(line) => (line, Some(seen.into())),
                Prefix::ByteOrderMark => {
                    let seen_now = of.seen_with(seen.into(), rest);
                    if seen_now == BYTE_ORDER_MARK.len() {
                        *at += seen_now - usize::from(seen);
                    } else if seen_now == usize::from(seen) + rest.len() {
                        *at = input.len();
                        self.state = State::prefix(of, seen_now);
                        return None;
                    } else if seen > 0 {
                        self.state = State::Withheld { of, seen };
                        return Some(Piece::withheld(*at));
                    }
                    self.state = State::LineStart;
                    return None;
                }
            },
            State::Inside(line) => (line, None),
            State::Withheld { .. } => (Line::Unknown, None),
        };
        self.line(line, seen, input, at)
    }

    /// Reads the rest of a line. Earlier inputs had `seen` bytes of its prefix; `None` stands for
    /// all of it.
    #[cfg_attr(any(feature = "alloc", feature = "simd"), inline(never))]
    #[cfg_attr(not(any(feature = "alloc", feature = "simd")), inline(always))]
    fn line(
        &mut self,
        line: Line,
        seen: Option<usize>,
        input: &[u8],
        at: &mut usize,
    ) -> Option<Piece> {
        let end = line_end(input, *at);
        let line = match seen {
            Some(seen) => match self.begin_line(line, seen, input, at, end)? {
                Line::Withheld => return Some(Piece::withheld(*at)),
                line => line,
            },
            None => line,
        };
        self.rest_of_line(line, input, at, end)
    }

    /// The same inside the value of a `data` field.
    #[inline(always)]
    pub(crate) fn data_fragment(&mut self, input: &[u8], at: &mut usize) -> Option<Piece> {
        self.rest_of_line(Line::Data, input, at, line_end(input, *at))
    }

    /// Reads what follows the first `seen` bytes of a prefix, which earlier inputs had, and returns
    /// what the line is.
    ///
    /// `None` means that `input` is consumed.
    #[inline(always)]
    fn begin_line(
        &mut self,
        line: Line,
        seen: usize,
        input: &[u8],
        at: &mut usize,
        end: Option<usize>,
    ) -> Option<Line> {
        let rest = input.get(*at..end.unwrap_or(input.len()))?;
        let of = Prefix::Field(line);
        let seen_now = of.seen_with(seen, rest);
        let is_all = seen_now == seen + rest.len();
        if is_all && end.is_none() {
            *at = input.len();
            self.state = State::prefix(of, seen_now);
            return None;
        }
        if line.is_begun_by(seen_now, is_all) {
            *at += seen_now - seen;
            return Some(line);
        }
        let State::Prefix { of, seen } = self.state else {
            return Some(Line::Unknown);
        };
        self.state = State::Withheld { of, seen };
        Some(Line::Withheld)
    }

    /// Returns the line from `at` to `end`, or to the end of the input, and moves `at` past it and
    /// its line end.
    #[inline(always)]
    fn rest_of_line(
        &mut self,
        line: Line,
        input: &[u8],
        at: &mut usize,
        end: Option<usize>,
    ) -> Option<Piece> {
        let start = *at;
        let stop = end.unwrap_or(input.len());
        *at = stop;
        if end.is_some() {
            self.end_line(input, at);
        } else {
            self.state = State::Inside(line);
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
            // Waiting for the next byte, to distinguish CR from CRLF, would delay the event that
            // this line dispatches.
            *at = input.len();
            self.state = State::AfterCr;
        }
    }

    /// The bytes of a prefix with which the unknown line begins.
    fn withheld(&self) -> &'static [u8] {
        match self.state {
            State::Withheld { of, seen } => of.first(seen),
            _ => &[],
        }
    }
}

/// What a line is, and where its value begins.
#[inline(always)]
fn classify(line: &[u8]) -> (Line, usize) {
    let Some(&first) = line.first() else {
        return (Line::Blank, 0);
    };
    // A call for each name, so that it is a constant and its comparison is inlined.
    match Line::begun_by(first) {
        Line::Data => Line::Data.classify(line),
        Line::Event => Line::Event.classify(line),
        Line::Id => Line::Id.classify(line),
        Line::Retry => Line::Retry.classify(line),
        Line::Comment => (Line::Comment, Line::Comment.prefix().len()),
        _ => UNKNOWN,
    }
}

/// All of an unknown line is its value.
const UNKNOWN: (Line, usize) = (Line::Unknown, 0);

impl Line {
    /// What a line that begins with `first` may be.
    #[inline(always)]
    const fn begun_by(first: u8) -> Self {
        match first {
            b':' => Self::Comment,
            b'd' => Self::Data,
            b'e' => Self::Event,
            b'i' => Self::Id,
            b'r' => Self::Retry,
            LF | CR => Self::Blank,
            _ => Self::Unknown,
        }
    }

    /// The field's name, a colon, and the one space that is skipped.
    ///
    /// A comment is a line with an empty name, and nothing of it is skipped.
    #[inline(always)]
    pub(crate) const fn prefix(self) -> &'static [u8] {
        match self {
            Self::Data => b"data: ",
            Self::Event => b"event: ",
            Self::Id => b"id: ",
            Self::Retry => b"retry: ",
            Self::Comment => b":",
            Self::Unknown | Self::Blank | Self::Withheld => b"",
        }
    }

    /// 9.2.6: a field's name is followed by a colon and the value, without its first space, or by
    /// nothing.
    ///
    /// The line has the first `seen` bytes of the prefix, and nothing else if `is_all`.
    #[inline(always)]
    const fn is_begun_by(self, seen: usize, is_all: bool) -> bool {
        let name_len = self.prefix().len().saturating_sub(b": ".len());
        seen > name_len || seen == name_len && is_all
    }

    /// What a whole line is, and where its value begins. Its first byte is that of the prefix.
    #[inline(always)]
    fn classify(self, line: &[u8]) -> (Self, usize) {
        let prefix = self.prefix();
        // Nearly every line has all of it.
        if line.starts_with(prefix) {
            return (self, prefix.len());
        }
        let seen = common_len(prefix, line);
        if self.is_begun_by(seen, seen == line.len()) {
            (self, seen)
        } else {
            UNKNOWN
        }
    }

    const fn token(self, value: &[u8], end: bool) -> Token<'_> {
        let name = match self {
            Self::Data => FieldName::Data,
            Self::Event => FieldName::Event,
            Self::Id => FieldName::Id,
            Self::Retry => FieldName::Retry,
            Self::Unknown | Self::Withheld => FieldName::Unknown,
            Self::Comment => return Token::Comment { text: value, end },
            Self::Blank => return Token::BlankLine,
        };
        Token::Field { name, value, end }
    }
}

impl Piece {
    /// The end of a line whose value came with earlier inputs.
    pub(crate) const fn end_of(line: Line) -> Self {
        Self {
            line,
            start: 0,
            stop: 0,
            end: true,
        }
    }

    /// The first bytes of an unknown line, which came with earlier inputs; what is at `at` follows
    /// them.
    const fn withheld(at: usize) -> Self {
        Self {
            line: Line::Withheld,
            start: at,
            stop: at,
            end: false,
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
    const fn bytes(self) -> &'static [u8] {
        match self {
            Self::ByteOrderMark => BYTE_ORDER_MARK,
            Self::Field(line) => line.prefix(),
        }
    }

    /// How many bytes of the prefix have come, if `rest` follows the first `seen` ones.
    #[inline(always)]
    fn seen_with(self, seen: usize, rest: &[u8]) -> usize {
        let missing = self.bytes().get(seen..).unwrap_or_default();
        seen + common_len(missing, rest)
    }

    fn first(self, count: u8) -> &'static [u8] {
        self.bytes().get(..usize::from(count)).unwrap_or_default()
    }
}

/// The number of bytes at the beginning of both texts that are equal.
#[cfg_attr(any(feature = "alloc", feature = "simd"), inline(always))]
#[cfg_attr(not(any(feature = "alloc", feature = "simd")), inline(never))]
fn common_len(one: &[u8], other: &[u8]) -> usize {
    let pairs = one.iter().zip(other);
    pairs.take_while(|(one, other)| one == other).count()
}
