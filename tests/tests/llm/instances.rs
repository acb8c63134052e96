//! Instances ask models through the gateway, with a key of their own.

use creel_testkit::provider::{Provider, Reply};
use creel_tests::llm::{Llm, PROVIDER_KEY};
use creel_tests::up::Up;
use serde_json::json;

#[tokio::test]
async fn an_instance_gets_a_virtual_key_and_never_sees_the_providers() {
    let provider = Provider::start().await;
    provider.always(Reply::text("Hello from the model.").usage(7, 4));
    let builder = Up::builder()
        .env("OPENAI_API_KEY", PROVIDER_KEY)
        .env("OPENAI_BASE_URL", &provider.openai_url());
    let llm = Llm::start(&provider, builder).await;
    let instance = llm.up.create("alice").await;
    assert_eq!(instance.says("hi").await, "Hello from the model.");
    assert!(llm.cost().await >= 11, "metered");
    let environment = std::fs::read(format!("/proc/{}/environ", llm.up.pid("alice").await)).unwrap();
    let environment = String::from_utf8_lossy(&environment);
    assert!(environment.contains("OPENAI_API_KEY=sk-creel-"), "{environment}");
    assert!(!environment.contains(PROVIDER_KEY));

    let by_hand = llm.key_with(json!({"instance": "alice"})).await;
    llm.up.post("/api/instances/alice/restart", &json!({})).await.ok();
    let keys = llm.up.get("/api/llm/keys").await.json()["keys"].clone();
    let of_alice = keys.as_array().unwrap().iter().filter(|key| key["instance"] == "alice");
    let in_force: Vec<bool> = of_alice.map(|key| key["revoked_at"].is_null()).collect();
    assert_eq!(
        in_force,
        [false, true, true],
        "the key of the earlier start is void, the one made by hand is not"
    );
    let models = llm.call(reqwest::Method::GET, "/v1/models").with_token(&by_hand);
    models.await.ok();
    assert_eq!(instance.says("hi").await, "Hello from the model.");

    llm.up.delete("/api/instances/alice").await;
    let keys = llm.up.get("/api/llm/keys").await.json()["keys"].clone();
    let mut of_alice = keys.as_array().unwrap().iter().filter(|key| key["instance"] == "alice");
    assert!(
        of_alice.all(|key| key["revoked_at"].is_string()),
        "with the instance its keys go: {keys}"
    );
}

/// A server on one's own machine: it has an address, and wants no key.
#[tokio::test]
async fn an_address_alone_makes_a_provider() {
    for style in ["openai", "anthropic"] {
        let provider = Provider::start().await;
        provider.always(Reply::text("Hello from the model.").usage(7, 4));
        let (variable, url) = match style {
            "openai" => ("OPENAI_BASE_URL", provider.openai_url()),
            _ => ("ANTHROPIC_BASE_URL", provider.anthropic_url()),
        };
        let up = Up::builder().env(variable, &url).start().await;
        let model = format!("{style}/own-model");
        let instance = up.create_with(json!({"id": "alice", "model": model})).await;
        assert_eq!(instance.says("hi").await, "Hello from the model.");
        let asked = &provider.requests()[0];
        assert_eq!(asked.json()["model"], "own-model");
        for header in ["authorization", "x-api-key"] {
            assert_eq!(asked.header(header), "", "{style}");
        }
    }
}

#[tokio::test]
async fn without_any_key_an_instance_talks_with_the_demo() {
    let up = Up::start().await;
    let instance = up.create("alice").await;
    assert!(instance.says("hi").await.contains("demo"));
    assert_eq!(up.get("/api/llm/keys").await.json()["keys"], json!([]));
}
