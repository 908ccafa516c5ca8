//! Lines of any length pass through the few bytes of the parser's state. `documents` and `vectors`
//! compare the lines with those of the oracle.

use crate::table::split;
use sse_wire::{FieldName, FieldParser, Token};

/// The tokens of these chunks, as `name=value`, `:comment` or `blank`. A fragment ends with `+`.
fn tokens(chunks: &[&[u8]]) -> Vec<u8> {
    let mut parser = FieldParser::new();
    let mut tokens: Vec<Vec<u8>> = Vec::new();
    for &chunk in chunks {
        let mut input = chunk;
        while let Some(token) = parser.next(&mut input) {
            assert!(chunk.ends_with(input), "the input is the rest of the chunk");
            tokens.push(shown(token));
        }
        assert!(input.is_empty());
    }
    let is_inside_line = parser.is_inside_line();
    let last = parser.finish();
    assert_eq!(last.is_some(), is_inside_line);
    assert_eq!(parser.finish(), None);
    tokens.extend(last.map(shown));
    // It is at the start of a stream again.
    let mut next = &b"\xEF\xBB\xBF\n"[..];
    assert_eq!(parser.next(&mut next), Some(Token::BlankLine));
    tokens.join(&b", "[..])
}

fn shown(token: Token<'_>) -> Vec<u8> {
    let (name, value, end) = match token {
        Token::BlankLine => return b"blank".to_vec(),
        Token::Comment { text, end } => (":", text, end),
        Token::Field { name, value, end } => match name {
            FieldName::Data => ("data=", value, end),
            FieldName::Event => ("event=", value, end),
            FieldName::Id => ("id=", value, end),
            FieldName::Retry => ("retry=", value, end),
            FieldName::Unknown => ("?=", value, end),
        },
    };
    [name.as_bytes(), value, if end { b"" } else { b"+" }].concat()
}

/// Each state of the parser at the edge of a chunk, which is `|`, and each kind of byte that may
/// come then. The end of the row is the end of the stream.
const STATES: &[&[u8]] = &[
    // The start of the stream, and parts of a byte order mark.
    b" => ",
    b"|data: x\n => data=x",
    b"\xEF\xBB\xBFdata: x\n => data=x",
    b"\xEF|\xBB|\xBF|data: x\n => data=x",
    b"\xEF\xBB|\xBF\n => blank",
    b"\xEF\xBB\xBF|\xEF\xBB\xBF\n => ?=\xEF\xBB\xBF",
    b"\n\xEF\xBB\xBF\n => blank, ?=\xEF\xBB\xBF",
    b"\xEF => ?=\xEF",
    b"\xEF|\xBB => ?=\xEF\xBB",
    b"\xEF\xBB\xBF => ",
    b"\xEF|data: x\n => ?=\xEF+, ?=data: x",
    b"\xEF\xBB|\ndata: x\n => ?=\xEF\xBB+, ?=, data=x",
    b"\xEF|\xEF\xBB\xBF\n => ?=\xEF+, ?=\xEF\xBB\xBF",
    b"\xEFdata: x\n => ?=\xEFdata: x",
    // The start of a line.
    b"\n\r\r\n\n => blank, blank, blank, blank",
    b":\n => :",
    b": a\r\n => : a",
    b"event:e\rid:1\r\nretry:2\n => event=e, id=1, retry=2",
    b" data: x\n => ?= data: x",
    b"x\n => ?=x",
    // After a CR at the end of a chunk: the line has ended, and an LF belongs to it.
    b"data: x\r => data=x",
    b"data: x\r|\n => data=x",
    b"data: x\r||\n\n => data=x, blank",
    b"data: x\r|\r|\n => data=x, blank",
    b"\r|\n\r|\r\n => blank, blank, blank",
    b"\r|data\n => blank, data=",
    b"\r|\xEF\xBB\xBF\n => blank, ?=\xEF\xBB\xBF",
    // Inside a field name, and right after it.
    b"da|ta: x\n => data=x",
    b"d|a|t|a|:| |x|\n => data=x+, data=",
    b"da|\n => ?=da+, ?=",
    b"da|: x\n => ?=da+, ?=: x",
    b"data|\n => data=",
    b"data|\r|\n\n => data=, blank",
    b"data|:\n => data=",
    b"data| : x\n => ?=data+, ?= : x",
    b"data|x\n => ?=data+, ?=x",
    b"datax\n => ?=datax",
    b"data\xEF\xBB\xBF:x\n => ?=data\xEF\xBB\xBF:x",
    b"event\n => event=",
    b"da => ?=da",
    b"data => data=",
    b"retr|y => retry=",
    b"retr|i => ?=retr+, ?=i+, ?=",
    // Between the colon and the value.
    b"data:| x\n => data=x",
    b"data:|x\n => data=x",
    b"data:|  x\n => data= x",
    b"data: | x\n => data= x",
    b"data:|\n => data=",
    b"data:|:\n => data=:",
    b"data: => data=",
    b"data:  => data=",
    // Inside a value, an unknown line, a comment.
    b"data: x|y\n => data=x+, data=y",
    b"data: x|\n => data=x+, data=",
    b"data: x|\r|\n => data=x+, data=",
    b"data: x| => data=x+, data=",
    b"id: 1\0|2\n => id=1\0+, id=2",
    b"abc|data: x\n => ?=abc+, ?=data: x",
    b":| a|\n => : a+, :",
    b":|\n => :",
    b": a => : a+, :",
];

#[test]
fn what_follows_each_state() {
    for row in STATES {
        let (stream, expected) = split(row);
        let chunks: Vec<_> = stream.split(|byte| *byte == b'|').collect();
        let (tokens, expected) = (tokens(&chunks), expected.escape_ascii());
        let tokens = tokens.escape_ascii().to_string();
        assert_eq!(tokens, expected.to_string(), "{}", stream.escape_ascii());
    }
}

#[test]
fn an_unknown_line_that_is_left_in_the_input_is_ended_by_finish() {
    let mut parser = FieldParser::new();
    assert_eq!(parser.next(&mut &b"dat"[..]), None);
    let mut input = &b"um"[..];
    assert_eq!(parser.next(&mut input).map(shown), Some(b"?=dat+".to_vec()));
    assert_eq!(input, b"um");
    assert!(parser.is_inside_line());
    assert_eq!(parser.finish().map(shown), Some(b"?=".to_vec()));
    assert_eq!(parser.finish(), None);
}

#[test]
fn an_endless_line_passes_through() {
    let chunk = vec![b'x'; 64 * 1024];
    let mut parser = FieldParser::new();
    assert_eq!(parser.next(&mut &b"data: "[..]), None);
    for _ in 0..1000 {
        let mut input = &chunk[..];
        let (name, value, end) = (FieldName::Data, &chunk[..], false);
        let fragment = Token::Field { name, value, end };
        assert_eq!(parser.next(&mut input), Some(fragment));
        assert_eq!(parser.next(&mut input), None);
    }
    let mut input: &[u8] = b"\n\n";
    assert_eq!(parser.next(&mut input).map(shown), Some(b"data=".to_vec()));
    assert_eq!(parser.next(&mut input), Some(Token::BlankLine));
}
