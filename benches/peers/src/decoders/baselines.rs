//! What the work costs that no decoder can do without, or that it is measured by.

use core::hint::black_box;
use core::ops::ControlFlow;

use super::{Cell, Connection, Contender, Texts};
use crate::Group;
use crate::watch::{Checked, Count, Timed, Weighed};

pub(crate) const MEMCPY: &str = "memcpy of the chunks";
pub(crate) const VISIT: &str = "memchr2_iter over the line ends";
const UTF8_CHUNKS: &str = "from_utf8 of the chunks";
pub(crate) const UTF8_EVENTS: &str = "from_utf8 of each type and data";

pub(super) fn contenders() -> Vec<Contender> {
    vec![
        Contender {
            name: MEMCPY,
            group: Group::Baseline,
            package: "",
            connect: |cell| Box::new(baseline(cell, memcpy(cell))),
        },
        Contender {
            name: VISIT,
            group: Group::Baseline,
            package: "memchr",
            connect: |cell| Box::new(baseline(cell, visit(cell))),
        },
        Contender {
            name: UTF8_CHUNKS,
            group: Group::Baseline,
            package: "",
            connect: |cell| Box::new(baseline(cell, utf8_chunks(cell))),
        },
        Contender {
            name: UTF8_EVENTS,
            group: Group::Baseline,
            package: "",
            connect: |cell| Box::new(baseline(cell, utf8_events(cell.texts))),
        },
    ]
}

/// Work on the whole stream that gives no events; that of the events is stated.
struct Baseline<F> {
    stated: Count,
    run: F,
}

fn baseline<F: FnMut()>(cell: Cell<'_>, run: F) -> Baseline<F> {
    let stated = Count {
        events: cell.stream.events(),
        data_bytes: cell.stream.data_bytes,
    };
    Baseline { stated, run }
}

impl<F: FnMut()> Connection for Baseline<F> {
    fn check(&mut self, _: &mut Checked) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn time(&mut self, watch: &mut Timed) {
        (self.run)();
        watch.count = self.stated;
    }

    fn weigh(&mut self, _: &mut Weighed) {}
}

/// Into a buffer that is used again, and holds a chunk of the usual size or the longest event.
fn memcpy(cell: Cell<'_>) -> impl FnMut() {
    let mut start = 0;
    let lengths = cell
        .stream
        .event_ends
        .iter()
        .map(|&end| end - core::mem::replace(&mut start, end));
    let longest = lengths.max().unwrap_or(0);
    let mut buffer = vec![0; longest.max(16 * 1024)];
    move || {
        let mut filled = 0;
        for chunk in cell.feed.chunks() {
            let mut rest = &chunk[..];
            while !rest.is_empty() {
                if filled == buffer.len() {
                    filled = 0;
                }
                let (now, later) = rest.split_at(rest.len().min(buffer.len() - filled));
                buffer[filled..filled + now.len()].copy_from_slice(now);
                filled += now.len();
                rest = later;
            }
            black_box(&mut buffer);
        }
    }
}

fn visit(cell: Cell<'_>) -> impl FnMut() {
    move || {
        for chunk in cell.feed.chunks() {
            for position in memchr::memchr2_iter(b'\n', b'\r', chunk) {
                black_box(position);
            }
        }
    }
}

/// A cut within a character is moved behind it: a chunk that begins within one would be rejected at once.
fn utf8_chunks(cell: Cell<'_>) -> impl FnMut() {
    let text = str::from_utf8(&cell.stream.bytes).expect("is text");
    let (mut chunks, mut start, mut end) = (Vec::new(), 0, 0);
    for chunk in cell.feed.chunks() {
        end += chunk.len();
        let cut = (end..).find(|&cut| text.is_char_boundary(cut));
        let cut = cut.expect("the end is one");
        chunks.push(&cell.stream.bytes[start..cut.max(start)]);
        start = cut.max(start);
    }
    move || {
        for chunk in &chunks {
            _ = black_box(str::from_utf8(chunk)).expect("is text");
        }
    }
}

fn utf8_events(texts: &Texts) -> impl FnMut() {
    move || {
        let mut rest = &texts.bytes[..];
        for &length in &texts.lengths {
            let (text, later) = rest.split_at(length as usize);
            _ = black_box(str::from_utf8(text)).expect("is text");
            rest = later;
        }
    }
}
