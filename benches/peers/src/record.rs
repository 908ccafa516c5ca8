//! What was measured.

use crate::Group;
use crate::decoders::Verdict;

/// What a record is about, and the order of the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Section {
    Decode,
    Encode,
    Scaling,
    Allocations,
    Memory,
    Oversized,
}

impl Section {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Decode => "decode",
            Self::Encode => "encode",
            Self::Scaling => "scaling",
            Self::Allocations => "allocations",
            Self::Memory => "memory",
            Self::Oversized => "oversized",
        }
    }
}

/// The figures of one contender in one cell, or why there are none.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) section: Section,
    pub(crate) stream: String,
    pub(crate) chunking: String,
    pub(crate) contender: &'static str,
    pub(crate) group: Group,
    pub(crate) package: &'static str,
    pub(crate) verdict: Verdict,
    pub(crate) values: Vec<(&'static str, f64)>,
}

/// In nanoseconds per event.
pub(crate) const FASTEST: &str = "fastest_ns";
pub(crate) const MEDIAN: &str = "median_ns";
pub(crate) const ROUNDS: &str = "rounds";
/// Per event.
pub(crate) const ALLOCATIONS: &str = "allocations";
pub(crate) const ALLOCATED: &str = "allocated_bytes";
pub(crate) const PEAK: &str = "peak_bytes";
/// Until the second event.
pub(crate) const PEAK_OF_FIRST: &str = "peak_bytes_of_first";
pub(crate) const KEPT: &str = "kept_bytes";

impl Record {
    pub(crate) fn value(&self, name: &str) -> Option<f64> {
        let mut values = self.values.iter();
        values
            .find(|(known, _)| *known == name)
            .map(|&(_, value)| value)
    }
}

/// All that was measured in one run.
#[derive(Debug, Default)]
pub(crate) struct Records(pub(crate) Vec<Record>);

impl Records {
    pub(crate) fn of(&self, section: Section) -> impl Iterator<Item = &Record> {
        self.0
            .iter()
            .filter(move |record| record.section == section)
    }

    pub(crate) fn cell<'r>(
        &'r self,
        section: Section,
        stream: &str,
        chunking: &str,
    ) -> impl Iterator<Item = &'r Record> {
        self.of(section)
            .filter(move |record| record.stream == stream && record.chunking == chunking)
    }

    pub(crate) fn find(
        &self,
        section: Section,
        stream: &str,
        chunking: &str,
        contender: &str,
    ) -> Option<&Record> {
        self.cell(section, stream, chunking)
            .find(|record| record.contender == contender)
    }

    /// The fastest of the peers in a cell.
    pub(crate) fn fastest_peer(
        &self,
        section: Section,
        stream: &str,
        chunking: &str,
    ) -> Option<&Record> {
        self.cell(section, stream, chunking)
            .filter(|record| record.group == Group::Peer && record.value(FASTEST).is_some())
            .min_by(|one, other| {
                one.value(FASTEST)
                    .partial_cmp(&other.value(FASTEST))
                    .expect("are numbers")
            })
    }

    /// The names of the streams of a section, in the order in which they were measured.
    pub(crate) fn streams(&self, section: Section) -> Vec<&str> {
        distinct(self.of(section).map(|record| &*record.stream))
    }

    pub(crate) fn chunkings(&self, section: Section) -> Vec<&str> {
        distinct(self.of(section).map(|record| &*record.chunking))
    }

    pub(crate) fn contenders(&self, section: Section) -> Vec<&'static str> {
        distinct(self.of(section).map(|record| record.contender))
    }
}

fn distinct<'r>(names: impl Iterator<Item = &'r str>) -> Vec<&'r str> {
    let mut distinct = Vec::new();
    for name in names {
        if !distinct.contains(&name) {
            distinct.push(name);
        }
    }
    distinct
}
