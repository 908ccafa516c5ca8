//! What the types promise beside their methods: sizes, traits, lifetimes, and that they can be used without an allocator.

use core::fmt::{Debug, Display};
use core::hash::Hash;
use core::time::Duration;
#[cfg(feature = "std")]
use sse_wire::client::Step;
use sse_wire::client::{Backoff, EventSource, Policy};
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
const fn is_cloned<T: Clone>() {}
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
        is_at_home_anywhere::<EventSource>();
    }
    is_at_home_anywhere::<EventSource<[u8; 64]>>();
    is_at_home_anywhere::<EventSource<&mut [u8]>>();
}

#[test]
fn every_adapter_is_at_home_where_its_transport_is() {
    #[cfg(feature = "alloc")]
    const fn outlives_everything<T: 'static>() {}
    #[cfg(feature = "bytes")]
    {
        use sse_wire::{Frame, InvalidFrame};
        is_at_home_anywhere::<Frame>();
        is_at_home_anywhere::<InvalidFrame>();
        is_at_home_anywhere::<ReplayLog>();
        is_a_value::<Frame>();
        is_a_small_value::<InvalidFrame>();
        outlives_everything::<Frame>();
    }
    is_at_home_anywhere::<ReadError<DecodeError>>();
    is_a_small_value::<ReadError<DecodeError>>();
    #[cfg(feature = "alloc")]
    {
        is_at_home_anywhere::<OwnedItem>();
        is_a_value::<OwnedItem>();
        outlives_everything::<OwnedEvent>();
        outlives_everything::<OwnedItem>();
    }
    #[cfg(feature = "std")]
    {
        use sse_wire::io::{EventReader, EventWriter};
        is_at_home_anywhere::<EventReader<&[u8]>>();
        is_at_home_anywhere::<EventWriter<Vec<u8>>>();
        is_cloned::<EventReader<&[u8]>>();
        is_cloned::<EventWriter<Vec<u8>>>();
    }
    #[cfg(feature = "tokio")]
    {
        use sse_wire::tokio::{EventCodec, EventReader};
        is_at_home_anywhere::<EventReader<&[u8]>>();
        is_at_home_anywhere::<EventCodec>();
        is_at_home_anywhere::<EventCodec<OwnedItem>>();
        is_cloned::<EventCodec>();
        is_cloned::<EventCodec<OwnedItem>>();
    }
    #[cfg(feature = "http-body")]
    {
        use sse_wire::body::{BodyChunks, EventBody, NoTicks};
        is_at_home_anywhere::<EventBody<()>>();
        is_at_home_anywhere::<EventBody<(), ()>>();
        is_at_home_anywhere::<BodyChunks<()>>();
        is_at_home_anywhere::<NoTicks>();
        is_cloned::<BodyChunks<()>>();
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

/// Chunks of the stream of a test.
#[cfg(feature = "stream")]
type Chunks =
    futures_util::stream::Iter<core::array::IntoIter<Result<&'static [u8], BufferFull>, 1>>;

#[test]
#[cfg(feature = "stream")]
fn a_stream_of_events_is_at_home_where_its_chunks_are() {
    use futures_util::Stream;
    use futures_util::stream::{self, FusedStream};
    use sse_wire::stream::{ChunkStream, EventStream};

    const fn gives<S: FusedStream<Item = Result<T, ReadError<BufferFull>>>, T>() {}
    const fn is_a_stream_of_chunks<S: ChunkStream<Error = BufferFull> + ?Sized>() {}
    is_at_home_anywhere::<EventStream<Chunks>>();
    is_at_home_anywhere::<EventStream<Chunks, OwnedItem>>();
    gives::<EventStream<Chunks>, OwnedEvent>();
    gives::<EventStream<Chunks, OwnedItem>, OwnedItem>();

    // Any chunks that are bytes, also where the type of the stream is erased.
    is_a_stream_of_chunks::<Chunks>();
    is_a_stream_of_chunks::<stream::Empty<Result<String, BufferFull>>>();
    is_a_stream_of_chunks::<stream::Empty<Result<[u8; 4], BufferFull>>>();
    is_a_stream_of_chunks::<dyn Stream<Item = Result<Vec<u8>, BufferFull>>>();
    type Erased = stream::BoxStream<'static, Result<Vec<u8>, BufferFull>>;
    is_a_stream_of_chunks::<Erased>();
    const fn is_sent<T: Send + Unpin>() {}
    is_sent::<EventStream<Erased>>();

    // A future that waits for an event can be sent to another thread.
    fn can_be_sent<T: Send>(_: &T) {}
    let mut events = EventStream::new(stream::iter([Ok::<_, BufferFull>(&b"data: 1\n\n"[..])]));
    can_be_sent(&events.next_event());
    can_be_sent(&events.next_raw_event());
    can_be_sent(&events.next_item());
}

/// A transport whose types can all be named.
#[cfg(feature = "stream")]
#[derive(Debug)]
struct Http;

#[cfg(feature = "stream")]
impl sse_wire::reconnect::Transport for Http {
    type Response = ();
    type Error = BufferFull;
    type Connecting = core::future::Ready<Result<(sse_wire::reconnect::Head, ()), BufferFull>>;
    type Body = Chunks;
    type Sleep = core::future::Ready<()>;

    fn connect(&mut self, _: sse_wire::client::Request<'_>) -> Self::Connecting {
        let head = sse_wire::reconnect::Head::new(200, Some("text/event-stream"));
        core::future::ready(Ok((head, ())))
    }

    fn body(&mut self, (): ()) -> Chunks {
        futures_util::stream::iter([Ok(&b"data: 1\n\n"[..])])
    }

    fn sleep(&mut self, _: Duration) -> Self::Sleep {
        core::future::ready(())
    }
}

#[test]
#[cfg(feature = "stream")]
fn a_stream_that_reconnects_is_at_home_where_its_transport_is() {
    use futures_util::stream::FusedStream;
    use sse_wire::reconnect::{Fns, ReconnectError, ReconnectingStream, Update};

    const fn gives<S, T>()
    where
        S: FusedStream<Item = Result<Update<T, BufferFull>, ReconnectError<(), BufferFull>>>,
    {
    }
    is_at_home_anywhere::<ReconnectingStream<Http>>();
    is_at_home_anywhere::<ReconnectingStream<Http, OwnedItem>>();
    gives::<ReconnectingStream<Http>, OwnedEvent>();
    gives::<ReconnectingStream<Http, OwnedItem>, OwnedItem>();
    is_at_home_anywhere::<Fns<(), (), ()>>();
    is_cloned::<Fns<(), (), ()>>();
}

#[test]
#[cfg(feature = "std")]
fn a_reader_that_reconnects_is_at_home_where_its_transport_is() {
    use core::iter::FusedIterator;
    use sse_wire::client::Request;
    use sse_wire::reconnect::{
        BlockingFns, BlockingTransport, Head, ReconnectError, ReconnectingReader, Update,
    };
    use std::io;

    #[derive(Debug)]
    struct Http;

    impl BlockingTransport for Http {
        type Response = ();
        type Error = io::Error;
        type Body = io::Empty;

        fn connect(&mut self, _: Request<'_>) -> io::Result<(Head, ())> {
            Ok((Head::new(204, None::<&str>), ()))
        }

        fn body(&mut self, (): ()) -> io::Empty {
            io::empty()
        }
    }

    const fn gives<S, T>()
    where
        S: FusedIterator<Item = Result<Update<T, io::Error>, ReconnectError<(), io::Error>>>,
    {
    }
    is_at_home_anywhere::<ReconnectingReader<Http>>();
    is_at_home_anywhere::<ReconnectingReader<Http, OwnedItem>>();
    gives::<ReconnectingReader<Http>, OwnedEvent>();
    gives::<ReconnectingReader<Http, OwnedItem>, OwnedItem>();
    is_at_home_anywhere::<BlockingFns<(), ()>>();
    is_cloned::<BlockingFns<(), ()>>();
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

    is_cloned::<FieldParser>();
    is_cloned::<EventDecoder<[u8; 64]>>();
    is_cloned::<EventSource<[u8; 64]>>();
}

#[test]
fn types_are_small() {
    assert!(size_of::<FieldParser>() <= 8);
    assert!(size_of::<Token<'_>>() <= 3 * size_of::<usize>());
    assert!(size_of::<DecodeError>() <= 2 * size_of::<usize>());
    assert!(size_of::<EventType<'_>>() == size_of::<&str>());
    assert!(size_of::<LastEventId<'_>>() == size_of::<&str>());
    // The memory itself, and a fixed number of places in it.
    #[cfg(feature = "alloc")]
    {
        // One text, two places in it, one shared ID, and whether it is the event's own.
        assert!(size_of::<OwnedEvent>() <= size_of::<[usize; 8]>());
        assert!(size_of::<OwnedItem>() <= size_of::<OwnedEvent>() + size_of::<usize>());
        // Its memory, and the text of an event of which some was replaced.
        assert!(
            size_of::<EventDecoder>()
                <= size_of::<EventDecoder<[u8; 0]>>() + 2 * size_of::<Vec<u8>>()
        );
    }
    // Three values of the current block, of which each may be in an input, take nine words.
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
        EventSource::default().next(Duration::ZERO),
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
fn a_decoder_lives_in_a_buffer_that_was_leaked() {
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
    let mut array = EventDecoder::with_buffer(&mut memory);
    assert_eq!(read_to_end(&mut array, stream), 2);
    let mut slice = EventDecoder::with_buffer(&mut memory[..]);
    assert_eq!(read_to_end(&mut slice, stream), 2);
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
fn an_owned_event_is_equal_to_the_borrowed_one() {
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

#[test]
#[cfg(feature = "alloc")]
fn owned_events_are_equal_by_value_whichever_way_they_were_made() {
    use std::collections::HashSet;

    // The second event inherits, in the first stream a shared ID, in the second one a copy of its own.
    let stream =
        b"id: 7\nevent: e\ndata: x\n\nevent: e\ndata: x\n\nevent: message\ndata: x\n\ndata: x\n\n";
    let mut input = &stream[..];
    let mut decoder = EventDecoder::new();
    let decoded: Vec<OwnedEvent> =
        core::iter::from_fn(|| decoder.decode_owned(&mut input).expect("it fits")).collect();
    let mut input = &stream[..];
    let mut decoder = EventDecoder::new();
    let mut copied = Vec::new();
    while let Some(event) = decoder.decode(&mut input).expect("it fits") {
        copied.push(event.into_owned());
    }
    assert_eq!(decoded, copied);
    // The first one has an ID of its own; the last two differ in nothing but how their type was sent.
    assert_ne!(decoded[0], decoded[1]);
    assert_ne!(decoded[1], decoded[2]);
    assert_eq!(decoded[2], decoded[3]);
    let distinct: HashSet<OwnedEvent> = decoded.iter().chain(&copied).cloned().collect();
    assert_eq!(distinct.len(), 3);
    for event in &decoded {
        assert_eq!(event.clone(), *event);
        assert_eq!(event.clone().into_data(), "x");
        #[cfg(feature = "bytes")]
        assert_eq!(event.clone().into_data_bytes(), "x");
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
