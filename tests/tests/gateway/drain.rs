//! The end of a gateway: what runs may finish, nothing new begins.

use creel_testkit::provider::{Gate, Provider, Reply};
use creel_tests::gateway::Gateway;
use serde_json::json;
use tokio::io::AsyncReadExt as _;

#[tokio::test]
async fn a_stream_finishes_while_nothing_new_begins() {
    let provider = Provider::start().await;
    let gate = Gate::closed();
    provider.then(Reply::pieces(["one ", "two"]).gated(&gate));
    let gateway = Gateway::of(&provider).await;
    let mut events = gateway.stream("count").await;
    gate.pass(1);
    events.delta().await;
    gateway.terminate();
    let draining = gateway
        .eventually("failing probe", |it| it.get("/readyz"), |answer| answer.status == 503)
        .await;
    assert_eq!(draining.json(), json!({"ready": false, "reasons": ["draining"]}));
    assert_eq!(gateway.get("/healthz").await.status, 200, "it lives");
    let refused = gateway.ask(json!({"message": "hi"})).await;
    assert_eq!(refused.problem(), (503, "draining".into()));
    assert_eq!(refused.header("retry-after"), "1");
    gate.open();
    assert_eq!(events.last("done").await["reply"], "one two");
    assert_eq!(gateway.ended().await.code(), Some(0));
}

#[tokio::test]
async fn an_idle_gateway_ends_at_once_whatever_is_connected() {
    let gateway = Gateway::builder().start().await;
    let mut idle = gateway.connect().await;
    gateway.get("/healthz").await;
    gateway.terminate();
    assert_eq!(idle.read(&mut [0]).await.expect("an orderly end"), 0);
    let ended = gateway.ended().await;
    assert_eq!(ended.code(), Some(0));
    assert!(
        ended.stderr.contains("gateway stopped") && !ended.stderr.contains("cut off"),
        "{ended:?}"
    );
}

#[tokio::test]
async fn a_second_signal_cuts_the_reply_and_keeps_what_was_said() {
    let provider = Provider::start().await;
    let gate = Gate::closed();
    provider.then(Reply::pieces(["half ", "and never more"]).gated(&gate));
    let gateway = Gateway::of(&provider).await;
    let mut events = gateway.stream_in("s1", "hi").await;
    gate.pass(1);
    events.delta().await;
    gateway.terminate();
    gateway.log().line_with("draining").await;
    gateway.terminate();
    cut_and_kept(gateway, events).await;
}

#[tokio::test]
async fn so_does_the_end_of_the_grace_time() {
    let provider = Provider::start().await;
    let gate = Gate::closed();
    provider.then(Reply::pieces(["half ", "and never more"]).gated(&gate));
    let grace = json!({"gateway": {"limits": {"drainTimeoutMs": 20}}});
    let gateway = Gateway::builder().provider(&provider).config(grace).start().await;
    let mut events = gateway.stream_in("s1", "hi").await;
    gate.pass(1);
    events.delta().await;
    gateway.terminate();
    cut_and_kept(gateway, events).await;
}

async fn cut_and_kept(gateway: Gateway, events: creel_tests::sse::Events) {
    let error = events.last("error").await;
    assert_eq!(error["code"], "cancelled", "{error}");
    let again = gateway.builder_again();
    let ended = gateway.ended().await;
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    assert!(ended.stderr.contains("turns are cut off"), "{ended:?}");
    assert_eq!(
        again.start().await.messages("s1").await,
        ["user: hi", "assistant: half "]
    );
}
