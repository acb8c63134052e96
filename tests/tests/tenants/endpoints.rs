//! Where users may name model providers and tool servers of their own: what they reach by them, and what they do not.

use creel_testkit::provider::Provider;
use creel_tests::mcp;
use creel_tests::tenants::{SERVICE_TOKEN, Service};
use serde_json::{Value, json};

/// A model of the user's own, at this address.
fn own_model(url: &str) -> Value {
    json!({
        "models": {"providers": {"mine": {"baseUrl": url, "models": [{"id": "m"}]}}},
        "agents": {"defaults": {"model": "mine/m"}},
    })
}

#[tokio::test]
async fn only_the_open_internet_is_called_for_a_user() {
    let (service, [alice]) = Service::with(["alice"], json!({"multiTenant": {"userEndpoints": true}})).await;
    let inner = Provider::start().await;
    let port = inner.openai_url().rsplit(':').next().unwrap_or_default().to_owned();
    for host in ["127.0.0.1", "localhost", "2130706433", "[::1]", "[::ffff:7f00:1]"] {
        service
            .cloud
            .configure("alice", own_model(&format!("http://{host}:{port}")));
        service.sync().await.ok();
        let refused = service.greet(&alice, "s").await;
        assert!([400, 502].contains(&refused.problem().0), "{host}: {refused:?}");
        assert!(
            refused.text.contains("not one of the open internet"),
            "{host}: {refused:?}"
        );
    }
    assert!(inner.requests().is_empty() && service.provider.requests().is_empty());

    let server = mcp::HttpServer::start().await;
    service
        .cloud
        .configure("alice", json!({"mcp": {"servers": {"inner": server.config()}}}));
    service.sync().await.ok();
    service.greet(&alice, "s").await.ok();
    let offered = service.provider.received(0).await.json()["tools"].to_string();
    assert!(
        offered.contains("memory_read") && !offered.contains("inner__"),
        "{offered}"
    );
    service.gateway.log().line_with("not one of the open internet").await;
}

#[tokio::test]
async fn private_addresses_are_called_where_the_operator_says_so() {
    let any = json!({"multiTenant": {"userEndpoints": true, "privateEndpoints": true}});
    let (service, [alice, bob]) = Service::with(["alice", "bob"], any).await;
    let own = Provider::start().await;
    let server = mcp::HttpServer::start().await;
    let mut config = own_model(&own.openai_url());
    config["mcp"] = json!({"servers": {"inner": server.config()}});
    service.cloud.configure("alice", config);
    service.sync().await.ok();
    assert_eq!(service.greet(&alice, "s").await.ok()["model"], "mine/m");
    service.gateway.log().lines_with(mcp::CONNECTED, 1).await;
    own.tool_call("inner__echo", r#"{"text":"ping"}"#).reply("Pong.");
    service.greet(&alice, "s").await.ok();
    assert!(own.received(2).await.json()["messages"].to_string().contains("ping"));
    service.greet(&bob, "s").await.ok();
    assert_eq!(service.provider.requests().len(), 1, "bob has the operator's");
    let operators = service.provider.received(0).await;
    assert!(
        !operators.json()["tools"].to_string().contains("inner__"),
        "and none of alice's tools"
    );
}

#[tokio::test]
async fn what_users_call_their_models_and_tools_is_in_no_metric() {
    let any = json!({"multiTenant": {"userEndpoints": true, "privateEndpoints": true}});
    let (service, [alice, bob]) = Service::with(["alice", "bob"], any).await;
    let own = Provider::start().await;
    let server = mcp::HttpServer::start().await;
    let mut config = own_model(&own.openai_url());
    config["mcp"] = json!({"servers": {"secret-project": server.config()}});
    service.cloud.configure("alice", config);
    service.sync().await.ok();
    service.greet(&alice, "s").await.ok();
    service.gateway.log().lines_with(mcp::CONNECTED, 1).await;
    own.tool_call("secret-project__echo", r#"{"text":"ping"}"#)
        .reply("Pong.");
    service.greet(&alice, "s").await.ok();
    for number in 0..20 {
        let model = format!("fake/invented-{number}");
        service.ask(&bob, json!({"message": "hi", "model": model})).await.ok();
    }
    let metrics = service.gateway.get("/metrics").with_token(SERVICE_TOKEN).await.text;
    for said in ["invented", "mine/m", "secret-project"] {
        assert!(!metrics.contains(said), "{said}: {metrics}");
    }
    assert!(
        metrics.contains("model=\"other\"") && metrics.contains("tool=\"mcp\""),
        "{metrics}"
    );
}
