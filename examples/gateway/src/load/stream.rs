//! The connection of one subscriber: a request, and the chunks of the response's body.

use std::future::poll_fn;
use std::io::Write as _;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use flate2::write::GzDecoder;
use http_body_util::Empty;
use hyper::Response;
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http1::{self, Connection};
use hyper_util::rt::TokioIo;
use sse_wire::headers;
use tokio::net::TcpStream;

use super::Failure;
use super::target::Target;

/// An open event stream.
///
/// The task that reads the body also drives the connection, so that a chunk wakes one task.
#[derive(Debug)]
pub(super) struct Chunks {
    connection: Driver,
    body: Incoming,
    gunzip: Option<GzDecoder<Vec<u8>>>,
}

/// A connection, until it has ended.
#[derive(Debug)]
struct Driver(Option<Pin<Box<Http>>>);

type Http = Connection<TokioIo<TcpStream>, Empty<Bytes>>;

impl Driver {
    /// Moves bytes. An error of the connection comes out of the response or its body, too.
    fn drive(&mut self, context: &mut Context<'_>) {
        if let Some(connection) = &mut self.0
            && connection.as_mut().poll(context).is_ready()
        {
            self.0 = None;
        }
    }
}

impl Chunks {
    /// Requests an event stream from the server of this turn, after the event with `last_event_id`
    /// if it is not empty.
    pub(super) async fn open(
        target: &Target,
        turn: u32,
        path: &str,
        last_event_id: &str,
    ) -> Result<Self, Failure> {
        let server = target.server(turn)?;
        let request = target.request(server, path, last_event_id)?;
        let socket = TcpStream::connect(server.address).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(socket)).await?;
        let mut connection = Driver(Some(Box::pin(connection)));
        let response = {
            let mut sending = std::pin::pin!(sender.send_request(request));
            poll_fn(|context| {
                connection.drive(context);
                sending.as_mut().poll(context)
            })
            .await?
        };
        check(&response)?;
        let gunzip = match response.headers().get("content-encoding") {
            None => None,
            Some(coding) if coding == "gzip" => Some(GzDecoder::new(Vec::new())),
            Some(coding) => return Err(format!("the content-encoding is {coding:?}").into()),
        };
        Ok(Self {
            connection,
            body: response.into_body(),
            gunzip,
        })
    }

    /// Whether the response is compressed.
    pub(super) const fn is_compressed(&self) -> bool {
        self.gunzip.is_some()
    }

    /// Returns the next chunk, as far as it can be decompressed, or `None` at the end. It may be
    /// dropped and called again.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        loop {
            let chunk = poll_fn(|context| self.poll_next(context)).await;
            let Some(chunk) = chunk.transpose()? else {
                return Ok(None);
            };
            let Some(gunzip) = &mut self.gunzip else {
                return Ok(Some(chunk));
            };
            gunzip.write_all(&chunk)?;
            // Otherwise it retains what it has decompressed.
            gunzip.flush()?;
            let text = std::mem::take(gunzip.get_mut());
            // The chunk may have been the head of the compressed data alone.
            if !text.is_empty() {
                return Ok(Some(text.into()));
            }
        }
    }

    fn poll_next(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, hyper::Error>>> {
        self.connection.drive(context);
        loop {
            let frame = match Pin::new(&mut self.body).poll_frame(context) {
                Poll::Ready(Some(Ok(frame))) => frame,
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error))),
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => return Poll::Pending,
            };
            // Trailers have no data.
            if let Ok(data) = frame.into_data() {
                return Poll::Ready(Some(Ok(data)));
            }
        }
    }
}

fn check(response: &Response<Incoming>) -> Result<(), Failure> {
    let status = response.status();
    if status != 200 {
        return Err(format!("the status is {status}").into());
    }
    if !headers::is_event_stream(response.headers().get_all("content-type")) {
        return Err("the response is not an event stream".into());
    }
    Ok(())
}
