//! The entries that are in Redis and not in memory, in pages that clients share.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use redis::RedisError;
use sse_wire::{Frame, LastEventId, Outgoing};

use super::entry::Entry;
use super::tail::RawEntry;
use super::{Redis, Unavailable};
use crate::hub::{Audience, Position};

/// How many entries are read that a client has, so that others can use the page who have a few less.
const BEFORE: usize = 32;
/// How many bytes of them, and at least one entry.
const BYTES_BEFORE: usize = 8 << 10;
/// How many entries are read that a client does not have.
const AFTER: usize = 128;
/// How many bytes of them, and at least one entry: what a client that reads slowly retains.
const BYTES: usize = 64 << 10;
/// How many pages are retained for the next client.
const PAGES: usize = 64;

/// The pages that were read last.
#[derive(Debug, Default)]
pub(super) struct History {
    pages: Mutex<VecDeque<Arc<Page>>>,
    /// One client reads, and the others find what it has read.
    reading: tokio::sync::Mutex<()>,
}

/// Entries that follow each other.
#[derive(Debug)]
pub(super) struct Page {
    epoch: Arc<str>,
    pub(super) entries: Vec<(Audience, Frame)>,
}

/// What follows a position.
#[derive(Debug)]
pub(super) enum Following {
    /// The entries of a page from this one on.
    Entries(Arc<Page>, usize),
    /// Nothing yet.
    Nothing,
    /// Entries were trimmed, up to this one.
    Trimmed(Position),
    /// There is no such entry.
    Unknown,
    /// The epoch is this one.
    OtherEpoch(String),
}

/// What the script says: epoch, trimmed, the entries up to the position, and those after it.
type Reply = (String, String, Vec<RawEntry>, Vec<RawEntry>);

impl Redis {
    /// Returns what follows a position.
    pub(super) async fn following(
        &self,
        epoch: &str,
        position: Position,
    ) -> Result<Following, Unavailable> {
        if let Some(found) = self.find(epoch, position) {
            return Ok(found);
        }
        let _reading = self.history.reading.lock().await;
        // While this client waited, another one may have read it.
        if let Some(found) = self.find(epoch, position) {
            return Ok(found);
        }
        let mut session = self.session()?;
        self.figures.history_reads.inc();
        let mut script = self.scripts.history.prepare_invoke();
        script.key(&[&self.keys.log, &self.keys.state]);
        script
            .arg(epoch)
            .arg(position.to_string())
            .arg(&[BEFORE, BYTES_BEFORE, AFTER, BYTES]);
        let reply: Result<Reply, RedisError> = script.invoke_async(&mut session.commands).await;
        let (found, trimmed, before, after) =
            reply.map_err(|error| self.failed(&session, &error))?;
        if found != epoch {
            return Ok(Following::OtherEpoch(found));
        }
        let trimmed = Position::parse(&trimmed).ok_or(Unavailable::REFUSED)?;
        if position < trimmed {
            return Ok(Following::Trimmed(trimmed));
        }
        let page = Page::new(&epoch.into(), before, &after)?;
        if page.index(position).is_err() {
            return Ok(Following::Unknown);
        }
        if after.is_empty() {
            return Ok(Following::Nothing);
        }
        let page = Arc::new(page);
        self.history.add(page.clone());
        Ok(page.after(position).unwrap_or(Following::Nothing))
    }
}

impl Redis {
    /// Returns what follows a position if it was read before, and Redis still has it.
    fn find(&self, epoch: &str, position: Position) -> Option<Following> {
        if self.hub.evicted().is_none_or(|evicted| position < evicted) {
            return None;
        }
        let pages = &self.history.pages;
        let pages = pages.lock().unwrap_or_else(PoisonError::into_inner);
        let mut pages = pages.iter().rev().filter(|page| &*page.epoch == epoch);
        pages.find_map(|page| page.after(position))
    }
}

impl History {
    fn add(&self, page: Arc<Page>) {
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        pages.retain(|it| it.epoch == page.epoch);
        if pages.len() >= PAGES {
            pages.pop_front();
        }
        pages.push_back(page);
    }
}

impl Page {
    fn new(
        epoch: &Arc<str>,
        mut before: Vec<RawEntry>,
        after: &[RawEntry],
    ) -> Result<Self, Unavailable> {
        before.reverse();
        let entries = before.iter().chain(after);
        let entries = entries.map(|(id, fields)| entry(epoch, id, fields));
        Ok(Self {
            epoch: epoch.clone(),
            entries: entries.collect::<Option<_>>().ok_or(Unavailable::REFUSED)?,
        })
    }

    fn index(&self, position: Position) -> Result<usize, usize> {
        let entries = &self.entries;
        entries.binary_search_by_key(&position, |(audience, _)| audience.position)
    }

    /// Returns what follows a position, if the page knows it.
    fn after(self: &Arc<Self>, position: Position) -> Option<Following> {
        let next = match self.index(position) {
            Ok(index) => index + 1,
            Err(index) => {
                let is_within = index > 0 && index < self.entries.len();
                return is_within.then_some(Following::Unknown);
            }
        };
        (next < self.entries.len()).then(|| Following::Entries(self.clone(), next))
    }
}

/// Encodes an entry; one without an event is for nobody.
fn entry(epoch: &str, id: &str, fields: &[Vec<u8>]) -> Option<(Audience, Frame)> {
    let position = Position::parse(id)?;
    let id = format!("{epoch}.{id}");
    let (event, topic, user) = match Entry::parse(fields) {
        Ok(Entry::Event(event)) => (event.message().event, event.topic, event.user),
        _ => (Outgoing::new(), "", None),
    };
    let frame = event.id(LastEventId::new(&id).ok()?).into();
    let audience = Audience {
        topic: topic.into(),
        user: user.map(Into::into),
        position,
    };
    Some((audience, frame))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(sequence: usize) -> RawEntry {
        let fields = ["t", "news", "d", "x"].map(|field| field.as_bytes().to_vec());
        (format!("7-{sequence}"), fields.to_vec())
    }

    fn position(sequence: u64) -> Position {
        Position::parse(&format!("7-{sequence}")).expect("it is one")
    }

    fn found(page: &Arc<Page>, sequence: u64) -> Option<String> {
        page.after(position(sequence))
            .map(|following| match following {
                Following::Entries(page, next) => page.entries[next].0.position.to_string(),
                other => format!("{other:?}"),
            })
    }

    #[test]
    fn a_page_answers_for_the_positions_that_it_has_and_no_others() {
        let epoch = "e".into();
        let before = (1..=BEFORE).rev().map(|number| raw(number * 10)).collect();
        let page = Page::new(&epoch, before, &[raw(330), raw(340)]);
        let page = Arc::new(page.expect("a page"));
        assert_eq!(found(&page, 10).as_deref(), Some("7-20"));
        assert_eq!(found(&page, 320).as_deref(), Some("7-330"));
        assert_eq!(found(&page, 325).as_deref(), Some("Unknown"));
        // The next page has what follows the last entry, and the one before what precedes the first.
        for other in [5, 9, 340, 341] {
            assert_eq!(found(&page, other), None, "{other}");
        }
    }
}
