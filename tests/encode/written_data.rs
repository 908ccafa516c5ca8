//! Data that a closure writes into a block is split into lines as if it were one text, and is
//! removed if the closure fails.

use crate::block::{FRAGMENTS, block, lines, proptest_config, text};
use core::convert::Infallible;
use core::fmt::Write as _;
use core::panic::AssertUnwindSafe;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use sse_wire::{DataWriter, Outgoing};
use std::io::Write as _;
use std::panic::{catch_unwind, resume_unwind};

/// Bytes that are not UTF-8, and would swallow a line end if the length that they announce were
/// believed.
const INVALID: &[&[u8]] = &[
    b"\xC3",
    b"\xE2\x80",
    b"\xF0\x9F\x98",
    b"\xC0\x8A",
    b"\xC0\x8D",
];

/// Writes text as text every other time, and bytes otherwise.
fn write(writer: &mut DataWriter<'_>, writes: &[&[u8]]) {
    for (index, bytes) in writes.iter().enumerate() {
        match core::str::from_utf8(bytes) {
            Ok(text) if index % 2 == 0 => writer.write_str(text).expect("the memory grows"),
            _ => {
                let length = writer.write(bytes).expect("the memory grows");
                assert_eq!(length, bytes.len());
                writer.flush().expect("nothing to do");
            }
        }
    }
}

/// Asserts that what is written after the data that was set is split as one text.
fn assert_written(set: &str, writes: &[&[u8]]) {
    let mut out = Vec::new();
    let Ok(()) = Outgoing::message(set).encode_with(&mut out, |writer| {
        write(writer, writes);
        Ok::<(), Infallible>(())
    });
    let mut expected = Vec::new();
    for line in lines(&[set.as_bytes(), &writes.concat()].concat()) {
        expected.extend([b"data: ", &line[..], b"\n"].concat());
    }
    expected.push(b'\n');
    let [out, expected] = [out, expected].map(|bytes| bytes.escape_ascii().to_string());
    assert_eq!(out, expected, "{writes:?} written after {set:?}");
}

#[test]
fn a_line_end_may_be_cut_between_two_writes() {
    for set in ["", "a", "\r", "\n", "a\r", "\r\n", "\r\r"] {
        assert_written(set, &[]);
        for first in [
            &b""[..],
            b"\n",
            b"\r",
            b"\r\n",
            b"b\r",
            b"\nb",
            b"\n\n",
            b"\xC3",
        ] {
            assert_written(set, &[first]);
            for second in [&b""[..], b"\n", b"\r", b"\r\n", b"c", b"\nc"] {
                for third in [&b""[..], b"\n", b"\r", b"d"] {
                    assert_written(set, &[first, second, third]);
                }
            }
        }
    }
}

#[test]
#[cfg(feature = "json")]
fn json_is_one_event_even_if_it_has_line_breaks() {
    use serde_json::value::RawValue;
    use sse_wire::EventDecoder;

    let raw = serde_json::from_str::<&RawValue>("{\r\n\"a\":\r1\n}").expect("JSON");
    let block = Outgoing::new().comment("c");
    let mut out = b"data: before\n\n".to_vec();
    block.encode_json(&mut out, raw).expect("a raw value");
    let written = b": c\ndata: {\ndata: \"a\":\ndata: 1\ndata: }\n\n";
    assert_eq!(out.strip_prefix(b"data: before\n\n"), Some(&written[..]));
    #[cfg(feature = "bytes")]
    assert_eq!(
        block.json(raw).expect("a raw value").as_bytes(),
        &written[..]
    );
    let mut decoder = EventDecoder::new();
    let event = decoder.decode(&mut &written[..]).expect("it fits");
    let value: serde_json::Value = event.expect("an event").json().expect("JSON");
    assert_eq!(value, serde_json::json!({ "a": 1 }));

    // What cannot be JSON leaves nothing.
    let length = out.len();
    let invalid = std::collections::HashMap::from([(b"bytes", 1)]);
    assert!(block.encode_json(&mut out, &invalid).is_err());
    assert_eq!(out.len(), length);
}

proptest! {
    #![proptest_config(proptest_config())]

    #[test]
    fn any_bytes_and_texts_are_split_as_one_text(
        set in text(),
        fragments in vec(prop_oneof![
            2 => select(FRAGMENTS).prop_map(str::as_bytes),
            1 => select(INVALID),
        ], 0..12),
        at_once in 1..6_usize,
    ) {
        assert_written(&set, &fragments);
        let bytes = fragments.concat();
        assert_written(&set, &bytes.chunks(at_once).collect::<Vec<_>>());
    }

    #[test]
    fn a_failure_leaves_nothing(
        block in block(),
        partial in text(),
        before in vec(any::<u8>(), 0..40),
    ) {
        let outgoing = block.outgoing();
        let mut out = before.clone();
        let failed = outgoing.encode_with(&mut out, |writer| {
            write(writer, &[partial.as_bytes()]);
            Err("failed")
        });
        prop_assert_eq!(failed, Err("failed"));
        prop_assert_eq!(&out, &before);

        let unwound = catch_unwind(AssertUnwindSafe(|| {
            outgoing.encode_with(&mut out, |writer| -> Result<(), Infallible> {
                write(writer, &[partial.as_bytes()]);
                // Unlike `panic!` it prints nothing.
                resume_unwind(Box::new("unwound"))
            })
        }));
        let payload = unwound.expect_err("the closure unwinds");
        prop_assert_eq!(payload.downcast_ref(), Some(&"unwound"));
        prop_assert_eq!(&out, &before);
    }
}
