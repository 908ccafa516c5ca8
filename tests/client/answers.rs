//! What drivers make of the answers of a server: one table for all of them.

use crate::drivers::Answer::{self, Continues, Fails, Rejects, Streams};
use crate::drivers::{DAY, DRIVERS, Server, updates};
use crate::machine::ms;
use crate::transport::Step::{self, Ends, Gives};
use core::time::Duration;
use sse_wire::client::{EventSource, Policy, Resend};
use sse_wire::{EventDecoder, Limits};
use std::io::ErrorKind::{ConnectionRefused, ConnectionReset, Other, TimedOut};
#[cfg(feature = "std")]
use std::io::ErrorKind::{Interrupted, WouldBlock};

/// An hour between two connections, without jitter: a test that takes long sees the same.
const POLICY: Policy = Policy::browser().with_reconnection_time(Duration::from_secs(3600));

/// A client with this policy, a limit of 48 bytes, and the last event ID 41.
pub(crate) fn source(policy: Policy) -> EventSource {
    let decoder = EventDecoder::with_limits(Limits::new().with_event(48));
    let source = EventSource::from_decoder(decoder, 1).with_policy(policy);
    source.with_last_event_id("41").expect("it fits")
}

/// A body of these chunks, which then does this.
pub(crate) fn body(chunks: &str, end: &[Step]) -> Answer {
    let chunks = chunks.split('|').map(|chunk| Gives(chunk.into()));
    Streams(chunks.chain(end.iter().cloned()).collect())
}

/// What must hold, the policy, the answers, the updates that come of them (separated by "/"), and
/// the last event IDs of the requests.
type Case = (
    &'static str,
    Policy,
    Vec<Answer>,
    &'static str,
    &'static str,
);

macro_rules! cases {
    ($($name:literal, $policy:expr; $($answer:expr),* => $updates:literal, $ids:literal;)*) => {
        vec![$(($name, $policy, vec![$($answer),*], $updates, $ids)),*]
    };
}

fn cases() -> Vec<Case> {
    let retrying = POLICY.with_transient_statuses(Policy::TRANSIENT);
    cases! {
        "a stream without events says what came instead, and another one does not",
        POLICY.with_attempts(2);
            body("{\"error\":|1}\n: c\n", &[Ends]), body("da|te: 1\n\ndata: 1\n\n", &[Ends]),
            body("id: 7\n\n", &[Ends]), body("<html>\n", &[Ends]), body("<p>\n", &[Ends]) =>
            "opened/item !{\\\"error\\\":/item !1}/item : c/lost End None but {\\\"error\\\":1} 3600/\
             opened/item !da/item !te: 1/1 #41/lost End None 3600/\
             opened/item #7/lost End None 3600/\
             opened/item !<html>/lost End None but <html> 3600/\
             opened/item !<p>/closed None: too many failed attempts; the last one: \
             the stream ended but <p>",
            "41 41 41 7 7";
        "updates come in the order of what happened, with reasons, errors and delays",
        retrying.with_idle_timeout(ms(1));
            Fails(ConnectionRefused), body(": c\ndata: 1\n\nda|ta: cut", &[Ends]),
            Rejects(503, Some("7200")),
            body("retry: 7200000\nid: 7\ndata: 2\n|\n", &[Step::Fails(ConnectionReset)]),
            body("data: 3\n\n", &[]), Rejects(404, None) =>
            "lost Transport Some(Fault(ConnectionRefused)) 3600/opened/item : c/1 #41/\
             lost End None 3600/lost Status(503) None 7200/opened/item Retry(7200000)/2 #7/\
             lost Transport Some(Fault(ConnectionReset)) 7200/opened/3 #7/lost Idle None 7200/\
             closed Some(404): response rejected: the status of the response is 404, not 200",
            "41 41 41 41 7 7";
        "the last error has the reason and the error of the transport", POLICY.with_attempts(2);
            Fails(Other), Fails(TimedOut) =>
            "lost Transport Some(Fault(Other)) 3600/closed None: too many failed attempts; \
             the last one: the transport failed: the transport failed: TimedOut", "41 41";
        "the last error owns the last of several rejected responses", retrying.with_attempts(2);
            Rejects(500, None), Rejects(503, None) =>
            "lost Status(500) None 3600/closed Some(503): too many failed attempts; \
             the last one: the status of the response is 503, not 200", "41 41";
        "comments and reconnection times do not make a connection good", POLICY.with_attempts(1);
            body(": c\nretry: 1\n", &[Step::Fails(ConnectionReset)]) =>
            "opened/item : c/item Retry(1)/closed None: too many failed attempts; \
             the last one: the transport failed: the transport failed: ConnectionReset", "41";
        "an event makes a connection good", POLICY.with_attempts(1);
            body("data: 1\n\n", &[Ends]), body("data: 2\n\n", &[Ends]), Rejects(404, None) =>
            "opened/1 #41/lost End None 3600/opened/2 #41/lost End None 3600/\
             closed Some(404): response rejected: the status of the response is 404, not 200",
            "41 41 41";
        "a request that may be sent once is", POLICY.with_resend(Resend::Never);
            body("data: 1\n\n", &[Ends]) =>
            "opened/1 #41/closed None: request not sent again: the stream ended", "41";
        "an event that exceeds a limit is an error, and the stream continues", retrying;
            body(
                "id: 1\ndata: more than the 48 bytes to which an event is limited\n\ndata: 2\n\n",
                &[Ends]
            ),
            Rejects(204, None) =>
            "opened/event exceeds the limit of 48 bytes/2 #1/lost End None 3600/\
             closed Some(204): response rejected: the status of the response is 204, not 200",
            "41 1";
        "another connection on request drops what was read", POLICY.with_resend(Resend::Never);
            body("id: 1\ndata: reconnect\n\nid: 2\ndata: dropped\n\n", &[Ends]),
            body("data: b\n\n", &[Ends]) =>
            "opened/reconnect #1/lost Reconnect None 3600/opened/b #1/\
             closed None: request not sent again: the stream ended", "41 1";
        "a response may say where the stream continues, until an event does", POLICY;
            Continues("7", vec![Gives(b"data: 1\n\nid: 8\ndata: 2\n\n".into()), Ends]),
            Continues("", vec![Gives(b"data: 0\n\n".into()), Ends]),
            Continues("a\nb", vec![Gives(b"data: 3\n\n".into()), Ends]), Rejects(404, None) =>
            "opened/1 #7/2 #8/lost End None 3600/opened/0 #8/lost End None 3600/opened/3 #8/lost End None 3600/\
             closed Some(404): response rejected: the status of the response is 404, not 200",
            "41 8 8 8";
        "a position in the head is no progress", POLICY.with_attempts(2);
            Continues("7", vec![Step::Fails(ConnectionReset)]),
            Continues("8", vec![Step::Fails(ConnectionReset)]) =>
            "opened/lost Transport Some(Fault(ConnectionReset)) 3600/opened/closed None: \
             too many failed attempts; the last one: the transport failed: the transport failed: \
             ConnectionReset",
            "41 7";
        "what wakes it again is no silence", POLICY.with_idle_timeout(DAY).with_attempts(1);
            body("da|", &[Step::Pends, Gives(b"ta\n".into()), Ends]) =>
            "opened/closed None: too many failed attempts; the last one: the stream ended", "41";
    }
}

#[test]
fn every_driver_does_what_the_table_says() {
    for (name, policy, answers, expected, ids) in cases() {
        for (driver, open) in DRIVERS {
            let server = Server::of(answers.clone());
            let updates = updates(*open, source(policy), &server);
            let is_yielded = |u: &&str| driver.contains("items") || !u.starts_with("item ");
            let expected: Vec<_> = expected.split('/').filter(is_yielded).collect();
            assert_eq!(updates, expected, "{driver}: {name}");
            assert_eq!(server.state().ids.join(" "), ids, "{driver}: {name}");
            // It sleeps once after each loss, whatever its clock shows.
            let lost = expected.iter().filter(|update| update.starts_with("lost"));
            let delays = lost.filter_map(|lost| lost.rsplit(' ').next()?.parse().ok());
            let delays: Vec<_> = delays.map(Duration::from_secs).collect();
            let slept = server.state().slept.clone();
            assert_eq!(slept.len(), delays.len(), "{driver}: {name}");
            for (slept, delay) in slept.into_iter().zip(delays) {
                assert!(
                    (delay / 2..=delay).contains(&slept),
                    "{driver}: {name}: {slept:?}"
                );
            }
        }
    }
}

/// What a blocking reader reports, which has no waker.
#[cfg(feature = "std")]
#[test]
fn a_reader_may_be_interrupted_and_is_silent_only_with_an_idle_timeout() {
    let patient = POLICY.with_idle_timeout(Duration::from_secs(3600));
    for (policy, kind, is_failure) in [
        (POLICY, Interrupted, false),
        (POLICY, WouldBlock, true),
        (POLICY, TimedOut, true),
        (patient, Interrupted, false),
        (patient, WouldBlock, false),
        (patient, TimedOut, false),
        (patient, ConnectionReset, true),
    ] {
        let answers = vec![body("data: 1\n\n|da", &[Step::Fails(kind), Ends])];
        let (_, reader) = DRIVERS[0];
        let source = source(policy.with_resend(Resend::Never));
        let updates = updates(reader, source, &Server::of(answers));
        let reason = match is_failure {
            true => format!("the transport failed: the transport failed: {kind:?}"),
            false => "the stream ended".into(),
        };
        let closed = format!("closed None: request not sent again: {reason}");
        assert_eq!(updates, ["opened", "1 #41", &closed]);
    }
}

/// A reader that never blocks is not polled in a busy loop.
#[cfg(feature = "std")]
#[test]
fn a_reader_that_returns_at_once_lets_others_have_the_processor() {
    use core::cell::Cell;
    use sse_wire::client::{Cause, Request};
    use sse_wire::reconnect::{Head, ReconnectingReader, Update};
    use std::io::{Error, Read, Result};

    struct NeverBlocks<'r>(&'r Cell<u32>);

    impl Read for NeverBlocks<'_> {
        fn read(&mut self, _: &mut [u8]) -> Result<usize> {
            self.0.set(self.0.get() + 1);
            assert!(self.0.get() < 1000, "it is read again and again");
            Err(Error::from(WouldBlock))
        }
    }

    let (reads, slept) = (Cell::new(0), Cell::new(Duration::ZERO));
    let connect = |_: Request<'_>| {
        let head = Head::new(200, Some("text/event-stream"));
        Result::Ok((head, ()))
    };
    let body = |()| NeverBlocks(&reads);
    let sleep = |time| slept.set(slept.get() + time);
    let source = source(POLICY.with_idle_timeout(Duration::from_millis(2005)));
    let updates = ReconnectingReader::from_fns(source, connect, body, sleep);
    // Only sleeps advance the time.
    let mut updates = updates.with_clock(|| Duration::ZERO);
    assert!(matches!(updates.next(), Some(Ok(Update::Opened(())))));
    let lost = updates.next();
    let is_idle = |update| {
        matches!(
            update,
            Update::Reconnecting {
                reason: Cause::Idle,
                ..
            }
        )
    };
    assert!(lost.is_some_and(|lost| lost.is_ok_and(is_idle)));
    assert_eq!((reads.get(), slept.get().as_millis()), (201, 2005));
}

#[cfg(feature = "std")]
#[derive(Debug, thiserror::Error)]
#[error("not sent")]
struct NotSent(#[from] std::io::Error);

#[test]
#[cfg(feature = "std")]
fn the_last_error_shows_the_error_of_the_transport_and_has_its_source() {
    use core::error::Error;
    use sse_wire::DecodeError;
    use sse_wire::client::Request;
    use sse_wire::reconnect::{Head, ReconnectError, ReconnectingReader};

    let connect = |_: Request<'_>| {
        let error = NotSent(std::io::Error::other("no route"));
        Err::<(Head, &[u8]), _>(error)
    };
    let source = source(POLICY.with_attempts(1));
    let mut updates = ReconnectingReader::from_fns(source, connect, |body| body, |_| ());
    let closed = updates.find_map(Result::err).expect("it is closed");
    let message = closed.to_string();
    assert!(
        message.ends_with(": the transport failed: not sent"),
        "{message}"
    );
    let source = closed.source().map(ToString::to_string);
    assert_eq!(source.as_deref(), Some("no route"));
    let error = ReconnectError::<(), NotSent>::from(DecodeError::EventTooLarge { limit: 5 });
    assert!(error.source().is_none());
}

#[test]
#[cfg(feature = "std")]
fn closures_are_a_blocking_client_whose_state_another_driver_can_take_over() {
    use core::cell::RefCell;
    use sse_wire::client::Request;
    use sse_wire::reconnect::{Head, ReconnectingReader};

    let ids = RefCell::new(Vec::new());
    let slept = RefCell::new(Vec::new());
    let connect = |request: Request<'_>| {
        ids.borrow_mut().push(request.last_event_id().to_owned());
        let head = Head::new(200, Some("text/event-stream"));
        std::io::Result::Ok((head, &b"id: 42\ndata: 1\n\n"[..]))
    };
    let sleep = |delay| slept.borrow_mut().push(delay);
    let mut source = source(POLICY);
    for _ in 0..2 {
        // A clock that stands still: only the sleeps advance the time.
        let updates = ReconnectingReader::from_fns(source, connect, |body| body, sleep);
        let mut updates = updates.with_clock(|| Duration::ZERO);
        // Opened, an event and a loss, twice.
        assert_eq!(updates.by_ref().take(6).filter(Result::is_ok).count(), 6);
        source = updates.into_source();
        assert_eq!(source.last_event_id(), "42");
    }
    assert_eq!(ids.into_inner(), ["41", "42", "42", "42"]);
    assert_eq!(slept.into_inner(), [Duration::from_secs(3600); 3]);
}
