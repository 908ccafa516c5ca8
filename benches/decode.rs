//! What decoding costs: every shape of stream in the chunkings that suit it, through each call of the decoder, and in a
//! caller-provided buffer.
//!
//! A part of it: `cargo bench --bench decode -- decode_raw/tiny`.

#[path = "shapes/chunking.rs"]
mod chunking;
#[path = "shapes/reading.rs"]
mod reading;
mod shapes;

use core::hint::black_box;
use core::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput};
use sse_wire::EventDecoder;

use chunking::{CHUNKINGS, Chunking};
use reading::{Count, decode, decode_item, decode_owned, decode_raw};
use shapes::{STREAMS, Stream};

fn all(criterion: &mut Criterion) {
    for (shape, lengths) in STREAMS {
        let stream = Stream::generate(shape, lengths, shape.usual_size());
        let mut chunkings = CHUNKINGS.to_vec();
        chunkings.retain(|chunking| chunking.suits(shape, lengths));

        let mut decoder = EventDecoder::new();
        measure(criterion, "decode", &stream, &chunkings, |chunks| {
            decode(&mut decoder, chunks)
        });

        let mut decoder = EventDecoder::new();
        measure(criterion, "decode_raw", &stream, &chunkings, |chunks| {
            decode_raw(&mut decoder, chunks)
        });

        let mut decoder = EventDecoder::new();
        measure(criterion, "decode_item", &stream, &chunkings, |chunks| {
            decode_item(&mut decoder, chunks)
        });

        let mut decoder = EventDecoder::new();
        measure(criterion, "decode_owned", &stream, &chunkings, |chunks| {
            decode_owned(&mut decoder, chunks)
        });

        // Three quarters of it are for the event, and the longest has 1.5 MiB.
        let mut memory = vec![0; 5 * 512 * 1024];
        let mut decoder = EventDecoder::with_buffer(&mut memory[..]);
        measure(
            criterion,
            "decode_in_slice",
            &stream,
            &chunkings,
            |chunks| decode(&mut decoder, chunks),
        );
    }
}

fn measure(
    criterion: &mut Criterion,
    call: &str,
    stream: &Stream,
    chunkings: &[Chunking],
    mut run: impl FnMut(&[&[u8]]) -> Count,
) {
    let mut group = criterion.benchmark_group(format!("{call}/{}", stream.name));
    group.throughput(Throughput::Bytes(stream.bytes.len() as u64));
    for &chunking in chunkings {
        let chunks = chunking.cut(stream);
        let stated = (stream.events(), stream.data_bytes);
        assert_eq!(run(&chunks), stated, "{call} {} {chunking:?}", stream.name);
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
