//! What is relayed item by item means what the stream meant.

use crate::common::cuts;
use crate::common::documents::document;
use crate::common::oracle::{Config, Seen, interpret};
use crate::common::random::Random;
use sse_wire::{EventDecoder, Frame, Item, OwnedItem, Relay};

/// The frames of a stream.
fn relayed(chunks: &[&[u8]]) -> Vec<Frame> {
    let (mut decoder, mut relay) = (EventDecoder::new(), Relay::new());
    let mut frames = Vec::new();
    for (mut chunk, number) in chunks.iter().copied().zip(0..) {
        while let Some(item) = decoder.decode_item(&mut chunk).expect("no limit is near") {
            let owned = OwnedItem::from(item);
            assert_eq!(owned.as_item(), item);
            // An owned item is relayed as one that borrows.
            frames.extend(relay.frame(if number % 2 == 0 {
                item
            } else {
                owned.as_item()
            }));
        }
    }
    frames
}

/// What a relay sends of a stream: no line that has not ended, and neither of the two that could
/// mean something else.
fn is_relayed(seen: &Seen) -> bool {
    match seen {
        Seen::Ignored { text, end } => *end && !text.starts_with(b"\xEF\xBB\xBF"),
        Seen::Comment { end, .. } => *end,
        Seen::NotDispatched(block) => block.event_type != b"message" || block.id.is_some(),
        _ => true,
    }
}

#[test]
fn frames_mean_what_the_items_of_any_document_meant() {
    for seed in 0..2_000 {
        let mut random = Random::new(seed);
        let document = document(&mut random);
        let mut expected = interpret(&document, &Config::default()).seen;
        expected.retain(is_relayed);
        let cut = cuts::random(&document, &mut random);
        for chunks in [&[&document[..]][..], &cuts::bytes(&document), &cut] {
            let frames = relayed(chunks);
            for frame in &frames {
                assert_eq!(Frame::parse(frame.as_bytes().clone()).as_ref(), Ok(frame));
            }
            let sent: Frame = frames.iter().collect();
            let seen = interpret(sent.as_bytes(), &Config::default()).seen;
            assert_eq!(seen, expected, "{seed}: {}", document.escape_ascii());
        }
    }
}

#[test]
fn a_line_stays_one_line_and_a_long_one_is_bounded() {
    let most = 64 << 10;
    type Chunks = &'static [&'static [u8]];
    let rows: [(Chunks, &[u8]); 7] = [
        (&[b": pi", b"ng\n"], b": ping\n\n"),
        (&[b":", b"\n"], b":\n\n"),
        (&[b"id", b":\n", b"\n"], b"id: \n\n"),
        (&[b"retr", b"y: 5\n"], b"retry: 5\n\n"),
        (&[b"er", b"ror: x", b"\n"], b"error: x\n\n"),
        // At the start of a stream it would be an event.
        (&[b"x\n", b"\xEF\xBB", b"\xBFdata: evil\n\n"], b"x\n\n"),
        (&[b"event:\n\n", b"event: a\n\n"], b"event: a\n\n"),
    ];
    for (chunks, expected) in rows {
        let sent: Frame = relayed(chunks).iter().collect();
        assert_eq!(sent.as_bytes(), expected);
    }
    // An endless comment is several, and of an endless line the first part is sent.
    let long = [&b":"[..], &vec![b'x'; 1000]].concat();
    for (first, lines) in [(b':', 4), (b'x', 1)] {
        let line = [&[first][..], &long[1..].repeat(250), b"\ndata: next\n\n"].concat();
        let chunks: Vec<&[u8]> = line.chunks(1000).collect();
        let frames = relayed(&chunks);
        assert_eq!(frames.len(), lines + 1);
        assert!(
            frames
                .iter()
                .all(|frame| frame.len() < most + 1010 && !frame.is_empty())
        );
        let last = frames.last().map(|frame| &frame.as_bytes()[..]);
        assert_eq!(last, Some(&b"data: next\n\n"[..]));
    }
}

/// A caller can change the text of an item, and a chunk can give other bytes each time.
#[test]
fn no_item_becomes_another_one() {
    let mut relay = Relay::new();
    let fields = [
        &b"data: evil"[..],
        b"id",
        b"event:x",
        b"retry: 1",
        b":c",
        b"",
    ];
    for text in fields {
        let item = Item::Ignored { text, end: true };
        assert_eq!(relay.frame(item), None, "{}", text.escape_ascii());
    }
    // Fragments of two connections.
    let id = Item::Ignored {
        text: b"id: 5",
        end: false,
    };
    assert_eq!(relay.frame(id), None);
    let comment = relay.frame(Item::Comment {
        text: b" x",
        end: true,
    });
    assert_eq!(
        comment.as_ref().map(|frame| &frame.as_bytes()[..]),
        Some(&b": x\n\n"[..])
    );
    for text in [&b" a\ndata: evil\n"[..], b"x\rdata: evil"] {
        let items = [
            OwnedItem::Comment {
                text: text.to_vec(),
                end: true,
            },
            OwnedItem::Ignored {
                text: text.to_vec(),
                end: true,
            },
        ];
        for item in items {
            assert_eq!(relay.frame(item.as_item()), None);
        }
    }
}
