//! A chunk knows how much of it is text, whatever it is cut into, and knows it again behind what is not.

use sse_wire::{Chunk, EventDecoder};

/// How many bytes a chunk has left, and how many of them are known to be text.
fn known(chunk: &Chunk<'_>) -> (usize, usize) {
    let shown = format!("{chunk:?}");
    let mut numbers = shown
        .split(|letter: char| !letter.is_ascii_digit())
        .filter_map(|number| number.parse().ok());
    let known = (numbers.next(), numbers.next());
    let (Some(bytes), Some(text)) = known else {
        panic!("two numbers in {shown}");
    };
    assert_eq!(bytes, chunk.as_bytes().len());
    (bytes, text)
}

/// Where characters begin, go on and end, and what belongs to none.
const BYTES: &[u8] = b"x\x80\x9F\xA0\xBF\xC1\xC3\xE0\xE2\xED\xEF\xF0\xF4\xF5\xFF";

#[test]
fn what_is_known_to_be_text_is_all_that_is_before_the_first_error() {
    let mut pieces = vec![Vec::new()];
    for length in 0..=4 {
        for piece in &pieces {
            // The beginning and the end of what is validated at once.
            for filler in [0, 1, 61, 63, 64, 126] {
                let bytes = ["a".repeat(filler).into_bytes(), piece.clone()].concat();
                let text = bytes
                    .utf8_chunks()
                    .next()
                    .map_or(0, |first| first.valid().len());
                assert_eq!(known(&Chunk::new(&bytes)), (bytes.len(), text), "{bytes:?}");
            }
        }
        if length < 4 {
            pieces = pieces
                .iter()
                .flat_map(|piece| BYTES.iter().map(|&byte| [&piece[..], &[byte]].concat()))
                .collect();
        }
    }
}

#[test]
fn text_is_known_without_being_looked_at() {
    let chunk = Chunk::from("data: \u{E9}\n\n");
    assert_eq!(known(&chunk), (10, 10));
    assert_eq!(known(&Chunk::from(&b"\xFFdata"[..])), (5, 0));
    assert_eq!(known(&Chunk::default()), (0, 0));
}

#[test]
fn what_has_been_read_is_dropped() {
    let mut decoder = EventDecoder::with_buffer([0; 64]);
    let mut chunk = Chunk::new(b"data: 1\n\nevent: e\nid: 7\ndata: 2\n\ndata: 3");
    let event = decoder.decode_chunk(&mut chunk).expect("it fits");
    assert_eq!(event.map(|event| event.data()), Some("1"));
    assert_eq!(chunk.as_bytes(), b"event: e\nid: 7\ndata: 2\n\ndata: 3");
    let event = decoder.decode_chunk(&mut chunk).expect("it fits");
    let event = event.expect("a second one");
    assert_eq!(
        (event.event_type(), event.data(), event.id()),
        ("e", "2", Some("7"))
    );
    assert_eq!(chunk.as_bytes(), b"data: 3");
    assert_eq!(decoder.decode_chunk(&mut chunk), Ok(None));
    assert_eq!(known(&chunk), (0, 0));
    assert_eq!(decoder.decode_chunk(&mut chunk), Ok(None));
    // The rest of the event comes another way.
    let event = decoder.decode(&mut &b"\n\n"[..]).expect("it fits");
    assert_eq!(event.map(|event| event.data()), Some("3"));
}

#[test]
fn behind_what_is_not_text_there_is_text_again() {
    let mut decoder = EventDecoder::with_buffer([0; 64]);
    let mut chunk =
        Chunk::new(b"\xBF\n\ndata: 1\n\ndata: \xFF\n\ndata: 2\n\n:\xFF\n\ndata: 3\n\n\xE2\x82");
    let mut seen = Vec::new();
    while let Some(event) = decoder.decode_chunk(&mut chunk).expect("it fits") {
        seen.push((event.data().to_owned(), known(&chunk)));
    }
    let expected = [
        ("1", (33, 6)),
        ("\u{FFFD}", (24, 10)),
        ("2", (15, 1)),
        ("3", (2, 0)),
    ];
    let expected = expected.map(|(data, known)| (data.to_owned(), known));
    assert_eq!(seen, expected);
    assert_eq!(known(&chunk), (0, 0));
}

#[test]
fn a_refused_event_does_not_end_what_is_known() {
    let mut decoder = EventDecoder::with_buffer([0; 16]);
    let mut chunk = Chunk::from("data: much too large\n\ndata: small\n\n");
    assert!(decoder.decode_chunk(&mut chunk).is_err());
    while let Some(event) = decoder.decode_chunk(&mut chunk).expect("it fits") {
        assert_eq!(event.data(), "small");
    }
    assert_eq!(known(&chunk), (0, 0));
}
