//! The durations of options.

use std::time::Duration;

/// A timer counts no further, on any platform.
const MAX: Duration = Duration::from_secs(366 * 86_400);

/// Parses a duration, such as `500ms`, `1.5s`, `10m` or `1h`; a zero needs no unit.
///
/// # Errors
///
/// It has no unit, or is negative or longer than a year.
pub fn parse(text: &str) -> Result<Duration, String> {
    let invalid =
        || format!("{text:?} is not a duration; write 500ms, 15s, 10m or 1h, at most a year");
    let is_of_number = |character: char| character.is_ascii_digit() || character == '.';
    let unit = text.trim_start_matches(is_of_number);
    let number = text.strip_suffix(unit).unwrap_or_default();
    let number: f64 = number.parse().map_err(|_| invalid())?;
    let seconds = match unit {
        "" if number == 0.0 => 0.0,
        "ms" => number / 1e3,
        "s" => number,
        "m" => number * 60.0,
        "h" => number * 3600.0,
        _ => return Err(invalid()),
    };
    let duration = Duration::try_from_secs_f64(seconds).ok();
    duration
        .filter(|duration| *duration <= MAX)
        .ok_or_else(invalid)
}

/// Parses a duration that is not zero.
///
/// # Errors
///
/// The errors of [`parse`], and zero.
pub fn parse_positive(text: &str) -> Result<Duration, String> {
    let duration = parse(text)?;
    let is_positive = !duration.is_zero();
    is_positive
        .then_some(duration)
        .ok_or_else(|| "must be more than zero".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_has_a_number_and_a_unit() {
        for (text, millis) in [
            ("0", 0),
            ("0s", 0),
            ("50ms", 50),
            ("1.5s", 1500),
            ("10m", 600_000),
            ("1h", 3_600_000),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(millis)), "{text}");
            assert_eq!(parse_positive(text).is_ok(), millis > 0, "{text}");
        }
        for text in [
            "", "5", "s", "-1s", "+1s", "1.2.3s", "1 s", "1d", "9999999h", "inf", "NaNs", "1e3s",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
