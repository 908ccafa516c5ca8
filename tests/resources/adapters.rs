//! What adapters retain, and how often they allocate.
//!
//! A test of all of them sees what was returned as a copy. So it looks at what they retain between
//! two calls.

use crate::allocations::usual_streams;
use crate::common::adapters::{ADAPTERS, Contract, Memory, Setup};
use crate::common::allocator::{Count, count, kept, so_far};
use crate::common::calls::{Call, rejection};
use crate::common::oracle::{Config, Seen};
use crate::common::readers;
use crate::common::session::{Next, Session};
use crate::common::transport::Step;
use crate::driver::{Totals, skip};
use crate::memory::{assert_at_most, most_retained};
use crate::streams::{block, streams};
use bytes::Bytes;
use core::convert::Infallible;
use core::future::Future;
use core::pin::pin;
use core::task::{Context, Poll, Waker};
use futures_util::{StreamExt as _, stream};
use sse_wire::stream::EventStream;
use sse_wire::{EventDecoder, Item, ReadError};

/// The buffers of adapters, and of what they read from.
const BUFFERS: usize = 33 << 10;

/// Reads a stream through an adapter. Calls `report` with each thing that comes out of it, and then
/// with nothing, when that is gone. Returns `None` if the adapter cannot have these limits.
pub(crate) fn read_adapter(
    contract: &Contract,
    call: Call,
    config: &Config,
    stream: &[u8],
    size: usize,
    report: &mut dyn FnMut(Option<&Seen>),
) -> Option<()> {
    let setup = Setup {
        config,
        recover: None,
        chunk: 1024,
    };
    let mut memory = Memory::new(&setup);
    let mut session = Session::open(contract, &setup, &mut memory)?;
    for chunk in stream.chunks(size) {
        session.transport.push(Step::Gives(chunk.to_vec()));
        loop {
            match session.next(&mut || call).1 {
                Next::Seen(seen) => report(Some(&seen)),
                Next::Failed(ReadError::Decode(error)) => {
                    let rejection = rejection(error, config);
                    report(Some(&Seen::Rejected(rejection)));
                }
                Next::Waits => break,
                next => panic!("{next:?}"),
            }
            report(None);
        }
    }
    Some(())
}

#[test]
fn no_adapter_retains_more_than_the_limits_and_its_buffers() {
    const SIZE: usize = 1400;
    const BYTES: usize = 64 << 10;
    let config = readers::memory_config(4096);
    // Beside them the caller's memory, the chunk, and an ID that owned events share.
    let most = 2 * most_retained(&config) + BUFFERS + SIZE + config.last_event_id_limit;
    assert!(most < BYTES, "that all of it is retained could not be seen");
    for stream in streams(&config) {
        let bytes = stream.between(BYTES);
        for contract in ADAPTERS {
            // The last one copies, if any does.
            let call = *contract.calls.last().expect("it has calls");
            println!("{}, {}", contract.name, stream.shown());
            let mut totals = Totals::default();
            let mut report = |seen: Option<&Seen>| match seen {
                Some(seen) => totals.see(seen),
                None => assert_at_most(kept(), most),
            };
            let read = || read_adapter(contract, call, &config, &bytes, SIZE, &mut report);
            let (counted, _) = count(read);
            assert_eq!(totals, Totals::of(&bytes, &config, call));
            assert_eq!(counted.kept, 0);
        }
    }
}

#[test]
fn memory_is_given_back_between_oversized_events() {
    const OVERSIZED: usize = 1 << 20;
    const SIZE: usize = 1000;
    const ROUNDS: usize = 3;
    const SMALL_EVENTS: usize = 40;
    let config = Config::default();
    // As large as the chunks, so that small events are split as well, and have to be buffered.
    let small = block("data: ", b'y', SIZE).repeat(SMALL_EVENTS);
    let stream = [block("data: ", b'x', OVERSIZED), small].concat();
    let stream = stream.repeat(ROUNDS);
    let mut adapters = 0;
    for contract in ADAPTERS {
        let (mut oversized_events, mut small_events, mut most_left) = (0, 0, 0);
        let mut report = |seen: Option<&Seen>| match seen {
            Some(Seen::Event(event)) if event.data.len() == OVERSIZED => {
                oversized_events += 1;
                small_events = 0;
            }
            Some(_) => small_events += 1,
            None if small_events == SMALL_EVENTS => most_left = most_left.max(kept()),
            None => {}
        };
        let call = contract.calls[0];
        let read = || read_adapter(contract, call, &config, &stream, SIZE, &mut report);
        let (counted, read) = count(read);
        // An embedded reader has a buffer of the caller.
        if read.is_some() {
            adapters += 1;
            assert_eq!((oversized_events, small_events), (ROUNDS, SMALL_EVENTS));
            assert!(counted.peak >= OVERSIZED as isize);
            println!("{}", contract.name);
            assert_at_most(most_left, 64 << 10);
        }
    }
    assert!(adapters >= 2);
}

/// Polls a future to its end. It yields now and then, and never waits.
fn complete<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
}

#[test]
fn a_stream_borrows_without_an_allocation_and_owns_with_one() {
    for stream in usual_streams() {
        for size in [64, 1400, 16 << 10, usize::MAX] {
            let chunks = || stream::iter(stream.bytes.chunks(size).map(Ok::<_, Infallible>));
            let mut warm = EventDecoder::new();
            skip(&mut warm, Call::Decode, &stream.bytes, size);
            for call in Call::BORROWED {
                let mut events = EventStream::new(chunks()).with_decoder(warm.clone());
                // Not to the end, which would give memory back.
                let read = async {
                    for _ in 0..stream.events() {
                        match call {
                            Call::Decode => {
                                assert!(matches!(events.next_event().await, Ok(Some(_))))
                            }
                            Call::DecodeRaw => {
                                assert!(matches!(events.next_raw_event().await, Ok(Some(_))))
                            }
                            _ => {
                                while !matches!(
                                    events.next_item().await,
                                    Ok(Some(Item::Event(_)) | None) | Err(_)
                                ) {}
                            }
                        }
                    }
                };
                let (counted, ()) = count(|| complete(read));
                assert_eq!(counted, Count::NOTHING, "{} {size} {call:?}", stream.name);
            }
            let mut events = EventStream::new(chunks()).with_decoder(warm.clone());
            let (counted, ()) = count(|| {
                for number in 1..=stream.events() {
                    let event = complete(events.next()).expect("an event");
                    drop(event.expect("it fits"));
                    assert_eq!(so_far().allocations, number);
                }
            });
            assert_eq!(counted.kept, 0, "{} {size}", stream.name);
        }
    }
}

/// Of events that are stored none retains its chunk, and all that inherit an ID share it.
#[test]
fn stored_events_retain_no_chunk_and_share_the_id_that_they_inherit() {
    const CHUNK: usize = 64 << 10;
    const CHUNKS: usize = 100;
    for (data, id) in [
        (1, 1),
        (1, 4000),
        (20, 4000),
        (CHUNK / 16, 1),
        (CHUNK / 2, 4000),
    ] {
        let first = block("id: ", b'7', id);
        let chunk = [block("data: ", b'x', data), block(":", b'-', CHUNK)].concat();
        let mut events = Vec::with_capacity(CHUNKS);
        let (counted, ()) = count(|| {
            let chunks = (0..=CHUNKS).map(|number| {
                let chunk = if number == 0 { &first } else { &chunk };
                Ok::<_, Infallible>(Bytes::copy_from_slice(chunk))
            });
            let mut stream = EventStream::new(stream::iter(chunks));
            while let Some(event) = complete(stream.next()) {
                events.push(event.expect("it fits"));
            }
        });
        assert_eq!(events.len(), CHUNKS);
        for event in events {
            assert_eq!(
                (event.data().len(), event.last_event_id().len()),
                (data, id)
            );
        }
        assert_at_most(counted.kept, id + CHUNKS * data + 64);
    }
}

#[test]
#[cfg(feature = "tokio")]
fn an_asynchronous_reader_allocates_its_chunk_and_nothing_else() {
    const CHUNK: usize = 16 << 10;
    for stream in usual_streams() {
        let mut warm = EventDecoder::new();
        skip(&mut warm, Call::Decode, &stream.bytes, usize::MAX);
        skip(&mut warm, Call::Decode, &stream.bytes, CHUNK);
        let reader = sse_wire::tokio::EventReader::new(&stream.bytes[..]);
        let mut reader = reader.with_decoder(warm);
        let (counted, ()) = count(|| {
            complete(async {
                for _ in 0..stream.events() {
                    assert!(reader.next_event().await.expect("it fits").is_some());
                }
            })
        });
        let allocated = (counted.allocations, counted.kept);
        assert_eq!(allocated, (1, CHUNK as isize), "{}", stream.name);
    }
}
