//! The values of options: a duration, and a share.

use std::str::FromStr;
use std::time::Duration;

/// A share of the subscribers, such as `1%`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share(f64);

impl Share {
    /// Returns how many of `total` this share is: at least one, unless the share is zero.
    pub(super) fn of(self, total: u32) -> u32 {
        let exact = f64::from(total) * self.0 / 100.0;
        (1..=total)
            .take_while(|&n| f64::from(n) < exact + 1.0 && self.0 > 0.0)
            .last()
            .unwrap_or(0)
    }
}

impl FromStr for Share {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let percent = text
            .strip_suffix('%')
            .ok_or("a share ends with %, such as 1%")?;
        match percent.parse() {
            Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(Self(percent)),
            _ => Err("a share is between 0% and 100%"),
        }
    }
}

/// Parses a duration in milliseconds or seconds.
pub(super) fn duration(text: &str) -> Result<Duration, &'static str> {
    let (number, unit) = match text.strip_suffix("ms") {
        Some(number) => (number, 1_000.0),
        None => (
            text.strip_suffix('s')
                .ok_or("a duration ends with ms or s")?,
            1.0,
        ),
    };
    let number: f64 = number
        .parse()
        .map_err(|_| "a duration begins with a number")?;
    Duration::try_from_secs_f64(number / unit).map_err(|_| "the duration is not possible")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_rounded_up() {
        let share = |text: &str, total| text.parse().map(|share: Share| share.of(total));
        assert_eq!(share("1%", 500), Ok(5));
        assert_eq!(share("1%", 20), Ok(1));
        assert_eq!(share("0%", 20), Ok(0));
        assert_eq!(share("50%", 3), Ok(2));
        assert_eq!(share("100%", 3), Ok(3));
        assert!(share("101%", 3).is_err() && share("1", 3).is_err());
    }

    #[test]
    fn a_duration_has_a_unit() {
        assert_eq!(duration("50ms"), Ok(Duration::from_millis(50)));
        assert_eq!(duration("1.5s"), Ok(Duration::from_millis(1_500)));
        assert!(duration("50").is_err() && duration("-1s").is_err() && duration("s").is_err());
    }
}
