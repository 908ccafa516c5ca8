//! A transport for reqwest, to copy: it sends clones of a request. It needs the crates bytes,
//! futures-util, reqwest with the feature `stream`, and tokio with `time`.

use core::future::Future;
use core::pin::Pin;
use core::time::Duration;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{RequestBuilder, Response};
use sse_wire::client::Request;
use sse_wire::reconnect::{Head, Transport};

/// A request that is sent for each connection. Its body must not be a stream.
#[derive(Debug)]
pub struct Http(pub RequestBuilder);

impl Transport for Http {
    type Response = Response;
    type Error = reqwest::Error;
    type Opened = HeaderMap;
    type Connecting = Pin<Box<dyn Future<Output = reqwest::Result<(Head, Response)>> + Send>>;
    type Body = BoxStream<'static, reqwest::Result<Bytes>>;
    type Sleep = tokio::time::Sleep;

    fn connect(&mut self, request: Request<'_>) -> Self::Connecting {
        let mut headers = HeaderMap::new();
        for (name, value) in request.headers() {
            // As bytes, since an ID may have others than those of ASCII.
            if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
        let sending = self.0.try_clone().expect("the body is no stream");
        // These replace headers of the same name in the request.
        let sending = sending.headers(headers).send();
        Box::pin(async move {
            let response = sending.await?;
            let headers = response.headers();
            let head = Head::new(response.status().as_u16(), headers.get_all(CONTENT_TYPE))
                .with_retry_after(headers.get(RETRY_AFTER));
            Ok((head, response))
        })
    }

    fn opened(&mut self, response: &Response) -> HeaderMap {
        response.headers().clone()
    }

    fn body(&mut self, response: Response) -> Self::Body {
        Box::pin(response.bytes_stream())
    }

    fn sleep(&mut self, delay: Duration) -> tokio::time::Sleep {
        tokio::time::sleep(delay)
    }
}
