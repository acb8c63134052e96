//! Tools between the styles: what is called, and what came of it.

use creel_testkit::provider::{Provider, Reply};
use serde_json::{Value, json};

use super::House;
use super::translating::chunks;

/// A client reads the arguments as JSON, and an empty text is none.
#[tokio::test]
async fn a_call_without_arguments_has_an_empty_object_of_them() {
    let provider = Provider::start().await;
    let house = House::new(&provider).start().await;
    let mut client = house.client().await;
    let block = |index: u64, id: &str| {
        [
            json!({"type": "content_block_start", "index": index, "content_block": {"type": "tool_use", "id": id, "name": "now", "input": {}}}),
            json!({"type": "content_block_delta", "index": index, "delta": {"type": "input_json_delta", "partial_json": ""}}),
            json!({"type": "content_block_stop", "index": index}),
        ]
    };
    let mut events = vec![json!({"type": "message_start", "message": {"id": "x", "usage": {"input_tokens": 5}}})];
    events.extend(block(0, "a"));
    events.extend(block(1, "b"));
    let end = json!({"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 2}});
    events.extend([end, json!({"type": "message_stop"})]);
    provider.always(chunks(&events));
    let answer = client
        .post(
            "/v1/chat/completions",
            json!({"model": "c1", "stream": true, "messages": [{"role": "user", "content": "hi"}]}).to_string(),
        )
        .await;
    let mut told = [String::new(), String::new()];
    for event in answer.events().iter().filter(|event| *event != "[DONE]") {
        let chunk: Value = serde_json::from_str(event).unwrap();
        for call in chunk["choices"][0]["delta"]["tool_calls"]
            .as_array()
            .into_iter()
            .flatten()
        {
            let index = call["index"].as_u64().unwrap() as usize;
            told[index].push_str(call["function"]["arguments"].as_str().unwrap());
        }
    }
    assert_eq!(told, ["{}", "{}"]);
    let from_messages = json!({"model": "c1", "input": "hi", "stream": true}).to_string();
    let call = client.post("/v1/responses", from_messages).await;

    // Some providers of completions leave them out.
    let function = json!({"name": "now", "arguments": ""});
    let asked = json!([{"index": 0, "id": "a", "type": "function", "function": function}]);
    provider.always(chunks(&[
        json!({"id": "x", "choices": [{"index": 0, "delta": {"tool_calls": asked}, "finish_reason": "tool_calls"}]}),
    ]));
    let from_completions = json!({"model": "m1", "input": "hi", "stream": true}).to_string();
    let other_call = client.post("/v1/responses", from_completions).await;
    for answer in [call, other_call] {
        let events: Vec<Value> = answer
            .events()
            .iter()
            .map(|event| serde_json::from_str(event).unwrap())
            .collect();
        let deltas = events
            .iter()
            .filter(|event| event["type"] == "response.function_call_arguments.delta" && event["output_index"] == 0);
        let told: String = deltas.filter_map(|event| event["delta"].as_str()).collect();
        assert_eq!(told, "{}");
        let last = events.last().unwrap();
        assert_eq!(last["response"]["output"][0]["arguments"], "{}", "{last}");
    }

    let message = json!({"role": "assistant", "content": null, "tool_calls": asked});
    let whole = json!({"id": "x", "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]});
    provider.always(Reply::raw(200, "application/json", whole.to_string()));
    let answer = client
        .post("/v1/responses", json!({"model": "m1", "input": "hi"}).to_string())
        .await;
    assert_eq!(answer.json()["output"][0]["arguments"], "{}", "{}", answer.text());
}

const PICTURE: &str = "data:image/png;base64,AAAA";

#[tokio::test]
async fn what_a_tool_shows_comes_with_its_result() {
    let provider = Provider::start().await;
    let house = House::new(&provider).start().await;
    let mut client = house.client().await;
    let source = json!({"type": "base64", "media_type": "image/png", "data": "AAAA"});
    let image = json!({"type": "image", "source": source});

    let shown = json!([{"type": "text", "text": "here"}, {"type": "image_url", "image_url": {"url": PICTURE}}]);
    let ask = json!({"model": "c1", "messages": [
        {"role": "user", "content": "look"},
        {"role": "assistant", "tool_calls": [{"id": "a", "type": "function", "function": {"name": "see", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "a", "content": shown},
    ]});
    client.post("/v1/chat/completions", ask.to_string()).await;
    let sent = provider.requests().last().unwrap().json();
    let result = json!([{"type": "text", "text": "here"}, image]);
    assert_eq!(sent["messages"][2]["content"][0]["content"], result, "{sent}");

    // A tool's message holds text alone, and all of them stand behind their calls.
    let output = json!([{"type": "input_text", "text": "here"}, {"type": "input_image", "image_url": PICTURE}]);
    let ask = json!({"model": "m1", "input": [
        {"type": "function_call", "call_id": "a", "name": "see", "arguments": "{}"},
        {"type": "function_call", "call_id": "b", "name": "see", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "a", "output": output},
        {"type": "function_call_output", "call_id": "b", "output": "nothing"},
        {"role": "user", "content": "and?"},
    ]});
    client.post("/v1/responses", ask.to_string()).await;
    let sent = provider.requests().last().unwrap().json();
    assert_eq!(
        sent["messages"].as_array().unwrap()[1..],
        [
            json!({"role": "tool", "tool_call_id": "a", "content": "here"}),
            json!({"role": "tool", "tool_call_id": "b", "content": "nothing"}),
            json!({"role": "user", "content": [{"type": "image_url", "image_url": {"url": PICTURE}}]}),
            json!({"role": "user", "content": "and?"}),
        ]
    );

    let document =
        json!({"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "a page"}});
    let ask = |shown: Value| {
        let result =
            json!({"type": "tool_result", "tool_use_id": "a", "content": [{"type": "text", "text": "here"}, shown]});
        json!({"model": "m1", "max_tokens": 9, "messages": [
            {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "see", "input": {}}]},
            {"role": "user", "content": [result]},
        ]})
        .to_string()
    };
    client.post("/v1/messages", ask(document)).await;
    let sent = provider.requests().last().unwrap().json();
    assert_eq!(
        sent["messages"].as_array().unwrap()[1..],
        [
            json!({"role": "tool", "tool_call_id": "a", "content": "here"}),
            json!({"role": "user", "content": "a page"})
        ]
    );
    let refused = client
        .post("/v1/messages", ask(json!({"type": "tool_reference"})))
        .await;
    assert_eq!(refused.status, 400, "{}", refused.text());
    assert!(refused.text().contains("tool_reference"), "{}", refused.text());
}

#[tokio::test]
async fn a_choice_among_some_of_the_tools_leaves_those() {
    let provider = Provider::start().await;
    let house = House::new(&provider).start().await;
    let mut client = house.client().await;
    let function = |name: &str| json!({"type": "function", "function": {"name": name, "parameters": {}}});
    let allowed = json!({"mode": "required", "tools": [{"type": "function", "function": {"name": "b"}}]});
    let ask = json!({
        "model": "c1", "messages": [{"role": "user", "content": "hi"}], "tools": [function("a"), function("b")],
        "tool_choice": {"type": "allowed_tools", "allowed_tools": allowed},
    });
    client.post("/v1/chat/completions", ask.to_string()).await;
    let sent = provider.requests().last().unwrap().json();
    assert_eq!(
        (&sent["tools"], &sent["tool_choice"]),
        (
            &json!([{"name": "b", "input_schema": {"type": "object"}}]),
            &json!({"type": "any"})
        )
    );

    let function = |name: &str| json!({"type": "function", "name": name});
    let ask = json!({
        "model": "m1", "input": "hi", "tools": [function("a"), function("b")],
        "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [function("b")]},
    });
    client.post("/v1/responses", ask.to_string()).await;
    let sent = provider.requests().last().unwrap().json();
    assert_eq!(
        (&sent["tools"], &sent["tool_choice"]),
        (
            &json!([{"type": "function", "function": {"name": "b"}}]),
            &json!("auto")
        )
    );
}
