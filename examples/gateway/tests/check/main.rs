//! Each check passes on a server without a fault, and fails on the same server with that fault.

mod fault;
mod itself;
mod program;
mod server;

use std::time::Duration;

use fault::Fault;
use futures_util::future::join_all;
use gateway::check::{Options, Report, Verdict, check, list};
use server::Server;
use tokio::time::interval;

use Verdict::{Fail, NotApplicable, NotObserved};

/// The options for a server that posts make send events.
fn options(address: &str) -> Options {
    let url = format!("http://{address}/events");
    let mut options = Options::new(&url).with_post(&format!("http://{address}/publish"), "{token}");
    options.prompt = Duration::from_secs(1);
    options.keep_alive = Duration::from_secs(3);
    options.timeout = Duration::from_secs(8);
    options
}

/// Each fault, and the checks that do not pass because of it.
const FAULTS: &[(Fault, &[(&str, Verdict)])] = &[
    (Fault::None, &[]),
    (Fault::WrongStatus, &[("status", Fail)]),
    (Fault::WrongContentType, &[("content-type", Fail)]),
    (Fault::Buffered, &[("no-buffering", Fail)]),
    (Fault::Transformable, &[("no-transform", Fail)]),
    (Fault::Cacheable, &[("no-caching", Fail)]),
    (Fault::ContentLength, &[("no-content-length", Fail)]),
    (Fault::LateFirstByte, &[("first-byte", Fail)]),
    (Fault::HeadWithFirstEvent, &[("first-byte", Fail)]),
    (Fault::HeldBack, &[("not-held-back", Fail)]),
    (Fault::Compressed, &[("compression", Fail)]),
    (Fault::CompressedAndFlushed, &[]),
    (Fault::CompressedAlways, &[("compression", Fail)]),
    (Fault::CompressionRejected, &[("compression", Fail)]),
    (Fault::Silent, &[("keep-alive", Fail)]),
    (Fault::CutWithinEvent, &[("clean-end", Fail)]),
    (Fault::ConnectionBroken, &[("clean-end", Fail)]),
    (Fault::SomeWithoutId, &[("id-present", Fail)]),
    (Fault::SameIdTwice, &[("ids-unique", Fail)]),
    (Fault::IdNotSendable, &[("ids-sendable", Fail)]),
    (Fault::ResumeSkipsOne, &[("resume", Fail)]),
    (Fault::ResumeRepeatsOne, &[("resume", Fail)]),
    (Fault::ResumeRepeatsAll, &[("resume", Fail)]),
    (Fault::ResumeIsLive, &[("resume", Fail)]),
    (Fault::ResumeRepeatsLive, &[("resume", Fail)]),
    (Fault::ResumeEndsLive, &[("resume", Fail)]),
    (Fault::ResumeRejected, &[("resume", Fail)]),
    (Fault::UnknownIsLive, &[("unknown-id", Fail)]),
    (Fault::UnknownIsServerError, &[("unknown-id", Fail)]),
    (Fault::UnknownHangs, &[("unknown-id", Fail)]),
    (Fault::UnknownIsRejected, &[]),
    (Fault::NoCheckpoint, &[("checkpoint", Fail)]),
    (Fault::NoRetry, &[("retry", NotObserved)]),
    (Fault::ShortRetry, &[("retry", Fail)]),
    (Fault::LongRetry, &[("retry", Fail)]),
    (
        Fault::InvalidRetry,
        &[("retry", NotObserved), ("ignored-lines", Fail)],
    ),
    (Fault::UnknownField, &[("ignored-lines", Fail)]),
    (Fault::TypeWithoutData, &[("data-present", Fail)]),
    (Fault::InvalidUtf8, &[("utf-8", Fail)]),
    (Fault::Oversized, &[("event-size", Fail)]),
    (
        Fault::NoIds,
        &[
            ("id-present", Fail),
            ("ids-unique", NotApplicable),
            ("ids-sendable", NotApplicable),
            ("resume", NotApplicable),
            ("unknown-id", NotApplicable),
            ("checkpoint", NotApplicable),
        ],
    ),
    // Without events nothing can be said about them.
    (
        Fault::EventsLost,
        &[
            ("not-held-back", Fail),
            ("id-present", NotObserved),
            ("ids-unique", NotObserved),
            ("resume", NotObserved),
        ],
    ),
    (
        Fault::PostRejected,
        &[
            ("not-held-back", Fail),
            ("id-present", NotObserved),
            ("ids-unique", NotObserved),
            ("resume", NotObserved),
        ],
    ),
];

/// The checks that do not pass.
fn not_passed(report: &Report) -> Vec<(&'static str, Verdict)> {
    let outcomes = report.checks.iter();
    let others = outcomes.filter(|outcome| outcome.verdict != Verdict::Pass);
    others.map(|it| (it.name, it.verdict)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_fault_fails_its_check_and_no_other() {
    let runs = FAULTS.iter().map(|(fault, expected)| async move {
        let (_, address) = Server::start(*fault).await;
        let report = check(&options(&address)).await.expect("a connection");
        let is_as_expected = not_passed(&report) == *expected;
        (!is_as_expected).then(|| format!("{fault:?}:\n{report}\n"))
    });
    let wrong: Vec<_> = join_all(runs).await.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn each_check_is_seen_to_fail() {
    for (name, _) in list() {
        let rows = FAULTS.iter();
        let mut alone = rows.filter(|(_, expected)| *expected == [(name, Fail)]);
        assert!(alone.next().is_some(), "{name}");
    }
}

#[tokio::test]
async fn a_response_that_is_no_stream_is_judged_by_its_status_alone() {
    let (_, address) = Server::start(Fault::NotFound).await;
    let report = check(&options(&address)).await.expect("a connection");
    assert_eq!(report.failed(), ["status"]);
    let others = report.checks.iter().skip(1);
    for outcome in others {
        assert_eq!(outcome.verdict, NotObserved, "{outcome:?}");
    }
    assert!(report.seconds < 4.0, "{report}");
}

#[tokio::test]
async fn a_connection_that_is_closed_without_a_response_fails() {
    let (_, address) = Server::start(Fault::HangsUp).await;
    let report = check(&options(&address)).await.expect("a connection");
    assert_eq!(report.failed(), ["status", "first-byte"]);
    let status = report.outcome("status").expect("the check");
    assert!(status.evidence.contains("broke"), "{status:?}");
    assert!(report.seconds < 4.0, "{report}");
}

/// Publishes `together` events each period.
fn tick(server: Server, period: Duration, together: usize) {
    tokio::spawn(async move {
        let mut interval = interval(period);
        for number in 0.. {
            interval.tick().await;
            for part in 0..together {
                server.publish(&format!("{number}.{part}"));
            }
        }
    });
}

/// A server that sends events by itself, and the options for it.
async fn ticking(period: Duration, together: usize) -> Options {
    let (server, address) = Server::start(Fault::None).await;
    tick(server, period, together);
    let mut options = options(&address);
    (options.post, options.body) = (None, None);
    options
}

#[tokio::test]
async fn without_posts_events_that_come_by_themselves_suffice() {
    let mut options = ticking(Duration::from_millis(300), 1).await;
    let report = check(&options).await.expect("a connection");
    // Silence never lasts long enough.
    assert_eq!(
        not_passed(&report),
        [("keep-alive", NotObserved)],
        "{report}"
    );
    assert!(report.passed && report.seconds < 8.0, "{report}");

    options.require = vec!["keep-alive".to_owned()];
    let report = check(&options).await.expect("a connection");
    assert_eq!(report.failed(), ["keep-alive"], "{report}");
    assert!(!report.passed);
}

#[tokio::test]
async fn whether_bursts_were_held_back_is_not_guessed() {
    let options = ticking(Duration::from_millis(400), 3).await;
    let report = check(&options).await.expect("a connection");
    let verdict = report.verdict("not-held-back");
    assert_eq!(verdict, Some(NotObserved), "{report}");
    assert_eq!(report.failed(), [""; 0], "{report}");
}

#[tokio::test]
async fn only_the_event_of_a_post_counts_as_such() {
    let (server, address) = Server::start(Fault::EventsLost).await;
    tick(server, Duration::from_millis(200), 1);
    let mut options = options(&address);
    options.timeout = Duration::from_secs(2);
    let report = check(&options).await.expect("a connection");
    assert_eq!(report.failed(), ["not-held-back"], "{report}");
}
