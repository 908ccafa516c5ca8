//! A recorded answer, split into chunks of every small size, through the whole client.
//! `scripts/swaps.sh` adds this to the tests of async-openai.

use async_openai::{
    Client, config::OpenAIConfig, error::OpenAIError, types::chat::CreateChatCompletionRequest,
};
use futures::StreamExt;
use serde_json::{Value, json};

const RECORDED: &str = include_str!(concat!(env!("SSE_WIRE"), "/tests/data/openai-chat.sse"));

/// What the client returns for a body of chunks of `size` bytes.
async fn chunks(body: String, size: usize) -> Vec<Result<Value, String>> {
    let service = tower::service_fn(move |_| {
        let chunks: Vec<_> = body.as_bytes().chunks(size).map(<[u8]>::to_vec).collect();
        let chunks = futures::stream::iter(chunks).map(Ok::<_, std::io::Error>);
        let response = http::Response::builder()
            .header("content-type", "text/event-stream")
            .body(reqwest::Body::wrap_stream(chunks));
        std::future::ready(Ok::<_, OpenAIError>(response.expect("a response").into()))
    });
    let client = Client::with_config(OpenAIConfig::new()).with_http_service(service);
    let request: CreateChatCompletionRequest = serde_json::from_value(json!({
        "model": "a model", "messages": [{ "role": "user", "content": "Hello" }], "stream": true,
    }))
    .expect("a request");
    let stream = client
        .chat()
        .create_stream(request)
        .await
        .expect("a stream");
    stream
        .map(|chunk| match chunk {
            Ok(chunk) => Ok(serde_json::to_value(chunk).expect("JSON")),
            Err(error) => Err(error.to_string()),
        })
        .collect()
        .await
}

#[tokio::test]
async fn a_recorded_answer_arrives_whole() {
    let data = RECORDED
        .lines()
        .filter_map(|line| line.strip_prefix("data: {"));
    let sent: Vec<Value> = data
        .map(|data| serde_json::from_str(&format!("{{{data}")).expect("JSON"))
        .collect();
    for size in (1..16).chain([RECORDED.len()]) {
        let received = chunks(RECORDED.to_owned(), size).await;
        assert_eq!(received.len(), sent.len(), "chunks of {size} bytes");
        for (received, sent) in received.iter().zip(&sent) {
            let received = received.as_ref().expect("no error");
            assert_eq!(received["id"], sent["id"]);
            assert_eq!(
                received["choices"][0]["delta"]["content"],
                sent["choices"][0]["delta"]["content"]
            );
        }
    }
}

#[tokio::test]
async fn keep_alives_and_what_is_no_json_do_not_stop_the_stream() {
    let chunk = RECORDED.lines().next().expect("a line");
    let body = format!(
        ": ping\r\n\r\nevent: keepalive\ndata: {{}}\n\n{chunk}\r\rdata: x\n\n{chunk}\n\ndata: [DONE]\n\n{chunk}\n\n"
    );
    for size in [1, 2, 3, body.len()] {
        let received = chunks(body.clone(), size).await;
        let is_ok: Vec<bool> = received.iter().map(Result::is_ok).collect();
        assert_eq!(
            is_ok,
            [true, false, true],
            "chunks of {size} bytes: {received:?}"
        );
    }
}
