//! `std::io`: events borrow from the reader's buffer, what follows the last one stays there, and a
//! writer that has to wait buffers one block.

use crate::allocator::{Count, count};
use crate::common::calls::Call;
use crate::common::transport::{Step, Transport};
use crate::writers::Sink;
use core::cell::Cell;
use core::error::Error;
use core::fmt;
use core::panic::AssertUnwindSafe;
use proptest::collection::vec;
use proptest::prelude::*;
use sse_wire::io::{EventReader, EventWriter};
use sse_wire::{DecodeError, EventDecoder, Item, Limits, Outgoing, ReadError};
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::panic::catch_unwind;

/// The data of the next event.
fn next<R: BufRead>(
    reader: &mut EventReader<R>,
    call: Call,
) -> Result<Option<String>, ReadError<io::Error>> {
    Ok(match call {
        Call::Decode => reader.next_event()?.map(|event| event.data().to_owned()),
        Call::DecodeRaw => {
            let event = reader.next_raw_event()?;
            event.map(|event| String::from_utf8_lossy(event.data()).into_owned())
        }
        Call::DecodeItem => loop {
            match reader.next_item()? {
                Some(Item::Event(event)) => break Some(event.data().to_owned()),
                Some(_) => {}
                None => break None,
            }
        },
        _ => reader
            .next()
            .transpose()?
            .map(|event| event.data().to_owned()),
    })
}

fn limited(event: usize) -> EventDecoder {
    EventDecoder::with_limits(Limits::new().with_event(event).with_last_event_id(4))
}

#[derive(Debug, PartialEq)]
struct Unplugged;

impl fmt::Display for Unplugged {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the cable is out")
    }
}

impl Error for Unplugged {}

#[test]
fn the_error_of_the_reader_is_passed_on_as_it_is() {
    struct Unpluggable;
    impl Read for Unpluggable {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::new(ErrorKind::NotConnected, Unplugged))
        }
    }
    fn first(reader: &mut EventReader<BufReader<Unpluggable>>) -> io::Result<usize> {
        Ok(reader.next_event()?.map_or(0, |event| event.data().len()))
    }
    let is_it = |error: &io::Error| {
        error.kind() == ErrorKind::NotConnected
            && error.get_ref().and_then(|error| error.downcast_ref()) == Some(&Unplugged)
    };
    let mut reader = EventReader::new(Unpluggable);
    let error = reader.next_event().expect_err("it fails");
    assert_eq!(error.to_string(), "the cable is out");
    assert!(matches!(&error, ReadError::Transport(error) if is_it(error)));
    assert!(is_it(&error.into()));
    assert!(is_it(&first(&mut reader).expect_err("it fails")));
}

#[test]
fn a_rejected_event_becomes_invalid_data_with_the_error_in_it() {
    fn first(stream: &[u8]) -> io::Result<()> {
        EventReader::new(stream)
            .with_decoder(limited(8))
            .next_event()?;
        Ok(())
    }
    for (stream, expected) in [
        (
            "data: much too large\n\n",
            DecodeError::EventTooLarge { limit: 8 },
        ),
        (
            "id: 12345\n\n",
            DecodeError::LastEventIdTooLarge { limit: 4 },
        ),
    ] {
        let error = first(stream.as_bytes()).expect_err("it is rejected");
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        let inner = error.get_ref().and_then(|error| error.downcast_ref());
        assert_eq!(inner, Some(&expected));
    }
}

#[test]
fn events_borrow_from_the_buffer_of_the_reader() {
    let stream = &b"event: tick\ndata: one\n\n: ping\nevent: tock\ndata: 2\n\ndata: 3\n\n"[..];
    let lies_in = |whole: &[u8], part: &[u8]| {
        let (whole, part) = (whole.as_ptr_range(), part.as_ptr_range());
        whole.start <= part.start && part.end <= whole.end
    };
    let mut reader = EventReader::from_buffered(stream);
    let event = reader.next_event().expect("it fits").expect("an event");
    assert!(lies_in(stream, event.event_type().as_bytes()));
    assert!(lies_in(stream, event.data().as_bytes()));
    let item = reader.next_item().expect("it fits");
    assert!(matches!(item, Some(Item::Comment { text, .. }) if lies_in(stream, text)));
    let event = reader.next_raw_event().expect("it fits").expect("an event");
    assert!(lies_in(stream, event.event_type()) && lies_in(stream, event.data()));
    let item = reader.next_item().expect("it fits");
    assert!(matches!(item, Some(Item::Event(event)) if lies_in(stream, event.data().as_bytes())));

    // The buffer of the reader that has none of its own.
    let mut reader = EventReader::new(stream);
    let event = reader.next_event().expect("it fits").expect("an event");
    let data = event.data().as_bytes().as_ptr_range();
    let buffer = reader.get_ref().buffer().as_ptr_range();
    assert!(buffer.start < data.start && data.end < buffer.end);

    // Control: an event that is split across reads is copied.
    let mut reader = EventReader::from_buffered(stream[..19].chain(&stream[19..]));
    let event = reader.next_event().expect("it fits").expect("an event");
    assert!(!lies_in(stream, event.data().as_bytes()));
}

#[test]
fn a_reader_without_a_buffer_is_read_16_kib_at_a_time() {
    let transport = Transport::new([Step::Gives(vec![b'\n'; 20 << 10]), Step::Ends]);
    let mut reader = EventReader::new(transport);
    assert!(reader.next().is_none());
    // Two for 20 KiB, and one for the end.
    assert_eq!(reader.get_ref().get_ref().reads(), 3);
    assert_eq!(reader.get_ref().capacity(), 16 << 10);
}

#[test]
fn what_follows_the_last_event_stays_in_the_reader() {
    let stream = &b": hi\ndata: 1\n\nid: x\ndata: much too large\n\ndata: 2\n\n: ping\nHTTP"[..];
    let behind = |events: usize, call: Call| {
        let mut reader = EventReader::from_buffered(stream).with_decoder(limited(8));
        for _ in 0..events {
            let event = next(&mut reader, call);
            assert!(matches!(event, Ok(_) | Err(ReadError::Decode(_))));
        }
        reader.into_inner()
    };
    for &call in Call::WITH_OWNED_EVENTS {
        assert_eq!(behind(0, call), stream);
        assert!(
            behind(1, call).starts_with(b"id: x\ndata: much"),
            "{call:?}"
        );
        // A rejected event may be left in the middle; then comes what follows it.
        assert_eq!(behind(3, call), b": ping\nHTTP", "{call:?}");
        assert_eq!(behind(4, call), b"", "{call:?}");
    }
    let mut reader = EventReader::from_buffered(stream);
    let item = reader.next_item().expect("it fits");
    assert!(matches!(item, Some(Item::Comment { text: b" hi", .. })));
    assert!(reader.get_ref().starts_with(b": hi\ndata: 1"));
    assert!(reader.into_inner().starts_with(b"data: 1\n\nid: x"));

    // What is behind the connection may be changed, such as a time limit of a socket.
    let mut reader = EventReader::from_buffered(stream);
    *reader.get_mut() = b"data: other\n\n";
    assert!(matches!(next(&mut reader, Call::Decode), Ok(Some(data)) if data == "other"));
}

/// A reader that shows these buffers, one each time, or fails.
struct Shows<I> {
    buffers: I,
    /// How much of all of them was consumed, and is not shown any more.
    consumed: Option<usize>,
}

impl<I> Read for Shows<I> {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        unreachable!("it has a buffer")
    }
}

impl<I: Iterator<Item = Result<&'static [u8], ErrorKind>>> BufRead for Shows<I> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let buffer = self.buffers.next().unwrap_or(Ok(&[]))?;
        Ok(&buffer[self.consumed.unwrap_or(0).min(buffer.len())..])
    }

    fn consume(&mut self, length: usize) {
        self.consumed = self.consumed.map(|consumed| consumed + length);
    }
}

#[test]
fn a_buffer_that_shrinks_is_an_error_and_not_another_event() {
    let whole: &[u8] = b"data: one\n\n";
    let buffers = [whole, &whole[..4], &whole[..4]].map(Ok).into_iter();
    let consumed = None;
    let mut reader = EventReader::from_buffered(Shows { buffers, consumed });
    let error = reader.next_event().expect_err("it is not the buffer");
    assert!(matches!(error, ReadError::Transport(error) if error.kind() == ErrorKind::Other));
}

#[test]
fn a_buffer_that_is_another_one_each_time_does_no_harm() {
    const SHOWN: &[Result<&[u8], ErrorKind>] = &[
        Ok(b"data: 1\n\ndata: 2\n\n"),
        Err(ErrorKind::WouldBlock),
        Ok(b"data: one\ndata: two\n\n: a comment\nid: 7\ndata: 3\n\n"),
        Ok(b"event: \xC3\xA4\xC3\xA4\xC3\xA4\ndata: \xC3\xA4\xC3\xA4\xC3\xA4\n\n"),
        Ok(&[0xFF; 100]),
        Ok(b"id: 8\r\rretry: 10\r\ndata"),
        Ok(b": no event, and longer than the others\n"),
    ];
    let calls = Call::WITH_OWNED_EVENTS;
    for (first, step) in (0..SHOWN.len()).flat_map(|first| [0, 1, 2, 3].map(|step| (first, step))) {
        for length in 1..=SHOWN.len() - first {
            let shown = SHOWN[first..][..length].iter().cycle();
            let buffers = shown.copied().take(500);
            let consumed = None;
            let mut reader = EventReader::from_buffered(Shows { buffers, consumed });
            for number in 0..1000 {
                _ = next(&mut reader, calls[number * step % calls.len()]);
            }
            assert!(matches!(next(&mut reader, Call::DecodeOwned), Ok(None)));
        }
    }
}

#[test]
fn a_reader_that_fails_on_a_filled_buffer_loses_nothing() {
    let calls = Call::WITH_OWNED_EVENTS;
    for kind in [
        ErrorKind::Interrupted,
        ErrorKind::WouldBlock,
        ErrorKind::BrokenPipe,
    ] {
        for step in 0..calls.len() {
            let stream = &b"id: 1\ndata: 1\n\nretry: 5\ndata: 2\n\ndata: 3\n\n"[..];
            let buffers = [Ok(stream), Err(kind)].into_iter().cycle();
            let consumed = Some(0);
            let mut reader = EventReader::from_buffered(Shows { buffers, consumed });
            let mut events = Vec::new();
            for number in 0..100 {
                match next(&mut reader, calls[number * step % calls.len()]) {
                    Ok(Some(data)) => events.push(data),
                    Err(ReadError::Transport(error)) => assert_eq!(error.kind(), kind),
                    Err(error) => panic!("{error}"),
                    Ok(None) => break,
                }
            }
            assert_eq!(events, ["1", "2", "3"], "{kind:?} {step}");
            assert_eq!(reader.decoder().last_event_id(), "1");
        }
    }
}

#[test]
fn only_owned_events_are_allocated_and_inherit_their_id() {
    let stream = b"event: tick\ndata: {\"price\": 1}\n\n".repeat(1000);
    let mut reader = EventReader::from_buffered(&stream[..]);
    let (counted, ()) = count(|| while reader.next_event().expect("it fits").is_some() {});
    assert_eq!(counted, Count::NOTHING);
    // Control: an iterator has to copy.
    let (counted, events) = count(|| EventReader::from_buffered(&stream[..]).count());
    assert!(counted.allocations >= 1000 && events == 1000);

    let stream = [
        "id: ",
        &"x".repeat(60_000),
        "\n\n",
        &"data\n\n".repeat(1000),
    ]
    .concat();
    let (counted, events) = count(|| EventReader::new(stream.as_bytes()).collect::<Vec<_>>());
    let has_id = |event: &Result<_, _>| {
        event
            .as_ref()
            .is_ok_and(|event: &sse_wire::OwnedEvent| event.last_event_id().len() == 60_000)
    };
    assert!(events.len() == 1000 && events.iter().all(has_id));
    // One for each would be 60 MB.
    assert!(counted.peak < 2_000_000, "{} bytes", counted.peak);
}

const WOULD_BLOCK: Result<usize, ErrorKind> = Err(ErrorKind::WouldBlock);

fn would_block(written: io::Result<()>) -> bool {
    written.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
}

#[test]
fn without_flushing_only_flush_flushes() {
    let mut writer = EventWriter::new(Sink::default()).with_flush(false);
    writer.write(Outgoing::message("1")).expect("taken");
    let written = writer.write_with(Outgoing::new(), |data| write!(data, "2\r\n3"));
    written.expect("taken");
    assert!(writer.get_ref().flushes.is_empty());
    writer.flush().expect("flushed");
    let mut writer = writer.with_flush(true);
    let written = writer.write_with(Outgoing::new(), |data| write!(data, "4"));
    written.expect("taken");
    let sink = writer.into_inner();
    assert_eq!(sink.written, b"data: 1\n\ndata: 2\ndata: 3\n\ndata: 4\n\n");
    assert_eq!(
        (&*sink.writes, &*sink.flushes),
        (&[9, 17, 9][..], &[26, 35][..])
    );
}

#[test]
fn an_interrupted_writer_is_tried_again() {
    let interrupted = Err(ErrorKind::Interrupted);
    let mut writer = EventWriter::new(Sink::taking([interrupted, Ok(3), interrupted, interrupted]));
    writer.get_mut().flush_fails = [ErrorKind::Interrupted; 2].into();
    writer.write(Outgoing::message("1")).expect("taken");
    writer.get_mut().flush_fails = [ErrorKind::Interrupted].into();
    writer.flush().expect("it is tried again");
    // A caller who tried again would have sent the block twice.
    let sink = writer.into_inner();
    assert_eq!(
        (&*sink.written, sink.flushes.len()),
        (&b"data: 1\n\n"[..], 5)
    );
}

#[test]
fn a_block_that_is_not_written_yet_is_accepted_and_others_are_not() {
    for kind in [ErrorKind::WouldBlock, ErrorKind::TimedOut] {
        let not_yet = |written: io::Result<()>| written.is_err_and(|error| error.kind() == kind);
        for first in [vec![Err(kind)], vec![Ok(5), Err(kind)]] {
            let takes = first.into_iter().chain([Err(kind); 3]);
            let mut writer = EventWriter::new(Sink::taking(takes));
            writer.write(Outgoing::message("1")).expect("taken");
            assert_eq!(writer.get_ref().flushes.len(), 0);
            assert!(not_yet(writer.write(Outgoing::message("2"))));
            let was_called = Cell::new(false);
            let written = writer.write_with(Outgoing::new(), |_| {
                was_called.set(true);
                io::Result::Ok(())
            });
            assert!(not_yet(written) && !was_called.get());
            assert!(not_yet(writer.flush()));
            // Now it can.
            writer.write(Outgoing::message("3")).expect("taken");
            let sink = writer.into_inner();
            assert_eq!(sink.written, b"data: 1\n\ndata: 3\n\n", "{kind:?}");
            assert_eq!(sink.flushes, [18]);
        }
    }
}

#[test]
fn flushing_writes_what_was_buffered_once() {
    let mut writer = EventWriter::new(Sink::taking([Ok(4), WOULD_BLOCK]));
    writer.write(Outgoing::message("secret")).expect("taken");
    assert_eq!(
        format!("{writer:?}"),
        "EventWriter { unsent: 10, flushes: true, .. }"
    );
    writer.flush().expect("it is sent");
    writer.flush().expect("there is nothing to send");
    let sink = writer.get_mut();
    assert_eq!(
        (&*sink.written, &*sink.writes),
        (&b"data: secret\n\n"[..], &[14, 10, 10][..])
    );

    // A block that cannot be flushed yet was accepted.
    sink.flush_fails = [ErrorKind::WouldBlock; 2].into();
    writer.write(Outgoing::message("1")).expect("taken");
    assert!(would_block(writer.flush()));
    writer.write(Outgoing::message("2")).expect("taken");
    assert!(
        writer
            .into_inner()
            .written
            .ends_with(b"data: 1\n\ndata: 2\n\n")
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn accepted_blocks_are_written_whole_and_in_order_whatever_the_writer_does(
        takes in vec(prop_oneof![
            (1_usize..20).prop_map(Ok),
            Just(WOULD_BLOCK),
            Just(Err(ErrorKind::Interrupted)),
        ], 0..60),
        flush_fails in vec(Just(ErrorKind::WouldBlock), 0..5),
        blocks in vec(("[a-z\n]{0,12}", any::<bool>()), 0..20),
    ) {
        let mut writer = EventWriter::new(Sink::taking(takes));
        writer.get_mut().flush_fails = flush_fails.into();
        let (mut accepted, mut last) = (Vec::new(), 0);
        for (data, flushes) in &blocks {
            let block = Outgoing::message(data);
            match writer.write(block) {
                Ok(()) => {
                    last = accepted.len();
                    block.encode(&mut accepted);
                }
                Err(error) => prop_assert_eq!(error.kind(), ErrorKind::WouldBlock),
            }
            // At most the last block that was accepted is still to be sent.
            let written = &writer.get_ref().written;
            prop_assert!(accepted.starts_with(written) && written.len() >= last);
            if *flushes {
                match writer.flush() {
                    Ok(()) => prop_assert_eq!(&writer.get_ref().written, &accepted),
                    Err(error) => prop_assert_eq!(error.kind(), ErrorKind::WouldBlock),
                }
            }
        }
        while writer.flush().is_err() {}
        prop_assert_eq!(&writer.get_ref().written, &accepted);
    }
}

#[test]
fn a_block_whose_data_fails_is_not_written() {
    let mut writer = EventWriter::new(Sink::default());
    let written = writer.write_with(Outgoing::new().comment("lost"), |data| {
        data.write_all(b"half of it")?;
        Err(io::Error::other(Unplugged))
    });
    let error = written.expect_err("its data fails");
    assert!(error.get_ref().is_some_and(|error| error.is::<Unplugged>()));
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        writer.write_with(Outgoing::new(), |data| -> io::Result<()> {
            data.write_all(b"half of it")?;
            panic!("on purpose")
        })
    }));
    assert!(panicked.is_err());
    assert!(writer.get_ref().writes.is_empty());
    writer.write(Outgoing::message("1")).expect("taken");
    assert_eq!(writer.into_inner().written, b"data: 1\n\n");
}

#[cfg(feature = "bytes")]
#[test]
fn frames_are_written_as_they_are() {
    let blocks = bytes::Bytes::from_static(b": opened\r\rdata: 1\r\n\r\nunknown\ndata: 2\n\n");
    let frame = sse_wire::Frame::parse(blocks.clone()).expect("whole blocks");
    let mut writer = EventWriter::new(Sink::taking([Ok(9), WOULD_BLOCK, WOULD_BLOCK]));
    writer.write_frame(&frame).expect("taken");
    assert!(would_block(writer.write_frame(&frame)));
    writer.write_frame(&frame).expect("taken");
    writer.write(Outgoing::message("3")).expect("taken");
    writer
        .write_frame(&sse_wire::Frame::new())
        .expect("nothing");
    let sink = writer.into_inner();
    assert_eq!(
        sink.written,
        [&blocks[..], &blocks, b"data: 3\n\n"].concat()
    );
    // The first one in parts, the others in one piece.
    assert_eq!(
        sink.writes,
        [
            blocks.len(),
            blocks.len() - 9,
            blocks.len() - 9,
            blocks.len() - 9,
            blocks.len(),
            9
        ]
    );
}

#[test]
fn the_memory_of_an_oversized_block_is_freed() {
    let oversized = "x".repeat(1 << 20);
    let (counted, mut writer) = count(|| {
        let mut writer = EventWriter::new(io::sink());
        writer.write(Outgoing::message(&oversized)).expect("taken");
        writer
    });
    assert!(
        counted.peak >= 1 << 20 && counted.kept <= 16 << 10,
        "{counted:?}"
    );
    // What blocks typically need is retained.
    let mut write = || writer.write(Outgoing::message(&oversized[..10 << 10]));
    write().expect("taken");
    let (counted, ()) = count(|| (0..100).for_each(|_| write().expect("taken")));
    assert_eq!(counted, Count::NOTHING);
}
