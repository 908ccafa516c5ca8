//! What a gateway finds out when it has connected: which epoch it is, and where to continue.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{RedisError, cmd};

use super::Redis;
use super::error::Failure;
use super::session::{BLOCK, Server, Session};
use super::tail::{RawEntry, milliseconds};
use crate::auth::Logouts;
use crate::hub::{Gap, Position};

/// How many entries are read at once, to find where the log in memory begins.
const PAGE: usize = 256;

/// What follows the log.
pub(super) struct Tail {
    pub(super) connection: MultiplexedConnection,
    pub(super) session: Session,
    /// The newest entry that the log in Redis had at the beginning.
    pub(super) newest: Position,
}

/// What the script says: epoch, reason, newest entry that was trimmed, newest entry.
type Attached = (String, String, String, String);

impl Redis {
    /// Connects, and prepares the hub for the entries that follow.
    pub(super) async fn attach(&self, number: u64, logouts: &Logouts) -> Result<Tail, Failure> {
        let mut connection = self.connect(BLOCK).await?;
        let server = Server::read(&mut connection).await?;
        server.check_version()?;
        server.check_role()?;
        let commands = self.connect_to(&server).await?;
        self.scripts.check.load_async(&mut connection).await?;
        let (own_epoch, newest) = self.hub.newest();
        let is_first = !self.is_ready();
        let next_epoch = format!("{:016x}", fastrand::u64(..));
        let mut script = self.scripts.attach.prepare_invoke();
        script
            .key(&[&self.keys.log, &self.keys.state, &self.keys.ended])
            .arg(&["run_id", "master_replid", "master_replid2"].map(|field| server.get(field)))
            .arg(u8::from(server.is_durable))
            .arg(if is_first { "" } else { &own_epoch })
            .arg(self.newest_known(&own_epoch, newest).to_string())
            .arg(next_epoch);
        let attached: Attached = script.invoke_async(&mut connection).await?;
        let (epoch, reason, trimmed, last) = attached;
        let (trimmed, last) = (position(&trimmed)?, position(&last)?);
        self.share_logouts(&mut connection, logouts).await?;
        if is_first || own_epoch != epoch || newest < trimmed {
            let gap = match own_epoch == epoch {
                true => Gap::Expired,
                false => Gap::of_reason(&reason).unwrap_or(Gap::Lost),
            };
            let seed = match is_first {
                true => self.beginning(&mut connection, trimmed).await?,
                // Streams that run receive all that there is.
                false => trimmed,
            };
            let ended = self.ended_topics(&mut connection).await?;
            self.hub.restart(&epoch, seed, gap, ended);
            if !is_first {
                let (seed, reason) = (seed.to_string(), gap.reason());
                tracing::warn!(reason, epoch, seed, "Redis lost events, or this server did");
            }
        }
        self.hub.set_evicted(trimmed);
        let epoch = epoch.into();
        Ok(Tail {
            connection,
            session: Session {
                commands,
                epoch,
                number,
            },
            newest: last,
        })
    }

    /// Returns the newest entry that this gateway has seen or added.
    fn newest_known(&self, epoch: &str, seen: Position) -> Position {
        let added = self.added();
        if added.0 == epoch {
            added.1.max(seen)
        } else {
            seen
        }
    }

    /// Returns where the log in memory begins, so that it has as much as it may.
    async fn beginning(
        &self,
        connection: &mut MultiplexedConnection,
        trimmed: Position,
    ) -> Result<Position, Failure> {
        let (max_events, max_bytes, max_age) = self.log_limits;
        let oldest =
            milliseconds().saturating_sub(u64::try_from(max_age.as_millis()).unwrap_or(u64::MAX));
        let (mut events, mut bytes, mut end) = (0, 0, "+".to_owned());
        loop {
            let mut range = cmd("XREVRANGE");
            range
                .arg(&self.keys.log)
                .arg(&end)
                .arg(format!("({trimmed}"));
            let page: Vec<RawEntry> = range.arg("COUNT").arg(PAGE).query_async(connection).await?;
            for (id, fields) in &page {
                let id = position(id)?;
                events += 1;
                bytes += fields.iter().map(Vec::len).sum::<usize>();
                if events > max_events || bytes > max_bytes || id.milliseconds < oldest {
                    return Ok(id);
                }
                end = format!("({id}");
            }
            if page.len() < PAGE {
                return Ok(trimmed);
            }
        }
    }

    /// Returns the topics that have ended, and the position of their last event. There may be many, so that
    /// they are read in pages, between which others have their turn.
    async fn ended_topics(
        &self,
        connection: &mut MultiplexedConnection,
    ) -> Result<Vec<(Arc<str>, Position)>, RedisError> {
        let (mut cursor, mut all) = (0_u64, Vec::new());
        loop {
            let mut scan = cmd("HSCAN");
            scan.arg(&self.keys.ended)
                .arg(cursor)
                .arg("COUNT")
                .arg(1000);
            let page: (u64, Vec<(String, String)>) = scan.query_async(connection).await?;
            let topic =
                |(topic, last): (String, String)| Some((Arc::from(topic), Position::parse(&last)?));
            all.extend(page.1.into_iter().filter_map(topic));
            cursor = page.0;
            if cursor == 0 {
                return Ok(all);
            }
        }
    }

    /// Remembers the users that have logged out while this gateway did not follow the log, and lets Redis
    /// remember those that it has lost.
    pub(super) async fn share_logouts(
        &self,
        connection: &mut MultiplexedConnection,
        logouts: &Logouts,
    ) -> Result<(), RedisError> {
        let mut range = cmd("ZRANGE");
        range
            .arg(&self.keys.logouts)
            .arg(0)
            .arg(-1)
            .arg("WITHSCORES");
        let users: Vec<(String, f64)> = range.query_async(connection).await?;
        let known: HashMap<&str, f64> = users
            .iter()
            .map(|(user, time)| (user.as_str(), *time))
            .collect();
        let lost = logouts.all(|user, time| known.get(user).is_none_or(|known| *known < time));
        for (user, time) in &users {
            logouts.add(user, *time);
        }
        for (user, time) in lost {
            let mut add = cmd("ZADD");
            add.arg(&self.keys.logouts).arg("GT").arg(time).arg(&*user);
            add.exec_async(connection).await?;
        }
        Ok(())
    }
}

fn position(id: &str) -> Result<Position, Failure> {
    Position::parse(id).ok_or_else(|| Failure::new(format!("{id:?} is not the ID of an entry")))
}

/// Returns a duration of up to `most`, longer with each failure, and different in each gateway.
pub(super) fn backoff(failures: u32, most: Duration) -> Duration {
    let longest = Duration::from_millis(100)
        .saturating_mul(1 << failures.min(10))
        .min(most);
    longest.mul_f64(0.5 + fastrand::f64() / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::App;
    use crate::options::Options;

    /// A gateway may have added an event that it has not read yet when Redis loses it.
    #[tokio::test]
    async fn what_this_gateway_has_added_must_be_there_in_its_epoch() {
        let options = Options::of(&["--no-auth", "--redis", "redis://127.0.0.1:1"]);
        let app = App::new(options).expect("it starts");
        let redis = app.redis.expect("there is a Redis");
        let position = |text| Position::parse(text).expect("a position");
        let (old, new) = ("0123456789abcdef", "fedcba9876543210");
        assert_eq!(redis.newest_known(old, position("5-0")), position("5-0"));
        for (id, known) in [("7-1", "7-1"), ("6-9", "7-1"), ("8-0", "8-0")] {
            redis.remember(old, &format!("{old}.{id}"));
            assert_eq!(redis.newest_known(old, position("5-0")), position(known));
        }
        // A key that is sent again may have the ID of another epoch.
        redis.remember(old, &format!("{new}.9-0"));
        assert_eq!(redis.newest_known(old, position("9-9")), position("9-9"));
        assert_eq!(redis.newest_known(new, position("5-0")), position("5-0"));
        redis.remember(new, &format!("{new}.6-0"));
        assert_eq!(redis.newest_known(new, position("5-0")), position("6-0"));
        assert_eq!(redis.newest_known(old, position("5-0")), position("5-0"));
    }
}
