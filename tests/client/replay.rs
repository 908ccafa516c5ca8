//! The log of a server: a client that reconnects receives what it missed, or a gap is reported.

use crate::random::Random;
use core::time::Duration;
use sse_wire::replay::{Cursor, Gap, ReplayLog};
use sse_wire::{EventDecoder, Frame, LastEventId, Outgoing};

fn frame(id: &str, data: &str) -> Frame {
    let id = LastEventId::new(id).expect("it has no line end");
    Frame::from(Outgoing::message(data).id(id))
}

/// The data of all events from a cursor on.
fn rest(log: &ReplayLog, mut cursor: Cursor) -> Vec<String> {
    let mut decoder = EventDecoder::new();
    let mut data = Vec::new();
    while let Some(entry) = log.next(&mut cursor).expect("nothing is missing") {
        let mut bytes = &entry.frame.as_bytes()[..];
        while let Some(event) = decoder.decode(&mut bytes).expect("it fits") {
            data.push(event.data().to_owned());
        }
    }
    assert_eq!(cursor, log.end());
    data
}

/// The bounds of a log, and everything that was ever pushed.
struct Model {
    frames: usize,
    bytes: usize,
    age: u64,
    /// The ID, the length and the time of each frame. Its data is its number.
    pushed: Vec<(String, usize, u64)>,
    first: usize,
}

impl Model {
    fn push(&mut self, id: &str, length: usize, now: u64) {
        self.pushed.push((id.into(), length, now));
        let newest = self.pushed.len() - 1;
        while self.first < newest && (self.len() > self.frames || self.bytes() > self.bytes) {
            self.first += 1;
        }
        self.trim(now);
    }

    fn trim(&mut self, now: u64) {
        let ages = self.pushed[self.first..].iter();
        let ages = ages.map(|(.., time)| now.saturating_sub(*time));
        self.first += ages.take_while(|age| *age > self.age).count();
    }

    fn len(&self) -> usize {
        self.pushed.len() - self.first
    }

    fn bytes(&self) -> usize {
        self.pushed[self.first..].iter().map(|frame| frame.1).sum()
    }

    /// The positions whose IDs are remembered: of evicted ones up to the same limits, and one at
    /// least.
    fn remembered(&self, end: usize) -> impl Iterator<Item = (usize, &str)> {
        let (mut count, mut bytes) = (0, 0);
        let ids = self.pushed.iter().map(|(id, ..)| id.as_str()).enumerate();
        let ids = ids.rev().filter(|(_, id)| !id.is_empty());
        ids.take_while(move |(position, id)| {
            if *position < self.first {
                count += 1;
                bytes += id.len();
            }
            count <= 1 || (count <= self.frames && bytes <= self.bytes)
        })
        .filter(move |(position, _)| *position < end)
    }

    fn since(&self, id: &str) -> Result<Vec<String>, Gap> {
        let end = self.pushed.len();
        let found = self.remembered(end).find(|(_, pushed)| *pushed == id);
        let next = found.ok_or(Gap::Unknown)?.0 + 1;
        if next < self.first {
            return Err(Gap::TooOld);
        }
        Ok((next..end).map(|number| number.to_string()).collect())
    }
}

#[test]
fn a_client_receives_what_it_missed_or_a_gap_within_any_bounds() {
    for seed in 0..600 {
        let mut random = Random::new(seed);
        let frames = *random.choose(&[0, 1, 2, 3, 5, usize::MAX]);
        let bytes = *random.choose(&[0, 60, 200, usize::MAX, usize::MAX]);
        let age = *random.choose(&[0, 5, 20, u64::MAX, u64::MAX]);
        let (pushed, first) = (Vec::new(), 0);
        let mut model = Model {
            frames,
            bytes,
            age,
            pushed,
            first,
        };
        let log = ReplayLog::new().with_frames(frames).with_bytes(bytes);
        let mut log = log.with_age(Duration::from_secs(age));
        // Some are used again, one is long, and one resets the ID of a client.
        let ids = ["1", "2", "3", "a b", "\u{FFFD}", &*"long ".repeat(20), ""];
        let (mut slow, mut taken) = (log.start(), 0);
        let mut now = 0;
        for number in 0..30 {
            now = (now + random.number() % 4).saturating_sub(random.number() % 3);
            let seconds = Duration::from_secs(now);
            if random.once_in(5) {
                model.trim(now);
                log.trim(seconds);
            } else {
                let id = random.once_in(2).then(|| format!("id {number}"));
                let id = id.as_deref().unwrap_or(*random.choose(&ids));
                let comment = "x".repeat(random.below(50));
                let data = model.pushed.len().to_string();
                let id_line = LastEventId::new(id).expect("no line end");
                let frame = Outgoing::message(&data).id(id_line).comment(&comment);
                let frame = Frame::from(frame);
                model.push(id, frame.len(), now);
                log.push(frame, seconds);
            }
            let size = (model.len(), model.bytes());
            assert_eq!((log.len(), log.bytes()), size, "seed {seed}");
            assert_eq!(log.is_empty(), model.len() == 0);
            let unique = (0..=number).map(|number| format!("id {number}"));
            for id in ids.map(str::to_owned).into_iter().chain(unique) {
                let since = log.since(&id).map(|cursor| rest(&log, cursor));
                assert_eq!(since, model.since(&id), "seed {seed}, after {id:?}");
            }
            assert_eq!(rest(&log, log.start()).len(), model.len());
            let valid = |id| LastEventId::new(id).expect("no line end");
            let newest = model.remembered(usize::MAX).next().map(|(_, id)| valid(id));
            assert_eq!(log.last_event_id(), newest, "seed {seed}");
            // A subscriber that takes its time.
            let passed = model.remembered(taken).next().map(|(_, id)| valid(id));
            assert_eq!(log.last_event_id_at(&slow), passed, "seed {seed}");
            let behind = match taken {
                _ if taken < model.first => Err(Gap::TooOld),
                _ => Ok((model.pushed.len() - taken) as u64),
            };
            assert_eq!(log.behind(&slow), behind, "seed {seed}");
            if random.once_in(3) {
                let expected = match taken {
                    _ if taken == model.pushed.len() => Ok(false),
                    _ if taken < model.first => Err(Gap::TooOld),
                    _ => Ok(true),
                };
                let next = log.next(&mut slow).map(|frame| frame.is_some());
                assert_eq!(next, expected, "seed {seed}");
                taken += usize::from(expected == Ok(true));
            }
        }
    }
}

#[test]
fn a_cursor_of_another_log_or_epoch_is_noticed() {
    let old = ReplayLog::new();
    let mut log = ReplayLog::new();
    log.push(frame("1", "one"), Duration::ZERO);
    let mut cursors = vec![old.start(), old.end(), ReplayLog::new().end()];
    for seed in [None, Some(""), Some("9")] {
        cursors.extend([log.start(), log.end()]);
        let seed = seed.map(LastEventId::from_static);
        log.new_epoch(seed);
        let seed = seed.filter(|seed| !seed.as_str().is_empty());
        assert_eq!((log.len(), log.bytes(), log.last_event_id()), (0, 0, seed));
        assert_eq!(log.since("1"), Err(Gap::Unknown));
        assert_eq!(log.behind(&log.end()), Ok(0));
        assert_eq!(log.last_event_id_at(&log.end()), seed);
        log.push(frame("2", "two"), Duration::ZERO);
        log.push(frame("3", "three"), Duration::ZERO);
        for cursor in &cursors {
            let mut moved = *cursor;
            assert_eq!(log.next(&mut moved), Err(Gap::OtherEpoch));
            assert_eq!(moved, *cursor);
            assert_eq!(log.behind(cursor), Err(Gap::OtherEpoch));
            assert_eq!(log.last_event_id_at(cursor), None);
        }
        assert_eq!(rest(&log, log.start()), ["two", "three"]);
    }
    let message = "the cursor is of another log, or of an earlier epoch of this log";
    assert_eq!(Gap::OtherEpoch.to_string(), message);
}

#[test]
fn a_log_that_continues_another_one_answers_as_that_one_does() {
    let new_log = || ReplayLog::new().with_frames(3);
    let (mut log, mut stored) = (new_log(), Vec::new());
    for number in 0..10 {
        // The ID that precedes the frames in the log is its seed.
        let seed = LastEventId::from_static("start");
        let seed = log.last_event_id_at(&log.start()).unwrap_or(seed);
        let mut restored = new_log().with_seed(seed);
        assert_eq!(restored.last_event_id(), Some(seed));
        assert_eq!(restored.since(seed.as_str()), Ok(restored.start()));
        assert!(restored.is_empty());
        for frame in &stored {
            restored.push(Frame::clone(frame), Duration::ZERO);
        }
        for id in 0..number {
            let id = id.to_string();
            let rest_of = |log: &ReplayLog| log.since(&id).map(|cursor| rest(log, cursor)).ok();
            assert_eq!(rest_of(&restored), rest_of(&log), "{id} of {number}");
        }
        for (cursor, expected) in [(restored.start(), log.start()), (restored.end(), log.end())] {
            assert_eq!(restored.behind(&cursor), log.behind(&expected));
            let expected = log.last_event_id_at(&expected).or(Some(seed));
            assert_eq!(restored.last_event_id_at(&cursor), expected);
        }
        let id = number.to_string();
        log.push(frame(&id, &id), Duration::ZERO);
        stored.push(frame(&id, &id));
        stored.drain(..stored.len().saturating_sub(3));
    }
    // A seed expires as an ID does whose frame was evicted.
    let mut log = new_log().with_seed(LastEventId::from_static("seed"));
    let expected = [
        Ok(1),
        Ok(2),
        Ok(3),
        Err(Gap::TooOld),
        Err(Gap::TooOld),
        Err(Gap::Unknown),
    ];
    for expected in expected {
        log.push(frame("same", "x"), Duration::ZERO);
        let since = log.since("seed").map(|cursor| rest(&log, cursor).len());
        assert_eq!(since, expected);
    }
}

#[test]
fn a_tag_is_returned_with_its_frame() {
    let mut log = ReplayLog::with_tags().with_frames(2);
    for (number, tag) in (0..3).zip(["a", "b", "c"]) {
        let frame = Frame::from(Outgoing::message(tag).numeric_id(number));
        log.push_tagged(frame, String::from(tag), Duration::ZERO);
    }
    let mut cursor = log.start();
    for (number, tag) in [(1, "b"), (2, "c")] {
        let entry = log.next(&mut cursor).expect("it is the log's own");
        let entry = entry.expect("there is a frame");
        let frame = Frame::from(Outgoing::message(tag).numeric_id(number));
        assert_eq!((entry.frame, &entry.tag[..]), (&frame, tag));
    }
    log.push(Frame::from(Outgoing::message("untagged")), Duration::ZERO);
    let entry = log.next(&mut cursor).expect("it is the log's own");
    assert_eq!(entry.map(|entry| entry.tag.as_str()), Some(""));
}

#[test]
fn the_id_of_a_frame_is_the_one_that_a_client_commits() {
    let long = format!(
        "id: {}\ndata: {}\n\n",
        "1".repeat(70_000),
        "x".repeat(20_000_000)
    );
    for (bytes, id) in [
        (&b"id: 1\ndata: x\n\n"[..], "1"),
        (b"data: x\nid:1\n\n", "1"),
        (b"id: 1\n\n", "1"),
        (b"id: 1\nid: 2\n\n", "2"),
        (b"id: 1\n\nid: 2\n\ndata: x\n\n", "2"),
        (b"data: x\n\ndata: y\n\nid: 1\ndata: z\n\n", "1"),
        (b"id: 1\nid: 2\0\n\n", "1"),
        (b"id:  1 \r\rid: 2\0\r\r", " 1 "),
        (b"id: \xFF\ndata: x\n\n", "\u{FFFD}"),
        (long.as_bytes(), &"1".repeat(70_000)),
        (b"data: id: 1\n\n", ""),
        (b": 1\n\n", ""),
        (b"id: 1\n\nid\n\n", ""),
        (b"retry: 1\n\n", ""),
        (b"", ""),
    ] {
        let mut log = ReplayLog::new().with_bytes(usize::MAX);
        let middle = Frame::parse(bytes.to_vec().into()).expect("it is whole");
        for frame in [frame("before", "1"), middle, frame("after", "2")] {
            log.push(frame, Duration::ZERO);
        }
        for asked in [id, "", "1", "2"] {
            let since = log.since(asked).map(|cursor| rest(&log, cursor));
            let known = asked == id && !id.is_empty();
            let expected = if known {
                Ok(vec!["2".into()])
            } else {
                Err(Gap::Unknown)
            };
            assert_eq!(since, expected, "{:.40}", bytes.escape_ascii());
        }
    }
}

#[test]
fn the_debug_form_does_not_show_what_is_in_the_log() {
    let mut log = ReplayLog::default();
    log.push_tagged(frame("SECRET", "SECRET"), (), Duration::ZERO);
    let shown = format!("{log:?}");
    assert!(shown.contains("frames: 1") && !shown.contains("SECRET"));
}
