//! What a user may do: rights are names of topics, or what such names begin with.

use serde::{Deserialize, Serialize};

/// The topics that a user may read, and those on which it may publish.
///
/// `orders.*` stands for all names that begin with `orders.`, and `*` for all names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rights {
    /// The topics to read.
    #[serde(default)]
    pub topics: Vec<String>,
    /// The topics to publish on.
    #[serde(default)]
    pub publish: Vec<String>,
}

impl Rights {
    /// Returns the rights of who may do everything.
    pub fn all() -> Self {
        Self {
            topics: vec!["*".to_owned()],
            publish: vec!["*".to_owned()],
        }
    }

    /// Returns whether all of these topics may be read.
    pub fn may_read<T: AsRef<str>>(&self, topics: &[T]) -> bool {
        let may_read = |topic: &T| contains(&self.topics, topic.as_ref());
        topics.iter().all(may_read)
    }

    /// Returns whether an event may be published on this topic.
    pub fn may_publish(&self, topic: &str) -> bool {
        contains(&self.publish, topic)
    }
}

fn contains(names: &[String], topic: &str) -> bool {
    names.iter().any(|name| match name.strip_suffix('*') {
        Some(begin) => topic.starts_with(begin),
        None => name == topic,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_right_is_a_name_or_what_names_begin_with() {
        let rights = Rights {
            topics: vec!["news".to_owned(), "orders.*".to_owned()],
            publish: Vec::new(),
        };
        assert!(rights.may_read(&["news", "orders.", "orders.7"]));
        for topic in ["new", "newsx", "orders", "order.7", "NEWS", "", "*"] {
            assert!(!rights.may_read(&["news", topic]), "{topic}");
        }
        assert!(!rights.may_publish("news"));
        assert!(Rights::all().may_read(&["", "x"]) && Rights::all().may_publish("y"));
    }
}
