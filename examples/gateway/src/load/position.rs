//! The order of event IDs, whichever server sent them.

/// An ID as the gateway writes it: `epoch.sequence`, or `epoch.milliseconds-sequence` with Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Position {
    epoch: u64,
    place: (u64, u64),
}

impl Position {
    /// Parses an ID; `None` if it has another form, whose order is unknown.
    pub(super) fn parse(id: &str) -> Option<Self> {
        let (epoch, place) = id.split_once('.')?;
        let (first, second) = place.split_once('-').unwrap_or((place, "0"));
        Some(Self {
            epoch: u64::from_str_radix(epoch, 16).ok()?,
            place: (first.parse().ok()?, second.parse().ok()?),
        })
    }

    /// Returns whether it may come after `earlier`; positions of two epochs have no order.
    pub(super) fn follows(self, earlier: Option<Self>) -> bool {
        earlier.is_none_or(|earlier| earlier.epoch != self.epoch || earlier.place < self.place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_an_epoch_ascend() {
        let follows = |earlier: &str, later: &str| {
            let later = Position::parse(later).unwrap();
            later.follows(Some(Position::parse(earlier).unwrap()))
        };
        assert!(follows("e.9", "e.10") && !follows("e.10", "e.9") && !follows("e.9", "e.9"));
        assert!(follows("e.9-10", "e.10-0") && follows("e.9-9", "e.9-10"));
        assert!(!follows("e.9-10", "e.9-9") && !follows("e.10-0", "e.9-99"));
        assert!(follows("e.9", "f.1"), "another epoch");
        assert!(Position::parse("e.1").unwrap().follows(None));
        for id in ["", "e", "e.", "x.1", "e.1-", "e.1-2-3", "1732-0"] {
            assert_eq!(Position::parse(id), None, "{id}");
        }
    }
}
