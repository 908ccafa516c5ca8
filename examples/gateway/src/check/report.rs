//! The verdicts as data, as a table and as JSON.

use std::fmt;

use serde::Serialize;

/// What a check came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Verdict {
    /// The server does what the check asks for.
    Pass,
    /// The server does not.
    Fail,
    /// The check is about something that the stream does not use.
    NotApplicable,
    /// What the check is about did not happen during the run.
    NotObserved,
}

/// The outcome of one check.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// The name of the check, as in the list of checks.
    pub name: &'static str,
    /// What the check came to.
    pub verdict: Verdict,
    /// What was seen, in one line.
    pub evidence: String,
    /// What to change, unless the check has passed.
    pub advice: Option<String>,
    /// Whether the check has to pass.
    pub required: bool,
}

impl Outcome {
    /// Whether the outcome counts as failed.
    pub fn has_failed(&self) -> bool {
        match self.verdict {
            Verdict::Pass => false,
            Verdict::Fail => true,
            Verdict::NotApplicable | Verdict::NotObserved => self.required,
        }
    }
}

/// The outcomes of a run.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The URL that was checked.
    pub url: String,
    /// How long the run took.
    pub seconds: f64,
    /// Whether no check has failed.
    pub passed: bool,
    /// The outcomes, in the order of the list of checks.
    pub checks: Vec<Outcome>,
}

impl Report {
    /// Returns the outcome of a check.
    pub fn outcome(&self, name: &str) -> Option<&Outcome> {
        self.checks.iter().find(|outcome| outcome.name == name)
    }

    /// Returns the verdict of a check.
    pub fn verdict(&self, name: &str) -> Option<Verdict> {
        self.outcome(name).map(|outcome| outcome.verdict)
    }

    /// Returns the names of the checks that have failed.
    pub fn failed(&self) -> Vec<&'static str> {
        let failed = self.checks.iter().filter(|outcome| outcome.has_failed());
        failed.map(|outcome| outcome.name).collect()
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Pass => "pass",
            Self::Fail => "FAIL",
            Self::NotApplicable => "not applicable",
            Self::NotObserved => "not observed",
        })
    }
}

/// A table: a line for each check, and advice below it.
impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths = self.checks.iter().map(|outcome| outcome.name.len());
        let width = widths.max().unwrap_or_default();
        for outcome in &self.checks {
            let (name, verdict) = (outcome.name, outcome.verdict);
            let required = if outcome.has_failed() && verdict != Verdict::Fail {
                " (required)"
            } else {
                ""
            };
            writeln!(
                formatter,
                "{verdict:14}  {name:width$}  {}{required}",
                outcome.evidence
            )?;
            if let Some(advice) = &outcome.advice {
                writeln!(formatter, "{:14}  {:width$}  -> {advice}", "", "")?;
            }
        }
        let count = |verdict| {
            let same = self.checks.iter().filter(|it| it.verdict == verdict);
            same.count()
        };
        write!(
            formatter,
            "{} passed, {} failed, {} not applicable, {} not observed in {:.1} s",
            count(Verdict::Pass),
            count(Verdict::Fail),
            count(Verdict::NotApplicable),
            count(Verdict::NotObserved),
            self.seconds
        )
    }
}
