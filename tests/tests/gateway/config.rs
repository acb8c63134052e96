//! A configuration that changes under a running gateway.

use creel_testkit::provider::{Gate, Provider, Reply};
use creel_tests::gateway::Gateway;
use serde_json::json;

#[tokio::test]
async fn model_token_and_limits_change_without_a_restart() {
    let provider = Provider::start().await;
    let mut gateway = Gateway::of(&provider).await;
    assert_eq!(gateway.chat("hi").await["model"], "fake/m1");
    let pid = gateway.pid();
    gateway.reconfigure(json!({
        "agents": {"defaults": {"model": "fake/m2"}},
        "gateway": {"auth": {"token": "another one"}, "limits": {"maxBodyBytes": 100}},
    }));
    gateway.log().line_with("configuration reloaded").await;
    assert_eq!(gateway.ask(json!({"message": "hi"})).await.status, 401);
    let ask = |message: &str| gateway.ask(json!({"message": message})).with_token("another one");
    assert_eq!(ask("hi").await.ok()["model"], "fake/m2");
    assert_eq!(ask(&"x".repeat(100)).await.problem(), (413, "too_large".into()));
    assert_eq!(gateway.pid(), pid);
}

#[tokio::test]
async fn a_running_turn_keeps_the_configuration_that_it_began_with() {
    let provider = Provider::start().await;
    let gate = Gate::closed();
    provider.then(Reply::text("Good old days.").gated(&gate));
    let mut gateway = Gateway::of(&provider).await;
    let turn = gateway.stream("hi").await;
    gateway.reconfigure(json!({"agents": {"defaults": {"model": "fake/m2"}}}));
    gateway.log().line_with("configuration reloaded").await;
    gate.open();
    assert_eq!(turn.last("done").await["model"], "fake/m1");
}

#[tokio::test]
async fn a_broken_edit_keeps_the_last_good_one_and_says_where() {
    let provider = Provider::start().await;
    let mut gateway = Gateway::of(&provider).await;
    gateway.rewrite_config("{\n  gateway: {\n    auth: { token: 'oops' }\n    bind: 'lan',\n  },\n}\n");
    let said = gateway.log().line_with("the last good one stays").await;
    assert!(said.contains("ERROR") && said.contains("openclaw.json:4:5: "), "{said}");
    assert_eq!(gateway.chat("hi").await["model"], "fake/m1");
    gateway.reconfigure(json!({"agents": {"defaults": {"model": "fake/m2"}}}));
    gateway.log().line_with("configuration reloaded").await;
    assert_eq!(gateway.chat("hi").await["model"], "fake/m2");
}

#[tokio::test]
async fn an_edit_that_would_open_the_door_is_refused() {
    let gateway = Gateway::builder().args(&["--bind", "lan"]).start().await;
    gateway.rewrite_config("{}");
    gateway.log().line_with("the last good one stays").await;
    assert_eq!(gateway.get("/v1/models").without_token().await.status, 401);
}

#[tokio::test]
async fn what_needs_a_restart_is_said() {
    let mut gateway = Gateway::builder().start().await;
    gateway.reconfigure(json!({"gateway": {"bind": "lan"}}));
    let said = gateway
        .log()
        .line_with("these settings change with the next restart")
        .await;
    assert!(
        said.contains("gateway.bind") && !said.contains("gateway.port"),
        "{said}"
    );
    assert_eq!(gateway.get("/healthz").await.status, 200);
}

#[tokio::test]
async fn a_gateway_stays_who_it_is() {
    let mut gateway = Gateway::builder().start().await;
    let before = gateway.get("/api/v1/health").await.ok()["instance_id"].clone();
    assert!(before.is_string(), "{before}");
    gateway.reconfigure(json!({"gateway": {"port": 1234}, "cluster": {"instanceId": "somebody-else"}}));
    gateway.log().line_with("configuration reloaded").await;
    assert_eq!(gateway.get("/api/v1/health").await.ok()["instance_id"], before);
}
