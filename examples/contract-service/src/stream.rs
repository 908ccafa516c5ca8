//! A stream under test, and its reports.

use core::error::Error as _;
use core::pin::pin;

use reqwest::Client;
use reqwest::header::{HeaderMap, HeaderValue};
use serde_json::{Value, json};
use sse_wire::OwnedItem;
use sse_wire::client::{Cause, Request};
use sse_wire::reconnect::{Head, ReconnectError, ReconnectingStream, Update};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_stream::StreamExt as _;

use crate::parameters::Parameters;

pub(crate) struct Stream {
    restarts: mpsc::UnboundedSender<()>,
    task: JoinHandle<()>,
}

impl Stream {
    pub(crate) fn start(parameters: Parameters) -> Self {
        let (restarts, wanted) = mpsc::unbounded_channel();
        let task = tokio::spawn(run(parameters, wanted));
        Self { restarts, task }
    }

    /// Drops the connection for another one.
    pub(crate) fn restart(&self) {
        // Sending fails only after the stream has ended.
        _ = self.restarts.send(());
    }

    /// Ends the stream: nothing is reported after this returns.
    pub(crate) async fn close(self) {
        self.task.abort();
        _ = self.task.await;
    }
}

async fn run(parameters: Parameters, mut restarts: mpsc::UnboundedReceiver<()>) {
    let client = Client::new();
    let mut reports = Reports {
        client: client.clone(),
        url: parameters.callback_url,
        sent: 0,
        tag: parameters.tag,
    };
    let connect = |request: Request<'_>| {
        let mut headers = HeaderMap::new();
        for (name, value) in request.headers() {
            // As bytes, since an ID may have others than those of ASCII.
            if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
                headers.insert(name, value);
            }
        }
        // Those of the caller win.
        headers.extend(parameters.headers.clone());
        let mut sending = client
            .request(parameters.method.clone(), &parameters.stream_url)
            .headers(headers);
        if let Some(body) = &parameters.body {
            sending = sending.body(body.clone());
        }
        async move {
            let response = sending.send().await?;
            let headers = response.headers();
            let head = Head::new(response.status().as_u16(), headers.get_all("content-type"));
            Ok::<_, reqwest::Error>((head, response))
        }
    };
    let body = |response: reqwest::Response| response.bytes_stream();
    let updates =
        ReconnectingStream::from_fns(parameters.source, connect, body, tokio::time::sleep);
    let mut updates = pin!(updates.with_items());
    let mut comment = Vec::new();
    loop {
        let update = tokio::select! {
            Some(()) = restarts.recv() => {
                updates.as_mut().reconnect();
                continue;
            }
            update = updates.next() => update,
        };
        match update {
            Some(Ok(Update::Item(OwnedItem::Event(event)))) => {
                let (event_type, data) = (event.event_type(), event.data());
                let event =
                    json!({ "type": event_type, "data": data, "id": event.last_event_id() });
                reports
                    .send(json!({ "kind": "event", "event": event }))
                    .await;
            }
            Some(Ok(Update::Item(OwnedItem::Comment { text, end }))) => {
                comment.extend_from_slice(&text);
                if end {
                    let text = String::from_utf8_lossy(&comment).into_owned();
                    comment.clear();
                    reports
                        .send(json!({ "kind": "comment", "comment": text }))
                        .await;
                }
            }
            Some(Ok(Update::Reconnecting { reason, error, .. })) => {
                // Its end will not come.
                comment.clear();
                if reason != Cause::Reconnect {
                    let error = error.as_ref().map_or_else(String::new, with_sources);
                    reports.error(format!("{reason}{error}")).await;
                }
            }
            Some(Ok(_)) => {}
            Some(Err(ReconnectError::Closed { reason, error, .. })) => {
                let error = error.as_ref().map_or_else(String::new, with_sources);
                reports.error(format!("{reason}{error}")).await;
            }
            Some(Err(error)) => reports.error(error.to_string()).await,
            None => break,
        }
    }
}

/// An error and its sources, each after a colon.
fn with_sources(error: &reqwest::Error) -> String {
    let mut text = format!(": {error}");
    let mut source = error.source();
    while let Some(error) = source {
        text += &format!(": {error}");
        source = error.source();
    }
    text
}

/// What is reported to the tests, one after the other.
struct Reports {
    client: Client,
    url: String,
    sent: u64,
    tag: String,
}

impl Reports {
    async fn send(&mut self, report: Value) {
        self.sent += 1;
        let sending = self
            .client
            .post(format!("{}/{}", self.url, self.sent))
            .header("content-type", "application/json")
            .body(report.to_string());
        if let Err(error) = sending.send().await {
            eprintln!("{}: report {}: {error}", self.tag, self.sent);
        }
    }

    async fn error(&mut self, text: String) {
        self.send(json!({ "kind": "error", "error": text, "comment": text }))
            .await;
    }
}
