//! The CPU time and the memory of a process, from Linux's `/proc`.

use std::fs;

/// The clock ticks per second of `/proc`, which are 100 for every program.
const TICKS: f64 = 100.0;

/// Returns the user and system time of a process, in seconds; `None` without `/proc`.
pub(crate) fn cpu_seconds(process: u32) -> Option<f64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name, in parentheses, may have spaces.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_whitespace().skip(11);
    let user: u32 = times.next()?.parse().ok()?;
    let system: u32 = times.next()?.parse().ok()?;
    Some((f64::from(user) + f64::from(system)) / TICKS)
}

/// Returns the resident memory of a process, in bytes; `None` without `/proc`.
pub(crate) fn resident_bytes(process: u32) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1_024.0)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::process;
    use std::time::{Duration, Instant};

    #[test]
    fn cpu_time_grows_with_work() {
        let before = cpu_seconds(process::id()).unwrap();
        let begin = Instant::now();
        while cpu_seconds(process::id()).unwrap() < before + 0.05 {
            assert!(
                begin.elapsed() < Duration::from_secs(30),
                "no CPU time was counted"
            );
        }
        assert!(resident_bytes(process::id()).unwrap() > 100_000.0);
    }
}
