//! Every way to encode finds a line end at every place, in data of every length up to beyond those
//! at which the search for it changes, and takes nothing else for one.

use crate::block::{Block, is_valid_id};
use crate::ways::assert_every_way;

/// Longer data is searched line by line; up to it, in blocks of 4, 16, 64 or 128 bytes.
const LONGEST: usize = 512;

/// Differ from LF and CR by one, or in the highest bit only, or are above and below both.
const LOOK_ALIKES: [char; 9] = [
    'x', '\0', '\t', '\u{B}', '\u{C}', '\u{E}', '\u{8A}', '\u{8D}', '\u{FF}',
];

#[test]
fn line_ends_are_found_at_every_place() {
    let lengths = (0..=150).chain([191, 192, 193, 255, 256, 257, 320, 383, 384, 385]);
    for length in lengths.chain(LONGEST - 1..=LONGEST + 1) {
        for at in 0..length {
            for end in ["\n", "\r", "\r\n", "\n\n", "\n\r", "\r\r\n"] {
                if let Some(after) = length.checked_sub(at + end.len()) {
                    let data = format!("{}{end}{}", "x".repeat(at), "x".repeat(after));
                    assert_every_way(&Block::message(&data));
                }
            }
        }
    }
}

#[test]
fn nothing_else_is_a_line_end_in_data_of_any_length() {
    for length in 0..=LONGEST + 8 {
        for character in LOOK_ALIKES {
            let mut block = Block::message(&character.to_string().repeat(length));
            assert_every_way(&block);
            // Other fields may precede it.
            block.id = Some(character.to_string()).filter(|id| is_valid_id(id));
            block.event_type.clone_from(&block.id);
            block.comment = Some("a\rb\r\n".to_owned());
            assert_every_way(&block);
        }
    }
}
