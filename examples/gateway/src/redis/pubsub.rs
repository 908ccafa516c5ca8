//! Events by Pub/Sub, as a comparison: each gateway numbers what it receives, and nobody knows what it missed.

use std::time::Duration;

use futures_util::StreamExt;
use redis::cmd;
use tokio::sync::oneshot;

use super::control::obey;
use super::entry::Entry;
use super::error::Failure;
use super::session::{Server, Session};
use super::{Redis, Unavailable};
use crate::app::App;
use crate::event::Event;

impl Redis {
    /// Publishes what each gateway receives that is there now.
    pub(super) async fn send(&self, event: &Event<'_>) -> Result<(), Unavailable> {
        let fields: Vec<_> = event
            .fields()
            .flat_map(|(name, value)| [name, value])
            .collect();
        self.send_control(&fields).await
    }

    /// Publishes names and values of an entry.
    pub(super) async fn send_control(&self, fields: &[&str]) -> Result<(), Unavailable> {
        let mut session = self.session()?;
        // Strings are always JSON.
        let fields = serde_json::to_string(fields).unwrap_or_default();
        let mut publish = cmd("PUBLISH");
        let publish = publish.arg(&self.keys.channel).arg(fields);
        let published = publish.query_async::<u64>(&mut session.commands).await;
        published
            .map(drop)
            .map_err(|error| self.failed(&session, &error))
    }

    /// Receives until something goes wrong.
    pub(super) async fn subscribe(
        &self,
        app: &App,
        number: u64,
        first: &mut Option<oneshot::Sender<Result<(), String>>>,
    ) -> Failure {
        match self.receive(app, number, first).await {
            Ok(()) => Failure::new("the subscription has ended"),
            Err(failure) => failure,
        }
    }

    async fn receive(
        &self,
        app: &App,
        number: u64,
        first: &mut Option<oneshot::Sender<Result<(), String>>>,
    ) -> Result<(), Failure> {
        let mut commands = self.connect(Duration::ZERO).await?;
        Server::read(&mut commands).await?.check_version()?;
        let mut subscription = self.client.get_async_pubsub().await?;
        subscription.subscribe(&self.keys.channel).await?;
        self.share_logouts(&mut commands, app.auth.logouts())
            .await?;
        let epoch = self.hub.newest().0.into();
        let session = Session {
            commands,
            epoch,
            number,
        };
        self.begin(session.clone(), first);
        self.set_ready();
        let mut messages = subscription.on_message();
        loop {
            let message = tokio::select! {
                message = messages.next() => message,
                () = self.ended(&session) => None,
            };
            let Some(message) = message else {
                return Ok(());
            };
            let fields: Vec<String> =
                serde_json::from_slice(message.get_payload_bytes()).unwrap_or_default();
            let fields: Vec<_> = fields.into_iter().map(String::into_bytes).collect();
            match Entry::parse(&fields) {
                Ok(Entry::Event(event)) => {
                    // A topic that has ended stays so.
                    if let Ok(published) = self.hub.publish(&event.message(), app.now()) {
                        app.metrics.published(&published);
                    }
                }
                Ok(entry) => obey(app, &entry),
                Err(_) => self.skip("of Pub/Sub"),
            }
        }
    }
}
