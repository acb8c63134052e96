//! When the Cloud Backend is not well, those who are known notice nothing.

use creel_testkit::cloud::{CloudBackend, Misbehaviour};
use creel_testkit::provider::{Authority, Provider};
use creel_tests::tenants::{SERVICE_TOKEN, Service};
use creel_tests::wait::until;
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn known_users_go_on_without_the_backend_after_a_restart_too() {
    let (mut service, [alice]) = Service::of(["alice"]).await;
    service.greet(&alice, "s1").await.ok();
    service
        .cloud
        .configure("alice", json!({"agents": {"defaults": {"systemPrompt": "Hum."}}}));
    service.sync().await.ok();
    service.cloud.away().await;
    assert_eq!(service.sync().await.problem(), (502, "sync_failed".into()));
    service.greet(&alice, "s1").await.ok();
    let mut service = service.restart().await;
    assert_eq!(service.gateway.get("/readyz").await.status, 200);
    let last_sync = &service.stats().await["last_sync"];
    assert!(last_sync.is_string(), "how old what it goes on with is: {last_sync}");
    service.greet(&alice, "s1").await.ok();
    let requests = service.provider.requests();
    let last = requests.last().expect("it was asked").json()["messages"].to_string();
    assert!(last.contains("Hum."), "{last}");
    service.cloud.back();
    service.cloud.disable("alice");
    service.greeted_with(&alice, 403).await;
}

#[tokio::test]
async fn before_the_first_sync_nobody_is_known_and_it_says_so() {
    let (service, []) = Service::of([]).await;
    service.cloud.misbehave(Misbehaviour::Broken);
    let cloud = &service.cloud;
    let other = creel_tests::tenants::builder(cloud, &service.provider).start().await;
    let refused = other.ask(json!({"message": "hi"})).with_token("gt_whoever").await;
    assert_eq!(refused.problem(), (503, "users_not_synced".into()));
    let ready = other.get("/readyz").await;
    assert_eq!(
        (ready.status, &ready.json()["reasons"]),
        (503, &json!(["users_not_synced"]))
    );
}

#[tokio::test]
async fn whatever_it_answers_what_was_known_stays() {
    let (service, [alice]) = Service::of(["alice"]).await;
    for misbehaviour in [
        Misbehaviour::Garbage,
        Misbehaviour::Half,
        Misbehaviour::Broken,
        Misbehaviour::Stuck,
        Misbehaviour::Circling,
    ] {
        service.cloud.misbehave(misbehaviour);
        assert_eq!(service.sync().await.problem().0, 502, "{misbehaviour:?}");
        service.greet(&alice, "s").await.ok();
    }
    assert!(service.stats().await["sync_failures"].as_u64() >= Some(4));
    service.cloud.misbehave(Misbehaviour::None);
    service.sync().await.ok();
    assert_eq!(service.stats().await["sync_failures"], 0);
}

#[tokio::test]
async fn one_that_never_answers_holds_nobody_up() {
    for misbehaviour in [Misbehaviour::Silence, Misbehaviour::Halting] {
        let (service, [alice, new]) = Service::of(["alice", "new"]).await;
        service.cloud.misbehave(misbehaviour);
        let asked = service.cloud.asked();
        until("a sync that hangs", || async {
            (service.cloud.asked() > asked).then_some(())
        })
        .await;
        service.greet(&alice, "s").await.ok();
        assert_eq!(service.gateway.get("/readyz").await.status, 200);
        // A restart in the middle of the sync waits for nobody, and who is known comes in after it.
        let service = service.restart().await;
        service.greet(&new, "s").await.ok();
        service.cloud.misbehave(Misbehaviour::None);
        let service = service.restart().await;
        let late = service.cloud.add("late");
        service.greeted_with(&late, 200).await;
    }
}

#[tokio::test]
async fn a_few_with_huge_configurations_keep_nobodys_changes_away() {
    let (service, [alice]) = Service::of(["alice"]).await;
    let huge = json!({"ui": "x".repeat(10 << 20)});
    for number in 0..8 {
        let name = format!("huge{number}");
        service.cloud.add(&name);
        service.cloud.configure(&name, huge.clone());
    }
    service.cloud.disable("alice");
    service.greeted_with(&alice, 403).await;
    service.cloud.enable("alice");
    service.greeted_with(&alice, 200).await;
    let stats = service.stats().await;
    assert_eq!(
        (&stats["total_users"], &stats["sync_failures"]),
        (&json!(9), &json!(0)),
        "{stats}"
    );
    let told = service.admin(Method::GET, "/users/huge0").await.ok();
    assert!(
        told["problem"]
            .as_str()
            .is_some_and(|problem| problem.contains("up to 256 KiB")),
        "{told}"
    );
}

#[tokio::test]
async fn a_user_who_is_not_as_agreed_spoils_nothing() {
    let (service, [alice]) = Service::of(["alice"]).await;
    service.cloud.add_raw(
        "x",
        json!({"user_id": "../../etc/cron.d", "status": "active", "tokens": []}),
    );
    service.cloud.add_raw("y", json!({"user_id": "y", "tokens": 7}));
    let bob = service.cloud.add("bob");
    service.sync().await.ok();
    service.greet(&alice, "s").await.ok();
    service.greet(&bob, "s").await.ok();
    service.gateway.log().line_with("not as agreed").await;
    assert_eq!(service.stats().await["total_users"], 2);
}

#[tokio::test]
async fn only_what_changed_is_sent_and_page_by_page() {
    let (service, []) = Service::of([]).await;
    service.cloud.page_size(7);
    service.cloud.add_many("user", 50);
    let report = service.sync().await.ok();
    assert_eq!(service.stats().await["total_users"], 50, "{report}");
    let sent = service.cloud.users_sent();
    service.cloud.disable("user7");
    service.cloud.delete("user8");
    service.sync().await.ok();
    assert_eq!(service.cloud.users_sent() - sent, 1, "one changed");
    assert_eq!(service.stats().await["total_users"], 49);
}

#[tokio::test]
async fn after_a_restored_backup_everything_is_listed_anew() {
    let (service, [alice, gone]) = Service::of(["alice", "gone"]).await;
    service.cloud.page_size(1);
    service.cloud.delete("gone");
    service.cloud.restore();
    let new = service.cloud.add("new");
    service.greeted_with(&new, 200).await;
    service.greet(&alice, "s").await.ok();
    assert_eq!(service.refusal(&gone).await.0, 401);
    assert_eq!(service.stats().await["total_users"], 2);
}

#[tokio::test]
async fn killed_in_the_middle_of_a_sync_it_goes_on_where_it_was() {
    let (service, []) = Service::of([]).await;
    service.cloud.page_size(5);
    service.cloud.add_many("user", 500);
    service.cloud.answered(20).await;
    let Service {
        cloud,
        provider,
        gateway,
    } = service;
    let gateway = gateway.kill().await.start().await;
    let service = Service {
        cloud,
        provider,
        gateway,
    };
    service.sync().await.ok();
    assert_eq!(service.stats().await["total_users"], 500);
    assert!(
        service.cloud.users_sent() < 600,
        "{} were sent",
        service.cloud.users_sent()
    );
}

#[tokio::test]
async fn the_backend_may_move_behind_tls_while_the_gateway_runs() {
    let authority = Authority::new();
    let (cloud, provider) = (CloudBackend::start(SERVICE_TOKEN).await, Provider::start().await);
    let gateway = creel_tests::tenants::builder(&cloud, &provider)
        .env("SSL_CERT_FILE", &authority.file().display().to_string())
        .start()
        .await;
    let mut service = Service {
        cloud,
        provider,
        gateway,
    };
    service.ready().await;
    // It is no backend: that it answers at all is what is to be seen.
    let secure = Provider::start_secure(authority.certificate("localhost")).await;
    let moved = json!({"multiTenant": {"cloudBackendUrl": secure.openai_url()}});
    service.gateway.reconfigure(moved);
    until("an answer over TLS", || async {
        let stats = service.stats().await;
        let error = stats["sync_error"].as_str()?;
        error.contains("answered").then_some(())
    })
    .await;
}
