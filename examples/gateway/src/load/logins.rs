//! A flood of logins that fail, beside the load.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::Request;
use serde::Serialize;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::Failure;
use super::publisher::Connection;
use super::state::State;
use super::target::Target;

/// How many connections log in, each with one request at a time.
const CONNECTIONS: u32 = 8;

/// How long a response may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// The delay after a connection or a request that failed.
const DELAY: Duration = Duration::from_millis(100);

const BODY: &str = r#"{"name":"load","password":"wrong"}"#;

/// The connections that log in while it is measured.
#[derive(Debug, Default)]
pub(super) struct Logins(JoinSet<Counts>);

/// By status or error.
type Counts = BTreeMap<String, u64>;

/// How the server answered.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Report {
    pub(super) connections: u32,
    pub(super) count: BTreeMap<String, u64>,
    pub(super) per_second: BTreeMap<String, f64>,
}

impl Logins {
    /// Starts the connections, if the plan has them; they log in until the measuring ends.
    pub(super) fn start(state: &Arc<State>, target: &Arc<Target>) -> Self {
        let mut tasks = JoinSet::new();
        let connections = if state.plan.logins { CONNECTIONS } else { 0 };
        for index in 0..connections {
            tasks.spawn(run(Arc::clone(state), Arc::clone(target), index));
        }
        Self(tasks)
    }

    /// Waits for the answers that are due; `None` without logins.
    pub(super) async fn report(mut self, state: &State) -> Result<Option<Report>, Failure> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let mut count = Counts::new();
        while let Some(counts) = self.0.join_next().await {
            for (answer, number) in counts? {
                *count.entry(answer).or_default() += number;
            }
        }
        let rate = |count: u64| super::outcome::per_second(count, state.measured_time());
        let per_second = count
            .iter()
            .map(|(answer, &count)| (answer.clone(), rate(count)));
        Ok(Some(Report {
            connections: CONNECTIONS,
            per_second: per_second.collect(),
            count,
        }))
    }
}

/// Logs in from the end of the warm-up to the end of the measuring, and counts the answers.
async fn run(state: Arc<State>, target: Arc<Target>, index: u32) -> Counts {
    let (mut counts, mut connection) = (Counts::new(), Connection::new(index));
    state.begun.cancelled().await;
    tokio::time::sleep_until(state.instant(state.measured_from())).await;
    let end = state.instant(state.intended(state.total));
    loop {
        let answer = tokio::select! {
            () = tokio::time::sleep_until(end) => return counts,
            () = state.stop.cancelled() => return counts,
            answer = timeout(PATIENCE, log_in(&target, &mut connection)) => answer,
        };
        let answer = answer.unwrap_or_else(|_| Err("no response in time".into()));
        let has_failed = answer.is_err();
        let answer = answer.unwrap_or_else(|error| error.to_string());
        *counts.entry(answer).or_default() += 1;
        if has_failed {
            connection.fail();
            sleep(DELAY).await;
        }
    }
}

/// Returns the status of the response.
async fn log_in(target: &Target, connection: &mut Connection) -> Result<String, Failure> {
    let request = Request::post("/login")
        .header("content-type", "application/json")
        .body(Full::from(BODY))?;
    let status = connection.send(target, request).await?;
    Ok(status.as_u16().to_string())
}
