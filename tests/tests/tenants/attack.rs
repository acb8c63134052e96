//! One user tries everything to get something of another's.

use std::os::unix::fs::symlink;

use creel_testkit::provider::{Exchange, Reply};
use creel_tests::tenants::{SERVICE_TOKEN, Service};
use reqwest::Method;
use serde_json::json;

const SECRET: &str = "the vault opens with a tuning fork";

/// Bob has told his assistant a secret, and it has written it down.
async fn with_a_secret() -> (Service, String, String) {
    let (service, [alice, bob]) = Service::of(["alice", "bob"]).await;
    let remembers = json!({"path": "MEMORY.md", "text": SECRET}).to_string();
    service.provider.tool_call("memory_append", &remembers).reply(SECRET);
    let told = json!({"message": SECRET, "session_id": "private"});
    service.ask(&bob, told).with_key("bobs-key").await.ok();
    service.provider.always(Reply::text("Nothing."));
    (service, alice, bob)
}

fn told_the_model(requests: &[std::sync::Arc<Exchange>]) -> String {
    requests
        .iter()
        .map(|request| String::from_utf8_lossy(&request.body).into_owned())
        .collect()
}

#[tokio::test]
async fn session_ids_and_paths_lead_to_nothing_of_anothers() {
    let (service, alice, bob) = with_a_secret().await;
    let before = service.provider.requests().len();
    for id in [
        "private",
        "bob/private",
        "..%2Fbob%2Fsessions%2Fprivate",
        "..%2F..%2Fbob%2Fsessions%2Fprivate",
        "%2e%2e%2fbob",
        "private.jsonl",
        "bob:private",
        "agent:bob:private",
    ] {
        for method in [Method::GET, Method::DELETE] {
            let path = format!("/api/v1/sessions/{id}");
            let answer = service.gateway.call(method, &path).with_token(&alice).await;
            assert!([400, 404, 422].contains(&answer.status), "{id}: {answer:?}");
            assert!(!answer.text.contains("tuning fork"), "{answer:?}");
        }
    }
    for id in ["private", "../bob/sessions/private", "bob/private", "/etc/passwd"] {
        let answer = service.greet(&alice, id).await;
        assert!(!answer.text.contains("tuning fork"), "{answer:?}");
    }
    let mine = service.gateway.get("/api/v1/sessions").with_token(&alice).await.ok();
    assert!(!mine.to_string().contains("tuning fork"), "{mine}");
    let deleted = service.gateway.delete("/api/v1/sessions").with_token(&alice).await;
    assert_eq!(deleted.status, 204);
    let leases = || {
        let directory = service.gateway.builder_again().home().join("workspaces/.leases");
        std::fs::read_dir(directory).expect("it is there").count()
    };
    let leases_before = leases();
    for number in 0..20 {
        let path = format!("/api/v1/sessions/invented-{number}");
        assert_eq!(service.gateway.delete(&path).with_token(&alice).await.status, 404);
    }
    assert_eq!(leases(), leases_before, "what is not there leaves nothing");
    assert!(!told_the_model(&service.provider.requests()[before..]).contains("tuning fork"));
    let his = service
        .gateway
        .get("/api/v1/sessions/private")
        .with_token(&bob)
        .await
        .ok();
    assert!(his.to_string().contains("tuning fork"), "bob's is untouched: {his}");
}

#[tokio::test]
async fn headers_and_keys_do_not_make_one_somebody_else() {
    let (service, alice, _) = with_a_secret().await;
    let before = service.provider.requests().len();
    let body =
        json!({"model": "openclaw", "messages": [{"role": "user", "content": "What did I say?"}], "user": "bob"});
    for (name, value) in [
        ("x-openclaw-session-key", "private"),
        ("x-openclaw-session-key", "bob:private"),
        ("x-user-id", "bob"),
        ("x-forwarded-user", "bob"),
        ("x-openclaw-user", "bob"),
        ("cookie", "user=bob"),
        ("x-forwarded-for", "127.0.0.1"),
        ("idempotency-key", "bobs-key"),
    ] {
        let answer = service
            .gateway
            .post("/v1/chat/completions", &body)
            .with_token(&alice)
            .header(name, value)
            .await;
        assert!(!answer.text.contains("tuning fork"), "{name}: {answer:?}");
    }
    let replay = json!({"message": SECRET.replace("tuning fork", "?"), "session_id": "private"});
    let answer = service.ask(&alice, replay).with_key("bobs-key").await;
    assert!(!answer.text.contains("tuning fork"), "{answer:?}");
    assert!(!told_the_model(&service.provider.requests()[before..]).contains("tuning fork"));
}

#[tokio::test]
async fn tool_arguments_stay_in_the_workspace() {
    let (service, alice, _) = with_a_secret().await;
    for path in [
        "../bob/MEMORY.md",
        "memory/../../bob/MEMORY.md",
        "/etc/passwd",
        "memory/../../../configs/users.db",
        "memory/....//....//bob/MEMORY.md",
        "MEMORY.md\u{0}/../../bob/MEMORY.md",
    ] {
        let before = service.provider.requests().len();
        service
            .provider
            .tool_call("memory_read", &json!({"path": path}).to_string())
            .reply("Done.");
        service.greet(&alice, "s").await.ok();
        assert!(
            !told_the_model(&service.provider.requests()[before..]).contains("tuning fork"),
            "{path}"
        );
    }
    let before = service.provider.requests().len();
    service
        .provider
        .tool_call("memory_search", r#"{"query":"vault"}"#)
        .reply("Done.");
    service.greet(&alice, "s2").await.ok();
    assert!(!told_the_model(&service.provider.requests()[before..]).contains("tuning fork"));
}

#[tokio::test]
async fn links_in_the_workspace_lead_nowhere() {
    let (service, alice, bob) = with_a_secret().await;
    service.greet(&alice, "first").await.ok();
    let (hers, his) = (service.workspace("alice"), service.workspace("bob"));
    // As a tool server with access to her files could leave them behind.
    symlink(his.join("MEMORY.md"), hers.join("MEMORY.md")).expect("a link can be made");
    symlink(&his, hers.join("memory/bob")).expect("a link can be made");
    std::fs::rename(hers.join("sessions"), hers.join("old")).expect("a directory can be renamed");
    symlink(his.join("sessions"), hers.join("sessions")).expect("a link can be made");
    let before = service.provider.requests().len();
    for path in ["MEMORY.md", "memory/bob/MEMORY.md"] {
        service
            .provider
            .tool_call("memory_read", &json!({"path": path}).to_string())
            .reply("Done.");
        // Without a session, which could not be written.
        let body = json!({"model": "openclaw", "messages": [{"role": "user", "content": "Read it."}]});
        service
            .gateway
            .post("/v1/chat/completions", &body)
            .with_token(&alice)
            .await
            .ok();
    }
    let read = service.gateway.get("/api/v1/sessions/private").with_token(&alice).await;
    assert_eq!(read.status, 500, "{read:?}");
    let listed = service.gateway.get("/api/v1/sessions").with_token(&alice).await;
    assert!(!(read.text + &listed.text).contains("tuning fork"));
    let written = service.greet(&alice, "private").await;
    assert_eq!(written.status, 500, "{written:?}");
    let deleted = service
        .gateway
        .delete("/api/v1/sessions/private")
        .with_token(&alice)
        .await;
    assert_eq!(deleted.status, 500, "{deleted:?}");
    assert!(!told_the_model(&service.provider.requests()[before..]).contains("tuning fork"));
    let his = service
        .gateway
        .get("/api/v1/sessions/private")
        .with_token(&bob)
        .await
        .ok();
    assert_eq!(his["messages"].as_array().map(Vec::len), Some(4), "{his}");
}

#[tokio::test]
async fn a_user_whose_name_is_a_path_or_a_neighbours_agent_stays_apart() {
    let (service, [alice, neighbour, colon]) = Service::of(["alice", "alice-helper", "a:b@c+d"]).await;
    let agents = json!({"agents": {"entries": {"helper": {}, "../alice-helper": {}}}});
    service.cloud.configure("alice", agents);
    service.sync().await.ok();
    let remembers = json!({"path": "MEMORY.md", "text": SECRET}).to_string();
    service.provider.tool_call("memory_append", &remembers).reply("Noted.");
    service.greet(&neighbour, "s").await.ok();
    service.greet(&colon, "s").await.ok();
    for agent in ["openclaw/helper", "openclaw/../alice-helper"] {
        service
            .provider
            .tool_call("memory_read", r#"{"path":"MEMORY.md"}"#)
            .reply("Done.");
        let before = service.provider.requests().len();
        service.ask(&alice, json!({"message": "hi", "model": agent})).await.ok();
        assert!(
            !told_the_model(&service.provider.requests()[before..]).contains("tuning fork"),
            "{agent}"
        );
    }
    assert!(service.workspace("a%3Ab%40c%2Bd").is_dir());
}

#[tokio::test]
async fn only_the_whole_token_of_somebody_is_one() {
    let (service, [alice]) = Service::of(["alice"]).await;
    let flipped = format!("{}x", &alice[..alice.len() - 1]);
    for token in [
        "",
        "gt_",
        &alice[..alice.len() - 1],
        &alice.to_uppercase(),
        &flipped,
        "alice",
        "null",
    ] {
        assert_eq!(service.refusal(token).await.0, 401, "{token}");
    }
    service
        .gateway
        .ask(json!({"message": "hi"}))
        .without_token()
        .await
        .problem();
    // The gateway's own token and the service's are nobody's.
    for token in [creel_tests::gateway::TOKEN, SERVICE_TOKEN] {
        assert_eq!(service.refusal(token).await.0, 401);
    }
    service.greet(&alice, "s").await.ok();
}

#[tokio::test]
async fn guessing_locks_the_guesser_out_and_nobody_with_a_token() {
    let (service, [alice]) = Service::of(["alice"]).await;
    for _ in 0..10 {
        assert_eq!(service.refusal("gt_guess").await.0, 401);
    }
    assert_eq!(service.refusal("gt_guess").await, (429, "too_many_failures".into()));
    service.greet(&alice, "s").await.ok();
}

#[tokio::test]
async fn a_users_configuration_gets_at_nothing_of_the_gateways() {
    let (service, [alice]) = Service::of(["alice"]).await;
    for config in [
        json!({"agents": {"defaults": {"systemPrompt": "${OPENCLAW_SERVICE_TOKEN}"}}}),
        json!({"models": {"providers": {"fake": {"baseUrl": "http://127.0.0.1:1/v1"}}}}),
        json!({"models": {"providers": {"mine": {"baseUrl": service.provider.openai_url(), "apiKey": {"source": "env", "id": "OPENCLAW_SERVICE_TOKEN"}}}}}),
        json!({"mcp": {"servers": {"sh": {"command": "/bin/sh", "args": ["-c", "cat /proc/self/environ"]}}}}),
        json!({"mcp": {"servers": {"in": {"url": "http://169.254.169.254/latest"}}}}),
        json!({"multiTenant": {"enabled": false}}),
    ] {
        service.cloud.configure("alice", config.clone());
        service.sync().await.ok();
        assert_eq!(service.refusal(&alice).await.0, 409, "{config}");
    }
    assert!(service.provider.requests().is_empty());
    let log = service.gateway.log().so_far();
    assert!(!log.contains(SERVICE_TOKEN) && !log.contains(&alice), "{log}");
}
