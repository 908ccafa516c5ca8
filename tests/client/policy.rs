//! Delays: their bounds, their jitter and their growth.

use crate::calls::Call;
use crate::machine::On::{At, Bytes, End, Fail, Open, Respond};
use crate::machine::{Machine, On, SSE, Source, decode, ms, source};
use crate::oracle::Seen;
use core::time::Duration;
use sse_wire::EventDecoder;
use sse_wire::client::{Backoff, Policy, Resend, Step};

/// The delay after a connection that was lost at 7 ms, whose server set this reconnection time,
/// and after its loss that of `Retry-After`.
fn delay_after(policy: Policy, retry: &str, retry_after: u64) -> u64 {
    let mut source = source(policy, 1);
    assert!(matches!(source.next(ms(7)), Step::Connect(_)));
    assert!(source.respond(200, SSE));
    let bytes = format!("retry: {retry}\ndata: 1\n\n");
    let mut bytes = bytes.as_bytes();
    while let Ok(Some(_)) = source.decode(&mut bytes) {}
    source.end();
    source.wait_at_least(ms(retry_after));
    let Step::Wait { delay, .. } = source.next(ms(7)) else {
        panic!("no delay: {source:?}")
    };
    u64::try_from(delay.as_millis()).expect("a delay has at most 64 bits")
}

#[test]
fn the_debug_form_shows_durations_and_no_numbers_for_what_is_unlimited() {
    let attempts = Policy::browser().with_attempts(3);
    for (policy, parts) in [
        (
            Policy::new(),
            ["max: Some(300s)", "longest: 30s", "attempts: None"],
        ),
        (
            attempts,
            ["max: None", "idle_timeout: None", "attempts: Some(3)"],
        ),
    ] {
        let shown = format!("{policy:?}");
        assert!(parts.iter().all(|part| shown.contains(part)), "{shown}");
        assert!(!shown.contains(&u64::MAX.to_string()), "{shown}");
    }
}

#[test]
fn delays_are_bounded_and_never_overflow() {
    const NEVER: u64 = u64::MAX - 7;
    let bounded = Policy::new().with_backoff(Backoff::NONE);
    let browser = Policy::browser();
    let jitter = browser.with_backoff(Backoff::new());
    let huge = &*"1".repeat(30);
    for (policy, retry, retry_after, [least, most]) in [
        (bounded, "300000", 0, [300_000; 2]),
        (bounded, "300001", 0, [300_000; 2]),
        (bounded, "18446744073709551616", 0, [300_000; 2]),
        (bounded, huge, 0, [300_000; 2]),
        (bounded, "0", 0, [500; 2]),
        (bounded, "499", 0, [500; 2]),
        (bounded, "501", 0, [501; 2]),
        (Policy::new(), "0", 0, [501, 1000]),
        // If the bounds contradict each other, the lower one applies.
        (bounded.with_bounds(ms(20), ms(10)), "0", 0, [20; 2]),
        (browser, "300001", 0, [300_001; 2]),
        (browser, huge, 0, [NEVER; 2]),
        (jitter, huge, 0, [NEVER; 2]),
        (jitter, "18446744073709551000", 0, [NEVER; 2]),
        // Those that receive the same Retry-After do not reconnect at the same moment.
        (jitter, "3000", 20_000, [20_001, 26_000]),
        (jitter, "3000", 1000, [3001, 6000]),
    ] {
        let delay = delay_after(policy, retry, retry_after);
        assert!((least..=most).contains(&delay), "{delay} after {retry}");
    }
}

#[test]
fn a_backoff_doubles_up_to_its_maximum_and_never_overflows() {
    let times = [0, 1, 3000, u64::MAX / 2, u64::MAX];
    for (time, longest) in times.map(|a| times.map(|b| (a, b))).concat() {
        for failures in [0, 1, 2, 62, 63, 64, 65, 66, u32::MAX] {
            let backoff = Backoff::new().with_longest(ms(longest));
            let delay = |random| backoff.delay(ms(time), failures, random);
            let factor = 1_u64.checked_shl(failures).unwrap_or(u64::MAX);
            let span = time.saturating_mul(factor).min(longest);
            assert_eq!(delay(0), ms(time));
            assert_eq!(delay(u64::MAX), ms(time.saturating_add(span)));
        }
    }
    assert_eq!(Backoff::NONE.delay(ms(5), 9, u64::MAX), ms(5));
    assert_eq!(Backoff::new().delay(Duration::MAX, 0, 0), ms(u64::MAX));
}

/// The delays after these many failures in a row, of which the first is that of a good connection.
fn delays<const N: usize>(seed: u64) -> [u64; N] {
    let mut machine = Machine::new(source(Policy::new(), seed), Call::Decode, usize::MAX);
    machine.apply_all(&[Open(0), Bytes(b"data: 1\n\n")]);
    let mut now = 0;
    [(); N].map(|()| {
        machine.apply(Fail);
        let step = machine.apply(At(now));
        let delay = step.split(' ').nth(1).and_then(|delay| delay.parse().ok());
        now += delay.expect("a delay");
        machine.apply(At(now));
        delay.expect("a delay")
    })
}

#[test]
fn every_delay_has_jitter_whose_span_doubles_until_a_connection_is_good() {
    let all: Vec<[u64; 6]> = (0..2000).map(delays).collect();
    let spans = [3000, 6000, 12_000, 24_000, 30_000, 30_000];
    for (failures, span) in spans.into_iter().enumerate() {
        let delays = all.iter().map(|delays| delays[failures]);
        let shortest = delays.clone().min().expect("there are delays");
        let longest = delays.max().expect("there are delays");
        let [least, most, slack] = [3000, 3000 + span, span / 100];
        assert!((least..least + slack).contains(&shortest), "{span}");
        assert!((most - slack..=most).contains(&longest), "{span}");
    }
    assert_eq!(delays::<5>(7), delays(7));
    assert_ne!(delays::<5>(7), delays(8));
    assert_ne!(delays::<5>(0), delays(1));
}

/// The delays after so many connections of which each brings these bytes, and then fails.
fn delays_with<const N: usize>(seed: u64, bytes: &'static [u8], loss: On) -> [u64; N] {
    let mut machine = Machine::new(source(Policy::new(), seed), Call::Decode, usize::MAX);
    let mut now = 0;
    [(); N].map(|()| {
        machine.apply_all(&[Open(now), Bytes(bytes), loss]);
        let step = machine.apply(At(now));
        let delay = step.split(' ').nth(1).and_then(|delay| delay.parse().ok());
        now += delay.expect("a delay");
        delay.expect("a delay")
    })
}

#[test]
fn a_server_that_sets_a_time_and_resets_meets_growing_delays() {
    let all: Vec<[u64; 20]> = (0..500)
        .map(|seed| delays_with(seed, b"retry: 1000\n", Fail))
        .collect();
    for failures in 0..20 {
        let longest = all.iter().map(|delays| delays[failures]).max();
        let longest = longest.expect("there are delays");
        let span = (1000 << (failures + 1)).min(30_000);
        let most = 1000 + span;
        assert!(
            (most - span / 20..=most).contains(&longest),
            "{failures}: {longest}"
        );
    }
    // One that ends its streams wants to be polled.
    for seed in 0..500 {
        let delays: [u64; 20] = delays_with(seed, b"retry: 1000\n", End);
        assert!(
            delays.iter().all(|delay| (1000..=2000).contains(delay)),
            "{delays:?}"
        );
    }
}

#[test]
fn the_named_policies_wait_as_their_documentation_says() {
    for (policy, retry, [least, most]) in [
        (Policy::new(), "250", [500, 1000]),
        (Policy::browser(), "250", [250, 250]),
        (Policy::notifications(), "250", [500, 1000]),
        (Policy::mcp(), "250", [250, 500]),
        (Policy::mcp(), "50", [100, 200]),
        (Policy::mcp(), "x", [1000, 2000]),
        (Policy::llm(), "x", [500, 1000]),
    ] {
        for seed in 0..200 {
            // Of a request that may be sent again.
            let bytes = format!("retry: {retry}\nid: 1\n\n");
            let mut source = source(policy.with_resend(Resend::Always), seed);
            assert!(matches!(source.next(ms(0)), Step::Connect(_)));
            assert!(source.respond(200, SSE));
            let mut bytes = bytes.as_bytes();
            assert_eq!(source.decode(&mut bytes), Ok(None));
            source.end();
            let Step::Wait { delay, .. } = source.next(ms(0)) else {
                panic!("no delay: {source:?}")
            };
            assert!(
                (ms(least)..=ms(most)).contains(&delay),
                "{delay:?} {retry} {policy:?}"
            );
        }
    }
    // The rest of their table in the guide.
    let text = |policy: Policy| format!("{policy:?}");
    let parts = |policy: Policy| {
        let text = text(policy);
        let part = |name: &str| {
            let rest = text.split(&format!(" {name}: ")).nth(1).expect("a field");
            let end = rest.find(|sign| ",}".contains(sign)).expect("an end");
            rest[..end].trim().to_owned()
        };
        [
            "longest",
            "attempts",
            "response_timeout",
            "idle_timeout",
            "resend",
        ]
        .map(part)
    };
    for (policy, expected) in [
        (Policy::new(), ["30s", "None", "None", "None", "Always"]),
        (Policy::browser(), ["0ns", "None", "None", "None", "Always"]),
        (
            Policy::notifications(),
            ["30s", "None", "Some(Some(30s))", "Some(60s)", "Always"],
        ),
        (
            Policy::llm(),
            [
                "7.5s",
                "Some(3)",
                "Some(Some(600s))",
                "Some(300s)",
                "UntilOpened",
            ],
        ),
        (
            Policy::mcp(),
            ["30s", "Some(5)", "None", "None", "Resumable"],
        ),
    ] {
        assert_eq!(parts(policy), expected, "{policy:?}");
        let retries =
            text(policy).contains("transient_statuses: [408..=408, 429..=429, 500..=599]");
        let is_named = ![Policy::new(), Policy::browser()].contains(&policy);
        assert_eq!(retries, is_named, "{policy:?}");
    }
    // Three requests, and not one after a response was accepted.
    let mut machine = Machine::new(source(Policy::llm(), 1), Call::Decode, usize::MAX);
    let mut now = 0;
    for _ in 0..2 {
        assert_eq!(machine.apply(At(now)), "connect");
        machine.apply(Respond(529, SSE));
        now += 9000;
        assert!(machine.apply(At(now)).starts_with("wait "));
        now += 9000;
    }
    assert_eq!(machine.clone().apply(Open(now)), "connect");
    let mut last = machine.clone();
    last.apply_all(&[At(now), Fail]);
    assert_eq!(last.apply(At(now)), "closed OutOfAttempts(Transport)");
    machine.apply_all(&[Open(now), Bytes(b"data: 1\n\n"), End]);
    assert_eq!(machine.apply(At(now)), "closed NotResent(End)");
}

#[test]
fn comments_and_reconnection_times_come_as_items() {
    for &call in Call::ALL.iter().filter(|call| call.returns_items()) {
        let mut source = source(Policy::browser(), 1);
        assert!(matches!(source.next(ms(0)), Step::Connect(_)));
        assert!(source.respond(200, SSE));
        let mut chunk = &b": c\nretry: 5\n"[..];
        let mut next = || decode(&mut source, call, &mut chunk).expect("it fits");
        let (text, end) = (b" c".to_vec(), true);
        assert_eq!(next(), Some(Seen::Comment { text, end }));
        assert_eq!(next(), Some(Seen::Retry(5)));
        assert_eq!(next(), None);
        assert_eq!(source.reconnection_time(), ms(5));
    }
}

#[test]
fn a_client_is_small() {
    let beside = size_of::<Source>() - size_of::<EventDecoder<[u8; 64]>>();
    assert!(beside <= 200, "{beside} bytes beside the decoder");
}
