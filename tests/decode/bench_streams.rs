//! The streams that the benches measure on are the same on every machine, and have as many events
//! and bytes of data as they state.

use crate::common::oracle::{Config, Seen, interpret};
use chunking::CHUNKINGS;
use shapes::{STREAMS, Stream};
use sse_wire::EventDecoder;

#[path = "../../benches/shapes/chunking.rs"]
mod chunking;
#[path = "../../benches/shapes/mod.rs"]
mod shapes;

fn streams() -> impl Iterator<Item = Stream> {
    let streams = STREAMS.into_iter();
    streams.map(|(shape, lengths)| Stream::generate(shape, lengths, shape.usual_size()))
}

/// FNV-1a, 64 bits.
fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[test]
fn streams_are_the_same_everywhere() {
    let expected: [(&str, u64); STREAMS.len()] = [
        ("llm-chunks", 0xb59b_fd1b_84df_e461),
        ("llm-chunks-constant", 0xee0f_2da3_6958_16e0),
        ("typed-events", 0x7b3a_56a3_5aa3_aaa0),
        ("typed-events-constant", 0xca16_fc92_153f_b0f3),
        ("tiny", 0x34e1_4a9b_a64f_9967),
        ("tiny-constant", 0x7a41_6eef_7797_78de),
        ("notifications", 0xcbad_d516_f824_3306),
        ("notifications-constant", 0x007d_1d14_3ff5_fda2),
        ("eight-lines", 0x2ab2_db91_1b3d_a95e),
        ("base64", 0x44c0_ffaa_adf4_f4b1),
        ("crlf", 0x70b6_f3c5_98bf_ddb9),
        ("non-ascii", 0xcb21_0e80_91ca_f5c0),
        ("large-4k-ascii", 0x1956_4864_6d4c_13f4),
        ("large-4k-cjk", 0x68a1_ded7_a541_82dd),
        ("large-12k-ascii", 0x1ec2_7a34_4c46_61a3),
        ("large-12k-cjk", 0xe527_5a44_e06f_0d47),
    ];
    for (stream, (name, expected)) in streams().zip(expected) {
        assert_eq!(stream.name, name);
        let checksum = checksum(&stream.bytes);
        assert!(
            checksum == expected,
            "{name}: {checksum:#018x}; figures taken on other bytes cannot be compared"
        );
    }
}

#[test]
fn the_oracle_and_the_decoder_count_what_is_stated_at_every_chunking() {
    for stream in streams() {
        let stated = (stream.events(), stream.data_bytes);
        let outcome = interpret(&stream.bytes, &Config::default());
        assert!(outcome.unfinished.is_none(), "{}", stream.name);
        let counted = outcome
            .seen
            .iter()
            .fold((0, 0), |counted, seen| match seen {
                Seen::Event(event) => (counted.0 + 1, counted.1 + event.data.len()),
                _ => counted,
            });
        assert_eq!(counted, stated, "{}", stream.name);
        for chunking in CHUNKINGS {
            let name = format!("{} {}", stream.name, chunking.name());
            let chunks = chunking.cut(&stream);
            assert!(chunks.concat() == stream.bytes, "{name}");
            assert!(chunks.iter().all(|chunk| !chunk.is_empty()), "{name}");
            let mut decoder = EventDecoder::new();
            let mut counted = (0, 0);
            for mut chunk in chunks {
                while let Some(event) = decoder.decode(&mut chunk).expect("below the limits") {
                    counted = (counted.0 + 1, counted.1 + event.data().len());
                }
            }
            assert_eq!(counted, stated, "{name}");
            assert!(decoder.finish().is_none(), "{name}");
        }
    }
}
