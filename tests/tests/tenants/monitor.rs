//! When something needs a person, a person is told, once.

use creel_testkit::cloud::Misbehaviour;
use creel_testkit::provider::Provider;
use creel_tests::tenants::{SERVICE_TOKEN, Service};
use creel_tests::wait::until;
use serde_json::json;

#[tokio::test]
async fn failed_syncs_are_told_to_the_log_the_metrics_and_the_webhook_and_so_is_their_end() {
    // It takes down whatever it is sent.
    let receiver = Provider::start().await;
    let webhook = format!("{}/hook?key=of-the-webhook", receiver.anthropic_url());
    let monitor = json!({"multiTenant": {"monitor": {"intervalMs": 20, "webhook": webhook, "memoryMb": 100_000}}});
    let (service, []) = Service::with([], monitor).await;
    service.cloud.misbehave(Misbehaviour::Broken);
    let raised = receiver.received(0).await.json();
    assert_eq!(
        (&raised["alert"], &raised["state"]),
        (&json!("sync_failures"), &json!("raised"))
    );
    assert_eq!(
        (raised["threshold"].as_u64(), raised["value"].as_u64() >= Some(3)),
        (Some(3), true)
    );
    let log = service.gateway.log();
    log.line_with("syncs with the Cloud Backend failed in a row").await;
    assert_eq!(service.stats().await["alerts"][0]["alert"], "sync_failures");
    let shown = "creel_gateway_alert{alert=\"sync_failures\"} ";
    let metrics = || async { service.gateway.get("/metrics").with_token(SERVICE_TOKEN).await.text };
    assert!(metrics().await.contains(&format!("{shown}1")));
    service.cloud.misbehave(Misbehaviour::None);
    let resolved = receiver.received(1).await.json();
    assert_eq!(resolved["state"], "resolved");
    until("the metric", || async {
        metrics().await.contains(&format!("{shown}0")).then_some(())
    })
    .await;
    assert_eq!(receiver.requests().len(), 2, "once each");
    assert!(!log.so_far().contains("of-the-webhook"), "the address stays secret");
}

#[tokio::test]
async fn so_are_too_much_memory_and_too_many_users() {
    let low = json!({"multiTenant": {"maxCachedUsers": 2, "monitor": {"intervalMs": 20, "memoryMb": 1, "activeUsersPercent": 50}}});
    let (service, [alice, bob]) = Service::with(["alice", "bob"], low).await;
    service.greet(&alice, "s").await.ok();
    service.greet(&bob, "s").await.ok();
    let alerts = until("both alerts", || async {
        let alerts = service.stats().await["alerts"].clone();
        (alerts.as_array().map(Vec::len) == Some(2)).then_some(alerts)
    })
    .await;
    assert_eq!(
        (&alerts[0]["alert"], &alerts[1]["alert"]),
        (&json!("active_users"), &json!("memory"))
    );
}
