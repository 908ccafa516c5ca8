//! What the figures were taken with.

use std::time::SystemTime;

use crate::decoders;
use crate::encoders;
use crate::rounds::Budget;

/// The features of sse-wire that the contenders are built with: the default ones, and those of the adapters.
const FEATURES: &str = "std, simd (both default), stream, tokio";

const LOCK: &str = include_str!("../../../Cargo.lock");

/// Lines that head each output: a name and a value.
pub(crate) fn header(budget: &Budget) -> Vec<(&'static str, String)> {
    vec![
        ("date", date()),
        ("processor", processor()),
        ("compiler", env!("RUSTC_VERSION").to_owned()),
        ("profile", profile().to_owned()),
        ("features of sse-wire", FEATURES.to_owned()),
        ("size of a stream", format!("{} MiB", budget.stream >> 20)),
        ("rounds", format!("up to {}", budget.rounds)),
        ("versions", versions()),
    ]
}

fn date() -> String {
    let now = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    now.split('T').next().unwrap_or_default().to_owned()
}

fn processor() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let mut lines = info.lines().filter(|line| line.starts_with(name));
        let (_, value) = lines.next()?.split_once(':')?;
        Some(value.trim().to_owned())
    };
    let name = field("model name").unwrap_or_else(|| "unknown".to_owned());
    match (field("cpu family"), field("model\t")) {
        (Some(family), Some(model)) => format!("{name} (family {family}, model {model})"),
        _ => name,
    }
}

const fn profile() -> &'static str {
    match env!("BUILD_PROFILE").as_bytes() {
        b"debug" => "debug: the figures mean nothing",
        _ => env!("BUILD_PROFILE"),
    }
}

fn versions() -> String {
    let decoders = decoders::contenders();
    let encoders = encoders::contenders();
    let packages = decoders.iter().map(|contender| contender.package);
    let mut packages: Vec<_> = packages
        .chain(encoders.iter().map(|contender| contender.package))
        .filter(|package| !package.is_empty())
        .collect();
    packages.sort_unstable();
    packages.dedup();
    let versions: Vec<_> = packages
        .iter()
        .map(|package| format!("{package} {}", version(package)))
        .collect();
    versions.join(", ")
}

/// The version that Cargo.lock chose; of several, the last.
pub(crate) fn version(package: &str) -> &'static str {
    let entry = format!("\nname = \"{package}\"\nversion = \"");
    let version = LOCK.rsplit_once(&*entry).map(|(_, rest)| rest);
    version
        .and_then(|rest| rest.split('"').next())
        .unwrap_or("?")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_contender_has_a_version() {
        let versions = versions();
        assert!(versions.contains("sse-wire 0."), "{versions}");
        assert!(!versions.contains('?'), "{versions}");
        assert_eq!(version("no such crate"), "?");
    }
}
