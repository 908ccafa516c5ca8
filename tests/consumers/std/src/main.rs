//! Copies an event stream from a reader to a writer, as a program with std does.

use std::error::Error;
use std::io::{self, Read as _, Write as _};

use sse_wire::{EventDecoder, EventType, LastEventId, Outgoing};

fn main() -> Result<(), Box<dyn Error>> {
    let mut sent = Vec::new();
    Outgoing::event(EventType::new("tick")?, "one\ntwo")
        .id(LastEventId::new("1")?)
        .write_to(&mut sent)?;
    Outgoing::new().encode_with(&mut sent, |data| data.write_all(b"three\r\nfour"))?;
    assert_eq!(
        Outgoing::message("five").to_string().as_bytes(),
        b"data: five\n\n"
    );

    let (mut received, mut count) = (Vec::new(), 0);
    let mut decoder = EventDecoder::new();
    let mut reader = io::Cursor::new(&sent);
    let mut buffer = [0; 16];
    loop {
        let length = reader.read(&mut buffer)?;
        if length == 0 {
            break;
        }
        let mut chunk = &buffer[..length];
        while let Some(event) = decoder.decode(&mut chunk)? {
            count += 1;
            Outgoing::from(event).write_to(&mut received)?;
        }
    }
    assert!(decoder.finish().is_none());
    assert_eq!(decoder.last_event_id(), "1");
    assert_eq!(count, 2);
    assert_eq!(received, sent);

    let invalid = LastEventId::new("1\n2").map_err(Box::<dyn Error + Send + Sync>::from);
    assert!(invalid.is_err_and(|error| error.to_string().contains("offset 1")));
    Ok(())
}
