//! Headers that the user of a command adds to its requests.

use hyper::header::{HeaderMap, HeaderName, HeaderValue};

/// A header of a request.
pub(crate) type Header = (HeaderName, HeaderValue);

/// Parses `Name: value`.
pub(crate) fn parse(text: &str) -> Result<Header, String> {
    let (name, value) = text
        .split_once(':')
        .ok_or_else(|| format!("header {text:?} has no colon"))?;
    header(name.trim(), value.trim())
}

/// Validates the two parts of a header.
pub(crate) fn header(name: &str, value: &str) -> Result<Header, String> {
    let parsed_name = name
        .parse()
        .map_err(|_| format!("invalid header name {name:?}"))?;
    // Not `from_str`, which rejects what is not ASCII: an ID is sent as UTF-8.
    let parsed_value = HeaderValue::from_bytes(value.as_bytes())
        .map_err(|_| format!("invalid value of the header {name}"))?;
    Ok((parsed_name, parsed_value))
}

/// Adds headers to a request, in place of those that have the same names.
pub(crate) fn replace(map: &mut HeaderMap, headers: &[Header]) {
    for (name, _) in headers {
        map.remove(name);
    }
    for (name, value) in headers {
        map.append(name, value.clone());
    }
}
