//! The reports as text.

use crate::load::outcome::{Deliveries, Outcome};
use crate::load::{idle, search};

use super::lines::{Lines, mebibytes, number, percent};

/// One run.
pub(super) fn outcome(outcome: &Outcome) -> String {
    let mut lines = Lines::default();
    let Outcome {
        publishing,
        deliveries,
        connections,
        ..
    } = outcome;
    lines.add(
        "load",
        format_args!(
            "{} subscribers, {} events/s of {} bytes, {} s",
            outcome.subscribers, outcome.rate, outcome.size, outcome.seconds,
        ),
    );
    lines.add(
        "events",
        format_args!(
            "{} sent, {} acknowledged, {} failed, by {} publishers",
            publishing.sent, publishing.acknowledged, publishing.failed, publishing.publishers,
        ),
    );
    lines.counts("errors", &publishing.errors);
    lines.add("sent late by", publishing.lateness);
    lines.add("publish", publishing.acknowledgement);
    lines.add(
        "waited",
        format_args!(
            "{} of the publishers' time, for responses",
            percent(Some(publishing.waiting_share))
        ),
    );
    lines.add(
        "deliveries",
        format_args!(
            "{}, {:.0}/s to {} readers",
            deliveries.received, deliveries.per_second, outcome.readers,
        ),
    );
    delivered(&mut lines, deliveries);
    lines.add(
        "reconnects",
        format_args!(
            "{}, {} failed attempts",
            connections.reconnects, connections.failed_attempts,
        ),
    );
    lines.counts("connections lost", &connections.losses);
    lines.add(
        "compressed",
        format_args!("{} of {}", connections.compressed, outcome.readers),
    );
    if let Some(storm) = &outcome.storm {
        lines.storm(storm);
    }
    if let Some(slow) = &outcome.slow {
        lines.slow(slow);
    }
    if let Some(logins) = &outcome.logins {
        lines.logins(logins);
    }
    lines.process("load's CPU", &outcome.own);
    if let Some(redis) = &outcome.redis {
        lines.process("Redis' CPU", redis);
    }
    lines.each(&outcome.servers);
    if let Some(server) = &outcome.server {
        lines.server(server);
    }
    lines.0
}

/// What arrived, and what did not.
fn delivered(lines: &mut Lines, deliveries: &Deliveries) {
    lines.add("latency", deliveries.latency);
    lines.add(
        "lost",
        format_args!(
            "{} ({} of them at subscribers that received a gap)",
            deliveries.lost, deliveries.lost_with_gap,
        ),
    );
    lines.add("doubled", deliveries.doubled);
    lines.add("out of order", deliveries.reordered);
    lines.add("IDs descending", deliveries.descending_ids);
    lines.add("to a wrong user", deliveries.misdelivered);
    lines.add("unexpected", deliveries.unexpected);
    lines.counts("gaps", &deliveries.gaps);
}

/// Idle connections.
pub(super) fn idle(report: &idle::Report) -> String {
    let mut lines = Lines::default();
    lines.add(
        "connections",
        format_args!(
            "{}, {} open after {} s, {} reconnects, {} compressed",
            report.connections, report.open, report.seconds, report.reconnects, report.compressed,
        ),
    );
    lines.add("events before", report.events);
    lines.add(
        "server's memory",
        format_args!(
            "{} before, {} connected, {} after",
            mebibytes(report.resident_bytes_before),
            mebibytes(report.resident_bytes_connected),
            mebibytes(report.resident_bytes_after),
        ),
    );
    lines.add(
        "per connection",
        format_args!("{} bytes", number(report.bytes_per_connection, 0)),
    );
    lines.add(
        "server's CPU",
        format_args!("{} s", number(report.cpu_seconds, 2)),
    );
    lines.add("own memory", mebibytes(report.own_resident_bytes));
    lines.0
}

/// One step of a search.
pub(super) fn step(step: &search::Step) -> String {
    let search::Step { rate, outcome, .. } = step;
    let verdict = if step.passed { "passed" } else { "failed" };
    let behind = if step.publishers_behind {
        "; the publishers were behind"
    } else {
        ""
    };
    let lag = outcome.server.as_ref();
    let lag = lag.and_then(|server| server.redis_lag_seconds);
    let lag = lag.map_or(String::new(), |lag| format!(", {lag:.3} s behind Redis"));
    format!(
        "{rate:>8}/s {verdict}: p99 {:.2} ms, {:.0} deliveries/s, {} lost, {} doubled, {} failed, sent \
         late by p99 {:.2} ms{lag}{behind}",
        outcome.deliveries.latency.p99_ms,
        outcome.deliveries.per_second,
        outcome.deliveries.lost,
        outcome.deliveries.doubled,
        outcome.publishing.failed,
        outcome.publishing.lateness.p99_ms,
    )
}

/// A search.
pub(super) fn search(report: &search::Report) -> String {
    let mut text = String::new();
    for step in &report.steps {
        text += &self::step(step);
        text.push('\n');
    }
    let limit = report.max_p99_ms;
    match report.highest_rate {
        Some(rate) => text += &format!("highest rate with p99 <= {limit} ms: {rate}/s\n"),
        None => text += &format!("no rate has a p99 <= {limit} ms\n"),
    }
    if let Some(half) = &report.at_half {
        text += "at half of it:\n";
        text += &outcome(half);
    }
    text
}
