//! The data of an event: who sent it, its sequence number, and when it was to be sent.

/// The bytes of the numbers and the spaces after them.
pub(super) const HEAD: usize = 41;

/// What an event's data begins with, in a fixed width.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Payload {
    /// Tells the events of this run from others on the same topic.
    pub(super) run: u32,
    pub(super) publisher: u32,
    pub(super) sequence: u64,
    /// The intended send time, in nanoseconds since the origin of the run.
    pub(super) intended: u64,
}

impl Payload {
    /// Returns the data, filled up to `size` bytes.
    pub(super) fn to_data(self, size: usize) -> String {
        let Self {
            run,
            publisher,
            sequence,
            intended,
        } = self;
        let head = format!("{run:08x} {publisher:04} {sequence:010} {intended:015} ");
        let filling = size.saturating_sub(head.len());
        head + &"x".repeat(filling)
    }

    /// Parses data of `size` bytes; `None` if it is anything else.
    pub(super) fn parse(data: &[u8], size: usize) -> Option<Self> {
        if data.len() != size {
            return None;
        }
        let head = std::str::from_utf8(data.get(..HEAD)?).ok()?;
        let mut numbers = head.split(' ');
        Some(Self {
            run: u32::from_str_radix(numbers.next()?, 16).ok()?,
            publisher: numbers.next()?.parse().ok()?,
            sequence: numbers.next()?.parse().ok()?,
            intended: numbers.next()?.parse().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_parsed_as_it_was_written() {
        let payload = Payload {
            run: 0xabc,
            publisher: 7,
            sequence: 42,
            intended: 1_000_000_007,
        };
        let data = payload.to_data(200);
        assert_eq!(Payload::parse(data.as_bytes(), 200), Some(payload));
        assert_eq!(payload.to_data(HEAD).len(), HEAD);
        assert_eq!(Payload::parse(&data.as_bytes()[..199], 200), None);
        assert_eq!(Payload::parse(&[b'x'; 200], 200), None);
    }
}
