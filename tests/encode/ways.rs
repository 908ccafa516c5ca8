//! The ways to encode a block. A new one is one more entry in [`WAYS`].

use crate::block::Block;
#[cfg(feature = "alloc")]
use core::fmt::{self, Write as _};
#[cfg(feature = "alloc")]
use sse_wire::DataWriter;
use sse_wire::Outgoing;

/// No byte of a block, so that memory that was not written to can be told.
const UNTOUCHED: u8 = 0xFF;

/// Returns the bytes of a block; `None` if this way needs data, and the block has none.
type Encode = fn(&Block) -> Option<Vec<u8>>;

/// Every way, with its name.
pub(crate) const WAYS: &[(&str, Encode)] = &[
    ("Display", |block| {
        Some(block.outgoing().to_string().into_bytes())
    }),
    ("encode_to_slice", |block| Some(to_slice(block.outgoing()))),
    ("numeric_id", |block| {
        let id = block.id.as_deref()?;
        let number: u64 = id.parse().ok()?;
        let is_canonical = number.to_string() == id;
        is_canonical.then(|| to_slice(block.outgoing().numeric_id(number)))
    }),
    #[cfg(feature = "alloc")]
    ("encode", |block| {
        let mut out = b"before".to_vec();
        block.outgoing().encode(&mut out);
        Some(out.strip_prefix(b"before")?.to_vec())
    }),
    #[cfg(feature = "alloc")]
    ("encode_with, data set", |block| {
        encode_with(block, block.data.as_ref()?.len(), |_, _| Ok(()))
    }),
    #[cfg(feature = "alloc")]
    ("encode_with, data written", |block| {
        encode_with(block, 0, |writer, data| writer.write_str(data))
    }),
    #[cfg(feature = "alloc")]
    ("encode_with, half set, half written", |block| {
        encode_with(block, block.data.as_ref()?.len() / 2, |writer, data| {
            data.chars().try_for_each(|char| writer.write_char(char))
        })
    }),
    #[cfg(feature = "std")]
    ("encode_with, data written by byte", |block| {
        encode_with(block, 0, |writer, data| {
            let mut bytes = data.as_bytes().chunks(1);
            let written = bytes.try_for_each(|byte| std::io::Write::write_all(writer, byte));
            written.map_err(|_| fmt::Error)
        })
    }),
    #[cfg(feature = "std")]
    ("write_to", |block| {
        let mut out = Vec::new();
        block.outgoing().write_to(&mut out).expect("a Vec grows");
        Some(out)
    }),
    #[cfg(feature = "std")]
    ("io::EventWriter", |block| {
        let mut writer = sse_wire::io::EventWriter::new(Vec::new());
        writer.write(block.outgoing()).expect("a Vec grows");
        Some(writer.into_inner())
    }),
    #[cfg(feature = "bytes")]
    ("Frame", |block| {
        let frame = sse_wire::Frame::from(&block.outgoing());
        assert_eq!(sse_wire::Frame::from(block.outgoing()), frame);
        Some(frame.into_bytes().into())
    }),
    #[cfg(feature = "bytes")]
    ("Frame::encode_with", |block| {
        let data = block.data.as_ref()?;
        let outgoing = block.outgoing_with(Some(""));
        let frame = sse_wire::Frame::encode_with(outgoing, |writer| writer.write_str(data));
        Some(frame.expect("a Vec grows").into_bytes().into())
    }),
    #[cfg(feature = "http-body")]
    ("body::EventBody", |block| {
        use futures_util::{FutureExt, StreamExt, stream};

        let frames = stream::iter([Ok::<_, core::convert::Infallible>(block.outgoing())]);
        let body = sse_wire::body::EventBody::new(frames);
        let data = body
            .into_stream()
            .map(|data| data.expect("no error").to_vec());
        Some(data.concat().now_or_never().expect("no waiting"))
    }),
    #[cfg(feature = "tokio")]
    ("tokio::EventCodec", |block| {
        use tokio_util::codec::Encoder as _;

        let mut out = bytes::BytesMut::new();
        let mut codec = sse_wire::tokio::EventCodec::new();
        let encoded = codec.encode(block.outgoing(), &mut out);
        encoded.expect("the memory grows");
        Some(out.into())
    }),
    #[cfg(feature = "embedded-io")]
    ("embedded::EventWriter", |block| {
        let outgoing = block.outgoing();
        let mut memory = vec![0; outgoing.encoded_len()];
        let mut out = memory.clone();
        let mut writer = sse_wire::embedded::EventWriter::new(&mut out[..], &mut memory);
        writer.write(outgoing).expect("exactly the room");
        assert!(writer.into_inner().is_empty());
        Some(out)
    }),
    #[cfg(feature = "embedded-io-async")]
    ("embedded::EventWriter, asynchronous", |block| {
        use futures_util::FutureExt;

        let outgoing = block.outgoing();
        let mut memory = vec![0; outgoing.encoded_len()];
        let mut out = memory.clone();
        let mut writer = sse_wire::embedded::EventWriter::new(&mut out[..], &mut memory);
        let written = writer.write_async(outgoing).now_or_never();
        written.expect("no waiting").expect("exactly the room");
        assert!(writer.into_inner().is_empty());
        Some(out)
    }),
];

/// Encodes into memory of the exact size. Asserts that less memory is rejected and not touched, and
/// that of more memory only the front is touched.
fn to_slice(outgoing: Outgoing<'_>) -> Vec<u8> {
    let length = outgoing.encoded_len();
    let mut memory = vec![UNTOUCHED; length + 9];
    for available in [0, length.saturating_sub(1)] {
        if available < length {
            let full = outgoing.encode_to_slice(&mut memory[..available]);
            let full = full.expect_err("too little memory");
            assert_eq!((full.needed, full.available), (length, available));
            assert!(memory.iter().all(|&byte| byte == UNTOUCHED), "{outgoing:?}");
        }
    }
    assert_eq!(outgoing.encode_to_slice(&mut memory), Ok(length));
    assert_eq!(memory[length..], [UNTOUCHED; 9], "{outgoing:?}");
    let mut exact = vec![UNTOUCHED; length];
    assert_eq!(outgoing.encode_to_slice(&mut exact), Ok(length));
    assert_eq!(exact, memory[..length]);
    exact
}

/// Encodes the block with about `set` bytes of its data set, and the rest written by `write`.
#[cfg(feature = "alloc")]
fn encode_with(
    block: &Block,
    set: usize,
    write: fn(&mut DataWriter<'_>, &str) -> fmt::Result,
) -> Option<Vec<u8>> {
    let data = block.data.as_ref()?;
    let middle = (set..).find(|&at| data.is_char_boundary(at))?;
    let (set, rest) = data.split_at(middle);
    let mut out = b"before".to_vec();
    let outgoing = block.outgoing_with(Some(set));
    let written = outgoing.encode_with(&mut out, |writer| write(writer, rest));
    written.expect("a Vec grows");
    Some(out.strip_prefix(b"before")?.to_vec())
}

/// Asserts that every way writes what the simplest encoder does, and returns it.
#[track_caller]
pub(crate) fn assert_every_way(block: &Block) -> Vec<u8> {
    let expected = block.encoded();
    for (name, encode) in WAYS {
        let Some(written) = encode(block) else {
            continue;
        };
        assert!(
            written == expected,
            "{name} writes \"{}\", not \"{}\", for {block:?}",
            written.escape_ascii(),
            expected.escape_ascii()
        );
    }
    expected
}
