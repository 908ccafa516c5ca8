//! What a check finds: a verdict, its evidence and advice.

use std::time::Duration;

use super::report::Verdict;

/// What a check finds.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    pub(super) verdict: Verdict,
    pub(super) evidence: String,
    pub(super) advice: Option<String>,
}

impl Finding {
    pub(super) fn pass(evidence: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Pass,
            evidence: evidence.into(),
            advice: None,
        }
    }

    pub(super) fn fail(evidence: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::with_advice(Verdict::Fail, evidence.into(), advice.into())
    }

    pub(super) fn not_applicable(evidence: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::with_advice(Verdict::NotApplicable, evidence.into(), advice.into())
    }

    pub(super) fn not_observed(evidence: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::with_advice(Verdict::NotObserved, evidence.into(), advice.into())
    }

    /// Passes if `is_good`.
    pub(super) fn expect(is_good: bool, evidence: impl Into<String>, advice: &str) -> Self {
        if is_good {
            Self::pass(evidence)
        } else {
            Self::fail(evidence, advice)
        }
    }

    fn with_advice(verdict: Verdict, evidence: String, advice: String) -> Self {
        Self {
            verdict,
            evidence,
            advice: Some(advice),
        }
    }
}

/// Formats a duration with the figures that matter.
pub(super) fn show(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds < 1.0 {
        format!("{:.0} ms", seconds * 1000.0)
    } else {
        format!("{seconds:.1} s")
    }
}

/// Formats a number of things.
pub(super) fn count(number: usize, what: &str) -> String {
    match number {
        1 => format!("1 {what}"),
        _ => format!("{number} {what}s"),
    }
}
