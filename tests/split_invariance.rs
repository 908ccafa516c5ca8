//! What a stream gives depends on its bytes alone: any two ways to cut it give the same items and errors, the same end and
//! the same state. Nothing here asks what they ought to be.

mod common;

use common::cuts;
use common::documents::{documents, documents_cut_twice};
use proptest::prelude::*;
#[cfg(feature = "alloc")]
use sse_wire::Limits;
use sse_wire::{Buffer, CutLine, DecodeError, EventDecoder, Item, LastEventId};

/// What a decoder says of a stream, with the parts of a comment joined.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Said {
    Event {
        event_type: Vec<u8>,
        data: Vec<u8>,
        last_event_id: String,
        id: Option<String>,
    },
    Comment(Vec<u8>),
    Retry(u128),
    Refused(DecodeError),
    Unfinished {
        is_inside_line: bool,
        recovered: Result<Option<(String, String)>, DecodeError>,
    },
    State {
        last_event_id: String,
        reconnection_time: Option<u128>,
    },
}

/// Which calls read the stream.
#[derive(Debug, Clone, Copy)]
enum Calls {
    Items,
    Raw,
    #[cfg(feature = "alloc")]
    Owned,
}

fn read<B: Buffer>(decoder: &mut EventDecoder<B>, chunks: &[&[u8]], calls: Calls) -> Vec<Said> {
    let mut said = Vec::new();
    let mut comment: Option<Vec<u8>> = None;
    for &chunk in chunks {
        let mut input = chunk;
        loop {
            let found = match calls {
                Calls::Items => decoder.decode_item(&mut input),
                Calls::Raw => match decoder.decode_raw(&mut input) {
                    Ok(Some(event)) => {
                        said.push(Said::Event {
                            event_type: event.event_type().to_vec(),
                            data: event.data().to_vec(),
                            last_event_id: event.last_event_id().to_owned(),
                            id: event.id().map(str::to_owned),
                        });
                        continue;
                    }
                    Ok(None) => Ok(None),
                    Err(error) => Err(error),
                },
                #[cfg(feature = "alloc")]
                Calls::Owned => match decoder.decode_owned(&mut input) {
                    Ok(Some(event)) => {
                        said.push(Said::Event {
                            event_type: event.event_type().as_bytes().to_vec(),
                            data: event.data().as_bytes().to_vec(),
                            last_event_id: event.last_event_id().to_owned(),
                            id: event.id().map(str::to_owned),
                        });
                        continue;
                    }
                    Ok(None) => Ok(None),
                    Err(error) => Err(error),
                },
            };
            match found {
                Ok(Some(Item::Event(event))) => said.push(Said::Event {
                    event_type: event.event_type().as_bytes().to_vec(),
                    data: event.data().as_bytes().to_vec(),
                    last_event_id: event.last_event_id().to_owned(),
                    id: event.id().map(str::to_owned),
                }),
                Ok(Some(Item::Comment { text, end })) => {
                    comment.get_or_insert_default().extend_from_slice(text);
                    if end {
                        said.extend(comment.take().map(Said::Comment));
                    }
                }
                Ok(Some(Item::Retry(time))) => said.push(Said::Retry(time.as_millis())),
                Ok(None) => break,
                Err(error) => said.push(Said::Refused(error)),
            }
        }
    }
    said.extend(comment.map(Said::Comment));
    said
}

fn state<B: Buffer>(decoder: &EventDecoder<B>) -> Said {
    Said::State {
        last_event_id: decoder.last_event_id().to_owned(),
        reconnection_time: decoder.reconnection_time().map(|time| time.as_millis()),
    }
}

fn end<B: Buffer>(decoder: &mut EventDecoder<B>, cut_line: CutLine) -> Vec<Said> {
    let mut said = vec![state(decoder)];
    if let Some(incomplete) = decoder.finish() {
        let is_inside_line = incomplete.is_inside_line();
        let recovered = incomplete.recover(cut_line).map(|event| {
            event.map(|event| (event.event_type().to_owned(), event.data().to_owned()))
        });
        said.push(Said::Unfinished {
            is_inside_line,
            recovered,
        });
    }
    said.push(state(decoder));
    said
}

fn read_to_the_end(memory: usize, chunks: &[&[u8]], calls: Calls, cut_line: CutLine) -> Vec<Said> {
    let mut memory = vec![0; memory];
    let mut decoder = EventDecoder::with_buffer(&mut memory[..]);
    let mut said = read(&mut decoder, chunks, calls);
    said.extend(end(&mut decoder, cut_line));
    said
}

fn memories() -> impl Strategy<Value = usize> {
    prop_oneof![Just(1 << 16), 0_usize..100]
}

fn calls() -> impl Strategy<Value = Calls> {
    const CALLS: &[Calls] = &[
        Calls::Items,
        Calls::Raw,
        #[cfg(feature = "alloc")]
        Calls::Owned,
    ];
    proptest::sample::select(CALLS)
}

fn cut_lines() -> impl Strategy<Value = CutLine> {
    prop_oneof![Just(CutLine::Keep), Just(CutLine::Discard)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn two_cuttings_say_the_same(
        (document, first, second) in documents_cut_twice(),
        memory in memories(),
        calls in calls(),
        cut_line in cut_lines(),
    ) {
        let first = read_to_the_end(memory, &cuts::at(&document, &first), calls, cut_line);
        let second = read_to_the_end(memory, &cuts::at(&document, &second), calls, cut_line);
        prop_assert_eq!(&first, &second);
        let bytes = read_to_the_end(memory, &cuts::bytes(&document), calls, cut_line);
        prop_assert_eq!(&first, &bytes);
    }

    /// Whether an event is refused is not a matter of the memory, as long as the limits are the same.
    #[cfg(feature = "alloc")]
    #[test]
    fn growing_memory_says_the_same_as_lent_memory(
        (document, first, second) in documents_cut_twice(),
        memory in memories(),
        calls in calls(),
        cut_line in cut_lines(),
    ) {
        let fixed = read_to_the_end(memory, &cuts::at(&document, &first), calls, cut_line);
        let limits = Limits::new()
            .with_event(memory - memory / 4)
            .with_last_event_id(memory / 4);
        let mut decoder = EventDecoder::with_limits(limits);
        let mut growing = read(&mut decoder, &cuts::at(&document, &second), calls);
        growing.extend(end(&mut decoder, cut_line));
        prop_assert_eq!(fixed, growing);
    }

    /// A stream that was broken off anywhere leaves nothing behind but the last event ID and the reconnection time.
    #[test]
    fn restarted_is_as_new(
        (before, cut, _) in documents_cut_twice(),
        document in documents(),
        memory in memories(),
        ended in prop_oneof![Just(None), cut_lines().prop_map(Some)],
    ) {
        let mut buffer = vec![0; memory];
        let mut decoder = EventDecoder::with_buffer(&mut buffer[..]);
        read(&mut decoder, &cuts::at(&before, &cut), Calls::Items);
        match ended {
            None => decoder.restart(),
            Some(cut_line) => drop(end(&mut decoder, cut_line)),
        }
        let kept = decoder.last_event_id().to_owned();
        let mut restarted = read(&mut decoder, &[&document], Calls::Items);
        restarted.push(Said::Comment(decoder.last_event_id().as_bytes().to_vec()));

        let mut buffer = vec![0; memory];
        let mut decoder = EventDecoder::with_buffer(&mut buffer[..]);
        decoder
            .set_last_event_id(LastEventId::new(&kept).expect("it was an ID"))
            .expect("it had room");
        let mut new = read(&mut decoder, &[&document], Calls::Items);
        new.push(Said::Comment(decoder.last_event_id().as_bytes().to_vec()));
        prop_assert_eq!(restarted, new);
    }

    /// A decoder in the middle of a stream is a value: its copy goes on as it does.
    #[test]
    fn a_copy_goes_on_alike((before, cut, _) in documents_cut_twice(), after in documents()) {
        let mut decoder = EventDecoder::with_buffer([0; 128]);
        read(&mut decoder, &cuts::at(&before, &cut), Calls::Items);
        let mut copy = decoder.clone();
        prop_assert_eq!(
            read(&mut decoder, &[&after], Calls::Items),
            read(&mut copy, &cuts::bytes(&after), Calls::Items)
        );
        prop_assert_eq!(end(&mut decoder, CutLine::Keep), end(&mut copy, CutLine::Keep));
    }
}

/// A whole ID is examined in words, a split one in fragments: each kind of byte counts at each place.
#[test]
fn a_short_id_is_the_same_whole_and_split() {
    // Control characters, characters of each length, and invalid UTF-8.
    let parts: [&[u8]; 13] = [
        b"\0",
        b"\x01",
        b"\x7F",
        b":",
        "\u{80}".as_bytes(),
        "流".as_bytes(),
        "🦀".as_bytes(),
        b"\x80",
        b"\xC3",
        b"\xE2\x82",
        b"\xF0\x9F\xA6",
        b"\xFF",
        b"\xC0\x80",
    ];
    let letters = b"abcdefghijklmnopqrs";
    for length in [1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17, 19] {
        for part in parts.into_iter().filter(|part| part.len() <= length) {
            for place in 0..=length - part.len() {
                for nul in (0..length).map(Some).chain([None]) {
                    let mut id = letters[..length].to_vec();
                    if let Some(nul) = nul {
                        id[nul] = 0;
                    }
                    id[place..place + part.len()].copy_from_slice(part);
                    let stream = [b"id: 0\n\nid: ", &id[..], b"\ndata: x\n\n"].concat();
                    let [whole, split] = [vec![&stream[..]], cuts::bytes(&stream)]
                        .map(|chunks| read_to_the_end(256, &chunks, Calls::Raw, CutLine::Keep));
                    assert_eq!(whole, split, "{}", id.escape_ascii());
                }
            }
        }
    }
}
