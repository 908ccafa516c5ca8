//! Fields and comments are those of the standard however the stream is cut, and the parser keeps none of it: lines of any
//! length pass through a few bytes of state.

mod common;

use common::cuts;
use common::documents::documents_cut_twice;
use common::oracle::{self, Line};
use proptest::prelude::*;
use sse_wire::{FieldName, FieldParser, Token};

#[test]
fn the_state_is_a_few_bytes() {
    assert!(size_of::<FieldParser>() <= 8);
}

/// The lines that the parser finds, parts joined, and the one that the end cuts off.
fn lines(chunks: &[&[u8]]) -> (Vec<Line>, Option<Line>) {
    let mut parser = FieldParser::new();
    let mut lines = Vec::new();
    let mut parts = Vec::new();
    for &chunk in chunks {
        let mut input = chunk;
        let mut raw = Vec::new();
        loop {
            let before = input;
            let token = parser.next(&mut input);
            assert!(before.ends_with(input), "the input only ever gets shorter");
            raw.extend_from_slice(&before[..before.len() - input.len()]);
            match token {
                Some(token) => lines.extend(line(token, &mut parts)),
                None => break,
            }
        }
        assert!(input.is_empty(), "no token, yet there is input left");
        assert_eq!(raw, chunk, "the raw tokens make up the input");
    }
    let is_inside_line = parser.is_inside_line();
    let last = parser.finish();
    assert_eq!(last.is_some(), is_inside_line);
    assert_eq!(parser.finish(), None);
    let last = last.map(|token| line(token, &mut parts).expect("a last token ends its line"));
    assert!(parts.is_empty());
    (lines, last)
}

/// The whole line, if the token ends it.
fn line(token: Token<'_>, parts: &mut Vec<u8>) -> Option<Line> {
    let end = match token {
        Token::BlankLine => {
            assert!(parts.is_empty(), "a line has begun that has not ended");
            return Some(Line::Blank);
        }
        Token::Field { value, end, .. } => {
            parts.extend_from_slice(value);
            assert!(end || !value.is_empty(), "an empty part");
            end
        }
        Token::Comment { text, end } => {
            parts.extend_from_slice(text);
            assert!(end || !text.is_empty(), "an empty part");
            end
        }
    };
    end.then(|| {
        let value = core::mem::take(parts);
        match token {
            Token::Field { name, .. } => Line::Field {
                name: match name {
                    FieldName::Data => "data",
                    FieldName::Event => "event",
                    FieldName::Id => "id",
                    FieldName::Retry => "retry",
                    FieldName::Unknown => "",
                },
                value,
            },
            Token::Comment { .. } | Token::BlankLine => Line::Comment(value),
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn lines_are_those_of_the_oracle((document, first, second) in documents_cut_twice()) {
        let expected = oracle::lines(&document);
        prop_assert_eq!(&lines(&[&document]), &expected);
        prop_assert_eq!(&lines(&cuts::bytes(&document)), &expected);
        prop_assert_eq!(&lines(&cuts::at(&document, &first)), &expected);
        prop_assert_eq!(&lines(&cuts::at(&document, &second)), &expected);
    }
}

/// The tokens of one chunk after another, written by hand: `field(name, value, end)`.
fn tokens<'i>(chunks: &[&'i [u8]]) -> Vec<Token<'i>> {
    let mut parser = FieldParser::new();
    let mut tokens = Vec::new();
    for &chunk in chunks {
        let mut input = chunk;
        while let Some(token) = parser.next(&mut input) {
            tokens.push(token);
        }
    }
    tokens.extend(parser.finish());
    tokens
}

const fn field(name: FieldName, value: &[u8], end: bool) -> Token<'_> {
    Token::Field { name, value, end }
}

const fn comment(text: &[u8], end: bool) -> Token<'_> {
    Token::Comment { text, end }
}

/// Each state of the parser at the edge of a chunk, and each kind of byte that may come then.
#[test]
fn what_follows_each_state() {
    use FieldName::{Data, Event, Id, Retry, Unknown};
    use Token::BlankLine;

    let cases: &[(&[&[u8]], &[Token<'_>])] = &[
        // The start of the stream, and parts of a byte order mark.
        (&[b""], &[]),
        (&[b"", b"data: x\n"], &[field(Data, b"x", true)]),
        (&[b"\xEF\xBB\xBFdata: x\n"], &[field(Data, b"x", true)]),
        (
            &[b"\xEF", b"\xBB", b"\xBF", b"data: x\n"],
            &[field(Data, b"x", true)],
        ),
        (&[b"\xEF\xBB", b"\xBF\n"], &[BlankLine]),
        (
            &[b"\xEF\xBB\xBF", b"\xEF\xBB\xBF\n"],
            &[field(Unknown, b"\xEF\xBB\xBF", true)],
        ),
        (
            &[b"\n\xEF\xBB\xBF\n"],
            &[BlankLine, field(Unknown, b"\xEF\xBB\xBF", true)],
        ),
        (&[b"\xEF"], &[field(Unknown, b"\xEF", true)]),
        (&[b"\xEF", b"\xBB"], &[field(Unknown, b"\xEF\xBB", true)]),
        (&[b"\xEF\xBB\xBF"], &[]),
        (
            &[b"\xEF", b"data: x\n"],
            &[
                field(Unknown, b"\xEF", false),
                field(Unknown, b"data: x", true),
            ],
        ),
        (
            &[b"\xEF\xBB", b"\ndata: x\n"],
            &[
                field(Unknown, b"\xEF\xBB", false),
                field(Unknown, b"", true),
                field(Data, b"x", true),
            ],
        ),
        (
            &[b"\xEF", b"\xEF\xBB\xBF\n"],
            &[
                field(Unknown, b"\xEF", false),
                field(Unknown, b"\xEF\xBB\xBF", true),
            ],
        ),
        (&[b"\xEFdata: x\n"], &[field(Unknown, b"\xEFdata: x", true)]),
        // The start of a line.
        (
            &[b"\n\r\r\n\n"],
            &[BlankLine, BlankLine, BlankLine, BlankLine],
        ),
        (&[b":\n"], &[comment(b"", true)]),
        (&[b": a\r\n"], &[comment(b" a", true)]),
        (
            &[b"event:e\rid:1\r\nretry:2\n"],
            &[
                field(Event, b"e", true),
                field(Id, b"1", true),
                field(Retry, b"2", true),
            ],
        ),
        (&[b" data: x\n"], &[field(Unknown, b" data: x", true)]),
        (&[b"x\n"], &[field(Unknown, b"x", true)]),
        // After a CR at the end of a chunk: the line has ended, and an LF belongs to it.
        (&[b"data: x\r"], &[field(Data, b"x", true)]),
        (&[b"data: x\r", b"\n"], &[field(Data, b"x", true)]),
        (
            &[b"data: x\r", b"", b"\n\n"],
            &[field(Data, b"x", true), BlankLine],
        ),
        (
            &[b"data: x\r", b"\r", b"\n"],
            &[field(Data, b"x", true), BlankLine],
        ),
        (
            &[b"\r", b"\n\r", b"\r\n"],
            &[BlankLine, BlankLine, BlankLine],
        ),
        (&[b"\r", b"data\n"], &[BlankLine, field(Data, b"", true)]),
        (
            &[b"\r", b"\xEF\xBB\xBF\n"],
            &[BlankLine, field(Unknown, b"\xEF\xBB\xBF", true)],
        ),
        // Inside a field name, and right behind it.
        (&[b"da", b"ta: x\n"], &[field(Data, b"x", true)]),
        (
            &[b"d", b"a", b"t", b"a", b":", b" ", b"x", b"\n"],
            &[field(Data, b"x", false), field(Data, b"", true)],
        ),
        (
            &[b"da", b"\n"],
            &[field(Unknown, b"da", false), field(Unknown, b"", true)],
        ),
        (
            &[b"da", b": x\n"],
            &[field(Unknown, b"da", false), field(Unknown, b": x", true)],
        ),
        (&[b"data", b"\n"], &[field(Data, b"", true)]),
        (
            &[b"data", b"\r", b"\n\n"],
            &[field(Data, b"", true), BlankLine],
        ),
        (&[b"data", b":\n"], &[field(Data, b"", true)]),
        (
            &[b"data", b" : x\n"],
            &[
                field(Unknown, b"data", false),
                field(Unknown, b" : x", true),
            ],
        ),
        (
            &[b"data", b"x\n"],
            &[field(Unknown, b"data", false), field(Unknown, b"x", true)],
        ),
        (&[b"datax\n"], &[field(Unknown, b"datax", true)]),
        (
            &[b"data\xEF\xBB\xBF:x\n"],
            &[field(Unknown, b"data\xEF\xBB\xBF:x", true)],
        ),
        (&[b"event\n"], &[field(Event, b"", true)]),
        (&[b"da"], &[field(Unknown, b"da", true)]),
        (&[b"data"], &[field(Data, b"", true)]),
        (&[b"retr", b"y"], &[field(Retry, b"", true)]),
        (
            &[b"retr", b"i"],
            &[
                field(Unknown, b"retr", false),
                field(Unknown, b"i", false),
                field(Unknown, b"", true),
            ],
        ),
        // Between the colon and the value.
        (&[b"data:", b" x\n"], &[field(Data, b"x", true)]),
        (&[b"data:", b"x\n"], &[field(Data, b"x", true)]),
        (&[b"data:", b"  x\n"], &[field(Data, b" x", true)]),
        (&[b"data: ", b" x\n"], &[field(Data, b" x", true)]),
        (&[b"data:", b"\n"], &[field(Data, b"", true)]),
        (&[b"data:", b":\n"], &[field(Data, b":", true)]),
        (&[b"data:"], &[field(Data, b"", true)]),
        (&[b"data: "], &[field(Data, b"", true)]),
        // Inside a value, an unknown line, a comment.
        (
            &[b"data: x", b"y\n"],
            &[field(Data, b"x", false), field(Data, b"y", true)],
        ),
        (
            &[b"data: x", b"\n"],
            &[field(Data, b"x", false), field(Data, b"", true)],
        ),
        (
            &[b"data: x", b"\r", b"\n"],
            &[field(Data, b"x", false), field(Data, b"", true)],
        ),
        (
            &[b"data: x", b""],
            &[field(Data, b"x", false), field(Data, b"", true)],
        ),
        (
            &[b"id: 1\0", b"2\n"],
            &[field(Id, b"1\0", false), field(Id, b"2", true)],
        ),
        (
            &[b"abc", b"data: x\n"],
            &[
                field(Unknown, b"abc", false),
                field(Unknown, b"data: x", true),
            ],
        ),
        (
            &[b":", b" a", b"\n"],
            &[comment(b" a", false), comment(b"", true)],
        ),
        (&[b":", b"\n"], &[comment(b"", true)]),
        (&[b": a"], &[comment(b" a", false), comment(b"", true)]),
    ];
    for (chunks, expected) in cases {
        let shown: Vec<_> = chunks
            .iter()
            .map(|chunk| chunk.escape_ascii().to_string())
            .collect();
        assert_eq!(tokens(chunks), *expected, "{shown:?}");
    }
}

#[test]
fn an_unknown_line_that_is_left_in_the_input_is_ended_by_finish() {
    let mut parser = FieldParser::new();
    assert_eq!(parser.next(&mut &b"dat"[..]), None);
    let mut input = &b"um"[..];
    let part = |value, end| Token::Field {
        name: FieldName::Unknown,
        value,
        end,
    };
    assert_eq!(parser.next(&mut input), Some(part(b"dat", false)));
    assert_eq!(input, b"um");
    assert!(parser.is_inside_line());
    assert_eq!(parser.finish(), Some(part(b"", true)));
    assert_eq!(parser.finish(), None);
}

/// A line of a gigabyte, in a parser of a few bytes.
#[test]
fn an_endless_line_passes_through() {
    let chunk = vec![b'x'; 64 * 1024];
    let mut parser = FieldParser::new();
    assert_eq!(parser.next(&mut &b"data: "[..]), None);
    let mut passed = 0;
    for _ in 0..16_384 {
        let mut input = &chunk[..];
        match parser.next(&mut input) {
            Some(Token::Field {
                name: FieldName::Data,
                value,
                end: false,
            }) => passed += value.len(),
            other => panic!("{other:?}"),
        }
        assert_eq!(parser.next(&mut input), None);
    }
    assert_eq!(passed, 1 << 30);
    let mut input: &[u8] = b"\n\n";
    assert_eq!(
        parser.next(&mut input),
        Some(field(FieldName::Data, b"", true))
    );
    assert_eq!(parser.next(&mut input), Some(Token::BlankLine));
}
