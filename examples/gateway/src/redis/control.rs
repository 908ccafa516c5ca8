//! What gateways tell each other: logouts, renewals, and tickets.

use redis::{RedisError, ScriptInvocation, cmd};

use super::entry::Entry;
use super::publish::digest;
use super::{Mode, Redis, Unavailable};
use crate::app::App;
use crate::auth::{Rights, now};

/// How many users that have logged out are remembered.
const MAX_LOGOUTS: usize = 100_000;
/// How many tickets a user can have at a time: more than pages need.
const MAX_TICKETS: usize = 1_000;

/// The error of a user that has too many tickets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooManyTickets;

impl Redis {
    /// Tells all gateways that a user, which was logged in since some time, has logged out.
    pub async fn log_out(&self, user: &str, at: f64, since: f64) -> Result<(), Unavailable> {
        if self.mode == Mode::Pubsub {
            // For those that start later.
            let mut session = self.session()?;
            let mut add = cmd("ZADD");
            add.arg(&self.keys.logouts).arg("GT").arg(at).arg(user);
            let added = add.exec_async(&mut session.commands).await;
            added.map_err(|error| self.failed(&session, &error))?;
            let fields = ["c", "logout", "u", user, "at", &at.to_string()];
            return self.send_control(&fields).await;
        }
        let log_out = self.call(|redis, session| {
            let mut script = redis.of_log(&redis.scripts.logout, &redis.keys.logouts);
            script
                .arg(&*session.epoch)
                .arg(user)
                .arg(at)
                .arg(MAX_LOGOUTS)
                .arg(since);
            script
        });
        log_out.await.map(drop)
    }

    /// Tells all gateways that the streams of a user last until a time.
    pub async fn renew(&self, user: &str, rights: &Rights, at: f64) -> Result<(), Unavailable> {
        // It is a struct of strings.
        let rights = serde_json::to_string(rights).unwrap_or_default();
        if self.mode == Mode::Pubsub {
            let at = at.to_string();
            return self
                .send_control(&["c", "renew", "u", user, "r", &rights, "at", &at])
                .await;
        }
        let renewed = self.keys.renewed(user, &digest(rights.as_bytes()));
        let renew = self.call(|redis, session| {
            let mut script = redis.of_log(&redis.scripts.renew, &renewed);
            script.arg(&*session.epoch).arg(user).arg(&rights).arg(at);
            script
        });
        renew.await.map(drop)
    }

    /// Remembers a ticket until it expires.
    pub async fn add_ticket(
        &self,
        user: &str,
        id: &str,
        seconds: u64,
    ) -> Result<Result<(), TooManyTickets>, Unavailable> {
        let mut session = self.session()?;
        let mut script = self.scripts.ticket.prepare_invoke();
        script
            .key(self.keys.ticket(id))
            .key(self.keys.tickets(user));
        script.arg(user).arg(seconds).arg(MAX_TICKETS);
        let added: Result<bool, RedisError> = script.invoke_async(&mut session.commands).await;
        let is_added = added.map_err(|error| self.failed(&session, &error))?;
        Ok(is_added.then_some(()).ok_or(TooManyTickets))
    }

    /// Redeems the ticket of a user; of several requests to whichever gateways, one succeeds.
    pub async fn redeem(&self, user: &str, id: &str) -> Result<bool, Unavailable> {
        let mut session = self.session()?;
        let mut get = cmd("GETDEL");
        let get = get
            .arg(self.keys.ticket(id))
            .query_async(&mut session.commands);
        let of_user: Option<String> = get.await.map_err(|error| self.failed(&session, &error))?;
        Ok(of_user.is_some_and(|of| of == user))
    }

    fn of_log<'a>(&self, script: &'a redis::Script, third: &str) -> ScriptInvocation<'a> {
        let mut script = script.prepare_invoke();
        script.key(&[&self.keys.log, &self.keys.state]).key(third);
        script
    }
}

/// Does what another gateway has said.
pub(super) fn obey(app: &App, entry: &Entry<'_>) {
    match entry {
        Entry::Logout { user, at } => {
            app.auth.logouts().add(user, *at);
            app.streams.end(user);
        }
        Entry::Renewal { user, rights, at } => {
            app.streams.renew(user, rights, at - now());
        }
        Entry::Epoch | Entry::Event(_) => {}
    }
}
