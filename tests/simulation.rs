//! A server that replays, a network that fails, a clock and chance, all of them arguments: the client sees every event exactly once and in
//! order, or is told what is missing, whatever happens to its connections.
#![cfg(all(feature = "std", feature = "bytes"))]

use core::cell::RefCell;
use core::ops::Range;
use core::time::Duration;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use sse_wire::client::{Backoff, EventSource, Policy, Step};
use sse_wire::replay::ReplayLog;
use sse_wire::{EventDecoder, EventType, Frame, LastEventId, Outgoing};
use std::env;

/// What becomes of one connection.
#[derive(Debug, Clone)]
enum Fate {
    /// The body breaks off or ends after so many bytes.
    Cut { after: usize, fails: bool },
    /// Nothing comes any more after so many bytes.
    Stall { after: usize },
    /// The client wants another one after so many bytes.
    Dropped { after: usize },
    /// There is no response at all.
    NoConnection,
    /// There is none, and nobody says so.
    NoResponse,
    /// The server is overloaded, or restarts.
    Status(u16),
}

#[derive(Debug, Clone)]
struct Connection {
    fate: Fate,
    /// How many events the server has new before it, and while it is open.
    before: u16,
    meanwhile: u16,
    /// How the bytes are cut into chunks.
    chunk: usize,
    retry: Option<u64>,
}

#[derive(Debug, Default)]
struct Seen {
    events: Vec<u64>,
    /// Events that the server has said to be lost: from, and up to but not with.
    gaps: Vec<(u64, u64)>,
    connections: u64,
    refused: u64,
    waited: Duration,
}

struct Server {
    log: ReplayLog,
    events: u64,
}

impl Server {
    fn emit(&mut self, events: u16, now: Duration) {
        for _ in 0..events {
            let number = self.events.to_string();
            // Data of many lines and of any length, whose content tells its number.
            let data = format!(
                "{number}\n{}\r\n: no comment",
                "é".repeat(self.log.len() % 40)
            );
            let mut outgoing =
                Outgoing::message(&data).id(LastEventId::new(&number).expect("digits"));
            if self.events % 3 == 0 {
                outgoing = outgoing.comment("not an event");
            }
            self.log.push(Frame::from(outgoing), now);
            self.events += 1;
        }
    }

    /// The body of a response, up to now; where the subscriber stands behind it goes on with what is new.
    fn body(&mut self, last_event_id: &str, connection: &Connection, now: Duration) -> Vec<u8> {
        let mut body = Vec::new();
        if let Some(time) = connection.retry {
            Outgoing::new()
                .retry(Duration::from_millis(time))
                .encode(&mut body);
        }
        let mut cursor = match (last_event_id, self.log.since(last_event_id)) {
            (_, Ok(cursor)) => cursor,
            // The first time there is no ID, and nothing was missed if nothing was dropped.
            ("", Err(_)) if self.events == self.log.len() as u64 => self.log.start(),
            // Too old, or long forgotten.
            (_, Err(_)) => {
                let first = self.events - self.log.len() as u64;
                let gap = EventType::from_static("gap");
                Outgoing::event(gap, &first.to_string()).encode(&mut body);
                self.log.start()
            }
        };
        let mut take = |log: &ReplayLog| {
            while let Some(frame) = log.next(&mut cursor).expect("nothing is dropped meanwhile") {
                body.extend_from_slice(frame.as_bytes());
            }
        };
        take(&self.log);
        // Few enough that the log still has them when they are taken.
        for _ in 0..connection.meanwhile {
            self.emit(1, now);
            take(&self.log);
        }
        body
    }
}

/// A client that borrows its events, in a fixed buffer, or one that owns them, so that both are tried.
#[expect(clippy::large_enum_variant, reason = "there is one at a time")]
enum Client {
    Borrowing(EventSource<[u8; 1024]>),
    Owning(EventSource),
}

macro_rules! source {
    ($client:expr, $source:ident => $result:expr) => {
        match $client {
            Client::Borrowing($source) => $result,
            Client::Owning($source) => $result,
        }
    };
}

impl Client {
    fn read(&mut self, chunk: &[u8], seen: &mut Seen) {
        let mut event = |event_type: &str, data: &str, id: &str| {
            if event_type == "gap" {
                let to = data.parse().expect("it is a number");
                let from = seen.events.last().map_or(0, |last| last + 1);
                seen.gaps.push((from, to));
            } else {
                let number = data.lines().next().expect("it has a line");
                assert_eq!(id, number);
                seen.events.push(number.parse().expect("it is a number"));
            }
        };
        match self {
            Self::Borrowing(source) => {
                let mut chunk = chunk;
                while let Some(found) = source.decode(&mut chunk).expect("it fits") {
                    event(found.event_type(), found.data(), found.last_event_id());
                }
            }
            Self::Owning(source) => {
                let mut chunk = chunk;
                while let Some(found) = source.decode_owned(&mut chunk).expect("it fits") {
                    event(found.event_type(), found.data(), found.last_event_id());
                }
            }
        }
    }
}

const IDLE: Duration = Duration::from_secs(5);

fn policy() -> Policy {
    Policy::new()
        .with_bounds(Duration::ZERO, Duration::from_secs(60))
        .with_backoff(Backoff::new())
        .with_idle_timeout(IDLE)
        .with_transient_statuses(true)
}

/// Runs the schedule to its end, and then a connection to which nothing happens.
fn simulate(schedule: &[Connection], entropy: u64, most_frames: usize) -> (Seen, u64) {
    let mut server = Server {
        log: ReplayLog::new()
            .with_frames(most_frames)
            .with_bytes(usize::MAX),
        events: 0,
    };
    let mut client = if entropy % 2 == 0 {
        let decoder = EventDecoder::with_buffer([0; 1024]);
        Client::Borrowing(EventSource::with_decoder(decoder, entropy).with_policy(policy()))
    } else {
        Client::Owning(EventSource::new(entropy).with_policy(policy()))
    };
    let last = Connection {
        fate: Fate::Cut {
            after: usize::MAX,
            fails: false,
        },
        before: 1,
        meanwhile: 1,
        chunk: 7,
        retry: None,
    };
    let mut now = Duration::from_secs(entropy % 1000);
    let mut seen = Seen::default();
    for connection in schedule.iter().chain([&last]) {
        // Until the request, time passes.
        let last_event_id = loop {
            match source!(&mut client, source => source.next(now)) {
                Step::Connect(request) => {
                    let id = request.last_event_id().to_owned();
                    let sent = request.headers().find(|(name, _)| *name == "last-event-id");
                    assert_eq!(sent.map_or("", |(_, id)| id), id);
                    break id;
                }
                Step::Wait { delay, .. } => {
                    assert!(delay <= Duration::from_secs(120));
                    seen.waited += delay;
                    now += delay;
                }
                step => panic!("{step:?}"),
            }
        };
        server.emit(connection.before, now);
        let (after, end) = match connection.fate {
            Fate::NoConnection => {
                source!(&mut client, source => source.fail());
                seen.refused += 1;
                continue;
            }
            Fate::NoResponse => {
                now += IDLE;
                assert!(matches!(
                    source!(&mut client, source => source.next(now)),
                    Step::Wait { .. }
                ));
                seen.refused += 1;
                continue;
            }
            Fate::Status(status) => {
                assert!(!source!(&mut client, source => source.respond(status, ["text/plain"])));
                seen.refused += 1;
                continue;
            }
            Fate::Cut { after, .. } | Fate::Stall { after } | Fate::Dropped { after } => {
                (after, connection.fate.clone())
            }
        };
        assert!(source!(&mut client, source => source.respond(200, ["text/event-stream"])));
        seen.connections += 1;
        let body = server.body(&last_event_id, connection, now);
        let arrives = &body[..after.min(body.len())];
        for chunk in arrives.chunks(connection.chunk) {
            assert!(matches!(
                source!(&mut client, source => source.next(now)),
                Step::Read { .. }
            ));
            client.read(chunk, &mut seen);
            now += Duration::from_millis(1);
        }
        match end {
            Fate::Cut { fails: true, .. } => source!(&mut client, source => source.fail()),
            Fate::Cut { fails: false, .. } => source!(&mut client, source => source.end()),
            Fate::Dropped { .. } => source!(&mut client, source => source.reconnect()),
            _ => {
                assert!(matches!(
                    source!(&mut client, source => source.next(now)),
                    Step::Read { .. }
                ));
                now += IDLE;
            }
        }
        // What is left in the network comes to nothing.
        let late = &body[arrives.len()..];
        assert!(matches!(
            source!(&mut client, source => source.next(now)),
            Step::Wait { .. }
        ));
        client.read(late, &mut seen);
    }
    (seen, server.events)
}

/// Every number once and in order, but for the gaps that the client was told of; gives how many these are.
fn missing(seen: &Seen, emitted: u64) -> Result<u64, String> {
    let mut next = 0;
    let mut missing = 0;
    let mut gaps = seen.gaps.iter().peekable();
    for &number in &seen.events {
        // A gap may be told again, when the connection was lost before the first event behind it.
        while let Some((_, to)) = gaps.next_if(|(from, _)| *from <= next && next < number) {
            if *to > next && *to <= number {
                missing += to - next;
                next = *to;
            }
        }
        if number != next {
            return Err(format!("{number} came where {next} was due: {seen:?}"));
        }
        next += 1;
    }
    if next == emitted {
        Ok(missing)
    } else {
        Err(format!("{next} of {emitted} came"))
    }
}

fn fates() -> impl Strategy<Value = Fate> {
    // Short ones, which end within a line, and long ones.
    let bytes = || prop_oneof![0_usize..40, 0_usize..4000];
    prop_oneof![
        4 => (bytes(), any::<bool>()).prop_map(|(after, fails)| Fate::Cut { after, fails }),
        2 => bytes().prop_map(|after| Fate::Stall { after }),
        1 => bytes().prop_map(|after| Fate::Dropped { after }),
        1 => Just(Fate::NoConnection),
        1 => Just(Fate::NoResponse),
        1 => prop_oneof![Just(408), Just(429), 500_u16..600].prop_map(Fate::Status),
    ]
}

fn connections() -> impl Strategy<Value = Connection> {
    let retry = prop_oneof![3 => Just(None), 1 => prop_oneof![Just(0), 0..100_000_u64, any::<u64>()].prop_map(Some)];
    (fates(), 0_u16..8, 0_u16..8, 1_usize..200, retry).prop_map(
        |(fate, before, meanwhile, chunk, retry)| Connection {
            fate,
            before,
            meanwhile,
            chunk,
            retry,
        },
    )
}

/// Runs random schedules, and gives what they were in all: schedules, connections, events, and events that the client was told are gone.
fn run(most_frames: Range<usize>) -> [u64; 4] {
    let schedules =
        env::var("SSE_WIRE_SCHEDULES").map_or(200, |count| count.parse().expect("it is a number"));
    let config = Config {
        cases: schedules,
        failure_persistence: None,
        ..Config::default()
    };
    let mut totals = [0_u64; 4];
    let cell = RefCell::new(&mut totals);
    let strategy = (
        proptest::collection::vec(connections(), 0..60),
        any::<u64>(),
        most_frames,
    );
    TestRunner::new(config)
        .run(&strategy, |(schedule, entropy, most_frames)| {
            let (seen, emitted) = simulate(&schedule, entropy, most_frames);
            let missing = missing(&seen, emitted).map_err(TestCaseError::fail)?;
            if most_frames == usize::MAX {
                prop_assert!(seen.gaps.is_empty());
            }
            let mut totals = cell.borrow_mut();
            let more = [
                1,
                seen.connections + seen.refused,
                seen.events.len() as u64,
                missing,
            ];
            totals
                .iter_mut()
                .zip(more)
                .for_each(|(total, more)| *total += more);
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
    let [schedules, connections, events, missing] = totals;
    println!(
        "{schedules} schedules, {connections} connections, {events} events, {missing} told to be gone; none lost, none twice"
    );
    totals
}

#[test]
fn every_event_arrives_once_and_in_order_whatever_happens_to_connections() {
    let [_, connections, events, missing] = run(usize::MAX - 1..usize::MAX);
    assert!(connections > 0 && events > 0);
    assert_eq!(missing, 0);
}

#[test]
fn where_the_log_was_trimmed_the_client_is_told_so() {
    let [_, _, events, missing] = run(8..20);
    assert!(events > 0 && missing > 0);
}

#[test]
fn a_connection_that_is_cut_at_any_byte_loses_nothing() {
    let whole = Connection {
        fate: Fate::Cut {
            after: usize::MAX,
            fails: false,
        },
        before: 5,
        meanwhile: 5,
        chunk: usize::MAX,
        retry: Some(1),
    };
    let mut cuts = 0;
    for after in 0.. {
        for chunk in [1, 7, usize::MAX] {
            for entropy in 0..2 {
                for fails in [false, true] {
                    let cut = Connection {
                        fate: Fate::Cut { after, fails },
                        chunk,
                        ..whole.clone()
                    };
                    let (seen, emitted) = simulate(&[cut.clone(), cut], entropy, 100);
                    assert_eq!(missing(&seen, emitted), Ok(0));
                    cuts += 2;
                }
            }
        }
        if after > 2000 {
            break;
        }
    }
    assert!(cuts > 4000);
}

#[test]
fn control_what_is_lost_or_twice_is_noticed() {
    let seen = |events: &[u64], gaps: &[(u64, u64)]| Seen {
        events: events.to_vec(),
        gaps: gaps.to_vec(),
        ..Seen::default()
    };
    assert_eq!(missing(&seen(&[0, 1, 2], &[]), 3), Ok(0));
    assert_eq!(missing(&seen(&[0, 3], &[(1, 3)]), 4), Ok(2));
    assert_eq!(missing(&seen(&[0, 5], &[(1, 3), (1, 5)]), 6), Ok(4));
    for (events, gaps, emitted) in [
        (&[0, 1][..], &[][..], 3),
        (&[0, 2], &[], 3),
        (&[0, 1, 1], &[], 2),
        (&[1, 0], &[], 2),
        (&[0, 4], &[(1, 3)], 5),
    ] {
        assert!(missing(&seen(events, gaps), emitted).is_err(), "{events:?}");
    }
}
