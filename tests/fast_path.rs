//! What the fast paths of the decoder leave to the general path, and what they leave behind (WHATWG HTML 9.2.5 and 9.2.6).

#[cfg(feature = "alloc")]
use sse_wire::OwnedEvent;
use sse_wire::{Buffer, CutLine, EventDecoder};

/// Type, data, and last event ID.
type Seen = (String, String, String);

/// Reads through the call that borrows, and asserts that the one that copies returns the same.
fn read<B: Buffer + Clone>(decoder: &mut EventDecoder<B>, chunks: &[&[u8]]) -> Vec<Seen> {
    #[cfg(feature = "alloc")]
    let mut owning = decoder.clone();
    let mut seen = Vec::new();
    for &chunk in chunks {
        let mut input = chunk;
        #[cfg(feature = "alloc")]
        let mut owned_input = chunk;
        loop {
            #[cfg(feature = "alloc")]
            let owned = owning.decode_owned(&mut owned_input);
            let event = decoder.decode(&mut input);
            #[cfg(feature = "alloc")]
            {
                let as_event = owned
                    .as_ref()
                    .map(|owned| owned.as_ref().map(OwnedEvent::as_event));
                assert_eq!(as_event, event.as_ref().copied());
            }
            match event {
                Ok(Some(event)) => seen.push((
                    event.event_type().to_owned(),
                    event.data().to_owned(),
                    event.last_event_id().to_owned(),
                )),
                Ok(None) => break,
                // Some of these are rejected on purpose; what matters is what comes behind them.
                Err(_) => {}
            }
        }
        #[cfg(feature = "alloc")]
        assert_eq!(owned_input, input);
    }
    seen
}

/// Reads them as a stream of their own, where a byte order mark may stand, and behind events in another chunk and in the first one,
/// where the fast paths begin.
#[track_caller]
fn read_anywhere<B: Buffer + Clone>(
    new: impl Fn() -> EventDecoder<B>,
    chunks: &[&[u8]],
) -> Vec<Seen> {
    let seen = read(&mut new(), chunks);
    let before = b"data: before\n\n";
    assert_eq!(
        read(&mut behind_an_event(new()), chunks),
        seen,
        "behind an event"
    );
    let first = chunks.first().copied().unwrap_or_default();
    let first = [before, before, first].concat();
    let rest = chunks.get(1..).unwrap_or_default();
    let later = read(&mut new(), &[&[&first[..]], rest].concat());
    assert_eq!(later[2..], seen, "behind events in the same chunk");
    seen
}

fn behind_an_event<B: Buffer + Clone>(mut decoder: EventDecoder<B>) -> EventDecoder<B> {
    let seen = read(&mut decoder, &[b"data: before\n\n"]);
    assert_eq!(seen.len(), 1);
    decoder
}

#[track_caller]
fn assert_seen(chunks: &[&[u8]], expected: &[(&str, &str, &str)]) {
    let expected: Vec<Seen> = expected
        .iter()
        .map(|&(event_type, data, id)| (event_type.to_owned(), data.to_owned(), id.to_owned()))
        .collect();
    let fixed = || EventDecoder::with_buffer([0; 4096]);
    assert_eq!(read_anywhere(fixed, chunks), expected, "in a fixed buffer");
    #[cfg(feature = "alloc")]
    assert_eq!(
        read_anywhere(EventDecoder::new, chunks),
        expected,
        "in a buffer that grows"
    );
}

#[test]
fn an_id_with_two_nuls_is_ignored_as_one_with_one_is() {
    let stream = b"id: 1\n\nid: a\0b\0c\ndata: x\n\n";
    let expected = [("message", "x", "1")];
    for cut in 0..stream.len() {
        let (front, back) = stream.split_at(cut);
        assert_seen(&[front, back], &expected);
    }
}

/// They are looked at eight bytes at a time.
#[test]
fn each_byte_counts_at_each_place_of_an_id() {
    let plain = b"abcdefghijklmnopqrs";
    for length in [1, 2, 7, 8, 9, 15, 16, 17, 19] {
        for place in 0..length {
            for byte in (0..=u8::MAX).filter(|byte| !matches!(byte, b'\n' | b'\r')) {
                let mut id = plain[..length].to_vec();
                id[place] = byte;
                // The space before it is the one that is skipped.
                let stream = [b"id: 0\n\nid: ", &id[..], b"\ndata: x\n\n"].concat();
                let text = String::from_utf8_lossy(&id);
                let expected = if byte == 0 { "0" } else { &text };
                assert_seen(&[&stream], &[("message", "x", expected)]);
            }
        }
    }
}

/// Those below eight bytes are looked at as two halves that overlap, or byte by byte, and all others as words: everything that can
/// be in an ID stands at each of its places, and there are two of it at each pair of places.
#[test]
fn whatever_is_in_a_short_id_counts_at_each_place() {
    // NUL, ASCII at its ends, characters of each length, and what is no character: cut off, or with a byte too many, or never one.
    let parts: [&[u8]; 15] = [
        b"\0",
        b"\x01",
        b"\x7F",
        b"\t",
        b":",
        "\u{80}".as_bytes(),
        "é".as_bytes(),
        "流".as_bytes(),
        "🦀".as_bytes(),
        b"\x80",
        b"\xC3",
        b"\xE2\x82",
        b"\xF0\x9F\xA6",
        b"\xFF",
        b"\xC0\x80",
    ];
    let plain = b"abcdefghi";
    let before = b"id: 0\n\nid: ";
    let check = |id: &[u8]| {
        let stream = [before, id, b"\ndata: x\n\n"].concat();
        let text = String::from_utf8_lossy(id);
        let expected = if id.contains(&0) { "0" } else { &text };
        assert_seen(&[&stream], &[("message", "x", expected)]);
        let (front, back) = stream.split_at(before.len() + id.len().div_ceil(2));
        assert_seen(&[front, back], &[("message", "x", expected)]);
    };
    for length in 0..=9 {
        check(&plain[..length]);
        for part in parts {
            for place in 0..=length.saturating_sub(part.len()) {
                if part.len() > length {
                    continue;
                }
                let mut id = plain[..length].to_vec();
                id[place..place + part.len()].copy_from_slice(part);
                check(&id);
                for other in [&b"\0"[..], "é".as_bytes(), b"\xFF"] {
                    let behind = place + part.len();
                    for place in behind..=length.saturating_sub(other.len()) {
                        let mut id = id.clone();
                        id[place..place + other.len()].copy_from_slice(other);
                        check(&id);
                    }
                }
            }
        }
    }
}

/// Short lines are copied by the block.
#[test]
fn lines_of_any_length_are_joined_whole() {
    let lengths = [0, 1, 31, 32, 33, 127, 128, 129, 130, 255, 256, 257, 700];
    for first in lengths {
        for second in lengths {
            for third in [1, 127, 129] {
                let lines = ["x".repeat(first), "y".repeat(second), "z".repeat(third)];
                let block = lines.each_ref().map(|line| format!("data: {line}\n"));
                let stream = [&block.concat(), "\ndata: next\n\n", &" ".repeat(300)].concat();
                let expected = [("message", &*lines.join("\n"), ""), ("message", "next", "")];
                assert_seen(&[stream.as_bytes()], &expected);
            }
        }
    }
}

#[test]
fn what_looks_like_data_within_a_line_is_none() {
    assert_seen(&[b"foo", b"data: x", b"y\n\n"], &[]);
    let z = ("message", "z", "");
    assert_seen(&[b": foo", b"data: x", b"\n\ndata: z\n\n"], &[z]);
    assert_seen(
        &[b"id: foo", b"data: x", b"\ndata: z\n\n"],
        &[("message", "z", "foodata: x")],
    );
    assert_seen(
        &[b"data: a", b"data: b", b"\n\n"],
        &[("message", "adata: b", "")],
    );
}

#[test]
fn a_line_end_of_two_is_one_wherever_it_is_cut() {
    let stream = b"event: a\r\nid: 7\r\ndata: x\r\ndata: y\r\n\r\ndata: z\r\n\r\n";
    let expected = [("a", "x\ny", "7"), ("message", "z", "7")];
    for cut in 0..stream.len() {
        for second in cut..stream.len() {
            let (front, back) = stream.split_at(second);
            let (front, middle) = front.split_at(cut);
            assert_seen(&[front, middle, back], &expected);
        }
    }
}

#[test]
fn the_last_event_type_counts() {
    for before in ["", "data: w\n", "id: 1\n"] {
        let stream = [before, "event: a\nevent: b\ndata: x\n\n"].concat();
        let (data, id) = match before {
            "" => ("x", ""),
            "id: 1\n" => ("x", "1"),
            _ => ("w\nx", ""),
        };
        assert_seen(&[stream.as_bytes()], &[("b", data, id)]);
    }
}

#[test]
fn what_was_replaced_is_no_part_of_the_next_event() {
    let replaced = ("message", "\u{FFFD}", "");
    assert_seen(
        &[b"data: \xFF\n\ndata: a\ndata: b\n\n"],
        &[replaced, ("message", "a\nb", "")],
    );
    assert_seen(
        &[b"data: \xFF\n\ndata: a", b"b\n\n"],
        &[replaced, ("message", "ab", "")],
    );
}

#[test]
fn nothing_is_taken_behind_the_blank_line() {
    for end in ["\n\n", "\r\n\r\n", "\n\r\n", "\r\n\n", "\r\r\n"] {
        for front in ["data: ab", "event: e\ndata: ab", "data: a\ndata: b", ""] {
            let back = match front {
                "" => ["data: abcd", end, "rest"],
                _ => ["cd", end, "rest"],
            }
            .concat();
            let mut decoder = behind_an_event(EventDecoder::with_buffer([0; 64]));
            let mut input = front.as_bytes();
            assert_eq!(decoder.decode(&mut input), Ok(None));
            let mut input = back.as_bytes();
            assert!(matches!(decoder.decode(&mut input), Ok(Some(_))));
            assert_eq!(input, b"rest", "{front:?} {end:?}");
        }
    }
}

/// The limits of 64 bytes are 48 for an event and 16 for an ID: there is room for two IDs and a line only if the data is gone.
#[test]
fn a_rejected_event_leaves_its_room_to_the_ids_behind_it() {
    let [first, second, third] = ["a", "b", "c"].map(|letter| letter.repeat(15));
    // It is ignored, once it was read.
    let with_nul = format!("{}\0", "c".repeat(14));
    let one_line = format!("data: {}\n", "x".repeat(49));
    let two_lines = format!("data: {}\ndata: x\n", "x".repeat(47));
    for rejected in [one_line, two_lines] {
        for (last, counts) in [(&third, &third), (&with_nul, &second)] {
            let stream =
                format!("id: {first}\n\n{rejected}id: {second}\nid: {last}\n\ndata: y\n\n");
            for size in [1, 3, 20, stream.len()] {
                let chunks: Vec<_> = stream.as_bytes().chunks(size).collect();
                let seen = read_anywhere(|| EventDecoder::with_buffer([0; 64]), &chunks);
                let expected = ("message".to_owned(), "y".to_owned(), counts.clone());
                assert_eq!(seen, [expected], "{size} bytes at a time");
            }
        }
    }
}

/// Of 64 bytes, 48 are for an event.
#[test]
fn every_line_of_an_event_counts_where_all_are_whole() {
    for first in [0, 1, 20, 46, 47, 48] {
        for second in [0, 1, 2, 26, 27, 28, 47, 48] {
            let lines = ["x".repeat(first), "y".repeat(second)];
            let stream = format!("data: {}\ndata: {}\n\n", lines[0], lines[1]);
            let seen = read_anywhere(|| EventDecoder::with_buffer([0; 64]), &[stream.as_bytes()]);
            let data = lines.join("\n");
            let fits = data.len() <= 48;
            let expected = fits.then(|| ("message".to_owned(), data, String::new()));
            assert_eq!(seen, Vec::from_iter(expected), "{first} + 1 + {second}");
        }
    }
}

#[test]
fn an_event_type_that_is_too_large_is_rejected_though_another_one_comes() {
    let stream = format!(
        "event: {}\nevent: b\ndata: x\n\ndata: y\n\n",
        "a".repeat(49)
    );
    let seen = read_anywhere(|| EventDecoder::with_buffer([0; 64]), &[stream.as_bytes()]);
    assert_eq!(
        seen,
        [("message".to_owned(), "y".to_owned(), String::new())]
    );
}

/// And not that of an earlier one, which is the last event ID all the same.
#[test]
fn an_event_carries_the_id_of_its_own_block_wherever_it_is_cut() {
    let stream: &[u8] = b"id: 1\ndata: a\n\ndata: b\n\ndata: c\nid: 2\n\ndata: d\nid\n\n";
    for cut in 0..=stream.len() {
        let mut decoder = EventDecoder::with_buffer([0; 64]);
        let mut ids = Vec::new();
        let (front, back) = stream.split_at(cut);
        for mut input in [front, back] {
            while let Some(event) = decoder.decode(&mut input).expect("all fit") {
                ids.push((
                    event.id().map(str::to_owned),
                    event.last_event_id().to_owned(),
                ));
            }
        }
        let expected = [
            (Some("1"), "1"),
            (None, "1"),
            (Some("2"), "2"),
            (Some(""), ""),
        ]
        .map(|(id, last)| (id.map(str::to_owned), last.to_owned()));
        assert_eq!(ids, expected, "{cut}");
    }
}

#[test]
fn an_event_that_is_recovered_carries_the_id_of_its_own_block() {
    for (block, own) in [("id: 2\ndata: x\n", Some("2")), ("data: x\n", None)] {
        let mut decoder = behind_an_event(EventDecoder::with_buffer([0; 64]));
        assert_eq!(read(&mut decoder, &[b"id: 1\n\n", block.as_bytes()]), []);
        let finished = decoder.finish().expect("a block is begun");
        let event = finished.recover(CutLine::Discard).expect("it fits");
        assert_eq!(event.expect("it has data").id(), own);
    }
}
