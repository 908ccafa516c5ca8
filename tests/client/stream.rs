//! What is particular to a stream that reconnects: who wakes it, and what counts as silence.

use crate::answers::{body, source};
use crate::drivers::{Answer, DAY, DRIVERS, NO_CLOCK, Server, streaming};
use crate::transport::Step::{Gives, Pends};
use core::cell::Cell;
use core::time::Duration;
use sse_wire::client::Policy;
use sse_wire::reconnect::ReconnectingStream;

const POLICY: Policy = Policy::browser();

#[test]
fn what_waits_makes_one_request_and_gives_it_up_for_another_one() {
    for (name, open) in DRIVERS
        .iter()
        .filter(|(name, _)| name.starts_with("stream"))
    {
        let server = Server::of(vec![Answer::Hangs, Answer::Hangs]);
        let mut updates = open(source(POLICY.with_idle_timeout(DAY)), &server);
        for _ in 0..3 {
            assert_eq!(updates.next(false).as_deref(), Some("waits"), "{name}");
        }
        assert_eq!(server.state().ids.len(), 1);
        let update = updates.next(true);
        assert_eq!(update.as_deref(), Some("lost Reconnect None 3"), "{name}");
        assert_eq!(
            server.state().body.handles(),
            1,
            "{name}: the request is not dropped"
        );
        assert_eq!(updates.next(false).as_deref(), Some("waits"), "{name}");
        assert_eq!(server.state().ids.len(), 2);
    }
}

#[test]
fn without_a_clock_silence_is_measured_from_the_last_byte() {
    let chunk = || Gives(b": c\n".into());
    let steps = vec![chunk(), Pends, chunk(), Pends, chunk()];
    let server = Server::of(vec![Answer::Streams(steps)]);
    server.state().is_slow = true;
    let idle = Duration::from_secs(9);
    let updates = ReconnectingStream::new(source(POLICY.with_idle_timeout(idle)), server.clone());
    let mut updates = streaming!(updates.with_clock(NO_CLOCK), polls_once: false);
    assert_eq!(updates.next(false).as_deref(), Some("opened"));
    assert_eq!(updates.next(false).as_deref(), Some("lost Idle None 3"));
    // The request, and each chunk: only the last sleep completes.
    assert_eq!(server.state().slept, [idle; 4]);
}

thread_local! {
    static NOW: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

#[test]
fn what_waits_for_a_slow_consumer_is_no_silence() {
    let event = || Gives(b"data: 1\n\n".into());
    let steps = vec![Pends, event(), Pends, event()];
    let server = Server::of(vec![Answer::Streams(steps)]);
    server.state().is_slow = true;
    let policy = POLICY.with_idle_timeout(Duration::from_secs(45));
    let updates = ReconnectingStream::new(source(policy), server)
        .with_clock(|| NOW.get())
        .with_items();
    let mut updates = streaming!(updates, polls_once: true);
    // Each time, something became ready long ago.
    for expected in [
        "waits", "opened", "waits", "1 #41", "waits", "1 #41", "waits",
    ] {
        NOW.set(NOW.get() + Duration::from_secs(60));
        assert_eq!(updates.next(false).as_deref(), Some(expected));
    }
    NOW.set(NOW.get() + Duration::from_secs(60));
    assert_eq!(updates.next(false).as_deref(), Some("lost Idle None 3"));
}

#[test]
fn a_flood_without_events_yields_to_the_executor() {
    let flood = ": c\n\n|".repeat(70);
    let server = Server::of(vec![body(&flood, &[Pends])]);
    let updates = ReconnectingStream::new(source(POLICY), server.clone());
    let mut updates = streaming!(updates, polls_once: true);
    assert_eq!(updates.next(false).as_deref(), Some("opened"));
    for reads in [32, 64] {
        assert_eq!(updates.next(false).as_deref(), Some("waits"));
        assert_eq!(server.state().body.reads(), reads);
    }
}
