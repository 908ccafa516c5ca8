//! What encoding costs: the events of every shape of stream, from strings and from JSON values.
//!
//! A part of it: `cargo bench --bench encode -- encode_with/llm`.

#[path = "shapes/messages.rs"]
mod messages;
mod shapes;

use core::hint::black_box;
use core::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput};
use serde_json::Value;

use messages::Message;
use shapes::{STREAMS, Stream};

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
        let messages = messages::read(&stream.bytes);
        let data_bytes: usize = messages.iter().map(|message| message.data.len()).sum();
        let stated = (stream.events(), stream.data_bytes);
        assert_eq!((messages.len(), data_bytes), stated, "{name}");

        let mut out = Vec::new();
        encode(&messages, &mut out);
        assert!(messages::read(&out) == messages, "encode {name}");
        measure(criterion, "encode", name, out.len(), || {
            encode(black_box(&messages), &mut out);
            black_box(&mut out);
        });

        out.fill(0);
        let length = encode_to_slice(&messages, &mut out);
        assert!(
            messages::read(&out[..length]) == messages,
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
            values(&messages::read(&out)) == values(&messages),
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
    call: &str,
    stream: &str,
    encoded_length: usize,
    mut run: impl FnMut(),
) {
    let mut group = criterion.benchmark_group(call);
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
