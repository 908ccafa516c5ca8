//! Follows the log in Redis, and feeds the hub with it.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::oneshot;
use tokio::time::sleep;

use super::Redis;
use super::attach::{Tail, backoff};
use super::control::obey;
use super::entry::{Entry, Malformed};
use super::error::{Failure, has_code};
use super::session::BLOCK;
use crate::app::App;
use crate::hub::Position;

/// How many entries are read at once.
const PAGE: usize = 128;
/// After how many entries subscribers may read that were published while Redis was away.
const PACED: usize = 16;
/// How long they may, in milliseconds.
const MAX_PACE: u32 = 2;
/// The longest time between two attempts to connect.
const MAX_BACKOFF: Duration = Duration::from_secs(2);
/// A session that was longer is not followed by a longer wait.
const GOOD_SESSION: Duration = Duration::from_secs(2);

/// An entry as Redis has it: its ID, and names and values of its fields in turn.
pub(super) type RawEntry = (String, Vec<Vec<u8>>);
/// The answers to XREAD and to the check of what it has read: epoch, trimmed, whether the log has the position.
type Read = (Option<Vec<(String, Vec<RawEntry>)>>, (String, String, bool));

impl Redis {
    /// Follows the log for as long as the process runs; `first` receives how the first attempt went.
    pub(crate) async fn follow(
        self: Arc<Self>,
        app: Arc<App>,
        first: oneshot::Sender<Result<(), String>>,
    ) {
        let (mut first, mut failures) = (Some(first), 0);
        for number in 0.. {
            let begin = Instant::now();
            let failure = self.follow_session(&app, number, &mut first).await;
            self.session.send_replace(None);
            self.figures.up.set(0);
            let reason = failure.reason;
            let ends = |first: oneshot::Sender<_>| first.send(Err(reason.clone())).is_ok();
            // Then the program ends.
            if first
                .take()
                .is_some_and(|first| failure.is_final && ends(first))
            {
                return;
            }
            self.complaints.log("no connection to Redis", &reason);
            failures = if begin.elapsed() > GOOD_SESSION {
                0
            } else {
                failures + 1
            };
            sleep(backoff(failures, MAX_BACKOFF)).await;
        }
    }

    async fn follow_session(
        &self,
        app: &App,
        number: u64,
        first: &mut Option<oneshot::Sender<Result<(), String>>>,
    ) -> Failure {
        if self.mode == super::Mode::Pubsub {
            return self.subscribe(app, number, first).await;
        }
        let tail = match self.attach(number, app.auth.logouts()).await {
            Ok(tail) => tail,
            Err(failure) => return failure,
        };
        self.begin(tail.session.clone(), first);
        let session = tail.session.clone();
        tokio::select! {
            failure = self.read(app, tail) => failure,
            () = self.ended(&session) => Failure::new("the session has ended"),
        }
    }

    /// Begins a session for all that need Redis.
    pub(super) fn begin(
        &self,
        session: super::session::Session,
        first: &mut Option<oneshot::Sender<Result<(), String>>>,
    ) {
        tracing::info!(epoch = &*session.epoch, "connected to Redis");
        self.complaints.clear();
        self.figures.up.set(1);
        self.figures.connections.inc();
        self.session.send_replace(Some(session));
        if let Some(first) = first.take() {
            let _ = first.send(Ok(()));
        }
    }

    /// Reads entries until something goes wrong.
    async fn read(&self, app: &App, mut tail: Tail) -> Failure {
        loop {
            let (_, position) = self.hub.newest();
            if position >= tail.newest {
                self.set_ready();
            }
            let read = match self.read_page(&mut tail, position).await {
                Ok(read) => read,
                // An operator has removed all scripts.
                Err(error) if has_code(&error, &["NOSCRIPT"]) => {
                    match self.scripts.check.load_async(&mut tail.connection).await {
                        Ok(_) => continue,
                        Err(error) => return error.into(),
                    }
                }
                Err(error) => return error.into(),
            };
            let (streams, (epoch, trimmed, is_known)) = read;
            let Some(trimmed) = Position::parse(&trimmed) else {
                return Failure::new("the log was deleted");
            };
            if epoch != *tail.session.epoch || !is_known {
                return Failure::new("another epoch has begun, or events are missing");
            }
            if trimmed > position {
                return Failure::new("events were trimmed before this server has read them");
            }
            self.hub.set_evicted(trimmed);
            let entries = streams.into_iter().flatten().flat_map(|(_, it)| it);
            for (number, (id, fields)) in entries.enumerate() {
                let Some(position) = Position::parse(&id) else {
                    return Failure::new(format!("{id:?} is not the ID of an entry"));
                };
                self.apply(app, position, &fields);
                if position < tail.newest && number % PACED == 0 {
                    self.pace().await;
                }
            }
        }
    }

    /// Lets subscribers read what was published while Redis was away, so that the log in memory does not
    /// evict it before they had a chance. One that does not read delays the others only briefly.
    async fn pace(&self) {
        for _ in 0..MAX_PACE {
            if !self.hub.has_slow_subscriber() {
                return;
            }
            sleep(Duration::from_millis(1)).await;
        }
    }

    async fn read_page(
        &self,
        tail: &mut Tail,
        position: Position,
    ) -> Result<Read, redis::RedisError> {
        let mut pipe = redis::pipe();
        pipe.cmd("XREAD")
            .arg("COUNT")
            .arg(PAGE)
            .arg("BLOCK")
            .arg(BLOCK.as_secs() * 1000);
        pipe.arg("STREAMS")
            .arg(&self.keys.log)
            .arg(position.to_string());
        // After what was read: if nothing that follows the position was trimmed now, it was there before.
        pipe.cmd("EVALSHA")
            .arg(self.scripts.check.get_hash())
            .arg(2);
        pipe.arg(&self.keys.log)
            .arg(&self.keys.state)
            .arg(position.to_string());
        pipe.query_async(&mut tail.connection).await
    }

    /// Does what an entry says, and gives its position to the hub.
    fn apply(&self, app: &App, position: Position, fields: &[Vec<u8>]) {
        let lag = milliseconds().saturating_sub(position.milliseconds);
        self.figures
            .lag
            .set(Duration::from_millis(lag).as_secs_f64());
        match Entry::parse(fields) {
            Ok(Entry::Event(event)) => {
                let published = self.hub.apply(position, Some(&event.message()), app.now());
                app.metrics.published(&published);
                return;
            }
            Ok(entry) => obey(app, &entry),
            Err(Malformed) => self.skip(&position.to_string()),
        }
        self.hub.apply(position, None, app.now());
    }

    /// Counts an entry that no gateway has made.
    pub(super) fn skip(&self, id: &str) {
        if self.figures.skipped.inc() == 0 {
            let key = &self.keys.log;
            tracing::warn!(
                id,
                key,
                "an entry of another program, or a malformed one, was skipped; \
                further ones are counted only"
            );
        }
    }
}

/// Returns the milliseconds since 1970.
pub(super) fn milliseconds() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    u64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
}
