//! One run: connects, publishes, waits for what is under way, and counts.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout_at};

use super::logins::Logins;
use super::metrics::Sources;
use super::outcome::Outcome;
use super::pacer::{self, Slot};
use super::publisher::{self, Published};
use super::slow::Slow;
use super::state::{Plan, State};
use super::subscriber::Subscriber;
use super::tally::Tally;
use super::target::Target;
use super::usage::{Snapshot, Snapshots};
use super::{Failure, Options, lag, progress, storm};

/// How many subscribers connect at the same time, before the load begins.
const CONNECTING: usize = 64;

/// How long memory may settle after the last connection.
const SETTLING: Duration = Duration::from_millis(500);

/// How long the publishers may be behind at the end, before they give up.
const BEHIND: Duration = Duration::from_secs(10);

/// How long nothing may arrive before the rest counts as lost, if everybody is connected.
const QUIET: Duration = Duration::from_secs(3);

/// The same, if somebody is not.
const DISCONNECTED: Duration = Duration::from_secs(30);

/// How long to wait for doubled events after the last new one.
const LINGERING: Duration = Duration::from_millis(300);

/// The readers of a run, and where its publishers take events from.
#[derive(Debug)]
pub(super) struct Parts {
    /// By subscriber.
    pub(super) readers: JoinSet<(u32, Tally)>,
    pub(super) publishers: JoinSet<Published>,
    pub(super) queues: Vec<mpsc::Sender<Slot>>,
    pub(super) sources: Sources,
    pub(super) before: Snapshot,
}

/// Measures the gateway as the options say.
pub(super) async fn gateway(options: &Options, target: &Target) -> Result<Outcome, Failure> {
    plan(Plan::new(options), target, "gateway").await
}

/// Measures the gateway with `plan`; `label` begins the lines of progress.
pub(super) async fn plan(plan: Plan, target: &Target, label: &str) -> Result<Outcome, Failure> {
    let state = Arc::new(State::new(plan)?);
    let target = Arc::new(target.clone());
    let sources = Sources::new(&target);
    let before = Snapshot::take(&sources).await?;
    let subscribers = connect(&state, &target).await?;
    let slow = Slow::connect(&state, &target).await?;
    let logins = Logins::start(&state, &target);

    let mut readers = JoinSet::new();
    for (index, subscriber) in (0..).zip(subscribers) {
        readers.spawn(async move { (index, subscriber.run().await) });
    }
    let (mut publishers, mut queues) = (JoinSet::new(), Vec::new());
    for index in 0..state.publishers {
        let (queue, slots) = mpsc::channel(pacer::QUEUE);
        queues.push(queue);
        publishers.spawn(publisher::run(
            Arc::clone(&state),
            Arc::clone(&target),
            index,
            slots,
        ));
    }
    let parts = Parts {
        readers,
        publishers,
        queues,
        sources,
        before,
    };
    let mut outcome = load(&state, parts, label).await?;
    outcome.slow = slow.report().await;
    outcome.logins = logins.report(&state).await?;
    Ok(outcome)
}

/// Connects all subscribers that read.
pub(super) async fn connect(
    state: &Arc<State>,
    target: &Arc<Target>,
) -> Result<Vec<Subscriber>, Failure> {
    let slots = Arc::new(Semaphore::new(CONNECTING));
    let mut connecting = JoinSet::new();
    for index in 0..state.plan.readers() {
        let (state, target) = (Arc::clone(state), Arc::clone(target));
        let slots = Arc::clone(&slots);
        connecting.spawn(async move {
            let _slot = slots.acquire().await?;
            Subscriber::connect(state, target, index).await
        });
    }
    let mut subscribers = Vec::new();
    while let Some(subscriber) = connecting.join_next().await {
        let subscriber = subscriber?;
        subscribers
            .push(subscriber.map_err(|error| format!("a subscriber cannot connect: {error}"))?);
    }
    subscribers.sort_by_key(Subscriber::index);
    Ok(subscribers)
}

/// Publishes to readers that are connected, and counts what they receive.
pub(super) async fn load(
    state: &Arc<State>,
    parts: Parts,
    label: &str,
) -> Result<Outcome, Failure> {
    let Parts {
        mut readers,
        mut publishers,
        queues,
        sources,
        before,
    } = parts;
    sleep(SETTLING).await;
    let idle = Snapshot::take(&sources).await?;
    // If a scrape fails, the tasks must not outlive the run.
    let _stop = state.stop.clone().drop_guard();

    state.begin_at(state.now() + 20_000_000);
    let pacer = pacer::start(Arc::clone(state), queues)?;
    let (shared, label) = (Arc::clone(state), label.to_owned());
    let progress = tokio::spawn(async move { progress::report(&shared, &label).await });
    if state.plan.storm {
        let shared = Arc::clone(state);
        tokio::spawn(async move { storm::begin(&shared).await });
    }
    tokio::time::sleep_until(state.instant(state.measured_from())).await;
    let begin = Snapshot::take(&sources).await?;
    let lags = tokio::spawn(lag::watch(Arc::clone(state), sources.clone()));
    let published = finish(state, &mut publishers).await?;
    drain(state, &published).await;
    let end = Snapshot::take(&sources).await?;
    sleep(LINGERING).await;

    state.stop.cancel();
    let mut tallies = Vec::new();
    while let Some(tally) = readers.join_next().await {
        tallies.push(tally?);
    }
    let mut latencies = progress.await?;
    latencies.take(&mut state.take_latency());
    pacer.join().map_err(|_| "the pacer has panicked")?;
    let snapshots = Snapshots {
        before,
        idle,
        begin,
        end,
        lags: lags.await?,
    };
    Ok(Outcome::new(
        state, &published, &tallies, &latencies, &snapshots,
    ))
}

/// Waits for the publishers; those that are too far behind give up.
async fn finish(state: &State, publishers: &mut JoinSet<Published>) -> Result<Published, Failure> {
    let mut published = Published::new(state);
    let deadline = state.instant(state.intended(state.total)) + BEHIND;
    loop {
        match timeout_at(deadline, publishers.join_next()).await {
            Ok(Some(publisher)) => published.add(publisher?),
            Ok(None) => return Ok(published),
            Err(_) => break,
        }
    }
    state.give_up.cancel();
    while let Some(publisher) = publishers.join_next().await {
        published.add(publisher?);
    }
    Ok(published)
}

/// Waits until every event has been received, or nothing arrives any more.
async fn drain(state: &State, published: &Published) {
    let receivers = if state.plan.users {
        1
    } else {
        u64::from(state.plan.readers())
    };
    // An event that failed may have been delivered: then the number alone decides nothing.
    let expected = published
        .failed
        .is_empty()
        .then_some(published.acknowledged * receivers);
    let mut last = (state.received.load(Relaxed), state.now());
    loop {
        let received = state.received.load(Relaxed);
        if expected.is_some_and(|expected| received >= expected) {
            return;
        }
        if received != last.0 {
            last = (received, state.now());
        }
        let has_all = state.connected.load(Relaxed) == state.plan.readers();
        let patience = if has_all { QUIET } else { DISCONNECTED };
        if Duration::from_nanos(state.now().saturating_sub(last.1)) >= patience {
            return;
        }
        sleep(Duration::from_millis(20)).await;
    }
}
