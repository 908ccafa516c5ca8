//! The client of sse-wire, over hyper.

use std::error::Error;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::time::Duration;

use futures_util::StreamExt;
use hyper::Response;
use hyper::body::Incoming;
use sse_wire::body::BodyChunks;
use sse_wire::client::{EventSource, Request};
use sse_wire::reconnect::{Head, ReconnectError, ReconnectingStream, Transport, Update};
use tokio::time::{Sleep, sleep};

use super::event_source::Client;
use super::try_request;

struct Http {
    address: SocketAddr,
    path: String,
}

type Answer = Result<(Head, Response<Incoming>), Box<dyn Error + Send + Sync>>;

impl Transport for Http {
    type Response = Response<Incoming>;
    type Error = Box<dyn Error + Send + Sync>;
    type Opened = ();
    type Connecting = Pin<Box<dyn Future<Output = Answer> + Send>>;
    type Body = BodyChunks<Incoming>;
    type Sleep = Sleep;

    fn connect(&mut self, request: Request<'_>) -> Self::Connecting {
        let headers: Vec<(String, String)> = request
            .headers()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let (address, path) = (self.address, self.path.clone());
        Box::pin(async move {
            let headers: Vec<_> = headers
                .iter()
                .map(|(name, value)| (&**name, &**value))
                .collect();
            let response = try_request(address, "GET", &path, &headers, "").await?;
            let fields = response.headers();
            let head = Head::new(response.status().as_u16(), fields.get_all("content-type"))
                .with_retry_after(fields.get("retry-after"));
            Ok((head, response))
        })
    }

    fn opened(&mut self, _response: &Self::Response) {}

    fn body(&mut self, response: Self::Response) -> Self::Body {
        BodyChunks::new(response.into_body())
    }

    fn sleep(&mut self, delay: Duration) -> Self::Sleep {
        sleep(delay)
    }
}

pub fn connect(address: SocketAddr, path: &str, source: EventSource) -> Client {
    let path = path.to_owned();
    let client = Client::default();
    tokio::spawn(run(source, Http { address, path }, client.clone()));
    client
}

async fn run(source: EventSource, http: Http, client: Client) {
    let mut updates = pin!(ReconnectingStream::new(source, http));
    while let Some(update) = updates.next().await {
        let mut state = client.lock();
        match update {
            Ok(Update::Opened(())) => state.connections += 1,
            Ok(Update::Item(event)) if event.event_type() == "gap" => {
                state.gaps.push(event.data().to_owned());
            }
            Ok(Update::Item(event)) => state.data.push(event.data().to_owned()),
            Ok(_) => {}
            Err(ReconnectError::Closed { response, .. }) => {
                state.closed = response.map(|response| response.status().as_u16());
            }
            Err(error) => panic!("{error}"),
        }
    }
}
