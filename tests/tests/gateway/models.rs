//! What model providers do wrong, and what the gateway makes of it.

use creel_testkit::ports;
use creel_testkit::provider::{End, Provider, Reply};
use creel_tests::gateway::{API_KEY, Gateway};
use creel_tests::wait::{until, within};
use serde_json::json;

#[tokio::test]
async fn without_a_provider_the_demo_says_that_it_is_no_model() {
    let gateway = Gateway::builder().start().await;
    let answer = gateway.chat("What is the capital of France?").await;
    let reply = answer["reply"].as_str().unwrap_or_default();
    assert_eq!(answer["model"], "demo/demo");
    assert!(
        reply.contains("OPENAI_API_KEY") && reply.contains("capital of France"),
        "{reply}"
    );
    let chinese = gateway.chat("你好吗？").await;
    assert!(
        chinese["reply"].as_str().is_some_and(|reply| reply.contains("模型")),
        "{chinese}"
    );
}

#[tokio::test]
async fn a_key_in_the_environment_turns_a_real_one_on() {
    let provider = Provider::start().await;
    provider.require_key(API_KEY);
    let openai = Gateway::builder()
        .env("OPENAI_API_KEY", API_KEY)
        .env("OPENAI_BASE_URL", &provider.openai_url());
    assert!(
        openai.start().await.chat("hi").await["model"]
            .as_str()
            .is_some_and(|model| model.starts_with("openai/"))
    );
    let anthropic = Gateway::builder()
        .env("ANTHROPIC_API_KEY", API_KEY)
        .env("ANTHROPIC_BASE_URL", &provider.anthropic_url());
    let model = anthropic.start().await.chat("hi").await["model"].clone();
    assert!(
        model.as_str().is_some_and(|model| model.starts_with("anthropic/")),
        "{model}"
    );
}

#[tokio::test]
async fn a_key_that_is_refused_is_said_but_not_shown() {
    let provider = Provider::start().await;
    let gateway = Gateway::of(&provider).await;
    provider.require_key("another key");
    let refused = gateway.ask(json!({"message": "hi", "session_id": "s1"})).await;
    assert_eq!(refused.problem(), (502, "provider_unauthorized".into()));
    gateway.log().line_with("provider_unauthorized").await;
    assert!(
        !refused.text.contains(API_KEY) && !gateway.log().so_far().contains(API_KEY),
        "{refused:?}"
    );
    assert_eq!(
        provider.requests().len(),
        1,
        "a wrong key does not get better by asking again"
    );
    assert_eq!(gateway.messages("s1").await, ["user: hi"]);
}

#[tokio::test]
async fn a_busy_provider_is_asked_again_when_it_says() {
    let provider = Provider::start().await;
    provider.then(Reply::status(429).retry_after("0")).reply("now");
    let gateway = Gateway::of(&provider).await;
    assert_eq!(gateway.chat("hi").await["reply"], "now");
    assert_eq!(provider.requests().len(), 2);
}

#[tokio::test]
async fn who_would_wait_too_long_is_told_how_long() {
    let provider = Provider::start().await;
    provider.then(Reply::status(429).retry_after("3600"));
    let gateway = Gateway::of(&provider).await;
    let busy = gateway.ask(json!({"message": "hi"})).await;
    assert_eq!(busy.problem(), (429, "provider_rate_limited".into()));
    assert_eq!(busy.header("retry-after"), "3600");
    assert_eq!(provider.requests().len(), 1);
}

#[tokio::test]
async fn a_provider_that_stumbles_is_asked_again_and_one_that_fell_is_not() {
    let provider = Provider::start().await;
    let gateway = Gateway::of(&provider).await;
    provider.then(Reply::status(500)).reply("now");
    assert_eq!(gateway.chat("hi").await["reply"], "now");
    provider.always(Reply::status(500));
    assert_eq!(
        gateway.ask(json!({"message": "hi"})).await.problem(),
        (502, "provider_unavailable".into())
    );
    assert_eq!(provider.requests().len(), 2 + 3);
}

#[tokio::test]
async fn garbage_is_an_error() {
    let provider = Provider::start().await;
    provider.always(Reply::garbage());
    let gateway = Gateway::of(&provider).await;
    assert_eq!(
        gateway.ask(json!({"message": "hi"})).await.problem(),
        (502, "provider_unavailable".into())
    );
    assert_eq!(
        gateway.stream("hi").await.last("error").await["code"],
        "provider_unavailable"
    );
}

#[tokio::test]
async fn half_a_reply_is_an_error_and_kept() {
    let provider = Provider::start().await;
    provider.then(Reply::text("a reply of some words that never comes to its end").cut_halfway());
    let gateway = Gateway::of(&provider).await;
    let events = gateway.stream_in("s1", "hi").await.rest().await;
    let (error, deltas) = events.split_last().expect("events");
    assert_eq!(
        (error.name.as_str(), &error.json()["code"]),
        ("error", &json!("provider_cut"))
    );
    let half: String = deltas
        .iter()
        .map(|delta| delta.json()["text"].as_str().unwrap_or_default().to_owned())
        .collect();
    assert!(half.starts_with("a reply"), "{half}");
    assert_eq!(
        gateway.messages("s1").await,
        ["user: hi".to_owned(), format!("assistant: {half}")]
    );
    assert_eq!(provider.requests().len(), 1, "nobody wants to read it twice");
}

#[tokio::test]
async fn a_provider_that_gives_up_ends_the_turn() {
    let provider = Provider::start().await;
    provider.then(Reply::text("I was").gives_up());
    let gateway = Gateway::of(&provider).await;
    let error = gateway.stream("hi").await.last("error").await;
    assert!(
        error["message"]
            .as_str()
            .is_some_and(|text| text.starts_with("the model provider")),
        "{error}"
    );
}

#[tokio::test]
async fn an_answer_that_is_withheld_is_said_to_be() {
    let provider = Provider::start().await;
    provider
        .then(Reply::pieces([]).withheld())
        .then(Reply::text("First you").withheld())
        .then(Reply::pieces([]).withheld())
        .reply("Something else.");
    let gateway = Gateway::of(&provider).await;
    let note =
        "[The model's provider withheld the rest of this answer: its content filter objects. Ask in other words.]";
    assert_eq!(gateway.chat_in("s1", "how?").await["reply"], note);
    let done = gateway.stream_in("s1", "but how?").await.last("done").await;
    assert_eq!(done["reply"], format!("First you\n\n{note}"));
    let request = json!({"messages": [{"role": "user", "content": "how?"}]});
    let completion = gateway.post("/v1/chat/completions", &request).await.ok();
    let choice = &completion["choices"][0];
    assert_eq!(
        (&choice["finish_reason"], &choice["message"]["content"]),
        (&json!("content_filter"), &json!(note))
    );
    // What was said of it is what the model finds.
    gateway.chat_in("s1", "what, then?").await;
    let told = provider.requests()[3].json()["messages"].clone();
    assert_eq!(told[2], json!({"role": "assistant", "content": note}));
    assert_eq!(gateway.messages("s1").await.len(), 6);
}

#[tokio::test]
async fn a_reply_that_is_used_up_before_its_first_word_is_said_to_be() {
    let provider = Provider::start().await;
    provider
        .then(Reply::pieces([]).reasoning("Hm.").reaches_limit())
        .then(Reply::text("Half a").reaches_limit())
        .then(Reply::pieces([]).reaches_limit());
    let gateway = Gateway::of(&provider).await;
    let note = "[The model used up its reply before it said a word. Ask for less at once, or have its limit (maxTokens) raised.]";
    assert_eq!(gateway.chat("everything?").await["reply"], note);
    assert_eq!(gateway.chat("half of it?").await["reply"], "Half a");
    let request = json!({"messages": [{"role": "user", "content": "everything?"}]});
    let completion = gateway.post("/v1/chat/completions", &request).await.ok();
    let choice = &completion["choices"][0];
    assert_eq!(
        (&choice["finish_reason"], &choice["message"]["content"]),
        (&json!("length"), &json!(note))
    );
}

#[tokio::test]
async fn a_reply_of_50_mb_is_cut_off() {
    let provider = Provider::start().await;
    provider.then(Reply::huge(50 << 20)).reply("short");
    let gateway = Gateway::of(&provider).await;
    assert_eq!(
        gateway.ask(json!({"message": "hi"})).await.problem(),
        (502, "reply_too_large".into())
    );
    assert_eq!(within("hang-up", provider.received(0).await.ended()).await, End::HungUp);
    assert_eq!(gateway.chat("again").await["reply"], "short");
}

#[tokio::test]
async fn silence_ends_with_the_turns_time() {
    let provider = Provider::start().await;
    provider.always(Reply::hang());
    let gateway = Gateway::builder()
        .provider(&provider)
        .config(json!({"agents": {"defaults": {"timeoutSeconds": 1}}}))
        .start()
        .await;
    // A second may be over before the model was asked.
    until("a turn that got as far", || async {
        let silent = gateway.ask(json!({"message": "hi"})).await;
        assert_eq!(silent.problem(), (504, "turn_timed_out".into()));
        (!provider.requests().is_empty()).then_some(())
    })
    .await;
    assert_eq!(within("hang-up", provider.received(0).await.ended()).await, End::HungUp);
}

#[tokio::test]
async fn a_silent_model_gives_way_to_its_fallback() {
    let (silent, awake) = (Provider::start().await, Provider::start().await);
    silent.always(Reply::hang());
    let gateway = Gateway::builder()
        .provider(&awake)
        .config(json!({
            "models": {"providers": {"slow": {"baseUrl": silent.openai_url(), "timeoutSeconds": 1}}},
            "agents": {"defaults": {"model": {"primary": "slow/m0", "fallbacks": ["fake/m1"]}}},
        }))
        .start()
        .await;
    // A second may be over before the model was asked.
    until("a turn that got as far", || async {
        assert_eq!(gateway.chat("hi").await["model"], "fake/m1");
        (!silent.requests().is_empty()).then_some(())
    })
    .await;
    assert_eq!(within("hang-up", silent.received(0).await.ended()).await, End::HungUp);
}

#[tokio::test]
async fn a_fallback_answers_where_the_first_model_does_not() {
    let provider = Provider::start().await;
    provider.then(Reply::status(404)).reply("The second one.");
    let fallback = json!({"agents": {"defaults": {"model": {"primary": "fake/m1", "fallbacks": ["fake/m2"]}}}});
    let gateway = Gateway::builder().provider(&provider).config(fallback).start().await;
    let answer = gateway.chat("hi").await;
    assert_eq!(
        (&answer["reply"], &answer["model"]),
        (&json!("The second one."), &json!("fake/m2"))
    );
    let asked: Vec<_> = provider
        .requests()
        .iter()
        .map(|request| request.json()["model"].clone())
        .collect();
    assert_eq!(asked, ["m1", "m2"]);
}

#[tokio::test]
async fn nobody_at_the_address() {
    // Of a range that nobody else is given, so that nobody else is there when it has stopped.
    let provider = Provider::start_at(([127, 0, 0, 1], ports::range()).into());
    let gateway = Gateway::of(&provider).await;
    provider.stop().await;
    let refused = gateway.ask(json!({"message": "hi"})).await;
    assert_eq!(refused.problem(), (502, "provider_unavailable".into()));
    assert!(refused.text.contains("cannot be reached"), "{refused:?}");
}

#[tokio::test]
async fn a_name_that_nobody_has_is_not_found() {
    let provider = Provider::start().await;
    for (gateway, plain_names_are_asked) in [
        (Gateway::builder().start().await, true),
        (Gateway::of(&provider).await, false),
    ] {
        let complete = |model: &str| {
            let request = json!({"model": model, "messages": [{"role": "user", "content": "hi"}]});
            gateway.post("/v1/chat/completions", &request)
        };
        let not_found = (404, "model_not_found".to_owned());
        let chat = gateway.ask(json!({"message": "hi", "model": "nope/nope"})).await;
        assert_eq!(chat.problem(), not_found);
        let completion = complete("nope/nope").await;
        assert_eq!(
            (completion.status, completion.json()["error"]["code"].as_str()),
            (404, Some("model_not_found"))
        );
        let plain = if plain_names_are_asked { 200 } else { 404 };
        assert_eq!(
            gateway.ask(json!({"message": "hi", "model": "nope"})).await.status,
            plain
        );
        assert_eq!(complete("nope").await.status, plain);
        for name in ["nope", "nope/nope"] {
            let answer = gateway.get(&format!("/v1/models/{name}")).await;
            assert_eq!(
                (answer.status, answer.json()["error"]["code"].as_str()),
                (404, Some("model_not_found"))
            );
        }
    }
    let gateway = Gateway::of(&provider).await;
    let custom = gateway.ask(json!({"message": "hi", "model": "fake/custom"})).await.ok();
    assert_eq!(custom["model"], "fake/custom", "a provider may have more than it lists");
    for name in ["m1", "fake/m1", "fake/custom", "openclaw"] {
        assert_eq!(gateway.get(&format!("/v1/models/{name}")).await.ok()["id"], name);
    }
}

#[tokio::test]
async fn a_default_that_nobody_has_gives_way_to_one_that_somebody_has() {
    let provider = Provider::start().await;
    provider.require_key(API_KEY);
    let anthropic = |model: &str| {
        Gateway::builder()
            .env("ANTHROPIC_API_KEY", API_KEY)
            .env("ANTHROPIC_BASE_URL", &provider.anthropic_url())
            .config(json!({"agents": {"defaults": {"model": model}}}))
    };
    for model in ["gpt-4", "demo/demo", "nope/nope"] {
        let gateway = anthropic(model).start().await;
        assert_eq!(
            gateway.chat("hi").await["model"],
            "anthropic/claude-sonnet-4-6",
            "{model}"
        );
        let log = gateway.log().so_far();
        assert_eq!(log.matches("WARN").count(), 1, "{log}");
        assert!(log.contains("anthropic/claude-sonnet-4-6 answers instead"), "{log}");
    }
    let both = anthropic("gpt-4")
        .env("OPENAI_API_KEY", API_KEY)
        .env("OPENAI_BASE_URL", &provider.openai_url());
    let gateway = both.start().await;
    assert_eq!(gateway.chat("hi").await["model"], "openai/gpt-4");
    let claude = gateway
        .ask(json!({"message": "hi", "model": "claude-opus-4-1"}))
        .await
        .ok();
    assert_eq!(claude["model"], "anthropic/claude-opus-4-1");
    assert!(!gateway.log().so_far().contains("WARN"), "{}", gateway.log().so_far());
}

#[tokio::test]
async fn a_turn_that_fails_is_one_line_in_the_log() {
    let provider = Provider::start().await;
    provider.always(Reply::status(401));
    let gateway = Gateway::of(&provider).await;
    for _ in 0..2 {
        assert_eq!(gateway.ask(json!({"message": "hi"})).await.status, 502);
        gateway.stream("hi").await.last("error").await;
    }
    assert_eq!(
        gateway
            .metric(r#"creel_gateway_turns_total{result="provider_unauthorized"}"#)
            .await,
        4.0
    );
    let log = gateway.log().so_far();
    assert_eq!(log.matches("WARN").count(), 4, "{log}");
    assert_eq!(log.matches("turn failed").count(), 4, "{log}");
    assert_eq!(
        log.matches("model=fake/m1").count(),
        4 + 1,
        "beside the ready line: {log}"
    );
}
