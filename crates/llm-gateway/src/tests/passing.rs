//! Equal styles: what comes goes, and is counted.

use creel_testkit::provider::{Provider, Reply};
use serde_json::json;

use super::House;
use super::harness::provider;
use crate::style::Style;

const ASK: &str = r#"{ "model": "m1", "messages": [{"role": "user", "content": "hi"}], "my_own": [1, 2.50] }"#;

#[tokio::test]
async fn a_completion_passes_untouched_and_is_charged() {
    let provider = Provider::start().await;
    provider.require_key("sk-provider-secret");
    provider.then(Reply::text("Hello.").usage(7, 3));
    let house = House::new(&provider).start().await;
    let answer = house.client().await.post("/v1/chat/completions", ASK).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["choices"][0]["message"]["content"], "Hello.");
    assert_eq!(provider.requests()[0].body, ASK, "byte by byte");
    assert!(!answer.headers.contains_key("transfer-encoding"));
    assert_eq!(house.spent().await, 10);
}

#[tokio::test]
async fn a_stream_passes_and_its_usage_is_asked_for_but_not_shown() {
    let provider = Provider::start().await;
    provider.always(Reply::text("Hello to you.").usage(7, 3));
    let house = House::new(&provider).start().await;
    let mut client = house.client().await;
    let ask = |options: &str| {
        format!(r#"{{"model":"m1","messages":[{{"role":"user","content":"hi"}}],"stream":true{options}}}"#)
    };
    let hidden = client.post("/v1/chat/completions", ask("")).await;
    let shown = client
        .post(
            "/v1/chat/completions",
            ask(r#","stream_options":{"include_usage":true}"#),
        )
        .await;
    for asked in provider.requests() {
        assert_eq!(asked.json()["stream_options"], json!({"include_usage": true}));
    }
    let has_usage = |events: Vec<String>| events.iter().any(|event| event.contains("prompt_tokens"));
    assert_eq!(hidden.events().last().map(String::as_str), Some("[DONE]"));
    assert_eq!((has_usage(hidden.events()), has_usage(shown.events())), (false, true));
    assert_eq!(hidden.events().len() + 1, shown.events().len());
    assert_eq!(house.spent().await, 20);
}

#[tokio::test]
async fn what_a_client_says_of_an_api_is_for_a_provider_of_that_api_that_is_not_set_up_otherwise() {
    let fake = Provider::start().await;
    let mut house = House::new(&fake);
    let mut set_up = provider("own", Style::Anthropic, &fake.anthropic_url());
    set_up.add_header("anthropic-beta", "of-the-house").unwrap();
    house.model("c2", &[set_up]);
    let house = house.start().await;
    let mut client = house
        .client()
        .await
        .says("anthropic-version", "2099-01-01")
        .says("anthropic-beta", "of-the-client");
    for model in ["c1", "c2", "m1"] {
        let ask = format!(r#"{{"model":"{model}","max_tokens":9,"messages":[{{"role":"user","content":"hi"}}]}}"#);
        assert_eq!(client.post("/v1/messages", ask).await.status, 200);
    }
    let wanted = [
        ("2099-01-01", "of-the-client"),
        ("2099-01-01", "of-the-house"),
        ("", ""),
    ];
    for (request, wanted) in fake.requests().iter().zip(wanted) {
        let told = (request.header("anthropic-version"), request.header("anthropic-beta"));
        assert_eq!(told, wanted);
    }
}

#[tokio::test]
async fn embeddings_pass_untouched_and_cost_what_was_read() {
    let provider = Provider::start().await;
    let house = House::new(&provider).start().await;
    let ask = r#"{"model": "m1", "input": ["one", "two"], "dimensions": 3}"#;
    let answer = house.client().await.post("/v1/embeddings", ask).await;
    assert_eq!(answer.json()["data"][1]["embedding"], json!([0.5, -0.25, 1.0]));
    assert_eq!(provider.requests()[0].body, ask, "byte by byte");
    let books = house.books.clone();
    assert_eq!(house.spent().await, 10);
    let usage = books.settled()[0].usage;
    assert_eq!((usage.prompt, usage.completion, usage.estimated), (10, 0, false));
}

#[tokio::test]
async fn another_method_is_told_which_one_the_path_takes() {
    let provider = Provider::start().await;
    let house = House::new(&provider).start().await;
    let answer = house.client().await.get("/v1/chat/completions", &[]).await;
    assert_eq!(
        (answer.status, answer.headers["allow"].to_str().unwrap()),
        (405, "POST")
    );
    assert_eq!(answer.json()["error"]["message"], "this path takes POST");
}
