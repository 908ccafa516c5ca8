//! Checks a server against the contract of a good event stream.

mod catalog;
mod compression;
mod connection;
mod cookies;
mod delivery;
mod evidence;
mod finding;
mod format;
mod ids;
mod lines;
mod observe;
mod options;
mod post;
mod record;
mod report;
mod response;
mod resumption;
mod silence;
mod target;

use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;

use tokio::runtime::Builder;
use tokio::time::Instant;

use catalog::CHECKS;
pub use options::{Error, Options};
pub use report::{Outcome, Report, Verdict};

/// Makes the requests, and returns the verdicts.
///
/// # Errors
///
/// [`Error`] if the options are wrong, or if the server cannot be connected to.
pub async fn check(options: &Options) -> Result<Report, Error> {
    check_with(options, |_| {}).await
}

/// The same; `progress` receives what the run waits for.
async fn check_with(options: &Options, progress: fn(&str)) -> Result<Report, Error> {
    let (url, plan) = options.plan(progress)?;
    let started = Instant::now();
    let evidence = plan.run().await;
    let evidence = evidence.map_err(|error| Error::NoConnection(format!("{url}: {error}")))?;
    let checks: Vec<_> = CHECKS
        .iter()
        .map(|check| {
            let finding = check.judge(&evidence);
            Outcome {
                name: check.name,
                verdict: finding.verdict,
                evidence: finding.evidence,
                advice: finding.advice,
                required: options.require.iter().any(|name| name == check.name),
            }
        })
        .collect();
    Ok(Report {
        url,
        seconds: started.elapsed().as_secs_f64(),
        passed: !checks.iter().any(Outcome::has_failed),
        checks,
    })
}

/// Returns the name of each check, and what it checks.
pub fn list() -> impl Iterator<Item = (&'static str, &'static str)> {
    CHECKS.iter().map(|check| (check.name, check.about))
}

/// Runs the checks and prints their verdicts.
///
/// The exit code is 0 if no check has failed, 1 if one has, and 2 if the options are wrong or the
/// server cannot be connected to.
pub fn run(options: &Options) -> ExitCode {
    if options.list {
        let lines = list().map(|(name, about)| format!("{name:18}  {about}\n"));
        return print(&lines.collect::<String>(), ExitCode::SUCCESS);
    }
    let progress: fn(&str) = if io::stderr().is_terminal() {
        |waiting_for| eprintln!("waiting for {waiting_for}")
    } else {
        |_| {}
    };
    let runtime = Builder::new_current_thread().enable_all().build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(check_with(options, progress)),
        Err(error) => Err(Error::Runtime(error.to_string())),
    };
    let report = match result {
        Ok(report) => report,
        Err(error) => {
            eprintln!("gateway check: {error}");
            return ExitCode::from(2);
        }
    };
    let text = if options.json {
        serde_json::to_string_pretty(&report).unwrap_or_default()
    } else {
        report.to_string()
    };
    let code = ExitCode::from(u8::from(!report.passed));
    print(&format!("{text}\n"), code)
}

/// Prints, and returns `code`: a reader that has gone, as `head` does, is not an error.
fn print(text: &str, code: ExitCode) -> ExitCode {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            eprintln!("gateway check: {error}");
            ExitCode::from(2)
        }
        _ => code,
    }
}
