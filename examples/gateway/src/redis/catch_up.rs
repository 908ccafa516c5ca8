//! A client that was away for longer than memory reaches: it reads from Redis until it has caught up.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::sleep;

use super::history::{Following, Page};
use super::{Redis, Unavailable};
use crate::hub::{Delivery, Gap, Position, Subscription, parse_id};

/// How long a client waits for events that are in Redis, and not yet in the hub.
const HUB_IS_BEHIND: Duration = Duration::from_millis(10);
/// How long it waits if Redis does not answer.
const REDIS_IS_AWAY: Duration = Duration::from_millis(200);
/// How long it waits if Redis rejects the script.
const REDIS_REJECTS: Duration = Duration::from_secs(2);

/// What a client reads before it reads from the hub.
pub struct CatchUp {
    redis: Arc<Redis>,
    epoch: String,
    position: Position,
    page: Option<(Arc<Page>, usize)>,
    following: Option<Pin<Box<dyn Future<Output = Step> + Send>>>,
}

/// What comes next.
enum Step {
    Entries(Arc<Page>, usize),
    /// The hub may have it by now.
    Again,
    /// What follows this position is the oldest that there is.
    Trimmed(Position),
    Gap(Gap),
}

impl CatchUp {
    /// Begins after the last event ID of a client, which the hub does not know; `None` if it is no ID.
    pub fn new(
        redis: &Arc<Redis>,
        subscription: &Subscription,
        last_event_id: &str,
    ) -> Option<Self> {
        let (epoch, position) = parse_id(last_event_id, &redis.hub.newest().0)?;
        // An entry has a time.
        if position.milliseconds == 0 {
            return None;
        }
        subscription.leave(last_event_id);
        Some(Self {
            redis: redis.clone(),
            epoch: epoch.to_owned(),
            position,
            page: None,
            following: None,
        })
    }

    /// Returns what comes next; `None` when the rest comes from the hub.
    pub fn poll_next(
        &mut self,
        subscription: &Subscription,
        context: &mut Context<'_>,
    ) -> Poll<Option<Delivery>> {
        loop {
            if let Some((page, next)) = self.page.take() {
                if let Some((audience, frame)) = page.entries.get(next) {
                    self.position = audience.position;
                    let is_included = subscription.filter().includes(audience);
                    let frame = is_included.then(|| frame.clone());
                    self.page = Some((page, next + 1));
                    let Some(frame) = frame else { continue };
                    subscription.leave(&self.id());
                    return Poll::Ready(Some(Delivery::Event(frame)));
                }
                subscription.leave(&self.id());
            }
            if self.following.is_none() && subscription.join(&self.id()).is_ok() {
                return Poll::Ready(None);
            }
            let following = self.following.get_or_insert_with(|| {
                let (redis, epoch) = (self.redis.clone(), self.epoch.clone());
                Box::pin(step(redis, epoch, self.position))
            });
            let step = ready!(following.as_mut().poll(context));
            self.following = None;
            match step {
                Step::Entries(page, next) => self.page = Some((page, next)),
                Step::Again => {}
                Step::Trimmed(position) => {
                    self.position = position;
                    subscription.leave(&self.id());
                    return Poll::Ready(Some(Delivery::Gap(Gap::Expired)));
                }
                Step::Gap(gap) => {
                    subscription.join_after(gap);
                    return Poll::Ready(None);
                }
            }
        }
    }

    fn id(&self) -> String {
        format!("{}.{}", self.epoch, self.position)
    }
}

async fn step(redis: Arc<Redis>, epoch: String, position: Position) -> Step {
    match redis.following(&epoch, position).await {
        Ok(Following::Entries(page, next)) => Step::Entries(page, next),
        Ok(Following::Nothing) => {
            sleep(HUB_IS_BEHIND).await;
            Step::Again
        }
        Ok(Following::Trimmed(position)) => Step::Trimmed(position),
        Ok(Following::Unknown) => Step::Gap(Gap::Unknown),
        Ok(Following::OtherEpoch(current)) if redis.hub.newest().0 == current => {
            Step::Gap(Gap::OtherEpoch)
        }
        // The hub will be in that epoch as soon as the tail has noticed it.
        Ok(Following::OtherEpoch(_)) => {
            sleep(HUB_IS_BEHIND).await;
            Step::Again
        }
        Err(unavailable) => {
            let is_refused = unavailable == Unavailable::REFUSED;
            sleep(if is_refused {
                REDIS_REJECTS
            } else {
                REDIS_IS_AWAY
            })
            .await;
            redis.any_session().await;
            Step::Again
        }
    }
}

impl fmt::Debug for CatchUp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            epoch, position, ..
        } = self;
        formatter
            .debug_struct("CatchUp")
            .field("epoch", epoch)
            .field("position", position)
            .finish_non_exhaustive()
    }
}
