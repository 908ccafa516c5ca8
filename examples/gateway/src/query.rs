//! Reads the parameters of /events, and accepts no others.

use std::borrow::Cow;
use std::collections::BTreeSet;

use percent_encoding::percent_decode_str;

use crate::hub::Filter;
use crate::names::{self, MAX_TOPICS};
use crate::refusal::Refusal;

/// The parameters of a subscription.
#[derive(Debug)]
pub struct Query {
    /// The topics and the user.
    pub filter: Filter,
    /// Where to continue, if the request has no header `Last-Event-ID`.
    pub last_event_id: Option<String>,
}

impl Query {
    /// Parses the query of a URL.
    pub fn parse(query: &str) -> Result<Self, Refusal> {
        let mut topics = BTreeSet::new();
        let (mut user, mut last_event_id) = (None, None);
        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let (name, value) = (decode(name, "a name")?, decode(value, name)?);
            let is_new = match &*name {
                "topic" => {
                    names::check("topic", &value)?;
                    topics.insert(value.into_owned())
                }
                "user" => {
                    names::check("user", &value)?;
                    user.replace(value).is_none()
                }
                "last_event_id" => last_event_id.replace(value.into_owned()).is_none(),
                _ => {
                    let reason = format!(
                        "unknown parameter {name:?}; there are topic, user and last_event_id"
                    );
                    return Err(Refusal::bad_request(reason));
                }
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
        let filter = Filter {
            topics: topics.into_iter().map(Into::into).collect(),
            user: user.map(Into::into),
        };
        Ok(Self {
            filter,
            last_event_id,
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
