//! The cookies of a run, which are kept as a browser keeps them for an `EventSource`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use hyper::header::{COOKIE, HeaderMap, HeaderValue, SET_COOKIE};

/// The cookies that responses have set, by host and name; clones share them.
///
/// Of their attributes, only `Max-Age=0` counts: a run is short, and its URLs are chosen.
#[derive(Clone, Debug, Default)]
pub(super) struct Cookies(Arc<Mutex<Values>>);

/// By host and name; `None` if a response has removed the cookie.
type Values = BTreeMap<(String, String), Option<String>>;

impl Cookies {
    /// Stores the cookies of a response, and removes those that it removes.
    pub(super) fn store(&self, host: &str, response: &HeaderMap) {
        let mut cookies = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for cookie in response.get_all(SET_COOKIE) {
            let cookie = String::from_utf8_lossy(cookie.as_bytes());
            let (pair, attributes) = cookie.split_once(';').unwrap_or((&cookie, ""));
            let Some((name, value)) = pair.split_once('=') else {
                continue;
            };
            let (name, value) = (name.trim().to_owned(), value.trim());
            let is_removed = value.is_empty() || attributes.split(';').any(is_max_age_0);
            // What is removed may have come from the user, whose headers do not change.
            let value = (!is_removed).then(|| value.to_owned());
            cookies.insert((host.to_owned(), name), value);
        }
    }

    /// Adds the cookies to a request, in place of those of the user that have the same names.
    pub(super) fn add(&self, host: &str, request: &mut HeaderMap) {
        let cookies = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_host = cookies.iter().filter(|((of, _), _)| of == host);
        let stored: BTreeMap<_, _> = of_host.map(|((_, name), value)| (name, value)).collect();
        if stored.is_empty() {
            return;
        }
        let of_user = request.get_all(COOKIE).iter();
        let of_user: Vec<_> = of_user
            .map(|value| String::from_utf8_lossy(value.as_bytes()))
            .collect();
        let of_user = of_user.iter().flat_map(|value| value.split(';'));
        let others = of_user.map(str::trim).filter(|pair| {
            let (name, _) = pair.split_once('=').unwrap_or((pair, ""));
            !pair.is_empty() && !stored.contains_key(&name.to_owned())
        });
        let stored = stored.iter();
        let stored = stored.filter_map(|(name, value)| Some(format!("{name}={}", value.as_ref()?)));
        let all: Vec<_> = others.map(str::to_owned).chain(stored).collect();
        request.remove(COOKIE);
        // It consists of parts of valid headers.
        if let Ok(value) = HeaderValue::from_bytes(all.join("; ").as_bytes())
            && !all.is_empty()
        {
            request.insert(COOKIE, value);
        }
    }
}

fn is_max_age_0(attribute: &str) -> bool {
    let (name, value) = attribute.split_once('=').unwrap_or((attribute, ""));
    let seconds = value.trim().parse();
    name.trim().eq_ignore_ascii_case("max-age") && seconds.is_ok_and(|seconds: i64| seconds <= 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(cookies: &[&'static str]) -> HeaderMap {
        let cookies = cookies.iter();
        let cookies = cookies.map(|cookie| (SET_COOKIE, HeaderValue::from_static(cookie)));
        cookies.collect()
    }

    fn sent(cookies: &Cookies, of_user: &'static str) -> Option<String> {
        let of_user = (COOKIE, HeaderValue::from_static(of_user));
        let mut request: HeaderMap = [of_user].into_iter().collect();
        cookies.add("a", &mut request);
        let value = request.get(COOKIE)?;
        Some(value.to_str().expect("text").to_owned())
    }

    #[test]
    fn cookies_are_sent_to_the_host_that_set_them() {
        let cookies = Cookies::default();
        assert_eq!(sent(&cookies, "u=1").as_deref(), Some("u=1"));
        cookies.store(
            "a",
            &response(&["x=1; Path=/; Max-Age=60; HttpOnly", "y=2"]),
        );
        cookies.store("b", &response(&["z=3"]));
        assert_eq!(sent(&cookies, "u=1").as_deref(), Some("u=1; x=1; y=2"));
        cookies.store("a", &response(&["x=4=5"]));
        assert_eq!(
            sent(&cookies, "x=0; u=1").as_deref(),
            Some("u=1; x=4=5; y=2")
        );
    }

    #[test]
    fn an_empty_value_and_an_age_of_zero_remove_a_cookie() {
        let cookies = Cookies::default();
        cookies.store("a", &response(&["x=1", "y=2", "z=3", "none"]));
        cookies.store(
            "a",
            &response(&["x=; Path=/", "y=2; max-age = 0", "u=1; Max-Age=-1"]),
        );
        assert_eq!(sent(&cookies, "u=1").as_deref(), Some("z=3"));
        cookies.store("a", &response(&["z="]));
        assert_eq!(sent(&cookies, "u=1"), None);
    }
}
