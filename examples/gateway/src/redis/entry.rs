//! What an entry of the log in Redis says.

use std::str;

use crate::auth::Rights;
use crate::event::Event;
use crate::names;

/// The longest data of an event, in bytes: as long as a body can make them.
const MAX_DATA: usize = 64 << 10;

/// What an entry says.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Entry<'a> {
    Event(Event<'a>),
    /// An epoch has begun.
    Epoch,
    /// All tokens of a user are void that were issued before a time, in seconds since 1970.
    Logout {
        user: &'a str,
        at: f64,
    },
    /// The streams of a user last until a time, in seconds since 1970, if it may still read their topics.
    Renewal {
        user: &'a str,
        rights: Rights,
        at: f64,
    },
}

/// The error of an entry that no gateway has made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed;

impl<'a> Entry<'a> {
    /// Parses the fields of an entry: names and values in turn.
    pub(super) fn parse(fields: &'a [Vec<u8>]) -> Result<Self, Malformed> {
        let get = |name: &str| {
            let mut fields = fields.chunks_exact(2);
            let value = fields.find(|field| field[0] == name.as_bytes());
            value
                .map(|field| str::from_utf8(&field[1]))
                .transpose()
                .map_err(|_| Malformed)
        };
        let name_of = |what, name| get(name)?.map(|value| check(what, value)).transpose();
        let user = || name_of("user", "u")?.ok_or(Malformed);
        let at = || {
            let at: f64 = get("at")?.and_then(|at| at.parse().ok()).ok_or(Malformed)?;
            at.is_finite().then_some(at).ok_or(Malformed)
        };
        match get("c")? {
            Some("epoch") => Ok(Self::Epoch),
            Some("logout") => Ok(Self::Logout {
                user: user()?,
                at: at()?,
            }),
            Some("renew") => {
                let rights = get("r")?.ok_or(Malformed)?;
                Ok(Self::Renewal {
                    user: user()?,
                    rights: serde_json::from_str(rights).map_err(|_| Malformed)?,
                    at: at()?,
                })
            }
            Some(_) => Err(Malformed),
            None => {
                let event_type = get("e")?;
                if let Some(name) = event_type {
                    names::event_type(name).map_err(|_| Malformed)?;
                }
                let data = get("d")?.filter(|data| data.len() <= MAX_DATA);
                let event = Event {
                    topic: name_of("topic", "t")?.ok_or(Malformed)?,
                    user: name_of("user", "u")?,
                    event_type,
                    data: data.ok_or(Malformed)?,
                };
                let is_possible = !event.is_last() || event.user.is_none();
                is_possible.then_some(Self::Event(event)).ok_or(Malformed)
            }
        }
    }
}

fn check<'a>(what: &str, name: &'a str) -> Result<&'a str, Malformed> {
    names::check(what, name)
        .map(|()| name)
        .map_err(|_| Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(fields: &[&str]) -> Vec<Vec<u8>> {
        fields
            .iter()
            .map(|field| field.as_bytes().to_vec())
            .collect()
    }

    #[test]
    fn an_event_is_read_as_it_was_written() {
        for event in [
            Event {
                topic: "news",
                user: None,
                event_type: None,
                data: "",
            },
            Event {
                topic: "t",
                user: Some("ann"),
                event_type: Some("x"),
                data: "a\nb",
            },
            Event {
                topic: "t",
                user: None,
                event_type: Some("done"),
                data: "é",
            },
        ] {
            let written: Vec<_> = event
                .fields()
                .flat_map(|(name, value)| [name, value])
                .collect();
            assert_eq!(Entry::parse(&fields(&written)), Ok(Entry::Event(event)));
        }
    }

    #[test]
    fn what_no_gateway_has_written_is_malformed() {
        for wrong in [
            &[][..],
            &["t", "news"],
            &["d", "x"],
            &["t", "", "d", "x"],
            &["t", "a\nb", "d", "x"],
            &["t", "news", "d"],
            &["t", "news", "d", "x", "e", "gap"],
            &["t", "news", "d", "x", "e", "a\nid: 1"],
            &["t", "news", "d", "x", "u", ""],
            &["t", "news", "d", "x", "u", "ann", "e", "done"],
            &["c", "no"],
            &["c", "logout", "u", "ann"],
            &["c", "logout", "u", "ann", "at", "NaN"],
            &["c", "logout", "at", "1"],
            &["c", "renew", "u", "ann", "at", "1"],
            &["c", "renew", "u", "ann", "at", "1", "r", "x"],
        ] {
            assert_eq!(Entry::parse(&fields(wrong)), Err(Malformed), "{wrong:?}");
        }
        let long = "x".repeat(MAX_DATA + 1);
        assert_eq!(
            Entry::parse(&fields(&["t", "news", "d", &long])),
            Err(Malformed)
        );
        let not_text = [
            b"t".to_vec(),
            b"\xff".to_vec(),
            b"d".to_vec(),
            b"x".to_vec(),
        ];
        assert_eq!(Entry::parse(&not_text), Err(Malformed));
    }
}
