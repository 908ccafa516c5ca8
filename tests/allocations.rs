//! Nothing is allocated: not per event once the buffer has grown, not at all for events that lie whole in a chunk, nor with a
//! caller-provided buffer, nor beyond the caller's `Vec` when encoding. An owned event is one allocation.

pub mod promise;

#[path = "../benches/shapes/chunking.rs"]
mod chunking;
#[path = "../benches/shapes/mod.rs"]
mod shapes;

use core::fmt::{self, Write as _};
use core::time::Duration;
use promise::allocator::{Count, Counting, count};
use sse_wire::{
    Buffer, Event, EventDecoder, EventType, FieldParser, Item, LastEventId, Outgoing, Token,
};
#[cfg(feature = "alloc")]
use sse_wire::{CutLine, Limits, OwnedItem};

use chunking::{CHUNKINGS, Chunking};
use shapes::{Lengths, STREAMS, Shape, Stream};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[derive(Debug, Clone, Copy)]
enum Call {
    Decode,
    DecodeRaw,
    DecodeItem,
}

const CALLS: [Call; 3] = [Call::Decode, Call::DecodeRaw, Call::DecodeItem];

/// The streams, long enough that everything that varies in them has varied.
fn streams() -> impl Iterator<Item = Stream> {
    STREAMS
        .iter()
        .filter(|(_, lengths)| *lengths == Lengths::Varied)
        .map(|(shape, lengths)| Stream::generate(*shape, *lengths, shape.usual_size() / 2))
}

/// The number of events and the bytes of their data.
fn decode<B: Buffer>(
    decoder: &mut EventDecoder<B>,
    call: Call,
    chunks: &[&[u8]],
) -> (usize, usize) {
    let mut found = (0, 0);
    let mut add = |data: &[u8]| found = (found.0 + 1, found.1 + data.len());
    for &(mut chunk) in chunks {
        match call {
            Call::Decode => {
                while let Some(event) = decoder.decode(&mut chunk).expect("it fits") {
                    add(event.data().as_bytes());
                }
            }
            Call::DecodeRaw => {
                while let Some(event) = decoder.decode_raw(&mut chunk).expect("it fits") {
                    add(event.data());
                }
            }
            Call::DecodeItem => {
                while let Some(item) = decoder.decode_item(&mut chunk).expect("it fits") {
                    if let Item::Event(event) = item {
                        add(event.data().as_bytes());
                    }
                }
            }
        }
    }
    found
}

fn every_way(mut each: impl FnMut(&Stream, Chunking, Call)) {
    for stream in streams() {
        for chunking in CHUNKINGS {
            for call in CALLS {
                each(&stream, chunking, call);
            }
        }
    }
}

#[track_caller]
fn assert_nothing(counted: Count, stream: &Stream, chunking: Chunking, call: Call) {
    let way = format!("{} {} {call:?}", stream.name, chunking.name());
    assert_eq!(counted, Count::NOTHING, "{way}");
}

#[test]
#[cfg(feature = "alloc")]
fn a_warm_decoder_allocates_nothing_per_event() {
    every_way(|stream, chunking, call| {
        let chunks = chunking.cut(stream);
        let stated = (stream.events(), stream.data_bytes);
        let mut decoder = EventDecoder::new();
        assert_eq!(decode(&mut decoder, call, &chunks), stated);
        let (counted, found) = count(|| decode(&mut decoder, call, &chunks));
        assert_eq!(found, stated);
        assert_nothing(counted, stream, chunking, call);
    });
}

#[test]
#[cfg(feature = "alloc")]
fn memory_does_not_come_and_go_where_few_events_are_cut() {
    let data = "x".repeat(6000);
    let stream = format!(": c\nevent: tick\nretry: 1\nid: 7\ndata: {data}\n: c\n\n").repeat(200);
    // Of about forty events in a chunk one is cut; the others are lent from it, and take next to nothing.
    let chunks: Vec<&[u8]> = stream.as_bytes().chunks(256 << 10).collect();
    for call in [Call::Decode, Call::DecodeRaw] {
        let mut decoder = EventDecoder::new();
        let stated = (200, 200 * data.len());
        assert_eq!(decode(&mut decoder, call, &chunks), stated);
        let counted = count(|| decode(&mut decoder, call, &chunks));
        assert_eq!(counted, (Count::NOTHING, stated), "{call:?}");
    }
}

#[test]
fn a_caller_provided_buffer_allocates_nothing_at_all() {
    let mut memory = vec![0; 4 << 20];
    every_way(|stream, chunking, call| {
        let chunks = chunking.cut(stream);
        let (counted, found) = count(|| {
            let mut decoder = EventDecoder::with_buffer(&mut memory[..]);
            decode(&mut decoder, call, &chunks)
        });
        assert_eq!(found, (stream.events(), stream.data_bytes));
        assert_nothing(counted, stream, chunking, call);
    });
}

#[test]
#[cfg(feature = "alloc")]
fn events_that_lie_whole_in_a_chunk_allocate_nothing_even_at_first() {
    let mut borrowed = 0;
    every_way(|stream, chunking, call| {
        let in_one_line = !stream.name.starts_with("eight-lines");
        let without_id = !stream.name.starts_with("notifications");
        let whole = matches!(chunking, Chunking::Whole | Chunking::OneEvent);
        if !(in_one_line && without_id && whole) {
            return;
        }
        borrowed += 1;
        let chunks = chunking.cut(stream);
        let (counted, found) = count(|| decode(&mut EventDecoder::new(), call, &chunks));
        assert_eq!(found, (stream.events(), stream.data_bytes));
        assert_nothing(counted, stream, chunking, call);
    });
    assert_eq!(borrowed, 6 * 2 * CALLS.len());
}

#[test]
#[cfg(feature = "alloc")]
fn a_new_decoder_allocates_nothing() {
    let (counted, decoders) = count(|| {
        let seeded = {
            let mut decoder = EventDecoder::new();
            decoder
                .set_last_event_id(LastEventId::from_static(""))
                .expect("it is empty");
            decoder
        };
        [
            EventDecoder::new(),
            EventDecoder::with_limits(Limits::new()),
            seeded,
        ]
    });
    assert_eq!(counted, Count::NOTHING);
    assert_eq!(
        decoders.map(|decoder| decoder.last_event_id().len()),
        [0; 3]
    );
}

#[test]
#[cfg(feature = "alloc")]
fn the_ends_of_streams_allocate_nothing() {
    let mut decoder = EventDecoder::new();
    let mut connection = |cut_line, data: Option<&str>| {
        for byte in b": c\nid: 1\nevent: \xFF\nretry: 7\ndata: a\ndata: b".chunks(1) {
            assert_eq!(decoder.decode(&mut &*byte), Ok(None));
        }
        let incomplete = decoder.finish().expect("it broke off");
        let event = incomplete.recover(cut_line).expect("it fits");
        assert_eq!(event.map(|event| event.data()), data);
        for byte in b"data: a\n".chunks(1) {
            assert_eq!(decoder.decode_raw(&mut &*byte), Ok(None));
        }
        decoder.restart();
        assert!(decoder.finish().is_none());
    };
    connection(CutLine::Keep, Some("a\nb"));
    let (counted, ()) = count(|| {
        connection(CutLine::Keep, Some("a\nb"));
        connection(CutLine::Discard, Some("a"));
    });
    assert_eq!(counted, Count::NOTHING);
}

#[test]
#[cfg(feature = "alloc")]
fn refused_events_allocate_nothing() {
    let mut decoder = EventDecoder::with_limits(Limits::new().with_event(8));
    let stream =
        b"event: e\ndata: 0123456789\nid: 1\ndata: x\n\ndata: \xFF\xFF\xFF\n\ndata: fits\n\n";
    let mut read = || {
        let (mut events, mut refused) = (0, 0);
        for mut chunk in stream.chunks(5) {
            loop {
                match decoder.decode(&mut chunk) {
                    Ok(Some(event)) => events += usize::from(event.data() == "fits"),
                    Ok(None) => break,
                    Err(_) => refused += 1,
                }
            }
        }
        (events, refused)
    };
    read();
    assert_eq!(count(read), (Count::NOTHING, (1, 2)));
}

/// The number of owned events and the bytes of their data, and the number of comments that are not empty.
#[cfg(feature = "alloc")]
fn decode_owned(
    decoder: &mut EventDecoder,
    as_items: bool,
    chunks: &[&[u8]],
) -> ((usize, usize), usize) {
    let (mut found, mut comments) = ((0, 0), 0);
    for &(mut chunk) in chunks {
        loop {
            let event = if as_items {
                match decoder.decode_owned_item(&mut chunk).expect("it fits") {
                    Some(OwnedItem::Event(event)) => event,
                    Some(OwnedItem::Comment { text, .. }) => {
                        comments += usize::from(!text.is_empty());
                        continue;
                    }
                    Some(OwnedItem::Retry(_)) => continue,
                    None => break,
                }
            } else {
                match decoder.decode_owned(&mut chunk).expect("it fits") {
                    Some(event) => event,
                    None => break,
                }
            };
            found.0 += 1;
            found.1 += event.data().len();
        }
    }
    (found, comments)
}

#[test]
#[cfg(feature = "alloc")]
fn an_owned_event_is_one_allocation() {
    for as_items in [false, true] {
        for stream in streams() {
            for chunking in CHUNKINGS {
                let chunks = chunking.cut(&stream);
                let stated = (stream.events(), stream.data_bytes);
                let mut decoder = EventDecoder::new();
                assert_eq!(decode_owned(&mut decoder, as_items, &chunks).0, stated);
                let (counted, (found, comments)) =
                    count(|| decode_owned(&mut decoder, as_items, &chunks));
                assert_eq!(found, stated);
                let way = format!("{} {} {as_items}", stream.name, chunking.name());
                let allocated = (counted.allocations, counted.kept);
                assert_eq!(allocated, (stream.events() + comments, 0), "{way}");
            }
        }
    }
}

/// How often memory was allocated for each event of a stream, in pieces of some size; the decoder is warm.
#[cfg(feature = "alloc")]
fn allocations_of_each(stream: &str, size: usize, as_items: bool) -> Vec<usize> {
    let mut decoder = EventDecoder::new();
    let warm = ["event: e\nid: 7\ndata: ", &"x".repeat(1000), "\n\nid\n\n"];
    for chunk in warm.concat().as_bytes().chunks(1) {
        decode(&mut decoder, Call::Decode, &[chunk]);
    }
    let mut allocations = Vec::new();
    // What is allocated on the way to an event counts for it.
    let mut before = 0;
    for mut chunk in stream.as_bytes().chunks(size) {
        loop {
            let (counted, found) = count(|| {
                if as_items {
                    decoder.decode_owned_item(&mut chunk)
                } else {
                    let event = decoder.decode_owned(&mut chunk);
                    event.map(|event| event.map(OwnedItem::Event))
                }
            });
            before += counted.allocations;
            match found.expect("it fits") {
                Some(_) => allocations.push(core::mem::take(&mut before)),
                None => break,
            }
        }
    }
    assert_eq!(before, 0, "nothing is allocated but for events");
    allocations
}

#[test]
#[cfg(feature = "alloc")]
fn an_inherited_id_is_one_more_allocation_for_the_first_event_that_inherits_it() {
    let no_id = "data: a\n\n";
    let own = "id: 1\nevent: e\ndata: a\n\n";
    let joined = "data: a\nevent: b\ndata: c\n\n";
    let new_id = "id: 2\n\n";
    let reset = "id\n\n";
    let stream = [
        no_id, joined, own, no_id, no_id, joined, own, own, joined, joined, no_id, new_id, reset,
        no_id, new_id, no_id, no_id,
    ]
    .concat();
    let expected = [1, 1, 1, 2, 1, 1, 1, 1, 2, 1, 1, 1, 2, 1];
    for size in [1, 2, 3, 7, 20, usize::MAX] {
        for as_items in [false, true] {
            let allocations = allocations_of_each(&stream, size, as_items);
            assert_eq!(allocations, expected, "{size} bytes at a time, {as_items}");
        }
    }
}

#[test]
#[cfg(feature = "alloc")]
fn an_event_without_text_allocates_nothing_and_an_item_its_comment() {
    for as_items in [false, true] {
        assert_eq!(
            allocations_of_each("data\n\ndata:\n\n", 100, as_items),
            [0, 0]
        );
    }
    // A comment, an empty one, a reconnection time, an event, a fragment of a comment, and an end that is empty.
    let stream = ": c\n:\nretry: 1\ndata: x\n\n:123\n";
    let before_the_end = stream.len() - 1;
    assert_eq!(
        allocations_of_each(stream, before_the_end, true),
        [1, 0, 0, 1, 1, 0]
    );
    assert_eq!(allocations_of_each(stream, before_the_end, false), [1]);
}

/// How many bytes an event may have beside its text: of one that is copied as one span, the name and the line end between type and data.
#[cfg(feature = "alloc")]
const GAP: usize = 16;

/// Asserts that the last of three events retains what is its own, and nothing else.
#[cfg(feature = "alloc")]
#[track_caller]
fn assert_retains_its_own(
    chunks: &[&[u8]],
    event_type: Option<&str>,
    data: &str,
    id: Option<&str>,
) {
    let mut decoder = EventDecoder::new();
    let mut events = Vec::new();
    for &(mut chunk) in chunks {
        while let Some(event) = decoder.decode_owned(&mut chunk).expect("it fits") {
            events.push(event);
        }
    }
    assert_eq!(events.len(), 3);
    let event = events.pop().expect("there are three");
    assert_eq!(event.event_type(), event_type.unwrap_or("message"));
    assert_eq!((event.data(), event.id()), (data, id));
    assert_eq!(event.last_event_id(), id.unwrap_or("0123456789"));
    let shown = format!("{event:?}");
    let own = event_type.map_or(0, str::len) + data.len() + id.map_or(0, str::len);
    let (counted, ()) = count(|| drop(event));
    let freed = counted.kept.unsigned_abs();
    assert!(
        counted.kept <= 0 && freed <= own + GAP,
        "{freed} bytes: {shown}"
    );
}

#[test]
#[cfg(feature = "alloc")]
fn an_owned_event_retains_its_text_and_nothing_else() {
    let types = [
        None,
        Some("e"),
        Some("message"),
        Some("type of the size of a sentence"),
    ];
    let ids = [None, Some(""), Some("1"), Some("0123456789abcdef")];
    let many_lines = "x\n".repeat(300);
    let data = [
        "",
        "x",
        "one\ntwo",
        "a\n\n\nb",
        "invalid \u{FFFD}",
        "流😀",
        &many_lines,
    ];
    let before = "id: 0123456789\ndata: before\n\ndata: inherits\n\n";
    for event_type in types {
        for id in ids {
            for data in data {
                for line_end in ["\n", "\r\n", "\r"] {
                    let mut lines = Vec::new();
                    lines.extend(event_type.map(|event_type| format!("event: {event_type}")));
                    lines.extend(id.map(|id| format!("id: {id}")));
                    lines.extend(data.split('\n').map(|line| format!("data: {line}")));
                    let block = lines.join(line_end) + line_end + line_end;
                    let stream = [before, &block, ":\n"].concat();
                    // A byte that is not UTF-8, and becomes the three of U+FFFD.
                    let stream: Vec<u8> = stream.replace('\u{FFFD}', "\0").into();
                    let invalid = |byte| if byte == 0 { 0xFF } else { byte };
                    let stream: Vec<u8> = stream.into_iter().map(invalid).collect();
                    for size in [1, 16, usize::MAX] {
                        let chunks: Vec<&[u8]> = stream.chunks(size).collect();
                        assert_retains_its_own(&chunks, event_type, data, id);
                    }
                }
            }
        }
    }
}

/// Reads so many events, through the calls that borrow; the end of a stream would give memory back.
#[cfg(feature = "stream")]
async fn read_borrowed<S>(
    events: &mut sse_wire::stream::EventStream<S>,
    call: Call,
    mut left: usize,
) where
    S: sse_wire::stream::ChunkStream<Error = core::convert::Infallible> + Unpin,
{
    while left > 0 {
        let is_event = match call {
            Call::Decode => events.next_event().await.expect("it fits").map(|_| true),
            Call::DecodeRaw => events
                .next_raw_event()
                .await
                .expect("it fits")
                .map(|_| true),
            Call::DecodeItem => {
                let item = events.next_item().await.expect("it fits");
                item.map(|item| matches!(item, Item::Event(_)))
            }
        };
        left -= usize::from(is_event.expect("the stream goes on"));
    }
}

/// Polls a future to its end; it yields now and then, and never waits.
#[cfg(any(feature = "stream", feature = "tokio"))]
fn complete<F: Future>(future: F) -> F::Output {
    let mut future = core::pin::pin!(future);
    let mut context = core::task::Context::from_waker(core::task::Waker::noop());
    loop {
        if let core::task::Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
}

#[test]
#[cfg(feature = "stream")]
fn a_stream_borrows_without_an_allocation_and_owns_with_one() {
    use core::convert::Infallible;
    use futures_util::{StreamExt, stream};
    use sse_wire::stream::EventStream;

    every_way(|stream, chunking, call| {
        let chunks = chunking.cut(stream);
        let chunks = || stream::iter(chunks.iter().map(Ok::<_, Infallible>));
        let warm = || {
            let mut decoder = EventDecoder::new();
            decode(&mut decoder, call, &chunking.cut(stream));
            decoder
        };
        let mut events = EventStream::new(chunks()).with_decoder(warm());
        let (counted, ()) = count(|| complete(read_borrowed(&mut events, call, stream.events())));
        assert_nothing(counted, stream, chunking, call);

        let mut events = EventStream::new(chunks()).with_decoder(warm());
        let (counted, found) = count(|| {
            let owned = events
                .by_ref()
                .take(stream.events())
                .map(|event| event.map(drop));
            complete(
                owned
                    .filter(|event| core::future::ready(event.is_ok()))
                    .count(),
            )
        });
        assert_eq!(found, stream.events());
        assert_eq!((counted.allocations, counted.kept), (stream.events(), 0));
    });
}

#[test]
#[cfg(feature = "tokio")]
fn an_asynchronous_reader_allocates_its_chunk_and_nothing_else() {
    use sse_wire::tokio::EventReader;

    for stream in streams() {
        let mut warm = EventDecoder::new();
        decode(&mut warm, Call::Decode, &[&stream.bytes]);
        for chunk in stream.bytes.chunks(16 << 10) {
            decode(&mut warm, Call::Decode, &[chunk]);
        }
        let mut reader = EventReader::new(&stream.bytes[..]).with_decoder(warm);
        let (counted, ()) = count(|| {
            let read = async {
                for _ in 0..stream.events() {
                    assert!(reader.next_event().await.expect("it fits").is_some());
                }
            };
            complete(read)
        });
        assert_eq!(
            (counted.allocations, counted.kept),
            (1, 16 << 10),
            "{}",
            stream.name
        );
    }
}

#[test]
fn the_parser_allocates_nothing() {
    for stream in streams() {
        for chunking in CHUNKINGS {
            let chunks = chunking.cut(&stream);
            let (counted, blocks) = count(|| {
                let mut parser = FieldParser::new();
                let mut blocks = 0;
                for &(mut chunk) in &chunks {
                    while let Some(token) = parser.next(&mut chunk) {
                        blocks += usize::from(token == Token::BlankLine);
                    }
                }
                blocks
            });
            assert_eq!((counted, blocks), (Count::NOTHING, stream.events()));
        }
    }
}

/// Every field, several lines, every line end.
const OUTGOING: Outgoing<'_> =
    Outgoing::event(EventType::from_static("tick"), "one\rtwo\r\nthree\n")
        .id(LastEventId::from_static("42"))
        .retry(Duration::from_millis(1500))
        .comment("first\nsecond");

const ENCODED: &str = ": first\n: second\nevent: tick\nid: 42\nretry: 1500\n\
    data: one\ndata: two\ndata: three\ndata: \n\n";

#[test]
fn encoding_into_memory_of_the_caller_allocates_nothing() {
    let mut memory = [0; 128];
    let (counted, lengths) = count(|| {
        let length = OUTGOING.encode_to_slice(&mut memory).expect("it fits");
        (length, OUTGOING.encoded_len())
    });
    assert_eq!(
        (counted, lengths),
        (Count::NOTHING, (ENCODED.len(), ENCODED.len()))
    );
    assert_eq!(&memory[..ENCODED.len()], ENCODED.as_bytes());
    let refused = count(|| OUTGOING.encode_to_slice(&mut memory[..8]).is_err());
    assert_eq!(refused, (Count::NOTHING, true));

    let mut text = FixedText {
        memory: [0; 128],
        length: 0,
    };
    let written = count(|| write!(text, "{OUTGOING}"));
    assert_eq!(written, (Count::NOTHING, Ok(())));
    assert_eq!(&text.memory[..text.length], ENCODED.as_bytes());

    #[cfg(feature = "std")]
    {
        let mut memory = [0; 128];
        let (counted, left) = count(|| {
            let mut rest = &mut memory[..];
            OUTGOING.write_to(&mut rest).expect("it fits");
            rest.len()
        });
        assert_eq!((counted, left), (Count::NOTHING, 128 - ENCODED.len()));
        assert_eq!(&memory[..ENCODED.len()], ENCODED.as_bytes());
    }
}

#[test]
#[cfg(feature = "alloc")]
fn encoding_into_a_vec_allocates_for_nothing_else() {
    let mut out = Vec::with_capacity(OUTGOING.encoded_len());
    let (counted, ()) = count(|| OUTGOING.encode(&mut out));
    assert_eq!((counted, &out[..]), (Count::NOTHING, ENCODED.as_bytes()));

    out.clear();
    let (counted, written) = count(|| {
        Outgoing::event(EventType::from_static("tick"), "").encode_with(&mut out, |data| {
            for number in 0..4 {
                writeln!(data, "{number}\r")?;
            }
            Ok::<(), fmt::Error>(())
        })
    });
    assert_eq!((counted, written), (Count::NOTHING, Ok(())));
    assert!(out.starts_with(b"event: tick\ndata: 0\ndata: 1\n"));
}

#[test]
#[cfg(feature = "alloc")]
fn forwarding_allocates_nothing_once_warm() {
    every_way(|stream, chunking, _| {
        let chunks = chunking.cut(stream);
        let mut decoder = EventDecoder::new();
        let mut out = Vec::new();
        let mut forward = || {
            let mut forwarded = 0;
            for &(mut chunk) in &chunks {
                while let Some(event) = decoder.decode(&mut chunk).expect("it fits") {
                    out.clear();
                    Outgoing::from(event).encode(&mut out);
                    forwarded += 1;
                }
            }
            forwarded
        };
        forward();
        assert_eq!(count(forward), (Count::NOTHING, stream.events()));
    });
}

#[test]
fn control_a_copied_event_is_counted() {
    let stream = Stream::generate(Shape::Notifications, Lengths::Varied, 10_000);
    let mut decoder = EventDecoder::with_buffer([0; 4096]);
    let mut read = |keep: fn(Event<'_>)| {
        let mut input = &stream.bytes[..];
        while let Some(event) = decoder.decode(&mut input).expect("it fits") {
            keep(event);
        }
    };
    assert_eq!(count(|| read(|_| {})).0, Count::NOTHING);
    let (counted, ()) = count(|| read(|event| drop(event.data().to_owned())));
    assert_eq!((counted.allocations, counted.kept), (stream.events(), 0));
    #[cfg(feature = "alloc")]
    {
        let (counted, ()) = count(|| read(|event| drop(event.into_owned())));
        // Event type, data and last event ID are one text.
        assert_eq!((counted.allocations, counted.kept), (stream.events(), 0));
    }
}

#[test]
#[cfg(feature = "alloc")]
fn control_a_decoder_that_is_not_warm_is_counted() {
    let (counted, found) = count(|| {
        let mut decoder = EventDecoder::new();
        decode(&mut decoder, Call::Decode, &[b"data: cu", b"t\n\n"])
    });
    assert_eq!((counted.allocations, found), (1, (1, 3)));

    let mut out = Vec::new();
    let (counted, ()) = count(|| OUTGOING.encode(&mut out));
    assert!(counted.allocations >= 1 && counted.kept >= ENCODED.len() as isize);
}

/// Text in memory that does not grow.
struct FixedText {
    memory: [u8; 128],
    length: usize,
}

impl fmt::Write for FixedText {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let place = self
            .memory
            .get_mut(self.length..self.length + text.len())
            .ok_or(fmt::Error)?;
        place.copy_from_slice(text.as_bytes());
        self.length += text.len();
        Ok(())
    }
}
