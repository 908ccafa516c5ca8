//! Removes what is too old, or too much, from the log in Redis.

use std::sync::Arc;
use std::time::Duration;

use redis::RedisError;
use tokio::time::{MissedTickBehavior, interval};

use super::{Mode, Redis};

/// How often a gateway trims; all of them do.
const PERIOD: Duration = Duration::from_secs(1);
/// How often the script runs in a row, so that others have their turn.
const MAX_RUNS: usize = 1000;

impl Redis {
    /// Trims the log for as long as the process runs.
    pub(crate) async fn keep_trimmed(self: Arc<Self>) {
        if self.mode == Mode::Pubsub {
            return;
        }
        let mut ticks = interval(PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let Ok(mut session) = self.session() else {
                continue;
            };
            let age = u64::try_from(self.max_age.as_millis()).unwrap_or(u64::MAX);
            for _ in 0..MAX_RUNS {
                let mut script = self.scripts.trim.prepare_invoke();
                script.key(&[&self.keys.log, &self.keys.state, &self.keys.ended]);
                script.arg(self.max_events).arg(age);
                let trimmed: Result<u64, RedisError> =
                    script.invoke_async(&mut session.commands).await;
                match trimmed {
                    Ok(0) => break,
                    Ok(_) => {}
                    Err(error) => {
                        self.failed(&session, &error);
                        break;
                    }
                }
            }
        }
    }
}
