//! OpenAI's own SDKs against `/v1`.

use std::path::Path;

use creel_testkit::provider::{Exchange, Provider, Reply};
use creel_tests::gateway::{Gateway, TOKEN};
use creel_tests::process::Process;
use creel_tests::scripts::{fixture, node_modules, path, python};
use reqwest::Method;
use serde_json::json;
use tokio::process::Command;

/// A model that answers by what it is told last, so that both SDKs can ask the same.
fn answer(request: &Exchange) -> Reply {
    let request = request.json();
    let last = request["messages"]
        .as_array()
        .and_then(|messages| messages.last())
        .cloned()
        .unwrap_or_default();
    let said = last["content"].as_str().unwrap_or_default();
    match said {
        _ if last["role"] == "tool" => Reply::text(&format!("It is {said}.")),
        "weather?" => Reply::pieces(["Let me see. "]).and_tool_call("weather", r#"{"city":"Kyiv"}"#),
        "everything, please" => Reply::text("too long").reaches_limit(),
        "fail" => Reply::status(401),
        "give up" => Reply::text("I was").gives_up(),
        "how many?" => Reply::text(&request["messages"].as_array().map_or(0, Vec::len).to_string()),
        "how warm?" => Reply::text(&request["temperature"].to_string()),
        _ => Reply::text("Hello from the model.").usage(7, 4),
    }
}

async fn passes(mut command: Command, script: &Path) {
    let provider = Provider::start().await;
    provider.answer_with(answer);
    let gateway = Gateway::of(&provider).await;
    command
        .arg(script)
        .env("OPENAI_BASE_URL", format!("{}/v1", gateway.url()))
        .env("OPENAI_API_KEY", TOKEN);
    let ended = Process::start(command).ended().await;
    assert_eq!(
        (ended.code(), ended.stdout.trim()),
        (Some(0), "all is well"),
        "{}",
        ended.stderr
    );
}

#[tokio::test]
async fn python_sdk() {
    passes(Command::new(python()), &fixture("openai_sdk.py")).await;
}

#[tokio::test]
async fn node_sdk() {
    let mut node = Command::new("node");
    // Modules are looked for beside the script; the packages are elsewhere.
    node.env("PATH", path()).env("OPENAI_PACKAGES", node_modules());
    passes(node, &fixture("openai_sdk.mjs")).await;
}

#[tokio::test]
async fn problems_have_the_shape_that_clients_of_openai_expect() {
    let provider = Provider::start().await;
    let gateway = Gateway::of(&provider).await;
    let post = |body: &str| gateway.call(Method::POST, "/v1/chat/completions").body(body.to_owned());
    for (answer, status, kind) in [
        (post("{").await, 400, "invalid_request_error"),
        (post("{\"messages\": []}").await, 400, "invalid_request_error"),
        (
            post("{\"messages\": [{\"role\": \"wizard\", \"content\": \"hi\"}]}").await,
            400,
            "invalid_request_error",
        ),
        (post("{}").without_token().await, 401, "authentication_error"),
        (
            gateway.get("/v1/models/fake%2Fm1").without_token().await,
            401,
            "authentication_error",
        ),
    ] {
        let error = &answer.json()["error"];
        assert_eq!((answer.status, &error["type"]), (status, &json!(kind)), "{answer:?}");
        assert!(
            error["message"].is_string() && error["code"].is_string() && error["param"].is_null(),
            "{answer:?}"
        );
        assert_eq!(answer.header("content-type"), "application/json");
    }
    let no_object = post("[1]").await;
    assert!(
        no_object.text.contains("the request body: must be an object"),
        "{no_object:?}"
    );
    assert_eq!(provider.requests().len(), 0);
}

#[tokio::test]
async fn whoever_tells_the_problem() {
    let small = json!({"gateway": {"limits": {"maxBodyBytes": 10}}});
    let gateway = Gateway::builder().config(small).start().await;
    for (answer, status, code) in [
        (gateway.get("/v1/nothing").await, 404, "not_found"),
        (gateway.get("/v1/models/none%FF").await, 400, "bad_request"),
        (gateway.delete("/v1/chat/completions").await, 405, "method_not_allowed"),
        (
            gateway.post("/v1/chat/completions", &json!({"messages": []})).await,
            413,
            "too_large",
        ),
    ] {
        assert_eq!(answer.header("content-type"), "application/json", "{answer:?}");
        let error = &answer.json()["error"];
        assert_eq!(
            (answer.status, &error["code"], &error["type"]),
            (status, &json!(code), &json!("invalid_request_error"))
        );
    }
    assert_eq!(gateway.get("/v2/nothing").await.problem(), (404, "not_found".into()));
}

#[tokio::test]
async fn it_can_be_switched_off() {
    let off = json!({"gateway": {"http": {"endpoints": {"chatCompletions": {"enabled": false}}}}});
    let gateway = Gateway::builder().config(off).start().await;
    let request = json!({"messages": [{"role": "user", "content": "hi"}]});
    assert_eq!(gateway.post("/v1/chat/completions", &request).await.status, 404);
}

#[tokio::test]
async fn a_request_without_a_message_is_told_so() {
    let gateway = Gateway::builder().start().await;
    let refused = gateway.post("/v1/chat/completions", &json!({"messages": []})).await;
    assert_eq!(refused.status, 400);
    assert_eq!(
        refused.json()["error"]["message"],
        "messages: it is empty; send at least one message of the user's"
    );
}
