//! All encoders write the same bytes, and what is decoded from them is what was sent, up to CR and CRLF, which become LF; so
//! is what is forwarded from that.
#![no_main]

use std::fmt::{Error, Write as _};
use std::io::Write as _;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use sse_wire::{BufferFull, EventDecoder, Outgoing, OwnedEvent};
use sse_wire_fuzz::messages::{Message, Plain};
use sse_wire_fuzz::plan::{Call, Plan};
use sse_wire_fuzz::reading::{Sights, Stream};

/// Not a byte of a stream that a slice might contain by accident.
const UNTOUCHED: u8 = 0xA5;

#[derive(Debug, Arbitrary)]
struct Case {
    /// How the data is cut into writes.
    writes: Plan,
    messages: Plain,
}

/// Writes the message in every way. All give the same bytes.
fn encode(message: &Message, writes: &Plan, stream: &mut Vec<u8>) {
    let outgoing = message.outgoing();
    let start = stream.len();
    outgoing.encode(stream);
    let (before, encoded) = stream.split_at(start);
    let encoded = Stream(encoded);

    assert_eq!(outgoing.encoded_len(), encoded.0.len(), "{encoded:?}");
    assert_eq!(Stream(outgoing.to_string().as_bytes()), encoded, "Display");
    let mut written = Vec::new();
    outgoing.write_to(&mut written).expect("a Vec takes all");
    assert_eq!(Stream(&written), encoded, "write_to");

    let mut slice = vec![UNTOUCHED; encoded.0.len() + 1];
    let length = outgoing.encode_to_slice(&mut slice);
    assert_eq!(length, Ok(encoded.0.len()), "encode_to_slice");
    assert_eq!(
        Stream(&slice[..encoded.0.len()]),
        encoded,
        "encode_to_slice"
    );
    assert_eq!(slice.last(), Some(&UNTOUCHED), "encode_to_slice");
    if let Some(available) = encoded.0.len().checked_sub(1) {
        slice.fill(UNTOUCHED);
        let rejected = outgoing.encode_to_slice(&mut slice[..available]);
        let Err(BufferFull { needed, .. }) = rejected else {
            panic!("{encoded:?} fits in {available} bytes");
        };
        assert_eq!(needed, encoded.0.len());
        assert!(slice.iter().all(|&byte| byte == UNTOUCHED), "{slice:?}");
    }

    let Some(data) = &message.data else { return };
    let pieces = writes.cut(data.as_bytes());
    let (set, pieces) = match pieces.split_first() {
        // What was set and what is written are one text, also where the cut goes through a CRLF.
        Some((first, rest)) if data.is_char_boundary(first.len()) => (&data[..first.len()], rest),
        _ => ("", &pieces[..]),
    };
    let outgoing = message.outgoing_with(Some(set));
    let mut out = before.to_vec();
    let result = outgoing.encode_with(&mut out, |writer| {
        for piece in pieces {
            match std::str::from_utf8(piece) {
                Ok(text) => writer.write_str(text)?,
                Err(_) => writer.write_all(piece).map_err(|_| Error)?,
            }
        }
        Ok::<(), Error>(())
    });
    assert_eq!(result, Ok(()), "encode_with");
    assert_eq!(Stream(&out[before.len()..]), encoded, "encode_with");
    assert_eq!(&out[..before.len()], before, "encode_with");

    out.truncate(before.len());
    let result = outgoing.encode_with(&mut out, |writer| {
        writer.write_str(data)?;
        Err(Error)
    });
    assert_eq!(result, Err(Error), "encode_with that fails");
    assert_eq!(Stream(&out), Stream(before), "encode_with that fails");
}

/// Decodes a stream, and forwards its events to another one.
fn forward(stream: &[u8]) -> Vec<u8> {
    let mut forwarded = Vec::new();
    let mut decoder = EventDecoder::new();
    let mut input = stream;
    while let Some(event) = decoder.decode(&mut input).expect("is below the limits") {
        Outgoing::from(&event).encode(&mut forwarded);
        let mut from_owned = Vec::new();
        let owned: OwnedEvent = event.into();
        Outgoing::from(&owned).encode(&mut from_owned);
        assert!(forwarded.ends_with(&from_owned), "{owned:?}");
    }
    forwarded
}

/// Decodes a stream, whole and in pieces, which must be the same.
fn decode(stream: &[u8], pieces: &Plan) -> (Sights, String) {
    let mut seen = Sights::default();
    let mut decoder = EventDecoder::new();
    seen.feed(&mut decoder, stream, Call::DecodeItem);
    let mut seen_in_pieces = Sights::default();
    let mut decoder_of_pieces = EventDecoder::new();
    for piece in pieces.cut(stream) {
        seen_in_pieces.feed(&mut decoder_of_pieces, piece, Call::DecodeItem);
    }
    assert_eq!(seen, seen_in_pieces, "whole (left), in pieces (right)");
    assert!(decoder.finish().is_none(), "the last block is open");
    (seen, decoder.last_event_id().to_owned())
}

fuzz_target!(|case: Case| {
    let messages: Vec<_> = case.messages.0.into_iter().map(Message::valid).collect();
    let mut stream = Vec::new();
    let mut expected = Sights::default();
    let mut last_event_id = String::new();
    for message in &messages {
        encode(message, &case.writes, &mut stream);
        message.expect(&mut last_event_id, &mut expected.0);
    }
    let bytes = Stream(&stream);
    let (seen, last) = decode(&stream, &case.writes);
    assert_eq!(seen, expected, "decoded (left), sent (right): {bytes:?}");
    assert_eq!(last, last_event_id, "last event ID: {bytes:?}");

    // Only events are forwarded: an id without one arrives with none.
    let mut events = Sights::default();
    let mut forwarded_id = String::new();
    for message in messages.iter().filter(|message| message.data.is_some()) {
        let event_alone = Message {
            retry: None,
            comment: None,
            ..message.clone()
        };
        event_alone.expect(&mut forwarded_id, &mut events.0);
    }
    let forwarded = forward(&stream);
    let (seen, _) = decode(&forwarded, &case.writes);
    let bytes = Stream(&forwarded);
    assert_eq!(seen, events, "forwarded (left), sent (right): {bytes:?}");
});
