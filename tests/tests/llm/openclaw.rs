//! Upstream OpenClaw with the LLM Gateway as its provider.

use creel_testkit::provider::{Provider, Reply};
use creel_tests::llm::Llm;
use creel_tests::scripts::openclaw;
use creel_tests::up::Up;
use serde_json::json;

#[tokio::test]
async fn upstream_talks_through_the_gateway() {
    let provider = Provider::start().await;
    provider.always(Reply::text("Hello from the model.").usage(7, 4));
    let builder = Up::builder().env("CREEL_OPENCLAW_CACHE", openclaw().to_str().unwrap());
    let llm = Llm::start(&provider, builder).await;
    let request = json!({"id": "upstream", "runtime": "openclaw", "start": false});
    let created = llm.up.post("/api/instances", &request).await;
    assert_eq!(created.status, 201, "{created:?}");
    for (key, value) in [
        ("models.mode", json!("merge")),
        (
            "models.providers.creel",
            json!({
                "baseUrl": format!("{}/v1", llm.url()), "apiKey": llm.key, "api": "openai-completions",
                "models": [{"id": "c1", "name": "C1", "reasoning": false, "input": ["text"], "contextWindow": 128000, "maxTokens": 4096,
                            "cost": {"input": 0, "output": 0, "cacheRead": 0, "cacheWrite": 0}}],
            }),
        ),
        ("agents.defaults.model.primary", json!("creel/c1")),
    ] {
        llm.up
            .creel_json(&["instance", "config", "set", "upstream", key, &value.to_string()])
            .await;
    }
    let started = llm.up.post("/api/instances/upstream/start", &json!({})).await.ok();
    assert_eq!(started["status"], "running", "{started:#}");
    let token = created.json()["token"].as_str().unwrap().to_owned();
    let instance = llm.up.instance("upstream", &token).await;
    assert_eq!(instance.says("hi").await, "Hello from the model.");
    let asked = provider.requests();
    assert!(
        asked.iter().any(|asked| asked.path == "/v1/messages"),
        "translated for a provider of the other style"
    );
    assert!(llm.cost().await >= 11);
}
