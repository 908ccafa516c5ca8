//! Lines as they are on the wire: those that a browser ignores, and those that are not UTF-8.

use sse_wire::{FieldName, FieldParser, Token};

/// How much of a line is buffered for its validation.
const MAX_LINE: usize = 1 << 20;
/// How much of a line is quoted.
const QUOTED: usize = 40;

/// What was found in the lines of one stream.
///
/// The decoder counts lines that are not fields; invalid values of `retry` and `id`, which a
/// browser ignores as well, are seen only here.
#[derive(Clone, Debug)]
pub(super) struct Lines {
    parser: FieldParser,
    /// The value of the current line, so far.
    value: Vec<u8>,
    pub(super) count: usize,
    pub(super) ignored: Lint,
    pub(super) invalid_utf8: Lint,
}

/// How many lines have a fault, and the first of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Lint {
    pub(super) count: usize,
    pub(super) first: Option<String>,
}

impl Lint {
    fn add(&mut self, describe: impl FnOnce() -> String) {
        self.count += 1;
        self.first.get_or_insert_with(describe);
    }
}

impl Lines {
    pub(super) const fn new() -> Self {
        Self {
            parser: FieldParser::new(),
            value: Vec::new(),
            count: 0,
            ignored: Lint {
                count: 0,
                first: None,
            },
            invalid_utf8: Lint {
                count: 0,
                first: None,
            },
        }
    }

    /// Examines the lines of a chunk.
    pub(super) fn feed(&mut self, mut chunk: &[u8]) {
        while let Some(token) = self.parser.next(&mut chunk) {
            let (name, value, end) = match token {
                Token::Field { name, value, end } => (Some(name), value, end),
                Token::Comment { text, end } => (None, text, end),
                Token::BlankLine => (None, &b""[..], true),
            };
            let room = MAX_LINE.saturating_sub(self.value.len());
            self.value
                .extend_from_slice(value.get(..room).unwrap_or(value));
            if end {
                self.end_line(name);
            }
        }
    }

    fn end_line(&mut self, name: Option<FieldName>) {
        self.count += 1;
        let (number, value) = (self.count, self.value.as_slice());
        let problem = match name {
            Some(FieldName::Unknown) => Some("not a field"),
            Some(FieldName::Retry) if !is_number(value) => Some("retry that is not a number"),
            Some(FieldName::Id) if value.contains(&0) => Some("id with NUL"),
            _ => None,
        };
        if let Some(problem) = problem {
            self.ignored
                .add(|| format!("line {number}, {problem}: \"{}\"", quote(value)));
        }
        if let Err(error) = str::from_utf8(value) {
            // The buffer may have cut a character of a longer line.
            if error.error_len().is_some() || value.len() < MAX_LINE {
                let at = error.valid_up_to();
                let from = value.get(at.saturating_sub(10)..).unwrap_or_default();
                self.invalid_utf8
                    .add(|| format!("line {number}, byte {at} of its value: \"{}\"", quote(from)));
            }
        }
        self.value.clear();
    }
}

fn is_number(value: &[u8]) -> bool {
    !value.is_empty() && value.iter().all(u8::is_ascii_digit)
}

/// Returns the beginning of a line, escaped.
fn quote(value: &[u8]) -> String {
    let start = value.get(..QUOTED).unwrap_or(value);
    start.escape_ascii().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(chunks: &[&[u8]]) -> Lines {
        let mut lines = Lines::new();
        chunks.iter().for_each(|chunk| lines.feed(chunk));
        lines
    }

    #[test]
    fn what_browsers_ignore_is_counted() {
        let found = lines(&[b"data: 1\nDa", b"ta: 2\nretry: 1s\nid: \0\n: comment\n\n"]);
        assert_eq!((found.count, found.ignored.count), (6, 3));
        let first = found.ignored.first.expect("a line");
        assert_eq!(first, "line 2, not a field: \"Data: 2\"");
        assert_eq!(found.invalid_utf8.count, 0);
    }

    #[test]
    fn valid_fields_are_not_counted() {
        let found = lines(&[b"\xEF\xBB\xBFevent: a\r\nid:\r\nretry: 10\r\ndata\r\n\r\n"]);
        assert_eq!((found.count, found.ignored.count), (5, 0));
    }

    #[test]
    fn invalid_text_is_found_in_any_line_and_across_chunks() {
        let found = lines(&[b"data: \xC3", b"\xBC\nid: \xC3\n: \xFF\n"]);
        assert_eq!(found.invalid_utf8.count, 2);
        let first = found.invalid_utf8.first.expect("a line");
        assert_eq!(first, "line 2, byte 0 of its value: \"\\xc3\"");
    }
}
