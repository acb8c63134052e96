//! The operator's tool servers, one process for each user.

use creel_testkit::provider::{Exchange, Reply};
use creel_tests::mcp;
use creel_tests::tenants::{SERVICE_TOKEN, Service};
use creel_tests::wait::until;
use reqwest::Method;
use serde_json::{Value, json};

/// What the server told of its environment.
fn environment(request: &Exchange) -> Value {
    let messages = request.json()["messages"].as_array().cloned().unwrap_or_default();
    let told = messages.iter().rfind(|message| message["role"] == "tool").cloned();
    let told = told.expect("a tool was called")["content"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    serde_json::from_str(&told).expect("JSON")
}

#[tokio::test]
async fn everybody_has_a_server_of_their_own_which_ends_when_they_are_unloaded() {
    let servers = json!({"mcp": {"servers": {"box": mcp::stdio()}}});
    let (service, users) = Service::with(["alice", "bob"], servers).await;
    let mut seen = Vec::new();
    for (index, (name, token)) in ["alice", "bob"].iter().zip(&users).enumerate() {
        service.greet(token, "s").await.ok();
        service.gateway.log().lines_with(mcp::CONNECTED, index + 1).await;
        service
            .provider
            .then(Reply::tool_call("box__environment", "{}"))
            .then(Reply::text("Seen."));
        service.greet(token, "s").await.ok();
        let environment = environment(&*service.provider.received(3 * index + 2).await);
        let workspace = service.workspace(name).canonicalize().expect("it is there");
        assert_eq!(environment["PWD"].as_str(), workspace.to_str());
        assert!(!environment.to_string().contains(SERVICE_TOKEN), "{environment}");
        seen.push(environment["PID"].as_str().unwrap_or_default().to_owned());
    }
    assert_ne!(seen[0], seen[1]);
    // A turn is over for its user before it is for the gateway.
    until("nobody to be loaded", || async {
        let cleaned = service.admin(Method::POST, "/users/cleanup?idle_ms=0").await.ok();
        (cleaned["active_instances"] == 0).then_some(())
    })
    .await;
    until("the servers' end", || async {
        let runs =
            |pid: &String| std::fs::read_to_string(format!("/proc/{pid}/cmdline")).is_ok_and(|line| !line.is_empty());
        (!seen.iter().any(runs)).then_some(())
    })
    .await;
}
