//! What both APIs can do when nothing goes wrong.

mod support;

use creel_llm::{Api, Client, Message, Options, Part, Request, Stop, Target, ToolCall, ToolSpec, Usage};
use creel_testkit::provider::{Provider, Reply};
use serde_json::json;
use support::{APIS, ask, client, hello, target};

#[tokio::test]
async fn a_text_comes_in_the_pieces_it_was_said_in() {
    let provider = Provider::start().await;
    for api in APIS {
        provider.then(Reply::pieces(["Hel", "lo, ", "world"]).usage(21, 3).cached(8));
        let heard = ask(&client(), &target(&provider, api), &hello()).await.unwrap();
        assert_eq!(heard.texts, ["Hel", "lo, ", "world"]);
        assert_eq!(heard.stop, Some(Stop::End));
        assert_eq!(
            heard.usage,
            Some(Usage {
                input_tokens: 21,
                output_tokens: 3,
                cached_tokens: 8
            }),
            "{api:?}"
        );
    }
}

#[tokio::test]
async fn each_api_is_asked_in_its_own_way() {
    let provider = Provider::start().await;
    provider.require_key("sk-test-key");
    for api in APIS {
        ask(&client(), &target(&provider, api), &hello()).await.unwrap();
    }
    let [openai, anthropic] = &provider.requests()[..] else {
        panic!("two requests")
    };
    assert_eq!(openai.path, "/v1/chat/completions");
    assert_eq!(openai.header("authorization"), "Bearer sk-test-key");
    assert_eq!(openai.json()["stream_options"]["include_usage"], true);
    assert_eq!(anthropic.path, "/v1/messages");
    assert_eq!(anthropic.header("x-api-key"), "sk-test-key");
    assert_eq!(anthropic.header("anthropic-version"), "2023-06-01");
    for request in [openai, anthropic] {
        assert_eq!(request.json()["model"], "m1");
        assert_eq!(request.json()["stream"], true);
        assert_eq!(request.header("content-type"), "application/json");
        assert!(request.header("user-agent").starts_with("creel/"));
    }
}

#[tokio::test]
async fn several_tool_calls_in_one_reply_and_their_results() {
    let provider = Provider::start().await;
    for api in APIS {
        let calls = Reply::text("Let me see.")
            .and_tool_call("weather", r#"{"city":"Київ"}"#)
            .and_tool_call("time", "{}");
        provider.then(calls).reply("Sunny, noon.");
        let tool = |name: &str| ToolSpec {
            name: name.into(),
            description: "…".into(),
            schema: json!({"type": "object"}).into(),
        };
        let mut request = Request {
            tools: vec![tool("weather"), tool("time")],
            ..hello()
        };

        let heard = ask(&client(), &target(&provider, api), &request).await.unwrap();
        assert_eq!(heard.text(), "Let me see.");
        assert_eq!(heard.stop, Some(Stop::ToolCalls));
        let said: Vec<_> = heard
            .calls
            .iter()
            .map(|call| (call.name.as_str(), call.arguments.as_str()))
            .collect();
        assert_eq!(said, [("weather", r#"{"city":"Київ"}"#), ("time", "{}")]);

        // The provider refuses a conversation in which calls and results don't match.
        let result = |call: &ToolCall| Message::Tool {
            call_id: call.id.clone(),
            text: "ok".into(),
            is_error: false,
        };
        let results: Vec<_> = heard.calls.iter().map(result).collect();
        request.messages.push(Message::Assistant {
            text: heard.text(),
            tool_calls: heard.calls,
        });
        request.messages.extend(results);
        let heard = ask(&client(), &target(&provider, api), &request).await.unwrap();
        assert_eq!(heard.text(), "Sunny, noon.");
    }
}

#[tokio::test]
async fn images_go_along() {
    let provider = Provider::start().await;
    let image = "data:image/png;base64,iVBORw0KGgo=";
    let request = Request::of(vec![Message::User(vec![
        Part::Text("What is it?".into()),
        Part::Image(image.into()),
    ])]);
    for api in APIS {
        ask(&client(), &target(&provider, api), &request).await.unwrap();
    }
    let content = |n: usize| provider.requests()[n].json()["messages"][0]["content"][1].clone();
    assert_eq!(content(0), json!({"type": "image_url", "image_url": {"url": image}}));
    let source = json!({"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="});
    assert_eq!(content(1), json!({"type": "image", "source": source}));
}

#[tokio::test]
async fn reasoning_is_no_part_of_the_text() {
    let provider = Provider::start().await;
    for api in APIS {
        provider.then(Reply::text("42").reasoning("six times seven"));
        let heard = ask(&client(), &target(&provider, api), &hello()).await.unwrap();
        assert_eq!(
            (heard.text().as_str(), heard.reasoning.as_str()),
            ("42", "six times seven")
        );
    }
}

#[tokio::test]
async fn the_limit_of_tokens_is_told_apart_from_the_end() {
    let provider = Provider::start().await;
    for api in APIS {
        provider.then(Reply::text("and so").reaches_limit());
        let heard = ask(
            &client(),
            &target(&provider, api),
            &Request {
                max_tokens: Some(2),
                ..hello()
            },
        )
        .await
        .unwrap();
        assert_eq!(heard.stop, Some(Stop::Length));
    }
    assert_eq!(provider.requests()[0].json()["max_tokens"], 2);
    assert_eq!(provider.requests()[1].json()["max_tokens"], 2);
}

#[tokio::test]
async fn usage_that_is_told_twice_counts_once() {
    let provider = Provider::start().await;
    for api in APIS {
        provider.then(Reply::text("a b").usage(7, 2).duplicate_usage());
        let heard = ask(&client(), &target(&provider, api), &hello()).await.unwrap();
        assert_eq!(
            heard.usage,
            Some(Usage {
                input_tokens: 7,
                output_tokens: 2,
                cached_tokens: 0
            })
        );
    }
}

#[tokio::test]
async fn one_connection_serves_one_call_after_another() {
    let provider = Provider::start().await;
    let client = client();
    for api in [APIS, APIS, APIS].concat() {
        ask(&client, &target(&provider, api), &hello()).await.unwrap();
    }
    assert_eq!(provider.connections(), 1);
}

#[tokio::test]
async fn the_demo_needs_no_network_and_no_runtime_services() {
    let client = Client::new(Options::default());
    let heard = ask(&client, &Target::demo(), &Request::of(vec![Message::user("你好")]))
        .await
        .unwrap();
    assert!(heard.text().contains("没有任何模型"), "{}", heard.text());
    let heard = ask(&client, &Target::new(Api::Demo, "", "any"), &hello())
        .await
        .unwrap();
    assert!(
        heard.text().contains("no model behind it") && heard.text().contains("Hello"),
        "{}",
        heard.text()
    );
    assert!(heard.texts.len() > 20);
    assert!(heard.usage.is_some());
}
