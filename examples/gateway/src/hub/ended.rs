//! The topics that have ended.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::Position;

/// The topics whose last event the log still has, with its position.
#[derive(Debug, Default)]
pub(super) struct EndedTopics {
    last: HashMap<Arc<str>, Position>,
    /// In the order of their positions.
    order: VecDeque<(Arc<str>, Position)>,
}

impl EndedTopics {
    pub(super) fn insert(&mut self, topic: Arc<str>, last: Position) {
        self.last.insert(topic.clone(), last);
        self.order.push_back((topic, last));
    }

    pub(super) fn contains(&self, topic: &str) -> bool {
        self.last.contains_key(topic)
    }

    /// Returns whether all topics have ended at this position, or before.
    pub(super) fn all(&self, topics: &[Arc<str>], position: Position) -> bool {
        let has_ended = |topic| self.last.get(topic).is_some_and(|last| *last <= position);
        topics.iter().all(has_ended)
    }

    /// Forgets those whose last event is at this position, or before: they may be used again.
    pub(super) fn forget(&mut self, evicted: Position) {
        while self.order.front().is_some_and(|(_, last)| *last <= evicted)
            && let Some((topic, last)) = self.order.pop_front()
        {
            // It may have been used again, and have ended again.
            if self.last.get(&topic) == Some(&last) {
                self.last.remove(&topic);
            }
        }
    }

    pub(super) fn clear(&mut self) {
        self.last.clear();
        self.order.clear();
    }
}
