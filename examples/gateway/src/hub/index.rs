//! Which subscribers an event concerns.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::Position;

/// The events that a subscriber receives.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// The topics, each of them once.
    pub topics: Vec<Arc<str>>,
    /// Events for this user alone are received besides those for everybody.
    pub user: Option<Arc<str>>,
}

/// Whom an event is for, and where it is.
#[derive(Debug, Clone)]
pub struct Audience {
    /// The topic; empty if it is for nobody.
    pub topic: Arc<str>,
    /// The only user; everybody, if there is none.
    pub user: Option<Arc<str>>,
    /// The position.
    pub position: Position,
}

/// The numbers of the subscribers, by topic and user.
#[derive(Default)]
pub(super) struct Index {
    topics: HashMap<Arc<str>, Topic>,
}

#[derive(Default)]
struct Topic {
    subscribers: BTreeSet<u64>,
    of_user: HashMap<Arc<str>, BTreeSet<u64>>,
}

impl Filter {
    /// Returns whether an event is for the subscriber.
    pub fn includes(&self, audience: &Audience) -> bool {
        self.topics.contains(&audience.topic)
            && (audience.user.is_none() || audience.user == self.user)
    }
}

impl Index {
    pub(super) fn topics(&self) -> usize {
        self.topics.len()
    }

    pub(super) fn insert(&mut self, filter: &Filter, number: u64) {
        for topic in &filter.topics {
            let topic = self.topics.entry(topic.clone()).or_default();
            topic.subscribers.insert(number);
            if let Some(user) = &filter.user {
                topic
                    .of_user
                    .entry(user.clone())
                    .or_default()
                    .insert(number);
            }
        }
    }

    /// Leaves nothing behind of topics and users that nobody subscribes to any more.
    pub(super) fn remove(&mut self, filter: &Filter, number: u64) {
        for name in &filter.topics {
            let Some(topic) = self.topics.get_mut(name) else {
                continue;
            };
            topic.subscribers.remove(&number);
            if let Some(user) = &filter.user
                && let Some(of_user) = topic.of_user.get_mut(user)
            {
                of_user.remove(&number);
                if of_user.is_empty() {
                    topic.of_user.remove(user);
                }
            }
            if topic.subscribers.is_empty() {
                self.topics.remove(name);
            }
        }
    }

    /// Returns the subscribers of a topic; with a user, only the subscribers of this user.
    pub(super) fn concerned(&self, topic: &str, user: Option<&str>) -> impl Iterator<Item = &u64> {
        let topic = self.topics.get(topic);
        let concerned = topic.and_then(|topic| match user {
            None => Some(&topic.subscribers),
            Some(user) => topic.of_user.get(user),
        });
        concerned.into_iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(topics: &[&str], user: &str) -> Filter {
        Filter {
            topics: topics.iter().map(|topic| (*topic).into()).collect(),
            user: Some(user.into()),
        }
    }

    #[test]
    fn nothing_is_left_of_subscribers_that_are_gone() {
        let mut index = Index::default();
        let (ann, bob) = (filter(&["a", "b"], "ann"), filter(&["a"], "bob"));
        index.insert(&ann, 1);
        index.insert(&ann, 2);
        index.insert(&bob, 3);
        let concerned = |index: &Index, user| index.concerned("a", user).copied().collect();
        let (all, anns): (Vec<_>, Vec<_>) =
            (concerned(&index, None), concerned(&index, Some("ann")));
        assert_eq!((&*all, &*anns), (&[1, 2, 3][..], &[1, 2][..]));
        index.remove(&ann, 1);
        index.remove(&ann, 2);
        assert_eq!(index.topics.len(), 1);
        assert_eq!(index.topics["a"].of_user.len(), 1);
        index.remove(&bob, 3);
        assert!(index.topics.is_empty());
    }
}
