//! The search for the highest rate at which the p99 is acceptable.

use serde::Serialize;

use super::outcome::Outcome;
use super::state::Plan;
use super::target::Target;
use super::{Failure, Options, measure, report};

/// The highest rate that is tried.
const HIGHEST: u32 = 1_000_000;

/// The bisection ends when the two rates differ by less than one part in this many.
const PRECISION: u32 = 10;

/// One rate that was tried.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Step {
    pub(super) rate: u32,
    pub(super) passed: bool,
    /// The publishers were behind, and not only the subscribers.
    pub(super) publishers_behind: bool,
    pub(super) outcome: Outcome,
}

/// What the search found.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Report {
    pub(super) max_p99_ms: f64,
    pub(super) steps: Vec<Step>,
    /// The highest rate that passed; `None` if the first one did not.
    pub(super) highest_rate: Option<u32>,
    /// At half of it.
    pub(super) at_half: Option<Outcome>,
}

/// Searches, and reports; returns whether there is a rate that passes, and half of it does.
pub(super) async fn run(options: &Options, target: &Target) -> Result<bool, Failure> {
    let max_p99 = options.acceptable_p99();
    let passes = |outcome: &Outcome| {
        outcome.passed(Some(max_p99)) && !(options.ingest && outcome.lags(max_p99))
    };
    let plan = Plan::new(options);
    let (mut steps, mut range) = (Vec::new(), Range::new(options.rate));
    while let Some(rate) = range.next() {
        let label = format!("{rate}/s");
        let plan = plan.at_rate(rate, options.publishers(rate));
        let outcome = measure::plan(plan, target, &label).await?;
        let passed = passes(&outcome) && outcome.publishing.failed == 0;
        let late = &outcome.publishing.lateness;
        // Half of the acceptable latency was spent before the request.
        let publishers_behind = !late.is_within(max_p99 / 2);
        let step = Step {
            rate,
            passed,
            publishers_behind,
            outcome,
        };
        report::print_step(&step);
        steps.push(step);
        range.narrow(rate, passed);
    }
    let highest_rate = range.passed;
    let at_half = match highest_rate.map(|rate| (rate / 2).max(1)) {
        Some(half) => {
            let plan = plan.at_rate(half, options.publishers(half));
            Some(measure::plan(plan, target, &format!("half: {half}/s")).await?)
        }
        None => None,
    };
    let passed = at_half.as_ref().is_some_and(passes);
    let max_p99_ms = max_p99.as_secs_f64() * 1_000.0;
    report::print_search(
        options,
        &Report {
            max_p99_ms,
            steps,
            highest_rate,
            at_half,
        },
    )?;
    Ok(passed)
}

/// The rates between which the limit is.
#[derive(Debug, Clone, Copy)]
struct Range {
    first: u32,
    passed: Option<u32>,
    failed: Option<u32>,
}

impl Range {
    const fn new(first: u32) -> Self {
        Self {
            first,
            passed: None,
            failed: None,
        }
    }

    /// Returns the rate to try next, or `None` if the limit is known well enough.
    fn next(self) -> Option<u32> {
        match (self.passed, self.failed) {
            (None, None) => Some(self.first),
            (Some(passed), None) if passed >= HIGHEST => None,
            (Some(passed), None) => Some(passed.saturating_mul(2).min(HIGHEST)),
            // If the first rate was too high, the limit is below.
            (None, Some(failed)) => Some(failed / 2).filter(|&rate| rate > 0),
            (Some(passed), Some(failed)) if failed - passed <= (passed / PRECISION).max(1) => None,
            (Some(passed), Some(failed)) => Some(passed + (failed - passed) / 2),
        }
    }

    fn narrow(&mut self, rate: u32, passed: bool) {
        if passed {
            self.passed = Some(rate);
        } else {
            self.failed = Some(rate);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search(first: u32, limit: u32) -> (Option<u32>, usize) {
        let (mut range, mut steps) = (Range::new(first), 0);
        while let Some(rate) = range.next() {
            range.narrow(rate, rate <= limit);
            steps += 1;
        }
        (range.passed, steps)
    }

    #[test]
    fn the_limit_is_found_within_a_tenth() {
        for limit in [1, 2, 3, 49, 50, 51, 99, 100, 1_000, 12_345, 999_999] {
            let (passed, steps) = search(50, limit);
            let passed = passed.unwrap();
            assert!(
                passed <= limit && limit - passed <= (passed / PRECISION).max(1),
                "{limit}"
            );
            assert!(steps < 25, "{limit} took {steps} steps");
        }
        assert_eq!(search(50, 0).0, None);
        assert_eq!(search(50, u32::MAX).0, Some(HIGHEST));
    }
}
