//! A decoder, and the connections through which events are sent to it.

extern crate alloc;

use alloc::rc::Rc;
use core::cell::RefCell;
use core::convert::Infallible;
use core::fmt::Write as _;
use core::mem;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use core::time::Duration;

use futures_util::Stream;
#[cfg(feature = "bytes")]
use sse_wire::Frame;
use sse_wire::stream::EventStream;
use sse_wire::{
    Buffer, DecodeError, Event, EventDecoder, EventType, Item, LastEventId, Limits, Outgoing,
    OwnedItem, ReadError,
};

use crate::random::Random;

/// What was sent and checked in all.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    pub(crate) connections: u64,
    pub(crate) cut: u64,
    pub(crate) events: u64,
    pub(crate) rejected: u64,
    pub(crate) bytes: u64,
}

/// Makes a decoder, and sends it the events of some connections.
pub(crate) fn run(seed: u64, totals: &mut Totals) -> Result<(), String> {
    let mut random = Random::new(seed);
    let event = 256 << random.below(9);
    let limits = Limits::new()
        .with_event(event)
        .with_last_event_id(event / 4);
    match random.below(3) {
        0 => connections(
            &mut EventDecoder::with_limits(limits),
            limits,
            &mut random,
            totals,
        ),
        1 => {
            let mut memory = vec![0; event];
            let mut decoder = EventDecoder::with_buffer(&mut memory[..]);
            let limits = decoder.limits();
            connections(&mut decoder, limits, &mut random, totals)
        }
        _ => {
            let mut streamed = Streamed::new(EventDecoder::with_limits(limits));
            connections(&mut streamed, limits, &mut random, totals)
        }
    }
}

fn connections(
    reader: &mut impl Reader,
    limits: Limits,
    random: &mut Random,
    totals: &mut Totals,
) -> Result<(), String> {
    let mut last_event_id = String::new();
    for _ in 0..=random.below(20) {
        let sent = Sent::new(limits, random);
        // Lost anywhere, or ended where an event ends.
        let end = match random.once_in(3) {
            true => random.below(sent.stream.len() + 1),
            false => sent.stream.len(),
        };
        let mut received = Received {
            sent: &sent,
            next: 0,
            rejected: None,
            last_event_id: &mut last_event_id,
            totals,
            mismatch: None,
        };
        let stream = &sent.stream[..end];
        let longest = *random.choose(&[1, 7, 64, 1400, 16 << 10, usize::MAX]);
        let mut rest = stream;
        while !rest.is_empty() {
            let length = longest.min(rest.len());
            let (chunk, behind) = rest.split_at(1 + random.below(length));
            reader.read(chunk, random, &mut |told| received.take(told));
            rest = behind;
        }
        received.end(end)?;
        if reader.last_event_id() != last_event_id {
            return Err(format!(
                "the last event ID is {:?}, not {last_event_id:?}",
                reader.last_event_id()
            ));
        }
        if end == sent.stream.len() && reader.reconnection_time() != sent.reconnection_time {
            // Another connection may have set it before.
            if sent.reconnection_time.is_some() {
                return Err(format!(
                    "the reconnection time is {:?}, not {:?}",
                    reader.reconnection_time(),
                    sent.reconnection_time
                ));
            }
        }
        totals.connections += 1;
        totals.cut += u64::from(end < sent.stream.len());
        totals.bytes += end as u64;
        reader.restart();
    }
    Ok(())
}

/// An event by its type, its data and the last event ID, and whether these are text; or why it was rejected.
type Told<'e> = Result<(&'e [u8], &'e [u8], &'e str, bool), DecodeError>;

/// What decodes.
trait Reader {
    /// Reads a chunk through a call that is chosen at random.
    fn read(&mut self, chunk: &[u8], random: &mut Random, tell: &mut dyn FnMut(Told<'_>));
    fn restart(&mut self);
    fn last_event_id(&self) -> &str;
    fn reconnection_time(&self) -> Option<Duration>;
}

fn parts<'e>(event: &Event<'e>) -> (&'e [u8], &'e [u8], &'e str, bool) {
    let (event_type, data) = (event.event_type().as_bytes(), event.data().as_bytes());
    (event_type, data, event.last_event_id(), true)
}

impl<B: Buffer> Reader for EventDecoder<B> {
    fn read(&mut self, mut input: &[u8], random: &mut Random, tell: &mut dyn FnMut(Told<'_>)) {
        match random.below(5) {
            0 => {
                while let Some(event) = self.decode(&mut input).transpose() {
                    tell(event.as_ref().map(parts).map_err(|error| *error));
                }
            }
            1 => {
                while let Some(event) = self.decode_owned(&mut input).transpose() {
                    tell(match &event {
                        Ok(event) => Ok(parts(&event.as_event())),
                        Err(error) => Err(*error),
                    });
                }
            }
            2 => {
                while let Some(event) = self.decode_raw(&mut input).transpose() {
                    tell(event.map(|event| {
                        (
                            event.event_type(),
                            event.data(),
                            event.last_event_id(),
                            false,
                        )
                    }));
                }
            }
            3 => {
                while let Some(item) = self.decode_owned_item(&mut input).transpose() {
                    match &item {
                        Ok(OwnedItem::Event(event)) => tell(Ok(parts(&event.as_event()))),
                        Ok(_) => {}
                        Err(error) => tell(Err(*error)),
                    }
                }
            }
            _ => {
                while let Some(item) = self.decode_item(&mut input).transpose() {
                    match item {
                        Ok(Item::Event(event)) => tell(Ok(parts(&event))),
                        Ok(_) => {}
                        Err(error) => tell(Err(error)),
                    }
                }
            }
        }
    }

    fn restart(&mut self) {
        self.restart();
    }

    fn last_event_id(&self) -> &str {
        self.last_event_id()
    }

    fn reconnection_time(&self) -> Option<Duration> {
        self.reconnection_time()
    }
}

/// The next chunk of a connection, once it has arrived.
#[derive(Default, Clone)]
struct Socket(Rc<RefCell<Option<Vec<u8>>>>);

impl Stream for Socket {
    type Item = Result<Vec<u8>, Infallible>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.0.take() {
            Some(chunk) => Poll::Ready(Some(Ok(chunk))),
            None => Poll::Pending,
        }
    }
}

/// A decoder in a stream of events.
struct Streamed {
    socket: Socket,
    events: EventStream<Socket>,
}

impl Streamed {
    fn new(decoder: EventDecoder) -> Self {
        let socket = Socket::default();
        let events = EventStream::new(socket.clone()).with_decoder(decoder);
        Self { socket, events }
    }
}

fn rejection(error: ReadError<Infallible>) -> DecodeError {
    match error {
        ReadError::Decode(error) => error,
        ReadError::Transport(never) => match never {},
    }
}

impl Reader for Streamed {
    fn read(&mut self, chunk: &[u8], random: &mut Random, tell: &mut dyn FnMut(Told<'_>)) {
        self.socket.0.replace(Some(chunk.to_vec()));
        let mut events = Pin::new(&mut self.events);
        let mut context = Context::from_waker(Waker::noop());
        // A call that is pending has been polled for the next chunk; another call may take over at any event.
        loop {
            match random.below(4) {
                0 => match events.as_mut().poll_next_event(&mut context) {
                    Poll::Ready(event) => {
                        let event = event.transpose().expect("the stream goes on");
                        tell(event.as_ref().map(parts).map_err(|error| rejection(*error)));
                    }
                    Poll::Pending => return,
                },
                1 => match events.as_mut().poll_next_raw_event(&mut context) {
                    Poll::Ready(event) => {
                        let event = event.transpose().expect("the stream goes on");
                        tell(event.map_err(rejection).map(|event| {
                            let (event_type, data) = (event.event_type(), event.data());
                            (event_type, data, event.last_event_id(), false)
                        }));
                    }
                    Poll::Pending => return,
                },
                2 => match events.as_mut().poll_next_item(&mut context) {
                    Poll::Ready(item) => match item.transpose().expect("the stream goes on") {
                        Ok(Item::Event(event)) => tell(Ok(parts(&event))),
                        Ok(_) => {}
                        Err(error) => tell(Err(rejection(error))),
                    },
                    Poll::Pending => return,
                },
                _ => match events.as_mut().poll_next(&mut context) {
                    Poll::Ready(event) => match event.expect("the stream goes on") {
                        Ok(event) => tell(Ok(parts(&event.as_event()))),
                        Err(error) => tell(Err(rejection(error))),
                    },
                    Poll::Pending => return,
                },
            }
        }
    }

    fn restart(&mut self) {
        let Self { events, .. } = mem::replace(self, Self::new(EventDecoder::new()));
        *self = Self::new(events.into_decoder());
    }

    fn last_event_id(&self) -> &str {
        self.events.decoder().last_event_id()
    }

    fn reconnection_time(&self) -> Option<Duration> {
        self.events.decoder().reconnection_time()
    }
}

/// What must come out of a block, as far as anything must.
#[derive(Debug)]
struct Expected {
    /// The type and the data as the bytes that come; nothing if no event is dispatched.
    event: Option<(String, Vec<u8>)>,
    /// The ID that the block sets.
    id: Option<String>,
    /// Which limit it exceeds, if any.
    rejected: Option<DecodeError>,
    /// How many bytes of the stream have come when it is dispatched.
    dispatched_at: usize,
    begins_at: usize,
}

/// A stream, and what it means.
#[derive(Debug)]
struct Sent {
    stream: Vec<u8>,
    blocks: Vec<Expected>,
    reconnection_time: Option<Duration>,
}

impl Sent {
    fn new(limits: Limits, random: &mut Random) -> Self {
        let mut sent = Self {
            stream: Vec::new(),
            blocks: Vec::new(),
            reconnection_time: None,
        };
        if random.once_in(4) {
            sent.stream.extend("\u{FEFF}".as_bytes());
        }
        let line_end = *random.choose(&["\n", "\n", "\r", "\r\n"]);
        let mut block = Vec::new();
        for _ in 0..random.below(60) {
            block.clear();
            let begins_at = sent.stream.len();
            let (event, id, rejected) = sent.block(limits, random, &mut block);
            for byte in &block {
                match byte {
                    b'\n' => sent.stream.extend(line_end.as_bytes()),
                    byte => sent.stream.push(*byte),
                }
            }
            // What CR ends has ended, whether LF follows or not.
            let dispatched_at = sent.stream.len() - usize::from(line_end == "\r\n");
            sent.blocks.push(Expected {
                event,
                id,
                rejected,
                dispatched_at,
                begins_at,
            });
        }
        sent
    }

    /// Encodes a block, and says what it gives.
    #[expect(clippy::type_complexity, reason = "it is taken apart at once")]
    fn block(
        &mut self,
        limits: Limits,
        random: &mut Random,
        block: &mut Vec<u8>,
    ) -> (
        Option<(String, Vec<u8>)>,
        Option<String>,
        Option<DecodeError>,
    ) {
        if random.once_in(10) {
            // What is no event, and must not become one.
            let noise = *random.choose(&[
                "\n\n\n",
                ":\n\n",
                ": comment\n: and another\n\n",
                "dat: x\nDATA: x\n\n",
                "event: nothing\n\n",
                "retry: x\nretry: -1\n\n",
                "id: a\0b\n\n",
            ]);
            block.extend(noise.as_bytes());
            return (None, None, None);
        }
        if random.once_in(10) {
            block.extend(b"data: \xF0\x9F\ndata: \xFF\n\n");
            let data = b"\xF0\x9F\n\xFF".to_vec();
            return (Some(("message".to_owned(), data)), None, None);
        }
        // So much that it fits for certain, or so much that it does not.
        let fits = limits.event / 16;
        let event_type = random.once_in(2).then(|| line(random, fits.min(40)));
        let event_type = event_type.filter(|event_type| !event_type.is_empty());
        let mut rejected = None;
        let id = random.once_in(2).then(|| {
            if random.once_in(40) {
                rejected = Some(DecodeError::LastEventIdTooLarge {
                    limit: limits.last_event_id,
                });
                return "7".repeat(limits.last_event_id + 1 + random.below(50));
            }
            line(random, (limits.last_event_id / 4).min(fits))
        });
        let data = if rejected.is_none() && random.once_in(40) {
            rejected = Some(DecodeError::EventTooLarge {
                limit: limits.event,
            });
            "x".repeat(limits.event + 1 + random.below(3000))
        } else {
            let most = *random.choose(&[fits, fits, fits.min(100), 10]);
            text(random, most)
        };

        let mut outgoing = match &event_type {
            Some(event_type) => {
                let event_type = EventType::new(event_type).expect("it has no line end");
                Outgoing::event(event_type, &data)
            }
            None => Outgoing::message(&data),
        };
        if let Some(id) = &id {
            outgoing = outgoing.id(LastEventId::new(id).expect("it has neither line end nor NUL"));
        }
        if random.once_in(10) {
            let time = Duration::from_millis(random.number() >> random.below(64));
            outgoing = outgoing.retry(time);
            self.reconnection_time = Some(time);
        }
        let comment = text(random, 20);
        if random.once_in(10) {
            outgoing = outgoing.comment(&comment);
        }
        encode(&outgoing, random, block);

        let event_type = event_type.unwrap_or_else(|| "message".to_owned());
        let data = data.replace("\r\n", "\n").replace('\r', "\n").into_bytes();
        (Some((event_type, data)), id, rejected)
    }
}

/// Encodes in one of the ways that there are.
fn encode(outgoing: &Outgoing<'_>, random: &mut Random, out: &mut Vec<u8>) {
    match random.below(6) {
        0 => outgoing.encode(out),
        1 => {
            let before = out.len();
            out.resize(before + outgoing.encoded_len(), 0);
            let written = outgoing.encode_to_slice(&mut out[before..]);
            assert_eq!(written, Ok(out.len() - before));
        }
        2 => outgoing.write_to(out).expect("a Vec takes everything"),
        3 => out.extend(outgoing.to_string().as_bytes()),
        #[cfg(feature = "bytes")]
        4 => out.extend(Frame::from(*outgoing).as_bytes()),
        _ => {
            let Ok(()) = outgoing.encode_with(out, |data| {
                data.write_str("").expect("it takes everything");
                Ok::<(), Infallible>(())
            });
        }
    }
}

/// Text without a line end or NUL, of at most so many bytes.
fn line(random: &mut Random, most: usize) -> String {
    let mut text = text(random, most);
    text.retain(|character| !matches!(character, '\r' | '\n' | '\0'));
    text
}

/// Any text of at most so many bytes.
fn text(random: &mut Random, most: usize) -> String {
    const PARTS: &[&str] = &[
        "token",
        " ",
        "{\"delta\":",
        "\"}",
        "é",
        "日本",
        "🦀",
        "\n",
        "\r",
        "\r\n",
        ":",
        "data: ",
        "\u{FEFF}",
        "\0",
        "The quick brown fox jumps over the lazy dog. ",
    ];
    let length = random.below(most + 1);
    // Some of it is one long line, as most of what is sent.
    let parts = if random.once_in(2) {
        PARTS
    } else {
        &PARTS[..7]
    };
    let mut text = String::new();
    loop {
        let part = random.choose(parts);
        if text.len() + part.len() > length {
            return text;
        }
        text.push_str(part);
    }
}

/// What came, as it is held against what was sent.
struct Received<'r> {
    sent: &'r Sent,
    /// The block that has not been seen yet.
    next: usize,
    /// The block that was rejected last, if its ID does not count yet.
    rejected: Option<&'r Expected>,
    last_event_id: &'r mut String,
    totals: &'r mut Totals,
    mismatch: Option<String>,
}

impl<'r> Received<'r> {
    fn take(&mut self, told: Told<'_>) {
        if self.mismatch.is_none() {
            self.mismatch = self.compare(told).err();
        }
    }

    fn compare(&mut self, told: Told<'_>) -> Result<(), String> {
        let expected = self.next_that_is_told().ok_or_else(|| {
            let what = told.map(|(event_type, ..)| event_type.escape_ascii().to_string());
            format!("{what:?} is more than was sent")
        })?;
        let (event_type, data) = expected.event.as_ref().expect("it is an event");
        match (told, expected.rejected) {
            (Err(error), Some(rejected)) if error == rejected => {
                self.totals.rejected += 1;
                Ok(())
            }
            (Ok((told_type, told_data, told_id, as_text)), None) => {
                let same = told_type == event_type.as_bytes()
                    && told_id == *self.last_event_id
                    && match as_text {
                        true => told_data == String::from_utf8_lossy(data).as_bytes(),
                        false => told_data == data,
                    };
                if !same {
                    return Err(format!(
                        "type \"{}\", data \"{}\", last event ID {told_id:?}; sent were {:?}",
                        told_type.escape_ascii(),
                        told_data.escape_ascii(),
                        expected
                    ));
                }
                self.totals.events += 1;
                Ok(())
            }
            (told, rejected) => Err(format!(
                "{:?}, but {rejected:?} was expected",
                told.map(|(event_type, ..)| event_type.escape_ascii().to_string())
            )),
        }
    }

    /// The next block that gives an event or an error. Those before it have ended, so that their IDs count.
    fn next_that_is_told(&mut self) -> Option<&'r Expected> {
        let sent = self.sent;
        loop {
            if let Some(rejected) = self.rejected.take() {
                self.commit(rejected);
            }
            let expected = sent.blocks.get(self.next)?;
            self.next += 1;
            if expected.rejected.is_some() {
                // What is rejected need not have ended.
                self.rejected = Some(expected);
                return Some(expected);
            }
            self.commit(expected);
            if expected.event.is_some() {
                return Some(expected);
            }
        }
    }

    fn commit(&mut self, expected: &Expected) {
        let id_is_rejected = matches!(
            expected.rejected,
            Some(DecodeError::LastEventIdTooLarge { .. })
        );
        if let Some(id) = expected.id.as_ref().filter(|_| !id_is_rejected) {
            self.last_event_id.clone_from(id);
        }
    }

    /// The connection ended here: everything that came whole was told, and nothing else.
    fn end(mut self, at: usize) -> Result<(), String> {
        if let Some(mismatch) = self.mismatch {
            return Err(mismatch);
        }
        let told = self.next;
        let rejected = self.rejected.take();
        if let Some(block) = rejected.filter(|block| block.dispatched_at <= at) {
            self.commit(block);
        }
        for (index, block) in self.sent.blocks.iter().enumerate() {
            let has_come = block.dispatched_at <= at;
            // It may have been rejected before the rest of it came.
            let may_have_come = block.rejected.is_some() && block.begins_at < at;
            if index < told && !has_come && !may_have_come {
                return Err(format!("{block:?} was told before it came"));
            }
            if index >= told && has_come {
                if block.event.is_some() {
                    return Err(format!("{block:?} was not told"));
                }
                self.commit(block);
            }
        }
        Ok(())
    }
}
