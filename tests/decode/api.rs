//! What the types promise beside their methods: traits, sizes, lifetimes, what they show, and that
//! they can be used without an allocator.

use core::error::Error;
use core::fmt::{Debug, Display};
use core::hash::Hash;
use core::time::Duration;
#[cfg(feature = "std")]
use sse_wire::client::Step;
use sse_wire::client::{Backoff, EventSource, Policy};
use sse_wire::{
    Buffer, BufferFull, CutLine, DecodeError, Event, EventDecoder, EventType, FieldName,
    FieldParser, Incomplete, InvalidEventType, InvalidLastEventId, Item, LastEventId, Limits,
    Outgoing, RawEvent, ReadError, Token,
};
#[cfg(feature = "alloc")]
use sse_wire::{DataWriter, OwnedEvent, OwnedItem};
#[cfg(feature = "bytes")]
use sse_wire::{Frame, InvalidFrame, replay::ReplayLog};
use std::collections::BTreeMap;
use std::ffi::CString;
use std::fs;
use std::path::Path;

/// What every public type can do: be sent to a thread, shared between threads, moved, and shown.
const fn anywhere<T: Send + Sync + Unpin + Debug>() {}
const fn cloned<T: Clone>() {}
#[cfg(feature = "alloc")]
const fn owned<T: Clone + PartialEq + Eq + Hash + 'static>() {}
const fn small<T: Copy + PartialEq + Eq + Hash>() {}

/// Asserts that each type is what the function asks for.
macro_rules! each {
    ($is:ident: $($type:ty),+ $(,)?) => { $($is::<$type>();)+ };
}

#[test]
fn every_type_can_be_sent_shared_moved_and_shown() {
    each!(anywhere:
        FieldParser, Token<'_>, FieldName, EventDecoder<[u8; 64]>, EventDecoder<&mut [u8]>,
        EventDecoder<&mut [u8; 64]>, Incomplete<'_, [u8; 64]>, CutLine, Item<'_>, Event<'_>,
        RawEvent<'_>, Outgoing<'_>, EventType<'_>, LastEventId<'_>, Limits, DecodeError,
        InvalidEventType, InvalidLastEventId, BufferFull, ReadError<DecodeError>,
        EventSource<[u8; 64]>, EventSource<&mut [u8]>,
    );
    #[cfg(feature = "alloc")]
    each!(anywhere: EventDecoder, OwnedEvent, OwnedItem, DataWriter<'_>, EventSource);
    #[cfg(feature = "bytes")]
    each!(anywhere: Frame, InvalidFrame, ReplayLog);
    #[cfg(feature = "std")]
    each!(anywhere: sse_wire::io::EventReader<&[u8]>, sse_wire::io::EventWriter<Vec<u8>>);
    #[cfg(feature = "tokio")]
    each!(anywhere:
        sse_wire::tokio::EventReader<&[u8]>, sse_wire::tokio::EventCodec,
        sse_wire::tokio::EventCodec<OwnedItem>,
    );
    #[cfg(feature = "http-body")]
    each!(anywhere:
        sse_wire::body::EventBody<()>, sse_wire::body::EventBody<(), ()>,
        sse_wire::body::KeepAlive, sse_wire::body::BodyChunks<()>,
    );
    #[cfg(any(feature = "embedded-io", feature = "embedded-io-async"))]
    each!(anywhere:
        sse_wire::embedded::EventReader<'_, &[u8], [u8; 64]>, sse_wire::embedded::EventWriter<'_, ()>,
        sse_wire::WriteError<BufferFull>,
    );
}

#[test]
fn values_compare_hash_and_copy() {
    each!(small:
        Token<'_>, FieldName, CutLine, Item<'_>, Event<'_>, RawEvent<'_>, Outgoing<'_>,
        EventType<'_>, LastEventId<'_>, Limits, DecodeError, InvalidEventType, InvalidLastEventId,
        BufferFull, ReadError<DecodeError>,
    );
    each!(cloned: FieldParser, EventDecoder<[u8; 64]>, EventSource<[u8; 64]>);
    #[cfg(feature = "alloc")]
    each!(owned: OwnedEvent, OwnedItem);
    #[cfg(feature = "bytes")]
    each!(owned: Frame);
    #[cfg(feature = "bytes")]
    each!(small: InvalidFrame);
    #[cfg(feature = "std")]
    each!(cloned: sse_wire::io::EventWriter<Vec<u8>>);
    #[cfg(feature = "tokio")]
    each!(cloned: sse_wire::tokio::EventCodec, sse_wire::tokio::EventCodec<OwnedItem>);
    #[cfg(feature = "http-body")]
    each!(cloned: sse_wire::body::BodyChunks<()>);
    #[cfg(any(feature = "embedded-io", feature = "embedded-io-async"))]
    each!(small: sse_wire::WriteError<BufferFull>);

    const fn ordered_string<T: Ord + AsRef<str> + Display>() {}
    each!(ordered_string: EventType<'_>, LastEventId<'_>);
}

#[test]
#[cfg(feature = "stream")]
fn a_stream_can_be_sent_and_erased_if_its_chunks_can() {
    use core::future::Ready;
    use futures_util::stream::{self, BoxStream, Empty, FusedStream, Iter};
    use sse_wire::client::{EventSource, Request};
    use sse_wire::reconnect::{Fns, Head, ReconnectError, ReconnectingStream, Update};
    use sse_wire::stream::{ChunkStream, EventStream};

    type Part<T> = Result<T, BufferFull>;
    type Chunks = Iter<core::array::IntoIter<Part<&'static [u8]>, 1>>;
    type Erased = BoxStream<'static, Part<Vec<u8>>>;
    type Connect = fn(Request<'_>) -> Ready<Part<(Head, ())>>;
    type Http = Fns<Connect, fn(()) -> Chunks, fn(Duration) -> Ready<()>>;
    type Connected<T> = Result<Update<T, (), (), BufferFull>, ReconnectError<(), BufferFull>>;
    const fn gives<S: FusedStream<Item = T>, T>() {}
    const fn chunks<S: ChunkStream<Error = BufferFull> + ?Sized>() {}
    const fn sent<T: Send + Unpin>() {}

    each!(anywhere: EventStream<Chunks>, EventStream<Chunks, OwnedItem>);
    gives::<EventStream<Chunks>, Result<OwnedEvent, ReadError<BufferFull>>>();
    gives::<EventStream<Chunks, OwnedItem>, Result<OwnedItem, ReadError<BufferFull>>>();
    each!(anywhere: ReconnectingStream<Http>, ReconnectingStream<Http, OwnedItem>, Http);
    gives::<ReconnectingStream<Http>, Connected<OwnedEvent>>();
    gives::<ReconnectingStream<Http, OwnedItem>, Connected<OwnedItem>>();
    cloned::<Http>();
    // Any chunks that are bytes, also where the type of the stream is erased.
    each!(chunks: Chunks, Empty<Part<String>>, Empty<Part<[u8; 4]>>, Erased);
    chunks::<dyn futures_util::Stream<Item = Part<Vec<u8>>>>();
    sent::<EventStream<Erased>>();

    // A future that waits for an event can be sent to another thread.
    fn can_be_sent<T: Send>(_: &T) {}
    let mut events = EventStream::new(stream::iter([Ok::<_, BufferFull>(&b"data: 1\n\n"[..])]));
    can_be_sent(&events.next_event());
    can_be_sent(&events.next_raw_event());
    can_be_sent(&events.next_item());
    let connect: Connect = |_| core::future::ready(Ok((Head::new(404, [""; 0]), ())));
    let body: fn(()) -> Chunks = |()| stream::iter([Ok(&b""[..])]);
    let sleep: fn(Duration) -> Ready<()> = |_| core::future::ready(());
    let source = EventSource::new(1);
    let mut updates = ReconnectingStream::from_fns(source, connect, body, sleep);
    let mut updates = core::pin::Pin::new(&mut updates);
    can_be_sent(&updates.as_mut().next_event());
    can_be_sent(&updates.as_mut().next_raw_event());
    can_be_sent(&updates.as_mut().next_item());
}

#[test]
#[cfg(feature = "std")]
fn a_reader_that_reconnects_can_be_sent_if_its_transport_can() {
    use core::iter::FusedIterator;
    use sse_wire::client::Request;
    use sse_wire::reconnect::{BlockingFns, Head, ReconnectError, ReconnectingReader, Update};
    use std::io::{self, Empty};

    type Http =
        BlockingFns<fn(Request<'_>) -> io::Result<(Head, ())>, fn(()) -> Empty, fn(Duration)>;
    type Connected<T> = Result<Update<T, (), (), io::Error>, ReconnectError<(), io::Error>>;
    const fn gives<S: FusedIterator<Item = Connected<T>>, T>() {}

    each!(anywhere: ReconnectingReader<Http>, ReconnectingReader<Http, OwnedItem>, Http);
    gives::<ReconnectingReader<Http>, OwnedEvent>();
    gives::<ReconnectingReader<Http, OwnedItem>, OwnedItem>();
    cloned::<Http>();
}

#[test]
fn errors_delegate_to_the_inner_error() {
    let rejected = DecodeError::EventTooLarge { limit: 8 };
    let full = Outgoing::message("x").encode_to_slice(&mut []);
    let full = full.expect_err("there is no room");
    let (rejected_text, full_text) = (rejected.to_string(), full.to_string());

    let error: ReadError<BufferFull> = rejected.into();
    assert_eq!(error.to_string(), rejected_text);
    assert!(error.source().is_none());
    let error: ReadError<BufferFull> = ReadError::Transport(full);
    assert_eq!(error.to_string(), full_text);
    assert_eq!(ReadError::Transport(error).to_string(), full_text);
    assert_eq!(
        error.map_transport(|full| full.needed),
        ReadError::Transport(full.needed)
    );
    #[cfg(feature = "alloc")]
    {
        type Boxed = Box<dyn Error + Send + Sync>;
        let error: ReadError<Boxed> = rejected.into();
        assert_eq!(error.into_boxed().downcast_ref(), Some(&rejected));
        let error: Boxed = ReadError::Transport(full).into_boxed();
        assert_eq!(error.downcast_ref(), Some(&full));
        assert_eq!(
            ReadError::Transport(error).into_boxed().downcast_ref(),
            Some(&full)
        );
    }
    // A transport's error may be anything, even if it is no error.
    assert_eq!(ReadError::Transport("gone").to_string(), "gone");
    let invalid = CString::new([0xFF]).expect("no NUL").into_string();
    let invalid = invalid.expect_err("it is not text");
    let source = invalid.source().expect("it has one").to_string();
    let error = ReadError::Transport(invalid.clone());
    assert_eq!(error.to_string(), invalid.to_string());
    assert_eq!(error.source().map(ToString::to_string), Some(source));
    #[cfg(feature = "std")]
    {
        use std::io;
        let error: io::Error = ReadError::Decode(rejected).into();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        let inner = error.get_ref().expect("it has one");
        assert_eq!(inner.downcast_ref(), Some(&rejected));
        let error: io::Error = ReadError::Transport(io::ErrorKind::BrokenPipe.into()).into();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }
    #[cfg(any(feature = "embedded-io", feature = "embedded-io-async"))]
    {
        use sse_wire::WriteError;
        let error: WriteError<DecodeError> = full.into();
        assert_eq!(error.to_string(), full_text);
        assert!(error.source().is_none());
        let error = WriteError::Transport(rejected);
        assert_eq!(error.to_string(), rejected_text);
        assert!(error.source().is_none());
    }
}

#[test]
fn types_are_small() {
    assert!(size_of::<FieldParser>() <= 8);
    assert!(size_of::<Token<'_>>() <= 3 * size_of::<usize>());
    assert!(size_of::<DecodeError>() <= 2 * size_of::<usize>());
    assert_eq!(size_of::<EventType<'_>>(), size_of::<&str>());
    assert_eq!(size_of::<LastEventId<'_>>(), size_of::<&str>());
    // Three values of the current block, of which each may be in an input, take nine words.
    let without_memory = size_of::<EventDecoder<[u8; 0]>>();
    assert!(without_memory <= 216, "{without_memory}");
    assert!(size_of::<EventDecoder<[u8; 1024]>>() <= without_memory + 1024);
    #[cfg(feature = "alloc")]
    {
        // One text, two places in it, one shared ID, and whether it is the event's own.
        assert!(size_of::<OwnedEvent>() <= size_of::<[usize; 8]>());
        assert!(size_of::<OwnedItem>() <= size_of::<OwnedEvent>() + size_of::<usize>());
        // Its memory, and the text of an event of which some was replaced.
        assert!(size_of::<EventDecoder>() <= without_memory + 2 * size_of::<Vec<u8>>());
    }
}

#[test]
fn defaults_are_what_new_makes() {
    assert_eq!(Limits::default(), Limits::new());
    assert_eq!(Outgoing::default(), Outgoing::new());
    assert_eq!(Outgoing::default().encoded_len(), 0);
    let [default, new] = [FieldParser::default(), FieldParser::new()]
        .map(|mut parser| parser.next(&mut &b"\xEF\xBB\xBFdata: x\n"[..]));
    assert_eq!(default, new);
    assert_eq!(Policy::default(), Policy::new());
    assert_eq!(Backoff::default(), Backoff::new());
    #[cfg(feature = "std")]
    assert!(matches!(
        EventSource::default().next(Duration::ZERO),
        Step::Connect(request) if request.attempt() == 0 && request.last_event_id().is_empty()
    ));
    #[cfg(feature = "bytes")]
    assert_eq!(
        format!("{:?}", ReplayLog::<()>::default()),
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
fn limits_are_set_one_by_one_or_by_the_memory() {
    const LIMITS: Limits = Limits::new().with_event(7).with_last_event_id(3);
    assert_eq!((LIMITS.event, LIMITS.last_event_id), (7, 3));
    assert_eq!(Limits::new().with_event(7).last_event_id, 64 * 1024);
    assert_eq!(Limits::new().with_last_event_id(3).event, 16 * 1024 * 1024);
    let mut memory = [0; 10];
    let limits = EventDecoder::with_buffer(memory).limits();
    assert_eq!((limits.event, limits.last_event_id), (8, 2));
    assert_eq!(EventDecoder::with_buffer(&mut memory).limits(), limits);
    assert_eq!(EventDecoder::with_buffer(&mut memory[..]).limits(), limits);
    #[cfg(feature = "alloc")]
    assert_eq!(
        EventDecoder::with_buffer(Vec::new()).limits(),
        Limits::new()
    );
}

/// Generic over the memory, as an adapter is. The first event is split across chunks.
fn count_events<B: Buffer>(decoder: &mut EventDecoder<B>) -> usize {
    let mut events = 0;
    for mut chunk in [&b"event: a\ndata: 1"[..], b"2\n\ndata: 3\n\ndata: 4"] {
        while let Some(event) = decoder.decode(&mut chunk).expect("it fits") {
            events += usize::from(matches!(event.data(), "12" | "3"));
        }
    }
    events
}

#[test]
fn a_decoder_lives_in_any_memory_anywhere() {
    let mut memory = [0; 64];
    assert_eq!(count_events(&mut EventDecoder::with_buffer(memory)), 2);
    assert_eq!(count_events(&mut EventDecoder::with_buffer(&mut memory)), 2);
    assert_eq!(
        count_events(&mut EventDecoder::with_buffer(&mut memory[..])),
        2
    );
    #[cfg(feature = "alloc")]
    assert_eq!(count_events(&mut EventDecoder::new()), 2);
    #[cfg(feature = "alloc")]
    assert_eq!(count_events(&mut EventDecoder::with_buffer(Vec::new())), 2);

    let leaked: &'static mut [u8] = Box::leak(Box::new([0; 64]));
    let mut decoder = EventDecoder::with_buffer(leaked);
    let moved = std::thread::spawn(move || count_events(&mut decoder));
    assert_eq!(moved.join().expect("it does not panic"), 2);
}

/// An event borrows from the decoder and from the input, whichever has its parts.
fn two_lifetimes<'d, 'i: 'd>(
    decoder: &'d mut EventDecoder<[u8; 64]>,
    input: &mut &'i [u8],
) -> Option<Event<'d>> {
    decoder.decode(input).expect("it fits")
}

#[test]
fn an_event_leaves_the_cursor_free_and_its_parts_outlive_it() {
    let mut decoder = EventDecoder::with_buffer([0; 64]);
    let stream = b"id: 7\nevent: e\ndata: x\n\ndata: 2\n\n".to_vec();
    let mut input = &stream[..];
    let parts = {
        let event = two_lifetimes(&mut decoder, &mut input).expect("the first one");
        // The cursor is moved while the event is borrowed.
        assert_eq!(input, b"data: 2\n\n");
        input = &input[1..];
        (
            event.event_type(),
            event.data(),
            event.last_event_id(),
            event.id(),
        )
    };
    assert_eq!(parts, ("e", "x", "7", Some("7")));
    assert_eq!(input.len(), 8);

    // A token borrows from the input alone.
    let mut parser = FieldParser::new();
    let token = {
        let mut input = &stream[..];
        parser.next(&mut input)
    };
    let (name, end) = (FieldName::Id, true);
    assert_eq!(parser.next(&mut &b"\n"[..]), Some(Token::BlankLine));
    let value = &b"7"[..];
    assert_eq!(token, Some(Token::Field { name, value, end }));
}

fn found_in_debug(value: &dyn Debug, wanted: &str) -> usize {
    format!("{value:?} {value:#?}").matches(wanted).count()
}

#[test]
fn a_decoder_shows_its_state_without_what_is_in_it() {
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
    let mut decoder = EventDecoder::with_buffer([0; 64]);
    let stream = b"id: 7\nretry: 1500\n\ndata: x";
    assert_eq!(decoder.decode(&mut &stream[..]), Ok(None));
    assert_eq!(
        decoder.reconnection_time(),
        Some(Duration::from_millis(1500))
    );
    for shown in ["1.5s", "48", "Data", "\"7\""] {
        assert!(
            found_in_debug(&decoder, shown) >= 2,
            "{shown} in {decoder:?}"
        );
    }
}

/// Control: the search finds what is there.
#[test]
fn an_event_shows_what_is_in_it() {
    let mut decoder = EventDecoder::with_buffer([0; 64]);
    let stream = b"data: SECRET\n\n";
    let event = decoder.decode(&mut &stream[..]).expect("it fits");
    assert_eq!(found_in_debug(&event, "SECRET"), 2);
    let event = decoder.decode_raw(&mut &stream[..]).expect("it fits");
    assert_eq!(found_in_debug(&event, "SECRET"), 2);
    #[cfg(feature = "alloc")]
    {
        let event = decoder.decode_owned(&mut &stream[..]).expect("it fits");
        assert_eq!(found_in_debug(&event, "SECRET"), 2);
    }
}

#[test]
fn every_public_enum_is_open_or_closed_as_the_design_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut in_source = BTreeMap::new();
    let mut directories = vec![root.join("src")];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                directories.push(path);
                continue;
            }
            let source = fs::read_to_string(path).expect("a source file");
            for (at, found) in source.match_indices("\npub enum ") {
                let (before, after) = (&source[..at], &source[at + found.len()..]);
                let name = after.split([' ', '<']).next().unwrap_or_default();
                let attributes = before.rsplit("\n\n").next().unwrap_or_default();
                let is_open = attributes.contains("#[non_exhaustive]");
                in_source.insert(name.to_owned(), if is_open { "open" } else { "closed" });
            }
        }
    }
    let design = fs::read_to_string(root.join("DESIGN.md")).expect("the design");
    let (_, table) = design.split_once("### Public enums").expect("the table");
    let mut in_design = BTreeMap::new();
    for row in table.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<_> = row.split(" | ").collect();
        for name in cells[0].split('`').skip(1).step_by(2) {
            in_design.insert(name.to_owned(), cells[1]);
        }
    }
    assert_eq!(in_source, in_design);
}
