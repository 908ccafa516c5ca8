//! Reads the parameters of /events, and accepts no others.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use percent_encoding::percent_decode_str;

use crate::hub::Filter;
use crate::names::{self, MAX_TOPICS};
use crate::refusal::Refusal;

/// The parameters besides `topic`, each at most once.
const OTHERS: [&str; 5] = ["user", "last_event_id", "ticket", "checkpoint", "busy"];

/// The parameters of a subscription.
#[derive(Debug)]
pub struct Query {
    /// The topics and the user.
    pub filter: Filter,
    /// Where to continue, if the request has no header `Last-Event-ID`.
    pub last_event_id: Option<String>,
    /// What authenticates the request, besides headers and cookies.
    pub ticket: Option<String>,
    /// Whether checkpoints are events, for a page that watches them.
    pub has_visible_checkpoints: bool,
    /// How the client learns that there are too many streams, if it says.
    pub busy: Option<Busy>,
}

/// How a client learns that there are too many streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Busy {
    /// By an event, since an `EventSource` gives up after any status but 200.
    Event,
    /// By the status 503.
    Status,
}

impl Query {
    /// Parses the query of a URL.
    pub fn parse(query: &str) -> Result<Self, Refusal> {
        let mut topics = BTreeSet::new();
        let mut others = BTreeMap::new();
        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let (name, value) = (decode(name, "a name")?, decode(value, name)?);
            let is_new = if name == "topic" {
                names::check("topic", &value)?;
                topics.insert(value.into_owned())
            } else if let Some(known) = OTHERS.iter().find(|known| **known == name) {
                others.insert(*known, value.into_owned()).is_none()
            } else {
                let others = OTHERS.join(", ");
                let reason = format!("unknown parameter {name:?}; there are topic, {others}");
                return Err(Refusal::bad_request(reason));
            };
            if !is_new {
                let what = if name == "topic" {
                    " with the same value"
                } else {
                    ""
                };
                let reason = format!("the parameter {name} is there twice{what}");
                return Err(Refusal::bad_request(reason));
            }
        }
        if topics.is_empty() || topics.len() > MAX_TOPICS {
            let count = topics.len();
            let reason =
                format!("{count} topics; subscribe to 1 to {MAX_TOPICS}: ?topic=a&topic=b");
            return Err(Refusal::bad_request(reason));
        }
        let user = others.remove("user");
        if let Some(user) = &user {
            names::check("user", user)?;
        }
        let filter = Filter {
            topics: topics.into_iter().map(Into::into).collect(),
            user: user.map(Into::into),
        };
        let one_of = |name, all: &[&str]| match others.get(name) {
            None => Ok(None),
            Some(value) => {
                let position = all.iter().position(|it| it == value);
                let refusal = || {
                    let all = all.join(" or ");
                    Refusal::bad_request(format!("{name} {value:?} is not {all}"))
                };
                position.map(Some).ok_or_else(refusal)
            }
        };
        let busy = one_of("busy", &["event", "503"])?;
        let checkpoint = one_of("checkpoint", &["event"])?;
        Ok(Self {
            filter,
            busy: busy.map(|busy| [Busy::Event, Busy::Status][busy]),
            has_visible_checkpoints: checkpoint.is_some(),
            last_event_id: others.remove("last_event_id"),
            ticket: others.remove("ticket"),
        })
    }
}

/// Decodes a part of a query as forms encode it.
fn decode<'a>(text: &'a str, name: &str) -> Result<Cow<'a, str>, Refusal> {
    let invalid = |_| Refusal::bad_request(format!("{name} is not UTF-8"));
    if !text.contains('+') {
        return percent_decode_str(text).decode_utf8().map_err(invalid);
    }
    let spaces = text.replace('+', " ");
    let decoded = percent_decode_str(&spaces).decode_utf8().map_err(invalid)?;
    Ok(Cow::Owned(decoded.into_owned()))
}
