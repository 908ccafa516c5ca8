//! `embedded-io`: events borrow from the caller's chunk, nothing is allocated, and a driver that
//! reports more than it read does no harm.

use crate::allocator::{Count, count};
use crate::common::calls::text;
use crate::common::transport::{Fault, Step, Transport};
use crate::contract::STREAM;
use crate::writers::Sink;
#[cfg(all(feature = "embedded-io", feature = "embedded-io-async"))]
use core::fmt::Debug;
#[cfg(feature = "embedded-io-async")]
use futures_util::FutureExt;
use sse_wire::embedded::{EventReader, EventWriter};
use sse_wire::{Buffer, BufferFull, Event, EventDecoder, Outgoing, WriteError};
use std::io::ErrorKind;

/// A driver that reads, blocking and asynchronously.
#[cfg(all(feature = "embedded-io", feature = "embedded-io-async"))]
trait Driver: embedded_io::Read<Error: Debug> + embedded_io_async::Read {}
#[cfg(all(feature = "embedded-io", feature = "embedded-io-async"))]
impl<D: embedded_io::Read<Error: Debug> + embedded_io_async::Read> Driver for D {}

#[cfg(not(feature = "embedded-io-async"))]
use embedded_io::Read as Driver;
#[cfg(not(feature = "embedded-io"))]
use embedded_io_async::Read as Driver;

/// The next event, with the call of the feature that is on; blocking, if both are.
fn next<'r, D: Driver, B: Buffer>(reader: &'r mut EventReader<'_, D, B>) -> Option<Event<'r>> {
    #[cfg(feature = "embedded-io")]
    let event = reader.next_event();
    #[cfg(not(feature = "embedded-io"))]
    let event = reader
        .next_event_async()
        .now_or_never()
        .expect("it is ready");
    event.expect("it can be read")
}

type Written = Result<(), WriteError<Fault>>;

const WRITES: &[fn(&mut EventWriter<'_, Sink>, Outgoing<'_>) -> Written] = &[
    #[cfg(feature = "embedded-io")]
    |writer, block| writer.write(block),
    #[cfg(feature = "embedded-io-async")]
    |writer, block| {
        writer
            .write_async(block)
            .now_or_never()
            .expect("it is ready")
    },
];

#[test]
fn whole_events_borrow_from_the_chunk() {
    let stream = &b": ping\nevent: tick\ndata: 1\n\nevent: tock\ndata: 2\n\n"[..];
    let mut chunk = [0; 64];
    let place = chunk.as_ptr_range();
    let lies_within = |part: &str| {
        let part = part.as_bytes().as_ptr_range();
        place.start <= part.start && part.end <= place.end
    };
    let mut reader = EventReader::new(stream, EventDecoder::with_buffer([0; 64]), &mut chunk);
    for expected in ["1", "2"] {
        let event = next(&mut reader).expect("an event");
        assert_eq!(event.data(), expected);
        assert!(lies_within(event.data()) && lies_within(event.event_type()));
    }
}

#[test]
fn a_driver_that_reports_a_wild_length_does_no_harm() {
    struct Liar(usize);
    impl Liar {
        fn lie(&mut self, buffer: &mut [u8]) -> usize {
            self.0 += 1;
            buffer.copy_from_slice(b"data:1\n\n");
            [1000, 9, usize::MAX, 0][self.0 - 1]
        }
    }
    impl embedded_io::ErrorType for Liar {
        type Error = Fault;
    }
    impl embedded_io::Read for Liar {
        fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Fault> {
            Ok(self.lie(buffer))
        }
    }
    impl embedded_io_async::Read for Liar {
        async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Fault> {
            Ok(self.lie(buffer))
        }
    }
    let mut chunk = [0; 8];
    let mut reader = EventReader::new(Liar(0), EventDecoder::with_buffer([0; 64]), &mut chunk);
    for expected in [Some("1"), Some("1"), Some("1"), None] {
        assert_eq!(next(&mut reader).map(|event| event.data()), expected);
    }
}

#[test]
fn the_driver_and_the_decoder_are_returned() {
    let decoder = EventDecoder::with_buffer([0; 64]);
    let steps = ["data: 1\n\nid: 42\ndata: 2\n\ndata: cut", "the rest"];
    let transport = Transport::new(steps.map(|step| Step::Gives(step.into())));
    let mut chunk = [0; 64];
    let reader = EventReader::new(transport, decoder, &mut chunk);
    let mut reader = reader.with_last_event_id("41").expect("it fits");
    let ids = [(); 2].map(|()| text(next(&mut reader).expect("an event")).last_event_id);
    assert_eq!(
        (ids, reader.decoder().last_event_id()),
        (["41".into(), "42".into()], "42")
    );
    assert_eq!(
        (reader.get_ref().reads(), reader.get_mut().steps_left()),
        (1, 1)
    );
    let (transport, mut decoder) = reader.into_parts();
    assert_eq!((transport.steps_left(), decoder.last_event_id()), (1, "42"));
    // In the middle of an event, of which it knows nothing any more.
    let event = decoder.decode(&mut &b"data: new\n\n"[..]).expect("it fits");
    assert_eq!(
        event.map(|event| event.data().to_owned()),
        Some("new".into())
    );
}

#[test]
fn a_block_that_does_not_fit_leaves_the_writer_as_it_was() {
    for write in WRITES {
        let mut memory = [0; 10];
        let mut writer = EventWriter::new(Sink::default(), &mut memory);
        write(&mut writer, Outgoing::message("12")).expect("just fits");
        let error = write(&mut writer, Outgoing::message("123")).expect_err("does not");
        let WriteError::BufferFull(BufferFull {
            needed: 11,
            available: 10,
            ..
        }) = error
        else {
            panic!("{error:?}");
        };
        assert!(error.to_string().contains("11 bytes"), "{error}");
        assert_eq!(writer.get_ref().flushes, [10]);
        // And the stream continues.
        write(&mut writer, Outgoing::message("1")).expect("it fits");
        assert_eq!(format!("{writer:?}"), "EventWriter { buffer: 10, .. }");
        assert_eq!(writer.into_inner().written, b"data: 12\n\ndata: 1\n\n");
    }
}

#[test]
fn the_error_of_the_driver_is_passed_on_as_it_is() {
    for write in WRITES {
        let mut memory = [0; 16];
        let mut writer = EventWriter::new(Sink::default(), &mut memory);
        writer.get_mut().flush_fails = [ErrorKind::TimedOut].into();
        let error = write(&mut writer, Outgoing::message("1")).expect_err("it fails");
        assert_eq!(error, WriteError::Transport(Fault(ErrorKind::TimedOut)));
        assert_eq!(error.to_string(), "the transport failed: TimedOut");
    }
}

type Reader<'r> = EventReader<'r, &'r [u8], &'r mut [u8]>;
type Writer<'w> = EventWriter<'w, &'w mut [u8]>;

#[test]
fn nothing_is_allocated() {
    let stream = STREAM.repeat(20);
    let count_all = |read_and_write: fn(&mut Reader<'_>, &mut Writer<'_>) -> bool| {
        count(|| {
            let (mut memory, mut chunk) = ([0; 128], [0; 13]);
            let decoder = EventDecoder::with_buffer(&mut memory[..]);
            let mut reader = EventReader::new(&stream[..], decoder, &mut chunk);
            let (mut sent, mut memory) = ([0; 8192], [0; 128]);
            let mut writer = EventWriter::new(&mut sent[..], &mut memory);
            core::iter::repeat_with(|| read_and_write(&mut reader, &mut writer))
                .take_while(|is_event| *is_event)
                .count()
        })
    };
    #[cfg(feature = "embedded-io")]
    let counted = count_all(|reader, writer| {
        let event = reader.next_event().expect("it fits");
        event
            .map(|event| writer.write(event).expect("it fits"))
            .is_some()
    });
    #[cfg(feature = "embedded-io")]
    assert_eq!(counted, (Count::NOTHING, 80));
    #[cfg(feature = "embedded-io-async")]
    let counted = count_all(|reader, writer| {
        let event = reader
            .next_event_async()
            .now_or_never()
            .expect("it is ready");
        let mut write = |event| {
            writer
                .write_async(event)
                .now_or_never()
                .expect("it is ready")
        };
        event
            .expect("it fits")
            .map(|event| write(event).expect("it fits"))
            .is_some()
    });
    #[cfg(feature = "embedded-io-async")]
    assert_eq!(counted, (Count::NOTHING, 80));
    // Control: an allocation would be counted.
    assert!(count(|| STREAM.to_vec()).0.allocations > 0);
}
