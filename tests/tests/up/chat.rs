//! The console's chat with an instance: whoever leaves the page ends what the model was asked.

use creel_testkit::provider::{End, Gate, Provider, Reply};
use creel_tests::up::Up;
use creel_tests::wait::within;
use serde_json::json;

/// A control plane whose instance `a` asks this provider.
async fn up_with(provider: &Provider) -> Up {
    let up = Up::start().await;
    up.create("a").await;
    let config = json!({
        "models": {"providers": {"fake": {"baseUrl": provider.openai_url(), "api": "openai-completions", "models": [{"id": "m1"}]}}},
        "agents": {"defaults": {"model": "fake/m1"}},
    });
    let content = json!({"content": config.to_string()});
    up.put("/api/instances/a/config", &content).await.ok();
    up.post("/api/instances/a/restart", &json!({})).await.ok();
    up
}

#[tokio::test]
async fn who_leaves_the_page_cancels_the_model_call() {
    let provider = Provider::start().await;
    let up = up_with(&provider).await;
    for (number, stream) in [true, false].into_iter().enumerate() {
        let gate = Gate::closed();
        provider.then(Reply::pieces(["half ", "and never more"]).gated(&gate));
        let request = json!({"model": "openclaw", "stream": stream, "messages": [{"role": "user", "content": "hi"}]});
        let call = up.post("/api/instances/a/chat/completions", &request);
        let asked = tokio::spawn(async move { call.await });
        let received = within("the model's request", provider.received(number)).await;
        asked.abort();
        assert_eq!(
            within("hang-up", received.ended()).await,
            End::HungUp,
            "stream: {stream}"
        );
    }
}
