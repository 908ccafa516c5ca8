//! What people write who use no crate for it: a splitter of lines, which gives the events of well-formed streams.
//!
//! It borrows from the chunk where a line is whole, buffers a line that is cut, and joins data lines in a `String`. It
//! has no limits, and rejects text that is not UTF-8.

use alloc::borrow::Cow;
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
    event: Unfinished<'static>,
    last_event_id: String,
    retry: Option<u64>,
}

/// The event whose blank line has not come yet.
#[derive(Default)]
struct Unfinished<'c> {
    event_type: Cow<'c, str>,
    data: Option<Cow<'c, str>>,
}

impl Splitter {
    fn read<W: Watch>(&mut self, mut chunk: &[u8], watch: &mut W) -> ControlFlow<()> {
        if mem::take(&mut self.after_cr) {
            chunk = chunk.strip_prefix(b"\n").unwrap_or(chunk);
        }
        let mut cut = mem::take(&mut self.line);
        let mut event: Unfinished<'_> = mem::take(&mut self.event);
        if !cut.is_empty() {
            let Some((line, rest)) = self.split(chunk) else {
                cut.extend_from_slice(chunk);
                self.line = cut;
                self.event = event.into_owned();
                return ControlFlow::Continue(());
            };
            cut.extend_from_slice(line);
            chunk = rest;
            self.line(&cut, &mut event, watch)?;
        }
        while let Some((line, rest)) = self.split(chunk) {
            chunk = rest;
            self.line(line, &mut event, watch)?;
        }
        self.event = event.into_owned();
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
        event: &mut Unfinished<'c>,
        watch: &mut W,
    ) -> ControlFlow<()> {
        if line.is_empty() {
            let Unfinished { event_type, data } = mem::take(event);
            let Some(data) = data else {
                return ControlFlow::Continue(());
            };
            let event_type = if event_type.is_empty() {
                "message"
            } else {
                &event_type
            };
            return watch.event(event_type.as_bytes(), data.as_bytes());
        }
        let line = match str::from_utf8(line) {
            Ok(line) => line,
            Err(error) => return watch.error(&error),
        };
        if let Some(value) = line.strip_prefix("data: ") {
            match &mut event.data {
                None => event.data = Some(Cow::Borrowed(value)),
                Some(data) => {
                    let data = data.to_mut();
                    data.push('\n');
                    data.push_str(value);
                }
            }
        } else if let Some(value) = line.strip_prefix("event: ") {
            event.event_type = Cow::Borrowed(value);
        } else if let Some(value) = line.strip_prefix("id: ") {
            self.last_event_id.clear();
            self.last_event_id.push_str(value);
        } else if let Some(value) = line.strip_prefix("retry: ") {
            self.retry = value.parse().ok().or(self.retry);
        }
        ControlFlow::Continue(())
    }
}

impl Unfinished<'_> {
    fn into_owned(self) -> Unfinished<'static> {
        Unfinished {
            event_type: Cow::Owned(self.event_type.into_owned()),
            data: self.data.map(|data| Cow::Owned(data.into_owned())),
        }
    }
}
