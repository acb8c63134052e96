//! Real upstream OpenClaw under the same supervisor.

use creel_testkit::provider::{Provider, Reply};
use creel_tests::scripts::openclaw;
use creel_tests::up::Up;
use serde_json::json;

#[tokio::test]
async fn upstream_runs_answers_and_is_adopted() {
    let provider = Provider::start().await;
    provider.always(Reply::text("Hello from the model."));
    let up = Up::builder()
        .env("CREEL_OPENCLAW_CACHE", openclaw().to_str().unwrap())
        .start()
        .await;
    let request = json!({"id": "upstream", "runtime": "openclaw", "start": false});
    let created = up.post("/api/instances", &request).await;
    assert_eq!(created.status, 201, "{created:?}");
    assert_eq!(created.json()["instance"]["version"], "2026.9.6");
    for (key, value) in [
        ("models.mode", json!("merge")),
        (
            "models.providers.corp",
            json!({
                "baseUrl": provider.openai_url(), "apiKey": "sk-fake", "api": "openai-completions",
                "models": [{"id": "m1", "name": "M1", "reasoning": false, "input": ["text"], "contextWindow": 128000, "maxTokens": 4096,
                            "cost": {"input": 0, "output": 0, "cacheRead": 0, "cacheWrite": 0}}],
            }),
        ),
        ("agents.defaults.model.primary", json!("corp/m1")),
        ("browser.enabled", json!(true)),
    ] {
        up.creel_json(&["instance", "config", "set", "upstream", key, &value.to_string()])
            .await;
    }
    let started = up.post("/api/instances/upstream/start", &json!({})).await.ok();
    assert_eq!(started["status"], "running", "{started:#}");
    let oddity = "`browser.enabled` has no effect";
    assert!(
        started["message"].as_str().is_some_and(|said| said.contains(oddity)),
        "{started:#}"
    );
    up.log().line_with(oddity).await;
    let token = created.json()["token"].as_str().unwrap().to_owned();
    let instance = up.instance("upstream", &token).await;
    assert_eq!(instance.says("hi").await, "Hello from the model.");
    assert_eq!(instance.get("/v1/models").with_token("wrong").await.status, 401);

    let pid = up.pid("upstream").await;
    let up = up.kill().await.start().await;
    assert_eq!(up.status_is("upstream", "running").await["pid"], pid, "adopted");
    let stopped = up.post("/api/instances/upstream/stop", &json!({})).await.ok();
    assert_eq!(stopped["status"], "stopped");
}
