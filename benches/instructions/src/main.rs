//! The work whose instructions scripts/instructions.sh counts: see README.md.

mod adapters;
#[path = "../../shapes/chunking.rs"]
mod chunking;
#[path = "../../shapes/messages.rs"]
mod messages;
#[path = "../../shapes/polling.rs"]
mod polling;
mod processor;
#[path = "../../shapes/reading.rs"]
mod reading;
#[path = "../../shapes/mod.rs"]
mod shapes;

use core::hint::black_box;

use sse_wire::EventDecoder;

use chunking::{CHUNKINGS, Chunking};
use messages::Message;
use reading::{Count, consume, decode, decode_item, decode_owned, decode_raw};
use shapes::{Lengths, STREAMS, Shape, Stream};

/// A call of the library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    Decode,
    DecodeRaw,
    DecodeItem,
    DecodeOwned,
    StreamOwned,
    StreamBorrowed,
    TokioReader,
    TokioCodec,
    Encode,
    EncodeWith,
}

impl Call {
    const ALL: [Self; 10] = [
        Self::Decode,
        Self::DecodeRaw,
        Self::DecodeItem,
        Self::DecodeOwned,
        Self::StreamOwned,
        Self::StreamBorrowed,
        Self::TokioReader,
        Self::TokioCodec,
        Self::Encode,
        Self::EncodeWith,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Decode => "decode",
            Self::DecodeRaw => "decode_raw",
            Self::DecodeItem => "decode_item",
            Self::DecodeOwned => "decode_owned",
            Self::StreamOwned => "stream::poll_next",
            Self::StreamBorrowed => "stream::next_event",
            Self::TokioReader => "tokio::next_event",
            Self::TokioCodec => "tokio::codec",
            Self::Encode => "encode",
            Self::EncodeWith => "encode_with",
        }
    }

    const fn encodes(self) -> bool {
        matches!(self, Self::Encode | Self::EncodeWith)
    }

    /// Whether the call is counted with a shape in these chunks, or whole. All shapes are counted in the buffers of a reader;
    /// where chunks are as small as events, what counts is how an event begins and ends, which the first four and CRLF tell.
    const fn takes(self, shape: Shape, chunking: Chunking) -> bool {
        match chunking {
            Chunking::Whole => self.encodes(),
            Chunking::Bytes(READER) => !self.encodes(),
            Chunking::OneEvent | Chunking::Bytes(TRICKLE) => {
                !self.encodes()
                    && matches!(
                        shape,
                        Shape::LlmChunks
                            | Shape::TypedEvents
                            | Shape::Tiny
                            | Shape::Notifications
                            | Shape::Crlf
                    )
            }
            Chunking::Bytes(_) => false,
        }
    }
}

const READER: usize = 16 * 1024;
const TRICKLE: usize = 64;

/// A row of the table.
#[derive(Clone, Copy, Debug)]
struct Row {
    call: Call,
    shape: Shape,
    chunking: Chunking,
}

fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for call in Call::ALL {
        for chunking in CHUNKINGS {
            for shape in shapes() {
                if call.takes(shape, chunking) {
                    rows.push(Row {
                        call,
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
        let mut decoder = EventDecoder::new();
        match row.call {
            Call::Decode => self.count_work(row, || decode(&mut decoder, &chunks)),
            Call::DecodeRaw => self.count_work(row, || decode_raw(&mut decoder, &chunks)),
            Call::DecodeItem => self.count_work(row, || decode_item(&mut decoder, &chunks)),
            Call::DecodeOwned => self.count_work(row, || decode_owned(&mut decoder, &chunks)),
            Call::StreamOwned => {
                let mut events = adapters::stream(&chunks);
                self.count_work(row, || adapters::stream_owned(&mut events));
            }
            Call::StreamBorrowed => {
                let mut events = adapters::stream(&chunks);
                self.count_work(row, || adapters::stream_borrowed(&mut events));
            }
            Call::TokioReader => {
                let mut events = adapters::tokio_reader(&chunks);
                self.count_work(row, || adapters::tokio_reader_borrowed(&mut events));
            }
            Call::TokioCodec => {
                let mut codec = adapters::Framed::default();
                self.count_work(row, || codec.decode(&chunks));
            }
            Call::Encode => {
                let mut out = Vec::new();
                self.count_work(row, || encode(&self.messages, &mut out));
                assert!(messages::read(&out) == self.messages, "{row:?}");
            }
            Call::EncodeWith => {
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
            row.call.name(),
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
    fn every_shape_is_counted_with_every_call() {
        for call in Call::ALL {
            let shapes = shapes().filter(|&shape| {
                rows()
                    .iter()
                    .any(|row| row.call == call && row.shape == shape)
            });
            assert_eq!(shapes.count(), 12, "{call:?}");
        }
        // 12 shapes with each call; the eight that decode also take 5 shapes an event at a time, and in 64 bytes.
        assert_eq!(rows().len(), 10 * 12 + 8 * 2 * 5);
    }

    #[test]
    fn rows_have_names_of_their_own_and_fill_a_column_each() {
        let mut names: Vec<String> = rows()
            .into_iter()
            .map(|row| {
                format!(
                    "{} {:?} {}",
                    row.call.name(),
                    row.shape,
                    row.chunking.name()
                )
            })
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
