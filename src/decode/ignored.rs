//! Lines that are no fields (WHATWG HTML 9.2.6: "the field is ignored"), for callers that want to
//! know why there are no events.

#[cfg(feature = "alloc")]
use alloc::boxed::Box;

/// How much of the first line is stored.
#[cfg(feature = "alloc")]
const FIRST: usize = 200;

/// How many such lines there were, and the beginning of the first one.
#[derive(Clone)]
pub(super) struct IgnoredLines {
    count: usize,
    // Boxed, since most streams have no such line.
    #[cfg(feature = "alloc")]
    first: Option<Box<First>>,
}

#[cfg(feature = "alloc")]
#[derive(Clone)]
struct First {
    len: usize,
    text: [u8; FIRST],
}

impl IgnoredLines {
    pub(super) const NEW: Self = Self {
        count: 0,
        #[cfg(feature = "alloc")]
        first: None,
    };

    /// Adds a line, or a fragment of one. A decoder that may not allocate stores none of it.
    pub(super) fn add(&mut self, _text: &[u8], begins: bool, _may_allocate: bool) {
        self.count = self.count.saturating_add(begins.into());
        #[cfg(feature = "alloc")]
        if self.count == 1 && _may_allocate {
            let first = self.first.get_or_insert_with(|| {
                Box::new(First {
                    len: 0,
                    text: [0; FIRST],
                })
            });
            let room = first.text.get_mut(first.len..).unwrap_or_default();
            for (place, byte) in room.iter_mut().zip(_text) {
                *place = *byte;
                first.len += 1;
            }
        }
    }

    /// Forgets all lines. The memory of the first one is reused.
    pub(super) fn clear(&mut self) {
        self.count = 0;
        #[cfg(feature = "alloc")]
        if let Some(first) = &mut self.first {
            first.len = 0;
        }
    }

    pub(super) const fn count(&self) -> usize {
        self.count
    }

    #[cfg(feature = "alloc")]
    pub(super) fn first(&self) -> Option<&[u8]> {
        let first = self.first.as_ref()?;
        first.text.get(..first.len).filter(|text| !text.is_empty())
    }
}
