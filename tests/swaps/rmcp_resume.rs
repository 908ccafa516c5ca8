//! A server sends a position and no message, and the connection ends: the client must resume from
//! there. `scripts/swaps.sh` adds this to the tests of rmcp.

use std::time::Duration;

use axum::{
    Router,
    body::{Body, Bytes},
    http::{HeaderMap, Response},
    routing::post,
};
use futures::{StreamExt, stream};
use rmcp::{ServiceExt, transport::StreamableHttpClientTransport};
use serde_json::{Value, json};
use tokio::sync::mpsc;

type Chunk = Result<String, std::io::Error>;

fn response(status: u16, content_type: &str, chunks: Vec<Chunk>) -> Response<Body> {
    // What is sent arrives before the connection is lost.
    let chunks = stream::iter(chunks).then(|chunk| async {
        if chunk.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        chunk
    });
    Response::builder()
        .status(status)
        .header("content-type", content_type)
        .header("mcp-session-id", "session")
        .body(Body::from_stream(chunks))
        .expect("a valid response")
}

fn json_rpc(id: &Value, result: Value) -> String {
    json!({ "jsonrpc": "2.0", "id": id, "result": result }).to_string()
}

/// Answers a list of tools with `block` and, when the client resumes, with the result. Returns the
/// client's `Last-Event-ID`s.
async fn resume(block: &'static str, is_lost: bool) -> Vec<String> {
    let (resumed, mut ids) = mpsc::unbounded_channel();
    let (asked, pending) = mpsc::unbounded_channel();
    let pending = std::sync::Arc::new(tokio::sync::Mutex::new(pending));
    let on_post = move |body: Bytes| async move {
        let request: Value = serde_json::from_slice(&body).expect("JSON");
        let id = &request["id"];
        match request["method"].as_str() {
            Some("initialize") => {
                let result = json!({
                    "protocolVersion": "2025-11-25",
                    "capabilities": { "tools": {} },
                    "serverInfo": { "name": "server", "version": "1" },
                });
                response(200, "application/json", vec![Ok(json_rpc(id, result))])
            }
            Some("tools/list") => {
                asked.send(id.clone()).expect("a test that runs");
                let mut chunks = vec![Ok(block.to_owned())];
                if is_lost {
                    chunks.push(Err(std::io::ErrorKind::ConnectionReset.into()));
                }
                response(200, "text/event-stream", chunks)
            }
            _ => response(202, "application/json", Vec::new()),
        }
    };
    let on_get = move |headers: HeaderMap| async move {
        let Some(id) = headers.get("last-event-id") else {
            return response(405, "text/plain", Vec::new());
        };
        resumed
            .send(String::from_utf8_lossy(id.as_bytes()).into_owned())
            .expect("a test that runs");
        let request = pending.lock().await.recv().await.expect("a request");
        let event = format!(
            "id: 9\ndata: {}\n\n",
            json_rpc(&request, json!({ "tools": [] }))
        );
        response(200, "text/event-stream", vec![Ok(event)])
    };
    let router = Router::new().route("/mcp", post(on_post).get(on_get));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let address = listener.local_addr().expect("an address");
    let server = tokio::spawn(async move { axum::serve(listener, router).await });

    let uri = format!("http://{address}/mcp");
    let client = ().serve(StreamableHttpClientTransport::from_uri(uri)).await.expect("a session");
    let tools = tokio::time::timeout(Duration::from_secs(10), client.list_all_tools()).await;
    assert!(
        matches!(&tools, Ok(Ok(tools)) if tools.is_empty()),
        "{block:?}, lost: {is_lost}: {tools:?}"
    );
    client.cancel().await.expect("a client that ends");
    server.abort();
    let mut received = Vec::new();
    while let Ok(id) = ids.try_recv() {
        received.push(id);
    }
    received
}

#[tokio::test]
async fn the_client_resumes_from_a_block_without_a_message() {
    for (block, id) in [
        ("id: 0\nretry: 10\n\n", "0"),
        ("retry: 10\nid: 0\n\n", "0"),
        ("id: 0\ndata:\nretry: 10\n\n", "0"),
        ("id: 0\ndata: \n\n", "0"),
        ("id: 1/0\nevent: checkpoint\n\n", "1/0"),
        // The one without a message is the newer one.
        (
            "id: 1\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}\n\nid: 2\n\n",
            "2",
        ),
    ] {
        for is_lost in [false, true] {
            assert_eq!(
                resume(block, is_lost).await,
                [id],
                "{block:?}, lost: {is_lost}"
            );
        }
    }
}
