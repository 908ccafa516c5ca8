//! What encoding costs: the events of every shape of stream, from strings and from JSON values.
//!
//! A part of it: `cargo bench --bench encode -- encode_with/llm`.

mod shapes;

use core::hint::black_box;
use core::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput};
use serde_json::Value;
use sse_wire::{EventDecoder, EventType, Item, LastEventId, Outgoing};

use shapes::{STREAMS, Stream};

/// What a server has in its hands before it sends an event.
#[derive(Debug, Default, PartialEq)]
struct Message {
    comment: Option<String>,
    event_type: Option<String>,
    id: Option<String>,
    retry: Option<Duration>,
    data: String,
    /// The data as a value to serialize: a string, where the data is not JSON.
    value: Value,
}

impl Message {
    fn outgoing<'m>(&'m self, data: &'m str) -> Outgoing<'m> {
        let mut outgoing = match &self.event_type {
            Some(event_type) => {
                Outgoing::event(EventType::new(event_type).expect("was decoded"), data)
            }
            None => Outgoing::message(data),
        };
        if let Some(comment) = &self.comment {
            outgoing = outgoing.comment(comment);
        }
        if let Some(id) = &self.id {
            outgoing = outgoing.id(LastEventId::new(id).expect("was decoded"));
        }
        if let Some(retry) = self.retry {
            outgoing = outgoing.retry(retry);
        }
        outgoing
    }
}

/// Reads a stream back into what was sent.
fn messages(mut stream: &[u8]) -> Vec<Message> {
    let mut messages = Vec::new();
    let mut message = Message::default();
    let mut decoder = EventDecoder::new();
    while let Some(item) = decoder.decode_item(&mut stream).expect("below the limits") {
        match item {
            Item::Comment { text, .. } => {
                let text = core::str::from_utf8(text).expect("is ASCII");
                let line = text.strip_prefix(' ').unwrap_or(text);
                message.comment = Some(match message.comment {
                    Some(lines) => format!("{lines}\n{line}"),
                    None => line.to_owned(),
                });
            }
            Item::Retry(time) => message.retry = Some(time),
            Item::Event(event) => {
                let (event_type, data) = (event.event_type(), event.data());
                message.event_type = (event_type != "message").then(|| event_type.to_owned());
                message.id = event.id().map(str::to_owned);
                message.data = data.to_owned();
                message.value =
                    serde_json::from_str(data).unwrap_or_else(|_| Value::String(data.to_owned()));
                messages.push(core::mem::take(&mut message));
            }
        }
    }
    messages
}

fn encode(messages: &[Message], out: &mut Vec<u8>) {
    out.clear();
    for message in messages {
        message.outgoing(&message.data).encode(out);
    }
}

fn encode_to_slice(messages: &[Message], out: &mut [u8]) -> usize {
    let mut length = 0;
    for message in messages {
        let outgoing = message.outgoing(&message.data);
        length += outgoing
            .encode_to_slice(&mut out[length..])
            .expect("is long enough");
    }
    length
}

fn encode_with(messages: &[Message], out: &mut Vec<u8>) {
    out.clear();
    for message in messages {
        message
            .outgoing("")
            .encode_with(out, |writer| serde_json::to_writer(writer, &message.value))
            .expect("a value serializes");
    }
}

fn all(criterion: &mut Criterion) {
    for (shape, lengths) in STREAMS {
        let stream = Stream::generate(shape, lengths, shape.usual_size());
        let name = &stream.name;
        let messages = messages(&stream.bytes);
        let data_bytes: usize = messages.iter().map(|message| message.data.len()).sum();
        let stated = (stream.events(), stream.data_bytes);
        assert_eq!((messages.len(), data_bytes), stated, "{name}");

        let mut out = Vec::new();
        encode(&messages, &mut out);
        assert!(self::messages(&out) == messages, "encode {name}");
        measure(criterion, "encode", name, out.len(), || {
            encode(black_box(&messages), &mut out);
            black_box(&mut out);
        });

        out.fill(0);
        let length = encode_to_slice(&messages, &mut out);
        assert!(
            self::messages(&out[..length]) == messages,
            "encode_to_slice {name}"
        );
        measure(criterion, "encode_to_slice", name, length, || {
            black_box(encode_to_slice(black_box(&messages), &mut out));
            black_box(&mut out);
        });

        encode_with(&messages, &mut out);
        let values = |messages: &[Message]| -> Vec<Value> {
            messages
                .iter()
                .map(|message| message.value.clone())
                .collect()
        };
        assert!(
            values(&self::messages(&out)) == values(&messages),
            "encode_with {name}"
        );
        measure(criterion, "encode_with", name, out.len(), || {
            encode_with(black_box(&messages), &mut out);
            black_box(&mut out);
        });
    }
}

fn measure(
    criterion: &mut Criterion,
    way: &str,
    stream: &str,
    encoded_length: usize,
    mut run: impl FnMut(),
) {
    let mut group = criterion.benchmark_group(way);
    group.throughput(Throughput::Bytes(encoded_length as u64));
    group.bench_function(BenchmarkId::from_parameter(stream), |bencher| {
        bencher.iter(&mut run);
    });
    group.finish();
}

fn main() {
    // All events of a stream are encoded in a few milliseconds: a second gives enough samples of it.
    let mut criterion = Criterion::default()
        .sample_size(50)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .configure_from_args();
    all(&mut criterion);
    criterion.final_summary();
}
