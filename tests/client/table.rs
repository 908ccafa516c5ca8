//! The state machine as a table: what happens, and what the client does then (WHATWG HTML 9.2.2 to
//! 9.2.4, the Web Platform Tests, and what browsers do).

use crate::calls::Call;
use crate::machine::On::{
    Again, At, Bytes, Close, End, Fail, First, GiveUp, Open, Reconnect, Recover, Respond, Rest,
    RetryIn, RetryNow, SetId, WaitAtLeast,
};
use crate::machine::{Machine, On, SSE, ms, source};
use crate::random::Random;
use core::time::Duration;
use sse_wire::client::{Backoff, Policy, Resend};

/// What must hold, the policy, and what happens with what the client does then.
type Case = (&'static str, Policy, &'static [(On, &'static str)]);

macro_rules! cases {
    ($($name:literal, $policy:expr; $($on:expr => $does:literal),*;)*) => {
        &[$(($name, $policy, &[$(($on, $does)),*])),*]
    };
}

/// The reconnection time and nothing else.
const BROWSER: Policy = Policy::browser();

const CONNECTIONS: &[Case] = cases! {
    "a lost connection is followed by another one after the reconnection time", BROWSER;
        Open(100) => "connect", Bytes(b"data: 1\n\nid: 1\ndata: cut") => "1", End => "",
        At(500) => "wait 3000 End", At(3499) => "wait 1 End", Open(3500) => "connect",
        Bytes(b"\n\ndata: 2\n\n") => "2", Fail => "", At(3500) => "wait 3000 Transport",
        // Before there is a response, and with an empty stream.
        At(6500) => "connect", Fail => "", At(6500) => "wait 3000 Transport",
        Open(9500) => "connect", Again(9500) => "connect", Again(12_500) => "connect";
    "a response that is rejected when it reconnects is final, and so is the first reason", BROWSER;
        Open(0) => "connect", Again(0) => "connect", End => "", At(3000) => "wait 3000 End",
        At(6000) => "connect", Respond(204, &[]) => "rejected", Close => "",
        At(6000) => "closed Rejected(Status(204))", At(60_000) => "closed Rejected(Status(204))";
    "closing or reconnecting within a chunk discards its rest", BROWSER;
        Open(0) => "connect", First(b"id: 1\ndata: 1\n\nid: 2\ndata: 2\n\n") => "1 #1",
        Reconnect => "", Rest => "", At(0) => "wait 3000 Reconnect", Open(3000) => "connect 1",
        First(b"data: 3\n\n: c\nretry: 1\ndata: 4\n\n") => "3 #1", Close => "", Rest => "",
        At(3000) => "closed Caller";
    "every connection has a new parser", BROWSER;
        Open(0) => "connect", Bytes(b"\xEF\xBB\xBFevent: y\ndata: a\n\nevent: x\n") => "y: a",
        Again(0) => "connect", Bytes(b"\xEF\xBB\xBFdata: a\n\ndata: x\r") => "a",
        Again(3000) => "connect", Bytes(b"\ndata: b\n\n") => "b", Again(6000) => "connect",
        Bytes(b"\xEF\xBB") => "", Again(9000) => "connect",
        Bytes(b"\xBFdata: x\n\ndata: b\n\n") => "b",
        // Within a stream it is no byte order mark.
        Bytes(b"\xEF\xBB\xBFdata: c\n\n") => "";
    "the reconnection time persists, and only a whole valid line changes it", BROWSER;
        Open(0) => "connect", Bytes(b"retry: 0300\n") => "", End => "", At(0) => "wait 300 End",
        Open(300) => "connect", Bytes(b"retry: 03000\nretry: 100\ndata: cut") => "", End => "",
        At(300) => "wait 100 End", Open(400) => "connect",
        Bytes(b"retry: 1x\nretry:\nretry: -1\nretry: 1.5\n\n") => "", Bytes(b"retry: 2") => "",
        End => "", At(400) => "wait 100 End", Open(500) => "connect", Bytes(b"retry: 0\n") => "",
        End => "",
        // The loss is reported all the same.
        At(500) => "wait 0 End", Open(500) => "connect";
    "the caller ends a wait", BROWSER;
        Open(0) => "connect", Bytes(b"id: 1\ndata: 1\n\n") => "1 #1", End => "",
        // Not known yet to be lost.
        Reconnect => "", At(0) => "wait 3000 End", At(1000) => "wait 2000 End", Reconnect => "",
        Open(1000) => "connect 1", Fail => "", At(1000) => "wait 3000 Transport", Reconnect => "",
        At(1000) => "connect 1", Fail => "", At(1000) => "wait 3000 Transport";
    "the caller decides otherwise than the policy, but not after it has closed", BROWSER;
        RetryIn(7) => "", At(0) => "connect", RetryIn(7) => "", Respond(404, SSE) => "rejected",
        At(0) => "closed Rejected(Status(404))", RetryIn(7) => "", At(0) => "wait 7 Status(404)",
        RetryIn(70_000) => "", At(6) => "wait 69994 Status(404)", Open(70_000) => "connect",
        RetryIn(7) => "", Bytes(b"data: 1\n\n") => "1", Close => "", At(70_000) => "closed Caller",
        RetryIn(7) => "", At(80_000) => "closed Caller";
    "a client that was closed before the caller closes it stays so", BROWSER;
        At(0) => "connect", Respond(404, SSE) => "rejected", Close => "", RetryIn(7) => "",
        At(0) => "closed Rejected(Status(404))";
    "another connection that the caller wants is not one attempt too many",
    BROWSER.with_attempts(1);
        At(0) => "connect", Fail => "", At(0) => "closed OutOfAttempts(Transport)",
        RetryIn(7) => "", Open(7) => "connect", Reconnect => "", At(7) => "wait 3000 Reconnect";
    "a success with a body is accepted if the policy says so", BROWSER.with_any_success(true);
        At(0) => "connect", Respond(202, SSE) => "open", Bytes(b"data: 1\n\n") => "1", End => "",
        At(0) => "wait 3000 End", At(3000) => "connect", Respond(299, SSE) => "open", End => "",
        At(3000) => "wait 3000 End", At(6000) => "connect", Respond(201, &["text/html"]) => "rejected",
        At(6000) => "closed Rejected(ContentType)";
    "a success without a body is none", BROWSER.with_any_success(true);
        At(0) => "connect", Respond(204, SSE) => "rejected", At(0) => "closed Rejected(Status(204))";
    "another one without a body", BROWSER.with_any_success(true);
        At(0) => "connect", Respond(205, SSE) => "rejected", At(0) => "closed Rejected(Status(205))";
    "the caller says which statuses are transient",
    BROWSER.with_transient_statuses(&[404..=404, 420..=422]);
        At(0) => "connect", Respond(404, SSE) => "rejected", At(0) => "wait 3000 Status(404)",
        At(3000) => "connect", Respond(421, SSE) => "rejected", At(3000) => "wait 3000 Status(421)",
        At(6000) => "connect", Respond(503, SSE) => "rejected",
        At(6000) => "closed Rejected(Status(503))";
    "a content type is never transient", BROWSER.with_transient_statuses(&[0..=999]);
        At(0) => "connect", Respond(200, &["text/html"]) => "rejected",
        At(0) => "closed Rejected(ContentType)";
    "an event that exceeds a limit is an error, and its ID counts", BROWSER;
        Open(0) => "connect",
        Bytes(b"id: 7\ndata: more than the 48 bytes that fit into this memory\n\ndata: 2\n\n") =>
            "EventTooLarge { limit: 48 }, 2 #7",
        Again(0) => "connect 7";
    "what the end cut off can be recovered before the next request", BROWSER;
        Open(0) => "connect", Bytes(b"data: [DONE]") => "", End => "", Recover => "[DONE]",
        At(0) => "wait 3000 End", Recover => "", Open(3000) => "connect", Bytes(b"\n\n") => "";
};

const LAST_EVENT_IDS: &[Case] = cases! {
    "the last event ID is sent until it is replaced or emptied", BROWSER;
        Open(0) => "connect",
        Bytes("id: 1\u{2026}\ndata: 1\n\ndata: 2\n\n".as_bytes()) => "1 #1\u{2026}, 2 #1\u{2026}",
        Again(0) => "connect 1\u{2026}",
        // Not without its blank line, nor with NUL.
        Bytes(b"data: 3\n\nid: 2\ndata: cut\n") => "3 #1\u{2026}",
        Again(3000) => "connect 1\u{2026}", Bytes(b"\ndata: 4\n\nid: 3\0\n\n") => "4 #1\u{2026}",
        Again(6000) => "connect 1\u{2026}",
        // Also by a block without data.
        Bytes(b"id: 2\n\n") => "", Again(9000) => "connect 2", Bytes(b"id\n\n") => "",
        Again(12_000) => "connect";
    "an ID that cannot be a header is left out", BROWSER;
        Open(0) => "connect", Bytes(b"id: a\x1Bb\n\n") => "",
        Again(0) => "connect without \"a\\u{1b}b\"", Bytes(b"id: a \n\n") => "",
        Again(3000) => "connect without \"a \"";
    "an ID of the caller is sent and inherited", BROWSER;
        SetId("41") => "", Open(0) => "connect 41", Bytes(b"data: 1\n\n") => "1 #41",
        SetId("50") => "", Again(0) => "connect 50";
};

const TIMEOUTS: &[Case] = cases! {
    "an idle connection is lost, and any byte is a sign of life",
    BROWSER.with_idle_timeout(ms(500));
        At(0) => "connect", At(400) => "await 100", Respond(200, SSE) => "open",
        At(450) => "read 500", Bytes(b":") => "", At(900) => "read 500", Bytes(b"c") => "",
        At(1300) => "read 500", Bytes(b"\n\n") => "", At(1700) => "read 500",
        Bytes(b"data: 1\n\n") => "1", At(2500) => "read 500", Bytes(b"") => "",
        At(2999) => "read 1", At(3000) => "wait 3000 Idle",
        // Also where no response comes, from each request on.
        At(6000) => "connect", At(6499) => "await 1", At(6500) => "wait 3000 Idle",
        At(99_000) => "connect", At(99_499) => "await 1";
    "a response has a timeout of its own",
    BROWSER.with_idle_timeout(ms(500)).with_response_timeout(ms(9000));
        At(0) => "connect", At(8999) => "await 1", Respond(200, SSE) => "open",
        At(8999) => "read 500", At(9499) => "wait 3000 Idle", At(12_499) => "connect",
        At(21_498) => "await 1", At(21_499) => "wait 3000 NoResponse";
    "a response may have a timeout alone", BROWSER.with_response_timeout(ms(0)).with_attempts(1);
        At(0) => "connect", At(0) => "await 1", Respond(200, SSE) => "open",
        At(1) => "read", At(90_000) => "read", End => "", At(90_000) => "wait 3000 End";
    "a response may take any time, and silence may not",
    BROWSER.with_idle_timeout(ms(500)).with_response_timeout(Duration::MAX);
        At(0) => "connect", At(90_000) => "await", Respond(200, SSE) => "open",
        At(90_000) => "read 500", At(90_500) => "wait 3000 Idle";
    "the shortest response timeout is a millisecond",
    BROWSER.with_response_timeout(ms(0)).with_attempts(1);
        At(9) => "connect", At(9) => "await 1", At(10) => "closed OutOfAttempts(NoResponse)";
    "the shortest idle timeout is a millisecond", BROWSER.with_idle_timeout(ms(0)).with_attempts(1);
        At(9) => "connect", At(9) => "await 1", At(10) => "closed OutOfAttempts(Idle)";
    "without an idle timeout a connection is never idle", BROWSER;
        At(0) => "connect", At(u64::MAX - 1) => "await", Respond(200, SSE) => "open",
        At(u64::MAX) => "read";
    "Retry-After is a minimum for one delay, of a connection that was just lost",
    BROWSER.with_transient_statuses(Policy::TRANSIENT);
        WaitAtLeast(50_000) => "", At(0) => "connect", WaitAtLeast(50_000) => "",
        Respond(503, SSE) => "rejected", WaitAtLeast(20_000) => "",
        At(0) => "wait 20000 Status(503)", WaitAtLeast(50_000) => "",
        At(1000) => "wait 19000 Status(503)", At(20_000) => "connect", Fail => "",
        At(20_000) => "wait 3000 Transport", At(23_000) => "connect",
        Respond(429, SSE) => "rejected", WaitAtLeast(1000) => "",
        At(23_000) => "wait 3000 Status(429)";
    "the upper bound limits Retry-After", BROWSER.with_bounds(ms(0), ms(9000));
        At(0) => "connect", Fail => "", WaitAtLeast(u64::MAX) => "", At(0) => "wait 9000 Transport";
};

const GIVING_UP: &[Case] = cases! {
    "the first attempt is always made", BROWSER.with_attempts(0);
        At(0) => "connect", Fail => "", At(0) => "closed OutOfAttempts(Transport)";
    "after a good connection there are as many attempts again", BROWSER.with_attempts(2);
        At(0) => "connect", Fail => "", At(0) => "wait 3000 Transport", Open(3000) => "connect",
        Bytes(b"data: 1\n\n") => "1", End => "", At(3000) => "wait 3000 End",
        Open(6000) => "connect", End => "", At(6000) => "wait 3000 End", At(9000) => "connect",
        Fail => "", At(9000) => "closed OutOfAttempts(Transport)";
    "the time without a connection is counted from the first request", BROWSER.with_time(ms(6000));
        At(100_000) => "connect", Fail => "", At(100_000) => "wait 3000 Transport",
        At(103_000) => "connect", Fail => "", At(103_000) => "wait 3000 Transport",
        At(106_000) => "connect", Fail => "",
        // The next one would be at 109 s.
        At(106_000) => "closed OutOfTime(Transport)";
    "the time for which a connection is open does not count, nor does that before its loss",
    BROWSER.with_time(ms(10_000));
        Open(0) => "connect", At(1000) => "read", Bytes(b": c\n") => "", At(25_000) => "read",
        End => "", At(25_000) => "wait 3000 End", At(28_000) => "connect", Fail => "",
        At(31_000) => "wait 3000 Transport", Open(34_000) => "connect",
        Bytes(b"data: 1\n\n") => "1", At(50_000) => "read", End => "",
        At(50_000) => "wait 3000 End", At(57_001) => "connect", Fail => "",
        At(57_001) => "closed OutOfTime(Transport)";
    "a connection that brings nothing does not restart the time", BROWSER.with_time(ms(10_000));
        Open(0) => "connect", At(1000) => "read", End => "", At(20_000) => "wait 3000 End",
        At(23_000) => "connect", Fail => "", At(27_001) => "closed OutOfTime(Transport)";
    "a connection that the caller requests is no failure, and no limit applies to it",
    BROWSER.with_attempts(1).with_resend(Resend::Never).with_time(ms(0));
        Reconnect => "", Open(0) => "connect", Bytes(b"id: 1\n\nid: 2\ndata: cut") => "",
        Reconnect => "", Bytes(b"\n\n") => "", At(0) => "wait 3000 Reconnect",
        At(1000) => "wait 2000 Reconnect", At(3000) => "connect 1", Reconnect => "",
        At(3000) => "wait 3000 Reconnect", Open(6000) => "connect 1", End => "",
        At(6000) => "closed NotResent(End)";
    "neither comments nor the time until it opens make a connection good",
    BROWSER.with_attempts(2);
        At(0) => "connect", Fail => "", At(0) => "wait 3000 Transport", At(3000) => "connect",
        At(90_000) => "await", Respond(200, SSE) => "open", At(100_000) => "read",
        Bytes(b": hello\n\nretry 3000\n\ndata: cut\nid: 7") => "", End => "",
        At(129_999) => "closed OutOfAttempts(End)";
    "a server that wants to be polled sets a time, and ends the stream", BROWSER.with_attempts(1);
        Open(0) => "connect", Bytes(b"retry: 3000\n") => "", End => "", At(0) => "wait 3000 End",
        Open(3000) => "connect", Bytes(b"retry: 3000\n") => "", End => "",
        At(3000) => "wait 3000 End",
        // The time of an earlier connection does not count.
        Open(6000) => "connect", End => "", At(6000) => "closed OutOfAttempts(End)";
    "a time before an error makes no connection good", BROWSER.with_attempts(1);
        Open(0) => "connect", Bytes(b"retry: 3000\n") => "", Fail => "",
        At(0) => "closed OutOfAttempts(Transport)";
    "another ID than the one that was sent makes a connection good", BROWSER.with_attempts(1);
        SetId("7") => "", Open(0) => "connect 7", Bytes(b"id: 8\n\n") => "", Fail => "",
        At(0) => "wait 3000 Transport", Open(3000) => "connect 8", Bytes(b"id: 8\n\n") => "",
        Fail => "", At(3000) => "closed OutOfAttempts(Transport)";
    "an empty ID is no progress", BROWSER.with_attempts(1);
        SetId("7") => "", Open(0) => "connect 7", Bytes(b"id\n\n") => "", Fail => "",
        At(0) => "closed OutOfAttempts(Transport)";
    "a connection is good that is open for long enough, or brings an event",
    BROWSER.with_attempts(1);
        At(0) => "connect", At(90_000) => "await", Respond(200, SSE) => "open",
        At(100_000) => "read", End => "", At(130_000) => "wait 3000 End",
        Open(133_000) => "connect", Bytes(b"id: 1\n\ndata\n\n") => " #1", End => "",
        At(133_000) => "wait 3000 End";
    "a request without a last event ID cannot be resumed",
    BROWSER.with_resend(Resend::Resumable).with_transient_statuses(Policy::TRANSIENT);
        // Until it was accepted it costs nothing.
        At(0) => "connect", Fail => "", At(0) => "wait 3000 Transport", At(3000) => "connect",
        Respond(429, SSE) => "rejected", At(3000) => "wait 3000 Status(429)",
        Open(6000) => "connect", Bytes(b"data: 1\n\n") => "1", End => "",
        At(6000) => "closed NotResent(End)";
    "a request is resumed from an ID that can be a header",
    BROWSER.with_resend(Resend::Resumable).with_transient_statuses(Policy::TRANSIENT);
        Open(0) => "connect", Bytes(b"id: 1\n\n") => "", Fail => "",
        At(0) => "wait 3000 Transport", At(3000) => "connect 1", Respond(503, SSE) => "rejected",
        At(3000) => "wait 3000 Status(503)", Open(6000) => "connect 1",
        Bytes(b"id: \x1Bx\n\n") => "", End => "", At(6000) => "closed NotResent(End)";
    "a request that was accepted is not sent again",
    BROWSER.with_resend(Resend::UntilOpened).with_transient_statuses(Policy::TRANSIENT);
        At(0) => "connect", Fail => "", At(0) => "wait 3000 Transport", At(3000) => "connect",
        Respond(429, SSE) => "rejected", At(3000) => "wait 3000 Status(429)",
        Open(6000) => "connect", Bytes(b"id: 1\n\n") => "", Fail => "",
        At(6000) => "closed NotResent(Transport)";
    "a request that has brought an event is not sent again",
    BROWSER.with_resend(Resend::UntilFirstEvent);
        Open(0) => "connect", Bytes(b"id: 1\n\nretry: 5\n: c\n") => "", Fail => "",
        At(0) => "wait 5 Transport", Open(5) => "connect 1", Bytes(b"data: 1\n\n") => "1 #1",
        // Not even if another connection was lost before an event.
        Reconnect => "", At(5) => "wait 5 Reconnect", Open(10) => "connect 1", End => "",
        At(10) => "closed NotResent(End)";
    "a request that may be sent once is, whatever it was lost by",
    BROWSER.with_resend(Resend::Never).with_transient_statuses(Policy::TRANSIENT);
        At(0) => "connect", Respond(503, SSE) => "rejected",
        At(0) => "closed NotResent(Status(503))";
};

/// Every case, read by each call, whole and byte by byte; after each row all laws hold.
#[test]
fn the_client_does_what_the_table_says() {
    for (name, policy, script) in [CONNECTIONS, LAST_EVENT_IDS, TIMEOUTS, GIVING_UP].concat() {
        for (&call, chunk) in Call::ALL
            .iter()
            .flat_map(|call| [(call, usize::MAX), (call, 1)])
        {
            let _shown = ShownOnPanic(&format!("{name}: {call:?}, {chunk} bytes at once"));
            let mut machine = Machine::new(source(policy, 1), call, chunk);
            for (number, (on, expected)) in script.iter().enumerate() {
                let _shown = ShownOnPanic(&format!("row {number}: {on:?}"));
                assert_eq!(machine.apply(*on), *expected);
                machine.assert_laws();
            }
        }
    }
}

/// Times on which everything happens, and those at which arithmetic ends.
fn time(random: &mut Random) -> u64 {
    match random.below(4) {
        0 => random.number() % 10,
        1 | 2 => random.number() % 1_000_000,
        _ => u64::MAX - random.number() % 2,
    }
}

fn any_policy(random: &mut Random) -> Policy {
    let mut time = || ms(time(random));
    let policy = Policy::new()
        .with_reconnection_time(time())
        .with_bounds(time(), time())
        .with_backoff(Backoff::new().with_longest(time()))
        .with_steady_after(time())
        .with_idle_timeout(time())
        .with_response_timeout(time())
        .with_time(time());
    let resends = [
        Resend::Always,
        Resend::Resumable,
        Resend::UntilOpened,
        Resend::UntilFirstEvent,
        Resend::Never,
    ];
    let transient = [&[][..], Policy::TRANSIENT, &[0..=u16::MAX]];
    policy
        .with_attempts(u32::try_from(random.below(5)).expect("it is small"))
        .with_resend(*random.choose(&resends))
        .with_transient_statuses(transient[random.below(3)])
        .with_any_success(random.once_in(2))
        .with_any_content_type(random.once_in(2))
}

/// Anything, whether or not it makes sense.
fn anything(random: &mut Random) -> On {
    const BYTES: &[&[u8]] = &[
        b"",
        b"data: 1\n\n",
        b"id: 7\n\n",
        b"retry: 0\n",
        b"retry: 99999999999999999999\n",
        b": c\ndata: cut",
    ];
    match random.below(23) {
        22 => GiveUp,
        21 => RetryNow,
        20 => RetryIn(time(random)),
        0..=5 => At(time(random)),
        6..=9 => Respond(200, SSE),
        10 => Respond(*random.choose(&[204, 429, 500]), &["x/y"]),
        11..=14 => Bytes(random.choose::<&[u8]>(BYTES)),
        15 => Reconnect,
        16 => WaitAtLeast(time(random)),
        17 if random.once_in(9) => Close,
        17 => Recover,
        18 => Fail,
        _ => End,
    }
}

#[test]
fn whatever_happens_in_whatever_order_all_laws_hold() {
    for seed in 0..2000 {
        let _shown = ShownOnPanic(&format!("seed {seed}"));
        let mut random = Random::new(seed);
        let source = source(any_policy(&mut random), seed);
        let mut machine = Machine::new(source, *random.choose(Call::ALL), 3);
        for _ in 0..random.below(60) {
            machine.apply(anything(&mut random));
        }
        machine.assert_laws();
    }
}

/// What is being tested, if it fails.
struct ShownOnPanic<'t>(&'t str);

impl Drop for ShownOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("in {}", self.0);
        }
    }
}
