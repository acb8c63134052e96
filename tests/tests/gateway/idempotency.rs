//! The same `Idempotency-Key` twice is one turn and one answer.

use creel_testkit::provider::{Gate, Provider, Reply};
use creel_tests::gateway::Gateway;
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn the_same_key_gives_the_same_answer() {
    let provider = Provider::start().await;
    provider.reply("once").reply("twice");
    let gateway = Gateway::of(&provider).await;
    let ask = || gateway.ask(json!({"message": "hi", "session_id": "s1"})).with_key("k1");
    let first = ask().await.ok();
    assert_eq!(first["reply"], "once");
    assert_eq!(ask().await.ok(), first);
    assert_eq!(provider.requests().len(), 1);
    assert_eq!(gateway.messages("s1").await.len(), 2);
}

#[tokio::test]
async fn at_the_same_time_too() {
    let provider = Provider::start().await;
    let gate = Gate::closed();
    provider.then(Reply::text("once").gated(&gate)).reply("twice");
    let gateway = Gateway::of(&provider).await;
    let ask = || {
        gateway
            .post("/api/v1/chat/stream", &json!({"message": "hi"}))
            .with_key("k1")
            .events()
    };
    let (first, second) = (ask().await, ask().await);
    gate.open();
    assert_eq!(first.last("done").await, second.last("done").await);
    assert_eq!(provider.requests().len(), 1);
}

#[tokio::test]
async fn after_a_restart_too_and_without_a_session() {
    let provider = Provider::start().await;
    provider.reply("once").reply("twice");
    let mut gateway = Gateway::of(&provider).await;
    let first = gateway.ask(json!({"message": "hi"})).with_key("k1").await.ok();
    gateway = gateway.restart().await;
    assert_eq!(gateway.ask(json!({"message": "hi"})).with_key("k1").await.ok(), first);
    assert_eq!(provider.requests().len(), 1);
    assert_ne!(
        gateway.ask(json!({"message": "hi"})).with_key("k2").await.ok()["session_id"],
        first["session_id"]
    );
}

#[tokio::test]
async fn a_key_belongs_to_its_message() {
    let provider = Provider::start().await;
    let gateway = Gateway::of(&provider).await;
    gateway
        .ask(json!({"message": "hi", "session_id": "s1"}))
        .with_key("k1")
        .await
        .ok();
    let other = gateway
        .ask(json!({"message": "ho", "session_id": "s1"}))
        .with_key("k1")
        .await;
    assert_eq!(other.problem(), (422, "idempotency_key_reused".into()));
    let long = gateway.ask(json!({"message": "hi"})).with_key(&"k".repeat(256)).await;
    assert_eq!(long.problem(), (400, "bad_request".into()));
}

#[tokio::test]
async fn an_answer_given_again_can_be_streamed() {
    let provider = Provider::start().await;
    provider.reply("Hello there.");
    let gateway = Gateway::of(&provider).await;
    let first = gateway.ask(json!({"message": "hi"})).with_key("k1").await.ok();
    let mut again = gateway
        .post("/api/v1/chat/stream", &json!({"message": "hi"}))
        .with_key("k1")
        .events()
        .await;
    assert_eq!(again.delta().await, "Hello there.");
    assert_eq!(again.last("done").await, first);
}

#[tokio::test]
async fn what_failed_is_tried_again() {
    let provider = Provider::start().await;
    provider.then(Reply::status(401)).reply("now it works");
    let gateway = Gateway::of(&provider).await;
    let ask = || gateway.ask(json!({"message": "hi", "session_id": "s1"})).with_key("k1");
    assert_eq!(ask().await.problem(), (502, "provider_unauthorized".into()));
    assert_eq!(ask().await.ok()["reply"], "now it works");
    assert_eq!(ask().await.ok()["reply"], "now it works");
    assert_eq!(provider.requests().len(), 2);
    assert_eq!(gateway.messages("s1").await, ["user: hi", "assistant: now it works"]);
}

#[tokio::test]
async fn a_turn_that_broke_off_goes_on_and_does_nothing_twice() {
    let provider = Provider::start().await;
    provider
        .tool_call(
            "memory_append",
            r#"{"path":"MEMORY.md","text":"The cat is named Mochi."}"#,
        )
        .then(Reply::status(401))
        .reply("I'll remember.");
    let gateway = Gateway::of(&provider).await;
    let request = json!({"message": "My cat is named Mochi.", "session_id": "s1"});
    let ask = || gateway.ask(request.clone()).with_key("k1");
    assert_eq!(ask().await.problem(), (502, "provider_unauthorized".into()));
    assert_eq!(
        gateway.chat_in("s1", "Something else.").await["reply"],
        "I'll remember."
    );
    provider.reply("So I did.");
    assert_eq!(ask().await.ok()["reply"], "So I did.");
    let told = provider.received(3).await.json()["messages"].clone();
    let roles: Vec<_> = told
        .as_array()
        .into_iter()
        .flatten()
        .map(|said| said["role"].clone())
        .collect();
    assert_eq!(
        roles,
        ["system", "user", "assistant", "user", "assistant", "tool"],
        "{told}"
    );
    let memory = std::fs::read_to_string(gateway.state_dir().join("workspace/MEMORY.md")).expect("it was written");
    assert_eq!(memory.matches("Mochi").count(), 1, "{memory}");
    let messages = gateway.messages("s1").await;
    let asked = messages.iter().filter(|message| message.starts_with("user: My cat"));
    assert_eq!(asked.count(), 1, "{messages:?}");
}

#[tokio::test]
async fn after_kill_9_in_the_middle_of_a_reply_too() {
    let provider = Provider::start().await;
    let gate = Gate::closed();
    provider
        .then(Reply::pieces(["half ", "lost"]).gated(&gate))
        .reply("whole");
    let gateway = Gateway::of(&provider).await;
    let request = json!({"message": "hi", "session_id": "s1"});
    let mut events = gateway
        .post("/api/v1/chat/stream", &request)
        .with_key("k1")
        .events()
        .await;
    gate.pass(1);
    events.delta().await;
    let gateway = gateway.kill().await.start().await;
    assert_eq!(gateway.ask(request).with_key("k1").await.ok()["reply"], "whole");
    assert_eq!(gateway.messages("s1").await, ["user: hi", "assistant: whole"]);
}

#[tokio::test]
async fn completions_with_a_key_leave_no_session_behind_in_the_list() {
    let provider = Provider::start().await;
    provider.reply("once").reply("twice");
    let gateway = Gateway::of(&provider).await;
    let request = json!({"model": "fake/m1", "messages": [{"role": "user", "content": "hi"}]});
    let ask = || {
        gateway
            .call(Method::POST, "/v1/chat/completions")
            .json(&request)
            .with_key("k1")
    };
    for _ in 0..2 {
        assert_eq!(ask().await.ok()["choices"][0]["message"]["content"], "once");
    }
    assert_eq!(gateway.get("/api/v1/sessions").await.ok(), json!({"sessions": []}));
}

#[tokio::test]
async fn calls_of_the_clients_own_tools_are_given_again() {
    let provider = Provider::start().await;
    provider.tool_call("weather", r#"{"city":"Kyiv"}"#).reply("twice");
    let gateway = Gateway::of(&provider).await;
    let request = json!({
        "messages": [{"role": "user", "content": "How is it there?"}],
        "tools": [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}],
    });
    let ask = || {
        gateway
            .call(Method::POST, "/v1/chat/completions")
            .json(&request)
            .with_key("k1")
    };
    let first = ask().await.ok()["choices"][0].clone();
    assert_eq!(first["message"]["tool_calls"][0]["function"]["name"], "weather");
    assert_eq!(ask().await.ok()["choices"][0], first);
    assert_eq!(provider.requests().len(), 1);
}

#[tokio::test]
async fn a_completion_asked_for_again_is_the_same_object() {
    let provider = Provider::start().await;
    for reply in ["once", "in a session", "streamed"] {
        provider.reply(reply);
    }
    let mut gateway = Gateway::of(&provider).await;
    let request = json!({"model": "fake/m1", "messages": [{"role": "user", "content": "hi"}]});
    let mut streamed = request.clone();
    streamed["stream"] = json!(true);
    let ask = |gateway: &Gateway, key: &str, user: Option<&str>| {
        let mut request = request.clone();
        request["user"] = json!(user);
        gateway.post("/v1/chat/completions", &request).with_key(key)
    };
    let first = ask(&gateway, "k1", None).await.ok();
    let in_session = ask(&gateway, "k1", Some("ada")).await.ok();
    assert_ne!(first["id"], in_session["id"], "another conversation");
    let chunks = async |gateway: &Gateway, key: &str| {
        let call = gateway.post("/v1/chat/completions", &streamed).with_key(key);
        let events = call.events().await.rest().await;
        let whole: Vec<_> = events.iter().filter(|event| event.data != "[DONE]").collect();
        assert_eq!(whole[0].json()["choices"][0]["delta"]["role"], "assistant");
        let ids = whole
            .iter()
            .map(|event| (event.json()["id"].clone(), event.json()["created"].clone()));
        let mut ids: Vec<_> = ids.collect();
        ids.dedup();
        assert_eq!(ids.len(), 1, "one object in all chunks");
        ids.remove(0)
    };
    let stream = chunks(&gateway, "k2").await;
    assert_eq!(
        chunks(&gateway, "k1").await,
        (first["id"].clone(), first["created"].clone())
    );
    gateway = gateway.restart().await;
    assert_eq!(ask(&gateway, "k1", None).await.ok(), first);
    assert_eq!(ask(&gateway, "k1", Some("ada")).await.ok(), in_session);
    assert_eq!(chunks(&gateway, "k2").await, stream);
    assert_eq!(provider.requests().len(), 3);
}
