//! Which responses are compressed: streams whose client accepts gzip, as many as have memory for it.

use axum::http::{Extensions, HeaderMap, StatusCode, Version, header};
use axum::response::Response;
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;

/// Marks a response that may be compressed.
#[derive(Debug, Clone, Copy)]
struct Allowed;

/// Returns the layer that compresses responses that [`allow`] marks. It flushes when nothing more can be
/// read at the moment, and so holds no event back.
pub fn layer() -> CompressionLayer<impl tower_http::compression::Predicate> {
    let is_allowed = |_: StatusCode, _: Version, _: &HeaderMap, extensions: &Extensions| {
        extensions.get::<Allowed>().is_some()
    };
    CompressionLayer::new()
        .quality(CompressionLevel::Fastest)
        .compress_when(is_allowed)
}

/// Lets a response be compressed.
pub fn allow(response: &mut Response) {
    response.extensions_mut().insert(Allowed);
}

/// Returns whether the client accepts gzip (RFC 9110, 12.5.3).
pub fn is_accepted(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT_ENCODING).into_iter();
    let values = values.filter_map(|value| value.to_str().ok());
    let mut codings = values.flat_map(|value| value.split(','));
    codings.any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let weight = weight.trim().strip_prefix("q=").unwrap_or("1");
        name.trim().eq_ignore_ascii_case("gzip") && weight.parse().is_ok_and(|q: f32| q > 0.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_accepted_unless_its_weight_is_zero() {
        let is_accepted = |value: &str| {
            let name = header::ACCEPT_ENCODING;
            is_accepted(&[(name, value.parse().unwrap())].into_iter().collect())
        };
        for value in [
            "gzip",
            "GZIP",
            "br, gzip",
            "gzip;q=0.5",
            "deflate, gzip; q=1.0, br",
        ] {
            assert!(is_accepted(value), "{value}");
        }
        for value in [
            "",
            "br",
            "gzip;q=0",
            "gzip; q=0.000",
            "identity",
            "x-gzip-2",
            "gzip;q=x",
        ] {
            assert!(!is_accepted(value), "{value}");
        }
        assert!(!super::is_accepted(&HeaderMap::new()));
    }
}
