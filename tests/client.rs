//! What a client's connection must do (WHATWG HTML 9.2.2 to 9.2.4, the Web Platform Tests, and what browsers were seen to do), one
//! promise after the other. `src/guide/staying_connected.md` has the list.

use core::time::Duration;
use proptest::prelude::*;
use sse_wire::client::{Backoff, Cause, Closed, EventSource, Policy, Repeat, Step};
use sse_wire::{DecodeError, EventDecoder, Item, LastEventId};

type Source = EventSource<[u8; 512]>;

const SSE: &str = "text/event-stream";

const fn ms(time: u64) -> Duration {
    Duration::from_millis(time)
}

/// A source that waits the reconnection time and nothing else.
fn source() -> Source {
    with(Policy::browser())
}

fn with(policy: Policy) -> Source {
    EventSource::with_decoder(EventDecoder::with_buffer([0; 512]), 1).with_policy(policy)
}

/// The request that is due, by its `last-event-id` header, if it has one.
fn request(source: &mut Source, now: u64) -> Option<String> {
    let Step::Connect(request) = source.next(ms(now)) else {
        panic!("no request is due: {source:?}")
    };
    let mut headers = request.headers();
    assert_eq!(headers.next(), Some(("accept", SSE)));
    assert_eq!(headers.next(), Some(("cache-control", "no-cache")));
    let id = headers.next();
    assert_eq!(headers.next(), None);
    id.map(|(name, value)| {
        assert_eq!(name, "last-event-id");
        value.to_owned()
    })
}

/// Connects, and opens the stream.
fn open(source: &mut Source, now: u64) -> Option<String> {
    let id = request(source, now);
    assert_eq!(source.next(ms(now)), Step::AwaitResponse { timeout: None });
    assert!(source.respond(200, [SSE]), "{source:?}");
    assert!(source.is_open());
    id
}

/// What comes out of bytes: for each event its type, data and last event ID.
fn read(source: &mut Source, mut bytes: &[u8]) -> Vec<String> {
    let mut events = Vec::new();
    while let Some(event) = source.decode(&mut bytes).expect("it fits") {
        let (event_type, data) = (event.event_type(), event.data());
        events.push(format!("{event_type}|{data}|{}", event.last_event_id()));
    }
    assert!(bytes.is_empty());
    events
}

/// How long is to be waited now.
fn wait(source: &mut Source, now: u64) -> u64 {
    match source.next(ms(now)) {
        Step::Wait { delay, .. } => u64::try_from(delay.as_millis()).expect("it is not for ever"),
        step => panic!("{step:?} is due"),
    }
}

fn closed(source: &mut Source, now: u64) -> Closed {
    match source.next(ms(now)) {
        Step::Closed(closed) => closed,
        step => panic!("{step:?} is due"),
    }
}

// Closing.

#[test]
fn nothing_comes_after_closing_in_any_state() {
    // Each brings a new source to another state.
    type Reach = (&'static str, fn(&mut Source));
    let states: [Reach; 6] = [
        ("before the first request", |_| {}),
        ("awaiting the response", |source| {
            request(source, 0);
        }),
        ("open", |source| {
            open(source, 0);
        }),
        ("within an event", |source| {
            open(source, 0);
            read(source, b"id: 1\ndata: 1\n");
        }),
        ("lost", |source| {
            open(source, 0);
            source.end();
        }),
        ("waiting", |source| {
            open(source, 0);
            source.end();
            wait(source, 0);
        }),
    ];
    for (state, reach) in states {
        let mut source = source();
        reach(&mut source);
        source.close();
        assert!(source.is_closed() && !source.is_open(), "{state}");
        for now in [0, 10_000, u64::MAX] {
            assert_eq!(closed(&mut source, now), Closed::Caller, "{state}");
            assert!(!source.respond(200, [SSE]), "{state}");
            assert!(read(&mut source, b"\n\ndata: 2\n\n").is_empty(), "{state}");
            source.end();
            source.fail();
            source.reconnect();
            source.wait_at_least(ms(1));
            source.close();
        }
    }
}

#[test]
fn closing_between_two_events_of_a_chunk_silences_the_second() {
    for close_after in 0..4 {
        let mut source = source();
        open(&mut source, 0);
        let mut chunk = &b"data: 1\n\ndata: 2\n\n: c\ndata: 3\n\n"[..];
        let mut events = 0;
        while events < close_after {
            assert!(matches!(source.decode(&mut chunk), Ok(Some(_))));
            events += 1;
        }
        source.close();
        assert_eq!(source.decode_item(&mut { chunk }), Ok(None));
        assert!(matches!(source.decode_raw(&mut { chunk }), Ok(None)));
        assert_eq!(source.decode(&mut chunk), Ok(None));
        assert!(chunk.is_empty(), "a loop over the chunk ends");
    }
}

#[test]
fn why_it_was_closed_first_is_what_counts() {
    let mut source = source();
    request(&mut source, 0);
    assert!(!source.respond(204, [SSE]));
    source.close();
    let refused = Closed::Rejected(Cause::Status(204));
    assert_eq!(closed(&mut source, 0), refused);
    assert_eq!(
        refused.to_string(),
        "response rejected: the status of the response is 204, not 200"
    );
}

// The response.

#[test]
fn every_status_but_200_is_final() {
    for status in (0..=1000).chain([u16::MAX]).filter(|status| *status != 200) {
        let mut first = source();
        request(&mut first, 0);
        assert!(!first.respond(status, [SSE]));
        assert!(first.is_closed());
        let refused = Closed::Rejected(Cause::Status(status));
        assert_eq!(closed(&mut first, 99_999), refused);

        // Also when it connects again.
        let mut again = source();
        open(&mut again, 0);
        again.end();
        wait(&mut again, 0);
        request(&mut again, 3000);
        assert!(!again.respond(status, [SSE]));
        assert!(read(&mut again, b"data: 1\n\n").is_empty());
        assert_eq!(closed(&mut again, 99_999), refused);
    }
}

#[test]
fn the_content_type_must_be_that_of_an_event_stream() {
    let cases: [(&[&str], bool); 17] = [
        (&["text/event-stream"], true),
        (&["TEXT/Event-Stream"], true),
        (&["text/event-stream;"], true),
        (&["text/event-stream; a b"], true),
        (&["  text/event-stream  "], true),
        (&["text/event-stream;charset=windows-1252"], true),
        (&["text/plain", "text/event-stream"], true),
        (&["text/plain, text/event-stream"], true),
        (&["text/event-stream", "text/plain"], false),
        (&["text/event-stream, text/plain"], false),
        (&["text/event-streamish"], false),
        (&["text/x-bogus"], false),
        (&["x bogus"], false),
        (&["text/plain"], false),
        (&["application/json"], false),
        (&[""], false),
        (&[], false),
    ];
    for (content_types, opens) in cases {
        let mut source = source();
        request(&mut source, 0);
        assert_eq!(
            source.respond(200, content_types),
            opens,
            "{content_types:?}"
        );
        if !opens {
            let refused = Closed::Rejected(Cause::ContentType);
            assert_eq!(closed(&mut source, 0), refused);
        }
        // Unless the policy says that it does not matter.
        let mut source = with(Policy::browser().with_any_content_type(true));
        request(&mut source, 0);
        assert!(source.respond(200, content_types));
        let mut source = with(Policy::browser().with_any_content_type(true));
        request(&mut source, 0);
        assert!(!source.respond(201, content_types));
    }
}

#[test]
fn a_policy_connects_again_after_transient_statuses_and_no_others() {
    for status in 0..=1000 {
        let mut source = with(Policy::browser().with_transient_statuses(true));
        request(&mut source, 0);
        let opens = source.respond(status, [SSE]);
        assert_eq!(opens, status == 200);
        let is_transient = status == 408 || status == 429 || (500..600).contains(&status);
        assert_eq!(source.is_closed(), !opens && !is_transient, "{status}");
        if is_transient {
            assert_eq!(wait(&mut source, 0), 3000);
            open(&mut source, 3000);
        }
    }
    // Never one that is no event stream.
    let mut source = with(Policy::browser().with_transient_statuses(true));
    request(&mut source, 0);
    assert!(!source.respond(200, ["text/html"]) && source.is_closed());
}

#[test]
fn retry_after_is_waited_for_and_bounded() {
    let policy = Policy::browser().with_transient_statuses(true);
    let after = |policy: Policy, asked: Duration| {
        let mut source = with(policy);
        request(&mut source, 0);
        assert!(!source.respond(503, [SSE]));
        source.wait_at_least(asked);
        wait(&mut source, 0)
    };
    assert_eq!(after(policy, ms(20_000)), 20_000);
    assert_eq!(after(policy, ms(1_000)), 3_000);
    assert_eq!(
        after(policy.with_bounds(ms(0), ms(9_000)), ms(20_000)),
        9_000
    );
    assert_eq!(
        after(policy.with_bounds(ms(0), ms(9_000)), Duration::MAX),
        9_000
    );
    // Those who are told the same time do not come back at the same moment.
    let spread = policy.with_backoff(Backoff::new());
    assert!((20_001..26_000).contains(&after(spread, ms(20_000))));

    // It counts once, and only for a connection that was just lost.
    let mut source = with(policy);
    source.wait_at_least(ms(50_000));
    request(&mut source, 0);
    source.wait_at_least(ms(50_000));
    source.fail();
    source.wait_at_least(ms(5_000));
    assert_eq!(wait(&mut source, 0), 5_000);
    source.wait_at_least(ms(50_000));
    assert_eq!(wait(&mut source, 1_000), 4_000);
    request(&mut source, 5_000);
    source.fail();
    assert_eq!(wait(&mut source, 5_000), 3_000);
}

#[test]
fn a_response_that_is_not_awaited_changes_nothing() {
    let mut source = source();
    assert!(!source.respond(200, [SSE]));
    assert!(!source.respond(404, [SSE]));
    open(&mut source, 0);
    assert!(!source.respond(404, [SSE]));
    assert!(source.is_open());
    source.end();
    assert!(!source.respond(200, [SSE]));
    assert_eq!(wait(&mut source, 0), 3000);
    assert!(!source.respond(200, [SSE]));
    assert_eq!(wait(&mut source, 0), 3000);
}

// Connecting again.

#[test]
fn a_lost_connection_is_followed_by_another_one_after_the_reconnection_time() {
    type Loss = (&'static str, fn(&mut Source));
    let losses: [Loss; 2] = [
        ("end", |source| source.end()),
        ("failure", |source| source.fail()),
    ];
    for (loss, lose) in losses {
        let mut source = source();
        open(&mut source, 100);
        assert_eq!(read(&mut source, b"data: 1\n\ndata: cut"), ["message|1|"]);
        lose(&mut source);
        assert!(!source.is_open());
        assert!(read(&mut source, b"\n\n").is_empty(), "{loss}");
        assert_eq!(wait(&mut source, 500), 3000, "{loss}");
        assert_eq!(wait(&mut source, 3499), 1, "{loss}");
        open(&mut source, 3500);
        assert_eq!(read(&mut source, b"\n\ndata: 2\n\n"), ["message|2|"]);
        // Before there is a response, too.
        lose(&mut source);
        assert_eq!(wait(&mut source, 3500), 3000, "{loss}");
        request(&mut source, 6500);
        lose(&mut source);
        assert_eq!(wait(&mut source, 6500), 3000, "{loss}");
    }
}

#[test]
fn a_stream_that_is_refused_when_it_connects_again_ends() {
    // As the test reconnect-fail of the Web Platform Tests.
    let mut source = source();
    for now in [0, 3000] {
        open(&mut source, now);
        source.end();
        assert_eq!(wait(&mut source, now), 3000);
    }
    request(&mut source, 6000);
    assert!(!source.respond(204, [""; 0]));
    assert_eq!(
        closed(&mut source, 6000),
        Closed::Rejected(Cause::Status(204))
    );
    assert_eq!(
        closed(&mut source, 60_000),
        Closed::Rejected(Cause::Status(204))
    );
}

#[test]
fn an_empty_stream_is_opened_and_connected_to_again() {
    let mut source = source();
    open(&mut source, 0);
    source.end();
    assert_eq!(wait(&mut source, 0), 3000);
    open(&mut source, 3000);
}

#[test]
fn the_very_first_connection_is_tried_again_too() {
    let mut source = source();
    for attempt in 0..100 {
        let now = attempt * 3000;
        request(&mut source, now);
        source.fail();
        assert_eq!(wait(&mut source, now), 3000);
    }
}

#[test]
fn the_reconnection_time_is_what_the_server_said_last_and_stays() {
    let mut source = source();
    open(&mut source, 0);
    assert_eq!(source.reconnection_time(), ms(3000));
    // Of a block that is cut off, since a whole line counts at once.
    read(&mut source, b"retry: 03000\nretry: 100\ndata: cut");
    assert_eq!(source.reconnection_time(), ms(100));
    for now in [0, 100, 200] {
        source.end();
        assert_eq!(wait(&mut source, now), 100);
        open(&mut source, now + 100);
        read(&mut source, b"retry: 1x\nretry:\nretry: -1\nretry: 1.5\n\n");
    }
    // A line that is cut off does not count.
    read(&mut source, b"retry: 2");
    source.end();
    assert_eq!(wait(&mut source, 300), 100);
}

#[test]
fn a_reconnection_time_can_neither_hammer_nor_hang() {
    let after = |policy: Policy, retry: &str| {
        let mut source = with(policy);
        open(&mut source, 7);
        read(
            &mut source,
            format!("retry: {retry}\ndata: 1\n\n").as_bytes(),
        );
        source.end();
        wait(&mut source, 7)
    };
    let bounded = Policy::new().with_backoff(Backoff::NONE);
    for huge in ["300001", "18446744073709551615", "18446744073709551616"] {
        assert_eq!(after(bounded, huge), 300_000);
    }
    let huge = "1".repeat(30);
    assert_eq!(after(bounded, &huge), 300_000);
    for small in ["0", "1", "499"] {
        assert_eq!(after(bounded, small), 500);
        // It is spread as well.
        assert!((501..=1000).contains(&after(Policy::new(), small)));
    }
    // As in a browser, where the policy says so; the end of time is no overflow.
    assert_eq!(
        after(Policy::browser().with_steady_after(ms(0)), "300001"),
        300_001
    );
    let never = u64::MAX - 7;
    assert_eq!(after(Policy::browser(), &huge), never);
    assert_eq!(
        after(Policy::browser().with_backoff(Backoff::new()), &huge),
        never
    );
    let mut source = with(Policy::browser());
    open(&mut source, 7);
    read(&mut source, b"retry: 0\n\n");
    source.end();
    // It is said all the same that there is no connection.
    assert_eq!(wait(&mut source, 7), 0);
    request(&mut source, 7);
    // A lower bound above the upper one counts.
    assert_eq!(after(bounded.with_bounds(ms(20), ms(10)), "0"), 20);
}

// The last event ID.

#[test]
fn the_last_event_id_is_sent_and_stays_until_it_is_replaced_or_emptied() {
    let mut source = source();
    assert_eq!(open(&mut source, 0), None);
    read(
        &mut source,
        "id: 1\u{2026}\ndata: 1\n\ndata: 2\n\n".as_bytes(),
    );
    for round in 1..5 {
        source.end();
        wait(&mut source, round * 3000 - 3000);
        assert_eq!(
            open(&mut source, round * 3000).as_deref(),
            Some("1\u{2026}")
        );
        assert_eq!(read(&mut source, b"data: 3\n\n"), ["message|3|1\u{2026}"]);
    }
    // Also by a block without data.
    read(&mut source, b"id: 2\n\n");
    source.end();
    wait(&mut source, 12_000);
    assert_eq!(open(&mut source, 15_000).as_deref(), Some("2"));
    read(&mut source, b"id\n\n");
    source.end();
    wait(&mut source, 15_000);
    assert_eq!(open(&mut source, 18_000), None);
}

#[test]
fn an_id_counts_with_its_blank_line_and_without_nul() {
    let mut source = source();
    open(&mut source, 0);
    read(&mut source, b"id: 1\ndata: 1\n\nid: 2\ndata: cut\n");
    source.end();
    wait(&mut source, 0);
    assert_eq!(open(&mut source, 3000).as_deref(), Some("1"));
    assert_eq!(read(&mut source, b"\ndata: 2\n\n"), ["message|2|1"]);
    read(&mut source, b"id: 3\0\ndata: 3\n\n");
    source.end();
    wait(&mut source, 3000);
    assert_eq!(open(&mut source, 6000).as_deref(), Some("1"));
}

#[test]
fn an_id_that_cannot_be_a_header_is_left_out_and_can_be_read() {
    let ids = [
        "\u{1}", "a\u{1b}b", "\u{7f}", "\u{b}", "\u{c}", " a", "a ", "\ta", "  ",
    ];
    for id in ids {
        let mut source = source();
        open(&mut source, 0);
        read(&mut source, format!("id: {id}\n\n").as_bytes());
        source.end();
        wait(&mut source, 0);
        let Step::Connect(request) = source.next(ms(3000)) else {
            panic!("a request is due")
        };
        assert_eq!(request.headers().count(), 2, "{id:?}");
        assert_eq!(request.last_event_id(), id);
        assert_eq!(source.last_event_id(), id);
    }
}

#[test]
fn a_last_event_id_from_the_caller_is_sent_and_inherited() {
    let id = LastEventId::new("41").expect("it has no line end");
    let mut decoder = EventDecoder::with_buffer([0; 512]);
    decoder.set_last_event_id(id).expect("it fits");
    let mut source = EventSource::with_decoder(decoder, 1).with_policy(Policy::browser());
    assert_eq!(open(&mut source, 0).as_deref(), Some("41"));
    assert_eq!(read(&mut source, b"data: 1\n\n"), ["message|1|41"]);
    // Later as well.
    let id = LastEventId::new("50").expect("it has no line end");
    source.decoder_mut().set_last_event_id(id).expect("it fits");
    source.end();
    wait(&mut source, 0);
    assert_eq!(open(&mut source, 3000).as_deref(), Some("50"));
    assert_eq!(source.decoder().last_event_id(), "50");
}

// Requests.

#[test]
fn requests_are_counted() {
    let mut source = source();
    for attempt in 0..3 {
        let Step::Connect(request) = source.next(ms(u64::from(attempt) * 3000)) else {
            panic!("a request is due")
        };
        assert_eq!(request.attempt(), attempt);
        source.fail();
        wait(&mut source, u64::from(attempt) * 3000);
    }
}

// The state machine.

#[test]
fn what_is_due_is_the_same_until_something_happens() {
    let mut source = source();
    request(&mut source, 0);
    for _ in 0..3 {
        assert_eq!(source.next(ms(9)), Step::AwaitResponse { timeout: None });
    }
    assert!(source.respond(200, [SSE]));
    for _ in 0..3 {
        assert_eq!(source.next(ms(9)), Step::Read { timeout: None });
        read(&mut source, b"data: 1\n\n");
    }
    source.end();
    for _ in 0..3 {
        assert_eq!(wait(&mut source, 10), 3000);
    }
    // Time that goes back stands still.
    assert_eq!(wait(&mut source, 0), 3000);
    assert_eq!(wait(&mut source, 1010), 2000);
    assert_eq!(wait(&mut source, 5), 2000);
}

#[test]
fn every_connection_begins_with_a_new_parser() {
    let bom = "\u{FEFF}";
    let mut source = source();
    // Whatever the last connection ended in: a CR that an LF might follow, a part of a byte order mark, of a name, of a line.
    for (round, end) in ["", "\r", "data: 1\r", "\u{FEFF}"].into_iter().enumerate() {
        let now = round as u64 * 3000;
        open(&mut source, now);
        assert_eq!(
            read(&mut source, format!("{bom}data: a\n\n").as_bytes()),
            ["message|a|"]
        );
        let nothing = read(&mut source, format!("event: x\n{end}").as_bytes());
        assert!(nothing.is_empty());
        source.end();
        wait(&mut source, now);
    }
    for cut in 1..3 {
        let now = 12_000 + cut as u64 * 3000 - 3000;
        open(&mut source, now);
        assert!(read(&mut source, &bom.as_bytes()[..cut]).is_empty());
        source.end();
        wait(&mut source, now);
    }
    open(&mut source, 18_000);
    assert_eq!(read(&mut source, b"\ndata: b\n\n"), ["message|b|"]);
    // Within a stream it is no byte order mark.
    assert!(read(&mut source, format!("{bom}data: c\n\n").as_bytes()).is_empty());
}

#[test]
fn what_the_end_cut_off_can_be_recovered_before_the_next_request() {
    let mut source = source();
    open(&mut source, 0);
    assert!(read(&mut source, b"data: [DONE]").is_empty());
    source.end();
    let incomplete = source.decoder_mut().finish().expect("no blank line came");
    let event = incomplete
        .recover(sse_wire::CutLine::Keep)
        .expect("it fits");
    assert_eq!(
        event.map(|event| event.data().to_owned()).as_deref(),
        Some("[DONE]")
    );
}

#[test]
fn a_refused_event_is_an_error_and_the_connection_stays() {
    let mut source = source();
    open(&mut source, 0);
    let large = format!("id: 7\ndata: {}\n\ndata: 2\n\n", "x".repeat(600));
    let mut chunk = large.as_bytes();
    let refused = source.decode(&mut chunk).expect_err("it is too large");
    assert_eq!(refused, DecodeError::EventTooLarge { limit: 384 });
    assert!(source.is_open());
    assert_eq!(read(&mut source, chunk), ["message|2|7"]);
    // Otherwise the same giant would come again for ever.
    assert_eq!(source.last_event_id(), "7");
}

#[test]
fn raw_events_and_items_are_to_be_had_as_well() {
    let mut source = source();
    open(&mut source, 0);
    let mut chunk = &b": c\nretry: 5\ndata: \xFF\n\n"[..];
    let mut items = Vec::new();
    while let Some(item) = source.decode_item(&mut chunk).expect("it fits") {
        items.push(match item {
            Item::Comment { text, .. } => String::from_utf8_lossy(text).into_owned(),
            Item::Retry(time) => format!("{time:?}"),
            Item::Event(event) => event.data().to_owned(),
        });
    }
    assert_eq!(items, [" c", "5ms", "\u{FFFD}"]);
    let mut chunk = &b"data: \xFF\n\n"[..];
    let event = source.decode_raw(&mut chunk).expect("it fits");
    assert_eq!(event.map(|event| event.data().to_vec()), Some(vec![0xFF]));
}

#[test]
fn an_idle_connection_is_lost_and_any_byte_is_a_sign_of_life() {
    let policy = Policy::browser().with_idle_timeout(ms(500));
    let mut source = with(policy);
    request(&mut source, 0);
    let timeout = Some(ms(100));
    assert_eq!(source.next(ms(400)), Step::AwaitResponse { timeout });
    assert!(source.respond(200, [SSE]));
    let timeout = Some(ms(500));
    assert_eq!(source.next(ms(450)), Step::Read { timeout });
    // Comments, blank lines, and parts of lines.
    for (now, bytes) in [
        (900, ":"),
        (1300, "c"),
        (1700, "\n\n"),
        (2100, "d"),
        (2500, "ata: 1\n\n"),
    ] {
        let mut chunk = bytes.as_bytes();
        while source.decode(&mut chunk).expect("it fits").is_some() {}
        assert_eq!(source.next(ms(now)), Step::Read { timeout });
    }
    // An empty read is none.
    assert_eq!(source.decode(&mut &b""[..]), Ok(None));
    assert_eq!(
        source.next(ms(2999)),
        Step::Read {
            timeout: Some(ms(1))
        }
    );
    assert_eq!(wait(&mut source, 3000), 3000);
    // Also where no response comes.
    request(&mut source, 6000);
    assert_eq!(wait(&mut source, 6500), 3000);
    // It begins anew with each request, however long the wait was.
    request(&mut source, 99_000);
    assert_eq!(
        source.next(ms(99_499)),
        Step::AwaitResponse {
            timeout: Some(ms(1))
        }
    );
    // Without one it is never idle.
    let mut patient = with(Policy::browser());
    open(&mut patient, 0);
    assert_eq!(patient.next(Duration::MAX), Step::Read { timeout: None });
    let mut giving_up = with(policy.with_attempts(1));
    request(&mut giving_up, 0);
    assert_eq!(
        closed(&mut giving_up, 500),
        Closed::OutOfAttempts(Cause::Idle)
    );
}

#[test]
fn a_caller_can_have_another_connection() {
    let mut source = source();
    source.reconnect();
    open(&mut source, 0);
    read(&mut source, b"id: 1\ndata: 1\n\nid: 2\ndata: cut");
    source.reconnect();
    assert!(read(&mut source, b"\n\n").is_empty());
    assert_eq!(wait(&mut source, 0), 3000);
    source.reconnect();
    assert_eq!(wait(&mut source, 0), 3000);
    assert_eq!(open(&mut source, 3000).as_deref(), Some("1"));
    // It is asked for, and so neither a failure nor a repetition that nobody wanted.
    let mut source = with(
        Policy::browser()
            .with_attempts(1)
            .with_repeat(Repeat::Never),
    );
    open(&mut source, 0);
    source.reconnect();
    assert_eq!(wait(&mut source, 0), 3000);
}

// Policies.

#[test]
fn every_wait_is_spread_and_the_span_doubles_until_a_connection_is_good() {
    let mut shortest = [u64::MAX; 8];
    let mut longest = [0; 8];
    for entropy in 0..2000 {
        let decoder = EventDecoder::with_buffer([0; 512]);
        let mut source: Source = EventSource::with_decoder(decoder, entropy);
        let mut now = 0;
        // The first loss is that of a good connection.
        open(&mut source, now);
        read(&mut source, b"data: 1\n\n");
        for failures in 0..8 {
            source.fail();
            let time = wait(&mut source, now);
            shortest[failures] = shortest[failures].min(time);
            longest[failures] = longest[failures].max(time);
            now += time;
            request(&mut source, now);
        }
    }
    let spans = [3_000, 6_000, 12_000, 24_000, 30_000, 30_000, 30_000, 30_000];
    for ((shortest, longest), span) in shortest.into_iter().zip(longest).zip(spans) {
        assert!(
            (3_000..3_000 + span / 100).contains(&shortest),
            "{shortest} of {span}"
        );
        assert!(
            (3_000 + span - span / 100..=3_000 + span).contains(&longest),
            "{longest} of {span}"
        );
    }
}

#[test]
fn the_same_number_gives_the_same_waits_and_another_one_others() {
    let waits = |entropy| {
        let decoder = EventDecoder::with_buffer([0; 512]);
        let mut source: Source = EventSource::with_decoder(decoder, entropy);
        let mut now = 0;
        [(); 5].map(|()| {
            request(&mut source, now);
            source.fail();
            let time = wait(&mut source, now);
            now += time;
            time
        })
    };
    assert_eq!(waits(7), waits(7));
    assert_ne!(waits(7), waits(8));
    assert_ne!(waits(0), waits(1));
}

#[test]
fn a_backoff_never_overflows() {
    for time in [0, 1, 3000, u64::MAX / 2, u64::MAX] {
        for failures in [0, 1, 62, 63, 64, 65, u32::MAX] {
            for entropy in [0, 1, u64::MAX] {
                for longest in [0, 1, u64::MAX] {
                    let backoff = Backoff::new().with_longest(ms(longest));
                    let delay = backoff.delay(ms(time), failures, entropy);
                    assert!(delay >= ms(time));
                    assert!(delay <= ms(time.saturating_add(longest)));
                }
            }
        }
    }
    assert_eq!(Backoff::NONE.delay(ms(5), 9, u64::MAX), ms(5));
    assert_eq!(Backoff::new().delay(Duration::MAX, 0, 0), ms(u64::MAX));
}

#[test]
fn only_a_connection_that_was_good_ends_a_row_of_failures() {
    // How long it was open, what it brought, and whether that makes it good.
    let cases: [(u64, &[u8], bool); 6] = [
        (0, b"", false),
        (0, b": hello\n\nretry: 3000\n\ndata: cut", false),
        (29_999, b": hello\n\n", false),
        (30_000, b"", true),
        (0, b"data: 1\n\n", true),
        (0, b"id: 1\n\ndata\n\n", true),
    ];
    for (open_for, bytes, is_good) in cases {
        let mut source = with(Policy::browser().with_attempts(2));
        request(&mut source, 0);
        source.fail();
        wait(&mut source, 0);
        // It took long to open, which does not count.
        request(&mut source, 3000);
        assert!(matches!(
            source.next(ms(90_000)),
            Step::AwaitResponse { .. }
        ));
        assert!(source.respond(200, [SSE]));
        assert_eq!(source.next(ms(100_000)), Step::Read { timeout: None });
        read(&mut source, bytes);
        source.end();
        match source.next(ms(100_000 + open_for)) {
            Step::Wait { .. } => assert!(is_good, "{open_for} {bytes:?}"),
            Step::Closed(closed) => {
                assert!(!is_good, "{open_for} {bytes:?}");
                assert_eq!(closed, Closed::OutOfAttempts(Cause::End));
            }
            step => panic!("{step:?}"),
        }
    }
}

#[test]
fn attempts_are_limited() {
    for attempts in 0..5 {
        let mut source = with(Policy::browser().with_attempts(attempts));
        let (mut made, mut now) = (0, ms(0));
        let why = loop {
            match source.next(now) {
                Step::Connect(_) => {
                    made += 1;
                    source.fail();
                }
                Step::Wait { delay, .. } => now += delay,
                Step::Closed(closed) => break closed,
                step => panic!("{step:?}"),
            }
        };
        assert_eq!(made, attempts.max(1));
        assert_eq!(why, Closed::OutOfAttempts(Cause::Transport));
    }
    // After a good connection as many again.
    let mut source = with(Policy::browser().with_attempts(1));
    open(&mut source, 0);
    read(&mut source, b"data: 1\n\n");
    source.end();
    wait(&mut source, 0);
    request(&mut source, 3000);
    source.fail();
    assert_eq!(
        closed(&mut source, 3000),
        Closed::OutOfAttempts(Cause::Transport)
    );
}

#[test]
fn the_time_without_a_connection_is_limited() {
    let policy = Policy::browser().with_time(ms(10_000));
    let mut source = with(policy);
    // From the first request on, whatever the clock shows.
    for now in [100_000, 103_000, 106_000] {
        request(&mut source, now);
        source.fail();
        assert_eq!(wait(&mut source, now), 3000);
    }
    request(&mut source, 109_000);
    source.fail();
    // The next one would be at 112.
    assert_eq!(
        closed(&mut source, 109_000),
        Closed::OutOfTime(Cause::Transport)
    );

    // Nor does one that brought nothing, for as long as it was open.
    let mut source = with(policy);
    open(&mut source, 0);
    source.next(ms(1000));
    read(&mut source, b": c\n");
    source.next(ms(25_000));
    source.end();
    assert_eq!(wait(&mut source, 25_000), 3000);
    request(&mut source, 28_000);
    source.fail();
    assert_eq!(wait(&mut source, 31_000), 3000);
    request(&mut source, 34_000);
    source.fail();
    assert_eq!(
        closed(&mut source, 34_000),
        Closed::OutOfTime(Cause::Transport)
    );
    // Another one that was asked for always comes.
    let mut source = with(Policy::browser().with_time(ms(0)));
    open(&mut source, 0);
    source.reconnect();
    assert_eq!(wait(&mut source, 0), 3000);

    // A good connection does not count.
    let mut source = with(policy);
    open(&mut source, 0);
    read(&mut source, b"data: 1\n\n");
    source.next(ms(50_000));
    source.end();
    assert_eq!(wait(&mut source, 50_000), 3000);
    request(&mut source, 57_001);
    source.fail();
    assert_eq!(
        closed(&mut source, 57_001),
        Closed::OutOfTime(Cause::Transport)
    );
}

#[test]
fn a_request_is_repeated_only_where_the_policy_allows_it() {
    type Loss = (Cause, fn(&mut Source));
    let losses: [Loss; 3] = [
        (Cause::Transport, |source| {
            request(source, 0);
            source.fail();
        }),
        (Cause::End, |source| {
            open(source, 0);
            read(source, b"data: 1\n\n");
            source.end();
        }),
        (Cause::Status(503), |source| {
            request(source, 0);
            assert!(!source.respond(503, [SSE]));
        }),
    ];
    for (cause, lose) in losses {
        for repeat in [Repeat::Always, Repeat::Resumed, Repeat::Never] {
            let policy = Policy::browser().with_repeat(repeat);
            let mut source = with(policy.with_transient_statuses(true));
            lose(&mut source);
            if repeat == Repeat::Always {
                assert_eq!(wait(&mut source, 0), 3000);
            } else {
                assert_eq!(closed(&mut source, 0), Closed::NotRepeated(cause));
            }
        }
    }
    // An ID that cannot be sent is none to go on from.
    let mut source = with(Policy::browser().with_repeat(Repeat::Resumed));
    open(&mut source, 0);
    read(&mut source, b"id: \x1bx\ndata: 1\n\n");
    source.end();
    assert_eq!(closed(&mut source, 0), Closed::NotRepeated(Cause::End));
    // With a last event ID the next request can go on.
    for (repeat, goes_on) in [(Repeat::Resumed, true), (Repeat::Never, false)] {
        let mut source = with(Policy::browser().with_repeat(repeat));
        open(&mut source, 0);
        read(&mut source, b"id: 1\ndata: 1\n\n");
        source.end();
        assert_eq!(matches!(source.next(ms(0)), Step::Wait { .. }), goes_on);
    }
}

#[test]
fn it_is_small() {
    let beside = size_of::<Source>() - size_of::<EventDecoder<[u8; 512]>>();
    println!("{beside} bytes beside the decoder");
    assert!(beside <= 200, "{beside} bytes beside the decoder");
}

#[test]
#[cfg(feature = "alloc")]
fn the_owned_calls_do_the_same() {
    use sse_wire::OwnedItem;

    let mut source = EventSource::new(1).with_policy(Policy::browser());
    for decode in [false, true] {
        let mut chunk = &b"data: early\n\n"[..];
        if decode {
            assert_eq!(source.decode_owned(&mut chunk), Ok(None));
        } else {
            assert_eq!(source.decode_owned_item(&mut chunk), Ok(None));
        }
        assert!(chunk.is_empty());
    }
    assert!(matches!(source.next(ms(0)), Step::Connect(_)));
    assert!(source.respond(200, [SSE]));
    let mut chunk = &b": c\nid: 1\ndata: 1\n\ndata: 2\n\ndata: 3\n\ndata: 4\n\n"[..];
    let item = source.decode_owned_item(&mut chunk).expect("it fits");
    assert!(matches!(item, Some(OwnedItem::Comment { .. })));
    let event = source.decode_owned(&mut chunk).expect("it fits");
    let event = event.expect("an event");
    assert_eq!((event.data(), event.id()), ("1", Some("1")));
    let event = source.decode_raw(&mut chunk).expect("it fits");
    assert_eq!(event.expect("an event").data(), b"2");
    let event = source.decode_owned(&mut chunk).expect("it fits");
    let event = event.expect("an event");
    assert_eq!((event.data(), event.last_event_id()), ("3", "1"));
    source.close();
    assert_eq!(source.decode_owned(&mut { chunk }), Ok(None));
    assert_eq!(source.decode_owned_item(&mut chunk), Ok(None));
    assert!(chunk.is_empty());
    assert_eq!(source.last_event_id(), "1");

    // A comment alone makes no good connection.
    for (bytes, is_good) in [(": c\n\n", false), ("data: 1\n\n", true)] {
        for items in [false, true] {
            let policy = Policy::browser().with_attempts(1);
            let mut source = EventSource::new(1).with_policy(policy);
            assert!(matches!(source.next(ms(0)), Step::Connect(_)));
            assert!(source.respond(200, [SSE]));
            let mut chunk = bytes.as_bytes();
            if items {
                while let Ok(Some(_)) = source.decode_owned_item(&mut chunk) {}
            } else {
                while let Ok(Some(_)) = source.decode_owned(&mut chunk) {}
            }
            source.end();
            assert_eq!(matches!(source.next(ms(0)), Step::Wait { .. }), is_good);
        }
    }
}

/// What can happen to a client, in any order, whether or not it makes sense.
#[derive(Debug, Clone)]
enum Happens {
    Next(u64),
    Respond(u16, &'static str),
    Bytes(&'static [u8]),
    End,
    Fail,
    Reconnect,
    WaitAtLeast(u64),
    Close,
}

fn times() -> impl Strategy<Value = u64> {
    prop_oneof![
        0_u64..10,
        0_u64..1_000_000,
        Just(u64::MAX - 1),
        Just(u64::MAX)
    ]
}

fn happenings() -> impl Strategy<Value = Happens> {
    let bytes: Vec<&'static [u8]> = vec![
        b"",
        b"data: 1\n\n",
        b"id: 7\n\n",
        b"retry: 0\n",
        b"retry: 99999999999999999999\n",
        b": c\ndata: cut",
    ];
    prop_oneof![
        6 => times().prop_map(Happens::Next),
        4 => (prop_oneof![4 => Just(200), 1 => any::<u16>()], prop_oneof![4 => Just(SSE), 1 => Just("x/y")])
            .prop_map(|(status, content_type)| Happens::Respond(status, content_type)),
        4 => proptest::sample::select(bytes).prop_map(Happens::Bytes),
        1 => Just(Happens::End),
        1 => Just(Happens::Fail),
        1 => Just(Happens::Reconnect),
        1 => times().prop_map(Happens::WaitAtLeast),
        1 => prop_oneof![1 => Just(Happens::Close), 9 => Just(Happens::End)],
    ]
}

fn policies() -> impl Strategy<Value = Policy> {
    let repeat = prop_oneof![
        Just(Repeat::Always),
        Just(Repeat::Resumed),
        Just(Repeat::Never)
    ];
    let six = (times(), times(), times(), times(), times(), times());
    (six, 0_u32..5, repeat, any::<bool>(), any::<bool>()).prop_map(
        |(
            (time, shortest, longest, backoff, steady, idle),
            attempts,
            repeat,
            transient,
            any_type,
        )| {
            Policy::new()
                .with_reconnection_time(ms(time))
                .with_bounds(ms(shortest), ms(longest))
                .with_backoff(Backoff::new().with_longest(ms(backoff)))
                .with_steady_after(ms(steady))
                .with_idle_timeout(ms(idle))
                .with_time(ms(time))
                .with_attempts(attempts)
                .with_repeat(repeat)
                .with_transient_statuses(transient)
                .with_any_content_type(any_type)
        },
    )
}

proptest! {
    #[test]
    fn whatever_happens_in_whatever_order_the_states_hold(
        policy in policies(),
        entropy in any::<u64>(),
        all in proptest::collection::vec(happenings(), 0..80),
    ) {
        let decoder = EventDecoder::with_buffer([0; 512]);
        let mut source = EventSource::with_decoder(decoder, entropy).with_policy(policy);
        // Whether a response is awaited, and why it was closed.
        let (mut awaits, mut why) = (false, None);
        for happens in all {
            let was_open = source.is_open();
            match happens {
                Happens::Next(now) => match source.next(ms(now)) {
                    Step::Connect(request) => {
                        prop_assert!(!awaits && !was_open && why.is_none());
                        prop_assert!(request.headers().count() >= 2);
                        awaits = true;
                    }
                    Step::AwaitResponse { .. } => prop_assert!(awaits),
                    Step::Read { .. } => prop_assert!(was_open),
                    // It may have found just now that nothing came for too long.
                    Step::Wait { .. } => awaits = false,
                    Step::Closed(closed) => {
                        prop_assert!(why.is_none_or(|why| why == closed));
                        why = Some(closed);
                        awaits = false;
                    }
                },
                Happens::Respond(status, content_type) => {
                    let opens = source.respond(status, [content_type]);
                    prop_assert!(!opens || awaits && status == 200);
                    prop_assert_eq!(source.is_open(), opens || was_open);
                    awaits = false;
                }
                Happens::Bytes(mut bytes) => {
                    let event = source.decode(&mut bytes).expect("it fits");
                    prop_assert!(event.is_none() || was_open);
                    prop_assert!(was_open || bytes.is_empty());
                }
                Happens::End => source.end(),
                Happens::Fail => source.fail(),
                Happens::Reconnect => source.reconnect(),
                Happens::WaitAtLeast(time) => source.wait_at_least(ms(time)),
                Happens::Close => source.close(),
            }
            if matches!(happens, Happens::End | Happens::Fail | Happens::Reconnect | Happens::Close) {
                awaits = false;
                prop_assert!(!source.is_open());
            }
            prop_assert!(!source.is_closed() || !source.is_open());
            prop_assert!(why.is_none() || source.is_closed());
        }
    }
}
