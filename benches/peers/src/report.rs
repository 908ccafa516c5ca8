//! The records as tables in Markdown, and as CSV.

use alloc::collections::BTreeMap;
use core::fmt::Write as _;
use std::io;

use crate::decoders::{self, Verdict};
use crate::encoders;
use crate::machine;
use crate::record::{
    ALLOCATED, ALLOCATIONS, FASTEST, KEPT, MEDIAN, PEAK, PEAK_OF_FIRST, Record, Records, Section,
};

/// One line for each figure, the figures of a contender next to each other.
pub(crate) fn csv(
    header: &[(&str, String)],
    records: &Records,
    mut out: impl io::Write,
) -> csv::Result<()> {
    for (name, value) in header {
        writeln!(out, "# {name}: {value}")?;
    }
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record([
        "section",
        "stream",
        "chunking",
        "contender",
        "version",
        "group",
        "figure",
        "value",
    ])?;
    for record in &records.0 {
        let version = match record.package {
            "" => "",
            package => machine::version(package),
        };
        let mut write = |figure: &str, value: &str| {
            csv.write_record([
                record.section.name(),
                &record.stream,
                &record.chunking,
                record.contender,
                version,
                record.group.name(),
                figure,
                value,
            ])
        };
        match &record.verdict {
            Verdict::Good => {
                for (figure, value) in &record.values {
                    write(figure, &format!("{value:.3}"))?;
                }
            }
            Verdict::TooSlow => write("too slow", "")?,
            Verdict::Wrong(_) => write("not applicable", "")?,
        }
    }
    csv.flush()?;
    Ok(())
}

pub(crate) fn markdown(header: &[(&str, String)], records: &Records) -> String {
    let mut report = Report {
        records,
        text: String::new(),
        other_events: BTreeMap::new(),
    };
    report.text.push_str("# sse-wire beside its peers\n\n");
    for (name, value) in header {
        report.line(&format!("- {name}: {value}"));
    }
    report.summary();
    report.decode();
    report.encode();
    report.scaling();
    report.weights();
    report.other_events();
    report.text
}

struct Report<'r> {
    records: &'r Records,
    text: String,
    /// Why a contender has no figures in some cells.
    other_events: BTreeMap<&'static str, Vec<String>>,
}

impl Report<'_> {
    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn heading(&mut self, heading: &str) {
        _ = write!(self.text, "\n{heading}\n\n");
    }

    fn row<S: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = S>) {
        for cell in cells {
            _ = write!(self.text, "| {} ", cell.as_ref());
        }
        self.line("|");
    }

    /// The heads of the columns, of which all but the first are numbers.
    fn head(&mut self, cells: &[String]) {
        self.row(cells);
        let rule = (0..cells.len()).map(|column| if column == 0 { "---" } else { "---:" });
        self.row(rule);
    }

    /// The ratios that matter most, in one table.
    fn summary(&mut self) {
        let columns = SUMMARY.map(|column| match column {
            Column::PeerBy(name) => format!("peer / {}", short(name)),
            Column::Of(one, other) => format!("{} / {}", short(one), short(other)),
        });
        let head = ["stream", "chunks", "fastest peer, ns"].map(str::to_owned);
        self.cells(
            "## In short",
            "Ratios of the fastest rounds, and of the medians in parentheses. Above 1, `peer / X` says how much faster X is than \
             the fastest peer; every peer gives owned events.",
            &[&head[..], &columns].concat(),
            standing,
        );
        let columns = [
            "stream",
            "chunks",
            "visit, ns",
            "decode_raw / visit",
            "decode / (decode_raw + UTF-8 pass)",
            "decode / (visit + memcpy + UTF-8 pass)",
        ];
        self.cells(
            "## Beside the baselines",
            "Ratios of the fastest rounds, and of the medians in parentheses.",
            &columns.map(str::to_owned),
            minimums,
        );
    }

    /// A table with a line for each cell that has one.
    fn cells(
        &mut self,
        heading: &str,
        explanation: &str,
        columns: &[String],
        line: fn(&Times<'_>) -> Option<Vec<String>>,
    ) {
        let records = self.records;
        let mut rows = Vec::new();
        for stream in records.streams(Section::Decode) {
            for chunking in records.chunkings(Section::Decode) {
                let times = Times {
                    records,
                    stream,
                    chunking,
                };
                rows.extend(line(&times).map(|line| {
                    let name = [stream.to_owned(), chunks(chunking)];
                    [&name[..], &line].concat()
                }));
            }
        }
        if rows.is_empty() {
            return;
        }
        self.heading(heading);
        self.line(explanation);
        self.line("");
        self.head(columns);
        for row in rows {
            self.row(row);
        }
    }

    fn decode(&mut self) {
        let records = self.records;
        let chunkings = records.chunkings(Section::Decode);
        for stream in records.streams(Section::Decode) {
            self.heading(&format!("## Decode: {stream}, ns per event"));
            self.line("Fastest round, and the median in parentheses.\n");
            let heads = chunkings.iter().map(|chunking| chunks(chunking));
            let head: Vec<_> = core::iter::once("contender".to_owned())
                .chain(heads)
                .collect();
            self.head(&head);
            for contender in records.contenders(Section::Decode) {
                let cells: Vec<_> = chunkings
                    .iter()
                    .map(|chunking| {
                        let record = records.find(Section::Decode, stream, chunking, contender);
                        self.time(record)
                    })
                    .collect();
                self.row(core::iter::once(contender.to_owned()).chain(cells));
            }
            self.ratios(stream, &chunkings);
        }
    }

    /// The same as multiples of the fastest peer, and of the visit.
    fn ratios(&mut self, stream: &str, chunkings: &[&str]) {
        let records = self.records;
        self.line("\nTime as a multiple of the fastest peer's / of the visit's.\n");
        let heads = chunkings.iter().map(|chunking| chunks(chunking));
        let head: Vec<_> = core::iter::once("contender".to_owned())
            .chain(heads)
            .collect();
        self.head(&head);
        for contender in records.contenders(Section::Decode) {
            let cells = chunkings.iter().map(|chunking| {
                let time = |name| {
                    let record = records.find(Section::Decode, stream, chunking, name);
                    record.and_then(|record| record.value(FASTEST))
                };
                let peer = records.fastest_peer(Section::Decode, stream, chunking);
                let peer = peer.and_then(|record| record.value(FASTEST));
                let time_of = time(contender);
                let visit = time(decoders::VISIT);
                format!("{} / {}", ratio(time_of, peer), ratio(time_of, visit))
            });
            self.row(core::iter::once(contender.to_owned()).chain(cells));
        }
    }

    fn encode(&mut self) {
        let records = self.records;
        let streams = records.streams(Section::Encode);
        for source in records.chunkings(Section::Encode) {
            let explanation = match source {
                "cached" => "The source is in the processor's caches.",
                _ => "The source is not in the processor's caches.",
            };
            self.heading(&format!("## Encode, ns per event: {source}"));
            self.line(explanation);
            self.line(
                "Fastest round, and the median in parentheses; then the time as a multiple of the fastest peer's / of what is \
                 written by hand.\n",
            );
            let heads = streams.iter().map(|stream| (*stream).to_owned());
            let head: Vec<_> = core::iter::once("contender".to_owned())
                .chain(heads)
                .collect();
            self.head(&head);
            for contender in records.contenders(Section::Encode) {
                let cells: Vec<_> = streams
                    .iter()
                    .map(|stream| {
                        let find = |name| records.find(Section::Encode, stream, source, name);
                        let time = |name| find(name).and_then(|record| record.value(FASTEST));
                        let peer = records.fastest_peer(Section::Encode, stream, source);
                        let peer = peer.and_then(|record| record.value(FASTEST));
                        let text = self.time(find(contender));
                        let by_hand = ratio(time(contender), time(encoders::BY_HAND));
                        format!("{text}; {} / {by_hand}", ratio(time(contender), peer))
                    })
                    .collect();
                self.row(core::iter::once(contender.to_owned()).chain(cells));
            }
        }
    }

    fn scaling(&mut self) {
        let records = self.records;
        let cuts = records.chunkings(Section::Scaling);
        if cuts.is_empty() {
            return;
        }
        let size = records
            .of(Section::Scaling)
            .next()
            .map_or("", |record| &record.stream);
        self.heading(&format!("## Scaling: {size} in so many chunks, ms"));
        self.line("Fastest round. The last column is the time for the most chunks as a multiple of that for 64.\n");
        let heads = cuts.iter().map(|cuts| (*cuts).to_owned());
        let mut head: Vec<_> = core::iter::once("contender".to_owned())
            .chain(heads)
            .collect();
        head.push("most / 64".to_owned());
        self.head(&head);
        for contender in records.contenders(Section::Scaling) {
            let find = |cuts| records.find(Section::Scaling, size, cuts, contender);
            let time = |cuts| find(cuts).and_then(|record| record.value(FASTEST));
            let most = cuts.last().and_then(|cuts| time(cuts));
            let mut row = vec![contender.to_owned()];
            for cuts in &cuts {
                row.push(match time(cuts) {
                    Some(nanoseconds) => format!("{:.2}", nanoseconds / 1e6),
                    None => self.time(find(cuts)),
                });
            }
            row.push(ratio(most, time("64")));
            self.row(row);
        }
    }

    fn weights(&mut self) {
        let records = self.records;
        let streams = records.streams(Section::Allocations);
        if !streams.is_empty() {
            self.heading("## Allocations per event (and bytes asked for), 16 KiB chunks");
            let heads = streams.iter().map(|stream| (*stream).to_owned());
            let head: Vec<_> = core::iter::once("contender".to_owned())
                .chain(heads)
                .collect();
            self.head(&head);
            for contender in records.contenders(Section::Allocations) {
                let cells: Vec<_> = streams
                    .iter()
                    .map(|stream| {
                        let mut cell = records.of(Section::Allocations);
                        let record = cell.find(|record| {
                            record.stream == *stream && record.contender == contender
                        });
                        let figures = record.and_then(|record| {
                            Some((record.value(ALLOCATIONS)?, record.value(ALLOCATED)?))
                        });
                        match figures {
                            Some((count, bytes)) => format!("{count:.2} ({bytes:.0})"),
                            None => self.time(record),
                        }
                    })
                    .collect();
                self.row(core::iter::once(contender.to_owned()).chain(cells));
            }
        }
        self.memory(
            Section::Memory,
            "## Most memory in use: lines of about 1 MiB, 16 KiB chunks",
            &[("peak, KiB", PEAK)],
        );
        self.memory(
            Section::Oversized,
            "## Small events (about 250 bytes) behind one of 4 MiB, 16 KiB chunks",
            &[
                ("peak of the large one, KiB", PEAK_OF_FIRST),
                ("peak of the small ones, KiB", PEAK),
                ("kept at the end, KiB", KEPT),
                ("asked for per event, KiB", ALLOCATED),
            ],
        );
    }

    fn memory(&mut self, section: Section, heading: &str, figures: &[(&str, &str)]) {
        let records = self.records;
        if records.of(section).next().is_none() {
            return;
        }
        self.heading(heading);
        let heads = figures.iter().map(|(head, _)| (*head).to_owned());
        let head: Vec<_> = core::iter::once("contender".to_owned())
            .chain(heads)
            .collect();
        self.head(&head);
        for record in records.of(section) {
            let cells: Vec<_> = figures
                .iter()
                .map(|(_, figure)| match record.value(figure) {
                    Some(bytes) => format!("{:.1}", bytes / 1024.0),
                    None => self.time(Some(record)),
                })
                .collect();
            self.row(core::iter::once(record.contender.to_owned()).chain(cells));
        }
    }

    fn other_events(&mut self) {
        if self.other_events.is_empty() {
            return;
        }
        self.heading("## Not applicable");
        self.line("Not the events that the others give, so not timed:");
        self.line("");
        for (contender, cells) in core::mem::take(&mut self.other_events) {
            self.line(&format!("- {contender}: {}", cells.join(", ")));
        }
    }

    fn time(&mut self, record: Option<&Record>) -> String {
        let Some(record) = record else {
            return String::new();
        };
        if let (Some(fastest), Some(median)) = (record.value(FASTEST), record.value(MEDIAN)) {
            return format!("{} ({})", number(fastest), number(median));
        }
        match &record.verdict {
            Verdict::Good => String::new(),
            Verdict::TooSlow => "too slow".to_owned(),
            Verdict::Wrong(_) => {
                let cell = match &*record.chunking {
                    "" => record.stream.clone(),
                    chunking => format!("{} ({})", record.stream, chunks(chunking)),
                };
                let cells = self.other_events.entry(record.contender).or_default();
                if !cells.contains(&cell) {
                    cells.push(cell);
                }
                "n/a".to_owned()
            }
        }
    }
}

/// What the summary divides.
enum Column {
    PeerBy(&'static str),
    Of(&'static str, &'static str),
}

const SUMMARY: [Column; 11] = [
    Column::PeerBy(decoders::STREAM),
    Column::PeerBy(decoders::SLICES),
    Column::PeerBy(decoders::CODEC),
    Column::PeerBy(decoders::OWNED),
    Column::PeerBy(decoders::BORROWING_STREAM),
    Column::PeerBy(decoders::BORROWING_SLICES),
    Column::PeerBy(decoders::READER),
    Column::PeerBy(decoders::DECODE),
    Column::Of(decoders::BORROWING_SLICES, decoders::DECODE),
    Column::Of(decoders::READER, decoders::DECODE),
    Column::Of(decoders::BY_HAND, decoders::DECODE),
];

fn short(name: &str) -> &str {
    name.strip_prefix("sse-wire ").unwrap_or(name)
}

/// The times of a cell.
struct Times<'r> {
    records: &'r Records,
    stream: &'r str,
    chunking: &'r str,
}

/// A time in nanoseconds: of the fastest round, and the median.
#[derive(Clone, Copy)]
struct Time {
    fastest: f64,
    median: f64,
}

impl Time {
    fn of(record: &Record) -> Option<Self> {
        Some(Self {
            fastest: record.value(FASTEST)?,
            median: record.value(MEDIAN)?,
        })
    }
}

impl Times<'_> {
    fn of(&self, contender: &str) -> Option<Time> {
        let Self {
            records,
            stream,
            chunking,
        } = *self;
        Time::of(records.find(Section::Decode, stream, chunking, contender)?)
    }

    fn sum(&self, contenders: &[&str]) -> Option<Time> {
        let mut sum = Time {
            fastest: 0.0,
            median: 0.0,
        };
        for contender in contenders {
            let time = self.of(contender)?;
            sum.fastest += time.fastest;
            sum.median += time.median;
        }
        Some(sum)
    }
}

/// The ratio of the fastest rounds, and that of the medians.
fn ratios(one: Option<Time>, other: Option<Time>) -> String {
    match (one, other) {
        (Some(one), Some(other)) => format!(
            "{:.2} ({:.2})",
            one.fastest / other.fastest,
            one.median / other.median
        ),
        _ => "-".to_owned(),
    }
}

/// A line of the summary.
fn standing(times: &Times<'_>) -> Option<Vec<String>> {
    let peer = times
        .records
        .fastest_peer(Section::Decode, times.stream, times.chunking)?;
    let name = peer.contender;
    let peer = Time::of(peer)?;
    let (fastest, median) = (number(peer.fastest), number(peer.median));
    let mut line = vec![format!("{name}: {fastest} ({median})")];
    line.extend(SUMMARY.map(|column| match column {
        Column::PeerBy(name) => ratios(Some(peer), times.of(name)),
        Column::Of(one, other) => ratios(times.of(one), times.of(other)),
    }));
    Some(line)
}

/// A line of what is measured beside the baselines.
fn minimums(times: &Times<'_>) -> Option<Vec<String>> {
    let visit = times.of(decoders::VISIT)?;
    let decode = times.of(decoders::DECODE);
    let with_text = times.sum(&[decoders::RAW, decoders::UTF8_EVENTS]);
    let minimum = times.sum(&[decoders::VISIT, decoders::MEMCPY, decoders::UTF8_EVENTS]);
    Some(vec![
        number(visit.fastest),
        ratios(times.of(decoders::RAW), Some(visit)),
        ratios(decode, with_text),
        ratios(decode, minimum),
    ])
}

/// A name for each chunking.
pub(crate) fn chunks(chunking: &str) -> String {
    match chunking {
        "whole" => "whole".to_owned(),
        "16384" => "16 KiB".to_owned(),
        "one-event" => "one event".to_owned(),
        "cached" | "not-cached" => chunking.to_owned(),
        bytes => format!("{bytes} B"),
    }
}

fn ratio(one: Option<f64>, other: Option<f64>) -> String {
    match (one, other) {
        (Some(one), Some(other)) => format!("{:.2}", one / other),
        _ => "-".to_owned(),
    }
}

/// Three digits, or all before the point.
fn number(value: f64) -> String {
    match value {
        ..10.0 => format!("{value:.2}"),
        ..100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Group;

    fn record(contender: &'static str, group: Group, time: f64) -> Record {
        Record {
            section: Section::Decode,
            stream: "tiny".to_owned(),
            chunking: "16384".to_owned(),
            contender,
            group,
            package: "sse-wire",
            verdict: Verdict::Good,
            values: vec![(FASTEST, time), (MEDIAN, time + 1.0)],
        }
    }

    fn records() -> Records {
        let mut slow = record("slow", Group::Peer, 0.0);
        slow.verdict = Verdict::TooSlow;
        slow.values.clear();
        let mut wrong = record("wrong", Group::Peer, 0.0);
        wrong.verdict = Verdict::Wrong("gives 1, not 2".to_owned());
        wrong.values.clear();
        Records(vec![
            record(decoders::DECODE, Group::Ours, 20.0),
            record(decoders::BORROWING_SLICES, Group::Ours, 15.0),
            record(decoders::RAW, Group::Ours, 10.0),
            record("other", Group::Peer, 90.0),
            record("peer", Group::Peer, 60.0),
            slow,
            wrong,
            record(decoders::VISIT, Group::Baseline, 12.5),
            record(decoders::UTF8_EVENTS, Group::Baseline, 6.0),
        ])
    }

    #[test]
    fn numbers_have_three_digits() {
        assert_eq!([1.234, 12.34, 1234.5].map(number), ["1.23", "12.3", "1234"]);
    }

    #[test]
    fn tables() {
        let markdown = markdown(&[("date", "today".to_owned())], &records());
        for line in [
            "- date: today",
            "| tiny | 16 KiB | peer: 60.0 (61.0) | - | - | - | - | - | 4.00 (3.81) | - | 3.00 (2.90) | 0.75 (0.76) | - | - |",
            "| tiny | 16 KiB | 12.5 | 0.80 (0.81) | 1.25 (1.17) | - |",
            "| sse-wire decode | 20.0 (21.0) |",
            "| sse-wire decode | 0.33 / 1.60 |",
            "| slow | too slow |",
            "| wrong | n/a |",
            "- wrong: tiny (16 KiB)",
        ] {
            assert!(
                markdown.contains(&format!("\n{line}\n")),
                "{line}\n{markdown}"
            );
        }
    }

    #[test]
    fn one_line_for_each_figure() {
        let mut out = Vec::new();
        csv(&[("date", "today".to_owned())], &records(), &mut out).expect("is in memory");
        let out = String::from_utf8(out).expect("is text");
        assert_eq!(out.lines().count(), 2 + 7 * 2 + 2);
        for line in [
            "# date: today",
            "decode,tiny,16384,peer,0.1.0,peer,fastest_ns,60.000",
            "decode,tiny,16384,slow,0.1.0,peer,too slow,",
            "decode,tiny,16384,wrong,0.1.0,peer,not applicable,",
        ] {
            assert!(out.lines().any(|written| written == line), "{line}\n{out}");
        }
    }
}
