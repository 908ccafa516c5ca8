//! What people write who use no crate for it: a splitter of lines, which gives the events of well-formed streams.
//!
//! It borrows from the chunk where a line is whole, buffers a line that is cut, and joins data lines in a `String` that it reuses. It
//! has no limits, and rejects text that is not UTF-8.

use core::mem;
use core::ops::ControlFlow;

use memchr::memchr2;

use super::{Contender, Decode, contender};
use crate::feed::Feed;
use crate::watch::Watch;

pub(crate) const BY_HAND: &str = "splitter by hand";

pub(super) fn contenders() -> Vec<Contender> {
    vec![contender!(ByHand, BY_HAND, "", ByHand)]
}

struct ByHand<'f> {
    feed: &'f Feed,
    splitter: Splitter,
}

impl<'f> Decode<'f> for ByHand<'f> {
    fn connect(feed: &'f Feed) -> Self {
        let splitter = Splitter::default();
        Self { feed, splitter }
    }

    fn read<W: Watch>(&mut self, watch: &mut W) -> ControlFlow<()> {
        for chunk in self.feed.take_all() {
            self.splitter.read(chunk, watch)?;
        }
        ControlFlow::Continue(())
    }
}

#[derive(Default)]
struct Splitter {
    /// The beginning of a line that the last chunk cut.
    line: Vec<u8>,
    after_cr: bool,
    /// The type and the data of an event that the last chunk cut, or data of several lines.
    event_type: String,
    data: String,
    last_event_id: String,
    retry: Option<u64>,
    unfinished: (Part<'static>, Part<'static>),
}

/// A part of the event whose blank line has not come yet.
#[derive(Clone, Copy, Default)]
enum Part<'c> {
    #[default]
    Absent,
    Borrowed(&'c str),
    Buffered,
}

impl Splitter {
    fn read<W: Watch>(&mut self, mut chunk: &[u8], watch: &mut W) -> ControlFlow<()> {
        if mem::take(&mut self.after_cr) {
            chunk = chunk.strip_prefix(b"\n").unwrap_or(chunk);
        }
        let mut cut = mem::take(&mut self.line);
        let (mut event_type, mut data) = self.unfinished;
        if !cut.is_empty() {
            let Some((line, rest)) = self.split(chunk) else {
                cut.extend_from_slice(chunk);
                self.line = cut;
                return ControlFlow::Continue(());
            };
            cut.extend_from_slice(line);
            chunk = rest;
            self.line(&cut, &mut event_type, &mut data, watch)?;
        }
        while let Some((line, rest)) = self.split(chunk) {
            chunk = rest;
            self.line(line, &mut event_type, &mut data, watch)?;
        }
        self.unfinished = (
            event_type.buffered(&mut self.event_type),
            data.buffered(&mut self.data),
        );
        cut.clear();
        cut.extend_from_slice(chunk);
        self.line = cut;
        ControlFlow::Continue(())
    }

    /// The first line, and what is behind its end.
    fn split<'c>(&mut self, chunk: &'c [u8]) -> Option<(&'c [u8], &'c [u8])> {
        let end = memchr2(b'\n', b'\r', chunk)?;
        let (line, rest) = (&chunk[..end], &chunk[end + 1..]);
        if chunk[end] == b'\n' {
            return Some((line, rest));
        }
        self.after_cr = rest.is_empty();
        Some((line, rest.strip_prefix(b"\n").unwrap_or(rest)))
    }

    fn line<'c, W: Watch>(
        &mut self,
        line: &'c [u8],
        event_type: &mut Part<'c>,
        data: &mut Part<'c>,
        watch: &mut W,
    ) -> ControlFlow<()> {
        if line.is_empty() {
            let event_type = mem::take(event_type).text(&self.event_type);
            let Some(data) = mem::take(data).text(&self.data) else {
                return ControlFlow::Continue(());
            };
            let event_type = event_type.unwrap_or("message");
            return watch.event(event_type.as_bytes(), data.as_bytes());
        }
        let line = match str::from_utf8(line) {
            Ok(line) => line,
            Err(error) => return watch.error(&error),
        };
        if let Some(value) = line.strip_prefix("data: ") {
            if let Part::Absent = data {
                *data = Part::Borrowed(value);
            } else {
                *data = data.buffered(&mut self.data);
                self.data.push('\n');
                self.data.push_str(value);
            }
        } else if let Some(value) = line.strip_prefix("event: ") {
            *event_type = Part::Borrowed(value);
        } else if let Some(value) = line.strip_prefix("id: ") {
            value.clone_into(&mut self.last_event_id);
        } else if let Some(value) = line.strip_prefix("retry: ") {
            self.retry = value.parse().ok().or(self.retry);
        }
        ControlFlow::Continue(())
    }
}

impl<'c> Part<'c> {
    fn text<'t>(self, buffer: &'t str) -> Option<&'t str>
    where
        'c: 't,
    {
        match self {
            Self::Absent => None,
            Self::Borrowed(text) => Some(text),
            Self::Buffered => Some(buffer),
        }
    }

    fn buffered(self, buffer: &mut String) -> Part<'static> {
        match self {
            Self::Absent => Part::Absent,
            Self::Borrowed(text) => {
                text.clone_into(buffer);
                Part::Buffered
            }
            Self::Buffered => Part::Buffered,
        }
    }
}
