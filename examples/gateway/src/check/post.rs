//! POST requests that make the server send an event.

use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use hyper::{Method, StatusCode};
use tokio::time::{Instant, timeout};

use super::connection::describe;
use super::target::Target;

/// The part of a body that each POST replaces, so that its event can be recognized.
const TOKEN: &str = "{token}";

/// How to make the server send an event.
#[derive(Clone, Debug)]
pub(super) struct Poster {
    pub(super) target: Target,
    pub(super) body: String,
    pub(super) content_type: String,
}

/// A POST that was sent.
#[derive(Clone, Debug)]
pub(super) struct Posted {
    pub(super) at: Instant,
    /// Text that the data of its event contains, if the body asks for it.
    pub(super) token: Option<String>,
    pub(super) answer: Result<Answer, String>,
}

/// What a POST was answered with.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    /// The beginning of the body.
    pub(super) text: String,
}

/// How much of an answer is shown.
const SHOWN: usize = 200;

impl Poster {
    /// Sends a POST, and waits for its answer for `limit` at the most.
    pub(super) async fn post(&self, limit: Duration) -> Posted {
        let token = self
            .body
            .contains(TOKEN)
            .then(|| format!("t{:016x}", fastrand::u64(..)));
        let body = match &token {
            Some(token) => self.body.replace(TOKEN, token),
            None => self.body.clone(),
        };
        let at = Instant::now();
        let answer = match timeout(limit, self.send(body.into(), limit)).await {
            Ok(answer) => answer,
            Err(_) => Err(format!("no answer within {limit:.0?}")),
        };
        Posted { at, token, answer }
    }

    async fn send(&self, body: Bytes, limit: Duration) -> Result<Answer, String> {
        let content_type = [("content-type", self.content_type.as_str())];
        let request = self.target.request(Method::POST, &content_type, body)?;
        let (mut sender, connection) = self
            .target
            .connect(limit)
            .await
            .map_err(|error| error.to_string())?;
        let answer = async {
            let response = sender.send_request(request).await?;
            self.target.store_cookies(response.headers());
            let status = response.status();
            let body = Limited::new(response.into_body(), SHOWN).collect().await;
            let body = body.map(|body| body.to_bytes()).unwrap_or_default();
            let text = String::from_utf8_lossy(&body);
            let text = text.trim().escape_debug().to_string();
            Ok(Answer { status, text })
        };
        let mut answer = pin!(answer);
        let answer = tokio::select! {
            answer = &mut answer => answer,
            // The answer may have come with the end of the connection.
            _ = connection => answer.await,
        };
        answer.map_err(|error: hyper::Error| describe(&error))
    }
}
