//! The reports as text.

use std::collections::BTreeMap;
use std::fmt::Display;

use crate::load::floor::Round;
use crate::load::latency::Summary;
use crate::load::outcome::Outcome;
use crate::load::usage::{OfServer, Own};
use crate::load::{idle, search, slow, storm};

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
        "deliveries",
        format_args!(
            "{}, {:.0}/s to {} readers",
            deliveries.received, deliveries.per_second, outcome.readers,
        ),
    );
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
    lines.add("to a wrong user", deliveries.misdelivered);
    lines.add("unexpected", deliveries.unexpected);
    lines.counts("gaps", &deliveries.gaps);
    lines.add(
        "reconnects",
        format_args!(
            "{}, {} failed attempts",
            connections.reconnects, connections.failed_attempts,
        ),
    );
    lines.counts("connections lost", &connections.losses);
    if let Some(storm) = &outcome.storm {
        lines.storm(storm);
    }
    if let Some(slow) = &outcome.slow {
        lines.slow(slow);
    }
    lines.own(&outcome.own);
    if let Some(server) = &outcome.server {
        lines.server(server);
    }
    lines.0
}

/// Idle connections.
pub(super) fn idle(report: &idle::Report) -> String {
    let mut lines = Lines::default();
    lines.add(
        "connections",
        format_args!(
            "{}, {} open after {} s, {} reconnects",
            report.connections, report.open, report.seconds, report.reconnects,
        ),
    );
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
    format!(
        "{rate:>8}/s {verdict}: p99 {:.2} ms, {:.0} deliveries/s, {} lost, {} doubled, {} failed, sent \
         late by p99 {:.2} ms{behind}",
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

/// The gateway beside the floor.
pub(super) fn floor(rounds: &[Round]) -> String {
    let mut text = format!(
        "{:<9}{:>9}{:>9}{:>9}{:>9}{:>9}{:>12}{:>7}{:>8}{:>12}{:>11}\n",
        "",
        "p50 ms",
        "p90 ms",
        "p99 ms",
        "p99.9 ms",
        "max ms",
        "deliveries/s",
        "lost",
        "doubled",
        "server CPU s",
        "load CPU s",
    );
    for round in rounds {
        text += &row("gateway", &round.gateway);
        text += &row("floor", &round.floor);
    }
    for round in rounds {
        text.push('\n');
        text += &outcome(&round.gateway);
    }
    text
}

fn row(name: &str, outcome: &Outcome) -> String {
    let Summary {
        p50_ms,
        p90_ms,
        p99_ms,
        p999_ms,
        max_ms,
        ..
    } = outcome.deliveries.latency;
    let server = outcome
        .server
        .as_ref()
        .and_then(|server| server.cpu_seconds);
    format!(
        "{name:<9}{p50_ms:>9.2}{p90_ms:>9.2}{p99_ms:>9.2}{p999_ms:>9.2}{max_ms:>9.2}{:>12.0}{:>7}{:>8}\
         {:>12}{:>11}\n",
        outcome.deliveries.per_second,
        outcome.deliveries.lost,
        outcome.deliveries.doubled,
        number(server, 2),
        number(outcome.own.cpu_seconds, 2),
    )
}

/// Lines that begin with a name.
#[derive(Default)]
struct Lines(String);

impl Lines {
    fn add(&mut self, name: &str, value: impl Display) {
        self.0 += &format!("{name:<17} {value}\n");
    }

    /// Adds counts, if there are any.
    fn counts<N: Display>(&mut self, name: &str, counts: &BTreeMap<String, N>) {
        for (key, count) in counts {
            self.add(name, format_args!("{count}: {key}"));
        }
    }

    fn storm(&mut self, storm: &storm::Report) {
        let back = storm
            .all_back_ms
            .map_or("not all".to_owned(), |time| format!("all in {time:.0} ms"));
        let jitter = if storm.jitter { "with" } else { "without" };
        self.add(
            "storm",
            format_args!(
                "{} back, {back}, {jitter} jitter, {} failed attempts",
                storm.reconnected, storm.failed_attempts,
            ),
        );
        self.add("reconnect", storm.reconnect);
    }

    fn slow(&mut self, slow: &slow::Report) {
        self.add(
            "slow subscribers",
            format_args!(
                "{}, {} closed by the server, {} open, {} bytes unread",
                slow.subscribers, slow.closed, slow.open, slow.unread_bytes,
            ),
        );
    }

    fn own(&mut self, own: &Own) {
        self.add(
            "load's CPU",
            format_args!(
                "{} s, {} of a core; memory {}",
                number(own.cpu_seconds, 2),
                percent(own.cpu_share),
                mebibytes(own.resident_bytes),
            ),
        );
    }

    fn server(&mut self, server: &OfServer) {
        self.add(
            "server's CPU",
            format_args!(
                "{} s, {} of a core",
                number(server.cpu_seconds, 2),
                percent(server.cpu_share),
            ),
        );
        self.add(
            "per event",
            format_args!(
                "{} wake-ups, {} encoded frames",
                number(server.wakeups_per_event, 2),
                number(server.encoded_frames_per_event, 2),
            ),
        );
        self.add(
            "encoding",
            format_args!(
                "{} s, {} of the server's CPU",
                number(server.encode_seconds, 4),
                percent(server.encode_share),
            ),
        );
        self.add(
            "slowest lag",
            format_args!("{} events", number(server.slowest_lag_events, 0)),
        );
        self.add(
            "server's memory",
            format_args!(
                "{} before, {} idle, {} after; {} bytes per idle connection",
                mebibytes(server.resident_bytes_before),
                mebibytes(server.resident_bytes_idle),
                mebibytes(server.resident_bytes_after),
                number(server.bytes_per_idle_connection, 0),
            ),
        );
        self.counts("server's gaps", &server.gaps);
        self.counts("connection ends", &server.connection_ends);
    }
}

fn number(value: Option<f64>, decimals: usize) -> String {
    value.map_or("?".to_owned(), |value| format!("{value:.decimals$}"))
}

fn percent(share: Option<f64>) -> String {
    share.map_or("?".to_owned(), |share| format!("{:.1}%", share * 100.0))
}

fn mebibytes(bytes: Option<f64>) -> String {
    bytes.map_or("?".to_owned(), |bytes| {
        format!("{:.1} MiB", bytes / 1_048_576.0)
    })
}
