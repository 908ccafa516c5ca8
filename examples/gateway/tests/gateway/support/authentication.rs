//! Logs in, and makes tokens of any kind.

use std::net::SocketAddr;
use std::path::PathBuf;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use gateway::auth::{Claims, Rights, Secret, Tokens, Use, now};
use hmac::{Hmac, KeyInit, Mac};
use hyper::HeaderMap;
use serde_json::{Value, json};
use sha2::Sha256;
use tempfile::TempDir;

use super::{Events, Gateway, request, text};

/// The secret of gateways whose tokens are made here.
pub const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// A response that has ended.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).map(|value| value.to_str());
        value.and_then(Result::ok).unwrap_or_default()
    }

    /// The value of a cookie that the response sets.
    pub fn cookie(&self, name: &str) -> String {
        cookie(&self.headers, name)
    }
}

pub fn cookie(headers: &HeaderMap, name: &str) -> String {
    let all = headers.get_all("set-cookie").iter();
    let mut all = all.filter_map(|cookie| cookie.to_str().ok()?.strip_prefix(name));
    let rest = all.find_map(|rest| rest.strip_prefix('='));
    let rest = rest.unwrap_or_else(|| panic!("no cookie {name}: {headers:?}"));
    rest.split(';').next().unwrap_or_default().to_owned()
}

pub async fn ask(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Answer {
    let response = request(address, method, path, headers, body).await;
    Answer {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        text: text(response).await,
    }
}

impl Gateway {
    pub async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        ask(self.address, method, path, headers, "").await
    }

    pub async fn post_login(&self, name: &str, password: &str, headers: &[(&str, &str)]) -> Answer {
        let mut all = vec![("content-type", "application/json")];
        all.extend(headers);
        let body = json!({ "name": name, "password": password }).to_string();
        ask(self.address, "POST", "/login", &all, &body).await
    }

    /// Logs a user of `--demo` in, and returns the token.
    pub async fn login(&self, name: &str) -> String {
        let answer = self.post_login(name, &format!("{name}-demo"), &[]).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["token"].as_str().expect("a token").to_owned()
    }

    pub async fn ticket(&self, token: &str) -> String {
        let answer = self
            .ask("POST", "/ticket", &[("authorization", &bearer(token))])
            .await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()["ticket"]
            .as_str()
            .expect("a ticket")
            .to_owned()
    }

    /// Opens a stream with these headers.
    pub async fn stream(&self, query: &str, headers: &[(&str, &str)]) -> Events {
        let path = format!("/events?{query}");
        let response = request(self.address, "GET", &path, headers, "").await;
        assert_eq!(response.status(), 200);
        Events::new(response)
    }

    pub async fn stream_of(&self, token: &str, query: &str) -> Events {
        self.stream(query, &[("authorization", &bearer(token))])
            .await
    }

    /// The status of a stream that is refused.
    pub async fn refused(&self, query: &str, headers: &[(&str, &str)]) -> Answer {
        let path = format!("/events?{query}");
        let response = request(self.address, "GET", &path, headers, "").await;
        let status = response.status().as_u16();
        assert_ne!(status, 200, "{query} {headers:?}");
        let headers = response.headers().clone();
        let text = text(response).await;
        Answer {
            status,
            headers,
            text,
        }
    }

    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }
}

pub fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

/// A gateway that takes tokens with the secret of the tests.
pub fn start_with_secret(options: &[&str]) -> (Gateway, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = secret_file(&folder);
    let file = file.to_str().expect("UTF-8");
    let options = [&["--secret-file", file], options].concat();
    (Gateway::start(&options), folder)
}

pub fn secret_file(folder: &TempDir) -> PathBuf {
    let file = folder.path().join("secret");
    std::fs::write(&file, format!("{SECRET}\n")).expect("a file");
    file
}

/// What the tests' own issuer signs.
pub fn tokens(audience: &str) -> Tokens {
    let folder = tempfile::tempdir().expect("a folder");
    let secret = Secret::read(Some(&secret_file(&folder)));
    Tokens::new(&secret.expect("a secret").expect("a secret"), audience).expect("it has a key")
}

/// The claims of a user who may read and publish these topics, for some seconds.
pub fn claims(user: &str, topics: &[&str], seconds: f64) -> Claims {
    let topics: Vec<_> = topics.iter().map(|topic| (*topic).to_owned()).collect();
    Claims {
        sub: user.to_owned(),
        exp: now() + seconds,
        iat: now(),
        auth_time: None,
        session_exp: None,
        jti: None,
        rights: Rights {
            publish: topics.clone(),
            topics,
        },
    }
}

pub fn token(user: &str, topics: &[&str], seconds: f64) -> String {
    let claims = claims(user, topics, seconds);
    tokens("gateway")
        .sign(&claims, Use::Access)
        .expect("a token")
}

/// Signs any header and claims with HS256, whatever the header says.
pub fn sign(header: &Value, claims: &Value, secret: &str) -> String {
    let encode = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", encode(header), encode(claims));
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key");
    let signature = mac.chain_update(&message).finalize().into_bytes();
    format!("{message}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
}
