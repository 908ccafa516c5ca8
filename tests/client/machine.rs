//! A client of which a test says what happens, and the laws that hold whatever has happened.

#[cfg(feature = "alloc")]
use crate::calls::SeeOwned as _;
use crate::calls::{Call, see, see_item, see_raw};
use crate::oracle::Seen;
use core::time::Duration;
use sse_wire::client::{Cause, Closed, EventSource, Policy, Step};
use sse_wire::{CutLine, DecodeError, EventDecoder};

/// With a limit of 48 bytes for an event, and of 16 for an ID.
pub(crate) type Source = EventSource<[u8; 64]>;

pub(crate) const SSE: &[&str] = &["text/event-stream"];

pub(crate) const fn ms(time: u64) -> Duration {
    Duration::from_millis(time)
}

pub(crate) fn source(policy: Policy, seed: u64) -> Source {
    EventSource::from_decoder(EventDecoder::with_buffer([0; 64]), seed).with_policy(policy)
}

/// What happens to a client. Times are in milliseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) enum On {
    /// At this time it is asked what to do.
    At(u64),
    Respond(u16, &'static [&'static str]),
    /// At this time it makes a request, whose response opens the stream.
    Open(u64),
    /// At this time the stream ends, and opens again after the default reconnection time.
    Again(u64),
    Bytes(&'static [u8]),
    /// One event of these bytes is read.
    First(&'static [u8]),
    /// The rest of those bytes is read.
    Rest,
    End,
    Fail,
    Reconnect,
    WaitAtLeast(u64),
    RetryIn(u64),
    RetryNow,
    GiveUp,
    Close,
    SetId(&'static str),
    /// What the end cut off is recovered.
    Recover,
}

/// A client, and what is known of it from outside.
#[derive(Clone)]
pub(crate) struct Machine {
    source: Source,
    /// How bytes are read: by which call, and how many at once.
    call: Call,
    chunk: usize,
    rest: &'static [u8],
    now: u64,
    requests: u32,
    is_awaiting: bool,
    /// Whether a connection was lost since it was asked what to do.
    is_lost: bool,
    closed: Option<Closed>,
}

impl Machine {
    pub(crate) const fn new(source: Source, call: Call, chunk: usize) -> Self {
        Self {
            source,
            call,
            chunk,
            rest: b"",
            now: 0,
            requests: 0,
            is_awaiting: false,
            is_lost: false,
            closed: None,
        }
    }

    /// Lets it happen, and returns what the client does: the step, or the events that come.
    pub(crate) fn apply(&mut self, on: On) -> String {
        let had_connection = self.is_awaiting || self.source.is_open();
        match on {
            On::At(now) => return self.next(now),
            On::Respond(status, content_types) => return self.respond(status, content_types),
            On::Open(now) => {
                let connect = self.next(now);
                assert!(connect.starts_with("connect"), "{connect}");
                assert_eq!(self.respond(200, SSE), "open");
                return connect;
            }
            On::Again(now) => {
                self.apply(On::End);
                assert_eq!(self.next(now), "wait 3000 End");
                return self.apply(On::Open(now + 3000));
            }
            On::Bytes(bytes) => return self.read(bytes, usize::MAX),
            On::First(bytes) => return self.read(bytes, 1),
            On::Rest => return self.read(self.rest, usize::MAX),
            On::End => self.source.end(),
            On::Fail => self.source.fail(),
            On::Reconnect => self.source.reconnect(),
            On::WaitAtLeast(time) => self.source.wait_at_least(ms(time)),
            On::RetryIn(delay) => self.retry_in(delay),
            On::RetryNow => self.source.retry_now(),
            On::GiveUp => self.source.give_up(),
            On::Close => {
                self.source.close();
                assert!(self.source.is_closed());
            }
            On::SetId(id) => {
                let decoder = self.source.decoder_mut();
                decoder.set_last_event_id(id).expect("it fits");
            }
            On::Recover => {
                let unfinished = self.source.decoder_mut().finish();
                let event = unfinished.map(|event| event.recover(CutLine::Keep).expect("it fits"));
                return event.flatten().map_or("", |event| event.data()).to_owned();
            }
        }
        if matches!(on, On::End | On::Fail | On::Reconnect | On::Close) {
            self.is_lost |= had_connection && !matches!(on, On::Close);
            self.is_awaiting = false;
            assert!(!self.source.is_open());
        }
        String::new()
    }

    pub(crate) fn apply_all(&mut self, all: &[On]) {
        for on in all {
            self.apply(*on);
        }
    }

    fn next(&mut self, now: u64) -> String {
        let had_connection = self.is_awaiting || self.source.is_open();
        self.now = self.now.max(now);
        self.is_lost = false;
        let least = self.source.reconnection_time();
        let step = self.source.next(ms(now));
        let timeout = |timeout: Option<Duration>| {
            timeout.map_or(String::new(), |time| format!(" {}", time.as_millis()))
        };
        let text = match step {
            Step::Connect(request) => {
                assert!(!had_connection && self.closed.is_none());
                assert_eq!(request.attempt(), self.requests);
                let mut headers = request.headers();
                assert_eq!(headers.next(), Some(("accept", "text/event-stream")));
                assert_eq!(headers.next(), Some(("cache-control", "no-cache")));
                let (id, sent) = (request.last_event_id(), headers.next());
                assert_eq!(headers.next(), None);
                self.requests += 1;
                self.is_awaiting = true;
                match sent {
                    Some(header) => {
                        assert_eq!(header, ("last-event-id", id));
                        format!("connect {id}")
                    }
                    None if id.is_empty() => "connect".into(),
                    None => format!("connect without {id:?}"),
                }
            }
            Step::AwaitResponse { timeout: left, .. } => {
                assert!(self.is_awaiting);
                format!("await{}", timeout(left))
            }
            Step::Read { timeout: left, .. } => format!("read{}", timeout(left)),
            Step::Wait { delay, reason, .. } => {
                // It may have become idle just now.
                if had_connection {
                    assert!(delay >= least || delay == ms(u64::MAX - self.now));
                }
                self.is_awaiting = false;
                format!("wait {} {reason:?}", delay.as_millis())
            }
            Step::Closed(closed) => {
                assert!(self.closed.is_none_or(|first| first == closed));
                self.closed = Some(closed);
                self.is_awaiting = false;
                format!("closed {closed:?}")
            }
        };
        assert_eq!(self.source.is_open(), text.starts_with("read"));
        assert_eq!(self.source.is_closed(), self.closed.is_some());
        text
    }

    fn respond(&mut self, status: u16, content_types: &[&str]) -> String {
        let (was_open, was_awaiting) = (self.source.is_open(), self.is_awaiting);
        let opens = self.source.respond(status, content_types);
        self.is_awaiting = false;
        self.is_lost |= was_awaiting && !opens && !self.source.is_closed();
        assert_eq!(self.source.is_open(), was_open || opens);
        let text = if opens { "open" } else { "rejected" };
        text.into()
    }

    /// Reads up to so many events, and returns them.
    fn read(&mut self, bytes: &'static [u8], most: usize) -> String {
        let is_open = self.source.is_open();
        let mut events: Vec<String> = Vec::new();
        self.rest = bytes;
        while events.len() < most && !self.rest.is_empty() {
            let length = self.chunk.min(self.rest.len());
            let mut chunk = &self.rest[..length];
            let seen = decode(&mut self.source, self.call, &mut chunk);
            assert!(is_open || (seen == Ok(None) && chunk.is_empty()));
            self.rest = &self.rest[length - chunk.len()..];
            match seen {
                Ok(Some(Seen::Event(event))) => {
                    let mut text = String::from_utf8_lossy(&event.data).into_owned();
                    if event.event_type != b"message" {
                        text = format!("{}: {text}", event.event_type.escape_ascii());
                    }
                    if !event.last_event_id.is_empty() {
                        text += &format!(" #{}", event.last_event_id);
                    }
                    events.push(text);
                }
                Ok(_) => {}
                Err(error) => events.push(format!("{error:?}")),
            }
        }
        // As a read that returned nothing.
        let nothing = decode(&mut self.source, self.call, &mut &b""[..]);
        assert_eq!(nothing, Ok(None));
        events.join(", ")
    }

    /// What it will do, as long as nothing else happens than that it is asked, and loses its
    /// connections.
    fn future(&self) -> Vec<String> {
        let mut machine = self.clone();
        let at = [self.now, self.now, u64::MAX - 1, u64::MAX];
        let mut steps = Vec::new();
        for now in at {
            steps.push(machine.next(now));
            machine.apply(On::End);
        }
        steps
    }

    /// Asserts what holds in every state, in copies of it.
    pub(crate) fn assert_laws(&self) {
        let changed = |changes: &[On]| {
            let mut machine = self.clone();
            machine.apply_all(changes);
            machine
        };
        // Closing is final, for the first reason.
        let mut closed = changed(&[On::Close]);
        let reason = match self.source.is_closed() {
            true => self.clone().next(self.now),
            false => format!("closed {:?}", Closed::Caller),
        };
        for now in [self.now, u64::MAX] {
            assert_eq!(closed.apply(On::At(now)), reason);
            assert_eq!(closed.apply(On::Respond(200, SSE)), "rejected");
            assert_eq!(closed.apply(On::Bytes(b"\n\ndata: x\n\n")), "");
            closed.apply_all(&[On::End, On::Fail, On::Reconnect, On::Close]);
            closed.apply_all(&[On::RetryIn(0), On::RetryNow, On::GiveUp]);
        }
        // What does not fit the state changes nothing.
        let future = self.future();
        let assert_ignored = |on: On| assert_eq!(changed(&[on]).future(), future, "{on:?}");
        if !self.source.is_open() {
            assert_ignored(On::Bytes(b"\n\nretry: 7\nid: 7\ndata: x\n\n"));
        }
        if self.is_awaiting {
            self.assert_responses();
        } else {
            assert_ignored(On::Respond(200, SSE));
            assert_ignored(On::Respond(404, SSE));
            if !self.source.is_open() {
                for on in [On::End, On::Fail] {
                    assert_ignored(on);
                }
            }
        }
        self.assert_wait_can_end();
        if self.is_awaiting || self.source.is_open() || self.is_lost {
            for on in [On::RetryIn(7), On::RetryNow, On::GiveUp] {
                assert_ignored(on);
            }
        }
        if !self.is_lost {
            assert_ignored(On::WaitAtLeast(99_999));
        }
        // It is asked as often as one likes, and time that goes back stands still.
        let mut asked = self.clone();
        let step = asked.next(self.now);
        if !step.starts_with("connect") && !step.starts_with("wait 0 ") {
            assert_eq!([self.now, 0].map(|now| asked.next(now)), [&*step; 2]);
        }
    }

    fn retry_in(&mut self, delay: u64) {
        self.source.retry_in(ms(delay));
        if !self.source.is_closed() {
            self.closed = None;
        }
    }

    /// Asserts that the caller can end a wait, and that nothing else changes.
    fn assert_wait_can_end(&self) {
        let mut asked = self.clone();
        let step = asked.next(self.now);
        if self.is_lost || !step.starts_with("wait ") {
            return;
        }
        let reason = step.rsplit(' ').next().expect("a reason");
        for (on, expected) in [
            (On::Reconnect, "connect".to_owned()),
            (On::RetryNow, "connect".to_owned()),
            (On::GiveUp, format!("closed GivenUp({reason})")),
        ] {
            let mut changed = asked.clone();
            changed.apply(on);
            assert!(changed.next(self.now).starts_with(&expected), "{on:?}");
        }
        if self.is_awaiting || self.source.is_open() {
            return;
        }
        let mut changed = self.clone();
        changed.apply(On::RetryIn(9));
        let waits = changed.next(self.now);
        assert!(
            waits.starts_with("wait 9 ") || self.now > u64::MAX - 9,
            "{waits}"
        );
    }

    /// Asserts which responses open the stream, which are retried, and which are final.
    fn assert_responses(&self) {
        let respond = |policy: Policy, status: u16, content_types: &[&str]| {
            let mut source = self.source.clone().with_policy(policy);
            let opens = source.respond(status, content_types);
            assert_eq!(source.is_open(), opens);
            match source.next(ms(self.now)) {
                Step::Read { .. } => "opens".to_owned(),
                Step::Wait { reason, .. } => format!("{reason:?} is retried"),
                Step::Closed(Closed::Rejected(reason)) => format!("{reason:?} is final"),
                step => panic!("{step:?}"),
            }
        };
        let browser = Policy::browser();
        let transient = browser.with_transient_statuses(Policy::TRANSIENT);
        let success = browser.with_any_success(true);
        for status in (0..=1000).chain([u16::MAX]) {
            let cause = Cause::Status(status);
            let ends = [" is final", " is retried"].map(|end| format!("{cause:?}{end}"));
            let [is_final, is_retried] = match status {
                200 => ["opens", "opens"],
                408 | 429 | 500..=599 => [&*ends[0], &*ends[1]],
                _ => [&*ends[0], &*ends[0]],
            };
            assert_eq!(respond(browser, status, SSE), is_final);
            assert_eq!(respond(transient, status, SSE), is_retried);
            let is_success = matches!(status, 200..=203 | 206..=299);
            let accepted = if is_success { "opens" } else { &*ends[0] };
            assert_eq!(respond(success, status, SSE), accepted);
        }
        for (content_types, opens) in [
            (&["text/html"][..], false),
            (&[], false),
            (&["text/event-streamish"], false),
            (&["text/event-stream", "text/plain"], false),
            (&["text/plain", " TEXT/Event-Stream ; a b"], true),
        ] {
            let expected = ["ContentType is final", "opens"][usize::from(opens)];
            assert_eq!(respond(transient, 200, content_types), expected);
            let any = browser.with_any_content_type(true);
            assert_eq!(respond(any, 200, content_types), "opens");
            assert_eq!(respond(any, 201, content_types), "Status(201) is final");
        }
    }
}

/// Reads one event, comment or reconnection time.
pub(crate) fn decode(
    source: &mut Source,
    call: Call,
    chunk: &mut &[u8],
) -> Result<Option<Seen>, DecodeError> {
    match call {
        Call::Decode => source.decode(chunk).map(|event| event.map(see)),
        Call::DecodeRaw => source.decode_raw(chunk).map(|event| event.map(see_raw)),
        Call::DecodeItem => source.decode_item(chunk).map(|item| item.map(see_item)),
        #[cfg(feature = "alloc")]
        Call::DecodeOwned => source.decode_owned(chunk).map(|e| e.map(|e| e.see())),
        #[cfg(feature = "alloc")]
        Call::DecodeOwnedItem => source.decode_owned_item(chunk).map(|i| i.map(|i| i.see())),
    }
}
