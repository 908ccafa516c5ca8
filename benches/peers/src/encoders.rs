//! The contenders that encode: the type, the id and the data of each event, as text.
//!
//! Comments and reconnection times are left out, since not all of them can write these.

use alloc::borrow::Cow;
use alloc::sync::Arc;
use core::convert::Infallible;
use core::hint::black_box;
use core::pin::{Pin, pin};
use core::task::{Context, Poll, Waker};

use axum::body::HttpBody;
use axum::response::IntoResponse;
use bytes::BytesMut;
use bytestring::ByteString;
use futures_core::Stream;
use sse_wire::{EventDecoder, EventType, Frame, LastEventId, Outgoing};
use tokio_util::codec::Encoder;

use crate::Group;

/// What a server has in its hands before it sends an event, in every form that one of them asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    event_type: Option<&'static str>,
    id: Option<String>,
    data: String,
    shared_type: Option<ByteString>,
    shared_id: Option<ByteString>,
    shared_data: ByteString,
    /// What one who knows the length of each part writes.
    encoded: Vec<u8>,
}

impl Message {
    fn new(event_type: Option<&'static str>, id: Option<&str>, data: &str) -> Self {
        let mut encoded = Vec::new();
        write_by_hand(&mut encoded, event_type, id, data);
        Self {
            event_type,
            id: id.map(str::to_owned),
            data: data.to_owned(),
            shared_type: event_type.map(ByteString::from_static),
            shared_id: id.map(ByteString::from),
            shared_data: ByteString::from(data),
            encoded,
        }
    }

    fn outgoing(&self) -> Outgoing<'_> {
        let mut outgoing = match self.event_type {
            Some(event_type) => {
                Outgoing::event(EventType::new(event_type).expect("was decoded"), &self.data)
            }
            None => Outgoing::message(&self.data),
        };
        if let Some(id) = &self.id {
            outgoing = outgoing.id(LastEventId::new(id).expect("was decoded"));
        }
        outgoing
    }
}

/// Reads a stream back into what was sent.
pub(crate) fn messages(mut stream: &[u8]) -> Vec<Message> {
    let mut types: Vec<&'static str> = Vec::new();
    let mut messages = Vec::new();
    let mut decoder = EventDecoder::new();
    while let Some(event) = decoder.decode(&mut stream).expect("below the limits") {
        let event_type = match event.event_type() {
            "message" => None,
            // There are few, and a server has them as literals.
            name => Some(match types.iter().find(|known| **known == name) {
                Some(known) => *known,
                None => {
                    let known: &'static str = Box::leak(name.into());
                    types.push(known);
                    known
                }
            }),
        };
        messages.push(Message::new(event_type, event.id(), event.data()));
    }
    messages
}

/// Where the messages are before they are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// In the processor's caches: a server encodes what it has just made.
    Cached,
    /// In memory only: it was made long ago, or for many.
    NotCached,
}

impl Source {
    pub(crate) const ALL: [Self; 2] = [Self::Cached, Self::NotCached];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Cached => "cached",
            Self::NotCached => "not-cached",
        }
    }

    pub(crate) fn caches(self) -> Caches {
        Caches(match self {
            Self::Cached => Vec::new(),
            // Of something else than zeros, whose pages could all be one. Several times as much as today's caches hold.
            Self::NotCached => vec![1; 128 << 20],
        })
    }
}

/// Memory that takes the place of all else in the caches, if there is any.
pub(crate) struct Caches(Vec<u8>);

impl Caches {
    pub(crate) fn prepare(&mut self) {
        const LINE: usize = 64;
        let Self(memory) = self;
        for byte in memory.iter_mut().step_by(LINE) {
            *byte = byte.wrapping_add(1);
        }
        black_box(memory);
    }
}

/// One way to encode all of the messages, one after the other, as a server sends them.
pub(crate) trait Encode {
    /// What does not count: making what the crate wants to own.
    fn prepare(&mut self) {}

    /// Encodes each message, and shows what came of it.
    fn encode(&mut self, show: &mut dyn FnMut(&[u8]));
}

pub(crate) struct Contender {
    pub(crate) name: &'static str,
    pub(crate) group: Group,
    pub(crate) package: &'static str,
    pub(crate) make: fn(&Arc<[Message]>) -> Box<dyn Encode>,
}

pub(crate) const ENCODE: &str = "sse-wire Outgoing::encode";
pub(crate) const BY_HAND: &str = "extend_from_slice by hand";

macro_rules! contender {
    ($group:ident, $name:expr, $package:literal, $encode:ident) => {
        Contender {
            name: $name,
            group: Group::$group,
            package: $package,
            make: |messages| Box::new($encode::new(messages)),
        }
    };
}

pub(crate) fn contenders() -> Vec<Contender> {
    vec![
        contender!(Ours, ENCODE, "sse-wire", IntoVec),
        contender!(Ours, "sse-wire Frame::from", "sse-wire", IntoFrame),
        contender!(Peer, "axum", "axum", Axum),
        contender!(Peer, "russe", "russe", Russe),
        contender!(Peer, "sse-stream", "sse-stream", SseStream),
        contender!(
            Peer,
            "sse-stream, strings ready",
            "sse-stream",
            SseStreamOwned
        ),
        contender!(Peer, "sse-codec", "sse-codec", SseCodec),
        contender!(Peer, "sse-codec, strings ready", "sse-codec", SseCodecOwned),
        contender!(Peer, "tokio_sse_codec", "tokio_sse_codec", TokioSseCodec),
        contender!(Baseline, BY_HAND, "", ByHand),
        contender!(Baseline, "memcpy", "", Memcpy),
    ]
}

/// Whether what an encoder writes is read as the messages that it was given.
pub(crate) fn check(messages: &[Message], encode: &mut dyn Encode) -> Result<(), String> {
    let mut written = Vec::new();
    encode.prepare();
    encode.encode(&mut |bytes| written.extend_from_slice(bytes));
    let read = self::messages(&written);
    if read.len() != messages.len() {
        return Err(format!("writes {} of {}", read.len(), messages.len()));
    }
    // An id that was not written again has not changed.
    let same = |(read, sent): (&Message, &Message)| {
        read.event_type == sent.event_type && read.id == sent.id && read.data == sent.data
    };
    match core::iter::zip(&read, messages).all(same) {
        true => Ok(()),
        false => Err("writes other events".to_owned()),
    }
}

/// Enough of a use that nothing of what was encoded is left out.
pub(crate) fn consume(bytes: &[u8]) {
    black_box((bytes.as_ptr(), bytes.len(), bytes.last().copied()));
}

struct IntoVec {
    messages: Arc<[Message]>,
    out: Vec<u8>,
}

impl IntoVec {
    fn new(messages: &Arc<[Message]>) -> Self {
        Self {
            messages: Arc::clone(messages),
            out: Vec::new(),
        }
    }
}

impl Encode for IntoVec {
    fn encode(&mut self, show: &mut dyn FnMut(&[u8])) {
        for message in &*self.messages {
            self.out.clear();
            message.outgoing().encode(&mut self.out);
            show(&self.out);
        }
    }
}

struct IntoFrame(Arc<[Message]>);

impl IntoFrame {
    fn new(messages: &Arc<[Message]>) -> Self {
        Self(Arc::clone(messages))
    }
}

impl Encode for IntoFrame {
    fn encode(&mut self, show: &mut dyn FnMut(&[u8])) {
        for message in &*self.0 {
            show(Frame::from(message.outgoing()).as_bytes());
        }
    }
}

/// What encodes its events is the body of its response.
struct Axum(Arc<[Message]>);

impl Axum {
    fn new(messages: &Arc<[Message]>) -> Self {
        Self(Arc::clone(messages))
    }
}

/// The events as a handler makes them.
struct AxumEvents {
    messages: Arc<[Message]>,
    next: usize,
}

impl Stream for AxumEvents {
    type Item = Result<axum::response::sse::Event, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = self.next;
        self.next += 1;
        Poll::Ready(self.messages.get(next).map(|message| {
            let mut event = axum::response::sse::Event::default();
            if let Some(event_type) = message.event_type {
                event = event.event(event_type);
            }
            if let Some(id) = &message.id {
                event = event.id(id);
            }
            Ok(event.data(&message.data))
        }))
    }
}

impl Encode for Axum {
    fn encode(&mut self, show: &mut dyn FnMut(&[u8])) {
        let events = AxumEvents {
            messages: Arc::clone(&self.0),
            next: 0,
        };
        let response = axum::response::Sse::new(events).into_response();
        let mut body = pin!(response.into_body());
        let mut context = Context::from_waker(Waker::noop());
        while let Poll::Ready(Some(frame)) = body.as_mut().poll_frame(&mut context) {
            let data = frame.expect("encodes").into_data();
            show(&data.expect("there are no trailers"));
        }
    }
}

/// Its messages are of `ByteString`, which are ready here: cloning them is cheap.
struct Russe {
    messages: Arc<[Message]>,
    out: BytesMut,
}

impl Russe {
    fn new(messages: &Arc<[Message]>) -> Self {
        Self {
            messages: Arc::clone(messages),
            out: BytesMut::new(),
        }
    }
}

impl Encode for Russe {
    fn encode(&mut self, show: &mut dyn FnMut(&[u8])) {
        for message in &*self.messages {
            self.out.clear();
            let event = russe::Event::Message(russe::Message {
                data: message.shared_data.clone(),
                event: message.shared_type.clone(),
                retry: None,
                id: message.shared_id.clone(),
            });
            let encoded = russe::Encoder::default().encode(event, &mut self.out);
            encoded.expect("encodes");
            show(&self.out);
        }
    }
}

fn sse(message: &Message) -> sse_stream::Sse {
    sse_stream::Sse {
        event: message.event_type.map(str::to_owned),
        data: Some(message.data.clone()),
        id: message.id.clone(),
        retry: None,
    }
}

struct SseStream(Arc<[Message]>);

impl SseStream {
    fn new(messages: &Arc<[Message]>) -> Self {
        Self(Arc::clone(messages))
    }
}

impl Encode for SseStream {
    fn encode(&mut self, show: &mut dyn FnMut(&[u8])) {
        for message in &*self.0 {
            show(&sse(message).encode().expect("encodes"));
        }
    }
}

/// The same for one who has the strings to give away: making them does not count, dropping them does.
struct SseStreamOwned {
    messages: Arc<[Message]>,
    ready: Vec<sse_stream::Sse>,
}

impl SseStreamOwned {
    fn new(messages: &Arc<[Message]>) -> Self {
        Self {
            messages: Arc::clone(messages),
            ready: Vec::new(),
        }
    }
}

impl Encode for SseStreamOwned {
    fn prepare(&mut self) {
        self.ready.extend(self.messages.iter().map(sse));
    }

    fn encode(&mut self, show: &mut dyn FnMut(&[u8])) {
        for event in self.ready.drain(..) {
            show(&event.encode().expect("encodes"));
        }
    }
}

fn codec_event(message: &Message) -> sse_codec::Event {
    sse_codec::Event::Message {
        id: message.id.clone(),
        event: message.event_type.unwrap_or("message").to_owned(),
        data: message.data.clone(),
    }
}

struct SseCodec {
    messages: Arc<[Message]>,
    codec: sse_codec::SSECodec,
    out: BytesMut,
}

impl SseCodec {
    fn new(messages: &Arc<[Message]>) -> Self {
        Self {
            messages: Arc::clone(messages),
            codec: sse_codec::SSECodec::default(),
            out: BytesMut::new(),
        }
    }
}

impl Encode for SseCodec {
    fn encode(&mut self, show: &mut dyn FnMut(&[u8])) {
        for message in &*self.messages {
            self.out.clear();
            let event = codec_event(message);
            let encoded = futures_codec::Encoder::encode(&mut self.codec, event, &mut self.out);
            encoded.expect("encodes");
            show(&self.out);
        }
    }
}

struct SseCodecOwned {
    messages: Arc<[Message]>,
    ready: Vec<sse_codec::Event>,
    codec: sse_codec::SSECodec,
    out: BytesMut,
}

impl SseCodecOwned {
    fn new(messages: &Arc<[Message]>) -> Self {
        Self {
            messages: Arc::clone(messages),
            ready: Vec::new(),
            codec: sse_codec::SSECodec::default(),
            out: BytesMut::new(),
        }
    }
}

impl Encode for SseCodecOwned {
    fn prepare(&mut self) {
        self.ready.extend(self.messages.iter().map(codec_event));
    }

    fn encode(&mut self, show: &mut dyn FnMut(&[u8])) {
        for event in self.ready.drain(..) {
            self.out.clear();
            let encoded = futures_codec::Encoder::encode(&mut self.codec, event, &mut self.out);
            encoded.expect("encodes");
            show(&self.out);
        }
    }
}

/// It writes `event: message` as well, and the last id until there is another.
struct TokioSseCodec {
    messages: Arc<[Message]>,
    codec: tokio_sse_codec::SseEncoder,
    out: BytesMut,
}

impl TokioSseCodec {
    fn new(messages: &Arc<[Message]>) -> Self {
        Self {
            messages: Arc::clone(messages),
            codec: tokio_sse_codec::SseEncoder::new(),
            out: BytesMut::new(),
        }
    }
}

impl Encode for TokioSseCodec {
    fn encode(&mut self, show: &mut dyn FnMut(&[u8])) {
        for message in &*self.messages {
            self.out.clear();
            let frame = tokio_sse_codec::Frame::Event(tokio_sse_codec::Event {
                id: message.id.clone().map(Cow::Owned),
                name: Cow::Borrowed(message.event_type.unwrap_or("message")),
                data: message.data.as_bytes(),
            });
            self.codec.encode(frame, &mut self.out).expect("encodes");
            show(&self.out);
        }
    }
}

struct ByHand {
    messages: Arc<[Message]>,
    out: Vec<u8>,
}

impl ByHand {
    fn new(messages: &Arc<[Message]>) -> Self {
        Self {
            messages: Arc::clone(messages),
            out: Vec::new(),
        }
    }
}

impl Encode for ByHand {
    fn encode(&mut self, show: &mut dyn FnMut(&[u8])) {
        for message in &*self.messages {
            self.out.clear();
            let id = message.id.as_deref();
            write_by_hand(&mut self.out, message.event_type, id, &message.data);
            show(&self.out);
        }
    }
}

/// What a careful server writes that depends on no crate but memchr.
fn write_by_hand(out: &mut Vec<u8>, event_type: Option<&str>, id: Option<&str>, data: &str) {
    if let Some(event_type) = event_type {
        assert!(memchr::memchr2(b'\n', b'\r', event_type.as_bytes()).is_none());
        out.extend_from_slice(b"event: ");
        out.extend_from_slice(event_type.as_bytes());
        out.push(b'\n');
    }
    if let Some(id) = id {
        assert!(memchr::memchr3(b'\n', b'\r', b'\0', id.as_bytes()).is_none());
        out.extend_from_slice(b"id: ");
        out.extend_from_slice(id.as_bytes());
        out.push(b'\n');
    }
    let mut rest = data.as_bytes();
    loop {
        out.extend_from_slice(b"data: ");
        let Some(end) = memchr::memchr2(b'\n', b'\r', rest) else {
            break;
        };
        out.extend_from_slice(&rest[..end]);
        out.push(b'\n');
        let length = if rest[end..].starts_with(b"\r\n") {
            2
        } else {
            1
        };
        rest = &rest[end + length..];
    }
    out.extend_from_slice(rest);
    out.extend_from_slice(b"\n\n");
}

struct Memcpy {
    messages: Arc<[Message]>,
    out: Vec<u8>,
}

impl Memcpy {
    fn new(messages: &Arc<[Message]>) -> Self {
        Self {
            messages: Arc::clone(messages),
            out: Vec::new(),
        }
    }
}

impl Encode for Memcpy {
    fn encode(&mut self, show: &mut dyn FnMut(&[u8])) {
        for message in &*self.messages {
            self.out.clear();
            self.out.extend_from_slice(&message.encoded);
            show(&self.out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shapes::{Lengths, STREAMS, Stream};

    #[test]
    fn every_contender_writes_the_events_of_every_stream() {
        for (shape, lengths) in STREAMS {
            let stream = Stream::generate(shape, lengths, 64 * 1024);
            let messages: Arc<[Message]> = messages(&stream.bytes).into();
            assert_eq!(messages.len(), stream.events());
            for contender in contenders() {
                let checked = check(&messages, &mut *(contender.make)(&messages));
                assert_eq!(checked, Ok(()), "{} {}", contender.name, stream.name);
            }
        }
    }

    #[test]
    fn a_contender_that_writes_others_is_not_timed() {
        let stream = Stream::generate(STREAMS[0].0, Lengths::Varied, 4096);
        let sent = messages(&stream.bytes);
        let mut other = sent.clone();
        other[1].data.push('x');
        let mut encode = ByHand::new(&other.into());
        assert_eq!(
            check(&sent, &mut encode),
            Err("writes other events".to_owned())
        );
        let mut encode = ByHand::new(&sent[1..].into());
        assert!(check(&sent, &mut encode).is_err_and(|why| why.starts_with("writes ")));
    }

    #[test]
    fn by_hand_no_line_end_gets_out_of_its_field() {
        for data in ["", "a\nb", "a\r\nb\r", "\n\nid: 1\n\n"] {
            let mut written = Vec::new();
            write_by_hand(&mut written, Some("t"), Some("1"), data);
            let read = messages(&written);
            let unix = data.replace("\r\n", "\n").replace('\r', "\n");
            assert_eq!(read, [Message::new(Some("t"), Some("1"), &unix)]);
        }
    }
}
