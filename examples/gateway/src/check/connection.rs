//! A connection that a task reads into a record until it is dropped.

use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use hyper::Method;
use sse_wire::body::BodyChunks;
use sse_wire::headers;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use super::record::Record;
use super::target::Target;

/// A connection to the stream.
#[derive(Debug)]
pub(super) struct Connection {
    record: watch::Receiver<Record>,
    task: JoinHandle<()>,
}

impl Connection {
    /// Requests the stream with these headers; `limit` is for the connection alone.
    ///
    /// The error is that of connecting. What fails later is the end of the record.
    pub(super) async fn open(
        target: &Target,
        request_headers: &[(&str, &str)],
        limit: Duration,
    ) -> Result<Self, String> {
        let all_headers = [&headers::REQUEST, request_headers].concat();
        let request = target.request(Method::GET, &all_headers, Bytes::new())?;
        let (mut sender, connection) = target
            .connect(limit)
            .await
            .map_err(|error| error.to_string())?;
        let (recorder, record) = watch::channel(Record::new());
        let target = target.clone();
        let task = tokio::spawn(async move {
            let read = async {
                let result = async {
                    let response = sender.send_request(request).await?;
                    let (head, body) = response.into_parts();
                    // First: whoever has waited for the head sends the cookies.
                    target.store_cookies(&head.headers);
                    recorder.send_modify(|record| record.respond(head.status, head.headers));
                    let mut chunks = BodyChunks::new(body);
                    while let Some(chunk) = chunks.next().await {
                        let chunk = chunk?;
                        recorder.send_modify(|record| record.feed(&chunk));
                        if recorder.borrow().end.is_some() {
                            break;
                        }
                    }
                    Ok::<_, hyper::Error>(())
                };
                let result = result.await.map_err(|error| describe(&error));
                recorder.send_modify(|record| record.finish(result));
            };
            let mut read = pin!(read);
            tokio::select! {
                () = &mut read => {}
                // The body may have more than the connection still delivers.
                _ = connection => read.await,
            }
        });
        Ok(Self { record, task })
    }

    /// Waits until `condition` is true, or until `deadline`; returns whether it is true.
    pub(super) async fn wait_until(
        &self,
        deadline: Instant,
        mut condition: impl FnMut(&Record) -> bool,
    ) -> bool {
        let mut record = self.record.clone();
        let waiting = record.wait_for(|record| condition(record) || record.end.is_some());
        let _ = timeout_at(deadline, waiting).await;
        condition(&self.record.borrow())
    }

    /// Examines the record.
    pub(super) fn with<T>(&self, examine: impl FnOnce(&Record) -> T) -> T {
        examine(&self.record.borrow())
    }

    /// Copies the record.
    pub(super) fn record(&self) -> Record {
        self.record.borrow().clone()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Returns an error of hyper with its cause, which it does not show itself.
pub(super) fn describe(error: &hyper::Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
