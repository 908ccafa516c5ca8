//! The work whose instructions scripts/instructions.sh counts: see README.md.

#[path = "../../shapes/chunking.rs"]
mod chunking;
#[path = "../../shapes/messages.rs"]
mod messages;
mod processor;
#[path = "../../shapes/reading.rs"]
mod reading;
#[path = "../../shapes/mod.rs"]
mod shapes;

use core::hint::black_box;

use bytes::Bytes;
use sse_wire::{EventDecoder, SharedDecoder};

use chunking::{CHUNKINGS, Chunking};
use messages::Message;
use reading::{Count, Tally, consume, decode, decode_chunk, decode_raw};
use shapes::{Lengths, STREAMS, Shape, Stream};

/// A way through the library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Decode,
    DecodeChunk,
    DecodeRaw,
    SharedDecode,
    Encode,
    EncodeWith,
}

impl Way {
    const ALL: [Self; 6] = [
        Self::Decode,
        Self::DecodeChunk,
        Self::DecodeRaw,
        Self::SharedDecode,
        Self::Encode,
        Self::EncodeWith,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Decode => "decode",
            Self::DecodeChunk => "decode_chunk",
            Self::DecodeRaw => "decode_raw",
            Self::SharedDecode => "SharedDecoder::decode",
            Self::Encode => "encode",
            Self::EncodeWith => "encode_with",
        }
    }

    /// Whether a shape goes this way, in these chunks or whole. All do in the buffers of a reader; where chunks are as small as
    /// events, what counts is how an event begins and ends, which the first four and CRLF tell.
    const fn takes(self, shape: Shape, chunking: Chunking) -> bool {
        let first_four = matches!(
            shape,
            Shape::LlmChunks | Shape::TypedEvents | Shape::Tiny | Shape::Notifications
        );
        match (self, chunking) {
            (Self::Encode | Self::EncodeWith, Chunking::Whole) => true,
            (Self::Decode | Self::DecodeChunk | Self::DecodeRaw, Chunking::Bytes(READER)) => true,
            (Self::SharedDecode, Chunking::Bytes(READER)) => first_four,
            (Self::Decode, Chunking::OneEvent | Chunking::Bytes(TRICKLE)) => {
                first_four || matches!(shape, Shape::Crlf)
            }
            _ => false,
        }
    }
}

const READER: usize = 16 * 1024;
const TRICKLE: usize = 64;

/// A row of the table.
#[derive(Clone, Copy, Debug)]
struct Row {
    way: Way,
    shape: Shape,
    chunking: Chunking,
}

fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for way in Way::ALL {
        for chunking in CHUNKINGS {
            for shape in shapes() {
                if way.takes(shape, chunking) {
                    rows.push(Row {
                        way,
                        shape,
                        chunking,
                    });
                }
            }
        }
    }
    rows
}

/// Lengths that do not vary would teach nothing here: there is no branch predictor.
fn shapes() -> impl Iterator<Item = Shape> {
    let varied = STREAMS
        .into_iter()
        .filter(|(_, lengths)| *lengths == Lengths::Varied);
    varied.map(|(shape, _)| shape)
}

/// What is counted of one shape.
struct Material {
    shape: Shape,
    stream: Stream,
    messages: Vec<Message>,
}

impl Material {
    fn of(shape: Shape) -> Self {
        // Under valgrind everything takes fifty times as long, and hundreds of events are as good as thousands: none is counted
        // more precisely than another.
        let stream = Stream::generate(shape, Lengths::Varied, shape.usual_size() / 8);
        let messages = messages::read(&stream.bytes);
        Self {
            shape,
            stream,
            messages,
        }
    }

    fn count(&self, row: Row) {
        let chunks = row.chunking.cut(&self.stream);
        match row.way {
            Way::Decode => {
                let mut decoder = EventDecoder::new();
                self.count_work(row, || decode(&mut decoder, &chunks));
            }
            Way::DecodeChunk => {
                let mut decoder = EventDecoder::new();
                self.count_work(row, || decode_chunk(&mut decoder, &chunks));
            }
            Way::DecodeRaw => {
                let mut decoder = EventDecoder::new();
                self.count_work(row, || decode_raw(&mut decoder, &chunks));
            }
            Way::SharedDecode => {
                let mut decoder = SharedDecoder::new();
                let chunks: Vec<Bytes> = chunks.into_iter().map(Bytes::copy_from_slice).collect();
                self.count_work(row, || decode_shared(&mut decoder, &chunks));
            }
            Way::Encode => {
                let mut out = Vec::new();
                self.count_work(row, || encode(&self.messages, &mut out));
                assert!(messages::read(&out) == self.messages, "{row:?}");
            }
            Way::EncodeWith => {
                let mut out = Vec::new();
                self.count_work(row, || encode_with(&self.messages, &mut out));
                let read = messages::read(&out);
                let values = read.iter().map(|message| &message.value);
                let sent = self.messages.iter().map(|message| &message.value);
                assert!(values.eq(sent), "{row:?}");
            }
        }
    }

    /// Does the work once to see that it is the right work, and to let memory grow; then once to be counted.
    fn count_work(&self, row: Row, mut work: impl FnMut() -> Count) {
        let stated = (self.stream.events(), self.stream.data_bytes);
        assert_eq!(work(), stated, "{row:?}");
        println!(
            "counted {} {} {} {}",
            row.way.name(),
            self.stream.name,
            row.chunking.name(),
            self.stream.events()
        );
        measured(&mut || {
            black_box(work());
        });
    }
}

/// The script knows this function by its name: it counts what happens in here.
#[inline(never)]
fn measured(work: &mut dyn FnMut()) {
    black_box(work)();
}

fn decode_shared(decoder: &mut SharedDecoder, chunks: &[Bytes]) -> Count {
    let mut tally = Tally::default();
    for mut chunk in chunks.iter().cloned() {
        while let Some(event) = decoder.decode(&mut chunk).expect("below the limits") {
            let (event_type, data) = (event.event_type().as_bytes(), event.data().as_bytes());
            tally.event(event_type, data, event.last_event_id());
        }
    }
    tally.count
}

fn encode(messages: &[Message], out: &mut Vec<u8>) -> Count {
    out.clear();
    let mut data_bytes = 0;
    for message in messages {
        message.outgoing(&message.data).encode(out);
        data_bytes += message.data.len();
    }
    consume(out);
    (messages.len(), data_bytes)
}

fn encode_with(messages: &[Message], out: &mut Vec<u8>) -> Count {
    out.clear();
    let mut data_bytes = 0;
    for message in messages {
        message
            .outgoing("")
            .encode_with(out, |writer| serde_json::to_writer(writer, &message.value))
            .expect("a value serializes");
        data_bytes += message.data.len();
    }
    consume(out);
    (messages.len(), data_bytes)
}

fn main() {
    println!("cpu {}", processor::seen());
    let materials: Vec<Material> = shapes().map(Material::of).collect();
    for row in rows() {
        for material in &materials {
            if material.shape == row.shape {
                material.count(row);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_goes_every_way_but_the_shared_one() {
        for way in Way::ALL {
            let shapes = shapes().filter(|&shape| {
                rows()
                    .iter()
                    .any(|row| row.way == way && row.shape == shape)
            });
            let expected = if way == Way::SharedDecode { 4 } else { 8 };
            assert_eq!(shapes.count(), expected, "{way:?}");
        }
        // 8 each of decode, decode_chunk, decode_raw, encode and encode_with, 4 shared, 5 events alone, 5 trickles.
        assert_eq!(rows().len(), 5 * 8 + 4 + 2 * 5);
    }

    #[test]
    fn rows_have_names_of_their_own_and_fill_a_column_each() {
        let mut names: Vec<String> = rows()
            .into_iter()
            .map(|row| format!("{} {:?} {}", row.way.name(), row.shape, row.chunking.name()))
            .collect();
        for name in &names {
            assert_eq!(name.split_whitespace().count(), 3, "{name}");
        }
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), rows().len());
    }

    #[test]
    fn the_work_is_what_the_streams_state() {
        for row in rows() {
            // It asserts as much itself.
            Material::of(row.shape).count(row);
        }
    }
}
