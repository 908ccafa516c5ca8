//! What decoding costs: every shape of stream at every chunking, as text, as bytes, and in lent memory.
//!
//! A part of it: `cargo bench --bench decode -- decode_raw/tiny`.

#[path = "shapes/chunking.rs"]
mod chunking;
mod shapes;

use core::hint::black_box;
use core::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput};
use sse_wire::{Buffer, EventDecoder};

use chunking::CHUNKINGS;
use shapes::{STREAMS, Stream};

/// How many events there were, and how many bytes of data.
type Count = (usize, usize);

fn decode<B: Buffer>(decoder: &mut EventDecoder<B>, chunks: &[&[u8]]) -> Count {
    let (mut events, mut data_bytes) = (0, 0);
    for mut chunk in chunks.iter().copied() {
        while let Some(event) = decoder.decode(&mut chunk).expect("below the limits") {
            events += 1;
            data_bytes += event.data().len();
            consume(event.event_type().as_bytes());
            consume(event.data().as_bytes());
            consume(event.last_event_id().as_bytes());
        }
    }
    (events, data_bytes)
}

fn decode_raw<B: Buffer>(decoder: &mut EventDecoder<B>, chunks: &[&[u8]]) -> Count {
    let (mut events, mut data_bytes) = (0, 0);
    for mut chunk in chunks.iter().copied() {
        while let Some(event) = decoder.decode_raw(&mut chunk).expect("below the limits") {
            events += 1;
            data_bytes += event.data().len();
            consume(event.event_type());
            consume(event.data());
            consume(event.last_event_id().as_bytes());
        }
    }
    (events, data_bytes)
}

/// Enough of a use that no part of an event is left out, and too little to count.
fn consume(part: &[u8]) {
    black_box((part.len(), part.first(), part.last()));
}

fn all(criterion: &mut Criterion) {
    for (shape, lengths) in STREAMS {
        let stream = Stream::generate(shape, lengths, shape.usual_size());

        let mut decoder = EventDecoder::new();
        measure(criterion, "decode", &stream, |chunks| {
            decode(&mut decoder, chunks)
        });

        let mut decoder = EventDecoder::new();
        measure(criterion, "decode_raw", &stream, |chunks| {
            decode_raw(&mut decoder, chunks)
        });

        // Three quarters of it are for the event, and the longest has 1.5 MiB.
        let mut memory = vec![0; 5 * 512 * 1024];
        let mut decoder = EventDecoder::with_buffer(&mut memory[..]);
        measure(criterion, "decode_lent", &stream, |chunks| {
            decode(&mut decoder, chunks)
        });
    }
}

fn measure(
    criterion: &mut Criterion,
    way: &str,
    stream: &Stream,
    mut run: impl FnMut(&[&[u8]]) -> Count,
) {
    let mut group = criterion.benchmark_group(format!("{way}/{}", stream.name));
    group.throughput(Throughput::Bytes(stream.bytes.len() as u64));
    for chunking in CHUNKINGS {
        let chunks = chunking.cut(stream);
        let stated = (stream.events(), stream.data_bytes);
        assert_eq!(run(&chunks), stated, "{way} {} {chunking:?}", stream.name);
        group.bench_function(BenchmarkId::from_parameter(chunking.name()), |bencher| {
            bencher.iter(|| run(black_box(&chunks)));
        });
    }
    group.finish();
}

fn main() {
    // A stream is decoded in a millisecond or less: a second gives enough samples of it.
    let mut criterion = Criterion::default()
        .sample_size(50)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .configure_from_args();
    all(&mut criterion);
    criterion.final_summary();
}
