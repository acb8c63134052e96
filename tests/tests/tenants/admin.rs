//! Whoever runs the service looks at the gateway.

use creel_tests::process::Process;
use creel_tests::tenants::{SERVICE_TOKEN, Service};
use creel_tests::wait::until;
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn the_service_token_lets_in_and_nothing_else() {
    let (service, [alice]) = Service::of(["alice"]).await;
    for (method, path) in [
        (Method::GET, "/stats"),
        (Method::POST, "/sync"),
        (Method::GET, "/users"),
        (Method::GET, "/users/alice"),
        (Method::POST, "/users/cleanup"),
    ] {
        let refused = service.admin(method.clone(), path).with_token(&alice).await;
        assert_eq!(refused.problem().0, 401, "{path}");
        assert_eq!(
            service.admin(method.clone(), path).without_token().await.status,
            401,
            "{path}"
        );
        service.admin(method, path).await.ok();
    }
}

#[tokio::test]
async fn it_tells_how_the_service_is() {
    let (service, [alice, _]) = Service::of(["alice", "bob"]).await;
    service.greet(&alice, "s").await.ok();
    service.greet(&alice, "s").await.ok();
    let stats = service.stats().await;
    assert_eq!(
        (&stats["total_users"], &stats["active_instances"]),
        (&json!(2), &json!(1))
    );
    assert_eq!(stats["sync_failures"], 0);
    // A turn is over for its user before it is for the gateway.
    until("nothing to be pending", || async {
        (service.stats().await["pending_requests"] == 0).then_some(())
    })
    .await;
    assert_eq!(stats["cache_hit_rate"], 0.5);
    assert!(stats["memory_bytes"].as_u64() > Some(1 << 20) && stats["connections"].as_u64() >= Some(1));
    assert!(
        stats["last_sync"].as_str().is_some_and(|at| at.ends_with('Z')),
        "{stats}"
    );
    let metrics = service.gateway.get("/metrics").with_token(SERVICE_TOKEN).await.text;
    assert!(metrics.contains("creel_gateway_registered_users 2") && metrics.contains("creel_gateway_active_users 1"));
}

#[tokio::test]
async fn users_are_listed_page_by_page_and_shown_one_by_one() {
    let (service, [alice]) = Service::of(["alice"]).await;
    service.cloud.add_many("user", 5);
    service.cloud.disable("user3");
    service.sync().await.ok();
    service.greet(&alice, "s").await.ok();
    let first = service.admin(Method::GET, "/users?search=user&limit=3").await.ok();
    assert_eq!(first["next"], "user2");
    assert_eq!(first["users"][0]["user_id"], "user0");
    let rest = service
        .admin(Method::GET, "/users?search=user&limit=3&after=user2")
        .await
        .ok();
    assert_eq!(
        (&rest["users"][0]["status"], &rest["next"]),
        (&json!("disabled"), &json!(null))
    );
    let one = service.admin(Method::GET, "/users/alice").await.ok();
    assert_eq!((&one["loaded"], &one["tokens"]), (&json!(true), &json!(1)));
    assert!(one["disk_bytes"].is_u64() && !one.to_string().contains(&alice), "{one}");
    assert_eq!(service.admin(Method::GET, "/users/nobody").await.problem().0, 404);
    assert_eq!(service.admin(Method::GET, "/users/..%2Fx").await.problem().0, 404);
}

#[tokio::test]
async fn a_user_whose_name_is_a_commands_is_shown_too() {
    let (service, []) = Service::of([]).await;
    service.cloud.add("cleanup");
    service.sync().await.ok();
    let shown = service.admin(Method::GET, "/users/cleanup").await.ok();
    assert_eq!(shown["user_id"], "cleanup");
}

#[tokio::test]
async fn those_who_are_idle_are_unloaded_on_request() {
    let (service, [alice]) = Service::of(["alice"]).await;
    service.greet(&alice, "s").await.ok();
    assert_eq!(
        service.admin(Method::POST, "/users/cleanup").await.ok()["unloaded"],
        json!([])
    );
    // A turn is over for its user before it is for the gateway.
    let unloaded = until("somebody to be unloaded", || async {
        let cleaned = service.admin(Method::POST, "/users/cleanup?idle_ms=0").await.ok();
        (cleaned["unloaded"] != json!([])).then(|| cleaned["unloaded"].clone())
    })
    .await;
    assert_eq!(unloaded, json!(["alice"]));
    service.greet(&alice, "s").await.ok();
}

/// What `creel multi-tenant …` says, and how it ends.
async fn command(service: &Service, arguments: &[&str]) -> (Option<i32>, String) {
    let mut all = vec!["multi-tenant", "--url", service.gateway.url()];
    all.extend(arguments);
    let ended = Process::start(service.gateway.builder_again().command(&all))
        .ended()
        .await;
    (ended.code(), ended.stdout + &ended.stderr)
}

#[tokio::test]
async fn the_command_line_finds_the_token_in_the_gateways_own_file() {
    // Nobody but the command asks what changed.
    let seldom = json!({"multiTenant": {"syncIntervalMs": 3_600_000}});
    let (service, [alice]) = Service::with(["alice"], seldom).await;
    service.greet(&alice, "s").await.ok();
    let (code, text) = command(&service, &["stats"]).await;
    assert!(code == Some(0) && text.contains("total users       1\n"), "{text}");
    let parsed = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("it is JSON");
    assert_eq!(
        parsed(&command(&service, &["stats", "--json"]).await.1)["active_instances"],
        1
    );
    service.cloud.add("bob");
    let (code, text) = command(&service, &["config", "sync"]).await;
    assert!(
        code == Some(0) && text.starts_with("1 user changed, 0 deleted"),
        "{text}"
    );
    let list = parsed(&command(&service, &["users", "list", "--search", "b", "--json"]).await.1);
    assert_eq!(list["users"][0]["user_id"], "bob");
    assert!(
        command(&service, &["users", "list"])
            .await
            .1
            .contains("alice  active  yes")
    );
    assert!(
        command(&service, &["users", "info", "alice"])
            .await
            .1
            .contains("workspace")
    );
    let (code, text) = command(&service, &["users", "info", "no/body"]).await;
    assert!(code == Some(2) && text.contains("there is no user"), "{text}");
    service.cloud.configure("alice", json!({"\u{1b}[2J": 1}));
    service.sync().await.ok();
    assert_eq!(service.refusal(&alice).await.0, 409);
    let (_, text) = command(&service, &["users", "info", "alice"]).await;
    assert!(text.contains("\\u{1b}[2J") && !text.contains('\u{1b}'), "{text}");
    let cleaned = parsed(
        &command(&service, &["users", "cleanup", "--idle-ms", "0", "--json"])
            .await
            .1,
    );
    assert_eq!(cleaned["unloaded"], json!(["alice"]));
}
