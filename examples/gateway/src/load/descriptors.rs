//! The limit of open files, which a connection each needs.

use super::{Failure, Options};

/// For everything but the subscribers: publishers, metrics, the runtime, standard streams.
const OTHERS: u64 = 64;

/// Raises the soft limit as far as needed.
///
/// # Errors
///
/// If the hard limit is too small; the error reports how many are needed.
pub(super) fn ensure(options: &Options) -> Result<(), Failure> {
    // At the highest rate.
    let publishers = u64::from(options.publishers(u32::MAX));
    ensure_count(u64::from(options.subscribers()) + publishers + OTHERS)
}

/// Raises the soft limit to `needed`.
pub(super) fn ensure_count(needed: u64) -> Result<(), Failure> {
    let available = rlimit::increase_nofile_limit(needed)
        .map_err(|error| format!("the limit of open files cannot be read: {error}"))?;
    if available >= needed {
        return Ok(());
    }
    let advice = "raise it with `ulimit -Hn` as root, LimitNOFILE= of systemd, or limits.conf";
    Err(
        format!("{needed} open files are needed, and the hard limit is {available}: {advice}")
            .into(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_impossible_number_is_an_error_with_that_number() {
        assert!(ensure_count(8).is_ok());
        let error = ensure_count(1 << 40).unwrap_err().to_string();
        assert!(
            error.starts_with("1099511627776 open files are needed"),
            "{error}"
        );
    }
}
