//! Every way out writes what the simplest encoder would, for data of every length up to beyond that at which the ways part, with a
//! line end at every place, or none.

#[cfg(feature = "alloc")]
use core::convert::Infallible;
use core::fmt::Write as _;
use core::ops::RangeInclusive;
use sse_wire::Outgoing;
#[cfg(feature = "alloc")]
use sse_wire::{EventType, LastEventId};

/// Text that is no longer than this may be looked at in blocks of 4, 16 or 64 bytes; all else is searched line by line.
const LONGEST: usize = 512;

const LENGTHS: RangeInclusive<usize> = 0..=LONGEST + 8;

/// What stands in front of a line end in ASCII, between LF and CR, behind CR, and what differs from them in the highest bit only.
const LOOK_ALIKES: [char; 9] = [
    'x', '\0', '\t', '\u{B}', '\u{C}', '\u{E}', '\u{8A}', '\u{8D}', '\u{FF}',
];

/// The simplest encoder.
fn simplest(data: &str) -> Vec<u8> {
    let data = data.replace("\r\n", "\n").replace('\r', "\n");
    let mut out = String::new();
    for line in data.split('\n') {
        writeln!(out, "data: {line}").expect("a string takes everything");
    }
    out.push('\n');
    out.into_bytes()
}

/// What each of the ways out writes of `data`, with its name.
fn ways(data: &str, mut each: impl FnMut(&str, &[u8])) {
    let outgoing = Outgoing::message(data);
    let length = outgoing.encoded_len();
    let mut memory = vec![0xFF; length];
    assert_eq!(outgoing.encode_to_slice(&mut memory), Ok(length));
    each("encode_to_slice", &memory);
    each("Display", outgoing.to_string().as_bytes());

    #[cfg(feature = "alloc")]
    {
        let mut out = Vec::new();
        outgoing.encode(&mut out);
        each("encode", &out);

        out.clear();
        let Ok(()) = outgoing.encode_with(&mut out, |_| Ok::<(), Infallible>(()));
        each("encode_with, set", &out);

        out.clear();
        let written = Outgoing::new().encode_with(&mut out, |writer| writer.write_str(data));
        written.expect("it fails never");
        each("encode_with, written", &out);
    }
    #[cfg(feature = "std")]
    {
        let mut out = Vec::new();
        outgoing.write_to(&mut out).expect("a Vec takes everything");
        each("write_to", &out);
    }
    #[cfg(feature = "bytes")]
    each("Frame", sse_wire::Frame::from(outgoing).as_bytes());
    #[cfg(feature = "tokio")]
    {
        use tokio_util::codec::Encoder;

        let mut out = bytes::BytesMut::new();
        let mut codec = sse_wire::tokio::EventCodec::new();
        codec.encode(outgoing, &mut out).expect("it fails never");
        each("EventCodec", &out);
    }
}

#[track_caller]
fn assert_every_way(data: &str) {
    let expected = simplest(data);
    ways(data, |way, written| {
        assert!(
            written == expected,
            "{way} writes {data:?} as {:?}",
            written.escape_ascii().to_string()
        );
    });
}

#[test]
fn a_line_end_is_found_at_every_place() {
    for length in LENGTHS {
        let mut data = vec![b'x'; length];
        for at in 0..length {
            for end in [&b"\n"[..], b"\r", b"\r\n"] {
                let Some(place) = data.get_mut(at..at + end.len()) else {
                    continue;
                };
                place.copy_from_slice(end);
                let text = core::str::from_utf8(&data).expect("it is ASCII");
                assert_every_way(text);
                data[at..at + end.len()].fill(b'x');
            }
        }
    }
}

#[test]
fn what_is_like_a_line_end_is_none() {
    for length in LENGTHS {
        for character in LOOK_ALIKES {
            assert_every_way(&character.to_string().repeat(length));
        }
    }
}

#[test]
fn several_line_ends_follow_each_other() {
    for length in LENGTHS.step_by(7) {
        let text = "x".repeat(length);
        for ends in ["\n\n", "\r\r", "\n\r", "\r\n\r\n", "\r\r\n", "\n\r\n"] {
            for data in [
                format!("{ends}{text}"),
                format!("{text}{ends}"),
                format!("{text}{ends}{text}"),
                format!("{ends}{text}{ends}"),
            ] {
                assert_every_way(&data);
            }
        }
    }
}

#[test]
#[cfg(feature = "alloc")]
fn other_fields_stand_before_data_of_any_length() {
    for length in LENGTHS {
        for end in ["", "\r"] {
            let data = format!("{}{end}", "x".repeat(length));
            let outgoing = Outgoing::event(EventType::from_static("tick"), &data)
                .id(LastEventId::from_static("42"))
                .comment("a\rb\r\n");
            let head = b": a\n: b\n:\nevent: tick\nid: 42\n";
            let expected = [head, &simplest(&data)[..]].concat();
            let mut out = Vec::new();
            outgoing.encode(&mut out);
            assert_eq!(out, expected);
            assert_eq!(outgoing.to_string().as_bytes(), expected);
        }
    }
}

#[test]
fn control_the_simplest_encoder_is_right() {
    assert_eq!(simplest(""), b"data: \n\n");
    assert_eq!(
        simplest("a\r\nb\rc\n"),
        b"data: a\ndata: b\ndata: c\ndata: \n\n"
    );
}
