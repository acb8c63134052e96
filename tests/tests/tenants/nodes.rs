//! Several gateways on one storage of workspaces.

use creel_testkit::cloud::CloudBackend;
use creel_testkit::provider::Provider;
use creel_tests::gateway::Gateway;
use creel_tests::tenants::{SERVICE_TOKEN, Service, builder};
use creel_tests::wait::until;
use serde_json::json;

/// Another gateway on the workspaces of this one.
async fn another(service: &Service) -> Gateway {
    let builder = builder(&service.cloud, &service.provider);
    let workspaces = service.gateway.builder_again().home().join("workspaces");
    let node = builder
        .config(json!({"multiTenant": {"workspaceRoot": workspaces}}))
        .start()
        .await;
    node.eventually("readiness", |node| node.get("/readyz"), |answer| answer.status == 200)
        .await;
    node
}

async fn service() -> (Service, String) {
    let cloud = CloudBackend::start(SERVICE_TOKEN).await;
    let alice = cloud.add("alice");
    (Service::on(cloud, Provider::start().await, json!({})).await, alice)
}

#[tokio::test]
async fn a_session_goes_on_at_another_node_whose_clock_is_an_hour_behind() {
    let (service, alice) = service().await;
    service.greet(&alice, "s").await.ok();
    // The session is given back after the answer, and before its user has nothing under way any more.
    until("the session to be given back", || async {
        (service.stats().await["pending_requests"] == 0).then_some(())
    })
    .await;
    // As a node has left it whose clock is an hour ahead: epochs are no older than the time.
    let an_hour_ahead = |text: &str| {
        let mark = "\"epoch\":";
        let mut parts = text.split(mark);
        let mut ahead = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let digits = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
            let epoch: u64 = part[..digits].parse().expect("an epoch is a number");
            ahead.push_str(&format!("{mark}{}{}", epoch + 3_600_000, &part[digits..]));
        }
        ahead
    };
    let mut changed = 0;
    for directory in ["workspaces/alice/sessions", "workspaces/.leases", ".openclaw/leases"] {
        let directory = service.gateway.builder_again().home().join(directory);
        for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
            let text = std::fs::read_to_string(entry.path()).expect("it can be read");
            std::fs::write(entry.path(), an_hour_ahead(&text)).expect("it can be written");
            changed += 1;
        }
    }
    assert_eq!(changed, 2, "the transcript and the lease");
    let node = another(&service).await;
    let answer = node
        .ask(json!({"message": "and?", "session_id": "s"}))
        .with_token(&alice)
        .await;
    answer.ok();
    service.greet(&alice, "s").await.ok();
    let session = node.get("/api/v1/sessions/s").with_token(&alice).await.ok();
    assert_eq!(session["messages"].as_array().map(Vec::len), Some(6), "{session}");
}

#[tokio::test]
async fn one_turn_at_a_time_in_a_session_whichever_node_is_asked() {
    let (service, alice) = service().await;
    let node = another(&service).await;
    let gate = creel_testkit::provider::Gate::closed();
    service
        .provider
        .then(creel_testkit::provider::Reply::pieces(["one ", "two"]).gated(&gate));
    let mut first = service.stream(&alice, "s").await;
    gate.pass(1);
    first.delta().await;
    let second = node
        .ask(json!({"message": "me too", "session_id": "s"}))
        .with_token(&alice);
    let second = tokio::spawn(second.into_future());
    gate.open();
    first.last("done").await;
    second.await.expect("it does not panic").ok();
    let session = node.get("/api/v1/sessions/s").with_token(&alice).await.ok();
    let roles: Vec<_> = session["messages"]
        .as_array()
        .expect("messages")
        .iter()
        .map(|message| message["role"].as_str().unwrap_or_default())
        .collect();
    assert_eq!(roles, ["user", "assistant", "user", "assistant"]);
}
