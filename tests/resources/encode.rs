//! Encoding allocates for nothing but the caller's memory, and forwarding for nothing.

use crate::common::allocator::{Count, count};
use core::fmt::{self, Write as _};
use core::time::Duration;
use sse_wire::{EventType, LastEventId, Outgoing};

/// Every field, several lines, every line end.
const OUTGOING: Outgoing<'_> =
    Outgoing::event(EventType::from_static("tick"), "one\rtwo\r\nthree\n")
        .id(LastEventId::from_static("42"))
        .retry(Duration::from_millis(1500))
        .comment("first\nsecond");

const ENCODED: &str = ": first\n: second\nevent: tick\nid: 42\nretry: 1500\n\
    data: one\ndata: two\ndata: three\ndata: \n\n";

/// Text in memory that does not grow.
struct FixedText {
    memory: [u8; 128],
    length: usize,
}

impl fmt::Write for FixedText {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let place = self.memory.get_mut(self.length..self.length + text.len());
        place.ok_or(fmt::Error)?.copy_from_slice(text.as_bytes());
        self.length += text.len();
        Ok(())
    }
}

#[test]
fn encoding_into_memory_of_the_caller_allocates_nothing() {
    let mut memory = [0; 128];
    let (counted, lengths) = count(|| {
        let too_small = OUTGOING.encode_to_slice(&mut [0; 8]);
        assert!(too_small.is_err());
        (
            OUTGOING.encode_to_slice(&mut memory),
            OUTGOING.encoded_len(),
        )
    });
    let length = ENCODED.len();
    assert_eq!((counted, lengths), (Count::NOTHING, (Ok(length), length)));
    assert_eq!(&memory[..length], ENCODED.as_bytes());

    let mut text = FixedText {
        memory: [0; 128],
        length: 0,
    };
    let written = count(|| write!(text, "{OUTGOING}"));
    assert_eq!(written, (Count::NOTHING, Ok(())));
    assert_eq!(&text.memory[..text.length], ENCODED.as_bytes());

    #[cfg(feature = "std")]
    {
        let mut memory = [0; 128];
        let (counted, left) = count(|| {
            let mut rest = &mut memory[..];
            OUTGOING.write_to(&mut rest).expect("it fits");
            rest.len()
        });
        assert_eq!((counted, left), (Count::NOTHING, 128 - length));
        assert_eq!(&memory[..length], ENCODED.as_bytes());
    }
}

#[test]
#[cfg(feature = "alloc")]
fn encoding_into_a_vec_allocates_for_nothing_else() {
    let mut out = Vec::with_capacity(OUTGOING.encoded_len());
    let (counted, ()) = count(|| OUTGOING.encode(&mut out));
    assert_eq!((counted, &out[..]), (Count::NOTHING, ENCODED.as_bytes()));

    out.clear();
    let (counted, written) = count(|| {
        let outgoing = Outgoing::event(EventType::from_static("tick"), "");
        outgoing.encode_with(&mut out, |data| {
            (0..4).try_for_each(|number| writeln!(data, "{number}\r"))
        })
    });
    assert_eq!((counted, written), (Count::NOTHING, Ok(())));
    assert!(out.starts_with(b"event: tick\ndata: 0\ndata: 1\n"));

    // The control: a `Vec` that is not large enough.
    let (counted, out) = count(|| {
        let mut out = Vec::new();
        OUTGOING.encode(&mut out);
        out
    });
    assert!(counted.allocations >= 1 && counted.kept >= out.len() as isize);
}

#[test]
#[cfg(feature = "alloc")]
fn forwarding_allocates_nothing_once_warm() {
    use crate::allocations::usual_streams;
    use crate::common::calls::Call;
    use crate::driver::{Reported, read};

    for stream in usual_streams() {
        let mut decoder = sse_wire::EventDecoder::new();
        let mut out = Vec::new();
        let mut forward = || {
            let mut forwarded = (0, 0);
            read(
                &mut decoder,
                Call::Decode,
                &stream.bytes,
                1400,
                &mut |reported| {
                    if let Reported::Event(event) = reported {
                        out.clear();
                        Outgoing::from(event).encode(&mut out);
                        forwarded = (forwarded.0 + 1, forwarded.1 + event.data().len());
                    }
                },
            );
            forwarded
        };
        forward();
        let stated = (stream.events(), stream.data_bytes);
        assert_eq!(count(forward), (Count::NOTHING, stated), "{}", stream.name);
    }
}
