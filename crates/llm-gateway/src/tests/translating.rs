//! Clients of one style before providers of the other.

use creel_testkit::provider::{Provider, Reply};
use serde_json::{Value, json};

use super::House;
use crate::style::Surface;
use crate::translate::{self, Context};

const SCHEMA: &str = r#"{"type":"object","properties":{"city":{"type":"string"}}}"#;

fn schema() -> Value {
    serde_json::from_str(SCHEMA).unwrap()
}

/// A conversation with a picture and a tool, as OpenAI's clients write it.
fn completion(stream: bool) -> Value {
    json!({
        "model": "c1", "stream": stream, "max_tokens": 200, "temperature": 1.5, "stop": "END",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [
                {"type": "text", "text": "Weather?"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
            ]},
            {"role": "assistant", "content": null, "tool_calls": [
                {"id": "call:1", "type": "function", "function": {"name": "weather", "arguments": "{\"city\":\"Kyiv\"}"}},
            ]},
            {"role": "tool", "tool_call_id": "call:1", "content": "sunny"},
        ],
        "tools": [{"type": "function", "function": {"name": "weather", "description": "d", "parameters": schema()}}],
        "tool_choice": "required",
    })
}

/// The same as Anthropic's clients write it.
fn message(stream: bool) -> Value {
    json!({
        "model": "m1", "stream": stream, "max_tokens": 200, "temperature": 1.0, "stop_sequences": ["END"], "system": "Be brief.",
        "messages": [
            {"role": "user", "content": [
                {"type": "text", "text": "Weather?"},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
            ]},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "id_call_1", "name": "weather", "input": {"city": "Kyiv"}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "id_call_1", "content": "sunny"}]},
        ],
        "tools": [{"name": "weather", "description": "d", "input_schema": schema()}],
        "tool_choice": {"type": "any"},
    })
}

fn reply() -> Reply {
    Reply::text("Let me see.")
        .and_tool_call("weather", r#"{"city":"Odesa"}"#)
        .reasoning("Hm.")
        .usage(20, 9)
        .cached(4)
}

#[tokio::test]
async fn a_completion_from_a_provider_of_messages() {
    let provider = Provider::start().await;
    provider.always(reply());
    let house = House::new(&provider).start().await;
    let mut client = house.client().await;

    let answer = client.post("/v1/chat/completions", completion(false).to_string()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let sent = provider.requests()[0].json();
    let mut expected = message(false);
    expected["model"] = json!("c1");
    assert_eq!(sent, expected);
    let said = answer.json();
    let choice = &said["choices"][0];
    assert_eq!(choice["message"]["content"], "Let me see.");
    assert_eq!(choice["message"]["reasoning_content"], "Hm.");
    assert_eq!(
        choice["message"]["tool_calls"][0]["function"],
        json!({"name": "weather", "arguments": r#"{"city":"Odesa"}"#})
    );
    assert_eq!(choice["finish_reason"], "tool_calls");
    assert_eq!(said["model"], "c1");
    assert_eq!(
        (
            &said["usage"]["prompt_tokens"],
            &said["usage"]["prompt_tokens_details"]["cached_tokens"]
        ),
        (&json!(20), &json!(4))
    );

    let mut ask = completion(true);
    ask["stream_options"] = json!({"include_usage": true});
    let answer = client.post("/v1/chat/completions", ask.to_string()).await;
    let (text, calls, usage) = told_chunks(&answer.events());
    assert_eq!((text.as_str(), calls.as_str()), ("Let me see.", r#"{"city":"Odesa"}"#));
    assert_eq!(
        (&usage["prompt_tokens"], &usage["completion_tokens"]),
        (&json!(20), &json!(9))
    );
    let answer = client.post("/v1/chat/completions", completion(true).to_string()).await;
    assert_eq!(told_chunks(&answer.events()).2, Value::Null, "nobody asked for it");
    assert_eq!(house.spent().await, 3 * 29);
}

/// What a stream of chunks says: its text, its calls' arguments, its usage.
fn told_chunks(events: &[String]) -> (String, String, Value) {
    let (last, chunks) = events.split_last().unwrap();
    assert_eq!(last, "[DONE]");
    let (mut text, mut calls, mut usage) = (String::new(), String::new(), Value::Null);
    for chunk in chunks {
        let chunk: Value = serde_json::from_str(chunk).unwrap();
        let delta = &chunk["choices"][0]["delta"];
        text.push_str(delta["content"].as_str().unwrap_or_default());
        calls.push_str(
            delta["tool_calls"][0]["function"]["arguments"]
                .as_str()
                .unwrap_or_default(),
        );
        if chunk["usage"].is_object() {
            usage = chunk["usage"].clone();
        }
    }
    (text, calls, usage)
}

#[tokio::test]
async fn a_message_from_a_provider_of_completions() {
    let provider = Provider::start().await;
    provider.always(reply());
    let house = House::new(&provider).start().await;
    let mut client = house.client().await;

    let answer = client.post("/v1/messages", message(false).to_string()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let sent = provider.requests()[0].json();
    assert_eq!(sent["messages"][0], json!({"role": "system", "content": "Be brief."}));
    assert_eq!(
        sent["messages"][1]["content"][1]["image_url"]["url"],
        "data:image/png;base64,AAAA"
    );
    assert_eq!(
        sent["messages"][2]["tool_calls"][0]["function"]["arguments"],
        r#"{"city":"Kyiv"}"#
    );
    assert_eq!(
        sent["messages"][3],
        json!({"role": "tool", "tool_call_id": "id_call_1", "content": "sunny"})
    );
    assert_eq!(
        (&sent["tool_choice"], &sent["stop"]),
        (&json!("required"), &json!(["END"]))
    );
    let said = answer.json();
    assert_eq!(said["content"][1], json!({"type": "text", "text": "Let me see."}));
    assert_eq!(
        (&said["content"][2]["name"], &said["content"][2]["input"]),
        (&json!("weather"), &json!({"city": "Odesa"}))
    );
    assert_eq!(said["stop_reason"], "tool_use");
    assert_eq!(
        (
            &said["usage"]["input_tokens"],
            &said["usage"]["cache_read_input_tokens"]
        ),
        (&json!(16), &json!(4))
    );

    let answer = client.post("/v1/messages", message(true).to_string()).await;
    let events: Vec<Value> = answer
        .events()
        .iter()
        .map(|event| serde_json::from_str(event).unwrap())
        .collect();
    let kinds: Vec<&str> = events.iter().filter_map(|event| event["type"].as_str()).collect();
    assert_eq!((kinds[0], kinds[kinds.len() - 1]), ("message_start", "message_stop"));
    let starts = events.iter().filter(|event| event["type"] == "content_block_start");
    let blocks: Vec<_> = starts
        .map(|event| event["content_block"]["type"].as_str().unwrap())
        .collect();
    assert_eq!(blocks, ["thinking", "text", "tool_use"]);
    let json: String = events
        .iter()
        .filter_map(|event| event["delta"]["partial_json"].as_str())
        .collect();
    assert_eq!(json, r#"{"city":"Odesa"}"#);
    let end = &events[events.len() - 2];
    assert_eq!(
        (&end["delta"]["stop_reason"], &end["usage"]["output_tokens"]),
        (&json!("tool_use"), &json!(9))
    );
    assert_eq!(house.spent().await, 2 * 29);
}

#[tokio::test]
async fn a_response_from_providers_of_either_style() {
    let provider = Provider::start().await;
    provider.always(reply());
    let house = House::new(&provider).start().await;
    let mut client = house.client().await;
    for model in ["m1", "c1"] {
        let ask = |stream: bool| {
            json!({
                "model": model, "stream": stream, "instructions": "Be brief.", "max_output_tokens": 200,
                "input": [
                    {"role": "user", "content": [{"type": "input_text", "text": "Weather?"}]},
                    {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": "{}"},
                    {"type": "function_call_output", "call_id": "c1", "output": "sunny"},
                ],
                "tools": [{"type": "function", "name": "weather", "parameters": schema(), "strict": true}],
            })
            .to_string()
        };
        let answer = client.post("/v1/responses", ask(false)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let said = answer.json();
        assert_eq!(
            (&said["object"], &said["status"]),
            (&json!("response"), &json!("completed"))
        );
        let thought = &said["output"][0];
        assert_eq!(
            (&thought["type"], &thought["content"], &thought["summary"]),
            (
                &json!("reasoning"),
                &json!([{"type": "reasoning_text", "text": "Hm."}]),
                &json!([])
            )
        );
        assert_eq!(said["output"][1]["content"][0]["text"], "Let me see.");
        assert_eq!(said["output"][2]["arguments"], r#"{"city":"Odesa"}"#);
        assert_eq!(
            (&said["usage"]["input_tokens"], &said["usage"]["output_tokens"]),
            (&json!(20), &json!(9))
        );

        let answer = client.post("/v1/responses", ask(true)).await;
        let events: Vec<Value> = answer
            .events()
            .iter()
            .map(|event| serde_json::from_str(event).unwrap())
            .collect();
        for (number, event) in events.iter().enumerate() {
            assert_eq!(event["sequence_number"], number);
        }
        let told = |kind: &str| -> String {
            let deltas = events.iter().filter(|event| event["type"] == kind);
            deltas.filter_map(|event| event["delta"].as_str()).collect()
        };
        assert_eq!(told("response.output_text.delta"), "Let me see.");
        assert_eq!(told("response.reasoning_text.delta"), "Hm.");
        let last = events.last().unwrap();
        assert_eq!(last["type"], "response.completed");
        assert_eq!(last["response"]["output"], {
            let mut output = said["output"].clone();
            for index in 0..2 {
                output[index]["id"] = last["response"]["output"][index]["id"].clone();
            }
            output
        });
        assert_eq!(last["response"]["usage"]["output_tokens"], 9);
    }
    assert_eq!(house.spent().await, 4 * 29);
}

#[tokio::test]
async fn what_cannot_be_translated_is_said_and_costs_nothing() {
    let provider = Provider::start().await;
    let house = House::new(&provider).start().await;
    let mut client = house.client().await;
    for (path, ask, said) in [
        (
            "/v1/chat/completions",
            json!({"model": "c1", "n": 2, "messages": [{"role": "user", "content": "hi"}]}),
            "n: ",
        ),
        (
            "/v1/chat/completions",
            json!({"model": "c1", "messages": [{"role": "wizard", "content": "hi"}]}),
            "wizard",
        ),
        (
            "/v1/chat/completions",
            json!({"model": "c1", "messages": [], "functions": [{"name": "weather"}]}),
            "functions: ",
        ),
        (
            "/v1/chat/completions",
            json!({"model": "c1", "messages": [], "modalities": ["text", "audio"], "audio": {"voice": "ash", "format": "wav"}}),
            "audio: ",
        ),
        (
            "/v1/chat/completions",
            json!({"model": "c1", "messages": [], "web_search_options": {}}),
            "web_search_options: ",
        ),
        (
            "/v1/messages",
            json!({"model": "m1", "max_tokens": 1, "messages": [], "tools": [{"type": "web_search_20250305", "name": "w"}]}),
            "web_search",
        ),
        (
            "/v1/responses",
            json!({"model": "m1", "previous_response_id": "resp_1", "input": "hi"}),
            "previous_response_id",
        ),
        ("/v1/embeddings", json!({"model": "c1", "input": "hi"}), "embeddings"),
    ] {
        let answer = client.post(path, ask.to_string()).await;
        assert_eq!(answer.status, 400, "{}", answer.text());
        assert!(
            answer.json()["error"]["message"].as_str().unwrap().contains(said),
            "{}",
            answer.text()
        );
    }
    assert_eq!(provider.requests().len(), 0);
    assert_eq!(house.spent().await, 0);
}

#[tokio::test]
async fn a_thought_that_is_told_by_two_names_is_one() {
    let provider = Provider::start().await;
    let piece = |delta: Value| json!({"id": "x", "choices": [{"index": 0, "delta": delta}]});
    provider.always(chunks(&[
        piece(json!({"reasoning_content": "Hm. ", "reasoning": "Hm. "})),
        piece(json!({"reasoning": "Well."})),
        piece(json!({"content": "Hi."})),
        json!({"id": "x", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}),
    ]));
    let house = House::new(&provider).start().await;
    let mut client = house.client().await;
    let ask = json!({"model": "m1", "input": "hi", "stream": true});
    let answer = client.post("/v1/responses", ask.to_string()).await;
    let last: Value = serde_json::from_str(answer.events().last().unwrap()).unwrap();
    let output = &last["response"]["output"];
    assert_eq!(output[0]["content"][0]["text"], "Hm. Well.");
    assert_eq!(output[1]["content"][0]["text"], "Hi.");
    let answer = client.post("/v1/messages", message(true).to_string()).await;
    let events = answer.events();
    let thoughts = events.iter().map(|event| serde_json::from_str::<Value>(event).unwrap());
    let thoughts: String = thoughts
        .filter_map(|event| event["delta"]["thinking"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(thoughts, "Hm. Well.");
}

/// Chunks of completions, as a stream.
pub fn chunks(chunks: &[Value]) -> Reply {
    let text: String = chunks.iter().map(|chunk| format!("data: {chunk}\n\n")).collect();
    Reply::raw(200, "text/event-stream", text)
}

#[tokio::test]
async fn calls_whose_pieces_are_mixed_are_told_one_after_the_other() {
    let provider = Provider::start().await;
    let piece = |index: u64, id: &str, name: &str, arguments: &str| {
        let call = json!({"index": index, "id": id, "function": {"name": name, "arguments": arguments}});
        json!({"id": "x", "choices": [{"index": 0, "delta": {"tool_calls": [call]}}]})
    };
    provider.always(chunks(&[
        piece(0, "a", "weather", r#"{"city":"#),
        piece(1, "b", "time", r#"{"zone":"#),
        piece(0, "", "", r#""Kyiv"}"#),
        piece(1, "", "", r#""EET"}"#),
        json!({"id": "x", "choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}),
    ]));
    let house = House::new(&provider).start().await;
    let mut client = house.client().await;
    let answer = client.post("/v1/messages", message(true).to_string()).await;
    let mut blocks: Vec<(Value, Value, String)> = Vec::new();
    for event in answer.events() {
        let event: Value = serde_json::from_str(&event).unwrap();
        match event["type"].as_str().unwrap() {
            "content_block_start" => {
                let block = &event["content_block"];
                blocks.push((block["id"].clone(), block["name"].clone(), String::new()));
            }
            "content_block_delta" => {
                assert_eq!(event["index"], blocks.len() - 1);
                let said = event["delta"]["partial_json"].as_str().unwrap();
                blocks.last_mut().unwrap().2.push_str(said);
            }
            _ => {}
        }
    }
    let block = |id: &str, name: &str, arguments: &str| (json!(id), json!(name), arguments.to_owned());
    assert_eq!(
        blocks,
        [
            block("a", "weather", r#"{"city":"Kyiv"}"#),
            block("b", "time", r#"{"zone":"EET"}"#)
        ]
    );

    let ask = json!({"model": "m1", "input": "hi", "stream": true});
    let answer = client.post("/v1/responses", ask.to_string()).await;
    let last: Value = serde_json::from_str(answer.events().last().unwrap()).unwrap();
    let output: Vec<_> = last["response"]["output"].as_array().unwrap().iter().collect();
    let told: Vec<_> = output
        .iter()
        .map(|item| (&item["call_id"], &item["arguments"]))
        .collect();
    assert_eq!(
        told,
        [
            (&json!("a"), &json!(r#"{"city":"Kyiv"}"#)),
            (&json!("b"), &json!(r#"{"zone":"EET"}"#))
        ]
    );
}

#[tokio::test]
async fn a_provider_that_gives_up_with_a_text_alone_is_told() {
    let provider = Provider::start().await;
    let said = json!({"id": "x", "choices": [{"index": 0, "delta": {"content": "Hel"}}]});
    provider.always(chunks(&[said, json!({"error": "the model crashed"})]));
    let house = House::new(&provider).start().await;
    let mut client = house.client().await;
    let answer = client.post("/v1/messages", message(true).to_string()).await;
    let last: Value = serde_json::from_str(answer.events().last().unwrap()).unwrap();
    assert_eq!(
        (&last["type"], &last["error"]["message"]),
        (&json!("error"), &json!("the model crashed"))
    );
    let ask = json!({"model": "m1", "input": "hi", "stream": true});
    let answer = client.post("/v1/responses", ask.to_string()).await;
    let last: Value = serde_json::from_str(answer.events().last().unwrap()).unwrap();
    assert_eq!(
        (&last["type"], &last["message"]),
        (&json!("error"), &json!("the model crashed"))
    );
}

#[test]
fn a_limit_is_told_by_the_name_that_the_provider_knows() {
    let context = Context {
        model: "o",
        max_tokens: 1_000,
        wants_usage: false,
        limit: "max_completion_tokens",
    };
    let message = json!({"model": "m", "max_tokens": 9, "messages": []});
    let response = json!({"model": "m", "max_output_tokens": 9, "input": "hi"});
    for (from, ask) in [(Surface::Messages, message), (Surface::Responses, response)] {
        let told = translate::request(from, Surface::Completions, ask.to_string().as_bytes(), context).unwrap();
        let told: Value = serde_json::from_slice(&told).unwrap();
        assert_eq!(
            (&told["max_completion_tokens"], told.get("max_tokens")),
            (&json!(9), None)
        );
    }
}

/// Each value becomes one in memory, and what else the thread does waits for it.
#[tokio::test]
async fn a_request_of_very_many_values_is_for_providers_of_its_own_style() {
    let provider = Provider::start().await;
    let house = House::new(&provider).start().await;
    let mut client = house.client().await;
    let ask = |model: &str, values: usize| {
        let stop = vec!["END"; values];
        json!({"model": model, "max_tokens": 5, "stop": stop, "messages": [{"role": "user", "content": "hi"}]})
            .to_string()
    };
    let refused = client.post("/v1/chat/completions", ask("c1", 100_000)).await;
    assert_eq!(refused.status, 400);
    assert!(refused.text().contains("more than 100000 values"), "{}", refused.text());
    assert_eq!(provider.requests().len(), 0);
    let passed = client.post("/v1/chat/completions", ask("m1", 100_000)).await;
    assert_eq!(passed.status, 200, "{}", passed.text());
}

#[tokio::test]
async fn a_message_s_form_and_its_later_instructions_are_told() {
    let provider = Provider::start().await;
    let house = House::new(&provider).start().await;
    let mut client = house.client().await;
    let format = json!({"type": "json_schema", "schema": schema()});
    for wish in [
        json!({"output_config": {"format": format}}),
        json!({"output_format": format}),
    ] {
        let mut ask = json!({"model": "m1", "max_tokens": 9, "messages": [
            {"role": "user", "content": "hi"}, {"role": "system", "content": [{"type": "text", "text": "Be kind."}]},
        ]});
        ask.as_object_mut().unwrap().extend(wish.as_object().unwrap().clone());
        let answer = client.post("/v1/messages", ask.to_string()).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let sent = provider.requests().last().unwrap().json();
        assert_eq!(sent["response_format"]["type"], "json_schema");
        assert_eq!(sent["response_format"]["json_schema"]["schema"], schema());
        assert_eq!(sent["messages"][1], json!({"role": "system", "content": "Be kind."}));
    }
}

#[tokio::test]
async fn a_response_that_was_withheld_is_not_whole() {
    let provider = Provider::start().await;
    let house = House::new(&provider).start().await;
    let mut client = house.client().await;
    let ask = |stream: bool| json!({"model": "m1", "input": "hi", "stream": stream}).to_string();
    let end = |said: &str| json!({"id": "x", "choices": [{"index": 0, said: {"content": "Well"}, "finish_reason": "content_filter"}]});
    provider.always(chunks(&[end("delta")]));
    let answer = client.post("/v1/responses", ask(true)).await;
    let last: Value = serde_json::from_str(answer.events().last().unwrap()).unwrap();
    assert_eq!(last["type"], "response.incomplete");
    provider.always(Reply::raw(200, "application/json", end("message").to_string()));
    let whole = client.post("/v1/responses", ask(false)).await.json();
    for response in [&last["response"], &whole] {
        assert_eq!(
            (&response["status"], &response["incomplete_details"]["reason"]),
            (&json!("incomplete"), &json!("content_filter"))
        );
    }
}
