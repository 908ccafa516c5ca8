//! A share, as the value of an option.

use std::str::FromStr;

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
}
