//! What operators see: metrics and logs.

use creel_testkit::provider::{Gate, Provider, Reply};
use creel_tests::gateway::Gateway;
use creel_tests::wait::until;
use serde_json::{Value, json};

#[tokio::test]
async fn metrics_count_what_happened() {
    let provider = Provider::start().await;
    provider
        .tool_call("memory_search", r#"{"query":"cat"}"#)
        .then(Reply::text("No cat.").usage(20, 3));
    let gateway = Gateway::builder()
        .provider(&provider)
        .env("OPENCLAW_INSTANCE_ID", "node-7")
        .start()
        .await;
    gateway.chat("Do I have a cat?").await;
    gateway.get("/nothing/here").await;
    // It is given back after the answer.
    until("the session's end", || async {
        (gateway.metric("creel_gateway_active_sessions").await == 0.0).then_some(())
    })
    .await;
    for (metric, value) in [
        (
            r#"requests_total{route="/api/v1/chat",method="POST",status="200"}"#,
            1.0,
        ),
        (r#"requests_total{route="other",method="GET",status="404"}"#, 1.0),
        (r#"request_duration_seconds_count{route="/api/v1/chat"}"#, 1.0),
        (
            r#"request_duration_seconds_bucket{le="+Inf",route="/api/v1/chat"}"#,
            1.0,
        ),
        (r#"turns_total{result="ok"}"#, 1.0),
        (r#"tokens_total{model="fake/m1",direction="input"}"#, 30.0),
        (r#"tokens_total{model="fake/m1",direction="output"}"#, 4.0),
        (r#"tool_calls_total{tool="memory_search",status="done"}"#, 1.0),
        ("connections", 1.0),
        ("connections_refused_total", 0.0),
    ] {
        assert_eq!(
            gateway.metric(&format!("creel_gateway_{metric}")).await,
            value,
            "{metric}"
        );
    }
    let text = gateway.get("/api/v1/metrics").await.text;
    assert!(
        text.contains("creel_gateway_build_info{version=\"") && text.contains("instance=\"node-7\""),
        "{text}"
    );
    assert!(text.ends_with("# EOF\n"), "{text}");
}

#[tokio::test]
async fn what_was_used_is_counted_whoever_went_away_and_whatever_failed() {
    let provider = Provider::start().await;
    let gate = Gate::closed();
    provider
        .then(Reply::tool_call("memory_search", r#"{"query":"cat"}"#).usage(10, 1))
        .then(Reply::pieces(["never ", "read"]).gated(&gate))
        .then(Reply::tool_call("memory_search", r#"{"query":"cat"}"#).usage(100, 2))
        .always(Reply::status(401));
    let gateway = Gateway::of(&provider).await;
    let events = gateway.stream("Do I have a cat?").await;
    provider.received(1).await;
    drop(events);
    let metric = |name: &'static str| gateway.metric(name);
    until("the end of the turn", || async {
        (metric(r#"creel_gateway_turns_total{result="cancelled"}"#).await == 1.0).then_some(())
    })
    .await;
    assert_eq!(
        metric(r#"creel_gateway_tokens_total{model="fake/m1",direction="input"}"#).await,
        10.0
    );
    assert_eq!(gateway.ask(json!({"message": "And a dog?"})).await.status, 502);
    assert_eq!(
        metric(r#"creel_gateway_tokens_total{model="fake/m1",direction="input"}"#).await,
        110.0
    );
    assert_eq!(
        metric(r#"creel_gateway_tokens_total{model="fake/m1",direction="output"}"#).await,
        3.0
    );
    assert_eq!(
        metric(r#"creel_gateway_tool_calls_total{tool="memory_search",status="done"}"#).await,
        2.0
    );
}

#[tokio::test]
async fn nobody_can_make_series_of_their_own() {
    let provider = Provider::start().await;
    provider.tool_call("invented_by_the_model", "{}").reply("Never mind.");
    let gateway = Gateway::of(&provider).await;
    gateway.chat("hi").await;
    for model in ["fake/of-mine-1", "fake/of-mine-2"] {
        gateway.ask(json!({"message": "hi", "model": model})).await.ok();
    }
    for (method, path) in [
        ("PAINT", "/api/v1/chat"),
        ("GET", "/api/v1/sessions/of-mine"),
        ("GET", "/of-mine"),
    ] {
        gateway.call(method.parse().expect("a method"), path).await;
    }
    let text = gateway.get("/metrics").await.text;
    for own in ["PAINT", "of-mine", "invented_by_the_model"] {
        assert!(!text.contains(own), "{own}: {text}");
    }
    assert!(
        text.contains(r#"tokens_total{model="other",direction="input"}"#),
        "{text}"
    );
}

#[tokio::test]
async fn json_logs_carry_instance_and_request() {
    let logging =
        json!({"logging": {"format": "json", "level": "debug", "includeInstanceId": true, "output": "stdout"}});
    let gateway = Gateway::builder()
        .config(logging)
        .env("OPENCLAW_INSTANCE_ID", "node-7")
        .start()
        .await;
    let answer = gateway
        .ask(json!({"message": "hi"}))
        .header("x-request-id", "abc-123")
        .await;
    assert_eq!(answer.header("x-request-id"), "abc-123");
    let line: Value =
        serde_json::from_str(&gateway.stdout().line_with("\"message\":\"request\"").await).expect("a line is JSON");
    for (key, value) in [
        ("instance_id", "node-7"),
        ("request_id", "abc-123"),
        ("message", "request"),
        ("level", "debug"),
    ] {
        assert_eq!(line[key], value, "{line}");
    }
    assert_eq!((&line["route"], &line["status"]), (&json!("/api/v1/chat"), &json!(200)));
    assert!(line["time"].as_str().is_some_and(|time| time.ends_with('Z')), "{line}");
    assert_eq!(gateway.log().so_far(), "", "nothing on the other output");
}

#[tokio::test]
async fn a_request_without_an_id_gets_one_and_a_forged_one_is_not_taken() {
    let gateway = Gateway::builder().start().await;
    assert_eq!(gateway.get("/healthz").await.header("x-request-id").len(), 32);
    let forged = gateway.get("/healthz").header("x-request-id", "a b\"c").await;
    assert_eq!(forged.header("x-request-id").len(), 32, "{forged:?}");
}

#[tokio::test]
async fn debug_is_the_verbose_switch() {
    let verbose = Gateway::builder().env("DEBUG", "creel:*").start().await;
    verbose.get("/healthz").await;
    verbose.log().line_with("DEBUG request").await;
    let quiet = Gateway::builder().start().await;
    quiet.get("/healthz").await;
    quiet.terminate();
    let ended = quiet.ended().await;
    assert!(
        ended.stderr.contains(" INFO") && !ended.stderr.contains("DEBUG"),
        "{ended:?}"
    );
}

#[tokio::test]
async fn it_tells_what_happened_in_a_turn_and_not_what_was_said() {
    let provider = Provider::start().await;
    provider
        .then(Reply::status(500))
        .tool_call("memory_search", r#"{"query":"a secret"}"#)
        .tool_call("a_secret_name", "{}")
        .then(Reply::text("a secret").usage(20, 3));
    let gateway = Gateway::builder()
        .provider(&provider)
        .env("DEBUG", "creel:*")
        .start()
        .await;
    gateway.chat_in("s1", "a secret").await;
    gateway.log().line_with("DEBUG the turn has ended").await;
    let log = gateway.log().so_far();
    for part in [
        "DEBUG the turn begins waited_ms=",
        "INFO  asking the model again model=m1 kind=server attempt=1",
        "DEBUG the model answers model=fake/m1 first_ms=",
        "input_tokens=20 output_tokens=3 tool_calls=0 stop=End",
        "DEBUG tool call tool=memory_search took_ms=",
        "DEBUG tool call tool=unknown",
        "DEBUG the turn has ended result=ok took_ms=",
        "session=owner/s1",
    ] {
        assert!(log.contains(part), "{part}: {log}");
    }
    assert!(!log.contains("secret"), "{log}");
}

#[tokio::test]
async fn the_level_changes_without_a_restart() {
    let mut gateway = Gateway::builder().start().await;
    gateway.reconfigure(json!({"logging": {"level": "debug"}}));
    gateway.log().line_with("configuration reloaded").await;
    gateway.get("/healthz").await;
    gateway.log().line_with("DEBUG request").await;
}
