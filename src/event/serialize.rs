//! Events as `serde` sees them: the names of the DOM's `MessageEvent`.

use alloc::string::String;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Event, MESSAGE, OwnedEvent};
use crate::value::{EventType, LastEventId};

/// What is serialized of an event.
#[derive(Serialize)]
#[serde(rename = "MessageEvent", rename_all = "camelCase")]
struct Fields<'a> {
    #[serde(rename = "type")]
    event_type: &'a str,
    data: &'a str,
    last_event_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
}

/// What an event is deserialized from.
#[derive(Deserialize)]
#[serde(rename = "MessageEvent", rename_all = "camelCase")]
struct OwnedFields {
    #[serde(rename = "type")]
    event_type: Option<String>,
    data: String,
    last_event_id: Option<String>,
    id: Option<String>,
}

/// Serializes the event with the names of the DOM's `MessageEvent`: `type`, `data`, `lastEventId`,
/// and `id` if the event's own block has one.
///
/// ```
/// use sse_wire::{LastEventId, OwnedEvent};
///
/// let event = OwnedEvent::message("hello").with_id(LastEventId::from_static("7"));
/// let serialized = serde_json::to_string(&event.as_event()).expect("it has strings only");
/// let expected = r#"{"type":"message","data":"hello","lastEventId":"7","id":"7"}"#;
/// assert_eq!(serialized, expected);
/// ```
#[cfg_attr(docsrs, doc(cfg(feature = "serde")))]
impl Serialize for Event<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let fields = Fields {
            event_type: self.event_type(),
            data: self.data(),
            last_event_id: self.last_event_id(),
            id: self.id(),
        };
        fields.serialize(serializer)
    }
}

/// Serializes the event as [`Event`] does.
#[cfg_attr(docsrs, doc(cfg(feature = "serde")))]
impl Serialize for OwnedEvent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.as_event().serialize(serializer)
    }
}

/// Deserializes an event from the names of the DOM's `MessageEvent`.
///
/// Only `data` is required. `type` is `message` by default, and `lastEventId` is `id`, or empty.
/// Unknown fields are ignored.
///
/// ```
/// use sse_wire::OwnedEvent;
///
/// let event: OwnedEvent = serde_json::from_str(r#"{"data":"hello"}"#)?;
/// assert_eq!(event, OwnedEvent::message("hello"));
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// # Errors
///
/// The errors of [`EventType::new`] for `type`, and the errors of [`LastEventId::new`] for
/// `lastEventId` and `id`, which must be equal if both are given.
#[cfg_attr(docsrs, doc(cfg(feature = "serde")))]
impl<'de> Deserialize<'de> for OwnedEvent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = OwnedFields::deserialize(deserializer)?;
        let event_type = fields.event_type.as_deref().unwrap_or(MESSAGE);
        let event_type = EventType::new(event_type).map_err(Error::custom)?;
        let id = fields.id.as_deref();
        let last_event_id = fields.last_event_id.as_deref().or(id).unwrap_or_default();
        let last_event_id = LastEventId::new(last_event_id).map_err(Error::custom)?;
        if id.is_some_and(|id| id != last_event_id.as_str()) {
            return Err(Error::custom("`id` differs from `lastEventId`"));
        }
        let event = Event::new(
            event_type.as_str(),
            &fields.data,
            last_event_id.as_str().as_bytes(),
            id.is_some(),
        );
        Ok(event.into_owned())
    }
}
