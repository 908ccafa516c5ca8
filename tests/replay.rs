//! A log of frames gives a client that comes back what it missed, or says that it cannot.
#![cfg(feature = "bytes")]

use core::time::Duration;
use sse_wire::replay::{Cursor, Gap, ReplayLog};
use sse_wire::{EventDecoder, Frame, LastEventId, Outgoing};

fn frame(id: &str, data: &str) -> Frame {
    let id = LastEventId::new(id).expect("it has no line end");
    Frame::from(Outgoing::message(data).id(id))
}

fn push(log: &mut ReplayLog, id: &str) {
    log.push(frame(id, id), Duration::ZERO);
}

/// The data of all events from a cursor on.
fn rest(log: &ReplayLog, mut cursor: Cursor) -> Vec<String> {
    let mut decoder = EventDecoder::new();
    let mut data = Vec::new();
    while let Some(frame) = log.next(&mut cursor).expect("nothing is missing") {
        let mut bytes = &frame.as_bytes()[..];
        while let Some(event) = decoder.decode(&mut bytes).expect("it fits") {
            data.push(event.data().to_owned());
        }
    }
    assert_eq!(cursor, log.end());
    data
}

#[test]
fn a_client_gets_what_came_after_the_event_it_saw_last() {
    let mut log = ReplayLog::new();
    let ids: Vec<String> = (0..10).map(|id| format!("id {id}")).collect();
    for id in &ids {
        push(&mut log, id);
    }
    for (index, id) in ids.iter().enumerate() {
        let cursor = log.since(id).expect("it is there");
        assert_eq!(rest(&log, cursor), ids[index + 1..]);
    }
    assert_eq!(rest(&log, log.start()), ids);
    assert!(rest(&log, log.end()).is_empty());
    assert_eq!((log.len(), log.is_empty()), (10, false));
    assert_eq!(log.bytes(), 10 * b"id: id 0\ndata: id 0\n\n".len());
}

#[test]
fn what_is_unknown_is_never_answered_from_the_start() {
    let mut log = ReplayLog::new();
    assert_eq!(log.since("1"), Err(Gap::Unknown));
    assert_eq!(log.since(""), Err(Gap::Unknown));
    push(&mut log, "1");
    for id in ["", "0", "2", " 1", "1 ", "11"] {
        assert_eq!(log.since(id), Err(Gap::Unknown), "{id:?}");
    }
}

#[test]
fn what_was_dropped_is_told_from_what_never_was() {
    for most in 0..6 {
        let mut log = ReplayLog::new().with_frames(most);
        let most = most.max(1);
        for id in 0..20 {
            push(&mut log, &id.to_string());
            let end = id + 1;
            assert_eq!(log.len(), most.min(end));
            for asked in 0..=end {
                let first_kept = end.saturating_sub(most);
                let since = log.since(&asked.to_string());
                if asked == end {
                    assert_eq!(since, Err(Gap::Unknown));
                } else if asked + 1 >= first_kept {
                    let expected: Vec<String> = (asked + 1..end).map(|id| id.to_string()).collect();
                    assert_eq!(rest(&log, since.expect("all after it is there")), expected);
                } else if asked + most >= first_kept {
                    assert_eq!(since, Err(Gap::TooOld));
                } else {
                    // Long forgotten.
                    assert_eq!(since, Err(Gap::Unknown));
                }
            }
        }
    }
}

#[test]
fn bytes_are_bounded_and_the_newest_frame_stays() {
    let small = frame("1", "x").len();
    let mut log = ReplayLog::new().with_bytes(3 * small + 1);
    for id in 0..9 {
        log.push(frame(&id.to_string(), "x"), Duration::ZERO);
        assert!(log.bytes() <= 3 * small + 1);
        assert_eq!(log.len(), 3.min(id + 1));
    }
    log.push(frame("9", &"x".repeat(1000)), Duration::ZERO);
    assert_eq!(log.len(), 1);
    // A subscriber that was at the end still gets it.
    let cursor = log.since("8").expect("all after it is there");
    assert_eq!(rest(&log, cursor)[0].len(), 1000);
    assert_eq!(log.since("7"), Err(Gap::TooOld));
    log.push(frame("10", "x"), Duration::ZERO);
    assert_eq!((log.len(), log.bytes()), (1, frame("10", "x").len()));

    // Of IDs without their frames no more is remembered, either.
    let mut log = ReplayLog::new().with_bytes(100);
    let id = |number: u32| format!("{number:0>60}");
    for number in 0..10 {
        log.push(frame(&id(number), ""), Duration::ZERO);
    }
    assert!(log.since(&id(8)).is_ok());
    assert_eq!(log.since(&id(7)), Err(Gap::Unknown));
}

#[test]
fn age_is_bounded() {
    let seconds = Duration::from_secs;
    let mut log = ReplayLog::new().with_age(seconds(10));
    for now in [0, 4, 8] {
        log.push(frame(&now.to_string(), ""), seconds(now));
    }
    log.trim(seconds(10));
    assert_eq!(log.len(), 3);
    log.trim(seconds(11));
    assert_eq!(log.len(), 2);
    assert!(log.since("0").is_ok());
    log.push(frame("15", ""), seconds(15));
    assert_eq!((log.len(), log.since("0")), (2, Err(Gap::TooOld)));
    // Time that goes back drops nothing.
    log.trim(seconds(0));
    assert_eq!(log.len(), 2);
    log.trim(seconds(1000));
    assert!(log.is_empty() && log.bytes() == 0);
    // Nothing came after it: it may go on.
    assert!(log.since("15").is_ok());
    assert_eq!(log.since("8"), Err(Gap::TooOld));
}

#[test]
fn a_subscriber_that_is_too_slow_is_told_so() {
    let mut log = ReplayLog::new().with_frames(2);
    push(&mut log, "1");
    let mut slow = log.start();
    let mut fast = log.start();
    for id in ["2", "3"] {
        push(&mut log, id);
        while log.next(&mut fast).expect("nothing is missing").is_some() {}
    }
    assert_eq!(log.next(&mut slow), Err(Gap::TooOld));
    assert_eq!(log.next(&mut slow), Err(Gap::TooOld));
    assert_eq!(log.next(&mut fast), Ok(None));
    // Of a longer log, or of one before a restart.
    assert_eq!(ReplayLog::new().next(&mut fast), Err(Gap::Unknown));
    push(&mut log, "4");
    assert!(matches!(log.next(&mut fast), Ok(Some(_))));
}

#[test]
fn the_id_of_a_frame_is_the_one_that_a_client_would_commit() {
    let cases: [(&str, Option<&str>); 12] = [
        ("id: 1\ndata: x\n\n", Some("1")),
        ("data: x\nid:1\n\n", Some("1")),
        ("id: 1\n\n", Some("1")),
        ("id: 1\nid: 2\n\n", Some("2")),
        ("id: 1\n\nid: 2\n\ndata: x\n\n", Some("2")),
        ("id: 1\nid: 2\0\n\n", Some("1")),
        ("id:  1 \r\rid: 2\0\r\r", Some(" 1 ")),
        ("data: id: 1\n\n", None),
        (": 1\n\n", None),
        ("id: 1\n\nid\n\n", None),
        ("retry: 1\n\n", None),
        ("", None),
    ];
    for (bytes, id) in cases {
        let mut log = ReplayLog::new();
        push(&mut log, "before");
        let frame = Frame::parse(bytes::Bytes::copy_from_slice(bytes.as_bytes()));
        log.push(frame.expect("it is whole"), Duration::ZERO);
        push(&mut log, "behind");
        if let Some(id) = id {
            let cursor = log.since(id).expect("it is there");
            assert_eq!(rest(&log, cursor), ["behind"], "{bytes:?}");
        }
        // Without one it comes with what is before it.
        let cursor = log.since("before").expect("it is there");
        let decoded = rest(&log, cursor);
        assert_eq!(decoded.last().map(String::as_str), Some("behind"));
        assert_eq!(log.since("1").is_ok(), id == Some("1"), "{bytes:?}");
    }
    // As text, as a client keeps it.
    let mut log = ReplayLog::new();
    let frame = Frame::parse(bytes::Bytes::from_static(b"id: \xFF\ndata: x\n\n"));
    log.push(frame.expect("it is whole"), Duration::ZERO);
    assert!(log.since("\u{FFFD}").is_ok());
}

#[test]
fn of_two_frames_with_the_same_id_the_newer_one_counts() {
    let mut log = ReplayLog::new().with_frames(3);
    for (id, data) in [("a", "1"), ("b", "2"), ("a", "3"), ("c", "4")] {
        log.push(frame(id, data), Duration::ZERO);
    }
    let cursor = log.since("a").expect("it is there");
    assert_eq!(rest(&log, cursor), ["4"]);
    // The older one is forgotten alone.
    for id in ["d", "e", "f", "g"] {
        push(&mut log, id);
    }
    assert_eq!(log.since("a"), Err(Gap::TooOld));
}

#[test]
fn a_log_shows_how_large_it_is_and_not_what_is_in_it() {
    let mut log = ReplayLog::default();
    push(&mut log, "SECRET");
    let shown = format!("{log:?}");
    assert!(shown.contains("frames: 1") && !shown.contains("SECRET"));
    assert_eq!(rest(&log.clone(), log.start()), ["SECRET"]);
}
