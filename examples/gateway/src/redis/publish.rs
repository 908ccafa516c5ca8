//! Adds an event to the log, once.

use sha2::{Digest, Sha256};

use super::{Mode, Redis, Unavailable};
use crate::event::Event;
use crate::hub::{Position, parse_id};

/// For how many seconds the keys of publishers are remembered.
const KEY_LIFETIME: u32 = 600;

/// By what a publication is recognized that is sent again.
#[derive(Debug, Clone, Copy)]
pub struct Key<'a> {
    /// The key, with the user whose it is.
    pub key: &'a str,
    /// The body that it was sent with.
    pub body: &'a [u8],
}

/// Why nothing was published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotPublished {
    /// The key was sent with another body before.
    Conflict,
    /// The topic has ended.
    Ended,
    /// Redis is away, or did not accept it.
    Unavailable(Unavailable),
}

impl Redis {
    /// Adds an event, and returns its ID; `None` with Pub/Sub, where an event has none before it is received.
    pub async fn publish(
        &self,
        event: &Event<'_>,
        key: Option<Key<'_>>,
    ) -> Result<Option<String>, NotPublished> {
        if self.mode == Mode::Pubsub {
            return Ok(self.send(event).await.map(|()| None)?);
        }
        let digest = key.map(|key| digest(key.body)).unwrap_or_default();
        let called = self.call(|redis, session| {
            let mut script = redis.scripts.publish.prepare_invoke();
            script.key(&[&redis.keys.log, &redis.keys.state, &redis.keys.ended]);
            if let Some(key) = key {
                script.key(redis.keys.published(key.key));
            }
            script.arg(&*session.epoch).arg(&digest).arg(KEY_LIFETIME);
            script.arg(u8::from(event.is_last())).arg(event.topic);
            for (name, value) in event.fields() {
                script.arg(name).arg(value);
            }
            script
        });
        let (session, answer) = called.await?;
        match answer.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            ["ok", id] => {
                self.remember(&session.epoch, id);
                Ok(Some(id.to_owned()))
            }
            ["conflict"] => Err(NotPublished::Conflict),
            ["ended"] => Err(NotPublished::Ended),
            _ => {
                self.complaints
                    .log("a script is wrong", &format!("it answers {answer:?}"));
                Err(Unavailable::REFUSED.into())
            }
        }
    }

    /// Remembers what was acknowledged, so that its loss is noticed.
    pub(super) fn remember(&self, epoch: &str, id: &str) {
        let mut added = self.added();
        if let Some((of, position)) = parse_id(id, epoch)
            && of == epoch
        {
            let newest = if added.0 == epoch {
                added.1
            } else {
                Position::default()
            };
            *added = (epoch.to_owned(), newest.max(position));
        }
    }
}

pub(super) fn digest(body: &[u8]) -> String {
    use std::fmt::Write;
    Sha256::digest(body)
        .iter()
        .fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

impl From<Unavailable> for NotPublished {
    fn from(unavailable: Unavailable) -> Self {
        Self::Unavailable(unavailable)
    }
}
