//! The official SDKs of both companies, unchanged, before providers of both styles.

use std::path::Path;

use creel_testkit::provider::{Exchange, Provider, Reply};
use creel_tests::llm::Llm;
use creel_tests::process::Process;
use creel_tests::scripts::{fixture, node_modules, node_modules_anthropic, path, python, python_anthropic};
use tokio::process::Command;

/// A model that answers by what it is told last, in whatever style it is told.
fn answer(request: &Exchange) -> Reply {
    let request = request.json();
    let last = request["messages"]
        .as_array()
        .and_then(|messages| messages.last())
        .cloned()
        .unwrap_or_default();
    let said = last.to_string();
    if last["role"] == "tool" || said.contains("tool_result") {
        Reply::text("It is sunny.").usage(9, 4)
    } else if said.contains("weather?") {
        Reply::pieces(["Let me see. "])
            .and_tool_call("weather", r#"{"city":"Kyiv"}"#)
            .usage(8, 6)
    } else if said.contains("picture?") {
        // As either API has it.
        let image = said.contains("data:image/png;base64,AAAA") || said.contains(r#""media_type":"image/png""#);
        if image {
            Reply::text("A small picture.").usage(1_607, 4)
        } else {
            Reply::status(400)
        }
    } else if said.contains("think") {
        Reply::text("Hello from the model.").reasoning("Hm.").usage(7, 4)
    } else if said.contains("fail") {
        Reply::status(400)
    } else {
        Reply::text("Hello from the model.").usage(7, 4)
    }
}

async fn passes(mut command: Command, script: &Path) {
    let provider = Provider::start().await;
    provider.answer_with(answer);
    let llm = Llm::of(&provider).await;
    let poor = llm.key_with(serde_json::json!({"user": "nobody"})).await;
    command
        .arg(script)
        .env("OPENAI_BASE_URL", format!("{}/v1", llm.url()))
        .env("OPENAI_API_KEY", &llm.key)
        .env("ANTHROPIC_BASE_URL", llm.url())
        .env("ANTHROPIC_API_KEY", &llm.key)
        .env("POOR_KEY", poor);
    let ended = Process::start(command).ended().await;
    assert_eq!(
        (ended.code(), ended.stdout.trim()),
        (Some(0), "all is well"),
        "{}",
        ended.stderr
    );
    assert!(llm.cost().await > 0);
}

#[tokio::test]
async fn openai_for_python() {
    passes(Command::new(python()), &fixture("llm_openai.py")).await;
}

#[tokio::test]
async fn openai_for_node() {
    let mut node = Command::new("node");
    node.env("PATH", path()).env("PACKAGES", node_modules());
    passes(node, &fixture("llm_openai.mjs")).await;
}

#[tokio::test]
async fn anthropic_for_python() {
    passes(Command::new(python_anthropic()), &fixture("llm_anthropic.py")).await;
}

#[tokio::test]
async fn anthropic_for_node() {
    let mut node = Command::new("node");
    node.env("PATH", path()).env("PACKAGES", node_modules_anthropic());
    passes(node, &fixture("llm_anthropic.mjs")).await;
}
