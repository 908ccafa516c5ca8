//! Remembers what publishers have sent, so that a request that is sent again publishes nothing again.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};

/// The newest keys of publishers, and what was published with them.
#[derive(Debug)]
pub struct Keys {
    max: usize,
    hasher: RandomState,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    published: HashMap<Box<str>, Answered>,
    order: VecDeque<Box<str>>,
}

/// What was answered to the first request with a key.
#[derive(Debug, Clone)]
struct Answered {
    body: u64,
    id: Box<str>,
}

/// The error of a request that has a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure<E> {
    /// The key was sent with another body before.
    Conflict,
    /// Nothing was published; the key may be used again.
    NotPublished(E),
}

impl Keys {
    /// Creates an empty memory for `max` keys.
    pub fn new(max: usize) -> Self {
        let (hasher, state) = (RandomState::new(), Mutex::default());
        Self { max, hasher, state }
    }

    /// Publishes unless `key` was used before, and returns the ID of what was published.
    ///
    /// A publication that fails leaves no trace.
    pub fn once<E>(
        &self,
        key: &str,
        body: &[u8],
        publish: impl FnOnce() -> Result<String, E>,
    ) -> Result<String, Failure<E>> {
        let body = self.hasher.hash_one(body);
        // Held while it publishes: of two requests at once, the second waits for the first.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(answered) = state.published.get(key) {
            let is_same = answered.body == body;
            let id = is_same.then(|| answered.id.to_string());
            return id.ok_or(Failure::Conflict);
        }
        let id = publish().map_err(Failure::NotPublished)?;
        if state.order.len() >= self.max
            && let Some(oldest) = state.order.pop_front()
        {
            state.published.remove(&oldest);
        }
        state.order.push_back(key.into());
        let answered = Answered {
            body,
            id: id.as_str().into(),
        };
        state.published.insert(key.into(), answered);
        Ok(id)
    }
}
