//! Whatever strings are sent, a client receives that event and no other: a hostile string is
//! rejected, or arrives as it is, and the events around it are unharmed.

use crate::block::{Block, assert_arrive, assert_arrive_at_every_reader};
use crate::ways::assert_every_way;
use core::ptr;

/// Strings that broke out of their field, or were changed in it, in one server library or another.
const SHORT: &[&str] = &[
    "", "\r", "\n", "\r\n", "\n\r", "\r\r", "\n\n", "\r\r\n", "a\r", "a\n", "\ra", "a\n:b", "\0",
    "a\0b", "\u{feff}", ":", ": ", " ", "   a ", " \n \n ", "\t", "data", "event", "id", "id: x",
    "retry: 1", "message", "7",
];

/// The same, longer.
const LONG: &[&str] = &[
    "\r\n\r\n",
    "a\rdata: owned",
    "a\r\rdata: owned\r\r",
    "a\n\ndata: owned\n\n",
    "a\r\n\r\ndata: owned\r\n\r\n",
    "a\r\nevent: owned\r\nid: owned\r\nretry: 1",
    "a\rid: owned",
    "a\nretry: 1\n",
    "\u{feff}\n\u{feff}data: owned\n\n",
    "a\u{2028}data: owned",
    "a\u{2029}\u{2029}data: owned",
    "a\u{85}data: owned\u{85}\u{85}",
    "a\u{b}data: owned\u{c}",
    "\t\u{1}\u{7f}",
    "\\n\\r\\0",
    "é 流 😀",
];

fn hostile() -> impl Iterator<Item = &'static str> {
    SHORT.iter().chain(LONG).copied()
}

/// A string of a block.
type Field = fn(&mut Block) -> &mut Option<String>;

const FIELDS: [Field; 4] = [
    |block| &mut block.event_type,
    |block| &mut block.id,
    |block| &mut block.data,
    |block| &mut block.comment,
];

/// The block without what must be rejected, which every encoder writes in the same way.
fn encodable(block: Block) -> Block {
    let block = block.valid();
    let bytes = assert_every_way(&block);
    // A blank line ends the block, and there is no other: no reader need be trusted to see that.
    assert!(
        !bytes.contains(&b'\r') && !bytes.starts_with(b"\n"),
        "{block:?}"
    );
    let blank_line = bytes.windows(2).position(|pair| pair == b"\n\n");
    let end = blank_line.map_or(0, |at| at + 2);
    assert_eq!(end, bytes.len(), "{block:?}");
    block
}

#[test]
fn every_hostile_string_in_every_set_of_fields() {
    for text in hostile() {
        for set in 0..1_u32 << FIELDS.len() {
            let mut block = Block::default();
            for (index, field) in FIELDS.iter().enumerate() {
                if set & (1 << index) != 0 {
                    *field(&mut block) = Some(text.to_owned());
                }
            }
            assert_arrive_at_every_reader(&[encodable(block)]);
        }
    }
}

#[test]
fn every_two_hostile_strings_in_every_two_fields() {
    for (index, first) in FIELDS.iter().enumerate() {
        for second in &FIELDS[index..] {
            for one in hostile() {
                for other in hostile() {
                    let mut block = Block::message("data");
                    *first(&mut block) = Some(one.to_owned());
                    // In the same field, one after the other.
                    let before = if ptr::eq(first, second) { one } else { "" };
                    *second(&mut block) = Some(before.to_owned() + other);
                    assert_arrive(&[encodable(block)]);
                }
            }
        }
    }
}

#[test]
fn every_two_hostile_blocks_after_each_other() {
    for one in hostile() {
        for other in hostile() {
            let data = Block::message(one);
            let comment = Block {
                comment: Some(other.to_owned()),
                ..Block::default()
            };
            let blocks = [&data, &comment, &comment, &data, &data];
            assert_arrive(&blocks.map(Block::clone));
        }
    }
}
