//! The fake keeps the protocols' promises, seen by a client that knows nothing but HTTP.

#![expect(clippy::unwrap_used, reason = "tests")]

use creel_testkit::provider::{End, Gate, Provider, Reply};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const VERSION: &str = "anthropic-version: 2023-06-01\r\n";

async fn send(provider: &Provider, path: &str, headers: &str, body: &Value) -> TcpStream {
    let body = body.to_string();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}content-length: {}\r\n\r\n",
        body.len()
    );
    let mut stream = TcpStream::connect(provider.address()).await.unwrap();
    stream.write_all((head + &body).as_bytes()).await.unwrap();
    stream
}

/// Head and body, with the body's chunks joined.
async fn ask(provider: &Provider, path: &str, headers: &str, body: &Value) -> (String, String) {
    let mut answer = String::new();
    send(provider, path, headers, body)
        .await
        .read_to_string(&mut answer)
        .await
        .unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    if !head.contains("chunked") {
        return (head.to_owned(), body.to_owned());
    }
    let (mut rest, mut joined) = (body, String::new());
    while let Some((size, after)) = rest.split_once("\r\n") {
        let (chunk, after) = after.split_at(usize::from_str_radix(size, 16).unwrap());
        joined.push_str(chunk);
        rest = &after[2..];
    }
    (head.to_owned(), joined)
}

fn chat(stream: bool) -> Value {
    json!({"model": "m9", "stream": stream, "stream_options": {"include_usage": true},
        "messages": [{"role": "user", "content": "hi"}]})
}

fn messages(stream: bool) -> Value {
    json!({"model": "m9", "stream": stream, "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]})
}

fn data(body: &str) -> Vec<Value> {
    let lines = body.lines().filter_map(|line| line.strip_prefix("data: "));
    lines
        .map(|data| serde_json::from_str(data).unwrap_or(json!(data)))
        .collect()
}

#[tokio::test]
async fn an_openai_document() {
    let provider = Provider::start().await;
    provider.then(Reply::text("Hi there").usage(3, 2));
    let (head, body) = ask(&provider, "/v1/chat/completions", "", &chat(false)).await;
    assert!(
        head.starts_with("HTTP/1.1 200") && head.contains("application/json"),
        "{head}"
    );
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["object"], "chat.completion");
    assert_eq!(body["model"], "m9");
    assert_eq!(body["choices"][0]["message"]["content"], "Hi there");
    assert_eq!(body["choices"][0]["finish_reason"], "stop");
    assert_eq!(body["usage"]["total_tokens"], 5);
}

#[tokio::test]
async fn an_openai_stream_has_usage_only_if_asked() {
    let provider = Provider::start().await;
    provider.always(Reply::text("Hi there"));
    let (head, body) = ask(&provider, "/v1/chat/completions", "", &chat(true)).await;
    assert!(head.contains("text/event-stream"), "{head}");
    let chunks = data(&body);
    assert_eq!(chunks.last(), Some(&json!("[DONE]")));
    assert_eq!(chunks[1]["choices"][0]["delta"]["content"], "Hi ");
    assert_eq!(chunks[1]["usage"], Value::Null);
    let usage = &chunks[chunks.len() - 2];
    assert_eq!(
        (&usage["choices"], &usage["usage"]["completion_tokens"]),
        (&json!([]), &json!(2))
    );

    let mut without = chat(true);
    without["stream_options"]["include_usage"] = json!(false);
    let (_, body) = ask(&provider, "/v1/chat/completions", "", &without).await;
    assert!(!body.contains("usage"), "{body}");
}

#[tokio::test]
async fn an_anthropic_stream_names_its_events() {
    let provider = Provider::start().await;
    provider.then(Reply::text("Hi").and_tool_call("f", r#"{"a":1}"#).usage(8, 4));
    let (_, body) = ask(&provider, "/v1/messages", VERSION, &messages(true)).await;
    let names: Vec<_> = body.lines().filter_map(|line| line.strip_prefix("event: ")).collect();
    let events = data(&body);
    assert_eq!(
        names,
        events
            .iter()
            .map(|event| event["type"].as_str().unwrap())
            .collect::<Vec<_>>()
    );
    assert_eq!(names[0], "message_start");
    assert_eq!(events[0]["message"]["usage"]["input_tokens"], 8);
    assert_eq!(names[names.len() - 2..], ["message_delta", "message_stop"]);
    assert_eq!(events[events.len() - 2]["usage"]["output_tokens"], 4);
    let arguments = events
        .iter()
        .filter_map(|event| event["delta"]["partial_json"].as_str());
    assert_eq!(arguments.collect::<String>(), r#"{"a":1}"#);
}

#[tokio::test]
async fn an_anthropic_document() {
    let provider = Provider::start().await;
    provider.tool_call("f", r#"{"a":1}"#);
    let (_, body) = ask(&provider, "/v1/messages", VERSION, &messages(false)).await;
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["content"][0]["input"], json!({"a": 1}));
    assert_eq!(body["stop_reason"], "tool_use");
}

#[tokio::test]
async fn what_the_real_ones_refuse_is_refused() {
    let provider = Provider::start().await;
    let call = json!({"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}});
    for wrong in [
        json!([]),
        json!([{"role": "robot", "content": "hi"}]),
        json!([{"role": "tool", "tool_call_id": "c1", "content": "stray"}]),
        json!([{"role": "assistant", "content": null, "tool_calls": [call]}, {"role": "user", "content": "and?"}]),
    ] {
        let (head, body) = ask(
            &provider,
            "/v1/chat/completions",
            "",
            &json!({"model": "m", "messages": wrong}),
        )
        .await;
        assert!(
            head.starts_with("HTTP/1.1 400") && body.contains("invalid_request_error"),
            "{wrong}: {head} {body}"
        );
    }
    let used = json!({"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "f", "input": {}}]});
    let user = json!({"role": "user", "content": "hi"});
    for wrong in [
        json!([used]),
        json!([user, used, user]),
        json!([{"role": "user", "content": [{"type": "text", "text": ""}]}]),
        json!([{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "stray"}]}]),
    ] {
        let body = json!({"model": "m", "max_tokens": 1, "messages": wrong});
        let (head, _) = ask(&provider, "/v1/messages", VERSION, &body).await;
        assert!(head.starts_with("HTTP/1.1 400"), "{wrong}: {head}");
    }
    let (head, _) = ask(&provider, "/v1/messages", "", &messages(false)).await;
    assert!(head.starts_with("HTTP/1.1 400"), "without a version: {head}");
}

#[tokio::test]
async fn refusals_have_the_shape_of_their_api() {
    let provider = Provider::start().await;
    provider.always(Reply::status(429).retry_after("3"));
    let (head, body) = ask(&provider, "/v1/chat/completions", "", &chat(true)).await;
    assert!(
        head.starts_with("HTTP/1.1 429") && head.contains("retry-after: 3"),
        "{head}"
    );
    assert_eq!(
        serde_json::from_str::<Value>(&body).unwrap()["error"]["code"],
        "rate_limit_exceeded"
    );
    let (_, body) = ask(&provider, "/v1/messages", VERSION, &messages(true)).await;
    assert_eq!(
        serde_json::from_str::<Value>(&body).unwrap()["error"]["type"],
        "rate_limit_error"
    );
}

#[tokio::test]
async fn it_knows_who_hung_up() {
    let provider = Provider::start().await;
    ask(&provider, "/v1/chat/completions", "", &chat(true)).await;
    assert_eq!(provider.received(0).await.ended().await, End::Answered);

    provider
        .then(Reply::hang())
        .then(Reply::text("a b").gated(&Gate::closed()));
    for n in [1, 2] {
        let client = send(&provider, "/v1/chat/completions", "", &chat(true)).await;
        let exchange = provider.received(n).await;
        drop(client);
        assert_eq!(exchange.ended().await, End::HungUp);
    }
}

#[tokio::test]
async fn the_models_are_listed_and_other_paths_are_not_there() {
    let provider = Provider::start().await;
    let mut stream = TcpStream::connect(provider.address()).await.unwrap();
    stream
        .write_all(b"GET /v1/models HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(
        answer.contains(r#""object":"list""#) && answer.contains(r#""id":"m1""#),
        "{answer}"
    );
    let (head, _) = ask(&provider, "/v2/anything", "", &json!({})).await;
    assert!(head.starts_with("HTTP/1.1 404"), "{head}");
}
