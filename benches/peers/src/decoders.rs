//! The contenders that decode: what each reads, and how it hands over its events.

mod baselines;
mod by_hand;
mod ours;
mod peers;

use core::ops::ControlFlow;
use std::time::Instant;

use crate::Group;
use crate::feed::Feed;
use crate::shapes::Stream;
use crate::watch::{Checked, Count, Timed, Watch, Weighed};

pub(crate) use baselines::{MEMCPY, UTF8_EVENTS, VISIT};
pub(crate) use by_hand::BY_HAND;
pub(crate) use ours::{
    BORROWING_SLICES, BORROWING_STREAM, CODEC, DECODE, OWNED, RAW, READER, SLICES, STREAM,
};

/// One connection, and what decodes it through the fastest of its crate's interfaces.
trait Decode<'f>: Sized {
    fn connect(feed: &'f Feed) -> Self;

    /// Reads the chunks that have arrived.
    fn read<W: Watch>(&mut self, watch: &mut W) -> ControlFlow<()>;
}

/// The same, of any type.
pub(crate) trait Connection {
    fn check(&mut self, watch: &mut Checked) -> ControlFlow<()>;
    fn time(&mut self, watch: &mut Timed);
    fn weigh(&mut self, watch: &mut Weighed);
}

impl<'f, D: Decode<'f>> Connection for D {
    fn check(&mut self, watch: &mut Checked) -> ControlFlow<()> {
        self.read(watch)
    }

    fn time(&mut self, watch: &mut Timed) {
        _ = self.read(watch);
    }

    fn weigh(&mut self, watch: &mut Weighed) {
        _ = self.read(watch);
    }
}

/// A stream in chunks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cell<'s> {
    pub(crate) stream: &'s Stream,
    pub(crate) texts: &'s Texts,
    pub(crate) feed: &'s Feed,
}

pub(crate) struct Contender {
    pub(crate) name: &'static str,
    pub(crate) group: Group,
    /// The package, for its version.
    pub(crate) package: &'static str,
    pub(crate) connect: for<'s> fn(Cell<'s>) -> Box<dyn Connection + 's>,
}

/// Everything that is measured, in the order of the tables.
pub(crate) fn contenders() -> Vec<Contender> {
    let mut contenders = ours::contenders();
    contenders.extend(peers::contenders());
    contenders.extend(by_hand::contenders());
    contenders.extend(baselines::contenders());
    contenders
}

/// Names [`Decode::connect`] of a type, for any lifetime of the feed.
macro_rules! contender {
    ($group:ident, $name:expr, $package:literal, $decode:ident) => {
        $crate::decoders::Contender {
            name: $name,
            group: $crate::Group::$group,
            package: $package,
            connect: |cell| {
                Box::new(<$decode<'_> as $crate::decoders::Decode<'_>>::connect(
                    cell.feed,
                ))
            },
        }
    };
}
use contender;

/// The text of all events of a stream: what a decoder to text has to validate.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    bytes: Vec<u8>,
    lengths: Vec<u32>,
    /// What a [check](check) must find.
    pub(crate) hash: u64,
}

impl Texts {
    pub(crate) fn of(stream: &Stream) -> Self {
        let mut texts = Self::default();
        let mut hash = Checked::until(Instant::now());
        let mut input = &stream.bytes[..];
        let mut decoder = sse_wire::EventDecoder::new();
        while let Some(event) = decoder.decode(&mut input).expect("below the limits") {
            if event.event_type() != "message" {
                texts.push(event.event_type());
            }
            texts.push(event.data());
            _ = hash.event(event.event_type().as_bytes(), event.data().as_bytes());
        }
        let stated = Count {
            events: stream.events(),
            data_bytes: stream.data_bytes,
        };
        assert_eq!(hash.count, stated, "{}", stream.name);
        texts.hash = hash.hash;
        texts
    }

    fn push(&mut self, text: &str) {
        self.bytes.extend_from_slice(text.as_bytes());
        let length = u32::try_from(text.len()).expect("an event of megabytes");
        self.lengths.push(length);
    }
}

/// What came of checking a contender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Good,
    TooSlow,
    /// It gives other events than the stream has, or none.
    Wrong(String),
}

/// Reads the whole stream once, and compares the events with those that it has.
pub(crate) fn check(cell: Cell<'_>, connection: &mut dyn Connection, deadline: Instant) -> Verdict {
    let mut watch = Checked::until(deadline);
    for portion in cell.feed.portions() {
        cell.feed.arrive(portion);
        let end = connection.check(&mut watch);
        if let Some(error) = watch.error {
            return Verdict::Wrong(error);
        }
        if end.is_break() || watch.is_late() {
            return Verdict::TooSlow;
        }
    }
    let Count { events, data_bytes } = watch.count;
    let stated = cell.stream;
    if events != stated.events() {
        return Verdict::Wrong(format!("gives {events} of {} events", stated.events()));
    }
    if data_bytes != stated.data_bytes {
        let stated = stated.data_bytes;
        return Verdict::Wrong(format!("gives {data_bytes} of {stated} bytes of data"));
    }
    if watch.hash != cell.texts.hash {
        return Verdict::Wrong("gives other types or other data".to_owned());
    }
    Verdict::Good
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;
    use crate::chunking::{CHUNKINGS, Chunking};
    use crate::shapes::{Lengths, STREAMS, Shape};

    const SIZE: usize = 64 * 1024;

    fn checked(contender: &Contender, stream: &Stream, chunking: Chunking) -> Verdict {
        let texts = Texts::of(stream);
        let feed = Feed::new(&chunking.cut(stream));
        let cell = Cell {
            stream,
            texts: &texts,
            feed: &feed,
        };
        let deadline = Instant::now() + Duration::from_secs(60);
        check(cell, &mut *(contender.connect)(cell), deadline)
    }

    #[test]
    fn every_contender_gives_the_events_of_every_stream() {
        for (shape, lengths) in STREAMS {
            let stream = Stream::generate(shape, lengths, SIZE);
            for contender in contenders() {
                if contender.group != Group::Baseline {
                    let verdict = checked(&contender, &stream, Chunking::Bytes(16 * 1024));
                    assert_eq!(verdict, Verdict::Good, "{} {}", contender.name, stream.name);
                }
            }
        }
    }

    #[test]
    fn ours_and_the_splitter_give_them_at_every_cut() {
        for (shape, lengths) in STREAMS {
            let stream = Stream::generate(shape, lengths, SIZE);
            let contenders = [ours::contenders(), by_hand::contenders()];
            for contender in contenders.iter().flatten() {
                for chunking in CHUNKINGS.into_iter().chain([Chunking::Bytes(1)]) {
                    let verdict = checked(contender, &stream, chunking);
                    assert_eq!(verdict, Verdict::Good, "{} {}", contender.name, stream.name);
                }
            }
        }
    }

    /// They panic if they meet something that is not what they measure.
    #[test]
    fn baselines_run_at_every_cut() {
        for (shape, lengths) in STREAMS {
            let stream = Stream::generate(shape, lengths, SIZE);
            let texts = Texts::of(&stream);
            for chunking in CHUNKINGS {
                let feed = Feed::new(&chunking.cut(&stream));
                let cell = Cell {
                    stream: &stream,
                    texts: &texts,
                    feed: &feed,
                };
                for contender in baselines::contenders() {
                    let mut watch = Timed::default();
                    (contender.connect)(cell).time(&mut watch);
                    assert_eq!(watch.count.events, stream.events());
                }
            }
        }
    }

    /// A decoder that does something to its events.
    struct Bent<'f, const HOW: u8> {
        feed: &'f Feed,
        decoder: sse_wire::EventDecoder,
        events: usize,
    }

    const LOSES: u8 = 0;
    const SHORTENS: u8 = 1;
    const CHANGES: u8 = 2;
    const RENAMES: u8 = 3;

    impl<'f, const HOW: u8> Decode<'f> for Bent<'f, HOW> {
        fn connect(feed: &'f Feed) -> Self {
            Self {
                feed,
                decoder: sse_wire::EventDecoder::new(),
                events: 0,
            }
        }

        fn read<W: Watch>(&mut self, watch: &mut W) -> ControlFlow<()> {
            for chunk in self.feed.take_all() {
                let mut input = &chunk[..];
                while let Ok(Some(event)) = self.decoder.decode(&mut input) {
                    self.events += 1;
                    let mut event_type = event.event_type().as_bytes().to_vec();
                    let mut data = event.data().as_bytes().to_vec();
                    if self.events == 10 {
                        match HOW {
                            LOSES => continue,
                            SHORTENS => _ = data.pop(),
                            CHANGES => data[0] ^= 1,
                            _ => event_type[0] ^= 1,
                        }
                    }
                    watch.event(&event_type, &data)?;
                }
            }
            ControlFlow::Continue(())
        }
    }

    #[test]
    fn a_contender_that_gives_others_is_not_timed() {
        let stream = Stream::generate(Shape::TypedEvents, Lengths::Varied, SIZE);
        let verdict = |contender: &Contender| match checked(contender, &stream, CHUNKINGS[1]) {
            Verdict::Wrong(why) => why,
            verdict => panic!("{verdict:?}"),
        };
        type Loses<'f> = Bent<'f, LOSES>;
        let why = verdict(&contender!(Peer, "", "", Loses));
        assert!(why.ends_with("events"), "{why}");
        type Shortens<'f> = Bent<'f, SHORTENS>;
        let why = verdict(&contender!(Peer, "", "", Shortens));
        assert!(why.ends_with("bytes of data"), "{why}");
        type Changes<'f> = Bent<'f, CHANGES>;
        let why = verdict(&contender!(Peer, "", "", Changes));
        assert_eq!(why, "gives other types or other data");
        type Renames<'f> = Bent<'f, RENAMES>;
        let why = verdict(&contender!(Peer, "", "", Renames));
        assert_eq!(why, "gives other types or other data");
    }

    #[test]
    fn a_contender_that_is_late_is_not_timed() {
        let stream = Stream::generate(Shape::LlmChunks, Lengths::Varied, SIZE);
        let texts = Texts::of(&stream);
        let feed = Feed::new(&CHUNKINGS[0].cut(&stream));
        let cell = Cell {
            stream: &stream,
            texts: &texts,
            feed: &feed,
        };
        let contender = &contenders()[0];
        let verdict = check(cell, &mut *(contender.connect)(cell), Instant::now());
        assert_eq!(verdict, Verdict::TooSlow);
    }
}
