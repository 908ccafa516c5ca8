//! WHATWG HTML 9.2.5, parsing an event stream: bytes to fields.
//!
//! [`FieldParser`] knows lines, field names and comments, and nothing of what they mean. It stores nothing of its input
//! but where it stands in the current line:
//!
//! | state | what was seen | what comes next |
//! |---|---|---|
//! | `Known` | nothing, or the first bytes of a byte order mark | the rest of the mark, or a line |
//! | `Known` | the first bytes of a known field name, or all of it | its rest, a colon, or the end of the line |
//! | `LineStart` | a line end | a line |
//! | `AfterCr` | a CR at the end of the input, which ended its line | an LF that belongs to it, or a line |
//! | `BeforeValue` | a field name and its colon | a space that is skipped, or the value |
//! | `Value` | the value of a field, or an unknown line | more of it, or the end of the line |
//! | `Comment` | a colon that began its line | more of the comment, or the end of the line |
//!
//! A field name that an input cuts is held as a state (which name, and how much of it), since its bytes are known. When
//! the next input shows that it was another name after all, those bytes are handed over as the first part of an unknown
//! line; the same goes for the first bytes of what looked like a byte order mark.

use crate::line_end::first_line_end;

const LF: u8 = b'\n';
const CR: u8 = b'\r';
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

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
    /// So many bytes of it have come.
    Known {
        what: Known,
        seen: u8,
    },
    LineStart,
    AfterCr,
    BeforeValue {
        name: FieldName,
    },
    Value {
        name: FieldName,
    },
    Comment,
}

/// What is known byte by byte, so that nobody has to keep what came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    ByteOrderMark,
    Name(FieldName),
}

/// A [`Token`] as places in the input, so that whoever owns both the input and the parser can be handed it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Piece {
    pub(crate) line: Line,
    pub(crate) start: usize,
    pub(crate) stop: usize,
    /// Whether the line ends here.
    pub(crate) end: bool,
}

/// What kind of line a [`Piece`] belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Line {
    Field(FieldName),
    Comment,
    Blank,
    /// The first part of an unknown line, which came with an earlier input.
    Withheld(&'static [u8]),
}

impl FieldParser {
    /// A parser at the start of a stream.
    pub const fn new() -> Self {
        Self {
            state: State::START,
        }
    }

    /// Takes the next token off the front of `input`.
    ///
    /// `None` means that `input` is empty: all of it was consumed, and the state is kept for the next one. The bytes that
    /// a call consumes are the token's line, with its line end, or the part of it that is there; an LF that is in the input
    /// goes with its CR. So the input before a call, less the input after it, is the raw text of the token. A byte order
    /// mark at the start of the stream, and an LF whose CR ended the input before, go with the token that follows.
    ///
    /// A CR at the end of `input` ends its line at once.
    ///
    /// # Complexity
    ///
    /// Every byte is looked at once: `n` bytes cost O(n), however they are cut.
    #[allow(
        clippy::should_implement_trait,
        reason = "it lends from its argument, which an iterator cannot"
    )]
    pub fn next<'i>(&mut self, input: &mut &'i [u8]) -> Option<Token<'i>> {
        let whole = *input;
        let mut at = 0;
        let piece = self.advance(whole, &mut at);
        *input = whole.get(at..).unwrap_or_default();
        let Piece {
            line,
            start,
            stop,
            end,
        } = piece?;
        let value = whole.get(start..stop).unwrap_or_default();
        Some(match line {
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

    /// Ends the stream: completes an unfinished line, for those who want it, and goes back to the start.
    ///
    /// `None` if the stream ended between lines. Otherwise the last token of the unfinished line: its parts that were
    /// handed over before belong to it, so its value is empty, except for an unknown line of which nothing was handed over
    /// yet. The standard ignores an unfinished line.
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
        let state = core::mem::replace(&mut self.state, State::START);
        let field = |name, value| Token::Field {
            name,
            value,
            end: true,
        };
        match state {
            State::START | State::LineStart | State::AfterCr => None,
            State::Known {
                what: Known::Name(name),
                seen,
            } if usize::from(seen) == name.bytes().len() => Some(field(name, b"")),
            State::Known { what, seen } => {
                Some(field(FieldName::Unknown, first(what.bytes(), seen)))
            }
            State::BeforeValue { name } | State::Value { name } => Some(field(name, b"")),
            State::Comment => Some(Token::Comment {
                text: b"",
                end: true,
            }),
        }
    }

    /// Whether the input so far ends inside a line; a part of a byte order mark is one.
    pub const fn is_inside_line(&self) -> bool {
        !matches!(self.state, State::START | State::LineStart | State::AfterCr)
    }

    /// Whether the input so far ends inside a line that belongs to an event, or may yet turn out to: not a comment, say.
    pub(crate) const fn is_inside_event_line(&self) -> bool {
        matches!(
            self.state,
            State::Known { what: Known::Name(name), .. } | State::BeforeValue { name } | State::Value { name }
                if matches!(name, FieldName::Data | FieldName::Event | FieldName::Id)
        )
    }

    /// Whether the input so far ends inside the value of a `data` field.
    #[inline(always)]
    pub(crate) const fn is_inside_data(&self) -> bool {
        matches!(
            self.state,
            State::Value {
                name: FieldName::Data
            }
        )
    }

    /// The name of a `data` field and the beginning of its value have been seen by another.
    #[inline(always)]
    pub(crate) const fn begin_data(&mut self) {
        self.state = State::value(FieldName::Data);
    }

    #[inline(always)]
    pub(crate) const fn is_at_line_start(&self) -> bool {
        matches!(self.state, State::LineStart)
    }

    /// Finds the next piece in `input` from `at` on, and moves `at` behind it; at the end of `input` when there is none.
    pub(crate) fn advance(&mut self, input: &[u8], at: &mut usize) -> Option<Piece> {
        loop {
            let rest = input.get(*at..).unwrap_or_default();
            let &next = rest.first()?;
            match self.state {
                State::AfterCr => {
                    *at += usize::from(next == LF);
                    self.state = State::LineStart;
                }
                State::LineStart => match next {
                    LF | CR => {
                        let start = *at;
                        self.end_line(input, at);
                        return Some(Piece {
                            line: Line::Blank,
                            start,
                            stop: start,
                            end: true,
                        });
                    }
                    b':' => {
                        *at += 1;
                        self.state = State::Comment;
                    }
                    b'd' => self.state = State::name(FieldName::Data),
                    b'e' => self.state = State::name(FieldName::Event),
                    b'i' => self.state = State::name(FieldName::Id),
                    b'r' => self.state = State::name(FieldName::Retry),
                    _ => self.state = State::value(FieldName::Unknown),
                },
                State::Known { what, seen } => {
                    let missing = what.bytes().get(usize::from(seen)..).unwrap_or_default();
                    let same = rest.iter().zip(missing).take_while(|(a, b)| a == b).count();
                    let is_whole = same == missing.len();
                    match (what, rest.get(same)) {
                        (Known::ByteOrderMark, _) if is_whole => {
                            *at += same;
                            self.state = State::LineStart;
                        }
                        (_, None) => {
                            *at += same;
                            #[expect(
                                clippy::cast_possible_truncation,
                                reason = "nothing that is known is longer than a few bytes"
                            )]
                            let seen = seen + same as u8;
                            self.state = State::Known { what, seen };
                            return None;
                        }
                        (Known::Name(name), Some(b':')) if is_whole => {
                            *at += same + 1;
                            self.state = State::BeforeValue { name };
                        }
                        (Known::Name(name), Some(&(CR | LF))) if is_whole => {
                            let end = *at + same;
                            return Some(self.whole_line(Line::Field(name), end, end, input, at));
                        }
                        _ if seen > 0 => {
                            return Some(self.withheld(first(what.bytes(), seen), *at));
                        }
                        (Known::ByteOrderMark, _) => self.state = State::LineStart,
                        (Known::Name(_), _) => self.state = State::value(FieldName::Unknown),
                    }
                }
                // 9.2.5: one space after the colon is skipped, no more.
                State::BeforeValue { name } => {
                    *at += usize::from(next == b' ');
                    self.state = State::Value { name };
                }
                State::Value { name } => {
                    return Some(self.rest_of_line(Line::Field(name), input, at));
                }
                State::Comment => return Some(self.rest_of_line(Line::Comment, input, at)),
            }
        }
    }

    /// The line from `at` to its end, or to the end of the input.
    fn rest_of_line(&mut self, line: Line, input: &[u8], at: &mut usize) -> Piece {
        let start = *at;
        match first_line_end(input.get(start..).unwrap_or_default()) {
            Some(length) => self.whole_line(line, start, start + length, input, at),
            None => {
                *at = input.len();
                Piece {
                    line,
                    start,
                    stop: input.len(),
                    end: false,
                }
            }
        }
    }

    /// The line from `start` to the line end at `stop`, which is consumed.
    fn whole_line(
        &mut self,
        line: Line,
        start: usize,
        stop: usize,
        input: &[u8],
        at: &mut usize,
    ) -> Piece {
        *at = stop;
        self.end_line(input, at);
        Piece {
            line,
            start,
            stop,
            end: true,
        }
    }

    /// Consumes the CR, LF or CRLF at `at`.
    pub(crate) fn end_line(&mut self, input: &[u8], at: &mut usize) {
        let cr = input.get(*at) == Some(&CR);
        *at += 1;
        self.state = State::LineStart;
        if cr {
            match input.get(*at) {
                Some(&LF) => *at += 1,
                Some(_) => {}
                // Waiting for the byte that tells CR from CRLF would hold back the event that this line dispatches.
                None => self.state = State::AfterCr,
            }
        }
    }

    /// What was taken for a name or a byte order mark in earlier inputs began an unknown line.
    fn withheld(&mut self, bytes: &'static [u8], at: usize) -> Piece {
        self.state = State::value(FieldName::Unknown);
        Piece {
            line: Line::Withheld(bytes),
            start: at,
            stop: at,
            end: false,
        }
    }
}

impl Default for FieldParser {
    fn default() -> Self {
        Self::new()
    }
}

impl State {
    /// A byte order mark may come.
    const START: Self = Self::Known {
        what: Known::ByteOrderMark,
        seen: 0,
    };

    const fn name(name: FieldName) -> Self {
        let what = Known::Name(name);
        Self::Known { what, seen: 0 }
    }

    #[inline(always)]
    const fn value(name: FieldName) -> Self {
        Self::Value { name }
    }
}

impl Known {
    const fn bytes(self) -> &'static [u8] {
        match self {
            Self::ByteOrderMark => BYTE_ORDER_MARK,
            Self::Name(name) => name.bytes(),
        }
    }
}

impl FieldName {
    const fn bytes(self) -> &'static [u8] {
        match self {
            Self::Data => b"data",
            Self::Event => b"event",
            Self::Id => b"id",
            Self::Retry => b"retry",
            Self::Unknown => b"",
        }
    }
}

/// The first `count` of `bytes`.
fn first(bytes: &'static [u8], count: u8) -> &'static [u8] {
    bytes.get(..usize::from(count)).unwrap_or_default()
}
