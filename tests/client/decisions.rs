//! What the caller decides about each loss, and what it learns of each response.

use crate::answers::{body, source};
use crate::drivers::{Answer, DAY, DRIVERS, Response, Server, updates};
use crate::machine::ms;
use crate::transport::{Fault, Step};
use core::cell::RefCell;
use core::time::Duration;
use sse_wire::client::{Policy, Resend};
use sse_wire::reconnect::{Decision, Lost, ReconnectError, Update};
use std::io::ErrorKind::{ConnectionRefused, ConnectionReset};
use std::rc::Rc;

/// One attempt, and no status is transient.
const STRICT: Policy = PATIENT.with_attempts(1);

/// An hour between two connections, without jitter.
const PATIENT: Policy = Policy::browser().with_reconnection_time(Duration::from_secs(3600));

/// What a hook was told, and what came of it.
type Told = Rc<RefCell<Vec<String>>>;

/// A hook that notes what it is told, and decides as the list says.
fn hook(
    told: &Told,
    decisions: Vec<Decision>,
) -> impl FnMut(&mut Lost<'_, Response, Fault>) -> Decision + use<> {
    let (told, mut decisions) = (told.clone(), decisions.into_iter());
    move |lost| {
        let response = lost.response.as_ref().map(|response| response.0);
        let planned = lost.planned.map(|delay| delay.as_millis());
        told.borrow_mut().push(format!(
            "{:?} {} {} {response:?} {:?} {planned:?}",
            lost.reason, lost.requests, lost.failures, lost.error
        ));
        decisions.next().expect("no other decision is asked for")
    }
}

fn note<T>(
    told: &Told,
    update: &Result<Update<T, u16, Response, Fault>, ReconnectError<Response, Fault>>,
) {
    told.borrow_mut().push(match update {
        Ok(Update::Opened(status)) => format!("opened {status}"),
        Ok(Update::Item(_)) => "event".into(),
        Ok(Update::Reconnecting {
            delay, response, ..
        }) => {
            let status = response.as_ref().map(|response| response.0);
            format!("again in {delay:?} {status:?}")
        }
        Err(ReconnectError::Closed {
            reason, response, ..
        }) => {
            let status = response.as_ref().map(|response| response.0);
            format!("{reason:?} {status:?}")
        }
        other => panic!(
            "{:?}",
            other.as_ref().map(|_| ()).map_err(ToString::to_string)
        ),
    });
}

/// Lets every driver run with the same answers and decisions.
fn all(policy: Policy, answers: &[Answer], decisions: &[Decision]) -> Vec<Vec<String>> {
    let mut all = Vec::new();
    #[cfg(feature = "std")]
    {
        use sse_wire::reconnect::ReconnectingReader;
        let (told, server) = (Told::default(), Server::of(answers.to_vec()));
        let updates = ReconnectingReader::new(source(policy), server);
        for update in updates.with_decision(hook(&told, decisions.to_vec())) {
            note(&told, &update);
        }
        all.push(told.take());
    }
    #[cfg(feature = "stream")]
    {
        use futures_util::{FutureExt as _, StreamExt as _};
        use sse_wire::reconnect::ReconnectingStream;
        let (told, server) = (Told::default(), Server::of(answers.to_vec()));
        let updates = ReconnectingStream::new(source(policy), server);
        let updates = updates.with_decision(hook(&told, decisions.to_vec()));
        let noted = updates.for_each(|update| {
            note(&told, &update);
            core::future::ready(())
        });
        noted.now_or_never().expect("nothing waits");
        all.push(told.take());
    }
    all
}

#[test]
fn the_caller_decides_about_each_loss_once() {
    use Decision::{AsPlanned, RetryIn, Stop};

    let answers = [
        Answer::Fails(ConnectionRefused),
        Answer::Rejects(404, None),
        body("data: 1\n\n", &[Step::Fails(ConnectionReset)]),
        body("", &[Step::Ends]),
        Answer::Rejects(503, Some("20")),
    ];
    let decisions = [
        RetryIn(ms(7)),
        RetryIn(ms(0)),
        AsPlanned,
        RetryIn(Duration::from_secs(90)),
        Stop,
    ];
    let policy = STRICT.with_transient_statuses(Policy::TRANSIENT);
    for told in all(policy, &answers, &decisions) {
        assert_eq!(
            told,
            [
                "Transport 1 1 None Some(Fault(ConnectionRefused)) Err(OutOfAttempts(Transport))",
                "again in 7ms None",
                "Status(404) 2 2 Some(404) None Err(Rejected(Status(404)))",
                "again in 0ns Some(404)",
                "opened 200",
                "event",
                "Transport 3 0 None Some(Fault(ConnectionReset)) Ok(3600000)",
                "again in 3600s None",
                "opened 200",
                "End 4 1 None None Err(OutOfAttempts(End))",
                "again in 90s None",
                "Status(503) 5 2 Some(503) None Err(OutOfAttempts(Status(503)))",
                "OutOfAttempts(Status(503)) Some(503)",
            ]
        );
    }
}

/// A loss without an answer after another one: of a stream, since a blocking client returns.
#[cfg(feature = "stream")]
#[test]
fn the_caller_decides_about_requests_that_are_not_answered() {
    use futures_util::{FutureExt as _, StreamExt as _};
    use sse_wire::reconnect::ReconnectingStream;

    let answers = vec![Answer::Rejects(503, None), Answer::Hangs, Answer::Hangs];
    let (told, server) = (Told::default(), Server::of(answers));
    let policy = PATIENT
        .with_transient_statuses(Policy::TRANSIENT)
        .with_response_timeout(ms(1));
    let decisions = vec![Decision::AsPlanned, Decision::AsPlanned, Decision::Stop];
    let updates = ReconnectingStream::new(source(policy), server.clone());
    let updates = updates.with_clock(|| Duration::ZERO);
    let updates = updates.with_decision(hook(&told, decisions));
    let noted = updates.for_each(|update| {
        note(&told, &update);
        core::future::ready(())
    });
    noted.now_or_never().expect("nothing waits");
    assert_eq!(
        told.take(),
        [
            "Status(503) 1 1 Some(503) None Ok(3600000)",
            "again in 3600s Some(503)",
            "NoResponse 2 2 None None Ok(3600000)",
            "again in 3600s None",
            "NoResponse 3 3 None None Ok(3600000)",
            "GivenUp(NoResponse) None",
        ]
    );
    assert_eq!(server.state().ids.len(), 3);
}

/// One whose text grows beyond the limit when it is repaired.
#[test]
fn an_event_that_is_an_error_is_none_that_was_delivered() {
    let policy = PATIENT
        .with_attempts(2)
        .with_resend(Resend::UntilFirstEvent);
    // Bytes are not repaired.
    for (name, open) in DRIVERS.iter().filter(|(name, _)| !name.contains("raw")) {
        let event = || {
            let bytes = [b"data: ", &[0xFF; 40][..], b"\n\n"].concat();
            Answer::Streams(vec![Step::Gives(bytes), Step::Ends])
        };
        let server = Server::of(vec![event(), event()]);
        let all = updates(*open, source(policy), &server);
        assert_eq!(server.state().ids.len(), 2, "{name}: {all:?}");
    }
}

/// A sleep of a blocking client that another thread ends.
#[cfg(feature = "std")]
#[test]
fn a_sleep_that_ends_early_ends_the_wait_and_takes_no_more_time_than_it_took() {
    use core::cell::Cell;
    use sse_wire::client::Request;
    use sse_wire::reconnect::{Head, ReconnectingReader};

    thread_local! {
        static NOW: Cell<Duration> = const { Cell::new(Duration::ZERO) };
    }
    let requests = Cell::new(0);
    let connect = |_: Request<'_>| {
        requests.set(requests.get() + 1);
        Err::<(Head, &[u8]), _>(std::io::Error::from(ConnectionRefused))
    };
    let sleep = |_| NOW.set(NOW.get() + Duration::from_secs(1));
    let source = source(
        PATIENT
            .with_time(Duration::from_secs(2 * 3600))
            .with_attempts(5),
    );
    let updates = ReconnectingReader::from_fns(source, connect, |body| body, sleep);
    let last = updates.with_clock(|| NOW.get()).last();
    let closed = last.and_then(Result::err).map(|error| error.to_string());
    let closed = closed.expect("it is closed");
    assert!(closed.starts_with("too many failed attempts"), "{closed}");
    assert_eq!((requests.get(), NOW.get()), (5, Duration::from_secs(4)));
}

#[test]
fn the_caller_stops_what_the_policy_would_continue() {
    let answers = [body("data: 1\n\n", &[Step::Ends])];
    for told in all(PATIENT, &answers, &[Decision::Stop]) {
        let end = ["End 1 0 None None Ok(3600000)", "GivenUp(End) None"];
        assert_eq!(told[2..], end);
    }
}

#[cfg(feature = "std")]
#[test]
fn a_date_in_retry_after_counts_from_the_time_of_the_caller() {
    use crate::machine::SSE;
    use sse_wire::client::Request;
    use sse_wire::reconnect::{Head, ReconnectingReader};

    let date = Some("Sun, 06 Nov 1994 08:49:37 GMT");
    let now = |seconds: u64| Duration::from_secs(784_111_777 - seconds);
    for (head, expected) in [
        (
            Head::new(503, SSE).with_retry_after_at(date, now(7200)),
            7200,
        ),
        (Head::new(503, SSE).with_retry_after_at(date, now(0)), 3600),
        (
            Head::new(503, SSE).with_retry_after_at(Some("7200"), now(0)),
            7200,
        ),
        (Head::new(503, SSE).with_retry_after(date), 3600),
        (
            Head::new(503, SSE).with_retry_after_at(None::<&str>, now(7200)),
            3600,
        ),
    ] {
        let connect = |_: Request<'_>| Ok::<_, std::io::Error>((head.clone(), &b""[..]));
        let source = source(PATIENT.with_transient_statuses(&[503..=503]));
        let mut updates = ReconnectingReader::from_fns(source, connect, |body| body, |_| ());
        let Some(Ok(Update::Reconnecting { delay, .. })) = updates.next() else {
            panic!("it is lost");
        };
        assert_eq!(delay, Duration::from_secs(expected));
    }
}

#[test]
fn the_caller_ends_a_wait() {
    let policy = PATIENT.with_reconnection_time(DAY);
    for (name, open) in DRIVERS {
        let events = || body("data: 1\n\n", &[Step::Ends]);
        let server = Server::of(vec![events(), events(), events()]);
        let mut driver = open(source(policy), &server);
        for sleeps in [false, true] {
            assert_eq!(driver.next(sleeps).as_deref(), Some("opened"), "{name}");
            assert_eq!(driver.next(false).as_deref(), Some("1 #41"), "{name}");
            let lost = driver.next(false).expect("it is lost");
            assert!(lost.starts_with("lost End"), "{name}: {lost}");
            // The second time, a stream sleeps already.
            if sleeps && name.contains("stream") {
                assert_eq!(driver.next(false).as_deref(), Some("waits"), "{name}");
            }
        }
        assert_eq!(driver.next(true).as_deref(), Some("opened"), "{name}");
        assert_eq!(server.state().slept, [], "{name}");
    }
}
