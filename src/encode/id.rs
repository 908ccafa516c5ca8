//! The ID of a block, and the digits of numbers.

use core::hash::{Hash, Hasher};
use core::time::Duration;

use crate::value::LastEventId;

/// The ID of a block. A number equals the text of its digits.
#[derive(Debug, Clone, Copy)]
pub(super) enum Id<'a> {
    Text(LastEventId<'a>),
    Number(u64),
}

impl<'a> Id<'a> {
    /// Returns the ID as it is sent; the digits of a number are written to `space`.
    pub(super) fn bytes<'s>(self, space: &'s mut [u8; 20]) -> &'s [u8]
    where
        'a: 's,
    {
        match self {
            Self::Text(id) => id.as_str().as_bytes(),
            Self::Number(number) => digits(number, space),
        }
    }
}

impl PartialEq for Id<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.bytes(&mut [0; 20]) == other.bytes(&mut [0; 20])
    }
}

impl Eq for Id<'_> {}

impl Hash for Id<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.bytes(&mut [0; 20]).hash(state);
    }
}

/// The reconnection time in milliseconds, without the 128-bit arithmetic of `Duration::as_millis`.
pub(super) fn milliseconds(time: Duration) -> u64 {
    time.as_secs()
        .saturating_mul(1000)
        .saturating_add(u64::from(time.subsec_millis()))
}

/// The decimal digits of `number`, written to the end of `digits`.
pub(super) fn digits(mut number: u64, digits: &mut [u8; 20]) -> &[u8] {
    let mut start = digits.len();
    for (index, digit) in digits.iter_mut().enumerate().rev() {
        let value = (number % 10) as u8;
        *digit = b'0' + value;
        start = index;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    digits.get(start..).unwrap_or_default()
}
