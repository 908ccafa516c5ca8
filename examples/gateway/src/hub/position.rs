//! Where an event is in the log, and what IDs say about it.

use std::fmt;

/// The position of an event in its epoch.
///
/// In memory it is a number. In Redis it is the ID of the entry: milliseconds, and a number that
/// distinguishes the entries of one millisecond.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The milliseconds since 1970; 0 in memory.
    pub milliseconds: u64,
    /// The number.
    pub sequence: u64,
}

/// Why a stream cannot continue where the subscriber was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Gap {
    /// Events after the last event ID were evicted from the log.
    Expired,
    /// No event has this ID.
    Unknown,
    /// The ID is of another epoch, the one before a restart for example.
    OtherEpoch,
    /// The ID is not an epoch and a position.
    Malformed,
    /// Redis was restarted, and may have lost events, since it does not write each to disk at once.
    Restarted,
    /// Another Redis has taken over, which may lack the newest events.
    Failover,
    /// Redis no longer has an event that this server has received.
    Lost,
    /// The log was deleted.
    Deleted,
}

impl Position {
    /// Parses a position as it is displayed; nothing else is one.
    pub fn parse(text: &str) -> Option<Self> {
        let number = |digits: &str| {
            let is_number = digits.bytes().all(|byte| byte.is_ascii_digit())
                && (digits == "0" || !digits.starts_with('0'));
            is_number.then(|| digits.parse().ok()).flatten()
        };
        let (milliseconds, sequence) = match text.split_once('-') {
            Some((milliseconds, sequence)) => (number(milliseconds)?, number(sequence)?),
            None => (0, number(text)?),
        };
        let position = Self {
            milliseconds,
            sequence,
        };
        (text.contains('-') == (milliseconds > 0)).then_some(position)
    }

    /// Returns the position of the next event in memory.
    pub(super) const fn next(self) -> Self {
        let sequence = self.sequence + 1;
        Self { sequence, ..self }
    }

    /// Returns the position of the previous event in memory.
    pub(super) const fn previous(self) -> Self {
        let sequence = self.sequence.saturating_sub(1);
        Self { sequence, ..self }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.milliseconds > 0 {
            write!(formatter, "{}-", self.milliseconds)?;
        }
        write!(formatter, "{}", self.sequence)
    }
}

/// Splits an ID into an epoch, which is as long as `own`, and a position.
pub fn parse_id<'a>(id: &'a str, own: &str) -> Option<(&'a str, Position)> {
    let (epoch, position) = id.split_once('.')?;
    let is_epoch = epoch.len() == own.len() && epoch.bytes().all(|byte| byte.is_ascii_hexdigit());
    Some((is_epoch.then_some(epoch)?, Position::parse(position)?))
}

impl Gap {
    /// All reasons.
    const ALL: [Self; 8] = [
        Self::Expired,
        Self::Unknown,
        Self::OtherEpoch,
        Self::Malformed,
        Self::Restarted,
        Self::Failover,
        Self::Lost,
        Self::Deleted,
    ];

    /// Returns the reason as it is sent.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Unknown => "unknown",
            Self::OtherEpoch => "other-epoch",
            Self::Malformed => "malformed",
            Self::Restarted => "restarted",
            Self::Failover => "failover",
            Self::Lost => "lost",
            Self::Deleted => "deleted",
        }
    }

    /// Returns the gap with a reason as it is sent.
    pub fn of_reason(reason: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|gap| gap.reason() == reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_parsed_as_it_is_displayed() {
        for text in [
            "0",
            "7",
            "18446744073709551615",
            "1700000000000-0",
            "1-18446744073709551615",
        ] {
            assert_eq!(
                Position::parse(text).map(|it| it.to_string()).as_deref(),
                Some(text)
            );
        }
        for text in [
            "",
            "-",
            "7-",
            "-7",
            "07",
            "7-01",
            "0-7",
            "+7",
            "1-2-3",
            "18446744073709551616",
            "x",
            "1 ",
        ] {
            assert_eq!(Position::parse(text), None, "{text}");
        }
        assert!(Position::parse("9-1") < Position::parse("10-0"));
        assert!(Position::parse("9-9") < Position::parse("9-10"));
    }

    #[test]
    fn an_id_is_an_epoch_and_a_position() {
        assert!(parse_id("ab.1", "00").is_some());
        for id in ["ab.", "abc.1", "xy.1", ".1", "ab1", "ab.1.2", ""] {
            assert_eq!(parse_id(id, "00"), None, "{id}");
        }
    }
}
