//! What the types promise beside their methods: sizes, traits, lifetimes, and that they can be used without an allocator.

use core::fmt::{Debug, Display};
use core::hash::Hash;
use core::time::Duration;
use sse_wire::client::{Backoff, Policy};
#[cfg(feature = "std")]
use sse_wire::client::{EventSource, Step};
#[cfg(feature = "bytes")]
use sse_wire::replay::ReplayLog;
use sse_wire::{
    Buffer, BufferFull, CutLine, DecodeError, Event, EventDecoder, EventType, FieldName,
    FieldParser, Incomplete, InvalidEventType, InvalidLastEventId, Item, LastEventId, Limits,
    Outgoing, RawEvent, ReadError, Token,
};
#[cfg(feature = "alloc")]
use sse_wire::{DataWriter, OwnedEvent, OwnedItem};
use std::sync::Mutex;

/// What every public type can do: be sent to a thread, shared between threads, moved, and shown.
const fn is_at_home_anywhere<T: Send + Sync + Unpin + Debug>() {}
#[cfg(feature = "alloc")]
const fn is_a_value<T: Clone + PartialEq + Eq + Hash>() {}
const fn is_a_small_value<T: Copy + PartialEq + Eq + Hash>() {}

#[test]
fn every_type_is_at_home_anywhere() {
    is_at_home_anywhere::<FieldParser>();
    is_at_home_anywhere::<Token<'_>>();
    is_at_home_anywhere::<FieldName>();
    is_at_home_anywhere::<EventDecoder<[u8; 64]>>();
    is_at_home_anywhere::<EventDecoder<&mut [u8]>>();
    is_at_home_anywhere::<EventDecoder<&mut [u8; 64]>>();
    is_at_home_anywhere::<Incomplete<'_, [u8; 64]>>();
    is_at_home_anywhere::<CutLine>();
    is_at_home_anywhere::<Item<'_>>();
    is_at_home_anywhere::<Event<'_>>();
    is_at_home_anywhere::<RawEvent<'_>>();
    is_at_home_anywhere::<Outgoing<'_>>();
    is_at_home_anywhere::<EventType<'_>>();
    is_at_home_anywhere::<LastEventId<'_>>();
    is_at_home_anywhere::<Limits>();
    is_at_home_anywhere::<DecodeError>();
    is_at_home_anywhere::<InvalidEventType>();
    is_at_home_anywhere::<InvalidLastEventId>();
    is_at_home_anywhere::<BufferFull>();
    #[cfg(feature = "alloc")]
    {
        is_at_home_anywhere::<EventDecoder>();
        is_at_home_anywhere::<OwnedEvent>();
        is_at_home_anywhere::<DataWriter<'_>>();
    }
}

#[test]
fn every_door_is_at_home_where_its_transport_is() {
    #[cfg(feature = "bytes")]
    {
        use sse_wire::{
            Frame, InvalidFrame, SharedDecoder, SharedEvent, SharedItem, SharedRawEvent,
        };
        const fn outlives_everything<T: 'static>() {}
        is_at_home_anywhere::<SharedDecoder>();
        is_at_home_anywhere::<SharedEvent>();
        is_at_home_anywhere::<SharedRawEvent>();
        is_at_home_anywhere::<SharedItem>();
        is_at_home_anywhere::<Frame>();
        is_at_home_anywhere::<InvalidFrame>();
        is_a_value::<SharedEvent>();
        is_a_value::<SharedRawEvent>();
        is_a_value::<SharedItem>();
        is_a_value::<Frame>();
        is_a_small_value::<InvalidFrame>();
        outlives_everything::<SharedEvent>();
        outlives_everything::<SharedItem>();
        outlives_everything::<Frame>();
    }
    is_at_home_anywhere::<ReadError<DecodeError>>();
    is_a_small_value::<ReadError<DecodeError>>();
    #[cfg(feature = "alloc")]
    {
        is_at_home_anywhere::<OwnedItem>();
        is_a_value::<OwnedItem>();
    }
    #[cfg(feature = "std")]
    {
        use sse_wire::io::{EventReader, EventWriter};
        is_at_home_anywhere::<EventReader<&[u8]>>();
        is_at_home_anywhere::<EventWriter<Vec<u8>>>();
    }
    #[cfg(feature = "futures-core")]
    {
        use sse_wire::stream::OwnedEventStream;
        is_at_home_anywhere::<OwnedEventStream<(), Vec<u8>>>();
        is_at_home_anywhere::<OwnedEventStream<(), Vec<u8>, OwnedItem>>();
    }
    #[cfg(all(feature = "futures-core", feature = "bytes"))]
    is_at_home_anywhere::<sse_wire::stream::EventStream<()>>();
    #[cfg(feature = "tokio-util")]
    is_at_home_anywhere::<sse_wire::codec::EventCodec>();
    #[cfg(feature = "http-body")]
    {
        use sse_wire::body::{BodyChunks, EventBody, NoTicks};
        is_at_home_anywhere::<EventBody<()>>();
        is_at_home_anywhere::<EventBody<(), ()>>();
        is_at_home_anywhere::<BodyChunks<()>>();
        is_at_home_anywhere::<NoTicks>();
    }
    #[cfg(any(feature = "embedded-io", feature = "embedded-io-async"))]
    {
        use sse_wire::embedded::{EventReader, EventWriter};
        is_at_home_anywhere::<EventReader<'_, (), [u8; 64]>>();
        is_at_home_anywhere::<EventWriter<'_, ()>>();
        is_at_home_anywhere::<sse_wire::WriteError<BufferFull>>();
        is_a_small_value::<sse_wire::WriteError<BufferFull>>();
    }
}

#[test]
fn errors_show_and_have_the_source_of_what_is_in_them() {
    use core::error::Error;

    let refused = DecodeError::EventTooLarge { limit: 8 };
    let error: ReadError<BufferFull> = refused.into();
    assert_eq!(error.to_string(), refused.to_string());
    assert!(error.source().is_none());
    let full = Outgoing::message("x")
        .encode_to_slice(&mut [])
        .expect_err("there is no room");
    let error: ReadError<BufferFull> = ReadError::Transport(full);
    assert_eq!(error.to_string(), full.to_string());
    let nested: ReadError<ReadError<BufferFull>> = ReadError::Transport(error);
    assert_eq!(nested.to_string(), full.to_string());
    // A transport's error may be anything, even if it is no error.
    assert_eq!(ReadError::Transport("gone").to_string(), "gone");
    #[cfg(feature = "std")]
    {
        use std::io;
        let error: io::Error = ReadError::Decode(refused).into();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        let inner = error.get_ref().expect("it has one");
        assert_eq!(inner.downcast_ref(), Some(&refused));
        let error: io::Error = ReadError::Transport(io::ErrorKind::BrokenPipe.into()).into();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }
    #[derive(Debug)]
    struct Above(DecodeError);
    impl Display for Above {
        fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
            formatter.write_str("above")
        }
    }
    impl Error for Above {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }
    let error = ReadError::Transport(Above(refused));
    assert_eq!(error.to_string(), "above");
    let source = error.source().expect("it has one");
    assert_eq!(source.to_string(), refused.to_string());
    #[cfg(any(feature = "embedded-io", feature = "embedded-io-async"))]
    {
        use sse_wire::WriteError;
        let error: WriteError<DecodeError> = full.into();
        assert_eq!(error.to_string(), full.to_string());
        assert_eq!(
            WriteError::Transport(refused).to_string(),
            refused.to_string()
        );
        assert!(WriteError::Transport(refused).source().is_none());
        assert!(error.source().is_none());
    }
}

#[test]
fn values_compare_hash_and_copy() {
    is_a_small_value::<Token<'_>>();
    is_a_small_value::<FieldName>();
    is_a_small_value::<CutLine>();
    is_a_small_value::<Item<'_>>();
    is_a_small_value::<Event<'_>>();
    is_a_small_value::<RawEvent<'_>>();
    is_a_small_value::<Outgoing<'_>>();
    is_a_small_value::<EventType<'_>>();
    is_a_small_value::<LastEventId<'_>>();
    is_a_small_value::<Limits>();
    is_a_small_value::<DecodeError>();
    is_a_small_value::<InvalidEventType>();
    is_a_small_value::<InvalidLastEventId>();
    is_a_small_value::<BufferFull>();
    #[cfg(feature = "alloc")]
    is_a_value::<OwnedEvent>();

    const fn is_an_ordered_string<T: Ord + AsRef<str> + Display>() {}
    is_an_ordered_string::<EventType<'_>>();
    is_an_ordered_string::<LastEventId<'_>>();

    const fn is_cloned<T: Clone>() {}
    is_cloned::<FieldParser>();
    is_cloned::<EventDecoder<[u8; 64]>>();
}

#[test]
fn types_are_small() {
    assert!(size_of::<FieldParser>() <= 8);
    assert!(size_of::<Token<'_>>() <= 3 * size_of::<usize>());
    assert!(size_of::<DecodeError>() <= 2 * size_of::<usize>());
    assert!(size_of::<EventType<'_>>() == size_of::<&str>());
    assert!(size_of::<LastEventId<'_>>() == size_of::<&str>());
    // The memory itself, and a fixed number of places in it.
    #[cfg(feature = "bytes")]
    {
        use sse_wire::{SharedDecoder, SharedEvent, SharedItem};
        // One slice, two places in it, one shared ID, and whether it is the event's own.
        assert!(size_of::<SharedEvent>() <= 11 * size_of::<usize>());
        assert!(size_of::<SharedItem>() <= size_of::<SharedEvent>() + size_of::<usize>());
        assert!(size_of::<SharedDecoder>() <= size_of::<EventDecoder>() + 5 * size_of::<usize>());
    }
    let without_memory = size_of::<EventDecoder<[u8; 0]>>();
    assert!(without_memory <= 192, "{without_memory}");
    assert!(size_of::<EventDecoder<[u8; 1024]>>() <= without_memory + 1024);
}

#[test]
fn defaults_are_what_new_makes() {
    assert_eq!(Limits::default(), Limits::new());
    assert_eq!(Outgoing::default(), Outgoing::new());
    assert_eq!(Outgoing::default().encoded_len(), 0);
    let mut parsers = [FieldParser::default(), FieldParser::new()];
    let tokens = parsers
        .each_mut()
        .map(|parser| parser.next(&mut &b"data: x\n"[..]));
    assert_eq!(tokens[0], tokens[1]);
    assert_eq!(Policy::default(), Policy::new());
    assert_eq!(Backoff::default(), Backoff::new());
    #[cfg(feature = "std")]
    assert!(matches!(
        EventSource::<EventDecoder>::default().next(Duration::ZERO),
        Step::Connect(request) if request.attempt() == 0 && request.last_event_id().is_empty()
    ));
    #[cfg(feature = "bytes")]
    assert_eq!(
        format!("{:?}", ReplayLog::default()),
        format!("{:?}", ReplayLog::new())
    );
    #[cfg(feature = "alloc")]
    {
        let decoder: EventDecoder = EventDecoder::default();
        assert_eq!(decoder.limits(), Limits::new());
        assert_eq!(
            (decoder.last_event_id(), decoder.reconnection_time()),
            ("", None)
        );
    }
}

#[test]
fn limits_are_set_one_by_one() {
    const LIMITS: Limits = Limits::new().with_event(7).with_last_event_id(3);
    assert_eq!((LIMITS.event, LIMITS.last_event_id), (7, 3));
    assert_eq!(Limits::new().with_event(7).last_event_id, 64 * 1024);
    assert_eq!(Limits::new().with_last_event_id(3).event, 16 * 1024 * 1024);
    assert_eq!(EventDecoder::with_buffer([0; 10]).limits().event, 8);
    assert_eq!(EventDecoder::with_buffer([0; 10]).limits().last_event_id, 2);
}

/// As firmware has it: a device owns its decoder, with the memory inside.
struct Device {
    decoder: EventDecoder<[u8; 64]>,
    level: Option<u32>,
}

impl Device {
    fn receive(&mut self, mut bytes: &[u8]) -> Result<(), DecodeError> {
        while let Some(event) = self.decoder.decode(&mut bytes)? {
            if event.event_type() == "level" {
                self.level = event.data().parse().ok();
            }
        }
        Ok(())
    }
}

#[test]
fn a_decoder_lives_in_a_struct_with_its_memory() {
    let mut device = Device {
        decoder: EventDecoder::with_buffer([0; 64]),
        level: None,
    };
    for chunk in [&b"event: lev"[..], b"el\ndata: 4", b"2\n\n"] {
        device.receive(chunk).expect("it fits");
    }
    assert_eq!(device.level, Some(42));
}

/// As an interrupt handler has it.
static SHARED: Mutex<Option<EventDecoder<[u8; 64]>>> = Mutex::new(None);

#[test]
fn a_decoder_lives_in_a_static_with_its_memory() {
    let mut shared = SHARED.lock().expect("nobody else has it");
    let decoder = shared.get_or_insert_with(|| EventDecoder::with_buffer([0; 64]));
    assert_eq!(read_to_end(decoder, b"data: 1\n\ndata: 2"), 1);
}

#[test]
fn a_decoder_lives_in_memory_that_was_lent_for_ever() {
    let memory: &'static mut [u8] = Box::leak(Box::new([0; 64]));
    let mut decoder: EventDecoder<&'static mut [u8]> = EventDecoder::with_buffer(memory);
    let mut input = &b"id: 7\n\n"[..];
    assert_eq!(decoder.decode(&mut input), Ok(None));
    let moved = std::thread::spawn(move || decoder.last_event_id() == "7");
    assert!(moved.join().expect("it does not panic"));
}

/// Generic over the memory, as an adapter is.
fn read_to_end<B: Buffer>(decoder: &mut EventDecoder<B>, mut input: &[u8]) -> usize {
    let mut events = 0;
    while let Ok(Some(_)) = decoder.decode(&mut input) {
        events += 1;
    }
    events
}

#[test]
fn code_can_be_generic_over_the_memory() {
    let stream = b"data: 1\n\ndata: 2\n\n";
    assert_eq!(
        read_to_end(&mut EventDecoder::with_buffer([0; 8]), stream),
        2
    );
    let mut memory = [0; 8];
    let mut lent_array = EventDecoder::with_buffer(&mut memory);
    assert_eq!(read_to_end(&mut lent_array, stream), 2);
    let mut lent_slice = EventDecoder::with_buffer(&mut memory[..]);
    assert_eq!(read_to_end(&mut lent_slice, stream), 2);
    #[cfg(feature = "alloc")]
    assert_eq!(read_to_end(&mut EventDecoder::new(), stream), 2);
}

/// An event borrows from the decoder and from the input, whichever holds its parts; the cursor is free again at once.
fn two_lifetimes<'d, 'i: 'd>(
    decoder: &'d mut EventDecoder<[u8; 64]>,
    input: &mut &'i [u8],
) -> Option<Event<'d>> {
    decoder.decode(input).expect("it fits")
}

#[test]
fn an_event_leaves_the_cursor_free() {
    let mut decoder = EventDecoder::with_buffer([0; 64]);
    let stream = b"data: 1\n\ndata: 2\n\n".to_vec();
    let mut input = &stream[..];
    let event = two_lifetimes(&mut decoder, &mut input).expect("the first one");
    // The event is still in use while the cursor is looked at and moved.
    assert_eq!(input.len(), 9);
    input = &input[..8];
    assert_eq!((event.data(), input.len()), ("1", 8));
}

#[test]
fn the_parts_of_an_event_outlive_it() {
    let mut decoder = EventDecoder::with_buffer([0; 64]);
    let mut input = &b"id: 7\nevent: e\ndata: x\n\n"[..];
    let parts = {
        let event = decoder
            .decode(&mut input)
            .expect("it fits")
            .expect("it is whole");
        (
            event.event_type(),
            event.data(),
            event.last_event_id(),
            event.id(),
        )
    };
    assert_eq!(parts, ("e", "x", "7", Some("7")));

    let mut parser = FieldParser::new();
    let stream = b"data: x\n\n".to_vec();
    let token = {
        let mut input = &stream[..];
        parser.next(&mut input)
    };
    // A token borrows from the input alone.
    assert_eq!(parser.next(&mut &b"\n"[..]), Some(Token::BlankLine));
    let value = Token::Field {
        name: FieldName::Data,
        value: b"x",
        end: true,
    };
    assert_eq!(token, Some(value));
}

#[test]
#[cfg(feature = "alloc")]
fn an_owned_event_is_equal_to_the_lent_one() {
    let mut decoder = EventDecoder::new();
    let mut input = &b"id: 7\nevent: e\ndata: x\n\ndata: y\n\n"[..];
    for (event_type, data, id) in [("e", "x", Some("7")), ("message", "y", None)] {
        let event = decoder
            .decode(&mut input)
            .expect("it fits")
            .expect("it is whole");
        let owned = OwnedEvent::from(event);
        assert_eq!(owned, event.into_owned());
        assert_eq!(owned.as_event(), event);
        assert_eq!((owned.event_type(), owned.data()), (event_type, data));
        assert_eq!((owned.last_event_id(), owned.id()), ("7", id));
        let outgoing = Outgoing::from(event);
        assert_eq!(Outgoing::from(&event), outgoing);
        assert_eq!(Outgoing::from(&owned), outgoing);
        assert_eq!(owned.into_data(), data);
    }
}

fn found_in_debug(value: &dyn Debug, wanted: &str) -> usize {
    format!("{value:?} {value:#?}").matches(wanted).count()
}

#[test]
fn the_state_of_a_decoder_is_shown_without_what_is_in_it() {
    let stream =
        b"event: SECRET\ndata: SECRET\nid: SECRET\n: SECRET\nunknown: SECRET\ndata: SECRET";
    for cut in 0..=stream.len() {
        let mut decoder = EventDecoder::with_buffer([0; 64]);
        assert_eq!(decoder.decode(&mut &stream[..cut]), Ok(None));
        for wanted in ["SECRET", "83, 69, 67", "53, 45, 43"] {
            assert_eq!(found_in_debug(&decoder, wanted), 0);
        }
        assert!(found_in_debug(&decoder, "EventDecoder") >= 2);
        if let Some(incomplete) = decoder.finish() {
            assert!(found_in_debug(&incomplete, "Incomplete") >= 2);
            assert_eq!(found_in_debug(&incomplete, "SECRET"), 0);
        }
    }
    // The search finds what is there.
    let mut decoder = EventDecoder::with_buffer([0; 64]);
    let mut input = &b"data: SECRET\n\n"[..];
    let event = decoder.decode(&mut input).expect("it fits");
    assert_eq!(found_in_debug(&event, "SECRET"), 2);
    let mut input = &b"data: SECRET\n\n"[..];
    let event = decoder.decode_raw(&mut input).expect("it fits");
    assert_eq!(found_in_debug(&event, "SECRET"), 2);
    #[cfg(feature = "alloc")]
    {
        let event = event.and_then(|event| event.text().ok());
        let owned = event.map(|event| event.into_owned());
        assert_eq!(found_in_debug(&owned, "SECRET"), 2);
    }
}

#[test]
fn memory_of_each_kind_holds_what_a_cut_divides() {
    fn assert_holds<B: Buffer>(mut decoder: EventDecoder<B>) {
        assert_eq!(decoder.decode(&mut &b"event: a\ndata: 1"[..]), Ok(None));
        let mut input = &b"2\n\n"[..];
        let event = decoder.decode(&mut input).expect("it fits");
        let event = event.expect("it is whole");
        assert_eq!((event.event_type(), event.data()), ("a", "12"));
    }
    let mut memory = [0; 64];
    let limits = EventDecoder::with_buffer(&mut memory).limits();
    assert_eq!((limits.event, limits.last_event_id), (48, 16));
    assert_eq!(EventDecoder::with_buffer(&mut memory[..]).limits(), limits);
    assert_eq!(EventDecoder::with_buffer(memory).limits(), limits);
    assert_holds(EventDecoder::with_buffer(&mut memory));
    assert_holds(EventDecoder::with_buffer(&mut memory[..]));
    assert_holds(EventDecoder::with_buffer(memory));
    #[cfg(feature = "alloc")]
    {
        let growing = EventDecoder::with_buffer(Vec::new());
        assert_eq!(growing.limits(), Limits::new());
        assert_holds(growing);
    }
}

#[test]
fn the_state_of_a_decoder_says_where_it_stands() {
    let mut decoder = EventDecoder::with_buffer([0; 64]);
    assert_eq!(
        decoder.decode(&mut &b"id: 7\nretry: 1500\n\ndata: x"[..]),
        Ok(None)
    );
    assert_eq!(
        decoder.reconnection_time(),
        Some(Duration::from_millis(1500))
    );
    for shown in ["1.5s", "48", "Data"] {
        assert!(
            found_in_debug(&decoder, shown) >= 2,
            "{shown} in {decoder:?}"
        );
    }
}
