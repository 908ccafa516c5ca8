//! The time between the beginning and the end of the connections to one Redis.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, RedisError, ScriptInvocation, cmd};

use super::Redis;
use super::error::{Failure, Unavailable, describe, is_replica};

/// How long Redis waits for an entry before it says that there is none.
pub(super) const BLOCK: Duration = Duration::from_secs(1);
/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How long an answer may take. That of the tail may take longer, by what it blocks.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a request waits for another session, if the epoch has just changed.
const NEXT_SESSION: Duration = Duration::from_secs(3);

/// Connections to one Redis, in one epoch.
#[derive(Clone)]
pub(super) struct Session {
    /// For everything but the tail.
    pub(super) commands: MultiplexedConnection,
    pub(super) epoch: Arc<str>,
    pub(super) number: u64,
}

/// What Redis says of itself.
pub(super) struct Server {
    fields: HashMap<String, String>,
    /// Whether each write is on disk before it is acknowledged.
    pub(super) is_durable: bool,
}

impl Redis {
    /// Connects to Redis, for commands or for the tail.
    pub(super) async fn connect(
        &self,
        block: Duration,
    ) -> Result<MultiplexedConnection, RedisError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(Some(RESPONSE_TIMEOUT + block));
        let connect = self
            .client
            .get_multiplexed_async_connection_with_config(&config);
        connect.await
    }

    /// Connects for commands, to the Redis that another connection has reached.
    pub(super) async fn connect_to(
        &self,
        server: &Server,
    ) -> Result<MultiplexedConnection, Failure> {
        let mut commands = self.connect(Duration::ZERO).await?;
        let run_id = Server::read(&mut commands).await?;
        if run_id.get("run_id") != server.get("run_id") {
            return Err(Failure::new("its address leads to several servers"));
        }
        Ok(commands)
    }

    /// Returns the session.
    pub(super) fn session(&self) -> Result<Session, Unavailable> {
        self.session.borrow().clone().ok_or(Unavailable::AWAY)
    }

    /// Waits until there is a session.
    pub(super) async fn any_session(&self) -> Option<Session> {
        let mut sessions = self.session.subscribe();
        let session = sessions.wait_for(Option::is_some).await;
        session.ok().and_then(|session| session.clone())
    }

    /// Ends a session that no longer works, and so begins another.
    pub(super) fn end(&self, session: &Session) {
        self.session.send_if_modified(|current| {
            let is_it = current
                .as_ref()
                .is_some_and(|it| it.number == session.number);
            if is_it {
                *current = None;
            }
            is_it
        });
    }

    /// Waits until somebody has found that the session no longer works.
    pub(super) async fn ended(&self, session: &Session) {
        let mut sessions = self.session.subscribe();
        let is_over = |current: &Option<Session>| {
            current
                .as_ref()
                .is_none_or(|it| it.number != session.number)
        };
        // The sender is a field of this value.
        let _ = sessions.wait_for(is_over).await;
    }

    /// Runs a script that may answer that the epoch has changed; then again, in the new epoch.
    pub(super) async fn call(
        &self,
        prepare: impl for<'a> Fn(&'a Self, &Session) -> ScriptInvocation<'a>,
    ) -> Result<(Session, Vec<String>), Unavailable> {
        let mut session = self.session()?;
        loop {
            let script = prepare(self, &session);
            let answer: Result<Vec<String>, _> = script.invoke_async(&mut session.commands).await;
            let answer = answer.map_err(|error| self.failed(&session, &error))?;
            if answer.first().is_none_or(|first| first != "epoch") {
                return Ok((session, answer));
            }
            self.end(&session);
            let next = tokio::time::timeout(NEXT_SESSION, self.any_session()).await;
            session = next.ok().flatten().ok_or(Unavailable::AWAY)?;
        }
    }

    /// Says what a command's error means, and ends a session that no longer works.
    pub(super) fn failed(&self, session: &Session, error: &RedisError) -> Unavailable {
        if error.is_io_error() || error.is_timeout() || error.is_unrecoverable_error() {
            self.complaints
                .log("a command was not answered", &describe(error));
            self.end(session);
            return Unavailable::UNKNOWN;
        }
        self.complaints
            .log("Redis rejects a command", &describe(error));
        if is_replica(error) {
            self.end(session);
        }
        Unavailable::REFUSED
    }
}

impl Server {
    /// Asks a Redis.
    pub(super) async fn read(connection: &mut MultiplexedConnection) -> Result<Self, RedisError> {
        let text: String = cmd("INFO").query_async(connection).await?;
        let fields = text.lines().filter_map(|line| line.trim().split_once(':'));
        let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let mut server = Self {
            fields: fields.collect(),
            is_durable: false,
        };
        // It may be forbidden; then nothing is known.
        let mut config = cmd("CONFIG");
        let config = config.arg("GET").arg("appendfsync").query_async(connection);
        let policy: HashMap<String, String> = config.await.unwrap_or_default();
        let is_always = policy
            .get("appendfsync")
            .is_some_and(|policy| policy == "always");
        server.is_durable = is_always && server.get("aof_enabled") == "1";
        Ok(server)
    }

    pub(super) fn get(&self, field: &str) -> &str {
        self.fields.get(field).map_or("", String::as_str)
    }

    /// Fails if it accepts no events now.
    pub(super) fn check_role(&self) -> Result<(), Failure> {
        if self.get("role") != "master" {
            return Err(Failure::new("it is a replica, which takes no events"));
        }
        if self.get("loading") == "1" {
            return Err(Failure::new("it still reads its files"));
        }
        Ok(())
    }

    /// Fails if it lacks commands that are needed.
    pub(super) fn check_version(&self) -> Result<(), Failure> {
        let version = self.get("redis_version");
        let mut numbers = version
            .split('.')
            .map(|number| number.parse::<u32>().unwrap_or(0));
        let version_of = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
        if version_of >= (6, 2) {
            return Ok(());
        }
        Err(Failure {
            reason: format!("Redis is too old: {version:?}, at least 6.2 is needed"),
            is_final: true,
        })
    }
}
