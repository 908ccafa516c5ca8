//! The gateway beside the baseline, as a table.

use crate::load::baseline::Round;
use crate::load::outcome::Outcome;

use super::lines::number;
use super::text::outcome;

const HEAD: [&str; 11] = [
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
];

/// The rounds, what the gateway's CPU time is to that of the baseline, and the gateway's outcomes.
pub(super) fn baseline(rounds: &[Round]) -> String {
    let mut text = line(HEAD);
    for round in rounds {
        text += &line(
            row("gateway", &round.gateway)
                .each_ref()
                .map(String::as_str),
        );
        text += &line(
            row("baseline", &round.baseline)
                .each_ref()
                .map(String::as_str),
        );
    }
    let gateway = rounds.iter().map(|round| cpu(&round.gateway)).sum();
    let baseline = rounds.iter().map(|round| cpu(&round.baseline)).sum();
    let ratio: Option<f64> =
        Option::zip(gateway, baseline).map(|(gateway, baseline): (f64, f64)| gateway / baseline);
    text += &format!(
        "server CPU: {} times that of the baseline\n",
        number(ratio, 2)
    );
    for round in rounds {
        text.push('\n');
        text += &outcome(&round.gateway);
    }
    text
}

fn row(name: &str, outcome: &Outcome) -> [String; 11] {
    let latency = outcome.deliveries.latency;
    let [p50, p90, p99, p999, max] = [
        latency.p50_ms,
        latency.p90_ms,
        latency.p99_ms,
        latency.p999_ms,
        latency.max_ms,
    ]
    .map(|time| number(Some(time), 2));
    [
        name.to_owned(),
        p50,
        p90,
        p99,
        p999,
        max,
        number(Some(outcome.deliveries.per_second), 0),
        outcome.deliveries.lost.to_string(),
        outcome.deliveries.doubled.to_string(),
        number(cpu(outcome), 2),
        number(outcome.own.cpu_seconds, 2),
    ]
}

fn cpu(outcome: &Outcome) -> Option<f64> {
    outcome.server.as_ref()?.cpu_seconds
}

/// Aligns cells to the right, but the first to the left.
fn line(cells: [&str; 11]) -> String {
    let [name, rest @ ..] = cells;
    let mut line = format!("{name:<8}");
    for (cell, head) in rest.iter().zip(HEAD.iter().skip(1)) {
        let width = head.len().max(8);
        line += &format!(" {cell:>width$}");
    }
    line + "\n"
}
