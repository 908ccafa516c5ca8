//! The parameters of a stream.

use core::time::Duration;

use serde_json::Value;
use sse_wire::client::{Backoff, EventSource, Policy};

pub(crate) struct Parameters {
    pub(crate) stream_url: String,
    pub(crate) callback_url: String,
    pub(crate) tag: String,
    pub(crate) method: reqwest::Method,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Option<String>,
    pub(crate) source: EventSource,
}

impl Parameters {
    pub(crate) fn parse(json: &[u8]) -> Result<Self, String> {
        let json: Value = serde_json::from_slice(json).map_err(|error| error.to_string())?;
        let text = |name: &str| match &json[name] {
            Value::Null => Ok(None),
            Value::String(text) => Ok(Some(text.clone())),
            other => Err(format!("{name} is not a string: {other}")),
        };
        let url = |name: &str| {
            let url = text(name)?.ok_or_else(|| format!("{name} is missing"))?;
            let parsed = reqwest::Url::parse(&url).map_err(|error| format!("{name}: {error}"))?;
            match parsed.scheme() {
                "http" | "https" => Ok::<_, String>(url),
                other => Err(format!("{name}: {other} is neither http nor https")),
            }
        };
        let time = |name: &str| match &json[name] {
            Value::Null => Ok(None),
            time => {
                let time = time.as_u64().map(Duration::from_millis);
                let error = || format!("{name} is not a number of milliseconds");
                time.map(Some).ok_or_else(error)
            }
        };

        // The tests set the delay, and wait no longer. Without a minimum, a server that ends its
        // streams at once would be asked again and again.
        let mut policy = Policy::new()
            .with_backoff(Backoff::NONE)
            .with_bounds(Duration::from_millis(5), Duration::from_secs(300));
        if let Some(delay) = time("initialDelayMs")? {
            policy = policy.with_reconnection_time(delay);
        }
        if let Some(timeout) = time("readTimeoutMs")? {
            policy = policy.with_idle_timeout(timeout);
        }
        let last_event_id = text("lastEventId")?.unwrap_or_default();
        let source = EventSource::new(1)
            .with_policy(policy)
            .with_last_event_id(&last_event_id)
            .map_err(|error| format!("lastEventId: {error}"))?;
        let method = text("method")?.unwrap_or_else(|| "GET".to_owned());
        let mut headers = reqwest::header::HeaderMap::new();
        let all = match &json["headers"] {
            Value::Null => None,
            headers => Some(headers.as_object().ok_or("headers is not an object")?),
        };
        for (name, value) in all.into_iter().flatten() {
            let name: reqwest::header::HeaderName = name
                .parse()
                .map_err(|error| format!("header {name}: {error}"))?;
            let value = value
                .as_str()
                .ok_or_else(|| format!("header {name} is not a string"))?
                .parse()
                .map_err(|error| format!("header {name}: {error}"))?;
            headers.insert(name, value);
        }
        Ok(Self {
            stream_url: url("streamUrl")?,
            callback_url: url("callbackUrl")?,
            tag: text("tag")?.unwrap_or_default(),
            method: method
                .parse()
                .map_err(|error| format!("method {method}: {error}"))?,
            headers,
            body: text("body")?,
            source,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_ends_its_streams_at_once_is_not_asked_again_and_again() {
        for (delay, least) in [("0", 5), ("7", 7)] {
            let url = "http://localhost/";
            let json = format!(
                r#"{{ "streamUrl": "{url}", "callbackUrl": "{url}", "initialDelayMs": {delay} }}"#
            );
            let parameters = Parameters::parse(json.as_bytes()).expect("they are valid");
            let time = parameters.source.reconnection_time();
            assert_eq!(time, Duration::from_millis(least));
        }
    }
}
