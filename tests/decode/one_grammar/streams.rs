//! Longer streams, and lines of every length.

use super::compare::Comparison;
#[cfg(feature = "alloc")]
use super::sequences::grown;
use super::sequences::{Lead, copies_items};
use crate::common::calls::Call;
use crate::read::AnyDecoder;
use sse_wire::EventDecoder;
use std::time::Instant;

/// Streams of more tokens than every sequence can have, some of which exceed small limits.
const LONGER_STREAMS: &[&[u8]] = &[
    b"data: one\ndata: two\ndata\ndata:\n\ndata: after\n\n",
    b"data: 12345678\ndata: 90\n\ndata: 12345678\ndata: 901\n\ndata: after\n\n",
    b"data\ndata\ndata\n\ndata\n\ndata:\ndata:\n\n",
    b"event: a\nevent: bc\ndata: d\n\ndata: e\n\n",
    b"event: a\nevent\ndata: d\n\nevent\nevent: a\ndata: d\n\n",
    b"event: a\ndata: d\nevent: longer than it\n\ndata: e\n\n",
    b"data: d\nevent: a\ndata: e\nevent: b\ndata: f\n\n",
    b"event: lost\n\ndata: d\n\nevent: kept\ndata\n\n",
    b"data: a\nid: 1\ndata: b\n\ndata: c\n\n",
    b"id: 1\ndata: a\nid: 2\n\ndata: c\n\nid\n\ndata: d\n\n",
    b"id: 1\nid: 2\nid\nid: 3\n\ndata\n\n",
    b"id: 1\n\nid: a\0b\n\ndata\n\nid: 2\nid: a\0b\ndata\n\n",
    b"data: d\nid: \0\n\nid: \0\ndata: d\n\n",
    b"id: 1234\ndata\n\nid: 12345\ndata\n\ndata: after\n\n",
    b"id: 123456\ndata\n\nid: 1234567\ndata\n\ndata: after\n\n",
    b"id: 1\nid: 1234567\ndata\nid: 2\n\ndata: after\n\n",
    b"id: 1\n\nid: 1234567\ndata\nretry: 7\n\ndata: after\n\n",
    b"data: 123456789012\n\ndata: 1234567890123\n\ndata: 123456789012345678\n\ndata: 1234567890123456789\n\n",
    b"data: 1234567890123\nid: 1\nretry: 5\nevent: e\ndata: x\n\ndata: after\n\n",
    b"event: 12345678\ndata: 1234\n\nevent: 12345678\ndata: 12345\n\ndata: after\n\n",
    b"data: 12345678\nevent: 1234\n\ndata: 12345678\nevent: 12345\n\ndata: after\n\n",
    b"id: 1234\nevent: 1234\ndata: 1234\n\nid: 1234\nevent: 1234\ndata: 12345\n\ndata: after\n\n",
    b"data: 1234\nevent: 1234\nid: 1234\n\ndata: 12345\nevent: 1234\nid: 1234\n\ndata: after\n\n",
    b"id: 1234\nid: 1\ndata: 12345678901\n\nevent: 1234\nevent\ndata: 123456789012\n\n",
    b"data: \xFF\xFF\xFF\xFF\n\ndata: \xFF\xFF\xFF\xFF\xFF\n\ndata: after\n\n",
    b"data: \xE2\x82\xAC\n\ndata: \xE2\x82\n\ndata: \xE2\ndata: \x82\xAC\n\n",
    b"event: \xFF\ndata: d\n\nevent: \xC3\xA9\ndata: \xFF\n\ndata: after\n\n",
    b"event: \xC3\xA9\ndata: d\nid: \xC3\xA9\n\ndata: \xC3\xA9\xC3\xA9\n\n",
    b"id: \xFF\ndata\n\nid: \xFF\xFF\ndata\n\nid: \xE2\x82\ndata\n\ndata: after\n\n",
    b"id: 12345\0\ndata\n\nid: 123456\0\ndata\n\nid: \0...... \ndata\n\ndata: after\n\n",
    b"id: \xFF\0\ndata\n\nid: \xC3\xA9\0\ndata\n\n",
    b"data: a\r\ndata: b\r\n\r\ndata: c\rdata: d\r\rdata: e\ndata: f\n\n",
    b"data: a\r\rdata: b\r\n\rdata: c\n\r\ndata: d\r\n\ndata: e\n\r",
    b"\r\n\r\n\r\r\n\n\rdata\r\r\r\n\r\ndata: x\n\r\n\r",
    b"event: a\rid: 1\r\ndata: b\n\rdata: c\r\n\n",
    b"data: a\n:\ndata: b\n: c\n\n:data: d\n\ndata: e\n\n",
    b": a\n: b\r\n:\r:\n\n:c\r\n\r\ndata\n:d\n\n",
    b"data: a\nretry: 10\ndata: b\nretry: 1x\nretry\nretry:\n\nretry: 20\n\n",
    b"retry:1\nretry: 22\nretry:  3\nretry: 4 \nretry: +5\nretry: 6\0\ndata\n\n",
    b"retry: 18446744073709551615\ndata\n\nretry: 18446744073709551616\n\nretry: 00007\ndata\n\n",
    b"datum: x\ndatas\nDATA: x\n data: x\ndata : x\ndata\0: x\nda\ndata: y\n\n",
    b"events: x\nid2: x\nids\nretrying: 5\ni\ne\nr\nd\ndata: y\n\n",
    b"data:  two spaces\n\ndata:\tone tab\n\ndata: :\n\ndata::\n\ndata: \n\ndata:  \n\n",
    b"\xEF\xBB\xBFdata: a\n\n\xEF\xBB\xBFdata: b\n\n",
    b"\xEF\xBB\xBF\n\xEF\xBB\xBFid: 1\ndata\n\xEF\xBB\ndata: c\n\n",
    b"data: a\n\ndata: b\n\ndata: c\n\ndata: d\n\ndata: e\n\ndata: f\n\ndata: g\n\n",
    b"event: a\ndata: 1\n\nevent: b\ndata: 2\n\nid: 1\nevent: c\ndata: 3\n\ndata: 4\n\n",
    b"unknown\n\nunknown: x\n\n:\n\nretry: 1\n\nevent: x\n\nid: 1\n\ndata: x\n\n",
    b"data: a\nunknown\nevent: b\nid: 5\nunknown: x\n\nunknown\n\nid: 6\ndata: c",
    b"event: cut\ndata: c\nid: 12345678",
    b"data: a\n\nevent: b\ndata: c\r",
    b"data: a\n\n: cut",
];

/// Each of them in one chunk and cut in two after each length of filler, and cut in three at the
/// start of a stream.
#[test]
fn longer_streams() {
    let start = Instant::now();
    let mut comparison = Comparison::default();
    let decoders: [&dyn AnyDecoder; 3] = [
        &EventDecoder::with_buffer([0; 16]),
        &EventDecoder::with_buffer([0; 24]),
        &EventDecoder::with_buffer([0; 1024]),
    ];
    #[cfg(feature = "alloc")]
    let grown = grown();
    for (tokens, &call) in LONGER_STREAMS
        .iter()
        .flat_map(|tokens| Call::ALL.iter().map(move |call| (*tokens, call)))
    {
        comparison.sequences += 1;
        for (length, lead) in Lead::at_line_starts().iter().enumerate() {
            comparison.streams += 1;
            let start = lead.bytes(call).len();
            let stream = [lead.bytes(call), tokens].concat();
            // After a later cut there are the same lines as without the filler.
            let last = if length < 3 { stream.len() } else { start + 4 };
            for decoder in decoders {
                comparison.check(decoder, &stream, call, start..=last);
            }
            #[cfg(feature = "alloc")]
            if !lead.is_start() {
                comparison.check(&grown, &stream, call, start..=last);
            }
        }
        let expected = decoders[1].expected(call, tokens);
        for first in 0..=tokens.len() {
            for second in first..=tokens.len() {
                let chunks = [&tokens[..first], &tokens[first..second], &tokens[second..]];
                comparison.compare(decoders[1], call, &chunks, &expected);
            }
        }
    }
    comparison.assert_none_differs("longer streams", start);
}

/// How lines begin whose values have every length.
const BEGINNINGS: &[&str] = &[
    "data:",
    "data: ",
    "event:",
    "event: ",
    "id:",
    "id: ",
    "retry:",
    ":",
    "x",
    "data: y\ndata:",
    "event: y\nevent:",
    "id: y\nid:",
];

/// Each kind of line of each length, with a line end of some kind. Long lines are searched in
/// another way.
#[test]
fn lines_of_every_length() {
    let start = Instant::now();
    let mut comparison = Comparison::default();
    let decoder = EventDecoder::with_buffer([0; 2048]);
    let smaller = EventDecoder::with_buffer([0; 128]);
    for (kind, begins) in BEGINNINGS.iter().enumerate() {
        for length in (0..=200).chain(480..=640).chain(1000..=1120) {
            let line_end = ["\n", "\r", "\r\n"][(kind + length) % 3];
            let line = format!("data: 0\n\n{begins}{}", "1".repeat(length));
            let cuts = line.len() - 1..=line.len() + 3;
            let stream = format!("{line}{line_end}data: z{line_end}{line_end}");
            for &call in Call::ALL.iter().filter(|call| !copies_items(**call)) {
                comparison.streams += 1;
                comparison.check(&decoder, stream.as_bytes(), call, cuts.clone());
                comparison.check(&smaller, stream.as_bytes(), call, cuts.clone());
            }
        }
    }
    comparison.assert_none_differs("lines of every length", start);
}

/// A whole ID is examined in words, a split one in fragments: each kind of byte counts at each
/// place.
#[test]
fn ids_of_every_kind_of_byte() {
    // Control characters, characters of each length, and invalid UTF-8.
    let parts: [&[u8]; 13] = [
        b"\0",
        b"\x01",
        b"\x7F",
        b":",
        "\u{80}".as_bytes(),
        "流".as_bytes(),
        "🦀".as_bytes(),
        b"\x80",
        b"\xC3",
        b"\xE2\x82",
        b"\xF0\x9F\xA6",
        b"\xFF",
        b"\xC0\x80",
    ];
    let start = Instant::now();
    let mut comparison = Comparison::default();
    let decoder = EventDecoder::with_buffer([0; 256]);
    for length in [1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17, 19] {
        for part in parts.into_iter().filter(|part| part.len() <= length) {
            for place in 0..=length - part.len() {
                for nul in (0..length).map(Some).chain([None]) {
                    let mut id = b"abcdefghijklmnopqrs"[..length].to_vec();
                    if let Some(nul) = nul {
                        id[nul] = 0;
                    }
                    id[place..place + part.len()].copy_from_slice(part);
                    let stream = [b"id: 0\n\nid: ", &id[..], b"\ndata: x\n\n"].concat();
                    comparison.streams += 1;
                    #[expect(clippy::reversed_empty_ranges, reason = "not cut")]
                    comparison.check(&decoder, &stream, Call::DecodeRaw, 1..=0);
                }
            }
        }
    }
    comparison.assert_none_differs("IDs of every kind of byte", start);
}
