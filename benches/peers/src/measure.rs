//! The measurements: cell by cell.

use alloc::sync::Arc;
use core::cell::{LazyCell, RefCell};
use std::time::Instant;

use crate::Group;
use crate::allocator;
use crate::chunking::{CHUNKINGS, Chunking};
use crate::decoders::{self, Cell, Connection, Contender, Texts, Verdict};
use crate::encoders;
use crate::feed::Feed;
use crate::record::{
    ALLOCATED, ALLOCATIONS, FASTEST, KEPT, MEDIAN, PEAK, PEAK_OF_FIRST, ROUNDS, Record, Records,
    Section,
};
use crate::rounds::{Budget, Run, Times, rounds};
use crate::shapes::{Lengths, STREAMS, Shape, Stream};
use crate::watch::{Count, Timed, Weighed};

/// What to measure, and how long.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) budget: Budget,
    /// Parts of the names of the cells to measure, separated by commas: `decode/llm-chunks/16384`.
    pub(crate) only: String,
}

const USUAL: Chunking = Chunking::Bytes(16 * 1024);
/// The chunks of one long line.
const CUTS: [usize; 6] = [1, 8, 64, 512, 4096, 8192];

impl Plan {
    pub(crate) fn run(&self) -> Records {
        let mut records = Records::default();
        for (shape, lengths) in STREAMS {
            self.decode(shape, lengths, &mut records);
        }
        let shapes = [
            Shape::LlmChunks,
            Shape::TypedEvents,
            Shape::Notifications,
            Shape::EightLines,
        ];
        for shape in shapes {
            self.encode(shape, &mut records);
        }
        self.scaling(&mut records);
        for (shape, lengths) in STREAMS {
            if lengths == Lengths::Varied {
                self.allocations(shape, &mut records);
            }
        }
        self.memory(&mut records);
        self.oversized(&mut records);
        records
    }

    /// Whether a cell is to be measured; says so on standard error.
    fn wants(&self, section: Section, stream: &str, chunking: &str) -> bool {
        let name = format!("{}/{stream}/{chunking}", section.name());
        let wants = self.only.split(',').any(|part| name.contains(part));
        if wants {
            eprintln!("{name}");
        }
        wants
    }

    fn decode(&self, shape: Shape, lengths: Lengths, records: &mut Records) {
        let prepared =
            LazyCell::new(|| Prepared::from(Stream::generate(shape, lengths, self.budget.stream)));
        for chunking in CHUNKINGS
            .into_iter()
            .filter(|chunking| chunking.suits(shape, lengths))
        {
            if self.wants(Section::Decode, &name(shape, lengths), &chunking.name()) {
                let Prepared { stream, texts } = &*prepared;
                let feed = Feed::new(&chunking.cut(stream));
                let cell = Cell {
                    stream,
                    texts,
                    feed: &feed,
                };
                self.time(Section::Decode, cell, &chunking.name(), records);
            }
        }
    }

    /// Checks all contenders, and times those that are right and not too slow.
    fn time(&self, section: Section, cell: Cell<'_>, chunking: &str, records: &mut Records) {
        let contenders = decoders::contenders();
        let mut connections: Vec<_> = contenders
            .iter()
            .map(|contender| self.checked(cell, contender))
            .collect();
        let stated = Count {
            events: cell.stream.events(),
            data_bytes: cell.stream.data_bytes,
        };
        let good = connections.iter_mut();
        let good = good.filter(|(_, verdict)| *verdict == Verdict::Good);
        let mut runs: Vec<Run<'_>> = good
            .map(|(connection, _)| {
                Box::new(move || {
                    let mut watch = Timed::default();
                    cell.feed.arrive(cell.feed.all());
                    let before = Instant::now();
                    connection.time(&mut watch);
                    let time = before.elapsed();
                    assert_eq!(watch.count, stated);
                    time
                }) as Run<'_>
            })
            .collect();
        let mut times = rounds(&self.budget, &mut runs).into_iter();
        drop(runs);
        for (contender, (_, verdict)) in core::iter::zip(&contenders, connections) {
            let values = match verdict {
                Verdict::Good => per_event(&times.next().expect("one for each"), stated.events),
                _ => Vec::new(),
            };
            records.0.push(Record {
                section,
                stream: cell.stream.name.clone(),
                chunking: chunking.to_owned(),
                contender: contender.name,
                group: contender.group,
                package: contender.package,
                verdict,
                values,
            });
        }
    }

    fn checked<'s>(
        &self,
        cell: Cell<'s>,
        contender: &Contender,
    ) -> (Box<dyn Connection + 's>, Verdict) {
        let mut connection = (contender.connect)(cell);
        let verdict = match contender.group {
            Group::Baseline => Verdict::Good,
            Group::Ours | Group::Peer | Group::ByHand => {
                let deadline = Instant::now() + self.budget.run;
                decoders::check(cell, &mut *connection, deadline)
            }
        };
        if let Verdict::Wrong(why) = &verdict {
            eprintln!("  {}: {why}", contender.name);
        }
        (connection, verdict)
    }

    fn encode(&self, shape: Shape, records: &mut Records) {
        for source in encoders::Source::ALL {
            if self.wants(
                Section::Encode,
                &name(shape, Lengths::Varied),
                source.name(),
            ) {
                self.encode_from(source, shape, records);
            }
        }
    }

    fn encode_from(&self, source: encoders::Source, shape: Shape, records: &mut Records) {
        let stream = Stream::generate(shape, Lengths::Varied, self.budget.encoded);
        let messages: Arc<[encoders::Message]> = encoders::messages(&stream.bytes).into();
        let contenders = encoders::contenders();
        let mut encoders: Vec<_> = contenders
            .iter()
            .map(|contender| {
                let mut encoder = (contender.make)(&messages);
                let verdict = match encoders::check(&messages, &mut *encoder) {
                    Ok(()) => Verdict::Good,
                    Err(why) => Verdict::Wrong(why),
                };
                (encoder, verdict)
            })
            .collect();
        let caches = RefCell::new(source.caches());
        let good = encoders.iter_mut();
        let good = good.filter(|(_, verdict)| *verdict == Verdict::Good);
        let mut runs: Vec<Run<'_>> = good
            .map(|(encoder, _)| {
                let caches = &caches;
                Box::new(move || {
                    encoder.prepare();
                    caches.borrow_mut().prepare();
                    let before = Instant::now();
                    encoder.encode(&mut encoders::consume);
                    before.elapsed()
                }) as Run<'_>
            })
            .collect();
        let mut times = rounds(&self.budget, &mut runs).into_iter();
        drop(runs);
        for (contender, (_, verdict)) in core::iter::zip(&contenders, encoders) {
            let values = match verdict {
                Verdict::Good => per_event(&times.next().expect("one for each"), messages.len()),
                _ => Vec::new(),
            };
            records.0.push(Record {
                section: Section::Encode,
                stream: stream.name.clone(),
                chunking: source.name().to_owned(),
                contender: contender.name,
                group: contender.group,
                package: contender.package,
                verdict,
                values,
            });
        }
    }

    /// One long line in more and more chunks.
    fn scaling(&self, records: &mut Records) {
        let prepared = LazyCell::new(|| Prepared::from(one_line(self.budget.stream)));
        for cuts in CUTS {
            if self.wants(Section::Scaling, "one-line", &cuts.to_string()) {
                let Prepared { stream, texts } = &*prepared;
                let chunking = Chunking::Bytes(stream.bytes.len().div_ceil(cuts));
                let feed = Feed::new(&chunking.cut(stream));
                let cell = Cell {
                    stream,
                    texts,
                    feed: &feed,
                };
                self.time(Section::Scaling, cell, &cuts.to_string(), records);
            }
        }
    }

    /// What each event asks of the allocator once a connection has run for a while.
    fn allocations(&self, shape: Shape, records: &mut Records) {
        let name = name(shape, Lengths::Varied);
        if self.wants(Section::Allocations, &name, &USUAL.name()) {
            let stream = Stream::generate(shape, Lengths::Varied, shape.usual_size());
            let events = stream.events() as f64;
            self.weigh(Section::Allocations, &stream, records, |cell, contender| {
                let (mut connection, verdict) = self.checked(cell, contender);
                let (count, ()) = allocator::count(|| {
                    if verdict == Verdict::Good {
                        cell.feed.arrive(cell.feed.all());
                        connection.weigh(&mut Weighed::default());
                    }
                });
                let values = vec![
                    (ALLOCATIONS, count.allocations as f64 / events),
                    (ALLOCATED, count.bytes as f64 / events),
                ];
                (verdict, values)
            });
        }
    }

    /// The most memory that a connection has in use while lines of a megabyte pass.
    fn memory(&self, records: &mut Records) {
        let name = name(Shape::Base64, Lengths::Varied);
        if self.wants(Section::Memory, &name, &USUAL.name()) {
            let stream = Stream::generate(Shape::Base64, Lengths::Varied, self.budget.stream);
            self.weigh(Section::Memory, &stream, records, |cell, contender| {
                let (_, verdict) = self.checked(cell, contender);
                let (count, ()) = allocator::count(|| {
                    if verdict == Verdict::Good {
                        let mut connection = (contender.connect)(cell);
                        cell.feed.arrive(cell.feed.all());
                        connection.weigh(&mut Weighed::default());
                    }
                });
                (verdict, vec![(PEAK, count.peak as f64)])
            });
        }
    }

    /// What small events cost after an oversized one: how much memory is in use, and how much they ask for.
    fn oversized(&self, records: &mut Records) {
        if self.wants(Section::Oversized, "small-after-oversized", &USUAL.name()) {
            let stream = small_after_oversized();
            let events = (stream.events() - 1) as f64;
            self.weigh(Section::Oversized, &stream, records, |cell, contender| {
                let (_, verdict) = self.checked(cell, contender);
                // What it keeps is looked at before it goes: it is handed out.
                let mut watch = Weighed::default();
                let (count, _connection) = allocator::count(|| {
                    let mut connection = (contender.connect)(cell);
                    if verdict == Verdict::Good {
                        cell.feed.arrive(cell.feed.all());
                        connection.weigh(&mut watch);
                    }
                    connection
                });
                let values = vec![
                    (PEAK_OF_FIRST, watch.first.peak as f64),
                    (PEAK, count.peak as f64),
                    (KEPT, count.kept as f64),
                    (ALLOCATED, count.bytes as f64 / events),
                ];
                (verdict, values)
            });
        }
    }

    fn weigh(
        &self,
        section: Section,
        stream: &Stream,
        records: &mut Records,
        weigh: impl Fn(Cell<'_>, &Contender) -> (Verdict, Vec<(&'static str, f64)>),
    ) {
        let texts = Texts::of(stream);
        let feed = Feed::new(&USUAL.cut(stream));
        let cell = Cell {
            stream,
            texts: &texts,
            feed: &feed,
        };
        for contender in decoders::contenders() {
            if contender.group == Group::Baseline {
                continue;
            }
            let (verdict, values) = weigh(cell, &contender);
            records.0.push(Record {
                section,
                stream: stream.name.clone(),
                chunking: USUAL.name(),
                contender: contender.name,
                group: contender.group,
                package: contender.package,
                values: match verdict {
                    Verdict::Good => values,
                    _ => Vec::new(),
                },
                verdict,
            });
        }
    }
}

/// A stream, and what is known of its events.
struct Prepared {
    stream: Stream,
    texts: Texts,
}

impl From<Stream> for Prepared {
    fn from(stream: Stream) -> Self {
        let texts = Texts::of(&stream);
        Self { stream, texts }
    }
}

fn per_event(times: &Times, events: usize) -> Vec<(&'static str, f64)> {
    let nanoseconds = |time: core::time::Duration| time.as_nanos() as f64 / events as f64;
    vec![
        (FASTEST, nanoseconds(times.fastest())),
        (MEDIAN, nanoseconds(times.median())),
        (ROUNDS, times.rounds() as f64),
    ]
}

/// As the stream of that shape calls itself.
fn name(shape: Shape, lengths: Lengths) -> String {
    Stream::generate(shape, lengths, 0).name
}

/// An event with one line of so many bytes.
fn one_line(length: usize) -> Stream {
    let mut bytes = b"data: ".to_vec();
    bytes.resize(length - 2, b'x');
    bytes.extend_from_slice(b"\n\n");
    Stream {
        name: "one-line".to_owned(),
        event_ends: vec![bytes.len()],
        data_bytes: bytes.len() - "data: \n\n".len(),
        bytes,
    }
}

/// An event of 4 MiB, and a thousand or so small ones.
fn small_after_oversized() -> Stream {
    let mut stream = one_line(4 * 1024 * 1024);
    let small = Stream::generate(Shape::LlmChunks, Lengths::Varied, 256 * 1024);
    let oversized = stream.bytes.len();
    stream.name = "small-after-oversized".to_owned();
    stream
        .event_ends
        .extend(small.event_ends.iter().map(|end| oversized + end));
    stream.data_bytes += small.data_bytes;
    stream.bytes.extend_from_slice(&small.bytes);
    stream
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_wanted_by_any_part_of_their_names() {
        let wants = |only: &str| {
            let only = only.to_owned();
            let budget = Budget::QUICK;
            Plan { budget, only }.wants(Section::Decode, "tiny", "16384")
        };
        for only in ["", "decode/tiny/16384", "/16384", "encode/,tiny"] {
            assert!(wants(only), "{only}");
        }
        for only in ["llm-chunks", "encode/,llm-chunks"] {
            assert!(!wants(only), "{only}");
        }
    }
}
