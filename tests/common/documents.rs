//! Random documents: rich in what a parser can get wrong, and made of enough whole lines that events come out.

use super::random::Random;
use proptest::prelude::*;

/// What matters at the start of a stream alone: byte order marks, whole, cut off, and one too many.
const BEGINNINGS: &[&[u8]] = &[
    b"\xEF",
    b"\xEF\xBB",
    b"\xEF\xBB\xBF",
    b"\xEF\xBB\xBF\xEF\xBB",
    b"\xEF\xBB\xBF\xEF\xBB\xBFdata: x\n",
];

/// Line ends, alone and in pairs: half of what a document is made of.
const LINE_ENDS: &[&[u8]] = &[
    b"\n",
    b"\n",
    b"\n",
    b"\r",
    b"\r\n",
    b"\n\n",
    b"\n\n",
    b"\r\r",
    b"\r\n\r\n",
    b"\n\r",
    b"\n\r\n",
    b"\r\r\n",
];

/// Field names, their beginnings and their likes, with and without what follows.
const FIELDS: &[&[u8]] = &[
    b"data",
    b"data:",
    b"data: ",
    b"data:  ",
    b"data: x",
    b"data:y",
    b"data: x\n",
    b"data: x\n\n",
    b"data:\n",
    b"data\n\n",
    b"event",
    b"event:",
    b"event: ",
    b"event: e",
    b"event: tick\n",
    b"event:\n",
    b"id",
    b"id:",
    b"id: ",
    b"id: 1",
    b"id: 42\n",
    b"id:7\n\n",
    b"id\n",
    b"id: a\0b\n",
    b"id:\xFF\xFE\n",
    b"retry",
    b"retry:",
    b"retry: ",
    b"retry: 10",
    b"retry: 2500\n",
    b"retry:0\n",
    b"retry: +5\n",
    b"retry: -5\n",
    b"retry:\n",
    b"retry: 1x\n",
    b"retry: 18446744073709551615\n",
    b"retry:18446744073709551616\n",
    b"retry: 99999999999999999999999\n",
    b"d",
    b"da",
    b"dat",
    b"datab",
    b"e",
    b"ev",
    b"even",
    b"events",
    b"i",
    b"ids",
    b"r",
    b"re",
    b"retr",
    b"retrys",
    b"Data: x\n",
    b"data :x\n",
    b" data: x\n",
    b"unknown: x\n",
    b"nothing\n",
];

/// What values are made of.
const PIECES: &[&[u8]] = &[
    b":",
    b":",
    b": ",
    b" ",
    b"  ",
    b"\t",
    b": comment",
    b":\n",
    b": ping\n\n",
    b"x",
    b"abc",
    b"0",
    b"123",
    b"\0",
    b"\xEF\xBB\xBF",
    b"\xEF\xBB\xBF",
    b"\xEF",
    b"\xEF\xBB",
    b"\xBB\xBF",
    b"\xFF",
    b"\xC0\x80",
    b"\xED\xA0\x80",
    b"\xE2\x82",
    b"\xF0\x9F\x98",
    b"\xF4\x90\x80\x80",
    b"\xC3",
    b"\x80",
    "é".as_bytes(),
    "…".as_bytes(),
    "😀".as_bytes(),
    "\u{2028}".as_bytes(),
    "\u{85}".as_bytes(),
    b"\x0B",
    b"\x0C",
];

/// Bytes of which long runs are made.
const RUNS: &[u8] = b"xd:\n\r \0\xFF\xE2";

/// The longest run.
const LONGEST_RUN: usize = 90;

/// A document that follows from the state of `random`: most are short, some are long.
pub fn document(random: &mut Random) -> Vec<u8> {
    let parts = match random.below(16) {
        0 => random.below(100),
        1..=5 => random.below(30),
        _ => random.below(12),
    };
    let mut document = Vec::new();
    if random.once_in(8) {
        document.extend_from_slice(random.choose::<&[u8]>(BEGINNINGS));
    }
    for _ in 0..parts {
        match random.below(24) {
            0..=6 => document.extend_from_slice(random.choose::<&[u8]>(LINE_ENDS)),
            7..=15 => document.extend_from_slice(random.choose::<&[u8]>(FIELDS)),
            16..=21 => document.extend_from_slice(random.choose::<&[u8]>(PIECES)),
            22 => document.push(random.byte()),
            _ => {
                let byte = *random.choose(RUNS);
                let length = 1 + random.below(LONGEST_RUN);
                document.extend(core::iter::repeat_n(byte, length));
            }
        }
    }
    document
}

/// The same kind of documents, which shrink to the fewest parts that still fail.
pub fn documents() -> impl Strategy<Value = Vec<u8>> {
    let fragment = prop_oneof![
        7 => proptest::sample::select(LINE_ENDS).prop_map(<[u8]>::to_vec),
        9 => proptest::sample::select(FIELDS).prop_map(<[u8]>::to_vec),
        6 => proptest::sample::select(PIECES).prop_map(<[u8]>::to_vec),
        1 => any::<u8>().prop_map(|byte| vec![byte]),
        1 => (proptest::sample::select(RUNS), 1..=LONGEST_RUN).prop_map(|(byte, length)| vec![byte; length]),
    ];
    let beginning = prop_oneof![
        7 => Just(&b""[..]),
        1 => proptest::sample::select(BEGINNINGS),
    ];
    (beginning, proptest::collection::vec(fragment, 0..24))
        .prop_map(|(beginning, fragments)| [beginning, &fragments.concat()[..]].concat())
}

/// A document and two ways to cut it.
pub fn documents_cut_twice() -> impl Strategy<Value = (Vec<u8>, Vec<usize>, Vec<usize>)> {
    documents().prop_flat_map(|document| {
        let length = document.len();
        (Just(document), positions(length), positions(length))
    })
}

/// Ascending places to cut an input of `length` bytes.
pub fn positions(length: usize) -> impl Strategy<Value = Vec<usize>> {
    proptest::collection::vec(0..=length, 0..12).prop_map(|mut positions| {
        positions.sort_unstable();
        positions
    })
}
