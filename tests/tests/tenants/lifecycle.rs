//! A user's life in a gateway for many: the first request, changes, the end.

use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, SystemTime};

use creel_testkit::cloud::CloudBackend;
use creel_testkit::provider::{Gate, Provider, Reply};
use creel_tests::gateway::Gateway;
use creel_tests::tenants::{SERVICE_TOKEN, Service, builder};
use creel_tests::time::rfc3339;
use serde_json::json;

#[tokio::test]
async fn everybody_has_a_workspace_and_sessions_of_their_own() {
    let cloud = CloudBackend::start(SERVICE_TOKEN).await;
    let (alice, bob) = (cloud.add("alice"), cloud.add("bob@example.com"));
    let provider = Provider::start().await;
    let builder = builder(&cloud, &provider);
    let template = builder.home().join("template/agent");
    std::fs::create_dir_all(&template).expect("the home can be written");
    std::fs::write(template.join("IDENTITY.md"), "You are a heron.").expect("the home can be written");
    let gateway = builder.start().await;
    let service = Service {
        cloud,
        provider,
        gateway,
    };
    service.ready().await;

    service.greet(&alice, "s1").await.ok();
    service.greet(&bob, "s1").await.ok();
    let asked = service.provider.received(0).await.json()["messages"][0].to_string();
    assert!(asked.contains("You are a heron."), "{asked}");
    for (user, token) in [("alice", &alice), ("bob%40example.com", &bob)] {
        let workspace = service.workspace(user);
        let mode = std::fs::metadata(&workspace).expect("it is made").permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "{user}");
        assert!(workspace.join("sessions/s1.jsonl").is_file(), "{user}");
        let sessions = service.gateway.get("/api/v1/sessions").with_token(token).await.ok();
        assert_eq!(sessions["sessions"].as_array().map(Vec::len), Some(1), "{sessions}");
    }
}

#[tokio::test]
async fn switched_off_it_is_the_gateway_of_one_user() {
    let gateway = Gateway::builder()
        .config(json!({"multiTenant": {"enabled": false, "cloudBackendUrl": "http://127.0.0.1:9"}}))
        .start()
        .await;
    gateway.chat("hi").await;
    assert_eq!(gateway.get("/api/v1/multi-tenant/stats").await.problem().0, 404);
    assert!(!gateway.get("/metrics").await.text.contains("registered_users"));
    assert!(gateway.state_dir().join("workspace/sessions").is_dir());
}

#[tokio::test]
async fn a_change_applies_at_the_next_sync_and_what_runs_keeps_what_it_began_with() {
    let models = json!({"models": {"providers": {"fake": {"models": [{"id": "m1"}, {"id": "m2"}]}}}});
    let (service, [alice, bob]) = Service::with(["alice", "bob"], models).await;
    let gate = Gate::closed();
    service.provider.then(Reply::pieces(["one ", "two"]).gated(&gate));
    let mut running = service.stream(&alice, "s1").await;
    gate.pass(1);
    running.delta().await;
    service.cloud.configure(
        "alice",
        json!({"agents": {"defaults": {"model": "fake/m2", "systemPrompt": "Sing."}}}),
    );
    service.sync().await.ok();
    assert_eq!(service.greet(&alice, "s2").await.ok()["model"], "fake/m2");
    assert_eq!(
        service.greet(&bob, "s2").await.ok()["model"],
        "fake/m1",
        "nobody else changes"
    );
    gate.open();
    assert_eq!(running.last("done").await["model"], "fake/m1");
    let prompts = service.provider.requests();
    let told = |index: usize| prompts[index].json()["messages"][0].to_string().contains("Sing.");
    assert!(told(1) && !told(2));
}

#[tokio::test]
async fn a_broken_configuration_is_told_to_its_user_and_to_nobody_else() {
    let (service, [alice, bob]) = Service::of(["alice", "bob"]).await;
    for (config, said) in [
        (
            json!({"agents": {"defaults": {"model": 7}}}),
            "`agents.defaults.model` is a number",
        ),
        (
            json!({"agents": {"defaults": {"workspace": "/etc"}}}),
            "`workspace` is the operator's",
        ),
        (json!({"gateway": {"port": 1}}), "`gateway` is the operator's"),
        (json!({"ui": "x".repeat(10 << 20)}), "up to 256 KiB"),
        (json!("not an object"), "must be an object"),
    ] {
        service.cloud.configure("alice", config);
        service.sync().await.ok();
        let refused = service.greet(&alice, "s").await;
        assert_eq!(refused.problem(), (409, "broken_configuration".into()));
        assert!(refused.text.contains(said), "{refused:?}");
        service.greet(&bob, "s").await.ok();
    }
    service.cloud.configure("alice", json!({}));
    service.sync().await.ok();
    service.greet(&alice, "s").await.ok();
}

#[tokio::test]
async fn a_disabled_users_streams_end_and_so_do_those_of_a_deleted_one() {
    let (service, [alice, bob, carol]) = Service::of(["alice", "bob", "carol"]).await;
    let mut streams = Vec::new();
    let gates = [(); 3].map(|()| Gate::closed());
    for (token, gate) in [&alice, &bob, &carol].into_iter().zip(&gates) {
        service.provider.then(Reply::pieces(["one ", "two"]).gated(gate));
        let mut stream = service.stream(token, "s1").await;
        gate.pass(1);
        stream.delta().await;
        streams.push(stream);
    }
    service.cloud.disable("alice");
    service.cloud.delete("bob");
    let carols = streams.pop().expect("there are three");
    for stream in streams {
        assert_eq!(stream.last("error").await["code"], "access_ended");
    }
    assert_eq!(service.refusal(&alice).await, (403, "user_disabled".into()));
    assert_eq!(service.refusal(&bob).await, (401, "unauthorized".into()));
    gates[2].open();
    assert_eq!(carols.last("done").await["reply"], "one two");
    service.cloud.enable("alice");
    service.sync().await.ok();
    let session = service.gateway.get("/api/v1/sessions/s1").with_token(&alice).await.ok();
    assert_eq!(session["messages"][1]["content"], "one ", "what was said is kept");
}

#[tokio::test]
async fn a_rotated_token_is_void_and_what_runs_under_it_ends() {
    let (service, [old]) = Service::of(["alice"]).await;
    let gate = Gate::closed();
    service.provider.then(Reply::pieces(["one ", "two"]).gated(&gate));
    let mut running = service.stream(&old, "s1").await;
    gate.pass(1);
    running.delta().await;
    let new = service.cloud.rotate("alice");
    assert_eq!(running.last("error").await["code"], "access_ended");
    assert_eq!(service.refusal(&old).await.0, 401);
    service.greet(&new, "s2").await.ok();
}

#[tokio::test]
async fn swapped_tokens_lead_to_who_has_them_now_after_a_restart_too() {
    let (service, [first, second]) = Service::of(["alice", "bob"]).await;
    service.greet(&first, "of-alice").await.ok();
    let gate = Gate::closed();
    service.provider.then(Reply::pieces(["one ", "two"]).gated(&gate));
    let mut running = service.stream(&first, "of-alice").await;
    gate.pass(1);
    running.delta().await;
    service.cloud.swap_tokens("alice", "bob");
    service.sync().await.ok();
    assert_eq!(running.last("error").await["code"], "access_ended");
    assert_eq!(sees(&service, [&first, &second]).await, [404, 200]);
    let service = service.restart().await;
    assert_eq!(sees(&service, [&first, &second]).await, [404, 200]);
}

#[tokio::test]
async fn tokens_that_are_swapped_in_two_pages_are_nobodys_for_no_longer_than_that() {
    let (service, [first, second]) = Service::of(["alice", "bob"]).await;
    service.greet(&first, "of-alice").await.ok();
    service.cloud.page_size(1);
    service.cloud.swap_tokens("alice", "bob");
    service.sync().await.ok();
    assert_eq!(sees(&service, [&first, &second]).await, [404, 200]);
}

/// Whether those who have these tokens see a session of alice's.
async fn sees(service: &Service, tokens: [&str; 2]) -> [u16; 2] {
    let see = async |token| {
        let session = service.gateway.get("/api/v1/sessions/of-alice");
        session.with_token(token).await.status
    };
    [see(tokens[0]).await, see(tokens[1]).await]
}

#[tokio::test]
async fn tokens_expire_by_the_clock_of_the_backend() {
    let (mut service, [alice, bob]) = Service::of(["alice", "bob"]).await;
    service.cloud.expire("alice", "2020-01-01T00:00:00Z");
    service.sync().await.ok();
    assert_eq!(service.refusal(&alice).await, (401, "unauthorized".into()));
    // One that is good for half an hour more, by the backend's clock; ours is an hour behind it, then ahead of it.
    let half_an_hour_after = |seconds: u64| rfc3339(SystemTime::now() + Duration::from_secs(seconds + 1_800));
    let half_an_hour_ago = || rfc3339(SystemTime::now() - Duration::from_secs(1_800));
    service.cloud.clock_ahead(3_600);
    service.cloud.expire("bob", &half_an_hour_after(0));
    service.sync().await.ok();
    assert_eq!(service.refusal(&bob).await.0, 401, "there it is an hour later");
    service.cloud.expire("bob", &half_an_hour_after(3_600));
    service.sync().await.ok();
    service.greet(&bob, "s").await.ok();
    service.gateway.log().line_with("clock is ahead of ours").await;

    // One that expired half an hour ago by ours, and is good for as long by the backend's, which is not there to tell its time.
    service.cloud.clock_ahead(-3_600);
    service.cloud.expire("bob", &half_an_hour_ago());
    service.sync().await.ok();
    service.cloud.away().await;
    let service = service.restart().await;
    service.greet(&bob, "s").await.ok();
}

#[tokio::test]
async fn a_template_that_vanishes_keeps_nobody_out() {
    let (service, [early, late]) = Service::of(["early", "late"]).await;
    let template = service.gateway.builder_again().home().join("template");
    std::fs::create_dir_all(&template).expect("the home can be written");
    std::fs::write(template.join("NOTES.md"), "hello").expect("the home can be written");
    service.greet(&early, "s").await.ok();
    std::fs::remove_dir_all(&template).expect("it is there");
    service.greet(&early, "s").await.ok();
    service.greet(&late, "s").await.ok();
    service.gateway.log().line_with("there is no such template").await;
    assert!(service.workspace("early").join("NOTES.md").is_file());
    assert!(service.workspace("late").join("memory").is_dir());
}

#[tokio::test]
async fn idle_users_are_unloaded_and_lose_nothing() {
    let idle = json!({"multiTenant": {"userIdleTimeoutMs": 20}});
    let (service, [alice, busy]) = Service::with(["alice", "busy"], idle).await;
    let gate = Gate::closed();
    service
        .provider
        .then(Reply::text("Hello."))
        .then(Reply::pieces(["one ", "two"]).gated(&gate));
    service.greet(&alice, "s1").await.ok();
    let mut running = service.stream(&busy, "s1").await;
    gate.pass(1);
    running.delta().await;
    creel_tests::wait::until("alice to be unloaded", || async {
        (service.stats().await["active_instances"] == 1).then_some(())
    })
    .await;
    gate.open();
    assert_eq!(running.last("done").await["reply"], "one two");
    let messages = service.gateway.get("/api/v1/sessions/s1").with_token(&alice).await.ok();
    assert_eq!(messages["messages"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn a_changed_global_configuration_reaches_everybody() {
    let (mut service, [alice]) = Service::of(["alice"]).await;
    service.greet(&alice, "s").await.ok();
    service
        .gateway
        .reconfigure(json!({"agents": {"defaults": {"systemPrompt": "Whisper."}}}));
    service.gateway.log().line_with("configuration reloaded").await;
    service.greet(&alice, "s").await.ok();
    let requests = service.provider.requests();
    let last = requests.last().expect("it was asked").json()["messages"][0].to_string();
    assert!(last.contains("Whisper."), "{last}");
}
