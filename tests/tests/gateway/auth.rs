//! Who gets in.

use creel_tests::gateway::{Gateway, TOKEN};
use serde_json::json;

#[tokio::test]
async fn only_who_has_the_token() {
    let gateway = Gateway::builder().start().await;
    let hello = || gateway.ask(json!({"message": "hi"}));
    assert_eq!(hello().await.status, 200);
    for refused in [
        hello().without_token().await,
        hello().with_token(&TOKEN[1..]).await,
        hello().with_token("").await,
    ] {
        assert_eq!(refused.problem(), (401, "unauthorized".into()));
        assert_eq!(refused.header("www-authenticate"), "Bearer");
    }
}

#[tokio::test]
async fn every_door_is_locked_but_probes_and_page() {
    let gateway = Gateway::builder().start().await;
    for path in [
        "/api/v1/sessions",
        "/api/v1/sessions/any",
        "/v1/models",
        "/v1/models/any",
        "/metrics",
        "/api/v1/metrics",
    ] {
        assert_eq!(gateway.get(path).without_token().await.status, 401, "{path}");
    }
    for path in ["/api/v1/chat", "/api/v1/chat/stream", "/v1/chat/completions"] {
        assert_eq!(
            gateway.post(path, &json!({})).without_token().await.status,
            401,
            "{path}"
        );
    }
    assert_eq!(gateway.delete("/api/v1/sessions").without_token().await.status, 401);
    for path in ["/", "/health", "/healthz", "/ready", "/readyz", "/api/v1/health"] {
        assert_eq!(gateway.get(path).without_token().await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn guessing_a_short_token_is_throttled() {
    let gateway = Gateway::builder()
        .config(json!({"gateway": {"auth": {"token": "short"}}}))
        .start()
        .await;
    for _ in 0..10 {
        assert_eq!(gateway.get("/v1/models").with_token("guess").await.status, 401);
    }
    let locked = gateway.get("/api/v1/sessions").with_token("short").await;
    assert_eq!(locked.problem(), (429, "too_many_failures".into()));
    assert!(
        (1..=60).contains(&locked.header("retry-after").parse().unwrap_or(0)),
        "{locked:?}"
    );
    gateway.log().line_with("locked out").await;
}

#[tokio::test]
async fn strangers_cannot_lock_out_the_owner_of_a_long_token() {
    let gateway = Gateway::builder().start().await;
    for _ in 0..11 {
        gateway.get("/v1/models").with_token("guess").await;
    }
    assert_eq!(gateway.get("/v1/models").with_token("guess").await.status, 429);
    assert_eq!(gateway.get("/v1/models").await.status, 200);
}

#[tokio::test]
async fn a_password_is_a_token_that_a_person_chose() {
    let gateway = Gateway::builder()
        .config_text("{ gateway: { auth: { mode: 'password', password: 'correct horse' } } }")
        .start()
        .await;
    assert_eq!(gateway.get("/v1/models").with_token("correct horse").await.status, 200);
    assert_eq!(gateway.get("/v1/models").await.status, 401);
}

#[tokio::test]
async fn a_door_to_the_network_needs_a_lock() {
    for bind in ["lan", "0.0.0.0", "::"] {
        let (code, message) = Gateway::builder()
            .config_text("{}")
            .args(&["--bind", bind])
            .refused()
            .await;
        assert_eq!(code, Some(2), "{message}");
        assert!(message.contains("gateway.auth.token"), "{message}");
    }
    let gateway = Gateway::builder().args(&["--bind", "lan"]).start().await;
    assert!(gateway.url().starts_with("http://0.0.0.0:"), "{}", gateway.url());
}

#[tokio::test]
async fn without_a_token_only_this_machine_gets_in_and_no_web_page_that_it_looks_at() {
    let gateway = Gateway::builder().config_text("{}").start().await;
    let hello = || gateway.ask(json!({"message": "hi"})).without_token();
    assert_eq!(hello().await.status, 200);
    assert_eq!(hello().header("origin", gateway.url()).await.status, 200);
    let foreign_page = hello().header("origin", "https://evil.example").await;
    assert_eq!(foreign_page.problem(), (403, "foreign_origin".into()));
    assert_eq!(gateway.get("/metrics").without_token().await.status, 200);
    let foreign_page = gateway
        .get("/metrics")
        .without_token()
        .header("origin", "https://evil.example");
    assert_eq!(foreign_page.await.status, 403);
    // A name of the attacker's that points here: same origin to the browser.
    let rebound = hello()
        .header("host", "evil.example")
        .header("origin", "http://evil.example")
        .await;
    assert_eq!(rebound.problem(), (403, "foreign_origin".into()));
}

#[tokio::test]
async fn secrets_are_in_no_listing_and_no_log() {
    let gateway = Gateway::builder()
        .env("OPENCLAW_GATEWAY_TOKEN", TOKEN)
        .env("DEBUG", "*")
        .start()
        .await;
    gateway.chat("hi").await;
    gateway.get("/v1/models").with_token("a wrong one").await;
    gateway.log().line_with("status=401").await;
    let arguments = std::fs::read_to_string(format!("/proc/{}/cmdline", gateway.pid())).unwrap_or_default();
    let log = gateway.log().so_far();
    assert!(
        arguments.contains("gateway") && !arguments.contains(TOKEN),
        "{arguments}"
    );
    assert!(!log.contains(TOKEN) && !log.contains("a wrong one"), "{log}");
}
