//! A stream with all that the format has, and one event of megabytes in its middle.

use core::convert::Infallible;

use bytes::Bytes;
use sse_wire::Frame;
use sse_wire::body::EventBody;
use tokio_stream::Stream;

use crate::random::Random;

/// How long the longest event is, about.
pub const LARGEST: usize = 3 << 20;

const BLOCKS: usize = 400;

const LINE_ENDS: [&str; 3] = ["\n", "\r\n", "\r"];

/// Of one, two, three and four bytes in UTF-8.
const CHARACTERS: [char; 8] = ['a', ' ', ':', 'é', 'ß', '世', '…', '👋'];

/// The same bytes for the same seed.
pub fn stream(seed: u64) -> Bytes {
    let mut random = Random::new(seed);
    let mut out = Vec::from("\u{FEFF}");
    for _ in 0..BLOCKS / 2 {
        write_block(&mut out, &mut random);
    }
    write_largest(&mut out, &mut random);
    for _ in 0..BLOCKS / 2 {
        write_block(&mut out, &mut random);
    }
    // No blank line follows: it must not be dispatched.
    out.extend_from_slice("id: never\nevent: never\ndata: ne\u{301}ver".as_bytes());
    out.into()
}

/// The stream in pieces of any size, none included: not the ones in which it arrives.
pub fn body(
    stream: &Bytes,
    seed: u64,
) -> EventBody<impl Stream<Item = Result<Frame, Infallible>> + use<>> {
    let mut random = Random::new(seed);
    let mut rest = stream.clone();
    let mut frames = Vec::new();
    while !rest.is_empty() {
        let most = *random.choose(&[4, 100, 10_000, 100_000]);
        let length = random.below(most).min(rest.len());
        frames.push(Ok(Frame::from_bytes_unchecked(rest.split_to(length))));
    }
    EventBody::new(tokio_stream::iter(frames))
}

fn write_block(out: &mut Vec<u8>, random: &mut Random) {
    let of_block = *random.choose(&LINE_ENDS);
    let is_mixed = random.once_in(8);
    for _ in 0..random.below(6) {
        write_line(out, random);
        let line_end = if is_mixed {
            random.choose(&LINE_ENDS)
        } else {
            of_block
        };
        out.extend_from_slice(line_end.as_bytes());
    }
    // Most blocks are events.
    if !random.once_in(8) {
        out.extend_from_slice(format!("data: {}{of_block}", text(random, 60)).as_bytes());
    }
    out.extend_from_slice(of_block.as_bytes());
}

fn write_line(out: &mut Vec<u8>, random: &mut Random) {
    let line = match random.below(10) {
        0..3 => format!("data: {}", text(random, 60)),
        3 => format!("data:{}", text(random, 4)),
        4 => format!("event: {}", text(random, 8)),
        5 => format!("id: {}", text(random, 8)),
        6 => format!("id:{}", random.below(1000)),
        7 => format!("retry: {}", random.below(10_000)),
        8 => format!(": {}", text(random, 40)),
        _ => format!("other: {}", text(random, 20)),
    };
    out.extend_from_slice(line.as_bytes());
    // Now and then something that is not UTF-8, also in an ID.
    if random.once_in(30) {
        out.push(0xE4);
    }
}

/// Its data is one line of megabytes, and a short one.
fn write_largest(out: &mut Vec<u8>, random: &mut Random) {
    out.extend_from_slice("event: größte\r\nid: ∞\r\ndata: ".as_bytes());
    let end = out.len() + LARGEST;
    while out.len() < end {
        out.extend_from_slice(text(random, 4000).as_bytes());
    }
    out.extend_from_slice(b"\r\ndata: and the rest\r\n\r\n");
}

fn text(random: &mut Random, most: usize) -> String {
    let length = random.below(most + 1);
    (0..length).map(|_| random.choose(&CHARACTERS)).collect()
}
