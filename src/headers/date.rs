//! Dates of HTTP (RFC 9110, 5.6.7).

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];
const DAY: u64 = 86_400;
/// The end of the year 9999.
const LATEST: u64 = 253_402_300_799;

/// Returns the seconds from the beginning of 1970 to a date of one of the three forms of RFC 9110;
/// 0 for dates before. `now` decides about the century of a year of two digits.
pub(super) fn seconds(date: &str, now: u64) -> Option<u64> {
    let words = date.split([' ', ',', '-']);
    let mut words = words.filter(|word| !word.is_empty());
    let (_weekday, second, third) = (words.next()?, words.next()?, words.next()?);
    let (fourth, fifth) = (words.next()?, words.next()?);
    let (day, month, year, time) = match words.next() {
        // `Sun, 06 Nov 1994 08:49:37 GMT` or `Sunday, 06-Nov-94 08:49:37 GMT`
        Some("GMT") => (second, third, fourth, fifth),
        Some(_) => return None,
        // `Sun Nov  6 08:49:37 1994`
        None => (third, second, fifth, fourth),
    };
    if words.next().is_some() {
        return None;
    }
    let month = MONTHS.iter().position(|name| *name == month)? as u64;
    let day = number(day, 31)?.checked_sub(1)?;
    let year = match (year.len(), number(year, 9999)?) {
        (2, year) => with_century(year, now),
        (4, year) => year,
        _ => return None,
    };
    let mut parts = time.split(':');
    let (hour, minute, second) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    // A leap second is the 60th.
    let (hour, minute, second) = (number(hour, 23)?, number(minute, 59)?, number(second, 60)?);
    let time = (days_before(year, month) + day) * DAY + hour * 3600 + minute * 60 + second;
    Some(time.saturating_sub(days_before(1970, 0) * DAY))
}

/// A year of two digits is at most 50 years in the future, and less than 50 in the past.
const fn with_century(year: u64, now: u64) -> u64 {
    let now = if now < LATEST { now } else { LATEST };
    let this_year = 1970 + now / DAY * 400 / 146_097;
    let year = this_year / 100 * 100 + year;
    if year > this_year + 50 {
        year - 100
    } else if year + 50 <= this_year {
        year + 100
    } else {
        year
    }
}

/// Returns the days before a month, in the Gregorian calendar, plus the same number for all.
const fn days_before(year: u64, month: u64) -> u64 {
    // A year that begins in March ends with the leap day. The calendar repeats after 400 years.
    let (year, month) = match month {
        0 | 1 => (year + 399, month + 10),
        _ => (year + 400, month - 2),
    };
    365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5
}

fn number(digits: &str, max: u64) -> Option<u64> {
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits.parse().ok().filter(|_| is_number)?;
    (number <= max).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_796_000_000; // in November 2026

    #[test]
    fn the_three_forms_of_a_date_are_the_same_time() {
        for date in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(seconds(date, NOW), Some(784_111_777), "{date}");
        }
    }

    #[test]
    fn days_are_counted_over_leap_years() {
        for (date, expected) in [
            ("Mon, 01 Jan 0000 00:00:00 GMT", 0),
            ("Wed, 31 Dec 1969 23:59:59 GMT", 0),
            ("Thu, 01 Jan 1970 00:00:01 GMT", 1),
            ("Thu, 29 Feb 1996 00:00:00 GMT", 825_552_000),
            ("Fri, 01 Mar 1996 00:00:00 GMT", 825_638_400),
            ("Tue, 29 Feb 2000 23:59:59 GMT", 951_868_799),
            ("Wed, 01 Mar 2000 00:00:00 GMT", 951_868_800),
            ("Mon, 01 Mar 2100 00:00:00 GMT", 4_107_542_400),
            ("Fri, 31 Dec 9999 23:59:60 GMT", 253_402_300_800),
        ] {
            assert_eq!(seconds(date, NOW), Some(expected), "{date}");
        }
    }

    #[test]
    fn a_year_of_two_digits_is_near() {
        let year = |date| seconds(date, NOW).map(|time| 1970 + time / 31_556_952);
        assert_eq!(year("Sunday, 06-Nov-26 08:49:37 GMT"), Some(2026));
        assert_eq!(year("Sunday, 06-Nov-76 08:49:37 GMT"), Some(2076));
        assert_eq!(year("Sunday, 06-Nov-77 08:49:37 GMT"), Some(1977));
        let first = "Saturday, 01-Jan-00 00:00:07 GMT";
        assert_eq!(seconds(first, 946_684_799), Some(946_684_807));
        assert!(seconds(first, u64::MAX).is_some());
    }

    #[test]
    fn what_is_no_date_is_none() {
        for date in [
            "",
            "tomorrow",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 06 Nov 1994 08:49:37 GMT x",
            "Sun, 00 Nov 1994 08:49:37 GMT",
            "Sun, 32 Nov 1994 08:49:37 GMT",
            "Sun, 06 nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 994 08:49:37 GMT",
            "Sun, 06 Nov 19940 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:00:00 GMT",
            "Sun, 06 Nov 1994 08:60:00 GMT",
            "Sun, 06 Nov 1994 08:49:61 GMT",
            "Sun, 06 Nov 1994 08:49 GMT",
            "Sun, 06 Nov 1994 08:49:37:1 GMT",
            "Sun, +6 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov +994 08:49:37 GMT",
            "Sun, 99999999999999999999 Nov 1994 08:49:37 GMT",
        ] {
            assert_eq!(seconds(date, NOW), None, "{date}");
        }
    }
}
