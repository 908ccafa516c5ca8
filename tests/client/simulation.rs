//! A server that replays, and connections that fail in any way: every driver yields each event once
//! and in order, or a gap where the server's log was trimmed. `SSE_WIRE_SCHEDULES` sets how many
//! random schedules run.

use crate::drivers::{Answer, DRIVERS, Open, Server};
use crate::machine::ms;
use crate::random::Random;
use crate::transport::Step;
use core::cell::RefCell;
use core::time::Duration;
use sse_wire::client::{Backoff, EventSource, Policy};
use sse_wire::replay::ReplayLog;
use sse_wire::{EventType, Frame, LastEventId, Outgoing};
use std::env;
use std::io::ErrorKind;
use std::rc::Rc;

/// What becomes of one connection.
#[derive(Debug, Clone)]
struct Connection {
    /// What the server answers instead of a stream.
    instead: Option<Answer>,
    /// After so many bytes the body does this, or nothing at all.
    end: (usize, Option<Step>),
    /// After so many updates the client asks for another connection.
    reconnects: Option<usize>,
    /// How many events are new before it, and while it is open.
    new: [usize; 2],
    chunk: usize,
    retry: Option<u64>,
}

const WHOLE: Connection = Connection {
    instead: None,
    end: (usize::MAX, Some(Step::Ends)),
    reconnects: None,
    new: [3, 3],
    chunk: 7,
    retry: None,
};

struct World {
    log: ReplayLog,
    events: usize,
    schedule: std::vec::IntoIter<Connection>,
    reconnects: Option<usize>,
}

impl World {
    fn emit(&mut self, events: usize) {
        for _ in 0..events {
            let id = self.events.to_string();
            let data = format!("{id}\n{}\r\n: no comment", "é".repeat(self.events % 40));
            let mut outgoing = Outgoing::message(&data).id(LastEventId::new(&id).expect("digits"));
            if self.events % 3 == 0 {
                outgoing = outgoing.comment("not an event");
            }
            let line_end = ["\n", "\r\n", "\r"][self.events % 3];
            let block = outgoing.to_string().replace('\n', line_end);
            let frame = Frame::parse(block.into()).expect("a whole event");
            self.log.push(frame, Duration::ZERO);
            self.events += 1;
        }
    }

    fn answer(&mut self, last_event_id: &str) -> Answer {
        let Some(connection) = self.schedule.next() else {
            return Answer::Rejects(204, None);
        };
        let [before, meanwhile] = connection.new;
        self.emit(before);
        self.reconnects = connection.reconnects;
        if let Some(answer) = connection.instead {
            return answer;
        }
        let mut body = Vec::new();
        if let Some(time) = connection.retry {
            Outgoing::new().retry(ms(time)).encode(&mut body);
        }
        let first = self.events - self.log.len();
        let mut cursor = match (last_event_id, self.log.since(last_event_id)) {
            (_, Ok(cursor)) => cursor,
            ("", Err(_)) if first == 0 => self.log.start(),
            (_, Err(_)) => {
                let gap = EventType::from_static("gap");
                Outgoing::event(gap, &first.to_string()).encode(&mut body);
                self.log.start()
            }
        };
        for more in 0..=meanwhile {
            self.emit(usize::from(more > 0));
            while let Some(frame) = self.log.next(&mut cursor).expect("nothing is evicted") {
                body.extend_from_slice(frame.as_bytes());
            }
        }
        let (after, end) = connection.end;
        body.truncate(after);
        let chunks = body.chunks(connection.chunk);
        let steps = chunks.map(|chunk| Step::Gives(chunk.into()));
        Answer::Streams(steps.chain(end).collect())
    }
}

/// What a client sees of the events: a number, or the first one after a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    Event(usize),
    Gap(usize),
}

/// Runs a schedule, and then a connection to which nothing happens. Returns what was seen, how many
/// events there were, and how many requests.
fn simulate(
    open: Open,
    mut schedule: Vec<Connection>,
    seed: u64,
    most_frames: usize,
) -> (Vec<Seen>, usize, usize) {
    schedule.push(WHOLE);
    let log = ReplayLog::new().with_bytes(usize::MAX);
    let world = Rc::new(RefCell::new(World {
        log: log.with_frames(most_frames),
        events: 0,
        schedule: schedule.into_iter(),
        reconnects: None,
    }));
    let served = Rc::clone(&world);
    let server = Server::new(move |last_event_id| served.borrow_mut().answer(last_event_id));
    let policy = Policy::new()
        .with_bounds(Duration::ZERO, Duration::from_secs(60))
        .with_backoff(Backoff::new())
        .with_idle_timeout(ms(1))
        .with_transient_statuses(true);
    let mut driver = open(EventSource::new(seed).with_policy(policy), &server);
    let mut seen = Vec::new();
    let (mut updates, mut reconnects) = (0, false);
    while let Some(update) = driver.next(reconnects) {
        let word = update.split([' ', '\n']).next().expect("there is one");
        match word.strip_prefix("gap") {
            _ if word == "opened" => updates = 0,
            _ if ["item", "lost", "closed"].contains(&word) => {}
            Some(first) => seen.push(Seen::Gap(first.parse().expect("a number"))),
            None => {
                seen.push(Seen::Event(word.parse().expect(&update)));
                let end = format!(": no comment #{word}");
                assert!(update.ends_with(&end), "{update}");
            }
        }
        updates += 1;
        reconnects = world.borrow().reconnects == Some(updates);
    }
    let requests = server.state().ids.len();
    (seen, world.borrow().events, requests)
}

/// How many events are missing, all of them reported, if the others came once and in order.
fn missing(seen: &[Seen], emitted: usize) -> Result<usize, String> {
    let (mut next, mut missing) = (0, 0);
    for &seen in seen {
        match seen {
            Seen::Event(number) if number == next => next += 1,
            // It is reported again if the connection was lost before the next event.
            Seen::Gap(first) if first >= next => {
                missing += first - next;
                next = first;
            }
            _ => return Err(format!("{seen:?} instead of {next}")),
        }
    }
    match next == emitted {
        true => Ok(missing),
        false => Err(format!("{next} of {emitted}")),
    }
}

fn connection(random: &mut Random) -> Connection {
    // Short ones, which end within a line, and long ones.
    let most = *random.choose(&[40, 4000]);
    let after = random.below(most);
    let mut connection = Connection {
        new: [random.below(8), random.below(8)],
        chunk: 1 + random.below(200),
        ..WHOLE
    };
    match random.below(10) {
        0 | 1 => connection.end = (after, Some(Step::Ends)),
        2 | 3 => connection.end = (after, Some(Step::Fails(ErrorKind::ConnectionReset))),
        4 | 5 => connection.end = (after, None),
        6 => connection.reconnects = Some(random.below(9)),
        7 => connection.instead = Some(Answer::Fails(ErrorKind::ConnectionRefused)),
        8 => connection.instead = Some(Answer::Hangs),
        _ => {
            let status = *random.choose(&[408, 429, 500, 599]);
            connection.instead = Some(Answer::Rejects(status, None));
        }
    }
    if random.once_in(4) {
        connection.retry = Some(random.number() >> random.below(64));
    }
    connection
}

#[test]
fn every_event_comes_once_and_in_order_or_its_gap_is_reported() {
    let schedules = env::var("SSE_WIRE_SCHEDULES").map_or(200, |n| n.parse().expect("a number"));
    let (mut events, mut requests, mut all_missing) = (0, 0, 0);
    for seed in 0..schedules {
        let mut random = Random::new(seed);
        let schedule: Vec<_> = (0..random.below(60))
            .map(|_| connection(&mut random))
            .collect();
        let (driver, open) = *random.choose(DRIVERS);
        let is_trimmed = random.once_in(2);
        let most_frames = if is_trimmed {
            8 + random.below(12)
        } else {
            usize::MAX
        };
        let (seen, emitted, asked) = simulate(open, schedule, seed, most_frames);
        let missing = missing(&seen, emitted)
            .unwrap_or_else(|error| panic!("seed {seed}, {driver}: {error} in {seen:?}"));
        let has_gap = seen.iter().any(|seen| matches!(seen, Seen::Gap(_)));
        assert!(is_trimmed || !has_gap, "seed {seed}, {driver}: {seen:?}");
        events += emitted;
        requests += asked;
        all_missing += missing;
    }
    println!("{schedules} schedules, {requests} requests, {events} events, {all_missing} in gaps");
    // Few schedules need not trim a log.
    assert!(requests > 0 && (all_missing > 0 || schedules < 50));
}

#[test]
fn a_connection_that_is_cut_at_any_byte_loses_nothing() {
    for (driver, open) in DRIVERS {
        for after in 0..500 {
            for end in [Step::Ends, Step::Fails(ErrorKind::ConnectionReset)] {
                let (end, chunk) = ((after, Some(end)), [1, 7, usize::MAX][after % 3]);
                let cut = Connection {
                    end,
                    chunk,
                    retry: Some(1),
                    ..WHOLE
                };
                let (seen, emitted, asked) = simulate(*open, vec![cut.clone(), cut], 1, 100);
                assert_eq!(
                    missing(&seen, emitted),
                    Ok(0),
                    "{driver}, cut after {after}: {seen:?}"
                );
                assert_eq!((emitted, asked), (18, 4));
            }
        }
    }
}

#[test]
fn control_a_lost_event_and_a_duplicate_are_noticed() {
    use Seen::{Event, Gap};
    assert_eq!(missing(&[Event(0), Event(1)], 2), Ok(0));
    assert_eq!(missing(&[Event(0), Gap(3), Gap(5), Event(5)], 6), Ok(4));
    for (seen, emitted) in [
        (&[Event(0), Event(1)][..], 3),
        (&[Event(0), Event(2)], 3),
        (&[Event(0), Event(1), Event(1)], 2),
        (&[Event(1), Event(0)], 2),
        (&[Event(0), Gap(3), Event(4)], 5),
        (&[Event(0), Event(1), Gap(1)], 2),
    ] {
        assert!(missing(seen, emitted).is_err(), "{seen:?}");
    }
}
