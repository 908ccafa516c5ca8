//! What becomes of the events: the same for every contender.

use core::fmt::Display;
use core::hint::black_box;
use core::ops::ControlFlow;
use std::time::Instant;

use crate::allocator;

/// Who is shown the events.
pub(crate) trait Watch {
    fn event(&mut self, event_type: &[u8], data: &[u8]) -> ControlFlow<()>;
    fn error(&mut self, error: &dyn Display) -> ControlFlow<()>;
}

/// How many events there were, and how many bytes of data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) events: usize,
    pub(crate) data_bytes: usize,
}

impl Count {
    const fn add(&mut self, data: &[u8]) {
        self.events += 1;
        self.data_bytes += data.len();
    }
}

/// Uses each event enough that no part of it is left out, and too little to count.
#[derive(Debug, Default)]
pub(crate) struct Timed {
    pub(crate) count: Count,
}

impl Watch for Timed {
    fn event(&mut self, event_type: &[u8], data: &[u8]) -> ControlFlow<()> {
        self.count.add(data);
        consume(event_type);
        consume(data);
        ControlFlow::Continue(())
    }

    fn error(&mut self, error: &dyn Display) -> ControlFlow<()> {
        panic!("there was none when it was checked: {error}");
    }
}

pub(crate) fn consume(part: &[u8]) {
    black_box((part.len(), part.first().copied(), part.last().copied()));
}

/// Takes note of every event, and of the time.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) count: Count,
    /// Of the types and the data.
    pub(crate) hash: u64,
    pub(crate) error: Option<String>,
    deadline: Instant,
}

impl Checked {
    pub(crate) const fn until(deadline: Instant) -> Self {
        Self {
            count: Count {
                events: 0,
                data_bytes: 0,
            },
            hash: 0,
            error: None,
            deadline,
        }
    }

    pub(crate) fn is_late(&self) -> bool {
        Instant::now() > self.deadline
    }

    /// FNV-1a, of words, with the length.
    fn hash(&mut self, part: &[u8]) {
        let mut add = |word: u64| {
            self.hash = (self.hash.rotate_left(5) ^ word).wrapping_mul(0x0000_0100_0000_01b3);
        };
        add(part.len() as u64);
        for word in part.chunks(8) {
            let mut bytes = [0; 8];
            bytes[..word.len()].copy_from_slice(word);
            add(u64::from_le_bytes(bytes));
        }
    }
}

impl Watch for Checked {
    fn event(&mut self, event_type: &[u8], data: &[u8]) -> ControlFlow<()> {
        self.count.add(data);
        self.hash(event_type);
        self.hash(data);
        // Looking at the clock takes as long as an event.
        if self.count.events.is_multiple_of(64) && self.is_late() {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    fn error(&mut self, error: &dyn Display) -> ControlFlow<()> {
        self.error = Some(error.to_string());
        ControlFlow::Break(())
    }
}

/// Lets the allocator's figures begin anew behind the first event.
#[derive(Debug, Default)]
pub(crate) struct Weighed {
    pub(crate) events: usize,
    /// What was asked of the allocator until the second event came, by when the first had been dropped.
    pub(crate) first: allocator::Count,
}

impl Watch for Weighed {
    fn event(&mut self, event_type: &[u8], data: &[u8]) -> ControlFlow<()> {
        self.events += 1;
        if self.events == 2 {
            self.first = allocator::restart();
        }
        consume(event_type);
        consume(data);
        ControlFlow::Continue(())
    }

    fn error(&mut self, error: &dyn Display) -> ControlFlow<()> {
        panic!("there was none when it was checked: {error}");
    }
}
