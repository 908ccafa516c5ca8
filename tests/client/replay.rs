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
    while let Some(frame) = log.next(&mut cursor).expect("nothing is missing") {
        let mut bytes = &frame.as_bytes()[..];
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

    /// Evicted IDs are remembered up to the same limits, and one at least.
    fn since(&self, id: &str) -> Result<Vec<String>, Gap> {
        let (mut count, mut bytes) = (0, 0);
        for (position, (pushed, ..)) in self.pushed.iter().enumerate().rev() {
            if position < self.first && !pushed.is_empty() {
                count += 1;
                bytes += pushed.len();
                if count > 1 && (count > self.frames || bytes > self.bytes) {
                    break;
                }
            }
            if pushed == id && !id.is_empty() {
                let next = position + 1;
                let missed = (next..self.pushed.len()).map(|number| number.to_string());
                return if next < self.first {
                    Err(Gap::TooOld)
                } else {
                    Ok(missed.collect())
                };
            }
        }
        Err(Gap::Unknown)
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
            // A subscriber that takes its time.
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
        let is_ahead = log.end() != ReplayLog::new().end();
        let next = ReplayLog::new().next(&mut log.end()).map(|_| ());
        assert_eq!(next.is_err(), is_ahead, "a cursor of a longer log");
        assert!(next.is_ok() || next == Err(Gap::Unknown));
    }
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
    log.push(frame("SECRET", "SECRET"), Duration::ZERO);
    let shown = format!("{log:?}");
    assert!(shown.contains("frames: 1") && !shown.contains("SECRET"));
    assert_eq!(rest(&log.clone(), log.start()), ["SECRET"]);
}
