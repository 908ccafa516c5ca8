//! Which events exceed a limit depends on the stream alone; and the decoder never allocates more than its limits allow.
#![no_main]

use arbitrary::{Arbitrary, Unstructured};
use libfuzzer_sys::fuzz_target;
use sse_wire::{Buffer, CutLine, EventDecoder, Limits};
use sse_wire_fuzz::allocations::Counting;
use sse_wire_fuzz::oracle::{Config, FIRST_IGNORED};
use sse_wire_fuzz::plan::{Call, Plan};
use sse_wire_fuzz::reading::{Reading, Stream};

#[global_allocator]
static ALLOCATOR: Counting = Counting::new();

/// A stream is repeated until it has so many bytes: as the limits are at most 255 bytes each, what should not grow has room to.
const LONG: usize = 4 * 1024;

/// The counts of an `Arc<str>`, rounded up to their alignment.
const COUNTS: usize = 3 * size_of::<usize>();

/// What may lie between the type and the data of an owned event, which is copied as one span: a line end and `data: `.
const BETWEEN: usize = "\r\ndata: ".len();

#[derive(Debug)]
struct Case<'s> {
    limits: Limits,
    /// The size of the buffer that is provided, from which limits of its own follow.
    memory: usize,
    cut_line: CutLine,
    plan: Plan,
    stream: Stream<'s>,
}

impl<'a> Arbitrary<'a> for Case<'a> {
    fn arbitrary(input: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        let event = u8::arbitrary(input)?;
        let last_event_id = u8::arbitrary(input)?;
        let flags = u8::arbitrary(input)?;
        let memory = u8::arbitrary(input)?;
        Ok(Self {
            limits: Limits::new()
                .with_event(event.into())
                .with_last_event_id(last_event_id.into())
                .with_oversized_id_ignored(flags & 4 != 0),
            // Twice as much as a byte can say with one of the flags.
            memory: usize::from(memory) | usize::from(flags & 2) << 7,
            cut_line: match flags & 1 {
                0 => CutLine::Discard,
                _ => CutLine::Keep,
            },
            plan: Plan::arbitrary(input)?,
            stream: Stream(input.bytes(input.len())?),
        })
    }
}

/// What a call must return according to the oracle, however the stream is split.
struct Expectation {
    call: Call,
    cut_line: CutLine,
    reading: Reading,
}

impl Expectation {
    fn check<B: Buffer>(&self, decoder: &mut EventDecoder<B>, chunks: &[&[u8]]) {
        let (call, limits) = (self.call, decoder.limits());
        let reading = Reading::by(decoder, chunks, call, self.cut_line);
        assert_eq!(
            reading,
            self.reading,
            "decoder (left), oracle (right): {call:?}, {limits:?}, {} chunks",
            chunks.len()
        );
    }
}

impl Case<'_> {
    fn expectations(&self, limits: Limits) -> [Expectation; 5] {
        let config = Config {
            event_limit: limits.event,
            last_event_id_limit: limits.last_event_id,
            ignore_oversized_id: limits.ignore_oversized_id,
            ..Config::default()
        };
        Call::ALL.map(|call| Expectation {
            call,
            cut_line: self.cut_line,
            reading: Reading::expected(self.stream.0, &config, call, self.cut_line),
        })
    }
}

/// Reads a stream, mixing calls, and drops what they return.
fn read_on<B: Buffer>(decoder: &mut EventDecoder<B>, chunks: &[(&[u8], Call)]) {
    for &(chunk, call) in chunks {
        let mut input = chunk;
        // The stream continues after an error, until no input is left.
        while match call {
            Call::Decode => decoder.decode(&mut input).map(|event| event.is_some()),
            Call::DecodeRaw => decoder.decode_raw(&mut input).map(|event| event.is_some()),
            Call::DecodeItem => decoder.decode_item(&mut input).map(|item| item.is_some()),
            Call::DecodeOwned => decoder
                .decode_owned(&mut input)
                .map(|event| event.is_some()),
            Call::DecodeOwnedItem => decoder
                .decode_owned_item(&mut input)
                .map(|item| item.is_some()),
        }
        .unwrap_or(true)
        {}
    }
}

fuzz_target!(|case: Case<'_>| {
    let cuttings =
        [&case.plan, &Plan::WHOLE, &Plan::byte_by_byte()].map(|plan| plan.cut(case.stream.0));
    for expectation in case.expectations(case.limits) {
        for chunks in &cuttings {
            expectation.check(&mut EventDecoder::with_limits(case.limits), chunks);
        }
    }
    // Cleared only once: what an earlier decoder left there must not matter.
    let mut memory = vec![0; case.memory];
    let quarter = case.memory / 4;
    let limits = Limits::new()
        .with_event(case.memory - quarter)
        .with_last_event_id(quarter);
    for expectation in case.expectations(limits) {
        for chunks in &cuttings {
            let mut decoder = EventDecoder::with_buffer(&mut memory[..]);
            assert_eq!(
                decoder.limits(),
                limits,
                "a buffer of {} bytes",
                case.memory
            );
            expectation.check(&mut decoder, chunks);
        }
    }

    let long = case.stream.0.repeat(LONG / case.stream.0.len().max(1));
    let chunks = case.plan.chunks(&long);
    let borrowed: Vec<_> = chunks
        .iter()
        .map(|&(chunk, call)| (chunk, call.borrowed()))
        .collect();
    let mut decoder = EventDecoder::with_limits(case.limits);
    let peak = ALLOCATOR.peak_of(|| read_on(&mut decoder, &borrowed));
    // The last event ID, and an event or, in a rejected block, an id with the line of the next one; twice that while memory
    // grows; and what is stored of the first ignored line.
    let allowed = |Limits {
                       event,
                       last_event_id,
                       ..
                   }: Limits| {
        2 * (last_event_id + event.max(2 * last_event_id)) + FIRST_IGNORED + size_of::<usize>()
    };
    assert!(
        peak <= allowed(case.limits),
        "{peak} bytes allocated, {} allowed",
        allowed(case.limits)
    );
    let mut decoder = EventDecoder::with_buffer(&mut memory[..]);
    let peak = ALLOCATOR.peak_of(|| read_on(&mut decoder, &borrowed));
    assert_eq!(peak, 0, "bytes allocated beside the buffer");

    // Beside that, one owned event or a fragment of a comment, and the last event ID that owned events share, with its two counts,
    // twice while it changes.
    let longest = chunks.iter().map(|(chunk, _)| chunk.len()).max();
    let owned = |limits: Limits| {
        let event = limits.event + limits.last_event_id + BETWEEN;
        event.max(longest.unwrap_or(0)) + 2 * (limits.last_event_id + COUNTS)
    };
    let mut decoder = EventDecoder::with_limits(case.limits);
    let peak = ALLOCATOR.peak_of(|| read_on(&mut decoder, &chunks));
    let allowed = allowed(case.limits) + owned(case.limits);
    assert!(
        peak <= allowed,
        "owned: {peak} bytes allocated, {allowed} allowed"
    );
    let mut decoder = EventDecoder::with_buffer(&mut memory[..]);
    let peak = ALLOCATOR.peak_of(|| read_on(&mut decoder, &chunks));
    assert!(
        peak <= owned(limits),
        "owned: {peak} bytes allocated beside the buffer, {} allowed",
        owned(limits)
    );
});
