//! A server that replays, and connections that fail in any way: every driver yields each event once
//! and in order, or a gap where the server's log was trimmed. A client that joins at the end of the
//! log misses nothing from then on. `SSE_WIRE_SCHEDULES` sets how many random schedules run.

use crate::drivers::{Answer, DRIVERS, Open, Server};
use crate::machine::ms;
use crate::random::Random;
use crate::transport::Step;
use core::cell::RefCell;
use core::time::Duration;
use sse_wire::client::{Backoff, EventSource, Policy, Resend};
use sse_wire::replay::{Cursor, ReplayLog};
use sse_wire::{EventType, Frame, LastEventId, Outgoing};
use std::env;
use std::io::ErrorKind;
use std::rc::Rc;

/// The ID before the first event.
const SEED: LastEventId<'_> = LastEventId::from_static("seed");

/// A server, and what becomes of its connections.
struct World {
    log: ReplayLog,
    events: usize,
    random: Random,
    /// How many connections follow; the last one is whole.
    left: usize,
    /// After how many bytes each body ends, and how, instead of at random.
    cut: Option<(usize, Step)>,
    /// After how many updates the client asks for another connection.
    reconnects: Option<usize>,
    /// If set, a client without an ID starts at the end, with this block. Otherwise it receives
    /// everything.
    joins_with: Option<fn(LastEventId<'_>) -> Outgoing<'_>>,
    /// The number of the first event after a client first joined at the end.
    joined: Option<usize>,
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

    /// What becomes of a connection: after so many bytes its body does this, or nothing at all; or
    /// there is another answer.
    fn fate(&mut self) -> Result<(usize, Option<Step>), Answer> {
        if self.left == 0 {
            return Ok((usize::MAX, Some(Step::Ends)));
        } else if let Some((after, end)) = self.cut.clone() {
            return Ok((after, Some(end)));
        }
        // Short ones, which end within a line, and long ones.
        let most = *self.random.choose(&[40, 4000]);
        let after = self.random.below(most);
        match self.random.below(10) {
            0 | 1 => Ok((after, Some(Step::Ends))),
            2 | 3 => Ok((after, Some(Step::Fails(ErrorKind::ConnectionReset)))),
            4 | 5 => Ok((after, None)),
            6 => {
                self.reconnects = Some(1 + self.random.below(9));
                Ok((usize::MAX, Some(Step::Ends)))
            }
            7 => Err(Answer::Fails(ErrorKind::ConnectionRefused)),
            8 => Err(Answer::Hangs),
            _ => {
                let status = *self.random.choose(&[408, 429, 500, 599]);
                Err(Answer::Rejects(status, None))
            }
        }
    }

    /// Starts at the end of the log, as the guide `never_lose_an_event` does.
    fn join(&mut self, body: &mut Vec<u8>) -> Cursor {
        self.joined.get_or_insert(self.events);
        let cursor = self.log.end();
        let id = self.log.last_event_id_at(&cursor).expect("there is a seed");
        if let Some(joins_with) = self.joins_with {
            joins_with(id).encode(body);
        }
        cursor
    }

    fn answer(&mut self, last_event_id: &str) -> Answer {
        let Some(left) = self.left.checked_sub(1) else {
            return Answer::Rejects(204, None);
        };
        (self.left, self.reconnects) = (left, None);
        let new = 1 + self.random.below(7);
        self.emit(new);
        let (after, end) = match self.fate() {
            Ok(fate) => fate,
            Err(answer) => return answer,
        };
        let mut body = Vec::new();
        if self.random.once_in(4) {
            let time = ms(self.random.number() >> self.random.below(64));
            Outgoing::new().retry(time).encode(&mut body);
        }
        let first = self.events - self.log.len();
        let mut cursor = match (last_event_id, self.log.since(last_event_id)) {
            (_, Ok(cursor)) => cursor,
            ("", Err(_)) if self.joins_with.is_some() => self.join(&mut body),
            ("", Err(_)) if first == 0 => self.log.start(),
            (_, Err(_)) => {
                let gap = EventType::from_static("gap");
                Outgoing::event(gap, &first.to_string()).encode(&mut body);
                self.log.start()
            }
        };
        // A client that joins has received the block that it is joined with.
        let uncut = self.joins_with.map_or(0, |_| body.len());
        for more in 0..1 + self.random.below(7) {
            self.emit(more.min(1));
            while let Some(entry) = self.log.next(&mut cursor).expect("nothing is evicted") {
                body.extend_from_slice(entry.frame.as_bytes());
            }
        }
        body.truncate(after.saturating_add(uncut));
        let chunks = body.chunks(1 + self.random.below(200));
        let steps = chunks.map(|chunk| Step::Gives(chunk.into()));
        Answer::Streams(steps.chain(end).collect())
    }
}

fn world(mut random: Random, frames: usize, cut: Option<(usize, Step)>) -> World {
    let log = ReplayLog::new().with_bytes(usize::MAX).with_seed(SEED);
    World {
        log: log.with_frames(frames),
        events: 0,
        left: 1 + random.below(60),
        random,
        cut,
        reconnects: None,
        joins_with: None,
        joined: None,
    }
}

/// What a client sees of the events: a number, or the first one after a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    Event(usize),
    Gap(usize),
}

/// What survives all that happens here.
const POLICY: Policy = Policy::new()
    .with_bounds(Duration::ZERO, Duration::from_secs(60))
    .with_backoff(Backoff::new())
    .with_idle_timeout(ms(1))
    .with_transient_statuses(Policy::TRANSIENT);

/// Runs a client to its end. Returns what it saw, and how many events and requests there were.
fn simulate(open: Open, seed: u64, world: World) -> (Vec<Seen>, usize, usize) {
    simulate_in(open, seed, &Rc::new(RefCell::new(world)))
}

fn simulate_in(open: Open, seed: u64, world: &Rc<RefCell<World>>) -> (Vec<Seen>, usize, usize) {
    let served = Rc::clone(world);
    let server = Server::new(move |last_event_id| served.borrow_mut().answer(last_event_id));
    let policy = POLICY;
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
    let events = world.borrow().events;
    (seen, events, requests)
}

/// How many events are missing, all of them reported, if the others came once and in order.
fn missing(seen: &[Seen], emitted: usize) -> Result<usize, String> {
    missing_from(0, seen, emitted)
}

/// The same for a client that joined before the event `next`.
fn missing_from(mut next: usize, seen: &[Seen], emitted: usize) -> Result<usize, String> {
    let mut missing = 0;
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

#[test]
fn every_event_comes_once_and_in_order_or_its_gap_is_reported() {
    let schedules = env::var("SSE_WIRE_SCHEDULES").map_or(200, |n| n.parse().expect("a number"));
    let (mut events, mut requests, mut all_missing) = (0, 0, 0);
    for seed in 0..schedules {
        let mut random = Random::new(seed);
        let (driver, open) = *random.choose(DRIVERS);
        let is_trimmed = random.once_in(2);
        let frames = 8 + random.below(12);
        let frames = if is_trimmed { frames } else { usize::MAX };
        let (seen, emitted, asked) = simulate(open, seed, world(random, frames, None));
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
        for (after, seed) in (0..500).zip(0..) {
            for end in [Step::Ends, Step::Fails(ErrorKind::ConnectionReset)] {
                let mut world = world(Random::new(seed), 100, Some((after, end)));
                world.left = 3;
                let (seen, emitted, asked) = simulate(*open, seed, world);
                let missing = missing(&seen, emitted);
                assert_eq!(missing, Ok(0), "{driver}, {after}: {seen:?}");
                assert_eq!(asked, 4, "{driver}, {after}");
            }
        }
    }
}

/// A client joins at the end of the log, and its first connections end after `cut` bytes.
fn join(
    open: Open,
    joins_with: fn(LastEventId<'_>) -> Outgoing<'_>,
    cut: usize,
) -> Result<usize, String> {
    let mut world = world(Random::new(cut as u64), 100, Some((cut, Step::Ends)));
    (world.left, world.joins_with) = (3, Some(joins_with));
    let world = Rc::new(RefCell::new(world));
    let (seen, emitted, _) = simulate_in(open, 1, &world);
    let joined = world.borrow().joined.expect("it came without an ID");
    missing_from(joined, &seen, emitted)
}

#[test]
fn a_client_that_loses_its_connection_before_its_first_event_misses_nothing() {
    let id: fn(LastEventId<'_>) -> Outgoing<'_> = |id| Outgoing::new().id(id);
    for (driver, open) in DRIVERS {
        for cut in 0..200 {
            let missing = join(*open, id, cut);
            assert_eq!(missing, Ok(0), "{driver}, {cut}");
        }
        // Without the ID, what comes before it reconnects is lost.
        let unprimed = (0..20).map(|cut| join(*open, |_| Outgoing::new(), cut));
        assert!(
            unprimed.into_iter().any(|missing| missing.is_err()),
            "{driver}"
        );
    }
}

/// Runs a client whose requests must not be sent again at will. Returns the last event IDs of its
/// requests, the number of the one that was accepted first, and of the one that brought the first
/// event.
fn send(open: Open, seed: u64, resend: Resend, world: World) -> (Vec<String>, usize, usize) {
    let world = Rc::new(RefCell::new(world));
    let served = Rc::clone(&world);
    let server = Server::new(move |last_event_id| served.borrow_mut().answer(last_event_id));
    let source = EventSource::new(seed).with_policy(POLICY.with_resend(resend));
    let mut driver = open(source, &server);
    let (mut opened, mut delivered) = (usize::MAX, usize::MAX);
    let mut seen = Vec::new();
    while let Some(update) = driver.next(false) {
        let requests = server.state().ids.len();
        let word = update.split([' ', '\n']).next().expect("there is one");
        match word {
            "opened" => opened = opened.min(requests),
            "item" | "lost" | "closed" => {}
            word => {
                delivered = delivered.min(requests);
                seen.push(Seen::Event(word.parse().expect(&update)));
            }
        }
    }
    // Until it ends, nothing is lost or comes twice.
    assert!(missing(&seen, seen.len()) == Ok(0), "{seen:?}");
    let ids = server.state().ids.clone();
    (ids, opened, delivered)
}

#[test]
fn no_request_is_sent_once_too_often() {
    let schedules = env::var("SSE_WIRE_SCHEDULES").map_or(2000, |n| n.parse().expect("a number"));
    let mut sent = [0; 4];
    for seed in 0..schedules {
        let mut random = Random::new(seed);
        let (driver, open) = *random.choose(DRIVERS);
        let kinds = [
            Resend::UntilOpened,
            Resend::UntilFirstEvent,
            Resend::Resumable,
            Resend::Never,
        ];
        let kind = random.below(kinds.len());
        let cut = random.once_in(3).then(|| (random.below(300), Step::Ends));
        let world = world(random, usize::MAX, cut);
        let (ids, opened, delivered) = send(open, seed, kinds[kind], world);
        let (first, more) = ids.split_at(opened.min(ids.len()));
        let is_right = match kinds[kind] {
            Resend::UntilOpened => more.is_empty(),
            Resend::UntilFirstEvent => ids.len() <= delivered,
            // Each from a position.
            Resend::Resumable => more.iter().all(|id| !id.is_empty()),
            _ => ids.len() == 1,
        };
        assert!(
            is_right,
            "seed {seed}, {driver}, {:?}: {first:?} {more:?}",
            kinds[kind]
        );
        sent[kind] += ids.len() - 1;
    }
    println!("{schedules} schedules, requests sent again: {sent:?}");
    // All but the last do send some again.
    assert!(schedules < 50 || sent[..3].iter().all(|sent| *sent > 0) && sent[3] == 0);
}

#[test]
fn no_request_is_sent_once_too_often_whatever_byte_a_connection_is_cut_at() {
    let ends = [Step::Ends, Step::Fails(ErrorKind::ConnectionReset)];
    for (driver, open) in DRIVERS {
        for (cut, end) in (0..200).flat_map(|cut| ends.clone().map(|end| (cut, end))) {
            for resend in [
                Resend::UntilOpened,
                Resend::UntilFirstEvent,
                Resend::Resumable,
            ] {
                let mut world = world(
                    Random::new(cut as u64),
                    usize::MAX,
                    Some((cut, end.clone())),
                );
                world.left = 3;
                let (ids, opened, delivered) = send(*open, 1, resend, world);
                let is_right = match resend {
                    Resend::UntilOpened => ids.len() == opened,
                    Resend::UntilFirstEvent => ids.len() <= delivered,
                    _ => ids.iter().skip(opened).all(|id| !id.is_empty()),
                };
                assert!(
                    is_right,
                    "{driver}, {resend:?}, {cut}: {ids:?} {opened} {delivered}"
                );
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
